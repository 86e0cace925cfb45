//! Records of assets through a real daemon: the same whichever way they are asked for, and as the
//! checked-in schema has them.
//!
//! The schema is made from the type that clients read; the daemon writes its text without it. Here
//! both meet, on every record of every real library.

use std::collections::BTreeMap;
use std::path::Path;

use darkslide_fixture::demo_library;
use darkslide_protocol::field::Fields;
use darkslide_tests::libraries::{MODERN, Real};
use darkslide_tests::process::{Ended, run};
use darkslide_tests::shared::skip;
use darkslide_tests::validate::{self, Form, Part};
use serde_json::{Value, json};

use crate::on_library;

fn ask(home: &Path, library: &Path, words: &[&str]) -> Ended {
    let ended = run(on_library(home, library).args(words));
    assert_eq!(ended.code(), 0, "{words:?}: {}", ended.stderr);
    ended
}

fn lines(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn schema() -> Form {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/asset.json");
    Form::closed(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
}

fn by_uuid(records: &[Value]) -> BTreeMap<&str, &Value> {
    records.iter().map(|record| (record["uuid"].as_str().unwrap(), record)).collect()
}

#[test]
fn query_get_and_dump_give_the_same_objects_with_every_field() {
    let place = tempfile::tempdir().unwrap();
    let library = demo_library(&place.path().join("L.photoslibrary")).unwrap();
    let ask = |words: &[&str]| ask(place.path(), library.path(), words);
    let dumped = lines(&ask(&["dump"]));
    let uuids: Vec<&str> = dumped.iter().map(|it| it["uuid"].as_str().unwrap()).collect();
    assert!(uuids.is_sorted() && uuids.len() >= 26, "{uuids:?}");
    for record in &dumped {
        for field in Fields::all().iter() {
            let is_there = record.get(field.as_str()).is_some();
            assert!(is_there || field.as_str() == "problem", "{field} in {record}");
        }
    }
    let all = "hidden,trashed,bursts";
    let queried = lines(&ask(&["query", "--json", "--all", "--include", all, "--fields", "*"]));
    assert_eq!(by_uuid(&queried), by_uuid(&dumped));
    let page = json!({"library": "library", "fields": ["*"], "include": all.split(',').collect::<Vec<_>>(), "limit": 1000});
    let page = ask(&["call", "asset.query", &page.to_string(), "--json"]).json();
    validate::check(Part::Result("asset.query"), &page);
    assert_eq!(by_uuid(page["assets"].as_array().unwrap()), by_uuid(&dumped));
    let params = json!({"library": "library", "fields": ["*"], "uuids": uuids});
    let got = ask(&["call", "asset.get", &params.to_string(), "--json"]).json();
    validate::check(Part::Result("asset.get"), &got);
    assert_eq!(got["assets"].as_array().unwrap(), &dumped, "in the order of the question");
}

#[test]
fn fields_that_are_asked_for_are_told_as_in_the_whole_and_no_others() {
    let place = tempfile::tempdir().unwrap();
    let library = demo_library(&place.path().join("L.photoslibrary")).unwrap();
    let ask = |words: &[&str]| ask(place.path(), library.path(), words);
    let whole = lines(&ask(&["query", "--json", "--all", "--fields", "*"]));
    for field in Fields::all().iter() {
        // A start of the daemon each is too slow for a hundred; a call for several at once is one.
        if !["title", "place", "album_info", "path_edited", "uti"].contains(&field.as_str()) {
            continue;
        }
        let some = lines(&ask(&["query", "--json", "--all", "--fields", field.as_str()]));
        for (some, whole) in some.iter().zip(&whole) {
            for (name, value) in some.as_object().unwrap() {
                let asked = ["uuid", "problem", field.as_str()].contains(&name.as_str());
                assert!(asked && *value == whole[name], "{field}: {name} in {some}");
            }
        }
    }
}

#[test]
fn every_record_of_every_real_library_is_as_the_schema_says() {
    let Some(real) = Real::shared() else {
        return skip("the real libraries are not beside the workspace");
    };
    let schema = schema();
    let place = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    for name in MODERN {
        for record in lines(&ask(place.path(), &real.bundle(name), &["dump"])) {
            let found = schema.complaints(&record);
            wrong.extend(found.into_iter().map(|it| format!("{name} {}{it}", record["uuid"])));
        }
    }
    wrong.truncate(40);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
