//! `usage-ledger audit replay`.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use clap::Args;
use ledger::{HostId, Ledger};
use runtime::clock::Clock;
use runtime::replay::Outcome;
use serde_json::{Map, Value, json};

use super::super::{CliError, Progress};
use super::when::when;
use super::{BROKEN, failed, watched};
use crate::audit::AuditError;
use crate::audit::fold::{Folded, Until, fold};
use crate::audit::place::Place;
use crate::audit::replay::{Destination, Remade, Remaking};
use crate::state::of_log;

const EXAMPLES: &str = "\
Nothing is recorded by it. The digests are those of `usage-ledger state`, on any machine and any number of threads; each
service's own log must say the same. With --workbooks every processed workbook, chunk and result of a reconciliation is
made again from the logs and from what was sent, and compared with what was recorded to the last byte.

Examples:
  usage-ledger audit replay --data ./data
  usage-ledger audit replay --data ./data --until 2026-11-05T12:00:00Z
  usage-ledger audit replay --data ./data --until approval-0:120,ingestion-0:77
  usage-ledger audit replay --data ./data --workbooks --put-back      workbooks that are gone are there again
  usage-ledger audit replay --data ./catalog --data ./approval --data ./ingestion --data ./validation --data ./extraction";

/// Arguments of `audit replay`.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(in crate::cli) struct ReplayArgs {
    /// A data directory that no process works on; where services run apart, that of each.
    #[arg(long, env = "USAGE_LEDGER_DATA", default_value = "./data")]
    data: Vec<PathBuf>,
    /// Up to an instant, or up to a sequence of each log, as in approval-0:120,ingestion-0:77 [default: the end].
    #[arg(long, value_name = "WHEN", value_parser = when, conflicts_with = "workbooks")]
    until: Option<Until>,
    /// On how many threads [default: one for each processor].
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: Option<u16>,
    /// Make every workbook again that the ledger made, and compare.
    #[arg(long)]
    workbooks: bool,
    /// Keep the workbooks that are made in this folder.
    #[arg(long, value_name = "DIR", requires = "workbooks", conflicts_with = "put_back")]
    into: Option<PathBuf>,
    /// Keep them in the data directory, so that what was deleted there is back.
    #[arg(long, requires = "workbooks")]
    put_back: bool,
    /// The report as JSON.
    #[arg(long)]
    json: bool,
}

/// What was found.
struct Report {
    folded: Folded,
    /// Services whose own log says something else.
    differing: Vec<HostId>,
    workbooks: Option<Vec<Remade>>,
}

/// Runs `audit replay`.
pub(super) fn run(args: &ReplayArgs) -> Result<u8, CliError> {
    let report = replay(args).map_err(|error| failed(&error))?;
    if args.json {
        println!("{:#}", report.json());
    } else {
        report.print();
    }
    Ok(if report.holds() { 0 } else { BROKEN })
}

fn replay(args: &ReplayArgs) -> Result<Report, AuditError> {
    let place = Place::open(&args.data)?;
    place.check_whole()?;
    let threads = args.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), usize::from);
    let until = args.until.clone().unwrap_or_default();
    let mut total = 0;
    for host in place.hosts() {
        total += place.log(host)?.head().map_err(runtime::source::SourceError::from)?.0;
    }
    let folded = watched(Progress::records("folding", total), |done| fold(&place.sources(), &until, threads, done))?;
    let differing = if until == Until::End { differing(&place, &folded)? } else { Vec::new() };
    let workbooks = args.workbooks.then(|| remake(args, &place, threads)).transpose()?;
    Ok(Report { folded, differing, workbooks })
}

/// Services that know something else by their own log than by the logs of all, as far as they heard them.
fn differing(place: &Place, folded: &Folded) -> Result<Vec<HostId>, AuditError> {
    let mut differing = Vec::new();
    for host in place.hosts() {
        let log = place.log(host)?;
        let known = of_log(log)?;
        let mut heard = folded.positions.clone();
        for (emitter, last) in heard.iter_mut().filter(|(emitter, _)| **emitter != host) {
            *last = log.heard(*emitter).map_err(runtime::source::SourceError::from)?.0;
        }
        let same = |folded: &Folded| folded.hosts.get(&host).is_some_and(|expected| equal(expected, &known));
        // Who stopped before it had heard everything knows what it had heard.
        if !same(folded) && !same(&fold(&place.sources(), &Until::Positions(heard), 1, &AtomicU64::default())?) {
            differing.push(host);
        }
    }
    Ok(differing)
}

fn equal(left: &Ledger, right: &Ledger) -> bool {
    left.digest() == right.digest() && left.catalog == right.catalog
}

fn remake(args: &ReplayArgs, place: &Place, threads: usize) -> Result<Vec<Remade>, AuditError> {
    let temp = tempfile::tempdir().map_err(AuditError::Temp)?;
    let made = temp.path().join("workbooks");
    let into =
        if args.put_back { Destination::Place } else { Destination::Folder(args.into.as_deref().unwrap_or(&made)) };
    let (temp, clock): (&Path, _) = (temp.path(), Clock::Machine);
    watched(Progress::records("workbooks", 0), |done| Remaking { place, into, temp, clock, threads, done }.run())
}

impl Report {
    fn differing_workbooks(&self) -> impl Iterator<Item = &Remade> {
        self.workbooks.iter().flatten().filter(|one| matches!(one.outcome, Outcome::Differs { .. }))
    }

    fn holds(&self) -> bool {
        self.differing.is_empty() && self.differing_workbooks().next().is_none()
    }

    fn json(&self) -> Value {
        let positions: Map<String, Value> =
            self.folded.positions.iter().map(|(host, last)| (host.to_string(), json!(last))).collect();
        let names = |hosts: &[HostId]| hosts.iter().map(HostId::to_string).collect::<Vec<_>>();
        let mut report = json!({
            "holds": self.holds(), "positions": positions, "digests": self.folded.digests(),
            "differing": names(&self.differing),
        });
        if let Some(workbooks) = &self.workbooks {
            let all: Vec<Value> = workbooks.iter().map(shown).collect();
            report["workbooks"] = all.into();
        }
        report
    }

    fn print(&self) {
        let digests = self.folded.digests();
        for (name, digest) in digests.as_object().into_iter().flatten() {
            let last = self.folded.positions.iter().find(|(host, _)| host.to_string() == *name);
            let last = last.map_or(String::new(), |(_, last)| format!("to {last}"));
            let text = |part: &str| digest.get(part).and_then(Value::as_str).unwrap_or_default().to_owned();
            println!("{name:<14} {last:<10} files {}  catalog {}", text("files"), text("catalog"));
        }
        for host in &self.differing {
            println!("{host} knows something else by its own log than by the logs of all");
        }
        let Some(workbooks) = &self.workbooks else { return };
        let made: usize = workbooks.iter().map(|one| one.now.len()).sum();
        println!("{made} workbooks made again by {} jobs", workbooks.len());
        for one in workbooks {
            let word = match one.outcome {
                Outcome::Same => continue,
                Outcome::FailedThen { .. } => "failed then and could be made now",
                Outcome::Differs { .. } => "is not what was recorded",
            };
            println!("{} of {} at {}: {word}", one.file, one.host, one.sequence);
        }
        if self.differing_workbooks().next().is_none() {
            println!("each is what was recorded");
        }
    }
}

fn shown(one: &Remade) -> Value {
    let outcome = match one.outcome {
        Outcome::Same => "same",
        Outcome::FailedThen { .. } => "failed then",
        Outcome::Differs { .. } => "differs",
    };
    let names = |hashes: &[ledger::Hash]| hashes.iter().map(ledger::Hash::to_string).collect::<Vec<_>>();
    json!({
        "host": one.host.to_string(), "sequence": one.sequence, "file": one.file.to_string(), "outcome": outcome,
        "then": names(&one.then), "now": names(&one.now),
    })
}
