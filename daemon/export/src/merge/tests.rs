//! Merging in flat memory tells what a map in memory would, whatever order things stand in.
//!
//! The map is the rule: a row counts if no later line has its key or its path.
//! What is merged comes through the real journal and the real manifest.

use std::collections::BTreeMap;

use proptest::prelude::*;

use darkslide_policy::RelPath;

use super::*;
use crate::journal::{Intent, Left, Line};
use crate::lines::tests::file_of;
use crate::manifest::tests::{bytes_of, open, rows_of};
use crate::row::tests::row;
use crate::row::{Key, Row};
use crate::settle::{Change, happened};
use crate::shared::slow_wanted;
use crate::sums::tests::checked;
use darkslide_policy::Component;
use darkslide_protocol::value::Uuid;

/// As the manifest was while all of it was in memory.
#[derive(Default)]
struct Model {
    files: BTreeMap<Key, Row>,
}

impl Model {
    fn apply(&mut self, change: Change) {
        match change {
            Change::Put(row) => {
                self.files.retain(|_, other| other.path != row.path);
                self.files.insert(row.key.clone(), row);
            }
            Change::Drop(key) => drop(self.files.remove(&key)),
        }
    }
}

fn name(n: u64) -> Component {
    Component::parse(&format!("{n:032x}")).unwrap()
}

/// A row of one of two libraries, of one of two versions.
fn of(asset: u8, path: u8, size: u64) -> Row {
    let mut row = Row { size, ..row(asset / 2, &format!("p{path}")) };
    if asset.is_multiple_of(2) {
        row.key.version = "edited".to_owned();
    }
    if asset.is_multiple_of(3) {
        row.key.library = "K".to_owned();
    }
    row
}

/// What a job does in one batch.
#[derive(Debug, Clone)]
struct Act {
    kind: u8,
    asset: u8,
    path: u8,
    did_not: bool,
}

fn intent_of(act: &Act, n: u64) -> Intent {
    let row = of(act.asset, act.path, n);
    match act.kind {
        0 => Intent::Publish { tmp: name(n), row },
        1 => Intent::Adopt { row },
        2 => Intent::Move {
            aside: name(n),
            new: row.path.clone(),
            row: of(act.asset, act.path + 1, n),
        },
        _ => Intent::Trash { to: RelPath::parse(".darkslide/trash/x/y").unwrap(), row },
    }
}

/// The journal of some batches, and what it means: each batch, and what of it did not happen.
fn journal_of(batches: &[Vec<Act>], model: &mut Model) -> Vec<u8> {
    let mut lines = vec![Line::first("job")];
    let mut n = 0;
    for batch in batches {
        let mut nots = Vec::new();
        for act in batch {
            n += 1;
            let intent = intent_of(act, n);
            if act.did_not {
                nots.push(Line::Not { n, reason: "exists".to_owned() });
            } else {
                model.apply(happened(&intent));
            }
            lines.push(Line::Intent { n, intent: Box::new(intent) });
        }
        lines.push(Line::Flushed(n));
        lines.extend(nots);
    }
    lines.extend([Line::Flushed(n), Line::End {}]);
    lines.iter().flat_map(Line::to_bytes).collect()
}

fn changes_of(journal: &[u8], settled: Vec<Change>) -> Changes {
    let (file, size) = file_of(journal);
    let mut left = Left::read(file, size, || true).unwrap();
    assert!(left.doubt.entries.is_empty());
    left.changes.settle(settled).unwrap();
    left.changes
}

fn merged(old: &Manifest, changes: &Changes) -> (Vec<u8>, String) {
    let of = |text: &str, is_there| (RelPath::parse(text).unwrap(), is_there);
    let folders = Folders::from([of("m", true), of("c", false), of("zz", false)]);
    let (manifest, sums) = merge(old, changes, folders, (Vec::new(), Vec::new())).unwrap();
    (manifest, String::from_utf8(sums).unwrap())
}

fn acts() -> impl Strategy<Value = Vec<Vec<Act>>> {
    let act = (0_u8..4, 0_u8..12, 0_u8..8, prop::bool::weighted(0.1));
    let act = act.prop_map(|(kind, asset, path, did_not)| Act { kind, asset, path, did_not });
    prop::collection::vec(prop::collection::vec(act, 0..6), 0..6)
}

proptest! {
    #[test]
    fn any_journal_merges_to_what_a_map_in_memory_would_hold(
        before in prop::collection::vec((0_u8..12, 0_u8..8), 0..12),
        batches in acts(),
        settled in prop::collection::vec((0_u8..12, 0_u8..8, any::<bool>()), 0..6),
    ) {
        let mut model = Model::default();
        let before: Vec<Row> = before.iter().map(|(asset, path)| of(*asset, *path, 0)).collect();
        before.iter().for_each(|row| model.apply(Change::Put(row.clone())));
        let journal = journal_of(&batches, &mut model);
        let settled: Vec<Change> = settled.iter().map(|(asset, path, put)| {
            let row = of(*asset, *path, 1_000);
            if *put { Change::Put(row) } else { Change::Drop(row.key) }
        }).collect();
        settled.iter().for_each(|change| model.apply(change.clone()));
        // The old rows stand in any order, and some of them twice: no row depends on it.
        let old = open(&bytes_of(&before, &["b", "z"])).unwrap();
        let changes = changes_of(&journal, settled);
        let (bytes, sums) = merged(&old, &changes);
        let new = open(&bytes).unwrap();
        let rows = rows_of(&new);
        let as_map: BTreeMap<Key, Row> =
            rows.iter().map(|row| (row.key.clone(), row.clone())).collect();
        prop_assert_eq!(&as_map, &model.files);
        prop_assert_eq!(rows.len(), as_map.len());
        let folders: Vec<_> = new.folders().map(Result::unwrap).collect();
        let folders: Vec<&str> = folders.iter().map(RelPath::as_str).collect();
        prop_assert_eq!(folders, ["b", "m", "z"]);
        // Twice is once, and from a sorted manifest comes a sorted one.
        let sorted: Vec<Row> = model.files.values().cloned().collect();
        let mut again = rows_of(&open(&merged(&new, &changes).0).unwrap());
        again.sort_by(|one, other| one.key.cmp(&other.key));
        prop_assert_eq!(&again, &sorted);
        let sorted = open(&bytes_of(&sorted, &["b", "m", "z"])).unwrap();
        prop_assert_eq!(rows_of(&open(&merged(&sorted, &changes).0).unwrap()), rows_of(&sorted));
        let told: Vec<_> = sums.lines().map(|line| checked(line).unwrap()).collect();
        let digest = |row: &Row| (row.path.as_str().to_owned(), row.blake3.unwrap().to_string());
        prop_assert_eq!(told, rows.iter().map(digest).collect::<Vec<_>>());
    }
}

#[test]
fn a_sorted_manifest_and_any_journal_make_a_sorted_manifest() {
    let before: Vec<Row> = (10..60).map(|n| of(n, n, 0)).collect();
    let mut before_sorted = before;
    before_sorted.sort_by(|a, b| a.key.cmp(&b.key));
    let acts: Vec<Act> = (0..80)
        .rev()
        .map(|asset| Act { kind: 1, asset, path: 100 + asset, did_not: false })
        .collect();
    let journal = journal_of(&[acts], &mut Model::default());
    let old = open(&bytes_of(&before_sorted, &[])).unwrap();
    let rows = rows_of(&open(&merged(&old, &changes_of(&journal, vec![])).0).unwrap());
    assert_eq!(rows.len(), 80);
    assert!(rows.is_sorted_by(|one, other| one.key < other.key));
}

#[test]
fn names_that_swap_in_one_journal_keep_both_rows() {
    let old = open(&bytes_of(&[row(1, "a"), row(2, "b"), row(3, "c")], &[])).unwrap();
    let moving = |n: u8, old: &str, new: &str| Intent::Move {
        aside: name(u64::from(n)),
        new: RelPath::parse(new).unwrap(),
        row: row(n, old),
    };
    let intents = [moving(1, "a", "b"), moving(2, "b", "c"), moving(3, "c", "a")];
    let mut lines = vec![Line::first("job")];
    lines.extend(
        intents
            .into_iter()
            .zip(1..)
            .map(|(intent, n)| Line::Intent { n, intent: Box::new(intent) }),
    );
    lines.extend([Line::Flushed(3), Line::Flushed(3)]);
    let journal: Vec<u8> = lines.iter().flat_map(Line::to_bytes).collect();
    let rows = rows_of(&open(&merged(&old, &changes_of(&journal, vec![])).0).unwrap());
    assert_eq!(rows, [row(1, "b"), row(2, "c"), row(3, "a")]);
}

/// Makes the row of the `n`-th of many files; of each asset there are two.
fn of_many(size: u64) -> impl Fn(u32) -> Row {
    let row = Row { size, ..row(1, "x") };
    move |n| {
        let mut row = row.clone().at(RelPath::parse(&format!("p{n}")).unwrap());
        row.key.asset = Uuid::parse(&format!("{:08X}-0000-0000-0000-000000000000", n / 2)).unwrap();
        row.key.version = ["edited", "original"][(n % 2) as usize].to_owned();
        row
    }
}

#[test]
fn of_two_hundred_thousand_rows_that_are_merged_only_those_of_one_asset_are_held() {
    let rows: u32 = if slow_wanted() { 200_000 } else { 20_000 };
    let edited = rows / 2 - 1_000;
    let mut lines = Line::first("job").to_bytes();
    // In another order than that of keys.
    for (n, number) in (1..).zip((0..edited).map(|n| (n * 7_919) % edited).map(of_many(2))) {
        let intent = Box::new(Intent::Adopt { row: number });
        lines.extend(Line::Intent { n, intent }.to_bytes());
        if n % 4_096 == 0 {
            lines.extend(Line::Flushed(n).to_bytes());
        }
    }
    let last = u64::from(edited);
    lines.extend([Line::Flushed(last), Line::Flushed(last)].iter().flat_map(Line::to_bytes));
    let old: Vec<Row> = (edited / 2..rows).map(of_many(1)).collect();
    let old = open(&bytes_of(&old, &[])).unwrap();
    let changes = changes_of(&lines, vec![]);
    let (manifest, _) = merge(&old, &changes, Folders::new(), (Vec::new(), Vec::new())).unwrap();
    let new = open(&manifest).unwrap();
    assert_eq!((new.len(), new.bytes()), (rows as usize, u64::from(rows + edited)));
    assert_eq!(changes.held(), (32 * edited as usize, 2));
}
