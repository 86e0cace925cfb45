//! Sockets, tasks and queues: bytes of peers in, frames out. It decides nothing and reads no
//! library.
//!
//! One thread, one runtime, one task a connection; what can block is done elsewhere and waited for.
//! Each bound of design 3.4 on connections, frames and queues is kept here. Read `connection.rs`
//! first: a connection's whole life is one function.

mod admission;
mod cancel;
mod connection;
mod descriptor;
mod dispatch;
mod events;
mod listener;
mod outbox;
mod peer;

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::signal::unix::{SignalKind, signal};

use crate::service::Service;
use crate::threads;

/// How long requests and jobs may go on once the daemon is told to end.
const DRAIN: Duration = Duration::from_secs(5);

/// The least that is waited before something ends for lack of anything to do: the runtime has
/// looked at each socket before it is over. So a daemon serves whom it was started for, and who has
/// asked is answered.
const ONE_LOOK: Duration = Duration::from_millis(1);

/// Where clients come from.
#[derive(Debug)]
pub(crate) enum Clients {
    /// A socket that listens.
    Many {
        /// What is connected to.
        listener: UnixListener,
        /// Does it belong to a service manager, which starts the daemon anew for whoever connects?
        activated: bool,
    },
    /// One connection; the daemon ends with it.
    One(UnixStream),
}

/// Why the daemon ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// A signal told it to; whoever connects next has an activated one started anew.
    Told,
    /// Nobody was connected and no job was there, for long enough.
    Idle,
    /// The one client of the private way is gone.
    Gone,
    /// What it was started with is no longer what there is: it is to be started anew.
    Stale,
}

/// Serves until it is told to end, or until the one client is gone.
///
/// # Errors
/// What the system says when the runtime or the signals cannot be set up.
pub(crate) fn run(service: Arc<Service>, clients: Clients) -> io::Result<Ended> {
    threads::assert_confined();
    let runtime = threads::runtime()?;
    let ended = runtime.block_on(async {
        // Who limits the size of files gets an error of that write, and a daemon that serves on.
        let _too_large = signal(SignalKind::from_raw(Signal::SIGXFSZ as i32))?;
        match clients {
            Clients::Many { listener, activated } => {
                listener::serve_many(&service, listener, activated).await
            }
            Clients::One(stream) => listener::serve_one(&service, stream).await,
        }
    });
    // What still reads is not waited for: it writes nothing.
    runtime.shutdown_background();
    ended
}

#[cfg(test)]
mod tests;
