//! What the machine and other programs do to a job: it is tried once more, or ends, and no photo is
//! blamed for it.
//!
//! A process without descriptors or a kernel without memory fails for every file alike; a folder
//! that another program takes away is made again. What the door's injector cannot do (taking a
//! folder away) is done when the job tells how it gets on.

use std::fs;

use darkslide_door::{Faults, Operation};
use darkslide_export::{ExportErrorKind, Outcome, Progress, ReportRow};
use darkslide_fixture::{AssetSpec, Content, LibraryBuilder};
use rustix::io::Errno;

use crate::exporting::{Bench, Run, one_of_each, outcomes};

/// The numbers of the operations of one kind in an export of `bench`'s library.
fn numbers(bench: &Bench, operation: Operation) -> Vec<u64> {
    let faults = Faults::count();
    let run = Run { faults: faults.clone(), workers: 1, ..Run::default() };
    Bench::beside(&bench.bundle).run(run).unwrap();
    let numbered = (1..).zip(faults.operations());
    numbered.filter(|(_, it)| *it == operation).map(|(n, _)| n).collect()
}

fn fail_once(n: u64, errno: Errno) -> Run<'static> {
    let faults = Faults::fail_nth(n, errno.raw_os_error());
    Run { faults, workers: 1, ..Run::default() }
}

#[test]
fn what_the_machine_lacks_ends_the_job_and_blames_no_photo() {
    let (first, _) = Bench::with(one_of_each);
    let reads = numbers(&first, Operation::Read);
    // The first is of a file's head, the last of a copy's end.
    for n in [reads[0], reads[reads.len() / 2], reads[reads.len() - 1]] {
        for errno in [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::NOBUFS, Errno::INTR] {
            let bench = Bench::beside(&first.bundle);
            let error = bench.run(fail_once(n, errno)).unwrap_err();
            assert_eq!(error.kind(), ExportErrorKind::Destination, "{errno} {n}");
            bench.assert_settled();
            let summary = bench.export();
            assert_eq!(summary.outcomes.get(&Outcome::Unreadable), None);
        }
        let bench = Bench::beside(&first.bundle);
        let summary = bench.run(fail_once(n, Errno::IO)).unwrap();
        assert_eq!(summary.outcomes[&Outcome::Unreadable], 1, "a bad sector is that file's");
    }
}

#[test]
fn a_folder_that_vanishes_between_making_and_using_it_is_made_again() {
    let (first, _) = Bench::with(one_of_each);
    let undisturbed = Bench::beside(&first.bundle);
    undisturbed.export();
    // Folders of the record are made before.
    let copying = numbers(&first, Operation::CreateTemporary)[0];
    for operation in [Operation::MakeFolder, Operation::Publish] {
        let numbers = numbers(&first, operation);
        for n in numbers.into_iter().filter(|n| *n > copying) {
            let bench = Bench::beside(&first.bundle);
            bench.run(fail_once(n, Errno::NOENT)).unwrap();
            assert_eq!(bench.tree(), undisturbed.tree(), "{operation} {n}");
            bench.assert_settled();
        }
    }
    let bench = Bench::beside(&first.bundle);
    let faults = Faults::fail_each(Operation::Publish, Errno::NOENT.raw_os_error());
    let error = bench.run(Run { faults: faults.clone(), ..Run::default() }).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::Destination);
    let tries = faults.operations().into_iter().filter(|it| *it == Operation::Publish);
    assert_eq!(tries.count(), 2, "it is tried once more, and no longer");
}

fn photos(library: &mut LibraryBuilder, names: &[&str]) {
    for (name, seed) in names.iter().zip(1..) {
        library.asset(AssetSpec::photo(*name, Content::jpeg(seed)).taken_on(2024, 5, 1));
    }
}

/// Takes the destination's folder of the year away once the renames are done.
struct TakeAway<'a>(&'a Bench);

impl Progress for TakeAway<'_> {
    fn planned(&self, _: u64, _: u64, _: u64) {}

    fn bytes(&self, _: u64) {}

    fn outcome(&self, row: &ReportRow) {
        if row.outcome == Outcome::Renamed {
            let away = self.0.root.with_extension("away");
            fs::rename(self.0.path("2024"), away).unwrap();
        }
    }
}

#[test]
fn a_folder_that_was_used_before_and_is_taken_away_is_made_again() {
    let (bench, _) = Bench::with(|library| photos(library, &["a.jpg"]));
    bench.export();
    bench.rebuild(|library| photos(library, &["b.jpg", "new.jpg"]));
    let summary = bench.run_told(Run::default(), &TakeAway(&bench)).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::Copied, 1), (Outcome::Renamed, 1)]));
    assert_eq!(bench.names(), ["2024/05/new.jpg"]);
    bench.assert_settled();
}
