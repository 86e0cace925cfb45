//! Dates: seconds since 2001 as Photos keeps them, and the zone that a photo was taken in.
//!
//! Zones come from the bundled database alone, so that a library gives the same tree on every
//! machine; no clock and no local zone is known here. A name beats the stored offset (seen:
//! America/Chicago with -18000 in winter); `GMT-0400` is no name. The hazard: a sum or rounding
//! done otherwise than the reference does gives other microseconds.

use std::fmt;
use std::sync::OnceLock;

use jiff::civil::DateTime;
use jiff::tz::TimeZoneDatabase;
use jiff::{SignedDuration, Timestamp};

/// Seconds from 1970 to 2001, where Core Data's time begins.
const APPLE_EPOCH: f64 = 978_307_200.0;
/// 0001-01-01T00:00:00Z, the first second that is a date.
const FIRST_SECOND: i64 = -62_135_596_800;
/// 9999-12-31T23:59:59Z, the last.
const LAST_SECOND: i64 = 253_402_300_799;
/// Seconds from UTC that are an offset: below a day, as RFC 3339 has it. Real ones are within 14
/// hours.
const MAX_OFFSET_SECONDS: i32 = 86_399;
/// Names of zones have at most 38 bytes.
const MAX_ZONE_BYTES: usize = 64;

/// An instant with the offset that it is told in; the year is 1 to 9999, here and there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    seconds: i64,
    micros: u32,
    offset: i32,
}

impl Date {
    /// Reads seconds since 2001, told in UTC; none outside the years 1 to 9999.
    pub(crate) fn utc(stored: f64) -> Option<Self> {
        let (seconds, micros) = split(stored)?;
        Some(Self { seconds, micros, offset: 0 })
    }

    /// Reads seconds since 2001, told in the zone of that name, else with that offset, else in UTC.
    pub(crate) fn zoned(stored: f64, offset: Option<i64>, zone: Option<&str>) -> Option<Self> {
        let (seconds, micros) = split(stored)?;
        let offset = zone
            .and_then(|name| offset_of_zone(name.trim(), seconds))
            .or_else(|| i32::try_from(offset?).ok())
            .filter(|it| it.checked_abs().is_some_and(|it| it <= MAX_OFFSET_SECONDS))
            .unwrap_or(0);
        let date = Self { seconds, micros, offset };
        let year = civil(seconds, offset)?.year();
        (1..=9_999).contains(&year).then_some(date)
    }

    /// Seconds since 1970-01-01T00:00:00Z, negative before.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.seconds
    }

    /// Microseconds after that second.
    #[must_use]
    pub fn microseconds(self) -> u32 {
        self.micros
    }

    /// The year there, 1 to 9999.
    #[must_use]
    pub fn year(self) -> u16 {
        self.civil().year().unsigned_abs()
    }

    /// The month there, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.civil().month().unsigned_abs()
    }

    /// The day of the month there, 1 to 31.
    #[must_use]
    pub fn day(self) -> u8 {
        self.civil().day().unsigned_abs()
    }

    /// The hour there, 0 to 23.
    #[must_use]
    pub fn hour(self) -> u8 {
        self.civil().hour().unsigned_abs()
    }

    /// The minute there.
    #[must_use]
    pub fn minute(self) -> u8 {
        self.civil().minute().unsigned_abs()
    }

    /// The second there.
    #[must_use]
    pub fn second(self) -> u8 {
        self.civil().second().unsigned_abs()
    }

    /// Writes `2018-09-28T16:09:33.022000-04:00`; no fraction where it is zero. A page of records
    /// has thousands of dates, so no formatter is asked for their digits.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        let there = self.civil();
        let two = |out: &mut Vec<u8>, number: u32, after: &[u8]| {
            digits::<2>(out, number);
            out.extend_from_slice(after);
        };
        digits::<4>(out, u32::from(there.year().unsigned_abs()));
        out.push(b'-');
        two(out, u32::from(there.month().unsigned_abs()), b"-");
        two(out, u32::from(there.day().unsigned_abs()), b"T");
        two(out, u32::from(there.hour().unsigned_abs()), b":");
        two(out, u32::from(there.minute().unsigned_abs()), b":");
        two(out, u32::from(there.second().unsigned_abs()), b"");
        if self.micros != 0 {
            out.push(b'.');
            digits::<6>(out, self.micros);
        }
        let ahead = self.offset.unsigned_abs();
        out.push(if self.offset < 0 { b'-' } else { b'+' });
        two(out, ahead / 3_600, b":");
        two(out, ahead / 60 % 60, b"");
        // Local mean times before 1900 have seconds.
        if !ahead.is_multiple_of(60) {
            out.push(b':');
            two(out, ahead % 60, b"");
        }
    }

    fn civil(self) -> DateTime {
        civil(self.seconds, self.offset).unwrap_or(EPOCH)
    }
}

/// Where civil dates are counted from.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The date there. Not through a timestamp: those end a day before the year 9999 does.
fn civil(seconds: i64, offset: i32) -> Option<DateTime> {
    let there = seconds.checked_add(i64::from(offset))?;
    EPOCH.checked_add(SignedDuration::from_secs(there)).ok()
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        self.write(&mut text);
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

/// Writes the last so many digits of a number.
fn digits<const COUNT: usize>(out: &mut Vec<u8>, mut number: u32) {
    let mut text = [b'0'; COUNT];
    for digit in text.iter_mut().rev() {
        *digit += u8::try_from(number % 10).unwrap_or_default();
        number /= 10;
    }
    out.extend_from_slice(&text);
}

/// The sum is made in double precision first, as the reference does: that decides the microseconds.
fn split(stored: f64) -> Option<(i64, u32)> {
    let unix = stored + APPLE_EPOCH;
    let mut seconds = whole(unix.trunc())?;
    let mut micros = whole((unix.fract() * 1e6).round_ties_even())?;
    if micros < 0 {
        seconds -= 1;
        micros += 1_000_000;
    } else if micros >= 1_000_000 {
        seconds += 1;
        micros -= 1_000_000;
    }
    let in_range = (FIRST_SECOND..=LAST_SECOND).contains(&seconds);
    in_range.then_some((seconds, u32::try_from(micros).ok()?))
}

#[expect(clippy::cast_possible_truncation, reason = "finite, without fraction and below 2^53")]
fn whole(number: f64) -> Option<i64> {
    (number.abs() < 9e15).then_some(number as i64)
}

fn offset_of_zone(name: &str, seconds: i64) -> Option<i32> {
    static ZONES: OnceLock<TimeZoneDatabase> = OnceLock::new();
    if name.is_empty() || name.len() > MAX_ZONE_BYTES {
        return None;
    }
    let zone = ZONES.get_or_init(TimeZoneDatabase::bundled).get(name).ok()?;
    // The database takes any case; Photos' reader does not, and a name in another case is no name
    // of Photos.
    if zone.iana_name() != Some(name) {
        return None;
    }
    Some(zone.to_offset(Timestamp::from_second(seconds).ok()?).seconds())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stored: f64, offset: Option<i64>, zone: Option<&str>, expected: &str) {
        assert_eq!(Date::zoned(stored, offset, zone).unwrap().to_string(), expected);
    }

    #[test]
    fn a_zone_by_name_beats_the_offset() {
        check(0.0, Some(-18_000), Some("America/Chicago"), "2000-12-31T18:00:00-06:00");
        check(0.0, Some(3_600), Some(" Europe/London "), "2001-01-01T00:00:00+00:00");
    }

    #[test]
    fn what_is_no_name_of_a_zone_leaves_the_offset() {
        for name in ["GMT-0400", "GMT+01:00", "PDT", "europe/london", "", "Nowhere/At_All"] {
            check(0.0, Some(-14_400), Some(name), "2000-12-31T20:00:00-04:00");
        }
        check(0.0, None, Some("PDT"), "2001-01-01T00:00:00+00:00");
        check(0.0, Some(20_700), None, "2001-01-01T05:45:00+05:45");
    }

    #[test]
    fn an_offset_beyond_a_day_is_none() {
        check(0.0, Some(i64::MAX), None, "2001-01-01T00:00:00+00:00");
        let most = i64::from(MAX_OFFSET_SECONDS);
        check(0.0, Some(most), None, "2001-01-01T23:59:59+23:59:59");
        check(0.0, Some(-most), None, "2000-12-31T00:00:01-23:59:59");
        for beyond in [most + 1, -most - 1, 1_000_000] {
            check(0.0, Some(beyond), None, "2001-01-01T00:00:00+00:00");
        }
    }

    #[test]
    fn local_mean_times_have_seconds() {
        check(-3_500_000_000.0, None, Some("Europe/Lisbon"), "1890-02-02T17:09:55-00:36:45");
    }

    #[test]
    fn microseconds_are_those_of_the_double_sum() {
        assert_eq!(
            Date::utc(596_049_389.249_166).unwrap().to_string(),
            "2019-11-21T17:16:29.249166+00:00"
        );
        assert_eq!(Date::utc(-0.25).unwrap().to_string(), "2000-12-31T23:59:59.750000+00:00");
        assert_eq!(
            Date::utc(-978_307_200.25).unwrap().to_string(),
            "1969-12-31T23:59:59.750000+00:00"
        );
        assert_eq!(Date::utc(0.999_999_9).unwrap().to_string(), "2001-01-01T00:00:01+00:00");
    }

    #[test]
    fn years_outside_one_to_9999_are_no_date() {
        for stored in [123_456_789_012_345.0, -1e18, f64::NAN, f64::INFINITY, 252_423_993_600.0] {
            assert_eq!(Date::utc(stored), None, "{stored}");
        }
        assert_eq!(Date::utc(252_423_993_599.0).unwrap().year(), 9_999);
        // The instant is in range, the date there is not.
        assert_eq!(Date::zoned(252_423_993_599.0, Some(3_600), None), None);
    }
}
