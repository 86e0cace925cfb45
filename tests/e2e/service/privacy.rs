//! What a rule withholds does not exist for its peer: in queries, counts, exports and reports.
//!
//! Two daemons with one policy but for the rule that applies stand for two peers, since a test has
//! one uid. Which jobs a peer may know of is tried in the daemon's own tests. What is withheld is
//! looked for in every answer to every method, and the answers must be those of a library that
//! never had it.

#[path = "../../../daemon/library/tests/reader/privacy/plan.rs"]
mod plan;
mod walk;

use std::path::Path;

use darkslide_fixture::Model;
use darkslide_tests::service::Place;
use serde_json::json;

use crate::{DARKSLIDED, export, small_library};
use plan::{By, MARK, NUMBERS, Plan, SECRET, Withheld};
use walk::{Answer, Walk};

/// The policy of [`Place::policy`], with a rule that withholds hidden assets.
fn narrowed(library: &Path) -> String {
    Place::policy(library).replace("roots = [", "hidden = false\nroots = [")
}

#[test]
fn hidden_assets_do_not_exist_for_whom_they_are_withheld_from() {
    let place = Place::new();
    let library = small_library(place.path());
    let hidden = library.assets().iter().find(|asset| asset.original_name() == "hidden.jpg");
    let hidden = hidden.unwrap().uuid().to_owned();
    for (policy, sees) in [(Place::policy(library.path()), 1), (narrowed(library.path()), 0)] {
        let service = place.start(DARKSLIDED, &policy);
        let mut peer = service.peer();
        let all = json!({"library": "main", "include": ["hidden", "trashed", "bursts"]});
        assert_eq!(peer.result("asset.count", &all)["count"], 8 + sees);
        for filter in [json!({"is": "hidden"}), json!({"uuid": [hidden]})] {
            let params = json!({"library": "main", "filter": filter, "include": ["hidden"]});
            assert_eq!(peer.result("asset.count", &params)["count"], sees, "{filter}");
        }
        let kinds = json!({"library": "main", "facet": "kind", "include": ["hidden"]});
        let kinds = peer.result("facet.list", &kinds);
        assert_eq!(kinds["values"][0], json!({"value": "photo", "count": 8 + sees}));
        let with = json!({"library": "main", "include": ["hidden"], "with": ["kinds"]});
        assert_eq!(peer.result("asset.count", &with)["kinds"]["photo"], 8 + sees);
        let got = peer.result("asset.get", &json!({"library": "main", "uuids": [hidden]}));
        assert_eq!(got["assets"].as_array().unwrap().len(), sees);
        let info = peer.result("library.info", &json!({"library": "main"}));
        assert_eq!(info.get("hidden").is_some(), sees == 1, "{info}");
        let to = json!({"root": "exports", "path": format!("seen{sees}")});
        let status = export(&mut peer, &to);
        assert_eq!(status["selected"], 10 + sees, "{status}");
        let rows = peer.result("job.report", &json!({"job": status["job"], "limit": 1000}));
        assert_eq!(rows["rows"].to_string().contains("hidden.jpg"), sees == 1, "{rows}");
    }
}

/// All that a daemon says of a library that has what is withheld, or never had it.
fn answers(withheld: Withheld, by: By, has: bool) -> Vec<Answer> {
    let place = Place::new();
    let below = place.path().canonicalize().unwrap();
    let folder = below.join(format!("{MARK} disk"));
    let make = |has| Plan { withheld, has, folder: &folder };
    make(true).make_folder();
    // Both are made: a peer can ask for the assets of the one that it is not served.
    let with = below.join("With.photoslibrary");
    let built = make(true).build(Model::Photos11, &with);
    let assets: Vec<String> = built.assets().iter().map(|it| it.uuid().to_owned()).collect();
    let without = below.join("Without.photoslibrary");
    if !has {
        make(false).build(Model::Photos11, &without);
    }
    let (library, rule) = withheld.keys(by, &folder);
    let policy = Place::policy(if has { &with } else { &without });
    let policy = policy.replace("hidden = true\ntrashed = true\n", &library) + rule;
    let service = place.start(DARKSLIDED, &policy);
    Walk::through(&place, service.peer(), &assets)
}

fn marks(answer: &str) -> Vec<&str> {
    let answer = answer.to_lowercase();
    let words = [MARK, SECRET].into_iter().chain(NUMBERS.iter().copied());
    words.filter(|word| answer.contains(*word)).collect()
}

fn check_all_methods(withheld: Withheld) {
    let told: Vec<Answer> = answers(withheld, By::Nobody, true);
    assert!(told.iter().any(|(_, answer)| !marks(answer).is_empty()), "marks are found");
    for by in [By::Library, By::Rule] {
        if (withheld, by) == (Withheld::Albums, By::Library) {
            continue;
        }
        let (with, without) = (answers(withheld, by, true), answers(withheld, by, false));
        let mut wrong = Vec::new();
        for ((question, answer), (_, expected)) in with.iter().zip(&without) {
            let marks = marks(answer);
            if answer != expected || !marks.is_empty() {
                wrong.push(format!("{question} {marks:?}\n{answer}\n{expected}"));
            }
        }
        let some: Vec<&str> = wrong.iter().take(10).map(String::as_str).collect();
        let many = wrong.len();
        assert!(wrong.is_empty(), "{withheld:?} {by:?}: {many} answers\n{}", some.join("\n"));
        assert_eq!(with.len(), without.len());
    }
}

#[test]
fn no_method_tells_of_hidden_assets() {
    check_all_methods(Withheld::Hidden);
}

#[test]
fn no_method_tells_of_trashed_assets() {
    check_all_methods(Withheld::Trashed);
}

#[test]
fn no_method_tells_of_assets_and_albums_that_are_not_granted() {
    check_all_methods(Withheld::Albums);
}

#[test]
fn no_method_tells_of_locations() {
    check_all_methods(Withheld::Location);
}

#[test]
fn no_method_tells_of_folders_of_referenced_originals() {
    check_all_methods(Withheld::Referenced);
}
