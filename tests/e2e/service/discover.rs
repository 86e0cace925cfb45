//! `rpc.discover` serves the checked-in document, and that is an OpenRPC document of this daemon.
//!
//! What OpenRPC demands is written here by hand, from its specification, for there is no reader of
//! such documents among our dependencies. Whether its schemas say what travels is what every test
//! of this program looks at (`tests/src/validate.rs`).

use std::collections::BTreeSet;

use darkslide_protocol::limits::MAX_RESPONSE_FRAME_BYTES;
use darkslide_tests::validate;
use serde_json::{Value, json};

use crate::serve_small;

fn served() -> Value {
    let (_place, _library, service) = serve_small();
    service.peer().result("rpc.discover", &json!({}))
}

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect()
}

#[test]
fn serves_the_checked_in_document_which_fits_a_frame_many_times() {
    let served = served();
    assert!(served == validate::document(), "another document than docs/schema/openrpc.json");
    assert!(served.to_string().len() * 10 < MAX_RESPONSE_FRAME_BYTES);
}

#[test]
fn the_document_has_the_methods_that_health_names_in_their_order() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let document = peer.result("rpc.discover", &json!({}));
    let capabilities = peer.result("health", &json!({}))["detail"]["capabilities"].clone();
    assert_eq!(json!(names(&document["methods"])), capabilities);
}

#[test]
fn the_document_has_what_openrpc_demands_and_every_reference_leads_somewhere() {
    let document = served();
    assert!(document["openrpc"].as_str().unwrap().starts_with("1.3."));
    for name in ["title", "version"] {
        assert!(document["info"][name].is_string(), "info.{name}");
    }
    for method in document["methods"].as_array().unwrap() {
        let name = method["name"].as_str().unwrap();
        assert!(!method["summary"].as_str().unwrap().is_empty(), "{name}");
        assert_eq!(method["paramStructure"], "by-name", "{name}");
        let params = names(&method["params"]);
        assert_eq!(params.iter().collect::<BTreeSet<_>>().len(), params.len(), "{name}: twice");
        let must = method["params"].as_array().unwrap().iter().map(|it| it["required"] == true);
        assert!(must.is_sorted_by(|before, after| before >= after), "{name}: required ones first");
        let result = std::iter::once(&method["result"]);
        for descriptor in method["params"].as_array().unwrap().iter().chain(result) {
            assert!(descriptor["name"].is_string() && descriptor["schema"].is_object(), "{name}");
        }
    }
    for (name, error) in document["components"]["errors"].as_object().unwrap() {
        assert!(error["code"].is_i64() && error["message"] == json!(name), "{name}");
    }
    lead_somewhere(&document, &document);
}

fn lead_somewhere(root: &Value, value: &Value) {
    match value {
        Value::Object(members) => {
            if let Some(Value::String(to)) = members.get("$ref") {
                assert!(root.pointer(to.strip_prefix('#').unwrap()).is_some(), "{to}");
            }
            members.values().for_each(|member| lead_somewhere(root, member));
        }
        Value::Array(items) => items.iter().for_each(|item| lead_somewhere(root, item)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
