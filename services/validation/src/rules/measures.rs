//! Stage 3: quantity, amount and tier.

use ledger::amount::PLACES_MAX;
use ledger::catalog::{ItemKind, Schema};
use ledger::record::CellKind;
use ledger::{Decimal, DecimalError};

use super::cells::Row;
use super::columns::Field;
use super::sentences;

impl Row<'_, '_> {
    pub(super) fn check_quantity(&mut self, item: Option<u32>, purchased: Option<Decimal>) {
        let Some(column) = self.column(Field::Quantity) else { return };
        let item = item.and_then(|number| self.checker.lookup.item(number)).map(|item| (item.kind, item.places));
        let places = item.map_or(PLACES_MAX, |(_, places)| u32::from(places));
        if self.cell(Field::Quantity).kind == CellKind::Error {
            // The published sentence says it: an error is no number.
            return self.error(sentences::quantity_not_a_number(Some(column)));
        }
        let Some(cell) = self.given(Field::Quantity) else { return };
        let value = match cell.number(places) {
            Ok((value, noted)) => {
                if noted {
                    self.record.notes.push(format!("Quantity {} was read as {value}", cell.text));
                }
                value
            }
            Err(DecimalError::NotANumber) => return self.error(sentences::quantity_not_a_number(Some(column))),
            Err(DecimalError::TooLarge) => return self.error(sentences::out_of_range("Quantity", Some(column))),
            Err(DecimalError::TooFine(nearest)) => {
                return self.error(sentences::too_fine("Quantity", nearest.rounded(places), Some(column)));
            }
        };
        self.record.quantity = Some(value);
        let Some((kind, item_places)) = item else { return };
        if value.places() > places {
            self.error(sentences::precision(item_places, value.rounded(places), Some(column)));
        }
        if kind == ItemKind::Reservation {
            if value < Decimal::ZERO {
                self.error(sentences::negative_reservation(Some(column)));
            } else if let Some(purchased) = purchased.filter(|&purchased| value > purchased) {
                self.error(sentences::above_purchased(purchased, Some(column)));
            }
        }
    }

    /// QT leaves both unread: producers fill them for it too (connect-api §4.2).
    pub(super) fn check_amount_and_tier(&mut self) {
        let schema = self.checker.against.schema;
        if schema == Schema::Qt {
            return;
        }
        self.check_amount();
        match schema {
            Schema::Tr => self.check_tier(),
            _ if self.cell(Field::Tier).text.is_empty() => {}
            _ => {
                let warning = sentences::tier_ignored(schema, self.column(Field::Tier));
                self.record.warnings.push(warning);
            }
        }
    }

    fn check_amount(&mut self) {
        let Some(column) = self.column(Field::Amount) else { return };
        if self.cell(Field::Amount).kind == CellKind::Error {
            return self.error(sentences::amount_not_a_number(Some(column)));
        }
        let Some(cell) = self.usable(column) else { return };
        if cell.text.is_empty() {
            return self.error(sentences::amount_missing(Some(column)));
        }
        match cell.number(PLACES_MAX) {
            Ok((value, noted)) => {
                if noted {
                    self.record.notes.push(format!("Amount {} was read as {value}", cell.text));
                }
                self.record.amount = Some(value);
            }
            Err(DecimalError::NotANumber) => self.error(sentences::amount_not_a_number(Some(column))),
            Err(DecimalError::TooLarge) => self.error(sentences::out_of_range("Amount", Some(column))),
            Err(DecimalError::TooFine(nearest)) => {
                self.error(sentences::too_fine("Amount", nearest, Some(column)));
            }
        }
    }

    fn check_tier(&mut self) {
        let Some(column) = self.column(Field::Tier) else { return };
        let Some(cell) = self.usable(column) else { return };
        let value = cell.number(0).ok().map(|(value, _)| value);
        // On the value, so that `1.0` is a tier as `7.0` is an integer.
        let tier = (0..=2_u8).find(|&tier| Some(Decimal::from_units(i128::from(tier) * ledger::amount::ONE)) == value);
        if tier.is_none() {
            self.error(sentences::tier(Some(column)));
        }
        self.record.tier = tier;
    }
}
