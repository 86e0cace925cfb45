//! How much the related rows of some assets may have together.
//!
//! A real asset has a dozen rows and some kilobytes of texts; a hundred thousand rows that claim to
//! belong to one, or one long keyword a hundred thousand times, are made to hurt. Whoever gathers
//! rows for a record takes room for each; where there is none left, fewer assets are read at once,
//! and one that has no room alone is told by its name. The hazard: a list that is bounded by the
//! library's file alone.

use std::cell::Cell;

use crate::db::Stop;

/// What is gathered for the assets of one statement, in bytes: a page of 1,000 has some hundred
/// thousand.
pub(crate) const MAX_RELATED_BYTES: usize = 8 * 1024 * 1024;
/// What each row costs beside its texts.
const ROW_BYTES: usize = 64;

/// The room that is left; without end where nobody set one.
#[derive(Debug)]
pub(crate) struct Room(Cell<usize>);

impl Default for Room {
    fn default() -> Self {
        Self(Cell::new(usize::MAX))
    }
}

impl Room {
    /// From now on there is so much.
    pub(super) fn begin(&self) {
        self.0.set(MAX_RELATED_BYTES);
    }

    /// From now on there is no end.
    pub(super) fn end(&self) {
        self.0.set(usize::MAX);
    }

    /// Takes a row of numbers.
    pub(crate) fn take_row(&self) -> Result<(), Stop> {
        self.take::<&str>(&[])
    }

    /// Takes a row with these texts.
    pub(crate) fn take<T: AsRef<[u8]>>(&self, texts: &[Option<T>]) -> Result<(), Stop> {
        let texts = texts.iter().flatten().map(|it| it.as_ref().len());
        let bytes = texts.fold(ROW_BYTES, usize::saturating_add);
        self.0.set(self.0.get().checked_sub(bytes).ok_or(Stop::TooBig)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bytes_are_gathered_and_no_more() {
        let room = Room::default();
        let text = "x".repeat(MAX_RELATED_BYTES - ROW_BYTES);
        for begun in [false, true] {
            if begun {
                room.begin();
            }
            assert!(room.take(&[None, Some(&text)]).is_ok());
            assert_eq!(room.take_row().is_err(), begun);
            assert_eq!(room.take(&[Some(&text), Some(&text)]).is_err(), begun);
        }
        room.end();
        assert!(room.take_row().is_ok());
    }
}
