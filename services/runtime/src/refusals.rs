//! Which refusals are noted: at most one for a key, object, action and reason in a minute, with a count, and so many of a
//! key in a day (design §3).

use std::collections::HashMap;

use ledger::digest::digest_of;
use ledger::{Command, Context, Hash, Moment, ObjectId, Rejection};

/// A refusal is noted once in this time.
const REFUSAL_MICROS: i64 = 60 * Moment::SECOND;
/// Refusals that are remembered for counting: beyond it the oldest minute is forgotten.
const REFUSALS_MAX: usize = 10_000;
/// Refusals of one key that a service notes in a day, in UTC. A person never comes near it, and a program that goes on
/// asking what it is refused, of ever other objects, adds less than a MiB a day to a log that is kept for ever.
pub(crate) const REFUSALS_OF_KEY_MAX: u32 = 1_000;

/// Refusals that were noted and that came since. Memory only: after a start the minute and the day begin anew.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    /// By who wanted what of which object: when one was last noted, and how many came since.
    like: HashMap<Hash, (Moment, u32)>,
    /// The day that is counted, in days since 1970.
    day: i64,
    /// How many were noted of each key in it; whoever has no key is counted as one.
    of_key: HashMap<Option<ObjectId>, u32>,
}

impl Refusals {
    /// Counts a refusal; where it is to be noted, what tells it from others and how many it stands for. What isn't noted
    /// counts into the next one like it that is.
    pub(crate) fn count(&mut self, command: &Command, rejection: &Rejection, context: &Context) -> Option<(Hash, u32)> {
        let key = digest_of(&(context.scope.actor.id(), command.file(), command.action(), rejection.code()));
        if self.like.len() > REFUSALS_MAX {
            self.like.retain(|_, (at, _)| context.now.0 - at.0 < REFUSAL_MICROS);
        }
        let entry = self.like.entry(key).or_insert((Moment(i64::MIN / 2), 0));
        entry.1 = entry.1.saturating_add(1);
        if context.now.0 - entry.0.0 < REFUSAL_MICROS {
            return None;
        }
        let today = context.now.0.div_euclid(Moment::DAY);
        if self.day != today {
            (self.day, self.of_key) = (today, HashMap::new());
        }
        let noted = self.of_key.entry(context.scope.actor.id().cloned()).or_default();
        if *noted >= REFUSALS_OF_KEY_MAX {
            return None;
        }
        *noted += 1;
        if *noted == REFUSALS_OF_KEY_MAX {
            let of = context.scope.actor.id().map(ObjectId::as_str);
            tracing::warn!(key = of, "a key was refused so often that no more refusals of it are noted today");
        }
        let count = entry.1;
        *entry = (context.now, 0);
        Some((key, count))
    }
}

#[cfg(test)]
mod tests {
    use ledger::catalog::Named;
    use ledger::{Actor, FileId, Partition, Scope};

    use super::*;

    const MINUTE: i64 = 60;
    const HOURS_23: i64 = 23 * 3_600;

    /// Somebody is refused to submit a file; how many the note stands for, where there is one.
    fn refuse(refusals: &mut Refusals, key: &str, file: u32, seconds: i64) -> Option<u32> {
        let id = ObjectId::new(key).unwrap();
        let actor = Actor::Key { key: Named { id: id.clone(), name: String::new() }, account: id };
        let context = Context { now: Moment(seconds * Moment::SECOND), scope: Scope { actor, ..Scope::operator() } };
        let command = Command::SubmitFile { file: FileId::new(2026, 11, Partition(0), file).unwrap() };
        refusals.count(&command, &Rejection::RoleNotAllowed, &context).map(|(_, count)| count)
    }

    #[test]
    fn one_in_a_minute_is_noted_with_those_that_came_since() {
        let mut refusals = Refusals::default();
        let noted = [0, 1, 59, MINUTE, MINUTE + 1].map(|at| refuse(&mut refusals, "SU-1", 1, at));
        assert_eq!(noted, [Some(1), None, None, Some(3), None]);
        assert_eq!(refuse(&mut refusals, "SU-1", 2, 1), Some(1), "another file");
        assert_eq!(refuse(&mut refusals, "SU-2", 1, 1), Some(1), "another key");
    }

    /// Goal: no key fills the log. Method: a key is refused at ever other files until nothing more is noted; another key,
    /// and the same one on the next day, are noted, with what wasn't.
    #[test]
    fn so_many_of_a_key_are_noted_in_a_day() {
        let mut refusals = Refusals::default();
        let tries = REFUSALS_OF_KEY_MAX + 50;
        let noted = (0..tries).filter(|&file| refuse(&mut refusals, "SU-1", file, HOURS_23).is_some()).count();
        assert_eq!(u32::try_from(noted), Ok(REFUSALS_OF_KEY_MAX));
        let beyond = tries - 1;
        assert_eq!(refuse(&mut refusals, "SU-1", beyond, HOURS_23 + 2 * MINUTE), None, "the day isn't over");
        assert_eq!(refuse(&mut refusals, "SU-2", beyond, HOURS_23), Some(1), "another key isn't concerned");
        assert_eq!(refuse(&mut refusals, "SU-1", beyond, HOURS_23 + 3_600), Some(3), "on the next day");
    }
}
