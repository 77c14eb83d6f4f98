//! What a host answers to who asked it, and what tells of it to who watches.

use std::time::Instant;

use ledger::Rejection;
use tokio::sync::oneshot;

use crate::bus::Answer;
use crate::meters::{ASK_TIME, ASKS, Meters};

/// Where an outcome goes, and what tells of it.
pub(super) struct Reply {
    pub(super) to: oneshot::Sender<Result<Answer, Rejection>>,
    pub(super) span: tracing::Span,
    pub(super) meters: Meters,
    /// The service and the command.
    pub(super) labels: [&'static str; 2],
    pub(super) begun: Instant,
}

impl Reply {
    pub(super) fn give(self, outcome: Result<Answer, Rejection>) {
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
        drop(self.to.send(outcome));
    }
}
