//! Started by a service manager: with a listener that was there before, and clients that may be
//! waiting at it already.
//!
//! Most tests have a manager of their own; two are driven by systemd's own activator. Whether the
//! daemon never served is told by the connections that still wait at the listener afterwards.

use std::fs::{self, File, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use darkslide_protocol::error::{ErrorName, Reason};
use darkslide_tests::activation::{AS_SYSTEMD, Manager, handed, listen, log};
use darkslide_tests::process::{PATIENCE, Running, run};
use darkslide_tests::service::Place;
use darkslide_tests::wire::{Peer, named};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::errors::assert_error;
use crate::probes::installed;
use crate::{DARKSLIDED, small_library};

/// A place with a library and a policy for it.
fn place() -> Place {
    let place = Place::new();
    let library = small_library(place.path());
    place.write_policy(&Place::policy(library.path()));
    place
}

/// Starts a daemon with a listener, as systemd does.
fn start(place: &Place, listener: &UnixListener) -> Running {
    let listener = listener.try_clone().unwrap();
    let mut command = handed(place, DARKSLIDED, listener.into(), AS_SYSTEMD);
    Running(command.stdout(Stdio::null()).stderr(log(place)).spawn().unwrap())
}

fn logged(place: &Place) -> String {
    fs::read_to_string(place.path().join("log")).unwrap()
}

/// A client that has asked and has not been answered.
fn asks(place: &Place) -> Peer {
    let mut peer = Peer::connect(&place.socket());
    peer.send(br#"{"jsonrpc":"2.0","id":7,"method":"health"}"#).unwrap();
    peer
}

fn detail(mut peer: Peer) -> Value {
    let answer = peer.receive().expect("an answer");
    answer["result"]["detail"].clone()
}

fn pid(place: &Place) -> u32 {
    u32::try_from(detail(asks(place))["pid"].as_u64().unwrap()).unwrap()
}

/// What was refused, and that whoever waited at the listener waits there still.
fn assert_refused(place: &Place, descriptor: OwnedFd, saying: &str, expected: &str) {
    let ended = run(&mut handed(place, DARKSLIDED, descriptor, saying));
    let said = &ended.stderr;
    assert_eq!(ended.code(), 78, "{saying}: {said}");
    assert!(said.contains(expected) && said.contains("hint: "), "{saying}: {expected}: {said}");
}

/// M01: variables that are wrong, with a listener that is right.
#[test]
fn a_descriptor_that_is_not_announced_for_this_process_alone_is_not_served_on() {
    let cases = [
        ("export LISTEN_FDS=1", "LISTEN_PID is not"),
        ("export LISTEN_PID=$$", "LISTEN_FDS is \"\""),
        ("export LISTEN_FDS=1 LISTEN_PID=1", "LISTEN_PID is \"1\""),
        ("export LISTEN_FDS=1 LISTEN_PID=", "LISTEN_PID is \"\""),
        ("export LISTEN_FDS=0 LISTEN_PID=$$", "LISTEN_FDS is \"0\""),
        ("export LISTEN_FDS=2 LISTEN_PID=$$; exec 4<&3", "LISTEN_FDS is \"2\""),
        ("export LISTEN_FDS=1000000 LISTEN_PID=$$", "LISTEN_FDS is \"1000000\""),
        ("export LISTEN_FDS=-1 LISTEN_PID=$$", "LISTEN_FDS is \"-1\""),
        ("export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=a:b", "LISTEN_FDNAMES has 2 names"),
        ("export LISTEN_FDS=1 LISTEN_PID=$$; exec 3<&-", "descriptor 3 cannot be taken"),
    ];
    let place = place();
    let listener = listen(&place);
    listener.set_nonblocking(true).unwrap();
    let _waits = asks(&place);
    std::thread::scope(|scope| {
        for (saying, expected) in cases {
            let (place, listener) = (&place, listener.try_clone().unwrap());
            scope.spawn(move || assert_refused(place, listener.into(), saying, expected));
        }
    });
    listener.accept().expect("nobody has accepted the client that waits");
    assert!(!place.socket().with_extension("lock").exists(), "nothing was made");
}

/// M01: descriptors that are wrong, announced as is right.
#[test]
fn what_is_not_the_listener_of_the_place_is_not_served_on() {
    let place = place();
    let folder = place.path().join("run/darkslide");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
    let elsewhere = UnixListener::bind(folder.join("elsewhere")).unwrap();
    #[expect(clippy::disallowed_types, reason = "what must be refused")]
    let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let cases: [(OwnedFd, &str); 6] = [
        (File::open("/etc/hostname").unwrap().into(), "it is no socket"),
        (File::open("/").unwrap().into(), "it is no socket"),
        (UnixStream::pair().unwrap().0.into(), "nobody can connect to it"),
        (UnixDatagram::unbound().unwrap().into(), "nobody can connect to it"),
        (tcp.into(), "it is of another family"),
        (elsewhere.into(), "run/darkslide/elsewhere\", and the place of this daemon is"),
    ];
    std::thread::scope(|scope| {
        for (descriptor, expected) in cases {
            let place = &place;
            scope.spawn(move || assert_refused(place, descriptor, AS_SYSTEMD, expected));
        }
    });
    assert!(!place.socket().exists(), "nothing was bound in its stead");
}

/// M01: the right listener, at a path that is not as it must be.
#[test]
fn a_listener_that_others_could_reach_or_replace_is_not_served_on() {
    type Spoil = fn(&Path);
    let cases: [(Spoil, &str); 5] = [
        (|socket| set_mode(socket, 0o666), "has mode 0666, and 0600 is wanted"),
        (|socket| set_mode(socket, 0o700), "has mode 0700, and 0600 is wanted"),
        (|socket| fs::remove_file(socket).unwrap(), "cannot be looked at"),
        (
            |socket| {
                fs::remove_file(socket).unwrap();
                fs::write(socket, "precious").unwrap();
            },
            "is no socket",
        ),
        (
            |socket| {
                fs::rename(socket, socket.with_extension("away")).unwrap();
                std::os::unix::fs::symlink("s.away", socket).unwrap();
            },
            "is no socket",
        ),
    ];
    std::thread::scope(|scope| {
        for (spoil, expected) in cases {
            scope.spawn(move || {
                let place = place();
                let listener = listen(&place);
                listener.set_nonblocking(true).unwrap();
                let _waits = asks(&place);
                spoil(&place.socket());
                let handed = listener.try_clone().unwrap().into();
                assert_refused(&place, handed, AS_SYSTEMD, expected);
                listener.accept().expect("nobody has accepted the client that waits");
            });
        }
    });
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// M02: who connected and asked before there was a daemon, and the others behind.
#[test]
fn clients_that_waited_before_the_daemon_was_there_are_all_answered() {
    let place = place();
    let listener = listen(&place);
    let waiting: Vec<Peer> = (0..20).map(|_| asks(&place)).collect();
    let _daemon = start(&place, &listener);
    for peer in waiting {
        assert_eq!(detail(peer)["started_by"], "systemd");
    }
    assert_eq!(detail(asks(&place))["confinement"]["enforced"], true);
    assert_eq!(fs::symlink_metadata(place.socket()).unwrap().mode() & 0o7777, 0o600);
}

/// M02, with the activator that systemd itself has.
#[test]
fn the_first_connection_starts_it_under_systemds_own_activator() {
    if !installed("systemd-socket-activate") {
        return;
    }
    let place = place();
    let daemon = place.command(DARKSLIDED);
    let folder = place.path().join("run/darkslide");
    fs::create_dir(&folder).unwrap();
    set_mode(&folder, 0o700);
    let mut activator = Command::new("systemd-socket-activate");
    activator.env_clear().env("HOME", place.home()).env("PATH", "/usr/bin:/bin");
    activator.arg("--listen").arg(place.socket());
    activator.arg(daemon.get_program()).args(daemon.get_args());
    let activator = activator.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log(&place));
    let activator = Running(activator.spawn().unwrap());
    let until = Instant::now() + PATIENCE;
    // The file is there before anybody listens.
    while !logged(&place).contains("Listening on") {
        assert!(Instant::now() < until, "it does not listen");
        std::thread::sleep(Duration::from_millis(5));
    }
    // It makes sockets for everybody, and knows no option for the mode.
    set_mode(&place.socket(), 0o600);
    let waiting: Vec<Peer> = (0..5).map(|_| asks(&place)).collect();
    for peer in waiting {
        let detail = detail(peer);
        assert_eq!(detail["started_by"], "systemd");
        assert_eq!(detail["pid"], activator.0.id(), "it has become the daemon");
    }
}

/// A05: by hand beside one that a service manager started, and beside its listener alone.
#[test]
fn a_daemon_by_hand_leaves_the_place_of_a_service_manager_alone() {
    let place = place();
    let listener = listen(&place);
    let inode = |place: &Place| fs::symlink_metadata(place.socket()).unwrap().ino();
    let before = inode(&place);
    let by_hand = || {
        let ended = run(&mut place.command(DARKSLIDED));
        assert_eq!(ended.code(), 69, "{}", ended.stderr);
        assert!(ended.stderr.contains("another daemon serves"), "{}", ended.stderr);
        assert_eq!(inode(&place), before, "its socket is where it was");
    };
    by_hand();
    let mut daemon = start(&place, &listener);
    assert_eq!(pid(&place), daemon.0.id());
    by_hand();
    assert_eq!(pid(&place), daemon.0.id(), "unharmed");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait(PATIENCE).code(), Some(0));
    assert!(fs::symlink_metadata(place.socket()).unwrap().file_type().is_socket());
    assert_eq!(inode(&place), before, "the socket is the manager's");
    by_hand();
}

/// A05: two on one listener; the second takes no client of the first, and ends.
#[test]
fn a_second_daemon_on_one_listener_ends_and_harms_nobody() {
    let place = place();
    let listener = listen(&place);
    let first = start(&place, &listener);
    assert_eq!(pid(&place), first.0.id());
    let mut second = start(&place, &listener);
    let status = loop {
        assert_eq!(pid(&place), first.0.id(), "every client is the first one's");
        if let Some(status) = second.0.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(78));
    let said = logged(&place);
    assert!(said.contains("another daemon serves at"), "{said}");
}

/// The next one is started while the one before still holds its locks.
#[test]
fn the_next_daemon_waits_for_the_one_that_is_ending() {
    let place = place();
    let listener = listen(&place);
    let first = start(&place, &listener);
    assert_eq!(pid(&place), first.0.id());
    // Stopped, it lets go of nothing and accepts nobody.
    first.signal(Signal::STOP);
    let second = start(&place, &listener);
    let waits = asks(&place);
    drop(first);
    assert_eq!(detail(waits)["pid"], second.0.id());
}

/// M11, and that a socket unit lives: whoever asks is told, one daemon tells them all, and the
/// mended policy is enough.
#[test]
pub(crate) fn a_broken_policy_is_told_to_each_client_until_it_is_mended() {
    let place = place();
    let good = fs::read_to_string(place.path().join("policy.toml")).unwrap();
    place.write_policy(&format!("{good}colour = \"red\"\n"));
    let manager = Manager::begin(&place, DARKSLIDED);
    for ask in 0..3 {
        let mut peer = asks(&place);
        let answer = peer.receive().expect("told at once");
        assert_error(&answer, ErrorName::Misconfigured, Reason::Misconfigured);
        let said = answer["error"]["message"].as_str().unwrap();
        assert!(said.contains("unknown field `colour`"), "our own uid hears the cause: {said}");
        assert_eq!(answer["error"]["data"]["hint"], "darkslide doctor", "{ask}");
        assert_eq!(answer["id"], Value::Null);
        assert!(peer.receive().is_none(), "and the connection is closed");
        assert_eq!(manager.started(), 1, "no start in a loop");
    }
    // Nobody need say anything to be told.
    let mut silent = Peer::connect(&place.socket());
    assert_eq!(named(&silent.receive().unwrap()), "MISCONFIGURED/misconfigured");
    // A flood changes nothing.
    for _ in 0..1000 {
        drop(UnixStream::connect(place.socket()).unwrap());
    }
    assert_eq!(named(&asks(&place).receive().unwrap()), "MISCONFIGURED/misconfigured");
    assert_eq!(manager.started(), 1);

    place.write_policy(&good);
    assert_eq!(manager.wait_for_ends(1), 78);
    assert_eq!(detail(asks(&place))["started_by"], "systemd", "mended, it is answered");
    assert_eq!(manager.started(), 2, "the next client has it started anew");
}

/// Not only the policy: whatever step fails once the listener is ours.
#[test]
fn a_start_that_fails_at_a_later_step_is_told_too() {
    let started = [".local/state/darkslide/jobs", "../run/darkslide"].map(|spoilt| {
        let place = place();
        let listener = listen(&place);
        let folder = place.home().join(spoilt);
        fs::create_dir_all(&folder).unwrap();
        set_mode(&folder, 0o777);
        let daemon = start(&place, &listener);
        let answer = asks(&place).receive().unwrap();
        assert_error(&answer, ErrorName::Misconfigured, Reason::Misconfigured);
        assert!(answer.to_string().contains("can be written by others"), "{spoilt}: {answer}");
        daemon
    });
    for mut daemon in started {
        assert_eq!(daemon.wait(PATIENCE).code(), Some(78));
    }
}

/// A service manager starts nothing in a loop: whatever is wrong ends with one status.
#[test]
fn a_wrong_argument_under_a_service_manager_is_a_wrong_configuration() {
    let place = place();
    let listener = listen(&place);
    let mut start = handed(&place, DARKSLIDED, listener.into(), AS_SYSTEMD);
    let ended = run(start.arg("--sockt"));
    assert_eq!(ended.code(), 78, "{}", ended.stderr);
    assert!(ended.stderr.contains("unknown argument"), "{}", ended.stderr);
    assert_eq!(run(place.command(DARKSLIDED).arg("--sockt")).code(), 64, "by hand it is a slip");
}

#[test]
fn a_daemon_by_hand_says_that_it_was_started_so() {
    let place = place();
    let policy = fs::read_to_string(place.path().join("policy.toml")).unwrap();
    let service = place.start(DARKSLIDED, &policy);
    assert_eq!(service.peer().result("health", &json!({}))["detail"]["started_by"], "hand");
}
