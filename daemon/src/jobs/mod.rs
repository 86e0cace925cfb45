//! Jobs: what runs on, whoever is connected.
//!
//! This module alone decides when a job runs, and tells its watchers. What a job does is a closure
//! that `service` made, with the grants in it; jobs know neither libraries nor sockets. State
//! changes and their events happen under one lock, so that a terminal event is always told before
//! an answer can know of it. Jobs live in memory: what an export did stands in its destination, and
//! the next export goes on from there.

mod feed;
mod state;
mod table;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use darkslide_policy::ReadScope;
use darkslide_protocol::error::WireError;
use darkslide_protocol::value::Token;
use tokio::sync::Notify;

use crate::threads;

pub(crate) use feed::Feed;
pub(crate) use state::{Happening, State};
#[cfg(test)]
pub(crate) use table::Tally;
pub(crate) use table::{Busy, Snapshot, Watcher};
use table::{Next, Table};

/// Jobs at work at one time: the disk is the bottleneck, and two keep it busy.
pub(crate) const MAX_RUNNING: usize = 2;
/// Jobs in line; the next is refused.
pub(crate) const MAX_WAITING: usize = 64;
/// Jobs that are over and still answered for.
pub(crate) const MAX_REMEMBERED: usize = 256;

/// What a job does. It tells `Feed` how far it is, and ends early when [`Feed::should_stop`] says
/// so.
pub(crate) type Work = Box<dyn FnOnce(&Feed) -> Result<Ending, WireError> + Send>;

/// How a job's work came back without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All of it was done.
    Complete,
    /// It was asked to stop, and stopped at a safe point.
    Stopped,
}

/// What an order for a job says beside its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// The rule of who started it.
    pub rule: String,
    /// The client's name for the call.
    pub key: Option<String>,
    /// The library, and what its grant shows of it.
    pub read: ReadScope,
    /// The root's name.
    pub root: String,
    /// The destination below the root; `.` for the root itself.
    pub path: String,
}

/// All jobs of this daemon.
#[derive(Clone)]
pub(crate) struct Jobs {
    shared: Arc<Shared>,
}

struct Shared {
    table: Mutex<Table>,
    idle: Notify,
}

impl Shared {
    /// A panic while the lock was held leaves counts at worst one behind: going on is better than
    /// ending every job.
    fn table(&self) -> std::sync::MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Jobs {
    fn default() -> Self {
        Self::new()
    }
}

impl Jobs {
    /// No jobs yet.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::new(Shared { table: Mutex::new(Table::default()), idle: Notify::new() }),
        }
    }

    /// Puts a job in line, or finds the one that the same rule started under the same key.
    ///
    /// # Errors
    /// [`Busy`] when the line is full, a job works on the same destination, or the daemon is about
    /// to end.
    pub(crate) fn submit(&self, id: Token, order: Order, work: Work) -> Result<Snapshot, Busy> {
        let snapshot = self.shared.table().submit(id, order, work)?;
        self.start_next();
        Ok(snapshot)
    }

    /// A job as it is now.
    #[must_use]
    pub(crate) fn get(&self, id: &Token) -> Option<Snapshot> {
        self.shared.table().get(id)
    }

    /// How many are at work and in line.
    #[must_use]
    pub(crate) fn counts(&self) -> (usize, usize) {
        self.shared.table().counts()
    }

    /// Tells a watcher of everything from now on; of jobs that it wants and that are over, their
    /// last event at once.
    pub(crate) fn watch(&self, watcher: Arc<dyn Watcher>) {
        self.shared.table().watch(watcher);
    }

    /// Asks every job to stop at the next safe point and takes no more; waits up to `limit` until
    /// none is at work.
    pub(crate) async fn end(&self, limit: Duration) {
        self.shared.table().end();
        let all_idle = async {
            loop {
                let notified = self.shared.idle.notified();
                if self.counts().0 == 0 {
                    return;
                }
                notified.await;
            }
        };
        if tokio::time::timeout(limit, all_idle).await.is_err() {
            tracing::warn!("a job did not stop in time; its batch in hand will be done again");
        }
    }

    fn start_next(&self) {
        loop {
            // Not `while let`: the lock would be held for the body.
            let Some(next) = self.shared.table().take_next() else {
                return;
            };
            let id = next.id.clone();
            let jobs = self.clone();
            if let Err(error) = threads::start("job", move || jobs.run(next)) {
                tracing::error!(error = ?error.to_string(), "no thread for a job");
                self.shared.table().settle(&id, Happening::Failed(no_thread()));
            }
        }
    }

    fn run(self, next: Next) {
        let Next { id, work } = next;
        let feed = Feed::new(Arc::clone(&self.shared), id.clone());
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&feed)));
        let happening = match result {
            Ok(Ok(Ending::Complete)) => Happening::Finished,
            Ok(Ok(Ending::Stopped)) => Happening::Interrupted,
            Ok(Err(error)) => Happening::Failed(error),
            Err(_) => Happening::Failed(WireError::internal(crate::telemetry::incident("a job"))),
        };
        self.shared.table().settle(&id, happening);
        self.shared.idle.notify_waiters();
        self.start_next();
    }
}

fn no_thread() -> WireError {
    use darkslide_protocol::error::{ErrorName, Reason};
    WireError::new(
        ErrorName::Limit,
        Reason::Limit,
        "the system has no room for another thread",
        "try again later",
    )
}

#[cfg(test)]
mod tests;
