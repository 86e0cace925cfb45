//! How an answer waits for the end of a job, without asking again and again.
//!
//! A listener like any other, which hears one word. It is told under the lock of all jobs, maybe
//! before a subscription of the same peer is: so the lock is taken once more before anybody goes
//! on, and the terminal event stands before every answer that knows of it.

use std::sync::{Arc, Mutex, PoisonError};

use darkslide_protocol::message::job::CancelMode;
use darkslide_protocol::value::Token;
use tokio::sync::oneshot;

use super::Jobs;
use super::table::Snapshot;
use crate::events::{About, Happened, Listener, Pass};

struct End {
    id: Token,
    told: Mutex<Option<oneshot::Sender<()>>>,
}

impl End {
    fn told(&self) -> std::sync::MutexGuard<'_, Option<oneshot::Sender<()>>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_about(&self, about: &About) -> bool {
        matches!(about, About::Job(owned) if owned.job == self.id)
    }
}

impl Listener for End {
    fn hear(&self, happened: &Happened, _: Pass) {
        if happened.kind.is_terminal()
            && self.is_about(&happened.about)
            && let Some(told) = self.told().take()
        {
            // Who waited may have left.
            let _left = told.send(());
        }
    }

    fn lost(&self, _: u64) {}

    fn reached(&self, _: u64) {}

    fn concerns(&self, about: &About) -> bool {
        self.is_about(about)
    }

    fn wants_now(&self, _: &About) -> bool {
        false
    }

    fn is_gone(&self) -> bool {
        self.told().as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

impl Jobs {
    /// Has a job stop, and waits until it has; or until nobody waits for that any more, for whoever
    /// comes again and again would leave ever more behind that waits for one long file.
    pub(crate) async fn stopped(&self, id: &Token, unwanted: impl Future<Output = ()>) {
        self.cancel(id, CancelMode::AfterFile);
        tokio::select! {
            _over = self.ended(id) => {}
            () = unwanted => {}
        }
    }

    /// Waits until a job is over, and returns it as it is then; none if there is no such job.
    pub(crate) async fn ended(&self, id: &Token) -> Option<Snapshot> {
        loop {
            let end = {
                let table = self.shared.table();
                let job = table.get(id)?;
                if job.state.is_over() {
                    return Some(job);
                }
                let (told, end) = oneshot::channel();
                let end_of = End { id: id.clone(), told: Mutex::new(Some(told)) };
                table.listen_from_now(Arc::new(end_of));
                end
            };
            drop(end.await);
        }
    }
}
