//! What is known, as digests: of each service of a process, and of its gateway. Equal digests mean equal knowledge, so
//! that processes can be compared with one another, with their own past, and with what the logs say.

use ledger::digest::digest_of;
use ledger::{HostId, Ledger, ServiceName};
use proto::decode_event;
use runtime::hearing::is_kept;
use runtime::source::{Published, Source, SourceError};
use serde_json::{Map, Value, json};

use crate::product::Product;
use crate::wiring::hearing;

/// Digests of what each service of a process knows by its log, and its gateway by what it has folded. Blocks.
///
/// # Errors
/// When a log can't be read.
pub(crate) fn of_process(product: &Product) -> Result<Value, SourceError> {
    let mut known = Map::new();
    for source in product.bus.sources(&ServiceName::WRITERS) {
        let Source::Near(log) = &source else { continue };
        let mut ledger = Ledger::default();
        for entry in log.entries(1) {
            let entry = entry?;
            // What carries records is noted where it is heard, and not kept.
            if let Some(payload) = &entry.payload {
                fold(&mut ledger, entry.header.host, entry.header.sequence, payload)?;
            }
        }
        known.insert(source.host().to_string(), shown(&ledger));
    }
    if product.serves {
        known.insert(ServiceName::Gateway.name().to_owned(), shown(&product.projection.read()));
    }
    Ok(known.into())
}

/// The same digests as every service and every gateway must have them: from what each service has written itself, read
/// from the beginning. Blocks.
///
/// # Errors
/// When a log can't be read.
pub(crate) fn of_logs(product: &Product) -> Result<Value, SourceError> {
    let sources = product.bus.sources(&ServiceName::WRITERS);
    let mut gateway = Ledger::default();
    let mut services: Vec<(HostId, Ledger)> = sources.iter().map(|one| (one.host(), Ledger::default())).collect();
    for source in &sources {
        let writer = source.host();
        for fact in source.own(1) {
            let Published { header, payload } = fact?;
            let event = fold(&mut gateway, writer, header.sequence, &payload)?;
            for (host, ledger) in &mut services {
                let heard = hearing(host.service).hears(host.partition, writer) && is_kept(*host, &event);
                if *host == writer || heard {
                    ledger.evolve(header.sequence, &event);
                }
            }
        }
    }
    let known = services.iter().map(|(host, ledger)| (host.to_string(), shown(ledger)));
    Ok(known.chain([(ServiceName::Gateway.name().to_owned(), shown(&gateway))]).collect::<Map<_, _>>().into())
}

fn fold(ledger: &mut Ledger, host: HostId, sequence: u64, payload: &[u8]) -> Result<ledger::Event, SourceError> {
    let event = decode_event(payload).map_err(|error| SourceError::Wire { host, sequence, error })?;
    ledger.evolve(sequence, &event);
    Ok(event)
}

fn shown(ledger: &Ledger) -> Value {
    json!({ "files": ledger.digest().to_string(), "catalog": digest_of(&*ledger.catalog).to_string() })
}
