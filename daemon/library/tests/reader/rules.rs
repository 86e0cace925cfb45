//! Rules of a record that no real library at hand exercises: dates, texts, missing rows.
//!
//! Each test builds a small library with the row in question, in the first and the newest model
//! where both have the column, and reads the record as a client gets it. Expected values are the
//! reference's; an independent reader said the same of altered copies.

use darkslide_fixture::{AssetSpec, AssetTable, Content, Exif, LibraryBuilder, Model, SqlValue};
use darkslide_library::Query;
use darkslide_protocol::field::Fields;
use serde_json::{Value, json};

use crate::opened::Opened;
use crate::real_libraries::{everything, records};

pub(crate) const MODELS: [Model; 2] = [Model::Photos5, Model::Photos11];

/// The records of a library, by UUID.
pub(crate) fn read(builder: &LibraryBuilder) -> Vec<Value> {
    read_after(builder, |_| {})
}

/// The same, of a library that was changed before.
pub(crate) fn read_after(
    builder: &LibraryBuilder,
    change: impl FnOnce(&std::path::Path),
) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let built = builder.build(&folder.path().join("R.photoslibrary")).unwrap();
    change(built.path());
    let opened = Opened::all(built.path());
    let mut found = records(&opened, Query { fields: Fields::all(), ..everything() });
    found.sort_by_key(|record| record["uuid"].to_string());
    found
}

/// The records of a library with an asset for each case, beside the cases.
pub(crate) fn each<T>(
    model: Model,
    cases: impl IntoIterator<Item = (AssetSpec, T)>,
) -> Vec<(Value, T)> {
    let mut builder = LibraryBuilder::new(model);
    let cases: Vec<_> = cases.into_iter().map(|(spec, case)| (builder.asset(spec), case)).collect();
    let folder = tempfile::tempdir().unwrap();
    let built = builder.build(&folder.path().join("R.photoslibrary")).unwrap();
    let opened = Opened::all(built.path());
    let found = records(&opened, Query { fields: Fields::all(), ..everything() });
    let record = |key| {
        let uuid = built.asset(key).unwrap().uuid();
        found.iter().find(|record| record["uuid"] == uuid).unwrap().clone()
    };
    cases.into_iter().map(|(key, case)| (record(key), case)).collect()
}

/// The one record of a library with one asset.
pub(crate) fn one(model: Model, spec: AssetSpec) -> Value {
    one_after(model, spec, "SELECT 1")
}

/// The same, of a library that a statement changed.
pub(crate) fn one_after(model: Model, spec: AssetSpec, statement: &str) -> Value {
    let mut builder = LibraryBuilder::new(model);
    builder.asset(spec);
    builder.statement(statement);
    read(&builder).remove(0)
}

pub(crate) fn photo() -> AssetSpec {
    AssetSpec::photo("A.JPG", Content::jpeg(1))
}

pub(crate) fn set(name: &str, value: impl Into<SqlValue>) -> AssetSpec {
    photo().column(AssetTable::Asset, name, value)
}

pub(crate) fn attribute(name: &str, value: impl Into<SqlValue>) -> AssetSpec {
    photo().column(AssetTable::Attributes, name, value)
}

#[test]
fn a_date_is_told_in_the_zone_of_its_name_else_with_its_offset() {
    let cases = [
        (0.0, Some(-18_000), Some("America/New_York"), "2000-12-31T19:00:00-05:00"),
        (0.0, Some(3_600), Some("EST"), "2000-12-31T19:00:00-05:00"),
        (0.0, Some(3_600), Some(" Asia/Kathmandu "), "2001-01-01T05:45:00+05:45"),
        (0.0, Some(-18_000), Some("GMT-0400"), "2000-12-31T19:00:00-05:00"),
        (0.0, None, Some("GMT+01:00"), "2001-01-01T00:00:00+00:00"),
        (0.0, Some(7_200), Some("europe/paris"), "2001-01-01T02:00:00+02:00"),
        (0.0, Some(-12_600), Some(""), "2000-12-31T20:30:00-03:30"),
        (0.0, Some(86_400), None, "2001-01-01T00:00:00+00:00"),
        (-0.25, None, None, "2000-12-31T23:59:59.750000+00:00"),
        (-3.5e9, Some(0), None, "1890-02-02T17:46:40+00:00"),
        (0.999_999_9, None, None, "2001-01-01T00:00:01+00:00"),
    ];
    for model in MODELS {
        let specs = cases.map(|case| (photo().taken(case.0).zone(case.1, case.2), case));
        for (record, (_, offset, zone, expected)) in each(model, specs) {
            assert_eq!(record["date"], expected, "{zone:?} {offset:?}");
            assert_eq!(record["date_original"], expected);
            assert_eq!(record["tzoffset"], json!(offset));
            assert_eq!(record["tzname"], json!(zone));
        }
    }
}

#[test]
fn the_cameras_date_is_the_original_one_and_has_a_zone_of_its_own() {
    let exif = Exif {
        date: Some(60.0),
        zone_offset_s: Some(3_600),
        zone_name: Some("GMT+0100".to_owned()),
        ..Exif::default()
    };
    let record = one(Model::Photos11, photo().taken(0.0).exif(exif));
    assert_eq!(record["date"], "2001-01-01T00:00:00+00:00");
    assert_eq!(record["date_original"], "2001-01-01T01:01:00+01:00");
    assert_eq!(record["exif_info"]["date"], record["date_original"]);
}

#[test]
fn what_is_no_date_is_null_and_a_problem_only_where_something_stands_there() {
    let cases = [
        (SqlValue::Null, false),
        (SqlValue::from(123_456_789_012_345.0), true),
        (SqlValue::from(-1e18), true),
        (SqlValue::from(252_423_993_600.0), true),
    ];
    let columns = ["ZADDEDDATE", "ZADJUSTMENTTIMESTAMP", "ZTRASHEDDATE", "ZDATECREATED"];
    let spec = |stored: &SqlValue| {
        let set = |spec: AssetSpec, column| spec.column(AssetTable::Asset, column, stored.clone());
        columns.into_iter().fold(photo().without_exif(), set)
    };
    for model in MODELS {
        let specs = cases.each_ref().map(|case| (spec(&case.0), case));
        for (record, (stored, is_odd)) in each(model, specs) {
            for field in ["date", "date_original", "date_added", "date_modified", "date_trashed"] {
                assert_eq!(record[field], Value::Null, "{field} {stored:?}");
            }
            assert_eq!(record.get("problem").is_some(), *is_odd, "{stored:?}");
        }
    }
}

#[test]
fn people_texts_are_composed_and_what_machines_wrote_is_as_it_is() {
    let decomposed = "Cafe\u{301}";
    for model in MODELS {
        let exif = Exif { camera_make: Some(decomposed.to_owned()), ..Exif::default() };
        let spec = photo().title(decomposed).description(decomposed).exif(exif);
        let record = one(model, spec.keyword(decomposed));
        for field in ["title", "description"] {
            assert_eq!(record[field], "Café");
        }
        assert_eq!(record["keywords"], json!(["Café"]));
        assert_eq!(record["exif_info"]["camera_make"], decomposed);
        let record = one(model, photo().title("").description(""));
        assert_eq!((&record["title"], &record["description"]), (&Value::Null, &json!("")));
        for nothing in [SqlValue::Null, SqlValue::from(String::new())] {
            let record = one(model, attribute("ZORIGINALFILENAME", nothing));
            assert_eq!(record["original_filename"], record["filename"]);
            assert!(record["filename"].as_str().unwrap().ends_with(".jpeg"));
        }
    }
}

#[test]
fn who_imported_it_is_sorted_and_nothing_is_like_an_empty_text() {
    let null = || SqlValue::Null;
    let text = |text: &str| SqlValue::from(text.to_owned());
    for (name, bundle, expected) in [
        (text("iPhoto"), text("com.x"), json!(["com.x", "iPhoto"])),
        (text("Photos"), null(), json!([null, "Photos"])),
        (text(""), null(), json!(["", null])),
        (null(), text(""), json!([null, ""])),
    ] {
        let spec = attribute("ZIMPORTEDBYDISPLAYNAME", name).column(
            AssetTable::Attributes,
            "ZIMPORTEDBYBUNDLEIDENTIFIER",
            bundle,
        );
        assert_eq!(one(Model::Photos11, spec)["imported_by"], expected);
    }
    assert_eq!(one(Model::Photos5, photo())["imported_by"], json!([null, null]));
}

#[test]
fn an_asset_without_rows_in_other_tables_has_nulls_zeros_or_a_problem() {
    for model in MODELS {
        let record = one(model, photo().without_exif());
        let exif = record["exif_info"].as_object().unwrap();
        assert!(exif.len() == 22 && exif.values().all(Value::is_null), "{exif:?}");
        let scores = record["score"].as_object().unwrap();
        assert!(scores.len() == 27 && scores.values().all(|it| *it == 0.0), "{scores:?}");
        assert_eq!(record.get("problem"), None);
        let record = one_after(model, photo(), "DELETE FROM ZADDITIONALASSETATTRIBUTES");
        assert_eq!(record["original_filename"], record["filename"]);
        assert!(record["problem"].as_str().unwrap().contains("ZADDITIONALASSETATTRIBUTES"));
    }
}

#[test]
fn a_number_of_the_camera_that_cannot_be_one_is_null_and_named() {
    for (column, member, value) in [
        ("ZISO", "iso", json!(null)),
        ("ZMETERINGMODE", "metering_mode", json!(null)),
        ("ZTRACKFORMAT", "track_format", json!(null)),
        ("ZWHITEBALANCE", "white_balance", json!(null)),
        ("ZFPS", "fps", json!(1e308)),
    ] {
        let record = one(
            Model::Photos11,
            photo().exif(Exif::default()).column(AssetTable::Extended, column, 1e308),
        );
        assert_eq!(record["exif_info"][member], value);
        let problem = record.get("problem").map(|it| it.as_str().unwrap().contains(column));
        assert_eq!(problem, value.is_null().then_some(true), "{column}");
    }
}
