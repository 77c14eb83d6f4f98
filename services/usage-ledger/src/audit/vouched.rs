//! What a log signed must follow from it: each checkpoint is over the events before it, and it and each statement were
//! signed with a key that the log names.

use ledger::merkle::{Growing, leaf};
use ledger::note::{Checkpoint, VerifierKey, opened};
use ledger::{Fact, Hash, HostId};
use runtime::log::Header;

/// What one log has said of itself so far.
#[derive(Debug, Default)]
pub(super) struct Vouched {
    /// The tree over all events but the last one, whose hash the next one names.
    tree: Growing,
    /// The same without its last event: a key may stand between what is signed and the checkpoint.
    shorter: Growing,
    /// The hash of the first event.
    first: Hash,
    keys: Vec<VerifierKey>,
}

impl Vouched {
    /// Takes in an event of the log, in its order; says what of it doesn't hold.
    pub(super) fn see(&mut self, header: &Header, fact: &Fact) -> Option<String> {
        if header.sequence == 2 {
            self.first = header.previous;
        }
        if header.sequence > 1 {
            self.shorter = self.tree.clone();
            self.tree.push(leaf(&header.previous.0));
        }
        match fact {
            Fact::SigningKeyRecorded(recorded) => {
                self.keys.push(recorded.key.clone());
                None
            }
            Fact::StatementSigned { note } => {
                opened(note, &self.keys).err().map(|error| format!("the statement doesn't hold: {error}"))
            }
            Fact::CheckpointSigned(signed) => {
                let broken = self.checkpoint(header.host, &signed.note, (signed.size, signed.root)).err();
                broken.map(|what| format!("the checkpoint of {} events doesn't hold: {what}", signed.size))
            }
            _ => None,
        }
    }

    fn checkpoint(&self, host: HostId, note: &str, recorded: (u64, Hash)) -> Result<(), String> {
        let text = opened(note, &self.keys).map_err(|error| error.to_string())?;
        let Checkpoint { origin, size, root } = Checkpoint::parse(text).map_err(|error| error.to_string())?;
        let (log, first) = (format!("/{host}/epoch-"), self.first.to_string());
        let is_ours = origin.split_once(&log).and_then(|(name, _)| name.strip_prefix("usage-ledger/"));
        if !is_ours.is_some_and(|name| !name.is_empty() && first.starts_with(name)) {
            return Err(format!("it is about another log, {origin}"));
        }
        if (size, root) != recorded {
            return Err("what was signed isn't what was recorded beside it".to_owned());
        }
        match [&self.tree, &self.shorter].into_iter().find(|tree| tree.size() == size) {
            None => Err(format!("{} events stand before it", self.tree.size())),
            Some(tree) if tree.root() != root => Err(format!("the root of the events before it is {}", tree.root())),
            Some(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ledger::ServiceName;
    use ledger::fact::{CheckpointSigned, SigningKeyRecorded};
    use ledger::note::NoteSigner;

    use super::*;

    const SERVICE: ServiceName = ServiceName::Approval;

    /// A log that grows as a host lets it grow.
    struct Log {
        vouched: Vouched,
        headers: Vec<Header>,
        found: Vec<String>,
    }

    impl Log {
        fn new() -> Self {
            Self { vouched: Vouched::default(), headers: Vec::new(), found: Vec::new() }
        }

        fn add(&mut self, fact: Fact) {
            let previous = self.headers.last().map_or(Hash::ZERO, Header::hash);
            let (sequence, host) = (self.headers.len() as u64 + 1, HostId::new(SERVICE, 0));
            let header = Header { host, epoch: 1, sequence, previous, payload_hash: Hash::of(&sequence.to_le_bytes()) };
            self.found.extend(self.vouched.see(&header, &fact));
            self.headers.push(header);
        }

        fn happen(&mut self) {
            self.add(Fact::WriterChanged { service: SERVICE, writer: "a".to_owned() });
        }

        fn name(&self) -> String {
            format!("usage-ledger/{:.16}/approval-0/epoch-1", self.headers[0].hash().to_string())
        }

        fn know(&mut self, signer: &NoteSigner) {
            let key = signer.verifier(&self.name());
            self.add(Fact::SigningKeyRecorded(Box::new(SigningKeyRecorded { service: SERVICE, key })));
        }

        fn checkpoint(&self) -> Checkpoint {
            let mut tree = Growing::default();
            self.headers.iter().for_each(|header| tree.push(leaf(&header.hash().0)));
            Checkpoint { origin: self.name(), size: tree.size(), root: tree.root() }
        }

        fn sign(&mut self, signer: &NoteSigner, checkpoint: &Checkpoint, recorded: u64) {
            let note = signer.sign(&self.name(), &checkpoint.text());
            let (size, root) = (recorded, checkpoint.root);
            self.add(Fact::CheckpointSigned(Box::new(CheckpointSigned { service: SERVICE, size, root, note })));
        }
    }

    #[test]
    fn what_a_log_signed_of_itself_holds() {
        let (mut log, signer) = (Log::new(), NoteSigner::new(&[7; 32]));
        log.happen();
        for round in 0..40 {
            let checkpoint = log.checkpoint();
            if round == 0 || round == 20 {
                log.know(&signer);
            }
            log.sign(&signer, &checkpoint, checkpoint.size);
            (0..round).for_each(|_| log.happen());
            let note = signer.sign(&log.name(), "statement\n");
            log.add(Fact::StatementSigned { note });
        }
        assert_eq!(log.found, Vec::<String>::new());
    }

    #[test]
    fn what_does_not_follow_from_the_log_is_told() {
        let (signer, other) = (NoteSigner::new(&[7; 32]), NoteSigner::new(&[8; 32]));
        type Change<'a> = &'a dyn Fn(&mut Log);
        let changes: [(&str, Change<'_>); 7] = [
            ("the root of the events before it is", &|log| {
                let checkpoint = Checkpoint { root: Hash([9; 32]), ..log.checkpoint() };
                log.sign(&signer, &checkpoint, checkpoint.size);
            }),
            ("the root of the events before it is", &|log| {
                // Signed before the last event was changed.
                let checkpoint = log.checkpoint();
                log.headers.last_mut().unwrap().payload_hash = Hash([9; 32]);
                log.sign(&signer, &checkpoint, checkpoint.size);
            }),
            ("4 events stand before it", &|log| {
                let checkpoint = Checkpoint { size: 99, ..log.checkpoint() };
                log.sign(&signer, &checkpoint, 99);
            }),
            ("isn't what was recorded", &|log| {
                let checkpoint = log.checkpoint();
                log.sign(&signer, &checkpoint, checkpoint.size + 1);
            }),
            ("about another log", &|log| {
                let origin = log.name().replace("approval", "catalog");
                let checkpoint = Checkpoint { origin, ..log.checkpoint() };
                log.sign(&signer, &checkpoint, checkpoint.size);
            }),
            ("none of the keys signed it", &|log| {
                let checkpoint = log.checkpoint();
                log.sign(&other, &checkpoint, checkpoint.size);
            }),
            ("the statement doesn't hold", &|log| {
                let note = other.sign(&log.name(), "statement\n");
                log.add(Fact::StatementSigned { note });
            }),
        ];
        for (expected, change) in changes {
            let mut log = Log::new();
            log.happen();
            log.know(&signer);
            log.happen();
            log.happen();
            change(&mut log);
            let [found] = &log.found[..] else { panic!("{expected}: {:?}", log.found) };
            assert!(found.contains(expected), "{found}");
        }
    }
}
