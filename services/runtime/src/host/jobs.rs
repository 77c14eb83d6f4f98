//! What a host does by itself about each file: the next decision, or a job off the loop.

use std::time::Instant;

use ledger::FileId;

use super::{Host, HostError, JOBS_MAX};
use crate::decider::{Decider, Next, Tools};
use crate::meters::{JOB_TIME, JOBS, JOBS_RUNNING};
use crate::trace::Work;

/// Decisions in a row about one file without a job: more is a loop in `next`, and is reported instead of run.
const STEPS_MAX: usize = 64;

impl<D: Decider> Host<D> {
    pub(super) fn advance_all(&mut self, files: impl IntoIterator<Item = FileId>) -> Result<(), HostError> {
        files.into_iter().try_for_each(|file| self.advance(file))
    }

    /// Does what is to be done about a file until nothing is, or a job has to run.
    fn advance(&mut self, file: FileId) -> Result<(), HostError> {
        for _ in 0..STEPS_MAX {
            if self.running.contains(&file) {
                return Ok(());
            }
            let next = self.decider.next(&self.ledger, file, &self.running);
            self.waiting.remove(&file);
            match next {
                Next::Nothing => return Ok(()),
                Next::Later => {
                    self.waiting.insert(file);
                    return Ok(());
                }
                Next::Conclude(own) => match self.conclude(own, self.traces.of(file))? {
                    Ok((sequences, _)) if !sequences.is_empty() => {}
                    _ => return Ok(()),
                },
                Next::Begin(_) if self.running.len() >= JOBS_MAX => {
                    self.waiting.insert(file);
                    return Ok(());
                }
                Next::Begin(own) => {
                    let work = self.traces.job(file, D::work(&own), &self.parts.id);
                    if self.conclude(own, work.trace)?.is_err() {
                        return Ok(());
                    }
                    if let Some(job) = self.decider.job(&self.ledger, file) {
                        self.start_job(file, job, work);
                    }
                }
            }
        }
        tracing::error!(host = %self.parts.id, %file, "the same decision comes back again and again; the file waits");
        Ok(())
    }

    fn start_job(&mut self, file: FileId, job: D::Job, work: Work) {
        self.running.insert(file);
        self.count_running();
        let (meters, labels, begun) = (self.parts.meters.clone(), [D::SERVICE.name(), work.what], Instant::now());
        let tools = Tools {
            file,
            trace: work.trace,
            results: self.results.0.clone(),
            meters: meters.clone(),
            what: work.what,
            blobs: self.parts.blobs.clone(),
            records: self.parts.records.clone(),
            clock: self.parts.clock.clone(),
            cache: self.parts.cache.clone(),
        };
        let decider = self.decider.clone();
        let ended = self.ended.0.clone();
        let (host, position) = (self.parts.id, self.position);
        let Ok(mut synced) = self.parts.reader.synced() else { return };
        tokio::spawn(async move {
            // A job reads what was recorded, and readers see only what is on the disk.
            if synced.wait_for(|synced| synced.position >= position).await.is_err() {
                return;
            }
            let Work { span, .. } = work;
            let within = span.clone();
            let about = tools.about();
            let ended_how = tokio::task::spawn_blocking(move || within.in_scope(|| decider.perform(job, &tools))).await;
            let outcome = if ended_how.is_ok() { "done" } else { "crashed" };
            meters.note(&about, None);
            span.record("outcome", outcome);
            meters.add(&JOBS, &[labels[0], labels[1], outcome], 1);
            meters.took(&JOB_TIME, &labels, begun.elapsed());
            match ended_how {
                Ok(()) => span.in_scope(|| tracing::debug!("a job has ended")),
                Err(error) => {
                    tracing::error!(parent: &span, %host, %file, %error, "a job crashed; the ledger counts its attempts");
                }
            }
            // A host that has stopped needs no news of its jobs.
            let _ = ended.send(file);
        });
    }

    fn count_running(&self) {
        self.parts.meters.set(&JOBS_RUNNING, &[D::SERVICE.name()], self.running.len() as u64);
    }

    pub(super) fn end_job(&mut self, file: FileId) -> Result<(), HostError> {
        self.running.remove(&file);
        self.count_running();
        self.advance(file)?;
        let waiting: Vec<FileId> = self.waiting.iter().copied().collect();
        self.advance_all(waiting)
    }
}
