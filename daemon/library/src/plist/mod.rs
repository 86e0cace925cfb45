//! Property lists of a library: what Apple's programs keep in a blob or a file, as values.
//!
//! Readers of our own for the binary form (`binary.rs`), XML (`xml.rs`) and, for edits that hold
//! it, JSON (`json.rs`), in place of the `plist` crate: that brings an XML parser and a calendar
//! along, some 200 KB of a program that has 50 KB left, and has no budget. None of them recurses;
//! all feed `builder.rs`, which alone counts. The hazards: a list that holds itself, nests fifty
//! thousand levels deep, or says one long text a million times in 100 KiB.

mod binary;
mod builder;
mod json;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod tests;
mod xml;

use std::borrow::Cow;
use std::io::Write;

pub(crate) use binary::{Binary, Object, Refs};
pub(crate) use json::read as read_json;

use crate::date::Date;

/// The longest list that is looked at, in bytes. Real blobs and files have at most 4,253; edits
/// with many strokes of a brush have some hundred thousand.
pub(crate) const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The longest list that is looked at for one number. Real ones have 3,600 to 5,200 bytes (models
/// 13537 to 19320).
pub(crate) const MAX_PLIST_BYTES: usize = 256 * 1024;
/// The most values and keys of one list; 2 MiB of memory. Real ones have at most 599.
pub(crate) const MAX_VALUES: usize = 65_536;
/// The most containers within each other, which bounds our own stack and every client's. Real
/// lists have at most 6.
pub(crate) const MAX_DEPTH: usize = 32;
/// The most bytes of texts and data in all, each counted as often as it is said. Real lists have
/// at most 4,188.
pub(crate) const MAX_TEXT_BYTES: usize = 2 * 1024 * 1024;

/// A value of a list; texts and bytes are borrowed from it where they stand there as they are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Integer(i128),
    Real(f64),
    Text(Cow<'a, str>),
    Data(Cow<'a, [u8]>),
    /// Seconds since 2001.
    Date(f64),
    /// A reference of an archive, which is not resolved here.
    Uid(u64),
    Array(Vec<Value<'a>>),
    /// Sorted by key, and each key once: of several the last.
    Map(Vec<(Cow<'a, str>, Value<'a>)>),
}

/// Reads a binary or XML list; none if it is neither, or over a limit.
pub(crate) fn read(bytes: &[u8]) -> Option<Value<'_>> {
    if bytes.len() > MAX_BYTES {
        return None;
    }
    if bytes.starts_with(binary::MAGIC) { binary::read(bytes) } else { xml::read(bytes) }
}

/// Returns the whole number that the top dictionary of a binary list has under `key`; none if
/// there is none, or the list is nonsense. Builds nothing.
pub(crate) fn top_level_integer(bytes: &[u8], key: &str) -> Option<i64> {
    if bytes.len() > MAX_PLIST_BYTES {
        return None;
    }
    let list = Binary::parse(bytes)?;
    match list.member(list.top()?, key)? {
        Object::Integer(number) => i64::try_from(number).ok(),
        _ => None,
    }
}

impl Value<'_> {
    /// The value under a key of a dictionary.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        let at = entries.binary_search_by(|(name, _)| name.as_ref().cmp(key)).ok()?;
        entries.get(at).map(|(_, value)| value)
    }

    /// A text.
    pub(crate) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// A number, whole or not.
    pub(crate) fn real(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "the nearest double is meant")]
            Self::Integer(number) => Some(*number as f64),
            Self::Real(number) => Some(*number),
            Self::Null
            | Self::Bool(_)
            | Self::Text(_)
            | Self::Data(_)
            | Self::Date(_)
            | Self::Uid(_)
            | Self::Array(_)
            | Self::Map(_) => None,
        }
    }

    /// Writes it as JSON; bytes, references and numbers that JSON does not have become null.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        self.write_json_where(out, |_| true);
    }

    /// The same, and leaves out, at every depth, each member whose key is not kept.
    pub(crate) fn write_json_where(&self, out: &mut Vec<u8>, keep: fn(&str) -> bool) {
        match self {
            Self::Null | Self::Data(_) | Self::Uid(_) => crate::json::null(out),
            Self::Bool(value) => crate::json::flag(out, *value),
            Self::Integer(value) => {
                write!(out, "{value}").expect("a buffer takes everything");
            }
            Self::Real(value) => crate::json::real(out, *value),
            Self::Text(value) => crate::json::text(out, value),
            Self::Date(seconds) => {
                crate::json::or_null(out, date_text(*seconds), |out, text| {
                    crate::json::text(out, &text);
                });
            }
            Self::Array(values) => {
                let mut list = crate::json::Array::begin(out);
                for value in values {
                    value.write_json_where(list.next(), keep);
                }
                list.end();
            }
            Self::Map(entries) => {
                // Not through `Object`: these keys are the library's and need their escapes.
                out.push(b'{');
                let mut first = true;
                for (key, value) in entries.iter().filter(|(key, _)| keep(key)) {
                    if !first {
                        out.push(b',');
                    }
                    first = false;
                    crate::json::text(out, key);
                    out.push(b':');
                    value.write_json_where(out, keep);
                }
                out.push(b'}');
            }
        }
    }
}

/// `2019-12-01T15:27:48`, in UTC and without saying so; six digits of a fraction that is not zero.
///
/// The fraction is that of the stored number. (`date.rs` makes a sum first, as the reference does
/// for columns; for lists it does not.)
pub(crate) fn date_text(seconds: f64) -> Option<String> {
    let mut whole = seconds.floor();
    let mut micros = ((seconds - whole) * 1e6).round_ties_even();
    if micros >= 1e6 {
        whole += 1.0;
        micros = 0.0;
    }
    let mut text = Date::utc(whole)?.to_string();
    text.truncate(text.strip_suffix("+00:00")?.len());
    if micros > 0.0 {
        text.push_str(&format!(".{micros:06.0}"));
    }
    Some(text)
}
