//! Goal: whatever can be asked and answered comes back as it was, and what is over a limit is refused by name on both
//! sides. Method: the ends of every range, every word and status, one row for each refusal.

use std::sync::Arc;

use ledger::catalog::{Environment, Role};
use ledger::command::OpenReport;
use ledger::fact::{Period, RecordMark};
use ledger::file::ChunkStatus;
use ledger::record::{Billing, ReadBatch, ReadColumn};
use ledger::report::{Print, REPORT_RECORDS_MAX, Receipt, ReportedRecords};
use ledger::rows::RowSet;
use ledger::rule::{RuleAction, RuleItem, RulePlace, RuleScope, RuleTerms};
use ledger::transitions::{self, Action};
use ledger::{Actor, Command, FileId, Hash, HostId, Moment, ObjectId, Rejection, Scope, ServiceName, Status, Surface};
use prost::Message;

use super::limits::Damage;
use super::messages;
use crate::ask::{ASK_BYTES_MAX, REPLY_BYTES_MAX, ReadReply, WireAnswer, WireAsk, WireReply};
use crate::wire::catalog_object::Object;
use crate::wire::command::Command as Kind;
use crate::wire::rejection::Rejection as Reason;
use crate::wire::reply::Reply as Replied;
use crate::{WireError, decode_ask, decode_reply, encode_ask, encode_reply, wire};

fn id(text: &str) -> ObjectId {
    ObjectId::new(text).unwrap()
}

fn file() -> FileId {
    FileId::parse("UF-9999-12-9999-9999").unwrap()
}

fn ask(command: Command) -> WireAsk {
    WireAsk { command, scope: Scope::operator(), key: None, after: 0 }
}

fn check_ask(ask: &WireAsk) {
    let again = decode_ask(&encode_ask(ask).unwrap()).unwrap();
    assert_eq!(format!("{again:?}"), format!("{ask:?}"));
}

fn check_reply(reply: &WireReply) {
    assert_eq!(decode_reply(&encode_reply(reply).unwrap()).unwrap(), *reply);
}

fn text(result: Result<impl Sized, WireError>) -> String {
    result.err().map_or_else(|| "fine".to_owned(), |error| error.to_string())
}

#[test]
fn every_message_says_again_what_it_said() {
    for message in messages::all() {
        let (says, bytes) = (message.read)(&message.bytes).unwrap();
        assert_eq!((says, bytes), (message.says, message.bytes), "{}", message.name);
    }
}

#[test]
fn every_scope_comes_back() {
    let actors = (1..=6).map(|number| Actor::Service(ServiceName::from_number(number).unwrap()));
    for actor in actors.chain([Actor::Operator, Actor::Producer { account: id("VA-2") }]) {
        for role in [Role::Vendor, Role::Distributor, Role::Reseller, Role::Operator] {
            for account in [None, Some(id("VA-1"))] {
                for surface in Surface::ALL {
                    let scope = Scope { actor: actor.clone(), account: account.clone(), role, surface };
                    check_ask(&WireAsk { scope, after: u64::MAX, ..ask(Command::CloseFile { file: file() }) });
                }
            }
        }
    }
}

#[test]
fn every_choice_of_a_command_comes_back() {
    for mark in [RecordMark::Open, RecordMark::Approved, RecordMark::Rejected] {
        check_ask(&ask(Command::MarkRecords { file: file(), rows: RowSet::default(), mark }));
    }
    for environment in [Environment::Test, Environment::Preview, Environment::Production] {
        let period = Period { from: Moment(i64::MIN), to: Moment(i64::MAX) };
        let (product, contract, currency) = (id("p"), id("c"), Some(String::new()));
        let report = OpenReport { product, contract, period, currency, environment: Some(environment) };
        check_ask(&ask(Command::OpenReport(Box::new(report))));
    }
    for action in [RuleAction::Accept, RuleAction::Reject, RuleAction::Manual] {
        for (item, place, scope) in [
            (RuleItem::Kept, RulePlace::First, RuleScope::File),
            (RuleItem::Any, RulePlace::After(id("r")), RuleScope::Record),
            (RuleItem::One(id("i")), RulePlace::Kept, RuleScope::File),
        ] {
            let (action, scope, expression) = (Some(action), Some(scope), Some(String::new()));
            let terms = Box::new(RuleTerms { action, scope, expression, item, place });
            check_ask(&ask(Command::CreateRule { product: id("p"), provider: None, terms }));
        }
    }
    check_ask(&ask(Command::ImportCatalog { objects: Vec::new() }));
    check_ask(&ask(Command::CloseRecords { file: file(), rows: Vec::new() }));
    let blank = Billing { id: String::new(), note: String::new() };
    check_ask(&ask(Command::CloseRecords { file: file(), rows: vec![(0, blank.clone()), (u32::MAX, blank)] }));
}

#[test]
fn every_refusal_with_a_word_and_a_status_comes_back() {
    for word in
        Action::ALL.map(Action::participle).into_iter().chain([transitions::REGENERATED, transitions::DOWNLOADED])
    {
        for status in Status::ALL {
            check_reply(&Err(Rejection::WrongStatus { action: word, status }));
        }
        for status in [ChunkStatus::Draft, ChunkStatus::Ready, ChunkStatus::Closed, ChunkStatus::Failed] {
            check_reply(&Err(Rejection::ChunkStatusWrong { action: word, status }));
        }
    }
}

fn answer(receipts: Vec<Receipt>) -> WireReply {
    let (host, events) = (HostId::new(ServiceName::Ingestion, u16::MAX), Arc::default());
    Ok(WireAnswer { host, sequence: 1, events, repeated: false, receipts })
}

/// Every call that the API takes can be asked, whole.
#[test]
fn the_largest_report_comes_back_with_its_receipts() {
    check_ask(&ask(Command::ReportRecords(Arc::new(reported(REPORT_RECORDS_MAX, 128)))));
    let file = |number| FileId::new(2026, 11, ledger::Partition(0), number).unwrap();
    let receipts = (0..10_000).map(|number| match number % 3 {
        0 => Receipt::Added { row: u32::MAX - number },
        1 => Receipt::Taken { file: file(number / 100) },
        _ => Receipt::Refused,
    });
    check_reply(&answer(receipts.collect()));
}

fn reported(records: usize, columns: usize) -> ReportedRecords {
    let numbers: Vec<u32> = (0..u32::try_from(records).unwrap()).collect();
    let texts: Vec<String> = numbers.iter().map(|number| format!("record-{number}")).collect();
    let column = ReadColumn { texts: numbers.iter().map(|number| number + 1).collect(), kinds: vec![6; records] };
    let batch =
        ReadBatch { salt_key: [9; 32], rows: vec![0; records], columns: vec![column; columns], texts: texts.into() };
    ReportedRecords {
        file: file(),
        columns: (0..columns).map(|column| format!("v.{column}")).collect(),
        batch: Arc::new(batch),
        prints: vec![Print { key: [1; 12], content: [2; 16] }; records],
        admitted: vec![true; records],
        content: Hash::of(&[3]),
    }
}

#[test]
fn a_report_that_contradicts_itself_is_refused_on_both_sides() {
    const UNEQUAL: &str = "make sense of a batch: reported records have columns or marks of different lengths";
    let damage: [Damage<ReportedRecords>; 4] = [
        (|it| it.prints.truncate(2), UNEQUAL),
        (|it| it.admitted.push(true), UNEQUAL),
        (|it| it.columns.push("v.Zone".to_owned()), UNEQUAL),
        (
            |it| Arc::make_mut(&mut it.batch).columns[0].texts[0] = 99,
            "make sense of a batch: a cell refers to a text that isn't there",
        ),
    ];
    for (damage, want) in damage {
        let mut report = reported(3, 2);
        damage(&mut report);
        assert_eq!(text(encode_ask(&ask(Command::ReportRecords(Arc::new(report))))), want);
    }
    let damage: [Damage<wire::ReportRecords>; 8] = [
        (|it| it.keys.truncate(35), UNEQUAL),
        (|it| it.digests.extend([0; 16]), UNEQUAL),
        (|it| it.admitted.truncate(2), UNEQUAL),
        (|it| it.columns.truncate(1), UNEQUAL),
        (|it| it.content.clear(), "decode `content`, which holds no value of its kind"),
        (|it| it.plain = false, "decompress a batch"),
        (|it| it.batch.clear(), "decode `salt_key`, which holds no value of its kind"),
        (|it| (it.plain, it.batch) = (false, Vec::new()), "make sense of a batch: a batch has no bytes"),
    ];
    for (damage, want) in damage {
        let mut message = message(Command::ReportRecords(Arc::new(reported(3, 2))));
        let Some(Kind::ReportRecords(report)) = kind(&mut message) else { panic!("it reports") };
        damage(report);
        assert_eq!(text(decode_ask(&message.encode_to_vec())), want);
    }
}

fn message(command: Command) -> wire::Ask {
    wire::Ask::decode(encode_ask(&ask(command)).unwrap().as_slice()).unwrap()
}

fn kind(message: &mut wire::Ask) -> Option<&mut Kind> {
    message.command.as_mut()?.command.as_mut()
}

#[test]
fn what_is_unknown_is_called_that() {
    let whole = message(Command::CloseFile { file: file() });
    let damage: [Damage<wire::Ask>; 6] = [
        (|it| it.command = None, "decode a message without `command`"),
        (
            |it| it.command = Some(wire::Command { command: None }),
            "decode a command of a kind that is unknown to this version",
        ),
        (|it| it.scope = None, "decode a message without `scope`"),
        (|it| it.scope.as_mut().unwrap().role = 9, "decode `role`, whose number 9 is unknown to this version"),
        (
            |it| it.scope.as_mut().unwrap().account_id = Some("a b".to_owned()),
            "decode `account_id`, which holds no value of its kind",
        ),
        (|it| it.key = Some(wire::AskKey::default()), "decode `seed`, which holds no value of its kind"),
    ];
    for (damage, want) in damage {
        let mut message = whole.clone();
        damage(&mut message);
        assert_eq!(text(decode_ask(&message.encode_to_vec())), want);
    }
    let wrong = wire::WrongStatus { action: "eaten".to_owned(), status: 1 };
    for (reply, want) in [
        (wire::Reply { reply: None }, "decode a reply of a kind that is unknown to this version"),
        (refused(None), "decode a refusal of a kind that is unknown to this version"),
        (refused(Some(Reason::Plain(99))), "decode `plain`, whose number 99 is unknown to this version"),
        (refused(Some(Reason::WrongStatus(wrong))), "decode `action`, which holds no value of its kind"),
        (
            refused(Some(Reason::ReportSealed("UF-1".to_owned()))),
            "decode `report_sealed`, which holds no value of its kind",
        ),
    ] {
        assert_eq!(text(decode_reply(&reply.encode_to_vec())), want);
    }
}

fn refused(rejection: Option<Reason>) -> wire::Reply {
    wire::Reply { reply: Some(Replied::Rejection(wire::Rejection { rejection })) }
}

/// Empty elements cost two bytes each in a message and fifty in memory, so they are counted before any is made.
#[test]
fn no_list_of_an_ask_is_longer_than_any_may_be() {
    const MANY: usize = 1_048_577;
    let many = vec![0; MANY];
    let object = |object| {
        Kind::ImportCatalog(wire::ImportCatalog { objects: vec![wire::CatalogObject { object: Some(object) }] })
    };
    let marketplace = wire::Marketplace { hubs: vec![Default::default(); MANY], ..Default::default() };
    let capabilities = wire::Capabilities { required_custom_fields: vec![String::new(); MANY], ..Default::default() };
    let product = wire::Product { capabilities: Some(capabilities), ..Default::default() };
    let parameters = wire::Subscription { parameters: vec![Default::default(); MANY], ..Default::default() };
    let items = wire::Subscription { items: vec![Default::default(); MANY], ..Default::default() };
    let marks = |rows| Kind::MarkRecords(wire::MarkRecords { rows: Some(rows), ..Default::default() });
    let blocks = vec![Default::default(); 1_527];
    let columns = vec![String::new(); 129];
    let billings = vec![Default::default(); MANY];
    for (command, want) in [
        (
            Kind::ImportCatalog(wire::ImportCatalog { objects: vec![Default::default(); 100_001] }),
            "100001 objects: at most 100000 are",
        ),
        (object(Object::Marketplace(marketplace)), "1048577 hubs: at most 1000000 are"),
        (object(Object::Product(product)), "1048577 custom fields: at most 1000000 are"),
        (object(Object::Subscription(parameters)), "1048577 parameters: at most 1000000 are"),
        (object(Object::Subscription(items)), "1048577 items: at most 1000000 are"),
        (marks(wire::RowSet { run_gaps: many.clone(), ..Default::default() }), "1048577 runs: at most 1048576 are"),
        (marks(wire::RowSet { run_lengths: many.clone(), ..Default::default() }), "1048577 runs: at most 1048576 are"),
        (marks(wire::RowSet { blocks, ..Default::default() }), "1527 blocks: at most 1526 are"),
        (Kind::ReportRecords(wire::ReportRecords { columns, ..Default::default() }), "129 columns: at most 128 are"),
        (
            Kind::ReportRecords(wire::ReportRecords { admitted: vec![true; 10_001], ..Default::default() }),
            "10001 records: at most 10000 are",
        ),
        (
            Kind::CloseRecords(wire::CloseRecords { rows: many.clone(), ..Default::default() }),
            "1048577 rows: at most 1048576 are",
        ),
        (
            Kind::CloseRecords(wire::CloseRecords { billings, ..Default::default() }),
            "1048577 billings: at most 1048576 are",
        ),
        (
            Kind::CloseRecords(wire::CloseRecords { billing_indexes: many, ..Default::default() }),
            "1048577 billings: at most 1048576 are",
        ),
    ] {
        let ask = wire::Ask { command: Some(wire::Command { command: Some(command) }), ..Default::default() };
        assert_eq!(text(decode_ask(&ask.encode_to_vec())), format!("take a message with {want} allowed"));
    }
}

#[test]
fn no_list_of_a_reply_is_longer_than_any_may_be() {
    let receipts = |receipts| wire::Answer { receipts: Some(receipts), ..Default::default() };
    for (answer, want) in [
        (wire::Answer { events: vec![Vec::new(); 200_001], ..Default::default() }, "200001 events: at most 200000 are"),
        (
            receipts(wire::Receipts { kinds: vec![1; 10_001], ..Default::default() }),
            "10001 receipts: at most 10000 are",
        ),
        (
            receipts(wire::Receipts { numbers: vec![1; 10_001], ..Default::default() }),
            "10001 receipts: at most 10000 are",
        ),
        (
            receipts(wire::Receipts { file_ids: vec![String::new(); 10_001], ..Default::default() }),
            "10001 files: at most 10000 are",
        ),
    ] {
        let reply = wire::Reply { reply: Some(Replied::Answer(answer)) };
        assert_eq!(text(decode_reply(&reply.encode_to_vec())), format!("take a message with {want} allowed"));
    }
    let entries = ReadReply { entries: vec![Vec::new(); 200_001], last: 1 };
    let want = "take a message with 200001 entries: at most 200000 are allowed";
    assert_eq!(text(entries.encode()), want);
}

#[test]
fn no_message_is_longer_than_any_may_be() {
    let long = "x".repeat(ASK_BYTES_MAX);
    let sent = encode_ask(&ask(Command::RejectFile { file: file(), note: long.clone() }));
    assert_eq!(text(sent), "take an ask of 20971566 bytes: at most 20971520 are allowed");
    let got = decode_ask(&vec![0; ASK_BYTES_MAX + 1]);
    assert_eq!(text(got), "take an ask of 20971521 bytes: at most 20971520 are allowed");
    let refused = encode_reply(&Err(Rejection::TooLarge { message: "x".repeat(REPLY_BYTES_MAX) }));
    assert_eq!(text(refused), "take a reply of 41943050 bytes: at most 41943040 are allowed");
    let answer = wire::Answer { events: vec![vec![0; 122_881]], ..Default::default() };
    let got = decode_reply(&wire::Reply { reply: Some(Replied::Answer(answer)) }.encode_to_vec());
    assert_eq!(text(got), "take an event of 122881 bytes: at most 122880 are allowed");
    let entries = ReadReply { entries: vec![vec![0; REPLY_BYTES_MAX]], last: 1 };
    assert_eq!(text(entries.encode()), "take entries of 41943047 bytes: at most 41943040 are allowed");
    // A short ask that would be long inside: a text that compresses well, and one that every row has.
    let mut report = reported(1, 1);
    Arc::make_mut(&mut report.batch).texts = vec![long].into();
    let report = encode_ask(&ask(Command::ReportRecords(Arc::new(report))));
    assert_eq!(text(report), "take reported records of 20971567 bytes: at most 20971520 are allowed");
    let note = "x".repeat(1_024);
    let close = wire::CloseRecords {
        file_id: file().to_string(),
        rows: vec![1; 20_481],
        billings: vec![wire::Billing { id: String::new(), note }],
        billing_indexes: vec![0; 20_481],
    };
    let command = Some(wire::Command { command: Some(Kind::CloseRecords(close)) });
    let close = wire::Ask { command, ..message(Command::CloseFile { file: file() }) };
    let want = "take the billings of rows of 20972544 bytes: at most 20971520 are allowed";
    assert_eq!(text(decode_ask(&close.encode_to_vec())), want);
}

#[test]
fn a_bomb_in_a_report_is_refused() {
    let mut message = message(Command::ReportRecords(Arc::new(reported(1, 1))));
    let cells = wire::ReadColumn { texts: vec![0; 1_280_001], kinds: Vec::new() };
    let rows = wire::ReadBatch { row_steps: vec![1], ..Default::default() };
    let columns = wire::ReadBatch { columns: vec![Default::default(); 129], ..Default::default() };
    let texts = wire::ReadBatch { texts: vec![String::new(); 1_280_001], ..Default::default() };
    for (plain, want) in [
        (vec![0; ASK_BYTES_MAX + 1], "decompress a batch"),
        (rows.encode_to_vec(), "take a message with 1 rows: at most 0 are allowed"),
        (columns.encode_to_vec(), "take a message with 129 columns: at most 128 are allowed"),
        (
            wire::ReadBatch { columns: vec![cells], ..Default::default() }.encode_to_vec(),
            "take a message with 1280001 cells: at most 1280000 are allowed",
        ),
        (texts.encode_to_vec(), "take a message with 1280001 texts: at most 1280000 are allowed"),
    ] {
        let Some(Kind::ReportRecords(report)) = kind(&mut message) else { panic!("it reports") };
        (report.batch, report.plain) = (zstd::bulk::compress(&plain, 3).unwrap(), false);
        assert_eq!(text(decode_ask(&message.encode_to_vec())), want);
    }
}
