//! `verify`, `prune` and `destinations` as a person types them.
//!
//! Offline there is neither daemon nor library: the library is removed before. What each kind of
//! finding looks like is tried at the engine; here are exit codes, the plan that is shown, and what
//! a program reads.

use std::fs;
use std::path::{Path, PathBuf};

use darkslide_fixture::{AssetSpec, Content, LibraryBuilder, Model, Snapshot};
use darkslide_tests::process::{Ended, beside, run};
use darkslide_tests::service::Place;
use serde_json::Value;

use crate::{DARKSLIDE, darkslide, on_library};

struct Bench {
    folder: tempfile::TempDir,
    library: PathBuf,
}

impl Bench {
    /// A library of ten, exported to `out`.
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let bench = Self { library: folder.path().join("L.photoslibrary"), folder };
        bench.build(0);
        let exported = run(bench.on_library(&["export"]).arg(bench.out()));
        assert_eq!(exported.code(), 0, "{}", exported.stderr);
        bench
    }

    /// The library without its first ones.
    fn build(&self, first: u32) {
        let mut library = LibraryBuilder::new(Model::Photos11);
        library.uuid("11111111-1111-4111-8111-111111111111");
        for seed in first..10 {
            let uuid = format!("22222222-2222-4222-8222-{seed:012}");
            let photo = AssetSpec::photo(format!("p{seed}.jpg"), Content::jpeg(seed));
            library.asset(photo.uuid(uuid).taken_on(2024, 5, 1));
        }
        if self.library.exists() {
            fs::remove_dir_all(&self.library).unwrap();
        }
        library.build(&self.library).unwrap();
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn on_library(&self, words: &[&str]) -> std::process::Command {
        let mut command = on_library(self.folder.path(), &self.library);
        command.args(words);
        command
    }

    fn offline(&self, words: &[&str]) -> Ended {
        let mut command = darkslide(self.folder.path());
        run(command.args(["verify", "--offline"]).arg(self.out()).args(words))
    }
}

fn flip_a_byte(path: &Path) {
    let mtime = fs::metadata(path).unwrap().modified().unwrap();
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::write(path, bytes).unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(mtime).unwrap();
}

/// Lines of JSON.
fn lines(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn offline_needs_neither_daemon_nor_library_and_finds_a_flipped_byte() {
    let bench = Bench::new();
    fs::remove_dir_all(&bench.library).unwrap();
    let before = Snapshot::take(&bench.out()).unwrap();
    let intact = bench.offline(&["--by", "hash"]);
    assert_eq!(intact.code(), 0, "{}", intact.stderr);
    assert!(intact.stdout.contains("10 files intact"), "{}", intact.stdout);
    let after = Snapshot::take(&bench.out()).unwrap();
    assert!(before.diff_content(&after).is_empty(), "{}", before.diff_content(&after));

    flip_a_byte(&bench.out().join("2024/05/p3.jpg"));
    assert_eq!(bench.offline(&[]).code(), 0, "size and time are as they were");
    let found = bench.offline(&["--by", "hash", "--json"]);
    assert_eq!(found.code(), 4, "{}", found.stderr);
    let lines = lines(&found);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        (&lines[0]["path"], &lines[0]["outcome"]),
        (&"2024/05/p3.jpg".into(), &"changed".into())
    );
    assert_eq!(
        (&lines[1]["outcomes"]["intact"], &lines[1]["complete"]),
        (&9.into(), &false.into())
    );
    fs::remove_file(bench.out().join("2024/05/p4.jpg")).unwrap();
    let shown = bench.offline(&[]);
    assert_eq!(shown.code(), 4, "{}", shown.stderr);
    assert!(
        shown.stdout.contains("missing") && shown.stdout.contains("p4.jpg"),
        "{}",
        shown.stdout
    );
}

#[test]
fn by_a_daemon_the_answer_is_the_same() {
    let bench = Bench::new();
    flip_a_byte(&bench.out().join("2024/05/p3.jpg"));
    fs::write(bench.out().join("mine.txt"), "").unwrap();
    let offline = bench.offline(&["--by", "hash", "--json"]);
    let mut command = bench.on_library(&["verify", "--by", "hash", "--json"]);
    let by_daemon = run(command.arg(bench.out()));
    assert_eq!((by_daemon.code(), offline.code()), (4, 4), "{}", by_daemon.stderr);
    assert_eq!(lines(&by_daemon), lines(&offline));
}

#[test]
fn where_nothing_was_exported_verify_fails_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut library = LibraryBuilder::new(Model::Photos11);
    library.asset(AssetSpec::photo("a.jpg", Content::jpeg(1)));
    let library = library.build(&folder.path().join("L.photoslibrary")).unwrap();
    let none = folder.path().join("none");
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    for (to, code) in [(&none, 6), (&empty, 1)] {
        let mut offline = darkslide(folder.path());
        let ended = run(offline.args(["verify", "--offline"]).arg(to));
        assert_eq!(ended.code(), code, "{}", ended.stderr);
        assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
        for command in ["verify", "prune"] {
            let ended = run(on_library(folder.path(), library.path()).arg(command).arg(to));
            assert_eq!(ended.code(), code, "{command}: {}", ended.stderr);
        }
    }
    assert!(!none.exists() && !empty.join(".darkslide").exists());
    let usage = run(on_library(folder.path(), library.path()).args(["verify", "--offline", "x"]));
    assert_eq!(usage.code(), 2, "{}", usage.stderr);
}

#[test]
fn prune_shows_its_plan_and_moves_nothing_without_yes() {
    let bench = Bench::new();
    bench.build(2);
    let prune = |words: &[&str]| run(bench.on_library(&["prune"]).arg(bench.out()).args(words));
    let refused = prune(&["--yes"]);
    assert_eq!(refused.code(), 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("2 of 10 files would go, at most 1 may"), "{}", refused.stderr);
    assert!(refused.stdout.contains("p0.jpg"), "the plan is shown: {}", refused.stdout);
    let planned = prune(&["--max-delete", "20%"]);
    assert_eq!(planned.code(), 0, "{}", planned.stderr);
    assert!(planned.stdout.contains("2 files would go"), "{}", planned.stdout);
    assert!(planned.stderr.contains("--yes"), "{}", planned.stderr);
    assert!(bench.out().join("2024/05/p0.jpg").exists());
    let done = prune(&["--max-delete", "2", "--yes", "--json"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let told = lines(&done);
    assert_eq!(told.len(), 3, "{told:?}");
    assert_eq!((&told[0]["outcome"], &told[2]["executed"]), (&"pruned".into(), &true.into()));
    assert!(!bench.out().join("2024/05/p0.jpg").exists());
    assert!(prune(&[]).stdout.contains("0 files would go"));
    assert_eq!(bench.offline(&["--by", "hash"]).code(), 0);
}

#[test]
fn destinations_are_listed_by_the_running_daemon() {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.asset(AssetSpec::photo("a.jpg", Content::jpeg(1)));
    let library = builder.build(&place.path().join("L.photoslibrary")).unwrap();
    let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
    let _service = place.start(&daemon, &Place::policy(library.path()));
    let ask = |words: &[&str]| {
        run(darkslide(&place.home()).env("DARKSLIDE_SOCKET", place.socket()).args(words))
    };
    assert!(ask(&["destinations"]).stdout.contains("nothing was exported"));
    let exported = ask(&["export", "--root", "exports", "nas"]);
    assert_eq!(exported.code(), 0, "{}", exported.stderr);
    let shown = ask(&["destinations"]);
    assert!(shown.stdout.contains("nas") && shown.stdout.contains("complete"), "{}", shown.stdout);
    let told = ask(&["destinations", "--json"]).json();
    assert_eq!(told["destinations"][0]["libraries"][0]["files"], 1);
    let verified = ask(&["verify", "--root", "exports", "nas"]);
    assert_eq!(verified.code(), 0, "{}", verified.stderr);
}
