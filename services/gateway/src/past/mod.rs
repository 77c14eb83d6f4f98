//! What a read is answered from: the ledger as it is, or with `as_of` as it was. The same code writes both, so that
//! an answer about the past is what was answered then.

mod asked;
mod kept;

use std::ops::Deref;
use std::sync::{Arc, OnceLock, RwLockReadGuard};

use ledger::{Catalog, FileId, Ledger, Scope, UsageFile};
use runtime::bus::FollowError;
use runtime::past::{Positions, Stopped, catalog_at, file_at, ledger_at};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::app::App;
use crate::error::ApiError;
use crate::files::aside;
use crate::index::{Files, Hits};
use crate::listing::Wanted;
use crate::sources::Sources;

use kept::Kept;

pub(crate) use asked::{Reader, refuse};

/// Catalogs of the past that are kept: what an audit asks is mostly about one or two instants.
const CATALOGS_MAX: usize = 4;
/// Ledgers of the past that are kept for lists: each takes the memory that the present one takes.
const LEDGERS_MAX: usize = 2;
/// Files that are folded each by itself, where a request names them: more are quicker read with all others.
const FILES_NAMED_MAX: usize = 64;

/// What was folded of the past lately.
#[derive(Debug)]
pub(crate) struct Pasts {
    catalogs: Kept<u64, Arc<Catalog>>,
    ledgers: Kept<Positions, Arc<Then>>,
    /// Whoever reads whole logs has one of the cores, and the others wait.
    turn: Semaphore,
}

impl Default for Pasts {
    fn default() -> Self {
        Self { catalogs: Kept::new(CATALOGS_MAX), ledgers: Kept::new(LEDGERS_MAX), turn: Semaphore::new(1) }
    }
}

/// The ledger as it was, or what of it a request is about.
#[derive(Debug)]
struct Then {
    ledger: Ledger,
    sources: Sources,
    index: OnceLock<Files>,
}

impl Then {
    fn new(ledger: Ledger) -> Arc<Self> {
        Arc::new(Self { ledger, sources: Sources::default(), index: OnceLock::new() })
    }
}

/// The ledger that a read is answered from.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    app: Arc<App>,
    then: Option<Arc<Then>>,
}

/// The ledger while it is looked at.
pub(crate) enum Held<'a> {
    Now(RwLockReadGuard<'a, Ledger>),
    Then(&'a Ledger),
}

impl Deref for Held<'_> {
    type Target = Ledger;

    fn deref(&self) -> &Ledger {
        match self {
            Self::Now(ledger) => ledger,
            Self::Then(ledger) => ledger,
        }
    }
}

impl Known {
    /// The ledger as it is.
    pub(crate) fn now(app: &Arc<App>) -> Self {
        Self { app: app.clone(), then: None }
    }

    /// The ledger as of some positions, as far as files are named, or all of it.
    async fn then(app: &Arc<App>, positions: &Positions, files: Option<Vec<FileId>>) -> Result<Self, ApiError> {
        let catalog = app.pasts.catalog(app, positions).await?;
        let then = match files.filter(|files| files.len() <= FILES_NAMED_MAX) {
            Some(files) => some(app.clone(), positions.clone(), catalog, files).await?,
            None => app.pasts.ledger(app, positions, catalog).await?,
        };
        Ok(Self { app: app.clone(), then: Some(then) })
    }

    pub(crate) fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Whether it is the past.
    pub(crate) fn is_past(&self) -> bool {
        self.then.is_some()
    }

    pub(crate) fn ledger(&self) -> Held<'_> {
        match &self.then {
            Some(then) => Held::Then(&then.ledger),
            None => Held::Now(self.app.projection.read()),
        }
    }

    pub(crate) fn catalog(&self) -> Arc<Catalog> {
        self.then.as_ref().map_or_else(|| self.app.bus.shelf().take(), |then| then.ledger.catalog.clone())
    }

    pub(crate) fn sources(&self) -> &Sources {
        self.then.as_ref().map_or(&self.app.sources, |then| &then.sources)
    }

    /// Whether the caller sees a file: as it was, and as it is, so that nobody learns from the past what is kept from
    /// them now.
    pub(crate) fn sees(&self, scope: &Scope, id: FileId, file: &UsageFile) -> bool {
        scope.sees(file) && !self.is_hidden_now(scope, id)
    }

    fn is_hidden_now(&self, scope: &Scope, id: FileId) -> bool {
        self.is_past() && !self.app.projection.read().file(id).is_some_and(|file| scope.sees(file))
    }

    /// The files that a query can be about: those it names, else all.
    pub(crate) fn candidates(&self, wanted: &Wanted, field: &str) -> Vec<FileId> {
        wanted.files(field).unwrap_or_else(|| self.ledger().files.keys().copied().collect())
    }

    /// A page of the files that a caller sees, by way of the index; the caller holds the ledger.
    pub(crate) fn page(&self, ledger: &Ledger, scope: &Scope, wanted: &Wanted) -> Option<Hits> {
        let Some(then) = &self.then else {
            return self.app.index.page(&self.app.projection, ledger, scope, wanted);
        };
        let index = then.index.get_or_init(|| Files::of(ledger));
        index.page(scope, &wanted.query, wanted.page, |id| !self.is_hidden_now(scope, id))
    }
}

/// A ledger with some files only.
async fn some(
    app: Arc<App>,
    positions: Positions,
    catalog: Arc<Catalog>,
    files: Vec<FileId>,
) -> Result<Arc<Then>, ApiError> {
    let read = aside("files of the past", move || {
        let mut ledger = Ledger { catalog: catalog.clone(), ..Ledger::default() };
        for id in files {
            let one = file_at(&app.bus, id, &app.projection.trail(id), &positions, &catalog)?;
            ledger.files.extend(one.files);
        }
        Ok::<_, FollowError>(Then::new(ledger))
    });
    Ok(read.await??)
}

impl App {
    /// The turn of whoever reads a whole log.
    pub(crate) async fn replay_turn(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.pasts.turn.acquire().await.map_err(|_| ApiError::Task { what: "a replay of the logs" })
    }
}

impl Pasts {
    async fn catalog(&self, app: &Arc<App>, positions: &Positions) -> Result<Arc<Catalog>, ApiError> {
        let position = positions.of(ledger::HostId::new(ledger::ServiceName::Catalog, 0));
        let known = app.bus.shelf().take();
        if known.position == position {
            return Ok(known);
        }
        let read = || self.read(app, move |app, stopped| catalog_at(&app.bus, position, stopped));
        self.catalogs.get(&position, read).await
    }

    async fn ledger(
        &self,
        app: &Arc<App>,
        positions: &Positions,
        catalog: Arc<Catalog>,
    ) -> Result<Arc<Then>, ApiError> {
        let wanted = positions.clone();
        let read = || {
            self.read(app, move |app, stopped| {
                let ledger = ledger_at(&app.bus, &wanted, catalog, stopped)?;
                Ok(ledger.map(Then::new))
            })
        };
        self.ledgers.get(positions, read).await
    }

    /// Reads logs in a thread of its own, until nobody waits for it.
    async fn read<T: Send + 'static>(
        &self,
        app: &Arc<App>,
        read: impl FnOnce(&App, &Stopped) -> Result<Option<T>, FollowError> + Send + 'static,
    ) -> Result<T, ApiError> {
        const WHAT: &str = "a replay of the logs";
        let _turn = self.turn.acquire().await.map_err(|_| ApiError::Task { what: WHAT })?;
        let waits = Waits::default();
        let (app, stopped) = (app.clone(), waits.0.clone());
        aside(WHAT, move || read(&app, &stopped)).await??.ok_or(ApiError::Task { what: WHAT })
    }
}

/// Somebody waits for a replay; when they have gone, it stops.
#[derive(Default)]
struct Waits(Stopped);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.stop();
    }
}
