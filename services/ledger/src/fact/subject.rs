//! What an event can be about.

use crate::id::{FileId, ObjectId};

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A usage file.
    File(FileId),
    /// An object of the catalog.
    Object(ObjectId),
}
