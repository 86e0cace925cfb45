//! Events on their way to one peer: a sink that puts them into its outbox.
//!
//! What an event says was decided in `service`; here it only gets its envelope. An event that must
//! not be lost is put whatever the room; what a job can end without is offered, and refused where
//! the peer does not read what it has. The hazard: one subscription that takes the room of all; so
//! each counts what of it waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use darkslide_protocol::envelope;
use darkslide_protocol::event::Event;
use darkslide_protocol::limits::MAX_UNREAD_EVENT_BYTES;

use super::outbox::{Message, Outbox};
use crate::service::event::Sink;

/// Puts the events of one subscription into an outbox.
#[derive(Debug)]
pub(super) struct ToOutbox {
    outbox: Arc<Outbox>,
    unread: Unread,
}

impl ToOutbox {
    pub(super) fn new(outbox: Arc<Outbox>) -> Self {
        Self { outbox, unread: Unread::default() }
    }
}

impl Sink for ToOutbox {
    fn put(&self, event: &Event) {
        if let Ok(message) = envelope::event(event) {
            self.outbox.put_event(Message::counted(message, &self.unread));
        }
    }

    fn offer(&self, event: &Event) -> bool {
        !self.unread.is_full()
            && envelope::event(event)
                .is_ok_and(|message| self.outbox.offer(Message::counted(message, &self.unread)))
    }

    fn is_closed(&self) -> bool {
        self.outbox.is_closed()
    }
}

/// Bytes of one subscription's events that wait.
#[derive(Debug, Clone, Default)]
pub(super) struct Unread(Arc<AtomicUsize>);

impl Unread {
    /// A frame that counts until it is written, or dropped.
    pub(super) fn count(&self, frame: Bytes) -> Bytes {
        self.0.fetch_add(frame.len(), Ordering::Relaxed);
        Bytes::from_owner(Counted { frame, unread: self.clone() })
    }

    fn is_full(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= MAX_UNREAD_EVENT_BYTES
    }
}

struct Counted {
    frame: Bytes,
    unread: Unread,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.frame
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.unread.0.fetch_sub(self.frame.len(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_of_a_subscription_counts_until_it_is_gone() {
        let unread = Unread::default();
        let frame = |bytes: usize| unread.count(vec![b' '; bytes].into());
        let first = frame(MAX_UNREAD_EVENT_BYTES - 1);
        assert!(!unread.is_full());
        let second = frame(1);
        assert!(unread.is_full(), "at the limit");
        let absurd = frame(16 * MAX_UNREAD_EVENT_BYTES);
        drop((first, second));
        assert!(unread.is_full());
        drop(absurd);
        assert!(!unread.is_full());
        assert_eq!(unread.0.load(Ordering::Relaxed), 0);
    }
}
