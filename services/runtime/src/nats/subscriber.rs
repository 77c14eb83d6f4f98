//! Who reads the feed of accepted records: a durable consumer each, cut to what one account may see.

use std::fmt;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, Info};
use async_nats::jetstream::context::{ConsumerInfoErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::Stream;
use futures_util::TryStreamExt;
use ledger::{Moment, ObjectId, Partition};
use thiserror::Error;

use super::accepted::{PARTITION, TIME, set_up};
use super::address;
use super::link::{Link, chain};
use crate::feed::Form;

/// How long a subscriber may take over a message before it gets it again.
const ACK_WAIT: Duration = Duration::from_secs(60);
/// Messages that a subscriber may have without having said what became of them.
const UNANSWERED_MAX: i64 = 256;

/// A subscriber can't be made, changed or looked at.
#[derive(Debug, Error)]
pub enum SubscriberError {
    /// There is one of that name for something else.
    #[error("there is a subscriber {name} for {known} already; remove it first, or give another name")]
    Taken {
        /// Its name.
        name: ObjectId,
        /// What it is for.
        known: String,
    },
    /// There is none of that name.
    #[error("there is no subscriber {name}")]
    Unknown {
        /// The name.
        name: ObjectId,
    },
    /// There are more partitions than were named.
    #[error(
        "the ledger has more partitions than {partitions}: there is a stream {stream}. Give --partitions as the ledger's \
         processes have it, or the subscriber misses records"
    )]
    MorePartitions {
        /// How many were named.
        partitions: u16,
        /// The stream of one that wasn't.
        stream: String,
    },
    /// NATS refused.
    #[error("could not {action}: {reason}")]
    Nats {
        /// What was tried.
        action: &'static str,
        /// What NATS said.
        reason: String,
    },
}

fn refused(action: &'static str, error: &dyn std::error::Error) -> SubscriberError {
    SubscriberError::Nats { action, reason: chain(error) }
}

/// Where a subscriber begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// At the first message there is.
    First,
    /// At a sequence of the stream.
    Sequence(u64),
    /// At what was recorded at a time, or after it.
    Time(Moment),
}

/// Whom a part of the feed is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscriber {
    /// Its name: of letters, digits, `-` and `_`.
    pub name: ObjectId,
    /// The account whose accepted records it gets.
    pub account: ObjectId,
    /// Of one hub only; `_` is what has no hub.
    pub hub: Option<ObjectId>,
    /// Of one product only.
    pub product: Option<ObjectId>,
    /// How they are written.
    pub form: Form,
    /// Among how many partitions contracts are spread.
    pub partitions: u16,
}

impl Subscriber {
    /// The stream that it reads.
    #[must_use]
    pub fn stream(&self) -> String {
        address::accepted_of_all(self.partitions)
    }

    /// The one subject that it gets messages of, with `*` for any hub or product.
    #[must_use]
    pub fn filter(&self) -> String {
        address::accepted(&self.account, self.hub.as_ref().map(ObjectId::as_str), self.product.as_ref(), self.form)
    }

    /// The user that it connects as: no process of the ledger is called so.
    #[must_use]
    pub fn user(&self) -> String {
        user_of(&self.name)
    }

    /// Makes its consumer; one that is there for the same stays where it is.
    ///
    /// # Errors
    /// When the name is taken, or NATS refuses.
    pub async fn add(&self, link: &Link, from: Begin) -> Result<(), SubscriberError> {
        self.misses_none(link).await?;
        let stream = stream(link, self.partitions).await?;
        if let Some(known) = state(&stream, &self.name).await? {
            let known = known.filter;
            if known == self.filter() {
                return Ok(());
            }
            return Err(SubscriberError::Taken { name: self.name.clone(), known });
        }
        let config = Config {
            durable_name: Some(self.name.to_string()),
            description: Some(format!("Accepted records for {}.", self.account)),
            deliver_policy: deliver(&stream, self.partitions, from).await?,
            ack_policy: AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_ack_pending: UNANSWERED_MAX,
            filter_subject: self.filter(),
            ..Config::default()
        };
        let made = stream.create_consumer_strict(config).await;
        made.map(drop).map_err(|error| refused("make the subscriber", &error))
    }

    /// Whether its stream has the records of every partition: one more would have a stream too.
    async fn misses_none(&self, link: &Link) -> Result<(), SubscriberError> {
        let partitions = self.partitions;
        let stream = address::accepted_stream(Partition(partitions));
        match link.jetstream.get_stream(&stream).await.map_err(|error| error.kind()) {
            Ok(_) => Err(SubscriberError::MorePartitions { partitions, stream }),
            Err(GetStreamErrorKind::JetStream(error)) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(()),
            Err(kind) => Err(SubscriberError::Nats { action: "look for more partitions", reason: kind.to_string() }),
        }
    }
}

/// The user that a subscriber of a name connects as.
#[must_use]
pub fn user_of(name: &ObjectId) -> String {
    format!("subscriber-{name}")
}

/// How a subscriber does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriberState {
    /// Its name.
    pub name: String,
    /// What it gets messages of.
    pub filter: String,
    /// Up to where it has said what became of every message; a sequence of the stream.
    pub acknowledged: u64,
    /// The last message that it was sent.
    pub delivered: u64,
    /// Messages that it was sent and has not answered.
    pub unanswered: usize,
    /// Messages that wait for it.
    pub waiting: u64,
    /// Messages that it was sent again.
    pub again: usize,
    /// Whether it asks for messages just now.
    pub is_there: bool,
}

impl fmt::Display for SubscriberState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, filter, acknowledged, delivered, unanswered, waiting, again, is_there } = self;
        let there = if *is_there { "there" } else { "away" };
        write!(
            f,
            "{name}  {filter}  {there}  done to {acknowledged}, sent to {delivered}, {unanswered} unanswered, \
             {waiting} waiting, {again} sent again"
        )
    }
}

impl SubscriberState {
    fn of(info: &Info) -> Self {
        Self {
            name: info.name.clone(),
            filter: info.config.filter_subject.clone(),
            acknowledged: info.ack_floor.stream_sequence,
            delivered: info.delivered.stream_sequence,
            unanswered: info.num_ack_pending,
            waiting: info.num_pending,
            again: info.num_redelivered,
            is_there: info.num_waiting > 0,
        }
    }

    /// Every subscriber, by name.
    ///
    /// # Errors
    /// When NATS refuses.
    pub async fn all(link: &Link, partitions: u16) -> Result<Vec<Self>, SubscriberError> {
        let listed = stream(link, partitions).await?.consumers().map_ok(|info| Self::of(&info)).try_collect().await;
        let mut all: Vec<Self> = listed.map_err(|error| refused("list the subscribers", &error))?;
        all.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(all)
    }
}

/// Takes a subscriber away; the messages stay.
///
/// # Errors
/// When there is none of that name, or NATS refuses.
pub async fn remove(link: &Link, partitions: u16, name: &ObjectId) -> Result<(), SubscriberError> {
    let stream = stream(link, partitions).await?;
    if state(&stream, name).await?.is_none() {
        return Err(SubscriberError::Unknown { name: name.clone() });
    }
    let removed = stream.delete_consumer(name.as_str()).await;
    removed.map(drop).map_err(|error| refused("remove the subscriber", &error))
}

async fn stream(link: &Link, partitions: u16) -> Result<Stream, SubscriberError> {
    let action = "find the stream of accepted records";
    set_up(link, partitions).await.map_err(|error| refused(action, &error))?;
    let stream = link.jetstream.get_stream(address::accepted_of_all(partitions)).await;
    stream.map_err(|error| refused(action, &error))
}

async fn state(stream: &Stream, name: &ObjectId) -> Result<Option<SubscriberState>, SubscriberError> {
    match stream.consumer_info(name.as_str()).await {
        Ok(info) => Ok(Some(SubscriberState::of(&info))),
        Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => Ok(None),
        Err(error) => Err(refused("look for the subscriber", &error)),
    }
}

async fn deliver(stream: &Stream, partitions: u16, from: Begin) -> Result<DeliverPolicy, SubscriberError> {
    let start_sequence = match from {
        Begin::First => return Ok(DeliverPolicy::All),
        Begin::Sequence(sequence) => sequence.max(1),
        Begin::Time(time) => first_since(stream, partitions, time).await?,
    };
    Ok(DeliverPolicy::ByStartSequence { start_sequence })
}

/// The first message of what was recorded since a time, of whichever partition; behind the last where there is none.
async fn first_since(stream: &Stream, partitions: u16, time: Moment) -> Result<u64, SubscriberError> {
    let mut first = stream.cached_info().state.last_sequence + 1;
    for partition in 0..partitions {
        first = first_of(stream, &partition.to_string(), time).await?.map_or(first, |found| found.min(first));
    }
    Ok(first)
}

/// The same of one partition. Only within one their times ascend, whenever they were published.
async fn first_of(stream: &Stream, partition: &str, time: Moment) -> Result<Option<u64>, SubscriberError> {
    let state = &stream.cached_info().state;
    let (mut first, mut end, mut found) = (state.first_sequence.max(1), state.last_sequence + 1, None);
    while first < end {
        let middle = first.midpoint(end);
        let (mut at, mut recorded) = (middle, None);
        while at < end && recorded.is_none() {
            let message = stream.get_raw_message(at).await;
            let headers = message.map_err(|error| refused("find where the date begins", &error))?.headers;
            let text = |name: &str| headers.get(name).map_or("", |value| value.as_str());
            recorded = Moment::parse_iso(text(TIME)).filter(|_| text(PARTITION) == partition);
            at += 1;
        }
        if recorded.is_some_and(|recorded| recorded < time) {
            first = at;
        } else {
            found = recorded.map_or(found, |_| Some(at - 1));
            end = middle;
        }
    }
    Ok(found)
}
