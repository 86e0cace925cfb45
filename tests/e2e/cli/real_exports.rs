//! The main promise, on every real library that can be read: each version that is on the disk
//! comes out whole, the rest is named with its reason, a second run copies nothing, and not a byte,
//! time or name of the library changes.
//!
//! What must come out was found by another program: `expected/LIBRARY.files.jsonl`; what it exports
//! itself stands in `expected/LIBRARY.osxphotos-export.jsonl`. Both are compared by content, and
//! where we differ the reason stands here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use darkslide_fixture::Snapshot;
use darkslide_tests::libraries::{MODERN, OLD, Real};
use darkslide_tests::process::run;
use darkslide_tests::shared::skip;
use serde_json::Value;

use crate::on_library;

/// The versions that an export takes by default.
const VERSIONS: &[&str] = &["original", "edited", "live_video", "edited_live_video", "raw"];
/// What `--aae` adds.
const ADJUSTMENTS: &[&str] = &["aae", "original_aae"];
/// The runs: without adjustment files, and with them once exports take that word.
const WITH_ADJUSTMENTS: &[bool] = &[false, true];

/// What we export and the other program does not: library, asset, version, reason. Nothing is left
/// out that it exports.
const MORE: &[(&str, &str, &str, &str)] = &[(
    "Test-Shared-10.15.1",
    "9D671650-B2FD-4760-84CA-FD25AF622C63",
    "original",
    "it believes the database, which says that it is missing; the file is there: the disk decides",
)];

fn export(home: &Path, library: &Path, to: &Path, aae: bool) -> (i32, Value) {
    let mut command = on_library(home, library);
    command.arg("export").arg(to).args(["--include", "hidden,trashed,bursts", "--json"]);
    if aae {
        command.arg("--aae");
    }
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

/// What the other program exports by default, by BLAKE3; it includes hidden assets, too.
fn exported_by_the_other(real: &Real, name: &str, files: &[Value]) -> BTreeSet<String> {
    let known = files.iter().filter(|file| file["sha256"].is_string());
    let known: HashMap<&str, &str> =
        known.map(|file| (text(file, "sha256"), text(file, "blake3"))).collect();
    let rows = real.expected(name, "osxphotos-export.jsonl");
    let default = rows.iter().filter(|row| row["options"] == "default");
    let theirs = default.map(|row| known.get(text(row, "sha256")).copied());
    theirs.map(|blake3| blake3.expect("a file of the library").to_owned()).collect()
}

/// Everything that was selected and did not come out is named, with its reason.
fn assert_told(name: &str, missing: &[&Value], code: i32, told: &Value) {
    let undone = told["undone"].as_array().unwrap();
    let named: BTreeSet<(&str, &str)> =
        undone.iter().map(|row| (text(row, "asset"), text(row, "version"))).collect();
    for file in missing {
        let key = (text(file, "uuid"), text(file, "version"));
        // An edit that never had a rendered file counts as unedited: that is no failure.
        let is_failure = key.1 == "original" || named.contains(&key);
        assert_eq!(named.contains(&key), is_failure, "{name}: {key:?} is named");
    }
    assert!(undone.iter().all(|row| !text(row, "reason").is_empty()), "{name}: {undone:?}");
    let outcomes = told["job"]["outcomes"].as_object().unwrap();
    let sum: u64 = outcomes.values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(Some(sum), told["job"]["selected"].as_u64(), "{name}: {told}");
    assert_eq!(code, if undone.is_empty() { 0 } else { 4 }, "{name}: {told}");
}

/// Exports it twice; returns which entries of [`MORE`] were needed.
fn export_twice(real: &Real, name: &str, aae: bool) -> Vec<usize> {
    let place = tempfile::tempdir().unwrap();
    let (library, to) = (real.bundle(name), place.path().join("out"));
    let before = Snapshot::take(&library).unwrap();
    let (code, first) = export(place.path(), &library, &to, aae);
    assert_eq!(first["job"]["state"], "finished", "{name}: {first}");

    let files: Vec<Value> = real.expected(name, "files.jsonl");
    let wanted = |version| VERSIONS.contains(&version) || aae && ADJUSTMENTS.contains(&version);
    let selected = files.iter().filter(|file| wanted(text(file, "version")));
    let (missing, here): (Vec<&Value>, Vec<&Value>) =
        selected.partition(|file| file["missing"] == true);
    let tree = contents(&to);
    let mut surplus = tree.clone();
    for file in &here {
        let count = surplus.get_mut(text(file, "blake3"));
        *count.unwrap_or_else(|| panic!("{name}: not exported: {file}")) -= 1;
    }
    let more = |file: &Value| {
        let key = (name, text(file, "uuid"), text(file, "version"));
        MORE.iter().position(|it| (it.0, it.1, it.2) == key)
    };
    let used: Vec<usize> = missing.iter().filter_map(|file| more(file)).collect();
    let missing: Vec<&Value> = missing.into_iter().filter(|file| more(file).is_none()).collect();
    assert_eq!(surplus.values().sum::<usize>(), used.len(), "{name}: nothing else: {surplus:?}");
    let theirs = exported_by_the_other(real, name, &files);
    let less: Vec<&String> = theirs.iter().filter(|it| !tree.contains_key(*it)).collect();
    assert!(less.is_empty(), "{name}: the other program has more: {less:?}");
    if !aae {
        assert_eq!(tree.len() - theirs.len(), used.len(), "{name}: and less for no reason");
    }
    assert_told(name, &missing, code, &first);

    let (again, second) = export(place.path(), &library, &to, aae);
    assert_eq!(again, code, "{name}");
    assert_eq!(second["job"]["files_total"], 0, "{name}: {second}");
    assert_eq!(second["job"]["outcomes"].get("copied"), None, "{name}: {second}");
    assert_eq!(contents(&to), tree, "{name}");
    let difference = before.diff_content(&Snapshot::take(&library).unwrap());
    assert!(difference.is_empty(), "{name}: {difference}");
    used
}

#[test]
fn every_real_library_comes_out_whole_and_stays_as_it_was() {
    let Some(real) = Real::shared() else {
        return skip("the real libraries are not beside the workspace");
    };
    for aae in WITH_ADJUSTMENTS {
        let names = MODERN.iter().chain(OLD);
        let used: BTreeSet<usize> =
            names.flat_map(|name| export_twice(&real, name, *aae)).collect();
        for (at, (library, asset, version, reason)) in MORE.iter().enumerate() {
            assert!(used.contains(&at), "not needed: {library} {asset} {version}: {reason}");
        }
    }
}

#[test]
fn the_newest_library_exits_with_4_and_the_empty_one_with_0() {
    let Some(real) = Real::shared() else {
        return skip("the real libraries are not beside the workspace");
    };
    for (name, expected, files) in [("Test-26.1", 4, 14), ("Test-Empty-Library-Ventura-13-5", 0, 0)]
    {
        let place = tempfile::tempdir().unwrap();
        let to = place.path().join("out");
        let (code, _) = export(place.path(), &real.bundle(name), &to, false);
        assert_eq!((code, contents(&to).values().sum::<usize>()), (expected, files), "{name}");
    }
}

#[test]
fn nothing_of_a_library_changes_when_an_ordinary_user_reads_it() {
    if !rustix::process::getuid().is_root() {
        return; // The test above was by an ordinary user.
    }
    let Some(real) = Real::shared() else {
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
