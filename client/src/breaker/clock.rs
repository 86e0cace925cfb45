//! The clock of a breaker: a time that only rises, since whenever.
//!
//! It alone reads the time, and the breaker reads it through this trait only, so that a test can
//! hand in a clock that it moves. The hazard: the clock on the wall, which is set back and forth.

#![expect(clippy::disallowed_methods, reason = "the clock of the breaker")]

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// A time that only rises.
pub trait Clock: Debug + Send + Sync {
    /// The time since some moment that stays the same.
    fn now(&self) -> Duration;
}

/// The system's monotonic clock. On Linux it stands still while the machine sleeps.
#[derive(Debug, Clone, Copy)]
pub struct Monotonic {
    start: Instant,
}

impl Default for Monotonic {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for Monotonic {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}
