//! What a job does, op by op: a planner that is a page long, and the executor's order of writing.
//!
//! It is modelled after docs/destination.md, for each kind of disk; intents and lines
//! are the real ones. First everything that gets another name, then all else: two batches.

use std::collections::BTreeMap;

use darkslide_policy::{Component, RelPath};

use super::disk::{Disk, File, Op, SIZE, USERS};
use super::scratch::{Kind, Scratch, at, give, trash_spot};
use crate::journal::{Intent, Line};
use crate::row::{Key, Row, Source, Stamp};
use crate::settle::{Change, Spot, happened};

pub(super) type ByKey = BTreeMap<Key, Row>;

/// A file that the library has.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) path: RelPath,
    pub(super) content: u8,
    /// What somebody made of it at the destination is to be replaced.
    pub(super) restore: bool,
}

/// A run: what is wanted, and how the disk is.
#[derive(Debug, Clone)]
pub(super) struct Run<'a> {
    pub(super) kind: Kind,
    pub(super) hashed: bool,
    pub(super) wanted: &'a BTreeMap<Key, Wanted>,
    /// Where somebody edits, or puts, a file in mid-job: after the flush, before the renames.
    pub(super) disturbed: Option<&'static str>,
}

/// A batch in the making.
#[derive(Default)]
struct Batch {
    intents: Vec<Intent>,
    /// What is given a name, in this order; and the number of its intent in this batch, from 1 on.
    gives: Vec<(u64, Give)>,
}

impl Batch {
    fn give(&mut self, give: Give, intent: Intent) {
        self.intents.push(intent);
        self.gives.push((self.intents.len() as u64, give));
    }
}

enum Give {
    Name(Spot, Spot),
    Replace { tmp: Component, aside: Component, place: Spot, may_go: bool },
}

impl Run<'_> {
    /// All ops of a run, without its settling.
    pub(super) fn ops(&self, disk: &Disk) -> Vec<Op> {
        let mut view = Scratch::new(disk);
        let mut rows = disk.rows.by_key.clone();
        let mut later = Vec::new();
        let mut last = 0;
        for number in 0..2 {
            // What the second batch sees is what the first one leaves.
            let mut batch = Batch::default();
            if number == 0 {
                self.plan_moves(&rows, &mut view, &mut batch);
            } else {
                self.plan_contents(&rows, &mut view, &mut batch);
            }
            if batch.intents.is_empty() {
                continue;
            }
            if last == 0 {
                view.line(&Line::first("job"));
            }
            let first = last;
            for intent in batch.intents {
                last += 1;
                if let Change::Put(row) = happened(&intent) {
                    rows.insert(row.key.clone(), row);
                }
                view.line(&Line::Intent { n: last, intent: Box::new(intent) });
            }
            self.flush(&mut view, last, &mut later);
            for (n, give) in batch.gives {
                if self.disturb(&mut view, &give) {
                    let not = Line::Not { n: first + n, reason: "changed".to_owned() };
                    self.try_and_put_back(&mut view, give, &not);
                } else {
                    self.carry_out(&mut view, give, &mut later);
                }
            }
        }
        if last > 0 {
            self.flush(&mut view, last, &mut later);
            view.line(&Line::End {});
        }
        view.ops
    }

    /// What the batch before put aside goes once its renames are on the disk.
    fn flush(&self, view: &mut Scratch, last: u64, later: &mut Vec<(Component, Spot, bool)>) {
        view.op(Op::Sync);
        view.line(&Line::Flushed(last));
        for (aside, place, may_go) in later.drain(..) {
            self.put_away(view, aside, &place, may_go);
        }
    }

    fn put_away(&self, view: &mut Scratch, aside: Component, place: &Spot, may_go: bool) {
        let aside = Spot::Aside(aside);
        if may_go {
            view.unlink(aside);
        } else {
            let Spot::Final(place) = place else { unreachable!() };
            let to = trash_spot(&view.disk, place.as_str());
            give(self.kind, view, aside, to);
        }
    }

    /// Somebody comes between; what he did is seen.
    fn disturb(&self, view: &mut Scratch, give: &Give) -> bool {
        let (Give::Name(_, place) | Give::Replace { place, .. }) = give;
        let is_it = self.disturbed.is_some_and(|name| *place == at(name));
        if is_it {
            let inode = view.disk.free_inode();
            let file = File { inode, content: USERS + 50, mtime: 2, size: SIZE };
            view.op(match view.disk.names.get(place) {
                Some(there) => Op::Edit(there.inode),
                None => Op::Create(place.clone(), file),
            });
        }
        is_it
    }

    /// What was exchanged is exchanged once more, what went aside comes back; and the content that
    /// nobody needs then is removed.
    fn try_and_put_back(&self, view: &mut Scratch, step: Give, not: &Line) {
        let (own, beside, place) = match step {
            Give::Name(own, _) => {
                view.line(not);
                if matches!(own, Spot::Temporary(_)) {
                    view.unlink(own);
                }
                return;
            }
            Give::Replace { tmp, aside, place, .. } => {
                (Spot::Temporary(tmp), Spot::Aside(aside), place)
            }
        };
        if self.kind == Kind::Exchange {
            give(self.kind, view, own, beside.clone());
            let exchange = Op::Exchange(beside.clone(), place);
            view.op(exchange.clone());
            view.line(not);
            view.op(exchange);
            view.unlink(beside);
        } else {
            give(self.kind, view, place.clone(), beside.clone());
            view.line(not);
            give(self.kind, view, beside, place);
            view.unlink(own);
        }
    }

    fn carry_out(&self, view: &mut Scratch, step: Give, later: &mut Vec<(Component, Spot, bool)>) {
        match step {
            Give::Name(from, to) => give(self.kind, view, from, to),
            Give::Replace { tmp, aside, place, may_go } => {
                let (own, beside) = (Spot::Temporary(tmp), Spot::Aside(aside.clone()));
                if self.kind == Kind::Exchange {
                    give(self.kind, view, own, beside.clone());
                    view.op(Op::Exchange(beside, place.clone()));
                    self.put_away(view, aside, &place, may_go);
                } else {
                    give(self.kind, view, place.clone(), beside);
                    give(self.kind, view, own, place.clone());
                    later.push((aside, place, may_go));
                }
            }
        }
    }

    fn row_of(&self, key: &Key, path: &RelPath, file: &File, wanted: u8) -> Row {
        row_of(key, path, file, wanted, self.hashed)
    }

    /// Files that nobody touched and that have another name now; what is there already.
    fn plan_moves(&self, rows: &ByKey, view: &mut Scratch, batch: &mut Batch) {
        let mut names = view.disk.names.clone();
        let mut movers = Vec::new();
        for (key, row) in rows {
            let Some(wanted) = self.wanted.get(key).filter(|it| it.path != row.path) else {
                continue;
            };
            if names.get(&Spot::Final(row.path.clone())).is_some_and(|it| is_intact(row, it)) {
                movers.push((row.clone(), wanted.path.clone(), view.name()));
            }
        }
        let mut waiting = Vec::new();
        loop {
            let is_free = |new: &RelPath| !names.contains_key(&Spot::Final(new.clone()));
            if let Some(next) = movers.iter().position(|(_, new, _)| is_free(new)) {
                let (row, new, aside) = movers.remove(next);
                let from = waiting.iter().find(|(it, _): &&(Row, Spot)| it.key == row.key);
                let old = Spot::Final(row.path.clone());
                let from = from.map_or(old, |(_, spot)| spot.clone());
                let file = names.remove(&from).unwrap();
                names.insert(Spot::Final(new.clone()), file);
                let to = Spot::Final(new.clone());
                batch.give(Give::Name(from, to), Intent::Move { aside, new, row });
            } else if let Some((row, _, aside)) = movers.iter().find(|it| is_circle(it, &movers)) {
                let (old, beside) = (Spot::Final(row.path.clone()), Spot::Aside(aside.clone()));
                let file = names.remove(&old).unwrap();
                names.insert(beside.clone(), file);
                // Its intent follows when it gets its name.
                batch.gives.push((0, Give::Name(old, beside.clone())));
                waiting.push((row.clone(), beside));
            } else {
                break;
            }
        }
        for (key, wanted) in self.wanted {
            let place = view.disk.names.get(&Spot::Final(wanted.path.clone()));
            let held = rows.values().any(|row| row.path == wanted.path);
            let is_known = rows.contains_key(key);
            if let Some(file) =
                place.filter(|it| !held && !is_known && it.content == wanted.content)
            {
                let row = row_of(key, &wanted.path, file, wanted.content, true);
                batch.intents.push(Intent::Adopt { row: Row { adopted: true, ..row } });
            }
        }
    }

    /// What is new, what is to be replaced, and what is wanted no more.
    fn plan_contents(&self, rows: &ByKey, view: &mut Scratch, batch: &mut Batch) {
        let mut free = view.disk.clone();
        for (key, wanted) in self.wanted {
            let place = Spot::Final(wanted.path.clone());
            let there = view.disk.names.get(&place).copied();
            match (rows.get(key), there) {
                (None, None) if !free.names.contains_key(&place) => {
                    let (tmp, file) = self.copy(view, wanted.content);
                    free.names.insert(place.clone(), file);
                    let row = self.row_of(key, &wanted.path, &file, wanted.content);
                    let own = Spot::Temporary(tmp.clone());
                    batch.give(Give::Name(own, place), Intent::Publish { tmp, row });
                }
                (Some(row), Some(file)) => self.plan_replace(view, batch, wanted, row, &file),
                _ => {}
            }
        }
        let unwanted = rows.iter().filter(|(key, _)| !self.wanted.contains_key(*key));
        for (_, row) in unwanted {
            let place = Spot::Final(row.path.clone());
            if !view.disk.names.get(&place).is_some_and(|it| is_intact(row, it)) {
                continue;
            }
            let Spot::Trash(to) = trash_spot(&view.disk, row.path.as_str()) else { unreachable!() };
            let trash = Spot::Trash(to.clone());
            batch.give(Give::Name(place, trash), Intent::Trash { to, row: row.clone() });
        }
    }

    fn plan_replace(
        &self,
        view: &mut Scratch,
        batch: &mut Batch,
        wanted: &Wanted,
        row: &Row,
        file: &File,
    ) {
        let is_news = row.source.mtime != Stamp::for_tests(i64::from(wanted.content));
        let ours = is_intact(row, file);
        let is_due = if ours { is_news } else { wanted.restore };
        if !is_due || row.path != wanted.path {
            return;
        }
        let old = if ours { row.clone() } else { row_of(&row.key, &wanted.path, file, 0, true) };
        let (tmp, copied) = self.copy(view, wanted.content);
        let new = self.row_of(&row.key, &wanted.path, &copied, wanted.content);
        let aside = view.name();
        let ours = ours && !row.adopted;
        let may_go = ours && old.blake3.is_some();
        let place = Spot::Final(wanted.path.clone());
        let give = Give::Replace { tmp: tmp.clone(), aside: aside.clone(), place, may_go };
        let (old, new) = (Box::new(old), Box::new(new));
        batch.give(give, Intent::Replace { tmp, aside, old, new, ours });
    }

    fn copy(&self, view: &mut Scratch, content: u8) -> (Component, File) {
        let name = view.name();
        let file = File { inode: view.disk.free_inode(), content, mtime: 0, size: SIZE };
        view.op(Op::Create(Spot::Temporary(name.clone()), file));
        (name, file)
    }
}

pub(super) fn row_of(key: &Key, path: &RelPath, file: &File, wanted: u8, hashed: bool) -> Row {
    Row {
        key: key.clone(),
        path: path.clone(),
        size: file.size,
        mtime: Stamp::for_tests(file.mtime),
        inode: file.inode,
        blake3: hashed.then(|| file.digest()),
        source: Source { size: SIZE, mtime: Stamp::for_tests(i64::from(wanted)) },
        adopted: false,
    }
}

/// As the planner sees it: by size and time, else by content.
fn is_intact(row: &Row, file: &File) -> bool {
    let there = file.there(true);
    let same = there.size == row.size && there.mtime == row.mtime;
    same || row.blake3 == there.blake3
}

/// Does whoever stands in the way lead back to the first?
fn is_circle(first: &(Row, RelPath, Component), movers: &[(Row, RelPath, Component)]) -> bool {
    let mut at = &first.1;
    for _ in movers {
        match movers.iter().find(|(row, ..)| row.path == *at) {
            Some((row, ..)) if row.key == first.0.key => return true,
            Some((_, new, _)) => at = new,
            None => return false,
        }
    }
    false
}
