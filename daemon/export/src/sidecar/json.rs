//! The JSON sidecar: the asset's record, a field a line, by name.
//!
//! Values stay the text that the library wrote, so that a number is that of `asset.get` to the last
//! digit. Left out is what tells where files lie and what of them is on this disk: it differs from
//! machine to machine and changes when iCloud fetches or evicts a file, though nobody touched the
//! photo. The hazard: a field that changes by itself rewrites a file for every photo.

use std::collections::BTreeMap;

use darkslide_protocol::field::Field;
use serde_json::value::RawValue;

use super::SidecarError;

/// Where files lie, and whether they are here.
const LEFT_OUT: [Field; 8] = [
    Field::Path,
    Field::PathEdited,
    Field::PathLivePhoto,
    Field::PathEditedLivePhoto,
    Field::PathRaw,
    Field::PathDerivatives,
    Field::Ismissing,
    Field::Incloud,
];

/// What the sidecar tells.
pub(super) fn fields() -> Vec<Field> {
    Field::ALL.iter().copied().filter(|field| !LEFT_OUT.contains(field)).collect()
}

/// The sidecar of a record; fields that it does not tell are left out, should they be there.
pub(super) fn document(record: &[u8]) -> Result<Vec<u8>, SidecarError> {
    let mut members: BTreeMap<&str, &RawValue> = serde_json::from_slice(record)?;
    for field in LEFT_OUT {
        members.remove(field.as_str());
    }
    let mut out = b"{".to_vec();
    for (name, value) in members {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(b"\n\"");
        // Names of fields are plain words, which JSON does not escape.
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\": ");
        out.extend_from_slice(value.get().as_bytes());
    }
    out.extend_from_slice(b"\n}\n");
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_every_field_but_those_of_this_machine_and_keeps_numbers_as_they_are() {
        let record = br#"{"uuid":"A","path":"originals/A/A.jpg","title":"a\",\nb",
            "incloud":true,"latitude":46.00000000000000001,"albums":["x"]}"#;
        let told = document(record).unwrap();
        let expected = "{\n\"albums\": [\"x\"],\n\"latitude\": 46.00000000000000001,\n\
            \"title\": \"a\\\",\\nb\",\n\"uuid\": \"A\"\n}\n";
        assert_eq!(String::from_utf8(told).unwrap(), expected);
    }

    #[test]
    fn an_empty_record_is_an_object_and_what_is_no_record_is_refused() {
        assert_eq!(document(b"{}").unwrap(), b"{\n}\n");
        assert!(document(b"[]").is_err() && document(br#"{"uuid":"#).is_err());
    }

    #[test]
    fn asks_for_all_but_what_it_leaves_out() {
        assert_eq!(fields().len() + LEFT_OUT.len(), Field::ALL.len());
    }
}
