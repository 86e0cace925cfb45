//! Subscriptions: each has a bounded queue between the connection and whoever reads its events.
//!
//! A reader that is too slow loses the oldest events and is told how many, by an event of kind
//! `overflow`; the end of a job is the last to go. A subscription that is dropped is given up at
//! the daemon too; one whose connection is gone begins again behind the last event that was read.
//! The hazards: an event that stands right behind the answer to its `event.subscribe`, so that the
//! queue must be known before the caller has seen the answer; and a progress bar that waits for an
//! end which was dropped, or told while nobody listened.

#![expect(clippy::disallowed_methods, reason = "knows how long a subscription has been silent")]

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use darkslide_protocol::event::{Event, EventData, EventKind, Topic};
use darkslide_protocol::limits::{KEEP_ALIVE, MAX_KEPT_EVENTS};
use darkslide_protocol::message::event::{
    EventSubscribeParams, EventUnsubscribeParams, Subscribed,
};
use darkslide_protocol::method::{EventSubscribe, EventUnsubscribe, Method};
use darkslide_protocol::value::Token;
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::client::Client;
use crate::error::{Error, Unavailable};
use crate::transport::Link;

/// Events that wait for their reader: all that a daemon keeps for whoever comes back, and 25
/// seconds of a job at full speed.
pub const MAX_QUEUED_EVENTS: usize = MAX_KEPT_EVENTS + 256;

/// Without an event, nor a keep-alive, for so long nobody is there any more: three keep-alives were
/// missed.
pub const SILENCE: Duration = Duration::from_secs(KEEP_ALIVE.as_secs() * 3);

/// Daemons that may go away one after the other while a subscription begins again; each time there
/// was one that answered.
const MAX_LOST_ATTEMPTS: u32 = 16;

/// Events of some topics, in order. Dropped, it is given up at the daemon too.
///
/// When the connection is gone, it is made again as for a call, and the daemon that is there then
/// is asked for what happened since the last event that was read. What it keeps comes, once; if it
/// keeps less, or is another one, an `overflow` without `dropped` says so, and how each job is now
/// follows. A client of [`crate::Builder::over`] has but one connection.
#[derive(Debug)]
pub struct Subscription {
    client: Client,
    attached: Attached,
    topics: Vec<Topic>,
    place: Place,
    is_over: bool,
}

/// How far a reader has come.
#[derive(Debug)]
struct Place {
    /// From where on it hears.
    since: u64,
    /// The greatest number that it has read; may be smaller, of how a job was at the beginning.
    read: Option<u64>,
}

impl Place {
    /// Notes an event; false if it was read before, over another connection.
    fn pass(&mut self, event: &Event) -> bool {
        let is_loss = event.kind == EventKind::Overflow && event.data.dropped.is_none();
        // Only how a job is can come again: a daemon tells that at each beginning.
        let is_known = event.data.job.is_some() && self.read.is_some_and(|read| event.seq <= read);
        if is_known {
            return false;
        }
        if is_loss {
            // Numbers may be those of another daemon, whose clock may have been set back.
            *self = Self { since: event.seq, read: None };
        }
        self.read = self.read.max(Some(event.seq));
        true
    }

    fn since(&self) -> u64 {
        self.read.map_or(self.since, |read| read.max(self.since))
    }
}

impl Subscription {
    pub(crate) async fn open(
        client: &Client,
        params: &<EventSubscribe as Method>::Params,
    ) -> Result<Self, Error> {
        let (attached, seq) = Attached::open(client, params).await?;
        Ok(Self {
            client: client.clone(),
            attached,
            topics: params.topics.clone(),
            place: Place { since: params.since.unwrap_or(seq), read: None },
            is_over: false,
        })
    }

    /// What it is about.
    #[must_use]
    pub fn topics(&self) -> &[Topic] {
        &self.topics
    }

    /// The number behind which another subscription goes on, as `since`, without missing what is
    /// kept.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.place.since()
    }

    /// Waits for the next event. Keep-alives are not shown. `None` after the last event of a job; a
    /// subscription to several topics, to every job, or to a library, has no end. Safe to be
    /// dropped and called again.
    ///
    /// # Errors
    /// [`Error::TimedOut`] after three missed keep-alives. Where the connection is gone, and what
    /// came before is read: how it ended, if it cannot be made again within the time of a call, or
    /// what the daemon says to it; the next call tries again.
    pub async fn next(&mut self) -> Result<Option<Event>, Error> {
        while !self.is_over {
            let heard = self.attached.queue.heard();
            let popped = tokio::time::timeout_at(heard + SILENCE, self.attached.queue.pop()).await;
            let event = match popped {
                Ok(Ok(event)) => event,
                Ok(Err(ended)) => {
                    self.attach_again(ended).await?;
                    continue;
                }
                // A keep-alive may have come meanwhile.
                Err(_silent) if self.attached.queue.heard() != heard => continue,
                Err(_silent) => {
                    return Err(Error::TimedOut { doing: "waiting for events", after: SILENCE });
                }
            };
            if !self.place.pass(&event) || event.kind == EventKind::KeepAlive {
                continue;
            }
            self.is_over = event.kind.is_terminal() && self.is_of_one_job();
            return Ok(Some(event));
        }
        Ok(None)
    }

    fn is_of_one_job(&self) -> bool {
        match self.topics.as_slice() {
            [Topic::Job(_) | Topic::Key(_)] => true,
            [Topic::Jobs | Topic::Library(_)] | [] | [_, _, ..] => false,
        }
    }

    /// Begins again behind what was read, after the connection has ended.
    async fn attach_again(&mut self, ended: Error) -> Result<(), Error> {
        if !ended.is_transient() {
            return Err(ended);
        }
        let since = Some(self.place.since());
        let params = EventSubscribeParams { topics: self.topics.clone(), since };
        let mut lost = 0;
        loop {
            match Attached::open(&self.client, &params).await {
                Ok((attached, _)) => {
                    self.attached = attached;
                    return Ok(());
                }
                // The daemon went away before it answered. Without another, that is what is told.
                Err(Error::Unavailable(Unavailable::Closed | Unavailable::Broken(_)))
                    if lost < MAX_LOST_ATTEMPTS =>
                {
                    lost += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives it up, and waits until the daemon has done so.
    ///
    /// # Errors
    /// As any call.
    pub async fn unsubscribe(self) -> Result<(), Error> {
        let Some((subscription, link)) = self.attached.queue.abandon() else {
            return Ok(());
        };
        // With another connection it is gone by itself.
        if Arc::ptr_eq(&link, &self.client.link()) {
            link.events.remove(&subscription);
            let params = EventUnsubscribeParams { subscription };
            self.client.call::<EventUnsubscribe>(&params).await?;
        }
        Ok(())
    }
}

/// A subscription at one connection. Dropped, it is given up there.
#[derive(Debug)]
struct Attached {
    queue: Arc<Queue>,
}

impl Attached {
    /// Subscribes; the daemon's newest number, too.
    async fn open(client: &Client, params: &EventSubscribeParams) -> Result<(Self, u64), Error> {
        // Made first, so that a caller who gives up while it waits leaves no subscription behind.
        let attached = Self { queue: Arc::new(Queue::new()) };
        let queue = Arc::clone(&attached.queue);
        let register = move |result: &RawValue, link: &Arc<Link>| {
            let Ok(Subscribed { subscription, .. }) = serde_json::from_str(result.get()) else {
                return;
            };
            if queue.name(subscription.clone(), link) {
                link.events.insert(subscription, Arc::clone(&queue));
            } else {
                link.post(EventUnsubscribe::NAME, EventUnsubscribeParams { subscription });
            }
        };
        let answer = client.call_looking::<EventSubscribe>(params, Arc::new(register)).await?;
        Ok((attached, answer.seq))
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some((subscription, link)) = self.queue.abandon() {
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

#[derive(Debug)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug)]
struct Waiting {
    events: VecDeque<Event>,
    /// When something came, the last time.
    heard: Instant,
    /// Dropped since the reader was last told; they were older than all that wait.
    dropped: u64,
    ended: Option<Error>,
    subscription: Option<(Token, Weak<Link>)>,
    is_abandoned: bool,
}

impl Queue {
    fn new() -> Self {
        Self { waiting: Mutex::new(Waiting::new()), changed: Notify::new() }
    }

    fn heard(&self) -> Instant {
        self.lock().heard
    }

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

    /// Notes its name, and where it is called so; false if its reader has given up meanwhile.
    fn name(&self, subscription: Token, link: &Arc<Link>) -> bool {
        let mut waiting = self.lock();
        if waiting.is_abandoned {
            return false;
        }
        waiting.subscription = Some((subscription, Arc::downgrade(link)));
        true
    }

    /// Notes that there is no reader any more; the name, the first time, if it has one and the
    /// connection is there.
    fn abandon(&self) -> Option<(Token, Arc<Link>)> {
        let mut waiting = self.lock();
        waiting.is_abandoned = true;
        let (subscription, link) = waiting.subscription.take()?;
        Some((subscription, link.upgrade()?))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn new() -> Self {
        Self {
            events: VecDeque::new(),
            heard: Instant::now(),
            dropped: 0,
            ended: None,
            subscription: None,
            is_abandoned: false,
        }
    }

    fn push(&mut self, event: Event) {
        self.heard = Instant::now();
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
        let mut waiting = Waiting::new();
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
        let mut waiting = Waiting::new();
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
        let queue = Queue::new();
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
        let (link, name) = (Link::detached(), Token::from_bits(1));
        let queue = Queue::new();
        assert!(queue.abandon().is_none());
        assert!(!queue.name(name.clone(), &link));
        let queue = Queue::new();
        assert!(queue.name(name.clone(), &link));
        assert_eq!(queue.abandon().unwrap().0, name);
        assert!(queue.abandon().is_none(), "given up once");
        let queue = Queue::new();
        assert!(queue.name(name, &link));
        drop(link);
        assert!(queue.abandon().is_none(), "with its connection it is gone by itself");
    }

    fn of_job(seq: u64, kind: EventKind) -> Event {
        let text = r#"{"job":"00000000000000000000000000000007","state":"running","library":"main",
            "root":"exports","path":".","selected":0,"files_total":0,"files_done":0,
            "bytes_total":0,"bytes_done":0,"outcomes":{}}"#;
        let data = EventData { job: serde_json::from_str(text).unwrap(), ..EventData::default() };
        Event { data, ..event(seq, kind) }
    }

    #[test]
    fn what_was_read_before_a_break_is_known_when_it_comes_again() {
        let mut place = Place { since: 10, read: None };
        assert_eq!(place.since(), 10);
        // How a job is at the beginning has the number of the event that told it.
        assert!(place.pass(&of_job(4, EventKind::Started)));
        assert_eq!(place.since(), 10, "what was before is not asked for");
        assert!(place.pass(&of_job(6, EventKind::Started)), "another job");
        assert!(place.pass(&event(12, EventKind::KeepAlive)));
        assert!(!place.pass(&of_job(4, EventKind::Started)));
        assert!(place.pass(&event(12, EventKind::Changed)), "where a library is now is news");
        assert!(place.pass(&of_job(13, EventKind::Finished)));
        assert_eq!(place.since(), 13);
    }

    #[test]
    fn after_a_loss_the_numbers_are_those_of_the_daemon_that_tells_it() {
        let mut place = Place { since: 10, read: Some(1_000) };
        assert!(place.pass(&event(500, EventKind::Overflow)));
        assert!(place.pass(&of_job(501, EventKind::Started)), "of a clock that was set back");
        assert_eq!(place.since(), 501);
        let dropped = EventData { dropped: Some(3), ..EventData::default() };
        assert!(place.pass(&Event { data: dropped, ..event(400, EventKind::Overflow) }));
        assert_eq!(place.since(), 501);
    }
}
