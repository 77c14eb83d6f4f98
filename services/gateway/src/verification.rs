//! `/ledger/v1/audit/verification`: whether the log is untouched, gone through by this process while it works: what is on
//! its disk as `usage-ledger audit verify` does it, by who knows how and is given to the gateway, which knows no folders;
//! and the logs that other processes write, as they come over NATS.

mod elsewhere;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::StatusCode;
use ledger::{Moment, ServiceName};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::auth::Caller;
use crate::error::Answered;
use crate::json::words::{Instant, VerificationStatus};
use crate::json::{answer, value};
use crate::keys::operator;
use crate::openapi::{Changing, Reading, tag};

/// Something that doesn't hold, or is worth a look.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Found {
    /// Whether it must not be.
    pub fault: bool,
    /// What.
    #[schema(example = "segment 4 of approval-0: frame 7 has another checksum")]
    pub what: String,
    /// What to do.
    #[schema(example = "restore it from a backup")]
    pub advice: String,
}

/// What was gone through.
#[derive(Clone, Debug, Default)]
pub struct Gone {
    /// Facts that were read.
    pub entries: u64,
    /// Workbooks that were read.
    pub workbooks: u64,
    /// Faults first.
    pub findings: Vec<Found>,
}

impl Gone {
    /// This and what was gone through besides.
    fn and(mut self, other: Self) -> Self {
        self.entries += other.entries;
        self.workbooks += other.workbooks;
        self.findings.extend(other.findings);
        self.findings.sort_by_key(|finding| !finding.fault);
        self
    }
}

/// Goes through what is on the disk.
pub trait Verifies: Send + Sync + fmt::Debug {
    /// How many bytes there are to read.
    fn bytes(&self) -> u64;

    /// Reads them all; `done` counts. Blocks.
    ///
    /// # Errors
    /// A sentence, when there is nothing to read.
    fn verify(&self, done: &AtomicU64) -> Result<Gone, String>;
}

/// A process that has nothing on a disk, as in benchmarks and tests: there is nothing to be wrong.
#[derive(Clone, Copy, Debug)]
pub struct NoDisk;

impl Verifies for NoDisk {
    fn bytes(&self) -> u64 {
        0
    }

    fn verify(&self, _: &AtomicU64) -> Result<Gone, String> {
        Ok(Gone::default())
    }
}

/// How far the last verification is.
#[derive(Debug, Default)]
pub(crate) struct Verifications(Mutex<Option<Last>>);

#[derive(Clone, Debug)]
struct Last {
    started: Moment,
    bytes: u64,
    done: Arc<AtomicU64>,
    elsewhere: Arc<elsewhere::Facts>,
    outcome: Option<(Moment, Result<Gone, String>)>,
}

/// Whether the log is untouched.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Verification {
    /// Where it stands.
    #[schema(value_type = VerificationStatus)]
    status: &'static str,
    /// When it began.
    #[schema(value_type = Option<Instant>)]
    started_at: Option<String>,
    /// When it ended.
    #[schema(value_type = Option<Instant>)]
    ended_at: Option<String>,
    /// Bytes that were read.
    #[schema(example = 1048576)]
    done_bytes: u64,
    /// Bytes that there were when it began.
    #[schema(example = 4194304)]
    all_bytes: u64,
    /// Facts of other processes' logs that were read.
    #[schema(example = 0)]
    done_facts: u64,
    /// Facts of other processes' logs that there were when it began.
    #[schema(example = 0)]
    all_facts: u64,
    /// Facts that were read.
    #[schema(example = 1024)]
    entries: Option<u64>,
    /// Workbooks that were read.
    #[schema(example = 12)]
    workbooks: Option<u64>,
    /// Why it could not be done.
    #[schema(example = "there is no log")]
    error: Option<String>,
    /// What doesn't hold or is worth a look, faults first; 100 at most.
    findings: Vec<Found>,
}

/// Findings of an answer.
const FINDINGS_MAX: usize = 100;

/// Show the last verification
///
/// Of what this process has on its disk and of the logs that other processes write, for operators.
#[utoipa::path(
    get,
    path = "/ledger/v1/audit/verification",
    operation_id = "show_verification",
    tag = tag::PROOFS,
    responses((status = 200, description = "How far it is", body = Verification), Reading),
)]
pub(crate) async fn show(Caller(scope): Caller, State(app): State<Arc<App>>) -> Answered {
    operator(&scope)?;
    Ok(answer(StatusCode::OK, &value(&app.verifications.shown())))
}

/// Verify the log
///
/// Every frame, hash and signature of the logs that this process has on its disk, and the workbooks that facts name, while
/// it works; then every header and hash of the logs that other processes write, as they come over NATS. One at a time; who
/// asks meanwhile is told how far it is.
#[utoipa::path(
    post,
    path = "/ledger/v1/audit/verification",
    operation_id = "verify_log",
    tag = tag::PROOFS,
    responses((status = 201, description = "How far it is", body = Verification), Changing),
)]
pub(crate) async fn start(Caller(scope): Caller, State(app): State<Arc<App>>) -> Answered {
    operator(&scope)?;
    if let Some((done, facts)) = app.verifications.begin(app.clock.now()) {
        let app = app.clone();
        tokio::task::spawn_blocking(move || {
            app.verifications.size(app.verifies.bytes());
            let others = elsewhere::verify(&app.bus.sources(&ServiceName::WRITERS), &facts);
            let outcome = app.verifies.verify(&done).map(|own| own.and(others));
            app.verifications.end(app.clock.now(), outcome);
        });
    }
    Ok(answer(StatusCode::CREATED, &value(&app.verifications.shown())))
}

impl Verifications {
    /// Begins one, unless one runs.
    fn begin(&self, now: Moment) -> Option<(Arc<AtomicU64>, Arc<elsewhere::Facts>)> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_some_and(|last| last.outcome.is_none()) {
            return None;
        }
        let (done, elsewhere) = (Arc::<AtomicU64>::default(), Arc::<elsewhere::Facts>::default());
        *last = Some(Last { started: now, bytes: 0, done: done.clone(), elsewhere: elsewhere.clone(), outcome: None });
        Some((done, elsewhere))
    }

    fn size(&self, bytes: u64) {
        if let Some(last) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            last.bytes = bytes;
        }
    }

    fn end(&self, now: Moment, outcome: Result<Gone, String>) {
        if let Some(last) = self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            last.outcome = Some((now, outcome));
        }
    }

    fn shown(&self) -> Verification {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let outcome = last.as_ref().and_then(|last| last.outcome.as_ref());
        let gone = outcome.and_then(|(_, outcome)| outcome.as_ref().ok());
        let holds = gone.is_some_and(|gone| !gone.findings.iter().any(|finding| finding.fault));
        Verification {
            status: match (&last, outcome) {
                (None, _) => "none",
                (Some(_), None) => "running",
                (Some(_), Some(_)) if holds => "holds",
                (Some(_), Some(_)) => "broken",
            },
            started_at: last.as_ref().map(|last| last.started.iso()),
            ended_at: outcome.map(|(at, _)| at.iso()),
            done_bytes: last.as_ref().map_or(0, |last| last.done.load(Ordering::Relaxed)),
            all_bytes: last.as_ref().map_or(0, |last| last.bytes),
            done_facts: last.as_ref().map_or(0, |last| last.elsewhere.done.load(Ordering::Relaxed)),
            all_facts: last.as_ref().map_or(0, |last| last.elsewhere.all.load(Ordering::Relaxed)),
            entries: gone.map(|gone| gone.entries),
            workbooks: gone.map(|gone| gone.workbooks),
            error: outcome.and_then(|(_, outcome)| outcome.as_ref().err().cloned()),
            findings: gone.map(|gone| gone.findings.iter().take(FINDINGS_MAX).cloned().collect()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_runs_at_a_time_and_its_end_is_told() {
        let verifications = Verifications::default();
        assert_eq!(verifications.shown().status, "none");
        let (done, _) = verifications.begin(Moment(1)).expect("none runs");
        assert!(verifications.begin(Moment(2)).is_none(), "one runs");
        done.store(7, Ordering::Relaxed);
        assert_eq!((verifications.shown().status, verifications.shown().done_bytes), ("running", 7));
        let finding = Found { fault: true, what: "a frame".to_owned(), advice: "restore".to_owned() };
        verifications.end(Moment(3), Ok(Gone { findings: vec![finding], ..Gone::default() }));
        assert_eq!(verifications.shown().status, "broken");
        verifications.begin(Moment(4));
        verifications.end(Moment(5), Ok(Gone::default()));
        assert_eq!(verifications.shown().status, "holds");
        verifications.begin(Moment(6));
        verifications.end(Moment(7), Err("no log".to_owned()));
        assert_eq!(verifications.shown().error.as_deref(), Some("no log"));
    }
}
