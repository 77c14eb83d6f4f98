//! What a disk says that is full or fails: nothing is wrong then with what was asked for, and the same may go well later.

use std::error::Error;
use std::io::{self, ErrorKind};

use ledger::Rejection;

/// EIO of every Unix: the standard library has no name for it.
const EIO: i32 = 5;

/// Whether the disk itself refused: it is full, read-only, fails, or lets no file grow beyond some size.
#[must_use]
pub fn is_refusal(error: &io::Error) -> bool {
    let full = matches!(
        error.kind(),
        ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::FileTooLarge
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::WriteZero
    );
    full || error.raw_os_error() == Some(EIO)
}

/// What the disk said, where that is what an error comes from.
#[must_use]
pub fn refusal<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a io::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(said) = error.downcast_ref() {
            return is_refusal(said).then_some(said);
        }
        next = error.source();
    }
    None
}

/// What is said to who asked for something that came to nothing by such an error.
#[must_use]
pub fn rejection(error: &(dyn Error + 'static)) -> Rejection {
    if refusal(error).is_some() { Rejection::ReadOnly } else { Rejection::Unavailable }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::blobs::BlobError;

    #[test]
    fn a_disk_that_refuses_is_told_from_everything_else() {
        let blob = |source| BlobError::Io { action: "write", path: PathBuf::from("a"), source };
        for (number, refuses) in [(28, true), (122, true), (27, true), (30, true), (5, true), (2, false), (13, false)] {
            let error = blob(io::Error::from_raw_os_error(number));
            assert_eq!(refusal(&error).is_some(), refuses, "{number}");
        }
        assert!(refusal(&BlobError::TooLarge { limit: 1 }).is_none());
    }
}
