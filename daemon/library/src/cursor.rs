//! Where a page ended: a position in the order, and the opaque text that carries it.
//!
//! A cursor holds a position and a check of filter, sort and library; filter and grant are applied
//! anew to each page, so that a made-up one gains a place to start and nothing else. It survives
//! changes of the library and restarts, for it names a value and a UUID, never a row number or a
//! count. The hazard: OFFSET, which skips or repeats when something is inserted.

use darkslide_protocol::value::Uuid;

use crate::model::Query;

/// The value of the sort, as the database has it: what has no date, or nonsense for one, has its
/// own place in the order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Taken {
    /// No date.
    Missing,
    /// Seconds since 2001, a whole number.
    Whole(i64),
    /// Seconds since 2001.
    Real(f64),
    /// Not a number.
    Nonsense,
}

/// The last asset of a page, as a place in the order.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    pub(crate) taken: Taken,
    pub(crate) uuid: Uuid,
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
    /// Returns the text that a client gets; `library` is the name that the question went to.
    #[must_use]
    pub fn to_cursor(&self, query: &Query, library: &str) -> String {
        let taken = match self.taken {
            Taken::Missing => String::from("m"),
            Taken::Whole(seconds) => format!("w{seconds}"),
            Taken::Real(seconds) => format!("r{:016x}", seconds.to_bits()),
            Taken::Nonsense => String::from("n"),
        };
        format!("1.{:016x}.{taken}.{}", check(query, library), self.uuid)
    }

    /// Reads such a text again.
    ///
    /// # Errors
    /// [`CursorError`]; never more, whatever the text.
    pub fn from_cursor(text: &str, query: &Query, library: &str) -> Result<Self, CursorError> {
        let mut parts = text.splitn(4, '.');
        let mut part = || parts.next().ok_or(CursorError::Malformed);
        let (version, checked, taken, uuid) = (part()?, part()?, part()?, part()?);
        if version != "1" {
            return Err(CursorError::Malformed);
        }
        let taken = parse_taken(taken).ok_or(CursorError::Malformed)?;
        let uuid = Uuid::parse(uuid).map_err(|_| CursorError::Malformed)?;
        if checked != format!("{:016x}", check(query, library)) {
            return Err(CursorError::Mismatch);
        }
        Ok(Self { taken, uuid })
    }
}

fn parse_taken(text: &str) -> Option<Taken> {
    let (kind, value) = text.split_at_checked(1)?;
    match kind {
        "m" if value.is_empty() => Some(Taken::Missing),
        "n" if value.is_empty() => Some(Taken::Nonsense),
        "w" => value.parse().ok().map(Taken::Whole),
        "r" => {
            let bits = u64::from_str_radix(value, 16).ok()?;
            Some(f64::from_bits(bits)).filter(|seconds| !seconds.is_nan()).map(Taken::Real)
        }
        _ => None,
    }
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
        }
    }

    #[test]
    fn a_cursor_round_trips_and_fits_its_own_question_only() {
        let uuid = Uuid::parse("1EB2B765-0765-43BA-A90C-0D0580E6172C").unwrap();
        let all = query(Filter::everything());
        for taken in
            [Taken::Missing, Taken::Whole(-5), Taken::Real(560_165_773.022), Taken::Nonsense]
        {
            let position = Position { taken, uuid: uuid.clone() };
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
        for bad in
            ["", "1", "1.2.3.4", "2.0.m.x", "1.0.rzz.x", "....", "1.é.é.é", &"1.".repeat(100_000)]
        {
            assert_eq!(
                Position::from_cursor(bad, &all, "main"),
                Err(CursorError::Malformed),
                "{bad:.20}"
            );
        }
    }
}
