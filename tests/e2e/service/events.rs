//! Events through the service: by key before there is a job, by number after a break.
//!
//! What decides about numbers, the ring, who hears, and what is dropped where a peer does not read
//! is tried in the daemon's own tests; here that the pieces are joined, over a real socket and a
//! real restart. Nothing waits for a time: a job is
//! over before it is asked what a reader was told.

use std::collections::VecDeque;
use std::path::Path;

use darkslide_fixture::{BuiltLibrary, ManyOptions, Model};
use darkslide_protocol::limits::{MAX_ITEM_EVENTS, MAX_KEPT_EVENTS, MAX_SEQ, MAX_TOPICS};
use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::{Peer, named};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{DARKSLIDED, serve_small, small_library, wait_for};

/// A connection that keeps the events that came before an answer.
struct Reader {
    peer: Peer,
    events: VecDeque<Value>,
}

impl Reader {
    fn of(service: &Service) -> Self {
        Self { peer: service.peer(), events: VecDeque::new() }
    }

    /// The next message; an event is one by its method.
    fn receive(&mut self) -> Value {
        self.peer.receive().expect("the connection ended")
    }

    fn result(&mut self, method: &str, params: &Value) -> Value {
        let request = json!({"jsonrpc": "2.0", "id": "r", "method": method, "params": params});
        self.peer.send(request.to_string().as_bytes()).unwrap();
        loop {
            let message = self.receive();
            if message["method"] != "event" {
                return message.get("result").unwrap_or_else(|| panic!("{message}")).clone();
            }
            self.events.push_back(message["params"].clone());
        }
    }

    /// Subscribes; the number that was answered.
    fn subscribe(&mut self, topics: &Value, since: Option<&Value>) -> u64 {
        let mut params = json!({"topics": topics});
        since.into_iter().for_each(|since| params["since"] = since.clone());
        self.result("event.subscribe", &params)["seq"].as_u64().unwrap()
    }

    fn event(&mut self) -> Value {
        self.events.pop_front().unwrap_or_else(|| self.receive()["params"].clone())
    }

    /// Reads up to an event of that kind; the last is that.
    fn until(&mut self, kind: &str) -> Vec<Value> {
        let mut told = vec![self.event()];
        while told.last().unwrap()["kind"] != kind {
            told.push(self.event());
        }
        told
    }

    /// What is told by now: an answer stands behind it.
    fn by_now(&mut self) -> Vec<Value> {
        self.result("health", &json!({"brief": true}));
        std::mem::take(&mut self.events).into()
    }
}

fn start(peer: &mut Peer, path: &str, key: Option<&str>) -> Value {
    let to = json!({"root": "exports", "path": path});
    let mut params = json!({"spec": {"library": "main", "destination": to}});
    key.into_iter().for_each(|key| params["key"] = json!(key));
    peer.result("export.start", &params)["job"].clone()
}

/// Exports, and waits for the end.
fn done(peer: &mut Peer, path: &str, key: Option<&str>) -> Value {
    let job = start(peer, path, key);
    assert_eq!(wait_for(peer, &job)["state"], "finished");
    job
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

fn seqs(events: &[Value]) -> Vec<u64> {
    events.iter().map(|event| event["seq"].as_u64().unwrap()).collect()
}

/// What is kept of them.
fn kept(events: &[Value]) -> Vec<Value> {
    let is_kept = |event: &&Value| {
        !["progress", "overflow", "keepalive"].contains(&event["kind"].as_str().unwrap())
    };
    let bare = |event: &Value| {
        let mut event = event.clone();
        event["subscription"] = Value::Null;
        event
    };
    events.iter().filter(is_kept).map(bare).collect()
}

/// A library of which nothing is here, so that each export has as many rows that are not done.
fn away(place: &Path, count: usize) -> BuiltLibrary {
    let options = ManyOptions { missing_every: 1, ..Default::default() };
    let path = place.join("Away.photoslibrary");
    darkslide_fixture::many(&path, Model::Photos11, count, options).unwrap()
}

#[test]
fn a_key_can_be_subscribed_to_before_there_is_a_job_and_after_it() {
    let (_place, _library, service) = serve_small();
    let mut reader = Reader::of(&service);
    let before = reader.subscribe(&json!(["key:nightly"]), None);
    let mut peer = service.peer();
    done(&mut peer, "other", None);
    done(&mut peer, "another", Some("daily"));
    let job = done(&mut peer, "it", Some("nightly"));
    let told = reader.until("finished");
    assert_eq!(kinds(&told)[..2], ["queued", "started"]);
    assert!(told.iter().all(|event| event["data"]["job"]["job"] == job), "of no other job");
    assert!(told.iter().all(|event| event["topic"] == "key:nightly"));
    assert!(seqs(&told).is_sorted_by(|a, b| before < *a && a < b), "{:?}", seqs(&told));
    // Who comes late hears how it is, as the event that told it, whatever was read before.
    let told = told.last().unwrap();
    for since in [None, Some(&told["seq"])] {
        let mut late = Reader::of(&service);
        late.subscribe(&json!(["key:nightly"]), since);
        let heard = late.by_now();
        assert_eq!(heard.len(), 1, "{heard:?}");
        for member in ["seq", "kind", "topic", "data"] {
            assert_eq!(heard[0][member], told[member]);
        }
    }
}

#[test]
fn an_item_says_what_is_not_done_and_of_which_job() {
    let (_place, _library, service) = serve_small();
    let mut reader = Reader::of(&service);
    reader.subscribe(&json!(["jobs"]), None);
    let mut peer = service.peer();
    let job = done(&mut peer, "it", None);
    let rows = peer.result("job.report", &json!({"job": job, "undone": true}))["rows"].clone();
    let told = reader.until("finished");
    let item = told.iter().find(|event| event["kind"] == "item").unwrap();
    assert_eq!(item["data"]["job"]["job"], job);
    for member in ["asset", "version", "path", "outcome", "reason"] {
        assert_eq!(item["data"]["item"][member], rows[0][member], "{member}");
    }
    assert_eq!(rows.as_array().unwrap().len(), 1);
}

#[test]
fn who_comes_back_after_a_dropped_connection_misses_nothing_and_hears_nothing_twice() {
    let (_place, _library, service) = serve_small();
    let mut whole = Reader::of(&service);
    whole.subscribe(&json!(["jobs"]), None);
    let mut peer = service.peer();
    let mut broken = Reader::of(&service);
    broken.subscribe(&json!(["jobs"]), None);
    let mut told = Vec::new();
    for round in 0..6 {
        done(&mut peer, "it", Some(&round.to_string()));
        // Reads one event more each time, then is gone.
        told.extend((0..=round).map(|_| broken.event()));
        broken = Reader::of(&service);
        broken.subscribe(&json!(["jobs"]), Some(&told.last().unwrap()["seq"]));
    }
    told.extend(broken.by_now());
    let all = whole.by_now();
    assert_eq!(kinds(&all).iter().filter(|kind| **kind == "finished").count(), 6);
    assert_eq!(kept(&told), kept(&all));
}

#[test]
fn beyond_what_is_kept_an_overflow_is_told_and_then_how_each_job_is() {
    let place = Place::new();
    let most = usize::try_from(MAX_ITEM_EVENTS).unwrap();
    let library = away(place.path(), most + 44);
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    let mut reader = Reader::of(&service);
    let before = json!(reader.subscribe(&json!(["jobs"]), None));
    let mut peer = service.peer();
    let mut jobs = vec![done(&mut peer, "it", Some("first"))];
    let of_one = kept(&reader.until("finished"));
    // Queued, started, finished; the items, and the word that there are more.
    assert_eq!(of_one.len(), 3 + most + 1, "{:?}", kinds(&of_one));
    let warning = of_one.iter().find(|event| event["kind"] == "warning").unwrap();
    assert!(warning["data"]["warning"].as_str().unwrap().contains("job.report"), "{warning}");
    for round in 0..MAX_KEPT_EVENTS / of_one.len() {
        jobs.push(done(&mut peer, "it", Some(&round.to_string())));
    }
    let mut late = Reader::of(&service);
    late.subscribe(&json!(["jobs"]), Some(&before));
    let told = late.by_now();
    assert_eq!((&told[0]["kind"], &told[0]["seq"]), (&json!("overflow"), &before));
    assert_eq!(told[0]["data"], json!({}), "nobody knows how many");
    let state: Vec<&Value> = told[1..].iter().map(|event| &event["data"]["job"]["job"]).collect();
    assert_eq!(state, jobs.iter().collect::<Vec<_>>());
    assert!(kinds(&told[1..]).iter().all(|kind| *kind == "finished"));
    // By key it is of one job; and a number that is still reached is no overflow.
    late = Reader::of(&service);
    late.subscribe(&json!(["key:first"]), Some(&before));
    assert_eq!(kinds(&late.by_now()), ["overflow", "finished"]);
    late = Reader::of(&service);
    late.subscribe(&json!(["jobs"]), Some(&told[jobs.len() - 1]["seq"]));
    assert_eq!(late.by_now().len(), of_one.len());
}

#[test]
fn over_a_kill_and_a_restart_the_number_still_leads_to_how_the_job_is() {
    let place = Place::new();
    let options = ManyOptions { padding: 50_000, ..Default::default() };
    let path = place.path().join("Large.photoslibrary");
    let library = darkslide_fixture::many(&path, Model::Photos11, 500, options).unwrap();
    let policy = Place::policy(library.path());
    let service = place.start(DARKSLIDED, &policy);
    let mut reader = Reader::of(&service);
    reader.subscribe(&json!(["key:nightly"]), None);
    let job = start(&mut service.peer(), "it", Some("nightly"));
    let before = reader.until("started");
    service.process.signal(Signal::KILL);
    drop(service);
    let service = place.start(DARKSLIDED, &policy);
    let mut reader = Reader::of(&service);
    let seq = reader.subscribe(&json!(["key:nightly"]), Some(&before.last().unwrap()["seq"]));
    assert!(seqs(&before).iter().all(|old| *old < seq), "those of a later daemon are greater");
    let told = reader.until("finished");
    assert_eq!(told[0]["kind"], "overflow");
    let state = &told[1]["data"]["job"];
    assert_eq!(state["job"], job);
    assert!(["queued", "running", "finished"].contains(&state["state"].as_str().unwrap()));
    assert_eq!(told.last().unwrap()["data"]["job"]["files_done"], 500);
}

#[test]
fn an_event_that_concerns_two_topics_comes_once() {
    let (_place, _library, service) = serve_small();
    let mut reader = Reader::of(&service);
    reader.subscribe(&json!(["key:k", "jobs", "key:k"]), None);
    let mut peer = service.peer();
    done(&mut peer, "a", None);
    let job = done(&mut peer, "b", Some("k"));
    let told = reader.by_now();
    assert!(seqs(&told).is_sorted_by(|a, b| a < b), "{:?}", seqs(&told));
    for event in &told {
        let topic = if event["data"]["job"]["job"] == job { "key:k" } else { "jobs" };
        assert_eq!(event["topic"], topic);
    }
    assert_eq!(kinds(&told).iter().filter(|kind| **kind == "finished").count(), 2);
}

/// Which peer it is the kernel tells, by its uid; so here a restart makes another rule of it.
#[test]
fn a_key_of_another_rule_and_a_job_of_a_wider_grant_are_as_if_they_were_not() {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = Place::policy(library.path());
    let service = place.start(DARKSLIDED, &policy);
    let job = done(&mut service.peer(), "it", Some("k"));
    drop(service);
    let ways = [
        (policy.replace("name = \"me\"", "name = \"other\""), true),
        (policy.replace("roots = [", "hidden = false\nroots = ["), false),
    ];
    for (policy, sees_job) in ways {
        let service = place.start(DARKSLIDED, &policy);
        for since in [None, Some(json!(0))] {
            let mut reader = Reader::of(&service);
            reader.subscribe(&json!(["key:k"]), since.as_ref());
            let told = reader.by_now();
            assert!(told.iter().all(|event| event["kind"] == "overflow"), "{told:?}");
            reader.subscribe(&json!(["jobs"]), Some(&json!(0)));
            let told = reader.by_now().len();
            assert_eq!(told, 1 + usize::from(sees_job), "the overflow, and the job that it sees");
        }
        let topic = json!({"topics": [format!("job:{}", job.as_str().unwrap())]});
        let answer = service.peer().call("event.subscribe", &topic);
        assert_eq!(answer.get("result").is_some(), sees_job, "{answer}");
        if !sees_job {
            assert_eq!(named(&answer), "NOT_FOUND/not-found");
        }
        // The same key, asked for by this rule, is another job.
        assert_ne!(start(&mut service.peer(), "other", Some("k")), job);
    }
}

#[test]
fn a_library_that_is_named_twice_is_told_of_once() {
    let (_place, _library, service) = serve_small();
    let mut reader = Reader::of(&service);
    reader.subscribe(&json!(vec!["library:main"; 16]), None);
    assert_eq!(kinds(&reader.until("changed")), ["changed"]);
    assert_eq!(reader.by_now(), Vec::<Value>::new());
}

#[test]
fn on_one_connection_the_end_comes_before_any_answer_that_knows_of_it() {
    let (_place, _library, service) = serve_small();
    let mut reader = Reader::of(&service);
    reader.subscribe(&json!(["jobs"]), None);
    let to = json!({"root": "exports", "path": "it"});
    let params = json!({"spec": {"library": "main", "destination": to}});
    for round in 0..200 {
        let started = reader.result("export.start", &params);
        loop {
            let status = reader.result("job.status", &json!({"job": started["job"]}));
            let ended = reader.events.iter().filter(|event| event["kind"] == "finished");
            let ended = ended.filter(|event| event["data"]["job"]["job"] == started["job"]).count();
            if status["state"] == "finished" {
                assert_eq!(ended, 1, "round {round}");
                break;
            }
            assert_ne!(status["state"], "failed", "{status}");
        }
        reader.events.clear();
    }
}

/// `job.status` is tried above; here each other method that tells of a job, while another
/// connection's job ends at any moment.
#[test]
fn no_method_knows_of_an_end_that_was_not_told_before() {
    let (_place, _library, service) = serve_small();
    let mut reader = Reader::of(&service);
    reader.subscribe(&json!(["jobs"]), None);
    let ways = [
        ("job.list", "/jobs/0/state"),
        ("export.start", "/state"),
        ("job.cancel", "/state"),
        ("job.resume", "/state"),
        ("extract", "/job"),
    ];
    let mut peer = service.peer();
    for round in 0..20 {
        for (method, member) in ways {
            let key = format!("{method}-{round}");
            let to = json!({"root": "exports", "path": "it"});
            let spec = json!({"library": "main", "destination": to, "layout": "flat"});
            let params = json!({"spec": spec, "key": key});
            // Its own call begins what `extract` waits for; a job of a key is of its method.
            let job = match method {
                "extract" => Value::Null,
                _ => peer.result("export.start", &params)["job"].clone(),
            };
            let params = match method {
                "job.list" => json!({}),
                "export.start" => params,
                "extract" => json!({"album": "Summer", "export_path": "~/Exports/it", "key": key}),
                _ => json!({"job": job}),
            };
            let (answer, told) = loop {
                let answer = reader.result(method, &params);
                let told = std::mem::take(&mut reader.events);
                let state = answer.pointer(member).and_then(Value::as_str).unwrap();
                if !["queued", "running"].contains(&state) {
                    break (answer, told);
                }
                // What is told before an answer that does not know of it yet is told all the same.
                reader.events = told;
            };
            let is_end = |event: &&Value| {
                ["finished", "cancelled", "failed"].contains(&event["kind"].as_str().unwrap())
            };
            let ends = told.iter().filter(is_end).count();
            assert_eq!(ends, 1, "{method} in round {round}: {answer}");
        }
    }
}

#[test]
fn topics_and_numbers_are_bounded_and_absurd_ones_do_no_harm() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let topics = |count: usize| json!({"topics": vec!["jobs"; count]});
    for count in [0, MAX_TOPICS + 1, 1_000] {
        assert_eq!(
            peer.error("event.subscribe", &topics(count)),
            "INVALID_PARAMS/invalid-params",
            "{count}"
        );
    }
    peer.result("event.subscribe", &topics(MAX_TOPICS));
    let since = |since: Value| json!({"topics": ["jobs"], "since": since});
    for bad in [json!(MAX_SEQ + 1), json!(u64::MAX), json!(-1), json!(1.5), json!("1"), json!(null)]
    {
        let error = peer.error("event.subscribe", &since(bad.clone()));
        assert_eq!(error, "INVALID_PARAMS/invalid-params", "{bad}");
    }
    for (key, is_taken) in [(1, true), (128, true), (129, false), (4_000, false), (0, false)] {
        let params = json!({"topics": [format!("key:{}", "k".repeat(key))]});
        assert_eq!(
            peer.call("event.subscribe", &params).get("result").is_some(),
            is_taken,
            "{key}"
        );
    }
    // Of the past of another daemon, or of a future that was never: what is lost is told.
    for of_another in [0, 1, MAX_SEQ] {
        let mut reader = Reader::of(&service);
        reader.subscribe(&json!(["jobs"]), Some(&json!(of_another)));
        assert_eq!(kinds(&reader.by_now()), ["overflow"], "{of_another}");
    }
}
