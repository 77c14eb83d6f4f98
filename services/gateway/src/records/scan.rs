//! Finding the records of a page: files are taken or left by what all their records share, batches are counted from
//! what validation found in them, and only the records that are shown are read.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::record::CheckedBatch;
use ledger::{FileId, Hash, Moment, Scope};
use rql::objects::RecordObject;
use rql::{Page, Scalar, Subject};
use runtime::records::RecordsError;
use serde_json::Value;

use super::view::{FileView, Outline};
use crate::app::App;
use crate::error::ApiError;
use crate::listing::{Found, Wanted};
use crate::past::Known;

/// An ordered list is kept up to this depth while it is made: deeper pages would hold the records of whole years.
const ORDERED_DEPTH_MAX: u64 = 100_000;
/// Sorting begins with so many records more than the page needs.
const SORT_SLACK: usize = 8_192;
/// What each record has of its own, and doesn't share with all of its status, subscription and item.
const OWN: [&str; 3] = ["start_date", "end_date", "error_codes"];
/// Files whose counts are remembered; with more, all are forgotten.
const COUNTS_MAX: usize = 4_096;

/// How many records of each batch fulfil a condition: so that the second page doesn't read what the first one read.
#[derive(Debug, Default)]
pub(crate) struct Counts(Mutex<HashMap<Hash, Arc<Vec<u32>>>>);

impl Counts {
    pub(super) fn get(&self, key: &Hash) -> Option<Arc<Vec<u32>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    pub(super) fn put(&self, key: Hash, counts: Vec<u32>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= COUNTS_MAX {
            known.clear();
        }
        known.insert(key, Arc::new(counts));
    }
}

/// A record of a page: which file, which of its batches, which record in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pick {
    file: usize,
    part: usize,
    index: usize,
}

/// The page that was asked for.
pub(crate) fn page(known: &Known, scope: &Scope, wanted: &Wanted) -> Result<Found, ApiError> {
    let Page { offset, limit } = wanted.page;
    if wanted.query.is_ordered() && offset.saturating_add(limit) > ORDERED_DEPTH_MAX {
        let message = format!(
            "An ordered list ends after {ORDERED_DEPTH_MAX} records. Narrow the filter, or leave the order out."
        );
        return Err(ApiError::field("ordering", message));
    }
    let condition = Hash::of(format!("{:?}", wanted.query).as_bytes());
    let mut scan = Scan { known, wanted, condition, total: 0, files: Vec::new(), picks: Vec::new(), keyed: Vec::new() };
    for id in known.candidates(wanted, "usagefile.id") {
        scan.file(id, scope)?;
    }
    scan.finish()
}

struct Scan<'a> {
    known: &'a Known,
    wanted: &'a Wanted,
    /// What names the query in the counts.
    condition: Hash,
    total: u64,
    files: Vec<FileView>,
    picks: Vec<Pick>,
    /// Where there is an order: what it is made by, and the pick.
    keyed: Vec<Keyed>,
}

impl Scan<'_> {
    fn file(&mut self, id: FileId, scope: &Scope) -> Result<(), ApiError> {
        let seen = |known: &Known| {
            let ledger = known.ledger();
            let file = ledger.file(id).filter(|file| known.sees(scope, id, file))?;
            let outline = Outline::of(file)?;
            let decided = self.wanted.query.decided(&outline.object(id, file)?, |path| outline.knows(path));
            // A file that is off the page as a whole needs no view.
            let off_page = !self.wanted.query.is_ordered() && self.window(u64::from(outline.records)).is_empty();
            let plain = decided == Some(false) || (decided == Some(true) && off_page);
            let view = if plain { None } else { FileView::of(id, file) };
            Some((outline.records, decided, view))
        };
        let Some((records, decided, view)) = seen(self.known) else { return Ok(()) };
        match (decided, view) {
            (Some(false), _) => {}
            (Some(true), None) => self.total += u64::from(records),
            (Some(true), Some(view)) if !self.wanted.query.is_ordered() => self.whole(view),
            (_, Some(view)) => self.some(view)?,
            (None, None) => {}
        }
        Ok(())
    }

    /// Which of the next `count` records are on the page.
    fn window(&self, count: u64) -> Range<usize> {
        let Page { offset, limit } = self.wanted.page;
        let start = offset.saturating_sub(self.total).min(count);
        let end = offset.saturating_add(limit).saturating_sub(self.total).min(count);
        let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        size(start)..size(end).max(size(start))
    }

    /// A file all of whose records are in the list.
    fn whole(&mut self, view: FileView) {
        let file = self.files.len();
        for (part, records) in view.read.iter().map(|part| part.records).enumerate() {
            let window = self.window(u64::from(records));
            self.picks.extend(window.map(|index| Pick { file, part, index }));
            self.total += u64::from(records);
        }
        self.files.push(view);
    }

    /// A file some of whose records may be in the list, or whose records are to be sorted.
    fn some(&mut self, view: FileView) -> Result<(), ApiError> {
        let ordered = self.wanted.query.is_ordered();
        let key = Hash::of_parts(&[&self.condition.0, format!("{:?} {:?}", view.id, view.mark).as_bytes()]);
        let known = if ordered { None } else { self.known.app().counts.get(&key) };
        let mut counts = Vec::with_capacity(view.read.len());
        let file = self.files.len();
        for part in 0..view.read.len() {
            let count = known.as_ref().and_then(|known| known.get(part)).map(|&count| u64::from(count));
            if let Some(count) = count.filter(|&count| self.window(count).is_empty()) {
                self.total += count;
                continue;
            }
            let indices = self.matching(&view, part)?;
            counts.push(u32::try_from(indices.len()).unwrap_or(u32::MAX));
            let window = self.window(indices.len() as u64);
            self.total += indices.len() as u64;
            if !ordered {
                let on_page = indices.get(window).unwrap_or_default();
                self.picks.extend(on_page.iter().map(|&index| Pick { file, part, index }));
            }
        }
        if known.is_none() && !ordered {
            self.known.app().counts.put(key, counts);
        }
        self.files.push(view);
        Ok(())
    }

    /// The records of a batch that fulfil the condition; with an order, they are noted with what it is made by.
    fn matching(&mut self, view: &FileView, part: usize) -> Result<Vec<usize>, ApiError> {
        let records = view.read.get(part).map_or(0, |part| part.records as usize);
        let checked = checked(self.known.app(), view, part)?;
        let mut memory = HashMap::new();
        let mut indices = Vec::new();
        for index in 0..records {
            let record = view.object(checked.as_ref(), index);
            if !self.fulfils(&record, &mut memory) {
                continue;
            }
            indices.push(index);
            if self.wanted.query.is_ordered() && self.wanted.page.limit > 0 {
                self.note(&record, Pick { file: self.files.len(), part, index });
            }
        }
        Ok(indices)
    }

    fn fulfils(&self, record: &RecordObject<'_>, memory: &mut HashMap<Alike, Option<bool>>) -> bool {
        let known = record.record();
        let alike = Alike {
            status: record.status,
            subscription: known.and_then(|known| known.subscription),
            item: known.and_then(|known| known.item),
        };
        let decided =
            memory.entry(alike).or_insert_with(|| self.wanted.query.decided(record, |path| !OWN.contains(&path)));
        decided.unwrap_or_else(|| self.wanted.query.matches(record))
    }

    fn note(&mut self, record: &RecordObject<'_>, pick: Pick) {
        let known = record.record();
        self.keyed.push(Keyed {
            pick,
            status: record.status,
            created: record.of.uploaded_at,
            start: known.and_then(|known| known.start),
            end: known.and_then(|known| known.end),
        });
        let depth =
            usize::try_from(self.wanted.page.offset.saturating_add(self.wanted.page.limit)).unwrap_or(usize::MAX);
        if self.keyed.len() >= depth.saturating_add(SORT_SLACK) {
            self.wanted.query.sort(&mut self.keyed);
            self.keyed.truncate(depth);
        }
    }

    fn finish(mut self) -> Result<Found, ApiError> {
        let Page { offset, limit } = self.wanted.page;
        if self.wanted.query.is_ordered() {
            self.wanted.query.sort(&mut self.keyed);
            let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
            self.picks = self.keyed.iter().skip(size(offset)).take(size(limit)).map(|keyed| keyed.pick).collect();
        }
        let mut objects: Vec<Option<Value>> = vec![None; self.picks.len()];
        let mut places: Vec<(Pick, usize)> = self.picks.iter().copied().zip(0..).collect();
        // Batch by batch, whatever the order of the list: each is read once.
        places.sort_unstable();
        for batch in places.chunk_by(|(left, _), (right, _)| (left.file, left.part) == (right.file, right.part)) {
            let Some((view, first)) = batch.first().and_then(|(pick, _)| Some((self.files.get(pick.file)?, pick)))
            else {
                continue;
            };
            let indices: Vec<usize> = batch.iter().map(|(pick, _)| pick.index).collect();
            let shown = super::show(self.known, view, first.part, &indices)?;
            for ((_, place), object) in batch.iter().zip(shown) {
                objects.get_mut(*place).map(|slot| slot.replace(object));
            }
        }
        Ok(self.wanted.found(objects.into_iter().flatten().collect(), self.total))
    }
}

/// What records of a batch have in common that conditions may be about, apart from their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Alike {
    status: Option<&'static str>,
    subscription: Option<u32>,
    item: Option<u32>,
}

/// What validation found in a batch, as far as it came.
pub(super) fn checked(app: &App, view: &FileView, part: usize) -> Result<Option<CheckedBatch>, RecordsError> {
    view.checked.get(part).map(|part| app.records.checked(view.id, part.sequence)).transpose()
}

/// What records are sorted by, and which one it is.
#[derive(Clone, Copy, Debug)]
struct Keyed {
    pick: Pick,
    status: Option<&'static str>,
    created: Option<Moment>,
    start: Option<Moment>,
    end: Option<Moment>,
}

impl Subject for Keyed {
    fn visit(&self, path: &str, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        let at = match path {
            "status" => return self.status.is_some_and(|status| test(Scalar::Text(status))),
            "created_time" => self.created,
            "start_date" => self.start,
            "end_date" => self.end,
            _ => None,
        };
        at.is_some_and(|at| test(Scalar::Time(at)))
    }
}
