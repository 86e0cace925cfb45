//! The only reader of time. Below this layer time is an argument.
//!
//! Three questions: what is the date (for reports, events and their numbers, the log), how long is
//! it since, and is it too late. None of them is asked anywhere else, so that what depends on time
//! can be tested by handing in another answer.

#![expect(clippy::disallowed_methods, reason = "the clock: the only reader of time")]

use std::time::{Duration, Instant, SystemTime};

/// A moment on the monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(Instant);

impl Moment {
    /// Now.
    #[must_use]
    pub(crate) fn now() -> Self {
        Self(Instant::now())
    }

    /// How long ago it was.
    #[must_use]
    pub(crate) fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// Lets this thread wait.
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// The date and time in UTC, RFC 3339 with milliseconds.
#[must_use]
pub(crate) fn timestamp() -> String {
    let now = jiff::Timestamp::try_from(SystemTime::now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{now:.3}")
}

/// The same in milliseconds since 1970; 0 before.
#[must_use]
pub(crate) fn milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// A time as a file system keeps it, in UTC; the beginning of time where there is no such.
#[must_use]
pub(crate) fn written(seconds: i64, nanoseconds: u32) -> String {
    let nanoseconds = i32::try_from(nanoseconds).unwrap_or(0);
    let time = jiff::Timestamp::new(seconds, nanoseconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_milliseconds_and_is_in_utc() {
        let text = timestamp();
        assert_eq!(
            (text.len(), text.as_bytes()[19], text.ends_with('Z')),
            (24, b'.', true),
            "{text}"
        );
    }
}
