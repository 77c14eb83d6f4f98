//! Goal: of whatever file, what was valid is what was extracted and what is exempt, and in the end what is closed, by
//! currency and tier (design §11). Method: random files of every schema, divided as the job does it, and closed in
//! random portions; the sums are taken from the records anew.

use std::collections::BTreeMap;

use ledger::catalog::{ItemKind, Schema};
use ledger::fact::{ExemptReason, FileCreated, Total};
use ledger::record::{CheckedBatch, CheckedRecord, ItemFacts, RecordError, SubscriptionFacts};
use ledger::{Code, Command, Decimal, Fact, Rejection, Status};

use super::world::{World, billing, created, file, id, named, provider};
use crate::divide::{Divide, Shares};
use crate::{Division, Exemption, Own};

/// A linear congruential generator: the same numbers for the same seed on any machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(self.0 >> 33).unwrap() % bound
    }

    fn decimal(&mut self) -> Decimal {
        Decimal::from_units(i128::from(self.below(2_000_000)) * 1_234_567 - 987_654_321)
    }
}

fn subscription(name: &str, hub: Option<&str>) -> SubscriptionFacts {
    SubscriptionFacts {
        id: id(name),
        external_id: String::new(),
        external_uid: String::new(),
        recon_id: String::new(),
        hub: hub.map(named),
        customer_external_id: String::new(),
        customer_name: String::new(),
    }
}

fn item(name: &str, kind: ItemKind) -> ItemFacts {
    let (mpn, unit, period) = (name.to_owned(), "unit".to_owned(), "monthly".to_owned());
    ItemFacts { named: named(name), mpn, unit, period, kind, places: 8 }
}

/// A file and its records.
struct Made {
    created: FileCreated,
    batches: Vec<CheckedBatch>,
    chunk_records_max: u32,
}

fn made(random: &mut Random) -> Made {
    let schema = [Schema::Qt, Schema::Pr, Schema::Cr, Schema::Tr][random.below(4) as usize];
    let currency = (schema != Schema::Qt).then(|| "EUR".to_owned());
    let predictive = random.below(4) == 0;
    let reserved = [0, 1, 3][random.below(3) as usize];
    let mut row = 1;
    let batches = (0..=random.below(4)).map(|_| {
        let records = (0..=random.below(12)).map(|_| {
            row += 1 + random.below(3);
            let wrong = RecordError { code: Code::CellBlank, column: None, message: String::new(), fix: String::new() };
            CheckedRecord {
                row,
                subscription: Some(random.below(3)),
                item: Some(u32::from(random.below(3) < reserved)),
                quantity: Some(random.decimal()),
                amount: (schema != Schema::Qt).then(|| random.decimal()),
                tier: (schema == Schema::Tr).then(|| u8::try_from(random.below(3)).unwrap()),
                errors: if random.below(5) == 0 { vec![wrong] } else { vec![] },
                ..CheckedRecord::default()
            }
        });
        CheckedBatch {
            records: records.collect(),
            subscriptions: vec![
                subscription("AS-1", Some("HB-1")),
                subscription("AS-2", Some("HB-2")),
                subscription("AS-3", None),
            ],
            items: vec![item("PRD-1-1", ItemKind::PayAsYouGo), item("PRD-1-2", ItemKind::Reservation)],
        }
    });
    let batches = batches.collect();
    let created = FileCreated { schema, currency, predictive, ..created() };
    Made { created, batches, chunk_records_max: 1 + random.below(9) }
}

type Sums = BTreeMap<(String, Option<u8>), (u32, Decimal, Decimal)>;

fn sums<'a>(totals: impl IntoIterator<Item = &'a Total>) -> Sums {
    let mut sums = Sums::new();
    for total in totals {
        let sum = sums.entry((total.currency.clone(), total.tier)).or_default();
        sum.0 += total.records;
        sum.1 = sum.1.saturating_add(total.quantity);
        sum.2 = sum.2.saturating_add(total.amount);
    }
    sums.retain(|_, sum| sum.0 > 0);
    sums
}

/// A total for each valid record that is billed, or for each that isn't.
fn of_records(made: &Made, exempt: bool) -> Vec<Total> {
    let mut totals = Vec::new();
    for batch in &made.batches {
        for record in batch.records.iter().filter(|record| record.is_valid()) {
            let reserved = record.item == Some(1);
            if (reserved || made.created.predictive) == exempt {
                totals.push(Total {
                    currency: made.created.currency.clone().unwrap_or_default(),
                    tier: record.tier,
                    records: 1,
                    quantity: record.quantity.unwrap_or_default(),
                    amount: record.amount.unwrap_or_default(),
                });
            }
        }
    }
    totals
}

fn divide(made: &Made, world: &World) -> (Vec<Division>, Vec<Exemption>) {
    let known = world.ledger.file(file()).unwrap();
    let job = Divide::new(&world.ledger, file(), known, made.chunk_records_max).unwrap();
    let mut shares = Shares::default();
    made.batches.iter().for_each(|batch| job.take(batch, &mut shares));
    job.shared(shares)
}

/// Closes what is open, by chunks and by records in turn.
fn close(random: &mut Random, world: &mut World, all: &[u32]) -> Vec<Fact> {
    let chunks: Vec<u16> = world.ledger.file(file()).unwrap().extraction.chunks.keys().copied().collect();
    chunks.iter().for_each(|chunk| world.written(*chunk));
    let mut said = Vec::new();
    for chunk in chunks {
        let some = all.iter().filter(|_| random.below(3) == 0).map(|row| (*row, billing("INV-1", ""))).collect();
        let records = Command::CloseRecords { file: file(), rows: some };
        // What is closed already is answered, not closed again.
        for command in [records, Command::CloseChunk { chunk: file().chunk(chunk), billing: billing("INV-2", "") }] {
            said.extend(world.does(&command).unwrap_or_default());
        }
    }
    said
}

fn check(seed: u64) {
    let mut random = Random(seed);
    let made = made(&mut random);
    let (billed, exempt) = (of_records(&made, false), of_records(&made, true));
    let valid = u32::try_from(billed.len() + exempt.len()).unwrap();
    let mut told = billed.clone();
    if made.created.schema != Schema::Tr {
        // Validation gives such a file a total even where nothing of it is billed.
        told.push(Total { currency: made.created.currency.clone().unwrap_or_default(), ..Total::default() });
    }
    let mut world = World::accepted_with(made.created.clone(), told, exempt.clone());
    let (divisions, exemptions) = divide(&made, &world);
    assert!(divisions.iter().all(|division| (1..=made.chunk_records_max).contains(&division.rows.len())), "{seed}");
    world.tells(Own::Divided { file: file(), upload: 1, divisions, exempt: exemptions }).unwrap();
    let extraction = world.ledger.file(file()).unwrap().extraction.clone();
    assert_eq!(extraction.failed, None, "{seed}");
    let extracted: Vec<Total> = extraction.chunks.values().flat_map(|chunk| chunk.totals.clone()).collect();
    let left_out: Vec<Total> = extraction.exempt.values().flat_map(|exempt| exempt.totals.clone()).collect();
    assert_eq!(sums(&extracted), sums(&billed), "{seed}");
    assert_eq!(sums(&left_out), sums(&exempt), "{seed}");
    let estimates = extraction.exempt.keys().filter(|reason| **reason == ExemptReason::Estimate).count();
    assert_eq!(estimates > 0, made.created.predictive && valid > 0, "{seed}");
    let rows: Vec<u32> = made.batches.iter().flat_map(|batch| &batch.records).map(|record| record.row).collect();
    let said = close(&mut random, &mut world, &rows);
    let known = world.ledger.file(file()).unwrap();
    assert_eq!((known.extraction.closed.len(), known.extraction.open()), (valid, 0), "{seed}");
    if made.created.predictive {
        assert_eq!(known.status(), Status::Accepted, "{seed}");
        let refused = world.asks(&provider(), &Command::CloseFile { file: file() });
        assert_eq!(refused, Err(Rejection::EstimateNotBilled), "{seed}");
        return;
    }
    assert_eq!(known.status(), Status::Closed, "{seed}");
    let ends = said.iter().filter_map(|fact| match fact {
        Fact::FileClosed { records, totals, .. } => Some((*records, sums(totals))),
        _ => None,
    });
    // Where nothing is billed the end came with the division.
    let expected = (!billed.is_empty()).then(|| (u32::try_from(billed.len()).unwrap(), sums(&billed)));
    assert_eq!(ends.collect::<Vec<_>>(), Vec::from_iter(expected), "{seed}");
}

#[test]
fn what_is_valid_is_extracted_or_exempt_and_in_the_end_closed() {
    (0..400).for_each(check);
}
