//! Holds a value against a JSON schema: as much of JSON Schema as ours are written in, and no more.
//!
//! A keyword that is not known here ends the test, so that nothing of a schema is ever passed over.
//! Stricter in one point: where a schema names properties, there are no others. A crate for all of
//! JSON Schema would bring more packages than everything else of the tests.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the harness of tests")]

use serde_json::{Map, Value};

/// Keywords that say nothing about a value.
const SILENT: &[&str] = &["$schema", "$defs", "title", "description", "default", "format"];
/// The most complaints that are gathered.
const MOST: usize = 20;

/// What of a value does not fit a schema, each with where it stands.
#[must_use]
pub fn complaints(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Check { root: schema, found: &mut found }.value(schema, value, "");
    found
}

struct Check<'a> {
    root: &'a Value,
    found: &'a mut Vec<String>,
}

impl Check<'_> {
    fn say(&mut self, at: &str, what: &str) {
        if self.found.len() < MOST {
            self.found.push(format!("{at}: {what}"));
        }
    }

    fn value(&mut self, schema: &Value, value: &Value, at: &str) {
        let Value::Object(keywords) = schema else {
            assert_eq!(schema, &Value::Bool(true), "a schema is an object, or fits everything");
            return;
        };
        for (keyword, says) in keywords {
            match keyword.as_str() {
                "type" => self.kind(says, value, at),
                "$ref" => {
                    let pointer = says.as_str().unwrap().trim_start_matches('#');
                    let meant = self.root.pointer(pointer).unwrap_or_else(|| panic!("{says}"));
                    self.value(meant, value, at);
                }
                "properties" => self.properties(says.as_object().unwrap(), value, at),
                "items" => {
                    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                        self.value(says, item, &format!("{at}/{index}"));
                    }
                }
                "additionalProperties" => {
                    for (name, member) in value.as_object().into_iter().flatten() {
                        self.value(says, member, &format!("{at}/{name}"));
                    }
                }
                "anyOf" => {
                    let fits = says.as_array().unwrap().iter().any(|one| {
                        let mut found = Vec::new();
                        Check { root: self.root, found: &mut found }.value(one, value, at);
                        found.is_empty()
                    });
                    if !fits {
                        self.say(at, "fits none of what it may be");
                    }
                }
                "minimum" => {
                    if value.as_f64().is_some_and(|it| it < says.as_f64().unwrap()) {
                        self.say(at, "is too small");
                    }
                }
                "minItems" => self.length(value, at, |length| length >= says.as_u64().unwrap()),
                "maxItems" => self.length(value, at, |length| length <= says.as_u64().unwrap()),
                silent if SILENT.contains(&silent) => {}
                unknown => panic!("tests/src/schema.rs does not know {unknown:?}"),
            }
        }
    }

    fn length(&mut self, value: &Value, at: &str, fits: impl Fn(u64) -> bool) {
        if value.as_array().is_some_and(|items| !fits(items.len() as u64)) {
            self.say(at, "has another number of items");
        }
    }

    fn properties(&mut self, properties: &Map<String, Value>, value: &Value, at: &str) {
        for (name, member) in value.as_object().into_iter().flatten() {
            match properties.get(name) {
                Some(schema) => self.value(schema, member, &format!("{at}/{name}")),
                None => self.say(&format!("{at}/{name}"), "is not in the schema"),
            }
        }
    }

    fn kind(&mut self, says: &Value, value: &Value, at: &str) {
        let is = |kind: &Value| match kind.as_str().unwrap() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "string" => value.is_string(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("no type {other:?}"),
        };
        let fits = says.as_array().map_or_else(|| is(says), |kinds| kinds.iter().any(is));
        if !fits {
            self.say(at, &format!("is not {says}, but {value}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        let schema = json!({
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "sizes": {"type": "array", "items": {"type": ["integer", "null"], "minimum": 0}},
                "of": {"anyOf": [{"$ref": "#/$defs/It"}, {"type": "null"}]},
                "any": true,
            },
            "$defs": {"It": {"properties": {"x": {"type": "number"}}}},
        });
        let good = json!({"name": "", "sizes": [1, null], "of": {"x": 0.5}, "any": [{}]});
        assert_eq!(complaints(&schema, &good), Vec::<String>::new());
        for (bad, at) in [
            (json!([]), ""),
            (json!({"name": 1}), "/name"),
            (json!({"sizes": [1, "2"]}), "/sizes/1"),
            (json!({"sizes": [-1]}), "/sizes/0"),
            (json!({"of": {"y": 1}}), "/of"),
            (json!({"other": 1}), "/other"),
        ] {
            let found = complaints(&schema, &bad);
            assert!(found.len() == 1 && found[0].starts_with(&format!("{at}: ")), "{found:?}");
        }
    }

    #[test]
    #[should_panic(expected = "does not know \"pattern\"")]
    fn a_keyword_that_is_not_known_is_not_passed_over() {
        let _found = complaints(&json!({"pattern": "x"}), &json!(""));
    }
}
