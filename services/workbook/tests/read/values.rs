//! What a cell's XML means: the files that other readers get wrong without a word, each with its right value.

use crate::make::{Book, both, workbook_xml};

/// Row 1 with these cells gives these cells.
fn check(cells: &str, expected: &str) {
    let zip = Book::of_cells(cells).strings("<si><t>zero</t></si><si><t>one</t></si>").zip();
    let lines = both(&zip).unwrap_or_else(|error| panic!("{cells}: {error}"));
    let expected = if expected.is_empty() { "1".to_owned() } else { format!("1 {expected}") };
    assert_eq!(lines, [expected], "{cells}");
}

fn refuse(rows: &str, expected: &str) {
    assert_eq!(both(&Book::of_rows(rows).zip()), Err(expected.to_owned()), "{rows}");
}

#[test]
fn numbers_keep_their_raw_text() {
    check("<c r=\"A1\"><v>92.65000000000001</v></c>", "| A1 Number \"92.65000000000001\"");
    check(
        "<c r=\"A1\" t=\"n\"><v>12345678901234567890.12345678</v></c>",
        "| A1 Number \"12345678901234567890.12345678\"",
    );
    check("<c r=\"A1\"><v>123456789012345678</v></c>", "| A1 Number \"123456789012345678\"");
    check("<c r=\"A1\"><v> 7 </v></c>", "| A1 Number \"7\"");
    for raw in ["NaN", "Infinity", "1e400", "1,234.5", "0x10", "1_000", "+5", "007", "-0", "1E-7"] {
        check(&format!("<c r=\"A1\"><v>{raw}</v></c>"), &format!("| A1 Number {raw:?}"));
    }
}

#[test]
fn values_that_xml_cuts_into_pieces_are_joined() {
    check("<c r=\"A1\"><v>12<!-- x -->34</v></c>", "| A1 Number \"1234\"");
    check("<c r=\"A1\"><v><![CDATA[77]]></v></c>", "| A1 Number \"77\"");
    check("<c r=\"A1\"><v>&#49;&#x32;</v></c>", "| A1 Number \"12\"");
    check("<c r=\"A1\"><v>1<?pi x?>2</v></c>", "| A1 Number \"12\"");
    check("<!-- a --><c r=\"A1\"><!-- b --><v>1</v><!-- c --></c><!-- d -->", "| A1 Number \"1\"");
    check(
        "<c r=\"A1\" t=\"inlineStr\"><is><r><t>a </t></r><r><rPr><b/></rPr><t xml:space=\"preserve\"> b</t></r>\
         <rPh sb=\"0\" eb=\"1\"><t>phonetic</t></rPh><phoneticPr fontId=\"1\"/></is></c>",
        "| A1 Text \"a b\"",
    );
    check("<c r='A1' t='inlineStr'><is><t><![CDATA[<a>]]>&amp;</t></is></c>", "| A1 Text \"<a>&\"");
}

#[test]
fn texts_are_what_was_typed() {
    let inline = |xml: &str| format!("<c r=\"A1\" t=\"inlineStr\"><is><t{xml}</t></is></c>");
    check(&inline("> a </is>".strip_suffix("</is>").unwrap()), "| A1 Text \"a\"");
    check(&inline(" xml:space=\"preserve\"> a "), "| A1 Text \" a \"");
    check(&inline(">a &lt;b&gt; &quot;&apos;&amp;"), "| A1 Text \"a <b> \\\"'&\"");
    check(&inline(">Ünï😀 שלום e\u{301}"), "| A1 Text \"Ünï😀 שלום e\\u{301}\"");
    check(&inline(">_x0041__x005F_x0041_ _xZ"), "| A1 Text \"A_x0041_ _xZ\"");
    check(&inline(">a_b_c"), "| A1 Text \"a_b_c\"");
    check(&inline(">a\r\nb\rc"), "| A1 Text \"a\\nb\\nc\"");
    check(&inline(">a_x000D_b&#13;"), "| A1 Text \"a\\rb\"");
    check(&inline(">=cmd|' /C calc'!A0"), "| A1 Text \"=cmd|' /C calc'!A0\"");
    check(&inline(">"), "");
    check("<c r=\"A1\" t=\"inlineStr\"><is><t/></is></c>", "");
    check("<c r=\"A1\" t=\"inlineStr\"><is/></c>", "");
    check("<c r=\"A1\" t=\"inlineStr\"><v>x</v></c>", "| A1 Text \"x\"");
    check("<c r=\"A1\" t=\"str\"><v> x_x0041_ </v></c>", "| A1 Text \"xA\"");
    check("<c r=\"A1\" t=\"str\"><v xml:space=\"preserve\"> x </v></c>", "| A1 Text \" x \"");
}

#[test]
fn characters_that_no_text_holds_are_flagged() {
    for bad in ["&#0;", "_x0000_", "\0", "\u{1}", "\u{ffff}", "&#xFFFE;", "_xD800_", "&#xD800;", "&#x110000;"] {
        let cell = format!("<c r=\"A1\" t=\"inlineStr\"><is><t>a{bad}b</t></is></c><c r=\"B1\"><v>1</v></c>");
        check(&cell, "| A1 Text \"a\u{fffd}b\" !IllegalCharacter | B1 Number \"1\"");
    }
    let mut book = Book::of_cells("<c r=\"A1\" t=\"inlineStr\"><is><t>a?b</t></is></c>");
    let at = book.sheet.iter().rposition(|byte| *byte == b'?').unwrap();
    for byte in [0xFF, 0xC3, 0x80] {
        book.sheet[at] = byte;
        assert_eq!(both(&book.zip()), Ok(vec!["1 | A1 Text \"a\u{fffd}b\" !IllegalCharacter".to_owned()]));
    }
    let zip = Book::of_cells("<c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"B1\" t=\"s\"><v>1</v></c>")
        .strings("<si><t>a&#0;</t></si><si><t>\u{fffd}</t></si>")
        .zip();
    let line = "1 | A1 Text \"a\u{fffd}\" !IllegalCharacter | B1 Text \"\u{fffd}\"";
    assert_eq!(both(&zip), Ok(vec![line.to_owned()]));
}

#[test]
fn shared_strings_are_found_or_flagged() {
    check("<c r=\"A1\" t=\"s\"><v>1</v></c>", "| A1 Text \"one\"");
    check("<c r=\"A1\" t=\"s\"><v> 1 </v></c>", "| A1 Text \"one\"");
    check("<c r=\"A1\" t=\"s\"/>", "");
    for bad in ["abc", "-1", "2", "", "1.0", "+1", "99999999999999999999"] {
        let cell = format!("<c r=\"A1\" t=\"s\"><v>{bad}</v></c>");
        check(&cell, &format!("| A1 Text {bad:?} !BadSharedString"));
    }
}

#[test]
fn shared_strings_of_any_shape() {
    let items = "<si><t>a</t></si><si/><si><t/></si><si></si>\n<si><r><t>b</t></r><r><rPr><b/></rPr><t xml:space=\"preserve\"> c</t></r>\
                 <rPh sb=\"0\" eb=\"1\"><t>no</t></rPh></si><!-- x --><si><t>d<!-- e -->f</t><phoneticPr/></si><si><t>&lt;_x0041_</t></si>";
    let cells: String = (0..8).map(|at| format!("<c t=\"s\"><v>{at}</v></c>")).collect();
    let zip = Book::of_cells(&cells).strings(items).zip();
    let line = "1 | A1 Text \"a\" | E1 Text \"b c\" | F1 Text \"df\" | G1 Text \"<A\" | H1 Text \"7\" !BadSharedString";
    assert_eq!(both(&zip), Ok(vec![line.to_owned()]));
}

#[test]
fn long_texts_are_cut_with_their_length() {
    let long = "é".repeat(40_000);
    for cell in [
        format!("<c r=\"A1\" t=\"inlineStr\"><is><t>{long}</t></is></c>"),
        "<c r=\"A1\" t=\"s\"><v>0</v></c>".to_owned(),
    ] {
        let zip = Book::of_cells(&cell).strings(&format!("<si><t>{long}</t></si>")).zip();
        let lines = both(&zip).unwrap();
        let cut = "é".repeat(32_767);
        assert_eq!(lines, [format!("1 | A1 Text {cut:?} !TooLong {{ units: 40000 }}")]);
    }
}

#[test]
fn formulas_give_what_was_calculated() {
    check("<c r=\"A1\"><f>1+1</f><v>2</v></c>", "| A1 Number \"2\"");
    check("<c r=\"A1\" t=\"str\"><f>A2&amp;\"x\"</f><v>ax</v></c>", "| A1 Text \"ax\"");
    check("<c r=\"A1\" t=\"b\"><f t=\"shared\" ref=\"A1:A9\" si=\"0\"/><v>1</v></c>", "| A1 Bool \"TRUE\"");
    check("<c r=\"A1\"><v>2</v><f>1+1</f></c>", "| A1 Number \"2\"");
    for none in ["<f>1+1</f>", "<f>1+1</f><v></v>", "<f>1+1</f><v/>", "<f/>"] {
        check(&format!("<c r=\"A1\">{none}</c>"), "| A1 FormulaWithoutValue \"\"");
    }
    check("<c r=\"A1\" t=\"str\"><f>1</f></c>", "| A1 FormulaWithoutValue \"\"");
}

#[test]
fn a_zero_that_no_program_calculated_is_no_value() {
    let cells = "<c r=\"A1\"><f>B1*2</f><v>0</v></c><c r=\"B1\"><f>1+1</f><v>2</v></c><c r=\"C1\"><v>0</v></c>";
    let mut book = Book::of_cells(cells);
    assert_eq!(both(&book.zip()), Ok(vec!["1 | A1 Number \"0\" | B1 Number \"2\" | C1 Number \"0\"".to_owned()]));
    book.workbook = workbook_xml("<calcPr fullCalcOnLoad=\"1\"/>", &["records"]);
    let line = "1 | A1 FormulaWithoutValue \"0\" | B1 Number \"2\" | C1 Number \"0\"";
    assert_eq!(both(&book.zip()), Ok(vec![line.to_owned()]));
}

#[test]
fn other_kinds_of_cells() {
    check("<c r=\"A1\" t=\"b\"><v>1</v></c><c r=\"B1\" t=\"b\"><v>0</v></c>", "| A1 Bool \"TRUE\" | B1 Bool \"FALSE\"");
    check("<c r=\"A1\" t=\"b\"><v>2</v></c>", "| A1 Bool \"2\" !BadBool");
    check("<c r=\"A1\" t=\"e\"><v>#DIV/0!</v></c>", "| A1 Error \"#DIV/0!\"");
    check("<c r=\"A1\" t=\"e\"><v>#SPILL!</v></c>", "| A1 Error \"#SPILL!\"");
    check("<c r=\"A1\" t=\"x\"><v>1</v></c>", "| A1 Text \"1\" !UnknownType");
    check("<c r=\"A1\" t=\"d\"><v>2021-07-01T12:30:00</v></c>", "| A1 Date \"2021-07-01 12:30:00\"");
    check("<c r=\"A1\" t=\"d\"><v>soon</v></c>", "| A1 Date \"soon\" !BadDate(NotIso)");
    check("<c r=\"A1\" s=\"3\"/><c r=\"B1\"></c><c r=\"C1\"><v></v></c>", "");
}

#[test]
fn what_is_no_value_in_a_cell_is_flagged() {
    check("<c r=\"A1\"><v>1</v><v>2</v></c>", "| A1 Number \"1\" !ValueTwice");
    check("<c r=\"A1\" t=\"inlineStr\"><v>1</v><is><t>2</t></is></c>", "| A1 Text \"1\" !ValueTwice");
    check("<c r=\"A1\"><foo/><v>1</v></c>", "| A1 Number \"1\" !Unexpected");
    check("<c r=\"A1\"><foo><v>9</v></foo></c>", "| A1 Text \"\" !Unexpected");
    check("<c r=\"A1\"><v>1<b>2</b></v></c>", "| A1 Number \"1\" !Unexpected");
    check("<c r=\"A1\">7</c>", "| A1 Text \"\" !Unexpected");
    check("<c r=\"A1\">&#55;<v>1</v></c>", "| A1 Number \"1\" !Unexpected");
    check("<c r=\"A1\"><is><t>x</t></is></c>", "| A1 Text \"\" !Unexpected");
    check("<c r=\"A1\"><v>1</v><extLst><ext/></extLst></c>", "| A1 Number \"1\"");
    check("<c r=\"A1\"><v>1</v></c>x<c r=\"B1\"><v>2</v></c>", "| A1 Number \"1\" | B1 Number \"2\" !! B1 Unexpected");
    check("<foo><c r=\"A1\"><v>1</v></c></foo>", "!! A1 Unexpected");
}

#[test]
fn cells_know_their_place() {
    check(
        "<c><v>1</v></c><c r=\"D1\"><v>2</v></c><c><v>3</v></c>",
        "| A1 Number \"1\" | D1 Number \"2\" | E1 Number \"3\"",
    );
    check("<c r=\"XFD1\"><v>1</v></c>", "| XFD1 Number \"1\"");
    check(
        "<c r=\"A1\"><v>1</v></c><c r=\"A1\"><v>2</v></c>",
        "| A1 Number \"1\" | A1 Number \"2\" !Duplicate !! A1 Duplicate",
    );
    check(
        "<c r=\"B1\"><v>1</v></c><c r=\"A1\"><v>2</v></c><c r=\"C1\"/>",
        "| B1 Number \"1\" | A1 Number \"2\" !OutOfOrder !! A1 OutOfOrder",
    );
    for bad in ["XFE1", "ZZZZZZZZZ99999999999", "A2", "A", "1", "", "a1", "A01", "$A$1", "R1C1", "A1 ", "AAAA1"] {
        let cells = format!("<c r=\"C1\"><v>1</v></c><c r=\"{bad}\"><v>2</v></c>");
        check(&cells, "| C1 Number \"1\" | D1 Number \"2\" !BadReference !! D1 BadReference");
    }
    check("<c r=\"&#65;1\" x:r=\"C1\"><v>1</v></c>", "| A1 Number \"1\"");
}

#[test]
fn rows_know_their_place() {
    let lines = |rows: &str| both(&Book::of_rows(rows).zip()).unwrap();
    let cell = "<c><v>1</v></c>";
    assert_eq!(
        lines(&format!("<row>{cell}</row>\n <row r=\"5\">{cell}</row><row/><row r=\"1048576\" spans=\"1:1\" />")),
        ["1 | A1 Number \"1\"", "5 | A5 Number \"1\"", "6", "1048576"]
    );
    refuse("<row r=\"5\"/><row r=\"5\"/>", "RowOrder");
    refuse("<row r=\"5\"/><row r=\"4\"/>", "RowOrder");
    refuse("<row r=\"0\"/>", "RowNumber");
    refuse("<row r=\"x\"/>", "RowNumber");
    refuse("<row r=\"-1\"/>", "RowNumber");
    refuse("<row r=\"\"/>", "RowNumber");
    refuse("<row r=\"1048577\"/>", "TooManyRows");
    refuse("<row r=\"99999999999999\"/>", "TooManyRows");
    refuse("<row r=\"1048576\"/><row/>", "TooManyRows");
    refuse("<row r=\"1\" r=\"2\"/>", "Xml");
    refuse("<foo><row/></foo>", "Unexpected");
    refuse("<row/>x<row/>", "Unexpected");
    refuse("<row/>&#32;<row/>", "Unexpected");
    refuse("<row><c></row></c>", "Xml");
    refuse("<row><c><v>&nbsp;</v></c></row>", "Xml");
    refuse("<row><c><v>a & b</v></c></row>", "Xml");
    refuse("<row><c><f>a & b</f></c></row>", "Xml");
    refuse("</sheetData><sheetData>", "Unexpected");
}

#[test]
fn sheets_of_other_shapes_give_the_same() {
    let expected = Ok(vec!["1 | A1 Text \"a\" | B1 Number \"2\"".to_owned()]);
    let plain = "<row r=\"1\"><c r=\"A1\" t=\"inlineStr\"><is><t>a</t></is></c><c r=\"B1\"><v>2</v></c></row>";
    let prefixed = plain.replace("</", "</x:").replace('<', "<x:").replace("<x:/x:", "</x:");
    let prefixed = format!("<x:worksheet xmlns:x=\"urn:x\"><x:sheetData>{prefixed}</x:sheetData></x:worksheet>");
    let spaced = plain.replace("><", ">\n  <").replace("<t>\n  ", "<t>").replace("\">", "\" >");
    let spaced = format!("<worksheet>\n<sheetData>\n{spaced}\n</sheetData>\n</worksheet>\n");
    let quoted = format!("<worksheet><sheetData>{}</sheetData></worksheet>", plain.replace('"', "'"));
    for sheet in [prefixed, spaced, quoted] {
        assert_eq!(both(&Book::of_sheet(sheet.clone()).zip()), expected, "{sheet}");
    }
    let sheet =
        format!("<?xml version=\"1.0\" encoding=\"UTF-16\"?><worksheet><sheetData>{plain}</sheetData></worksheet>");
    for (mark, big) in [("\u{feff}", false), ("\u{feff}", true), ("", false), ("", true)] {
        let units = format!("{mark}{sheet}");
        let bytes: Vec<u8> =
            units.encode_utf16().flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect();
        assert_eq!(both(&Book::of_sheet(bytes).zip()), expected, "UTF-16, big endian: {big}");
    }
    // Declared as UTF-16 and written as UTF-8, with and without a byte order mark.
    assert_eq!(both(&Book::of_sheet(sheet.clone()).zip()), expected);
    assert_eq!(both(&Book::of_sheet(format!("\u{feff}{sheet}")).zip()), expected);
    let latin = sheet.replace("UTF-16", "ISO-8859-1");
    assert_eq!(both(&Book::of_sheet(latin).zip()), Err("Encoding".to_owned()));
}
