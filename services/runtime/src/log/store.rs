//! The only file that touches sled: one generation of the database, holding what isn't sealed into segments yet.
//!
//! One tree per host; in it `e` + position → frame, `i` + id → position, `m` + mark → count, and `b` → the chain on
//! which the generation begins. Numbers in keys are big-endian, so that a scan goes in order.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ledger::{EventId, HostId};

use super::chain::{Chain, Mark};
use super::durable;
use super::error::{LogError, io_error};
use super::shared::lock;

/// Keeps nodes of sixteen of our longest frames out of blob files, which sled never syncs.
const SEGMENT_BYTES: usize = 8 << 20;
/// Far longer than sled's threads need for what they have begun.
const RELEASE_WAIT: Duration = Duration::from_secs(5);
/// Between two looks.
const RELEASE_PAUSE: Duration = Duration::from_millis(1);

/// What one host adds in one atomic write.
#[derive(Default)]
pub(crate) struct HostWrite {
    pub(crate) frames: Vec<(u64, Vec<u8>)>,
    pub(crate) ids: Vec<(EventId, u64)>,
    pub(crate) marks: Vec<(Mark, u64)>,
}

/// An open database. Nobody may hold one longer than a read: a held tree keeps a removed database in memory.
pub(crate) struct Generation {
    pub(crate) number: u64,
    pub(crate) path: PathBuf,
    /// There until the end.
    db: Option<sled::Db>,
    trees: BTreeMap<HostId, sled::Tree>,
    /// Our own handle of the database's file, since sled's flush isn't an fsync.
    file: File,
    file_path: PathBuf,
    blobs_changed: Mutex<(i64, i64)>,
    /// The newest frames, which no file but the database's has: after a write that failed sled may not give them back.
    recent: Mutex<BTreeMap<HostId, VecDeque<(u64, sled::IVec)>>>,
}

/// Waits while sled still holds a database that this process has just closed: a thread of its pool may keep the file, and
/// the lock on it, a moment longer than the last handle. Nobody else can, since the directory is ours; and if somebody
/// does, sled says so.
fn wait_until_released(path: &Path) {
    let Ok(file) = File::open(path) else { return };
    let since = Instant::now();
    while matches!(file.try_lock(), Err(TryLockError::WouldBlock)) && since.elapsed() < RELEASE_WAIT {
        std::thread::sleep(RELEASE_PAUSE);
    }
}

impl Drop for Generation {
    /// sled writes and syncs when it is let go of, and panics where that fails. Nothing rests on it.
    fn drop(&mut self) {
        let held = (std::mem::take(&mut self.trees), self.db.take());
        let closed = guarded("close", &self.path, || {
            drop(held);
            Ok(())
        });
        if let Err(error) = closed {
            tracing::warn!(error = &error as &dyn std::error::Error, "the database wasn't closed well");
        }
    }
}

/// Has the kernel forget what it holds of a file beside what it has yet to write: after a sync that failed that may be
/// something which isn't on the disk, and no later sync would say so.
fn forget_cached(path: &Path) -> Result<(), LogError> {
    let Ok(file) = File::open(path) else { return Ok(()) };
    let forgotten = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed);
    forgotten.map_err(|error| io_error("read", path)(error.into()))
}

/// The folder of a generation.
pub(crate) fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(name(number))
}

/// The name of that folder.
pub(crate) fn name(number: u64) -> String {
    format!("live-{number:08}")
}

impl Generation {
    /// Opens or creates the database with a tree for every host, and makes it durable.
    pub(crate) fn open<'a>(
        dir: &Path,
        number: u64,
        hosts: impl IntoIterator<Item = &'a HostId>,
        cache_bytes: u64,
    ) -> Result<Self, LogError> {
        let path = path(dir, number);
        let config = sled::Config::new()
            .path(&path)
            .mode(sled::Mode::LowSpace)
            .cache_capacity(cache_bytes)
            .flush_every_ms(None)
            .segment_size(SEGMENT_BYTES);
        wait_until_released(&path.join("db"));
        forget_cached(&path.join("db"))?;
        let db = guarded("open", &path, || config.open())?;
        let mut trees = BTreeMap::new();
        for host in hosts {
            trees.insert(*host, guarded("open", &path, || db.open_tree(host.to_string()))?);
        }
        let file_path = path.join("db");
        let file = File::open(&file_path).map_err(io_error("open", &file_path))?;
        let blobs_changed = Mutex::new((0, 0));
        let recent = Mutex::default();
        let generation = Self { number, path, db: Some(db), trees, file, file_path, blobs_changed, recent };
        generation.check_blobs()?;
        generation.flush()?;
        durable::sync_all(&generation.file, &generation.file_path)?;
        // sled writes its settings once and syncs them never; without them whole it refuses the database.
        let settings = generation.path.join("conf");
        durable::sync_all(&File::open(&settings).map_err(io_error("open", &settings))?, &settings)?;
        durable::sync_dir(&generation.path.join("blobs"))?;
        durable::sync_dir(&generation.path)?;
        durable::sync_dir(dir)?;
        Ok(generation)
    }

    fn tree(&self, host: HostId) -> Result<&sled::Tree, LogError> {
        self.trees.get(&host).ok_or(LogError::UnknownHost { host })
    }

    /// Applies one host's write atomically. It isn't durable before [`Self::flush`] and [`Self::sync_data`].
    pub(crate) fn apply(&self, host: HostId, write: HostWrite) -> Result<(), LogError> {
        let mut batch = sled::Batch::default();
        let mut recent = lock(&self.recent);
        let newest = recent.entry(host).or_default();
        for (position, frame) in write.frames {
            // The bytes are shared with sled's.
            let frame = sled::IVec::from(frame);
            newest.push_back((position, frame.clone()));
            batch.insert(&key(b'e', position), frame);
        }
        drop(recent);
        for (id, position) in write.ids {
            batch.insert(&id_key(id), &position.to_be_bytes());
        }
        for (mark, count) in write.marks {
            batch.insert(&mark_key(mark), &count.to_be_bytes());
        }
        let tree = self.tree(host)?;
        guarded("write to", &self.path, || tree.apply_batch(batch))
    }

    /// Writes the chain on which the generation begins for a host.
    pub(crate) fn begin(&self, host: HostId, base: &Chain) -> Result<(), LogError> {
        let mut batch = sled::Batch::default();
        batch.insert(b"b", base.encode());
        for mark in Mark::ALL {
            batch.insert(&mark_key(mark), &base.marks[mark.index()].to_be_bytes());
        }
        let tree = self.tree(host)?;
        guarded("write to", &self.path, || tree.apply_batch(batch))
    }

    /// The chain on which the generation begins for a host, if the host was there.
    pub(crate) fn base(&self, host: HostId) -> Result<Option<Chain>, LogError> {
        let tree = self.tree(host)?;
        let Some(bytes) = guarded("read", &self.path, || tree.get(b"b"))? else { return Ok(None) };
        let what = "the state at the start of the database isn't whole";
        Chain::decode(&bytes).map(Some).ok_or_else(|| self.damaged(0, what))
    }

    /// Hands everything to the kernel; no more than that.
    pub(crate) fn flush(&self) -> Result<(), LogError> {
        guarded("flush", &self.path, || self.db.as_ref().map_or(Ok(0), |db| db.flush())).map(|_| ())
    }

    /// What sled's flush leaves out.
    pub(crate) fn sync_data(&self) -> Result<(), LogError> {
        durable::sync_data(&self.file, &self.file_path)
    }

    /// Refuses once sled has put a value into a file of its own.
    pub(crate) fn check_blobs(&self) -> Result<(), LogError> {
        let path = self.path.join("blobs");
        if durable::names(&path)?.is_empty() { Ok(()) } else { Err(LogError::Blobs { path }) }
    }

    /// The same for the price of one look at the folder's time, so that every commit can afford it.
    pub(crate) fn glance_at_blobs(&self) -> Result<(), LogError> {
        let path = self.path.join("blobs");
        let found = std::fs::metadata(&path).map_err(io_error("look at", &path))?;
        let changed = (found.mtime(), found.mtime_nsec());
        let mut seen = lock(&self.blobs_changed);
        if *seen != changed {
            self.check_blobs()?;
            *seen = changed;
        }
        Ok(())
    }

    /// The frames of a host from one position to another, up to about `bytes_max`, at least one if there is any.
    pub(crate) fn frames(&self, host: HostId, from: u64, to: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
        let tree = self.tree(host)?;
        if from > to {
            return Ok(Vec::new());
        }
        let stored = guarded("read", &self.path, || {
            let range = tree.range(key(b'e', from)..=key(b'e', to));
            up_to(range.map(|pair| pair.map(|(_, frame)| frame)), bytes_max)
        });
        stored.or_else(|error| {
            let recent = lock(&self.recent);
            let newest = recent.get(&host).into_iter().flatten();
            let frames =
                newest.skip_while(|(position, _)| *position < from).take_while(|(position, _)| *position <= to);
            let mut frames = frames.peekable();
            match frames.peek() {
                Some((first, _)) if *first == from => {
                    up_to(frames.map(|(_, frame)| Ok::<_, LogError>(frame.clone())), bytes_max)
                }
                _ => Err(error),
            }
        })
    }

    /// Forgets frames of a host that are in another file now.
    pub(crate) fn forget_to(&self, host: HostId, position: u64) {
        if let Some(newest) = lock(&self.recent).get_mut(&host) {
            while newest.pop_front_if(|(first, _)| *first <= position).is_some() {}
        }
    }

    /// The position of an id of a host.
    pub(crate) fn find(&self, host: HostId, id: EventId) -> Result<Option<u64>, LogError> {
        self.number(host, &id_key(id))
    }

    /// How many ids the generation holds for a host.
    pub(crate) fn ids(&self, host: HostId) -> Result<usize, LogError> {
        let tree = self.tree(host)?;
        guarded("read", &self.path, || tree.scan_prefix(b"i").keys().try_fold(0, |sum, key| key.map(|_| sum + 1)))
    }

    /// A host's mark.
    pub(crate) fn mark(&self, host: HostId, mark: Mark) -> Result<Option<u64>, LogError> {
        self.number(host, &mark_key(mark))
    }

    fn number(&self, host: HostId, key: &[u8]) -> Result<Option<u64>, LogError> {
        let tree = self.tree(host)?;
        let Some(bytes) = guarded("read", &self.path, || tree.get(key))? else { return Ok(None) };
        let bytes = bytes.as_ref().try_into().map_err(|_| self.damaged(0, "a number isn't eight bytes long"))?;
        Ok(Some(u64::from_be_bytes(bytes)))
    }

    pub(crate) fn damaged(&self, position: u64, what: &'static str) -> LogError {
        LogError::Damaged { path: self.path.clone(), position, what }
    }
}

/// Frames up to about so many bytes, at least one if there is any.
fn up_to<E>(frames: impl Iterator<Item = Result<sled::IVec, E>>, bytes_max: usize) -> Result<Vec<Vec<u8>>, E> {
    let (mut taken, mut bytes) = (Vec::new(), 0);
    for frame in frames {
        let frame = frame?;
        bytes += frame.len();
        taken.push(frame.to_vec());
        if bytes >= bytes_max {
            break;
        }
    }
    Ok(taken)
}

fn key(prefix: u8, number: u64) -> [u8; 9] {
    let mut key = [prefix; 9];
    key[1..].copy_from_slice(&number.to_be_bytes());
    key
}

fn id_key(id: EventId) -> [u8; 17] {
    let mut key = [b'i'; 17];
    key[1..].copy_from_slice(&id.0);
    key
}

fn mark_key(mark: Mark) -> [u8; 2] {
    [b'm', mark as u8]
}

/// Runs one operation of sled, which panics on most damage, and makes either outcome a typed error.
fn guarded<T>(action: &'static str, path: &Path, operation: impl FnOnce() -> sled::Result<T>) -> Result<T, LogError> {
    let source = match catch_unwind(AssertUnwindSafe(operation)) {
        Ok(Ok(value)) => return Ok(value),
        Ok(Err(sled::Error::Io(said))) => said_first(said).into(),
        Ok(Err(error)) => error.into(),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            let text = text.unwrap_or_default();
            said_in(&text).map_or_else(|| format!("sled panicked: {text}").into(), Into::into)
        }
    };
    Err(LogError::Store { action, path: path.to_owned(), source })
}

/// What the operating system said first. sled keeps an error and answers everything later with a copy, or a copy of that,
/// which has only the words left of it: without the number a disk that fails can't be told from a fault of ours.
fn said_first(copy: io::Error) -> io::Error {
    if copy.raw_os_error().is_some() { copy } else { said_in(&copy.to_string()).unwrap_or(copy) }
}

/// The error of the operating system that a text of sled's shows.
fn said_in(text: &str) -> Option<io::Error> {
    let (number, _) = text.split_once("Os { code: ")?.1.split_once(',')?;
    number.parse().ok().map(io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk;

    #[test]
    fn a_disk_that_fails_is_told_by_every_later_answer() {
        for number in [5, 27, 28] {
            let first = sled::Error::Io(io::Error::from_raw_os_error(number));
            let (copy, of_copy) = (first.clone(), first.clone().clone());
            let panics = || -> sled::Result<()> { panic!("sled's own: {:?}", io::Error::from_raw_os_error(number)) };
            let answers = [first, copy, of_copy].map(|said| guarded("read", Path::new("live"), || Err(said)));
            for answer in answers.into_iter().chain([guarded("read", Path::new("live"), panics)]) {
                let error = answer.expect_err("it fails");
                assert_eq!(disk::refusal(&error).and_then(io::Error::raw_os_error), Some(number));
            }
        }
    }
}
