//! Puts into the trash what an export wrote and whose asset is gone: planned first, always.
//!
//! Without a plan it only plans: the report of that job is the plan. With the name of such a job it
//! plans once more, and goes on only if the same files would go. A file goes if its row is of this
//! very library, the asset is absent there or in its trash (what a grant withholds is neither), we
//! wrote it, and its content is proven to be what we wrote; nothing else is touched. The hazard: a
//! library that is half restored, which looks as if most of it was deleted: hence `max_delete`.

use std::collections::{HashMap, HashSet};

use darkslide_door::Destination;
use darkslide_library::{Deadline, Existence, Library};
use darkslide_policy::{Component, Grant, Read, RelPath};
use darkslide_protocol::value::Uuid;

use crate::batch::{Publisher, Sizes, Trashing, look};
use crate::error::ExportError;
use crate::manifest::Manifest;
use crate::plan::{CHANGED, REMOVED};
use crate::reading::{folders, rows};
use crate::recover::{settle_own, settle_record};
use crate::report::{self, Outcome, ReportRow, ReportWriter};
use crate::report_page::read_report;
use crate::row::Row;
use crate::run::{Clock, Progress, Stop, Summary, goes_on, say, settle_held};
use crate::verify::{By, Judged, judge, lock, short};

/// Assets that the library is asked for at once.
const ASKED_ASSETS: usize = 1_000;
/// Rows of a plan that are read at once.
const PLAN_PAGE: usize = 1_000;

/// How many files may go at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxDelete {
    /// Of those that the library has there, rounded down.
    Percent(u8),
    /// So many.
    Files(u64),
}

impl MaxDelete {
    fn of(self, files: u64) -> u64 {
        match self {
            Self::Percent(percent) => {
                let part = u128::from(files) * u128::from(percent.min(100)) / 100;
                u64::try_from(part).unwrap_or(u64::MAX)
            }
            Self::Files(count) => count,
        }
    }
}

/// A prune as a job.
pub struct PruneInput<'a> {
    /// The library.
    pub library: &'a Library,
    /// The grant to read it.
    pub read: &'a Grant<Read>,
    /// The destination, opened under its own grant.
    pub destination: &'a Destination<'a>,
    /// Names the report: letters, digits and dashes.
    pub job: &'a str,
    /// Today, as `2024-05-31`: where in the trash.
    pub day: &'a Component,
    /// For how long the library is asked.
    pub limit: &'a Deadline,
    /// How many files may go.
    pub max_delete: MaxDelete,
    /// The job that planned this; without, only a plan is made.
    pub plan: Option<&'a str>,
    /// The time, where somebody has to be waited for.
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for PruneInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("PruneInput");
        out.field("job", &self.job).field("plan", &self.plan).finish_non_exhaustive()
    }
}

/// Plans, or does what was planned. Of files whose assets are gone the report has a row each:
/// [`Outcome::Prunable`] or [`Outcome::Pruned`], else [`Outcome::Kept`] with a word for the reason.
///
/// # Errors
/// [`ExportError`]: [`NoRecord`](ExportError::NoRecord) where nothing was exported,
/// [`TooMuch`](ExportError::TooMuch) after the plan where more would go than may,
/// [`PlanChanged`](ExportError::PlanChanged) where another set of files would go than was planned.
pub fn prune(
    job: &PruneInput<'_>,
    progress: &dyn Progress,
    stop: &(dyn Fn() -> Stop + Sync),
) -> Result<Summary, ExportError> {
    prune_in_batches(job, progress, stop, Sizes::default())
}

/// The same, for tests that want smaller batches and a shorter journal.
///
/// # Errors
/// Those of [`prune`].
#[doc(hidden)]
pub fn prune_in_batches(
    job: &PruneInput<'_>,
    progress: &dyn Progress,
    stop: &(dyn Fn() -> Stop + Sync),
    sizes: Sizes,
) -> Result<Summary, ExportError> {
    let destination = job.destination;
    let name = report::name_of(job.job).ok_or(ExportError::DamagedRecord { file: "reports" })?;
    let lock = lock(destination, job.clock, stop)?;
    let stop = &|| goes_on(&lock, job.clock, stop);
    let planned = job.plan.map(|plan| Planned::read(destination, plan, stop)).transpose()?;
    let (manifest, trashed) = settle_record(destination, job.day, stop)?;
    report::forget_old(destination)?;
    let report = ReportWriter::begin(destination, &name)?;
    let mut pruning = Pruning { job, progress, stop, sizes, manifest, report };
    let done = pruning.run(planned);
    let Pruning { manifest, report, .. } = pruning;
    // Also after a failure, as after an export.
    let ended = match planned {
        Some(_) => {
            settle_held(&lock, job.clock, || settle_own(destination, &manifest, job.day, stop))
        }
        None => Ok(0),
    };
    match done {
        Err(error @ ExportError::TooMuch { .. }) if planned.is_none() => {
            // Whoever is refused may look at what would have gone.
            report.end()?;
            return Err(error);
        }
        answer => answer?,
    }
    let trashed = trashed + ended?;
    let outcomes = report.end()?;
    let files = outcomes.get(&Outcome::Pruned).copied().unwrap_or(0);
    Ok(Summary { selected: outcomes.values().sum(), outcomes, files, bytes: 0, trashed })
}

/// Which files would go, as one number for all of them, in the order of the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Planned(blake3::Hash);

impl Planned {
    /// Of the report that a job left.
    fn read(
        destination: &Destination<'_>,
        job: &str,
        stop: &dyn Fn() -> Stop,
    ) -> Result<Self, ExportError> {
        let mut files = blake3::Hasher::new();
        let mut next = Some(0);
        while let Some(after) = next {
            if stop() != Stop::GoOn {
                return Err(ExportError::Stopped);
            }
            let page = read_report(destination, job, after, PLAN_PAGE, false, &|| false)?;
            let page = page.ok_or(ExportError::PlanChanged)?;
            for row in &page.rows {
                match row.outcome {
                    Outcome::Prunable => add(&mut files, row),
                    Outcome::Kept => {}
                    // The report of another kind of job.
                    _ => return Err(ExportError::PlanChanged),
                }
            }
            next = page.next;
        }
        Ok(Self(files.finalize()))
    }
}

fn add(files: &mut blake3::Hasher, row: &ReportRow) {
    let line = serde_json::to_vec(row).expect("texts and numbers only");
    files.update(&line);
    files.update(b"\n");
}

/// What goes: a number for each key, and what `stat` told of its file, as a number too; none where
/// there was no file and only a row goes.
type Going = HashMap<u64, Option<u64>>;

/// What a look at all rows came to.
struct Losses {
    going: Going,
    /// Files of these; the others are rows alone.
    files: u64,
    /// Files that the library has there.
    of: u64,
    now: Planned,
}

/// Two looks at each row keep memory flat: the first proves and counts, the second acts where
/// `stat` still tells the same.
struct Pruning<'a> {
    job: &'a PruneInput<'a>,
    progress: &'a dyn Progress,
    stop: &'a (dyn Fn() -> Stop + Sync),
    sizes: Sizes,
    /// As it was when the journal was last merged.
    manifest: Manifest,
    report: ReportWriter<'a>,
}

impl Pruning<'_> {
    fn run(&mut self, planned: Option<Planned>) -> Result<(), ExportError> {
        let Losses { going, files, of, now } = self.look_at_all(planned.is_none())?;
        let allowed = self.job.max_delete.of(of);
        if files > allowed {
            return Err(ExportError::TooMuch { files, of, allowed });
        }
        match planned {
            None => Ok(()),
            Some(planned) if planned != now => Err(ExportError::PlanChanged),
            Some(_) => self.execute(going),
        }
    }

    /// Looks at each file whose asset is gone. What stays is said; what goes as well, if it is only
    /// planned.
    fn look_at_all(&mut self, is_only_planned: bool) -> Result<Losses, ExportError> {
        let Self { job, progress, stop, manifest, report, .. } = self;
        let destination = job.destination;
        let (mut going, mut files, mut rows) = (Going::new(), 0, 0);
        let mut now = blake3::Hasher::new();
        let of = each_gone(job, manifest, *stop, &mut |row| {
            rows += 1;
            // Before the content is read, so that whatever is done to it later shows.
            let before = look(destination, &row.path)?;
            let (outcome, reason) = match before {
                Ok(None) => (Outcome::Prunable, Some(REMOVED)),
                Ok(Some(_)) => fate(destination, row, *stop)?,
                Err(word) => (Outcome::Kept, Some(word)),
            };
            let mut told = ReportRow::of_row(row, outcome);
            told.reason = reason.map(str::to_owned);
            if outcome == Outcome::Prunable {
                let seen = before.ok().flatten();
                files += u64::from(seen.is_some());
                going.insert(short(&row.key), seen);
                add(&mut now, &told);
                if !is_only_planned {
                    return Ok(());
                }
            }
            say(report, *progress, &told)
        })?;
        progress.planned(rows, files, 0);
        Ok(Losses { going, files, of, now: Planned(now.finalize()) })
    }

    /// Goes through the manifest once more. A batch is never torn by a stop: the next one is not
    /// begun.
    fn execute(&mut self, mut going: Going) -> Result<(), ExportError> {
        let Self { job, progress, stop, sizes, manifest, report } = self;
        let mut publisher = Publisher::new(job.destination, job.job, job.day);
        let mut trash = |publisher: &mut Publisher<'_>, batch: &mut Vec<Trashing>| {
            if batch.is_empty() {
                return Ok(());
            }
            if stop() != Stop::GoOn {
                publisher.end()?;
                return Err(ExportError::Stopped);
            }
            let told = publisher.trash(std::mem::take(batch))?;
            told.iter().try_for_each(|row| say(report, *progress, row))
        };
        let mut batch = Vec::new();
        for row in rows(manifest) {
            let row = row?;
            let Some(seen) = going.remove(&short(&row.key)) else { continue };
            batch.push(Trashing { row, seen });
            if batch.len() >= sizes.batch_files {
                trash(&mut publisher, &mut batch)?;
            }
        }
        trash(&mut publisher, &mut batch)?;
        // All that we made and that are empty now, so that what a kill left of an earlier prune is
        // made good.
        let ours: HashSet<RelPath> = folders(manifest)?.into_iter().collect();
        publisher.left.extend(ours.iter().cloned());
        publisher.remove_left_folders(&ours)?;
        publisher.end()
    }
}

/// Hands in each row of this very library whose asset is gone; answers how many rows the library
/// has. One without a UUID of its own has none.
fn each_gone(
    job: &PruneInput<'_>,
    manifest: &Manifest,
    stop: &dyn Fn() -> Stop,
    take: &mut dyn FnMut(&Row) -> Result<(), ExportError>,
) -> Result<u64, ExportError> {
    let PruneInput { library, read, limit, .. } = *job;
    let Some(uuid) = library.uuid(read, limit)? else {
        return Ok(0);
    };
    let mut ask = |assets: &mut Vec<Uuid>, theirs: &mut Vec<Row>| {
        let found = library.existence(read, assets, limit)?;
        let found: HashMap<Uuid, Existence> = assets.drain(..).zip(found).collect();
        for row in theirs.drain(..) {
            if stop() != Stop::GoOn {
                return Err(ExportError::Stopped);
            }
            match found.get(&row.key.asset) {
                Some(Existence::Absent | Existence::Trashed) => take(&row)?,
                Some(Existence::Present) | None => {}
            }
        }
        Ok(())
    };
    let mut of = 0;
    let (mut assets, mut theirs): (Vec<Uuid>, Vec<Row>) = (Vec::new(), Vec::new());
    for row in rows(manifest) {
        let row = row?;
        if row.key.library != uuid.as_str() {
            continue;
        }
        of += 1;
        // They are sorted: the rows of one asset stand together.
        if assets.last() != Some(&row.key.asset) {
            if assets.len() >= ASKED_ASSETS {
                ask(&mut assets, &mut theirs)?;
            }
            assets.push(row.key.asset.clone());
        }
        theirs.push(row);
    }
    ask(&mut assets, &mut theirs)?;
    Ok(of)
}

/// What becomes of a file whose asset is gone: only what is proven to be what we wrote may go.
fn fate(
    destination: &Destination<'_>,
    row: &Row,
    stop: &dyn Fn() -> Stop,
) -> Result<Judged, ExportError> {
    if row.adopted {
        return Ok((Outcome::Kept, Some("adopted")));
    }
    if row.blake3.is_none() {
        return Ok((Outcome::Kept, Some("unproven")));
    }
    let (outcome, reason) = judge(destination, row, By::Hash, stop)?;
    Ok(match (outcome, reason) {
        (Outcome::Intact, _) => (Outcome::Prunable, None),
        (Outcome::Unreadable, word) => (Outcome::Kept, word),
        _ => (Outcome::Kept, Some(CHANGED)),
    })
}
