//! What a host is asked besides commands, and what it answers (`proto/usage/v1/command.proto`).

use std::time::Duration;

use bytes::Bytes;
use ledger::{EventId, Hash, HostId, Moment, Rejection};
use proto::WireError;
use proto::ask::{Lookup, LookupReply, Pass, PassReply, Read, ReadReply};

use super::FarError;
use super::address::{self, Question};
use super::far::decode;
use super::link::{Link, chain};
use super::parts::{NoReply, request, request_again, request_short};
use crate::log::LogReader;
use crate::source::{Published, SourceError, content_of};

/// How long a host may take to answer a question: it reads a few pages of its log.
const WAIT: Duration = Duration::from_secs(5);
/// How long it may take the first time.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Bytes of facts in one answer at most, whatever was asked for.
const READ_BYTES_MAX: usize = 1 << 20;
/// A sequence that no log reaches: what is asked for from there on is only how far the log goes.
const BEYOND: u64 = u64::MAX;

/// What a reply says.
fn told<T>(
    host: HostId,
    what: Question,
    reply: Result<Vec<u8>, NoReply>,
    decode: impl FnOnce(&[u8]) -> Result<T, WireError>,
) -> Result<T, FarError> {
    let failed = |reason| FarError::Unreachable { action: what.doing(), host, reason };
    let reply = reply.map_err(|no_reply| match no_reply {
        NoReply::Nobody => failed("its process isn't there".to_owned()),
        NoReply::Gone => failed("its process stops".to_owned()),
        NoReply::Unknown(reason) => failed(reason),
    })?;
    decode(&reply).map_err(|error| failed(chain(&error)))
}

/// Asks what is answered in one message.
async fn ask(link: &Link, host: HostId, what: Question, asked: Vec<u8>) -> Result<Vec<u8>, NoReply> {
    let asked = Bytes::from(asked);
    let subject = address::question(host, what);
    let ask = |wait| request_short(&link.client, subject.clone(), asked.clone(), wait);
    request_again(FIRST_WAIT, WAIT, ask).await
}

/// How far a host's log is durable.
pub(crate) async fn position(link: &Link, host: HostId) -> Result<u64, FarError> {
    let reply = ask(link, host, Question::Read, Read { from: BEYOND, bytes_max: 1 }.encode()).await;
    Ok(told(host, Question::Read, reply, ReadReply::decode)?.last)
}

/// What was asked for when an event was recorded.
pub(crate) async fn lookup(link: &Link, host: HostId, event: EventId) -> Result<Option<Hash>, FarError> {
    let reply = ask(link, host, Question::Lookup, Lookup { event }.encode()).await;
    Ok(told(host, Question::Lookup, reply, LookupReply::decode)?.content)
}

/// How far a host had come at an instant; none where its clock isn't there yet.
pub(crate) async fn pass(link: &Link, host: HostId, at: Moment) -> Result<Option<u64>, Rejection> {
    let reply = ask(link, host, Question::Pass, Pass { at }.encode()).await;
    let told = told(host, Question::Pass, reply, PassReply::decode).map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "can't tell how far it was at an instant");
        Rejection::Unavailable
    });
    Ok(told?.sequence)
}

/// Facts from a sequence on, of about so many bytes; at least one if there is one.
pub(crate) async fn read(link: &Link, host: HostId, from: u64, bytes_max: u32) -> Result<Vec<Published>, FarError> {
    let (subject, asked) = (address::question(host, Question::Read), Read { from, bytes_max }.encode());
    let ask = |wait| request(&link.client, subject.clone(), asked.clone(), wait);
    let reply = request_again(FIRST_WAIT, WAIT, ask).await;
    let ReadReply { entries, last } = told(host, Question::Read, reply, ReadReply::decode)?;
    let failed =
        |reason: &str| FarError::Unreachable { action: Question::Read.doing(), host, reason: reason.to_owned() };
    if entries.is_empty() && from <= last {
        return Err(failed("what it recorded isn't published yet"));
    }
    entries.iter().map(|entry| decode(host, entry).ok_or_else(|| failed("a fact arrived damaged"))).collect()
}

/// The answer of a host of this process, which has published so far; none to what can't be understood.
pub(crate) fn answer(
    log: &LogReader,
    what: Question,
    asked: &[u8],
    published: u64,
) -> Result<Option<Vec<u8>>, SourceError> {
    Ok(match what {
        Question::Lookup => match Lookup::decode(asked) {
            Ok(Lookup { event }) => Some(LookupReply { content: content_of(log, event)? }.encode()),
            Err(_) => None,
        },
        Question::Read => match Read::decode(asked) {
            Ok(asked) => read_own(log, asked, published)?.encode().ok(),
            Err(_) => None,
        },
        Question::Carry | Question::Pass => None,
    })
}

/// What was never in the stream may be another writer's to decide: it isn't given to anybody.
fn read_own(log: &LogReader, asked: Read, published: u64) -> Result<ReadReply, SourceError> {
    let last = log.synced()?.borrow().sequence;
    let (mut entries, mut bytes) = (Vec::new(), 0);
    let bytes_max = usize::try_from(asked.bytes_max).unwrap_or(usize::MAX).min(READ_BYTES_MAX);
    let asked_for = asked.from..=published;
    if asked_for.is_empty() {
        return Ok(ReadReply { entries, last });
    }
    for (_, entry) in asked_for.zip(log.own(asked.from)) {
        let Published { header, payload } = entry?.try_into()?;
        let entry = [&header.encode()[..], &payload].concat();
        bytes += entry.len();
        entries.push(entry);
        if bytes >= bytes_max {
            break;
        }
    }
    Ok(ReadReply { entries, last })
}
