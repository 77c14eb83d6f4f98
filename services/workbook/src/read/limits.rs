//! What a workbook may cost: every number that bounds the reader, with the reason for it.

/// Entries in the package. Excel writes some twenty; a workbook with a picture per row stays below this.
pub const ENTRIES_MAX: usize = 2_000;
/// Inflated bytes of one part. A full 64 MB upload inflates to 0.6 GB, so this leaves room for seven times that.
pub const PART_INFLATED_BYTES_MAX: u64 = 4 << 30;
/// Inflated bytes before the ratio is looked at: short parts of repeated rows are honest at any ratio.
pub const RATIO_FREE_BYTES: u64 = 64 << 20;
/// Inflated bytes per compressed byte. Honest sheets are 7 to 10; deflate itself ends at about 1,030.
pub const RATIO_MAX: u64 = 100;
/// Inflated bytes of a small part (workbook, relationships, styles). Real style sheets stay below 1 MiB.
pub const SMALL_PART_BYTES_MAX: u64 = 8 << 20;
/// Raw XML of one row, or of one piece of XML outside the rows: 128 full cells of 32,767 units need no more.
pub const ROW_BYTES_MAX: u64 = 4 << 20;
/// The last row of a sheet: the file format's own limit.
pub const ROWS_MAX: u32 = 1_048_576;
/// The columns of a sheet (A to XFD): the file format's own limit.
pub const SHEET_COLUMNS_MAX: u32 = 16_384;
/// Columns that a table keeps: a usage record is sixteen columns and the vendor's own (design §4).
pub const COLUMNS_MAX: usize = 128;
/// Shared strings. A million rows with four texts each, all different.
pub const STRINGS_MAX: usize = 4_000_000;
/// Text of all shared strings, held in memory while a sheet is read.
pub const STRINGS_BYTES_MAX: usize = 96 << 20;
/// Text of one cell in UTF-16 units: the file format's own limit.
pub const CELL_UNITS_MAX: usize = 32_767;
/// Text of all rows of a sheet, shared strings counted each time a cell names one: 2 KiB in each row of a full sheet.
/// References to long strings would otherwise make a hundred gigabytes of a megabyte.
pub const SHEET_TEXT_BYTES_MAX: u64 = 2 << 30;
/// Text of one row. A record keeps 64 KiB (design §4); a thousand references to one long shared string would otherwise
/// make gigabytes of a kilobyte.
pub const ROW_TEXT_BYTES_MAX: usize = 256 << 10;
/// Text of a header: 128 columns with names of 128 characters. They travel with every file, so they must be short.
pub const HEADER_BYTES_MAX: usize = 16 << 10;
/// Nesting of elements. Real parts need less than ten levels.
pub const DEPTH_MAX: u32 = 64;
/// Sheets in a workbook. The format sets none; the names are held in memory.
pub const SHEETS_MAX: usize = 1_000;

/// The limits of one reading. [`Limits::default`] is what the product uses; a test may set smaller ones.
#[derive(Clone, Debug)]
pub struct Limits {
    /// See [`ENTRIES_MAX`].
    pub entries_max: usize,
    /// See [`PART_INFLATED_BYTES_MAX`].
    pub part_inflated_bytes_max: u64,
    /// See [`RATIO_FREE_BYTES`].
    pub ratio_free_bytes: u64,
    /// See [`RATIO_MAX`].
    pub ratio_max: u64,
    /// See [`SMALL_PART_BYTES_MAX`].
    pub small_part_bytes_max: u64,
    /// See [`ROW_BYTES_MAX`].
    pub row_bytes_max: u64,
    /// See [`ROWS_MAX`].
    pub rows_max: u32,
    /// See [`COLUMNS_MAX`].
    pub columns_max: usize,
    /// See [`SHEET_TEXT_BYTES_MAX`].
    pub sheet_text_bytes_max: u64,
    /// See [`STRINGS_MAX`].
    pub strings_max: usize,
    /// See [`STRINGS_BYTES_MAX`].
    pub strings_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries_max: ENTRIES_MAX,
            part_inflated_bytes_max: PART_INFLATED_BYTES_MAX,
            ratio_free_bytes: RATIO_FREE_BYTES,
            ratio_max: RATIO_MAX,
            small_part_bytes_max: SMALL_PART_BYTES_MAX,
            row_bytes_max: ROW_BYTES_MAX,
            rows_max: ROWS_MAX,
            columns_max: COLUMNS_MAX,
            sheet_text_bytes_max: SHEET_TEXT_BYTES_MAX,
            strings_max: STRINGS_MAX,
            strings_bytes_max: STRINGS_BYTES_MAX,
        }
    }
}
