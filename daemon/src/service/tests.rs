//! What peers hear of jobs: who may know of one, in which order events come, and what is dropped.
//!
//! Jobs are put in line here and never run: a test program is not confined, and starts no thread.
//! What happens to them is told by hand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use darkslide_policy::{AbsPath, Gid, Peer, Policy, Uid, World};
use darkslide_protocol::event::{Event, EventKind, Topic};
use darkslide_protocol::message::event::EventSubscribeParams;
use darkslide_protocol::message::export::{DestinationText, ExportSpec};
use darkslide_protocol::message::job::{
    CancelMode, JobCancelParams, JobResumeParams, JobState, JobStatusParams,
};
use darkslide_protocol::value::Token;

use super::event::Sink;
use super::{Caller, Service, job, random_token};
use crate::jobs::{Order, Snapshot, State, Store, Watcher, Wish};

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
    let world = World { home, uid: Uid::new(1), methods: Vec::new() };
    Service::without_libraries(Policy::parse(policy, &world).unwrap(), world, Store::new(None))
}

fn caller(uid: u32) -> Caller {
    Caller::new(Peer { uid: Uid::new(uid), gid: Gid::new(uid), pid: None })
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

#[test]
fn a_job_is_seen_by_peers_that_are_granted_at_least_as_much_and_by_nobody_else() {
    let service = service();
    let job = snapshot(State::Running);
    for (uid, sees) in [(1, true), (2, false), (3, false), (4, false)] {
        assert_eq!(service.visibility(&caller(uid))(&job), sees, "uid {uid}");
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
        assert!(!service.visibility(&caller(2))(&whole), "{narrowing}");
        for uid in [1, 2] {
            assert!(service.visibility(&caller(uid))(&narrow), "{narrowing} {uid}");
        }
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
    #![expect(clippy::disallowed_methods, reason = "tests")]
    let open = || {
        let handle = std::fs::File::open(folder.path()).unwrap().into();
        Store::new(Some(darkslide_door::StateDir::take(handle).unwrap()))
    };
    open().keep(job);
    let home = AbsPath::parse("/home/me", None).unwrap();
    let world = World { home, uid: Uid::new(1), methods: Vec::new() };
    Service::without_libraries(Policy::parse(POLICY, &world).unwrap(), world, open())
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

#[test]
fn dropped_progress_is_told_before_the_end_and_numbers_have_no_gaps() {
    let (service, sink) = (service(), Arc::new(Taken::default()));
    let params = EventSubscribeParams { topic: Topic::Jobs };
    let (_, subscription) =
        service.event_subscribe(&caller(1), &params, Arc::clone(&sink) as Arc<dyn Sink>).unwrap();
    subscription.job(&snapshot(State::Running), false);
    subscription.job(&snapshot(State::Running), true);
    sink.full.store(true, Ordering::Relaxed);
    subscription.job(&snapshot(State::Running), true);
    subscription.job(&snapshot(State::Running), true);
    subscription.job(&snapshot(State::Finished), false);
    let events = sink.events.lock().unwrap();
    let told: Vec<(u64, EventKind)> = events.iter().map(|event| (event.seq, event.kind)).collect();
    let expected = [
        (1, EventKind::Started),
        (2, EventKind::Progress),
        (3, EventKind::Overflow),
        (4, EventKind::Finished),
    ];
    assert_eq!(told, expected);
    assert_eq!(events[2].data.dropped, Some(2));
}

#[test]
fn a_subscription_that_has_ended_hears_nothing() {
    let (service, sink) = (service(), Arc::new(Taken::default()));
    let params = EventSubscribeParams { topic: Topic::Jobs };
    let (_, subscription) =
        service.event_subscribe(&caller(1), &params, Arc::clone(&sink) as Arc<dyn Sink>).unwrap();
    subscription.end();
    subscription.job(&snapshot(State::Finished), false);
    subscription.tick();
    assert!(sink.events.lock().unwrap().is_empty());
    assert!(subscription.is_gone());
}
