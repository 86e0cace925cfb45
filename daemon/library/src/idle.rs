//! Connections that nobody uses for the moment, and what was found out about their databases.
//!
//! Opening costs two milliseconds, most of it SQLite reading the schema: a walk over a library of a
//! million assets asks two thousand times. A connection is used again only while its files are the
//! ones that it opened; the caller ends the idle ones after two seconds (`rest`), for an open one
//! keeps Photos from its last checkpoint. No transaction is open in an idle connection. The hazard:
//! one that outlives its file and answers from a library that was replaced.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::bundle::{FileMark, Store};
use crate::db::Database;
use crate::profile::Profile;

/// Connections of one database that are kept: as many as a library has readers.
pub(crate) const MAX_IDLE: usize = 2;

/// An open database and its model; the search index and its like have none.
pub(crate) struct Kept {
    pub(crate) database: Database,
    pub(crate) profile: Option<Profile>,
}

/// What need not be found out again.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// Are connections kept at all? Only by a caller that ends them.
    keeps: bool,
    /// The main file and the `-wal` that were seen to belong together.
    fresh_wal: Mutex<Option<(FileMark, FileMark)>>,
    idle: Mutex<Vec<(Store, Kept)>>,
}

impl Known {
    /// Of a caller that ends idle connections.
    pub(crate) fn keeping() -> Self {
        Self { keeps: true, ..Self::default() }
    }

    /// Only for taking or putting a value: nothing is opened while this is held.
    pub(crate) fn fresh_wal(&self) -> MutexGuard<'_, Option<(FileMark, FileMark)>> {
        self.fresh_wal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an idle connection.
    pub(crate) fn take(&self, store: Store) -> Option<Kept> {
        let mut idle = self.idle();
        let at = idle.iter().position(|(it, _)| *it == store)?;
        Some(idle.swap_remove(at).1)
    }

    /// Keeps a connection, if there is room.
    pub(crate) fn put(&self, store: Store, kept: Kept) {
        let mut idle = self.idle();
        let of_store = idle.iter().filter(|(it, _)| *it == store).count();
        if self.keeps && of_store < MAX_IDLE {
            idle.push((store, kept));
        }
    }

    /// Closes those that nobody uses.
    pub(crate) fn rest(&self) {
        // Closed when the lock is free again: closing touches files.
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Store, Kept)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}
