//! One gate per database file of this process: nobody reads a header while a SQLite connection to
//! it lives.
//!
//! POSIX locks belong to the process: closing any ordinary descriptor of a database, its `-wal` or
//! `-shm` drops SQLite's locks on it, after which a writer may truncate what a reader reads (seen
//! as SQLITE_CORRUPT). So one at a time enters, and goes the way of those that live; the others
//! wait, no lock held, by their own deadline. A known limit: an open that hangs in the kernel (a
//! pipe swapped in, a disk that is gone) keeps its thread, and this one database's gate.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use darkslide_door::Identity;

use crate::bundle::{Files, Journal, Recipe};
use crate::db::Stop;
use crate::deadline::Deadline;
use crate::error::LibraryError;

/// Every database file that somebody of this process holds or waits for.
static GATES: Mutex<BTreeMap<Identity, Arc<Gate>>> = Mutex::new(BTreeMap::new());

/// The gate of one database file.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Is somebody looking, reading headers or opening?
    entering: bool,
    open: usize,
    way: Option<Way>,
}

/// How the connections that live were opened.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) files: Files,
    pub(crate) recipe: Recipe,
    pub(crate) journal: Journal,
}

impl Way {
    /// May a further connection go the same way, now that the files are these?
    pub(crate) fn still_fits(&self, now: &Files) -> bool {
        match self.recipe {
            Recipe::Shared => self.files.same_files(now),
            Recipe::HeapIndex | Recipe::MainFileOnly => self.files.same_content(now),
        }
    }
}

/// The right to have one connection; gives it back when it is dropped, which must be after the
/// connection is closed.
#[derive(Debug)]
pub(crate) struct Pass {
    gate: Arc<Gate>,
}

/// The right to look, read headers and open: one at a time.
struct Turn<'a> {
    gate: &'a Gate,
}

impl Gate {
    pub(crate) fn of(database: Identity) -> Arc<Self> {
        let mut gates = GATES.lock().unwrap_or_else(PoisonError::into_inner);
        gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        Arc::clone(gates.entry(database).or_default())
    }

    /// Lets one connection be opened: by the way of those that live, else by what `classify` finds.
    pub(crate) fn enter<T>(
        self: &Arc<Self>,
        limit: &Deadline,
        look: impl Fn() -> Result<Files, LibraryError>,
        classify: impl FnOnce(&Files) -> Result<(Recipe, Journal), LibraryError>,
        open: impl FnOnce(&Way) -> Result<T, Stop>,
    ) -> Result<(T, Way, Pass), Stop> {
        let _turn = self.turn(limit)?;
        let way = loop {
            let living = self.living();
            let files = look()?;
            let Some(living) = living else {
                // None lives, and while this turn lasts none is opened.
                let (recipe, journal) = classify(&files)?;
                break Way { files, recipe, journal };
            };
            if living.still_fits(&files) {
                break Way { files, ..living };
            }
            let state = self.lock();
            if state.open > 0 {
                drop(limit.wait(&self.changed, state)?);
            }
        };
        let opened = open(&way)?;
        let mut state = self.lock();
        state.open += 1;
        state.way = Some(way.clone());
        drop(state);
        Ok((opened, way, Pass { gate: Arc::clone(self) }))
    }

    fn turn(&self, limit: &Deadline) -> Result<Turn<'_>, LibraryError> {
        let mut state = self.lock();
        while state.entering {
            state = limit.wait(&self.changed, state)?;
        }
        state.entering = true;
        Ok(Turn { gate: self })
    }

    /// The way of the connections that live; none where none does.
    fn living(&self) -> Option<Way> {
        let state = self.lock();
        state.way.clone().filter(|_| state.open > 0)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.gate.change(|state| state.entering = false);
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.gate.change(|state| state.open = state.open.saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]

    use std::cell::Cell;
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
    use std::sync::mpsc::sync_channel;

    use darkslide_fixture::{ManyOptions, Model, WalState, many};

    use crate::testing::Asked;

    use super::*;

    #[test]
    fn headers_are_read_only_while_no_connection_lives() {
        for wal in WalState::READABLE {
            let asked = Asked::new(|bundle| {
                many(bundle, Model::Photos5, 2, ManyOptions { wal, ..ManyOptions::default() })
                    .unwrap();
            });
            let classified = Cell::new(0);
            let outcome = asked.ask(|session| {
                let files = session.database.files().clone();
                let gate = Gate::of(files.main.identity);
                // A second connection, while the session's own lives.
                let entered = gate.enter(
                    session.limit,
                    || Ok(files.clone()),
                    |_| {
                        classified.set(classified.get() + 1);
                        Err(LibraryError::Busy)
                    },
                    |way| Ok(way.recipe),
                );
                let (recipe, way, pass) = entered?;
                assert_eq!(recipe, way.recipe);
                drop(pass);
                Ok(())
            });
            assert!(outcome.is_ok(), "{wal:?} {outcome:?}");
            assert_eq!(classified.get(), 0, "{wal:?}");
            // All are closed: the next one looks for itself.
            let seen = asked.ask(|session| Ok(session.database.files().main.identity)).unwrap();
            let gate = Gate::of(seen);
            assert_eq!(gate.lock().open, 0);
        }
    }

    fn some_files() -> Files {
        let asked = Asked::new(|bundle| {
            many(bundle, Model::Photos11, 2, ManyOptions::default()).unwrap();
        });
        asked.ask(|session| Ok(session.database.files().clone())).unwrap()
    }

    const SHARED: (Recipe, Journal) = (Recipe::Shared, Journal::Wal);

    #[test]
    fn whoever_hangs_while_entering_stops_nobody_beyond_their_own_deadline() {
        let files = some_files();
        let gate = Arc::new(Gate::default());
        let look = || Ok(files.clone());
        let never = Deadline::never();
        let (_, _, living) = gate.enter(&never, look, |_| Ok(SHARED), |_| Ok(())).unwrap();
        let (inside, is_inside) = sync_channel(0);
        let (release, released) = sync_channel::<()>(0);
        std::thread::scope(|scope| {
            let (gate, look) = (&gate, &look);
            let hangs = scope.spawn(move || {
                let hang = |_: &Way| {
                    inside.send(()).unwrap();
                    released.recv().unwrap();
                    Ok(())
                };
                gate.enter(&Deadline::never(), look, |_| Ok(SHARED), hang).map(drop)
            });
            is_inside.recv().unwrap();
            let asked = AtomicU32::new(0);
            let soon = Deadline::new(move || asked.fetch_add(1, Ordering::Relaxed) == 2);
            let answer = gate.enter(&soon, look, |_| panic!("one enters"), |_| Ok(())).map(drop);
            assert!(matches!(answer, Err(Stop::Error(LibraryError::TimedOut))), "{answer:?}");
            // A connection that lives can be closed meanwhile.
            drop(living);
            release.send(()).unwrap();
            assert!(hangs.join().unwrap().is_ok());
        });
        // Whether it ended well or not, the next one has its turn.
        let refused = gate.enter(&never, look, |_| Err(LibraryError::Busy), |_| Ok(())).map(drop);
        assert!(matches!(refused, Err(Stop::Error(LibraryError::Busy))), "{refused:?}");
        assert!(gate.enter(&never, look, |_| Ok(SHARED), |_| Ok(())).is_ok());
        assert_eq!(gate.lock().open, 0);
    }

    #[test]
    fn of_many_who_enter_one_reads_headers_and_only_while_none_lives() {
        let files = some_files();
        let gate = Arc::new(Gate::default());
        let (living, reading) = (AtomicU32::new(0), AtomicBool::new(false));
        let once = || {
            let classify = |_: &Files| {
                assert!(!reading.swap(true, Ordering::SeqCst));
                std::thread::yield_now();
                assert_eq!(living.load(Ordering::SeqCst), 0);
                reading.store(false, Ordering::SeqCst);
                Ok(SHARED)
            };
            let open = |_: &Way| {
                assert!(!reading.load(Ordering::SeqCst));
                living.fetch_add(1, Ordering::SeqCst);
                Ok(())
            };
            let look = || Ok(files.clone());
            let (_, _, pass) = gate.enter(&Deadline::never(), look, classify, open).unwrap();
            std::thread::yield_now();
            living.fetch_sub(1, Ordering::SeqCst);
            drop(pass);
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..200).for_each(|_| once()));
            }
        });
        assert_eq!(gate.lock().open, 0);
    }
}
