//! Single values: ids, hashes, decimals, numbers and names.

use ledger::amount::{Decimal, ONE, PLACES_MAX};
use ledger::catalog::Named;
use ledger::{FileId, Hash, Moment, ObjectId};

use crate::error::WireError;
use crate::wire;

/// A field that every writer fills.
pub(crate) fn required<T>(value: Option<T>, field: &'static str) -> Result<T, WireError> {
    value.ok_or(WireError::Missing { field })
}

/// A number that is smaller inside than on the wire, where varints make all sizes equal.
pub(crate) fn narrow<T: TryFrom<u32>>(number: u32, field: &'static str) -> Result<T, WireError> {
    T::try_from(number).map_err(|_| WireError::Invalid { field })
}

/// An enumeration whose number is its zero or one that this version doesn't know.
pub(crate) fn unknown(field: &'static str, number: i32) -> WireError {
    WireError::UnknownValue { field, number: number.into() }
}

pub(crate) fn hash(bytes: &[u8], field: &'static str) -> Result<Hash, WireError> {
    bytes.try_into().map(Hash).map_err(|_| WireError::Invalid { field })
}

pub(crate) fn file_id(text: &str, field: &'static str) -> Result<FileId, WireError> {
    FileId::parse(text).ok_or(WireError::Invalid { field })
}

pub(crate) fn object_id(text: &str, field: &'static str) -> Result<ObjectId, WireError> {
    ObjectId::new(text).ok_or(WireError::Invalid { field })
}

pub(crate) fn optional_tier(tier: Option<u32>) -> Result<Option<u8>, WireError> {
    tier.map(|tier| narrow(tier, "tier")).transpose()
}

pub(crate) fn micros(moment: Option<Moment>) -> Option<i64> {
    moment.map(|moment| moment.0)
}

/// Reads a plain decimal: `-?digits[.digits]`, at most twelve places.
///
/// Not `Decimal::parse`, which reads what vendors write and so refuses beyond 10^16: sums go further.
pub(crate) fn decimal(text: &str, field: &'static str) -> Result<Decimal, WireError> {
    plain_decimal(text).ok_or(WireError::Invalid { field })
}

fn plain_decimal(text: &str) -> Option<Decimal> {
    let (negative, magnitude) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = match magnitude.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (magnitude, ""),
    };
    let missing = PLACES_MAX.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let mut units = digits(whole)?.checked_mul(ONE.unsigned_abs())?;
    if !fraction.is_empty() {
        units = units.checked_add(digits(fraction)? * 10_u128.pow(missing))?;
    }
    let units = if negative { 0_i128.checked_sub_unsigned(units) } else { 0_i128.checked_add_unsigned(units) };
    units.map(Decimal::from_units)
}

fn digits(text: &str) -> Option<u128> {
    // `parse` alone would take a sign.
    (text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// Every element of a list, or the first error.
pub(crate) fn each<T, U>(items: Vec<T>) -> Result<Vec<U>, WireError>
where
    U: TryFrom<T, Error = WireError>,
{
    items.into_iter().map(U::try_from).collect()
}

impl From<&Named> for wire::Named {
    fn from(named: &Named) -> Self {
        Self { id: named.id.to_string(), name: named.name.clone() }
    }
}

impl TryFrom<wire::Named> for Named {
    type Error = WireError;

    fn try_from(named: wire::Named) -> Result<Self, WireError> {
        Ok(Self { id: object_id(&named.id, "id")?, name: named.name })
    }
}

/// An id and a name that every writer fills.
pub(crate) fn named(value: Option<wire::Named>, field: &'static str) -> Result<Named, WireError> {
    required(value, field)?.try_into()
}

/// An id and a name that may be absent.
pub(crate) fn optional_named(value: Option<wire::Named>) -> Result<Option<Named>, WireError> {
    value.map(Named::try_from).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_of_any_size_comes_back() {
        for units in [0, 1, -1, ONE, -ONE, 12_500_000_000_000, i128::MAX, i128::MIN, i128::MIN + 1] {
            let value = Decimal::from_units(units);
            assert_eq!(plain_decimal(&value.to_string()), Some(value), "{units}");
        }
    }

    #[test]
    fn what_is_no_plain_decimal_is_refused() {
        let beyond = format!("{}0", Decimal::from_units(i128::MAX));
        for wrong in ["", "-", ".5", "5.", "+5", "1e3", "--1", "1.0000000000001", "1.-5", "1,5", " 1", &beyond] {
            assert_eq!(plain_decimal(wrong), None, "{wrong}");
        }
    }
}
