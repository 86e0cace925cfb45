//! How far a job is: a pure state machine.
//!
//! Nothing here runs or waits. What is not in the table below cannot happen, and is answered by the
//! state that there was: a job that is over stays over, until somebody has it go on; one that is
//! done has nothing to go on with.

use darkslide_protocol::error::WireError;
use serde::{Deserialize, Serialize};

/// How far a job is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    /// In line.
    Queued,
    /// At work.
    Running,
    /// Done.
    Finished,
    /// Ended without being done.
    Failed(WireError),
    /// Given up because somebody asked for that.
    Cancelled,
    /// Broken off by a daemon's end.
    Interrupted,
}

/// What happens to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happening {
    /// Its turn came.
    Started,
    /// Its work was done.
    Finished,
    /// Its work failed, or may not go on.
    Failed(WireError),
    /// Somebody asked it to stop, and it did.
    Cancelled,
    /// The daemon's end asked it to stop, and it did.
    Interrupted,
    /// It is in line again.
    Resumed,
}

impl State {
    /// The state after something happened; `None` if that cannot happen now.
    #[must_use]
    pub(crate) fn after(&self, happening: Happening) -> Option<Self> {
        match (self, happening) {
            (Self::Queued, Happening::Started) => Some(Self::Running),
            (Self::Running, Happening::Finished) => Some(Self::Finished),
            (Self::Queued | Self::Running | Self::Interrupted, Happening::Failed(error)) => {
                Some(Self::Failed(error))
            }
            (Self::Queued | Self::Running | Self::Interrupted, Happening::Cancelled) => {
                Some(Self::Cancelled)
            }
            (Self::Queued | Self::Running, Happening::Interrupted) => Some(Self::Interrupted),
            (Self::Failed(_) | Self::Cancelled | Self::Interrupted, Happening::Resumed) => {
                Some(Self::Queued)
            }
            (Self::Queued, Happening::Finished | Happening::Resumed)
            | (Self::Running, Happening::Started | Happening::Resumed)
            | (
                Self::Interrupted,
                Happening::Started | Happening::Finished | Happening::Interrupted,
            )
            | (Self::Finished, Happening::Resumed)
            | (
                Self::Finished | Self::Failed(_) | Self::Cancelled,
                Happening::Started
                | Happening::Finished
                | Happening::Failed(_)
                | Happening::Cancelled
                | Happening::Interrupted,
            ) => None,
        }
    }

    /// Is it over?
    #[must_use]
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Finished | Self::Failed(_) | Self::Cancelled | Self::Interrupted => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use darkslide_protocol::error::{ErrorName, Reason};

    fn failed() -> State {
        State::Failed(WireError::new(ErrorName::Internal, Reason::Panic, "x", "y"))
    }

    fn happenings() -> [Happening; 5] {
        let error = WireError::new(ErrorName::Internal, Reason::Panic, "x", "y");
        [
            Happening::Started,
            Happening::Finished,
            Happening::Failed(error),
            Happening::Cancelled,
            Happening::Interrupted,
        ]
    }

    #[test]
    fn a_job_that_is_over_stays_over_unless_it_is_resumed() {
        for state in [State::Finished, failed(), State::Cancelled] {
            for happening in happenings() {
                assert_eq!(state.after(happening), None);
            }
            assert!(state.is_over());
        }
        for state in [failed(), State::Cancelled, State::Interrupted] {
            assert_eq!(state.after(Happening::Resumed), Some(State::Queued));
        }
    }

    #[test]
    fn a_job_that_is_done_or_under_way_has_nothing_to_resume() {
        for state in [State::Finished, State::Queued, State::Running] {
            assert_eq!(state.after(Happening::Resumed), None);
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
    fn a_job_in_line_can_be_given_up_and_an_interrupted_one_denied() {
        assert_eq!(State::Queued.after(Happening::Interrupted), Some(State::Interrupted));
        assert_eq!(State::Queued.after(Happening::Cancelled), Some(State::Cancelled));
        for state in [State::Queued, State::Running, State::Interrupted] {
            assert!(matches!(state.after(happenings()[2].clone()), Some(State::Failed(_))));
        }
        assert_eq!(State::Interrupted.after(Happening::Finished), None);
    }
}
