//! The way through the steps of confinement, the same on every system: what fails ends the start,
//! or is remembered under best effort.
//!
//! It knows what a policy may waive and what it never may; it makes no call. The hazard: a step
//! that failed in silence.

use super::Strictness;
use super::error::ConfineError;
use super::outcome::Outcome;
use super::report::Refusal;

/// What was achieved so far.
pub(super) struct Course {
    pub(super) strictness: Strictness,
    /// What was asked for and is not there.
    pub(super) missing: Vec<String>,
    /// What was tried, must fail, and failed.
    pub(super) seen: Vec<Refusal>,
}

impl Course {
    pub(super) fn begin(strictness: Strictness) -> Self {
        Self { strictness, missing: Vec::new(), seen: Vec::new() }
    }

    /// A step that may be missing under best effort; then it answers `None`.
    pub(super) fn step<T>(
        &mut self,
        outcome: Result<T, ConfineError>,
    ) -> Result<Option<T>, ConfineError> {
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
                | ConfineError::NoPath { .. }
                | ConfineError::Seatbelt { .. }
                | ConfineError::SelfTest { .. } => true,
                ConfineError::NotBuiltYet { .. }
                | ConfineError::Twice
                | ConfineError::ManyThreads { .. }
                | ConfineError::TooFewDescriptors { .. } => false,
            },
        }
    }

    /// Holds attempts that must fail against their answers.
    pub(super) fn judge(&mut self, outcomes: Vec<Outcome>) -> Result<(), ConfineError> {
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
pub(super) fn with_source(error: &ConfineError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}
