//! `export.start`: two decisions, one job. Where the grants of an export are made, and where they
//! go.
//!
//! The job owns its grants: one to read the library, one to write below the root, made for it and
//! for nothing else. Words of the wire become the engine's own here, field by field, so that a new
//! word is a compile error.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use darkslide_door::RootDir;
use darkslide_export::{self as engine, ExportError, JobInput, Quota, Shape, Spec, Summary};
use darkslide_library::{Deadline, Library, LibraryError};
use darkslide_policy::{
    AbsPath, Ask, Component, Destination, Grant, Read, RelPath, RootName, World, Write,
};
use darkslide_protocol::error::WireError;
use darkslide_protocol::event::EventItem;
use darkslide_protocol::message::export::{
    Bursts, DestinationText, ExportSpec, ExportStartParams, Hash, OnDestChange, Recheck, SameFile,
    Sidecar, Versions,
};
use darkslide_protocol::message::job::{JobReport, JobReportParams, JobStatus, Outcome, ReportRow};

use super::quota::Counting;
use super::{Caller, Service, fault, job, random_token};
use crate::jobs::{Ending, Feed, Order, Wish, Work};
use crate::{clock, threads};
use darkslide_protocol::method::{self, Method};

pub(super) const METHOD: &str = method::ExportStart::NAME;
/// More threads gain nothing on any disk that was measured.
const MAX_COPIERS: usize = 4;

/// What a spec asks of the policy, once it said yes.
pub(super) struct Granted {
    pub(super) library: Arc<Library>,
    pub(super) read: Grant<Read>,
    pub(super) write: Grant<Write>,
}

impl Service {
    /// The two decisions of an export.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `INVALID_PARAMS` for a path that is none.
    pub(super) fn grant_export(
        &self,
        caller: &Caller,
        method: &'static str,
        spec: &ExportSpec,
    ) -> Result<Granted, WireError> {
        let name = self.library_named(caller, method, &spec.library)?;
        let read = self.decide(caller, &Ask::<Read>::new(method, name.clone()))?;
        let to = self.destination_named(caller, method, &spec.destination)?;
        let write = self.decide(caller, &Ask::<Write>::new(method, to))?;
        let library = Arc::clone(self.places.library(&name)?);
        Ok(Granted { library, read, write })
    }

    /// Answers `export.start`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `INVALID_PARAMS` for a path that is none, `CONFLICT`, `LIMIT`.
    pub(crate) fn export_start(
        self: &Arc<Self>,
        caller: &Caller,
        params: ExportStartParams,
    ) -> Result<JobStatus, WireError> {
        let ExportStartParams { spec, key } = params;
        let (order, work) = self.export_work(caller, METHOD, spec, key)?;
        let submitted = self.jobs.submit(random_token(), order, work);
        submitted.map(|snapshot| job::status(&snapshot)).map_err(|error| fault::busy(&error))
    }

    /// What an export is to be, and its work, with grants that are made for that peer now: for a
    /// peer that asks, and for a job that goes on.
    ///
    /// # Errors
    /// Those of [`Service::export_start`] but `LIMIT`.
    pub(super) fn export_work(
        self: &Arc<Self>,
        caller: &Caller,
        method: &'static str,
        spec: ExportSpec,
        key: Option<String>,
    ) -> Result<(Order, Work), WireError> {
        let granted = self.grant_export(caller, method, &spec)?;
        let Granted { read, write, .. } = &granted;
        let root = Arc::clone(self.places.root(write.covers().root())?);
        let order = Order {
            wish: Wish::Export(spec.clone()),
            uid: caller.peer().uid,
            gid: caller.peer().gid,
            rule: write.rule().to_string(),
            key,
            read: read.covers().clone(),
            root: write.covers().root().to_string(),
            path: write.covers().path().to_string(),
        };
        let spec = checked(spec)?;
        let counting = Counting::new(self, caller, method);
        let work = move |feed: &Feed| export(feed, &granted, &root, &spec, &counting);
        Ok((order, Box::new(work)))
    }
}

/// What a peer wrote, as a place that the policy can be asked about.
pub(super) fn destination(text: &DestinationText, world: &World) -> Result<Destination, WireError> {
    match text {
        DestinationText::Absolute(path) => AbsPath::parse(path, Some(&world.home))
            .map(Destination::Absolute)
            .map_err(|error| fault::path(&error)),
        DestinationText::Named { root, path } => {
            let root = RootName::parse(root).map_err(|_| fault::no_such_root())?;
            let path = path.as_deref().map_or(Ok(RelPath::root()), RelPath::parse);
            Ok(Destination::Named { root, path: path.map_err(|error| fault::path(&error))? })
        }
    }
}

pub(super) fn checked(spec: ExportSpec) -> Result<Spec, WireError> {
    let shape = Shape::parse(&spec.layout, &spec.names, &spec.edited_suffix, spec.portable)
        .map_err(|error| fault::template(&error))?;
    Ok(Spec {
        filter: spec.filter,
        include: spec.include,
        versions: match spec.versions {
            Versions::Original => engine::Versions::Original,
            Versions::Edited => engine::Versions::Edited,
            Versions::Both => engine::Versions::Both,
            Versions::PreferEdited => engine::Versions::PreferEdited,
        },
        live: spec.live,
        raw: spec.raw,
        key_images_only: match spec.bursts {
            Bursts::Key => true,
            Bursts::Selected => false,
        },
        aae: spec.aae,
        preview: spec.preview,
        shape,
        reshape: spec.reshape,
        sidecars: spec.sidecars.into_iter().map(sidecar).collect(),
        on_dest_change: match spec.on_dest_change {
            OnDestChange::Keep => engine::OnDestChange::Keep,
            OnDestChange::Restore => engine::OnDestChange::Restore,
        },
        recheck: match spec.recheck {
            Recheck::None => engine::Recheck::None,
            Recheck::Stat => engine::Recheck::Stat,
            Recheck::Hash => engine::Recheck::Hash,
        },
        hashing: match spec.hash {
            Hash::Never => engine::Hashing::Never,
            Hash::Copied => engine::Hashing::Copied,
            Hash::Always => engine::Hashing::Always,
        },
        clone_same_file: match spec.same_file {
            SameFile::Clone => true,
            SameFile::Copy => false,
        },
        times: spec.times,
    })
}

fn sidecar(word: Sidecar) -> engine::Sidecar {
    match word {
        Sidecar::Xmp => engine::Sidecar::Xmp,
        Sidecar::Json => engine::Sidecar::Json,
    }
}

/// The work of the job, on its own thread.
fn export(
    feed: &Feed,
    granted: &Granted,
    root: &RootDir,
    spec: &Spec,
    counting: &Counting,
) -> Result<Ending, WireError> {
    let Granted { library, read, write } = granted;
    let destination = root.enter(write).map_err(|error| fault::destination(&error))?;
    let today = clock::timestamp();
    let day = today.get(..10).and_then(|day| Component::parse(day).ok());
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_COPIERS);
    let (stopping, stop) = (feed.stopping(), || feed.stop());
    let others = || counting.held_by_others(write.covers(), root, &stop);
    let input = JobInput {
        library,
        read,
        destination: &destination,
        spec,
        job: feed.job().as_str(),
        day: &day.expect("a timestamp begins with a date"),
        limit: &Deadline::new(stopping),
        quota: write.covers().max_bytes().map(|limit| Quota { limit, others: &others }),
        workers,
        on_thread_start: threads::assert_confined,
        clock: &JobClock::start(),
    };
    ended(feed, engine::run(&input, &Told(feed), &stop))
}

/// How a job came back. Asked to stop, it breaks off by itself or by the library's deadline; what
/// else goes wrong then is told.
pub(super) fn ended(
    feed: &Feed,
    answer: Result<Summary, ExportError>,
) -> Result<Ending, WireError> {
    match answer {
        Ok(summary) => {
            feed.trashed(summary.trashed);
            Ok(Ending::Complete)
        }
        Err(ExportError::Stopped | ExportError::Library(LibraryError::TimedOut))
            if feed.should_stop() =>
        {
            Ok(Ending::Stopped)
        }
        Err(error) => Err(fault::export(&error)),
    }
}

/// The engine's clock: since its job began.
pub(super) struct JobClock(clock::Moment);

impl JobClock {
    pub(super) fn start() -> Self {
        Self(clock::Moment::now())
    }
}

impl engine::Clock for JobClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn wait(&self, time: Duration) {
        clock::pause(time);
    }
}

/// Tells what the engine does.
pub(super) struct Told<'a>(pub(super) &'a Feed);

impl engine::Progress for Told<'_> {
    fn planned(&self, selected: u64, files: u64, bytes: u64) {
        self.0.planned(selected, files, bytes);
    }

    fn bytes(&self, bytes: u64) {
        self.0.bytes(bytes);
    }

    fn outcome(&self, row: &engine::ReportRow) {
        let outcome = wire_outcome(row.outcome);
        self.0.outcome(outcome, || EventItem {
            asset: row.asset.clone(),
            version: row.version.clone(),
            path: row.path.clone(),
            outcome,
            reason: row.reason.clone(),
        });
    }
}

/// A page of a job's report, read from its destination; empty while there is none.
pub(super) fn report(
    root: &RootDir,
    grant: &Grant<Write>,
    params: &JobReportParams,
    deadline: &Deadline,
) -> Result<JobReport, WireError> {
    let nothing = JobReport { rows: Vec::new(), next: None };
    let entered = root.enter_existing(grant).map_err(|error| fault::destination(&error))?;
    let Some(destination) = entered else {
        return Ok(nothing);
    };
    let JobReportParams { job, limit, after, undone } = params;
    let is_over = || deadline.expired();
    let page = engine::read_report(&destination, job.as_str(), *after, *limit, *undone, &is_over)
        .map_err(|error| fault::export(&error))?;
    Ok(page.map_or(nothing, |page| JobReport {
        rows: page.rows.into_iter().map(wire_row).collect(),
        next: page.next,
    }))
}

pub(crate) fn wire_row(row: engine::ReportRow) -> ReportRow {
    ReportRow {
        asset: row.asset,
        version: row.version,
        original_filename: row.original_filename,
        path: row.path,
        outcome: wire_outcome(row.outcome),
        bytes: row.bytes,
        blake3: row.blake3.map(|hash| hash.to_string()),
        reason: row.reason,
    }
}

pub(super) fn wire_outcome(outcome: engine::Outcome) -> Outcome {
    match outcome {
        engine::Outcome::Copied => Outcome::Copied,
        engine::Outcome::Updated => Outcome::Updated,
        engine::Outcome::Unchanged => Outcome::Unchanged,
        engine::Outcome::Adopted => Outcome::Adopted,
        engine::Outcome::Renamed => Outcome::Renamed,
        engine::Outcome::Kept => Outcome::Kept,
        engine::Outcome::Conflict => Outcome::Conflict,
        engine::Outcome::NotLocal => Outcome::NotLocal,
        engine::Outcome::Denied => Outcome::Denied,
        engine::Outcome::Unreadable => Outcome::Unreadable,
        engine::Outcome::SourceChanged => Outcome::SourceChanged,
        engine::Outcome::Intact => Outcome::Intact,
        engine::Outcome::Unproven => Outcome::Unproven,
        engine::Outcome::Missing => Outcome::Missing,
        engine::Outcome::Changed => Outcome::Changed,
        engine::Outcome::Extra => Outcome::Extra,
        engine::Outcome::Unsettled => Outcome::Unsettled,
        engine::Outcome::Prunable => Outcome::Prunable,
        engine::Outcome::Pruned => Outcome::Pruned,
    }
}
