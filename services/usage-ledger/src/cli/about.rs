//! What a file is about, as arguments: the same for a new file, an online dry run and an offline check.

use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use super::CliError;

/// Arguments that say what usage is about.
#[derive(Args, Clone, Debug)]
pub(super) struct AboutArgs {
    /// The distribution contract (CRD-…).
    #[arg(long)]
    pub(super) contract: String,
    /// The product (PRD-…).
    #[arg(long)]
    pub(super) product: String,
    /// First and last day of the period, such as 2026-10-01..2026-10-31.
    #[arg(long, value_name = "FIRST..LAST")]
    pub(super) period: Option<String>,
    /// Whose days they are: a name of the IANA database, such as America/Los_Angeles. Without it, UTC.
    #[arg(long, value_name = "ZONE")]
    pub(super) time_zone: Option<String>,
    /// What amounts are in (ISO 4217). Without it, the marketplace's.
    #[arg(long, value_name = "CODE")]
    pub(super) currency: Option<String>,
    /// It is an estimate: usage may lie in the future and is never billed.
    #[arg(long)]
    pub(super) predictive: bool,
    /// test, preview or production. Without it, the contract's.
    #[arg(long, value_parser = ["test", "preview", "production"])]
    pub(super) environment: Option<String>,
}

impl AboutArgs {
    /// The two ends of the period.
    pub(super) fn ends(&self) -> Result<Option<(&str, &str)>, CliError> {
        let Some(period) = &self.period else { return Ok(None) };
        let ends = period.split_once("..").map(|(from, to)| (from.trim(), to.trim()));
        let ends = ends.filter(|(from, to)| !from.is_empty() && !to.is_empty());
        let wrong = || CliError::Usage(format!("--period {period} is no period; write 2026-10-01..2026-10-31"));
        ends.map(Some).ok_or_else(wrong)
    }

    /// The fields that aren't the contract and the product, as the API's forms and objects name them.
    fn texts(&self) -> Vec<(&'static str, String)> {
        let given = [("time_zone", &self.time_zone), ("currency", &self.currency), ("environment", &self.environment)];
        let given = given.into_iter().filter_map(|(name, value)| Some((name, value.clone()?)));
        given.chain(self.predictive.then(|| ("predictive", "true".to_owned()))).collect()
    }

    /// As the fields of a form.
    pub(super) fn form(&self) -> Result<Vec<(&'static str, String)>, CliError> {
        let mut fields = vec![("contract", self.contract.clone())];
        if let Some((from, to)) = self.ends()? {
            fields.extend([("period_from", from.to_owned()), ("period_to", to.to_owned())]);
        }
        fields.extend(self.texts());
        Ok(fields)
    }

    /// As the members of a new file.
    pub(super) fn members(&self) -> Result<Map<String, Value>, CliError> {
        let mut members = Map::new();
        members.insert("contract".to_owned(), json!({ "id": self.contract }));
        members.insert("product".to_owned(), json!({ "id": self.product }));
        if let Some((from, to)) = self.ends()? {
            members.insert("period".to_owned(), json!({ "from": from, "to": to }));
        }
        for (name, value) in self.texts() {
            members.insert(name.to_owned(), if name == "predictive" { json!(true) } else { json!(value) });
        }
        Ok(members)
    }
}

/// How what is wrong is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// A table for people.
    #[default]
    Text,
    /// One JSON document: counts, sums, and the first 1,000 errors.
    Json,
    /// A JSON object on each line, for each error.
    Ndjson,
    /// Comma-separated values, a line for each error.
    Csv,
}

impl OutputFormat {
    /// The name in a query; none for what is made from JSON.
    pub(super) fn streamed(self) -> Option<&'static str> {
        match self {
            Self::Text | Self::Json => None,
            Self::Ndjson => Some("ndjson"),
            Self::Csv => Some("csv"),
        }
    }
}
