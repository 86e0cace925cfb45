//! One export from its lock to its report.
//!
//! The order of things, and the only caller of all effects: lock, shape, settle, plan, space, then
//! entering, renaming and copying in batches, then settle again and the report. Nothing of the
//! destination is touched before the lock is held and what an earlier job left is settled. The
//! hazard: an error half-way; whatever it is, the journal tells the next run what happened. Read
//! `batch.rs` next.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use darkslide_door::{Destination, DoorError, DoorErrorKind, Lock, TAKEN_OVER_AFTER};
use darkslide_library::{Deadline, Library};
use darkslide_policy::{Component, Grant, Read};

use crate::batch::{BATCH_BYTES, Publisher, Ready, Sizes};
use crate::copy::{Copier, Desk, Ended};
use crate::error::ExportError;
use crate::id::{self, Reshape};
use crate::manifest::{MAX_ROWS, Manifest};
use crate::plan::moves::Resolved;
use crate::plan::{Chain, Entering, Move, NAME_TAKEN, Spooled, Write};
use crate::quota::{Growth, Quota};
use crate::recover::{settle_own, settle_record};
use crate::report::{self, Outcome, ReportRow, ReportWriter};
use crate::spec::Spec;
use crate::spool::{Spool, SpoolReader};
use crate::walk::{Question, Walk};
use crate::workers::{MAX_WORKERS, run_beside};

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
    /// One resource has its outcome, and a row of the report; over the whole job these sum to the
    /// selection.
    fn outcome(&self, row: &ReportRow);
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
    /// What the root may hold; none where that is not limited.
    pub quota: Option<Quota<'a>>,
    /// How many threads copy, 1 to 4.
    pub workers: usize,
    /// Called at the beginning of each of them.
    pub on_thread_start: fn(),
    /// The time, where somebody has to be waited for.
    pub clock: &'a dyn Clock,
}

/// A clock that only goes forward. Only a destination on a file system without locks needs one: its
/// holder has to say that he is alive.
pub trait Clock: Sync {
    /// Since some moment before the job.
    fn now(&self) -> Duration;
    /// Waits so long.
    fn wait(&self, time: Duration);
}

impl JobInput<'_> {
    fn question<'q>(&'q self, stop: &'q (dyn Fn() -> Stop + Sync)) -> Question<'q> {
        let Self { library, read, destination, spec, limit, quota, .. } = *self;
        Question { library, read, destination: Some(destination), spec, limit, quota, stop }
    }
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

/// The same, for tests that want smaller batches.
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
    let lock = lock(destination, job.clock, stop)?;
    let stop = &|| goes_on(&lock, job.clock, stop);
    let reshape = id::fix_shape(destination, &job.spec.shape, job.spec.reshape)?;
    let (manifest, trashed) = settle_record(destination, job.day, stop)?;
    report::forget_old(destination)?;
    let report = ReportWriter::begin(destination, &name)?;
    let summary = Summary { selected: 0, outcomes: BTreeMap::new(), files: 0, bytes: 0, trashed };
    let reshapes = reshape == Reshape::Yes;
    let mut running = Running { job, progress, stop, sizes, manifest, reshapes, report, summary };
    let answer = running.run();
    let Running { manifest, report, mut summary, .. } = running;
    // Also after a failure: what was published is entered, and no space is lost to what was not.
    let ended = settle_held(&lock, job.clock, || settle_own(destination, &manifest, job.day, stop));
    answer?;
    summary.trashed += ended?;
    if reshape == Reshape::Yes {
        id::end_reshape(destination)?;
    }
    summary.outcomes = report.end()?;
    Ok(summary)
}

/// Looks at a lock that has to be watched so often.
const WATCHED_EVERY: Duration = Duration::from_secs(1);

/// Takes the lock; one that its holder must have left behind is waited for.
pub(crate) fn lock<'d>(
    destination: &'d Destination<'d>,
    clock: &dyn Clock,
    stop: &(dyn Fn() -> Stop + Sync),
) -> Result<Lock<'d>, ExportError> {
    let busy = |error: DoorError| match error.kind() {
        DoorErrorKind::Busy => ExportError::Busy,
        _ => error.into(),
    };
    let error = match destination.lock() {
        Ok(lock) => return Ok(lock),
        Err(error) => error,
    };
    let seen = match destination.last_beat()? {
        Some(seen) if error.kind() == DoorErrorKind::Busy => seen,
        Some(_) | None => return Err(busy(error)),
    };
    let began = clock.now();
    loop {
        clock.wait(WATCHED_EVERY);
        if stop() != Stop::GoOn {
            return Err(ExportError::Stopped);
        }
        if destination.last_beat()?.as_ref() != Some(&seen) {
            return destination.lock().map_err(busy);
        }
        let watched = clock.now().saturating_sub(began);
        if watched >= TAKEN_OVER_AFTER {
            return destination.take_over(&seen, watched).map_err(busy);
        }
    }
}

/// Asks whether to go on, and says meanwhile that the holder of the lock is alive: the question
/// comes often enough. Whoever has lost the lock must not touch anything any more.
pub(crate) fn goes_on(
    lock: &Lock<'_>,
    clock: &dyn Clock,
    stop: &(dyn Fn() -> Stop + Sync),
) -> Stop {
    match lock.beat(clock.now()) {
        Ok(()) => stop(),
        Err(_) => Stop::Now,
    }
}

/// Settles what the job did; who has lost its lock leaves the record to whoever has it now.
pub(crate) fn settle_held<T>(
    lock: &Lock<'_>,
    clock: &dyn Clock,
    settle: impl FnOnce() -> Result<T, ExportError>,
) -> Result<T, ExportError> {
    if lock.beat(clock.now()).is_err() { Err(ExportError::Busy) } else { settle() }
}

struct Running<'a> {
    job: &'a JobInput<'a>,
    progress: &'a dyn Progress,
    stop: &'a (dyn Fn() -> Stop + Sync),
    sizes: Sizes,
    /// As it was when the job began.
    manifest: Manifest,
    /// What nobody selected gets new names, too.
    reshapes: bool,
    report: ReportWriter<'a>,
    summary: Summary,
}

impl Running<'_> {
    fn run(&mut self) -> Result<(), ExportError> {
        let (mut plan, growth) = self.plan()?;
        let resolved = {
            let (report, progress) = (&mut self.report, self.progress);
            plan.resolve(&mut |row| say(report, progress, &row))?
        };
        let totals = plan.totals;
        self.summary.selected = totals.selected;
        let rows = u64::try_from(self.manifest.len()).unwrap_or(u64::MAX);
        if rows.saturating_add(totals.new_rows) > MAX_ROWS as u64 {
            return Err(ExportError::TooManyFiles);
        }
        let copier = self.copier();
        let free = self.job.destination.free_space()?;
        if totals.bytes > free && !can_clone(&plan, &copier)? {
            return Err(ExportError::NoSpace { needed: totals.bytes, free });
        }
        self.progress.planned(totals.selected, totals.files, totals.bytes);
        // After it is told what is planned: of two jobs in one root at least one sees the other's.
        if let Some(quota) = self.job.quota {
            quota.check(self.manifest.bytes(), growth)?;
        }
        self.execute(plan, &resolved, &copier)
    }

    fn plan(&mut self) -> Result<(Spooled, Growth), ExportError> {
        let destination = self.job.destination;
        let (mut spooled, mut growth) = (Spooled::default(), Growth::default());
        let is_limited = self.job.quota.is_some();
        let (report, progress) = (&mut self.report, self.progress);
        let walk = Walk::new(self.job.question(self.stop), &self.manifest, self.reshapes)?;
        walk.each_asset(None, |_, acts| {
            if is_limited {
                growth.take(&acts, &self.manifest)?;
            }
            spooled.take(destination, acts, &mut |row| say(report, progress, &row))?;
            Ok(true)
        })?;
        walk.each_other(|acts| {
            spooled.take(destination, acts, &mut |row| say(report, progress, &row))
        })?;
        Ok((spooled, growth))
    }

    fn copier<'c>(&self) -> Copier<'c>
    where
        Self: 'c,
    {
        Copier {
            destination: self.job.destination,
            library: self.job.library.dir(),
            grant: self.job.read,
            progress: self.progress,
            stop: self.stop,
            hashing: self.job.spec.hashing,
            clone_same_file: self.job.spec.clone_same_file,
            clones: AtomicBool::new(true),
            clones_within: AtomicBool::new(true),
        }
    }

    fn execute(
        &mut self,
        plan: Spooled,
        resolved: &Resolved,
        copier: &Copier<'_>,
    ) -> Result<(), ExportError> {
        let JobInput { destination, job, day, .. } = *self.job;
        let mut publisher = Publisher::new(destination, job, day);
        self.enter(plan.entering, &mut publisher, |_| true)?;
        if !self.rename(&plan.moves, resolved, &mut publisher)? {
            publisher.end()?;
            return Err(ExportError::Stopped);
        }
        self.enter(plan.entering_moved, &mut publisher, |it| resolved.reaches(&it.row.path))?;
        let stopped = self.copy_all(plan.writes, resolved, copier, &mut publisher)?;
        if !publisher.left.is_empty() {
            let ours = self.manifest.folders().collect::<Result<_, _>>()?;
            publisher.remove_left_folders(&ours)?;
        }
        publisher.end()?;
        self.summary.trashed += publisher.trashed;
        if stopped {
            return Err(ExportError::Stopped);
        }
        Ok(())
    }

    fn enter(
        &mut self,
        entering: Spool<Entering>,
        publisher: &mut Publisher<'_>,
        is_there: impl Fn(&Entering) -> bool,
    ) -> Result<(), ExportError> {
        let mut rows = entering.read()?.peekable();
        while rows.peek().is_some() {
            let mut batch = Vec::new();
            for entering in rows.by_ref().take(ENTERED_ROWS) {
                let entering = entering?;
                if is_there(&entering) && publisher.was_moved_to(&entering.row.path) {
                    batch.push(entering);
                } else if let Some(report) = entering.report {
                    self.say(report.ended(Outcome::Conflict, NAME_TAKEN))?;
                }
            }
            self.say_all(publisher.enter(batch)?)?;
        }
        Ok(())
    }

    /// Answers whether all of them were tried.
    fn rename(
        &mut self,
        moves: &Spool<Move>,
        resolved: &Resolved,
        publisher: &mut Publisher<'_>,
    ) -> Result<bool, ExportError> {
        for batch in batches_of(&resolved.chains, self.sizes.batch_files) {
            if (self.stop)() != Stop::GoOn {
                return Ok(false);
            }
            let mut chains = Vec::with_capacity(batch.len());
            for Chain { circle, moves: steps } in batch {
                let steps = steps.iter().map(|at| moves.at(*at));
                chains.push(Chain { circle, moves: steps.collect::<Result<_, _>>()? });
            }
            self.say_all(publisher.rename(chains)?)?;
        }
        Ok(true)
    }

    /// Copies with a few workers and publishes on this thread meanwhile; answers whether it was
    /// stopped.
    fn copy_all(
        &mut self,
        writes: Spool<Vec<Write>>,
        resolved: &Resolved,
        copier: &Copier<'_>,
        publisher: &mut Publisher<'_>,
    ) -> Result<bool, ExportError> {
        if writes.count() == 0 {
            return Ok(false);
        }
        let queue = Queue { writes: Mutex::new(writes.read()?), resolved };
        let (to, from) = sync_channel(WAITING_ASSETS);
        let workers = (0..self.job.workers.clamp(1, MAX_WORKERS)).map(|_| {
            // Each has its own sender, so that the last one to end, however it ends, ends the
            // queue.
            let (to, queue) = (to.clone(), &queue);
            move || queue.copy_to(&to, copier)
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
            for (write, ended) in asset? {
                let report = write.report();
                match ended {
                    None => self.say(write.name_taken())?,
                    Some(Ended::Copied(copied)) => {
                        bytes = bytes.saturating_add(copied.row.size);
                        batch.push(Ready { copied, over: write.over, report });
                    }
                    Some(Ended::Unreadable(word)) => {
                        self.say(report.ended(Outcome::Unreadable, word))?;
                    }
                    Some(Ended::SourceChanged) => {
                        self.say(report.ended(Outcome::SourceChanged, "source-changed"))?;
                    }
                    Some(Ended::Stopped) => stopped = true,
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
            if matches!(report.outcome, Outcome::Copied | Outcome::Updated) {
                self.summary.files += 1;
                self.summary.bytes += report.bytes.unwrap_or(0);
            }
            self.say(report)?;
        }
        Ok(())
    }

    fn say_all(&mut self, reports: Vec<ReportRow>) -> Result<(), ExportError> {
        reports.into_iter().try_for_each(|report| self.say(report))
    }

    fn say(&mut self, row: ReportRow) -> Result<(), ExportError> {
        say(&mut self.report, self.progress, &row)
    }
}

/// Writes a row of the report, and tells the job's watchers of it.
pub(crate) fn say(
    report: &mut ReportWriter<'_>,
    progress: &dyn Progress,
    row: &ReportRow,
) -> Result<(), ExportError> {
    report.say(row)?;
    progress.outcome(row);
    Ok(())
}

/// Can the first of the contents be shared with the library?
fn can_clone(plan: &Spooled, copier: &Copier<'_>) -> Result<bool, ExportError> {
    if plan.writes.count() == 0 {
        return Ok(true);
    }
    match plan.writes.at(0)?.first() {
        Some(write) => copier.can_clone(write),
        None => Ok(false),
    }
}

/// The files of one asset, and what became of each; none where its name is taken.
type Finished = Result<Vec<(Write, Option<Ended>)>, ExportError>;

/// What is to be copied, for all workers.
struct Queue<'a> {
    writes: Mutex<SpoolReader<Vec<Write>>>,
    resolved: &'a Resolved,
}

impl Queue<'_> {
    /// Copies asset after asset, until there is none, or nobody wants any more.
    fn copy_to(&self, to: &SyncSender<Finished>, copier: &Copier<'_>) {
        let mut desk = Desk::default();
        while (copier.stop)() == Stop::GoOn {
            let next = self.writes.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some(asset) = next else { return };
            let finished = asset.and_then(|asset| self.copy_asset(asset, copier, &mut desk));
            desk.forget();
            if to.send(finished).is_err() {
                return;
            }
        }
    }

    fn copy_asset(&self, asset: Vec<Write>, copier: &Copier<'_>, desk: &mut Desk) -> Finished {
        let copy = |write: Write| {
            if !write.can_be_named(self.resolved) {
                return Ok((write, None));
            }
            let ended = copier.copy(&write, desk)?;
            Ok((write, Some(ended)))
        };
        asset.into_iter().map(copy).collect()
    }
}

/// Groups moves into batches. A circle is never torn; of a chain each move only needs the one
/// before it, and all of it at once could be more than a journal may have in doubt.
fn batches_of(chains: &[Chain], batch_files: usize) -> impl Iterator<Item = Vec<Chain>> {
    let mut pieces = chains.iter().flat_map(move |chain| torn(chain, batch_files)).peekable();
    std::iter::from_fn(move || {
        pieces.peek()?;
        let mut moves = 0;
        let mut batch = Vec::new();
        while moves < batch_files
            && let Some(piece) = pieces.next()
        {
            moves += piece.moves.len();
            batch.push(piece);
        }
        Some(batch)
    })
}

fn torn(chain: &Chain, batch_files: usize) -> Vec<Chain> {
    if chain.circle {
        return vec![chain.clone()];
    }
    let pieces = chain.moves.chunks(batch_files.max(1));
    pieces.map(|moves| Chain { circle: false, moves: moves.to_vec() }).collect()
}
