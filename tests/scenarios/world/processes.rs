//! The processes of a world: which there are, what each runs, and where its data is.

use std::net::SocketAddr;
use std::path::PathBuf;

use ledger::{HostId, ServiceName};
use runtime::clock::Clock;
use usage_ledger::partitions::Partitions;
use usage_ledger::product::{Product, ProductError, Settings};

use super::World;
use crate::nats::Server;

/// Entries: few enough that a restart in the middle of a test begins with a snapshot.
const SNAPSHOT_AFTER: u64 = 20;

impl World {
    pub(in crate::scenarios) fn start(&mut self) {
        let parts = match &self.nats {
            None => vec![self.settings(HostId::new(ServiceName::Gateway, 0))],
            Some(nats) => {
                let services = ServiceName::WRITERS.into_iter().chain([ServiceName::Gateway]);
                let parts =
                    services.flat_map(|service| self.parts_of(service).into_iter().map(move |it| (service, it)));
                parts.map(|(service, partitions)| self.part(service, partitions, nats)).collect()
            }
        };
        for settings in parts {
            let product = self.runtime.block_on(Product::start(settings)).expect("the product starts");
            self.products.push(product);
        }
        self.runtime.block_on(self.product().caught_up());
    }

    /// Why the product, in one process, doesn't start, if it doesn't.
    pub(in crate::scenarios) fn try_to_start(&self) -> Result<(), ProductError> {
        let started = self.runtime.block_on(Product::start(self.settings(HostId::new(ServiceName::Gateway, 0))));
        started.map(|product| self.end(product))
    }

    /// Every process.
    pub(in crate::scenarios) fn products(&self) -> &[Product] {
        &self.products
    }

    fn settings(&self, of: HostId) -> Settings {
        let mut settings = Settings::new(&self.data_of(of), SocketAddr::from(([127, 0, 0, 1], 0)));
        settings.clock = Clock::Fixed(self.now.clone());
        settings.partitions.of = self.partitions;
        settings.snapshot_after = SNAPSHOT_AFTER;
        (self.tune)(&mut settings);
        settings
    }

    /// What each process of a service runs: the second partition is one's own, the others share one.
    fn parts_of(&self, service: ServiceName) -> Vec<Partitions> {
        let of = self.partitions;
        if of == 1 || matches!(service, ServiceName::Catalog | ServiceName::Gateway) {
            return vec![Partitions { of, here: None }];
        }
        let here = [(0..of).filter(|one| *one != 1).collect(), [1].into()];
        here.map(|here| Partitions { of, here: Some(here) }).into()
    }

    /// One service on its own.
    fn part(&self, service: ServiceName, partitions: Partitions, nats: &Server) -> Settings {
        let first = partitions.hosts(&[service].into()).first().copied().unwrap_or(HostId::new(service, 0));
        let (services, nats, secrets) =
            ([service].into(), Some(nats.link_of_part(service, &partitions)), Some(self.dir.path().join("secrets")));
        Settings { services, partitions, nats, secrets, ..self.settings(first) }
    }

    pub(in crate::scenarios) fn stop(&mut self) {
        // The gateway first, as who stops a ledger does.
        for product in self.products.drain(..).rev() {
            self.runtime.block_on(product.stop());
        }
    }

    pub(in crate::scenarios) fn restart(&mut self) {
        self.stop();
        self.start();
    }

    /// Starts a second process for what the one of a host runs, on a data directory of its own.
    pub(in crate::scenarios) fn second(&self, host: HostId, data: PathBuf) -> Product {
        let nats = self.nats.as_ref().expect("they run apart");
        let runs = |one: &Partitions| one.hosts(&[host.service].into()).contains(&host);
        let partitions = self.parts_of(host.service).into_iter().find(runs).expect("a process of it");
        let settings = Settings { data, ..self.part(host.service, partitions, nats) };
        self.runtime.block_on(Product::start(settings)).expect("the second product starts")
    }

    /// Starts a second gateway.
    pub(in crate::scenarios) fn second_gateway(&self, data: PathBuf) -> Product {
        let nats = self.nats.as_ref().expect("they run apart");
        let partitions = self.parts_of(ServiceName::Gateway).into_iter().next().expect("a gateway");
        let settings = Settings { data, ..self.part(ServiceName::Gateway, partitions, nats) };
        let product = self.runtime.block_on(Product::start(settings)).expect("the second gateway starts");
        self.runtime.block_on(product.caught_up());
        product
    }

    /// Everybody who writes.
    pub(in crate::scenarios) fn hosts(&self) -> Vec<HostId> {
        HostId::all(self.partitions)
    }

    /// Among how many partitions contracts are spread.
    pub(in crate::scenarios) fn partitions(&self) -> u16 {
        self.partitions
    }

    /// How many partitions there are from the next start on.
    pub(in crate::scenarios) fn grow(&mut self, partitions: u16) {
        self.partitions = partitions;
    }

    /// The data directory of a host.
    pub(in crate::scenarios) fn data_of(&self, host: HostId) -> PathBuf {
        let second = if host.partition.0 == 1 { "-second" } else { "" };
        let apart = format!("{}{second}", host.service.name());
        self.dir.path().join(if self.nats.is_some() { &apart } else { "data" })
    }
}
