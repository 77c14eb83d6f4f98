//! What is wrong with a catalog file, and where.

use std::fmt;

use super::node::Node;

/// The most faults that are reported: enough to mend a file in one go, few enough to read and to hold in memory when
/// every line of a large file is wrong in the same way.
pub const FAULTS_MAX: usize = 1000;

/// One fault of a catalog file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fault {
    /// Where it is: a JSON pointer (RFC 6901), empty for the file as a whole.
    pub pointer: String,
    /// What is wrong, as a fragment.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.pointer.is_empty() {
            return f.write_str(&self.reason);
        }
        write!(f, "{}: {}", self.pointer, self.reason)
    }
}

impl std::error::Error for Fault {}

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults {
    list: Vec<Fault>,
    count: usize,
}

impl Faults {
    /// Notes a fault; beyond [`FAULTS_MAX`] it only counts.
    pub(super) fn push(&mut self, node: &Node<'_>, reason: impl Into<String>) {
        self.count += 1;
        if self.list.len() < FAULTS_MAX {
            self.list.push(Fault { pointer: node.pointer(), reason: reason.into() });
        }
    }

    /// How many were found, reported or not.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn into_list(self) -> Vec<Fault> {
        self.list
    }
}
