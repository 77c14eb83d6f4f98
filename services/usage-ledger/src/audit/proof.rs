//! Proofs, checked by whoever has the key of a log: no ledger, no data and no net are needed.

use data_encoding::HEXLOWER;
use ledger::fact::RecordsRooted;
use ledger::merkle::{holds_consistency, inclusion_root, leaf};
use ledger::note::{Checkpoint, NoteError, VerifierKey, opened};
use ledger::{Fact, Hash, RecordId, Subject};
use runtime::log::Header;
use serde::Deserialize;
use thiserror::Error;

/// The form of a record's proof.
pub const RECORD: &str = "usage-ledger/record/1";
/// The form of a proof that a log only grew.
pub const CONSISTENCY: &str = "usage-ledger/consistency/1";

/// Why a proof shows nothing.
#[derive(Debug, Error)]
pub enum ProofError {
    /// It isn't of a form that is known here.
    #[error("this is no proof that this version reads")]
    Form(#[from] serde_json::Error),
    /// A number in it is no number, or bytes are no bytes.
    #[error("{0} is not what stands there in a proof")]
    Damaged(&'static str),
    /// Nobody who is trusted signed it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The hashes don't lead where they should.
    #[error("{0}")]
    Broken(&'static str),
}

#[derive(Deserialize)]
struct RecordProof {
    record: Record,
    batch: Place,
    file: Place,
    event: Event,
    log: Place,
    checkpoint: String,
}

#[derive(Deserialize)]
struct Record {
    id: String,
    row: u32,
    salt: String,
    cells: Vec<Cell>,
}

#[derive(Deserialize)]
struct Cell {
    column: u32,
    name: String,
    kind: u8,
    text: String,
}

#[derive(Deserialize)]
struct Place {
    index: u64,
    size: u64,
    path: Vec<String>,
}

#[derive(Deserialize)]
struct Event {
    header: String,
    payload: String,
}

#[derive(Deserialize)]
struct Consistency {
    from: u64,
    to: u64,
    path: Vec<String>,
    checkpoint: String,
}

impl Place {
    fn root(&self, leaf: Hash, broken: &'static str) -> Result<Hash, ProofError> {
        let path = hashes(&self.path)?;
        inclusion_root(leaf, self.index, self.size, &path).ok_or(ProofError::Broken(broken))
    }
}

fn hash(text: &str) -> Result<Hash, ProofError> {
    Hash::from_hex(text).ok_or(ProofError::Damaged("a hash"))
}

fn hashes(texts: &[String]) -> Result<Vec<Hash>, ProofError> {
    texts.iter().map(|text| hash(text)).collect()
}

/// The checkpoint of a note that one of the keys signed.
///
/// # Errors
/// See [`ProofError`].
pub fn checkpoint(note: &str, keys: &[VerifierKey]) -> Result<Checkpoint, ProofError> {
    Ok(Checkpoint::parse(opened(note, keys)?)?)
}

/// What a record's proof shows, in words.
///
/// # Errors
/// See [`ProofError`].
pub fn record(proof: &str, keys: &[VerifierKey]) -> Result<String, ProofError> {
    let proof: RecordProof = serde_json::from_str(proof)?;
    let record = &proof.record;
    let id = RecordId::parse(&record.id).ok_or(ProofError::Damaged("the record's id"))?;
    let (header, payload) = (bytes(&proof.event.header)?, bytes(&proof.event.payload)?);
    let header = Header::decode(&header).ok_or(ProofError::Damaged("the header of the event"))?;
    if header.payload_hash != Hash::of(&payload) {
        return Err(ProofError::Broken("the event is not the one that its header names"));
    }
    let event = proto::decode_event(&payload).map_err(|_| ProofError::Damaged("the event"))?;
    let Fact::RecordsRooted(rooted) = event.fact else { return Err(ProofError::Damaged("the event")) };
    if event.subject != Subject::File(id.file) || id.row != record.row {
        return Err(ProofError::Broken("the event is about another file than the record"));
    }
    let in_batch = proof.batch.root(leaf_of(record, &rooted)?, "the record's place in its batch makes no sense")?;
    let in_file = proof.file.root(leaf(&in_batch.0), "the batch's place in the file makes no sense")?;
    if in_file != rooted.root || proof.file.size != u64::from(rooted.batches) {
        return Err(ProofError::Broken("the record is not in the file as it was read: something of it was changed"));
    }
    let signed = checkpoint(&proof.checkpoint, keys)?;
    let in_log = proof.log.root(leaf(&header.hash().0), "the event's place in the log makes no sense")?;
    let at = (header.sequence, signed.size);
    if in_log != signed.root || (proof.log.index + 1, proof.log.size) != at {
        return Err(ProofError::Broken("the event is not in the log that was signed"));
    }
    Ok(format!("{} is in {} as it was read; {} says so with {} events", record.id, id.file, signed.origin, signed.size))
}

/// The leaf of a record, made of what is shown.
fn leaf_of(record: &Record, rooted: &RecordsRooted) -> Result<Hash, ProofError> {
    let mut entry = [&hash(&record.salt)?.0[..], &record.row.to_le_bytes()].concat();
    for cell in &record.cells {
        let named = usize::try_from(cell.column).ok().and_then(|column| rooted.columns.get(column));
        if named != Some(&cell.name) {
            return Err(ProofError::Broken("a column has another name in the file"));
        }
        entry.extend(cell.column.to_le_bytes());
        entry.push(cell.kind);
        entry.extend((cell.text.len() as u64).to_le_bytes());
        entry.extend(cell.text.as_bytes());
    }
    Ok(leaf(&entry))
}

fn bytes(hex: &str) -> Result<Vec<u8>, ProofError> {
    HEXLOWER.decode(hex.as_bytes()).map_err(|_| ProofError::Damaged("an event"))
}

/// What a proof shows between a checkpoint that was kept and one that it brings: the newer one.
///
/// # Errors
/// See [`ProofError`].
pub fn consistency(proof: &str, kept: &str, keys: &[VerifierKey]) -> Result<Checkpoint, ProofError> {
    let proof: Consistency = serde_json::from_str(proof)?;
    let (old, new) = (checkpoint(kept, keys)?, checkpoint(&proof.checkpoint, keys)?);
    let log = |origin: &str| origin.rsplit_once('/').map(|(log, _)| log.to_owned());
    if log(&old.origin) != log(&new.origin) || (old.size, new.size) != (proof.from, proof.to) {
        return Err(ProofError::Broken("the proof is about other checkpoints"));
    }
    let (from, to) = ((old.size, old.root), (new.size, new.root));
    if !holds_consistency(from, to, &hashes(&proof.path)?) {
        return Err(ProofError::Broken("the log doesn't begin with what was signed before: it was forked or changed"));
    }
    Ok(new)
}
