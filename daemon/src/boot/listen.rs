//! Where clients come in: the bound socket, and the lock that says whose it is.
//!
//! The folder is made 0700 and must be ours alone; the socket is 0600 from the first instant, for
//! it is bound under a umask that leaves nothing else. Only the holder of the lock beside it
//! removes a stale socket, and only a socket of our own. The hazard: `chmod` after `bind` leaves a
//! moment in which anybody connects.

#![expect(clippy::disallowed_methods, reason = "boot: makes the socket, its folder and its lock")]

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixListener;

use darkslide_policy::{AbsPath, Uid};

use crate::boot::{BootError, owned};

/// What `sun_path` takes less its NUL: 108 bytes on Linux, 104 on macOS.
pub(super) const MAX_SOCKET_PATH_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// A socket of ours, bound, and the lock on its place.
#[derive(Debug)]
pub(super) struct Bound {
    listener: UnixListener,
    lock: File,
}

impl Bound {
    /// What accepts clients, and the lock, to be held while the process lives.
    #[must_use]
    pub(super) fn into_parts(self) -> (UnixListener, File) {
        (self.listener, self.lock)
    }
}

/// Binds a socket at `path`, in a folder that is ours alone.
///
/// # Errors
/// [`BootError::SocketPathTooLong`], [`BootError::Unsafe`], [`BootError::AlreadyRunning`],
/// [`BootError::System`].
pub(super) fn bind(path: &AbsPath, uid: Uid) -> Result<Bound, BootError> {
    let text = path.as_str();
    if text.len() > MAX_SOCKET_PATH_BYTES {
        let (path, bytes) = (text.to_owned(), text.len());
        return Err(BootError::SocketPathTooLong { path, bytes, limit: MAX_SOCKET_PATH_BYTES });
    }
    let folder = folder_of(path)?;
    owned::check_way(&folder, uid)?;
    let made = DirBuilder::new().mode(0o700).create(folder.as_str());
    if let Err(source) = made
        && source.kind() != io::ErrorKind::AlreadyExists
    {
        return Err(system("make", folder.as_str(), source));
    }
    owned::check_folder(&folder, uid)?;
    let lock = lock(text)?;
    remove_stale(text, uid)?;
    let before = nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o177));
    let listener = UnixListener::bind(text);
    nix::sys::stat::umask(before);
    let listener = listener.map_err(|source| system("listen at", text, source))?;
    // Now: once confined, the call that std makes for it is refused.
    listener.set_nonblocking(true).map_err(|source| system("listen at", text, source))?;
    Ok(Bound { listener, lock })
}

fn folder_of(path: &AbsPath) -> Result<AbsPath, BootError> {
    let (folder, _) = path.as_str().rsplit_once('/').unwrap_or_default();
    AbsPath::parse(if folder.is_empty() { "/" } else { folder }, None)
        .map_err(|source| BootError::Path { path: path.as_str().to_owned(), source })
}

/// Nobody removes the lock file: whoever locked another of that name would serve beside us.
fn lock(socket: &str) -> Result<File, BootError> {
    let path = format!("{socket}.lock");
    // Without waiting: a pipe of that name would never let us go.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(flags)
        .open(&path)
        .map_err(|source| system("open", &path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(BootError::AlreadyRunning(socket.to_owned())),
        Err(TryLockError::Error(source)) => Err(system("lock", &path, source)),
    }
}

fn remove_stale(socket: &str, uid: Uid) -> Result<(), BootError> {
    let facts = match fs::symlink_metadata(socket) {
        Ok(facts) => facts,
        Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(system("look at", socket, source)),
    };
    if !facts.file_type().is_socket() || facts.uid() != uid.get() {
        let problem = "is in the way: it is no socket of this user".to_owned();
        return Err(BootError::InTheWay { path: socket.to_owned(), problem });
    }
    fs::remove_file(socket).map_err(|source| system("remove the stale socket", socket, source))
}

fn system(action: &'static str, path: &str, source: io::Error) -> BootError {
    BootError::System { action, path: path.to_owned(), source }
}
