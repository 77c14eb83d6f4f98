//! What closes records, and what the jobs found, decided on the loop.

use std::collections::{BTreeMap, HashMap};

use ledger::fact::{ClosedBy, Total};
use ledger::file::{ATTEMPTS_MAX, Chunk, ChunkStatus, Extraction};
use ledger::record::{Billing, ClosedRows};
use ledger::rows::RowSet;
use ledger::transitions::{Action, REGENERATED};
use ledger::{ChunkId, Command, Context, Decimal, Fact, FileId, Ledger, Rejection, Status, UsageFile};
use runtime::decider::{Facts, Stale};

use crate::{Division, Exemption, Own, Reconciled, next_attempt, on, unwritten};

/// Blocks of rows that one fact carries: 32 KiB at most, far below a frame of the log.
const FACT_BLOCKS_MAX: usize = 4;
/// Rows that one fact carries when each has a billing of its own: a frame has room for them and their texts.
const FACT_ROWS_MAX: usize = 4_096;
/// Text of billings after which a fact is full.
const FACT_TEXT_BYTES_MAX: usize = 48 * 1024;
/// Characters of an external id, a billing id or a note.
const TEXT_CHARS_MAX: usize = 254;
/// Reconciliations of one file: three digits of their ids.
const RECONCILIATIONS_MAX: usize = 999;
/// Chunks of one file: three digits of their ids.
const CHUNKS_MAX: usize = 999;

pub(crate) fn decide(ledger: &Ledger, command: &Command, context: &Context) -> Result<Facts, Rejection> {
    let id = command.file().ok_or(Rejection::NotFound)?;
    let file = ledger.file(id).filter(|file| context.scope.sees(file)).ok_or(Rejection::NotFound)?;
    if !context.scope.plays_provider(file) {
        return Err(Rejection::RoleNotAllowed);
    }
    match command {
        Command::NameChunk { chunk, external_id } => name_chunk(file, *chunk, external_id),
        Command::RegenerateChunk { chunk } => regenerate_chunk(file, *chunk),
        Command::CloseChunk { chunk, billing } => close_chunk(file, *chunk, billing),
        Command::CloseRecords { rows, .. } => close_records(id, file, rows),
        Command::CloseFile { .. } => close_file(file),
        Command::ReceiveReconciliation { blob, bytes, note, .. } => {
            check_text("upload_note", note)?;
            let extraction = extracted(file, Action::Reconcile)?;
            if extraction.reconciliations.len() >= RECONCILIATIONS_MAX {
                let message = "A file takes 999 reconciliations.".to_owned();
                return Err(Rejection::TooLarge { message });
            }
            let reconciliation = u16::try_from(extraction.reconciliations.len() + 1).unwrap_or(u16::MAX);
            let (blob, bytes, note) = (*blob, *bytes, note.clone());
            Ok(vec![on(id, Fact::ReconciliationReceived { reconciliation, blob, bytes, note })])
        }
        _ => Err(Rejection::NotFound),
    }
}

/// The extraction of an accepted file whose records are all in chunks, or exempt.
fn extracted(file: &UsageFile, action: Action) -> Result<&Extraction, Rejection> {
    let status = file.status();
    if status != Status::Accepted {
        return Err(Rejection::WrongStatus { action: action.participle(), status });
    }
    if file.is_estimate() {
        return Err(Rejection::EstimateNotBilled);
    }
    let ready = file.current_extraction().filter(|extraction| extraction.extracted);
    ready.ok_or(Rejection::ChunkStatusWrong { action: action.participle(), status: ChunkStatus::Draft })
}

fn chunk_of(file: &UsageFile, id: ChunkId) -> Result<&Chunk, Rejection> {
    file.current_extraction().and_then(|extraction| extraction.chunks.get(&id.index)).ok_or(Rejection::NotFound)
}

fn check_text(field: &str, text: &str) -> Result<(), Rejection> {
    let length = text.chars().count();
    if length <= TEXT_CHARS_MAX {
        return Ok(());
    }
    let message = format!("Ensure this field has no more than {TEXT_CHARS_MAX} characters (it has {length}).");
    Err(Rejection::field(field, message))
}

fn check_billing(billing: &Billing) -> Result<(), Rejection> {
    check_text("external_billing_id", &billing.id)?;
    check_text("external_billing_note", &billing.note)
}

fn name_chunk(file: &UsageFile, id: ChunkId, external_id: &str) -> Result<Facts, Rejection> {
    let chunk = chunk_of(file, id)?;
    check_text("external_id", external_id)?;
    if chunk.external_id == external_id {
        return Ok(Facts::new());
    }
    if !matches!(chunk.status(), ChunkStatus::Ready | ChunkStatus::Closed) {
        return Err(Rejection::ChunkStatusWrong { action: Action::Update.participle(), status: chunk.status() });
    }
    Ok(vec![on(id.file, Fact::ChunkNamed { chunk: id.index, external_id: external_id.to_owned() })])
}

/// A chunk that shows everything that was closed is left as it is; one that failed is tried again.
fn regenerate_chunk(file: &UsageFile, id: ChunkId) -> Result<Facts, Rejection> {
    let chunk = chunk_of(file, id)?;
    match chunk.status() {
        // It is being written, perhaps without what was closed a moment ago: that is known once it is there.
        status @ ChunkStatus::Draft => Err(Rejection::ChunkStatusWrong { action: REGENERATED, status }),
        ChunkStatus::Ready | ChunkStatus::Closed if !chunk.is_outdated() => Ok(Facts::new()),
        ChunkStatus::Ready | ChunkStatus::Closed | ChunkStatus::Failed => {
            Ok(vec![on(id.file, Fact::ChunkRegenerated { chunk: id.index })])
        }
    }
}

fn close_chunk(file: &UsageFile, id: ChunkId, billing: &Billing) -> Result<Facts, Rejection> {
    let chunk = chunk_of(file, id)?;
    check_billing(billing)?;
    if billing.id.is_empty() {
        return Err(Rejection::field("external_billing_id", "This field is required."));
    }
    match chunk.status() {
        ChunkStatus::Ready => {}
        // The same closing again gives the same answer.
        ChunkStatus::Closed if chunk.billing_id == billing.id && chunk.billing_note == billing.note => {
            return Ok(Facts::new());
        }
        status => return Err(Rejection::ChunkStatusWrong { action: Action::Close.participle(), status }),
    }
    let extraction = extracted(file, Action::Close)?;
    let rows = ClosedRows::alike(chunk.rows.minus(&extraction.closed), billing.clone());
    Ok(closing(id.file, file, extraction, rows, ClosedBy::Chunk(id.index)))
}

fn close_records(id: FileId, file: &UsageFile, rows: &[(u32, Billing)]) -> Result<Facts, Rejection> {
    rows.iter().try_for_each(|(_, billing)| check_billing(billing))?;
    // Where everything is closed, the same closing again gives the same answer (design §7).
    let open = (file.status() != Status::Closed).then(|| extracted(file, Action::Close)).transpose()?;
    if rows.iter().all(|(_, billing)| billing.id.is_empty() && billing.note.is_empty()) {
        return Err(Rejection::BillingMissing);
    }
    let Some(extraction) = open else { return Ok(Facts::new()) };
    let rows = open_rows(extraction, rows.iter().map(|(row, billing)| (*row, billing)));
    if rows.rows.is_empty() {
        return Ok(Facts::new());
    }
    Ok(closing(id, file, extraction, rows, ClosedBy::Records))
}

/// Of some rows those that are in a chunk and open, each once, with how it is billed.
fn open_rows<'a>(extraction: &Extraction, rows: impl Iterator<Item = (u32, &'a Billing)>) -> ClosedRows {
    let mut sorted: Vec<(u32, &Billing)> = rows
        .filter(|(row, billing)| {
            let known = extraction.chunks.values().any(|chunk| chunk.rows.contains(*row));
            let billed = !billing.id.is_empty() || !billing.note.is_empty();
            known && billed && !extraction.closed.contains(*row)
        })
        .collect();
    sorted.sort_by_key(|(row, _)| *row);
    sorted.dedup_by_key(|(row, _)| *row);
    let mut closed = ClosedRows::default();
    let mut known = HashMap::new();
    for (row, billing) in sorted {
        closed.rows.insert(row);
        let next = u32::try_from(closed.billings.len()).unwrap_or(u32::MAX);
        let at = *known.entry(billing).or_insert_with(|| {
            closed.billings.push(billing.clone());
            next
        });
        closed.refs.push(at);
    }
    closed
}

fn close_file(file: &UsageFile) -> Result<Facts, Rejection> {
    if file.status() == Status::Closed {
        return Ok(Facts::new());
    }
    let extraction = extracted(file, Action::Close)?;
    Err(Rejection::RecordsOpen { open: extraction.open() })
}

/// The facts of closing rows that are open: the rows, the chunks that this completes, and the file.
fn closing(id: FileId, file: &UsageFile, extraction: &Extraction, rows: ClosedRows, by: ClosedBy) -> Facts {
    let mut facts = Facts::new();
    let mut closed = extraction.closed.clone();
    closed.absorb(&rows.rows);
    let last = rows.rows.len() == extraction.open();
    let billing = rows.billings.first().cloned().unwrap_or_default();
    for part in parts(rows) {
        let records = part.rows.len();
        facts.push(on(id, Fact::RecordsClosed { by, rows: Box::new(part), records }));
    }
    for (&chunk, known) in &extraction.chunks {
        let asked = by == ClosedBy::Chunk(chunk);
        let complete = known.rows.iter().all(|row| closed.contains(row));
        if known.closed_at.is_some() || !(asked || complete) {
            continue;
        }
        let (billing_id, billing_note) = match by {
            ClosedBy::Chunk(_) => (billing.id.clone(), billing.note.clone()),
            ClosedBy::Reconciliation(index) => (String::new(), id.reconciliation(index).to_string()),
            ClosedBy::Records | ClosedBy::File => (String::new(), String::new()),
        };
        facts.push(on(id, Fact::ChunkClosed { chunk, billing_id, billing_note }));
    }
    if last {
        facts.push(on(id, file_closed(file, extraction.billable())));
    }
    facts
}

/// The end of a file, with what was billed of it.
fn file_closed(file: &UsageFile, records: u32) -> Fact {
    Fact::FileClosed { upload: file.upload(), records, totals: file.totals().to_vec() }
}

/// Cuts a closing into pieces that fit a fact.
fn parts(rows: ClosedRows) -> Vec<ClosedRows> {
    if rows.refs.is_empty() {
        let pieces = rows.rows.split(FACT_BLOCKS_MAX);
        return pieces.into_iter().map(|piece| ClosedRows { rows: piece, ..rows.clone() }).collect();
    }
    let mut parts = Vec::new();
    let mut part = ClosedRows::default();
    let mut known: HashMap<&Billing, u32> = HashMap::new();
    let mut bytes = 0;
    for (row, billing) in rows.each() {
        let full = part.refs.len() >= FACT_ROWS_MAX || bytes >= FACT_TEXT_BYTES_MAX;
        if full {
            parts.push(std::mem::take(&mut part));
            known.clear();
            bytes = 0;
        }
        let next = u32::try_from(part.billings.len()).unwrap_or(u32::MAX);
        let at = *known.entry(billing).or_insert_with(|| {
            bytes += billing.id.len() + billing.note.len();
            part.billings.push(billing.clone());
            next
        });
        part.rows.insert(row);
        part.refs.push(at);
    }
    parts.push(part);
    parts
}

pub(crate) fn conclude(ledger: &Ledger, own: Own) -> Result<Facts, Stale> {
    match own {
        Own::StartDividing { file } => {
            let known = ledger.file(file).filter(|known| known.is_accepted()).ok_or(Stale)?;
            let last = known.current_extraction().map_or(0, |extraction| extraction.attempt);
            let upload = known.upload();
            Ok(vec![on(
                file,
                match next_attempt(last) {
                    Some(attempt) => Fact::ExtractionStarted { upload, attempt },
                    None => Fact::ChunkFailed { chunk: 0, detail: crashed("dividing the file into chunks") },
                },
            )])
        }
        Own::Divided { file, upload, divisions, exempt } => divided(ledger, file, upload, divisions, exempt),
        Own::NotDivided { file, detail } => {
            let known = ledger.file(file).and_then(UsageFile::current_extraction).ok_or(Stale)?;
            if known.extracted || known.failed.is_some() {
                return Err(Stale);
            }
            Ok(vec![on(file, Fact::ChunkFailed { chunk: 0, detail })])
        }
        Own::StartChunk { file } => {
            let known = ledger.file(file).ok_or(Stale)?;
            let chunk = unwritten(known).ok_or(Stale)?;
            let last = chunk_of(known, file.chunk(chunk)).map_err(|_| Stale)?.attempt;
            Ok(vec![on(
                file,
                match next_attempt(last) {
                    Some(attempt) => Fact::ChunkStarted { chunk, attempt, checkpoint: None },
                    None => Fact::ChunkFailed { chunk, detail: crashed("writing the chunk's workbook") },
                },
            )])
        }
        Own::ChunkWritten { chunk, blob, bytes } => {
            let known = ledger.file(chunk.file).ok_or(Stale)?;
            chunk_of(known, chunk).ok().filter(|chunk| chunk.workbook.is_none()).ok_or(Stale)?;
            Ok(vec![on(chunk.file, Fact::ChunkWritten { chunk: chunk.index, blob, bytes })])
        }
        Own::ChunkFailed { chunk, detail } => {
            let known = ledger.file(chunk.file).ok_or(Stale)?;
            let open = |known: &&Chunk| known.workbook.is_none() && known.failed.is_none();
            chunk_of(known, chunk).ok().filter(open).ok_or(Stale)?;
            Ok(vec![on(chunk.file, Fact::ChunkFailed { chunk: chunk.index, detail })])
        }
        Own::StartReconciliation { id } => {
            let known = ledger.file(id.file).and_then(UsageFile::current_extraction).ok_or(Stale)?;
            let reconciliation = known.reconciliations.get(&id.index).ok_or(Stale)?;
            let index = id.index;
            Ok(vec![on(
                id.file,
                match next_attempt(reconciliation.attempt) {
                    Some(attempt) => Fact::ReconciliationStarted { reconciliation: index, attempt, checkpoint: None },
                    None => Fact::ReconciliationFailed { reconciliation: index, detail: crashed("reading it") },
                },
            )])
        }
        Own::Reconciled(read) => reconciled(ledger, &read),
        Own::NotReconciled { id, detail } => {
            let known = ledger.file(id.file).and_then(UsageFile::current_extraction).ok_or(Stale)?;
            known.reconciliations.get(&id.index).filter(|known| known.end.is_none()).ok_or(Stale)?;
            Ok(vec![on(id.file, Fact::ReconciliationFailed { reconciliation: id.index, detail })])
        }
    }
}

fn crashed(what: &str) -> String {
    format!("The service stopped three times while {what}. The operator finds the reason in its log.")
}

/// Records, quantity and amount by currency and tier.
type Sums<'a> = BTreeMap<(&'a str, Option<u8>), (u32, Decimal, Decimal)>;

fn sums<'a>(totals: impl IntoIterator<Item = &'a Total>) -> Sums<'a> {
    let mut sums = Sums::new();
    for total in totals {
        let sum = sums.entry((total.currency.as_str(), total.tier)).or_default();
        sum.0 = sum.0.saturating_add(total.records);
        sum.1 = sum.1.saturating_add(total.quantity);
        sum.2 = sum.2.saturating_add(total.amount);
    }
    // A total of nothing is the same as none: a file has one even where every record of it is exempt.
    sums.retain(|_, sum| *sum != (0, Decimal::ZERO, Decimal::ZERO));
    sums
}

/// Why a division is not one of the file; none when every valid record is in exactly one chunk or exempt, to the last
/// digit of the totals (design §11).
fn mismatch(file: &UsageFile, divisions: &[Division], exempt: &[Exemption]) -> Option<String> {
    if divisions.len() > CHUNKS_MAX {
        return Some(format!("The file would have {} chunks; {CHUNKS_MAX} fit a file.", divisions.len()));
    }
    let mut rows = RowSet::default();
    divisions.iter().for_each(|division| rows.absorb(&division.rows));
    exempt.iter().for_each(|exemption| rows.absorb(&exemption.rows));
    let in_chunks: u32 = divisions.iter().map(|division| division.rows.len()).sum();
    let left_out: u32 = exempt.iter().map(|exemption| exemption.rows.len()).sum();
    let (parts, whole) = (sums(divisions.iter().flat_map(|division| &division.totals)), sums(file.totals()));
    let (apart, named) = (sums(exempt.iter().flat_map(|exemption| &exemption.totals)), sums(file.exempt_totals()));
    let all = in_chunks + left_out;
    if all == file.checking.valid && rows.len() == all && parts == whole && apart == named {
        return None;
    }
    let quantity =
        |sums: &Sums<'_>| sums.values().fold(Decimal::ZERO, |sum, (_, quantity, _)| sum.saturating_add(*quantity));
    Some(format!(
        "The chunks hold {in_chunks} records and {}, exempt are {left_out} and {}; the file has {} records, {} to bill \
         and {} exempt: nothing was extracted. The operator should run an audit.",
        quantity(&parts),
        quantity(&apart),
        file.checking.valid,
        quantity(&whole),
        quantity(&named),
    ))
}

fn divided(
    ledger: &Ledger,
    file: FileId,
    upload: u32,
    divisions: Vec<Division>,
    exempt: Vec<Exemption>,
) -> Result<Facts, Stale> {
    let known = ledger.file(file).filter(|known| known.upload() == upload).ok_or(Stale)?;
    if known.current_extraction().is_none_or(|extraction| extraction.extracted) {
        return Err(Stale);
    }
    if let Some(detail) = mismatch(known, &divisions, &exempt) {
        return Ok(vec![on(file, Fact::ChunkFailed { chunk: 0, detail })]);
    }
    let mut facts = Facts::new();
    let chunks = u16::try_from(divisions.len()).unwrap_or(u16::MAX);
    let mut extracted: u32 = 0;
    for (chunk, division) in (1..=chunks).zip(divisions) {
        let Division { hub, hub_external_id, rows, totals } = division;
        let records = rows.len();
        extracted += records;
        facts.push(on(file, Fact::ChunkOpened { upload, chunk, hub, hub_external_id, totals, records }));
        let pieces = rows.split(FACT_BLOCKS_MAX).into_iter();
        facts.extend(pieces.map(|rows| on(file, Fact::ChunkFilled { upload, chunk, rows })));
    }
    for Exemption { reason, rows, mut totals } in exempt {
        for rows in rows.split(FACT_BLOCKS_MAX) {
            // Totals are of all pieces, and stand in the first.
            let (records, totals) = (rows.len(), std::mem::take(&mut totals));
            facts.push(on(file, Fact::RecordsExempted { upload, reason, rows, records, totals }));
        }
    }
    facts.push(on(file, Fact::FileExtracted { upload, chunks, records: extracted }));
    // Where nothing is billed nobody closes anything. An estimate waits for the actual file all the same.
    if extracted == 0 && !known.is_estimate() {
        facts.push(on(file, file_closed(known, 0)));
    }
    Ok(facts)
}

fn reconciled(ledger: &Ledger, read: &Reconciled) -> Result<Facts, Stale> {
    let Reconciled { id, rows, problems, problem_count, .. } = read;
    let file = ledger.file(id.file).ok_or(Stale)?;
    let extraction = file.current_extraction().ok_or(Stale)?;
    let reconciliation = extraction.reconciliations.get(&id.index).ok_or(Stale)?;
    // Where records were closed meanwhile the result would say otherwise: it is read once more, in another attempt.
    let overtaken = extraction.closings.len() != read.closings;
    if reconciliation.end.is_some() || (overtaken && reconciliation.attempt < ATTEMPTS_MAX) {
        return Err(Stale);
    }
    let rows = open_rows(extraction, rows.each());
    let closed = rows.rows.len();
    let open = extraction.open().saturating_sub(closed);
    let mut facts = Facts::new();
    if closed > 0 {
        facts = closing(id.file, file, extraction, rows, ClosedBy::Reconciliation(id.index));
    }
    let still = open_examples(extraction, &facts, open);
    let mut summary = format!("{closed} records closed, {open} open{still}.");
    if *problem_count > 0 {
        summary.push_str(&format!(" {problem_count} rows were not used: {}", problems.join(" ")));
    }
    if overtaken {
        summary.push_str(" It has no result to download: records were closed while it was read.");
    }
    let (reconciliation, processed) = (id.index, read.processed.filter(|_| !overtaken));
    facts.push(on(id.file, Fact::ReconciliationProcessed { reconciliation, closed, open, summary, processed }));
    Ok(facts)
}

/// The first rows that a partial reconciliation left open, so that the provider knows where to look (design §12).
fn open_examples(extraction: &Extraction, facts: &Facts, open: u32) -> String {
    const SHOWN: usize = 5;
    if open == 0 {
        return String::new();
    }
    let mut closed = extraction.closed.clone();
    for (_, fact) in facts {
        if let Fact::RecordsClosed { rows, .. } = fact {
            closed.absorb(&rows.rows);
        }
    }
    let open_of =
        |chunk: &Chunk| chunk.rows.iter().filter(|row| !closed.contains(*row)).take(SHOWN).collect::<Vec<_>>();
    let mut rows: Vec<u32> = extraction.chunks.values().flat_map(open_of).collect();
    // In the file's order, not hub by hub.
    rows.sort_unstable();
    let rows: Vec<String> = rows.iter().take(SHOWN).map(u32::to_string).collect();
    let more = if open as usize > SHOWN { ", …" } else { "" };
    format!(" (rows {}{more})", rows.join(", "))
}
