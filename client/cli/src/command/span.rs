//! `WHEN` of a command line: a year, a month, a day, an instant, or a range of them.
//!
//! People mean all of a month that they name, and name the last day that they want; the protocol
//! has the first moment that does not belong to a span any more. Here alone one becomes the other.
//! Pure: text becomes a span. The hazard: a range that ends a day early, or on 31 June.

use darkslide_client::protocol::filter::{Day, Moment, MonthDay, Near, Span};

/// Between both ends of a range.
const TO: &str = "..";
/// Years are 1 to this.
const LAST_YEAR: u16 = 9_999;

/// The span that a text means; none where it means none.
pub(super) fn span(text: &str) -> Option<Span> {
    let (from, to) = text.split_once(TO).unwrap_or((text, text));
    let from = if from.is_empty() { None } else { Some(begin(from)?) };
    let to = if to.is_empty() { None } else { end(to)? };
    // An instant has no end of its own, and a range of nothing is no range.
    let is_instant = !text.contains(TO) && matches!(from, Some(Moment::Instant(_)));
    let is_endless = from.is_none() && to.is_none();
    (!is_instant && !is_endless).then_some(Span { from, to })
}

/// The day of any year that a text means.
pub(super) fn month_day(text: &str) -> Option<MonthDay> {
    MonthDay::parse(text).ok()
}

/// The circle that a text means: latitude, longitude, metres.
pub(super) fn near(text: &str) -> Option<Near> {
    let mut parts = text.split(',').map(|part| part.trim().parse::<f64>().ok());
    let (latitude, longitude, metres) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() { None } else { Near::new(latitude, longitude, metres) }
}

/// A year, or a month of one.
fn period(text: &str) -> Option<(u16, Option<u8>)> {
    let number = |text: &str, digits: usize| {
        let all = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| text.parse::<u16>().ok()).flatten()
    };
    match text.split_once('-') {
        None => Some((number(text, 4)?, None)),
        Some((year, month)) => Some((number(year, 4)?, u8::try_from(number(month, 2)?).ok())),
    }
}

fn begin(text: &str) -> Option<Moment> {
    match period(text) {
        Some((year, month)) => Day::new(year, month.unwrap_or(1), 1).map(Moment::Day),
        None => Moment::parse(text).ok(),
    }
}

/// The first moment behind it; the inner none is the end of all time.
fn end(text: &str) -> Option<Option<Moment>> {
    let behind = match period(text) {
        Some((year, month)) => {
            Day::new(year, month.unwrap_or(1), 1)?;
            match month {
                Some(month) if month < 12 => Day::new(year, month + 1, 1),
                Some(_) | None => next_year(year),
            }
        }
        None => match Moment::parse(text).ok()? {
            Moment::Day(day) => next_day(day),
            instant @ Moment::Instant(_) => return Some(Some(instant)),
        },
    };
    Some(behind.map(Moment::Day))
}

fn next_day(day: Day) -> Option<Day> {
    let (year, month) = (day.year(), day.month());
    Day::new(year, month, day.day() + 1)
        .or_else(|| Day::new(year, month + 1, 1))
        .or_else(|| next_year(year))
}

fn next_year(year: u16) -> Option<Day> {
    if year < LAST_YEAR { Day::new(year + 1, 1, 1) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, from: Option<&str>, to: Option<&str>) {
        let moment = |end: Option<Moment>| end.map(|it| it.to_string());
        let span = span(text).unwrap();
        assert_eq!((moment(span.from).as_deref(), moment(span.to).as_deref()), (from, to));
    }

    #[test]
    fn what_is_named_belongs_to_the_span_with_all_of_its_days() {
        check("2024", Some("2024-01-01"), Some("2025-01-01"));
        check("2024-02", Some("2024-02-01"), Some("2024-03-01"));
        check("2024-12", Some("2024-12-01"), Some("2025-01-01"));
        check("2024-02-29", Some("2024-02-29"), Some("2024-03-01"));
        check("2024-12-31", Some("2024-12-31"), Some("2025-01-01"));
        check("2023..2024", Some("2023-01-01"), Some("2025-01-01"));
        check("2024-06-15..2024-07", Some("2024-06-15"), Some("2024-08-01"));
        check("..2024-06-30", None, Some("2024-07-01"));
        check("2024-06..", Some("2024-06-01"), None);
        check("9999", Some("9999-01-01"), None);
        check("9999-12-31", Some("9999-12-31"), None);
    }

    #[test]
    fn an_instant_is_an_end_as_it_is() {
        let instant = "2024-07-14T10:30:00+02:00";
        check(&format!("{instant}..2024-07-14"), Some("2024-07-14T08:30:00Z"), Some("2024-07-15"));
        check(&format!("..{instant}"), None, Some("2024-07-14T08:30:00Z"));
        assert_eq!(span(instant), None, "it lasts no time");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "..",
            "x",
            "24",
            "2024-13",
            "2024-00",
            "0000",
            "2024-02-30",
            "2024-2",
            "2024..x",
            "2024...",
            "2024..2025..2026",
            "20240714",
            "-2024",
            "2024-07-14T10:30:00",
        ] {
            assert_eq!(span(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_circle_has_three_numbers() {
        assert_eq!(near("47.5, 8.5, 1000"), Near::new(47.5, 8.5, 1000.0));
        assert!(near("-33.8,151.2,0.5").is_some());
        for text in ["", "1,2", "1,2,3,4", "91,0,1", "0,181,1", "0,0,0", "0,0,-1", "nan,0,1"] {
            assert_eq!(near(text), None, "{text:?}");
        }
    }
}
