//! The jobs that are explored: how the destination is before, and what is wanted there.
//!
//! Each is told in a line by what was and what is to be, and then taken for each kind of disk, with
//! hashes and without, with contents that are equal and that are not. The hazard: a kind of intent
//! that stands in none of them.

use std::collections::BTreeMap;

use super::disk::{Disk, File, Rows, SIZE, USERS};
use super::job::{ByKey, Wanted, row_of};
use super::scratch::{Kind, at, path};
use crate::row::Key;
use crate::row::tests::row;

/// A job.
#[derive(Debug)]
pub(super) struct Scene {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) hashed: bool,
    pub(super) disk: Disk,
    pub(super) wanted: BTreeMap<Key, Wanted>,
    /// Names that somebody has or wants.
    pub(super) names: Vec<&'static str>,
    /// Where somebody comes between in mid-job.
    pub(super) disturbed: Option<&'static str>,
}

/// A file before and after: where it was and what, where it is to be and what.
struct Told {
    before: Option<(&'static str, u8)>,
    after: Option<(&'static str, u8)>,
    how: How,
}

#[derive(PartialEq, Eq)]
enum How {
    Ours,
    /// Was taken over, once.
    Adopted,
    /// Stands there, and nobody has a row for it.
    Unknown,
    /// Somebody edited it, and it is to be restored.
    Restored,
}

fn moved(old: &'static str, new: &'static str) -> Told {
    Told { before: Some((old, 0)), after: Some((new, 0)), how: How::Ours }
}

fn new(name: &'static str) -> Told {
    Told { before: None, after: Some((name, 0)), how: How::Ours }
}

fn gone(name: &'static str) -> Told {
    Told { before: Some((name, 0)), after: None, how: How::Ours }
}

fn updated(old: &'static str, name: &'static str, how: How) -> Told {
    Told { before: Some((old, 0)), after: Some((name, 40)), how }
}

fn adopted(name: &'static str) -> Told {
    Told { before: Some((name, 0)), after: Some((name, 0)), how: How::Unknown }
}

fn jobs() -> Vec<(&'static str, Vec<Told>)> {
    vec![
        ("publish and adopt", vec![new("x"), new("y"), adopted("z")]),
        ("update and publish", vec![updated("a", "a", How::Ours), new("x")]),
        ("swap", vec![moved("a", "b"), moved("b", "a")]),
        ("rotation", vec![moved("a", "b"), moved("b", "c"), moved("c", "a")]),
        ("chain, and its freed name", vec![moved("a", "b"), moved("b", "c"), new("a")]),
        ("swap, then update", vec![updated("a", "b", How::Ours), moved("b", "a")]),
        ("update of what was taken over", vec![updated("a", "a", How::Adopted), gone("b")]),
        ("restored", vec![updated("a", "a", How::Restored), moved("b", "c")]),
        ("prune", vec![gone("a"), moved("b", "c")]),
        (
            "swap, update, prune",
            vec![moved("a", "b"), moved("b", "a"), updated("c", "c", How::Ours), gone("d")],
        ),
        ("two updates", vec![updated("a", "a", How::Ours), updated("b", "b", How::Ours)]),
    ]
}

fn scene(name: &str, told: &[Told], kind: Kind, hashed: bool, equal: bool) -> Scene {
    let mut disk = Disk::default();
    let mut rows = ByKey::new();
    let mut wanted = BTreeMap::new();
    let mut names = Vec::new();
    for (asset, it) in (1_u8..).zip(told) {
        let key = row(asset, "x").key;
        // What differs before differs after.
        let own = if equal { 1 } else { asset };
        let content = |change: u8| own + change;
        if let Some((name, change)) = it.before {
            names.push(name);
            let stands = if it.how == How::Adopted { USERS + asset } else { content(change) };
            let file = File { inode: disk.free_inode(), content: stands, mtime: 0, size: SIZE };
            if it.how != How::Unknown {
                let hashed = hashed || it.how == How::Adopted;
                let mut row = row_of(&key, &path(name), &file, content(change), hashed);
                row.adopted = it.how == How::Adopted;
                rows.insert(key.clone(), row);
            }
            let restored = it.how == How::Restored;
            let edited = File { content: USERS + asset, mtime: 3, ..file };
            disk.names.insert(at(name), if restored { edited } else { file });
        }
        if let Some((name, change)) = it.after {
            names.push(name);
            let restore = it.how == How::Restored;
            wanted.insert(key, Wanted { path: path(name), content: content(change), restore });
        }
    }
    names.sort_unstable();
    names.dedup();
    disk.rows = Rows::new(rows);
    let name = format!("{name}, {kind:?}, hashed: {hashed}, equal: {equal}");
    Scene { name, kind, hashed, disk, wanted, names, disturbed: None }
}

const KINDS: [Kind; 4] = [Kind::Exchange, Kind::NoExchange, Kind::Links, Kind::Placeholders];

/// Jobs in which somebody comes between, and where.
fn disturbed(kind: Kind, hashed: bool) -> Vec<Scene> {
    let updated = || updated("a", "a", How::Ours);
    let jobs = [
        ("a", vec![updated(), new("x")]),
        ("a", vec![updated(), moved("b", "c")]),
        ("x", vec![updated(), new("x")]),
        ("c", vec![moved("b", "c"), new("x")]),
    ];
    let scene = |(at, told): (&'static str, Vec<Told>)| {
        let name = format!("disturbed at {at}");
        Scene { disturbed: Some(at), ..scene(&name, &told, kind, hashed, false) }
    };
    jobs.into_iter().map(scene).collect()
}

/// Every job on every kind of disk, with and without hashes, with contents equal or not.
pub(super) fn all() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for kind in KINDS {
        for hashed in [true, false] {
            for (name, told) in jobs() {
                for equal in [true, false] {
                    scenes.push(scene(name, &told, kind, hashed, equal));
                }
            }
            scenes.extend(disturbed(kind, hashed));
        }
    }
    scenes
}
