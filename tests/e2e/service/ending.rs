//! How the daemon ends: by itself when nobody is there, when it is told to, and when what it was
//! started with is no longer what there is. Nobody who asks is lost by it, and no job.
//!
//! What decides is tried on a clock of its own in the daemon's tests; here that the pieces are
//! joined, in a process that is confined.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use darkslide_tests::activation::Manager;
use darkslide_tests::process::PATIENCE;
use darkslide_tests::service::{Place, Service};
use darkslide_tests::shared::slow_wanted;
use darkslide_tests::wire::{Peer, framed};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::jobs::{self, kept, large_library, start_below_exports, undisturbed};
use crate::{DARKSLIDED, files_below, small_library, wait_for};

/// As soon as nobody is there.
const AT_ONCE: &str = "[limits]\nidle_exit = 0\n";

/// M03.
#[test]
fn whoever_connects_while_it_ends_is_answered_by_this_daemon_or_the_next() {
    connect_while_it_ends(50);
}

mod slow {
    use super::*;

    #[test]
    fn whoever_connects_while_it_ends_is_answered_five_hundred_times() {
        if slow_wanted() {
            connect_while_it_ends(500);
        }
    }
}

fn connect_while_it_ends(times: u64) {
    let place = Place::new();
    let rule = "[[client]]\nname = \"me\"\nuid = \"self\"\nmethods = [\"*\"]\n";
    place.write_policy(&format!("version = 1\n{AT_ONCE}{rule}"));
    let manager = Manager::begin(&place, DARKSLIDED);
    for number in 0..times {
        let health = Peer::connect(&place.socket()).result("health", &json!({"brief": true}));
        assert_eq!(health["service"], "darkslide", "number {number}");
        // It ends about a millisecond after that: before, in, and after that moment.
        std::thread::sleep(std::time::Duration::from_micros(300 * (number % 10)));
        if number % 10 == 9 {
            assert_eq!(manager.wait_for_ends(manager.started()), 0, "now and then surely after");
        }
    }
    assert!(u64::try_from(manager.started()).unwrap() >= times / 10);
}

#[test]
fn a_job_keeps_an_activated_daemon_until_it_is_done() {
    let place = Place::new();
    let library = large_library(&place);
    place.write_policy(&format!("{}{AT_ONCE}", Place::policy(library.path())));
    let manager = Manager::begin(&place, DARKSLIDED);
    let spec = json!({"spec": {"library": "main", "destination": "~/Exports"}});
    let job = Peer::connect(&place.socket()).result("export.start", &spec)["job"].clone();
    assert_eq!(manager.wait_for_ends(1), 0);
    assert_eq!(kept(&place, &job)["job"]["state"], "finished");
}

/// C10: five jobs, and somebody who is impatient. What was published is whole, the rest goes on.
#[test]
fn told_twice_to_end_with_five_jobs_it_loses_none_and_leaves_no_file_half_written() {
    let place = Place::new();
    let library = large_library(&place);
    let policy = Place::policy(library.path());
    let mut service = place.start(DARKSLIDED, &policy);
    let mut peer = service.peer();
    let names = ["a", "b", "c", "d", "e"];
    let jobs = names.map(|name| start_below_exports(&mut peer, name));
    for _ in 0..2 {
        service.process.signal(Signal::TERM);
    }
    assert_eq!(service.process.wait(PATIENCE).code(), Some(0), "{}", service.log());
    assert!(!service.log().contains("did not stop in time"), "{}", service.log());
    let states = jobs.each_ref().map(|job| kept(&place, job)["job"]["state"].clone());
    let are_kept = |state: &Value| *state == "interrupted" || *state == "finished";
    assert!(states.iter().all(are_kept) && states[4] == "interrupted", "{states:?}");
    let whole = undisturbed(library.path());
    for name in names {
        let below = place.exports().join(name);
        for path in files_below(&below) {
            let hash = blake3::hash(&fs::read(below.join(&path)).unwrap());
            assert!(whole.contains(&(path.clone(), hash)), "{name}: {}", path.display());
        }
    }
    drop(service);
    let service = place.start(DARKSLIDED, &policy);
    for (job, name) in jobs.iter().zip(names) {
        let status = wait_for(&mut service.peer(), job);
        assert_eq!(status["state"], "finished", "{status}");
        assert_eq!(files_below(&place.exports().join(name)).len(), whole.len());
    }
}

/// C10: whatever is asked on a connection that is open already.
#[test]
fn who_asks_anything_while_it_ends_is_told_so() {
    let place = Place::new();
    let library = large_library(&place);
    let policy = Place::policy(library.path());
    let told = (0..jobs::TRIES).any(|_| {
        let mut service = place.start(DARKSLIDED, &policy);
        let mut peer = service.peer();
        let (_job, _key) = jobs::hold(&place, &service);
        service.process.signal(Signal::TERM);
        service.process.signal(Signal::CONT);
        let told = asked_until_told(&mut peer);
        assert_eq!(service.process.wait(PATIENCE).code(), Some(0), "{}", service.log());
        told
    });
    assert!(told, "each of {} jobs was done before the signal", jobs::TRIES);
}

/// False where the connection ended before anything but ordinary answers came.
fn asked_until_told(peer: &mut Peer) -> bool {
    (0_u64..)
        .map_while(|id| {
            let request = json!({"jsonrpc": "2.0", "id": id, "method": "library.list"});
            peer.send(request.to_string().as_bytes()).ok()?;
            peer.receive()
        })
        .find(|answer| answer.get("result").is_none())
        .is_some_and(|answer| {
            assert_eq!(answer["error"]["data"]["name"], "SHUTTING_DOWN", "{answer}");
            true
        })
}

/// Has the folders looked at, as whoever asks how things are does, until the daemon has ended.
fn ends_when_looked_at(service: &mut Service) -> Option<i32> {
    let mut subscribed = service.peer();
    subscribed.result("event.subscribe", &json!({"topics": ["jobs"]}));
    service.peer().result("health", &json!({}));
    while subscribed.receive().is_some() {}
    service.process.wait(PATIENCE).code()
}

/// A disk that is plugged in while the daemon runs.
#[test]
fn a_library_that_comes_is_served_by_a_daemon_that_is_started_anew() {
    let place = Place::new();
    let path = place.path().join("Small.photoslibrary");
    let mut service = place.start(DARKSLIDED, &Place::policy(&path));
    let info = json!({"library": "main"});
    let error = service.peer().error("library.info", &info);
    assert!(error.starts_with("LIBRARY_UNAVAILABLE"), "{error}");
    small_library(place.path());
    assert_eq!(ends_when_looked_at(&mut service), Some(75), "{}", service.log());
    drop(service);
    let service = place.start(DARKSLIDED, &Place::policy(&path));
    assert!(service.peer().call("library.info", &info).get("result").is_some());
}

#[test]
fn a_root_that_is_another_is_held_by_a_daemon_that_is_started_anew() {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = Place::policy(library.path());
    let mut service = place.start(DARKSLIDED, &policy);
    let aside: PathBuf = place.home().join("aside");
    fs::rename(place.exports(), &aside).unwrap();
    // That it is gone changes nothing but what is answered.
    let gone = crate::export(&mut service.peer(), &json!("~/Exports"));
    assert_eq!(gone["error"]["data"]["name"], "DESTINATION", "{gone}");
    fs::create_dir(place.exports()).unwrap();
    assert_eq!(ends_when_looked_at(&mut service), Some(75), "{}", service.log());
    drop(service);
    let service = place.start(DARKSLIDED, &policy);
    let done = crate::export(&mut service.peer(), &json!("~/Exports"));
    assert_eq!(done["state"], "finished", "{done}");
    assert!(files_below(&aside).is_empty());
}

#[test]
fn limits_of_the_policy_are_told_and_kept_to() {
    let place = Place::new();
    let library = small_library(place.path());
    let limits = "[limits]\nconnections = 3\nconnections_per_uid = 2\nread_time = 7\n\
                  jobs_running = 1\njobs_waiting = 3\njobs_remembered = 5\nidle_exit = 20\n\
                  audit_keep = 6\n";
    let service = place.start(DARKSLIDED, &format!("{}{limits}", Place::policy(library.path())));
    let mut peer = service.peer();
    let told = peer.result("health", &json!({}))["detail"]["limits"].clone();
    for (name, value) in [
        ("connections", 3),
        ("connections_per_uid", 2),
        ("request_ms", 7_000),
        ("jobs_running", 1),
        ("jobs_waiting", 3),
        ("jobs_remembered", 5),
        ("idle_exit_ms", 20_000),
        ("audit_files", 6),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
    // Whoever asked whether it serves may not have left yet.
    let asked = || {
        let mut second = service.peer();
        let _refused = second.send(br#"{"jsonrpc":"2.0","id":1,"method":"job.list"}"#);
        let answer = second.receive()?;
        answer.get("result").is_some().then_some(second)
    };
    let second = std::iter::repeat_with(asked).take(1_000).find_map(|it| it).unwrap();
    let data = service.peer().receive().unwrap()["error"]["data"].clone();
    assert_eq!((&data["name"], &data["limit"]), (&json!("LIMIT"), &json!(2)));
    drop(second);
}

/// A policy with a second root below a disk that may not be plugged in.
fn with_a_disk(library: &std::path::Path) -> String {
    let more = "[root.more]\npath = \"~/disk/Exports\"\n[root.exports]";
    let policy = Place::policy(library).replace("[root.exports]", more);
    policy.replace("roots = [\"exports\"]", "roots = [\"exports\", \"more\"]")
}

#[test]
fn a_root_that_comes_is_written_to_by_a_daemon_that_is_started_anew() {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = with_a_disk(library.path());
    let mut service = place.start(DARKSLIDED, &policy);
    let refused = crate::export(&mut service.peer(), &json!({"root": "more"}));
    assert_eq!(refused["error"]["data"]["name"], "DESTINATION", "{refused}");
    let done = crate::export(&mut service.peer(), &json!({"root": "exports"}));
    assert_eq!(done["state"], "finished", "the other root serves: {done}");
    fs::create_dir_all(place.home().join("disk/Exports")).unwrap();
    assert_eq!(ends_when_looked_at(&mut service), Some(75), "{}", service.log());
    drop(service);
    let service = place.start(DARKSLIDED, &policy);
    let done = crate::export(&mut service.peer(), &json!({"root": "more"}));
    assert_eq!(done["state"], "finished", "{done}");
}

/// What has come can wait; who is at work cannot begin again.
#[test]
fn a_job_is_done_before_a_root_that_came_has_the_daemon_end() {
    let place = Place::new();
    let library = large_library(&place);
    let mut service = place.start(DARKSLIDED, &with_a_disk(library.path()));
    let mut looks = service.peer();
    let (job, _key) = jobs::hold(&place, &service);
    fs::create_dir_all(place.home().join("disk/Exports")).unwrap();
    // Is looked at as soon as the daemon goes on.
    looks.send(br#"{"jsonrpc":"2.0","id":1,"method":"health"}"#).unwrap();
    service.process.signal(Signal::CONT);
    assert_eq!(service.process.wait(PATIENCE).code(), Some(75), "{}", service.log());
    assert_eq!(kept(&place, &job)["job"]["state"], "finished");
}

/// A disk that is pulled out and put back, and then one with another library in its place.
#[test]
fn a_library_that_goes_changes_nothing_and_one_that_is_another_has_it_started_anew() {
    let place = Place::new();
    let library = small_library(place.path());
    let mut service = place.start(DARKSLIDED, &Place::policy(library.path()));
    let mut subscribed = service.peer();
    subscribed.result("event.subscribe", &json!({"topics": ["jobs"]}));
    let aside = place.path().join("aside");
    fs::rename(library.path(), &aside).unwrap();
    for _ in 0..3 {
        service.peer().result("health", &json!({}));
    }
    fs::rename(&aside, library.path()).unwrap();
    service.peer().result("health", &json!({}));
    service.peer().result("library.info", &json!({"library": "main"}));
    assert_eq!(service.process.0.try_wait().unwrap(), None, "{}", service.log());
    fs::rename(library.path(), &aside).unwrap();
    small_library(place.path());
    assert_eq!(ends_when_looked_at(&mut service), Some(75), "{}", service.log());
}

/// `jobs_running`, `jobs_waiting`, `jobs_remembered`: at each, one over, and far over.
#[test]
fn jobs_at_work_in_line_and_remembered_are_as_many_as_the_policy_says() {
    const ASKED: usize = 20;
    let place = Place::new();
    let library = large_library(&place);
    let limits = "[limits]\njobs_running = 1\njobs_waiting = 1\njobs_remembered = 2\n";
    let policy = format!("{}{limits}", Place::policy(library.path()));
    let service = place.start(DARKSLIDED, &policy);
    let mut peer = service.peer();
    // All in one piece, while the first is at work.
    let request = |number: usize| {
        let to = json!({"root": "exports", "path": number.to_string()});
        let spec = json!({"spec": {"library": "main", "destination": to}});
        json!({"jsonrpc": "2.0", "id": number, "method": "export.start", "params": spec})
    };
    let frames = (0..ASKED).map(|number| framed(request(number).to_string().as_bytes()));
    peer.send_raw(&frames.collect::<Vec<_>>().concat()).unwrap();
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..ASKED {
        let answer = peer.receive().unwrap();
        match answer.get("result") {
            Some(job) => taken.push(job["job"].clone()),
            None => refused.push(answer["error"]["data"].clone()),
        }
    }
    assert!(taken.len() >= 2 && !refused.is_empty(), "{taken:?} {refused:?}");
    for data in &refused {
        assert_eq!((&data["name"], &data["limit"]), (&json!("LIMIT"), &json!(1)), "{data}");
    }
    let until = Instant::now() + PATIENCE;
    loop {
        let counts = peer.result("health", &json!({}))["detail"]["jobs"].clone();
        assert!(counts["running"].as_u64() <= Some(1) && counts["waiting"].as_u64() <= Some(1));
        if counts == json!({"running": 0, "waiting": 0}) {
            break;
        }
        assert!(Instant::now() < until, "they do not end: {counts}");
    }
    for number in ASKED..ASKED + 4 {
        let done = crate::export(&mut peer, &json!({"root": "exports", "path": "again"}));
        assert_eq!(done["state"], "finished", "{number}: {done}");
    }
    let remembered = peer.result("job.list", &json!({}))["jobs"].as_array().unwrap().len();
    assert_eq!(remembered, 2);
    let files = fs::read_dir(place.home().join(".local/state/darkslide/jobs")).unwrap();
    let is_job = |name: &std::ffi::OsStr| name.to_string_lossy().ends_with(".json");
    assert_eq!(files.filter(|entry| is_job(&entry.as_ref().unwrap().file_name())).count(), 2);
}
