//! Updates, the trash, second names and placeholders: a case for each line of the table.
//!
//! One intent and what is found of it, then the steps and the row. The hazard: a removal in
//! `aside/` that nothing proves.

use super::*;

fn old() -> Row {
    row(1, "a")
}

fn new() -> Row {
    Row { inode: 200, blake3: Some(digest(b"new")), ..old() }
}

fn digest(content: &[u8]) -> Blake3 {
    Blake3::from(blake3::hash(content))
}

/// The same file, edited in place.
fn edited(row: &Row) -> There {
    There { blake3: Some(digest(b"edited")), ..there(row) }
}

fn stranger() -> There {
    There { inode: 900, ..edited(&old()) }
}

const fn tmp() -> u64 {
    1
}

fn aside() -> Spot {
    Spot::Aside(component(2))
}

fn waiting() -> Spot {
    Spot::Temporary(component(tmp()))
}

fn update(ours: bool, old: Row, new: Row) -> Intent {
    let (old, new) = (Box::new(old), Box::new(new));
    Intent::Replace { tmp: component(tmp()), aside: component(2), old, new, ours }
}

fn settled(doubt: Doubt, seen: &[(Spot, There)]) -> Settlement {
    let seen: Seen = seen.iter().cloned().collect();
    let journal = journal(doubt, vec![update(true, old(), new())]);
    settle(&journal, &seen, Giving::Exclusive)
}

/// Steps, and whether the row is the new one.
#[track_caller]
fn check(seen: &[(Spot, There)], steps: &[Step], is_new: bool) {
    let settlement = settled(Doubt::Flushed, seen);
    assert_eq!(settlement.steps, steps);
    let expected = if is_new { vec![Change::Put(new())] } else { Vec::new() };
    assert_eq!(settlement.changes, expected);
}

fn removed(there: There) -> Vec<Step> {
    vec![Step::Flush, Step::RemoveAside { name: component(2), there, twin: None }]
}

fn trashed() -> Vec<Step> {
    vec![Step::Flush, Step::Trash { name: component(2), path: path("a") }]
}

#[test]
fn the_old_one_goes_only_if_it_is_ours_and_its_hash_proves_it() {
    let seen = [(at("a"), there(&new())), (aside(), there(&old()))];
    check(&seen, &removed(there(&old())), true);
    check(&[(at("a"), there(&new())), (aside(), edited(&old()))], &trashed(), true);
    check(&[(at("a"), there(&new())), (aside(), stranger())], &trashed(), true);
    let unhashed = Row { blake3: None, ..old() };
    for intent in [update(false, old(), new()), update(true, unhashed, new())] {
        let journal = journal(Doubt::Flushed, vec![intent]);
        let settlement = settle(&journal, &seen.clone().into(), Giving::Exclusive);
        assert_eq!((settlement.steps, settlement.changes), (trashed(), vec![Change::Put(new())]));
    }
}

#[test]
fn an_update_whose_old_one_is_gone_happened() {
    check(&[(at("a"), there(&new()))], &[], true);
    check(&[(at("a"), edited(&new()))], &[], true);
}

#[test]
fn a_new_one_that_stands_aside_was_not_exchanged_and_goes_if_proven() {
    check(&[(at("a"), there(&old())), (aside(), there(&new()))], &removed(there(&new())), false);
    check(&[(at("a"), there(&old())), (aside(), edited(&new()))], &trashed(), false);
    check(&[(at("a"), there(&old())), (aside(), stranger())], &trashed(), false);
    check(&[(at("a"), edited(&old())), (aside(), there(&new()))], &removed(there(&new())), false);
    check(&[(aside(), there(&new()))], &removed(there(&new())), false);
}

#[test]
fn edited_meanwhile_the_inode_tells_which_one_it_was() {
    check(&[(at("a"), edited(&new())), (aside(), there(&old()))], &removed(there(&old())), true);
    check(&[(at("a"), stranger()), (aside(), there(&old()))], &trashed(), true);
    check(&[(at("a"), stranger()), (aside(), there(&new()))], &removed(there(&new())), false);
}

#[test]
fn one_that_waits_in_tmp_did_not_happen() {
    for there in [there(&old()), edited(&old()), stranger()] {
        let seen = [(at("a"), there), (waiting(), super::there(&new()))];
        check(&seen, &[Step::RemoveTemporary(component(1))], false);
    }
}

#[test]
fn a_name_that_is_free_between_two_renames_gets_the_new_one_if_it_can_be_trusted() {
    let seen = [(aside(), there(&old())), (waiting(), there(&new()))];
    let rename = Step::Rename { from: waiting(), to: at("a") };
    check(&seen, &[vec![rename], removed(there(&old()))].concat(), true);
}

#[test]
fn else_the_old_one_comes_back() {
    let back = Step::Rename { from: aside(), to: at("a") };
    let remove = Step::RemoveTemporary(component(1));
    // Its content is nonsense, or never said to be on the disk, or is gone.
    let seen = |waits| [(aside(), there(&old())), (waiting(), waits)];
    check(&seen(edited(&new())), &[back.clone(), remove.clone()], false);
    let unflushed = settled(Doubt::Unflushed, &seen(there(&new())));
    assert_eq!(unflushed.steps, [back.clone(), remove.clone()]);
    assert_eq!(unflushed.changes, []);
    check(&[(aside(), there(&old()))], std::slice::from_ref(&back), false);
    // What somebody edited there is his.
    let seen = [(aside(), edited(&old())), (waiting(), there(&new()))];
    check(&seen, &[back, remove], false);
}

#[test]
fn a_file_that_has_two_names_keeps_the_one_that_people_see() {
    let seen = [(at("a"), there(&old())), (aside(), there(&old())), (waiting(), there(&new()))];
    let twin = Some(at("a"));
    let there = there(&old());
    let remove = Step::RemoveAside { name: component(2), there, twin };
    check(&seen, &[Step::RemoveTemporary(component(1)), Step::Flush, remove], false);
}

#[test]
fn what_a_certain_update_put_aside_goes_although_nothing_else_is_looked_at() {
    let settlement = settled(Doubt::Renamed, &[(aside(), there(&old()))]);
    assert_eq!(settlement.steps, removed(there(&old())));
    assert_eq!(settlement.changes, [Change::Put(new())]);
    assert_eq!(settled(Doubt::Renamed, &[(aside(), edited(&old()))]).steps, trashed());
    assert_eq!(settled(Doubt::Settled, &[(aside(), there(&old()))]).steps, []);
    let journal = journal(Doubt::Renamed, vec![update(true, old(), new())]);
    assert_eq!(questions(&journal).0.into_keys().collect::<Vec<_>>(), [aside()]);
}

#[test]
fn an_update_that_was_put_back_leaves_its_row() {
    let mut journal = journal(Doubt::Flushed, vec![update(true, old(), new())]);
    journal.entries[0].did_not = true;
    for seen in [vec![(at("a"), edited(&old()))], vec![(at("a"), stranger())]] {
        let settlement = settle(&journal, &seen.into_iter().collect(), Giving::Exclusive);
        assert_eq!(settlement, Settlement::default());
    }
    // Said before it was put back.
    let seen = [(at("a"), there(&new())), (aside(), edited(&old()))];
    let settlement = settle(&journal, &seen.into(), Giving::Exclusive);
    assert_eq!((settlement.steps, settlement.changes), (trashed(), vec![Change::Put(new())]));
}

mod trash {
    use super::*;

    fn to() -> Spot {
        Spot::Trash(path(".darkslide/trash/2024-05-31/a"))
    }

    fn settled(seen: &[(Spot, There)]) -> Settlement {
        let Spot::Trash(to) = to() else { unreachable!() };
        let journal = journal(Doubt::Flushed, vec![Intent::Trash { to, row: old() }]);
        settle(&journal, &seen.iter().cloned().collect(), Giving::Exclusive)
    }

    #[test]
    fn a_file_in_the_trash_or_gone_from_its_place_has_no_row() {
        let drop = [Change::Drop(old().key)];
        assert_eq!(settled(&[(to(), there(&old()))]).changes, drop);
        assert_eq!(settled(&[]).changes, drop);
        // A copy that somebody brought back is his own.
        let copy = There { inode: 900, ..there(&old()) };
        assert_eq!(settled(&[(to(), there(&old())), (at("a"), copy)]).changes, drop);
        assert_eq!(settled(&[(at("a"), stranger())]).changes, drop);
    }

    #[test]
    fn a_file_in_its_place_keeps_its_row() {
        assert_eq!(settled(&[(at("a"), there(&old()))]), Settlement::default());
        assert_eq!(settled(&[(at("a"), edited(&old()))]), Settlement::default());
    }

    #[test]
    fn one_that_was_linked_there_loses_its_first_name() {
        let settlement = settled(&[(to(), there(&old())), (at("a"), there(&old()))]);
        let [_, Step::RemoveAside { twin, .. }] = settlement.steps.last_chunk().unwrap() else {
            panic!("{settlement:?}")
        };
        assert_eq!(*twin, Some(to()));
        assert_eq!(settlement.changes, [Change::Drop(old().key)]);
    }
}

mod moves {
    use super::*;

    fn settled(seen: &[(Spot, There)]) -> Settlement {
        let moving = Intent::Move { aside: component(2), new: path("b"), row: old() };
        let journal = journal(Doubt::Flushed, vec![moving]);
        settle(&journal, &seen.iter().cloned().collect(), Giving::Exclusive)
    }

    #[test]
    fn a_file_that_was_linked_and_not_unlinked_keeps_its_newest_name() {
        let (aside, ours) = (aside(), there(&old()));
        let remove = |twin| Step::RemoveAside { name: component(2), there: ours, twin: Some(twin) };
        let away = Step::Rename { from: at("a"), to: aside.clone() };
        let both = [Step::Flush, remove(at("b"))];
        let settlement = settled(&[(at("a"), ours), (at("b"), ours)]);
        assert_eq!(settlement.steps, [vec![away.clone()], both.to_vec()].concat());
        assert_eq!(settlement.changes, [Change::Put(old().at(path("b")))]);
        let settlement = settled(&[(aside.clone(), ours), (at("b"), ours)]);
        assert_eq!(settlement.steps, both);
        let settlement = settled(&[(aside.clone(), ours), (at("a"), ours)]);
        assert_eq!(settlement.steps, [Step::Flush, remove(at("a"))]);
        assert_eq!(settlement.changes, [Change::Put(old())]);
        let settlement = settled(&[(aside, ours), (at("a"), ours), (at("b"), ours)]);
        assert_eq!(settlement.steps, [both.to_vec(), vec![away], both.to_vec()].concat());
    }

    #[test]
    fn two_files_are_not_one_because_their_inodes_are_equal() {
        let other = There { size: 11, ..there(&old()) };
        let settlement = settled(&[(at("a"), other), (at("b"), there(&old()))]);
        assert_eq!(settlement.steps, []);
    }
}

mod placeholders {
    use super::*;

    fn empty() -> There {
        There { size: 0, inode: 901, blake3: None, ..there(&old()) }
    }

    fn settled(giving: Giving, intent: Intent, seen: &[(Spot, There)]) -> Vec<Step> {
        let journal = journal(Doubt::Flushed, vec![intent]);
        settle(&journal, &seen.iter().cloned().collect(), giving).steps
    }

    fn publish(row: Row) -> Intent {
        Intent::Publish { tmp: component(1), row }
    }

    #[test]
    fn an_empty_file_is_none_where_names_are_given_over_one() {
        let seen = [(at("a"), empty()), (waiting(), there(&old()))];
        let steps = settled(Giving::OverPlaceholder, publish(old()), &seen);
        let rename = Step::Rename { from: waiting(), to: at("a") };
        assert_eq!(steps, [Step::RemovePlaceholder(path("a")), rename]);
        let steps = settled(Giving::Exclusive, publish(old()), &seen);
        assert_eq!(steps, [Step::RemoveTemporary(component(1))]);
    }

    #[test]
    fn an_empty_photo_is_one_all_the_same() {
        let row = Row { size: 0, ..old() };
        let seen = [(at("a"), There { size: 0, ..there(&old()) })];
        assert_eq!(settled(Giving::OverPlaceholder, publish(row), &seen), []);
    }

    #[test]
    fn one_that_stands_aside_or_in_the_trash_is_no_file_either() {
        let seen = [(aside(), empty()), (at("a"), there(&old())), (waiting(), there(&new()))];
        let steps = settled(Giving::OverPlaceholder, update(true, old(), new()), &seen);
        let remove = Step::RemoveAside { name: component(2), there: empty(), twin: None };
        assert_eq!(steps, [Step::Flush, remove, Step::RemoveTemporary(component(1))]);
    }
}
