//! A copy of the logs in another folder, made while they are written: sealed segments, open ones, and an `anchor` that
//! says how far the copy reaches and names no database.
//!
//! What is copied comes first and the anchor last, so that the folder can be restored at any moment and lacks nothing that
//! its anchor names. The logs are read as any reader does: nothing waits for the copy. A folder that isn't there any more,
//! or is full, is an error of the step; the next one begins by looking at what is there.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ledger::{Hash, HostId};
use sha2::{Digest, Sha256};

use super::anchor::{self, Anchor, Head};
use super::chain::Chain;
use super::durable;
use super::error::{LogError, io_error};
use super::frame::Frame;
use super::open::hold;
use super::segment::{self, Segment, TAIL_BYTES};
use super::shared::{Shared, read};
use super::tail::{self, CHUNK_BYTES, OpenSegment};
use crate::crash;

/// A host that is noted before one that it hears is noted again; nobody records so fast that this is needed more often.
const LOOKS_MAX: usize = 64;

/// What copies are made from: the logs of a process. Cheap to clone.
#[derive(Clone)]
pub struct Copying(Arc<Shared>);

impl Copying {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// How far each log is durable.
    #[must_use]
    pub fn ends(&self) -> BTreeMap<HostId, u64> {
        self.0.hosts.iter().map(|(host, shared)| (*host, shared.synced.borrow().position)).collect()
    }

    /// How often there is something to copy.
    #[must_use]
    pub fn every(&self) -> Duration {
        self.0.settings.archive_every
    }

    /// Takes a folder for a backup: an empty one, or one that holds nothing but what these logs hold.
    ///
    /// # Errors
    /// When it isn't there, another process uses it, or it holds something else.
    pub fn claim(&self, dir: &Path) -> Result<LogBackup, LogError> {
        let is_begun = dir.join(anchor::NAME).exists();
        if !is_begun && durable::names(dir)?.iter().any(|name| name != "lock" && name != "anchor.tmp") {
            return Err(LogError::NotBackup { path: dir.to_owned() });
        }
        durable::try_create_dir(dir)?;
        let lock = hold(dir, true)?;
        let heads = match anchor::read(dir)? {
            Some(found) => found.anchor,
            None => {
                let heads = self.0.hosts.keys().map(|host| (*host, Head::default())).collect();
                let first = Anchor { counter: 0, epoch: self.0.epoch, live: anchor::BACKUP, sealing: None, heads };
                anchor::begin_backup(dir, &first)?;
                first
            }
        };
        self.check(dir, &heads)?;
        let hosts =
            self.0.hosts.keys().map(|host| HostCopy { host: *host, sealed: 0, finished: 0, open: None }).collect();
        Ok(LogBackup { shared: Arc::clone(&self.0), dir: dir.to_owned(), heads, hosts, lock })
    }

    /// Whatever a backup vouches for must be in these logs: otherwise going on with it would destroy it.
    fn check(&self, dir: &Path, heads: &Anchor) -> Result<(), LogError> {
        if heads.live != anchor::BACKUP {
            return Err(LogError::NotBackup { path: dir.to_owned() });
        }
        for (host, head) in &heads.heads {
            let is_known = self.0.hosts.get(host).is_some_and(|log| log.synced.borrow().position >= head.position);
            if !is_known || heads.epoch > self.0.epoch || self.hash_at(*host, head.sequence)? != head.hash {
                return Err(LogError::OtherBackup { path: dir.to_owned(), host: *host });
            }
        }
        Ok(())
    }

    /// The header hash of an own sequence; zeros for 0 and for one that isn't there.
    fn hash_at(&self, host: HostId, sequence: u64) -> Result<Hash, LogError> {
        let position = if sequence == 0 { None } else { self.0.position_of(host, sequence)? };
        let Some(position) = position else { return Ok(Hash::ZERO) };
        let frames = self.0.frames(host, position, position, 0)?;
        let frame = frames.first().and_then(|bytes| Frame::decode(bytes).ok());
        Ok(frame.map_or(Hash::ZERO, |frame| frame.entry.header.hash()))
    }
}

/// Where every log ends at one moment: what a host has heard of another is there too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aim(BTreeMap<HostId, Head>);

impl Aim {
    /// The last position of each log.
    #[must_use]
    pub fn positions(&self) -> BTreeMap<HostId, u64> {
        self.0.iter().map(|(host, head)| (*host, head.position)).collect()
    }
}

/// A backup that this process writes. What comes of a failed step isn't known: it is to be claimed again.
pub struct LogBackup {
    shared: Arc<Shared>,
    dir: PathBuf,
    heads: Anchor,
    hosts: Vec<HostCopy>,
    lock: File,
}

impl LogBackup {
    /// Whether the folder is still the one that was claimed, with what was copied into it.
    ///
    /// # Errors
    /// When it isn't.
    pub fn check_place(&self) -> Result<(), LogError> {
        let path = self.dir.join("lock");
        let gone = || LogError::BackupGone { path: self.dir.clone() };
        let held = self.lock.metadata().map_err(io_error("look at", &path))?;
        let found = std::fs::metadata(&path).map_err(|_| gone())?;
        if (held.dev(), held.ino()) != (found.dev(), found.ino()) {
            return Err(gone());
        }
        for open in self.hosts.iter().filter_map(|host| host.open.as_ref()) {
            if !std::fs::metadata(&open.path).is_ok_and(|found| found.len() == open.bytes) {
                return Err(LogError::BackupGone { path: open.path.clone() });
            }
        }
        Ok(())
    }

    /// Where every log ends now.
    #[must_use]
    pub fn aim(&self) -> Aim {
        let mut chains: BTreeMap<HostId, Chain> =
            self.shared.hosts.iter().map(|(host, shared)| (*host, read(&shared.chain).clone())).collect();
        for _ in 0..LOOKS_MAX {
            let heard = chains.values().flat_map(|chain| &chain.heard);
            let is_early = |emitter: &HostId, heard: u64| chains.get(emitter).is_some_and(|of| of.sequence < heard);
            let early = heard.filter(|(emitter, (heard, _))| is_early(emitter, *heard)).map(|(emitter, _)| *emitter);
            let early: Vec<HostId> = early.collect();
            for host in &early {
                if let Some(shared) = self.shared.hosts.get(host) {
                    chains.insert(*host, read(&shared.chain).clone());
                }
            }
            if early.is_empty() {
                break;
            }
        }
        Aim(chains.iter().map(|(host, chain)| (*host, Head::from(chain))).collect())
    }

    /// Copies what is missing up to there, durably; the bytes that were written.
    ///
    /// # Errors
    /// When the folder is full or away, or the log can't be read.
    pub fn copy(&mut self, aim: &Aim) -> Result<u64, LogError> {
        durable::try_create_dir(&self.dir.join("segments"))?;
        let mut bytes = 0;
        for host in &mut self.hosts {
            let to = aim.0.get(&host.host).map_or(0, |head| head.position);
            bytes += host.step(&self.shared, &self.dir, to)?;
        }
        crash::point("backup.copied");
        Ok(bytes)
    }

    /// Says in the folder that everything up to there is in it.
    ///
    /// # Errors
    /// When that can't be written: then it says what it said before.
    pub fn confirm(&mut self, aim: &Aim) -> Result<(), LogError> {
        self.heads.heads.extend(aim.0.iter().map(|(host, head)| (*host, *head)));
        self.heads.epoch = self.shared.epoch;
        anchor::write_backup(&self.dir, &mut self.heads)
    }
}

/// The copy of one host's log.
struct HostCopy {
    host: HostId,
    /// Sealed segments are there up to this position.
    sealed: u64,
    /// Open segments that are finished and not sealed yet are there up to this position.
    finished: u64,
    open: Option<OpenSegment>,
}

impl HostCopy {
    fn step(&mut self, shared: &Shared, dir: &Path, to: u64) -> Result<u64, LogError> {
        let folder = segment::folder(dir, self.host);
        // In this order: what left the parts is among the segments.
        let live_base = shared.parts()?.live.base_position(self.host);
        let (segments, before, mut bytes) = (shared.host(self.host)?.segments(), self.sealed, 0);
        let is_next =
            |segment: &&Arc<Segment>| segment.summary.first_position > before && segment.summary.last_position <= to;
        for segment in segments.iter().filter(is_next) {
            durable::try_create_dir(&folder)?;
            bytes += copy(segment, &folder)?;
            self.sealed = segment.summary.last_position;
        }
        if self.sealed > before {
            let sealed = self.sealed;
            self.open.take_if(|open| open.first <= sealed);
            for (_, path) in tail::names(&folder)?.iter().filter(|(first, _)| *first <= sealed) {
                std::fs::remove_file(path).map_err(io_error("remove", path))?;
            }
        }
        // An open segment ends where its sealed one will: what replaces it has all that it had.
        bytes += self.write(shared, dir, live_base.min(to))?;
        if live_base <= to {
            self.open.take_if(|open| open.first <= live_base);
            self.finished = self.finished.max(live_base);
        }
        bytes += self.write(shared, dir, to)?;
        Ok(bytes)
    }

    /// Writes the open segment up to a position, if it isn't there yet.
    fn write(&mut self, shared: &Shared, dir: &Path, to: u64) -> Result<u64, LogError> {
        let before = self.sealed.max(self.finished);
        if self.open.as_ref().map_or(before, |open| open.last) >= to {
            return Ok(0);
        }
        let log = |from, to| shared.frames(self.host, from, to, CHUNK_BYTES);
        let open = match &mut self.open {
            Some(open) => open,
            open => open.insert(OpenSegment::resume(dir, self.host, before + 1, to, log)?),
        };
        let begun = open.bytes;
        open.write(to, log)?;
        Ok(open.bytes - begun)
    }
}

/// Copies a sealed segment unless it is there, durably, reads the copy again and checks it; the bytes that were written.
pub(crate) fn copy(segment: &Segment, folder: &Path) -> Result<u64, LogError> {
    let name = format!("{:020}", segment.summary.first_position);
    let (draft, path) = (folder.join(format!("{name}.tmp")), folder.join(format!("{name}.seg")));
    // The end of a segment has its length and the hashes of all that is before.
    let end = |path: &Path| -> Result<(u64, Vec<u8>), LogError> {
        let file = File::open(path).map_err(io_error("open", path))?;
        let length = file.metadata().map_err(io_error("look at", path))?.len();
        let at = length.saturating_sub(TAIL_BYTES as u64);
        segment::read_at(&file, path, at, TAIL_BYTES).map(|end| (length, end))
    };
    if path.exists() && end(&path).ok() == Some(end(&segment.path)?) {
        return Ok(0);
    }
    std::fs::copy(&segment.path, &draft).map_err(io_error("copy", &segment.path))?;
    durable::try_sync(&File::open(&draft).map_err(io_error("open", &draft))?, &draft)?;
    let copied = Segment::open(&draft, segment.host)?;
    if copied.summary != segment.summary || body_hash(&copied)? != stored_body_hash(&copied)? {
        let what = "the copy of the segment isn't what was sealed";
        return Err(LogError::Damaged { path: segment.path.clone(), position: segment.summary.first_position, what });
    }
    std::fs::rename(&draft, &path).map_err(io_error("name", &path))?;
    durable::try_sync_dir(folder)?;
    Ok(copied.bytes())
}

/// The hash of what stands before the footer.
fn body_hash(segment: &Segment) -> Result<Hash, LogError> {
    let file = File::open(&segment.path).map_err(io_error("open", &segment.path))?;
    let mut body = file.take(segment.footer_at);
    let (mut hasher, mut block) = (Sha256::new(), vec![0; CHUNK_BYTES]);
    loop {
        let length = body.read(&mut block).map_err(io_error("read", &segment.path))?;
        if length == 0 {
            return Ok(Hash(hasher.finalize().into()));
        }
        hasher.update(block.get(..length).unwrap_or_default());
    }
}

/// What the footer says that it is.
fn stored_body_hash(segment: &Segment) -> Result<Hash, LogError> {
    let file = File::open(&segment.path).map_err(io_error("open", &segment.path))?;
    let bytes = segment::read_at(&file, &segment.path, segment.bytes() - 80, 32)?;
    Ok(bytes.try_into().map_or(Hash::ZERO, Hash))
}
