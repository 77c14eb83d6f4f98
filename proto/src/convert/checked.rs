//! Batches of records as checked.

use std::collections::HashMap;
use std::hash::Hash;

use ledger::Moment;
use ledger::amount::Decimal;
use ledger::record::{
    BATCH_BYTES_MAX, BATCH_RECORDS_MAX, CheckedBatch, CheckedRecord, ItemFacts, RecordError, SubscriptionFacts,
};
use prost::Message;

use super::catalog::{item_kind, item_kind_number};
use super::frame::{Limit, compress, decompress, limit_lists, row_steps, rows_of};
use super::validation::code;
use super::value::{decimal, each, named, narrow, object_id, optional_named};
use crate::error::WireError;
use crate::wire;

/// Bytes of a record's key.
const KEY_BYTES: usize = 12;
/// Text of errors and notes that a batch may unfold into: a sentence stands once in the bytes and again in every record
/// that has it, so a small batch could otherwise fill the memory. 1,024 records with sixteen errors of 200 bytes are
/// 3.2 MiB.
const SENTENCE_BYTES_MAX: usize = 8 * BATCH_BYTES_MAX;
/// Errors and notes of a batch: as many as there can be cells.
const REMARKS_MAX: usize = BATCH_RECORDS_MAX * ledger::record::RECORD_COLUMNS_MAX;

/// A batch as protobuf, compressed.
///
/// # Errors
/// [`WireError::BatchTooLarge`] when it is over the limits, so that the caller splits it; others when a record names
/// a subscription or an item that isn't there.
pub fn encode_checked_batch(batch: &CheckedBatch) -> Result<Vec<u8>, WireError> {
    compress(&plain(batch)?, batch.records.len())
}

/// Reads a batch, within its limits whatever the bytes say.
///
/// # Errors
/// Any [`WireError`]: the bytes are damaged, too large inside, or contradict themselves.
pub fn decode_checked_batch(stored: &[u8]) -> Result<CheckedBatch, WireError> {
    from_plain(&decompress(stored)?)
}

/// Values, each once, in the order of their first use: 1 is the first, 0 is none.
struct Numbers<T> {
    known: HashMap<T, u32>,
    values: Vec<T>,
}

impl<T: Copy + Eq + Hash> Numbers<T> {
    fn new() -> Self {
        Self { known: HashMap::new(), values: Vec::new() }
    }

    fn number_of(&mut self, value: T) -> u32 {
        *self.known.entry(value).or_insert_with(|| {
            self.values.push(value);
            u32::try_from(self.values.len()).unwrap_or(u32::MAX)
        })
    }

    fn column(&mut self, values: impl Iterator<Item = Option<T>>) -> Vec<u32> {
        blank_if_none(values.map(|value| value.map_or(0, |value| self.number_of(value))).collect())
    }
}

/// A column that says none for every record is left out.
fn blank_if_none(column: Vec<u32>) -> Vec<u32> {
    if column.iter().all(|&number| number == 0) { Vec::new() } else { column }
}

/// A batch as protobuf: what is frozen, since zstd's bytes may change with its version.
pub(crate) fn plain(batch: &CheckedBatch) -> Result<Vec<u8>, WireError> {
    let records = &batch.records;
    for (what, count) in [("subscriptions", batch.subscriptions.len()), ("items", batch.items.len())] {
        if count > BATCH_RECORDS_MAX {
            return Err(WireError::TooMany { what, count, max: BATCH_RECORDS_MAX });
        }
    }
    let mut sentences = Numbers::new();
    let Remarks { errors, warnings, notes } = remarks_to_wire(records, &mut sentences)?;
    let (mut decimals, mut times) = (Numbers::new(), Numbers::new());
    let message = wire::CheckedBatch {
        row_steps: row_steps(records.iter().map(|it| it.row))?,
        keys: records.iter().flat_map(|it| it.key).collect(),
        subscription_refs: refs(records.iter().map(|it| it.subscription), batch.subscriptions.len())?,
        item_refs: refs(records.iter().map(|it| it.item), batch.items.len())?,
        quantity_refs: decimals.column(records.iter().map(|it| it.quantity)),
        amount_refs: decimals.column(records.iter().map(|it| it.amount)),
        tiers_plus_one: blank_if_none(records.iter().map(|it| it.tier.map_or(0, |tier| u32::from(tier) + 1)).collect()),
        start_refs: times.column(records.iter().map(|it| it.start)),
        end_refs: times.column(records.iter().map(|it| it.end)),
        errors: (!errors.records.is_empty()).then_some(errors),
        notes: (!notes.records.is_empty()).then_some(notes),
        warnings: (!warnings.records.is_empty()).then_some(warnings),
        subscriptions: batch.subscriptions.iter().map(wire::SubscriptionFacts::from).collect(),
        items: batch.items.iter().map(wire::ItemFacts::from).collect(),
        decimals: decimals.values.iter().map(Decimal::to_string).collect(),
        times_micros: times.values.iter().map(|time| time.0).collect(),
        sentences: sentences.values.iter().map(|&sentence| sentence.to_owned()).collect(),
    };
    Ok(message.encode_to_vec())
}

fn refs(indexes: impl Iterator<Item = Option<u32>>, length: usize) -> Result<Vec<u32>, WireError> {
    let reference = |index: Option<u32>| match index {
        None => Ok(0),
        Some(index) if (index as usize) < length => Ok(index + 1),
        Some(_) => Err(WireError::Inconsistent { what: "a record names a subscription or an item that isn't there" }),
    };
    indexes.map(reference).collect::<Result<_, _>>().map(blank_if_none)
}

/// What is said of the records of a batch, on the wire.
#[derive(Default)]
struct Remarks {
    errors: wire::CheckedErrors,
    warnings: wire::CheckedErrors,
    notes: wire::CheckedNotes,
}

fn remarks_to_wire<'a>(records: &'a [CheckedRecord], sentences: &mut Numbers<&'a str>) -> Result<Remarks, WireError> {
    let mut remarks = Remarks::default();
    let mut unfolded = 0;
    let mut number_of = |text: &'a str| {
        unfolded += text.len();
        if text.is_empty() { 0 } else { sentences.number_of(text) }
    };
    for (index, record) in (0_u32..).zip(records) {
        for (table, found) in [(&mut remarks.errors, &record.errors), (&mut remarks.warnings, &record.warnings)] {
            for error in found {
                table.records.push(index);
                table.codes.push(error.code.number().into());
                table.columns_plus_one.push(error.column.map_or(0, |column| u32::from(column) + 1));
                table.message_refs.push(number_of(&error.message));
                table.fix_refs.push(number_of(&error.fix));
            }
        }
        for note in &record.notes {
            remarks.notes.records.push(index);
            remarks.notes.sentence_refs.push(number_of(note));
        }
    }
    let most = remarks.errors.records.len().max(remarks.warnings.records.len()).max(remarks.notes.records.len());
    if unfolded > SENTENCE_BYTES_MAX || most > REMARKS_MAX {
        return Err(WireError::BatchTooLarge { stored: 0, plain: unfolded });
    }
    Ok(remarks)
}

pub(crate) fn from_plain(plain: &[u8]) -> Result<CheckedBatch, WireError> {
    // Two values of a record are decimals and two are times; the other lists name at most one element for each.
    let pairs = BATCH_RECORDS_MAX * 2;
    limit_lists(
        plain,
        &[
            Limit::list(&[12], "subscriptions", BATCH_RECORDS_MAX),
            Limit::list(&[13], "items", BATCH_RECORDS_MAX),
            Limit::list(&[14], "decimals", pairs),
            Limit::list(&[16], "sentences", REMARKS_MAX * 5),
        ],
    )?;
    let it = wire::CheckedBatch::decode(plain)?;
    let mut records = blank_records(&it)?;
    let decimals: Vec<Decimal> = it.decimals.iter().map(|it| decimal(it, "decimals")).collect::<Result<_, _>>()?;
    let times: Vec<Moment> = it.times_micros.into_iter().map(Moment).collect();
    fill(&mut records, &it.quantity_refs, |record, number| set(&mut record.quantity, &decimals, number))?;
    fill(&mut records, &it.amount_refs, |record, number| set(&mut record.amount, &decimals, number))?;
    fill(&mut records, &it.start_refs, |record, number| set(&mut record.start, &times, number))?;
    fill(&mut records, &it.end_refs, |record, number| set(&mut record.end, &times, number))?;
    let (subscriptions, items) = (it.subscriptions.len(), it.items.len());
    fill(&mut records, &it.subscription_refs, |record, number| index(&mut record.subscription, subscriptions, number))?;
    fill(&mut records, &it.item_refs, |record, number| index(&mut record.item, items, number))?;
    fill(&mut records, &it.tiers_plus_one, |record, number| {
        record.tier = number.checked_sub(1).map(|tier| narrow(tier, "tiers_plus_one")).transpose()?;
        Ok(())
    })?;
    let remarks = Remarks {
        errors: it.errors.unwrap_or_default(),
        warnings: it.warnings.unwrap_or_default(),
        notes: it.notes.unwrap_or_default(),
    };
    add_remarks(&mut records, &remarks, &it.sentences)?;
    Ok(CheckedBatch { records, subscriptions: each(it.subscriptions)?, items: each(it.items)? })
}

fn blank_records(it: &wire::CheckedBatch) -> Result<Vec<CheckedRecord>, WireError> {
    let rows = rows_of(&it.row_steps)?;
    let (keys, rest) = it.keys.as_chunks::<KEY_BYTES>();
    if keys.len() != rows.len() || !rest.is_empty() {
        return Err(UNEQUAL);
    }
    let record = |(row, &key)| CheckedRecord { row, key, ..CheckedRecord::default() };
    Ok(rows.into_iter().zip(keys).map(record).collect())
}

const UNEQUAL: WireError = WireError::Inconsistent { what: "a column is shorter or longer than the batch" };
const NOWHERE: WireError = WireError::Inconsistent { what: "a record refers to what isn't there" };

fn fill(
    records: &mut [CheckedRecord],
    column: &[u32],
    mut put: impl FnMut(&mut CheckedRecord, u32) -> Result<(), WireError>,
) -> Result<(), WireError> {
    if !column.is_empty() && column.len() != records.len() {
        return Err(UNEQUAL);
    }
    records.iter_mut().zip(column).try_for_each(|(record, &number)| put(record, number))
}

fn set<T: Copy>(target: &mut Option<T>, values: &[T], number: u32) -> Result<(), WireError> {
    let Some(index) = (number as usize).checked_sub(1) else { return Ok(()) };
    *target = Some(*values.get(index).ok_or(NOWHERE)?);
    Ok(())
}

fn index(target: &mut Option<u32>, length: usize, number: u32) -> Result<(), WireError> {
    *target = number.checked_sub(1);
    if number as usize <= length { Ok(()) } else { Err(NOWHERE) }
}

/// Sentences by their number, counted as they unfold.
struct Sentences<'a> {
    all: &'a [String],
    unfolded: usize,
}

impl Sentences<'_> {
    fn take(&mut self, number: u32) -> Result<String, WireError> {
        let Some(index) = (number as usize).checked_sub(1) else { return Ok(String::new()) };
        let text = self.all.get(index).ok_or(NOWHERE)?;
        self.unfolded += text.len();
        if self.unfolded > SENTENCE_BYTES_MAX { Err(TOO_WORDY) } else { Ok(text.clone()) }
    }
}

fn add_remarks(records: &mut [CheckedRecord], remarks: &Remarks, all: &[String]) -> Result<(), WireError> {
    let mut sentences = Sentences { all, unfolded: 0 };
    each_remark(records, &remarks.errors, &mut sentences, |record, error| record.errors.push(error))?;
    each_remark(records, &remarks.warnings, &mut sentences, |record, warning| record.warnings.push(warning))?;
    let notes = &remarks.notes;
    if notes.records.len() != notes.sentence_refs.len() {
        return Err(RAGGED);
    }
    check_order(&notes.records)?;
    for (&record, &note) in notes.records.iter().zip(&notes.sentence_refs) {
        let note = sentences.take(note)?;
        records.get_mut(record as usize).ok_or(NOWHERE)?.notes.push(note);
    }
    Ok(())
}

fn each_remark(
    records: &mut [CheckedRecord],
    table: &wire::CheckedErrors,
    sentences: &mut Sentences<'_>,
    put: impl Fn(&mut CheckedRecord, RecordError),
) -> Result<(), WireError> {
    let columns = [&table.codes, &table.columns_plus_one, &table.message_refs, &table.fix_refs];
    if columns.iter().any(|column| column.len() != table.records.len()) {
        return Err(RAGGED);
    }
    check_order(&table.records)?;
    for (at, &record) in table.records.iter().enumerate() {
        let [code_number, column, message, fix] = columns.map(|column| column.get(at).copied().unwrap_or(0));
        let column = column.checked_sub(1).map(|column| narrow(column, "columns_plus_one")).transpose()?;
        let (message, fix) = (sentences.take(message)?, sentences.take(fix)?);
        let record = records.get_mut(record as usize).ok_or(NOWHERE)?;
        put(record, RecordError { code: code(code_number)?, column, message, fix });
    }
    Ok(())
}

fn check_order(records: &[u32]) -> Result<(), WireError> {
    if records.len() > REMARKS_MAX {
        return Err(TOO_WORDY);
    }
    let unordered = WireError::Inconsistent { what: "a table of errors or notes doesn't follow the records" };
    if records.is_sorted() { Ok(()) } else { Err(unordered) }
}

const RAGGED: WireError = WireError::Inconsistent { what: "a table of errors or notes has columns of unequal length" };
const TOO_WORDY: WireError = WireError::Inconsistent { what: "its errors and notes unfold into too much text" };

impl From<&SubscriptionFacts> for wire::SubscriptionFacts {
    fn from(it: &SubscriptionFacts) -> Self {
        Self {
            id: it.id.to_string(),
            external_id: it.external_id.clone(),
            external_uid: it.external_uid.clone(),
            recon_id: it.recon_id.clone(),
            hub: it.hub.as_ref().map(wire::Named::from),
            customer_external_id: it.customer_external_id.clone(),
            customer_name: it.customer_name.clone(),
        }
    }
}

impl TryFrom<wire::SubscriptionFacts> for SubscriptionFacts {
    type Error = WireError;

    fn try_from(it: wire::SubscriptionFacts) -> Result<Self, WireError> {
        Ok(Self {
            id: object_id(&it.id, "id")?,
            external_id: it.external_id,
            external_uid: it.external_uid,
            recon_id: it.recon_id,
            hub: optional_named(it.hub)?,
            customer_external_id: it.customer_external_id,
            customer_name: it.customer_name,
        })
    }
}

impl From<&ItemFacts> for wire::ItemFacts {
    fn from(it: &ItemFacts) -> Self {
        Self {
            named: Some((&it.named).into()),
            mpn: it.mpn.clone(),
            unit: it.unit.clone(),
            period: it.period.clone(),
            kind: item_kind_number(it.kind),
            places: it.places.into(),
        }
    }
}

impl TryFrom<wire::ItemFacts> for ItemFacts {
    type Error = WireError;

    fn try_from(it: wire::ItemFacts) -> Result<Self, WireError> {
        Ok(Self {
            named: named(it.named, "named")?,
            mpn: it.mpn,
            unit: it.unit,
            period: it.period,
            kind: item_kind(it.kind)?,
            places: narrow(it.places, "places")?,
        })
    }
}
