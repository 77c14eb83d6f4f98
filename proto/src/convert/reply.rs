//! Replies: what was recorded and what became of reported records, or why nothing was.

use std::collections::HashMap;
use std::sync::Arc;

use ledger::report::{REPORT_RECORDS_MAX, Receipt};
use ledger::{Event, FileId, HostId, Partition};
use prost::Message;

use super::event::{decode_event, encode_event, service, service_number};
use super::frame::{Limit, limit_bytes, limit_lists};
use super::rejection::{rejection, rejection_to_wire};
use super::value::{file_id, narrow, required, unknown};
use crate::ask::{REPLY_BYTES_MAX, WireAnswer, WireReply};
use crate::error::WireError;
use crate::wire;
use crate::wire::ReceiptKind as Kind;
use crate::wire::reply::Reply;

/// Events of one answer: an import records two for an object, and as many objects fit an ask.
const EVENTS_MAX: usize = 200_000;

/// Bytes of one event: a frame of the log has no more, so that what it unfolds to on the way stays small.
const EVENT_BYTES_MAX: usize = 120 * 1024;

/// The lists of an answer.
const LISTS: [Limit; 4] = [
    Limit::list(&[1, 3], "events", EVENTS_MAX),
    Limit::numbers(&[1, 5, 1], "receipts", REPORT_RECORDS_MAX),
    Limit::numbers(&[1, 5, 2], "receipts", REPORT_RECORDS_MAX),
    Limit::list(&[1, 5, 3], "files", REPORT_RECORDS_MAX),
];

/// The bytes of a reply.
///
/// # Errors
/// [`WireError::TooLarge`] and [`WireError::TooMany`] when it is over the limits.
pub fn encode_reply(reply: &WireReply) -> Result<Vec<u8>, WireError> {
    let reply = match reply {
        Ok(answer) => Reply::Answer(answer.into()),
        Err(reason) => Reply::Rejection(wire::Rejection { rejection: Some(rejection_to_wire(reason)) }),
    };
    let bytes = wire::Reply { reply: Some(reply) }.encode_to_vec();
    check(&bytes)?;
    Ok(bytes)
}

/// Reads a reply, within its limits whatever the bytes say. Its events are those of a log and have no limits inside: in
/// memory they may take thirty times their bytes.
///
/// # Errors
/// Any [`WireError`]: the bytes are damaged, too large, or of a newer version; what was asked may have been done.
pub fn decode_reply(bytes: &[u8]) -> Result<WireReply, WireError> {
    check(bytes)?;
    match wire::Reply::decode(bytes)?.reply.ok_or(WireError::UnknownKind { what: "a reply" })? {
        Reply::Answer(answer) => Ok(Ok(answer.try_into()?)),
        Reply::Rejection(reason) => {
            Ok(Err(rejection(reason.rejection.ok_or(WireError::UnknownKind { what: "a refusal" })?)?))
        }
    }
}

fn check(bytes: &[u8]) -> Result<(), WireError> {
    limit_bytes("a reply", bytes.len(), REPLY_BYTES_MAX)?;
    limit_lists(bytes, &LISTS)
}

impl From<&WireAnswer> for wire::Answer {
    fn from(it: &WireAnswer) -> Self {
        Self {
            host: Some(it.host.into()),
            sequence: it.sequence,
            events: it.events.iter().map(encode_event).collect(),
            given_again: it.repeated,
            receipts: (!it.receipts.is_empty()).then(|| receipts_to_wire(&it.receipts)),
        }
    }
}

impl TryFrom<wire::Answer> for WireAnswer {
    type Error = WireError;

    fn try_from(it: wire::Answer) -> Result<Self, WireError> {
        let event = |bytes: &Vec<u8>| {
            limit_bytes("an event", bytes.len(), EVENT_BYTES_MAX)?;
            decode_event(bytes)
        };
        let events: Vec<Event> = it.events.iter().map(event).collect::<Result<_, _>>()?;
        Ok(Self {
            host: required(it.host, "host")?.try_into()?,
            sequence: it.sequence,
            events: Arc::new(events),
            repeated: it.given_again,
            receipts: it.receipts.map(receipts).transpose()?.unwrap_or_default(),
        })
    }
}

impl From<HostId> for wire::Host {
    fn from(it: HostId) -> Self {
        Self { service: service_number(it.service), partition: it.partition.0.into() }
    }
}

impl TryFrom<wire::Host> for HostId {
    type Error = WireError;

    fn try_from(it: wire::Host) -> Result<Self, WireError> {
        Ok(Self { service: service(it.service)?, partition: Partition(narrow(it.partition, "partition")?) })
    }
}

fn receipts_to_wire(receipts: &[Receipt]) -> wire::Receipts {
    let mut file_ids: Vec<String> = Vec::new();
    let mut known: HashMap<FileId, u32> = HashMap::new();
    let mut index_of = |file: FileId| {
        *known.entry(file).or_insert_with(|| {
            file_ids.push(file.to_string());
            u32::try_from(file_ids.len() - 1).unwrap_or(u32::MAX)
        })
    };
    let receipt = |receipt: &Receipt| {
        let (kind, number) = match *receipt {
            Receipt::Added { row } => (Kind::Added, row),
            Receipt::Identical { row } => (Kind::Identical, row),
            Receipt::Conflicting { row } => (Kind::Conflicting, row),
            Receipt::Taken { file } => (Kind::Taken, index_of(file)),
            Receipt::Refused => (Kind::Refused, 0),
        };
        (i32::from(kind), number)
    };
    let (kinds, numbers) = receipts.iter().map(receipt).unzip();
    wire::Receipts { kinds, numbers, file_ids }
}

fn receipts(it: wire::Receipts) -> Result<Vec<Receipt>, WireError> {
    if it.kinds.len() != it.numbers.len() {
        return Err(WireError::Inconsistent { what: "receipts have columns of different lengths" });
    }
    let files: Vec<FileId> = it.file_ids.iter().map(|id| file_id(id, "file_ids")).collect::<Result<_, _>>()?;
    let receipt = |(kind, number): (i32, u32)| {
        Ok(match Kind::try_from(kind) {
            Ok(Kind::Added) => Receipt::Added { row: number },
            Ok(Kind::Identical) => Receipt::Identical { row: number },
            Ok(Kind::Conflicting) => Receipt::Conflicting { row: number },
            Ok(Kind::Taken) => {
                let file = files.get(number as usize).copied();
                Receipt::Taken { file: file.ok_or(WireError::Invalid { field: "numbers" })? }
            }
            Ok(Kind::Refused) => Receipt::Refused,
            Ok(Kind::Unspecified) | Err(_) => return Err(unknown("kinds", kind)),
        })
    };
    it.kinds.into_iter().zip(it.numbers).map(receipt).collect()
}
