//! One connection: frames over a Unix socket in both directions, by one task that ends with it.
//!
//! It alone owns the socket and what is written to it: through a bounded queue, so that a daemon
//! that does not read holds up the callers and not the memory. What it reads it hands on, beside
//! the descriptors that came with it, and never interprets beyond the envelope. The hazard: a
//! daemon that refuses a peer writes why and closes; a failed write must not hide those last words.

#![expect(
    clippy::disallowed_methods,
    reason = "owns the client's socket and the task that serves it"
)]

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use darkslide_protocol::envelope::{self, CANCEL, Cancel, Id, Outgoing};
use darkslide_protocol::frame::{FrameReader, write_frame};
use darkslide_protocol::limits::{FRAME_HEADER_BYTES, MAX_IN_FLIGHT, MAX_REQUEST_FRAME_BYTES};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags};
use serde::Serialize;
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::calls::{Answer, Calls, OnResult, Reply};
use crate::descriptors::{Descriptors, MAX_WAITING_DESCRIPTORS};
use crate::error::{Error, ProtocolError, Unavailable};
use crate::events::Events;
use crate::place;

/// Requests that wait to be written; with the longest of each, 4 MiB.
const MAX_QUEUED_FRAMES: usize = MAX_IN_FLIGHT;

/// What is read at once, at most.
const READ_BYTES: usize = 64 * 1024;

/// Between two attempts on a socket whose backlog is full.
const BACKLOG_RETRY: Duration = Duration::from_millis(20);

/// From a write that failed to the end of what can be read: the words are there already, if there
/// are any.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Room for descriptors on one message: more than are allowed, so that those are seen and closed
/// and not cut off, which not every system does without losing them.
const DESCRIPTOR_ROOM: usize = rustix::cmsg_space!(ScmRights(MAX_WAITING_DESCRIPTORS));

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
    outgoing: mpsc::Sender<Queued>,
    tap: Option<Tap>,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// A request that is to be written.
#[derive(Debug)]
struct Queued {
    id: i64,
    payload: Bytes,
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
    prepare(&stream);
    let peer = stream.peer_cred().map_err(refused)?.uid();
    place::check_peer(socket, peer).map_err(Unavailable::Place)?;
    Ok(stream)
}

/// Makes a new socket what the protocol needs: wide enough, and silent when the daemon is gone,
/// also in a program whose runtime is not Rust's. Nothing fails by it: narrow, it is slow.
#[cfg(target_os = "macos")]
fn prepare(stream: &UnixStream) {
    use rustix::net::sockopt;
    /// A Mac gives 8 KiB each way: an answer of 8 MiB would need a thousand turns. Linux has 208.
    const SOCKET_BYTES: usize = 256 * 1024;
    let _narrow = sockopt::set_socket_send_buffer_size(stream, SOCKET_BYTES);
    let _narrow = sockopt::set_socket_recv_buffer_size(stream, SOCKET_BYTES);
    let _ignored_anyway = sockopt::set_socket_nosigpipe(stream, true);
}

/// It is so already.
#[cfg(not(target_os = "macos"))]
fn prepare(_: &UnixStream) {}

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
        let (link, queue) = Link::new(tap);
        let task = runtime.spawn(serve(stream, Arc::clone(&link), queue));
        Ok(Self { link, task: task.abort_handle() })
    }

    pub(crate) fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

impl Link {
    fn new(tap: Option<Tap>) -> (Arc<Self>, mpsc::Receiver<Queued>) {
        let (outgoing, queue) = mpsc::channel(MAX_QUEUED_FRAMES);
        let link = Self { calls: Calls::new(), events: Events::default(), outgoing, tap };
        (Arc::new(link), queue)
    }

    /// One without a connection.
    #[cfg(test)]
    pub(crate) fn detached() -> Arc<Self> {
        Self::new(None).0
    }

    /// Sends a request and waits for its answer, however long. Dropped, it gives the request up,
    /// and has the daemon told of that if it was sent.
    pub(crate) async fn ask<P: Serialize>(
        &self,
        method: &str,
        params: &P,
        on_result: Option<OnResult>,
    ) -> Answer {
        let slot = self.calls.slot().await?;
        let Ok(place) = self.outgoing.reserve().await else {
            return Err(self.calls.not_sent());
        };
        let waiting = self.calls.open(slot, on_result)?;
        let id = waiting.id();
        place.send(Queued { id, payload: request(id, method, params)? });
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
        if let Ok(payload) = request(id, method, &params) {
            place.send(Queued { id, payload });
        }
    }

    fn end(&self, error: &Error) {
        self.calls.end(error);
        self.events.end(error);
    }

    /// Hands on what one frame says, and the descriptor that it announces.
    fn take(self: &Arc<Self>, frame: &[u8], descriptors: &mut Descriptors) -> Result<(), Error> {
        let message =
            Outgoing::parse(frame).map_err(|error| ProtocolError::Message(Arc::new(error)))?;
        match message {
            Outgoing::Event(event) => self.events.deliver(*event),
            Outgoing::Response { id: Some(id), outcome, fd } => {
                let descriptor = descriptors.take(fd).map_err(ProtocolError::from)?;
                let reply = outcome.map(|result| Reply { result, descriptor });
                self.calls.answer(&id, reply.map_err(Error::from), self)?;
            }
            Outgoing::Newer { id: Some(id), message } => {
                self.calls.answer(&id, Err(ProtocolError::Newer { message }.into()), self)?;
            }
            // An event of a kind that this program does not know is none for it.
            Outgoing::Newer { id: None, .. } => {}
            // About the connection as such; the daemon closes it.
            Outgoing::Response { id: None, outcome: Err(error), .. } => {
                return Err(Error::from(error));
            }
            Outgoing::Response { id: None, outcome: Ok(_), .. } => {
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

fn request<P: Serialize>(id: i64, method: &str, params: &P) -> Result<Bytes, ProtocolError> {
    let payload = envelope::request(Some(&Id::Number(id)), method, params)
        .map_err(|source| ProtocolError::Params(Arc::new(source)))?;
    if payload.len() > MAX_REQUEST_FRAME_BYTES {
        return Err(ProtocolError::TooLong {
            bytes: payload.len(),
            limit: MAX_REQUEST_FRAME_BYTES,
        });
    }
    Ok(Bytes::from(payload))
}

async fn serve(stream: UnixStream, link: Arc<Link>, mut queue: mpsc::Receiver<Queued>) {
    let (reading, writing) = stream.into_split();
    let mut read = std::pin::pin!(read(reading, &link));
    let error = tokio::select! {
        error = &mut read => error,
        // The queue stays, so that calls hear how the connection ended and not that it did.
        broken = write(writing, &link, &mut queue) => {
            let last = tokio::time::timeout(LAST_WORDS, read).await;
            last.unwrap_or_else(|_silence| broken_by(broken))
        }
    };
    link.end(&error);
}

fn broken_by(source: io::Error) -> Error {
    Unavailable::Broken(Arc::new(source)).into()
}

/// Reads until the connection is over, and says why.
async fn read(half: OwnedReadHalf, link: &Arc<Link>) -> Error {
    let mut inbound = Inbound::new();
    loop {
        match inbound.receive(half.as_ref()).await {
            Ok(0) if inbound.half_frame == 0 => return Unavailable::Closed.into(),
            Ok(0) => return broken_by(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => {}
            Err(Error::Unavailable(Unavailable::Broken(source)))
                if source.kind() == io::ErrorKind::ConnectionReset =>
            {
                return Unavailable::Closed.into();
            }
            Err(error) => return error,
        }
        if let Err(error) = inbound.hand_on(link) {
            return error;
        }
    }
}

/// What has arrived and is not handed on.
struct Inbound {
    reader: FrameReader,
    bytes: BytesMut,
    /// Bytes of the frame that is not read to its end.
    half_frame: usize,
    descriptors: Descriptors,
    scratch: Vec<u8>,
}

impl Inbound {
    fn new() -> Self {
        Self {
            reader: FrameReader::of_responses(),
            bytes: BytesMut::with_capacity(READ_BYTES),
            half_frame: 0,
            descriptors: Descriptors::default(),
            scratch: vec![0; READ_BYTES],
        }
    }

    /// Waits for bytes, and takes them and the descriptors that come with them; 0 at the end.
    async fn receive(&mut self, stream: &UnixStream) -> Result<usize, Error> {
        let receive = || receive(stream, &mut self.scratch);
        let message = stream.async_io(Interest::READABLE, receive).await.map_err(broken_by)?;
        let brought = self.descriptors.bring(message.descriptors, message.is_cut);
        brought.map_err(ProtocolError::from)?;
        self.bytes.extend_from_slice(self.scratch.get(..message.bytes).unwrap_or_default());
        self.half_frame += message.bytes;
        Ok(message.bytes)
    }

    /// Hands on every frame that is whole.
    fn hand_on(&mut self, link: &Arc<Link>) -> Result<(), Error> {
        while let Some(frame) = self.reader.next(&mut self.bytes).map_err(ProtocolError::Frame)? {
            self.half_frame =
                self.half_frame.saturating_sub(FRAME_HEADER_BYTES.saturating_add(frame.len()));
            if link.tap.is_some() {
                link.tell_tap(Way::Received, &with_length(&frame));
            }
            link.take(&frame, &mut self.descriptors)?;
        }
        if self.half_frame == 0 {
            self.descriptors.settle().map_err(ProtocolError::from)?;
        }
        Ok(())
    }
}

struct Message {
    bytes: usize,
    descriptors: Vec<OwnedFd>,
    /// The system had more beside the bytes than there was room for.
    is_cut: bool,
}

/// Receives what is there; descriptors are not inherited by programs that this one starts.
fn receive(stream: &UnixStream, into: &mut [u8]) -> io::Result<Message> {
    #[cfg(not(target_os = "macos"))]
    let flags = RecvFlags::CMSG_CLOEXEC;
    #[cfg(target_os = "macos")]
    let flags = RecvFlags::empty();
    let mut room = [MaybeUninit::uninit(); DESCRIPTOR_ROOM];
    let mut beside = RecvAncillaryBuffer::new(&mut room);
    let received = rustix::io::retry_on_intr(|| {
        rustix::net::recvmsg(stream, &mut [IoSliceMut::new(into)], &mut beside, flags)
    })?;
    let mut descriptors = Vec::new();
    for message in beside.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    #[cfg(target_os = "macos")]
    for descriptor in &descriptors {
        rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC)?;
    }
    let is_cut = received.flags.contains(ReturnFlags::CTRUNC);
    Ok(Message { bytes: received.bytes, descriptors, is_cut })
}

/// Writes what is queued and what is to be cancelled, until that fails.
async fn write(
    mut half: OwnedWriteHalf,
    link: &Link,
    queue: &mut mpsc::Receiver<Queued>,
) -> io::Error {
    let mut out = BytesMut::new();
    loop {
        let (id, payload) = tokio::select! {
            Some(Queued { id, payload }) = queue.recv() => {
                if !link.calls.begin(id) {
                    continue;
                }
                (Some(id), payload)
            }
            id = link.calls.next_to_cancel() => {
                match envelope::request(None, CANCEL, &Cancel { id: Id::Number(id) }) {
                    Ok(payload) => (None, payload.into()),
                    Err(error) => return error.into(),
                }
            }
        };
        if let Err(error) = write_frame(payload, MAX_REQUEST_FRAME_BYTES, &mut out) {
            return io::Error::other(error);
        }
        link.tell_tap(Way::Sent, &out);
        if let Err(error) = half.write_all(&out).await {
            return error;
        }
        // Nothing waits between the last byte and this, so that it is known of each request.
        if let Some(id) = id {
            link.calls.sent(id);
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
