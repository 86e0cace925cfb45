//! Dates and places in the words of XMP.
//!
//! Pure. A date keeps its own clock: where the offset has seconds (local mean times before 1900),
//! which XMP cannot say, the zone is left out rather than rounded, for XMP takes that as not known.
//! Degrees become whole ones and minutes; seven digits of a minute are less than a millimetre. The
//! hazard: 59.99999999 minutes, which must not be written as 60.

use super::known::Place;

/// Minutes of a degree.
const MINUTES: f64 = 60.0;
/// The smallest part of a minute that is written.
const PARTS_OF_MINUTE: u64 = 10_000_000;
/// Length of an offset with seconds, `+00:53:28`.
const OFFSET_WITH_SECONDS: usize = 9;

/// A date of a record, as XMP has it.
pub(super) fn date(rfc3339: &str) -> &str {
    let Some((clock_and_day, _)) = rfc3339.rsplit_once(['+', '-']) else {
        return rfc3339;
    };
    if rfc3339.len() - clock_and_day.len() == OFFSET_WITH_SECONDS { clock_and_day } else { rfc3339 }
}

/// Degrees as XMP has them, `48,51.4000000N`; none where that is no place on earth.
pub(super) fn coordinates(latitude: Option<f64>, longitude: Option<f64>) -> Option<[String; 2]> {
    let on_earth = |degrees: Option<f64>, most: f64| degrees.filter(|it| it.abs() <= most);
    let (north, east) = (on_earth(latitude, 90.0)?, on_earth(longitude, 180.0)?);
    Some([angle(north, ['N', 'S']), angle(east, ['E', 'W'])])
}

fn angle(degrees: f64, [positive, negative]: [char; 2]) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a constant far below 2^53")]
    let parts = (degrees.abs() * MINUTES * PARTS_OF_MINUTE as f64).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1.08e11")]
    let parts = parts as u64;
    let (minutes, parts) = (parts / PARTS_OF_MINUTE, parts % PARTS_OF_MINUTE);
    let side = if degrees < 0.0 { negative } else { positive };
    format!("{},{}.{parts:07}{side}", minutes / 60, minutes % 60)
}

/// Where a photo was taken, in words; an address before names, the smallest area first.
pub(super) struct Words<'a> {
    pub(super) part_of_city: Option<&'a str>,
    pub(super) city: Option<&'a str>,
    pub(super) state: Option<&'a str>,
    pub(super) country: Option<&'a str>,
    pub(super) country_code: Option<&'a str>,
}

impl<'a> Words<'a> {
    /// The words of a place; none where nothing is known.
    pub(super) fn of(place: &'a Place) -> Option<Self> {
        let (address, names) = (&place.address, &place.names);
        let words = Self {
            part_of_city: first(address.sub_locality.as_ref(), &[]),
            city: first(address.city.as_ref(), &names.city),
            state: first(address.state_province.as_ref(), &names.state_province),
            country: first(address.country.as_ref(), &names.country),
            country_code: first(address.iso_country_code.as_ref(), place.country_code.as_slice()),
        };
        let Self { part_of_city, city, state, country, country_code } = &words;
        let known = [part_of_city, city, state, country, country_code];
        known.iter().any(|it| it.is_some()).then_some(words)
    }
}

fn first<'a>(of_address: Option<&'a String>, names: &'a [String]) -> Option<&'a str> {
    let mut words = of_address.into_iter().chain(names).map(String::as_str);
    words.find(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_that_xmp_cannot_say_is_left_out() {
        for (told, expected) in [
            ("2018-09-28T16:09:33.022000-04:00", "2018-09-28T16:09:33.022000-04:00"),
            ("2024-05-31T12:00:00+02:00", "2024-05-31T12:00:00+02:00"),
            ("1890-01-01T00:00:00+00:53:28", "1890-01-01T00:00:00"),
            ("1890-01-01T00:00:00.5-07:52:58", "1890-01-01T00:00:00.5"),
            ("2024-05-31T12:00:00Z", "2024-05-31T12:00:00Z"),
            ("", ""),
        ] {
            assert_eq!(date(told), expected);
        }
    }

    #[test]
    fn degrees_become_minutes_without_a_sixtieth() {
        let check = |north: f64, east: f64, expected: [&str; 2]| {
            assert_eq!(coordinates(Some(north), Some(east)).unwrap(), expected);
        };
        check(48.856_666_666_7, 2.352_222_222_2, ["48,51.4000000N", "2,21.1333333E"]);
        check(-33.5, -70.0, ["33,30.0000000S", "70,0.0000000W"]);
        check(12.999_999_999_99, -0.0, ["13,0.0000000N", "0,0.0000000E"]);
        check(90.0, -180.0, ["90,0.0000000N", "180,0.0000000W"]);
        let none = [(Some(90.1), Some(0.0)), (Some(0.0), Some(f64::NAN)), (None, Some(1.0))];
        for (north, east) in none {
            assert_eq!(coordinates(north, east), None);
        }
    }
}
