//! A library, a root, and one call that exports from the one to the other.
//!
//! Grants come from the policy, as everywhere. A bench removes what it made when it is dropped.
//! Nothing here knows how an export works; it sees trees, reports and errors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use darkslide_door::{Faults, LibraryDir, RootDir};
use darkslide_export::{
    By, Clock, ExportError, JobInput, MaxDelete, Outcome, Progress, PruneInput, Quota, ReportRow,
    Sizes, Spec, Stop, Summary, held_beside, held_bytes, prune_in_batches, read_report,
    run_in_batches, verify,
};
use darkslide_fixture::{BuiltLibrary, LibraryBuilder, Model, Snapshot};
use darkslide_library::{Deadline, Library};
use darkslide_policy::{
    AbsPath, Ask, Component, Destination, Gid, LibraryName, Peer, Platform, Policy, Read, RelPath,
    RootName, Strictness, Uid, World, Write,
};
use serde_json::Value;

pub(crate) use crate::contents::{digests, one_of_each, present};

#[path = "../../../../tests/src/shared.rs"]
pub(crate) mod shared;

/// The job's name in most tests.
pub(crate) const JOB: &str = "0123456789abcdef0123456789abcdef";

/// A library and a root.
pub(crate) struct Bench {
    _folder: Option<tempfile::TempDir>,
    pub(crate) bundle: PathBuf,
    pub(crate) root: PathBuf,
    /// Who may do what; where it is none, everything of the library but what lies outside it.
    pub(crate) policy: Option<Policy>,
    /// A folder outside the library, in which it has photos.
    pub(crate) outside: Option<PathBuf>,
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
    /// What the root may hold.
    pub(crate) max_bytes: Option<u64>,
    /// Where it is none, one that stands but for what this job waits for.
    pub(crate) clock: Option<&'a dyn Clock>,
}

/// One prune of many.
pub(crate) struct Pruning<'a> {
    pub(crate) job: &'a str,
    pub(crate) plan: Option<&'a str>,
    pub(crate) max_delete: MaxDelete,
    pub(crate) narrowed: bool,
    pub(crate) faults: Faults,
    pub(crate) sizes: Sizes,
}

impl Default for Pruning<'_> {
    fn default() -> Self {
        Self {
            job: JOB,
            plan: None,
            max_delete: MaxDelete::Percent(100),
            narrowed: false,
            faults: Faults::none(),
            sizes: Sizes::default(),
        }
    }
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
            max_bytes: None,
            clock: None,
        }
    }
}

/// Writes a file of the record as we would have, whatever the umask of whoever runs this.
pub(crate) fn plant(path: PathBuf, content: impl AsRef<[u8]>) -> std::io::Result<()> {
    std::fs::write(&path, content)?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
}

/// A clock that stands but for what is waited for.
#[derive(Default)]
pub(crate) struct Waited(Mutex<Duration>);

impl Clock for Waited {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn wait(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

/// Rows of a report, and where the next page begins.
pub(crate) type PageOfRows = (Vec<ReportRow>, Option<u64>);

impl Bench {
    pub(crate) fn new() -> Self {
        Self::in_folder(tempfile::tempdir().unwrap())
    }

    /// In memory where there is such a place, for runs in their hundreds: there a flush costs
    /// nothing. With the slower suites wanted it is the disk.
    pub(crate) fn in_memory() -> Self {
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
        Self { _folder: Some(folder), ..Self::at(&bundle, &root) }
    }

    /// One with a root of its own, and a library that another one keeps.
    pub(crate) fn beside(bundle: &Path) -> Self {
        Self { bundle: bundle.to_owned(), ..Self::in_memory() }
    }

    /// One that another process made, and will remove.
    pub(crate) fn at(bundle: &Path, root: &Path) -> Self {
        let (bundle, root) = (bundle.to_owned(), root.to_owned());
        Self { _folder: None, bundle, root, policy: None, outside: None }
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
        let library = self.library();
        let root = self.root(&it.faults);
        let to = Destination::Named { root: root.name().clone(), path: below(it.path) };
        let write = policy.decide(&peer(), &Ask::<Write>::new("export.start", to)).unwrap();
        let name = LibraryName::parse("library").unwrap();
        let read = policy.decide(&peer(), &Ask::<Read>::new("export.start", name)).unwrap();
        let destination = root.enter(&write)?;
        let others: &(dyn Fn() -> Result<u64, ExportError> + Sync) =
            &|| self.held_beside(&below(it.path));
        let waited = Waited::default();
        let job = JobInput {
            library: &library,
            read: &read,
            destination: &destination,
            spec: &it.spec,
            job: it.job,
            day: &Component::parse("2024-05-31").unwrap(),
            limit: &Deadline::never(),
            quota: it.max_bytes.map(|limit| Quota { limit, others }),
            workers: it.workers,
            on_thread_start: || {},
            clock: it.clock.unwrap_or(&waited),
        };
        run_in_batches(&job, told, it.stop, it.sizes)
    }

    /// What other destinations of the root hold, as a service counts it.
    pub(crate) fn held_beside(&self, own: &RelPath) -> Result<u64, ExportError> {
        let root = self.root(&Faults::none());
        let grant = |path| {
            let to = Destination::Named { root: root.name().clone(), path };
            self.policy().decide(&peer(), &Ask::<Write>::new("x", to)).unwrap()
        };
        let held = &mut |path| {
            let grant = grant(path);
            held_bytes(&root.enter_existing(&grant)?.unwrap(), &|| Stop::GoOn)
        };
        let top = grant(RelPath::root());
        held_beside(&root.enter(&top)?, own, held, &|| Stop::GoOn)
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

    /// Verifies the root as whoever has no library would: every row, in the order in which it is
    /// said.
    pub(crate) fn verify(&self, by: By, faults: &Faults) -> Result<Vec<ReportRow>, ExportError> {
        let mut rows = Vec::new();
        self.with_root(faults, |destination| {
            let mut say = |row| {
                rows.push(row);
                Ok(())
            };
            let told = verify(destination, by, &Told::default(), &|| Stop::GoOn, &mut say)?;
            assert_eq!(told.values().sum::<u64>(), rows.len() as u64);
            Ok(())
        })?;
        Ok(rows)
    }

    /// Does something with the root as a destination.
    pub(crate) fn with_root<T>(
        &self,
        faults: &Faults,
        work: impl FnOnce(&darkslide_door::Destination<'_>) -> Result<T, ExportError>,
    ) -> Result<T, ExportError> {
        let root = self.root(faults);
        let to = Destination::Named { root: root.name().clone(), path: RelPath::root() };
        let write = self.policy().decide(&peer(), &Ask::<Write>::new("x", to)).unwrap();
        work(&root.enter(&write)?)
    }

    /// Prunes, or plans to.
    pub(crate) fn prune(&self, it: Pruning<'_>) -> Result<Summary, ExportError> {
        let name = LibraryName::parse("library").unwrap();
        let library = Library::new(LibraryDir::open(name.clone(), &abs(&self.bundle)).unwrap());
        let policy = if it.narrowed { self.narrowed_policy() } else { self.policy() };
        let read = policy.decide(&peer(), &Ask::<Read>::new("export.prune", name)).unwrap();
        self.with_root(&it.faults, |destination| {
            let job = PruneInput {
                library: &library,
                read: &read,
                destination,
                job: it.job,
                day: &Component::parse("2024-05-31").unwrap(),
                limit: &Deadline::never(),
                max_delete: it.max_delete,
                plan: it.plan,
                clock: &Waited::default(),
            };
            prune_in_batches(&job, &Told::default(), &|| Stop::GoOn, it.sizes)
        })
    }

    /// One that shows neither hidden nor trashed assets.
    fn narrowed_policy(&self) -> Policy {
        let text = format!(
            "version = 1\n[library.library]\npath = {:?}\n[[client]]\nname = \"me\"\n\
             uid = \"self\"\nlibraries = [\"library\"]\nroots = []\nmethods = [\"*\"]\n",
            self.bundle
        );
        let world = World {
            home: abs(&self.root),
            uid: Uid::new(7),
            methods: Vec::new(),
            platform: Platform::Linux,
        };
        Policy::parse(&text, &world).unwrap()
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

    /// The record is settled, and no folder is without a file.
    pub(crate) fn assert_settled(&self) {
        self.assert_record_settled();
        assert_no_empty_folder(&self.root);
    }

    /// No temporary file, nothing aside, no journal, and the digests that the manifest knows.
    pub(crate) fn assert_record_settled(&self) {
        for folder in ["tmp", "aside"] {
            let left: Vec<_> = std::fs::read_dir(self.record(folder)).unwrap().collect();
            assert!(left.is_empty(), "{folder}: {left:?}");
        }
        assert!(!self.record("journal.jsonl").exists());
        assert!(!self.record("manifest.jsonl.new").exists());
        assert!(!self.record("B3SUMS.new").exists());
        self.assert_sums();
    }

    /// Names here have nothing that `b3sum` escapes.
    fn assert_sums(&self) {
        let Ok(manifest) = std::fs::read_to_string(self.record("manifest.jsonl")) else {
            return;
        };
        let lines = manifest.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let sums = lines.filter_map(|line| {
            let (digest, path) = (line["file"]["blake3"].as_str()?, line["file"]["path"].as_str()?);
            Some(format!("{digest}  {path}\n"))
        });
        let written = std::fs::read_to_string(self.record("B3SUMS")).unwrap();
        assert_eq!(written, sums.collect::<String>());
    }

    pub(crate) fn policy(&self) -> Policy {
        if let Some(policy) = &self.policy {
            return policy.clone();
        }
        let (library, root) = (abs(&self.bundle), abs(&self.root));
        Policy::private(library, Some(root), Strictness::Required, Uid::new(7)).unwrap()
    }

    pub(crate) fn library(&self) -> Library {
        let name = LibraryName::parse("library").unwrap();
        let mut library = LibraryDir::open(name, &abs(&self.bundle)).unwrap();
        if let Some(outside) = &self.outside {
            library.add_referenced(abs(outside));
        }
        Library::new(library)
    }

    pub(crate) fn root(&self, faults: &Faults) -> RootDir {
        let name = RootName::parse("destination").unwrap();
        RootDir::open(name, &abs(&self.root), faults.clone()).unwrap()
    }
}

pub(crate) fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) {
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

pub(crate) fn peer() -> Peer {
    Peer::new(Uid::new(7), Gid::new(7), None)
}

pub(crate) fn abs(path: &Path) -> AbsPath {
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

    fn outcome(&self, row: &ReportRow) {
        *self.outcomes.lock().unwrap().entry(row.outcome).or_default() += 1;
    }
}

/// Does something whenever a piece was copied.
pub(crate) struct OnPiece<F>(pub(crate) F);

impl<F: Fn() + Sync> Progress for OnPiece<F> {
    fn planned(&self, _: u64, _: u64, _: u64) {}

    fn bytes(&self, _: u64) {
        (self.0)();
    }

    fn outcome(&self, _: &ReportRow) {}
}

/// Outcome -> number, as a summary has it.
pub(crate) fn outcomes<const N: usize>(counts: [(Outcome, u64); N]) -> BTreeMap<Outcome, u64> {
    counts.into_iter().collect()
}

pub(crate) fn snapshot(bench: &Bench) -> Snapshot {
    Snapshot::take(&bench.bundle).unwrap()
}
