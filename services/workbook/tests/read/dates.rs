//! Numbers that are dates: formats, both calendars, and what is refused.

use crate::make::{Book, both, workbook_xml};

fn line(formats: &[&str], extra: &str, serial: &str) -> String {
    let cells: String = (0..formats.len()).map(|style| format!("<c s=\"{style}\"><v>{serial}</v></c>")).collect();
    let mut book = Book::of_cells(&cells).formats(formats);
    book.workbook = workbook_xml(extra, &["records"]);
    both(&book.zip()).unwrap().remove(0)
}

#[test]
fn a_format_makes_a_number_a_date() {
    for format in ["14", "22", "yyyy\\-mm\\-dd hh:mm:ss", "[Red]dd/mm/yyyy", "[$-409]d\\-mmm\\-yyyy;@", "\"am \"d mmm"]
    {
        assert_eq!(line(&[format], "", "44378.5"), "1 | A1 Date \"2021-07-01 12:00:00\"", "{format}");
    }
    for format in ["0", "2", "0.00E+00", "[Red]#,##0.00", "\"days\" 0", "@", "General"] {
        assert_eq!(line(&[format], "", "44378.5"), "1 | A1 Number \"44378.5\"", "{format}");
    }
    for format in ["20", "46", "[h]:mm", "hh:mm:ss", "mm:ss.0"] {
        assert_eq!(line(&[format], "", "44378.5"), "1 | A1 Date \"44378.5\" !BadDate(TimeOnly)", "{format}");
    }
}

#[test]
fn the_calendar_of_1904_is_honoured() {
    for yes in ["1", "true"] {
        let extra = format!("<workbookPr date1904=\"{yes}\"/>");
        assert_eq!(line(&["14"], &extra, "42916"), "1 | A1 Date \"2021-07-01 00:00:00\"");
    }
    assert_eq!(line(&["14"], "<workbookPr date1904=\"0\"/>", "44378"), "1 | A1 Date \"2021-07-01 00:00:00\"");
}

#[test]
fn days_that_are_none_are_flagged() {
    for (serial, fault) in [
        ("60", "LeapDay1900"),
        ("0.5", "BeforeCalendar"),
        ("-1", "BeforeCalendar"),
        ("2958466", "AfterCalendar"),
        ("NaN", "NotANumber"),
    ] {
        assert_eq!(line(&["14"], "", serial), format!("1 | A1 Date {serial:?} !BadDate({fault})"));
    }
}

#[test]
fn styles_that_are_missing_make_numbers() {
    let mut book = Book::of_cells("<c s=\"5\"><v>1</v></c><c s=\"x\"><v>1</v></c><c><v>44378</v></c>").formats(&["14"]);
    let line = "1 | A1 Number \"1\" | B1 Number \"1\" | C1 Date \"2021-07-01 00:00:00\"";
    assert_eq!(both(&book.zip()), Ok(vec![line.to_owned()]));
    book.styles = None;
    let line = "1 | A1 Number \"1\" | B1 Number \"1\" | C1 Number \"44378\"";
    assert_eq!(both(&book.zip()), Ok(vec![line.to_owned()]));
}
