//! The checkpoint that a workbook shows.

use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::fact::SignedRoot;

/// The newest checkpoint of the log when the workbook was ordered (design §9); none where the log had none by then.
///
/// Without one it adds nothing to a digest: files whose workbooks were ordered before checkpoints were shown keep theirs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown(pub Option<SignedRoot>);

impl Hash for Shown {
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(root) = &self.0 {
            root.hash(state);
        }
    }
}
