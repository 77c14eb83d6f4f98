//! What is known, as digests: of each service of a process, and of its gateway. Equal digests mean equal knowledge, so
//! that processes can be compared with one another, with their own past, and with what the logs say.

use std::sync::atomic::AtomicU64;

use ledger::{Ledger, ServiceName};
use proto::decode_event;
use runtime::log::LogReader;
use runtime::source::{Source, SourceError};
use serde_json::{Map, Value};

use crate::audit::AuditError;
use crate::audit::fold::{Until, fold, shown};
use crate::product::Product;

/// Digests of what each service of a process knows by its log, and its gateway by what it has folded. Blocks.
///
/// # Errors
/// When a log can't be read.
pub(crate) fn of_process(product: &Product) -> Result<Value, SourceError> {
    let mut known = Map::new();
    for source in product.bus.sources(&ServiceName::WRITERS) {
        let Source::Near(log) = &source else { continue };
        known.insert(source.host().to_string(), shown(&of_log(log)?));
    }
    if product.portal.is_some() {
        known.insert(ServiceName::Gateway.name().to_owned(), shown(&product.projection.read()));
    }
    Ok(known.into())
}

/// The same digests as every service and every gateway must have them: from what each service has written itself, read
/// from the beginning. Blocks.
///
/// # Errors
/// When a log can't be read.
pub(crate) fn of_logs(product: &Product) -> Result<Value, AuditError> {
    let sources = product.bus.sources(&ServiceName::WRITERS);
    Ok(fold(&sources, &Until::End, 1, &AtomicU64::default())?.digests())
}

/// What a host knows by its own log alone. Blocks.
///
/// # Errors
/// When it can't be read.
pub(crate) fn of_log(log: &LogReader) -> Result<Ledger, SourceError> {
    let mut ledger = Ledger::default();
    for entry in log.entries(1) {
        let entry = entry?;
        let (host, sequence) = (entry.header.host, entry.header.sequence);
        // What carries records is noted where it is heard, and not kept.
        if let Some(payload) = &entry.payload {
            let event = decode_event(payload).map_err(|error| SourceError::Wire { host, sequence, error })?;
            ledger.evolve(sequence, &event);
        }
    }
    Ok(ledger)
}
