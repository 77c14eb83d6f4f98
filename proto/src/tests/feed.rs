//! Messages of the feed: none is too long for NATS, whatever a vendor wrote, and none loses a record.

use ledger::FileId;
use ledger::batch::BatchBuilder;
use ledger::fact::{Fact, FileColumn, FileCreated};
use ledger::record::{CellKind, CheckedBatch, CheckedRecord};

use crate::feed::{Kind, Message, Records};
use crate::samples;

/// What nats-server takes unless it is told otherwise, with room for headers.
const BYTES_MAX: usize = (1 << 20) - (4 << 10);
const RECORDS: u32 = 1_024;

fn created() -> FileCreated {
    let facts = samples::events().into_iter().map(|(_, event)| event.fact);
    let mut created =
        facts.filter_map(|fact| if let Fact::FileCreated(created) = fact { Some(*created) } else { None });
    created.next().expect("a file")
}

/// Goal: a vendor's text can't stop the feed. Method: records of every length of what JSON writes longest, as both forms.
#[test]
fn every_message_fits_and_every_record_is_in_one() {
    let column = |name: &str| FileColumn { name: name.to_owned(), header: name.to_owned(), sheet_column: 0 };
    let columns = [column("record_id"), column("v.Text")];
    let chunk = FileId::parse("UF-2026-11-0000-0001").expect("an id").chunk(1);
    for length in [0, 100, 1_000, 20_000, 60_000] {
        let (mut read, mut checked) = (BatchBuilder::new(columns.len()), CheckedBatch::default());
        for row in 0..RECORDS {
            read.begin(row);
            read.cell(0, CellKind::Text, &format!("r-{row}"));
            read.cell(1, CellKind::Text, &"\u{1}".repeat(length));
            checked.records.push(CheckedRecord { row, ..CheckedRecord::default() });
        }
        let read = read.take([0; 32]);
        let mut records = Records::new(chunk, None, &created(), &columns);
        let mut messages: Vec<Message> =
            (0..checked.records.len()).filter_map(|index| records.put(&read, &checked, index)).collect();
        messages.extend(records.take());
        let mut ids = Vec::new();
        for message in &messages {
            let (protobuf, json) = (message.protobuf(), message.json().expect("JSON"));
            assert!(
                protobuf.len() < BYTES_MAX && json.len() < BYTES_MAX,
                "{length}: {} {}",
                protobuf.len(),
                json.len()
            );
            assert_eq!((message.kind(), Message::decode(&protobuf).ok().as_ref()), (Kind::Records, Some(message)));
            let json = String::from_utf8(json).expect("text");
            ids.extend(
                json.split("\"record_id\":\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())),
            );
        }
        assert_eq!(ids, (0..RECORDS).map(|row| format!("r-{row}")).collect::<Vec<_>>(), "{length}");
        assert!(messages.len() < RECORDS as usize || length > 20_000, "{length}: many to a message");
    }
}
