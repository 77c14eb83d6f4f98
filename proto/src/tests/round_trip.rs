//! Goal: whatever the product can hold comes back as it was. Method: the ends of every range.

use ledger::amount::VALUE_MAX;
use ledger::catalog::{
    CatalogObject, Contract, ContractKind, Environment, Item, ItemKind, Marketplace, Named, Role, Schema,
    SubscriptionStatus,
};
use ledger::fact::{ClosedBy, Fact, FileDescribed, Period, SummaryLine, Total};
use ledger::record::{BATCH_RECORDS_MAX, CheckedBatch, CheckedRecord, ClosedRows, ReadBatch, ReadColumn, RecordError};
use ledger::rows::RowSet;
use ledger::rule::{RuleAction, RulePlace, RuleRecorded};
use ledger::{
    Actor, Code, Decimal, Event, EventId, FileId, Hash, Moment, ObjectId, Partition, ServiceName, Subject, Surface,
};

use crate::{
    decode_checked_batch, decode_event, decode_read_batch, encode_checked_batch, encode_event, encode_read_batch,
    samples,
};

fn check_event(event: &Event) {
    let bytes = encode_event(event);
    assert_eq!(decode_event(&bytes).unwrap(), *event);
    assert_eq!(encode_event(&event.clone()), bytes, "the same value gives the same bytes");
}

fn check(fact: Fact) {
    check_event(&Event {
        id: EventId([255; 16]),
        subject: Subject::File(FileId::parse("UF-9999-12-9999-9999").unwrap()),
        cause: Hash([255; 32]),
        actor: Actor::Operator,
        surface: Surface::Api,
        recorded_at: Moment(i64::MAX),
        fact,
    });
}

fn id(text: &str) -> ObjectId {
    ObjectId::new(text).unwrap()
}

#[test]
fn every_actor_and_subject_comes_back() {
    let event = samples::events().remove(0).1;
    let key = Named { id: id(&"k".repeat(64)), name: String::new() };
    let services = (1..=6).map(|number| Actor::Service(ServiceName::from_number(number).unwrap()));
    for actor in services.chain([Actor::Operator, Actor::Key { key, account: id("a") }]) {
        check_event(&Event { actor, ..event.clone() });
    }
    for surface in Surface::ALL {
        check_event(&Event { surface, ..event.clone() });
    }
    for subject in [Subject::Object(id("-")), Subject::File(FileId::parse("UF-1000-01-0000-0000").unwrap())] {
        check_event(&Event { subject, recorded_at: Moment(i64::MIN), ..event.clone() });
    }
}

#[test]
fn every_rule_comes_back_in_its_place() {
    for action in [RuleAction::Accept, RuleAction::Reject, RuleAction::Manual] {
        for place in [RulePlace::Kept, RulePlace::First, RulePlace::After(id("UGR-999-999-999"))] {
            let (product, provider) = (id("p"), id("q"));
            check(Fact::RuleRecorded(Box::new(RuleRecorded::plain(product, provider, action, place))));
        }
    }
}

#[test]
fn every_value_of_an_enumeration_comes_back() {
    for (_, event) in samples::events() {
        let Fact::ObjectRecorded(object) = &event.fact else { continue };
        for object in variations(object) {
            check(Fact::ObjectRecorded(Box::new(object)));
        }
    }
}

fn variations(object: &CatalogObject) -> Vec<CatalogObject> {
    let roles = [Role::Vendor, Role::Distributor, Role::Reseller, Role::Operator];
    let environments = [Environment::Test, Environment::Preview, Environment::Production];
    match object.clone() {
        CatalogObject::Account(mut it) => {
            roles.map(|role| (it.role = role, CatalogObject::Account(it.clone())).1).to_vec()
        }
        CatalogObject::Product(mut it) => {
            let mut schemas: Vec<_> = Schema::ALL.into_iter().map(Some).collect();
            schemas.push(None);
            let vary = |schema| (it.capabilities.pay_as_you_go = schema, CatalogObject::Product(it.clone())).1;
            schemas.into_iter().map(vary).collect()
        }
        CatalogObject::Contract(it) => environments
            .map(|environment| {
                let kind = ContractKind::Program;
                let (provider, marketplace) = (None, None);
                CatalogObject::Contract(Contract { kind, environment, provider, marketplace, ..it.clone() })
            })
            .to_vec(),
        CatalogObject::Subscription(mut it) => {
            (it.hub, it.ended_at) = (None, Some(Moment(i64::MIN)));
            SubscriptionStatus::ALL
                .map(|status| (it.status = status, CatalogObject::Subscription(it.clone())).1)
                .to_vec()
        }
        CatalogObject::Item(it) => {
            vec![CatalogObject::Item(Item {
                kind: ItemKind::Reservation,
                places: u8::MAX,
                source: String::new(),
                ..it
            })]
        }
        CatalogObject::Marketplace(it) => {
            vec![CatalogObject::Marketplace(Marketplace { currency: None, hubs: Vec::new(), ..it })]
        }
        CatalogObject::Hub(_) | CatalogObject::Listing(_) | CatalogObject::Key(_) => Vec::new(),
    }
}

#[test]
fn what_is_absent_and_what_is_empty_stay_apart() {
    check(Fact::FileDescribed(Box::default()));
    check(Fact::FileDescribed(Box::new(FileDescribed {
        description: Some(String::new()),
        period: Some(Period { from: Moment(0), to: Moment(0) }),
        ..FileDescribed::default()
    })));
    check(Fact::ProcessedWritten { upload: 0, vendor: Hash::ZERO, provider: None, rejects: None, writer: u32::MAX });
    check(Fact::ContractPlaced { partition: Partition(u16::MAX) });
}

#[test]
fn every_decimal_comes_back() {
    for units in [0, 1, -1, VALUE_MAX, -VALUE_MAX, i128::MAX, i128::MIN] {
        let value = Decimal::from_units(units);
        let total = Total { currency: String::new(), tier: Some(255), records: 1, quantity: value, amount: value };
        check(Fact::FileClosed { upload: u32::MAX, records: u32::MAX, totals: vec![total] });
        let line = SummaryLine {
            subscription: id("s"),
            item: id("i"),
            tier: None,
            records: 0,
            quantity: value,
            amount: value,
        };
        check(Fact::UsageSummarized { upload: 0, attempt: 0, part: 0, lines: vec![line] });
    }
}

#[test]
fn every_set_of_rows_comes_back() {
    let sets: [RowSet; 7] = [
        RowSet::default(),
        [0].into_iter().collect(),
        [99_999_999].into_iter().collect(),
        (0..1_048_577).collect(),
        (0..200_000).step_by(2).collect(),
        [65_535, 65_536, 131_071].into_iter().collect(),
        (1..5_000).filter(|row| row % 7 < 3).chain([99_999_999]).collect(),
    ];
    for rows in sets {
        check(Fact::ChunkFilled { upload: 1, chunk: u16::MAX, rows: rows.clone() });
        for by in [ClosedBy::Chunk(0), ClosedBy::Reconciliation(u16::MAX), ClosedBy::Records, ClosedBy::File] {
            let rows = Box::new(ClosedRows { rows: rows.clone(), billings: Vec::new(), refs: vec![u32::MAX] });
            check(Fact::RecordsClosed { by, rows, records: 0 });
        }
    }
}

#[test]
fn a_set_of_rows_takes_the_smaller_form() {
    let size = |rows: RowSet| {
        let event = Event { fact: Fact::ChunkFilled { upload: 1, chunk: 1, rows }, ..samples::events().remove(0).1 };
        encode_event(&event).len()
    };
    assert!(size((2..=1_048_576).collect()) < 150, "one run");
    assert!(size((2..=65_000).step_by(2).collect()) < 9_000, "one block of bits");
}

#[test]
fn the_largest_batch_as_read_comes_back() {
    let records = BATCH_RECORDS_MAX;
    let column = ReadColumn { texts: vec![0; records], kinds: vec![6; records] };
    let batch = ReadBatch {
        salt_key: [255; 32],
        rows: (0..1_024).map(|row| u32::MAX - 1_023 + row).collect(),
        columns: vec![column; 128],
        texts: Vec::new().into(),
    };
    assert_eq!(decode_read_batch(&encode_read_batch(&batch).unwrap()).unwrap(), batch);
    let empty = ReadBatch::default();
    assert_eq!(decode_read_batch(&encode_read_batch(&empty).unwrap()).unwrap(), empty);
}

#[test]
fn the_ends_of_every_column_as_checked_come_back() {
    let extremes = |row, units, micros| CheckedRecord {
        row,
        quantity: Some(Decimal::from_units(units)),
        amount: Some(Decimal::from_units(!units)),
        tier: Some(255),
        start: Some(Moment(micros)),
        end: Some(Moment(!micros)),
        errors: vec![RecordError {
            code: Code::Overlap,
            column: Some(u16::MAX),
            message: String::new(),
            fix: String::new(),
        }],
        notes: vec![String::new()],
        ..CheckedRecord::default()
    };
    let every_code = |code| RecordError { code, column: None, message: code.to_string(), fix: String::new() };
    let codes = CheckedRecord { row: 5, errors: Code::ALL.map(every_code).to_vec(), ..CheckedRecord::default() };
    let records = vec![
        CheckedRecord { row: 0, ..CheckedRecord::default() },
        extremes(1, i128::MAX, i64::MAX),
        codes,
        extremes(u32::MAX, i128::MIN + 1, i64::MIN),
    ];
    for batch in [CheckedBatch { records, ..CheckedBatch::default() }, CheckedBatch::default()] {
        assert_eq!(decode_checked_batch(&encode_checked_batch(&batch).unwrap()).unwrap(), batch);
    }
}
