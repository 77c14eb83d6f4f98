//! The columns that lists of files are filtered and ordered by, kept beside the fold: a page out of a hundred thousand
//! files costs a look at some numbers of each, and only the files of the page are written.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use ledger::catalog::Environment;
use ledger::{FileId, Ledger, Moment, ObjectId, Scope, Sight, Status};
use rql::objects::FileObject;
use rql::{Column, Compiled, FILES, Kind, Page, Scalar, Subject};
use runtime::projection::Projection;

use crate::aggregates;
use crate::listing::Wanted;

/// The index of all files.
#[derive(Debug, Default)]
pub(crate) struct FileIndex(RwLock<Files>);

/// The files of a page, in its order, and how many there are in all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hits {
    pub(crate) files: Vec<FileId>,
    pub(crate) total: u64,
}

impl FileIndex {
    /// A page of the files that a caller sees, as the fold has them; the caller holds the fold. None where a condition
    /// is about something that has no column.
    pub(crate) fn page(
        &self,
        projection: &Projection,
        ledger: &Ledger,
        scope: &Scope,
        wanted: &Wanted,
    ) -> Option<Hits> {
        self.fresh(projection, ledger).page(scope, &wanted.query, wanted.page, |_| true)
    }

    /// How often the files that count for sums of usage have changed. The caller holds the fold.
    pub(crate) fn counted(&self, projection: &Projection, ledger: &Ledger) -> u64 {
        self.fresh(projection, ledger).changes
    }

    fn fresh(&self, projection: &Projection, ledger: &Ledger) -> RwLockReadGuard<'_, Files> {
        let read = || self.0.read().unwrap_or_else(PoisonError::into_inner);
        let known = read();
        if !projection.has_changed() {
            return known;
        }
        drop(known);
        let mut files = self.0.write().unwrap_or_else(PoisonError::into_inner);
        files.refresh(ledger, projection.take_changed());
        drop(files);
        // The fold is held, so that nothing has changed since.
        read()
    }
}

/// The rows, numbered as the files came, and their columns.
#[derive(Debug)]
pub(crate) struct Files {
    ids: Vec<FileId>,
    rows: HashMap<FileId, u32>,
    /// The rows in the order of the ids, which is that of a list.
    order: Vec<u32>,
    sights: Interned<OwnSight>,
    columns: Vec<(&'static str, Stored)>,
    /// The verdict of each file that counts for sums of usage.
    verdicts: Vec<Option<Verdict>>,
    /// How often one of them changed.
    changes: u64,
}

/// What tells what was checked of a file from what is checked of it another time.
type Verdict = (FileId, u64);

/// What decides who sees a file.
type OwnSight = (ObjectId, ObjectId, Environment, Status);

#[derive(Debug)]
enum Stored {
    Texts(Interned<String>),
    Times(Vec<Option<Moment>>),
}

/// Values that each stand once, and for each row the number of its own, from 1; 0 is none.
#[derive(Debug)]
struct Interned<T> {
    values: Vec<T>,
    known: HashMap<T, u32>,
    codes: Vec<u32>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { values: Vec::new(), known: HashMap::new(), codes: Vec::new() }
    }
}

impl<T: Clone + Eq + std::hash::Hash> Interned<T> {
    fn code(&mut self, value: T) -> u32 {
        if let Some(&code) = self.known.get(&value) {
            return code;
        }
        self.values.push(value.clone());
        let code = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.known.insert(value, code);
        code
    }

    fn set(&mut self, row: u32, value: Option<T>) {
        let code = value.map_or(0, |value| self.code(value));
        put(&mut self.codes, row, code);
    }
}

impl Default for Files {
    fn default() -> Self {
        let filters = FILES.iter().filter(|field| field.kind != Kind::Block);
        let mut columns: Vec<(&'static str, Stored)> = Vec::new();
        for field in filters {
            let stored = match field.kind {
                Kind::Time => Stored::Times(Vec::new()),
                _ => Stored::Texts(Interned::default()),
            };
            // Aliases share a path.
            if columns.iter().all(|(path, _)| *path != field.path) {
                columns.push((field.path, stored));
            }
        }
        Self {
            ids: Vec::new(),
            rows: HashMap::new(),
            order: Vec::new(),
            sights: Interned::default(),
            columns,
            verdicts: Vec::new(),
            changes: 0,
        }
    }
}

impl Files {
    /// The index of all files of a ledger.
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let mut files = Self::default();
        files.refresh(ledger, ledger.files.keys().copied());
        files
    }

    /// Takes over what the fold has of some files.
    pub(crate) fn refresh(&mut self, ledger: &Ledger, changed: impl IntoIterator<Item = FileId>) {
        let before = self.ids.len();
        for id in changed {
            let Some((file, object)) = ledger.file(id).and_then(|file| Some((file, FileObject::new(id, file)?))) else {
                continue;
            };
            let row = self.row(id);
            let sight = Sight::of(file).map(|it| (it.vendor.clone(), it.provider.clone(), it.environment, it.status));
            self.sights.set(row, sight);
            let verdict = aggregates::verdict(id, file);
            if self.verdicts.get(row as usize).copied().flatten() != verdict {
                self.changes += 1;
            }
            put(&mut self.verdicts, row, verdict);
            for (path, stored) in &mut self.columns {
                stored.set(row, &object, path);
            }
        }
        if self.ids.len() > before {
            let ids = &self.ids;
            // Mostly they came in order already, which this sort makes use of.
            self.order.sort_by_key(|row| ids.get(*row as usize));
        }
    }

    fn row(&mut self, id: FileId) -> u32 {
        let next = u32::try_from(self.ids.len()).unwrap_or(u32::MAX);
        let row = *self.rows.entry(id).or_insert(next);
        if row == next {
            self.ids.push(id);
            self.order.push(row);
        }
        row
    }

    /// A page of the files that a caller sees and may see besides.
    pub(crate) fn page(
        &self,
        scope: &Scope,
        query: &Compiled,
        page: Page,
        may: impl Fn(FileId) -> bool,
    ) -> Option<Hits> {
        let column = |path: &str| self.columns.iter().find(|(own, _)| *own == path).map(|(_, stored)| stored.column());
        let fits = query.fitting(self.ids.len(), &column)?;
        let seen = self.sights.values.iter().map(|(vendor, provider, environment, status)| {
            scope.sees_like(&Sight { vendor, provider, environment: *environment, status: *status })
        });
        let seen: Vec<bool> = std::iter::once(false).chain(seen).collect();
        let is_seen = |row: usize| {
            let code = self.sights.codes.get(row).copied().unwrap_or(0);
            seen.get(code as usize).copied().unwrap_or(false)
        };
        let is_wanted = |row: &u32| {
            fits.get(*row as usize).copied().unwrap_or(false)
                && is_seen(*row as usize)
                && self.ids.get(*row as usize).copied().is_some_and(&may)
        };
        let wanted: Vec<u32> = self.order.iter().copied().filter(is_wanted).collect();
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let most = if page.limit == 0 { 0 } else { size(page.offset.saturating_add(page.limit)) };
        let first = query.first(&wanted, most, &column)?;
        let files = first.iter().skip(size(page.offset)).filter_map(|row| self.ids.get(*row as usize).copied());
        Some(Hits { files: files.collect(), total: wanted.len() as u64 })
    }
}

impl Stored {
    fn set(&mut self, row: u32, object: &FileObject<'_>, path: &str) {
        match self {
            Self::Texts(texts) => {
                let mut code = 0;
                object.visit(path, &mut |value| {
                    if let Scalar::Text(text) = value {
                        code = match texts.known.get(text) {
                            Some(&code) => code,
                            None => texts.code(text.to_owned()),
                        };
                    }
                    true
                });
                put(&mut texts.codes, row, code);
            }
            Self::Times(times) => {
                let mut found = None;
                object.visit(path, &mut |value| {
                    if let Scalar::Time(at) = value {
                        found = Some(at);
                    }
                    true
                });
                put(times, row, found);
            }
        }
    }

    fn column(&self) -> Column<'_> {
        match self {
            Self::Texts(texts) => Column::Texts { values: &texts.values, codes: &texts.codes },
            Self::Times(times) => Column::Times(times),
        }
    }
}

/// Sets the value of a row, which is at most the next one.
fn put<T>(values: &mut Vec<T>, row: u32, value: T) {
    match values.get_mut(row as usize) {
        Some(slot) => *slot = value,
        None => values.push(value),
    }
}
