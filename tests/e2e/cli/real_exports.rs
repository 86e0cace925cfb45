//! The main promise, on every real library of Photos 5 to 11: each version that is on the disk
//! comes out whole, the rest is named with its reason, a second run copies nothing, and not a byte,
//! time or name of the library changes.
//!
//! What must come out was found by another program: `expected/LIBRARY.files.jsonl`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use darkslide_fixture::Snapshot;
use darkslide_tests::libraries::{MODERN, Real};
use darkslide_tests::process::run;
use darkslide_tests::shared::skip;
use serde_json::Value;

use crate::on_library;

/// The versions that an export takes by default; adjustment files are asked for.
const VERSIONS: &[&str] = &["original", "edited", "live_video", "edited_live_video", "raw"];

/// Files that the other program calls missing because the database does, and that are there: the
/// disk decides.
const HERE_ALL_THE_SAME: &[(&str, &str, &str)] =
    &[("Test-Shared-10.15.1", "9D671650-B2FD-4760-84CA-FD25AF622C63", "original")];

fn export(home: &Path, library: &Path, to: &Path) -> (i32, Value) {
    let mut command = on_library(home, library);
    command.arg("export").arg(to).args(["--include", "hidden,trashed,bursts", "--json"]);
    let ended = run(&mut command);
    (ended.code(), ended.json())
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_else(|| panic!("{name} in {row}"))
}

/// Content of every file below a folder, by BLAKE3; `.darkslide` left out.
fn contents(folder: &Path) -> BTreeMap<String, usize> {
    let mut hashes = BTreeMap::new();
    let tree = Snapshot::take(folder).unwrap();
    for file in tree.files().filter(|file| !file.starts_with(".darkslide")) {
        *hashes.entry(tree.blake3(file).unwrap()).or_default() += 1;
    }
    hashes
}

#[test]
fn every_real_library_comes_out_whole_and_stays_as_it_was() {
    let Some(real) = Real::once() else {
        return skip("the real libraries are not beside the workspace");
    };
    for name in MODERN {
        let place = tempfile::tempdir().unwrap();
        let (library, to) = (real.bundle(name), place.path().join("out"));
        let before = Snapshot::take(&library).unwrap();
        let (code, first) = export(place.path(), &library, &to);
        let job = &first["job"];
        assert_eq!(job["state"], "finished", "{name}: {first}");

        let files: Vec<Value> = real.expected(name, "files.jsonl");
        let selected = files.iter().filter(|file| VERSIONS.contains(&text(file, "version")));
        let (missing, here): (Vec<&Value>, Vec<&Value>) =
            selected.partition(|file| file["missing"] == true);
        let mut exported = contents(&to);
        for file in &here {
            let count = exported.get_mut(text(file, "blake3"));
            *count.unwrap_or_else(|| panic!("{name}: not exported: {file}")) -= 1;
        }
        let (here_all_the_same, missing): (Vec<&Value>, Vec<&Value>) =
            missing.into_iter().partition(|file| {
                HERE_ALL_THE_SAME.contains(&(name, text(file, "uuid"), text(file, "version")))
            });
        let surplus: usize = exported.values().sum();
        assert_eq!(surplus, here_all_the_same.len(), "{name}: nothing else: {exported:?}");

        let undone = first["undone"].as_array().unwrap();
        let named: BTreeSet<(&str, &str)> =
            undone.iter().map(|row| (text(row, "asset"), text(row, "version"))).collect();
        for file in &missing {
            let key = (text(file, "uuid"), text(file, "version"));
            // An edit that never had a rendered file counts as unedited: that is no failure.
            let is_failure = key.1 == "original" || named.contains(&key);
            assert_eq!(named.contains(&key), is_failure, "{name}: {key:?} is named");
        }
        assert!(undone.iter().all(|row| !text(row, "reason").is_empty()), "{name}: {undone:?}");
        assert_eq!(code, if undone.is_empty() { 0 } else { 4 }, "{name}: {first}");

        let tree = contents(&to);
        let (again, second) = export(place.path(), &library, &to);
        assert_eq!(again, code, "{name}");
        assert_eq!(second["job"]["files_total"], 0, "{name}: {second}");
        assert_eq!(second["job"]["outcomes"].get("copied"), None, "{name}: {second}");
        assert_eq!(contents(&to), tree, "{name}");

        let after = Snapshot::take(&library).unwrap();
        let difference = before.diff_content(&after);
        assert!(difference.is_empty(), "{name}: {difference}");
    }
}

#[test]
fn the_newest_library_exits_with_4_and_the_empty_one_with_0() {
    let Some(real) = Real::once() else {
        return skip("the real libraries are not beside the workspace");
    };
    for (name, expected, files) in [("Test-26.1", 4, 14), ("Test-Empty-Library-Ventura-13-5", 0, 0)]
    {
        let place = tempfile::tempdir().unwrap();
        let to = place.path().join("out");
        let (code, _) = export(place.path(), &real.bundle(name), &to);
        assert_eq!((code, contents(&to).values().sum::<usize>()), (expected, files), "{name}");
    }
}

#[test]
fn nothing_of_a_library_changes_when_an_ordinary_user_reads_it() {
    if !rustix::process::getuid().is_root() {
        return; // The test above was by an ordinary user.
    }
    let Some(real) = Real::once() else {
        return skip("the real libraries are not beside the workspace");
    };
    use std::os::unix::process::CommandExt;
    for name in ["Test-26.1", "Test-10.15.7"] {
        let place = tempfile::tempdir().unwrap();
        let user = 12_345;
        std::os::unix::fs::chown(place.path(), Some(user), Some(user)).unwrap();
        let library = real.bundle(name);
        let before = Snapshot::take(&library).unwrap();
        let mut command = on_library(place.path(), &library);
        command.uid(user).gid(user).current_dir(place.path());
        let ended = run(command.arg("export").arg(place.path().join("out")).arg("--json"));
        assert_eq!(ended.code(), 4, "{name}: {}", ended.stderr);
        let after = Snapshot::take(&library).unwrap();
        // As an ordinary user not even the times of change differ.
        assert!(before.diff(&after).is_empty(), "{name}: {}", before.diff(&after));
    }
}
