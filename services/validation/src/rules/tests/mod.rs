//! Rules as tables: a row that is right, some of its cells changed, and every error that this must give.

mod cells;
mod dynamic;
mod hostile;
mod measures;
mod parties;
mod summary;
mod times;

use ledger::catalog::{
    Capabilities, Catalog, CatalogObject, Item, ItemKind, Parameter, Schema, Subscription, SubscriptionItem,
    SubscriptionStatus,
};
use ledger::fact::{Category, FileColumn};
use ledger::record::{CellKind, CheckedBatch, CheckedRecord, ReadBatch, ReadColumn};
use ledger::{Decimal, Moment, Named, ObjectId};

use super::{Against, Checker};

pub(crate) const TEXT: CellKind = CellKind::Text;
const NUMBER: CellKind = CellKind::Number;

/// A cell that differs from the row that is right: column, kind and text.
pub(crate) type Cell<'a> = (&'a str, CellKind, &'a str);

/// A row that is right in the world of [`catalog`].
const RIGHT: [(&str, &str); 17] = [
    ("record_id", "r-1"),
    ("asset_search_criteria", "asset.id"),
    ("asset_search_value", "AS-1"),
    ("item_search_criteria", "item.mpn"),
    ("item_search_value", "CPU"),
    ("quantity", "1.5"),
    ("amount", ""),
    ("tier", ""),
    ("start_time_utc", "2026-05-01 00:00:00"),
    ("end_time_utc", "2026-05-02 00:00:00"),
    ("category_id", ""),
    ("record_note", ""),
    ("item_name", ""),
    ("v.Region", "eu"),
    ("item_mpn", ""),
    ("item_unit", ""),
    ("item_precision", ""),
];

/// What makes the row one that brings an item.
pub(crate) const BROUGHT: [Cell<'static>; 6] = [
    ("item_search_criteria", TEXT, ""),
    ("item_search_value", TEXT, ""),
    ("item_name", TEXT, "Storage"),
    ("item_mpn", TEXT, "ST001"),
    ("item_unit", TEXT, "Mb*h"),
    ("item_precision", TEXT, "Decimal(4)"),
];

pub(crate) struct World {
    pub(crate) catalog: Catalog,
    pub(crate) contract: ObjectId,
    pub(crate) product: ObjectId,
    pub(crate) schema: Schema,
    pub(crate) capabilities: Capabilities,
    pub(crate) columns: Vec<FileColumn>,
    pub(crate) categories: Vec<Category>,
}

impl World {
    pub(crate) fn new() -> Self {
        let columns = RIGHT.iter().enumerate().map(|(index, (name, _))| FileColumn {
            name: (*name).to_owned(),
            header: (*name).to_owned(),
            sheet_column: u16::try_from(index).unwrap(),
        });
        let category = Category { id: "db".to_owned(), name: "Database".to_owned(), description: String::new() };
        Self {
            catalog: catalog(),
            contract: id("CRD-1"),
            product: id("PRD-1"),
            schema: Schema::Qt,
            capabilities: Capabilities {
                pay_as_you_go: Some(Schema::Qt),
                reservation_consumption: true,
                ..Capabilities::default()
            },
            columns: columns.collect(),
            categories: vec![category],
        }
    }

    fn without_columns(mut self, names: &[&str]) -> Self {
        self.columns.retain(|column| !names.contains(&column.name.as_str()));
        self
    }

    fn checker(&self) -> Checker<'_> {
        Checker::new(Against {
            catalog: &self.catalog,
            contract: &self.contract,
            product: &self.product,
            schema: self.schema,
            capabilities: &self.capabilities,
            columns: &self.columns,
            categories: &self.categories,
            now: Moment::parse_sheet("2026-06-01 12:00:00").unwrap(),
        })
    }

    pub(crate) fn batch(&self, rows: &[&[Cell<'_>]]) -> ReadBatch {
        let mut batch = ReadBatch::default();
        batch.columns.resize(self.columns.len(), ReadColumn::default());
        for (row, cells) in (2..).zip(rows) {
            batch.rows.push(row);
            for (column, known) in batch.columns.iter_mut().zip(&self.columns) {
                let right = RIGHT.iter().find(|(name, _)| *name == known.name);
                let changed = cells.iter().find(|(name, ..)| *name == known.name);
                let (kind, text) = changed.map_or((TEXT, right.unwrap().1), |(_, kind, text)| (*kind, *text));
                column.texts.push(batch.texts.number_of(text));
                column.kinds.push(kind as u8);
            }
        }
        batch
    }

    pub(crate) fn run(&self, rows: &[&[Cell<'_>]]) -> CheckedBatch {
        self.checker().check_batch(&self.batch(rows))
    }

    fn one(&self, cells: &[Cell<'_>]) -> CheckedRecord {
        self.run(&[cells]).records.remove(0)
    }

    /// Each error as `014 quantity: message | fix`.
    fn errors(&self, cells: &[Cell<'_>]) -> Vec<String> {
        let shown = |error: ledger::record::RecordError| {
            let column = error.column.map_or("-", |column| self.columns[usize::from(column)].name.as_str());
            format!("{:03} {column}: {} | {}", error.code.number(), error.message, error.fix)
        };
        self.one(cells).errors.into_iter().map(shown).collect()
    }

    #[track_caller]
    fn check(&self, cells: &[Cell<'_>], want: &[&str]) {
        assert_eq!(self.errors(cells), want, "{cells:?}");
    }

    /// Only which codes, where the sentences are checked elsewhere.
    #[track_caller]
    fn check_codes(&self, cells: &[Cell<'_>], want: &[u16]) {
        let codes: Vec<u16> = self.one(cells).errors.iter().map(|error| error.code.number()).collect();
        assert_eq!(codes, want, "{cells:?}");
    }
}

#[track_caller]
fn check(cells: &[Cell<'_>], want: &[&str]) {
    World::new().check(cells, want);
}

fn id(text: &str) -> ObjectId {
    ObjectId::new(text).unwrap()
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap()
}

fn item(number: &str, mpn: &str, kind: ItemKind, places: u8) -> CatalogObject {
    CatalogObject::Item(Item {
        dynamic: false,
        named: Named { id: id(number), name: mpn.to_owned() },
        product: id(number.rsplit_once('-').unwrap().0),
        mpn: mpn.to_owned(),
        unit: "unit".to_owned(),
        period: "monthly".to_owned(),
        kind,
        places,
        source: String::new(),
    })
}

fn subscription(number: &str, contract: &str, status: SubscriptionStatus, parameters: &[(&str, &str)]) -> Subscription {
    let parameter = |&(id, value): &(&str, &str)| Parameter {
        id: id.to_owned(),
        value: value.to_owned(),
        reconciliation: id == "tenant_id",
    };
    let has = |item: &str, quantity| SubscriptionItem { item: id(item), quantity };
    Subscription {
        id: id(number),
        status,
        ended_at: None,
        product: id("PRD-1"),
        contract: id(contract),
        hub: None,
        external_id: String::new(),
        external_uid: String::new(),
        customer_external_id: String::new(),
        customer_name: String::new(),
        parameters: parameters.iter().map(parameter).collect(),
        items: vec![
            has("PRD-1-0001", None),
            has("PRD-1-0002", Some(decimal("10"))),
            has("PRD-1-0004", None),
            has("PRD-1-0006", None),
        ],
        source: String::new(),
    }
}

fn catalog() -> Catalog {
    let mut catalog = Catalog::default();
    for item in [
        item("PRD-1-0001", "CPU", ItemKind::PayAsYouGo, 2),
        item("PRD-1-0002", "SEATS", ItemKind::Reservation, 0),
        item("PRD-1-0003", "DISK", ItemKind::PayAsYouGo, 4),
        item("PRD-1-0004", "1001", ItemKind::PayAsYouGo, 0),
        item("PRD-1-0005", "TWIN", ItemKind::PayAsYouGo, 0),
        item("PRD-1-0006", "TWIN", ItemKind::PayAsYouGo, 0),
        item("PRD-2-0001", "OTHER", ItemKind::PayAsYouGo, 0),
    ] {
        catalog.record(item);
    }
    let mut ended = subscription("AS-4", "CRD-1", SubscriptionStatus::Terminated, &[("tenant_id", "t-4")]);
    ended.ended_at = Moment::parse_sheet("2026-05-10 00:00:00");
    for subscription in [
        subscription("AS-1", "CRD-1", SubscriptionStatus::Active, &[("tenant_id", "t-1"), ("pool", "shared")]),
        subscription("AS-2", "CRD-1", SubscriptionStatus::Suspended, &[("tenant_id", "2002"), ("pool", "shared")]),
        subscription("AS-3", "CRD-1", SubscriptionStatus::Draft, &[("tenant_id", "")]),
        ended,
        subscription("AS-9", "CRD-9", SubscriptionStatus::Active, &[("tenant_id", "t-9")]),
    ] {
        catalog.record(CatalogObject::Subscription(subscription));
    }
    catalog
}

#[test]
fn a_row_that_is_right_has_no_error_and_everything_later_steps_need() {
    let world = World::new();
    let batch = world.run(&[&[], &[("record_id", TEXT, "r-2")]]);
    let [first, second] = batch.records.as_slice() else { panic!("{batch:?}") };
    assert!(first.is_valid() && second.is_valid(), "{batch:?}");
    assert_eq!((first.row, first.subscription, first.item, second.item), (2, Some(0), Some(0), Some(0)));
    assert_eq!((first.quantity, first.amount, first.tier), (Some(decimal("1.5")), None, None));
    assert_eq!(first.end.map(Moment::sheet).as_deref(), Some("2026-05-02 00:00:00"));
    assert_eq!((batch.subscriptions.len(), batch.items.len()), (1, 1));
    assert_eq!((batch.subscriptions[0].recon_id.as_str(), batch.items[0].mpn.as_str()), ("t-1", "CPU"));
    let whole = ledger::Hash::of_parts(&[b"CRD-1", b"PRD-1", b"r-1"]);
    assert_eq!(first.key, whole.0[..12]);
    assert!(first.notes.is_empty());
}
