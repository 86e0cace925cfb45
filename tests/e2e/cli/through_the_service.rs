//! The CLI and the running daemon: health, export, watch, call with its frames, denials.
//!
//! The daemon is `darkslided` from beside the program under test, with a policy of the test's own.
//! How a private export is interrupted, and goes on, stands here too.

use std::process::Stdio;

use darkslide_fixture::{AssetSpec, Content, LibraryBuilder, Model};
use darkslide_tests::process::{PATIENCE, Running, beside, run};
use darkslide_tests::service::{Place, Service};

use crate::{DARKSLIDE, darkslide};

fn serve() -> (Place, Service) {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    for seed in 0..20 {
        builder.asset(AssetSpec::photo(
            format!("IMG_{seed}.JPG"),
            Content::jpeg(seed).padded(100_000),
        ));
    }
    let library = builder.build(&place.path().join("L.photoslibrary")).unwrap();
    let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
    let service = place.start(&daemon, &Place::policy(library.path()));
    (place, service)
}

fn ask(place: &Place, words: &[&str]) -> darkslide_tests::process::Ended {
    run(darkslide(&place.home()).env("DARKSLIDE_SOCKET", place.socket()).args(words))
}

#[test]
fn health_says_what_is_enforced() {
    let (place, _service) = serve();
    let health = ask(&place, &["health", "--json"]).json();
    assert_eq!(health["detail"]["confinement"]["enforced"], true, "{health}");
    let shown = ask(&place, &["health"]);
    assert!(
        shown.stdout.contains("Landlock") && shown.stdout.contains("seccomp"),
        "{}",
        shown.stdout
    );
}

#[test]
fn an_export_goes_to_a_root_and_nowhere_else() {
    let (place, _service) = serve();
    let to = place.exports().join("all");
    let done = ask(&place, &["export", &to.display().to_string(), "--json"]);
    assert_eq!(done.code(), 0, "{}", done.stderr);
    assert_eq!(done.json()["job"]["outcomes"]["copied"], 20);
    let outside = place.home().join("Exports-evil");
    let denied = ask(&place, &["export", &outside.display().to_string()]);
    assert_eq!(denied.code(), 3, "{}", denied.stderr);
    assert!(denied.stderr.contains("exports"), "its own roots are named: {}", denied.stderr);
    assert!(!outside.exists());
    let shown = ask(&place, &["policy", "show", "--json"]).json();
    assert_eq!((&shown["rule"], &shown["roots"][0]["name"]), (&"me".into(), &"exports".into()));
}

#[test]
fn a_root_that_may_hold_no_more_says_so_before_and_after() {
    let (place, service) = serve();
    drop(service);
    let policy = std::fs::read_to_string(place.path().join("policy.toml")).unwrap();
    let root = "path = \"~/Exports\"";
    let limited = policy.replace(root, &format!("{root}\nmax_bytes = \"1 MB\""));
    let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
    let _service = place.start(&daemon, &limited);
    let shown = ask(&place, &["policy", "show"]);
    assert!(shown.stdout.contains("at most 1.0 MB"), "{}", shown.stdout);
    let to = place.exports().join("all").display().to_string();
    let planned = ask(&place, &["plan", &to]);
    assert!(planned.stdout.contains("add below that root: 1.0 MB"), "{}", planned.stdout);
    let refused = ask(&place, &["export", &to]);
    assert_eq!(refused.code(), 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("1000000 are allowed"), "{}", refused.stderr);
    assert!(refused.stderr.contains("max_bytes"), "{}", refused.stderr);
}

#[test]
fn what_the_policy_withholds_is_said_beside_the_answer() {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.asset(AssetSpec::photo("a.jpg", Content::jpeg(1)));
    builder.asset(AssetSpec::photo("b.jpg", Content::jpeg(2)).hidden());
    let library = builder.build(&place.path().join("L.photoslibrary")).unwrap();
    let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
    let policy = Place::policy(library.path()).replace("hidden = true", "hidden = false");
    let _service = place.start(&daemon, &policy);
    let to = place.exports().join("some").display().to_string();
    for words in [&["count"][..], &["query"], &["albums"], &["export", &to]] {
        let warned = ask(&place, &[words, &["--include", "hidden,trashed,bursts"]].concat());
        assert_eq!(warned.code(), 0, "{words:?}: {}", warned.stderr);
        let said = "warning: this daemon does not grant hidden assets; they are left out\n";
        assert_eq!(warned.stderr.matches(said).count(), 1, "{words:?}: {}", warned.stderr);
        assert!(warned.stderr.contains("`hidden = true`"), "the key: {}", warned.stderr);
        let quiet = ask(&place, &[words, &["--include", "trashed,bursts"]].concat());
        assert!(!quiet.stderr.contains("warning"), "{words:?}: {}", quiet.stderr);
    }
    let hidden = library.assets()[1].uuid();
    let unknown = ask(&place, &["get", hidden]);
    assert_eq!(unknown.code(), 6, "{}", unknown.stderr);
    assert!(unknown.stderr.contains("does not grant hidden assets"), "{}", unknown.stderr);
}

#[test]
fn names_that_the_daemon_does_not_know_are_named() {
    let (place, _service) = serve();
    let job = "00000000000000000000000000000007";
    for (words, code, named) in [
        (&["watch", job][..], 6, job),
        (&["--in", "nope", "info"], 6, "library \"nope\""),
        (&["export", "--root", "nope"], 3, "root \"nope\""),
        (&["export", "--root", "exports", "../x"], 1, "destination \"../x\""),
    ] {
        let ended = ask(&place, words);
        assert_eq!(ended.code(), code, "{words:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(named), "{named} in {}", ended.stderr);
        assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
    }
}

#[test]
fn call_shows_each_frame() {
    let (place, _service) = serve();
    let called = ask(&place, &["call", "asset.count", r#"{"library": "main"}"#, "--trace"]);
    assert_eq!(called.code(), 0, "{}", called.stderr);
    assert!(
        called.stdout.contains("\"count\":20") || called.stdout.contains("\"count\": 20"),
        "{}",
        called.stdout
    );
    assert!(called.stderr.contains("00 00 00"), "the length in front: {}", called.stderr);
    let refused = ask(&place, &["call", "asset.delete"]);
    assert_eq!(refused.code(), 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("no such method"), "{}", refused.stderr);
}

#[test]
fn watch_tells_a_job_to_its_end() {
    let (place, _service) = serve();
    let mut watching = darkslide(&place.home());
    watching
        .env("DARKSLIDE_SOCKET", place.socket())
        .args(["watch", "--json"])
        .stdout(Stdio::piped());
    let mut watcher = Running(watching.spawn().unwrap());
    let mut stdout = std::io::BufReader::new(watcher.0.stdout.take().unwrap());
    // Whoever watches all jobs sees the first one from its beginning only if it watches by then.
    let mut lines = Vec::new();
    let to = place.exports().join("watched").display().to_string();
    for _ in 0..50 {
        let exported = ask(&place, &["export", &to, "--json"]);
        assert_eq!(exported.code(), 0, "{}", exported.stderr);
        let mut line = String::new();
        std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
        lines.push(line);
        if lines.iter().any(|line| line.contains("finished")) {
            break;
        }
    }
    assert!(lines.iter().any(|line| line.contains("finished")), "{lines:?}");
    watcher.signal(rustix::process::Signal::INT);
    assert_eq!(watcher.wait(PATIENCE).code(), Some(130));
}

#[test]
fn interrupted_it_ends_with_130_and_the_next_run_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let options = darkslide_fixture::ManyOptions { padding: 200_000, ..Default::default() };
    let library = darkslide_fixture::many(
        &place.path().join("L.photoslibrary"),
        Model::Photos11,
        400,
        options,
    )
    .unwrap();
    let to = place.path().join("out");
    let export = || {
        let mut command = crate::on_library(place.path(), library.path());
        command.arg("export").arg(&to);
        command
    };
    let mut running =
        Running(export().stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let until = std::time::Instant::now() + PATIENCE;
    while !to.join(".darkslide/journal.jsonl").exists() && running.0.try_wait().unwrap().is_none() {
        assert!(std::time::Instant::now() < until, "it does not begin");
    }
    running.signal(rustix::process::Signal::INT);
    let code = running.wait(PATIENCE).code();
    assert!([Some(130), Some(0)].contains(&code), "{code:?}");
    let done = run(&mut export());
    assert_eq!(done.code(), 0, "{}", done.stderr);
    let tree = darkslide_fixture::Snapshot::take(&to).unwrap();
    assert_eq!(tree.files().filter(|file| !file.starts_with(".darkslide")).count(), 400);
}
