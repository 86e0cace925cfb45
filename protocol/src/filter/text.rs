//! What a text has to be like: equal, containing something, or of a pattern.
//!
//! On the wire a plain string, `{"contains": "…"}`, or `{"matches": "…"}` with `*` for any
//! characters and `?` for one. Case and diacritics are ignored by whoever compares. The length is
//! bounded while it is read, for the cost of a comparison grows with it.

use std::fmt;

use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};

use crate::limits::MAX_PATTERN_BYTES;

/// What a text has to be like.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(rename = "TextFilter", rename_all = "snake_case"))]
pub enum Text {
    /// With this somewhere in it.
    Contains(
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PATTERN_BYTES)))] String,
    ),
    /// Like this, where `*` is any characters, also none, and `?` is one.
    Matches(
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PATTERN_BYTES)))] String,
    ),
    /// Equal to this.
    #[cfg_attr(feature = "schema", schemars(untagged))]
    Exact(
        #[cfg_attr(feature = "schema", schemars(length(min = 1, max = MAX_PATTERN_BYTES)))] String,
    ),
}

impl Text {
    /// A text that is equal to another.
    #[must_use]
    pub fn exact(text: impl Into<String>) -> Self {
        Self::Exact(text.into())
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (key, text) = match self {
            Self::Exact(text) => return serializer.serialize_str(text),
            Self::Contains(text) => ("contains", text),
            Self::Matches(text) => ("matches", text),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(key, text)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneText)
    }
}

struct OneText;

impl<'de> Visitor<'de> for OneText {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, or an object with one of the keys \"contains\" and \"matches\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text, E> {
        bounded(text.to_owned()).map(Text::Exact)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Text, A::Error> {
        let unknown = || de::Error::custom("a text has one of the keys \"contains\", \"matches\"");
        let key = map.next_key::<String>()?.ok_or_else(unknown)?;
        let make: fn(String) -> Text = match key.as_str() {
            "contains" => Text::Contains,
            "matches" => Text::Matches,
            _ => return Err(unknown()),
        };
        let text = bounded(map.next_value()?)?;
        if map.next_key::<de::IgnoredAny>()?.is_some() {
            return Err(unknown());
        }
        Ok(make(text))
    }
}

fn bounded<E: de::Error>(text: String) -> Result<String, E> {
    if text.is_empty() {
        return Err(E::custom("a text to look for may not be empty"));
    }
    if text.len() > MAX_PATTERN_BYTES {
        return Err(E::custom(format_args!(
            "a text to look for may have {MAX_PATTERN_BYTES} bytes"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Text, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn all_three_forms_round_trip() {
        for text in [r#""Zürich""#, r#"{"contains":"rich"}"#, r#"{"matches":"IMG_*.HEI?"}"#] {
            assert_eq!(serde_json::to_string(&parse(text).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn refuses_other_keys_two_keys_and_nothing_to_look_for() {
        for text in [
            r#"{"like":"x"}"#,
            "{}",
            r#"{"contains":"a","matches":"b"}"#,
            r#"{"contains":1}"#,
            "1",
            "null",
            r#"["a"]"#,
            r#""""#,
            r#"{"matches":""}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_pattern_holds_at_its_limit_and_one_beyond() {
        for form in ["\"?\"", "{\"contains\":\"?\"}", "{\"matches\":\"?\"}"] {
            let with = |bytes: usize| parse(&form.replace('?', &"x".repeat(bytes)));
            assert!(with(MAX_PATTERN_BYTES).is_ok());
            for bytes in [MAX_PATTERN_BYTES + 1, MAX_PATTERN_BYTES * 100] {
                let error = with(bytes).unwrap_err();
                assert!(error.contains("256 bytes") && !error.contains("xx"), "{error}");
            }
        }
    }
}
