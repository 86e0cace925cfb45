//! Bytes as JSON has them: base64 of the standard alphabet, padded (RFC 4648, section 4).
//!
//! Strict when read: no blanks, no other alphabet, no bits behind the end, so that bytes have one
//! text and a text one meaning. The hazard: a lenient reader that takes damage for content.

use std::fmt;

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PAD: u8 = b'=';

/// Bytes that travel as base64.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BytesText(
    #[cfg_attr(
        feature = "schema",
        schemars(with = "String", extend("contentEncoding" = "base64"))
    )]
    Vec<u8>,
);

impl BytesText {
    /// Wraps them.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Gives them away.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// How many there are; a log is no place for what is in a photo.
impl fmt::Debug for BytesText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for BytesText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for BytesText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = BytesText;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<BytesText, E> {
                decode(text.as_bytes()).map(BytesText).ok_or_else(|| E::custom("it is no base64"))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3).saturating_mul(4));
    for chunk in bytes.chunks(3) {
        let at = |position: usize| u32::from(chunk.get(position).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4_usize {
            let value = usize::try_from(bits >> (18 - 6 * digit) & 0x3F).unwrap_or(0);
            let letter = if digit > chunk.len() { Some(&PAD) } else { ALPHABET.get(value) };
            text.extend(letter.map(|letter| char::from(*letter)));
        }
    }
    text
}

/// None for what is not the one text of some bytes.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (groups, rest) = text.as_chunks::<4>();
    let mut bytes = Vec::with_capacity(groups.len().saturating_mul(3));
    for (number, group) in groups.iter().enumerate() {
        let is_last = number + 1 == groups.len();
        let digits = match group {
            [_, _, PAD, PAD] if is_last => 2,
            [_, _, _, PAD] if is_last => 3,
            _ => 4,
        };
        let mut bits = 0;
        for letter in group.iter().take(digits) {
            bits = bits << 6 | value_of(*letter)?;
        }
        let [_, first, second, third] = (bits << (6 * (4 - digits))).to_be_bytes();
        let decoded = [first, second, third];
        let (kept, dropped) = decoded.split_at_checked(digits - 1)?;
        if dropped.iter().any(|byte| *byte != 0) {
            return None;
        }
        bytes.extend_from_slice(kept);
    }
    rest.is_empty().then_some(bytes)
}

fn value_of(letter: u8) -> Option<u32> {
    Some(match letter {
        b'A'..=b'Z' => u32::from(letter - b'A'),
        b'a'..=b'z' => u32::from(letter - b'a') + 26,
        b'0'..=b'9' => u32::from(letter - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_READ_BYTES;

    #[test]
    fn bytes_have_the_text_of_the_standard_and_come_back() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text.as_bytes()).unwrap(), bytes.as_bytes());
        }
        let all: Vec<u8> = (0..=255).cycle().take(MAX_READ_BYTES as usize).collect();
        let text = serde_json::to_string(&BytesText::new(all.clone())).unwrap();
        let again: BytesText = serde_json::from_str(&text).unwrap();
        assert!(again.as_bytes() == all, "a part of the longest");
        assert_eq!(format!("{again:?}"), "2097152 bytes");
    }

    #[test]
    fn what_is_not_the_one_text_of_some_bytes_is_refused() {
        for text in [
            "Z",
            "Zg",
            "Zg=",
            "Zg=\n",
            "Zh==",
            "Zm9=",
            "Zm8=Zm8=",
            "====",
            "Z===",
            "Zm9v=",
            "Zm9v\n",
            " Zm9v",
            "Zm-_",
            "Zm9\u{e4}",
        ] {
            assert_eq!(decode(text.as_bytes()), None, "{text:?}");
            assert!(serde_json::from_value::<BytesText>(text.into()).is_err());
        }
    }
}
