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

use std::io;
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use darkslide_protocol::envelope;
use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::frame::write_frame;
use darkslide_protocol::limits::MAX_RESPONSE_FRAME_BYTES;
use tokio::net::{UnixListener, UnixStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::admission::{Admission, Admitted, Full};
use super::connection::LAST_TIME;
use super::outbox::Unsent;
use super::{DRAIN, connection, peer};
use crate::service::{Caller, Service};

/// How long nothing is accepted after `accept` failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves whoever connects, until a signal says to end.
pub(super) async fn serve_many(service: &Arc<Service>, listener: StdListener) -> io::Result<()> {
    let listener = UnixListener::from_std(listener)?;
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (end, ending) = watch::channel(None);
    let (admission, unsent) = (Admission::default(), Unsent::default());
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            Some(_) = connections.join_next() => continue,
        };
        match accepted {
            Ok((stream, _)) => match admit(service, &stream, &admission) {
                Ok((caller, place)) => {
                    let (service, unsent) = (Arc::clone(service), unsent.clone());
                    let ending = ending.clone();
                    connections.spawn(async move {
                        connection::serve(&service, stream, caller, unsent, ending).await;
                        drop(place);
                    });
                }
                Err(error) => refuse(&stream, error.as_ref()),
            },
            Err(error) => {
                tracing::warn!(error = ?error.to_string(), "cannot accept");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    tracing::info!("ending");
    drop(listener);
    let at = Instant::now() + DRAIN;
    // Jobs first: who watches them hears of their end.
    service.end(DRAIN).await;
    end.send_replace(Some(at));
    let all = async { while connections.join_next().await.is_some() {} };
    drop(timeout_at(at.max(Instant::now()) + LAST_TIME * 2, all).await);
    Ok(())
}

/// Serves the one client of a private daemon, until it is gone.
pub(super) async fn serve_one(service: &Arc<Service>, stream: StdStream) -> io::Result<()> {
    let stream = UnixStream::from_std(stream)?;
    let (_end, ending) = watch::channel(None);
    match admit(service, &stream, &Admission::default()) {
        Ok((caller, _place)) => {
            connection::serve(service, stream, caller, Unsent::default(), ending).await;
        }
        Err(error) => refuse(&stream, error.as_ref()),
    }
    service.end(DRAIN).await;
    Ok(())
}

/// Asks kernel, policy and the counts; whoever is refused without an answer has no name.
fn admit(
    service: &Arc<Service>,
    stream: &UnixStream,
    admission: &Admission,
) -> Result<(Caller, Admitted), Option<WireError>> {
    // A peer whose credentials the kernel does not tell is nobody: no answer, no default.
    let peer = peer::of(stream).map_err(|_| None)?;
    service.admit(&peer)?;
    let place = admission.admit(peer.uid).map_err(too_many)?;
    Ok((Caller::new(peer), place))
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
