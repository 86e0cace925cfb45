//! The folder that a `misbehave` works in, the program itself as a child process, and what became
//! of both.
//!
//! It alone starts programs in this suite, by the paths that cargo hands to the tests of this
//! package. Every child ends by itself: none waits for anything but the kernel. The hazard: an
//! attempt that is answered well and works all the same, so the library and all that lies outside
//! are fingerprinted before and after, times and modes included.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

use tempfile::TempDir;

const MISBEHAVE: &str = env!("CARGO_BIN_EXE_misbehave");
const WITHOUT: &str = env!("CARGO_BIN_EXE_without");
const SIGSYS: i32 = 31;
const SIGABRT: i32 = 6;

/// `library/`, `root/` and `audit/`, which the rules name, and `outside/`, which none does.
pub(crate) struct Base {
    folder: TempDir,
    before: BTreeMap<String, String>,
}

impl Base {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["library", "library/album", "root", "audit", "outside"] {
            fs::create_dir(at(name)).unwrap();
        }
        let files =
            ["library/photo", "library/album/photo", "root/file", "audit/log", "outside/secret"];
        for name in files {
            fs::write(at(name), name).unwrap();
        }
        if let Some(plug) = some_shared_object() {
            fs::copy(plug, at("library/plug.so")).unwrap();
        }
        let before = fingerprint(folder.path());
        Self { folder, before }
    }

    /// Says what changed in the library or outside; `None`: nothing.
    pub(crate) fn change(&self) -> Option<String> {
        let after = fingerprint(self.folder.path());
        (after != self.before).then(|| format!("changed from {:?} to {after:?}", self.before))
    }
}

/// Name, kind, mode, owner, links, size, times and content of all that no attempt may change.
fn fingerprint(base: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut waiting = vec![base.join("library"), base.join("outside")];
    while let Some(path) = waiting.pop() {
        let about = fs::symlink_metadata(&path).unwrap();
        let (mut content, mut modified) = (String::new(), (about.mtime(), about.mtime_nsec()));
        if about.is_dir() {
            waiting.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            content = format!("content {:x}", hash(&fs::read(&path).unwrap_or_default()));
        }
        // The child makes its own socket there before it is confined.
        if path.ends_with("outside") {
            modified = (0, 0);
        }
        if path.ends_with("outside/s") {
            continue;
        }
        let owner = (about.uid(), about.gid(), about.nlink());
        let name = path.strip_prefix(base).unwrap().display().to_string();
        found.insert(name, format!("{:o} {owner:?} {modified:?} {content}", about.mode()));
    }
    found
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

/// The C library that this very program uses, as an example of code in a file.
fn some_shared_object() -> Option<String> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    let path = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .find(|path| path.contains("libc.so"));
    path.map(str::to_owned)
}

/// What became of one child.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It made the attempt; a word for each thread: `works`, or the errno.
    Answered(Vec<String>),
    /// The filter ended it (`SIGSYS`).
    Killed,
    /// It ended itself (`SIGABRT`).
    Aborted,
    /// It did not get as far, or ended in another way.
    Failed(String),
}

impl Outcome {
    fn of(output: &Output) -> Self {
        let told = String::from_utf8_lossy(&output.stdout);
        match (output.status.code(), output.status.signal()) {
            (Some(0), _) => Self::Answered(told.lines().map(str::to_owned).collect()),
            (None, Some(SIGSYS)) => Self::Killed,
            (None, Some(SIGABRT)) => Self::Aborted,
            _ => Self::Failed(format!(
                "{}: {}",
                output.status,
                String::from_utf8_lossy(&output.stderr)
            )),
        }
    }

    pub(crate) fn failed_with(&self, text: &str) -> bool {
        match self {
            Self::Failed(told) => told.contains(text),
            Self::Answered(_) | Self::Killed | Self::Aborted => false,
        }
    }
}

/// Makes one attempt in the production confinement.
pub(crate) fn run(base: &Base, options: &[&str], attempt: &str) -> Outcome {
    Outcome::of(&output(Command::new(MISBEHAVE), base, options, attempt))
}

/// The same where the kernel lacks something.
pub(crate) fn run_without(base: &Base, way: &str, options: &[&str], attempt: &str) -> Outcome {
    Outcome::of(&output(without(way), base, options, attempt))
}

/// What the child says to be in force.
pub(crate) fn report(base: &Base, options: &[&str]) -> String {
    stderr(&output(Command::new(MISBEHAVE), base, options, "nothing"))
}

/// The same where the kernel lacks something.
pub(crate) fn report_without(base: &Base, way: &str, options: &[&str]) -> String {
    stderr(&output(without(way), base, options, "nothing"))
}

/// All attempts that the program knows.
pub(crate) fn names(base: &Base) -> BTreeSet<String> {
    let output = output(Command::new(MISBEHAVE), base, &[], "--list");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// Returns whether this kernel can confine at all; says so, once, where it can not.
pub(crate) fn can_confine() -> bool {
    static CAN: OnceLock<bool> = OnceLock::new();
    *CAN.get_or_init(|| {
        let outcome = run(&Base::new(), &[], "nothing");
        let can = !outcome.failed_with("the file system cannot be closed");
        if !can {
            darkslide_tests::shared::skip(&format!("this kernel can not confine: {outcome:?}"));
        }
        can
    })
}

fn without(way: &str) -> Command {
    let mut command = Command::new(WITHOUT);
    command.args([way, "--", MISBEHAVE]);
    command
}

fn output(mut command: Command, base: &Base, options: &[&str], attempt: &str) -> Output {
    let socket = base.folder.path().join("outside/s");
    // Left over from the attempt before, which used the same base.
    if socket.exists() {
        fs::remove_file(socket).unwrap();
    }
    command.args(options).arg(base.folder.path()).arg(attempt);
    command.env_clear().output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
