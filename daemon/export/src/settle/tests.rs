//! Settling, line by line of its table, and explored over a small file system in memory.
//!
//! The explorer runs a job of two batches (a swap, a rotation, a chain, new files, one taken over),
//! stops it after every step, lets a user do one thing, settles, stops the settling after every
//! step and settles again. Nothing of the user may be lost, nobody may stay aside, and where the
//! user did nothing every row has its file.

use std::collections::BTreeMap;

use super::*;
use crate::row::tests::{row, there};
use crate::row::{Blake3, Stamp};

fn component(number: u64) -> Component {
    Component::parse(&format!("{number:032x}")).unwrap()
}

fn path(text: &str) -> RelPath {
    RelPath::parse(text).unwrap()
}

fn at(text: &str) -> Spot {
    Spot::Final(path(text))
}

fn journal(doubt: Doubt, intents: Vec<Intent>) -> Journal {
    let entry = |intent| Entry { intent, doubt, did_not: false };
    Journal { entries: intents.into_iter().map(entry).collect(), folders: Vec::new() }
}

mod the_table {
    use super::*;

    fn tmp() -> Spot {
        Spot::Temporary(component(1))
    }

    fn publish() -> Intent {
        Intent::Publish { tmp: component(1), row: row(1, "a") }
    }

    fn ours() -> There {
        there(&row(1, "a"))
    }

    fn other() -> There {
        There { inode: 9, blake3: Some(Blake3::from(blake3::hash(b"other"))), ..ours() }
    }

    #[track_caller]
    fn check(doubt: Doubt, intent: Intent, seen: &[(Spot, There)], steps: &[Step], put: bool) {
        let seen: Seen = seen.iter().cloned().collect();
        let settled = settle(&journal(doubt, vec![intent]), &seen).unwrap();
        assert_eq!(settled.steps, steps);
        let expected = if put { vec![Change::Put(row(1, "a"))] } else { Vec::new() };
        assert_eq!(settled.changes, expected);
    }

    fn rename() -> Step {
        Step::Rename { from: tmp(), to: path("a") }
    }

    fn remove() -> Step {
        Step::RemoveTemporary(component(1))
    }

    #[test]
    fn a_flushed_content_whose_name_is_free_gets_it() {
        check(Doubt::Flushed, publish(), &[(tmp(), ours())], &[rename()], true);
    }

    #[test]
    fn a_content_that_is_not_flushed_or_not_right_is_removed() {
        check(Doubt::Unflushed, publish(), &[(tmp(), ours())], &[remove()], false);
        check(Doubt::Flushed, publish(), &[(tmp(), other())], &[remove()], false);
    }

    #[test]
    fn while_the_temporary_file_is_there_it_did_not_happen() {
        let equal = There { inode: 9, ..ours() };
        for there in [equal, other(), There::BLOCKED] {
            let seen = [(tmp(), ours()), (at("a"), there)];
            check(Doubt::Flushed, publish(), &seen, &[remove()], false);
        }
    }

    #[test]
    fn a_file_that_has_both_names_happened_where_files_are_linked_and_unlinked() {
        let both = |there| [(tmp(), there), (at("a"), there)];
        check(Doubt::Flushed, publish(), &both(ours()), &[remove()], true);
        let edited = There { inode: ours().inode, ..other() };
        check(Doubt::Flushed, publish(), &both(edited), &[remove()], true);
        // Nobody links what is not flushed, nor what is not ours.
        check(Doubt::Unflushed, publish(), &both(ours()), &[remove()], false);
        check(Doubt::Flushed, publish(), &both(other()), &[remove()], false);
    }

    #[test]
    fn what_cannot_be_brought_to_its_name_goes_back_or_to_the_trash() {
        let journal = || Intent::Move { aside: component(7), new: path("b/1"), row: row(1, "a") };
        let aside = Spot::Aside(component(7));
        let steps = |seen: Seen| {
            settle(&super::journal(Doubt::Flushed, vec![journal()]), &seen).unwrap().steps
        };
        let blocked = (at("b/1"), There::BLOCKED);
        let seen = Seen::from([(aside.clone(), ours()), blocked.clone()]);
        assert_eq!(steps(seen), [Step::Rename { from: aside.clone(), to: path("a") }]);
        let seen = Seen::from([(aside, ours()), blocked, (at("a"), other())]);
        assert_eq!(steps(seen), [Step::Trash(component(7))]);
    }

    #[test]
    fn what_stands_in_the_way_is_renamed_only_if_it_is_proven() {
        let moving = |asset: u8, old: &str, new: &str| Intent::Move {
            aside: component(u64::from(asset)),
            new: path(new),
            row: row(asset, old),
        };
        let journal = journal(Doubt::Flushed, vec![moving(1, "a", "b"), moving(2, "b", "c")]);
        let aside = Spot::Aside(component(1));
        let there = there(&row(2, "b"));
        let edited = There { blake3: other().blake3, ..there };
        for (there, to) in [(there, "b"), (edited, "a")] {
            let seen = Seen::from([(aside.clone(), ours()), (at("b"), there)]);
            let steps = settle(&journal, &seen).unwrap().steps;
            let last = Step::Rename { from: aside.clone(), to: path(to) };
            assert_eq!((steps.last(), steps.len()), (Some(&last), 1 + usize::from(to == "b")));
        }
    }

    #[test]
    fn a_content_under_its_final_name_alone_happened() {
        check(Doubt::Flushed, publish(), &[(at("a"), ours())], &[], true);
        check(Doubt::Unflushed, publish(), &[(at("a"), ours())], &[], true);
    }

    #[test]
    fn something_else_under_the_final_name_is_ours_by_inode_or_left_alone() {
        check(Doubt::Flushed, publish(), &[(at("a"), other())], &[], false);
        let edited = There { inode: ours().inode, ..other() };
        check(Doubt::Flushed, publish(), &[(at("a"), edited)], &[], true);
        let folder = There { regular: false, ..ours() };
        check(Doubt::Flushed, publish(), &[(at("a"), folder)], &[], false);
    }

    #[test]
    fn what_somebody_removed_since_has_no_row() {
        check(Doubt::Flushed, publish(), &[], &[], false);
    }

    #[test]
    fn a_settled_intent_happened_whatever_stands_there_now() {
        check(Doubt::Settled, publish(), &[(at("a"), other())], &[], true);
    }

    #[test]
    fn an_intent_that_did_not_happen_has_no_row_in_any_doubt() {
        for doubt in [Doubt::Settled, Doubt::Flushed, Doubt::Unflushed] {
            let mut journal = journal(doubt, vec![publish()]);
            journal.entries[0].did_not = true;
            let seen = Seen::from([(at("a"), ours())]);
            assert_eq!(settle(&journal, &seen).unwrap(), Settlement::default());
        }
    }

    #[test]
    fn an_adoption_holds_where_the_content_stands() {
        let adopt = || Intent::Adopt { row: row(1, "a") };
        check(Doubt::Unflushed, adopt(), &[(at("a"), ours())], &[], true);
        check(Doubt::Flushed, adopt(), &[(at("a"), other())], &[], false);
        check(Doubt::Flushed, adopt(), &[], &[], false);
    }

    #[test]
    fn what_was_put_into_the_trash_has_no_row() {
        let trash =
            || Intent::Trash { to: path(".darkslide/trash/2024-05-31/a"), row: row(1, "a") };
        let changes = |seen: Seen| {
            let journal = journal(Doubt::Flushed, vec![trash()]);
            settle(&journal, &seen).unwrap().changes
        };
        assert_eq!(changes(Seen::new()), [Change::Drop(row(1, "a").key)]);
        assert_eq!(changes(Seen::from([(at("a"), ours())])), []);
    }

    #[test]
    fn updates_are_left_to_a_program_that_knows_them() {
        let replace = Intent::Replace {
            tmp: component(1),
            aside: component(2),
            old: Box::new(row(1, "a")),
            new: Box::new(row(1, "a")),
            ours: true,
        };
        let journal = journal(Doubt::Settled, vec![replace]);
        assert_eq!(settle(&journal, &Seen::new()), Err(NewerIntent));
    }
}

/// A file of the model. Contents are told apart by one number; those of a user begin at [`USERS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct File {
    inode: u64,
    content: u8,
    mtime: i64,
}

const USERS: u8 = 100;
/// What stands in a temporary file whose content never reached the disk.
const ZEROS: u8 = 0;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Model {
    files: BTreeMap<Spot, File>,
    trash: Vec<File>,
    journal: Vec<(Intent, u64)>,
    flushed: [u64; 2],
    next_inode: u64,
}

/// One thing that the job does.
#[derive(Debug, Clone)]
enum Op {
    Create(Component, u8),
    Intend(Intent),
    Flush,
    Rename(Spot, Spot),
}

impl Model {
    fn put(&mut self, spot: Spot, content: u8) -> File {
        self.next_inode += 1;
        let file = File { inode: self.next_inode, content, mtime: 0 };
        self.files.insert(spot, file);
        file
    }

    fn apply(&mut self, op: &Op) {
        match op {
            Op::Create(name, content) => {
                self.put(Spot::Temporary(name.clone()), *content);
            }
            Op::Intend(intent) => {
                let n = self.journal.len() as u64 + 1;
                self.journal.push((intent.clone(), n));
            }
            Op::Flush => self.flushed = [self.journal.len() as u64, self.flushed[0]],
            Op::Rename(from, to) => self.rename(from, to),
        }
    }

    /// As the door renames: never over something.
    fn rename(&mut self, from: &Spot, to: &Spot) {
        assert!(!self.files.contains_key(to), "{to:?} is taken");
        let file = self.files.remove(from).expect("it is there");
        self.files.insert(to.clone(), file);
    }

    fn read_journal(&self) -> Journal {
        let doubt = |n: u64| match self.flushed {
            [_, settled] if n <= settled => Doubt::Settled,
            [last, _] if n <= last => Doubt::Flushed,
            _ => Doubt::Unflushed,
        };
        let entry = |(intent, n): &(Intent, u64)| Entry {
            intent: intent.clone(),
            doubt: doubt(*n),
            did_not: false,
        };
        Journal { entries: self.journal.iter().map(entry).collect(), folders: Vec::new() }
    }

    fn settlement(&self) -> Settlement {
        let journal = self.read_journal();
        let mut seen = Seen::new();
        for (spot, sizes) in questions(&journal).0 {
            if let Some(file) = self.files.get(&spot) {
                let asked = sizes.contains(&10);
                seen.insert(spot, there_of(file, asked));
            }
        }
        settle(&journal, &seen).unwrap()
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Rename { from, to } => self.rename(from, &Spot::Final(to.clone())),
            Step::RemoveTemporary(name) => {
                let file = self.files.remove(&Spot::Temporary(name.clone()));
                assert!(file.is_some());
            }
            Step::Trash(name) => {
                let file = self.files.remove(&Spot::Aside(name.clone())).unwrap();
                self.trash.push(file);
            }
        }
    }

    /// What follows the steps: `tmp/` is emptied, and what is left in `aside/` goes to the trash.
    fn clear(&mut self) {
        let left: Vec<Spot> = self.files.keys().cloned().collect();
        for spot in left {
            match spot {
                Spot::Final(_) => {}
                Spot::Temporary(_) => {
                    self.files.remove(&spot);
                }
                Spot::Aside(_) => self.trash.extend(self.files.remove(&spot)),
            }
        }
    }

    /// Settles to the end; answers the rows.
    fn settle(&mut self, mut rows: BTreeMap<Key, Row>) -> BTreeMap<Key, Row> {
        let settlement = self.settlement();
        for step in &settlement.steps {
            self.step(step);
        }
        self.clear();
        for change in settlement.changes {
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
}

fn there_of(file: &File, hashed: bool) -> There {
    There {
        regular: true,
        size: 10,
        mtime: Stamp::for_tests(file.mtime),
        inode: file.inode,
        blake3: hashed.then(|| digest_of(file.content)),
    }
}

fn digest_of(content: u8) -> Blake3 {
    Blake3::from(blake3::hash(&[content]))
}

/// A job: the rows before it, the disk before it, and what it does.
struct Job {
    rows: BTreeMap<Key, Row>,
    disk: Model,
    ops: Vec<Op>,
}

/// How the contents of a job are.
#[derive(Debug, Clone, Copy)]
struct Kind {
    hashed: bool,
    equal: bool,
}

impl Job {
    fn new(kind: Kind) -> Self {
        let mut job = Self { rows: BTreeMap::new(), disk: Model::default(), ops: Vec::new() };
        // A swap, a rotation and a chain: old name, new name.
        let circles: [&[(&str, &str)]; 2] =
            [&[("a", "b"), ("b", "a")], &[("c", "d"), ("e", "c"), ("d", "e")]];
        let chain = [("g", "h"), ("f", "g")];
        let mut asset = 0;
        let mut renames = Vec::new();
        for circle in circles {
            let mut last = None;
            for (old, new) in circle {
                asset += 1;
                let aside = job.intend_move(asset, old, new, kind);
                if last.is_none() {
                    renames.push(Op::Rename(at(old), aside.clone()));
                    last = Some(Op::Rename(aside, at(new)));
                } else {
                    renames.push(Op::Rename(at(old), at(new)));
                }
            }
            renames.extend(last);
        }
        for (old, new) in chain {
            asset += 1;
            job.intend_move(asset, old, new, kind);
            renames.push(Op::Rename(at(old), at(new)));
        }
        job.ops.push(Op::Flush);
        job.ops.extend(renames);
        job.second_batch(kind);
        job
    }

    fn intend_move(&mut self, asset: u8, old: &str, new: &str, kind: Kind) -> Spot {
        let row = self.exported(asset, old, kind);
        let aside = component(u64::from(asset));
        self.ops.push(Op::Intend(Intent::Move { aside: aside.clone(), new: path(new), row }));
        Spot::Aside(aside)
    }

    /// A file that an earlier run exported, and its row.
    fn exported(&mut self, asset: u8, name: &str, kind: Kind) -> Row {
        let content = if kind.equal { 1 } else { asset };
        let file = self.disk.put(at(name), content);
        let row = row_of(asset, name, &file, kind);
        self.rows.insert(row.key.clone(), row.clone());
        row
    }

    /// Two new files and one that is taken over.
    fn second_batch(&mut self, kind: Kind) {
        let mut renames = Vec::new();
        let adopted = self.disk.put(at("z"), 22);
        // The model gives inodes in the order in which files are made.
        let inodes = self.disk.next_inode + 1..;
        for (inode, (asset, name)) in inodes.zip([(20, "x"), (21, "y")]) {
            let content = if kind.equal { 1 } else { asset };
            let tmp = component(u64::from(asset));
            self.ops.push(Op::Create(tmp.clone(), content));
            let file = File { inode, content, mtime: 0 };
            let row = row_of(asset, name, &file, kind);
            renames.push(Op::Rename(Spot::Temporary(tmp.clone()), at(name)));
            self.ops.push(Op::Intend(Intent::Publish { tmp, row }));
        }
        let row = row_of(22, "z", &adopted, Kind { hashed: true, ..kind });
        self.ops.push(Op::Intend(Intent::Adopt { row }));
        self.ops.push(Op::Flush);
        self.ops.extend(renames);
        self.ops.push(Op::Flush);
    }

    /// The disk after some steps; with the power gone, contents that were not flushed are zeros.
    fn stopped_after(&self, steps: usize, power_loss: bool) -> Model {
        let mut disk = self.disk.clone();
        let mut unflushed = BTreeSet::new();
        for op in self.ops.iter().take(steps) {
            disk.apply(op);
            match op {
                Op::Create(name, _) => {
                    unflushed.insert(Spot::Temporary(name.clone()));
                }
                Op::Flush => unflushed.clear(),
                Op::Intend(_) | Op::Rename(..) => {}
            }
        }
        if power_loss {
            for spot in unflushed {
                if let Some(file) = disk.files.get_mut(&spot) {
                    file.content = ZEROS;
                }
            }
        }
        disk
    }
}

fn row_of(asset: u8, name: &str, file: &File, kind: Kind) -> Row {
    Row {
        mtime: Stamp::for_tests(file.mtime),
        inode: file.inode,
        blake3: kind.hashed.then(|| digest_of(file.content)),
        ..row(asset, name)
    }
}

/// One thing that a user does between the crash and the next run.
#[derive(Debug, Clone)]
enum Act {
    Nothing,
    Edit(Spot),
    Delete(Spot),
    Rename(Spot, Spot),
    Put(Spot),
}

impl Act {
    /// All that can be done on a disk.
    fn all(disk: &Model) -> Vec<Self> {
        let mut acts = vec![Self::Nothing];
        for spot in disk.files.keys() {
            acts.push(Self::Edit(spot.clone()));
            acts.push(Self::Delete(spot.clone()));
            acts.push(Self::Rename(spot.clone(), at("elsewhere")));
        }
        for name in "abcdefghxyz".chars() {
            let spot = at(&name.to_string());
            if !disk.files.contains_key(&spot) {
                acts.push(Self::Put(spot));
            }
        }
        acts
    }

    fn act(&self, disk: &mut Model) {
        match self {
            Self::Nothing => {}
            Self::Edit(spot) => {
                let file = disk.files.get_mut(spot).unwrap();
                file.content = USERS;
                file.mtime = 1;
            }
            Self::Delete(spot) => {
                disk.files.remove(spot);
            }
            Self::Rename(from, to) => disk.rename(from, to),
            Self::Put(spot) => {
                disk.put(spot.clone(), USERS + 1);
            }
        }
    }

    /// Is it in `tmp/`, where nothing is precious?
    fn is_in_tmp(&self) -> bool {
        match self {
            Self::Nothing | Self::Put(_) => false,
            Self::Edit(spot) | Self::Delete(spot) | Self::Rename(spot, _) => {
                matches!(spot, Spot::Temporary(_))
            }
        }
    }
}

fn user_files(disk: &Model) -> usize {
    let all = disk.files.values().chain(&disk.trash);
    all.filter(|file| file.content >= USERS).count()
}

fn explore(kind: Kind) -> usize {
    let job = Job::new(kind);
    let mut states = 0;
    for steps in 0..=job.ops.len() {
        for power_loss in [false, true] {
            let stopped = job.stopped_after(steps, power_loss);
            for act in Act::all(&stopped) {
                let mut disk = stopped.clone();
                act.act(&mut disk);
                states += explore_settling(&job, &disk, &act, (steps, power_loss, kind));
            }
        }
    }
    states
}

/// Settles, and settles again after each step of the first time.
fn explore_settling(job: &Job, disk: &Model, act: &Act, context: (usize, bool, Kind)) -> usize {
    let mut straight = disk.clone();
    let rows = straight.settle(job.rows.clone());
    assert_sound(job, disk, &straight, &rows, act, context);
    let steps = disk.settlement().steps;
    for broken_off in 0..=steps.len() {
        let mut twice = disk.clone();
        for step in steps.iter().take(broken_off) {
            twice.step(step);
        }
        let again = twice.settle(job.rows.clone());
        assert_eq!(twice.files, straight.files, "{act:?} {context:?} after {broken_off}");
        if matches!(act, Act::Nothing) {
            assert_eq!(again, rows, "{context:?} after {broken_off}");
        }
    }
    let mut once_more = straight.clone();
    assert_eq!(once_more.settle(rows.clone()), rows, "{act:?} {context:?}");
    assert_eq!(once_more, straight);
    steps.len() + 2
}

fn assert_sound(
    job: &Job,
    before: &Model,
    after: &Model,
    rows: &BTreeMap<Key, Row>,
    act: &Act,
    context: (usize, bool, Kind),
) {
    let all_visible = after.files.keys().all(|spot| matches!(spot, Spot::Final(_)));
    assert!(all_visible, "tmp/ and aside/ are empty: {act:?} {context:?}");
    // Whoever takes something out of tmp/ takes what is there.
    if !act.is_in_tmp() {
        assert_eq!(user_files(before), user_files(after), "{act:?} {context:?}");
        let zeros = after.files.values().any(|file| file.content == ZEROS);
        assert!(!zeros, "half a file is under a final name: {act:?} {context:?}");
    }
    let paths: BTreeSet<&RelPath> = rows.values().map(|row| &row.path).collect();
    assert_eq!(paths.len(), rows.len(), "no two rows have one path: {act:?} {context:?}");
    if !matches!(act, Act::Nothing) {
        return;
    }
    assert_eq!(after.trash, [], "{context:?}");
    for row in rows.values() {
        let file = after.files.get(&Spot::Final(row.path.clone()));
        let file = file.unwrap_or_else(|| panic!("{row:?} has no file: {context:?}"));
        assert!(row.is(&there_of(file, row.blake3.is_some())), "{row:?} {context:?}");
        assert_eq!(file.inode, row.inode, "{row:?} {context:?}");
    }
    for key in job.rows.keys() {
        assert!(rows.contains_key(key), "{key:?} lost its row: {context:?}");
    }
}

#[test]
fn a_job_stopped_anywhere_settles_soundly_whatever_a_user_did_meanwhile() {
    let mut states = 0;
    for hashed in [true, false] {
        for equal in [true, false] {
            states += explore(Kind { hashed, equal });
        }
    }
    assert!(states > 10_000, "{states}");
}

#[test]
fn a_row_whose_file_is_nowhere_takes_its_new_name_else_its_old() {
    let moving = |asset: u8, old: &str, new: &str| Intent::Move {
        aside: component(u64::from(asset)),
        new: path(new),
        row: row(asset, old),
    };
    let swap = || journal(Doubt::Flushed, vec![moving(1, "a", "b"), moving(2, "b", "a")]);
    let paths = |seen: Seen| -> Vec<(u8, Option<String>)> {
        let settled = settle(&swap(), &seen).unwrap();
        let told = settled.changes.iter().map(|change| match change {
            Change::Put(it) if it.key == row(1, "x").key => (1, Some(it.path.to_string())),
            Change::Put(it) => (2, Some(it.path.to_string())),
            Change::Drop(key) => (if *key == row(1, "x").key { 1 } else { 2 }, None),
        });
        told.collect()
    };
    let name = |text: &str| Some(text.to_owned());
    // Both gone: each takes its new name.
    assert_eq!(paths(Seen::new()), [(1, name("b")), (2, name("a"))]);
    // The second moved; the first was deleted, and its new name is free.
    let seen = Seen::from([(at("a"), there(&row(2, "b")))]);
    assert_eq!(paths(seen), [(2, name("a")), (1, name("b"))]);
    // The second did not move and has the first one's new name; the first takes its old one.
    let seen = Seen::from([(at("b"), there(&row(2, "b")))]);
    assert_eq!(paths(seen), [(2, name("b")), (1, name("a"))]);
}

mod many_moves {
    use super::*;

    const MANY: u64 = 20_000;

    fn place(number: u64) -> RelPath {
        path(&format!("p{number}"))
    }

    /// The file of that number, which stands at the place of its number.
    fn file(number: u64) -> Row {
        Row {
            inode: number,
            blake3: Some(Blake3::from(blake3::hash(&number.to_le_bytes()))),
            ..row(1, "x").at(place(number))
        }
    }

    /// Each file wants the place of the next; the last one's new name is `end`.
    fn shifted(end: u64) -> Journal {
        let moving = |number: u64| Intent::Move {
            aside: component(number),
            new: place(if number + 1 == MANY { end } else { number + 1 }),
            row: file(number),
        };
        journal(Doubt::Flushed, (0..MANY).map(moving).collect())
    }

    /// The first waits aside, all others stand at their places; inodes tell them, or contents.
    fn none_has_moved(by_inode: bool) -> Seen {
        let seen = |number: u64| {
            let spot =
                if number == 0 { Spot::Aside(component(0)) } else { at(&format!("p{number}")) };
            let there = there(&file(number));
            (spot, if by_inode { there } else { There { inode: MANY + 1, ..there } })
        };
        (0..MANY).map(seen).collect()
    }

    /// On a stack that no walk down the chain would fit on.
    #[expect(clippy::disallowed_methods, reason = "a thread of the test, with a small stack")]
    fn settled(journal: Journal, seen: Seen) -> Settlement {
        let settle = move || settle(&journal, &seen).unwrap();
        let small = std::thread::Builder::new().stack_size(256 * 1024);
        small.spawn(settle).unwrap().join().unwrap()
    }

    fn put_at(settlement: &Settlement, number: u64) -> Option<&RelPath> {
        settlement.changes.iter().find_map(|change| match change {
            Change::Put(row) if row.inode == number => Some(&row.path),
            Change::Put(_) | Change::Drop(_) => None,
        })
    }

    #[test]
    fn a_chain_of_any_length_moves_from_its_free_end() {
        for by_inode in [true, false] {
            let settlement = settled(shifted(MANY), none_has_moved(by_inode));
            let last = Step::Rename { from: at(&format!("p{}", MANY - 1)), to: place(MANY) };
            assert_eq!(settlement.steps.first(), Some(&last));
            let first = Step::Rename { from: Spot::Aside(component(0)), to: place(1) };
            assert_eq!(settlement.steps.last(), Some(&first));
            assert_eq!(settlement.steps.len() as u64, MANY);
            assert_eq!(put_at(&settlement, 1), Some(&place(2)));
        }
    }

    #[test]
    fn a_circle_of_any_length_closes_with_the_one_that_waits_aside() {
        let settlement = settled(shifted(0), none_has_moved(true));
        let last = Step::Rename { from: at(&format!("p{}", MANY - 1)), to: place(0) };
        assert_eq!(settlement.steps.first(), Some(&last));
        assert_eq!(settlement.steps.len() as u64, MANY);
        assert_eq!(put_at(&settlement, 0), Some(&place(1)));
    }

    #[test]
    fn whoever_waits_for_a_circle_that_nobody_can_begin_goes_back() {
        // The last wants the place of the second, so all but the first go round without a gap.
        let settlement = settled(shifted(1), none_has_moved(true));
        let back = Step::Rename { from: Spot::Aside(component(0)), to: place(0) };
        assert_eq!(settlement.steps, [back]);
        assert_eq!(put_at(&settlement, 1), Some(&place(1)));
    }

    #[test]
    fn all_that_wait_for_one_chain_that_is_stuck_walk_it_once() {
        let mut journal = shifted(MANY);
        let mut seen = none_has_moved(true);
        seen.insert(Spot::Final(place(MANY)), There::BLOCKED);
        let waiting = (0..MANY).map(|number| {
            let row = file(2 * MANY + number);
            let aside = component(2 * MANY + number);
            seen.insert(Spot::Aside(aside.clone()), there(&row));
            let intent = Intent::Move { aside, new: place(1), row };
            Entry { intent, doubt: Doubt::Flushed, did_not: false }
        });
        journal.entries.extend(waiting);
        let settlement = settled(journal, seen);
        assert_eq!(settlement.steps.len() as u64, MANY + 1, "each goes back to its old name");
        assert_eq!(put_at(&settlement, 2 * MANY), Some(&place(2 * MANY)));
    }
}
