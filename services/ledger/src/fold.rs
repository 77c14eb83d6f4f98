//! The ledger as one service knows it: the fold of the facts that it wrote and heard, and nothing else.
//!
//! What it is made of can be serialised for snapshots alone, which the build reads that wrote them and no other: no layout
//! here is a promise to anybody.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::catalog::{Catalog, Recorded};
use crate::digest::digest_of;
use crate::fact::{Actor, Event, Fact, Subject};
use crate::file::{Stamp, UsageFile};
use crate::id::{FileId, Hash, Partition};
use crate::rule::{self, Rules};
use crate::session;
use crate::webhook;

/// Everything known of files and of the catalog.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Ledger {
    /// The catalog as of its position; shared by all services of a process.
    pub catalog: Arc<Catalog>,
    /// Files by id. Each is shared with copies of the ledger until it changes, so that a copy costs little.
    pub files: BTreeMap<FileId, Arc<UsageFile>>,
    /// Files created in each month and partition: the counter of their ids.
    pub created: BTreeMap<(u16, u8, Partition), u32>,
    /// Usage rules by id.
    pub rules: Rules,
}

impl Ledger {
    /// Takes in what happened, at a sequence of its emitter's chain. Total: whatever was recorded folds.
    pub fn evolve(&mut self, sequence: u64, event: &Event) {
        match (&event.subject, &event.fact) {
            (_, Fact::ObjectRecorded(object)) => {
                let catalog = Arc::make_mut(&mut self.catalog);
                let object = (**object).clone();
                catalog.note(object.id(), event.recorded_at);
                // What comes with an API key is an edit; catalog files come from the machine itself.
                if matches!(event.actor, Actor::Key { .. }) {
                    catalog.edit(object)
                } else {
                    catalog.record(object)
                }
                catalog.objects = Recorded(sequence);
                catalog.position = sequence;
            }
            (Subject::Object(contract), Fact::ContractPlaced { partition }) => {
                let catalog = Arc::make_mut(&mut self.catalog);
                catalog.placements.entry(contract.clone()).or_insert(*partition);
                catalog.position = sequence;
            }
            (Subject::Object(id), Fact::WebhookRecorded(recorded)) => {
                let stamp = Stamp { at: event.recorded_at, by: event.actor.clone() };
                let catalog = Arc::make_mut(&mut self.catalog);
                webhook::record(&mut catalog.webhooks, id, recorded, stamp);
                catalog.position = sequence;
            }
            (Subject::Object(id), Fact::WebhookDeleted) => {
                let stamp = Stamp { at: event.recorded_at, by: event.actor.clone() };
                let catalog = Arc::make_mut(&mut self.catalog);
                webhook::delete(&mut catalog.webhooks, id, stamp);
                catalog.position = sequence;
            }
            (Subject::Object(id), Fact::SessionOpened(opened)) => {
                let catalog = Arc::make_mut(&mut self.catalog);
                session::open(&mut catalog.sessions, id, opened, event.recorded_at);
                catalog.position = sequence;
            }
            (Subject::Object(id), Fact::SessionEnded) => {
                let stamp = Stamp { at: event.recorded_at, by: event.actor.clone() };
                let catalog = Arc::make_mut(&mut self.catalog);
                session::end(&mut catalog.sessions, id, stamp);
                catalog.position = sequence;
            }
            (Subject::File(id), fact) => {
                if matches!(fact, Fact::FileCreated(_)) {
                    let (year, month) = id.month();
                    let counter = self.created.entry((year, month, id.partition())).or_default();
                    *counter = (*counter).max(id.count() + 1);
                }
                let stamp = Stamp { at: event.recorded_at, by: event.actor.clone() };
                let file = Arc::make_mut(self.files.entry(*id).or_default());
                file.evolve(stamp, sequence, fact);
                if let (Fact::FileSubmitted { .. }, Some(created)) = (fact, &file.approval.created)
                    && id.partition() == Partition::default()
                {
                    // Rules and submissions stand in one log, so that its order says which rules were active.
                    file.approval.asked = rule::asked(&self.rules, created);
                }
            }
            (Subject::Object(id), Fact::RuleRecorded(recorded)) => {
                let stamp = Stamp { at: event.recorded_at, by: event.actor.clone() };
                rule::record(&mut self.rules, id, recorded, stamp);
            }
            (Subject::Object(id), Fact::RuleDeleted) => {
                let stamp = Stamp { at: event.recorded_at, by: event.actor.clone() };
                rule::delete(&mut self.rules, id, stamp);
            }
            (Subject::Object(_), _) => {}
        }
    }

    /// A file, if it was created.
    #[must_use]
    pub fn file(&self, id: FileId) -> Option<&UsageFile> {
        self.files.get(&id).map(Arc::as_ref).filter(|file| file.approval.created.is_some())
    }

    /// The digest of everything known of files and rules: equal for equal facts, on any machine. The catalog has its own, since
    /// the hosts of a process share one fold of it.
    #[must_use]
    pub fn digest(&self) -> Hash {
        digest_of(&(&self.files, &self.created, &self.rules))
    }
}
