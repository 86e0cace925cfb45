//! When the daemon may end, and what it answers from then on.
//!
//! Requests at work are counted here, jobs where they are; who asks once the end has begun is told
//! so and nothing of it is done. The hazard: an end that is decided on while a request or a job
//! begins; so the count of jobs and the word that none is taken any more are one step, and
//! requests begin on the one thread that decides.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use darkslide_protocol::error::WireError;
use tokio::sync::watch;

use super::{Service, fault};

/// What of the service is at work beside its jobs, and whether it ends.
#[derive(Debug, Default)]
pub(super) struct Course {
    requests: watch::Sender<usize>,
    ending: AtomicBool,
}

/// A request is being answered until this is dropped.
#[derive(Debug)]
pub(crate) struct Begun(watch::Sender<usize>);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

impl Service {
    /// Counts a request that is answered later.
    pub(crate) fn begin_request(&self) -> Begun {
        self.course.requests.send_modify(|count| *count += 1);
        Begun(self.course.requests.clone())
    }

    /// Once the end has begun: what each request is answered.
    ///
    /// # Errors
    /// `SHUTTING_DOWN`.
    pub(crate) fn refuse_while_ending(&self) -> Result<(), WireError> {
        if self.course.ending.load(Ordering::Relaxed) {
            return Err(fault::ending());
        }
        Ok(())
    }

    /// Returns once no job is at work or in line.
    pub(crate) async fn without_jobs(&self) {
        self.jobs.none_left().await;
    }

    /// Returns once neither a job nor a request is there.
    pub(crate) async fn quiet(&self) {
        let mut requests = self.course.requests.subscribe();
        loop {
            self.jobs.none_left().await;
            // The sender is ours, so that it is there.
            let _count = requests.wait_for(|count| *count == 0).await;
            if self.jobs.counts() == (0, 0) {
                return;
            }
        }
    }

    /// Begins the end if there is no job; else all goes on.
    pub(crate) fn end_if_without_jobs(&self) -> bool {
        let ends = self.jobs.end_if_none_left();
        self.course.ending.fetch_or(ends, Ordering::Relaxed);
        ends
    }

    /// Begins the end: asks every job to stop at its next safe point, and waits for that up to
    /// `limit`.
    pub(crate) async fn end(&self, limit: Duration) {
        self.course.ending.store(true, Ordering::Relaxed);
        self.jobs.end(limit).await;
    }

    /// Would the next daemon have a job to go on with?
    pub(crate) fn has_unfinished_jobs(&self) -> bool {
        self.jobs.are_unfinished()
    }
}
