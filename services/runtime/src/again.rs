//! What a key was answered first, read from the log: a repetition is told the same.

use std::sync::Arc;

use ledger::{EventId, Rejection};

use crate::bus::{Answer, AskKey};
use crate::host::HostError;
use crate::log::LogReader;

/// What was recorded for a key from a position on, or that it was something else.
pub(crate) fn first_outcome(
    reader: &LogReader,
    position: u64,
    key: AskKey,
) -> Result<Result<Answer, Rejection>, HostError> {
    let host = reader.host();
    let mut events = Vec::new();
    let mut sequence = 0;
    for entry in reader.entries(position) {
        let entry = entry.map_err(|source| HostError::Log { host, source })?;
        // What was heard ends what was answered, and may have no payload.
        if !entry.own {
            break;
        }
        let bytes = entry.payload.as_deref().unwrap_or_default();
        let position = entry.position;
        let event = proto::decode_event(bytes).map_err(|source| HostError::Wire { host, position, source })?;
        let index = u32::try_from(events.len()).unwrap_or(u32::MAX);
        if event.id != EventId::derive(&key.seed, host.service, index) {
            break;
        }
        if event.cause != key.content {
            return Ok(Err(Rejection::KeyReused));
        }
        sequence = entry.header.sequence;
        events.push(event);
    }
    Ok(Ok(Answer { host, sequence, events: Arc::new(events), repeated: true, receipts: Vec::new() }))
}
