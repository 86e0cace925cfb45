//! What a journal changes in the manifest: not its rows, but where in it they stand.
//!
//! A job may be as long as its destination, so in memory are 32 bytes a change (its asset and its
//! place, and the place of its path); rows are read again when they are merged, asset by asset in
//! the order of keys. One rule says what is true in the end, for lines of the manifest, then of the
//! journal, then what was in doubt: a row counts if no later line has its key or its path. So names
//! that swap or rotate end right. The hazard: a row dropped whose file is there.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io;

use darkslide_policy::RelPath;
use darkslide_protocol::value::Uuid;

use crate::index::Index;
use crate::journal::certain_at;
use crate::lines::LinesAt;
use crate::row::{Key, Row};
use crate::settle::Change;

/// Changes of one journal: a job changes a row twice at most. They take a quarter of the process's
/// one gigabyte.
const MAX_CHANGES: usize = 2 * crate::manifest::MAX_ROWS;
/// Changes of one asset are in memory together. One that is in ten thousand albums has fewer.
const MAX_OF_ONE_ASSET: usize = 65_536;
/// Places from here on are those of changes that are in memory; no journal is as long.
const IN_MEMORY: u64 = 1 << 39;

/// Changes of the manifest, in the order in which they were made.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    journal: LinesAt,
    /// What was in doubt, and what became of it.
    settled: Vec<Change>,
    by_library: BTreeMap<String, Vec<Place>>,
    by_path: Index,
    count: usize,
    /// The changes of the asset that was asked for last.
    group: RefCell<Option<(Place, Group)>>,
    #[cfg(test)]
    most_rows: std::cell::Cell<usize>,
}

/// Where a change stands: those of one asset side by side, the last one last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// The asset's first characters; whatever else begins so is beside it.
    asset: [u8; 16],
    at: u64,
}

/// What becomes of the keys of one asset; none is dropped.
type Group = BTreeMap<Key, Option<Row>>;

/// There are more changes than any job makes.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the journal has more lines than any of ours")]
pub(crate) struct TooMany;

impl Changes {
    /// The journal from which changes that were noted are read again.
    pub(crate) fn read_from(self, journal: File, size: u64) -> Self {
        Self { journal: LinesAt::new(journal, size), ..self }
    }

    /// Notes a change that stands in the journal.
    pub(crate) fn note(&mut self, change: &Change, at: u64) -> Result<(), TooMany> {
        if self.count >= MAX_CHANGES {
            return Err(TooMany);
        }
        self.count += 1;
        let key = key_of(change);
        let place = Place { asset: beginning(&key.asset), at };
        match self.by_library.get_mut(&key.library) {
            Some(places) => places.push(place),
            None => drop(self.by_library.insert(key.library.clone(), vec![place])),
        }
        if let Change::Put(row) = change {
            self.by_path.add(row.path.as_str(), at);
        }
        Ok(())
    }

    /// Takes what became of all that was in doubt; after this nothing follows.
    pub(crate) fn settle(&mut self, changes: Vec<Change>) -> Result<(), TooMany> {
        for (change, at) in changes.iter().zip(IN_MEMORY..) {
            self.note(change, at)?;
        }
        self.settled = changes;
        self.by_path.sort();
        for places in self.by_library.values_mut() {
            places.sort_unstable();
            places.shrink_to_fit();
            if places.chunk_by(is_beside).any(|of_one| of_one.len() > MAX_OF_ONE_ASSET) {
                return Err(TooMany);
            }
        }
        Ok(())
    }

    /// Does a row of before no longer count?
    pub(crate) fn replaces(&self, row: &Row) -> io::Result<bool> {
        Ok(self.has_key(&row.key)? || self.takes_path(&row.path, 0)?)
    }

    /// The rows that are true now, by key.
    pub(crate) fn rows(&self) -> impl Iterator<Item = io::Result<Row>> + '_ {
        let places = self.by_library.values().map(Vec::as_slice);
        let mut groups = places.flat_map(|places| places.chunk_by(is_beside));
        let mut ready = VecDeque::new();
        let mut next = move || {
            while ready.is_empty() {
                let Some(of_one) = groups.next() else { return Ok(None) };
                ready.extend(self.read_group(of_one)?.into_values().flatten());
            }
            Ok(ready.pop_front())
        };
        std::iter::from_fn(move || next().transpose())
    }

    /// Bytes of memory, and how many rows it ever held together.
    #[cfg(test)]
    pub(crate) fn held(&self) -> (usize, usize) {
        let places: usize = self.by_library.values().map(Vec::capacity).sum();
        (self.by_path.bytes() + places * size_of::<Place>(), self.most_rows.get())
    }

    fn has_key(&self, key: &Key) -> io::Result<bool> {
        let Some(places) = self.by_library.get(&key.library) else {
            return Ok(false);
        };
        let asset = beginning(&key.asset);
        let from = places.partition_point(|place| place.asset < asset);
        let to = places.partition_point(|place| place.asset <= asset);
        let Some(of_one @ [first, ..]) = places.get(from..to) else {
            return Ok(false);
        };
        // Whoever merges asks for the rows of one asset one after the other.
        let mut group = self.group.borrow_mut();
        if group.as_ref().is_none_or(|(of, _)| of != first) {
            *group = Some((*first, self.read_group(of_one)?));
        }
        Ok(group.as_ref().is_some_and(|(_, rows)| rows.contains_key(key)))
    }

    fn read_group(&self, places: &[Place]) -> io::Result<Group> {
        let mut last = BTreeMap::new();
        for Place { at, .. } in places {
            if let Some(change) = self.change_at(*at)? {
                last.insert(key_of(&change).clone(), (*at, change));
            }
        }
        #[cfg(test)]
        self.most_rows.set(self.most_rows.get().max(last.len()));
        let mut group = Group::new();
        for (key, (at, change)) in last {
            let row = match change {
                Change::Put(row) if !self.takes_path(&row.path, at)? => Some(row),
                Change::Put(_) | Change::Drop(_) => None,
            };
            group.insert(key, row);
        }
        Ok(group)
    }

    /// Has a row that path, of those after a place?
    fn takes_path(&self, path: &RelPath, after: u64) -> io::Result<bool> {
        for at in self.by_path.places(path.as_str()).take_while(|at| *at > after) {
            if matches!(self.change_at(at)?, Some(Change::Put(row)) if row.path == *path) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn change_at(&self, at: u64) -> io::Result<Option<Change>> {
        let Some(number) = at.checked_sub(IN_MEMORY) else {
            return self.journal.with_line(at, certain_at);
        };
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        Ok(self.settled.get(number).cloned())
    }
}

fn key_of(change: &Change) -> &Key {
    match change {
        Change::Put(row) => &row.key,
        Change::Drop(key) => key,
    }
}

fn beginning(asset: &Uuid) -> [u8; 16] {
    let text = asset.as_str().bytes().chain(std::iter::repeat(0));
    let mut beginning = [0; 16];
    beginning.iter_mut().zip(text).for_each(|(to, from)| *to = from);
    beginning
}

fn is_beside(one: &Place, other: &Place) -> bool {
    one.asset == other.asset
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::tests::row;

    #[test]
    fn more_changes_than_memory_has_room_for_are_refused() {
        let put = Change::Put(row(1, "a"));
        for (count, taken) in
            [(MAX_CHANGES - 1, true), (MAX_CHANGES, false), (3 * MAX_CHANGES, false)]
        {
            let mut changes = Changes { count, ..Changes::default() };
            assert_eq!(changes.note(&put, 1).is_ok(), taken);
            let mut changes = Changes { count, ..Changes::default() };
            assert_eq!(changes.settle(vec![put.clone()]).is_ok(), taken);
        }
    }

    #[test]
    fn an_asset_with_more_changes_than_memory_has_room_for_is_refused() {
        let counts = [MAX_OF_ONE_ASSET, MAX_OF_ONE_ASSET + 1, 3 * MAX_OF_ONE_ASSET];
        for (count, taken) in counts.into_iter().zip([true, false, false]) {
            let answer = Changes::default().settle(vec![Change::Drop(row(1, "a").key); count]);
            assert_eq!(answer.is_ok(), taken);
        }
    }
}
