//! Sums of usage that were made before. What counts changes when a file is accepted or the catalog is, a few times a day:
//! between that, whoever looks at the same usage gets what was summed for the first of them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use ledger::catalog::Recorded;
use ledger::{ObjectId, Scope};

use crate::past::Known;

/// Sums that are kept: of the accounts that look at usage, and of the months that they look at.
const KEPT_MAX: usize = 256;

/// What sums were made of: how often the files that count have changed, and the catalog's objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Made {
    counted: u64,
    objects: Recorded,
}

/// Whose usage was summed, and how: an operator has no account of its own here.
type Asked = (Option<ObjectId>, String);

/// Sums by what was asked.
#[derive(Debug)]
pub(crate) struct KeptSums<T>(Mutex<BTreeMap<Asked, (Made, Arc<T>)>>);

impl<T> Default for KeptSums<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> KeptSums<T> {
    /// What was summed for a question of this caller, unless something changed since; else it is made and kept. What is
    /// asked about the past is made each time.
    pub(super) fn get<E>(
        &self,
        known: &Known,
        scope: &Scope,
        question: String,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        if known.is_past() {
            return make().map(Arc::new);
        }
        // Taken first: what changes while sums are made may be in them, and they are made again for it.
        let made = Made { counted: counted(known), objects: known.catalog().objects };
        let asked = (scope.account.clone(), question);
        if let Some(sums) = self.kept(&asked, made) {
            return Ok(sums);
        }
        let sums = Arc::new(make()?);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(asked, (made, sums.clone()));
        while all.len() > KEPT_MAX {
            all.pop_first();
        }
        Ok(sums)
    }

    fn kept(&self, asked: &Asked, made: Made) -> Option<Arc<T>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(asked).filter(|(of, _)| *of == made).map(|(_, sums)| sums.clone())
    }
}

fn counted(known: &Known) -> u64 {
    let (app, ledger) = (known.app(), known.ledger());
    app.index.counted(&app.projection, &ledger)
}
