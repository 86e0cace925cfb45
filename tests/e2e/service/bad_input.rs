//! Bad input: each has a distinct error that says what to do, and the daemon serves on.
//!
//! Params that do not fit, names that fit nothing or several, bundles that are no libraries, and
//! databases that are damaged in each way that the reader tells apart. None of them is changed by
//! being asked for.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::Path;

use darkslide_fixture::Snapshot;
use darkslide_tests::service::Place;
use darkslide_tests::wire::named;
use serde_json::json;

use crate::{DARKSLIDED, serve_small, small_library};

#[test]
fn unknown_methods_and_params_and_libraries_are_told_apart() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    for (method, params, expected) in [
        ("helth", json!({}), "METHOD_NOT_FOUND/method-not-found"),
        ("Health", json!({}), "METHOD_NOT_FOUND/method-not-found"),
        ("health", json!({"brif": true}), "INVALID_PARAMS/invalid-params"),
        ("library.info", json!({}), "INVALID_PARAMS/invalid-params"),
        ("library.info", json!({"library": "none"}), "NOT_FOUND/not-found"),
        ("library.info", json!({"library": "../main"}), "NOT_FOUND/not-found"),
        ("asset.query", json!({"library": "main", "limit": 0}), "INVALID_PARAMS/invalid-params"),
        ("asset.query", json!({"library": "main", "limit": 1001}), "INVALID_PARAMS/invalid-params"),
        ("asset.query", json!({"library": "main", "cursor": "x"}), "EXPIRED/expired"),
        (
            "asset.query",
            json!({"library": "main", "filter": {"album": "Sumer"}}),
            "NOT_FOUND/not-found",
        ),
        (
            "asset.get",
            json!({"library": "main", "uuids": ["../../x"]}),
            "INVALID_PARAMS/invalid-params",
        ),
        ("asset.get", json!({"library": "main", "uuids": []}), "INVALID_PARAMS/invalid-params"),
        ("job.status", json!({"job": "0".repeat(32)}), "NOT_FOUND/not-found"),
        ("job.status", json!({"job": "1"}), "INVALID_PARAMS/invalid-params"),
        ("event.subscribe", json!({"topics": ["everything"]}), "INVALID_PARAMS/invalid-params"),
        ("event.unsubscribe", json!({"subscription": "0".repeat(32)}), "NOT_FOUND/not-found"),
    ] {
        assert_eq!(peer.error(method, &params), expected, "{method} {params}");
    }
    let nearest =
        peer.call("asset.query", &json!({"library": "main", "filter": {"album": "Sumer"}}));
    assert_eq!(nearest["error"]["data"]["candidates"][0]["path"], "Summer", "{nearest}");
    assert!(
        peer.result("health", &json!({}))["detail"]["confinement"]["enforced"].as_bool().unwrap()
    );
}

#[test]
fn what_is_no_template_is_refused_before_any_file_is_made() {
    let (place, _library, service) = serve_small();
    let mut peer = service.peer();
    let mut messages = BTreeSet::new();
    for (field, text) in [
        ("layout", "{title}/../{year}"),
        ("layout", "{unknown}"),
        ("layout", "{folder}/{year}"),
        ("layout", "/{year}"),
        ("layout", ""),
        ("layout", &"{uuid}".repeat(600)),
        ("layout", &"x".repeat(4_000)),
        ("names", "{title"),
        ("names", "{album}"),
        ("names", "a/b"),
        ("names", "a\nb"),
        ("edited_suffix", "_raw"),
        ("edited_suffix", "edited"),
        ("edited_suffix", "_x "),
    ] {
        let mut spec = json!({"library": "main", "destination": "~/Exports/never"});
        spec[field] = json!(text);
        let answer = peer.call("export.start", &json!({"spec": spec}));
        let error = &answer["error"];
        assert_eq!(error["data"]["reason"], "invalid-params", "{field} {text:.40} {answer}");
        assert!(error["data"]["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{answer}");
        assert!(messages.insert(error["message"].to_string()), "told apart: {answer}");
    }
    assert!(!place.exports().join("never").exists());
}

#[test]
fn a_title_that_fits_several_albums_lists_them() {
    let place = Place::new();
    let mut builder = darkslide_fixture::LibraryBuilder::new(darkslide_fixture::Model::Photos5);
    let photo = darkslide_fixture::AssetSpec::photo("a.jpg", darkslide_fixture::Content::jpeg(1));
    let asset = builder.asset(photo);
    for year in ["2023", "2024"] {
        let folder = builder.folder(darkslide_fixture::FolderSpec::new(year));
        builder.album(darkslide_fixture::AlbumSpec::new("Best").within(folder).members([asset]));
    }
    let library = builder.build(&place.path().join("L.photoslibrary")).unwrap();
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    let mut peer = service.peer();
    let answer = peer.call("asset.count", &json!({"library": "main", "filter": {"album": "Best"}}));
    assert_eq!(named(&answer), "AMBIGUOUS/ambiguous");
    let candidates = answer["error"]["data"]["candidates"].as_array().unwrap();
    let paths: Vec<&str> = candidates.iter().map(|one| one["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["2023/Best", "2024/Best"]);
    for candidate in candidates {
        let filter = json!({"library": "main", "filter": {"album": candidate["uuid"]}});
        assert_eq!(peer.result("asset.count", &filter)["count"], 1);
    }
}

/// What is answered, and how a good bundle is spoilt for it.
type Spoilt = (&'static str, fn(&Path));

const KINDS: [Spoilt; 9] = [
    ("LIBRARY_UNSUPPORTED/not-a-library", |bundle| {
        std::fs::remove_dir_all(bundle.join("database")).unwrap()
    }),
    ("LIBRARY_UNSUPPORTED/iphoto", |bundle| {
        std::fs::remove_dir_all(bundle.join("database")).unwrap();
        std::fs::write(bundle.join("AlbumData.xml"), "<plist/>").unwrap();
    }),
    ("LIBRARY_DAMAGED/library-damaged", |bundle| {
        std::fs::write(bundle.join("database/Photos.sqlite"), "").unwrap()
    }),
    ("LIBRARY_DAMAGED/library-damaged", |bundle| {
        std::fs::write(
            bundle.join("database/Photos.sqlite"),
            "this is a text, and no database at all",
        )
        .unwrap();
    }),
    ("LIBRARY_DAMAGED/library-damaged", |bundle| {
        let path = bundle.join("database/Photos.sqlite");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..100]).unwrap();
        for side in ["-wal", "-shm"] {
            let _absent =
                std::fs::remove_file(bundle.join(format!("database/Photos.sqlite{side}")));
        }
    }),
    ("LIBRARY_DAMAGED/library-damaged", |bundle| {
        std::fs::remove_file(bundle.join("database/Photos.sqlite")).unwrap();
    }),
    ("LIBRARY_DAMAGED/not-a-regular-file", |bundle| {
        let path = bundle.join("database/Photos.sqlite");
        std::fs::rename(&path, bundle.join("database/moved")).unwrap();
        symlink("moved", &path).unwrap();
    }),
    ("LIBRARY_DAMAGED/not-a-regular-file", |bundle| {
        let wal = bundle.join("database/Photos.sqlite-wal");
        let _absent = std::fs::remove_file(&wal);
        symlink("/dev/zero", &wal).unwrap();
    }),
    ("LIBRARY_DAMAGED/library-needs-recovery", |bundle| {
        for side in ["-wal", "-shm"] {
            let _absent =
                std::fs::remove_file(bundle.join(format!("database/Photos.sqlite{side}")));
        }
        // A rollback journal with content beside a database in rollback mode (bytes 18 and 19).
        let path = bundle.join("database/Photos.sqlite");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[18..20].copy_from_slice(&[1, 1]);
        std::fs::write(&path, bytes).unwrap();
        std::fs::write(bundle.join("database/Photos.sqlite-journal"), [0xd9; 512]).unwrap();
    }),
];

/// Makes a bundle of each bad kind and asks for it.
#[test]
fn what_is_no_readable_library_is_named_and_left_as_it_is() {
    for (expected, spoil) in KINDS {
        let place = Place::new();
        let library = small_library(place.path());
        spoil(library.path());
        let before = Snapshot::take(library.path()).unwrap();
        let service = place.start(DARKSLIDED, &Place::policy(library.path()));
        let mut peer = service.peer();
        assert_eq!(peer.error("library.info", &json!({"library": "main"})), expected);
        assert_eq!(peer.error("asset.count", &json!({"library": "main"})), expected);
        let exported = crate::export(&mut peer, &json!("~/Exports"));
        assert!(exported["state"] == "failed" || exported["error"].is_object(), "{exported}");
        assert_eq!(peer.result("health", &json!({"brief": true}))["service"], "darkslide");
        drop(service);
        let after = Snapshot::take(library.path()).unwrap();
        assert!(before.diff_content(&after).is_empty(), "{}", before.diff_content(&after));
    }
}

#[test]
fn a_library_that_is_not_there_does_not_stop_the_daemon() {
    let place = Place::new();
    let service = place.start(DARKSLIDED, &Place::policy(&place.path().join("None.photoslibrary")));
    let mut peer = service.peer();
    assert_eq!(
        peer.error("library.info", &json!({"library": "main"})),
        "LIBRARY_UNAVAILABLE/absent"
    );
    assert_eq!(peer.result("library.list", &json!({}))["libraries"][0]["state"], "absent");
}
