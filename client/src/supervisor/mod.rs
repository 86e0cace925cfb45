//! A supervisor: runs a program, waits until it is healthy, starts it again through a circuit
//! breaker, and ends it.
//!
//! For apps that run their own daemon, or any other sidecar, instead of launchd's. This file is its
//! face: a handle on a task (`keeper.rs`) that lives with it. Dropped, it ends the child: as
//! [`Supervisor::stop`] while the runtime lives, by SIGKILL if that ends. The hazard: a child that
//! nobody owns, or two.

mod error;
mod keeper;
mod private_daemon;
mod process;
mod program;
mod settings;
mod status;
mod tail;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::breaker::CircuitBreaker;
use crate::client::Client;

pub use error::{NEEDS_PERMISSION, Said, StartError, Unhealthy};
pub use keeper::FAILED_PROBES;
pub use private_daemon::{LIBRARY, Log, PrivateDaemon, ROOT};
pub use process::End;
pub use program::{NotFound, PROGRAM_VARIABLE, Program};
pub use settings::{Builder, HEALTH_WITHIN, PROBE_EVERY, PROBE_WITHIN, SETTLED_AFTER, STOP_WITHIN};
pub use status::{State, Status};
pub use tail::{MAX_TAIL_BYTES, MAX_TAIL_LINES};

use keeper::{Keeper, Order, Sidecar};
use settings::Settings;
use status::Scene;

/// Orders that wait for the keeper; more callers wait for their turn.
const MAX_ORDERS: usize = 16;

/// Runs a program and keeps it running, once [`Supervisor::start`] has succeeded.
///
/// What ends, or fails [`FAILED_PROBES`] probes in a row, is started again: soon at first, then
/// later and later, and after three failures in five minutes not before ten have passed; the next
/// start is then a trial, in which the program is `degraded`. A start counts as a success once the
/// program has been healthy for [`SETTLED_AFTER`]. What is not there, or needs a permission (its
/// probe says so, or its exit status is [`NEEDS_PERMISSION`]), is left to a person, and to the next
/// `start`.
///
/// All of it happens in a task of the runtime that the supervisor is made in: one that stands still
/// between calls looks after nothing in between.
///
/// ```no_run
/// use darkslide_client::protocol::message::library::LibraryListParams;
/// use darkslide_client::supervisor::{PrivateDaemon, Supervisor};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let daemon = PrivateDaemon::of("/photos/Trip.photoslibrary").destination("/backup/trip");
/// let supervisor = Supervisor::builder().private_daemon(daemon)?;
/// let client = supervisor.start().await?;
/// let list = client.library_list(&LibraryListParams {}).await?;
/// println!("{:?}: {}", list.libraries, supervisor.status().state.as_str());
/// supervisor.stop().await;
/// # Ok(())
/// # }
/// ```
///
/// Any other program, by its own probe:
///
/// ```no_run
/// use darkslide_client::supervisor::{Program, Supervisor, Unhealthy};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let program = Program::new("thumbnailer").args(["--socket", "/run/t/s"]).dies_with_parent();
/// let supervisor = Supervisor::builder().program(program, || async {
///     let stream = tokio::net::UnixStream::connect("/run/t/s").await;
///     stream.map(drop).map_err(|error| Unhealthy::new(error.to_string()))
/// })?;
/// supervisor.start().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Supervisor<H = ()> {
    orders: mpsc::Sender<Order<H>>,
    scene: watch::Receiver<Scene<H>>,
    breaker: CircuitBreaker,
}

impl Supervisor {
    /// Says how to supervise, and what.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Supervisor<Client> {
    /// The client of the daemon that runs; nothing until it is healthy, and another one after a
    /// restart.
    #[must_use]
    pub fn client(&self) -> Option<Client> {
        self.scene.borrow().handle()
    }
}

impl<H: Clone + Send + Sync + 'static> Supervisor<H> {
    #[expect(clippy::disallowed_methods, reason = "owns the keeper's task, which ends with it")]
    fn over<S: Sidecar<Handle = H>>(sidecar: S, settings: Settings) -> Result<Self, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let (orders, received) = mpsc::channel(MAX_ORDERS);
        let state = if sidecar.is_there() { State::Stopped } else { State::Absent };
        let (shown, scene) = watch::channel(Scene::of(state));
        let breaker = settings.breaker.clone();
        let sidecar = Arc::new(sidecar);
        runtime.spawn(Keeper { sidecar, settings, orders: received, scene: shown }.run());
        Ok(Self { orders, scene, breaker })
    }

    /// Starts the program and waits until it is healthy; if it is already, returns at once. Whoever
    /// calls while it starts shares that attempt; dropping the future does not end it.
    ///
    /// # Errors
    /// [`StartError`]: an attempt that missed its health has been ended and reaped; after the first
    /// one nothing is tried again until somebody asks.
    pub async fn start(&self) -> Result<H, StartError> {
        let (waiting, told) = oneshot::channel();
        self.orders.send(Order::Start(waiting)).await.map_err(|_| StartError::Over)?;
        told.await.unwrap_or(Err(StartError::Over))
    }

    /// Ends the program, and waits until it is reaped: by closing its socket, if it is a private
    /// daemon, which then finishes the file in hand, else by closing its stdin and by SIGTERM;
    /// then, within the bound, by SIGKILL. It is not started again by itself. What does not run is
    /// stopped already.
    pub async fn stop(&self) {
        let (done, told) = oneshot::channel();
        if self.orders.send(Order::Stop(done)).await.is_ok() {
            // It says so, or is gone.
            drop(told.await);
        }
    }

    /// How the program is. Changes nothing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.scene.borrow().status(self.breaker.status())
    }

    /// Waits until the program is as wanted; asked now, and whenever its state changes.
    ///
    /// # Errors
    /// [`StartError::Over`] if that can no longer come.
    pub async fn until(&self, is_so: impl Fn(&Status) -> bool) -> Result<Status, StartError> {
        let mut scene = self.scene.clone();
        loop {
            let status = scene.borrow_and_update().status(self.breaker.status());
            if is_so(&status) {
                return Ok(status);
            }
            scene.changed().await.map_err(|_| StartError::Over)?;
        }
    }
}
