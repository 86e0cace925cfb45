//! Writes JSON to the end of a buffer: objects and lists, member by member, never as a tree.
//!
//! A page of records is written straight from rows, so that its memory is its text and nothing
//! else. Nothing here can fail: what JSON has no number for (infinite, not a number) becomes null.
//! The hazard: a text of the library that ends its own quotes; every text goes through
//! `serde_json`.

use crate::date::Date;

/// After so much a list takes nothing more: no answer has room for what is longer, so that it is
/// not told at all.
pub(crate) const MAX_BYTES: usize = 8 * 1024 * 1024;

/// Writes a text with its quotes.
pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    serde_json::to_writer(out, text).expect("a buffer takes everything, and a text is JSON");
}

/// Writes a list of texts.
pub(crate) fn texts<'t>(out: &mut Vec<u8>, values: impl Iterator<Item = &'t str>) {
    let mut list = Array::begin(out);
    values.for_each(|value| text(list.next(), value));
    list.end();
}

/// Writes a whole number.
pub(crate) fn integer(out: &mut Vec<u8>, value: i64) {
    serde_json::to_writer(out, &value).expect("a buffer takes everything, and a number is JSON");
}

/// Writes a number: the shortest text that reads as the same one.
pub(crate) fn real(out: &mut Vec<u8>, value: f64) {
    serde_json::to_writer(out, &value).expect("a buffer takes everything, and a number is JSON");
}

/// Writes true or false.
pub(crate) fn flag(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Writes a date as a text.
pub(crate) fn date(out: &mut Vec<u8>, date: Date) {
    out.push(b'"');
    date.write(out);
    out.push(b'"');
}

/// Writes null.
pub(crate) fn null(out: &mut Vec<u8>) {
    out.extend_from_slice(b"null");
}

/// Writes a value that may not be there.
pub(crate) fn or_null<T>(out: &mut Vec<u8>, value: Option<T>, write: impl Fn(&mut Vec<u8>, T)) {
    match value {
        Some(value) => write(out, value),
        None => null(out),
    }
}

/// An object that is being written. Keys are ours and need no escapes.
pub(crate) struct Object<'b> {
    out: &'b mut Vec<u8>,
    first: bool,
}

impl<'b> Object<'b> {
    /// Opens it.
    pub(crate) fn begin(out: &'b mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    /// Goes on with one that has at least one member and was left open.
    pub(crate) fn resume(out: &'b mut Vec<u8>) -> Self {
        Self { out, first: false }
    }

    /// Writes a key; the caller writes its value to the end of what is returned.
    pub(crate) fn key(&mut self, key: &str) -> &mut Vec<u8> {
        self.out.extend_from_slice(if self.first { b"\"" } else { b",\"" });
        self.first = false;
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// The same for a key that is a text of the library.
    pub(crate) fn named(&mut self, key: &str) -> &mut Vec<u8> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        text(self.out, key);
        self.out.push(b':');
        self.out
    }

    /// A member that is a text, or null.
    pub(crate) fn text(&mut self, key: &str, value: Option<&str>) {
        or_null(self.key(key), value, text);
    }

    /// A member that is a whole number, or null.
    pub(crate) fn integer(&mut self, key: &str, value: Option<i64>) {
        or_null(self.key(key), value, integer);
    }

    /// A member that is a number, or null.
    pub(crate) fn real(&mut self, key: &str, value: Option<f64>) {
        or_null(self.key(key), value, real);
    }

    /// A member that is true or false.
    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        flag(self.key(key), value);
    }

    /// A member that is a list of texts.
    pub(crate) fn texts<T: AsRef<str>>(&mut self, key: &str, values: &[T]) {
        texts(self.key(key), values.iter().map(AsRef::as_ref));
    }

    /// Members that were written before, with commas between them.
    pub(crate) fn members(&mut self, members: &[u8]) {
        if !members.is_empty() {
            if !self.first {
                self.out.push(b',');
            }
            self.first = false;
            self.out.extend_from_slice(members);
        }
    }

    /// Closes it.
    pub(crate) fn end(self) {
        self.out.push(b'}');
    }
}

/// A list that is being written.
pub(crate) struct Array<'b> {
    out: &'b mut Vec<u8>,
    first: bool,
}

impl<'b> Array<'b> {
    /// Opens it.
    pub(crate) fn begin(out: &'b mut Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, first: true }
    }

    /// Is there more before it and in it than any answer has room for?
    pub(crate) fn is_full(&self) -> bool {
        self.out.len() > MAX_BYTES
    }

    /// Makes room for an element; the caller writes it to the end of what is returned.
    pub(crate) fn next(&mut self) -> &mut Vec<u8> {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        self.out
    }

    /// Closes it.
    pub(crate) fn end(self) {
        self.out.push(b']');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again_whatever_the_texts_are() {
        let mut out = Vec::new();
        let mut object = Object::begin(&mut out);
        object.text("a", Some("\"\\\n\u{0}\u{202e}é"));
        object.text("b", None);
        object.integer("c", Some(i64::MIN));
        object.real("d", Some(f64::NAN));
        object.real("e", Some(0.1 + 0.2));
        object.flag("f", true);
        object.texts("g", &["x", "\"]"]);
        object.end();
        let read: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            read,
            serde_json::json!({
                "a": "\"\\\n\u{0}\u{202e}é", "b": null, "c": i64::MIN, "d": null,
                "e": 0.1 + 0.2, "f": true, "g": ["x", "\"]"],
            })
        );
    }

    #[test]
    fn empty_ones_and_ones_left_open_are_right_too() {
        let mut out = Vec::new();
        Object::begin(&mut out).end();
        Array::begin(&mut out).end();
        assert_eq!(out, b"{}[]");
        out.clear();
        let mut object = Object::begin(&mut out);
        object.flag("a", true);
        let mut object = Object::resume(&mut out);
        object.flag("b", false);
        object.end();
        assert_eq!(out, br#"{"a":true,"b":false}"#);
    }
}
