//! What one connection asked and was told: every message is held against the document of the wire.
//!
//! Whatever a test is about, what it receives must be as `docs/schema/openrpc.json` says, and so
//! must be the params of a request that got a result. Of nonsense that is answered by an error
//! nothing is asked, and of bytes that were never one whole frame nothing is known.

#![allow(clippy::unwrap_used, clippy::panic, reason = "the harness of tests")]

use serde_json::{Value, json};

use crate::validate::{self, Part};

/// The requests of a connection that are not answered yet.
#[derive(Debug, Default)]
pub struct Talk {
    asked: Vec<Value>,
}

impl Talk {
    /// Remembers what was sent as one frame, if it can be answered.
    pub fn sent(&mut self, payload: &[u8]) {
        let request = serde_json::from_slice::<Value>(payload);
        self.asked.extend(request.ok().filter(|request| request.get("id").is_some()));
    }

    /// Ends the test if a message is not what the document says.
    ///
    /// # Panics
    /// With the message.
    pub fn received(&mut self, message: &Value) {
        assert_eq!(message["jsonrpc"], "2.0");
        if message["method"] == "event" {
            return validate::check(Part::Event, &message["params"]);
        }
        let is_it = |asked: &Value| asked.get("id") == message.get("id");
        if let Some(error) = message.get("error") {
            validate::check(Part::Error, error);
            // Of two requests of one id the second is refused; without an id it is of what nobody
            // could read, which was sent last.
            let refused = self.asked.iter().rposition(is_it);
            if let Some(refused) = refused.or(self.asked.len().checked_sub(1)) {
                self.asked.remove(refused);
            }
        } else if let Some(answered) = self.asked.iter().position(is_it) {
            answer(&self.asked.remove(answered), message);
        }
    }
}

fn answer(request: &Value, response: &Value) {
    let method = request["method"].as_str().unwrap();
    validate::check(Part::Result(method), &response["result"]);
    validate::check(Part::Params(method), request.get("params").unwrap_or(&json!({})));
    let fd = response.get("fd") == Some(&json!(true));
    assert_eq!(fd, validate::brings_a_descriptor(method), "{method}: a descriptor");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(protocol: &Value) -> Value {
        json!({"service": "darkslide", "instance": "0".repeat(32), "version": "1",
               "protocol": protocol})
    }

    /// One request, and what came.
    fn talk(request: &Value, message: &Value) {
        let mut talk = Talk::default();
        talk.sent(request.to_string().as_bytes());
        talk.received(message);
        assert_eq!(talk.asked, Vec::<Value>::new());
    }

    #[test]
    fn an_answer_is_held_against_the_method_of_its_id() {
        let brief = json!({"id": "a", "method": "health", "params": {"brief": true}});
        talk(&brief, &json!({"jsonrpc": "2.0", "id": "a", "result": health(&json!(1))}));
    }

    #[test]
    #[should_panic(expected = "/protocol")]
    fn a_result_of_another_form_ends_the_test() {
        let request = json!({"id": 1, "method": "health"});
        talk(&request, &json!({"jsonrpc": "2.0", "id": 1, "result": health(&json!("1"))}));
    }

    #[test]
    #[should_panic(expected = "Params")]
    fn params_that_were_answered_though_they_do_not_fit_end_the_test() {
        let request = json!({"id": 1, "method": "health", "params": {"brif": true}});
        talk(&request, &json!({"jsonrpc": "2.0", "id": 1, "result": health(&json!(1))}));
    }

    #[test]
    #[should_panic(expected = "a descriptor")]
    fn a_descriptor_that_the_method_does_not_bring_ends_the_test() {
        let request = json!({"id": 1, "method": "health"});
        let result = health(&json!(1));
        talk(&request, &json!({"jsonrpc": "2.0", "id": 1, "fd": true, "result": result}));
    }

    #[test]
    fn nonsense_that_is_refused_is_nobodys_business() {
        let data = json!({"name": "INVALID_PARAMS", "reason": "invalid-params", "hint": "x",
                          "class": "caller"});
        let error = json!({"code": -32602, "message": "no", "data": data});
        let request = json!({"id": 1, "method": "health", "params": [1]});
        talk(&request, &json!({"jsonrpc": "2.0", "id": 1, "error": error}));
        talk(&request, &json!({"jsonrpc": "2.0", "id": null, "error": error}));
    }
}
