//! What the tests of this crate share: grants, built libraries, connections of their own.
//!
//! Grants come from the policy's own `decide`, for there is no other way to get one. Compiled for
//! tests only.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use darkslide_door::LibraryDir;
use darkslide_policy::{
    AbsPath, Ask, Gid, Grant, LibraryName, Peer, Platform, Policy, Read, Uid, World,
};

use crate::db::Stop;
use crate::deadline::Deadline;
use crate::error::LibraryError;
use crate::idle::Known;
use crate::session::{Place, Session};

#[path = "../../../tests/src/shared.rs"]
pub(crate) mod shared;

pub(crate) struct Asked {
    _temp: tempfile::TempDir,
    pub(crate) dir: LibraryDir,
    pub(crate) grant: Grant<Read>,
    known: Known,
}

impl Asked {
    pub(crate) fn new(build: impl FnOnce(&Path)) -> Self {
        Self::named("main", build)
    }

    pub(crate) fn named(name: &str, build: impl FnOnce(&Path)) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let bundle = temp.path().join("S.photoslibrary");
        build(&bundle);
        let path = AbsPath::parse(bundle.to_str().unwrap(), None).unwrap();
        let name = LibraryName::parse(name).unwrap();
        let text = format!(
            "version = 1\n[library.{name}]\npath = \"/library\"\nhidden = true\ntrashed = true\n\
             [[client]]\nname = \"me\"\nuid = \"self\"\nlibraries = [\"{name}\"]\nroots = []\nmethods = [\"*\"]\n"
        );
        let world = World {
            home: path.clone(),
            uid: Uid::new(7),
            methods: Vec::new(),
            platform: Platform::Linux,
        };
        let peer = Peer::new(Uid::new(7), Gid::new(7), None);
        let ask = Ask::<Read>::new("asset.query", name.clone());
        let grant = Policy::parse(&text, &world).unwrap().decide(&peer, &ask).unwrap();
        Self {
            _temp: temp,
            dir: LibraryDir::open(name, &path).unwrap(),
            grant,
            known: Known::default(),
        }
    }

    pub(crate) fn ask<T>(
        &self,
        work: impl Fn(&Session<'_>) -> Result<T, Stop>,
    ) -> Result<T, LibraryError> {
        let limit = Deadline::never();
        let place = Place { dir: &self.dir, grant: &self.grant, limit: &limit, known: &self.known };
        place.ask(work)
    }
}
