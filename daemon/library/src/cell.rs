//! One row of an answer: reads each cell as what it should be, and notes what it is instead.
//!
//! Nothing here fails: a cell of the wrong type, a text that is not UTF-8, has a NUL or is too long
//! becomes an absent value and a [`Problem`] of the row. Texts are made NFC, whatever the database
//! has. The hazard: one damaged row, or one made on purpose, that makes a page of five hundred
//! fail.

use std::borrow::Cow;

use rusqlite::Row;
use rusqlite::types::ValueRef;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use crate::json;
use crate::model::{Problem, ProblemKind};
use crate::schema::Column;

/// The longest title, keyword or name that is read; people's descriptions have a few thousand
/// bytes.
pub(crate) const MAX_TEXT_BYTES: usize = 64 * 1024;

/// A list of columns with a name for each position, so that writer and reader of a statement cannot
/// drift apart.
macro_rules! columns {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $column:expr,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        enum $name { $($variant),* }

        impl $name {
            const LIST: &[$crate::schema::Column] = &[$($column),*];

            fn at(self) -> usize {
                self as usize
            }
        }
    };
}
pub(crate) use columns;

/// The cells of a row, and the first problem met among them.
pub(crate) struct Cells<'a> {
    row: &'a Row<'a>,
    names: &'static [Column],
    /// The position of the first of them.
    first: usize,
    problem: Option<Problem>,
}

impl<'a> Cells<'a> {
    pub(crate) fn new(row: &'a Row<'a>, names: &'static [Column]) -> Self {
        Self::after(row, names, 0)
    }

    /// Those of a list that stands after so many other columns.
    pub(crate) fn after(row: &'a Row<'a>, names: &'static [Column], first: usize) -> Self {
        Self { row, names, first, problem: None }
    }

    pub(crate) fn problem(&self) -> Option<Problem> {
        self.problem
    }

    pub(crate) fn raw(&self, at: usize) -> ValueRef<'a> {
        self.row.get_ref(self.first + at).unwrap_or(ValueRef::Null)
    }

    /// A whole number; a REAL counts where it is one.
    pub(crate) fn integer(&mut self, at: usize) -> Option<i64> {
        match self.raw(at) {
            ValueRef::Null => None,
            ValueRef::Integer(value) => Some(value),
            ValueRef::Real(value) => self.noted(at, ProblemKind::Type, whole(value)),
            ValueRef::Text(_) | ValueRef::Blob(_) => self.noted(at, ProblemKind::Type, None),
        }
    }

    /// A whole number that is not negative: a size, a count, a width.
    pub(crate) fn natural(&mut self, at: usize) -> Option<u64> {
        let value = self.integer(at)?;
        self.noted(at, ProblemKind::Range, u64::try_from(value).ok())
    }

    /// A number of seconds.
    pub(crate) fn real(&mut self, at: usize) -> Option<f64> {
        match self.raw(at) {
            ValueRef::Null => None,
            #[expect(clippy::cast_precision_loss, reason = "seconds are far below 2^53")]
            ValueRef::Integer(value) => Some(value as f64),
            ValueRef::Real(value) => Some(value),
            ValueRef::Text(_) | ValueRef::Blob(_) => self.noted(at, ProblemKind::Type, None),
        }
    }

    /// A flag: nothing and 0 are no, everything else is yes.
    pub(crate) fn flag(&mut self, at: usize) -> bool {
        match self.raw(at) {
            ValueRef::Null => false,
            ValueRef::Integer(value) => value != 0,
            ValueRef::Real(value) => value != 0.0,
            ValueRef::Text(_) | ValueRef::Blob(_) => {
                self.note(at, ProblemKind::Type);
                true
            }
        }
    }

    pub(crate) fn is_null(&self, at: usize) -> bool {
        matches!(self.raw(at), ValueRef::Null)
    }

    /// A text in NFC; never one with a NUL.
    pub(crate) fn text(&mut self, at: usize) -> Option<String> {
        self.lend(at).map(Cow::into_owned)
    }

    /// The same, borrowed from the row where it is NFC there.
    pub(crate) fn lend(&mut self, at: usize) -> Option<Cow<'a, str>> {
        self.stored(at).map(composed)
    }

    /// A text as it is stored, which is how what machines wrote is told; never one with a NUL.
    pub(crate) fn stored(&mut self, at: usize) -> Option<&'a str> {
        let bytes = match self.raw(at) {
            ValueRef::Null => return None,
            ValueRef::Text(bytes) => bytes,
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Blob(_) => {
                return self.noted(at, ProblemKind::Type, None);
            }
        };
        if bytes.len() > MAX_TEXT_BYTES {
            return self.noted(at, ProblemKind::TooLong, None);
        }
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.contains('\0') => Some(text),
            Ok(_) | Err(_) => self.noted(at, ProblemKind::Encoding, None),
        }
    }

    /// The bytes of a blob of at most so many; a longer one is nonsense.
    pub(crate) fn blob(&mut self, at: usize, most: usize) -> Option<&'a [u8]> {
        match self.raw(at) {
            ValueRef::Null => None,
            ValueRef::Blob(bytes) if bytes.len() <= most => Some(bytes),
            ValueRef::Blob(_) => self.noted(at, ProblemKind::TooLong, None),
            ValueRef::Integer(_) | ValueRef::Real(_) | ValueRef::Text(_) => {
                self.noted(at, ProblemKind::Type, None)
            }
        }
    }

    /// Writes a number as the database has it; anything else as null.
    pub(crate) fn write_number(&mut self, at: usize, out: &mut Vec<u8>) {
        match self.raw(at) {
            ValueRef::Integer(value) => json::integer(out, value),
            ValueRef::Real(value) => json::real(out, value),
            ValueRef::Null => json::null(out),
            ValueRef::Text(_) | ValueRef::Blob(_) => {
                self.note(at, ProblemKind::Type);
                json::null(out);
            }
        }
    }

    pub(crate) fn note(&mut self, at: usize, kind: ProblemKind) {
        let field = self.names.get(at).map_or("", |column| column.name());
        self.problem.get_or_insert(Problem { field, kind });
    }

    fn noted<T>(&mut self, at: usize, kind: ProblemKind, value: Option<T>) -> Option<T> {
        if value.is_none() {
            self.note(at, kind);
        }
        value
    }
}

fn whole(value: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "without fraction and below 2^53")]
    (value.fract() == 0.0 && value.abs() < 9e15).then_some(value as i64)
}

/// The composed form, which is how titles are compared and told.
pub(crate) fn nfc(text: &str) -> String {
    composed(text).into_owned()
}

/// The same, borrowed where it is composed.
pub(crate) fn composed(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}
