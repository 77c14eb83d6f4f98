//! RQL, the query language of every list: what a client writes behind the `?`.
//!
//! [`Query::parse`] reads the text, [`Compiled::new`] checks it against the [`Field`]s of one kind of object and what
//! the caller may see, and the result filters and sorts whatever is a [`Subject`]: JSON, or the fold itself
//! ([`objects`]), and trims its JSON. [`Page`] is the window a list answers. [`judge`] does what usage rules say.
//!
//! The grammar is lib-rql 2.0.2, kept equal by verdicts of the real parser (`tests/oracle.tsv`). Three things are
//! accepted beyond it, because real clients send them: the functions `null(field,true|false)` and
//! `empty(field,true|false)`; a `/` anywhere in an unquoted value; and `'` or `"` inside an unquoted value.
//!
//! Pure: it knows the language of the ledger and nothing else of ours. What is absent: no HTTP, no storage, no
//! knowledge of roles. Who sees a field is the caller's predicate.

mod catalogue;
mod columns;
mod compiled;
mod condition;
mod error;
mod field;
mod instant;
pub mod judge;
pub mod objects;
mod page;
mod parameter;
mod parse;
mod pattern;
mod subject;
mod words;

#[cfg(test)]
mod tests;

pub use catalogue::{
    ACCOUNTS, AGGREGATES, API_KEYS, ASSETS, CATEGORIES, CHUNKS, CONTRACTS, FILES, HISTORY, HUBS, ITEMS, LISTINGS,
    MARKETPLACES, PRODUCTS, RECONCILIATIONS, RECORDS, RULES, SESSIONS, VALIDATION_ERRORS, WEBHOOKS,
};
pub use columns::Column;
pub use compiled::Compiled;
pub use error::RqlError;
pub use field::{Field, Kind};
pub use page::{LIMIT_DEFAULT, LIMIT_MAX, Page, content_range};
pub use parameter::{Twice, take_parameter};
pub use parse::{DEPTH_MAX, ORDERING_FIELDS_MAX, QUERY_BYTES_MAX, TERMS_MAX, VALUES_MAX};
pub use subject::{Scalar, Subject};

/// A query as it was written, before anybody asked whether its names exist.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The condition, if there is one.
    pub filter: Option<Expr>,
    /// The keys of `ordering(…)`, the most important first.
    pub ordering: Vec<Order>,
    /// The blocks of `select(…)`.
    pub select: Vec<Select>,
    /// The first `search=…` that the whole query is and-ed with; a further one stays in the filter.
    pub search: Option<Placed<String>>,
    /// The `limit=…`; none where it is absent or no number, as in django-rql.
    pub limit: Option<u64>,
    /// The `offset=…`, likewise.
    pub offset: Option<u64>,
}

impl Query {
    /// Reads a raw query string: percent-decoded as a whole first (a `+` stays a plus), then parsed.
    ///
    /// # Errors
    /// [`RqlError`] with the place in the decoded text, or the limit that was exceeded.
    pub fn parse(raw: &str) -> Result<Self, RqlError> {
        parse::query(raw)
    }
}

/// A name or a value of a query, and where it stands in the decoded text.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// What stands there.
    pub what: T,
    /// Byte offset in the decoded text.
    pub position: usize,
}

/// Two queries are equal when they say the same; where they say it is no difference.
impl<T: PartialEq> PartialEq for Placed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.what == other.what
    }
}

impl<T: Eq> Eq for Placed<T> {}

/// A condition on an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// All of them hold.
    And(Vec<Expr>),
    /// At least one of them holds.
    Or(Vec<Expr>),
    /// It does not hold.
    Not(Box<Expr>),
    /// A field against one value.
    Compare {
        /// How they are compared.
        op: Op,
        /// The name as written.
        field: Placed<String>,
        /// The other side.
        value: Placed<Value>,
    },
    /// A field against a pattern in which `*` stands for any text.
    Like {
        /// The name as written.
        field: Placed<String>,
        /// The pattern; `\*` is a star.
        pattern: Placed<Value>,
        /// True for `ilike`.
        case_insensitive: bool,
    },
    /// A field against a list of values.
    In {
        /// The name as written.
        field: Placed<String>,
        /// The list.
        values: Vec<Placed<Value>>,
        /// True for `out`.
        negated: bool,
    },
    /// A `search=…` below `or` or `not`, or a second one.
    Search(Placed<String>),
}

/// A value of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A text, without its quotes.
    Text(String),
    /// `null()`.
    Null,
    /// `empty()`.
    Empty,
}

/// A comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal; a field that is absent is not equal to any value.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Ge,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
}

impl Op {
    /// The name in a query.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }
}

/// One key of an ordering.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The name as written.
    pub field: Placed<String>,
    /// True for `-name`.
    pub descending: bool,
}

/// One block of a selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Select {
    /// The name as written.
    pub field: Placed<String>,
    /// False for `-name`.
    pub include: bool,
}
