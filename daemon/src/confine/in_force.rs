//! What must hold in every thread of this process, and whether it does.
//!
//! Remembers, once per process, what `enter` achieved; `assert_confined` holds a thread against it
//! and `recheck` asks the kernel anew. There is no way to forget or to change it, for there is none
//! in the kernel either. The hazard: Landlock binds the thread that entered and its children only,
//! so a thread that existed before would be free without anybody noticing; hence every thread asks
//! the kernel, and not this memory, what holds it.

use std::sync::OnceLock;

use nix::errno::Errno;
use nix::sys::prctl;
use rustix::thread::{SecureComputingMode, secure_computing_mode};

use super::Strictness;
use super::error::NotConfined;
use super::limits;
use super::outcome::Outcome;
use super::report::{Landlock, Refusal, Report, Truncation};
use super::selftest;

/// What `enter` achieved.
#[derive(Debug)]
pub(super) struct InForce {
    pub(super) strictness: Strictness,
    pub(super) landlock: Landlock,
    pub(super) truncation: Truncation,
    pub(super) seccomp: bool,
    pub(super) no_new_privs: bool,
    /// A file that could be opened before, and that no rule covers.
    pub(super) outside: Option<&'static str>,
    /// What was asked for and is not there.
    pub(super) missing: Vec<String>,
}

static IN_FORCE: OnceLock<InForce> = OnceLock::new();

/// Returns whether `enter` has succeeded in this process.
pub(super) fn is_entered() -> bool {
    IN_FORCE.get().is_some()
}

/// Remembers what `enter` achieved. A second one is impossible (`enter` refuses) and would change
/// nothing.
pub(super) fn remember(in_force: InForce) -> &'static InForce {
    IN_FORCE.get_or_init(|| in_force)
}

/// Asks the kernel whether the calling thread is held as the process is said to be. Three calls,
/// some five microseconds.
///
/// Every thread of the daemon calls this first. After a start by best effort it asks for what was
/// achieved then.
///
/// # Errors
/// What does not hold. The process must end: what the thread has done until then nobody can tell.
pub fn assert_confined() -> Result<(), NotConfined> {
    let must = IN_FORCE.get().ok_or(NotConfined::NeverEntered)?;
    if must.no_new_privs && !has_no_new_privs() {
        return Err(NotConfined::NewPrivs);
    }
    if must.seccomp && !has_filter() {
        return Err(NotConfined::NoFilter);
    }
    let (Landlock::Enforced { .. }, Some(what)) = (&must.landlock, must.outside) else {
        return Ok(());
    };
    match selftest::open_outside(what) {
        Ok(()) => Err(NotConfined::Opened { what }),
        Err(Errno::EACCES) => Ok(()),
        Err(errno) => Err(NotConfined::Unproven { what, errno }),
    }
}

/// Asks the kernel anew what holds this thread, and tries again what must fail.
#[must_use]
pub fn recheck() -> Report {
    match IN_FORCE.get() {
        Some(must) => must.report_now(),
        None => Report {
            strictness: Strictness::Required,
            landlock: Landlock::Absent { why: NotConfined::NeverEntered.to_string() },
            truncation: Truncation::Open,
            seccomp: false,
            seatbelt: false,
            no_new_privs: has_no_new_privs(),
            limits: limits::read(),
            selftest: Vec::new(),
            missing: vec![NotConfined::NeverEntered.to_string()],
        },
    }
}

impl InForce {
    /// Returns the report of the start: what was seen to fail then, and what the kernel says now.
    pub(super) fn first_report(&self, seen: Vec<Refusal>) -> Report {
        Report { selftest: seen, ..self.report_now() }
    }

    /// Returns what the kernel says now, held against what was achieved.
    fn report_now(&self) -> Report {
        let outcomes =
            selftest::at_any_time(&self.landlock, self.seccomp, self.truncation, self.outside);
        let mut report = Report {
            strictness: self.strictness,
            landlock: self.landlock.clone(),
            truncation: self.truncation,
            // The mode alone does not tell whose filter it is: an outer sandbox has one too.
            seccomp: self.seccomp && has_filter(),
            seatbelt: false,
            no_new_privs: has_no_new_privs(),
            limits: limits::read(),
            selftest: Vec::new(),
            missing: self.missing.clone(),
        };
        if self.seccomp && !report.seccomp {
            report.missing.push(NotConfined::NoFilter.to_string());
        }
        if self.no_new_privs && !report.no_new_privs {
            report.missing.push(NotConfined::NewPrivs.to_string());
        }
        for outcome in outcomes {
            match outcome {
                Outcome::Refused(refusal) => report.selftest.push(refusal),
                Outcome::Unproven { what, answer } => {
                    report.missing.push(format!("{what}: {answer}"))
                }
            }
        }
        report.missing.extend(limits::changed(&report.limits));
        report
    }
}

/// Asks the kernel whether the calling thread can gain no privileges any more.
pub(super) fn has_no_new_privs() -> bool {
    prctl::get_no_new_privs() == Ok(true)
}

/// Asks the kernel whether a filter of system calls holds the calling thread.
pub(super) fn has_filter() -> bool {
    secure_computing_mode() == Ok(SecureComputingMode::Filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No test of this binary enters: a confined process cannot be set free again (tests/confine
    /// does).
    #[test]
    fn a_process_that_never_entered_is_not_confined() {
        assert_eq!(assert_confined(), Err(NotConfined::NeverEntered));
        let report = recheck();
        assert!(!report.is_complete() && !report.seccomp);
        assert!(matches!(report.landlock, Landlock::Absent { .. }));
    }
}
