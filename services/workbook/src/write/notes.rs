//! Notes at marked cells: their texts, and the boxes that show them.

use super::markup::{letters, text_element};
use super::{NOTE_UNITS_MAX, NOTES_MAX, text};

/// The width of a note, in pixels, and the height of one of its lines.
const WIDTH: u32 = 340;
const LINE_HEIGHT: u32 = 18;
/// Characters of the note's font that fit its width.
const LINE_CHARS: usize = 48;
const LINES_MAX: usize = 20;
/// The height of a row, and what a width in characters is in pixels.
const ROW_HEIGHT: u32 = 20;
const CHARACTER_WIDTH: u32 = 7;
const PADDING: u32 = 5;
const WIDTH_BEYOND: u32 = 64;
/// Programs expect the ids of a sheet's first shapes here.
const FIRST_SHAPE: u32 = 1_025;

/// The notes of a sheet.
#[derive(Debug, Default)]
pub(super) struct Notes {
    notes: Vec<Note>,
}

#[derive(Debug)]
struct Note {
    row: u32,
    column: u16,
    text: String,
}

impl Notes {
    /// Adds a note, unless there are as many as are kept. The row counts from 0, the header.
    pub(super) fn add(&mut self, row: u32, column: u16, note: &str) {
        if self.count() < NOTES_MAX {
            self.notes.push(Note { row, column, text: text::fitting(note, NOTE_UNITS_MAX).to_owned() });
        }
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.notes.len()).unwrap_or(u32::MAX)
    }

    /// The part with the texts.
    pub(super) fn texts(&self) -> Vec<u8> {
        let mut out = b"<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<comments \
            xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><authors><author>usage-ledger</author>\
            </authors><commentList>"
            .to_vec();
        for note in &self.notes {
            let place = format!("{}{}", letters(usize::from(note.column)), note.row + 1);
            out.extend_from_slice(format!("<comment ref=\"{place}\" authorId=\"0\"><text><r>").as_bytes());
            out.extend_from_slice(b"<rPr><sz val=\"9\"/><rFont val=\"Tahoma\"/></rPr>");
            text_element(&mut out, &note.text);
            out.extend_from_slice(b"</r></text></comment>");
        }
        out.extend_from_slice(b"</commentList></comments>");
        out
    }

    /// The part with the boxes, which are hidden until someone points at the cell.
    pub(super) fn boxes(&self, widths: &[u8]) -> String {
        let mut out = String::from(
            "<xml xmlns:v=\"urn:schemas-microsoft-com:vml\" xmlns:o=\"urn:schemas-microsoft-com:office:office\" \
             xmlns:x=\"urn:schemas-microsoft-com:office:excel\"><o:shapelayout v:ext=\"edit\">\
             <o:idmap v:ext=\"edit\" data=\"1\"/></o:shapelayout><v:shapetype id=\"_x0000_t202\" \
             coordsize=\"21600,21600\" o:spt=\"202\" path=\"m,l,21600r21600,l21600,xe\"><v:stroke joinstyle=\"miter\"/>\
             <v:path gradientshapeok=\"t\" o:connecttype=\"rect\"/></v:shapetype>",
        );
        for (shape, note) in (FIRST_SHAPE..).zip(&self.notes) {
            let lines = note.text.lines().map(|line| 1 + line.chars().count() / LINE_CHARS).sum::<usize>();
            let lines = u32::try_from(lines.clamp(2, LINES_MAX)).unwrap_or_default();
            let height = (lines + 1) * LINE_HEIGHT;
            let (row, column) = (note.row, u32::from(note.column));
            let (right, over) = right_edge(widths, note.column + 1);
            let (bottom, under) = (row + height / ROW_HEIGHT, height % ROW_HEIGHT);
            out.push_str(&format!(
                "<v:shape id=\"_x0000_s{shape}\" type=\"#_x0000_t202\" \
                 style=\"position:absolute;width:{WIDTH}px;height:{height}px;z-index:1;visibility:hidden\" \
                 fillcolor=\"#ffffe1\" o:insetmode=\"auto\"><v:fill color2=\"#ffffe1\"/>\
                 <v:shadow on=\"t\" color=\"black\" obscured=\"t\"/><v:path o:connecttype=\"none\"/>\
                 <v:textbox style=\"mso-direction-alt:auto\"><div style=\"text-align:left\"/></v:textbox>\
                 <x:ClientData ObjectType=\"Note\"><x:MoveWithCells/><x:SizeWithCells/>\
                 <x:Anchor>{}, 15, {row}, 2, {right}, {over}, {bottom}, {under}</x:Anchor>\
                 <x:AutoFill>False</x:AutoFill><x:Row>{row}</x:Row><x:Column>{column}</x:Column></x:ClientData></v:shape>",
                column + 1,
            ));
        }
        out.push_str("</xml>");
        out
    }
}

/// The column in which a note ends that begins in a column, and how far in it, in pixels.
fn right_edge(widths: &[u8], first: u16) -> (u32, u32) {
    let mut left = WIDTH;
    let mut column = u32::from(first);
    loop {
        let known = widths.get(column as usize).map(|width| u32::from(*width) * CHARACTER_WIDTH + PADDING);
        let width = known.unwrap_or(WIDTH_BEYOND);
        if left < width {
            return (column, left);
        }
        left -= width;
        column += 1;
    }
}
