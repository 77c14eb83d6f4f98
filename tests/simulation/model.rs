//! A ledger as somebody would keep it on paper, from what docs/lifecycle.md and docs/checking.md say: files in a map, rows in a
//! map, sums by adding. It knows what was sent and what was answered, and shares no code with the fold but ids and decimals.

use std::collections::{BTreeMap, BTreeSet};

use ledger::record::Billing;
use ledger::{Command, Decimal, Event, Fact, FileId, Hash, Subject};

use super::catalog::{CONTRACTS, PRODUCTS};
use super::host::Ask;
use super::library::{HUBS, Library, Row, Usage};

/// Where a file stands, by what was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Draft,
    /// It is read and checked; the end of it is known once everything is quiet.
    Working,
    Invalid,
    Ready,
    Pending,
    Rejected,
    Accepted,
    Deleted,
}

/// A file.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) contract: String,
    pub(super) product: String,
    pub(super) stage: Stage,
    /// Its submit waits for the end of the work.
    remembered: bool,
    pub(super) usage: Option<Hash>,
    /// Closed rows, each with every billing that it may have been given: which of two that were asked for at the same time
    /// came first is not for the model to say.
    pub(super) closed: BTreeMap<u32, BTreeSet<(String, String)>>,
    /// Reconciliations that are read, each with the rows that were closed before it came.
    waiting: Vec<(Hash, BTreeSet<u32>)>,
}

/// Records, quantity and amount, by tier.
pub(super) type Sums = BTreeMap<Option<u8>, (u32, Decimal, Decimal)>;

/// Everything that was answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) files: BTreeMap<FileId, File>,
    /// Contracts under which nothing is reported now.
    pub(super) inactive: BTreeSet<String>,
    /// Answers that can't be, each with the reason.
    pub(super) wrong: Vec<String>,
}

impl File {
    pub(super) fn usage<'a>(&self, library: &'a Library) -> Option<&'a Usage> {
        library.usage.get(&self.usage?)
    }

    fn is_sound(&self, library: &Library) -> bool {
        self.usage(library).is_some_and(|usage| usage.readable && usage.rows.iter().all(|row| row.valid))
    }

    /// Rows that are billed.
    pub(super) fn billable<'a>(&self, library: &'a Library) -> Vec<&'a Row> {
        let rows = self.usage(library).map_or(&[][..], |usage| &usage.rows);
        rows.iter().filter(|row| row.valid && !row.reserved).collect()
    }

    pub(super) fn is_closed(&self, library: &Library) -> bool {
        self.stage == Stage::Accepted && self.billable(library).iter().all(|row| self.closed.contains_key(&row.row))
    }

    /// The status that its parties see.
    pub(super) fn status(&self, library: &Library) -> &'static str {
        match self.stage {
            Stage::Draft => "draft",
            Stage::Working => "processing",
            Stage::Invalid => "invalid",
            Stage::Ready => "ready",
            Stage::Pending => "pending",
            Stage::Rejected => "rejected",
            Stage::Accepted if self.is_closed(library) => "closed",
            Stage::Accepted => "accepted",
            Stage::Deleted => "deleted",
        }
    }

    /// The hubs of its chunks, in order.
    fn chunks(&self, library: &Library) -> Vec<usize> {
        let billable = self.billable(library);
        (0..HUBS).filter(|hub| billable.iter().any(|row| row.hub == *hub)).collect()
    }

    /// The billable rows of a chunk.
    fn of_chunk(&self, chunk: u16, library: &Library) -> Vec<u32> {
        let hub = self.chunks(library).get(usize::from(chunk) - 1).copied();
        self.billable(library).iter().filter(|row| Some(row.hub) == hub).map(|row| row.row).collect()
    }

    /// What waits bills some rows that may be open when it is read.
    fn waits_for(&self, row: u32, library: &Library) -> bool {
        let bills = |blob| library.reconciliations.get(blob).into_iter().flatten().any(|(billed, _)| *billed == row);
        self.waiting.iter().any(|(blob, before)| !before.contains(&row) && bills(blob))
    }

    /// Closes the rows among these that may be open, each as it is named first.
    fn close(&mut self, rows: impl Iterator<Item = (u32, Billing)>, library: &Library) {
        let billable: BTreeSet<u32> = self.billable(library).iter().map(|row| row.row).collect();
        let mut seen = BTreeSet::new();
        for (row, Billing { id, note }) in rows {
            let counts = billable.contains(&row) && !(id.is_empty() && note.is_empty()) && seen.insert(row);
            if counts && (!self.closed.contains_key(&row) || self.waits_for(row, library)) {
                self.closed.entry(row).or_default().insert((id, note));
            }
        }
    }

    /// Sums over some rows.
    pub(super) fn sums<'a>(&self, rows: impl Iterator<Item = &'a Row>) -> Sums {
        let tiered = self.product == PRODUCTS[1].0;
        let mut sums = Sums::new();
        for row in rows {
            let sum = sums.entry(tiered.then_some(row.tier)).or_insert((0, Decimal::ZERO, Decimal::ZERO));
            sum.0 += 1;
            sum.1 = Decimal::from_units(sum.1.units() + row.quantity.units());
            let amount = if tiered { row.amount.units() } else { 0 };
            sum.2 = Decimal::from_units(sum.2.units() + amount);
        }
        sums
    }

    /// Who receives it.
    fn provider(&self) -> &'static str {
        CONTRACTS.iter().find(|(contract, _)| *contract == self.contract).expect("a contract").1
    }

    /// Whether an account has to do with it, now or ever.
    pub(super) fn concerns(&self, account: &str) -> bool {
        ["VA-1", "OP-1", self.provider()].contains(&account)
    }
}

impl Model {
    /// Everything is quiet: what was being worked on has come to its end.
    pub(super) fn settle(&mut self, library: &Library) {
        for file in self.files.values_mut() {
            if file.stage == Stage::Working {
                file.stage = match (file.is_sound(library), file.remembered) {
                    (false, _) => Stage::Invalid,
                    (true, false) => Stage::Ready,
                    (true, true) => Stage::Pending,
                };
                file.remembered = false;
            }
            for (blob, before) in file.waiting.clone() {
                let billed = library.reconciliations.get(&blob).into_iter().flatten().cloned();
                file.close(billed.filter(|(row, _)| !before.contains(row)), library);
            }
            file.waiting.clear();
        }
    }

    /// Somebody was answered for the first time.
    pub(super) fn answered(&mut self, ask: &Ask, events: &[Event], library: &Library) {
        if let Command::CreateFile(create) = &ask.command {
            let Some(Event { subject: Subject::File(id), .. }) = events.first() else {
                self.wrong.push("a file was created without a fact".to_owned());
                return;
            };
            let (contract, product) = (create.contract.to_string(), create.product.to_string());
            let (stage, closed, waiting) = (Stage::Draft, BTreeMap::new(), Vec::new());
            let file = File { contract, product, stage, remembered: false, usage: None, closed, waiting };
            if self.files.insert(*id, file).is_some() {
                self.wrong.push(format!("{id} was created twice"));
            }
            return;
        }
        let Some((id, file)) = ask.command.file().and_then(|id| Some((id, self.files.get_mut(&id)?))) else { return };
        let (before, sound) = (file.stage, file.is_sound(library));
        let remembered = events.iter().any(|event| matches!(event.fact, Fact::SubmitRemembered { .. }));
        let anew = events.iter().any(|event| matches!(event.fact, Fact::UploadOpened(_)));
        let is_pending = before == Stage::Pending || before == Stage::Working && file.remembered && sound;
        let undecided = [Stage::Draft, Stage::Working, Stage::Invalid, Stage::Ready].contains(&before);
        let possible = match &ask.command {
            Command::OpenUpload { blob, .. } => {
                (file.stage, file.remembered, file.usage) = (Stage::Working, false, Some(*blob));
                undecided || before == Stage::Rejected
            }
            Command::SubmitFile { .. } if remembered => {
                (file.stage, file.remembered) = (Stage::Working, true);
                [Stage::Working, Stage::Ready].contains(&before)
            }
            Command::SubmitFile { .. } if !events.is_empty() => {
                file.stage = Stage::Pending;
                [Stage::Working, Stage::Ready].contains(&before) && sound
            }
            Command::SubmitFile { .. } => is_pending || file.remembered,
            Command::DeleteFile { .. } => {
                file.stage = Stage::Deleted;
                undecided
            }
            Command::AcceptFile { .. } => {
                (file.stage, file.remembered) = (Stage::Accepted, false);
                is_pending
            }
            Command::RejectFile { .. } => {
                (file.stage, file.remembered) = (Stage::Rejected, false);
                is_pending
            }
            Command::ReprocessFile { .. } if anew => {
                (file.stage, file.remembered) = (Stage::Working, false);
                undecided || before == Stage::Rejected
            }
            _ => {
                file.bill(&ask.command, library);
                before == Stage::Accepted
            }
        };
        if !possible {
            self.wrong.push(format!("{} of {id} was answered although it was {before:?}", ask.command.action()));
        }
    }

    /// What is to be answered now that everything is quiet: whether it is done, where the model can say.
    pub(super) fn expects(&self, ask: &Ask, library: &Library) -> Option<bool> {
        let account = ask.scope.account.as_ref().map_or("", |account| account.as_str());
        let (is_vendor, is_operator) = (account == "VA-1", account == "OP-1");
        if let Command::CreateFile(create) = &ask.command {
            return Some((is_vendor || is_operator) && !self.inactive.contains(create.contract.as_str()));
        }
        let Some(file) = ask.command.file().and_then(|id| self.files.get(&id)) else { return Some(false) };
        let (vendor, provider) = (is_vendor || is_operator, account == file.provider() || is_operator);
        let status = file.status(library);
        Some(match &ask.command {
            Command::OpenUpload { .. } => vendor && ["draft", "invalid", "ready", "rejected"].contains(&status),
            Command::SubmitFile { .. } => {
                vendor && (status == "pending" || status == "ready" && !self.inactive.contains(&file.contract))
            }
            Command::DeleteFile { .. } => vendor && ["draft", "invalid", "ready"].contains(&status),
            Command::AcceptFile { .. } | Command::RejectFile { .. } => provider && status == "pending",
            Command::ReprocessFile { .. } => {
                vendor && ["invalid", "ready", "rejected"].contains(&status)
                    || provider && ["accepted", "closed"].contains(&status)
            }
            Command::CloseRecords { rows, .. } => {
                let billed = rows.iter().any(|(_, billing)| *billing != Billing::default());
                provider && ["accepted", "closed"].contains(&status) && billed
            }
            Command::CloseFile { .. } => provider && status == "closed",
            Command::ReceiveReconciliation { .. } => provider && status == "accepted",
            Command::CloseChunk { chunk, billing } => {
                let rows = file.of_chunk(chunk.index, library);
                if provider && status == "accepted" && rows.iter().all(|row| file.closed.contains_key(row)) {
                    // That depends on how it was closed, if it is there.
                    return None;
                }
                provider && status == "accepted" && !billing.id.is_empty() && !rows.is_empty()
            }
            _ => return None,
        })
    }
}

impl File {
    fn bill(&mut self, command: &Command, library: &Library) {
        match command {
            Command::CloseRecords { rows, .. } => self.close(rows.iter().cloned(), library),
            Command::CloseChunk { chunk, billing } => {
                let rows = self.of_chunk(chunk.index, library);
                self.close(rows.into_iter().map(|row| (row, billing.clone())), library);
            }
            Command::ReceiveReconciliation { blob, .. } => {
                self.waiting.push((*blob, self.closed.keys().copied().collect()))
            }
            _ => {}
        }
    }
}
