//! Goal: what is over a limit or unknown is refused by name, on both sides. Method: one row for each refusal.

use std::io::Read;

use ledger::record::{BATCH_BYTES_MAX, BATCH_STORED_BYTES_MAX, CheckedBatch, CheckedRecord, ReadBatch, ReadColumn};
use prost::Message;

use crate::convert::{checked, frame, read};
use crate::{
    WireError, decode_event, decode_read_batch, encode_checked_batch, encode_event, encode_read_batch, samples, wire,
};

/// What is done to a message, and the refusal that it gets.
pub(super) type Damage<M> = (fn(&mut M), &'static str);

fn text(result: Result<impl Sized, WireError>) -> String {
    result.err().map_or_else(|| "fine".to_owned(), |error| error.to_string())
}

fn wire_event() -> wire::Event {
    wire::Event::decode(encode_event(&samples::events().remove(0).1).as_slice()).unwrap()
}

#[test]
fn an_unknown_fact_is_called_that() {
    let mut event = wire_event();
    event.fact = None;
    assert!(matches!(decode_event(&event.encode_to_vec()), Err(WireError::UnknownFact)));
    // Tag 200, as a newer version would write it.
    let newer = [event.encode_to_vec(), vec![0xc2, 0x0c, 0x00]].concat();
    assert!(matches!(decode_event(&newer), Err(WireError::UnknownFact)));
    assert!(matches!(decode_event(&[]), Err(WireError::UnknownFact)));
}

#[test]
fn an_enumeration_is_never_guessed() {
    for number in [0, 5, -1] {
        let mut event = wire_event();
        let account = wire::Account { role: number, ..account(&event) };
        let object = wire::catalog_object::Object::Account(account);
        event.fact = Some(wire::event::Fact::ObjectRecorded(wire::CatalogObject { object: Some(object) }));
        let want = format!("decode `role`, whose number {number} is unknown to this version");
        assert_eq!(text(decode_event(&event.encode_to_vec())), want);
    }
    let mut event = wire_event();
    event.actor = Some(wire::Actor { actor: Some(wire::actor::Actor::Service(0)) });
    let want = "decode `service`, whose number 0 is unknown to this version";
    assert_eq!(text(decode_event(&event.encode_to_vec())), want);
}

fn account(event: &wire::Event) -> wire::Account {
    match event.fact.clone() {
        Some(wire::event::Fact::ObjectRecorded(wire::CatalogObject {
            object: Some(wire::catalog_object::Object::Account(account)),
        })) => account,
        other => panic!("the first sample is an account, not {other:?}"),
    }
}

#[test]
fn a_field_without_a_value_is_named() {
    let damage: [Damage<wire::Event>; 6] = [
        (|event| event.id.truncate(15), "decode `id`, which holds no value of its kind"),
        (|event| event.cause.push(0), "decode `cause`, which holds no value of its kind"),
        (|event| event.subject = None, "decode a message without `subject`"),
        (|event| event.actor = None, "decode a message without `actor`"),
        (
            |event| event.subject = Some(wire::event::Subject::ObjectId("a b".to_owned())),
            "decode `object_id`, which holds no value of its kind",
        ),
        (
            |event| {
                event.fact =
                    Some(wire::event::Fact::ChunkNamed(wire::ChunkNamed { chunk: 65_536, ..Default::default() }))
            },
            "decode `chunk`, which holds no value of its kind",
        ),
    ];
    for (damage, want) in damage {
        let mut event = wire_event();
        damage(&mut event);
        assert_eq!(text(decode_event(&event.encode_to_vec())), want);
    }
}

/// A short message must not make a reader mark every row there can be.
#[test]
fn rows_beyond_any_sheet_are_refused() {
    let sets = [
        wire::RowSet { run_gaps: vec![0], run_lengths: vec![u32::MAX], blocks: vec![] },
        wire::RowSet { run_gaps: vec![99_999_999], run_lengths: vec![2], blocks: vec![] },
        wire::RowSet { run_gaps: vec![1, 1], run_lengths: vec![1, 0], blocks: vec![] },
        wire::RowSet { run_gaps: vec![1], run_lengths: vec![], blocks: vec![] },
        wire::RowSet {
            run_gaps: vec![],
            run_lengths: vec![],
            blocks: vec![wire::RowBlock { number: 1_526, bits: vec![1] }],
        },
        wire::RowSet {
            run_gaps: vec![],
            run_lengths: vec![],
            blocks: vec![wire::RowBlock { number: 0, bits: vec![1; 8_193] }],
        },
    ];
    for rows in sets {
        assert!(ledger::rows::RowSet::try_from(rows.clone()).is_err(), "{rows:?}");
    }
}

fn batch(records: u32, texts: Vec<String>) -> ReadBatch {
    let column = ReadColumn {
        texts: (0..records).map(|row| row % (u32::try_from(texts.len()).unwrap() + 1)).collect(),
        kinds: vec![],
    };
    ReadBatch { salt_key: [0; 32], rows: (1..=records).collect(), columns: vec![column], texts: texts.into() }
}

#[test]
fn a_batch_over_the_limits_says_its_sizes_so_that_it_can_be_split() {
    let too_many = encode_read_batch(&batch(1_025, vec![]));
    assert!(matches!(too_many, Err(WireError::BatchTooLarge { stored: 1.., plain: 1_025.. })), "{too_many:?}");
    let too_wide = encode_read_batch(&batch(1, vec!["x".repeat(BATCH_BYTES_MAX)]));
    assert!(matches!(too_wide, Err(WireError::BatchTooLarge { stored: 0, .. })), "{too_wide:?}");
    // Hexadecimal digits hold four bits each, so nothing compresses these below 128 KiB.
    let hashes = (0..4_096_u32).map(|number| ledger::Hash::of(&number.to_le_bytes()).to_string()).collect();
    let dense = encode_read_batch(&batch(1, hashes));
    assert!(matches!(dense, Err(WireError::BatchTooLarge { stored: 131_072.., plain: 262_144.. })), "{dense:?}");
    let records = (0..1_025).map(|row| CheckedRecord { row, ..CheckedRecord::default() }).collect();
    let too_many = encode_checked_batch(&CheckedBatch { records, ..CheckedBatch::default() });
    assert!(matches!(too_many, Err(WireError::BatchTooLarge { .. })), "{too_many:?}");
}

#[test]
fn a_bomb_is_refused_whatever_it_declares() {
    let bomb = zstd::bulk::compress(&vec![0; 64 * 1024 * 1024], 3).unwrap();
    assert!(bomb.len() < BATCH_STORED_BYTES_MAX);
    assert!(matches!(decode_read_batch(&bomb), Err(WireError::Decompress(_))));
    // Two frames that are within the limit each, and not together.
    let half = zstd::bulk::compress(&vec![0; BATCH_BYTES_MAX - 1], 3).unwrap();
    assert!(matches!(decode_read_batch(&[half.clone(), half].concat()), Err(WireError::Decompress(_))));
    // A stream that declares nothing.
    let silent = zstd::stream::encode_all(std::io::repeat(0).take(BATCH_BYTES_MAX as u64 + 1), 3).unwrap();
    assert!(matches!(decode_read_batch(&silent), Err(WireError::Decompress(_))));
    let long = vec![0; BATCH_STORED_BYTES_MAX + 1];
    assert!(matches!(decode_read_batch(&long), Err(WireError::BatchTooLarge { stored: 98_305, plain: 0 })));
    // Empty columns cost two bytes each here and fifty in memory.
    let columns = frame::compress(&[0x1a, 0x00].repeat(1_000_000), 0).unwrap();
    assert_eq!(text(decode_read_batch(&columns)), "take a message with 1000000 columns: at most 128 are allowed");
}

#[test]
fn a_batch_that_contradicts_itself_is_refused() {
    let damage: [Damage<wire::ReadBatch>; 7] = [
        (|it| it.salt_key.truncate(31), "decode `salt_key`, which holds no value of its kind"),
        (|it| it.row_steps[1] = 0, "make sense of a batch: its rows don't ascend"),
        (|it| it.row_steps[1] = u32::MAX, "make sense of a batch: its rows don't ascend"),
        (|it| it.columns[0].texts.push(0), "make sense of a batch: a column is shorter or longer than the batch"),
        (|it| it.columns[1].kinds.truncate(2), "make sense of a batch: a column is shorter or longer than the batch"),
        (|it| it.columns[1].texts[0] = 10, "make sense of a batch: a cell refers to a text that isn't there"),
        (|it| it.columns[1].kinds[0] = 7, "decode `kinds`, whose number 7 is unknown to this version"),
    ];
    for (damage, want) in damage {
        let mut message = wire::ReadBatch::decode(read::plain(&samples::read_batch()).unwrap().as_slice()).unwrap();
        damage(&mut message);
        assert_eq!(text(read::from_plain(&message.encode_to_vec())), want);
    }
}

#[test]
fn a_verdict_that_contradicts_itself_is_refused() {
    const NOWHERE: &str = "make sense of a batch: a record refers to what isn't there";
    const UNEQUAL: &str = "make sense of a batch: a column is shorter or longer than the batch";
    let damage: [Damage<wire::CheckedBatch>; 9] = [
        (|it| it.keys.truncate(35), UNEQUAL),
        (|it| it.end_refs.truncate(2), UNEQUAL),
        (|it| it.subscription_refs[0] = 3, NOWHERE),
        (|it| it.quantity_refs[0] = 99, NOWHERE),
        (|it| it.tiers_plus_one[0] = 257, "decode `tiers_plus_one`, which holds no value of its kind"),
        (|it| it.decimals[0] = "1e3".to_owned(), "decode `decimals`, which holds no value of its kind"),
        (|it| it.errors.as_mut().unwrap().codes[0] = 99, "decode `code`, whose number 99 is unknown to this version"),
        (|it| it.errors.as_mut().unwrap().records = vec![1, 1, 3], NOWHERE),
        (
            |it| it.errors.as_mut().unwrap().records = vec![1, 2, 1],
            "make sense of a batch: a table of errors or notes doesn't follow the records",
        ),
    ];
    for (damage, want) in damage {
        let plain = checked::plain(&samples::checked_batch()).unwrap();
        let mut message = wire::CheckedBatch::decode(plain.as_slice()).unwrap();
        damage(&mut message);
        assert_eq!(text(checked::from_plain(&message.encode_to_vec())), want);
    }
}
