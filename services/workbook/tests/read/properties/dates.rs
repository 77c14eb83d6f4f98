//! Dates against a calendar of their own: a serial, an ISO text or a typed time gives the moment that it says, and what
//! is shown is read again as that moment.

use std::io::Cursor;

use ledger::Moment;

use super::rows::read;
use crate::make::{Book, By, pack_stored, workbook_xml};

const LAST_DAY: u64 = 2_958_465;

/// The first byte says what the text is: a serial, an ISO text in a cell, or a time as text.
pub(crate) fn dates(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    match kind % 4 {
        0 => typed(text),
        1 => in_cell(text, "s=\"0\"", false, iso_or_serial(text, |text| serial(text, false))),
        2 => in_cell(text, "s=\"0\"", true, iso_or_serial(text, |text| serial(text, true))),
        _ => in_cell(text, "t=\"d\"", false, iso_or_serial(text, iso)),
    }
}

/// Only what needs no escaping: how XML is decoded is the property of rows.
fn iso_or_serial(text: &str, meaning: impl Fn(&str) -> Option<String>) -> Option<Option<String>> {
    let plain = text.bytes().all(|byte| (0x21..0x7f).contains(&byte) && !b"<>&".contains(&byte));
    (plain && !text.is_empty() && text.len() < 100).then(|| meaning(text))
}

fn in_cell(text: &str, attributes: &str, date1904: bool, meaning: Option<Option<String>>) {
    let Some(meaning) = meaning else { return };
    let mut book = Book::of_cells(&format!("<c r=\"A1\" {attributes}><v>{text}</v></c>")).formats(&["14"]);
    book.workbook = workbook_xml(if date1904 { "<workbookPr date1904=\"1\"/>" } else { "" }, &["records"]);
    let lines = read(Cursor::new(pack_stored(&book.parts())), By::Scanner).unwrap();
    let line = &lines[0];
    match meaning {
        Some(shown) => {
            assert_eq!(*line, format!("1 | A1 Date {shown:?}"), "{text:?}");
            let again = Moment::parse_sheet(&shown).map(Moment::sheet);
            assert_eq!(again.as_ref(), Some(&shown).filter(|_| *shown >= *"1900"), "{text:?}");
        }
        None => assert!(line.starts_with(&format!("1 | A1 Date {text:?} !BadDate(")), "{text:?} gives {line}"),
    }
}

/// `digits[.digits][(e|E)[+-]digits]`, to the nearest second by whole numbers.
fn serial(text: &str, date1904: bool) -> Option<String> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            let fits = (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            (mantissa, if fits { exponent.parse::<i32>().ok()? } else { return None })
        }
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all: String = format!("{whole}{fraction}");
    if whole.is_empty() || text.len() > 64 || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // All digits with zeros enough on both sides, cut at the point.
    let zeros = "0".repeat(1_100);
    let point = 1_100 + i32::try_from(whole.len()).unwrap() + exponent;
    let padded = format!("{zeros}{all}{zeros}");
    let (days, part) = padded.split_at(usize::try_from(point).unwrap());
    let days = days.trim_start_matches('0');
    let days: u64 = if days.is_empty() { 0 } else { days.parse().ok()? };
    // Eighteen decimals count: a double has fewer.
    let part: u128 = part[..18].parse().unwrap();
    let unit = 10_u128.pow(18);
    let seconds = u64::try_from((part * 86_400 * 2 + unit) / (2 * unit)).unwrap();
    let (day, second) = (days + seconds / 86_400, seconds % 86_400);
    if !(1..=LAST_DAY).contains(&days) || !date1904 && day == 60 {
        return None;
    }
    // Days before 1970: 25,569 from 1899-12-30, a day fewer before the leap day that never was, 24,107 from 1904-01-01.
    let epoch = if date1904 { 24_107 } else { 25_569 - i64::from(day < 60) };
    show(i64::try_from(day).unwrap() - epoch, second)
}

/// `YYYY-MM-DD`, then nothing, `hh:mm` or `hh:mm:ss` with a fraction.
fn iso(text: &str) -> Option<String> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "00:00"));
    let form = |text: &str, form: &str| {
        text.len() == form.len()
            && text
                .bytes()
                .zip(form.bytes())
                .all(|(byte, form)| if form == b'0' { byte.is_ascii_digit() } else { byte == form })
    };
    let (time, fraction) = match time.split_once('.') {
        Some((time, fraction)) if form(time, "00:00:00") => (time, fraction),
        Some(_) => return None,
        None => (time, "0"),
    };
    let decimals = !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit());
    if !form(date, "0000-00-00") || !(form(time, "00:00") || form(time, "00:00:00")) || !decimals {
        return None;
    }
    let number = |text: &str| text.parse::<u64>().unwrap();
    let (hour, minute, second) = (number(&time[..2]), number(&time[3..5]), time.get(6..).map_or(0, number));
    let days = days_from(number(&date[..4]), number(&date[5..7]), number(&date[8..]))?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = hour * 3_600 + minute * 60 + second + u64::from(fraction.as_bytes()[0] >= b'5');
    show(days + i64::try_from(seconds / 86_400).unwrap(), seconds % 86_400)
}

/// A time as a vendor types it: the groups of digits say what it must be.
fn typed(text: &str) {
    let Some(moment) = Moment::parse_sheet(text) else { return };
    let seconds = Moment(moment.0 - moment.0.rem_euclid(Moment::SECOND));
    assert_eq!(Moment::parse_sheet(&moment.sheet()), Some(seconds), "{text:?}");
    assert_eq!(Moment::parse_iso(&moment.iso()), Some(moment), "{text:?}");
    let text = text.strip_suffix("+00:00").unwrap_or(text);
    let groups: Vec<u64> = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|run| !run.is_empty())
        .map(|run| run.parse().unwrap())
        .collect();
    let (year, month, day) =
        if text.contains('/') { (groups[2], groups[0], groups[1]) } else { (groups[0], groups[1], groups[2]) };
    let at = |index: usize| groups.get(index).copied().unwrap_or(0);
    let fraction = text.split_once('.').map_or_else(String::new, |(_, fraction)| fraction.trim_end().replace('Z', ""));
    let micros: u64 = format!("{fraction:0<6}").parse().unwrap();
    let second = if groups.len() > 5 { at(5) } else { 0 };
    let of_day = at(3) * 3_600 + at(4) * 60 + second;
    let days = days_from(year, month, day).unwrap();
    let expected = (days * 86_400 + i64::try_from(of_day).unwrap()) * Moment::SECOND + i64::try_from(micros).unwrap();
    assert_eq!(moment.0, expected, "{text:?}");
}

/// Days since 1970, counted year by year.
fn days_from(year: u64, month: u64, day: u64) -> Option<i64> {
    let leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let lengths = [31, 28 + u64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    if year == 0 || !(1..=length).contains(&day) {
        return None;
    }
    let leaps = |year: u64| year / 4 - year / 100 + year / 400;
    let before = (year - 1) * 365 + leaps(year - 1);
    let months: u64 = lengths[..usize::try_from(month).ok()? - 1].iter().sum();
    Some(i64::try_from(before + months + day - 1).ok()? - 719_162)
}

/// A day since 1970 and a second of it, as sheets show it; none after 9999.
fn show(days: i64, second: u64) -> Option<String> {
    // From a year that is surely not too late, forward.
    let mut year = u64::try_from((days + 719_162) / 366).ok()?.max(1);
    while days_from(year + 1, 1, 1)? <= days {
        year += 1;
    }
    let month = (1..=12).rev().find(|month| days_from(year, *month, 1).is_some_and(|first| first <= days))?;
    let day = days - days_from(year, month, 1)? + 1;
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    (year <= 9_999).then(|| format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02}", second % 60))
}
