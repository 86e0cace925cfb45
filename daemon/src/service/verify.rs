//! `export.verify` and `export.prune`: decisions, and the jobs that they answer.
//!
//! Both touch what stands below a root, so both ask for the grant to write there; a prune asks for
//! the library, too, and a verification for the one whose peers may know of its job. Neither makes
//! a folder: what is not there was never exported to.

use std::sync::Arc;

use darkslide_door::RootDir;
use darkslide_export::{self as engine, ExportError, PruneInput, VerifyInput};
use darkslide_library::{Deadline, Library};
use darkslide_policy::{Ask, Call, Component, Grant, Read, Write};
use darkslide_protocol::error::WireError;
use darkslide_protocol::message::export::DestinationText;
use darkslide_protocol::message::job::JobStatus;
use darkslide_protocol::message::verify::{
    ExportPruneParams, ExportVerifyParams, MaxDelete, VerifyBy,
};

use super::export::{JobClock, Told, ended};
use super::{Caller, Service, fault, job, random_token};
use crate::clock;
use crate::jobs::{Ending, Feed, Order, Wish, Work};
use darkslide_protocol::method::{self, Method};

impl Service {
    /// Answers `export.verify`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `INVALID_PARAMS`, `CONFLICT`, `LIMIT`.
    pub(crate) fn export_verify(
        &self,
        caller: &Caller,
        params: &ExportVerifyParams,
    ) -> Result<JobStatus, WireError> {
        let (order, work) = self.verify_work(caller, params)?;
        self.submit(order, work)
    }

    /// What a verification is to be, and its work, with grants that are made for that peer now.
    ///
    /// # Errors
    /// Those of [`Service::export_verify`] but `LIMIT`.
    pub(super) fn verify_work(
        &self,
        caller: &Caller,
        params: &ExportVerifyParams,
    ) -> Result<(Order, Work), WireError> {
        let library = match &params.library {
            Some(name) => name.clone(),
            None => self.only_library(caller, method::ExportVerify::NAME)?,
        };
        let to = &params.destination;
        let place = self.granted::<method::ExportVerify>(caller, &library, to)?;
        let wish = ExportVerifyParams { library: Some(library), ..params.clone() };
        let order = place.order(caller, Wish::Verify(wish));
        let by = match params.by {
            VerifyBy::Stat => engine::By::Stat,
            VerifyBy::Hash => engine::By::Hash,
        };
        let work = move |feed: &Feed| verify(feed, &place, by);
        Ok((order, Box::new(work)))
    }

    /// Answers `export.prune`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `INVALID_PARAMS`, `CONFLICT`, `LIMIT`.
    pub(crate) fn export_prune(
        &self,
        caller: &Caller,
        params: &ExportPruneParams,
    ) -> Result<JobStatus, WireError> {
        let (order, work) = self.prune_work(caller, params)?;
        self.submit(order, work)
    }

    /// What a prune is to be, and its work, likewise. One that goes on after it was broken off
    /// finds that its plan no longer fits, and moves nothing more: somebody has to look again.
    ///
    /// # Errors
    /// Those of [`Service::export_prune`] but `LIMIT`.
    pub(super) fn prune_work(
        &self,
        caller: &Caller,
        params: &ExportPruneParams,
    ) -> Result<(Order, Work), WireError> {
        let ExportPruneParams { library, destination, max_delete, plan } = params.clone();
        let place = self.granted::<method::ExportPrune>(caller, &library, &destination)?;
        let library = Arc::clone(self.places.library(place.read.covers().library())?);
        let order = place.order(caller, Wish::Prune(params.clone()));
        let max_delete = match max_delete {
            MaxDelete::Files(files) => engine::MaxDelete::Files(files),
            MaxDelete::Percent(percent) => engine::MaxDelete::Percent(percent),
        };
        let plan = plan.map(|job| job.as_str().to_owned());
        let work = move |feed: &Feed| prune(feed, &place, &library, max_delete, plan.as_deref());
        Ok((order, Box::new(work)))
    }

    fn submit(&self, order: Order, work: Work) -> Result<JobStatus, WireError> {
        let submitted = self.jobs.submit(random_token(), order, work);
        submitted.map(|snapshot| job::status(&snapshot)).map_err(|error| fault::busy(&error))
    }

    fn granted<M: Method>(
        &self,
        caller: &Caller,
        library: &str,
        to: &DestinationText,
    ) -> Result<Granted, WireError> {
        let name = self.library_named(caller, M::NAME, library)?;
        let read = self.decide(caller, &Ask::<Read>::new(M::NAME, name))?;
        let to = self.destination_named(caller, M::NAME, to)?;
        let write = self.decide(caller, &Ask::<Write>::new(M::NAME, to))?;
        let root = Arc::clone(self.places.root(write.covers().root())?);
        Ok(Granted { read, write, root })
    }

    /// The library of a request that names none.
    ///
    /// # Errors
    /// `INVALID_PARAMS` where the peer is granted several, or none; `DENIED` where it may not call
    /// the method at all.
    pub(super) fn only_library(
        &self,
        caller: &Caller,
        method: &'static str,
    ) -> Result<String, WireError> {
        let mut names = self.policy.libraries_of(caller.peer());
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name.to_string()),
            (Some(_), Some(_)) | (None, _) => {
                drop(self.ask(caller, &Ask::<Call>::new(method, ()))?);
                Err(fault::which_library())
            }
        }
    }
}

/// The grants of a job, and the root that one of them is about.
struct Granted {
    read: Grant<Read>,
    write: Grant<Write>,
    root: Arc<RootDir>,
}

impl Granted {
    fn order(&self, caller: &Caller, wish: Wish) -> Order {
        Order {
            wish,
            uid: caller.peer().uid,
            gid: caller.peer().gid,
            rule: self.write.rule().to_string(),
            key: None,
            read: self.read.covers().clone(),
            root: self.write.covers().root().to_string(),
            path: self.write.covers().path().to_string(),
        }
    }
}

fn enter(place: &Granted) -> Result<darkslide_door::Destination<'_>, WireError> {
    let entered = place.root.enter_existing(&place.write);
    let entered = entered.map_err(|error| fault::destination(&error))?;
    entered.ok_or_else(|| fault::export(&ExportError::NoRecord))
}

fn verify(feed: &Feed, place: &Granted, by: engine::By) -> Result<Ending, WireError> {
    let destination = enter(place)?;
    let (job, clock) = (feed.job().as_str(), &JobClock::start());
    let input = VerifyInput { destination: &destination, by, job, clock };
    ended(feed, engine::verify_job(&input, &Told(feed), &|| feed.stop()))
}

fn prune(
    feed: &Feed,
    place: &Granted,
    library: &Library,
    max_delete: engine::MaxDelete,
    plan: Option<&str>,
) -> Result<Ending, WireError> {
    let destination = enter(place)?;
    let today = clock::timestamp();
    let day = today.get(..10).and_then(|day| Component::parse(day).ok());
    let input = PruneInput {
        library,
        read: &place.read,
        destination: &destination,
        job: feed.job().as_str(),
        day: &day.expect("a timestamp begins with a date"),
        limit: &Deadline::new(feed.stopping()),
        max_delete,
        plan,
        clock: &JobClock::start(),
    };
    ended(feed, engine::prune(&input, &Told(feed), &|| feed.stop()))
}
