//! A folder that the policy names, found once at boot and held by its handle from then on.
//!
//! It alone follows links: a person may spell a path through links of their own (`/home` is one on
//! some systems), so boot resolves it, once, and keeps the real path for SQLite, which refuses
//! links, and for error messages. The real path is then walked from `/` without following, and the
//! handles of that walk say where the folder lies. The hazards: a folder on the way exchanged for a
//! link after it was resolved, so that a root opens inside a library; a root that was renamed away.

#![expect(clippy::disallowed_methods, reason = "the door: finds at boot what the policy names")]

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use darkslide_policy::{AbsPath, RelPath};
use rustix::fs::{AtFlags, CWD, FileType};
use rustix::io::Errno;

use crate::beneath::{self, Base, Mount, Want};
use crate::error::{self, Anchor, DoorError, DoorErrorKind};
use crate::facts::{Facts, Identity, Kind};
use crate::fault::{Faults, Lack, Operation};
use crate::reading::Below;

#[derive(Debug)]
pub(crate) struct Pinned {
    anchor: Anchor,
    real_path: AbsPath,
    handle: OwnedFd,
    identity: Identity,
    mount: Mount,
    lineage: Vec<Identity>,
    faults: Faults,
    whole: RelPath,
}

impl Pinned {
    /// Finds the real path, and opens the folder that it names.
    pub(crate) fn open(anchor: Anchor, path: &AbsPath, faults: Faults) -> Result<Self, DoorError> {
        let failed =
            |errno| DoorError::system(Operation::Pin, &anchor, error::absolute(path), errno);
        faults.announce(Operation::Pin).map_err(failed)?;
        let real_path = resolve(path).map_err(failed)?;
        Self::open_resolved(anchor, path, real_path, faults)
    }

    fn open_resolved(
        anchor: Anchor,
        path: &AbsPath,
        real_path: AbsPath,
        faults: Faults,
    ) -> Result<Self, DoorError> {
        let object = error::absolute(path);
        let failed = |errno| DoorError::system(Operation::Pin, &anchor, &object, errno);
        let Walked { handle, identity, lineage } =
            walk(&real_path).map_err(|stop| stop.error(Operation::Pin, &anchor, &object))?;
        let mount = Mount::of(handle.as_fd()).map_err(failed)?;
        Ok(Self {
            anchor,
            real_path,
            handle,
            identity,
            mount,
            lineage,
            faults,
            whole: RelPath::root(),
        })
    }

    pub(crate) fn real_path(&self) -> &AbsPath {
        &self.real_path
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    pub(crate) fn lineage(&self) -> &[Identity] {
        &self.lineage
    }

    pub(crate) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Does one of the two hold the other? Compared by what the folders are, not by how they are
    /// spelt.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        self.lineage.contains(&other.identity) || other.lineage.contains(&self.identity)
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }

    pub(crate) fn below(&self) -> Below<'_> {
        Below {
            base: Base {
                folder: self.handle.as_fd(),
                mount: self.mount,
                walk_only: self.faults.lacks(Lack::Openat2),
            },
            anchor: &self.anchor,
            prefix: &self.whole,
            faults: &self.faults,
        }
    }

    /// Does the path still lead to the folder that is held?
    pub(crate) fn still_there(&self) -> Result<bool, DoorError> {
        let below = self.below();
        below.announce(Operation::Look, &self.whole)?;
        match look(self.real_path.as_str()) {
            Ok(found) => Ok(found == self.identity),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(false),
            Err(errno) => Err(below.failed(Operation::Look, &self.whole, errno)),
        }
    }
}

/// Looks which folder a path of the policy leads to now, links followed as boot follows them; none
/// where nothing is there, or no folder. Nothing is opened.
///
/// # Errors
/// What looking answers where it cannot be told.
pub fn folder_at(path: &AbsPath) -> std::io::Result<Option<Identity>> {
    match rustix::fs::statat(CWD, path.as_str(), AtFlags::empty()) {
        Ok(stat) => {
            let facts = Facts::from_stat(&stat);
            Ok(Some(facts.identity).filter(|_| facts.kind == Kind::Folder))
        }
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}

/// Follows the links in a path that the policy names. A real path that is not one that we take (not
/// text, too deep, with control characters) is answered like one that is too long.
pub(crate) fn resolve(path: &AbsPath) -> Result<AbsPath, Errno> {
    let resolved = std::fs::canonicalize(path.as_str())
        .map_err(|e| Errno::from_io_error(&e).unwrap_or(Errno::IO))?;
    resolved.to_str().and_then(|text| AbsPath::parse(text, None).ok()).ok_or(Errno::NAMETOOLONG)
}

/// A folder that was reached from `/` without following a link.
#[derive(Debug)]
pub(crate) struct Walked {
    /// Opened for reading, since flushing and listing need more than a mere handle.
    pub(crate) handle: OwnedFd,
    identity: Identity,
    /// The folders that were walked, `/` first, the folder itself last.
    pub(crate) lineage: Vec<Identity>,
}

/// Why a walk did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// A link, or no folder, stands where a resolved path has a folder: it was exchanged since, and
    /// is not what the policy's author looked at.
    Exchanged,
    /// What the kernel answers.
    System(Errno),
}

impl Stop {
    pub(crate) fn error(self, operation: Operation, anchor: &Anchor, object: &str) -> DoorError {
        match self {
            Self::Exchanged => {
                DoorError::refused(operation, anchor, object, DoorErrorKind::Replaced)
            }
            Self::System(errno) => DoorError::system(operation, anchor, object, errno),
        }
    }
}

impl From<Errno> for Stop {
    fn from(errno: Errno) -> Self {
        Self::System(errno)
    }
}

/// Walks a real path from `/`, one component after the other, through no link. Where the folder
/// lies is told by the very handles that led to it, never by a second look at the text.
pub(crate) fn walk(real_path: &AbsPath) -> Result<Walked, Stop> {
    let mut at = beneath::open_one(CWD, "/", Want::Parent.flags())?;
    let mut identity = Facts::of_descriptor(&at)?.identity;
    let mut lineage = vec![identity];
    let mut components = real_path.components().peekable();
    while let Some(name) = components.next() {
        let is_last = components.peek().is_none();
        at = match beneath::open_one(at.as_fd(), name, Want::Parent.flags()) {
            // Asked for a folder, the kernel says of a link only that it is none.
            Err(Errno::NOTDIR) => match beneath::kind_of(at.as_fd(), name)? {
                FileType::Symlink | FileType::Directory => return Err(Stop::Exchanged),
                _ if is_last => return Err(Stop::System(Errno::NOTDIR)),
                _ => return Err(Stop::Exchanged),
            },
            Err(Errno::LOOP) => return Err(Stop::Exchanged),
            answer => answer?,
        };
        identity = Facts::of_descriptor(&at)?.identity;
        lineage.push(identity);
    }
    // Of the handle itself: nobody can exchange what `.` is.
    let handle = beneath::open_one(at.as_fd(), ".", Want::Folder.flags())?;
    Ok(Walked { handle, identity, lineage })
}

fn look(text: &str) -> Result<Identity, Errno> {
    let stat = rustix::fs::statat(CWD, text, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(Facts::from_stat(&stat).identity)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make what they look at")]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::symlink;
    use std::path::Path;

    use darkslide_policy::RootName;

    use super::*;

    fn abs(path: &Path) -> AbsPath {
        AbsPath::parse(path.to_str().unwrap(), None).unwrap()
    }

    fn identity_of(path: &Path) -> Identity {
        Facts::of(&File::open(path).unwrap()).unwrap().identity
    }

    /// A root `way/between/root`, and a library with the same names in it; the real path of the
    /// root, as it was before `exchange`.
    fn pin_after(exchange: impl FnOnce(&Path)) -> Result<Pinned, DoorError> {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("way/between/root")).unwrap();
        fs::create_dir_all(at("library/between/root")).unwrap();
        fs::write(at("file"), "").unwrap();
        let real_path = resolve(&abs(&at("way/between/root"))).unwrap();
        exchange(folder.path());
        let anchor = Anchor::Root(RootName::parse("exports").unwrap());
        Pinned::open_resolved(anchor, &real_path, real_path.clone(), Faults::none())
    }

    #[test]
    fn a_folder_on_the_way_that_became_a_link_after_resolving_is_refused() {
        for exchanged in ["way", "way/between", "way/between/root"] {
            let pinned = pin_after(|folder| {
                let planted = exchanged.replacen("way", "library", 1);
                fs::rename(folder.join(exchanged), folder.join("moved")).unwrap();
                symlink(folder.join(planted), folder.join(exchanged)).unwrap();
            });
            let error = pinned.unwrap_err();
            assert_eq!(error.kind(), DoorErrorKind::Replaced, "{exchanged}: {error}");
        }
    }

    #[test]
    fn a_link_that_leads_to_the_very_folder_is_refused_like_any_other() {
        let pinned = pin_after(|folder| {
            fs::rename(folder.join("way"), folder.join("moved")).unwrap();
            symlink("moved", folder.join("way")).unwrap();
        });
        assert_eq!(pinned.unwrap_err().kind(), DoorErrorKind::Replaced);
    }

    #[test]
    fn a_file_on_the_way_was_exchanged_and_a_file_at_the_end_is_no_folder() {
        for (replaced, kind) in [
            ("way/between", DoorErrorKind::Replaced),
            ("way/between/root", DoorErrorKind::NotAFolder),
        ] {
            let pinned = pin_after(|folder| {
                fs::rename(folder.join(replaced), folder.join("moved")).unwrap();
                fs::rename(folder.join("file"), folder.join(replaced)).unwrap();
            });
            assert_eq!(pinned.unwrap_err().kind(), kind, "{replaced}");
        }
    }

    #[test]
    fn the_lineage_names_the_folders_that_were_walked() {
        let pinned = pin_after(|_| {}).unwrap();
        assert_eq!(pinned.lineage().first(), Some(&identity_of(Path::new("/"))));
        assert_eq!(pinned.lineage().last(), Some(&pinned.identity()));
        assert_eq!(Facts::of_descriptor(pinned.handle()).unwrap().identity, pinned.identity());
        // A real folder of the library in the place of one on the way: what is opened lies in the
        // library, and the lineage says so.
        let mut library = None;
        let inside = pin_after(|folder| {
            library = Some(identity_of(&folder.join("library/between")));
            fs::rename(folder.join("way/between"), folder.join("moved")).unwrap();
            fs::rename(folder.join("library/between"), folder.join("way/between")).unwrap();
        });
        assert!(inside.unwrap().lineage().contains(&library.unwrap()));
    }

    #[test]
    fn the_lineage_of_a_folder_is_what_each_of_its_ancestors_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        fs::create_dir_all(&path).unwrap();
        let real_path = resolve(&abs(&path)).unwrap();
        let mut expected: Vec<_> =
            Path::new(real_path.as_str()).ancestors().map(identity_of).collect();
        expected.reverse();
        assert_eq!(walk(&real_path).unwrap().lineage, expected);
    }
}
