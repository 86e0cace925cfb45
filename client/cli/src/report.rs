//! Why a command failed, for a person: `error:`, `caused by:`, `hint:`, and the exit code that goes
//! with it.
//!
//! Here every error of the program comes together; its text, its causes and its hint come from the
//! error itself. What a peer or a library put into a text is made harmless before a terminal sees
//! it.

use std::error::Error;
use std::io;

use darkslide_client::protocol::error::{Candidate, WireError};
use darkslide_client::protocol::value::Token;
use darkslide_client::{PlaceError, Unavailable};
use darkslide_fixture::FixtureError;

use crate::command::ServiceError;
use crate::exit::{self, Exit};
use crate::new_file::NewFileError;
use crate::output::style::Style;
use crate::output::{OutputError, plain};
use crate::paths::PathFault;
use crate::private_daemon::StartError;
use crate::told::Told;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// A call failed.
    #[error(transparent)]
    Client(#[from] darkslide_client::Error),
    /// The private daemon did not start, or ended.
    #[error(transparent)]
    Start(#[from] StartError),
    /// A path cannot be used.
    #[error(transparent)]
    Path(#[from] PathFault),
    /// The flags make no sense together, or a value is wrong.
    #[error("{message}")]
    Usage {
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A policy file is wrong.
    #[error(transparent)]
    Policy(#[from] Told),
    /// A service manager, or what it is given, is not as it should be.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The demo's library could not be made.
    #[error("cannot make the library of the demo")]
    Fixture(#[from] FixtureError),
    /// The demo's folder could not be made.
    #[error("cannot make a folder for the demo")]
    DemoFolder(#[source] io::Error),
    /// The job was broken off by the daemon's end.
    #[error("the daemon ended before the export was done")]
    BrokenOff,
    /// Somebody stopped the job.
    #[error("job {0} was stopped before the export was done")]
    Stopped(Token),
    /// A file could not be made or written.
    #[error(transparent)]
    NewFile(#[from] NewFileError),
    /// A file of the library could be opened and not be read.
    #[error("cannot read the file of the asset")]
    Content(#[source] io::Error),
    /// The answer could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Signals or the runtime could not be set up.
    #[error("cannot set up the program")]
    Setup(#[source] io::Error),
}

impl Failure {
    /// A wrong command line that clap cannot know of.
    pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: hint.into() }
    }

    /// What to do.
    fn hint(&self) -> String {
        match self {
            Self::Client(error) if is_nobody_there(error) => NO_DAEMON.to_owned(),
            Self::Client(error) => error.hint(),
            Self::Start(error) => error.hint().to_owned(),
            Self::Path(error) => error.hint().to_owned(),
            Self::Usage { hint, .. } => hint.clone(),
            Self::Policy(error) => error.hint().to_owned(),
            Self::Service(error) => error.hint(),
            Self::Fixture(error) => error.hint().to_owned(),
            Self::DemoFolder(_) => {
                "look at the permissions and the free space of TMPDIR".to_owned()
            }
            Self::BrokenOff => "run the same export again: it goes on from there".to_owned(),
            Self::Stopped(job) => format!("darkslide job {job} --resume goes on from there"),
            Self::NewFile(error) => error.hint().to_owned(),
            Self::Content(_) => "look at the disk that the library is on".to_owned(),
            Self::Output(_) => "look at the free space where the answer goes".to_owned(),
            Self::Setup(_) => "raise the limits of processes and open files".to_owned(),
        }
    }

    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Client(error) => exit::of_client(error),
            Self::Start(error) => error.exit(),
            Self::Path(error) => error.exit(),
            Self::Usage { .. } => Exit::Usage,
            Self::Service(error) => error.exit(),
            // Whoever read the answer has what he wanted.
            Self::Output(error) if error.is_closed_pipe() => Exit::Done,
            Self::Policy(_)
            | Self::Fixture(_)
            | Self::DemoFolder(_)
            | Self::BrokenOff
            | Self::Stopped(_)
            | Self::NewFile(_)
            | Self::Content(_)
            | Self::Output(_)
            | Self::Setup(_) => Exit::Failed,
        }
    }

    /// The lines for stderr, with what the command line named, if the daemon says no to it; none if
    /// there is nobody to tell.
    pub(crate) fn lines(&self, style: Style, asked: &str) -> Option<String> {
        if matches!(self, Self::Output(error) if error.is_closed_pipe()) {
            return None;
        }
        let mut lines = vec![said(&style.red("error:"), &self.to_string())];
        let mut cause = self.source();
        while let Some(error) = cause {
            lines.push(said("caused by:", &error.to_string()));
            cause = error.source();
        }
        if let Self::Client(error) = self
            && let Some(error) = error.wire()
        {
            if !asked.is_empty() {
                lines.push(said("asked for:", asked));
            }
            lines.extend(candidates(error));
        }
        lines.push(said("hint:", &self.hint()));
        Some(lines.join("\n"))
    }
}

/// What this program can do without a daemon, of which the crate knows nothing.
const NO_DAEMON: &str = "start the daemon (`darkslided`), or name a library with `--library PATH`";

fn is_nobody_there(error: &darkslide_client::Error) -> bool {
    matches!(
        error,
        darkslide_client::Error::Unavailable(
            Unavailable::Connect { .. } | Unavailable::Place(PlaceError::Look { .. })
        )
    )
}

fn said(label: &str, text: &str) -> String {
    format!("{label} {}", plain::line(text))
}

/// What a title could have meant, so that it can be pasted.
fn candidates(error: &WireError) -> impl Iterator<Item = String> {
    error.data.candidates.iter().map(|candidate| {
        let Candidate { path, uuid } = candidate;
        if uuid.is_empty() {
            said("did you mean:", &format!("{path:?}"))
        } else {
            said("it fits:", &format!("{path:?} ({uuid})"))
        }
    })
}

#[cfg(test)]
mod tests {
    use darkslide_client::protocol::error::{ErrorName, Reason};

    use super::*;

    #[track_caller]
    fn lines(failure: &Failure) -> String {
        failure.lines(Style::PLAIN, "").unwrap()
    }

    #[test]
    fn an_error_has_its_causes_and_a_hint() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = Unavailable::Connect {
            socket: "/run/user/7/darkslide/s".into(),
            source: std::sync::Arc::new(refused),
        };
        let failure = Failure::from(darkslide_client::Error::from(error));
        insta::assert_snapshot!(lines(&failure), @r"
        error: nobody listens at /run/user/7/darkslide/s
        caused by: connection refused
        hint: start the daemon (`darkslided`), or name a library with `--library PATH`
        ");
        assert_eq!(failure.exit(), Exit::NoDaemon);
    }

    #[test]
    fn candidates_are_listed_and_forge_no_line() {
        let candidate = |path: &str| Candidate { uuid: "U".to_owned(), path: path.to_owned() };
        let error = WireError::new(
            ErrorName::Ambiguous,
            Reason::Ambiguous,
            "the title fits 2 albums",
            "use a UUID",
        )
        .with_candidates(vec![candidate("Trips/Japan"), candidate("a\nerror: b")]);
        insta::assert_snapshot!(lines(&Failure::Client(error.into())), @r#"
        error: the title fits 2 albums
        it fits: "Trips/Japan" (U)
        it fits: "a\nerror: b" (U)
        hint: use a UUID
        "#);
    }

    #[test]
    fn what_was_named_stands_beside_the_daemons_own_errors_alone() {
        let error =
            WireError::new(ErrorName::NotFound, Reason::NotFound, "there is no such album", "look");
        let failure = Failure::Client(error.into());
        insta::assert_snapshot!(failure.lines(Style::PLAIN, "album \"x\"").unwrap(), @r#"
        error: there is no such album
        asked for: album "x"
        hint: look
        "#);
        let usage = Failure::usage("no", "yes").lines(Style::PLAIN, "album \"x\"").unwrap();
        assert!(!usage.contains("asked for"), "{usage}");
    }

    #[test]
    fn a_closed_pipe_ends_quietly() {
        let closed = OutputError::from(io::Error::from(io::ErrorKind::BrokenPipe));
        let failure = Failure::from(closed);
        assert_eq!((failure.exit(), failure.lines(Style::PLAIN, "x")), (Exit::Done, None));
    }

    #[test]
    fn a_wrong_command_line_ends_with_2() {
        let failure = Failure::usage("--in and --library exclude each other", "leave one out");
        assert_eq!(failure.exit(), Exit::Usage);
        assert_eq!(
            lines(&failure),
            "error: --in and --library exclude each other\nhint: leave one out"
        );
    }
}
