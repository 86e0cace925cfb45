//! The state folder: found, made where it is missing, checked and opened before confinement.
//!
//! It must be ours alone, like the socket's folder, for what lies in it has exports go on. A link
//! at its place that is our own and leads straight to a folder of ours is followed, once (systemd
//! makes such links); any other is refused. From then on it is a handle. The hazard: a folder that
//! somebody else can write is a way to have this daemon export what nobody here asked for.

#![expect(clippy::disallowed_methods, reason = "boot: makes the state folder and opens it")]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use darkslide_door::StateDir;
use darkslide_policy::{AbsPath, RelPath, Uid};

use crate::boot::{BootError, owned};

/// The folder of the jobs in it.
const JOBS: &str = "jobs";
const OURS_ALONE: u32 = 0o700;

/// Opens the folder of the jobs below `place`; answers also where it really is.
///
/// # Errors
/// [`BootError::Unsafe`], [`BootError::InTheWay`], [`BootError::StateInUse`],
/// [`BootError::System`].
pub(super) fn open(place: &AbsPath, uid: Uid) -> Result<(StateDir, AbsPath), BootError> {
    make(place, uid)?;
    let folder = follow_own_link(place, uid)?;
    owned::check_folder(&folder, uid)?;
    let jobs = RelPath::parse(JOBS)
        .and_then(|jobs| folder.join(&jobs))
        .map_err(|source| BootError::Path { path: folder.to_string(), source })?;
    make_one(Path::new(jobs.as_str()))?;
    owned::check_folder(&jobs, uid)?;
    let handle = open_folder(&jobs)?;
    match StateDir::take(handle) {
        Ok(state) => Ok((state, jobs)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            Err(BootError::StateInUse(folder.to_string()))
        }
        Err(source) => Err(system("lock", jobs.as_str(), source)),
    }
}

/// Makes what is missing on the way, once it is known that nobody else can put something there.
fn make(place: &AbsPath, uid: Uid) -> Result<(), BootError> {
    let path = Path::new(place.as_str());
    let missing: Vec<&Path> =
        path.ancestors().take_while(|folder| fs::symlink_metadata(folder).is_err()).collect();
    if let Some(outermost) = missing.last().and_then(|folder| folder.to_str()) {
        let outermost = AbsPath::parse(outermost, None)
            .map_err(|source| BootError::Path { path: outermost.to_owned(), source })?;
        owned::check_way(&outermost, uid)?;
    }
    missing.iter().rev().try_for_each(|folder| make_one(folder))
}

fn make_one(folder: &Path) -> Result<(), BootError> {
    match DirBuilder::new().mode(OURS_ALONE).create(folder) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(system("make", &folder.display().to_string(), source))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

fn follow_own_link(place: &AbsPath, uid: Uid) -> Result<AbsPath, BootError> {
    let failed = |source| system("look at", place.as_str(), source);
    let path = Path::new(place.as_str());
    let facts = fs::symlink_metadata(path).map_err(failed)?;
    if !facts.is_symlink() {
        return Ok(place.clone());
    }
    let refused = |problem: &str| {
        let problem = problem.to_owned();
        Err(BootError::InTheWay { path: place.to_string(), problem })
    };
    if !owned::is_ours(&facts, uid) {
        return refused("is a link of somebody else");
    }
    let target = fs::read_link(path).map_err(failed)?;
    let next = path.parent().unwrap_or(path).join(target);
    if !fs::symlink_metadata(&next).map_err(failed)?.is_dir() {
        return refused("is a link that leads to no folder, or to another link");
    }
    owned::check_way(place, uid)?;
    let real = fs::canonicalize(path).map_err(failed)?;
    let real = real.to_string_lossy();
    AbsPath::parse(&real, None)
        .map_err(|source| BootError::Path { path: real.into_owned(), source })
}

fn open_folder(folder: &AbsPath) -> Result<OwnedFd, BootError> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::DIRECTORY;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let opened: io::Result<File> =
        OpenOptions::new().read(true).custom_flags(flags).open(folder.as_str());
    opened.map(OwnedFd::from).map_err(|source| system("open", folder.as_str(), source))
}

fn system(action: &'static str, path: &str, source: io::Error) -> BootError {
    BootError::System { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn own() -> Uid {
        Uid::new(rustix::process::getuid().as_raw())
    }

    fn place(folder: &tempfile::TempDir, below: &str) -> AbsPath {
        let path = folder.path().canonicalize().unwrap().join(below);
        AbsPath::parse(path.to_str().unwrap(), None).unwrap()
    }

    fn mode(path: &AbsPath) -> u32 {
        fs::metadata(path.as_str()).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_missing_is_made_for_us_alone_and_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let state = place(&folder, "a/b/darkslide");
        let (held, jobs) = open(&state, own()).unwrap();
        assert_eq!(jobs, place(&folder, "a/b/darkslide/jobs"));
        for below in ["a", "a/b", "a/b/darkslide", "a/b/darkslide/jobs"] {
            assert_eq!(mode(&place(&folder, below)), 0o700, "{below}");
        }
        assert!(matches!(open(&state, own()), Err(BootError::StateInUse(_))));
        drop(held);
        assert!(open(&state, own()).is_ok());
    }

    #[test]
    fn what_others_can_write_is_refused() {
        for below in ["state", "state/jobs"] {
            let folder = tempfile::tempdir().unwrap();
            let state = place(&folder, "state");
            drop(open(&state, own()).unwrap());
            let open_to_all = fs::Permissions::from_mode(0o777);
            fs::set_permissions(place(&folder, below).as_str(), open_to_all).unwrap();
            assert!(matches!(open(&state, own()), Err(BootError::Unsafe { .. })), "{below}");
        }
    }

    #[test]
    fn our_own_link_is_followed_once_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let at = |below: &str| place(&folder, below).to_string();
        fs::create_dir(at("real")).unwrap();
        symlink("real", at("once")).unwrap();
        symlink("once", at("twice")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        fs::write(at("file"), "").unwrap();
        symlink("file", at("to-file")).unwrap();
        let (held, jobs) = open(&place(&folder, "once"), own()).unwrap();
        assert_eq!(jobs, place(&folder, "real/jobs"));
        drop(held);
        for link in ["twice", "dangling", "to-file", "file"] {
            assert!(open(&place(&folder, link), own()).is_err(), "{link}");
        }
        let stranger = Uid::new(own().get() + 1);
        if own().get() != 0 {
            assert!(open(&place(&folder, "once"), stranger).is_err());
        }
        fs::remove_dir(at("real/jobs")).unwrap();
        symlink("..", at("real/jobs")).unwrap();
        assert!(open(&place(&folder, "real"), own()).is_err(), "no link below it");
    }
}
