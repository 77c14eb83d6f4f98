//! Why a workbook can't be read at all. A fault in one cell is never here: it is data of its row.

use std::io;

/// A fault of the package, worded for the vendor who sent it: what is wrong, and what helps.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The bytes could not be fetched; nothing is wrong with the workbook.
    #[error("the file's bytes could not be read; try again")]
    Io(#[source] io::Error),
    /// No bytes at all.
    #[error("the file is empty (0 bytes); upload it again")]
    Empty,
    /// No format that we know.
    #[error("the file is not an Excel workbook; save it as .xlsx and upload it again")]
    NotAWorkbook,
    /// The zip container is cut or its directory is damaged.
    #[error("the workbook is cut off or damaged; upload it again, or save it again as .xlsx")]
    Truncated {
        /// What the container's reader found.
        detail: String,
    },
    /// An OLE container with an encrypted package.
    #[error("the workbook is protected by a password; remove the password (File > Info) and upload it again")]
    Encrypted,
    /// An OLE container: Excel 97-2003.
    #[error("the file is an old .xls workbook; save it as .xlsx (Excel Workbook) and upload it again")]
    LegacyXls,
    /// A web page, often an error page of a download.
    #[error("the file is a web page or XML text renamed to .xlsx; open it in Excel and save it as .xlsx")]
    Html,
    /// Text, most likely CSV.
    #[error("the file is a text file (CSV?) renamed to .xlsx; open it in Excel and save it as .xlsx")]
    Text,
    /// An OpenDocument package.
    #[error("the file is an OpenDocument file; save it as .xlsx (Excel Workbook) and upload it again")]
    OpenDocument,
    /// A binary workbook.
    #[error("the file is a binary .xlsb workbook; save it as .xlsx (Excel Workbook) and upload it again")]
    Xlsb,
    /// A zip without a workbook in it.
    #[error("the file is a zip archive without a workbook; upload the .xlsx itself, not an archive of it")]
    NoWorkbook,
    /// More entries than [`super::limits::ENTRIES_MAX`].
    #[error("the workbook's package has {count} entries, more than {limit}; remove pictures and other attachments")]
    TooManyEntries {
        /// Entries declared.
        count: usize,
        /// Entries allowed.
        limit: usize,
    },
    /// Two entries of one name: readers would disagree about the content.
    #[error("the workbook's package holds {name} twice, so its content is ambiguous; save it again in Excel")]
    DuplicateEntry {
        /// Name of the entry.
        name: String,
    },
    /// An encrypted zip entry.
    #[error("the part {name} is encrypted; remove the password and upload it again")]
    EncryptedEntry {
        /// Name of the entry.
        name: String,
    },
    /// A method other than stored and deflate.
    #[error("the part {name} is compressed in a way that Excel can't read; save the workbook again in Excel")]
    Compression {
        /// Name of the entry.
        name: String,
    },
    /// More inflated bytes than allowed.
    #[error("the part {part} holds more than {limit} bytes of XML; split the file")]
    PartTooLarge {
        /// Name of the part.
        part: String,
        /// Bytes allowed.
        limit: u64,
    },
    /// A zip bomb.
    #[error("the part {part} inflates more than {limit} times, as no honest workbook does; save it again in Excel")]
    Ratio {
        /// Name of the part.
        part: String,
        /// Ratio allowed.
        limit: u64,
    },
    /// Bad deflate data, a wrong checksum or size.
    #[error("the part {part} is damaged ({detail}); upload the file again, or save it again in Excel")]
    Damaged {
        /// Name of the part.
        part: String,
        /// What the inflater found.
        detail: String,
    },
    /// A part that the workbook names and the package lacks.
    #[error("the part {part} is missing from the workbook; save it again in Excel")]
    MissingPart {
        /// Name of the part.
        part: String,
    },
    /// XML that is not well-formed.
    #[error("the part {part} is not well-formed XML ({detail}); save the workbook again in Excel")]
    Xml {
        /// Name of the part.
        part: String,
        /// What the XML reader found.
        detail: String,
    },
    /// A document type declaration: no workbook needs one, and entities hide in it.
    #[error("the part {part} has a document type declaration, which is not allowed; save it again in Excel")]
    Dtd {
        /// Name of the part.
        part: String,
    },
    /// An encoding other than UTF-8 and UTF-16.
    #[error("the part {part} is encoded as {encoding}; only UTF-8 and UTF-16 are allowed; save it again in Excel")]
    Encoding {
        /// Name of the part.
        part: String,
        /// The encoding declared.
        encoding: String,
    },
    /// Nesting beyond [`super::limits::DEPTH_MAX`].
    #[error("the part {part} nests elements too deeply; save the workbook again in Excel")]
    TooDeep {
        /// Name of the part.
        part: String,
    },
    /// One piece of XML, such as a tag, a string or the space between two tags, is longer than a whole row may be.
    #[error(
        "the part {part} has a piece of XML of several megabytes, as no honest workbook does; save it again in Excel"
    )]
    Endless {
        /// Name of the part.
        part: String,
    },
    /// An element where none of its kind may be, which could hide rows.
    #[error("the part {part} has {found} where it must not be; save the workbook again in Excel")]
    Unexpected {
        /// Name of the part.
        part: String,
        /// Name of the element, or what else was found.
        found: String,
    },
    /// A part ends before it is complete.
    #[error("the part {part} ends too early; upload the file again, or save it again in Excel")]
    Unfinished {
        /// Name of the part.
        part: String,
    },
    /// Too many sheets.
    #[error("the workbook has more than {limit} sheets; remove those that are not needed")]
    TooManySheets {
        /// Sheets allowed.
        limit: usize,
    },
    /// Two sheets for one purpose.
    #[error("the workbook has two sheets for the same data, '{first}' and '{second}'; keep one of them")]
    AmbiguousSheet {
        /// Name of the first sheet.
        first: String,
        /// Name of the second sheet.
        second: String,
    },
    /// A chart or dialog where a worksheet is needed.
    #[error("the sheet '{name}' is not a worksheet with cells; put the data into a worksheet of that name")]
    NotAWorksheet {
        /// Name of the sheet.
        name: String,
    },
    /// A row, or the space before it, is longer than [`super::limits::ROW_BYTES_MAX`].
    #[error("the sheet has more than {limit} bytes of XML in or before the row after row {after}; shorten its cells")]
    RowTooLarge {
        /// The last row that was read, 0 if none.
        after: u32,
        /// Bytes allowed.
        limit: u64,
    },
    /// Rows beyond the last row of a sheet.
    #[error("the sheet has rows beyond row {limit}; split the file")]
    TooManyRows {
        /// Rows allowed.
        limit: u32,
    },
    /// A row number that is not above the one before.
    #[error(
        "row {row} comes after row {previous} in the sheet's XML, so rows are repeated or unordered; save it again"
    )]
    RowOrder {
        /// The row.
        row: u32,
        /// The row before it.
        previous: u32,
    },
    /// A row number that is none.
    #[error("the row after row {after} has the number '{text}', which is none; save the workbook again in Excel")]
    RowNumber {
        /// The last row that was read, 0 if none.
        after: u32,
        /// What stands in place of the number.
        text: String,
    },
    /// More shared strings than allowed.
    #[error("the workbook has more than {limit} different texts; split the file")]
    TooManyStrings {
        /// Strings allowed.
        limit: usize,
    },
    /// More text in shared strings than allowed.
    #[error("the workbook has more than {limit} bytes of different texts; split the file")]
    StringsTooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// More text in the cells of a sheet than allowed, shared strings counted for each cell that names one.
    #[error("the sheet's cells hold more than {limit} bytes of text up to row {row}; split the file")]
    TextTooLarge {
        /// The row that holds one byte too many.
        row: u32,
        /// Bytes allowed.
        limit: u64,
    },
    /// More text in a header than a file can carry with it.
    #[error("the column names hold more than {limit} bytes; shorten them, those of your own columns first")]
    HeaderTooLarge {
        /// Bytes allowed.
        limit: usize,
    },
    /// Something that the fast scanner doesn't take, where the XML reader was turned off. Only tests do that.
    #[error("the part {part} has XML that only the XML reader takes, and that is turned off")]
    Uncommon {
        /// Name of the part.
        part: String,
    },
    /// A sheet without any row that could be a header.
    #[error("the sheet '{sheet}' is empty; put the column names into its first row")]
    NoHeader {
        /// Name of the sheet.
        sheet: String,
    },
    /// A header cell that can't be read.
    #[error("the header cell {address} can't be read; type the column's name as plain text")]
    BadHeader {
        /// Address of the cell.
        address: String,
    },
    /// More named columns than kept.
    #[error("the sheet '{sheet}' has more than {limit} columns; remove those that are not needed")]
    TooManyColumns {
        /// Name of the sheet.
        sheet: String,
        /// Columns allowed.
        limit: usize,
    },
    /// A fault of a CSV file.
    #[error(transparent)]
    Csv(#[from] crate::csv::CsvError),
    /// A fault of a workbook in a foreign format.
    #[error(transparent)]
    Foreign(#[from] crate::foreign::ForeignError),
    /// Two columns of one name.
    #[error("the column '{name}' stands twice in the header, in {first} and {second}; keep one of them")]
    DuplicateColumn {
        /// Name of the column.
        name: String,
        /// Address of the first header cell.
        first: String,
        /// Address of the second header cell.
        second: String,
    },
}

/// What a message quotes of the file: enough to find it, never enough to flood a page.
pub(crate) fn quote(text: &str) -> String {
    const QUOTED_CHARS_MAX: usize = 40;
    let mut quoted: String =
        text.chars().take(QUOTED_CHARS_MAX).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        quoted.push('…');
    }
    quoted
}

/// What the byte stream under the XML reader stopped for. It travels inside an `io::Error`.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Stop {
    #[error("the part is too large")]
    PartTooLarge { limit: u64 },
    #[error("the part inflates too far")]
    Ratio { limit: u64 },
    #[error("a piece of XML is too large")]
    Allowance,
    #[error("the encoding is not allowed")]
    Encoding { encoding: String },
}

/// The fault behind an `io::Error` that came up while a part was read.
pub(super) fn from_part_io(part: &str, error: &io::Error) -> ReadError {
    let part = quote(part);
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Stop>()) {
        Some(Stop::PartTooLarge { limit }) => ReadError::PartTooLarge { part, limit: *limit },
        Some(Stop::Ratio { limit }) => ReadError::Ratio { part, limit: *limit },
        Some(Stop::Allowance) => ReadError::Endless { part },
        Some(Stop::Encoding { encoding }) => ReadError::Encoding { part, encoding: quote(encoding) },
        None => ReadError::Damaged { part, detail: quote(&error.to_string()) },
    }
}
