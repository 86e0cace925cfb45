//! Every field of every asset of every real library, against what an independent reader found.
//!
//! A difference is either a bug or a rule on the list below: a field, a condition on values, and a
//! reason. No rule names an asset or a library, and a rule that nothing needs fails the test.

use std::collections::{BTreeMap, BTreeSet};

use darkslide_protocol::field::Fields;
use serde_json::Value;

use crate::opened::{Opened, bundle, never, readable, real};
use crate::real_libraries::{everything, lines, records};

/// What a rule may look at.
struct Case<'a> {
    /// The number of the library's data model.
    model: i64,
    field: &'a str,
    record: &'a Value,
    there: &'a Value,
    here: &'a Value,
}

/// A rule on the list of differences.
struct Difference {
    fields: &'static [&'static str],
    fits: fn(&Case<'_>) -> bool,
    reason: &'static str,
}

/// The most rules that the list may have.
const MAX_DIFFERENCES: usize = 20;

/// Where the reference shows a quirk of the tool that made it, and ours is another.
const DIFFERENCES: &[Difference] = &[
    Difference {
        fields: &["date", "date_original", "date_added", "comments", "likes"],
        fits: undated,
        reason: "nothing, or out of the years 1 to 9999, is no date; the tool prints 1970",
    },
    Difference {
        fields: &["path", "path_edited", "path_live_photo", "path_raw"],
        fits: unlooked,
        reason: "the tool does not look for what the database calls missing, for what belongs to \
                 an absent original, nor for an edit of another type; the disk decides",
    },
    Difference {
        fields: &["album_info", "burst_album_info", "project_info"],
        fits: albums,
        reason: "the tool tells no order, and no parent where that has no other child",
    },
    Difference {
        fields: &["face_info"],
        fits: faces,
        reason: "the tool exchanges width and height of Microsoft's region",
    },
    Difference {
        fields: &["search_info", "search_info_normalized"],
        fits: media_types,
        reason: "the tool takes media types of Photos 6 and 7 for those of Photos 5; they moved",
    },
];

fn faces(case: &Case<'_>) -> bool {
    let swapped = |face: &Value| {
        let mut face = face.clone();
        let region = face["mpri_reg_rect"].as_object_mut().unwrap();
        let (w, h) = (region["w"].clone(), region["h"].clone());
        region.extend([("w".to_owned(), h), ("h".to_owned(), w)]);
        face
    };
    matches(case.there, &each(case.here, swapped), "face_info")
}

/// What the tool prints where there is no date.
const NO_DATE: &str = "1970-01-01T00:00:00+00:00";

fn undated(case: &Case<'_>) -> bool {
    if !case.here.is_array() {
        return case.there == NO_DATE && case.here.is_null();
    }
    let as_the_tool = |said: &Value| {
        let mut said = said.clone();
        if said["datetime"].is_null() {
            said["datetime"] = NO_DATE.into();
        }
        said
    };
    matches(case.there, &each(case.here, as_the_tool), case.field)
}

fn unlooked(case: &Case<'_>) -> bool {
    let is_unlooked = match case.field {
        "path_edited" => case.record["hasadjustments"] == true,
        "path_live_photo" | "path_raw" => case.record["path"].is_null(),
        _ => case.record["ismissing"] == true,
    };
    is_unlooked && case.there.is_null() && case.here.is_string()
}

/// Equal but for the order of an album, and a parent that the tool does not tell.
fn albums(case: &Case<'_>) -> bool {
    let as_the_tool = |album: &Value| {
        let mut album = album.clone();
        let orders = ["manual", "oldest", "newest", "title"].map(Value::from);
        assert!(orders.contains(&album["sort_order"]));
        album["sort_order"] = Value::Null;
        if album["creation_date"].is_null() {
            album["creation_date"] = NO_DATE.into();
        }
        let is_told = |there: &&Value| there["uuid"] == album["uuid"] && there["parent"].is_null();
        if case.there.as_array().unwrap().iter().any(|there| is_told(&there)) {
            album["parent"] = Value::Null;
        }
        album
    };
    matches(case.there, &each(case.here, as_the_tool), "album_info")
}

fn media_types(case: &Case<'_>) -> bool {
    let without = |info: &Value| {
        let mut info = info.clone();
        info["media_types"] = Value::Null;
        info
    };
    (14_000..16_000).contains(&case.model)
        && matches(&without(case.there), &without(case.here), "search_info")
}

fn each(list: &Value, change: impl Fn(&Value) -> Value) -> Value {
    list.as_array().unwrap().iter().map(change).collect()
}

/// Lists of which the order says nothing.
const UNORDERED: &[&str] = &[
    "albums",
    "album_info",
    "burst_album_info",
    "burst_albums",
    "burst_photos",
    "comments",
    "face_info",
    "keywords",
    "labels",
    "labels_normalized",
    "likes",
    "path_derivatives",
    "person_info",
    "persons",
    "project_info",
];
/// Dates that count as instants: the zone that they are told in is the machine's.
const INSTANTS: &[&str] = &[
    "date_added",
    "date_modified",
    "date_trashed",
    "creation_date",
    "start_date",
    "end_date",
    "date_analyzed",
    "datetime",
];

/// The same value, as far as values of the dump can be: numbers to nine digits.
fn equal(there: &Value, here: &Value, key: &str) -> bool {
    match (there, here) {
        (Value::Number(there), Value::Number(here)) => {
            let (there, here) = (there.as_f64().unwrap(), here.as_f64().unwrap());
            let scale = there.abs().max(here.abs()).max(1.0);
            there == here || (there - here).abs() <= 1e-9 * scale
        }
        (Value::String(there), Value::String(here)) if INSTANTS.contains(&key) => {
            there == here || there.parse::<jiff::Timestamp>().ok() == here.parse().ok()
        }
        (Value::Array(there), Value::Array(here)) => {
            there.len() == here.len()
                && there.iter().zip(here).all(|(there, here)| equal(there, here, key))
        }
        (Value::Object(there), Value::Object(here)) => {
            there.len() == here.len()
                && there
                    .iter()
                    .all(|(key, value)| here.get(key).is_some_and(|here| equal(value, here, key)))
        }
        _ => there == here,
    }
}

/// The same; in a list without order, element by element.
fn matches(there: &Value, here: &Value, field: &str) -> bool {
    if let (Value::Array(there), Value::Array(here)) = (there, here)
        && UNORDERED.contains(&field)
    {
        let mut left: Vec<&Value> = here.iter().collect();
        return there.len() == here.len()
            && there.iter().all(|value| {
                let at = left.iter().position(|here| equal(value, here, field));
                at.map(|at| left.swap_remove(at)).is_some()
            });
    }
    if let (Value::Object(there), Value::Object(here)) = (there, here)
        && field.starts_with("search_info")
    {
        return there.len() == here.len()
            && there.iter().all(|(key, value)| {
                here.get(key).is_some_and(|here| equal(&sorted(value), &sorted(here), key))
            });
    }
    equal(there, here, field)
}

fn sorted(value: &Value) -> Value {
    let mut value = value.clone();
    if let Value::Array(list) = &mut value {
        list.sort_by_key(Value::to_string);
    }
    value
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(600).collect()
}

#[test]
fn every_field_of_every_asset_is_what_an_independent_reader_found() {
    let Some(folder) = real() else { return };
    assert!(DIFFERENCES.len() <= MAX_DIFFERENCES);
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut used = BTreeSet::new();
    let mut equal_pairs = 0;
    for name in readable() {
        let opened = Opened::all(&bundle(folder, name));
        let mut query = everything();
        query.fields = Fields::all();
        let ours: BTreeMap<String, Value> = records(&opened, query)
            .into_iter()
            .map(|record| (record["uuid"].as_str().unwrap().to_owned(), record))
            .collect();
        let model = opened.library.info(&opened.grant, &never()).unwrap().model.unwrap_or(0);
        let reference = lines(name, ".jsonl");
        assert_eq!(ours.len(), reference.len(), "{name}");
        for record in &reference {
            let ours = &ours[record["uuid"].as_str().unwrap()];
            for (field, there) in record.as_object().unwrap() {
                let here = ours.get(field).unwrap_or_else(|| panic!("{field} is missing"));
                if matches(there, here, field) {
                    equal_pairs += 1;
                    continue;
                }
                let case = Case { model, field, record, there, here };
                let rule = DIFFERENCES
                    .iter()
                    .find(|it| it.fields.contains(&field.as_str()) && (it.fits)(&case));
                if let Some(rule) = rule {
                    used.insert(rule.reason);
                    continue;
                }
                let (there, here) = (short(there), short(here));
                wrong
                    .entry(field.clone())
                    .or_default()
                    .push(format!("{name} {} {there}\n    here {here}", record["uuid"]));
            }
            if ours["date"].is_string() {
                assert_eq!(ours.get("problem"), None, "{name} {}", record["uuid"]);
            }
        }
    }
    let told = wrong.iter().map(|(field, all)| {
        let some: Vec<&str> = all.iter().take(2).map(String::as_str).collect();
        format!("{field} ({}): {}", all.len(), some.join("\n  "))
    });
    let told: Vec<String> = told.collect();
    assert!(wrong.is_empty(), "{equal_pairs} equal\n{}", told.join("\n"));
    let reasons: BTreeSet<&str> = DIFFERENCES.iter().map(|rule| rule.reason).collect();
    assert_eq!(used, reasons, "a rule that nothing needs");
}
