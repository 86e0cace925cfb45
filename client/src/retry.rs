//! How long to wait between two attempts: twice as long each time, up to a bound, and never quite
//! the same.
//!
//! It is a function of numbers: the attempt is counted and the random number drawn by whoever
//! waits, and nothing here looks at a clock. The hazard: a restarted daemon to which every client
//! comes back in the same instant.

use std::time::Duration;

/// Before the second attempt, at most: a daemon that is there again at once is hardly missed.
pub const FIRST_DELAY: Duration = Duration::from_millis(50);

/// Between two attempts, at most: a start takes less, and nobody waits much longer than it takes.
pub const LONGEST_DELAY: Duration = Duration::from_secs(2);

/// Parts into which the jitter is divided.
const PARTS: u32 = 1 << 16;

/// Returns how long to wait after so many attempts that failed before this one did: between one
/// half and the whole of [`FIRST_DELAY`], doubled for each of them, up to [`LONGEST_DELAY`]. Every
/// bit of `random` is taken for random.
#[must_use]
pub fn delay(earlier: u32, random: u64) -> Duration {
    let doubled = 1_u32.checked_shl(earlier).unwrap_or(u32::MAX);
    let whole = FIRST_DELAY.saturating_mul(doubled).min(LONGEST_DELAY);
    let part = u32::try_from(random % u64::from(PARTS)).unwrap_or(0);
    whole / 2 + whole / (2 * PARTS) * part
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MOST: u64 = u64::MAX;

    #[test]
    fn it_doubles_up_to_its_bound() {
        let longest: Vec<u128> = (0..8).map(|earlier| delay(earlier, MOST).as_millis()).collect();
        assert_eq!(longest, [49, 99, 199, 399, 799, 1_599, 1_999, 1_999]);
        let shortest: Vec<u128> = (0..8).map(|earlier| delay(earlier, 0).as_millis()).collect();
        assert_eq!(shortest, [25, 50, 100, 200, 400, 800, 1_000, 1_000]);
    }

    #[test]
    fn after_absurdly_many_attempts_it_is_still_bounded() {
        for earlier in [31, 32, 33, 64, u32::MAX] {
            assert!((LONGEST_DELAY / 2..=LONGEST_DELAY).contains(&delay(earlier, MOST)));
            assert_eq!(delay(earlier, 0), LONGEST_DELAY / 2);
        }
    }

    proptest! {
        #[test]
        fn it_lies_between_the_half_and_the_whole(earlier: u32, random: u64) {
            let waited = delay(earlier, random);
            let whole = FIRST_DELAY.saturating_mul(1 << earlier.min(16)).min(LONGEST_DELAY);
            prop_assert!(whole / 2 <= waited && waited <= whole, "{waited:?}");
        }

        #[test]
        fn other_numbers_give_other_times(random: u64) {
            prop_assume!(random % u64::from(PARTS) != 0);
            prop_assert_ne!(delay(3, random), delay(3, random - 1));
        }
    }
}
