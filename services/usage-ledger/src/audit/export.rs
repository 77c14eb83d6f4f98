//! Facts written out, for whoever wants to look at them with other programs.

use std::collections::BTreeSet;
use std::io::Write;

use ledger::{Event, FileId, HostId, Subject};
use proto::export::{encode_exported, event_json, records_json};
use runtime::source::{Published, SourceError};
use serde_json::{Value, json};

use super::AuditError;
use super::fold::Until;
use super::place::Place;

/// How facts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A line of JSON each.
    Ndjson {
        /// With the records that they carry.
        records: bool,
    },
    /// A `usage.v1.ExportedFact` each, after its length.
    Protobuf,
}

/// Which facts.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// Of these logs; of all when empty.
    pub hosts: BTreeSet<HostId>,
    /// From here on: of a log that isn't named, from its beginning.
    pub from: Option<Until>,
    /// Up to here.
    pub until: Until,
    /// About this file.
    pub file: Option<FileId>,
}

impl Range {
    /// The first sequence of a log that may be in it.
    fn first(&self, host: HostId) -> u64 {
        match &self.from {
            Some(Until::Positions(positions)) => positions.get(&host).copied().unwrap_or(1).max(1),
            _ => 1,
        }
    }

    /// Whether a fact that is not before the first sequence, nor after the end, is in it.
    fn has(&self, event: &Event) -> bool {
        let late = match &self.from {
            Some(Until::Time(time)) => event.recorded_at >= *time,
            _ => true,
        };
        late && self.file.is_none_or(|file| event.subject == Subject::File(file))
    }
}

/// Writes facts, one log after the other. Blocks.
///
/// # Errors
/// When a log can't be read, or what was read can't be written.
pub fn export(place: &Place, range: &Range, form: Form, out: &mut impl Write) -> Result<(), AuditError> {
    for host in place.hosts().filter(|host| range.hosts.is_empty() || range.hosts.contains(host)) {
        for entry in place.log(host)?.own(range.first(host)) {
            let fact = Published::try_from(entry.map_err(SourceError::from)?)?;
            let event = fact.event()?;
            if !range.until.has(host, fact.header.sequence, &event) {
                break;
            }
            if range.has(&event) {
                write(&fact, &event, form, out)?;
            }
        }
    }
    out.flush().map_err(AuditError::Write)
}

fn write(fact: &Published, event: &Event, form: Form, out: &mut impl Write) -> Result<(), AuditError> {
    let written = match form {
        Form::Ndjson { records } => writeln!(out, "{}", line(fact, event, records)?),
        Form::Protobuf => out.write_all(&encode_exported(&fact.header.encode(), &fact.payload)),
    };
    written.map_err(AuditError::Write)
}

/// A fact as a line of JSON.
fn line(fact: &Published, event: &Event, records: bool) -> Result<Value, AuditError> {
    let header = &fact.header;
    let (host, sequence) = (header.host, header.sequence);
    let failed = |error| SourceError::Wire { host, sequence, error };
    let (name, shown) = event_json(&fact.payload).map_err(failed)?;
    let mut line = json!({
        "log": host.to_string(), "sequence": sequence, "epoch": header.epoch, "hash": header.hash().to_string(),
        "previous": header.previous.to_string(), "payload_hash": header.payload_hash.to_string(),
        "recorded_at": event.recorded_at.iso(), "fact": name, "event": shown,
    });
    if let Some(records) = records.then(|| records_json(&fact.payload)).transpose().map_err(failed)?.flatten() {
        line["records"] = records;
    }
    Ok(line)
}
