//! `event.subscribe`: who is told what happens to jobs, and that a library changed.
//!
//! A subscription is a sink that the server hands in, and a topic. Jobs are seen only by peers that
//! are granted the same library and root; that is asked of the policy once, when it begins, for
//! neither changes while the process lives. One of a library keeps its own grant, with which alone
//! the library is looked at (`watch.rs`). Sequence numbers are given here, so that a gap can only
//! be an overflow that is told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use darkslide_policy::{Ask, Grant, LibraryName, Read};
use darkslide_protocol::error::WireError;
use darkslide_protocol::event::{Event, EventData, EventKind, Topic};
use darkslide_protocol::limits::KEEP_ALIVE;
use darkslide_protocol::message::event::{EventSubscribeParams, Subscribed};
use darkslide_protocol::value::Token;

use super::{Caller, Service, fault, job, random_token};
use crate::clock;
use crate::jobs::{Snapshot, State, Watcher};
use darkslide_protocol::method::{self, Method};

/// How often silence is looked at.
pub(crate) const TICK: Duration = Duration::from_secs(5);
const TICKS_OF_SILENCE: u32 = 6;
const _: () = assert!(TICK.as_secs() * TICKS_OF_SILENCE as u64 == KEEP_ALIVE.as_secs());

/// Where events go. It is called under the lock of all jobs and must only note what it is given.
pub(crate) trait Sink: Send + Sync {
    /// Takes an event that must not be lost.
    fn put(&self, event: &Event);

    /// Takes an event, unless there is no room for it.
    fn offer(&self, event: &Event) -> bool;

    /// Is nobody there any more?
    fn is_closed(&self) -> bool;
}

/// A subscription of one connection.
pub(crate) struct Subscription {
    id: Token,
    topic: Topic,
    visible: Box<dyn Fn(&Snapshot) -> bool + Send + Sync>,
    /// Of a library's topic.
    reads: Option<(LibraryName, Grant<Read>)>,
    sink: Arc<dyn Sink>,
    state: Mutex<Sent>,
}

#[derive(Debug, Default)]
struct Sent {
    seq: u64,
    dropped: u64,
    silent_ticks: u32,
    ended: bool,
}

impl Service {
    /// Answers `event.subscribe`. Of a job that is over, its last event is put into the sink before
    /// this returns.
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
        let mut reads = None;
        match &params.topic {
            Topic::Job(id) => drop(self.visible_job(caller, id)?),
            Topic::Jobs => {}
            Topic::Library(name) => {
                let name = LibraryName::parse(name).map_err(|_| fault::no_such_library())?;
                let ask = Ask::<Read>::new(method::EventSubscribe::NAME, name.clone());
                let grant = self.decide(caller, &ask)?;
                self.places.library(&name)?;
                reads = Some((name, grant));
            }
        }
        let subscription = Arc::new(Subscription {
            id: random_token(),
            topic: params.topic.clone(),
            visible: Box::new(self.visibility(caller)),
            reads,
            sink,
            state: Mutex::default(),
        });
        Ok((Subscribed { subscription: subscription.id.clone() }, subscription))
    }

    /// Decides on `event.unsubscribe`; subscriptions are held by their connection.
    ///
    /// # Errors
    /// `DENIED`.
    pub(crate) fn event_unsubscribe(&self, caller: &Caller) -> Result<(), WireError> {
        self.decide_call::<method::EventUnsubscribe>(caller)?;
        Ok(())
    }

    /// Begins to tell a subscription: called once its answer is on the way.
    pub(crate) fn tell(self: &Arc<Self>, subscription: Arc<Subscription>) {
        if subscription.reads.is_some() {
            self.watch(subscription);
        } else {
            self.jobs.watch(subscription);
        }
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
            self.put(&mut sent, EventKind::KeepAlive, EventData::default());
        }
    }

    /// The library that it is about, and the grant under which that is looked at.
    pub(super) fn reads(&self) -> Option<&(LibraryName, Grant<Read>)> {
        self.reads.as_ref()
    }

    /// Says that a library changed since `token` was its newest place.
    pub(super) fn changed(&self, token: Option<String>) {
        let mut sent = self.sent();
        if !sent.ended {
            let data = EventData { token, ..EventData::default() };
            self.put(&mut sent, EventKind::Changed, data);
        }
    }

    fn sent(&self) -> std::sync::MutexGuard<'_, Sent> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, sent: &mut Sent, kind: EventKind, data: EventData) {
        sent.seq += 1;
        sent.silent_ticks = 0;
        self.sink.put(&self.event(sent.seq, kind, data));
    }

    fn event(&self, seq: u64, kind: EventKind, data: EventData) -> Event {
        let (subscription, topic) = (self.id.clone(), self.topic.clone());
        Event { subscription, seq, time: clock::timestamp(), topic, kind, data }
    }

    fn concerns(&self, job: &Snapshot) -> bool {
        match &self.topic {
            Topic::Job(id) => *id == job.id,
            Topic::Jobs => (self.visible)(job),
            Topic::Library(_) => false,
        }
    }
}

impl Watcher for Subscription {
    fn job(&self, job: &Snapshot, progress_only: bool) {
        let mut sent = self.sent();
        if sent.ended || !self.concerns(job) {
            return;
        }
        let data = EventData { job: Some(job::status(job)), ..EventData::default() };
        if progress_only {
            let event = self.event(sent.seq + 1, EventKind::Progress, data);
            if self.sink.offer(&event) {
                sent.seq += 1;
                sent.silent_ticks = 0;
            } else {
                sent.dropped += 1;
            }
            return;
        }
        if sent.dropped > 0 {
            let dropped = Some(std::mem::take(&mut sent.dropped));
            let data = EventData { dropped, ..EventData::default() };
            self.put(&mut sent, EventKind::Overflow, data);
        }
        self.put(&mut sent, kind(&job.state), data);
    }

    fn wants_past(&self, job: &Snapshot) -> bool {
        match &self.topic {
            Topic::Job(id) => *id == job.id,
            Topic::Jobs | Topic::Library(_) => false,
        }
    }

    fn is_gone(&self) -> bool {
        self.sent().ended || self.sink.is_closed()
    }
}

fn kind(state: &State) -> EventKind {
    match state {
        State::Queued => EventKind::Queued,
        State::Running => EventKind::Started,
        State::Finished => EventKind::Finished,
        State::Cancelled => EventKind::Cancelled,
        State::Failed(_) | State::Interrupted => EventKind::Failed,
    }
}
