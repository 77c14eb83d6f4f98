//! Who of several processes does what only one may do at a time: a key in a bucket of JetStream that its holder renews
//! while it lives.
//!
//! A lease keeps work going and keeps nothing safe: its holder may stand still and not know that it was relieved. What
//! must not happen twice is decided elsewhere, by the sequence that a stream expects.

use std::fmt;
use std::time::{Duration, Instant};

use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::{Config, DiscardPolicy, LastRawMessageErrorKind, StorageType};
use thiserror::Error;
use tokio::sync::watch;

use super::address;
use super::link::{Link, chain};
use super::stream::{StreamError, make};

/// How often a holder says that it lives.
const RENEW_EVERY: Duration = Duration::from_secs(1);
/// The pause before it says so again when it wasn't heard.
const RENEW_AGAIN: Duration = Duration::from_millis(250);
/// How often others look.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long a lease lives that isn't renewed: longer than its holder takes to connect again and to be heard. While a
/// cluster elects a leader nobody can look, and nothing expires.
const EXPIRES_AFTER: Duration = Duration::from_secs(6);

/// Makes the bucket of leases, or brings one that is there to the number of replicas that is wanted.
///
/// # Errors
/// What NATS answers.
pub async fn set_up(link: &Link) -> Result<(), StreamError> {
    let config = Config {
        name: address::bucket_stream(address::LEASES),
        description: Some("Who writes for what, while it lives.".to_owned()),
        subjects: vec![address::lease("*")],
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        storage: StorageType::File,
        num_replicas: link.replicas,
        allow_rollup: true,
        deny_delete: true,
        ..Config::default()
    };
    make(link, config).await
}

/// Who has a lease, as it was seen last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Holding {
    /// Nobody looked yet, or nobody ever had it.
    #[default]
    Unknown,
    /// Whoever had it gave it up.
    Nobody,
    /// Another process, by its name.
    Of(String),
    /// This one.
    Mine,
}

/// Somebody else has the lease.
#[derive(Debug, Error)]
#[error("the lease {key} of {name} was taken by {by}")]
pub struct LeaseLost {
    /// Which.
    pub key: String,
    /// Who had it.
    pub name: String,
    /// Who has it.
    pub by: String,
}

/// A lease that this process wants, or has.
pub struct Lease {
    link: Link,
    key: String,
    name: String,
    /// Which start of the process this is: two that share a name are still two.
    start: String,
    /// The revision that this process wrote last.
    revision: u64,
    seen: watch::Sender<Holding>,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({}, {})", self.key, self.name)
    }
}

/// A lease as it stands in the bucket.
struct Found {
    /// 0 where there is none.
    revision: u64,
    /// Name and start; none where it was given up.
    holder: Option<(String, String)>,
}

/// For how long a revision was looked at in vain. Only the watcher's own clock counts, and only while it could look: what
/// it couldn't see says nothing about the holder.
#[derive(Default)]
struct Vigil {
    revision: u64,
    unchanged: Duration,
    looked: Option<Instant>,
}

impl Vigil {
    fn look(&mut self, revision: u64, now: Instant) -> Duration {
        let step = self.looked.map_or(Duration::ZERO, |looked| now.duration_since(looked).min(LOOK_EVERY * 2));
        self.unchanged = if revision == self.revision { self.unchanged + step } else { Duration::ZERO };
        (self.revision, self.looked) = (revision, Some(now));
        self.unchanged
    }
}

impl Lease {
    /// A lease on something, for a process of this name.
    #[must_use]
    pub fn new(link: Link, key: &str, name: &str) -> Self {
        let start = link.client.new_inbox();
        let start = start.rsplit('.').next().unwrap_or_default().to_owned();
        let (key, name) = (key.to_owned(), name.to_owned());
        Self { link, key, name, start, revision: 0, seen: watch::Sender::default() }
    }

    /// Who has it, and every change of that.
    #[must_use]
    pub fn holding(&self) -> watch::Receiver<Holding> {
        self.seen.subscribe()
    }

    /// What it is called here.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the lease is this process's: at once where nobody has it, or an earlier start of this process;
    /// otherwise when its holder gives it up or is silent for long enough.
    pub async fn take(&mut self) {
        let mut vigil = Vigil::default();
        let mut wanted = set_up(&self.link).await.map_err(|error| error.to_string());
        loop {
            match wanted {
                Ok(()) => wanted = self.try_take(&mut vigil).await,
                Err(reason) => {
                    tracing::debug!(key = self.key, reason, "the lease can't be looked at");
                    vigil = Vigil::default();
                    tokio::time::sleep(LOOK_EVERY).await;
                    self.link.reached().await;
                    wanted = set_up(&self.link).await.map_err(|error| error.to_string());
                    continue;
                }
            }
            if *self.seen.borrow() == Holding::Mine {
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn try_take(&mut self, vigil: &mut Vigil) -> Result<(), String> {
        let found = self.look().await?;
        let silent = vigil.look(found.revision, Instant::now()) >= EXPIRES_AFTER;
        let free = match &found.holder {
            Some((name, _)) => *name == self.name,
            // What was lost with its server had a holder, who comes first.
            None => found.revision > 0 || !matches!(*self.seen.borrow(), Holding::Of(_)),
        };
        match found.holder {
            Some((name, _)) if name != self.name => drop(self.seen.send_replace(Holding::Of(name))),
            None if found.revision > 0 => drop(self.seen.send_replace(Holding::Nobody)),
            _ => {}
        }
        if (free || silent) && self.put(found.revision, &self.value()).await? {
            self.seen.send_replace(Holding::Mine);
        }
        Ok(())
    }

    /// Renews it until somebody else has it.
    pub async fn keep(&mut self) -> LeaseLost {
        loop {
            tokio::time::sleep(RENEW_EVERY).await;
            loop {
                match self.renew().await {
                    Ok(None) => break,
                    Ok(Some(by)) => {
                        self.seen.send_replace(Holding::Of(by.clone()));
                        return LeaseLost { key: self.key.clone(), name: self.name.clone(), by };
                    }
                    Err(reason) => {
                        tracing::warn!(key = self.key, reason, "could not renew the lease; trying again");
                        tokio::time::sleep(RENEW_AGAIN).await;
                        self.link.reached().await;
                    }
                }
            }
        }
    }

    /// Says once more that this process lives; gives who has the lease instead, if somebody has.
    async fn renew(&mut self) -> Result<Option<String>, String> {
        let value = self.value();
        if self.put(self.revision, &value).await? {
            return Ok(None);
        }
        // Another process, an answer that got lost, or a bucket that was wiped.
        set_up(&self.link).await.map_err(|error| error.to_string())?;
        let found = self.look().await?;
        match found.holder {
            Some((name, start)) if start != self.start => Ok(Some(name)),
            None if found.revision > 0 => Ok(Some("nobody".to_owned())),
            _ => self.put(found.revision, &value).await.map(|_| None),
        }
    }

    /// Gives it up, so that others needn't wait.
    ///
    /// # Errors
    /// What NATS says: it expires then.
    pub async fn release(mut self) -> Result<(), String> {
        self.put(self.revision, "").await.map(drop)
    }

    fn value(&self) -> String {
        format!("{} {}", self.name, self.start)
    }

    /// Reads it from the bucket's leader: a follower may be behind.
    async fn look(&self) -> Result<Found, String> {
        let stream = self.link.jetstream.get_stream_no_info(address::bucket_stream(address::LEASES)).await;
        let stream = stream.map_err(|error| chain(&error))?;
        match stream.get_last_raw_message_by_subject(&address::lease(&self.key)).await {
            Ok(message) => {
                let value = String::from_utf8_lossy(&message.payload);
                let holder = value.split_once(' ').map(|(name, start)| (name.to_owned(), start.to_owned()));
                Ok(Found { revision: message.sequence, holder })
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                Ok(Found { revision: 0, holder: None })
            }
            Err(error) => Err(chain(&error)),
        }
    }

    /// Writes it over a revision; false when another one stands there.
    async fn put(&mut self, over: u64, value: &str) -> Result<bool, String> {
        let message = PublishMessage::build().payload(value.to_owned().into()).expected_last_subject_sequence(over);
        let sent = self.link.jetstream.send_publish(address::lease(&self.key), message).await;
        match sent.map_err(|error| chain(&error))?.await {
            Ok(acknowledged) => {
                self.revision = acknowledged.sequence;
                Ok(true)
            }
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(false),
            Err(error) => Err(chain(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a holder is relieved for its own silence only. Method: moments at which a watcher looked, with the revision
    /// that it saw; the silence that it counts.
    #[test]
    fn only_silence_that_was_watched_counts() {
        let begin = Instant::now();
        let mut vigil = Vigil::default();
        let looks: [(u64, u64, u64); 7] = [
            // millis, revision, counted millis
            (0, 7, 0),
            (500, 7, 500),
            (1_000, 7, 1_000),
            (1_500, 8, 0),
            (2_000, 8, 500),
            // The watcher itself stood still.
            (62_000, 8, 1_500),
            (62_500, 9, 0),
        ];
        for (at, revision, counted) in looks {
            let silence = vigil.look(revision, begin + Duration::from_millis(at));
            assert_eq!(silence, Duration::from_millis(counted), "at {at}");
        }
    }
}
