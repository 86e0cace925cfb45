//! How patient a supervisor is, and what it supervises: a builder.
//!
//! Every bound has a default with its reason. A bound of nothing is taken as it is said: it then
//! ends before it began.

use std::future::Future;
use std::time::Duration;

use super::Supervisor;
use super::error::{StartError, Unhealthy};
use super::keeper::{Launch, Probe, Sidecar};
use super::private_daemon::PrivateDaemon;
use super::program::Program;
use crate::breaker::CircuitBreaker;
use crate::client::Client;

/// From the start of a program until it must be healthy: a slow disk, a large library.
pub const HEALTH_WITHIN: Duration = Duration::from_secs(30);

/// Between two probes of a healthy program.
pub const PROBE_EVERY: Duration = Duration::from_secs(10);

/// From a probe to its answer.
pub const PROBE_WITHIN: Duration = Duration::from_secs(10);

/// From SIGTERM to SIGKILL. A daemon gives itself 5 s for the file in hand.
pub const STOP_WITHIN: Duration = Duration::from_secs(10);

/// How long a program must have been healthy until its start counts as a success.
pub const SETTLED_AFTER: Duration = Duration::from_secs(60);

/// How patient a supervisor is.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) health_within: Duration,
    pub(super) probe_every: Duration,
    pub(super) probe_within: Duration,
    pub(super) stop_within: Duration,
    pub(super) settled_after: Duration,
    pub(super) breaker: CircuitBreaker,
}

/// How to supervise, and what.
#[derive(Debug, Clone)]
pub struct Builder {
    settings: Settings,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            settings: Settings {
                health_within: HEALTH_WITHIN,
                probe_every: PROBE_EVERY,
                probe_within: PROBE_WITHIN,
                stop_within: STOP_WITHIN,
                settled_after: SETTLED_AFTER,
                breaker: CircuitBreaker::default(),
            },
        }
    }
}

impl Builder {
    /// Another time than [`HEALTH_WITHIN`].
    #[must_use]
    pub fn health_within(mut self, time: Duration) -> Self {
        self.settings.health_within = time;
        self
    }

    /// Another time than [`PROBE_EVERY`].
    #[must_use]
    pub fn probe_every(mut self, time: Duration) -> Self {
        self.settings.probe_every = time;
        self
    }

    /// Another time than [`PROBE_WITHIN`].
    #[must_use]
    pub fn probe_within(mut self, time: Duration) -> Self {
        self.settings.probe_within = time;
        self
    }

    /// Another time than [`STOP_WITHIN`].
    #[must_use]
    pub fn stop_within(mut self, time: Duration) -> Self {
        self.settings.stop_within = time;
        self
    }

    /// Another time than [`SETTLED_AFTER`].
    #[must_use]
    pub fn settled_after(mut self, time: Duration) -> Self {
        self.settings.settled_after = time;
        self
    }

    /// Another breaker than one of its own with the usual bounds. It should be this supervisor's
    /// alone: a start holds its permit until it has lasted.
    #[must_use]
    pub fn breaker(mut self, breaker: CircuitBreaker) -> Self {
        self.settings.breaker = breaker;
        self
    }

    /// Supervises any program, whose health this closure tells. Nothing is started yet.
    ///
    /// # Errors
    /// [`StartError::NoRuntime`].
    pub fn program<P, F>(self, program: Program, probe: P) -> Result<Supervisor, StartError>
    where
        P: Fn() -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Unhealthy>> + Send + 'static,
    {
        Supervisor::over(Any { program, probe }, self.settings)
    }

    /// Supervises a private daemon; its health is [`Client::hello`]. Nothing is started yet.
    ///
    /// # Errors
    /// [`StartError::NoRuntime`].
    pub fn private_daemon(self, daemon: PrivateDaemon) -> Result<Supervisor<Client>, StartError> {
        Supervisor::over(daemon, self.settings)
    }
}

/// Any program, and a closure for its health.
struct Any<P> {
    program: Program,
    probe: P,
}

impl<P, F> Sidecar for Any<P>
where
    P: Fn() -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Unhealthy>> + Send + 'static,
{
    type Handle = ();

    fn is_there(&self) -> bool {
        self.program.command().is_ok()
    }

    fn launch(&self) -> Result<Launch<()>, StartError> {
        Ok(Launch { command: self.program.command()?, socket: None, note: None, handle: () })
    }

    fn probe(&self, _handle: &()) -> Probe {
        Box::pin((self.probe)())
    }
}
