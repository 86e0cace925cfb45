//! The confinement of systems that have none yet: it refuses to start.
//!
//! Stands in for `enter.rs` and `in_force.rs` wherever neither Landlock nor Seatbelt exists. It
//! must never answer that something is in force. The hazard: a daemon with Full Disk Access and
//! nothing to hold it is what this program exists to avoid, so there is no best effort here either.

use super::error::{ConfineError, NotConfined};
use super::report::{Landlock, Limits, Report, Truncation};
use super::{Confined, Needs, Rule, Strictness};

const SYSTEM: &str = "this system";

/// Refuses.
///
/// # Errors
/// Always `NotBuiltYet`, whatever the strictness.
pub fn enter(_rules: &[Rule<'_>], _strictness: Strictness) -> Result<Confined, ConfineError> {
    Err(ConfineError::NotBuiltYet { system: SYSTEM })
}

/// Refuses.
///
/// # Errors
/// As `enter`.
pub fn enter_for(
    rules: &[Rule<'_>],
    strictness: Strictness,
    _needs: &Needs<'_>,
) -> Result<Confined, ConfineError> {
    enter(rules, strictness)
}

/// Says that nothing holds this thread.
///
/// # Errors
/// Always `NeverEntered`.
pub fn assert_confined() -> Result<(), NotConfined> {
    Err(NotConfined::NeverEntered)
}

/// Says that nothing holds this process.
#[must_use]
pub fn recheck() -> Report {
    let why = ConfineError::NotBuiltYet { system: SYSTEM }.to_string();
    Report {
        strictness: Strictness::Required,
        landlock: Landlock::Absent { why: why.clone() },
        truncation: Truncation::Open,
        seccomp: false,
        seatbelt: false,
        no_new_privs: false,
        limits: Limits::default(),
        selftest: Vec::new(),
        missing: vec![why],
    }
}
