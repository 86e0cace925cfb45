//! Tries what must fail and sees it fail; confinement that nobody has seen refuse something is a
//! hope.
//!
//! Makes only calls that answer an errno: those that kill are tried by the test program
//! `misbehave`. Each attempt is harmless should it succeed (it reads nothing, makes only what
//! vanishes with its descriptor, and sends no packet), for it will be made in a process that is not
//! confined after all, with a real library at hand. That what is granted works is tried by boot,
//! which knows libraries and roots. The hazard: a call that fails for another reason proves
//! nothing, so each attempt names the answers that count.

#![expect(clippy::disallowed_methods, reason = "the self-test: tries what must fail")]

use std::os::fd::{AsFd, BorrowedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, open, openat, openat2};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::kill;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, socket};
use nix::sys::stat::{Mode, fstat, stat};
use nix::unistd::getppid;

use super::Rule;
use super::outcome::{Outcome, judge, judge_writes};
use super::report::{Landlock, Truncation};

/// Files that no rule covers, best first: below `/proc` no library and no root can lie, and a rule
/// for `/` would let all of this fail, as it should.
const OUTSIDE: [&str; 2] = ["/proc/self/status", "/"];

/// Chooses, before confinement, a file outside all rules that can be opened until then.
pub(super) fn file_outside() -> Option<&'static str> {
    OUTSIDE.into_iter().find(|path| open_outside(path).is_ok())
}

/// Opens a file outside the rules for reading. It reads nothing of it.
pub(super) fn open_outside(path: &str) -> Result<(), Errno> {
    open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NOCTTY, Mode::empty()).map(drop)
}

/// What Landlock alone refuses. To be tried before the filters, which would kill for these calls.
pub(super) fn with_landlock_only(abi: u8) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    if abi >= 4 {
        outcomes.push(judge("bind a TCP port of this machine", bind_tcp(), &[]));
    }
    let parent = getppid();
    // 0 is a parent in another process namespace; a signal to 0 would be one to ourselves.
    if abi >= 6 && parent.as_raw() > 0 {
        let outcome = kill(parent, None);
        outcomes.push(judge(
            "send a signal to the parent process",
            outcome,
            &[Errno::EPERM, Errno::ESRCH],
        ));
    }
    outcomes
}

/// What can be tried at any time in a confined process, and again for each full `health`.
pub(super) fn at_any_time(
    landlock: &Landlock,
    seccomp: bool,
    truncation: Truncation,
    outside: Option<&str>,
) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    if let Landlock::Enforced { .. } = landlock {
        if let Some(path) = outside {
            outcomes.push(judge(&format!("open {path}"), open_outside(path), &[Errno::EACCES]));
        }
        let folder = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let listed = open("/", folder, Mode::empty()).map(drop);
        outcomes.push(judge("list /", listed, &[Errno::EACCES]));
    }
    if seccomp {
        // In no list, of no use to us, and without a trace should it succeed.
        let made = memfd_create("darkslide-selftest", MFdFlags::MFD_CLOEXEC).map(drop);
        outcomes.push(judge("make a file in memory", made, &[Errno::ENOSYS]));
        match truncation {
            Truncation::Seccomp => outcomes.extend(truncation_by_seccomp()),
            Truncation::Landlock | Truncation::Seatbelt | Truncation::Open => {}
        }
    }
    outcomes
}

/// For each folder that may be read only: a write into it. The file has no name and vanishes with
/// its descriptor, so that a library which is not protected after all is left as it was.
pub(super) fn below_rules(rules: &[Rule<'_>]) -> Vec<Outcome> {
    judge_writes(rules, |rule| write_unnamed(rule.handle))
}

/// A write where no rule allows one, into a folder that anybody may write to. Nothing where a rule
/// is about that folder, or about the one that it lies in.
pub(super) fn outside_rules(rules: &[Rule<'_>]) -> Option<Outcome> {
    const FOLDER: &str = "/tmp";
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let folder = open(FOLDER, flags, Mode::empty()).ok()?;
    let ruled = [stat(FOLDER), stat("/")].map(|facts| facts.ok().map(|it| (it.st_dev, it.st_ino)));
    let is_ruled = |rule: &Rule<'_>| {
        fstat(rule.handle).is_ok_and(|it| ruled.contains(&Some((it.st_dev, it.st_ino))))
    };
    if rules.iter().any(is_ruled) {
        return None;
    }
    Some(judge("write into /tmp", write_unnamed(folder.as_fd()), &[]))
}

fn write_unnamed(folder: BorrowedFd<'_>) -> Result<(), Errno> {
    let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    openat(folder, ".", flags, Mode::S_IRUSR | Mode::S_IWUSR).map(drop)
}

/// Binds port 0 of the loopback address, which sends nothing. A system that has no such socket
/// refuses as well.
fn bind_tcp() -> Result<(), Errno> {
    let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None)?;
    bind(std::os::fd::AsRawFd::as_raw_fd(&socket), &SockaddrIn::new(127, 0, 0, 1, 0))
}

/// Where Landlock knows no right to truncate: both ways that an open could, tried on a folder,
/// which has nothing to empty.
fn truncation_by_seccomp() -> [Outcome; 2] {
    let flags = OFlag::O_RDONLY | OFlag::O_TRUNC | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let emptied = open("/", flags, Mode::empty()).map(drop);
    let here = nix::fcntl::AT_FDCWD;
    let hidden = openat2(here, "/", OpenHow::new().flags(flags)).map(drop);
    [
        judge("open with O_TRUNC", emptied, &[Errno::ENOSYS]),
        judge("call openat2, whose flags no filter can read", hidden, &[Errno::ENOSYS]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_file_outside_that_opens_before_confinement() {
        assert_eq!(file_outside(), Some("/proc/self/status"));
    }

    #[test]
    fn each_attempt_succeeds_harmlessly_in_a_process_that_is_not_confined() {
        let landlock = Landlock::Enforced { abi: 7 };
        for outcome in at_any_time(&landlock, true, Truncation::Landlock, Some("/")) {
            assert!(matches!(outcome, Outcome::Unproven { .. }), "{outcome:?}");
        }
        assert!(matches!(with_landlock_only(4).as_slice(), [Outcome::Unproven { .. }]));
    }
}
