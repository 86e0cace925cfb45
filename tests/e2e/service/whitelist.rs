//! The whitelist holds: nothing is written outside a root, nothing outside the bundle is read.
//!
//! Once as the kernel is, and once with `openat2` made unavailable by a wrapper, so that the door
//! walks components. After each attempt the disk is looked at, not only the answer.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use darkslide_fixture::Snapshot;
use darkslide_tests::process::{beside, command};
use darkslide_tests::service::{Place, Service};
use serde_json::{Value, json};

use crate::{DARKSLIDED, export, files_below, small_library};

/// Which way the door opens paths.
#[derive(Debug, Clone, Copy)]
enum Way {
    Openat2,
    Walk,
}

fn start(place: &Place, policy: &str, way: Way) -> Service {
    match way {
        Way::Openat2 => place.start(DARKSLIDED, policy),
        Way::Walk => {
            let policy = place.write_policy(policy);
            let mut wrapped = command(&beside(DARKSLIDED, "without"), &place.home());
            wrapped.args(["openat2=ENOSYS", "--"]).arg(DARKSLIDED);
            wrapped.arg("--socket").arg(place.socket()).arg("--policy").arg(policy);
            place.start_command(&mut wrapped)
        }
    }
}

fn outcome(status: &Value) -> String {
    match status.get("error").filter(|error| !error.is_null()) {
        Some(error) => {
            let data = &error["data"];
            format!("{}/{}", data["name"].as_str().unwrap(), data["reason"].as_str().unwrap())
        }
        None => status["state"].as_str().unwrap().to_owned(),
    }
}

fn destinations_outside_are_refused(way: Way) {
    let place = Place::new();
    let library = small_library(place.path());
    let evil = place.home().join("Exports-evil");
    fs::create_dir(&evil).unwrap();
    let service = start(&place, &Place::policy(library.path()), way);
    let before = Snapshot::take(place.path()).unwrap();
    let mut peer = service.peer();
    let home = place.home().display().to_string();
    let dotted = "INVALID_PARAMS/path-outside-root";
    let malformed = "INVALID_PARAMS/invalid-params";
    let denied = "DENIED/path-outside-root";
    for (destination, expected) in [
        (json!("~/Exports/../.ssh"), dotted),
        (json!("~/Exports/a/../../x"), dotted),
        (json!("~/Exports/.."), dotted),
        (json!("~/Exports/./a"), dotted),
        (json!("~/Exports//a"), malformed),
        (json!("~/Exports/a/"), malformed),
        (json!("../x"), malformed),
        (json!("Exports"), malformed),
        (json!(""), malformed),
        (json!("~/Exports-evil"), denied),
        (json!("~/Exports-evil/x"), denied),
        (json!("~/exports"), denied),
        (json!("~"), denied),
        (json!("/"), denied),
        (json!("/etc"), denied),
        (json!("file:///etc"), malformed),
        (json!(format!("{home}/Exports-evil")), denied),
        (json!(library.path().display().to_string()), denied),
        (json!({"root": "exports", "path": "/etc"}), malformed),
        (json!({"root": "exports", "path": "../x"}), dotted),
        (json!({"root": "exports", "path": "a/../b"}), dotted),
        (json!({"root": "exports", "path": ""}), malformed),
        (json!({"root": "exports", "path": "."}), malformed),
        (json!({"root": "exports", "path": "~/x"}), malformed),
        (json!({"root": "none"}), denied),
        (json!({"root": "exports", "path": ".darkslide"}), malformed),
        (json!({"root": "exports", "path": ".darkslide/journal.jsonl"}), malformed),
        (json!({"root": "exports", "path": "a/.DarkSlide/tmp/x"}), malformed),
    ] {
        assert_eq!(outcome(&export(&mut peer, &destination)), expected, "{way:?}: {destination}");
    }
    let after = Snapshot::take(place.path()).unwrap();
    let difference = before.diff_content(&after).to_string();
    // Those that the policy takes and the door refuses are jobs that failed, and kept as such; all
    // of them are recorded.
    let ours = ["log", "darkslide/jobs/", "darkslide/audit/"];
    let is_ours = |line: &&str| !ours.iter().any(|our| line.contains(our));
    let written: Vec<&str> = difference.lines().filter(is_ours).collect();
    assert!(written.is_empty(), "{way:?}: {difference}");
}

#[test]
fn destinations_outside_the_roots_are_refused() {
    destinations_outside_are_refused(Way::Openat2);
}

#[test]
fn destinations_outside_the_roots_are_refused_without_openat2() {
    destinations_outside_are_refused(Way::Walk);
}

fn links_in_a_destination_lead_nowhere(way: Way) {
    let place = Place::new();
    let library = small_library(place.path());
    let outside = place.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let service = start(&place, &Place::policy(library.path()), way);
    let mut peer = service.peer();
    for (name, target) in [
        ("link", outside.display().to_string()),
        ("dangling", "nowhere".to_owned()),
        ("loop", "loop".to_owned()),
        ("magic", "/proc/self/root".to_owned()),
    ] {
        symlink(&target, place.exports().join(name)).unwrap();
        for path in [name.to_owned(), format!("{name}/below")] {
            let answer = outcome(&export(&mut peer, &json!({"root": "exports", "path": path})));
            assert_eq!(answer, "DESTINATION/path-has-symlink", "{way:?}: {path}");
        }
    }
    // A link where the export makes a folder, and one where it puts a file.
    let target = place.exports().join("target");
    fs::create_dir(&target).unwrap();
    symlink(&outside, target.join("2024")).unwrap();
    let status = export(&mut peer, &json!({"root": "exports", "path": "target"}));
    assert_eq!(status["outcomes"]["conflict"], 10, "{way:?}: each file goes there: {status}");
    assert_eq!(status["outcomes"].get("copied"), None, "{way:?}: {status}");
    let files = place.exports().join("files/2024/05");
    fs::create_dir_all(&files).unwrap();
    symlink(outside.join("IMG_0.JPG"), files.join("IMG_0.JPG")).unwrap();
    let status = export(&mut peer, &json!({"root": "exports", "path": "files"}));
    assert_eq!(status["outcomes"]["conflict"], 1, "{way:?}: {status}");
    assert!(fs::symlink_metadata(files.join("IMG_0.JPG")).unwrap().is_symlink(), "left as it was");
    assert_eq!(files_below(&outside), Vec::<std::path::PathBuf>::new(), "{way:?}");
}

#[test]
fn links_in_a_destination_lead_nowhere_at_all() {
    links_in_a_destination_lead_nowhere(Way::Openat2);
}

#[test]
fn links_in_a_destination_lead_nowhere_without_openat2() {
    links_in_a_destination_lead_nowhere(Way::Walk);
}

fn hostile_library_reads_nothing_outside(way: Way) {
    let place = Place::new();
    let secret = place.path().join("secret");
    fs::write(&secret, "SECRET").unwrap();
    let mut builder = darkslide_fixture::LibraryBuilder::new(darkslide_fixture::Model::Photos11);
    let photo =
        |name: &str| darkslide_fixture::AssetSpec::photo(name, darkslide_fixture::Content::jpeg(7));
    let linked = builder.asset(photo("linked.jpg"));
    builder.asset(photo("up.jpg").directory("../..").file_name("secret"));
    builder.asset(
        photo("absolute.jpg").directory(place.path().display().to_string()).file_name("secret"),
    );
    builder.asset(photo("named.jpg").file_name("../../secret"));
    builder.asset(photo("../../escape.jpg"));
    let library = builder.build(&place.path().join("L.photoslibrary")).unwrap();
    let original = library.file(linked, darkslide_fixture::Version::Original).unwrap();
    let original = library.path().join(original.path().unwrap());
    fs::remove_file(&original).unwrap();
    symlink(&secret, &original).unwrap();
    let service = start(&place, &Place::policy(library.path()), way);
    let status = export(&mut service.peer(), &json!("~/Exports"));
    assert_eq!(status["state"], "finished", "{way:?}: {status}");
    assert_eq!(status["selected"], 5, "{way:?}: {status}");
    let exported = files_below(&place.exports());
    assert_eq!(
        exported.len(),
        1,
        "only the asset whose name alone is hostile has a file: {exported:?}"
    );
    for file in &exported {
        let bytes = fs::read(place.exports().join(file)).unwrap();
        assert_ne!(bytes, b"SECRET", "{way:?}: {file:?}");
    }
    assert!(!place.path().join("escape.jpg").exists() && !place.home().join("escape.jpg").exists());
}

#[test]
fn a_hostile_library_reads_nothing_outside_its_bundle() {
    hostile_library_reads_nothing_outside(Way::Openat2);
}

#[test]
fn a_hostile_library_reads_nothing_outside_without_openat2() {
    hostile_library_reads_nothing_outside(Way::Walk);
}

/// A destination folder is exchanged with a link to outside, again and again, while exports run
/// into it.
fn exchanges_with_a_link(way: Way) {
    const EXCHANGES: u64 = 20_000;
    let place = Place::new();
    let library = small_library(place.path());
    let outside = place.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let service = start(&place, &Place::policy(library.path()), way);
    let root = rustix::fs::open(
        place.exports(),
        rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::RDONLY,
        rustix::fs::Mode::empty(),
    )
    .unwrap();
    fs::create_dir(place.exports().join("folder")).unwrap();
    symlink(&outside, place.exports().join("link")).unwrap();
    let (done, exchanged) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut exports = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while exchanged.load(Ordering::Relaxed) < EXCHANGES {
                let flags = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(&root, "folder", &root, "link", flags).unwrap();
                exchanged.fetch_add(1, Ordering::Relaxed);
            }
            done.store(true, Ordering::Relaxed);
        });
        let mut peer = service.peer();
        while !done.load(Ordering::Relaxed) {
            // In the folder itself, and in a folder below it that the export makes.
            for path in ["folder", "folder/below"] {
                let status = export(&mut peer, &json!({"root": "exports", "path": path}));
                let outcome = outcome(&status);
                let known = [
                    "finished",
                    "DESTINATION/path-has-symlink",
                    "DESTINATION/absent",
                    "DESTINATION/not-a-directory",
                    "DESTINATION/io-error",
                    "CONFLICT/destination-busy",
                    "CONFLICT/nested-destination",
                    "DESTINATION/root-replaced",
                ];
                assert!(known.contains(&outcome.as_str()), "{way:?}: {status}");
                exports += 1;
            }
        }
    });
    assert!(exports > 0);
    assert_eq!(
        all_below(&outside),
        0,
        "{way:?}: something was written outside in {exports} exports"
    );
}

fn all_below(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn no_export_follows_a_folder_that_is_exchanged_with_a_link() {
    exchanges_with_a_link(Way::Openat2);
}

#[test]
fn no_export_follows_an_exchanged_folder_without_openat2() {
    exchanges_with_a_link(Way::Walk);
}

#[test]
fn a_root_that_was_replaced_is_not_written_to() {
    let place = Place::new();
    let library = small_library(place.path());
    let service = start(&place, &Place::policy(library.path()), Way::Openat2);
    fs::rename(place.exports(), place.home().join("moved")).unwrap();
    fs::create_dir(place.exports()).unwrap();
    let status = export(&mut service.peer(), &json!("~/Exports"));
    assert_eq!(outcome(&status), "DESTINATION/root-replaced", "{status}");
    assert_eq!(all_below(&place.exports()), 0);
    assert_eq!(all_below(&place.home().join("moved")), 0);
}
