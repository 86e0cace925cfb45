//! The breaker as a pure state machine: time is an argument, nothing waits, nothing is traced.
//!
//! Closed counts failures; open lets nobody through until its time has come; half-open lets one
//! through. Each stay in a state has a number, its epoch: what is told of a call that was let
//! through in an earlier one changes nothing, for the circuit has judged without it.

use std::collections::VecDeque;
use std::time::Duration;

use super::{Config, LastFailure, Open, Status};

/// How the circuit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Calls pass.
    Closed,
    /// No call passes.
    Open,
    /// One call passes, to see whether more can.
    HalfOpen,
}

impl State {
    /// Its name: `closed`, `open`, `half-open`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        }
    }
}

/// The number of a stay in a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(u64);

/// How a call went, as far as is known.
#[derive(Debug)]
pub(super) enum Outcome {
    Success,
    Failure(String),
    Unknown,
}

/// A change of the state, to be traced.
#[derive(Debug)]
pub(super) struct Transition {
    pub(super) from: State,
    pub(super) to: State,
    pub(super) why: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum Circuit {
    Closed,
    Open { until: Duration },
    HalfOpen { is_probed: bool },
}

/// The whole of it.
#[derive(Debug)]
pub(super) struct Machine {
    config: Config,
    circuit: Circuit,
    epoch: Epoch,
    /// When the last ones were, the oldest first; no more than open the circuit.
    failures: VecDeque<Duration>,
    last: Option<(String, Duration)>,
}

impl Machine {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            circuit: Circuit::Closed,
            epoch: Epoch(0),
            failures: VecDeque::new(),
            last: None,
        }
    }

    /// Lets a call through, or says when to come again.
    pub(super) fn admit(&mut self, now: Duration) -> (Result<Epoch, Open>, Option<Transition>) {
        match self.circuit {
            Circuit::Closed => (Ok(self.epoch), None),
            Circuit::Open { until } if now >= until => {
                let transition = self.enter(Circuit::HalfOpen { is_probed: true }, None);
                (Ok(self.epoch), Some(transition))
            }
            Circuit::HalfOpen { is_probed: false } => {
                self.circuit = Circuit::HalfOpen { is_probed: true };
                (Ok(self.epoch), None)
            }
            Circuit::Open { .. } | Circuit::HalfOpen { is_probed: true } => {
                let failures = self.config.failures;
                (Err(Open { retry_in: self.retry_in(now), failures }), None)
            }
        }
    }

    /// Learns how a call of an epoch went.
    pub(super) fn settle(
        &mut self,
        epoch: Epoch,
        outcome: Outcome,
        now: Duration,
    ) -> Option<Transition> {
        if epoch != self.epoch {
            return None;
        }
        let is_half_open = matches!(self.circuit, Circuit::HalfOpen { .. });
        match outcome {
            Outcome::Unknown => {
                if is_half_open {
                    self.circuit = Circuit::HalfOpen { is_probed: false };
                }
                None
            }
            Outcome::Success => {
                self.failures.clear();
                is_half_open.then(|| self.enter(Circuit::Closed, None))
            }
            Outcome::Failure(why) => {
                if self.failures.len() == self.config.failures {
                    self.failures.pop_front();
                }
                self.failures.push_back(now);
                self.last = Some((why.clone(), now));
                let is_over = is_half_open || self.recent(now) >= self.config.failures;
                let until = now.saturating_add(self.config.cooldown);
                is_over.then(|| self.enter(Circuit::Open { until }, Some(why)))
            }
        }
    }

    pub(super) fn status(&self, now: Duration) -> Status {
        let state = self.state(now);
        Status {
            state,
            failures: self.recent(now),
            max_failures: self.config.failures,
            last_failure: self
                .last
                .as_ref()
                .map(|(what, at)| LastFailure { what: what.clone(), ago: now.saturating_sub(*at) }),
            would_pass: match self.circuit {
                Circuit::Closed => true,
                Circuit::Open { until } => now >= until,
                Circuit::HalfOpen { is_probed } => !is_probed,
            },
            retry_in: self.retry_in(now),
        }
    }

    /// As it shows: a circuit whose time has come is half-open, whether somebody has tried or not.
    fn state(&self, now: Duration) -> State {
        match self.circuit {
            Circuit::Closed => State::Closed,
            Circuit::Open { until } if now < until => State::Open,
            Circuit::Open { .. } | Circuit::HalfOpen { .. } => State::HalfOpen,
        }
    }

    fn retry_in(&self, now: Duration) -> Option<Duration> {
        match self.circuit {
            Circuit::Open { until } if now < until => Some(until - now),
            Circuit::Open { .. } | Circuit::Closed | Circuit::HalfOpen { .. } => None,
        }
    }

    fn recent(&self, now: Duration) -> usize {
        let is_recent = |at: &&Duration| now.saturating_sub(**at) < self.config.window;
        self.failures.iter().filter(is_recent).count()
    }

    fn enter(&mut self, circuit: Circuit, why: Option<String>) -> Transition {
        let name = |circuit| match circuit {
            Circuit::Closed => State::Closed,
            Circuit::Open { .. } => State::Open,
            Circuit::HalfOpen { .. } => State::HalfOpen,
        };
        let from = name(std::mem::replace(&mut self.circuit, circuit));
        self.epoch = Epoch(self.epoch.0 + 1);
        Transition { from, to: name(circuit), why }
    }
}
