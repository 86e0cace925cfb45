//! A circuit breaker: after so many failures in so short a time nobody is asked for a while, then
//! one caller may try.
//!
//! A part of its own: it needs neither runtime nor daemon, and reads no time but the clock that it
//! is given. Whoever calls takes a [`Permit`] first and says how it went; what is left unsaid, as
//! by a future that is dropped, counts as nothing and frees its place. The hazards: a probe that
//! vanishes and leaves the circuit shut for ever; an answer that comes late, from before the
//! circuit opened, and is taken for the probe's.

mod clock;
mod machine;
#[cfg(test)]
mod model;
mod verdict;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use clock::{Clock, Monotonic};
pub use machine::State;

use crate::error::Error;
use machine::{Epoch, Machine, Outcome, Transition};
use verdict::Verdict;

/// Failures that open the circuit.
pub const FAILURES: usize = 3;

/// Within what time.
pub const WINDOW: Duration = Duration::from_secs(5 * 60);

/// For how long it is open then.
pub const COOLDOWN: Duration = Duration::from_secs(10 * 60);

/// Failures that can be asked for: each is remembered.
pub const MAX_FAILURES: usize = 1_000;

/// The longest window and cooldown, 30 days: longer ones are typing errors in a unit.
pub const MAX_TIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Bytes of the text of the last failure that are kept.
pub const MAX_CAUSE_BYTES: usize = 1_024;

/// When the circuit opens, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    failures: usize,
    window: Duration,
    cooldown: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self { failures: FAILURES, window: WINDOW, cooldown: COOLDOWN }
    }
}

/// Why a configuration makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No failure, or too many, would open the circuit.
    #[error("{failures} failures are to open the circuit; 1 to {limit} can")]
    Failures {
        /// What was asked for.
        failures: usize,
        /// What is allowed.
        limit: usize,
    },
    /// A window or cooldown is nothing, or too long.
    #[error("the {what} is {time:?}; it must be more than nothing and at most {limit:?}")]
    Time {
        /// `window` or `cooldown`.
        what: &'static str,
        /// What was asked for.
        time: Duration,
        /// What is allowed.
        limit: Duration,
    },
}

impl ConfigError {
    /// What to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Failures { .. } => "leave it out for 3 failures",
            Self::Time { .. } => "leave it out for 5 minutes of window and 10 of cooldown",
        }
    }
}

impl Config {
    /// Opens after `failures` within `window`, for `cooldown`.
    ///
    /// # Errors
    /// [`ConfigError`] outside 1 to [`MAX_FAILURES`], or of nothing to [`MAX_TIME`].
    pub fn new(failures: usize, window: Duration, cooldown: Duration) -> Result<Self, ConfigError> {
        if !(1..=MAX_FAILURES).contains(&failures) {
            return Err(ConfigError::Failures { failures, limit: MAX_FAILURES });
        }
        for (what, time) in [("window", window), ("cooldown", cooldown)] {
            if time.is_zero() || time > MAX_TIME {
                return Err(ConfigError::Time { what, time, limit: MAX_TIME });
            }
        }
        Ok(Self { failures, window, cooldown })
    }
}

/// The circuit is open: nobody was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not tried after {failures} failures{}", when(*retry_in))]
pub struct Open {
    /// When one caller may try; nothing while one does.
    pub retry_in: Option<Duration>,
    /// How many failures there were within the window.
    pub failures: usize,
}

impl Open {
    /// What to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> String {
        match self.retry_in {
            Some(time) => format!("mend what failed, and try again in {} s", seconds(time)),
            None => "wait for the one that tries now".to_owned(),
        }
    }
}

fn when(retry_in: Option<Duration>) -> String {
    match retry_in {
        Some(time) => format!("; the next try is in {} s", seconds(time)),
        None => "; one try is under way".to_owned(),
    }
}

/// Whole seconds, so that who waits for them does not come too early.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Why a guarded call has no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It was not made.
    #[error(transparent)]
    Open(#[from] Open),
    /// It was, and failed.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl CallError {
    /// What to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Open(open) => open.hint(),
            Self::Failed(error) => error.hint(),
        }
    }
}

/// How the circuit is; looking changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Closed, open, half-open.
    pub state: State,
    /// Failures within the window.
    pub failures: usize,
    /// How many open it.
    pub max_failures: usize,
    /// The last failure, however long ago.
    pub last_failure: Option<LastFailure>,
    /// Would a call pass now?
    pub would_pass: bool,
    /// When one may try; only while it is open.
    pub retry_in: Option<Duration>,
}

/// A failure.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastFailure {
    /// What failed, in the words of whoever told it.
    pub what: String,
    /// How long ago.
    pub ago: Duration,
}

/// A circuit breaker. Clones are the same one.
///
/// ```
/// use darkslide_client::breaker::{CircuitBreaker, State};
///
/// let breaker = CircuitBreaker::default();
/// for _ in 0..3 {
///     breaker.permit()?.failure("nobody listens");
/// }
/// assert_eq!(breaker.status().state, State::Open);
/// let open = breaker.permit().expect_err("it is open");
/// assert!(open.retry_in.is_some());
/// # Ok::<(), darkslide_client::breaker::Open>(())
/// ```
#[derive(Debug, Clone)]
pub struct CircuitBreaker {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Box<dyn Clock>,
    machine: Mutex<Machine>,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self::new(Config::default())
    }
}

impl CircuitBreaker {
    /// Makes a closed one on the system's monotonic clock.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self::with_clock(config, Monotonic::default())
    }

    /// Makes a closed one on another clock.
    #[must_use]
    pub fn with_clock(config: Config, clock: impl Clock + 'static) -> Self {
        let machine = Mutex::new(Machine::new(config));
        Self { shared: Arc::new(Shared { clock: Box::new(clock), machine }) }
    }

    /// Lets a call through, or not.
    ///
    /// # Errors
    /// [`Open`], with when to come again.
    pub fn permit(&self) -> Result<Permit, Open> {
        let now = self.shared.clock.now();
        let (admitted, transition) = self.machine().admit(now);
        trace(transition);
        admitted.map(|epoch| Permit { breaker: self.clone(), epoch, is_told: false })
    }

    /// Makes a call of the client if the circuit lets it through, and learns from how it ends.
    ///
    /// Only a daemon that cannot be reached, or not now, is a failure: one that denies, or knows no
    /// such album, has answered. What was never sent counts as nothing, and so does a future that
    /// is dropped.
    ///
    /// # Errors
    /// [`CallError::Open`] without a call; else [`CallError::Failed`].
    pub async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, CallError> {
        let permit = self.permit()?;
        permit.learn(call.await)
    }

    /// As [`CircuitBreaker::call`], for a call that blocks.
    ///
    /// # Errors
    /// As [`CircuitBreaker::call`].
    pub fn call_blocking<T>(
        &self,
        call: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, CallError> {
        let permit = self.permit()?;
        permit.learn(call())
    }

    /// How it is. Changes nothing.
    #[must_use]
    pub fn status(&self) -> Status {
        let now = self.shared.clock.now();
        self.machine().status(now)
    }

    fn machine(&self) -> MutexGuard<'_, Machine> {
        self.shared.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn settle(&self, epoch: Epoch, outcome: Outcome) {
        let now = self.shared.clock.now();
        let transition = self.machine().settle(epoch, outcome, now);
        trace(transition);
    }
}

/// One call that was let through. Dropped, it frees its place and says nothing.
#[derive(Debug)]
#[must_use = "say how the call went"]
pub struct Permit {
    breaker: CircuitBreaker,
    epoch: Epoch,
    is_told: bool,
}

impl Permit {
    /// It went well: earlier failures are forgotten.
    pub fn success(self) {
        self.tell(Outcome::Success);
    }

    /// It failed, and why.
    pub fn failure(self, why: impl std::fmt::Display) {
        let mut why = why.to_string();
        if why.len() > MAX_CAUSE_BYTES {
            let end = (0..=MAX_CAUSE_BYTES).rev().find(|end| why.is_char_boundary(*end));
            why.truncate(end.unwrap_or(0));
        }
        self.tell(Outcome::Failure(why));
    }

    fn learn<T>(self, result: Result<T, Error>) -> Result<T, CallError> {
        match result.as_ref().map_or_else(Verdict::of, |_| Verdict::Answered) {
            Verdict::Answered => self.success(),
            Verdict::Failed(why) => self.failure(why),
            Verdict::NotAsked => drop(self),
        }
        Ok(result?)
    }

    fn tell(mut self, outcome: Outcome) {
        self.is_told = true;
        self.breaker.settle(self.epoch, outcome);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.is_told {
            self.breaker.settle(self.epoch, Outcome::Unknown);
        }
    }
}

/// Outside the lock: whoever listens may ask for the status.
fn trace(transition: Option<Transition>) {
    match transition {
        None => {}
        Some(Transition { from, to: State::Open, why: Some(why) }) => {
            tracing::warn!(from = from.as_str(), to = State::Open.as_str(), %why, "circuit breaker");
        }
        Some(Transition { from, to, why: _ }) => {
            tracing::info!(from = from.as_str(), to = to.as_str(), "circuit breaker");
        }
    }
}

#[cfg(test)]
mod tests;
