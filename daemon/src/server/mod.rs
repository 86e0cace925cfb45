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

/// Where clients come from.
#[derive(Debug)]
pub(crate) enum Clients {
    /// A socket that listens.
    Many(UnixListener),
    /// One connection; the daemon ends with it.
    One(UnixStream),
}

/// Serves until it is told to end, or until the one client is gone.
///
/// # Errors
/// What the system says when the runtime or the signals cannot be set up.
pub(crate) fn run(service: Arc<Service>, clients: Clients) -> io::Result<()> {
    threads::assert_confined();
    let runtime = threads::runtime()?;
    let ended = runtime.block_on(async {
        // Who limits the size of files gets an error of that write, and a daemon that serves on.
        let _too_large = signal(SignalKind::from_raw(Signal::SIGXFSZ as i32))?;
        match clients {
            Clients::Many(listener) => listener::serve_many(&service, listener).await?,
            Clients::One(stream) => listener::serve_one(&service, stream).await?,
        }
        Ok(())
    });
    // What still reads is not waited for: it writes nothing.
    runtime.shutdown_background();
    ended
}

#[cfg(test)]
mod tests;
