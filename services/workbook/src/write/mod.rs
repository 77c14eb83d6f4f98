//! Writing workbooks: what we found in a vendor's file, what a distributor bills, what was billed, and the template.
//!
//! Nothing is held: rows are formatted into blocks, the blocks deflated on threads beside each other, and written in
//! order. Every cell is text, so that nothing a vendor sends can become a formula. The template, which is small and has
//! dropdowns, is made with rust_xlsxwriter, which is named in this module only.

mod deflate;
mod error;
mod guide;
mod looks;
mod markup;
mod notes;
mod package;
mod problems;
mod records;
mod sheet;
mod tabs;
mod template;
mod text;

#[cfg(test)]
mod tests;

pub use error::WriteError;
pub use guide::Kind;
pub use problems::Problem;
pub use records::{CellOut, Layout, Mark, RecordsWorkbook, Written};
pub use template::{ItemRow, Template, template};

/// Records that one sheet can hold: its last row, less the header.
pub const RECORDS_MAX: u32 = 1_048_575;
/// Columns that a sheet can hold.
pub const COLUMNS_MAX: usize = 16_384;
/// UTF-16 units that a cell can hold.
pub const CELL_UNITS_MAX: usize = 32_767;
/// Notes at marked cells. They are held in memory until the end; the column `error_details` has all of them anyway.
pub const NOTES_MAX: u32 = 1_000;
/// UTF-16 units of a note: beyond that nobody reads on.
pub const NOTE_UNITS_MAX: usize = 1_000;
/// Items that the template lists: beyond that a dropdown is of no use.
pub const TEMPLATE_ITEMS_MAX: usize = 10_000;
