//! The only place that starts a thread.
//!
//! Every thread begins by asking the kernel whether it is confined: Landlock binds the calling
//! thread and those that it starts, and one that was started too early would stay free. If the
//! kernel says no, the process ends at once, for then nothing that it says of itself is true.

#![expect(clippy::disallowed_methods, reason = "owns the start of threads")]

use std::io;
use std::thread::{Builder, JoinHandle};

use crate::confine;

/// Ends the process unless this thread is confined as the report says.
pub(crate) fn assert_confined() {
    if let Err(error) = confine::assert_confined() {
        tracing::error!(error = ?error.to_string(), "a thread is not confined; ending");
        std::process::abort();
    }
}

/// Enough for SQLite and for copying; nothing here recurses over what it is given.
const STACK_BYTES: usize = 1024 * 1024;

/// Starts a thread that is confined, or ends the process.
///
/// # Errors
/// What the system says when it has no room for another thread.
pub(crate) fn start<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<JoinHandle<T>> {
    Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(move || {
        assert_confined();
        work()
    })
}

/// Starts a thread before confinement, for what may wait for a person. On a Mac only: there the
/// kernel binds the threads that exist as well, wherever they wait.
///
/// # Errors
/// What the system says when it has no room for another thread.
#[cfg(any(target_os = "macos", test))]
pub(crate) fn start_early(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(work).map(drop)
}

/// The runtime of the server: this thread alone, so that what can block has no place on it.
///
/// # Errors
/// What the system says when it has no descriptor for it.
pub(crate) fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()
}
