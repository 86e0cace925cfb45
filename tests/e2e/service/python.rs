//! The Python client holds its promises: its own tests, run with a daemon of this test.
//!
//! What is tested stands in `client/python/tests`; here is only the daemon that they talk to, and
//! the list of methods that the file has to have. Nothing is written beside the sources (`-B`, and
//! a folder of the test's own for what is compiled).

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use darkslide_protocol::method::METHODS;
use darkslide_tests::process::{PATIENCE, Running, command, run};
use darkslide_tests::relay::Relay;
use darkslide_tests::service::Place;

use crate::probes::installed;
use crate::{DARKSLIDED, serve_small};

/// Exports to a folder for each line that it reads, and tells how that ended; it has one client and
/// one subscription for all of them. The alarm ends it if nothing else does.
const EXPORTER: &str = r#"
import darkslide, os, signal, sys
signal.alarm(100)
with darkslide.Client() as client, client.subscribe("jobs") as events:
    print("ready", flush=True)
    for name in map(str.strip, sys.stdin):
        destination = os.path.join(os.environ["DARKSLIDE_TEST_EXPORTS"], name)
        job = client.export_start({"library": "main", "destination": destination})["job"]
        for event in events:
            if event.is_terminal and event.data["job"]["job"] == job:
                break
        print(name, event.kind, flush=True)
"#;

fn client() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../client/python")
}

/// Python with every warning as an error, in the folder of the client.
fn python(place: &Place, arguments: &[&str]) -> Command {
    let mut python = command(Path::new("/usr/bin/env"), &place.home());
    python
        .args(["python3", "-B", "-W", "error"])
        .args(arguments)
        .current_dir(client())
        .env("PYTHONPYCACHEPREFIX", place.path().join("compiled"))
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    python
}

#[test]
fn the_python_file_compiles_without_a_warning() {
    if !installed("python3") {
        return;
    }
    let ended = run(&mut python(&Place::new(), &["-m", "py_compile", "darkslide.py"]));
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", ended.stderr);
}

#[test]
fn the_python_client_keeps_its_promises_with_a_real_daemon() {
    if !installed("python3") {
        return;
    }
    let (place, _library, service) = serve_small();
    // What it says and is told is held against the document of the wire, too.
    let relay = Relay::before(&service.socket, place.path());
    let methods: Vec<&str> = METHODS.iter().map(|row| row.name).collect();
    let ended = run(python(&place, &["-m", "unittest", "-v"])
        .env("DARKSLIDE_SOCKET", relay.socket())
        .env("DARKSLIDE_TEST_EXPORTS", place.exports())
        .env("DARKSLIDE_TEST_METHODS", methods.join(" ")));
    assert!(ended.status.success(), "{}", ended.stderr);
    assert!(ended.stderr.contains("AsyncioDaemon"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("skipped"), "{}", ended.stderr);
    let spoken = relay.check();
    // Of a job that is finished nothing can be resumed; a subscription ends with its connection.
    let refused = ["job.resume", "event.unsubscribe"];
    let answered = methods.iter().filter(|method| !refused.contains(method));
    let silent: Vec<_> = answered.filter(|method| !spoken.contains(**method)).collect();
    assert!(silent.is_empty(), "never answered: {silent:?}");
}

#[test]
fn a_python_client_and_its_subscription_outlive_their_daemon() {
    if !installed("python3") {
        return;
    }
    let (place, _library, mut service) = serve_small();
    let mut exporter = python(&place, &["-c", EXPORTER]);
    exporter.env("DARKSLIDE_SOCKET", &service.socket);
    exporter.env("DARKSLIDE_TEST_EXPORTS", place.exports());
    exporter.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut exporter = Running(exporter.spawn().unwrap());
    let mut names = exporter.0.stdin.take().unwrap();
    let mut told = BufReader::new(exporter.0.stdout.take().unwrap()).lines();
    assert_eq!(told.next().unwrap().unwrap(), "ready");
    for round in 0..4 {
        drop(service);
        service = place.start_command(&mut place.command(DARKSLIDED));
        writeln!(names, "{round}").unwrap();
        assert_eq!(told.next().unwrap().unwrap(), format!("{round} finished"));
    }
    drop(names);
    assert!(exporter.wait(PATIENCE).success());
}
