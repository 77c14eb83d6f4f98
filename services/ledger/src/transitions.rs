//! What can be done with a usage file: one table of action, side and status (connect-api §1.1, §1.2), which decides
//! every refusal of a wrong side or status, and which documentation and portal print.

use std::fmt::Write as _;

use crate::command::Scope;
use crate::file::{Status, UsageFile};
use crate::rejection::Rejection;

/// What somebody does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Change its texts, its period or its currency.
    Update,
    /// Give it a workbook, the first or another one.
    Upload,
    /// Report no more records into it.
    Seal,
    /// Read and check its workbook again.
    Reprocess,
    /// Send it to the provider.
    Submit,
    /// Withdraw it.
    Delete,
    /// Mark single records as right or wrong.
    Mark,
    /// Approve every valid record.
    Approve,
    /// Take it.
    Accept,
    /// Send it back.
    Reject,
    /// Close records, chunks, or all of it.
    Close,
    /// Upload how its records were billed.
    Reconcile,
}

/// Which of the two accounts of a file does something. Outside production the vendor plays both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Who reports.
    Vendor,
    /// Who receives: a distributor, or a reseller for its own contracts.
    Provider,
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What is done.
    pub action: Action,
    /// By whom.
    pub side: Side,
    /// In which statuses.
    pub from: &'static [Status],
    /// What comes of it, for people to read.
    pub effect: &'static str,
}

impl Action {
    /// Every action, in the order of a file's life.
    pub const ALL: [Self; 12] = [
        Self::Update,
        Self::Upload,
        Self::Seal,
        Self::Reprocess,
        Self::Submit,
        Self::Delete,
        Self::Mark,
        Self::Approve,
        Self::Accept,
        Self::Reject,
        Self::Close,
        Self::Reconcile,
    ];

    /// The word of the API for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Update => "update",
            Self::Upload => "upload",
            Self::Seal => "seal",
            Self::Reprocess => "reprocess",
            Self::Submit => "submit",
            Self::Delete => "delete",
            Self::Mark => "mark records",
            Self::Approve => "approve-all",
            Self::Accept => "accept",
            Self::Reject => "reject",
            Self::Close => "close",
            Self::Reconcile => "reconciliation",
        }
    }

    /// What a file can be or not: `submitted`.
    #[must_use]
    pub fn participle(self) -> &'static str {
        match self {
            Self::Update => "updated",
            Self::Upload => "uploaded",
            Self::Seal => "sealed",
            Self::Reprocess => "reprocessed",
            Self::Submit => "submitted",
            Self::Delete => "deleted",
            Self::Mark | Self::Approve => "approved",
            Self::Accept => "accepted",
            Self::Reject => "rejected",
            Self::Close => "closed",
            Self::Reconcile => "reconciled",
        }
    }
}

/// What a refusal says of a chunk that can't be written again.
pub const REGENERATED: &str = "regenerated";
/// What a refusal says of a chunk whose workbook can't be had.
pub const DOWNLOADED: &str = "downloaded";

/// The participle that a refusal has, if this is one: there are no others than those of actions and of chunks.
#[must_use]
pub fn participle(word: &str) -> Option<&'static str> {
    let mut known = Action::ALL.into_iter().map(Action::participle).chain([REGENERATED, DOWNLOADED]);
    known.find(|known| *known == word)
}

impl Side {
    /// The word for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Provider => "provider",
        }
    }

    fn is_played_by(self, scope: &Scope, file: &UsageFile) -> bool {
        match self {
            Self::Vendor => scope.plays_vendor(),
            Self::Provider => scope.plays_provider(file),
        }
    }
}

use Status::{Accepted, Closed, Draft, Invalid, Pending, Processing, Ready, Rejected, Uploaded};

/// What can be done with a file, in the order of its life. What isn't here is refused.
pub const TABLE: [Transition; 13] = [
    Transition {
        action: Action::Update,
        side: Side::Vendor,
        from: &[Draft, Uploaded, Processing, Invalid, Ready, Rejected, Pending, Accepted, Closed],
        effect: "texts change; another period or currency has the workbook checked again; once the provider has it, only \
                 external_id changes",
    },
    Transition {
        action: Action::Upload,
        side: Side::Vendor,
        from: &[Draft, Uploaded, Processing, Invalid, Ready, Rejected],
        effect: "uploaded, processing, then ready or invalid; the workbook before counts no longer",
    },
    Transition {
        action: Action::Seal,
        side: Side::Vendor,
        from: &[Draft],
        effect: "of a file with reported records: processing, then ready or invalid",
    },
    Transition {
        action: Action::Reprocess,
        side: Side::Vendor,
        from: &[Invalid, Ready, Rejected],
        effect: "the workbook is read and checked again, against today's catalog",
    },
    Transition {
        action: Action::Reprocess,
        side: Side::Provider,
        from: &[Accepted, Closed],
        effect: "nothing has to be made anew; a chunk is with regenerate",
    },
    Transition {
        action: Action::Submit,
        side: Side::Vendor,
        from: &[Draft, Uploaded, Processing, Ready, Pending],
        effect: "pending; while it is read and checked the submit is remembered until it is ready; a draft needs a \
                 workbook or reported records",
    },
    Transition {
        action: Action::Delete,
        side: Side::Vendor,
        from: &[Draft, Invalid, Ready],
        effect: "deleted: kept for the history, and its record ids are free again",
    },
    Transition {
        action: Action::Mark,
        side: Side::Provider,
        from: &[Pending],
        effect: "records are shown as approved or rejected; with a rejected one the file can't be accepted",
    },
    Transition {
        action: Action::Approve,
        side: Side::Provider,
        from: &[Pending],
        effect: "every valid record is shown as approved; the file still waits",
    },
    Transition {
        action: Action::Accept,
        side: Side::Provider,
        from: &[Pending],
        effect: "accepted: one chunk for each hub",
    },
    Transition {
        action: Action::Reject,
        side: Side::Provider,
        from: &[Pending],
        effect: "rejected: the vendor uploads a corrected workbook",
    },
    Transition {
        action: Action::Close,
        side: Side::Provider,
        from: &[Accepted, Closed],
        effect: "records, a chunk, or all that is left: the last one closes the file",
    },
    Transition {
        action: Action::Reconcile,
        side: Side::Provider,
        from: &[Accepted],
        effect: "records with billing data close; the last one closes the file",
    },
];

/// Whether somebody may do something with a file where it stands now.
///
/// # Errors
/// [`Rejection::RoleNotAllowed`] for the wrong side, then [`Rejection::WrongStatus`].
pub fn check(action: Action, file: &UsageFile, scope: &Scope) -> Result<(), Rejection> {
    let status = file.status();
    let mut lines = TABLE.iter().filter(|line| line.action == action && line.side.is_played_by(scope, file)).peekable();
    if lines.peek().is_none() {
        return Err(Rejection::RoleNotAllowed);
    }
    if lines.any(|line| line.from.contains(&status)) {
        return Ok(());
    }
    Err(Rejection::WrongStatus { action: action.participle(), status })
}

/// Where a file in a status stands and what can be done there, as the end of the sentence that refuses something else.
#[must_use]
pub fn standing(status: Status) -> &'static str {
    match status {
        Draft => "nothing was uploaded yet",
        Uploaded | Processing => "it is read and checked; try again once it is ready",
        Invalid => "records have errors; upload a corrected workbook",
        Ready => "it was not submitted yet",
        Pending => "it waits for its provider's answer",
        Rejected => "its provider sent it back; upload a corrected workbook",
        Accepted => "its provider took it; its records are to be billed and closed",
        Closed => "every record of it is billed",
        Status::Deleted => "its vendor withdrew it",
    }
}

/// The table as Markdown: a line for each action and side, a column for each status.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from("| Action | Who |");
    for status in Status::ALL {
        // Writing to a text can't fail.
        let _ = write!(text, " {} |", status.name());
    }
    text.push_str(" What comes of it |\n|---|---|");
    text.push_str(&":-:|".repeat(Status::ALL.len()));
    text.push_str("---|\n");
    for line in TABLE {
        let _ = write!(text, "| {} | {} |", line.action.name(), line.side.name());
        for status in Status::ALL {
            text.push_str(if line.from.contains(&status) { " yes |" } else { " |" });
        }
        let _ = writeln!(text, " {} |", line.effect);
    }
    text
}
