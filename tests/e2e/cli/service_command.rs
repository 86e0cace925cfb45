//! `darkslide service …` with a `systemctl` that only writes down what it was asked.
//!
//! The fake stands first in PATH, below a home of the test's own; so each call is known, and no
//! service manager of this machine hears of it. What the units do under a real one is tried
//! elsewhere.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use darkslide_tests::process::{Ended, beside, run};
use darkslide_tests::service::Place;
use serde_json::Value;

use crate::{DARKSLIDE, darkslide};

/// The options that every call to `systemctl` begins with.
const USER: &str = "--user ";
/// What asks whether there is a manager, before anything is written.
const IS_THERE: &str = "show --property=Version";

/// A home with a daemon and a fake `systemctl`.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(home.path("bin")).unwrap();
        home.program("darkslided", "exit 0");
        home.systemctl("");
        home
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn unit(&self, name: &str) -> PathBuf {
        self.path(".config/systemd/user").join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path("bin").join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Has the fake do that besides writing down its words.
    fn systemctl(&self, does: &str) {
        let log = self.path("asked");
        self.program("systemctl", &format!("echo \"$*\" >> '{}'\n{does}", log.display()));
    }

    pub(crate) fn service(&self, words: &[&str]) -> Ended {
        let mut command = darkslide(self.folder.path());
        let path = format!("{}:/usr/bin:/bin", self.path("bin").display());
        run(command.env("PATH", path).arg("service").args(words))
    }

    pub(crate) fn install(&self, more: &[&str]) -> Ended {
        let program = self.path("bin/darkslided").display().to_string();
        self.service(&[&["install", "--program", &program], more].concat())
    }

    /// What systemctl was asked since the last time, without what stands in each.
    fn asked(&self) -> Vec<String> {
        let log = fs::read_to_string(self.path("asked")).unwrap_or_default();
        drop(fs::remove_file(self.path("asked")));
        log.lines().map(|line| line.strip_prefix(USER).unwrap().to_owned()).collect()
    }

    /// Every file below the home, with its content.
    fn files(&self) -> Vec<(PathBuf, String)> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with("asked") {
                    let text = fs::read_to_string(&path).unwrap();
                    files.push((path, text));
                }
            }
        }
        files.sort();
        files
    }
}

#[track_caller]
fn ended_with(ended: &Ended, code: i32) {
    assert_eq!(ended.code(), code, "{}\n{}", ended.stdout, ended.stderr);
}

fn hint_of(ended: &Ended) -> &str {
    ended.stderr.lines().find_map(|line| line.strip_prefix("hint: ")).unwrap_or_default()
}

#[test]
fn to_install_twice_is_the_same_as_once() {
    let home = Home::new();
    let first = home.install(&[]);
    ended_with(&first, 0);
    assert_eq!(
        home.asked(),
        [
            IS_THERE,
            "daemon-reload",
            "try-restart darkslided.socket",
            "enable --now darkslided.socket"
        ]
    );
    for told in ["darkslided.socket", "darkslided.service", "systemctl --user daemon-reload"] {
        assert!(first.stderr.contains(told), "{told} is told: {}", first.stderr);
    }
    let files = home.files();
    let second = home.install(&["--json"]);
    ended_with(&second, 0);
    assert_eq!(home.asked(), [IS_THERE, "enable --now darkslided.socket"]);
    assert_eq!(home.files(), files);
    let answer = second.json();
    assert_eq!((&answer["changed"], &answer["dry_run"]), (&false.into(), &false.into()));
    assert_eq!(answer["steps"][0]["was"], "same", "{answer}");
}

#[test]
fn a_dry_run_writes_nothing_and_asks_nobody() {
    let home = Home::new();
    let before = home.files();
    let shown = home.install(&["--dry-run"]);
    ended_with(&shown, 0);
    assert!(shown.stdout.contains("    ListenStream=%t/darkslide/s"), "{}", shown.stdout);
    assert!(shown.stdout.contains("runs    systemctl --user enable --now darkslided.socket"));
    let scheduled = home.service(&["schedule", "nightly", "--dry-run", "--", "export", "/nas"]);
    ended_with(&scheduled, 0);
    assert!(scheduled.stdout.contains("    OnCalendar=*-*-* 04:30:00"), "{}", scheduled.stdout);
    ended_with(&home.service(&["uninstall", "--dry-run"]), 0);
    assert_eq!(home.files(), before);
    assert_eq!(home.asked(), Vec::<String>::new());
}

#[test]
fn a_file_that_somebody_changed_is_neither_replaced_nor_removed_unasked() {
    let home = Home::new();
    ended_with(&home.install(&[]), 0);
    let unit = home.unit("darkslided.service");
    let text = fs::read_to_string(&unit).unwrap();
    fs::write(&unit, text.replace("LimitNOFILE=512", "LimitNOFILE=9")).unwrap();
    let files = home.files();
    home.asked();
    for words in [&["install", "--program", "/bin/sh"][..], &["uninstall"]] {
        let refused = home.service(words);
        ended_with(&refused, 1);
        assert!(refused.stderr.contains("error: ") && refused.stderr.contains("was changed"));
        assert!(hint_of(&refused).contains("--force"), "{}", refused.stderr);
        assert_eq!(home.files(), files, "{words:?}");
        assert_eq!(home.asked(), [IS_THERE], "nothing was done");
    }
    let refused = home.install(&[]);
    assert!(refused.stderr.contains("there:      LimitNOFILE=9"), "{}", refused.stderr);
    assert!(refused.stderr.contains("installed:  LimitNOFILE=512"), "{}", refused.stderr);
    ended_with(&home.install(&["--force"]), 0);
    assert_eq!(fs::read_to_string(&unit).unwrap(), text);
}

#[test]
fn another_program_renews_what_was_installed() {
    let home = Home::new();
    ended_with(&home.install(&[]), 0);
    home.asked();
    let renewed = home.service(&["install", "--program", "/bin/sh", "--json"]);
    ended_with(&renewed, 0);
    assert_eq!(renewed.json()["steps"][1]["was"], "older");
    assert!(home.asked().contains(&"try-restart darkslided.socket".to_owned()));
    let service = fs::read_to_string(home.unit("darkslided.service")).unwrap();
    assert!(service.contains("\nExecStart=\"/bin/sh\"\n"), "{service}");
}

#[test]
fn uninstall_takes_away_what_install_wrote_and_nothing_else() {
    let home = Home::new();
    let before = home.files();
    ended_with(&home.install(&[]), 0);
    let schedule = home.service(&["schedule", "nightly", "--", "export", "/nas/photos"]);
    ended_with(&schedule, 0);
    for mine in [".config/systemd/user/other.service", ".config/darkslide/policy.toml"] {
        fs::create_dir_all(home.path(mine).parent().unwrap()).unwrap();
        fs::write(home.path(mine), "mine").unwrap();
    }
    home.asked();
    let gone = home.service(&["uninstall"]);
    ended_with(&gone, 0);
    assert!(gone.stdout.contains("photos, destinations, policy and state"), "{}", gone.stdout);
    assert!(hint_of(&gone).contains("schedule nightly --remove"), "{}", gone.stderr);
    let asked = home.asked();
    assert!(asked.contains(&"disable --now darkslided.socket".to_owned()), "{asked:?}");
    let names = |files: &[(PathBuf, String)]| -> Vec<String> {
        files.iter().map(|(path, _)| path.file_name().unwrap().to_str().unwrap().into()).collect()
    };
    let left = home.files();
    for name in ["other.service", "policy.toml", "darkslide-export-nightly.timer"] {
        assert!(names(&left).contains(&name.to_owned()), "{name}: {:?}", names(&left));
    }
    assert_eq!(left.len(), before.len() + 4, "two of the export, two of the person");
    ended_with(&home.service(&["uninstall"]), 0);
    assert_eq!(home.files(), left, "a second time there is nothing to do");
}

#[test]
fn an_export_is_scheduled_changed_and_taken_away() {
    let home = Home::new();
    let before = home.files();
    let schedule = |at: &str| {
        home.service(&[
            "schedule", "nightly", "--at", at, "--", "export", "/nas", "--album", "100% $x",
        ])
    };
    ended_with(&schedule("23:05"), 0);
    let timer = "darkslide-export-nightly.timer";
    let (restarts, enables) = (format!("try-restart {timer}"), format!("enable --now {timer}"));
    assert_eq!(home.asked(), [IS_THERE, "daemon-reload", &restarts, &enables]);
    ended_with(&schedule("06:00"), 0);
    assert!(home.asked().contains(&restarts), "it waits for the new hour");
    let text = fs::read_to_string(home.unit(timer)).unwrap();
    assert!(text.contains("\nOnCalendar=*-*-* 06:00:00\n"), "{text}");
    let text = fs::read_to_string(home.unit("darkslide-export-nightly.service")).unwrap();
    assert!(text.contains(r#"" "export" "/nas" "--album" "100%% $x""#), "{text}");
    ended_with(&home.service(&["schedule", "nightly", "--remove"]), 0);
    assert!(home.asked().contains(&format!("disable --now {timer}")));
    assert_eq!(home.files(), before);
}

#[test]
fn a_command_that_would_fail_at_night_is_a_usage_error_now() {
    let home = Home::new();
    for words in [
        &["schedule", "nightly", "--", "export", "--albun", "x"][..],
        &["schedule", "nightly", "--", "export", "Exports"],
        &["schedule", "nightly", "--at", "25:00", "--", "export", "/nas"],
        &["schedule", "a/b", "--", "export", "/nas"],
        &["schedule", "a/b", "--remove"],
        &["schedule", "nightly", "--", "prune", "--yes"],
    ] {
        ended_with(&home.service(words), 2);
    }
    assert_eq!(home.asked(), Vec::<String>::new());
    assert!(!home.path(".config").exists());
}

#[test]
fn where_no_manager_answers_nothing_is_written_and_the_way_on_is_told() {
    let home = Home::new();
    home.systemctl("echo 'Failed to connect to bus: No medium found' >&2; exit 1");
    let refused = home.install(&[]);
    ended_with(&refused, 1);
    assert!(refused.stderr.starts_with("error: no service manager answers"), "{}", refused.stderr);
    assert!(refused.stderr.contains("caused by: Failed to connect to bus"), "{}", refused.stderr);
    assert!(hint_of(&refused).contains("loginctl enable-linger"), "{}", refused.stderr);
    assert_eq!(home.asked(), [IS_THERE]);
    assert!(!home.path(".config").exists());
    fs::remove_file(home.path("bin/systemctl")).unwrap();
    let mut command = darkslide(home.path("").as_path());
    let absent = run(command.env("PATH", home.path("bin")).args(["service", "start"]));
    ended_with(&absent, 1);
    assert!(absent.stderr.contains("systemctl is not installed"), "{}", absent.stderr);
}

#[test]
fn a_step_that_fails_is_told_with_what_the_manager_said() {
    let home = Home::new();
    home.systemctl("case \"$*\" in *enable*) echo 'Unit is masked.' >&2; exit 3;; esac");
    let failed = home.install(&[]);
    ended_with(&failed, 1);
    assert!(failed.stderr.contains("`systemctl --user enable --now darkslided.socket` failed"));
    assert!(failed.stderr.contains("caused by: Unit is masked."), "{}", failed.stderr);
}

#[test]
fn what_is_no_program_is_not_installed_and_a_weak_one_is_told() {
    let home = Home::new();
    let text = home.path("text");
    fs::write(&text, "no program").unwrap();
    for program in [Path::new("/nowhere/darkslided"), &text, Path::new("/tmp")] {
        let program = program.to_str().unwrap();
        let refused = home.service(&["install", "--program", program]);
        ended_with(&refused, 1);
        assert!(hint_of(&refused).contains("--program"), "{}", refused.stderr);
    }
    assert_eq!(home.asked(), Vec::<String>::new());
    let program = home.path("bin/darkslided");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o777)).unwrap();
    let warned = home.install(&[]);
    ended_with(&warned, 0);
    assert!(warned.stderr.contains("others can replace the daemon's program"), "{}", warned.stderr);
}

#[test]
fn status_tells_what_is_there_and_ends_with_5_where_nothing_serves() {
    let home = Home::new();
    let bare = home.service(&["status", "--json"]);
    ended_with(&bare, 5);
    let status = bare.json();
    assert_eq!((&status["installed"], &status["socket"]), (&false.into(), &"silent".into()));
    assert!(hint_of(&bare).contains("darkslide service install"), "{}", bare.stderr);
    ended_with(&home.install(&[]), 0);
    ended_with(&home.service(&["schedule", "nightly", "--", "export", "/nas"]), 0);
    let answers = |socket: &str, service: &str| {
        home.systemctl(&format!(
            "printf 'Id=darkslided.socket\\nActiveState={socket}\\n\\n\
             Id=darkslided.service\\nSubState={service}\\nMainPID=0\\nExecMainCode=1\\n\
             ExecMainStatus=78\\n'"
        ));
    };
    answers("active", "failed");
    let waiting = home.service(&["status", "--json"]);
    ended_with(&waiting, 0);
    let status = waiting.json();
    let expected: Value = serde_json::json!({
        "manager": "systemd",
        "installed": true,
        "files": [
            { "path": home.unit("darkslided.socket"), "state": "installed" },
            { "path": home.unit("darkslided.service"), "state": "installed" },
        ],
        "socket": "listening",
        "service": "failed",
        "last_exit": "exit status 78",
        "exports": ["nightly"],
    });
    assert_eq!(status, expected);
    home.systemctl("printf 'Id=darkslided.service\\nSubState=running\\nMainPID=1\\n'");
    let mute = home.service(&["status", "--json"]);
    ended_with(&mute, 5);
    assert!(mute.json()["problem"].is_string(), "it runs and does not answer: {}", mute.stdout);
    answers("failed", "failed");
    let dead = home.service(&["status"]);
    ended_with(&dead, 5);
    assert!(dead.stdout.contains("given up by the service manager"), "{}", dead.stdout);
    assert!(hint_of(&dead).contains("darkslide doctor"), "{}", dead.stderr);
}

#[test]
fn status_finds_a_daemon_that_was_started_by_hand_where_no_manager_answers() {
    let home = Home::new();
    home.systemctl("exit 1");
    let nobody = home.service(&["status"]);
    ended_with(&nobody, 5);
    assert!(nobody.stderr.contains("no service manager answers"), "{}", nobody.stderr);
    assert!(hint_of(&nobody).contains("start it by hand"), "{}", nobody.stderr);
    let place = Place::new();
    let program = beside(DARKSLIDE, "darkslided");
    let policy = Place::policy(&place.path().join("L.photoslibrary"));
    let service = place.start(program.to_str().unwrap(), &policy);
    let mut command = darkslide(&home.path(""));
    command.env("PATH", home.path("bin")).env("DARKSLIDE_SOCKET", &service.socket);
    let found = run(command.args(["service", "status", "--json"]));
    ended_with(&found, 0);
    let daemon = &found.json()["daemon"];
    assert_eq!(daemon["pid"], service.process.0.id(), "{daemon}");
    assert!(daemon["version"].is_string(), "{daemon}");
}

#[test]
fn start_and_stop_are_about_the_socket_first() {
    let home = Home::new();
    ended_with(&home.service(&["start"]), 0);
    assert_eq!(home.asked(), [IS_THERE, "start darkslided.socket"]);
    ended_with(&home.service(&["stop"]), 0);
    assert_eq!(home.asked(), [IS_THERE, "stop darkslided.socket", "stop darkslided.service"]);
}

#[test]
fn the_service_is_of_no_library() {
    let home = Home::new();
    for option in [["--library", "/x"], ["--in", "main"]] {
        ended_with(&home.service(&[&["status"][..], &option].concat()), 2);
    }
    assert_eq!(home.asked(), Vec::<String>::new());
}

/// The files that an installation and a scheduled export wrote, by their names.
pub(crate) fn installed() -> (Home, Vec<PathBuf>) {
    let home = Home::new();
    ended_with(&home.install(&[]), 0);
    ended_with(&home.service(&["schedule", "nightly", "--", "export", "/nas"]), 0);
    let files = [
        "darkslided.socket",
        "darkslided.service",
        "darkslide-export-nightly.timer",
        "darkslide-export-nightly.service",
    ];
    let files = files.map(|name| home.unit(name)).into_iter().filter(|path| Path::exists(path));
    let files: Vec<PathBuf> = files.collect();
    assert_eq!(files.len(), 4);
    (home, files)
}
