//! The one writer of a host's log: gives every entry its place and hash at once and hands it to the committer.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use ledger::{EventId, Hash, HostId};
use tokio::sync::oneshot;

use super::chain::{Chain, Mark};
use super::error::LogError;
use super::frame::{Entry, Frame, Header};
use super::queue::{Batch, BatchEnd};
use super::shared::{Shared, lock, read};
use super::store::HostWrite;

/// What one append may hold: it is atomic, so the committer has all of it in memory.
pub const APPEND_BYTES_MAX: usize = 8 << 20;
/// How many of an emitter's latest hashes are kept, so that a late second delivery is compared and not only counted.
const RECENT_MAX: usize = 1024;

/// One entry to append.
#[derive(Clone, Debug)]
pub enum NewEntry {
    /// An own fact: the log gives it sequence, epoch and previous hash.
    Own {
        /// The id under which it is found for ever.
        id: Option<EventId>,
        /// The bytes as first encoded.
        payload: Vec<u8>,
    },
    /// An own fact that another process wrote for this host: it stands here as it does there.
    Followed {
        /// The id under which it is found for ever.
        id: EventId,
        /// The header that its writer gave it.
        header: Header,
        /// The bytes as first encoded.
        payload: Vec<u8>,
    },
    /// A fact heard from another host.
    Heard {
        /// The header its emitter gave it.
        header: Header,
        /// The bytes, or none for a record payload, of which the hash is enough.
        payload: Option<Vec<u8>>,
    },
}

/// What an append gave its entries.
#[derive(Debug)]
pub struct Appended {
    /// The position of the first entry; the others follow.
    pub first_position: u64,
    /// The headers, in the order of the entries.
    pub headers: Vec<Header>,
    /// Resolves when all of it is durable.
    pub ticket: Ticket,
}

/// The promise of an append: resolves once it is on stable storage, in the stated order.
#[derive(Debug)]
pub struct Ticket(oneshot::Receiver<()>);

impl Ticket {
    /// Blocks until it is durable. Not for a thread that drives an asynchronous runtime.
    pub fn wait(self) -> Result<(), LogError> {
        self.0.blocking_recv().map_err(|_| LogError::Closed)
    }
}

impl Future for Ticket {
    type Output = Result<(), LogError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_err(|_| LogError::Closed)
    }
}

/// The state after everything that was handed over.
#[derive(Default)]
pub(crate) struct WriterState {
    chain: Chain,
    /// Ids that may not be durable yet, and their order.
    pending: HashMap<EventId, u64>,
    pending_order: VecDeque<(u64, EventId)>,
    recent: BTreeMap<HostId, VecDeque<Hash>>,
}

impl WriterState {
    pub(crate) fn new(chain: Chain) -> Self {
        Self { chain, ..Self::default() }
    }

    /// Whether a heard header may follow; a second delivery must be of the same event as far back as we remember.
    fn continues(&self, host: HostId, header: &Header) -> Result<(), LogError> {
        if header.host == host {
            return Err(LogError::HeardOwn { host });
        }
        let outcome = self.chain.continues(header);
        if let Err(LogError::AlreadyHeard { emitter, sequence }) = outcome {
            let back = usize::try_from(self.chain.heard(emitter).0 - sequence).unwrap_or(usize::MAX);
            let known = self.recent.get(&emitter).and_then(|recent| recent.iter().rev().nth(back));
            if let Some(expected) = known.copied().filter(|known| *known != header.hash()) {
                return Err(LogError::HeardFork { emitter, sequence, expected, got: header.hash() });
            }
        }
        outcome
    }

    fn remember(&mut self, heard: &[(HostId, (u64, Hash))]) {
        for (emitter, (_, hash)) in heard {
            let recent = self.recent.entry(*emitter).or_default();
            recent.push_back(*hash);
            if recent.len() > RECENT_MAX {
                recent.pop_front();
            }
        }
    }
}

/// The writer of one host.
pub struct LogWriter {
    shared: Arc<Shared>,
    host: HostId,
    /// Given back when the writer is dropped, so that a later one goes on from here.
    state: WriterState,
}

impl LogWriter {
    pub(crate) fn new(shared: Arc<Shared>, host: HostId) -> Result<Self, LogError> {
        let state = lock(&shared.host(host)?.writer).take().ok_or(LogError::WriterTaken { host })?;
        Ok(Self { shared, host, state })
    }

    /// Hands entries over, all or none, without waiting for the disk. Readers don't see them before they are durable.
    pub fn append(&mut self, entries: Vec<NewEntry>) -> Result<Appended, LogError> {
        self.append_and_mark(entries, &[])
    }

    /// The same, moving marks in the same atomic write; without entries it only moves marks.
    pub fn append_and_mark(&mut self, entries: Vec<NewEntry>, marks: &[(Mark, u64)]) -> Result<Appended, LogError> {
        let queued = self.shared.host(self.host)?.queued_bytes.load(Ordering::Acquire);
        if queued >= self.shared.settings.queue_bytes_max {
            return Err(LogError::Busy { host: self.host, queued });
        }
        self.forget_durable_ids();
        let mut draft = Draft::new(self);
        for entry in entries {
            draft.add(self, entry)?;
        }
        draft.mark(marks)?;
        self.hand_over(draft)
    }

    fn hand_over(&mut self, draft: Draft) -> Result<Appended, LogError> {
        let Draft { chain, write, ids, bytes, heard, owns, headers } = draft;
        if bytes > APPEND_BYTES_MAX {
            return Err(LogError::AppendTooLarge { bytes, limit: APPEND_BYTES_MAX });
        }
        let first_position = self.state.chain.position + 1;
        let end = BatchEnd {
            position: chain.position,
            sequence: chain.sequence,
            head: chain.head,
            epoch: chain.epoch,
            marks: chain.marks,
            heard: heard.clone(),
            owns,
        };
        let (answer, ticket) = oneshot::channel();
        let queued_bytes = &self.shared.host(self.host)?.queued_bytes;
        queued_bytes.fetch_add(bytes as u64, Ordering::AcqRel);
        if !self.shared.queue.push(Batch { host: self.host, write, bytes: bytes as u64, end, answer }) {
            queued_bytes.fetch_sub(bytes as u64, Ordering::AcqRel);
            return Err(self.shared.closed());
        }
        self.state.chain = chain;
        self.state.remember(&heard);
        for (id, position) in ids {
            self.state.pending.insert(id, position);
            self.state.pending_order.push_back((position, id));
        }
        Ok(Appended { first_position, headers, ticket: Ticket(ticket) })
    }

    /// Resolves when an append won't be refused as [`LogError::Busy`].
    pub async fn ready(&self) -> Result<(), LogError> {
        let host = self.shared.host(self.host)?;
        let (mut synced, mut failure) = (host.synced.subscribe(), self.shared.failure.subscribe());
        while host.queued_bytes.load(Ordering::Acquire) >= self.shared.settings.queue_bytes_max {
            tokio::select! {
                changed = synced.changed() => changed.map_err(|_| LogError::Closed)?,
                _ = failure.wait_for(Option::is_some) => return Err(self.shared.closed()),
            }
        }
        Ok(())
    }

    /// Whether a heard fact comes next: `AlreadyHeard`, `HeardGap` or `HeardFork` if not.
    pub fn continues(&self, header: &Header) -> Result<(), LogError> {
        self.state.continues(self.host, header)
    }

    /// The latest sequence and header hash heard from a host, durable or not; zeros before the first.
    #[must_use]
    pub fn heard(&self, emitter: HostId) -> (u64, Hash) {
        self.state.chain.heard(emitter)
    }

    /// The header of an own fact that came next and began an epoch.
    #[must_use]
    pub fn claim(&self, payload: &[u8]) -> Header {
        let chain = &self.state.chain;
        self.header(chain, chain.epoch.max(self.shared.epoch) + 1, payload)
    }

    /// The header of an own fact that continues a chain. Epochs never go back.
    fn header(&self, chain: &Chain, epoch: u32, payload: &[u8]) -> Header {
        Header {
            host: self.host,
            epoch: epoch.max(chain.epoch),
            sequence: chain.sequence + 1,
            previous: chain.head,
            payload_hash: Hash::of(payload),
        }
    }

    /// The last own sequence and header hash, durable or not.
    #[must_use]
    pub fn head(&self) -> (u64, Hash) {
        (self.state.chain.sequence, self.state.chain.head)
    }

    /// The last position, durable or not.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.state.chain.position
    }

    /// A mark, durable or not.
    #[must_use]
    pub fn mark(&self, mark: Mark) -> u64 {
        self.state.chain.marks[mark.index()]
    }

    /// The position of an own event's id, durable or not, after any number of rotations.
    pub fn find(&self, id: EventId) -> Result<Option<u64>, LogError> {
        match self.state.pending.get(&id) {
            Some(position) => Ok(Some(*position)),
            // The database knows of a failed write before the committer has told.
            None => self.shared.find(self.host, id).map_err(|error| match error {
                LogError::Store { .. } => {
                    self.shared.fail(&error);
                    self.shared.closed()
                }
                error => error,
            }),
        }
    }

    /// Whose log it is.
    #[must_use]
    pub fn host(&self) -> HostId {
        self.host
    }

    fn forget_durable_ids(&mut self) {
        let Ok(host) = self.shared.host(self.host) else { return };
        let durable = read(&host.chain).position;
        while let Some((position, id)) = self.state.pending_order.front().copied() {
            if position > durable {
                break;
            }
            self.state.pending.remove(&id);
            self.state.pending_order.pop_front();
        }
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        if let Ok(host) = self.shared.host(self.host) {
            *lock(&host.writer) = Some(std::mem::take(&mut self.state));
        }
    }
}

/// An append before anything of it is handed over.
struct Draft {
    chain: Chain,
    write: HostWrite,
    ids: HashMap<EventId, u64>,
    bytes: usize,
    heard: Vec<(HostId, (u64, Hash))>,
    owns: Vec<u64>,
    headers: Vec<Header>,
}

impl Draft {
    fn new(writer: &LogWriter) -> Self {
        Self {
            chain: writer.state.chain.clone(),
            write: HostWrite::default(),
            ids: HashMap::new(),
            bytes: 0,
            heard: Vec::new(),
            owns: Vec::new(),
            headers: Vec::new(),
        }
    }

    fn add(&mut self, writer: &LogWriter, entry: NewEntry) -> Result<(), LogError> {
        let position = self.chain.position + 1;
        let (entry, id) = match entry {
            NewEntry::Own { id, payload } => {
                self.check_id(writer, id)?;
                let header = writer.header(&self.chain, writer.shared.epoch, &payload);
                (Entry { position, header, own: true, payload: Some(payload) }, id)
            }
            NewEntry::Followed { id, header, payload } => {
                // What was published stands, whatever an index says: the first with an id is the one that is found.
                let id = writer.find(id)?.is_none().then_some(id);
                if header != writer.header(&self.chain, header.epoch, &payload) {
                    return Err(LogError::NotNext { host: writer.host, sequence: header.sequence });
                }
                (Entry { position, header, own: true, payload: Some(payload) }, id)
            }
            NewEntry::Heard { header, payload } => {
                self.check_heard(writer, &header, payload.as_deref())?;
                (Entry { position, header, own: false, payload }, None)
            }
        };
        let header = entry.header;
        let bytes = Frame { entry, id }.encode()?;
        let hash = header.hash();
        if header.host == writer.host {
            (self.chain.sequence, self.chain.head, self.chain.epoch) = (header.sequence, hash, header.epoch);
            self.owns.push(position);
        } else {
            self.chain.heard.insert(header.host, (header.sequence, hash));
            self.heard.push((header.host, (header.sequence, hash)));
        }
        self.chain.position = position;
        self.bytes += bytes.len();
        self.write.frames.push((position, bytes));
        self.write.ids.extend(id.map(|id| (id, position)));
        self.headers.push(header);
        Ok(())
    }

    fn check_id(&mut self, writer: &LogWriter, id: Option<EventId>) -> Result<(), LogError> {
        let Some(id) = id else { return Ok(()) };
        if let Some(position) = writer.find(id)? {
            return Err(LogError::DuplicateId { position });
        }
        match self.ids.insert(id, self.chain.position + 1) {
            Some(position) => Err(LogError::DuplicateId { position }),
            None => Ok(()),
        }
    }

    fn check_heard(&self, writer: &LogWriter, header: &Header, payload: Option<&[u8]>) -> Result<(), LogError> {
        let (emitter, sequence) = (header.host, header.sequence);
        // Facts of the same append have moved the draft's chain; what was heard before is the writer's to judge.
        if self.chain.heard(emitter) == writer.heard(emitter) {
            writer.continues(header)?;
        } else {
            self.chain.continues(header)?;
        }
        if payload.is_some_and(|payload| Hash::of(payload) != header.payload_hash) {
            return Err(LogError::HeardPayload { emitter, sequence });
        }
        Ok(())
    }

    fn mark(&mut self, marks: &[(Mark, u64)]) -> Result<(), LogError> {
        for (mark, got) in marks.iter().copied() {
            let held = self.chain.marks[mark.index()];
            if got < held {
                return Err(LogError::CursorBack { held, got });
            }
            self.chain.marks[mark.index()] = got;
            self.write.marks.push((mark, got));
        }
        Ok(())
    }
}
