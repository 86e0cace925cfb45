//! Settles what a job left behind, and merges it into the manifest: before a job does anything, and
//! at its end.
//!
//! It alone looks at the places that the journal speaks of, carries out what `settle.rs` decides,
//! empties `tmp/` and `aside/`, and replaces the manifest. The order of the merge is that of
//! docs/destination.md: flush, manifest, digests, flush, and only then the journal goes;
//! doing all of it twice gives the same. What nobody explains is never removed, it goes to the
//! trash.

use std::collections::BTreeSet;

use darkslide_door::{
    Destination, DoorError, DoorErrorKind, Entry, Exclusive, Facts, Kind, Record, SourceFile,
    random_name,
};
use darkslide_policy::{Component, RelPath};

use crate::batch::{aside_path, aside_to_trash, remove_folders, temporary_path, to_trash};
use crate::changes::Changes;
use crate::digest::digest;
use crate::error::{ExportError, hides_content, in_the_way};
use crate::journal::{self, Folders, JournalError, Left};
use crate::lines::bounded;
use crate::manifest::{self, Manifest, ManifestError};
use crate::merge;
use crate::row::{There, is_own_name};
use crate::run::Stop;
use crate::settle::{Giving, Questions, Seen, Settlement, Spot, Step, questions, settle};

const JOURNAL: &str = "journal.jsonl";
const MANIFEST: &str = "manifest.jsonl";
/// How often it is looked again because somebody changed something between look and step. What is
/// settled by then stays so, and the next run goes on.
const MAX_LOOKS: usize = 8;

/// Was a step done, or was something else found than settling had seen?
#[derive(Debug, PartialEq, Eq)]
enum Done {
    AsAsked,
    SomethingElse,
}

/// Asks whether the job should go on.
type Ask<'a> = &'a dyn Fn() -> Stop;

fn goes_on(stop: Ask<'_>) -> bool {
    stop() == Stop::GoOn
}

/// Opens the manifest; an empty one where there is none.
pub(crate) fn open_manifest(
    destination: &Destination<'_>,
    stop: Ask<'_>,
) -> Result<Manifest, ExportError> {
    let Some(source) = destination.open_record(Record::Manifest)? else {
        return Ok(Manifest::default());
    };
    let size = bounded(&source, manifest::MAX_BYTES, MANIFEST)?;
    Manifest::open(source.into_file(), size, || goes_on(stop)).map_err(|error| match error {
        ManifestError::Newer(_) => ExportError::NewerRecord { file: MANIFEST },
        ManifestError::TooMany => ExportError::DamagedRecord { file: MANIFEST },
        ManifestError::Stopped => ExportError::Stopped,
        ManifestError::Read(error) => ExportError::Io(error),
    })
}

fn read_journal(source: SourceFile, stop: Ask<'_>) -> Result<Left, ExportError> {
    let size = bounded(&source, journal::MAX_BYTES, JOURNAL)?;
    Left::read(source.into_file(), size, || goes_on(stop)).map_err(|error| match error {
        JournalError::Newer(_) => ExportError::NewerRecord { file: JOURNAL },
        JournalError::TooMany => ExportError::DamagedRecord { file: JOURNAL },
        JournalError::Stopped => ExportError::Stopped,
        JournalError::Read(error) => ExportError::Io(error),
    })
}

/// Was a job broken off here, or is one at work?
pub(crate) fn is_pending(destination: &Destination<'_>) -> Result<bool, ExportError> {
    Ok(destination.open_record(Record::Journal)?.is_some())
}

/// Settles what an earlier job left: its journal, if there is one, is merged into the manifest, and
/// what no intent explains is cleared. Answers what is settled then, and how many files went to the
/// trash. The lock has to be held. Asked to stop, it leaves the rest to the next run.
pub(crate) fn settle_record(
    destination: &Destination<'_>,
    day: &Component,
    stop: Ask<'_>,
) -> Result<(Manifest, u64), ExportError> {
    let manifest = open_manifest(destination, stop)?;
    let settling = Settling::new(destination, day, stop);
    let (merged, trashed) = settling.settle_all(&manifest, stop)?;
    let manifest = if merged { open_manifest(destination, stop)? } else { manifest };
    Ok((manifest, trashed))
}

/// The same at the end of the running job, which may have been asked to stop before: what it did is
/// entered all the same, and only contents that are in doubt are not read for it. The manifest is
/// the one that the job began with.
pub(crate) fn settle_own(
    destination: &Destination<'_>,
    manifest: &Manifest,
    day: &Component,
    stop: Ask<'_>,
) -> Result<u64, ExportError> {
    let settling = Settling::new(destination, day, stop);
    let (_, trashed) = settling.settle_all(manifest, &|| Stop::GoOn)?;
    Ok(trashed)
}

/// The renames that the changes speak of have to be on the disk by now.
fn merge(
    destination: &Destination<'_>,
    old: &Manifest,
    changes: &Changes,
    folders: Folders,
) -> Result<(), ExportError> {
    let manifest = destination.replace_record(Record::Manifest)?;
    let sums = destination.replace_record(Record::Sums)?;
    let (manifest, sums) = merge::merge(old, changes, folders, (manifest, sums))?;
    manifest.commit()?;
    sums.commit()?;
    destination.sync()?;
    destination.remove_record(Record::Journal)?;
    Ok(())
}

struct Settling<'a> {
    destination: &'a Destination<'a>,
    day: &'a Component,
    /// Asked before each place that is in doubt, and within its content.
    stop: Ask<'a>,
    /// Files that nobody could explain, now in the trash.
    trashed: u64,
    /// Folders that the journal tells, or that were made while it was settled.
    folders: Folders,
    /// Folders in which names may have changed.
    touched: BTreeSet<RelPath>,
}

impl<'a> Settling<'a> {
    fn new(destination: &'a Destination<'a>, day: &'a Component, stop: Ask<'a>) -> Self {
        Self {
            destination,
            day,
            stop,
            trashed: 0,
            folders: Folders::new(),
            touched: BTreeSet::new(),
        }
    }

    /// All of it; `stop` is asked while the journal is read and `tmp/` is cleared. Answers whether
    /// the manifest was replaced, and how many files went to the trash.
    fn settle_all(
        mut self,
        manifest: &Manifest,
        stop: Ask<'_>,
    ) -> Result<(bool, u64), ExportError> {
        let journal = self.destination.open_record(Record::Journal)?;
        let changes = match journal {
            Some(source) => Some(self.settle(read_journal(source, stop)?)?),
            // The digests are derived, and whoever removed them gets them again.
            None if manifest.len() > 0 && self.destination.open_record(Record::Sums)?.is_none() => {
                Some(Changes::default())
            }
            None => None,
        };
        self.clear(stop)?;
        if let Some(changes) = &changes {
            // No manifest may speak of renames that the disk does not have.
            self.flush()?;
            merge(self.destination, manifest, changes, std::mem::take(&mut self.folders))?;
        }
        Ok((changes.is_some(), self.trashed))
    }

    /// Finds out what happened, and answers all changes.
    fn settle(&mut self, left: Left) -> Result<Changes, ExportError> {
        let Left { doubt, mut changes } = left;
        let mut looks = 0;
        let settlement = loop {
            looks += 1;
            let asked = questions(&doubt);
            asked.0.keys().for_each(|spot| self.touch(&path_of(spot)));
            let seen = self.look(&asked)?;
            let settlement = settle(&doubt, &seen, giving(self.destination)?);
            match self.carry_out(&settlement, looks == MAX_LOOKS) {
                Ok(Done::SomethingElse) => {}
                Err(ExportError::Door(error)) if looks < MAX_LOOKS && is_news(&error) => {}
                answer => break answer.map(|_| settlement)?,
            }
        };
        self.folders.extend(doubt.folders);
        let too_many = |_| ExportError::DamagedRecord { file: JOURNAL };
        changes.settle(settlement.changes).map_err(too_many)?;
        Ok(changes)
    }

    /// Looks at all places in question, and reads what only its content can tell.
    fn look(&self, questions: &Questions) -> Result<Seen, ExportError> {
        let mut seen = Seen::new();
        for (spot, sizes) in &questions.0 {
            if !goes_on(self.stop) {
                return Err(ExportError::Stopped);
            }
            let path = path_of(spot);
            let Some(mut there) = self.look_at(&path)? else { continue };
            if there.regular && sizes.contains(&there.size) {
                let source = match self.destination.open_read(&path) {
                    Err(error) if hides_content(&error) => None,
                    answer => Some(answer?),
                };
                if let Some(source) = source {
                    let faults = self.destination.faults();
                    let digest = digest(&source, faults, || goes_on(self.stop))?;
                    there.blake3 = Some(digest.ok_or(ExportError::Stopped)?);
                }
            }
            seen.insert(spot.clone(), there);
        }
        Ok(seen)
    }

    /// What stands there; where a link, a mount or a file is on the way nothing of ours is, and
    /// nothing can be brought.
    fn look_at(&self, path: &RelPath) -> Result<Option<There>, ExportError> {
        let mut at = path.clone();
        loop {
            match self.destination.stat(&at) {
                Err(error) if in_the_way(&error).is_some() => return Ok(Some(There::BLOCKED)),
                Err(error) => return Err(error.into()),
                Ok(Some(facts)) if at == *path => return Ok(Some(There::from(&facts))),
                Ok(Some(facts)) if facts.kind == Kind::Folder => return Ok(None),
                Ok(Some(_)) => return Ok(Some(There::BLOCKED)),
                Ok(None) => {}
            }
            match at.split_last() {
                Some((folder, _)) if !folder.is_root() => at = folder,
                Some(_) | None => return Ok(None),
            }
        }
    }

    /// At the last look, what is something else by then goes to the trash.
    fn carry_out(&mut self, settlement: &Settlement, is_last: bool) -> Result<Done, ExportError> {
        for step in &settlement.steps {
            match step {
                Step::Rename { from, to } => self.rename(&path_of(from), &path_of(to))?,
                Step::RemoveTemporary(name) => self.remove_temporary(name)?,
                Step::RemovePlaceholder(path) => self.remove_placeholder(path)?,
                Step::Flush => self.flush()?,
                Step::RemoveAside { name, there, twin } => {
                    match self.remove_aside(name, there, twin.as_ref())? {
                        Done::AsAsked => {}
                        Done::SomethingElse if is_last => {
                            self.trash_aside(name, &aside_path(name))?;
                        }
                        Done::SomethingElse => return Ok(Done::SomethingElse),
                    }
                }
                Step::Trash { name, path } => self.trash_aside(name, path)?,
            }
        }
        Ok(Done::AsAsked)
    }

    /// The names in a folder may have changed, and so those in the folders around it.
    fn touch(&mut self, path: &RelPath) {
        let mut folder = path.split_last().map(|(folder, _)| folder);
        while let Some(touched) = folder.filter(|folder| !self.touched.contains(folder)) {
            folder = touched.split_last().map(|(outer, _)| outer);
            self.touched.insert(touched);
        }
    }

    fn flush(&self) -> Result<(), ExportError> {
        let folders: Vec<RelPath> = self.touched.iter().cloned().collect();
        Ok(self.destination.sync_batch(&[], &folders)?)
    }

    /// Looks once more, and removes only what settling saw there.
    fn remove_aside(
        &self,
        name: &Component,
        there: &There,
        twin: Option<&Spot>,
    ) -> Result<Done, ExportError> {
        let Some(facts) = self.destination.stat(&aside_path(name))? else {
            return Ok(Done::AsAsked);
        };
        let as_seen = There { blake3: there.blake3, ..There::from(&facts) } == *there;
        let has_twin = match twin.map(path_of) {
            None => true,
            Some(path) => {
                let other = self.destination.stat(&path)?;
                other.is_some_and(|other| other.identity == facts.identity)
            }
        };
        if !as_seen || !has_twin {
            return Ok(Done::SomethingElse);
        }
        self.destination.remove_aside(name, facts.identity)?;
        Ok(Done::AsAsked)
    }

    /// Under the name that it was to have, for whoever looks for it there.
    fn trash_aside(&mut self, name: &Component, path: &RelPath) -> Result<(), ExportError> {
        let to = aside_to_trash(self.destination, self.day, name, path)?;
        self.touch(&to);
        self.trashed += 1;
        Ok(())
    }

    /// An empty file that only kept a name free. It goes aside before it goes, so that what
    /// somebody writes into it meanwhile is put into the trash.
    fn remove_placeholder(&mut self, path: &RelPath) -> Result<(), ExportError> {
        let is_empty = |facts: &Facts| facts.kind == Kind::File && facts.size == 0;
        if !self.destination.stat(path)?.is_some_and(|facts| is_empty(&facts)) {
            return Ok(());
        }
        let name = random_name();
        self.destination.rename_exclusive(path, &aside_path(&name))?;
        match self.destination.stat(&aside_path(&name))? {
            Some(facts) if is_empty(&facts) => {
                self.destination.remove_aside(&name, facts.identity)?;
                Ok(())
            }
            Some(_) => self.trash_aside(&name, path),
            None => Ok(()),
        }
    }

    fn rename(&mut self, from: &RelPath, to: &RelPath) -> Result<(), ExportError> {
        let folder = to.split_last().map_or_else(RelPath::root, |(folder, _)| folder);
        let is_visible = crate::row::is_visible(to);
        let made = if is_visible { self.destination.make_folders(&folder)? } else { Vec::new() };
        if let Err(error) = self.destination.rename_exclusive(from, to) {
            remove_folders(self.destination, &made)?;
            return Err(error.into());
        }
        self.folders.extend(made.into_iter().map(|folder| (folder, true)));
        Ok(())
    }

    fn remove_temporary(&self, name: &Component) -> Result<(), ExportError> {
        let facts = self.destination.stat(&temporary_path(name))?;
        // Anything but a file goes to the trash when the folder is cleared.
        if let Some(facts) = facts.filter(|facts| facts.kind == Kind::File) {
            self.destination.remove_temporary(name, facts.identity)?;
        }
        Ok(())
    }

    /// In `tmp/`, a file with a name of our form is ours to remove: the library has it. All else
    /// may be the only copy of somebody's work.
    fn clear(&mut self, stop: Ask<'_>) -> Result<(), ExportError> {
        let folder = RelPath::parse(".darkslide/tmp").expect("plain names");
        for entry in self.destination.list_temporaries()? {
            if !goes_on(stop) {
                return Err(ExportError::Stopped);
            }
            let own = entry.component().filter(|name| is_own_name(name.as_str()));
            match own.filter(|_| entry.kind() == Kind::File) {
                Some(name) => self.remove_temporary(&name)?,
                None => self.trash_entry(&folder, &entry)?,
            }
        }
        let folder = RelPath::parse(".darkslide/aside").expect("plain names");
        for entry in self.destination.list_aside()? {
            self.trash_entry(&folder, &entry)?;
        }
        Ok(())
    }

    /// Under its own name, or a fresh one where that is none that we take.
    fn trash_entry(&mut self, folder: &RelPath, entry: &Entry) -> Result<(), ExportError> {
        let name = entry.component().unwrap_or_else(random_name);
        let rename = |to: &RelPath| self.destination.rename_entry(folder, entry, to);
        to_trash(self.destination, self.day, name, rename)?;
        self.trashed += 1;
        Ok(())
    }
}

/// How the disk gives names.
fn giving(destination: &Destination<'_>) -> Result<Giving, ExportError> {
    Ok(match destination.probe_renames()?.exclusive {
        Exclusive::Rename | Exclusive::Link => Giving::Exclusive,
        Exclusive::Neither => Giving::OverPlaceholder,
    })
}

/// Did somebody change something since it was looked at?
fn is_news(error: &DoorError) -> bool {
    let kind = error.kind();
    in_the_way(error).is_some() || matches!(kind, DoorErrorKind::NotFound | DoorErrorKind::Replaced)
}

fn path_of(spot: &Spot) -> RelPath {
    match spot {
        Spot::Final(path) => path.clone(),
        Spot::Temporary(name) => temporary_path(name),
        Spot::Aside(name) => aside_path(name),
        Spot::Trash(path) => path.clone(),
    }
}
