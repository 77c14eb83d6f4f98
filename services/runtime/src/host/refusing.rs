//! Refusing whatever is asked, once the log takes nothing more: what is recorded can be read meanwhile.

use ledger::Rejection;
use tokio::sync::watch;

use super::{Host, HostError};
use crate::bus::Errand;
use crate::decider::Decider;
use crate::log::LogError;

impl<D: Decider> Host<D> {
    /// Works until told to stop. Where the log takes nothing more and nobody else may write on, everything is refused and
    /// what is recorded can be read.
    ///
    /// # Errors
    /// See [`HostError`]: the process should stop then.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) -> Result<(), HostError> {
        match self.work(stop.clone()).await {
            Err(HostError::Log { source: LogError::ReadOnly { .. }, .. }) if self.parts.published.is_none() => {
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
        self.early.clear();
        while let Some(errand) = self.parts.asks.recv().await {
            match errand {
                // Who asked may be gone.
                Errand::Ask(ask) => drop(ask.reply.send(Err(Rejection::Unavailable))),
                Errand::Pass(pass) => drop(pass.reply.send(None)),
            }
        }
    }
}
