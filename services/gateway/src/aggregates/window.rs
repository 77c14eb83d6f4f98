//! Usage by the time that it is about: a record counts where its usage begins. Of a file that lies within the window its
//! summary says all; only of one that reaches over its edge records are read.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{Days, Months, NaiveDate};
use ledger::fact::{Period, SummaryLine};
use ledger::file::{Checking, CheckingEnd, UsageFile};
use ledger::record::CheckedBatch;
use ledger::{Decimal, FileId, Moment, ObjectId};
use runtime::records::{Records, RecordsError};

use crate::error::ApiError;

/// The parameter.
pub(super) const USAGE: &str = "usage";

/// Days or months of usage, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    from: Moment,
    /// The first instant behind it.
    until: Moment,
}

/// How a file lies to a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lies {
    Within,
    Across,
    Outside,
}

/// The batches of a file that reaches over the edge of a window.
#[derive(Clone, Debug)]
pub(super) struct Edge {
    pub(super) file: FileId,
    pub(super) batches: Vec<u64>,
}

impl Edge {
    pub(super) fn new(file: FileId, checking: &Checking) -> Self {
        Self { file, batches: checking.parts.iter().map(|part| part.sequence).collect() }
    }

    /// What tells this verdict from others.
    pub(super) fn key(&self) -> (FileId, u64) {
        (self.file, self.batches.first().copied().unwrap_or_default())
    }
}

impl fmt::Display for Window {
    /// What tells it from others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from.0, self.until.0)
    }
}

impl Window {
    /// Reads `2026-10`, `2026-10-17`, or two of these with `..` between: the last one belongs to it.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let (first, last) = text.split_once("..").unwrap_or((text, text));
        let window = days(first).zip(days(last)).map(|((first, _), (_, end))| (first, end));
        let window = window.filter(|(first, end)| first < end);
        let (first, end) = window.ok_or_else(|| {
            let message = format!(
                "\"{text}\" is no time of usage. Give a month like 2026-10, a day like 2026-10-17, or two with \"..\" \
                 between them, the earlier one first."
            );
            ApiError::field(USAGE, message)
        })?;
        Ok(Self { from: Moment::of_date(first), until: Moment::of_date(end) })
    }

    /// Whether an instant belongs to it.
    pub(super) fn has(self, at: Moment) -> bool {
        at >= self.from && at < self.until
    }

    pub(super) fn lies(self, file: &UsageFile) -> Lies {
        match span(file) {
            None => Lies::Outside,
            Some(Period { from, to }) if to < self.from || from >= self.until => Lies::Outside,
            Some(Period { from, to }) if from >= self.from && to < self.until => Lies::Within,
            Some(_) => Lies::Across,
        }
    }

    /// What the summary of a file would be, had it only the records of the window. Blocks.
    pub(super) fn summary(self, records: &Records, edge: &Edge) -> Result<Vec<SummaryLine>, RecordsError> {
        let mut lines = Lines::new();
        for &sequence in &edge.batches {
            self.add(&records.checked(edge.file, sequence)?, &mut lines);
        }
        Ok(lines.into_values().collect())
    }

    fn add(self, batch: &CheckedBatch, lines: &mut Lines) {
        let of_window = |at: Option<Moment>| at.is_some_and(|at| self.has(at));
        for record in batch.records.iter().filter(|record| record.is_valid() && of_window(record.start)) {
            let place = |place: Option<u32>| place.and_then(|place| usize::try_from(place).ok());
            let subscription = place(record.subscription).and_then(|place| batch.subscriptions.get(place));
            let item = place(record.item).and_then(|place| batch.items.get(place));
            let Some((subscription, item)) = subscription.zip(item) else { continue };
            let (subscription, item, tier) = (subscription.id.clone(), item.named.id.clone(), record.tier);
            let key = (subscription.clone(), item.clone(), tier);
            let (quantity, amount) = (Decimal::ZERO, Decimal::ZERO);
            let line = SummaryLine { subscription, item, tier, records: 0, quantity, amount };
            let line = lines.entry(key).or_insert(line);
            line.records += 1;
            line.quantity = line.quantity.saturating_add(record.quantity.unwrap_or(Decimal::ZERO));
            line.amount = line.amount.saturating_add(record.amount.unwrap_or(Decimal::ZERO));
        }
    }
}

/// By subscription, item and tier.
type Lines = BTreeMap<(ObjectId, ObjectId, Option<u8>), SummaryLine>;

/// A month or a day, and the day behind it.
fn days(text: &str) -> Option<(NaiveDate, NaiveDate)> {
    match text.len() {
        7 => {
            let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok()?;
            Some((first, first.checked_add_months(Months::new(1))?))
        }
        10 => {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
            Some((day, day.checked_add_days(Days::new(1))?))
        }
        _ => None,
    }
}

pub(super) fn span(file: &UsageFile) -> Option<Period> {
    match file.current_checking()?.end.as_ref()? {
        CheckingEnd::Checked(verdict) => verdict.span,
        CheckingEnd::Failed { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_a_month_a_day_or_from_one_to_another() {
        for (text, from, until) in [
            ("2026-10", "2026-10-01", "2026-11-01"),
            ("2026-12", "2026-12-01", "2027-01-01"),
            ("2028-02-29", "2028-02-29", "2028-03-01"),
            ("2026-09..2026-10-15", "2026-09-01", "2026-10-16"),
            ("2026-10-31..2026-11", "2026-10-31", "2026-12-01"),
        ] {
            let moment = |text| Moment::parse_iso(text).unwrap();
            let want = Window { from: moment(from), until: moment(until) };
            assert_eq!(Window::parse(text).unwrap(), want, "{text}");
        }
        for text in ["", "2026", "2026-13", "2026-10-32", "2026-11..2026-10", "2026-10..", "october"] {
            assert!(Window::parse(text).is_err(), "{text}");
        }
    }
}
