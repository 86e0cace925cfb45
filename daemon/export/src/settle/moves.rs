//! Where the files are that were to get another name, and how each of them gets one.
//!
//! Pure. No place is given to two rows: inodes speak first, then who has no choice. Nobody stays
//! aside, and nobody keeps two names. The hazard: equal contents look alike, names swap and rotate,
//! and where a rename is a link and an unlink a file was left with both.

use std::collections::{BTreeSet, HashMap, HashSet};

use darkslide_policy::{Component, RelPath};

use super::others::is_inode;
use super::{Change, Disk, Spot};
use crate::row::Row;

/// A file that was to get another name.
pub(super) struct Mover {
    row: Row,
    aside: Component,
    new: RelPath,
    /// Where it is.
    found: Option<Spot>,
}

impl Mover {
    pub(super) fn new(aside: &Component, new: &RelPath, row: &Row) -> Self {
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

pub(super) struct Moves {
    movers: Vec<Mover>,
    /// Who stands under which final name; no name has two.
    by_place: HashMap<RelPath, usize>,
    /// Those whose new name stays taken, whatever else moves.
    stuck: HashSet<usize>,
}

impl Moves {
    pub(super) fn new(movers: Vec<Mover>) -> Self {
        Self { movers, by_place: HashMap::new(), stuck: HashSet::new() }
    }

    pub(super) fn settle(mut self, disk: &mut Disk) {
        self.remove_second_names(disk);
        self.find(disk);
        for at in 0..self.movers.len() {
            if self.movers.get(at).is_some_and(Mover::is_aside) {
                self.bring_back(at, disk);
            }
        }
        self.enter_rows(disk);
    }

    /// Where a rename is a link and an unlink, a file can have been left with two names, or with
    /// three if its settling was broken off too. It keeps the newest.
    fn remove_second_names(&self, disk: &mut Disk) {
        for mover in &self.movers {
            let [aside, old, new] = mover.places();
            let has = |spot: &Spot| disk.at(spot).is_some_and(|it| is_inode(&mover.row, it));
            let Some(kept) = [&new, &old].into_iter().find(|spot| has(spot)).cloned() else {
                continue;
            };
            for second in [aside, old].iter().filter(|second| **second != kept) {
                if disk.are_twins(second, &kept) {
                    disk.remove_second_name(second, &mover.aside, &kept);
                }
            }
        }
    }

    /// Says for each row where its file is; no place is given to two.
    fn find(&mut self, disk: &Disk) {
        let mut given = HashSet::new();
        for at in 0..self.movers.len() {
            let Some(mover) = self.movers.get(at) else { continue };
            let by_inode = mover.places().into_iter().find(|spot| {
                !given.contains(spot) && disk.at(spot).is_some_and(|it| is_inode(&mover.row, it))
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
            let back = Spot::Final(old);
            disk.rename(&Spot::Aside(mover.aside.clone()), &back);
            self.put(at, back);
        } else {
            disk.trash(&mover.aside, &old);
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
            let (from, new) = (mover.found.clone(), Spot::Final(mover.new.clone()));
            if let Some(from) = from {
                disk.rename(&from, &new);
                self.put(at, new);
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
