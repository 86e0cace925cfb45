//! `darkslide socket` and `darkslide health --watch`: where the daemon is, and what becomes of it.
//!
//! A watcher is read line by line, and each line is awaited, so that nothing here depends on time.
//! It hears a daemon go, and the next one come.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use darkslide_fixture::{AssetSpec, Content, LibraryBuilder, Model};
use darkslide_tests::process::{PATIENCE, Running, beside, run};
use darkslide_tests::service::{Place, Service};
use rustix::process::Signal;
use serde_json::Value;

use crate::{DARKSLIDE, darkslide};

fn serve() -> (Place, Service) {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.asset(AssetSpec::photo("a.jpg", Content::jpeg(1)));
    let library = builder.build(&place.path().join("L.photoslibrary")).unwrap();
    place.write_policy(&Place::policy(library.path()));
    let service = again(&place);
    (place, service)
}

fn again(place: &Place) -> Service {
    let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
    place.start_command(&mut place.command(&daemon))
}

#[test]
fn the_socket_is_told_as_json_whether_asked_for_or_not() {
    let (place, service) = serve();
    for words in [&["socket"][..], &["socket", "--json"]] {
        let mut command = darkslide(&place.home());
        let told = run(command.args(words).env("DARKSLIDE_SOCKET", place.socket())).json();
        assert_eq!(told["socket"], place.socket().display().to_string());
        assert_eq!(told["pid"], service.pid());
        assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    }
}

#[test]
fn where_nobody_serves_the_place_that_was_looked_at_is_named() {
    let place = Place::new();
    let ended = run(darkslide(&place.home()).arg("socket").env("DARKSLIDE_SOCKET", place.socket()));
    assert_eq!((ended.code(), ended.stdout.as_str()), (5, ""));
    assert!(ended.stderr.contains("run/darkslide"), "{}", ended.stderr);
    let private = run(darkslide(&place.home()).args(["--library", "L", "socket"]));
    assert_eq!(private.code(), 2, "{}", private.stderr);
}

#[test]
fn a_watcher_hears_a_daemon_go_and_the_next_one_come_until_ctrl_c() {
    let (place, mut service) = serve();
    let mut command = darkslide(&place.home());
    command.args(["health", "--watch", "--json"]).env("DARKSLIDE_SOCKET", place.socket());
    let mut watching = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(watching.0.stdout.take().unwrap()).lines();
    let mut line = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let first = line();
    assert_eq!(
        (&first["serving"], &first["health"]["detail"]["pid"]),
        (&true.into(), &service.pid().into())
    );
    service.process.signal(Signal::KILL);
    service.process.wait(PATIENCE);
    let gone = line();
    assert_eq!(gone["serving"], false);
    assert!(gone["why"].is_string(), "{gone}");
    let service = again(&place);
    let next = line();
    assert_eq!(next["health"]["detail"]["pid"], service.pid(), "{next}");
    assert_ne!(next["health"]["instance"], first["health"]["instance"]);
    watching.signal(Signal::INT);
    assert_eq!(watching.wait(PATIENCE).code(), Some(130));
}

#[test]
fn a_person_gets_a_line_for_each_change() {
    let (place, service) = serve();
    let mut command = darkslide(&place.home());
    command.args(["health", "--watch"]).env("DARKSLIDE_SOCKET", place.socket());
    let mut watching = Running(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(watching.0.stdout.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    for part in ["darkslide ", &format!("pid {}", service.pid()), "library main ready", "0 jobs"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    drop(service);
    assert!(lines.next().unwrap().unwrap().starts_with("nobody answers: "));
}
