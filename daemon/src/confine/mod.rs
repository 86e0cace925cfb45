//! Confines this process: what it opened before remains, and nothing else can be reached, for good.
//!
//! `enter` is the one way in: limits, no new privileges, Landlock, two filters of system calls
//! (`enter.rs`; on macOS Seatbelt, `macos/`), and then attempts that must fail. It makes a
//! `Confined`, which nothing else can make, and which the later steps of the boot ask for. These
//! modules alone use `landlock` and `seccompiler`. They take open handles, decide nothing (`policy`
//! does), and can be called once per process, before its second thread: Landlock binds the thread
//! that enters and those that it starts afterwards. Read `syscalls.rs` and `seatbelt.rs` next: they
//! say what the daemon can still do.

#[cfg(any(target_os = "linux", target_os = "macos"))]
mod course;
#[cfg(target_os = "linux")]
mod enter;
mod error;
#[cfg(target_os = "linux")]
mod in_force;
#[cfg(target_os = "linux")]
mod landlock;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod limits;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(any(target_os = "linux", target_os = "macos"))]
mod outcome;
mod report;
#[cfg(any(target_os = "macos", test))]
mod seatbelt;
#[cfg(target_os = "linux")]
mod seccomp;
#[cfg(target_os = "linux")]
mod selftest;
#[cfg(target_os = "linux")]
mod syscalls;
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
mod unbuilt;

use std::os::fd::BorrowedFd;
use std::path::Path;

pub use darkslide_policy::{Access, Strictness};
#[cfg(target_os = "linux")]
pub use enter::{enter, enter_for, enter_with_abi};
pub use error::{ConfineError, LandlockAbsence, NotConfined};
#[cfg(target_os = "linux")]
pub use in_force::{assert_confined, recheck};
#[cfg(target_os = "macos")]
pub use macos::{assert_confined, enter, enter_for, recheck};
pub use report::{
    LEAST_DESCRIPTORS, Landlock, Limits, MAX_CORE_BYTES, MAX_DATA_BYTES, MAX_DESCRIPTORS, Refusal,
    Report, Truncation,
};
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub use unbuilt::{assert_confined, enter, enter_for, recheck};

/// A folder that stays open to this process, with all that is below it now or later.
///
/// The rule follows the folder itself, not its path: a folder that takes its place is not covered.
#[derive(Debug, Clone)]
pub struct Rule<'a> {
    /// What it is, for messages: `library main`, `root exports`.
    pub what: String,
    /// An open directory; `O_PATH` is enough.
    pub handle: BorrowedFd<'a>,
    /// What may be done below it.
    pub access: Access,
}

/// What a daemon goes on doing beside files.
#[derive(Debug, Clone, Copy, Default)]
pub struct Needs<'a> {
    /// The socket that it accepts on, if it has a path.
    pub socket: Option<&'a Path>,
    /// Whether it holds programs of peers against code requirements.
    pub looks_at_programs: bool,
}

/// The proof that this process is confined, as far as its `Strictness` demanded. Only `enter` makes
/// it.
///
/// ```compile_fail
/// # use darkslide_daemon::confine::{Confined, recheck};
/// let forged = Confined { report: recheck() };
/// ```
/// The twin, which asks in place of forging:
/// ```
/// # use darkslide_daemon::confine::{Confined, recheck};
/// fn report_of(confined: &Confined) -> bool { confined.report() == &recheck() }
/// ```
#[derive(Debug)]
#[must_use = "the later steps of the boot ask for it"]
pub struct Confined {
    report: Report,
}

impl Confined {
    /// Returns what was in force, and what was seen to fail, at the moment of entering.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }
}
