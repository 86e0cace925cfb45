//! All that the command line takes of the daemon's side: the private entry and the offline
//! commands, and nothing else.
//!
//! The daemon's crate is part of this program so that one file is enough to read a library
//! anywhere; but only a process that was started for it runs its code, and that process confines
//! itself before it reads. Whoever looks for where both meet finds it here alone.

use std::error::Error;
use std::io;
use std::process::ExitCode;

use darkslide_client::protocol::message::job::ReportRow;
use darkslide_client::protocol::message::verify::VerifyBy;
use darkslide_daemon::offline::BootError;
use darkslide_daemon::{offline, private};

use crate::told::Told;

pub(crate) use darkslide_daemon::offline::Found as FoundPolicy;
pub(crate) use darkslide_daemon::offline::{Decision, Event, Record, Verified, Who};
pub(crate) use darkslide_daemon::private::{Level, Wish};

/// What starts this program as a private daemon, and all that it is told on its command line.
pub(crate) const PRIVATE_DAEMON: &str = "private-daemon";

/// The sysexits status of a daemon that cannot be confined.
pub(crate) const EX_NOPERM: i32 = 77;

/// The sysexits status of a daemon whose library is not there.
pub(crate) const EX_NOINPUT: i32 = 66;

/// Was it started as one? Asked before the command line is parsed: to learn all that it could say
/// takes as long as half of the boot, and the parent waits.
pub(crate) fn is_private_daemon() -> bool {
    private::is_asked_for(PRIVATE_DAEMON)
}

/// Becomes a private daemon; must come before this process has a second thread.
pub(crate) fn be_private_daemon() -> ExitCode {
    private::run()
}

/// Confines itself and asks for a network socket, for which the kernel kills.
pub(crate) fn try_socket() -> ExitCode {
    private::try_socket()
}

/// Verifies a destination by its own record, in this process, which stays confined to it; hands in
/// a row for each file until no more is wanted.
pub(crate) fn verify(
    folder: &str,
    by: VerifyBy,
    say: &mut dyn FnMut(ReportRow) -> bool,
) -> Result<(), Told> {
    offline::verify(folder, by, say).map_err(|error| told(&error, error.hint()))
}

/// Reads a policy file as a daemon of this user would, and explains it, a line for each thing that
/// it says.
pub(crate) fn check_policy(file: &str) -> Result<Vec<String>, Told> {
    let explained = offline::policy_check(file).map_err(|error| {
        let hint = error.hint();
        told(&error, hint)
    })?;
    Ok(explained.lines)
}

/// Verifies the audit log in that state folder, or in this user's, in this process, which stays
/// confined to it; hands in each record that fits.
pub(crate) fn audit(
    state: Option<&str>,
    head: Option<&str>,
    each: &mut dyn FnMut(&Record),
) -> Result<Verified, Told> {
    offline::audit(state, head, each).map_err(|error| told(&error, error.hint()))
}

/// What is wrong with a policy file.
#[derive(Debug)]
pub(crate) struct PolicyFault {
    /// In words, with causes and hint.
    pub(crate) text: String,
    /// What has to be mended.
    pub(crate) flaw: PolicyFlaw,
}

/// What has to be mended of a policy file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PolicyFlaw {
    /// Its text, at this line.
    Text {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// Owner or mode of it or of a folder above it.
    OpenToOthers {
        /// The file or folder.
        path: String,
    },
    /// The mode alone.
    Writable {
        /// The file or folder.
        path: String,
    },
    /// Something else stands there.
    InTheWay {
        /// Where.
        path: String,
    },
    /// There is none, though it was named.
    Absent {
        /// Where.
        path: String,
    },
    /// The system does not let us read it.
    Unreadable {
        /// Which.
        path: String,
    },
    /// Nothing of the file.
    Other,
}

/// Finds the policy as a daemon of this user would; nothing that it names is opened.
pub(crate) fn find_policy(file: Option<&str>) -> Result<FoundPolicy, PolicyFault> {
    offline::policy_found(file).map_err(|error| {
        let flaw = flaw(&error);
        let told = told(&error, error.hint());
        let mut words = vec![told.to_string()];
        let mut cause = told.source();
        while let Some(error) = cause {
            words.push(error.to_string());
            cause = error.source();
        }
        PolicyFault { text: format!("{} ({})", words.join(": "), told.hint()), flaw }
    })
}

fn flaw(error: &BootError) -> PolicyFlaw {
    match error {
        BootError::Policy { path, source } => {
            PolicyFlaw::Text { file: path.clone(), line: source.line() }
        }
        BootError::Unsafe { path, .. } => PolicyFlaw::OpenToOthers { path: path.clone() },
        BootError::InTheWay { path, .. } => PolicyFlaw::InTheWay { path: path.clone() },
        BootError::System { path, source, .. } if source.kind() == io::ErrorKind::NotFound => {
            PolicyFlaw::Absent { path: path.clone() }
        }
        BootError::System { path, .. } => PolicyFlaw::Unreadable { path: path.clone() },
        _ => PolicyFlaw::Other,
    }
}

/// Where a daemon of this user looks for its policy first.
pub(crate) fn policy_place() -> Result<String, Told> {
    offline::policy_place().map_err(|error| told(&error, error.hint()))
}

/// Where a daemon of this user keeps its state, there or not; nothing where no place is known.
pub(crate) fn state_place() -> Option<String> {
    offline::state_place().ok()
}

fn told(error: &dyn Error, hint: impl Into<String>) -> Told {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    Told::new(error.to_string(), causes, hint.into())
}
