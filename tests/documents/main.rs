//! Documents that are made from types of the program: what is checked in is what the types say.
//!
//! `DARKSLIDE_BLESS=1` writes them anew, to be read by a person; without, a difference fails. Only
//! made text stands in these files, so that nobody has to keep a copy of a type by hand.

#![forbid(unsafe_code)]
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests")]

use std::path::Path;

use darkslide_protocol::field::Field;
use darkslide_protocol::message::record::Asset;
use serde_json::Value;

#[track_caller]
fn check(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema").join(name);
    if std::env::var_os("DARKSLIDE_BLESS").is_some() {
        std::fs::write(&path, made).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == made, "docs/schema/{name} is not what the types say: DARKSLIDE_BLESS=1");
}

fn schema_of_an_asset() -> Value {
    schemars::schema_for!(Asset).to_value()
}

#[test]
fn the_schema_of_an_asset_is_that_of_its_type() {
    let text = serde_json::to_string_pretty(&schema_of_an_asset()).unwrap();
    check("asset.json", &(text + "\n"));
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
