//! Dead letters: reports that could not be taken, each with the reason, until somebody sends them again or drops them.

use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::Message;
use async_nats::jetstream::message::{PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{Config, DirectGetErrorKind, RetentionPolicy, StorageType, Stream};
use ledger::Moment;
use thiserror::Error;

use super::address;
use super::link::{Link, chain};
use super::reports::{CONTENT_TYPE, KEYS, Reason};
use super::stream::StreamError;

const REASON: &str = "Ledger-Reason";
const CODES: &str = "Ledger-Codes";
const TRIES: &str = "Ledger-Tries";
const SUBJECT: &str = "Ledger-Subject";
/// Characters of a reason: a header is no place for more.
const REASON_CHARS_MAX: usize = 1_000;
/// Codes that are named of a letter.
const CODES_MAX: usize = 20;
/// How long a letter that comes twice is recognised: a gateway that ended between laying a report aside and taking it
/// out of its stream is followed by another one within this.
const DUPLICATES: Duration = Duration::from_secs(3_600);

/// Dead letters can't be had or changed.
#[derive(Debug, Error)]
pub enum DeadError {
    /// NATS says no.
    #[error("could not {action} dead letters: {reason}")]
    Nats {
        /// What was tried.
        action: &'static str,
        /// What NATS said.
        reason: String,
    },
    /// There is none of this number.
    #[error("there is no dead letter {0}")]
    Unknown(u64),
    /// The stream can't be made.
    #[error(transparent)]
    Stream(#[from] StreamError),
}

/// A report that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number.
    pub sequence: u64,
    /// When it was laid aside.
    pub at: Moment,
    /// Where it was sent.
    pub subject: String,
    /// Why it could not be taken.
    pub reason: String,
    /// The distinct codes of what is wrong, separated by commas.
    pub codes: String,
    /// How often it was tried.
    pub tries: u64,
    /// What kind of bytes it is, if it says so.
    pub content_type: Option<String>,
    /// What makes a repetition recognisable, if anything does.
    pub key: Option<String>,
    /// The report.
    pub bytes: bytes::Bytes,
}

/// Makes the stream, unless it is there.
pub(crate) async fn set_up(link: &Link) -> Result<Stream, StreamError> {
    let config = Config {
        name: address::DEAD_STREAM.to_owned(),
        description: Some("Reports that could not be taken, with the reason; see `usage-ledger dead`.".to_owned()),
        subjects: vec![address::DEAD.to_owned()],
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        num_replicas: link.replicas,
        duplicate_window: DUPLICATES,
        allow_direct: true,
        ..Config::default()
    };
    let made = link.jetstream.get_or_create_stream(config).await;
    made.map_err(|error| StreamError { stream: address::DEAD_STREAM.to_owned(), reason: chain(&error) })
}

/// Lays a report aside; it is kept when this returns.
pub(crate) async fn bury(link: &Link, message: &Message, reason: &Reason, tries: u64) -> Result<(), String> {
    let mut headers = HeaderMap::new();
    let header = |name| message.headers.as_ref().and_then(|headers| headers.get(name));
    if let Some(kind) = header(CONTENT_TYPE) {
        headers.insert(CONTENT_TYPE, line(kind.as_str()));
    }
    if let Some(key) = KEYS.into_iter().find_map(header) {
        headers.insert(KEYS[0], line(key.as_str()));
    }
    headers.insert(REASON, line(&reason.message));
    let codes: Vec<&str> = reason.codes.iter().take(CODES_MAX).map(String::as_str).collect();
    headers.insert(CODES, line(&codes.join(",")));
    headers.insert(TRIES, tries.to_string());
    headers.insert(SUBJECT, message.subject.to_string());
    let info = message.info().map_err(|error| error.to_string())?;
    let id = format!("{}-{}", info.stream_sequence, info.published.unix_timestamp_nanos());
    let letter = PublishMessage::build().payload(message.payload.clone()).headers(headers).message_id(id);
    let subject = address::dead(&message.subject);
    let sent = link.jetstream.send_publish(subject, letter).await.map_err(|error| chain(&error))?;
    sent.await.map_err(|error| chain(&error))?;
    tracing::warn!(subject = %message.subject, tries, reason = reason.message, "a report was laid aside");
    Ok(())
}

/// A text as a header may hold it.
fn line(text: &str) -> String {
    text.chars().take(REASON_CHARS_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The dead letters, as an operator works with them.
#[derive(Debug)]
pub struct DeadLetters {
    link: Link,
    stream: Stream,
}

impl DeadLetters {
    /// Opens them.
    ///
    /// # Errors
    /// See [`DeadError`].
    pub async fn open(link: Link) -> Result<Self, DeadError> {
        let stream = set_up(&link).await?;
        Ok(Self { link, stream })
    }

    /// The first letter whose number is this or a later one.
    ///
    /// # Errors
    /// See [`DeadError`].
    pub async fn next(&self, from: u64) -> Result<Option<DeadLetter>, DeadError> {
        match self.stream.direct_get_next_for_subject(address::DEAD, Some(from)).await {
            Ok(message) => Ok(Some(letter(message))),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
            Err(error) => Err(DeadError::Nats { action: "read", reason: chain(&error) }),
        }
    }

    /// A letter by its number.
    ///
    /// # Errors
    /// See [`DeadError`].
    pub async fn get(&self, sequence: u64) -> Result<DeadLetter, DeadError> {
        let found = self.next(sequence).await?;
        found.filter(|letter| letter.sequence == sequence).ok_or(DeadError::Unknown(sequence))
    }

    /// Sends a letter again to where it was sent, and forgets it.
    ///
    /// # Errors
    /// See [`DeadError`].
    pub async fn redrive(&self, letter: &DeadLetter) -> Result<(), DeadError> {
        let failed = |reason| DeadError::Nats { action: "send", reason };
        // Not with its own key, under which it was answered already as far as it was taken then.
        let id = format!("dead-{}-{}", letter.sequence, letter.at.0);
        let mut headers = HeaderMap::new();
        headers.insert(KEYS[0], id.as_str());
        if let Some(kind) = &letter.content_type {
            headers.insert(CONTENT_TYPE, kind.as_str());
        }
        let message = PublishMessage::build().payload(letter.bytes.clone()).headers(headers).message_id(id);
        let sent = self.link.jetstream.send_publish(letter.subject.clone(), message).await;
        sent.map_err(|error| failed(chain(&error)))?.await.map_err(|error| failed(chain(&error)))?;
        self.forget(letter.sequence).await
    }

    /// Forgets a letter for ever.
    ///
    /// # Errors
    /// See [`DeadError`].
    pub async fn forget(&self, sequence: u64) -> Result<(), DeadError> {
        let dropped = self.stream.delete_message(sequence).await;
        dropped.map(drop).map_err(|error| DeadError::Nats { action: "drop", reason: chain(&error) })
    }
}

fn letter(message: StreamMessage) -> DeadLetter {
    let header = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned());
    let micros = i64::try_from(message.time.unix_timestamp_nanos() / 1_000).unwrap_or_default();
    DeadLetter {
        sequence: message.sequence,
        at: Moment(micros),
        subject: header(SUBJECT).unwrap_or_default(),
        reason: header(REASON).unwrap_or_default(),
        codes: header(CODES).unwrap_or_default(),
        tries: header(TRIES).and_then(|tries| tries.parse().ok()).unwrap_or_default(),
        content_type: header(CONTENT_TYPE),
        key: header(KEYS[0]),
        bytes: message.payload.clone(),
    }
}
