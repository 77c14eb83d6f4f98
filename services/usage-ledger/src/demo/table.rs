//! The table that the demo prints as it goes: stage, count, total quantity, time.

use std::time::Instant;

use ledger::Decimal;

/// Rows that are printed as soon as they are known.
#[derive(Debug)]
pub(super) struct Table {
    since: Instant,
}

impl Table {
    pub(super) fn begin() -> Self {
        println!("{:<34} {:>9} {:>26} {:>9}", "stage", "records", "total quantity", "seconds");
        println!("{}", "─".repeat(81));
        Self { since: Instant::now() }
    }

    /// A stage that has come to its end; its time is that since the last row.
    pub(super) fn row(&mut self, stage: &str, records: u32, total: Decimal) {
        let took = self.since.elapsed();
        let seconds = format!("{}.{:02}", took.as_secs(), took.subsec_millis() / 10);
        println!("{stage:<34} {records:>9} {:>26} {seconds:>9}", total.to_string());
        self.since = Instant::now();
    }
}
