//! Files of reported records that nobody sealed: some time after their period has ended the ledger submits them itself.

use std::time::Duration;

use ledger::{Command, FileId, Ledger, Moment, Scope, ServiceName};
use runtime::bus::Bus;
use runtime::clock::Clock;
use runtime::projection::Projection;
use tokio::sync::watch;

/// Between two looks: whoever waits for hours doesn't mind a minute.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Microseconds in an hour.
const HOUR: i64 = 3_600 * Moment::SECOND;

/// What it takes.
pub(crate) struct Sealing {
    pub(crate) bus: Bus,
    pub(crate) projection: Projection,
    pub(crate) clock: Clock,
    /// How long after the end of its period a file is submitted.
    pub(crate) hours: u32,
}

impl Sealing {
    /// Looks again and again until told to stop.
    pub(crate) async fn run(self, mut stop: watch::Receiver<bool>) {
        self.projection.catch_up().await;
        while !*stop.borrow() {
            self.submit_due().await;
            // A sender that is gone is a reason to stop too.
            let stopping = stop.wait_for(|stop| *stop);
            if tokio::time::timeout(LOOK_EVERY, stopping).await.is_ok() {
                return;
            }
        }
    }

    async fn submit_due(&self) {
        let due = due(&self.projection.read(), self.clock.now(), self.hours);
        for file in due {
            let scope = Scope::service(ServiceName::Approval);
            if let Err(rejection) = self.bus.ask(Command::SubmitFile { file }, scope, None).await {
                tracing::warn!(%file, %rejection, "a file of reported records is overdue and can't be submitted");
            }
        }
    }
}

/// Files with records whose period ended so many hours ago.
fn due(ledger: &Ledger, now: Moment, hours: u32) -> Vec<FileId> {
    let wait = i64::from(hours).saturating_mul(HOUR);
    let due = ledger.files.iter().filter(|(_, file)| {
        let period = file.approval.created.as_ref().and_then(|created| created.period);
        let over = period.is_some_and(|period| period.to.0.saturating_add(wait) <= now.0);
        over && file.collects() && file.current_reading().is_some()
    });
    due.map(|(id, _)| *id).collect()
}
