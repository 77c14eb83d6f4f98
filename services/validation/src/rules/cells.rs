//! One row and its cells: the rules that hold for cells of any column.

use std::sync::Arc;

use ledger::record::{CellKind, CellView, CheckedRecord, ReadBatch, RecordError};

use super::checker::{Checker, Parties};
use super::columns::{CustomField, Field};
use super::sentences;

/// A row while it is checked.
pub(super) struct Row<'r, 'a> {
    pub(super) checker: &'r mut Checker<'a>,
    pub(super) batch: &'r ReadBatch,
    pub(super) index: usize,
    pub(super) record: CheckedRecord,
}

impl<'r> Row<'r, '_> {
    /// Every rule; gives what the row is about.
    pub(super) fn check(&mut self) -> Parties {
        for field in &self.checker.columns.missing {
            self.record.errors.push(sentences::column_missing(*field));
        }
        self.check_record_id();
        let subscription = self.check_subscription();
        let (item, purchased) = self.check_item(subscription);
        self.check_quantity(item, purchased);
        self.check_amount_and_tier();
        self.check_times(subscription);
        self.check_category();
        self.check_custom_fields();
        self.check_lengths();
        Parties { subscription, item }
    }

    pub(super) fn column(&self, field: Field) -> Option<u16> {
        self.checker.columns.place(field)
    }

    /// The cell of a column, without spaces around it; a blank where the file hasn't the column.
    pub(super) fn cell(&self, field: Field) -> CellView<'r> {
        self.column(field).map_or(CellView { kind: CellKind::Text, text: "" }, |column| self.at(column))
    }

    fn at(&self, column: u16) -> CellView<'r> {
        let cell = self.batch.cell(self.index, usize::from(column));
        CellView { kind: cell.kind, text: cell.text.trim() }
    }

    /// The cell of a column that must be filled: an error is noted where it isn't, or where it can't be used. A text
    /// that was cut has an error of its own, and so has a column that no file may lack.
    pub(super) fn given(&mut self, field: Field) -> Option<CellView<'r>> {
        let Some(column) = self.column(field) else {
            if !self.checker.columns.missing.contains(&field) {
                self.error(sentences::column_missing(field));
            }
            return None;
        };
        let cell = self.usable(column)?;
        if cell.text.is_empty() {
            self.error(sentences::blank(field, Some(column)));
            return None;
        }
        Some(cell)
    }

    /// The cell, unless it holds nothing that was meant as a value.
    pub(super) fn usable(&mut self, column: u16) -> Option<CellView<'r>> {
        let cell = self.at(column);
        let name = self.checker.columns.name(column);
        match cell.kind {
            CellKind::Error => self.error(sentences::holds_error(name, cell.text, Some(column))),
            CellKind::Formula => self.error(sentences::formula_without_value(name, Some(column))),
            CellKind::Cut => {}
            CellKind::Text | CellKind::Number | CellKind::Date | CellKind::Bool => return Some(cell),
        }
        None
    }

    pub(super) fn error(&mut self, error: RecordError) {
        self.record.errors.push(error);
    }

    fn check_record_id(&mut self) {
        let Some(column) = self.column(Field::RecordId) else { return };
        if self.usable(column).is_none() {
            return;
        }
        // The id counts byte for byte but for the ASCII spaces around it, so the cell is read untrimmed.
        let id = self.batch.cell(self.index, usize::from(column)).text.trim_ascii();
        if id.is_empty() {
            self.error(sentences::blank(Field::RecordId, Some(column)));
        } else {
            self.record.key = self.checker.key_of(id);
        }
    }

    fn check_category(&mut self) {
        let Some(column) = self.column(Field::CategoryId) else { return };
        let Some(cell) = self.usable(column) else { return };
        if !cell.text.is_empty() && !self.checker.categories.contains(cell.text) {
            self.error(sentences::category_unknown(cell.text, Some(column)));
        }
    }

    fn check_custom_fields(&mut self) {
        let fields = Arc::clone(&self.checker.columns.custom);
        for CustomField { name, column } in fields.iter() {
            // What makes a cell unusable is said already, so that it isn't called blank as well.
            let filled = column.is_some_and(|column| self.usable(column).is_none_or(|cell| !cell.text.is_empty()));
            if !filled {
                self.error(sentences::custom_field_missing(name, *column));
            }
        }
    }

    fn check_lengths(&mut self) {
        for (column, cells) in self.batch.columns.iter().enumerate().take(self.checker.columns.count()) {
            if cells.kinds.get(self.index) == Some(&(CellKind::Cut as u8)) {
                let column = u16::try_from(column).unwrap_or(u16::MAX);
                let error = sentences::text_too_long(self.checker.columns.name(column), Some(column));
                self.error(error);
            }
        }
    }
}
