//! Reports that nobody waits for: a stream of them, worked off by all gateways together, and where those go that can't
//! be taken.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, Consumer, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use async_nats::jetstream::{AckKind, Message};
use futures_util::StreamExt;
use tokio::sync::{Semaphore, watch};

use super::address;
use super::dead;
use super::link::{Link, chain};
use super::reports::{Reason, Sent, Taken, Takes};
use super::stream::StreamError;
use crate::meters::{Meters, REPORTS, REPORTS_AGAIN, REPORTS_ASIDE};

/// How often a report is tried that fails for no reason that is known.
const TRIES_MAX: u64 = 5;
/// The pauses between those tries.
const PAUSES: [Duration; 4] =
    [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(120)];
/// A report that isn't acknowledged for so long was lost with its gateway: another one gets it.
const ACK_WAIT: Duration = Duration::from_secs(10);
/// A gateway that still works on a report says so this often.
const SIGN_EVERY: Duration = Duration::from_secs(3);
/// The pause before a service is asked again that isn't there.
const AWAY_PAUSE: Duration = Duration::from_secs(1);
/// Reports that a gateway works on at once. Only those that it can begin are taken, so that none waits for its turn while
/// its time runs out.
const AT_ONCE: u32 = 64;
/// Reports that all gateways together may have in hand.
const IN_HAND_MAX: i64 = 4_096;
/// How long the server waits for reports before it says that there are none.
const PULL_WAIT: Duration = Duration::from_secs(5);
/// The pause before the stream is looked for again.
const RETRY_WAIT: Duration = Duration::from_secs(1);
/// Reports that may wait. A producer whose report doesn't fit is told so by the stream, and keeps it.
const WAITING_MAX: i64 = 10_000_000;
/// What a message of the stream leaves free of what the server allows: for what is said of a dead letter.
const MARGIN_BYTES: usize = 8 << 10;
/// How long the stream recognises a repeated `Nats-Msg-Id`; after that the ledger does.
const DUPLICATES: Duration = Duration::from_secs(120);
/// How long reports in hand may take when the process stops.
const DRAIN_WAIT: Duration = Duration::from_secs(3);
/// The consumer that all gateways share.
const CONSUMER: &str = "gateways";

/// Makes the stream of reports and that of dead letters, unless they are there.
///
/// # Errors
/// What NATS answers.
pub async fn set_up_reports(link: &Link) -> Result<(), StreamError> {
    reports(link).await?;
    dead::set_up(link).await?;
    Ok(())
}

async fn reports(link: &Link) -> Result<Stream, StreamError> {
    let allowed = link.client.server_info().max_payload.saturating_sub(MARGIN_BYTES);
    let config = Config {
        name: address::REPORTS_STREAM.to_owned(),
        description: Some("Reports that nobody waits for, until they are in the ledger.".to_owned()),
        subjects: vec![address::REPORTS.to_owned()],
        retention: RetentionPolicy::WorkQueue,
        storage: StorageType::File,
        discard: DiscardPolicy::New,
        max_messages: WAITING_MAX,
        max_message_size: i32::try_from(allowed).unwrap_or(i32::MAX),
        num_replicas: link.replicas,
        duplicate_window: DUPLICATES,
        ..Config::default()
    };
    let made = link.jetstream.get_or_create_stream(config).await;
    made.map_err(|error| StreamError { stream: address::REPORTS_STREAM.to_owned(), reason: chain(&error) })
}

/// How many reports wait in their stream, and how many were laid aside; none where that can't be known now.
pub(crate) async fn waiting_reports(link: &Link) -> Option<(u64, u64)> {
    let waiting = link.jetstream.get_stream(address::REPORTS_STREAM).await.ok()?;
    let dead = link.jetstream.get_stream(address::DEAD_STREAM).await.ok()?;
    Some((waiting.cached_info().state.messages, dead.cached_info().state.messages))
}

/// Works reports off until told to stop.
pub async fn take_reports<T: Takes>(link: Link, takes: Arc<T>, meters: Meters, mut stop: watch::Receiver<bool>) {
    let turns = Arc::new(Semaphore::new(AT_ONCE as usize));
    let intake = Arc::new(Intake { link, takes, meters, stop: stop.clone() });
    while !*stop.borrow() {
        tokio::select! {
            worked = intake.clone().work(&turns) => if let Err(reason) = worked {
                tracing::warn!(reason, "reports can't be taken; trying again");
                tokio::time::sleep(RETRY_WAIT).await;
            },
            // An error means that the product is gone, which is a reason to stop too.
            _ = stop.changed() => break,
        }
    }
    let done = async {
        drop(turns.acquire_many(AT_ONCE).await);
        drop(intake.link.client.flush().await);
    };
    drop(tokio::time::timeout(DRAIN_WAIT, done).await);
}

struct Intake<T> {
    link: Link,
    takes: Arc<T>,
    meters: Meters,
    stop: watch::Receiver<bool>,
}

impl<T: Takes> Intake<T> {
    /// Pulls as many reports as there are turns, again and again.
    async fn work(self: Arc<Self>, turns: &Arc<Semaphore>) -> Result<(), String> {
        self.link.reached().await;
        let consumer = self.consumer().await?;
        loop {
            let mut free = vec![turns.clone().acquire_owned().await.map_err(|error| error.to_string())?];
            free.extend(std::iter::from_fn(|| turns.clone().try_acquire_owned().ok()));
            let pull = consumer.batch().max_messages(free.len()).expires(PULL_WAIT).messages();
            let mut messages = pull.await.map_err(|error| chain(&error))?;
            while let Some(message) = messages.next().await {
                let message = message.map_err(|error| chain(&*error))?;
                let (intake, turn) = (self.clone(), free.pop());
                tokio::spawn(async move {
                    intake.settle(&message).await;
                    drop(turn);
                });
            }
        }
    }

    async fn consumer(&self) -> Result<Consumer<pull::Config>, String> {
        set_up_reports(&self.link).await.map_err(|error| chain(&error))?;
        let stream = reports(&self.link).await.map_err(|error| chain(&error))?;
        let config = pull::Config {
            durable_name: Some(CONSUMER.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: IN_HAND_MAX,
            ..pull::Config::default()
        };
        stream.get_or_create_consumer(CONSUMER, config).await.map_err(|error| chain(&error))
    }

    /// Brings a report into the ledger or to the dead letters, and only then takes it out of the stream.
    async fn settle(&self, message: &Message) {
        let tries = message.info().map_or(1, |info| u64::try_from(info.delivered).unwrap_or(1));
        if tries > 1 {
            self.meters.add(&REPORTS_AGAIN, &[], 1);
        }
        let settled = if tries > TRIES_MAX {
            // Whoever tried ended over it.
            let message = format!("{TRIES_MAX} tries came to no end.");
            Some(Taken::Refused(Reason { codes: Vec::new(), message }))
        } else {
            self.tried(message).await
        };
        if let Some(taken) = &settled {
            self.meters.add(&REPORTS, &["stream", taken.word()], 1);
        }
        let ack = match settled {
            None => return,
            Some(Taken::Kept) => AckKind::Ack,
            Some(Taken::Failed(reason)) if tries < TRIES_MAX => {
                tracing::warn!(subject = %message.subject, tries, reason = reason.message, "a report failed");
                AckKind::Nak(usize::try_from(tries).ok().and_then(|tries| PAUSES.get(tries - 1)).copied())
            }
            Some(laid @ (Taken::Refused(_) | Taken::Failed(_))) => {
                let word = if tries > TRIES_MAX { "unfinished" } else { laid.word() };
                let (Taken::Refused(reason) | Taken::Failed(reason)) = laid else { return };
                match dead::bury(&self.link, message, &reason, tries).await {
                    Ok(()) => {
                        self.meters.add(&REPORTS_ASIDE, &[word], 1);
                        AckKind::Ack
                    }
                    Err(error) => {
                        tracing::warn!(reason = error, "could not lay a report aside; trying again");
                        AckKind::Nak(Some(RETRY_WAIT))
                    }
                }
            }
            Some(Taken::Away) => AckKind::Nak(Some(AWAY_PAUSE)),
        };
        if let Err(error) = message.ack_with(ack).await {
            // It comes again, and the ledger knows it.
            tracing::warn!(reason = error.to_string(), "could not acknowledge a report");
        }
    }

    /// What became of a report; none if the process stops before that is known. While a service isn't there it stays
    /// here, since a report isn't to blame for that.
    async fn tried(&self, message: &Message) -> Option<Taken> {
        let sent = Sent::of(message)?;
        let mut sign = tokio::time::interval_at(tokio::time::Instant::now() + SIGN_EVERY, SIGN_EVERY);
        loop {
            let mut taking = std::pin::pin!(self.takes.take(sent.clone()));
            let taken = loop {
                tokio::select! {
                    taken = &mut taking => break taken,
                    _ = sign.tick() => drop(message.ack_with(AckKind::Progress).await),
                }
            };
            if taken != Taken::Away {
                return Some(taken);
            }
            if *self.stop.borrow() {
                return Some(taken);
            }
            tokio::time::sleep(AWAY_PAUSE).await;
            drop(message.ack_with(AckKind::Progress).await);
        }
    }
}
