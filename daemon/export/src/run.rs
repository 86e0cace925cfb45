//! One export from its lock to its report.
//!
//! The order of things, and the only caller of all effects: lock, shape, settle, plan, space, then
//! entering, renaming and copying in batches, then settle again and the report. Nothing of the
//! destination is touched before the lock is held and what an earlier job left is settled. The
//! hazard: an error half-way; whatever it is, the journal tells the next run what happened. Read
//! `batch.rs` next.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use darkslide_door::{Destination, DoorErrorKind};
use darkslide_library::{Deadline, Library};
use darkslide_policy::{Component, Grant, Read};

use crate::batch::{BATCH_BYTES, Publisher, Ready, Sizes};
use crate::copy::{Copier, Ended};
use crate::error::ExportError;
use crate::gather::{Gathered, read_at_rest};
use crate::id;
use crate::manifest::{MAX_ROWS, Manifest};
use crate::plan::{Chain, Copy, Plan, Planner};
use crate::recover::{merge_ended, read_manifest, settle_own, settle_record};
use crate::report::{self, Outcome, ReportRow, ReportWriter};
use crate::spec::Spec;
use crate::workers::{MAX_WORKERS, run_beside};
use crate::world::DoorWorld;

/// Assets whose files are looked for at once.
const PAGE_ASSETS: usize = 500;
/// Finished assets that may wait to be published.
const WAITING_ASSETS: usize = 64;
/// Rows that are entered without a file being written.
const ENTERED_ROWS: usize = 4_096;

/// Should the job go on?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Yes.
    GoOn,
    /// No further file; what is copied is still published.
    AfterFile,
    /// At once; what is not published is dropped.
    Now,
}

/// Told how the job gets on, from its own thread and from its workers: often, so it has to be
/// quick.
pub trait Progress: Sync {
    /// The plan is made: so many resources were selected, so many files and bytes are copied.
    fn planned(&self, selected: u64, files: u64, bytes: u64);
    /// So many bytes more were copied. A file that is copied twice counts twice.
    fn bytes(&self, bytes: u64);
    /// One resource has its outcome; over the whole job these sum to the selection.
    fn outcome(&self, outcome: Outcome);
}

/// What an export is made of.
pub struct JobInput<'a> {
    /// The library.
    pub library: &'a Library,
    /// The grant to read it.
    pub read: &'a Grant<Read>,
    /// The destination, opened under its own grant.
    pub destination: &'a Destination<'a>,
    /// What to export, and how.
    pub spec: &'a Spec,
    /// Names the report: letters, digits and dashes.
    pub job: &'a str,
    /// Today, as `2024-05-31`, for what has to go to the trash.
    pub day: &'a Component,
    /// For how long the library is asked.
    pub limit: &'a Deadline,
    /// How many threads copy, 1 to 4.
    pub workers: usize,
    /// Called at the beginning of each of them.
    pub on_thread_start: fn(),
}

impl std::fmt::Debug for JobInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("JobInput");
        out.field("job", &self.job).field("spec", self.spec);
        out.finish_non_exhaustive()
    }
}

/// What an export did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Resources selected.
    pub selected: u64,
    /// How many had which outcome; they sum to `selected`.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Files that were copied.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that nobody could explain after a crash, now in `.darkslide/trash/`.
    pub trashed: u64,
}

/// Exports. When it fails, what was published is published, and the next run goes on from there.
///
/// # Errors
/// [`ExportError`]; what concerns one file alone is its outcome.
pub fn run(
    job: &JobInput<'_>,
    progress: &dyn Progress,
    stop: &(dyn Fn() -> Stop + Sync),
) -> Result<Summary, ExportError> {
    run_in_batches(job, progress, stop, Sizes::default())
}

/// The same, for tests that want smaller batches and a shorter journal.
///
/// # Errors
/// Those of [`run`].
#[doc(hidden)]
pub fn run_in_batches(
    job: &JobInput<'_>,
    progress: &dyn Progress,
    stop: &(dyn Fn() -> Stop + Sync),
    sizes: Sizes,
) -> Result<Summary, ExportError> {
    let destination = job.destination;
    let name = report::name_of(job.job).ok_or(ExportError::DamagedRecord { file: "reports" })?;
    if !destination.still_there()? {
        return Err(ExportError::RootReplaced);
    }
    destination.ensure_record_folders()?;
    let _lock = destination.lock().map_err(|error| {
        if error.kind() == DoorErrorKind::Busy { ExportError::Busy } else { error.into() }
    })?;
    id::fix_shape(destination, &job.spec.shape)?;
    let mut manifest = read_manifest(destination, stop)?;
    let trashed = settle_record(destination, &mut manifest, job.day, stop)?;
    report::forget_old(destination)?;
    let report = ReportWriter::begin(destination, &name)?;
    let summary = Summary { selected: 0, outcomes: BTreeMap::new(), files: 0, bytes: 0, trashed };
    let mut running = Running { job, progress, stop, sizes, manifest, report, summary };
    let answer = running.run();
    let Running { mut manifest, report, mut summary, .. } = running;
    // Also after a failure: what was published is entered, and no space is lost to what was not.
    let ended = settle_own(destination, &mut manifest, job.day, stop);
    answer?;
    summary.trashed += ended?;
    summary.outcomes = report.end()?;
    Ok(summary)
}

struct Running<'a> {
    job: &'a JobInput<'a>,
    progress: &'a dyn Progress,
    stop: &'a (dyn Fn() -> Stop + Sync),
    sizes: Sizes,
    /// As it was when the journal was last merged.
    manifest: Manifest,
    report: ReportWriter<'a>,
    summary: Summary,
}

impl<'a> Running<'a> {
    fn run(&mut self) -> Result<(), ExportError> {
        let plan = self.plan()?;
        self.summary.selected = plan.selected;
        let rows = u64::try_from(self.manifest.len()).unwrap_or(u64::MAX);
        if rows.saturating_add(plan.files()) > MAX_ROWS as u64 {
            return Err(ExportError::TooManyFiles);
        }
        let copier = self.copier();
        let free = self.job.destination.free_space()?;
        let first = plan.copies.first().and_then(|group| group.first());
        if plan.bytes() > free && !first.map_or(Ok(false), |copy| copier.can_clone(copy))? {
            let needed = plan.bytes();
            return Err(ExportError::NoSpace { needed, free });
        }
        self.progress.planned(plan.selected, plan.files(), plan.bytes());
        self.execute(plan, &copier)
    }

    fn plan(&mut self) -> Result<Plan, ExportError> {
        let JobInput { library, read, spec, limit, .. } = *self.job;
        let uuid = library.info(read, limit)?.uuid;
        let catalog = read_at_rest(|| library.catalog(read, limit))?;
        let gathered = Gathered::new(&spec.shape, uuid, catalog);
        let selected = read_at_rest(|| library.select(read, &spec.filter, &spec.include, limit))?;
        let world = DoorWorld {
            destination: self.job.destination,
            library: library.dir(),
            grant: read,
            stop: self.stop,
            ours: HashSet::new(),
        };
        let (report, progress, stop) = (&mut self.report, self.progress, self.stop);
        let mut say = |row: ReportRow| {
            report.say(&row)?;
            progress.outcome(row.outcome);
            Ok(())
        };
        let mut planner = Planner::new(&gathered.naming, &self.manifest, world);
        for page in selected.chunks(PAGE_ASSETS) {
            for asset in library.resources(read, page, limit)? {
                if stop() != Stop::GoOn {
                    return Err(ExportError::Stopped);
                }
                for (place, files) in gathered.wanted(spec, &asset.uuid, asset.resources) {
                    planner.plan_place(&place, files, &mut say)?;
                }
            }
        }
        planner.finish(&mut say)
    }

    fn copier(&self) -> Copier<'a> {
        Copier {
            destination: self.job.destination,
            library: self.job.library.dir(),
            grant: self.job.read,
            progress: self.progress,
            stop: self.stop,
            clones: AtomicBool::new(true),
        }
    }

    fn execute(&mut self, plan: Plan, copier: &Copier<'_>) -> Result<(), ExportError> {
        let JobInput { destination, job, day, .. } = *self.job;
        let mut publisher = Publisher::new(destination, job, day, self.sizes);
        let mut entering = plan.entering.into_iter().peekable();
        while entering.peek().is_some() {
            let batch = entering.by_ref().take(ENTERED_ROWS).collect();
            self.say_all(publisher.enter(batch)?)?;
            self.merge_if_long(&mut publisher)?;
        }
        for batch in batches_of(plan.chains, self.sizes.batch_files) {
            if (self.stop)() != Stop::GoOn {
                publisher.end()?;
                return Err(ExportError::Stopped);
            }
            self.say_all(publisher.rename(batch)?)?;
            self.merge_if_long(&mut publisher)?;
        }
        let stopped = self.copy_all(plan.copies, copier, &mut publisher)?;
        publisher.end()?;
        self.summary.trashed += publisher.trashed;
        if stopped {
            return Err(ExportError::Stopped);
        }
        Ok(())
    }

    /// Copies with a few workers and publishes on this thread meanwhile; answers whether it was
    /// stopped.
    fn copy_all(
        &mut self,
        copies: Vec<Vec<Copy>>,
        copier: &Copier<'_>,
        publisher: &mut Publisher<'_>,
    ) -> Result<bool, ExportError> {
        if copies.is_empty() {
            return Ok(false);
        }
        let queue = Mutex::new(copies.into_iter());
        let (to, from) = sync_channel(WAITING_ASSETS);
        let workers = (0..self.job.workers.clamp(1, MAX_WORKERS)).map(|_| {
            // Each has its own sender, so that the last one to end, however it ends, ends the
            // queue.
            let (to, queue) = (to.clone(), &queue);
            move || copy_from(queue, &to, copier)
        });
        let workers = workers.collect();
        drop(to);
        // What is received is taken along, so that workers hear when nobody listens any more.
        run_beside(workers, self.job.on_thread_start, || self.publish_all(from, publisher))?
    }

    fn publish_all(
        &mut self,
        from: Receiver<Finished>,
        publisher: &mut Publisher<'_>,
    ) -> Result<bool, ExportError> {
        let mut batch: Vec<Ready> = Vec::new();
        let mut bytes = 0_u64;
        let mut stopped = false;
        for asset in from {
            for (wanted, ended) in asset? {
                let report = ReportRow::of(&wanted.wanted, Outcome::Copied);
                match ended {
                    Ended::Copied(copied) => {
                        bytes = bytes.saturating_add(copied.row.size);
                        batch.push(Ready { copied, report });
                    }
                    Ended::Unreadable(word) => self.say(report.ended(Outcome::Unreadable, word))?,
                    Ended::SourceChanged => {
                        self.say(report.ended(Outcome::SourceChanged, "source-changed"))?;
                    }
                    Ended::Stopped => stopped = true,
                }
            }
            if batch.len() >= self.sizes.batch_files || bytes >= BATCH_BYTES {
                self.publish(std::mem::take(&mut batch), publisher)?;
                bytes = 0;
            }
        }
        stopped |= (self.stop)() != Stop::GoOn;
        if !batch.is_empty() && (self.stop)() != Stop::Now {
            self.publish(batch, publisher)?;
        }
        Ok(stopped)
    }

    fn publish(
        &mut self,
        batch: Vec<Ready>,
        publisher: &mut Publisher<'_>,
    ) -> Result<(), ExportError> {
        for report in publisher.publish(batch)? {
            if report.outcome == Outcome::Copied {
                self.summary.files += 1;
                self.summary.bytes += report.bytes.unwrap_or(0);
            }
            self.say(report)?;
        }
        self.merge_if_long(publisher)
    }

    /// No journal grows so long that it could not be settled.
    fn merge_if_long(&mut self, publisher: &mut Publisher<'_>) -> Result<(), ExportError> {
        if !publisher.is_long() {
            return Ok(());
        }
        publisher.end()?;
        merge_ended(self.job.destination, &mut self.manifest, self.job.day)
    }

    fn say_all(&mut self, reports: Vec<ReportRow>) -> Result<(), ExportError> {
        reports.into_iter().try_for_each(|report| self.say(report))
    }

    fn say(&mut self, report: ReportRow) -> Result<(), ExportError> {
        self.report.say(&report)?;
        self.progress.outcome(report.outcome);
        Ok(())
    }
}

/// The files of one asset, and what became of each.
type Finished = Result<Vec<(Copy, Ended)>, ExportError>;

/// Copies asset after asset, until there is none, or nobody wants any more.
fn copy_from(
    queue: &Mutex<std::vec::IntoIter<Vec<Copy>>>,
    to: &SyncSender<Finished>,
    copier: &Copier<'_>,
) {
    let mut buffer = Vec::new();
    while (copier.stop)() == Stop::GoOn {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(asset) = next else { return };
        let finished = asset
            .into_iter()
            .map(|copy| {
                let ended = copier.copy(&copy, &mut buffer)?;
                Ok((copy, ended))
            })
            .collect();
        if to.send(finished).is_err() {
            return;
        }
    }
}

/// Groups moves into batches. A circle is never torn; of a chain each move only needs the one
/// before it, and all of it at once could be more than a journal may have in doubt.
fn batches_of(chains: Vec<Chain>, batch_files: usize) -> Vec<Vec<Chain>> {
    let mut batches = Vec::new();
    let mut batch = Vec::new();
    let mut moves = 0;
    for chain in chains.into_iter().flat_map(|chain| torn(chain, batch_files)) {
        moves += chain.moves.len();
        batch.push(chain);
        if moves >= batch_files {
            batches.push(std::mem::take(&mut batch));
            moves = 0;
        }
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

fn torn(chain: Chain, batch_files: usize) -> Vec<Chain> {
    if chain.circle {
        return vec![chain];
    }
    let mut pieces = Vec::new();
    let mut moves = chain.moves.into_iter().peekable();
    while moves.peek().is_some() {
        let piece = moves.by_ref().take(batch_files.max(1)).collect();
        pieces.push(Chain { circle: false, moves: piece });
    }
    pieces
}
