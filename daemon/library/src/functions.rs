//! What our statements ask of a row that SQL cannot answer: functions of ours, in every connection.
//!
//! Each is pure, takes what a hostile row may hold and never fails, so that one row does not end a
//! page. Only statements of ours can call them, no schema. The hazard: a value of another type or
//! length than it should have; it is as if there were none.

use darkslide_protocol::filter::Near;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result};

use crate::cell::MAX_TEXT_BYTES;
use crate::date::Date;
use crate::matching::Pattern;
use crate::record::place::Place;

/// `(pattern, text)`: 1 where the text is like the pattern of
/// [`Pattern::to_bound`](crate::matching::Pattern::to_bound).
pub(crate) const FITS: &str = "darkslide_fits";
/// `(pattern, blob)`: 1 where one of the texts of a place is like it.
pub(crate) const PLACE_FITS: &str = "darkslide_place_fits";
/// `(date, offset, zone)`: the day there as the number 20240714; nothing for what is no date.
pub(crate) const DAY: &str = "darkslide_day";
/// `(latitude, longitude, latitude, longitude)`: metres between two points.
pub(crate) const METRES: &str = "darkslide_metres";

/// All of them.
pub(crate) const NAMES: [&str; 4] = [FITS, PLACE_FITS, DAY, METRES];

/// The mean radius of the earth.
const EARTH_METRES: f64 = 6_371_008.8;

/// Makes them known to a connection.
pub(crate) fn add_to(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(FITS, 2, flags, fits)?;
    connection.create_scalar_function(PLACE_FITS, 2, flags, place_fits)?;
    connection.create_scalar_function(DAY, 3, flags, day)?;
    connection.create_scalar_function(METRES, 4, flags, metres)
}

/// The pattern is read once for a statement and not for each row.
fn with_pattern(context: &Context<'_>, look: impl FnOnce(&Pattern) -> bool) -> Result<bool> {
    let pattern = context.get_or_create_aux(0, |bound: ValueRef<'_>| {
        let pattern = bound.as_str().ok().and_then(Pattern::of_bound);
        pattern.ok_or(rusqlite::Error::InvalidQuery)
    })?;
    Ok(look(&pattern))
}

fn fits(context: &Context<'_>) -> Result<bool> {
    let ValueRef::Text(text) = context.get_raw(1) else {
        return Ok(false);
    };
    match std::str::from_utf8(text) {
        Ok(text) if text.len() <= MAX_TEXT_BYTES && !text.contains('\0') => {
            with_pattern(context, |pattern| pattern.fits(text))
        }
        Ok(_) | Err(_) => Ok(false),
    }
}

fn place_fits(context: &Context<'_>) -> Result<bool> {
    let ValueRef::Blob(blob) = context.get_raw(1) else {
        return Ok(false);
    };
    let Some(place) = Place::read(blob) else {
        return Ok(false);
    };
    with_pattern(context, |pattern| place.texts().any(|text| pattern.fits(text)))
}

fn day(context: &Context<'_>) -> Result<Option<i64>> {
    let Some(stored) = real(context.get_raw(0)) else {
        return Ok(None);
    };
    let offset = match context.get_raw(1) {
        ValueRef::Integer(offset) => Some(offset),
        _ => None,
    };
    let zone = match context.get_raw(2) {
        ValueRef::Text(zone) => std::str::from_utf8(zone).ok(),
        _ => None,
    };
    Ok(Date::zoned(stored, offset, zone).map(|date| {
        (i64::from(date.year()) * 100 + i64::from(date.month())) * 100 + i64::from(date.day())
    }))
}

fn metres(context: &Context<'_>) -> Result<Value> {
    let at = |index| real(context.get_raw(index));
    let (Some(latitude), Some(longitude), Some(north), Some(east)) = (at(0), at(1), at(2), at(3))
    else {
        return Ok(Value::Null);
    };
    Ok(Value::Real(distance((latitude, longitude), (north, east))))
}

/// Metres between two points of a sphere, by the haversine, which is exact for near ones too.
fn distance(one: (f64, f64), other: (f64, f64)) -> f64 {
    let (from, to) = (one.0.to_radians(), other.0.to_radians());
    let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
    let chord = half(other.0 - one.0) + from.cos() * to.cos() * half(other.1 - one.1);
    2.0 * EARTH_METRES * chord.min(1.0).sqrt().asin()
}

/// Degrees of latitude that a circle reaches to the north and the south, a little more than it
/// does.
pub(crate) fn reach_in_degrees(near: Near) -> f64 {
    (near.metres() / EARTH_METRES).to_degrees() * 1.000_001 + 0.000_001
}

fn real(value: ValueRef<'_>) -> Option<f64> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "seconds and degrees are far below 2^53")]
        ValueRef::Integer(value) => Some(value as f64),
        ValueRef::Real(value) => Some(value),
        ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests: a connection to nothing")]

    use super::*;

    fn ask(question: &str) -> Value {
        let connection = Connection::open_in_memory().unwrap();
        add_to(&connection).unwrap();
        connection.query_row(&format!("SELECT {question}"), [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn nonsense_of_any_type_is_as_if_there_were_nothing() {
        for value in ["NULL", "7", "1.5", "x'00ff'", "CAST(x'ff' AS TEXT)", "'a' || char(0)"] {
            assert_eq!(ask(&format!("darkslide_fits('*a*', {value})")), Value::Integer(0));
            assert_eq!(ask(&format!("darkslide_place_fits('*a*', {value})")), Value::Integer(0));
        }
        for value in ["NULL", "'1'", "x'31'", "1e300", "-1e300"] {
            assert_eq!(ask(&format!("darkslide_day({value}, 0, NULL)")), Value::Null, "{value}");
        }
        assert_eq!(ask("darkslide_metres(0, 0, 'x', 0)"), Value::Null);
        let long = format!("zeroblob({})", MAX_TEXT_BYTES + 1);
        let long = format!("replace(hex({long}), '00', 'a')");
        assert_eq!(ask(&format!("darkslide_fits('*a*', {long})")), Value::Integer(0));
    }

    #[test]
    fn a_day_is_the_day_there() {
        assert_eq!(ask("darkslide_day(0, 0, NULL)"), Value::Integer(20_010_101));
        assert_eq!(ask("darkslide_day(0, -3600, NULL)"), Value::Integer(20_001_231));
        assert_eq!(ask("darkslide_day(0, 0, 'America/Chicago')"), Value::Integer(20_001_231));
        assert_eq!(ask("darkslide_day(0, x'00', 'Nowhere')"), Value::Integer(20_010_101));
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        let metres = |one, other| distance(one, other);
        assert!((metres((47.0, 8.0), (48.0, 8.0)) - 111_195.0).abs() < 10.0);
        assert!(metres((0.0, 179.9), (0.0, -179.9)) < 23_000.0, "over the antimeridian");
        assert!((metres((90.0, 0.0), (-90.0, 77.0)) - 20_015_115.0).abs() < 100.0);
        assert!(metres((47.0, 8.0), (47.0, 8.0)) == 0.0);
        let near = Near::new(47.0, 8.0, 111_195.0).unwrap();
        assert!((1.0..1.001).contains(&reach_in_degrees(near)));
    }
}
