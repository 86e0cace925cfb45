//! What a parent leaves to the daemon that it starts: variables, descriptors, signals.
//!
//! Nothing of it widens what the daemon may do or keeps it from ending; folders that it names are
//! looked at like any other (M07).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use darkslide_tests::process::{PATIENCE, command, run};
use darkslide_tests::service::Place;
use rustix::process::Signal;
use serde_json::json;

use crate::{DARKSLIDED, small_library};

fn place() -> Place {
    let place = Place::new();
    let library = small_library(place.path());
    place.write_policy(&Place::policy(library.path()));
    place
}

/// The daemon of a place, started by a shell that makes something ready first, and perhaps by
/// another program in between.
fn from_a_shell(place: &Place, ready: &str, between: &str) -> Command {
    let daemon = place.command(DARKSLIDED);
    let mut shell = command(Path::new("/bin/bash"), &place.home());
    shell.args(["-c", &format!("{ready}; exec {between} \"$0\" \"$@\"")]);
    shell.arg(daemon.get_program()).args(daemon.get_args());
    shell
}

/// Where each descriptor of a process leads; one that is closed meanwhile leads nowhere.
fn descriptors(pid: u32) -> Vec<(u32, PathBuf)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap().map(|entry| entry.unwrap());
    let number = |entry: &fs::DirEntry| entry.file_name().to_str().unwrap().parse().unwrap();
    entries.filter_map(|it| Some((number(&it), fs::read_link(it.path()).ok()?))).collect()
}

#[test]
fn a_hostile_parent_changes_nothing() {
    for told in [Signal::TERM, Signal::INT] {
        let place = place();
        let strangers = place.path().join("strangers");
        fs::create_dir(&strangers).unwrap();
        fs::set_permissions(&strangers, Permissions::from_mode(0o777)).unwrap();
        let ready = "for i in {10..209}; do eval \"exec $i</\"; done";
        let between = "env --block-signal --ignore-signal LD_PRELOAD=/nonexistent/evil.so";
        let mut start = from_a_shell(&place, ready, between);
        start.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").env("TMPDIR", &strangers);
        start.env("SQLITE_TMPDIR", &strangers).env("XDG_RUNTIME_DIR", &strangers);
        let mut service = place.start_command(&mut start);

        let health = service.peer().result("health", &json!({}));
        assert_eq!(health["detail"]["confinement"]["enforced"], true, "{health}");
        let left: Vec<_> = descriptors(service.pid())
            .into_iter()
            .filter(|(_, target)| target == Path::new("/"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
        let log = service.log();
        assert!(!log.contains("\"DEBUG\"") && !log.contains("\"TRACE\""), "{log}");
        assert_eq!(fs::read_dir(&strangers).unwrap().count(), 0);
        // As `nohup` leaves it; that it was heard is told, for this policy cannot be read again.
        service.process.signal(Signal::HUP);
        let until = Instant::now() + PATIENCE;
        let mut peer = service.peer();
        while peer.result("health", &json!({}))["detail"].get("policy_problem").is_none() {
            assert!(Instant::now() < until, "the signal was not heard: {}", service.log());
        }
        service.process.signal(told);
        assert_eq!(service.process.wait(PATIENCE).code(), Some(0), "{told:?}: {}", service.log());
    }
}

/// The next file that it opens would be the input, the answer or the log of somebody.
#[test]
fn descriptors_that_were_closed_are_the_null_device() {
    let place = place();
    let service = place.start_command(&mut from_a_shell(&place, "exec 0<&- 1>&- 2>&-", ""));
    let found = descriptors(service.pid());
    for standard in 0..=2 {
        assert!(found.contains(&(standard, PathBuf::from("/dev/null"))), "{found:?}");
    }
}

#[test]
fn folders_that_the_environment_names_are_looked_at_like_any_other() {
    let place = place();
    let open = place.path().join("open");
    fs::create_dir_all(open.join("darkslide")).unwrap();
    fs::write(open.join("darkslide/policy.toml"), "version = 1\n").unwrap();
    fs::set_permissions(open.join("darkslide"), Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
    let policy = place.path().join("policy.toml");
    let start = |variable: &str| {
        let mut start = command(Path::new(DARKSLIDED), &place.home());
        start.env(variable, &open);
        start
    };
    let mut cases = [start("XDG_RUNTIME_DIR"), start("XDG_CONFIG_HOME"), start("DARKSLIDE_STATE")];
    cases[0].arg("--policy").arg(&policy);
    cases[1].arg("--socket").arg(place.socket());
    cases[2].arg("--policy").arg(&policy).arg("--socket").arg(place.socket());
    for start in &mut cases {
        let ended = run(start);
        assert_eq!(ended.code(), 78, "{start:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("can be written by others"), "{start:?}: {}", ended.stderr);
    }
    assert!(!open.join("darkslide/s").exists());
}
