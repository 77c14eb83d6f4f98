//! What the template's sheets have in common: their looks, and text in cells.

use ledger::Moment;
use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, FormatBorder, Note, Workbook, Worksheet, XlsxError,
};

use super::{CELL_UNITS_MAX, text};

/// The number format of text, `@`: what is typed over such a cell stays as typed.
const AS_TEXT: u8 = 49;
const GREY: u32 = 0x00D9_D9D9;
const BLUE: u32 = 0x00DD_EBF7;
const FAINT: u32 = 0x0080_8080;
/// The screen width of a note and the height of one line of it, in pixels.
const NOTE_WIDTH: u32 = 340;
const NOTE_LINE_HEIGHT: u32 = 18;
/// Characters of the note's font that fit its width.
const NOTE_LINE_CHARS: usize = 48;
const LINE_HEIGHT: u32 = 15;
const NOTE_LINES_MAX: usize = 20;

/// The looks of cells.
pub(super) struct Looks {
    /// A header of the vendor's.
    pub(super) header: Format,
    /// A header of ours, or of a column that must be filled.
    pub(super) strong_header: Format,
    /// A header of a column that nobody needs to fill.
    pub(super) faint_header: Format,
    /// Text.
    pub(super) text: Format,
    /// Long text, broken into lines.
    pub(super) wrapped: Format,
    /// A line that heads others.
    pub(super) heading: Format,
    /// A time that is typed.
    pub(super) instant: Format,
    /// A quantity that is typed: never shown rounded.
    pub(super) quantity: Format,
    /// An amount of money that is typed.
    pub(super) money: Format,
}

impl Looks {
    pub(super) fn new() -> Self {
        let text = || Format::new().set_num_format_index(AS_TEXT);
        let header = || text().set_bold().set_border_bottom(FormatBorder::Thin);
        Self {
            header: header().set_background_color(GREY),
            strong_header: header().set_background_color(BLUE),
            faint_header: header().set_font_color(FAINT).set_italic(),
            text: text(),
            wrapped: text().set_text_wrap().set_align(FormatAlign::Top),
            heading: text().set_bold(),
            instant: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            quantity: Format::new().set_num_format("0.0#######"),
            money: Format::new().set_num_format("0.00##########"),
        }
    }
}

/// Writes one text; says whether it had to be cut. Always as a string, never as a formula, number or link.
pub(super) fn put(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    value: &str,
    looks: Option<&Format>,
) -> Result<bool, XlsxError> {
    let fitting = text::fitting(value, CELL_UNITS_MAX);
    match looks {
        Some(looks) => sheet.write_string_with_format(row, column, fitting, looks)?,
        None => sheet.write_string(row, column, fitting)?,
    };
    Ok(fitting.len() < value.len())
}

/// Writes a row of texts from a column on.
pub(super) fn put_row<'a>(
    sheet: &mut Worksheet,
    row: u32,
    first: u16,
    values: impl IntoIterator<Item = &'a str>,
    looks: Option<&Format>,
) -> Result<(), XlsxError> {
    for (column, value) in (first..).zip(values) {
        put(sheet, row, column, value, looks)?;
    }
    Ok(())
}

/// On paper a sheet is one page wide.
pub(super) fn printed(sheet: &mut Worksheet) {
    sheet.set_landscape().set_print_fit_to_pages(1, 0);
}

/// Makes a row as high as its texts need, each with the characters that fit its column: programs don't all measure rows
/// when they open a file.
pub(super) fn grow(sheet: &mut Worksheet, row: u32, texts: &[(impl AsRef<str>, usize)]) -> Result<(), XlsxError> {
    let lines = texts.iter().map(|(text, width)| 1 + text.as_ref().chars().count() / width.max(&1)).max().unwrap_or(1);
    sheet.set_row_height(row, LINE_HEIGHT * u32::try_from(lines).unwrap_or(1))?;
    Ok(())
}

/// A note as wide as a sentence and as high as its lines.
pub(super) fn note(value: &str) -> Note {
    let lines = value.lines().map(|line| 1 + line.chars().count() / NOTE_LINE_CHARS).sum::<usize>();
    let lines = u32::try_from(lines.clamp(2, NOTE_LINES_MAX)).unwrap_or_default();
    Note::new(text::for_note(value))
        .set_author("usage-ledger")
        .add_author_prefix(false)
        .set_width(NOTE_WIDTH)
        .set_height((lines + 1) * NOTE_LINE_HEIGHT)
}

/// What the file says about itself. The time is the caller's, so that the same workbook has the same bytes.
pub(super) fn describe(workbook: &mut Workbook, title: &str, created: Moment) -> Result<(), XlsxError> {
    const TITLE_UNITS_MAX: usize = 255;
    let created = ExcelDateTime::from_timestamp(created.0.div_euclid(Moment::SECOND))?;
    let title = text::fitting(title, TITLE_UNITS_MAX);
    let properties = DocProperties::new().set_title(title).set_author("usage-ledger").set_creation_datetime(&created);
    workbook.set_properties(&properties);
    Ok(())
}
