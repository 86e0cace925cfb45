//! The one table of exit codes, each with its meaning; `--help` prints it.
//!
//! A script decides by these: "done" is never said of something that is done in part. A client's
//! error becomes a code here and nowhere else. The daemon's own exit statuses are those of sysexits
//! and stand in the daemon.

use std::process::ExitCode;

use darkslide_client::protocol::error::ErrorName;
use darkslide_client::protocol::message::job::{JobState, JobStatus};
use darkslide_client::{Error, Unavailable};

macro_rules! exits {
    ($($variant:ident = ($code:literal, $meaning:literal);)*) => {
        /// How the program ends.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Exit {
            $(#[doc = $meaning] $variant,)*
        }

        impl Exit {
            /// Every one, in the order of the table.
            pub(crate) const ALL: &[Self] = &[$(Self::$variant),*];

            /// The number that the shell sees.
            pub(crate) fn code(self) -> u8 {
                match self { $(Self::$variant => $code),* }
            }

            /// When the program ends so.
            pub(crate) fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning),* }
            }
        }
    };
}

exits! {
    Done = (0, "done");
    Failed = (1, "failed");
    Usage = (2, "the command line is wrong");
    Denied = (3, "the policy says no");
    Incomplete = (4, "done, but not everything was on this disk or could be read or written");
    NoDaemon = (5, "no daemon answers");
    NotFound = (6, "no such library, album, asset or job");
    Interrupted = (130, "interrupted by Ctrl-C");
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The table as `--help` prints it.
pub(crate) fn table() -> String {
    let rows = Exit::ALL.iter().map(|exit| format!("\n  {:>3}  {}", exit.code(), exit.meaning()));
    format!("Exit codes:{}", rows.collect::<String>())
}

/// How the program ends after a call that failed so.
pub(crate) fn of_client(error: &Error) -> Exit {
    match error {
        Error::Denied(_) => Exit::Denied,
        Error::Unavailable(Unavailable::Broken(_) | Unavailable::NoRuntime) => Exit::Failed,
        Error::Unavailable(_) => Exit::NoDaemon,
        Error::TimedOut { doing, .. } if *doing == "connecting" => Exit::NoDaemon,
        Error::Remote(error) if error.data.name == ErrorName::NotFound => Exit::NotFound,
        Error::Remote(error) if error.data.name == ErrorName::Misconfigured => Exit::NoDaemon,
        _ => Exit::Failed,
    }
}

/// How the program ends after a job that is over without an error of its own.
pub(crate) fn of_job(status: &JobStatus) -> Exit {
    match status.state {
        JobState::Finished if status.is_complete() => Exit::Done,
        JobState::Finished => Exit::Incomplete,
        JobState::Queued
        | JobState::Running
        | JobState::Failed
        | JobState::Cancelled
        | JobState::Interrupted => Exit::Failed,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use darkslide_client::protocol::error::WireError;

    use super::*;

    #[test]
    fn codes_are_unique_and_those_of_the_design() {
        let codes: BTreeSet<u8> = Exit::ALL.iter().map(|exit| exit.code()).collect();
        assert_eq!(codes.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 130]);
        assert!(Exit::ALL.iter().all(|exit| !exit.meaning().is_empty()));
    }

    #[test]
    fn each_kind_of_error_has_its_code() {
        let wire =
            |name: ErrorName| Error::from(WireError::new(name, name.reasons()[0].0, "no", "hint"));
        let timed_out = |doing| Error::TimedOut { doing, after: Duration::from_secs(5) };
        for (error, exit) in [
            (wire(ErrorName::Denied), Exit::Denied),
            (wire(ErrorName::NotFound), Exit::NotFound),
            (wire(ErrorName::Ambiguous), Exit::Failed),
            (wire(ErrorName::Misconfigured), Exit::NoDaemon),
            (Unavailable::Closed.into(), Exit::NoDaemon),
            (timed_out("connecting"), Exit::NoDaemon),
            (timed_out("asset.query"), Exit::Failed),
        ] {
            assert_eq!(of_client(&error), exit, "{error}");
        }
    }
}
