//! The tabs beside the records: for the person who opens the workbook, and about the report.

use ledger::fact::Category;

use super::Kind;
use super::markup::{Look, cell, letters, sheet_head, sheet_tail};
use crate::columns::{CATEGORIES, GENERAL};

const GENERAL_WIDTH: u8 = 28;
const INSTRUCTIONS_WIDTH: u8 = 111;
/// Characters of a sentence that fit that width: programs don't all measure a row for its text when they open a file.
const INSTRUCTIONS_CHARS: usize = 116;
const LINE_HEIGHT: usize = 15;

/// The `instructions` tab.
pub(super) fn instructions(kind: Kind) -> Vec<u8> {
    let mut out = sheet_head(&[INSTRUCTIONS_WIDTH], false);
    for (number, (is_heading, line)) in (1..).zip(kind.lines()) {
        let look = if is_heading { Look::Heading } else { Look::Wrapped };
        let height = (1 + line.chars().count() / INSTRUCTIONS_CHARS) * LINE_HEIGHT;
        row(&mut out, number, Some(height), look, &[&line]);
    }
    out.extend(sheet_tail(None, &[], false));
    out
}

/// The `general` tab.
pub(super) fn general(rows: &[(String, String)]) -> Vec<u8> {
    let mut out = sheet_head(&[GENERAL_WIDTH; 2], true);
    row(&mut out, 1, None, Look::Header, &GENERAL);
    for (number, (attribute, value)) in (2..).zip(rows) {
        row(&mut out, number, None, Look::Text, &[attribute, value]);
    }
    out.extend(sheet_tail(None, &[], false));
    out
}

/// The `categories` tab.
pub(super) fn categories(rows: &[Category]) -> Vec<u8> {
    let mut out = sheet_head(&CATEGORIES.map(|column| column.width), true);
    row(&mut out, 1, None, Look::Header, &CATEGORIES.map(|column| column.name));
    for (number, category) in (2..).zip(rows) {
        row(&mut out, number, None, Look::Text, &[&category.id, &category.name, &category.description]);
    }
    out.extend(sheet_tail(None, &[], false));
    out
}

fn row(out: &mut Vec<u8>, number: u32, height: Option<usize>, look: Look, texts: &[&str]) {
    let number = number.to_string();
    let height = height.map_or_else(String::new, |height| format!(" ht=\"{height}\" customHeight=\"1\""));
    out.extend_from_slice(format!("<row r=\"{number}\"{height}>").as_bytes());
    for (at, text) in texts.iter().enumerate().filter(|(_, text)| !text.is_empty()) {
        cell(out, &letters(at), &number, look, text);
    }
    out.extend_from_slice(b"</row>");
}
