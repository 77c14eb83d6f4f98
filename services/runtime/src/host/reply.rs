//! What a host answers to who asked it, and what tells of it to who watches.

use std::time::Instant;

use ledger::Rejection;
use tokio::sync::oneshot;

use super::HostParts;
use crate::bus::Answer;
use crate::log::LogReader;
use crate::meters::{ASK_TIME, ASKS, Meters};

type Asked = oneshot::Sender<Result<Answer, Rejection>>;

/// Where an outcome goes, and what tells of it. Dropped without an outcome it says that the disk is why, if it is.
pub(super) struct Reply {
    to: Option<Asked>,
    span: tracing::Span,
    meters: Meters,
    /// The service and the command.
    labels: [&'static str; 2],
    begun: Instant,
    log: LogReader,
    /// Nobody else may write on.
    is_alone: bool,
}

impl Reply {
    pub(super) fn new(to: Asked, span: tracing::Span, labels: [&'static str; 2], host: &HostParts) -> Self {
        let (meters, log) = (host.meters.clone(), host.reader.clone());
        Self { to: Some(to), span, meters, labels, begun: Instant::now(), log, is_alone: host.published.is_none() }
    }

    pub(super) fn give(mut self, outcome: Result<Answer, Rejection>) {
        self.send(outcome);
    }

    fn send(&mut self, outcome: Result<Answer, Rejection>) {
        let Some(to) = self.to.take() else { return };
        let word = match &outcome {
            Ok(answer) if answer.repeated => "repeated",
            Ok(_) => "done",
            Err(rejection) => rejection.code(),
        };
        self.span.record("outcome", word);
        let [service, command] = self.labels;
        self.meters.add(&ASKS, &[service, command, word], 1);
        self.meters.took(&ASK_TIME, &self.labels, self.begun.elapsed());
        // Who asked may be gone; what was decided is recorded all the same.
        drop(to.send(outcome));
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // Where another process may have to write on, this one ends, and the same is asked again there.
        if self.is_alone && self.log.is_read_only() {
            self.send(Err(Rejection::ReadOnly));
        }
    }
}
