//! The private daemon: `darkslide` starting itself again, with one client, one library and perhaps
//! one root.
//!
//! Descriptor 0 is an already connected socket, 1 a pipe with one document, 2 the log; all others
//! are closed. It is never to be granted anything and reads what its parent may read; it ends with
//! its socket. It keeps no state: its job ends with its one client, what that did stands in the
//! destination, and the next run goes on from there. All of it without `unsafe`. The CLI alone uses
//! this module.

#![expect(
    clippy::disallowed_methods,
    reason = "boot of the private way: takes over descriptors 0 and 1"
)]

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use darkslide_policy::{AbsPath, Platform, Policy, Strictness, Uid, World};
use serde::{Deserialize, Serialize};

use crate::boot::{self, BootError, Ending, Listening, Missing};
use crate::{confine, telemetry};

pub use crate::telemetry::Level;

/// Longer than any document that the CLI writes.
const MAX_WISH_BYTES: u64 = 64 * 1024;

/// What the parent asks of its private daemon: one JSON document on descriptor 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    /// The bundle, absolute.
    pub library: String,
    /// The one root, absolute; without, nothing can be exported.
    pub destination: Option<String>,
    /// A root that is not there is not made: somebody only wants to know what would be written.
    pub only_plans: bool,
    /// Go on where the kernel cannot confine.
    pub best_effort: bool,
    /// The home folder of the user.
    pub home: String,
    /// How much is logged.
    pub log: Level,
}

/// Was the program started with this word alone?
#[must_use]
pub fn is_asked_for(word: &str) -> bool {
    boot::arguments().eq([word])
}

/// Runs as a private daemon until the parent is gone.
#[must_use]
pub fn run() -> ExitCode {
    finish(serve())
}

/// Confines itself with nothing granted, then asks for a network socket: the kernel kills for it.
/// For `demo`, which shows that.
#[must_use]
#[expect(clippy::disallowed_types, reason = "asks for what must be refused")]
pub fn try_socket() -> ExitCode {
    if let Err(error) = confine::enter(&[], Strictness::Required) {
        return finish(Err(BootError::Confine(error)));
    }
    // What follows is never reached where the kernel does what it said.
    match std::net::UdpSocket::bind("127.0.0.1:0") {
        Ok(_) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn finish(result: Result<Ending, BootError>) -> ExitCode {
    match result {
        Ok(ending) => ExitCode::from(ending.exit_status()),
        Err(error) => {
            error.say();
            ExitCode::from(error.exit_status())
        }
    }
}

fn serve() -> Result<Ending, BootError> {
    boot::begin_clean();
    let connection = connection()?;
    let wish = wish()?;
    telemetry::install(wish.log);
    let world = World {
        home: path(&wish.home)?,
        uid: Uid::new(rustix::process::getuid().as_raw()),
        methods: boot::methods(),
        platform: Platform::HERE,
    };
    let confinement = if wish.best_effort { Strictness::BestEffort } else { Strictness::Required };
    let destination = wish.destination.as_deref().map(path).transpose()?;
    let policy = Policy::private(path(&wish.library)?, destination, confinement, world.uid)
        .map_err(BootError::Private)?;
    let missing = if wish.only_plans { Missing::Leave } else { Missing::Make };
    Listening::private(policy, world, missing, connection).open()?.confine()?.serve()
}

/// Takes the socket over from descriptor 0, and puts the null device in its place.
fn connection() -> Result<UnixStream, BootError> {
    let not_a_socket = |_| BootError::NotPrivate("descriptor 0 is no connected socket");
    let stdin = io::stdin().as_fd().try_clone_to_owned().map_err(not_a_socket)?;
    let kind = rustix::net::sockopt::socket_type(&stdin).map_err(|e| not_a_socket(e.into()))?;
    let connection = UnixStream::from(stdin);
    if kind != rustix::net::SocketType::STREAM || connection.peer_addr().is_err() {
        return Err(BootError::NotPrivate("descriptor 0 is no connected socket"));
    }
    // Now: once confined, the call that std makes for it is refused.
    connection.set_nonblocking(true).map_err(not_a_socket)?;
    rustix::stdio::dup2_stdin(boot::null_device().map_err(BootError::Runtime)?)
        .map_err(|e| not_a_socket(e.into()))?;
    Ok(connection)
}

/// Reads the document on descriptor 1 to its end, and puts the null device in its place.
fn wish() -> Result<Wish, BootError> {
    let unreadable = |_| BootError::NotPrivate("descriptor 1 holds no document");
    let pipe = io::stdout().as_fd().try_clone_to_owned().map_err(unreadable)?;
    let mut text = String::new();
    File::from(pipe).take(MAX_WISH_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    rustix::stdio::dup2_stdout(boot::null_device().map_err(BootError::Runtime)?)
        .map_err(|e| unreadable(e.into()))?;
    serde_json::from_str(&text)
        .map_err(|_| BootError::NotPrivate("the document on descriptor 1 is of another form"))
}

fn path(text: &str) -> Result<AbsPath, BootError> {
    AbsPath::parse(text, None).map_err(|source| BootError::Path { path: text.to_owned(), source })
}
