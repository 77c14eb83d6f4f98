//! A small usage file, and the workbooks that are written of it.

use std::io::{Cursor, Read};

use calamine::{Reader, Xlsx};
use ledger::catalog::{Environment, ItemKind, Named, Schema};
use ledger::code::Code;
use ledger::fact::{Category, FileColumn, FileCreated, Period, SignedRoot, UploadOpened};
use ledger::file::{Checking, Reading, ReadingEnd, Shown};
use ledger::record::{
    CellKind, CheckedBatch, CheckedRecord, ItemFacts, ReadBatch, ReadColumn, RecordError, SubscriptionFacts,
};
use ledger::{Decimal, FileId, Hash, Moment, ObjectId, UsageFile};

use crate::columns;
use crate::usage::UsageSheet;
use crate::write::{Kind, Written};

pub(super) type Book = Xlsx<Cursor<Vec<u8>>>;

/// Texts that programs take for formulas, links, numbers or markup.
pub(super) const AWKWARD: [&str; 16] = [
    "=1+1",
    "=HYPERLINK(\"http://example.com\",\"x\")",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "_x003D_1",
    "http://example.com/x",
    "mailto:a@example.com",
    "internal:records!A1",
    "{=1+1}",
    "<f>1+1</f>",
    "007",
    "1e5",
];

pub(crate) struct World {
    pub(super) kind: ItemKind,
    file: UsageFile,
    read: ReadBatch,
    checked: CheckedBatch,
}

pub(super) fn error(code: Code, column: Option<u16>, message: &str) -> RecordError {
    RecordError { code, column, message: message.to_owned(), fix: "Mend it.".to_owned() }
}

fn named(id: &str, name: &str) -> Named {
    Named { id: ObjectId::new(id).unwrap(), name: name.to_owned() }
}

impl World {
    pub(crate) fn new(schema: Schema, headers: &[&str]) -> Self {
        let created = FileCreated {
            predictive: false,
            reported: false,
            time_zone: String::new(),
            name: "October".to_owned(),
            external_id: String::new(),
            description: String::new(),
            note: String::new(),
            period: Some(Period { from: Moment(0), to: Moment(Moment::SECOND) }),
            currency: (schema != Schema::Qt).then(|| "EUR".to_owned()),
            environment: Environment::Production,
            schema,
            product: named("PRD-1", "Machines"),
            contract: named("CRD-1", "Agreement"),
            marketplace: named("MP-1", "Market"),
            vendor: named("VA-1", "Vendor"),
            provider: named("PA-1", "Distributor"),
        };
        let upload =
            UploadOpened { upload: 1, blob: Hash([0; 32]), bytes: 1, filename: String::new(), catalog_position: 1 };
        let columns = (0..).zip(headers).map(|(at, header)| FileColumn {
            name: columns::normalised(header),
            header: (*header).to_owned(),
            sheet_column: at,
        });
        let end = ReadingEnd::Read { columns: columns.collect(), ignored: Vec::new(), categories: Vec::new() };
        let mut file = UsageFile::default();
        file.approval.created = Some(Box::new(created));
        file.approval.upload = Some(upload);
        file.reading = Reading { upload: 1, end: Some(end), ..Reading::default() };
        file.checking = Checking { upload: 1, ..Checking::default() };
        let subscription = SubscriptionFacts {
            id: ObjectId::new("AS-1").unwrap(),
            external_id: "1000".to_owned(),
            external_uid: String::new(),
            recon_id: "recon-1".to_owned(),
            hub: None,
            customer_external_id: "C-1".to_owned(),
            customer_name: "Bakery".to_owned(),
        };
        let item = |kind| ItemFacts {
            named: named("PRD-1-0001", "Machine"),
            mpn: "M".to_owned(),
            unit: "unit*h".to_owned(),
            period: "monthly".to_owned(),
            kind,
            places: 2,
        };
        let checked = CheckedBatch {
            records: Vec::new(),
            subscriptions: vec![subscription],
            items: vec![item(ItemKind::PayAsYouGo), item(ItemKind::Reservation)],
        };
        let columns = vec![ReadColumn::default(); headers.len()];
        let read = ReadBatch { columns, ..ReadBatch::default() };
        Self { kind: ItemKind::PayAsYouGo, file, read, checked }
    }

    pub(crate) fn file(&self) -> &UsageFile {
        &self.file
    }

    /// A text stands where the vendor names things.
    pub(super) fn hostile(&mut self, text: &str) {
        let created = self.file.approval.created.as_mut().unwrap();
        (created.name, created.note, created.product.name) = (text.to_owned(), text.to_owned(), text.to_owned());
        let Some(ReadingEnd::Read { categories, .. }) = &mut self.file.reading.end else { panic!("not read") };
        let text = || text.to_owned();
        categories.push(Category { id: text(), name: text(), description: text() });
    }

    pub(super) fn estimate(&mut self) {
        self.file.approval.created.as_mut().unwrap().predictive = true;
    }

    /// The log of validation was signed before the processed workbooks were ordered.
    pub(super) fn signed(&mut self, root: SignedRoot) {
        self.file.checking.checkpoint = Shown(Some(root));
    }

    /// The last record gets a warning.
    pub(super) fn warn(&mut self, warning: RecordError) {
        self.checked.records.last_mut().unwrap().warnings.push(warning);
    }

    /// Adds a record without an error, with the values that its cells say.
    pub(super) fn valid(&mut self, cells: &[&str]) {
        self.kinds(cells, CellKind::Text);
    }

    pub(super) fn kinds(&mut self, cells: &[&str], kind: CellKind) {
        let columns = self.file.columns().to_vec();
        let cell =
            |name: &str| columns.iter().zip(cells).find(|(column, _)| column.name == name).map(|(_, cell)| *cell);
        let decimal = |name| cell(name).and_then(|text| Decimal::parse(text.trim()).ok());
        let record = CheckedRecord {
            row: u32::try_from(self.checked.records.len()).unwrap() + 2,
            subscription: Some(0),
            item: Some(u32::from(self.kind == ItemKind::Reservation)),
            quantity: decimal("quantity"),
            amount: decimal("amount"),
            tier: cell("tier").and_then(|text| text.parse().ok()),
            start: Some(Moment(1_790_816_523 * Moment::SECOND)),
            ..CheckedRecord::default()
        };
        self.add(cells, kind, record);
    }

    /// Adds a record with errors.
    pub(super) fn row(&mut self, row: u32, cells: &[&str], errors: Vec<RecordError>) {
        self.add(cells, CellKind::Text, CheckedRecord { row, errors, ..CheckedRecord::default() });
    }

    fn add(&mut self, cells: &[&str], kind: CellKind, record: CheckedRecord) {
        for (column, text) in self.read.columns.iter_mut().zip(cells) {
            column.texts.push(self.read.texts.number_of(text));
            column.kinds.push(kind as u8);
        }
        self.read.rows.push(record.row);
        if record.is_valid() {
            self.file.checking.valid += 1
        } else {
            self.file.checking.invalid += 1
        }
        self.checked.records.push(record);
    }

    pub(super) fn bytes(&mut self, kind: Kind) -> Vec<u8> {
        self.made(kind).0
    }

    pub(super) fn written(&mut self, kind: Kind) -> (Book, Written) {
        let (bytes, written) = self.made(kind);
        (Xlsx::new(Cursor::new(bytes)).unwrap(), written)
    }

    /// Every part of a workbook.
    pub(super) fn parts(&mut self, kind: Kind) -> Vec<(String, String)> {
        let mut archive = zip::ZipArchive::new(Cursor::new(self.bytes(kind))).unwrap();
        let count = archive.len();
        let part = |at| {
            let mut entry = archive.by_index(at).unwrap();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            (entry.name().unwrap().into_owned(), text)
        };
        (0..count).map(part).collect()
    }

    pub(super) fn part(&mut self, kind: Kind, name: &str) -> String {
        self.parts(kind).into_iter().find(|(part, _)| part == name).unwrap().1
    }

    fn made(&self, kind: Kind) -> (Vec<u8>, Written) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made.xlsx");
        let hub = (kind == Kind::Chunk).then(|| named("HB-1", "Hub"));
        let id = FileId::parse("UF-2026-10-0000-0001").unwrap();
        let created = Moment(1_795_000_000 * Moment::SECOND);
        let sheet = UsageSheet::of(kind, id, &self.file, hub, created, self.file.checking.checkpoint).unwrap();
        let mut writer = sheet.create(&path, folder.path()).unwrap();
        let wanted = |record: &CheckedRecord| kind != Kind::Rejects || !record.is_valid();
        writer.batch(&self.read, &self.checked, wanted).unwrap();
        let written = writer.finish().unwrap();
        (std::fs::read(&path).unwrap(), written)
    }
}
