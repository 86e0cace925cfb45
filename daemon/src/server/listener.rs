//! Who may come in: the accept loop, and the end of it.
//!
//! Each peer is asked of the kernel and of the policy before a byte of it is read; who is refused
//! is told so. Accepting goes on above the limit, so that a surplus client hears a reason and does
//! not hang. The hazard: at the limit of open files `accept` fails while the listener stays
//! readable, and a naive loop spins.

#![expect(
    clippy::disallowed_methods,
    reason = "owns the accept loop and the task of each connection"
)]

use std::collections::BTreeSet;
use std::io;
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use darkslide_policy::{CodeRequirement, Peer};
use darkslide_protocol::envelope;
use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::frame::write_frame;
use darkslide_protocol::limits::MAX_RESPONSE_FRAME_BYTES;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::admission::{Admission, Admitted, Full};
use super::connection::{EndsAt, LAST_TIME};
use super::outbox::Unsent;
use super::peer::{Identify, System, Unidentified};
use super::{DRAIN, Ended, ONE_LOOK, connection, peer};
use crate::service::{Caller, Service, fault};

/// How long nothing is accepted after `accept` failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why no more is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Told,
    Idle,
    Stale,
    /// There is a policy that another daemon is to enforce.
    NewPolicy,
}

/// Serves whoever connects, until there is a reason to end.
pub(super) async fn serve_many(
    service: &Arc<Service>,
    listener: StdListener,
    activated: bool,
) -> io::Result<Ended> {
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    // From the second on they change nothing: what ends has its time already.
    let told = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let new_policy = new_policy(service, signal(SignalKind::hangup())?);
    serve_until(service, listener, activated, told, new_policy).await
}

/// The same, by what tells it to end and what tells of a policy that another daemon is to enforce.
pub(super) async fn serve_until(
    service: &Arc<Service>,
    listener: StdListener,
    activated: bool,
    told: impl Future<Output = ()>,
    new_policy: impl Future<Output = ()>,
) -> io::Result<Ended> {
    let listener = UnixListener::from_std(listener)?;
    let (mut told, mut new_policy, mut stale) =
        (pin!(told), pin!(new_policy), pin!(stale(service)));
    let mut guests = Guests::of(service);
    let why = loop {
        // In this order: whoever waits at the door comes in before anybody says that it is idle.
        // What was accepted is among the guests before anything else is looked at; who was not
        // waits with the listener's owner for the next daemon.
        let accepted = tokio::select! {
            biased;
            () = &mut told => break Why::Told,
            () = &mut new_policy => break Why::NewPolicy,
            () = &mut stale => break Why::Stale,
            accepted = listener.accept() => accepted,
            Some(_) = guests.connections.join_next() => continue,
            () = idle(service), if activated && guests.connections.is_empty() => {
                // A job may have come from a request whose peer is gone.
                if service.end_if_without_jobs() { break Why::Idle }
                continue;
            }
        };
        match accepted {
            Ok((stream, _)) => guests.receive(stream),
            Err(error) => {
                tracing::warn!(error = ?error.to_string(), "cannot accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    };
    tracing::info!(?why, "ending");
    drop(listener);
    guests.see_off().await;
    Ok(match why {
        Why::Told => Ended::Told,
        Why::Idle => Ended::Idle,
        Why::Stale => Ended::Stale,
        // The next client has an activated one started, a job has nobody.
        Why::NewPolicy if activated && !service.has_unfinished_jobs() => Ended::Told,
        Why::NewPolicy => Ended::Stale,
    })
}

/// Returns once there was no job for as long as an idle daemon waits.
async fn idle(service: &Service) {
    service.without_jobs().await;
    sleep(service.limits().idle_exit.max(ONE_LOOK)).await;
}

/// Returns once a folder of the policy has come or is another, and nobody is at work.
async fn stale(service: &Arc<Service>) {
    service.outdated().await;
    service.quiet().await;
}

/// Returns once somebody has asked for the policy to be read again, and it can be used.
async fn new_policy(service: &Arc<Service>, mut hangup: Signal) {
    while hangup.recv().await.is_some() {
        if service.reread().await {
            return;
        }
    }
    std::future::pending().await
}

/// Who is connected.
struct Guests<'a> {
    service: &'a Arc<Service>,
    system: Arc<dyn Identify>,
    admission: Admission,
    unsent: Unsent,
    end: watch::Sender<Option<Instant>>,
    connections: JoinSet<()>,
}

impl<'a> Guests<'a> {
    fn of(service: &'a Arc<Service>) -> Self {
        let limits = service.limits();
        Self {
            service,
            system: Arc::new(System),
            admission: Admission::new(limits.connections, limits.connections_per_uid),
            unsent: Unsent::default(),
            end: watch::Sender::new(None),
            connections: JoinSet::new(),
        }
    }

    /// Serves a peer, or tells it why not.
    fn receive(&mut self, stream: UnixStream) {
        match arrive(self.service, &self.system, &stream, &self.admission) {
            Ok(arrived) => {
                let (service, system) = (Arc::clone(self.service), Arc::clone(&self.system));
                let (unsent, ending) = (self.unsent.clone(), self.end.subscribe());
                self.connections.spawn(async move {
                    serve_arrived(&service, &system, stream, arrived, unsent, ending).await;
                });
            }
            Err(error) => refuse(&stream, error.as_ref()),
        }
    }

    /// Has jobs stop and requests answered, for as long as they may take.
    async fn see_off(mut self) {
        let at = Instant::now() + DRAIN;
        // Jobs first: who watches them hears of their end.
        self.service.end(DRAIN).await;
        self.end.send_replace(Some(at));
        let all = async { while self.connections.join_next().await.is_some() {} };
        drop(timeout_at(at.max(Instant::now()) + LAST_TIME * 2, all).await);
    }
}

/// Serves the one client of a private daemon, until it is gone.
pub(super) async fn serve_one(service: &Arc<Service>, stream: StdStream) -> io::Result<Ended> {
    let stream = UnixStream::from_std(stream)?;
    let (_end, ending) = watch::channel(None);
    let system: Arc<dyn Identify> = Arc::new(System);
    match arrive(service, &system, &stream, &Admission::new(1, 1)) {
        Ok(arrived) => {
            serve_arrived(service, &system, stream, arrived, Unsent::default(), ending).await;
        }
        Err(error) => refuse(&stream, error.as_ref()),
    }
    service.end(DRAIN).await;
    Ok(Ended::Gone)
}

/// A peer that has a place among the connections, and what the system is still to say of its
/// program.
pub(super) struct Arrived {
    peer: Peer,
    asked: BTreeSet<CodeRequirement>,
    place: Admitted,
}

/// Asks kernel, policy and the counts; whoever is refused without an answer has no name. Whom no
/// rule could be for takes no place, and nobody asks about its program.
pub(super) fn arrive(
    service: &Arc<Service>,
    system: &Arc<dyn Identify>,
    stream: &UnixStream,
    admission: &Admission,
) -> Result<Arrived, Option<WireError>> {
    // A peer whose credentials the kernel does not tell is nobody: no answer, no default.
    let peer = system.credentials(stream).map_err(|_| None)?;
    let asked = service.requirements_for(&peer);
    if asked.is_empty() {
        service.admit(&peer)?;
    }
    let place = admission.admit(peer.uid).map_err(too_many)?;
    Ok(Arrived { peer, asked, place })
}

/// Finds out which program it is, where that decides, and serves it.
pub(super) async fn serve_arrived(
    service: &Arc<Service>,
    system: &Arc<dyn Identify>,
    stream: UnixStream,
    arrived: Arrived,
    unsent: Unsent,
    ending: EndsAt,
) {
    peer::prepare(&stream);
    let Arrived { peer, asked, place } = arrived;
    let who = peer::identify(system, &stream, peer, asked, place).await;
    let (peer, program, _place) = match who {
        Ok(who) => who,
        Err(Unidentified::Late) => return refuse(&stream, Some(&fault::unidentified())),
        Err(Unidentified::Changed) => return refuse(&stream, Some(&fault::another_program())),
        Err(Unidentified::Unknown) => return refuse(&stream, None),
    };
    match service.admit(&peer) {
        Ok(()) => {
            let caller = Caller::new(peer);
            connection::serve(service, stream, caller, program, unsent, ending).await;
        }
        Err(error) => refuse(&stream, Some(&error)),
    }
}

/// Tells a peer why, without waiting: its buffer is empty, or it has its own affairs.
fn refuse(stream: &UnixStream, error: Option<&WireError>) {
    let Some(message) = error.and_then(|error| envelope::error(None, error).ok()) else { return };
    let mut frame = BytesMut::new();
    if write_frame(message.into(), MAX_RESPONSE_FRAME_BYTES, &mut frame).is_ok() {
        let _unheard = rustix::io::write(stream, &frame);
    }
}

fn too_many(full: Full) -> WireError {
    WireError::new(
        ErrorName::Limit,
        Reason::Limit,
        "there are too many connections",
        "close some, or try again later",
    )
    .with_limit(full.limit as u64)
}
