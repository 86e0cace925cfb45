//! Which requests of one connection are being answered, and how one is given up.
//!
//! `$/cancel` only marks a request: the work under it sees that at its next look at its time, or
//! never begins, and whoever waits for it answers CANCELLED. So a request that is given up keeps
//! its place and its id until it is answered, and one that was answered meanwhile is no longer
//! there to be given up. The hazard: ten thousand cancels, of which each would leave something.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use darkslide_protocol::envelope::{CANCEL, Cancel, Id};
use serde_json::value::RawValue;

use crate::service::Caller;

/// The requests of one connection that are being answered.
#[derive(Debug, Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<HashMap<Id, Caller>>>);

impl InFlight {
    /// Is a request of that id being answered?
    pub(super) fn holds(&self, id: &Id) -> bool {
        self.callers().contains_key(id)
    }

    /// A request is being answered from now on.
    pub(super) fn begin(&self, id: Id, caller: Caller) {
        self.callers().insert(id, caller);
    }

    /// It is answered, and its id is free again.
    pub(super) fn end(&self, id: &Id) {
        self.callers().remove(id);
    }

    /// Does what a notification asks for: gives up a request, if it is `$/cancel` of one that is
    /// being answered. Nothing else does anything, and nothing is answered.
    pub(super) fn notified(&self, method: &str, params: &RawValue) {
        if method != CANCEL {
            return;
        }
        if let Ok(Cancel { id }) = serde_json::from_str(params.get())
            && let Some(caller) = self.callers().get(&id)
        {
            caller.give_up();
        }
    }

    fn callers(&self) -> std::sync::MutexGuard<'_, HashMap<Id, Caller>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use darkslide_policy::{Gid, Peer, Uid};

    use super::*;

    fn caller() -> Caller {
        Caller::new(Peer::new(Uid::new(1), Gid::new(1), None))
    }

    fn notify(in_flight: &InFlight, method: &str, params: &str) {
        in_flight.notified(method, &RawValue::from_string(params.to_owned()).unwrap());
    }

    #[test]
    fn only_the_request_of_that_id_is_given_up() {
        let (in_flight, connection) = (InFlight::default(), caller());
        let ids = [Id::Number(7), Id::Text("7".to_owned()), Id::Number(8)];
        let callers = ids.clone().map(|id| {
            let caller = connection.of_a_request();
            in_flight.begin(id, caller.clone());
            caller
        });
        let given_up = || callers.each_ref().map(Caller::has_given_up);
        for (method, params) in [
            ("$/cancel", r#"{"id":9}"#),
            ("$/cancel", r#"{"id":null}"#),
            ("$/cancel", r#"{"id":7,"x":1}"#),
            ("$/cancel", "{}"),
            ("$/Cancel", r#"{"id":7}"#),
            ("job.cancel", r#"{"id":7}"#),
        ] {
            notify(&in_flight, method, params);
            assert_eq!(given_up(), [false; 3], "{method} {params}");
        }
        notify(&in_flight, "$/cancel", r#"{"id":"7"}"#);
        assert_eq!(given_up(), [false, true, false]);
        assert!(!connection.has_given_up(), "others of that connection are still wanted");
        assert!(in_flight.holds(&ids[1]), "until it is answered");
    }

    #[test]
    fn an_id_that_is_used_again_is_another_request_and_nothing_is_left_of_either() {
        let (in_flight, id) = (InFlight::default(), Id::Number(1));
        for _ in 0..10_000 {
            let caller = caller().of_a_request();
            in_flight.begin(id.clone(), caller.clone());
            notify(&in_flight, "$/cancel", r#"{"id":1}"#);
            assert!(caller.has_given_up());
            in_flight.end(&id);
            notify(&in_flight, "$/cancel", r#"{"id":1}"#);
        }
        assert!(in_flight.callers().is_empty());
    }
}
