//! Where the facts of each file stand: a few bytes for each, so that one file's past is read without anybody else's.

use std::collections::HashMap;

use ledger::{Event, Fact, FileId, HostId, Partition, ServiceName, Subject};
use serde::{Deserialize, Serialize};

/// Where a fact stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who recorded it.
    pub host: HostId,
    /// Its place in the host's chain.
    pub sequence: u64,
    /// Whether it carries records, of which a job writes many.
    pub carries_records: bool,
}

/// Where the facts of one file stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    /// Each of them.
    pub steps: Vec<Step>,
    /// The sequences of the facts about usage rules in the log of approval that decides about both; of another
    /// partition's file none, since the rules come to it as facts of its own.
    pub rules: Vec<u64>,
}

/// Where the facts of every file stand, in the order in which they were heard: of each host, that of its chain.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Trails {
    /// Each step as two numbers: what it is and who wrote it, and its sequence.
    files: HashMap<FileId, Vec<u8>>,
    /// Where the facts about usage rules stand, which decide what is asked about a file.
    rules: Vec<u64>,
}

impl Trails {
    /// Notes a fact.
    pub(crate) fn note(&mut self, host: HostId, sequence: u64, event: &Event) {
        match event.subject {
            Subject::File(file) => {
                let trail = self.files.entry(file).or_default();
                let carries = u64::from(event.fact.carries_records());
                let who = u64::from(host.partition.0) << 3 | u64::from(host.service.number());
                put(trail, who << 1 | carries);
                put(trail, sequence);
            }
            Subject::Object(_) => {
                let decides = host == HostId::new(ServiceName::Approval, 0);
                if decides && matches!(event.fact, Fact::RuleRecorded(_) | Fact::RuleDeleted) {
                    self.rules.push(sequence);
                }
            }
        }
    }

    /// Where a file's facts stand.
    #[must_use]
    pub fn of(&self, file: FileId) -> Trail {
        let mut rest = self.files.get(&file).map_or(&[][..], Vec::as_slice);
        let rules = if file.partition() == Partition::default() { self.rules.clone() } else { Vec::new() };
        Trail { steps: std::iter::from_fn(|| step(&mut rest)).collect(), rules }
    }

    /// How many bytes of memory the steps of all files take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let entry = size_of::<(FileId, Vec<u8>)>();
        self.files.capacity() * entry + self.files.values().map(Vec::capacity).sum::<usize>()
    }
}

fn step(rest: &mut &[u8]) -> Option<Step> {
    let (who, sequence) = (take(rest)?, take(rest)?);
    let service = ServiceName::from_number(u8::try_from(who >> 1 & 7).ok()?)?;
    let partition = Partition(u16::try_from(who >> 4).ok()?);
    Some(Step { host: HostId { service, partition }, sequence, carries_records: who & 1 == 1 })
}

/// Writes a number in groups of seven bits, the lowest first.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
