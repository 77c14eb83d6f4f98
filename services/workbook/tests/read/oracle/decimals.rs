//! Random decimals written by rust_xlsxwriter, read back and taken by the number rule: what comes out is compared to
//! the decimal that was drawn, kept here in whole numbers, and to a rule of its own where a double decides.
//!
//! 20,000 cells; DECIMALS_SEED makes others. Ten million of three producers: docs/exactness.md.

use std::io::Cursor;

use ledger::{Decimal, DecimalError};
use rust_xlsxwriter::{Workbook as Writer, Worksheet};
use workbook::read::{Cell, CellKind, Limits, Row, Workbook};

const CELLS: u32 = 20_000;
const PLACES: [u32; 5] = [0, 2, 4, 8, 12];
const LARGEST: i128 = 10_i128.pow(16);

/// A generator of numbers, so that a failing seed can be run again.
struct Seed(u64);

impl Seed {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    /// A whole number with so many digits, the last of them not zero.
    fn digits(&mut self, low: u64, high: u64) -> i128 {
        let count = low + self.below(high - low + 1);
        let mut digits = i128::from(1 + self.below(9));
        for _ in 1..count.saturating_sub(1) {
            digits = digits * 10 + i128::from(self.below(10));
        }
        if count > 1 { digits * 10 + i128::from(1 + self.below(9)) } else { digits }
    }
}

/// So many units of 10^-scale.
#[derive(Clone, Copy, Debug)]
struct Drawn {
    units: i128,
    scale: u32,
}

impl Drawn {
    fn of(text: &str) -> Self {
        let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
        Self { units: text.replace('.', "").parse().unwrap(), scale: u32::try_from(fraction.len()).unwrap() }
    }

    fn text(self) -> String {
        let width = self.scale as usize + 1;
        let digits = format!("{:0width$}", self.units.abs());
        let (whole, fraction) = digits.split_at(digits.len() - self.scale as usize);
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{}{whole}{point}{fraction}", if self.units < 0 { "-" } else { "" })
    }

    /// As the ledger shows it: every value here has twelve decimals at most.
    fn shown(self) -> String {
        let text = self.text();
        if self.units.abs() > LARGEST * 10_i128.pow(self.scale) {
            return "TooLarge".to_owned();
        }
        if self.scale == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
    }
}

#[derive(Clone, Debug)]
enum Wanted {
    /// The decimal itself.
    Exact(Drawn),
    /// What the rule makes of a double.
    Rule(f64),
}

fn seed() -> u64 {
    let given = std::env::var("DECIMALS_SEED").ok().and_then(|text| text.parse().ok());
    given.filter(|&seed| seed != 0).unwrap_or(0x9E37_79B9_7F4A_7C15)
}

fn drawn(seed: &mut Seed, low: u64, high: u64) -> Drawn {
    let sign = if seed.below(4) == 0 { -1 } else { 1 };
    Drawn { units: sign * seed.digits(low, high), scale: u32::try_from(seed.below(13)).unwrap() }
}

fn read(cell: Cell<'_>, places: u32) -> String {
    let value = match cell.kind {
        CellKind::Text => Decimal::parse(cell.text).map(|value| (value, false)),
        CellKind::Number => Decimal::parse_cell(cell.text, places),
        kind => panic!("{kind:?} {}", cell.text),
    };
    match value {
        Ok((value, noted)) => format!("{value}{}", if noted { "~" } else { "" }),
        Err(DecimalError::TooFine(nearest)) => format!("TooFine {nearest}"),
        Err(error) => format!("{error:?}"),
    }
}

/// Digits from the first to the last that is not zero.
fn significant(text: &str) -> usize {
    let digits: String = text.bytes().filter(u8::is_ascii_digit).map(char::from).collect();
    digits.trim_matches('0').len()
}

/// A double in its exact digits, rounded to so many significant ones, halves to even.
fn rounded(double: f64, count: usize) -> Drawn {
    // 80 decimals are more than a double of our range has, so nothing is rounded here but below.
    let text = format!("{double:.80}");
    let digits: String = text.bytes().filter(u8::is_ascii_digit).map(char::from).collect();
    let whole = text.trim_start_matches('-').find('.').unwrap();
    let first = digits.find(|digit| digit != '0').unwrap();
    let (kept, rest) = digits[first..].split_at(count);
    let mut units: i128 = kept.parse().unwrap();
    let half = format!("5{}", "0".repeat(rest.len() - 1));
    if rest > half.as_str() || (rest == half && units % 2 == 1) {
        units += 1;
    }
    let end = first + count;
    let units = if double < 0.0 { -units } else { units };
    if end >= whole {
        Drawn { units, scale: u32::try_from(end - whole).unwrap() }
    } else {
        Drawn { units: units * 10_i128.pow(u32::try_from(whole - end).unwrap()), scale: 0 }
    }
}

/// The rule in whole numbers: the fewest digits that name the double, those that stand there if they are as few; where
/// the column allows fewer decimals, fifteen.
fn by_rule(double: f64, raw: &str, places: u32) -> String {
    let names = |found: &Drawn| found.text().parse::<f64>().unwrap().to_bits() == double.to_bits();
    let shortest = (1..=17).map(|count| rounded(double, count)).find(names).unwrap();
    let shortest = if significant(&shortest.text()) < significant(raw) { shortest } else { Drawn::of(raw) };
    let fifteen = rounded(double, 15);
    let is_exact = significant(raw) <= 15;
    let decimals = |found: Drawn| {
        let text = found.text();
        let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction).trim_end_matches('0').len();
        u32::try_from(fraction).unwrap()
    };
    let fits = |found: Drawn| decimals(found) <= places && found.units.abs() <= LARGEST * 10_i128.pow(found.scale);
    if fits(shortest) || is_exact || !fits(fifteen) {
        return if decimals(shortest) > 12 { fine(shortest) } else { shortest.shown() };
    }
    format!("{}~", fifteen.shown())
}

/// What is finer than twelve decimals, with the nearest value that isn't.
fn fine(found: Drawn) -> String {
    let step = 10_i128.pow(found.scale - 12);
    let half = step / 2 * found.units.signum();
    format!("TooFine {}", Drawn { units: (found.units + half) / step, scale: 12 }.shown())
}

/// What a program gets that computes with doubles.
#[expect(clippy::float_arithmetic, reason = "its noise is what the rule must take away")]
fn noise(seed: &mut Seed) -> f64 {
    let [first, second] = [0, 0].map(|_| f64::from(u32::try_from(seed.below(1_000_000)).unwrap()) / 100.0);
    if seed.below(2) == 0 { first + second * 0.19 + 0.01 } else { first * second + 0.01 }
}

/// A cell of one of six classes, and what must come out of it.
fn write(sheet: &mut Worksheet, row: u32, seed: &mut Seed) -> Wanted {
    match seed.below(6) {
        0 => {
            let found = drawn(seed, 1, 28);
            sheet.write_string(row, 0, found.text()).unwrap();
            Wanted::Exact(found)
        }
        1 | 2 => {
            let found = drawn(seed, 1, 15);
            sheet.write_number(row, 0, found.text().parse::<f64>().unwrap()).unwrap();
            Wanted::Exact(found)
        }
        3 => {
            let near = LARGEST - 500 + i128::from(seed.below(1_000));
            sheet.write_number(row, 0, format!("{near}").parse::<f64>().unwrap()).unwrap();
            Wanted::Rule(format!("{near}").parse().unwrap())
        }
        4 => {
            let double: f64 = drawn(seed, 16, 20).text().parse().unwrap();
            sheet.write_number(row, 0, double).unwrap();
            Wanted::Rule(double)
        }
        _ => {
            let double = noise(seed);
            sheet.write_number(row, 0, double).unwrap();
            Wanted::Rule(double)
        }
    }
}

#[test]
fn random_decimals_of_rust_xlsxwriter_arrive_exactly() {
    let started = seed();
    let mut seed = Seed(started);
    let mut book = Writer::new();
    let sheet = book.add_worksheet_with_low_memory().unwrap();
    let mut wanted = Vec::new();
    for row in 0..CELLS {
        wanted.push(write(sheet, row, &mut seed));
    }
    let bytes = book.save_to_buffer().unwrap();
    let mut book = Workbook::open(Cursor::new(bytes), Limits::default()).unwrap();
    let mut rows = book.rows(0).unwrap();
    let mut row = Row::new();
    let mut wrong = Vec::new();
    for (at, wanted) in wanted.iter().enumerate() {
        assert!(rows.next_row(&mut row).unwrap());
        let cell = row.get(0).unwrap();
        let places = PLACES[at % PLACES.len()];
        let expected = match *wanted {
            Wanted::Exact(found) => found.shown(),
            Wanted::Rule(double) => by_rule(double, cell.text, places),
        };
        let found = read(cell, places);
        if found != expected {
            wrong.push(format!("row {at}, {wanted:?} as {}, {places} places: {found}, not {expected}", cell.text));
        }
    }
    assert!(
        wrong.is_empty(),
        "DECIMALS_SEED={started}, {} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(8)].join("\n")
    );
}
