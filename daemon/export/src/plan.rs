//! What an export would do, file by file: the one planner.
//!
//! Pure but for the looks that it takes through [`World`]: it writes nothing and decides
//! everything, from the names of a file, its row in the manifest, and what stands there now. What
//! somebody changed or removed is kept, unless the spec says otherwise; what nobody knows and has
//! the wanted name is taken over if its content is equal, else it is a conflict and stays. The
//! hazard: names that swap or rotate, so moves are resolved together, by whoever collects the acts
//! ([`moves`]). A rerun with nothing changed looks once at each file and opens none.

mod donors;
pub(crate) mod moves;
mod reshape;
mod selection;
mod spooled;
mod wanted;

use darkslide_library::Version;
use darkslide_policy::{Component, RelPath};
use darkslide_protocol::value::Uuid;

pub(crate) use moves::{Chain, Move};
pub(crate) use selection::{Available, chosen};
pub(crate) use spooled::Spooled;
pub(crate) use wanted::{Awaits, Here, Missing, Origin, Over, Role, Wanted, Write};

use crate::error::ExportError;
use crate::manifest::Manifest;
use crate::name::{Naming, Placed, choose_extension};
use crate::report::{Outcome, ReportRow};
use crate::row::{Blake3, Key, Row, There};
use crate::spec::{OnDestChange, Recheck};
use donors::Donors;

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

/// What the planner knows of earlier exports.
pub(crate) trait Known {
    /// The row of a file.
    fn get(&self, key: &Key) -> Result<Option<Row>, ExportError>;
    /// The row whose file is to stand there.
    fn holder(&self, path: &RelPath) -> Result<Option<Row>, ExportError>;
    /// The rows of an asset.
    fn rows_of(&self, library: &str, asset: &Uuid) -> Result<Vec<Row>, ExportError>;
    /// All rows, and where each stands.
    fn rows(&self) -> Box<dyn Iterator<Item = Result<(u64, Row), ExportError>> + '_>;
    /// The row that stands there.
    fn row_at(&self, at: u64) -> Result<Option<Row>, ExportError>;
}

impl Known for Manifest {
    fn get(&self, key: &Key) -> Result<Option<Row>, ExportError> {
        self.get(key)
    }

    fn holder(&self, path: &RelPath) -> Result<Option<Row>, ExportError> {
        self.holder(path)
    }

    fn rows_of(&self, library: &str, asset: &Uuid) -> Result<Vec<Row>, ExportError> {
        self.rows_of(library, asset)
    }

    fn rows(&self) -> Box<dyn Iterator<Item = Result<(u64, Row), ExportError>> + '_> {
        Box::new(self.placed_rows())
    }

    fn row_at(&self, at: u64) -> Result<Option<Row>, ExportError> {
        self.row_at(at)
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
    /// Does the library have the asset no more, whoever asks?
    fn is_gone(&mut self, asset: &Uuid) -> Result<bool, ExportError>;
}

/// A row to be entered although no file is written: taken over, or known better than before.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Entering {
    pub(crate) row: Row,
    /// None where nobody asked for this file.
    pub(crate) report: Option<ReportRow>,
}

/// What becomes of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing is to be done.
    Said(Box<ReportRow>),
    Enter(Box<Entering>),
    Move(Box<Move>),
    /// Another row's file gets the name, and then this row.
    MoveThenEnter(Box<Move>, Box<Entering>),
    Write(Box<Write>),
    /// Its own file gets the name, and then another content.
    MoveThenWrite(Box<Move>, Box<Write>),
}

impl Act {
    fn said(wanted: &Wanted, outcome: Outcome, path: Option<&RelPath>, reason: &str) -> Self {
        let mut report = wanted.report(outcome).ended(outcome, reason);
        if let Some(path) = path {
            report = report.at(path);
        }
        Self::Said(Box::new(report))
    }

    fn missing(wanted: &Wanted, missing: Missing) -> Self {
        Self::said(wanted, missing.outcome, None, missing.reason)
    }

    fn kept(wanted: &Wanted, row: &Row, reason: &str) -> Self {
        let report = wanted.report(Outcome::Kept).with_row(row);
        Self::Said(Box::new(report.ended(Outcome::Kept, reason)))
    }

    fn enter(wanted: &Wanted, row: Row, outcome: Outcome) -> Self {
        let report = Some(wanted.report(outcome).with_row(&row));
        Self::Enter(Box::new(Entering { row, report }))
    }

    /// The content that it writes.
    pub(crate) fn write(&self) -> Option<&Write> {
        match self {
            Self::Write(write) | Self::MoveThenWrite(_, write) => Some(write),
            Self::Said(_) | Self::Enter(_) | Self::Move(_) | Self::MoveThenEnter(..) => None,
        }
    }

    /// What its report says, or will say if all goes as planned; none for a file that nobody
    /// selected.
    pub(crate) fn report(&self) -> Option<ReportRow> {
        match self {
            Self::Said(report) => Some((**report).clone()),
            Self::Enter(entering) | Self::MoveThenEnter(_, entering) => entering.report.clone(),
            Self::Move(step) => step.report.clone(),
            Self::Write(write) | Self::MoveThenWrite(_, write) => {
                let mut report = write.report().at(&write.path);
                report.bytes = Some(write.source.size);
                Some(report)
            }
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
    /// Somebody changed it, and this is there now; none where nothing of ours can be.
    Changed(Option<There>),
    Removed,
}

/// How a spec wants what is there already to be looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Care {
    pub(crate) recheck: Recheck,
    pub(crate) on_dest_change: OnDestChange,
    /// Files that nobody selected get the names of this shape, too.
    pub(crate) reshapes: bool,
}

/// Plans asset by asset.
pub(crate) struct Planner<'a, W> {
    naming: &'a Naming,
    manifest: &'a dyn Known,
    world: W,
    care: Care,
    donors: Donors,
}

/// The files of one asset in one place, in the order in which they get their names.
pub(crate) type InPlace = (Placed, Vec<Wanted>);

impl<'a, W: World> Planner<'a, W> {
    pub(crate) fn new(naming: &'a Naming, manifest: &'a dyn Known, world: W, care: Care) -> Self {
        Self { naming, manifest, world, care, donors: Donors::default() }
    }

    /// Plans the files of one asset in all its places: one act for each file, and where earlier
    /// files get other names, one for each of these.
    pub(crate) fn plan_asset(
        &mut self,
        library: &str,
        asset: &Uuid,
        places: &[InPlace],
    ) -> Result<Vec<Act>, ExportError> {
        let mut acts = Vec::new();
        let mut given: Vec<Vec<String>> = Vec::with_capacity(places.len());
        for (place, files) in places {
            let mut others = Vec::new();
            for wanted in files {
                let albums = || places.iter().map(|(place, _)| place.album.as_ref());
                let has_place = |row: &Row| albums().any(|album| album == row.key.album.as_ref());
                acts.push(match self.decide(place, wanted, &mut others, &has_place) {
                    Ok(act) => act,
                    Err(Trouble::Source(word)) => {
                        Act::said(wanted, Outcome::Unreadable, None, word)
                    }
                    Err(Trouble::Job(error)) => return Err(error),
                });
            }
            given.push(others);
        }
        if self.care.reshapes {
            reshape::plan_rest(self, (library, asset), places, &mut given, &mut acts)?;
        }
        Ok(acts)
    }

    fn decide(
        &mut self,
        place: &Placed,
        wanted: &Wanted,
        others: &mut Vec<String>,
        has_place: &dyn Fn(&Row) -> bool,
    ) -> Result<Act, Trouble> {
        let row = self.manifest.get(&wanted.key)?;
        let same = match (&row, &wanted.content) {
            (Some(row), Ok(here)) => self.compare_source(row, here)?,
            (Some(_), Err(_)) => SameSource::Yes,
            (None, Ok(_)) => SameSource::No,
            (None, Err(missing)) => return Ok(Act::missing(wanted, *missing)),
        };
        let extension = match (&row, &same, &wanted.content) {
            (Some(row), SameSource::Yes | SameSource::Touched(_), _) => extension_of(&row.path),
            (_, _, Ok(here)) => self.extension_for(wanted, here)?,
            (_, _, Err(missing)) => return Ok(Act::missing(wanted, *missing)),
        };
        let name = self.name(place, wanted.role, extension.as_deref(), others);
        let Ok(path) = place.folder.join(&name) else {
            return Ok(Act::said(wanted, Outcome::Conflict, None, PATH_TOO_LONG));
        };
        match (row, &wanted.content) {
            (None, Ok(here)) => self.decide_new(wanted, here, path, has_place),
            (None, Err(missing)) => Ok(Act::missing(wanted, *missing)),
            (Some(row), _) => self.decide_known(wanted, row, same, path),
        }
    }

    fn name(
        &self,
        place: &Placed,
        role: Role,
        extension: Option<&str>,
        others: &mut Vec<String>,
    ) -> Component {
        match role {
            Role::Version(version) => {
                self.naming.file_name(&place.stem, version, extension, others)
            }
            Role::Sidecar(sidecar) => self.naming.sidecar_name(&place.stem, sidecar, others),
        }
    }

    fn extension_for(&mut self, wanted: &Wanted, here: &Here) -> Result<Option<String>, Trouble> {
        match wanted.role {
            // Their names tell it, whatever is in them.
            Role::Sidecar(_) | Role::Version(Version::Aae | Version::OriginalAae) => Ok(None),
            Role::Version(
                Version::Original
                | Version::Edited
                | Version::LiveVideo
                | Version::EditedLiveVideo
                | Version::Raw
                | Version::Preview,
            ) => {
                let head = self.world.head(here)?;
                Ok(choose_extension(&head, &wanted.original_filename, here.file_name()))
            }
        }
    }

    /// Of a file that no earlier run exported.
    fn decide_new(
        &mut self,
        wanted: &Wanted,
        here: &Here,
        path: RelPath,
        has_place: &dyn Fn(&Row) -> bool,
    ) -> Result<Act, Trouble> {
        let there = match self.world.look(&path)? {
            Look::Free => return self.decide_free(wanted, here, path, has_place),
            Look::Blocked(word) => {
                return Ok(Act::said(wanted, Outcome::Conflict, Some(&path), word));
            }
            Look::There(there) => there,
        };
        let holder = self.manifest.holder(&path)?;
        let lets_go = match &holder {
            None => true,
            // It moves away, to whoever was asked about before.
            Some(row) if self.donors.is_taken(&row.key) => false,
            Some(row) => self.lets_go(row, wanted, has_place)?,
        };
        if !lets_go {
            return Ok(Act::Write(Box::new(Write::new(wanted, here, path, Awaits::Freed))));
        }
        if there.regular && there.size == here.source.size {
            let digest = self.digest_source(here)?;
            if self.world.digest(&path)? == Some(digest) {
                let adopted = holder.as_ref().is_none_or(|row| row.adopted);
                // Nobody else is given it.
                self.donors.take_all(holder.map(|row| row.key));
                let row = row_there(wanted, here, path, &there, digest, adopted);
                return Ok(Act::enter(wanted, row, Outcome::Adopted));
            }
        }
        let word = if holder.is_some() { NAME_TAKEN } else { EXISTS };
        Ok(Act::said(wanted, Outcome::Conflict, Some(&path), word))
    }

    /// Does a row leave its file to whoever has the same content? One whose asset is no more does,
    /// and one of this very version in a place that the asset has no more.
    fn lets_go(
        &mut self,
        row: &Row,
        wanted: &Wanted,
        has_place: &dyn Fn(&Row) -> bool,
    ) -> Result<bool, ExportError> {
        if row.key.library != wanted.key.library {
            return Ok(false);
        }
        if row.key.asset == wanted.key.asset {
            return Ok(row.key.version == wanted.key.version && !has_place(row));
        }
        self.world.is_gone(&row.key.asset)
    }

    /// Of a name that is free: a file of ours that nobody wants elsewhere, and whose content is
    /// equal, is renamed to it; else it is written.
    fn decide_free(
        &mut self,
        wanted: &Wanted,
        here: &Here,
        path: RelPath,
        has_place: &dyn Fn(&Row) -> bool,
    ) -> Result<Act, Trouble> {
        let size = here.source.size;
        let own = self.manifest.rows_of(&wanted.key.library, &wanted.key.asset)?;
        let is_left = |row: &Row| row.key.version == wanted.key.version && !has_place(row);
        let mut candidates: Vec<Row> =
            own.into_iter().filter(|row| is_left(row) && row.size == size).collect();
        let (manifest, world) = (self.manifest, &mut self.world);
        let is_gone = |asset: &Uuid| world.is_gone(asset);
        candidates.extend(self.donors.of_size(manifest, &wanted.key.library, size, is_gone)?);
        candidates.retain(|row| !self.donors.is_taken(&row.key));
        for row in candidates {
            let Look::There(there) = self.world.look(&row.path)? else { continue };
            if !there.regular || there.size != size {
                continue;
            }
            let digest = self.digest_source(here)?;
            let differs = row.blake3.is_some_and(|known| known != digest);
            if differs || self.world.digest(&row.path)? != Some(digest) {
                continue;
            }
            self.donors.take_all([row.key.clone()]);
            let entered = row_there(wanted, here, path.clone(), &there, digest, row.adopted);
            let report = Some(wanted.report(Outcome::Renamed).with_row(&entered));
            let row = renewed(&row, &there, digest);
            let step = Move { row, new: path, needs: false, is_missing: false, report: None };
            let entering = Entering { row: entered, report };
            return Ok(Act::MoveThenEnter(Box::new(step), Box::new(entering)));
        }
        Ok(Act::Write(Box::new(Write::new(wanted, here, path, Awaits::Nothing))))
    }

    /// Of a file that an earlier run exported.
    fn decide_known(
        &mut self,
        wanted: &Wanted,
        row: Row,
        same: SameSource,
        path: RelPath,
    ) -> Result<Act, Trouble> {
        let (row, touched, updated) = match same {
            SameSource::Yes => (row, false, false),
            SameSource::Touched(row) => (*row, true, false),
            SameSource::No => (row, false, true),
        };
        let restores = match self.care.on_dest_change {
            OnDestChange::Restore => wanted.content.as_ref().ok(),
            OnDestChange::Keep => None,
        };
        let since = self.since(&row, wanted)?;
        if !matches!(since, Since::Intact(_))
            && (updated || restores.is_some())
            && let Some(act) = self.is_there_already(wanted, &path)?
        {
            return Ok(act);
        }
        let (row, renewed) = match (since, restores) {
            (Since::Changed(Some(there)), Some(here)) if there.regular => {
                if extension_of(&path) != extension_of(&row.path) {
                    // Theirs keeps a name that would tell another format of ours.
                    return self.restore(wanted, here, path);
                }
                let over = Over { row: seen(&row, &there), ours: false };
                return Ok(write_over(wanted, here, row.path, over));
            }
            (Since::Changed(_), _) => return Ok(Act::kept(wanted, &row, CHANGED)),
            (Since::Removed, Some(here)) => return self.restore(wanted, here, path),
            (Since::Removed, None) if updated => return Ok(Act::kept(wanted, &row, REMOVED)),
            (Since::Removed, None) => return self.decide_removed(wanted, row, path),
            (Since::Intact(renewed), _) => {
                let is_new = renewed.is_some();
                (renewed.map_or(row, |row| *row), is_new)
            }
        };
        let here = match &wanted.content {
            Ok(here) if updated => return self.decide_updated(wanted, here, row, path),
            Ok(here) => Ok(here),
            Err(missing) => Err(*missing),
        };
        if path != row.path {
            return self.decide_move(wanted, row, path, renewed);
        }
        match here {
            Err(missing) => Ok(Act::kept(wanted, &row, missing.reason)),
            Ok(_) if touched || renewed => Ok(Act::enter(wanted, row, Outcome::Unchanged)),
            Ok(_) => {
                let report = wanted.report(Outcome::Unchanged).with_row(&row);
                Ok(Act::Said(Box::new(report)))
            }
        }
    }

    /// Of a file that is not what the record says: it may be what the library has now, where the
    /// record is older than the tree, or somebody was faster.
    fn is_there_already(
        &mut self,
        wanted: &Wanted,
        path: &RelPath,
    ) -> Result<Option<Act>, Trouble> {
        let (Ok(here), Look::There(there)) = (&wanted.content, self.world.look(path)?) else {
            return Ok(None);
        };
        let is_anothers =
            self.manifest.holder(path)?.is_some_and(|holder| holder.key != wanted.key);
        if is_anothers || !there.regular || there.size != here.source.size {
            return Ok(None);
        }
        let digest = self.digest_source(here)?;
        if self.world.digest(path)? != Some(digest) {
            return Ok(None);
        }
        let row = row_there(wanted, here, path.clone(), &there, digest, true);
        Ok(Some(Act::enter(wanted, row, Outcome::Adopted)))
    }

    /// Of a file that somebody removed, and that is wanted all the same.
    fn restore(&mut self, wanted: &Wanted, here: &Here, path: RelPath) -> Result<Act, Trouble> {
        let awaits = match self.world.look(&path)? {
            Look::Free => Awaits::Nothing,
            Look::There(_) if self.manifest.holder(&path)?.is_some() => Awaits::Freed,
            Look::There(_) => {
                return Ok(Act::said(wanted, Outcome::Conflict, Some(&path), EXISTS));
            }
            Look::Blocked(word) => {
                return Ok(Act::said(wanted, Outcome::Conflict, Some(&path), word));
            }
        };
        Ok(Act::Write(Box::new(Write::new(wanted, here, path, awaits))))
    }

    /// Of an exported file that nobody touched, and whose source is another now.
    fn decide_updated(
        &mut self,
        wanted: &Wanted,
        here: &Here,
        row: Row,
        path: RelPath,
    ) -> Result<Act, Trouble> {
        let ours = !row.adopted;
        if path == row.path {
            return Ok(write_over(wanted, here, path, Over { row, ours }));
        }
        let over = Over { row: row.clone().at(path.clone()), ours };
        // The content of a clone is proven by nothing: it gets its name as a new file would, and
        // the one before it is kept.
        let is_proven = row.blake3.is_some();
        let mut step = match self.decide_move(wanted, row, path.clone(), !is_proven)? {
            Act::Move(step) => step,
            other => return Ok(other),
        };
        step.report = None;
        let mut write = Write::new(wanted, here, path, Awaits::Moved);
        write.over = Some(over);
        Ok(Act::MoveThenWrite(step, Box::new(write)))
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
        let conflict = |word| Ok(Act::said(wanted, Outcome::Conflict, Some(&new), word));
        let needs = match self.world.look(&new)? {
            Look::Free => false,
            Look::Blocked(word) => return conflict(word),
            // The same file: the disk takes both names for one, and the new one differs in case.
            Look::There(there) if self.is_same_file(&row, &there)? => false,
            Look::There(_) if self.manifest.holder(&new)?.is_some() => true,
            Look::There(_) => return conflict(EXISTS),
        };
        if !is_proven && self.proven(&row, wanted, &row.path)?.is_none() {
            let absent = wanted.content.as_ref().err().filter(|_| row.blake3.is_none());
            return Ok(Act::kept(wanted, &row, absent.map_or(CHANGED, |missing| missing.reason)));
        }
        let report = Some(wanted.report(Outcome::Renamed).with_row(&row).at(&new));
        Ok(Act::Move(Box::new(Move { row, new, needs, is_missing: false, report })))
    }

    /// Of an exported file that somebody removed, or renamed.
    fn decide_removed(&mut self, wanted: &Wanted, row: Row, new: RelPath) -> Result<Act, Trouble> {
        if new == row.path || self.manifest.holder(&new)?.is_some() {
            return Ok(Act::kept(wanted, &row, REMOVED));
        }
        match self.world.look(&new)? {
            Look::Free => {
                let report = wanted.report(Outcome::Kept).with_row(&row).at(&new);
                let report = Some(report.ended(Outcome::Kept, REMOVED));
                let step = Move { row, new, needs: false, is_missing: true, report };
                Ok(Act::Move(Box::new(step)))
            }
            Look::There(there) if there.regular && there.size == row.size => {
                let Some(digest) = self.proven(&row, wanted, &new)? else {
                    return Ok(Act::kept(wanted, &row, REMOVED));
                };
                let row = renewed(&row, &there, digest).at(new);
                Ok(Act::enter(wanted, row, Outcome::Adopted))
            }
            Look::There(_) | Look::Blocked(_) => Ok(Act::kept(wanted, &row, REMOVED)),
        }
    }

    fn compare_source(&mut self, row: &Row, here: &Here) -> Result<SameSource, Trouble> {
        if let Some(digest) = here.known_digest() {
            let is_same = row.blake3 == Some(digest);
            return Ok(if is_same { SameSource::Yes } else { SameSource::No });
        }
        if row.source == here.source {
            return Ok(SameSource::Yes);
        }
        if row.source.size != here.source.size {
            return Ok(SameSource::No);
        }
        let now = self.digest_source(here)?;
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
        let by_content = match self.care.recheck {
            Recheck::None => return Ok(Since::Intact(None)),
            Recheck::Stat => false,
            Recheck::Hash => true,
        };
        let there = match self.world.look(&row.path)? {
            Look::Free => return Ok(Since::Removed),
            Look::Blocked(_) => return Ok(Since::Changed(None)),
            Look::There(there) => there,
        };
        if !there.regular || there.size != row.size {
            return Ok(Since::Changed(Some(there)));
        }
        let as_told = there.mtime == row.mtime;
        let can_prove = row.blake3.is_some() || wanted.content.is_ok();
        if as_told && !(by_content && can_prove) {
            return Ok(Since::Intact(None));
        }
        Ok(match self.proven(row, wanted, &row.path)? {
            Some(_) if as_told && row.blake3.is_some() => Since::Intact(None),
            Some(digest) => Since::Intact(Some(Box::new(renewed(row, &there, digest)))),
            None => Since::Changed(Some(there)),
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
            (None, Ok(here)) if here.source == row.source => self.digest_source(here)?,
            (None, Ok(_) | Err(_)) => return Ok(None),
        };
        Ok(self.world.digest(path)?.filter(|digest| *digest == expected))
    }

    fn digest_source(&mut self, here: &Here) -> Result<Blake3, Trouble> {
        match here.known_digest() {
            Some(digest) => Ok(digest),
            None => self.world.digest_source(here),
        }
    }

    fn is_same_file(&mut self, row: &Row, there: &There) -> Result<bool, Trouble> {
        let old = self.world.look(&row.path)?;
        Ok(matches!(old, Look::There(old) if old.inode == there.inode))
    }
}

fn write_over(wanted: &Wanted, here: &Here, path: RelPath, over: Over) -> Act {
    let mut write = Write::new(wanted, here, path, Awaits::Nothing);
    write.over = Some(over);
    Act::Write(Box::new(write))
}

/// The row of a file that is there and has the wanted content.
fn row_there(
    wanted: &Wanted,
    here: &Here,
    path: RelPath,
    there: &There,
    digest: Blake3,
    adopted: bool,
) -> Row {
    Row {
        key: wanted.key.clone(),
        size: there.size,
        mtime: there.mtime,
        inode: there.inode,
        blake3: Some(digest),
        source: here.source,
        adopted,
        path,
    }
}

/// A row with what the disk tells now.
fn renewed(row: &Row, there: &There, digest: Blake3) -> Row {
    Row { mtime: there.mtime, inode: there.inode, blake3: Some(digest), ..row.clone() }
}

/// Somebody's file under a row's name, as it was seen.
fn seen(row: &Row, there: &There) -> Row {
    let (size, mtime, inode) = (there.size, there.mtime, there.inode);
    Row { size, mtime, inode, blake3: None, ..row.clone() }
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
/// The name does not fit below the destination.
const PATH_TOO_LONG: &str = "path-too-long";

#[cfg(test)]
mod tests;
