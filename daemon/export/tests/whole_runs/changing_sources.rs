//! A library that somebody writes to while it is copied.
//!
//! What changes the source is called between two pieces of the copy, so each test is the same every
//! time. No half file and no mixture comes out, and every copy has an end.

use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use darkslide_export::{ExportErrorKind, Outcome, Stop};
use darkslide_fixture::{AssetSpec, Content};

use crate::exporting::{Bench, OnPiece, Run, outcomes};

const MIB: usize = 1024 * 1024;
const NAME: &str = "2024/05/clip.MOV";

/// One film of several pieces, and where it is in the library.
fn film() -> (Bench, PathBuf) {
    let (bench, built) = Bench::with(|library| {
        let film = AssetSpec::movie("clip.MOV", Content::mov(1).padded(3 * MIB));
        library.asset(film.taken_on(2024, 5, 1));
    });
    let source = bench.bundle.join(built.assets()[0].files()[0].path().unwrap());
    (bench, source)
}

#[test]
fn a_source_that_grows_without_end_is_given_up() {
    let (bench, source) = film();
    let pieces = AtomicU64::new(0);
    let grow = || {
        if pieces.fetch_add(1, Ordering::SeqCst) < 100 {
            let mut file = File::options().append(true).open(&source).unwrap();
            file.write_all(&vec![7; MIB]).unwrap();
        }
    };
    let summary = bench.run_told(Run::default(), &OnPiece(grow)).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::SourceChanged, 1)]));
    assert!(pieces.into_inner() < 20, "it followed the file as it grew");
    assert_eq!(bench.names(), [""; 0]);
    bench.assert_settled();
    assert_eq!(bench.export().outcomes, outcomes([(Outcome::Copied, 1)]));
}

#[test]
fn a_source_that_shrinks_or_is_replaced_is_copied_once_more_and_whole() {
    type Change = fn(&PathBuf);
    let shrink: Change = |source| {
        File::options().write(true).open(source).unwrap().set_len(MIB as u64).unwrap();
    };
    let replace: Change = |source| {
        let new = source.with_extension("new");
        fs::write(&new, fs::read(source).unwrap().repeat(2)).unwrap();
        fs::rename(new, source).unwrap();
    };
    for change in [shrink, replace] {
        let (bench, source) = film();
        let pieces = AtomicU64::new(0);
        let once = || {
            if pieces.fetch_add(1, Ordering::SeqCst) == 0 {
                change(&source);
            }
        };
        let summary = bench.run_told(Run::default(), &OnPiece(once)).unwrap();
        assert_eq!(summary.outcomes, outcomes([(Outcome::Copied, 1)]));
        assert_eq!(fs::read(bench.path(NAME)).unwrap(), fs::read(&source).unwrap());
        bench.assert_settled();
    }
}

#[test]
fn a_source_that_changes_twice_is_reported() {
    let (bench, source) = film();
    let shrink = || {
        let file = File::options().write(true).open(&source).unwrap();
        file.set_len(file.metadata().unwrap().len() - 1).unwrap();
    };
    let summary = bench.run_told(Run::default(), &OnPiece(shrink)).unwrap();
    assert_eq!(summary.outcomes, outcomes([(Outcome::SourceChanged, 1)]));
    let row = bench.reported("clip.MOV", "original");
    assert_eq!(row.reason.as_deref(), Some("source-changed"));
    bench.assert_settled();
}

#[test]
fn a_stop_is_heard_within_a_file_or_after_it_as_it_says() {
    for (how, pieces, files) in [(Stop::Now, 1, 0), (Stop::AfterFile, 4, 1)] {
        let (bench, _) = Bench::with(|library| {
            let photo = AssetSpec::photo("a.jpg", Content::jpeg(1).padded(3 * MIB));
            library.asset(photo.live(Content::mov(2).padded(3 * MIB)).taken_on(2024, 5, 1));
        });
        let told = AtomicU64::new(0);
        let count = OnPiece(|| {
            told.fetch_add(1, Ordering::SeqCst);
        });
        let stop = || if told.load(Ordering::SeqCst) > 0 { how } else { Stop::GoOn };
        let run = Run { stop: &stop, workers: 1, ..Run::default() };
        let error = bench.run_told(run, &count).unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Stopped);
        assert_eq!((told.load(Ordering::SeqCst), bench.tree().len()), (pieces, files));
        assert_eq!(bench.export().outcomes[&Outcome::Copied], 2 - files as u64);
    }
}
