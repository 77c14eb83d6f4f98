//! Quantities in the ways that producers write them: padded or bare text, or a numeric cell.

use ledger::Decimal;
use ledger::amount::PLACES_MAX;

use super::random::Random;
use super::sheet::Cell;

/// No quantity is larger: with 8 decimals this keeps a numeric cell at 11 significant digits, and a double shows up to
/// 15 exactly.
const WHOLE_MAX: u64 = 500;

/// A quantity of at most so many decimals, and its cell. One in 64 is a correction below zero.
pub(super) fn quantity(random: &mut Random, places: u8) -> (Decimal, Cell) {
    let places = u32::from(places).min(PLACES_MAX);
    let steps = 1 + random.below(WHOLE_MAX.saturating_mul(10_u64.pow(places)));
    let units = i128::from(steps) * 10_i128.pow(PLACES_MAX - places);
    let value = Decimal::from_units(if random.one_in(64) { -units } else { units });
    let cell = match random.below(4) {
        0 => Cell::Text(value.to_string()),
        // `7.0` for an integer and `4.0000` for decimal(4) are what exports of other systems write.
        1 => Cell::Text(value.padded(places.max(1))),
        _ => number(value),
    };
    (value, cell)
}

/// A numeric cell: nothing is calculated with the double, it is only how the format's writer takes a number.
pub(super) fn number(value: Decimal) -> Cell {
    let text = value.to_string();
    text.parse().map_or(Cell::Text(text), Cell::Number)
}
