//! A usage record as pages show it.

use serde::Deserialize;
use serde_json::Number;

use crate::shape::{Reference, Wrong};
use crate::time::At;

/// A row of a usage file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) exempt: String,
    pub(crate) usagefile: Reference,
    pub(crate) record_id: String,
    pub(crate) record_note: String,
    pub(crate) start_date: Option<At>,
    pub(crate) end_date: Option<At>,
    pub(crate) usage: Option<Number>,
    pub(crate) amount: Option<Number>,
    pub(crate) tier: Option<u8>,
    pub(crate) item: Item,
    pub(crate) asset: Subscription,
    pub(crate) hub: Reference,
    pub(crate) category: Reference,
    pub(crate) params: Vec<Parameter>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) error_codes: String,
    pub(crate) error_details: String,
    pub(crate) closed_at: Option<At>,
    pub(crate) closed_by: String,
    pub(crate) external_billing_id: String,
    pub(crate) external_billing_note: String,
}

/// An item of a product.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) mpn: String,
    pub(crate) name: String,
    pub(crate) unit: String,
}

/// A subscription.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) external_id: String,
}

/// A value of one of the vendor's own columns.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Parameter {
    pub(crate) parameter_name: String,
    pub(crate) parameter_value: String,
}

/// What a rule only warns of.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Warning {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) fix: String,
}

impl Record {
    /// The row of the sheet, in whose eight digits the record's id ends.
    pub(crate) fn row(&self) -> String {
        let mut groups = self.id.rsplit('-').map(|digits| digits.parse().unwrap_or(0_u64));
        let (low, high) = (groups.next().unwrap_or(0), groups.next().unwrap_or(0));
        high.saturating_mul(10_000).saturating_add(low).to_string()
    }

    /// Whether something is wrong with it, or doubtful.
    pub(crate) fn is_faulty(&self) -> bool {
        !self.error_codes.is_empty() || !self.warnings.is_empty()
    }
}

/// A cell of the grid: what the ledger read, or what was typed and why that won't do.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    /// What is wrong in the cells that it stands for.
    pub(crate) wrong: Vec<Wrong>,
}

impl Cell {
    /// Whether it holds an error, and not just a warning.
    pub(crate) fn is_bad(&self) -> bool {
        self.wrong.iter().any(|one| one.severity == "error")
    }
}

/// A record with its faults at their cells.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) record: Record,
    pub(crate) row: String,
    pub(crate) identity: Cell,
    pub(crate) subscription: Cell,
    pub(crate) item: Cell,
    pub(crate) time: Cell,
    pub(crate) quantity: Cell,
    pub(crate) amount: Cell,
    /// Of columns that the grid doesn't show, or of the record as a whole.
    pub(crate) other: Cell,
}

impl Row {
    /// A record, with those of many faults that are its own.
    pub(crate) fn new(record: Record, wrong: &[Wrong]) -> Self {
        let row = record.row();
        let empty = Cell::default;
        let mut line = Self {
            record,
            row,
            identity: empty(),
            subscription: empty(),
            item: empty(),
            time: empty(),
            quantity: empty(),
            amount: empty(),
            other: empty(),
        };
        for one in wrong {
            if one.row.is_some_and(|row| row.to_string() == line.row) {
                line.cell(&one.column).wrong.push(one.clone());
            }
        }
        line
    }

    /// Where the grid shows a column of the sheet.
    fn cell(&mut self, column: &str) -> &mut Cell {
        match column {
            "record_id" | "record_note" => &mut self.identity,
            "quantity" => &mut self.quantity,
            "amount" | "tier" => &mut self.amount,
            "start_time_utc" | "end_time_utc" => &mut self.time,
            _ if column.starts_with("asset") => &mut self.subscription,
            _ if column.starts_with("item") => &mut self.item,
            _ => &mut self.other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(row: u64, column: &str, severity: &str) -> Wrong {
        Wrong { row: Some(row), column: column.to_owned(), severity: severity.to_owned(), ..Wrong::default() }
    }

    #[test]
    fn faults_stand_at_their_cells() {
        let record = Record { id: "UR-2026-11-0000-0000-0003-0012".to_owned(), ..Record::default() };
        let all = [
            wrong(30_012, "quantity", "error"),
            wrong(30_012, "item_search_value", "error"),
            wrong(30_012, "v.zone", "warning"),
            wrong(12, "amount", "error"),
        ];
        let row = Row::new(record, &all);
        let bad = [&row.identity, &row.subscription, &row.item, &row.time, &row.quantity, &row.amount, &row.other];
        assert_eq!(bad.map(Cell::is_bad), [false, false, true, false, true, false, false]);
        assert_eq!((row.other.wrong.len(), row.row.as_str()), (1, "30012"));
    }
}
