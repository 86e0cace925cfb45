//! JSON that stands where a list could, in the edits of a photo, read as the same values.
//!
//! Not through `serde_json::Value`: its memory is a multiple of the text and its doubles are off
//! in the last place now and then, while a record must say the number that the edit holds. Texts
//! with escapes and nothing else go through `serde_json`. Never recurses; limits as for any list.

use std::borrow::Cow;

use super::builder::{Builder, Kind};
use super::{MAX_BYTES, Value};

/// Reads one JSON value; none if it is not JSON, or over a limit of lists.
pub(crate) fn read(bytes: &[u8]) -> Option<Value<'_>> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    let mut rest = Rest(str::from_utf8(bytes).ok()?);
    let mut builder = Builder::default();
    loop {
        if rest.value(&mut builder)? {
            continue;
        }
        // A value has ended, and with it perhaps what holds it.
        loop {
            let Some(kind) = builder.kind() else {
                rest.space();
                return if rest.0.is_empty() { builder.finish() } else { None };
            };
            if rest.eat(',') {
                if kind == Kind::Map {
                    rest.key(&mut builder)?;
                }
                break;
            }
            let end = if kind == Kind::Map { '}' } else { ']' };
            rest.eat(end).then(|| builder.end(kind))??;
        }
    }
}

struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    fn eat(&mut self, wanted: char) -> bool {
        self.space();
        let after = self.0.strip_prefix(wanted);
        self.0 = after.unwrap_or(self.0);
        after.is_some()
    }

    /// Reads a value, or the beginning of one that is not empty: then its first value is next.
    fn value(&mut self, builder: &mut Builder<'a>) -> Option<bool> {
        if self.eat('{') {
            builder.begin(Kind::Map)?;
            if !self.eat('}') {
                self.key(builder)?;
                return Some(true);
            }
            builder.end(Kind::Map)?;
        } else if self.eat('[') {
            builder.begin(Kind::Array)?;
            if !self.eat(']') {
                return Some(true);
            }
            builder.end(Kind::Array)?;
        } else if self.0.starts_with('"') {
            builder.value(Value::Text(self.text()?))?;
        } else {
            builder.value(self.word()?)?;
        }
        Some(false)
    }

    fn key(&mut self, builder: &mut Builder<'a>) -> Option<()> {
        self.space();
        builder.key(self.text()?)?;
        self.eat(':').then_some(())
    }

    fn text(&mut self) -> Option<Cow<'a, str>> {
        let inside = self.0.strip_prefix('"')?;
        let mut escaped = false;
        let mut after_backslash = false;
        let end = inside.bytes().position(|byte| {
            let ends = byte == b'"' && !after_backslash;
            after_backslash = byte == b'\\' && !after_backslash;
            escaped |= byte == b'\\' || byte < 0x20;
            ends
        })?;
        let (quoted, after) = self.0.split_at_checked(end.checked_add(2)?)?;
        self.0 = after;
        if escaped {
            return serde_json::from_str(quoted).ok().map(Cow::Owned);
        }
        inside.get(..end).map(Cow::Borrowed)
    }

    /// A number, or one of the three words.
    fn word(&mut self) -> Option<Value<'a>> {
        let ends = |it: char| !it.is_ascii_alphanumeric() && !['+', '-', '.'].contains(&it);
        let (word, after) = self.0.split_at_checked(self.0.find(ends).unwrap_or(self.0.len()))?;
        self.0 = after;
        Some(match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            // Rust would read `inf` and `+1`, too.
            _ if !word.starts_with(|it: char| it == '-' || it.is_ascii_digit()) => return None,
            _ if !word.ends_with(|it: char| it.is_ascii_digit()) => return None,
            _ => match word.parse() {
                Ok(whole) => Value::Integer(whole),
                Err(_) => Value::Real(word.parse().ok()?),
            },
        })
    }
}
