//! Asking who decides, and answering with what came of it: whoever wrote something reads it (design §7).

use std::sync::Arc;
use std::time::Duration;

use ledger::file::Stamp;
use ledger::file::{ChunkStatus, UsageFile};
use ledger::report::Receipt;
use ledger::{Actor, Command, Event, Fact, FileId, Ledger, Rejection, Scope, Subject};
use runtime::bus::Answer;
use tokio::time::{Instant, sleep, timeout};

use crate::app::App;
use crate::error::ApiError;
use crate::once::Once;

/// An answer waits this long for the fold; then it is made from the facts themselves.
const FOLD_TIME_MAX: Duration = Duration::from_secs(5);
/// A refusal that contradicts what we know is asked again for this long: who decides hears the others a little later.
const AGREE_TIME_MAX: Duration = Duration::from_secs(2);
/// Between two such asks.
const AGREE_PAUSE: Duration = Duration::from_millis(50);
/// What was decided, and whether the fold has it by now.
#[derive(Debug)]
pub(crate) struct Settled {
    answer: Answer,
    folded: bool,
}

impl App {
    /// Asks for something, and waits until the fold has what came of it.
    pub(crate) async fn command(
        self: &Arc<Self>,
        command: Command,
        scope: &Scope,
        once: &Once,
    ) -> Result<Settled, Rejection> {
        self.allow(&command, scope)?;
        let patience = Instant::now() + AGREE_TIME_MAX;
        loop {
            match self.bus.ask(command.clone(), scope.clone(), once.key()).await {
                Ok(answer) => {
                    let reached = timeout(FOLD_TIME_MAX, self.projection.reach(answer.host, answer.sequence)).await;
                    return Ok(Settled { folded: reached.unwrap_or(false), answer });
                }
                Err(rejection) => {
                    self.catch_up().await;
                    if Instant::now() >= patience || !self.knows_better(&command, scope, &rejection) {
                        return Err(rejection);
                    }
                    sleep(AGREE_PAUSE).await;
                }
            }
        }
    }

    /// Whether the key that asks may, of what its account may.
    fn allow(&self, command: &Command, scope: &Scope) -> Result<(), Rejection> {
        let Actor::Key { key, .. } = &scope.actor else { return Ok(()) };
        let catalog = self.bus.shelf().take();
        let Some(known) = catalog.keys.get(&key.id) else { return Err(Rejection::KeyUnknown) };
        known.scopes.allow(command).map_err(|scope| Rejection::ScopeLacking { scope })
    }

    /// Whether the fold has come to the ends of the logs once. Until then a key would be unknown that was issued, and a
    /// file not be there that is.
    ///
    /// # Errors
    /// When it hasn't.
    pub(crate) fn started(&self) -> Result<(), ApiError> {
        if *self.probes.caught_up.borrow() { Ok(()) } else { Err(ApiError::Starting) }
    }

    /// Waits until the fold has everything that was recorded by now, unless that takes too long.
    pub(crate) async fn catch_up(&self) -> bool {
        let caught_up = timeout(FOLD_TIME_MAX, self.projection.catch_up()).await.unwrap_or(false);
        if !caught_up {
            tracing::warn!("the fold is late");
        }
        caught_up
    }

    /// The same, for who would say next that something isn't there.
    ///
    /// # Errors
    /// When it can't be known.
    pub(crate) async fn certain(&self) -> Result<(), ApiError> {
        let caught_up = self.catch_up().await;
        if caught_up { Ok(()) } else { Err(Rejection::Unavailable.into()) }
    }

    /// Whether a refusal comes from somebody who hasn't heard yet what we know already.
    fn knows_better(&self, command: &Command, scope: &Scope, rejection: &Rejection) -> bool {
        let ledger = self.projection.read();
        let file = command.file().and_then(|id| ledger.file(id)).filter(|file| scope.sees(file));
        let Some(file) = file else { return false };
        match rejection {
            Rejection::NotFound => knows_part(file, command),
            Rejection::WrongStatus { status, .. } => file.status() != *status,
            Rejection::NothingReported => file.collects() && file.current_reading().is_some(),
            // Chunks are made within a moment of the acceptance: who comes that soon need not come again.
            Rejection::ChunkStatusWrong { status: ChunkStatus::Draft, .. } => true,
            Rejection::ChunkStatusWrong { status, .. } => match command {
                Command::NameChunk { chunk, .. }
                | Command::RegenerateChunk { chunk }
                | Command::CloseChunk { chunk, .. } => {
                    file.extraction.chunks.get(&chunk.index).is_some_and(|chunk| chunk.status() != *status)
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Shows a file as it is after something was decided.
    pub(crate) fn after<T>(&self, settled: &Settled, id: FileId, show: impl FnOnce(&Ledger, &UsageFile) -> T) -> T {
        let ledger = self.projection.read();
        let known = ledger.files.get(&id);
        if let (true, Some(file)) = (settled.folded, known) {
            return show(&ledger, file);
        }
        let mut file = known.map(|known| (**known).clone()).unwrap_or_default();
        let events = settled.answer.events.iter();
        let first = settled.answer.sequence.saturating_sub(events.len() as u64);
        for (sequence, event) in (first + 1..).zip(events) {
            if event.subject == Subject::File(id) {
                let stamp = Stamp { at: event.recorded_at, by: event.actor.clone() };
                file.evolve(stamp, sequence, &event.fact);
            }
        }
        show(&ledger, &file)
    }

    /// Shows the ledger as it is after something was decided, or on a copy with what was recorded of objects.
    pub(crate) fn after_all<T>(&self, settled: &Settled, show: impl FnOnce(&Ledger) -> T) -> T {
        let ledger = self.projection.read();
        if settled.folded {
            return show(&ledger);
        }
        let mut copy = Ledger { rules: ledger.rules.clone(), catalog: ledger.catalog.clone(), ..Ledger::default() };
        drop(ledger);
        for event in settled.events() {
            copy.evolve(settled.answer.sequence, event);
        }
        show(&copy)
    }

    /// Looks a file up; what isn't there is looked for again once the fold has caught up.
    pub(crate) async fn find<T>(
        &self,
        id: FileId,
        scope: &Scope,
        show: impl Fn(&Ledger, &UsageFile) -> Option<T>,
    ) -> Result<T, ApiError> {
        if let Some(found) = self.look(id, scope, &show) {
            return Ok(found);
        }
        self.certain().await?;
        self.look(id, scope, &show).ok_or(ApiError::NOT_FOUND)
    }

    fn look<T>(&self, id: FileId, scope: &Scope, show: impl Fn(&Ledger, &UsageFile) -> Option<T>) -> Option<T> {
        let ledger = self.projection.read();
        ledger.file(id).filter(|file| scope.sees(file)).and_then(|file| show(&ledger, file))
    }
}

/// Whether the part of a file that a command is about is there.
fn knows_part(file: &UsageFile, command: &Command) -> bool {
    match command {
        Command::NameChunk { chunk, .. } | Command::RegenerateChunk { chunk } | Command::CloseChunk { chunk, .. } => {
            file.extraction.chunks.contains_key(&chunk.index)
        }
        _ => true,
    }
}

impl Settled {
    /// What was recorded.
    pub(crate) fn events(&self) -> &[Event] {
        &self.answer.events
    }

    /// Whether something was recorded, and about this file.
    pub(crate) fn is_about(&self, id: FileId) -> bool {
        self.events().iter().any(|event| event.subject == Subject::File(id))
    }

    /// The file that the first thing that was recorded is about.
    pub(crate) fn file(&self) -> Option<FileId> {
        match self.events().first()?.subject {
            Subject::File(id) => Some(id),
            Subject::Object(_) => None,
        }
    }

    /// What became of each reported record.
    pub(crate) fn receipts(&self) -> &[Receipt] {
        &self.answer.receipts
    }

    /// The file that was made.
    pub(crate) fn created(&self) -> Option<FileId> {
        self.answer.events.iter().find_map(|event| match (&event.subject, &event.fact) {
            (Subject::File(id), Fact::FileCreated(_)) => Some(*id),
            _ => None,
        })
    }

    /// The number of the reconciliation that was taken.
    pub(crate) fn reconciliation(&self) -> Option<u16> {
        self.answer.events.iter().find_map(|event| match &event.fact {
            Fact::ReconciliationReceived { reconciliation, .. } => Some(*reconciliation),
            _ => None,
        })
    }
}
