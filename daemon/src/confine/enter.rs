//! The order of confinement, and what happens at each step that fails.
//!
//! One thread, then limits, no new privileges, Landlock, what only Landlock refuses, the filters,
//! the rest of the self-test: Landlock's own calls are in no filter, and a filter needs
//! no_new_privs. A step that fails ends the start, or under best effort stands in the report. It
//! must never answer `Confined` when something that is said to be in force was not seen to refuse.
//! The hazard: nothing of this can be undone, so an error leaves a process that is good for nothing
//! but a message.

#![expect(clippy::disallowed_methods, reason = "counts the threads of this process in /proc")]

use nix::sys::prctl;

use super::course::{Course, with_source};
use super::error::ConfineError;
use super::in_force::{self, InForce};
use super::landlock;
use super::report::{Landlock, Truncation};
use super::{Confined, Needs, Rule, Strictness, limits, seccomp, selftest};

/// Confines this process to what it has open, and to what the rules name, for good.
///
/// # Errors
/// What is missing, or was not refused, if `strictness` is `Required`. Whatever it is: too few
/// descriptors, a second thread, a second call. After an error the process must end.
pub fn enter(rules: &[Rule<'_>], strictness: Strictness) -> Result<Confined, ConfineError> {
    enter_with_abi(rules, strictness, landlock::NEWEST_ABI)
}

/// As `enter`. Here what a daemon does beside files needs no rule: Landlock binds no socket that is
/// open already, and no program of a peer can be looked at.
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

/// As `enter`, on a kernel that is taken for one with an older Landlock. For test programs: it
/// shows on one machine what the daemon is held by on another.
///
/// The ceiling can only lower what is asked of Landlock; below 3 it adds the filter that closes
/// truncation, below 2 there is nothing to enter with. The daemon never calls it.
///
/// # Errors
/// As `enter`.
pub fn enter_with_abi(
    rules: &[Rule<'_>],
    strictness: Strictness,
    abi_ceiling: u8,
) -> Result<Confined, ConfineError> {
    if in_force::is_entered() {
        return Err(ConfineError::Twice);
    }
    let mut course = Course::begin(strictness);
    course.one_thread_only()?;
    let outside = selftest::file_outside();
    course.step(limits::set())?;
    let no_new_privs = prctl::set_no_new_privs();
    course.step(no_new_privs.map_err(|source| ConfineError::NoNewPrivs { source }))?;
    let (landlock, mut truncation) = course.landlock(rules, abi_ceiling)?;
    let seccomp = course.step(seccomp::install(truncation))?.is_some();
    if !seccomp && truncation == Truncation::Seccomp {
        truncation = Truncation::Open;
    }
    course.judge(selftest::at_any_time(&landlock, seccomp, truncation, outside))?;
    if let Landlock::Enforced { .. } = landlock {
        course.judge(selftest::below_rules(rules))?;
        course.judge(selftest::outside_rules(rules).into_iter().collect())?;
    }
    let no_new_privs = in_force::has_no_new_privs();
    let Course { missing, seen, .. } = course;
    let must = in_force::remember(InForce {
        strictness,
        landlock,
        truncation,
        seccomp,
        no_new_privs,
        outside,
        missing,
    });
    Ok(Confined { report: must.first_report(seen) })
}

impl Course {
    fn one_thread_only(&mut self) -> Result<(), ConfineError> {
        let counted = count_threads().map_err(|source| ConfineError::ThreadsUnknown { source });
        match self.step(counted)? {
            None | Some(1) => Ok(()),
            Some(count) => Err(ConfineError::ManyThreads { count }),
        }
    }

    /// Enters Landlock and tries what the filters will forbid to try.
    fn landlock(
        &mut self,
        rules: &[Rule<'_>],
        abi_ceiling: u8,
    ) -> Result<(Landlock, Truncation), ConfineError> {
        let entered = landlock::enter(rules, abi_ceiling);
        let why = entered.as_ref().err().map(with_source).unwrap_or_default();
        match self.step(entered)? {
            Some(asked) => {
                self.judge(selftest::with_landlock_only(asked.abi))?;
                Ok((Landlock::Enforced { abi: asked.abi }, asked.truncation))
            }
            None => Ok((Landlock::Absent { why }, Truncation::Seccomp)),
        }
    }
}

/// Counts the threads of this process.
fn count_threads() -> std::io::Result<usize> {
    let mut count = 0;
    for thread in std::fs::read_dir("/proc/self/task")? {
        thread?;
        count += 1;
    }
    Ok(count)
}
