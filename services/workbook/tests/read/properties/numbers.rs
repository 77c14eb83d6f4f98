//! Numbers against schoolbook arithmetic on their digits: what a text says is what is kept, and what is kept can be
//! read again.

use ledger::Decimal;
use ledger::amount::DecimalError;

/// One, and the largest value, in units of 10^-12.
const PLACES: i32 = 12;
const LARGEST: &str = "10000000000000000000000000000";

/// The first byte is the item's precision; the rest is the text.
pub(crate) fn numbers(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let places = u32::from(first % 14);
    let parsed = Decimal::parse(text);
    let digits = Digits::of(text).filter(|_| text.len() <= 64);
    assert_eq!(shown(parsed), digits.as_ref().map_or_else(|| "NotANumber".to_owned(), Digits::kept), "{text:?}");
    if let Ok(value) = parsed {
        again(value);
        rounded(value, places);
    }
    check_cell(text, places, digits.as_ref());
}

/// What a value or its refusal is, in units.
fn shown(result: Result<Decimal, DecimalError>) -> String {
    match result {
        Ok(value) => value.units().to_string(),
        Err(DecimalError::TooFine(value)) => format!("TooFine {}", value.units()),
        Err(error) => format!("{error:?}"),
    }
}

/// A number's text taken apart by hand.
struct Digits {
    negative: bool,
    digits: String,
    exponent: i32,
}

impl Digits {
    /// `[+-]?d+(.d+)?([eE][+-]?d{1,3})?`, a character at a time.
    fn of(text: &str) -> Option<Self> {
        let mut rest = text.bytes().peekable();
        let negative = rest.peek() == Some(&b'-');
        rest.next_if(|byte| b"+-".contains(byte));
        let run = |rest: &mut std::iter::Peekable<std::str::Bytes<'_>>| {
            let mut run = String::new();
            while let Some(digit) = rest.next_if(u8::is_ascii_digit) {
                run.push(char::from(digit));
            }
            if run.is_empty() { None } else { Some(run) }
        };
        let mut digits = run(&mut rest)?;
        let mut exponent = 0;
        if rest.next_if_eq(&b'.').is_some() {
            let fraction = run(&mut rest)?;
            exponent -= i32::try_from(fraction.len()).unwrap();
            digits.push_str(&fraction);
        }
        if rest.next_if(|byte| b"eE".contains(byte)).is_some() {
            let down = rest.peek() == Some(&b'-');
            rest.next_if(|byte| b"+-".contains(byte));
            let power: i32 = run(&mut rest).filter(|power| power.len() <= 3)?.parse().unwrap();
            exponent += if down { -power } else { power };
        }
        if rest.next().is_some() { None } else { Some(Self { negative, digits, exponent }) }
    }

    fn significant(&self) -> usize {
        self.digits.trim_matches('0').len()
    }

    /// The number in units of 10^-12: digits moved, cut and rounded on paper.
    fn kept(&self) -> String {
        let shift = self.exponent + PLACES;
        let (mut whole, cut) = if shift >= 0 {
            (format!("{}{}", self.digits, "0".repeat(usize::try_from(shift).unwrap())), String::new())
        } else {
            let gone = usize::try_from(-shift).unwrap();
            let padded = format!("{}{}", "0".repeat(gone), self.digits);
            let (whole, cut) = padded.split_at(padded.len() - gone);
            (whole.to_owned(), cut.to_owned())
        };
        if cut.as_bytes().first().is_some_and(|digit| *digit >= b'5') {
            whole = increment(&whole);
        }
        let whole = whole.trim_start_matches('0');
        if (whole.len(), whole) > (LARGEST.len(), LARGEST) {
            return "TooLarge".to_owned();
        }
        let sign = if self.negative && !whole.is_empty() { "-" } else { "" };
        let value = if whole.is_empty() { "0".to_owned() } else { format!("{sign}{whole}") };
        if cut.trim_matches('0').is_empty() { value } else { format!("TooFine {value}") }
    }
}

fn increment(digits: &str) -> String {
    let mut bytes: Vec<u8> = digits.bytes().collect();
    for byte in bytes.iter_mut().rev() {
        if *byte < b'9' {
            *byte += 1;
            return String::from_utf8(bytes).unwrap();
        }
        *byte = b'0';
    }
    format!("1{}", String::from_utf8(bytes).unwrap())
}

/// What is shown is read as the same value, with as many decimals as it has.
fn again(value: Decimal) {
    let text = value.to_string();
    assert_eq!(Decimal::parse(&text), Ok(value), "{text}");
    let decimals = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
    assert_eq!(usize::try_from(value.places()).unwrap(), decimals, "{text}");
    for places in [0, 4, 12] {
        assert_eq!(Decimal::parse(&value.padded(places)), Ok(value), "{text} with {places} places");
    }
}

/// Rounding moves a value by half a step at most, and to a value of that precision.
fn rounded(value: Decimal, places: u32) {
    let near = value.rounded(places);
    assert!(near.places() <= places, "{value} rounded to {places} places is {near}");
    let step = 10_i128.pow(12 - places.min(12));
    let moved = (near.units() - value.units()).abs();
    assert!(2 * moved <= step && (2 * moved < step || near.units().abs() > value.units().abs()), "{value} → {near}");
}

/// A numeric cell: exact, or the value that a program's double was printed from.
fn check_cell(text: &str, places: u32, digits: Option<&Digits>) {
    let read = Decimal::parse_cell(text, places);
    let Some(digits) = digits else {
        assert_eq!(read, Err(DecimalError::NotANumber), "{text:?}");
        return;
    };
    if !(16..=17).contains(&digits.significant()) {
        assert_eq!(read, Decimal::parse(text).map(|value| (value, false)), "{text:?}");
        return;
    }
    let double: f64 = text.parse().unwrap();
    if !double.is_normal() {
        assert_eq!(read, Decimal::parse(text).map(|value| (value, false)), "{text:?}");
        return;
    }
    let kept = |printed: &str| Digits::of(printed).unwrap().kept();
    let fits = |kept: &str| kept.parse().is_ok_and(|units: i128| units % 10_i128.pow(12 - places.min(12)) == 0);
    let (printed, fifteen) = (format!("{double:e}"), kept(&format!("{double:.14e}")));
    // A text that is as short as any stays; of two that are as short, the one that ends in an even digit counts.
    let length = Digits::of(&printed).unwrap().significant();
    let even = format!("{double:.*e}", length.saturating_sub(1));
    let same = even.parse::<f64>().is_ok_and(|other| other.to_bits() == double.to_bits());
    let shortest = match length < digits.significant() {
        false => digits.kept(),
        true => kept(if same { &even } else { &printed }),
    };
    let (expected, noted) = if !fits(&shortest) && fits(&fifteen) { (fifteen, true) } else { (shortest, false) };
    assert_eq!(shown(read.map(|(value, _)| value)), expected, "{text:?} with {places} places");
    assert!(read.is_err() || read.is_ok_and(|(_, note)| note == noted), "{text:?} with {places} places: {read:?}");
    if let Ok((value, false)) = read {
        let named: f64 = value.to_string().parse().unwrap();
        assert_eq!(named.abs().to_bits(), double.abs().to_bits(), "{text:?} is kept as {value}");
    }
}
