//! Conditions with their fields found and their values read, and whether an object fulfils them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeSet;

use ledger::Decimal;

use super::field::{Field, Kind};
use super::pattern::Pattern;
use super::subject::{Scalar, Subject};
use super::{Expr, Op, Placed, RqlError, Value, instant};

/// A condition on an object.
#[derive(Clone, Debug)]
pub(super) enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    /// Some value at the path passes the test.
    At(Cow<'static, str>, Test),
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

/// A field that a condition means, by the name that stands at a position.
pub(super) struct Found {
    pub(super) name: Cow<'static, str>,
    pub(super) path: Cow<'static, str>,
    pub(super) kind: Kind,
    pub(super) null: bool,
    pub(super) position: usize,
}

impl Found {
    pub(super) fn of(field: &'static Field, position: usize) -> Self {
        let (name, path) = (Cow::Borrowed(field.name), Cow::Borrowed(field.path));
        Self { name, path, kind: field.kind, null: field.null, position }
    }
}

/// What the names of a condition mean.
pub(super) trait Names {
    /// The field of a name; none where a condition about it is left out.
    fn find(&self, name: &Placed<String>) -> Result<Option<Found>, RqlError>;
    /// The condition of a search; none where there is none.
    fn search(&self, text: &Placed<String>) -> Result<Option<Node>, RqlError>;
}

impl Node {
    /// The condition of an expression; none where all of it is about unknown fields.
    pub(super) fn of(expr: Expr, names: &impl Names) -> Result<Option<Self>, RqlError> {
        let all = |parts: Vec<Expr>| -> Result<Vec<Self>, RqlError> {
            parts.into_iter().filter_map(|part| Self::of(part, names).transpose()).collect()
        };
        match expr {
            Expr::And(parts) => Ok(some_unless_empty(all(parts)?, Self::All)),
            Expr::Or(parts) => Ok(some_unless_empty(all(parts)?, Self::Any)),
            Expr::Not(inner) => Ok(Self::of(*inner, names)?.map(|inner| inner.negated(true))),
            Expr::Search(text) => names.search(&text),
            Expr::Compare { op, field, value } => {
                names.find(&field)?.map(|field| comparison(field, op, value)).transpose()
            }
            Expr::Like { field, pattern, case_insensitive } => {
                names.find(&field)?.map(|field| likeness(field, pattern, case_insensitive)).transpose()
            }
            Expr::In { field, values, negated } => {
                names.find(&field)?.map(|field| membership(field, values, negated)).transpose()
            }
        }
    }

    /// The condition of a search: the text is somewhere in one of some paths.
    pub(super) fn searching(text: &Placed<String>, paths: BTreeSet<&'static str>) -> Result<Option<Self>, RqlError> {
        if text.what.is_empty() {
            return Ok(None);
        }
        let pattern = Pattern::anywhere(&text.what).ok_or_else(|| RqlError::Value {
            filter: "search".to_owned(),
            lookup: "ilike",
            value: text.what.clone(),
            position: text.position,
        })?;
        let parts = paths.into_iter().map(|path| Self::At(Cow::Borrowed(path), Test::Like(pattern.clone())));
        Ok(Some(Self::Any(parts.collect())))
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
            Self::At(at, Test::OneOf(values)) if at == path => Some(values.iter().map(String::as_str).collect()),
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

    /// Whether it is about some path.
    pub(super) fn names(&self, wanted: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().any(|part| part.names(wanted)),
            Self::Not(inner) => inner.names(wanted),
            Self::At(path, _) => wanted(path),
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

fn comparison(field: Found, op: Op, value: Placed<Value>) -> Result<Node, RqlError> {
    let equality = matches!(op, Op::Eq | Op::Ne);
    let ordered = matches!(field.kind, Kind::Time | Kind::Number) && matches!(value.what, Value::Text(_));
    if !equality && !ordered {
        return Err(lookup_error(&field, op.name(), &value));
    }
    if equality {
        return Ok(equal(&field, op.name(), value)?.negated(op == Op::Ne));
    }
    let test = quantity(&field, op, op.name(), &value)?;
    Ok(Node::At(field.path, test))
}

fn likeness(field: Found, pattern: Placed<Value>, case_insensitive: bool) -> Result<Node, RqlError> {
    let lookup = if case_insensitive { "ilike" } else { "like" };
    match (&pattern.what, field.kind) {
        (Value::Text(text), Kind::Text | Kind::Enum(_)) => {
            let pattern = Pattern::new(text, case_insensitive).ok_or_else(|| value_error(&field, lookup, &pattern))?;
            Ok(Node::At(field.path, Test::Like(pattern)))
        }
        _ => Err(lookup_error(&field, lookup, &pattern)),
    }
}

/// Texts are one set, so that a long list costs one look-up per object; the other values are tried one by one.
fn membership(field: Found, values: Vec<Placed<Value>>, negated: bool) -> Result<Node, RqlError> {
    let lookup = if negated { "out" } else { "in" };
    let mut texts = BTreeSet::new();
    let mut parts = Vec::new();
    for value in values {
        match equal(&field, lookup, value)? {
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
fn equal(field: &Found, lookup: &'static str, value: Placed<Value>) -> Result<Node, RqlError> {
    let at = |test: Test| Node::At(field.path.clone(), test);
    match (&value.what, field.kind) {
        (Value::Null, _) if field.null => Ok(at(Test::Present).negated(true)),
        (Value::Null, _) => Err(lookup_error(field, lookup, &value)),
        // Connect leaves empty members out of its objects, so an absent one is empty. django-rql takes the quotes off
        // before it looks.
        (Value::Empty, Kind::Text) => Ok(at(Test::Filled).negated(true)),
        (Value::Text(text), Kind::Text) if text.is_empty() || text == "empty()" => Ok(at(Test::Filled).negated(true)),
        (Value::Empty, _) => Err(value_error(field, lookup, &value)),
        (Value::Text(text), Kind::Enum(allowed)) if !allowed.contains(&text.as_str()) => {
            Err(value_error(field, lookup, &value))
        }
        (Value::Text(text), Kind::Text | Kind::Enum(_) | Kind::Block) => {
            Ok(at(Test::OneOf(BTreeSet::from([text.clone()]))))
        }
        (Value::Text(_), Kind::Time | Kind::Number) => Ok(at(quantity(field, Op::Eq, lookup, &value)?)),
    }
}

fn quantity(field: &Found, op: Op, lookup: &'static str, value: &Placed<Value>) -> Result<Test, RqlError> {
    let Value::Text(text) = &value.what else {
        return Err(lookup_error(field, lookup, value));
    };
    let test = match field.kind {
        Kind::Number => Decimal::parse(text).ok().map(|number| Test::Number(op, number)),
        _ => instant::microseconds(text).map(|instant| Test::Time(op, instant)),
    };
    test.ok_or_else(|| value_error(field, lookup, value))
}

/// The field has no such operator: its name is wrong here.
fn lookup_error(field: &Found, lookup: &'static str, value: &Placed<Value>) -> RqlError {
    let (filter, value) = (field.name.to_string(), written(&value.what));
    RqlError::Lookup { filter, lookup, value, position: field.position }
}

fn value_error(field: &Found, lookup: &'static str, value: &Placed<Value>) -> RqlError {
    let (filter, position) = (field.name.to_string(), value.position);
    RqlError::Value { filter, lookup, value: written(&value.what), position }
}

fn written(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Null => "null()".to_owned(),
        Value::Empty => "empty()".to_owned(),
    }
}

impl Test {
    pub(super) fn passes(&self, value: Scalar<'_>) -> bool {
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
