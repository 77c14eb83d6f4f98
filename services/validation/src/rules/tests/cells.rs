//! Record ids, categories, custom fields and cells that can't be used.

use ledger::{Code, FileId};

use super::super::{NO_KEY, repeated, taken};
use super::*;

#[test]
fn every_record_lacks_a_missing_column() {
    let world = World::new().without_columns(&["quantity", "record_id"]);
    assert_eq!(world.checker().missing_columns(), ["record_id", "quantity"]);
    assert_eq!(world.checker().record_id_column(), None);
    world.check(
        &[],
        &[
            "101 -: Column record_id is missing | Add the column record_id to the records tab: a text that no other \
             record of this contract and product has.",
            "101 -: Column quantity is missing | Add the column quantity to the records tab: a number such as 12.5.",
        ],
    );
    assert_eq!(world.one(&[]).key, NO_KEY);
    let rated = |schema, want: &[&str]| {
        let mut world = World::new().without_columns(&["amount", "tier", "category_id", "record_note"]);
        world.schema = schema;
        assert_eq!(world.checker().missing_columns(), want);
    };
    rated(Schema::Qt, &[]);
    rated(Schema::Cr, &["amount"]);
    rated(Schema::Tr, &["amount", "tier"]);
}

#[test]
fn a_record_id_counts_byte_for_byte_without_spaces_around_it() {
    let world = World::new();
    let key = |kind, text| world.one(&[("record_id", kind, text)]).key;
    assert_eq!(key(TEXT, " \tr-1\n"), key(TEXT, "r-1"));
    assert_ne!(key(TEXT, "R-1"), key(TEXT, "r-1"));
    assert_ne!(key(TEXT, "\u{a0}r-1"), key(TEXT, "r-1"));
    assert_ne!(key(NUMBER, "1"), key(NUMBER, "1.0"));
    assert_eq!(key(NUMBER, "1"), key(TEXT, "1"));
    for (kind, text, want) in
        [(TEXT, " ", 102), (CellKind::Error, "#REF!", 110), (CellKind::Formula, "", 110), (CellKind::Cut, "xx", 111)]
    {
        world.check_codes(&[("record_id", kind, text)], &[want]);
        assert_eq!(key(kind, text), NO_KEY);
    }
}

#[test]
fn a_category_stands_in_its_tab() {
    check(&[("category_id", TEXT, " db ")], &[]);
    check(
        &[("category_id", TEXT, "web")],
        &["106 category_id: Category web is not in the categories tab | Add it to the categories tab, or leave \
           category_id blank."],
    );
}

#[test]
fn required_custom_fields_are_filled_under_either_spelling() {
    let mut world = World::new();
    world.capabilities.required_custom_fields = vec!["Region".to_owned(), "v.Cost".to_owned()];
    assert_eq!(world.checker().missing_columns(), ["v.Cost"]);
    world.check(
        &[("v.Region", TEXT, " ")],
        &[
            "115 v.Region: Custom field v.Region is blank | Fill it in: the product requires it.",
            "115 -: Custom field v.Cost is missing | Add the column v.Cost to the records tab: the product requires it.",
        ],
    );
    world.check_codes(&[("v.Region", CellKind::Error, "#N/A")], &[110, 115]);
}

#[test]
fn text_that_was_cut_is_an_error_in_any_column() {
    check(
        &[("record_note", CellKind::Cut, "long")],
        &["111 record_note: Text in column record_note is too long | Shorten it: a record keeps 65536 bytes of text."],
    );
    World::new().check_codes(&[("quantity", CellKind::Cut, "1"), ("v.Region", CellKind::Cut, "x")], &[111, 111]);
    // What nobody reads may hold an error.
    check(&[("record_note", CellKind::Error, "#REF!"), ("v.Region", CellKind::Formula, "")], &[]);
}

#[test]
fn uniqueness_has_its_sentences() {
    let file = FileId::parse("UF-2019-05-5760-1645").unwrap();
    let error = taken(file, Some(0));
    assert_eq!(error.message, "Record belongs to existing usage file UF-2019-05-5760-1645");
    assert_eq!((error.code, repeated(2, None).code), (Code::RecordIdTaken, Code::RecordIdRepeated));
    assert_eq!(repeated(2, None).message, "Record id is the same as in row 2");
}
