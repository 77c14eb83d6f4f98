//! A query that was checked against the fields of one kind of object, and what it does to such objects.
//!
//! An unknown name in a condition is no error: the condition is left out, as in django-rql. A field the caller may
//! not see is unknown, in conditions as in ordering, selection and search, so that no answer depends on it.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use ledger::Decimal;
use serde_json::Value as Json;

use super::condition::{Found, Names, Node};
use super::field::{Field, Kind, canonical};
use super::subject::{Scalar, Subject};
use super::{Order, Placed, Query, RqlError, Select};

/// A query that is ready to be run. What was left out of it is gone, so it can be kept and sent on.
#[derive(Clone, Debug)]
pub struct Compiled {
    fields: &'static [Field],
    pub(super) condition: Node,
    pub(super) ordering: Vec<(&'static Field, Direction)>,
    /// The dotted paths that `select(-…)` takes away.
    excluded: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ascending,
    Descending,
}

/// The value that an object is sorted by. The variants are in order: what is missing comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Missing,
    Time(i64),
    Number(Decimal),
    Text(String),
}

impl Compiled {
    /// Checks a query against the fields of one kind of object and what the caller may see of them.
    ///
    /// `visible` must answer by the path, not the name: aliases share a path.
    ///
    /// # Errors
    /// An operator or a value that a field doesn't have, or an ordering or selection of what there isn't.
    pub fn new(query: Query, fields: &'static [Field], visible: impl Fn(&Field) -> bool) -> Result<Self, RqlError> {
        let mut parts = Vec::new();
        let names = Listed { fields, visible: &visible };
        if let Some(text) = &query.search {
            parts.extend(names.search(text)?);
        }
        if let Some(filter) = query.filter {
            parts.extend(Node::of(filter, &names)?);
        }
        Ok(Self {
            fields,
            condition: Node::All(parts),
            ordering: ordering(query.ordering, fields, &visible)?,
            excluded: excluded(&query.select, fields, &visible)?,
        })
    }

    /// Whether an object fulfils the condition.
    #[must_use]
    pub fn matches(&self, object: &dyn Subject) -> bool {
        self.condition.matches(object)
    }

    /// Whether an object fulfils the condition, as far as the paths that are `known` of it decide that; none where it
    /// depends on another one. So a file or a batch can be taken or left before its records are read.
    #[must_use]
    pub fn decided(&self, object: &dyn Subject, known: impl Fn(&str) -> bool) -> Option<bool> {
        self.condition.decided(object, &known)
    }

    /// Whether every object fulfils the condition, so that a list can be counted without reading it.
    #[must_use]
    pub fn matches_all(&self) -> bool {
        matches!(&self.condition, Node::All(parts) if parts.is_empty())
    }

    /// Whether the query asks for an order of its own.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        !self.ordering.is_empty()
    }

    /// Sorts as the query asks; equal objects keep their order. What is missing is less than any value.
    pub fn sort<T: Subject>(&self, objects: &mut Vec<T>) {
        if self.ordering.is_empty() {
            return;
        }
        let mut keyed: Vec<(Vec<Key>, T)> = objects.drain(..).map(|object| (self.keys(&object), object)).collect();
        keyed.sort_by(|(left, _), (right, _)| self.compare(left, right));
        objects.extend(keyed.into_iter().map(|(_, object)| object));
    }

    /// Takes away from an object's JSON what `select(-…)` names. What it includes is there anyway: no part is left out by itself.
    pub fn select(&self, object: &mut Json) {
        for path in &self.excluded {
            remove(object, path);
        }
    }

    /// The values that a field must have one of, sorted; none if the query leaves the field open.
    ///
    /// Objects with any other value can be skipped unread. Names of one path are one field here, so asking for
    /// `usagefile.id` finds `usage_file=UF-…` too.
    #[must_use]
    pub fn required_values(&self, field_name: &str) -> Option<Vec<&str>> {
        let field = Field::find(self.fields, field_name, &|_| true)?;
        let values: BTreeSet<&str> = self.condition.required(field.path)?;
        Some(values.into_iter().collect())
    }

    fn keys(&self, object: &dyn Subject) -> Vec<Key> {
        self.ordering.iter().map(|(field, _)| key(object, field)).collect()
    }

    fn compare(&self, left: &[Key], right: &[Key]) -> Ordering {
        let pairs = left.iter().zip(right).zip(&self.ordering);
        let orders = pairs.map(|((left, right), (_, direction))| match direction {
            Direction::Ascending => left.cmp(right),
            Direction::Descending => right.cmp(left),
        });
        orders.fold(Ordering::Equal, Ordering::then)
    }
}

/// The names of a list.
struct Listed<'a, V> {
    fields: &'static [Field],
    visible: &'a V,
}

impl<V: Fn(&Field) -> bool> Names for Listed<'_, V> {
    fn find(&self, name: &Placed<String>) -> Result<Option<Found>, RqlError> {
        let field = Field::find(self.fields, &name.what, self.visible).filter(|field| field.kind != Kind::Block);
        Ok(field.map(|field| Found::of(field, name.position)))
    }

    fn search(&self, text: &Placed<String>) -> Result<Option<Node>, RqlError> {
        let searched = self.fields.iter().filter(|field| field.search && (self.visible)(field));
        Node::searching(text, searched.map(|field| field.path).collect())
    }
}

fn ordering(
    keys: Vec<Order>,
    fields: &'static [Field],
    visible: &impl Fn(&Field) -> bool,
) -> Result<Vec<(&'static Field, Direction)>, RqlError> {
    let mut ordering = Vec::with_capacity(keys.len());
    for Order { field: name, descending } in keys {
        let direction = if descending { Direction::Descending } else { Direction::Ascending };
        match Field::find(fields, &name.what, visible) {
            Some(field) if field.ordering => ordering.push((field, direction)),
            _ => return Err(RqlError::Ordering { field: name.what, position: name.position }),
        }
    }
    Ok(ordering)
}

fn excluded(
    select: &[Select],
    fields: &'static [Field],
    visible: &impl Fn(&Field) -> bool,
) -> Result<Vec<String>, RqlError> {
    let (mut included, mut excluded) = (Vec::new(), Vec::new());
    for Select { field: Placed { what: name, position }, include } in select {
        let sign = if *include { "" } else { "-" };
        let unknown = || RqlError::Select { field: format!("{sign}{name}"), position: *position };
        let path = block(name, fields, visible).ok_or_else(unknown)?;
        if *include { included.push((path, *position)) } else { excluded.push(path) }
    }
    let conflict = included.iter().find(|(path, _)| excluded.iter().any(|outer| is_inside(path, outer)));
    match conflict {
        Some((_, position)) => Err(RqlError::SelectConflict { position: *position }),
        None => Ok(excluded),
    }
}

/// The path of a block: a visible field's path, the beginning of one, or what a field's own name stands for.
fn block(name: &str, fields: &'static [Field], visible: &impl Fn(&Field) -> bool) -> Option<String> {
    let path = canonical(name);
    if fields.iter().any(|field| is_inside(field.path, &path) && visible(field)) {
        return Some(path);
    }
    Field::find(fields, name, visible).map(|field| field.path.to_owned())
}

fn is_inside(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The rest of the object keeps its order, as it is answered byte for byte.
fn remove(value: &mut Json, path: &str) {
    match value {
        Json::Array(items) => items.iter_mut().for_each(|item| remove(item, path)),
        Json::Object(members) => match path.split_once('.') {
            Some((member, rest)) => members.get_mut(member).into_iter().for_each(|value| remove(value, rest)),
            None => drop(members.shift_remove(path)),
        },
        _ => {}
    }
}

/// The first value at the field's path that can be compared.
fn key(object: &dyn Subject, field: &Field) -> Key {
    let mut key = Key::Missing;
    object.visit(field.path, &mut |value| {
        let found = match (field.kind, value) {
            (Kind::Time, _) => value.microseconds().map(Key::Time),
            (Kind::Number, _) => value.decimal().map(Key::Number),
            (Kind::Text | Kind::Enum(_), Scalar::Text(text)) => Some(Key::Text(text.to_owned())),
            _ => None,
        };
        found.map(|found| key = found).is_some()
    });
    key
}
