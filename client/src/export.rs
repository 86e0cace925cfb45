//! A job that is being followed: its identity, its events, and how it ends.
//!
//! The job belongs to the daemon and runs on whatever becomes of this handle. The hazard: to wait
//! for ever for an end that was told while nobody listened; so the daemon tells the last event of a
//! job that is over to whoever subscribes, and after a long silence the job is asked how it is.

use darkslide_protocol::event::{Event, Topic};
use darkslide_protocol::limits::MAX_PAGE_ASSETS;
use darkslide_protocol::message::event::EventSubscribeParams;
use darkslide_protocol::message::job::{
    CancelMode, JobCancelParams, JobReportParams, JobStatus, JobStatusParams,
};
use darkslide_protocol::value::Token;

use crate::client::Client;
use crate::error::Error;
use crate::events::Subscription;
use crate::pages::ReportPages;

/// Follows one job.
#[derive(Debug)]
pub struct ExportHandle {
    client: Client,
    subscription: Subscription,
    status: JobStatus,
    is_over: bool,
}

impl ExportHandle {
    pub(crate) async fn follow(client: Client, status: JobStatus) -> Result<Self, Error> {
        let topic = Topic::Job(status.job.clone());
        let subscription = client.subscribe(&EventSubscribeParams { topic }).await?;
        Ok(Self { client, subscription, status, is_over: false })
    }

    /// The job's identity.
    #[must_use]
    pub fn id(&self) -> &Token {
        &self.status.job
    }

    /// The job as it was last told.
    #[must_use]
    pub fn status(&self) -> &JobStatus {
        &self.status
    }

    /// Waits for the next event; `None` when the job is over. Safe to be dropped and called again.
    ///
    /// # Errors
    /// As [`Subscription::next`] and [`Client::call`].
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        while !self.is_over {
            match self.subscription.next().await {
                Ok(Some(event)) => {
                    match &event.data.job {
                        Some(status) => self.status = status.clone(),
                        None if event.kind.is_terminal() => self.ask().await?,
                        None => {}
                    }
                    return Ok(Some(event));
                }
                Ok(None) => self.is_over = true,
                // Nothing was heard for long: whoever answers now is there.
                Err(Error::TimedOut { .. }) => self.ask().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Waits until the job is over, and returns how it ended.
    ///
    /// # Errors
    /// As [`ExportHandle::next`]. A job that failed is no error here: its state says so.
    pub async fn wait(&mut self) -> Result<JobStatus, Error> {
        while self.next().await?.is_some() {}
        Ok(self.status.clone())
    }

    /// Asks the job to stop; its end is told as any other. Dropping the handle stops nothing.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub async fn cancel(&self, mode: CancelMode) -> Result<JobStatus, Error> {
        let job = self.status.job.clone();
        self.client.job_cancel(&JobCancelParams { job, mode }).await
    }

    /// Walks the rows that are not done, or all of them.
    #[must_use]
    pub fn report(&self, undone: bool) -> ReportPages {
        self.client.report(JobReportParams {
            job: self.status.job.clone(),
            limit: MAX_PAGE_ASSETS,
            after: 0,
            undone,
        })
    }

    async fn ask(&mut self) -> Result<(), Error> {
        let job = self.status.job.clone();
        self.status = self.client.job_status(&JobStatusParams { job }).await?;
        self.is_over = self.status.state.is_over();
        Ok(())
    }
}
