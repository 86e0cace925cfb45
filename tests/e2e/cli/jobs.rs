//! `darkslide jobs` and `darkslide job`, and what Ctrl-C does to an export of the running daemon.
//!
//! Like `through_the_service.rs`, with a daemon of the test's own. A signal is sent once the job
//! has begun, which its journal tells.

use std::process::Stdio;
use std::time::Instant;

use darkslide_fixture::{BuiltLibrary, ManyOptions, Model};
use darkslide_tests::process::{Ended, PATIENCE, Running, beside, run};
use darkslide_tests::service::{Place, Service};
use rustix::process::Signal;

use crate::{DARKSLIDE, darkslide};

fn serve(assets: usize, padding: usize) -> (Place, BuiltLibrary, Service) {
    let place = Place::new();
    let options = ManyOptions { padding, ..Default::default() };
    let path = place.path().join("L.photoslibrary");
    let library = darkslide_fixture::many(&path, Model::Photos11, assets, options).unwrap();
    let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
    let service = place.start(&daemon, &Place::policy(library.path()));
    (place, library, service)
}

fn ask(place: &Place, words: &[&str]) -> Ended {
    run(darkslide(&place.home()).env("DARKSLIDE_SOCKET", place.socket()).args(words))
}

#[test]
fn jobs_are_shown_one_and_all() {
    let (place, _library, _service) = serve(3, 0);
    assert_eq!(ask(&place, &["jobs"]).stdout, "no jobs\n");
    let to = place.exports().join("all").display().to_string();
    assert_eq!(ask(&place, &["export", &to]).code(), 0);
    let listed = ask(&place, &["jobs", "--json"]).json();
    let job = listed["jobs"][0]["job"].as_str().unwrap().to_owned();
    let shown = ask(&place, &["jobs"]);
    assert_eq!(shown.stdout.lines().count(), 2, "{}", shown.stdout);
    assert!(shown.stdout.contains(&job) && shown.stdout.contains("exports: all"));
    let one = ask(&place, &["job", &job, "--json"]);
    assert_eq!((one.code(), &one.json()), (0, &listed["jobs"][0]));
    // One that is over stays as it is.
    for asked in ["--cancel", "--cancel=now", "--resume"] {
        let ended = ask(&place, &["job", &job, asked]);
        assert_eq!(ended.code(), 0, "{asked}: {}", ended.stderr);
        assert!(ended.stdout.contains("finished"), "{asked}: {}", ended.stdout);
    }
    let unknown = "00000000000000000000000000000007";
    for (words, code) in [
        (&["job", unknown][..], 6),
        (&["job", unknown, "--cancel"], 6),
        (&["job", "x"], 2),
        (&["job", &job, "--cancel=soon"], 2),
        (&["job", &job, "--cancel", "--resume"], 2),
        (&["--library", "L", "jobs"], 2),
    ] {
        let ended = ask(&place, words);
        assert_eq!(ended.code(), code, "{words:?}: {}", ended.stderr);
    }
}

/// Starts an export, presses Ctrl-C so often once it is at work, and sees it end with 130; `false`
/// if it was done before that.
fn interrupt(place: &Place, times: usize) -> bool {
    let to = place.exports().display().to_string();
    let mut command = darkslide(&place.home());
    command.env("DARKSLIDE_SOCKET", place.socket()).args(["export", &to]);
    let mut exporting =
        Running(command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap());
    let until = Instant::now() + PATIENCE;
    let journal = place.exports().join(".darkslide/journal.jsonl");
    while !journal.exists() && exporting.0.try_wait().unwrap().is_none() {
        assert!(Instant::now() < until, "it does not begin");
        std::thread::yield_now();
    }
    for _ in 0..times {
        if exporting.0.try_wait().unwrap().is_none() {
            exporting.signal(Signal::INT);
        }
    }
    let mut said = String::new();
    let stderr = exporting.0.stderr.as_mut().unwrap();
    std::io::Read::read_to_string(stderr, &mut said).unwrap();
    let code = exporting.wait(PATIENCE).code();
    if code == Some(0) {
        return false;
    }
    assert_eq!(code, Some(130), "{said}");
    assert!(said.contains("--resume goes on"), "{said}");
    true
}

#[test]
fn ctrl_c_stops_the_job_and_resume_goes_on_with_it() {
    const ASSETS: usize = 600;
    for times in [1, 2] {
        let (place, _library, _service) = serve(ASSETS, 50_000);
        while !interrupt(&place, times) {
            for entry in std::fs::read_dir(place.exports()).unwrap() {
                std::fs::remove_dir_all(entry.unwrap().path()).unwrap();
            }
        }
        let job = ask(&place, &["jobs", "--json"]).json()["jobs"][0].clone();
        assert_eq!(job["state"], "cancelled", "{job}");
        let job = job["job"].as_str().unwrap();
        let resumed = ask(&place, &["job", job, "--resume", "--json"]);
        assert_eq!((resumed.code(), &resumed.json()["job"]), (0, &job.into()));
        let watched = ask(&place, &["watch", job]);
        assert_eq!(watched.code(), 0, "{}", watched.stderr);
        let tree = darkslide_fixture::Snapshot::take(&place.exports()).unwrap();
        assert_eq!(tree.files().filter(|file| !file.starts_with(".darkslide")).count(), ASSETS);
    }
}
