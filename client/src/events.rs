//! Subscriptions: each has a bounded queue between the connection and whoever reads its events.
//!
//! A reader that is too slow loses the oldest events and is told how many, by an event of kind
//! `overflow`; the end of a job is the last to go. A subscription that is dropped is given up at
//! the daemon too. The hazards: an event that stands right behind the answer to its
//! `event.subscribe`, so that the queue must be known before the caller has seen the answer; and a
//! progress bar that waits for an end which was dropped.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use darkslide_protocol::event::{Event, EventData, EventKind, Topic};
use darkslide_protocol::limits::KEEP_ALIVE;
use darkslide_protocol::message::event::{EventUnsubscribeParams, Subscribed};
use darkslide_protocol::method::{EventSubscribe, EventUnsubscribe, Method};
use darkslide_protocol::value::Token;
use serde_json::value::RawValue;
use tokio::sync::Notify;

use crate::client::Client;
use crate::error::Error;

/// Events that wait for their reader: 25 seconds of a job at full speed.
pub const MAX_QUEUED_EVENTS: usize = 256;

/// Without an event, nor a keep-alive, for so long nobody is there any more: three keep-alives were
/// missed.
pub const SILENCE: Duration = Duration::from_secs(KEEP_ALIVE.as_secs() * 3);

/// Events of one topic, in order. Dropped, it is given up at the daemon too.
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    queue: Arc<Queue>,
    topic: Topic,
    is_over: bool,
}

impl Subscription {
    pub(crate) async fn open(
        client: &Client,
        params: &<EventSubscribe as Method>::Params,
    ) -> Result<Self, Error> {
        // Made first, so that a caller who gives up while it waits leaves no subscription behind.
        let subscription = Self {
            client: client.clone(),
            queue: Arc::new(Queue::default()),
            topic: params.topic.clone(),
            is_over: false,
        };
        let link = Arc::downgrade(client.link());
        let queue = Arc::clone(&subscription.queue);
        let register = move |result: &RawValue| {
            let Ok(Subscribed { subscription }) = serde_json::from_str(result.get()) else {
                return;
            };
            let Some(link) = link.upgrade() else { return };
            if queue.name(subscription.clone()) {
                link.events.insert(subscription, queue);
            } else {
                link.post(EventUnsubscribe::NAME, EventUnsubscribeParams { subscription });
            }
        };
        client.call_looking::<EventSubscribe>(params, Box::new(register)).await?;
        Ok(subscription)
    }

    /// What it is about.
    #[must_use]
    pub fn topic(&self) -> &Topic {
        &self.topic
    }

    /// Waits for the next event. Keep-alives are not shown. `None` after the last event of a job; a
    /// subscription to every job, or to a library, has no end. Safe to be dropped and called again.
    ///
    /// # Errors
    /// [`Error::TimedOut`] after three missed keep-alives; how the connection ended, when what came
    /// before is read.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        if self.is_over {
            return Ok(None);
        }
        loop {
            let Ok(event) = tokio::time::timeout(SILENCE, self.queue.pop()).await else {
                return Err(Error::TimedOut { doing: "waiting for events", after: SILENCE });
            };
            let event = event?;
            match (&self.topic, event.kind) {
                (_, EventKind::KeepAlive) => continue,
                (Topic::Job(_), kind) if kind.is_terminal() => self.is_over = true,
                (Topic::Job(_) | Topic::Jobs | Topic::Library(_), _) => {}
            }
            return Ok(Some(event));
        }
    }

    /// Gives it up, and waits until the daemon has done so.
    ///
    /// # Errors
    /// As any call.
    pub async fn unsubscribe(self) -> Result<(), Error> {
        let Some(subscription) = self.queue.abandon() else {
            return Ok(());
        };
        self.client.link().events.remove(&subscription);
        let params = EventUnsubscribeParams { subscription };
        self.client.call::<EventUnsubscribe>(&params).await?;
        Ok(())
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(subscription) = self.queue.abandon() {
            let link = self.client.link();
            link.events.remove(&subscription);
            link.post(EventUnsubscribe::NAME, EventUnsubscribeParams { subscription });
        }
    }
}

/// The subscriptions of one connection.
#[derive(Debug, Default)]
pub(crate) struct Events {
    open: Mutex<HashMap<Token, Arc<Queue>>>,
}

impl Events {
    /// Hands an event to its reader. One of a subscription that was just given up is dropped.
    pub(crate) fn deliver(&self, event: Event) {
        let queue = self.lock().get(&event.subscription).cloned();
        if let Some(queue) = queue {
            queue.push(event);
        }
    }

    /// The connection is over: tells every reader, behind what it has not read yet.
    pub(crate) fn end(&self, error: &Error) {
        let open = std::mem::take(&mut *self.lock());
        for queue in open.into_values() {
            queue.end(error);
        }
    }

    fn insert(&self, subscription: Token, queue: Arc<Queue>) {
        self.lock().insert(subscription, queue);
    }

    fn remove(&self, subscription: &Token) {
        self.lock().remove(subscription);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Token, Arc<Queue>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Event>,
    /// Dropped since the reader was last told; they were older than all that wait.
    dropped: u64,
    ended: Option<Error>,
    subscription: Option<Token>,
    is_abandoned: bool,
}

impl Queue {
    fn push(&self, event: Event) {
        self.lock().push(event);
        self.changed.notify_one();
    }

    async fn pop(&self) -> Result<Event, Error> {
        loop {
            if let Some(event) = self.lock().pop() {
                return event;
            }
            self.changed.notified().await;
        }
    }

    fn end(&self, error: &Error) {
        self.lock().ended.get_or_insert_with(|| error.clone());
        self.changed.notify_one();
    }

    /// Notes its name; false if its reader has given up meanwhile.
    fn name(&self, subscription: Token) -> bool {
        let mut waiting = self.lock();
        if waiting.is_abandoned {
            return false;
        }
        waiting.subscription = Some(subscription);
        true
    }

    /// Notes that there is no reader any more; the name, the first time, if it has one.
    fn abandon(&self) -> Option<Token> {
        let mut waiting = self.lock();
        waiting.is_abandoned = true;
        waiting.subscription.take()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn push(&mut self, event: Event) {
        if self.events.len() >= MAX_QUEUED_EVENTS {
            let oldest = self.events.iter().position(|event| !event.kind.is_terminal());
            self.events.remove(oldest.unwrap_or(0));
            self.dropped = self.dropped.saturating_add(1);
        }
        self.events.push_back(event);
    }

    fn pop(&mut self) -> Option<Result<Event, Error>> {
        if self.dropped > 0
            && let Some(next) = self.events.front()
        {
            let dropped = std::mem::take(&mut self.dropped);
            return Some(Ok(overflow(next, dropped)));
        }
        match self.events.pop_front() {
            Some(event) => Some(Ok(event)),
            None => self.ended.clone().map(Err),
        }
    }
}

/// What stands in place of dropped events, in front of `next`.
fn overflow(next: &Event, dropped: u64) -> Event {
    Event {
        subscription: next.subscription.clone(),
        seq: next.seq.saturating_sub(1),
        time: next.time.clone(),
        topic: next.topic.clone(),
        kind: EventKind::Overflow,
        data: EventData { dropped: Some(dropped), ..EventData::default() },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]

    use super::*;
    use crate::error::Unavailable;

    fn event(seq: u64, kind: EventKind) -> Event {
        Event {
            subscription: Token::from_bits(1),
            seq,
            time: "2026-07-01T00:00:00.000Z".to_owned(),
            topic: Topic::Jobs,
            kind,
            data: EventData::default(),
        }
    }

    fn drain(waiting: &mut Waiting) -> Vec<Event> {
        std::iter::from_fn(|| waiting.pop()?.ok()).collect()
    }

    #[test]
    fn a_full_queue_drops_the_oldest_and_says_how_many() {
        let mut waiting = Waiting::default();
        let limit = u64::try_from(MAX_QUEUED_EVENTS).unwrap();
        for seq in 1..=limit {
            waiting.push(event(seq, EventKind::Progress));
        }
        assert_eq!(waiting.dropped, 0, "at the limit nothing is dropped");
        for seq in limit + 1..=limit + 3 {
            waiting.push(event(seq, EventKind::Progress));
        }
        let events = drain(&mut waiting);
        assert_eq!((events[0].kind, events[0].data.dropped), (EventKind::Overflow, Some(3)));
        assert_eq!((events[0].seq, events[1].seq), (3, 4));
        assert_eq!(events.len(), MAX_QUEUED_EVENTS + 1);
    }

    #[test]
    fn the_end_of_a_job_is_not_dropped_for_progress() {
        let mut waiting = Waiting::default();
        waiting.push(event(1, EventKind::Finished));
        for seq in 2..10_000 {
            waiting.push(event(seq, EventKind::Progress));
        }
        let events = drain(&mut waiting);
        assert_eq!(events.iter().filter(|event| event.kind.is_terminal()).count(), 1);
        assert_eq!(events.len(), MAX_QUEUED_EVENTS + 1);
    }

    #[tokio::test]
    async fn what_came_before_the_end_is_read_first() {
        let queue = Queue::default();
        queue.push(event(1, EventKind::Progress));
        queue.end(&Unavailable::Closed.into());
        assert_eq!(queue.pop().await.unwrap().seq, 1);
        for _ in 0..2 {
            let error = queue.pop().await.unwrap_err();
            assert!(matches!(error, Error::Unavailable(Unavailable::Closed)));
        }
    }

    #[test]
    fn a_reader_that_gave_up_before_the_answer_gets_no_name() {
        let queue = Queue::default();
        assert_eq!(queue.abandon(), None);
        assert!(!queue.name(Token::from_bits(1)));
        let queue = Queue::default();
        assert!(queue.name(Token::from_bits(1)));
        assert_eq!(queue.abandon(), Some(Token::from_bits(1)));
        assert_eq!(queue.abandon(), None, "given up once");
    }
}
