//! One connection, from accept to close: read frames, answer, never wait longer than a peer
//! deserves.
//!
//! The reading loop answers quick requests at once and gives slow ones a task; a writer task
//! empties the outbox. After a framing error nobody knows where the next frame begins: the error is
//! sent, what still comes is drained for a moment, and the connection ends. The hazard: a peer that
//! sends a byte a second, or never reads.

#![expect(clippy::disallowed_methods, reason = "owns the tasks of a connection")]

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use darkslide_protocol::envelope::{self, Id, Incoming, Malformed};
use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::frame::{FrameError, FrameReader};
use darkslide_protocol::limits::{
    FIRST_FRAME, IDLE, MAX_IN_FLIGHT, MAX_SUBSCRIPTIONS, UNREAD_WRITE, WHOLE_FRAME,
};
use darkslide_protocol::message::event::Unsubscribed;
use darkslide_protocol::method::Request;
use darkslide_protocol::value::Token;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest, Ready};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use super::ONE_LOOK;
use super::cancel::InFlight;
use super::descriptor::NotSent;
use super::dispatch::{Answer, Dispatcher, Later, done, failed};
use super::outbox::{Batch, Outbox, Reserved, Unsent};
use super::peer::Program;
use crate::service::event::{Subscription, TICK};
use crate::service::limits::TURN_FRAMES;
use crate::service::{Caller, Service, fault};
use crate::telemetry;

/// Read at once.
const READ_BYTES: usize = 8 * 1024;
/// What is still read after a fatal error, so that the peer sees the error before the end.
const LAST_BYTES: usize = 64 * 1024;
pub(super) const LAST_TIME: Duration = Duration::from_millis(200);
/// How often it is looked, after the peer said its last word, whether it still listens.
const STILL_THERE: Duration = Duration::from_millis(100);

/// When the daemon ends, once it is told to.
pub(super) type EndsAt = watch::Receiver<Option<Instant>>;

/// Why no more is read from a connection.
enum End {
    /// The peer will send no more; what runs is still answered.
    NoMore,
    /// The peer is gone, or does not read.
    Gone,
    /// The peer broke the rules, or was too slow.
    Fatal(WireError),
    /// The daemon ends then.
    Ending(Instant),
}

/// Serves one peer until it is gone.
pub(super) async fn serve(
    service: &Arc<Service>,
    stream: UnixStream,
    caller: Caller,
    program: Program,
    unsent: Unsent,
    ending: EndsAt,
) {
    let (reader, writer) = stream.into_split();
    let outbox = Arc::new(Outbox::new(unsent));
    let writing = tokio::spawn(write_all(writer, Arc::clone(&outbox)));
    let dispatcher = Dispatcher {
        service: Arc::clone(service),
        caller: caller.clone(),
        outbox: Arc::clone(&outbox),
    };
    let mut connection = Connection {
        reader,
        program,
        bytes: BytesMut::new(),
        frames: FrameReader::of_requests(),
        wait: Wait::First(Instant::now()),
        in_turn: 0,
        dispatcher,
        ending,
        ends_at: None,
        in_flight: InFlight::default(),
        slots: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
        tasks: JoinSet::new(),
        subscriptions: HashMap::new(),
        next_tick: Instant::now() + TICK,
    };
    let end = connection.read_all().await;
    connection.end(end, &caller).await;
    // The writer ends by itself: the outbox is finished or closed, and no write waits longer than
    // its bound.
    drop(writing.await);
}

/// The right to have one request in flight, with room for its answer.
struct Slot {
    reserved: Option<Reserved>,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// Without the room: the answer has its own once it is made.
    fn without_room(mut self) -> Self {
        self.reserved = None;
        self
    }
}

/// What the reading side waits for, and since when.
#[derive(Clone, Copy)]
enum Wait {
    First(Instant),
    Rest(Instant),
    Next(Instant),
}

impl Wait {
    /// The first bytes of a frame came: it has its own time from now on.
    fn begin(&mut self) {
        if let Self::Next(_) = self {
            *self = Self::Rest(Instant::now());
        }
    }

    /// The daemon is ready again: what it waited for itself is not the peer's time.
    fn restart(&mut self) {
        match self {
            Self::First(_) => {}
            Self::Rest(since) | Self::Next(since) => *since = Instant::now(),
        }
    }
}

struct Connection {
    reader: OwnedReadHalf,
    program: Program,
    bytes: BytesMut,
    frames: FrameReader,
    wait: Wait,
    in_turn: usize,
    dispatcher: Dispatcher,
    ending: EndsAt,
    /// When it ends at the latest, once the daemon does.
    ends_at: Option<Instant>,
    in_flight: InFlight,
    slots: Arc<Semaphore>,
    tasks: JoinSet<()>,
    subscriptions: HashMap<Token, Arc<Subscription>>,
    next_tick: Instant,
}

impl Connection {
    async fn read_all(&mut self) -> End {
        loop {
            let incoming = match self.next_frame().await {
                Ok(frame) => Incoming::parse(&frame),
                Err(end) => return end,
            };
            match incoming {
                // It needs no slot: a peer whose slots are all taken gives one up by it. Without an
                // id nothing is answered, and nothing else is done: nobody would hear of it.
                Ok(Incoming::Notification { method, params }) => {
                    self.in_flight.notified(&method, &params);
                }
                Ok(Incoming::Request { id, method, params }) => match self.slot().await {
                    Ok(slot) => self.answer(id, Request::parse(&method, &params), slot),
                    Err(end) => {
                        if let End::Ending(_) = end {
                            self.put(failed(&id, &fault::ending()));
                        }
                        return end;
                    }
                },
                Err(malformed) => match self.slot().await {
                    Ok(_slot) => self.refuse(&malformed),
                    Err(end) => return end,
                },
            }
            self.in_turn += 1;
            if self.in_turn >= TURN_FRAMES {
                self.in_turn = 0;
                tokio::task::yield_now().await;
            }
        }
    }

    async fn next_frame(&mut self) -> Result<Bytes, End> {
        self.wait.restart();
        loop {
            match self.frames.next(&mut self.bytes) {
                Ok(Some(frame)) => {
                    let now = Instant::now();
                    self.wait =
                        if self.bytes.is_empty() { Wait::Next(now) } else { Wait::Rest(now) };
                    return Ok(frame);
                }
                Ok(None) => {}
                Err(error) => return Err(End::Fatal(frame_error(&error))),
            }
            self.bytes.reserve(READ_BYTES);
            let (deadline, late) = self.deadline();
            // Whatever was asked by now is still read, and refused.
            let ends_at = match self.ends_at {
                Some(at) if self.tasks.is_empty() => at.min(Instant::now() + ONE_LOOK),
                Some(at) => at,
                None => deadline,
            };
            tokio::select! {
                // In this order: what is read already is never too late.
                biased;
                () = self.dispatcher.outbox.closed() => return Err(End::Gone),
                Ok(()) = self.ending.changed() => self.ends_at = *self.ending.borrow(),
                () = sleep_until(self.next_tick), if self.is_subscribed() => self.tick(),
                // Answered requests are forgotten as they end.
                Some(_) = self.tasks.join_next() => {}
                read = self.reader.read_buf(&mut self.bytes) => match read {
                    Ok(0) => return Err(End::NoMore),
                    // What another program wrote is no request of this peer.
                    Ok(_) if !self.program.still_speaks(self.reader.as_ref()) => {
                        return Err(End::Fatal(fault::another_program()));
                    }
                    Ok(_) => self.wait.begin(),
                    Err(_) => return Err(End::Gone),
                },
                () = sleep_until(ends_at), if self.ends_at.is_some() => {
                    return Err(End::Ending(ends_at));
                }
                () = sleep_until(deadline), if !self.is_busy() => return Err(End::Fatal(late)),
            }
        }
    }

    /// Waits until one more request may be in flight and its answer has room. What was read is
    /// answered, though the daemon ends meanwhile.
    async fn slot(&mut self) -> Result<Slot, End> {
        loop {
            let ends_at = self.ends_at;
            let (slots, outbox) = (Arc::clone(&self.slots), Arc::clone(&self.dispatcher.outbox));
            let free = async {
                let permit = slots.acquire_owned().await?;
                outbox.room().await;
                Ok::<_, AcquireError>(Slot { reserved: Some(outbox.reserve()), _permit: permit })
            };
            tokio::select! {
                biased;
                () = self.dispatcher.outbox.closed() => return Err(End::Gone),
                Ok(()) = self.ending.changed() => self.ends_at = *self.ending.borrow(),
                () = sleep_until(self.next_tick), if self.is_subscribed() => self.tick(),
                // Nobody closes the semaphore; if somebody did, nothing more could be answered.
                slot = free => return slot.map_err(|_| End::Gone),
                Some(at) = until(ends_at) => return Err(End::Ending(at)),
            }
        }
    }

    fn is_subscribed(&self) -> bool {
        !self.subscriptions.is_empty()
    }

    /// Between two frames, with something still to come from us: then a peer may be silent.
    fn is_busy(&self) -> bool {
        matches!(self.wait, Wait::Next(_)) && (self.is_subscribed() || !self.tasks.is_empty())
    }

    fn tick(&mut self) {
        self.next_tick = Instant::now() + TICK;
        self.subscriptions.values().for_each(|subscription| subscription.tick());
    }

    /// Until when to wait, and what is said then.
    fn deadline(&self) -> (Instant, WireError) {
        match self.wait {
            Wait::First(since) => (since + FIRST_FRAME, too_slow("no request came in time")),
            Wait::Rest(since) => {
                (since + WHOLE_FRAME, too_slow("the frame was not sent to its end in time"))
            }
            Wait::Next(since) => (since + IDLE, too_slow("nothing was asked for long")),
        }
    }

    fn refuse(&self, malformed: &Malformed) {
        let Malformed { id, error } = malformed;
        self.put(envelope::error(id.as_ref(), error).unwrap_or_default());
    }

    fn answer(&mut self, id: Id, request: Result<Request, WireError>, slot: Slot) {
        if self.in_flight.holds(&id) {
            return self.put(failed(&id, &repeated()));
        }
        if let Err(error) = self.dispatcher.service.refuse_while_ending() {
            return self.put(failed(&id, &error));
        }
        let dispatcher = self.dispatcher.of_a_request();
        let answer = match request {
            Ok(request) => dispatcher.dispatch(id.clone(), request),
            Err(error) => Answer::Now(failed(&id, &error)),
        };
        match answer {
            Answer::Now(message) => self.put(message),
            Answer::Later(later) => self.run(id, dispatcher.caller, later, slot),
            Answer::Awaited(later) => self.run(id, dispatcher.caller, later, slot.without_room()),
            Answer::Subscribed(message, subscription) => self.subscribe(&id, message, subscription),
            Answer::Unsubscribe(id, subscription) => match self.subscriptions.remove(&subscription)
            {
                Some(subscription) => {
                    subscription.end();
                    self.put(done(&id, &Unsubscribed {}));
                }
                None => self.put(failed(&id, &no_such_subscription())),
            },
        }
    }

    /// Gives a slow request a task of its own.
    fn run(&mut self, id: Id, caller: Caller, later: Later, slot: Slot) {
        self.in_flight.begin(id.clone(), caller.clone());
        let begun = self.dispatcher.service.begin_request();
        let (in_flight, outbox) = (self.in_flight.clone(), Arc::clone(&self.dispatcher.outbox));
        self.tasks.spawn(async move {
            // A task of its own, so that a panic in it is caught.
            let mut message = tokio::spawn(later).await.unwrap_or_else(|_| {
                failed(&id, &WireError::internal(telemetry::incident("a slow request"))).into()
            });
            if caller.has_given_up() {
                message = failed(&id, &fault::given_up()).into();
            }
            in_flight.end(&id);
            outbox.put(message);
            drop((slot, begun));
        });
    }

    fn subscribe(&mut self, id: &Id, message: Vec<u8>, subscription: Arc<Subscription>) {
        if self.subscriptions.len() >= MAX_SUBSCRIPTIONS {
            return self.put(failed(id, &too_many_subscriptions()));
        }
        self.put(message);
        self.subscriptions.insert(subscription.id().clone(), Arc::clone(&subscription));
        self.dispatcher.service.tell(subscription);
        // What was told of all that is kept is work for a turn.
        self.in_turn = TURN_FRAMES;
    }

    async fn end(&mut self, end: End, caller: &Caller) {
        let outbox = Arc::clone(&self.dispatcher.outbox);
        match end {
            End::NoMore => self.finish_tasks(caller).await,
            End::Ending(at) => {
                let all = async { while self.tasks.join_next().await.is_some() {} };
                drop(timeout_at(at, all).await);
                // Whoever has come and not asked yet, or not to the end, is told why; who is
                // between two requests asks the next daemon.
                if !matches!(self.wait, Wait::Next(_)) {
                    outbox.put(envelope::error(None, &fault::ending()).unwrap_or_default());
                }
            }
            End::Gone => outbox.close(),
            End::Fatal(error) => outbox.put(envelope::error(None, &error).unwrap_or_default()),
        }
        self.subscriptions.values().for_each(|subscription| subscription.end());
        outbox.finish();
        caller.leave();
        self.dispatcher.service.left(caller);
        if !outbox.is_closed() {
            self.drain().await;
        }
    }

    /// The peer sends no more: it may wait for its answers, or be gone, which only the other
    /// direction tells.
    async fn finish_tasks(&mut self, caller: &Caller) {
        while !self.tasks.is_empty() {
            tokio::select! {
                _ended = self.tasks.join_next() => {}
                () = sleep(STILL_THERE) => {
                    let stream: &UnixStream = self.reader.as_ref();
                    let ready = timeout(Duration::ZERO, stream.ready(Interest::WRITABLE)).await;
                    if ready.is_ok_and(|ready| ready.is_ok_and(Ready::is_write_closed)) {
                        caller.leave();
                        return self.dispatcher.outbox.close();
                    }
                }
            }
        }
    }

    /// Reads on for a moment and forgets it: closing with unread bytes would take our last words
    /// from the peer.
    async fn drain(&mut self) {
        let mut left = LAST_BYTES;
        let rest = async {
            while left > 0 {
                self.bytes.clear();
                self.bytes.reserve(READ_BYTES);
                match self.reader.read_buf(&mut self.bytes).await {
                    Ok(read) if read > 0 => left = left.saturating_sub(read),
                    Ok(_) | Err(_) => return,
                }
            }
        };
        drop(timeout(LAST_TIME, rest).await);
    }

    fn put(&self, message: Vec<u8>) {
        self.dispatcher.outbox.put(message);
    }
}

/// That moment, once it has come; none where there is none.
async fn until(at: Option<Instant>) -> Option<Instant> {
    sleep_until(at?).await;
    at
}

async fn write_all(mut writer: OwnedWriteHalf, outbox: Arc<Outbox>) {
    while let Some(mut batch) = outbox.next().await {
        while !batch.bytes.is_empty() {
            // Each step has its own bound: a slow reader is served, one that does not read is not.
            match timeout(UNREAD_WRITE, write_some(&mut writer, &mut batch, &outbox)).await {
                Ok(Ok(written)) if written > 0 => outbox.sent(written),
                Ok(Ok(_) | Err(_)) | Err(_) => return outbox.close(),
            }
        }
    }
    drop(writer.shutdown().await);
}

/// One step: a descriptor goes with the first of the bytes, and is closed here.
async fn write_some(
    writer: &mut OwnedWriteHalf,
    batch: &mut Batch,
    outbox: &Outbox,
) -> io::Result<usize> {
    let Some(passing) = &batch.passing else {
        return writer.write_buf(&mut batch.bytes).await;
    };
    match passing.send((*writer).as_ref(), &batch.bytes).await {
        Ok(sent) => {
            batch.bytes.advance(sent);
            batch.passing = None;
            Ok(sent)
        }
        // Its place in the outbox is given back as if it had gone.
        Err(NotSent::NotTaken) => {
            let (bytes, instead) = batch.refuse();
            instead.into_iter().for_each(|answer| outbox.put(answer));
            Ok(bytes)
        }
        Err(NotSent::Broken) => Err(io::ErrorKind::BrokenPipe.into()),
    }
}

fn frame_error(error: &FrameError) -> WireError {
    let reason = match error {
        FrameError::TooLong { .. } => Reason::TooLarge,
        FrameError::Empty => Reason::InvalidRequest,
    };
    let wire = WireError::new(
        ErrorName::InvalidRequest,
        reason,
        error.to_string(),
        "put the length in front, 4 bytes, big-endian",
    );
    match error {
        FrameError::TooLong { limit } => wire.with_limit(*limit as u64),
        FrameError::Empty => wire,
    }
}

fn too_slow(message: &str) -> WireError {
    WireError::new(ErrorName::TimedOut, Reason::Timeout, message, "connect again")
}

fn repeated() -> WireError {
    WireError::new(
        ErrorName::InvalidRequest,
        Reason::InvalidRequest,
        "a request with this id is not answered yet",
        "give each request an id of its own",
    )
}

fn no_such_subscription() -> WireError {
    WireError::new(
        ErrorName::NotFound,
        Reason::NotFound,
        "this connection has no such subscription",
        "use the identity that `event.subscribe` answered",
    )
}

fn too_many_subscriptions() -> WireError {
    WireError::new(
        ErrorName::Limit,
        Reason::Limit,
        "this connection has too many subscriptions",
        "end one with `event.unsubscribe`",
    )
    .with_limit(MAX_SUBSCRIPTIONS as u64)
}
