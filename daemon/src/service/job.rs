//! `job.list`, `job.status`, `job.cancel`, `job.resume` and `job.report`, and which jobs a peer may
//! know of; and how jobs go on that the daemon before left.
//!
//! Only peers that are granted the same library and root see a job, can stop it and have it go on;
//! to all others it does not exist. A report is read from the destination, so it asks for the grant
//! to that destination, like any access. A job that goes on does so with grants that are made anew
//! for whoever started it: what was kept is the wish. The hazard: a rule that was taken back, and a
//! job that still writes by it.

use std::sync::Arc;

use darkslide_policy::{Ask, Code, Destination, Peer, ReadScope, RelPath, RootName, Write};
use darkslide_protocol::error::{Class, ErrorName, WireError};
use darkslide_protocol::message::job::{
    JobCancelParams, JobList, JobReport, JobReportParams, JobResumeParams, JobStatus,
    JobStatusParams,
};
use darkslide_protocol::value::Token;

use super::{Caller, Service, export, extract, fault};
pub(super) use crate::jobs::status;
use crate::jobs::{Order, Snapshot, State, Wish, Work};
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
        self.visible_job::<method::JobStatus>(caller, &params.job).map(|job| status(&job))
    }

    /// Answers `job.list`.
    ///
    /// # Errors
    /// `DENIED`.
    pub(crate) fn job_list(&self, caller: &Caller) -> Result<JobList, WireError> {
        self.decide_call::<method::JobList>(caller)?;
        let visible = self.visibility(caller);
        let visible = |job: &Snapshot| visible(&job.order.read, &job.order.root);
        Ok(JobList { jobs: self.jobs.list(|job| visible(job).then(|| status(job))) })
    }

    /// Answers `job.cancel`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`.
    pub(crate) fn job_cancel(
        &self,
        caller: &Caller,
        params: &JobCancelParams,
    ) -> Result<JobStatus, WireError> {
        self.decide_call::<method::JobCancel>(caller)?;
        let job = self.visible_job::<method::JobCancel>(caller, &params.job)?;
        self.record_cancel(caller, &job.id);
        let job = self.jobs.cancel(&job.id, params.mode);
        job.as_ref().map(status).ok_or_else(fault::no_such_job)
    }

    /// Answers `job.resume`: it makes a job write, and so asks for the grant of its destination;
    /// the job itself goes on by the grants of whoever started it.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, and those of `export.start`.
    pub(crate) fn job_resume(
        self: &Arc<Self>,
        caller: &Caller,
        params: &JobResumeParams,
    ) -> Result<JobStatus, WireError> {
        let job = self.visible_job::<method::JobResume>(caller, &params.job)?;
        let to = place(&job).ok_or_else(fault::no_such_job)?;
        drop(self.decide(caller, &Ask::<Write>::new(method::JobResume::NAME, to))?);
        let (order, work) = self.work_again(&job, caller.peer())?;
        let resumed = self.jobs.resume(&job.id, order, work);
        let resumed = resumed.map_err(|error| fault::busy(&error))?;
        resumed.as_ref().map(status).ok_or_else(fault::no_such_job)
    }

    /// Has the jobs go on that were broken off when the daemon before ended. What is not granted
    /// any more fails; what only is not there now (a disk that is not mounted) waits for another
    /// start, or for `job.resume`; and what a rule for one program started, for that program to
    /// ask: now nobody can be looked at.
    pub(crate) fn resume_interrupted(self: &Arc<Self>) {
        let left = |job: &Snapshot| (job.state == State::Interrupted).then(|| job.clone());
        for job in self.jobs.list(left).into_iter().rev() {
            let id = job.id.as_str();
            if self.policy.is_for_one_program(&job.order.rule) {
                tracing::info!(id, "a job waits for the program that started it");
                continue;
            }
            let owner = Peer::new(job.order.uid, job.order.gid, None);
            match self.work_again(&job, &owner) {
                Ok((order, work)) => {
                    if let Err(error) = self.jobs.resume(&job.id, order, work) {
                        tracing::warn!(id, error = error.to_string(), "a job stays interrupted");
                    }
                }
                Err(error) if error.data.class == Class::Environment => {
                    tracing::warn!(
                        id,
                        reason = error.data.reason.as_str(),
                        "a job stays interrupted"
                    );
                }
                Err(error) => self.jobs.refuse(&job.id, error),
            }
        }
    }

    /// The work of a job that goes on, if the rule that it was started by still grants it to who
    /// started it. Which program that is, `now` alone can show: that of the one who asks.
    fn work_again(
        self: &Arc<Self>,
        job: &Snapshot,
        now: &Peer,
    ) -> Result<(Order, Work), WireError> {
        let Order { wish, uid, gid, rule, key, .. } = &job.order;
        let is_owner = now.uid == *uid && now.gid == *gid;
        if self.policy.is_for_one_program(rule)
            && !(is_owner && self.policy.admit(now).is_ok_and(|own| own.as_str() == rule))
        {
            return Err(fault::another_programs_job());
        }
        let code = if is_owner { now.code.clone() } else { Code::default() };
        let owner = Caller::absent(Peer { code, ..Peer::new(*uid, *gid, None) });
        let made = match wish {
            // One job, whichever of the two asked for it.
            Wish::Export(spec) => {
                let start = self.policy.may_call(owner.peer(), export::METHOD);
                let method = if start { export::METHOD } else { extract::METHOD };
                self.export_work(&owner, method, spec.clone(), key.clone())
            }
            Wish::Verify(params) => self.verify_work(&owner, params),
            Wish::Prune(params) => self.prune_work(&owner, params),
        };
        match made {
            Ok((order, work)) if order.rule == *rule => Ok((order, work)),
            Ok(_) => Err(fault::not_granted_any_more()),
            Err(error) if [ErrorName::Denied, ErrorName::NotFound].contains(&error.data.name) => {
                Err(fault::not_granted_any_more())
            }
            Err(error) => Err(error),
        }
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
        let job = self.visible_job::<method::JobReport>(caller, &params.job)?;
        let to = place(&job).ok_or_else(fault::no_such_job)?;
        let grant = self.decide(caller, &Ask::<Write>::new(method::JobReport::NAME, to))?;
        let root = Arc::clone(self.places.root(grant.covers().root())?);
        let deadline = self.deadline(caller);
        let read = move || export::report(&root, &grant, &params, &deadline);
        self.readers.read_for(caller, job.order.read.library(), read).await
    }

    /// The job, if the peer may know of it. That it asked for another is recorded.
    pub(super) fn visible_job<M: Method>(
        &self,
        caller: &Caller,
        id: &Token,
    ) -> Result<Snapshot, WireError> {
        let visible = self.visibility(caller);
        let job = self.jobs.get(id).filter(|job| visible(&job.order.read, &job.order.root));
        job.ok_or_else(|| {
            self.record_unseen_job(caller, M::NAME, id);
            fault::no_such_job()
        })
    }

    /// Which jobs this peer may know of: those whose root it is granted, and whose library it is
    /// granted to at least the same extent; a job's counts and report tell of what its own grant
    /// shows. Asked with what that is, and the root's name.
    pub(super) fn visibility(
        &self,
        caller: &Caller,
    ) -> impl Fn(&ReadScope, &str) -> bool + Send + Sync + use<> {
        let peer = caller.peer();
        let libraries: Vec<ReadScope> = self.policy.scopes_of(peer).collect();
        let roots: Vec<String> =
            self.policy.roots_of(peer).map(|(name, ..)| name.to_string()).collect();
        move |read, root| {
            let shows = |scope: &ReadScope| scope.shows_all_of(read);
            libraries.iter().any(shows) && roots.iter().any(|name| name == root)
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
