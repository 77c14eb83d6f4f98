//! Reading segments, sealed and open, without the database: what a backup is, and what anybody may read while a process
//! writes. A host's files are one log in order of their names; where both are there, the sealed one counts.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ledger::{Hash, HostId};

use super::chain::Chain;
use super::durable;
use super::error::{LogError, io_error};
use super::frame::{Entry, FRAME_BYTES_MAX, Frame};
use super::recover::hash_in_segments;
use super::segment::{self, HEADER_BYTES, Segment};
use super::tail::{self, Rest};

/// What one read takes.
const READ_BYTES: usize = 1 << 20;
/// Between two looks at an open segment that grows.
const PAUSE: Duration = Duration::from_millis(50);

/// Who is shown every entry that was read and checked, by several threads.
pub type See<'a> = &'a (dyn Fn(HostId, &Entry) + Sync);

/// The hosts that have segments in a folder.
pub(crate) fn hosts(dir: &Path) -> Result<Vec<HostId>, LogError> {
    let names = durable::names(&dir.join("segments"))?;
    Ok(names.iter().filter_map(|name| HostId::parse(name)).collect())
}

/// What a walk through a host's files has found.
#[derive(Default)]
pub(crate) struct Walked {
    pub(crate) chain: Chain,
    pub(crate) segments: Vec<Arc<Segment>>,
    /// The own sequence before the first that no sealed segment holds, and the header hashes from there on.
    before: u64,
    hashes: Vec<Hash>,
    /// The open segments, and the chains after which they begin.
    pub(crate) opens: Vec<(PathBuf, Chain)>,
    /// Where the last open segment ends, if something stands after it that isn't a frame.
    pub(crate) torn: Option<(PathBuf, u64)>,
}

impl Walked {
    /// The header hash of an own sequence, if it is known.
    pub(crate) fn hash_at(&self, sequence: u64) -> Result<Option<Hash>, LogError> {
        match sequence.checked_sub(self.before + 1) {
            Some(index) => Ok(usize::try_from(index).ok().and_then(|index| self.hashes.get(index)).copied()),
            None => hash_in_segments(&self.segments, sequence),
        }
    }
}

/// A walk through the files of one host.
pub(crate) struct Walk<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) host: HostId,
    pub(crate) see: See<'a>,
    /// Whether sealed entries are shown, too.
    pub(crate) shows_sealed: bool,
    /// The last position that was shown.
    pub(crate) shown: u64,
    /// A position that a running process has yet to write, and how long that is waited for.
    pub(crate) reach: u64,
    pub(crate) until: Instant,
    pub(crate) walked: Walked,
}

impl Walk<'_> {
    /// Reads everything; what was found before an error stays.
    pub(crate) fn run(&mut self) -> Result<(), LogError> {
        loop {
            let first = self.walked.chain.position + 1;
            let (sealed, open) = self.paths(first);
            match File::open(&open) {
                _ if sealed.exists() => self.sealed(&sealed)?,
                Ok(file) if !self.open(&open, &file)? => return self.end(first),
                Ok(_) => {}
                // It was sealed between the two looks.
                Err(error) if error.kind() == ErrorKind::NotFound && sealed.exists() => self.sealed(&sealed)?,
                Err(error) if error.kind() == ErrorKind::NotFound && self.waits() => {}
                Err(error) if error.kind() == ErrorKind::NotFound => return self.end(first),
                Err(error) => return Err(io_error("open", &open)(error)),
            }
        }
    }

    fn paths(&self, first: u64) -> (PathBuf, PathBuf) {
        let folder = segment::folder(self.dir, self.host);
        (folder.join(format!("{first:020}.seg")), folder.join(format!("{first:020}{}", tail::SUFFIX)))
    }

    fn sealed(&mut self, path: &Path) -> Result<(), LogError> {
        let segment = Segment::open(path, self.host)?;
        let (see, host) = (self.see, self.host);
        let shown = if self.shows_sealed { self.shown } else { u64::MAX };
        let show = |entry: &Entry| {
            if entry.position > shown {
                see(host, entry);
            }
        };
        segment.verify(&mut self.walked.chain, &show)?;
        self.shown = self.shown.max(self.walked.chain.position);
        self.walked.segments.push(Arc::new(segment));
        self.walked.before = self.walked.chain.sequence;
        self.walked.hashes.clear();
        Ok(())
    }

    /// Reads an open segment to its end, and says whether the log goes on after it: then it is whole.
    fn open(&mut self, path: &Path, file: &File) -> Result<bool, LogError> {
        let (mut at, begin) = (0, self.walked.chain.clone());
        let first = begin.position + 1;
        let (sealed, _) = self.paths(first);
        self.walked.opens.push((path.to_owned(), begin.clone()));
        loop {
            at = self.frames(path, file, at)?;
            let follows = self.later(first)?.is_some();
            if sealed.exists() {
                // It was sealed meanwhile, and may never have been finished.
                self.walked.chain = begin;
                self.walked.opens.pop();
                return self.sealed(&sealed).map(|()| true);
            }
            if follows {
                at = self.frames(path, file, at)?;
                return match self.rest(path, file, at)? {
                    Rest::Nothing if self.walked.chain.position > begin.position => Ok(true),
                    _ => Err(self.damaged(path, "the open segment isn't whole, although another one follows")),
                };
            }
            if !self.waits() {
                break;
            }
        }
        match self.rest(path, file, at)? {
            Rest::Nothing => {}
            Rest::Torn(bytes) => self.walked.torn = Some((path.to_owned(), bytes)),
            Rest::Different => return Err(self.damaged(path, "the open segment has something else between its frames")),
        }
        Ok(false)
    }

    /// Waits a moment if a running process has yet to write something; says whether it has waited.
    fn waits(&self) -> bool {
        let is_awaited = self.walked.chain.position < self.reach && Instant::now() < self.until;
        if is_awaited {
            std::thread::sleep(PAUSE);
        }
        is_awaited
    }

    fn rest(&self, path: &Path, file: &File, at: u64) -> Result<Rest, LogError> {
        let length = file.metadata().map_err(io_error("look at", path))?.len();
        tail::rest(file, path, at, length)
    }

    /// Reads whole frames from a place on; returns where they end.
    fn frames(&mut self, path: &Path, file: &File, from: u64) -> Result<u64, LogError> {
        let mut reader = BufReader::with_capacity(READ_BYTES, file);
        reader.seek(SeekFrom::Start(from)).map_err(io_error("read", path))?;
        let mut at = from;
        if at == 0 {
            let mut header = [0; HEADER_BYTES];
            match reader.read_exact(&mut header) {
                Ok(()) if header == segment::file_header(self.host) => at = HEADER_BYTES as u64,
                Ok(()) => return Err(self.damaged(path, "the segment isn't this host's or has an unknown version")),
                Err(_) => return Ok(0),
            }
        }
        let mut bytes = Vec::new();
        loop {
            let mut prefix = [0; 4];
            if reader.read_exact(&mut prefix).is_err() {
                return Ok(at);
            }
            let length = usize::try_from(u32::from_le_bytes(prefix)).unwrap_or(usize::MAX);
            if length > FRAME_BYTES_MAX {
                return Ok(at);
            }
            bytes.resize(length, 0);
            if reader.read_exact(&mut bytes).is_err() || Frame::decode(&bytes).is_err() {
                return Ok(at);
            }
            let frame = self.walked.chain.read(self.host, &bytes, path)?;
            if frame.entry.own {
                self.walked.hashes.push(self.walked.chain.head);
            }
            (self.see)(self.host, &frame.entry);
            self.shown = frame.entry.position;
            at += 4 + length as u64;
        }
    }

    /// A file that stands after what was read and after the one that begins at a position, if there is one.
    fn later(&self, than: u64) -> Result<Option<PathBuf>, LogError> {
        let folder = segment::folder(self.dir, self.host);
        let than = than.max(self.walked.chain.position);
        let first = |name: &String| name.split('.').next().and_then(|digits| digits.parse::<u64>().ok());
        let is_later = |name: &String| !name.ends_with(".tmp") && first(name).is_some_and(|first| first > than);
        Ok(durable::names(&folder)?.iter().find(|name| is_later(name)).map(|name| folder.join(name)))
    }

    /// Nothing may come after the last file.
    fn end(&self, first: u64) -> Result<(), LogError> {
        match self.later(first)? {
            Some(path) => Err(self.damaged(&path, "the segment before this one is missing or ends too early")),
            None => Ok(()),
        }
    }

    fn damaged(&self, path: &Path, what: &'static str) -> LogError {
        LogError::Damaged { path: path.to_owned(), position: self.walked.chain.position + 1, what }
    }
}
