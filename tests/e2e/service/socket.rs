//! Where clients come in: modes, stale sockets, the lock, the length of a path, who is let in.
//!
//! What stands in the way is never removed unless it is a socket of ours that nobody serves; a
//! start that is refused says what is wrong and what to do.

use std::fs::{self, Permissions};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use darkslide_tests::process::{PATIENCE, command, run};
use darkslide_tests::service::Place;
use darkslide_tests::wire::{Peer, named};
use serde_json::json;

use crate::{DARKSLIDED, serve_small, small_library};

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o7777
}

/// A place with a policy, and what a start there says.
fn start_fails(place: &Place) -> (i32, String) {
    let library = small_library(place.path());
    place.write_policy(&Place::policy(library.path()));
    let ended = run(&mut place.command(DARKSLIDED));
    assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
    (ended.code(), ended.stderr)
}

#[test]
fn the_socket_is_ours_alone() {
    let (place, _library, service) = serve_small();
    assert_eq!(mode(&service.socket), 0o600);
    assert_eq!(mode(&place.path().join("run/darkslide")), 0o700);
    service.peer().result("health", &json!({"brief": true}));
    let log = service.log();
    assert!(log.contains("confined") && log.contains("listening"), "{log}");
}

/// A03: whoever looks all the time, while daemons start, never sees another mode.
#[test]
fn the_socket_is_ours_alone_from_the_first_instant() {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = Place::policy(library.path());
    let done = std::sync::atomic::AtomicBool::new(false);
    let (socket, folder) = (place.socket(), place.path().join("run/darkslide"));
    let look = |path: &Path| fs::symlink_metadata(path).ok().map(|facts| facts.mode() & 0o7777);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut seen = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                seen += u64::from(look(&socket).inspect(|mode| assert_eq!(*mode, 0o600)).is_some());
                look(&folder).inspect(|mode| assert_eq!(*mode, 0o700));
            }
            seen
        });
        for _ in 0..20 {
            drop(place.start(DARKSLIDED, &policy));
            fs::remove_file(&socket).unwrap();
            fs::remove_file(place.path().join("run/darkslide/s.lock")).unwrap();
            fs::remove_dir(&folder).unwrap();
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(watcher.join().unwrap() > 20, "it was looked at while it was there");
    });
}

#[test]
fn a_folder_that_others_can_write_is_refused() {
    let place = Place::new();
    let folder = place.path().join("run/darkslide");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let (code, said) = start_fails(&place);
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("can be written by others"), "{said}");
    assert!(!place.socket().exists());
}

#[test]
fn a_folder_that_is_a_link_is_refused() {
    let place = Place::new();
    let other = place.path().join("other");
    fs::create_dir(&other).unwrap();
    symlink(&other, place.path().join("run/darkslide")).unwrap();
    let (code, said) = start_fails(&place);
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("is not a folder"), "{said}");
    assert_eq!(fs::read_dir(&other).unwrap().count(), 0);
}

#[test]
fn what_is_no_socket_of_ours_is_left_in_its_place() {
    for kind in ["file", "folder", "link"] {
        let place = Place::new();
        fs::create_dir(place.path().join("run/darkslide")).unwrap();
        fs::set_permissions(place.path().join("run/darkslide"), Permissions::from_mode(0o700))
            .unwrap();
        match kind {
            "file" => fs::write(place.socket(), "precious").unwrap(),
            "folder" => fs::create_dir(place.socket()).unwrap(),
            _ => symlink("elsewhere", place.socket()).unwrap(),
        }
        let (code, said) = start_fails(&place);
        assert_eq!(code, 78, "{kind}: {said}");
        assert!(said.contains("is in the way"), "{kind}: {said}");
        let facts = fs::symlink_metadata(place.socket()).unwrap();
        assert!(!facts.file_type().is_socket(), "{kind}");
    }
}

#[test]
fn a_stale_socket_is_taken_over_and_a_live_one_is_not() {
    let place = Place::new();
    let library = small_library(place.path());
    let folder = place.path().join("run/darkslide");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    drop(UnixListener::bind(place.socket()).unwrap());
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    assert_eq!(service.peer().result("health", &json!({"brief": true}))["protocol"], 1);

    let second = run(&mut place.command(DARKSLIDED));
    assert_eq!(second.code(), 69, "{}", second.stderr);
    assert!(second.stderr.contains("another daemon serves"), "{}", second.stderr);
    assert_eq!(service.peer().result("health", &json!({"brief": true}))["protocol"], 1, "unharmed");
}

#[test]
fn a_path_that_is_too_long_is_refused_with_its_bytes_and_the_limit() {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = place.write_policy(&Place::policy(library.path()));
    let folder = place.path().join("run");
    let room = 107 - folder.as_os_str().len() - 1;
    for (length, fits) in [(room, true), (room + 1, false), (200, false)] {
        let socket = folder.join("s".repeat(length));
        let mut start = command(Path::new(DARKSLIDED), &place.home());
        start.arg("--policy").arg(&policy).arg("--socket").arg(&socket);
        if fits {
            let child = start.stderr(std::process::Stdio::null()).spawn().unwrap();
            let _running = darkslide_tests::process::Running(child);
            let until = std::time::Instant::now() + PATIENCE;
            while std::os::unix::net::UnixStream::connect(&socket).is_err() {
                assert!(std::time::Instant::now() < until, "it does not listen");
            }
        } else {
            let ended = run(&mut start);
            let says = format!("has {} bytes, 107 are allowed", socket.as_os_str().len());
            assert_eq!(ended.code(), 78, "{}", ended.stderr);
            assert!(ended.stderr.contains(&says), "{}", ended.stderr);
        }
    }
}

#[test]
fn a_peer_that_no_rule_names_is_told_so_before_it_is_read() {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = Place::policy(library.path()).replace("uid = \"self\"", "uid = 4242");
    let service = place.start(DARKSLIDED, &policy);
    let mut peer = Peer::connect(&service.socket);
    // Nothing was sent: the answer comes unasked.
    let answer = peer.receive().unwrap();
    assert_eq!(named(&answer), "DENIED/denied");
    assert_eq!(answer["id"], serde_json::Value::Null);
    assert!(peer.receive().is_none());
}

#[test]
fn it_ends_in_good_order_when_it_is_told_to() {
    let (_place, _library, mut service) = serve_small();
    let mut peer = service.peer();
    peer.result("health", &json!({}));
    service.process.signal(rustix::process::Signal::TERM);
    assert_eq!(service.process.wait(PATIENCE).code(), Some(0), "{}", service.log());
    assert!(peer.receive().is_none(), "the connection is closed");
}

#[test]
fn a_pipe_in_the_place_of_the_lock_does_not_hang_the_start() {
    let place = Place::new();
    let folder = place.path().join("run/darkslide");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    nix::unistd::mkfifo(&folder.join("s.lock"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let (code, said) = start_fails(&place);
    assert_eq!(code, 69, "{said}");
}

#[test]
fn descriptors_that_were_left_open_are_closed() {
    let place = Place::new();
    let library = small_library(place.path());
    place.write_policy(&Place::policy(library.path()));
    let mut shell = command(Path::new("/bin/sh"), &place.home());
    // A folder that no rule covers, and a file: as a careless parent leaves them.
    let script = "exec 0</ 1</ 7</ 8</etc/hostname 9>&1; exec \"$0\" \"$@\"";
    shell.args(["-c", script, DARKSLIDED]).arg("--socket").arg(place.socket());
    shell.arg("--policy").arg(place.path().join("policy.toml"));
    let service = place.start_command(&mut shell);
    for left in 7..=9 {
        let path = format!("/proc/{}/fd/{left}", service.pid());
        let target = fs::read_link(path).unwrap_or_default();
        assert!(
            ![Path::new("/"), Path::new("/etc/hostname")].contains(&target.as_path()),
            "{left}"
        );
    }
    for put_away in 0..=1 {
        let path = format!("/proc/{}/fd/{put_away}", service.pid());
        assert_eq!(fs::read_link(path).unwrap(), Path::new("/dev/null"), "{put_away}");
    }
}

#[test]
fn signals_that_a_parent_blocked_end_it_all_the_same() {
    let place = Place::new();
    let library = small_library(place.path());
    place.write_policy(&Place::policy(library.path()));
    let mut start = command(Path::new("/usr/bin/env"), &place.home());
    start.args(["--block-signal=TERM", DARKSLIDED, "--socket"]).arg(place.socket());
    start.arg("--policy").arg(place.path().join("policy.toml"));
    let mut service = place.start_command(&mut start);
    service.process.signal(rustix::process::Signal::TERM);
    assert_eq!(service.process.wait(PATIENCE).code(), Some(0), "{}", service.log());
}

#[test]
fn a_way_to_the_socket_that_others_can_change_is_refused() {
    let place = Place::new();
    let run = place.path().join("run");
    fs::set_permissions(&run, Permissions::from_mode(0o777)).unwrap();
    let (code, said) = start_fails(&place);
    assert_eq!(code, 78, "{said}");
    assert!(said.contains("can be written by others"), "{said}");
    assert!(!run.join("darkslide").exists(), "nothing was made");
}

#[test]
fn paths_on_the_command_line_may_be_relative() {
    let place = Place::new();
    let library = small_library(place.path());
    place.write_policy(&Place::policy(library.path()));
    let mut relative = command(Path::new(DARKSLIDED), &place.home());
    relative.current_dir(place.path()).args(["--policy", "policy.toml"]);
    relative.args(["--socket", "run/darkslide/s"]);
    let service = place.start_command(&mut relative);
    assert_eq!(service.peer().result("health", &json!({"brief": true}))["protocol"], 1);
}

#[test]
fn a_log_that_nobody_can_take_does_not_end_it() {
    let place = Place::new();
    let library = small_library(place.path());
    place.write_policy(&Place::policy(library.path()));
    let mut shell = command(Path::new("/bin/sh"), &place.home());
    shell.args(["-c", "exec \"$0\" \"$@\" 2>/dev/full", DARKSLIDED]);
    shell.arg("--socket").arg(place.socket());
    shell.arg("--policy").arg(place.path().join("policy.toml"));
    let mut service = place.start_command(&mut shell);
    assert_eq!(service.peer().result("health", &json!({"brief": true}))["protocol"], 1);
    service.process.signal(rustix::process::Signal::TERM);
    assert_eq!(service.process.wait(PATIENCE).code(), Some(0));
}
