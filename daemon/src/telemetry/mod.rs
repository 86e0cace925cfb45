//! What the daemon says of itself: log lines on stderr, and the numbers of incidents.
//!
//! It alone writes log output. Texts of peers and of libraries go into a line only as quoted values
//! (`?x`), so that a newline or an escape in a title forges nothing; bodies of requests are never
//! logged.

mod log;

use std::sync::atomic::{AtomicU64, Ordering};

pub use log::{Level, answer, install, say};

static INCIDENTS: AtomicU64 = AtomicU64::new(0);

/// Notes a bug of ours, and returns the number under which it stands in the log.
#[must_use]
pub fn incident(what: &str) -> u64 {
    let number = INCIDENTS.fetch_add(1, Ordering::Relaxed) + 1;
    tracing::error!(incident = number, what, "a bug of ours");
    number
}
