//! Reading single values. Each reader notes what is wrong and then answers with a stand-in: the file is refused anyway,
//! and its other faults are still found.

use ledger::amount::{Decimal, DecimalError};
use ledger::catalog::Named;
use ledger::id::{Hash, ObjectId};
use ledger::moment::Moment;
use serde_json::Value;

use super::fault::Faults;
use super::node::{Node, kind_of};

/// What every required and absent value is.
pub(crate) const MISSING: &str = "missing";

impl Faults {
    /// Text that has to be there and say something.
    pub(super) fn text(&mut self, node: &Node<'_>) -> String {
        let text = self.text_or_blank(node);
        if !node.present() {
            self.push(node, MISSING);
        } else if node.value.as_str().is_some_and(|text| text.trim().is_empty()) {
            self.push(node, "blank");
        }
        text
    }

    /// Text that may be absent.
    pub(super) fn text_or_blank(&mut self, node: &Node<'_>) -> String {
        match node.value {
            Value::String(text) => return text.clone(),
            Value::Null => {}
            other => self.push(node, format!("expected text, found {}", kind_of(other))),
        }
        String::new()
    }

    /// An id that has to be there.
    pub(super) fn id(&mut self, node: &Node<'_>) -> ObjectId {
        let text = self.text_or_blank(node);
        if !node.present() {
            self.push(node, MISSING);
        } else if node.value.is_string() {
            match ObjectId::new(&text) {
                Some(id) => return id,
                None => self.push(node, format!("{} is no id: 1 to 64 letters, digits, - and _ are", quoted(&text))),
            }
        }
        ObjectId::default()
    }

    /// The id and name of an object.
    pub(super) fn named(&mut self, node: &Node<'_>, id: ObjectId) -> Named {
        Named { id, name: self.text(&node.at("name")) }
    }

    /// One word of a closed list, in either case: Connect's own products disagree on it (connect-api U14). The first
    /// is the stand-in.
    pub(super) fn choice<T: Copy>(&mut self, node: &Node<'_>, allowed: &[(&str, T)], stand_in: T) -> T {
        let text = self.text(node);
        if let Some((_, value)) = allowed.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text)) {
            return *value;
        }
        if !text.trim().is_empty() {
            let words: Vec<&str> = allowed.iter().map(|(word, _)| *word).collect();
            self.push(node, format!("unknown value {}; allowed are {}", quoted(&text), words.join(", ")));
        }
        stand_in
    }

    /// True or false; absent is false.
    pub(super) fn flag(&mut self, node: &Node<'_>) -> bool {
        match node.value {
            Value::Bool(flag) => return *flag,
            Value::Null => {}
            other => self.push(node, format!("expected true or false, found {}", kind_of(other))),
        }
        false
    }

    /// Notes anything but an object; whether it is one that can be looked into.
    pub(super) fn object(&mut self, node: &Node<'_>) -> bool {
        match node.value {
            Value::Object(_) => return true,
            Value::Null => self.push(node, MISSING),
            other => self.push(node, format!("expected an object, found {}", kind_of(other))),
        }
        false
    }

    /// Notes anything but a list of objects or nothing.
    pub(super) fn objects(&mut self, node: &Node<'_>) {
        match node.value {
            Value::Array(_) => {
                for element in node.elements() {
                    self.object(&element);
                }
            }
            Value::Null => {}
            other => self.push(node, format!("expected a list, found {}", kind_of(other))),
        }
    }

    /// A list of texts; absent is empty.
    pub(super) fn texts(&mut self, node: &Node<'_>) -> Vec<String> {
        match node.value {
            Value::Array(_) => return node.elements().map(|element| self.text(&element)).collect(),
            Value::Null => {}
            other => self.push(node, format!("expected a list, found {}", kind_of(other))),
        }
        Vec::new()
    }

    /// An instant that may be absent.
    pub(super) fn moment(&mut self, node: &Node<'_>) -> Option<Moment> {
        let text = self.text_or_blank(node);
        let moment = Moment::parse_iso(&text);
        if node.value.is_string() && moment.is_none() {
            self.push(node, format!("{} is no time: 2026-11-22T00:26:46+00:00 is one", quoted(&text)));
        }
        moment
    }

    /// How many were bought: a number, its text, or `unlimited`, which is none. The text of a JSON number is read as it
    /// stands, so that no float comes between.
    pub(super) fn quantity(&mut self, node: &Node<'_>) -> Option<Decimal> {
        let text = match node.value {
            Value::String(text) if text == "unlimited" => return None,
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Null => {
                self.push(node, MISSING);
                return None;
            }
            other => {
                self.push(node, format!("expected a number or \"unlimited\", found {}", kind_of(other)));
                return None;
            }
        };
        match Decimal::parse(&text) {
            Ok(value) if value < Decimal::ZERO => self.push(node, format!("{text} is negative")),
            Ok(value) => return Some(value),
            Err(DecimalError::NotANumber) => {
                self.push(node, format!("{} is neither a number nor \"unlimited\"", quoted(&text)));
            }
            Err(DecimalError::TooFine(_)) => self.push(node, format!("{text} has more than 12 decimals")),
            Err(DecimalError::TooLarge) => self.push(node, format!("{text} is beyond 10^16")),
        }
        None
    }

    /// A hash in hexadecimal digits.
    pub(super) fn hash(&mut self, node: &Node<'_>) -> Hash {
        let text = self.text(node);
        Hash::from_hex(&text).unwrap_or_else(|| {
            if !text.trim().is_empty() {
                self.push(node, "expected 64 hexadecimal digits");
            }
            Hash::ZERO
        })
    }
}

/// A value of the file in quotation marks, cut where it is long: a fault is a line, not a copy of the file.
pub(super) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 64;
    let short: String = text.chars().take(CHARS_MAX).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("{:?}", short + more)
}
