//! A simple model of the breaker, and random lives that both must agree on.
//!
//! The model keeps the whole history of what counted and looks through it at each question, where
//! the machine keeps a few numbers. Callers come and go in any order, forget to say how it went,
//! and tell late.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::tests::Hand;
use super::{CircuitBreaker, Config, Permit, State};

/// Callers that can be under way at once.
const CALLERS: usize = 4;

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Ask(usize),
    Succeed(usize),
    Fail(usize),
    Forget(usize),
    Look,
}

fn step(longest: u64) -> impl Strategy<Value = Step> {
    let caller = 0..CALLERS;
    prop_oneof![
        2 => (0..longest).prop_map(Step::Wait),
        4 => caller.clone().prop_map(Step::Ask),
        1 => caller.clone().prop_map(Step::Succeed),
        3 => caller.clone().prop_map(Step::Fail),
        1 => caller.prop_map(Step::Forget),
        1 => Just(Step::Look),
    ]
}

/// What has happened, in milliseconds.
#[derive(Debug, Default)]
struct Model {
    needed: usize,
    window: u64,
    cooldown: u64,
    now: u64,
    /// The times of failures that counted, since the last success.
    failures: Vec<u64>,
    opened: Option<u64>,
    /// Who tries, while it is half-open, and whether somebody has.
    probe: Option<usize>,
    is_probed: bool,
    /// How often the circuit has changed, so that calls from before are known.
    changes: u64,
}

impl Model {
    fn state(&self) -> State {
        match self.opened {
            None => State::Closed,
            Some(opened) if self.now < opened + self.cooldown => State::Open,
            Some(_) => State::HalfOpen,
        }
    }

    fn passes(&self) -> bool {
        match self.state() {
            State::Closed => true,
            State::Open => false,
            State::HalfOpen => self.probe.is_none(),
        }
    }

    fn recent(&self) -> usize {
        self.failures.iter().filter(|at| self.now - **at < self.window).count()
    }

    /// Lets a caller in; in which stay of the circuit that was.
    fn enter(&mut self, caller: usize) -> u64 {
        if self.state() == State::HalfOpen {
            // Half-open begins with the first who tries: earlier callers say nothing from then on.
            self.changes += u64::from(!self.is_probed);
            (self.probe, self.is_probed) = (Some(caller), true);
        }
        self.changes
    }

    /// How the call of a caller went, if that is known.
    fn leave(&mut self, since: u64, went_well: Option<bool>) {
        if since != self.changes {
            return;
        }
        let is_probe = self.opened.is_some();
        match went_well {
            None => self.probe = None,
            Some(true) => {
                self.failures.clear();
                self.turn(is_probe, None);
            }
            Some(false) => {
                self.failures.push(self.now);
                let opens = is_probe || self.recent() >= self.needed;
                self.turn(opens, opens.then_some(self.now));
            }
        }
    }

    fn turn(&mut self, is_change: bool, opened: Option<u64>) {
        if is_change {
            self.changes += 1;
            (self.opened, self.probe, self.is_probed) = (opened, None, false);
        }
    }

    fn assert_agrees(&self, breaker: &CircuitBreaker) {
        let status = breaker.status();
        assert_eq!(status.state, self.state(), "{self:?}");
        assert_eq!(status.failures, self.recent().min(self.needed), "{self:?}");
        assert_eq!(status.would_pass, self.passes(), "{self:?}");
        let opened = self.opened.filter(|_| self.state() == State::Open);
        let retry_in = opened.map(|at| Duration::from_millis(at + self.cooldown - self.now));
        assert_eq!(status.retry_in, retry_in, "{self:?}");
    }
}

/// Lives one life on both.
fn live(steps: &[Step], mut model: Model) {
    let millis = Duration::from_millis;
    let config = Config::new(model.needed, millis(model.window), millis(model.cooldown));
    let now = Arc::new(AtomicU64::new(0));
    let breaker = CircuitBreaker::with_clock(config.unwrap(), Hand(Arc::clone(&now)));
    let mut calls: [Option<(Permit, u64)>; CALLERS] = Default::default();
    for step in steps {
        match step {
            Step::Wait(time) => {
                model.now += time;
                now.store(model.now, Ordering::Relaxed);
            }
            Step::Look => {
                let before = format!("{breaker:?}");
                let _seen = breaker.status();
                assert_eq!(format!("{breaker:?}"), before);
            }
            Step::Ask(caller) => {
                let permit = breaker.permit();
                assert_eq!(permit.is_ok(), model.passes(), "{model:?}");
                if let Ok(permit) = permit {
                    // Whoever asks again has given up what he asked before.
                    let before = calls[*caller].replace((permit, model.enter(*caller)));
                    if let Some((permit, since)) = before {
                        drop(permit);
                        model.leave(since, None);
                    }
                }
            }
            Step::Succeed(caller) | Step::Fail(caller) | Step::Forget(caller) => {
                let Some((permit, since)) = calls[*caller].take() else { continue };
                let went_well = match step {
                    Step::Succeed(_) => Some(true),
                    Step::Fail(_) => Some(false),
                    Step::Forget(_) | Step::Wait(_) | Step::Ask(_) | Step::Look => None,
                };
                match went_well {
                    Some(true) => permit.success(),
                    Some(false) => permit.failure("no"),
                    None => drop(permit),
                }
                model.leave(since, went_well);
            }
        }
        model.assert_agrees(&breaker);
    }
}

// Short times, so that lives come to the very moment at which something changes.
proptest! {
    #[test]
    fn behaves_as_the_model_in_every_life(
        steps in prop::collection::vec(step(12), 0..200),
        needed in 1..5_usize,
        window in 1..40_u64,
        cooldown in 1..40_u64,
    ) {
        live(&steps, Model { needed, window, cooldown, ..Model::default() });
    }
}
