//! Tries, on macOS, what must fail and sees it fail.
//!
//! The twin of `selftest.rs`. Seatbelt's answer is `EPERM`, while the permissions of files answer
//! `EACCES`: only the first proves something. Each attempt is harmless should it succeed: it reads
//! nothing, changes no byte of a library, and sends nothing beyond this machine. The hazard: to try
//! a write in a library that is not protected after all; so a folder is given the mode that it has.

#![expect(clippy::disallowed_methods, reason = "the self-test: tries what must fail")]

use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};
use nix::sys::stat::{Mode, fchmod, fstat};
use nix::unistd::unlink;

use super::super::Rule;
use super::super::outcome::{Outcome, judge, judge_writes};
use super::super::seatbelt::Folder;

/// Files that everybody may read, that no other guard of macOS covers, and that no rule needs.
const OUTSIDE: [&str; 2] = ["/private/etc/hosts", "/private/etc/services"];
/// A folder that everybody may write to, which people call `/tmp`.
const SHARED: &str = "/private/tmp";
/// The port that throws away what comes; nothing listens there. Connecting reaches nobody.
const DISCARD: u16 = 9;
const SEATBELT: &[Errno] = &[Errno::EPERM];

/// Chooses, before confinement, a file outside all rules that can be opened until then.
pub(super) fn file_outside() -> Option<&'static str> {
    OUTSIDE.into_iter().find(|path| open_outside(path).is_ok())
}

/// Opens a file outside the rules for reading. It reads nothing of it.
pub(super) fn open_outside(path: &str) -> Result<(), Errno> {
    open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY, Mode::empty()).map(drop)
}

/// What can be tried at any time in a confined process, and again for each full `health`.
pub(super) fn at_any_time(outside: Option<&str>) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    match outside {
        Some(path) => {
            outcomes.push(judge(&format!("open {path}"), open_outside(path), SEATBELT));
        }
        // Without one, threads could not be held against anything.
        None => outcomes.push(Outcome::Unproven {
            what: "open a file that no rule covers".to_owned(),
            answer: "none of those that every Mac has could be opened before".to_owned(),
        }),
    }
    let folder = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let listed = open("/", folder, Mode::empty()).map(drop);
    outcomes.push(judge("list /", listed, SEATBELT));
    outcomes.push(judge("connect to a TCP port of this machine", connect_tcp(), SEATBELT));
    outcomes.push(judge("bind a TCP port of this machine", bind_tcp(), SEATBELT));
    outcomes
}

/// For each folder that may be read only: a change to it, which changes nothing.
pub(super) fn below_rules(rules: &[Rule<'_>]) -> Vec<Outcome> {
    judge_writes(rules, set_same_mode)
}

/// A write where no rule allows one, into a folder that anybody may write to. Nothing where a rule
/// is about that folder, or about one that it lies in.
pub(super) fn outside_rules(folders: &[Folder]) -> Option<Outcome> {
    let holds = |folder: &Folder| {
        let rest = SHARED.strip_prefix(folder.path.trim_end_matches('/'));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if folders.iter().any(holds) {
        return None;
    }
    Some(judge("write into /tmp", write_shared(), SEATBELT))
}

fn set_same_mode(rule: &Rule<'_>) -> Result<(), Errno> {
    let mode = Mode::from_bits_truncate(fstat(rule.handle)?.st_mode);
    fchmod(rule.handle, mode)
}

fn write_shared() -> Result<(), Errno> {
    let path = format!("{SHARED}/darkslide-selftest-{}", std::process::id());
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    open(path.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)?;
    unlink(path.as_str())
}

fn tcp() -> Result<OwnedFd, Errno> {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None)?;
    // A firewall that swallows packets must not hold the start up.
    fcntl(socket.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(socket)
}

fn connect_tcp() -> Result<(), Errno> {
    connect(tcp()?.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, DISCARD))
}

/// Port 0 of the loopback address, which sends nothing.
fn bind_tcp() -> Result<(), Errno> {
    bind(tcp()?.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, 0))
}
