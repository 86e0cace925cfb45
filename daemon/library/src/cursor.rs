//! Where a page ended: a position in the order, and the opaque text that carries it.
//!
//! A cursor holds a position and a check of filter, sort and library; filter and grant are applied
//! anew to each page, so that a made-up one gains a place to start and nothing else. It survives
//! changes of the library and restarts, for it names a value and a UUID, never a row number or a
//! count. The hazard: OFFSET, which skips or repeats when something is inserted.

use std::cmp::Ordering;

use darkslide_protocol::value::Uuid;

use crate::model::Query;
use crate::query::order::MAX_NAME_BYTES;

/// The digits of the longest name: its characters have up to four bytes.
const MAX_DIGITS: usize = 2 * 4 * MAX_NAME_BYTES;

/// The value of the sort, as the database has it: what has none, or nonsense for one, has its own
/// place in the order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rank {
    /// No value; for the order of UUIDs always.
    Missing,
    /// A whole number: seconds since 2001, bytes, a place in an album.
    Whole(i64),
    /// Seconds since 2001.
    Real(f64),
    /// Not a number.
    Nonsense,
    /// The bytes of a name.
    Bytes(Vec<u8>),
}

/// The last asset of a page, as a place in the order.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    pub(crate) rank: Rank,
    pub(crate) uuid: Uuid,
}

impl Rank {
    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Whole(one), Self::Whole(other)) => one.cmp(other),
            (Self::Bytes(one), Self::Bytes(other)) => one.cmp(other),
            (one, other) => match (one.number(), other.number()) {
                // As SQLite does: zero has no sign.
                (Some(one), Some(other)) => one.partial_cmp(&other).unwrap_or(Ordering::Equal),
                (None, _) | (_, None) => one.kind().cmp(&other.kind()),
            },
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "beside a fraction a whole number is small")]
    fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(value) => Some(*value as f64),
            Self::Real(value) => Some(*value),
            Self::Missing | Self::Nonsense | Self::Bytes(_) => None,
        }
    }

    /// Nothing comes before numbers, and those before texts and bytes.
    fn kind(&self) -> u8 {
        match self {
            Self::Missing => 0,
            Self::Whole(_) | Self::Real(_) => 1,
            Self::Nonsense => 2,
            Self::Bytes(_) => 3,
        }
    }
}

/// Why a cursor can not be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CursorError {
    /// Not a text that we made.
    #[error("the cursor is not one of this program")]
    Malformed,
    /// Made for another filter, order or library.
    #[error("the cursor belongs to another question")]
    Mismatch,
}

impl CursorError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Malformed | Self::Mismatch => "ask for the first page again, without a cursor",
        }
    }
}

impl Position {
    /// Which comes first, upwards: as SQLite compares what a sort makes, then by UUID.
    pub(crate) fn compare(&self, other: &Self) -> Ordering {
        self.rank.compare(&other.rank).then_with(|| self.uuid.cmp(&other.uuid))
    }

    /// Returns the text that a client gets; `library` is the name that the question went to.
    #[must_use]
    pub fn to_cursor(&self, query: &Query, library: &str) -> String {
        let rank = match &self.rank {
            Rank::Missing => String::from("m"),
            Rank::Whole(value) => format!("w{value}"),
            Rank::Real(value) => format!("r{:016x}", value.to_bits()),
            Rank::Nonsense => String::from("n"),
            Rank::Bytes(bytes) => {
                let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
                format!("b{}", digits.collect::<String>())
            }
        };
        format!("1.{:016x}.{rank}.{}", check(query, library), self.uuid)
    }

    /// Reads such a text again.
    ///
    /// # Errors
    /// [`CursorError`]; never more, whatever the text.
    pub fn from_cursor(text: &str, query: &Query, library: &str) -> Result<Self, CursorError> {
        let mut parts = text.splitn(4, '.');
        let mut part = || parts.next().ok_or(CursorError::Malformed);
        let (version, checked, rank, uuid) = (part()?, part()?, part()?, part()?);
        if version != "1" {
            return Err(CursorError::Malformed);
        }
        let rank = parse_rank(rank).ok_or(CursorError::Malformed)?;
        let uuid = Uuid::parse(uuid).map_err(|_| CursorError::Malformed)?;
        if checked != format!("{:016x}", check(query, library)) {
            return Err(CursorError::Mismatch);
        }
        Ok(Self { rank, uuid })
    }
}

fn parse_rank(text: &str) -> Option<Rank> {
    let (kind, value) = text.split_at_checked(1)?;
    match kind {
        "m" if value.is_empty() => Some(Rank::Missing),
        "n" if value.is_empty() => Some(Rank::Nonsense),
        "w" => value.parse().ok().map(Rank::Whole),
        "r" => {
            let bits = u64::from_str_radix(value, 16).ok()?;
            Some(f64::from_bits(bits)).filter(|value| !value.is_nan()).map(Rank::Real)
        }
        "b" => parse_bytes(value).map(Rank::Bytes),
        _ => None,
    }
}

fn parse_bytes(digits: &str) -> Option<Vec<u8>> {
    let all = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !all || !digits.len().is_multiple_of(2) || digits.len() > MAX_DIGITS {
        return None;
    }
    (0..digits.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok())
        .collect()
}

/// FNV-1a over what the question is; it tells mistakes, not attacks, for there is nothing to gain.
fn check(query: &Query, library: &str) -> u64 {
    let question = format!(
        "{library}\0{:?}\0{:?}\0{:?}\0{}",
        query.filter, query.include, query.sort, query.descending
    );
    question.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use darkslide_protocol::filter::{Filter, Flag, Sort};

    use super::*;

    fn query(filter: Filter) -> Query {
        Query {
            filter,
            include: Vec::new(),
            sort: Sort::Taken,
            descending: false,
            limit: 10,
            after: None,
            fields: darkslide_protocol::field::Fields::all(),
        }
    }

    #[test]
    fn a_cursor_round_trips_and_fits_its_own_question_only() {
        let uuid = Uuid::parse("1EB2B765-0765-43BA-A90C-0D0580E6172C").unwrap();
        let all = query(Filter::everything());
        for rank in [
            Rank::Missing,
            Rank::Whole(-5),
            Rank::Real(560_165_773.022),
            Rank::Real(f64::NEG_INFINITY),
            Rank::Nonsense,
            Rank::Bytes(Vec::new()),
            Rank::Bytes(vec![0, b'.', 0xff]),
        ] {
            let position = Position { rank, uuid: uuid.clone() };
            let cursor = position.to_cursor(&all, "main");
            assert_eq!(Position::from_cursor(&cursor, &all, "main"), Ok(position));
            for (other, library) in
                [(query(Filter::Is(Flag::Edited)), "main"), (all.clone(), "old")]
            {
                let answer = Position::from_cursor(&cursor, &other, library);
                assert_eq!(answer, Err(CursorError::Mismatch));
            }
        }
    }

    #[test]
    fn any_other_text_is_malformed() {
        let all = query(Filter::everything());
        for bad in [
            "",
            "1",
            "1.2.3.4",
            "2.0.m.x",
            "1.0.rzz.x",
            "1.0.b0.x",
            "1.0.b+1.x",
            "....",
            "1.é.é.é",
            &"1.".repeat(100_000),
        ] {
            assert_eq!(
                Position::from_cursor(bad, &all, "main"),
                Err(CursorError::Malformed),
                "{bad:.20}"
            );
        }
    }

    #[test]
    fn the_name_in_a_cursor_holds_at_its_limit_and_one_beyond() {
        let all = query(Filter::everything());
        let uuid = Uuid::parse("1EB2B765-0765-43BA-A90C-0D0580E6172C").unwrap();
        let with = |bytes: usize| {
            let rank = Rank::Bytes(vec![0xf0; bytes]);
            let cursor = Position { rank, uuid: uuid.clone() }.to_cursor(&all, "main");
            (cursor.len(), Position::from_cursor(&cursor, &all, "main"))
        };
        let (length, read) = with(4 * MAX_NAME_BYTES);
        assert!(read.is_ok() && length <= darkslide_protocol::limits::MAX_STRING_BYTES);
        assert_eq!(MAX_DIGITS, 8 * MAX_NAME_BYTES);
        for bytes in [4 * MAX_NAME_BYTES + 1, 100_000] {
            assert_eq!(with(bytes).1, Err(CursorError::Malformed));
        }
    }
}
