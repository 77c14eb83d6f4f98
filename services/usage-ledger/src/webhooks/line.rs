//! What one webhook is still to be told, in order.

use std::collections::VecDeque;
use std::time::Duration;

use gateway::{Change, Cursor};
use ledger::{Moment, Webhook};
use tokio::time::Instant;

/// The pause after the first failure; each further one doubles it.
const PAUSE_LEAST: Duration = Duration::from_secs(1);
/// The longest pause.
const PAUSE_MOST: Duration = Duration::from_secs(600);

/// One webhook's line.
#[derive(Debug)]
pub(super) struct Line {
    /// Lines are counted, so that what came of a call finds the one that made it.
    pub(super) number: u64,
    webhook: Webhook,
    /// What happened before isn't told: the webhook wasn't there, or was switched off.
    since: Moment,
    /// Everything up to here was told, or is not for this webhook.
    passed: Cursor,
    /// What waits lies between `passed` and here.
    looked: Cursor,
    waiting: VecDeque<Waiting>,
    /// How far `passed` had come when it was last written.
    written: u64,
    failures: u32,
    due: Instant,
    calling: bool,
}

/// A change that is to be told.
#[derive(Debug)]
struct Waiting {
    change: Change,
    /// How old it was when it was read, by the clock. From then on no clock is asked, which may be set meanwhile.
    age: Duration,
    read: Instant,
}

impl Line {
    pub(super) fn new(number: u64, webhook: Webhook, from: Cursor, new: bool) -> Self {
        let since = if new { webhook.changed().at } else { webhook.created.at };
        Self {
            number,
            webhook,
            since,
            written: from.total(),
            looked: from.clone(),
            passed: from,
            waiting: VecDeque::new(),
            failures: 0,
            due: Instant::now(),
            calling: false,
        }
    }

    /// The webhook as it now is: where it was changed, it is tried again at once.
    pub(super) fn renew(&mut self, webhook: Webhook) {
        if webhook != self.webhook {
            self.webhook = webhook;
            self.failures = 0;
            self.due = Instant::now();
        }
    }

    pub(super) fn passed(&self) -> &Cursor {
        &self.passed
    }

    /// Whether there is nothing left to be told of what was read, and more to be read.
    pub(super) fn is_idle(&self, end: &Cursor) -> bool {
        self.waiting.is_empty() && !self.passed.covers(end)
    }

    /// Takes what concerns it of a page that was read now, and may begin before its own place.
    pub(super) fn take(
        &mut self,
        page: &[Change],
        cursor: &Cursor,
        now: Moment,
        concerns: impl Fn(&Webhook, &Change) -> bool,
    ) {
        let new = page.iter().filter(|change| change.sequence > self.passed.passed(change.host));
        let own = new.filter(|change| change.at >= self.since && concerns(&self.webhook, change));
        let read = Instant::now();
        let age = |at: Moment| Duration::from_micros(u64::try_from(now.0.saturating_sub(at.0)).unwrap_or_default());
        self.waiting.extend(own.map(|change| Waiting { change: change.clone(), age: age(change.at), read }));
        self.looked = self.looked.most(cursor);
        if self.waiting.is_empty() {
            self.passed.clone_from(&self.looked);
        }
    }

    /// How many changes were found for it and not told yet.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// The change that is told next, if it isn't told already.
    pub(super) fn next(&self) -> Option<&Change> {
        self.waiting.front().filter(|_| !self.calling).map(|head| &head.change)
    }

    /// How old the first change is.
    pub(super) fn age(&self) -> Duration {
        self.waiting.front().map_or(Duration::ZERO, |head| head.age.saturating_add(head.read.elapsed()))
    }

    /// When it is to be called, if there is something to tell.
    pub(super) fn due(&self) -> Option<Instant> {
        self.next().map(|_| self.due)
    }

    /// Notes that the next change is being told, and says by whom.
    pub(super) fn begin(&mut self) -> u64 {
        self.calling = true;
        self.number
    }

    /// Goes on behind the next change.
    pub(super) fn pass(&mut self) {
        if let Some(Waiting { change, .. }) = self.waiting.pop_front() {
            self.passed.0.insert(change.host, change.sequence);
        }
        if self.waiting.is_empty() {
            self.passed.clone_from(&self.looked);
        }
        self.calling = false;
        self.failures = 0;
        self.due = Instant::now();
    }

    /// Tries the same again after a pause.
    pub(super) fn put_off(&mut self) {
        self.calling = false;
        self.due = Instant::now() + pause(self.failures);
        self.failures += 1;
    }

    /// How many facts it has passed since its place was written.
    pub(super) fn unwritten(&self) -> u64 {
        self.passed.total().saturating_sub(self.written)
    }

    /// Its place, to be written now.
    pub(super) fn written(&mut self) -> Cursor {
        self.written = self.passed.total();
        self.passed.clone()
    }
}

fn pause(failures: u32) -> Duration {
    PAUSE_LEAST.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(PAUSE_MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_minutes() {
        let pauses = [0, 1, 2, 8, 9, 10, 31, 32, u32::MAX].map(|failures| pause(failures).as_secs());
        assert_eq!(pauses, [1, 2, 4, 256, 512, 600, 600, 600, 600]);
    }
}
