//! Settling, line by line of its table, and chains of any length.
//!
//! What a crash can leave at all, and what a user makes of it, is explored beside (`explore.rs`);
//! here stands each rule by itself. The hazard: a rule that holds only together with others.

mod replace;

use super::*;
use crate::row::Blake3;
use crate::row::tests::{row, there};

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
    Journal { entries: intents.into_iter().map(entry).collect(), folders: Default::default() }
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
        let settled = settle(&journal(doubt, vec![intent]), &seen, Giving::Exclusive);
        assert_eq!(settled.steps, steps);
        let expected = if put { vec![Change::Put(row(1, "a"))] } else { Vec::new() };
        assert_eq!(settled.changes, expected);
    }

    fn rename() -> Step {
        Step::Rename { from: tmp(), to: at("a") }
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
        let steps = [Step::Flush, remove()];
        check(Doubt::Flushed, publish(), &both(ours()), &steps, true);
        let edited = There { inode: ours().inode, ..other() };
        check(Doubt::Flushed, publish(), &both(edited), &steps, true);
        // Whoever links has flushed, though a power loss may have taken the line that says so.
        check(Doubt::Unflushed, publish(), &both(ours()), &steps, true);
        check(Doubt::Flushed, publish(), &both(other()), &[remove()], false);
    }

    #[test]
    fn what_cannot_be_brought_to_its_name_goes_back_or_to_the_trash() {
        let journal = || Intent::Move { aside: component(7), new: path("b/1"), row: row(1, "a") };
        let aside = Spot::Aside(component(7));
        let steps = |seen: Seen| {
            settle(&super::journal(Doubt::Flushed, vec![journal()]), &seen, Giving::Exclusive).steps
        };
        let blocked = (at("b/1"), There::BLOCKED);
        let seen = Seen::from([(aside.clone(), ours()), blocked.clone()]);
        assert_eq!(steps(seen), [Step::Rename { from: aside.clone(), to: at("a") }]);
        let seen = Seen::from([(aside, ours()), blocked, (at("a"), other())]);
        let trash = Step::Trash { name: component(7), path: path("a") };
        assert_eq!(steps(seen), [Step::Flush, trash]);
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
            let steps = settle(&journal, &seen, Giving::Exclusive).steps;
            let last = Step::Rename { from: aside.clone(), to: at(to) };
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
            assert_eq!(settle(&journal, &seen, Giving::Exclusive), Settlement::default());
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
            settle(&journal, &seen, Giving::Exclusive).changes
        };
        assert_eq!(changes(Seen::new()), [Change::Drop(row(1, "a").key)]);
        assert_eq!(changes(Seen::from([(at("a"), ours())])), []);
    }
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
        let settled = settle(&swap(), &seen, Giving::Exclusive);
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
        let settle = move || settle(&journal, &seen, Giving::Exclusive);
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
            let last =
                Step::Rename { from: at(&format!("p{}", MANY - 1)), to: Spot::Final(place(MANY)) };
            assert_eq!(settlement.steps.first(), Some(&last));
            let first = Step::Rename { from: Spot::Aside(component(0)), to: Spot::Final(place(1)) };
            assert_eq!(settlement.steps.last(), Some(&first));
            assert_eq!(settlement.steps.len() as u64, MANY);
            assert_eq!(put_at(&settlement, 1), Some(&place(2)));
        }
    }

    #[test]
    fn a_circle_of_any_length_closes_with_the_one_that_waits_aside() {
        let settlement = settled(shifted(0), none_has_moved(true));
        let last = Step::Rename { from: at(&format!("p{}", MANY - 1)), to: Spot::Final(place(0)) };
        assert_eq!(settlement.steps.first(), Some(&last));
        assert_eq!(settlement.steps.len() as u64, MANY);
        assert_eq!(put_at(&settlement, 0), Some(&place(1)));
    }

    #[test]
    fn whoever_waits_for_a_circle_that_nobody_can_begin_goes_back() {
        // The last wants the place of the second, so all but the first go round without a gap.
        let settlement = settled(shifted(1), none_has_moved(true));
        let back = Step::Rename { from: Spot::Aside(component(0)), to: Spot::Final(place(0)) };
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
