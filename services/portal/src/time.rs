//! Instants as pages show them: in UTC, which a script turns into the viewer's zone.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

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

    /// For people, short.
    pub(crate) fn shown(&self) -> String {
        self.0.format("%-d %b %Y, %H:%M").to_string()
    }

    /// For tables: to the second, as workbooks have it.
    pub(crate) fn short(&self) -> String {
        self.0.format("%Y-%m-%d %H:%M:%S").to_string()
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
