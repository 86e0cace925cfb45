//! The task that keeps a program running: one life after the other, each begun through the breaker.
//!
//! It alone decides: when to start, that it is healthy, that it is not, when to try again. It ends
//! with the supervisor, and takes the child with it. The hazard: a program that becomes healthy,
//! and dies, again and again; so a life counts as a success only once it has lasted.

use std::future::Future;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{sleep, timeout};

use super::error::{NEEDS_PERMISSION, Said, StartError, Unhealthy};
use super::process::{End, Note, Process};
use super::settings::Settings;
use super::status::{Scene, State};
use super::tail::Tail;
use crate::breaker::Permit;

/// Between two probes of a program that is not healthy yet: doubled each time, up to a second.
const FIRST_PAUSE: Duration = Duration::from_millis(20);

/// See [`FIRST_PAUSE`].
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Before a program that ended is started again: doubled with each failure in the breaker's window.
const FIRST_RESTART: Duration = Duration::from_millis(250);

/// The longest wait for a restart, other than the breaker's.
const LONGEST_RESTART: Duration = Duration::from_secs(30);

/// Probes in a row that must fail before a program that was healthy is ended: one may be bad luck.
pub const FAILED_PROBES: u32 = 3;

/// The exit status by which a daemon says that it wants to be started anew (`EX_TEMPFAIL`).
const STARTS_ANEW: i32 = 75;

/// What is run, and how its health is asked.
pub(super) trait Sidecar: Send + Sync + 'static {
    /// What a healthy one gives to whoever started it.
    type Handle: Clone + Send + Sync + 'static;

    /// Is there such a program?
    fn is_there(&self) -> bool;

    /// Makes all that a start needs, and starts nothing.
    fn launch(&self) -> Result<Launch<Self::Handle>, StartError>;

    /// Asks for its health.
    fn probe(&self, handle: &Self::Handle) -> Probe;
}

/// A probe under way.
pub(super) type Probe = Pin<Box<dyn Future<Output = Result<(), Unhealthy>> + Send>>;

/// All that a start needs.
#[derive(Debug)]
pub(super) struct Launch<H> {
    pub(super) command: Command,
    pub(super) socket: Option<UnixStream>,
    pub(super) note: Option<Note>,
    pub(super) handle: H,
}

/// Whoever waits for an attempt.
pub(super) type Waiting<H> = oneshot::Sender<Result<H, StartError>>;

/// What a supervisor asks of its keeper.
#[derive(Debug)]
pub(super) enum Order<H> {
    Start(Waiting<H>),
    Stop(oneshot::Sender<()>),
}

/// The keeper.
pub(super) struct Keeper<S: Sidecar> {
    pub(super) sidecar: Arc<S>,
    pub(super) settings: Settings,
    pub(super) orders: mpsc::Receiver<Order<S::Handle>>,
    pub(super) scene: watch::Sender<Scene<S::Handle>>,
}

/// A child, from its start to its end.
struct Life<H> {
    process: Process,
    handle: H,
    tail: Arc<Mutex<Tail>>,
    /// Ours until this life has lasted long enough to count as a success.
    permit: Option<Permit>,
    is_healthy: bool,
    /// What the last probe said, while they fail.
    complaint: Option<String>,
    failed_probes: u32,
    waiting: Vec<Waiting<H>>,
}

/// Why a life ends.
enum Cause {
    /// Somebody asked for it; nobody is told if the supervisor is gone.
    Asked(Option<oneshot::Sender<()>>),
    Ended,
    NotHealthy,
    ProbesFailed,
    /// As the probe says, unless its exit status did.
    NeedsPermission(Option<String>),
}

/// What comes after a life, or after an attempt at one.
enum Next {
    /// Nothing, until somebody asks for a start.
    Rest,
    /// The same again, if it was healthy once.
    Again,
    /// The end.
    Over,
}

impl<S: Sidecar> Keeper<S> {
    /// Keeps until the supervisor is gone.
    pub(super) async fn run(mut self) {
        let mut is_wanted = false;
        loop {
            let Some(waiting) = self.rest(&mut is_wanted).await else { return };
            let next = match self.begin(waiting).await {
                Ok(mut life) => {
                    let cause = self.watch(&mut life).await;
                    is_wanted |= life.is_healthy;
                    self.finish(life, cause).await
                }
                Err(next) => next,
            };
            match next {
                Next::Rest => is_wanted = false,
                Next::Again => {}
                Next::Over => return,
            }
        }
    }

    /// Waits until a start is asked for, or due; whoever asked, or nothing at the end.
    async fn rest(&mut self, is_wanted: &mut bool) -> Option<Vec<Waiting<S::Handle>>> {
        let pause = self.restart_pause();
        if *is_wanted {
            self.scene.send_modify(|scene| scene.will_restart(Some(pause)));
        }
        let due = sleep(pause);
        tokio::pin!(due);
        let waiting = loop {
            tokio::select! {
                order = self.orders.recv() => match order? {
                    Order::Start(waiting) => break vec![waiting],
                    Order::Stop(done) => {
                        *is_wanted = false;
                        self.scene.send_modify(|scene| scene.will_restart(None));
                        let _gone = done.send(());
                    }
                },
                () = &mut due, if *is_wanted => break Vec::new(),
            }
        };
        self.scene.send_modify(|scene| scene.will_restart(None));
        Some(waiting)
    }

    /// How long to wait before the next start by ourselves.
    fn restart_pause(&self) -> Duration {
        let status = self.settings.breaker.status();
        let doublings = u32::try_from(status.failures.saturating_sub(1)).unwrap_or(u32::MAX);
        let factor = 2_u32.checked_pow(doublings).unwrap_or(u32::MAX);
        let pause = FIRST_RESTART.saturating_mul(factor).min(LONGEST_RESTART);
        status.retry_in.unwrap_or(pause)
    }

    /// Begins a life, or says what comes instead.
    async fn begin(&mut self, waiting: Vec<Waiting<S::Handle>>) -> Result<Life<S::Handle>, Next> {
        let error = match self.launch().await {
            Ok(life) => return Ok(Life { waiting, ..life }),
            Err(error) => error,
        };
        let (state, next) = match &error {
            StartError::Open(_) | StartError::System(_) => (State::Stopped, Next::Again),
            // Nothing but a person mends these.
            StartError::Absent(_) => (State::Absent, Next::Rest),
            StartError::NeedsPermission { .. } => (State::NeedsPermission, Next::Rest),
            StartError::Path { .. }
            | StartError::Ended { .. }
            | StartError::NotHealthy { .. }
            | StartError::Stopped
            | StartError::NoRuntime
            | StartError::Over => (State::Stopped, Next::Rest),
        };
        self.scene.send_modify(|scene| scene.rests(state));
        refuse(waiting, &error);
        Err(next)
    }

    /// Starts the program, if the breaker lets it and the system has what it takes.
    async fn launch(&self) -> Result<Life<S::Handle>, StartError> {
        let permit = self.settings.breaker.permit()?;
        // Where this fails nothing was tried, and the permit says nothing.
        let Launch { command, socket, note, handle } = self.sidecar.launch()?;
        let tail = Arc::new(Mutex::new(Tail::default()));
        let process = match Process::start(command, socket, note, Arc::clone(&tail)).await {
            Ok(process) => process,
            Err(source) => {
                permit.failure(format_args!("it could not be started: {source}"));
                return Err(StartError::System(Arc::new(source)));
            }
        };
        let (pid, shown) = (process.pid(), Arc::clone(&tail));
        tracing::info!(pid, "supervised program started");
        self.scene.send_modify(|scene| scene.starts(pid, shown));
        Ok(Life {
            process,
            handle,
            tail,
            permit: Some(permit),
            is_healthy: false,
            complaint: None,
            failed_probes: 0,
            waiting: Vec::new(),
        })
    }

    /// Watches a life until there is a cause to end it.
    async fn watch(&mut self, life: &mut Life<S::Handle>) -> Cause {
        // First for its health, then for its lasting.
        let bound = sleep(self.settings.health_within);
        tokio::pin!(bound);
        let mut pause = FIRST_PAUSE;
        let mut probe = self.probe_after(Duration::ZERO, life);
        loop {
            tokio::select! {
                // Orders first: whoever asked before it ended shares what comes of it.
                biased;
                order = self.orders.recv() => match order {
                    None => return Cause::Asked(None),
                    Some(Order::Stop(done)) => return Cause::Asked(Some(done)),
                    Some(Order::Start(waiting)) if life.is_healthy => {
                        drop(waiting.send(Ok(life.handle.clone())));
                    }
                    Some(Order::Start(waiting)) => {
                        life.waiting.retain(|it| !it.is_closed());
                        life.waiting.push(waiting);
                    }
                },
                _end = life.process.ended() => return Cause::Ended,
                seen = &mut probe => {
                    let was_healthy = life.is_healthy;
                    if let Some(cause) = self.see(life, seen) {
                        return cause;
                    }
                    if life.is_healthy && !was_healthy {
                        bound.set(sleep(self.settings.settled_after));
                    }
                    let every = if life.is_healthy { self.settings.probe_every } else { pause };
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    probe = self.probe_after(every, life);
                }
                () = &mut bound, if life.permit.is_some() => {
                    if !life.is_healthy {
                        return Cause::NotHealthy;
                    }
                    life.permit.take().into_iter().for_each(Permit::success);
                    self.scene.send_modify(|_| {});
                }
            }
        }
    }

    fn probe_after(&self, pause: Duration, life: &Life<S::Handle>) -> Probe {
        let (sidecar, handle) = (Arc::clone(&self.sidecar), life.handle.clone());
        let within = self.settings.probe_within;
        Box::pin(async move {
            sleep(pause).await;
            let late = || Unhealthy::new(format!("no answer within {} s", within.as_secs_f64()));
            timeout(within, sidecar.probe(&handle)).await.unwrap_or_else(|_| Err(late()))
        })
    }

    /// Takes in what a probe has seen.
    fn see(&self, life: &mut Life<S::Handle>, seen: Result<(), Unhealthy>) -> Option<Cause> {
        let unhealthy = match seen {
            Ok(()) => {
                life.is_healthy = true;
                (life.failed_probes, life.complaint) = (0, None);
                self.scene.send_if_modified(|scene| scene.is_healthy(&life.handle));
                for waiting in life.waiting.drain(..) {
                    drop(waiting.send(Ok(life.handle.clone())));
                }
                return None;
            }
            Err(unhealthy) => unhealthy,
        };
        if unhealthy.is_for_a_person() {
            return Some(Cause::NeedsPermission(Some(unhealthy.to_string())));
        }
        life.complaint = Some(unhealthy.to_string());
        life.failed_probes += 1;
        let is_healthy = life.is_healthy;
        self.scene.send_modify(|scene| scene.is_unhealthy(unhealthy.to_string(), is_healthy));
        (is_healthy && life.failed_probes >= FAILED_PROBES).then_some(Cause::ProbesFailed)
    }

    /// Ends what still runs, and only then counts it and tells whoever waits.
    async fn finish(&mut self, mut life: Life<S::Handle>, cause: Cause) -> Next {
        self.scene.send_modify(Scene::lets_go);
        let end = life.process.stop(self.settings.stop_within).await;
        let code = end.status.and_then(|status| status.code());
        let has_lasted = life.permit.is_none();
        let cause = match cause {
            Cause::Ended if code == Some(NEEDS_PERMISSION) => Cause::NeedsPermission(None),
            other => other,
        };
        let said = Said::of(&life.tail.lock().unwrap_or_else(PoisonError::into_inner).lines());
        let (failure, state, next, error) = match &cause {
            Cause::Asked(Some(_)) => (None, State::Stopped, Next::Rest, StartError::Stopped),
            Cause::Asked(None) => (None, State::Stopped, Next::Over, StartError::Stopped),
            Cause::NeedsPermission(told) => {
                let said = match told {
                    Some(told) => Said { error: Some(told.clone()), hint: None },
                    None => said,
                };
                let error = StartError::NeedsPermission { said };
                (None, State::NeedsPermission, Next::Rest, error)
            }
            Cause::Ended => {
                let error = StartError::Ended { end, said };
                let failure = if life.is_healthy { ended(end) } else { error.to_string() };
                let is_meant = has_lasted && code == Some(STARTS_ANEW);
                ((!is_meant).then_some(failure), State::Stopped, Next::Again, error)
            }
            Cause::NotHealthy | Cause::ProbesFailed => {
                let (within, last) = (self.settings.health_within, life.complaint.take());
                let error = StartError::NotHealthy { within, last: last.clone() };
                let failure = last.filter(|_| life.is_healthy).unwrap_or_else(|| error.to_string());
                (Some(failure), State::Stopped, Next::Again, error)
            }
        };
        tracing::info!(%end, state = state.as_str(), "supervised program ended");
        if let Some(failure) = failure {
            // One that has lasted has given its permit back; its end counts all the same.
            let permit = life.permit.take().or_else(|| self.settings.breaker.permit().ok());
            permit.into_iter().for_each(|permit| permit.failure(&failure));
        }
        drop(life.permit);
        self.scene.send_modify(|scene| scene.ended(state, end));
        refuse(life.waiting, &error);
        if let Cause::Asked(Some(done)) = cause {
            let _gone = done.send(());
        }
        next
    }
}

fn refuse<H>(waiting: Vec<Waiting<H>>, error: &StartError) {
    for it in waiting {
        // Who no longer waits does not want to know.
        drop(it.send(Err(error.clone())));
    }
}

fn ended(end: End) -> String {
    format!("it ended ({end})")
}
