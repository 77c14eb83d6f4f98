//! What a feed for others is made of: the shell reads a log in its order and carries messages, a service says which.

use ledger::{Event, ObjectId};
use proto::feed::Message;

use crate::records::{Records, RecordsError};

/// A message and who it is for.
#[derive(Clone, Debug)]
pub struct Told {
    /// The account that accepted.
    pub account: ObjectId,
    /// Where it is billed; none for subscriptions without a hub.
    pub hub: Option<ObjectId>,
    /// What was used.
    pub product: ObjectId,
    /// What it says.
    pub message: Message,
}

/// Says what the facts of one log tell others. The same facts in the same order give the same messages, whenever they
/// are read: that is how a feed goes on after a restart without a note of its own.
pub trait Teller: Default + Send + 'static {
    /// Hears a fact of the log, own or heard, with its sequence at its emitter.
    fn hear(&mut self, sequence: u64, event: &Event);

    /// What the own fact that was heard last tells, one message after the other, until nobody takes them.
    ///
    /// # Errors
    /// When records can't be read now.
    fn tell(&self, event: &Event, records: &Records, take: &mut dyn FnMut(Told) -> bool) -> Result<(), RecordsError>;
}

/// Where a message stands: in the order of the fact that it tells of, and of the fact's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The fact's sequence in the chain.
    pub sequence: u64,
    /// The message's number among those of the fact, from 0.
    pub index: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.sequence, self.index)
    }
}

impl Position {
    /// Reads what [`Position`] writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (sequence, index) = text.split_once('/')?;
        Some(Self { sequence: sequence.parse().ok()?, index: index.parse().ok()? })
    }
}

/// How a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// `FeedMessage` of `feed.proto`.
    Protobuf,
    /// The same as JSON.
    Json,
}

impl Form {
    /// Every form, in the order in which a message is published.
    pub const ALL: [Self; 2] = [Self::Protobuf, Self::Json];

    /// The media type.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Protobuf => "application/protobuf",
            Self::Json => "application/json",
        }
    }

    /// The form of a media type.
    #[must_use]
    pub fn of(content_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.content_type() == content_type)
    }

    /// What the form's subjects end with.
    #[must_use]
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Protobuf => "",
            Self::Json => ".json",
        }
    }
}
