//! Instants as pages show them: in UTC, which a script turns into the viewer's zone.

use chrono::{DateTime, Months, TimeDelta, Utc};
use ledger::Moment;
use serde::{Deserialize, Deserializer};

/// The day so many months before an instant, as the API takes days.
pub(crate) fn day(now: Moment, before: Months) -> String {
    let today = DateTime::<Utc>::from_timestamp_micros(now.0).unwrap_or_default().date_naive();
    today.checked_sub_months(before).unwrap_or(today).format("%Y-%m-%d").to_string()
}

/// An instant of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At(DateTime<Utc>);

impl At {
    /// For programs.
    pub(crate) fn iso(&self) -> String {
        self.0.format("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// For the API, to the last digit that it gave.
    pub(crate) fn exact(&self) -> String {
        self.0.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
    }

    /// How long before an instant.
    pub(crate) fn before(&self, now: Moment) -> TimeDelta {
        DateTime::<Utc>::from_timestamp_micros(now.0).unwrap_or_default().signed_duration_since(self.0)
    }

    /// For people, short.
    pub(crate) fn shown(&self) -> String {
        self.0.format("%-d %b %Y, %H:%M").to_string()
    }

    /// For tables: to the second, as workbooks have it.
    pub(crate) fn short(&self) -> String {
        self.0.format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// Whether it is the first second of a day of UTC.
    pub(crate) fn begins_a_day(&self) -> bool {
        self.0.format("%H%M%S").to_string() == "000000"
    }

    /// Whether it is the last one.
    pub(crate) fn ends_a_day(&self) -> bool {
        self.0.format("%H%M%S").to_string() == "235959"
    }

    /// The day alone.
    pub(crate) fn day(&self) -> String {
        self.0.format("%-d %b %Y").to_string()
    }

    /// All of it.
    pub(crate) fn utc(&self) -> String {
        self.0.format("%Y-%m-%d %H:%M:%S UTC").to_string()
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = DateTime::parse_from_rfc3339(&text).map_err(serde::de::Error::custom)?;
        Ok(Self(parsed.with_timezone(&Utc)))
    }
}
