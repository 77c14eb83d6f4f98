//! What a condition is tried on: anything that has values at dotted paths.

use ledger::{Decimal, Moment};
use serde_json::Value as Json;

/// A value at a path of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// A text, or a number as it is written.
    Text(&'a str),
    /// An instant.
    Time(Moment),
    /// An exact number.
    Number(Decimal),
    /// A truth value.
    Flag(bool),
    /// A part with members of its own: it is there, and equal to nothing.
    Part,
}

/// An object that conditions are about.
pub trait Subject {
    /// Gives every value at the dotted path to the test until one passes; true if one did. Nothing is there where a
    /// value is null or left out, and each element of a list is a value of its own.
    fn visit(&self, path: &str, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool;
}

impl Subject for Json {
    fn visit(&self, path: &str, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        match self {
            Self::Null => false,
            Self::Array(items) => items.iter().any(|item| item.visit(path, test)),
            Self::Object(members) if !path.is_empty() => {
                let (member, rest) = path.split_once('.').unwrap_or((path, ""));
                members.get(member).is_some_and(|inner| inner.visit(rest, test))
            }
            _ if !path.is_empty() => false,
            Self::Object(_) => test(Scalar::Part),
            Self::String(text) => test(Scalar::Text(text)),
            Self::Number(number) => test(Scalar::Text(&number.to_string())),
            Self::Bool(flag) => test(Scalar::Flag(*flag)),
        }
    }
}

impl Scalar<'_> {
    /// Whether the value, as it is written, passes a test of texts.
    pub(crate) fn with_text(self, test: impl FnOnce(&str) -> bool) -> bool {
        match self {
            Self::Text(text) => test(text),
            Self::Time(at) => test(&at.iso()),
            Self::Number(number) => test(&number.to_string()),
            Self::Flag(flag) => test(if flag { "true" } else { "false" }),
            Self::Part => false,
        }
    }

    /// The instant, or the one that a text holds, in microseconds since 1970.
    pub(crate) fn microseconds(self) -> Option<i64> {
        match self {
            Self::Time(at) => Some(at.0),
            Self::Text(text) => crate::instant::microseconds(text),
            Self::Number(_) | Self::Flag(_) | Self::Part => None,
        }
    }

    /// The exact number, or the one that a text holds.
    pub(crate) fn decimal(self) -> Option<Decimal> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => Decimal::parse(text).ok(),
            Self::Time(_) | Self::Flag(_) | Self::Part => None,
        }
    }
}
