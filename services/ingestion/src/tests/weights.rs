//! What a file says besides its records must fit the one fact that carries it.

use ledger::fact::{Category, FileColumn, FileRead, Part};
use ledger::{Actor, Event, EventId, Fact, FileId, Hash, Moment, Partition, Subject};

use crate::read::{WEIGHT_MAX, weight};

fn encoded(read: FileRead) -> usize {
    let file = FileId::new(2026, 11, Partition(0), 0).unwrap();
    let (id, cause, recorded_at) = (EventId([255; 16]), Hash::of(b"x"), Moment(i64::MAX));
    let (subject, actor, fact) = (Subject::File(file), Actor::Operator, Fact::FileRead(Box::new(read)));
    proto::encode_event(&Event { id, subject, cause, actor, surface: ledger::Surface::Api, recorded_at, fact }).len()
}

/// Goal: no workbook makes a fact that no frame holds, since that would end the service. Method: readings of nothing but
/// parts, categories, columns or ignored headers, as many as the weight allows, each with the numbers that take most.
#[test]
fn the_heaviest_reading_fits_a_frame() {
    let grown = |add: fn(&mut FileRead)| {
        let mut read = FileRead {
            upload: u32::MAX,
            attempt: u32::MAX,
            columns: Vec::new(),
            ignored: Vec::new(),
            categories: Vec::new(),
            parts: Vec::new(),
            records: u32::MAX,
        };
        while weight(&read) <= WEIGHT_MAX - 1_024 {
            add(&mut read);
        }
        assert!(weight(&read) <= WEIGHT_MAX);
        encoded(read)
    };
    let sizes = [
        grown(|read| {
            read.parts.push(Part { sequence: 1 << 34, first_row: 1 << 20, last_row: 1 << 20, records: 1_024 })
        }),
        grown(|read| {
            let short = || "c".to_owned();
            read.categories.push(Category { id: short(), name: short(), description: short() });
        }),
        grown(|read| {
            read.columns.push(FileColumn { name: "v.".to_owned(), header: "v.".to_owned(), sheet_column: 16_383 });
        }),
        grown(|read| read.ignored.push("x".to_owned())),
        grown(|read| read.ignored.push("x".repeat(200))),
    ];
    assert!(sizes.iter().all(|size| *size <= runtime::log::PAYLOAD_BYTES_MAX), "{sizes:?}");
}
