//! Reading a host's log as one sequence, wherever its parts are, and never beyond what is durable.

use std::collections::VecDeque;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use ledger::{EventId, Hash, HostId};
use tokio::sync::watch;

use super::chain::Mark;
use super::error::LogError;
use super::frame::{Checked, Entry, Header, Message};
use super::shared::{Health, Shared, Synced, read};
use crate::meters::{COMMIT_ENTRIES, COMMIT_TIME, Page};

/// What one read takes; bounds what an iterator holds.
const READ_BYTES: usize = 1 << 20;

/// A reader of one host's log. Cheap to clone.
#[derive(Clone)]
pub struct LogReader {
    shared: Arc<Shared>,
    host: HostId,
}

impl LogReader {
    pub(crate) fn new(shared: Arc<Shared>, host: HostId) -> Self {
        Self { shared, host }
    }

    /// Whose log it is.
    #[must_use]
    pub fn host(&self) -> HostId {
        self.host
    }

    /// How far the log is durable, and every later step.
    pub fn synced(&self) -> Result<watch::Receiver<Synced>, LogError> {
        Ok(self.shared.host(self.host)?.synced.subscribe())
    }

    /// The entries from a position to the durable end, own and heard. Coming later, it goes further.
    #[must_use]
    pub fn entries(&self, from_position: u64) -> Entries {
        Entries { reader: self.clone(), next: Some(from_position.max(1)), frames: VecDeque::new() }
    }

    /// The own entries from a sequence to the durable end; 0 begins with what was heard before the first.
    #[must_use]
    pub fn own(&self, from_sequence: u64) -> OwnEntries {
        OwnEntries { reader: self.clone(), from_sequence, entries: None }
    }

    /// One own entry, if it is durable.
    pub fn own_at(&self, sequence: u64) -> Result<Option<Entry>, LogError> {
        let Some(position) = self.durable(self.shared.position_of(self.host, sequence)?)? else { return Ok(None) };
        // One frame and no more: a page of records asks for a few, and what follows them is as large again.
        let frames = self.shared.frames(self.host, position, position, 0)?;
        let Some(frame) = frames.into_iter().next() else { return Ok(None) };
        let found = self.check(position, &frame)?;
        if !found.own || found.header.sequence != sequence {
            return Err(self.damaged(position, "the index names another event"));
        }
        Ok(Some(found.entry(frame)))
    }

    /// The position of an own event's id, after any number of rotations, if it is durable.
    pub fn find(&self, id: EventId) -> Result<Option<u64>, LogError> {
        self.durable(self.shared.find(self.host, id)?)
    }

    /// The last durable own sequence and its header hash; zeros before the first.
    pub fn head(&self) -> Result<(u64, Hash), LogError> {
        let chain = read(&self.shared.host(self.host)?.chain);
        Ok((chain.sequence, chain.head))
    }

    /// The latest durable sequence and header hash heard from a host; zeros before the first.
    pub fn heard(&self, emitter: HostId) -> Result<(u64, Hash), LogError> {
        Ok(read(&self.shared.host(self.host)?.chain).heard(emitter))
    }

    /// Resolves when all that was handed over for the host is durable.
    ///
    /// # Errors
    /// When the log is closed before.
    pub async fn drained(&self) -> Result<(), LogError> {
        let host = self.shared.host(self.host)?;
        let (mut synced, mut failure) = (host.synced.subscribe(), self.shared.failure.subscribe());
        tokio::select! {
            drained = synced.wait_for(|_| host.queued_bytes.load(Ordering::Acquire) == 0) => {
                drained.map(drop).map_err(|_| LogError::Closed)
            }
            _ = failure.wait_for(Option::is_some) => Err(self.shared.closed()),
        }
    }

    /// Resolves when nothing more becomes durable before the next start.
    pub(crate) fn failed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut failure = self.shared.failure.subscribe();
        // The sender lives as long as the log does.
        async move { drop(failure.wait_for(Option::is_some).await) }
    }

    /// Lets nothing more become durable before the next start, because of what went wrong, unless that is so already.
    pub(crate) fn take_no_more(&self, why: &(dyn Error + 'static)) {
        if !self.is_read_only() {
            self.shared.fail(why);
        }
    }

    /// Whether nothing more becomes durable before the next start.
    pub(crate) fn is_read_only(&self) -> bool {
        self.shared.failure.borrow().is_some()
    }

    /// The state of the log of the process in numbers.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Writes how long group commits of the process took, and how large they were.
    pub(crate) fn write_commits(&self, page: &mut Page) {
        let meters = &self.shared.meters;
        page.histograms(&COMMIT_TIME, [(&[][..], &meters.commit_time)]);
        page.histograms(&COMMIT_ENTRIES, [(&[][..], &meters.commit_entries)]);
    }

    /// A durable mark.
    pub fn mark(&self, mark: Mark) -> Result<u64, LogError> {
        Ok(read(&self.shared.host(self.host)?.chain).marks[mark.index()])
    }

    fn durable(&self, position: Option<u64>) -> Result<Option<u64>, LogError> {
        let end = self.end()?;
        Ok(position.filter(|position| *position <= end))
    }

    fn end(&self) -> Result<u64, LogError> {
        Ok(self.shared.host(self.host)?.synced.borrow().position)
    }

    fn check(&self, position: u64, frame: &[u8]) -> Result<Checked, LogError> {
        let checked = Checked::new(frame).map_err(|what| self.damaged(position, what))?;
        if checked.position != position || checked.own != (checked.header.host == self.host) {
            return Err(self.damaged(position, "another entry stands here"));
        }
        Ok(checked)
    }

    fn damaged(&self, position: u64, what: &'static str) -> LogError {
        LogError::Damaged { path: self.shared.dir.clone(), position, what }
    }
}

/// See [`LogReader::entries`]. Ends at the durable end, or after an error.
pub struct Entries {
    reader: LogReader,
    /// The position of the first of the frames that were read ahead, or of the next to be read; `None` after an error.
    next: Option<u64>,
    frames: VecDeque<Vec<u8>>,
}

impl Entries {
    /// Reads on where nothing is left of what was read.
    fn fill(&mut self, from: u64) -> Result<(), LogError> {
        let end = self.reader.end()?;
        if self.frames.is_empty() && from <= end {
            self.frames = self.reader.shared.frames(self.reader.host, from, end, READ_BYTES)?.into();
            if self.frames.is_empty() {
                return Err(self.reader.damaged(from, "an entry is missing"));
            }
        }
        Ok(())
    }

    /// The next frame, checked.
    fn next_frame(&mut self) -> Option<Result<(Checked, Vec<u8>), LogError>> {
        let position = self.next.take()?;
        if let Err(error) = self.fill(position) {
            return Some(Err(error));
        }
        let Some(frame) = self.frames.pop_front() else {
            self.next = Some(position);
            return None;
        };
        Some(self.reader.check(position, &frame).map(|checked| {
            self.next = Some(position + 1);
            (checked, frame)
        }))
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_frame()?;
        Some(next.map(|(checked, frame)| checked.entry(frame)))
    }
}

/// See [`LogReader::own`].
pub struct OwnEntries {
    reader: LogReader,
    from_sequence: u64,
    entries: Option<Entries>,
}

impl OwnEntries {
    /// The next own entry. The headers of facts that were heard on the way to it are given out first: they may have
    /// caused it.
    pub fn next_after(&mut self, heard: impl FnMut(&Header)) -> Option<Result<Entry, LogError>> {
        let next = self.next_frame(heard)?;
        Some(next.map(|(checked, frame)| checked.entry(frame)))
    }

    /// The same as others get it.
    pub fn next_message(&mut self, heard: impl FnMut(&Header)) -> Option<Result<Message, LogError>> {
        let next = self.next_frame(heard)?;
        Some(next.map(|(checked, frame)| checked.message(frame)))
    }

    fn next_frame(&mut self, mut heard: impl FnMut(&Header)) -> Option<Result<(Checked, Vec<u8>), LogError>> {
        if self.entries.is_none() {
            let position = match self.from_sequence {
                0 => Ok(Some(0)),
                sequence => self.reader.shared.position_of(self.reader.host, sequence),
            };
            match position {
                Ok(Some(position)) => self.entries = Some(self.reader.entries(position)),
                Ok(None) => return None,
                Err(error) => return Some(Err(error)),
            }
        }
        let entries = self.entries.as_mut()?;
        loop {
            match entries.next_frame()? {
                Ok((checked, _)) if !checked.own => heard(&checked.header),
                next => return Some(next),
            }
        }
    }
}

impl Iterator for OwnEntries {
    type Item = Result<Entry, LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_after(|_| ())
    }
}
