//! Events on their way to one peer: a sink that puts them into its outbox.
//!
//! What an event says was decided in `service`; here it only gets its envelope. An event that must
//! not be lost is put whatever the room; progress is offered, and dropped where a peer does not
//! read.

use std::sync::Arc;

use darkslide_protocol::envelope;
use darkslide_protocol::event::Event;

use super::outbox::Outbox;
use crate::service::event::Sink;

/// Puts events into an outbox.
#[derive(Debug)]
pub(super) struct ToOutbox(pub(super) Arc<Outbox>);

impl Sink for ToOutbox {
    fn put(&self, event: &Event) {
        if let Ok(message) = envelope::event(event) {
            self.0.put_event(message);
        }
    }

    fn offer(&self, event: &Event) -> bool {
        envelope::event(event).is_ok_and(|message| self.0.offer(message))
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}
