//! How fast a job writes, and how long the rest takes at that rate.
//!
//! Pure: the time since the job began is an argument. The rate is that of the last seconds, so that
//! it neither jumps with each file nor remembers a slow beginning for ever. The hazard: a time left
//! that is wrong is worse than none; before anything was measured there is none.

use std::time::Duration;

/// The least time that is measured: in less, one file's end decides.
const LEAST_SPAN: Duration = Duration::from_millis(500);
/// How long what was measured counts as much as what is measured now.
const MEMORY: Duration = Duration::from_secs(5);

/// The pace of one job.
#[derive(Debug, Default)]
pub(super) struct Pace {
    at: Duration,
    bytes: u64,
    rate: Option<u64>,
}

impl Pace {
    /// The copying begins.
    pub(super) fn begin(at: Duration) -> Self {
        Self { at, bytes: 0, rate: None }
    }

    /// So many bytes are written by now.
    pub(super) fn note(&mut self, at: Duration, bytes: u64) {
        let span = at.saturating_sub(self.at);
        if span < LEAST_SPAN {
            return;
        }
        let (span, memory) = (span.as_millis(), MEMORY.as_millis());
        let now = u128::from(bytes.saturating_sub(self.bytes)) * 1000 / span;
        let rate = match self.rate {
            Some(before) => (u128::from(before) * memory + now * span) / (memory + span),
            None => now,
        };
        *self = Self { at, bytes, rate: Some(u64::try_from(rate).unwrap_or(u64::MAX)) };
    }

    /// Bytes in a second; none before it was measured.
    pub(super) fn rate(&self) -> Option<u64> {
        self.rate
    }

    /// The seconds that so many bytes take; none where nothing moves.
    pub(super) fn remaining(&self, bytes: u64) -> Option<u64> {
        self.rate.filter(|&rate| rate > 0).map(|rate| bytes.div_ceil(rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn nothing_is_said_before_anything_was_measured() {
        let mut pace = Pace::begin(at(1_000));
        pace.note(at(1_499), 1_000_000);
        assert_eq!((pace.rate(), pace.remaining(10)), (None, None));
        pace.note(at(1_500), 1_000_000);
        assert_eq!((pace.rate(), pace.remaining(4_000_001)), (Some(2_000_000), Some(3)));
    }

    #[test]
    fn a_change_is_followed_within_seconds_and_without_a_jump() {
        let mut pace = Pace::begin(at(0));
        let (mut now, mut bytes) = (0, 0);
        let mut go_on = |pace: &mut Pace, seconds: u64, rate: u64| {
            for _ in 0..seconds {
                now += 1_000;
                bytes += rate;
                pace.note(at(now), bytes);
            }
            pace.rate().unwrap()
        };
        assert_eq!(go_on(&mut pace, 10, 100), 100);
        let soon = go_on(&mut pace, 1, 1_000);
        assert!((200..400).contains(&soon), "{soon}");
        let later = go_on(&mut pace, 30, 1_000);
        assert!((950..=1_000).contains(&later), "{later}");
    }

    #[test]
    fn what_stands_still_has_no_time_left_and_nothing_overflows() {
        let mut pace = Pace::begin(at(0));
        pace.note(at(1_000), 0);
        assert_eq!((pace.rate(), pace.remaining(1)), (Some(0), None));
        pace.note(at(1_500), u64::MAX);
        pace.note(at(900), 0);
        assert!(pace.rate().unwrap() > 0);
    }
}
