//! Records that are reported one by one (docs/records-by-api.md): what a call brings, and what the ledger laid down of it.
//! The paper's half of it is in `model`.

use ledger::batch::BatchBuilder;
use ledger::record::CellKind;
use ledger::report::{ReportedRecords, prints};
use ledger::{Decimal, Fact, FileId, Hash};

use super::catalog::id;
use super::host::Said;
use super::library::{HUBS, Library, Row};
use crate::random::Random;

/// Months that files collect records of.
pub(super) const MONTHS: usize = 2;
/// Ids that records are given as long as no file of their contract and product was sealed: few, so that they meet.
const IDS: usize = 6;
const COLUMNS: [&str; 7] = ["record_id", "quantity", "amount", "v.hub", "v.tier", "v.reserved", "v.wrong"];
const YES: &str = "yes";

/// A record as it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) record_id: String,
    /// Its values; which row it gets is told by who takes it.
    pub(super) row: Row,
}

impl Sent {
    /// A record with one of the ids that there are after so many files were sealed. The same id comes with one of two
    /// contents, so that what is sent again is sometimes identical and sometimes in conflict.
    pub(super) fn draw(random: &mut Random, sealed: usize) -> Self {
        let number = random.below(IDS * (sealed + 1));
        let variant = usize::from(random.once_in(4));
        let mut of = Random::new((number * 2 + variant) as u64);
        let units = |random: &mut Random| Decimal::from_units(random.below(9_000_000_000_000_000) as i128);
        let row = Row {
            row: 0,
            valid: !of.once_in(12),
            reserved: of.once_in(5),
            hub: of.below(HUBS),
            tier: u8::try_from(of.below(3)).expect("it is small"),
            quantity: units(&mut of),
            amount: units(&mut of),
        };
        Self { record_id: format!("r-{number}"), row }
    }

    /// Whether the rules of a call admit it: what is equal passes or not together.
    pub(super) fn is_admitted(&self, call: usize) -> bool {
        !Random::new(Hash::of(format!("{call} {self:?}").as_bytes()).0[0].into()).once_in(8)
    }

    /// Its cells. A column of the vendor's own that isn't needed stays blank, so that files get theirs one by one.
    fn cells(&self) -> [String; 7] {
        let Row { valid, reserved, hub, tier, quantity, amount, .. } = &self.row;
        let yes = |is: bool| if is { YES.to_owned() } else { String::new() };
        let hub = if hub + 1 < HUBS { hub.to_string() } else { String::new() };
        let tier = if *tier > 0 { tier.to_string() } else { String::new() };
        [self.record_id.clone(), quantity.to_string(), amount.to_string(), hub, tier, yes(*reserved), yes(!valid)]
    }
}

/// A call that brings records, each with whether the rules of that moment admit it; it is kept in the library.
pub(super) fn call(
    file: FileId,
    (contract, product): (&str, &str),
    sent: Vec<(Sent, bool)>,
    library: &mut Library,
) -> ReportedRecords {
    let mut builder = BatchBuilder::new(COLUMNS.len());
    for (one, _) in &sent {
        builder.begin(0);
        for (column, text) in one.cells().iter().enumerate() {
            builder.cell(column, CellKind::Text, text);
        }
    }
    let columns = COLUMNS.map(str::to_owned).to_vec();
    let batch = builder.take([7; 32]);
    let prints = prints(&id(contract), &id(product), &columns, &batch);
    let content = Hash::of(format!("report {}", library.reports.len()).as_bytes());
    let admitted = sent.iter().map(|(_, admitted)| *admitted).collect();
    library.reports.insert(content, sent);
    ReportedRecords { file, columns, batch: batch.into(), prints, admitted, content }
}

/// The records of a batch as ingestion laid it down, under the names that its file has for its columns.
pub(super) fn laid_down(said: &Said, names: &[String]) -> Vec<Sent> {
    let event = proto::decode_event(said).expect("what was written is read");
    let Fact::RecordsRead(read) = event.fact else { return Vec::new() };
    let batch = proto::decode_read_batch(&read.payload).expect("what was written is read");
    let place = COLUMNS.map(|name| names.iter().position(|known| known == name).unwrap_or(usize::MAX));
    let record = |(index, &row): (usize, &u32)| {
        let [record_id, quantity, amount, hub, tier, reserved, wrong] =
            place.map(|column| batch.cell(index, column).text);
        let decimal = |text: &str| Decimal::parse(text).expect("a number");
        let row = Row {
            row,
            valid: wrong != YES,
            reserved: reserved == YES,
            hub: hub.parse().unwrap_or(HUBS - 1),
            tier: tier.parse().unwrap_or(0),
            quantity: decimal(quantity),
            amount: decimal(amount),
        };
        Sent { record_id: record_id.to_owned(), row }
    };
    batch.rows.iter().enumerate().map(record).collect()
}
