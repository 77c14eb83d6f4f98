//! Whom a data directory belongs to: a file in it names the services, unless they are all.

use crate::product::{ProductError, Settings};

/// Names the services of a data directory that isn't the whole ledger's.
pub(crate) const SERVICES: &str = "services";

/// Says in the data directory which services it belongs to; one that belongs to some only isn't opened as a whole.
pub(crate) fn lay(settings: &Settings) -> Result<(), ProductError> {
    let path = settings.data.join(SERVICES);
    let failed = |source| ProductError::Data { path: path.clone(), source };
    let Some(names) = settings.claim() else {
        return match std::fs::read_to_string(&path) {
            Ok(services) => Err(ProductError::Part { path, services: services.trim().to_owned() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(error)),
        };
    };
    std::fs::write(&path, format!("{names}\n")).map_err(failed)
}
