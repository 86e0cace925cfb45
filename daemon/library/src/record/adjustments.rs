//! What was done to a photo: the file that Photos keeps beside an edited one.
//!
//! A property list, and in it bytes of whoever made the edit: a list, JSON, or either of them
//! deflated. Nothing of the file is kept but the text of the record's object and the orientation.
//! The hazard: a few kilobytes that inflate to gigabytes; inflating ends at a limit. Opens no file.

use std::borrow::Cow;

use miniz_oxide::inflate::{decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit};

use crate::json::{self, Object};
use crate::plist::{self, Value};

/// The longest file that is looked at, in bytes. Real ones have at most 4,128.
pub(crate) const MAX_FILE_BYTES: usize = plist::MAX_BYTES;
/// The most bytes that an edit is inflated to. Real ones have at most 3,942.
const MAX_INFLATED_BYTES: usize = plist::MAX_BYTES;

/// What a file of adjustments says.
#[derive(Debug)]
pub(crate) struct Adjustments {
    json: Vec<u8>,
    orientation: i64,
}

impl Adjustments {
    /// Reads a file; of one that makes no sense, all members are there and say nothing.
    pub(crate) fn read(file: &[u8]) -> Self {
        let list = plist::read(file).unwrap_or(Value::Null);
        match list.get("adjustmentData") {
            Some(Value::Data(bytes)) => Self::decode(&list, bytes),
            Some(Value::Text(text)) => Self::decode(&list, text.as_bytes()),
            _ => Self::write_from(&list, &Value::Null),
        }
    }

    /// The orientation of the edit, 1 to 8; 0 where it does not say.
    pub(crate) fn orientation(&self) -> i64 {
        self.orientation
    }

    /// Writes the object of eleven members.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.json);
    }

    /// The first way to read the bytes that succeeds, in the order of the reference.
    fn decode(list: &Value<'_>, bytes: &[u8]) -> Self {
        if let Some(edit) = plist::read(bytes).or_else(|| plist::read_json(bytes)) {
            return Self::write_from(list, &edit);
        }
        for inflate in [decompress_to_vec_with_limit, decompress_to_vec_zlib_with_limit] {
            let Ok(inflated) = inflate(bytes, MAX_INFLATED_BYTES) else { continue };
            if let Some(edit) = plist::read(&inflated).or_else(|| plist::read_json(&inflated)) {
                return Self::write_from(list, &edit);
            }
        }
        Self::write_from(list, &Value::Null)
    }

    fn write_from(list: &Value<'_>, edit: &Value<'_>) -> Self {
        let mut json = Vec::new();
        let mut object = Object::begin(&mut json);
        let mut member = |key: &str, value: Option<&Value<'_>>| {
            json::or_null(object.key(key), value, |out, value| value.write_json(out));
        };
        let metadata = edit.get("metadata");
        let orientation = metadata.and_then(|it| it.get("orientation")).and_then(whole);
        let none = Value::Array(Vec::new());
        let timestamp = list.get("adjustmentTimestamp").and_then(timestamp);
        member("data", None);
        member("editor", list.get("adjustmentEditorBundleID"));
        member("format_id", list.get("adjustmentFormatIdentifier"));
        member("base_version", list.get("adjustmentBaseVersion"));
        member("format_version", list.get("adjustmentFormatVersion"));
        member("timestamp", timestamp.as_ref());
        member("adjustments", Some(edit.get("adjustments").unwrap_or(&none)));
        member("metadata", metadata);
        member("orientation", Some(&Value::Integer(orientation.unwrap_or(0).into())));
        member("adjustment_format_version", edit.get("formatVersion"));
        member("version_info", edit.get("versionInfo"));
        object.end();
        Self { json, orientation: orientation.unwrap_or(0) }
    }
}

fn timestamp(value: &Value<'_>) -> Option<Value<'static>> {
    let Value::Date(seconds) = value else { return None };
    let text = plist::date_text(*seconds)?;
    Some(Value::Text(Cow::Owned(text + "+00:00")))
}

fn whole(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(number) => i64::try_from(*number).ok(),
        #[expect(clippy::cast_possible_truncation, reason = "whole and of at most 8 digits")]
        Value::Real(number) if number.fract() == 0.0 && number.abs() < 1e8 => Some(*number as i64),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use miniz_oxide::deflate::{compress_to_vec, compress_to_vec_zlib};
    use serde_json::json;

    use super::*;
    use crate::plist::sample::{binary, map, text};

    const EDIT: &str = r#"{"adjustments":[{"identifier":"Crop","settings":{"angle":0.5}}],
        "metadata":{"orientation":6},"formatVersion":1,"versionInfo":{"platform":"OSX"}}"#;

    fn file(data: Value<'_>) -> Vec<u8> {
        binary(&map([
            ("adjustmentBaseVersion", Value::Integer(0)),
            ("adjustmentData", data),
            ("adjustmentEditorBundleID", text("")),
            ("adjustmentFormatIdentifier", text("com.apple.photo")),
            ("adjustmentFormatVersion", text("1.4")),
            ("adjustmentTimestamp", Value::Date(596_906_868.0)),
        ]))
    }

    fn written(file: &[u8]) -> serde_json::Value {
        let mut out = Vec::new();
        Adjustments::read(file).write(&mut out);
        serde_json::from_slice(&out).unwrap()
    }

    #[track_caller]
    fn check_decoded(data: &[u8]) {
        let file = file(Value::Data(data.into()));
        assert_eq!(Adjustments::read(&file).orientation(), 6);
        assert_eq!(
            written(&file),
            json!({
                "data": null, "editor": "", "format_id": "com.apple.photo", "base_version": 0,
                "format_version": "1.4", "timestamp": "2019-12-01T15:27:48+00:00",
                "adjustments": [{"identifier": "Crop", "settings": {"angle": 0.5}}],
                "metadata": {"orientation": 6}, "orientation": 6,
                "adjustment_format_version": 1, "version_info": {"platform": "OSX"},
            })
        );
    }

    #[test]
    fn an_edit_is_read_plain_deflated_or_with_a_header() {
        check_decoded(EDIT.as_bytes());
        check_decoded(&compress_to_vec(EDIT.as_bytes(), 6));
        check_decoded(&compress_to_vec_zlib(EDIT.as_bytes(), 6));
        let list = binary(&plist::read_json(EDIT.as_bytes()).unwrap());
        check_decoded(&list);
        check_decoded(&compress_to_vec(&list, 6));
        check_decoded(&compress_to_vec_zlib(&list, 6));
        let text = file(text(EDIT));
        assert_eq!(Adjustments::read(&text).orientation(), 6);
    }

    #[test]
    fn an_edit_that_is_no_dictionary_says_nothing() {
        for data in [&b"[1,2]"[..], b"7", b"\xb2\x192\0\0\0\0\0\x02\0\0\0", b""] {
            let written = written(&file(Value::Data(data.into())));
            assert_eq!(written["adjustments"], json!([]));
            assert_eq!(written["metadata"], json!(null));
            assert_eq!(written["orientation"], json!(0));
            assert_eq!(written["format_id"], "com.apple.photo");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_has_all_members() {
        let empty = json!({
            "data": null, "editor": null, "format_id": null, "base_version": null,
            "format_version": null, "timestamp": null, "adjustments": [], "metadata": null,
            "orientation": 0, "adjustment_format_version": null, "version_info": null,
        });
        for bad in [&b""[..], b"<plist>", b"bplist00", &[0xff; 40], b"<plist><array/></plist>"] {
            assert_eq!(written(bad), empty);
        }
        for bytes in [MAX_FILE_BYTES + 1, MAX_FILE_BYTES * 4] {
            let mut long =
                b"<plist><dict><key>adjustmentBaseVersion</key><true/></dict></plist>".to_vec();
            long.resize(bytes, b' ');
            assert_eq!(written(&long), empty);
            long.truncate(MAX_FILE_BYTES);
            assert_eq!(written(&long)["base_version"], json!(true));
        }
    }

    #[test]
    fn an_orientation_that_is_no_number_is_none() {
        for (stored, expected) in [("6.0", 6), ("6.5", 0), ("\"6\"", 0), ("1e300", 0), ("null", 0)]
        {
            let edit = format!("{{\"metadata\":{{\"orientation\":{stored}}}}}");
            let file = file(Value::Data(edit.as_bytes().into()));
            assert_eq!(Adjustments::read(&file).orientation(), expected, "{stored}");
        }
    }

    #[test]
    fn inflating_ends_at_the_limit() {
        let bomb = |bytes: usize| {
            let mut edit = br#"{"metadata":{"orientation":6}}"#.to_vec();
            edit.resize(bytes, b' ');
            [compress_to_vec(&edit, 1), compress_to_vec_zlib(&edit, 1)]
        };
        let orientation = |bytes: usize| {
            bomb(bytes).map(|data| Adjustments::read(&file(Value::Data(data.into()))).orientation())
        };
        assert_eq!(orientation(MAX_INFLATED_BYTES), [6, 6]);
        assert_eq!(orientation(MAX_INFLATED_BYTES + 1), [0, 0]);
        assert_eq!(orientation(MAX_INFLATED_BYTES * 4), [0, 0]);
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_edits_make_no_panic(data: Vec<u8>) {
            proptest::prop_assert!(written(&file(Value::Data(data.into()))).is_object());
        }
    }
}
