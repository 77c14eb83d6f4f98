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
    #[error("RQL Parsing error. Limit and offset are set incorrectly.")]
    Paging,
    /// `search` with another operator than `eq`, or inside a tuple value.
    #[error("RQL Parsing error. Bad search filter: {operator}.")]
    Search {
        /// The operator that was used.
        operator: &'static str,
    },
    /// A second `ordering(…)`.
    #[error("RQL Parsing error. Bad ordering filter: query can contain only one ordering operation.")]
    OrderingTwice,
    /// More keys than [`ORDERING_FIELDS_MAX`].
    #[error("RQL Parsing error. Bad ordering filter: max allowed number is {ORDERING_FIELDS_MAX}.")]
    OrderingTooLong,
    /// An ordering by something that is unknown, hidden or has no order.
    #[error("RQL Parsing error. Bad ordering filter: {field}.")]
    Ordering {
        /// The name as written.
        field: String,
    },
    /// A second `select(…)`.
    #[error("RQL Parsing error. Bad select filter: query can contain only one select operation.")]
    SelectTwice,
    /// A selection of something that is unknown or hidden.
    #[error("RQL Parsing error. Bad select filter: {field}.")]
    Select {
        /// The name as written.
        field: String,
    },
    /// A block that is both included and excluded.
    #[error("RQL Parsing error. Bad select filter: incompatible properties.")]
    SelectConflict,
    /// An operator that the field doesn't support.
    #[error("RQL Lookup error. Filter: {filter}, lookup: {lookup}, value: {value}.")]
    Lookup {
        /// The field's name.
        filter: String,
        /// The operator.
        lookup: &'static str,
        /// The value as written.
        value: String,
    },
    /// A value that the field can't have.
    #[error("RQL Value error. Filter: {filter}, lookup: {lookup}, value: {value}.")]
    Value {
        /// The field's name.
        filter: String,
        /// The operator.
        lookup: &'static str,
        /// The value as written.
        value: String,
    },
}

impl RqlError {
    /// Where in the decoded text, for the errors that have a place.
    #[must_use]
    pub fn position(&self) -> Option<usize> {
        match self {
            Self::Syntax { position, .. }
            | Self::TooDeep { position }
            | Self::TooManyTerms { position }
            | Self::TooManyValues { position } => Some(*position),
            Self::TooLong { .. }
            | Self::Paging
            | Self::Search { .. }
            | Self::OrderingTwice
            | Self::OrderingTooLong
            | Self::Ordering { .. }
            | Self::SelectTwice
            | Self::Select { .. }
            | Self::SelectConflict
            | Self::Lookup { .. }
            | Self::Value { .. } => None,
        }
    }
}
