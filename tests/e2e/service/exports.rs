//! Exports through the service: complete, said in events, repeatable, and unharmed by a kill.
//!
//! After each kill every file under a final name is compared with what the library holds: there is
//! no half file, whatever the instant. Formats and order: `docs/life-of-a-file.md`.

use std::fs;
use std::path::Path;

use darkslide_fixture::{AssetSpec, Content, LibraryBuilder, Model, Snapshot};
use darkslide_tests::process::{PATIENCE, command};
use darkslide_tests::service::Place;
use serde_json::{Value, json};

use crate::{DARKSLIDED, export, files_below, serve_small, small_library, wait_for};

#[test]
fn everything_that_is_here_comes_out_and_a_second_run_copies_nothing() {
    let (place, library, service) = serve_small();
    let before = Snapshot::take(library.path()).unwrap();
    let mut peer = service.peer();
    let first = export(&mut peer, &json!("~/Exports"));
    assert_eq!(first["state"], "finished", "{first}");
    assert_eq!(first["outcomes"], json!({"copied": 10, "not_local": 1}), "{first}");
    let names: Vec<String> =
        files_below(&place.exports()).iter().map(|path| path.display().to_string()).collect();
    assert_eq!(
        names,
        [
            "2024/05/IMG_0.JPG",
            "2024/05/IMG_1.JPG",
            "2024/05/IMG_2.JPG",
            "2024/05/IMG_3.JPG",
            "2024/05/IMG_4.JPG",
            "2024/06/edit.jpg",
            "2024/06/edit_edited.jpg",
            "2024/06/hidden.jpg",
            "2024/06/live.heic",
            "2024/06/live.mov",
        ]
    );
    let tree = Snapshot::take(&place.exports()).unwrap();
    let second = export(&mut peer, &json!("~/Exports"));
    assert_eq!(second["outcomes"], json!({"unchanged": 10, "not_local": 1}), "{second}");
    assert_eq!((&second["files_total"], &second["bytes_done"]), (&json!(0), &json!(0)));
    let again = Snapshot::take(&place.exports()).unwrap();
    let difference = tree.diff(&again).to_string();
    let changed: Vec<&str> =
        difference.lines().filter(|line| !line.contains(".darkslide")).collect();
    assert!(changed.is_empty(), "{difference}");
    drop(service);
    let after = Snapshot::take(library.path()).unwrap();
    assert!(before.diff_content(&after).is_empty(), "{}", before.diff_content(&after));
}

#[test]
fn the_report_names_each_resource_and_why_it_is_not_there() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let status = export(&mut peer, &json!("~/Exports"));
    let rows = peer.result("job.report", &json!({"job": status["job"]}))["rows"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 11, "{rows}");
    let undone =
        peer.result("job.report", &json!({"job": status["job"], "undone": true}))["rows"].clone();
    let undone = undone.as_array().unwrap();
    assert_eq!(undone.len(), 1, "{undone:?}");
    assert_eq!(undone[0]["original_filename"], "cloud.jpg");
    assert!(undone[0]["reason"].as_str().unwrap().contains("cloud"), "{undone:?}");
    let mut paged = Vec::new();
    let mut after = json!(0);
    loop {
        let page =
            peer.result("job.report", &json!({"job": status["job"], "limit": 2, "after": after}));
        paged.extend(page["rows"].as_array().unwrap().iter().cloned());
        match page.get("next") {
            Some(next) => after = next.clone(),
            None => break,
        }
    }
    assert_eq!(Value::Array(paged), rows);
}

#[test]
fn events_tell_the_whole_way_and_the_end_before_any_answer() {
    let (_place, _library, service) = serve_small();
    let (mut watcher, mut peer) = (service.peer(), service.peer());
    watcher.result("event.subscribe", &json!({"topics": ["jobs"]}));
    let status = export(&mut peer, &json!("~/Exports"));
    let mut kinds = Vec::new();
    let mut seq = 0;
    loop {
        let event = watcher.receive().unwrap()["params"].clone();
        assert!(event["seq"].as_u64().unwrap() > seq, "they ascend");
        seq = event["seq"].as_u64().unwrap();
        assert_eq!(event["data"]["job"]["job"], status["job"]);
        kinds.push(event["kind"].as_str().unwrap().to_owned());
        if kinds.last().is_some_and(|kind| kind == "finished") {
            assert_eq!(event["data"]["job"]["outcomes"], status["outcomes"]);
            break;
        }
    }
    assert_eq!(&kinds[..2], ["queued", "started"]);
    let between = &kinds[2..kinds.len() - 1];
    assert!(between.iter().all(|kind| kind == "progress" || kind == "item"), "{kinds:?}");
    assert_eq!(between.iter().filter(|kind| *kind == "item").count(), 1, "what is not here");
    // On one connection the end is told before an answer that knows of it.
    let late = peer.result(
        "event.subscribe",
        &json!({"topics": [format!("job:{}", status["job"].as_str().unwrap())]}),
    );
    let event = peer.receive().unwrap();
    assert_eq!(
        (&event["params"]["kind"], &event["params"]["subscription"]),
        (&json!("finished"), &late["subscription"])
    );
}

#[test]
fn a_job_goes_on_without_whoever_started_it() {
    let (place, _library, service) = serve_small();
    let started = service.peer().result(
        "export.start",
        &json!({"spec": {"library": "main", "destination": "~/Exports/gone"}, "key": "nightly"}),
    );
    let mut peer = service.peer();
    let same = peer.result(
        "export.start",
        &json!({"spec": {"library": "main", "destination": "~/Exports/gone"}, "key": "nightly"}),
    );
    assert_eq!(same["job"], started["job"], "the same key is the same job");
    let status = wait_for(&mut peer, &started["job"]);
    assert_eq!(status["state"], "finished", "{status}");
    assert_eq!(files_below(&place.exports().join("gone")).len(), 9);
}

#[test]
fn after_a_kill_the_next_run_goes_on_and_no_half_file_was_ever_there() {
    let place = Place::new();
    let options = darkslide_fixture::ManyOptions { padding: 20_000, ..Default::default() };
    let library = darkslide_fixture::many(
        &place.path().join("L.photoslibrary"),
        Model::Photos5,
        500,
        options,
    )
    .unwrap();
    let files = || library.assets().iter().flat_map(|asset| asset.files());
    let whole: std::collections::HashSet<String> = files().map(|file| file.blake3()).collect();
    let policy = Place::policy(library.path());
    let mut kills = 0;
    for round in 0..20_u64 {
        let service = place.start(DARKSLIDED, &policy);
        let mut peer = service.peer();
        let spec = json!({"spec": {"library": "main", "destination": "~/Exports"}});
        let started = peer.result("export.start", &spec);
        std::thread::sleep(std::time::Duration::from_millis(round * 7));
        let running =
            peer.result("job.status", &json!({"job": started["job"]}))["state"] == "running";
        kills += u64::from(running);
        service.process.signal(rustix::process::Signal::KILL);
        drop(service);
        for file in files_below(&place.exports()) {
            let bytes = fs::read(place.exports().join(&file)).unwrap();
            let hash = blake3::hash(&bytes).to_hex();
            assert!(whole.contains(hash.as_str()), "round {round}: {file:?} is not whole");
        }
    }
    assert!(kills > 0, "at least one kill fell into an export");
    let service = place.start(DARKSLIDED, &policy);
    let mut peer = service.peer();
    let spec = json!({"spec": {"library": "main", "destination": "~/Exports"}});
    let started = peer.result("export.start", &spec);
    let status = wait_for(&mut peer, &started["job"]);
    assert_eq!(status["state"], "finished", "{status}");
    let here = files().filter(|file| file.present()).count();
    assert_eq!(files_below(&place.exports()).len(), here, "each file once");
    for folder in ["tmp", "aside"] {
        let left = fs::read_dir(place.exports().join(".darkslide").join(folder))
            .map_or(0, Iterator::count);
        assert_eq!(left, 0, "{folder} ends empty");
    }
}

#[test]
fn told_to_end_in_the_middle_it_stops_at_a_safe_point() {
    let place = Place::new();
    let options = darkslide_fixture::ManyOptions { padding: 50_000, ..Default::default() };
    let library = darkslide_fixture::many(
        &place.path().join("L.photoslibrary"),
        Model::Photos11,
        300,
        options,
    )
    .unwrap();
    let mut service = place.start(DARKSLIDED, &Place::policy(library.path()));
    let mut peer = service.peer();
    let started = peer
        .result("export.start", &json!({"spec": {"library": "main", "destination": "~/Exports"}}));
    assert!(started["job"].is_string());
    service.process.signal(rustix::process::Signal::TERM);
    assert_eq!(service.process.wait(PATIENCE).code(), Some(0), "{}", service.log());
    assert!(service.log().contains("job ends"), "{}", service.log());
    assert!(files_below(&place.exports()).len() < 300, "it was in the middle");
    drop(service);
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    let status = wait_for(&mut service.peer(), &started["job"]);
    assert_eq!(status["state"], "finished", "{status}");
    assert_eq!(files_below(&place.exports()).len(), 300);
}

#[test]
fn somebody_elses_file_under_a_wanted_name_is_left_alone() {
    let place = Place::new();
    let library = small_library(place.path());
    let folder = place.exports().join("2024/05");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("IMG_0.JPG"), "mine").unwrap();
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    let status = export(&mut service.peer(), &json!("~/Exports"));
    assert_eq!(
        (&status["outcomes"]["conflict"], &status["outcomes"]["copied"]),
        (&json!(1), &json!(9)),
        "{status}"
    );
    assert_eq!(fs::read(folder.join("IMG_0.JPG")).unwrap(), b"mine");
}

#[test]
fn many_libraries_are_served_at_once_and_two_exports_run_beside_them() {
    const LIBRARIES: usize = 16;
    let place = Place::new();
    let mut policy = "version = 1\n[root.exports]\npath = \"~/Exports\"\n".to_owned();
    let mut names = Vec::new();
    for number in 0..LIBRARIES {
        let folder = place.path().join(number.to_string());
        fs::create_dir(&folder).unwrap();
        let library = small_library(&folder);
        let (name, path) = (format!("l{number}"), library.path().display().to_string());
        policy.push_str(&format!("[library.{name}]\npath = {path:?}\n"));
        names.push(name);
    }
    policy.push_str(
        "[[client]]\nname = \"me\"\nuid = \"self\"\nroots = [\"exports\"]\nmethods = [\"*\"]\n",
    );
    policy.push_str(&format!("libraries = {names:?}\n"));
    let service = place.start(DARKSLIDED, &policy);
    let mut peer = service.peer();
    let jobs: Vec<Value> = names
        .iter()
        .map(|name| {
            let to = json!({"root": "exports", "path": name});
            let spec = json!({"spec": {"library": name, "destination": to}});
            peer.result("export.start", &spec)["job"].clone()
        })
        .collect();
    for name in &names {
        assert_eq!(peer.result("asset.count", &json!({"library": name}))["count"], 8);
    }
    for job in &jobs {
        let status = wait_for(&mut peer, job);
        assert_eq!(
            (&status["state"], &status["outcomes"]["copied"]),
            (&json!("finished"), &json!(9)),
            "{status}"
        );
    }
}

/// The system would end a process that writes beyond its limit; the daemon serves on and says so.
#[test]
fn a_limit_on_the_size_of_files_fails_the_job_and_not_the_daemon() {
    let place = Place::new();
    let mut library = LibraryBuilder::new(Model::Photos11);
    library.asset(AssetSpec::photo("large.jpg", Content::jpeg(1).padded(200_000)));
    let library = library.build(&place.path().join("L.photoslibrary")).unwrap();
    place.write_policy(&Place::policy(library.path()));
    let mut shell = command(Path::new("/bin/sh"), &place.home());
    shell.args(["-c", "ulimit -f 100; exec \"$0\" \"$@\"", DARKSLIDED]);
    shell.arg("--socket").arg(place.socket());
    shell.arg("--policy").arg(place.path().join("policy.toml"));
    let service = place.start_command(&mut shell);
    let mut peer = service.peer();
    let status = export(&mut peer, &json!("~/Exports"));
    assert_eq!(status["state"], "failed", "{status}");
    assert_eq!(status["error"]["data"]["name"], "DESTINATION", "{status}");
    assert!(files_below(&place.exports()).is_empty());
    assert_eq!(peer.result("health", &json!({"brief": true}))["protocol"], 1);
}
