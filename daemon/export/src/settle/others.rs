//! What became of each intent that gives no file another name: published, replaced, taken over, or
//! put into the trash.
//!
//! Pure, one function for each kind of intent. Nothing in `aside/` is removed but what is proven
//! ours by its hash; all else goes to the trash. The hazard: an intent that is on the disk while
//! its content is not, and a name that was free for an instant between two renames.

use darkslide_policy::{Component, RelPath};

use super::{Change, Disk, Spot, Step};
use crate::journal::{Doubt, Entry, Intent};
use crate::row::{Row, There};

/// Whose file is it?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Who {
    Old,
    New,
    Other,
}

/// An update, and what was found of it.
struct Replaced<'a> {
    tmp: &'a Component,
    aside: &'a Component,
    old: &'a Row,
    new: &'a Row,
    ours: bool,
    /// Its content is on the disk, and nobody said that it did not happen.
    may_happen: bool,
    did_not: bool,
}

impl Replaced<'_> {
    /// The inode says it, edited or not; else the content.
    fn who(&self, there: &There) -> Who {
        let (old, new) = (is_inode(self.old, there), is_inode(self.new, there));
        match (old, new) {
            (true, false) => Who::Old,
            (false, true) => Who::New,
            (true, true) | (false, false) if self.new.is(there) => Who::New,
            (true, true) | (false, false) if self.old.is(there) => Who::Old,
            (true, true) | (false, false) => Who::Other,
        }
    }

    fn place(&self) -> Spot {
        Spot::Final(self.new.path.clone())
    }
}

/// Is it the row's file, be it edited?
pub(super) fn is_inode(row: &Row, there: &There) -> bool {
    there.regular && there.inode == row.inode
}

/// By content, and not by what anybody may have.
fn is_proven(row: &Row, there: &There) -> bool {
    row.blake3.is_some() && row.is(there)
}

/// A name in `aside/` for what goes to that path in the trash.
pub(super) fn passage(to: &RelPath) -> Component {
    let mut name = blake3::hash(to.as_str().as_bytes()).to_hex().to_string();
    name.truncate(32);
    Component::parse(&name).expect("hexadecimal digits")
}

impl Disk {
    pub(super) fn settle_other(&mut self, entry: &Entry) {
        match &entry.intent {
            Intent::Publish { tmp, row } => self.settle_publish(entry, tmp, row),
            Intent::Adopt { row } => {
                if !entry.did_not && self.holds(&Spot::Final(row.path.clone()), row) {
                    self.change(Change::Put(row.clone()));
                }
            }
            Intent::Trash { to, row } => self.settle_trash(to, row),
            Intent::Replace { tmp, aside, old, new, ours } => self.settle_replace(&Replaced {
                tmp,
                aside,
                old,
                new,
                ours: *ours,
                may_happen: entry.doubt == Doubt::Flushed && !entry.did_not,
                did_not: entry.did_not,
            }),
            Intent::Move { .. } => {}
        }
    }

    fn settle_publish(&mut self, entry: &Entry, tmp: &Component, row: &Row) {
        let own = Spot::Temporary(tmp.clone());
        let place = Spot::Final(row.path.clone());
        let ours = |there: &There| row.is(there) || is_inode(row, there);
        if self.at(&own).is_none() {
            if !entry.did_not && self.at(&place).is_some_and(ours) {
                self.change(Change::Put(row.clone()));
            }
            return;
        }
        // While the temporary name is there, it did not happen; but where a file is linked and
        // unlinked instead of renamed, it can have both.
        let may_happen = entry.doubt == Doubt::Flushed && !entry.did_not;
        if may_happen && self.at(&place).is_none() && self.holds(&own, row) {
            self.rename(&own, &place);
            self.change(Change::Put(row.clone()));
            return;
        }
        let linked = self.has_name(row, &place);
        if linked && !entry.did_not {
            self.change(Change::Put(row.clone()));
        }
        self.remove_temporary(tmp, linked);
    }

    /// Has the file its name already, although something has the temporary one still? Whoever links
    /// has flushed before, whether or not the line that says so is on the disk.
    fn has_name(&self, row: &Row, place: &Spot) -> bool {
        self.at(place).is_some_and(|there| is_inode(row, there))
    }

    fn remove_temporary(&mut self, name: &Component, linked: bool) {
        if self.seen.remove(&Spot::Temporary(name.clone())).is_some() {
            let steps = if linked { &mut self.removals } else { &mut self.settlement.steps };
            steps.push(Step::RemoveTemporary(name.clone()));
        }
    }

    fn settle_trash(&mut self, to: &RelPath, row: &Row) {
        let (place, trash) = (Spot::Final(row.path.clone()), Spot::Trash(to.clone()));
        let passage = passage(to);
        for second in [Spot::Aside(passage.clone()), place.clone()] {
            if self.are_twins(&second, &trash) {
                self.remove_second_name(&second, &passage, &trash);
            }
        }
        let is_in = |spot: &Spot| self.at(spot).is_some_and(|there| is_inode(row, there));
        let still_there = !is_in(&trash) && (is_in(&place) || self.holds(&place, row));
        if !still_there {
            self.change(Change::Drop(row.key.clone()));
        }
    }

    fn settle_replace(&mut self, it: &Replaced<'_>) {
        let place = it.place();
        let (own, aside) = (Spot::Temporary(it.tmp.clone()), Spot::Aside(it.aside.clone()));
        let who = |spot: &Spot| self.at(spot).map(|there| it.who(there));
        let (here, beside, waits) = (who(&place), who(&aside), self.at(&own).is_some());
        if self.are_twins(&aside, &place) {
            // Linked to there, and not yet unlinked here.
            self.remove_aside(it.aside, Some(place));
            self.remove_temporary(it.tmp, false);
            return;
        }
        let linked = self.has_name(it.new, &place);
        let is_certain = match (here, beside) {
            (_, Some(Who::New)) => false,
            (Some(Who::New), Some(Who::Old | Who::Other) | None) => linked || !waits,
            // The old one went aside, so the new one had its name, unless it waits still.
            (Some(Who::Old | Who::Other), Some(Who::Old)) => !waits,
            (Some(Who::Other) | None, None) => !waits && it.may_happen,
            (Some(Who::Old | Who::Other), Some(Who::Other)) | (Some(Who::Old), None) => false,
            (None, Some(Who::Old | Who::Other)) => {
                self.close_gap(it);
                return;
            }
        };
        // It can be said that it did not happen, and not be put back yet.
        let happened = is_certain && (linked || !it.did_not);
        if happened {
            self.change(Change::Put(it.new.clone()));
        }
        self.remove_temporary(it.tmp, linked);
        self.clear_aside(it, happened && here == Some(Who::New));
    }

    /// Where nothing exchanges two files, the name is free between two renames.
    fn close_gap(&mut self, it: &Replaced<'_>) {
        let place = it.place();
        let (own, aside) = (Spot::Temporary(it.tmp.clone()), Spot::Aside(it.aside.clone()));
        let may_go_on = it.may_happen && self.holds(&own, it.new) && self.holds(&aside, it.old);
        if may_go_on {
            self.rename(&own, &place);
            self.change(Change::Put(it.new.clone()));
            self.clear_aside(it, true);
            return;
        }
        self.rename(&aside, &place);
        self.remove_temporary(it.tmp, false);
    }

    /// The old one may go where the new one stands, if it is proven ours; a new one that was not
    /// needed may go if it is proven. All else may be somebody's.
    fn clear_aside(&mut self, it: &Replaced<'_>, old_may_go: bool) {
        let Some(there) = self.at(&Spot::Aside(it.aside.clone())).copied() else {
            return;
        };
        let may_go = match it.who(&there) {
            Who::Old => old_may_go && it.ours && is_proven(it.old, &there),
            Who::New => is_proven(it.new, &there),
            Who::Other => false,
        };
        if may_go {
            self.remove_aside(it.aside, None);
        } else {
            self.trash(it.aside, &it.new.path);
        }
    }

    /// Of an update that is certain, what it put aside may be there still: it goes only after the
    /// flush behind the rename, and its going is certain only after one more.
    pub(super) fn settle_renamed(&mut self, entry: &Entry) {
        if let Intent::Replace { tmp, aside, old, new, ours } = &entry.intent {
            let (may_happen, did_not) = (!entry.did_not, entry.did_not);
            let it = Replaced { tmp, aside, old, new, ours: *ours, may_happen, did_not };
            self.clear_aside(&it, !did_not);
        }
    }
}
