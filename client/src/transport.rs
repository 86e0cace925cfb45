//! One connection: frames over a Unix socket in both directions, by one task that ends with it.
//!
//! It alone owns the socket and what is written to it: through a bounded queue, so that a daemon
//! that does not read holds up the callers and not the memory. What it reads it hands on and never
//! interprets beyond the envelope. The hazard: a daemon that refuses a peer writes why and closes;
//! a failed write must not hide those last words, so only the reading side ends it all.

#![expect(
    clippy::disallowed_methods,
    reason = "owns the client's socket and the task that serves it"
)]

use std::io;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use darkslide_protocol::envelope::{self, Id, Outgoing};
use darkslide_protocol::frame::{FrameReader, write_frame};
use darkslide_protocol::limits::{FRAME_HEADER_BYTES, MAX_IN_FLIGHT, MAX_REQUEST_FRAME_BYTES};
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::calls::{Calls, OnResult};
use crate::error::{Error, ProtocolError, Unavailable};
use crate::events::Events;
use crate::place;

/// Requests that wait to be written; with the longest of each, 4 MiB.
const MAX_QUEUED_FRAMES: usize = MAX_IN_FLIGHT;

/// What is read at once, at most.
const READ_BYTES: usize = 64 * 1024;

/// Between two attempts on a socket whose backlog is full.
const BACKLOG_RETRY: Duration = Duration::from_millis(20);

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the daemon.
    Sent,
    /// From the daemon.
    Received,
}

/// Looks at the bytes of each frame, length included, as they go over the socket.
pub type Tap = Arc<dyn Fn(Way, &[u8]) + Send + Sync>;

/// What callers and the task share.
pub(crate) struct Link {
    pub(crate) calls: Calls,
    pub(crate) events: Events,
    outgoing: mpsc::Sender<Bytes>,
    tap: Option<Tap>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// A connection; dropped, it is closed.
#[derive(Debug)]
pub(crate) struct Transport {
    link: Arc<Link>,
    task: AbortHandle,
}

impl Drop for Transport {
    fn drop(&mut self) {
        self.task.abort();
        self.link.end(&Unavailable::Closed.into());
    }
}

/// Connects, after a look at the place and before anything is sent.
pub(crate) async fn connect(socket: &Path) -> Result<UnixStream, Error> {
    place::check(socket).map_err(Unavailable::Place)?;
    let refused =
        |source| Unavailable::Connect { socket: socket.to_owned(), source: Arc::new(source) };
    let stream = loop {
        match UnixStream::connect(socket).await {
            Ok(stream) => break stream,
            // The backlog is full: somebody listens and has not come round to accept. The caller's
            // time bounds this.
            Err(full) if full.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(BACKLOG_RETRY).await;
            }
            Err(source) => return Err(refused(source).into()),
        }
    };
    let peer = stream.peer_cred().map_err(refused)?.uid();
    place::check_peer(socket, peer).map_err(Unavailable::Place)?;
    Ok(stream)
}

/// Makes a connected socket of the standard library one of the runtime.
pub(crate) fn adopt(stream: StdUnixStream) -> Result<UnixStream, Error> {
    let broken = |source| Error::from(Unavailable::Broken(Arc::new(source)));
    Handle::try_current().map_err(|_| Unavailable::NoRuntime)?;
    stream.set_nonblocking(true).map_err(broken)?;
    UnixStream::from_std(stream).map_err(broken)
}

impl Transport {
    /// Begins to serve a connected socket.
    pub(crate) fn start(stream: UnixStream, tap: Option<Tap>) -> Result<Self, Error> {
        let runtime = Handle::try_current().map_err(|_| Unavailable::NoRuntime)?;
        let (outgoing, queue) = mpsc::channel(MAX_QUEUED_FRAMES);
        let link = Arc::new(Link { calls: Calls::new(), events: Events::default(), outgoing, tap });
        let task = runtime.spawn(serve(stream, Arc::clone(&link), queue));
        Ok(Self { link, task: task.abort_handle() })
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

impl Link {
    /// Sends a request and waits for its answer, however long.
    pub(crate) async fn ask<P: Serialize>(
        &self,
        method: &str,
        params: &P,
        on_result: Option<OnResult>,
    ) -> Result<Box<RawValue>, Error> {
        let slot = self.calls.slot().await?;
        let Ok(place) = self.outgoing.reserve().await else {
            return Err(self.calls.why_ended());
        };
        // From here to `send` nothing waits, so that no request is half made when its caller gives
        // up.
        let mut waiting = self.calls.open(slot, on_result)?;
        place.send(frame(&waiting.id(), method, params)?);
        waiting.sent();
        waiting.answer().await
    }

    /// Sends a request whose answer nobody waits for, as soon as there is room for it.
    pub(crate) fn post<P>(self: &Arc<Self>, method: &'static str, params: P)
    where
        P: Serialize + Send + Sync + 'static,
    {
        let (Some(slot), Ok(place)) = (self.calls.slot_now(), self.outgoing.try_reserve()) else {
            // Outside a runtime nobody could wait; then the connection is about to end, too.
            if let Ok(runtime) = Handle::try_current() {
                let link = Arc::clone(self);
                runtime.spawn(async move { drop(link.ask(method, &params, None).await) });
            }
            return;
        };
        let Ok(id) = self.calls.open_unawaited(slot) else {
            return;
        };
        if let Ok(frame) = frame(&Id::Number(id), method, &params) {
            place.send(frame);
        }
    }

    fn end(&self, error: &Error) {
        self.calls.end(error);
        self.events.end(error);
    }

    /// Hands on what one frame says.
    fn take(&self, frame: &[u8]) -> Result<(), Error> {
        let message =
            Outgoing::parse(frame).map_err(|error| ProtocolError::Message(Arc::new(error)))?;
        match message {
            Outgoing::Event(event) => self.events.deliver(*event),
            Outgoing::Response { id: Some(id), outcome } => {
                self.calls.answer(&id, outcome.map_err(Error::from))?
            }
            Outgoing::Newer { id: Some(id), message } => {
                self.calls.answer(&id, Err(ProtocolError::Newer { message }.into()))?;
            }
            // An event of a kind that this program does not know is none for it.
            Outgoing::Newer { id: None, .. } => {}
            // About the connection as such; the daemon closes it.
            Outgoing::Response { id: None, outcome: Err(error) } => return Err(Error::from(error)),
            Outgoing::Response { id: None, outcome: Ok(_) } => {
                return Err(ProtocolError::UnknownId.into());
            }
        }
        Ok(())
    }

    fn tell_tap(&self, way: Way, bytes: &[u8]) {
        if let Some(tap) = &self.tap {
            tap(way, bytes);
        }
    }
}

fn frame<P: Serialize>(id: &Id, method: &str, params: &P) -> Result<Bytes, ProtocolError> {
    let payload = envelope::request(Some(id), method, params)
        .map_err(|source| ProtocolError::Params(Arc::new(source)))?;
    if payload.len() > MAX_REQUEST_FRAME_BYTES {
        return Err(ProtocolError::TooLong {
            bytes: payload.len(),
            limit: MAX_REQUEST_FRAME_BYTES,
        });
    }
    Ok(Bytes::from(payload))
}

async fn serve(stream: UnixStream, link: Arc<Link>, queue: mpsc::Receiver<Bytes>) {
    let (reading, writing) = stream.into_split();
    let written = async {
        write(writing, &link, queue).await;
        std::future::pending::<Error>().await
    };
    let error = tokio::select! {
        error = read(reading, &link) => error,
        error = written => error,
    };
    link.end(&error);
}

/// Reads until the connection is over, and says why.
async fn read(mut half: OwnedReadHalf, link: &Link) -> Error {
    let mut reader = FrameReader::of_responses();
    let mut bytes = BytesMut::with_capacity(READ_BYTES);
    loop {
        match reader.next(&mut bytes) {
            Ok(Some(frame)) => {
                if link.tap.is_some() {
                    link.tell_tap(Way::Received, &with_length(&frame));
                }
                if let Err(error) = link.take(&frame) {
                    return error;
                }
                continue;
            }
            Ok(None) => {}
            Err(error) => return ProtocolError::Frame(error).into(),
        }
        match half.read_buf(&mut bytes).await {
            Ok(0) if bytes.is_empty() => return Unavailable::Closed.into(),
            Ok(0) => {
                let cut = io::Error::from(io::ErrorKind::UnexpectedEof);
                return Unavailable::Broken(Arc::new(cut)).into();
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Unavailable::Closed.into();
            }
            Err(error) => return Unavailable::Broken(Arc::new(error)).into(),
        }
    }
}

/// Writes what is queued, until that fails; why it failed is told by what can be read.
async fn write(mut half: OwnedWriteHalf, link: &Link, mut queue: mpsc::Receiver<Bytes>) {
    let mut out = BytesMut::new();
    while let Some(payload) = queue.recv().await {
        if write_frame(payload, MAX_REQUEST_FRAME_BYTES, &mut out).is_err() {
            return;
        }
        link.tell_tap(Way::Sent, &out);
        if half.write_all(&out).await.is_err() {
            return;
        }
        out.clear();
    }
}

/// The frame as it was on the wire.
fn with_length(frame: &[u8]) -> Vec<u8> {
    let length = u32::try_from(frame.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(FRAME_HEADER_BYTES + frame.len());
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(frame);
    bytes
}
