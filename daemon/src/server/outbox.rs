//! The frames that wait to be written to one peer.
//!
//! Answers and events that must not be lost are always taken; progress only while there is room.
//! Who does not read is found out by the writer: a write that moves nothing for five seconds ends
//! the connection. The hazard: a peer that asks much and reads nothing fills the daemon's memory,
//! so a full outbox stops the reading of that peer's requests.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use darkslide_protocol::frame::write_frame;
use darkslide_protocol::limits::MAX_RESPONSE_FRAME_BYTES;
use tokio::sync::Notify;

/// Unsent bytes of one connection above which it is full; one frame more may come.
pub(super) const MAX_UNSENT_BYTES: usize = MAX_RESPONSE_FRAME_BYTES;
/// Unsent bytes of all connections above which nobody's requests are read.
pub(super) const MAX_UNSENT_BYTES_IN_ALL: usize = 64 * 1024 * 1024;
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
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Bytes>,
    unsent: usize,
    /// Requests that are being answered.
    owed: usize,
    ending: bool,
    closed: bool,
}

impl Outbox {
    pub(super) fn new(all: Unsent) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), all }
    }

    /// Takes a message that must not be lost.
    pub(super) fn put(&self, message: Vec<u8>) {
        let mut frame = BytesMut::with_capacity(message.len().saturating_add(4));
        if write_frame(message.into(), MAX_RESPONSE_FRAME_BYTES, &mut frame).is_err() {
            // Pages are cut short long before; a message above the limit is a bug of ours, and the
            // peer could not read it.
            tracing::error!("a message is longer than a frame may be");
            self.close();
            return;
        }
        let mut state = self.state();
        if !state.closed {
            state.unsent += frame.len();
            self.all.add(frame.len());
            state.frames.push_back(frame.freeze());
            drop(state);
            self.changed.notify_waiters();
        }
    }

    /// Takes an event that must not be lost. Who does not read loses the connection instead, and
    /// knows of it.
    pub(super) fn put_event(&self, message: Vec<u8>) {
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

    /// Takes a message if there is room for it.
    pub(super) fn offer(&self, message: Vec<u8>) -> bool {
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
    pub(super) async fn next(&self) -> Option<Bytes> {
        loop {
            let changed = self.changed.notified();
            {
                let mut state = self.state();
                if let Some(bytes) = state.take() {
                    return Some(bytes);
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
        state.frames.clear();
        let unsent = std::mem::take(&mut state.unsent);
        drop(state);
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
    /// One large frame as it is, or several small ones put together.
    fn take(&mut self) -> Option<Bytes> {
        let first = self.frames.pop_front()?;
        let more = |state: &Self, length: usize| {
            state.frames.front().is_some_and(|next| length + next.len() <= WRITE_BYTES)
        };
        if !more(self, first.len()) {
            return Some(first);
        }
        let mut together = BytesMut::from(first);
        while more(self, together.len())
            && let Some(next) = self.frames.pop_front()
        {
            together.extend_from_slice(&next);
        }
        Some(together.freeze())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]
    use super::*;

    fn outbox() -> Outbox {
        Outbox::new(Unsent::default())
    }

    #[tokio::test]
    async fn frames_come_out_in_order_and_small_ones_together() {
        let outbox = outbox();
        outbox.put(b"one".to_vec());
        outbox.put(b"two".to_vec());
        outbox.finish();
        assert_eq!(outbox.next().await.unwrap(), &b"\0\0\0\x03one\0\0\0\x03two"[..]);
        assert_eq!(outbox.next().await, None);
    }

    #[tokio::test]
    async fn progress_is_refused_when_full_and_answers_are_not() {
        let outbox = outbox();
        outbox.put(vec![b' '; MAX_RESPONSE_FRAME_BYTES]);
        assert!(!outbox.offer(b"progress".to_vec()));
        outbox.put(b"answer".to_vec());
        let frame = outbox.next().await.unwrap();
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
            outbox.put_event(vec![b' '; 1024 * 1024]);
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
