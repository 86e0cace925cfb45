//! Which request waits for which answer: ids, waiters, how far each request has come, and what
//! became of those that nobody waits for any more.
//!
//! A request holds one of the slots that the daemon grants a connection until it is answered, also
//! when its caller has given up, so that the table is bounded and an answer to anything else is
//! known for a fault. It alone hands out ids. The hazards: a caller that is dropped between the
//! request and its answer, whose answer would then be taken for somebody else's; and a request of
//! which nobody knows whether the daemon has it.

use std::collections::{HashMap, VecDeque};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use darkslide_protocol::envelope::Id;
use darkslide_protocol::limits::{MAX_ID_INTEGER, MAX_IN_FLIGHT};
use serde_json::value::RawValue;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{Error, ProtocolError, Unavailable};
use crate::transport::Link;

/// A result before it is read, and the descriptor that came with it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) result: Box<RawValue>,
    pub(crate) descriptor: Option<OwnedFd>,
}

/// Why a request has no result.
#[derive(Debug)]
pub(crate) enum Miss {
    /// The daemon says so, or the request could not be made.
    Told(Error),
    /// The connection ended first.
    Lost {
        /// How.
        why: Error,
        /// May the daemon have the whole request?
        was_sent: bool,
    },
}

impl From<ProtocolError> for Miss {
    fn from(error: ProtocolError) -> Self {
        Self::Told(error.into())
    }
}

impl From<Miss> for Error {
    fn from(miss: Miss) -> Self {
        match miss {
            Miss::Told(error) | Miss::Lost { why: error, .. } => error,
        }
    }
}

/// What a request ends with.
pub(crate) type Answer = Result<Reply, Miss>;

/// Looks at a result in the order of the frames, before the next one: an event may be right behind
/// it. It is told over which connection the result came.
pub(crate) type OnResult = Arc<dyn Fn(&RawValue, &Arc<Link>) + Send + Sync>;

/// The requests of one connection that have no answer yet.
#[derive(Debug)]
pub(crate) struct Calls {
    table: Mutex<Table>,
    slots: Arc<Semaphore>,
    /// There is a request to be cancelled.
    cancel: Notify,
}

#[derive(Debug)]
struct Table {
    next: i64,
    open: HashMap<i64, Entry>,
    /// Given up after they were sent, and the daemon has not been told. Never more than are open.
    to_cancel: VecDeque<i64>,
    ended: Option<Error>,
}

/// How far a request has come on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Queued,
    /// Some of its bytes may be written. What the daemon does not have whole it cannot act on.
    Begun,
    Sent,
}

struct Entry {
    stage: Stage,
    /// `None`: the caller has given up.
    waiter: Option<oneshot::Sender<Answer>>,
    on_result: Option<OnResult>,
    _slot: Slot,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let awaited = self.waiter.is_some();
        f.debug_struct("Entry").field("stage", &self.stage).field("awaited", &awaited).finish()
    }
}

/// The right to have one more request in flight.
#[derive(Debug)]
pub(crate) struct Slot(
    #[expect(dead_code, reason = "held, to be given back when dropped")] OwnedSemaphorePermit,
);

impl Calls {
    pub(crate) fn new() -> Self {
        let table =
            Table { next: 1, open: HashMap::new(), to_cancel: VecDeque::new(), ended: None };
        Self {
            table: Mutex::new(table),
            slots: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            cancel: Notify::new(),
        }
    }

    /// Waits until one more request may be in flight.
    pub(crate) async fn slot(&self) -> Result<Slot, Miss> {
        match Arc::clone(&self.slots).acquire_owned().await {
            Ok(permit) => Ok(Slot(permit)),
            Err(_closed) => Err(self.not_sent()),
        }
    }

    /// As `slot`, but without waiting.
    pub(crate) fn slot_now(&self) -> Option<Slot> {
        Arc::clone(&self.slots).try_acquire_owned().ok().map(Slot)
    }

    /// Gives a request an id, and a place for its answer.
    pub(crate) fn open(
        &self,
        slot: Slot,
        on_result: Option<OnResult>,
    ) -> Result<Waiting<'_>, Miss> {
        let (sender, receiver) = oneshot::channel();
        let id = self.enter(slot, Some(sender), on_result)?;
        Ok(Waiting { calls: self, id, receiver })
    }

    /// Gives an id to a request whose answer nobody will look at.
    pub(crate) fn open_unawaited(&self, slot: Slot) -> Result<i64, Miss> {
        self.enter(slot, None, None)
    }

    fn enter(
        &self,
        slot: Slot,
        waiter: Option<oneshot::Sender<Answer>>,
        on_result: Option<OnResult>,
    ) -> Result<i64, Miss> {
        let mut table = self.lock();
        if let Some(why) = &table.ended {
            return Err(Miss::Lost { why: why.clone(), was_sent: false });
        }
        let id = table.next;
        // At a million requests a second the ids last for 285 years; should they end, they begin
        // anew.
        table.next = if id >= MAX_ID_INTEGER { 1 } else { id + 1 };
        table.open.insert(id, Entry { stage: Stage::Queued, waiter, on_result, _slot: slot });
        Ok(id)
    }

    /// Notes that a request is about to be written; false if it was given up before.
    pub(crate) fn begin(&self, id: i64) -> bool {
        self.reach(id, Stage::Begun)
    }

    /// Notes that the last byte of a request is written.
    pub(crate) fn sent(&self, id: i64) {
        self.reach(id, Stage::Sent);
    }

    fn reach(&self, id: i64, stage: Stage) -> bool {
        let mut table = self.lock();
        let Some(entry) = table.open.get_mut(&id) else { return false };
        entry.stage = stage;
        true
    }

    /// Waits for a request that the daemon should be told is given up. Safe to be dropped.
    pub(crate) async fn next_to_cancel(&self) -> i64 {
        loop {
            if let Some(id) = self.lock().to_cancel.pop_front() {
                return id;
            }
            self.cancel.notified().await;
        }
    }

    /// Takes an answer to whoever waits for it.
    pub(crate) fn answer(
        &self,
        id: &Id,
        answer: Result<Reply, Error>,
        link: &Arc<Link>,
    ) -> Result<(), ProtocolError> {
        let entry = match id {
            Id::Number(number) => self.lock().close(*number),
            Id::Text(_) => None,
        };
        let entry = entry.ok_or(ProtocolError::UnknownId)?;
        if let (Ok(reply), Some(look)) = (&answer, entry.on_result) {
            look(&reply.result, link);
        }
        if let Some(waiter) = entry.waiter {
            // The caller may have given up just now.
            drop(waiter.send(answer.map_err(Miss::Told)));
        }
        Ok(())
    }

    /// The connection is over: tells every call, and each later one. The first cause stays.
    pub(crate) fn end(&self, error: &Error) {
        let open = {
            let mut table = self.lock();
            table.ended.get_or_insert_with(|| error.clone());
            std::mem::take(&mut table.open)
        };
        self.slots.close();
        for entry in open.into_values() {
            let was_sent = entry.stage == Stage::Sent;
            if let Some(waiter) = entry.waiter {
                drop(waiter.send(Err(Miss::Lost { why: error.clone(), was_sent })));
            }
        }
    }

    /// Why the connection is over.
    pub(crate) fn why_ended(&self) -> Error {
        let ended = self.lock().ended.clone();
        ended.unwrap_or_else(|| Unavailable::Closed.into())
    }

    /// What becomes of a request for which the connection is over.
    pub(crate) fn not_sent(&self) -> Miss {
        Miss::Lost { why: self.why_ended(), was_sent: false }
    }

    fn give_up(&self, id: i64) {
        let mut table = self.lock();
        let Some(entry) = table.open.get_mut(&id) else { return };
        if entry.stage == Stage::Queued {
            table.open.remove(&id);
            return;
        }
        // The answer will come all the same, be it that it was cancelled.
        entry.waiter = None;
        table.to_cancel.push_back(id);
        drop(table);
        self.cancel.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Takes out a request that is answered, if it was ever sent.
    fn close(&mut self, id: i64) -> Option<Entry> {
        if self.open.get(&id)?.stage != Stage::Sent {
            return None;
        }
        self.to_cancel.retain(|given_up| *given_up != id);
        self.open.remove(&id)
    }
}

/// A request's place for its answer; dropped before that, the request is given up.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    calls: &'a Calls,
    id: i64,
    receiver: oneshot::Receiver<Answer>,
}

impl Waiting<'_> {
    pub(crate) fn id(&self) -> i64 {
        self.id
    }

    pub(crate) async fn answer(mut self) -> Answer {
        match (&mut self.receiver).await {
            Ok(answer) => answer,
            Err(_gone) => Err(self.calls.not_sent()),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.calls.give_up(self.id);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]

    use super::*;

    fn result() -> Result<Reply, Error> {
        let result = RawValue::from_string("{}".to_owned()).unwrap();
        Ok(Reply { result, descriptor: None })
    }

    fn link() -> Arc<Link> {
        Link::detached()
    }

    async fn opened(calls: &Calls) -> Waiting<'_> {
        calls.open(calls.slot().await.unwrap(), None).unwrap()
    }

    async fn sent(calls: &Calls) -> Waiting<'_> {
        let waiting = opened(calls).await;
        assert!(calls.begin(waiting.id()));
        calls.sent(waiting.id());
        waiting
    }

    fn to_cancel(calls: &Calls) -> Vec<i64> {
        calls.lock().to_cancel.iter().copied().collect()
    }

    #[tokio::test]
    async fn an_answer_finds_its_caller_and_no_other_is_taken() {
        let calls = Calls::new();
        let first = sent(&calls).await;
        for wrong in [Id::Number(99), Id::Number(-1), Id::Text("1".to_owned())] {
            let told = calls.answer(&wrong, result(), &link());
            assert!(matches!(told, Err(ProtocolError::UnknownId)), "{wrong}");
        }
        let id = Id::Number(first.id());
        calls.answer(&id, result(), &link()).unwrap();
        assert_eq!(first.answer().await.unwrap().result.get(), "{}");
        assert!(calls.answer(&id, result(), &link()).is_err(), "a second answer");
        assert!(to_cancel(&calls).is_empty(), "what is answered is not cancelled");
    }

    #[tokio::test]
    async fn an_answer_to_what_was_not_sent_is_none() {
        let calls = Calls::new();
        let waiting = opened(&calls).await;
        let id = Id::Number(waiting.id());
        assert!(calls.answer(&id, result(), &link()).is_err(), "it is queued");
        assert!(calls.begin(waiting.id()));
        assert!(calls.answer(&id, result(), &link()).is_err(), "it is half written");
        calls.sent(waiting.id());
        assert!(calls.answer(&id, result(), &link()).is_ok());
    }

    #[tokio::test]
    async fn an_abandoned_call_keeps_its_slot_until_it_is_answered() {
        let calls = Calls::new();
        let mut ids = Vec::new();
        for _ in 0..MAX_IN_FLIGHT {
            ids.push(sent(&calls).await.id());
        }
        assert!(calls.slot_now().is_none());
        assert_eq!(to_cancel(&calls), ids);
        calls.answer(&Id::Number(ids[0]), result(), &link()).unwrap();
        assert!(calls.slot_now().is_some());
        assert_eq!(to_cancel(&calls), ids[1..], "an answer that was quicker");
        assert_eq!(calls.next_to_cancel().await, ids[1]);
    }

    #[tokio::test]
    async fn a_request_that_was_never_sent_gives_its_slot_back_and_is_not_written() {
        let calls = Calls::new();
        for _ in 0..=MAX_IN_FLIGHT {
            let given_up = opened(&calls).await.id();
            assert!(!calls.begin(given_up));
        }
        assert!(to_cancel(&calls).is_empty());
    }

    #[tokio::test]
    async fn one_that_is_being_written_is_cancelled_behind_it() {
        let calls = Calls::new();
        let waiting = opened(&calls).await;
        let id = waiting.id();
        assert!(calls.begin(id));
        drop(waiting);
        calls.sent(id);
        assert_eq!(calls.next_to_cancel().await, id);
        calls.answer(&Id::Number(id), result(), &link()).unwrap();
    }

    #[tokio::test]
    async fn the_end_is_told_to_those_who_wait_and_those_who_come() {
        let calls = Calls::new();
        let whole = sent(&calls).await;
        let queued = opened(&calls).await;
        let begun = opened(&calls).await;
        assert!(calls.begin(begun.id()));
        calls.end(&ProtocolError::UnknownId.into());
        calls.end(&Unavailable::Closed.into());
        for (told, expected) in [
            (whole.answer().await.unwrap_err(), true),
            (queued.answer().await.unwrap_err(), false),
            (begun.answer().await.unwrap_err(), false),
            (calls.slot().await.unwrap_err(), false),
        ] {
            let Miss::Lost { why, was_sent } = told else { panic!("{told:?}") };
            assert!(matches!(why, Error::Protocol(ProtocolError::UnknownId)), "{why:?}");
            assert_eq!(was_sent, expected);
        }
    }
}
