//! Jobs: what runs on, whoever is connected.
//!
//! This module alone decides when a job runs, and puts what happens to it on the board. What a job
//! does is a closure that `service` made, with the grants in it; jobs know neither libraries nor
//! sockets. State changes, their files and their events happen under one lock, so that a state is
//! kept before it is told, and a terminal event told before an answer can know of it. What is kept
//! of a job is the wish, never the permission: whoever has it go on brings new grants.

mod ended;
mod feed;
mod pace;
mod state;
mod store;
mod table;
mod told;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use darkslide_policy::{Gid, Limits, ReadScope, Uid};
use darkslide_protocol::error::WireError;
use darkslide_protocol::message::export::ExportSpec;
use darkslide_protocol::message::job::{CancelMode, JobKind};
use darkslide_protocol::message::verify::{ExportPruneParams, ExportVerifyParams};
use darkslide_protocol::value::Token;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::events::{Board, Listener};
use crate::threads;

pub(crate) use feed::Feed;
pub(crate) use state::{Happening, State};
pub(crate) use store::Store;
pub(crate) use table::{Busy, Snapshot, Tally};
use table::{Next, Table};
pub(crate) use told::status;

/// What a job does. It tells `Feed` how far it is, and ends early when [`Feed::stop`] says so.
pub(crate) type Work = Box<dyn FnOnce(&Feed) -> Result<Ending, WireError> + Send>;

/// How a job's work came back without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All of it was done.
    Complete,
    /// It was asked to stop, and stopped at a safe point.
    Stopped,
}

/// What a job is to do, as the peer asked for it: its work is made of that, now and after a
/// restart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "spec", rename_all = "snake_case")]
pub(crate) enum Wish {
    /// An export.
    Export(ExportSpec),
    /// A verification.
    Verify(ExportVerifyParams),
    /// A prune, or the plan of one.
    Prune(ExportPruneParams),
}

impl Wish {
    /// The word for it.
    #[must_use]
    pub(crate) fn kind(&self) -> JobKind {
        match self {
            Self::Export(_) => JobKind::Export,
            Self::Verify(_) => JobKind::Verify,
            Self::Prune(_) => JobKind::Prune,
        }
    }
}

/// Whoever is told of each state of a job, to keep a record of it.
pub(crate) trait Witness: Send + Sync {
    /// Sees a job as it is now. False: it could not be recorded, and an order that was not recorded
    /// is not taken.
    fn saw(&self, job: &Snapshot) -> bool;

    /// A job is about to write its first file: what was recorded of it must be on the disk.
    fn is_about_to_write(&self);
}

/// What an order for a job says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Order {
    /// What is to be done.
    pub wish: Wish,
    /// Who started it.
    pub uid: Uid,
    /// The group of that.
    pub gid: Gid,
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
    store: Arc<Store>,
    witness: Arc<dyn Witness>,
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

impl Jobs {
    /// The jobs that the daemon before has kept; none of them is at work.
    #[must_use]
    pub(crate) fn load(
        store: Store,
        board: Arc<Board>,
        limits: Limits,
        witness: Arc<dyn Witness>,
    ) -> Self {
        let store = Arc::new(store);
        let table = Table::load(Arc::clone(&store), board, limits, Arc::clone(&witness));
        let table = Mutex::new(table);
        Self { shared: Arc::new(Shared { store, witness, table, idle: Notify::new() }) }
    }

    /// Puts a job in line, or finds the one that the same rule started under the same key; without
    /// a key, one that is to do the same and is not over.
    ///
    /// # Errors
    /// [`Busy`] when the line is full, a job works on the same destination, the daemon is about to
    /// end, or the order cannot be recorded.
    pub(crate) fn submit(&self, id: Token, order: Order, work: Work) -> Result<Snapshot, Busy> {
        let snapshot = self.shared.table().submit(id, order, work)?;
        self.start_next();
        Ok(snapshot)
    }

    /// Puts a job in line again that is over without being done, with an order that was granted
    /// anew; any other stays as it is. `None` if there is none.
    ///
    /// # Errors
    /// Those of [`Jobs::submit`].
    pub(crate) fn resume(
        &self,
        id: &Token,
        order: Order,
        work: Work,
    ) -> Result<Option<Snapshot>, Busy> {
        let snapshot = self.shared.table().resume(id, order, work)?;
        self.start_next();
        Ok(snapshot)
    }

    /// Notes that an interrupted job may not go on.
    pub(crate) fn refuse(&self, id: &Token, error: WireError) {
        self.shared.table().fail(id, Happening::Failed(error));
    }

    /// Asks a job to stop; one that is over stays as it is. `None` if there is none.
    pub(crate) fn cancel(&self, id: &Token, mode: CancelMode) -> Option<Snapshot> {
        self.shared.table().cancel(id, mode)
    }

    /// What is picked of each job, the newest first; under the lock of all jobs.
    #[must_use]
    pub(crate) fn list<T>(&self, pick: impl FnMut(&Snapshot) -> Option<T>) -> Vec<T> {
        self.shared.table().list(pick)
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

    /// Tells a listener what happened after the event of that number, and everything from now on;
    /// and how jobs are now, where it wants to hear that or what happened is no longer kept.
    pub(crate) fn listen(&self, listener: Arc<dyn Listener>, since: u64) {
        self.shared.table().listen(listener, since);
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

    /// Returns once none is at work or in line.
    pub(crate) async fn none_left(&self) {
        loop {
            let notified = self.shared.idle.notified();
            if self.counts() == (0, 0) {
                return;
            }
            notified.await;
        }
    }

    /// Takes no more jobs, if none is at work or in line; else all stays as it is.
    pub(crate) fn end_if_none_left(&self) -> bool {
        let mut table = self.shared.table();
        let none_left = table.counts() == (0, 0);
        if none_left {
            table.end();
        }
        none_left
    }

    /// Would a daemon that is started anew have a job to go on with?
    #[must_use]
    pub(crate) fn are_unfinished(&self) -> bool {
        let goes_on = |job: &Snapshot| match job.state {
            State::Queued | State::Running | State::Interrupted => Some(()),
            State::Finished | State::Failed(_) | State::Cancelled => None,
        };
        !self.list(goes_on).is_empty()
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
                self.shared.idle.notify_waiters();
            }
        }
    }

    fn run(self, next: Next) {
        let Next { id, work } = next;
        // Without the lock: others need not wait for the disk.
        self.shared.store.flush(&id);
        self.shared.witness.is_about_to_write();
        let feed = Feed::new(Arc::clone(&self.shared), id.clone());
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(&feed)));
        let mut table = self.shared.table();
        match result {
            Ok(Ok(Ending::Complete)) => table.settle(&id, Happening::Finished),
            Ok(Ok(Ending::Stopped)) => table.settle_stopped(&id),
            Ok(Err(error)) => table.settle(&id, Happening::Failed(error)),
            Err(_) => {
                let error = WireError::internal(crate::telemetry::incident("a job"));
                table.settle(&id, Happening::Failed(error));
            }
        }
        drop(table);
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
