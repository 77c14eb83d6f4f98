//! Conditions with their fields found and their values read, and whether an object fulfils them.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use ledger::Decimal;

use super::field::{Field, Kind};
use super::pattern::Pattern;
use super::subject::{Scalar, Subject};
use super::{Expr, Op, RqlError, Value, instant};

/// A condition on an object.
#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    /// Some value at the path passes the test.
    At(&'static str, Test),
}

/// What one value must be.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Anything: fails where the value is absent.
    Present,
    /// Anything but the empty text.
    Filled,
    OneOf(BTreeSet<String>),
    Like(Pattern),
    Time(Op, i64),
    Number(Op, Decimal),
}

impl Node {
    /// The condition of an expression; none where all of it is about unknown fields.
    pub(super) fn of(
        expr: Expr,
        fields: &'static [Field],
        visible: &impl Fn(&Field) -> bool,
    ) -> Result<Option<Self>, RqlError> {
        let all = |parts: Vec<Expr>| -> Result<Vec<Self>, RqlError> {
            parts.into_iter().filter_map(|part| Self::of(part, fields, visible).transpose()).collect()
        };
        let find = |name: &str| Field::find(fields, name, visible).filter(|field| field.kind != Kind::Block);
        match expr {
            Expr::And(parts) => Ok(some_unless_empty(all(parts)?, Self::All)),
            Expr::Or(parts) => Ok(some_unless_empty(all(parts)?, Self::Any)),
            Expr::Not(inner) => Ok(Self::of(*inner, fields, visible)?.map(|inner| inner.negated(true))),
            Expr::Search(text) => Self::searching(&text, fields, visible),
            Expr::Compare { op, field, value } => find(&field).map(|field| comparison(field, op, value)).transpose(),
            Expr::Like { field, pattern, case_insensitive } => {
                find(&field).map(|field| likeness(field, pattern, case_insensitive)).transpose()
            }
            Expr::In { field, values, negated } => {
                find(&field).map(|field| membership(field, values, negated)).transpose()
            }
        }
    }

    /// The condition of a search: the text is somewhere in one of the visible fields that are searched.
    pub(super) fn searching(
        text: &str,
        fields: &'static [Field],
        visible: &impl Fn(&Field) -> bool,
    ) -> Result<Option<Self>, RqlError> {
        if text.is_empty() {
            return Ok(None);
        }
        let pattern = Pattern::anywhere(text).ok_or_else(|| RqlError::Value {
            filter: "search".to_owned(),
            lookup: "ilike",
            value: text.to_owned(),
        })?;
        let paths: BTreeSet<&str> =
            fields.iter().filter(|field| field.search && visible(field)).map(|field| field.path).collect();
        Ok(Some(Self::Any(paths.into_iter().map(|path| Self::At(path, Test::Like(pattern.clone()))).collect())))
    }

    pub(super) fn matches(&self, object: &dyn Subject) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(object)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(object)),
            Self::Not(inner) => !inner.matches(object),
            Self::At(path, test) => object.visit(path, &mut |value| test.passes(value)),
        }
    }

    /// Kleene's logic: what isn't known stays open unless the rest decides.
    pub(super) fn decided(&self, object: &dyn Subject, known: &impl Fn(&str) -> bool) -> Option<bool> {
        match self {
            Self::All(parts) => joined(parts, false, object, known),
            Self::Any(parts) => joined(parts, true, object, known),
            Self::Not(inner) => inner.decided(object, known).map(|holds| !holds),
            Self::At(path, _) => known(path).then(|| self.matches(object)),
        }
    }

    /// The values that something at the path must have one of, if the condition says so.
    pub(super) fn required(&self, path: &str) -> Option<BTreeSet<&str>> {
        match self {
            Self::At(at, Test::OneOf(values)) if *at == path => Some(values.iter().map(String::as_str).collect()),
            Self::All(parts) => {
                let sets = parts.iter().filter_map(|part| part.required(path));
                sets.reduce(|left, right| left.intersection(&right).copied().collect())
            }
            Self::Any(parts) => {
                let sets: Option<Vec<_>> = parts.iter().map(|part| part.required(path)).collect();
                Some(sets?.into_iter().flatten().collect())
            }
            Self::Not(_) | Self::At(..) => None,
        }
    }

    fn negated(self, negated: bool) -> Self {
        if negated { Self::Not(Box::new(self)) } else { self }
    }
}

/// What some parts decide together, where one part that is `decisive` decides alone.
fn joined(parts: &[Node], decisive: bool, object: &dyn Subject, known: &impl Fn(&str) -> bool) -> Option<bool> {
    let mut open = false;
    for part in parts {
        match part.decided(object, known) {
            Some(holds) if holds == decisive => return Some(decisive),
            Some(_) => {}
            None => open = true,
        }
    }
    (!open).then_some(!decisive)
}

fn some_unless_empty(parts: Vec<Node>, join: fn(Vec<Node>) -> Node) -> Option<Node> {
    (!parts.is_empty()).then(|| join(parts))
}

fn comparison(field: &'static Field, op: Op, value: Value) -> Result<Node, RqlError> {
    let equality = matches!(op, Op::Eq | Op::Ne);
    let ordered = matches!(field.kind, Kind::Time | Kind::Number) && value_is_text(&value);
    if !equality && !ordered {
        return Err(lookup_error(field, op.name(), &value));
    }
    if equality {
        return Ok(equal(field, op.name(), value)?.negated(op == Op::Ne));
    }
    Ok(Node::At(field.path, quantity(field, op, op.name(), &value)?))
}

fn value_is_text(value: &Value) -> bool {
    matches!(value, Value::Text(_))
}

fn likeness(field: &'static Field, pattern: Value, case_insensitive: bool) -> Result<Node, RqlError> {
    let lookup = if case_insensitive { "ilike" } else { "like" };
    match (&pattern, field.kind) {
        (Value::Text(text), Kind::Text | Kind::Enum(_)) => {
            let pattern = Pattern::new(text, case_insensitive).ok_or_else(|| value_error(field, lookup, &pattern))?;
            Ok(Node::At(field.path, Test::Like(pattern)))
        }
        _ => Err(lookup_error(field, lookup, &pattern)),
    }
}

/// Texts are one set, so that a long list costs one look-up per object; the other values are tried one by one.
fn membership(field: &'static Field, values: Vec<Value>, negated: bool) -> Result<Node, RqlError> {
    let lookup = if negated { "out" } else { "in" };
    let mut texts = BTreeSet::new();
    let mut parts = Vec::new();
    for value in values {
        match equal(field, lookup, value)? {
            Node::At(_, Test::OneOf(values)) => texts.extend(values),
            other => parts.push(other),
        }
    }
    if !texts.is_empty() {
        parts.push(Node::At(field.path, Test::OneOf(texts)));
    }
    let only = if parts.len() == 1 { parts.pop() } else { None };
    Ok(only.unwrap_or(Node::Any(parts)).negated(negated))
}

/// The condition that the field has this value.
fn equal(field: &'static Field, lookup: &'static str, value: Value) -> Result<Node, RqlError> {
    match (value, field.kind) {
        (Value::Null, _) if field.null => Ok(Node::At(field.path, Test::Present).negated(true)),
        (Value::Null, _) => Err(lookup_error(field, lookup, &Value::Null)),
        // Connect leaves empty members out of its objects, so an absent one is empty.
        (Value::Empty, Kind::Text) => Ok(Node::At(field.path, Test::Filled).negated(true)),
        (Value::Empty, _) => Err(value_error(field, lookup, &Value::Empty)),
        (Value::Text(text), Kind::Text | Kind::Block) => Ok(Node::At(field.path, Test::OneOf(BTreeSet::from([text])))),
        (Value::Text(text), Kind::Enum(allowed)) if allowed.contains(&text.as_str()) => {
            Ok(Node::At(field.path, Test::OneOf(BTreeSet::from([text]))))
        }
        (value @ Value::Text(_), Kind::Enum(_)) => Err(value_error(field, lookup, &value)),
        (value @ Value::Text(_), Kind::Time | Kind::Number) => {
            Ok(Node::At(field.path, quantity(field, Op::Eq, lookup, &value)?))
        }
    }
}

fn quantity(field: &Field, op: Op, lookup: &'static str, value: &Value) -> Result<Test, RqlError> {
    let Value::Text(text) = value else {
        return Err(lookup_error(field, lookup, value));
    };
    let test = match field.kind {
        Kind::Number => Decimal::parse(text).ok().map(|number| Test::Number(op, number)),
        _ => instant::microseconds(text).map(|instant| Test::Time(op, instant)),
    };
    test.ok_or_else(|| value_error(field, lookup, value))
}

fn lookup_error(field: &Field, lookup: &'static str, value: &Value) -> RqlError {
    RqlError::Lookup { filter: field.name.to_owned(), lookup, value: written(value) }
}

fn value_error(field: &Field, lookup: &'static str, value: &Value) -> RqlError {
    RqlError::Value { filter: field.name.to_owned(), lookup, value: written(value) }
}

fn written(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Null => "null()".to_owned(),
        Value::Empty => "empty()".to_owned(),
    }
}

impl Test {
    fn passes(&self, value: Scalar<'_>) -> bool {
        match self {
            Self::Present => true,
            Self::Filled => value != Scalar::Text(""),
            Self::OneOf(texts) => value.with_text(|text| texts.contains(text)),
            Self::Like(pattern) => value.with_text(|text| pattern.matches(text)),
            Self::Time(op, right) => value.microseconds().is_some_and(|left| holds(*op, left.cmp(right))),
            Self::Number(op, right) => value.decimal().is_some_and(|left| holds(*op, left.cmp(right))),
        }
    }
}

fn holds(op: Op, order: Ordering) -> bool {
    match op {
        Op::Eq => order.is_eq(),
        Op::Ne => order.is_ne(),
        Op::Gt => order.is_gt(),
        Op::Ge => order.is_ge(),
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
    }
}
