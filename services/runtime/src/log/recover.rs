//! Checking a log against its anchor before anything is served: the live part entry by entry, the segments by their
//! footers. Opening and verifying share it; nothing here writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ledger::{Hash, HostId};

use super::anchor::{Anchor, Head};
use super::archive::See;
use super::chain::{Chain, Mark};
use super::durable;
use super::error::LogError;
use super::frame::{Entry, Frame};
use super::segment::{self, Segment};
use super::shared::OwnIndex;
use super::store::Generation;
use super::tail;

/// What one read of the database takes.
const CHUNK_BYTES: usize = 1 << 20;

/// What opening found that is worth a look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OpenReport {
    /// The slot of the anchor that wasn't whole; the other one was used.
    pub torn_slot: Option<usize>,
    /// Entries after the anchored ones that continue the chain and were kept: durable, never acknowledged.
    pub kept_after_anchor: u64,
    /// The generation whose sealing was finished.
    pub finished_sealing: Option<u64>,
    /// Files and folders that the anchor doesn't name and that were removed.
    pub removed: Vec<PathBuf>,
}

/// The databases that the anchor names.
pub(crate) struct Generations {
    pub(crate) live: Generation,
    pub(crate) sealing: Option<Generation>,
}

/// A host's log as it was found.
pub(crate) struct Found {
    pub(crate) chain: Chain,
    pub(crate) owns: OwnIndex,
    pub(crate) segments: Vec<Arc<Segment>>,
    /// Segments of a sealing that wasn't finished; they will be written again.
    pub(crate) unfinished: Vec<PathBuf>,
    /// Where the sealing and the live generation begin.
    pub(crate) sealing_base: Chain,
    pub(crate) live_base: Chain,
    pub(crate) live_bytes: u64,
}

impl Found {
    /// Frames of the host, from wherever they are.
    pub(crate) fn frames(
        &self,
        host: HostId,
        from: u64,
        to: u64,
        in_database: &Generations,
    ) -> Result<Vec<Vec<u8>>, LogError> {
        let index = self.segments.partition_point(|segment| segment.summary.last_position < from);
        if let Some(segment) = self.segments.get(index) {
            return segment.frames(from, to, CHUNK_BYTES);
        }
        match &in_database.sealing {
            Some(sealing) if from <= self.live_base.position => {
                sealing.frames(host, from, to.min(self.live_base.position), CHUNK_BYTES)
            }
            _ => in_database.live.frames(host, from, to, CHUNK_BYTES),
        }
    }

    /// The header hash of an own sequence.
    pub(crate) fn hash_at(
        &self,
        host: HostId,
        sequence: u64,
        in_database: &Generations,
    ) -> Result<Option<Hash>, LogError> {
        let Some(position) = self.owns.position_of(sequence) else { return hash_in_segments(&self.segments, sequence) };
        let frames = self.frames(host, position, position, in_database)?;
        let frame = frames.first().and_then(|bytes| Frame::decode(bytes).ok());
        Ok(frame.map(|frame| frame.entry.header.hash()))
    }
}

/// Checks one host's log; for somebody who wants to see it, the segments' frames too.
pub(crate) fn host(
    dir: &Path,
    id: HostId,
    generations: &Generations,
    anchor: &Anchor,
    see: Option<See<'_>>,
) -> Result<Found, LogError> {
    let known = anchor.heads.get(&id);
    let (sealing_base, live_base) = bases(id, generations, anchor)?;
    let (segments, unfinished) = load_segments(dir, id, &sealing_base, generations.sealing.is_some())?;
    if let Some(see) = see {
        verify_segments(&segments, &sealing_base, &|entry| see(id, entry))?;
    }
    let mut walk =
        Walk { id, see, chain: sealing_base.clone(), owns: Vec::new(), anchored: known.copied(), seen: None };
    walk.see(sealing_base.sequence, sealing_base.head);
    if let Some(sealing) = &generations.sealing {
        walk.generation(sealing, live_base.position)?;
        walk.chain.marks = live_base.marks;
        if walk.chain != live_base {
            return Err(sealing.damaged(walk.chain.position, "the older generation doesn't end where the newer begins"));
        }
    }
    let live_bytes = walk.generation(&generations.live, u64::MAX)?;
    walk.marks(&generations.live)?;
    walk.check_anchored(&segments)?;
    let owns = OwnIndex { before: sealing_base.sequence, positions: walk.owns.into() };
    Ok(Found { chain: walk.chain, owns, segments, unfinished, sealing_base, live_base, live_bytes })
}

/// Where the older and the live generation begin: with the end of what is sealed.
pub(crate) fn bases(id: HostId, generations: &Generations, anchor: &Anchor) -> Result<(Chain, Chain), LogError> {
    let known = anchor.heads.get(&id);
    let base = |generation: &Generation| match generation.base(id)? {
        None if known.is_some_and(|head| *head != Head::default()) => {
            Err(generation.damaged(0, "the state at the start of the database is missing"))
        }
        base => Ok(base.unwrap_or_default()),
    };
    let live_base = base(&generations.live)?;
    // A host that is new since the rotation isn't in the older generation: it begins where the live one does.
    let sealing_base = match &generations.sealing {
        Some(sealing) if live_base.position > 0 => base(sealing)?,
        _ => live_base.clone(),
    };
    Ok((sealing_base, live_base))
}

fn load_segments(
    dir: &Path,
    host: HostId,
    end: &Chain,
    sealing: bool,
) -> Result<(Vec<Arc<Segment>>, Vec<PathBuf>), LogError> {
    let folder = segment::folder(dir, host);
    let (mut segments, mut unfinished) = (Vec::<Arc<Segment>>::new(), Vec::new());
    let (mut position, mut sequence, mut head) = (0, 0, Hash::ZERO);
    for name in durable::names(&folder)? {
        let path = folder.join(&name);
        if name.ends_with(tail::SUFFIX) {
            continue;
        }
        let Some(first) = name.strip_suffix(".seg").and_then(|digits| digits.parse::<u64>().ok()) else {
            unfinished.push(path);
            continue;
        };
        if sealing && first > end.position {
            unfinished.push(path);
            continue;
        }
        let segment = Segment::open(&path, host)?;
        let found = &segment.summary;
        let continues = (found.first_position, found.first_sequence, found.previous);
        if continues != (position + 1, sequence + 1, head) || found.first_position != first {
            let what = "the segment doesn't continue the one before";
            return Err(LogError::Damaged { path, position: first, what });
        }
        (position, sequence, head) = (found.last_position, found.last_sequence, found.head);
        segments.push(Arc::new(segment));
    }
    if (position, sequence, head) != (end.position, end.sequence, end.head) {
        let what = "the segments don't end where the database begins";
        return Err(LogError::Damaged { path: folder, position, what });
    }
    Ok((segments, unfinished))
}

fn verify_segments(segments: &[Arc<Segment>], end: &Chain, see: &dyn Fn(&Entry)) -> Result<(), LogError> {
    let mut chain = Chain::default();
    for segment in segments {
        segment.verify(&mut chain, see)?;
    }
    chain.marks = end.marks;
    match segments.last() {
        Some(segment) if chain != *end => Err(LogError::Damaged {
            path: segment.path.clone(),
            position: chain.position,
            what: "the database doesn't begin with what the segments say was heard",
        }),
        _ => Ok(()),
    }
}

struct Walk<'a> {
    id: HostId,
    see: Option<See<'a>>,
    chain: Chain,
    owns: Vec<u64>,
    anchored: Option<Head>,
    /// The hash found at the anchored sequence.
    seen: Option<Hash>,
}

impl Walk<'_> {
    fn see(&mut self, sequence: u64, hash: Hash) {
        if self.anchored.is_some_and(|head| head.sequence == sequence) {
            self.seen = Some(hash);
        }
    }

    /// Goes through a generation; its ids must be those of its entries. Returns the bytes of the frames.
    fn generation(&mut self, generation: &Generation, to: u64) -> Result<u64, LogError> {
        let (mut ids, mut length) = (0, 0);
        loop {
            let frames = generation.frames(self.id, self.chain.position + 1, to, CHUNK_BYTES)?;
            if frames.is_empty() {
                break;
            }
            for bytes in frames {
                length += bytes.len() as u64;
                let frame = self.chain.read(self.id, &bytes, &generation.path)?;
                ids += usize::from(frame.id.is_some());
                self.entry(generation, &frame)?;
            }
        }
        if generation.ids(self.id)? != ids {
            return Err(generation.damaged(0, "the ids aren't those of the entries"));
        }
        Ok(length)
    }

    fn entry(&mut self, generation: &Generation, frame: &Frame) -> Result<(), LogError> {
        let position = frame.entry.position;
        if let Some(see) = self.see {
            see(self.id, &frame.entry);
        }
        if frame.entry.own {
            self.owns.push(position);
            self.see(self.chain.sequence, self.chain.head);
        }
        match frame.id {
            Some(id) if generation.find(self.id, id)? != Some(position) => {
                Err(generation.damaged(position, "the entry's id isn't indexed"))
            }
            _ => Ok(()),
        }
    }

    fn marks(&mut self, live: &Generation) -> Result<(), LogError> {
        let anchored = self.anchored.unwrap_or_default();
        for mark in Mark::ALL {
            let found = live.mark(self.id, mark)?.unwrap_or(0);
            if found < anchored.marks[mark.index()] || found < self.chain.marks[mark.index()] {
                return Err(live.damaged(0, "a mark is behind what the anchor says"));
            }
            self.chain.marks[mark.index()] = found;
        }
        Ok(())
    }

    /// The log must contain the anchored head at its sequence and reach its position.
    fn check_anchored(&self, segments: &[Arc<Segment>]) -> Result<(), LogError> {
        let Some(head) = self.anchored else { return Ok(()) };
        let host = self.id;
        if self.chain.position < head.position || self.chain.sequence < head.sequence {
            return Err(LogError::HeadMissing { host, anchored: head.position, found: self.chain.position });
        }
        let found = match self.seen {
            Some(hash) => hash,
            None => hash_in_segments(segments, head.sequence)?.unwrap_or_default(),
        };
        if found != head.hash {
            return Err(LogError::HeadDifferent { host, sequence: head.sequence, anchored: head.hash, found });
        }
        Ok(())
    }
}

/// The header hash of a sequence that is sealed.
pub(crate) fn hash_in_segments(segments: &[Arc<Segment>], sequence: u64) -> Result<Option<Hash>, LogError> {
    for segment in segments {
        if let Some(position) = segment.position_of(sequence)? {
            let frames = segment.frames(position, position, 0)?;
            let frame = frames.first().and_then(|bytes| Frame::decode(bytes).ok());
            return Ok(frame.map(|frame| frame.entry.header.hash()));
        }
    }
    Ok(None)
}

/// Every host of the anchor and of the caller.
pub(crate) fn all_hosts(anchor: &Anchor, hosts: &[HostId]) -> BTreeMap<HostId, ()> {
    anchor.heads.keys().chain(hosts).map(|host| (*host, ())).collect()
}
