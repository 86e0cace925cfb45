//! Compares a destination with its manifest: what is there as it was written, what is missing or
//! changed, and what is there besides.
//!
//! [`verify`] only reads: it settles nothing and takes no lock, so it works on a disk that is
//! mounted read-only, and without daemon or library; [`verify_job`] is the same under the lock,
//! with a report. What a broken-off job left in doubt is named as that; links, mounts and other
//! destinations are named and not entered. The hazard: "all intact" for files that nobody looked
//! into, so what is not proven has a word of its own.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use darkslide_door::{
    Destination, DoorError, DoorErrorKind, Entry, Kind, Lock, RECORD_FOLDER, Record,
};
use darkslide_policy::RelPath;

use crate::digest::digest;
use crate::error::{ExportError, hides_content, in_the_way};
use crate::journal::{self, Intent, Line};
use crate::litter::is_litter;
use crate::manifest::Manifest;
use crate::plan::REMOVED;
use crate::reading::{each_line, holds, rows};
use crate::recover::open_manifest;
use crate::report::{self, Outcome, ReportRow, ReportWriter};
use crate::row::{Blake3, Row, There};
use crate::run::{self, Clock, Progress, Stop, Summary, goes_on};
use crate::unreadable::READ_ERROR;

/// Names that are looked at besides those of the manifest: four times the files of the largest
/// destination. A folder of somebody else's with more is left after so many.
const MAX_WALKED: usize = 16_000_000;

/// By what a file is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// Size and time; content where only the time differs.
    Stat,
    /// Content.
    Hash,
}

/// A verification as a job.
pub struct VerifyInput<'a> {
    /// The destination, opened under its own grant.
    pub destination: &'a Destination<'a>,
    /// By what files are known.
    pub by: By,
    /// Names the report: letters, digits and dashes.
    pub job: &'a str,
    /// The time, where somebody has to be waited for.
    pub clock: &'a dyn Clock,
}

impl std::fmt::Debug for VerifyInput<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("VerifyInput");
        out.field("job", &self.job).field("by", &self.by).finish_non_exhaustive()
    }
}

/// Verifies under the destination's lock, and writes the report of the job.
///
/// # Errors
/// Those of [`verify`]; [`ExportError::Busy`] while another job is at work there.
pub fn verify_job(
    job: &VerifyInput<'_>,
    progress: &dyn Progress,
    stop: &(dyn Fn() -> Stop + Sync),
) -> Result<Summary, ExportError> {
    let name = report::name_of(job.job).ok_or(ExportError::DamagedRecord { file: "reports" })?;
    let lock = lock(job.destination, job.clock, stop)?;
    let stop = &|| goes_on(&lock, job.clock, stop);
    report::forget_old(job.destination)?;
    let mut report = ReportWriter::begin(job.destination, &name)?;
    let mut tell = |row: ReportRow| run::say(&mut report, progress, &row);
    verify(job.destination, job.by, progress, stop, &mut tell)?;
    let outcomes = report.end()?;
    let selected = outcomes.values().sum();
    Ok(Summary { selected, outcomes, files: 0, bytes: 0, trashed: 0 })
}

/// Locks a destination where something was exported.
pub(crate) fn lock<'d>(
    destination: &'d Destination<'d>,
    clock: &dyn Clock,
    stop: &(dyn Fn() -> Stop + Sync),
) -> Result<Lock<'d>, ExportError> {
    if !destination.still_there()? {
        return Err(ExportError::RootReplaced);
    }
    if destination.open_record(Record::Id)?.is_none() {
        return Err(ExportError::NoRecord);
    }
    destination.ensure_record_folders()?;
    run::lock(destination, clock, stop)
}

/// Says of each file of the manifest how it is, then names what is there besides; answers how many
/// had which outcome.
///
/// # Errors
/// [`ExportError::NoRecord`] where nothing was exported; [`ExportError::Stopped`];
/// [`ExportError::NewerRecord`] and [`ExportError::DamagedRecord`]; what `say` answers. What
/// concerns one file alone is its outcome.
pub fn verify(
    destination: &Destination<'_>,
    by: By,
    progress: &dyn Progress,
    stop: &dyn Fn() -> Stop,
    say: &mut dyn FnMut(ReportRow) -> Result<(), ExportError>,
) -> Result<BTreeMap<Outcome, u64>, ExportError> {
    verify_at_most(destination, by, progress, stop, say, MAX_WALKED)
}

/// The same, for tests that want to look at fewer names besides.
///
/// # Errors
/// Those of [`verify`].
#[doc(hidden)]
pub fn verify_at_most(
    destination: &Destination<'_>,
    by: By,
    progress: &dyn Progress,
    stop: &dyn Fn() -> Stop,
    say: &mut dyn FnMut(ReportRow) -> Result<(), ExportError>,
    most: usize,
) -> Result<BTreeMap<Outcome, u64>, ExportError> {
    if destination.open_record(Record::Id)?.is_none() {
        return Err(ExportError::NoRecord);
    }
    // First the journal: what a job settles between the two looks is in the manifest then.
    let in_doubt = in_doubt(destination, stop)?;
    let manifest = open_manifest(destination, stop)?;
    let counts = BTreeMap::new();
    Verifying { destination, by, progress, stop, say, most, in_doubt, manifest, counts }.run()
}

struct Verifying<'a> {
    destination: &'a Destination<'a>,
    by: By,
    progress: &'a dyn Progress,
    stop: &'a dyn Fn() -> Stop,
    say: &'a mut dyn FnMut(ReportRow) -> Result<(), ExportError>,
    /// Names that are looked at besides.
    most: usize,
    /// Of the paths that a journal speaks of; none where there is no journal.
    in_doubt: Option<HashSet<u64>>,
    manifest: Manifest,
    counts: BTreeMap<Outcome, u64>,
}

impl Verifying<'_> {
    fn run(mut self) -> Result<BTreeMap<Outcome, u64>, ExportError> {
        let (mut files, mut bytes) = (0, 0_u64);
        for row in rows(&self.manifest) {
            files += 1;
            bytes = bytes.saturating_add(row?.size);
        }
        let bytes = if self.by == By::Hash { bytes } else { 0 };
        self.progress.planned(files, files, bytes);
        if self.in_doubt.is_some() {
            let row = ReportRow::at_path(JOURNAL_PATH, Outcome::Unsettled);
            self.say(row.ended(Outcome::Unsettled, INTERRUPTED))?;
        }
        let manifest = std::mem::take(&mut self.manifest);
        for row in rows(&manifest) {
            let row = row?;
            let (outcome, reason) = self.judge(&row)?;
            let mut report = ReportRow::of_row(&row, outcome);
            report.reason = reason.map(str::to_owned);
            self.say(report)?;
        }
        self.walk(&manifest)?;
        self.progress.planned(self.counts.values().sum(), files, bytes);
        Ok(self.counts)
    }

    fn say(&mut self, row: ReportRow) -> Result<(), ExportError> {
        if (self.stop)() != Stop::GoOn {
            return Err(ExportError::Stopped);
        }
        *self.counts.entry(row.outcome).or_default() += 1;
        (self.say)(row)
    }

    fn judge(&self, row: &Row) -> Result<Judged, ExportError> {
        let judged = judge(self.destination, row, self.by, self.stop)?;
        if self.by == By::Hash {
            self.progress.bytes(row.size);
        }
        let (outcome, _) = judged;
        let may_be_doubtful = matches!(outcome, Outcome::Missing | Outcome::Changed);
        let is_in_doubt = may_be_doubtful && self.is_in_doubt(&row.path);
        Ok(if is_in_doubt { (Outcome::Unsettled, Some(INTERRUPTED)) } else { judged })
    }

    fn is_in_doubt(&self, path: &RelPath) -> bool {
        self.in_doubt.as_ref().is_some_and(|paths| paths.contains(&short(path)))
    }

    /// Looks for what is there besides. Only names of folders still to be listed are held.
    fn walk(&mut self, manifest: &Manifest) -> Result<(), ExportError> {
        let mut folders = vec![RelPath::root()];
        let mut walked = 0_usize;
        while let Some(folder) = folders.pop() {
            let entries = match self.destination.list(&folder) {
                Ok(entries) => entries,
                Err(error) if error.kind() == DoorErrorKind::NotFound => continue,
                Err(error) => {
                    let Some(word) = not_entered(&error) else { return Err(error.into()) };
                    self.extra(shown(&folder), word)?;
                    continue;
                }
            };
            let is_another = entries.iter().any(|entry| entry.name() == RECORD_FOLDER);
            if is_another && !folder.is_root() {
                self.extra(shown(&folder), "destination")?;
                continue;
            }
            walked += entries.len();
            if walked > self.most {
                return self.extra(shown(&folder), "too-many");
            }
            for entry in &entries {
                folders.extend(self.look_at(manifest, &folder, entry)?);
            }
        }
        Ok(())
    }

    /// Answers a folder that is to be walked.
    fn look_at(
        &mut self,
        manifest: &Manifest,
        folder: &RelPath,
        entry: &Entry,
    ) -> Result<Option<RelPath>, ExportError> {
        if folder.is_root() && entry.name() == RECORD_FOLDER {
            return Ok(None);
        }
        let joined = entry.component().map(|name| folder.join(&name));
        let Some(Ok(path)) = joined else {
            if !is_litter(entry.name()) {
                let word = if joined.is_some() { "path-too-long" } else { "bad-name" };
                let name = entry.name().to_string_lossy();
                let path =
                    if folder.is_root() { name.into_owned() } else { format!("{folder}/{name}") };
                self.extra(&path, word)?;
            }
            return Ok(None);
        };
        if holds(manifest, &path)? || is_litter(entry.name()) {
            return Ok(None);
        }
        match entry.kind() {
            Kind::Folder => return Ok(Some(path)),
            Kind::File if self.is_in_doubt(&path) => {
                let row = ReportRow::at_path(path.as_str(), Outcome::Unsettled);
                self.say(row.ended(Outcome::Unsettled, INTERRUPTED))?;
            }
            Kind::File => self.say(ReportRow::at_path(path.as_str(), Outcome::Extra))?,
            Kind::Link => self.extra(path.as_str(), "link")?,
            Kind::Other => self.extra(path.as_str(), NOT_A_FILE)?,
        }
        Ok(None)
    }

    fn extra(&mut self, path: &str, word: &str) -> Result<(), ExportError> {
        self.say(ReportRow::at_path(path, Outcome::Extra).ended(Outcome::Extra, word))
    }
}

/// An outcome, and a word for the reason.
pub(crate) type Judged = (Outcome, Option<&'static str>);

/// How is the file of a row? [`Outcome::Intact`] by hash is proven.
pub(crate) fn judge(
    destination: &Destination<'_>,
    row: &Row,
    by: By,
    stop: &dyn Fn() -> Stop,
) -> Result<Judged, ExportError> {
    let there = match destination.stat(&row.path) {
        Ok(None) => return Ok((Outcome::Missing, None)),
        Ok(Some(facts)) => There::from(&facts),
        Err(error) => {
            return match (in_the_way(&error), error.kind()) {
                (Some(word), _) => Ok((Outcome::Missing, Some(word))),
                (None, DoorErrorKind::Permission | DoorErrorKind::Protected) => {
                    Ok((Outcome::Unreadable, Some("permission")))
                }
                (None, _) => Err(error.into()),
            };
        }
    };
    if !there.regular {
        return Ok((Outcome::Changed, Some(NOT_A_FILE)));
    }
    if there.size != row.size {
        return Ok((Outcome::Changed, Some("size")));
    }
    let same_time = there.mtime == row.mtime;
    let Some(hash) = row.blake3 else {
        return Ok(match by {
            By::Stat if same_time => (Outcome::Intact, None),
            By::Hash if same_time => (Outcome::Unproven, Some("no-hash")),
            // Nobody can tell whether it is its content, too, that differs.
            By::Stat | By::Hash => (Outcome::Changed, Some("time")),
        });
    };
    if by == By::Stat && same_time {
        return Ok((Outcome::Intact, None));
    }
    Ok(match content(destination, &row.path, stop)? {
        Ok(found) if found == hash => (Outcome::Intact, None),
        Ok(_) => (Outcome::Changed, Some("content")),
        Err(word) => (Outcome::Unreadable, Some(word)),
    })
}

/// The digest of what stands there, or the word for why it cannot be read.
fn content(
    destination: &Destination<'_>,
    path: &RelPath,
    stop: &dyn Fn() -> Stop,
) -> Result<Result<Blake3, &'static str>, ExportError> {
    let source = match destination.open_read(path) {
        Ok(source) => source,
        Err(error) if error.kind() == DoorErrorKind::NotFound => return Ok(Err(REMOVED)),
        Err(error) if hides_content(&error) => return Ok(Err("permission")),
        Err(error) => return Err(error.into()),
    };
    match digest(&source, destination.faults(), || stop() == Stop::GoOn) {
        Ok(Some(digest)) => Ok(Ok(digest)),
        Ok(None) => Err(ExportError::Stopped),
        // A sector that is gone is this file's misfortune, and what somebody verifies for.
        Err(_) => Ok(Err(READ_ERROR)),
    }
}

/// The word for a folder that is not walked.
fn not_entered(error: &DoorError) -> Option<&'static str> {
    let word = match error.kind() {
        DoorErrorKind::Permission | DoorErrorKind::Protected => Some("permission"),
        DoorErrorKind::TooMany => Some("too-many"),
        _ => None,
    };
    word.or_else(|| in_the_way(error))
}

fn shown(folder: &RelPath) -> &str {
    if folder.is_root() { "." } else { folder.as_str() }
}

/// Every path that a journal speaks of, as a number: a job may have written to a hundred thousand.
/// That two paths have one number turns, at the very worst, one extra file into one in doubt.
fn in_doubt(
    destination: &Destination<'_>,
    stop: &dyn Fn() -> Stop,
) -> Result<Option<HashSet<u64>>, ExportError> {
    let Some(source) = destination.open_record(Record::Journal)? else {
        return Ok(None);
    };
    let mut paths = HashSet::new();
    each_line(&source, (journal::MAX_BYTES, JOURNAL), stop, |line| {
        let Ok(Line::Intent { intent, .. }) = serde_json::from_slice(line) else { return };
        match *intent {
            Intent::Publish { row, .. } | Intent::Adopt { row } | Intent::Trash { row, .. } => {
                paths.insert(short(&row.path));
            }
            Intent::Move { new, row, .. } => paths.extend([short(&new), short(&row.path)]),
            Intent::Replace { old, new, .. } => {
                paths.extend([short(&old.path), short(&new.path)]);
            }
        }
    })?;
    Ok(Some(paths))
}

/// A number for a value, the same as long as this process runs.
pub(crate) fn short(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

const JOURNAL: &str = "journal.jsonl";
const JOURNAL_PATH: &str = ".darkslide/journal.jsonl";
/// A job was broken off there, and the next one settles it.
const INTERRUPTED: &str = "interrupted";
const NOT_A_FILE: &str = "not-a-regular-file";
