//! `export.start`: two decisions, one job. Where the grants of an export are made, and where they
//! go.
//!
//! The job owns its grants: one to read the library, one to write below the root, made for it and
//! for nothing else. Words of the wire become the engine's own here, field by field, so that a new
//! word is a compile error.

use std::num::NonZero;
use std::sync::Arc;

use darkslide_door::RootDir;
use darkslide_export::{self as engine, ExportError, JobInput, Shape, Spec, Stop};
use darkslide_library::{Deadline, Library, LibraryError};
use darkslide_policy::{
    AbsPath, Ask, Component, Destination, Grant, LibraryName, Read, RelPath, RootName, World, Write,
};
use darkslide_protocol::error::WireError;
use darkslide_protocol::message::export::{
    DestinationText, ExportSpec, ExportStartParams, Layout, Versions,
};
use darkslide_protocol::message::job::{JobReport, JobReportParams, JobStatus, Outcome, ReportRow};

use super::{Caller, Service, fault, job, random_token};
use crate::jobs::{Ending, Feed, Order};
use crate::{clock, threads};
use darkslide_protocol::method::{self, Method};

/// More threads gain nothing on any disk that was measured.
const MAX_COPIERS: usize = 4;

impl Service {
    /// Answers `export.start`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `INVALID_PARAMS` for a path that is none, `CONFLICT`, `LIMIT`.
    pub(crate) fn export_start(
        &self,
        caller: &Caller,
        params: ExportStartParams,
    ) -> Result<JobStatus, WireError> {
        const METHOD: &str = method::ExportStart::NAME;
        let ExportStartParams { spec, key } = params;
        let name = LibraryName::parse(&spec.library).map_err(|_| fault::no_such_library())?;
        let read = self.decide(caller, &Ask::<Read>::new(METHOD, name.clone()))?;
        let to = destination(&spec.destination, &self.world)?;
        let write = self.decide(caller, &Ask::<Write>::new(METHOD, to))?;
        let library = Arc::clone(self.places.library(&name)?);
        let root = Arc::clone(self.places.root(write.covers().root())?);
        let order = Order {
            rule: write.rule().to_string(),
            key,
            read: read.covers().clone(),
            root: write.covers().root().to_string(),
            path: write.covers().path().to_string(),
        };
        let spec = checked(spec);
        let work = move |feed: &Feed| export(feed, &library, &root, &read, &write, &spec);
        let submitted = self.jobs.submit(random_token(), order, Box::new(work));
        submitted.map(|snapshot| job::status(&snapshot)).map_err(|error| fault::busy(&error))
    }
}

/// What a peer wrote, as a place that the policy can be asked about.
fn destination(text: &DestinationText, world: &World) -> Result<Destination, WireError> {
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

fn checked(spec: ExportSpec) -> Spec {
    let layout = match spec.layout {
        Layout::Date => engine::Layout::Date,
        Layout::Album => engine::Layout::Album,
        Layout::Flat => engine::Layout::Flat,
    };
    Spec {
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
        shape: Shape::new(layout, spec.portable),
        times: spec.times,
    }
}

/// The work of the job, on its own thread.
fn export(
    feed: &Feed,
    library: &Library,
    root: &RootDir,
    read: &Grant<Read>,
    write: &Grant<Write>,
    spec: &Spec,
) -> Result<Ending, WireError> {
    let destination = root.enter(write).map_err(|error| fault::destination(&error))?;
    let today = clock::timestamp();
    let day = today.get(..10).and_then(|day| Component::parse(day).ok());
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(MAX_COPIERS);
    let stopping = feed.stopping();
    let input = JobInput {
        library,
        read,
        destination: &destination,
        spec,
        job: feed.job().as_str(),
        day: &day.expect("a timestamp begins with a date"),
        limit: &Deadline::new(stopping),
        workers,
        on_thread_start: threads::assert_confined,
    };
    let stop = || {
        if feed.should_stop() { Stop::AfterFile } else { Stop::GoOn }
    };
    match engine::run(&input, &Told(feed), &stop) {
        Ok(summary) => {
            feed.trashed(summary.trashed);
            Ok(Ending::Complete)
        }
        // Asked to stop, it breaks off by itself or by the library's deadline; what else goes wrong
        // then is told.
        Err(ExportError::Stopped | ExportError::Library(LibraryError::TimedOut))
            if feed.should_stop() =>
        {
            Ok(Ending::Stopped)
        }
        Err(error) => Err(fault::export(&error)),
    }
}

/// Tells a job's watchers what the engine does.
struct Told<'a>(&'a Feed);

impl engine::Progress for Told<'_> {
    fn planned(&self, selected: u64, files: u64, bytes: u64) {
        self.0.planned(selected, files, bytes);
    }

    fn bytes(&self, bytes: u64) {
        self.0.bytes(bytes);
    }

    fn outcome(&self, outcome: engine::Outcome) {
        self.0.outcome(wire_outcome(outcome));
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

fn wire_row(row: engine::ReportRow) -> ReportRow {
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

fn wire_outcome(outcome: engine::Outcome) -> Outcome {
    match outcome {
        engine::Outcome::Copied => Outcome::Copied,
        engine::Outcome::Unchanged => Outcome::Unchanged,
        engine::Outcome::Adopted => Outcome::Adopted,
        engine::Outcome::Renamed => Outcome::Renamed,
        engine::Outcome::Kept => Outcome::Kept,
        engine::Outcome::Outdated => Outcome::Outdated,
        engine::Outcome::Conflict => Outcome::Conflict,
        engine::Outcome::NotLocal => Outcome::NotLocal,
        engine::Outcome::Unreadable => Outcome::Unreadable,
        engine::Outcome::SourceChanged => Outcome::SourceChanged,
    }
}
