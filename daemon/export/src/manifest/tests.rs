//! A manifest on the disk tells what one in memory would: the last row of a key and of a path.
//!
//! Manifests are bytes in a file without a name, as if a job had left them, sound or damaged.
//! The hazard that most of them are about: a later line that an earlier one must not outlive.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::lines::tests::file_of;
use crate::row::tests::row;

/// For tests that keep one up to date by hand.
impl Manifest {
    pub(crate) fn of(rows: &[Row]) -> Self {
        open(&bytes_of(rows, &[])).unwrap()
    }
}

pub(crate) fn bytes_of(rows: &[Row], folders: &[&str]) -> Vec<u8> {
    let mut writer = ManifestWriter::begin(Vec::new()).unwrap();
    rows.iter().for_each(|row| writer.row(row).unwrap());
    for folder in folders {
        writer.folder(&RelPath::parse(folder).unwrap()).unwrap();
    }
    writer.end().unwrap()
}

pub(crate) fn open(bytes: &[u8]) -> Result<Manifest, ManifestError> {
    let (file, size) = file_of(bytes);
    Manifest::open(file, size, || true)
}

/// One in which half of all keys and half of all paths have one hash.
fn open_weakly(bytes: &[u8]) -> Manifest {
    let (file, size) = file_of(bytes);
    let indexes = [Index::weak(), Index::weak()];
    Manifest::open_with(indexes, MAX_ROWS, file, size, || true).unwrap()
}

pub(crate) fn rows_of(manifest: &Manifest) -> Vec<Row> {
    manifest.rows().map(Result::unwrap).collect()
}

fn folders_of(manifest: &Manifest) -> Vec<String> {
    manifest.folders().map(|it| it.unwrap().as_str().to_owned()).collect()
}

#[test]
fn what_is_written_is_read_where_it_stands() {
    let rows = [row(1, "a/1.jpg"), row(2, "b.jpg"), row(3, "c.jpg")];
    let bytes = bytes_of(&rows, &["a", "b"]);
    let text = std::str::from_utf8(&bytes).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], r#"{"manifest":{"format":1}}"#);
    assert_eq!(lines[4], r#"{"folder":"a"}"#);
    let manifest = open(&bytes).unwrap();
    assert_eq!((manifest.len(), manifest.bytes()), (5, 30));
    assert_eq!(rows_of(&manifest), rows);
    assert_eq!(folders_of(&manifest), ["a", "b"]);
    for row in &rows {
        assert_eq!(manifest.get(&row.key).unwrap().as_ref(), Some(row));
        assert_eq!(manifest.holder(&row.path).unwrap().as_ref(), Some(row));
    }
    assert_eq!(manifest.get(&row(4, "x").key).unwrap(), None);
    assert_eq!(manifest.holder(&row(4, "x").path).unwrap(), None);
}

#[test]
fn keys_with_an_album_and_escaped_names_are_found() {
    let mut one = row(1, "a\\\"b/\u{e9}.jpg");
    one.key.album = Some(row(9, "x").key.asset);
    let manifest = open(&bytes_of(&[one.clone(), row(1, "b")], &[])).unwrap();
    assert_eq!(manifest.get(&one.key).unwrap(), Some(one.clone()));
    assert_eq!(manifest.holder(&one.path).unwrap(), Some(one));
    assert_eq!(manifest.get(&row(1, "b").key).unwrap(), Some(row(1, "b")));
}

#[test]
fn no_two_rows_have_one_path_and_the_later_counts() {
    let manifest = Manifest::of(&[row(1, "a.jpg"), row(2, "a.jpg")]);
    assert_eq!(rows_of(&manifest), [row(2, "a.jpg")]);
    assert_eq!(manifest.get(&row(1, "a.jpg").key).unwrap(), None);
    assert_eq!(manifest.holder(&row(1, "a.jpg").path).unwrap(), Some(row(2, "a.jpg")));
}

#[test]
fn an_open_manifest_stays_what_it_was_while_another_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.jsonl");
    let old = bytes_of(&[row(1, "a"), row(2, "b")], &[]);
    std::fs::write(&path, &old).unwrap();
    let file = File::open(&path).unwrap();
    let manifest = Manifest::open(file, old.len() as u64, || true).unwrap();
    std::fs::write(folder.path().join("new"), bytes_of(&[row(3, "a")], &[])).unwrap();
    std::fs::rename(folder.path().join("new"), &path).unwrap();
    assert_eq!(manifest.get(&row(2, "b").key).unwrap(), Some(row(2, "b")));
    assert_eq!(rows_of(&manifest).len(), 2);
}

#[test]
fn a_damaged_line_costs_its_row_alone() {
    let text = String::from_utf8(bytes_of(&[row(1, "a"), row(2, "b")], &[])).unwrap();
    let zeros = "\0".repeat(700);
    for (from, to) in [
        (r#""size""#, r#""s\u0000ze""#),
        (r#""path":"a""#, r#""path":"../a""#),
        ("00000001-", "0000000G-"),
        (r#"{"file":{"key":{"library":"L","asset":"00000001"#, &*zeros),
    ] {
        let damaged = text.replacen(from, to, 1);
        assert_ne!(damaged, text);
        let manifest = open(damaged.as_bytes()).unwrap();
        assert_eq!(rows_of(&manifest), [row(2, "b")], "{to}");
        assert_eq!(manifest.get(&row(1, "a").key).unwrap(), None);
        assert_eq!(manifest.get(&row(2, "b").key).unwrap(), Some(row(2, "b")));
    }
}

#[test]
fn without_its_first_line_it_is_none_of_ours() {
    let whole = bytes_of(&[row(1, "a"), row(2, "b")], &["c"]);
    let headless = &whole[whole.iter().position(|b| *b == b'\n').unwrap() + 1..];
    for bytes in [headless, &vec![0; whole.len()], b""] {
        let manifest = open(bytes).unwrap();
        assert_eq!((manifest.len(), rows_of(&manifest).len()), (0, 0));
        assert_eq!(folders_of(&manifest).len(), 0);
    }
    let none = Manifest::default();
    assert_eq!((rows_of(&none).len(), none.get(&row(1, "a").key).unwrap()), (0, None));
}

#[test]
fn a_newer_manifest_is_refused() {
    assert!(matches!(open(br#"{"manifest":{"format":2}}"#), Err(ManifestError::Newer(2))));
}

#[test]
fn more_rows_than_memory_has_room_for_are_damage() {
    const MOST: usize = 100;
    for (folders, taken) in [(MOST, true), (MOST + 1, false), (50 * MOST, false)] {
        let names: Vec<String> = (0..folders).map(|n| n.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (file, size) = file_of(&bytes_of(&[], &names));
        let indexes = [Index::default(), Index::default()];
        let manifest = Manifest::open_with(indexes, MOST, file, size, || true);
        assert_eq!(manifest.is_ok(), taken);
        assert!(taken || matches!(manifest, Err(ManifestError::TooMany)));
    }
}

#[test]
fn more_bytes_than_are_read_again_are_not_written() {
    let mut whole = ManifestWriter::begin(Vec::new()).unwrap();
    let begun = whole.bytes;
    whole.row(&row(1, "a")).unwrap();
    let line = whole.bytes - begun;
    for (bytes, taken) in
        [(MAX_BYTES - line, true), (MAX_BYTES - line + 1, false), (u64::MAX, false)]
    {
        let mut writer = ManifestWriter::begin(Vec::new()).unwrap();
        writer.bytes = bytes;
        let answer = writer.row(&row(1, "a"));
        assert_eq!(answer.is_ok(), taken);
        assert!(taken || matches!(answer, Err(ExportError::TooManyFiles)));
    }
}

#[test]
fn reading_ends_soon_after_it_is_asked_to_stop() {
    let names: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (file, size) = file_of(&bytes_of(&[], &names));
    let asked = Cell::new(0);
    let go_on = || {
        asked.set(asked.get() + 1);
        false
    };
    assert!(matches!(Manifest::open(file, size, go_on), Err(ManifestError::Stopped)));
    assert_eq!(asked.get(), 1, "it read on");
}

#[test]
fn in_memory_a_row_takes_sixteen_bytes() {
    let rows: Vec<Row> = (0..200).map(|n| row(n, &format!("p{n}"))).collect();
    let manifest = Manifest::of(&rows);
    assert_eq!(manifest.by_key.bytes() + manifest.by_path.bytes(), 16 * 200);
}

/// What the lines of a manifest say, one after the other.
fn told(rows: &[Row]) -> BTreeMap<Key, Row> {
    let mut told: BTreeMap<Key, Row> = BTreeMap::new();
    for row in rows {
        told.retain(|_, other| other.path != row.path);
        told.insert(row.key.clone(), row.clone());
    }
    told
}

proptest! {
    #[test]
    fn any_lines_tell_what_a_map_of_them_would_even_where_hashes_collide(
        lines in prop::collection::vec((0_u8..8, 0_u8..8), 0..30),
    ) {
        let rows: Vec<Row> =
            lines.iter().map(|(asset, path)| row(*asset, &format!("p{path}"))).collect();
        let expected = told(&rows);
        for manifest in [Manifest::of(&rows), open_weakly(&bytes_of(&rows, &[]))] {
            let read = rows_of(&manifest);
            prop_assert_eq!(read.len(), expected.len());
            prop_assert!(read.iter().all(|row| expected.get(&row.key) == Some(row)));
            let paths: BTreeSet<_> = read.iter().map(|row| row.path.as_str()).collect();
            prop_assert_eq!(paths.len(), read.len());
            for number in 0..8 {
                let asked = row(number, &format!("p{number}"));
                let found = manifest.get(&asked.key).unwrap();
                prop_assert_eq!(found.as_ref(), expected.get(&asked.key));
                let found = manifest.holder(&asked.path).unwrap();
                let holder = expected.values().find(|row| row.path == asked.path);
                prop_assert_eq!(found.as_ref(), holder);
            }
        }
    }
}
