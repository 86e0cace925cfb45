//! Words of the wire that more than one message uses: UUIDs, names, bounded numbers.
//!
//! Each is checked while it is read, so that whoever holds one need not look again. The hazard: a
//! UUID becomes part of a path in the library; `../../x` must never get that far.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};

/// Why a text is no UUID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a UUID has 36 characters of the form 8-4-4-4-12, or 22 as Photos 3 and 4 wrote them")]
pub struct UuidError;

/// The identity of an asset or album. Hexadecimal digits are upper-case, as Photos writes them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Uuid(
    #[cfg_attr(
        feature = "schema",
        schemars(regex(
            pattern = r"^([0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}|[0-9A-Za-z%+_-]{22})$"
        ))
    )]
    String,
);

impl Uuid {
    /// Checks a text; lower-case digits are taken and made upper-case.
    ///
    /// # Errors
    /// [`UuidError`] for anything of another form.
    pub fn parse(text: &str) -> Result<Self, UuidError> {
        if is_modern(text) {
            return Ok(Self(text.to_ascii_uppercase()));
        }
        // Photos 3 and 4 (and iPhoto before them): 22 characters of a base64 kind, with `%` and
        // `+`; never a slash or a dot.
        let old = |c: char| c.is_ascii_alphanumeric() || matches!(c, '%' | '+' | '_' | '-');
        if text.len() == 22 && text.chars().all(old) {
            return Ok(Self(text.to_owned()));
        }
        Err(UuidError)
    }

    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight characters: what tells files of equal names apart.
    #[must_use]
    pub fn short(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

fn is_modern(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(position, byte)| match position {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

impl FromStr for Uuid {
    type Err = UuidError;

    fn from_str(text: &str) -> Result<Self, UuidError> {
        Self::parse(text)
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Uuid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, Self::parse)
    }
}

/// Why a text is no identifier of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an identifier has 32 lower-case hexadecimal digits")]
pub struct TokenError;

/// 128 random bits that name a job, a subscription or a daemon's instance: nobody guesses
/// another's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Token(
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[0-9a-f]{32}$")))] String,
);

impl Token {
    /// Makes one from random bits.
    #[must_use]
    pub fn from_bits(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }

    /// Checks a text.
    ///
    /// # Errors
    /// [`TokenError`] for anything of another form.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        if text.len() == 32 && text.bytes().all(digit) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TokenError)
        }
    }

    /// Lends the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(text: &str) -> Result<Self, TokenError> {
        Self::parse(text)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parsed(deserializer, Self::parse)
    }
}

/// Reads a text and checks it; the complaint is ours and never repeats the peer's text.
pub(crate) fn parsed<'de, D, T, E>(
    deserializer: D,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
{
    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
    parse(&text).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_both_forms_of_uuid_and_nothing_that_could_be_a_path() {
        let modern = "1eb2b765-0765-43ba-a90c-0d0580e6172c";
        assert_eq!(Uuid::parse(modern).unwrap().as_str(), modern.to_uppercase());
        assert_eq!(Uuid::parse("6bxcNnzRQKGnK4uPrCJ9UQ").unwrap().short(), "6bxcNnzR");
        assert!(Uuid::parse("3Jn73XpSQQCluzRBMWRsMA").is_ok());
        for bad in
            ["", "../../x", "6bxcNnzRQKGnK4uPrCJ9U/", "......................", &"A".repeat(36)]
        {
            assert_eq!(Uuid::parse(bad), Err(UuidError), "{bad}");
        }
    }

    #[test]
    fn a_token_is_32_digits_and_round_trips() {
        let token = Token::from_bits(0xfeed);
        assert_eq!(Token::parse(token.as_str()), Ok(token));
        for bad in ["", "0", "-1", &"F".repeat(32), &"0".repeat(33), &"0".repeat(1_000_000)] {
            assert_eq!(Token::parse(bad), Err(TokenError));
        }
    }
}
