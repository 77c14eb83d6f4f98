//! The JSON that an object carries: as imported, with what clients need and the file left out filled in.

use serde_json::{Map, Value};

/// An object's JSON on its way into the ledger.
#[derive(Debug)]
pub(super) struct Source(Value);

impl Source {
    /// The object as it stands in the file.
    pub(super) fn of(value: &Value) -> Self {
        Self(value.clone())
    }

    /// The object without one of its members.
    pub(super) fn without(mut self, name: &str) -> Self {
        if let Value::Object(members) = &mut self.0 {
            members.shift_remove(name);
        }
        self
    }

    /// Sets a value where the file has none, and makes the objects on the way to it. What the file says stays as it is.
    pub(super) fn fill(&mut self, way: &[&str], value: impl Into<Value>) {
        fill(&mut self.0, way, value.into());
    }

    /// Sets id and name of a reference, unless it names something else.
    pub(super) fn fill_reference(&mut self, way: &[&str], id: &str, name: &str) {
        fill_reference(&mut self.0, way, id, name);
    }

    /// The elements of a list in the object.
    pub(super) fn elements(&mut self, name: &str) -> impl Iterator<Item = &mut Value> {
        self.0.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
    }

    /// Compact JSON, members in the order of the file.
    pub(super) fn text(&self) -> String {
        self.0.to_string()
    }
}

/// Sets a value where there is none, and makes the objects on the way to it.
pub(super) fn fill(target: &mut Value, way: &[&str], value: Value) {
    let Some((last, parents)) = way.split_last() else { return };
    let mut target = target;
    for name in parents {
        let Value::Object(members) = target else { return };
        let next = members.entry(*name).or_insert(Value::Null);
        if next.is_null() {
            *next = Value::Object(Map::new());
        }
        target = next;
    }
    if let Value::Object(members) = target {
        let slot = members.entry(*last).or_insert(Value::Null);
        if slot.is_null() {
            *slot = value;
        }
    }
}

/// Sets id and name of a reference, unless it names something else: a name beside a foreign id would be wrong.
pub(super) fn fill_reference(target: &mut Value, way: &[&str], id: &str, name: &str) {
    let with = |last| [way, &[last]].concat();
    fill(target, &with("id"), id.into());
    let named = way.iter().try_fold(&*target, |value, step| value.get(step)).and_then(|value| value.get("id"));
    if named.and_then(Value::as_str) == Some(id) {
        fill(target, &with("name"), name.into());
    }
}
