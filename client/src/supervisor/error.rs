//! Why a program does not run: not there, not allowed, not healthy; and what a probe says.
//!
//! Errors are `Clone`, for one attempt answers everybody who waits for it. What the program itself
//! wrote on stderr is repeated without what a terminal would obey.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use darkslide_protocol::error::Reason;

use super::process::End;
use super::program::NotFound;
use crate::breaker::Open;
use crate::error::Error;

/// The exit status by which a program says that a person must give it a right (`EX_NOPERM`).
pub const NEEDS_PERMISSION: i32 = 77;

/// Why a program was not started, or did not become healthy.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is no such program. Nothing was tried.
    #[error(transparent)]
    Absent(#[from] NotFound),
    /// It failed too often: nothing was tried.
    #[error(transparent)]
    Open(#[from] Open),
    /// A path cannot be told to the program.
    #[error("{} is not in UTF-8", path.display())]
    Path {
        /// Which.
        path: PathBuf,
    },
    /// The system gave no process, or what it needs.
    #[error("cannot start it")]
    System(#[source] Arc<io::Error>),
    /// It ended before it was healthy.
    #[error("it ended before it was healthy ({end}){}", after(": ", said.error.as_deref()))]
    Ended {
        /// How.
        end: End,
        /// What it said at the end.
        said: Said,
    },
    /// It ran, and was not healthy in time; it has been ended.
    #[error("it was not healthy within {} s{}", within.as_secs_f64(), after(": ", last.as_deref()))]
    NotHealthy {
        /// How long was waited.
        within: Duration,
        /// What the last probe said.
        last: Option<String>,
    },
    /// A person must give it a right first.
    #[error("it needs a permission{}", after(": ", said.error.as_deref()))]
    NeedsPermission {
        /// What it said.
        said: Said,
    },
    /// It was stopped before it was healthy.
    #[error("it was stopped before it was healthy")]
    Stopped,
    /// A supervisor needs a tokio runtime with I/O and time.
    #[error("there is no tokio runtime here")]
    NoRuntime,
    /// The runtime that the supervisor was made in is gone.
    #[error("the runtime of the supervisor is gone")]
    Over,
}

/// The last words of a program, if they are an error of ours or of the same form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said {
    /// What went wrong: its last `error:` line, else its last line.
    pub error: Option<String>,
    /// What to do: its last `hint:` line.
    pub hint: Option<String>,
}

impl Said {
    pub(super) fn of(lines: &[String]) -> Self {
        let last = |prefix| {
            let mut found = lines.iter().rev().filter_map(|line| line.strip_prefix(prefix));
            found.next().map(str::to_owned)
        };
        let error = last("error: ")
            .or_else(|| lines.iter().rev().find(|line| !line.trim().is_empty()).cloned());
        Self { error, hint: last("hint: ") }
    }
}

fn after(before: &str, text: Option<&str>) -> String {
    text.map(|text| format!("{before}{text}")).unwrap_or_default()
}

impl StartError {
    /// What to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> String {
        let own = |said: &Said, otherwise: &str| {
            said.hint.clone().unwrap_or_else(|| otherwise.to_owned())
        };
        match self {
            Self::Absent(error) => error.hint().to_owned(),
            Self::Open(open) => open.hint(),
            Self::Path { .. } => "rename it".to_owned(),
            Self::System(_) => "raise the limits of processes and open files".to_owned(),
            Self::Ended { said, .. } => own(said, "look at the end of its stderr in the status"),
            Self::NotHealthy { .. } => "look at the end of its stderr in the status".to_owned(),
            Self::NeedsPermission { said } => {
                own(said, "give it the right to read the library (macOS: Full Disk Access)")
            }
            Self::Stopped => "start it again if it is wanted".to_owned(),
            Self::NoRuntime | Self::Over => {
                "make the supervisor within a tokio runtime that lives on".to_owned()
            }
        }
    }
}

/// What a probe says of a program that does not serve as it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Unhealthy {
    what: String,
    needs_permission: bool,
}

impl Unhealthy {
    /// It does not serve, and why; another probe, or a restart, may mend that.
    #[must_use]
    pub fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), needs_permission: false }
    }

    /// A person must give it a right; no restart mends that.
    #[must_use]
    pub fn needs_permission(what: impl Into<String>) -> Self {
        Self { what: what.into(), needs_permission: true }
    }

    pub(super) fn is_for_a_person(&self) -> bool {
        self.needs_permission
    }
}

impl From<Error> for Unhealthy {
    fn from(error: Error) -> Self {
        let reason = error.wire().map(|told| told.data.reason);
        Self { what: error.to_string(), needs_permission: reason == Some(Reason::NoPermission) }
    }
}
