//! The `errors` tab: everything that is wrong with the records, one in each row, with a link to its cell.

use rust_xlsxwriter::{Url, Worksheet, XlsxError};

use super::RECORDS_MAX;
use super::sheet::{self, Looks};
use crate::columns::{self, ERRORS_TAB, RECORDS_TAB};
use crate::read::address;

/// Links that a sheet can hold; what comes after them has its address as text.
const LINKS_MAX: u32 = 65_530;
const CODE_COLUMN: u16 = 2;
const MESSAGE_COLUMN: u16 = 4;
const LINK_COLUMN: u16 = 6;

/// Something that is wrong with a record, or worth a look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Problem<'a> {
    /// The row in the vendor's own sheet.
    pub row: u32,
    /// The vendor's header; blank where the column is missing.
    pub header: &'a str,
    /// The column in the `records` tab, if it has one.
    pub column: Option<u16>,
    /// Which rule.
    pub code: &'a str,
    /// Whether the record is valid all the same.
    pub is_warning: bool,
    /// What is wrong.
    pub message: &'a str,
    /// What would be right.
    pub fix: &'a str,
}

/// The tab in the making.
pub(super) struct Problems {
    sheet: Worksheet,
    written: u32,
}

impl Problems {
    /// Begins the tab on an empty sheet.
    pub(super) fn begin(mut sheet: Worksheet, looks: &Looks) -> Result<Self, XlsxError> {
        sheet.set_name(ERRORS_TAB)?.set_freeze_panes(1, 0)?;
        for (at, column) in (0..).zip(&columns::ERRORS) {
            sheet.set_column_width(at, column.width)?.set_column_format(at, &looks.text)?;
            sheet::put(&mut sheet, 0, at, column.name, Some(&looks.header))?;
        }
        Ok(Self { sheet, written: 0 })
    }

    /// Adds a problem of the record in a row of the `records` tab, counted from 0.
    pub(super) fn add(&mut self, record: u32, problem: &Problem<'_>, looks: &Looks) -> Result<(), XlsxError> {
        // The last row says that there is more: a list that just ends looks complete.
        if self.written + 1 >= RECORDS_MAX {
            if self.written < RECORDS_MAX {
                self.written += 1;
                let more = "There is more than a sheet can hold; error_details has it for every record.";
                sheet::put(&mut self.sheet, self.written, MESSAGE_COLUMN, more, Some(&looks.text))?;
            }
            return Ok(());
        }
        self.written += 1;
        let severity = if problem.is_warning { "warning" } else { "error" };
        let row = problem.row.to_string();
        let texts = [row.as_str(), problem.header, problem.code, severity, problem.message, problem.fix];
        for (at, text) in (0..).zip(texts) {
            let looks = match at {
                CODE_COLUMN if problem.is_warning => &looks.warning,
                CODE_COLUMN => &looks.error,
                _ => &looks.text,
            };
            sheet::put(&mut self.sheet, self.written, at, text, Some(looks))?;
        }
        let place = format!("{RECORDS_TAB}!{}", address(problem.column.unwrap_or(0), record + 1));
        if self.written > LINKS_MAX {
            sheet::put(&mut self.sheet, self.written, LINK_COLUMN, &place, Some(&looks.text))?;
        } else {
            let link = Url::new(format!("internal:{place}")).set_text(&place);
            self.sheet.write_url_with_format(self.written, LINK_COLUMN, link, &looks.link)?;
        }
        Ok(())
    }

    /// The sheet, when nothing is to be added any more.
    pub(super) fn finish(mut self) -> Result<Worksheet, XlsxError> {
        if self.written > 0 {
            self.sheet.autofilter(0, 0, self.written, LINK_COLUMN)?;
        }
        Ok(self.sheet)
    }
}
