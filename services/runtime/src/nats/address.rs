//! The names of things on NATS: one place, since credentials are cut along them.

use ledger::HostId;

/// The stream of a writer's facts.
pub(crate) fn stream(host: HostId) -> String {
    format!("LEDGER_{}_{}", host.partition.0, host.service.name())
}

/// The subject that a writer's facts are published on.
pub(crate) fn facts(host: HostId) -> String {
    format!("fact.{}.{}", host.partition.0, host.service.name())
}

/// The subject that a host's commands come in on.
pub(crate) fn asks(host: HostId) -> String {
    format!("ask.{}.{}", host.partition.0, host.service.name())
}

/// The subject of another question to a host: a word of [`Question`].
pub(crate) fn question(host: HostId, question: Question) -> String {
    format!("{}.{}", asks(host), question.word())
}

/// What a host answers besides commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Its facts from a sequence on, and how far its log is durable.
    Read,
    /// What was asked for when an event was recorded.
    Lookup,
    /// Take a workbook from the object store, or lay one there.
    Carry,
}

impl Question {
    pub(crate) const ALL: [Self; 3] = [Self::Read, Self::Lookup, Self::Carry];

    /// What fails when it isn't answered.
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Self::Read => "read facts",
            Self::Lookup => "look an event up",
            Self::Carry => "move a workbook",
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Lookup => "lookup",
            Self::Carry => "carry",
        }
    }
}
