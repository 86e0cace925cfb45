//! Writes a batch's intents, flushes once, and gives the names: the order that survives a crash.
//!
//! It alone appends to the journal and publishes (docs/destination.md): contents are under
//! `tmp/`, intents go to the journal, one flush, the line `flushed`, then the renames, which
//! replace nothing; the next batch's flush makes them durable. What did not happen gets a line that
//! says so. The hazard: a name given before the content behind it is on the disk.

mod trash;

use std::collections::{BTreeSet, HashSet};
use std::fs::File;
use std::io::Write;

use darkslide_door::{Destination, DoorError, DoorErrorKind, Operation, Record, Way, random_name};
use darkslide_policy::{Component, RelPath};

use crate::copy::Copied;
use crate::error::{ExportError, in_the_way};
use crate::journal::{Intent, Line};
use crate::plan::moves::NameHash;
use crate::plan::{CHANGED, Chain, Entering, Move, Over, REMOVED};
use crate::replace::{Outgoing, Replacing};
use crate::report::{Outcome, ReportRow};
use crate::row::There;

pub(crate) use trash::{Trashing, look};

/// A batch ends with so many files, or so many bytes: what a crash makes us do again.
const BATCH_FILES: usize = 256;
pub(crate) const BATCH_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// When a batch ends. Smaller ones are for tests, which could not fill those of the programs.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    pub batch_files: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self { batch_files: BATCH_FILES }
    }
}

/// A content in `tmp/`, what it replaces, and the row that reports it.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) copied: Box<Copied>,
    pub(crate) over: Option<Over>,
    pub(crate) report: ReportRow,
}

/// Publishes batch after batch.
pub(crate) struct Publisher<'a> {
    pub(crate) destination: &'a Destination<'a>,
    job: &'a str,
    pub(crate) day: &'a Component,
    /// Made with the first intent: a run that changes nothing writes no journal.
    journal: Option<File>,
    /// The number of the last intent.
    last: u64,
    /// Folders that were seen to be there.
    folders: HashSet<RelPath>,
    /// Folders whose names have changed since the last flush.
    touched: BTreeSet<RelPath>,
    /// Folders from which files went.
    pub(crate) left: BTreeSet<RelPath>,
    /// Folders that this job made.
    made: HashSet<RelPath>,
    /// Names that files were to move to, and did not.
    stuck: HashSet<NameHash>,
    /// What an update took away, and may be removed after the next flush.
    pub(crate) outgoing: Vec<Outgoing>,
    /// What had to be put into the trash.
    pub(crate) trashed: u64,
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(destination: &'a Destination<'a>, job: &'a str, day: &'a Component) -> Self {
        Self {
            destination,
            job,
            day,
            journal: None,
            last: 0,
            folders: HashSet::new(),
            touched: BTreeSet::new(),
            left: BTreeSet::new(),
            made: HashSet::new(),
            stuck: HashSet::new(),
            outgoing: Vec::new(),
            trashed: 0,
        }
    }

    /// Enters rows for files that are there already.
    pub(crate) fn enter(&mut self, batch: Vec<Entering>) -> Result<Vec<ReportRow>, ExportError> {
        let intents = batch.iter().map(|it| Intent::Adopt { row: it.row.clone() });
        self.intend(intents.collect())?;
        self.flush(&[])?;
        Ok(batch.into_iter().filter_map(|it| it.report).collect())
    }

    /// Gives copied files their names.
    pub(crate) fn publish(&mut self, batch: Vec<Ready>) -> Result<Vec<ReportRow>, ExportError> {
        let mut asides = Vec::with_capacity(batch.len());
        let mut intents = Vec::with_capacity(batch.len());
        for ready in &batch {
            let aside = random_name();
            intents.push(intent_of(ready, &aside));
            asides.push(aside);
        }
        let first = self.intend(intents)?;
        let temporaries: Vec<Component> = batch.iter().map(|it| it.copied.name.clone()).collect();
        self.flush(&temporaries)?;
        let mut reports = Vec::with_capacity(batch.len());
        for ((n, ready), aside) in (first..).zip(batch).zip(asides) {
            let Ready { copied, over, report } = ready;
            reports.push(match over {
                None => self.publish_one(n, &copied, report)?,
                Some(over) => self.replace_one(n, &Replacing { aside, copied, over }, report)?,
            });
        }
        Ok(reports)
    }

    fn publish_one(
        &mut self,
        n: u64,
        copied: &Copied,
        report: ReportRow,
    ) -> Result<ReportRow, ExportError> {
        let path = &copied.row.path;
        let publish = |destination: &Destination<'_>| {
            destination.publish(&copied.name, copied.identity, path).map(|_| ())
        };
        match self.give_name(path, publish) {
            Ok(()) => Ok(report.with_row(&copied.row)),
            Err(error) => self.put_back(n, copied, report, error),
        }
    }

    /// What is in the way of one file is that file's outcome; all else ends the job.
    pub(crate) fn put_back(
        &mut self,
        n: u64,
        copied: &Copied,
        report: ReportRow,
        error: ExportError,
    ) -> Result<ReportRow, ExportError> {
        let word = if let ExportError::Door(door) = &error { in_the_way(door) } else { None };
        let Some(word) = word else { return Err(error) };
        self.say_not(n, word)?;
        self.destination.remove_temporary(&copied.name, copied.identity)?;
        let report = report.at(&copied.row.path);
        Ok(report.ended(Outcome::Conflict, word))
    }

    /// Renames files of ours: whole chains, each in the order that frees one name after the other.
    pub(crate) fn rename(
        &mut self,
        batch: Vec<Chain<Move>>,
    ) -> Result<Vec<ReportRow>, ExportError> {
        let mut n = self.last;
        let mut chains = Vec::with_capacity(batch.len());
        for Chain { circle, moves } in batch {
            let mut moving = Vec::with_capacity(moves.len());
            for step in moves {
                n += 1;
                moving.push(Moving {
                    n,
                    aside: random_name(),
                    begins_a_circle: circle && moving.is_empty(),
                    step,
                });
            }
            chains.push(moving);
        }
        let intents = chains.iter().flatten().map(|moving| Intent::Move {
            aside: moving.aside.clone(),
            new: moving.step.new.clone(),
            row: moving.step.row.clone(),
        });
        self.intend(intents.collect())?;
        self.flush(&[])?;
        let mut reports = Vec::new();
        for chain in chains {
            self.rename_chain(chain, &mut reports)?;
        }
        Ok(reports)
    }

    fn rename_chain(
        &mut self,
        chain: Vec<Moving>,
        reports: &mut Vec<ReportRow>,
    ) -> Result<(), ExportError> {
        let mut waiting = None;
        for mut moving in chain {
            if self.was_touched(&moving.step)? {
                self.say_not(moving.n, CHANGED)?;
                self.stuck.insert(NameHash::of(&moving.step.new));
                let Moving { step, .. } = moving;
                let report = step.report.map(|it| it.at(&step.row.path));
                reports.extend(report.map(|it| it.ended(Outcome::Kept, CHANGED)));
                continue;
            }
            if moving.begins_a_circle {
                match self.rename_one(&moving.step.row.path, &moving.aside_path()) {
                    Ok(()) => waiting = Some(moving),
                    Err(error) => reports.extend(self.not_moved(moving, error)?),
                }
                continue;
            }
            let old = moving.step.row.path.clone();
            let mut answer = self.rename_one(&old, &moving.step.new);
            if self.is_other_spelling(&moving.step, &answer)? {
                answer = self.rename_one(&old, &moving.aside_path());
                if answer.is_ok() {
                    moving.begins_a_circle = true;
                    reports.extend(self.bring_back(moving)?);
                    continue;
                }
            }
            reports.extend(match answer {
                Ok(()) => self.moved(moving),
                Err(error) => self.not_moved(moving, error)?,
            });
        }
        if let Some(moving) = waiting {
            reports.extend(self.bring_back(moving)?);
        }
        Ok(())
    }

    /// From `aside/` to the new name, else back to the old one, else to the trash: nobody stays
    /// there.
    fn bring_back(&mut self, moving: Moving) -> Result<Option<ReportRow>, ExportError> {
        let aside = moving.aside_path();
        let error = match self.rename_one(&aside, &moving.step.new) {
            Ok(()) => return Ok(self.moved(moving)),
            Err(error) => error,
        };
        // Where the disk fails nothing is in the way of the name: settling tries again.
        let is_of_the_name =
            |door: &DoorError| in_the_way(door).is_some() || door.kind() == DoorErrorKind::NotFound;
        if !matches!(&error, ExportError::Door(door) if is_of_the_name(door)) {
            return Err(error);
        }
        let old = moving.step.row.path.clone();
        match self.rename_one(&aside, &old) {
            Err(ExportError::Door(back)) if in_the_way(&back).is_some() => {
                let rename = |to: &RelPath| self.destination.rename_exclusive(&aside, to);
                let to = to_trash(self.destination, self.day, moving.aside.clone(), rename)?;
                self.trashed += 1;
                self.touch(&to);
                // The row stays under a name where the next run finds somebody else's file.
                self.say_not(moving.n, NOT_BACK)?;
                self.stuck.insert(NameHash::of(&moving.step.new));
                let report = moving.step.report.map(|it| it.at(&to));
                Ok(report.map(|it| it.ended(Outcome::Conflict, NOT_BACK)))
            }
            Err(other) => Err(other),
            Ok(()) => self.not_moved(moving, error),
        }
    }

    /// Did somebody change the file, or put another in its place, since it was planned?
    fn was_touched(&self, step: &Move) -> Result<bool, ExportError> {
        let there = match self.destination.stat(&step.row.path) {
            Err(error) if in_the_way(&error).is_some() => return Ok(true),
            answer => answer?.map(|facts| There::from(&facts)),
        };
        Ok(there.is_some_and(|there| {
            let as_planned = (there.size, there.mtime) == (step.row.size, step.row.mtime);
            step.is_missing || !there.regular || !as_planned
        }))
    }

    /// Does the disk take the new name for the old one, because it differs in case alone?
    fn is_other_spelling(
        &self,
        step: &Move,
        answer: &Result<(), ExportError>,
    ) -> Result<bool, ExportError> {
        let exists = |door: &DoorError| door.kind() == DoorErrorKind::Exists;
        if !matches!(answer, Err(ExportError::Door(door)) if exists(door)) {
            return Ok(false);
        }
        let old = self.destination.stat(&step.row.path)?;
        let new = self.destination.stat(&step.new)?;
        Ok(matches!((old, new), (Some(old), Some(new)) if old.identity == new.identity))
    }

    /// Its old folder may be empty now.
    fn moved(&mut self, moving: Moving) -> Option<ReportRow> {
        if let Some((folder, _)) = moving.step.row.path.split_last() {
            self.left.insert(folder.clone());
            self.touched.insert(folder);
        }
        moving.step.report
    }

    fn not_moved(
        &mut self,
        moving: Moving,
        error: ExportError,
    ) -> Result<Option<ReportRow>, ExportError> {
        let ExportError::Door(door) = &error else {
            return Err(error);
        };
        self.stuck.insert(NameHash::of(&moving.step.new));
        if door.kind() == DoorErrorKind::NotFound {
            // Somebody removed it: the row goes to its new name all the same, and there it is
            // missing.
            return Ok(moving.step.report.map(|it| it.ended(Outcome::Kept, REMOVED)));
        }
        let Some(word) = in_the_way(door) else {
            return Err(error);
        };
        self.say_not(moving.n, word)?;
        Ok(moving.step.report.map(|it| it.ended(Outcome::Conflict, word)))
    }

    /// Did a file get this name?
    pub(crate) fn was_moved_to(&self, path: &RelPath) -> bool {
        !self.stuck.contains(&NameHash::of(path))
    }

    fn rename_one(&mut self, from: &RelPath, to: &RelPath) -> Result<(), ExportError> {
        if self.destination.stat(from)?.is_none() {
            // Before a folder is made for nothing; the rename says the same.
            self.destination.rename_exclusive(from, to)?;
        }
        let rename =
            |destination: &Destination<'_>| destination.rename_exclusive(from, to).map(|_| ());
        self.give_name(to, rename)
    }

    /// Gives a name in folders that are made where they are missing. One that another program
    /// removes between the making and the use is made once more.
    pub(crate) fn give_name(
        &mut self,
        file: &RelPath,
        give: impl Fn(&Destination<'_>) -> Result<(), DoorError>,
    ) -> Result<(), ExportError> {
        self.touch(file);
        let mut made = BTreeSet::new();
        let mut make_and_give = |publisher: &mut Self| -> Result<(), ExportError> {
            made.extend(publisher.make_folders(file)?);
            Ok(give(publisher.destination)?)
        };
        let mut answer = make_and_give(self);
        if is_gone(&answer) {
            if let Some((folder, _)) = file.split_last() {
                self.folders.remove(&folder);
            }
            answer = make_and_give(self);
        }
        // The outer ones first, as they are made.
        let made: Vec<RelPath> = made.into_iter().collect();
        match answer {
            Ok(()) => self.note_folders(made),
            Err(error) => {
                self.unmake_folders(&made)?;
                Err(error)
            }
        }
    }

    /// The folder of a file has other names in it now, and so has the one around it if that folder
    /// is new.
    pub(crate) fn touch(&mut self, file: &RelPath) {
        let Some((folder, _)) = file.split_last() else { return };
        if !self.folders.contains(&folder) {
            let mut around = folder.clone();
            while let Some((outer, _)) = around.split_last() {
                self.touched.insert(outer.clone());
                around = outer;
            }
        }
        self.touched.insert(folder);
    }

    /// Ends the journal: after this nothing of it is in doubt. What follows begins another.
    pub(crate) fn end(&mut self) -> Result<(), ExportError> {
        if self.journal.is_some() {
            self.flush(&[])?;
            self.append(&[Line::End {}])?;
        }
        self.journal = None;
        Ok(())
    }

    /// Writes a batch's intents, and returns the number of the first.
    fn intend(&mut self, intents: Vec<Intent>) -> Result<u64, ExportError> {
        let first = self.last + 1;
        let lines: Vec<Line> = (first..)
            .zip(intents)
            .map(|(n, intent)| Line::Intent { n, intent: Box::new(intent) })
            .collect();
        self.last += u64::try_from(lines.len()).unwrap_or(0);
        self.append(&lines)?;
        Ok(first)
    }

    /// All that was written so far is on the disk when this returns: these contents, and the names
    /// that were given since the last time.
    fn flush(&mut self, temporaries: &[Component]) -> Result<(), ExportError> {
        let folders: Vec<RelPath> = std::mem::take(&mut self.touched).into_iter().collect();
        self.destination.sync_batch(temporaries, &folders)?;
        self.append(&[Line::Flushed(self.last)])?;
        self.let_go()?;
        if self.destination.still_there()? { Ok(()) } else { Err(ExportError::RootReplaced) }
    }

    pub(crate) fn say_not(&mut self, n: u64, word: &str) -> Result<(), ExportError> {
        let reason = word.to_owned();
        self.append(&[Line::Not { n, reason }])
    }

    /// Makes the folders of a file that are missing, and returns those that it made.
    fn make_folders(&mut self, file: &RelPath) -> Result<Vec<RelPath>, ExportError> {
        let Some((folder, _)) = file.split_last() else {
            return Ok(Vec::new());
        };
        if folder.is_root() || self.folders.contains(&folder) || !crate::row::is_visible(&folder) {
            return Ok(Vec::new());
        }
        let made = self.destination.make_folders(&folder)?;
        self.folders.insert(folder);
        Ok(made)
    }

    fn note_folders(&mut self, made: Vec<RelPath>) -> Result<(), ExportError> {
        let lines: Vec<Line> = made.iter().cloned().map(Line::Folder).collect();
        self.made.extend(made);
        self.append(&lines)
    }

    /// Removes the folders that are empty now, of those from which files went and those around
    /// them, if `is_ours` or this job made them.
    pub(crate) fn remove_left_folders(
        &mut self,
        is_ours: &HashSet<RelPath>,
    ) -> Result<(), ExportError> {
        let mut folders = std::mem::take(&mut self.left);
        for folder in folders.clone() {
            let mut outer = folder;
            while let Some((around, _)) = outer.split_last().filter(|(it, _)| !it.is_root()) {
                outer = around.clone();
                folders.insert(around);
            }
        }
        // What lies in another comes after it.
        for folder in folders.into_iter().rev() {
            if !is_ours.contains(&folder) && !self.made.contains(&folder) {
                continue;
            }
            let is_gone = match self.destination.remove_empty_folder(&folder) {
                Ok(true) => true,
                Ok(false) => self.destination.stat(&folder)?.is_none(),
                // Somebody made something else of it.
                Err(error) if is_of_the_folder(&error) => false,
                Err(error) => return Err(error.into()),
            };
            if is_gone {
                self.folders.remove(&folder);
                self.touch(&folder);
                self.append(&[Line::FolderGone(folder)])?;
            }
        }
        Ok(())
    }

    fn unmake_folders(&mut self, made: &[RelPath]) -> Result<(), ExportError> {
        for folder in made {
            self.folders.remove(folder);
        }
        remove_folders(self.destination, made)
    }

    fn append(&mut self, lines: &[Line]) -> Result<(), ExportError> {
        if lines.is_empty() {
            return Ok(());
        }
        let mut bytes = Vec::new();
        let mut file = match self.journal.take() {
            Some(file) => file,
            None => {
                bytes = Line::first(self.job).to_bytes();
                self.destination.append_record(Record::Journal)?
            }
        };
        for line in lines {
            bytes.extend(line.to_bytes());
        }
        self.destination.faults().check(Operation::Write)?;
        let answer = file.write_all(&bytes);
        self.journal = Some(file);
        Ok(answer?)
    }
}

fn intent_of(ready: &Ready, aside: &Component) -> Intent {
    let Copied { name, row, .. } = &*ready.copied;
    match &ready.over {
        None => Intent::Publish { tmp: name.clone(), row: row.clone() },
        Some(over) => Intent::Replace {
            tmp: name.clone(),
            aside: aside.clone(),
            old: Box::new(over.row.clone()),
            new: Box::new(row.clone()),
            ours: over.ours,
        },
    }
}

/// Is it this one folder's matter that it stays?
fn is_of_the_folder(error: &DoorError) -> bool {
    let kind = error.kind();
    in_the_way(error).is_some()
        || matches!(
            kind,
            DoorErrorKind::Permission | DoorErrorKind::Protected | DoorErrorKind::Busy
        )
}

const NOT_BACK: &str = "names-taken";

fn is_gone(answer: &Result<(), ExportError>) -> bool {
    matches!(answer, Err(ExportError::Door(door)) if door.kind() == DoorErrorKind::NotFound)
}

/// A move, with the name that it may pass through.
struct Moving {
    n: u64,
    aside: Component,
    begins_a_circle: bool,
    step: Move,
}

impl Moving {
    fn aside_path(&self) -> RelPath {
        aside_path(&self.aside)
    }
}

pub(crate) fn aside_path(name: &Component) -> RelPath {
    let folder = RelPath::parse(".darkslide/aside").expect("plain names");
    folder.join(name).expect("three components")
}

pub(crate) fn temporary_path(name: &Component) -> RelPath {
    let folder = RelPath::parse(".darkslide/tmp").expect("plain names");
    folder.join(name).expect("three components")
}

/// Puts what nobody may lose into the trash of the day; equal names get a number.
pub(crate) fn to_trash(
    destination: &Destination<'_>,
    day: &Component,
    name: Component,
    rename: impl Fn(&RelPath) -> Result<Way, DoorError>,
) -> Result<RelPath, ExportError> {
    let folder = destination.ensure_trash_folder(day)?;
    let mut number = 1_u32;
    let mut numbered = name.clone();
    loop {
        let to = folder.join(&numbered).expect("four components");
        match rename(&to) {
            Ok(_) => return Ok(to),
            Err(error) if error.kind() == DoorErrorKind::Exists => number += 1,
            Err(error) => return Err(error.into()),
        }
        // A name that is too long with a number gets one that nothing else has.
        let text = format!("{} ({number})", name.as_str());
        numbered = Component::parse(&text).unwrap_or_else(|_| random_name());
    }
}

/// The same for what stands aside, under the name that people knew.
pub(crate) fn aside_to_trash(
    destination: &Destination<'_>,
    day: &Component,
    aside: &Component,
    was: &RelPath,
) -> Result<RelPath, ExportError> {
    let known = was.split_last().and_then(|(_, name)| Component::parse(name).ok());
    let from = aside_path(aside);
    let rename = |to: &RelPath| destination.rename_exclusive(&from, to);
    to_trash(destination, day, known.unwrap_or_else(|| aside.clone()), rename)
}

/// No folder stays that has no file in it.
pub(crate) fn remove_folders(
    destination: &Destination<'_>,
    made: &[RelPath],
) -> Result<(), ExportError> {
    for folder in made.iter().rev() {
        destination.remove_empty_folder(folder)?;
    }
    Ok(())
}
