//! Periods as people give them: days of a time zone, made into the instants of UTC that the ledger keeps.
//!
//! A day lasts from its first instant to the last second before the next one begins, whatever the clocks of the zone do
//! meanwhile. Shared by the API and the command line, so that both mean the same period.

use chrono::{DateTime, Duration, MappedLocalTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};
use ledger::Moment;
use ledger::fact::Period;
use thiserror::Error;

/// How far from UTC a zone can be, and a day more: where a change of its clocks is looked for.
const SEARCH_SECONDS: i64 = 48 * 3600;

/// Why a text is no period.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PeriodError {
    /// No such zone.
    #[error("\"{given}\" is no time zone of the IANA database. {hint}")]
    Zone {
        /// What was given.
        given: String,
        /// What could be meant.
        hint: String,
    },
    /// The first end can't be read.
    #[error(transparent)]
    From(TimeError),
    /// The last end can't be read.
    #[error(transparent)]
    To(TimeError),
    /// It ends before it begins.
    #[error("The period ends before it begins.")]
    Reversed,
}

/// Why a text is no instant.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TimeError {
    /// It is written in another way.
    #[error(
        "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DD or \
         YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z]."
    )]
    Format,
    /// The zone's calendar left the day out.
    #[error("There was no {day} in {zone}: its calendar left this day out. Give the day before or after it.")]
    NoSuchDay {
        /// The day as given.
        day: String,
        /// The zone.
        zone: &'static str,
    },
}

/// A time zone of the IANA database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone(Tz);

impl Zone {
    /// The zone of whoever names none.
    pub const UTC: Self = Self(Tz::UTC);

    /// The zone of a name such as `America/Los_Angeles`; a blank one is UTC.
    ///
    /// # Errors
    /// [`PeriodError::Zone`], with the name that could be meant.
    pub fn parse(name: &str) -> Result<Self, PeriodError> {
        let name = name.trim();
        if name.is_empty() {
            return Ok(Self::UTC);
        }
        let found = name.parse().ok().map(Self);
        found.ok_or_else(|| PeriodError::Zone { given: name.to_owned(), hint: hint(name) })
    }

    /// Its name in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// As the ledger keeps it: nothing where it is UTC.
    #[must_use]
    pub fn kept(self) -> String {
        if self == Self::UTC { String::new() } else { self.name().to_owned() }
    }

    /// The first instant at which the clocks of the zone show this time or a later one; of two equal times the first.
    fn first(self, local: NaiveDateTime) -> Moment {
        match self.0.from_local_datetime(&local) {
            MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => Moment(at.timestamp_micros()),
            MappedLocalTime::None => self.after_gap(local),
        }
    }

    /// The same, but of two equal times the second.
    fn last(self, local: NaiveDateTime) -> Moment {
        match self.0.from_local_datetime(&local) {
            MappedLocalTime::Ambiguous(_, at) => Moment(at.timestamp_micros()),
            _ => self.first(local),
        }
    }

    /// The instant at which clocks were put forward over a time that they never showed.
    fn after_gap(self, local: NaiveDateTime) -> Moment {
        let middle = local.and_utc().timestamp();
        let (mut before, mut after) = (middle - SEARCH_SECONDS, middle + SEARCH_SECONDS);
        while after - before > 1 {
            let at = before + (after - before) / 2;
            if self.shown(at).is_some_and(|shown| shown < local) {
                before = at;
            } else {
                after = at;
            }
        }
        Moment(after.saturating_mul(Moment::SECOND))
    }

    /// What the clocks of the zone show at an instant of UTC, in seconds.
    fn shown(self, seconds: i64) -> Option<NaiveDateTime> {
        let utc = DateTime::from_timestamp(seconds, 0)?.naive_utc();
        utc.checked_add_offset(self.0.offset_from_utc_datetime(&utc).fix())
    }
}

/// The names that somebody may have meant: the same letters, or the same place.
fn hint(name: &str) -> String {
    let place = |name: &str| name.rsplit('/').next().unwrap_or_default().to_ascii_lowercase().replace([' ', '-'], "_");
    let wanted = place(name);
    let near = TZ_VARIANTS.iter().find(|zone| place(zone.name()) == wanted);
    match near {
        Some(zone) => format!("Did you mean {}?", zone.name()),
        None => "Give a name such as America/Los_Angeles, Europe/Madrid or Asia/Kolkata.".to_owned(),
    }
}

/// The period from one text to another. Days, and times without an offset, are those of the zone.
///
/// # Errors
/// Where an end can't be read, or they are the wrong way round.
pub fn period(from: &str, to: &str, zone: Zone) -> Result<Period, PeriodError> {
    let from = Given::parse(from, zone).map_err(PeriodError::From)?.begin(zone);
    let to = Given::parse(to, zone).map_err(PeriodError::To)?.end(zone);
    if from > to { Err(PeriodError::Reversed) } else { Ok(Period { from, to }) }
}

/// An end of a period as it was written.
enum Given {
    /// With an offset: the same everywhere.
    Instant(Moment),
    /// What the clocks of the zone show.
    Local(NaiveDateTime),
    /// A whole day, by the midnight that it begins with.
    Day(NaiveDateTime),
}

impl Given {
    fn parse(text: &str, zone: Zone) -> Result<Self, TimeError> {
        let text = text.trim();
        if let Ok(time) = DateTime::parse_from_rfc3339(text) {
            return Ok(Self::Instant(Moment(time.timestamp_micros())));
        }
        let moment = Moment::parse_iso(text).ok_or(TimeError::Format)?;
        let local = moment.utc().naive_utc();
        if !text.contains(':') {
            // Where the calendar skips a day, the next one begins no later.
            let exists = zone.first(local) < zone.first(next_day(local));
            let missing = || TimeError::NoSuchDay { day: text.to_owned(), zone: zone.name() };
            return if exists { Ok(Self::Day(local)) } else { Err(missing()) };
        }
        let is_utc = text.ends_with('Z') || text.ends_with("+00:00");
        Ok(if is_utc { Self::Instant(moment) } else { Self::Local(local) })
    }

    fn begin(&self, zone: Zone) -> Moment {
        match self {
            Self::Instant(at) => *at,
            Self::Local(local) | Self::Day(local) => zone.first(*local),
        }
    }

    fn end(&self, zone: Zone) -> Moment {
        match self {
            Self::Instant(at) => *at,
            Self::Local(local) => zone.last(*local),
            Self::Day(local) => Moment(zone.first(next_day(*local)).0.saturating_sub(Moment::SECOND)),
        }
    }
}

fn next_day(midnight: NaiveDateTime) -> NaiveDateTime {
    midnight.checked_add_signed(Duration::days(1)).unwrap_or(midnight)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(from: &str, to: &str, zone: &str) -> String {
        match Zone::parse(zone).and_then(|zone| period(from, to, zone)) {
            Ok(period) => format!("{} .. {}", period.from.sheet(), period.to.sheet()),
            Err(error) => error.to_string(),
        }
    }

    /// Goal: a period is what a person at that place calls these days. Method: the instants stand here as the tables
    /// of the zones give them, worked out by hand from the offsets in force.
    #[test]
    fn days_of_a_zone_are_its_own_whatever_its_clocks_do() {
        for (from, to, zone, want) in [
            // Seed 003, header of a file.
            ("05/01/2021", "05/31/2021", "America/Los_Angeles", "2021-05-01 07:00:00 .. 2021-06-01 06:59:59"),
            ("2021-05-01", "2021-05-31", "", "2021-05-01 00:00:00 .. 2021-05-31 23:59:59"),
            // March loses an hour, November gains one.
            ("2026-03-01", "2026-03-31", "America/Los_Angeles", "2026-03-01 08:00:00 .. 2026-04-01 06:59:59"),
            ("2026-03-08", "2026-03-08", "America/Los_Angeles", "2026-03-08 08:00:00 .. 2026-03-09 06:59:59"),
            ("2026-11-01", "2026-11-01", "America/Los_Angeles", "2026-11-01 07:00:00 .. 2026-11-02 07:59:59"),
            // These days began at 01:00.
            ("2018-11-04", "2018-11-04", "America/Sao_Paulo", "2018-11-04 03:00:00 .. 2018-11-05 01:59:59"),
            ("2018-11-03", "2018-11-03", "America/Sao_Paulo", "2018-11-03 03:00:00 .. 2018-11-04 02:59:59"),
            ("2021-03-28", "2021-03-28", "Asia/Beirut", "2021-03-27 22:00:00 .. 2021-03-28 20:59:59"),
            // Clocks go back from midnight to 23:00: the hour belongs to the old day.
            ("2021-10-30", "2021-10-31", "Asia/Beirut", "2021-10-29 21:00:00 .. 2021-10-31 21:59:59"),
            // Midnight came twice.
            ("2021-11-07", "2021-11-07", "America/Havana", "2021-11-07 04:00:00 .. 2021-11-08 04:59:59"),
            // Half an hour, and three quarters.
            ("2021-04-04", "2021-04-04", "Australia/Lord_Howe", "2021-04-03 13:00:00 .. 2021-04-04 13:29:59"),
            ("2021-10-03", "2021-10-03", "Australia/Lord_Howe", "2021-10-02 13:30:00 .. 2021-10-03 12:59:59"),
            ("2021-05-01", "2021-05-31", "Asia/Kathmandu", "2021-04-30 18:15:00 .. 2021-05-31 18:14:59"),
            // Friday 30 December 2011 was left out.
            ("2011-12-29", "2011-12-31", "Pacific/Apia", "2011-12-29 10:00:00 .. 2011-12-31 09:59:59"),
            ("2011-12-29", "2011-12-29", "Pacific/Apia", "2011-12-29 10:00:00 .. 2011-12-30 09:59:59"),
        ] {
            assert_eq!(shown(from, to, zone), want, "{from} {to} {zone}");
        }
    }

    #[test]
    fn times_with_an_offset_are_instants_and_those_without_one_are_the_zones() {
        for (from, to, zone, want) in [
            (
                "2026-05-01T00:00:00Z",
                "2026-05-31T23:59:59Z",
                "Asia/Tokyo",
                "2026-05-01 00:00:00 .. 2026-05-31 23:59:59",
            ),
            ("2026-05-01T00:00:00+02:00", "2026-05-02", "", "2026-04-30 22:00:00 .. 2026-05-02 23:59:59"),
            ("2026-05-01T09:00", "2026-05-01T18:00", "Asia/Tokyo", "2026-05-01 00:00:00 .. 2026-05-01 09:00:00"),
            ("2026-05-01T09:00Z", "2026-05-01T18:00Z", "Asia/Tokyo", "2026-05-01 09:00:00 .. 2026-05-01 18:00:00"),
            // 02:30 was skipped on one day and came twice on another: the widest period is meant.
            ("2026-03-08T02:30", "2026-03-09", "America/Los_Angeles", "2026-03-08 10:00:00 .. 2026-03-10 06:59:59"),
            (
                "2026-11-01T01:30",
                "2026-11-01T01:30",
                "America/Los_Angeles",
                "2026-11-01 08:30:00 .. 2026-11-01 09:30:00",
            ),
        ] {
            assert_eq!(shown(from, to, zone), want, "{from} {to} {zone}");
        }
    }

    #[test]
    fn what_is_no_period_is_refused_with_what_would_be_right() {
        let formats = "Datetime has wrong format. Use one of these formats instead: YYYY-MM-DD or \
                       YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].";
        for (from, to, zone, want) in [
            ("2026-05-31", "2026-05-01", "Asia/Tokyo", "The period ends before it begins."),
            ("31.05.2026", "2026-05-01", "", formats),
            ("2026-05-01", "", "", formats),
            (
                "2011-12-30",
                "2011-12-31",
                "Pacific/Apia",
                "There was no 2011-12-30 in Pacific/Apia: its calendar left this day out. Give the day before or after it.",
            ),
            (
                "2026-05-01",
                "2026-05-31",
                "PST8",
                "\"PST8\" is no time zone of the IANA database. Give a name such as America/Los_Angeles, Europe/Madrid \
                 or Asia/Kolkata.",
            ),
            (
                "2026-05-01",
                "2026-05-31",
                "los angeles",
                "\"los angeles\" is no time zone of the IANA database. Did you mean America/Los_Angeles?",
            ),
        ] {
            assert_eq!(shown(from, to, zone), want, "{from} {to} {zone}");
        }
    }
}
