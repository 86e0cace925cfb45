//! The supervisor on real processes: shell scripts that do what sidecars do when they go wrong.
//!
//! Tests wait for events (a state, an end, a file that a script makes) and never for time to pass;
//! bounds that must run out are short. What a test starts ends with it, and is reaped.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tokio::sync::{Mutex, mpsc};

use super::*;
use crate::breaker::{self, COOLDOWN, Clock, Config};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// For bounds that are to run out.
const SHORT: Duration = Duration::from_millis(50);

fn sh(script: &str) -> Program {
    Program::new("/bin/sh").args(["-c", script])
}

/// A script that goes on until it is ended.
fn lasting() -> Program {
    sh("exec sleep 1000")
}

fn healthy(program: Program, builder: Builder) -> Supervisor {
    builder.program(program, || async { Ok(()) }).unwrap()
}

fn never_healthy(program: Program, builder: Builder) -> Supervisor {
    builder.program(program, || async { Err(Unhealthy::new("not yet")) }).unwrap()
}

/// Healthy once the script has made a file.
fn healthy_by(marker: &Path, program: Program, builder: Builder) -> Supervisor {
    let marker: PathBuf = marker.to_owned();
    let program = program.env("MARKER", marker.as_os_str());
    let probe = move || {
        let is_there = marker.exists();
        async move { if is_there { Ok(()) } else { Err(Unhealthy::new("no marker")) } }
    };
    builder.program(program, probe).unwrap()
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

async fn until<H: Clone + Send + Sync + 'static>(
    supervisor: &Supervisor<H>,
    is_so: impl Fn(&Status) -> bool,
) -> Status {
    soon(supervisor.until(is_so)).await.unwrap()
}

fn pid(number: u32) -> Pid {
    Pid::from_raw(number.try_into().unwrap()).unwrap()
}

fn kill(number: Option<u32>) {
    kill_process(pid(number.unwrap()), Signal::KILL).unwrap();
}

/// Is it no child of ours any more, not even a dead one?
fn is_reaped(number: u32) -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
    waitid(WaitId::Pid(pid(number)), options).is_err()
}

/// A process that need not be ours.
#[cfg(target_os = "linux")]
struct Stranger(rustix::fd::OwnedFd);

#[cfg(target_os = "linux")]
impl Stranger {
    fn of(number: &str) -> Self {
        let number = number.trim().parse().unwrap();
        let flags = rustix::process::PidfdFlags::empty();
        Self(rustix::process::pidfd_open(pid(number), flags).unwrap())
    }

    fn is_gone_in_time(&self) -> bool {
        let mut polled = [rustix::event::PollFd::new(&self.0, rustix::event::PollFlags::IN)];
        rustix::event::poll(&mut polled, Some(&PATIENCE.try_into().unwrap())) == Ok(1)
    }

    fn kill(&self) {
        rustix::process::pidfd_send_signal(&self.0, Signal::KILL).unwrap();
    }
}

/// A breaker on a clock of milliseconds that the test moves.
#[derive(Debug)]
struct Hand(Arc<AtomicU64>);

impl Clock for Hand {
    fn now(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

fn breaker() -> (CircuitBreaker, impl Fn(Duration)) {
    let now = Arc::new(AtomicU64::new(0));
    let breaker = CircuitBreaker::with_clock(Config::default(), Hand(Arc::clone(&now)));
    let pass = move |time: Duration| {
        now.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    };
    (breaker, pass)
}

#[tokio::test]
async fn a_program_that_is_not_there_is_absent_and_no_failure() {
    for name in ["/nowhere/at/all", "darkslide-sidecar-that-is-not-installed"] {
        let supervisor = healthy(Program::new(name), Supervisor::builder());
        assert_eq!(supervisor.status().state, State::Absent);
        let error = soon(supervisor.start()).await.unwrap_err();
        assert!(matches!(error, StartError::Absent(_)) && !error.hint().is_empty(), "{error}");
        let status = supervisor.status();
        assert_eq!((status.state, status.pid, status.restart_in), (State::Absent, None, None));
        assert_eq!(status.breaker.failures, 0);
    }
}

#[tokio::test]
async fn a_program_that_ends_at_once_says_why() {
    let script = "echo begin >&2; echo 'error: no film' >&2; echo 'hint: load one' >&2; exit 3";
    let supervisor = never_healthy(sh(script), Supervisor::builder());
    let error = soon(supervisor.start()).await.unwrap_err();
    assert_eq!(error.to_string(), "it ended before it was healthy (exit status 3): no film");
    assert_eq!(error.hint(), "load one");
    let status = supervisor.status();
    assert_eq!((status.state, status.pid, status.restart_in), (State::Stopped, None, None));
    assert_eq!(status.last_end.unwrap().to_string(), "exit status 3");
    assert_eq!(status.stderr, ["begin", "error: no film", "hint: load one"]);
    assert_eq!(status.breaker.last_failure.unwrap().what, error.to_string());
}

#[tokio::test]
async fn a_start_that_misses_health_is_reaped_before_it_counts() {
    let settings = Supervisor::builder().health_within(SHORT).stop_within(SHORT);
    for (script, signal) in
        [("exec sleep 1000", 15), ("trap '' TERM; while :; do sleep 9; done", 9)]
    {
        let builder = settings.clone().breaker(CircuitBreaker::default());
        let supervisor = never_healthy(sh(&format!("echo $$ >&2; {script}")), builder);
        let error = soon(supervisor.start()).await.unwrap_err();
        assert_eq!(error.to_string(), "it was not healthy within 0.05 s: not yet");
        let status = supervisor.status();
        // A script that has not come to its trap yet dies of the first signal.
        let seen = status.last_end.unwrap().status.unwrap().signal().unwrap();
        assert!(seen == signal || seen == 15, "{status:?}");
        assert!(status.stderr.iter().all(|line| is_reaped(line.parse().unwrap())), "{status:?}");
        assert_eq!((status.state, status.breaker.failures), (State::Stopped, 1));
    }
}

#[tokio::test]
async fn a_flood_on_stderr_never_stalls_the_child_and_its_end_is_kept() {
    let place = tempfile::tempdir().unwrap();
    let script = "head -c 10000000 /dev/zero | tr '\\0' 'x' >&2; echo >&2; echo '\u{1b}[2Jend' >&2
        : > $MARKER; exec sleep 1000";
    let supervisor = healthy_by(&place.path().join("marker"), sh(script), Supervisor::builder());
    soon(supervisor.start()).await.unwrap();
    // Read by a thread of its own, the last line may come a moment after the marker.
    soon(supervisor.stop()).await;
    let stderr = supervisor.status().stderr;
    assert_eq!(stderr.last().unwrap(), "\\u{1b}[2Jend");
    assert!(stderr.len() <= MAX_TAIL_LINES);
    assert!(stderr.iter().map(String::len).sum::<usize>() <= MAX_TAIL_BYTES + 100);
}

#[tokio::test]
async fn one_that_writes_without_end_can_be_stopped() {
    let supervisor = healthy(sh("exec yes >&2"), Supervisor::builder());
    soon(supervisor.start()).await.unwrap();
    let number = supervisor.status().pid.unwrap();
    soon(supervisor.stop()).await;
    assert!(is_reaped(number));
}

#[tokio::test]
async fn one_that_ignores_sigterm_is_killed_within_the_bound() {
    let place = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; : > $MARKER; while :; do sleep 1000; done";
    let builder = Supervisor::builder().stop_within(SHORT);
    let supervisor = healthy_by(&place.path().join("marker"), sh(script), builder);
    soon(supervisor.start()).await.unwrap();
    let number = supervisor.status().pid.unwrap();
    soon(supervisor.stop()).await;
    let status = supervisor.status();
    assert_eq!(status.last_end.unwrap().to_string(), "killed by SIGKILL");
    assert!(is_reaped(number) && status.breaker.failures == 0);
    // Stopped is stopped.
    soon(supervisor.stop()).await;
    assert_eq!((supervisor.status().state, supervisor.status().restart_in), (State::Stopped, None));
}

#[tokio::test]
async fn one_that_dies_is_started_again() {
    let supervisor = healthy(lasting(), Supervisor::builder());
    soon(supervisor.start()).await.unwrap();
    let first = supervisor.status();
    assert_eq!(first.state, State::Ready);
    kill(first.pid);
    let second = until(&supervisor, |it| it.state == State::Ready && it.pid != first.pid).await;
    assert_eq!(second.last_end.unwrap().to_string(), "killed by SIGKILL");
    assert_eq!(second.breaker.failures, 1);
    assert_eq!(second.breaker.last_failure.unwrap().what, "it ended (killed by SIGKILL)");
}

#[tokio::test]
async fn three_deaths_open_the_breaker_and_a_start_says_until_when() {
    let (breaker, pass) = breaker();
    let supervisor = healthy(lasting(), Supervisor::builder().breaker(breaker));
    soon(supervisor.start()).await.unwrap();
    for deaths in 1..=3 {
        kill(supervisor.status().pid);
        until(&supervisor, |it| it.breaker.failures == deaths).await;
        if deaths < 3 {
            until(&supervisor, |it| it.state == State::Ready).await;
        }
    }
    let status = until(&supervisor, |it| it.restart_in.is_some()).await;
    assert_eq!((status.state, status.breaker.state), (State::Stopped, breaker::State::Open));
    assert!(status.restart_in.unwrap() > COOLDOWN - PATIENCE, "it tries again by itself");
    let StartError::Open(open) = soon(supervisor.start()).await.unwrap_err() else {
        panic!("the breaker lets it pass");
    };
    assert_eq!(open.retry_in, Some(COOLDOWN));
    // Then one try: it runs on trial, and its death is one too many.
    pass(COOLDOWN);
    soon(supervisor.start()).await.unwrap();
    let trial = until(&supervisor, |it| it.pid.is_some()).await;
    assert_eq!((trial.state, trial.breaker.state), (State::Degraded, breaker::State::HalfOpen));
    kill(trial.pid);
    until(&supervisor, |it| it.breaker.state == breaker::State::Open).await;
    assert!(matches!(soon(supervisor.start()).await, Err(StartError::Open(_))));
}

#[tokio::test]
async fn a_trial_that_lasts_closes_the_breaker() {
    let (breaker, pass) = breaker();
    (0..3).for_each(|_| breaker.permit().unwrap().failure("before"));
    let builder = Supervisor::builder().breaker(breaker).settled_after(Duration::ZERO);
    let supervisor = healthy(lasting(), builder);
    assert!(matches!(soon(supervisor.start()).await, Err(StartError::Open(_))));
    pass(COOLDOWN);
    soon(supervisor.start()).await.unwrap();
    let status = until(&supervisor, |it| it.state == State::Ready).await;
    assert_eq!((status.breaker.state, status.breaker.failures), (breaker::State::Closed, 0));
    // The end of one that has lasted counts all the same.
    kill(status.pid);
    until(&supervisor, |it| it.breaker.failures == 1).await;
}

#[tokio::test]
async fn one_that_asks_to_be_started_anew_has_not_failed_once_it_has_lasted() {
    for (settled_after, failures) in [(Duration::ZERO, 0), (PATIENCE, 2)] {
        let (breaker, _pass) = breaker();
        // A failure from before, which a start that has lasted forgets.
        breaker.permit().unwrap().failure("before");
        let builder = Supervisor::builder().breaker(breaker).settled_after(settled_after);
        let place = tempfile::tempdir().unwrap();
        let script = "trap 'exit 75' USR1; sleep 1000 & : > $MARKER; wait";
        let supervisor = healthy_by(&place.path().join("m"), sh(script), builder);
        soon(supervisor.start()).await.unwrap();
        let first = until(&supervisor, |it| (it.breaker.failures == 0) == settled_after.is_zero());
        let first = first.await.pid;
        kill_process(pid(first.unwrap()), Signal::USR1).unwrap();
        let next = until(&supervisor, |it| it.state == State::Ready && it.pid != first).await;
        assert_eq!(next.last_end.unwrap().to_string(), "exit status 75");
        assert_eq!(next.breaker.failures, failures);
    }
}

#[tokio::test]
async fn health_that_flaps_degrades_and_health_that_stays_away_restarts() {
    let (say, said) = mpsc::channel::<Result<(), Unhealthy>>(1);
    let said = Arc::new(Mutex::new(said));
    let probe = move || {
        let said = Arc::clone(&said);
        async move { said.lock().await.recv().await.unwrap_or(Ok(())) }
    };
    let builder = Supervisor::builder().probe_every(Duration::ZERO).probe_within(PATIENCE);
    let supervisor = builder.program(lasting(), probe).unwrap();
    let bad = || Err(Unhealthy::new("sick"));
    let (started, sent) = tokio::join!(soon(supervisor.start()), say.send(Ok(())));
    assert!(started.is_ok() && sent.is_ok());
    let first = supervisor.status().pid;
    for _ in 0..5 {
        for _ in 1..FAILED_PROBES {
            say.send(bad()).await.unwrap();
        }
        let status = until(&supervisor, |it| it.state == State::Degraded).await;
        assert_eq!((status.pid, status.complaint.as_deref()), (first, Some("sick")));
        say.send(Ok(())).await.unwrap();
        let status = until(&supervisor, |it| it.state == State::Ready).await;
        assert_eq!((status.pid, status.complaint, status.breaker.failures), (first, None, 0));
    }
    for _ in 0..FAILED_PROBES {
        say.send(bad()).await.unwrap();
    }
    until(&supervisor, |it| it.breaker.failures == 1).await;
    assert!(is_reaped(first.unwrap()));
    say.send(Ok(())).await.unwrap();
    until(&supervisor, |it| it.state == State::Ready && it.pid != first).await;
}

#[tokio::test]
async fn a_stop_while_it_starts_ends_both() {
    let supervisor = never_healthy(lasting(), Supervisor::builder());
    let stop = async {
        let status = until(&supervisor, |it| it.state == State::Starting).await;
        supervisor.stop().await;
        status.pid.unwrap()
    };
    let (started, number) = soon(async { tokio::join!(supervisor.start(), stop) }).await;
    assert!(matches!(started, Err(StartError::Stopped)));
    assert!(is_reaped(number));
    let status = supervisor.status();
    assert_eq!((status.state, status.breaker.failures), (State::Stopped, 0));
}

#[tokio::test]
async fn starts_at_once_share_one_attempt() {
    let place = tempfile::tempdir().unwrap();
    let script = "echo started >&2; : > $MARKER; exec sleep 1000";
    let supervisor = healthy_by(&place.path().join("m"), sh(script), Supervisor::builder());
    let started =
        soon(async { tokio::join!(supervisor.start(), supervisor.start(), supervisor.start()) });
    assert!(matches!(started.await, (Ok(()), Ok(()), Ok(()))));
    let number = supervisor.status().pid;
    soon(supervisor.start()).await.unwrap();
    assert_eq!(supervisor.status().pid, number);
    soon(supervisor.stop()).await;
    assert_eq!(supervisor.status().stderr, ["started"]);
    // And so do those that fail.
    let supervisor = never_healthy(sh("exit 1"), Supervisor::builder());
    let failed = soon(async { tokio::join!(supervisor.start(), supervisor.start()) }).await;
    assert!(matches!(failed, (Err(_), Err(_))));
    assert_eq!(supervisor.status().breaker.failures, 1);
}

/// Waits until the keeper is gone, and what it kept with it.
async fn kept_until_the_end(mut scene: watch::Receiver<Scene<()>>) {
    while soon(scene.changed()).await.is_ok() {}
}

#[tokio::test]
async fn dropped_while_it_starts_or_runs_it_leaves_nothing_behind() {
    for is_healthy in [false, true] {
        let supervisor = Supervisor::builder().program(lasting(), move || async move {
            if is_healthy { Ok(()) } else { Err(Unhealthy::new("not yet")) }
        });
        let supervisor = supervisor.unwrap();
        let mut start = Box::pin(supervisor.start());
        let running =
            until(&supervisor, |it| it.pid.is_some() && (!is_healthy || it.state == State::Ready));
        let status = tokio::select! {
            biased;
            status = running => status,
            started = &mut start => {
                started.unwrap();
                supervisor.status()
            }
        };
        drop(start);
        let scene = supervisor.scene.clone();
        drop(supervisor);
        kept_until_the_end(scene).await;
        assert!(is_reaped(status.pid.unwrap()));
    }
}

#[test]
fn it_ends_with_its_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (supervisor, number) = runtime.block_on(async {
        let supervisor =
            healthy(sh("trap '' TERM; while :; do sleep 9; done"), Supervisor::builder());
        soon(supervisor.start()).await.unwrap();
        let number = supervisor.status().pid.unwrap();
        (supervisor, number)
    });
    drop(runtime);
    let until = Instant::now() + PATIENCE;
    while !is_reaped(number) {
        assert!(Instant::now() < until, "it lives on");
        std::thread::yield_now();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(supervisor.start()).unwrap_err();
    assert!(matches!(error, StartError::Over) && !error.hint().is_empty());
}

#[test]
fn without_a_runtime_there_is_no_supervisor() {
    let made = Supervisor::builder().program(lasting(), || async { Ok(()) });
    assert!(matches!(made, Err(StartError::NoRuntime)));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_grandchild_that_keeps_stderr_open_holds_nothing_up() {
    // One that stays in the group goes with it; one that left it stays, and nobody waits for it.
    for (script, is_killed) in [
        ("sh -c 'echo $$ >&2; exec sleep 1000' & exec sleep 1000", true),
        ("setsid sh -c 'echo $$ >&2; exec sleep 1000' & exec sleep 1000", false),
    ] {
        let supervisor = Arc::new(healthy(sh(script), Supervisor::builder()));
        soon(supervisor.start()).await.unwrap();
        let number = soon(async {
            loop {
                match supervisor.status().stderr.first() {
                    Some(line) => break line.clone(),
                    None => tokio::task::yield_now().await,
                }
            }
        });
        let grandchild = Stranger::of(&number.await);
        soon(supervisor.stop()).await;
        assert_eq!(supervisor.status().pid, None);
        if !is_killed {
            grandchild.kill();
        }
        assert!(grandchild.is_gone_in_time());
    }
}

#[tokio::test]
async fn one_that_needs_a_permission_is_left_to_a_person() {
    let by_status =
        never_healthy(sh("echo 'error: no access' >&2; exit 77"), Supervisor::builder());
    let by_probe = Supervisor::builder()
        .program(lasting(), || async { Err(Unhealthy::needs_permission("no access")) })
        .unwrap();
    for supervisor in [by_status, by_probe] {
        let error = soon(supervisor.start()).await.unwrap_err();
        assert_eq!(error.to_string(), "it needs a permission: no access");
        assert!(error.hint().contains("Full Disk Access"));
        let status = supervisor.status();
        assert_eq!((status.state, status.pid), (State::NeedsPermission, None));
        assert_eq!((status.restart_in, status.breaker.failures), (None, 0));
    }
}

#[tokio::test]
async fn arguments_environment_and_folder_are_as_asked() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().canonicalize().unwrap();
    let script = "echo \"$0 $1 $WORD ${HOME-no-home}\" >&2; pwd >&2; exit 1";
    let program = sh(script).arg("zero").arg("one two").env("WORD", "w").current_dir(&folder);
    for (program, home) in [
        (program.clone(), std::env::var("HOME").unwrap_or_else(|_| "no-home".to_owned())),
        (program.env_clear(), "no-home".to_owned()),
    ] {
        let supervisor = never_healthy(program, Supervisor::builder());
        soon(supervisor.start()).await.unwrap_err();
        let said = [format!("zero one two w {home}"), folder.display().to_string()];
        assert_eq!(supervisor.status().stderr, said);
    }
}

#[tokio::test]
async fn its_stdin_ends_before_it_is_signalled() {
    let place = tempfile::tempdir().unwrap();
    let script = "trap '' TERM; : > $MARKER; read -r line; exit 7";
    let program = sh(script).dies_with_parent();
    let supervisor = healthy_by(&place.path().join("m"), program, Supervisor::builder());
    soon(supervisor.start()).await.unwrap();
    soon(supervisor.stop()).await;
    assert_eq!(supervisor.status().last_end.unwrap().to_string(), "exit status 7");
}

/// Set for the copy of this test program that is the parent, and is killed.
#[cfg(target_os = "linux")]
const PARENT: &str = "DARKSLIDE_TEST_PARENT";

#[cfg(target_os = "linux")]
#[test]
fn it_goes_away_with_a_parent_that_is_killed() {
    use std::io::BufRead;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if std::env::var_os(PARENT).is_some() {
        return runtime.block_on(async {
            let supervisor = healthy(sh("read -r line").dies_with_parent(), Supervisor::builder());
            soon(supervisor.start()).await.unwrap();
            println!("\nsidecar {}", supervisor.status().pid.unwrap());
            std::future::pending().await
        });
    }
    let name = "supervisor::tests::it_goes_away_with_a_parent_that_is_killed";
    let mut parent = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(PARENT, "1")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(parent.stdout.take().unwrap()).lines();
    let sidecar = lines.find_map(|line| line.unwrap().strip_prefix("sidecar ").map(Stranger::of));
    parent.kill().unwrap();
    parent.wait().unwrap();
    assert!(sidecar.expect("the parent has started it").is_gone_in_time());
}

#[tokio::test]
async fn a_private_daemon_without_a_program_or_a_readable_path_is_not_tried() {
    use std::os::unix::ffi::OsStringExt;
    let daemon = PrivateDaemon::of("/nowhere").program("/nowhere/darkslide");
    let supervisor = Supervisor::builder().private_daemon(daemon).unwrap();
    let error = soon(supervisor.start()).await.unwrap_err();
    assert!(matches!(error, StartError::Absent(_)), "{error}");
    assert!(supervisor.client().is_none());
    let odd = std::ffi::OsString::from_vec(b"/\xff".to_vec());
    let daemon = PrivateDaemon::of(odd).program("/bin/sh");
    let supervisor = Supervisor::builder().private_daemon(daemon).unwrap();
    let error = soon(supervisor.start()).await.unwrap_err();
    assert!(matches!(error, StartError::Path { .. }), "{error}");
    assert_eq!(supervisor.status().breaker.failures, 0);
}
