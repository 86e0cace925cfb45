//! A library, a root, and one call that exports from the one to the other.
//!
//! Grants come from the policy, as everywhere. A bench removes what it made when it is dropped.
//! Nothing here knows how an export works; it sees trees, reports and errors.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use darkslide_door::{Faults, LibraryDir, RootDir};
use darkslide_export::{
    ExportError, JobInput, Outcome, Progress, ReportRow, Sizes, Spec, Stop, Summary, read_report,
    run_in_batches,
};
use darkslide_fixture::{
    AlbumSpec, AssetSpec, BuiltLibrary, Content, FolderSpec, LibraryBuilder, Model, Snapshot,
};
use darkslide_library::{Deadline, Library};
use darkslide_policy::{
    AbsPath, Ask, Component, Destination, Gid, LibraryName, Peer, Policy, Read, RelPath, RootName,
    Strictness, Uid, Write,
};

#[path = "../../../../tests/src/shared.rs"]
pub(crate) mod shared;

/// The job's name in most tests.
pub(crate) const JOB: &str = "0123456789abcdef0123456789abcdef";

/// A library and a root.
pub(crate) struct Bench {
    _folder: Option<tempfile::TempDir>,
    pub(crate) bundle: PathBuf,
    pub(crate) root: PathBuf,
}

/// One export of many.
pub(crate) struct Run<'a> {
    pub(crate) spec: Spec,
    pub(crate) faults: Faults,
    pub(crate) path: &'a str,
    pub(crate) job: &'a str,
    pub(crate) stop: &'a (dyn Fn() -> Stop + Sync),
    pub(crate) workers: usize,
    pub(crate) sizes: Sizes,
}

impl Default for Run<'_> {
    fn default() -> Self {
        Self {
            spec: Spec::everything(),
            faults: Faults::none(),
            path: "",
            job: JOB,
            stop: &|| Stop::GoOn,
            workers: 2,
            sizes: Sizes::default(),
        }
    }
}

/// Writes a file of the record as we would have, whatever the umask of whoever runs this.
pub(crate) fn plant(path: PathBuf, content: impl AsRef<[u8]>) -> std::io::Result<()> {
    std::fs::write(&path, content)?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

/// Rows of a report, and where the next page begins.
pub(crate) type PageOfRows = (Vec<ReportRow>, Option<u64>);

impl Bench {
    pub(crate) fn new() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap())
    }

    /// In memory where there is such a place, for runs in their hundreds: there a flush costs
    /// nothing. With the slower suites wanted it is the disk.
    fn in_memory() -> Self {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() && !shared::slow_wanted() {
            Self::in_folder(tempfile::tempdir_in(memory).unwrap())
        } else {
            Self::new()
        }
    }

    pub(crate) fn in_folder(folder: tempfile::TempDir) -> Self {
        let bundle = folder.path().join("Test.photoslibrary");
        let root = folder.path().join("root");
        std::fs::create_dir(&root).unwrap();
        Self { _folder: Some(folder), bundle, root }
    }

    /// One with a root of its own, and a library that another one keeps.
    pub(crate) fn beside(bundle: &Path) -> Self {
        Self { bundle: bundle.to_owned(), ..Self::in_memory() }
    }

    /// One that another process made, and will remove.
    pub(crate) fn at(bundle: &Path, root: &Path) -> Self {
        Self { _folder: None, bundle: bundle.to_owned(), root: root.to_owned() }
    }

    pub(crate) fn with(build: impl FnOnce(&mut LibraryBuilder)) -> (Self, BuiltLibrary) {
        let bench = Self::new();
        let built = bench.rebuild(build);
        (bench, built)
    }

    /// Builds the library, in the place of the one that is there.
    pub(crate) fn rebuild(&self, build: impl FnOnce(&mut LibraryBuilder)) -> BuiltLibrary {
        if self.bundle.exists() {
            std::fs::remove_dir_all(&self.bundle).unwrap();
        }
        let mut library = LibraryBuilder::new(Model::Photos11);
        build(&mut library);
        library.build(&self.bundle).unwrap()
    }

    pub(crate) fn export(&self) -> Summary {
        self.run(Run::default()).unwrap()
    }

    pub(crate) fn run(&self, it: Run<'_>) -> Result<Summary, ExportError> {
        self.run_told(it, &Told::default())
    }

    pub(crate) fn run_told(
        &self,
        it: Run<'_>,
        told: &dyn Progress,
    ) -> Result<Summary, ExportError> {
        let policy = self.policy();
        let library = LibraryDir::open(LibraryName::parse("library").unwrap(), &abs(&self.bundle));
        let library = Library::new(library.unwrap());
        let root = self.root(&it.faults);
        let to = Destination::Named { root: root.name().clone(), path: below(it.path) };
        let write = policy.decide(&peer(), &Ask::<Write>::new("export.start", to)).unwrap();
        let name = LibraryName::parse("library").unwrap();
        let read = policy.decide(&peer(), &Ask::<Read>::new("export.start", name)).unwrap();
        let destination = root.enter(&write)?;
        let job = JobInput {
            library: &library,
            read: &read,
            destination: &destination,
            spec: &it.spec,
            job: it.job,
            day: &Component::parse("2024-05-31").unwrap(),
            limit: &Deadline::never(),
            workers: it.workers,
            on_thread_start: || {},
        };
        run_in_batches(&job, told, it.stop, it.sizes)
    }

    /// Reads the report of the last job.
    pub(crate) fn report(&self) -> Vec<ReportRow> {
        self.report_page(JOB, 0, 10_000, false).unwrap().0
    }

    pub(crate) fn report_page(
        &self,
        job: &str,
        after: u64,
        limit: usize,
        undone: bool,
    ) -> Option<PageOfRows> {
        self.report_until(&|| false, job, after, limit, undone).unwrap()
    }

    /// The same, and the time may be over.
    pub(crate) fn report_until(
        &self,
        is_over: &dyn Fn() -> bool,
        job: &str,
        after: u64,
        limit: usize,
        undone: bool,
    ) -> Result<Option<PageOfRows>, ExportError> {
        let policy = self.policy();
        let root = self.root(&Faults::none());
        let to = Destination::Named { root: root.name().clone(), path: RelPath::root() };
        let write = policy.decide(&peer(), &Ask::<Write>::new("job.report", to)).unwrap();
        let destination = root.enter(&write).unwrap();
        let page = read_report(&destination, job, after, limit, undone, is_over)?;
        Ok(page.map(|page| (page.rows, page.next)))
    }

    /// The one row of a resource.
    pub(crate) fn reported(&self, original_filename: &str, version: &str) -> ReportRow {
        let report = self.report().into_iter();
        let mut rows = report
            .filter(|row| row.original_filename == original_filename && row.version == version);
        let row = rows.next().unwrap_or_else(|| panic!("{original_filename}"));
        assert_eq!(rows.next(), None);
        row
    }

    /// Every file below the root that is not the record's: path -> content.
    pub(crate) fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.root, "", &mut files);
        files.retain(|path, _| !path.starts_with(".darkslide/"));
        files
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.tree().into_keys().collect()
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.root.join(below)
    }

    pub(crate) fn record(&self, below: &str) -> PathBuf {
        self.root.join(".darkslide").join(below)
    }

    /// No temporary file, nothing aside, no journal, and no folder without a file.
    pub(crate) fn assert_settled(&self) {
        for folder in ["tmp", "aside"] {
            let left: Vec<_> = std::fs::read_dir(self.record(folder)).unwrap().collect();
            assert!(left.is_empty(), "{folder}: {left:?}");
        }
        assert!(!self.record("journal.jsonl").exists());
        assert!(!self.record("manifest.jsonl.new").exists());
        assert_no_empty_folder(&self.root);
    }

    fn policy(&self) -> Policy {
        let (library, root) = (abs(&self.bundle), abs(&self.root));
        Policy::private(library, Some(root), Strictness::Required, Uid::new(7)).unwrap()
    }

    fn root(&self, faults: &Faults) -> RootDir {
        let name = RootName::parse("destination").unwrap();
        RootDir::open(name, &abs(&self.root), faults.clone()).unwrap()
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else if entry.file_type().unwrap().is_file() {
            files.insert(path, std::fs::read(entry.path()).unwrap());
        }
    }
}

fn assert_no_empty_folder(folder: &Path) {
    let mut empty = true;
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        empty = false;
        if entry.file_type().unwrap().is_dir() && entry.file_name() != ".darkslide" {
            assert_no_empty_folder(&entry.path());
        }
    }
    assert!(!empty, "{} has no file", folder.display());
}

fn peer() -> Peer {
    Peer { uid: Uid::new(7), gid: Gid::new(7), pid: None }
}

fn abs(path: &Path) -> AbsPath {
    AbsPath::parse(path.to_str().unwrap(), None).unwrap()
}

fn below(path: &str) -> RelPath {
    if path.is_empty() { RelPath::root() } else { RelPath::parse(path).unwrap() }
}

/// What the job told while it ran.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) planned: Mutex<Option<(u64, u64, u64)>>,
    pub(crate) bytes: Mutex<u64>,
    pub(crate) outcomes: Mutex<BTreeMap<Outcome, u64>>,
}

impl Progress for Told {
    fn planned(&self, selected: u64, files: u64, bytes: u64) {
        *self.planned.lock().unwrap() = Some((selected, files, bytes));
    }

    fn bytes(&self, bytes: u64) {
        *self.bytes.lock().unwrap() += bytes;
    }

    fn outcome(&self, outcome: Outcome) {
        *self.outcomes.lock().unwrap().entry(outcome).or_default() += 1;
    }
}

/// Does something whenever a piece was copied.
pub(crate) struct OnPiece<F>(pub(crate) F);

impl<F: Fn() + Sync> Progress for OnPiece<F> {
    fn planned(&self, _: u64, _: u64, _: u64) {}

    fn bytes(&self, _: u64) {
        (self.0)();
    }

    fn outcome(&self, _: Outcome) {}
}

/// Outcome -> number, as a summary has it.
pub(crate) fn outcomes<const N: usize>(counts: [(Outcome, u64); N]) -> BTreeMap<Outcome, u64> {
    counts.into_iter().collect()
}

/// The digests of all contents of a tree.
pub(crate) fn digests(tree: &BTreeMap<String, Vec<u8>>) -> BTreeSet<String> {
    let contents = tree.values();
    contents.map(|bytes| blake3::hash(bytes).to_hex().to_string()).collect()
}

/// The digests of all files that a library really has, those of an export at least.
pub(crate) fn present(built: &BuiltLibrary) -> BTreeSet<String> {
    let files = built.assets().iter().flat_map(|asset| asset.files());
    files
        .filter(|file| file.present() && is_exported(file.version()))
        .map(|file| file.blake3())
        .collect()
}

fn is_exported(version: darkslide_fixture::Version) -> bool {
    use darkslide_fixture::Version;
    match version {
        Version::Original
        | Version::Edited
        | Version::LiveVideo
        | Version::EditedLiveVideo
        | Version::Raw => true,
        Version::Aae | Version::OriginalAae | Version::Preview => false,
    }
}

pub(crate) fn snapshot(bench: &Bench) -> Snapshot {
    Snapshot::take(&bench.bundle).unwrap()
}

/// One of each: still, edit, live photo, RAW pair, film, missing original, two of one name.
pub(crate) fn one_of_each(library: &mut LibraryBuilder) {
    let day = |spec: AssetSpec, day| spec.taken_on(2024, 5, day);
    let still = library.asset(day(AssetSpec::photo("IMG_1.JPG", Content::jpeg(1)), 1));
    let edited = AssetSpec::photo("IMG_2.HEIC", Content::heic(2)).edited(Content::jpeg(3));
    let edited = library.asset(day(edited, 2));
    let live = AssetSpec::photo("IMG_3.HEIC", Content::heic(4)).live(Content::mov(5));
    library.asset(day(live, 3));
    let pair = AssetSpec::photo("IMG_4.JPG", Content::jpeg(6)).raw(Content::cr2(7));
    library.asset(day(pair, 4));
    library.asset(day(AssetSpec::movie("clip.MOV", Content::mov(8)), 5));
    let missing = AssetSpec::photo("IMG_6.JPG", Content::jpeg(9));
    library.asset(day(missing, 6).in_cloud(darkslide_fixture::Version::Original));
    library.asset(day(AssetSpec::photo("IMG_7.JPG", Content::jpeg(10)), 7));
    library.asset(day(AssetSpec::photo("img_7.jpg", Content::jpeg(11)), 7));
    let trips = library.folder(FolderSpec::new("Trips"));
    let album = AlbumSpec::new("Summer").within(trips);
    library.album(album.members([still, edited]));
}
