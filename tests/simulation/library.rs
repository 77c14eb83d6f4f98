//! What vendors and providers send, by the hash of the workbook that it would be in: jobs read it here, and so does the
//! model. Records that come one by one jobs read where ingestion laid them down.

use std::collections::BTreeMap;

use ledger::file::ReadingEnd;
use ledger::record::Billing;
use ledger::{Decimal, FileId, Hash, HostId, ServiceName, UsageFile};

use super::host::Said;
use super::reports::{Sent, laid_down};
use crate::random::Random;

/// Hubs of a provider; the last one stands for none.
pub(super) const HUBS: usize = 3;

/// A record as its vendor meant it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) row: u32,
    pub(super) valid: bool,
    /// It tells how a reservation is used.
    pub(super) reserved: bool,
    pub(super) hub: usize,
    pub(super) tier: u8,
    pub(super) quantity: Decimal,
    pub(super) amount: Decimal,
}

/// A usage workbook.
#[derive(Clone, Debug)]
pub(super) struct Usage {
    pub(super) readable: bool,
    pub(super) rows: Vec<Row>,
    /// The part number of an item that its records bring.
    pub(super) brings: Option<String>,
}

/// Everything that was sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Library {
    pub(super) usage: BTreeMap<Hash, Usage>,
    /// Which rows a reconciliation bills, and how.
    pub(super) reconciliations: BTreeMap<Hash, Vec<(u32, Billing)>>,
    /// Records that came by one call, each with whether the rules admitted it.
    pub(super) reports: BTreeMap<Hash, Vec<(Sent, bool)>>,
    /// What ingestion laid down of them, by where it says so.
    pub(super) laid: BTreeMap<(HostId, u64), Said>,
}

impl Library {
    /// What a file's current upload holds, as its services know the file.
    pub(super) fn usage_of(&self, file: FileId, known: &UsageFile) -> Usage {
        if !known.approval.reported {
            let upload = known.approval.upload.as_ref().expect("it was uploaded");
            return self.usage.get(&upload.blob).expect("it was sent").clone();
        }
        let reading = known.current_reading().expect("it was read");
        let Some(ReadingEnd::Read { columns, .. }) = &reading.end else { panic!("{file} was not read to its end") };
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        let ingestion = HostId { service: ServiceName::Ingestion, partition: file.partition() };
        let batch = |part: &ledger::fact::Part| {
            laid_down(self.laid.get(&(ingestion, part.sequence)).expect("it was laid down"), &names)
        };
        let rows: Vec<Row> = reading.parts.iter().flat_map(batch).map(|sent| sent.row).collect();
        Usage { readable: true, rows, brings: None }
    }

    fn name(&self, kind: &str) -> Hash {
        Hash::of(format!("{kind} {} {}", self.usage.len(), self.reconciliations.len()).as_bytes())
    }

    /// A usage workbook that nobody has sent before.
    pub(super) fn usage(&mut self, random: &mut Random) -> Hash {
        let (faulty, reserved) = (random.once_in(4), random.once_in(3));
        let mut number = 1;
        let rows = (0..=random.below(12)).map(|_| {
            number += 1 + u32::try_from(random.below(3)).expect("it is small");
            let units =
                |random: &mut Random| Decimal::from_units(random.below(9_000_000_000_000_000) as i128 - 1_000_000_000);
            Row {
                row: number,
                valid: !faulty || !random.once_in(3),
                reserved: reserved && random.once_in(2),
                hub: random.below(HUBS),
                tier: u8::try_from(random.below(3)).expect("it is small"),
                quantity: units(random),
                amount: units(random),
            }
        });
        let rows = rows.collect();
        let brings = random.once_in(5).then(|| format!("MPN-{}", random.below(3)));
        let (name, readable) = (self.name("usage"), !random.once_in(10));
        self.usage.insert(name, Usage { readable, rows, brings });
        name
    }

    /// A reconciliation of some rows, of which there may be no such.
    pub(super) fn reconciliation(&mut self, random: &mut Random, rows: &[u32]) -> Hash {
        let name = self.name("reconciliation");
        let some: Vec<u32> = rows.iter().copied().filter(|_| random.below(3) > 0).collect();
        let billed = some.into_iter().map(|row| (row, billing(random)));
        let billed = billed.chain([(1_000_000, Billing { id: "nobody's".to_owned(), note: String::new() })]).collect();
        self.reconciliations.insert(name, billed);
        name
    }
}

/// How something is billed: with an id, with a note alone, or not at all.
pub(super) fn billing(random: &mut Random) -> Billing {
    let text = |random: &mut Random| format!("INV-{}", random.below(4));
    match random.below(6) {
        0 => Billing { id: String::new(), note: text(random) },
        1 => Billing::default(),
        _ => Billing { id: text(random), note: String::new() },
    }
}
