//! What pages read of the API's answers: every field may be missing, as an account may not see it.

use serde::Deserialize;
use serde_json::Number;

use crate::count::Count;
use crate::figure::{Figure, column};
use crate::time::At;

/// Digits of a digest that are enough for people to tell it from others.
const DIGEST_SHOWN: usize = 12;

/// Something with an id and a name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reference {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Something that happened.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Event {
    pub(crate) at: At,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Events {
    pub(crate) created: Option<Event>,
    pub(crate) uploaded: Option<Event>,
    pub(crate) submitted: Option<Event>,
}

/// From its first instant to its last second.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Period {
    pub(crate) from: At,
    pub(crate) to: At,
}

impl Period {
    /// Its days, where it is made of whole days of UTC; else its instants.
    pub(crate) fn shown(&self) -> String {
        if self.from.begins_a_day() && self.to.ends_a_day() {
            return format!("{} to {}", self.from.day(), self.to.day());
        }
        format!("{} to {}", self.from.shown(), self.to.shown())
    }
}

/// How many records stand where.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Stats {
    pub(crate) uploaded: Count,
    pub(crate) validated: Count,
    pub(crate) invalid: Count,
    pub(crate) pending: Count,
    pub(crate) accepted: Count,
    pub(crate) closed: Count,
}

/// A step of a file's life with how many of its records came so far.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) records: Count,
    /// Out of a hundred, of what was uploaded; at least one where there is any.
    pub(crate) share: u64,
}

impl Stats {
    /// The stages in order.
    pub(crate) fn funnel(&self) -> Vec<Stage> {
        let stages = [
            ("Uploaded", self.uploaded),
            ("Validated", self.validated),
            ("Pending", self.pending),
            ("Accepted", self.accepted),
            ("Closed", self.closed),
        ];
        let all = self.uploaded.0.max(1);
        let share = |Count(records)| (records.saturating_mul(100) / all).clamp(u64::from(records > 0), 100);
        stages.map(|(name, records)| Stage { name, records, share: share(records) }).to_vec()
    }
}

/// A control total.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Total {
    pub(crate) records: Count,
    pub(crate) quantity: Option<Number>,
    pub(crate) amount: Option<Number>,
    #[serde(default)]
    pub(crate) currency: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Totals {
    pub(crate) validated: Vec<Total>,
    pub(crate) accepted: Vec<Total>,
    pub(crate) extracted: Vec<Total>,
    pub(crate) closed: Vec<Total>,
}

/// A control total as it is shown.
#[derive(Clone, Debug)]
pub(crate) struct TotalLine {
    pub(crate) stage: &'static str,
    pub(crate) records: Count,
    pub(crate) quantity: Figure,
    pub(crate) amount: Figure,
    pub(crate) currency: String,
}

/// Totals in a table: points stand under each other.
pub(crate) fn total_lines(totals: &[(&'static str, &Total)]) -> Vec<TotalLine> {
    let quantities = column(totals.iter().map(|(_, total)| total.quantity.as_ref()));
    let amounts = column(totals.iter().map(|(_, total)| total.amount.as_ref()));
    let figures = quantities.into_iter().zip(amounts);
    let line = |((stage, total), (quantity, amount)): (&(&'static str, &Total), (Figure, Figure))| TotalLine {
        stage,
        records: total.records,
        quantity,
        amount,
        currency: total.currency.clone(),
    };
    totals.iter().zip(figures).map(line).collect()
}

/// Whether any of them is about money.
pub(crate) fn are_priced(lines: &[TotalLine]) -> bool {
    lines.iter().any(|line| !line.amount.text.is_empty())
}

impl Totals {
    /// Each total with its stage.
    pub(crate) fn lines(&self) -> Vec<TotalLine> {
        let stages = [
            ("Validated", &self.validated),
            ("Accepted", &self.accepted),
            ("Extracted", &self.extracted),
            ("Closed", &self.closed),
        ];
        let each = stages.into_iter().flat_map(|(name, totals)| totals.iter().map(move |total| (name, total)));
        total_lines(&each.collect::<Vec<_>>())
    }
}

/// How far reading and checking have come.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Progress {
    pub(crate) read: Count,
    pub(crate) checked: Count,
    pub(crate) valid: Count,
    pub(crate) invalid: Count,
}

/// A usage file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct File {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) external_id: String,
    pub(crate) status: String,
    pub(crate) vendor: Reference,
    pub(crate) provider: Reference,
    pub(crate) environment: String,
    pub(crate) marketplace: Reference,
    pub(crate) contract: Reference,
    pub(crate) product: Reference,
    pub(crate) error_detail: String,
    pub(crate) description: String,
    pub(crate) note: String,
    pub(crate) acceptance_note: String,
    pub(crate) rejection_note: String,
    pub(crate) schema: String,
    pub(crate) currency: String,
    pub(crate) predictive: bool,
    pub(crate) reported: bool,
    pub(crate) period: Option<Period>,
    pub(crate) time_zone: String,
    pub(crate) stats: Stats,
    pub(crate) events: Events,
    pub(crate) sub_status: String,
    pub(crate) totals: Totals,
    pub(crate) submit_remembered: Option<Event>,
    pub(crate) progress: Option<Progress>,
    pub(crate) usage_file_uri: Option<String>,
    pub(crate) processed_file_uri: Option<String>,
    pub(crate) rejects_file_uri: Option<String>,
    pub(crate) reconciliation_file_uri: Option<String>,
}

impl File {
    /// Whether it changes while nobody does anything.
    pub(crate) fn is_busy(&self) -> bool {
        let working = matches!(self.status.as_str(), "uploaded" | "uploading" | "processing");
        working || (self.status == "accepted" && self.sub_status == "processing")
    }

    /// The name of its reporting schema.
    pub(crate) fn schema_name(&self) -> &'static str {
        schema_name(&self.schema)
    }
}

/// The name of a reporting schema.
pub(crate) fn schema_name(schema: &str) -> &'static str {
    match schema.to_ascii_lowercase().as_str() {
        "qt" => "Quantity",
        "tr" => "Tiers rated",
        "pr" => "Price rated",
        "cr" => "Cost rated",
        _ => "",
    }
}

/// What can be done with a usage file, by which side and in which statuses.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Transition {
    pub(crate) action: String,
    pub(crate) side: String,
    pub(crate) from: Vec<String>,
}

/// Where a usage file can stand.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Standing {
    pub(crate) status: String,
    pub(crate) meaning: String,
}

/// The table that decides.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Lifecycle {
    pub(crate) statuses: Vec<Standing>,
    pub(crate) transitions: Vec<Transition>,
}

/// One thing that is wrong in a record.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wrong {
    pub(crate) row: Option<u64>,
    pub(crate) record_id: String,
    pub(crate) column: String,
    pub(crate) cell: String,
    pub(crate) code: String,
    pub(crate) severity: String,
    pub(crate) message: String,
    pub(crate) fix: String,
    pub(crate) raw_value: String,
}

/// A fact or a refusal about a file.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) recorded_at: At,
    #[serde(default)]
    pub(crate) account: String,
    #[serde(default)]
    pub(crate) fact: String,
    #[serde(default)]
    pub(crate) position: Position,
    #[serde(default)]
    pub(crate) reproduce: String,
    #[serde(default)]
    pub(crate) by: Reference,
    #[serde(default)]
    pub(crate) surface: String,
    #[serde(default)]
    pub(crate) action: String,
    #[serde(default)]
    pub(crate) why: String,
    #[serde(default)]
    pub(crate) status: Change,
}

impl Step {
    /// What was done, with digests cut short: all of them stand in the title.
    pub(crate) fn said(&self) -> String {
        let is_digest = |word: &&str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        let word = |word: &str| match Some(word).filter(is_digest) {
            Some(digest) => format!("{}…", digest.get(..DIGEST_SHOWN).unwrap_or_default()),
            None => word.to_owned(),
        };
        self.action.split(' ').map(word).collect::<Vec<_>>().join(" ")
    }
}

/// Where a fact stands in its log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Position {
    pub(crate) host: String,
    pub(crate) sequence: u64,
    pub(crate) hash: String,
}

/// What a step did to the status.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Change {
    pub(crate) before: String,
    pub(crate) after: String,
}

/// The records of a file for one hub.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Chunk {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) binding: Binding,
    pub(crate) external_id: String,
    pub(crate) external_billing_id: String,
    pub(crate) stats: Stats,
}

/// Whose records a chunk has.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Binding {
    pub(crate) hub: Option<Reference>,
}

/// An upload of billing data.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reconciliation {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) notes: Notes,
    pub(crate) error: Problem,
    pub(crate) events: Events,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Notes {
    pub(crate) processing: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    pub(crate) detail: String,
}

/// A product, with what it may report.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Product {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) status: String,
    pub(crate) owner: Reference,
    pub(crate) version: u64,
    pub(crate) capabilities: Capabilities,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Capabilities {
    pub(crate) ppu: Option<PayAsYouGo>,
    pub(crate) reservation: Reservation,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PayAsYouGo {
    pub(crate) schema: String,
    pub(crate) dynamic: bool,
    pub(crate) future: bool,
    pub(crate) late: bool,
    pub(crate) predictive: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Reservation {
    pub(crate) consumption: bool,
}

impl Product {
    /// Its reporting schema, in capitals; nothing where it isn't metered.
    pub(crate) fn schema(&self) -> String {
        self.capabilities.ppu.as_ref().map(|ppu| ppu.schema.to_uppercase()).unwrap_or_default()
    }

    /// The name of its reporting schema.
    pub(crate) fn schema_name(&self) -> &'static str {
        schema_name(&self.schema())
    }

    /// Whether usage of it can be reported.
    pub(crate) fn reports(&self) -> bool {
        self.capabilities.ppu.is_some() || self.capabilities.reservation.consumption
    }
}

/// Where a product is offered, under which contract.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Listing {
    pub(crate) status: String,
    pub(crate) product: Reference,
    pub(crate) contract: Contracted,
    pub(crate) provider: Reference,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Contracted {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) marketplace: Reference,
}

/// A contract between a vendor and a provider.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Contract {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) kind: String,
}

/// A marketplace.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Marketplace {
    pub(crate) id: String,
    pub(crate) currency: String,
}
