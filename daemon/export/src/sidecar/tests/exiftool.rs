//! XMP read by exiftool (Debian's `libimage-exiftool-perl`), which knows what each property means:
//! values compared, not texts. Numbers come as they are, structures whole, nobody's configuration
//! is read. Where the program is not installed, the tests say so.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{ORIGINAL, record, xmp};
use crate::shared::skip;
use crate::sidecar::Beside;

/// What exiftool reads from a sidecar, by group and name; none where there is no exiftool.
fn read(document: &str) -> Option<Value> {
    let mut command = Command::new("exiftool");
    command.args(["-config", "", "-j", "-G1", "-struct", "-n", "-"]);
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = pipes.spawn() else {
        skip("exiftool is not installed");
        return None;
    };
    child.stdin.take().unwrap().write_all(document.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let mut files: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(files.len(), 1);
    files.pop()
}

fn check(found: &Value, expected: &[(&str, Value)]) {
    for (name, value) in expected {
        assert_eq!(&found[*name], value, "{name}");
    }
}

fn assert_close(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap();
    assert!((found - expected).abs() < 1e-9, "{found} {expected}");
}

#[test]
fn exiftool_reads_what_the_library_knows() {
    let Some(found) = read(&xmp(&record(), ORIGINAL)) else { return };
    check(
        &found,
        &[
            ("File:FileType", json!("XMP")),
            ("XMP-dc:Title", json!("Café <\"&'> ]]>")),
            ("XMP-dc:Description", json!("two\nlines")),
            ("XMP-dc:Subject", json!(["Zoë", "a|b", "holiday", "sea, salt; sand"])),
            ("XMP-lr:HierarchicalSubject", json!(["Zoë", "holiday", "sea, salt; sand"])),
            ("XMP-iptcExt:PersonInImage", json!(["Katie", "Maria"])),
            ("XMP-xmp:Rating", json!(5)),
            ("XMP-xmp:CreateDate", json!("2024:05:31 12:00:00.123000+02:00")),
            ("XMP-xmp:ModifyDate", json!("2024:06:01 08:30:00+00:00")),
            ("XMP-photoshop:DateCreated", json!("2024:05:31 12:00:00.123000+02:00")),
            ("XMP-exif:DateTimeOriginal", json!("2024:05:31 12:00:00.123000+02:00")),
            ("XMP-photoshop:SidecarForExtension", json!("HEIC")),
            ("XMP-photoshop:City", json!("Paris")),
            ("XMP-photoshop:Country", json!("France")),
            ("XMP-tiff:Make", json!("Apple")),
            ("XMP-tiff:Model", json!("iPhone 15")),
            (
                "XMP-iptcExt:LocationCreated",
                json!([{"Sublocation": "Marais", "City": "Paris", "CountryName": "France", "CountryCode": "FR"}]),
            ),
        ],
    );
    assert_close(&found["XMP-exif:GPSLatitude"], 48.856_666_666_7);
    assert_close(&found["XMP-exif:GPSLongitude"], -2.352_222_222_2);
}

#[test]
fn exiftool_finds_faces_in_the_stored_image_and_upright_in_an_edit() {
    let area = |x: f64, y: f64, w: f64, h: f64| json!({"X": x, "Y": y, "W": w, "H": h, "Unit": "normalized"});
    let regions = |w: u64, h: u64, [first, second]: [Value; 2]| {
        json!({
            "AppliedToDimensions": {"W": w, "H": h, "Unit": "pixel"},
            "RegionList": [
                {"Name": "Maria", "Type": "Face", "Area": first},
                {"Type": "Face", "Area": second},
            ],
        })
    };
    let Some(found) = read(&xmp(&record(), ORIGINAL)) else { return };
    let stored = [area(0.125, 0.75, 0.125, 0.166_667), area(0.5, 0.5, 0.25, 0.333_333)];
    assert_eq!(found["XMP-mwg-rs:RegionInfo"], regions(4032, 3024, stored));

    let mut edited = record();
    edited["hasadjustments"] = json!(true);
    let beside = Beside { name: "IMG_0001_edited.jpg", edited: true };
    let Some(found) = read(&xmp(&edited, beside)) else { return };
    let upright = [area(0.25, 0.125, 0.166_667, 0.125), area(0.5, 0.5, 0.333_333, 0.25)];
    assert_eq!(found["XMP-mwg-rs:RegionInfo"], regions(3024, 4032, upright));
    assert_eq!(found["XMP-photoshop:SidecarForExtension"], "jpg");
}

#[test]
fn exiftool_reads_hostile_texts_and_odd_dates() {
    let document = xmp(
        &json!({
            "title": "a\u{0}b\u{1B}[31m\u{FFFE}",
            "description": "<?xml?><!-- \r\n&#0; &amp; -->",
            "keywords": ["<rdf:li>", "</x:xmpmeta>"],
            "date": "1890-01-01T00:00:00-07:52:58",
            "latitude": -33.5, "longitude": 151.25,
        }),
        ORIGINAL,
    );
    let Some(found) = read(&document) else { return };
    check(
        &found,
        &[
            ("XMP-dc:Title", json!("a\u{FFFD}b\u{FFFD}[31m\u{FFFD}")),
            ("XMP-dc:Description", json!("<?xml?><!-- \r\n&#0; &amp; -->")),
            ("XMP-dc:Subject", json!(["</x:xmpmeta>", "<rdf:li>"])),
            ("XMP-photoshop:DateCreated", json!("1890:01:01 00:00:00")),
            ("XMP-exif:GPSLatitude", json!(-33.5)),
            ("XMP-exif:GPSLongitude", json!(151.25)),
        ],
    );
}
