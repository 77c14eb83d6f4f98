//! What `run` tells of its work: how its log is written, and who collects its spans.

use clap::{Args, ValueEnum};
use runtime::meters::Meters;

use crate::telemetry::{FILTER, Format, Telemetry};

#[derive(Args, Clone, Debug)]
pub(super) struct TelemetryArgs {
    /// What is logged to standard error: info, or warn,runtime=debug.
    #[arg(long = "log", env = "USAGE_LEDGER_LOG", value_name = "FILTER", default_value = FILTER)]
    filter: String,
    /// How it is written: lines for people, or one JSON object a line.
    #[arg(long = "log-format", env = "USAGE_LEDGER_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    format: Written,
    /// Send spans to this collector, over OTLP's HTTP with JSON (http://127.0.0.1:4318).
    #[arg(long, env = "USAGE_LEDGER_OTLP", value_name = "URL")]
    otlp: Option<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Written {
    Text,
    Json,
}

impl TelemetryArgs {
    pub(super) fn telemetry(&self, meters: &Meters) -> Telemetry {
        let format = match self.format {
            Written::Text => Format::Text,
            Written::Json => Format::Json,
        };
        Telemetry { format, filter: self.filter.clone(), otlp: self.otlp.clone(), meters: meters.clone() }
    }
}
