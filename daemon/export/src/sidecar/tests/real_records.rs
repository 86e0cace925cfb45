//! Records of real libraries, as an independent reader dumped them: each has a sidecar of either
//! kind, and faces are where that reader has them. Edited photos are left out of the latter: the
//! reader turns faces of an edit as if it were stored like its original.

#![allow(clippy::disallowed_methods, reason = "tests")]

use serde_json::{Value, json};

use super::read_back::{at, texts};
use super::{ORIGINAL, xmp};
use crate::shared::{shared_folder, skip};
use crate::sidecar::render;
use crate::spec::Sidecar;

/// The records of every library; none where the libraries are not here.
fn records() -> Vec<Value> {
    let Some(shared) = shared_folder() else { return Vec::new() };
    let mut records = Vec::new();
    for entry in std::fs::read_dir(shared.join("expected")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let other = name.ends_with(".files.jsonl") || name.ends_with("-export.jsonl");
        if name.ends_with(".jsonl") && !other {
            let text = std::fs::read_to_string(&path).unwrap();
            records.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
    }
    records
}

/// The numbers of all regions: x, y, w, h of the first, of the next ...
fn areas(found: &[(String, String)]) -> Vec<String> {
    let area = "mwg-rs:Regions/mwg-rs:RegionList/rdf:Bag/rdf:li/mwg-rs:Area";
    let of = |side: &str| at(found, &format!("{area}/stArea:{side}"));
    let sides = [of("x"), of("y"), of("w"), of("h")];
    (0..sides[0].len()).flat_map(|n| sides.iter().map(move |side| side[n].to_owned())).collect()
}

#[test]
fn every_real_record_has_sidecars_with_faces_where_the_reference_has_them() {
    let records = records();
    if records.is_empty() {
        return skip("the real libraries are not beside the workspace");
    }
    let mut with_faces = 0;
    for record in &records {
        let found = texts(&xmp(record, ORIGINAL));
        let title: Vec<&str> = record["title"].as_str().into_iter().collect();
        assert_eq!(at(&found, "dc:title/rdf:Alt/rdf:li"), title);
        let json = render(Sidecar::Json, record.to_string().as_bytes(), ORIGINAL).unwrap();
        let told: Value = serde_json::from_slice(&json).unwrap();
        assert_eq!((&told["uuid"], &told["path"]), (&record["uuid"], &Value::Null));
        for machine in ["\"/Users/", "\"/Volumes/", "\"originals/", "\"resources/"] {
            assert!(!String::from_utf8_lossy(&json).contains(machine), "{told}");
        }
        if record["hasadjustments"] == json!(false) {
            let faces = record["face_info"].as_array().unwrap().iter();
            let faces = faces.filter(|face| face["size"].as_f64() > Some(0.0));
            let expected: Vec<String> = faces
                .flat_map(|face| ["x", "y", "w", "h"].map(|it| &face["mwg_rs_area"][it]))
                .map(|it| format!("{:.6}", it.as_f64().unwrap()))
                .collect();
            assert_eq!(areas(&found), expected, "{}", record["uuid"]);
            with_faces += usize::from(!expected.is_empty());
        }
    }
    assert!(records.len() > 200 && with_faces > 30, "{} {with_faces}", records.len());
}
