//! What a key may do of what its account may: each part of the work can be given to a key of its own, so that the one in
//! a billing connector can't accept usage, and the one in a dashboard can't change anything.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};

use crate::command::Command;

/// A part of what an account may do. Reading needs none: whoever has a key reads what its account sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum KeyScope {
    /// Usage files up to their submission, and reported records: what a vendor does.
    Report,
    /// Accepting and rejecting, records' marks and usage rules: what a provider does before billing.
    Review,
    /// Chunks, reconciliations and closing: what a provider does when it bills.
    Bill,
    /// Products, items and webhooks; of an operator also the catalog and keys.
    Configure,
}

impl KeyScope {
    /// Every scope.
    pub const ALL: [Self; 4] = [Self::Report, Self::Review, Self::Bill, Self::Configure];

    /// The name in the API and in catalog files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Report => "report",
            Self::Review => "review",
            Self::Bill => "bill",
            Self::Configure => "configure",
        }
    }

    /// The scope of a name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    /// The scope that a key needs for a command; none where any key will do.
    #[must_use]
    pub fn of(command: &Command) -> Option<Self> {
        match command {
            Command::OpenSession { .. } | Command::EndSession { .. } => None,
            Command::CreateFile(_)
            | Command::DescribeFile { .. }
            | Command::OpenUpload { .. }
            | Command::DeleteFile { .. }
            | Command::SubmitFile { .. }
            | Command::OpenReport(_)
            | Command::ReportRecords(_)
            | Command::SealReport { .. }
            | Command::ReprocessFile { .. } => Some(Self::Report),
            Command::AcceptFile { .. }
            | Command::RejectFile { .. }
            | Command::ApproveRecords { .. }
            | Command::MarkRecords { .. }
            | Command::CreateRule { .. }
            | Command::ChangeRule { .. }
            | Command::DeleteRule { .. } => Some(Self::Review),
            Command::NameChunk { .. }
            | Command::RegenerateChunk { .. }
            | Command::CloseChunk { .. }
            | Command::CloseRecords { .. }
            | Command::CloseFile { .. }
            | Command::ReceiveReconciliation { .. } => Some(Self::Bill),
            Command::ImportCatalog { .. }
            | Command::ChangeProduct { .. }
            | Command::CreateItem { .. }
            | Command::ChangeItem { .. }
            | Command::RevokeKey { .. }
            | Command::CreateWebhook { .. }
            | Command::ChangeWebhook { .. }
            | Command::DeleteWebhook { .. } => Some(Self::Configure),
        }
    }
}

/// The scopes of a key: all that its account may do, or these parts of it. With none of them it only reads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(pub Option<BTreeSet<KeyScope>>);

impl Hash for Scopes {
    /// Of a key that may do everything, nothing: digests of ledgers that were written before scopes were stay what they are.
    fn hash<H: Hasher>(&self, state: &mut H) {
        if let Some(scopes) = &self.0 {
            scopes.hash(state);
        }
    }
}

impl Scopes {
    /// Whether a key of these scopes may ask for something.
    ///
    /// # Errors
    /// The scope that it lacks.
    pub fn allow(&self, command: &Command) -> Result<(), KeyScope> {
        match (&self.0, KeyScope::of(command)) {
            (Some(scopes), Some(needed)) if !scopes.contains(&needed) => Err(needed),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{FileId, ObjectId};

    #[test]
    fn a_key_does_what_its_scopes_say() {
        let file = FileId::parse("UF-2026-11-0112-0001").unwrap();
        let submit = Command::SubmitFile { file };
        let close = Command::CloseFile { file };
        let end = Command::EndSession { session: ObjectId::new("SE-1").unwrap() };
        let of = |scopes: &[KeyScope]| Scopes(Some(scopes.iter().copied().collect()));
        for (scopes, submits, closes) in [
            (Scopes::default(), true, true),
            (of(&[]), false, false),
            (of(&[KeyScope::Report]), true, false),
            (of(&[KeyScope::Report, KeyScope::Bill]), true, true),
        ] {
            assert_eq!(scopes.allow(&submit), submits.then_some(()).ok_or(KeyScope::Report), "{scopes:?}");
            assert_eq!(scopes.allow(&close), closes.then_some(()).ok_or(KeyScope::Bill), "{scopes:?}");
            assert_eq!(scopes.allow(&end), Ok(()), "{scopes:?}");
        }
        assert!(KeyScope::ALL.into_iter().all(|scope| KeyScope::parse(scope.name()) == Some(scope)));
    }
}
