//! What an export refuses before it writes a photo.
//!
//! Each refusal has its kind and a hint, and changes nothing that was there.
//! What the kernel would answer, the injector answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use darkslide_door::{Faults, Operation};
use darkslide_export::{ExportErrorKind, Layout, Outcome, Shape, Spec, Stop};
use darkslide_fixture::{AssetSpec, Content};
use darkslide_protocol::filter::Filter;

use crate::exporting::{Bench, JOB, Run, Told, one_of_each, plant, shared};

#[track_caller]
fn refuses(bench: &Bench, run: Run<'_>, expected: ExportErrorKind) -> String {
    let error = bench.run(run).unwrap_err();
    assert_eq!(error.kind(), expected, "{error}");
    assert!(!error.hint().is_empty());
    error.to_string()
}

#[test]
fn another_shape_than_the_first_time_is_refused() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let tree = bench.tree();
    for shape in [Shape::new(Layout::Flat, true), Shape::new(Layout::Date, false)] {
        let spec = Spec { shape, ..Spec::everything() };
        let text = refuses(&bench, Run { spec, ..Run::default() }, ExportErrorKind::OtherShape);
        assert!(text.contains("layout `date`"), "{text}");
    }
    assert_eq!(bench.tree(), tree);
}

#[test]
fn a_destination_in_another_or_around_it_is_refused() {
    let (bench, _) = Bench::with(one_of_each);
    let run = |path| Run { path, ..Run::default() };
    bench.run(run("a/b")).unwrap();
    let text = refuses(&bench, run("a/b/2024"), ExportErrorKind::Nested);
    assert!(text.contains("`a/b`"), "{text}");
    bench.run(run("c/2024/05")).unwrap();
    let text = refuses(&bench, run("c"), ExportErrorKind::Nested);
    assert!(text.contains("`2024/05`"), "{text}");
    // Beside one another they may lie.
    bench.run(run("a/c")).unwrap();
}

#[test]
fn a_destination_that_another_job_has_is_refused() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let lock = fs::File::options().write(true).open(bench.record("lock")).unwrap();
    lock.lock().unwrap();
    refuses(&bench, Run::default(), ExportErrorKind::Busy);
    lock.unlock().unwrap();
    bench.export();
}

#[test]
fn a_record_of_a_newer_program_is_left_alone() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    for (file, text) in [
        ("id", r#"{"format":2,"what":"else"}"#),
        ("manifest.jsonl", r#"{"manifest":{"format":2}}"#),
        ("journal.jsonl", r#"{"journal":{"format":2,"job":"x"}}"#),
    ] {
        let before = fs::read(bench.record(file)).ok();
        plant(bench.record(file), text).unwrap();
        refuses(&bench, Run::default(), ExportErrorKind::NewerRecord);
        assert_eq!(fs::read_to_string(bench.record(file)).unwrap(), text);
        match before {
            Some(before) => plant(bench.record(file), before).unwrap(),
            None => fs::remove_file(bench.record(file)).unwrap(),
        }
    }
    bench.export();
}

#[test]
fn another_shape_that_is_asked_for_in_so_many_words_renames_all() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let before = bench.tree();
    let flat = Spec { shape: Shape::new(Layout::Flat, true), ..Spec::everything() };
    let reshape = Spec { reshape: true, ..flat.clone() };
    let id = || fs::read_to_string(bench.record("id")).unwrap();
    // Stopped in the middle, it is known to be under way, and goes on without being asked again.
    let stopped = Run { spec: reshape, stop: &|| Stop::Now, ..Run::default() };
    refuses(&bench, stopped, ExportErrorKind::Stopped);
    assert!(id().contains(r#""reshaping":true"#), "{}", id());
    refuses(&bench, Run::default(), ExportErrorKind::OtherShape);
    let summary = bench.run(Run { spec: flat.clone(), ..Run::default() }).unwrap();
    assert_eq!(summary.outcomes.get(&Outcome::Copied), None);
    assert!(bench.names().iter().all(|name| !name.contains('/')), "{:?}", bench.names());
    let contents = |tree: BTreeMap<String, Vec<u8>>| BTreeSet::from_iter(tree.into_values());
    assert_eq!(contents(bench.tree()), contents(before));
    assert!(!id().contains("reshaping"), "{}", id());
    refuses(&bench, Run::default(), ExportErrorKind::OtherShape);
    bench.run(Run { spec: flat, ..Run::default() }).unwrap();
}

#[test]
fn a_lost_or_damaged_record_costs_no_copy_and_no_name() {
    let (bench, _) = Bench::with(one_of_each);
    bench.export();
    let tree = bench.tree();
    let sums = fs::read(bench.record("B3SUMS")).unwrap();
    for file in ["id", "manifest.jsonl", "journal.jsonl"] {
        for damage in [None, Some(""), Some("{"), Some("\0\0\0\n"), Some("{\"format\":1}")] {
            match damage {
                Some(damage) => plant(bench.record(file), damage).unwrap(),
                None => drop(fs::remove_file(bench.record(file))),
            }
            let summary = bench.export();
            assert_eq!(summary.outcomes.get(&Outcome::Copied), None, "{file} {damage:?}");
            assert_eq!(bench.tree(), tree);
            bench.assert_settled();
            assert_eq!(fs::read(bench.record("B3SUMS")).unwrap(), sums, "{file} {damage:?}");
        }
    }
}

#[test]
fn disks_that_are_full_or_read_only_are_named_so() {
    let (bench, _) = Bench::with(one_of_each);
    for (errno, kind) in [
        (28, ExportErrorKind::NoSpace),
        (30, ExportErrorKind::ReadOnly),
        (13, ExportErrorKind::Permission),
        (5, ExportErrorKind::Destination),
    ] {
        for operation in [Operation::CreateTemporary, Operation::Write, Operation::Sync] {
            let faults = Faults::fail_each(operation, errno);
            refuses(&bench, Run { faults, ..Run::default() }, kind);
            assert!(bench.tree().is_empty());
        }
    }
    bench.export();
    bench.assert_settled();
}

#[test]
fn a_folder_of_which_no_file_got_its_name_is_not_left() {
    let (bench, _) = Bench::with(one_of_each);
    // As if somebody took each name at the last moment.
    let faults = Faults::fail_each(Operation::Publish, 17);
    let summary = bench.run(Run { faults, ..Run::default() }).unwrap();
    assert_eq!((summary.files, summary.outcomes[&Outcome::Conflict]), (0, 10));
    assert!(!bench.path("2024").exists());
    bench.assert_settled();
}

#[test]
fn what_has_no_room_is_refused_before_the_first_byte() {
    // In memory: there no content is shared, and nobody has eight tebibytes of it.
    let memory = std::path::Path::new("/dev/shm");
    if !memory.is_dir() {
        return shared::skip("there is no /dev/shm");
    }
    let bench = Bench::in_folder(tempfile::tempdir_in(memory).unwrap());
    bench.rebuild(one_of_each);
    bench.export();
    let tree = bench.tree();
    let built = bench.rebuild(|library| {
        one_of_each(library);
        library.asset(AssetSpec::movie("long.MOV", Content::mov(20)).taken_on(2024, 6, 1));
    });
    let long = built.assets().last().unwrap().files()[0].path().unwrap();
    let long = fs::File::options().write(true).open(bench.bundle.join(long)).unwrap();
    long.set_len(8 << 40).unwrap();
    let faults = Faults::count();
    let told = Told::default();
    // Should it not be refused, it ends all the same before it fills the memory.
    let stop = || match *told.planned.lock().unwrap() {
        Some(_) => Stop::Now,
        None => Stop::GoOn,
    };
    let run = Run { faults: faults.clone(), stop: &stop, ..Run::default() };
    let error = bench.run_told(run, &told).unwrap_err();
    assert_eq!(error.kind(), ExportErrorKind::NoSpace);
    let text = error.to_string();
    assert!(text.starts_with("8796093022208 bytes are needed"), "{text}");
    for operation in [Operation::CreateTemporary, Operation::Publish, Operation::MakeFolder] {
        assert!(!faults.operations().contains(&operation));
    }
    assert_eq!(bench.tree(), tree);
    bench.assert_settled();
}

#[test]
fn a_root_that_was_replaced_is_not_written_to() {
    let (bench, _) = Bench::with(one_of_each);
    let (root, away) = (bench.root.clone(), bench.root.with_extension("away"));
    // Asked for the first time after the job has begun.
    let stop = || {
        if root.exists() && !away.exists() {
            fs::rename(&root, &away).unwrap();
            fs::create_dir(&root).unwrap();
        }
        Stop::GoOn
    };
    let run = Run { stop: &stop, ..Run::default() };
    refuses(&bench, run, ExportErrorKind::RootReplaced);
    assert_eq!(fs::read_dir(&bench.root).unwrap().count(), 0);
}

#[test]
fn an_album_that_does_not_exist_is_the_librarys_answer() {
    let (bench, _) = Bench::with(one_of_each);
    let spec = Spec { filter: Filter::Album("Sumer".to_owned()), ..Spec::everything() };
    refuses(&bench, Run { spec, ..Run::default() }, ExportErrorKind::Library);
}

#[test]
fn an_album_selects_its_members() {
    let (bench, _) = Bench::with(one_of_each);
    let spec = Spec { filter: Filter::Album("Trips/Summer".to_owned()), ..Spec::everything() };
    bench.run(Run { spec, ..Run::default() }).unwrap();
    let names = ["2024/05/IMG_1.JPG", "2024/05/IMG_2.HEIC", "2024/05/IMG_2_edited.jpeg"];
    assert_eq!(bench.names(), names);
}

#[test]
fn a_job_that_cannot_name_a_report_is_refused() {
    let (bench, _) = Bench::with(one_of_each);
    assert!(bench.run(Run { job: "../id", ..Run::default() }).is_err());
    assert!(bench.run(Run { job: JOB, ..Run::default() }).is_ok());
}
