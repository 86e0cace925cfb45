//! An app that supervises its own daemon, with the real one: `darkslide private-daemon`.
//!
//! The client crate starts it, as an app would. It is killed, stopped in its tracks, started on a
//! library that is not there, and outlived; each time the client gets an error of a known kind, in
//! bounded time, and nothing stays behind.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use darkslide_client::breaker::{self, COOLDOWN, CallError, CircuitBreaker, Clock, Config};
use darkslide_client::protocol::message::album::AlbumListParams;
use darkslide_client::protocol::message::export::{DestinationText, ExportSpec, ExportStartParams};
use darkslide_client::protocol::message::job::JobListParams;
use darkslide_client::supervisor::{
    Builder, LIBRARY, PrivateDaemon, StartError, State, Status, Supervisor,
};
use darkslide_client::{Client, Error};
use darkslide_fixture::{DEMO_ALBUM, ManyOptions, Model, Snapshot};
use darkslide_tests::process::PATIENCE;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::DARKSLIDE;

/// A process that is looked at and signalled as itself, whoever gets its number later.
struct Process(rustix::fd::OwnedFd);

impl Process {
    fn of(pid: u32) -> Self {
        let pid = Pid::from_raw(pid.try_into().unwrap()).unwrap();
        Self(pidfd_open(pid, PidfdFlags::empty()).unwrap())
    }

    fn signal(&self, signal: Signal) {
        pidfd_send_signal(&self.0, signal).unwrap();
    }

    fn is_gone_in_time(&self) -> bool {
        let mut polled = [rustix::event::PollFd::new(&self.0, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut polled, Some(&PATIENCE.try_into().unwrap())) == Ok(1)
    }
}

/// A clock of milliseconds that the test moves.
#[derive(Debug, Clone, Default)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

impl Hand {
    fn pass(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }

    fn breaker(&self) -> CircuitBreaker {
        CircuitBreaker::with_clock(Config::default(), self.clone())
    }
}

fn library(folder: &Path, assets: usize, padding: usize) -> darkslide_fixture::BuiltLibrary {
    let options = ManyOptions { padding, ..ManyOptions::default() };
    let path = folder.join("L.photoslibrary");
    darkslide_fixture::many(&path, Model::Photos11, assets, options).unwrap()
}

fn daemon(folder: &Path) -> PrivateDaemon {
    PrivateDaemon::of(folder.join("L.photoslibrary")).program(DARKSLIDE)
}

fn supervise(builder: Builder, daemon: PrivateDaemon) -> Supervisor<Client> {
    builder.private_daemon(daemon).unwrap()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

async fn until(supervisor: &Supervisor<Client>, is_so: impl Fn(&Status) -> bool) -> Status {
    soon(supervisor.until(is_so)).await.unwrap()
}

/// How many assets the daemon behind a client sees.
async fn count(client: &Client) -> Result<u64, Error> {
    let params = serde_json::from_value(serde_json::json!({ "library": LIBRARY })).unwrap();
    Ok(soon(client.asset_count(&params)).await?.count)
}

/// Does the daemon behind a client list the album of the demo's library?
async fn lists_the_album(client: &Client) -> Result<bool, Error> {
    let params = AlbumListParams { library: LIBRARY.to_owned(), kinds: None, include: Vec::new() };
    let list = soon(client.album_list(&params)).await?;
    Ok(list.albums.iter().any(|album| album.title == DEMO_ALBUM))
}

#[tokio::test]
async fn a_daemon_that_is_killed_is_started_again_and_answers_the_same() {
    let place = tempfile::tempdir().unwrap();
    let library = darkslide_fixture::demo_library(&place.path().join("L.photoslibrary")).unwrap();
    let before = Snapshot::take(library.path()).unwrap();
    let supervisor = supervise(Supervisor::builder(), daemon(place.path()));
    let client = soon(supervisor.start()).await.unwrap();
    assert!(lists_the_album(&client).await.unwrap());
    let first = supervisor.status();
    assert_eq!((first.state, first.last_end), (State::Ready, None));
    Process::of(first.pid.unwrap()).signal(Signal::KILL);
    let second = until(&supervisor, |it| it.state == State::Ready && it.pid != first.pid).await;
    assert_eq!(second.last_end.unwrap().to_string(), "killed by SIGKILL");
    assert!(lists_the_album(&supervisor.client().unwrap()).await.unwrap());
    let lost = lists_the_album(&client).await;
    assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
    // It is asked to end, not killed.
    soon(supervisor.stop()).await;
    assert_eq!(supervisor.status().last_end.unwrap().to_string(), "exit status 0");
    assert!(supervisor.client().is_none());
    assert_eq!(Snapshot::take(library.path()).unwrap(), before);
}

/// M05: what was asked is not asked again by itself, and nothing is written twice.
#[tokio::test]
async fn a_daemon_that_is_killed_in_an_export_leaves_a_typed_error_and_no_file_twice() {
    const ASSETS: usize = 400;
    let place = tempfile::tempdir().unwrap();
    let _library = library(place.path(), ASSETS, 30_000);
    let out = place.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let daemon = daemon(place.path()).destination(&out);
    let destination = DestinationText::Absolute(out.display().to_string());
    let params =
        ExportStartParams { spec: ExportSpec::of(LIBRARY, destination), key: Some("k".to_owned()) };
    let (supervisor, first) = loop {
        let supervisor = supervise(Supervisor::builder(), daemon.clone());
        let client = soon(supervisor.start()).await.unwrap();
        let mut export = soon(client.export(&params)).await.unwrap();
        let pid = supervisor.status().pid;
        Process::of(pid.unwrap()).signal(Signal::KILL);
        match soon(export.wait()).await {
            Err(lost) => {
                assert!(matches!(lost, Error::Unavailable(_)), "{lost:?}");
                break (supervisor, pid);
            }
            // It was done before it was killed: once more, from the beginning.
            Ok(_) => {
                soon(supervisor.stop()).await;
                std::fs::remove_dir_all(&out).unwrap();
                std::fs::create_dir(&out).unwrap();
            }
        }
    };
    until(&supervisor, |it| it.state == State::Ready && it.pid != first).await;
    let client = supervisor.client().unwrap();
    let jobs = soon(client.job_list(&JobListParams::default())).await.unwrap();
    assert!(jobs.jobs.is_empty(), "{jobs:?}");
    let ended = soon(soon(client.export(&params)).await.unwrap().wait()).await.unwrap();
    assert_eq!(ended.state.as_str(), "finished");
    let tree = Snapshot::take(&out).unwrap();
    assert_eq!(tree.files().filter(|file| !file.starts_with(".darkslide")).count(), ASSETS);
}

/// M04: a start that cannot succeed is not tried in a loop, says its cause, and is mended.
#[tokio::test]
async fn a_library_that_is_not_there_opens_the_breaker_and_recovers_once_it_is() {
    let place = tempfile::tempdir().unwrap();
    let clock = Hand::default();
    let builder = Supervisor::builder().breaker(clock.breaker());
    let supervisor = supervise(builder, daemon(place.path()));
    for _ in 0..3 {
        let error = soon(supervisor.start()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains("exit status 66") && text.contains("L.photoslibrary"), "{text}");
        assert_eq!(error.hint(), "check that it is still there");
    }
    let status = supervisor.status();
    assert_eq!((status.state, status.restart_in), (State::Stopped, None));
    assert!(status.breaker.last_failure.unwrap().what.contains("exit status 66"));
    let refused = soon(supervisor.start()).await.unwrap_err();
    assert!(matches!(refused, StartError::Open(_)) && refused.hint().contains("in 600 s"));
    let _library = library(place.path(), 3, 0);
    clock.pass(COOLDOWN);
    let client = soon(supervisor.start()).await.unwrap();
    assert_eq!(count(&client).await.unwrap(), 3);
    assert_eq!(supervisor.status().state, State::Degraded, "on trial");
}

/// M06: a daemon that hangs costs each caller a bounded time, then none, and is found again.
#[tokio::test]
async fn a_daemon_that_hangs_opens_the_breaker_of_calls_and_a_probe_finds_it_again() {
    let place = tempfile::tempdir().unwrap();
    let _library = library(place.path(), 3, 0);
    let supervisor = supervise(Supervisor::builder(), daemon(place.path()));
    let client = soon(supervisor.start()).await.unwrap();
    let clock = Hand::default();
    let breaker = clock.breaker();
    let process = Process::of(supervisor.status().pid.unwrap());
    process.signal(Signal::STOP);
    let hasty = client.with_call_timeout(Duration::from_millis(50));
    for _ in 0..3 {
        let late = soon(breaker.call(hasty.hello())).await;
        assert!(matches!(late, Err(CallError::Failed(Error::TimedOut { .. }))), "{late:?}");
    }
    let refused = soon(breaker.call(hasty.hello())).await;
    assert!(matches!(refused, Err(CallError::Open(_))), "{refused:?}");
    process.signal(Signal::CONT);
    clock.pass(COOLDOWN);
    soon(breaker.call(client.hello())).await.unwrap();
    assert_eq!(breaker.status().state, breaker::State::Closed);
    assert_eq!(count(&client).await.unwrap(), 3);
}

#[tokio::test]
async fn a_library_that_may_not_be_read_needs_a_permission() {
    let place = tempfile::tempdir().unwrap();
    let (closed, script) = (place.path().join("closed"), place.path().join("as-somebody-else"));
    std::fs::create_dir(&closed).unwrap();
    let _library = library(&closed, 1, 0);
    let mut daemon = daemon(&closed);
    if rustix::process::getuid().is_root() {
        // Whom nothing is closed to; the program may lie where an ordinary user cannot go.
        std::fs::copy(DARKSLIDE, place.path().join("darkslide")).unwrap();
        let drop = "exec /usr/bin/setpriv --reuid 12345 --regid 12345 --clear-groups";
        let text = format!("#!/bin/sh\n{drop} \"${{0%/*}}/darkslide\" \"$@\"\n");
        std::fs::write(&script, text).unwrap();
        for path in [place.path(), &script] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        daemon = daemon.program(&script);
    }
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    let supervisor = supervise(Supervisor::builder(), daemon);
    let error = soon(supervisor.start()).await.unwrap_err();
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(error, StartError::NeedsPermission { .. }), "{error}");
    assert!(error.to_string().contains("L.photoslibrary"), "{error}");
    let status = supervisor.status();
    assert_eq!((status.state, status.breaker.failures), (State::NeedsPermission, 0));
}

/// Set for the copy of this test program that is the parent, and is killed: the folder it works in.
const PARENT: &str = "DARKSLIDE_TEST_PARENT";

#[test]
fn the_daemon_goes_away_with_its_parent_that_is_killed() {
    use std::io::BufRead;
    if let Some(folder) = std::env::var_os(PARENT) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        return runtime.block_on(async {
            let supervisor = supervise(Supervisor::builder(), daemon(Path::new(&folder)));
            soon(supervisor.start()).await.unwrap();
            println!("\ndaemon {}", supervisor.status().pid.unwrap());
            std::future::pending().await
        });
    }
    let place = tempfile::tempdir().unwrap();
    let _library = library(place.path(), 1, 0);
    let name = "supervisor::the_daemon_goes_away_with_its_parent_that_is_killed";
    let parent = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(PARENT, place.path())
        .stdout(Stdio::piped())
        .spawn();
    let mut parent = darkslide_tests::process::Running(parent.unwrap());
    let mut lines = std::io::BufReader::new(parent.0.stdout.take().unwrap()).lines();
    let found = lines.find_map(|line| {
        let line = line.unwrap();
        line.strip_prefix("daemon ").map(|pid| Process::of(pid.parse().unwrap()))
    });
    // SIGKILL: it has no time to tell anybody.
    drop(parent);
    assert!(found.expect("the parent has started one").is_gone_in_time());
}
