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

/// How long one read transaction may last: as long as it does, Photos cannot write its `-wal` back.
/// Work that could last longer goes in slices of some 50 ms.
pub const MAX_TRANSACTION: Duration = Duration::from_secs(2);

/// A question that is asked again and again: is the time over?
#[derive(Clone)]
pub struct Deadline {
    expired: Arc<dyn Fn() -> bool + Send + Sync>,
    transactions: Option<Arc<Transactions>>,
}

/// When the transaction that is open began.
struct Transactions {
    elapsed: Box<dyn Fn() -> Duration + Send + Sync>,
    began: Mutex<Option<Duration>>,
}

/// A transaction that is open; it is over when this is dropped.
pub(crate) struct OpenTransaction<'a>(&'a Deadline);

impl Deadline {
    /// Wraps the caller's question; it is asked from the reading thread, often, and has to be
    /// quick.
    #[must_use]
    pub fn new(expired: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { expired: Arc::new(expired), transactions: None }
    }

    /// Ends each transaction, too, when it lasts too long by this clock: the time since any moment.
    #[must_use]
    pub fn bounding(mut self, elapsed: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        let (elapsed, began) = (Box::new(elapsed), Mutex::default());
        self.transactions = Some(Arc::new(Transactions { elapsed, began }));
        self
    }

    /// A deadline that never comes.
    #[must_use]
    pub fn never() -> Self {
        Self::new(|| false)
    }

    /// Is the time over?
    #[must_use]
    pub fn expired(&self) -> bool {
        (self.expired)() || self.transactions.as_ref().is_some_and(|it| it.expired())
    }

    /// To be called when a transaction begins.
    pub(crate) fn begin_transaction(&self) -> OpenTransaction<'_> {
        if let Some(transactions) = &self.transactions {
            *transactions.began() = Some((transactions.elapsed)());
        }
        OpenTransaction(self)
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

impl Transactions {
    fn began(&self) -> MutexGuard<'_, Option<Duration>> {
        self.began.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expired(&self) -> bool {
        let began = *self.began();
        began.is_some_and(|began| (self.elapsed)().saturating_sub(began) > MAX_TRANSACTION)
    }
}

impl Drop for OpenTransaction<'_> {
    fn drop(&mut self) {
        if let Some(transactions) = &self.0.transactions {
            *transactions.began() = None;
        }
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

    #[test]
    fn a_transaction_ends_at_its_bound_and_the_next_has_its_own() {
        let now = Arc::new(Mutex::new(Duration::ZERO));
        let clock = Arc::clone(&now);
        let limit = Deadline::never().bounding(move || *clock.lock().unwrap());
        let set = |time| *now.lock().unwrap() = time;
        let open = limit.begin_transaction();
        set(MAX_TRANSACTION);
        assert!(!limit.expired());
        set(MAX_TRANSACTION + Duration::from_millis(1));
        assert!(limit.expired());
        set(MAX_TRANSACTION * 1_000);
        assert!(limit.expired());
        drop(open);
        assert!(!limit.expired(), "time between transactions does not count");
        let _next = limit.begin_transaction();
        assert!(!limit.expired());
    }
}
