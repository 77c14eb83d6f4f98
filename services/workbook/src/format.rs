//! Which format a file has, by its bytes and never by its name.

use std::io::{Read, Seek};

use crate::read::package::Package;
use crate::read::{Limits, ReadError};

/// A format that usage is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Excel's own, read by our reader.
    Xlsx,
    /// Text with separators, read by our reader.
    Csv,
    /// OpenDocument, read in a guarded child process.
    Ods,
    /// Excel's binary format, read in a guarded child process.
    Xlsb,
    /// Excel 97-2003, read in a guarded child process.
    Xls,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [Self::Xlsx, Self::Csv, Self::Ods, Self::Xlsb, Self::Xls];

    /// The ending of its files, without the point; also what the child process is told.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
            Self::Ods => "ods",
            Self::Xlsb => "xlsb",
            Self::Xls => "xls",
        }
    }

    /// The format of an ending.
    #[must_use]
    pub fn of_ending(ending: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| ending.eq_ignore_ascii_case(format.ending()))
    }
}

/// The format of a file, by what it begins with and by what its package holds.
///
/// # Errors
///
/// Bytes that are no format of ours, a password, and a package that is damaged or beyond the limits.
pub fn detect<R: Read + Seek>(reader: &mut R) -> Result<Format, ReadError> {
    const USUAL: &str = "xl/workbook.xml";
    match Package::open(reader, Limits::default()) {
        Ok(package) if package.has("xl/workbook.bin") => Ok(Format::Xlsb),
        Ok(package) if package.has("content.xml") && !package.has(USUAL) => Ok(Format::Ods),
        Ok(_) => Ok(Format::Xlsx),
        Err(ReadError::LegacyXls) => Ok(Format::Xls),
        Err(ReadError::Text) => Ok(Format::Csv),
        Err(error) => Err(error),
    }
}
