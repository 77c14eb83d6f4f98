//! A ledger that is given facts, and a catalog with two vendors and two providers.

use std::collections::BTreeSet;

use ledger::catalog::{
    Account, Capabilities, CatalogObject, Contract, ContractKind, Environment, Item, ItemKind, Listing, Marketplace,
    Product, Schema,
};
use ledger::command::CreateFile;
use ledger::fact::{FileChecked, FileCreated, FileRead, Period, UploadOpened};
use ledger::{
    Actor, Command, Context, Event, EventId, Fact, FileId, Hash, Ledger, Moment, Named, ObjectId, Partition, Rejection,
    Role, Scope, ServiceName, Status, Subject,
};
use runtime::decider::{Decider, Facts, Next, Stale};

use crate::{Approval, Own};

/// 2026-11-22 00:00:00.
pub(super) const NOW: Moment = Moment(1_795_305_600 * Moment::SECOND);

pub(super) fn id(text: &str) -> ObjectId {
    ObjectId::new(text).unwrap()
}

pub(super) fn named(text: &str) -> Named {
    Named { id: id(text), name: format!("{text} name") }
}

/// The one file of these tests.
pub(super) fn file() -> FileId {
    FileId::new(2026, 11, Partition(0), 0).unwrap()
}

/// Another one.
pub(super) fn other_file() -> FileId {
    FileId::new(2026, 11, Partition(0), 1).unwrap()
}

/// What files of these tests are about.
pub(super) const OCTOBER: Period = days(0, 30);

/// From the beginning of a day of October to the end of another, both counted from 0.
pub(super) const fn days(first: i64, last: i64) -> Period {
    const DAY: i64 = 24 * 3600 * Moment::SECOND;
    let october = NOW.0 - 52 * DAY;
    Period { from: Moment(october + first * DAY), to: Moment(october + (last + 1) * DAY - Moment::SECOND) }
}

fn holder(account: &str, role: Role) -> Scope {
    let actor = Actor::Key { key: named(&format!("SU-{account}")), account: id(account) };
    Scope { actor, account: Some(id(account)), role, surface: ledger::Surface::Api }
}

pub(super) fn vendor() -> Scope {
    holder("VA-1", Role::Vendor)
}

pub(super) fn other_vendor() -> Scope {
    holder("VA-2", Role::Vendor)
}

pub(super) fn provider() -> Scope {
    holder("PA-1", Role::Distributor)
}

pub(super) fn other_provider() -> Scope {
    holder("PA-2", Role::Reseller)
}

pub(super) fn operator() -> Scope {
    holder("OP-1", Role::Operator)
}

/// A service's view of everything that it was given.
#[derive(Clone)]
pub(super) struct World {
    pub(super) ledger: Ledger,
    /// The file that is spoken of.
    pub(super) about: FileId,
    sequence: u64,
}

impl World {
    /// The catalog alone.
    pub(super) fn new() -> Self {
        let mut world = Self { ledger: Ledger::default(), about: file(), sequence: 0 };
        for object in catalog() {
            world.knows(object);
        }
        world
    }

    /// A file that stands somewhere in its life.
    pub(super) fn at(status: Status, environment: Environment) -> Self {
        let mut world = Self::new();
        world.draft(environment, false);
        world.goes_to(status);
        world
    }

    /// An estimate that stood somewhere in its life when the actual file of its time was accepted.
    pub(super) fn followed(status: Status) -> Self {
        let mut world = Self::new();
        world.knows(CatalogObject::Product(predictive()));
        world.draft(Environment::Production, true);
        world.goes_to(status);
        world.about = other_file();
        world.draft(Environment::Production, false);
        world.goes_to(Status::Pending);
        let accept = Command::AcceptFile { file: other_file(), note: String::new() };
        world.does(&provider(), &accept).unwrap();
        world.about = file();
        world
    }

    /// A draft goes on to a status.
    pub(super) fn goes_to(&mut self, status: Status) {
        let world = self;
        match status {
            Status::Draft => {}
            Status::Uploaded => world.uploaded(1),
            Status::Processing => {
                world.uploaded(1);
                world.given(Fact::ReadStarted { upload: 1, attempt: 1 });
            }
            Status::Invalid => {
                world.uploaded(1);
                world.read(1);
                world.checked(1, 1);
            }
            Status::Ready => world.ready(1),
            Status::Pending | Status::Rejected | Status::Accepted | Status::Closed => {
                world.ready(1);
                world.given(Fact::FileSubmitted { upload: 1 });
            }
            Status::Deleted => world.given(Fact::FileDeleted),
        }
        let note = String::new();
        match status {
            Status::Rejected => world.given(Fact::FileRejected { upload: 1, note }),
            Status::Accepted => world.given(Fact::FileAccepted { upload: 1, note }),
            Status::Closed => {
                world.given(Fact::FileAccepted { upload: 1, note });
                world.given(Fact::ExtractionStarted { upload: 1, attempt: 1 });
                world.given(Fact::FileClosed { upload: 1, records: 2, totals: vec![] });
            }
            _ => {}
        }
        assert_eq!(world.status(), status);
    }

    pub(super) fn draft(&mut self, environment: Environment, predictive: bool) {
        let created = FileCreated {
            predictive,
            reported: false,
            time_zone: String::new(),
            name: "October".to_owned(),
            external_id: String::new(),
            description: String::new(),
            note: String::new(),
            period: Some(OCTOBER),
            currency: None,
            environment,
            schema: Schema::Qt,
            product: named("PRD-1"),
            contract: named("CRD-1"),
            marketplace: named("MP-1"),
            vendor: named("VA-1"),
            provider: named("PA-1"),
        };
        self.given(Fact::FileCreated(Box::new(created)));
    }

    pub(super) fn uploaded(&mut self, upload: u32) {
        let filename = format!("{upload}.xlsx");
        let opened = UploadOpened { upload, blob: Hash::of(b"workbook"), bytes: 8, filename, catalog_position: 1 };
        self.given(Fact::UploadOpened(opened));
    }

    pub(super) fn read(&mut self, upload: u32) {
        self.given(Fact::ReadStarted { upload, attempt: 1 });
        let (columns, ignored, categories, parts) = (vec![], vec![], vec![], vec![]);
        let read = FileRead { upload, attempt: 1, columns, ignored, categories, parts, records: 2 };
        self.given(Fact::FileRead(Box::new(read)));
    }

    pub(super) fn checked(&mut self, upload: u32, invalid: u32) {
        self.given(Fact::CheckStarted { upload, attempt: 1, catalog_position: 1 });
        self.found(upload, invalid, None);
        self.given(Fact::ProcessedWritten { upload, vendor: Hash::ZERO, provider: None, rejects: None, writer: 1 });
    }

    /// The verdict on an upload whose records span some time.
    pub(super) fn found(&mut self, upload: u32, invalid: u32, span: Option<Period>) {
        let (parts, totals, codes) = (vec![], vec![], vec![]);
        let valid = 2 - invalid;
        let checked = FileChecked {
            exempt_totals: Vec::new(),
            span,
            warnings: Vec::new(),
            upload,
            attempt: 1,
            parts,
            valid,
            invalid,
            totals,
            codes,
            summary_parts: 0,
        };
        self.given(Fact::FileChecked(Box::new(checked)));
    }

    pub(super) fn ready(&mut self, upload: u32) {
        self.uploaded(upload);
        self.read(upload);
        self.checked(upload, 0);
    }

    /// Something happened to the file, by its vendor's wish.
    pub(super) fn given(&mut self, fact: Fact) {
        self.take(&vendor(), Subject::File(self.about), fact);
    }

    /// The provider made a rule.
    pub(super) fn decides(&mut self, rule: &ObjectId, fact: Fact) {
        self.take(&provider(), Subject::Object(rule.clone()), fact);
    }

    /// The catalog says this now.
    pub(super) fn knows(&mut self, object: CatalogObject) {
        self.take(&operator(), Subject::Object(object.id().clone()), Fact::ObjectRecorded(Box::new(object)));
    }

    fn take(&mut self, scope: &Scope, subject: Subject, fact: Fact) {
        self.sequence += 1;
        let (actor, cause, recorded_at) = (scope.actor.clone(), Hash::ZERO, NOW);
        let event =
            Event { id: EventId::default(), subject, cause, actor, surface: ledger::Surface::Api, recorded_at, fact };
        self.ledger.evolve(self.sequence, &event);
    }

    pub(super) fn status(&self) -> Status {
        self.ledger.file(self.about).unwrap().status()
    }

    /// Asks without recording what comes of it.
    pub(super) fn asks(&self, scope: &Scope, command: &Command) -> Result<Facts, Rejection> {
        Approval.decide(&self.ledger, command, &Context { now: NOW, scope: scope.clone() })
    }

    /// Asks, and records what comes of it.
    pub(super) fn does(&mut self, scope: &Scope, command: &Command) -> Result<Facts, Rejection> {
        let facts = self.asks(scope, command)?;
        for (subject, fact) in facts.clone() {
            self.take(scope, subject, fact);
        }
        Ok(facts)
    }

    /// What approval finds to do about the file by itself, recorded too.
    pub(super) fn goes_on(&mut self) -> Vec<Fact> {
        let mut told = Vec::new();
        while let Next::Conclude(own) = Approval.next(&self.ledger, self.about, &BTreeSet::new()) {
            let facts = self.concludes(own).unwrap();
            told.extend(self.goes_through(facts));
        }
        told
    }

    /// The beginning of a job, or the end of its attempts.
    pub(super) fn begins(&mut self) -> Vec<Fact> {
        let next = Approval.next(&self.ledger, self.about, &BTreeSet::new());
        let Next::Begin(own) = next else { panic!("{next:?}") };
        let facts = self.concludes(own).unwrap();
        self.goes_through(facts)
    }

    /// Records what approval concluded.
    pub(super) fn goes_through(&mut self, facts: Facts) -> Vec<Fact> {
        let scope = Scope::service(ServiceName::Approval);
        for (subject, fact) in &facts {
            self.take(&scope, subject.clone(), fact.clone());
        }
        facts.into_iter().map(|(_, fact)| fact).collect()
    }

    pub(super) fn concludes(&self, own: Own) -> Result<Facts, Stale> {
        let scope = Scope::service(ServiceName::Approval);
        Approval.conclude(&self.ledger, own, &Context { now: NOW, scope })
    }
}

/// The name of a fact, of several, or of a refusal.
pub(super) fn outcome(decided: &Result<Facts, Rejection>) -> String {
    let word = |text: String| text.chars().take_while(char::is_ascii_alphanumeric).collect::<String>();
    match decided {
        Ok(facts) if facts.is_empty() => "nothing".to_owned(),
        Ok(facts) => facts.iter().map(|(_, fact)| word(format!("{fact:?}"))).collect::<Vec<_>>().join(", "),
        Err(rejection) => format!("refused: {}", word(format!("{rejection:?}"))),
    }
}

/// What a vendor sends to make a file.
pub(super) fn create() -> CreateFile {
    CreateFile {
        predictive: false,
        time_zone: String::new(),
        product: id("PRD-1"),
        contract: id("CRD-1"),
        name: String::new(),
        external_id: String::new(),
        description: String::new(),
        note: String::new(),
        period: None,
        currency: None,
        environment: None,
    }
}

fn catalog() -> Vec<CatalogObject> {
    let account =
        |name: &str, role| CatalogObject::Account(Account { named: named(name), role, source: String::new() });
    let marketplace = Marketplace { named: named("MP-1"), currency: None, hubs: vec![], source: String::new() };
    vec![
        account("VA-1", Role::Vendor),
        account("VA-2", Role::Vendor),
        account("PA-1", Role::Distributor),
        account("PA-2", Role::Reseller),
        CatalogObject::Marketplace(marketplace),
        CatalogObject::Product(product(Some(Schema::Qt))),
        CatalogObject::Item(item(ItemKind::PayAsYouGo)),
        CatalogObject::Contract(contract("CRP-1", ContractKind::Program, true)),
        CatalogObject::Contract(contract("CRD-1", ContractKind::Distribution, true)),
        CatalogObject::Listing(listing(true)),
    ]
}

pub(super) fn product(pay_as_you_go: Option<Schema>) -> Product {
    let capabilities = Capabilities { pay_as_you_go, ..Capabilities::default() };
    Product { named: named("PRD-1"), owner: id("VA-1"), capabilities, source: String::new() }
}

/// The product, where estimates may be reported.
pub(super) fn predictive() -> Product {
    let mut product = product(Some(Schema::Qt));
    product.capabilities.predictive = true;
    product
}

pub(super) fn item(kind: ItemKind) -> Item {
    let (product, mpn, unit, period) = (id("PRD-1"), "VM".to_owned(), "unit".to_owned(), "monthly".to_owned());
    Item {
        dynamic: false,
        named: named("PRD-1-0001"),
        product,
        mpn,
        unit,
        period,
        kind,
        places: 0,
        source: String::new(),
    }
}

pub(super) fn contract(name: &str, kind: ContractKind, active: bool) -> Contract {
    let (provider, marketplace) = match kind {
        ContractKind::Program => (None, None),
        ContractKind::Distribution => (Some(id("PA-1")), Some(id("MP-1"))),
    };
    let (named, environment, vendor) = (named(name), Environment::Production, id("VA-1"));
    Contract { named, kind, active, environment, vendor, provider, marketplace, source: String::new() }
}

pub(super) fn listing(listed: bool) -> Listing {
    Listing { id: id("LST-1"), listed, product: id("PRD-1"), contract: id("CRD-1"), source: String::new() }
}
