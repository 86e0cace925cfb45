//! What a journal says and what the folders hold -> the steps that settle it, and the rows that are
//! true then.
//!
//! Pure, the table of docs/destination.md, line by line: names that change in `moves.rs`,
//! all else in `others.rs`; `recover.rs` looks, asks this, and does it. Settling finds out what
//! happened; it never copies, and it needs no library. Doing it twice, or from any point of it
//! again, gives the same. The hazard: equal contents look alike, inodes come again, and somebody
//! may have edited, removed or put something there between the crash and now.

mod moves;
mod others;

use std::collections::{BTreeMap, BTreeSet};

use darkslide_policy::{Component, RelPath};

use crate::journal::{Doubt, Entry, Intent, Journal};
use crate::row::{Key, Row, There};
use moves::{Mover, Moves};

/// A place where a file of the journal can be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Spot {
    /// Under a name that people see.
    Final(RelPath),
    /// In `tmp/`.
    Temporary(Component),
    /// In `aside/`.
    Aside(Component),
    /// Below `trash/`; the whole path.
    Trash(RelPath),
}

/// A place to look at, and the sizes at which the content's digest decides.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Questions(pub(crate) BTreeMap<Spot, BTreeSet<u64>>);

/// What was found; a place that is not in it is free. Where nothing of ours can be stands
/// [`There::BLOCKED`].
pub(crate) type Seen = BTreeMap<Spot, There>;

/// How the disk gives a name that another must not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Giving {
    /// By an exclusive rename, or by a link.
    Exclusive,
    /// By an empty file under that name, which is then replaced: there an empty file is none.
    OverPlaceholder,
}

/// One thing to do on the disk, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// A file gets a name that is free.
    Rename { from: Spot, to: Spot },
    /// A temporary file is removed.
    RemoveTemporary(Component),
    /// An empty file that only kept a name free is removed.
    RemovePlaceholder(RelPath),
    /// What follows takes away: all renames have to be on the disk before.
    Flush,
    /// What stands aside is removed, if it is still what was seen, and if `twin` is still another
    /// name of the same file.
    RemoveAside { name: Component, there: There, twin: Option<Spot> },
    /// What stands aside and belongs nowhere is put into the trash; it was to be `path`.
    Trash { name: Component, path: RelPath },
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

impl Questions {
    fn ask<'a>(&mut self, spot: Spot, rows: impl IntoIterator<Item = &'a Row>) {
        let rows = rows.into_iter().filter(|row| row.blake3.is_some());
        self.0.entry(spot).or_default().extend(rows.map(|row| row.size));
    }
}

/// Names all places that have to be looked at before [`settle`].
pub(crate) fn questions(journal: &Journal) -> Questions {
    let mut questions = Questions::default();
    for entry in journal.entries.iter().filter(|entry| entry.doubt != Doubt::Settled) {
        // What is not flushed is removed unread.
        let is_flushed = entry.doubt == Doubt::Flushed;
        match &entry.intent {
            Intent::Replace { aside, old, new, .. } if entry.doubt == Doubt::Renamed => {
                questions.ask(Spot::Aside(aside.clone()), [&**old, &**new]);
            }
            _ if entry.doubt == Doubt::Renamed => {}
            Intent::Publish { tmp, row } => {
                questions.ask(Spot::Temporary(tmp.clone()), is_flushed.then_some(row));
                questions.ask(Spot::Final(row.path.clone()), [row]);
            }
            Intent::Move { aside, new, row } => {
                questions.ask(Spot::Aside(aside.clone()), [row]);
                questions.ask(Spot::Final(row.path.clone()), [row]);
                questions.ask(Spot::Final(new.clone()), [row]);
            }
            Intent::Adopt { row } => questions.ask(Spot::Final(row.path.clone()), [row]),
            Intent::Replace { tmp, aside, old, new, .. } => {
                questions.ask(Spot::Temporary(tmp.clone()), is_flushed.then_some(&**new));
                questions.ask(Spot::Aside(aside.clone()), [&**old, &**new]);
                questions.ask(Spot::Final(new.path.clone()), [&**old, &**new]);
            }
            Intent::Trash { to, row } => {
                questions.ask(Spot::Final(row.path.clone()), [row]);
                questions.ask(Spot::Trash(to.clone()), [row]);
                questions.ask(Spot::Aside(others::passage(to)), [row]);
            }
        }
    }
    questions
}

/// Settles a journal.
pub(crate) fn settle(journal: &Journal, seen: &Seen, giving: Giving) -> Settlement {
    let mut disk = Disk::new(seen.clone());
    for entry in &journal.entries {
        let is_certain = matches!(entry.doubt, Doubt::Settled | Doubt::Renamed);
        if is_certain && !entry.did_not {
            disk.change(happened(&entry.intent));
        }
    }
    let in_doubt = |entry: &&Entry| matches!(entry.doubt, Doubt::Flushed | Doubt::Unflushed);
    if giving == Giving::OverPlaceholder {
        disk.remove_placeholders(journal.entries.iter().filter(in_doubt));
    }
    let moves = journal.entries.iter().filter(in_doubt).filter_map(|entry| match &entry.intent {
        Intent::Move { aside, new, row } => Some(Mover::new(aside, new, row)),
        Intent::Publish { .. }
        | Intent::Adopt { .. }
        | Intent::Replace { .. }
        | Intent::Trash { .. } => None,
    });
    Moves::new(moves.collect()).settle(&mut disk);
    for entry in &journal.entries {
        match entry.doubt {
            Doubt::Settled => {}
            Doubt::Renamed => disk.settle_renamed(entry),
            Doubt::Flushed | Doubt::Unflushed => disk.settle_other(entry),
        }
    }
    disk.end()
}

/// The row that is true once an intent was carried out.
pub(crate) fn happened(intent: &Intent) -> Change {
    match intent {
        Intent::Publish { row, .. } | Intent::Adopt { row } => Change::Put(row.clone()),
        Intent::Move { new, row, .. } => Change::Put(row.clone().at(new.clone())),
        Intent::Replace { new, .. } => Change::Put((**new).clone()),
        Intent::Trash { row, .. } => Change::Drop(row.key.clone()),
    }
}

/// All rows that an intent speaks of.
fn rows_of(intent: &Intent) -> Vec<&Row> {
    match intent {
        Intent::Publish { row, .. }
        | Intent::Move { row, .. }
        | Intent::Adopt { row }
        | Intent::Trash { row, .. } => vec![row],
        Intent::Replace { old, new, .. } => vec![old, new],
    }
}

/// What the folders hold, as the steps so far change it.
struct Disk {
    seen: Seen,
    settlement: Settlement,
    /// What takes away, and has to wait for a flush.
    removals: Vec<Step>,
}

impl Disk {
    fn new(seen: Seen) -> Self {
        Self { seen, settlement: Settlement::default(), removals: Vec::new() }
    }

    fn at(&self, spot: &Spot) -> Option<&There> {
        self.seen.get(spot)
    }

    fn holds(&self, spot: &Spot, row: &Row) -> bool {
        self.at(spot).is_some_and(|there| row.is(there))
    }

    fn step(&mut self, step: Step) {
        self.settlement.steps.push(step);
    }

    fn change(&mut self, change: Change) {
        self.settlement.changes.push(change);
    }

    fn rename(&mut self, from: &Spot, to: &Spot) {
        if let Some(there) = self.seen.remove(from) {
            self.seen.insert(to.clone(), there);
        }
        self.step(Step::Rename { from: from.clone(), to: to.clone() });
    }

    /// Removes what stands aside, once all renames are on the disk.
    fn remove_aside(&mut self, name: &Component, twin: Option<Spot>) {
        if let Some(there) = self.seen.remove(&Spot::Aside(name.clone())) {
            self.removals.push(Step::RemoveAside { name: name.clone(), there, twin });
        }
    }

    /// Puts what stands aside into the trash, once all renames are on the disk: without a rename
    /// that fills its place, that place would look as if somebody had emptied it.
    fn trash(&mut self, name: &Component, path: &RelPath) {
        self.seen.remove(&Spot::Aside(name.clone()));
        self.removals.push(Step::Trash { name: name.clone(), path: path.clone() });
    }

    /// Are these two names of one file? Everything has to agree, for some disks have no inodes.
    fn are_twins(&self, one: &Spot, other: &Spot) -> bool {
        self.at(one).is_some_and(|there| there.regular && self.at(other) == Some(there))
    }

    /// Takes one of its two names from a file: a link was made, and the old name not yet removed.
    /// A name that people see goes by way of `aside/`, where it is looked at once more.
    fn remove_second_name(&mut self, second: &Spot, passage: &Component, twin: &Spot) {
        let aside = Spot::Aside(passage.clone());
        if let Spot::Final(path) = second {
            if self.at(&aside).is_some() {
                self.trash(passage, path);
            }
            self.flush();
            self.rename(second, &aside);
        }
        self.remove_aside(passage, Some(twin.clone()));
        self.flush();
    }

    /// What was to be removed by now is removed, after all that was renamed is on the disk.
    fn flush(&mut self) {
        if !self.removals.is_empty() {
            self.step(Step::Flush);
            self.settlement.steps.append(&mut self.removals);
        }
    }

    fn end(mut self) -> Settlement {
        self.flush();
        self.settlement
    }

    /// Where names are given over an empty file, one that nobody speaks of is none.
    fn remove_placeholders<'a>(&mut self, entries: impl Iterator<Item = &'a Entry>) {
        let rows = entries.flat_map(|entry| rows_of(&entry.intent));
        if rows.into_iter().any(|row| row.size == 0) {
            // It may be the content itself; the next run takes it over, or says who is in the way.
            return;
        }
        let is_empty = |there: &There| there.regular && there.size == 0;
        let empty = self.seen.iter().filter(|(_, there)| is_empty(there));
        let empty: Vec<Spot> = empty.map(|(spot, _)| spot.clone()).collect();
        for spot in empty {
            match &spot {
                Spot::Final(path) => {
                    self.seen.remove(&spot);
                    self.step(Step::RemovePlaceholder(path.clone()));
                }
                Spot::Aside(name) => {
                    self.remove_aside(name, None);
                    self.flush();
                }
                Spot::Trash(_) => {
                    self.seen.remove(&spot);
                }
                Spot::Temporary(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod explore;
#[cfg(test)]
mod tests;
