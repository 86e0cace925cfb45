//! How a supervised program is: what the keeper shows, and what a person is told of it.
//!
//! The keeper alone changes the scene; whoever looks gets a copy, with the breaker's status and the
//! end of stderr as they are at that moment. Looking changes nothing.

#![expect(clippy::disallowed_methods, reason = "the clock of the supervisor: since when")]

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::process::End;
use super::tail::Tail;
use crate::breaker;

/// How a supervised program is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There is no such program.
    Absent,
    /// It runs, and was not healthy yet.
    Starting,
    /// It runs and is healthy.
    Ready,
    /// It runs, but its probe fails, or it has failed too often before and is on trial.
    Degraded,
    /// A person must give it a right; it is not started again by itself.
    NeedsPermission,
    /// It does not run.
    Stopped,
}

impl State {
    /// Its name: `absent`, `starting`, `ready`, `degraded`, `needs-permission`, `stopped`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Degraded => "degraded",
            Self::NeedsPermission => "needs-permission",
            Self::Stopped => "stopped",
        }
    }
}

/// How a supervised program is, in full.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// In a word.
    pub state: State,
    /// For how long it has been so.
    pub since: Duration,
    /// The process, while there is one.
    pub pid: Option<u32>,
    /// What the last probe said, while they fail.
    pub complaint: Option<String>,
    /// When it is started again by itself.
    pub restart_in: Option<Duration>,
    /// How the one before ended.
    pub last_end: Option<End>,
    /// The end of what it wrote on stderr, or of what the last one did; without control characters.
    pub stderr: Vec<String>,
    /// What starts go through.
    pub breaker: breaker::Status,
}

/// What the keeper shows.
#[derive(Debug)]
pub(super) struct Scene<H> {
    state: State,
    since: Instant,
    pid: Option<u32>,
    complaint: Option<String>,
    restart_at: Option<Instant>,
    last_end: Option<End>,
    tail: Arc<Mutex<Tail>>,
    handle: Option<H>,
}

impl<H: Clone> Scene<H> {
    /// Before the first start.
    pub(super) fn of(state: State) -> Self {
        Self {
            state,
            since: Instant::now(),
            pid: None,
            complaint: None,
            restart_at: None,
            last_end: None,
            tail: Arc::default(),
            handle: None,
        }
    }

    pub(super) fn starts(&mut self, pid: u32, tail: Arc<Mutex<Tail>>) {
        (self.pid, self.tail, self.complaint) = (Some(pid), tail, None);
        self.enter(State::Starting);
    }

    /// Shows that it is healthy; was that news?
    pub(super) fn is_healthy(&mut self, handle: &H) -> bool {
        if self.state == State::Ready {
            return false;
        }
        self.handle.get_or_insert_with(|| handle.clone());
        self.complaint = None;
        self.enter(State::Ready);
        true
    }

    pub(super) fn is_unhealthy(&mut self, complaint: String, was_healthy: bool) {
        self.complaint = Some(complaint);
        if was_healthy && self.state != State::Degraded {
            self.enter(State::Degraded);
        }
    }

    /// It is about to be ended: nobody is to begin anything with it.
    pub(super) fn lets_go(&mut self) {
        self.handle = None;
    }

    pub(super) fn ended(&mut self, state: State, end: End) {
        (self.pid, self.last_end) = (None, Some(end));
        self.enter(state);
    }

    pub(super) fn rests(&mut self, state: State) {
        if self.state != state {
            self.enter(state);
        }
    }

    pub(super) fn will_restart(&mut self, pause: Option<Duration>) {
        self.restart_at = pause.and_then(|pause| Instant::now().checked_add(pause));
    }

    pub(super) fn handle(&self) -> Option<H> {
        self.handle.clone()
    }

    pub(super) fn status(&self, breaker: breaker::Status) -> Status {
        let is_on_trial = breaker.state == breaker::State::HalfOpen;
        let now = Instant::now();
        Status {
            state: match self.state {
                State::Ready if is_on_trial => State::Degraded,
                state => state,
            },
            since: now.saturating_duration_since(self.since),
            pid: self.pid,
            complaint: self.complaint.clone(),
            restart_in: self.restart_at.map(|at| at.saturating_duration_since(now)),
            last_end: self.last_end,
            stderr: self.tail.lock().unwrap_or_else(PoisonError::into_inner).lines(),
            breaker,
        }
    }

    fn enter(&mut self, state: State) {
        (self.state, self.since) = (state, Instant::now());
    }
}
