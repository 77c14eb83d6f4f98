//! Checkpoints: now and then a host signs how far its log goes, and the root of the tree over all of it.
//!
//! The tree grows by one hash an event. A checkpoint is recorded like any other fact, in the log that it is about, and
//! gives no reason for another one.

use std::sync::Arc;
use std::time::Duration;

use ledger::fact::{CheckpointSigned, SignedRoot, SigningKeyRecorded};
use ledger::merkle::{Growing, leaf};
use ledger::note::{Checkpoint, NoteSigner, VerifierKey};
use ledger::{Context, Fact, Hash, HostId, ObjectId, Scope, Subject};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use super::{Due, Host, HostError};
use crate::crash;
use crate::decider::{Decider, Facts};
use crate::log::Header;

/// So many events are signed at once, however fast they come.
const EVENTS_MAX: u64 = 1_024;
/// Digits of the hash of its first event that name a log.
const NAME_DIGITS: usize = 16;

/// How a host signs.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    /// What it signs with.
    pub signer: Arc<NoteSigner>,
    /// What it signed with before, if that is still known: it says who signs from here on.
    pub former: Option<Arc<NoteSigner>>,
    /// How long something may stand in the log unsigned.
    pub after: Duration,
}

/// What is signed of a log, and what the next checkpoint will say.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(super) struct Signed {
    /// The tree over all own events but the last one, whose hash the next one names.
    tree: Growing,
    /// The hash of the first own header, once a second one names it.
    first: Option<Hash>,
    epoch: u32,
    /// The key that was recorded last.
    key: Option<VerifierKey>,
    /// Whether no checkpoint was signed since.
    is_key_unsigned: bool,
    /// Events since the last checkpoint that are not about signing.
    unsigned: u64,
    /// What the newest checkpoint says.
    latest: Option<SignedRoot>,
    /// When the first of them came, if one did.
    #[serde(skip)]
    since: Option<Instant>,
}

impl Signed {
    /// Takes in an own event.
    pub(super) fn note(&mut self, header: &Header, fact: &Fact) {
        if header.sequence > 1 {
            self.first.get_or_insert(header.previous);
            self.tree.push(leaf(&header.previous.0));
        }
        self.epoch = header.epoch;
        match fact {
            Fact::SigningKeyRecorded(recorded) => {
                (self.key, self.is_key_unsigned) = (Some(recorded.key.clone()), true);
            }
            Fact::CheckpointSigned(signed) => {
                (self.unsigned, self.since, self.is_key_unsigned) = (0, None, false);
                self.latest = Some(signed.signed());
            }
            Fact::StatementSigned { .. } => {}
            _ => {
                self.unsigned += 1;
                self.since.get_or_insert_with(Instant::now);
            }
        }
    }

    /// The same after a start: what isn't signed yet waits from now on.
    pub(super) fn again(self) -> Self {
        Self { since: (self.unsigned > 0).then(Instant::now), ..self }
    }

    /// When a checkpoint is due, if nothing else happens.
    fn due(&self, checkpoints: &Checkpoints) -> Option<Instant> {
        self.since.map(|since| since + checkpoints.after)
    }

    /// What can be signed of a log that ends with this header.
    fn checkpoint(&self, host: HostId, head: Hash) -> Checkpoint {
        let mut tree = self.tree.clone();
        tree.push(leaf(&head.0));
        Checkpoint { origin: self.origin(host, head), size: tree.size(), root: tree.root() }
    }

    /// What a log that ends with this header is called where it is signed.
    pub(super) fn origin(&self, host: HostId, head: Hash) -> String {
        let name = self.first.unwrap_or(head).to_string();
        format!("usage-ledger/{name:.NAME_DIGITS$}/{host}/epoch-{}", self.epoch)
    }
}

impl<D: Decider> Host<D> {
    /// The same facts; those that order a workbook name the newest checkpoint, so that whoever gets the workbook is
    /// handed it, and the same workbook can be made again.
    pub(super) fn with_checkpoint(&self, mut facts: Facts) -> Facts {
        for shown in facts.iter_mut().filter_map(|(_, fact)| fact.checkpoint_mut()) {
            *shown = self.signed.latest;
        }
        facts
    }

    /// Resolves when a checkpoint is due.
    pub(super) fn until_due(&self) -> impl Future<Output = ()> + Send + use<D> {
        let due = self.parts.checkpoints.as_ref().and_then(|checkpoints| self.signed.due(checkpoints));
        async move {
            match due {
                Some(due) => sleep_until(due).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Signs the log, if it is time; says whether it did.
    pub(super) fn sign_if_due(&mut self) -> Result<bool, HostError> {
        let Some(checkpoints) = self.parts.checkpoints.clone() else { return Ok(false) };
        let signed = &self.signed;
        let is_late = || signed.due(&checkpoints).is_some_and(|due| due <= Instant::now());
        if signed.unsigned < EVENTS_MAX && !is_late() {
            return Ok(false);
        }
        let name = signed.origin(self.parts.id, self.parts.writer.head().1);
        let key: Facts = self.key_to_record(&checkpoints.signer, &name).into_iter().collect();
        self.sign(&checkpoints.signer, key)?;
        Ok(true)
    }

    /// Records that the key was changed, and has the former one sign everything up to there: whoever trusts that one
    /// has its word for the new one.
    pub(super) async fn change_key(&mut self) -> Result<(), HostError> {
        let Some(Checkpoints { signer, former: Some(former), .. }) = self.parts.checkpoints.clone() else {
            return Ok(());
        };
        let host = self.parts.id;
        self.parts.writer.ready().await.map_err(|source| HostError::Log { host, source })?;
        let name = self.signed.origin(host, self.parts.writer.head().1);
        if self.signed.key.as_ref() == Some(&former.verifier(&name))
            && let Some(key) = self.key_to_record(&signer, &name)
        {
            self.record_signed(vec![key])?;
            crash::point("key.recorded");
            self.sign(&former, Facts::new())?;
        } else if self.signed.key.as_ref() == Some(&signer.verifier(&name)) && self.signed.is_key_unsigned {
            // The process ended between the two.
            self.sign(&former, Facts::new())?;
        }
        Ok(())
    }

    /// Records a checkpoint of the log as it is, after some facts.
    fn sign(&mut self, signer: &NoteSigner, mut facts: Facts) -> Result<(), HostError> {
        let (host, service) = (self.parts.id, self.parts.id.service);
        let checkpoint = self.signed.checkpoint(host, self.parts.writer.head().1);
        let note = signer.sign(&checkpoint.origin, &checkpoint.text());
        crash::point("checkpoint.signed");
        let Checkpoint { size, root, .. } = checkpoint;
        facts.push((about(host), Fact::CheckpointSigned(Box::new(CheckpointSigned { service, size, root, note }))));
        self.record_signed(facts)
    }

    fn record_signed(&mut self, facts: Facts) -> Result<(), HostError> {
        let context = Context { now: self.now(), scope: Scope::service(self.parts.id.service) };
        let seed = self.fresh_seed(Hash::ZERO);
        self.record(Due { facts, seed, indexed: false, cause: seed, context: &context, trace: None })?;
        Ok(())
    }

    /// The fact that says what is signed with from here on, unless it was said.
    pub(super) fn key_to_record(&self, signer: &NoteSigner, name: &str) -> Option<(Subject, Fact)> {
        let (service, key) = (self.parts.id.service, signer.verifier(name));
        let is_new = self.signed.key.as_ref() != Some(&key);
        is_new.then(|| (about(self.parts.id), Fact::SigningKeyRecorded(Box::new(SigningKeyRecorded { service, key }))))
    }
}

/// What a fact about a log itself is about.
pub(super) fn about(host: HostId) -> Subject {
    Subject::Object(ObjectId::new(&host.to_string()).unwrap_or_default())
}
