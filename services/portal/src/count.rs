//! Counts as pages show them.

use std::fmt;

use serde::Deserialize;

/// How many there are, shown with thousands apart: `1,234,567`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(transparent)]
pub(crate) struct Count(pub(crate) u64);

impl Count {
    /// Whether there are none.
    pub(crate) fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for Count {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (place, digit) in digits.chars().enumerate() {
            let first_of_three = digits.len().saturating_sub(place).is_multiple_of(3);
            let comma = if place > 0 && first_of_three { "," } else { "" };
            write!(formatter, "{comma}{digit}")?;
        }
        Ok(())
    }
}

/// A number of bytes for people, in units of a thousand, rounded down: `12.3 MB`.
pub(crate) fn bytes(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut size = bytes;
    let mut unit = None;
    let mut rest = 0;
    for name in units {
        if size < 1_000 {
            break;
        }
        rest = size % 1_000 / 100;
        size /= 1_000;
        unit = Some(name);
    }
    unit.map_or_else(|| format!("{size} bytes"), |unit| format!("{size}.{rest} {unit}"))
}

#[cfg(test)]
mod tests {
    use super::{Count, bytes};

    #[test]
    fn bytes_are_for_people() {
        for (count, shown) in [(0, "0 bytes"), (999, "999 bytes"), (1_250, "1.2 kB"), (12_345_678, "12.3 MB")] {
            assert_eq!(bytes(count), shown);
        }
    }

    #[test]
    fn thousands_stand_apart() {
        for (count, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(Count(count).to_string(), shown);
        }
    }
}
