//! Passing an instant: whoever asks what was known by then is answered once nothing with that time can follow.

use ledger::{HostId, Moment};

use super::{Host, HostError};
use crate::bus::{Errand, Pass};
use crate::decider::Decider;
use crate::log::LogReader;
use crate::source::{Published, SourceError};

impl<D: Decider> Host<D> {
    pub(super) fn take_errand(&mut self, errand: Errand) -> Result<(), HostError> {
        match errand {
            Errand::Ask(ask) => self.take_ask(*ask)?,
            Errand::Pass(pass) => self.pass(pass),
        }
        Ok(())
    }

    /// What is recorded from here on is later than the instant, also where nothing is recorded for days.
    fn pass(&mut self, Pass { at, reply }: Pass) {
        if self.now() < at {
            // Who asked may be gone.
            let _ = reply.send(None);
            return;
        }
        self.last_at = self.last_at.max(Moment(at.0.saturating_add(1)));
        let (host, sequence) = (self.parts.id, self.sequence);
        let (log, settled) = (self.parts.reader.clone(), self.settled());
        tokio::spawn(async move {
            // What was decided before may still be on its way to the disk.
            if !settled.await {
                return;
            }
            let found = tokio::task::spawn_blocking(move || found(host, &log, at, sequence)).await;
            if let Ok(Some(found)) = found {
                let _ = reply.send(Some(found));
            }
        });
    }
}

fn found(host: HostId, log: &LogReader, at: Moment, last: u64) -> Option<u64> {
    let found = recorded_by(log, at, last);
    found.inspect_err(|error| tracing::error!(error = error as &dyn std::error::Error, %host, "could not search")).ok()
}

/// How many of the first `last` own facts were recorded by an instant: their times never decrease.
fn recorded_by(log: &LogReader, at: Moment, last: u64) -> Result<u64, SourceError> {
    let (mut by_then, mut later) = (0, last + 1);
    while later - by_then > 1 {
        let middle = by_then + (later - by_then) / 2;
        let entry = log.own_at(middle)?.ok_or(SourceError::Empty { host: log.host(), sequence: middle })?;
        if Published::try_from(entry)?.event()?.recorded_at <= at {
            by_then = middle;
        } else {
            later = middle;
        }
    }
    Ok(by_then)
}
