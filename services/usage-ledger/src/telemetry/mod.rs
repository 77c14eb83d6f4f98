//! What a process tells of its work while it works: a log for people or programs, and spans for whoever collects them.

mod otlp;
mod spans;

use std::time::Duration;

use runtime::meters::Meters;
use thiserror::Error;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use otlp::Exporter;

/// What is in the log unless it is said otherwise.
pub const FILTER: &str = "info,async_nats=warn";

/// How the log is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Lines for people.
    #[default]
    Text,
    /// One object a line.
    Json,
}

/// What is told, and to whom.
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// How the log is written.
    pub format: Format,
    /// What is in it: `info`, or `info,runtime=debug`.
    pub filter: String,
    /// Where spans are collected: `http://127.0.0.1:4318`.
    pub otlp: Option<String>,
    /// Where spans are counted that were sent or given up.
    pub meters: Meters,
}

/// What is to be told can't be.
#[derive(Debug, Error)]
pub enum TelemetryError {
    /// The filter means nothing.
    #[error("\"{filter}\" says nothing about what is logged; write info, or info,runtime=debug")]
    Filter {
        /// What was given.
        filter: String,
        /// Why not.
        #[source]
        source: tracing_subscriber::filter::ParseError,
    },
    /// The thread that sends spans can't be started.
    #[error("could not start sending spans")]
    Thread(#[source] std::io::Error),
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { format: Format::Text, filter: FILTER.to_owned(), otlp: None, meters: Meters::default() }
    }
}

/// What runs beside the product for it; to be stopped last.
#[derive(Debug)]
pub struct Told(Option<Exporter>);

impl Telemetry {
    /// Starts telling. A second start in one process keeps the first.
    ///
    /// # Errors
    /// See [`TelemetryError`].
    pub fn start(self) -> Result<Told, TelemetryError> {
        let filter = EnvFilter::try_new(&self.filter);
        let filter = filter.map_err(|source| TelemetryError::Filter { filter: self.filter, source })?;
        let log = fmt::layer().with_writer(std::io::stderr);
        let log = match self.format {
            Format::Text => log.with_filter(filter).boxed(),
            Format::Json => log.json().flatten_event(true).with_span_list(false).with_filter(filter).boxed(),
        };
        let (exporter, spans) = match self.otlp {
            Some(collector) => {
                let exporter = Exporter::start(&collector, self.meters).map_err(TelemetryError::Thread)?;
                let spans = spans::Spans::new(exporter.queue());
                (Some(exporter), Some(spans.with_filter(spans::told())))
            }
            None => (None, None),
        };
        drop(tracing_subscriber::registry().with(log).with(spans).try_init());
        Ok(Told(exporter))
    }
}

impl Told {
    /// Sends what has not been sent, unless that takes too long.
    pub fn stop(self) {
        if let Some(exporter) = self.0 {
            exporter.stop();
        }
    }
}

/// How long a stop may take for spans that have not been sent.
const STOP_WAIT: Duration = Duration::from_secs(2);
