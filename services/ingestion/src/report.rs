//! Reported records, decided: which of them a file takes, and the batches in which they are laid down.

use ledger::batch::BatchBuilder;
use ledger::fact::{FileColumn, RecordsRead};
use ledger::record::{CellKind, RECORD_COLUMNS_MAX};
use ledger::report::{Receipt, ReportedRecords};
use ledger::{Context, Fact, FileId, Hash, Ledger, Rejection, Subject};
use runtime::decider::Facts;
use runtime::log::APPEND_BYTES_MAX;
use workbook::columns;

use crate::categories::{self, TooMany};
use crate::read::{RECORDS_MAX, Stopped, pieces, stored};
use crate::reported::{Collected, OPEN_RECORDS_MAX, Reported};

/// What one call may add to the log: it is appended as a whole.
const CALL_BYTES_MAX: usize = APPEND_BYTES_MAX * 3 / 4;

/// Decides a call. Records that the file has already, or that were refused, change nothing.
pub(crate) fn decide(
    reported: &Reported,
    ledger: &Ledger,
    call: &ReportedRecords,
    context: &Context,
) -> Result<Facts, Rejection> {
    let file = ledger.file(call.file).filter(|file| context.scope.sees(file)).ok_or(Rejection::NotFound)?;
    if !context.scope.plays_vendor() {
        return Err(Rejection::RoleNotAllowed);
    }
    let sealed = Rejection::ReportSealed { file: call.file };
    let known = reported.get(call.file).filter(|_| file.collects()).ok_or(sealed)?;
    let receipts = reported.receipts(call);
    let added: Vec<(usize, u32)> = (0..)
        .zip(&receipts)
        .filter_map(|(index, receipt)| match receipt {
            Receipt::Added { row } => Some((index, *row)),
            _ => None,
        })
        .collect();
    if added.is_empty() {
        return Ok(Facts::new());
    }
    check_room(reported, known, call.file, added.len())?;
    check_categories(known, call, &added)?;
    let columns = Columns::of(known, call, &added)?;
    let batches = batches(known, call, &added, &columns, file.upload())?;
    let mut facts = Vec::with_capacity(batches.len() + 2);
    if file.current_reading().is_none() {
        facts.push(Fact::ReadStarted { upload: file.upload(), attempt: 1 });
    }
    if !columns.new.is_empty() {
        facts.push(Fact::ColumnsReported { upload: file.upload(), columns: columns.new });
    }
    facts.extend(batches.into_iter().map(|read| Fact::RecordsRead(Box::new(read))));
    Ok(facts.into_iter().map(|fact| (Subject::File(call.file), fact)).collect())
}

fn check_room(reported: &Reported, known: &Collected, file: FileId, added: usize) -> Result<(), Rejection> {
    let full = (known.records as usize).saturating_add(added) > RECORDS_MAX as usize;
    if full {
        let message =
            format!("Usage file {file} has {} records and takes {RECORDS_MAX} at most. Seal it.", known.records);
        return Err(Rejection::TooLarge { message });
    }
    if reported.open_records().saturating_add(added) > OPEN_RECORDS_MAX {
        let message = format!("The open usage files hold {OPEN_RECORDS_MAX} reported records. Seal some of them.");
        return Err(Rejection::TooLarge { message });
    }
    Ok(())
}

fn check_categories(known: &Collected, call: &ReportedRecords, added: &[(usize, u32)]) -> Result<(), Rejection> {
    let Some(column) = call.columns.iter().position(|name| name == categories::COLUMN) else { return Ok(()) };
    let named = added.iter().map(|&(index, _)| call.batch.cell(index, column).text);
    let mut new = named.filter(|id| !known.categories.knows(id)).peekable();
    if new.peek().is_none() {
        return Ok(());
    }
    let mut categories = known.categories.clone();
    let named = new.try_for_each(|id| categories.name(id));
    named.map_err(|TooMany| Rejection::TooLarge { message: TooMany::SENTENCE.to_owned() })
}

/// Where the columns of a call stand in the file's batches.
struct Columns {
    places: Vec<Option<usize>>,
    count: usize,
    /// Those that the file hasn't had yet.
    new: Vec<FileColumn>,
}

impl Columns {
    /// Every known column from the first call on, then the vendor's own as they come.
    fn of(known: &Collected, call: &ReportedRecords, added: &[(usize, u32)]) -> Result<Self, Rejection> {
        let mut names = known.names();
        let had = names.len();
        if names.is_empty() {
            names.extend(columns::RECORDS.iter().map(|column| column.name.to_owned()));
        }
        let mut places = Vec::with_capacity(call.columns.len());
        for (column, name) in call.columns.iter().enumerate() {
            let is_used = || added.iter().any(|&(index, _)| !call.batch.cell(index, column).text.is_empty());
            let place = names.iter().position(|known| known == name);
            places.push(place.or_else(|| {
                is_used().then(|| {
                    names.push(name.clone());
                    names.len() - 1
                })
            }));
        }
        if names.len() > RECORD_COLUMNS_MAX {
            let message = format!("A usage file has at most {RECORD_COLUMNS_MAX} columns; with these it has more.");
            return Err(Rejection::field("records", message));
        }
        let column = |(at, name): (usize, &String)| FileColumn {
            name: name.clone(),
            header: name.clone(),
            sheet_column: u16::try_from(at).unwrap_or(u16::MAX),
        };
        let new = names.iter().enumerate().skip(had).map(column).collect();
        Ok(Self { places, count: names.len(), new })
    }
}

fn batches(
    known: &Collected,
    call: &ReportedRecords,
    added: &[(usize, u32)],
    columns: &Columns,
    upload: u32,
) -> Result<Vec<RecordsRead>, Rejection> {
    let mut builder = BatchBuilder::new(columns.count);
    let mut whole = Vec::new();
    let mut salts = (0_u32..).map(|number| Hash::of_parts(&[&call.batch.salt_key, &number.to_le_bytes()]).0);
    let mut take = |builder: &mut BatchBuilder| whole.push(builder.take(salts.next().unwrap_or_default()));
    for &(index, row) in added {
        if builder.is_full() {
            take(&mut builder);
        }
        builder.begin(row);
        for (column, place) in columns.places.iter().enumerate() {
            let cell = call.batch.cell(index, column);
            if let Some(place) = place
                && !cell.text.is_empty()
            {
                builder.cell(*place, CellKind::Text, cell.text);
            }
        }
    }
    take(&mut builder);
    let mut reads = Vec::with_capacity(whole.len());
    let mut bytes = 0_usize;
    for batch in whole {
        let pieces = pieces(batch).map_err(|stopped| match stopped {
            Stopped::Unreadable(detail) => Rejection::TooLarge { message: detail },
            Stopped::Stale => Rejection::Unavailable,
        });
        for (batch, payload) in pieces? {
            bytes = bytes.saturating_add(payload.len());
            reads.push(stored((upload, 1), known.parts.len() + reads.len(), &batch, payload));
        }
    }
    if bytes > CALL_BYTES_MAX {
        let message =
            format!("The records take {bytes} bytes when stored, of at most {CALL_BYTES_MAX} a call. Send fewer.");
        return Err(Rejection::TooLarge { message });
    }
    Ok(reads)
}
