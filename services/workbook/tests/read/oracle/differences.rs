//! Where calamine is known to read something else than what stands in the file: each case says both answers, so that
//! one that calamine mends is noticed, and one that we break as well.

use super::theirs::{ours, theirs};
use crate::make::{Book, By};

/// A cell A1, what we read and what calamine reads: `-` for no cell, `!` and a part of the refusal.
struct Difference {
    name: &'static str,
    cell: &'static str,
    ours: &'static str,
    theirs: &'static str,
}

const fn difference(name: &'static str, cell: &'static str, ours: &'static str, theirs: &'static str) -> Difference {
    Difference { name, cell, ours, theirs }
}

const DIFFERENCES: [Difference; 15] = [
    difference("a comment inside a number", "<c r=\"A1\"><v>12<!-- x -->34</v></c>", "n1234", "n12"),
    difference("a number as CDATA", "<c r=\"A1\"><v><![CDATA[77]]></v></c>", "n77", "-"),
    difference("digits as character references", "<c r=\"A1\"><v>&#49;&#50;</v></c>", "n12", "-"),
    difference("no index of a shared string", "<c r=\"A1\" t=\"s\"><v>abc</v></c>", "!BadSharedString abc", "tzero"),
    difference("a negative index", "<c r=\"A1\" t=\"s\"><v>-1</v></c>", "!BadSharedString -1", "tzero"),
    difference("two values", "<c r=\"A1\"><v>1</v><v>2</v></c>", "!ValueTwice 1", "n2"),
    difference("a formula without its value", "<c r=\"A1\"><f>1+1</f></c>", "f", "-"),
    difference("an error that it doesn't know", "<c r=\"A1\" t=\"e\"><v>#SPILL!</v></c>", "e#SPILL!", "!SPILL"),
    difference("a type that it doesn't know", "<c r=\"A1\" t=\"x\"><v>1</v></c>", "!UnknownType 1", "!x"),
    difference("letters in a number", "<c r=\"A1\" t=\"n\"><v>abc</v></c>", "tabc", "!float"),
    difference("a shared string that isn't there", "<c r=\"A1\" t=\"s\"><v>9</v></c>", "!BadSharedString 9", "!index"),
    difference("an element that it doesn't know", "<c r=\"A1\"><x/><v>1</v></c>", "!Unexpected 1", "!Expecting"),
    difference("a truth value beyond 1", "<c r=\"A1\" t=\"b\"><v>7</v></c>", "!BadBool 7", "!Unrecognized boolean"),
    difference(
        "the day that never was",
        "<c r=\"A1\" s=\"1\"><v>60</v></c>",
        "!BadDate(LeapDay1900) 60",
        "d1900-02-29",
    ),
    difference("beyond the last column", "<c r=\"XFE1\"><v>1</v></c>", "!BadReference 1", "-"),
];

#[test]
fn the_known_differences_of_calamine_are_these() {
    let mut wrong = Vec::new();
    for case in &DIFFERENCES {
        let book = Book::of_cells(case.cell).strings("<si><t>zero</t></si>").formats(&["0", "14"]).zip();
        let at = |cells: &super::theirs::Cells| cells.get(&(0, 0)).cloned().unwrap_or_else(|| "-".to_owned());
        let their = theirs(&book, "records").map(|cells| at(&cells)).unwrap_or_else(|error| format!("!{error}"));
        for by in [By::Scanner, By::Xml] {
            let our = at(&ours(&book, "records", by));
            let refused = case.theirs.starts_with('!') && their.starts_with('!') && their.contains(&case.theirs[1..]);
            if our != case.ours || (their != case.theirs && !refused) {
                wrong.push(format!("{}: {our:?} here ({by:?}), {their:?} in calamine", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each number counts as it stands in the file, calamine has its double only: 20 and 18 digits.
#[test]
fn our_numbers_keep_the_digits_that_a_double_loses() {
    use crate::make::both;
    for text in ["12345678901234567890.12345678", "123456789012345678"] {
        let book = Book::of_cells(&format!("<c r=\"A1\"><v>{text}</v></c>")).zip();
        assert_eq!(both(&book).unwrap(), [format!("1 | A1 Number \"{text}\"")]);
        let double: f64 = text.parse().unwrap();
        assert_ne!(format!("{double}"), text);
        assert_eq!(theirs(&book, "records").unwrap()[&(0, 0)], format!("n{double}"));
    }
}
