//! Where producers report: requests that get a receipt, shared among all processes that listen.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{HeaderMap, Message};
use futures_util::StreamExt;
use thiserror::Error;
use tokio::sync::{Semaphore, watch};

use super::address;
use super::link::{Link, chain};
use super::parts::send_with;
use super::traced;
use crate::meters::{Meters, REPORTS, outcome_of};
use crate::trace::Trace;

/// Reports that are worked on at once; more wait in the connection.
const REPORTS_AT_ONCE: u32 = 256;
/// How long reports that are being worked on may take when the process stops.
const DRAIN_WAIT: Duration = Duration::from_secs(3);

/// What kind of bytes a report is, or a reply.
pub(crate) const CONTENT_TYPE: &str = "Content-Type";
/// What makes a repeated report recognisable; the second is what JetStream itself knows.
pub(crate) const KEYS: [&str; 2] = ["Idempotency-Key", "Nats-Msg-Id"];
/// What the API would answer over HTTP.
const STATUS: &str = "Ledger-Status";

/// A report as it came.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The contract that the subject names.
    pub contract: String,
    /// The product that the subject names.
    pub product: String,
    /// What kind of bytes it is, if it says so.
    pub content_type: Option<String>,
    /// What makes a repetition recognisable, if anything does.
    pub key: Option<String>,
    /// The trace that it belongs to, if it says so.
    pub trace: Option<Trace>,
    /// The bytes.
    pub bytes: bytes::Bytes,
}

impl Sent {
    pub(crate) fn of(message: &Message) -> Option<Self> {
        let mut tokens = message.subject.as_str().split('.').skip(1);
        let (contract, product) = (tokens.next()?.to_owned(), tokens.next()?.to_owned());
        let header = |name| message.headers.as_ref()?.get(name).map(|value| value.as_str().to_owned());
        let (content_type, key) = (header(CONTENT_TYPE), KEYS.into_iter().find_map(header));
        let trace = traced::of(message);
        Some(Self { contract, product, content_type, key, trace, bytes: message.payload.clone() })
    }
}

/// What a producer is told.
#[derive(Clone, Debug)]
pub struct Told {
    /// What the API would answer over HTTP.
    pub status: u16,
    /// What kind of bytes it is.
    pub content_type: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What became of a report that nobody waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// All of it is on stable storage.
    Kept,
    /// It won't be, as long as it and the catalog are as they are.
    Refused(Reason),
    /// Something failed, perhaps because of it.
    Failed(Reason),
    /// Whoever takes it isn't there; it has nothing to do with the report.
    Away,
}

impl Taken {
    /// The word for it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Kept => "taken",
            Self::Refused(_) => "refused",
            Self::Failed(_) => "failed",
            Self::Away => "away",
        }
    }
}

/// Why a report was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The distinct codes of what is wrong.
    pub codes: Vec<String>,
    /// A sentence.
    pub message: String,
}

/// Whoever takes reports.
pub trait Takes: Send + Sync + 'static {
    /// Takes a report and says what became of it; what it says outlives a crash.
    fn answer(&self, sent: Sent) -> impl Future<Output = Told> + Send;

    /// Takes a report that nobody waits for.
    fn take(&self, sent: Sent) -> impl Future<Output = Taken> + Send;
}

/// Reports can't be listened for.
#[derive(Debug, Error)]
#[error("could not listen for reports: {0}")]
pub struct ReportsError(String);

/// Answers reports until told to stop; then those that have come are answered still.
///
/// # Errors
/// When the subject can't be listened on.
pub async fn answer_reports<T: Takes>(
    link: Link,
    takes: Arc<T>,
    meters: Meters,
    mut stop: watch::Receiver<bool>,
) -> Result<(), ReportsError> {
    let listening = link.client.queue_subscribe(address::REPORT, address::REPORT_QUEUE.to_owned()).await;
    let mut reports = listening.map_err(|error| ReportsError(chain(&error)))?;
    let turns = Arc::new(Semaphore::new(REPORTS_AT_ONCE as usize));
    let mut stopping = false;
    loop {
        let Ok(turn) = turns.clone().acquire_owned().await else { return Ok(()) };
        let message = tokio::select! {
            message = reports.next() => message,
            _ = stop.changed(), if !stopping => {
                stopping = true;
                if reports.drain().await.is_err() {
                    break;
                }
                continue;
            }
        };
        let Some(message) = message else { break };
        let (link, takes, meters) = (link.clone(), takes.clone(), meters.clone());
        tokio::spawn(async move {
            answer(&link, &*takes, &meters, message).await;
            drop(turn);
        });
    }
    let answered = async {
        drop(turns.acquire_many(REPORTS_AT_ONCE).await);
        drop(link.client.flush().await);
    };
    drop(tokio::time::timeout(DRAIN_WAIT, answered).await);
    Ok(())
}

async fn answer<T: Takes>(link: &Link, takes: &T, meters: &Meters, message: Message) {
    // Who waits for no receipt reports into the stream.
    let (Some(reply), Some(sent)) = (message.reply.clone(), Sent::of(&message)) else { return };
    let told = takes.answer(sent).await;
    meters.add(&REPORTS, &["request", outcome_of(told.status)], 1);
    let mut headers = HeaderMap::new();
    headers.insert(STATUS, told.status.to_string());
    headers.insert(CONTENT_TYPE, told.content_type);
    if let Err(error) = send_with(&link.client, reply, None, headers, told.bytes).await {
        tracing::warn!(reason = chain(&error), "could not answer a report");
    }
}
