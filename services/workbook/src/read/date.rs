//! Dates from serial numbers and from ISO text, in whole numbers only.
//!
//! A serial is a decimal count of days. Seconds are `serial × 86,400` rounded to the nearest whole one, computed on
//! the digits of the text, because readers that go through a double have been off by milliseconds.

use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike};

/// Why a date is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DateFault {
    /// The cell has a date format and holds something that is no plain number.
    NotANumber,
    /// Before the first day of the calendar (serials below 1), so at best a time of day.
    BeforeCalendar,
    /// 29 February 1900, a day that only spreadsheets know (serial 60).
    LeapDay1900,
    /// After 9999-12-31.
    AfterCalendar,
    /// The format shows a time or a duration but no date.
    TimeOnly,
    /// Text in a date cell that is not `YYYY-MM-DD`, with or without a time.
    NotIso,
}

const SECONDS_PER_DAY: u128 = 86_400;
/// Decimals of a serial that count: a double has fewer.
const PLACES: i32 = 18;
const ONE_DAY: u128 = 1_000_000_000_000_000_000;
/// 9999-12-31 as a serial.
const SERIAL_MAX: u64 = 2_958_465;

/// Appends the date of a serial as `YYYY-MM-DD hh:mm:ss`.
pub(super) fn write_serial(raw: &str, date1904: bool, out: &mut String) -> Result<(), DateFault> {
    let (whole, fraction) = split_serial(raw)?;
    if whole == 0 {
        return Err(DateFault::BeforeCalendar);
    }
    let seconds = (fraction * SECONDS_PER_DAY + ONE_DAY / 2) / ONE_DAY;
    let day = whole + u64::from(seconds == SECONDS_PER_DAY);
    let seconds = u32::try_from(seconds % SECONDS_PER_DAY).map_err(|_| DateFault::NotANumber)?;
    let epoch = match (date1904, day) {
        (true, _) => NaiveDate::from_ymd_opt(1904, 1, 1),
        (false, 60) => return Err(DateFault::LeapDay1900),
        (false, ..60) => NaiveDate::from_ymd_opt(1899, 12, 31),
        (false, _) => NaiveDate::from_ymd_opt(1899, 12, 30),
    };
    let date = epoch.and_then(|epoch| epoch.checked_add_days(Days::new(day))).filter(|date| date.year() <= 9999);
    let date = date.ok_or(DateFault::AfterCalendar)?;
    write_date(date, seconds, out);
    Ok(())
}

/// Whole days, and the fraction of a day in units of 10^-18.
fn split_serial(raw: &str) -> Result<(u64, u128), DateFault> {
    const LENGTH_MAX: usize = 64;
    let text = raw.strip_prefix('+').unwrap_or(raw);
    if let Some(rest) = text.strip_prefix('-') {
        let number = rest.starts_with(|c: char| c.is_ascii_digit());
        return Err(if number { DateFault::BeforeCalendar } else { DateFault::NotANumber });
    }
    if text.len() > LENGTH_MAX {
        return Err(DateFault::NotANumber);
    }
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (text.get(..at).unwrap_or_default(), parse_exponent(text.get(at + 1..).unwrap_or_default())?),
        None => (text, 0),
    };
    let (before, after) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if before.is_empty() || !digits_only(before) || !digits_only(after) {
        return Err(DateFault::NotANumber);
    }
    // The digit at a power of ten, wherever the exponent has moved the point to.
    let point = i32::try_from(before.len()).map_err(|_| DateFault::NotANumber)? + exponent;
    let digit = |position: i32| -> u64 {
        let Ok(position) = usize::try_from(position) else { return 0 };
        let byte = before.as_bytes().get(position).or_else(|| after.as_bytes().get(position - before.len()));
        byte.map_or(0, |byte| u64::from(byte - b'0'))
    };
    let mut whole = 0_u64;
    for position in 0..point {
        whole = whole * 10 + digit(position);
        if whole > SERIAL_MAX {
            return Err(DateFault::AfterCalendar);
        }
    }
    let fraction = (0..PLACES).fold(0_u64, |sum, place| sum * 10 + digit(point + place));
    Ok((whole, u128::from(fraction)))
}

fn parse_exponent(text: &str) -> Result<i32, DateFault> {
    const DIGITS_MAX: usize = 3;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || digits.len() > DIGITS_MAX || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DateFault::NotANumber);
    }
    text.parse().map_err(|_| DateFault::NotANumber)
}

/// Appends an ISO 8601 date, with or without a time, as `YYYY-MM-DD hh:mm:ss`.
pub(super) fn write_iso(raw: &str, out: &mut String) -> Result<(), DateFault> {
    let text = raw.strip_suffix('Z').unwrap_or(raw);
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None if text.contains(':') => return Err(DateFault::TimeOnly),
        None => (text, None),
    };
    let time = time.unwrap_or("00:00");
    let (clock, fraction) = time.split_once('.').map_or((time, None), |(clock, fraction)| (clock, Some(fraction)));
    let whole = has_form(date, "0000-00-00") && (has_form(clock, "00:00:00") || has_form(time, "00:00"));
    let decimals = fraction.is_none_or(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()));
    if !whole || !decimals {
        return Err(DateFault::NotIso);
    }
    let date = NaiveDate::parse_from_str(date, "%Y-%m-%d").map_err(|_| DateFault::NotIso)?;
    if date.year() < 1 {
        return Err(DateFault::BeforeCalendar);
    }
    let time = match time {
        time if has_form(time, "00:00") => NaiveTime::parse_from_str(time, "%H:%M"),
        time => NaiveTime::parse_from_str(time, "%H:%M:%S%.f"),
    };
    let time = time.map_err(|_| DateFault::NotIso)?;
    // A leap second shows more than 10^9 nanoseconds; no spreadsheet has one.
    let rounds_up = match time.nanosecond() {
        0..500_000_000 => 0,
        500_000_000..1_000_000_000 => 1,
        _ => return Err(DateFault::NotIso),
    };
    let moment = NaiveDateTime::new(date, time).checked_add_signed(TimeDelta::seconds(rounds_up));
    let moment = moment.filter(|moment| moment.year() <= 9999).ok_or(DateFault::AfterCalendar)?;
    write_date(moment.date(), moment.num_seconds_from_midnight(), out);
    Ok(())
}

/// Whether a text has digits where the form has zeros, and the form's other characters elsewhere. Parsers of dates take
/// signs and blanks as well.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, form)| if form == b'0' { byte.is_ascii_digit() } else { byte == form })
}

fn write_date(date: NaiveDate, seconds: u32, out: &mut String) {
    let mut put = |value: u32, width: u32, after: &str| {
        for place in (0..width).rev() {
            let digit = u8::try_from(value / 10_u32.pow(place) % 10).unwrap_or_default();
            out.push(char::from(b'0' + digit));
        }
        out.push_str(after);
    };
    put(date.year().unsigned_abs(), 4, "-");
    put(date.month(), 2, "-");
    put(date.day(), 2, " ");
    put(seconds / 3_600, 2, ":");
    put(seconds / 60 % 60, 2, ":");
    put(seconds % 60, 2, "");
}

impl DateFault {
    /// The fault in words.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::NotANumber => "a cell with a date format must hold a date",
            Self::BeforeCalendar => "a date before 1900 (or a time without a date) is not allowed",
            Self::LeapDay1900 => "29 February 1900 does not exist",
            Self::AfterCalendar => "a date after 9999-12-31 is not allowed",
            Self::TimeOnly => "the cell's format shows a time without a date",
            Self::NotIso => "a date must be written YYYY-MM-DD hh:mm:ss",
        }
    }
}

impl std::fmt::Display for DateFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, date1904: bool, expected: Result<&str, DateFault>) {
        let mut out = String::new();
        let result = write_serial(raw, date1904, &mut out);
        assert_eq!(result.map(|()| out.as_str()), expected, "{raw} (1904: {date1904})");
    }

    #[test]
    fn serials_become_dates_to_the_nearest_second() {
        check("1", false, Ok("1900-01-01 00:00:00"));
        check("59", false, Ok("1900-02-28 00:00:00"));
        check("61", false, Ok("1900-03-01 00:00:00"));
        check("44378", false, Ok("2021-07-01 00:00:00"));
        check("44378.5", false, Ok("2021-07-01 12:00:00"));
        check("44378.999988425923", false, Ok("2021-07-01 23:59:59"));
        check("44378.99999999", false, Ok("2021-07-02 00:00:00"));
        check("44378.000011574075", false, Ok("2021-07-01 00:00:01"));
        check("4.4378E4", false, Ok("2021-07-01 00:00:00"));
        check("443785e-1", false, Ok("2021-07-01 12:00:00"));
        check("+44378", false, Ok("2021-07-01 00:00:00"));
        check("2958465.99998", false, Ok("9999-12-31 23:59:58"));
        check("42916", true, Ok("2021-07-01 00:00:00"));
        check("60", true, Ok("1904-03-01 00:00:00"));
    }

    #[test]
    fn what_is_no_date_says_why() {
        check("60", false, Err(DateFault::LeapDay1900));
        check("60.5", false, Err(DateFault::LeapDay1900));
        check("59.9999999", false, Err(DateFault::LeapDay1900));
        check("0", false, Err(DateFault::BeforeCalendar));
        check("0.75", false, Err(DateFault::BeforeCalendar));
        check("0.75", true, Err(DateFault::BeforeCalendar));
        check("-3", false, Err(DateFault::BeforeCalendar));
        check("1e-300", false, Err(DateFault::BeforeCalendar));
        check("2958466", false, Err(DateFault::AfterCalendar));
        check("2958465.9999999", false, Err(DateFault::AfterCalendar));
        check("2957004", true, Err(DateFault::AfterCalendar));
        check("1e300", false, Err(DateFault::AfterCalendar));
        for raw in ["", "-", "NaN", "-x", "0x10", "1,5", "1e", "1e9999", "1.2.3", "٣", "1e+-3", ".5", "--1"] {
            check(raw, false, Err(DateFault::NotANumber));
        }
    }

    #[test]
    fn iso_text_becomes_the_same_form() {
        let check = |raw: &str, expected: Result<&str, DateFault>| {
            let mut out = String::new();
            assert_eq!(write_iso(raw, &mut out).map(|()| out.as_str()), expected, "{raw}");
        };
        check("2021-07-01", Ok("2021-07-01 00:00:00"));
        check("2021-07-01T12:30", Ok("2021-07-01 12:30:00"));
        check("2021-07-01T12:30:15Z", Ok("2021-07-01 12:30:15"));
        check("2021-07-01T23:59:59.999", Ok("2021-07-02 00:00:00"));
        check("12:30:15", Err(DateFault::TimeOnly));
        check("2021-02-30", Err(DateFault::NotIso));
        check("2021-7-1", Err(DateFault::NotIso));
        check("0000-12-31T23:59:59.6", Err(DateFault::BeforeCalendar));
        check("+2021-7-01", Err(DateFault::NotIso));
        check("2021-07-01T+1:30", Err(DateFault::NotIso));
        check("2021-07-01T12:30:15.", Err(DateFault::NotIso));
        check("2021-07-01T12:30.5", Err(DateFault::NotIso));
        check("2021-07-01T12:30:15+02:00", Err(DateFault::NotIso));
        check("9999-12-31T23:59:59.9", Err(DateFault::AfterCalendar));
    }
}
