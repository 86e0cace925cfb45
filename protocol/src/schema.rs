//! JSON schemas of the types whose wire form is written by hand: filters, fields, topics, times.
//!
//! All others derive theirs beside their definition. Only the documents need them, so the programs
//! are built without. The hazard: a schema that says otherwise than the reader beside it; the
//! end-to-end tests hold every request that was answered against these.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::event::Topic;
use crate::field::{Field, Fields};
use crate::filter::{Filter, Moment, MonthDay, Text};
use crate::limits::{MAX_KEY_BYTES, MAX_UUIDS};
use crate::value::Uuid;

macro_rules! schema {
    ($type:ident, |$generator:ident| $schema:expr) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema($generator: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

schema!(Filter, |generator| filter(generator));

schema!(Fields, |generator| json_schema!({
    "description": "Names of fields; `*` is all of them.",
    "type": "array",
    "items": {"anyOf": [generator.subschema_for::<Field>(), {"const": "*"}]},
    "maxItems": 2 * Field::ALL.len(),
}));

schema!(Topic, |_generator| json_schema!({
    "description": "What a subscription is about.",
    "type": "string",
    "pattern": format!("^(jobs|job:[0-9a-f]{{32}}|key:.{{1,{MAX_KEY_BYTES}}}|library:.+)$"),
}));

schema!(Moment, |_generator| json_schema!({
    "description": "The beginning of a day, or an instant.",
    "type": "string",
    "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}\
        ([T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?$",
    "examples": ["2024-07-14", "2024-07-14T10:30:00+02:00"],
}));

schema!(MonthDay, |_generator| json_schema!({
    "description": "A day of every year.",
    "type": "string",
    "pattern": "^[0-9]{2}-[0-9]{2}$",
    "examples": ["07-14"],
}));

/// How many there are of each word.
pub(crate) fn counts<W: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "propertyNames": generator.subschema_for::<W>(),
        "additionalProperties": {"type": "integer", "minimum": 0},
    })
}

/// An object of one key at most, which is what `maxProperties` says: fewer words than a choice
/// between thirty objects, and a complaint that names what does not fit.
fn filter(generator: &mut SchemaGenerator) -> Schema {
    let inner = generator.subschema_for::<Filter>();
    let uuid = generator.subschema_for::<Uuid>();
    let text = generator.subschema_for::<Text>();
    let combinators = [
        ("all", "Those that fit every one of these.", json!({"type": "array", "items": inner})),
        ("any", "Those that fit at least one of these.", json!({"type": "array", "items": inner})),
        ("not", "Those that do not fit this.", json!(inner)),
        ("uuid", "These assets.", json!({"type": "array", "items": uuid, "maxItems": MAX_UUIDS})),
        (
            "album",
            "Those in an album: its UUID, its title, or its folder path such as \
             `Trips/2024/Japan`; or those in any album that is like this.",
            json!({"anyOf": [{"type": "string"}, text]}),
        ),
    ];
    let leaves = Filter::leaf_schemas(generator);
    let leaves = leaves.into_iter().map(|(key, what, schema)| (key, what, schema.to_value()));
    let properties: Map<String, Value> = combinators
        .into_iter()
        .chain(leaves)
        .map(|(key, what, mut schema)| {
            if let Some(keywords) = schema.as_object_mut() {
                keywords.insert("description".to_owned(), what.into());
            }
            (key.to_owned(), schema)
        })
        .collect();
    json_schema!({
        "description": "Which assets: an object with one key; an empty one is every asset.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "maxProperties": 1,
    })
}
