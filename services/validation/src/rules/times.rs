//! Stage 4: when it was used.

use ledger::Moment;
use ledger::catalog::SubscriptionStatus;
use ledger::record::CellKind;

use super::cells::Row;
use super::columns::Field;
use super::sentences;

impl Row<'_, '_> {
    pub(super) fn check_times(&mut self, subscription: Option<u32>) {
        let start = self.time(Field::Start);
        let end = self.time(Field::End);
        self.record.start = start;
        self.record.end = end;
        if let Some((start, end)) = start.zip(end)
            && start > end
        {
            self.error(sentences::start_after_end(self.column(Field::Start)));
        }
        self.check_future(start, end);
        self.check_termination(subscription, start, end);
    }

    fn time(&mut self, field: Field) -> Option<Moment> {
        let cell = self.given(field)?;
        let time = match cell.kind {
            CellKind::Text | CellKind::Date => Moment::parse_sheet(cell.text),
            // A number without a date's format may be any day: guessing would bill a wrong month.
            _ => None,
        };
        if time.is_none() {
            let (column, is_number) = (self.column(field), cell.kind == CellKind::Number);
            self.error(match field {
                Field::Start => sentences::start_invalid(column, is_number),
                _ => sentences::end_invalid(column, is_number),
            });
        }
        time
    }

    fn check_future(&mut self, start: Option<Moment>, end: Option<Moment>) {
        let now = self.checker.against.now;
        if self.checker.against.capabilities.future {
            return;
        }
        for (which, field, time) in [("start", Field::Start, start), ("end", Field::End, end)] {
            if time.is_some_and(|time| time > now) {
                self.error(sentences::in_the_future(which, now, self.column(field)));
            }
        }
    }

    /// The window must end when the subscription did, at the latest (connect-api U23): one error is enough, about the
    /// end where that could be read.
    fn check_termination(&mut self, subscription: Option<u32>, start: Option<Moment>, end: Option<Moment>) {
        let Some(subscription) = subscription.and_then(|number| self.checker.lookup.subscription(number)) else {
            return;
        };
        let Some(ended) = subscription.ended_at.filter(|_| subscription.status == SubscriptionStatus::Terminated)
        else {
            return;
        };
        let (field, last) = if end.is_some() { (Field::End, end) } else { (Field::Start, start) };
        if last.is_some_and(|last| last > ended) {
            self.error(sentences::after_termination(subscription, ended, self.column(field)));
        }
    }
}
