//! `darkslide service …` and the units that it writes, under a real `systemd --user`.
//!
//! Each test has a manager of its own (`darkslide_tests::manager`), both programs, and a policy in
//! the home of its user. What is asked is asked by a client that only knows where the socket is.
//! That a daemon is there is never asked of the daemon: the question would start it.

use std::path::Path;

use darkslide_fixture::{ManyOptions, Model, Snapshot};
use darkslide_tests::manager::Manager;
use darkslide_tests::process::{Ended, beside, run};
use darkslide_tests::service::Place;
use darkslide_tests::shared::{skip, slow_wanted};
use darkslide_tests::wire::Peer;
use serde_json::{Value, json};

use crate::DARKSLIDE;

const SOCKET: &str = "darkslided.socket";
const SERVICE: &str = "darkslided.service";
/// A second without connection and job.
const HASTY: &str = "[limits]\nidle_exit = 1\n";
/// Longer than the test.
const PATIENT: &str = "[limits]\nidle_exit = 3600\n";

/// A user whose manager knows the service.
struct Installed {
    manager: Manager,
}

impl Installed {
    /// `None` after telling why this machine cannot.
    fn new(limits: &str) -> Option<Self> {
        let programs = beside(DARKSLIDE, "darkslided");
        let manager = match Manager::of_user(programs.parent().unwrap()) {
            Ok(manager) => manager,
            Err(why) => {
                skip(&why);
                return None;
            }
        };
        let installed = Self { manager };
        installed.policy(&(Place::policy(&installed.library()) + limits));
        let told = installed.ask(&["service", "install"]);
        assert_eq!(told.code(), 0, "{}\n{}", told.stderr, installed.manager.log());
        assert_eq!(installed.socket(), "listening");
        assert_eq!(installed.service(), "inactive");
        Some(installed)
    }

    /// The same with a library of so many assets.
    fn with_library(limits: &str, assets: usize, padding: usize) -> Option<Self> {
        let installed = Self::new(limits)?;
        installed.build_library(assets, padding);
        Some(installed)
    }

    fn library(&self) -> std::path::PathBuf {
        self.manager.path().join("L.photoslibrary")
    }

    fn build_library(&self, assets: usize, padding: usize) {
        let options = ManyOptions { padding, ..Default::default() };
        let path = self.manager.path().join("built.photoslibrary");
        let built = darkslide_fixture::many(&path, Model::Photos11, assets, options).unwrap();
        self.manager.give(built.path());
        std::fs::rename(built.path(), self.library()).unwrap();
    }

    fn policy(&self, text: &str) {
        self.manager.write(".config/darkslide/policy.toml", text);
    }

    /// `darkslide`, as the user would type it.
    fn ask(&self, words: &[&str]) -> Ended {
        let darkslide = self.manager.programs().join("darkslide");
        run(self.manager.command(&darkslide).args(words))
    }

    /// What an answer holds.
    fn answer(&self, words: &[&str]) -> Value {
        let ended = self.ask(&[words, &["--json"]].concat());
        assert_eq!(ended.code(), 0, "{words:?}: {}\n{}", ended.stderr, self.manager.log());
        ended.json()
    }

    fn socket(&self) -> String {
        self.manager.property(SOCKET, "SubState")
    }

    fn service(&self) -> String {
        self.manager.property(SERVICE, "ActiveState")
    }

    /// How often the manager has started it by itself, without a client.
    fn restarts(&self) -> String {
        self.manager.property(SERVICE, "NRestarts")
    }

    fn until_service_is(&self, state: &str) {
        self.manager.until(state, || self.service() == state);
    }

    fn exported(&self, folder: &str) -> usize {
        let tree = Snapshot::take(&self.manager.home().join("Exports").join(folder)).unwrap();
        tree.files().filter(|file| !file.starts_with(".darkslide")).count()
    }
}

#[test]
fn the_first_connection_starts_it_and_idleness_ends_it_again_and_again() {
    let Some(it) = Installed::with_library(HASTY, 3, 0) else { return };
    let mut instances = Vec::new();
    for _ in 0..3 {
        let health = it.answer(&["health"]);
        assert_eq!(health["detail"]["started_by"], "systemd", "{health}");
        assert_eq!(health["detail"]["confinement"]["enforced"], true, "{health}");
        instances.push(health["instance"].clone());
        it.until_service_is("inactive");
        assert_eq!(it.manager.property(SERVICE, "ExecMainStatus"), "0");
        assert_eq!(it.socket(), "listening");
    }
    instances.dedup();
    assert_eq!(instances.len(), 3, "each time anew");
    assert_eq!(it.restarts(), "0", "idleness is no failure");
    for words in [["service", "install"], ["service", "status"]] {
        let told = it.answer(&words);
        assert_eq!((it.socket(), it.service()), ("listening".into(), "inactive".into()), "{told}");
    }
    assert_eq!(it.ask(&["service", "stop"]).code(), 0);
    assert_eq!(it.ask(&["count"]).code(), 5, "nobody listens");
    assert_eq!(it.ask(&["service", "start"]).code(), 0);
    assert_eq!(it.answer(&["count"])["count"], 3);
}

/// Each client comes while the daemon of the one before it ends. systemd's own limits of starts
/// and of triggers would leave a dead socket after some ten of them.
#[test]
fn a_hundred_starts_in_a_row_hit_no_limit_and_lose_no_client() {
    let Some(it) = Installed::with_library("[limits]\nidle_exit = 0\n", 1, 0) else { return };
    let socket = it.manager.runtime().join("darkslide/s");
    for _ in 0..100 {
        // Of another uid, to whom the policy grants nothing; but it is told that.
        let answer = Peer::connect(&socket).receive().expect("an answer");
        assert_eq!(answer["error"]["data"]["name"], "DENIED", "{answer}");
    }
    assert_eq!(
        (it.restarts(), it.manager.property(SOCKET, "Result")),
        ("0".into(), "success".into())
    );
    assert_eq!(it.answer(&["count"])["count"], 1);
}

#[test]
fn the_socket_outlives_stop_crash_restart_and_reload() {
    let Some(it) = Installed::with_library(PATIENT, 3, 0) else { return };
    let before = Snapshot::take(&it.library()).unwrap();
    for (restarts, words) in [
        ("0", &["stop", SERVICE][..]),
        ("0", &["restart", SERVICE]),
        ("0", &["kill", "--signal=TERM", SERVICE]),
        ("1", &["kill", "--signal=KILL", SERVICE]),
    ] {
        let first = it.answer(&["health"])["instance"].clone();
        it.manager.told(words);
        assert_eq!(it.answer(&["count"])["count"], 3, "{words:?}");
        let second = it.answer(&["health"])["instance"].clone();
        assert_ne!(first, second, "{words:?}");
        assert_eq!(it.restarts(), restarts, "{words:?}");
        assert_ne!(it.socket(), "failed", "{words:?}");
    }
    // A policy of another mind, in good order.
    it.policy(&(Place::policy(&it.library()).replace("exports", "elsewhere") + PATIENT));
    assert_eq!(it.answer(&["policy", "show"])["roots"][0]["name"], "exports");
    it.manager.told(&["kill", "--signal=HUP", SERVICE]);
    let changed = || it.answer(&["policy", "show"])["roots"][0]["name"] == "elsewhere";
    it.manager.until("the new policy", changed);
    assert_eq!(Snapshot::take(&it.library()).unwrap(), before);
}

/// M11 under the service manager itself.
#[test]
fn a_broken_policy_is_told_makes_no_loop_and_is_mended_by_mending_it() {
    let Some(it) = Installed::with_library(PATIENT, 3, 0) else { return };
    it.policy("version = 1\nnonsense = true\n");
    for _ in 0..2 {
        let told = it.ask(&["count"]);
        assert_eq!(told.code(), 5, "{}", told.stderr);
        assert!(told.stderr.contains("darkslide doctor"), "{}", told.stderr);
    }
    it.until_service_is("failed");
    assert_eq!(it.manager.property(SERVICE, "ExecMainStatus"), "78");
    assert_eq!((it.restarts(), it.socket()), ("0".into(), "listening".into()));
    it.policy(&(Place::policy(&it.library()) + PATIENT));
    assert_eq!(it.answer(&["count"])["count"], 3, "nobody had to reset anything");
    assert_eq!((it.restarts(), it.service()), ("0".into(), "active".into()));
}

#[test]
fn the_nightly_export_runs_once_and_all_but_the_units_outlives_uninstall() {
    const TIMER: &str = "darkslide-export-night.timer";
    const EXPORT: &str = "darkslide-export-night.service";
    let Some(it) = Installed::new(HASTY) else { return };
    // Two of its assets are not on this disk.
    let built = darkslide_fixture::demo_library(&it.library()).unwrap();
    it.manager.give(built.path());
    let scheduled =
        it.ask(&["service", "schedule", "night", "--at", "04:30", "--", "export", "~/Exports/n"]);
    assert_eq!(scheduled.code(), 0, "{}", scheduled.stderr);
    assert_eq!(it.manager.property(TIMER, "SubState"), "waiting");
    assert!(it.manager.property(TIMER, "TimersCalendar").contains("*-*-* 04:30:00"));
    // The same timer, whose night is now.
    let soon = "[Timer]\nOnCalendar=\nRandomizedDelaySec=0\nAccuracySec=1ms\nOnActiveSec=1ms\n";
    it.manager.write(&format!(".config/systemd/user/{TIMER}.d/soon.conf"), soon);
    let count = "[Service]\nExecStartPre=/bin/sh -c 'echo begun >>%h/nights'\n";
    it.manager.write(&format!(".config/systemd/user/{EXPORT}.d/count.conf"), count);
    it.manager.told(&["daemon-reload"]);
    it.manager.told(&["restart", TIMER]);
    it.manager.until("the night is over", || it.manager.property(TIMER, "SubState") == "elapsed");
    it.manager.until("the export has ended", || {
        it.manager.property(EXPORT, "ExecMainExitTimestampMonotonic") != "0"
    });
    assert_eq!(it.manager.property(EXPORT, "Result"), "success", "{}", it.manager.log());
    assert_eq!(it.manager.property(EXPORT, "ExecMainStatus"), "4", "not all, and no failure");
    let copied = &it.answer(&["jobs"])["jobs"][0]["outcomes"]["copied"];
    assert_eq!(it.exported("n"), usize::try_from(copied.as_u64().unwrap()).unwrap());
    let nights = || std::fs::read_to_string(it.manager.home().join("nights")).unwrap();
    assert_eq!(nights(), "begun\n");

    let kept = [it.library(), it.manager.home().join("Exports")];
    let before = kept.each_ref().map(|path| Snapshot::take(path).unwrap());
    let removed = it.ask(&["service", "schedule", "night", "--remove"]);
    assert_eq!(removed.code(), 0, "{}", removed.stderr);
    let removed = it.ask(&["service", "uninstall"]);
    assert_eq!(removed.code(), 0, "{}", removed.stderr);
    assert_eq!(kept.each_ref().map(|path| Snapshot::take(path).unwrap()), before);
    assert!(it.manager.home().join(".config/darkslide/policy.toml").is_file());
    for unit in [SOCKET, SERVICE, TIMER, EXPORT] {
        assert_eq!(it.manager.property(unit, "ActiveState"), "inactive", "{unit}");
        let path = it.manager.home().join(".config/systemd/user").join(unit);
        assert!(!path.exists(), "{unit}");
    }
    assert!(!it.manager.runtime().join("darkslide/s").exists());
    assert_eq!(it.ask(&["count"]).code(), 5, "nobody listens");
    assert_eq!(nights(), "begun\n");
}

/// The system's manager with the template of `launchd/`, as its README says.
#[test]
fn the_hardened_system_unit_serves_and_shows_the_daemon_only_what_it_names() {
    const SOCKET: &str = "darkslided@photos.socket";
    const SERVICE: &str = "darkslided@photos.service";
    let programs = beside(DARKSLIDE, "darkslided");
    let manager = match Manager::of_system(programs.parent().unwrap()) {
        Ok(manager) => manager,
        Err(why) => return skip(&why),
    };
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../launchd/systemd/system");
    for name in ["darkslided@.socket", "darkslided@.service"] {
        let text = std::fs::read_to_string(templates.join(name)).unwrap();
        manager.write_etc(&format!("systemd/system/{name}"), &text);
    }
    let home = Path::new("/home/photos");
    let library = home.join("L.photoslibrary");
    let paths = format!(
        "[Service]\nBindReadOnlyPaths=-{}\nBindPaths=-{}\n",
        library.display(),
        home.join("Exports").display()
    );
    manager.write_etc(&format!("systemd/system/{SERVICE}.d/paths.conf"), &paths);
    let policy = Place::policy(&library).replace("~/Exports", "/home/photos/Exports") + HASTY;
    manager.write_etc("darkslide/photos.toml", &policy);
    manager.write("secret", "not for the daemon");
    manager.told(&["daemon-reload"]);
    manager.told(&["start", SOCKET]);
    let ask = |words: &[&str]| {
        let mut command = manager.command(Path::new("/usr/local/bin/darkslide"));
        command.env("HOME", home).env("DARKSLIDE_SOCKET", "/run/darkslide/photos/s");
        let ended = run(command.args(words).arg("--json"));
        assert_eq!(ended.code(), 0, "{words:?}: {}\n{}", ended.stderr, manager.log());
        ended.json()
    };
    // A disk that is not there yet keeps it from nothing else.
    let health = ask(&["health"]);
    assert_eq!(health["detail"]["libraries"][0]["state"], "absent", "{health}");
    assert_eq!(health["detail"]["confinement"]["enforced"], true, "{health}");
    manager.until("idle", || manager.property(SERVICE, "ActiveState") == "inactive");
    let built = manager.home().join("L.photoslibrary");
    let options = ManyOptions::default();
    darkslide_fixture::many(&built, Model::Photos11, 4, options).unwrap();
    manager.give(&built);
    manager.write_etc("darkslide/photos.toml", &policy.replace(HASTY, PATIENT));
    let done = ask(&["export", "--root", "exports", "all"]);
    assert_eq!(done["job"]["outcomes"]["copied"], 4, "{done}");
    assert!(manager.home().join("Exports/all/.darkslide").is_dir());
    // The daemon's own view of the file system.
    let pid = manager.property(SERVICE, "MainPID");
    let seen = run(&mut manager.as_root(&["ls", "-A", &format!("/proc/{pid}/root/home/photos")]));
    assert_eq!(seen.stdout, "Exports\nL.photoslibrary\n", "{}", seen.stderr);
    assert_eq!(manager.property(SERVICE, "NRestarts"), "0");
    assert_eq!(manager.property(SOCKET, "SubState"), "running");
}

/// The job's state, as its file says; no daemon is asked.
fn noted(home: &Path, job: &str) -> Option<String> {
    let path = home.join(".local/state/darkslide/jobs").join(format!("{job}.json"));
    let note: Value = serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
    note["job"]["state"].as_str().map(str::to_owned)
}

/// Starts an export, and has the manager do something once that is at work; the destination and
/// the job.
fn disturb(it: &Installed, words: &[&str]) -> (String, String) {
    let over = |job: &str| noted(&it.manager.home(), job).as_deref() == Some("finished");
    // Once more from the beginning, if it was done before.
    let mut rounds = (0..).map(|round| {
        let folder = format!("round-{round}");
        let spec = json!({"library": "main", "destination": {"root": "exports", "path": folder}});
        let params = json!({ "spec": spec }).to_string();
        let job = it.answer(&["call", "export.start", &params])["job"].clone();
        let job = job.as_str().unwrap().to_owned();
        let journal = it.manager.home().join("Exports").join(&folder);
        let journal = journal.join(".darkslide/journal.jsonl");
        it.manager.until("it begins", || journal.exists() || over(&job));
        it.manager.told(words);
        (folder, job)
    });
    rounds.find(|(_, job)| !over(job)).unwrap()
}

const LONG: usize = 600;

#[test]
fn a_job_that_the_manager_stops_goes_on_at_the_next_start() {
    let Some(it) = Installed::with_library(PATIENT, LONG, 50_000) else { return };
    let (folder, job) = disturb(&it, &["stop", SERVICE]);
    assert_eq!(it.service(), "inactive");
    assert_eq!(it.manager.property(SERVICE, "Result"), "success");
    assert!(it.exported(&folder) < LONG);
    let watched = it.ask(&["watch", &job]);
    assert_eq!(watched.code(), 0, "{}", watched.stderr);
    assert_eq!(it.answer(&["job", &job])["state"], "finished");
    assert_eq!(it.exported(&folder), LONG);
}

#[test]
fn a_job_that_a_crash_broke_off_goes_on_without_any_client() {
    let Some(it) = Installed::with_library(HASTY, LONG, 50_000) else { return };
    let (folder, job) = disturb(&it, &["kill", "--signal=KILL", SERVICE]);
    it.manager
        .until("it goes on", || noted(&it.manager.home(), &job).as_deref() == Some("finished"));
    assert_eq!(it.exported(&folder), LONG);
    it.until_service_is("inactive");
    assert_ne!(it.restarts(), "0");
}

mod slow {
    use super::*;

    /// Looked for every 30 s.
    #[test]
    fn a_library_that_comes_has_it_started_anew() {
        if !slow_wanted() {
            return;
        }
        let Some(it) = Installed::new(PATIENT) else { return };
        let health = it.answer(&["health"]);
        assert_eq!(health["detail"]["libraries"][0]["state"], "absent", "{health}");
        it.build_library(5, 0);
        it.manager.until("it has ended with 75", || it.restarts() == "1");
        assert_eq!(it.answer(&["count"])["count"], 5);
        assert_eq!((it.restarts(), it.service()), ("1".into(), "active".into()));
    }
}
