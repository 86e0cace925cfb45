//! What an export would do, file by file: the one planner.
//!
//! Pure but for the looks that it takes through [`World`]: it writes nothing and decides
//! everything, from the names of a file, its row in the manifest, and what stands there now. What
//! somebody changed or removed is kept; what nobody knows and has the wanted name is taken over if
//! its content is equal, else it is a conflict and stays. The hazard: names that swap or rotate, so
//! moves are resolved together, at the end ([`moves`]). A rerun with nothing changed looks once at
//! each file and opens none.

mod moves;
mod selection;

use darkslide_policy::RelPath;

pub(crate) use moves::{Chain, Move};
pub(crate) use selection::{Available, chosen};

use crate::error::ExportError;
use crate::manifest::Manifest;
use crate::name::{Naming, Placed, choose_extension};
use crate::report::{Outcome, ReportRow};
use crate::row::{Blake3, Key, Row, Source, There};
use darkslide_library::Version;

/// A file of the library that is on this disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Here {
    /// Where, below the bundle.
    pub(crate) path: RelPath,
    /// What it is now.
    pub(crate) source: Source,
}

impl Here {
    fn file_name(&self) -> &str {
        self.path.split_last().map_or("", |(_, name)| name)
    }
}

/// Why a file of the library cannot be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Missing {
    /// [`Outcome::NotLocal`] or [`Outcome::Unreadable`].
    pub(crate) outcome: Outcome,
    /// The word of the library's reader.
    pub(crate) reason: &'static str,
}

/// One selected resource, in one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) key: Key,
    pub(crate) version: Version,
    pub(crate) original_filename: String,
    /// The file, or why it is not there.
    pub(crate) content: Result<Here, Missing>,
    /// What its time becomes.
    pub(crate) mtime: Option<darkslide_door::FileTime>,
}

/// What is found under a name of the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    Free,
    There(There),
    /// Something on the way is no folder of ours to enter: the word for it.
    Blocked(&'static str),
}

/// Why a look failed.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The library's file cannot be read; a word.
    Source(&'static str),
    /// The job cannot go on.
    Job(ExportError),
}

impl From<ExportError> for Trouble {
    fn from(error: ExportError) -> Self {
        Self::Job(error)
    }
}

/// What the planner looks at.
pub(crate) trait World {
    /// What stands under a name of the destination?
    fn look(&mut self, path: &RelPath) -> Result<Look, ExportError>;
    /// What is the content there? None if it cannot be read.
    fn digest(&mut self, path: &RelPath) -> Result<Option<Blake3>, ExportError>;
    /// What is the content of the library's file?
    fn digest_source(&mut self, here: &Here) -> Result<Blake3, Trouble>;
    /// How does the library's file begin?
    fn head(&mut self, here: &Here) -> Result<Vec<u8>, Trouble>;
}

/// A file to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Copy {
    pub(crate) wanted: Wanted,
    pub(crate) here: Here,
    pub(crate) path: RelPath,
    /// Somebody else's row has that name, and moves away first.
    needs: bool,
}

/// A row to be entered although no file is written: taken over, or known better than before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entering {
    pub(crate) row: Row,
    pub(crate) report: ReportRow,
}

/// What is to be done. What needs nothing to be done is reported already.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) entering: Vec<Entering>,
    pub(crate) chains: Vec<Chain>,
    /// The files of one asset in one place together.
    pub(crate) copies: Vec<Vec<Copy>>,
    /// Resources selected.
    pub(crate) selected: u64,
}

impl Plan {
    pub(crate) fn files(&self) -> u64 {
        let files: usize = self.copies.iter().map(Vec::len).sum();
        u64::try_from(files).unwrap_or(u64::MAX)
    }

    pub(crate) fn bytes(&self) -> u64 {
        let sizes = self.copies.iter().flatten().map(|copy| copy.here.source.size);
        sizes.fold(0, u64::saturating_add)
    }
}

/// What becomes of one file.
enum Act {
    Copy { path: RelPath, needs: bool },
    Enter { row: Row, outcome: Outcome },
    Move(Move),
    Said { outcome: Outcome, path: Option<RelPath>, row: Option<Row>, reason: Option<String> },
}

impl Act {
    fn said(outcome: Outcome, path: Option<&RelPath>, reason: &str) -> Self {
        Self::Said { outcome, path: path.cloned(), row: None, reason: Some(reason.to_owned()) }
    }

    fn kept(row: &Row, reason: &str) -> Self {
        Self::stays(row, Outcome::Kept, reason)
    }

    fn outdated(row: &Row) -> Self {
        Self::stays(row, Outcome::Outdated, SOURCE_UPDATED)
    }

    fn stays(row: &Row, outcome: Outcome, reason: &str) -> Self {
        Self::Said {
            outcome,
            path: Some(row.path.clone()),
            row: Some(row.clone()),
            reason: Some(reason.to_owned()),
        }
    }
}

/// Is the library's file the one that was exported?
enum SameSource {
    Yes,
    /// Its time is another, its content is not: the row as it is to be.
    Touched(Box<Row>),
    No,
}

/// What became of an exported file.
enum Since {
    /// It is there; the row as it is to be, if the disk tells other times now.
    Intact(Option<Box<Row>>),
    Changed,
    Removed,
}

/// Plans asset by asset.
pub(crate) struct Planner<'a, W> {
    naming: &'a Naming,
    manifest: &'a Manifest,
    world: W,
    moves: Vec<Move>,
    plan: Plan,
}

impl<'a, W: World> Planner<'a, W> {
    pub(crate) fn new(naming: &'a Naming, manifest: &'a Manifest, world: W) -> Self {
        Self { naming, manifest, world, moves: Vec::new(), plan: Plan::default() }
    }

    /// Plans the files of one asset in one place, in the order in which they get their names.
    pub(crate) fn plan_place(
        &mut self,
        place: &Placed,
        files: Vec<Wanted>,
        say: &mut impl FnMut(ReportRow) -> Result<(), ExportError>,
    ) -> Result<(), ExportError> {
        let mut others = Vec::new();
        let mut copies = Vec::new();
        for wanted in files {
            self.plan.selected += 1;
            let act = match self.decide(place, &wanted, &mut others) {
                Ok(act) => act,
                Err(Trouble::Source(reason)) => Act::said(Outcome::Unreadable, None, reason),
                Err(Trouble::Job(error)) => return Err(error),
            };
            match act {
                Act::Copy { path, needs } => {
                    if let Ok(here) = wanted.content.clone() {
                        copies.push(Copy { wanted, here, path, needs });
                    }
                }
                Act::Enter { row, outcome } => {
                    let report = ReportRow::of(&wanted, outcome).with_row(&row);
                    self.plan.entering.push(Entering { row, report });
                }
                Act::Move(step) => self.moves.push(step),
                Act::Said { outcome, path, row, reason } => {
                    let mut report = ReportRow::of(&wanted, outcome);
                    if let Some(row) = &row {
                        report = report.with_row(row);
                    }
                    report.path = path.map(|path| path.as_str().to_owned());
                    report.reason = reason;
                    say(report)?;
                }
            }
        }
        if !copies.is_empty() {
            self.plan.copies.push(copies);
        }
        Ok(())
    }

    /// Ends the plan: resolves which moves can be made, and what has to wait for them.
    pub(crate) fn finish(
        mut self,
        say: &mut impl FnMut(ReportRow) -> Result<(), ExportError>,
    ) -> Result<Plan, ExportError> {
        let resolved = moves::resolve(self.moves);
        for blocked in resolved.blocked {
            say(blocked.report.ended(Outcome::Conflict, NAME_TAKEN))?;
        }
        for group in &mut self.plan.copies {
            let (now, never): (Vec<_>, Vec<_>) = std::mem::take(group)
                .into_iter()
                .partition(|copy| !copy.needs || resolved.freed.contains(&copy.path));
            *group = now;
            for copy in never {
                let report = ReportRow::of(&copy.wanted, Outcome::Conflict).at(&copy.path);
                say(report.ended(Outcome::Conflict, NAME_TAKEN))?;
            }
        }
        self.plan.copies.retain(|group| !group.is_empty());
        self.plan.chains = resolved.chains;
        Ok(self.plan)
    }

    fn decide(
        &mut self,
        place: &Placed,
        wanted: &Wanted,
        others: &mut Vec<String>,
    ) -> Result<Act, Trouble> {
        let row = self.manifest.get(&wanted.key);
        let same = match (row, &wanted.content) {
            (Some(row), Ok(here)) => self.compare_source(row, here)?,
            (Some(_), Err(_)) => SameSource::Yes,
            (None, _) => SameSource::No,
        };
        let extension = match (row, &same, &wanted.content) {
            (Some(row), SameSource::Yes | SameSource::Touched(_), _) => extension_of(&row.path),
            (_, SameSource::No, Ok(here)) => {
                let head = self.world.head(here)?;
                choose_extension(&head, &wanted.original_filename, here.file_name())
            }
            (_, _, Err(missing)) => return Ok(Act::said(missing.outcome, None, missing.reason)),
            (None, SameSource::Yes | SameSource::Touched(_), Ok(_)) => None,
        };
        let naming = self.naming;
        let name = naming.file_name(&place.stem, wanted.version, extension.as_deref(), others);
        let Ok(path) = place.folder.join(&name) else {
            return Ok(Act::said(Outcome::Conflict, None, PATH_TOO_LONG));
        };
        match (row, &wanted.content) {
            (None, Ok(here)) => self.decide_new(wanted, here, path),
            (None, Err(missing)) => Ok(Act::said(missing.outcome, None, missing.reason)),
            (Some(row), _) => self.decide_known(wanted, row, same, path),
        }
    }

    /// Of a file that no earlier run exported.
    fn decide_new(&mut self, wanted: &Wanted, here: &Here, path: RelPath) -> Result<Act, Trouble> {
        let there = match self.world.look(&path)? {
            Look::Free => return Ok(Act::Copy { path, needs: false }),
            Look::Blocked(word) => return Ok(Act::said(Outcome::Conflict, Some(&path), word)),
            Look::There(there) => there,
        };
        let holder = self.manifest.holder(&path);
        // A row whose asset is no more leaves its file to whoever has the same content and name.
        let lets_go = holder.is_none_or(|row| {
            row.key.library == wanted.key.library && !self.naming.knows(&row.key.asset)
        });
        if !lets_go {
            return Ok(Act::Copy { path, needs: true });
        }
        if there.regular && there.size == here.source.size {
            let digest = self.world.digest_source(here)?;
            if self.world.digest(&path)? == Some(digest) {
                let row = Row {
                    key: wanted.key.clone(),
                    size: there.size,
                    mtime: there.mtime,
                    inode: there.inode,
                    blake3: Some(digest),
                    source: here.source,
                    adopted: holder.is_none_or(|row| row.adopted),
                    path,
                };
                return Ok(Act::Enter { row, outcome: Outcome::Adopted });
            }
        }
        let word = if holder.is_some() { NAME_TAKEN } else { EXISTS };
        Ok(Act::said(Outcome::Conflict, Some(&path), word))
    }

    /// Of a file that an earlier run exported.
    fn decide_known(
        &mut self,
        wanted: &Wanted,
        row: &Row,
        same: SameSource,
        path: RelPath,
    ) -> Result<Act, Trouble> {
        let (row, touched, updated) = match same {
            SameSource::Yes => (row.clone(), false, false),
            SameSource::Touched(row) => (*row, true, false),
            SameSource::No => (row.clone(), false, true),
        };
        let (row, renewed) = match self.since(&row, wanted)? {
            Since::Changed => return Ok(Act::kept(&row, CHANGED)),
            Since::Removed if updated => return Ok(Act::kept(&row, REMOVED)),
            Since::Removed => return self.decide_removed(wanted, row, path),
            Since::Intact(_) if updated => return Ok(Act::outdated(&row)),
            Since::Intact(renewed) => {
                let is_new = renewed.is_some();
                (renewed.map_or(row, |row| *row), is_new)
            }
        };
        if path != row.path {
            return self.decide_move(wanted, row, path, renewed);
        }
        match &wanted.content {
            Err(missing) => Ok(Act::kept(&row, missing.reason)),
            Ok(_) if touched || renewed => Ok(Act::Enter { row, outcome: Outcome::Unchanged }),
            Ok(_) => Ok(Act::Said {
                outcome: Outcome::Unchanged,
                path: Some(row.path.clone()),
                row: Some(row),
                reason: None,
            }),
        }
    }

    /// Of an exported file that nobody touched and that has another name now. A time and a size may
    /// be anybody's, so its content has to prove it before it is renamed.
    fn decide_move(
        &mut self,
        wanted: &Wanted,
        row: Row,
        new: RelPath,
        is_proven: bool,
    ) -> Result<Act, Trouble> {
        let needs = match self.world.look(&new)? {
            Look::Free => false,
            Look::Blocked(word) => return Ok(Act::said(Outcome::Conflict, Some(&new), word)),
            // The same file: the disk takes both names for one, and the new one differs in case.
            Look::There(there) if self.is_same_file(&row, &there)? => false,
            Look::There(_) if self.manifest.holder(&new).is_some() => true,
            Look::There(_) => return Ok(Act::said(Outcome::Conflict, Some(&new), EXISTS)),
        };
        if !is_proven && self.proven(&row, wanted, &row.path)?.is_none() {
            let absent = wanted.content.as_ref().err().filter(|_| row.blake3.is_none());
            return Ok(Act::kept(&row, absent.map_or(CHANGED, |missing| missing.reason)));
        }
        let report = ReportRow::of(wanted, Outcome::Renamed).with_row(&row).at(&new);
        Ok(Act::Move(Move { row, new, needs, is_missing: false, report }))
    }

    /// Of an exported file that somebody removed, or renamed.
    fn decide_removed(&mut self, wanted: &Wanted, row: Row, new: RelPath) -> Result<Act, Trouble> {
        if new == row.path || self.manifest.holder(&new).is_some() {
            return Ok(Act::kept(&row, REMOVED));
        }
        match self.world.look(&new)? {
            Look::Free => {
                let report = ReportRow::of(wanted, Outcome::Kept).with_row(&row).at(&new);
                let report = report.ended(Outcome::Kept, REMOVED);
                Ok(Act::Move(Move { row, new, needs: false, is_missing: true, report }))
            }
            Look::There(there) if there.regular && there.size == row.size => {
                let Some(digest) = self.proven(&row, wanted, &new)? else {
                    return Ok(Act::kept(&row, REMOVED));
                };
                let row = renewed(&row, &there, digest).at(new);
                Ok(Act::Enter { row, outcome: Outcome::Adopted })
            }
            Look::There(_) | Look::Blocked(_) => Ok(Act::kept(&row, REMOVED)),
        }
    }

    fn compare_source(&mut self, row: &Row, here: &Here) -> Result<SameSource, Trouble> {
        if row.source == here.source {
            return Ok(SameSource::Yes);
        }
        if row.size != here.source.size {
            return Ok(SameSource::No);
        }
        let now = self.world.digest_source(here)?;
        let then = match row.blake3 {
            Some(digest) => Some(digest),
            None => self.world.digest(&row.path)?,
        };
        if then != Some(now) {
            return Ok(SameSource::No);
        }
        let source = here.source;
        Ok(SameSource::Touched(Box::new(Row { source, ..row.clone() })))
    }

    /// A file whose time differs and whose size does not is read before it counts as changed: disks
    /// round times, and a destination may be mounted elsewhere.
    fn since(&mut self, row: &Row, wanted: &Wanted) -> Result<Since, Trouble> {
        let there = match self.world.look(&row.path)? {
            Look::Free => return Ok(Since::Removed),
            Look::Blocked(_) => return Ok(Since::Changed),
            Look::There(there) => there,
        };
        if !there.regular || there.size != row.size {
            return Ok(Since::Changed);
        }
        if there.mtime == row.mtime {
            return Ok(Since::Intact(None));
        }
        Ok(match self.proven(row, wanted, &row.path)? {
            Some(digest) => Since::Intact(Some(Box::new(renewed(row, &there, digest)))),
            None => Since::Changed,
        })
    }

    /// The digest of what stands there, if it is the content that the row speaks of.
    fn proven(
        &mut self,
        row: &Row,
        wanted: &Wanted,
        path: &RelPath,
    ) -> Result<Option<Blake3>, Trouble> {
        let expected = match (row.blake3, &wanted.content) {
            (Some(digest), _) => digest,
            (None, Ok(here)) => self.world.digest_source(here)?,
            (None, Err(_)) => return Ok(None),
        };
        Ok(self.world.digest(path)?.filter(|digest| *digest == expected))
    }

    fn is_same_file(&mut self, row: &Row, there: &There) -> Result<bool, Trouble> {
        let old = self.world.look(&row.path)?;
        Ok(matches!(old, Look::There(old) if old.inode == there.inode))
    }
}

/// A row with what the disk tells now.
fn renewed(row: &Row, there: &There, digest: Blake3) -> Row {
    Row { mtime: there.mtime, inode: there.inode, blake3: Some(digest), ..row.clone() }
}

fn extension_of(path: &RelPath) -> Option<String> {
    let (_, name) = path.split_last()?;
    let (_, extension) = name.rsplit_once('.')?;
    Some(extension.to_owned())
}

/// Somebody's file has the name.
pub(crate) const EXISTS: &str = "exists";
/// A file that another row speaks of has the name.
pub(crate) const NAME_TAKEN: &str = "name-taken";
/// The file was changed since.
pub(crate) const CHANGED: &str = "changed";
/// The file was removed since.
pub(crate) const REMOVED: &str = "removed";
/// The library's file is another now, and what was exported before stays.
const SOURCE_UPDATED: &str = "source-updated";
/// The name does not fit below the destination.
const PATH_TOO_LONG: &str = "path-too-long";

#[cfg(test)]
mod tests;
