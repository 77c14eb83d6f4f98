//! Putting sealed segments back that are missing or damaged, from a backup: only those that lead, hash by hash, from the
//! segment before to what the database begins with. Nothing else of a log can be put back without a doubt.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use ledger::HostId;

use super::anchor;
use super::backup;
use super::chain::Chain;
use super::durable;
use super::error::{LogError, io_error};
use super::open::hold;
use super::recover;
use super::restore;
use super::segment::{self, HEADER_BYTES, Segment};
use super::tail;
use super::verify::{Copied, each};
use crate::crash;

/// What one read of a segment takes.
const READ_BYTES: usize = 1 << 20;

/// A sealed segment that isn't what it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostSegment {
    /// Whose log.
    pub host: HostId,
    /// Where it belongs.
    pub path: PathBuf,
    /// Its first position.
    pub first: u64,
    /// Its last position, as far as that is known.
    pub last: u64,
    /// What is wrong with it; nothing where it is missing.
    pub why: Option<String>,
    /// What it can be put back from.
    pub source: Option<PathBuf>,
}

/// Finds what is lost and, with a folder for damaged originals, puts back what can be.
pub(crate) fn segments(dir: &Path, from: Option<&Path>, aside: Option<&Path>) -> Result<Vec<LostSegment>, LogError> {
    let _lock = hold(dir, false)?;
    let found = anchor::read(dir)?.ok_or_else(|| LogError::AnchorMissing { path: dir.join(anchor::NAME) })?;
    let copied = Copied::open(dir, found.anchor)?;
    let temp = copied.folder();
    let found = each(&copied.hosts, |host| {
        let (end, _) = recover::bases(host, &copied.generations, &copied.anchor)?;
        Mending { dir, from, host, end, temp }.run()
    });
    let mut all = Vec::new();
    for (host, outcome) in found {
        let lost = outcome?;
        // A log is mended whole, or left as it is.
        if let Some(aside) = aside.filter(|_| lost.iter().all(|(_, found)| found.is_some())) {
            for (one, segment) in lost.iter().filter_map(|(one, found)| Some((one, found.as_ref()?))) {
                put_aside(&one.path, &aside.join(host.to_string()))?;
                let folder = segment::folder(dir, host);
                durable::try_create_dir(&folder)?;
                backup::copy(segment, &folder)?;
                crash::point("repair.put_back");
            }
        }
        all.extend(lost.into_iter().map(|(one, _)| one));
    }
    Ok(all)
}

/// Moves a file that is there into a folder of damaged ones, under a name that is free there.
pub(crate) fn put_aside(path: &Path, folder: &Path) -> Result<(), LogError> {
    if !path.exists() {
        return Ok(());
    }
    std::fs::create_dir_all(folder).map_err(io_error("create", folder))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names =
        std::iter::once(format!("{name}.damaged")).chain((2..).map(|number| format!("{name}.{number}.damaged")));
    let free = names.map(|name| folder.join(name)).find(|path| !path.exists());
    let to = free.unwrap_or_else(|| folder.join(&name));
    std::fs::rename(path, &to).map_err(io_error("move", path))?;
    durable::try_sync_dir(folder)?;
    crash::point("repair.put_aside");
    Ok(())
}

/// The segments of one host.
struct Mending<'a> {
    dir: &'a Path,
    from: Option<&'a Path>,
    host: HostId,
    /// What the database begins with.
    end: Chain,
    temp: &'a Path,
}

/// What is lost, and whole again.
type Lost = (LostSegment, Option<Segment>);

impl Mending<'_> {
    fn run(&self) -> Result<Vec<Lost>, LogError> {
        let (mut chain, mut lost) = (Chain::default(), Vec::new());
        while chain.position < self.end.position {
            let path = self.path(self.dir, &chain, ".seg");
            let why = match self.continues(&path, &chain, None) {
                Ok((_, next)) => {
                    chain = next;
                    continue;
                }
                Err(error) => path.exists().then(|| error.to_string()),
            };
            let (first, last) = (chain.position + 1, self.last(chain.position + 1)?);
            let found = self.elsewhere(&chain, last);
            let source = found.as_ref().map(|(_, _, source)| source.clone());
            let one = LostSegment { host: self.host, path, first, last, why, source };
            let Some((segment, next, _)) = found else {
                lost.push((one, None));
                // What comes after it can't be checked.
                return Ok(lost);
            };
            lost.push((one, Some(segment)));
            chain = next;
        }
        chain.marks = self.end.marks;
        if chain != self.end {
            // What was found in the backup is whole, and another ledger's.
            for (one, found) in &mut lost {
                (one.source, *found) = (None, None);
            }
        }
        Ok(lost)
    }

    fn path(&self, dir: &Path, before: &Chain, suffix: &str) -> PathBuf {
        segment::folder(dir, self.host).join(format!("{:020}{suffix}", before.position + 1))
    }

    /// Reads a segment that follows, to a position if one is known; with the chain after it.
    fn continues(&self, path: &Path, before: &Chain, last: Option<u64>) -> Result<(Segment, Chain), LogError> {
        let segment = Segment::open(path, self.host)?;
        let mut chain = before.clone();
        segment.verify(&mut chain, &|_| ())?;
        if chain.position > self.end.position || last.is_some_and(|last| chain.position != last) {
            let (path, position) = (path.to_owned(), chain.position);
            return Err(LogError::Damaged {
                path,
                position,
                what: "the segment doesn't end where the next one begins",
            });
        }
        Ok((segment, chain))
    }

    /// Where a segment ends: before the next one, or where the database begins.
    fn last(&self, first: u64) -> Result<u64, LogError> {
        let names = durable::names(&segment::folder(self.dir, self.host))?;
        let firsts = names.iter().filter_map(|name| name.strip_suffix(".seg")?.parse::<u64>().ok());
        let next = firsts.filter(|next| *next > first && *next <= self.end.position).min();
        Ok(next.map_or(self.end.position, |next| next - 1))
    }

    /// The segment in the backup: sealed there, or still growing.
    fn elsewhere(&self, before: &Chain, last: u64) -> Option<(Segment, Chain, PathBuf)> {
        let from = self.from?;
        let sealed = self.path(from, before, ".seg");
        if let Ok((segment, chain)) = self.continues(&sealed, before, Some(last)) {
            return Some((segment, chain, sealed));
        }
        let open = self.path(from, before, tail::SUFFIX);
        let mut reader = BufReader::with_capacity(READ_BYTES, File::open(&open).ok()?);
        reader.read_exact(&mut [0; HEADER_BYTES]).ok()?;
        let frames = |from, to| restore::next(&mut reader, &open, from, to);
        let (segment, chain) = Segment::write_from(frames, &open, self.temp, self.host, before, last).ok()?;
        Some((segment, chain, open))
    }
}
