//! What a product may report, and how.

use serde::{Deserialize, Serialize};

/// How usage of a product is rated (seed 001, Reporting Schemas).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Schema {
    /// Quantity.
    Qt,
    /// Price rated: the end customer's price.
    Pr,
    /// Cost rated: the distributor's cost.
    Cr,
    /// Tiers rated: a price for each tier.
    Tr,
}

impl Schema {
    /// Every schema.
    pub const ALL: [Self; 4] = [Self::Qt, Self::Pr, Self::Cr, Self::Tr];

    /// `QT`, as capabilities and workbooks write it.
    #[must_use]
    pub fn upper(self) -> &'static str {
        match self {
            Self::Qt => "QT",
            Self::Pr => "PR",
            Self::Cr => "CR",
            Self::Tr => "TR",
        }
    }

    /// `qt`, as files, records and chunks write it.
    #[must_use]
    pub fn lower(self) -> &'static str {
        match self {
            Self::Qt => "qt",
            Self::Pr => "pr",
            Self::Cr => "cr",
            Self::Tr => "tr",
        }
    }

    /// The schema of a name in either case.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|schema| schema.upper().eq_ignore_ascii_case(text))
    }
}

/// What becomes of a record that overlaps one of another file (design §12; seed 003, Processing Stages).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OverlapPolicy {
    /// Nothing.
    Off,
    /// A warning: real vendors report equal windows again under new record ids (connect-api §5.3).
    #[default]
    Warn,
    /// An error, unless the file is a correction that covers a longer period.
    Enforce,
}

impl OverlapPolicy {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Off, Self::Warn, Self::Enforce];

    /// The name in a product's capabilities.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        }
    }

    /// The policy of a name.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == text)
    }
}

/// What a product may report (connect-api §3.8); everything is off by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Capabilities {
    /// Pay-as-you-go items may be reported, in this schema.
    pub pay_as_you_go: Option<Schema>,
    /// Rows may bring items that were not declared.
    pub dynamic: bool,
    /// Charges may lie in the future.
    pub future: bool,
    /// Charges may come after their period's file was closed.
    pub late: bool,
    /// Files may be estimates.
    pub predictive: bool,
    /// The `v.` columns that every record must fill.
    pub required_custom_fields: Vec<String>,
    /// The consumption of reservation items may be reported.
    pub reservation_consumption: bool,
    /// What becomes of usage that overlaps usage of another file.
    pub overlap: OverlapPolicy,
}
