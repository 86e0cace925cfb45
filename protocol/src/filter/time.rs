//! Dates and instants of a filter: `2024-07-14`, `2024-07-14T10:30:00+02:00`, and `07-14`.
//!
//! Read here without any library of dates, for the protocol knows no zones: an instant has its
//! offset with it, and a date is compared by the reader with the date where the photo was taken.
//! Years are 1 to 9999. The hazard: 31 February, or a month 13, that somebody else rounds.

use std::fmt;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};

use crate::value::parsed;

/// Why a text is no date of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimeError {
    /// Neither a date nor an instant.
    #[error("a time is a date such as 2024-07-14, or an instant such as 2024-07-14T10:30:00+02:00")]
    Moment,
    /// Not a day of a year.
    #[error("a day of the year is a month and a day such as 07-14")]
    MonthDay,
}

/// A day of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    year: u16,
    month: u8,
    day: u8,
}

impl Day {
    /// Returns a day that there is.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let there = (1..=9_999).contains(&year) && (1..=days_in(year, month)).contains(&day);
        there.then_some(Self { year, month, day })
    }

    /// The year, 1 to 9999.
    #[must_use]
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    #[must_use]
    pub fn day(self) -> u8 {
        self.day
    }

    /// Days since 1970-01-01, by the calendar that holds today.
    #[must_use]
    pub fn since_1970(self) -> i64 {
        // Years are counted from March, so that a leap day is the last of its year.
        let early = self.month <= 2;
        let year = i64::from(self.year) - i64::from(early);
        let month = i64::from(self.month) + if early { 9 } else { -3 };
        let of_year = (153 * month + 2) / 5 + i64::from(self.day) - 1;
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + of_year
            - 719_468
    }
}

/// 0 for a month that there is not.
fn days_in(year: u16, month: u8) -> u8 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

/// One end of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The beginning of a day: where the photo was taken, or in UTC where that has no meaning.
    Day(Day),
    /// An instant.
    Instant(Instant),
}

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(i64);

impl Instant {
    /// Returns the microseconds since 1970-01-01T00:00:00Z, negative before.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.0
    }
}

impl Moment {
    /// Reads a date or an instant.
    ///
    /// # Errors
    /// [`TimeError::Moment`] for anything else.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        read_moment(text).ok_or(TimeError::Moment)
    }
}

fn read_moment(text: &str) -> Option<Moment> {
    let day = read_day(text.get(..10)?)?;
    let Some(rest) = text.get(10..).filter(|rest| !rest.is_empty()) else {
        return Some(Moment::Day(day));
    };
    let (clock, rest) = rest.strip_prefix(['T', ' '])?.split_at_checked(8)?;
    let seconds = read_clock(clock)?;
    let (micros, zone) = match rest.strip_prefix('.') {
        Some(rest) => {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (fraction, zone) = rest.split_at_checked(digits)?;
            (read_fraction(fraction)?, zone)
        }
        None => (0, rest),
    };
    let seconds = day.since_1970() * 86_400 + seconds - read_zone(zone)?;
    Some(Moment::Instant(Instant(seconds * 1_000_000 + micros)))
}

fn read_day(text: &str) -> Option<Day> {
    let mut parts = text.split('-');
    let mut part = |digits| number(parts.next()?, digits);
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    Day::new(u16::try_from(year).ok()?, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
}

/// Seconds of a day; the 60th second of a minute is none of ours.
fn read_clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let mut part = |below: u32| number(parts.next()?, 2).filter(|it| *it < below);
    let (hour, minute, second) = (part(24)?, part(60)?, part(60)?);
    Some(i64::from(hour * 3_600 + minute * 60 + second))
}

/// Microseconds of one to nine digits; what is finer is left out.
fn read_fraction(digits: &str) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    format!("{digits:0<9}").parse::<i64>().ok().map(|nanos| nanos / 1_000)
}

/// Seconds east of UTC.
fn read_zone(text: &str) -> Option<i64> {
    if text == "Z" {
        return Some(0);
    }
    let (sign, there) = text.split_at_checked(1)?;
    let (hours, minutes) = there.split_once(':')?;
    let hours = number(hours, 2).filter(|it| *it < 24)?;
    let minutes = number(minutes, 2).filter(|it| *it < 60)?;
    let ahead = i64::from(hours * 3_600 + minutes * 60);
    match sign {
        "+" => Some(ahead),
        "-" => Some(-ahead),
        _ => None,
    }
}

fn number(text: &str, digits: usize) -> Option<u32> {
    let all = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Instant(instant) => instant.fmt(f),
        }
    }
}

impl fmt::Display for Instant {
    /// In UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, micros) = (self.0.div_euclid(1_000_000), self.0.rem_euclid(1_000_000));
        let clock = seconds.rem_euclid(86_400);
        write!(f, "{}T", day_at(seconds.div_euclid(86_400)))?;
        write!(f, "{:02}:{:02}:{:02}", clock / 3_600, clock / 60 % 60, clock % 60)?;
        if micros != 0 {
            write!(f, ".{micros:06}")?;
        }
        f.write_str("Z")
    }
}

/// The other way round; an offset may lead one day beyond the first and the last year.
fn day_at(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", year + era * 400 + later)
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, Self::parse)
    }
}

/// From a moment on, and up to another, which does not belong to it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(deny_unknown_fields, extend("minProperties" = 1)))]
pub struct Span {
    /// The first that belongs to it; without, there is no first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Moment>,
    /// The first that does not any more; without, there is no last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Moment>,
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Ends {
            from: Option<Moment>,
            to: Option<Moment>,
        }
        let Ends { from, to } = Ends::deserialize(deserializer)?;
        if from.is_none() && to.is_none() {
            return Err(de::Error::custom("a span of time has \"from\", \"to\" or both"));
        }
        Ok(Self { from, to })
    }
}

/// A day of every year.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthDay {
    month: u8,
    day: u8,
}

impl MonthDay {
    /// Reads `07-14`; 29 February is a day of some years.
    ///
    /// # Errors
    /// [`TimeError::MonthDay`] for anything else.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let day = text.split_once('-').and_then(|(month, day)| {
            let (month, day) = (number(month, 2)?, number(day, 2)?);
            Day::new(2_000, u8::try_from(month).ok()?, u8::try_from(day).ok()?)
        });
        day.map(|day| Self { month: day.month, day: day.day }).ok_or(TimeError::MonthDay)
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    #[must_use]
    pub fn day(self) -> u8 {
        self.day
    }
}

impl Serialize for MonthDay {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:02}-{:02}", self.month, self.day))
    }
}

impl<'de> Deserialize<'de> for MonthDay {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, Self::parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn micros(text: &str) -> i64 {
        match Moment::parse(text).unwrap() {
            Moment::Instant(instant) => instant.micros(),
            Moment::Day(day) => day.since_1970() * 86_400_000_000,
        }
    }

    #[test]
    fn instants_and_days_are_counted_from_1970() {
        for (text, seconds) in [
            ("1970-01-01", 0),
            ("1969-12-31T23:59:59Z", -1),
            ("2001-01-01T00:00:00Z", 978_307_200),
            ("2000-02-29", 951_782_400),
            ("2024-03-01T00:30:00+02:00", 1_709_245_800),
            ("0001-01-01", -62_135_596_800),
            ("9999-12-31T23:59:59Z", 253_402_300_799),
        ] {
            assert_eq!(micros(text), seconds * 1_000_000, "{text}");
        }
        assert_eq!(micros("1970-01-01T00:00:00.0220009-00:00"), 22_000);
    }

    #[test]
    fn what_is_printed_reads_as_the_same() {
        for text in ["2024-02-29", "2018-09-28T20:09:33.022000Z", "1583-12-31T23:59:59Z"] {
            assert_eq!(Moment::parse(text).unwrap().to_string(), text);
        }
        let far = Moment::parse("2018-09-28T16:09:33-04:00").unwrap();
        assert_eq!(far.to_string(), "2018-09-28T20:09:33Z");
    }

    #[test]
    fn refuses_days_that_there_are_not_and_other_forms() {
        for text in [
            "",
            "2024",
            "2023-02-29",
            "1900-02-29",
            "2024-04-31",
            "2024-13-01",
            "2024-00-01",
            "2024-1-1",
            "0000-01-01",
            "10000-01-01",
            "2024-07-14T",
            "2024-07-14T10:30",
            "2024-07-14T10:30:00",
            "2024-07-14T24:00:00Z",
            "2024-07-14T10:30:60Z",
            "2024-07-14T10:30:00.Z",
            "2024-07-14T10:30:00.0000000000Z",
            "2024-07-14T10:30:00+2:00",
            "2024-07-14T10:30:00+24:00",
            "2024-07-14Zürich",
            "+024-07-14",
            "2024-07-é4",
        ] {
            assert_eq!(Moment::parse(text), Err(TimeError::Moment), "{text}");
        }
        for text in ["02-30", "13-01", "7-14", "0714", "", "07-14-01"] {
            assert_eq!(MonthDay::parse(text), Err(TimeError::MonthDay), "{text}");
        }
        assert!(MonthDay::parse("02-29").is_ok());
    }

    #[test]
    fn a_span_has_at_least_one_end_and_no_other_key() {
        let parse = |text: &str| serde_json::from_str::<Span>(text);
        assert!(parse(r#"{"from":"2024-01-01"}"#).is_ok());
        assert!(parse(r#"{"from":"2024-01-01","to":"2025-01-01T00:00:00Z"}"#).is_ok());
        for text in ["{}", r#"{"from":null}"#, r#"{"since":"2024-01-01"}"#, r#"{"from":1}"#] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
