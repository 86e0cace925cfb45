//! How far a job is: a pure state machine.
//!
//! Nothing here runs or waits. What is not in the table below cannot happen, and is answered by the
//! state that there was: a job that is over stays over.

use darkslide_protocol::error::WireError;

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// In line.
    Queued,
    /// At work.
    Running,
    /// Done.
    Finished,
    /// Ended without being done.
    Failed(WireError),
    /// Broken off by the daemon's end.
    Interrupted,
}

/// What happens to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happening {
    /// Its turn came.
    Started,
    /// Its work was done.
    Finished,
    /// Its work failed.
    Failed(WireError),
    /// It was asked to stop, and did.
    Interrupted,
}

impl State {
    /// The state after something happened; `None` if that cannot happen now.
    #[must_use]
    pub(crate) fn after(&self, happening: Happening) -> Option<Self> {
        match (self, happening) {
            (Self::Queued, Happening::Started) => Some(Self::Running),
            (Self::Queued | Self::Running, Happening::Failed(error)) => Some(Self::Failed(error)),
            (Self::Queued | Self::Running, Happening::Interrupted) => Some(Self::Interrupted),
            (Self::Running, Happening::Finished) => Some(Self::Finished),
            (Self::Queued, Happening::Finished)
            | (Self::Running, Happening::Started)
            | (
                Self::Finished | Self::Failed(_) | Self::Interrupted,
                Happening::Started
                | Happening::Finished
                | Happening::Failed(_)
                | Happening::Interrupted,
            ) => None,
        }
    }

    /// Is it over?
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Finished | Self::Failed(_) | Self::Interrupted => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use darkslide_protocol::error::{ErrorName, Reason};

    fn error() -> WireError {
        WireError::new(ErrorName::Internal, Reason::Panic, "x", "y")
    }

    #[test]
    fn a_job_that_is_over_stays_over() {
        for state in [State::Finished, State::Failed(error()), State::Interrupted] {
            for happening in [
                Happening::Started,
                Happening::Finished,
                Happening::Failed(error()),
                Happening::Interrupted,
            ] {
                assert_eq!(state.after(happening), None);
            }
            assert!(state.is_over());
        }
    }

    #[test]
    fn a_job_is_done_only_after_it_began() {
        assert_eq!(State::Queued.after(Happening::Finished), None);
        assert_eq!(State::Queued.after(Happening::Started), Some(State::Running));
        assert_eq!(State::Running.after(Happening::Finished), Some(State::Finished));
        assert_eq!(State::Running.after(Happening::Started), None);
    }

    #[test]
    fn a_job_in_line_can_be_broken_off() {
        assert_eq!(State::Queued.after(Happening::Interrupted), Some(State::Interrupted));
        assert_eq!(State::Queued.after(Happening::Failed(error())), Some(State::Failed(error())));
    }
}
