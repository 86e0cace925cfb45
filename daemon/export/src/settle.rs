//! What a journal says and what the folders hold -> the steps that settle it, and the rows that are
//! true then.
//!
//! Pure, the table of reference/destination.md, 3, line by line; `recover.rs` looks, asks this, and
//! does it. Settling finds out what happened; it never copies, and it needs no library. Doing it
//! twice, or from any point of it again, gives the same. The hazard: equal contents look alike,
//! inodes come again, and somebody may have edited, removed or put something there between the
//! crash and now.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use darkslide_policy::{Component, RelPath};

use crate::journal::{Doubt, Entry, Intent, Journal};
use crate::row::{Key, Row, There};

/// A place where a file of the journal can be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Spot {
    /// Under a name that people see.
    Final(RelPath),
    /// In `tmp/`.
    Temporary(Component),
    /// In `aside/`.
    Aside(Component),
}

/// A place to look at, and the sizes at which the content's digest decides.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Questions(pub(crate) BTreeMap<Spot, BTreeSet<u64>>);

/// What was found; a place that is not in it is free. Where nothing of ours can be stands
/// [`There::BLOCKED`].
pub(crate) type Seen = BTreeMap<Spot, There>;

/// One thing to do on the disk, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A file gets a name that is free.
    Rename { from: Spot, to: RelPath },
    /// A temporary file is removed.
    RemoveTemporary(Component),
    /// What stands aside and belongs nowhere is put into the trash.
    Trash(Component),
}

/// One change of the manifest, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// This row is true.
    Put(Row),
    /// This one has no file any more.
    Drop(Key),
}

/// How a journal is settled.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Settlement {
    pub(crate) steps: Vec<Step>,
    pub(crate) changes: Vec<Change>,
}

/// The journal holds an intent that this program does not settle.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal holds updates, which only a newer program writes")]
pub(crate) struct NewerIntent;

/// Names all places that have to be looked at before [`settle`].
pub(crate) fn questions(journal: &Journal) -> Questions {
    let mut questions = Questions::default();
    let mut ask = |spot: Spot, row: &Row| {
        let sizes = questions.0.entry(spot).or_default();
        if row.blake3.is_some() {
            sizes.insert(row.size);
        }
    };
    for entry in doubtful(journal) {
        match &entry.intent {
            Intent::Publish { tmp, row } => {
                ask(Spot::Temporary(tmp.clone()), row);
                ask(Spot::Final(row.path.clone()), row);
            }
            Intent::Move { aside, new, row } => {
                ask(Spot::Aside(aside.clone()), row);
                ask(Spot::Final(row.path.clone()), row);
                ask(Spot::Final(new.clone()), row);
            }
            Intent::Adopt { row } | Intent::Trash { row, .. } => {
                ask(Spot::Final(row.path.clone()), row);
            }
            Intent::Replace { .. } => {}
        }
    }
    questions
}

/// Settles a journal.
pub(crate) fn settle(journal: &Journal, seen: &Seen) -> Result<Settlement, NewerIntent> {
    let mut settlement = Settlement::default();
    for entry in &journal.entries {
        if matches!(entry.intent, Intent::Replace { .. }) {
            return Err(NewerIntent);
        }
        if entry.doubt == Doubt::Settled && !entry.did_not {
            settlement.changes.push(happened(&entry.intent));
        }
    }
    let mut disk = Disk { seen: seen.clone(), settlement };
    let moves = doubtful(journal).filter_map(|entry| match &entry.intent {
        Intent::Move { aside, new, row } => Some(Mover::new(aside, new, row)),
        Intent::Publish { .. }
        | Intent::Adopt { .. }
        | Intent::Replace { .. }
        | Intent::Trash { .. } => None,
    });
    Moves::new(moves.collect()).settle(&mut disk);
    for entry in doubtful(journal) {
        disk.settle_other(entry);
    }
    Ok(disk.settlement)
}

fn doubtful(journal: &Journal) -> impl Iterator<Item = &Entry> {
    let entries = journal.entries.iter();
    entries.filter(|entry| entry.doubt != Doubt::Settled)
}

/// The row that is true once an intent was carried out.
fn happened(intent: &Intent) -> Change {
    match intent {
        Intent::Publish { row, .. } | Intent::Adopt { row } => Change::Put(row.clone()),
        Intent::Move { new, row, .. } => Change::Put(row.clone().at(new.clone())),
        Intent::Replace { new, .. } => Change::Put((**new).clone()),
        Intent::Trash { row, .. } => Change::Drop(row.key.clone()),
    }
}

/// What the folders hold, as the steps so far change it.
struct Disk {
    seen: Seen,
    settlement: Settlement,
}

impl Disk {
    fn at(&self, spot: &Spot) -> Option<&There> {
        self.seen.get(spot)
    }

    fn holds(&self, spot: &Spot, row: &Row) -> bool {
        self.at(spot).is_some_and(|there| row.is(there))
    }

    fn rename(&mut self, from: &Spot, to: &RelPath) {
        if let Some(there) = self.seen.remove(from) {
            self.seen.insert(Spot::Final(to.clone()), there);
        }
        self.settlement.steps.push(Step::Rename { from: from.clone(), to: to.clone() });
    }

    fn change(&mut self, change: Change) {
        self.settlement.changes.push(change);
    }

    fn settle_other(&mut self, entry: &Entry) {
        match &entry.intent {
            Intent::Publish { tmp, row } => self.settle_publish(entry, tmp, row),
            Intent::Adopt { row } => {
                if !entry.did_not && self.holds(&Spot::Final(row.path.clone()), row) {
                    self.change(Change::Put(row.clone()));
                }
            }
            Intent::Trash { row, .. } => {
                let place = Spot::Final(row.path.clone());
                let still_there = self.at(&place).is_some_and(|there| {
                    row.is(there) || (there.regular && there.inode == row.inode)
                });
                if !still_there {
                    self.change(Change::Drop(row.key.clone()));
                }
            }
            Intent::Move { .. } | Intent::Replace { .. } => {}
        }
    }

    fn settle_publish(&mut self, entry: &Entry, tmp: &Component, row: &Row) {
        let own = Spot::Temporary(tmp.clone());
        let place = Spot::Final(row.path.clone());
        let is_inode = |there: &There| there.regular && there.inode == row.inode;
        // While the temporary name is there, it did not happen; but where a file is linked and
        // unlinked instead of renamed, it can have both.
        if let Some(waiting) = self.at(&own).copied() {
            let may_happen = entry.doubt == Doubt::Flushed && !entry.did_not;
            let linked = is_inode(&waiting) && self.at(&place).is_some_and(is_inode);
            if may_happen && self.at(&place).is_none() && self.holds(&own, row) {
                self.rename(&own, &row.path);
                self.change(Change::Put(row.clone()));
                return;
            }
            self.settlement.steps.push(Step::RemoveTemporary(tmp.clone()));
            if may_happen && linked {
                self.change(Change::Put(row.clone()));
            }
            return;
        }
        let ours = |there: &There| row.is(there) || is_inode(there);
        if !entry.did_not && self.at(&place).is_some_and(ours) {
            self.change(Change::Put(row.clone()));
        }
    }
}

/// A file that was to get another name.
struct Mover {
    row: Row,
    aside: Component,
    new: RelPath,
    /// Where it is.
    found: Option<Spot>,
}

impl Mover {
    fn new(aside: &Component, new: &RelPath, row: &Row) -> Self {
        Self { row: row.clone(), aside: aside.clone(), new: new.clone(), found: None }
    }

    /// Where it can be, the likeliest first.
    fn places(&self) -> [Spot; 3] {
        [
            Spot::Aside(self.aside.clone()),
            Spot::Final(self.row.path.clone()),
            Spot::Final(self.new.clone()),
        ]
    }

    fn is_aside(&self) -> bool {
        matches!(self.found, Some(Spot::Aside(_)))
    }
}

struct Moves {
    movers: Vec<Mover>,
    /// Who stands under which final name; no name has two.
    by_place: HashMap<RelPath, usize>,
    /// Those whose new name stays taken, whatever else moves.
    stuck: HashSet<usize>,
}

impl Moves {
    fn new(movers: Vec<Mover>) -> Self {
        Self { movers, by_place: HashMap::new(), stuck: HashSet::new() }
    }

    fn settle(mut self, disk: &mut Disk) {
        self.find(disk);
        for at in 0..self.movers.len() {
            if self.movers.get(at).is_some_and(Mover::is_aside) {
                self.bring_back(at, disk);
            }
        }
        self.enter_rows(disk);
    }

    /// Says for each row where its file is; no place is given to two.
    fn find(&mut self, disk: &Disk) {
        let mut given = HashSet::new();
        for at in 0..self.movers.len() {
            let Some(mover) = self.movers.get(at) else { continue };
            let by_inode = mover.places().into_iter().find(|spot| {
                let is_it = |there: &There| there.regular && there.inode == mover.row.inode;
                !given.contains(spot) && disk.at(spot).is_some_and(is_it)
            });
            if let Some(spot) = by_inode {
                given.insert(spot.clone());
                self.put(at, spot);
            }
        }
        self.find_by_content(disk, given);
    }

    /// Those first that have one place left, for they have no choice.
    fn find_by_content(&mut self, disk: &Disk, mut given: HashSet<Spot>) {
        let mut choices: Vec<Vec<Spot>> = Vec::with_capacity(self.movers.len());
        let mut wanted_by: HashMap<Spot, Vec<usize>> = HashMap::new();
        let mut waiting = BTreeSet::new();
        for (at, mover) in self.movers.iter().enumerate() {
            let fits = |spot: &Spot| !given.contains(spot) && disk.holds(spot, &mover.row);
            let is_sought = mover.found.is_none();
            let left: Vec<Spot> =
                mover.places().into_iter().filter(|spot| is_sought && fits(spot)).collect();
            for spot in &left {
                wanted_by.entry(spot.clone()).or_default().push(at);
            }
            if !left.is_empty() {
                waiting.insert((left.len(), at));
            }
            choices.push(left);
        }
        while let Some((_, at)) = waiting.pop_first() {
            let Some(spot) = choices.get_mut(at).and_then(|left| left.drain(..).next()) else {
                continue;
            };
            for other in wanted_by.remove(&spot).unwrap_or_default() {
                let Some(left) = choices.get_mut(other) else { continue };
                waiting.remove(&(left.len(), other));
                left.retain(|it| *it != spot);
                if !left.is_empty() {
                    waiting.insert((left.len(), other));
                }
            }
            given.insert(spot.clone());
            self.put(at, spot);
        }
    }

    /// A file is there now.
    fn put(&mut self, at: usize, spot: Spot) {
        let Some(mover) = self.movers.get_mut(at) else {
            return;
        };
        if let Some(Spot::Final(before)) = &mover.found
            && self.by_place.get(before) == Some(&at)
        {
            self.by_place.remove(before);
        }
        if let Spot::Final(path) = &spot {
            self.by_place.insert(path.clone(), at);
        }
        mover.found = Some(spot);
    }

    /// Nobody stays aside: to the new name, else to the old one, else to the trash.
    fn bring_back(&mut self, at: usize, disk: &mut Disk) {
        if self.move_on(at, disk) {
            return;
        }
        let Some(mover) = self.movers.get_mut(at) else {
            return;
        };
        let old = mover.row.path.clone();
        if disk.at(&Spot::Final(old.clone())).is_none() {
            disk.rename(&Spot::Aside(mover.aside.clone()), &old);
            self.put(at, Spot::Final(old));
        } else {
            disk.seen.remove(&Spot::Aside(mover.aside.clone()));
            let step = Step::Trash(mover.aside.clone());
            disk.settlement.steps.push(step);
            // Settled once more, the file is nowhere: so its row is treated like one of those now.
            mover.found = None;
        }
    }

    /// Gives a file its new name; others of the journal that stand in the way move on first, from
    /// the far end. All of them move, or none does. A journal may have a chain of any length, so it
    /// is walked, and nobody is walked over twice.
    fn move_on(&mut self, at: usize, disk: &mut Disk) -> bool {
        let mut chain = vec![at];
        let mut on_the_way = HashSet::from([at]);
        let mut last = at;
        while let Some(mover) = self.movers.get(last) {
            if disk.at(&Spot::Final(mover.new.clone())).is_none() {
                self.rename_all(chain, disk);
                return true;
            }
            let next = self.in_the_way(&mover.new, disk);
            // Round a circle nobody can begin; and what is stuck once stays so, for nobody makes
            // its place free.
            match next.filter(|next| !self.stuck.contains(next) && on_the_way.insert(*next)) {
                Some(next) => {
                    chain.push(next);
                    last = next;
                }
                None => break,
            }
        }
        self.stuck.extend(chain);
        false
    }

    /// Who stands under this name and may leave it? Under a final name only what is proven is
    /// renamed, as in a run that is not broken off.
    fn in_the_way(&self, place: &RelPath, disk: &Disk) -> Option<usize> {
        let at = *self.by_place.get(place)?;
        let other = self.movers.get(at)?;
        let is_proven = disk.holds(&Spot::Final(place.clone()), &other.row);
        (is_proven && other.new != *place).then_some(at)
    }

    /// Renames a chain from its end, whose new name is free.
    fn rename_all(&mut self, chain: Vec<usize>, disk: &mut Disk) {
        for at in chain.into_iter().rev() {
            let Some(mover) = self.movers.get(at) else { continue };
            let (from, new) = (mover.found.clone(), mover.new.clone());
            if let Some(from) = from {
                disk.rename(&from, &new);
                self.put(at, Spot::Final(new));
            }
        }
    }

    /// A row has the name that its file has. One whose file is nowhere (somebody removed or renamed
    /// it) takes its new name, else its old one, if no other row has that.
    fn enter_rows(&self, disk: &mut Disk) {
        let mut had: BTreeSet<&RelPath> = BTreeSet::new();
        for mover in &self.movers {
            if let Some(Spot::Final(path)) = &mover.found {
                had.insert(path);
                disk.change(Change::Put(mover.row.clone().at(path.clone())));
            }
        }
        for mover in self.movers.iter().filter(|mover| mover.found.is_none()) {
            let free = [&mover.new, &mover.row.path].into_iter().find(|path| !had.contains(*path));
            disk.change(match free {
                Some(path) => {
                    had.insert(path);
                    Change::Put(mover.row.clone().at(path.clone()))
                }
                None => Change::Drop(mover.row.key.clone()),
            });
        }
    }
}

#[cfg(test)]
mod tests;
