//! Quantities and amounts: whole numbers of 10^-12 in an `i128`, exact text outside, no float (design §4).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Decimal places that a value can have.
pub const PLACES_MAX: u32 = 12;
/// One, in units of 10^-12.
pub const ONE: i128 = 1_000_000_000_000;
/// The largest magnitude of one value: 10^16 (connect-api §3.2). A million million of them still add up in an `i128`.
pub const VALUE_MAX: i128 = 10_000_000_000_000_000 * ONE;
/// The longest text that is read as a number, in bytes: no producer writes longer ones.
pub const TEXT_LENGTH_MAX: usize = 64;

/// An exact decimal: a quantity or an amount of money, in units of 10^-12.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Decimal(i128);

/// Why a text is not a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecimalError {
    /// It is no number at all: letters, a thousands separator, `NaN`, nothing.
    NotANumber,
    /// A number with more than twelve decimals that are not zero. Carries the nearest value that has twelve.
    TooFine(Decimal),
    /// A number beyond ±10^16.
    TooLarge,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The value of so many units of 10^-12.
    #[must_use]
    pub fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// The value in units of 10^-12.
    #[must_use]
    pub fn units(self) -> i128 {
        self.0
    }

    /// The exact sum, or none where it doesn't fit (10^26 values of the largest size).
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The exact sum; stays at the end of the range instead of wrapping, for folds that must be total.
    #[must_use]
    pub fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The decimals that the value needs: 0 for `7.0`, 2 for `92.65`.
    #[must_use]
    pub fn places(self) -> u32 {
        let mut units = self.0;
        let mut places = PLACES_MAX;
        while places > 0 && units % 10 == 0 {
            units /= 10;
            places -= 1;
        }
        places
    }

    /// The nearest value with at most `places` decimals, halves away from zero.
    #[must_use]
    pub fn rounded(self, places: u32) -> Self {
        let step = 10_i128.pow(PLACES_MAX - places.min(PLACES_MAX));
        let half = if self.0 < 0 { -(step / 2) } else { step / 2 };
        Self((self.0.saturating_add(half)) / step * step)
    }

    /// Reads a decimal text exactly as typed: `[+-]?digits[.digits][(e|E)[+-]?digits]`, at most 64 characters.
    ///
    /// # Errors
    /// See [`DecimalError`]; every text gives one of its answers.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let parts = Parts::split(text).ok_or(DecimalError::NotANumber)?;
        parts.value()
    }

    /// Reads the raw text of a numeric cell (design §4, Numbers): up to 15 significant digits are exact; 16 or 17
    /// were written by a program that printed a double, so the shortest decimal that names the same double counts;
    /// 18 and more were typed and are exact. A text that is as short as any that names its double stays as it is.
    ///
    /// When the shortest decimal is finer than `places` and the 15-digit one isn't, that one counts and the second
    /// value is true: the caller notes it on the record.
    ///
    /// # Errors
    /// See [`DecimalError`].
    pub fn parse_cell(text: &str, places: u32) -> Result<(Self, bool), DecimalError> {
        let parts = Parts::split(text).ok_or(DecimalError::NotANumber)?;
        if !(16..=17).contains(&parts.significant()) {
            return parts.value().map(|value| (value, false));
        }
        let double: f64 = text.parse().map_err(|_| DecimalError::NotANumber)?;
        if !double.is_normal() {
            // Beyond what a double can hold at either end, so no double was printed.
            return parts.value().map(|value| (value, false));
        }
        let shortest = parts.shortest(double).ok_or(DecimalError::NotANumber)?.value();
        if let Ok(value) = shortest
            && value.places() <= places
        {
            return Ok((value, false));
        }
        let shown = Parts::split(&format!("{double:.14e}")).ok_or(DecimalError::NotANumber)?.value();
        match shown {
            Ok(value) if value.places() <= places => Ok((value, true)),
            _ => shortest.map(|value| (value, false)),
        }
    }

    /// The value with exactly `places` decimals or more where it needs more: `4.0000` for decimal(4).
    #[must_use]
    pub fn padded(self, places: u32) -> String {
        let plain = self.to_string();
        let have = plain.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let want = places.min(PLACES_MAX) as usize;
        if have >= want {
            return plain;
        }
        let point = if have == 0 { "." } else { "" };
        format!("{plain}{point}{}", "0".repeat(want - have))
    }
}

impl fmt::Display for Decimal {
    /// The shortest exact text: `7`, `-0.5`, `92.65`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        let (whole, fraction) = (magnitude / ONE.unsigned_abs(), magnitude % ONE.unsigned_abs());
        if self.0 < 0 {
            f.write_str("-")?;
        }
        write!(f, "{whole}")?;
        if fraction == 0 {
            return Ok(());
        }
        let digits = format!("{fraction:012}");
        write!(f, ".{}", digits.trim_end_matches('0'))
    }
}

/// A number's text, taken apart: the digits without the point, and where the point is.
struct Parts {
    negative: bool,
    digits: Vec<u8>,
    /// The power of ten of the last digit.
    exponent: i32,
}

impl Parts {
    fn split(text: &str) -> Option<Self> {
        if text.len() > TEXT_LENGTH_MAX {
            return None;
        }
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent_of(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
            Some(_) => return None,
            None => (mantissa, ""),
        };
        let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        if whole.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let exponent = exponent - i32::try_from(fraction.len()).ok()?;
        Some(Self { negative, digits, exponent })
    }

    /// Digits from the first to the last that is not zero.
    fn significant(&self) -> usize {
        let first = self.digits.iter().position(|&d| d != b'0');
        let last = self.digits.iter().rposition(|&d| d != b'0');
        first.zip(last).map_or(0, |(first, last)| last - first + 1)
    }

    /// The shortest decimal that names the same double, this one where none is shorter.
    fn shortest(self, double: f64) -> Option<Self> {
        let printed = Self::split(&format!("{double:e}"))?;
        let digits = printed.significant();
        if digits >= self.significant() {
            return Some(self);
        }
        // Of two that are as short and as near, std prints either; rounding takes the one that ends in an even digit,
        // as other languages do.
        let even = format!("{double:.*e}", digits.saturating_sub(1));
        let is_same = even.parse::<f64>().is_ok_and(|other| other.to_bits() == double.to_bits());
        if is_same { Self::split(&even) } else { Some(printed) }
    }

    fn value(&self) -> Result<Decimal, DecimalError> {
        let mut units: i128 = 0;
        let mut dropped = false;
        let mut round_up = false;
        for (index, digit) in self.digits.iter().enumerate() {
            let after = i32::try_from(self.digits.len() - 1 - index).unwrap_or(i32::MAX);
            let power = self.exponent.saturating_add(after) + 12;
            let digit = i128::from(digit - b'0');
            if digit == 0 {
                continue;
            }
            if power < 0 {
                round_up |= power == -1 && digit >= 5;
                dropped = true;
                continue;
            }
            let place = u32::try_from(power).ok().and_then(|power| 10_i128.checked_pow(power));
            let part = place.and_then(|place| place.checked_mul(digit)).ok_or(DecimalError::TooLarge)?;
            units = units.checked_add(part).ok_or(DecimalError::TooLarge)?;
        }
        units += i128::from(round_up);
        if units > VALUE_MAX {
            return Err(DecimalError::TooLarge);
        }
        let value = Decimal(if self.negative { -units } else { units });
        if dropped { Err(DecimalError::TooFine(value)) } else { Ok(value) }
    }
}

fn exponent_of(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let plain = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(text: &str) -> String {
        match Decimal::parse(text) {
            Ok(value) => value.to_string(),
            Err(error) => format!("{error:?}"),
        }
    }

    fn cell(text: &str, places: u32) -> String {
        match Decimal::parse_cell(text, places) {
            Ok((value, noted)) => format!("{value}{}", if noted { " noted" } else { "" }),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn a_text_is_read_exactly_as_typed() {
        for (text, want) in [
            ("7.0", "7"),
            ("-0.50", "-0.5"),
            ("+5", "5"),
            ("007", "7"),
            ("1.5e3", "1500"),
            ("1E-12", "0.000000000001"),
            ("0", "0"),
            ("-0", "0"),
            ("10000000000000000", "10000000000000000"),
            ("10000000000000000.000000000001", "TooLarge"),
            ("1e400", "TooLarge"),
            ("1e-13", "TooFine(Decimal(0))"),
            ("0.1234567890125", "TooFine(Decimal(123456789013))"),
            ("0.1234567890120", "0.123456789012"),
            ("", "NotANumber"),
            (".5", "NotANumber"),
            ("5.", "NotANumber"),
            ("1,234.5", "NotANumber"),
            ("NaN", "NotANumber"),
            ("0x10", "NotANumber"),
            ("1_000", "NotANumber"),
            ("1e", "NotANumber"),
            ("--1", "NotANumber"),
            ("٣", "NotANumber"),
        ] {
            assert_eq!(exact(text), want, "{text}");
        }
    }

    #[test]
    fn a_numeric_cell_loses_the_noise_of_its_double() {
        for (text, places, want) in [
            ("92.65000000000001", 2, "92.65"),
            ("19.989999999999998", 2, "19.99"),
            ("0.30000000000000004", 2, "0.3 noted"),
            ("0.30000000000000004", 12, "0.3 noted"),
            ("12345678901234567890", 2, "TooLarge"),
            ("1.7976931348657213e308", 2, "TooLarge"),
            ("123456789012.123456789012", 12, "123456789012.123456789012"),
            ("92.65", 2, "92.65"),
            ("1E+2", 0, "100"),
            // Two decimals of 16 digits name this double: the one that stands there is kept, the even one made.
            ("893659494145124.2", 4, "893659494145124.2"),
            ("893659494145124.3", 4, "893659494145124.3"),
            ("893659494145124.25", 4, "893659494145124.2"),
            ("1.234567890123456e-400", 12, "TooFine(Decimal(0))"),
            ("1.2345678901234567e400", 12, "TooLarge"),
        ] {
            assert_eq!(cell(text, places), want, "{text}");
        }
    }

    #[test]
    fn a_value_is_padded_and_rounded_by_its_precision() {
        let value = Decimal::parse("4").unwrap_or_default();
        assert_eq!(value.padded(4), "4.0000");
        assert_eq!(value.padded(0), "4");
        let value = Decimal::parse("-15.755").unwrap_or_default();
        assert_eq!((value.places(), value.rounded(2).to_string()), (3, "-15.76".to_owned()));
        assert_eq!(value.padded(1), "-15.755");
    }
}
