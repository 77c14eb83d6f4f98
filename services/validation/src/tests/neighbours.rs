//! Each rule with a record that fires it and the nearest one that doesn't, in one table; and the published messages to
//! the letter.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ledger::catalog::{Capabilities, OverlapPolicy, Schema};
use ledger::fact::Period;
use ledger::record::{CellKind, CheckedRecord};
use ledger::{Code, Ledger, Moment};
use runtime::records::Records;

use super::examine::{catalog, draft, examine};
use crate::rules::tests::{BROUGHT, Cell, TEXT, World};
use crate::rules::{Rows, late, overlap, taken};

const NUMBER: CellKind = CellKind::Number;

/// What is changed of a world in which the usual row is right.
#[derive(Clone, Copy, Default)]
struct Setting {
    schema: Option<Schema>,
    capabilities: Option<fn(&mut Capabilities)>,
    without: &'static [&'static str],
}

/// The rows of a file.
type File = &'static [&'static [Cell<'static>]];

struct Neighbours {
    code: u16,
    setting: Setting,
    fires: File,
    message: &'static str,
    passes: File,
    /// Of the neighbour, where it differs.
    passes_setting: Option<Setting>,
}

const USUAL: Setting = Setting { schema: None, capabilities: None, without: &[] };
const PR: Setting = Setting { schema: Some(Schema::Pr), ..USUAL };
const TR: Setting = Setting { schema: Some(Schema::Tr), ..USUAL };
const DYNAMIC: Setting = Setting { capabilities: Some(|it| it.dynamic = true), ..USUAL };
const FUTURE: Setting = Setting { capabilities: Some(|it| it.future = true), ..USUAL };
const CUSTOM: Setting = Setting { capabilities: Some(|it| it.required_custom_fields = vec!["Region".into()]), ..USUAL };
const NO_RESERVATION: Setting = Setting { capabilities: Some(|it| it.reservation_consumption = false), ..USUAL };
const NO_QUANTITY: Setting = Setting { without: &["quantity"], ..USUAL };

const fn rule(code: u16, setting: Setting, fires: File, message: &'static str, passes: File) -> Neighbours {
    Neighbours { code, setting, fires, message, passes, passes_setting: None }
}

const fn switch(code: u16, off: Setting, rows: File, message: &'static str, on: Setting) -> Neighbours {
    Neighbours { code, setting: off, fires: rows, message, passes: rows, passes_setting: Some(on) }
}

const SEATS: Cell<'static> = ("item_search_value", TEXT, "SEATS");
const AMOUNT: Cell<'static> = ("amount", TEXT, "5");
const START: &str = "start_time_utc";
const END: &str = "end_time_utc";
const TIER_0: &[Cell<'static>] = &[("record_id", TEXT, "a"), AMOUNT, ("tier", TEXT, "0")];
const TIER_1: &[Cell<'static>] = &[("record_id", TEXT, "b"), AMOUNT, ("tier", TEXT, "1")];
const TIER_2: &[Cell<'static>] = &[("record_id", TEXT, "c"), AMOUNT, ("tier", TEXT, "2")];
const BLANK_CRITERIA: Cell<'static> = BROUGHT[0];
const BLANK_VALUE: Cell<'static> = BROUGHT[1];
const NAME: Cell<'static> = BROUGHT[2];
const MPN: Cell<'static> = BROUGHT[3];
const UNIT: Cell<'static> = BROUGHT[4];
const PRECISION: Cell<'static> = BROUGHT[5];

#[rustfmt::skip]
const TABLE: &[Neighbours] = &[
    rule(1, USUAL, &[&[("item_search_value", TEXT, "GPU")]],
        "Resource ID not found for filter item.mpn with value GPU", &[&[("item_search_value", TEXT, " CPU ")]]),
    rule(2, USUAL, &[&[("asset_search_criteria", TEXT, "parameter.tenant_id"), ("asset_search_value", TEXT, "t-9")]],
        "Asset id not found for filter parameter.tenant_id with value t-9",
        &[&[("asset_search_criteria", TEXT, "parameter.tenant_id"), ("asset_search_value", TEXT, "t-1")]]),
    rule(3, USUAL, &[&[("asset_search_value", TEXT, "AS-9")]],
        "Asset id not found for filter asset.id with value AS-9", &[&[("asset_search_value", TEXT, "AS-2")]]),
    rule(4, USUAL, &[&[("asset_search_criteria", TEXT, "parameter.pool"), ("asset_search_value", TEXT, "shared")]],
        "Multiple assets found for parameter pool with value shared",
        &[&[("asset_search_criteria", TEXT, "parameter.tenant_id"), ("asset_search_value", TEXT, "2002")]]),
    rule(6, USUAL, &[&[("quantity", TEXT, "1,5")]], "Usage value is not a float value", &[&[("quantity", TEXT, "1.5")]]),
    rule(7, USUAL, &[&[(START, TEXT, "2026-13-01 00:00:00")]], "Usage start time is not valid",
        &[&[(START, TEXT, "2026-5-1 0:00:00")]]),
    rule(8, USUAL, &[&[(END, NUMBER, "46144")]], "Usage end time is not valid",
        &[&[(END, CellKind::Date, "2026-05-02 00:00:00")]]),
    rule(10, USUAL, &[&[("item_search_criteria", TEXT, "item.MPN")]], "This item filter type not allowed",
        &[&[("item_search_criteria", TEXT, "item.global_id"), ("item_search_value", TEXT, "PRD-1-0001")]]),
    rule(11, USUAL, &[&[(END, TEXT, "2026-06-01 12:00:01")]], "Usage end time is in the future",
        &[&[(END, TEXT, "2026-06-01 12:00:00")]]),
    switch(11, USUAL, &[&[(END, TEXT, "2026-06-01 12:00:01")]], "Usage end time is in the future", FUTURE),
    rule(12, USUAL, &[&[(END, TEXT, "2026-04-30 23:59:59")]], "Usage start time value greater than end time value",
        &[&[(END, TEXT, "2026-05-01 00:00:00")]]),
    rule(13, USUAL, &[&[SEATS, ("quantity", TEXT, "11")]],
        "Usage quantity reported in usage file is greater than allowed usage", &[&[SEATS, ("quantity", TEXT, "10")]]),
    rule(14, USUAL, &[&[("quantity", TEXT, "1.001")]],
        "Usage quantity reported doesn't match with the data type of the item", &[&[("quantity", TEXT, "1.010")]]),
    switch(101, NO_QUANTITY, &[&[]], "Column quantity is missing", USUAL),
    rule(102, USUAL, &[&[(START, TEXT, " ")]], "Column start_time_utc is blank", &[&[(START, TEXT, "2026-05-01")]]),
    rule(103, USUAL, &[&[("asset_search_criteria", TEXT, "asset.uuid")]],
        "This subscription filter type is not allowed", &[&[("asset_search_criteria", TEXT, "asset.id")]]),
    rule(104, PR, &[&[]], "Amount is missing", &[&[("amount", TEXT, "0")]]),
    switch(104, PR, &[&[("amount", TEXT, "$5")]], "Amount is not a number", USUAL),
    rule(105, TR, &[&[AMOUNT, ("tier", TEXT, "3")]], "Tier is not 0, 1 or 2",
        &[TIER_1, TIER_2, &[AMOUNT, ("tier", NUMBER, "0.0")]]),
    rule(106, USUAL, &[&[("category_id", TEXT, "DB")]], "Category DB is not in the categories tab",
        &[&[("category_id", TEXT, "db")]]),
    rule(107, USUAL, &[&[], &[]], "Record id is the same as in row 2", &[&[], &[("record_id", TEXT, "R-1")]]),
    rule(108, PR, &[&[("amount", TEXT, "0.1234567890123")]], "Amount has more than 12 decimals",
        &[&[("amount", TEXT, "0.1234567890120")]]),
    rule(109, USUAL, &[&[("quantity", TEXT, "10000000000000000.01")]], "Quantity is out of range",
        &[&[("quantity", TEXT, "-10000000000000000")]]),
    rule(109, USUAL, &[&[SEATS, ("quantity", TEXT, "-1")]], "Quantity of a reservation item is negative",
        &[&[SEATS, ("quantity", TEXT, "0")]]),
    rule(110, USUAL, &[&[("category_id", CellKind::Formula, "")]], "Formula in column category_id has no computed value",
        &[&[("record_note", CellKind::Formula, "")]]),
    rule(110, USUAL, &[&[(START, CellKind::Error, "#REF!")]], "Cell in column start_time_utc holds an error: #REF!",
        &[&[("record_note", CellKind::Error, "#REF!")]]),
    rule(111, USUAL, &[&[("record_note", CellKind::Cut, "x")]], "Text in column record_note is too long",
        &[&[("record_note", TEXT, "x")]]),
    rule(112, USUAL, &[&[("asset_search_value", TEXT, "AS-3")]],
        "Subscription AS-3 is draft: its usage can not be reported", &[&[("asset_search_value", TEXT, "AS-2")]]),
    rule(113, USUAL, &[&[("asset_search_value", TEXT, "AS-4"), (END, TEXT, "2026-05-10 00:00:01")]],
        "Usage lies after the end of subscription AS-4",
        &[&[("asset_search_value", TEXT, "AS-4"), (END, TEXT, "2026-05-10 00:00:00")]]),
    switch(114, NO_RESERVATION, &[&[SEATS, ("quantity", TEXT, "1")]], "The product may not report reservation items", USUAL),
    switch(114, USUAL, &[&[BLANK_CRITERIA, BLANK_VALUE, NAME, MPN, UNIT, PRECISION]],
        "The product may not report dynamic items", DYNAMIC),
    rule(115, CUSTOM, &[&[("v.Region", TEXT, " ")]], "Custom field v.Region is blank", &[&[]]),
    switch(117, PR, &[&[AMOUNT, ("tier", TEXT, "0")]], "Tier is ignored for schema PR", USUAL),
    rule(118, TR, &[TIER_1, TIER_0], "Usage has no record for tier 2", &[TIER_1, TIER_2, TIER_0]),
    rule(119, DYNAMIC, &[&BROUGHT, &[("record_id", TEXT, "b"), BLANK_CRITERIA, BLANK_VALUE, NAME, MPN, PRECISION,
        ("item_unit", TEXT, "Gb*h")]], "Item ST001 is described otherwise in row 2",
        &[&BROUGHT, &[("record_id", TEXT, "b"), BLANK_CRITERIA, BLANK_VALUE, ("item_name", TEXT, "Other"), MPN, UNIT,
        PRECISION]]),
    rule(120, DYNAMIC, &[&[BLANK_CRITERIA, BLANK_VALUE, NAME, MPN, UNIT]], "Dynamic item lacks item_precision", &[&BROUGHT]),
];

/// Rules that need another file: shown by [`super::outcomes`] and [`super::ids`].
const OF_OTHER_FILES: [u16; 2] = [9, 116];

/// What is found in a file of these rows.
fn run(setting: Setting, rows: File) -> Vec<CheckedRecord> {
    let mut world = World::new();
    world.schema = setting.schema.unwrap_or(world.schema);
    if let Some(change) = setting.capabilities {
        change(&mut world.capabilities);
    }
    world.columns.retain(|column| !setting.without.contains(&column.name.as_str()));
    let catalog = Arc::new(catalog(&world, world.capabilities.clone()));
    let ledger = Ledger { catalog, ..Ledger::default() };
    let (checked, _) = examine(&ledger, &Records::default(), draft(&world), &[world.batch(rows)]);
    checked.into_iter().flat_map(|batch| batch.records).collect()
}

/// Codes and messages of what was found in a file, errors and warnings alike.
fn findings(records: &[CheckedRecord]) -> Vec<(u16, String)> {
    let all = records.iter().flat_map(|record| record.errors.iter().chain(&record.warnings));
    all.map(|finding| (finding.code.number(), finding.message.clone())).collect()
}

#[test]
fn each_rule_fires_where_it_should_and_not_next_to_it() {
    let (mut fired, mut wrong) = (BTreeSet::new(), Vec::new());
    for case in TABLE {
        let found = findings(&run(case.setting, case.fires));
        if found != [(case.code, case.message.to_owned())] {
            wrong.push(format!("what fires {:03} gives {found:?}", case.code));
        }
        let found = findings(&run(case.passes_setting.unwrap_or(case.setting), case.passes));
        if !found.is_empty() {
            wrong.push(format!("the neighbour of {:03} {} gives {found:?}", case.code, case.message));
        }
        fired.insert(case.code);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    fired.extend(OF_OTHER_FILES);
    fired.insert(Code::Unreadable.number());
    let all: BTreeSet<u16> = Code::ALL.iter().map(|code| code.number()).collect();
    assert_eq!(all.difference(&fired).collect::<Vec<_>>(), Vec::<&u16>::new(), "codes without a row");
}

/// What each code says, by the table and by the functions for rules that need another file.
fn said() -> BTreeMap<u16, Vec<String>> {
    let mut said: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    TABLE.iter().for_each(|case| said.entry(case.code).or_default().push(case.message.to_owned()));
    let file = ledger::FileId::parse("UF-2019-05-5760-1645").unwrap();
    said.entry(9).or_default().push(taken(file, None).message);
    let rows = Rows { first: 2, last: 5, more: false };
    said.entry(116).or_default().push(overlap(file, rows, OverlapPolicy::Warn, None).message);
    said.entry(114).or_default().push(late(file, Moment(0), Moment(1), None).message);
    said
}

/// Whether a message is a template with something in place of each `{…}`.
fn is_made_of(message: &str, template: &str) -> bool {
    let mut rest = message;
    let mut pieces = template.split('{').map(|piece| piece.split_once('}').map_or(piece, |(_, text)| text));
    let Some(first) = pieces.next() else { return false };
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    let mut ends_open = false;
    for piece in pieces {
        ends_open = piece.is_empty();
        let Some(at) = rest.get(1..).and_then(|rest| rest.find(piece)) else { return false };
        rest = &rest[1 + at + piece.len()..];
    }
    rest.is_empty() || ends_open
}

#[test]
fn published_messages_are_said_to_the_letter() {
    let said = said();
    let published = include_str!("../rules/published.txt");
    let mut count = 0;
    for line in published.lines().filter(|line| !line.starts_with('#')) {
        let (code, template) = line.split_once(' ').unwrap();
        let number: u16 = code.strip_prefix("USG_FILE_").unwrap().parse().unwrap();
        count += 1;
        if number == Code::Unreadable.number() {
            let detail = unreadable();
            assert!(detail.starts_with("USG_FILE_005: "), "{detail}");
            let sentence = detail.trim_start_matches("USG_FILE_005: ").split_once(". ").unwrap().0;
            assert!(is_made_of(sentence, template), "{sentence}");
            continue;
        }
        for message in &said[&number] {
            assert!(is_made_of(message, template), "{code}: {message}");
        }
    }
    assert_eq!(count, 13);
    assert!(!is_made_of("Usage value is not a float", "Usage value is not a float value"));
    assert!(!is_made_of(
        "Asset id not found for filter asset.id with value ",
        "Asset id not found for filter asset.id with value {value}"
    ));
}

/// What the file as a whole says of a workbook that can't be read.
fn unreadable() -> String {
    use super::world::{World, created, file, opened};
    let detail = "the file is empty".to_owned();
    let unreadable = ledger::Fact::FileUnreadable { upload: 1, attempt: 1, detail };
    let world = World::given(&[created("CRD-1", "PRD-1"), opened(1), unreadable]);
    world.ledger.file(file(0)).unwrap().error_detail().unwrap()
}

/// Goal: what real vendors report is valid (connect-api §5.3). Method: a record that lies outside of its file's period.
#[test]
fn the_period_of_a_file_binds_no_record() {
    let world = World::new();
    let catalog = Arc::new(catalog(&world, world.capabilities.clone()));
    let ledger = Ledger { catalog, ..Ledger::default() };
    let period = Some(Period { from: Moment(0), to: Moment(1) });
    let draft = crate::Draft { period, ..draft(&world) };
    let (_, found) = examine(&ledger, &Records::default(), draft, &[world.batch(&[&[]])]);
    assert_eq!((found.valid, found.invalid), (1, 0));
}

/// Goal: a vendor reads which rules there are and which of them only warn. Method: the table of docs/validation.md has
/// every code, in order, with the severity that the table of rules above finds.
#[test]
fn the_document_has_every_rule_with_its_severity() {
    let mut severities: BTreeMap<u16, &str> = BTreeMap::from([(5, "error"), (9, "error"), (116, "warning or error")]);
    for case in TABLE {
        let warns = run(case.setting, case.fires).iter().all(CheckedRecord::is_valid);
        severities.insert(case.code, if warns { "warning" } else { "error" });
    }
    let path = std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/validation.md");
    let document = std::fs::read_to_string(path).unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| `USG_FILE_"));
    let listed: Vec<(String, String)> = rows
        .map(|row| {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            (cells[1].trim_matches('`').to_owned(), cells[3].to_owned())
        })
        .collect();
    let expected: Vec<(String, String)> =
        Code::ALL.iter().map(|code| (code.to_string(), severities[&code.number()].to_owned())).collect();
    assert_eq!(listed, expected);
}
