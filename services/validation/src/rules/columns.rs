//! Where the known columns stand in the file.

use std::sync::Arc;

use ledger::catalog::{Capabilities, Schema};
use ledger::fact::FileColumn;
use workbook::columns::{Column, Requirement};

/// A column of the `records` tab that rules read (seed 003, the column table).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    RecordId,
    SubscriptionCriteria,
    SubscriptionValue,
    ItemCriteria,
    ItemValue,
    Quantity,
    Amount,
    Tier,
    Start,
    End,
    CategoryId,
    ItemName,
    ItemMpn,
    ItemUnit,
    ItemPrecision,
}

impl Field {
    const ALL: [Self; 15] = [
        Self::RecordId,
        Self::SubscriptionCriteria,
        Self::SubscriptionValue,
        Self::ItemCriteria,
        Self::ItemValue,
        Self::Quantity,
        Self::Amount,
        Self::Tier,
        Self::Start,
        Self::End,
        Self::CategoryId,
        Self::ItemName,
        Self::ItemMpn,
        Self::ItemUnit,
        Self::ItemPrecision,
    ];

    /// The normalised header.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::RecordId => "record_id",
            Self::SubscriptionCriteria => "asset_search_criteria",
            Self::SubscriptionValue => "asset_search_value",
            Self::ItemCriteria => "item_search_criteria",
            Self::ItemValue => "item_search_value",
            Self::Quantity => "quantity",
            Self::Amount => "amount",
            Self::Tier => "tier",
            Self::Start => "start_time_utc",
            Self::End => "end_time_utc",
            Self::CategoryId => "category_id",
            Self::ItemName => "item_name",
            Self::ItemMpn => "item_mpn",
            Self::ItemUnit => "item_unit",
            Self::ItemPrecision => "item_precision",
        }
    }

    /// Its row in the one table of columns (`schemas/columns.json`).
    fn column(self) -> Option<&'static Column> {
        workbook::columns::uploaded(self.name())
    }

    /// What its cells may hold, to follow "Fill in".
    pub(super) fn accepts(self) -> &'static str {
        self.column().map_or("", |column| column.fill_in)
    }

    /// Whether every record must fill it. Dynamic items are named by other columns (seed 003), so the search columns
    /// of a product that has them may be absent.
    fn required(self, schema: Schema, capabilities: &Capabilities) -> bool {
        match self.column().map(|column| column.requirement(schema)) {
            Some(Requirement::Required) => true,
            Some(Requirement::RequiredUnlessDynamic) => !capabilities.dynamic,
            Some(Requirement::Optional | Requirement::DynamicOnly | Requirement::Ignored) | None => false,
        }
    }
}

/// A `v.` column that the product demands.
#[derive(Debug)]
pub(super) struct CustomField {
    /// With its `v.`.
    pub(super) name: String,
    pub(super) column: Option<u16>,
}

/// The places of the columns of one file.
#[derive(Debug)]
pub(super) struct Columns<'a> {
    all: &'a [FileColumn],
    places: [Option<u16>; Field::ALL.len()],
    /// Required and absent, in the order of the rules.
    pub(super) missing: Vec<Field>,
    /// Shared, so that a row can note errors while it goes through them.
    pub(super) custom: Arc<[CustomField]>,
}

impl<'a> Columns<'a> {
    pub(super) fn new(all: &'a [FileColumn], schema: Schema, capabilities: &Capabilities) -> Self {
        let place = |name: &str| {
            let at = all.iter().position(|column| column.name == name);
            at.and_then(|at| u16::try_from(at).ok())
        };
        let places = Field::ALL.map(|field| place(field.name()));
        let absent = |field: &Field| place(field.name()).is_none() && field.required(schema, capabilities);
        let missing = Field::ALL.into_iter().filter(absent).collect();
        // The capability's names come with or without `v.` (connect-api U27).
        let custom = capabilities.required_custom_fields.iter().map(|name| {
            let bare = name.strip_prefix("v.").unwrap_or(name);
            let name = format!("v.{bare}");
            CustomField { column: place(&name), name }
        });
        Self { all, places, missing, custom: custom.collect() }
    }

    pub(super) fn place(&self, field: Field) -> Option<u16> {
        self.places.get(field as usize).copied().flatten()
    }

    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// The name of a column by its index.
    pub(super) fn name(&self, column: u16) -> &'a str {
        self.all.get(usize::from(column)).map_or("", |column| column.name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_stands_at_its_own_place() {
        let places = Field::ALL.map(|field| field as usize);
        assert_eq!(places.to_vec(), (0..Field::ALL.len()).collect::<Vec<_>>());
    }
}
