//! Why a service cannot be installed, asked or taken away: what happened, and what to do.
//!
//! Nothing is done here. The text of a foreign program stands in a source of its own, for it is
//! that program's.

use std::io;
use std::path::PathBuf;

use crate::exit::Exit;

/// Why not.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ServiceError {
    /// The service manager of this user does not answer.
    #[error("no service manager answers for this user")]
    NoManager(#[source] Said),
    /// A program that is asked is not installed.
    #[error("the program {program} is not installed")]
    NotThere {
        /// Its name.
        program: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A program could not be run.
    #[error("cannot run {program}")]
    Run {
        /// Its name.
        program: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A program that was asked failed.
    #[error("`{command}` failed")]
    Failed {
        /// What was run.
        command: String,
        /// What it said.
        source: Said,
    },
    /// Somebody changed a file that was installed.
    #[error("{} was changed since it was installed, or was not written by this program", path.display())]
    Edited {
        /// Which.
        path: PathBuf,
    },
    /// The daemon's program cannot be used.
    #[error("{} {problem}", path.display())]
    Program {
        /// Which.
        path: PathBuf,
        /// In words that continue the path.
        problem: &'static str,
    },
    /// Something that a unit cannot hold.
    #[error("{what} cannot stand in a unit: {text:?}")]
    Unwritable {
        /// What it is.
        what: &'static str,
        /// As given.
        text: String,
    },
    /// The socket would have a path that is too long.
    #[error("the path of the socket has {bytes} bytes; {limit} are allowed")]
    SocketPathTooLong {
        /// What it has.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Nothing says where the files belong.
    #[error("HOME is not set to an absolute path")]
    NoHome,
    /// A file or folder could not be read, made, written or removed.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl ServiceError {
    /// What to do.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoManager(_) => NO_MANAGER.to_owned(),
            Self::NotThere { program: "systemctl", .. } => NO_MANAGER.to_owned(),
            Self::NotThere { program, .. } | Self::Run { program, .. } => {
                format!("install {program}, or see launchd/README.md for the way by hand")
            }
            Self::Failed { .. } => {
                "darkslide service status says how things are; then try it again".to_owned()
            }
            Self::Edited { .. } => {
                "--force goes on with it; what should stay belongs into a drop-in (systemctl --user edit)"
                    .to_owned()
            }
            Self::Program { .. } => {
                "install the daemon beside darkslide, or name it: --program /absolute/darkslided"
                    .to_owned()
            }
            Self::Unwritable { .. } => "use another name for it".to_owned(),
            Self::SocketPathTooLong { .. } => "use a shorter home folder".to_owned(),
            Self::NoHome => "set HOME to your home folder".to_owned(),
            Self::File { .. } => "look at the permissions of the folder and at its disk".to_owned(),
        }
    }

    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Unwritable { .. } => Exit::Usage,
            Self::NoManager(_)
            | Self::NotThere { .. }
            | Self::Run { .. }
            | Self::Failed { .. }
            | Self::Edited { .. }
            | Self::Program { .. }
            | Self::SocketPathTooLong { .. }
            | Self::NoHome
            | Self::File { .. } => Exit::Failed,
        }
    }
}

/// The two ways on where a login has no manager, as under su, sudo, cron or in a container.
const NO_MANAGER: &str = "log in as this user itself (su and sudo bring no manager), or run `loginctl enable-linger` and try again; \
     without systemd, start it by hand: darkslided";

/// What a program said on stderr.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Said(pub(crate) String);
