//! The names that a policy gives to libraries, roots and rules.
//!
//! A name is what clients write and what logs show, so it is short and plain: letters, digits, `-`,
//! `_`, `.`; the first is a letter or digit. It never becomes a path.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Long enough for a person's word, short enough for a log line.
const MAX_NAME_BYTES: usize = 64;

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a name has 1 to 64 letters, digits, `-`, `_` or `.`, and begins with a letter or digit")]
pub struct NameError;

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks a text.
            ///
            /// # Errors
            /// [`NameError`] for anything but a short plain word.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                check(text)?;
                Ok(Self(text.to_owned()))
            }

            /// Lends the text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// The name by which clients know a library.
    LibraryName;
    /// The name of a root: a folder below which exports may be written.
    RootName;
    /// The name of a client rule; the log and jobs refer to it.
    RuleName;
}

fn check(text: &str) -> Result<(), NameError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let good = text.len() <= MAX_NAME_BYTES
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(plain);
    if good { Ok(()) } else { Err(NameError) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_short_plain_words_only() {
        for good in ["main", "a", "Old-Disk_2.1", &"n".repeat(64)] {
            assert!(LibraryName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-x", ".x", "a/b", "a b", "é", "a\n", &"n".repeat(65), &"n".repeat(100_000)]
        {
            assert_eq!(RootName::parse(bad), Err(NameError), "{bad:.70}");
        }
    }
}
