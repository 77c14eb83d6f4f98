//! What this process has on its disk, gone through for whoever asks at the gateway.

use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

use gateway::{Found, Gone, Verifies};

use crate::audit::verify::Target;

/// A data directory.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    /// Where it is.
    pub(crate) data: PathBuf,
}

impl Disk {
    fn target(&self) -> Target<'_> {
        Target { path: &self.data, is_backup: false, folds: false }
    }
}

impl Verifies for Disk {
    fn bytes(&self) -> u64 {
        self.target().bytes()
    }

    fn verify(&self, done: &AtomicU64) -> Result<Gone, String> {
        // A process that writes no log has none.
        if !self.data.join("log").exists() {
            return Ok(Gone::default());
        }
        let verified = self.target().verify(done).map_err(|error| chain(&error))?;
        let found = verified.findings.iter().map(|finding| {
            let place = finding.host.map(|host| format!("{host}: ")).unwrap_or_default();
            Found {
                fault: finding.is_fault,
                what: format!("{place}{}", finding.what),
                advice: finding.advice.to_owned(),
            }
        });
        let findings = found.collect();
        Ok(Gone { entries: verified.entries, workbooks: verified.workbooks, findings })
    }
}

/// An error with what is behind it.
fn chain(error: &dyn Error) -> String {
    let mut told = error.to_string();
    let mut behind = error.source();
    while let Some(cause) = behind {
        told = format!("{told}: {cause}");
        behind = cause.source();
    }
    told
}
