//! A peer without manners: sends any bytes, reads frames, breaks off where it likes.
//!
//! Knows frames and nothing else of the protocol crate, so that a mistake there is not made here
//! too. What it receives is held against the document of the wire (`talk.rs`), whatever the test is
//! about.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the harness of tests"
)]

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::process::PATIENCE;
use crate::talk::Talk;

/// A connection to a daemon.
#[derive(Debug)]
pub struct Peer {
    stream: UnixStream,
    next_id: u64,
    talk: Talk,
}

impl Peer {
    /// Connects.
    ///
    /// # Panics
    /// If nobody listens.
    #[must_use]
    pub fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket)
            .unwrap_or_else(|error| panic!("{}: {error}", socket.display()));
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Self { stream, next_id: 1, talk: Talk::default() }
    }

    /// The socket itself.
    #[must_use]
    pub fn stream(&self) -> &UnixStream {
        &self.stream
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// What the socket says.
    pub fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends a frame with this payload.
    ///
    /// # Errors
    /// What the socket says.
    pub fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        self.talk.sent(payload);
        self.stream.write_all(&framed(payload))
    }

    /// Reads a frame; `None` at the end.
    ///
    /// # Panics
    /// If the daemon breaks off in a frame, or says nothing for too long.
    pub fn receive(&mut self) -> Option<Value> {
        let mut length = [0; 4];
        if !self.fill(&mut length) {
            return None;
        }
        let mut payload = vec![0; u32::from_be_bytes(length) as usize];
        assert!(self.fill(&mut payload), "the daemon broke off in a frame");
        let message = serde_json::from_slice(&payload).unwrap();
        self.talk.received(&message);
        Some(message)
    }

    /// Calls a method and returns the whole response; events before it are passed over.
    ///
    /// # Panics
    /// If the connection ends first.
    pub fn call(&mut self, method: &str, params: &Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.send(request.to_string().as_bytes()).unwrap();
        loop {
            let message =
                self.receive().unwrap_or_else(|| panic!("{method}: the connection ended"));
            if message.get("id") == Some(&json!(id)) {
                return message;
            }
            assert!(message.get("method").is_some(), "neither the answer nor an event: {message}");
        }
    }

    /// The result of a call.
    ///
    /// # Panics
    /// If it is an error.
    pub fn result(&mut self, method: &str, params: &Value) -> Value {
        let response = self.call(method, params);
        response.get("result").unwrap_or_else(|| panic!("{method}: {response}")).clone()
    }

    /// The error of a call, as `NAME/reason`.
    ///
    /// # Panics
    /// If it is a result.
    pub fn error(&mut self, method: &str, params: &Value) -> String {
        named(&self.call(method, params))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> bool {
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.stream.read(rest) {
                Ok(0) => return false,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return false,
                // A machine that slept, or was stopped for a moment.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => panic!("reading: {error}"),
            }
        }
        true
    }
}

/// `NAME/reason` of an error response.
///
/// # Panics
/// If it is none.
#[must_use]
pub fn named(response: &Value) -> String {
    let data = response.pointer("/error/data").unwrap_or_else(|| panic!("no error: {response}"));
    let word = |name: &str| data.get(name).and_then(Value::as_str).unwrap_or("?").to_owned();
    assert!(!word("hint").is_empty(), "an error says what to do: {response}");
    format!("{}/{}", word("name"), word("reason"))
}

/// A payload with its length in front.
#[must_use]
pub fn framed(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    [&length.to_be_bytes()[..], payload].concat()
}
