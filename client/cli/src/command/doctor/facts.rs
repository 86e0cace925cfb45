//! Gathers what the disk, the environment and small programs say: every fact that the links are
//! judged by, and no judgement.
//!
//! It alone of the doctor looks at paths, and it only looks: `stat`, lists of folders, the list of
//! mounts, a few lines of the jobs' files. It makes nothing, opens no library and asks daemons
//! nothing (`said` does). What it lists is bounded, for a folder may be anybody's.

#![expect(clippy::disallowed_methods, reason = "the doctor's eyes: looks at paths and variables")]

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use darkslide_client::place::{self, PlaceError};
use rustix::fs::{Access, StatVfsMountFlags};
use serde::Deserialize;

use super::manager::{self, Answer};
use super::program::{self, Daemon};
use super::spot::{Kind, Seen, Spot};
use super::{roots, shell, space, tool};
use crate::daemon_side::{self, FoundPolicy, PolicyFault, PolicyFlaw};

/// Entries of a folder that are looked at.
const MAX_ENTRIES: usize = 1_000;

/// Libraries that are named beside one that is not there.
const MAX_NEARBY: usize = 5;

/// Bytes of a job's file that its format is looked for in.
const MAX_JOB_BYTES: u64 = 256 * 1024;

/// The newest format of a job's file that this version knows.
const JOB_FORMAT: u64 = 1;

/// What says where things are.
#[derive(Debug)]
pub(super) struct Around {
    /// The home folder.
    pub(super) home: PathBuf,
    /// Who we are.
    pub(super) uid: u32,
    /// Where the socket should be.
    pub(super) socket: Result<PathBuf, PlaceError>,
    /// Is that another place than a daemon takes by itself?
    is_named: bool,
}

/// Looks at the environment; `socket` as the command line says.
pub(super) fn around(socket: Option<&Path>) -> Around {
    let home = env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    let is_set = env::var_os(place::SOCKET_VARIABLE).is_some_and(|value| !value.is_empty());
    let named = socket.map(|socket| std::path::absolute(socket).unwrap_or(socket.to_owned()));
    Around {
        home: home.unwrap_or_else(|| PathBuf::from("/")),
        uid: rustix::process::geteuid().as_raw(),
        is_named: named.is_some() || is_set,
        socket: named.map_or_else(place::default_socket, Ok),
    }
}

/// The line that starts a daemon by hand at that place, or by its manager.
pub(super) fn start_line(
    around: &Around,
    daemon: &Daemon,
    manager: &manager::Facts,
    policy: Option<&Path>,
) -> String {
    let is_usual = !around.is_named && policy.is_none();
    if manager.files.0 == manager.files.1 && manager.answer == Answer::Active && is_usual {
        return "darkslide service start".to_owned();
    }
    let program = match daemon {
        Daemon::Version(path, _) | Daemon::Mute(path) if !is_on_path(path) => shell::word(path),
        Daemon::Version(..) | Daemon::Mute(_) | Daemon::Missing => "darkslided".to_owned(),
    };
    let mut line = program;
    if let (true, Ok(socket)) = (around.is_named, &around.socket) {
        line += &format!(" --socket {}", shell::word(socket));
    }
    if let Some(policy) = policy {
        line += &format!(" --policy {}", shell::word(policy));
    }
    line + " &"
}

fn is_on_path(program: &Path) -> bool {
    search("darkslided").as_deref() == Some(program)
}

fn search(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let mut all = env::split_paths(&path).filter(|folder| folder.is_absolute());
    all.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()))
}

/// The programs.
pub(super) async fn program() -> program::Facts {
    let path = env::current_exe().unwrap_or_default();
    let beside = path.with_file_name("darkslided");
    let found = if beside.is_file() { Some(beside) } else { search("darkslided") };
    let daemon = match found {
        None => Daemon::Missing,
        Some(daemon) => match tool::ask(&daemon, &["--version".as_ref()]).await {
            Some((true, said)) => {
                let version = said.rsplit(' ').next().unwrap_or_default().to_owned();
                Daemon::Version(daemon, version)
            }
            Some((false, _)) | None => Daemon::Mute(daemon),
        },
    };
    program::Facts { path, version: env!("CARGO_PKG_VERSION").to_owned(), daemon, started_by: None }
}

/// The service manager.
pub(super) async fn manager(around: &Around) -> manager::Facts {
    let home = &around.home;
    if cfg!(target_os = "macos") {
        let agent = home.join("Library/LaunchAgents/darkslide.darkslided.plist");
        let name = format!("gui/{}/darkslide.darkslided", around.uid);
        let asked: [&OsStr; 2] = ["print".as_ref(), name.as_ref()];
        let answer = match tool::ask(Path::new("/bin/launchctl"), &asked).await {
            Some((true, _)) => Answer::Active,
            Some((false, _)) => Answer::Not("not loaded".to_owned()),
            None => Answer::NoManager,
        };
        let files = (usize::from(agent.is_file()), 1);
        return manager::Facts { kind: manager::Kind::Launchd, files, answer, serves: false };
    }
    let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.filter(|it| it.is_absolute()).unwrap_or_else(|| home.join(".config"));
    let units = ["darkslided.socket", "darkslided.service"];
    let is_there = |unit: &&&str| config.join("systemd/user").join(unit).is_file();
    let files = (units.iter().filter(is_there).count(), units.len());
    let asked: [&OsStr; 3] = ["--user".as_ref(), "is-active".as_ref(), units[0].as_ref()];
    let said = match files.0 {
        0 => None,
        _ => tool::ask(Path::new("systemctl"), &asked).await,
    };
    // Where it reaches no manager it says nothing on stdout.
    let answer = match said {
        Some((true, _)) => Answer::Active,
        Some((false, word)) if !word.is_empty() => Answer::Not(word),
        Some((false, _)) | None => Answer::NoManager,
    };
    manager::Facts { kind: manager::Kind::Systemd, files, answer, serves: false }
}

/// The policy, as a daemon would find it.
pub(super) fn policy(file: Option<&Path>, around: &Around) -> Result<FoundPolicy, PolicyFault> {
    let named = file.map(|file| file.to_string_lossy());
    let mut found = daemon_side::find_policy(named.as_deref());
    // Of a file of ours only the mode is to be changed.
    if let Err(fault) = &mut found
        && let PolicyFlaw::OpenToOthers { path } = &fault.flaw
        && let Spot::There(seen) = spot(Path::new(path))
        && (seen.owner == around.uid || seen.owner == 0)
    {
        fault.flaw = PolicyFlaw::Writable { path: path.clone() };
    }
    found
}

/// When a daemon was started that has run for so long by now.
pub(super) fn started(uptime: Duration) -> Option<SystemTime> {
    SystemTime::now().checked_sub(uptime)
}

/// Was a file written after that?
pub(super) fn is_newer(file: &Path, started: SystemTime) -> bool {
    let written = fs::symlink_metadata(file).and_then(|found| found.modified());
    written.is_ok_and(|written| written > started)
}

/// What stands at a path; no link is followed.
pub(super) fn spot(path: &Path) -> Spot {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if is_absence(&error) => return Spot::Absent,
        Err(error) => return Spot::Refused(error.raw_os_error().unwrap_or_default()),
    };
    let kind = match found.file_type() {
        kind if kind.is_dir() => Kind::Folder,
        kind if kind.is_symlink() => Kind::Link,
        _ => Kind::Other,
    };
    // A folder is listed, not only asked for: on a Mac the right to the disk shows nowhere else.
    let read = match kind {
        Kind::Folder => fs::read_dir(path).map(drop),
        Kind::Link | Kind::Other => Ok(()),
    };
    let enter = rustix::fs::access(path, Access::READ_OK | Access::EXEC_OK);
    let errno = match (&read, kind) {
        (Err(error), _) => error.raw_os_error(),
        (Ok(()), Kind::Folder) => enter.err().map(rustix::io::Errno::raw_os_error),
        (Ok(()), Kind::Link | Kind::Other) => None,
    };
    Spot::There(Seen {
        kind,
        owner: found.uid(),
        mode: found.mode() & 0o7777,
        is_readable: errno.is_none(),
        is_writable: rustix::fs::access(path, Access::WRITE_OK).is_ok(),
        errno: errno.unwrap_or_default(),
    })
}

fn is_absence(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
}

/// Libraries beside a path, and in `~/Pictures`.
pub(super) fn nearby(path: &Path, around: &Around) -> Vec<PathBuf> {
    let pictures = around.home.join("Pictures");
    let folders = path.parent().into_iter().chain([pictures.as_path()]);
    let entries = folders.flat_map(entries);
    let is_library = |path: &PathBuf| {
        path.extension().is_some_and(|end| end.eq_ignore_ascii_case("photoslibrary"))
    };
    let mut found: Vec<PathBuf> = entries.filter(is_library).collect();
    found.sort();
    found.dedup();
    found.truncate(MAX_NEARBY);
    found
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let listed = fs::read_dir(folder).into_iter().flatten();
    listed.take(MAX_ENTRIES).filter_map(|entry| entry.ok().map(|entry| entry.path()))
}

/// What a root's folder is beside its mode.
#[derive(Debug)]
pub(super) struct RootFacts {
    pub(super) spot: Spot,
    pub(super) parent: Spot,
    pub(super) is_read_only: bool,
    pub(super) mounts: Vec<PathBuf>,
    pub(super) foreign: Vec<PathBuf>,
}

/// Looks at a root, and one level below it for records of exports.
pub(super) fn root(path: &Path, around: &Around) -> RootFacts {
    let flags = rustix::fs::statvfs(path).map(|facts| facts.f_flag);
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let is_foreign = |path: &PathBuf| match spot(path) {
        Spot::There(seen) => seen.is_open_to_others(around.uid),
        Spot::Absent | Spot::Refused(_) => false,
    };
    let destinations = [path.to_owned()].into_iter().chain(entries(path));
    let records = destinations.map(|folder| folder.join(".darkslide"));
    RootFacts {
        spot: spot(path),
        parent: path.parent().map_or(Spot::Absent, spot),
        is_read_only: flags.is_ok_and(|flags| flags.contains(StatVfsMountFlags::RDONLY)),
        mounts: roots::mounts_below(&mounts, path),
        foreign: records.filter(is_foreign).collect(),
    }
}

/// Does iCloud Drive hold Documents and Desktop?
pub(super) fn has_icloud(around: &Around) -> bool {
    let drive = around.home.join("Library/Mobile Documents/com~apple~CloudDocs");
    cfg!(target_os = "macos") && drive.join("Documents").exists()
}

/// Jobs of a newer format than this version knows.
pub(super) fn newer_jobs(state: &Path) -> Vec<PathBuf> {
    #[derive(Deserialize)]
    struct Head {
        format: u64,
    }
    let is_newer = |path: &PathBuf| {
        let is_short =
            fs::symlink_metadata(path).is_ok_and(|it| it.is_file() && it.len() <= MAX_JOB_BYTES);
        let text = if is_short { fs::read(path).unwrap_or_default() } else { Vec::new() };
        serde_json::from_slice::<Head>(&text).is_ok_and(|head| head.format > JOB_FORMAT)
    };
    entries(&state.join("jobs")).filter(is_newer).collect()
}

/// The room at a place, or, where it is not there, above it.
pub(super) fn room(what: String, path: &Path, quota: Option<(u64, u64)>) -> space::Facts {
    let path = space::nearest(path, |path| fs::symlink_metadata(path).is_ok());
    let facts = rustix::fs::statvfs(&path).ok();
    space::Facts {
        what,
        free: facts.as_ref().map(|facts| facts.f_bavail.saturating_mul(facts.f_frsize)),
        // File systems without a table of files tell none at all.
        has_no_inodes: facts.is_some_and(|facts| facts.f_files > 0 && facts.f_favail == 0),
        quota,
        path,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn around(home: &Path) -> Around {
        let socket = Ok(home.join("s"));
        Around { home: home.to_owned(), uid: 7, socket, is_named: false }
    }

    #[test]
    fn libraries_nearby_are_told_by_their_ending_and_not_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = folder.path().join("Pictures");
        fs::create_dir(&pictures).unwrap();
        for name in ["A.photoslibrary", "b.PhotosLibrary", "photoslibrary", "c.photoslibrary.zip"] {
            fs::create_dir(pictures.join(name)).unwrap();
        }
        let absent = pictures.join("Photos Library.photoslibrary");
        let found = nearby(&absent, &around(folder.path()));
        assert_eq!(found, ["A.photoslibrary", "b.PhotosLibrary"].map(|name| pictures.join(name)));
        for number in 0..MAX_NEARBY * 3 {
            fs::create_dir(pictures.join(format!("{number}.photoslibrary"))).unwrap();
        }
        assert_eq!(nearby(&absent, &around(folder.path())).len(), MAX_NEARBY);
        for number in 0..MAX_ENTRIES {
            fs::create_dir(folder.path().join(number.to_string())).unwrap();
        }
        assert_eq!(entries(folder.path()).count(), MAX_ENTRIES, "of one more");
    }

    #[test]
    fn only_a_short_regular_file_is_read_for_its_format() {
        let folder = tempfile::tempdir().unwrap();
        let jobs = folder.path().join("jobs");
        fs::create_dir(&jobs).unwrap();
        let newer = format!("{{\"format\":{},\"x\":\"", JOB_FORMAT + 1);
        let padded = |bytes: u64| {
            let rest = usize::try_from(bytes).unwrap() - newer.len() - 2;
            format!("{newer}{}\"}}", "y".repeat(rest))
        };
        for (text, found) in [
            (padded(MAX_JOB_BYTES), 1),
            (padded(MAX_JOB_BYTES + 1), 0),
            (padded(MAX_JOB_BYTES * 8), 0),
            (format!("{{\"format\":{JOB_FORMAT}}}"), 0),
            ("{".to_owned(), 0),
        ] {
            fs::write(jobs.join("1.json"), text).unwrap();
            assert_eq!(newer_jobs(folder.path()).len(), found);
        }
        fs::write(folder.path().join("elsewhere"), padded(100)).unwrap();
        symlink("../elsewhere", jobs.join("2.json")).unwrap();
        assert!(newer_jobs(folder.path()).is_empty(), "no link is followed");
    }

    #[test]
    fn a_path_is_there_absent_or_refused_and_a_link_is_itself() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(spot(&folder.path().join("none")), Spot::Absent);
        assert_eq!(spot(&folder.path().join("none/x")), Spot::Absent);
        symlink(folder.path(), folder.path().join("link")).unwrap();
        let kind = |path: &Path| match spot(path) {
            Spot::There(seen) => seen.kind,
            other => panic!("{other:?}"),
        };
        assert_eq!(kind(&folder.path().join("link")), Kind::Link);
        assert_eq!(kind(folder.path()), Kind::Folder);
        symlink("loop", folder.path().join("loop")).unwrap();
        assert!(matches!(spot(&folder.path().join("loop/x")), Spot::Refused(_)));
    }
}
