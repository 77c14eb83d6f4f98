//! Instants: whole microseconds since 1970 in UTC. The clock that gives them lives in the runtime.

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

/// An instant in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment(pub i64);

impl Moment {
    /// Microseconds in a second.
    pub const SECOND: i64 = 1_000_000;
    /// Microseconds in a day.
    pub const DAY: i64 = 86_400 * Self::SECOND;

    /// The instant as chrono's type; an instant beyond chrono's years is shown as 1970.
    #[must_use]
    pub fn utc(self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0).unwrap_or_default()
    }

    /// Year and month in UTC: part of a usage file's id.
    #[must_use]
    pub fn month(self) -> (u16, u8) {
        let utc = self.utc();
        (u16::try_from(utc.year()).unwrap_or(1970), u8::try_from(utc.month()).unwrap_or(1))
    }

    /// `2026-11-22T00:26:46.000000+00:00`, as the API writes instants (connect-api §3).
    #[must_use]
    pub fn iso(self) -> String {
        self.utc().to_rfc3339_opts(SecondsFormat::Micros, false)
    }

    /// `2026-11-22 00:26:46`, as workbooks write instants (connect-api §4.4).
    #[must_use]
    pub fn sheet(self) -> String {
        self.utc().format("%Y-%m-%d %H:%M:%S").to_string()
    }

    /// `11/22/2026`, as names of periods write days (connect-api §3.1).
    #[must_use]
    pub fn us_date(self) -> String {
        self.utc().format("%m/%d/%Y").to_string()
    }

    /// Reads a time of a usage record: `YYYY-MM-DD hh:mm:ss` or `MM/DD/YYYY hh:mm:ss` (seed 003), with the variants
    /// that real producers write: no zero padding, no time, `T` and `Z` (connect-api §4.2).
    #[must_use]
    pub fn parse_sheet(text: &str) -> Option<Self> {
        let text = text.trim();
        let (date, time) = match text.find([' ', 'T']) {
            Some(at) => (&text[..at], text[at + 1..].trim_start()),
            None => (text, ""),
        };
        let date = if date.contains('/') {
            let [month, day, year] = numbers(date, '/', [2, 2, 4])?;
            NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?
        } else {
            let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
            NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?
        };
        (1900..=9999).contains(&date.year()).then_some(())?;
        Some(Self::of(date.and_time(clock_time(time)?)))
    }

    /// Reads an instant of the API: a date, or a date and time with or without an offset.
    #[must_use]
    pub fn parse_iso(text: &str) -> Option<Self> {
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Some(Self(time.timestamp_micros()));
        }
        Self::parse_sheet(text)
    }

    /// The start of a day.
    #[must_use]
    pub fn of_date(date: NaiveDate) -> Self {
        Self::of(date.and_time(NaiveTime::MIN))
    }

    fn of(time: NaiveDateTime) -> Self {
        Self(time.and_utc().timestamp_micros())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.iso())
    }
}

/// Three groups of digits; a group may be shorter than its width, except a year.
fn numbers(text: &str, separator: char, widths: [usize; 3]) -> Option<[u32; 3]> {
    let mut groups = text.split(separator);
    let mut found = [0; 3];
    for (slot, width) in found.iter_mut().zip(widths) {
        let group = groups.next()?;
        let fits = if width == 4 { group.len() == 4 } else { (1..=width).contains(&group.len()) };
        *slot = (fits && group.bytes().all(|b| b.is_ascii_digit())).then(|| group.parse().ok())??;
    }
    groups.next().is_none().then_some(found)
}

fn clock_time(text: &str) -> Option<NaiveTime> {
    if text.is_empty() {
        return Some(NaiveTime::MIN);
    }
    let text = text.strip_suffix('Z').unwrap_or(text);
    let text = text.strip_suffix("+00:00").unwrap_or(text);
    let (text, micros) = match text.split_once('.') {
        // A fraction is one of seconds: behind minutes it may mean anything.
        Some((text, fraction)) if text.matches(':').count() == 2 => (text, micros(fraction)?),
        Some(_) => return None,
        None => (text, 0),
    };
    let mut groups = text.split(':').map(|group| {
        let fits = (1..=2).contains(&group.len()) && group.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| group.parse::<u32>().ok())?
    });
    let (hour, minute) = (groups.next()??, groups.next()??);
    let second = groups.next().unwrap_or(Some(0))?;
    groups.next().is_none().then_some(())?;
    NaiveTime::from_hms_micro_opt(hour, minute, second, micros)
}

fn micros(fraction: &str) -> Option<u32> {
    let fits = (1..=6).contains(&fraction.len()) && fraction.bytes().all(|b| b.is_ascii_digit());
    fits.then(|| format!("{fraction:0<6}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, want: &str) {
        let read = Moment::parse_sheet(text).map_or_else(|| "-".to_owned(), Moment::sheet);
        assert_eq!(read, want, "{text}");
    }

    #[test]
    fn the_formats_of_the_seeds_and_of_real_producers_are_read() {
        check("2021-01-23 07:21:39", "2021-01-23 07:21:39");
        check("06/01/2021 02:59:00", "2021-06-01 02:59:00");
        check("6/1/2021 2:59:00", "2021-06-01 02:59:00");
        check("2020-02-25 9:21:39", "2020-02-25 09:21:39");
        check("2020-02-25", "2020-02-25 00:00:00");
        check("2020-10-20 09:20", "2020-10-20 09:20:00");
        check("2026-05-01T00:00:00Z", "2026-05-01 00:00:00");
        check(" 2026-05-01 00:00:00 ", "2026-05-01 00:00:00");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2021-02-30 00:00:00",
            "13/01/2021 00:00:00",
            "2021-01-01 24:00:00",
            "44000.5",
            "2021-01-01 00:00:60",
            "21-01-01",
            "2021-1-1-1",
            "0001-01-01",
            "2021-01-01 1:2:3:4",
            "2021-01-01 10:20.5",
        ] {
            check(text, "-");
        }
    }

    #[test]
    fn an_instant_of_the_api_may_carry_an_offset() {
        let read = Moment::parse_iso("2026-05-01T00:00:00-07:00").map(Moment::iso);
        assert_eq!(read.as_deref(), Some("2026-05-01T07:00:00.000000+00:00"));
    }
}
