//! What one kind of object can be filtered, ordered, searched and selected by.

/// One name a query may use, and where its value is in the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The published name; `.` and `__` are the same in it.
    pub name: &'static str,
    /// Where the value is, dotted; arrays on the way mean any of their elements.
    pub path: &'static str,
    /// What the values are, which decides the operators.
    pub kind: Kind,
    /// Whether `null()` may be asked for.
    pub null: bool,
    /// Whether `ordering(…)` may name it.
    pub ordering: bool,
    /// Whether `search=…` looks into it.
    pub search: bool,
}

/// What the values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Ids and other strings: eq, ne, like, ilike, in, out.
    Text,
    /// One of a closed set, in exactly this spelling; the same operators, but other values are refused.
    Enum(&'static [&'static str]),
    /// An instant: eq, ne, ge, gt, le, lt, in, out.
    Time,
    /// An exact decimal; the operators of an instant.
    Number,
    /// A part of the object that can only be selected. As a filter its name is unknown.
    Block,
}

impl Field {
    /// The field that a query means by a name, among those that are visible.
    pub(super) fn find(fields: &'static [Self], name: &str, visible: &impl Fn(&Self) -> bool) -> Option<&'static Self> {
        let name = canonical(name);
        fields.iter().find(|field| canonical(field.name) == name && visible(field))
    }

    pub(super) const fn text(name: &'static str, path: &'static str) -> Self {
        Self { name, path, kind: Kind::Text, null: true, ordering: false, search: false }
    }

    pub(super) const fn one_of(name: &'static str, path: &'static str, values: &'static [&'static str]) -> Self {
        Self { kind: Kind::Enum(values), null: false, ..Self::text(name, path) }
    }

    pub(super) const fn time(name: &'static str, path: &'static str) -> Self {
        Self { kind: Kind::Time, ..Self::text(name, path) }
    }

    pub(super) const fn number(name: &'static str, path: &'static str) -> Self {
        Self { kind: Kind::Number, ..Self::text(name, path) }
    }

    pub(super) const fn block(path: &'static str) -> Self {
        Self { kind: Kind::Block, ..Self::text(path, path) }
    }

    pub(super) const fn nullable(self) -> Self {
        Self { null: true, ..self }
    }

    pub(super) const fn ordered(self) -> Self {
        Self { ordering: true, ..self }
    }

    pub(super) const fn searched(self) -> Self {
        Self { search: true, ..self }
    }
}

/// A name with dots only: `instance__id` and `instance.id` are one.
pub(super) fn canonical(name: &str) -> String {
    name.replace("__", ".")
}
