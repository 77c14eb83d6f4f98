//! Rows that nobody would write on purpose: no text and no kind of cell makes a rule panic.

use super::super::NO_KEY;
use super::*;

/// Texts that break what isn't made for them.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "",
        " ",
        "\u{a0}",
        "\u{feff}",
        "\u{0}",
        "\u{202e}abc",
        "٣",
        "👩‍👩‍👧",
        "é",
        "parameter.",
        "parameter.é",
        "asset.id",
        "item.mpn",
        "-",
        "+",
        ".",
        "e",
        "1e999",
        "-1e-999",
        "1e",
        "T",
        "/",
        "-/-",
        "9999-12-31T23:59:59.999999Z",
        "0000-00-00 00:00:00",
        "é2026-05-01",
        "2026-05-01é00:00:00",
        "#REF!",
        "=1+1",
        "AS-1",
        "CPU",
        "SEATS",
        "t-1",
        "1.555",
        "2026-05-01 00:00:00",
        "7",
        "0",
        "db",
        "parameter.tenant_id",
    ]
    .map(str::to_owned)
    .to_vec();
    for unit in ["x", "9", "é", "👩‍👩‍👧", " ", "\u{0}", "e", "parameter."] {
        texts.push(unit.repeat(64 * 1024 / unit.len()));
    }
    texts
}

/// A generator that needs nothing but its seed (SplitMix64).
fn next(state: &mut u64) -> usize {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((mixed ^ (mixed >> 31)) & 0xffff_ffff).unwrap()
}

#[test]
fn any_text_in_any_cell_gives_a_record_and_sentences_that_stay_short() {
    let texts = texts();
    let mut state = 7;
    let mut worlds: Vec<World> = Schema::ALL.map(|schema| World { schema, ..World::new() }).into();
    worlds[1].capabilities.dynamic = true;
    worlds[2].capabilities.required_custom_fields = vec!["Region".to_owned(), String::new()];
    worlds.push(World { columns: Vec::new(), ..World::new() });
    worlds.push(World { catalog: Catalog::default(), ..World::new() });
    for world in &worlds {
        let mut checker = world.checker();
        for _ in 0..400 {
            let few = 1 + next(&mut state) % 4;
            let cells: Vec<Cell<'_>> = (0..few)
                .map(|_| {
                    let kind = CellKind::from_number(u8::try_from(next(&mut state) % 7).unwrap()).unwrap();
                    (RIGHT[next(&mut state) % RIGHT.len()].0, kind, texts[next(&mut state) % texts.len()].as_str())
                })
                .collect();
            let checked = checker.check_batch(&world.batch(&[cells.as_slice()]));
            hold(&checked.records[0], world.schema);
        }
    }
}

/// What must be true of any record that was checked.
fn hold(record: &CheckedRecord, schema: Schema) {
    for error in &record.errors {
        assert!(error.message.chars().count() < 600 && !error.fix.is_empty(), "{error:?}");
    }
    for note in &record.notes {
        assert!(note.len() < 200, "{note}");
    }
    if record.is_valid() {
        assert!(record.subscription.is_some() && record.item.is_some() && record.quantity.is_some(), "{record:?}");
        assert!(record.start.is_some() && record.end.is_some() && record.key != NO_KEY, "{record:?}");
        assert_eq!(record.amount.is_some(), schema != Schema::Qt, "{record:?}");
        assert_eq!(record.tier.is_some(), schema == Schema::Tr, "{record:?}");
    }
}

#[test]
fn a_batch_that_is_not_whole_is_checked_as_blanks() {
    let world = World::new();
    let batch = ReadBatch { rows: vec![2, 3], ..ReadBatch::default() };
    let checked = world.checker().check_batch(&batch);
    assert_eq!(checked.records.len(), 2);
    assert!(checked.records.iter().all(|record| !record.is_valid()));
}

#[test]
fn a_long_value_is_cut_in_its_sentence() {
    let long = "é".repeat(30_000);
    let errors = World::new().errors(&[("asset_search_value", TEXT, &long)]);
    assert!(errors[0].contains(&format!("value {}… |", "é".repeat(200))), "{errors:?}");
}
