//! `.darkslide/`: the destination's own record, and the only names that may be replaced or removed
//! without asking whose they are.
//!
//! It alone makes the folders there, and reads, appends to, replaces and removes the files with
//! names of a closed list; what they mean is the export's matter. Folders are 0700, files 0600. A
//! file is replaced by writing `NAME.new`, flushing it, and renaming it over. The hazard:
//! somebody's file under one of our names, by a link or a second name. Contents on their way to a
//! final name are in `temporary.rs`, the lock in `lock.rs`, who may own a record in `owner.rs`.

#![expect(clippy::disallowed_methods, reason = "the door: owns the names in .darkslide/")]

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::fd::{AsFd, OwnedFd};

use darkslide_policy::{Component, RelPath};
use rustix::fs::{AtFlags, OFlags};
use rustix::io::Errno;

use crate::beneath::{Base, Want};
use crate::content;
use crate::destination::Destination;
use crate::error::{DoorError, DoorErrorKind};
use crate::facts::{Entry, Facts};
use crate::fault::Operation;
use crate::reading::{self, SourceFile};
use crate::rename::{self, Spot};
use crate::temporary::{self, FILE_MODE};

/// The folder of a destination that is ours.
pub const RECORD_FOLDER: &str = ".darkslide";

/// Its folder for contents on their way.
const TEMPORARIES: &str = "tmp";
/// Its folder for what stands aside.
const ASIDE: &str = "aside";
const REPORTS: &str = "reports";
const TRASH: &str = "trash";

const FOLDER_MODE: u16 = 0o700;

/// A file of the record that is replaced whole or appended to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record<'a> {
    /// `id`: which destination it is, and its shape.
    Id,
    /// `manifest.jsonl`: what is settled.
    Manifest,
    /// `journal.jsonl`: what the running job does.
    Journal,
    /// `B3SUMS`: digests of what is settled, for a tool that everybody has.
    Sums,
    /// `reports/NAME`.
    Report(&'a Component),
}

impl Record<'_> {
    fn area(self) -> Area {
        match self {
            Self::Id | Self::Manifest | Self::Journal | Self::Sums => Area::Record,
            Self::Report(_) => Area::Reports,
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Id => "id",
            Self::Manifest => "manifest.jsonl",
            Self::Journal => "journal.jsonl",
            Self::Sums => "B3SUMS",
            Self::Report(name) => name.as_str(),
        }
    }
}

/// A folder of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Area {
    Record,
    Temporaries,
    Aside,
    Reports,
}

impl Area {
    const ALL: [Self; 4] = [Self::Record, Self::Temporaries, Self::Aside, Self::Reports];

    pub(crate) fn path(self) -> RelPath {
        match self {
            Self::Record => path_of([RECORD_FOLDER]),
            Self::Temporaries => path_of([RECORD_FOLDER, TEMPORARIES]),
            Self::Aside => path_of([RECORD_FOLDER, ASIDE]),
            Self::Reports => path_of([RECORD_FOLDER, REPORTS]),
        }
    }

    /// The path of one name in it.
    pub(crate) fn join(self, name: &str) -> RelPath {
        let joined = Component::parse(name).and_then(|name| self.path().join(&name));
        joined.expect("one component below two short ones")
    }
}

pub(crate) fn path_of<const N: usize>(names: [&str; N]) -> RelPath {
    RelPath::parse(&names.join("/")).expect("plain names")
}

/// Is it a `.darkslide`, or in one, be it another destination's? Some file systems take
/// `.DARKSLIDE` for the same, and a Mac's also what has the sign of kelvin for its `k`.
#[must_use]
pub fn is_within_record(path: &RelPath) -> bool {
    let folded = |name: &str| -> String {
        name.chars().flat_map(char::to_lowercase).flat_map(char::to_uppercase).collect()
    };
    let ours = folded(RECORD_FOLDER);
    path.components().any(|name| name.starts_with('.') && folded(name) == ours)
}

pub(crate) fn may_be_moved_from(path: &RelPath) -> bool {
    may_be_moved_to(path) || is_in_one_of(path, &[TEMPORARIES])
}

pub(crate) fn may_be_moved_to(path: &RelPath) -> bool {
    !path.is_root() && (!is_within_record(path) || is_in_one_of(path, &[ASIDE, TRASH]))
}

fn is_in_one_of(path: &RelPath, folders: &[&str]) -> bool {
    let mut components = path.components();
    components.next() == Some(RECORD_FOLDER)
        && components.next().is_some_and(|second| folders.contains(&second))
        && components.next().is_some()
}

impl Destination<'_> {
    /// Makes `.darkslide/` with its folders for temporary files, for what stands aside, and for
    /// reports, where they are missing.
    ///
    /// # Errors
    /// Before anything is made: [`DoorErrorKind::ForeignRecord`] where one of those that are there
    /// is not ours alone. Then [`Link`](DoorErrorKind::Link),
    /// [`NotAFolder`](DoorErrorKind::NotAFolder), [`NoSpace`](DoorErrorKind::NoSpace) and what else
    /// making a folder answers.
    pub fn ensure_record_folders(&self) -> Result<(), DoorError> {
        let mut missing = Vec::new();
        for area in Area::ALL {
            if !self.has_own_folder(&area.path())? {
                missing.push(area.path());
            }
        }
        missing.iter().try_for_each(|path| self.make_own_folder(path))
    }

    /// Makes `.darkslide/trash/DAY/` where it is missing, and answers its path, for
    /// [`Destination::rename_exclusive`].
    ///
    /// # Errors
    /// Those of [`Destination::ensure_record_folders`].
    pub fn ensure_trash_folder(&self, day: &Component) -> Result<RelPath, DoorError> {
        self.ensure_trash_folder_below(day, &RelPath::root())
    }

    /// The same with folders in it, so that what lies there tells where it was; without them where
    /// the path would get too long.
    ///
    /// # Errors
    /// Those of [`Destination::ensure_record_folders`].
    pub fn ensure_trash_folder_below(
        &self,
        day: &Component,
        folder: &RelPath,
    ) -> Result<RelPath, DoorError> {
        let trash = path_of([RECORD_FOLDER, TRASH]);
        let of_the_day = trash.join(day).expect("three components");
        let longest = Component::parse(&"x".repeat(255)).expect("a plain name");
        let deep = of_the_day.join_path(folder).ok();
        let path = deep.filter(|path| path.join(&longest).is_ok()).unwrap_or(of_the_day);
        if !self.has_own_folder(&path)? {
            self.make_own_folder(&path)?;
        }
        Ok(path)
    }

    /// Lists the reports; none without record folders.
    ///
    /// # Errors
    /// Those of [`Destination::list`].
    pub fn list_reports(&self) -> Result<Vec<Entry>, DoorError> {
        self.list_area(Area::Reports)
    }

    /// Opens a file of the record for reading; none where it is not there.
    ///
    /// # Errors
    /// [`DoorErrorKind::Link`], [`NotAFile`](DoorErrorKind::NotAFile),
    /// [`Permission`](DoorErrorKind::Permission); [`ForeignRecord`](DoorErrorKind::ForeignRecord)
    /// where the file, or a folder around it, is not ours alone.
    pub fn open_record(&self, record: Record<'_>) -> Result<Option<SourceFile>, DoorError> {
        let operation = Operation::OpenRecord;
        let path = record.area().join(record.name());
        let below = self.below();
        below.announce(operation, &path)?;
        let folder = match self.own_folder(operation, &record.area().path(), Want::Parent) {
            Ok(folder) => folder,
            Err(error) if error.kind() == DoorErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let base = Base { folder: folder.as_fd(), ..below.base };
        let opened = base.open(&path_of([record.name()]), Want::File);
        let file = match opened.and_then(reading::checked_file) {
            Ok(Some(file)) => file,
            Ok(None) => return Err(below.refused(operation, &path, DoorErrorKind::NotAFile)),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(below.failed(operation, &path, errno)),
        };
        self.refuse_foreign(operation, &path, file.facts())?;
        Ok(Some(file))
    }

    /// Opens a file of the record for appending, and makes it where it is not there.
    ///
    /// # Errors
    /// [`DoorErrorKind::Link`] for a symbolic link and for a file with a second name, which would
    /// be written under both; [`NotAFile`](DoorErrorKind::NotAFile),
    /// [`ForeignRecord`](DoorErrorKind::ForeignRecord),
    /// [`NotFound`](DoorErrorKind::NotFound) without record folders.
    pub fn append_record(&self, record: Record<'_>) -> Result<File, DoorError> {
        let operation = Operation::AppendRecord;
        let folder = self.area(operation, record.area())?;
        let path = record.area().join(record.name());
        self.below().announce(operation, &path)?;
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
        self.open_own(operation, &folder, record.name(), &path, flags)
    }

    /// Begins a new form of a file of the record: write it, then [`NewRecord::commit`]. Until then,
    /// and when it is dropped, the old form stays.
    ///
    /// # Errors
    /// [`DoorErrorKind::NotFound`] without record folders,
    /// [`ForeignRecord`](DoorErrorKind::ForeignRecord), [`NoSpace`](DoorErrorKind::NoSpace) and
    /// what else making a file answers.
    pub fn replace_record<'d>(&'d self, record: Record<'d>) -> Result<NewRecord<'d>, DoorError> {
        let operation = Operation::CreateRecord;
        let folder = self.area(operation, record.area())?;
        let path = record.area().join(record.name());
        let new_name = format!("{}.new", record.name());
        let failed = |errno| self.below().failed(operation, &path, errno);
        self.below().announce(operation, &path)?;
        // One that is there was left by a job that was broken off: the lock is ours now.
        temporary::unless_missing(rustix::fs::unlinkat(&folder, &new_name, AtFlags::empty()))
            .map_err(failed)?;
        let file = temporary::create_new(&folder, &new_name, OFlags::WRONLY).map_err(failed)?;
        Ok(NewRecord {
            destination: self,
            folder,
            name: record.name().to_owned(),
            new_name,
            path,
            writer: Some(BufWriter::new(file)),
        })
    }

    /// Removes a file of the record; `false` where it is gone already.
    ///
    /// # Errors
    /// [`DoorErrorKind::ForeignRecord`], and what removing answers.
    pub fn remove_record(&self, record: Record<'_>) -> Result<bool, DoorError> {
        let operation = Operation::RemoveRecord;
        let path = record.area().join(record.name());
        let below = self.below();
        let folder = match self.area(operation, record.area()) {
            Ok(folder) => folder,
            Err(error) if error.kind() == DoorErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        below.announce(operation, &path)?;
        match rustix::fs::unlinkat(&folder, record.name(), AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(below.failed(operation, &path, errno)),
        }
    }

    /// Opens a folder of the record.
    pub(crate) fn area(&self, operation: Operation, area: Area) -> Result<OwnedFd, DoorError> {
        self.own_folder(operation, &area.path(), Want::Folder)
    }

    pub(crate) fn list_area(&self, area: Area) -> Result<Vec<Entry>, DoorError> {
        let path = area.path();
        let below = self.below();
        below.announce(Operation::List, &path)?;
        match self.area(Operation::List, area) {
            Ok(folder) => below.entries(&path, folder, reading::MAX_LIST_ENTRIES),
            Err(error) if error.kind() == DoorErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Opens a folder in the record, one component below the other, and sees of each that it is
    /// ours alone: nobody else can then have put anything into it.
    pub(crate) fn own_folder(
        &self,
        operation: Operation,
        path: &RelPath,
        want: Want,
    ) -> Result<OwnedFd, DoorError> {
        let below = self.below();
        let mut so_far = RelPath::root();
        let mut at: Option<OwnedFd> = None;
        for name in path.components() {
            let name = Component::parse(name).expect("a component of a checked path");
            so_far = so_far.join(&name).expect("no longer than the whole path");
            let folder = at.as_ref().map_or(below.base.folder, AsFd::as_fd);
            let opened = Base { folder, ..below.base }
                .open(&path_of([name.as_str()]), Want::Parent)
                .and_then(|opened| Ok((Facts::of_descriptor(&opened)?, opened)));
            let (facts, opened) =
                opened.map_err(|errno| below.failed(operation, &so_far, errno))?;
            self.refuse_foreign(operation, &so_far, &facts)?;
            at = Some(opened);
        }
        let folder = at.as_ref().map_or(below.base.folder, AsFd::as_fd);
        Base { folder, ..below.base }
            .open(&RelPath::root(), want)
            .map_err(|errno| below.failed(operation, path, errno))
    }

    fn has_own_folder(&self, path: &RelPath) -> Result<bool, DoorError> {
        match self.own_folder(Operation::MakeFolder, path, Want::Parent) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == DoorErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a folder in the record, and those around it that are missing.
    fn make_own_folder(&self, path: &RelPath) -> Result<(), DoorError> {
        self.make_folder_chain(path, FOLDER_MODE)?;
        // Somebody may have been faster, or have exchanged one that was there.
        self.own_folder(Operation::MakeFolder, path, Want::Parent).map(drop)
    }

    fn refuse_foreign(
        &self,
        operation: Operation,
        path: &RelPath,
        facts: &Facts,
    ) -> Result<(), DoorError> {
        if self.owner().alone_has(facts) {
            return Ok(());
        }
        Err(self.below().refused(operation, path, DoorErrorKind::ForeignRecord))
    }

    /// Opens, or makes, a file of ours, and sees that it is one and has no second name.
    pub(crate) fn open_own(
        &self,
        operation: Operation,
        folder: &OwnedFd,
        name: &str,
        path: &RelPath,
        flags: OFlags,
    ) -> Result<File, DoorError> {
        let below = self.below();
        // Without NONBLOCK a pipe in its place would hang us.
        let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let opened =
            rustix::io::retry_on_intr(|| rustix::fs::openat(folder, name, flags, FILE_MODE));
        let checked = opened
            .and_then(reading::checked_file)
            .map_err(|errno| below.failed(operation, path, errno))?
            .ok_or_else(|| below.refused(operation, path, DoorErrorKind::NotAFile))?;
        if checked.facts().links > 1 {
            return Err(below.refused(operation, path, DoorErrorKind::Link));
        }
        self.refuse_foreign(operation, path, checked.facts())?;
        Ok(checked.into_file())
    }
}

/// The new form of a file of the record, while it is written.
#[derive(Debug)]
pub struct NewRecord<'d> {
    destination: &'d Destination<'d>,
    folder: OwnedFd,
    name: String,
    new_name: String,
    path: RelPath,
    /// None once it is committed.
    writer: Option<BufWriter<File>>,
}

impl NewRecord<'_> {
    /// Flushes the new form to the disk, puts it in the place of the old one, and flushes the
    /// folder.
    ///
    /// # Errors
    /// What flushing and renaming answer; where it was not the last flush that failed, the old form
    /// is still there.
    pub fn commit(mut self) -> Result<(), DoorError> {
        let below = self.destination.below();
        let failed = |operation, errno| below.failed(operation, &self.path, errno);
        below.announce(Operation::FlushRecord, &self.path)?;
        if let Some(writer) = &mut self.writer {
            writer
                .flush()
                .map_err(|error| errno_of(&error))
                .and_then(|()| content::flush(writer.get_ref()))
                .map_err(|errno| failed(Operation::FlushRecord, errno))?;
        }
        below.announce(Operation::ReplaceRecord, &self.path)?;
        let folder = self.folder.as_fd();
        let new = Spot { folder, name: self.new_name.as_ref() };
        rename::replacing(new, Spot { folder, name: self.name.as_ref() })
            .map_err(|errno| failed(Operation::ReplaceRecord, errno))?;
        self.writer = None;
        content::flush(&self.folder).map_err(|errno| failed(Operation::ReplaceRecord, errno))
    }
}

impl Write for NewRecord<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.destination.faults().check(Operation::Write)?;
        match &mut self.writer {
            Some(writer) => writer.write(bytes),
            None => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

impl Drop for NewRecord<'_> {
    fn drop(&mut self) {
        if let Some(writer) = self.writer.take() {
            // What the buffer still holds is not wanted any more.
            let (_file, _rest) = writer.into_parts();
            // The next replacement removes it where this fails.
            let _ = rustix::fs::unlinkat(&self.folder, &self.new_name, AtFlags::empty());
        }
    }
}

pub(crate) fn errno_of(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
