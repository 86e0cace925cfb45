//! Where the daemon's socket is, and whether what is there can be trusted: the only code here that
//! looks at paths.
//!
//! Before the first byte is sent the folder must be ours or root's, no link, and writable by nobody
//! else; the socket must be a socket of the same owners that strangers cannot write to; and the
//! kernel must name one of both as the peer. The hazard: an impostor who listens first and is told
//! what to export, or answers what an app then believes. None of this holds off another program of
//! the same user; nothing can.

#![expect(
    clippy::disallowed_methods,
    reason = "owns finding the socket: reads the environment, looks at the folder and the socket"
)]

use std::env;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The variable that names another socket.
pub const SOCKET_VARIABLE: &str = "DARKSLIDE_SOCKET";

/// Bytes of the longest socket path: what `sockaddr_un` holds besides the NUL.
pub const MAX_SOCKET_PATH_BYTES: usize = if cfg!(target_os = "macos") { 103 } else { 107 };

/// Writable by the group or by others.
const FOREIGN_WRITE: u32 = 0o022;

/// Writable by others. The group may connect where the policy names one.
const OTHERS_WRITE: u32 = 0o002;

/// Why the socket cannot be found, or what is there is not trusted.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// Nothing says where the socket is.
    #[error("XDG_RUNTIME_DIR is not set, and /run/user/{uid} is not a folder of ours")]
    Nowhere {
        /// Who we are.
        uid: u32,
    },
    /// Nothing says where the socket is.
    #[error("HOME is not set")]
    NoHome,
    /// A variable names a relative path.
    #[error("{variable} is not an absolute path")]
    NotAbsolute {
        /// Which one.
        variable: &'static str,
    },
    /// No socket can have such a path.
    #[error("the path of the socket has {bytes} bytes; {limit} are allowed")]
    TooLong {
        /// What it has.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// The folder or the socket is not there, or cannot be looked at.
    #[error("cannot look at {}", path.display())]
    Look {
        /// The folder or socket.
        path: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The folder is a link, or something else that is no folder.
    #[error("{} is not a folder", path.display())]
    NotAFolder {
        /// The folder.
        path: PathBuf,
    },
    /// Somebody else owns the folder.
    #[error("the folder {} belongs to uid {owner}", path.display())]
    FolderOwner {
        /// The folder.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Others can put a socket of their own into the folder.
    #[error("the folder {} can be written by others (mode {mode:04o})", path.display())]
    FolderMode {
        /// The folder.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// What is there is no socket.
    #[error("{} is not a socket", path.display())]
    NotASocket {
        /// The path.
        path: PathBuf,
    },
    /// Somebody else owns the socket.
    #[error("the socket {} belongs to uid {owner}", path.display())]
    SocketOwner {
        /// The socket.
        path: PathBuf,
        /// Whose it is.
        owner: u32,
    },
    /// Everybody can connect to the socket, which no daemon of ours allows.
    #[error("the socket {} is open to everybody (mode {mode:04o})", path.display())]
    SocketMode {
        /// The socket.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Somebody else listens.
    #[error("uid {uid} listens at {}", path.display())]
    PeerUid {
        /// The socket.
        path: PathBuf,
        /// As the kernel names it.
        uid: u32,
    },
}

impl PlaceError {
    /// What to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Nowhere { .. } | Self::NoHome | Self::NotAbsolute { .. } => {
                "set DARKSLIDE_SOCKET to the absolute path of the daemon's socket, or set XDG_RUNTIME_DIR"
            }
            Self::TooLong { .. } => "set DARKSLIDE_SOCKET to a shorter path",
            Self::Look { .. } => {
                "start the daemon (`darkslided`), or set DARKSLIDE_SOCKET to where one listens"
            }
            Self::NotAFolder { .. } | Self::FolderOwner { .. } | Self::FolderMode { .. } => {
                "use a folder of your own with mode 0700, and no link"
            }
            Self::NotASocket { .. }
            | Self::SocketOwner { .. }
            | Self::SocketMode { .. }
            | Self::PeerUid { .. } => {
                "find out who listens there, remove it, and start the daemon anew"
            }
        }
    }
}

/// What of the environment says where the socket is.
#[derive(Debug, Clone, Default)]
struct Surroundings {
    socket: Option<OsString>,
    runtime: Option<OsString>,
    home: Option<OsString>,
    uid: u32,
}

impl Surroundings {
    fn of_this_process() -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        Self {
            socket: set(SOCKET_VARIABLE),
            runtime: set("XDG_RUNTIME_DIR"),
            home: set("HOME"),
            uid: own_uid(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Platform {
    Linux,
    MacOs,
}

impl Platform {
    const HERE: Self = if cfg!(target_os = "macos") { Self::MacOs } else { Self::Linux };
}

/// Returns where the daemon's socket is by default; nothing is said of whether it is there.
///
/// # Errors
/// [`PlaceError::Nowhere`], [`PlaceError::NoHome`], [`PlaceError::NotAbsolute`].
pub fn default_socket() -> Result<PathBuf, PlaceError> {
    let is_ours = |folder: &Path, uid: u32| {
        fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir() && found.uid() == uid)
    };
    choose(&Surroundings::of_this_process(), Platform::HERE, is_ours)
}

fn choose(
    around: &Surroundings,
    platform: Platform,
    is_ours: impl Fn(&Path, u32) -> bool,
) -> Result<PathBuf, PlaceError> {
    if let Some(socket) = &around.socket {
        return absolute(socket, SOCKET_VARIABLE);
    }
    match platform {
        Platform::MacOs => {
            let home = around.home.as_ref().ok_or(PlaceError::NoHome)?;
            Ok(absolute(home, "HOME")?.join("Library/Application Support/darkslide/s"))
        }
        Platform::Linux => match &around.runtime {
            Some(runtime) => Ok(absolute(runtime, "XDG_RUNTIME_DIR")?.join("darkslide/s")),
            // Unset under cron, ssh or su.
            None => {
                let uid = around.uid;
                let folder = PathBuf::from(format!("/run/user/{uid}"));
                if is_ours(&folder, uid) {
                    Ok(folder.join("darkslide/s"))
                } else {
                    Err(PlaceError::Nowhere { uid })
                }
            }
        },
    }
}

fn absolute(text: &OsString, variable: &'static str) -> Result<PathBuf, PlaceError> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err(PlaceError::NotAbsolute { variable }) }
}

/// The uid that this process acts as.
pub(crate) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// Looks at the folder and the socket, as it is done before anything connects.
///
/// # Errors
/// [`PlaceError`] with the first thing that is not to be trusted, or not there.
pub fn check(socket: &Path) -> Result<(), PlaceError> {
    let bytes = socket.as_os_str().as_bytes().len();
    if bytes > MAX_SOCKET_PATH_BYTES {
        return Err(PlaceError::TooLong { bytes, limit: MAX_SOCKET_PATH_BYTES });
    }
    let folder = match socket.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    check_folder(folder, Facts::of(&look(folder)?), own_uid())?;
    check_socket(socket, Facts::of(&look(socket)?), own_uid())
}

fn look(path: &Path) -> Result<Metadata, PlaceError> {
    fs::symlink_metadata(path)
        .map_err(|source| PlaceError::Look { path: path.to_owned(), source: Arc::new(source) })
}

/// What decides, apart from the disk, so that other owners can be tried without being root.
#[derive(Debug, Clone, Copy)]
struct Facts {
    is_folder: bool,
    is_socket: bool,
    owner: u32,
    mode: u32,
}

impl Facts {
    fn of(found: &Metadata) -> Self {
        Self {
            is_folder: found.is_dir(),
            is_socket: found.file_type().is_socket(),
            owner: found.uid(),
            mode: found.mode() & 0o7777,
        }
    }
}

fn check_folder(path: &Path, found: Facts, uid: u32) -> Result<(), PlaceError> {
    let (path, owner, mode) = (path.to_owned(), found.owner, found.mode);
    if !found.is_folder {
        Err(PlaceError::NotAFolder { path })
    } else if !is_trusted(owner, uid) {
        Err(PlaceError::FolderOwner { path, owner })
    } else if mode & FOREIGN_WRITE != 0 {
        Err(PlaceError::FolderMode { path, mode })
    } else {
        Ok(())
    }
}

fn check_socket(path: &Path, found: Facts, uid: u32) -> Result<(), PlaceError> {
    let (path, owner, mode) = (path.to_owned(), found.owner, found.mode);
    if !found.is_socket {
        Err(PlaceError::NotASocket { path })
    } else if !is_trusted(owner, uid) {
        Err(PlaceError::SocketOwner { path, owner })
    } else if mode & OTHERS_WRITE != 0 {
        Err(PlaceError::SocketMode { path, mode })
    } else {
        Ok(())
    }
}

/// Looks at whom the kernel names as the peer of a new connection.
pub(crate) fn check_peer(socket: &Path, peer: u32) -> Result<(), PlaceError> {
    peer_fits(socket, peer, own_uid())
}

fn peer_fits(socket: &Path, peer: u32, uid: u32) -> Result<(), PlaceError> {
    if is_trusted(peer, uid) {
        Ok(())
    } else {
        Err(PlaceError::PeerUid { path: socket.to_owned(), uid: peer })
    }
}

/// Ourselves, or root: of an activated socket the kernel names whoever listened first, which may be
/// the service manager.
fn is_trusted(owner: u32, uid: u32) -> bool {
    owner == uid || owner == 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    const US: u32 = 1000;

    fn around(socket: &str, runtime: &str, home: &str) -> Surroundings {
        let set = |text: &str| (!text.is_empty()).then(|| OsString::from(text));
        Surroundings { socket: set(socket), runtime: set(runtime), home: set(home), uid: US }
    }

    #[track_caller]
    fn found(around: &Surroundings, platform: Platform) -> String {
        let path = choose(around, platform, |_, _| true).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn the_variable_wins_then_the_platform_decides() {
        let all = around("/x/s", "/run/user/7", "/home/me");
        assert_eq!(found(&all, Platform::Linux), "/x/s");
        assert_eq!(found(&all, Platform::MacOs), "/x/s");
        let plain = around("", "/run/user/7", "/home/me");
        assert_eq!(found(&plain, Platform::Linux), "/run/user/7/darkslide/s");
        assert_eq!(
            found(&plain, Platform::MacOs),
            "/home/me/Library/Application Support/darkslide/s"
        );
        let bare = around("", "", "");
        assert_eq!(found(&bare, Platform::Linux), "/run/user/1000/darkslide/s");
    }

    #[test]
    fn names_the_variable_where_nothing_says_where_it_is() {
        let bare = around("", "", "");
        let nowhere = choose(&bare, Platform::Linux, |_, _| false).unwrap_err();
        assert!(nowhere.to_string().contains("XDG_RUNTIME_DIR"), "{nowhere}");
        assert!(matches!(choose(&bare, Platform::MacOs, |_, _| true), Err(PlaceError::NoHome)));
        let relative = around("run/s", "", "");
        assert!(matches!(
            choose(&relative, Platform::Linux, |_, _| true),
            Err(PlaceError::NotAbsolute { variable: SOCKET_VARIABLE })
        ));
    }

    fn facts(is_folder: bool, is_socket: bool, owner: u32, mode: u32) -> Facts {
        Facts { is_folder, is_socket, owner, mode }
    }

    #[test]
    fn each_flaw_of_the_folder_has_its_own_error() {
        let check = |found| check_folder(Path::new("/run/x"), found, US);
        assert!(check(facts(true, false, US, 0o700)).is_ok());
        assert!(check(facts(true, false, 0, 0o755)).is_ok());
        let link = check(facts(false, false, US, 0o777));
        assert!(matches!(link, Err(PlaceError::NotAFolder { .. })));
        let foreign = check(facts(true, false, 1001, 0o700));
        assert!(matches!(foreign, Err(PlaceError::FolderOwner { owner: 1001, .. })));
        for mode in [0o720, 0o702, 0o777, 0o1777] {
            let open = check(facts(true, false, US, mode));
            assert!(matches!(open, Err(PlaceError::FolderMode { .. })), "{mode:o}");
        }
    }

    #[test]
    fn each_flaw_of_the_socket_has_its_own_error() {
        let check = |found| check_socket(Path::new("/run/x/s"), found, US);
        assert!(check(facts(false, true, US, 0o600)).is_ok());
        assert!(check(facts(false, true, 0, 0o660)).is_ok());
        let file = check(facts(false, false, US, 0o600));
        assert!(matches!(file, Err(PlaceError::NotASocket { .. })));
        let foreign = check(facts(false, true, 1001, 0o600));
        assert!(matches!(foreign, Err(PlaceError::SocketOwner { owner: 1001, .. })));
        let open = check(facts(false, true, US, 0o666));
        assert!(matches!(open, Err(PlaceError::SocketMode { .. })));
    }

    #[test]
    fn another_peer_than_ourselves_or_root_is_refused() {
        let check = |peer| peer_fits(Path::new("/run/x/s"), peer, US);
        assert!(check(US).is_ok() && check(0).is_ok());
        for peer in [1001, 65_534, u32::MAX] {
            assert!(matches!(check(peer), Err(PlaceError::PeerUid { .. })));
        }
    }

    #[test]
    fn looks_at_the_disk_itself_and_follows_no_link() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real");
        fs::create_dir(&real).unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o700)).unwrap();
        let missing = check(&real.join("s"));
        assert!(matches!(missing, Err(PlaceError::Look { .. })), "{missing:?}");
        let _listener = UnixListener::bind(real.join("s")).unwrap();
        fs::set_permissions(real.join("s"), fs::Permissions::from_mode(0o600)).unwrap();
        assert!(check(&real.join("s")).is_ok());
        symlink(&real, folder.path().join("link")).unwrap();
        let linked = check(&folder.path().join("link/s"));
        assert!(matches!(linked, Err(PlaceError::NotAFolder { .. })), "{linked:?}");
        symlink(real.join("s"), real.join("t")).unwrap();
        let linked = check(&real.join("t"));
        assert!(matches!(linked, Err(PlaceError::NotASocket { .. })), "{linked:?}");
    }

    #[test]
    fn a_path_at_the_limit_is_looked_at_and_one_byte_more_is_refused() {
        let at = format!("/{}", "x".repeat(MAX_SOCKET_PATH_BYTES - 1));
        assert!(matches!(check(Path::new(&at)), Err(PlaceError::Look { .. })));
        for bytes in [MAX_SOCKET_PATH_BYTES + 1, 1_000_000] {
            let long = format!("/{}", "x".repeat(bytes - 1));
            assert!(matches!(check(Path::new(&long)), Err(PlaceError::TooLong { .. })));
        }
    }
}
