//! Refusing whatever is asked, once the log takes nothing more: what is recorded can be read meanwhile.

use ledger::Rejection;
use tokio::sync::watch;

use super::{Host, HostError};
use crate::bus::{Ask, Errand};
use crate::decider::Decider;
use crate::disk;
use crate::log::LogError;

impl<D: Decider> Host<D> {
    /// Works until told to stop. Where the log takes nothing more and nobody else may write on, everything is refused and
    /// what is recorded can be read.
    ///
    /// # Errors
    /// See [`HostError`]: the process should stop then.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), HostError> {
        match self.work(stop.clone()).await {
            Err(error) if self.parts.published.is_none() && is_of_disk(&error) => {
                self.parts.reader.take_no_more(&error);
                tokio::select! {
                    () = self.refuse_all() => {}
                    _ = stop.wait_for(|stop| *stop) => {}
                }
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Refuses whatever is asked, for as long as anybody may ask.
    async fn refuse_all(&mut self) {
        for ask in self.early.drain(..) {
            refuse(ask);
        }
        while let Some(errand) = self.parts.asks.recv().await {
            match errand {
                Errand::Ask(ask) => refuse(*ask),
                Errand::Pass(pass) => drop(pass.reply.send(None)),
            }
        }
    }
}

/// Whether the log takes nothing more, or the disk is what stopped the host before the log came to know.
fn is_of_disk(error: &HostError) -> bool {
    matches!(error, HostError::Log { source: LogError::ReadOnly { .. }, .. }) || disk::refusal(error).is_some()
}

fn refuse(ask: Ask) {
    // Who asked may be gone.
    drop(ask.reply.send(Err(Rejection::ReadOnly)));
}
