//! A value of the file that knows where it stands, without a pointer being written out until a fault needs one.

use serde_json::Value;

static NOTHING: Value = Value::Null;

/// A value of the file and the way to it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Node<'a> {
    /// The value; null where the file has none.
    pub(super) value: &'a Value,
    way: Option<(&'a Node<'a>, Step<'a>)>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Member(&'a str),
    Element(usize),
}

impl<'a> Node<'a> {
    /// The whole file.
    pub(super) fn root(value: &'a Value) -> Self {
        Self { value, way: None }
    }

    /// A member of this object: null where it has none, or where this is no object.
    pub(super) fn at<'b>(&'b self, name: &'b str) -> Node<'b> {
        Node { value: self.value.get(name).unwrap_or(&NOTHING), way: Some((self, Step::Member(name))) }
    }

    /// The elements of this list: none where this is no list.
    pub(super) fn elements<'b>(&'b self) -> impl Iterator<Item = Node<'b>> {
        let values = self.value.as_array().into_iter().flatten().enumerate();
        values.map(move |(index, value)| Node { value, way: Some((self, Step::Element(index))) })
    }

    /// Whether the file has this value; null counts as absent, as it does for Connect's clients.
    pub(super) fn present(&self) -> bool {
        !self.value.is_null()
    }

    /// The JSON pointer of this value.
    pub(super) fn pointer(&self) -> String {
        let Some((parent, step)) = self.way else { return String::new() };
        let parent = parent.pointer();
        match step {
            Step::Member(name) => format!("{parent}/{}", name.replace('~', "~0").replace('/', "~1")),
            Step::Element(index) => format!("{parent}/{index}"),
        }
    }
}

/// What a value is, for saying that it should have been something else.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
