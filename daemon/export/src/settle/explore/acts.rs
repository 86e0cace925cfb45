//! One thing that a user does between a crash and the next run.
//!
//! All that can be done on a disk is tried: an edit in place with the same size, a removal, another
//! name, a copy, a file of his own, also in `tmp/` and `aside/`. A new file gets the first free
//! inode, as disks give it. The hazard: an act that nobody thought of.

use super::disk::{Disk, File, Op, SIZE, USERS};
use super::scratch::{at, component};
use darkslide_policy::Component;

use crate::settle::Spot;

/// What the user does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Nothing,
    /// In place, with the same size.
    Edit(Spot),
    Delete(Spot),
    /// To a name that nobody wants, or that somebody does.
    Rename(Spot, Spot),
    /// A file of his own.
    Put(Spot),
    /// Another file with the same content.
    Copy(Spot, Spot),
}

impl Act {
    /// All that can be done on a disk where these names mean something.
    pub(super) fn all(disk: &Disk, names: &[&str]) -> Vec<Self> {
        let mut acts = vec![Self::Nothing];
        let finals = names.iter().map(|name| at(name)).chain([at("elsewhere")]);
        let free: Vec<Spot> = finals.filter(|spot| !disk.names.contains_key(spot)).collect();
        for spot in disk.names.keys() {
            acts.push(Self::Edit(spot.clone()));
            acts.push(Self::Delete(spot.clone()));
            // Whoever takes something out of tmp/ takes what is there.
            if !matches!(spot, Spot::Temporary(_)) {
                acts.extend(free.iter().map(|to| Self::Rename(spot.clone(), to.clone())));
                acts.extend(free.iter().map(|to| Self::Copy(spot.clone(), to.clone())));
            }
        }
        acts.extend(free.into_iter().map(Self::Put));
        let stranger = Component::parse("notes.txt").unwrap();
        let names = [stranger, component(2), component(3), component(4)];
        for name in names {
            for spot in [Spot::Temporary(name.clone()), Spot::Aside(name.clone())] {
                if !disk.names.contains_key(&spot) {
                    acts.push(Self::Put(spot));
                }
            }
        }
        acts
    }

    pub(super) fn ops(&self, disk: &Disk) -> Vec<Op> {
        let inode = |spot: &Spot| disk.names[spot].inode;
        match self {
            Self::Nothing => Vec::new(),
            Self::Edit(spot) => vec![Op::Edit(inode(spot))],
            // His own leave to remove what is his.
            Self::Delete(spot) => vec![Op::Delete(spot.clone(), inode(spot))],
            Self::Rename(from, to) => vec![Op::Rename(from.clone(), to.clone())],
            Self::Put(spot) => {
                let inode = disk.free_inode();
                let file = File { inode, content: USERS, mtime: 2, size: SIZE };
                vec![Op::Create(spot.clone(), file)]
            }
            Self::Copy(from, to) => {
                let copy = File { inode: disk.free_inode(), mtime: 2, ..disk.names[from] };
                vec![Op::Create(to.clone(), copy)]
            }
        }
    }

    /// Did the user give this name?
    pub(super) fn named(&self, spot: &Spot) -> bool {
        matches!(self, Self::Rename(_, to) | Self::Copy(_, to) if to == spot)
    }
}
