//! Goal: an import records what differs and nothing else, a contract is placed once and for ever, and a revoked key
//! stays revoked. Method: a small catalog is imported, changed and imported again.

mod dynamic;
mod webhooks;

use ledger::catalog::{
    Account, CatalogObject, Contract, ContractKind, Environment, Key, Named, Role, Subscription, SubscriptionStatus,
};
use ledger::{
    Actor, Command, Context, Event, EventId, Fact, Hash, Ledger, Moment, ObjectId, Partition, Rejection, Scope, Subject,
};
use runtime::decider::{Decider, Facts};

use crate::CatalogService;

fn id(text: &str) -> ObjectId {
    ObjectId::new(text).unwrap()
}

fn named(text: &str) -> Named {
    Named { id: id(text), name: format!("{text} name") }
}

fn account(name: &str) -> CatalogObject {
    let named = Named { id: id("VA-1"), name: name.to_owned() };
    CatalogObject::Account(Account { named, role: Role::Vendor, source: "{}".to_owned() })
}

fn contract(name: &str, kind: ContractKind, active: bool) -> CatalogObject {
    CatalogObject::Contract(Contract {
        named: named(name),
        kind,
        active,
        environment: Environment::Production,
        vendor: id("VA-1"),
        provider: None,
        marketplace: None,
        source: "{}".to_owned(),
    })
}

fn key(secret: &[u8]) -> CatalogObject {
    let (named, account, secret_hash) = (named("SU-1"), id("VA-1"), Hash::of(secret));
    CatalogObject::Key(Key { named, account, secret_hash, revoked: false, scopes: ledger::Scopes::default() })
}

fn subscription(status: SubscriptionStatus) -> CatalogObject {
    CatalogObject::Subscription(Subscription {
        id: id("AS-1"),
        status,
        ended_at: None,
        product: id("PRD-1"),
        contract: id("CRD-1"),
        hub: None,
        external_id: String::new(),
        external_uid: String::new(),
        customer_external_id: String::new(),
        customer_name: String::new(),
        parameters: Vec::new(),
        items: Vec::new(),
        source: "{}".to_owned(),
    })
}

fn small() -> Vec<CatalogObject> {
    vec![
        account("Vendor"),
        contract("CRP-1", ContractKind::Program, true),
        contract("CRD-1", ContractKind::Distribution, true),
        subscription(SubscriptionStatus::Active),
        key(b"secret"),
    ]
}

struct World {
    ledger: Ledger,
    partitions: u16,
    sequence: u64,
}

impl World {
    fn new(partitions: u16) -> Self {
        Self { ledger: Ledger::default(), partitions, sequence: 0 }
    }

    fn asks(&self, scope: &Scope, command: &Command) -> Result<Facts, Rejection> {
        let context = Context { now: Moment(0), scope: scope.clone() };
        CatalogService { partitions: self.partitions, webhooks_to_private: false }.decide(
            &self.ledger,
            command,
            &context,
        )
    }

    /// Asks as somebody at the machine, records what comes of it and gives it as text.
    fn does(&mut self, command: &Command) -> Result<Vec<String>, Rejection> {
        let facts = self.asks(&Scope::operator(), command)?;
        let mut told = Vec::new();
        for (subject, fact) in facts {
            let Subject::Object(about) = &subject else { panic!("{subject:?}") };
            let word: String = format!("{fact:?}").chars().take_while(char::is_ascii_alphanumeric).collect();
            told.push(format!("{word} {about}"));
            self.take(subject, fact);
        }
        Ok(told)
    }

    fn take(&mut self, subject: Subject, fact: Fact) {
        self.sequence += 1;
        let (actor, cause, recorded_at) = (Actor::Operator, Hash::ZERO, Moment(0));
        let event =
            Event { id: EventId::default(), subject, cause, actor, surface: ledger::Surface::Api, recorded_at, fact };
        self.ledger.evolve(self.sequence, &event);
    }

    fn imports(&mut self, objects: Vec<CatalogObject>) -> Vec<String> {
        self.does(&Command::ImportCatalog { objects }).unwrap()
    }

    fn placed(&self, contract: &str) -> Option<Partition> {
        self.ledger.catalog.placements.get(&id(contract)).copied()
    }
}

#[test]
fn the_same_import_changes_nothing() {
    let mut world = World::new(1);
    let all = [
        "ObjectRecorded VA-1",
        "ObjectRecorded CRP-1",
        "ObjectRecorded CRD-1",
        "ContractPlaced CRD-1",
        "ObjectRecorded AS-1",
        "ObjectRecorded SU-1",
    ];
    assert_eq!(world.imports(small()), all);
    let known = world.ledger.clone();
    assert_eq!(world.imports(small()), [""; 0]);
    assert_eq!(world.ledger, known);
    // What isn't in a later file stays: a catalog is added to, never replaced.
    assert_eq!(world.imports(vec![]), [""; 0]);
}

#[test]
fn only_what_differs_is_recorded() {
    for (object, expected) in [
        (account("Vendor"), None),
        (account("Vendor Inc."), Some("ObjectRecorded VA-1")),
        (subscription(SubscriptionStatus::Terminated), Some("ObjectRecorded AS-1")),
        (contract("CRD-1", ContractKind::Distribution, false), Some("ObjectRecorded CRD-1")),
        (key(b"another secret"), Some("ObjectRecorded SU-1")),
    ] {
        let mut world = World::new(1);
        world.imports(small());
        let (about, mut changed) = (object.id().clone(), small());
        changed.retain(|known| *known.id() != about);
        changed.push(object.clone());
        assert_eq!(world.imports(changed), Vec::from_iter(expected), "{object:?}");
    }
}

#[test]
fn a_contract_is_placed_once_whatever_the_number_of_partitions() {
    let mut world = World::new(8);
    world.imports(small());
    let first = world.placed("CRD-1");
    assert!(first.is_some_and(|partition| partition.0 < 8), "{first:?}");
    assert_eq!(world.placed("CRP-1"), None, "no file stands under a program contract");
    for partitions in [1, 3, 100] {
        world.partitions = partitions;
        let active = partitions % 2 == 0;
        let told = world.imports(vec![contract("CRD-1", ContractKind::Distribution, active)]);
        assert!(!told.contains(&"ContractPlaced CRD-1".to_owned()), "{told:?}");
        assert_eq!(world.placed("CRD-1"), first, "{partitions}");
    }
    // The place depends on the contract alone, so that it is the same wherever it is first seen.
    let mut other = World::new(8);
    other.imports(vec![contract("CRD-1", ContractKind::Distribution, false)]);
    assert_eq!(other.placed("CRD-1"), first);
}

#[test]
fn contracts_are_spread_over_all_partitions() {
    let mut world = World::new(4);
    let contracts = (0..64).map(|number| contract(&format!("CRD-{number}"), ContractKind::Distribution, true));
    world.imports(contracts.collect());
    let mut used: Vec<u16> = world.ledger.catalog.placements.values().map(|partition| partition.0).collect();
    used.sort_unstable();
    used.dedup();
    assert_eq!(used, [0, 1, 2, 3]);
}

#[test]
fn a_revoked_key_stays_revoked() {
    let mut world = World::new(1);
    world.imports(small());
    let revoke = Command::RevokeKey { key: id("SU-1") };
    assert_eq!(world.does(&revoke).unwrap(), ["ObjectRecorded SU-1"]);
    assert!(world.ledger.catalog.keys.values().all(|key| key.revoked));
    assert_eq!(world.does(&revoke).unwrap(), [""; 0], "a second revocation gives the same answer");
    for secret in [&b"secret"[..], b"another secret"] {
        assert_eq!(world.imports(vec![key(secret)]), [""; 0]);
        assert!(world.ledger.catalog.keys.values().all(|key| key.revoked));
    }
}

#[test]
fn what_is_refused() {
    let mut world = World::new(1);
    world.imports(small());
    let import = || Command::ImportCatalog { objects: small() };
    let unknown = Command::RevokeKey { key: id("SU-9") };
    let foreign = Command::DeleteFile { file: ledger::FileId::parse("UF-2026-11-0000-0000").unwrap() };
    for role in [Role::Vendor, Role::Distributor, Role::Reseller] {
        let scope = Scope { role, ..Scope::operator() };
        for command in [import(), unknown.clone(), foreign.clone()] {
            assert_eq!(world.asks(&scope, &command), Err(Rejection::RoleNotAllowed), "{role:?} {command:?}");
        }
    }
    for command in [unknown, foreign] {
        assert_eq!(world.asks(&Scope::operator(), &command), Err(Rejection::NotFound), "{command:?}");
    }
}
