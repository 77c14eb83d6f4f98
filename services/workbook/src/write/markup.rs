//! SpreadsheetML by hand: cells that hold text and nothing else.

use super::{CELL_UNITS_MAX, text};

/// What a cell looks like: its number among the formats of [`super::looks::styles`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Text.
    Text = 1,
    /// Long text, broken into lines.
    Wrapped = 2,
    /// A line that heads others.
    Heading = 3,
    /// A header of the vendor's.
    Header = 4,
    /// A header of ours.
    StrongHeader = 5,
    /// What is wrong.
    Error = 6,
    /// What is worth a look.
    Warning = 7,
    /// A link to a cell of the same workbook.
    Link = 8,
}

/// What no text may hold as it is, by its first byte. 0xEF begins U+FFFE and U+FFFF, which no XML can hold.
const SPECIAL: [bool; 256] = {
    let mut special = [false; 256];
    let mut at = 0;
    while at < 256 {
        special[at] = (at < 0x20 && at != 9 && at != 10) || matches!(at as u8, b'&' | b'<' | b'>' | b'_' | 0xEF);
        at += 1;
    }
    special
};

/// Appends a text as an element of XML holds it. What XML can't hold, and what
/// looks as if it were written so, becomes `_xHHHH_` (ECMA-376 part 1, 22.9.2.19).
pub(super) fn escaped(out: &mut Vec<u8>, value: &str) {
    let bytes = value.as_bytes();
    let mut from = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if !SPECIAL.get(usize::from(*byte)).copied().unwrap_or_default() {
            continue;
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let (length, replaced): (usize, &[u8]) = match byte {
            b'&' => (1, b"&amp;"),
            b'<' => (1, b"&lt;"),
            b'>' => (1, b"&gt;"),
            b'_' if is_escape(rest) => (1, b"_x005F_"),
            0xEF if rest.starts_with(b"\xEF\xBF\xBE") => (3, b"_xFFFE_"),
            0xEF if rest.starts_with(b"\xEF\xBF\xBF") => (3, b"_xFFFF_"),
            b'_' | 0xEF => continue,
            control => {
                out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
                out.extend_from_slice(format!("_x{control:04X}_").as_bytes());
                from = at + 1;
                continue;
            }
        };
        out.extend_from_slice(bytes.get(from..at).unwrap_or_default());
        out.extend_from_slice(replaced);
        from = at + length;
    }
    out.extend_from_slice(bytes.get(from..).unwrap_or_default());
}

fn is_escape(text: &[u8]) -> bool {
    text.get(1) == Some(&b'x')
        && text.get(6) == Some(&b'_')
        && text.get(2..6).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// Appends `<t>…</t>`.
pub(super) fn text_element(out: &mut Vec<u8>, value: &str) {
    let is_blank = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    let bytes = value.as_bytes();
    let keep = is_blank(bytes.first()) || is_blank(bytes.last());
    out.extend_from_slice(if keep { b"<t xml:space=\"preserve\">" } else { b"<t>" });
    escaped(out, value);
    out.extend_from_slice(b"</t>");
}

/// Appends a cell; says whether its text had to be cut.
pub(super) fn cell(out: &mut Vec<u8>, column: &str, row: &str, look: Look, value: &str) -> bool {
    let fitting = text::fitting(value, CELL_UNITS_MAX);
    out.extend_from_slice(b"<c r=\"");
    out.extend_from_slice(column.as_bytes());
    out.extend_from_slice(row.as_bytes());
    out.extend_from_slice(b"\" s=\"");
    out.push(b'0' + look as u8);
    if fitting.is_empty() {
        out.extend_from_slice(b"\"/>");
    } else {
        out.extend_from_slice(b"\" t=\"inlineStr\"><is>");
        text_element(out, fitting);
        out.extend_from_slice(b"</is></c>");
    }
    fitting.len() < value.len()
}

/// The letters of a column, from 0.
pub(super) fn letters(column: usize) -> String {
    let (mut rest, mut letters) = (column + 1, Vec::new());
    while rest > 0 {
        letters.push(b'A' + u8::try_from((rest - 1) % 26).unwrap_or_default());
        rest = (rest - 1) / 26;
    }
    letters.reverse();
    String::from_utf8(letters).unwrap_or_default()
}

/// The beginning of a sheet, up to its rows.
pub(super) fn sheet_head(widths: &[u8], is_frozen: bool) -> Vec<u8> {
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<worksheet \
         xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" \
         xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\">\
         <sheetPr><pageSetUpPr fitToPage=\"1\"/></sheetPr><sheetViews><sheetView workbookViewId=\"0\">",
    );
    if is_frozen {
        out.push_str(
            "<pane ySplit=\"1\" topLeftCell=\"A2\" activePane=\"bottomLeft\" state=\"frozen\"/>\
             <selection pane=\"bottomLeft\" activeCell=\"A2\" sqref=\"A2\"/>",
        );
    }
    out.push_str("</sheetView></sheetViews><sheetFormatPr defaultRowHeight=\"15\"/>");
    if !widths.is_empty() {
        out.push_str("<cols>");
        for (at, width) in (1..).zip(widths) {
            // What a width in characters takes with the padding that Excel adds.
            let column =
                format!("<col min=\"{at}\" max=\"{at}\" width=\"{width}.7109375\" style=\"1\" customWidth=\"1\"/>");
            out.push_str(&column);
        }
        out.push_str("</cols>");
    }
    out.push_str("<sheetData>");
    out.into_bytes()
}

/// The end of a sheet after its rows: what can be filtered, links to cells of this workbook, notes.
pub(super) fn sheet_tail(filter: Option<&str>, links: &[(String, String)], has_notes: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |text: &str| out.extend_from_slice(text.as_bytes());
    put("</sheetData>");
    if let Some(range) = filter {
        put(&format!("<autoFilter ref=\"{range}\"/>"));
    }
    if !links.is_empty() {
        put("<hyperlinks>");
        for (place, target) in links {
            put(&format!("<hyperlink ref=\"{place}\" location=\"{target}\" display=\"{target}\"/>"));
        }
        put("</hyperlinks>");
    }
    put("<pageMargins left=\"0.5\" right=\"0.5\" top=\"0.5\" bottom=\"0.5\" header=\"0.3\" footer=\"0.3\"/>");
    put("<pageSetup orientation=\"landscape\" fitToHeight=\"0\"/>");
    // No green corners at numbers: that they are text is meant.
    put("<ignoredErrors><ignoredError sqref=\"A1:XFD1048576\" numberStoredAsText=\"1\"/></ignoredErrors>");
    if has_notes {
        put("<legacyDrawing r:id=\"rId1\"/>");
    }
    put("</worksheet>");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_escaped_where_xml_needs_it() {
        for (text, xml) in [
            ("plain", "plain"),
            ("<a> & \"b\"", "&lt;a&gt; &amp; \"b\""),
            ("\u{1}\r\t\n", "_x0001__x000D_\t\n"),
            ("_x0041_", "_x005F_x0041_"),
            ("_x0041_x0042_", "_x005F_x0041_x005F_x0042_"),
            ("__x00e9__x00", "__x005F_x00e9__x00"),
            ("a_b ü \u{fffd}", "a_b ü \u{fffd}"),
            ("\u{fffe}x\u{ffff}", "_xFFFE_x_xFFFF_"),
        ] {
            let mut out = Vec::new();
            escaped(&mut out, text);
            assert_eq!(String::from_utf8(out).unwrap(), xml);
        }
    }

    #[test]
    fn columns_have_their_letters() {
        for (column, expected) in [(0, "A"), (25, "Z"), (26, "AA"), (701, "ZZ"), (702, "AAA"), (16_383, "XFD")] {
            assert_eq!(letters(column), expected);
        }
    }
}
