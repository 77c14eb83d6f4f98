//! The full walk: every byte of every log read, every hash checked, nothing changed.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::{Hash, HostId};

use super::anchor::{self, NAME};
use super::error::{LogError, io_error};
use super::open::hold;
use super::recover::{self, Generations};
use super::store::{self, Generation};

/// What a host's log holds, all of it verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostReport {
    /// The last position.
    pub position: u64,
    /// The last own sequence.
    pub sequence: u64,
    /// Its header hash.
    pub head: Hash,
    /// Segment files.
    pub segments: usize,
    /// The latest sequence and hash heard per emitter.
    pub heard: BTreeMap<HostId, (u64, Hash)>,
}

/// What a full walk found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyReport {
    /// The slot of the anchor that isn't whole.
    pub torn_slot: Option<usize>,
    /// Every host that the anchor names.
    pub hosts: BTreeMap<HostId, HostReport>,
}

/// sled writes when it opens: it gets a copy.
const CACHE_BYTES: u64 = 8 << 20;

pub(crate) fn verify(dir: &Path, full: bool) -> Result<VerifyReport, LogError> {
    let _lock = hold(dir, false)?;
    let found = anchor::read(dir)?.ok_or_else(|| LogError::AnchorMissing { path: dir.join(NAME) })?;
    let copies = Copies::new()?;
    let hosts = found.anchor.heads.keys().copied().collect::<Vec<_>>();
    let open = |number: u64| {
        let path = store::path(dir, number);
        if !path.is_dir() {
            return Err(LogError::GenerationMissing { path });
        }
        copy(&path, &store::path(&copies.0, number))?;
        Generation::open(&copies.0, number, &hosts, CACHE_BYTES)
    };
    let live = open(found.anchor.live)?;
    let generations = Generations { live, sealing: found.anchor.sealing.map(open).transpose()? };
    let mut reports = BTreeMap::new();
    for host in hosts {
        let one = recover::host(dir, host, &generations, &found.anchor, full)?;
        let report = HostReport {
            position: one.chain.position,
            sequence: one.chain.sequence,
            head: one.chain.head,
            segments: one.segments.len(),
            heard: one.chain.heard,
        };
        reports.insert(host, report);
    }
    Ok(VerifyReport { torn_slot: found.torn, hosts: reports })
}

/// A folder for copies, removed with the value.
struct Copies(PathBuf);

impl Copies {
    fn new() -> Result<Self, LogError> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("usage-ledger-verify-{}-{number}", std::process::id()));
        // What is copied is nobody else's business.
        let made = std::fs::DirBuilder::new().mode(0o700).create(&path);
        made.map_err(io_error("create", &path))?;
        Ok(Self(path))
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "could not remove the copy that was verified");
        }
    }
}

fn copy(from: &Path, to: &Path) -> Result<(), LogError> {
    std::fs::create_dir(to).map_err(io_error("create", to))?;
    for entry in std::fs::read_dir(from).map_err(io_error("list", from))? {
        let entry = entry.map_err(io_error("list", from))?;
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &copied)?;
        } else {
            std::fs::copy(&path, &copied).map_err(io_error("copy", &path))?;
        }
    }
    Ok(())
}
