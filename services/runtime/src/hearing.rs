//! Who hears whom, and what of it. Hosts, digests of what they must know, and NATS users are all cut along this.

use ledger::{Event, HostId, Partition, ServiceName, Subject};

use crate::decider::Decider;

/// What a service hears.
#[derive(Clone, Copy, Debug)]
pub struct Hearing {
    service: ServiceName,
    services: &'static [ServiceName],
    first: &'static [ServiceName],
}

impl Hearing {
    /// What a service says that it hears.
    #[must_use]
    pub fn of<D: Decider>() -> Self {
        Self { service: D::SERVICE, services: D::HEARS, first: D::HEARS_FIRST }
    }

    /// A gateway hears everybody.
    #[must_use]
    pub fn of_gateway() -> Self {
        Self { service: ServiceName::Gateway, services: &ServiceName::WRITERS, first: &[] }
    }

    /// Whether the service's host of a partition hears another host. The catalog is one for all partitions: it hears
    /// them all, and all hear it.
    #[must_use]
    pub fn hears(self, partition: Partition, writer: HostId) -> bool {
        let of_all = [self.service, writer.service].contains(&ServiceName::Catalog);
        let near = of_all || self.service == ServiceName::Gateway || writer.partition == partition;
        let is_first = writer.partition == Partition::default() && partition != writer.partition;
        (near && self.services.contains(&writer.service)) || (is_first && self.first.contains(&writer.service))
    }
}

/// Whether a host folds what it heard, and has it in its log: what carries records rests with its emitter, as what a log
/// says of itself does, and a file of another partition is nobody's business but the catalog's. Of the rest it notes the
/// header, which the next one continues.
#[must_use]
pub fn is_kept(host: HostId, event: &Event) -> bool {
    let concerns = match &event.subject {
        Subject::File(file) => host.service == ServiceName::Catalog || file.partition() == host.partition,
        Subject::Object(_) => true,
    };
    concerns && !event.fact.carries_records() && !event.fact.is_bookkeeping()
}
