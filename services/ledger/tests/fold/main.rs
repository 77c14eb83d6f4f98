//! The fold, from outside: order between emitters doesn't matter, what is late changes nothing, status and counts
//! follow from the parts, and nothing that was recorded makes it panic.
//!
//! A failing seed is named; `FOLD_SEED=<seed> cargo test -p ledger --test fold` repeats it alone.

#[cfg(test)]
mod life;
#[cfg(test)]
mod order;
#[cfg(test)]
mod random;
#[cfg(test)]
mod status;
#[cfg(test)]
mod total;
