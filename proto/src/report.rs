//! What producers send and are told, as plain values: whoever carries them knows bytes only.

use std::borrow::Cow;

/// A record as it was sent: the names of its columns and their texts, without what is empty.
pub type Cells = Vec<(Cow<'static, str>, String)>;

/// Usage, record by record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageReport {
    /// The contract, if the report names it.
    pub contract: Option<String>,
    /// The product, if the report names it.
    pub product: Option<String>,
    /// The first day or instant of the period.
    pub period_from: Option<String>,
    /// The last day or instant of the period.
    pub period_to: Option<String>,
    /// The currency.
    pub currency: Option<String>,
    /// The environment.
    pub environment: Option<String>,
    /// What makes a repeated report recognisable.
    pub idempotency_key: Option<String>,
    /// The records.
    pub records: Vec<Cells>,
}

/// What comes back for a report.
pub type ReportReply = Result<ReportReceipt, ReportRefusal>;

/// What became of the records of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportReceipt {
    /// The id of the file that collects them.
    pub file: String,
    /// The file's name.
    pub name: Option<String>,
    /// The file's reporting schema.
    pub schema: Option<String>,
    /// The file's currency.
    pub currency: Option<String>,
    /// Records that are in the file since this report.
    pub added: u32,
    /// Records that were there already.
    pub identical: u32,
    /// Records of which the file has another one with the same id.
    pub conflicting: u32,
    /// Records that the rules refused.
    pub refused: u32,
    /// What became of each, in the order of the report.
    pub records: Vec<RecordReceipt>,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordReceipt {
    /// The vendor's id of it.
    pub record_id: Option<String>,
    /// What became of it.
    pub result: RecordResult,
    /// The id of the record that is in the file.
    pub id: Option<String>,
    /// The values of the record that is in the file, where this one is another.
    pub known: Vec<(String, String)>,
    /// Why it was refused.
    pub errors: Vec<RecordFault>,
}

/// What can become of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordResult {
    /// It is in the file since this report.
    Added,
    /// The file had it already.
    Identical,
    /// The file has another record of this id.
    Conflicting,
    /// A rule says no.
    Refused,
}

/// One thing that is wrong with a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFault {
    /// The code of the rule.
    pub code: String,
    /// The column that it is about.
    pub column: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub fix: Option<String>,
}

/// Why nothing of a report was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportRefusal {
    /// What the API would answer over HTTP.
    pub status: u16,
    /// The code of the refusal.
    pub code: String,
    /// What is wrong, and what would be right.
    pub errors: Vec<String>,
}
