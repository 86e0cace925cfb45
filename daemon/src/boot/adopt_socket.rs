//! The listener that a service manager made before there was a daemon: taken, and believed only
//! after it was looked at.
//!
//! systemd leaves it on descriptor 3 and says so in LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES;
//! launchd hands it over when asked. It must be the one Unix listener of our place, of our owner
//! and mode; anything else ends the start, and nothing is bound in its stead. It belongs to the
//! manager: it is never unlinked and never shut down. The hazard: a variable that somebody left set
//! makes a file, or a socket that anybody can reach, into our listener.

#![expect(clippy::disallowed_methods, reason = "boot: takes the listener of the service manager")]

#[cfg(any(target_os = "linux", test))]
use std::ffi::OsString;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::time::Duration;

use darkslide_policy::{AbsPath, Uid};
use darkslide_sys::answer::ActivateError;
use rustix::net::SocketType;

#[cfg(any(target_os = "linux", test))]
use crate::boot::world::HandedOver;
use crate::boot::{BootError, descriptors, guests};
use crate::clock;
use crate::service::health::StartedBy;

/// What systemd begins to count at (`SD_LISTEN_FDS_START` of sd-daemon.h).
const FIRST: RawFd = 3;
/// What the socket is called in our property list.
#[cfg(target_os = "macos")]
const LISTENER: &std::ffi::CStr = c"Listener";
/// How long a start takes that ends at once: as long as systemd waits between two that it begins by
/// itself (`RestartSec=` of our unit); for those that a client causes it waits for nothing.
const HELD_BACK: Duration = Duration::from_secs(1);

/// Why what a service manager handed over is not served on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdoptError {
    /// There is a count, and nobody says whose.
    #[error("LISTEN_FDS is set and LISTEN_PID is not")]
    NoPid,
    /// It was for another process.
    #[error("LISTEN_PID is {given:?}, and this process is {own}")]
    OtherPid {
        /// As given.
        given: String,
        /// What it should be.
        own: u32,
    },
    /// Not one.
    #[error("LISTEN_FDS is {given:?}, and one socket is wanted")]
    Count {
        /// As given.
        given: String,
    },
    /// There is one socket, and not one name.
    #[error("LISTEN_FDNAMES has {names} names, and one socket is wanted")]
    Names {
        /// How many.
        names: usize,
    },
    /// launchd started us, and hands over nothing.
    #[error("launchd started this process: {0}")]
    Launchd(ActivateError),
    /// launchd hands over more than one: the name stands for several sockets.
    #[error("launchd hands over {count} sockets, and one is wanted")]
    Several {
        /// How many.
        count: usize,
    },
    /// There is nothing there.
    #[error("descriptor {FIRST} cannot be taken: {answer}")]
    NotThere {
        /// The system's answer.
        answer: String,
    },
    /// Something else is there.
    #[error("it is no Unix stream socket that listens: {problem}")]
    NoListener {
        /// In words.
        problem: &'static str,
    },
    /// It listens elsewhere.
    #[error("it listens at {given:?}, and the place of this daemon is {wanted}")]
    OtherPlace {
        /// Where it does; empty for nowhere in the file system.
        given: String,
        /// Where it should.
        wanted: String,
    },
    /// What lies at its path is not as it must be.
    #[error("{path} {problem}")]
    AtItsPath {
        /// Which.
        path: String,
        /// In words that continue the path.
        problem: String,
    },
}

impl AdoptError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoPid | Self::OtherPid { .. } => {
                "to start it by hand: env -u LISTEN_FDS -u LISTEN_PID -u LISTEN_FDNAMES darkslided"
            }
            Self::Count { .. } | Self::Names { .. } | Self::NotThere { .. } => {
                "let the socket unit have one ListenStream= and nothing else to hand over"
            }
            Self::Launchd(error) => error.hint(),
            Self::Several { .. } => {
                "let the socket `Listener` of the property list have a SockPathName and nothing else"
            }
            Self::NoListener { .. } => {
                "let the socket unit say ListenStream= with a path, and Accept=no"
            }
            Self::OtherPlace { .. } => {
                "let --socket and the ListenStream= of the socket unit name one path"
            }
            Self::AtItsPath { .. } => {
                "let the socket unit say SocketMode=0600 (for a group of the policy SocketGroup= and \
                 0660), and start it again"
            }
        }
    }
}

/// What a service manager handed over, if there is one that started us; nothing is known of it yet.
#[derive(Debug)]
pub struct Handed(Result<Option<(OwnedFd, StartedBy)>, AdoptError>);

/// The listener of our place.
#[derive(Debug)]
pub(super) struct Adopted {
    /// It belongs to the service manager.
    pub(super) listener: UnixListener,
    /// Which.
    pub(super) by: StartedBy,
}

/// Begins as [`descriptors::begin_clean`] does, and keeps the one descriptor that a service manager
/// handed over. To be called first of all, and once.
#[must_use]
pub fn begin_adopting() -> Handed {
    let handed = handed_over();
    let kept = handed.as_ref().ok().and_then(Option::as_ref);
    descriptors::begin_clean_but(kept.map(|(descriptor, _)| descriptor.as_raw_fd()));
    Handed(handed)
}

#[cfg(target_os = "linux")]
fn handed_over() -> Result<Option<(OwnedFd, StartedBy)>, AdoptError> {
    if !announced(&HandedOver::read(), std::process::id())? {
        return Ok(None);
    }
    match take(FIRST) {
        Ok(descriptor) => Ok(Some((descriptor, StartedBy::Systemd))),
        Err(error) => Err(AdoptError::NotThere { answer: error.to_string() }),
    }
}

/// Before any thread and before confinement; launchd answers once.
#[cfg(target_os = "macos")]
fn handed_over() -> Result<Option<(OwnedFd, StartedBy)>, AdoptError> {
    by_launchd(darkslide_sys::activate_socket(LISTENER))
}

/// What launchd's answer means. Only a process that launchd did not start may bind a socket of its
/// own; whatever else goes wrong ends the start.
#[cfg(any(target_os = "macos", test))]
fn by_launchd(
    answer: Result<Vec<OwnedFd>, ActivateError>,
) -> Result<Option<(OwnedFd, StartedBy)>, AdoptError> {
    let mut descriptors = match answer {
        Ok(descriptors) => descriptors,
        Err(ActivateError::NotLaunchd) => return Ok(None),
        Err(error) => return Err(AdoptError::Launchd(error)),
    };
    match (descriptors.pop(), descriptors.len()) {
        (Some(descriptor), 0) => Ok(Some((descriptor, StartedBy::Launchd))),
        (Some(_), others) => Err(AdoptError::Several { count: others + 1 }),
        (None, _) => Err(AdoptError::Launchd(ActivateError::NoDescriptor)),
    }
}

/// Is there one descriptor for us? Where the variables are for another process, `sd_listen_fds`
/// says that there is none; but then somebody meant to hand over a socket, and a daemon that binds
/// one of its own beside it is not what was meant.
#[cfg(any(target_os = "linux", test))]
fn announced(said: &HandedOver, own: u32) -> Result<bool, AdoptError> {
    let text = |value: &OsString| value.to_string_lossy().into_owned();
    let (count, pid) = match (&said.count, &said.pid) {
        (None, None) => return Ok(false),
        (None, Some(_)) => return Err(AdoptError::Count { given: String::new() }),
        (Some(_), None) => return Err(AdoptError::NoPid),
        (Some(count), Some(pid)) => (text(count), text(pid)),
    };
    if pid != own.to_string() {
        return Err(AdoptError::OtherPid { given: pid, own });
    }
    if count != "1" {
        return Err(AdoptError::Count { given: count });
    }
    match said.names.as_ref().map_or(1, |names| text(names).split(':').count()) {
        1 => Ok(true),
        names => Err(AdoptError::Names { names }),
    }
}

/// Takes a descriptor that is known by its number only. It is sent to ourselves, for what the
/// kernel delivers has an owner: the one way without `unsafe` that every outer filter allows
/// (`pidfd_getfd` is another, and systemd counts that among the tools of debuggers).
#[cfg(target_os = "linux")]
fn take(number: RawFd) -> std::io::Result<OwnedFd> {
    use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
    use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
    use std::io::{IoSlice, IoSliceMut};

    let (to, from) = std::os::unix::net::UnixStream::pair()?;
    // What was not open is what the kernel gives first.
    if [to.as_raw_fd(), from.as_raw_fd()].contains(&number) {
        return Err(rustix::io::Errno::BADF.into());
    }
    let rights = [ControlMessage::ScmRights(&[number])];
    sendmsg::<()>(to.as_raw_fd(), &[IoSlice::new(&[0])], &rights, MsgFlags::empty(), None)?;
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    recvmsg(&from, &mut [IoSliceMut::new(&mut [0])], &mut rights, RecvFlags::CMSG_CLOEXEC)?;
    let taken = rights.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    taken.ok_or_else(|| std::io::ErrorKind::NotFound.into())
}

impl Handed {
    /// Looks at it: it must be the listener of `place`, and nobody else's. `None` where no service
    /// manager started us.
    ///
    /// # Errors
    /// [`BootError::Adopt`] for anything else.
    pub(super) fn check(self, place: &AbsPath, uid: Uid) -> Result<Option<Adopted>, BootError> {
        let Some((descriptor, by)) = self.0? else { return Ok(None) };
        listens(&descriptor)?;
        let listener = UnixListener::from(descriptor);
        let address = listener.local_addr().ok();
        let given = address.as_ref().and_then(|address| address.as_pathname());
        let given = given.map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
        if given != place.as_str() {
            let wanted = place.to_string();
            return Err(BootError::Adopt(AdoptError::OtherPlace { given, wanted }));
        }
        at_its_path(place, uid)?;
        // Now: once confined, the call that std makes for it is refused.
        let ready = listener.set_nonblocking(true);
        ready.map_err(|error| AdoptError::NotThere { answer: error.to_string() })?;
        Ok(Some(Adopted { listener, by }))
    }

    /// Did a service manager start us, rightly or wrongly?
    #[must_use]
    pub fn is_activated(&self) -> bool {
        !matches!(self.0, Ok(None))
    }
}

/// What becomes of a start that fails and has no listener to say so at. Whoever waits at that of a
/// service manager has it try again at once, so such a start is made to take a moment.
#[must_use]
pub fn refused(activated: bool, error: BootError) -> BootError {
    if !activated {
        return error;
    }
    clock::pause(HELD_BACK);
    BootError::Activated(Box::new(error))
}

fn listens(descriptor: &OwnedFd) -> Result<(), AdoptError> {
    let no = |problem| Err(AdoptError::NoListener { problem });
    let Ok(kind) = rustix::net::sockopt::socket_type(descriptor) else {
        return no("it is no socket");
    };
    // macOS has neither of the two; there launchd made the socket, and its address tells.
    #[cfg(target_os = "linux")]
    {
        use rustix::net::{AddressFamily, sockopt};
        if sockopt::socket_domain(descriptor) != Ok(AddressFamily::UNIX) {
            return no("it is of another family");
        }
        if sockopt::socket_acceptconn(descriptor) != Ok(true) {
            return no("nobody can connect to it");
        }
    }
    if kind != SocketType::STREAM { no("it is of another type") } else { Ok(()) }
}

/// The path that clients connect to: a socket of ours. Whether a group may connect, the policy
/// says, which is not read yet (`listen::take_over`).
fn at_its_path(place: &AbsPath, uid: Uid) -> Result<(), AdoptError> {
    let wrong = |problem| Err(AdoptError::AtItsPath { path: place.to_string(), problem });
    let facts = match fs::symlink_metadata(place.as_str()) {
        Ok(facts) => facts,
        Err(error) => return wrong(format!("cannot be looked at: {error}")),
    };
    if !facts.file_type().is_socket() {
        wrong("is no socket".to_owned())
    } else if facts.uid() != uid.get() {
        wrong(format!("belongs to uid {}, not to this user", facts.uid()))
    } else if guests::is_open_to_all(&facts) {
        wrong(format!("has mode {:04o}, and 0600 is wanted", facts.mode() & 0o7777))
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    const OWN: u32 = 4711;

    #[track_caller]
    fn check(count: Option<&str>, pid: Option<&str>, names: Option<&str>, expected: &str) {
        let [count, pid, names] = [count, pid, names].map(|value| value.map(OsString::from));
        let found = match announced(&HandedOver { count, pid, names }, OWN) {
            Ok(found) => found.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn one_descriptor_for_this_very_process_is_announced_and_nothing_else() {
        check(None, None, None, "false");
        check(None, None, Some("left"), "false");
        check(Some("1"), Some("4711"), None, "true");
        check(Some("1"), Some("4711"), Some("darkslided.socket"), "true");
        check(Some("1"), Some("4711"), Some(""), "true");
    }

    #[test]
    fn what_is_for_another_process_or_for_nobody_is_refused() {
        check(Some("1"), None, None, "LISTEN_FDS is set and LISTEN_PID is not");
        let other = |given: &str| format!("LISTEN_PID is {given:?}, and this process is 4711");
        for given in ["1", "0", "", "-1", "04711", " 4711", "99999999999999999999", "me"] {
            check(Some("1"), Some(given), None, &other(given));
        }
    }

    #[test]
    fn any_number_of_descriptors_but_one_is_refused() {
        let wrong = |given: &str| format!("LISTEN_FDS is {given:?}, and one socket is wanted");
        for given in ["0", "2", "1000000", "", "-1", "01", "one", "18446744073709551617"] {
            check(Some(given), Some("4711"), None, &wrong(given));
        }
        check(None, Some("4711"), None, &wrong(""));
        let names = "LISTEN_FDNAMES has 2 names, and one socket is wanted";
        check(Some("1"), Some("4711"), Some("a:b"), names);
    }

    #[test]
    fn only_what_launchd_did_not_start_may_bind_a_socket_of_its_own() {
        let one = || OwnedFd::from(std::os::unix::net::UnixStream::pair().unwrap().0);
        assert!(matches!(by_launchd(Ok(vec![one()])), Ok(Some((_, StartedBy::Launchd)))));
        assert!(matches!(by_launchd(Err(ActivateError::NotLaunchd)), Ok(None)));
        let refused = |answer: Result<Vec<OwnedFd>, ActivateError>| {
            let error = by_launchd(answer).unwrap_err();
            assert!(!error.hint().is_empty());
            error.to_string()
        };
        assert!(refused(Ok(vec![one(), one()])).contains("hands over 2 sockets"));
        assert!(refused(Ok(Vec::new())).contains("no descriptor"));
        for answer in [Errno::ENOENT, Errno::EPERM, Errno::EALREADY] {
            refused(Err(ActivateError::from_answer(answer as i32)));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_descriptor_that_is_taken_is_another_one_of_the_same_thing() {
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        let taken = take(one.as_raw_fd()).unwrap();
        assert_ne!(taken.as_raw_fd(), one.as_raw_fd());
        assert!(rustix::io::fcntl_getfd(&taken).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
        rustix::io::write(&taken, b"x").unwrap();
        let mut byte = [0];
        rustix::io::read(&other, &mut byte).unwrap();
        assert_eq!(byte, *b"x");
        assert!(take(RawFd::MAX).is_err(), "what is not open");
    }
}
