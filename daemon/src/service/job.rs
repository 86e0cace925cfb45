//! `job.status` and `job.report`, and which jobs a peer may know of.
//!
//! Only peers that are granted the same library and root see a job; to all others it does not
//! exist. A report is read from the destination, so it asks for the grant to that destination, like
//! any access.

use darkslide_policy::{Ask, Destination, ReadScope, RelPath, RootName, Write};
use darkslide_protocol::error::WireError;
use darkslide_protocol::message::job::{
    JobReport, JobReportParams, JobState, JobStatus, JobStatusParams,
};
use darkslide_protocol::value::Token;

use super::{Caller, Service, deadline, export, fault};
use crate::jobs::{Snapshot, State};
use darkslide_protocol::method::{self, Method};

impl Service {
    /// Answers `job.status`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`.
    pub(crate) fn job_status(
        &self,
        caller: &Caller,
        params: &JobStatusParams,
    ) -> Result<JobStatus, WireError> {
        self.decide_call::<method::JobStatus>(caller)?;
        self.visible_job(caller, &params.job).map(|job| status(&job))
    }

    /// Answers `job.report`: it reads below the destination, and so asks for the grant of that.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `DESTINATION`.
    pub(crate) async fn job_report(
        &self,
        caller: &Caller,
        params: JobReportParams,
    ) -> Result<JobReport, WireError> {
        let job = self.visible_job(caller, &params.job)?;
        let to = place(&job).ok_or_else(fault::no_such_job)?;
        let grant = self.decide(caller, &Ask::<Write>::new(method::JobReport::NAME, to))?;
        let root = std::sync::Arc::clone(self.places.root(grant.covers().root())?);
        let deadline = deadline(caller);
        let read = move || export::report(&root, &grant, &params, &deadline);
        self.readers.read(job.order.read.library(), read).await
    }

    /// The job, if the peer may know of it.
    pub(super) fn visible_job(&self, caller: &Caller, id: &Token) -> Result<Snapshot, WireError> {
        let job = self.jobs.get(id).ok_or_else(fault::no_such_job)?;
        if self.visibility(caller)(&job) { Ok(job) } else { Err(fault::no_such_job()) }
    }

    /// Which jobs this peer may know of: those whose root it is granted, and whose library it is
    /// granted to at least the same extent; a job's counts and report tell of what its own grant
    /// shows.
    pub(super) fn visibility(
        &self,
        caller: &Caller,
    ) -> impl Fn(&Snapshot) -> bool + Send + Sync + use<> {
        let peer = caller.peer();
        let libraries: Vec<ReadScope> = self.policy.scopes_of(peer).collect();
        let roots: Vec<String> =
            self.policy.roots_of(peer).map(|(name, _)| name.to_string()).collect();
        move |job| {
            let shows = |scope: &ReadScope| scope.shows_all_of(&job.order.read);
            libraries.iter().any(shows) && roots.contains(&job.order.root)
        }
    }
}

fn place(job: &Snapshot) -> Option<Destination> {
    let path = match job.order.path.as_str() {
        "." => RelPath::root(),
        path => RelPath::parse(path).ok()?,
    };
    Some(Destination::Named { root: RootName::parse(&job.order.root).ok()?, path })
}

/// A job as the wire has it.
pub(super) fn status(job: &Snapshot) -> JobStatus {
    let (state, error) = match &job.state {
        State::Queued => (JobState::Queued, None),
        State::Running => (JobState::Running, None),
        State::Finished => (JobState::Finished, None),
        State::Interrupted => (JobState::Interrupted, None),
        State::Failed(error) => (JobState::Failed, Some(error.clone())),
    };
    JobStatus {
        job: job.id.clone(),
        state,
        library: job.order.read.library().to_string(),
        root: job.order.root.clone(),
        path: job.order.path.clone(),
        selected: job.tally.selected,
        files_total: job.tally.files_total,
        files_done: job.tally.files_done,
        bytes_total: job.tally.bytes_total,
        bytes_done: job.tally.bytes_done,
        outcomes: job.tally.outcomes.clone(),
        trashed: job.tally.trashed,
        error,
    }
}
