//! What billing systems are told of accepted files: each chunk with its records once the file is divided, and later how
//! they were billed. What is exempt is in no chunk, and so nobody is told of it.

use std::collections::BTreeMap;

use ledger::fact::{ClosedBy, FileCreated, Total};
use ledger::file::{Chunk, Extraction};
use ledger::record::{Billing, ClosedRows};
use ledger::rows::RowSet;
use ledger::{Event, Fact, FileId, Moment, ObjectId, Role, Scope, ServiceName, Subject, UsageFile};
use proto::feed::{self, Message};
use runtime::feed::{Teller, Told};
use runtime::records::{Records, RecordsError};

use crate::divide::{Totals, count};

/// The fold of the files that are not closed, as far as the feed says something of them.
#[derive(Debug, Default)]
pub struct Feed {
    files: BTreeMap<FileId, UsageFile>,
}

/// Who takes messages: false when nobody does any more.
type Take<'a> = &'a mut dyn FnMut(Told) -> bool;

impl Teller for Feed {
    fn hear(&mut self, sequence: u64, event: &Event) {
        let (Subject::File(id), fact) = (&event.subject, &event.fact) else { return };
        if matches!(fact, Fact::FileClosed { .. } | Fact::FileDeleted | Fact::FileSuperseded { .. }) {
            self.files.remove(id);
            return;
        }
        if !concerns(fact) {
            return;
        }
        let stamp = ledger::file::Stamp { at: event.recorded_at, by: event.actor.clone() };
        // What neighbours say of a file comes in any order; what extraction says comes after it.
        if fact.emitter() == ServiceName::Extraction {
            if let Some(file) = self.files.get_mut(id) {
                file.evolve(stamp, sequence, fact);
            }
        } else {
            self.files.entry(*id).or_default().evolve(stamp, sequence, fact);
        }
    }

    fn tell(&self, event: &Event, records: &Records, take: Take<'_>) -> Result<(), RecordsError> {
        let Subject::File(id) = &event.subject else { return Ok(()) };
        let Some(told) = self.files.get(id).and_then(|file| File::of(*id, file)) else { return Ok(()) };
        match &event.fact {
            Fact::FileExtracted { .. } => told.chunks(records, take),
            Fact::RecordsClosed { by, rows, .. } => {
                told.billings(*by, rows, event.recorded_at, take);
                Ok(())
            }
            Fact::ChunkClosed { chunk, billing_id, billing_note } => {
                let billing = Billing { id: billing_id.clone(), note: billing_note.clone() };
                told.closed(*chunk, &billing, event.recorded_at, take);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Whether a fact changes what the feed says.
fn concerns(fact: &Fact) -> bool {
    match fact.emitter() {
        ServiceName::Approval => matches!(
            fact,
            Fact::FileCreated(_)
                | Fact::FileDescribed(_)
                | Fact::UploadOpened(_)
                | Fact::ReportOpened { .. }
                | Fact::ReportSealed { .. }
                | Fact::FileAccepted { .. }
        ),
        ServiceName::Ingestion => matches!(fact, Fact::FileRead(_)),
        ServiceName::Validation => matches!(fact, Fact::CheckStarted { .. } | Fact::FileChecked(_)),
        ServiceName::Extraction => !matches!(
            fact,
            Fact::BillingRefused { .. }
                | Fact::ReconciliationReceived { .. }
                | Fact::ReconciliationStarted { .. }
                | Fact::ReconciliationProcessed { .. }
                | Fact::ReconciliationFailed { .. }
        ),
        ServiceName::Catalog | ServiceName::Gateway => false,
    }
}

/// A file that is told of.
struct File<'a> {
    id: FileId,
    file: &'a UsageFile,
    created: &'a FileCreated,
    extraction: &'a Extraction,
}

impl<'a> File<'a> {
    /// None for files that their provider doesn't see.
    fn of(id: FileId, file: &'a UsageFile) -> Option<Self> {
        let (created, extraction) = (file.approval.created.as_deref()?, file.current_extraction()?);
        let provider = Scope {
            account: Some(created.provider.id.clone()),
            role: Role::Distributor,
            ..Scope::service(ServiceName::Extraction)
        };
        provider.sees(file).then_some(Self { id, file, created, extraction })
    }

    fn told(&self, chunk: &Chunk, message: Message) -> Told {
        let hub: Option<ObjectId> = chunk.hub.as_ref().map(|hub| hub.id.clone());
        Told { account: self.created.provider.id.clone(), hub, product: self.created.product.id.clone(), message }
    }

    /// Every chunk, one after the other: its header, its records in the order of rows, its trailer.
    fn chunks(&self, records: &Records, take: Take<'_>) -> Result<(), RecordsError> {
        let accepted = self.file.approval.decided_at.as_ref().map(|stamp| stamp.at).unwrap_or_default();
        for (&index, chunk) in &self.extraction.chunks {
            let id = self.id.chunk(index);
            let header = Message::header(id, chunk, self.created, accepted);
            if !take(self.told(chunk, header)) {
                return Ok(());
            }
            let Some(totals) = self.records(index, chunk, records, take)? else { return Ok(()) };
            let totals: Vec<Total> = totals.into_values().collect();
            let trailer = Message::trailer(id, &totals);
            if !take(self.told(chunk, trailer)) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The records of a chunk, and what they sum up to; none when nobody takes them any more.
    fn records(
        &self,
        index: u16,
        chunk: &Chunk,
        records: &Records,
        take: Take<'_>,
    ) -> Result<Option<Totals>, RecordsError> {
        let currency = self.created.currency.as_deref().unwrap_or_default();
        let mut totals = Totals::new();
        let mut batch = feed::Records::new(self.id.chunk(index), chunk.hub.as_ref(), self.created, self.file.columns());
        let checked = self.file.current_checking().map_or(&[][..], |checking| &checking.parts);
        for (read, checked) in Records::parts(self.file).iter().zip(checked) {
            if !(read.first_row..=read.last_row).any(|row| chunk.rows.contains(row)) {
                continue;
            }
            let (read, _) = records.read(self.id, read.sequence)?;
            let checked = records.checked(self.id, checked.sequence)?;
            for (at, record) in checked.records.iter().enumerate() {
                if !chunk.rows.contains(record.row) {
                    continue;
                }
                count(&mut totals, self.created.schema, currency, record);
                if let Some(full) = batch.put(&read, &checked, at)
                    && !take(self.told(chunk, full))
                {
                    return Ok(None);
                }
            }
        }
        let wanted = batch.take().is_none_or(|rest| take(self.told(chunk, rest)));
        Ok(wanted.then_some(totals))
    }

    /// How rows were billed, chunk by chunk.
    fn billings(&self, by: ClosedBy, rows: &ClosedRows, at: Moment, take: Take<'_>) {
        let by = match by {
            ClosedBy::Chunk(index) => feed::ClosedBy::Chunk(self.id.chunk(index)),
            ClosedBy::Reconciliation(index) => feed::ClosedBy::Reconciliation(self.id.reconciliation(index)),
            ClosedBy::Records | ClosedBy::File => feed::ClosedBy::Records,
        };
        for (&index, chunk) in &self.extraction.chunks {
            for message in Message::billings(self.id.chunk(index), by, at, runs(rows, &chunk.rows)) {
                if !take(self.told(chunk, message)) {
                    return;
                }
            }
        }
    }

    fn closed(&self, index: u16, billing: &Billing, at: Moment, take: Take<'_>) {
        if let Some(chunk) = self.extraction.chunks.get(&index) {
            take(self.told(chunk, Message::closed(self.id.chunk(index), billing, at)));
        }
    }
}

/// The rows of a chunk among some that were closed: runs of consecutive ones that were billed alike.
fn runs<'a>(closed: &'a ClosedRows, chunk: &RowSet) -> Vec<(u32, u32, &'a Billing)> {
    let mut runs: Vec<(u32, u32, &Billing)> = Vec::new();
    for (row, billing) in closed.each().filter(|(row, _)| chunk.contains(*row)) {
        match runs.last_mut() {
            Some((_, last, known)) if *last + 1 == row && *known == billing => *last = row,
            _ => runs.push((row, row, billing)),
        }
    }
    runs
}
