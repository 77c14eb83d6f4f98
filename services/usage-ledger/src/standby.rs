//! Processes that stand by for one another: one of them writes, as long as it has the lease.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use gateway::Standing;
use ledger::HostId;
use runtime::decider::Decider;
use runtime::host::Host;
use runtime::nats::{Lease, LeaseLost, Link, Outbox, OutboxError};
use tokio::sync::watch;

use crate::product::ProductError;
use crate::secrets;

/// The file with the name of the process.
const NAME: &str = "name";
/// Letters of a machine's name that go into it.
const MACHINE_LETTERS_MAX: usize = 40;
/// How long what is recorded may take to be published when the process stops or was relieved.
const PUBLISH_WAIT: Duration = Duration::from_secs(3);

/// What people know the process of a data directory by: the machine and four digits. It stays with the directory, so that
/// a process that starts again is known; a copy of the directory is another process, and gets another name.
///
/// # Errors
/// When the file can't be read or written.
pub(crate) fn name(data: &Path) -> Result<String, ProductError> {
    let path = data.join(NAME);
    let failed = |source| ProductError::Data { path: path.clone(), source };
    let written = |text: String| {
        let (name, inode) = text.trim().split_once(' ')?;
        (fs::metadata(&path).ok()?.ino().to_string() == inode).then(|| name.to_owned())
    };
    match fs::read_to_string(&path) {
        Ok(text) => {
            if let Some(name) = written(text) {
                return Ok(name);
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let machine = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let letters = machine.trim().chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' });
    let machine: String = letters.take(MACHINE_LETTERS_MAX).collect();
    let digits: String = secrets::random(2)?.iter().map(|byte| format!("{byte:02x}")).collect();
    let name = if machine.is_empty() { digits } else { format!("{machine}-{digits}") };
    let file = fs::File::create(&path).map_err(failed)?;
    let inode = file.metadata().map_err(failed)?.ino();
    fs::write(&path, format!("{name} {inode}\n")).map_err(failed)?;
    Ok(name)
}

/// A host's turn to write.
pub(crate) struct Turn {
    host: HostId,
    lease: Lease,
    writes: watch::Sender<bool>,
}

impl Turn {
    /// A turn that is waited for.
    pub(crate) fn new(link: Link, host: HostId, name: &str) -> Self {
        Self { host, lease: Lease::new(link, &host.to_string(), name), writes: watch::Sender::new(false) }
    }

    /// What is told of it.
    pub(crate) fn standing(&self) -> Standing {
        let (name, holding) = (self.lease.name().to_owned(), self.lease.holding());
        Standing { host: self.host, name, holding, writes: self.writes.subscribe() }
    }

    /// Stands by until this process writes; false when it is to stop before.
    pub(crate) async fn wait<D: Decider>(
        &mut self,
        host: &mut Host<D>,
        outbox: &Outbox,
        stop: watch::Receiver<bool>,
    ) -> Result<bool, ProductError> {
        let writes = host.stand_by(outbox, &mut self.lease, stop).await?;
        self.writes.send_replace(writes);
        Ok(writes)
    }

    /// Works until the process is to stop, and gives the lease up then; or until another process writes.
    pub(crate) async fn hold(
        mut self,
        outbox: Outbox,
        work: impl Future<Output = Result<(), ProductError>>,
    ) -> Result<(), ProductError> {
        let lost = tokio::select! {
            ended = work => match ended {
                Ok(()) => return self.give_up(&outbox).await,
                Err(ProductError::Outbox(OutboxError::Behind { .. })) => None,
                Err(error) => return Err(error),
            },
            lost = self.lease.keep() => Some(lost),
        };
        Err(relieved(self.host, &outbox, lost).await)
    }

    /// Whoever stands by needn't wait, and has all that was recorded.
    async fn give_up(self, outbox: &Outbox) -> Result<(), ProductError> {
        let Ok(published) = tokio::time::timeout(PUBLISH_WAIT, outbox.catch_up()).await else {
            tracing::warn!(host = %self.host, "stops before all was published, and keeps its lease until that expires");
            return Ok(());
        };
        published?;
        if let Err(reason) = self.lease.release().await {
            tracing::warn!(host = %self.host, reason, "could not give the lease up; it expires");
        }
        Ok(())
    }
}

/// Why a process stops that has been relieved. What it had and nobody knows is found out by publishing it.
async fn relieved(host: HostId, outbox: &Outbox, lost: Option<LeaseLost>) -> ProductError {
    let by = lost.map_or_else(|| "another process".to_owned(), |lost| lost.by);
    match tokio::time::timeout(PUBLISH_WAIT, outbox.catch_up()).await {
        Ok(Ok(()) | Err(OutboxError::Behind { .. })) => ProductError::Relieved { host, by },
        Ok(Err(error)) => error.into(),
        Err(_) => ProductError::LeaseLost { host, by },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_with_its_directory_and_a_copy_has_another() {
        let dir = tempfile::tempdir().unwrap();
        let [first, second] = ["first", "second"].map(|name| dir.path().join(name));
        fs::create_dir(&first).unwrap();
        fs::create_dir(&second).unwrap();
        let given = name(&first).unwrap();
        assert_eq!(name(&first).unwrap(), given);
        fs::copy(first.join(NAME), second.join(NAME)).unwrap();
        let copied = name(&second).unwrap();
        assert_eq!(name(&second).unwrap(), copied);
        assert!(fs::read_to_string(second.join(NAME)).unwrap() != fs::read_to_string(first.join(NAME)).unwrap());
        assert!(!given.contains(' ') && !copied.contains(' '));
    }
}
