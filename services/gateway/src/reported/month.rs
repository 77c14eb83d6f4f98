//! The period of records that come without one: the month in which all of their usage began.

use std::collections::HashSet;

use ledger::Moment;
use ledger::fact::Period;
use ledger::record::ReadBatch;

use crate::error::ApiError;
use crate::period::{self, Zone};

/// The column that says when usage began.
const START: &str = "start_time_utc";

/// The calendar month in UTC that every readable start lies in. A start that can't be read is for the rules to refuse.
pub(crate) fn common(columns: &[String], batch: &ReadBatch) -> Result<Period, ApiError> {
    let column = columns.iter().position(|name| name == START).unwrap_or(usize::MAX);
    let mut seen: HashSet<&str> = HashSet::new();
    let mut found: Option<(u16, u8)> = None;
    for number in 0..batch.rows.len() {
        let text = batch.cell(number, column).text;
        // Most starts stand in a call many times.
        let Some(start) = seen.insert(text).then(|| Moment::parse_sheet(text)).flatten() else { continue };
        let month = start.month();
        let (year, of_year) = *found.get_or_insert(month);
        if month != (year, of_year) {
            let message = format!(
                "{text} is not in {year}-{of_year:02}, as the records before it are. Report each month by itself, or \
                 give the period."
            );
            return Err(ApiError::field(&format!("records[{number}].{START}"), message));
        }
    }
    let (year, month) = found.ok_or_else(|| {
        ApiError::field("period", format!("Give the period: no record has a {START} that can be read."))
    })?;
    // The last day is the one before the next month begins.
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    let [first, after] = [(year, month), next].map(|(year, month)| format!("{year:04}-{month:02}-01"));
    let whole = period::period(&first, &after, Zone::UTC);
    let whole = whole.map_err(|error| ApiError::field("period", error.to_string()))?;
    Ok(Period { from: whole.from, to: Moment(whole.to.0.saturating_sub(Moment::DAY)) })
}
