//! The frames that wait to be written to one peer.
//!
//! Answers and events that must not be lost are always taken; other events only while there is
//! room. Who does not read is found out by the writer: a write that moves nothing for five seconds
//! ends the connection. The hazard: a peer that asks much and reads nothing fills the daemon's
//! memory, so a full outbox stops the reading of that peer's requests. A frame may have a
//! descriptor beside it; then it begins a write of its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use darkslide_protocol::frame::write_frame;
use darkslide_protocol::limits::MAX_RESPONSE_FRAME_BYTES;
use tokio::sync::Notify;

use super::descriptor::{OfAll, Passing, Permits};
use super::events::Unread;
use crate::service::limits::{MAX_UNSENT_BYTES, MAX_UNSENT_BYTES_IN_ALL};

/// Unsent bytes of one connection above which not even an event that must not be lost is put.
const MAX_UNREAD_BYTES: usize = 2 * MAX_UNSENT_BYTES;
/// Kept free for the answer of a request that is being answered: a page has about that.
const ANSWER_BYTES: usize = 1024 * 1024;
/// Put together for one write.
const WRITE_BYTES: usize = 256 * 1024;

/// Unsent bytes of all connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Unsent {
    bytes: Arc<AtomicUsize>,
    fewer: Arc<Notify>,
    descriptors: OfAll,
}

impl Unsent {
    fn add(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn subtract(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.fewer.notify_waiters();
    }

    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > MAX_UNSENT_BYTES_IN_ALL
    }
}

/// A message to a peer: the payload of a frame, and what goes with it.
#[derive(Debug)]
pub(super) struct Message {
    payload: Vec<u8>,
    passing: Option<Passing>,
    unread: Option<Unread>,
    _room: Option<Room>,
}

impl Message {
    /// An event, which counts as one of its subscription's until it is written.
    pub(super) fn counted(payload: Vec<u8>, unread: &Unread) -> Self {
        Self { unread: Some(unread.clone()), ..Self::from(payload) }
    }

    /// With a descriptor beside it.
    pub(super) fn passing(payload: Vec<u8>, passing: Passing) -> Self {
        Self { passing: Some(passing), ..Self::from(payload) }
    }

    /// Keeps its room until it is in the outbox.
    pub(super) fn within(self, room: Room) -> Self {
        Self { _room: Some(room), ..self }
    }
}

impl From<Vec<u8>> for Message {
    fn from(payload: Vec<u8>) -> Self {
        Self { payload, passing: None, unread: None, _room: None }
    }
}

/// Room for an answer that is known to be long.
#[derive(Debug)]
pub(super) struct Room {
    outbox: Arc<Outbox>,
    bytes: usize,
}

impl Drop for Room {
    fn drop(&mut self) {
        self.outbox.state().promised -= self.bytes;
        self.outbox.all.subtract(self.bytes);
        self.outbox.changed.notify_waiters();
    }
}

/// Bytes to be written at once.
#[derive(Debug)]
pub(super) struct Batch {
    /// One frame, or several.
    pub(super) bytes: Bytes,
    /// What goes with the first byte.
    pub(super) passing: Option<Passing>,
}

impl Batch {
    /// Takes the frame with the descriptor off, which is not to go, and what is answered instead.
    /// Returns the bytes that are not written.
    pub(super) fn refuse(&mut self) -> (usize, Option<Vec<u8>>) {
        let whole = self.bytes.len();
        let frame = self.bytes.try_get_u32().unwrap_or_default() as usize;
        self.bytes.advance(frame.min(self.bytes.len()));
        (whole - self.bytes.len(), self.passing.take().map(Passing::refused))
    }
}

/// Room for one answer.
#[derive(Debug)]
pub(super) struct Reserved(Arc<Outbox>);

impl Drop for Reserved {
    fn drop(&mut self) {
        self.0.state().owed -= 1;
        self.0.all.subtract(ANSWER_BYTES);
    }
}

/// The frames that wait for one peer.
#[derive(Debug)]
pub(super) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
    all: Unsent,
    permits: Permits,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Batch>,
    unsent: usize,
    /// Bytes of long answers that are being made.
    promised: usize,
    /// Requests that are being answered.
    owed: usize,
    ending: bool,
    closed: bool,
}

impl Outbox {
    pub(super) fn new(all: Unsent) -> Self {
        let permits = Permits::new(all.descriptors.clone());
        Self { state: Mutex::default(), changed: Notify::new(), all, permits }
    }

    /// How many descriptors may wait here.
    pub(super) fn permits(&self) -> &Permits {
        &self.permits
    }

    /// Takes a message that must not be lost.
    pub(super) fn put(&self, message: impl Into<Message>) {
        let Message { payload, passing, unread, _room } = message.into();
        let mut frame = BytesMut::with_capacity(payload.len().saturating_add(4));
        if write_frame(payload.into(), MAX_RESPONSE_FRAME_BYTES, &mut frame).is_err() {
            // Pages are cut short long before; a message above the limit is a bug of ours, and the
            // peer could not read it.
            tracing::error!("a message is longer than a frame may be");
            self.close();
            return;
        }
        let frame = frame.freeze();
        let mut state = self.state();
        if !state.closed {
            state.unsent += frame.len();
            self.all.add(frame.len());
            let bytes = match unread {
                Some(unread) => unread.count(frame),
                None => frame,
            };
            state.frames.push_back(Batch { bytes, passing });
            drop(state);
            self.changed.notify_waiters();
        }
    }

    /// Takes an event that must not be lost, and counts it. Who does not read loses the connection
    /// instead, and knows of it.
    pub(super) fn put_event(&self, message: Message) {
        if self.state().unsent > MAX_UNREAD_BYTES {
            tracing::info!("a peer does not read its events");
            return self.close();
        }
        self.put(message);
    }

    /// Keeps room for an answer until what it returns is dropped.
    pub(super) fn reserve(self: &Arc<Self>) -> Reserved {
        self.state().owed += 1;
        self.all.add(ANSWER_BYTES);
        Reserved(Arc::clone(self))
    }

    /// Keeps room for a long answer, once there is some, here and in all: a few of them are made at
    /// a time.
    pub(super) async fn room_for(self: &Arc<Self>, bytes: usize) -> Room {
        loop {
            let (here, anywhere) = (self.changed.notified(), self.all.fewer.notified());
            {
                let mut state = self.state();
                let there = state.unsent + state.promised;
                // Who has nothing to read does not wait for those who have.
                let fits = there + bytes <= MAX_UNSENT_BYTES && !self.all.is_full();
                if there == 0 || fits || state.closed {
                    state.promised += bytes;
                    self.all.add(bytes);
                    return Room { outbox: Arc::clone(self), bytes };
                }
            }
            tokio::select! { () = here => {}, () = anywhere => {} }
        }
    }

    /// Takes a message if there is room for it.
    pub(super) fn offer(&self, message: impl Into<Message>) -> bool {
        let room = !self.is_full();
        if room {
            self.put(message);
        }
        room
    }

    /// Returns once there is room again, here and in all.
    pub(super) async fn room(&self) {
        loop {
            let (here, anywhere) = (self.changed.notified(), self.all.fewer.notified());
            if !self.is_full() || self.is_closed() {
                return;
            }
            tokio::select! { () = here => {}, () = anywhere => {} }
        }
    }

    /// Waits for the next bytes to write; `None` when no more will come.
    pub(super) async fn next(&self) -> Option<Batch> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                if let Some(batch) = state.take() {
                    return Some(batch);
                }
                if state.ending || state.closed {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// So many bytes were written.
    pub(super) fn sent(&self, bytes: usize) {
        let mut state = self.state();
        // Of an outbox that was closed meanwhile nothing is left to give back.
        let bytes = bytes.min(state.unsent);
        state.unsent -= bytes;
        drop(state);
        self.all.subtract(bytes);
        self.changed.notify_waiters();
    }

    /// Nothing more will be put: `next` ends once all is written.
    pub(super) fn finish(&self) {
        self.state().ending = true;
        self.changed.notify_waiters();
    }

    /// The peer is gone, or does not read.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        // Descriptors that nobody will get are closed.
        state.frames.clear();
        let unsent = std::mem::take(&mut state.unsent);
        drop(state);
        self.permits.close();
        self.all.subtract(unsent);
        self.changed.notify_waiters();
    }

    /// Returns once the peer is gone, or is found not to read.
    pub(super) async fn closed(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_closed() {
                return;
            }
            changed.await;
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    fn is_full(&self) -> bool {
        let state = self.state();
        // Who has nothing to read does not wait for those who have.
        let waits = state.unsent > 0 || state.owed > 0;
        state.unsent > MAX_UNSENT_BYTES || (waits && self.all.is_full())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    /// One large frame as it is, or several small ones put together; only the first of them has a
    /// descriptor.
    fn take(&mut self) -> Option<Batch> {
        let Batch { bytes: first, passing } = self.frames.pop_front()?;
        let more = |state: &Self, length: usize| {
            state.frames.front().is_some_and(|next| {
                next.passing.is_none() && length + next.bytes.len() <= WRITE_BYTES
            })
        };
        if !more(self, first.len()) {
            return Some(Batch { bytes: first, passing });
        }
        let mut together = BytesMut::from(first);
        while more(self, together.len())
            && let Some(next) = self.frames.pop_front()
        {
            together.extend_from_slice(&next.bytes);
        }
        Some(Batch { bytes: together.freeze(), passing })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn outbox() -> Outbox {
        Outbox::new(Unsent::default())
    }

    async fn bytes(outbox: &Outbox) -> Option<Bytes> {
        outbox.next().await.map(|batch| batch.bytes)
    }

    #[tokio::test]
    async fn frames_come_out_in_order_and_small_ones_together() {
        let outbox = outbox();
        outbox.put(b"one".to_vec());
        outbox.put(b"two".to_vec());
        outbox.finish();
        assert_eq!(bytes(&outbox).await.unwrap(), &b"\0\0\0\x03one\0\0\0\x03two"[..]);
        assert_eq!(bytes(&outbox).await, None);
    }

    #[tokio::test]
    async fn a_frame_with_a_descriptor_begins_a_write_and_no_other_joins_its_own() {
        let outbox = outbox();
        for (payload, passes) in [("1", false), ("2", true), ("3", false), ("4", true)] {
            let payload = payload.as_bytes().to_vec();
            if passes {
                let file = std::fs::File::open("/dev/null").unwrap();
                let permit = outbox.permits().permit().await.unwrap();
                outbox
                    .put(Message::passing(payload, Passing::new(file.into(), permit, Vec::new())));
            } else {
                outbox.put(payload);
            }
        }
        outbox.finish();
        let mut batches = Vec::new();
        while let Some(Batch { bytes, passing }) = outbox.next().await {
            batches.push((bytes.len(), passing.is_some()));
        }
        assert_eq!(batches, [(5, false), (10, true), (5, true)]);
    }

    #[tokio::test]
    async fn a_descriptor_that_the_kernel_does_not_take_is_an_error_and_the_rest_goes_on() {
        let outbox = outbox();
        let file = std::fs::File::open("/dev/null").unwrap();
        let permit = outbox.permits().permit().await.unwrap();
        let passing = Passing::new(file.into(), permit, b"LIMIT".to_vec());
        outbox.put(Message::passing(b"passed".to_vec(), passing));
        outbox.put(b"next".to_vec());
        let mut batch = outbox.next().await.unwrap();
        let (bytes, instead) = batch.refuse();
        assert_eq!((bytes, &batch.bytes[..]), (10, &b"\0\0\0\x04next"[..]));
        assert!(batch.passing.is_none());
        outbox.put(instead.unwrap());
        outbox.sent(bytes + batch.bytes.len());
        let instead = outbox.next().await.unwrap();
        assert_eq!(&instead.bytes[..], b"\0\0\0\x05LIMIT");
        outbox.sent(instead.bytes.len());
        assert_eq!(outbox.all.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn long_answers_are_made_while_there_is_room_and_one_at_least() {
        let outbox = Arc::new(outbox());
        let mut all = vec![outbox.room_for(usize::MAX / 2).await];
        assert!(timeout(Duration::ZERO, outbox.room_for(1)).await.is_err(), "it waits");
        drop(all.pop());
        let long = MAX_UNSENT_BYTES / 3;
        for _ in 0..3 {
            all.push(outbox.room_for(long).await);
        }
        assert!(timeout(Duration::ZERO, outbox.room_for(long)).await.is_err(), "that is all");
        outbox.put(Message::from(vec![b' '; long]).within(all.pop().unwrap()));
        assert!(timeout(Duration::ZERO, outbox.room_for(long)).await.is_err(), "it is not sent");
        outbox.sent(long + 4);
        all.push(outbox.room_for(long).await);
        drop(all);
        assert_eq!(outbox.all.bytes.load(Ordering::Relaxed), 0);
        outbox.close();
        let room = outbox.room_for(MAX_UNSENT_BYTES * 2).await;
        outbox.put(Message::from(vec![b' '; long]).within(room));
        assert_eq!(outbox.all.bytes.load(Ordering::Relaxed), 0, "nobody is there to be sent to");
    }

    #[tokio::test]
    async fn long_answers_wait_for_room_in_all_and_one_for_nobody() {
        let all = Unsent::default();
        let many: Vec<Outbox> = (0..9).map(|_| Outbox::new(all.clone())).collect();
        for outbox in &many {
            outbox.put(vec![b' '; MAX_RESPONSE_FRAME_BYTES - 100]);
        }
        let other = Arc::new(Outbox::new(all.clone()));
        let first = other.room_for(1).await;
        assert!(timeout(Duration::ZERO, other.room_for(1)).await.is_err(), "it waits");
        let (second, ()) = tokio::join!(other.room_for(1), async { drop(many) });
        drop((first, second));
        assert_eq!(all.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn progress_is_refused_when_full_and_answers_are_not() {
        let outbox = outbox();
        outbox.put(vec![b' '; MAX_RESPONSE_FRAME_BYTES]);
        assert!(!outbox.offer(b"progress".to_vec()));
        outbox.put(b"answer".to_vec());
        let frame = bytes(&outbox).await.unwrap();
        outbox.sent(frame.len());
        outbox.room().await;
        assert!(outbox.offer(b"progress".to_vec()));
    }

    #[tokio::test]
    async fn what_all_connections_hold_is_bounded_and_given_back() {
        let all = Unsent::default();
        let many: Vec<Outbox> = (0..9).map(|_| Outbox::new(all.clone())).collect();
        for outbox in &many {
            outbox.put(vec![b' '; MAX_RESPONSE_FRAME_BYTES - 100]);
        }
        let other = Outbox::new(all.clone());
        assert!(other.offer(b"who owes nothing does not wait".to_vec()));
        assert!(!other.offer(b"progress".to_vec()));
        drop(many);
        other.room().await;
        drop(other);
        assert_eq!(all.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn who_reads_no_events_loses_the_connection_and_not_the_daemon_its_memory() {
        let outbox = outbox();
        let mut put = 0;
        while !outbox.is_closed() {
            outbox.put_event(Message::counted(vec![b' '; 1024 * 1024], &Unread::default()));
            put += 1;
        }
        assert_eq!(put, MAX_UNREAD_BYTES / (1024 * 1024) + 1);
        assert_eq!(outbox.all.bytes.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn answers_that_are_being_made_count_for_all_but_stop_nobody_who_has_none() {
        let all = Unsent::default();
        let (busy, idle) = (Arc::new(Outbox::new(all.clone())), Arc::new(Outbox::new(all.clone())));
        let mut reserved = Vec::new();
        while !busy.is_full() {
            reserved.push(busy.reserve());
        }
        assert_eq!(reserved.len(), MAX_UNSENT_BYTES_IN_ALL / ANSWER_BYTES + 1);
        idle.room().await;
        let one = idle.reserve();
        assert!(idle.is_full(), "and one at a time");
        drop(reserved);
        busy.room().await;
        drop(one);
        assert_eq!(all.bytes.load(Ordering::Relaxed), 0);
    }
}
