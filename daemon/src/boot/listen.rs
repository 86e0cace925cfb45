//! Where clients come in: the socket, bound here or handed over, and the lock on its place.
//!
//! The folder is made 0700 and must be ours alone; the socket is 0600 from the first instant, for
//! it is bound under a umask that leaves nothing else; the group of a policy is let in last. Only
//! the holder of the lock beside it removes a stale socket, and only one of our own that nobody
//! listens at. What was handed over is never removed. The hazard: `chmod` after `bind` leaves a
//! moment in which anybody connects.

#![expect(clippy::disallowed_methods, reason = "boot: makes the socket, its folder and its lock")]

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use darkslide_policy::{AbsPath, Uid};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use crate::boot::adopt_socket::{AdoptError, Adopted};
use crate::boot::guests::Guests;
use crate::boot::{BootError, owned};
use crate::clock::{self, Moment};
use crate::service::health::StartedBy;

/// What `sun_path` takes less its NUL: 108 bytes on Linux, 104 on macOS.
pub(super) const MAX_SOCKET_PATH_BYTES: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// How long the next daemon of a service manager waits for the one before it, which may hold its
/// locks for an instant after it took its leave, or drains: that takes 5 s at most, and a little.
pub(super) const HANDOVER: Duration = Duration::from_secs(6);
/// Until it looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// A socket of ours, bound or handed over, and the lock on its place.
#[derive(Debug)]
pub(super) struct Bound {
    /// What accepts clients.
    pub(super) listener: UnixListener,
    /// Who made it.
    pub(super) by: StartedBy,
    /// To be held while the process lives; none where nobody but root could take the place.
    pub(super) lock: Option<File>,
}

/// Binds a socket at `path`, in a folder that is ours alone.
///
/// # Errors
/// [`BootError::SocketPathTooLong`], [`BootError::Unsafe`], [`BootError::AlreadyRunning`],
/// [`BootError::System`].
pub(super) fn bind(path: &AbsPath, uid: Uid, guests: &Guests) -> Result<Bound, BootError> {
    let text = path.as_str();
    check_length(text)?;
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
    guests.let_in(text, folder.as_str())?;
    Ok(Bound { listener, by: StartedBy::Hand, lock: Some(lock) })
}

/// Takes the place of a listener that was handed over, in a folder that is ours or root's alone.
/// Waits for the daemon before this one; who serves on keeps the place.
///
/// # Errors
/// As [`bind`], whose lock it takes too.
pub(super) fn take_over(
    adopted: Adopted,
    path: &AbsPath,
    uid: Uid,
    guests: &Guests,
) -> Result<Bound, BootError> {
    let Adopted { listener, by } = adopted;
    let text = path.as_str();
    check_length(text)?;
    let folder = folder_of(path)?;
    owned::check_folder(&folder, uid)?;
    let look =
        |path: &str| fs::symlink_metadata(path).map_err(|source| system("look at", path, source));
    guests.check(&look(text)?).map_err(|problem| {
        BootError::Adopt(AdoptError::AtItsPath { path: text.to_owned(), problem })
    })?;
    let is_ours = look(folder.as_str())?.uid() == uid.get();
    let lock = if is_ours { Some(once_free(HANDOVER, || lock(text))?) } else { None };
    Ok(Bound { listener, by, lock })
}

/// Tries again, for a while, as long as another daemon is in the way.
///
/// # Errors
/// Those of the attempt.
pub(super) fn once_free<T>(
    patience: Duration,
    mut attempt: impl FnMut() -> Result<T, BootError>,
) -> Result<T, BootError> {
    let since = Moment::now();
    loop {
        match attempt() {
            Err(BootError::AlreadyRunning(_) | BootError::StateInUse(_))
                if since.elapsed() < patience =>
            {
                clock::pause(LOOK_AGAIN);
            }
            done => return done,
        }
    }
}

fn check_length(text: &str) -> Result<(), BootError> {
    let (bytes, limit) = (text.len(), MAX_SOCKET_PATH_BYTES);
    if bytes > limit {
        return Err(BootError::SocketPathTooLong { path: text.to_owned(), bytes, limit });
    }
    Ok(())
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
    // A service manager listens without a lock: its socket is alive, though no daemon is.
    match connects(socket) {
        // A queue that is full is somebody's too.
        Ok(()) | Err(Errno::AGAIN) => return Err(BootError::AlreadyRunning(socket.to_owned())),
        Err(Errno::CONNREFUSED) => {}
        Err(source) => return Err(system("look who listens at", socket, source.into())),
    }
    fs::remove_file(socket).map_err(|source| system("remove the stale socket", socket, source))
}

fn connects(socket: &str) -> rustix::io::Result<()> {
    let probe = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::ioctl_fionbio(&probe, true)?;
    rustix::net::connect(&probe, &SocketAddrUnix::new(socket)?)
}

pub(super) fn system(action: &'static str, path: &str, source: io::Error) -> BootError {
    BootError::System { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often it tried, while `busy` attempts find another daemon in the way.
    fn tries(patience: Duration, busy: usize, other: fn(String) -> BootError) -> (usize, bool) {
        let mut tried = 0;
        let done = once_free(patience, || {
            tried += 1;
            if tried > busy { Ok(()) } else { Err(other("/s".to_owned())) }
        });
        (tried, done.is_ok())
    }

    #[test]
    fn only_another_daemon_is_waited_for_and_only_where_one_may_be_ending() {
        assert_eq!(tries(HANDOVER, 2, BootError::AlreadyRunning), (3, true));
        assert_eq!(tries(HANDOVER, 2, BootError::StateInUse), (3, true));
        assert_eq!(tries(Duration::ZERO, 2, BootError::AlreadyRunning), (1, false));
        assert_eq!(tries(HANDOVER, 2, BootError::Usage), (1, false));
    }
}
