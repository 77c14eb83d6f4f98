//! Stage 2 for an item that the record itself describes (design §12): its identity is the product and the part number.

use std::collections::HashMap;

use ledger::Named;
use ledger::catalog::{Item, ItemKind, dynamic_item_id, precision_places};
use ledger::fact::DynamicItem;
use ledger::record::CellKind;

use super::cells::Row;
use super::columns::Field;
use super::sentences;

/// New items that one file may bring.
pub(super) const DYNAMIC_ITEMS_MAX: usize = 10_000;
/// Characters of the name, the part number and the unit of one: a fact carries two hundred of them.
pub(super) const DYNAMIC_CHARS_MAX: usize = 128;
/// The only period that metered items can have (connect-api §3.9).
const PERIOD: &str = "monthly";

/// The items that records brought so far.
#[derive(Debug, Default)]
pub(super) struct DynamicItems {
    /// The number of each in the look-up and the row that brought it, by part number.
    by_mpn: HashMap<String, (u32, u32)>,
    found: Vec<DynamicItem>,
}

impl DynamicItems {
    pub(super) fn into_found(self) -> Vec<DynamicItem> {
        self.found
    }
}

/// What a record says of its item.
struct Described<'r> {
    name: &'r str,
    mpn: &'r str,
    unit: &'r str,
    places: u8,
}

impl<'r> Row<'r, '_> {
    /// The item that the record describes: the product's of that part number, else the one that an earlier record
    /// brought, else a new one.
    pub(super) fn check_dynamic_item(&mut self) -> Option<u32> {
        let described = self.described()?;
        let lookup = &self.checker.lookup;
        let known = lookup.by_mpn(described.mpn);
        let metered = |number: &&u32| lookup.item(**number).is_some_and(|item| item.kind == ItemKind::PayAsYouGo);
        if let Some(&number) = known.iter().find(metered) {
            self.compare(number, &described, None);
            return Some(number);
        }
        if !known.is_empty() {
            self.error(sentences::dynamic_reservation(described.mpn, self.column(Field::ItemMpn)));
            return None;
        }
        if let Some(&(number, row)) = self.checker.dynamic.by_mpn.get(described.mpn) {
            self.compare(number, &described, Some(row));
            return Some(number);
        }
        self.bring(&described)
    }

    fn bring(&mut self, described: &Described<'r>) -> Option<u32> {
        if self.checker.dynamic.found.len() >= DYNAMIC_ITEMS_MAX {
            self.error(sentences::dynamic_too_many(self.column(Field::ItemMpn)));
            return None;
        }
        let product = self.checker.against.product;
        let named = Named { id: dynamic_item_id(product, described.mpn)?, name: described.name.to_owned() };
        let (mpn, unit, row) = (described.mpn.to_owned(), described.unit.to_owned(), self.record.row);
        let item = Item {
            named: named.clone(),
            product: product.clone(),
            mpn: mpn.clone(),
            unit: unit.clone(),
            period: PERIOD.to_owned(),
            kind: ItemKind::PayAsYouGo,
            places: described.places,
            dynamic: true,
            source: String::new(),
        };
        let number = self.checker.lookup.bring(item);
        let dynamic = &mut self.checker.dynamic;
        dynamic.by_mpn.insert(mpn.clone(), (number, row));
        dynamic.found.push(DynamicItem { named, mpn, unit, places: described.places, row });
        Some(number)
    }

    /// Unit and precision must be those that are known; a name that differs gives way.
    fn compare(&mut self, number: u32, described: &Described<'r>, first_row: Option<u32>) {
        let Some(known) = self.checker.lookup.item(number) else { return };
        let unit = known.unit.trim().eq_ignore_ascii_case(described.unit);
        if unit && known.places == described.places {
            return;
        }
        let column = self.column(if unit { Field::ItemPrecision } else { Field::ItemUnit });
        self.error(sentences::dynamic_differs(known, first_row, column));
    }

    fn described(&mut self) -> Option<Described<'r>> {
        const FIELDS: [Field; 4] = [Field::ItemName, Field::ItemMpn, Field::ItemUnit, Field::ItemPrecision];
        let mut missing: Vec<Field> = Vec::new();
        let mut texts = [""; FIELDS.len()];
        for (field, text) in FIELDS.into_iter().zip(&mut texts) {
            let cell = match self.column(field) {
                Some(column) => self.usable(column)?,
                None => self.cell(field),
            };
            *text = cell.text;
            if cell.text.is_empty() {
                missing.push(field);
            } else if cell.text.chars().nth(DYNAMIC_CHARS_MAX).is_some() || cell.kind == CellKind::Cut {
                self.error(sentences::dynamic_too_long(field, self.column(field)));
                return None;
            }
        }
        if let Some(first) = missing.first() {
            let names: Vec<&str> = missing.iter().map(|field| field.name()).collect();
            self.error(sentences::dynamic_incomplete(&names, self.column(*first)));
            return None;
        }
        let [name, mpn, unit, precision] = texts;
        let Some(places) = precision_places(precision) else {
            self.error(sentences::dynamic_precision(precision, self.column(Field::ItemPrecision)));
            return None;
        };
        Some(Described { name, mpn, unit, places })
    }
}
