//! Which request waits for which answer: ids, waiters, and what became of requests that nobody
//! waits for any more.
//!
//! A request holds one of the slots that the daemon grants a connection until it is answered, also
//! when its caller has given up, so that the table is bounded and an answer to anything else is
//! known for a fault. It alone hands out ids. The hazard: a caller that is dropped between the
//! request and its answer, whose answer would then be taken for somebody else's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use darkslide_protocol::envelope::Id;
use darkslide_protocol::limits::{MAX_ID_INTEGER, MAX_IN_FLIGHT};
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::error::{Error, ProtocolError, Unavailable};

/// What a call ends with, before its result is read.
pub(crate) type Answer = Result<Box<RawValue>, Error>;

/// Looks at a result in the order of the frames, before the next one: an event may be right behind
/// it.
pub(crate) type OnResult = Box<dyn FnOnce(&RawValue) + Send>;

/// The requests of one connection that have no answer yet.
#[derive(Debug)]
pub(crate) struct Calls {
    table: Mutex<Table>,
    slots: Arc<Semaphore>,
}

#[derive(Debug)]
struct Table {
    next: i64,
    open: HashMap<i64, Entry>,
    ended: Option<Error>,
}

struct Entry {
    /// `None`: the caller has given up.
    waiter: Option<oneshot::Sender<Answer>>,
    on_result: Option<OnResult>,
    _slot: Slot,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let awaited = self.waiter.is_some();
        f.debug_struct("Entry").field("awaited", &awaited).finish()
    }
}

/// The right to have one more request in flight.
#[derive(Debug)]
pub(crate) struct Slot(
    #[expect(dead_code, reason = "held, to be given back when dropped")] OwnedSemaphorePermit,
);

impl Calls {
    pub(crate) fn new() -> Self {
        Self {
            table: Mutex::new(Table { next: 1, open: HashMap::new(), ended: None }),
            slots: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
        }
    }

    /// Waits until one more request may be in flight.
    pub(crate) async fn slot(&self) -> Result<Slot, Error> {
        match Arc::clone(&self.slots).acquire_owned().await {
            Ok(permit) => Ok(Slot(permit)),
            Err(_closed) => Err(self.why_ended()),
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
    ) -> Result<Waiting<'_>, Error> {
        let (sender, receiver) = oneshot::channel();
        let id = self.enter(slot, Some(sender), on_result)?;
        Ok(Waiting { calls: self, id, receiver, sent: false })
    }

    /// Gives an id to a request whose answer nobody will look at.
    pub(crate) fn open_unawaited(&self, slot: Slot) -> Result<i64, Error> {
        self.enter(slot, None, None)
    }

    fn enter(
        &self,
        slot: Slot,
        waiter: Option<oneshot::Sender<Answer>>,
        on_result: Option<OnResult>,
    ) -> Result<i64, Error> {
        let mut table = self.lock();
        if let Some(error) = &table.ended {
            return Err(error.clone());
        }
        let id = table.next;
        // At a million requests a second the ids last for 285 years; should they end, they begin
        // anew.
        table.next = if id >= MAX_ID_INTEGER { 1 } else { id + 1 };
        table.open.insert(id, Entry { waiter, on_result, _slot: slot });
        Ok(id)
    }

    /// Takes an answer to whoever waits for it.
    pub(crate) fn answer(&self, id: &Id, answer: Answer) -> Result<(), ProtocolError> {
        let entry = match id {
            Id::Number(number) => self.lock().open.remove(number),
            Id::Text(_) => None,
        };
        let mut entry = entry.ok_or(ProtocolError::UnknownId)?;
        if let (Ok(result), Some(look)) = (&answer, entry.on_result.take()) {
            look(result);
        }
        if let Some(waiter) = entry.waiter {
            // The caller may have given up just now.
            drop(waiter.send(answer));
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
        for waiter in open.into_values().filter_map(|entry| entry.waiter) {
            drop(waiter.send(Err(error.clone())));
        }
    }

    /// Why the connection is over.
    pub(crate) fn why_ended(&self) -> Error {
        let ended = self.lock().ended.clone();
        ended.unwrap_or_else(|| Unavailable::Closed.into())
    }

    fn give_up(&self, id: i64, was_sent: bool) {
        let mut table = self.lock();
        if !was_sent {
            table.open.remove(&id);
        } else if let Some(entry) = table.open.get_mut(&id) {
            entry.waiter = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request's place for its answer; dropped, it forgets the waiter.
#[derive(Debug)]
pub(crate) struct Waiting<'a> {
    calls: &'a Calls,
    id: i64,
    receiver: oneshot::Receiver<Answer>,
    sent: bool,
}

impl Waiting<'_> {
    pub(crate) fn id(&self) -> Id {
        Id::Number(self.id)
    }

    /// Notes that the request is on its way, so that an answer will come.
    pub(crate) fn sent(&mut self) {
        self.sent = true;
    }

    pub(crate) async fn answer(mut self) -> Answer {
        match (&mut self.receiver).await {
            Ok(answer) => answer,
            Err(_gone) => Err(self.calls.why_ended()),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.calls.give_up(self.id, self.sent);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]

    use super::*;

    fn result() -> Answer {
        Ok(RawValue::from_string("{}".to_owned()).unwrap())
    }

    #[tokio::test]
    async fn an_answer_finds_its_caller_and_no_other_is_taken() {
        let calls = Calls::new();
        let mut first = calls.open(calls.slot().await.unwrap(), None).unwrap();
        first.sent();
        for wrong in [Id::Number(99), Id::Number(-1), Id::Text("1".to_owned())] {
            let told = calls.answer(&wrong, result());
            assert!(matches!(told, Err(ProtocolError::UnknownId)), "{wrong}");
        }
        let id = first.id();
        calls.answer(&id, result()).unwrap();
        assert_eq!(first.answer().await.unwrap().get(), "{}");
        assert!(calls.answer(&id, result()).is_err(), "a second answer");
    }

    #[tokio::test]
    async fn an_abandoned_call_keeps_its_slot_until_it_is_answered() {
        let calls = Calls::new();
        let mut ids = Vec::new();
        for _ in 0..MAX_IN_FLIGHT {
            let mut waiting = calls.open(calls.slot().await.unwrap(), None).unwrap();
            waiting.sent();
            ids.push(waiting.id());
        }
        assert!(calls.slot_now().is_none());
        calls.answer(&ids[0], result()).unwrap();
        assert!(calls.slot_now().is_some());
    }

    #[tokio::test]
    async fn a_request_that_was_never_sent_gives_its_slot_back() {
        let calls = Calls::new();
        for _ in 0..=MAX_IN_FLIGHT {
            drop(calls.open(calls.slot_now().unwrap(), None).unwrap());
        }
    }

    #[tokio::test]
    async fn the_end_is_told_to_those_who_wait_and_those_who_come() {
        let calls = Calls::new();
        let mut waiting = calls.open(calls.slot().await.unwrap(), None).unwrap();
        waiting.sent();
        calls.end(&ProtocolError::UnknownId.into());
        calls.end(&Unavailable::Closed.into());
        for error in [waiting.answer().await.unwrap_err(), calls.slot().await.unwrap_err()] {
            assert!(matches!(error, Error::Protocol(ProtocolError::UnknownId)), "{error:?}");
        }
    }
}
