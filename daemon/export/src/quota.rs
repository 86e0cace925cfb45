//! How much exports may hold below a root, and whether a plan fits into that.
//!
//! What counts are the sizes that the records of a root's destinations tell: of this one by its own
//! manifest, of the others by whoever asks for the export, who alone may look there. Files of other
//! programs count nothing, nor does `.darkslide/`, its trash included; a file that is taken over
//! costs nothing now and counts from then on. An update needs what it adds. The hazard: a walk over
//! a whole root for a run that writes nothing, so the others are asked for only when a byte is to
//! be added.

use darkslide_door::Destination;
use darkslide_policy::RelPath;

use crate::destinations::{MAX_DEPTH, find};
use crate::error::ExportError;
use crate::plan::{Act, Known};
use crate::run::Stop;

/// What a root may hold.
#[derive(Clone, Copy)]
pub struct Quota<'a> {
    /// Bytes below the root.
    pub limit: u64,
    /// What its other destinations hold, and jobs that work there are about to write.
    pub others: &'a (dyn Fn() -> Result<u64, ExportError> + Sync),
}

impl Quota<'_> {
    /// Bytes that count now; those of this destination are known.
    fn used(&self, own: u64) -> Result<u64, ExportError> {
        Ok((self.others)()?.saturating_add(own))
    }

    /// Bytes that exports may still add.
    pub(crate) fn left(&self, own: u64) -> Result<u64, ExportError> {
        Ok(self.limit.saturating_sub(self.used(own)?))
    }

    /// May so much be added to what this destination holds? Nothing may always be.
    pub(crate) fn check(&self, own: u64, growth: Growth) -> Result<(), ExportError> {
        let needed = growth.needed();
        if needed == 0 {
            return Ok(());
        }
        let (used, limit) = (self.used(own)?, self.limit);
        if used.saturating_add(needed) > limit {
            return Err(ExportError::OverQuota { needed, used, limit });
        }
        Ok(())
    }
}

/// Bytes that the destinations of a root hold but the one at `own`, which need not be there yet;
/// `held` tells those of one.
///
/// # Errors
/// [`ExportError::Uncounted`] where not all of them are found, or `own` would not be; those of
/// [`find`] and of `held`.
pub fn held_beside(
    root: &Destination<'_>,
    own: &RelPath,
    held: &mut dyn FnMut(RelPath) -> Result<u64, ExportError>,
    stop: &dyn Fn() -> Stop,
) -> Result<u64, ExportError> {
    if own.components().count() > MAX_DEPTH {
        return Err(ExportError::Uncounted { why: "the destination lies too deep below it" });
    }
    let found = find(root, stop)?;
    if found.too_many {
        return Err(ExportError::Uncounted { why: "there are too many folders below it" });
    }
    let others = found.destinations.into_iter().filter(|path| path != own);
    others.map(held).try_fold(0, |sum: u64, bytes| Ok(sum.saturating_add(bytes?)))
}

/// What a plan adds to a destination.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Growth {
    written: u64,
    replaced: u64,
}

impl Growth {
    /// Takes the acts of one asset.
    pub(crate) fn take(&mut self, acts: &[Act], known: &dyn Known) -> Result<(), ExportError> {
        for write in acts.iter().filter_map(Act::write) {
            self.written = self.written.saturating_add(write.source.size);
            // Also where its file was removed: the row still counts.
            let row = known.get(&write.key)?;
            self.replaced = self.replaced.saturating_add(row.map_or(0, |row| row.size));
        }
        Ok(())
    }

    fn needed(self) -> u64 {
        self.written.saturating_sub(self.replaced)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(limit: u64, own: u64, others: u64, growth: (u64, u64)) -> Result<(), String> {
        let quota = Quota { limit, others: &|| Ok(others) };
        let growth = Growth { written: growth.0, replaced: growth.1 };
        quota.check(own, growth).map_err(|error| error.to_string())
    }

    #[test]
    fn what_fits_to_the_byte_may_be_written_and_one_byte_more_may_not() {
        assert_eq!(check(100, 20, 30, (50, 0)), Ok(()));
        let refused = check(100, 20, 30, (51, 0)).unwrap_err();
        assert!(["51", "50", "100"].iter().all(|number| refused.contains(number)), "{refused}");
        assert_eq!(check(100, 20, 30, (90, 40)), Ok(()));
        assert!(check(100, 20, 30, (91, 40)).is_err());
    }

    #[test]
    fn sizes_beyond_all_measure_are_too_much_and_overflow_nothing() {
        assert!(check(100, u64::MAX, u64::MAX, (1, 0)).is_err());
        assert!(check(u64::MAX - 1, 1, 1, (u64::MAX, 0)).is_err());
        assert_eq!(Quota { limit: 9, others: &|| Ok(u64::MAX) }.left(1).unwrap(), 0);
    }

    #[test]
    fn what_adds_nothing_asks_nobody_and_is_never_refused() {
        let quota = Quota { limit: 0, others: &|| panic!("nobody has to walk for that") };
        for (written, replaced) in [(0, 0), (0, 7), (7, 7), (6, 7)] {
            assert!(quota.check(u64::MAX, Growth { written, replaced }).is_ok());
        }
    }
}
