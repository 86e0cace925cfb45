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

use super::error::ConfineError;
use super::in_force::{self, InForce};
use super::landlock;
use super::report::{Landlock, Refusal, Truncation};
use super::selftest::{self, Outcome};
use super::{Confined, Rule, Strictness, limits, seccomp};

/// Confines this process to what it has open, and to what the rules name, for good.
///
/// # Errors
/// What is missing, or was not refused, if `strictness` is `Required`. Whatever it is: too few
/// descriptors, a second thread, a second call. After an error the process must end.
pub fn enter(rules: &[Rule<'_>], strictness: Strictness) -> Result<Confined, ConfineError> {
    enter_with_abi(rules, strictness, landlock::NEWEST_ABI)
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
    let mut course = Course { strictness, missing: Vec::new(), seen: Vec::new() };
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

/// The way through the steps: what fails ends it or is remembered, as the policy demands.
struct Course {
    strictness: Strictness,
    missing: Vec<String>,
    seen: Vec<Refusal>,
}

impl Course {
    /// A step that may be missing under best effort; then it answers `None`.
    fn step<T>(&mut self, outcome: Result<T, ConfineError>) -> Result<Option<T>, ConfineError> {
        match outcome {
            Ok(value) => Ok(Some(value)),
            Err(error) if self.may_go_on_without(&error) => {
                self.missing.push(with_source(&error));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// What the policy may waive. A second thread, or too few descriptors to work with, it may not.
    fn may_go_on_without(&self, error: &ConfineError) -> bool {
        match self.strictness {
            Strictness::Required => false,
            Strictness::BestEffort => match error {
                ConfineError::ThreadsUnknown { .. }
                | ConfineError::Limit { .. }
                | ConfineError::NoNewPrivs { .. }
                | ConfineError::Landlock { .. }
                | ConfineError::Rule { .. }
                | ConfineError::Partial { .. }
                | ConfineError::Seccomp { .. }
                | ConfineError::SelfTest { .. } => true,
                ConfineError::NotBuiltYet { .. }
                | ConfineError::Twice
                | ConfineError::ManyThreads { .. }
                | ConfineError::TooFewDescriptors { .. } => false,
            },
        }
    }

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

    fn judge(&mut self, outcomes: Vec<Outcome>) -> Result<(), ConfineError> {
        for outcome in outcomes {
            match outcome {
                Outcome::Refused(refusal) => self.seen.push(refusal),
                Outcome::Unproven { what, answer } => {
                    self.step(Err::<(), _>(ConfineError::SelfTest { what, answer }))?;
                }
            }
        }
        Ok(())
    }
}

/// A message and its cause in one line, as it stands in the report.
fn with_source(error: &ConfineError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
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
