//! Rows become batches: whole columns, cut by number, by size and by what a record keeps.

use ledger::record::{BATCH_RECORDS_MAX, CellKind, RECORD_TEXT_BYTES_MAX, ReadBatch};

use ledger::batch::{BatchBuilder, halves};

/// A batch as text: a line for each record, its row and its cells with the kind of those that aren't text.
fn lines(batch: &ReadBatch) -> Vec<String> {
    let cell = |index: usize, column: usize| {
        let cell = batch.cell(index, column);
        let kind = if cell.kind == CellKind::Text { String::new() } else { format!("{:?}:", cell.kind) };
        format!("{kind}{}", cell.text)
    };
    let line = |(index, row): (usize, &u32)| {
        let cells: Vec<String> = (0..batch.columns.len()).map(|column| cell(index, column)).collect();
        format!("{row}|{}", cells.join("|"))
    };
    batch.rows.iter().enumerate().map(line).collect()
}

/// A batch of records given as cells; rows count from 2.
fn batch(columns: usize, records: &[&[(usize, CellKind, &str)]]) -> ReadBatch {
    let mut builder = BatchBuilder::new(columns);
    for (row, cells) in (2..).zip(records) {
        builder.begin(row);
        cells.iter().for_each(|(column, kind, text)| builder.cell(*column, *kind, text));
    }
    builder.take([7; 32])
}

const TEXT: CellKind = CellKind::Text;
const NUMBER: CellKind = CellKind::Number;

#[test]
fn cells_stand_in_their_column_whatever_comes_before_them() {
    let batch = batch(
        3,
        &[
            &[(0, TEXT, "r-1"), (1, NUMBER, "1.50")],
            &[],
            &[(2, CellKind::Formula, ""), (1, TEXT, "r-1")],
            // The last word counts, and a column beyond the last one is nobody's.
            &[(0, NUMBER, "1"), (0, TEXT, "again"), (3, NUMBER, "9")],
        ],
    );
    assert_eq!(lines(&batch), ["2|r-1|Number:1.50|", "3|||", "4||r-1|Formula:", "5|again||"]);
    assert_eq!(batch.salt_key, [7; 32]);
    assert_eq!(batch.texts.all()[..2], ["r-1", "1.50"], "a text is kept once");
}

#[test]
fn a_batch_is_full_at_1024_records() {
    assert_eq!(BATCH_RECORDS_MAX, 1_024);
    let mut builder = BatchBuilder::new(1);
    assert!(builder.is_empty());
    for row in 0..1_024 {
        assert!(!builder.is_full(), "{row}");
        builder.begin(row);
        builder.cell(0, TEXT, "x");
    }
    assert!(builder.is_full());
    let batch = builder.take([0; 32]);
    assert_eq!((batch.rows.len(), batch.columns[0].texts.len()), (1_024, 1_024));
    assert!(builder.is_empty() && !builder.is_full());
    builder.begin(1_024);
    assert_eq!(lines(&builder.take([0; 32])), ["1024|"], "nothing of the batch before is left");
}

#[test]
fn a_batch_is_full_at_two_mebibytes() {
    let text = "x".repeat(RECORD_TEXT_BYTES_MAX);
    let mut builder = BatchBuilder::new(1);
    // Twice, since what was counted for one batch must not count for the next.
    for _ in 0..2 {
        for row in 0..32 {
            assert!(!builder.is_full(), "{row}");
            builder.begin(row);
            builder.cell(0, TEXT, &text);
        }
        assert!(builder.is_full());
        assert_eq!(builder.take([0; 32]).rows.len(), 32);
    }
}

#[track_caller]
fn check_cut(cells: &[&str], kept: &[(usize, CellKind)]) {
    let mut builder = BatchBuilder::new(cells.len());
    builder.begin(2);
    cells.iter().enumerate().for_each(|(column, text)| builder.cell(column, NUMBER, text));
    builder.begin(3);
    builder.cell(0, NUMBER, "1");
    let batch = builder.take([0; 32]);
    let found: Vec<(usize, CellKind)> =
        (0..cells.len()).map(|column| batch.cell(0, column)).map(|cell| (cell.text.len(), cell.kind)).collect();
    assert_eq!(found, kept);
    for (column, text) in cells.iter().enumerate() {
        assert!(text.starts_with(batch.cell(0, column).text), "{column}");
    }
    assert_eq!((batch.cell(1, 0).text, batch.cell(1, 0).kind), ("1", NUMBER), "the next record has room again");
}

#[test]
fn a_record_keeps_64_kib_of_text_and_marks_what_is_cut() {
    const MAX: usize = 65_536;
    assert_eq!(RECORD_TEXT_BYTES_MAX, MAX);
    let long = |bytes: usize| "x".repeat(bytes);
    let cut = CellKind::Cut;
    check_cut(&[&long(MAX)], &[(MAX, NUMBER)]);
    check_cut(&[&long(MAX + 1)], &[(MAX, cut)]);
    check_cut(&[&long(MAX - 2), "ab", "c", ""], &[(MAX - 2, NUMBER), (2, NUMBER), (0, cut), (0, NUMBER)]);
    check_cut(&[&long(MAX - 2), "abc", "d"], &[(MAX - 2, NUMBER), (2, cut), (0, cut)]);
    // Never in the middle of a character: the euro sign is three bytes long.
    check_cut(&[&long(MAX - 2), "€"], &[(MAX - 2, NUMBER), (0, cut)]);
    check_cut(&[&long(MAX - 4), "€€"], &[(MAX - 4, NUMBER), (3, cut)]);
    check_cut(&[&"€".repeat(MAX)], &[(MAX - 1, cut)]);
}

#[track_caller]
fn check_halves(whole: &ReadBatch) {
    let [first, second] = halves(whole);
    assert_eq!([lines(&first), lines(&second)].concat(), lines(whole));
    assert_eq!(first.rows.len(), whole.rows.len() / 2);
    let columns = [&first, &second].map(|half| half.columns.len());
    assert_eq!(columns, [whole.columns.len(); 2]);
    // Salted alike, a record has the leaf that it had before: its proof doesn't depend on its neighbours.
    let leaves = |batch: &ReadBatch| (0..batch.rows.len()).map(|index| batch.leaf(index)).collect::<Vec<_>>();
    assert_eq!([leaves(&first), leaves(&second)].concat(), leaves(whole));
}

#[test]
fn halves_keep_every_cell() {
    let long = "x".repeat(RECORD_TEXT_BYTES_MAX + 9);
    let records: [&[(usize, CellKind, &str)]; 5] = [
        &[(0, TEXT, "r-1"), (1, NUMBER, "1"), (2, CellKind::Error, "#REF!")],
        &[(1, CellKind::Formula, "")],
        &[],
        &[(0, TEXT, &long), (1, NUMBER, "2"), (2, TEXT, "")],
        &[(0, TEXT, "r-1"), (2, CellKind::Bool, "TRUE")],
    ];
    for length in 1..=records.len() {
        check_halves(&batch(3, &records[..length]));
    }
}

/// Printable text that doesn't compress, from a seed (SplitMix64).
fn noise(seed: u64, bytes: usize) -> String {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        char::from(b' ' + u8::try_from((mixed ^ (mixed >> 31)) % 95).unwrap())
    };
    (0..bytes).map(|_| next()).collect()
}

/// The records of a batch in pieces that fit the log, as the job lays them down.
fn fitting(batch: &ReadBatch) -> Vec<ReadBatch> {
    match proto::encode_read_batch(batch) {
        Ok(_) => vec![batch.clone()],
        Err(error) => {
            assert!(batch.rows.len() > 1, "a record that fits no frame: {error}");
            halves(batch).iter().flat_map(fitting).collect()
        }
    }
}

#[test]
fn the_largest_batch_fits_in_pieces_and_the_largest_record_alone() {
    let mut builder = BatchBuilder::new(2);
    for row in 2.. {
        if builder.is_full() {
            break;
        }
        builder.begin(row);
        builder.cell(0, TEXT, &noise(row.into(), RECORD_TEXT_BYTES_MAX));
        builder.cell(1, NUMBER, &row.to_string());
    }
    let whole = builder.take([7; 32]);
    let pieces = fitting(&whole);
    assert_eq!(pieces.len(), 32, "each record takes a batch of its own");
    assert_eq!(pieces.iter().flat_map(lines).collect::<Vec<_>>(), lines(&whole));
}
