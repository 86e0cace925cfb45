//! What these tests share: a folder with a library, a root and something outside, and grants for
//! them.
//!
//! Grants come from the policy's own `decide`, for there is no other way to get one. Everything
//! lies below a temporary folder that goes with the test.

use std::fs;
use std::path::{Path, PathBuf};

use darkslide_door::{
    DoorError, DoorErrorKind, Faults, LibraryDir, Lock, RootDir, TAKEN_OVER_AFTER, Way, random_name,
};
use darkslide_policy::{
    AbsPath, Ask, Component, Destination, Gid, Grant, LibraryName, Peer, Platform, Policy, Read,
    RelPath, RootName, Uid, World, Write,
};

/// The uid of a peer that is granted no folder of referenced originals.
pub(crate) const NARROWED: u32 = 1001;

/// A temporary folder: `L` is a library, `R` a root, `outside` neither.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    policy: Policy,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["L/originals", "R", "outside"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let text = format!(
            r#"
            version = 1
            [library.main]
            path = "{0}/L"
            referenced = ["{0}/Raw", "{0}/Raw/2019"]
            [library.other]
            path = "{0}/L2"
            [root.exports]
            path = "{0}/R"
            file_mode = "0640"
            dir_mode = "0777"
            [root.other]
            path = "{0}/R2"
            [[client]]
            name = "me"
            uid = "self"
            libraries = ["main", "other"]
            roots = ["exports", "other"]
            methods = ["*"]
            [[client]]
            name = "narrowed"
            uid = 1001
            libraries = ["main"]
            referenced = false
            methods = ["*"]
            "#,
            folder.path().to_str().unwrap()
        );
        let world = World {
            home: abs(Path::new("/nowhere")),
            uid: Uid::new(1000),
            methods: Vec::new(),
            platform: Platform::Linux,
        };
        let policy = Policy::parse(&text, &world).unwrap();
        Self { folder, policy }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub(crate) fn read(&self, library: &str) -> Grant<Read> {
        self.read_as(1000, library)
    }

    pub(crate) fn read_as(&self, uid: u32, library: &str) -> Grant<Read> {
        let library = LibraryName::parse(library).unwrap();
        let ask = Ask::new("asset.query", library);
        self.policy.decide(&peer(uid), &ask).unwrap()
    }

    pub(crate) fn write(&self, root: &str, path: &str) -> Grant<Write> {
        let to = Destination::Named { root: RootName::parse(root).unwrap(), path: rel(path) };
        let ask = Ask::new("export.start", to);
        self.policy.decide(&peer(1000), &ask).unwrap()
    }

    pub(crate) fn library(&self, faults: Faults) -> LibraryDir {
        let name = LibraryName::parse("main").unwrap();
        LibraryDir::open_with_faults(name, &abs(&self.path("L")), faults).unwrap()
    }

    pub(crate) fn root(&self, faults: Faults) -> RootDir {
        RootDir::open(exports(), &abs(&self.path("R")), faults).unwrap()
    }

    /// The names in a folder, sorted.
    pub(crate) fn names(&self, below: &str) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.path(below))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn exports() -> RootName {
    RootName::parse("exports").unwrap()
}

pub(crate) fn abs(path: &Path) -> AbsPath {
    AbsPath::parse(path.to_str().unwrap(), None).unwrap()
}

pub(crate) fn rel(path: &str) -> RelPath {
    if path == "." { RelPath::root() } else { RelPath::parse(path).unwrap() }
}

pub(crate) fn one(name: &str) -> Component {
    Component::parse(name).unwrap()
}

/// Makes a temporary file with a content; answers its name and which one it is.
pub(crate) fn temporary(
    destination: &darkslide_door::Destination<'_>,
    content: &str,
) -> (Component, darkslide_door::Identity) {
    use std::io::Write as _;
    let name = random_name();
    let mut file = destination.create_temporary(&name).unwrap();
    file.write_all(content.as_bytes()).unwrap();
    let facts = destination.finish(&name, &file, None).unwrap();
    (name, facts.identity)
}

/// File systems from rich to poor, and how each gives a name without replacing.
pub(crate) fn disks() -> [(Faults, Way); 5] {
    let ignoring = Faults::flags_ignored;
    let exfat = Faults::without_exclusive_rename()
        .and(Faults::without_exchange())
        .and(Faults::without_links())
        .and(Faults::without_syncfs())
        .and(Faults::without_flock());
    [
        (Faults::none(), Way::Renamed),
        (Faults::without_exclusive_rename(), Way::Linked),
        (ignoring(), Way::Linked),
        (ignoring().and(Faults::without_links()), Way::OverPlaceholder),
        (exfat, Way::OverPlaceholder),
    ]
}

/// Takes the lock; one that a killed job left on a disk without locks is taken over.
pub(crate) fn lock<'d>(
    destination: &'d darkslide_door::Destination<'_>,
) -> Result<Lock<'d>, DoorError> {
    match destination.lock() {
        Err(busy) if busy.kind() == DoorErrorKind::Busy => match destination.last_beat()? {
            Some(beat) => destination.take_over(&beat, TAKEN_OVER_AFTER),
            None => Err(busy),
        },
        answer => answer,
    }
}

#[track_caller]
pub(crate) fn refused<T: std::fmt::Debug>(answer: Result<T, DoorError>, kind: DoorErrorKind) {
    let error = answer.unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
}

fn peer(uid: u32) -> Peer {
    Peer::new(Uid::new(uid), Gid::new(uid), None)
}
