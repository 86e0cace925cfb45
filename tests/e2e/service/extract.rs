//! `extract`: one call, answered when the export is over, in the words that scripts read.
//!
//! The call of the documents is sent as it stands there. Each member of the answer is held against
//! a library in which the value is known; who joins whom, who cancels what, and what an answer is
//! bounded by is tried with jobs that are caught in their middle.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use darkslide_fixture::{
    AlbumSpec, AssetSpec, BuiltLibrary, Content, Exif, FolderSpec, LibraryBuilder, ManyOptions,
    Model, Snapshot, Version,
};
use darkslide_protocol::limits::{MAX_EXTRACT_BYTES, MAX_EXTRACT_ROWS};
use darkslide_tests::libraries::Real;
use darkslide_tests::process::PATIENCE;
use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::{Peer, framed, named};
use serde_json::{Value, json};

use crate::{DARKSLIDED, files_below};

/// How often a job may be done before it can be caught.
const TRIES: usize = 20;
const ALBUM: &str = "Summer 2024";
/// The call of the documents.
const CALL: &str = r#"{"method": "extract", "params": {"album": "Summer 2024", "export_path": "~/Exports/summer-2024"}}"#;

/// An album with a photo of which all is known, a film, an edited photo, a live photo and one that
/// is only in iCloud; an album with nothing in it, and two of one title.
fn summer(folder: &Path) -> BuiltLibrary {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let exif = Exif {
        camera_make: Some("Canon".to_owned()),
        camera_model: Some("EOS 5D".to_owned()),
        iso: Some(100),
        aperture: Some(1.8),
        shutter_speed: Some(0.004),
        focal_length: Some(34.6),
        ..Exif::default()
    };
    let known = AssetSpec::photo("a.jpg", Content::jpeg(1)).exif(exif).location(47.25, 8.5);
    let members = [
        known.keyword("lake").keyword("sea").taken_on(2024, 7, 1),
        AssetSpec::movie("b.mov", Content::mov(2)).taken_on(2024, 7, 2),
        AssetSpec::photo("c.jpg", Content::jpeg(3)).edited(Content::jpeg(4)).taken_on(2024, 7, 3),
        AssetSpec::photo("d.heic", Content::heic(5)).live(Content::mov(6)).taken_on(2024, 7, 4),
        AssetSpec::photo("e.jpg", Content::jpeg(7)).in_cloud(Version::Original),
    ];
    let members = members.map(|spec| builder.asset(spec));
    let folder_key = builder.folder(FolderSpec::new("Trips"));
    builder.album(AlbumSpec::new(ALBUM).within(folder_key).members(members));
    builder.album(AlbumSpec::new("Nothing"));
    for member in &members[..2] {
        builder.album(AlbumSpec::new("Twice").members([*member]));
    }
    builder.build(&folder.join("Summer.photoslibrary")).unwrap()
}

fn serve() -> (Place, BuiltLibrary, Service) {
    let place = Place::new();
    let library = summer(place.path());
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    (place, library, service)
}

fn serve_many(assets: usize, padding: usize) -> (Place, Service) {
    let place = Place::new();
    let path = place.path().join("Many.photoslibrary");
    let options = ManyOptions { padding, ..Default::default() };
    darkslide_fixture::many(&path, Model::Photos11, assets, options).unwrap();
    let service = place.start(DARKSLIDED, &Place::policy(&path));
    (place, service)
}

fn params(album: &str, path: &str) -> Value {
    json!({"album": album, "export_path": path})
}

fn request(id: &Value, params: &Value) -> Vec<u8> {
    let request = json!({"jsonrpc": "2.0", "id": id, "method": "extract", "params": params});
    framed(request.to_string().as_bytes())
}

fn jobs(service: &Service) -> Vec<Value> {
    service.peer().result("job.list", &json!({}))["jobs"].as_array().unwrap().clone()
}

/// What differs between two answers of the same.
fn without_the_moment(mut answer: Value) -> Value {
    for member in ["job", "extraction_time"] {
        answer.as_object_mut().unwrap().remove(member);
    }
    answer
}

#[test]
fn the_call_of_the_documents_is_answered_when_the_album_is_there() {
    let (place, library, service) = serve();
    let before = Snapshot::take(library.path()).unwrap();
    let mut peer = service.peer();
    peer.send(CALL.as_bytes()).unwrap();
    let refused = peer.receive().unwrap();
    assert_eq!(named(&refused), "INVALID_REQUEST/invalid-request");
    let hint = refused["error"]["data"]["hint"].as_str().unwrap();
    assert!(hint.contains("jsonrpc"), "{hint}");
    let mut call: Value = serde_json::from_str(CALL).unwrap();
    call["jsonrpc"] = json!("2.0");
    call["id"] = json!("summer");
    peer.send(call.to_string().as_bytes()).unwrap();
    let answer = peer.receive().unwrap();
    assert_eq!(answer["id"], "summer");
    let result = &answer["result"];
    let folder = place.exports().canonicalize().unwrap().join("summer-2024");
    let names = ["a.jpg", "b.mov", "c.jpg", "c_edited.jpg", "d.heic", "d.mov"];
    let paths: Vec<Value> = names.map(|name| json!(folder.join(name))).into();
    assert_eq!(result["photos"], json!(paths), "{answer}");
    assert_eq!(files_below(&folder).len(), names.len());
    let members: Vec<&str> = result.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "album",
        "count",
        "export_path",
        "extraction_time",
        "failed",
        "job",
        "media_count",
        "media_files",
        "message",
        "photos",
        "skipped",
        "status",
        "success",
        "truncated",
    ];
    assert_eq!(members, expected);
    assert_eq!((&result["count"], &result["media_count"]), (&json!(6), &json!(6)));
    assert_eq!((&result["album"], &result["export_path"]), (&json!(ALBUM), &json!(folder)));
    assert_eq!((&result["status"], &result["success"]), (&json!("partial"), &json!(false)));
    assert!(result["extraction_time"].as_f64().unwrap() > 0.0);
    assert_eq!((&result["failed"], &result["truncated"]), (&json!([]), &json!(false)));
    let skipped = &result["skipped"][0];
    assert_eq!((&skipped["filename"], &skipped["reason"]), (&json!("e.jpg"), &json!("in-icloud")));
    assert_eq!(skipped["version"], "original");
    let status = peer.result("job.status", &json!({"job": result["job"]}));
    assert_eq!((&status["state"], &status["kind"]), (&json!("finished"), &json!("export")));
    drop(service);
    let after = Snapshot::take(library.path()).unwrap();
    assert!(before.diff_content(&after).is_empty(), "{}", before.diff_content(&after));
}

#[test]
fn each_member_of_a_file_has_the_type_and_unit_that_scripts_read() {
    let (place, _library, service) = serve();
    let answer = service.peer().result("extract", &params("Trips/Summer 2024", "~/Exports/x"));
    let files = answer["media_files"].as_array().unwrap();
    let size = |name: &str| fs::metadata(place.exports().join("x").join(name)).unwrap().len();
    let mut first = files[0].clone();
    let date = first["date_imported"].take();
    let date = date.as_str().unwrap();
    assert!(date.len() == 24 && date.ends_with('Z'), "{date}");
    let expected = json!({
        "filename": "a.jpg",
        "file_size_bytes": size("a.jpg"),
        "media_type": "image",
        "exif_data": {
            "camera_make": "Canon",
            "camera_model": "EOS 5D",
            "date_taken": "2024-07-01T12:00:00+00:00",
            "gps_coordinates": [47.25, 8.5],
            "iso": 100,
            "aperture": 1.8,
            "shutter_speed": "1/250",
            "focal_length": 35,
        },
        "tags": ["lake", "sea"],
        "album": ALBUM,
        "date_imported": null,
    });
    assert_eq!(first, expected);
    let kinds: Vec<&str> = files.iter().map(|it| it["media_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["image", "video", "image", "image", "image", "video"]);
    for file in files {
        let name = file["filename"].as_str().unwrap();
        assert_eq!(file["file_size_bytes"], size(name), "{file}");
        assert_eq!(file["album"], ALBUM);
    }
    let nothing_known = &files[1]["exif_data"];
    assert_eq!(nothing_known["date_taken"], "2024-07-02T12:00:00+00:00");
    for null in ["gps_coordinates", "iso", "aperture", "shutter_speed", "focal_length"] {
        assert!(nothing_known[null].is_null() && nothing_known.get(null).is_some(), "{null}");
    }
    assert_eq!(files[1]["tags"], json!([]));
}

#[test]
fn coordinates_that_a_rule_withholds_are_null() {
    let place = Place::new();
    let library = summer(place.path());
    let policy = Place::policy(library.path()).replace("roots = [", "location = false\nroots = [");
    let service = place.start(DARKSLIDED, &policy);
    let answer = service.peer().result("extract", &params(ALBUM, "~/Exports"));
    let exif = &answer["media_files"][0]["exif_data"];
    assert_eq!((&exif["gps_coordinates"], &exif["iso"]), (&Value::Null, &json!(100)));
}

#[test]
fn options_say_what_comes_out_and_where() {
    let (place, _library, service) = serve();
    let mut peer = service.peer();
    let mut asked = params(ALBUM, "~/Exports/some");
    asked["options"] = json!({"versions": "original", "live": false, "raw": false,
        "layout": "date", "sidecars": ["json"], "include": ["hidden"]});
    let answer = peer.result("extract", &asked);
    assert_eq!(answer["count"], 4, "sidecars are no photos: {answer}");
    assert!(answer["photos"][0].as_str().unwrap().ends_with("some/2024/07/a.jpg"), "{answer}");
    assert!(place.exports().join("some/2024/07/a.json").exists());
    for (name, value) in
        [("versions", json!("raw")), ("quality", json!(80)), ("layout", json!("{x}"))]
    {
        asked["options"] = json!({name: value});
        assert_eq!(peer.error("extract", &asked), "INVALID_PARAMS/invalid-params", "{name}");
    }
    assert_eq!(jobs(&service).len(), 1);
}

#[test]
fn edits_alone_folders_by_album_and_what_is_otherwise_left_out_come_out_when_asked_for() {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let edited = AssetSpec::photo("e.jpg", Content::jpeg(1)).edited(Content::jpeg(2));
    let hidden = AssetSpec::photo("h.jpg", Content::jpeg(3)).hidden();
    let members = [builder.asset(edited), builder.asset(hidden)];
    builder.album(AlbumSpec::new("Both").members(members));
    let library = builder.build(&place.path().join("Both.photoslibrary")).unwrap();
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    let mut peer = service.peer();
    for (at, (options, expected)) in [
        (json!({"versions": "edited"}), vec!["e_edited.jpg"]),
        (json!({"versions": "original"}), vec!["e.jpg"]),
        (json!({"versions": "original", "include": ["hidden"]}), vec!["e.jpg", "h.jpg"]),
        (json!({"versions": "prefer_edited", "layout": "album"}), vec!["Both/e_edited.jpg"]),
    ]
    .into_iter()
    .enumerate()
    {
        let mut asked = params("Both", &format!("~/Exports/{at}"));
        asked["options"] = options;
        let answer = peer.result("extract", &asked);
        assert_eq!(answer["count"], expected.len(), "{answer}");
        let there = files_below(&place.exports().join(at.to_string()));
        assert_eq!(there, expected.into_iter().map(PathBuf::from).collect::<Vec<_>>(), "{asked}");
    }
}

#[test]
fn an_album_that_is_none_or_several_is_told_before_there_is_a_job() {
    let (place, library, service) = serve();
    let mut peer = service.peer();
    let missing = peer.call("extract", &params("Summer 2025", "~/Exports/x"));
    assert_eq!(named(&missing), "NOT_FOUND/not-found");
    assert_eq!(missing["error"]["data"]["candidates"][0]["path"], "Trips/Summer 2024", "{missing}");
    let twice = peer.call("extract", &params("Twice", "~/Exports/x"));
    assert_eq!(named(&twice), "AMBIGUOUS/ambiguous");
    let candidates = twice["error"]["data"]["candidates"].as_array().unwrap();
    assert_eq!(candidates.len(), 2, "{twice}");
    assert!(jobs(&service).is_empty() && files_below(&place.exports()).is_empty());
    let one = candidates[0]["uuid"].as_str().unwrap();
    let answer = peer.result("extract", &params(&one.to_lowercase(), "~/Exports/x"));
    assert_eq!((&answer["count"], &answer["status"]), (&json!(1), &json!("success")));
    assert_eq!(answer["media_files"][0]["album"], "Twice", "its title, whatever was asked for");
    drop(library);
}

#[test]
fn an_album_with_nothing_in_it_is_a_success_and_takes_some_time() {
    let (_place, _library, service) = serve();
    let mut peer = service.peer();
    for _ in 0..2 {
        let answer = peer.result("extract", &params("Nothing", "~/Exports/nothing"));
        assert_eq!((&answer["status"], &answer["success"]), (&json!("success"), &json!(true)));
        assert_eq!((&answer["count"], &answer["photos"]), (&json!(0), &json!([])));
        assert!(answer["extraction_time"].as_f64().unwrap() > 0.0);
    }
}

#[test]
fn a_destination_outside_is_denied_and_the_peers_own_roots_are_named() {
    let place = Place::new();
    let library = summer(place.path());
    let secret = format!(
        "[root.secret]\npath = {:?}\n[[client]]",
        place.home().join("Secret").display().to_string()
    );
    let policy = Place::policy(library.path()).replacen("[[client]]", &secret, 1);
    let service = place.start(DARKSLIDED, &policy);
    let mut peer = service.peer();
    for path in ["~/Exports-evil", "/etc", "~/Secret/x"] {
        let denied = peer.call("extract", &params(ALBUM, path));
        assert_eq!(named(&denied), "DENIED/path-outside-root", "{path}");
        let text = denied.to_string();
        let own = place.exports().display().to_string();
        assert!(text.contains(&own) && text.contains("exports"), "{text}");
        assert!(!text.to_lowercase().contains("secret"), "{text}");
    }
    for path in ["~/Exports/../Secret", "Exports/x", "", "~other/x"] {
        let refused = peer.error("extract", &params(ALBUM, path));
        assert!(refused.starts_with("INVALID_PARAMS/"), "{path}: {refused}");
    }
    assert!(jobs(&service).is_empty());
}

#[test]
fn the_library_may_be_left_out_where_exactly_one_is_granted() {
    let place = Place::new();
    let library = summer(place.path());
    let one = Place::policy(library.path());
    let other = place.path().join("Other.photoslibrary");
    darkslide_fixture::many(&other, Model::Photos11, 1, ManyOptions::default()).unwrap();
    let two = format!("[library.other]\npath = {:?}\n[root.exports]", other.display().to_string());
    let two = one.replace("[root.exports]", &two);
    let both = two.replace("libraries = [\"main\"]", "libraries = [\"main\", \"other\"]");
    let none = one.replace("libraries = [\"main\"]", "libraries = []");
    for (policy, granted) in [(&two, 1), (&both, 2), (&none, 0)] {
        let service = place.start(DARKSLIDED, policy);
        let mut peer = service.peer();
        let mut asked = params(ALBUM, "~/Exports");
        let answer = peer.call("extract", &asked);
        if granted == 1 {
            assert_eq!(answer["result"]["count"], 6, "{answer}");
        } else {
            assert_eq!(named(&answer), "INVALID_PARAMS/invalid-params");
            assert!(answer["error"]["message"].as_str().unwrap().contains("exactly one"));
        }
        asked["library"] = json!("main");
        let answer = peer.call("extract", &asked);
        assert_eq!(answer.get("result").is_some(), granted > 0, "{answer}");
    }
}

#[test]
fn a_rule_that_lists_extract_alone_is_enough_also_for_its_quota() {
    let place = Place::new();
    let library = summer(place.path());
    let policy = Place::policy(library.path())
        .replace("methods = [\"*\"]", "methods = [\"extract\"]")
        .replace("path = \"~/Exports\"\n", "path = \"~/Exports\"\nmax_bytes = \"1 GB\"\n");
    let service = place.start(DARKSLIDED, &policy);
    let mut peer = service.peer();
    assert_eq!(peer.result("extract", &params(ALBUM, "~/Exports/a"))["count"], 6);
    assert_eq!(peer.error("job.list", &json!({})), "DENIED/denied");
    let policy = policy.replace("\"extract\"", "\"health\"");
    drop(service);
    let service = place.start(DARKSLIDED, &policy);
    let refused = service.peer().error("extract", &params(ALBUM, "~/Exports/a"));
    assert_eq!(refused, "DENIED/denied");
}

#[test]
fn the_same_call_again_copies_nothing_and_answers_the_same() {
    let (place, _library, service) = serve();
    let mut peer = service.peer();
    let first = peer.result("extract", &params(ALBUM, "~/Exports/x"));
    let again = peer.result("extract", &params(ALBUM, "~/Exports/x"));
    assert_ne!(first["job"], again["job"], "the first is over");
    let status = peer.result("job.status", &json!({"job": again["job"]}));
    assert_eq!(status["outcomes"], json!({"unchanged": 6, "not_local": 1}));
    assert_eq!(without_the_moment(again), without_the_moment(first));
    // Somebody removes a file: it is his.
    fs::remove_file(place.exports().join("x/a.jpg")).unwrap();
    let removed = peer.result("extract", &params(ALBUM, "~/Exports/x"));
    assert_eq!((&removed["count"], &removed["status"]), (&json!(5), &json!("partial")));
    let reasons: Vec<&str> = removed["skipped"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["reason"].as_str().unwrap())
        .collect();
    assert!(reasons.contains(&"removed"), "{reasons:?}");
    // A stranger's file in the place of one of ours is a failure, and stays.
    let strange = place.exports().join("y/b.mov");
    fs::create_dir(strange.parent().unwrap()).unwrap();
    fs::write(&strange, "a stranger's").unwrap();
    let blocked = peer.result("extract", &params(ALBUM, "~/Exports/y"));
    assert_eq!(blocked["failed"][0]["filename"], "b.mov", "{blocked}");
    assert_eq!(fs::read(&strange).unwrap(), b"a stranger's");
}

#[test]
fn a_key_names_the_call_once_and_for_all() {
    let (_place, _library, service) = serve();
    let mut asked = params(ALBUM, "~/Exports/x");
    asked["key"] = json!("summer");
    let first = service.peer().result("extract", &asked);
    let again = service.peer().result("extract", &asked);
    assert_eq!(first["job"], again["job"]);
    assert_eq!(without_the_moment(again), without_the_moment(first));
    assert_eq!(jobs(&service).len(), 1);
    let mut other = params(ALBUM, "~/Exports/other");
    other["key"] = json!("summer");
    let refused = service.peer().error("extract", &other);
    assert_eq!(refused, "INVALID_PARAMS/invalid-params", "never an answer of another call");
    assert_eq!(jobs(&service).len(), 1);
}

/// The policy was narrowed since, and the report of that job names what it showed.
#[test]
fn a_key_of_a_wider_grant_tells_nothing_of_what_that_showed() {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let members = [
        AssetSpec::photo("open.jpg", Content::jpeg(1)),
        AssetSpec::photo("secret.jpg", Content::jpeg(2)).hidden(),
    ];
    let members = members.map(|spec| builder.asset(spec));
    builder.album(AlbumSpec::new(ALBUM).members(members));
    let library = builder.build(&place.path().join("Two.photoslibrary")).unwrap();
    let policy = Place::policy(library.path());
    let mut asked = params(ALBUM, "~/Exports/x");
    asked["key"] = json!("summer");
    asked["options"] = json!({"include": ["hidden"]});
    let service = place.start(DARKSLIDED, &policy);
    let wide = service.peer().result("extract", &asked);
    assert!(wide.to_string().contains("secret.jpg"), "{wide}");
    drop(service);
    let narrow = policy.replace("roots = [", "hidden = false\nroots = [");
    let service = place.start(DARKSLIDED, &narrow);
    let answer = service.peer().call("extract", &asked);
    assert!(!answer.to_string().contains("secret.jpg"), "{answer}");
}

#[test]
fn two_calls_at_once_are_one_job_and_get_one_answer() {
    let (_place, service) = serve_many(300, 20_000);
    for with_key in [false, true] {
        let mut asked = params("All", &format!("~/Exports/{with_key}"));
        if with_key {
            asked["key"] = json!("all");
        }
        let mut peers: Vec<Peer> = (0..4).map(|_| service.peer()).collect();
        for peer in &mut peers {
            peer.send_raw(&request(&json!(1), &asked)).unwrap();
        }
        let answers: Vec<Value> =
            peers.iter_mut().map(|peer| peer.receive().unwrap()["result"].clone()).collect();
        assert!(answers.iter().all(|answer| answer["job"] == answers[0]["job"]), "{answers:?}");
        assert_eq!(answers[0]["count"], 300);
    }
    assert_eq!(jobs(&service).len(), 2);
}

/// The key's events can be asked for before the call, and the end is told before the answer.
#[test]
fn a_key_tells_of_the_call_from_before_it_begins_to_its_end() {
    let (_place, _library, service) = serve();
    let mut peer = service.peer();
    peer.result("event.subscribe", &json!({"topics": ["key:summer"]}));
    let mut asked = params(ALBUM, "~/Exports/x");
    asked["key"] = json!("summer");
    peer.send_raw(&request(&json!("call"), &asked)).unwrap();
    let mut kinds = Vec::new();
    let answer = loop {
        let message = peer.receive().unwrap();
        if message.get("id").is_some() {
            break message;
        }
        assert_eq!(message["params"]["topic"], "key:summer");
        kinds.push(message["params"]["kind"].as_str().unwrap().to_owned());
    };
    assert_eq!(answer["result"]["count"], 6);
    assert_eq!((kinds[0].as_str(), kinds[1].as_str()), ("queued", "started"));
    assert_eq!(kinds.last().unwrap(), "finished", "{kinds:?}");
    assert!(kinds.contains(&"item".to_owned()), "what is only in iCloud is told: {kinds:?}");
}

/// Begins an extract whose job is at work once this returns.
fn begin(place: &Place, service: &Service, peer: &mut Peer, number: usize) {
    let mut watcher = service.peer();
    watcher.result("event.subscribe", &json!({"topics": ["jobs"]}));
    let path = format!("~/Exports/{number}");
    peer.send_raw(&request(&json!(number), &params("All", &path))).unwrap();
    while watcher.receive().unwrap()["params"]["kind"] != "progress" {}
    assert!(place.exports().join(number.to_string()).exists());
}

#[test]
fn who_gives_up_cancels_the_job_and_hears_of_it_once_that_is_over() {
    let (place, service) = serve_many(500, 50_000);
    for number in 0..TRIES {
        let (mut peer, mut watcher) = (service.peer(), service.peer());
        watcher.result("event.subscribe", &json!({"topics": ["jobs"]}));
        begin(&place, &service, &mut peer, number);
        let cancel = json!({"jsonrpc": "2.0", "method": "$/cancel", "params": {"id": number}});
        peer.send(cancel.to_string().as_bytes()).unwrap();
        let answer = peer.receive().unwrap();
        assert_eq!(
            (named(&answer).as_str(), &answer["id"]),
            ("CANCELLED/cancelled", &json!(number))
        );
        let newest = jobs(&service)[0].clone();
        if newest["state"] == "finished" {
            // It was faster than the word.
            continue;
        }
        assert_eq!(newest["state"], "cancelled", "{newest}");
        let there = files_below(&place.exports().join(number.to_string())).len();
        assert!(there < 500, "it was in its middle");
        let again = peer.result("extract", &params("All", &format!("~/Exports/{number}")));
        assert_eq!((&again["count"], &again["success"]), (&json!(500), &json!(true)));
        return;
    }
    panic!("each of {TRIES} jobs was done before it could be cancelled");
}

/// Whoever waits for a job keeps no room for its answer, which all connections share: others, who
/// wait as well, are answered all the same.
#[test]
fn many_who_wait_for_a_job_keep_nobody_from_being_answered() {
    let (place, service) = serve_many(500, 50_000);
    for number in 0..TRIES {
        let (mut first, mut second, mut other) = (service.peer(), service.peer(), service.peer());
        begin(&place, &service, &mut first, number);
        let asked = params("All", &format!("~/Exports/{number}"));
        let health = json!({"jsonrpc": "2.0", "id": "health", "method": "health"});
        let health = framed(health.to_string().as_bytes());
        let flood: Vec<u8> = (0..60).flat_map(|id| request(&json!(100 + id), &asked)).collect();
        first.send_raw(&[flood.clone(), health.clone()].concat()).unwrap();
        let begun = first.receive().unwrap();
        second.send_raw(&flood).unwrap();
        other.send_raw(&[request(&json!("extract"), &asked), health].concat()).unwrap();
        let answers = [begun, other.receive().unwrap()];
        if answers.iter().all(|answer| answer["id"] == "health") {
            return;
        }
    }
    panic!("each of {TRIES} jobs was done before anybody else was answered");
}

#[test]
fn a_job_that_somebody_else_cancels_is_an_error_to_who_waits_for_it() {
    let (place, service) = serve_many(500, 50_000);
    for number in 0..TRIES {
        let mut peer = service.peer();
        begin(&place, &service, &mut peer, number);
        let job = jobs(&service)[0]["job"].clone();
        service.peer().result("job.cancel", &json!({"job": job, "mode": "now"}));
        let answer = peer.receive().unwrap();
        if answer.get("result").is_none() {
            assert_eq!(named(&answer), "CANCELLED/cancelled");
            return;
        }
    }
    panic!("each of {TRIES} jobs was done before it could be cancelled");
}

#[test]
fn a_connection_that_is_lost_leaves_its_job_and_the_same_call_gets_its_answer() {
    let (place, service) = serve_many(500, 50_000);
    let mut peer = service.peer();
    begin(&place, &service, &mut peer, 0);
    drop(peer);
    let answer = service.peer().result("extract", &params("All", "~/Exports/0"));
    assert_eq!((&answer["count"], &answer["status"]), (&json!(500), &json!("success")));
    assert!(jobs(&service).iter().all(|job| job["state"] == "finished"));
    assert_eq!(files_below(&place.exports().join("0")).len(), 500);
}

/// The rule lists `extract` and no other way to export.
#[test]
fn what_the_daemons_end_breaks_off_goes_on_and_the_same_call_gets_its_answer() {
    let place = Place::new();
    let path = place.path().join("Many.photoslibrary");
    let options = ManyOptions { padding: 50_000, ..Default::default() };
    darkslide_fixture::many(&path, Model::Photos11, 500, options).unwrap();
    let methods = r#"methods = ["extract", "event.subscribe", "job.list"]"#;
    let policy = Place::policy(&path).replace(r#"methods = ["*"]"#, methods);
    for number in 0..TRIES {
        let mut service = place.start(DARKSLIDED, &policy);
        let mut peer = service.peer();
        begin(&place, &service, &mut peer, number);
        service.process.signal(rustix::process::Signal::TERM);
        let answer = peer.receive().unwrap();
        assert_eq!(service.process.wait(PATIENCE).code(), Some(0), "{}", service.log());
        drop(service);
        if answer.get("result").is_some() {
            // It was faster than the signal.
            continue;
        }
        assert_eq!(named(&answer), "SHUTTING_DOWN/shutting-down");
        let service = place.start(DARKSLIDED, &policy);
        let params = params("All", &format!("~/Exports/{number}"));
        let again = service.peer().result("extract", &params);
        assert_eq!((&again["count"], &again["success"]), (&json!(500), &json!(true)));
        let states: Vec<Value> = jobs(&service).iter().map(|job| job["state"].clone()).collect();
        assert!(states.iter().all(|state| state == "finished"), "{states:?}");
        return;
    }
    panic!("each of {TRIES} jobs was done before the daemon was told to end");
}

#[test]
fn an_answer_tells_of_a_thousand_files_and_says_when_there_are_more() {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let photo = |seed: u32| AssetSpec::photo(format!("{seed}.heic"), Content::heic(seed));
    let plain = builder.asset(photo(0));
    let live: Vec<_> =
        (1..=1_100).map(|seed| builder.asset(photo(seed).live(Content::mov(seed)))).collect();
    let at = live.iter().take(500).copied();
    let albums: [(&str, Vec<_>); 3] = [
        ("At", at.clone().collect()),
        ("Over", at.chain([plain]).collect()),
        ("Absurd", live.clone()),
    ];
    for (title, members) in albums {
        builder.album(AlbumSpec::new(title).members(members));
    }
    let library = builder.build(&place.path().join("Live.photoslibrary")).unwrap();
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    for (album, count) in [("At", 1_000), ("Over", 1_001), ("Absurd", 2_200)] {
        let to = format!("~/Exports/{album}");
        let answer = service.peer().result("extract", &params(album, &to));
        assert_eq!((&answer["count"], &answer["media_count"]), (&json!(count), &json!(count)));
        let truncated = json!(count > MAX_EXTRACT_ROWS);
        assert_eq!((&answer["truncated"], &answer["success"]), (&truncated, &json!(true)));
        let list = |name: &str| answer[name].as_array().unwrap().clone();
        let told = (list("photos").len(), list("media_files").len());
        assert_eq!(told, (MAX_EXTRACT_ROWS, MAX_EXTRACT_ROWS), "{album}");
        for (path, file) in list("photos").iter().zip(list("media_files")) {
            let name = format!("/{}", file["filename"].as_str().unwrap());
            assert!(path.as_str().unwrap().ends_with(&name), "one order");
        }
    }
}

#[test]
fn what_is_skipped_is_told_up_to_a_thousand_and_counted_beyond() {
    let place = Place::new();
    let path = place.path().join("Cloud.photoslibrary");
    let options = ManyOptions { missing_every: 1, ..Default::default() };
    darkslide_fixture::many(&path, Model::Photos11, 1_001, options).unwrap();
    let service = place.start(DARKSLIDED, &Place::policy(&path));
    let answer = service.peer().result("extract", &params("All", "~/Exports"));
    assert_eq!((&answer["count"], &answer["more_skipped"]), (&json!(0), &json!(1)));
    assert_eq!(answer["skipped"].as_array().unwrap().len(), MAX_EXTRACT_ROWS);
    assert_eq!((&answer["truncated"], &answer["status"]), (&json!(true), &json!("partial")));
}

#[test]
fn an_answer_fits_its_frame_however_long_keywords_are() {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let tags: Vec<String> =
        (0..100).map(|number| format!("{number} {}", "k".repeat(500))).collect();
    let members: Vec<_> = (0..200)
        .map(|seed| {
            let photo = AssetSpec::photo(format!("{seed}.jpg"), Content::jpeg(seed));
            builder.asset(tags.iter().fold(photo, |photo, tag| photo.keyword(tag)))
        })
        .collect();
    builder.album(AlbumSpec::new("All").members(members));
    let library = builder.build(&place.path().join("Tags.photoslibrary")).unwrap();
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    let answer = service.peer().result("extract", &params("All", "~/Exports"));
    let told = answer["photos"].as_array().unwrap().len();
    assert!((50..200).contains(&told), "{told}");
    assert_eq!(answer["media_files"].as_array().unwrap().len(), told);
    let bytes = answer["media_files"].to_string().len();
    assert!((MAX_EXTRACT_BYTES * 9 / 10..=MAX_EXTRACT_BYTES).contains(&bytes), "{bytes}");
    assert_eq!((&answer["count"], &answer["truncated"]), (&json!(200), &json!(true)));
}

#[test]
fn a_key_whose_report_is_long_gone_is_expired() {
    let (place, _library, service) = serve();
    let mut peer = service.peer();
    let mut asked = params(ALBUM, "~/Exports/x");
    asked["key"] = json!("first");
    let first = peer.result("extract", &asked);
    let name = format!("x/.darkslide/reports/{}.jsonl", first["job"].as_str().unwrap());
    fs::remove_file(place.exports().join(name)).unwrap();
    assert_eq!(peer.error("extract", &asked), "EXPIRED/expired");
}

/// What comes out of a real library is what another reader says of it.
#[test]
fn a_real_album_is_told_as_another_reader_tells_it() {
    let Some(real) = Real::shared() else {
        println!("skipped: the real libraries are not on this machine");
        return;
    };
    for name in ["Test-10.14.6", "Test-13.0.0", "Test-26.1"] {
        let place = Place::new();
        let bundle = real.bundle(name);
        let service = place.start(DARKSLIDED, &Place::policy(&bundle));
        let answer = service.peer().result("extract", &params("Pumpkin Farm", "~/Exports"));
        let records = real.expected(name, "jsonl");
        let in_album = |record: &&Value| {
            record["albums"].as_array().unwrap().contains(&json!("Pumpkin Farm"))
                && record["hidden"] == false
                && record["intrash"] == false
        };
        let expected: Vec<&Value> = records.iter().filter(in_album).collect();
        assert!(!expected.is_empty(), "{name}");
        let mut told = BTreeSet::new();
        for file in answer["media_files"].as_array().unwrap() {
            told.insert(assert_told(file, &expected));
        }
        for left_out in answer["skipped"].as_array().unwrap() {
            told.insert(left_out["asset"].as_str().unwrap().to_owned());
        }
        assert_eq!(told.len(), expected.len(), "{name}: {answer}");
    }
}

/// Holds a file against the record of its asset, and answers whose it is.
fn assert_told(file: &Value, expected: &[&Value]) -> String {
    let name = file["filename"].as_str().unwrap().replace("_edited", "");
    let stem = |text: &str| text.rsplit_once('.').map(|(stem, _)| stem.to_lowercase());
    let fits =
        |record: &&&Value| stem(record["original_filename"].as_str().unwrap()) == stem(&name);
    let record = expected.iter().find(fits);
    let record = record.unwrap_or_else(|| panic!("{name} is of another album"));
    let (exif, said) = (&file["exif_data"], &record["exif_info"]);
    assert_eq!(exif["date_taken"], record["date"], "{name}");
    for same in ["camera_make", "camera_model", "iso", "aperture"] {
        assert_eq!(exif[same], said[same], "{name} {same}");
    }
    let gps = match (&record["latitude"], &record["longitude"]) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (latitude, longitude) => json!([latitude, longitude]),
    };
    assert_eq!(exif["gps_coordinates"], gps, "{name}");
    let sorted = |list: &Value| {
        let mut texts: Vec<String> =
            list.as_array().unwrap().iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    };
    assert_eq!(sorted(&file["tags"]), sorted(&record["keywords"]), "{name}");
    record["uuid"].as_str().unwrap().to_owned()
}
