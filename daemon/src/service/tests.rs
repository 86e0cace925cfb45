//! What peers hear of jobs: who may know of one, in which order events come, and what is dropped.
//!
//! Jobs are put in line here and never run: a test program is not confined, and starts no thread.
//! What happens to them is told by hand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use darkslide_policy::{AbsPath, Gid, Limits, Peer, Platform, Policy, Uid, World};
use darkslide_protocol::event::{Event, EventData, EventKind, Topic};
use darkslide_protocol::message::event::EventSubscribeParams;
use darkslide_protocol::message::export::{DestinationText, ExportSpec};
use darkslide_protocol::message::job::{
    CancelMode, JobCancelParams, JobResumeParams, JobState, JobStatusParams,
};
use darkslide_protocol::value::Token;

use super::event::{Sink, Subscription};
use super::{Caller, Service, deadline_by, job, random_token};
use crate::events::{About, Happened, Listener, Owned, Pass};
use crate::jobs::{Order, Snapshot, State, Store, Wish};

const POLICY: &str = r#"
version = 1
[library.main]
path = "/L.photoslibrary"
hidden = true
trashed = true
referenced = ["/Raw"]
[root.exports]
path = "/Exports"
[[client]]
name = "me"
uid = 1
libraries = ["main"]
roots = ["exports"]
methods = ["*"]
[[client]]
name = "narrow"
uid = 2
libraries = ["main"]
roots = ["exports"]
methods = ["*"]
hidden = false
[[client]]
name = "rootless"
uid = 3
libraries = ["main"]
methods = ["*"]
"#;

/// What can be withheld of the library, as keys of a client's rule.
const NARROWING: [&str; 5] = [
    "hidden = false",
    "trashed = false",
    "location = false",
    "referenced = false",
    "albums = [\"Trips\"]",
];

fn service() -> Arc<Service> {
    service_of(POLICY)
}

fn service_of(policy: &str) -> Arc<Service> {
    let home = AbsPath::parse("/home/me", None).unwrap();
    let world = World { home, uid: Uid::new(1), methods: Vec::new(), platform: Platform::Linux };
    Service::without_libraries(Policy::parse(policy, &world).unwrap(), world, Store::new(None))
}

fn caller(uid: u32) -> Caller {
    Caller::new(Peer::new(Uid::new(uid), Gid::new(uid), None))
}

/// A job of rule `me`, whose grant shows all.
fn snapshot(state: State) -> Snapshot {
    snapshot_of(&service(), 1, state)
}

/// A job whose grant shows what that of a uid does.
fn snapshot_of(service: &Service, uid: u32, state: State) -> Snapshot {
    let read = service.policy.scopes_of(caller(uid).peer()).next().unwrap();
    let to = DestinationText::Named { root: "exports".into(), path: None };
    let order = Order {
        wish: Wish::Export(ExportSpec::of("main", to)),
        uid: Uid::new(uid),
        gid: Gid::new(uid),
        rule: "me".into(),
        key: None,
        read,
        root: "exports".into(),
        path: ".".into(),
    };
    let created = "2026-11-26T00:00:00.000Z".to_owned();
    Snapshot { state, ..Snapshot::new(Token::from_bits(7), order, created) }
}

fn sees_job(service: &Service, uid: u32, job: &Snapshot) -> bool {
    service.visibility(&caller(uid))(&job.order.read, &job.order.root)
}

#[test]
fn a_job_is_seen_by_peers_that_are_granted_at_least_as_much_and_by_nobody_else() {
    let service = service();
    let job = snapshot(State::Running);
    for (uid, sees) in [(1, true), (2, false), (3, false), (4, false)] {
        assert_eq!(sees_job(&service, uid, &job), sees, "uid {uid}");
    }
    let unknown = JobStatusParams { job: random_token() };
    let error = service.job_status(&caller(1), &unknown).unwrap_err();
    assert_eq!(error.data.name.as_str(), "NOT_FOUND");
}

#[test]
fn a_peer_from_whom_anything_more_is_withheld_does_not_see_a_job() {
    for narrowing in NARROWING {
        let service = service_of(&POLICY.replace("hidden = false", narrowing));
        let whole = snapshot(State::Running);
        let narrow = snapshot_of(&service, 2, State::Running);
        assert!(!sees_job(&service, 2, &whole), "{narrowing}");
        for uid in [1, 2] {
            assert!(sees_job(&service, uid, &narrow), "{narrowing} {uid}");
        }
    }
}

#[test]
fn who_may_not_call_a_method_hears_that_before_that_a_library_is_missing() {
    let rules = "[[client]]\nname = \"bare\"\nuid = 4\nmethods = [\"*\"]\n\
        [[client]]\nname = \"mute\"\nuid = 5\nmethods = []\n";
    let service = service_of(&[POLICY, rules].concat());
    let asked = |uid| service.only_library(&caller(uid), "extract");
    assert_eq!(asked(1).unwrap(), "main");
    for (uid, name) in [(4, "INVALID_PARAMS"), (5, "DENIED")] {
        assert_eq!(asked(uid).unwrap_err().data.name.as_str(), name);
    }
}

#[test]
fn outcomes_and_states_are_told_as_they_are() {
    let mut job = snapshot(State::Finished);
    job.tally.trashed = 2;
    let status = job::status(&job);
    assert_eq!((status.path.as_str(), status.trashed, status.error), (".", 2, None));
}

/// A service that finds a job of uid 1 that the daemon before left.
fn service_after(folder: &tempfile::TempDir, job: &Snapshot) -> Arc<Service> {
    service_after_on(Platform::Linux, POLICY, folder, job)
}

fn service_after_on(
    platform: Platform,
    policy: &str,
    folder: &tempfile::TempDir,
    job: &Snapshot,
) -> Arc<Service> {
    #![expect(clippy::disallowed_methods, reason = "tests")]
    let open = || {
        let handle = std::fs::File::open(folder.path()).unwrap().into();
        Store::new(Some(darkslide_door::StateDir::take(handle).unwrap()))
    };
    open().keep(job);
    let home = AbsPath::parse("/home/me", None).unwrap();
    let world = World { home, uid: Uid::new(1), methods: Vec::new(), platform };
    Service::without_libraries(Policy::parse(policy, &world).unwrap(), world, open())
}

#[test]
fn who_may_not_know_of_a_job_can_neither_list_nor_stop_it_nor_have_it_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let left = snapshot(State::Running);
    let service = service_after(&folder, &left);
    let cancel = JobCancelParams { job: left.id.clone(), mode: CancelMode::Now };
    let resume = JobResumeParams { job: left.id.clone() };
    for uid in [2, 3] {
        assert_eq!(service.job_list(&caller(uid)).unwrap().jobs, []);
        let cancelled = service.job_cancel(&caller(uid), &cancel).unwrap_err();
        let resumed = service.job_resume(&caller(uid), &resume).unwrap_err();
        for error in [cancelled, resumed] {
            assert_eq!(error.data.name.as_str(), "NOT_FOUND", "uid {uid}");
        }
    }
    let listed = service.job_list(&caller(1)).unwrap().jobs;
    assert_eq!((listed.len(), listed[0].state), (1, JobState::Interrupted));
    let cancelled = service.job_cancel(&caller(1), &cancel).unwrap();
    assert_eq!(cancelled.state, JobState::Cancelled);
}

#[test]
fn a_job_goes_on_only_by_the_rule_and_for_the_uid_that_it_was_started_by() {
    let good = snapshot(State::Running);
    let other_rule = Order { rule: "gone".into(), ..good.order.clone() };
    let other_uid = Order { uid: Uid::new(2), ..good.order.clone() };
    let no_rule = Order { uid: Uid::new(9), ..good.order.clone() };
    let root = Order { uid: Uid::new(3), rule: "rootless".into(), ..good.order.clone() };
    for order in [other_rule, other_uid, no_rule, root] {
        let folder = tempfile::tempdir().unwrap();
        let service = service_after(&folder, &Snapshot { order, ..good.clone() });
        service.resume_interrupted();
        let job = service.jobs.get(&good.id).unwrap();
        let State::Failed(error) = job.state else { panic!("{:?}", job.state) };
        assert_eq!(error.data.name.as_str(), "DENIED");
    }
}

#[test]
fn a_job_of_a_rule_for_one_program_waits_for_that_program() {
    let one = |name: &str| {
        let rest = "uid = 1\nlibraries = [\"main\"]\nroots = [\"exports\"]\nmethods = [\"*\"]";
        format!("[[client]]\nname = \"{name}\"\ncode_requirement = \"{name}\"\n{rest}\n")
    };
    let places = POLICY.split("[[client]]").next().unwrap();
    let policy = format!("{places}{}{}", one("me"), one("other"));
    let folder = tempfile::tempdir().unwrap();
    let left = snapshot(State::Running);
    let service = service_after_on(Platform::MacOs, &policy, &folder, &left);
    service.resume_interrupted();
    let waits = || service.jobs.get(&left.id).unwrap().state == State::Interrupted;
    assert!(waits(), "it is neither begun nor given up");
    let resumed_by = |uid: u32, gid: u32, program: &str| {
        let code = [darkslide_policy::CodeRequirement::parse(program).unwrap()];
        let peer = Peer::new(Uid::new(uid), Gid::new(gid), None);
        let caller = Caller::new(Peer { code: code.into_iter().collect(), ..peer });
        let params = JobResumeParams { job: left.id.clone() };
        service.job_resume(&caller, &params).unwrap_err().data
    };
    let (other, another_group) = (resumed_by(1, 1, "other"), resumed_by(1, 2, "me"));
    for error in [other, another_group] {
        assert_eq!(error.name.as_str(), "DENIED");
        assert!(error.hint.contains("from the program that started it"), "{error:?}");
    }
    assert!(waits(), "nor is it given up by that");
    // Its own program gets as far as any peer does here, where no root is open.
    assert!(resumed_by(1, 1, "me").hint.contains("start the export anew"));
}

/// Takes everything while it is open, and progress only while it has room.
#[derive(Default)]
struct Taken {
    events: Mutex<Vec<Event>>,
    full: AtomicBool,
}

impl Sink for Taken {
    fn put(&self, event: &Event) {
        self.events.lock().unwrap().push(event.clone());
    }
    fn offer(&self, event: &Event) -> bool {
        let room = !self.full.load(Ordering::Relaxed);
        if room {
            self.put(event);
        }
        room
    }
    fn is_closed(&self) -> bool {
        false
    }
}

/// A subscription of rule `me`, and what it was given.
fn subscribed(
    service: &Arc<Service>,
    uid: u32,
    topics: &[Topic],
) -> (Arc<Subscription>, Arc<Taken>) {
    let sink = Arc::new(Taken::default());
    let params = EventSubscribeParams::of(topics.iter().cloned());
    let asked = service.event_subscribe(&caller(uid), &params, Arc::clone(&sink) as Arc<dyn Sink>);
    (asked.unwrap().1, sink)
}

/// Something about a job.
fn happened(job: &Snapshot, seq: u64, kind: EventKind) -> Happened {
    let Order { uid, rule, key, read, root, .. } = job.order.clone();
    let owned = Owned { job: job.id.clone(), key, rule, uid, read, root };
    let about = Arc::new(About::Job(Box::new(owned)));
    let data = EventData { job: Some(job::status(job)), ..EventData::default() };
    Happened { seq, time: "2026-11-26T00:00:00.000Z".to_owned(), about, kind, data }
}

#[test]
fn what_was_dropped_is_told_before_anything_else_and_the_end_is_never_dropped() {
    let service = service();
    let (subscription, sink) = subscribed(&service, 1, &[Topic::Jobs]);
    let running = snapshot(State::Running);
    let hear = |seq, kind| subscription.hear(&happened(&running, seq, kind), Pass::Live);
    hear(10, EventKind::Started);
    hear(11, EventKind::Progress);
    sink.full.store(true, Ordering::Relaxed);
    hear(12, EventKind::Progress);
    hear(13, EventKind::Item);
    hear(14, EventKind::Finished);
    hear(15, EventKind::Progress);
    sink.full.store(false, Ordering::Relaxed);
    hear(16, EventKind::Warning);
    let events = sink.events.lock().unwrap();
    let told: Vec<(u64, EventKind, Option<u64>)> =
        events.iter().map(|event| (event.seq, event.kind, event.data.dropped)).collect();
    let expected = [
        (10, EventKind::Started, None),
        (11, EventKind::Progress, None),
        (13, EventKind::Overflow, Some(2)),
        (14, EventKind::Finished, None),
        (15, EventKind::Overflow, Some(1)),
        (16, EventKind::Warning, None),
    ];
    assert_eq!(told, expected);
}

#[test]
fn an_event_comes_once_by_the_first_topic_that_it_concerns() {
    let service = service();
    let mut job = snapshot(State::Running);
    job.order.key = Some("k".to_owned());
    let key = Topic::Key("k".to_owned());
    for topics in [[key.clone(), Topic::Jobs], [Topic::Jobs, key.clone()]] {
        let (subscription, sink) = subscribed(&service, 1, &topics);
        subscription.hear(&happened(&job, 5, EventKind::Started), Pass::Live);
        let events = sink.events.lock().unwrap();
        assert_eq!((events.len(), &events[0].topic), (1, &topics[0]));
    }
}

/// The key of another rule, or of the same rule when it named another uid, is as if it were not.
#[test]
fn a_key_names_jobs_of_ones_own_rule_and_uid_alone() {
    let service = service();
    let mine = Order { key: Some("k".to_owned()), ..snapshot(State::Running).order };
    let other_rule = Order { rule: "narrow".into(), ..mine.clone() };
    let other_uid = Order { uid: Uid::new(2), ..mine.clone() };
    let other_key = Order { key: Some("K".to_owned()), ..mine.clone() };
    let no_key = Order { key: None, ..mine.clone() };
    for (order, is_told) in
        [(mine, 1), (other_rule, 0), (other_uid, 0), (other_key, 0), (no_key, 0)]
    {
        let job = Snapshot { order, ..snapshot(State::Running) };
        let (subscription, sink) = subscribed(&service, 1, &[Topic::Key("k".to_owned())]);
        subscription.hear(&happened(&job, 5, EventKind::Started), Pass::Live);
        assert_eq!(sink.events.lock().unwrap().len(), is_told, "{:?}", job.order);
    }
}

#[test]
fn a_keep_alive_has_the_number_up_to_which_nothing_is_missing() {
    let service = service();
    let (subscription, sink) = subscribed(&service, 1, &[Topic::Key("k".to_owned())]);
    subscription.hear(&happened(&snapshot(State::Running), 7, EventKind::Started), Pass::Live);
    (0..6).for_each(|_| subscription.tick());
    let events = sink.events.lock().unwrap();
    assert_eq!((events[0].kind, events[0].seq), (EventKind::KeepAlive, 7));
}

#[test]
fn a_subscription_that_has_ended_hears_nothing() {
    let service = service();
    let (subscription, sink) = subscribed(&service, 1, &[Topic::Jobs]);
    subscription.end();
    subscription.hear(&happened(&snapshot(State::Finished), 5, EventKind::Finished), Pass::Live);
    subscription.tick();
    assert!(sink.events.lock().unwrap().is_empty());
    assert!(subscription.is_gone());
}

#[test]
fn a_request_may_read_for_its_time_and_no_longer() {
    let limit = Limits::USUAL.read_time;
    let now = Arc::new(Mutex::new(Duration::ZERO));
    let clock = Arc::clone(&now);
    let deadline = deadline_by(limit, &caller(1000), move || *clock.lock().unwrap());
    let moment = Duration::from_millis(1);
    for (elapsed, is_over) in
        [(Duration::ZERO, false), (limit - moment, false), (limit, true), (limit * 1_000, true)]
    {
        *now.lock().unwrap() = elapsed;
        assert_eq!(deadline.expired(), is_over, "{elapsed:?}");
    }
}
