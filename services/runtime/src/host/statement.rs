//! The statement about a file, signed in the same append in which it is closed.

use std::collections::BTreeMap;

use ledger::file::Stamp;
use ledger::{Context, Event, Fact, FileId, Hash, Subject, statement};
use serde::{Deserialize, Serialize};

use super::Host;
use crate::decider::{Decider, Facts};

/// The roots that the records of files can be proven under, and of which upload each is.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Roots(BTreeMap<FileId, (u32, Hash)>);

impl Roots {
    /// Takes in what was recorded about a file.
    pub(super) fn note(&mut self, event: &Event) {
        if let (Subject::File(file), Fact::RecordsRooted(rooted)) = (&event.subject, &event.fact) {
            self.0.insert(*file, (rooted.upload, rooted.root));
        }
    }

    fn of(&self, file: FileId, upload: u32) -> Option<Hash> {
        self.0.get(&file).filter(|(of, _)| *of == upload).map(|(_, root)| *root)
    }
}

impl<D: Decider> Host<D> {
    /// The same facts, with the statement about the file that they close.
    pub(super) fn with_statement(&self, mut facts: Facts, context: &Context) -> Facts {
        let stamp = Stamp { at: context.now, by: context.scope.actor.clone() };
        let text = facts.iter().find_map(|(subject, fact)| self.statement(subject, fact, &stamp));
        if let (Some((file, text)), Some(checkpoints)) = (text, &self.parts.checkpoints) {
            let name = self.signed.origin(self.parts.id, self.parts.writer.head().1);
            facts.extend(self.key_to_record(&checkpoints.signer, &name));
            let note = checkpoints.signer.sign(&name, &text);
            facts.push((Subject::File(file), Fact::StatementSigned { note }));
        }
        facts
    }

    fn statement(&self, subject: &Subject, fact: &Fact, closed: &Stamp) -> Option<(FileId, String)> {
        let (Subject::File(id), Fact::FileClosed { upload, records, .. }) = (subject, fact) else { return None };
        Some((*id, statement::text(*id, self.ledger.file(*id)?, closed, *records, self.roots.of(*id, *upload))))
    }
}
