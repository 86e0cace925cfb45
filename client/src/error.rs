//! What a call can end with: five cases, by whose turn it is, each with a hint.
//!
//! `Denied` and `Remote` are the daemon's own words and leave the connection usable; `TimedOut`
//! does too. `Unavailable` means that there is nobody to ask, or no longer. `Protocol` is a bug on
//! one of both sides. Errors are `Clone`, for the end of a connection is told to every call that
//! waits on it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use darkslide_protocol::envelope::OutgoingError;
use darkslide_protocol::error::{Class, ErrorName, WireError};
use darkslide_protocol::frame::FrameError;

use crate::descriptors::DescriptorError;
use crate::place::PlaceError;

/// Why a call has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The policy says no.
    #[error("{0}")]
    Denied(WireError),
    /// There is no daemon to ask, or it went away.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// No answer within the time; the connection stays usable, and a late answer is dropped.
    #[error("no answer within {} s while {doing}", after.as_secs_f64())]
    TimedOut {
        /// What was waited for: a method's name, or words.
        doing: &'static str,
        /// How long.
        after: Duration,
    },
    /// One side does not keep to the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    /// The daemon answered with an error.
    #[error("{0}")]
    Remote(WireError),
}

impl Error {
    /// What to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Denied(error) | Self::Remote(error) => error.data.hint.clone(),
            Self::Unavailable(error) => error.hint().to_owned(),
            Self::TimedOut { .. } => {
                "try again; `darkslide health` tells whether the daemon is busy".to_owned()
            }
            Self::Protocol(error) => error.hint().to_owned(),
        }
    }

    /// The daemon's own error, if it is one.
    #[must_use]
    pub fn wire(&self) -> Option<&WireError> {
        match self {
            Self::Denied(error) | Self::Remote(error) => Some(error),
            Self::Unavailable(_) | Self::TimedOut { .. } | Self::Protocol(_) => None,
        }
    }

    /// Whose turn it is; of the daemon's errors, as the daemon says.
    #[must_use]
    pub fn class(&self) -> Class {
        match self {
            Self::Denied(error) | Self::Remote(error) => error.data.class,
            Self::Unavailable(Unavailable::NoRuntime | Unavailable::InRuntime) => Class::Caller,
            Self::Unavailable(_) | Self::TimedOut { .. } => Class::Transient,
            Self::Protocol(error) => error.class(),
        }
    }

    /// Is it worth trying again, with nobody's help? What a circuit breaker counts.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.class() == Class::Transient
    }
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        if error.data.name == ErrorName::Denied { Self::Denied(error) } else { Self::Remote(error) }
    }
}

/// Why there is nobody to ask.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// Where the socket would be is unknown, or not to be trusted. Nothing was sent.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Nobody listens there.
    #[error("nobody listens at {}", socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// What the system says.
        source: Arc<io::Error>,
    },
    /// The daemon ended the connection.
    #[error("the daemon ended the connection")]
    Closed,
    /// The connection broke.
    #[error("the connection broke")]
    Broken(#[source] Arc<io::Error>),
    /// A client needs a tokio runtime with I/O and time.
    #[error("there is no tokio runtime here")]
    NoRuntime,
    /// A blocking client would block a runtime.
    #[error("a blocking client was called within a tokio runtime")]
    InRuntime,
}

impl Unavailable {
    /// What to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Place(error) => error.hint(),
            Self::Connect { .. } => {
                "start the daemon (`darkslided`), or set DARKSLIDE_SOCKET to where one listens"
            }
            Self::Closed | Self::Broken(_) => {
                "try again; the daemon's log says why it ended, if it did"
            }
            Self::NoRuntime => "make the client within a tokio runtime with I/O and time",
            Self::InRuntime => "use the client that awaits, or a thread without a runtime",
        }
    }

    /// Can it be otherwise in a moment, as when a daemon starts again? Not where somebody has to
    /// mend what is there, least of all where what is there is not to be trusted.
    pub(crate) fn may_pass(&self) -> bool {
        // The last two: a daemon that ended before it accepted us.
        let is_absence = |source: &io::Error| {
            matches!(
                source.kind(),
                io::ErrorKind::NotFound
                    | io::ErrorKind::ConnectionRefused
                    | io::ErrorKind::ConnectionReset
                    | io::ErrorKind::NotConnected
            )
        };
        match self {
            Self::Place(PlaceError::Look { source, .. }) | Self::Connect { source, .. } => {
                is_absence(source)
            }
            Self::Place(_) | Self::NoRuntime | Self::InRuntime => false,
            Self::Closed | Self::Broken(_) => true,
        }
    }
}

/// How the protocol was broken.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The daemon sent bytes that are no frame; the connection is over.
    #[error("the daemon sent something that is no frame")]
    Frame(#[source] FrameError),
    /// The daemon sent a frame that is no message; the connection is over.
    #[error("the daemon sent a frame that cannot be read")]
    Message(#[source] Arc<OutgoingError>),
    /// The daemon answered what nobody asked; the connection is over.
    #[error("the daemon answered a request that was never made")]
    UnknownId,
    /// Descriptors and frames do not go together; the connection is over.
    #[error(transparent)]
    Descriptors(#[from] DescriptorError),
    /// The daemon's result came without its descriptor; the connection stays usable.
    #[error("the result of {method} came without its descriptor")]
    NoDescriptor {
        /// Of which method.
        method: &'static str,
    },
    /// The daemon's result is of another form than this client knows; the connection stays usable.
    #[error("the result of {method} has another form than this client knows")]
    Result {
        /// Of which method.
        method: &'static str,
        /// Where it differs.
        source: Arc<serde_json::Error>,
    },
    /// The daemon answered with an error in words that this client does not know; the connection
    /// stays usable.
    #[error("the daemon refuses, in words that this client does not know: {message}")]
    Newer {
        /// What it says to a person.
        message: String,
    },
    /// The params cannot be written as JSON; nothing was sent.
    #[error("the params cannot be written as JSON")]
    Params(#[source] Arc<serde_json::Error>),
    /// The request is longer than the daemon takes; nothing was sent.
    #[error("the request has {bytes} bytes; {limit} are allowed")]
    TooLong {
        /// What it has.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// What listens there is something else.
    #[error("this is no darkslide daemon of protocol {expected}")]
    OtherService {
        /// The protocol of this client.
        expected: u32,
    },
    /// A page names itself as the next one.
    #[error("a page of {method} names itself as the next one")]
    PageLoop {
        /// Of which method.
        method: &'static str,
    },
}

impl ProtocolError {
    /// What to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Frame(_)
            | Self::Message(_)
            | Self::UnknownId
            | Self::Descriptors(_)
            | Self::OtherService { .. } => {
                "see what listens at the socket: `darkslide call health --trace`"
            }
            Self::Result { .. }
            | Self::NoDescriptor { .. }
            | Self::PageLoop { .. }
            | Self::Newer { .. } => "bring client and daemon to the same version",
            Self::Params(_) => "look at the values of the params",
            Self::TooLong { .. } => "ask for less at once",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Params(_) | Self::TooLong { .. } => Class::Caller,
            Self::Frame(_)
            | Self::Message(_)
            | Self::UnknownId
            | Self::Descriptors(_)
            | Self::NoDescriptor { .. }
            | Self::Result { .. }
            | Self::Newer { .. }
            | Self::OtherService { .. }
            | Self::PageLoop { .. } => Class::Bug,
        }
    }
}

#[cfg(test)]
mod tests {
    use darkslide_protocol::error::Reason;

    use super::*;

    #[test]
    fn a_denial_is_told_apart_from_other_answers() {
        let denied = WireError::new(ErrorName::Denied, Reason::Denied, "no", "ask the owner");
        let error = Error::from(denied);
        assert!(matches!(error, Error::Denied(_)));
        assert_eq!(error.hint(), "ask the owner");
        let busy = WireError::new(ErrorName::Busy, Reason::Busy, "busy", "try again");
        assert!(matches!(Error::from(busy), Error::Remote(_)));
    }

    #[test]
    fn each_case_has_its_class() {
        let timed_out = Error::TimedOut { doing: "health", after: Duration::from_secs(1) };
        let denied = WireError::new(ErrorName::Denied, Reason::Denied, "no", "ask the owner");
        let busy = WireError::new(ErrorName::Busy, Reason::Busy, "busy", "try again");
        for (error, class) in [
            (Unavailable::Closed.into(), Class::Transient),
            (Unavailable::Place(PlaceError::NoHome).into(), Class::Transient),
            (timed_out, Class::Transient),
            (denied.into(), Class::Policy),
            (busy.into(), Class::Transient),
            (ProtocolError::TooLong { bytes: 2, limit: 1 }.into(), Class::Caller),
            (ProtocolError::UnknownId.into(), Class::Bug),
            (ProtocolError::from(DescriptorError::Surplus).into(), Class::Bug),
        ] {
            let error: Error = error;
            assert_eq!(error.class(), class, "{error}");
            assert_eq!(error.is_transient(), class == Class::Transient, "{error}");
        }
    }

    #[test]
    fn only_absence_is_waited_for() {
        let connect = |kind: io::ErrorKind| Unavailable::Connect {
            socket: PathBuf::from("s"),
            source: Arc::new(kind.into()),
        };
        let look = |kind: io::ErrorKind| {
            Unavailable::Place(PlaceError::Look {
                path: PathBuf::from("s"),
                source: Arc::new(kind.into()),
            })
        };
        for (error, passes) in [
            (connect(io::ErrorKind::ConnectionRefused), true),
            (connect(io::ErrorKind::NotFound), true),
            (connect(io::ErrorKind::ConnectionReset), true),
            (connect(io::ErrorKind::NotConnected), true),
            (look(io::ErrorKind::NotFound), true),
            (Unavailable::Closed, true),
            (connect(io::ErrorKind::PermissionDenied), false),
            (look(io::ErrorKind::PermissionDenied), false),
            (Unavailable::Place(PlaceError::PeerUid { path: PathBuf::new(), uid: 7 }), false),
            (Unavailable::NoRuntime, false),
        ] {
            assert_eq!(error.may_pass(), passes, "{error}");
        }
    }

    #[test]
    fn texts_are_lower_case_without_a_period_and_have_hints() {
        let closed = Error::from(Unavailable::Closed);
        let timed_out = Error::TimedOut { doing: "health", after: Duration::from_millis(1500) };
        assert_eq!(timed_out.to_string(), "no answer within 1.5 s while health");
        for error in
            [closed, timed_out, ProtocolError::UnknownId.into(), Unavailable::NoRuntime.into()]
        {
            let text = error.to_string();
            assert!(text.starts_with(char::is_lowercase) && !text.ends_with('.'), "{text}");
            assert!(!error.hint().is_empty());
        }
    }
}
