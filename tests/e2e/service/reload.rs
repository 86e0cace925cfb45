//! SIGHUP: a changed policy is looked at, and enforced by a daemon that is started anew.
//!
//! The policy file has a folder of its own here, as it has where it is installed: only then may the
//! confined daemon read it again.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use darkslide_tests::activation::Manager;
use darkslide_tests::process::PATIENCE;
use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::Peer;
use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

use crate::jobs::{TRIES, kept, large_library};
use crate::{DARKSLIDED, export, small_library, wait_for};

/// Writes the policy beside the one that is there, and puts it in its place, as editors do.
fn write(place: &Place, text: &str) -> PathBuf {
    let folder = place.path().join("policy");
    if !folder.is_dir() {
        DirBuilder::new().mode(0o700).create(&folder).unwrap();
    }
    let (path, new) = (folder.join("policy.toml"), folder.join("policy.new"));
    fs::write(&new, text).unwrap();
    fs::set_permissions(&new, Permissions::from_mode(0o600)).unwrap();
    fs::rename(&new, &path).unwrap();
    path
}

fn start(place: &Place, policy: &str) -> Service {
    let path = write(place, policy);
    place.start_command(place.command(DARKSLIDED).arg("--policy").arg(path))
}

/// Asks for the policy to be read again, and returns what is wrong with it, once that is told.
fn problem(service: &Service, says: &str) -> String {
    service.process.signal(Signal::HUP);
    let until = Instant::now() + PATIENCE;
    let mut peer = service.peer();
    loop {
        let detail = peer.result("health", &json!({}))["detail"].clone();
        match detail["policy_problem"].as_str() {
            Some(problem) if problem.contains(says) => return problem.to_owned(),
            Some(_) | None => assert!(Instant::now() < until, "not told: {says}: {detail}"),
        }
    }
}

/// E06.
#[test]
fn a_broken_policy_changes_nothing_and_a_good_one_is_enforced_by_the_next_daemon() {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = Place::policy(library.path());
    let mut service = start(&place, &policy);
    let detail = service.peer().result("health", &json!({}))["detail"].clone();
    assert_eq!(detail.get("policy_problem"), None);
    let path = write(&place, &policy.replace("hidden = true", "hiden = true"));
    let told = problem(&service, "line 4, column 1: unknown field `hiden`");
    assert!(!told.contains('\n'), "{told}");
    assert!(service.log().contains("the policy file cannot be used"), "{}", service.log());
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    problem(&service, "can be written by others");
    fs::remove_file(&path).unwrap();
    problem(&service, "No such file");
    let done = export(&mut service.peer(), &json!("~/Exports"));
    assert_eq!(done["state"], "finished", "it serves as before: {done}");
    let more = place.home().join("More");
    DirBuilder::new().mode(0o700).create(&more).unwrap();
    let wider = policy.replace("[root.exports]", "[root.more]\npath = \"~/More\"\n[root.exports]");
    let wider = wider.replace("roots = [\"exports\"]", "roots = [\"exports\", \"more\"]");
    write(&place, &wider);
    let refused = service.peer().error("export.plan", &to("more"));
    assert_eq!(refused, "DENIED/path-outside-root", "not before it is asked for");
    service.process.signal(Signal::HUP);
    let status = service.process.wait(PATIENCE).code();
    assert_eq!(status, Some(75), "a supervisor is to start it anew: {}", service.log());
    drop(service);
    let service = start(&place, &wider);
    let done = export(&mut service.peer(), &json!("~/More"));
    assert_eq!(done["state"], "finished", "the kernel lets it: {done}\n{}", service.log());
    let detail = service.peer().result("health", &json!({}))["detail"].clone();
    assert_eq!(detail.get("policy_problem"), None);
}

fn to(root: &str) -> Value {
    json!({"spec": {"library": "main", "destination": {"root": root}}})
}

#[test]
fn a_policy_whose_folder_holds_more_is_not_read_again_and_that_is_told() {
    let place = Place::new();
    let library = small_library(place.path());
    // Beside the home: to read it again all of that would have to be open.
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    let told = problem(&service, "cannot be read again");
    assert!(told.contains("restart the daemon"), "{told}");
}

/// The built-in policy applies; then somebody writes one.
#[test]
fn a_file_that_appears_where_there_was_none_is_a_new_policy() {
    let place = Place::new();
    let folder = place.home().join(".config/darkslide");
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).unwrap();
    let mut command = std::process::Command::new(DARKSLIDED);
    command.env_clear().env("HOME", place.home()).arg("--socket").arg(place.socket());
    let mut service = place.start_command(&mut command);
    let path = folder.join("policy.toml");
    fs::write(&path, "version = 2\n").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    problem(&service, "policy version 2 is not known");
    fs::write(&path, "version = 1\n").unwrap();
    service.process.signal(Signal::HUP);
    assert_eq!(service.process.wait(PATIENCE).code(), Some(75), "{}", service.log());
}

#[test]
fn an_activated_daemon_without_a_job_ends_for_the_next_client_and_with_one_for_a_restart() {
    let place = Place::new();
    let library = large_library(&place);
    let policy = Place::policy(library.path());
    // Where the manager's command looks, and where only the folder's name is another.
    let path = write(&place, &policy);
    place.write_policy(&policy);
    let manager = Manager::begin_with(&place, DARKSLIDED, &["--policy", path.to_str().unwrap()]);
    let connect = || Peer::connect(&place.socket());
    let hang_up = || {
        let detail = connect().result("health", &json!({}))["detail"].clone();
        let pid = i32::try_from(detail["pid"].as_i64().unwrap()).unwrap();
        rustix::process::kill_process(Pid::from_raw(pid).unwrap(), Signal::HUP).unwrap();
    };
    hang_up();
    assert_eq!(manager.wait_for_ends(1), 0);
    let restarted = (0..TRIES).any(|number| {
        let mut peer = connect();
        let to = json!({"root": "exports", "path": number.to_string()});
        let spec = json!({"spec": {"library": "main", "destination": to}});
        let job = peer.result("export.start", &spec)["job"].clone();
        hang_up();
        let status = manager.wait_for_ends(2 + number);
        let state = kept(&place, &job)["job"]["state"].clone();
        // It may have been faster than the signal.
        assert_eq!(status, if state == "interrupted" { 75 } else { 0 }, "{state}");
        status == 75 && wait_for(&mut connect(), &job)["state"] == "finished"
    });
    assert!(restarted, "each of {TRIES} jobs was done before the signal");
}

#[test]
fn what_the_kernel_opens_for_the_policy_is_its_folder_and_only_to_read() {
    let place = Place::new();
    let library = small_library(place.path());
    let service = start(&place, &Place::policy(library.path()));
    let detail = service.peer().result("health", &json!({}))["detail"].clone();
    let refused = detail["confinement"]["refusals"].to_string();
    let folder = place.path().join("policy").canonicalize().unwrap();
    let tried = format!("write below the policy's folder {}", Path::display(&folder));
    assert!(refused.contains(&tried), "{refused}");
}

/// Linux tells a peer's user by thread.
#[cfg(target_os = "linux")]
mod another_user {
    use darkslide_tests::shared::skip;

    use super::*;
    use crate::files_below;

    /// The user of the rule that is taken away.
    const GUEST: u32 = 12_345;

    /// Connects as the guest: the kernel tells a peer's user as it was then.
    fn guest(service: &Service) -> Peer {
        for (path, mode) in [(service.socket.parent().unwrap(), 0o711), (&service.socket, 0o666)] {
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        }
        let socket = service.socket.clone();
        let connected = std::thread::spawn(move || {
            let uid = rustix::thread::Uid::from_raw(GUEST);
            // Of this thread alone, which ends with it.
            rustix::thread::set_thread_res_uid(None, Some(uid), None).unwrap();
            Peer::connect(&socket)
        });
        connected.join().unwrap()
    }

    /// Starts a job of the guest and one of our own, and answers both with the daemon standing
    /// still in the middle of them.
    fn hold_both(place: &Place, service: &Service) -> (Value, Value) {
        for number in 0..TRIES {
            let begin = |peer: &mut Peer, name: &str| {
                let to = json!({"root": "exports", "path": format!("{name}{number}")});
                let spec = json!({"spec": {"library": "main", "destination": to}});
                peer.result("export.start", &spec)["job"].clone()
            };
            let (theirs, ours) =
                (begin(&mut guest(service), "guest"), begin(&mut service.peer(), "me"));
            let mut watcher = service.peer();
            let (mut waits, topics) = (2, json!({"topics": ["jobs"], "since": 0}));
            watcher.result("event.subscribe", &topics);
            while waits > 0 {
                let event = watcher.receive().unwrap()["params"].clone();
                let is_of_both = [&theirs, &ours].contains(&&event["data"]["job"]["job"]);
                waits -= usize::from(is_of_both && event["kind"] == "started");
            }
            service.process.signal(Signal::STOP);
            let is_running = |job| kept(place, job)["job"]["state"] == "running";
            if is_running(&theirs) && is_running(&ours) {
                return (theirs, ours);
            }
            service.process.signal(Signal::CONT);
            for job in [&theirs, &ours] {
                wait_for(&mut service.peer(), job);
            }
        }
        panic!("each of {TRIES} jobs was done before it could be held");
    }

    /// E07, in a running service.
    #[test]
    fn a_client_that_the_new_policy_removes_loses_its_job_and_nobody_else_loses_anything() {
        if !rustix::process::getuid().is_root() {
            return skip("only root can connect as another user");
        }
        let place = Place::new();
        for folder in [place.path().to_owned(), place.path().join("run")] {
            fs::set_permissions(folder, Permissions::from_mode(0o711)).unwrap();
        }
        let library = large_library(&place);
        let policy = Place::policy(library.path());
        let rule = format!(
            "[[client]]\nname = \"guest\"\nuid = {GUEST}\nlibraries = [\"main\"]\n\
             roots = [\"exports\"]\nmethods = [\"*\"]\n"
        );
        let mut service = start(&place, &format!("{policy}{rule}"));
        let mut subscribed = guest(&service);
        subscribed.result("event.subscribe", &json!({"topics": ["jobs"]}));
        let (theirs, ours) = hold_both(&place, &service);
        write(&place, &policy);
        service.process.signal(Signal::HUP);
        service.process.signal(Signal::CONT);
        while subscribed.receive().is_some() {}
        assert_eq!(service.process.wait(PATIENCE).code(), Some(75), "{}", service.log());
        drop(service);
        let written = |job: &Value| {
            let path = kept(&place, job)["job"]["order"]["path"].as_str().unwrap().to_owned();
            files_below(&place.exports().join(path)).len()
        };
        let before = written(&theirs);
        let service = start(&place, &policy);
        let mut peer = service.peer();
        let status = peer.result("job.status", &json!({"job": theirs}));
        assert_eq!(status["state"], "failed", "{status}");
        assert_eq!(status["error"]["data"]["name"], "DENIED", "{status}");
        assert_eq!(kept(&place, &theirs)["job"]["state"]["failed"]["data"]["reason"], "denied");
        assert_eq!(wait_for(&mut peer, &ours)["state"], "finished");
        assert_eq!(written(&theirs), before, "nothing is written for it any more");
        let answer = guest(&service).receive().unwrap();
        assert_eq!(answer["error"]["data"]["name"], "DENIED", "{answer}");
    }
}
