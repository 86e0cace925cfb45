//! The state folder: found, made where it is missing, checked and opened before confinement.
//!
//! It must be ours alone, like the socket's folder, for what lies in it has exports go on. A link
//! at its place that is our own and leads straight to a folder of ours is followed, once (systemd
//! makes such links); any other is refused. From then on its folders are handles. Here alone files
//! of the audit log are removed, the oldest. The hazard: a folder that somebody else can write is a
//! way to have this daemon export what nobody here asked for.

#![expect(clippy::disallowed_methods, reason = "boot: makes the state folder and opens it")]

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use darkslide_door::{AuditDir, StateDir, random_name};
use darkslide_policy::{AbsPath, RelPath, Uid};

use crate::audit::{Log, Start};
use crate::boot::{BootError, owned, world};

/// The folders in it.
const JOBS: &str = "jobs";
const AUDIT: &str = "audit";
const OURS_ALONE: u32 = 0o700;

/// What the daemon keeps, opened.
#[derive(Debug)]
pub(super) struct State {
    pub(super) jobs: StateDir,
    pub(super) start: Start,
    pub(super) log: Log,
    /// Where the folders really are.
    pub(super) paths: [AbsPath; 2],
}

/// Opens the folders of the jobs and of the audit log below `place`; of the log's files the last
/// `keep` stay.
///
/// # Errors
/// [`BootError::Unsafe`], [`BootError::InTheWay`], [`BootError::StateInUse`],
/// [`BootError::System`].
pub(super) fn open(place: &AbsPath, uid: Uid, keep: usize) -> Result<State, BootError> {
    make(place, uid)?;
    let folder = follow_own_link(place, uid)?;
    owned::check_folder(&folder, uid)?;
    let (handle, jobs) = folder_in(&folder, JOBS, uid)?;
    let state = StateDir::take(handle).map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => BootError::StateInUse(folder.to_string()),
        _ => system("lock", jobs.as_str(), source),
    })?;
    let (handle, audit) = folder_in(&folder, AUDIT, uid)?;
    let handle = AuditDir::new(handle);
    let unread = |source| system("read the audit log in", audit.as_str(), source);
    let numbers = handle.files().map_err(unread)?;
    remove_oldest(&audit, &numbers, keep)?;
    if let Some(newest) = numbers.last() {
        check_newest(&audit, *newest, uid)?;
    }
    let start = Start::new(random_name().as_str().to_owned());
    let log = Log::open(handle, &start.when()).map_err(unread)?;
    Ok(State { jobs: state, start, log, paths: [jobs, audit] })
}

/// Opens the folder of an audit log for whoever only reads it: in that state folder, or in the one
/// that a daemon of this user would have.
///
/// # Errors
/// [`BootError::System`] where there is none, [`BootError::NoHome`], [`BootError::Path`].
pub(crate) fn audit_folder(state: Option<&str>) -> Result<AuditDir, BootError> {
    let world = world::world()?;
    let state = match state {
        Some(text) => world::path(text, &world)?,
        None => world::state_folder(&world)?,
    };
    let folder = RelPath::parse(AUDIT)
        .and_then(|name| state.join(&name))
        .map_err(|source| BootError::Path { path: state.to_string(), source })?;
    open_folder(&folder).map(AuditDir::new)
}

fn folder_in(state: &AbsPath, name: &str, uid: Uid) -> Result<(OwnedFd, AbsPath), BootError> {
    let folder = RelPath::parse(name)
        .and_then(|name| state.join(&name))
        .map_err(|source| BootError::Path { path: state.to_string(), source })?;
    make_one(Path::new(folder.as_str()))?;
    owned::check_folder(&folder, uid)?;
    Ok((open_folder(&folder)?, folder))
}

/// Removes the oldest files of the log, so that as many are left as are kept. Once confined nobody
/// can: so much more may be written until the next start.
fn remove_oldest(audit: &AbsPath, numbers: &[u32], keep: usize) -> Result<(), BootError> {
    let too_many = numbers.len().saturating_sub(keep);
    for number in numbers.iter().take(too_many) {
        let path = Path::new(audit.as_str()).join(AuditDir::name(*number));
        match fs::remove_file(&path) {
            // A disk that is read-only, or files that root lets grow and nothing else: too many
            // files are no reason not to serve.
            Err(error) if is_not_allowed(&error) => {
                let error = error.to_string();
                tracing::warn!(?error, "old files of the audit log cannot be removed");
                return Ok(());
            }
            Err(source) => return Err(system("remove", &path.display().to_string(), source)),
            Ok(()) => {}
        }
    }
    Ok(())
}

fn is_not_allowed(error: &io::Error) -> bool {
    [io::ErrorKind::ReadOnlyFilesystem, io::ErrorKind::PermissionDenied].contains(&error.kind())
}

/// What stands in the place of the newest file: it is what is read, and written to.
fn check_newest(audit: &AbsPath, number: u32, uid: Uid) -> Result<(), BootError> {
    let path = Path::new(audit.as_str()).join(AuditDir::name(number));
    let shown = path.display().to_string();
    let facts = fs::symlink_metadata(&path).map_err(|source| system("look at", &shown, source))?;
    let in_the_way = |problem: &str| {
        Err(BootError::InTheWay { path: shown.clone(), problem: problem.to_owned() })
    };
    if !facts.is_file() {
        return in_the_way("is not a regular file");
    }
    if !owned::is_ours(&facts, uid) {
        return in_the_way("is somebody else's");
    }
    Ok(())
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

    const KEEP: usize = 3;

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
        let held = open(&state, own(), KEEP).unwrap();
        let paths = ["jobs", "audit"].map(|it| place(&folder, &format!("a/b/darkslide/{it}")));
        assert_eq!(held.paths, paths);
        let made = ["a", "a/b", "a/b/darkslide", "a/b/darkslide/jobs", "a/b/darkslide/audit"];
        for below in made {
            assert_eq!(mode(&place(&folder, below)), 0o700, "{below}");
        }
        assert!(matches!(open(&state, own(), KEEP), Err(BootError::StateInUse(_))));
        drop(held);
        assert!(open(&state, own(), KEEP).is_ok());
    }

    #[test]
    fn what_others_can_write_is_refused() {
        for below in ["state", "state/jobs", "state/audit"] {
            let folder = tempfile::tempdir().unwrap();
            let state = place(&folder, "state");
            drop(open(&state, own(), KEEP).unwrap());
            let open_to_all = fs::Permissions::from_mode(0o777);
            fs::set_permissions(place(&folder, below).as_str(), open_to_all).unwrap();
            assert!(matches!(open(&state, own(), KEEP), Err(BootError::Unsafe { .. })), "{below}");
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
        let held = open(&place(&folder, "once"), own(), KEEP).unwrap();
        assert_eq!(held.paths[0], place(&folder, "real/jobs"));
        drop(held);
        for link in ["twice", "dangling", "to-file", "file"] {
            assert!(open(&place(&folder, link), own(), KEEP).is_err(), "{link}");
        }
        let stranger = Uid::new(own().get() + 1);
        if own().get() != 0 {
            assert!(open(&place(&folder, "once"), stranger, KEEP).is_err());
        }
        fs::remove_dir(at("real/jobs")).unwrap();
        symlink("..", at("real/jobs")).unwrap();
        assert!(open(&place(&folder, "real"), own(), KEEP).is_err(), "no link below it");
    }

    /// L05.
    #[test]
    fn what_is_no_file_of_ours_in_the_place_of_the_audit_log_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let state = place(&folder, "state");
        drop(open(&state, own(), KEEP).unwrap());
        let audit = place(&folder, "state/audit").to_string();
        let newest = place(&folder, "state/audit/00000007.jsonl").to_string();
        let refused = || matches!(open(&state, own(), KEEP), Err(BootError::InTheWay { .. }));
        let mode = nix::sys::stat::Mode::S_IRUSR | nix::sys::stat::Mode::S_IWUSR;
        nix::unistd::mkfifo(newest.as_str(), mode).unwrap();
        assert!(refused(), "a pipe");
        fs::remove_file(&newest).unwrap();
        fs::write(place(&folder, "target").as_str(), "").unwrap();
        symlink(place(&folder, "target").as_str(), &newest).unwrap();
        assert!(refused(), "a link");
        fs::remove_file(&newest).unwrap();
        fs::create_dir(&newest).unwrap();
        assert!(refused(), "a folder");
        fs::remove_dir(&newest).unwrap();
        fs::remove_dir(&audit).unwrap();
        fs::create_dir(place(&folder, "other").as_str()).unwrap();
        symlink(place(&folder, "other").as_str(), &audit).unwrap();
        assert!(refused(), "a link in the place of the folder");
        fs::remove_file(&audit).unwrap();
        assert!(open(&state, own(), KEEP).is_ok());
    }

    #[test]
    fn the_oldest_files_of_the_audit_log_go_at_start_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let state = place(&folder, "state");
        drop(open(&state, own(), KEEP).unwrap());
        let audit = place(&folder, "state/audit").to_string();
        let at = |number| Path::new(&audit).join(AuditDir::name(number));
        for number in 5..5 + u32::try_from(KEEP).unwrap() {
            fs::write(at(number), "").unwrap();
        }
        fs::write(Path::new(&audit).join("notes.txt"), "").unwrap();
        drop(open(&state, own(), KEEP).unwrap());
        assert!(at(5).exists(), "at the limit");
        fs::write(at(500), "").unwrap();
        drop(open(&state, own(), KEEP).unwrap());
        assert!(!at(5).exists() && at(6).exists() && at(500).exists());
        (1_000..1_500).for_each(|number| fs::write(at(number), "").unwrap());
        drop(open(&state, own(), KEEP).unwrap());
        let left = fs::read_dir(&audit).unwrap().count();
        assert_eq!(left, KEEP + 1, "and what is not of the log");
    }
}
