//! Whom a command talks to: the running daemon, or a private one that is started for it and ends
//! with it.
//!
//! Commands see a client and the names that requests need, whichever it is. Ctrl-C once ends the
//! command, says so, and waits for a private daemon to finish the file in hand; twice leaves at
//! once. A command that follows a job of the running daemon is asked to stop that first: after the
//! file in hand, then at once; a third time leaves. It alone listens to signals.

use std::cell::Cell;
use std::path::Path;
use std::rc::Rc;

use darkslide_client::protocol::message::health::HealthParams;
use darkslide_client::protocol::message::job::CancelMode;
use darkslide_client::protocol::message::library::LibraryListParams;
use darkslide_client::supervisor::LIBRARY;
use darkslide_client::{Builder, Client, Error, Tap, Unavailable};
use tokio::sync::Notify;

use crate::args::{Confinement, Global, Log};
use crate::daemon_side::Level;
use crate::exit::Exit;
use crate::output::Output;
use crate::paths;
use crate::private_daemon::{self, Plan, PrivateDaemon, StartError};
use crate::report::Failure;

/// What a command works with.
#[derive(Debug)]
pub(crate) struct Session {
    /// The connection.
    pub(crate) client: Client,
    library: Option<String>,
    is_private: bool,
    stops: Rc<Stops>,
}

/// What Ctrl-C asked of a command that stops its job before it ends.
#[derive(Debug, Default)]
struct Stops {
    /// Somebody stops what it does when asked: [`Session::listen_for_stops`].
    heard: Cell<bool>,
    asked: Cell<u32>,
    more: Notify,
}

impl Stops {
    /// Passes one Ctrl-C on to the command; `false` if it does not listen, or no longer.
    fn ask(&self) -> bool {
        if !self.heard.get() || self.asked.get() >= 2 {
            return false;
        }
        self.asked.set(self.asked.get() + 1);
        self.more.notify_one();
        true
    }
}

/// Somebody listens as long as this lives.
pub(crate) struct Listening<'a>(&'a Cell<bool>);

impl<'a> Listening<'a> {
    fn begin(heard: &'a Cell<bool>) -> Self {
        heard.set(true);
        Self(heard)
    }
}

impl Drop for Listening<'_> {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

impl Session {
    /// From now on Ctrl-C does not end the program but is heard by [`Session::asked_to_stop`], also
    /// one that comes while the one before is being carried out. Not with a private daemon: that
    /// ends with this program.
    pub(crate) fn listen_for_stops(&self) -> Option<Listening<'_>> {
        (!self.is_private).then(|| Listening::begin(&self.stops.heard))
    }

    /// Waits for the next Ctrl-C, and says how the job is to be stopped; for ever where nobody
    /// listens. Safe to be dropped and called again.
    pub(crate) async fn asked_to_stop(&self) -> CancelMode {
        self.stops.more.notified().await;
        if self.stops.asked.get() < 2 { CancelMode::AfterFile } else { CancelMode::Now }
    }

    /// Has Ctrl-C asked for a stop?
    pub(crate) fn was_interrupted(&self) -> bool {
        self.stops.asked.get() > 0
    }

    /// Is the daemon ours alone?
    pub(crate) fn is_private(&self) -> bool {
        self.is_private
    }

    /// The name of the library that requests are about: the one that was named, or the only one.
    pub(crate) async fn library(&self) -> Result<String, Failure> {
        if let Some(name) = &self.library {
            return Ok(name.clone());
        }
        let list = self.client.library_list(&LibraryListParams {}).await?;
        let mut names = list.libraries.into_iter().map(|library| library.name);
        match (names.next(), names.next()) {
            (Some(name), None) => Ok(name),
            (None, _) => Err(Failure::usage(
                "the policy grants you no library",
                "add a client rule to the policy, or name a library with --library PATH",
            )),
            (Some(first), Some(second)) => {
                let all: Vec<String> = [first, second].into_iter().chain(names).collect();
                let message = format!("there are several libraries: {}", all.join(", "));
                Err(Failure::usage(message, "name one with --in NAME"))
            }
        }
    }
}

/// How a command comes to its session.
#[derive(Debug)]
pub(crate) enum Way {
    /// The running daemon, and the name of its library, if it was named.
    Running(Option<String>),
    /// A private daemon.
    Private(Plan),
}

impl Way {
    /// Reads it from the options; `destination` is made for a private daemon.
    pub(crate) fn of(global: &Global, destination: Option<&Path>) -> Result<Self, Failure> {
        Self::to(global, destination, false)
    }

    /// The same for a command that only plans, which makes nothing.
    pub(crate) fn ahead(global: &Global, destination: Option<&Path>) -> Result<Self, Failure> {
        Self::to(global, destination, true)
    }

    /// The bundle that a private daemon would read.
    pub(crate) fn private_library(&self) -> Option<&str> {
        match self {
            Self::Running(_) => None,
            Self::Private(plan) => Some(&plan.library),
        }
    }

    fn to(global: &Global, destination: Option<&Path>, only_plans: bool) -> Result<Self, Failure> {
        let Some(library) = &global.library else {
            if global.confinement.is_some() {
                return Err(Failure::usage(
                    "--confinement is about a private daemon",
                    "add --library PATH, or set it in the policy of the running daemon",
                ));
            }
            return Ok(Self::Running(global.library_name.clone()));
        };
        if global.library_name.is_some() {
            return Err(Failure::usage(
                "--library and --in exclude each other",
                "leave one of them out",
            ));
        }
        let library = paths::library(library)?;
        let place = if only_plans { paths::planned_destination } else { paths::destination };
        let destination = destination.map(|folder| place(folder, &library)).transpose()?;
        Ok(Self::Private(Plan {
            library,
            destination,
            only_plans,
            best_effort: global.confinement == Some(Confinement::BestEffort),
            log: level(global.log),
        }))
    }
}

/// The daemon's word for it.
pub(crate) fn level(log: Log) -> Level {
    match log {
        Log::Error => Level::Error,
        Log::Warn => Level::Warn,
        Log::Info => Level::Info,
        Log::Debug => Level::Debug,
    }
}

/// Runs a command in a session of its own, until it is done or interrupted, and ends what was
/// started for it.
pub(crate) async fn with<F>(
    way: Way,
    tap: Option<Tap>,
    output: &mut Output,
    command: F,
) -> Result<Exit, Failure>
where
    F: AsyncFnOnce(&Session, &mut Output) -> Result<Exit, Failure>,
{
    let mut daemon = None;
    let stops = Rc::new(Stops::default());
    let work = async {
        let (session, private) = open(way, tap, Rc::clone(&stops)).await?;
        let is_best_effort = private.as_ref().is_some_and(|(_, is_best_effort)| *is_best_effort);
        daemon = private.map(|(daemon, _)| daemon);
        if is_best_effort {
            warn_of_missing(&session.client, output).await?;
        }
        command(&session, output).await
    };
    let result = {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                result = &mut work => break Some(result),
                signal = tokio::signal::ctrl_c() => {
                    signal.map_err(Failure::Setup)?;
                    if !stops.ask() {
                        break None;
                    }
                }
            }
        }
    };
    // The session and its socket are gone with the future; a private daemon ends now.
    match result {
        Some(result) => {
            let ended = end(daemon).await;
            result.map_err(|failure| explain(failure, ended))
        }
        None => interrupted(daemon, output).await,
    }
}

async fn open(
    way: Way,
    tap: Option<Tap>,
    stops: Rc<Stops>,
) -> Result<(Session, Option<(PrivateDaemon, bool)>), Failure> {
    let (library, plan) = match way {
        Way::Running(library) => (library, None),
        Way::Private(plan) => (Some(LIBRARY.to_owned()), Some(plan)),
    };
    let (client, private) = match plan {
        None => (builder(tap).connect().await?, None),
        Some(plan) => {
            let (client, daemon) = private_daemon::start(&plan, builder(tap)).await?;
            (client, Some((daemon, plan.best_effort)))
        }
    };
    let session = Session { client, library, is_private: private.is_some(), stops };
    Ok((session, private))
}

fn builder(tap: Option<Tap>) -> Builder {
    let builder = Client::builder().user_agent("darkslide", env!("CARGO_PKG_VERSION"));
    match tap {
        Some(tap) => builder.tap(tap),
        None => builder,
    }
}

async fn warn_of_missing(client: &Client, output: &mut Output) -> Result<(), Failure> {
    let health = client.health(&HealthParams::default()).await?;
    let confinement = health.detail.map(|detail| detail.confinement);
    if let Some(confinement) = confinement.filter(|confinement| !confinement.enforced) {
        let missing = confinement.missing.join("; ");
        output.warn(&format!("the daemon is not confined as it should be: {missing}"));
    }
    Ok(())
}

/// Waits for the end of a private daemon; how it ended, if that was not as it should be.
async fn end(daemon: Option<PrivateDaemon>) -> Option<StartError> {
    let status = daemon?.wait().await?;
    (!status.success()).then_some(StartError::Ended { status })
}

/// A call that found the connection closed says less than how the daemon ended.
fn explain(failure: Failure, ended: Option<StartError>) -> Failure {
    match (failure, ended) {
        (
            Failure::Client(Error::Unavailable(Unavailable::Closed | Unavailable::Broken(_))),
            Some(ended),
        ) => Failure::Start(ended),
        (failure, _) => failure,
    }
}

async fn interrupted(daemon: Option<PrivateDaemon>, output: &mut Output) -> Result<Exit, Failure> {
    let Some(daemon) = daemon else {
        output.say("interrupted");
        return Ok(Exit::Interrupted);
    };
    output.say("interrupted: waiting for the daemon to finish the file in hand; Ctrl-C again leaves at once");
    tokio::select! {
        _ended = end(Some(daemon)) => {}
        // The daemon ends with its socket, whether somebody waits or not.
        _again = tokio::signal::ctrl_c() => {}
    }
    Ok(Exit::Interrupted)
}
