//! The logs of other processes, as they come over NATS: each fact must follow from the one before and be what its header
//! says. What rests on their disks is verified where they are.

use std::sync::atomic::{AtomicU64, Ordering};

use ledger::{Hash, HostId};
use runtime::source::{Published, Source, SourceError};

use super::{Found, Gone};

/// How far it is, and how far it goes.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) done: AtomicU64,
    pub(super) all: AtomicU64,
}

/// Goes through every log that another process writes. Blocks.
pub(super) fn verify(sources: &[Source], facts: &Facts) -> Gone {
    let elsewhere: Vec<&Source> = sources.iter().filter(|source| source.is_elsewhere()).collect();
    let known = elsewhere.iter().filter_map(|source| source.last().ok());
    facts.all.store(known.sum(), Ordering::Relaxed);
    let mut gone = Gone::default();
    for source in elsewhere {
        gone.findings.extend(follows(source.host(), source.own(1), || source.last().unwrap_or_default(), facts));
    }
    gone.entries = facts.done.load(Ordering::Relaxed);
    gone
}

/// Reads a log to the end as it is known here: what doesn't hold of it, if something doesn't.
fn follows(
    host: HostId,
    own: impl Iterator<Item = Result<Published, SourceError>>,
    last: impl FnOnce() -> u64,
    facts: &Facts,
) -> Option<Found> {
    let (mut sequence, mut previous) = (0, Hash::ZERO);
    for fact in own {
        let fact = match fact {
            Ok(fact) => fact,
            Err(error) => return Some(unread(host, sequence, &error)),
        };
        let header = fact.header;
        let sound = header.host == host
            && header.sequence == sequence + 1
            && header.previous == previous
            && header.payload_hash == Hash::of(&fact.payload);
        if !sound {
            let what = format!("{host}: the fact at sequence {} doesn't follow from the one before", sequence + 1);
            let advice = "run `usage-ledger audit verify` where that log is written, and compare".to_owned();
            return Some(Found { fault: true, what, advice });
        }
        (sequence, previous) = (header.sequence, header.hash());
        facts.done.fetch_add(1, Ordering::Relaxed);
    }
    // More may have come meanwhile, never less.
    let last = last();
    (sequence < last).then(|| {
        let what = format!("{host}: its log ends at sequence {sequence}, and {last} were recorded");
        Found { fault: true, what, advice: "run `usage-ledger audit verify` where that log is written".to_owned() }
    })
}

fn unread(host: HostId, sequence: u64, error: &SourceError) -> Found {
    let (what, advice) = if error.is_unreachable() {
        (format!("{host}: its process can't be reached, and it was read to sequence {sequence}"), "verify again later")
    } else {
        (format!("{host}: {error}"), "run `usage-ledger audit verify` where that log is written")
    };
    Found { fault: !error.is_unreachable(), what, advice: advice.to_owned() }
}

#[cfg(test)]
mod tests {
    use ledger::ServiceName;
    use runtime::log::Header;

    use super::*;

    /// A sound log of three facts.
    fn log(host: HostId) -> Vec<Published> {
        let mut previous = Hash::ZERO;
        let fact = |sequence: u64| {
            let payload = vec![u8::try_from(sequence).unwrap(); 3];
            let header = Header { host, epoch: 1, sequence, previous, payload_hash: Hash::of(&payload) };
            previous = header.hash();
            Published { header, payload }
        };
        (1..=3).map(fact).collect()
    }

    #[test]
    fn a_log_that_was_changed_on_its_way_is_found() {
        type Change = fn(&mut Vec<Published>);
        let (host, other) = (HostId::new(ServiceName::Approval, 0), HostId::new(ServiceName::Catalog, 0));
        let changes: [(Change, Option<&str>); 6] = [
            (|_| (), None),
            (|log| log[1].payload[0] ^= 1, Some("sequence 2 doesn't follow")),
            (|log| drop(log.remove(0)), Some("sequence 1 doesn't follow")),
            (|log| log.swap(1, 2), Some("sequence 2 doesn't follow")),
            (|log| log[2].header.epoch += 1, None),
            (|log| drop(log.pop()), Some("ends at sequence 2, and 3 were recorded")),
        ];
        for (number, (change, expected)) in changes.into_iter().enumerate() {
            let mut facts = log(host);
            change(&mut facts);
            let found = follows(host, facts.into_iter().map(Ok), || 3, &Facts::default());
            let what = found.map(|found| found.what);
            assert!(
                what.as_deref().map_or(expected.is_none(), |what| expected.is_some_and(|it| what.contains(it))),
                "{number}: {what:?}"
            );
        }
        assert!(follows(other, log(host).into_iter().map(Ok), || 3, &Facts::default()).is_some(), "another host's");
    }
}
