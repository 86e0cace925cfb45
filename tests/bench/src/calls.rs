//! Calls over one connection to a daemon that has the library open: the first page of full records,
//! a count, and the least call there is. Answers are taken as bytes and never parsed, for no
//! client's parser is what is measured; an error is looked for once, before the clock runs.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use darkslide_tests::process::Running;
use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::Peer;
use serde_json::{Value, json};

use crate::Failed;

/// A daemon on a library, and a connection to it.
pub(crate) struct Calls {
    peer: Peer,
    // Ended before its folder goes.
    service: Service,
    place: Place,
}

impl Calls {
    /// Starts a daemon whose policy shows everything of this library.
    pub(crate) fn start(program: &Path, library: &Path) -> Result<Self, Failed> {
        Self::start_with(program, library, &[])
    }

    /// The same with more words on its command line.
    pub(crate) fn start_with(
        program: &Path,
        library: &Path,
        words: &[&str],
    ) -> Result<Self, Failed> {
        let program = program.to_str().ok_or("a program's path that is no text")?;
        let place = Place::new();
        let _policy = place.write_policy(&Place::policy(library));
        let service = place.start_command(place.command(program).args(words));
        Ok(Self { peer: service.peer(), service, place })
    }

    /// The daemon's peak memory in kilobytes.
    pub(crate) fn peak(&self) -> u64 {
        let Service { process: Running(child), .. } = &self.service;
        crate::programs::status(u64::from(child.id()), "VmHWM:").unwrap_or(0)
    }

    /// What the daemon has in memory now, in kilobytes.
    pub(crate) fn resident(&self) -> u64 {
        let Service { process: Running(child), .. } = &self.service;
        crate::programs::status(u64::from(child.id()), "VmRSS:").unwrap_or(0)
    }

    /// Where it listens.
    pub(crate) fn socket(&self) -> &Path {
        &self.service.socket
    }

    /// Where its exports are.
    pub(crate) fn exports(&self) -> PathBuf {
        self.place.exports()
    }

    /// Exports everything, and returns how long it took from the call to the event that ends it.
    pub(crate) fn export(&mut self) -> Result<Duration, Failed> {
        let subscription = self.check("event.subscribe", &json!({"topics": ["jobs"]}))?;
        let call = json!({
            "jsonrpc": "2.0", "id": "e", "method": "export.start",
            "params": {"spec": {"library": "main", "destination": "~/Exports"}},
        });
        let begun = Instant::now();
        self.peer.send(call.to_string().as_bytes())?;
        let (mut answer, mut end) = (None, None);
        while answer.is_none() || end.is_none() {
            let message = self.peer.receive().ok_or("the daemon ended")?;
            if message.get("error").is_some() {
                return Err(format!("export.start: {message}").into());
            }
            let kind = message.pointer("/params/kind").and_then(Value::as_str);
            match kind {
                Some("finished") => end = Some(begun.elapsed()),
                Some("failed" | "cancelled") => return Err(message.to_string().into()),
                Some(_) => {}
                None => answer = Some(message),
            }
        }
        let subscription = subscription.get("subscription");
        self.check("event.unsubscribe", &json!({"subscription": subscription}))?;
        end.ok_or_else(|| "no end".into())
    }

    /// Refuses a question that the daemon answers with an error.
    pub(crate) fn check(&mut self, method: &str, params: &Value) -> Result<Value, Failed> {
        let answer = self.peer.call(method, params);
        match answer.get("result") {
            Some(result) => Ok(result.clone()),
            None => Err(format!("{method}: {answer}").into()),
        }
    }

    /// Calls and returns how long the answer took.
    pub(crate) fn timed(&mut self, method: &str, params: &Value) -> Result<Duration, Failed> {
        let call = json!({"jsonrpc": "2.0", "id": "b", "method": method, "params": params});
        let call = call.to_string();
        let begun = Instant::now();
        self.peer.send(call.as_bytes())?;
        let mut stream = self.peer.stream();
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length))?];
        stream.read_exact(&mut answer)?;
        Ok(begun.elapsed())
    }
}

/// The 100 newest, with all fields.
pub(crate) fn newest() -> Value {
    json!({"library": "main", "fields": ["*"], "sort": "taken", "descending": true, "limit": 100})
}

/// How many favourites there are.
pub(crate) fn favourites() -> Value {
    json!({"library": "main", "filter": {"is": "favorite"}})
}
