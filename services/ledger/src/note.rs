//! Signed notes and checkpoints as C2SP writes them (c2sp.org/signed-note, c2sp.org/tlog-checkpoint): text that people
//! can read, and below it who vouches for it.
//!
//! A checkpoint is a note of three lines: which log, how many events it has, and the root of the tree over them.

use std::fmt;

use data_encoding::BASE64;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

use crate::id::Hash;

/// The type of a signature: Ed25519 over the text.
const ED25519: u8 = 1;
/// What a line of a signature starts with.
const DASH: &str = "\u{2014} ";
/// Signatures that are looked at: the specification asks for 16 at least.
const SIGNATURES_MAX: usize = 16;

/// A note can't be trusted, or what should be a key or a checkpoint is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// The text of a key.
    Key,
    /// No text, an empty line and signatures.
    Form,
    /// Signed by none of the keys; by whom instead.
    Unknown(Vec<String>),
    /// The name of a key whose signature is wrong.
    Signature(String),
    /// No checkpoint stands in it.
    Checkpoint,
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key => f.write_str("this is no verifier key: name+hash+key, as /ledger/v1/keys gives them"),
            Self::Form => f.write_str("this is no signed note: text, an empty line, and a line for each signature"),
            Self::Unknown(names) => write!(f, "none of the keys signed it; who did is {}", names.join(", ")),
            Self::Signature(name) => write!(f, "the signature of {name} is not one of this text: it was changed"),
            Self::Checkpoint => f.write_str("this note is no checkpoint: origin, size and root in a line each"),
        }
    }
}

impl std::error::Error for NoteError {}

/// What signatures are checked with: `name+hash+key`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifierKey {
    /// Who signs with it: for checkpoints, the log.
    pub name: String,
    /// The Ed25519 public key.
    pub key: [u8; 32],
}

impl VerifierKey {
    /// What stands before each of its signatures.
    fn id(&self) -> [u8; 4] {
        let hash = Hash::of(&[self.name.as_bytes(), &[b'\n', ED25519], &self.key].concat());
        let [a, b, c, d, ..] = hash.0;
        [a, b, c, d]
    }

    /// The key of a text.
    ///
    /// # Errors
    /// [`NoteError::Key`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let parts = text.trim().splitn(3, '+').collect::<Vec<_>>();
        let [name, id, key] = parts[..] else { return Err(NoteError::Key) };
        let bytes = BASE64.decode(key.as_bytes()).map_err(|_| NoteError::Key)?;
        let key = bytes.strip_prefix(&[ED25519]).and_then(|key| key.try_into().ok()).ok_or(NoteError::Key)?;
        let this = Self { name: name.to_owned(), key };
        let fits = this.to_string().split('+').nth(1) == Some(id) && VerifyingKey::from_bytes(&key).is_ok();
        if fits && is_name(name) { Ok(this) } else { Err(NoteError::Key) }
    }

    fn verifies(&self, text: &str, signature: &[u8]) -> bool {
        let (Ok(key), Ok(signature)) = (VerifyingKey::from_bytes(&self.key), Signature::from_slice(signature)) else {
            return false;
        };
        key.verify_strict(text.as_bytes(), &signature).is_ok()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = BASE64.encode(&[&[ED25519][..], &self.key].concat());
        write!(f, "{}+{:08x}+{key}", self.name, u32::from_be_bytes(self.id()))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|letter: char| letter.is_whitespace() || letter == '+')
}

/// What notes are signed with.
#[derive(Clone)]
pub struct NoteSigner(SigningKey);

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoteSigner(…)")
    }
}

impl NoteSigner {
    /// The signer of a secret.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(secret))
    }

    /// What its signatures are checked with, under a name.
    #[must_use]
    pub fn verifier(&self, name: &str) -> VerifierKey {
        VerifierKey { name: name.to_owned(), key: self.0.verifying_key().to_bytes() }
    }

    /// The note of a text, which ends with a line's end.
    #[must_use]
    pub fn sign(&self, name: &str, text: &str) -> String {
        let signature = self.0.sign(text.as_bytes()).to_bytes();
        let signature = BASE64.encode(&[&self.verifier(name).id()[..], &signature].concat());
        format!("{text}\n{DASH}{name} {signature}\n")
    }
}

/// The text of a note, if one of the keys signed it.
///
/// # Errors
/// See [`NoteError`].
pub fn opened<'a>(note: &'a str, keys: &[VerifierKey]) -> Result<&'a str, NoteError> {
    let (text, signatures) = halves(note)?;
    let (mut names, mut verified) = (Vec::new(), false);
    for line in signatures.lines().take(SIGNATURES_MAX) {
        let (name, signature) = line.strip_prefix(DASH).and_then(|it| it.split_once(' ')).ok_or(NoteError::Form)?;
        let signature = BASE64.decode(signature.as_bytes()).map_err(|_| NoteError::Form)?;
        let (id, signature) = signature.split_at_checked(4).ok_or(NoteError::Form)?;
        for key in keys.iter().filter(|key| key.name == name && key.id() == id) {
            if !key.verifies(text, signature) {
                return Err(NoteError::Signature(name.to_owned()));
            }
            verified = true;
        }
        names.push(name.to_owned());
    }
    if verified { Ok(text) } else { Err(NoteError::Unknown(names)) }
}

/// The text with its last line's end, and the signatures.
fn halves(note: &str) -> Result<(&str, &str), NoteError> {
    let end = note.rfind("\n\n").ok_or(NoteError::Form)?;
    let (text, signatures) = (note.get(..=end), note.get(end + 2..));
    let (Some(text), Some(signatures)) = (text, signatures) else { return Err(NoteError::Form) };
    let is_odd = |letter: char| letter < ' ' && letter != '\n';
    if signatures.is_empty() || !note.ends_with('\n') || note.contains(is_odd) {
        return Err(NoteError::Form);
    }
    Ok((text, signatures))
}

/// How far a log goes, and the one root that all of it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many events.
    pub size: u64,
    /// The root of the tree over the hashes of their headers.
    pub root: Hash,
}

impl Checkpoint {
    /// What is signed.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(&self.root.0))
    }

    /// The checkpoint of a text.
    ///
    /// # Errors
    /// [`NoteError::Checkpoint`].
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let lines = text.lines().collect::<Vec<_>>();
        let [origin, size, root, ..] = lines[..] else { return Err(NoteError::Checkpoint) };
        let root = BASE64.decode(root.as_bytes()).ok().and_then(|root| root.try_into().ok());
        let number: Option<u64> = size.parse().ok().filter(|number: &u64| number.to_string() == size);
        let (Some(size), Some(root)) = (number, root) else { return Err(NoteError::Checkpoint) };
        Ok(Self { origin: origin.to_owned(), size, root: Hash(root) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of c2sp.org/tlog-checkpoint; its key is not published, so that only its form can be held to it.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        \u{2014} example.com/behind-the-sofa \
        Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    /// The key and note of the documentation of Go's golang.org/x/mod/sumdb/note.
    const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann \
        x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn a_note_that_another_program_signed_is_opened() {
        let key = VerifierKey::parse(GO_KEY).unwrap();
        assert_eq!(key.to_string(), GO_KEY);
        let text = opened(GO_NOTE, std::slice::from_ref(&key)).unwrap();
        assert!(text.starts_with("If you think") && text.ends_with("problem is.\n"));
        let changed = GO_NOTE.replace("answer", "remedy");
        assert_eq!(opened(&changed, &[key]), Err(NoteError::Signature("PeterNeumann".to_owned())));
        assert_eq!(opened(GO_NOTE, &[]), Err(NoteError::Unknown(vec!["PeterNeumann".to_owned()])));
    }

    #[test]
    fn a_checkpoint_has_the_form_that_others_read() {
        let (text, _) = halves(EXAMPLE).unwrap();
        let checkpoint = Checkpoint::parse(text).unwrap();
        assert_eq!((checkpoint.origin.as_str(), checkpoint.size), ("example.com/behind-the-sofa", 20_852_163));
        assert_eq!(checkpoint.text(), text);
        for wrong in ["a\n1\n", "a\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n", "a\n1\nCsUY\n"] {
            assert_eq!(Checkpoint::parse(wrong), Err(NoteError::Checkpoint), "{wrong}");
        }
    }

    #[test]
    fn what_is_signed_is_opened_with_its_key_and_with_no_other() {
        let signer = NoteSigner::new(&[7; 32]);
        let note = signer.sign("usage-ledger/x", "one\n\ntwo\n");
        assert_eq!(opened(&note, &[signer.verifier("usage-ledger/x")]), Ok("one\n\ntwo\n"));
        for (place, _) in note.char_indices() {
            let mut changed = note.clone().into_bytes();
            changed[place] ^= 1;
            let changed = String::from_utf8_lossy(&changed).into_owned();
            assert!(opened(&changed, &[signer.verifier("usage-ledger/x")]).is_err(), "{changed}");
        }
        for other in [NoteSigner::new(&[8; 32]).verifier("usage-ledger/x"), signer.verifier("usage-ledger/y")] {
            assert!(matches!(opened(&note, &[other]), Err(NoteError::Unknown(_))));
        }
    }

    #[test]
    fn a_key_is_refused_that_is_not_as_it_was_given_out() {
        let key = NoteSigner::new(&[7; 32]).verifier("usage-ledger/x").to_string();
        assert!(VerifierKey::parse(&key).is_ok());
        let cut = &key[..key.len() - 4];
        for wrong in [cut, &key.replace("/x", "/y"), &key.replace("/x", "/ x"), "usage-ledger", ""] {
            assert_eq!(VerifierKey::parse(wrong), Err(NoteError::Key), "{wrong}");
        }
    }
}
