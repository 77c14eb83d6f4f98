//! Where a data directory has its snapshots, and which build reads them.

use std::path::{Path, PathBuf};

use ledger::Hash;
use runtime::snapshot::Snapshots;

use crate::product::Settings;

/// The snapshots of a process; none where it is to keep none.
#[must_use]
pub fn of(settings: &Settings) -> Option<Snapshots> {
    // Made of the sources of everything whose state is in one (build.rs).
    let build = Hash::of(env!("USAGE_LEDGER_FOLDED_BY").as_bytes());
    let (folder, after) = (folder(&settings.data), settings.snapshot_after);
    (after > 0).then_some(Snapshots { folder, build, after })
}

/// Where a data directory has them.
pub(crate) fn folder(data: &Path) -> PathBuf {
    data.join("cache").join("snapshots")
}
