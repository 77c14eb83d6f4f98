//! A ledger as somebody would keep it on paper, from what docs/lifecycle.md and docs/checking.md say: files in a map, rows in a
//! map, sums by adding. It knows what was sent and what was answered, and shares no code with the fold but ids and decimals.

use std::collections::{BTreeMap, BTreeSet};

use ledger::fact::Period;
use ledger::record::Billing;
use ledger::report::{Receipt, ReportedRecords};
use ledger::{Command, Decimal, Event, Fact, FileId, Hash, ObjectId, Subject};

use super::catalog::{CONTRACTS, PRODUCTS};
use super::host::{Answer, Ask};
use super::library::{HUBS, Library, Row, Usage};
use super::reports::Sent;

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
    /// What is reported into it one by one.
    pub(super) reported: Option<Reported>,
    /// Closed rows, each with every billing that it may have been given: which of two that were asked for at the same time
    /// came first is not for the model to say.
    pub(super) closed: BTreeMap<u32, BTreeSet<(String, String)>>,
    /// Reconciliations that are read, each with the rows that were closed before it came.
    waiting: Vec<(Hash, BTreeSet<u32>)>,
}

/// Records of a file that collects them.
#[derive(Clone, Debug)]
pub(super) struct Reported {
    period: Period,
    pub(super) is_sealed: bool,
    /// A workbook came instead.
    pub(super) is_replaced: bool,
    /// Their ids, in the order of their rows.
    pub(super) ids: Vec<String>,
    pub(super) rows: Vec<Row>,
}

impl Reported {
    fn of(&self, record_id: &str) -> Option<&Row> {
        self.rows.get(self.ids.iter().position(|id| id == record_id)?)
    }
}

/// Records, quantity and amount, by tier.
pub(super) type Sums = BTreeMap<Option<u8>, (u32, Decimal, Decimal)>;

/// Everything that was answered.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) files: BTreeMap<FileId, File>,
    /// Contracts under which nothing is reported now.
    pub(super) inactive: BTreeSet<String>,
    /// Which file was the last to take a record, by contract, product and id.
    takers: BTreeMap<(String, String, String), FileId>,
    /// Answers that can't be, each with the reason.
    pub(super) wrong: Vec<String>,
}

impl File {
    pub(super) fn usage<'a>(&self, library: &'a Library) -> Option<&'a Usage> {
        library.usage.get(&self.usage?)
    }

    /// What can be read of it.
    pub(super) fn rows<'a>(&'a self, library: &'a Library) -> &'a [Row] {
        if let Some(reported) = self.reported.as_ref().filter(|reported| !reported.is_replaced) {
            return &reported.rows;
        }
        self.usage(library).filter(|usage| usage.readable).map_or(&[], |usage| &usage.rows)
    }

    /// Whether records can be reported into it.
    pub(super) fn collects(&self) -> bool {
        self.stage == Stage::Draft && self.reported.is_some()
    }

    fn is_sound(&self, library: &Library) -> bool {
        let rows = self.rows(library);
        !rows.is_empty() && rows.iter().all(|row| row.valid)
    }

    /// Rows that are billed.
    pub(super) fn billable<'a>(&'a self, library: &'a Library) -> Vec<&'a Row> {
        self.rows(library).iter().filter(|row| row.valid && !row.reserved).collect()
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
    pub(super) fn answered(&mut self, ask: &Ask, answer: &Answer, quiet: bool, library: &Library) {
        let events = &answer.events;
        match &ask.command {
            Command::CreateFile(create) => self.created(&create.contract, &create.product, None, events),
            Command::OpenReport(report) => {
                let open = self.collecting_for(report.contract.as_str(), report.product.as_str(), report.period);
                match (open, events.is_empty()) {
                    (None, false) => self.created(&report.contract, &report.product, Some(report.period), events),
                    (Some(_), true) => {}
                    (open, _) => self.wrong.push(format!("{open:?} was open, and {events:?} came of opening one")),
                }
            }
            Command::ReportRecords(call) => self.reported(call, answer, quiet, library),
            _ => self.changed(ask, events, library),
        }
    }

    fn created(&mut self, contract: &ObjectId, product: &ObjectId, period: Option<Period>, events: &[Event]) {
        let Some(Event { subject: Subject::File(id), .. }) = events.first() else {
            self.wrong.push("a file was created without a fact".to_owned());
            return;
        };
        let (contract, product) = (contract.to_string(), product.to_string());
        let (stage, closed, waiting) = (Stage::Draft, BTreeMap::new(), Vec::new());
        let reported = period.map(|period| Reported {
            period,
            is_sealed: false,
            is_replaced: false,
            ids: Vec::new(),
            rows: Vec::new(),
        });
        let file = File { contract, product, stage, remembered: false, usage: None, reported, closed, waiting };
        if self.files.insert(*id, file).is_some() {
            self.wrong.push(format!("{id} was created twice"));
        }
    }

    fn changed(&mut self, ask: &Ask, events: &[Event], library: &Library) {
        let Some((id, file)) = ask.command.file().and_then(|id| Some((id, self.files.get_mut(&id)?))) else { return };
        let (before, sound) = (file.stage, file.is_sound(library));
        let remembered = events.iter().any(|event| matches!(event.fact, Fact::SubmitRemembered { .. }));
        let anew = events.iter().any(|event| matches!(event.fact, Fact::UploadOpened(_) | Fact::ReportOpened { .. }));
        let is_pending = before == Stage::Pending || before == Stage::Working && file.remembered && sound;
        let undecided = [Stage::Draft, Stage::Working, Stage::Invalid, Stage::Ready].contains(&before);
        let sealable = file.collects() && !file.rows(library).is_empty();
        let possible = match &ask.command {
            Command::OpenUpload { blob, .. } => {
                let collects = file.collects();
                (file.stage, file.remembered, file.usage) = (Stage::Working, false, Some(*blob));
                if let Some(reported) = &mut file.reported {
                    reported.is_replaced = true;
                }
                !collects && undecided || before == Stage::Rejected
            }
            Command::SealReport { .. } => {
                file.seal();
                sealable
            }
            Command::SubmitFile { .. } if remembered => {
                file.seal();
                file.remembered = true;
                sealable || [Stage::Working, Stage::Ready].contains(&before)
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
        let contract = match &ask.command {
            Command::CreateFile(create) => Some(&create.contract),
            Command::OpenReport(report) => Some(&report.contract),
            _ => None,
        };
        if let Some(contract) = contract {
            return Some((is_vendor || is_operator) && !self.inactive.contains(contract.as_str()));
        }
        let Some(file) = ask.command.file().and_then(|id| self.files.get(&id)) else { return Some(false) };
        let (vendor, provider) = (is_vendor || is_operator, account == file.provider() || is_operator);
        let status = file.status(library);
        let sealable = file.collects() && !file.rows(library).is_empty();
        Some(match &ask.command {
            Command::OpenUpload { .. } => {
                vendor && !file.collects() && ["draft", "invalid", "ready", "rejected"].contains(&status)
            }
            Command::ReportRecords(_) => vendor && file.collects(),
            Command::SealReport { .. } => vendor && sealable,
            Command::SubmitFile { .. } => {
                let active = !self.inactive.contains(&file.contract);
                vendor && (status == "pending" || (status == "ready" || sealable) && active)
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

/// Records that are reported one by one.
impl Model {
    /// Files that collect some.
    pub(super) fn collecting(&self) -> impl Iterator<Item = FileId> {
        self.files.iter().filter(|(_, file)| file.collects()).map(|(id, _)| *id)
    }

    fn collecting_for(&self, contract: &str, product: &str, period: Period) -> Option<FileId> {
        let is_for = |file: &File| {
            let of_period = file.reported.as_ref().is_some_and(|reported| reported.period == period);
            (file.contract.as_str(), file.product.as_str()) == (contract, product) && of_period
        };
        self.collecting().find(|id| is_for(&self.files[id]))
    }

    /// The one that collects now what another one did.
    pub(super) fn collecting_like(&self, id: FileId) -> Option<FileId> {
        let file = &self.files[&id];
        self.collecting_for(&file.contract, &file.product, file.reported.as_ref()?.period)
    }

    /// How many files of a contract and product collected before.
    pub(super) fn sealed(&self, (contract, product): (&str, &str)) -> usize {
        let is_sealed = |file: &&File| {
            let of_trade = (file.contract.as_str(), file.product.as_str()) == (contract, product);
            of_trade && file.reported.as_ref().is_some_and(|reported| reported.is_sealed)
        };
        self.files.values().filter(is_sealed).count()
    }

    fn taker(&self, (contract, product): (&str, &str), record_id: &str) -> Option<(FileId, &File)> {
        let file = self.takers.get(&(contract.to_owned(), product.to_owned(), record_id.to_owned()))?;
        Some((*file, &self.files[file]))
    }

    /// Whether a file that was sealed has a record: its id is used up. What a deleted draft had is free.
    pub(super) fn is_spent(&self, trade: (&str, &str), record_id: &str) -> bool {
        let is_sealed = |file: &File| file.reported.as_ref().is_none_or(|reported| reported.is_sealed);
        self.taker(trade, record_id).is_some_and(|(_, file)| is_sealed(file))
    }

    /// What a record may be told that is reported into a file now. Who takes it may not have heard yet that another file
    /// was deleted, unless everything is quiet.
    fn receipts(&self, id: FileId, (one, admitted): (&Sent, bool), quiet: bool) -> Vec<Receipt> {
        let file = &self.files[&id];
        let Some(reported) = &file.reported else { return Vec::new() };
        if let Some(known) = reported.of(&one.record_id) {
            let row = known.row;
            let is_same = Row { row: 0, ..known.clone() } == one.row;
            return match (is_same, admitted) {
                (true, _) => vec![Receipt::Identical { row }],
                (false, true) => vec![Receipt::Conflicting { row }],
                (false, false) => vec![Receipt::Refused],
            };
        }
        if !admitted {
            return vec![Receipt::Refused];
        }
        let added = Receipt::Added { row: 2 + u32::try_from(reported.rows.len()).expect("it is small") };
        match self.taker((&file.contract, &file.product), &one.record_id) {
            Some((file, other)) if other.collects() => vec![Receipt::Taken { file }],
            Some((file, _)) if !quiet => vec![Receipt::Taken { file }, added],
            _ => vec![added],
        }
    }

    fn reported(&mut self, call: &ReportedRecords, answer: &Answer, quiet: bool, library: &Library) {
        let (id, sent) = (call.file, &library.reports[&call.content]);
        let may_collect = |file: &File| {
            // Who takes records hears a little later that a file takes none.
            let late = !quiet && [Stage::Working, Stage::Deleted].contains(&file.stage);
            file.reported.is_some() && (late || file.collects())
        };
        if !self.files.get(&id).is_some_and(may_collect) || answer.receipts.len() != sent.len() {
            self.wrong.push(format!("{:?} was told about {sent:?} reported into {id}", answer.receipts));
            return;
        }
        let mut added = 0;
        for ((one, admitted), told) in sent.iter().zip(&answer.receipts) {
            let expected = self.receipts(id, (one, *admitted), quiet);
            if !expected.contains(told) {
                self.wrong.push(format!("{one:?} of {id} was told {told:?}, not {expected:?}"));
            }
            let Receipt::Added { row } = *told else { continue };
            added += 1;
            let Some(file) = self.files.get_mut(&id) else { return };
            let trade = (file.contract.clone(), file.product.clone());
            if let Some(reported) = &mut file.reported {
                reported.ids.push(one.record_id.clone());
                reported.rows.push(Row { row, ..one.row.clone() });
            }
            self.takers.insert((trade.0, trade.1, one.record_id.clone()), id);
        }
        let read = |event: &Event| if let Fact::RecordsRead(read) = &event.fact { read.records } else { 0 };
        let recorded: u32 = answer.events.iter().map(read).sum();
        if recorded != added {
            self.wrong.push(format!("{added} records were added to {id}, and {recorded} recorded"));
        }
    }
}

impl File {
    /// It takes no more records, and is read and checked.
    fn seal(&mut self) {
        self.stage = Stage::Working;
        if let Some(reported) = &mut self.reported {
            reported.is_sealed = true;
        }
    }

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
