//! The open segments: the part of each host's log that isn't sealed yet, written as the segment that rotation will make
//! of it, at most a second behind what is durable. So a folder of segments is a copy of the log without the database.
//!
//! `segments/<host>/<first position, 20 digits>.open` has a segment's header and its frames, and no footer. One thread
//! writes them, reads the log as any reader does, and alone creates and removes them: what follows from the log can't
//! hold it up. An open segment is removed once the sealed one has its name.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use ledger::HostId;

use super::durable;
use super::error::{LogError, io_error};
use super::frame::{FRAME_BYTES_MAX, Frame};
use super::segment::{self, HEADER_BYTES};
use super::shared::Shared;
use crate::crash;

/// How an open segment's name ends.
pub(crate) const SUFFIX: &str = ".open";
/// What one read of the log takes; bounds what the thread holds.
pub(crate) const CHUNK_BYTES: usize = 1 << 20;
/// What a disk writes whole or not at all.
const SECTOR_BYTES: u64 = 512;

/// Writes until the log is closed, and then once more.
pub(crate) fn run(shared: &Shared, closed: &Receiver<()>) {
    let mut tails = shared.hosts.keys().map(|host| Tail::new(shared, *host)).collect::<Vec<_>>();
    loop {
        let last = closed.recv_timeout(shared.settings.archive_every) == Err(RecvTimeoutError::Disconnected);
        let mut complete = true;
        for tail in &mut tails {
            complete &= tail.try_step(shared);
        }
        if complete {
            shared.meters.archived();
        }
        if last {
            break;
        }
    }
}

/// The end of one host's log as it is in files.
struct Tail {
    host: HostId,
    /// Everything up to here is in an open segment or a sealed one.
    written: u64,
    open: Option<OpenSegment>,
    /// Open segments that begin up to here were removed.
    swept: u64,
    failing: bool,
}

impl Tail {
    fn new(shared: &Shared, host: HostId) -> Self {
        let written = shared.hosts.get(&host).map_or(0, |one| one.archived.load(Ordering::Relaxed));
        Self { host, written, open: None, swept: 0, failing: false }
    }

    /// Does a step; a full or broken disk is told once, and tried again. Says whether it is done.
    fn try_step(&mut self, shared: &Shared) -> bool {
        let outcome = self.step(shared);
        if let Ok(host) = shared.host(self.host) {
            host.archived.store(self.written, Ordering::Relaxed);
        }
        match outcome {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!(host = %self.host, "the open segment is written again");
                }
                true
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    let source = std::error::Error::source(&error);
                    tracing::error!(host = %self.host, %error, source, "can't write the open segment, trying again");
                }
                shared.meters.archive_failures.fetch_add(1, Ordering::Relaxed);
                // The next step compares what is in the file with the log before it goes on.
                if let Some(open) = self.open.take() {
                    self.written = open.first - 1;
                }
                false
            }
        }
    }

    fn step(&mut self, shared: &Shared) -> Result<(), LogError> {
        let host = shared.host(self.host)?;
        // In this order: what is durable now isn't beyond the parts, and what left the parts is among the segments.
        let end = host.synced.borrow().position;
        let live_base = shared.parts()?.live.base_position(self.host);
        let segments = host.segments();
        let sealed = segments.last().map_or(0, |segment| segment.summary.last_position);
        if self.written < sealed {
            (self.open, self.written) = (None, sealed);
        }
        if self.written < live_base {
            self.write(shared, live_base)?;
        }
        self.open.take_if(|open| open.first <= live_base);
        if self.written < end {
            self.write(shared, end)?;
        }
        let parts = shared.parts()?;
        for part in [Some(&parts.live), parts.sealing.as_ref()].into_iter().flatten() {
            part.generation.forget_to(self.host, self.written);
        }
        self.sweep(&shared.dir, sealed)
    }

    fn write(&mut self, shared: &Shared, to: u64) -> Result<(), LogError> {
        let log = |from, to| shared.frames(self.host, from, to, CHUNK_BYTES);
        let open = match &mut self.open {
            Some(open) => open,
            open => open.insert(OpenSegment::resume(&shared.dir, self.host, self.written + 1, to, log)?),
        };
        self.written = open.last;
        open.write(to, log)?;
        self.written = to;
        Ok(())
    }

    /// Removes what sealed segments have replaced: here, or while the log was opened, or before it ended.
    fn sweep(&mut self, dir: &Path, sealed: u64) -> Result<(), LogError> {
        if self.swept == sealed {
            return Ok(());
        }
        for (_, path) in names(&segment::folder(dir, self.host))?.iter().filter(|(first, _)| *first <= sealed) {
            crash::point("archive.sealed");
            std::fs::remove_file(path).map_err(io_error("remove", path))?;
        }
        self.swept = sealed;
        Ok(())
    }
}

/// A segment without its end, being written.
pub(crate) struct OpenSegment {
    pub(crate) path: PathBuf,
    file: File,
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) bytes: u64,
}

impl OpenSegment {
    /// Opens the segment that begins at a position, creating it, or goes on where it is as the log says.
    pub(crate) fn resume(
        dir: &Path,
        host: HostId,
        first: u64,
        to: u64,
        log: impl Fn(u64, u64) -> Result<Vec<Vec<u8>>, LogError>,
    ) -> Result<Self, LogError> {
        let folder = segment::folder(dir, host);
        durable::try_create_dir(&dir.join("segments"))?;
        durable::try_create_dir(&folder)?;
        let path = folder.join(format!("{first:020}{SUFFIX}"));
        let is_new = !path.exists();
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(io_error("open", &path))?;
        let compared = compare(&path, host, first, to, log)?;
        if is_new {
            durable::try_sync_dir(&folder)?;
            crash::point("archive.created");
        } else if compared.rest != Rest::Nothing {
            tracing::info!(path = %path.display(), last = compared.last, rest = ?compared.rest, "cut the open segment back");
        }
        let mut bytes = compared.bytes;
        file.set_len(bytes).map_err(io_error("cut", &path))?;
        if bytes == 0 {
            let header = segment::file_header(host);
            file.write_all_at(&header, 0).map_err(io_error("write", &path))?;
            bytes = header.len() as u64;
        }
        Ok(Self { path, file, first, last: compared.last, bytes })
    }

    /// Appends what the log has up to a position, and makes it durable.
    pub(crate) fn write(
        &mut self,
        to: u64,
        log: impl Fn(u64, u64) -> Result<Vec<Vec<u8>>, LogError>,
    ) -> Result<(), LogError> {
        let mut block = Vec::new();
        while self.last < to {
            block.clear();
            for frame in log(self.last + 1, to)? {
                block.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
                block.extend_from_slice(&frame);
                self.last += 1;
            }
            if crash::is_armed("archive.half_written") {
                let half = block.get(..block.len() / 2).unwrap_or_default();
                self.file.write_all_at(half, self.bytes).map_err(io_error("write", &self.path))?;
                crash::point("archive.half_written");
            }
            self.file.write_all_at(&block, self.bytes).map_err(io_error("write", &self.path))?;
            self.bytes += block.len() as u64;
        }
        crash::point("archive.written");
        if let Err(source) = self.file.sync_data() {
            // The kernel may have dropped pages that it still shows: nothing of this file is compared and kept.
            drop(std::fs::remove_file(&self.path));
            return Err(LogError::Io { action: "sync", path: self.path.clone(), source });
        }
        crash::point("archive.synced");
        Ok(())
    }
}

/// What comes after the part of an open segment that is as the log says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Nothing.
    Nothing,
    /// So many bytes without a whole frame, or with sectors that were never written: a write that a crash cut off.
    Torn(u64),
    /// Something that was whole once, or is another log's.
    Different,
}

/// How far an open segment is as the log says.
pub(crate) struct Compared {
    pub(crate) last: u64,
    pub(crate) bytes: u64,
    pub(crate) rest: Rest,
}

/// Compares an open segment with the log, frame by frame, up to a position.
pub(crate) fn compare(
    path: &Path,
    host: HostId,
    first: u64,
    to: u64,
    log: impl Fn(u64, u64) -> Result<Vec<Vec<u8>>, LogError>,
) -> Result<Compared, LogError> {
    let file = File::open(path).map_err(io_error("open", path))?;
    let length = file.metadata().map_err(io_error("look at", path))?.len();
    let mut compared = Compared { last: first - 1, bytes: 0, rest: Rest::Nothing };
    let mut reader = BufReader::with_capacity(CHUNK_BYTES, &file);
    let mut header = [0; HEADER_BYTES];
    let is_ours = length >= HEADER_BYTES as u64 && reader.read_exact(&mut header).is_ok();
    if is_ours && header == segment::file_header(host) {
        compared.bytes = HEADER_BYTES as u64;
        same_frames(&mut reader, path, length, to, &mut compared, &log)?;
    }
    compared.rest = match rest(&file, path, compared.bytes, length)? {
        Rest::Different if is_torn(&file, path, host, &compared, to, log)? => Rest::Torn(length - compared.bytes),
        rest => rest,
    };
    Ok(compared)
}

/// Goes on as long as the frames of a file are those of the log.
fn same_frames(
    reader: &mut impl Read,
    path: &Path,
    length: u64,
    to: u64,
    compared: &mut Compared,
    log: impl Fn(u64, u64) -> Result<Vec<Vec<u8>>, LogError>,
) -> Result<(), LogError> {
    let mut bytes = Vec::new();
    while compared.last < to && compared.bytes < length {
        for frame in log(compared.last + 1, to)? {
            bytes.resize(4 + frame.len(), 0);
            if compared.bytes + bytes.len() as u64 > length {
                return Ok(());
            }
            reader.read_exact(&mut bytes).map_err(io_error("read", path))?;
            let (prefix, content) = bytes.split_at(4);
            let is_same = u32::try_from(frame.len()).is_ok_and(|length| length.to_le_bytes() == prefix);
            if !is_same || content != frame {
                return Ok(());
            }
            compared.last += 1;
            compared.bytes += bytes.len() as u64;
        }
    }
    Ok(())
}

/// Whether each sector of the rest is as the log says or was never written: what a power cut leaves of a write.
fn is_torn(
    file: &File,
    path: &Path,
    host: HostId,
    compared: &Compared,
    to: u64,
    log: impl Fn(u64, u64) -> Result<Vec<Vec<u8>>, LogError>,
) -> Result<bool, LogError> {
    let length = file.metadata().map_err(io_error("look at", path))?.len();
    let (mut at, mut next, mut used) = (compared.bytes, compared.last + 1, 0);
    let mut said = if at == 0 { segment::file_header(host).to_vec() } else { Vec::new() };
    while at < length {
        let end = ((at / SECTOR_BYTES + 1) * SECTOR_BYTES).min(length);
        let found = segment::read_at(file, path, at, usize::try_from(end - at).unwrap_or(0))?;
        while said.len() - used < found.len() && next <= to {
            said.drain(..std::mem::take(&mut used));
            for frame in log(next, to)? {
                said.extend_from_slice(&u32::try_from(frame.len()).unwrap_or(u32::MAX).to_le_bytes());
                said.extend_from_slice(&frame);
                next += 1;
            }
        }
        let is_said = said.get(used..used + found.len()).is_some_and(|said| said == found);
        if !is_said && found.iter().any(|byte| *byte != 0) {
            return Ok(false);
        }
        used = (used + found.len()).min(said.len());
        at = end;
    }
    Ok(true)
}

/// Whether a frame that is whole stands anywhere between two places of a file.
pub(crate) fn rest(file: &File, path: &Path, from: u64, to: u64) -> Result<Rest, LogError> {
    if from >= to {
        return Ok(Rest::Nothing);
    }
    let mut at = from;
    let mut block = Vec::new();
    while at < to {
        // Twice the longest frame: one that begins in the first half is here whole.
        let length = usize::try_from(to - at).unwrap_or(usize::MAX).min(2 * FRAME_BYTES_MAX);
        block.resize(length, 0);
        file.read_exact_at(&mut block, at).map_err(io_error("read", path))?;
        if Frame::stands_in(&block) {
            return Ok(Rest::Different);
        }
        at += FRAME_BYTES_MAX as u64;
    }
    Ok(Rest::Torn(to - from))
}

/// Frames of the open segments, up to about `bytes_max`; none where these don't have the first. A walk from their
/// beginning: for when the database doesn't give them.
pub(crate) fn frames(dir: &Path, host: HostId, from: u64, to: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, LogError> {
    let begun = names(&segment::folder(dir, host))?.into_iter().rfind(|(first, _)| *first <= from);
    let Some((mut position, path)) = begun else { return Ok(Vec::new()) };
    let file = File::open(&path).map_err(io_error("open", &path))?;
    let mut reader = BufReader::with_capacity(CHUNK_BYTES, file);
    let (mut frames, mut bytes) = (Vec::new(), 0);
    let mut prefix = [0; 4];
    let mut whole = reader.read_exact(&mut [0; HEADER_BYTES]).is_ok();
    while whole && position <= to && bytes < bytes_max.max(1) {
        whole = reader.read_exact(&mut prefix).is_ok();
        let length = u32::from_le_bytes(prefix);
        if position < from {
            whole &= reader.seek_relative(i64::from(length)).is_ok();
        } else if whole {
            let mut frame = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(FRAME_BYTES_MAX)];
            whole = reader.read_exact(&mut frame).is_ok() && Frame::decode(&frame).is_ok();
            bytes += frame.len();
            frames.extend(whole.then_some(frame));
        }
        position += 1;
    }
    Ok(frames)
}

/// The open segments in a host's folder, with their first positions.
pub(crate) fn names(folder: &Path) -> Result<Vec<(u64, PathBuf)>, LogError> {
    let names = durable::names(folder)?.into_iter();
    Ok(names.filter_map(|name| Some((name.strip_suffix(SUFFIX)?.parse().ok()?, folder.join(&name)))).collect())
}
