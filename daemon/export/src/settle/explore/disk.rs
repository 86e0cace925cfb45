//! A small file system in memory, with what a kill and what a power loss leave of it.
//!
//! Names and inodes, the journal's real lines, the rows of the manifest; what was done since the
//! last flush is kept as a list. After a power loss any part of that list may have reached the disk
//! that keeps the order on each name and each inode, any beginning of the journal's lines, and a
//! new file may be all zeros. The hazard: a model that is kinder than a disk.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use std::sync::LazyLock;

use crate::row::{Blake3, Key, Row, Stamp, There, is_own_name};
use crate::settle::Spot;

/// Contents of a user begin here; those of the library lie below.
pub(super) const USERS: u8 = 100;
/// What stands in a file whose content never reached the disk.
pub(super) const ZEROS: u8 = 0;
/// All contents are as long as each other, so that no size tells them apart.
pub(super) const SIZE: u64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct File {
    pub(super) inode: u64,
    pub(super) content: u8,
    pub(super) mtime: i64,
    pub(super) size: u64,
}

impl File {
    pub(super) fn there(&self, hashed: bool) -> There {
        There {
            regular: true,
            size: self.size,
            mtime: Stamp::for_tests(self.mtime),
            inode: self.inode,
            blake3: hashed.then(|| self.digest()),
        }
    }

    pub(super) fn digest(&self) -> Blake3 {
        static DIGESTS: LazyLock<Vec<Blake3>> =
            LazyLock::new(|| (0..=u8::MAX).map(|it| blake3::hash(&[it]).into()).collect());
        if self.size == 0 { blake3::hash(&[]).into() } else { DIGESTS[usize::from(self.content)] }
    }

    pub(super) fn is_users(&self) -> bool {
        self.size > 0 && self.content >= USERS
    }
}

pub(super) type Names = BTreeMap<Spot, File>;

/// The rows of a manifest, and a number that tells them from others.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) by_key: BTreeMap<Key, Row>,
    print: u64,
}

impl Rows {
    pub(super) fn new(by_key: BTreeMap<Key, Row>) -> Rc<Self> {
        let mut hasher = DefaultHasher::new();
        for row in by_key.values() {
            format!("{row:?}").hash(&mut hasher);
        }
        Rc::new(Self { by_key, print: hasher.finish() })
    }
}

impl Hash for Rows {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.print.hash(state);
    }
}

/// One thing that the kernel is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Op {
    Create(Spot, File),
    /// Nothing but a placeholder is ever replaced.
    Rename(Spot, Spot),
    Exchange(Spot, Spot),
    Link(Spot, Spot),
    /// The name, and the inode that it names.
    Unlink(Spot, u64),
    /// By the user, who may.
    Delete(Spot, u64),
    Edit(u64),
    Append(Rc<[u8]>),
    Merge(Rc<Rows>),
    RemoveJournal,
    Sync,
}

#[derive(PartialEq, Eq)]
enum Touched<'a> {
    Name(&'a Spot),
    Inode(u64),
    Manifest,
    Journal,
}

impl Op {
    /// What one op touches keeps its order with all others that touch it.
    fn touches(&self) -> Vec<Touched<'_>> {
        match self {
            Self::Create(spot, file) => vec![Touched::Name(spot), Touched::Inode(file.inode)],
            Self::Rename(one, other) | Self::Exchange(one, other) | Self::Link(one, other) => {
                vec![Touched::Name(one), Touched::Name(other)]
            }
            Self::Unlink(spot, inode) | Self::Delete(spot, inode) => {
                vec![Touched::Name(spot), Touched::Inode(*inode)]
            }
            Self::Edit(inode) => vec![Touched::Inode(*inode)],
            Self::Merge(_) => vec![Touched::Manifest],
            Self::Append(_) | Self::RemoveJournal | Self::Sync => vec![Touched::Journal],
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Disk {
    pub(super) names: Names,
    pub(super) journal: Option<Vec<Rc<[u8]>>>,
    pub(super) rows: Rc<Rows>,
}

impl Disk {
    pub(super) fn free_inode(&self) -> u64 {
        let used: BTreeSet<u64> = self.names.values().map(|file| file.inode).collect();
        (1..).find(|inode| !used.contains(inode)).unwrap()
    }

    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::Create(spot, file) => {
                assert!(self.names.insert(spot.clone(), *file).is_none(), "{spot:?} is taken");
            }
            Op::Rename(from, to) => {
                let file = self.names.remove(from).expect("it is there");
                let before = self.names.insert(to.clone(), file);
                assert!(before.is_none_or(|it| it.size == 0), "{to:?} is replaced");
            }
            Op::Exchange(one, other) => {
                let (first, second) = (self.names[one], self.names[other]);
                self.names.insert(one.clone(), second);
                self.names.insert(other.clone(), first);
            }
            Op::Link(from, to) => {
                let file = self.names[from];
                assert!(self.names.insert(to.clone(), file).is_none(), "{to:?} is taken");
            }
            Op::Unlink(spot, _) => {
                let file = self.names.remove(spot).expect("it is there");
                let has_other = self.names.values().any(|it| it.inode == file.inode);
                let precious = file.is_users() && !is_temporary_of_ours(spot);
                assert!(has_other || !precious, "somebody's work is removed: {spot:?}");
            }
            Op::Delete(spot, _) => {
                self.names.remove(spot).expect("it is there");
            }
            Op::Edit(inode) => {
                for file in self.names.values_mut().filter(|file| file.inode == *inode) {
                    (file.content, file.mtime) = (USERS, 1);
                }
            }
            Op::Append(line) => self.journal.get_or_insert_default().push(line.clone()),
            Op::Merge(rows) => self.rows = rows.clone(),
            Op::RemoveJournal => self.journal = None,
            Op::Sync => {}
        }
    }
}

/// What may be zeros after a power loss; of his own new files a user knows that himself.
fn is_copy(file: &File) -> bool {
    file.size > 0 && !file.is_users()
}

/// What stands there under a name of our form may be removed by anybody's leave.
pub(super) fn is_temporary_of_ours(spot: &Spot) -> bool {
    matches!(spot, Spot::Temporary(name) if is_own_name(name.as_str()))
}

/// A running machine: what programs see, and what of it is on the disk for certain.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) view: Disk,
    durable: Disk,
    pending: Vec<Op>,
}

impl World {
    pub(super) fn new(disk: Disk) -> Self {
        Self { view: disk.clone(), durable: disk, pending: Vec::new() }
    }

    pub(super) fn apply(&mut self, op: &Op) {
        self.view.apply(op);
        match op {
            Op::Sync => {
                self.durable = self.view.clone();
                self.pending.clear();
            }
            other => self.pending.push(other.clone()),
        }
    }

    /// All that a power loss may leave, what a kill leaves not among it.
    pub(super) fn power_losses(&self) -> Vec<Self> {
        let mut kept = Vec::new();
        self.choose(0, &mut Vec::new(), &mut kept);
        let mut losses = Vec::new();
        for taken in kept {
            for zeroed in [false, true] {
                let mut disk = self.durable.clone();
                for op in taken.iter().filter_map(|at| self.pending.get(*at)) {
                    match op {
                        Op::Create(spot, file) if zeroed && is_copy(file) => {
                            disk.apply(&Op::Create(spot.clone(), File { content: ZEROS, ..*file }));
                        }
                        _ => disk.apply(op),
                    }
                }
                losses.push(Self::new(disk));
                let copies =
                    |at: &usize| matches!(&self.pending[*at], Op::Create(_, it) if is_copy(it));
                if !taken.iter().any(copies) {
                    break;
                }
            }
        }
        losses
    }

    fn choose(&self, at: usize, taken: &mut Vec<usize>, kept: &mut Vec<Vec<usize>>) {
        let Some(op) = self.pending.get(at) else {
            kept.push(taken.clone());
            return;
        };
        self.choose(at + 1, taken, kept);
        let touched = op.touches();
        let depends = |before: &Op| before.touches().iter().any(|it| touched.contains(it));
        let earlier = self.pending.iter().enumerate().take(at);
        let mut lost = earlier.filter(|(before, _)| !taken.contains(before));
        if !lost.any(|(_, before)| depends(before)) {
            taken.push(at);
            self.choose(at + 1, taken, kept);
            taken.pop();
        }
    }

    /// Tells worlds apart, with what they will be after any power loss.
    pub(super) fn print(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.view.hash(&mut hasher);
        if !self.pending.is_empty() {
            self.durable.hash(&mut hasher);
            self.pending.hash(&mut hasher);
        }
        hasher.finish()
    }
}
