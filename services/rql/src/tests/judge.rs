//! What sets of rules decide, as a table: rules in, judgement out.

use std::convert::Infallible;

use ledger::catalog::{Environment, ItemKind, Named, Schema};
use ledger::fact::{FileColumn, FileCreated, SummaryLine, Total, UploadOpened};
use ledger::file::{Checking, CheckingEnd, Stamp, UsageFile, Verdict};
use ledger::record::{CheckedBatch, CheckedRecord, ItemFacts, ReadBatch, ReadColumn, SubscriptionFacts, Texts};
use ledger::rule::{AskedRule, RuleAction, RuleScope};
use ledger::{Actor, Decimal, FileId, Hash, Moment, ObjectId, Partition};

use crate::judge::{CompiledRules, Judgement, check};
use crate::objects::{FileObject, RecordsOf};

fn id(text: &str) -> ObjectId {
    ObjectId::new(text).unwrap()
}

fn named(text: &str) -> Named {
    Named { id: id(text), name: format!("{text} name") }
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

/// A pending file of three records: two of item PRD-1-0001, one of PRD-1-0002.
struct Case {
    file: UsageFile,
    columns: Vec<FileColumn>,
    read: ReadBatch,
    checked: CheckedBatch,
}

impl Case {
    fn new() -> Self {
        let created = FileCreated {
            name: "October".to_owned(),
            external_id: "only the vendor's".to_owned(),
            description: "estimate".to_owned(),
            note: String::new(),
            period: None,
            time_zone: String::new(),
            predictive: false,
            reported: false,
            currency: Some("USD".to_owned()),
            environment: Environment::Production,
            schema: Schema::Tr,
            product: named("PRD-1"),
            contract: named("CRD-1"),
            marketplace: named("MP-1"),
            vendor: named("VA-1"),
            provider: named("PA-1"),
        };
        let mut file = UsageFile::default();
        let opened =
            UploadOpened { upload: 1, blob: Hash::ZERO, bytes: 1, filename: String::new(), catalog_position: 1 };
        file.approval.created = Some(Box::new(created));
        file.approval.upload = Some(opened);
        file.approval.submitted_at = Some(Stamp { at: Moment(Moment::DAY), by: Actor::Operator });
        let total = |tier: u8, amount: &str| Total {
            currency: "USD".to_owned(),
            tier: Some(tier),
            records: 3,
            quantity: decimal("30"),
            amount: decimal(amount),
        };
        let verdict = Verdict { totals: vec![total(0, "100"), total(1, "150.5")], ..Verdict::default() };
        let line = |item: &str, records: u32| SummaryLine {
            subscription: id("AS-1"),
            item: id(item),
            tier: Some(0),
            records,
            quantity: decimal("10"),
            amount: decimal("50"),
        };
        file.checking = Checking {
            upload: 1,
            valid: 3,
            summary: vec![line("PRD-1-0001", 2), line("PRD-1-0002", 1)],
            end: Some(CheckingEnd::Checked(Box::new(verdict))),
            ..Checking::default()
        };
        let (columns, read) = sheet();
        Self { file, columns, read, checked: checked() }
    }

    fn judgement(&self, rules: &[AskedRule]) -> Judgement {
        let uf = FileId::new(2026, 11, Partition(0), 0).unwrap();
        let object = FileObject::new(uf, &self.file).unwrap();
        let of = RecordsOf { columns: &self.columns, ..RecordsOf::new(uf, &self.file).unwrap() };
        let judged = CompiledRules::new(rules).unwrap().judge(&object, |judge| {
            judge.take_all(of, Some(&self.read), &self.checked);
            Ok::<(), Infallible>(())
        });
        let Ok(judgement) = judged;
        judgement
    }
}

fn sheet() -> (Vec<FileColumn>, ReadBatch) {
    let names = ["record_id", "category_id", "v.Region", "v.a__b"];
    let mut texts = Texts::default();
    let mut columns = vec![ReadColumn::default(); names.len()];
    for row in [["r-1", "compute", "EU", "1"], ["r-2", "compute", "US", ""], ["r-3", "", "EU", ""]] {
        for (column, cell) in columns.iter_mut().zip(row) {
            column.texts.push(texts.number_of(cell));
        }
    }
    let column = |name: &&str| FileColumn { name: (*name).to_owned(), header: (*name).to_owned(), sheet_column: 0 };
    (names.iter().map(column).collect(), ReadBatch { salt_key: [0; 32], rows: vec![2, 3, 5], columns, texts })
}

fn checked() -> CheckedBatch {
    let record = |(row, item, amount): (u32, u32, &str)| CheckedRecord {
        row,
        subscription: Some(0),
        item: Some(item),
        quantity: Some(decimal("10")),
        amount: Some(decimal(amount)),
        tier: Some(0),
        start: Some(Moment(Moment::DAY)),
        ..CheckedRecord::default()
    };
    let item = |name: &str, mpn: &str| ItemFacts {
        named: named(name),
        mpn: mpn.to_owned(),
        unit: "unit".to_owned(),
        period: "monthly".to_owned(),
        kind: ItemKind::PayAsYouGo,
        places: 2,
    };
    let subscription = SubscriptionFacts {
        id: id("AS-1"),
        external_id: "77".to_owned(),
        external_uid: "uid-1".to_owned(),
        recon_id: String::new(),
        hub: Some(named("HB-1")),
        customer_external_id: String::new(),
        customer_name: String::new(),
    };
    CheckedBatch {
        records: [(2, 0, "20"), (3, 0, "30"), (5, 1, "50")].map(record).to_vec(),
        subscriptions: vec![subscription],
        items: vec![item("PRD-1-0001", "VM"), item("PRD-1-0002", "DISK")],
    }
}

/// `accept file lt(totals.amount,1)`, or `reject record[PRD-1-0001] …` for the records of one item.
fn rule((place, text): (usize, &str)) -> AskedRule {
    let (head, expression) = text.split_once(' ').map_or((text, ""), |(action, rest)| {
        let end = rest.find(' ').unwrap_or(rest.len());
        (&text[..action.len() + 1 + end], rest.get(end + 1..).unwrap_or_default())
    });
    let (action, scope) = head.split_once(' ').unwrap();
    let (scope, item) =
        scope.split_once('[').map_or((scope, None), |(scope, item)| (scope, Some(&item[..item.len() - 1])));
    AskedRule {
        id: id(&format!("UGR-{place}")),
        action: RuleAction::parse(action).unwrap(),
        scope: RuleScope::parse(scope).unwrap(),
        expression: expression.to_owned(),
        item: item.map(id),
    }
}

fn rules(texts: &[&str]) -> Vec<AskedRule> {
    texts.iter().copied().enumerate().map(rule).collect()
}

#[test]
fn the_first_rule_about_files_decides_and_records_decide_after_them() {
    let case = Case::new();
    for (texts, want) in [
        (&[][..], "manual -: No usage rule is about this file."),
        (&["accept file"], "accept 0: Usage rule UGR-0 accepts files."),
        (&["manual file", "accept file"], "manual 0: Usage rule UGR-0 leaves files to a person."),
        (
            &["reject file gt(totals.amount,150.5)", "accept file le(totals.amount,150.5)"],
            "accept 1: Usage rule UGR-1 accepts files that match le(totals.amount,150.5).",
        ),
        (&["accept file eq(currency,EUR)"], "manual -: No usage rule is about this file."),
        // Not every record is of the item.
        (&["accept file[PRD-1-0001]"], "manual -: No usage rule is about this file."),
        (&["accept record"], "accept 0: Usage rule UGR-0 accepts records: 3 records, the first in row 2."),
        (
            &["accept record[PRD-1-0001]", "accept record eq(item.mpn,DISK)"],
            "accept -: Usage rule UGR-0 accepts records of item PRD-1-0001: 2 records, the first in row 2. \
             Usage rule UGR-1 accepts records that match eq(item.mpn,DISK): 1 record, row 5.",
        ),
        (
            &["accept record lt(amount,50)"],
            "manual -: Usage rule UGR-0 accepts records that match lt(amount,50): 2 records, the first in row 2. \
             No usage rule fits 1 record, row 5.",
        ),
        (
            &["manual record gt(amount,20)", "accept record"],
            "manual 0: Usage rule UGR-0 leaves records that match gt(amount,20) to a person: 2 records, the first in \
             row 3. Usage rule UGR-1 accepts records: 1 record, row 2.",
        ),
        (
            &["accept record lt(amount,30)", "reject record params.Region=US", "accept record"],
            "reject 1: Usage rule UGR-1 rejects records that match params.Region=US; the first is in row 3.",
        ),
        // The first rule of a record decides about it, whatever comes after.
        (
            &["accept record params.Region=US", "reject record params.Region=US", "accept record"],
            "accept -: Usage rule UGR-0 accepts records that match params.Region=US: 1 record, row 3. \
             Usage rule UGR-2 accepts records: 2 records, the first in row 2.",
        ),
        // Rules about files come first, wherever they stand.
        (
            &["reject record", "accept file status=pending"],
            "reject 0: Usage rule UGR-0 rejects records; the first is in row 2.",
        ),
        (&["reject record", "accept file"], "accept 1: Usage rule UGR-1 accepts files."),
    ] {
        let Judgement { rule, action, reason } = case.judgement(&rules(texts));
        let rule = rule.map_or_else(|| "-".to_owned(), |rule| rule.to_string());
        assert_eq!(format!("{} {rule}: {reason}", action.name()), want, "{texts:?}");
    }
}

#[test]
fn conditions_of_files_are_about_what_a_provider_sees() {
    let case = Case::new();
    for (text, fits) in [
        ("description=estimate&predictive=false", true),
        ("predictive=true", false),
        ("note=empty()", true),
        ("eq(period.from,null())", true),
        ("in(currency,(EUR,USD))", true),
        ("totals.records=3&totals.quantity=30.0", true),
        ("stats.validated=3&stats.uploaded=0", true),
        ("ge(submitted.at,1970-01-02)", true),
        ("gt(submitted.at,1970-01-02)", false),
        ("marketplace.id=MP-1,product__id=PRD-1", true),
        (" ", true),
    ] {
        let judgement = case.judgement(&rules(&[&format!("accept file {text}")]));
        assert_eq!(judgement.action == RuleAction::Accept, fits, "{text}");
    }
    let mut case = case;
    case.file.checking.summary.truncate(1);
    assert_eq!(case.judgement(&rules(&["accept file[PRD-1-0001]"])).rule, Some(0));
    case.file.checking.summary.clear();
    assert_eq!(case.judgement(&rules(&["accept file[PRD-1-0001]"])).rule, None, "no record is of the item");
}

#[test]
fn conditions_of_records_reach_their_columns() {
    let case = Case::new();
    for (text, want) in [
        ("status=valid", "3"),
        ("quantity=10&usage=10.00", "3"),
        ("tier=0", "3"),
        ("tier=null()", ""),
        ("asset.external_uid=uid-1&hub.id=HB-1", "3"),
        ("category.id=compute", "2"),
        ("category.id=null()", "1"),
        ("params.a__b=1", "1"),
        ("params.region=EU", ""),
        ("like(params.Region,E*)", "2"),
        ("in(item.mpn,(VM))&gt(amount,20)", "1"),
        ("lt(start_date,1970-01-03)", "3"),
    ] {
        let reason = case.judgement(&rules(&[&format!("manual record {text}")])).reason;
        let counts = reason.split(": ").nth(1).map_or("", |rest| rest.split(' ').next().unwrap());
        assert_eq!(counts, want, "{text}: {reason}");
    }
}

#[test]
fn records_are_read_only_where_a_rule_is_about_them() {
    for (text, records, sheet) in [
        ("accept file", false, false),
        ("accept record", true, false),
        ("accept record amount=1", true, false),
        ("accept record (amount=1|not(category.id=x))", true, true),
        ("accept record params.Region=EU", true, true),
    ] {
        let compiled = CompiledRules::new(&rules(&[text])).unwrap();
        assert_eq!((compiled.needs_records(), compiled.needs_text()), (records, sheet), "{text}");
    }
    let mut empty = Case::new();
    empty.checked.records.clear();
    let judgement = empty.judgement(&rules(&["accept record"]));
    assert_eq!((judgement.rule, judgement.action), (None, RuleAction::Manual), "{}", judgement.reason);
}

#[test]
fn a_condition_is_checked_strictly_with_the_place_of_the_fault() {
    let unknown = "RQL Parsing error. Unknown name";
    for (scope, text, want) in [
        ("file", "name=a&nothing=1", (unknown, 7)),
        ("file", "external_id=1", (unknown, 0)),
        ("file", "eq(amount,1)", (unknown, 3)),
        ("file", "params.x=1", (unknown, 0)),
        ("file", "like(warnings,1)", (unknown, 5)),
        ("record", "eq(amount,1)&in(totals.amount,(1))", (unknown, 16)),
        ("record", "warnings=1", (unknown, 0)),
        ("record", "(amount=1|params.=1)", (unknown, 10)),
        ("file", "id=1&ordering(id)", ("RQL Parsing error. A rule is a condition and has no ordering.", 14)),
        ("file", "select(id)", ("RQL Parsing error. A rule is a condition and has no selection.", 7)),
        ("file", "id=1&limit=10", ("RQL Parsing error. A rule is a condition and has no paging.", 5)),
        ("record", "not(search=x)", ("RQL Parsing error. A rule is a condition and has no search.", 4)),
        ("record", "amount=ten", ("RQL Value error. Filter: amount, lookup: eq, value: ten.", 7)),
        ("record", "like(amount,1*)", ("RQL Lookup error. Filter: amount, lookup: like, value: 1*.", 5)),
        ("file", "predictive=yes", ("RQL Value error. Filter: predictive, lookup: eq, value: yes.", 11)),
        ("file", "status=", ("RQL Parsing error. Expected a value at position 7", 7)),
        // A rule is no part of an address, so that nothing in it is percent-decoded.
        ("file", "name=a%20b", ("RQL Parsing error. Expected `&`, `,` or the end", 6)),
    ] {
        let error = check(RuleScope::parse(scope).unwrap(), text).unwrap_err();
        let found = error.to_string();
        assert!(found.starts_with(want.0), "{text}: {found}");
        assert_eq!(error.position(), Some(want.1), "{text}: {found}");
    }
    assert_eq!(check(RuleScope::Record, "params.x y=1").unwrap_err().position(), Some(8));
    for text in ["", " ", "params.Region=EU", "name='100%'"] {
        let scope = if text.starts_with("params") { RuleScope::Record } else { RuleScope::File };
        assert_eq!(check(scope, text), Ok(()), "{text}");
    }
    let fault = CompiledRules::new(&rules(&["accept file", "accept file nothing=1"])).unwrap_err();
    assert_eq!((fault.rule.as_str(), fault.source.position()), ("UGR-1", Some(0)));
}
