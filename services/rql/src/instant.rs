//! Instants in the forms that clients and fixtures write: a date, or a date and a time with or without fraction and
//! offset. Without an offset it is UTC, so that two texts of one instant compare equal.

const MICROSECONDS_PER_SECOND: i64 = 1_000_000;

/// The instant of a text, in microseconds since 1970; none if the text is no time.
pub(super) fn microseconds(text: &str) -> Option<i64> {
    let (date, clock) = match text.split_once(['T', 't', ' ']) {
        Some((date, clock)) => (date, Some(clock)),
        None => (text, None),
    };
    let midnight = days(date)? * 86_400 * MICROSECONDS_PER_SECOND;
    clock.map_or(Some(midnight), |clock| Some(midnight + time_of_day(clock)?))
}

/// Days since 1970-01-01 of `YYYY-MM-DD`; the month and the day may have one digit, as in Django.
fn days(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let (year, month, day) = (number(year, 4, 4)?, number(month, 1, 2)?, number(day, 1, 2)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if parts.next().is_some() || year == 0 || !(1..=days_of_month).contains(&day) {
        return None;
    }
    // The year starts in March here, so that the leap day is its last one.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    Some(365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468)
}

/// `HH:MM[:SS[.ffffff]][Z|±HH[[:]MM]]` in microseconds, the offset already taken off.
fn time_of_day(text: &str) -> Option<i64> {
    let (clock, offset_minutes) = if let Some(clock) = text.strip_suffix(['Z', 'z']) {
        (clock, 0)
    } else if let Some(sign) = text.rfind(['+', '-']) {
        let minutes = offset(&text[sign + 1..])?;
        (&text[..sign], if text[sign..].starts_with('-') { -minutes } else { minutes })
    } else {
        (text, 0)
    };
    let mut parts = clock.trim_end().split(':');
    let (hour, minute) = (number(parts.next()?, 1, 2)?, number(parts.next()?, 1, 2)?);
    let (second, fraction) = match parts.next() {
        Some(second) => second.split_once(['.', ',']).map_or((second, None), |(whole, part)| (whole, Some(part))),
        None => ("0", None),
    };
    let second = number(second, 1, 2)?;
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let seconds = hour * 3600 + (minute - offset_minutes) * 60 + second;
    Some(seconds * MICROSECONDS_PER_SECOND + fraction.map_or(Some(0), microseconds_of_fraction)?)
}

/// Minutes of `HH`, `HHMM` or `HH:MM`.
fn offset(text: &str) -> Option<i64> {
    let (hours, minutes) = match text.len() {
        2 => (text, "00"),
        4 => text.split_at_checked(2)?,
        _ => text.split_once(':')?,
    };
    let (hours, minutes) = (number(hours, 2, 2)?, number(minutes, 2, 2)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

/// Digits after the sixth are below what we keep, and are dropped as Django drops them.
fn microseconds_of_fraction(text: &str) -> Option<i64> {
    number(text, 1, 12)?;
    number(&format!("{text:0<6}")[..6], 6, 6)
}

fn number(text: &str, digits_min: usize, digits_max: usize) -> Option<i64> {
    let plain = (digits_min..=digits_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}
