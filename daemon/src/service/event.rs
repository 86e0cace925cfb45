//! `event.subscribe`: who is told what happens to jobs, and that a library changed.
//!
//! A subscription is a sink that the server hands in, and topics. Jobs are seen only by peers that
//! are granted the same library and root, and by key only those that the peer's own rule started;
//! that is asked of the policy once, when it begins, for neither changes while the process lives.
//! One of a library keeps its own grant, with which alone the library is looked at (`watch.rs`).
//! The hazard: a reader that is too slow and takes a gap for silence; so what is dropped is told
//! before anything else is.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use darkslide_policy::{Ask, Grant, LibraryName, Read, ReadScope, Uid};
use darkslide_protocol::error::WireError;
use darkslide_protocol::event::{Event, EventData, EventKind, Topic};
use darkslide_protocol::limits::KEEP_ALIVE;
use darkslide_protocol::message::event::{EventSubscribeParams, Subscribed};
use darkslide_protocol::value::Token;

use super::{Caller, Service, fault, random_token};
use crate::clock;
use crate::events::{About, Happened, Listener, Owned, Pass};
use darkslide_protocol::method::{self, Method};

/// How often silence is looked at.
pub(crate) const TICK: Duration = Duration::from_secs(5);
const TICKS_OF_SILENCE: u32 = 6;
const _: () = assert!(TICK.as_secs() * TICKS_OF_SILENCE as u64 == KEEP_ALIVE.as_secs());

/// Where events go. It is called under the lock of all events and must only note what it is given.
pub(crate) trait Sink: Send + Sync {
    /// Takes an event that must not be lost.
    fn put(&self, event: &Event);

    /// Takes an event, unless there is no room for it.
    fn offer(&self, event: &Event) -> bool;

    /// Is nobody there any more?
    fn is_closed(&self) -> bool;
}

/// May a job of that grant and root be known of?
type Visible = Box<dyn Fn(&ReadScope, &str) -> bool + Send + Sync>;

/// A subscription of one connection.
pub(crate) struct Subscription {
    id: Token,
    topics: Vec<Topic>,
    uid: Uid,
    rule: String,
    visible: Visible,
    /// Of the topics of libraries.
    reads: Vec<(LibraryName, Grant<Read>)>,
    since: Option<u64>,
    sink: Arc<dyn Sink>,
    state: Mutex<Sent>,
}

#[derive(Debug)]
struct Sent {
    /// All up to this number was told, or did not concern it.
    seq: u64,
    dropped: u64,
    silent_ticks: u32,
    ended: bool,
}

impl Service {
    /// Answers `event.subscribe`.
    ///
    /// # Errors
    /// `DENIED`; `NOT_FOUND` for a job or library that the peer may not know of.
    pub(crate) fn event_subscribe(
        &self,
        caller: &Caller,
        params: &EventSubscribeParams,
        sink: Arc<dyn Sink>,
    ) -> Result<(Subscribed, Arc<Subscription>), WireError> {
        self.decide_call::<method::EventSubscribe>(caller)?;
        let rule = self.policy.admit(caller.peer()).map_err(|denial| fault::denied(&denial))?;
        let mut reads: Vec<(LibraryName, Grant<Read>)> = Vec::new();
        for topic in &params.topics {
            match topic {
                Topic::Job(id) => drop(self.visible_job::<method::EventSubscribe>(caller, id)?),
                Topic::Key(_) | Topic::Jobs => {}
                // Named twice, it is watched once.
                Topic::Library(name) if reads.iter().any(|(of, _)| of.as_str() == name) => {}
                Topic::Library(name) => reads.push(self.watchable(caller, name)?),
            }
        }
        let seq = self.board.newest();
        let sent = Sent { seq, dropped: 0, silent_ticks: 0, ended: false };
        let subscription = Arc::new(Subscription {
            id: random_token(),
            topics: params.topics.clone(),
            uid: caller.peer().uid,
            rule: rule.to_string(),
            visible: Box::new(self.visibility(caller)),
            reads,
            since: params.since,
            sink,
            state: Mutex::new(sent),
        });
        Ok((Subscribed { subscription: subscription.id.clone(), seq }, subscription))
    }

    fn watchable(
        &self,
        caller: &Caller,
        name: &str,
    ) -> Result<(LibraryName, Grant<Read>), WireError> {
        let name = self.library_named(caller, method::EventSubscribe::NAME, name)?;
        let ask = Ask::<Read>::new(method::EventSubscribe::NAME, name.clone());
        let grant = self.decide(caller, &ask)?;
        self.places.library(&name)?;
        Ok((name, grant))
    }

    /// Decides on `event.unsubscribe`; subscriptions are held by their connection.
    ///
    /// # Errors
    /// `DENIED`.
    pub(crate) fn event_unsubscribe(&self, caller: &Caller) -> Result<(), WireError> {
        self.decide_call::<method::EventUnsubscribe>(caller)?;
        Ok(())
    }

    /// Begins to tell a subscription: called once its answer is on the way. What happened after the
    /// number in that answer is told as well.
    pub(crate) fn tell(self: &Arc<Self>, subscription: Arc<Subscription>) {
        let since = subscription.since.unwrap_or_else(|| subscription.sent().seq);
        self.jobs.listen(Arc::clone(&subscription) as Arc<dyn Listener>, since);
        self.watch(&subscription);
    }
}

impl Subscription {
    /// Its identity.
    #[must_use]
    pub(crate) fn id(&self) -> &Token {
        &self.id
    }

    /// Tells nothing any more.
    pub(crate) fn end(&self) {
        self.sent().ended = true;
    }

    /// Called every [`TICK`]: says that nothing happened, if nothing did for long enough.
    pub(crate) fn tick(&self) {
        let mut sent = self.sent();
        sent.silent_ticks += 1;
        if !sent.ended && sent.silent_ticks >= TICKS_OF_SILENCE {
            self.put_own(&mut sent, EventKind::KeepAlive, EventData::default());
        }
    }

    /// The libraries that it is about, and the grants under which they are looked at.
    pub(super) fn reads(&self) -> &[(LibraryName, Grant<Read>)] {
        &self.reads
    }

    /// The place from which on it hears of changes of a library; nobody else needs to know.
    pub(super) fn begin_at(&self, library: &LibraryName, token: Option<String>) {
        let mut sent = self.sent();
        let of_library =
            |topic: &&Topic| matches!(topic, Topic::Library(name) if name == library.as_str());
        if let Some(topic) = self.topics.iter().find(of_library)
            && !sent.ended
        {
            let data = EventData { token, ..EventData::default() };
            let event = self.event(sent.seq, clock::timestamp(), topic, EventKind::Changed, data);
            self.put(&mut sent, &event);
        }
    }

    fn sent(&self) -> MutexGuard<'_, Sent> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an event, behind the news that others were dropped.
    fn put(&self, sent: &mut Sent, event: &Event) {
        if let Some(overflow) = self.overflow(sent) {
            self.sink.put(&overflow);
            sent.dropped = 0;
        }
        self.sink.put(event);
        sent.silent_ticks = 0;
    }

    /// Puts one that this subscription alone hears.
    fn put_own(&self, sent: &mut Sent, kind: EventKind, data: EventData) {
        if let Some(event) = self.own(sent.seq, kind, data) {
            self.put(sent, &event);
        }
    }

    fn offer(&self, sent: &mut Sent, event: &Event) {
        let has_room = self.overflow(sent).is_none_or(|overflow| {
            let told = self.sink.offer(&overflow);
            sent.dropped = if told { 0 } else { sent.dropped };
            told
        });
        if has_room && self.sink.offer(event) {
            sent.silent_ticks = 0;
        } else {
            sent.dropped = sent.dropped.saturating_add(1);
        }
    }

    fn overflow(&self, sent: &Sent) -> Option<Event> {
        let dropped = Some(sent.dropped).filter(|dropped| *dropped > 0)?;
        let data = EventData { dropped: Some(dropped), ..EventData::default() };
        self.own(sent.seq, EventKind::Overflow, data)
    }

    fn own(&self, seq: u64, kind: EventKind, data: EventData) -> Option<Event> {
        // There is one: none are refused while params are read.
        let topic = self.topics.first()?;
        Some(self.event(seq, clock::timestamp(), topic, kind, data))
    }

    fn event(
        &self,
        seq: u64,
        time: String,
        topic: &Topic,
        kind: EventKind,
        data: EventData,
    ) -> Event {
        Event { subscription: self.id.clone(), seq, time, topic: topic.clone(), kind, data }
    }

    /// The first of its topics that it concerns; none of what the peer may not know of.
    fn topic_of(&self, about: &About) -> Option<&Topic> {
        let of_job = |owned: &Owned, topic: &Topic| match topic {
            Topic::Job(id) => *id == owned.job,
            Topic::Key(key) => {
                owned.key.as_ref() == Some(key) && owned.rule == self.rule && owned.uid == self.uid
            }
            Topic::Jobs => true,
            Topic::Library(_) => false,
        };
        match about {
            About::Job(owned) if !(self.visible)(&owned.read, &owned.root) => None,
            About::Job(owned) => self.topics.iter().find(|topic| of_job(owned, topic)),
            About::Library(scope) => {
                // A token fits one kind of grant.
                let is_read = self.reads.iter().any(|(_, grant)| grant.covers() == scope);
                let name = scope.library().as_str();
                let of_library = |topic: &&Topic| matches!(topic, Topic::Library(of) if of == name);
                self.topics.iter().find(of_library).filter(|_| is_read)
            }
        }
    }
}

impl Listener for Subscription {
    fn hear(&self, happened: &Happened, pass: Pass) {
        let mut sent = self.sent();
        if sent.ended {
            return;
        }
        if let Some(topic) = self.topic_of(&happened.about) {
            let Happened { seq, time, kind, data, .. } = happened;
            let event = self.event(*seq, time.clone(), topic, *kind, data.clone());
            match pass {
                Pass::Live if can_be_dropped(*kind) => self.offer(&mut sent, &event),
                Pass::Live | Pass::Late => self.put(&mut sent, &event),
            }
        }
        if pass == Pass::Live {
            sent.seq = happened.seq;
        }
    }

    fn lost(&self, seq: u64) {
        let mut sent = self.sent();
        if let Some(event) = self.own(seq, EventKind::Overflow, EventData::default()) {
            self.put(&mut sent, &event);
        }
    }

    fn reached(&self, seq: u64) {
        self.sent().seq = seq;
    }

    fn concerns(&self, about: &About) -> bool {
        self.topic_of(about).is_some()
    }

    fn wants_now(&self, about: &About) -> bool {
        match self.topic_of(about) {
            Some(Topic::Job(_) | Topic::Key(_)) => true,
            Some(Topic::Jobs | Topic::Library(_)) | None => false,
        }
    }

    fn is_gone(&self) -> bool {
        self.sent().ended || self.sink.is_closed()
    }
}

/// May it be lost where a peer does not read? What a job begins and ends with may not.
fn can_be_dropped(kind: EventKind) -> bool {
    match kind {
        EventKind::Progress | EventKind::Item | EventKind::Warning => true,
        EventKind::Queued
        | EventKind::Started
        | EventKind::Finished
        | EventKind::Failed
        | EventKind::Cancelled
        | EventKind::Changed
        | EventKind::Overflow
        | EventKind::KeepAlive => false,
    }
}
