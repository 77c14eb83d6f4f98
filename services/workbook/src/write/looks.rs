//! The parts of a workbook of records that say what it is made of: looks, tabs, properties. Always the same but for the
//! title, the time and the tabs.

use ledger::Moment;

use super::markup::escaped;
use super::text;

/// The characters of a title that programs keep.
const TITLE_UNITS_MAX: usize = 255;
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";
const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
const RELATIONSHIPS: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006";
/// Beside a text of several lines the others stand at its first.
const TOP: &str = "<alignment vertical=\"top\"/>";
const TYPES: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml";

/// The formats of cells, in the order of [`super::markup::Look`]: everything is text (`@`, number 49), so that what is
/// typed over a cell stays as typed.
pub(super) fn styles() -> String {
    let font = |more: &str| format!("<font>{more}<sz val=\"11\"/><name val=\"Calibri\"/><family val=\"2\"/></font>");
    let fill = |colour: &str| {
        format!(
            "<fill><patternFill patternType=\"solid\"><fgColor rgb=\"FF{colour}\"/><bgColor indexed=\"64\"/></patternFill></fill>"
        )
    };
    let format = |font: u8, fill: u8, border: u8, more: &str| {
        let head = format!(
            "<xf numFmtId=\"49\" fontId=\"{font}\" fillId=\"{fill}\" borderId=\"{border}\" xfId=\"0\" applyNumberFormat=\"1\""
        );
        format!("{head} applyFont=\"1\" applyFill=\"1\" applyBorder=\"1\" applyAlignment=\"1\">{more}</xf>")
    };
    let fonts = [
        font(""),
        font("<b/>"),
        "<font><sz val=\"11\"/><color rgb=\"FF9C0006\"/><name val=\"Calibri\"/><family val=\"2\"/></font>".to_owned(),
        "<font><u/><sz val=\"11\"/><color rgb=\"FF0563C1\"/><name val=\"Calibri\"/><family val=\"2\"/></font>"
            .to_owned(),
    ];
    let plain = "<fill><patternFill patternType=\"none\"/></fill><fill><patternFill patternType=\"gray125\"/></fill>";
    let fills = ["D9D9D9", "DDEBF7", "FFC7CE", "FFEB9C"].map(fill);
    let formats = [
        "<xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\" xfId=\"0\"/>".to_owned(),
        format(0, 0, 0, TOP),
        format(0, 0, 0, "<alignment vertical=\"top\" wrapText=\"1\"/>"),
        format(1, 0, 0, TOP),
        format(1, 2, 1, TOP),
        format(1, 3, 1, TOP),
        format(2, 4, 0, TOP),
        format(0, 5, 0, TOP),
        format(3, 0, 0, TOP),
    ];
    let side = "<left/><right/><top/>";
    format!(
        "{DECLARATION}<styleSheet xmlns=\"{MAIN}\"><fonts count=\"{}\">{}</fonts><fills count=\"6\">{plain}{}</fills>\
         <borders count=\"2\"><border>{side}<bottom/><diagonal/></border>\
         <border>{side}<bottom style=\"thin\"><color auto=\"1\"/></bottom><diagonal/></border></borders>\
         <cellStyleXfs count=\"1\"><xf numFmtId=\"0\" fontId=\"0\" fillId=\"0\" borderId=\"0\"/></cellStyleXfs>\
         <cellXfs count=\"{}\">{}</cellXfs>\
         <cellStyles count=\"1\"><cellStyle name=\"Normal\" xfId=\"0\" builtinId=\"0\"/></cellStyles></styleSheet>",
        fonts.len(),
        fonts.concat(),
        fills.concat(),
        formats.len(),
        formats.concat(),
    )
}

/// What the package points to.
pub(super) fn package_links() -> String {
    format!(
        "{DECLARATION}<Relationships xmlns=\"{PACKAGE}/relationships\">\
         <Relationship Id=\"rId1\" Type=\"{RELATIONSHIPS}/officeDocument\" Target=\"xl/workbook.xml\"/>\
         <Relationship Id=\"rId2\" Type=\"{PACKAGE}/relationships/metadata/core-properties\" Target=\"docProps/core.xml\"/>\
         <Relationship Id=\"rId3\" Type=\"{RELATIONSHIPS}/extended-properties\" Target=\"docProps/app.xml\"/>\
         </Relationships>"
    )
}

/// What the file says about itself. The time is the caller's, so that the same workbook has the same bytes.
pub(super) fn properties(title: &str, created: Moment) -> Vec<u8> {
    let time = created.sheet().replacen(' ', "T", 1);
    let mut out = format!(
        "{DECLARATION}<cp:coreProperties xmlns:cp=\"{PACKAGE}/metadata/core-properties\" \
         xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns:dcterms=\"http://purl.org/dc/terms/\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><dc:title>"
    )
    .into_bytes();
    escaped(&mut out, text::fitting(title, TITLE_UNITS_MAX));
    let times = ["created", "modified"]
        .map(|name| format!("<dcterms:{name} xsi:type=\"dcterms:W3CDTF\">{time}Z</dcterms:{name}>"));
    let rest = format!("</dc:title><dc:creator>usage-ledger</dc:creator>{}</cp:coreProperties>", times.concat());
    out.extend_from_slice(rest.as_bytes());
    out
}

/// The program.
pub(super) fn application() -> String {
    format!(
        "{DECLARATION}<Properties xmlns=\"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties\">\
         <Application>usage-ledger</Application></Properties>"
    )
}

/// The tabs, and the ranges that can be filtered by the tab's place.
pub(super) fn workbook(tabs: &[&str], filters: &[(usize, &str, String)]) -> String {
    let sheets =
        (1..).zip(tabs).map(|(at, name)| format!("<sheet name=\"{name}\" sheetId=\"{at}\" r:id=\"rId{at}\"/>"));
    let filters: String = filters
        .iter()
        .map(|(at, tab, range)| {
            let range = absolute(range);
            let attributes = format!("name=\"_xlnm._FilterDatabase\" localSheetId=\"{at}\" hidden=\"1\"");
            format!("<definedName {attributes}>{tab}!{range}</definedName>")
        })
        .collect();
    let names = if filters.is_empty() { filters } else { format!("<definedNames>{filters}</definedNames>") };
    format!(
        "{DECLARATION}<workbook xmlns=\"{MAIN}\" xmlns:r=\"{RELATIONSHIPS}\"><bookViews>\
         <workbookView xWindow=\"0\" yWindow=\"0\" windowWidth=\"24000\" windowHeight=\"12000\"/></bookViews>\
         <sheets>{}</sheets>{names}</workbook>",
        sheets.collect::<String>(),
    )
}

/// What the workbook points to.
pub(super) fn workbook_links(tabs: usize) -> String {
    let sheets = (1..=tabs).map(|at| {
        format!("<Relationship Id=\"rId{at}\" Type=\"{RELATIONSHIPS}/worksheet\" Target=\"worksheets/sheet{at}.xml\"/>")
    });
    format!(
        "{DECLARATION}<Relationships xmlns=\"{PACKAGE}/relationships\">{}\
         <Relationship Id=\"rId{}\" Type=\"{RELATIONSHIPS}/styles\" Target=\"styles.xml\"/></Relationships>",
        sheets.collect::<String>(),
        tabs + 1,
    )
}

/// What a sheet with notes points to.
pub(super) fn note_links() -> String {
    format!(
        "{DECLARATION}<Relationships xmlns=\"{PACKAGE}/relationships\">\
         <Relationship Id=\"rId1\" Type=\"{RELATIONSHIPS}/vmlDrawing\" Target=\"../drawings/vmlDrawing1.vml\"/>\
         <Relationship Id=\"rId2\" Type=\"{RELATIONSHIPS}/comments\" Target=\"../comments1.xml\"/></Relationships>"
    )
}

/// What each part is.
pub(super) fn content_types(tabs: usize, has_notes: bool) -> String {
    let part = |name: &str, kind: &str| format!("<Override PartName=\"/{name}\" ContentType=\"{kind}\"/>");
    let mut parts = vec![
        part("xl/workbook.xml", &format!("{TYPES}.sheet.main+xml")),
        part("xl/styles.xml", &format!("{TYPES}.styles+xml")),
        part("docProps/core.xml", "application/vnd.openxmlformats-package.core-properties+xml"),
        part("docProps/app.xml", "application/vnd.openxmlformats-officedocument.extended-properties+xml"),
    ];
    parts.extend((1..=tabs).map(|at| part(&format!("xl/worksheets/sheet{at}.xml"), &format!("{TYPES}.worksheet+xml"))));
    if has_notes {
        parts.push(part("xl/comments1.xml", &format!("{TYPES}.comments+xml")));
    }
    format!(
        "{DECLARATION}<Types xmlns=\"{PACKAGE}/content-types\">\
         <Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.relationships+xml\"/>\
         <Default Extension=\"xml\" ContentType=\"application/xml\"/>\
         <Default Extension=\"vml\" ContentType=\"application/vnd.openxmlformats-officedocument.vmlDrawing\"/>{}</Types>",
        parts.concat(),
    )
}

/// `A1:C9` as `$A$1:$C$9`.
fn absolute(range: &str) -> String {
    let mut out = String::new();
    let mut before = ':';
    for c in range.chars() {
        let begins = c.is_ascii_alphabetic() && !before.is_ascii_alphabetic();
        if begins || (c.is_ascii_digit() && before.is_ascii_alphabetic()) {
            out.push('$');
        }
        out.push(c);
        before = c;
    }
    out
}
