//! Exact figures as pages show them: thousands apart, every decimal kept, and their points under each other in a column.

use ledger::Decimal;
use serde_json::Number;

/// A figure of a column. What it lacks of the column's decimals takes room and isn't seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figure {
    pub(crate) text: String,
    pub(crate) pad: String,
}

/// A figure with thousands apart: `-1,234,567.8901`.
pub(crate) fn grouped(exact: &str) -> String {
    let (sign, digits) = exact.strip_prefix('-').map_or(("", exact), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(whole, rest)| (whole, Some(rest)));
    let mut text = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && whole.len().saturating_sub(place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

/// The figures of a column.
pub(crate) fn column<'a>(exact: impl IntoIterator<Item = Option<&'a Number>>) -> Vec<Figure> {
    let texts: Vec<Option<String>> = exact.into_iter().map(|number| number.map(Number::to_string)).collect();
    let decimals = |text: &str| text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let most = texts.iter().flatten().map(|text| decimals(text)).max().unwrap_or(0);
    let figure = |text: Option<String>| {
        let Some(text) = text else { return Figure::default() };
        let lacks = most.saturating_sub(decimals(&text));
        let point = if lacks > 0 && decimals(&text) == 0 { "." } else { "" };
        Figure { pad: format!("{point}{}", "0".repeat(lacks)), text: grouped(&text) }
    };
    texts.into_iter().map(figure).collect()
}

/// The units of a figure, to compare it with others; nothing where it is beyond what the ledger counts.
pub(crate) fn units(number: &Number) -> i128 {
    Decimal::parse(&number.to_string()).map_or(0, Decimal::units)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart_and_nothing_is_lost() {
        for (exact, shown) in [
            ("0", "0"),
            ("999", "999"),
            ("-1000", "-1,000"),
            ("12146513.6797601", "12,146,513.6797601"),
            ("0.000000000001", "0.000000000001"),
        ] {
            assert_eq!(grouped(exact), shown);
        }
    }

    #[test]
    fn points_stand_under_each_other() {
        let numbers: Vec<Number> = ["1", "22.5", "3.125"].iter().map(|text| text.parse().unwrap()).collect();
        let figures = column(numbers.iter().map(Some).chain([None]));
        let pads: Vec<&str> = figures.iter().map(|figure| figure.pad.as_str()).collect();
        assert_eq!(pads, [".000", "00", "", ""]);
    }
}
