//! Opening a library for a test: its folder, a grant for it, and the reader.
//!
//! Grants come from the policy's own `decide`, for there is no other way to get one. A library that
//! a test may change is a copy.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use darkslide_door::{Faults, LibraryDir};
use darkslide_fixture::Snapshot;
use darkslide_library::{CatalogEntry, Deadline, Library, LibraryError, Needs, Records};
use darkslide_policy::{
    AbsPath, Ask, Gid, Grant, LibraryName, Peer, Platform, Policy, Read, Uid, World,
};
use darkslide_protocol::message::record::Asset;
use darkslide_protocol::value::Uuid;

#[path = "../../../../tests/src/shared.rs"]
mod shared;

pub(crate) use shared::{skip, slow_wanted};

/// An open library and a grant of it.
pub(crate) struct Opened {
    pub(crate) library: Library,
    pub(crate) grant: Grant<Read>,
}

impl Opened {
    /// Opens a bundle with a grant that shows everything.
    pub(crate) fn all(bundle: &Path) -> Self {
        Self::with(bundle, true, true)
    }

    /// The same, for many questions: a connection is kept between them.
    pub(crate) fn keeping(bundle: &Path) -> Self {
        let Self { library, grant } = Self::all(bundle);
        drop(library);
        let path = AbsPath::parse(bundle.to_str().unwrap(), None).unwrap();
        let dir = LibraryDir::open(LibraryName::parse("main").unwrap(), &path).unwrap();
        Self { library: Library::keeping(dir), grant }
    }

    pub(crate) fn with(bundle: &Path, hidden: bool, trashed: bool) -> Self {
        Self::of(bundle, Faults::none(), hidden, trashed)
    }

    /// The same as [`Opened::all`], and something goes wrong.
    pub(crate) fn failing(bundle: &Path, faults: Faults) -> Self {
        Self::of(bundle, faults, true, true)
    }

    fn of(bundle: &Path, faults: Faults, hidden: bool, trashed: bool) -> Self {
        let path = AbsPath::parse(bundle.to_str().unwrap(), None).unwrap();
        let name = LibraryName::parse("main").unwrap();
        let dir = LibraryDir::open_with_faults(name, &path, faults).unwrap();
        Self { library: Library::new(dir), grant: grant(&path, hidden, trashed) }
    }
}

fn grant(path: &AbsPath, hidden: bool, trashed: bool) -> Grant<Read> {
    let text = format!(
        "version = 1\n[library.main]\npath = \"/library\"\nhidden = {hidden}\ntrashed = {trashed}\n\
         [[client]]\nname = \"me\"\nuid = \"self\"\nlibraries = [\"main\"]\nroots = []\nmethods = [\"*\"]\n"
    );
    let world = World {
        home: path.clone(),
        uid: Uid::new(7),
        methods: Vec::new(),
        platform: Platform::Linux,
    };
    let policy = Policy::parse(&text, &world).unwrap();
    let peer = Peer::new(Uid::new(7), Gid::new(7), None);
    let ask = Ask::<Read>::new("asset.query", LibraryName::parse("main").unwrap());
    policy.decide(&peer, &ask).unwrap()
}

/// Assets of an answer, as a client reads them.
pub(crate) fn read(records: &Records) -> Vec<Asset> {
    serde_json::from_slice(records.json()).unwrap()
}

/// The name of an asset that a client read.
pub(crate) fn uuid_of(asset: &Asset) -> Uuid {
    Uuid::parse(&asset.uuid).unwrap()
}

/// All that the catalog has, with everything that can be asked for.
pub(crate) fn catalog(opened: &Opened) -> Result<Vec<CatalogEntry>, LibraryError> {
    catalog_until(opened, &never())
}

pub(crate) fn catalog_until(
    opened: &Opened,
    limit: &Deadline,
) -> Result<Vec<CatalogEntry>, LibraryError> {
    let needs = Needs { albums: true, description: true, camera: true, place: true };
    let keep = |kept: &mut Vec<_>, entry: &CatalogEntry| kept.push(entry.clone());
    let mut kept = opened.library.catalog(&opened.grant, needs, limit, Vec::new, keep)?.found;
    kept.sort_by(|one, other| one.uuid.cmp(&other.uuid));
    Ok(kept)
}

pub(crate) fn never() -> Deadline {
    Deadline::never()
}

/// The unpacked real libraries; none, with a word on stderr, where they are not at hand.
pub(crate) fn real() -> Option<&'static Path> {
    static UNPACKED: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = UNPACKED.get_or_init(|| {
        let shared = shared::shared_folder()?;
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real-libraries");
        let done = Command::new(shared.join("libraries/unpack")).arg(&folder).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        Some(folder)
    });
    if folder.is_none() {
        skip("the real libraries are not beside the workspace");
    }
    folder.as_deref()
}

/// Where the expected results are.
pub(crate) fn expected() -> PathBuf {
    shared::shared_folder().unwrap().join("expected")
}

/// The names of the real libraries of Photos 5 and later.
pub(crate) const MODERN: &[&str] = &[
    "Test-10.15.7",
    "Test-10.16.0.1",
    "Test-13.0.0",
    "Test-14.6.0",
    "Test-15.4.1",
    "Test-26.1",
    "Test-Cloud-13.1",
    "Test-Empty-Library-Ventura-13-5",
    "Test-Media-Types-15.7.2",
    "Test-Movie-5_0",
    "Test-Places-Catalina-10_15_1",
    "Test-RAW-10.15.1",
    "Test-Screen-Recording-12.0.1",
    "Test-Shared-10.15.1",
    "TestTimeWarp-13.6.9",
];

/// Those of Photos 3 and 4.
pub(crate) const OLD: &[&str] = &["Test-10.13.6", "Test-10.14.6"];

/// The names of the real libraries that can be read.
pub(crate) fn readable() -> impl Iterator<Item = &'static str> {
    MODERN.iter().chain(OLD).copied()
}

pub(crate) fn bundle(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.photoslibrary"))
}

/// Compares the unpacked libraries with their archives, in another process.
pub(crate) fn verify_bytes(folder: &Path) {
    let unpack = shared::shared_folder().unwrap().join("libraries/unpack");
    let done = Command::new(unpack).arg("--verify").arg(folder).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
}

/// Copies the database of a bundle (no photos) to a fresh bundle below a temporary folder.
pub(crate) fn copy_database(bundle: &Path, below: &Path) -> PathBuf {
    let copy = below.join("Copy.photoslibrary");
    let database = copy.join("database");
    std::fs::create_dir_all(&database).unwrap();
    for entry in std::fs::read_dir(bundle.join("database")).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), database.join(entry.file_name())).unwrap();
        }
    }
    copy
}

/// What differs. Under root SQLite gives `-wal` and `-shm` the owner that they have, which moves
/// their change time; under any other uid nothing moves.
pub(crate) fn changes(before: &Snapshot, bundle: &Path) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    let is_root = std::fs::metadata(bundle).unwrap().uid() == 0;
    let after = Snapshot::take(bundle).unwrap();
    let difference = before.diff(&after);
    let forgiven = |line: &&String| !(is_root && line.contains("touched"));
    difference.lines().iter().filter(forgiven).cloned().collect()
}

/// An ordinary connection to a database of our own, quick instead of durable.
pub(crate) fn writable(path: impl AsRef<Path>) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA synchronous=OFF").unwrap();
    connection
}
