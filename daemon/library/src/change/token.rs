//! A place in a library's history, as the opaque text that a client keeps.
//!
//! It names a transaction, and holds a check of store, model and grant: a token of another library,
//! of the time before an upgrade, or from when the peer was granted something else does not fit.
//! What is answered is decided anew each time, so that a made-up token gains a place to start and
//! nothing else. The hazard: a library restored from a backup, whose history went on from an older
//! place; so the time of the transaction is checked too.

use std::fmt;

/// The longest text that is looked at: four times what we make.
const MAX_TOKEN_BYTES: usize = 256;

/// A place between two changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// The last transaction before it.
    pub(crate) transaction: i64,
    /// Where that is told in parts: its last change before the place.
    pub(crate) change: Option<i64>,
}

/// A place in the history of one library, for one grant. Its text is what a client gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub(crate) place: Place,
    /// Of the transaction's time; 0 where the history has no such transaction.
    pub(crate) stamp: u64,
    /// Of store, model and grant.
    pub(crate) check: u64,
}

/// Why a token can not be used: the client has to read the library anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Expired {
    /// Not a text that we made.
    #[error("the token is not one of this program")]
    Malformed,
    /// Of another library, another model, or from when something else was granted.
    #[error("the token is of another library, or of before an upgrade or a change of the policy")]
    Mismatch,
    /// Photos has removed the history back to there.
    #[error("the history no longer reaches back to the token")]
    Purged,
    /// The library is older than the token, or went another way: it was restored.
    #[error("the library was replaced by another state of it since the token was made")]
    Restored,
}

impl Token {
    pub(crate) fn parse(text: &str) -> Result<Self, Expired> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(Expired::Malformed);
        }
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(Expired::Malformed);
        let (version, check, transaction) = (part()?, part()?, part()?);
        let (change, stamp) = (part()?, part()?);
        if version != "1" || parts.next().is_some() {
            return Err(Expired::Malformed);
        }
        let number = |text: &str| text.parse().map_err(|_| Expired::Malformed);
        let hash = |text: &str| u64::from_str_radix(text, 16).map_err(|_| Expired::Malformed);
        let token = Self {
            place: Place {
                transaction: number(transaction)?,
                change: if change == "-" { None } else { Some(number(change)?) },
            },
            stamp: hash(stamp)?,
            check: hash(check)?,
        };
        // Only as it is written by us, so that one place has one text.
        if token.to_string() == text { Ok(token) } else { Err(Expired::Malformed) }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{:016x}.{}.", self.check, self.place.transaction)?;
        match self.place.change {
            Some(change) => write!(f, "{change}")?,
            None => f.write_str("-")?,
        }
        write!(f, ".{:016x}", self.stamp)
    }
}

/// FNV-1a: it tells mistakes, not attacks, for there is nothing to gain.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_round_trips() {
        for (transaction, change) in [(0, None), (7, Some(3)), (i64::MAX, Some(i64::MIN))] {
            let place = Place { transaction, change };
            let token = Token { place, stamp: 0xab, check: u64::MAX };
            assert_eq!(Token::parse(&token.to_string()), Ok(token));
        }
    }

    #[test]
    fn any_other_text_is_malformed() {
        let good = "1.00000000000000aa.7.-.00000000000000ab";
        assert!(Token::parse(good).is_ok());
        for bad in [
            "",
            "1",
            "1.2.3",
            "2.00000000000000aa.7.-.00000000000000ab",
            "1.aa.7.-.ab",
            "1.00000000000000aa.07.-.00000000000000ab",
            "1.00000000000000AA.7.-.00000000000000ab",
            "1.00000000000000aa.7.é.00000000000000ab",
            "1.00000000000000aa.7.-.00000000000000ab.",
            "1.00000000000000aa.9223372036854775808.-.00000000000000ab",
            &good.repeat(MAX_TOKEN_BYTES),
        ] {
            assert_eq!(Token::parse(bad), Err(Expired::Malformed), "{bad:.40}");
        }
        let long = |bytes: usize| "1".repeat(bytes);
        for bytes in [MAX_TOKEN_BYTES, MAX_TOKEN_BYTES + 1, MAX_TOKEN_BYTES * 1_000] {
            assert_eq!(Token::parse(&long(bytes)), Err(Expired::Malformed));
        }
    }
}
