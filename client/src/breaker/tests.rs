//! The breaker on a clock that the test moves: each rule once, as a person would read it.
//!
//! Random lives against a model stand in `model.rs`; what is here says the same in words, and what
//! a model does not see: errors of the client, threads, limits.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use darkslide_protocol::error::{ErrorName, WireError};

use super::*;
use crate::error::{ProtocolError, Unavailable};

/// A clock of milliseconds.
#[derive(Debug)]
pub(super) struct Hand(pub(super) Arc<AtomicU64>);

impl Clock for Hand {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

fn on_a_clock() -> (CircuitBreaker, impl Fn(Duration)) {
    let now = Arc::new(AtomicU64::new(0));
    let breaker = CircuitBreaker::with_clock(Config::default(), Hand(Arc::clone(&now)));
    let pass = move |time: Duration| {
        now.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    };
    (breaker, pass)
}

fn fail(breaker: &CircuitBreaker, times: usize) {
    for _ in 0..times {
        breaker.permit().unwrap().failure("nobody listens");
    }
}

#[test]
fn three_failures_within_the_window_open_it_for_the_cooldown() {
    let (breaker, pass) = on_a_clock();
    fail(&breaker, 2);
    assert_eq!(breaker.status().state, State::Closed);
    pass(WINDOW - Duration::from_millis(1));
    fail(&breaker, 1);
    let open = breaker.permit().unwrap_err();
    assert_eq!(open, Open { retry_in: Some(COOLDOWN), failures: 3 });
    assert_eq!(open.to_string(), "not tried after 3 failures; the next try is in 600 s");
    assert!(open.hint().contains("in 600 s"));
    pass(COOLDOWN - Duration::from_millis(1));
    assert_eq!(breaker.permit().unwrap_err().retry_in, Some(Duration::from_millis(1)));
    pass(Duration::from_millis(1));
    assert!(breaker.permit().is_ok());
}

#[test]
fn failures_that_are_older_than_the_window_do_not_count() {
    let (breaker, pass) = on_a_clock();
    fail(&breaker, 2);
    pass(WINDOW);
    assert_eq!(breaker.status().failures, 0);
    fail(&breaker, 2);
    assert_eq!((breaker.status().state, breaker.status().failures), (State::Closed, 2));
}

#[test]
fn a_success_clears_the_window() {
    let (breaker, _pass) = on_a_clock();
    for _ in 0..10 {
        fail(&breaker, 2);
        breaker.permit().unwrap().success();
    }
    assert_eq!((breaker.status().state, breaker.status().failures), (State::Closed, 0));
}

#[test]
fn half_open_lets_one_probe_through_while_others_fail_fast() {
    let (breaker, pass) = on_a_clock();
    fail(&breaker, 3);
    pass(COOLDOWN);
    assert!(breaker.status().would_pass);
    let probe = breaker.permit().unwrap();
    let status = breaker.status();
    assert_eq!((status.state, status.would_pass), (State::HalfOpen, false));
    let refused = breaker.permit().unwrap_err();
    assert_eq!(refused.retry_in, None);
    assert!(refused.to_string().ends_with("one try is under way"));
    probe.success();
    assert_eq!(breaker.status().state, State::Closed);
}

#[test]
fn a_failed_probe_opens_it_again_for_the_whole_cooldown() {
    let (breaker, pass) = on_a_clock();
    fail(&breaker, 3);
    pass(COOLDOWN);
    let probe = breaker.permit().unwrap();
    pass(Duration::from_secs(7));
    probe.failure("still nobody");
    let status = breaker.status();
    assert_eq!((status.state, status.retry_in), (State::Open, Some(COOLDOWN)));
    assert_eq!(status.last_failure.unwrap().what, "still nobody");
}

#[test]
fn a_probe_that_is_dropped_frees_its_place() {
    let (breaker, pass) = on_a_clock();
    fail(&breaker, 3);
    pass(COOLDOWN);
    drop(breaker.permit().unwrap());
    assert_eq!(breaker.status().state, State::HalfOpen);
    breaker.permit().unwrap().success();
    assert_eq!(breaker.status().state, State::Closed);
}

#[test]
fn what_comes_late_is_not_taken_for_the_probe() {
    let (breaker, pass) = on_a_clock();
    let [early, late, other] = [(); 3].map(|()| breaker.permit().unwrap());
    fail(&breaker, 3);
    early.success();
    assert_eq!(breaker.status().state, State::Open);
    pass(COOLDOWN);
    let probe = breaker.permit().unwrap();
    late.failure("long ago");
    drop(other);
    assert_eq!(breaker.status().last_failure.unwrap().what, "nobody listens");
    assert!(breaker.permit().is_err());
    probe.success();
    assert_eq!(breaker.status().state, State::Closed);
}

#[test]
fn the_last_failure_is_told_with_its_age_and_cut() {
    let (breaker, pass) = on_a_clock();
    assert_eq!(breaker.status().last_failure, None);
    assert_eq!(breaker.status().max_failures, 3, "unless it is told otherwise");
    for (bytes, kept) in [
        (MAX_CAUSE_BYTES, MAX_CAUSE_BYTES),
        (MAX_CAUSE_BYTES + 2, MAX_CAUSE_BYTES),
        (1 << 20, MAX_CAUSE_BYTES),
    ] {
        breaker.permit().unwrap().failure("é".repeat(bytes / 2));
        pass(Duration::from_secs(9));
        let last = breaker.status().last_failure.unwrap();
        assert_eq!((last.what.len(), last.ago), (kept, Duration::from_secs(9)));
        breaker.permit().unwrap().success();
    }
    // A success forgets the failures, not that there was one.
    assert!(breaker.status().last_failure.is_some());
}

#[test]
fn of_many_threads_one_gets_the_probe() {
    let (breaker, pass) = on_a_clock();
    fail(&breaker, 3);
    pass(COOLDOWN);
    let passed = AtomicUsize::new(0);
    let barrier = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                barrier.wait();
                let permit = breaker.permit();
                passed.fetch_add(usize::from(permit.is_ok()), Ordering::Relaxed);
                barrier.wait();
            });
        }
    });
    assert_eq!(passed.into_inner(), 1);
}

#[test]
fn takes_what_can_be_meant_and_nothing_else() {
    let second = Duration::from_secs(1);
    for failures in [1, MAX_FAILURES] {
        assert!(Config::new(failures, MAX_TIME, second).is_ok());
    }
    for failures in [0, MAX_FAILURES + 1, usize::MAX] {
        let error = Config::new(failures, second, second).unwrap_err();
        assert!(matches!(error, ConfigError::Failures { .. }) && !error.hint().is_empty());
    }
    for time in [Duration::ZERO, MAX_TIME + second, Duration::MAX] {
        for (window, cooldown) in [(time, second), (second, time)] {
            let error = Config::new(1, window, cooldown).unwrap_err();
            assert!(matches!(error, ConfigError::Time { .. }) && !error.hint().is_empty());
        }
    }
}

fn remote(name: ErrorName) -> Error {
    WireError::new(name, name.reasons()[0].0, "no", "hint").into()
}

/// How the circuit is after four calls that end so, one within the limit of one failure.
async fn after(error: impl Fn() -> Error) -> (State, usize) {
    let (breaker, _pass) = on_a_clock();
    fail(&breaker, 1);
    for _ in 0..4 {
        let _ended: Result<(), CallError> = breaker.call(async { Err(error()) }).await;
    }
    (breaker.status().state, breaker.status().failures)
}

#[tokio::test]
async fn only_transport_and_transient_failures_count() {
    let gone = || Error::from(Unavailable::Closed);
    let slow = || Error::TimedOut { doing: "health", after: Duration::from_secs(1) };
    assert_eq!(after(gone).await.0, State::Open);
    assert_eq!(after(slow).await.0, State::Open);
    assert_eq!(after(|| ProtocolError::UnknownId.into()).await.0, State::Open);
    for transient in [ErrorName::Busy, ErrorName::Limit, ErrorName::ShuttingDown] {
        assert_eq!(after(|| remote(transient)).await.0, State::Open, "{transient:?}");
    }
    for answered in [
        ErrorName::Denied,
        ErrorName::NotFound,
        ErrorName::InvalidParams,
        ErrorName::Destination,
        ErrorName::Internal,
    ] {
        assert_eq!(after(|| remote(answered)).await, (State::Closed, 0), "{answered:?}");
    }
    for unsent in
        [Error::from(Unavailable::NoRuntime), ProtocolError::TooLong { bytes: 2, limit: 1 }.into()]
    {
        assert_eq!(after(|| unsent.clone()).await, (State::Closed, 1), "{unsent:?}");
    }
}

#[tokio::test]
async fn an_open_circuit_makes_no_call() {
    let (breaker, pass) = on_a_clock();
    fail(&breaker, 3);
    let made = AtomicUsize::new(0);
    let call = || async {
        made.fetch_add(1, Ordering::Relaxed);
        Ok::<_, Error>(7)
    };
    let refused = breaker.call(call()).await.unwrap_err();
    assert!(matches!(refused, CallError::Open(_)) && refused.hint().contains("600 s"));
    assert_eq!(made.load(Ordering::Relaxed), 0);
    pass(COOLDOWN);
    assert_eq!(breaker.call(call()).await.unwrap(), 7);
    assert_eq!(breaker.status().state, State::Closed);
}

#[test]
fn calls_that_block_count_as_those_that_are_awaited() {
    let (breaker, pass) = on_a_clock();
    for answer in [remote(ErrorName::Denied), Unavailable::InRuntime.into()] {
        let told = breaker.call_blocking::<()>(|| Err(answer.clone()));
        assert!(matches!(told, Err(CallError::Failed(_))), "{told:?}");
    }
    assert_eq!(breaker.status().failures, 0);
    for _ in 0..FAILURES {
        let told = breaker.call_blocking::<()>(|| Err(Unavailable::Closed.into()));
        assert!(matches!(told, Err(CallError::Failed(_))), "{told:?}");
    }
    let refused = breaker.call_blocking::<()>(|| panic!("nobody is to be asked"));
    assert!(matches!(refused, Err(CallError::Open(_))), "{refused:?}");
    pass(COOLDOWN);
    assert_eq!(breaker.call_blocking(|| Ok(7)).unwrap(), 7);
    assert_eq!(breaker.status().state, State::Closed);
}

#[tokio::test]
async fn a_call_that_is_dropped_frees_the_place_of_the_probe() {
    let (breaker, pass) = on_a_clock();
    fail(&breaker, 3);
    pass(COOLDOWN);
    let mut never = Box::pin(breaker.call(std::future::pending::<Result<(), Error>>()));
    tokio::select! {
        biased;
        _ = &mut never => unreachable!(),
        () = std::future::ready(()) => {}
    }
    assert!(!breaker.status().would_pass);
    drop(never);
    assert!(breaker.status().would_pass);
}

/// Hears what is traced.
struct Ear(Arc<Mutex<Vec<String>>>);

impl tracing::Subscriber for Ear {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Words(String);
        impl tracing::field::Visit for Words {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                self.0 += &format!("{field}={value:?} ");
            }
        }
        let mut words = Words(format!("{} ", event.metadata().level()));
        event.record(&mut words);
        self.0.lock().unwrap().push(words.0.trim_end().to_owned());
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn each_transition_is_traced_and_nothing_else() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    tracing::subscriber::with_default(Ear(Arc::clone(&heard)), || {
        let (breaker, pass) = on_a_clock();
        fail(&breaker, 3);
        let _refused = breaker.permit().unwrap_err();
        pass(COOLDOWN);
        let _looked = breaker.status();
        breaker.permit().unwrap().failure("again");
        pass(COOLDOWN);
        drop(breaker.permit().unwrap());
        breaker.permit().unwrap().success();
    });
    let says = |level, from, to, why| {
        format!("{level} message=circuit breaker from={from:?} to={to:?}{why}")
    };
    assert_eq!(
        *heard.lock().unwrap(),
        [
            says("WARN", "closed", "open", " why=nobody listens"),
            says("INFO", "open", "half-open", ""),
            says("WARN", "half-open", "open", " why=again"),
            says("INFO", "open", "half-open", ""),
            says("INFO", "half-open", "closed", ""),
        ]
    );
}
