//! What is run unless another program is named: `darkslide` as the private daemon of one library.
//!
//! Descriptor 0 of the child is its end of a socket pair, 1 a pipe with one document, 2 its log;
//! its environment is empty. From the document it makes its policy: this library, this one root,
//! this user. It confines itself, and ends with its socket, so that it never outlives this process.

#![expect(
    clippy::disallowed_methods,
    reason = "owns the socket pair of a private daemon; reads where home is"
)]

use std::env;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde::Serialize;

use super::error::{StartError, Unhealthy};
use super::keeper::{Launch, Probe, Sidecar};
use super::program;
use crate::client::{Builder, Client};

/// The name of the library that a private daemon serves.
pub const LIBRARY: &str = "library";

/// The name of the root that a private daemon may write below.
pub const ROOT: &str = "destination";

/// What starts `darkslide` as a private daemon.
const COMMAND: &str = "private-daemon";

/// How much a private daemon logs on its stderr.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Log {
    /// What a person must look at.
    Error,
    /// What is not as it should be.
    #[default]
    Warn,
    /// Decisions, jobs, start and end.
    Info,
    /// Connections too.
    Debug,
}

/// A private daemon: one client, one library, perhaps one root.
///
/// The program is `darkslide`: by an explicit path, else as `DARKSLIDE_BIN` says, else in `PATH`.
#[derive(Debug, Clone)]
pub struct PrivateDaemon {
    library: PathBuf,
    destination: Option<PathBuf>,
    program: Option<PathBuf>,
    best_effort: bool,
    log: Log,
    client: Builder,
}

/// As the daemon reads it.
#[derive(Debug, Serialize)]
struct Document<'a> {
    library: &'a str,
    destination: Option<&'a str>,
    only_plans: bool,
    best_effort: bool,
    home: &'a str,
    log: Log,
}

impl PrivateDaemon {
    /// A daemon that reads the bundle at this path, under the name [`LIBRARY`], and writes nothing.
    #[must_use]
    pub fn of(library: impl Into<PathBuf>) -> Self {
        Self {
            library: library.into(),
            destination: None,
            program: None,
            best_effort: false,
            log: Log::default(),
            client: Client::builder(),
        }
    }

    /// May write below this folder, under the name [`ROOT`].
    #[must_use]
    pub fn destination(mut self, folder: impl Into<PathBuf>) -> Self {
        self.destination = Some(folder.into());
        self
    }

    /// The `darkslide` at this path, and no other.
    #[must_use]
    pub fn program(mut self, path: impl Into<PathBuf>) -> Self {
        self.program = Some(path.into());
        self
    }

    /// Goes on where the kernel cannot confine it; `health` says so.
    #[must_use]
    pub fn best_effort(mut self) -> Self {
        self.best_effort = true;
        self
    }

    /// How much it logs.
    #[must_use]
    pub fn log(mut self, log: Log) -> Self {
        self.log = log;
        self
    }

    /// How the client is: its timeouts, what it claims to be.
    #[must_use]
    pub fn client(mut self, builder: Builder) -> Self {
        self.client = builder;
        self
    }

    fn document(&self) -> Result<Vec<u8>, StartError> {
        let home = env::var("HOME").ok().filter(|home| home.starts_with('/'));
        let (library, destination) =
            (absolute(&self.library)?, self.destination.as_deref().map(absolute).transpose()?);
        let document = Document {
            library: &library,
            destination: destination.as_deref(),
            only_plans: false,
            best_effort: self.best_effort,
            home: home.as_deref().unwrap_or("/"),
            log: self.log,
        };
        serde_json::to_vec(&document).map_err(|error| system(error.into()))
    }
}

fn system(error: io::Error) -> StartError {
    StartError::System(Arc::new(error))
}

fn absolute(path: &Path) -> Result<String, StartError> {
    let absolute = std::path::absolute(path).map_err(system)?;
    absolute.into_os_string().into_string().map_err(|path| StartError::Path { path: path.into() })
}

impl Sidecar for PrivateDaemon {
    type Handle = Client;

    fn is_there(&self) -> bool {
        program::darkslide(self.program.as_deref()).is_ok()
    }

    fn launch(&self) -> Result<Launch<Client>, StartError> {
        let program = program::darkslide(self.program.as_deref())?;
        let document = self.document()?;
        let (ours, theirs) = UnixStream::pair().map_err(system)?;
        let (reader, writer) = io::pipe().map_err(system)?;
        let socket = ours.try_clone().map_err(system)?;
        let handle = self.client.clone().over(ours);
        let handle = handle.map_err(|error| system(io::Error::other(error)))?;
        let mut command = Command::new(program);
        command.arg(COMMAND).env_clear().current_dir("/");
        command.stdin(OwnedFd::from(theirs)).stdout(OwnedFd::from(reader));
        Ok(Launch { command, socket: Some(socket), note: Some((writer, document)), handle })
    }

    fn probe(&self, client: &Client) -> Probe {
        let client = client.clone();
        Box::pin(async move { client.hello().await.map(drop).map_err(Unhealthy::from) })
    }
}
