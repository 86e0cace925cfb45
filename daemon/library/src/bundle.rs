//! What a folder is, and in which state its database lies: told by names, `stat` and two file
//! headers, before SQLite opens it.
//!
//! It alone chooses the way in which SQLite opens a database; each way was measured for its state,
//! and another way gives wrong rows, changes the library, or hangs. Headers are read only where the
//! caller knows that no connection lives (`gate.rs`). The hazards: a missing `-wal` that is really
//! there, a pipe in the place of a file (one swapped in after the look hangs: see `gate.rs`), an
//! empty file that opens as an empty library.

use std::io::Read as _;

use darkslide_door::{DoorError, DoorErrorKind, Facts, FileTime, Identity, Kind, LibraryDir};
use darkslide_policy::{Grant, Read, RelPath};

use crate::error::{Damage, LibraryError, Unsupported};
use crate::schema::resource::place;
use crate::schema::{analysis, search};

/// One of the databases that a bundle can have: the library itself is in the first that is there of
/// the first two, the others stand beside it and may be lacking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// `Photos.sqlite`, since Photos 5.
    Current,
    /// `photos.db`: the database of Photos 2 to 4, afterwards a stub.
    Old,
    /// `psi.sqlite`: the search index of Photos 5 to 11.
    Search,
    /// `leo.sqlite`: the search index since then.
    NewSearch,
    /// `mediaanalysis.db`: what the analysis of the pictures found, up to Photos 10.
    Analysis,
    /// `MediaAnalysis.sqlite`: the same since Photos 11.
    NewAnalysis,
}

impl Store {
    pub(crate) fn file_name(self) -> &'static str {
        match self {
            Self::Current => place::STORE,
            Self::Old => place::OLD_STORE,
            Self::Search => search::FILE,
            Self::NewSearch => search::leo::FILE,
            Self::Analysis => analysis::OLD_FILE,
            Self::NewAnalysis => analysis::FILE,
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Current | Self::Old => place::DATABASE,
            Self::Search | Self::NewSearch => search::FOLDER,
            Self::Analysis | Self::NewAnalysis => analysis::FOLDER,
        }
    }

    /// Below the bundle; of the main file where the suffix is empty.
    pub(crate) fn path(self, suffix: &str) -> Result<RelPath, LibraryError> {
        let text = format!("{}/{}{suffix}", self.folder(), self.file_name());
        RelPath::parse(&text).map_err(|_| Unsupported::NotALibrary.into())
    }
}

/// How SQLite opens a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recipe {
    /// With its own locks, and never writing the `-shm`: safe beside a writer.
    Shared,
    /// Without locks, the index of the `-wal` on the heap: only while nobody writes.
    HeapIndex,
    /// The main file alone: only while nobody writes, and only where there is no `-wal`.
    MainFileOnly,
}

impl Recipe {
    pub(crate) fn needs_guard(self) -> bool {
        match self {
            Self::Shared => false,
            Self::HeapIndex | Self::MainFileOnly => true,
        }
    }
}

/// The state of the four files, as a word that `library.info` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    /// No `-wal`, an old-fashioned header.
    Rollback,
    /// `-wal` and `-shm` are there.
    Wal,
    /// The `-wal` is there and holds nothing.
    WalEmpty,
    /// The `-wal` is there without a `-shm`, as in some copies.
    WalWithoutIndex,
    /// The first bytes of the `-wal` are damaged, so that nothing in it counts.
    WalDamaged,
    /// The `-wal` is gone; what it held is lost, if it held anything.
    WalMissing,
}

impl Journal {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rollback => "rollback",
            Self::Wal => "wal",
            Self::WalEmpty => "wal-empty",
            Self::WalWithoutIndex => "wal-without-shm",
            Self::WalDamaged => "wal-damaged",
            Self::WalMissing => "wal-missing",
        }
    }
}

/// What `stat` tells of a database's four files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    pub(crate) main: FileMark,
    pub(crate) wal: Option<FileMark>,
    shm: Option<FileMark>,
    journal: Option<FileMark>,
}

/// What changes when a file is changed or exchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileMark {
    pub(crate) identity: Identity,
    pub(crate) size: u64,
    mtime: FileTime,
    ctime: FileTime,
    kind: Kind,
    mode: u16,
}

impl FileMark {
    fn of(facts: &Facts) -> Self {
        Self {
            identity: facts.identity,
            size: facts.size,
            mtime: facts.mtime,
            ctime: facts.ctime,
            kind: facts.kind,
            mode: facts.mode & 0o777,
        }
    }

    /// Would SQLite change its mode by opening it? It gives an empty `-wal` or `-shm` the mode of
    /// the main file (`robust_open` in its `os_unix.c`), also where it may only read.
    fn tempts_sqlite(&self, main: &Self) -> bool {
        self.size == 0 && self.mode != main.mode
    }

    /// Equal but for the ctime: SQLite under root gives `-wal` and `-shm` the owner that they have
    /// already, which touches that alone. Whoever writes them touches size or mtime.
    pub(crate) fn same_content(&self, other: &Self) -> bool {
        Self { ctime: other.ctime, ..*self } == *other
    }
}

impl Files {
    /// Looks, and sees that each is a regular file: SQLite would wait for ever for a pipe.
    pub(crate) fn look(
        dir: &LibraryDir,
        grant: &Grant<Read>,
        store: Store,
    ) -> Result<Self, LibraryError> {
        let mark = |suffix: &str| mark(dir, grant, store, suffix);
        let main = mark("")?.ok_or(Damage::DatabaseMissing { name: store.file_name() })?;
        let files =
            Self { main, wal: mark("-wal")?, shm: mark("-shm")?, journal: mark("-journal")? };
        let all = [
            ("", Some(files.main)),
            ("-wal", files.wal),
            ("-shm", files.shm),
            ("-journal", files.journal),
        ];
        for (suffix, mark) in all {
            let fits = match mark.map(|it| it.kind) {
                None | Some(Kind::File) => true,
                // A folder in the place of the index does no harm: it is then not used.
                Some(Kind::Folder) => suffix == "-shm",
                Some(Kind::Link | Kind::Other) => false,
            };
            if !fits {
                let name = format!("{}{suffix}", store.file_name());
                return Err(Damage::NotARegularFile { name }.into());
            }
        }
        Ok(files)
    }

    pub(crate) fn same_content(&self, other: &Self) -> bool {
        self.main == other.main
            && same(self.wal, other.wal)
            && same(self.shm, other.shm)
            && same(self.journal, other.journal)
    }

    /// The same files, whatever stands in them: what SQLite's own locks make safe.
    pub(crate) fn same_files(&self, other: &Self) -> bool {
        let one = |mark: Option<FileMark>| mark.map(|it| it.identity);
        self.main.identity == other.main.identity
            && one(self.wal) == one(other.wal)
            && one(self.shm) == one(other.shm)
    }

    /// Is one of the files one of the other database's too, under another name?
    pub(crate) fn share_one_with(&self, other: &Self) -> bool {
        let all = |files: &Self| {
            let more = [files.wal, files.shm, files.journal].map(|it| it.map(|it| it.identity));
            std::iter::once(files.main.identity).chain(more.into_iter().flatten())
        };
        all(self).any(|one| all(other).any(|it| it == one))
    }

    fn has_index(&self) -> bool {
        self.shm.is_some_and(|it| it.kind == Kind::File)
    }
}

/// Two looks at a database that are equal where nothing was written between them.
#[derive(Debug, Clone)]
pub struct Glance {
    main: Option<FileMark>,
    wal: Option<FileMark>,
}

impl Glance {
    /// Looks at the database and its `-wal`; the index beside them moves with readers, too.
    pub(crate) fn take(dir: &LibraryDir, grant: &Grant<Read>) -> Result<Self, LibraryError> {
        let store = find_store(dir, grant)?;
        Ok(Self { main: mark(dir, grant, store, "")?, wal: mark(dir, grant, store, "-wal")? })
    }
}

impl PartialEq for Glance {
    fn eq(&self, other: &Self) -> bool {
        same(self.main, other.main) && same(self.wal, other.wal)
    }
}

fn same(left: Option<FileMark>, right: Option<FileMark>) -> bool {
    match (left, right) {
        (None, None) => true,
        (Some(left), Some(right)) => left.same_content(&right),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn mark(
    dir: &LibraryDir,
    grant: &Grant<Read>,
    store: Store,
    suffix: &str,
) -> Result<Option<FileMark>, LibraryError> {
    match dir.stat(grant, &store.path(suffix)?) {
        Ok(facts) => Ok(facts.as_ref().map(FileMark::of)),
        Err(error) => Err(not_readable(error, &format!("{}{suffix}", store.file_name()))),
    }
}

/// Which database a bundle has.
///
/// # Errors
/// Unsupported for what is no library of Photos, Damaged where only the database is gone.
pub(crate) fn find_store(dir: &LibraryDir, grant: &Grant<Read>) -> Result<Store, LibraryError> {
    if !dir.still_there().map_err(unavailable)? {
        return Err(LibraryError::Unavailable { source: None });
    }
    for store in [Store::Current, Store::Old] {
        if mark(dir, grant, store, "")?.is_some() {
            return Ok(store);
        }
    }
    for mark in place::IPHOTO_MARKS {
        if is_there(dir, grant, mark)? {
            return Err(Unsupported::IPhoto.into());
        }
    }
    for store in [Store::Current, Store::Old] {
        for suffix in ["-wal", "-shm"] {
            if mark(dir, grant, store, suffix)?.is_some() {
                return Err(Damage::DatabaseMissing { name: store.file_name() }.into());
            }
        }
    }
    // Originals without a database are what remains of a library.
    if is_there(dir, grant, place::ORIGINALS)? && is_there(dir, grant, place::DATABASE)? {
        return Err(Damage::DatabaseMissing { name: place::STORE }.into());
    }
    Err(Unsupported::NotALibrary.into())
}

fn is_there(dir: &LibraryDir, grant: &Grant<Read>, path: &str) -> Result<bool, LibraryError> {
    let Ok(path) = RelPath::parse(path) else {
        return Ok(false);
    };
    match dir.stat(grant, &path) {
        Ok(facts) => Ok(facts.is_some()),
        Err(error) if is_something_else(error.kind()) => Ok(false),
        Err(error) => Err(unavailable(error)),
    }
}

/// Chooses how to open, by the headers too. Only while no SQLite connection to the database lives
/// in this process.
///
/// # Errors
/// Damaged for what is no database, NeedsRecovery for a journal that a crash left.
pub(crate) fn classify(
    dir: &LibraryDir,
    grant: &Grant<Read>,
    store: Store,
    files: &Files,
) -> Result<(Recipe, Journal), LibraryError> {
    let header: Vec<u8> = head(dir, grant, store, "", 100)?;
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return Err(Damage::NotADatabase.into());
    }
    match (header.get(18), header.get(19)) {
        (Some(1), Some(1)) => {
            if files.journal.is_some_and(|it| it.size > 0) {
                return Err(LibraryError::NeedsRecovery);
            }
            return Ok((Recipe::Shared, Journal::Rollback));
        }
        (Some(2), Some(2)) => {}
        _ => return Err(Damage::NotADatabase.into()),
    }
    let Some(wal) = files.wal else {
        return Ok((Recipe::MainFileOnly, Journal::WalMissing));
    };
    if wal.tempts_sqlite(&files.main) {
        return Ok((Recipe::MainFileOnly, Journal::WalEmpty));
    }
    if wal.size >= 32 && !sound_wal_header(&head(dir, grant, store, "-wal", 32)?) {
        return Ok((Recipe::HeapIndex, Journal::WalDamaged));
    }
    if !files.has_index() {
        return Ok((Recipe::HeapIndex, Journal::WalWithoutIndex));
    }
    let journal = if wal.size < 32 { Journal::WalEmpty } else { Journal::Wal };
    if files.shm.is_some_and(|shm| shm.tempts_sqlite(&files.main)) {
        return Ok((Recipe::HeapIndex, journal));
    }
    Ok((Recipe::Shared, journal))
}

fn head(
    dir: &LibraryDir,
    grant: &Grant<Read>,
    store: Store,
    suffix: &str,
    bytes: u64,
) -> Result<Vec<u8>, LibraryError> {
    let name = format!("{}{suffix}", store.file_name());
    let source =
        dir.open_file(grant, &store.path(suffix)?).map_err(|error| not_readable(error, &name))?;
    let mut header = Vec::new();
    let read = source.into_file().take(bytes).read_to_end(&mut header);
    read.map_err(|_| LibraryError::Unavailable { source: None })?;
    Ok(header)
}

/// A header of zeros is that of a `-wal` that was made and never written, and is as good as an
/// empty one.
fn sound_wal_header(header: &[u8]) -> bool {
    if header.iter().all(|byte| *byte == 0) {
        return true;
    }
    let word = |at: usize, big: bool| -> Option<u32> {
        let bytes: [u8; 4] = header.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if big { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    };
    let check = || {
        let magic = word(0, true)?;
        let big = match magic {
            0x377f_0682 => false,
            0x377f_0683 => true,
            _ => return None,
        };
        let mut sums = (0_u32, 0_u32);
        for at in [0, 8, 16] {
            sums.0 = sums.0.wrapping_add(word(at, big)?).wrapping_add(sums.1);
            sums.1 = sums.1.wrapping_add(word(at.checked_add(4)?, big)?).wrapping_add(sums.0);
        }
        let stored = (word(24, true)?, word(28, true)?);
        (word(4, true)? == 3_007_000 && sums == stored).then_some(())
    };
    check().is_some()
}

/// What the door's answer means for a file of the database.
fn not_readable(error: DoorError, name: &str) -> LibraryError {
    if is_something_else(error.kind()) {
        Damage::NotARegularFile { name: name.to_owned() }.into()
    } else {
        unavailable(error)
    }
}

/// Does something stand there that Photos does not put there?
fn is_something_else(kind: DoorErrorKind) -> bool {
    match kind {
        DoorErrorKind::Link | DoorErrorKind::NotAFile | DoorErrorKind::OutsideRoot => true,
        DoorErrorKind::NotFound
        | DoorErrorKind::NotAFolder
        | DoorErrorKind::Exists
        | DoorErrorKind::Permission
        | DoorErrorKind::Protected
        | DoorErrorKind::Elsewhere
        | DoorErrorKind::Unanswered
        | DoorErrorKind::NoSpace
        | DoorErrorKind::ReadOnly
        | DoorErrorKind::Busy
        | DoorErrorKind::Replaced
        | DoorErrorKind::Grant
        | DoorErrorKind::Name
        | DoorErrorKind::Nested
        | DoorErrorKind::ForeignRecord
        | DoorErrorKind::TooMany
        | DoorErrorKind::Io => false,
    }
}

pub(crate) fn unavailable(error: DoorError) -> LibraryError {
    LibraryError::Unavailable { source: Some(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The header of a real `-wal` (page size 4096), with its own checksum.
    fn header() -> Vec<u8> {
        let mut bytes = Vec::new();
        for word in [0x377f_0682_u32, 3_007_000, 4_096, 0, 0x1234_5678, 0x9abc_def0] {
            bytes.extend_from_slice(&word.to_be_bytes());
        }
        let words: Vec<u32> =
            bytes.chunks(4).map(|chunk| u32::from_le_bytes(chunk.try_into().unwrap())).collect();
        let mut sums = (0_u32, 0_u32);
        for pair in words.chunks(2) {
            sums.0 = sums.0.wrapping_add(pair[0]).wrapping_add(sums.1);
            sums.1 = sums.1.wrapping_add(pair[1]).wrapping_add(sums.0);
        }
        bytes.extend_from_slice(&sums.0.to_be_bytes());
        bytes.extend_from_slice(&sums.1.to_be_bytes());
        bytes
    }

    #[test]
    fn a_wal_header_is_sound_or_zero_and_any_changed_byte_is_told() {
        assert!(sound_wal_header(&header()));
        assert!(sound_wal_header(&[0; 32]));
        assert!(!sound_wal_header(&[1; 32]));
        for at in 0..32 {
            let mut damaged = header();
            damaged[at] ^= 0x10;
            assert!(!sound_wal_header(&damaged), "byte {at}");
        }
    }
}
