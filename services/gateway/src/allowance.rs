//! How many requests a key may send: a steady rate, of which a second's worth may come at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ledger::{Moment, ObjectId};

/// What every key has. For each it notes one moment: when all that was taken is paid back at the steady rate.
#[derive(Debug)]
pub(crate) struct Allowance {
    per_second: u32,
    /// Of keys that are known, so that there are never more than the catalog has.
    paid_back: Mutex<HashMap<ObjectId, Moment>>,
}

impl Allowance {
    /// So many requests a second; 0 is no limit.
    pub(crate) fn new(per_second: u32) -> Self {
        Self { per_second, paid_back: Mutex::default() }
    }

    /// The limit.
    pub(crate) fn per_second(&self) -> u32 {
        self.per_second
    }

    /// Takes one request from what a key may send; whether there was one left.
    pub(crate) fn take(&self, key: &ObjectId, now: Moment) -> bool {
        if self.per_second == 0 {
            return true;
        }
        let each = (Moment::SECOND / i64::from(self.per_second)).max(1);
        let mut paid_back = self.paid_back.lock().unwrap_or_else(PoisonError::into_inner);
        let known = paid_back.get(key).copied().unwrap_or(now);
        // Nothing is noted that is further ahead than a second: then the clock was set back.
        let sound = known > now && known.0.saturating_sub(now.0) <= Moment::SECOND;
        let next = Moment(if sound { known } else { now }.0.saturating_add(each));
        if next.0.saturating_sub(now.0) > Moment::SECOND {
            return false;
        }
        paid_back.insert(key.clone(), next);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends requests at some milliseconds, and compares which were let through.
    fn check(per_second: u32, at_millis: &[i64], let_through: &[bool]) {
        let (allowance, key) = (Allowance::new(per_second), ObjectId::new("SU-1").unwrap());
        let found: Vec<bool> = at_millis.iter().map(|at| allowance.take(&key, Moment(at * 1_000))).collect();
        assert_eq!(found, let_through, "{per_second} a second at {at_millis:?}");
    }

    #[test]
    fn a_seconds_worth_comes_at_once_and_then_as_much_as_time_brings() {
        check(
            2,
            &[0, 0, 0, 499, 500, 500, 1_000, 5_000, 5_000, 5_000],
            &[true, true, false, false, true, false, true, true, true, false],
        );
        check(1, &[0, 0, 999, 1_000, 1_001], &[true, false, false, true, false]);
        check(0, &[0; 100], &[true; 100]);
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        check(1, &[3_600_000, 3_600_000, 0, 0, 1_000], &[true, false, true, false, true]);
    }

    #[test]
    fn one_key_takes_nothing_from_another() {
        let allowance = Allowance::new(1);
        let take = |key: &str| allowance.take(&ObjectId::new(key).unwrap(), Moment(0));
        assert_eq!([take("SU-1"), take("SU-1"), take("SU-2"), take("SU-2")], [true, false, true, false]);
    }
}
