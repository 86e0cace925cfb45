//! Both libraries of a plan, opened under one grant.
//!
//! Grants come from the policy's own `decide`, with what it withholds written as a policy writes
//! it.

use std::path::{Path, PathBuf};

use darkslide_door::LibraryDir;
use darkslide_fixture::Model;
use darkslide_library::Library;
use darkslide_policy::{
    AbsPath, Ask, Gid, Grant, LibraryName, Peer, Platform, Policy, Read, ReadScope, Uid, World,
};
use darkslide_protocol::value::Uuid;

use super::plan::{By, MARK, Plan, Withheld};
use crate::opened::Opened;

impl Withheld {
    pub(super) const ALL: [Self; 5] =
        [Self::Hidden, Self::Trashed, Self::Albums, Self::Location, Self::Referenced];

    /// What such a grant shows.
    pub(super) fn scope(self, by: By) -> ReadScope {
        self.grant(by, Path::new("/disk")).covers().clone()
    }

    /// The grant by which it is withheld.
    fn grant(self, by: By, folder: &Path) -> Grant<Read> {
        let (library, rule) = self.keys(by, folder);
        let text = format!(
            "version = 1\n[library.main]\npath = \"/library\"\n{library}[[client]]\nname = \"me\"\n\
             uid = \"self\"\nlibraries = [\"main\"]\nroots = []\nmethods = [\"*\"]\n{rule}"
        );
        let home = AbsPath::parse("/home/me", None).unwrap();
        let world =
            World { home, uid: Uid::new(7), methods: Vec::new(), platform: Platform::Linux };
        let peer = Peer::new(Uid::new(7), Gid::new(7), None);
        let ask = Ask::<Read>::new("asset.query", LibraryName::parse("main").unwrap());
        Policy::parse(&text, &world).unwrap().decide(&peer, &ask).unwrap()
    }
}

/// The two libraries.
pub(super) struct Pair {
    _temp: tempfile::TempDir,
    withheld: Withheld,
    folder: PathBuf,
    with: PathBuf,
    without: PathBuf,
    /// Every asset of the first, those that are withheld at the end.
    pub(super) assets: Vec<Uuid>,
}

impl Pair {
    pub(super) fn of(model: Model, withheld: Withheld) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let below = temp.path().canonicalize().unwrap();
        let folder = below.join(format!("{MARK} disk"));
        Plan { withheld, has: true, folder: &folder }.make_folder();
        let (with, without) = (below.join("With"), below.join("Without"));
        let [with, without] = [(with, true), (without, false)].map(|(place, has)| {
            std::fs::create_dir(&place).unwrap();
            let bundle = place.join("L.photoslibrary");
            let built = Plan { withheld, has, folder: &folder }.build(model, &bundle);
            let uuids = built.assets().iter().map(|it| Uuid::parse(it.uuid()).unwrap());
            (bundle, uuids.collect::<Vec<Uuid>>())
        });
        let (with, assets) = with;
        Self { _temp: temp, withheld, folder, with, without: without.0, assets }
    }

    /// Where the first is.
    pub(super) fn bundle(&self) -> &Path {
        &self.with
    }

    pub(super) fn with(&self, by: By) -> Opened {
        self.open(&self.with, by)
    }

    pub(super) fn without(&self, by: By) -> Opened {
        self.open(&self.without, by)
    }

    fn open(&self, bundle: &Path, by: By) -> Opened {
        let path = |path: &Path| AbsPath::parse(path.to_str().unwrap(), None).unwrap();
        let mut dir = LibraryDir::open(LibraryName::parse("main").unwrap(), &path(bundle)).unwrap();
        dir.add_referenced(path(&self.folder));
        let grant = self.withheld.grant(by, &self.folder);
        Opened { library: Library::keeping(dir), grant }
    }
}
