//! Why the daemon did not start: what happened, why, what to do, and the exit status.
//!
//! Exit statuses are those of sysexits, so that service managers and the CLI can tell a wrong
//! configuration (which no second start mends) from a lack that may pass.

use std::io;

use darkslide_door::{DoorError, DoorErrorKind};
use darkslide_policy::{AbsPath, PathError, PolicyError, PrivateError};
use darkslide_sys::answer::CodeError;

use crate::boot::AdoptError;
use crate::confine::ConfineError;

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// There is no home to write `~` for.
    #[error("the home folder of this user is not known")]
    NoHome,
    /// A path cannot be taken.
    #[error("the path {path:?} cannot be used")]
    Path {
        /// As given.
        path: String,
        /// Why.
        #[source]
        source: PathError,
    },
    /// The policy's text is wrong.
    #[error("the policy {path} cannot be used")]
    Policy {
        /// The file.
        path: String,
        /// Where and what.
        #[source]
        source: PolicyError,
    },
    /// The system cannot read the code requirement of a rule.
    #[error("the policy {path} cannot be used: rule {rule}")]
    Requirement {
        /// The file.
        path: String,
        /// The rule.
        rule: String,
        /// What the system says.
        #[source]
        source: CodeError,
    },
    /// The private policy makes no sense.
    #[error("this library and this destination do not go together")]
    Private(#[source] PrivateError),
    /// A file or folder that must be ours alone could be written by somebody else.
    #[error("{path} {problem}")]
    Unsafe {
        /// Which.
        path: String,
        /// In words that continue the path.
        problem: String,
    },
    /// Something else is where a file, folder or socket of ours should be.
    #[error("{path} {problem}")]
    InTheWay {
        /// Which.
        path: String,
        /// In words that continue the path.
        problem: String,
    },
    /// The system refused.
    #[error("cannot {action} {path}")]
    System {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: String,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// The socket's path is too long for the system.
    #[error("the socket path {path} has {bytes} bytes, {limit} are allowed")]
    SocketPathTooLong {
        /// As given.
        path: String,
        /// Its length.
        bytes: usize,
        /// What the system takes.
        limit: usize,
    },
    /// Another daemon serves there.
    #[error("another daemon serves at {0}")]
    AlreadyRunning(String),
    /// Another daemon keeps its jobs there.
    #[error("another daemon keeps its state in {0}")]
    StateInUse(String),
    /// What was handed over by the parent is wrong.
    #[error("this program was not started by darkslide: {0}")]
    NotPrivate(&'static str),
    /// A library cannot be used, and there is no other.
    #[error("the library {path} cannot be used")]
    Library {
        /// As given.
        path: AbsPath,
        /// Why.
        #[source]
        source: DoorError,
    },
    /// A root cannot be used, and there is no other.
    #[error("the destination {path} cannot be used")]
    Root {
        /// As given.
        path: AbsPath,
        /// Why.
        #[source]
        source: DoorError,
    },
    /// A root holds a library, or lies in one, or in another root, by whatever spelling.
    #[error("{first} and {second} are one folder, or lie in one another")]
    Overlap {
        /// One of the two.
        first: String,
        /// The other.
        second: String,
    },
    /// The kernel cannot confine, or did not.
    #[error("the daemon cannot be confined")]
    Confine(#[source] ConfineError),
    /// The policy lets a group connect that this system does not have.
    #[error("there is no group named {0:?}")]
    NoGroup(String),
    /// What a service manager handed over is not the listener of our place.
    #[error("what the service manager handed over is no socket to serve on")]
    Adopt(#[from] AdoptError),
    /// The same as without a service manager, but for the exit status: what cannot start is not
    /// started in a loop.
    #[error(transparent)]
    Activated(Box<BootError>),
    /// The runtime or the signals could not be set up.
    #[error("cannot start to serve")]
    Runtime(#[source] io::Error),
}

impl BootError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Usage(_) => "see darkslided --help".to_owned(),
            Self::NoHome => "set HOME to an absolute path".to_owned(),
            Self::Path { source, .. } => source.hint().to_owned(),
            Self::Policy { source, .. } => source.hint().to_owned(),
            Self::Requirement { .. } => {
                "write it as codesign --display --requirements - PROGRAM prints it".to_owned()
            }
            Self::Private(PrivateError::Overlap { .. }) => {
                "choose a destination outside the library".to_owned()
            }
            Self::Unsafe { path, .. } => {
                format!(
                    "see that it belongs to whom it must, and that nobody else can write there: \
                     chmod go-w {path:?}"
                )
            }
            Self::InTheWay { path, .. } => {
                format!("look at it (ls -ld {path:?}), move it away, or name another path")
            }
            Self::System { .. } => "mend what the system says, then start again".to_owned(),
            Self::SocketPathTooLong { limit, .. } => {
                format!("give --socket a path of at most {limit} bytes")
            }
            Self::AlreadyRunning(_) => "use that one, or give --socket another path".to_owned(),
            Self::StateInUse(_) => {
                "use that daemon, or set DARKSLIDE_STATE to another folder".to_owned()
            }
            Self::NotPrivate(_) => "run darkslide --library PATH instead".to_owned(),
            Self::Library { source, .. } | Self::Root { source, .. } => source.hint().to_owned(),
            Self::Overlap { .. } => "choose folders that do not hold one another".to_owned(),
            Self::Confine(source) => source.hint().to_owned(),
            Self::NoGroup(_) => {
                "correct `group` below [socket] in the policy: getent group".to_owned()
            }
            Self::Adopt(source) => source.hint().to_owned(),
            Self::Activated(error) => error.hint(),
            Self::Runtime(_) => "raise the limits of processes and open files".to_owned(),
        }
    }

    /// The status that the process ends with, of sysexits.
    #[must_use]
    pub fn exit_status(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::NotPrivate(_) => 64,
            Self::Library { source, .. } if source.kind() == DoorErrorKind::NotFound => 66,
            Self::Library { source, .. }
                if [DoorErrorKind::Permission, DoorErrorKind::Protected]
                    .contains(&source.kind()) =>
            {
                77
            }
            Self::Library { .. } => 69,
            Self::Runtime(_) => 71,
            Self::System { .. } | Self::AlreadyRunning(_) | Self::StateInUse(_) => 69,
            Self::Root { .. } => 73,
            Self::Confine(_) => 77,
            Self::Adopt(_)
            | Self::NoGroup(_)
            | Self::Activated(_)
            | Self::NoHome
            | Self::Path { .. }
            | Self::Policy { .. }
            | Self::Requirement { .. }
            | Self::Private(_)
            | Self::Unsafe { .. }
            | Self::InTheWay { .. }
            | Self::SocketPathTooLong { .. }
            | Self::Overlap { .. } => 78,
        }
    }

    /// Says on stderr what happened, why, and what to do.
    pub fn say(&self) {
        crate::telemetry::say(&format_args!("error: {self}"));
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            crate::telemetry::say(&format_args!("caused by: {error}"));
            cause = error.source();
        }
        crate::telemetry::say(&format_args!("hint: {}", self.hint()));
    }
}
