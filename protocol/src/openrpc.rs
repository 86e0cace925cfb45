//! The OpenRPC document of the wire, made from the list of methods, the types and the error table.
//!
//! Checked in as `docs/schema/openrpc.json`, which the daemon serves and the tests hold all traffic
//! against. Params are described as they are read, answers and events as they are written, so that
//! a member that is always told is required there. The hazard: one name for two shapes, of which
//! one would be lost; whoever makes the document in a test finds it out.

use schemars::generate::{Contract, SchemaSettings};
use schemars::transform::transform_subschemas;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::envelope::{CANCEL, Cancel, EVENT};
use crate::error::{ErrorName, WireError};
use crate::event::Event;
use crate::message::health::{PROTOCOL, SERVICE};
use crate::method::{self, METHODS, MethodRow};

/// Methods whose answer brings a descriptor.
const WITH_DESCRIPTOR: &[&str] = &["resource.open", "thumbnail.open"];

/// Where the frames are told of: OpenRPC knows no transports.
const ABOUT: &str = "Photo libraries, read and exported by a confined daemon. Frames on a Unix \
    socket: 4 bytes of big-endian length, then that many bytes of one JSON-RPC 2.0 object; no \
    batches. See docs/protocol.md.";

/// Returns the document.
#[must_use]
pub fn document() -> Value {
    let (mut asked, mut answered) =
        (generator(Contract::Deserialize), generator(Contract::Serialize));
    let schemas = method::schemas(&mut asked, &mut answered);
    let mut methods = Vec::new();
    for (row, (params, result)) in METHODS.iter().zip(schemas) {
        let (params, result) = (settled(&mut asked, params), settled(&mut answered, result));
        methods.push(described(row, &params, &result));
    }
    let event = answered.subschema_for::<Event>();
    let cancel = asked.subschema_for::<Cancel>();
    let error = answered.subschema_for::<WireError>();
    let mut shared = answered.take_definitions(true);
    for (name, schema) in asked.take_definitions(true) {
        let there = shared.insert(name.clone(), schema.clone());
        debug_assert!(there.is_none_or(|there| there == schema), "{name}: one name, two shapes");
    }
    json!({
        "openrpc": "1.3.2",
        "info": {"title": SERVICE, "version": PROTOCOL.to_string(), "description": ABOUT},
        "methods": methods,
        "components": {"schemas": shared, "errors": errors()},
        "x-error": error,
        "x-notifications": {
            "from-client": [{"name": CANCEL, "params": cancel}],
            "from-daemon": [{"name": EVENT, "params": event}],
        },
    })
}

/// OpenRPC has schemas of draft 7.
fn generator(contract: Contract) -> SchemaGenerator {
    let settings = SchemaSettings::draft07().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
        settings.contract = contract;
        settings.transforms.push(Box::new(in_one_line));
    });
    settings.into_generator()
}

/// Lines end where the source's do, which is no matter of the document.
fn in_one_line(schema: &mut Schema) {
    if let Some(Value::String(description)) = schema.get_mut("description") {
        *description = description.replace('\n', " ");
    }
    transform_subschemas(&mut in_one_line, schema);
}

/// Draft 7 says some things in other words: so does what stands in a method.
fn settled(generator: &mut SchemaGenerator, mut schema: Schema) -> Value {
    for transform in generator.transforms_mut() {
        transform.transform(&mut schema);
    }
    schema.to_value()
}

fn described(row: &MethodRow, params: &Value, result: &Value) -> Value {
    let errors =
        ErrorName::ALL.iter().map(|name| json!({"$ref": format!("#/components/errors/{name}")}));
    let mut method = json!({
        "name": row.name,
        "summary": row.summary,
        "paramStructure": "by-name",
        "params": descriptors(params),
        "result": {"name": "result", "required": true, "schema": result},
        "errors": errors.collect::<Vec<_>>(),
        "x-effect": row.effect,
        "x-since": row.since,
    });
    if let Some(members) = method.as_object_mut().filter(|_| WITH_DESCRIPTOR.contains(&row.name)) {
        members.insert("x-fd".to_owned(), Value::Bool(true));
    }
    method
}

/// The members of an object of params, one by one, those that must be there first, as OpenRPC
/// wants them.
fn descriptors(params: &Value) -> Vec<Value> {
    let none = Map::new();
    let properties = params.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let required: Vec<&str> = params
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut found: Vec<(bool, Value)> = properties
        .iter()
        .map(|(name, schema)| {
            let must = required.contains(&name.as_str());
            let descriptor = json!({"name": name, "required": must, "schema": schema});
            (must, descriptor)
        })
        .collect();
    found.sort_by_key(|(must, _)| !must);
    found.into_iter().map(|(_, descriptor)| descriptor).collect()
}

/// The error table; `message` is a sentence that may change, here it is the name.
fn errors() -> Map<String, Value> {
    let error = |name: &ErrorName| {
        let error = json!({
            "code": name.code(),
            "message": name,
            "data": {"$ref": "#/components/schemas/ErrorData"},
            "x-class": name.class(),
            "x-meaning": name.meaning(),
        });
        (name.to_string(), error)
    };
    ErrorName::ALL.iter().map(error).collect()
}
