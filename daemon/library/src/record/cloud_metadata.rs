//! What the camera wrote into a photo, as iCloud keeps it beside the asset: printed as it is.
//!
//! It is the one object of a record whose keys are not ours, so a peer that may not know where a
//! photo was taken could learn it here. The hazard: coordinates in a corner that nobody thought
//! of; so a key is left out, at every depth, for a word in it that could name a place.

use crate::json::Object;
use crate::plist::{self, Value};

/// Parts of keys that say where. Seen: `{GPS}`; the others are names of Image I/O's IPTC, Exif
/// (`SubjectLocation`, a point in the picture, goes with them) and QuickTime keys.
const PLACES: &[&str] = &[
    "gps",
    "latitude",
    "longitude",
    "altitude",
    "iso6709",
    "coordinate",
    "location",
    "country",
    "province",
    "geo",
    "address",
    "place",
];
/// The same, where they are words of their own: `velocity` is no city.
const WORDS: &[&str] = &["city", "state"];

/// Writes the object of a blob; an empty one where it is not a dictionary that can be read.
pub(crate) fn write(out: &mut Vec<u8>, blob: &[u8], location: bool) {
    match plist::read(blob) {
        Some(metadata @ Value::Map(_)) if location => metadata.write_json(out),
        Some(metadata @ Value::Map(_)) => {
            metadata.write_json_where(out, |key| !tells_a_place(key));
        }
        _ => Object::begin(out).end(),
    }
}

fn tells_a_place(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    let mut words = key.split(|it: char| !it.is_ascii_alphanumeric());
    PLACES.iter().any(|part| key.contains(part)) || words.any(|word| WORDS.contains(&word))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;
    use crate::plist::sample::{binary, map, text};

    fn written(blob: &[u8], location: bool) -> serde_json::Value {
        let mut out = Vec::new();
        write(&mut out, blob, location);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn nothing_that_says_where_is_told_when_location_is_withheld() {
        let place = || map([("City", text("Bern")), ("velocity", Value::Integer(1))]);
        let blob = binary(&map([
            ("Depth", Value::Integer(8)),
            ("com.apple.quicktime.location.ISO6709", text("+46+007/")),
            ("list", Value::Array(vec![place()])),
            ("{GPS}", map([("Latitude", Value::Real(46.0))])),
            (
                "{IPTC}",
                map([
                    ("Country/PrimaryLocationName", text("x")),
                    ("Keywords", Value::Array(vec![text("k")])),
                    ("Province/State", text("x")),
                    ("SubLocation", text("x")),
                ]),
            ),
            ("{XMP}", map([("iptcExt:City", text("x")), ("exif:GPSLongitude", text("x"))])),
        ]));
        assert_eq!(
            written(&blob, false),
            json!({
                "Depth": 8, "list": [{"velocity": 1}], "{IPTC}": {"Keywords": ["k"]}, "{XMP}": {},
            })
        );
        assert_eq!(written(&blob, true)["{GPS}"], json!({"Latitude": 46.0}));
        assert_eq!(written(&blob, true)["list"], json!([{"City": "Bern", "velocity": 1}]));
    }

    #[test]
    fn what_is_no_dictionary_is_an_empty_object() {
        let list = binary(&Value::Array(Vec::new()));
        for bad in [&b""[..], b"bplist00", &[0xff; 64], &list] {
            assert_eq!(written(bad, true), json!({}));
            assert_eq!(written(bad, false), json!({}));
        }
    }
}
