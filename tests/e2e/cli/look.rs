//! Looking at a library: each command for a person and as JSON; the numbers agree with what was
//! built.
//!
//! Titles come from strangers: what a terminal would obey is shown, not obeyed.
//! Each state that a library's database files can be left in is read the same, and left as it was.

use darkslide_fixture::{
    AlbumSpec, AssetSpec, BuiltLibrary, Content, FolderSpec, LibraryBuilder, Model, WalState,
};
use darkslide_tests::process::{Ended, run};
use serde_json::{Value, json};

use crate::on_library;

fn library(folder: &std::path::Path, model: Model, wal: WalState) -> BuiltLibrary {
    let mut builder = LibraryBuilder::new(model);
    builder.wal(wal);
    let mut members = Vec::new();
    for seed in 0..12_u8 {
        let spec = AssetSpec::photo(format!("IMG_{seed:02}.JPG"), Content::jpeg(seed.into()));
        let spec = spec.taken_on(2023, 1 + seed, 5);
        members.push(builder.asset(if seed % 4 == 0 { spec.favorite() } else { spec }));
    }
    builder.asset(AssetSpec::photo("hidden.jpg", Content::jpeg(50)).taken_on(2024, 1, 1).hidden());
    builder.asset(AssetSpec::photo("trash.jpg", Content::jpeg(51)).taken_on(2024, 1, 2).trashed());
    builder.asset(AssetSpec::movie("film.mov", Content::mov(52)).taken_on(2024, 1, 3));
    builder.asset(
        AssetSpec::photo("evil\u{1b}[31m\u{202e}.jpg", Content::jpeg(53)).taken_on(2024, 1, 4),
    );
    let trips = builder.folder(FolderSpec::new("Trips"));
    let year = builder.folder(FolderSpec::new("2023").within(trips));
    builder.album(AlbumSpec::new("Best").within(year).members(members[..5].to_vec()));
    builder.build(&folder.join("L.photoslibrary")).unwrap()
}

fn ask(library: &BuiltLibrary, words: &[&str]) -> Ended {
    let home = library.path().parent().unwrap();
    let ended = run(on_library(home, library.path()).args(words));
    assert_eq!(ended.code(), 0, "{words:?}: {}", ended.stderr);
    ended
}

fn lines(ended: &Ended) -> Vec<Value> {
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// What a program of its own is told of itself: nobody else asks it, and it keeps nothing.
#[test]
fn a_private_daemon_says_that_it_is_one_and_has_no_audit_log() {
    let place = tempfile::tempdir().unwrap();
    let library = library(place.path(), Model::Photos11, WalState::Full);
    let health = ask(&library, &["health", "--json"]).json();
    assert_eq!(health["detail"]["started_by"], "private", "{health}");
    assert_eq!(health["detail"].get("audit"), None, "{health}");
    assert_eq!(health["detail"]["confinement"]["enforced"], true, "{health}");
    assert!(!place.path().join(".local").exists(), "it keeps no state");
}

#[test]
fn numbers_agree_in_every_model_and_in_every_state_of_the_wal() {
    for model in [Model::Photos5, Model::Photos11] {
        for wal in WalState::READABLE {
            let place = tempfile::tempdir().unwrap();
            let library = library(place.path(), model, wal);
            let before = darkslide_fixture::Snapshot::take(library.path()).unwrap();
            let info = ask(&library, &["info", "--json"]).json();
            assert_eq!(
                (&info["photos"], &info["movies"]),
                (&Value::from(13), &Value::from(1)),
                "{info}"
            );
            assert_eq!(
                (&info["hidden"], &info["trashed"]),
                (&Value::from(1), &Value::from(1)),
                "{info}"
            );
            let count = |words: &[&str]| {
                let words = [&["count", "--json"], words].concat();
                ask(&library, &words).json()["count"].as_u64().unwrap()
            };
            assert_eq!(count(&[]), 14);
            assert_eq!(count(&["--include", "hidden,trashed"]), 16);
            assert_eq!(count(&["--album", "Trips/2023/Best"]), 5);
            assert_eq!(count(&["--album", "Best", "--is", "favorite"]), 2);
            assert_eq!(count(&["--kind", "movie"]), 1);
            let after = darkslide_fixture::Snapshot::take(library.path()).unwrap();
            assert!(
                before.diff_content(&after).is_empty(),
                "{model:?} {wal:?}: {}",
                before.diff_content(&after)
            );
        }
    }
}

#[test]
fn pages_hold_every_asset_once_in_order_both_ways() {
    let place = tempfile::tempdir().unwrap();
    let library = library(place.path(), Model::Photos11, WalState::Full);
    let names = |descending: bool| {
        let (mut names, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let mut params = json!({"library": "library", "limit": 3, "descending": descending});
            if cursor.is_string() {
                params["cursor"] = cursor;
            }
            let page =
                ask(&library, &["call", "asset.query", &params.to_string(), "--json"]).json();
            let assets = page["assets"].as_array().unwrap();
            assert!(assets.len() <= 3);
            names.extend(
                assets.iter().map(|asset| asset["original_filename"].as_str().unwrap().to_owned()),
            );
            match page.get("next") {
                Some(next) => cursor = next.clone(),
                None => return names,
            }
        }
    };
    let all = lines(&ask(&library, &["query", "--json", "--all"]));
    let forward = names(false);
    assert_eq!((forward.len(), all.len()), (14, 14));
    assert_eq!((forward[0].as_str(), forward[12].as_str()), ("IMG_00.JPG", "film.mov"));
    let mut backward = names(true);
    backward.reverse();
    assert_eq!(forward, backward);
}

#[test]
fn an_asset_is_got_by_its_uuid_and_an_unknown_one_is_named() {
    let place = tempfile::tempdir().unwrap();
    let library = library(place.path(), Model::Photos5, WalState::Empty);
    let known = library.assets()[0].uuid().to_owned();
    let got = ask(&library, &["get", "--json", &known]).json();
    assert_eq!(got["assets"][0]["uuid"], known.as_str());
    assert_eq!(got["assets"][0]["albums"][0], "Best");
    let unknown = "00000000-0000-4000-8000-00000000ABCD";
    let ended =
        run(on_library(place.path(), library.path()).args(["get", "--json", &known, unknown]));
    assert_eq!(ended.code(), 6, "{}", ended.stderr);
    assert!(ended.stderr.contains(unknown), "{}", ended.stderr);
}

#[test]
fn what_a_terminal_would_obey_is_shown_and_not_obeyed() {
    let place = tempfile::tempdir().unwrap();
    let library = library(place.path(), Model::Photos11, WalState::Full);
    let shown = ask(&library, &["query", "--all"]).stdout;
    assert!(shown.contains("evil"), "{shown}");
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
    let albums = ask(&library, &["albums"]).stdout;
    assert!(albums.contains("Trips/2023/Best"), "{albums}");
}

#[test]
fn without_a_word_the_usual_fields_are_told_and_all_of_them() {
    let place = tempfile::tempdir().unwrap();
    let library = library(place.path(), Model::Photos11, WalState::Full);
    let asset = &lines(&ask(&library, &["query", "--json", "--limit", "1"]))[0];
    for field in darkslide_protocol::field::Fields::summary().iter() {
        let is_there = asset.get(field.as_str()).is_some();
        assert!(is_there || field.as_str() == "problem", "{field} in {asset}");
    }
}

#[test]
fn the_files_of_an_asset_are_listed_and_an_unknown_one_is_named() {
    let place = tempfile::tempdir().unwrap();
    let library = library(place.path(), Model::Photos5, WalState::Empty);
    let known = library.assets()[0].uuid().to_owned();
    let listed = ask(&library, &["resources", "--json", &known]).json();
    let original = &listed["assets"][0]["resources"][0];
    assert_eq!(original["version"], "original");
    let path = library.path().join(original["path"].as_str().unwrap());
    assert_eq!(original["size"], path.metadata().unwrap().len());
    let shown = ask(&library, &["resources", &known]).stdout;
    assert!(shown.contains("original") && shown.contains(&known), "{shown}");
    let unknown = "00000000-0000-4000-8000-00000000ABCD";
    let ended = run(on_library(place.path(), library.path()).args(["resources", unknown]));
    assert_eq!(ended.code(), 6, "{}", ended.stderr);
    assert!(ended.stderr.contains(unknown), "{}", ended.stderr);
}

#[test]
fn flags_select_and_values_are_counted() {
    let place = tempfile::tempdir().unwrap();
    let library = library(place.path(), Model::Photos11, WalState::Full);
    let count = |words: &[&str]| {
        ask(&library, &[&["count", "--json"], words].concat()).json()["count"].as_u64().unwrap()
    };
    assert_eq!(count(&["--taken", "2023"]), 12);
    assert_eq!(count(&["--taken", "2023-02..2023-04"]), 3);
    assert_eq!(count(&["--filename", "img_0?.jpg"]), 10);
    assert_eq!(count(&["--filename", "FILM.MOV", "--filename", "img_00.jpg"]), 2);
    assert_eq!(count(&["--folder", "Trips", "--taken", "2023-01"]), 1);
    let with = ask(&library, &["count", "--json", "--with", "bytes,not_local,kinds"]).json();
    assert_eq!((&with["not_local"], &with["kinds"]["movie"]), (&json!(0), &json!(1)), "{with}");
    assert!(with["bytes"].as_u64().unwrap() > 0, "{with}");
    let years = ask(&library, &["facets", "year", "--json"]).json();
    let values = json!([{"value": "2023", "count": 12}, {"value": "2024", "count": 2}]);
    assert_eq!((&years["values"], &years["left_out"]), (&values, &json!(0)));
    let most = ask(&library, &["facets", "year", "--json", "--limit", "1"]).json();
    assert_eq!((most["values"].as_array().unwrap().len(), &most["left_out"]), (1, &json!(1)));
    let shown = ask(&library, &["facets", "kind", "--album", "Best"]).stdout;
    assert_eq!(shown, "kind   assets\nphoto       5\n");
    let wrong = run(on_library(place.path(), library.path()).args(["count", "--taken", "soon"]));
    assert_eq!(wrong.code(), 2, "{}", wrong.stderr);
}
