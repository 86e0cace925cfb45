//! The board on which all events of the process are put: one numbering, the last of them kept, and
//! who listens.
//!
//! It knows neither jobs nor libraries beyond what decides who may hear of one. An event is
//! numbered, told and kept under one lock, and so is the beginning of a listener, so that it hears
//! each event once and none is between what is replayed and what comes. The numbers begin at the
//! time of the start, so that those of a later daemon are greater and nobody takes one for the
//! other.

mod ring;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use darkslide_policy::{ReadScope, Uid};
use darkslide_protocol::event::{EventData, EventKind};
use darkslide_protocol::limits::{MAX_KEPT_EVENTS, MAX_SEQ};
use darkslide_protocol::value::Token;

use crate::clock;
use ring::{Most, Ring};

/// Bytes of the events that are kept, with what decides who may hear of them: some 1,000 for each
/// of them, where a job's state has 600.
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;
/// Events for which there are numbers in each millisecond; fewer than a hundred happen.
const NUMBERS_PER_MS: u64 = 1_024;

/// What an event is about, and by that who may hear of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    /// A job.
    Job(Box<Owned>),
    /// A library, as one kind of grant shows it.
    Library(ReadScope),
}

/// A job, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    /// Its identity.
    pub job: Token,
    /// The name that its client gave the call.
    pub key: Option<String>,
    /// The rule of who started it.
    pub rule: String,
    /// Who started it.
    pub uid: Uid,
    /// The library, and what its grant shows of it.
    pub read: ReadScope,
    /// The root's name.
    pub root: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Happened {
    /// Its number.
    pub seq: u64,
    /// When.
    pub time: String,
    /// About what.
    pub about: Arc<About>,
    /// What.
    pub kind: EventKind,
    /// More of it.
    pub data: EventData,
}

/// How an event comes to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    /// As it happens.
    Live,
    /// At the beginning: it was kept, or tells how something is now.
    Late,
}

/// Who is told what happens. Called under the lock: it must only note what it hears.
pub(crate) trait Listener: Send + Sync {
    /// Something happened.
    fn hear(&self, happened: &Happened, pass: Pass);

    /// What happened after the number that it asked for is not all kept; how its jobs are now
    /// follows.
    fn lost(&self, seq: u64);

    /// It has heard all up to this number.
    fn reached(&self, seq: u64);

    /// Is it told of this at all? Asked before anything is made of what is kept.
    fn concerns(&self, about: &About) -> bool;

    /// Does it want to hear at once how this is now, though it missed nothing?
    fn wants_now(&self, about: &About) -> bool;

    /// Is nobody there any more, so that it can be forgotten?
    fn is_gone(&self) -> bool;
}

/// An event that is kept: its data as JSON, which takes a third of the room.
struct Kept {
    seq: u64,
    time: String,
    about: Arc<About>,
    kind: EventKind,
    data: Box<str>,
}

/// All events of the process.
pub(crate) struct Board(Mutex<State>);

struct State {
    first: u64,
    ring: Ring<Kept>,
    listeners: Vec<Arc<dyn Listener>>,
}

impl Board {
    /// A board that begins at a time, in milliseconds since 1970.
    #[must_use]
    pub(crate) fn new(started_ms: u64) -> Self {
        let first = started_ms.saturating_mul(NUMBERS_PER_MS).min(MAX_SEQ);
        let ring = Ring::new(first, Most { entries: MAX_KEPT_EVENTS, bytes: MAX_KEPT_BYTES });
        Self(Mutex::new(State { first, ring, listeners: Vec::new() }))
    }

    /// The number of the newest event.
    #[must_use]
    pub(crate) fn newest(&self) -> u64 {
        self.lock().ring.newest()
    }

    /// A number for how something is that the process has found as it began.
    pub(crate) fn found(&self) -> u64 {
        self.lock().ring.number_unkept()
    }

    /// Numbers an event, tells it to whoever listens, and keeps it if its kind is kept. Returns its
    /// number.
    pub(crate) fn put(&self, about: About, kind: EventKind, data: EventData) -> u64 {
        let mut state = self.lock();
        state.listeners.retain(|listener| !listener.is_gone());
        let seq = state.ring.number();
        let about = state.last_about(about);
        let happened = Happened { seq, time: clock::timestamp(), about, kind, data };
        for listener in &state.listeners {
            listener.hear(&happened, Pass::Live);
        }
        if kind.is_kept() {
            let kept = Kept::of(happened);
            state.ring.keep(kept.bytes(), kept);
        }
        seq
    }

    /// Tells a listener what happened after `since`, then everything that happens. `now` is how
    /// each job is, each with the number of the event that told it, in the order of these.
    pub(crate) fn listen(
        &self,
        listener: Arc<dyn Listener>,
        since: u64,
        now: impl Iterator<Item = Happened>,
    ) {
        let mut state = self.lock();
        if let Some(kept) = state.ring.since(since) {
            let is_wanted = |it: &Happened| it.seq <= since && listener.wants_now(&it.about);
            now.filter(is_wanted).for_each(|it| listener.hear(&it, Pass::Late));
            let of_it = kept.filter(|kept| listener.concerns(&kept.about));
            of_it.filter_map(Kept::happened).for_each(|it| listener.hear(&it, Pass::Late));
        } else {
            listener.lost(state.ring.within(since, state.first));
            now.for_each(|it| listener.hear(&it, Pass::Late));
        }
        listener.reached(state.ring.newest());
        // Here too: where nothing happens, who only comes and goes would leave ever more behind.
        state.listeners.retain(|listener| !listener.is_gone());
        state.listeners.push(listener);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Events in a row are mostly about the same: that is kept once.
    fn last_about(&self, about: About) -> Arc<About> {
        let last = self.ring.last().map(|kept| &kept.about);
        last.filter(|last| ***last == about).map_or_else(|| Arc::new(about), Arc::clone)
    }
}

impl Kept {
    fn of(happened: Happened) -> Self {
        let Happened { seq, time, about, kind, data } = happened;
        // Nothing in it that JSON cannot hold.
        let data = serde_json::to_string(&data).unwrap_or_default().into_boxed_str();
        Self { seq, time, about, kind, data }
    }

    fn happened(&self) -> Option<Happened> {
        let Self { seq, time, about, kind, data } = self;
        let data = serde_json::from_str(data).ok()?;
        Some(Happened {
            seq: *seq,
            time: time.clone(),
            about: Arc::clone(about),
            kind: *kind,
            data,
        })
    }

    /// What it costs, about.
    fn bytes(&self) -> usize {
        let about = match &*self.about {
            _ if Arc::strong_count(&self.about) > 1 => 0,
            About::Job(owned) => {
                let key = owned.key.as_ref().map_or(0, String::len);
                size_of::<Owned>() + key + owned.rule.len() + scope_bytes(&owned.read)
            }
            About::Library(scope) => scope_bytes(scope),
        };
        size_of::<Self>() + self.time.len() + self.data.len() + about
    }
}

/// Of a policy that names albums and folders without end.
fn scope_bytes(scope: &ReadScope) -> usize {
    let albums = scope.albums().into_iter().flatten().map(String::len);
    let folders = scope.referenced().iter().map(|folder| folder.as_str().len());
    albums.chain(folders).sum()
}

#[cfg(test)]
mod tests;
