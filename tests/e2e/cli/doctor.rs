//! `darkslide doctor` on installations with one fault each: it is found, named, and the line that
//! the doctor says is typed next mends it, wherever a test can type it.
//!
//! Each test has a home, a policy and a socket of its own; hints are run by `sh`, an editor is a
//! script. That the doctor writes nothing is held against the whole tree, library included.

mod places;
mod service;

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use darkslide_fixture::{AssetSpec, Content, LibraryBuilder, Model, Snapshot, WalState};
use darkslide_tests::process::{Ended, beside, run};
use darkslide_tests::service::{Place, Service};
use serde_json::Value;

use crate::{DARKSLIDE, darkslide};

/// An ordinary user, for what root may do anyway.
const USER: u32 = 12_345;

/// A home with a library and a policy.
struct Scene {
    place: Place,
    library: PathBuf,
    /// Runs the doctor as this user.
    user: Option<u32>,
}

impl Scene {
    fn new() -> Self {
        Self::with_wal(WalState::Full)
    }

    fn with_wal(wal: WalState) -> Self {
        let place = Place::new();
        let mut builder = LibraryBuilder::new(Model::Photos11);
        builder.wal(wal);
        builder.asset(AssetSpec::photo("a.jpg", Content::jpeg(1)));
        std::fs::create_dir(place.home().join("Pictures")).unwrap();
        let library = place.home().join("Pictures/Photos Library.photoslibrary");
        builder.build(&library).unwrap();
        place.write_policy(&Place::policy(&library));
        Self { place, library, user: None }
    }

    /// Starts the daemon.
    fn serve(&self) -> Service {
        let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
        self.place.start_command(&mut self.place.command(&daemon))
    }

    fn policy(&self) -> PathBuf {
        self.place.path().join("policy.toml")
    }

    /// Has `from` in the policy read `to`.
    fn edit_policy(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.policy()).unwrap();
        assert!(text.contains(from), "{text}");
        self.place.write_policy(&text.replace(from, to));
    }

    fn command(&self) -> Command {
        let mut command = darkslide(&self.place.home());
        command.current_dir(self.place.path());
        command.arg("doctor").arg("--policy").arg(self.policy());
        command.arg("--socket").arg(self.place.socket());
        if let Some(user) = self.user {
            command.uid(user).gid(user);
        }
        command
    }

    fn doctor(&self) -> Found {
        Found::of(&run(self.command().arg("--json")))
    }

    /// Types what the doctor said, with a script for an editor.
    #[track_caller]
    fn typed(&self, hint: &str, editor: &str) {
        let script = self.place.path().join("editor");
        std::fs::write(&script, editor).unwrap();
        let mut shell = darkslide_tests::process::command(Path::new("/bin/sh"), &self.place.home());
        shell.args(["-c", hint]).env("EDITOR", format!("sh {}", script.display()));
        if let Some(user) = self.user {
            shell.uid(user).gid(user).current_dir(self.place.path());
        }
        let ended = run(&mut shell);
        assert_eq!(ended.code(), 0, "{hint}\n{}", ended.stderr);
    }

    /// Everything of it becomes that user's.
    fn give_to(&mut self, user: u32) {
        let owner = user.to_string();
        let given = Command::new("chown").args(["-R", &owner]).arg(self.place.path()).status();
        assert!(given.unwrap().success());
        self.user = Some(user);
    }
}

/// What the doctor found.
#[derive(Debug)]
struct Found {
    code: i32,
    links: Vec<Value>,
}

impl Found {
    #[track_caller]
    fn of(ended: &Ended) -> Self {
        let told = ended.json();
        let links = told["links"].as_array().unwrap().clone();
        let is_broken = links.iter().any(|link| link["state"] == "broken");
        assert_eq!(told["ok"], !is_broken, "{told}");
        assert_eq!(ended.code() == 0, !is_broken, "{told}");
        for link in &links {
            let is_well = ["ok", "unknown"].contains(&link["state"].as_str().unwrap());
            assert!(is_well != link["hint"].is_string(), "one hint for each break: {link}");
        }
        Self { code: ended.code(), links }
    }

    /// The worst of the links of that name.
    #[track_caller]
    fn link(&self, name: &str) -> &Value {
        let rank = |link: &&Value| {
            ["ok", "unknown", "warning", "broken"].iter().position(|it| link["state"] == *it)
        };
        let named = self.links.iter().filter(|link| link["name"] == name);
        named.max_by_key(rank).unwrap_or_else(|| panic!("no {name}: {self:?}"))
    }

    /// Holds that link to be in that state and to say that; its hint.
    #[track_caller]
    fn is(&self, name: &str, state: &str, says: &str) -> String {
        let link = self.link(name);
        assert_eq!(link["state"], state, "{name}: {self:#?}");
        assert!(link["what"].as_str().unwrap().contains(says), "{says:?}: {link}");
        link["hint"].as_str().unwrap_or_default().to_owned()
    }
}

#[test]
fn an_installation_that_is_well_has_no_break_and_its_doctor_writes_nothing() {
    let scene = Scene::new();
    let service = scene.serve();
    let before = Snapshot::take(scene.place.path()).unwrap();
    let found = scene.doctor();
    assert_eq!(found.code, 0, "{found:#?}");
    for (name, says) in [
        ("socket", "run/darkslide/s"),
        ("peer", "rule me admits"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("policy", "1 library, 1 root"),
        ("library", "1 assets"),
        ("root", "ready"),
        ("state", "darkslide"),
        ("space", "free"),
    ] {
        found.is(name, "ok", says);
    }
    let after = Snapshot::take(scene.place.path()).unwrap();
    // The daemon's logs grow: it was asked.
    let changed: Vec<String> = before.diff(&after).lines().to_vec();
    let is_a_log = |line: &String| line.contains("log") || line.contains("/audit/");
    assert!(changed.iter().all(is_a_log), "{changed:?}");
    drop(service);
}

#[test]
fn its_text_names_the_first_break_last_and_without_colours_where_none_are_wanted() {
    let scene = Scene::new();
    scene.edit_policy("hidden", "hiden");
    let ended = run(scene.command().env("NO_COLOR", "1"));
    assert_eq!(ended.code(), 1, "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert!(lines.iter().any(|line| line.starts_with("✗ policy")), "{}", ended.stdout);
    assert!(lines.iter().any(|line| line.starts_with("? library")), "{}", ended.stdout);
    let summary = lines[lines.len() - 2];
    assert!(summary.starts_with("the first break: policy: "), "{}", ended.stdout);
    assert!(lines[lines.len() - 1].starts_with("next: "), "{}", ended.stdout);
    assert!(!ended.stdout.contains('\x1b'));
}

#[test]
fn without_a_daemon_it_looks_at_everything_else_and_writes_nothing() {
    let scene = Scene::new();
    let before = Snapshot::take(scene.place.path()).unwrap();
    let found = scene.doctor();
    assert_eq!(found.code, 5, "{found:#?}");
    found.is("socket", "broken", "no daemon has been started");
    for name in ["peer", "version", "confinement"] {
        found.is(name, "unknown", "not looked at");
    }
    found.is("library", "ok", "1 assets");
    found.is("state", "ok", "the first start makes it");
    let after = Snapshot::take(scene.place.path()).unwrap();
    assert_eq!(before.diff(&after).lines(), [""; 0]);
}

#[test]
fn with_a_library_named_that_one_alone_is_looked_at() {
    let scene = Scene::new();
    let named = run(scene.command().args(["--json", "--library"]).arg(&scene.library));
    Found::of(&named).is("library", "ok", "--library");
    let none = scene.place.path().join("none.photoslibrary");
    let named = run(scene.command().args(["--json", "--library"]).arg(none));
    Found::of(&named).is("library", "broken", "nothing is there");
}
