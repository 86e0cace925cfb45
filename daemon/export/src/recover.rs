//! Settles what a job left behind, and merges it into the manifest: before a job does anything, and
//! at its end.
//!
//! It alone looks at the places that the journal speaks of, carries out what `settle.rs` decides,
//! empties `tmp/` and `aside/`, and replaces the manifest. The order of the merge is that of
//! reference/destination.md, 3: flush, manifest, flush, and only then the journal goes; doing all
//! of it twice gives the same. What nobody explains is never removed, it goes to the trash.

use darkslide_door::{Destination, DoorError, DoorErrorKind, Entry, Kind, Record, random_name};
use darkslide_policy::{Component, RelPath};

use crate::batch::{aside_path, remove_folders, to_trash};
use crate::digest::digest;
use crate::error::{ExportError, hides_content, in_the_way};
use crate::journal::{self, Journal, JournalError};
use crate::lines::bounded;
use crate::manifest::{self, Manifest, ManifestError};
use crate::row::{There, is_own_name};
use crate::run::Stop;
use crate::settle::{Change, Questions, Seen, Settlement, Spot, Step, questions, settle};

const JOURNAL: &str = "journal.jsonl";
const MANIFEST: &str = "manifest.jsonl";
/// How often it is looked again because somebody changed something between look and step. What is
/// settled by then stays so, and the next run goes on.
const MAX_LOOKS: usize = 8;

/// Asks whether the job should go on.
type Ask<'a> = &'a dyn Fn() -> Stop;

fn goes_on(stop: Ask<'_>) -> bool {
    stop() == Stop::GoOn
}

/// Reads the manifest.
pub(crate) fn read_manifest(
    destination: &Destination<'_>,
    stop: Ask<'_>,
) -> Result<Manifest, ExportError> {
    let Some(source) = destination.open_record(Record::Manifest)? else {
        return Ok(Manifest::default());
    };
    let lines = bounded(&source, manifest::MAX_BYTES, MANIFEST)?;
    Manifest::read(lines, || goes_on(stop)).map_err(|error| match error {
        ManifestError::Newer(_) => ExportError::NewerRecord { file: MANIFEST },
        ManifestError::TooMany => ExportError::DamagedRecord { file: MANIFEST },
        ManifestError::Stopped => ExportError::Stopped,
        ManifestError::Read(error) => ExportError::Io(error),
    })
}

fn read_journal(
    destination: &Destination<'_>,
    stop: Ask<'_>,
) -> Result<Option<Journal>, ExportError> {
    let Some(source) = destination.open_record(Record::Journal)? else {
        return Ok(None);
    };
    let lines = bounded(&source, journal::MAX_BYTES, JOURNAL)?;
    Journal::read(lines, || goes_on(stop)).map(Some).map_err(|error| match error {
        JournalError::Newer(_) => ExportError::NewerRecord { file: JOURNAL },
        JournalError::TooMany => ExportError::DamagedRecord { file: JOURNAL },
        JournalError::Stopped => ExportError::Stopped,
        JournalError::Read(error) => ExportError::Io(error),
    })
}

/// Settles what an earlier job left: its journal, if there is one, is merged into the manifest, and
/// what no intent explains is cleared; answers how many files went to the trash. The lock has to be
/// held. Asked to stop, it leaves the rest to the next run.
pub(crate) fn settle_record(
    destination: &Destination<'_>,
    manifest: &mut Manifest,
    day: &Component,
    stop: Ask<'_>,
) -> Result<u64, ExportError> {
    Settling { destination, day, stop, trashed: 0 }.settle_all(manifest, stop)
}

/// The same at the end of the running job, which may have been asked to stop before: what it did is
/// entered all the same, and only contents that are in doubt are not read for it.
pub(crate) fn settle_own(
    destination: &Destination<'_>,
    manifest: &mut Manifest,
    day: &Component,
    stop: Ask<'_>,
) -> Result<u64, ExportError> {
    Settling { destination, day, stop, trashed: 0 }.settle_all(manifest, &|| Stop::GoOn)
}

/// Merges a journal that the running job has ended, while it has contents in `tmp/` for another.
/// Nothing of it is in doubt, so nothing is looked at.
pub(crate) fn merge_ended(
    destination: &Destination<'_>,
    manifest: &mut Manifest,
    day: &Component,
) -> Result<(), ExportError> {
    let stop = &|| Stop::GoOn;
    if let Some(journal) = read_journal(destination, stop)? {
        Settling { destination, day, stop, trashed: 0 }.settle(&journal, manifest)?;
        merge(destination, manifest)?;
    }
    Ok(())
}

fn merge(destination: &Destination<'_>, manifest: &Manifest) -> Result<(), ExportError> {
    // No manifest may speak of renames that the disk does not have.
    destination.sync()?;
    let mut record = destination.replace_record(Record::Manifest)?;
    if manifest.write(&mut record)? > manifest::MAX_BYTES {
        return Err(ExportError::TooManyFiles);
    }
    record.commit()?;
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
}

impl Settling<'_> {
    /// All of it; `stop` is asked while the journal is read and `tmp/` is cleared.
    fn settle_all(mut self, manifest: &mut Manifest, stop: Ask<'_>) -> Result<u64, ExportError> {
        let journal = read_journal(self.destination, stop)?;
        if let Some(journal) = &journal {
            self.settle(journal, manifest)?;
        }
        self.clear(stop)?;
        if journal.is_some() {
            merge(self.destination, manifest)?;
        }
        Ok(self.trashed)
    }

    fn settle(&mut self, journal: &Journal, manifest: &mut Manifest) -> Result<(), ExportError> {
        let mut looks = 0;
        let settlement = loop {
            looks += 1;
            let seen = self.look(&questions(journal))?;
            let settlement =
                settle(journal, &seen).map_err(|_| ExportError::NewerRecord { file: JOURNAL })?;
            match self.carry_out(&settlement, manifest) {
                Err(ExportError::Door(error)) if looks < MAX_LOOKS && is_news(&error) => {}
                answer => break answer.map(|()| settlement)?,
            }
        };
        for folder in &journal.folders {
            manifest.put_folder(folder.clone());
        }
        for change in settlement.changes {
            match change {
                Change::Put(row) => manifest.put(row),
                Change::Drop(key) => manifest.remove(&key),
            }
        }
        Ok(())
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

    fn carry_out(
        &mut self,
        settlement: &Settlement,
        manifest: &mut Manifest,
    ) -> Result<(), ExportError> {
        for step in &settlement.steps {
            match step {
                Step::Rename { from, to } => self.rename(&path_of(from), to, manifest)?,
                Step::RemoveTemporary(name) => self.remove_temporary(name)?,
                Step::Trash(name) => {
                    let rename =
                        |to: &RelPath| self.destination.rename_exclusive(&aside_path(name), to);
                    to_trash(self.destination, self.day, name.clone(), rename)?;
                    self.trashed += 1;
                }
            }
        }
        Ok(())
    }

    fn rename(
        &self,
        from: &RelPath,
        to: &RelPath,
        manifest: &mut Manifest,
    ) -> Result<(), ExportError> {
        let folder = to.split_last().map_or_else(RelPath::root, |(folder, _)| folder);
        let made = self.destination.make_folders(&folder)?;
        if let Err(error) = self.destination.rename_exclusive(from, to) {
            remove_folders(self.destination, &made)?;
            return Err(error.into());
        }
        for folder in made {
            manifest.put_folder(folder);
        }
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
    }
}

fn temporary_path(name: &Component) -> RelPath {
    let folder = RelPath::parse(".darkslide/tmp").expect("plain names");
    folder.join(name).expect("three components")
}
