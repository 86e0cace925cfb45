//! How long a request may read.
//!
//! Time is an argument here: the caller says when it is over, and this crate asks, from inside
//! SQLite every thousand steps, between slices, and while it waits: every wait of this crate is
//! here. Nothing here knows a clock. The hazards: one statement over a large library that nobody
//! can stop, and a wait that outlasts the request.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::error::LibraryError;

/// A moment of waiting, after which the deadline is asked again. A checkpoint takes some
/// milliseconds.
const MOMENT: Duration = Duration::from_millis(5);

/// A question that is asked again and again: is the time over?
#[derive(Clone)]
pub struct Deadline(Arc<dyn Fn() -> bool + Send + Sync>);

impl Deadline {
    /// Wraps the caller's question; it is asked from the reading thread, often, and has to be
    /// quick.
    #[must_use]
    pub fn new(expired: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(expired))
    }

    /// A deadline that never comes.
    #[must_use]
    pub fn never() -> Self {
        Self::new(|| false)
    }

    /// Is the time over?
    #[must_use]
    pub fn expired(&self) -> bool {
        (self.0)()
    }

    pub(crate) fn check(&self) -> Result<(), LibraryError> {
        if self.expired() { Err(LibraryError::TimedOut) } else { Ok(()) }
    }

    /// Waits a moment for a sign; the caller looks again whether it came.
    pub(crate) fn wait<'a, T>(
        &self,
        sign: &Condvar,
        guard: MutexGuard<'a, T>,
    ) -> Result<MutexGuard<'a, T>, LibraryError> {
        self.check()?;
        Ok(sign.wait_timeout(guard, MOMENT).unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Lets some moments pass.
    pub(crate) fn pause(&self, moments: u32) -> Result<(), LibraryError> {
        let (nothing, never) = (Mutex::new(()), Condvar::new());
        let mut guard = nothing.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..moments {
            guard = self.wait(&never, guard)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Deadline")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_pause_ends_with_the_time() {
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let limit = Deadline::new(move || count.fetch_add(1, Ordering::Relaxed) == 2);
        assert!(matches!(limit.pause(50), Err(LibraryError::TimedOut)));
        assert_eq!(asked.load(Ordering::Relaxed), 3);
        assert!(Deadline::never().pause(1).is_ok());
    }
}
