//! What is asked of the kernel, in the making: ops, and the disk as they leave it.
//!
//! It alone knows how each kind of disk gives a name that is free (docs/destination.md). The
//! hazard: a name given in two steps, between which anything can stop.

use std::rc::Rc;

use darkslide_policy::{Component, RelPath};

use super::disk::{Disk, File, Op};
use crate::journal::Line;
use crate::settle::Spot;

pub(super) fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

pub(super) fn at(text: &str) -> Spot {
    Spot::Final(path(text))
}

pub(super) fn component(number: u64) -> Component {
    Component::parse(&format!("{number:032x}")).unwrap()
}

/// What a file system can do (destination.md, 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Exchange,
    NoExchange,
    Links,
    Placeholders,
}

/// Gives a name that is free.
pub(super) fn give(kind: Kind, view: &mut Scratch, from: Spot, to: Spot) {
    match kind {
        Kind::Exchange | Kind::NoExchange => view.op(Op::Rename(from, to)),
        Kind::Links => {
            let inode = view.disk.names[&from].inode;
            view.op(Op::Link(from.clone(), to));
            view.op(Op::Unlink(from, inode));
        }
        Kind::Placeholders => {
            let inode = view.disk.free_inode();
            view.op(Op::Create(to.clone(), File { inode, content: 0, mtime: 0, size: 0 }));
            view.op(Op::Rename(from, to));
        }
    }
}

/// A name in the trash, numbered if it is taken.
pub(super) fn trash_spot(disk: &Disk, name: &str) -> Spot {
    let numbered = |number: u32| match number {
        1 => path(&format!(".darkslide/trash/day/{name}")),
        _ => path(&format!(".darkslide/trash/day/{name} ({number})")),
    };
    let mut free = (1..).map(|number| Spot::Trash(numbered(number)));
    free.find(|spot| !disk.names.contains_key(spot)).unwrap()
}

/// Ops, and the disk as they leave it.
pub(super) struct Scratch {
    pub(super) disk: Disk,
    pub(super) ops: Vec<Op>,
    next_name: u64,
}

impl Scratch {
    pub(super) fn new(disk: &Disk) -> Self {
        Self { disk: disk.clone(), ops: Vec::new(), next_name: 1 }
    }

    pub(super) fn op(&mut self, op: Op) {
        self.disk.apply(&op);
        self.ops.push(op);
    }

    pub(super) fn unlink(&mut self, spot: Spot) {
        let inode = self.disk.names[&spot].inode;
        self.op(Op::Unlink(spot, inode));
    }

    /// A name of our form that nothing has; the same one for the same disk.
    pub(super) fn name(&mut self) -> Component {
        loop {
            self.next_name += 1;
            let name = component(self.next_name);
            let [tmp, aside] = [Spot::Temporary(name.clone()), Spot::Aside(name.clone())];
            if !self.disk.names.contains_key(&tmp) && !self.disk.names.contains_key(&aside) {
                return name;
            }
        }
    }

    pub(super) fn line(&mut self, line: &Line) {
        self.op(Op::Append(Rc::from(line.to_bytes())));
    }
}
