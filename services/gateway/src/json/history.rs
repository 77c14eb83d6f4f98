//! Lines of a history.

use serde::Serialize;
use utoipa::ToSchema;

use super::By;
use super::words::{AnyStatus, Instant, Surface};

/// Something that happened to a file or a record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HistoryLine {
    /// When it was recorded.
    #[schema(value_type = Instant)]
    pub(crate) recorded_at: String,
    /// Where it stands.
    pub(crate) position: LogPosition,
    /// Who did it.
    pub(crate) by: By,
    /// For which account; left out where a service did it by itself.
    #[schema(example = "VA-841-574-187")]
    pub(crate) account: Option<String>,
    /// By which way it came.
    #[schema(value_type = Surface)]
    pub(crate) surface: &'static str,
    /// The name of the fact.
    #[schema(example = "FileAccepted")]
    pub(crate) fact: &'static str,
    /// What was done, in words.
    #[schema(example = "accepted the file")]
    pub(crate) action: String,
    /// The note, rule or error behind it.
    #[schema(example = "as agreed")]
    pub(crate) why: Option<String>,
    /// The code of a refusal or an error.
    #[schema(example = "USG_003")]
    pub(crate) error_code: Option<String>,
    /// Where the object stood before and after it.
    pub(crate) status: StatusChange,
    /// The command that shows the state which it led to.
    #[schema(example = "usage-ledger audit state UF-2026-11-0000-0000 --as-of 2026-11-22T10:00:00.000000+00:00")]
    pub(crate) reproduce: String,
}

/// A place in a log.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LogPosition {
    /// The service and its partition.
    #[schema(example = "approval-0")]
    pub(crate) host: String,
    /// The place in its chain.
    #[schema(example = 123)]
    pub(crate) sequence: u64,
    /// The hash of the fact's header, which proves it and everything before it.
    #[schema(example = "9f2feb0f1ef425b292f2f94bc8482494df430413ee58fb2d7b0c8f2e7b0f1a11")]
    pub(crate) hash: String,
}

/// A status before and after.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct StatusChange {
    /// Left out where it wasn't there, or had none.
    #[schema(value_type = Option<AnyStatus>)]
    pub(crate) before: Option<&'static str>,
    /// The same where it didn't change.
    #[schema(value_type = Option<AnyStatus>)]
    pub(crate) after: Option<&'static str>,
}
