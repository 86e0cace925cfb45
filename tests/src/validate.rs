//! Holds what travels against `docs/schema/openrpc.json`, by a validator that knows none of our
//! types.
//!
//! It reads the document, and nothing of the crate that made it. Stricter in one point than that:
//! where a schema names members there are no others, for what a daemon of this build tells is
//! written down. The hazard: a validator that cannot fail; its own tests show it what it must find.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the harness of tests"
)]

use std::collections::HashMap;
use std::path::Path;
use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// The most complaints that are gathered of one value.
const MOST: usize = 20;

/// Something that travels, or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part<'a> {
    /// The params of this method.
    Params(&'a str),
    /// The result of this method.
    Result(&'a str),
    /// Any error.
    Error,
    /// The params of any event.
    Event,
}

/// Ends the test if a value is not as the document says.
///
/// # Panics
/// With the part, the places and the value, as much of it as a person reads.
pub fn check(part: Part<'_>, value: &Value) {
    let found = complaints(part, value);
    if found.is_empty() {
        return;
    }
    let value: String = value.to_string().chars().take(2_000).collect();
    panic!("{part:?} is not as docs/schema/openrpc.json says: {found:#?}\n{value}");
}

/// What of a value is not as the document says, each with where it stands.
#[must_use]
pub fn complaints(part: Part<'_>, value: &Value) -> Vec<String> {
    let forms = forms();
    let form = match part {
        Part::Params(method) => forms.methods.get(method).map(|method| &method.params),
        Part::Result(method) => forms.methods.get(method).map(|method| &method.result),
        Part::Error => Some(&forms.error),
        Part::Event => Some(&forms.event),
    };
    form.map_or_else(|| vec!["there is no such method".to_owned()], |form| form.complaints(value))
}

/// Does a descriptor come with the answer of this method?
#[must_use]
pub fn brings_a_descriptor(method: &str) -> bool {
    forms().methods.get(method).is_some_and(|method| method.fd)
}

fn forms() -> &'static Forms {
    static FORMS: OnceLock<Forms> = OnceLock::new();
    FORMS.get_or_init(|| Forms::of(&document()))
}

/// The document as it is checked in.
///
/// # Panics
/// If it is not there.
#[must_use]
pub fn document() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/schema/openrpc.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A schema, compiled, whose objects are closed.
#[derive(Debug)]
pub struct Form(Validator);

impl Form {
    /// Compiles a schema.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn closed(mut schema: Value) -> Self {
        close(&mut schema);
        Self(jsonschema::validator_for(&schema).unwrap())
    }

    /// What of a value does not fit.
    #[must_use]
    pub fn complaints(&self, value: &Value) -> Vec<String> {
        let errors = self.0.iter_errors(value).take(MOST);
        errors
            .map(|error| format!("{:.400}", format!("{}: {error}", error.instance_path())))
            .collect()
    }
}

struct MethodForms {
    params: Form,
    result: Form,
    fd: bool,
}

struct Forms {
    methods: HashMap<String, MethodForms>,
    error: Form,
    event: Form,
}

impl Forms {
    fn of(document: &Value) -> Self {
        // A schema among what it refers to; OpenRPC has draft 7.
        let among = |schema: &Value| {
            Form::closed(json!({
                "$schema": "http://json-schema.org/draft-07/schema#",
                "allOf": [schema],
                "components": {"schemas": document["components"]["schemas"]},
            }))
        };
        let methods = document["methods"].as_array().unwrap().iter().map(|method| {
            let forms = MethodForms {
                params: among(&params(method)),
                result: among(&method["result"]["schema"]),
                fd: method["x-fd"] == true,
            };
            (method["name"].as_str().unwrap().to_owned(), forms)
        });
        Self {
            methods: methods.collect(),
            error: among(&document["x-error"]),
            event: among(&document["x-notifications"]["from-daemon"][0]["params"]),
        }
    }
}

/// OpenRPC lists params one by one; unknown ones are refused.
fn params(method: &Value) -> Value {
    assert_eq!(method["paramStructure"], "by-name");
    let list = method["params"].as_array().unwrap();
    let properties: Map<String, Value> = list
        .iter()
        .map(|param| (param["name"].as_str().unwrap().to_owned(), param["schema"].clone()))
        .collect();
    let required: Vec<&Value> =
        list.iter().filter(|param| param["required"] == true).map(|param| &param["name"]).collect();
    json!({"type": "object", "properties": properties, "required": required})
}

/// Where members are named there are no others.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(keywords) => {
            // Beside `properties` a keyword; below it the name of a member, whose schema is an
            // object.
            let named = keywords.get("properties").is_some_and(Value::is_object);
            if named && keywords.get("type") == Some(&json!("object")) {
                keywords.entry("additionalProperties").or_insert(json!(false));
            }
            keywords.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn finds(part: Part<'_>, value: &Value, at: &str) {
        let found = complaints(part, value);
        assert!(found.iter().any(|it| it.starts_with(&format!("{at}: "))), "{at}: {found:?}");
    }

    fn health() -> Value {
        json!({"service": "darkslide", "instance": "0".repeat(32), "version": "1", "protocol": 1})
    }

    #[test]
    fn what_is_as_the_document_says_is_taken() {
        check(Part::Result("health"), &health());
        check(Part::Params("health"), &json!({}));
        let query = json!({"library": "main", "filter": {"not": {"uuid": []}}, "fields": ["*"]});
        check(Part::Params("asset.query"), &query);
    }

    #[test]
    fn a_result_with_a_missing_a_wrong_or_an_unknown_member_is_found() {
        let with = |change: fn(&mut Map<String, Value>)| {
            let mut health = health();
            change(health.as_object_mut().unwrap());
            health
        };
        let result = Part::Result("health");
        finds(result, &with(|it| drop(it.remove("instance"))), "");
        finds(result, &with(|it| drop(it.insert("protocol".into(), json!("1")))), "/protocol");
        finds(result, &with(|it| drop(it.insert("protocol".into(), json!(1.5)))), "/protocol");
        finds(result, &with(|it| drop(it.insert("instance".into(), json!("x")))), "/instance");
        finds(result, &with(|it| drop(it.insert("more".into(), json!(1)))), "");
        finds(result, &Value::Null, "");
        let unknown = complaints(Part::Result("nothing.such"), &json!({}));
        assert_eq!(unknown, ["there is no such method"]);
    }

    #[test]
    fn an_unknown_kind_of_event_or_name_of_an_error_is_found() {
        let event = |kind: &str| {
            json!({"subscription": "0".repeat(32), "seq": 1, "time": "", "topic": "jobs",
                   "kind": kind, "data": {}})
        };
        check(Part::Event, &event("overflow"));
        finds(Part::Event, &event("overflown"), "/kind");
        let error = |name: &str| {
            let data = json!({"name": name, "reason": "busy", "hint": "x", "class": "transient"});
            json!({"code": 1016, "message": "", "data": data})
        };
        check(Part::Error, &error("BUSY"));
        finds(Part::Error, &error("BUZY"), "/data/name");
    }

    #[test]
    fn params_beyond_a_bound_or_of_another_form_are_found() {
        let found = |method, params| !complaints(Part::Params(method), &params).is_empty();
        let query = |limit: u64| json!({"library": "main", "limit": limit});
        assert!(!found("asset.query", query(1_000)) && !found("asset.query", query(1)));
        assert!(found("asset.query", query(1_001)) && found("asset.query", query(0)));
        for filter in [
            json!({"is": "nice"}),
            json!({"is": "edited", "kind": "photo"}),
            json!({"titel": "x"}),
            json!({"title": {"like": "x"}}),
            json!({"all": [{"size": {}}]}),
        ] {
            assert!(found("asset.count", json!({"library": "main", "filter": filter})), "{filter}");
        }
        assert!(found("asset.count", json!({})) && found("library.list", json!({"library": "x"})));
    }
}
