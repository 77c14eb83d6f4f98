//! Traces: which pieces of work belong together, across services, processes and restarts (docs/observability.md).
//!
//! Nothing is ever decided by a trace. So it travels beside what is asked and what is recorded, not in it: with the
//! task that answers a request, in a header of NATS, and in an event's envelope.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use ledger::{Command, Event, Fact, FileId, Subject};
pub use proto::Trace;
use serde::{Deserialize, Serialize};
use tracing::Span;

tokio::task_local! {
    static CURRENT: Trace;
}

/// Ids are a keyed hash of a counter: nobody outside can guess the next one, and no two processes share the key.
static IDS: LazyLock<(RandomState, AtomicU64)> = LazyLock::new(Default::default);

fn id() -> u64 {
    let (keys, counter) = &*IDS;
    // 0 means nothing.
    keys.hash_one(counter.fetch_add(1, Ordering::Relaxed)).max(1)
}

/// A trace of its own.
#[must_use]
pub fn begin() -> Option<Trace> {
    Trace::new(u128::from(id()) << 64 | u128::from(id()), id())
}

/// The next span after another.
#[must_use]
pub fn after(parent: Trace) -> Trace {
    parent.with_span(id())
}

/// Does something for a request: whatever it asks of services belongs to the request's trace.
pub async fn within<T>(trace: Option<Trace>, work: impl Future<Output = T>) -> T {
    match trace {
        Some(trace) => CURRENT.scope(trace, work).await,
        None => work.await,
    }
}

/// The trace of the request that this task works for.
pub(crate) fn current() -> Option<Trace> {
    CURRENT.try_with(|trace| *trace).ok()
}

/// A piece of work: where it stands in a trace, and the span that tells of it.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// What is recorded by it belongs to this.
    pub(crate) trace: Option<Trace>,
    /// The word for it.
    pub(crate) what: &'static str,
    pub(crate) span: Span,
}

/// Which trace the work on each file belongs to: the one of the request that brought its current content. It is known
/// again after a restart, since events keep it.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct FileTraces(BTreeMap<FileId, Trace>);

impl FileTraces {
    /// Hears what was recorded, here or elsewhere.
    pub(crate) fn heard(&mut self, event: &Event, trace: Option<Trace>) {
        let (Subject::File(file), Some(trace)) = (&event.subject, trace) else { return };
        match self.0.entry(*file) {
            Entry::Vacant(unknown) => drop(unknown.insert(trace)),
            Entry::Occupied(mut known) => {
                // What is late, or a request's own, doesn't move the file to another trace.
                if begins(&event.fact) || known.get().is_same(trace) {
                    known.insert(trace);
                }
            }
        }
    }

    /// The last span that recorded something of a file, in the file's own trace.
    pub(crate) fn of(&self, file: FileId) -> Option<Trace> {
        self.0.get(&file).copied()
    }

    /// Where deciding a command stands: in the trace of its file, with a link to the request, so that one trace shows
    /// a file's whole life. What makes a file, brings its content or one of its many reports stands with its request.
    pub(crate) fn decide(&self, command: &Command, asked: Option<Trace>, host: &dyn std::fmt::Display) -> Work {
        let (file, what) = (command.file(), command.action());
        let of_file = file.and_then(|file| self.of(file));
        let with_request = matches!(
            command,
            Command::CreateFile(_) | Command::OpenReport(_) | Command::OpenUpload { .. } | Command::ReportRecords(_)
        );
        let (parent, link) = if with_request { (asked.or(of_file), of_file) } else { (of_file.or(asked), asked) };
        let Some(parent) = parent else { return Work { trace: None, what, span: Span::none() } };
        let link = link.filter(|link| !link.is_same(parent));
        let trace = after(parent);
        let span = tracing::info_span!(
            "decide",
            trace_id = trace.id(),
            span_id = trace.span(),
            parent_id = parent.span(),
            link = link.map(tracing::field::display),
            sampled = trace.is_sampled(),
            what,
            host = %host,
            file = file.map(tracing::field::display),
            outcome = tracing::field::Empty,
        );
        Work { trace: Some(trace), what, span }
    }

    /// Where a job stands that is due by what was recorded of its file.
    pub(crate) fn job(&self, file: FileId, what: &'static str, host: &dyn std::fmt::Display) -> Work {
        let Some(parent) = self.of(file) else {
            // A file from before traces were kept: what is logged of the job names it all the same.
            let span = tracing::info_span!("job", what, host = %host, file = %file);
            return Work { trace: None, what, span };
        };
        let trace = after(parent);
        let span = tracing::info_span!(
            "job",
            trace_id = trace.id(),
            span_id = trace.span(),
            parent_id = parent.span(),
            sampled = trace.is_sampled(),
            what,
            host = %host,
            file = %file,
            facts = tracing::field::Empty,
            outcome = tracing::field::Empty,
        );
        Work { trace: Some(trace), what, span }
    }
}

/// Whether a fact brings a file new content, and with it a new trace.
fn begins(fact: &Fact) -> bool {
    matches!(fact, Fact::FileCreated(_) | Fact::UploadOpened(_) | Fact::ReportOpened { .. })
}
