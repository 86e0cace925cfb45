//! `plan` as a person types it: it says what an export would do, and makes nothing.
//!
//! By a private daemon the destination is a root of its own, which an export makes; a plan leaves
//! it as it is, there or not. What the rows of a plan are is tried at the service.

use std::fs;
use std::path::Path;

use darkslide_fixture::{Snapshot, demo_library};
use darkslide_tests::process::run;

use crate::on_library;

#[test]
fn a_plan_for_a_folder_that_is_not_there_is_that_for_an_empty_one_and_makes_nothing() {
    let place = tempfile::tempdir().unwrap();
    let library = demo_library(&place.path().join("L.photoslibrary")).unwrap();
    let plan = |to: &Path| {
        let ended = run(on_library(place.path(), library.path()).arg("plan").arg(to).arg("--json"));
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        ended.json()
    };
    let (none, empty) = (place.path().join("none"), place.path().join("empty"));
    fs::create_dir(&empty).unwrap();
    let before = Snapshot::take(place.path()).unwrap();
    let (of_none, of_empty) = (plan(&none), plan(&empty));
    let after = Snapshot::take(place.path()).unwrap();
    assert!(before.diff_content(&after).is_empty(), "{}", before.diff_content(&after));
    assert!(!none.exists());
    assert!(of_none["actions"]["copy"].as_u64().unwrap() > 0, "{of_none}");
    assert_eq!(
        (&of_none["actions"], &of_none["bytes"]),
        (&of_empty["actions"], &of_empty["bytes"])
    );
    // Nothing tells of a disk that nobody looked at.
    assert!(of_none.get("free").is_none() && of_empty.get("free").is_some());
    let exported = run(on_library(place.path(), library.path()).args(["export"]).arg(&none));
    assert!(none.exists(), "{}", exported.stderr);
    assert!(plan(&none)["actions"]["unchanged"].as_u64().unwrap() > 0);
}

#[test]
fn a_plan_is_refused_where_an_export_would_be() {
    let place = tempfile::tempdir().unwrap();
    let library = demo_library(&place.path().join("L.photoslibrary")).unwrap();
    let plan = |to: &Path| run(on_library(place.path(), library.path()).arg("plan").arg(to));
    let exported = place.path().join("exported");
    fs::create_dir_all(exported.join(".darkslide")).unwrap();
    fs::write(place.path().join("file"), "mine").unwrap();
    let to_no = [
        (library.path().join("x"), "lies in the library"),
        (exported.join("x"), "lies in the destination"),
        (place.path().join("not/mounted"), "cannot find the folder"),
        (place.path().join("file"), "hint: "),
    ];
    for (to, says) in to_no {
        let refused = plan(&to);
        assert_eq!(refused.code(), 1, "{}: {}", to.display(), refused.stderr);
        assert!(refused.stderr.contains(says), "{}: {}", to.display(), refused.stderr);
        assert!(!to.is_dir(), "{}", to.display());
    }
}
