//! What an error of the client tells of the daemon: that it answers, that it does not, or nothing.
//!
//! A pure function. A daemon that says no has answered; counted as a failure is only what another
//! try might mend: nobody there, no answer in time, a connection that is no longer one, and what
//! the daemon itself calls transient. The hazard: a misspelt album that opens the circuit for all.

use darkslide_protocol::error::Class;

use crate::error::{Error, ProtocolError, Unavailable};

/// What a breaker makes of the end of a call.
#[derive(Debug)]
pub(super) enum Verdict<'a> {
    /// Somebody answered.
    Answered,
    /// Nobody did, or not as it should be.
    Failed(&'a Error),
    /// Nothing was sent, by our own doing.
    NotAsked,
}

impl<'a> Verdict<'a> {
    pub(super) fn of(error: &'a Error) -> Self {
        match error {
            Error::Unavailable(Unavailable::NoRuntime | Unavailable::InRuntime) => Self::NotAsked,
            Error::Unavailable(_) | Error::TimedOut { .. } => Self::Failed(error),
            Error::Protocol(broken) => match broken {
                ProtocolError::Frame(_)
                | ProtocolError::Message(_)
                | ProtocolError::UnknownId
                | ProtocolError::Descriptors(_)
                | ProtocolError::OtherService { .. } => Self::Failed(error),
                ProtocolError::Result { .. }
                | ProtocolError::NoDescriptor { .. }
                | ProtocolError::Newer { .. }
                | ProtocolError::PageLoop { .. } => Self::Answered,
                ProtocolError::Params(_) | ProtocolError::TooLong { .. } => Self::NotAsked,
            },
            Error::Denied(told) | Error::Remote(told) => match told.data.class {
                Class::Transient => Self::Failed(error),
                Class::Caller | Class::Policy | Class::Environment | Class::Bug => Self::Answered,
            },
        }
    }
}
