//! Why a query is refused. The texts are django-rql's own, because clients match on them; so unlike our other
//! messages they are sentences.

use super::parse::{DEPTH_MAX, ORDERING_FIELDS_MAX, QUERY_BYTES_MAX, TERMS_MAX, VALUES_MAX};

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RqlError {
    /// The query string is longer than [`QUERY_BYTES_MAX`].
    #[error("RQL Parsing error. The query has {bytes} bytes, at most {QUERY_BYTES_MAX} are allowed.")]
    TooLong {
        /// Its length as sent.
        bytes: usize,
    },
    /// The text is no RQL.
    #[error("RQL Parsing error. Expected {expected} at position {position} near `{near}`.")]
    Syntax {
        /// Byte offset in the decoded text.
        position: usize,
        /// What could have stood there.
        expected: &'static str,
        /// The text from there on, cut.
        near: String,
    },
    /// Parentheses in parentheses, deeper than [`DEPTH_MAX`].
    #[error("RQL Parsing error. More than {DEPTH_MAX} levels of parentheses at position {position}.")]
    TooDeep {
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// More conditions than [`TERMS_MAX`].
    #[error("RQL Parsing error. More than {TERMS_MAX} conditions at position {position}.")]
    TooManyTerms {
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// A list longer than [`VALUES_MAX`].
    #[error("RQL Parsing error. More than {VALUES_MAX} values in one list at position {position}.")]
    TooManyValues {
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// `limit` or `offset` twice, or with another operator than `eq`.
    #[error("RQL Parsing error. Limit and offset are set incorrectly. Position: {position}.")]
    Paging {
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// `search` with another operator than `eq`, or inside a tuple value.
    #[error("RQL Parsing error. Bad search filter: {operator}. Position: {position}.")]
    Search {
        /// The operator that was used.
        operator: &'static str,
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// A second `ordering(…)`.
    #[error(
        "RQL Parsing error. Bad ordering filter: query can contain only one ordering operation. Position: {position}."
    )]
    OrderingTwice {
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// More keys than [`ORDERING_FIELDS_MAX`].
    #[error(
        "RQL Parsing error. Bad ordering filter: max allowed number is {ORDERING_FIELDS_MAX}. Position: {position}."
    )]
    OrderingTooLong {
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// An ordering by something that is unknown, hidden or has no order.
    #[error("RQL Parsing error. Bad ordering filter: {field}. Position: {position}.")]
    Ordering {
        /// The name as written.
        field: String,
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// A second `select(…)`.
    #[error("RQL Parsing error. Bad select filter: query can contain only one select operation. Position: {position}.")]
    SelectTwice {
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// A selection of something that is unknown or hidden.
    #[error("RQL Parsing error. Bad select filter: {field}. Position: {position}.")]
    Select {
        /// The name as written.
        field: String,
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// A block that is both included and excluded.
    #[error("RQL Parsing error. Bad select filter: incompatible properties. Position: {position}.")]
    SelectConflict {
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// A name that there isn't, in a usage rule: there it is no use to leave its condition out.
    #[error("RQL Parsing error. Unknown name: {name}. Position: {position}. Known names: {known}.")]
    Unknown {
        /// The name as written.
        name: String,
        /// The names that there are.
        known: String,
        /// Byte offset in the text.
        position: usize,
    },
    /// Something that belongs to lists, in a usage rule.
    #[error("RQL Parsing error. A rule is a condition and has no {what}. Position: {position}.")]
    ListOnly {
        /// What it is.
        what: &'static str,
        /// Byte offset in the text.
        position: usize,
    },
    /// An operator that the field doesn't support.
    #[error("RQL Lookup error. Filter: {filter}, lookup: {lookup}, value: {value}. Position: {position}.")]
    Lookup {
        /// The field's name.
        filter: String,
        /// The operator.
        lookup: &'static str,
        /// The value as written.
        value: String,
        /// Byte offset in the decoded text.
        position: usize,
    },
    /// A value that the field can't have.
    #[error("RQL Value error. Filter: {filter}, lookup: {lookup}, value: {value}. Position: {position}.")]
    Value {
        /// The field's name.
        filter: String,
        /// The operator.
        lookup: &'static str,
        /// The value as written.
        value: String,
        /// Byte offset in the decoded text.
        position: usize,
    },
}

impl RqlError {
    /// Where in the decoded text, for the errors that have a place: of the name, or of the value, that is wrong.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        match self {
            Self::TooLong { .. } => None,
            Self::Syntax { position, .. }
            | Self::TooDeep { position }
            | Self::TooManyTerms { position }
            | Self::TooManyValues { position }
            | Self::Paging { position }
            | Self::Search { position, .. }
            | Self::OrderingTwice { position }
            | Self::OrderingTooLong { position }
            | Self::Ordering { position, .. }
            | Self::SelectTwice { position }
            | Self::Select { position, .. }
            | Self::SelectConflict { position }
            | Self::Unknown { position, .. }
            | Self::ListOnly { position, .. }
            | Self::Lookup { position, .. }
            | Self::Value { position, .. } => Some(*position),
        }
    }
}
