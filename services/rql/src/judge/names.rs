//! What the conditions of usage rules may name: the filters of the lists of files and records that a provider sees, and
//! what is worth deciding by beside them.

use std::borrow::Cow;

use ledger::rule::RuleScope;

use crate::condition::{Found, Names, Node};
use crate::field::{Field, Kind, canonical};
use crate::objects::PARAMS_PREFIX;
use crate::{FILES, Placed, RECORDS, RqlError};

/// What a provider doesn't see, and so can't decide by.
const HIDDEN: [&str; 2] = ["external_id", "error_codes"];

const FILE_NAMES: &[Field] = &[
    Field::text("description", "description"),
    Field::text("note", "note"),
    Field::time("period.from", "period.from"),
    Field::time("period.to", "period.to"),
    Field::text("currency", "currency"),
    Field::one_of("predictive", "predictive", &["true", "false"]),
    Field::number("stats.uploaded", "stats.uploaded"),
    Field::number("stats.validated", "stats.validated"),
    Field::number("totals.records", "totals.records"),
    Field::number("totals.quantity", "totals.quantity"),
    Field::number("totals.amount", "totals.amount"),
    Field::time("submitted.at", "events.submitted.at"),
];

const RECORD_NAMES: &[Field] = &[
    Field::number("usage", "usage"),
    Field::number("quantity", "usage"),
    Field::number("amount", "amount"),
    Field::number("tier", "tier"),
    Field::text("item.mpn", "item.mpn"),
    Field::text("category.id", "category.id"),
];

/// The names of one scope, all of which must be known.
pub(super) struct RuleNames(pub(super) RuleScope);

impl RuleNames {
    pub(super) fn known(&self) -> impl Iterator<Item = &'static Field> + use<> {
        let (list, own) = match self.0 {
            RuleScope::File => (FILES, FILE_NAMES),
            RuleScope::Record => (RECORDS, RECORD_NAMES),
        };
        let filters = list.iter().filter(|field| field.kind != Kind::Block && !HIDDEN.contains(&field.path));
        filters.chain(own)
    }

    /// A custom column, whose name is kept byte for byte.
    fn parameter(&self, name: &Placed<String>) -> Option<Found> {
        let column = name.what.strip_prefix(PARAMS_PREFIX)?;
        (self.0 == RuleScope::Record && !column.is_empty()).then(|| {
            let path: Cow<'static, str> = Cow::Owned(name.what.clone());
            Found { name: path.clone(), path, kind: Kind::Text, null: true, position: name.position }
        })
    }
}

impl Names for RuleNames {
    fn find(&self, name: &Placed<String>) -> Result<Option<Found>, RqlError> {
        let wanted = canonical(&name.what);
        let field = self.known().find(|field| canonical(field.name) == wanted);
        let found = field.map(|field| Found::of(field, name.position)).or_else(|| self.parameter(name));
        found.map(Some).ok_or_else(|| {
            let mut known: Vec<&str> = self.known().map(|field| field.name).collect();
            if self.0 == RuleScope::Record {
                known.push("params.<name of a custom column>");
            }
            RqlError::Unknown { name: name.what.clone(), known: known.join(", "), position: name.position }
        })
    }

    fn search(&self, text: &Placed<String>) -> Result<Option<Node>, RqlError> {
        Err(RqlError::ListOnly { what: "search", position: text.position })
    }
}
