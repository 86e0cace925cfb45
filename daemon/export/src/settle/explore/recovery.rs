//! Settling as `recover.rs` does it, op by op: look, the real [`settle`], its steps, what clears
//! `tmp/` and `aside/`, and the merge in its order.
//!
//! Nobody comes between look and step here; a step that finds something else than was seen is a
//! fault. The hazard: a merge that is kinder than the one of `recover.rs`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::disk::{Disk, Op, Rows, is_temporary_of_ours};
use super::job::ByKey;
use super::scratch::{Kind, Scratch, give, trash_spot};
use crate::journal::Journal;
use crate::settle::{Change, Giving, Seen, Settlement, Spot, Step, questions, settle};

type Lines = Vec<Rc<[u8]>>;

thread_local! {
    /// The same lines are read again and again.
    static READ: RefCell<HashMap<Lines, Rc<Journal>>> = RefCell::default();
}

fn journal_of(lines: &[Rc<[u8]>]) -> Rc<Journal> {
    READ.with_borrow_mut(|read| {
        if let Some(journal) = read.get(lines) {
            return journal.clone();
        }
        let bytes = lines.concat();
        let journal = Rc::new(Journal::of_lines(bytes.as_slice()));
        read.insert(lines.to_vec(), journal.clone());
        journal
    })
}

fn decide(disk: &Disk, lines: &[Rc<[u8]>], kind: Kind) -> Settlement {
    let journal = journal_of(lines);
    let mut seen = Seen::new();
    for (spot, sizes) in questions(&journal).0 {
        if let Some(file) = disk.names.get(&spot) {
            seen.insert(spot, file.there(sizes.contains(&file.size)));
        }
    }
    let over = kind == Kind::Placeholders;
    settle(&journal, &seen, if over { Giving::OverPlaceholder } else { Giving::Exclusive })
}

/// All that settling asks of the kernel.
pub(super) fn ops(disk: &Disk, kind: Kind) -> Vec<Op> {
    let mut view = Scratch::new(disk);
    let settlement = disk.journal.as_ref().map(|lines| decide(disk, lines, kind));
    for step in settlement.iter().flat_map(|it| &it.steps) {
        carry_out(&mut view, step, kind);
    }
    clear(&mut view, kind);
    if let Some(settlement) = settlement {
        view.op(Op::Sync);
        let rows = merged(disk.rows.by_key.clone(), settlement.changes);
        view.op(Op::Merge(Rows::new(rows)));
        view.op(Op::Sync);
        view.op(Op::RemoveJournal);
    }
    view.ops
}

fn merged(mut rows: ByKey, changes: Vec<Change>) -> ByKey {
    for change in changes {
        match change {
            Change::Put(row) => {
                rows.retain(|_, other| other.path != row.path);
                rows.insert(row.key.clone(), row);
            }
            Change::Drop(key) => {
                rows.remove(&key);
            }
        }
    }
    rows
}

fn carry_out(view: &mut Scratch, step: &Step, kind: Kind) {
    match step {
        Step::Rename { from, to } => give(kind, view, from.clone(), to.clone()),
        Step::RemoveTemporary(name) => view.unlink(Spot::Temporary(name.clone())),
        Step::RemovePlaceholder(path) => {
            let aside = Spot::Aside(view.name());
            give(kind, view, Spot::Final(path.clone()), aside.clone());
            view.unlink(aside);
        }
        Step::Flush => view.op(Op::Sync),
        Step::RemoveAside { name, there, twin } => {
            let aside = Spot::Aside(name.clone());
            let file = view.disk.names[&aside];
            assert_eq!(file.there(there.blake3.is_some()), *there);
            let twin = twin.as_ref().map(|twin| view.disk.names[twin].inode);
            assert!(twin.is_none_or(|inode| inode == file.inode));
            view.unlink(aside);
        }
        Step::Trash { name, path } => {
            let to = trash_spot(&view.disk, path.as_str());
            give(kind, view, Spot::Aside(name.clone()), to);
        }
    }
}

fn clear(view: &mut Scratch, kind: Kind) {
    let left: Vec<Spot> = view.disk.names.keys().cloned().collect();
    for spot in left {
        match &spot {
            Spot::Final(_) | Spot::Trash(_) => {}
            Spot::Temporary(_) if is_temporary_of_ours(&spot) => view.unlink(spot),
            Spot::Temporary(name) | Spot::Aside(name) => {
                let to = trash_spot(&view.disk, name.as_str());
                give(kind, view, spot.clone(), to);
            }
        }
    }
}
