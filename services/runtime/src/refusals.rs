//! Which refusals are noted: at most one for a key, object, action and reason in a minute, with a count (design §3).

use std::collections::HashMap;

use ledger::digest::digest_of;
use ledger::{Command, Context, Hash, Moment, Rejection};

/// A refusal is noted once in this time.
const REFUSAL_MICROS: i64 = 60 * Moment::SECOND;
/// Refusals that are remembered for counting: beyond it the oldest minute is forgotten.
const REFUSALS_MAX: usize = 10_000;

/// Refusals by who wanted what of which object: when one was last noted, and how many came since.
#[derive(Debug, Default)]
pub(crate) struct Refusals(HashMap<Hash, (Moment, u32)>);

impl Refusals {
    /// Counts a refusal; where it is to be noted, what tells it from others and how many it stands for.
    pub(crate) fn count(&mut self, command: &Command, rejection: &Rejection, context: &Context) -> Option<(Hash, u32)> {
        let key = digest_of(&(context.scope.actor.id(), command.file(), command.action(), rejection.code()));
        if self.0.len() > REFUSALS_MAX {
            self.0.retain(|_, (at, _)| context.now.0 - at.0 < REFUSAL_MICROS);
        }
        let entry = self.0.entry(key).or_insert((Moment(i64::MIN / 2), 0));
        entry.1 += 1;
        if context.now.0 - entry.0.0 < REFUSAL_MICROS {
            return None;
        }
        let count = entry.1;
        *entry = (context.now, 0);
        Some((key, count))
    }
}
