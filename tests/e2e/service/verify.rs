//! Verify, prune and destinations through the service: jobs with a report, decided like every
//! write.
//!
//! What each of them finds is tried at the engine; here is what a peer is told of it, and that a
//! prune never goes without a plan.

use std::fs;

use darkslide_fixture::{AssetSpec, BuiltLibrary, Content, LibraryBuilder, Model};
use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::Peer;
use serde_json::{Value, json};

use crate::{DARKSLIDED, export, serve_small, wait_for};

fn job(peer: &mut Peer, method: &str, params: &Value) -> Value {
    let started = peer.result(method, params);
    wait_for(peer, &started["job"])
}

/// Path, outcome and reason of each row.
fn rows(peer: &mut Peer, job: &Value, undone: bool) -> Vec<String> {
    let params = json!({"job": job["job"], "undone": undone});
    let rows = peer.result("job.report", &params)["rows"].clone();
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let line =
        |row: &Value| [text(&row["path"]), text(&row["outcome"]), text(&row["reason"])].join(" ");
    rows.as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_verification_names_what_is_not_as_it_was_written() {
    let (place, _library, service) = serve_small();
    let mut peer = service.peer();
    export(&mut peer, &json!("~/Exports"));
    let params = |by| json!({"destination": "~/Exports", "by": by});
    let verified = job(&mut peer, "export.verify", &params("hash"));
    assert_eq!(verified["state"], "finished", "{verified}");
    assert_eq!(
        (&verified["outcomes"], &verified["selected"]),
        (&json!({"intact": 10}), &json!(10))
    );
    assert_eq!(verified["bytes_done"], verified["bytes_total"]);

    let flipped = place.exports().join("2024/05/IMG_0.JPG");
    let mtime = fs::metadata(&flipped).unwrap().modified().unwrap();
    let mut bytes = fs::read(&flipped).unwrap();
    bytes[10] ^= 1;
    fs::write(&flipped, bytes).unwrap();
    fs::File::options().write(true).open(&flipped).unwrap().set_modified(mtime).unwrap();
    fs::remove_file(place.exports().join("2024/05/IMG_1.JPG")).unwrap();
    fs::write(place.exports().join("mine.txt"), "").unwrap();
    let by_stat = job(&mut peer, "export.verify", &params("stat"));
    assert_eq!(by_stat["outcomes"], json!({"extra": 1, "intact": 9, "missing": 1}), "{by_stat}");
    let by_hash = job(&mut peer, "export.verify", &params("hash"));
    let found = rows(&mut peer, &by_hash, true);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.contains(&"2024/05/IMG_0.JPG changed content".to_owned()), "{found:?}");
    assert!(found.contains(&"2024/05/IMG_1.JPG missing -".to_owned()), "{found:?}");
    assert!(rows(&mut peer, &by_hash, false).contains(&"mine.txt extra -".to_owned()));
}

#[test]
fn what_was_never_exported_to_is_neither_verified_nor_made() {
    let (place, _library, service) = serve_small();
    let mut peer = service.peer();
    fs::create_dir_all(place.exports().join("mine")).unwrap();
    for path in ["none", "mine"] {
        let to = json!({"root": "exports", "path": path});
        for (method, params) in [
            ("export.verify", json!({"destination": to})),
            ("export.prune", json!({"destination": to, "library": "main"})),
        ] {
            let failed = job(&mut peer, method, &params);
            assert_eq!(failed["error"]["data"]["reason"], "absent", "{method}: {failed}");
        }
    }
    assert!(!place.exports().join("none").exists());
    assert!(!place.exports().join("mine/.darkslide").exists());
    let outside = peer.call("export.verify", &json!({"destination": "/etc"}));
    assert_eq!(outside["error"]["data"]["name"], "DENIED", "{outside}");
    let unknown = json!({"destination": "~/Exports", "library": "none"});
    let unknown = peer.call("export.prune", &unknown);
    assert_eq!(unknown["error"]["data"]["name"], "NOT_FOUND", "{unknown}");
}

const LIBRARY: &str = "11111111-1111-4111-8111-111111111111";

/// Ten photos, and then the same library without the first two.
fn losing_two(place: &Place) -> (BuiltLibrary, impl Fn() -> Service + '_) {
    let path = place.path().join("L.photoslibrary");
    let build = move |first: u32| {
        let mut library = LibraryBuilder::new(Model::Photos11);
        library.uuid(LIBRARY);
        for seed in first..10 {
            let uuid = format!("22222222-2222-4222-8222-{seed:012}");
            let photo = AssetSpec::photo(format!("p{seed}.jpg"), Content::jpeg(seed));
            library.asset(photo.uuid(uuid).taken_on(2024, 5, 1));
        }
        let path = place.path().join("L.photoslibrary");
        if path.exists() {
            fs::remove_dir_all(&path).unwrap();
        }
        library.build(&path).unwrap()
    };
    let built = build(0);
    let policy = Place::policy(&path);
    let service = place.start(DARKSLIDED, &policy);
    export(&mut service.peer(), &json!("~/Exports"));
    drop(service);
    (built, move || {
        build(2);
        place.start(DARKSLIDED, &policy)
    })
}

#[test]
fn a_prune_goes_by_its_plan_and_no_further_than_it_may() {
    let place = Place::new();
    let (_library, lose_two) = losing_two(&place);
    let service = lose_two();
    let mut peer = service.peer();
    let params = |max_delete: Value, plan: &Value| {
        let mut params = json!({"library": "main", "destination": "~/Exports"});
        params["max_delete"] = max_delete;
        if !plan.is_null() {
            params["plan"] = plan.clone();
        }
        params
    };
    // Two of ten are more than the tenth that may go unasked.
    let usual = json!({"library": "main", "destination": "~/Exports"});
    let refused = job(&mut peer, "export.prune", &usual);
    assert_eq!(refused["state"], "failed", "{refused}");
    assert_eq!(refused["error"]["data"]["name"], "LIMIT", "{refused}");
    assert_eq!(refused["error"]["data"]["limit"], 1, "{refused}");
    assert_eq!(rows(&mut peer, &refused, false).len(), 2, "what would go is told");

    let planned = job(&mut peer, "export.prune", &params(json!(2), &Value::Null));
    assert_eq!(planned["outcomes"], json!({"prunable": 2}), "{planned}");
    assert!(place.exports().join("2024/05/p0.jpg").exists());
    let other = json!("00000000000000000000000000000000");
    let unplanned = job(&mut peer, "export.prune", &params(json!(2), &other));
    assert_eq!(unplanned["error"]["data"]["name"], "EXPIRED", "{unplanned}");
    let done = job(&mut peer, "export.prune", &params(json!("20%"), &planned["job"]));
    assert_eq!(done["outcomes"], json!({"pruned": 2}), "{done}");
    assert!(!place.exports().join("2024/05/p0.jpg").exists());
    let trash = fs::read_dir(place.exports().join(".darkslide/trash")).unwrap();
    let day = trash.map(|entry| entry.unwrap().path()).next().unwrap();
    assert!(day.join("2024/05/p0.jpg").exists() && day.join("2024/05/p1.jpg").exists());
    let verified = job(&mut peer, "export.verify", &json!({"destination": "~/Exports"}));
    assert_eq!(verified["outcomes"], json!({"intact": 8}), "{verified}");
}

#[test]
fn destinations_below_the_roots_tell_what_they_hold() {
    let (place, _library, service) = serve_small();
    let mut peer = service.peer();
    let none = peer.result("export.destinations", &json!({}));
    assert_eq!(none, json!({"destinations": [], "incomplete": false}));
    let ended = export(&mut peer, &json!({"root": "exports", "path": "all/of it"}));
    export(&mut peer, &json!({"root": "exports", "path": "b"}));
    let broken = place.exports().join("broken/.darkslide");
    fs::create_dir_all(&broken).unwrap();
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(&broken, mode(0o700)).unwrap();
    fs::write(broken.join("id"), r#"{"format": 99}"#).unwrap();
    fs::set_permissions(broken.join("id"), mode(0o600)).unwrap();
    fs::write(place.exports().join("b/.darkslide/journal.jsonl"), "").unwrap();
    let journal = place.exports().join("b/.darkslide/journal.jsonl");
    fs::set_permissions(journal, mode(0o600)).unwrap();
    let told = peer.result("export.destinations", &json!({"library": "main"}));
    let told = told["destinations"].as_array().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((&told[0]["root"], &told[0]["path"]), (&json!("exports"), &json!("all/of it")));
    assert_eq!(told[0]["libraries"][0]["library"], "main");
    assert_eq!(told[0]["libraries"][0]["files"], 10);
    assert_eq!(told[0]["last"]["job"], ended["job"]);
    assert_eq!(told[0]["last"]["outcomes"], ended["outcomes"]);
    assert_eq!(told[0]["last"]["time"].as_str().unwrap().len(), 24);
    assert_eq!((&told[0]["interrupted"], &told[1]["interrupted"]), (&json!(false), &json!(true)));
    let all = peer.result("export.destinations", &json!({}));
    let unreadable = &all["destinations"][2];
    assert_eq!(
        (&unreadable["path"], &unreadable["reason"]),
        (&json!("broken"), &json!("io-error"))
    );
}
