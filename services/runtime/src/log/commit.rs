//! The committer: one thread that makes what all hosts hand over durable, in groups, and in one order only:
//! apply every batch, flush, sync the database's file, write an anchor slot, sync the anchor, answer.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use ledger::HostId;

use super::Planted;
use super::anchor::{Anchor, AnchorFile, Head};
use super::chain::Chain;
use super::error::LogError;
use super::queue::{Batch, Notice, Work};
use super::seal::Job;
use super::segment::Segment;
use super::shared::{Part, Parts, Shared, Synced, read, write};
use super::store::{Generation, HostWrite};
use crate::crash;

pub(crate) struct Committer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) anchor: Anchor,
    pub(crate) anchor_file: AnchorFile,
    pub(crate) live: Arc<Part>,
    pub(crate) sealing: Option<Arc<Part>>,
    /// Whether the sealer still works on an older generation or removes it.
    pub(crate) sealer_busy: bool,
    /// Why the sealer couldn't write segments when it last tried.
    pub(crate) not_sealed: Option<LogError>,
    /// What is applied, per host.
    pub(crate) chains: BTreeMap<HostId, Chain>,
    pub(crate) sealer: mpsc::Sender<Job>,
}

impl Committer {
    /// Works until the log is closed, or something goes wrong: nobody is answered after that, and nothing is written.
    pub(crate) fn run(mut self) {
        if let Err(error) = self.work() {
            self.shared.fail(&error);
        }
    }

    fn work(&mut self) -> Result<(), LogError> {
        let shared = Arc::clone(&self.shared);
        loop {
            match shared.queue.work(&shared.settings) {
                Work::Group(group) => self.commit(group)?,
                Work::Notice(notice) => self.hear(notice)?,
                Work::Closed => break,
            }
            self.rotate_if_due()?;
        }
        while self.sealer_busy {
            let notice = shared.queue.wait_notice();
            self.hear(notice)?;
        }
        Ok(())
    }

    fn commit(&mut self, group: Vec<Batch>) -> Result<(), LogError> {
        let started = Instant::now();
        let mut writes = BTreeMap::<HostId, HostWrite>::new();
        let (mut done, mut bytes, mut events) = (Vec::with_capacity(group.len()), 0, 0);
        for batch in group {
            bytes += batch.bytes;
            events += batch.write.frames.len() as u64;
            let write = writes.entry(batch.host).or_default();
            write.frames.extend(batch.write.frames);
            write.ids.extend(batch.write.ids);
            write.marks.extend(batch.write.marks);
            let chain = self.chains.entry(batch.host).or_default();
            (chain.position, chain.sequence, chain.head) = (batch.end.position, batch.end.sequence, batch.end.head);
            (chain.epoch, chain.marks) = (batch.end.epoch, batch.end.marks);
            chain.heard.extend(batch.end.heard);
            done.push((batch.host, batch.bytes, batch.end.owns, batch.answer));
        }
        self.anchor.heads.extend(writes.keys().filter_map(|host| Some((*host, Head::from(self.chains.get(host)?)))));
        if self.shared.settings.planted == Planted::AnswerBeforeCommit {
            self.publish(std::mem::take(&mut done));
            // As long as a slow disk, so that whoever was answered tells of it.
            std::thread::sleep(Duration::from_millis(20));
        }
        crash::point("commit.before_apply");
        for (host, write) in writes {
            self.live.generation.apply(host, write)?;
        }
        crash::point("commit.after_apply");
        self.live.generation.flush()?;
        crash::point("commit.after_flush");
        match self.shared.settings.planted {
            Planted::AnchorBeforeSync => {
                self.write_anchor()?;
                self.sync()?;
                self.publish(done);
            }
            Planted::AnswerBeforeSync => {
                self.publish(done);
                self.sync()?;
                self.write_anchor()?;
            }
            _ => {
                self.sync()?;
                self.write_anchor()?;
                self.publish(done);
            }
        }
        let meters = &self.shared.meters;
        let elapsed = started.elapsed();
        meters.commit_time.took(elapsed);
        meters.commit_entries.note(events);
        meters.commit_last_us.store(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        meters.commits.fetch_add(1, Ordering::Relaxed);
        meters.events.fetch_add(events, Ordering::Relaxed);
        meters.live_bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    fn sync(&self) -> Result<(), LogError> {
        if self.shared.settings.planted != Planted::NoSync {
            self.live.generation.sync_data()?;
        }
        self.live.generation.glance_at_blobs()?;
        crash::point("commit.after_sync");
        Ok(())
    }

    fn write_anchor(&mut self) -> Result<(), LogError> {
        if self.shared.settings.planted != Planted::NoAnchor {
            self.anchor_file.write(&mut self.anchor)?;
            self.anchor_file.sync()?;
        }
        crash::point("commit.after_anchor");
        Ok(())
    }

    /// Lets readers see the group and answers, in this order, so that whoever is answered can read it.
    fn publish(&self, done: Vec<(HostId, u64, Vec<u64>, tokio::sync::oneshot::Sender<()>)>) {
        let mut answers = Vec::with_capacity(done.len());
        let mut changed = BTreeMap::new();
        for (id, bytes, owns, answer) in done {
            if let Ok(host) = self.shared.host(id) {
                write(&host.owns).positions.extend(owns);
                *changed.entry(id).or_default() += bytes;
            }
            answers.push(answer);
        }
        for (id, bytes) in changed {
            if let (Ok(host), Some(chain)) = (self.shared.host(id), self.chains.get(&id)) {
                write(&host.chain).clone_from(chain);
                host.synced.send_modify(|synced| {
                    *synced = Synced { position: chain.position, sequence: chain.sequence };
                    // In one step with it: what isn't queued any more can be read.
                    host.queued_bytes.fetch_sub(bytes, Ordering::AcqRel);
                });
            }
        }
        for answer in answers {
            // Whoever doesn't wait for the answer has dropped the ticket.
            let _ = answer.send(());
        }
    }

    fn rotate_if_due(&mut self) -> Result<(), LogError> {
        let shared = Arc::clone(&self.shared);
        let limit = shared.settings.rotate_bytes.max(1);
        let live_bytes = || shared.meters.live_bytes.load(Ordering::Relaxed);
        // A third generation waits: writing goes on in the live one, but not beyond twice its size, and nobody waits for a
        // disk that takes no segments.
        while self.sealer_busy && live_bytes() >= limit.saturating_mul(2) {
            if let Some(error) = self.not_sealed.take() {
                return Err(error);
            }
            let notice = shared.queue.wait_notice();
            self.hear(notice)?;
        }
        // What the sealer has given up is left to the next start: the anchor names it until then.
        if !self.sealer_busy && self.sealing.is_none() && live_bytes() >= limit {
            self.rotate()?;
        }
        Ok(())
    }

    /// Goes on in a new generation. The anchor that names it is the commit point.
    fn rotate(&mut self) -> Result<(), LogError> {
        let (dir, number) = (&self.shared.dir, self.live.generation.number + 1);
        let hosts = self.shared.hosts.keys();
        let generation = Generation::open(dir, number, hosts, self.shared.settings.cache_bytes)?;
        for (host, chain) in &self.chains {
            let mut base = chain.clone();
            if self.shared.settings.planted == Planted::ForgottenCursors {
                base.heard.clear();
            }
            generation.begin(*host, &base)?;
        }
        generation.flush()?;
        generation.sync_data()?;
        generation.check_blobs()?;
        self.live.generation.check_blobs()?;
        crash::point("rotate.opened_new");
        (self.anchor.live, self.anchor.sealing) = (number, Some(self.live.generation.number));
        self.anchor_file.write_both(&mut self.anchor)?;
        crash::point("rotate.anchored");
        let new = Arc::new(Part { generation, bases: self.chains.clone() });
        let old = std::mem::replace(&mut self.live, Arc::clone(&new));
        *write(&self.shared.parts) = Some(Parts { live: new, sealing: Some(Arc::clone(&old)) });
        self.sealing = Some(Arc::clone(&old));
        self.sealer_busy = true;
        self.shared.meters.live_bytes.store(0, Ordering::Relaxed);
        self.shared.meters.rotations.fetch_add(1, Ordering::Relaxed);
        self.shared.meters.sealing.store(true, Ordering::Relaxed);
        let ends = self.live.bases.iter().map(|(host, base)| (*host, base.position)).collect();
        self.sealer.send(Job::Seal(old, ends)).map_err(|_| LogError::Closed)
    }

    fn hear(&mut self, notice: Notice) -> Result<(), LogError> {
        match notice {
            Notice::Sealed(segments) => self.finish_sealing(segments),
            Notice::NotSealed(error) => {
                self.not_sealed = Some(error);
                Ok(())
            }
            Notice::Removed | Notice::GaveUp => {
                self.sealer_busy = false;
                self.shared.meters.sealing.store(false, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Readers move to the segments, then the anchor forgets the generation, then it is removed.
    fn finish_sealing(&mut self, segments: Vec<(HostId, Segment)>) -> Result<(), LogError> {
        for (host, segment) in segments {
            let shared = self.shared.host(host)?;
            let last = segment.summary.last_sequence;
            let mut list = read(&shared.segments).as_ref().clone();
            list.push(Arc::new(segment));
            *write(&shared.segments) = Arc::new(list);
            write(&shared.owns).forget_to(last);
        }
        self.not_sealed = None;
        self.anchor.sealing = None;
        self.anchor_file.write_both(&mut self.anchor)?;
        *write(&self.shared.parts) = Some(Parts { live: Arc::clone(&self.live), sealing: None });
        match self.sealing.take() {
            Some(old) => self.sealer.send(Job::Remove(old)).map_err(|_| LogError::Closed),
            None => Ok(()),
        }
    }
}
