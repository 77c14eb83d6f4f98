//! Whom a data directory belongs to: a file in it names the services, unless they are all.

use crate::product::{ProductError, Settings};

/// Names the services of a data directory that isn't the whole ledger's.
pub(crate) const SERVICES: &str = "services";

/// Refuses a data directory of some services to a process of all.
pub(crate) fn check(settings: &Settings) -> Result<(), ProductError> {
    let path = settings.data.join(SERVICES);
    if settings.claim().is_some() {
        return Ok(());
    }
    match std::fs::read_to_string(&path) {
        Ok(services) => Err(ProductError::Part { path, services: services.trim().to_owned() }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(ProductError::Data { path, source }),
    }
}

/// Says in a data directory that is held which services it belongs to, unless they are all.
pub(crate) fn lay(settings: &Settings) -> Result<(), ProductError> {
    let path = settings.data.join(SERVICES);
    let Some(names) = settings.claim() else { return Ok(()) };
    std::fs::write(&path, format!("{names}\n")).map_err(|source| ProductError::Data { path, source })
}
