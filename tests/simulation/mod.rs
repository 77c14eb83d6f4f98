//! A simulation of all services, against a ledger on paper.
//!
//! The services are the real deciders on the real fold, and speak in the bytes that logs hold; disk, threads and time are
//! played (`host`), so that a seed is a run that comes again on any machine. A network (`world`) delays, repeats, sends
//! ahead and mixes what the services say, and restarts them; whoever asks has one of five accounts, and asks for what is
//! possible and for what isn't. Whenever everything is quiet, the sentences of `checks` are held against the services, two
//! gateways, and a `model` that knows only what was sent and what was answered. What jobs find is worked out (`jobs`);
//! what real jobs make of real workbooks is for the scenarios.
//!
//! `SEEDS=n` lives through n seeds instead of a few; `SEED=n` repeats one.

mod catalog;
mod checks;
mod fault;
mod host;
mod jobs;
mod library;
mod model;
mod reports;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use fault::Fault;
use world::{Counts, live};

/// In the ordinary run.
const SEEDS: u64 = 60;
/// Each planted fault shows within so many.
const SEEDS_OF_A_FAULT: u64 = 40;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn whatever_comes_when_the_ledger_is_what_was_answered() {
    let first = number("SEED");
    let seeds = first.map_or(1..=number("SEEDS").unwrap_or(SEEDS), |seed| seed..=seed);
    let mut all = Counts::default();
    for seed in seeds {
        let again = format!("SEED={seed} cargo nextest run -p tests -E 'test(whatever_comes_when)' repeats it");
        let lived = catch_unwind(|| live(seed, Fault::None)).unwrap_or_else(|_| panic!("a service panicked; {again}"));
        let counts = lived.unwrap_or_else(|broken| panic!("{broken}; {again}"));
        all.facts += counts.facts;
        all.commands += counts.commands;
        all.refused += counts.refused;
        all.repeated += counts.repeated;
        all.restarts += counts.restarts;
        all.closed += counts.closed;
    }
    eprintln!("{all:?}");
    // A run in which nothing is refused, repeated or closed shows nothing.
    let shown = [all.refused, all.repeated, all.restarts, all.closed];
    assert!(first.is_some() || shown.iter().all(|count| *count > 0), "{all:?}");
}

#[test]
fn planted_faults_are_seen() {
    for fault in Fault::ALL {
        let seen = |seed: &u64| !matches!(catch_unwind(AssertUnwindSafe(|| live(*seed, fault))), Ok(Ok(_)));
        let first = (1..=SEEDS_OF_A_FAULT).find(seen);
        eprintln!("{fault:?} shows at seed {first:?}");
        assert!(first.is_some(), "{fault:?} isn't seen within {SEEDS_OF_A_FAULT} seeds");
    }
}
