//! A look at a whole request before any type is read from it: depth, duplicate keys, sizes,
//! characters.
//!
//! JSON leaves open what a key means that stands there twice, and how deep a document may be;
//! serde's answers differ by type. So every request is walked once, keeping nothing but the keys of
//! open objects, and stops at the first thing that is wrong. The hazard: a check that reads the
//! first of two equal keys, and an effect that reads the second.

use std::cell::Cell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::limits::{MAX_ARRAY_ITEMS, MAX_JSON_DEPTH, MAX_STRING_BYTES};

/// What is wrong, whatever the message would have meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Not one JSON document in UTF-8.
    #[error("this is not one JSON document in UTF-8")]
    Syntax,
    /// Not an object.
    #[error("a message is one JSON object; there are no batches")]
    NotAnObject,
    /// Too many objects and arrays in one another.
    #[error("objects and arrays may be nested {MAX_JSON_DEPTH} deep")]
    Depth,
    /// A key stands twice in one object.
    #[error("a key stands twice in one object")]
    DuplicateKey,
    /// A text is too long.
    #[error("a text may have {MAX_STRING_BYTES} bytes")]
    LongString,
    /// An array is too long.
    #[error("an array may have {MAX_ARRAY_ITEMS} items")]
    LongArray,
    /// A text has a control character or a mark that turns text around.
    #[error("a text may have no control characters and no marks that turn text around")]
    Character,
}

/// A flaw and where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flawed {
    /// What is wrong.
    pub flaw: Flaw,
    /// Is it inside the member `params`, so that the rest of the message can be trusted?
    pub in_params: bool,
}

/// Walks a whole document.
///
/// # Errors
/// The first [`Flaw`], and whether it is inside `params`.
pub fn check(document: &[u8]) -> Result<(), Flawed> {
    let first = document.iter().find(|byte| !byte.is_ascii_whitespace());
    if first.is_some_and(|&byte| byte != b'{')
        && serde_json::from_slice::<de::IgnoredAny>(document).is_ok()
    {
        return Err(Flawed { flaw: Flaw::NotAnObject, in_params: false });
    }
    let found = Found::default();
    let mut json = serde_json::Deserializer::from_slice(document);
    let walk = Walk { found: &found, depth: 0 };
    match walk.deserialize(&mut json).and_then(|()| json.end()) {
        Ok(()) => Ok(()),
        Err(_) => {
            // Without a flaw of ours it was serde_json's complaint, and then the document cannot be
            // read any further.
            let flaw = found.flaw.get();
            let in_params = found.in_params.get() && flaw.is_some();
            Err(Flawed { flaw: flaw.unwrap_or(Flaw::Syntax), in_params })
        }
    }
}

/// May this character stand in a text? Control characters, line separators and marks that change
/// the direction of text forge log lines and names; nothing that a person means needs them.
#[must_use]
pub fn is_plain(character: char) -> bool {
    !(character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}'
            | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
}

#[derive(Default)]
struct Found {
    flaw: Cell<Option<Flaw>>,
    in_params: Cell<bool>,
}

#[derive(Clone, Copy)]
struct Walk<'a> {
    found: &'a Found,
    depth: usize,
}

impl Walk<'_> {
    fn fail<T, E: de::Error>(self, flaw: Flaw) -> Result<T, E> {
        self.found.flaw.set(Some(flaw));
        Err(E::custom(flaw))
    }

    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_JSON_DEPTH {
            return self.fail(Flaw::Depth);
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }

    fn text<E: de::Error>(self, text: &str) -> Result<(), E> {
        if text.len() > MAX_STRING_BYTES {
            return self.fail(Flaw::LongString);
        }
        if !text.chars().all(is_plain) {
            return self.fail(Flaw::Character);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<(), E> {
        self.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut items = 0;
        while seq.next_element_seed(inner)?.is_some() {
            items += 1;
            if items > MAX_ARRAY_ITEMS {
                return self.fail(Flaw::LongArray);
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut keys = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            self.text(&key)?;
            let params = self.depth == 0 && key == "params";
            if !keys.insert(key) {
                return self.fail(Flaw::DuplicateKey);
            }
            self.found.in_params.set(params || (self.depth > 0 && self.found.in_params.get()));
            map.next_value_seed(inner)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flaw(text: &str) -> Option<Flaw> {
        check(text.as_bytes()).err().map(|flawed| flawed.flaw)
    }

    fn nested(depth: usize) -> String {
        format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))
    }

    #[test]
    fn depth_holds_at_the_limit_one_beyond_and_far_beyond() {
        assert_eq!(flaw(&nested(MAX_JSON_DEPTH)), None);
        for depth in [MAX_JSON_DEPTH + 1, 127, 128, 10_000] {
            assert_eq!(flaw(&nested(depth)), Some(Flaw::Depth), "{depth}");
        }
        assert_eq!(flaw(&format!("{{\"a\":{}", "[".repeat(30_000))), Some(Flaw::Depth));
    }

    #[test]
    fn finds_duplicate_keys_at_any_depth_and_behind_escapes() {
        assert_eq!(flaw(r#"{"method":"a","method":"b"}"#), Some(Flaw::DuplicateKey));
        assert_eq!(flaw(r#"{"a":1,"\u0061":2}"#), Some(Flaw::DuplicateKey));
        assert_eq!(flaw(r#"{"x":[{"a":1,"a":1}]}"#), Some(Flaw::DuplicateKey));
        assert_eq!(flaw(r#"{"a":{"a":1},"b":{"a":1}}"#), None);
    }

    #[test]
    fn knows_whether_the_flaw_is_inside_params() {
        let inside = check(br#"{"id":1,"params":{"a":{"b":1,"b":2}}}"#).unwrap_err();
        assert!(inside.in_params);
        let after = check(br#"{"params":{"a":1},"id":1,"id":2}"#).unwrap_err();
        assert!(!after.in_params);
        assert!(
            !check(br#"{"params":{"a":1}"#).unwrap_err().in_params,
            "torn: nothing can be trusted"
        );
        assert!(!check(br#"{"x":{"params":{"a":1,"a":1}}}"#).unwrap_err().in_params);
    }

    #[test]
    fn strings_and_arrays_hold_at_their_limits() {
        let string = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes));
        assert_eq!(flaw(&string(MAX_STRING_BYTES)), None);
        assert_eq!(flaw(&string(MAX_STRING_BYTES + 1)), Some(Flaw::LongString));
        let array = |items: usize| format!("{{\"a\":[{}]}}", vec!["1"; items].join(","));
        assert_eq!(flaw(&array(MAX_ARRAY_ITEMS)), None);
        assert_eq!(flaw(&array(MAX_ARRAY_ITEMS + 1)), Some(Flaw::LongArray));
    }

    #[test]
    fn refuses_characters_that_forge_lines_or_turn_text() {
        for escape in
            ["\\u0000", "\\n", "\\u001b", "\\u0085", "\\u2028", "\\u202e", "\\u2066", "\\u200f"]
        {
            assert_eq!(
                flaw(&format!("{{\"a\":\"x{escape}\"}}")),
                Some(Flaw::Character),
                "{escape}"
            );
            assert_eq!(flaw(&format!("{{\"x{escape}\":1}}")), Some(Flaw::Character), "{escape}");
        }
        assert_eq!(flaw("{\"a\":\"Zürich 🏔 שלום\"}"), None);
    }

    #[test]
    fn refuses_what_is_not_one_document_in_utf8() {
        for bytes in [
            &b""[..],
            b"{",
            b"{} {}",
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"{}\0",
            b"{\"a\":1e400}",
        ] {
            assert_eq!(check(bytes).unwrap_err().flaw, Flaw::Syntax, "{bytes:?}");
        }
        assert_eq!(flaw(r#"{"a":"\ud800"}"#), Some(Flaw::Syntax));
        for text in ["[]", "[{}]", "1", "\"x\"", "null"] {
            assert_eq!(flaw(text), Some(Flaw::NotAnObject), "{text}");
        }
    }
}
