//! A job that is being followed: its identity, its events, and how it ends; or one that is still to
//! come, by its key.
//!
//! The job belongs to the daemon and runs on whatever becomes of these handles. The hazard: to wait
//! for ever for an end that was told while nobody listened; so the daemon tells how a job is to
//! whoever subscribes, a handle begins again where its connection ends, and silence is an error.

use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::event::{Event, Topic};
use darkslide_protocol::limits::MAX_PAGE_ASSETS;
use darkslide_protocol::message::event::EventSubscribeParams;
use darkslide_protocol::message::job::{CancelMode, JobCancelParams, JobReportParams, JobStatus};
use darkslide_protocol::value::Token;

use crate::client::Client;
use crate::error::Error;
use crate::events::Subscription;
use crate::pages::ReportPages;

/// Follows one job.
#[derive(Debug)]
pub struct ExportHandle {
    followed: KeyHandle,
    begun: JobStatus,
}

impl ExportHandle {
    pub(crate) async fn follow(client: Client, status: JobStatus) -> Result<Self, Error> {
        let topic = Topic::Job(status.job.clone());
        Ok(Self { followed: KeyHandle::follow(client, topic).await?, begun: status })
    }

    /// The job's identity.
    #[must_use]
    pub fn id(&self) -> &Token {
        &self.begun.job
    }

    /// The job as it was last told.
    #[must_use]
    pub fn status(&self) -> &JobStatus {
        self.followed.status().unwrap_or(&self.begun)
    }

    /// Waits for the next event; the first tells how the job is. `None` when it is over. Safe to be
    /// dropped and called again.
    ///
    /// # Errors
    /// As [`Subscription::next`].
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        self.followed.next().await
    }

    /// Waits until the job is over, as long as keep-alives come, and returns how it ended.
    ///
    /// # Errors
    /// As [`ExportHandle::next`]. A job that failed is no error here: its state says so.
    pub async fn wait(&mut self) -> Result<JobStatus, Error> {
        while self.next().await?.is_some() {}
        Ok(self.status().clone())
    }

    /// Asks the job to stop; its end is told as any other. Dropping the handle stops nothing.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn cancel(&self, mode: CancelMode) -> Result<JobStatus, Error> {
        let job = self.id().clone();
        self.followed.client.job_cancel(&JobCancelParams { job, mode }).await
    }

    /// Walks the rows that are not done, or all of them.
    #[must_use]
    pub fn report(&self, undone: bool) -> ReportPages {
        self.followed.client.report(JobReportParams {
            job: self.id().clone(),
            limit: MAX_PAGE_ASSETS,
            after: 0,
            undone,
        })
    }
}

/// Follows the job that this client's rule has started, or will start, under a key.
#[derive(Debug)]
pub struct KeyHandle {
    client: Client,
    subscription: Subscription,
    status: Option<JobStatus>,
}

impl KeyHandle {
    pub(crate) async fn follow(client: Client, topic: Topic) -> Result<Self, Error> {
        let subscription = client.subscribe(&EventSubscribeParams::of([topic])).await?;
        Ok(Self { client, subscription, status: None })
    }

    /// The job as it was last told; `None` while nothing was.
    #[must_use]
    pub fn status(&self) -> Option<&JobStatus> {
        self.status.as_ref()
    }

    /// Waits for the next event, however long there is no job; the first tells how it is. `None`
    /// when it is over. Safe to be dropped and called again.
    ///
    /// # Errors
    /// As [`Subscription::next`].
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        let event = self.subscription.next().await?;
        if let Some(status) = event.as_ref().and_then(|event| event.data.job.as_ref()) {
            self.status = Some(status.clone());
        }
        Ok(event)
    }

    /// Waits until there is a job and it is over, as long as keep-alives come, and returns how it
    /// ended.
    ///
    /// # Errors
    /// As [`KeyHandle::next`]. A job that failed is no error here: its state says so.
    pub async fn wait(&mut self) -> Result<JobStatus, Error> {
        while self.next().await?.is_some() {}
        self.status.clone().ok_or_else(no_job)
    }

    /// Asks the job to stop; its end is told as any other.
    ///
    /// # Errors
    /// `NOT_FOUND` as [`Error::Remote`] while no event has told of the job; as [`Client::call`].
    pub async fn cancel(&self, mode: CancelMode) -> Result<JobStatus, Error> {
        let job = self.status.as_ref().ok_or_else(no_job)?.job.clone();
        self.client.job_cancel(&JobCancelParams { job, mode }).await
    }
}

fn no_job() -> Error {
    let (name, reason) = (ErrorName::NotFound, Reason::NotFound);
    let hint = "wait for its first event";
    Error::Remote(WireError::new(name, reason, "nothing was told of a job of that key", hint))
}
