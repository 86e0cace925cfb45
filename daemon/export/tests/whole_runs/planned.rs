//! A plan shows what an export would do, writes nothing, and asks for nobody's leave.
//!
//! Here are pages, totals and what a broken-off job makes of a plan; that it agrees with reports
//! whatever the library is, is tested with random runs.

use std::fs;

use darkslide_door::{Faults, Operation};
use darkslide_export::{Outcome, Spec, Stop};
use darkslide_fixture::{Content, LibraryBuilder, Snapshot};

use crate::exporting::{Bench, Run, one_of_each, outcomes};
use crate::looking::photo;

#[test]
fn a_plan_changes_nothing_and_is_what_the_export_then_does() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    bench.rebuild(|library| {
        one_of_each(library);
        library.asset(photo("new.jpg", 30).edited(Content::jpeg(31)));
    });
    fs::write(bench.path("2024/05/IMG_1.JPG"), b"mine").unwrap();
    let (root, library) =
        (Snapshot::take(&bench.root).unwrap(), Snapshot::take(&bench.bundle).unwrap());
    let page = bench.plan_page(&Spec::everything(), None, 1_000);
    assert!(root.diff(&Snapshot::take(&bench.root).unwrap()).is_empty());
    let difference = library.diff(&Snapshot::take(&bench.bundle).unwrap());
    let changed = difference.lines().iter().filter(|line| !line.contains("touched: changed"));
    assert_eq!(changed.count(), 0);

    let totals = page.totals.unwrap();
    let expected = outcomes([
        (Outcome::Copied, 2),
        (Outcome::Unchanged, 9),
        (Outcome::Kept, 1),
        (Outcome::NotLocal, 1),
    ]);
    assert_eq!((totals.selected, &totals.outcomes), (13, &expected));
    let bytes = Content::jpeg(30).bytes().len() + Content::jpeg(31).bytes().len();
    assert_eq!(totals.bytes, bytes as u64);
    assert!(totals.free.is_some_and(|free| free > 0) && !totals.interrupted);
    assert_eq!((page.rows.len(), page.next), (13, None));
    assert_eq!(bench.export().outcomes, expected);
}

#[test]
fn pages_of_any_size_are_one_plan() {
    let (bench, _) = Bench::with(|library: &mut LibraryBuilder| {
        for (name, seed) in ["a.jpg", "b.jpg", "c.jpg", "d.jpg"].into_iter().zip(1..) {
            library.asset(photo(name, seed).edited(Content::jpeg(seed + 10)));
        }
    });
    bench.export();
    // A chain and a swap: whether a name is free depends on assets of other pages.
    bench.rebuild(|library| {
        for (name, seed) in ["b.jpg", "a.jpg", "d.jpg", "e.jpg"].into_iter().zip(1..) {
            library.asset(photo(name, seed).edited(Content::jpeg(seed + 10)));
        }
        library.asset(photo("c.jpg", 5));
    });
    let spec = Spec::everything();
    let whole = bench.plan(&spec, 1_000);
    assert_eq!(whole.len(), 9);
    for limit in 1..10 {
        assert_eq!(bench.plan(&spec, limit), whole, "{limit}");
    }
    let first = bench.plan_page(&spec, None, 3);
    assert_eq!((first.rows.len(), first.totals.unwrap().selected), (4, 9), "assets are not torn");
    let renamed = whole.iter().filter(|row| row.outcome == Outcome::Renamed).count();
    assert_eq!(renamed, 8);
}

#[test]
fn a_plan_beside_a_job_at_work_shows_what_is_there_by_now() {
    let (bench, _) = Bench::with(one_of_each);
    let planned = std::sync::Mutex::new(None);
    let told = crate::exporting::Told::default();
    let stop = || {
        let copying = told.planned.lock().unwrap().is_some();
        let mut planned = planned.lock().unwrap();
        if copying && planned.is_none() {
            *planned = bench.plan_page(&Spec::everything(), None, 1_000).totals;
        }
        Stop::GoOn
    };
    bench.run_told(Run { stop: &stop, workers: 1, ..Run::default() }, &told).unwrap();
    let totals = planned.into_inner().unwrap().unwrap();
    assert_eq!(totals.outcomes, outcomes([(Outcome::Copied, 10), (Outcome::NotLocal, 1)]));
}

#[test]
fn a_plan_after_a_job_that_was_broken_off_says_so() {
    let (bench, _) = Bench::with(one_of_each);
    // What the disk refuses is settled at the end of the job; so is that refused.
    let faults = Faults::fail_each(Operation::RemoveRecord, 5);
    bench.run(Run { faults, ..Run::default() }).unwrap_err();
    assert!(bench.record("journal.jsonl").exists());
    let totals = bench.plan_page(&Spec::everything(), None, 1_000).totals.unwrap();
    assert!(totals.interrupted);
    assert_eq!(totals.outcomes.values().sum::<u64>(), 11);
    assert_eq!(totals.bytes, 0, "nothing is copied again");
    let summary = bench.export();
    assert_eq!(summary.files, 0);
    assert!(!bench.plan_page(&Spec::everything(), None, 1).totals.unwrap().interrupted);
}

#[test]
fn a_page_gives_no_file_to_two_assets() {
    let uuid = |number: u32| format!("{number:08}-0000-4000-8000-000000000000");
    let (bench, _) = Bench::with(|library| {
        library.asset(photo("gone.jpg", 1).uuid(uuid(9)));
    });
    bench.export();
    bench.rebuild(|library| {
        library.asset(photo("a.jpg", 1).uuid(uuid(1)));
        library.asset(photo("b.jpg", 1).uuid(uuid(2)));
    });
    for limit in [1, 10] {
        let plan = bench.plan(&Spec::everything(), limit);
        let outcomes: Vec<_> = plan.iter().map(|row| row.outcome).collect();
        assert_eq!(outcomes, [Outcome::Renamed, Outcome::Copied], "{limit}");
    }
}
