//! Documents that are made from types of the program: what is checked in is what the types say.
//!
//! `DARKSLIDE_BLESS=1` writes them anew, to be read by a person; without, a difference fails. Made
//! text is never written by hand, so that nobody has to keep a copy of a type or of a vector.

#![forbid(unsafe_code)]
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests")]

mod errors;
mod examples;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use darkslide_protocol::field::Field;
use darkslide_protocol::message::extract::{ExifData, ExtractResult, MediaMetadata};
use darkslide_protocol::message::record::Asset;
use darkslide_protocol::openrpc;
use darkslide_tests::validate::{self, Part};
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::Value;

fn path(from_root: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(from_root)
}

fn read(from_root: &str) -> String {
    std::fs::read_to_string(path(from_root)).unwrap_or_default()
}

/// Holds a page below `docs/` against what was made.
#[track_caller]
fn check(name: &str, made: &str) {
    let page = format!("docs/{name}");
    if std::env::var_os("DARKSLIDE_BLESS").is_some() {
        std::fs::write(path(&page), made).unwrap();
    }
    assert!(read(&page) == made, "{page} is not what it is made from: DARKSLIDE_BLESS=1");
}

/// Of types as they are written: what is always told is required, also where it may be null.
fn written() -> SchemaGenerator {
    SchemaSettings::default().for_serialize().into_generator()
}

fn schema_of_an_asset() -> Value {
    written().into_root_schema_for::<Asset>().to_value()
}

#[test]
fn the_schema_of_an_asset_is_that_of_its_type() {
    let text = serde_json::to_string_pretty(&schema_of_an_asset()).unwrap();
    check("schema/asset.json", &(text + "\n"));
}

/// Looked at, or written, before anything reads the file.
fn the_document_is_there() {
    static LOOKED_AT: OnceLock<()> = OnceLock::new();
    LOOKED_AT.get_or_init(|| {
        let text = serde_json::to_string_pretty(&openrpc::document()).unwrap();
        check("schema/openrpc.json", &(text + "\n"));
    });
}

#[test]
fn the_document_of_the_wire_is_that_of_its_types() {
    the_document_is_there();
}

#[test]
fn each_schema_has_a_name_of_its_own() {
    let document = openrpc::document();
    let names = document["components"]["schemas"].as_object().unwrap();
    // A second type of one name gets a number.
    let numbered: Vec<&String> =
        names.keys().filter(|name| name.ends_with(|last: char| last.is_ascii_digit())).collect();
    assert!(names.len() > 100 && numbered.is_empty(), "{numbered:?}");
}

#[test]
fn every_vector_is_as_the_document_says() {
    the_document_is_there();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/wire");
    let mut answered = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let vector: Value = serde_json::from_str(&text).unwrap();
        let (request, response) = (&vector["request"], &vector["response"]);
        if let Some(error) = response.get("error") {
            validate::check(Part::Error, error);
            continue;
        }
        let method = request["method"].as_str().unwrap();
        validate::check(Part::Params(method), &request["params"]);
        validate::check(Part::Result(method), &response["result"]);
        answered += 1;
    }
    assert!(answered >= 20, "a vector for each method at least");
}

#[test]
fn the_schema_has_every_field_and_no_other() {
    let schema = schema_of_an_asset();
    let mut properties: Vec<&str> =
        schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut fields: Vec<&str> = Field::ALL.iter().map(|field| field.as_str()).collect();
    properties.sort_unstable();
    fields.sort_unstable();
    assert_eq!(properties, fields);
}

#[test]
fn the_schemas_of_extract_are_those_of_its_types() {
    for (name, schema) in [
        ("schema/extract.json", written().into_root_schema_for::<ExtractResult>()),
        ("schema/media-metadata.json", written().into_root_schema_for::<MediaMetadata>()),
        ("schema/exif-data.json", written().into_root_schema_for::<ExifData>()),
    ] {
        let text = serde_json::to_string_pretty(&schema.to_value()).unwrap();
        check(name, &(text + "\n"));
    }
}
