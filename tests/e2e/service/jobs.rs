//! Jobs through the service: they outlive the daemon, stop when they are told to, and have their
//! destination to themselves.
//!
//! A job is held in its middle by a stopped process, not by luck: what its file says then is what
//! the next daemon finds. What decides about states and files is tried in the daemon's own tests;
//! here that the pieces are joined.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use darkslide_fixture::{BuiltLibrary, ManyOptions, Model};
use darkslide_tests::process::{PATIENCE, run};
use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::Peer;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::{DARKSLIDED, export, files_below, serve_small, wait_for};

/// Enough for a job that some signals reach in its middle.
const ASSETS: usize = 500;
/// How often a job may be done before a signal reaches it.
pub(crate) const TRIES: usize = 20;

pub(crate) fn large_library(place: &Place) -> BuiltLibrary {
    let options = ManyOptions { padding: 50_000, ..Default::default() };
    let path = place.path().join("Large.photoslibrary");
    darkslide_fixture::many(&path, Model::Photos11, ASSETS, options).unwrap()
}

fn state_folder(place: &Place) -> PathBuf {
    place.home().join(".local/state/darkslide/jobs")
}

/// Starts an export of everything below the root, and returns its job.
pub(crate) fn start_below_exports(peer: &mut Peer, folder: &str) -> Value {
    let to = json!({"root": "exports", "path": folder});
    let spec = json!({"spec": {"library": "main", "destination": to}});
    peer.result("export.start", &spec)["job"].clone()
}

/// What is kept of a job.
pub(crate) fn kept(place: &Place, job: &Value) -> Value {
    let path = state_folder(place).join(format!("{}.json", job.as_str().unwrap()));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Starts an export of everything into an empty root, and returns once it is at work.
fn begin(place: &Place, service: &Service, key: &str) -> Value {
    for entry in fs::read_dir(place.exports()).unwrap() {
        fs::remove_dir_all(entry.unwrap().path()).unwrap();
    }
    let (mut watcher, mut peer) = (service.peer(), service.peer());
    watcher.result("event.subscribe", &json!({"topics": ["jobs"]}));
    let spec = json!({"library": "main", "destination": "~/Exports"});
    let job = peer.result("export.start", &json!({"spec": spec, "key": key}))["job"].clone();
    while watcher.receive().unwrap()["params"]["kind"] != "progress" {}
    job
}

/// The same; the daemon stands still then, with the job in its middle. Answers job and key. A job
/// that was faster than the signal was none to hold.
pub(crate) fn hold(place: &Place, service: &Service) -> (Value, String) {
    for number in 0..TRIES {
        let key = format!("nightly {number}");
        let job = begin(place, service, &key);
        service.process.signal(Signal::STOP);
        if kept(place, &job)["job"]["state"] == "running" {
            return (job, key);
        }
        service.process.signal(Signal::CONT);
    }
    panic!("each of {TRIES} jobs was done before it could be held");
}

/// Starts an export, cancels it in its middle, and answers it once it has stopped.
fn cancel(place: &Place, service: &Service, mode: &Value) -> Value {
    for number in 0..TRIES {
        let mut params = mode.clone();
        params["job"] = begin(place, service, &format!("nightly {number}"));
        let mut peer = service.peer();
        peer.result("job.cancel", &params);
        if wait_for(&mut peer, &params["job"])["state"] == "cancelled" {
            return params["job"].clone();
        }
    }
    panic!("each of {TRIES} jobs was done before it could be cancelled");
}

/// Names and contents of all that was exported.
pub(crate) fn tree(place: &Place) -> Vec<(PathBuf, blake3::Hash)> {
    let below = place.exports();
    let hash = |path: PathBuf| {
        let hash = blake3::hash(&fs::read(below.join(&path)).unwrap());
        (path, hash)
    };
    files_below(&below).into_iter().map(hash).collect()
}

/// What an export ends in that nobody disturbs.
pub(crate) fn undisturbed(library: &Path) -> Vec<(PathBuf, blake3::Hash)> {
    let place = Place::new();
    let service = place.start(DARKSLIDED, &Place::policy(library));
    let spec = json!({"spec": {"library": "main", "destination": "~/Exports"}});
    let mut peer = service.peer();
    let job = peer.result("export.start", &spec)["job"].clone();
    assert_eq!(wait_for(&mut peer, &job)["state"], "finished");
    tree(&place)
}

#[test]
fn a_job_that_a_kill_broke_off_goes_on_by_itself_and_ends_in_the_same_tree() {
    let place = Place::new();
    let library = large_library(&place);
    let policy = Place::policy(library.path());
    let service = place.start(DARKSLIDED, &policy);
    let (job, key) = hold(&place, &service);
    service.process.signal(Signal::KILL);
    drop(service);
    let service = place.start(DARKSLIDED, &policy);
    let mut peer = service.peer();
    let spec = json!({"library": "main", "destination": "~/Exports/x"});
    let other = json!({"spec": spec, "key": key});
    assert_eq!(peer.result("export.start", &other)["job"], job, "the key names it as before");
    let status = wait_for(&mut peer, &job);
    assert_eq!(status["state"], "finished", "{status}\n{}", service.log());
    assert_eq!(tree(&place), undisturbed(library.path()));
    drop(service);
    // What was told as done is not done again.
    let service = place.start(DARKSLIDED, &policy);
    let again = service.peer().result("job.status", &json!({"job": job}));
    assert_eq!(again, status);
    assert!(!service.log().contains("job begins"), "{}", service.log());
}

/// C10: two at work, one in line, and somebody who is impatient.
#[test]
fn jobs_that_the_daemons_end_broke_off_go_on_by_themselves() {
    let place = Place::new();
    let library = large_library(&place);
    let policy = Place::policy(library.path());
    let mut service = place.start(DARKSLIDED, &policy);
    let mut peer = service.peer();
    let names = ["a", "b", "c"];
    let jobs = names.map(|name| start_below_exports(&mut peer, name));
    for _ in 0..2 {
        service.process.signal(Signal::TERM);
    }
    assert_eq!(service.process.wait(PATIENCE).code(), Some(0), "{}", service.log());
    // The first two may have been faster than the signal.
    let states = jobs.each_ref().map(|job| kept(&place, job)["job"]["state"].clone());
    assert!(states.iter().all(|state| *state == "interrupted" || *state == "finished"));
    assert_eq!(states[2], "interrupted", "{states:?}");
    drop(service);
    let service = place.start(DARKSLIDED, &policy);
    for (job, name) in jobs.iter().zip(names) {
        let status = wait_for(&mut service.peer(), job);
        assert_eq!(status["state"], "finished", "{status}");
        assert_eq!(files_below(&place.exports().join(name)).len(), ASSETS);
    }
}

/// E07: what is kept is the wish, never the permission.
#[test]
fn a_job_whose_rule_is_gone_does_not_go_on_until_it_is_back() {
    let place = Place::new();
    let library = large_library(&place);
    let policy = Place::policy(library.path());
    let service = place.start(DARKSLIDED, &policy);
    let (job, _) = hold(&place, &service);
    service.process.signal(Signal::KILL);
    drop(service);
    let before = tree(&place);
    let changed = policy.replace("name = \"me\"", "name = \"other\"");
    for _ in 0..2 {
        let service = place.start(DARKSLIDED, &changed);
        let mut peer = service.peer();
        let status = peer.result("job.status", &json!({"job": job}));
        assert_eq!(status["state"], "failed", "{status}");
        assert_eq!(status["error"]["data"]["name"], "DENIED", "{status}");
        assert_eq!(peer.error("job.resume", &json!({"job": job})), "DENIED/denied");
        assert_eq!(tree(&place), before, "nothing is written any more");
    }
    let service = place.start(DARKSLIDED, &policy);
    let mut peer = service.peer();
    assert_eq!(peer.result("job.status", &json!({"job": job}))["state"], "failed");
    assert_eq!(peer.result("job.resume", &json!({"job": job}))["job"], job);
    let status = wait_for(&mut peer, &job);
    assert_eq!(status["state"], "finished", "{status}");
    assert_eq!(status.get("error"), None);
}

/// C06: a job stops after the file in hand, or at once; it can go on as the same job.
#[test]
fn a_cancelled_job_stops_is_told_as_cancelled_and_can_go_on() {
    for mode in [json!({}), json!({"mode": "after_file"}), json!({"mode": "now"})] {
        let place = Place::new();
        let library = large_library(&place);
        let service = place.start(DARKSLIDED, &Place::policy(library.path()));
        let mut watcher = service.peer();
        watcher.result("event.subscribe", &json!({"topics": ["jobs"]}));
        let job = cancel(&place, &service, &mode);
        let told = loop {
            let event = watcher.receive().unwrap()["params"].clone();
            let kind = event["kind"].as_str().unwrap();
            if event["data"]["job"]["job"] == job
                && !["queued", "started", "progress"].contains(&kind)
            {
                break event;
            }
        };
        assert_eq!(told["kind"], "cancelled", "{mode} {told}");
        let mut peer = service.peer();
        let mut params = mode.clone();
        params["job"] = job.clone();
        let status = peer.result("job.status", &json!({"job": job}));
        assert_eq!(status["state"], "cancelled", "{mode} {status}");
        assert_eq!(kept(&place, &job)["job"]["state"], "cancelled");
        assert_eq!(status.get("rate"), None, "nothing moves any more");
        assert!(files_below(&place.exports()).len() < ASSETS, "it was in the middle");
        let again = peer.result("job.cancel", &params);
        assert_eq!(again["state"], "cancelled", "once more changes nothing");
        assert_eq!(peer.result("job.resume", &json!({"job": job}))["job"], job);
        let status = wait_for(&mut peer, &job);
        assert_eq!(status["state"], "finished", "{mode} {status}");
        assert_eq!(files_below(&place.exports()).len(), ASSETS, "each file once");
        let done = peer.result("job.resume", &json!({"job": job}));
        assert_eq!(done["state"], "finished", "what is done has nothing to go on with");
    }
}

/// A job that somebody has cancelled is not taken up by the next daemon.
#[test]
fn a_job_that_was_being_cancelled_when_the_daemon_died_stays_cancelled() {
    let place = Place::new();
    let library = large_library(&place);
    let policy = Place::policy(library.path());
    let service = place.start(DARKSLIDED, &policy);
    let job = begin(&place, &service, "nightly");
    let told = service.peer().result("job.cancel", &json!({"job": job}));
    service.process.signal(Signal::KILL);
    drop(service);
    let service = place.start(DARKSLIDED, &policy);
    let status = service.peer().result("job.status", &json!({"job": job}));
    // It may have been done by the time that it was asked.
    let may_be =
        if told["state"] == "running" { ["cancelled", "finished"] } else { ["finished"; 2] };
    assert!(may_be.contains(&status["state"].as_str().unwrap()), "{told} {status}");
}

#[test]
fn jobs_are_listed_with_what_they_are_and_when_they_were() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    assert_eq!(peer.result("job.list", &json!({})), json!({"jobs": []}));
    let first = export(&mut peer, &json!("~/Exports/a"));
    let second = export(&mut peer, &json!("~/Exports/b"));
    let listed = peer.result("job.list", &json!({}));
    assert_eq!(listed, json!({"jobs": [second, first]}));
    assert_eq!(first["kind"], "export");
    let at = |member: &str| first[member].as_str().unwrap().to_owned();
    assert!(at("created") <= at("started") && at("started") <= at("ended"), "{first}");
    let unknown = json!({"job": "0".repeat(32)});
    for method in ["job.status", "job.cancel", "job.resume"] {
        assert_eq!(peer.error(method, &unknown), "NOT_FOUND/not-found", "{method}");
    }
}

/// One job a destination, also across daemons.
#[test]
fn two_daemons_never_work_on_one_destination() {
    let (place, other) = (Place::new(), Place::new());
    let library = large_library(&place);
    let first = place.start(DARKSLIDED, &Place::policy(library.path()));
    let root = format!("path = {:?}", place.exports().display().to_string());
    let policy = Place::policy(library.path()).replace("path = \"~/Exports\"", &root);
    let second = other.start(DARKSLIDED, &policy);
    let to = json!({"root": "exports"});
    let (job, _) = hold(&place, &first);
    let refused = export(&mut second.peer(), &to);
    assert_eq!(refused["state"], "failed", "{refused}");
    let error = &refused["error"]["data"];
    assert_eq!(
        (&error["name"], &error["reason"]),
        (&json!("CONFLICT"), &json!("destination-busy"))
    );
    first.process.signal(Signal::CONT);
    assert_eq!(wait_for(&mut first.peer(), &job)["state"], "finished");
    let mut peer = second.peer();
    let spec = json!({"spec": {"library": "main", "destination": to}});
    let started = peer.result("export.start", &spec);
    let after = wait_for(&mut peer, &started["job"]);
    assert_eq!(after["outcomes"], json!({"unchanged": ASSETS}), "{after}");
}

/// Starts a daemon that must not come up, and returns its exit status and what it says.
fn refused_start(place: &Place, state: &Path) -> (i32, String) {
    let ended = run(place.command(DARKSLIDED).env("DARKSLIDE_STATE", state));
    (ended.code(), ended.stderr)
}

/// Who can write the state can have this daemon export.
#[test]
fn a_state_folder_that_is_not_ours_alone_stops_the_start() {
    let place = Place::new();
    let library = crate::small_library(place.path());
    place.write_policy(&Place::policy(library.path()));
    let folder = place.path().join("state");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let (code, said) = refused_start(&place, &folder);
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("can be written by others"), "{said}");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let link = place.path().join("link");
    symlink(&folder, &link).unwrap();
    let twice = place.path().join("twice");
    symlink(&link, &twice).unwrap();
    assert_eq!(refused_start(&place, &twice).0, 78, "a link to a link");
    if rustix::process::getuid().is_root() {
        let somebody = Some(rustix::fs::Uid::from_raw(12_345));
        std::os::unix::fs::lchown(&link, somebody.map(|uid| uid.as_raw()), None).unwrap();
        let (code, said) = refused_start(&place, &link);
        assert_eq!(code, 78, "{said}");
        assert!(said.contains("a link of somebody else"), "{said}");
        std::os::unix::fs::lchown(&link, Some(0), None).unwrap();
    }
    let service = place.start_command(place.command(DARKSLIDED).env("DARKSLIDE_STATE", &link));
    let job = export(&mut service.peer(), &json!("~/Exports"))["job"].clone();
    let path = folder.join(format!("jobs/{}.json", job.as_str().unwrap()));
    assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_second_daemon_does_not_take_up_what_the_first_works_on() {
    let (place, library, service) = serve_small();
    let other = Place::new();
    other.write_policy(&Place::policy(library.path()));
    let (code, said) = refused_start(&other, state_folder(&place).parent().unwrap());
    assert_eq!(code, 69, "{said}");
    assert!(said.contains("another daemon keeps its state"), "{said}");
    drop(service);
}

#[test]
fn no_root_may_hold_the_state() {
    let place = Place::new();
    let library = crate::small_library(place.path());
    let root = place.path().join("outside");
    let policy = Place::policy(library.path()).replace("~/Exports", &root.display().to_string());
    place.write_policy(&policy);
    let (code, said) = refused_start(&place, &root.join("state"));
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("the state folder"), "{said}");
}

/// The export matters more than that a restart knows of it.
#[test]
fn a_state_folder_that_takes_nothing_costs_a_warning_and_no_export() {
    let (place, library, service) = serve_small();
    fs::remove_dir_all(state_folder(&place)).unwrap();
    let status = export(&mut service.peer(), &json!("~/Exports"));
    assert_eq!(status["state"], "finished", "{status}");
    assert!(service.log().contains("a restart will not know of it"), "{}", service.log());
    drop(service);
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    let job = json!({"job": status["job"]});
    assert_eq!(service.peer().error("job.status", &job), "NOT_FOUND/not-found");
}

#[test]
fn a_damaged_or_newer_file_costs_that_job_alone() {
    let (place, library, service) = serve_small();
    let mut peer = service.peer();
    let jobs: Vec<Value> = ["a", "b", "c"]
        .map(|name| export(&mut peer, &json!(format!("~/Exports/{name}"))))
        .map(|status| status["job"].clone())
        .into();
    drop(service);
    let file = |job: &Value| state_folder(&place).join(format!("{}.json", job.as_str().unwrap()));
    fs::write(file(&jobs[0]), "{\"format\":1,\"job\":").unwrap();
    fs::write(file(&jobs[1]), "{\"format\":2}").unwrap();
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    let listed = service.peer().result("job.list", &json!({}));
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 1, "{listed}");
    assert_eq!(listed["jobs"][0]["job"], jobs[2]);
    assert!(service.log().contains("a newer darkslided wrote it"), "{}", service.log());
    assert!(file(&jobs[0]).exists() && file(&jobs[1]).exists(), "both stay for a person");
}
