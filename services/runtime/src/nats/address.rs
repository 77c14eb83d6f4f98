//! The names of things on NATS: one place, since credentials are cut along them.

use std::collections::BTreeSet;

use ledger::{HostId, ObjectId, Partition, ServiceName};

use crate::feed::Form;

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

/// Where producers report and get a receipt: `report.<contract>.<product>`.
pub(crate) const REPORT: &str = "report.*.*";
/// Whoever listens there in this group gets each report once.
pub(crate) const REPORT_QUEUE: &str = "report";
/// Where producers report that can't wait: `reports.<contract>.<product>`.
pub(crate) const REPORTS: &str = "reports.*.*";
/// The stream of these.
pub(crate) const REPORTS_STREAM: &str = "REPORTS_0";
/// Where reports are laid aside that can't be taken: `dead.<contract>.<product>`.
pub(crate) const DEAD: &str = "dead.*.*";
/// The stream of these.
pub(crate) const DEAD_STREAM: &str = "DEAD_0";

/// Where a producer reports about a contract and a product.
pub(crate) fn of_producer(contract: &ObjectId, product: &ObjectId) -> [String; 2] {
    ["report", "reports"].map(|first| format!("{first}.{contract}.{product}"))
}

/// Where a report is laid aside that was sent to a subject.
pub(crate) fn dead(subject: &str) -> String {
    format!("dead.{}", subject.split_once('.').map_or(subject, |(_, rest)| rest))
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
    /// How far it had come at an instant.
    Pass,
}

impl Question {
    pub(crate) const ALL: [Self; 4] = [Self::Read, Self::Lookup, Self::Carry, Self::Pass];

    /// What fails when it isn't answered.
    pub(crate) fn doing(self) -> &'static str {
        match self {
            Self::Read => "read facts",
            Self::Lookup => "look an event up",
            Self::Carry => "move a workbook",
            Self::Pass => "ask how far it was",
        }
    }

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Lookup => "lookup",
            Self::Carry => "carry",
            Self::Pass => "pass",
        }
    }
}

/// The bucket of leases.
pub(crate) const LEASES: &str = "LEDGER_LEASES";

/// The stream of a bucket of keys.
pub(crate) fn bucket_stream(bucket: &str) -> String {
    format!("KV_{bucket}")
}

/// The subject of a lease.
pub(crate) fn lease(key: &str) -> String {
    format!("$KV.{LEASES}.{key}")
}

/// The bucket of a service's workbooks, for whoever writes for it next.
pub(crate) fn kept(service: ServiceName) -> String {
    format!("LEDGER_KEPT_{service}")
}

/// The header of a fact that says what its writer had heard before it: `catalog-0 17, ingestion-0 240`.
pub(crate) const HEARD: &str = "Ledger-Heard";

/// The stream of accepted records.
pub(crate) fn accepted_stream(partition: Partition) -> String {
    format!("ACCEPTED_{}", partition.0)
}

/// The stream that has the messages of all partitions, where there are several.
const EVERY_ACCEPTED: &str = "ACCEPTED";

/// The stream that billing systems read in a ledger of so many partitions.
pub(crate) fn accepted_of_all(partitions: u16) -> String {
    if partitions == 1 { accepted_stream(Partition::default()) } else { EVERY_ACCEPTED.to_owned() }
}

/// Every stream of accepted records in a ledger of so many partitions.
pub(crate) fn accepted_streams(partitions: u16) -> BTreeSet<String> {
    let each = (0..partitions).map(|partition| accepted_stream(Partition(partition)));
    each.chain([accepted_of_all(partitions)]).collect()
}

/// The subjects of accepted records, of everybody.
pub(crate) const ALL_ACCEPTED: &str = "accepted.>";

/// Where a partition publishes what billing systems get on a subject: no two streams may take the same one.
pub(crate) fn told(partition: Partition, subject: &str) -> String {
    match partition.0 {
        0 => subject.to_owned(),
        number => format!("told.{number}.{subject}"),
    }
}

/// The token of what has no hub.
pub(crate) const NO_HUB: &str = "_";
/// Any one token, in a filter.
const ANY: &str = "*";

/// The subject of what was accepted by an account, for a hub and a product; with none of these, a filter for all.
pub(crate) fn accepted(account: &ObjectId, hub: Option<&str>, product: Option<&ObjectId>, form: Form) -> String {
    let (hub, product) = (hub.unwrap_or(ANY), product.map_or(ANY, ObjectId::as_str));
    format!("accepted.{account}.{hub}.{product}{}", form.suffix())
}
