//! Which file a record id belongs to. The index is derived from validation's log; deleting its folder changes nothing
//! but the time of the next start.
//!
//! Each verdict on a valid upload gets an ordinal, in the order of the log. The index knows under which ordinal an id
//! was seen; whether that still counts (the file may be rejected, deleted or uploaded again) is asked of the ledger.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ledger::fact::FileChecked;
use ledger::file::CheckingEnd;
use ledger::{Fact, FileId, Ledger, ServiceName, Status};
use runtime::records::{Records, RecordsError};
use runtime::snapshot;
use runtime::source::Source;
use thiserror::Error;

use crate::record_ids::{RecordIds, RecordIdsError, RecordIdsReader};

/// How long a job waits for its verdict to be on the disk: far longer than a commit takes.
const SYNC_WAIT_MAX: Duration = Duration::from_secs(10);
/// How often it looks: a commit takes about that long.
const SYNC_LOOK_EVERY: Duration = Duration::from_millis(1);

/// The index can't be used.
#[derive(Debug, Error)]
pub enum IdsError {
    /// Its folder can't be used even after it was emptied.
    #[error("could not use the index of record ids in {path}")]
    Index {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: RecordIdsError,
    },
    /// The folder can't be emptied.
    #[error("could not empty the damaged index of record ids in {path}")]
    Empty {
        /// The folder.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// The records that it is made of can't be read.
    #[error("could not read the records that the index is made of")]
    Records(#[from] RecordsError),
}

/// A verdict whose ids are not in the index yet.
#[derive(Clone, Debug)]
struct Pending {
    ordinal: u32,
    file: FileId,
    parts: Vec<u64>,
}

#[derive(Debug)]
struct State {
    index: RecordIds,
    /// The verdict of each ordinal, its file and upload.
    ordinals: Vec<(u64, FileId, u32)>,
    /// By sequence of the verdict.
    pending: BTreeMap<u64, Pending>,
    /// The newest verdict that was noted.
    last: u64,
}

/// The index and what it doesn't hold yet.
#[derive(Debug)]
pub struct Ids {
    path: PathBuf,
    state: Mutex<State>,
}

impl Ids {
    /// Opens the index in a folder. One that is damaged, or ahead of a log that ends at `last`, is thrown away, since
    /// the log makes it again.
    ///
    /// # Errors
    /// When the folder can't be used.
    pub fn open(path: &Path, last: u64) -> Result<Self, IdsError> {
        let again = |reason: String| {
            tracing::warn!(reason, "the index of record ids is made again from the log");
            empty(path)?;
            RecordIds::open(path).map_err(|source| IdsError::Index { path: path.to_owned(), source })
        };
        let index = match RecordIds::open(path) {
            Ok(index) if index.covered() > last => again(format!("it covers {} of {last}", index.covered()))?,
            Ok(index) => index,
            Err(error) => again(error.to_string())?,
        };
        let state = State { index, ordinals: Vec::new(), pending: BTreeMap::new(), last: 0 };
        Ok(Self { path: path.to_owned(), state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a verdict of the log: in its order, each once.
    pub(crate) fn note(&self, sequence: u64, file: FileId, checked: &FileChecked) {
        let mut state = self.state();
        state.last = state.last.max(sequence);
        if checked.invalid > 0 {
            // An invalid upload can't be accepted; its ids stay free.
            return;
        }
        let ordinal = u32::try_from(state.ordinals.len()).unwrap_or(u32::MAX);
        state.ordinals.push((sequence, file, checked.upload));
        if sequence > state.index.covered() {
            let parts = checked.parts.iter().map(|part| part.sequence).collect();
            state.pending.insert(sequence, Pending { ordinal, file, parts });
        }
    }

    /// What was noted, as bytes for a snapshot.
    pub(crate) fn keep(&self) -> Vec<u8> {
        let state = self.state();
        snapshot::encoded(&(&state.ordinals, state.last))
    }

    /// Takes up what was kept. What the index doesn't cover is pending again, however far it went when that was kept;
    /// false where it can't be known.
    pub(crate) fn resume(&self, kept: &[u8], ledger: &Ledger, log: &Source) -> bool {
        let Some((ordinals, last)) = snapshot::decoded::<(Vec<(u64, FileId, u32)>, u64)>(kept) else { return false };
        let mut state = self.state();
        let covered = state.index.covered();
        let left = (0..).zip(&ordinals).filter(|(_, (sequence, ..))| *sequence > covered);
        let pending = left.map(|(ordinal, &(sequence, file, upload))| {
            let parts = parts_of(ledger, file, upload).or_else(|| parts_at(log, sequence))?;
            Some((sequence, Pending { ordinal, file, parts }))
        });
        let Some(pending) = pending.collect::<Option<BTreeMap<_, _>>>() else { return false };
        (state.ordinals, state.pending, state.last) = (ordinals, pending, last);
        true
    }

    /// Puts what a crash left out into the index, then gives a view of it.
    ///
    /// A verdict that can't be read yet was just given by another job, of another contract and product (files of one
    /// are checked one after the other): that job adds its ids itself, and nobody here asks for them.
    pub(crate) fn reader(&self, records: &Records) -> Result<RecordIdsReader, IdsError> {
        let left: Vec<(u64, Pending)> = self.state().pending.iter().map(|(at, it)| (*at, it.clone())).collect();
        for (sequence, pending) in left {
            if sequence > records.synced(ServiceName::Validation, pending.file.partition()) {
                continue;
            }
            let mut keys = Vec::new();
            for part in &pending.parts {
                keys.extend(records.checked(pending.file, *part)?.records.iter().map(|record| record.key));
            }
            self.add(sequence, pending.ordinal, keys)?;
        }
        Ok(self.state().index.reader())
    }

    /// A verdict leaves the pending ones only when its ids are in the index, and the index covers only verdicts that are
    /// in it: whatever fails here is made up for by the next reader, and by the next start.
    fn add(&self, sequence: u64, ordinal: u32, keys: Vec<[u8; 12]>) -> Result<(), IdsError> {
        let mut state = self.state();
        if !state.pending.contains_key(&sequence) {
            return Ok(());
        }
        let newest = sequence.max(state.index.covered());
        let before_next = state.pending.keys().find(|&&other| other != sequence).map(|next| next - 1);
        let covered = before_next.map_or(newest, |limit| limit.min(newest));
        let path = self.path.clone();
        state.index.add(ordinal, keys, covered).map_err(|source| IdsError::Index { path, source })?;
        state.pending.remove(&sequence);
        Ok(())
    }

    /// Puts the ids of a verdict into the index that was just recorded: once it is on the disk, since an index ahead of
    /// its log would answer for verdicts that were never given.
    pub(crate) fn add_verdict(
        &self,
        sequence: u64,
        keys: Vec<[u8; 12]>,
        records: &Records,
        file: FileId,
    ) -> Result<(), IdsError> {
        let since = std::time::Instant::now();
        while records.synced(ServiceName::Validation, file.partition()) < sequence {
            if since.elapsed() > SYNC_WAIT_MAX {
                // The next reader puts them in.
                return Ok(());
            }
            std::thread::sleep(SYNC_LOOK_EVERY);
        }
        let ordinal = self.state().pending.get(&sequence).map(|pending| pending.ordinal);
        ordinal.map_or(Ok(()), |ordinal| self.add(sequence, ordinal, keys))
    }

    /// The ordinals that count, of other files than this one, each with its file.
    pub(crate) fn alive(&self, ledger: &Ledger, but: Option<FileId>) -> BTreeMap<u32, FileId> {
        let state = self.state();
        let all = (0..).zip(&state.ordinals);
        all.filter(|(_, (_, file, upload))| Some(*file) != but && counts(ledger, *file, *upload))
            .map(|(ordinal, (_, file, _))| (ordinal, *file))
            .collect()
    }

    /// The file of one ordinal, if it counts.
    pub(crate) fn owner(&self, ledger: &Ledger, ordinal: u32) -> Option<FileId> {
        let (_, file, upload) = *self.state().ordinals.get(usize::try_from(ordinal).ok()?)?;
        counts(ledger, file, upload).then_some(file)
    }
}

/// Where the checked batches of an upload rest, if it is still the one that counts.
fn parts_of(ledger: &Ledger, file: FileId, upload: u32) -> Option<Vec<u64>> {
    let checking = ledger.file(file).map(|file| &file.checking).filter(|checking| checking.upload == upload)?;
    let ended = matches!(checking.end, Some(CheckingEnd::Checked { .. }));
    ended.then(|| checking.parts.iter().map(|part| part.sequence).collect())
}

/// The same as the verdict has it.
fn parts_at(log: &Source, sequence: u64) -> Option<Vec<u64>> {
    match log.own_at(sequence).ok()??.event().ok()?.fact {
        Fact::FileChecked(checked) => Some(checked.parts.iter().map(|part| part.sequence).collect()),
        _ => None,
    }
}

/// Whether the record ids of an upload count: what can't be accepted without another upload keeps none.
fn counts(ledger: &Ledger, file: FileId, upload: u32) -> bool {
    let known = ledger.file(file).filter(|known| known.upload() == upload);
    known.is_some_and(|known| !matches!(known.status(), Status::Rejected | Status::Deleted | Status::Invalid))
}

fn empty(path: &Path) -> Result<(), IdsError> {
    match std::fs::remove_dir_all(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(IdsError::Empty { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}
