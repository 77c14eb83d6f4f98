//! Checking the records of an old file again: by the rules of this version, against today's catalog or another one, and with
//! everything else as validation knew it then.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use ledger::fact::{RecordsChecked, Work};
use ledger::record::{CheckedBatch, CheckedRecord, ReadBatch, RecordError};
use ledger::{Catalog, Context, Fact, FileId, HostId, Moment, Scope, ServiceName};
use proto::decode_checked_batch;
use runtime::blobs::Blobs;
use runtime::clock::Clock;
use runtime::decider::{Decider, Stale};
use runtime::records::{Records, RecordsError};
use runtime::replay::{Bench, known_at, last_ended, perform};
use serde::Serialize;
use validation::ValidationService;

use super::AuditError;
use super::fold::{Until, fold};
use super::place::Place;

/// The column that names a record.
const RECORD_ID: &str = "record_id";

/// The catalog that records are checked against.
#[derive(Clone, Debug)]
pub enum Against {
    /// As the log of the catalog has it, up to a point.
    Recorded(Until),
    /// One that nobody recorded.
    Given(Box<Catalog>),
}

/// A record of which something else is found now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Its row in the sheet.
    pub row: u32,
    /// The vendor's id of it.
    pub record_id: String,
    /// What is otherwise: what was found then, and what is found now. An empty text is nothing.
    pub changes: BTreeMap<&'static str, [String; 2]>,
}

/// What was found of a file, then and now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Records without an error.
    pub valid: u64,
    /// Records with one.
    pub invalid: u64,
}

/// How a file was checked again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Revalidated {
    /// Then.
    pub then: Verdict,
    /// Now.
    pub now: Verdict,
    /// Records of which something else is found.
    pub differing: u64,
    /// The position of the catalog that it was checked against then,
    pub catalog_then: u64,
    /// and now; none for one that nobody recorded.
    pub catalog_now: Option<u64>,
}

impl Verdict {
    fn add(&mut self, record: &CheckedRecord) {
        let count = if record.is_valid() { &mut self.valid } else { &mut self.invalid };
        *count += 1;
    }
}

/// Checks the records of a file again, and gives each of which something else is found, in the order of rows. Blocks.
///
/// # Errors
/// When the file was never checked, or a log can't be read.
pub fn revalidate(
    place: &Place,
    file: FileId,
    against: Against,
    temp: &Path,
    mut take: impl FnMut(Difference),
) -> Result<Revalidated, AuditError> {
    let host = HostId { service: ServiceName::Validation, partition: file.partition() };
    let log = place.log(host)?;
    let Some((begun, Fact::FileChecked(checked))) = last_ended(log, file, Work::Check)? else {
        return Err(AuditError::NeverChecked { file });
    };
    let service = ValidationService::open(temp, 0)?;
    let mut ledger = known_at(&service, log, begun)?;
    let mut report = Revalidated { catalog_then: ledger.catalog.position, ..Revalidated::default() };
    let is_recorded = matches!(against, Against::Recorded(_));
    ledger.catalog = catalog(place, against)?;
    report.catalog_now = is_recorded.then_some(ledger.catalog.position);
    let job = service.job(&ledger, file).ok_or(AuditError::NeverChecked { file })?;
    let columns = ledger.file(file).map_or(&[][..], |known| known.columns());
    let id_column = columns.iter().position(|column| column.name == RECORD_ID);
    let (blobs, records) = (Arc::new(Blobs::open(temp)?), place.records());
    let bench = Bench { blobs, records: records.clone(), clock: Clock::Machine, cache: temp.to_owned() };
    let (mut then, mut broken) = (checked.parts.iter(), None);
    perform(&service, job, file, &bench, |own| {
        let context = Context { now: Moment::default(), scope: Scope::service(host.service) };
        for (_, fact) in service.conclude(&ledger, own, &context)? {
            let (Fact::RecordsChecked(now), Some(then)) = (fact, then.next()) else { return Err(Stale) };
            let compared = both(&records, file, then.sequence, &now).map(|(read, then, now)| {
                let id_of = |index| id_column.map_or("", |column| read.cell(index, column).text);
                compare(&mut report, id_of, &then, &now, &mut take);
            });
            if let Err(error) = compared {
                broken = Some(error);
                return Err(Stale);
            }
        }
        // Nobody looks at the sequence that it would have.
        Ok((Vec::new(), vec![0]))
    });
    broken.map_or(Ok(report), |error| Err(error.into()))
}

/// A batch as it was read, and what was found in it then and now.
fn both(
    records: &Records,
    file: FileId,
    then: u64,
    now: &RecordsChecked,
) -> Result<(ReadBatch, CheckedBatch, CheckedBatch), RecordsError> {
    let host = HostId { service: ServiceName::Validation, partition: file.partition() };
    let (read, _) = records.read(file, now.read_sequence)?;
    let wire = |source| RecordsError::Wire { host, sequence: then, source };
    Ok((read, records.checked(file, then)?, decode_checked_batch(&now.payload).map_err(wire)?))
}

fn compare<'a>(
    report: &mut Revalidated,
    id_of: impl Fn(usize) -> &'a str,
    then: &CheckedBatch,
    now: &CheckedBatch,
    take: &mut impl FnMut(Difference),
) {
    for (index, (before, after)) in then.records.iter().zip(&now.records).enumerate() {
        report.then.add(before);
        report.now.add(after);
        let (mut before, mut after) = (found(before, then), found(after, now));
        let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
        let each = names
            .into_iter()
            .map(|name| (name, [before.remove(name).unwrap_or_default(), after.remove(name).unwrap_or_default()]));
        let changes: BTreeMap<_, _> = each.filter(|(_, [before, after])| before != after).collect();
        if !changes.is_empty() {
            report.differing += 1;
            let row = now.records.get(index).map_or(0, |record| record.row);
            take(Difference { row, record_id: id_of(index).to_owned(), changes });
        }
    }
}

/// What was found of a record, by names that an auditor reads.
fn found(record: &CheckedRecord, batch: &CheckedBatch) -> BTreeMap<&'static str, String> {
    let told = |all: &[RecordError]| {
        all.iter().map(|error| format!("{}: {}", error.code, error.sentences())).collect::<Vec<_>>().join("\n")
    };
    let text = |value: Option<String>| value.unwrap_or_default();
    let mut all = BTreeMap::from([
        ("errors", told(&record.errors)),
        ("warnings", told(&record.warnings)),
        ("quantity", text(record.quantity.map(|quantity| quantity.to_string()))),
        ("amount", text(record.amount.map(|amount| amount.to_string()))),
        ("tier", text(record.tier.map(|tier| tier.to_string()))),
        ("start", text(record.start.map(Moment::iso))),
        ("end", text(record.end.map(Moment::iso))),
    ]);
    let at = |index: u32| usize::try_from(index).unwrap_or(usize::MAX);
    if let Some(known) = record.subscription.and_then(|index| batch.subscriptions.get(at(index))) {
        all.extend([
            ("subscription", known.id.to_string()),
            ("subscription external id", known.external_id.clone()),
            ("subscription external uid", known.external_uid.clone()),
            ("reconciliation id", known.recon_id.clone()),
            ("hub", text(known.hub.as_ref().map(|hub| format!("{} {}", hub.id, hub.name)))),
            ("customer external id", known.customer_external_id.clone()),
            ("customer", known.customer_name.clone()),
        ]);
    }
    if let Some(known) = record.item.and_then(|index| batch.items.get(at(index))) {
        all.extend([
            ("item", format!("{} {}", known.named.id, known.named.name)),
            ("item part number", known.mpn.clone()),
            ("item unit", known.unit.clone()),
            ("item billing period", known.period.clone()),
            ("item kind", known.kind.sheet().to_owned()),
            ("item decimals", known.places.to_string()),
        ]);
    }
    all
}

fn catalog(place: &Place, against: Against) -> Result<Arc<Catalog>, AuditError> {
    let until = match against {
        Against::Given(catalog) => return Ok(catalog.into()),
        Against::Recorded(until) => until,
    };
    let log = place.log(HostId::new(ServiceName::Catalog, 0))?.clone();
    Ok(fold(&[log.into()], &until, 1, &AtomicU64::default())?.gateway.catalog)
}
