//! The log on a real folder: it goes on after every kind of end, and a verifier agrees.
//!
//! A disk that is full is a limit on the size of files, where the kernel cuts a line as it would
//! there; whole disks are tried in the tests of the service.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::path::Path;

use super::super::chain::{Verified, Verifier};
use super::super::line::tests::when;
use super::*;

fn open(folder: &Path) -> Log {
    open_with(folder, MAX_FILE_BYTES)
}

fn open_with(folder: &Path, limit: u64) -> Log {
    let folder = AuditDir::new(File::open(folder).unwrap().into());
    Log::with_limit(folder, &when(0), limit).unwrap()
}

fn path(folder: &Path, number: u32) -> std::path::PathBuf {
    folder.join(AuditDir::name(number))
}

fn request() -> Entry {
    Entry::of(Event::Request)
}

/// Verifies what is there, and returns the events in their order.
fn verify(folder: &Path) -> (Verified, Vec<Event>) {
    let audit = AuditDir::new(File::open(folder).unwrap().into());
    let (mut verifier, mut events) = (Verifier::new(None), Vec::new());
    for number in audit.files().unwrap() {
        let mut reader = io::BufReader::new(audit.read(number).unwrap());
        verifier.file(number, &mut reader, &mut |record| events.push(record.event)).unwrap();
    }
    (verifier.finish().unwrap(), events)
}

#[test]
fn a_log_goes_on_where_the_one_before_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut heads = Vec::new();
    for start in 0..3 {
        let mut log = open(folder.path());
        assert_eq!(log.head(), heads.last().copied().flatten(), "{start}");
        log.must(&when(1), request()).unwrap();
        heads.push(log.head());
    }
    let (verified, events) = verify(folder.path());
    assert_eq!(verified.head, heads[2]);
    assert_eq!(events, [Event::Genesis, Event::Request, Event::Request, Event::Request]);
}

/// L07.
#[test]
fn a_full_file_is_followed_by_the_next_and_the_chain_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open_with(folder.path(), 1_000);
    for _ in 0..20 {
        log.must(&when(1), request()).unwrap();
    }
    drop(log);
    let mut log = open_with(folder.path(), 1_000);
    log.must(&when(1), request()).unwrap();
    let files = AuditDir::new(File::open(folder.path()).unwrap().into()).files().unwrap();
    assert!(files.len() > 5 && files[0] == FIRST_FILE, "{files:?}");
    for file in &files {
        assert!(std::fs::metadata(path(folder.path(), *file)).unwrap().len() <= 1_000);
    }
    let (verified, events) = verify(folder.path());
    assert_eq!(verified.head, log.head());
    assert_eq!(events.iter().filter(|event| **event == Event::Genesis).count(), files.len());
}

/// L06: whatever of the last line is there, it stays, is named, and the next comes after it.
#[test]
fn a_torn_line_of_every_length_is_kept_named_and_gone_on_from() {
    let whole = {
        let folder = tempfile::tempdir().unwrap();
        let mut log = open(folder.path());
        log.must(&when(1), request()).unwrap();
        log.must(&when(2), request()).unwrap();
        std::fs::read(path(folder.path(), 1)).unwrap()
    };
    let ends: Vec<usize> = whole
        .iter()
        .enumerate()
        .filter(|(_, byte)| **byte == b'\n')
        .map(|(at, _)| at + 1)
        .collect();
    for length in 0..=whole.len() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(path(folder.path(), 1), &whole[..length]).unwrap();
        let mut log = open(folder.path());
        log.must(&when(3), request()).unwrap();
        let (verified, events) = verify(folder.path());
        let is_whole = length == 0 || ends.contains(&length);
        assert_eq!(verified.recovered, u64::from(!is_whole), "{length}");
        assert_eq!(events.last(), Some(&Event::Request), "{length}");
        assert_eq!(std::fs::read(path(folder.path(), 1)).unwrap()[..length], whole[..length]);
        assert_eq!(path(folder.path(), 2).exists(), !is_whole, "{length}");
    }
}

/// L06: a day back in mid-file, and again between two starts. What orders records is their number.
#[test]
fn a_clock_that_is_set_back_is_written_as_it_is_and_the_chain_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let day =
        |day: u32, mono: u64| When { time: format!("2026-11-{day}T12:00:00.000Z"), ..when(mono) };
    for days in [[26, 25], [24, 23]] {
        let mut log = open(folder.path());
        for (at, mono) in days.into_iter().zip(0..) {
            log.must(&day(at, mono), request()).unwrap();
        }
    }
    let audit = AuditDir::new(File::open(folder.path()).unwrap().into());
    let (mut verifier, mut written) = (Verifier::new(None), Vec::new());
    let mut reader = io::BufReader::new(audit.read(FIRST_FILE).unwrap());
    let mut each = |record: &super::super::line::Record| {
        if record.event == Event::Request {
            written.push((record.seq, record.mono, record.time[8..10].to_owned()));
        }
    };
    verifier.file(FIRST_FILE, &mut reader, &mut each).unwrap();
    assert_eq!(verifier.finish().unwrap().recovered, 0);
    let expected = [(1, 0, "26"), (2, 1, "25"), (3, 0, "24"), (4, 1, "23")];
    assert_eq!(written, expected.map(|(seq, mono, day)| (seq, mono, day.to_owned())));
}

#[test]
fn several_torn_files_are_named_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    log.must(&when(1), request()).unwrap();
    let first = std::fs::read(path(folder.path(), 1)).unwrap();
    std::fs::write(path(folder.path(), 1), [&first, &b"{\"v\":1"[..]].concat()).unwrap();
    std::fs::write(path(folder.path(), 2), "{").unwrap();
    std::fs::write(path(folder.path(), 3), "").unwrap();
    let mut log = open(folder.path());
    log.must(&when(2), request()).unwrap();
    let (verified, events) = verify(folder.path());
    assert_eq!(verified.recovered, 2);
    let after = [Event::Genesis, Event::Recovered, Event::Recovered, Event::Request];
    assert_eq!(events[2..], after);
    assert!(!path(folder.path(), 4).exists(), "an empty file is a good one to go on in");
}

#[test]
fn zeros_that_a_power_cut_left_are_a_piece_like_any() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    for _ in 0..3 {
        log.must(&when(1), request()).unwrap();
    }
    let bytes = std::fs::read(path(folder.path(), 1)).unwrap();
    let zeros = vec![0; usize::try_from(END_BYTES).unwrap() + 1];
    std::fs::write(path(folder.path(), 1), [bytes, zeros].concat()).unwrap();
    let mut log = open(folder.path());
    assert_eq!(log.head().map(|head| head.seq), Some(3));
    log.must(&when(1), request()).unwrap();
    assert_eq!(verify(folder.path()).0.recovered, 1);
}

#[test]
fn a_log_that_cannot_be_read_is_not_gone_on_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = File::create(path(folder.path(), 1)).unwrap();
    file.set_len(MAX_READ_BYTES + 1).unwrap();
    let audit = AuditDir::new(File::open(folder.path()).unwrap().into());
    assert_eq!(Log::open(audit, &when(0)).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
}

/// The name that the next file needs is taken: as good as a folder that takes none.
fn with_a_folder_in_the_way(number: u32) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let way = path(folder.path(), number);
    (folder, way)
}

#[test]
fn what_cannot_be_written_is_refused_counted_and_told_afterwards() {
    let (folder, way) = with_a_folder_in_the_way(1);
    let mut log = open(folder.path());
    std::fs::create_dir(&way).unwrap();
    log.will(&when(1), Entry::of(Event::Started));
    for _ in 0..3 {
        assert!(log.must(&when(2), request()).is_err());
    }
    assert!(log.ready_for_a_request(&when(2)).is_err());
    assert!(!log.is_quiet(), "it is tried again");
    std::fs::remove_dir(&way).unwrap();
    log.must(&when(3), request()).unwrap();
    assert!(log.ready_for_a_request(&when(3)).is_ok());
    let (verified, events) = verify(folder.path());
    assert_eq!(events, [Event::Genesis, Event::Started, Event::Unwritten, Event::Request]);
    assert_eq!(verified.head, log.head());
    let text = std::fs::read_to_string(path(folder.path(), 1)).unwrap();
    assert!(text.contains(r#""counts":{"lost":0,"refused":4}"#), "{text}");
}

#[test]
fn records_that_nobody_waits_for_are_kept_up_to_a_limit_and_then_counted() {
    let (folder, way) = with_a_folder_in_the_way(1);
    let mut log = open(folder.path());
    std::fs::create_dir(&way).unwrap();
    for _ in 0..MAX_LATE + 7 {
        log.will(&when(1), request());
    }
    assert_eq!(log.late.len(), MAX_LATE);
    std::fs::remove_dir(&way).unwrap();
    log.ready(&when(2)).unwrap();
    let (_, events) = verify(folder.path());
    assert_eq!(events.len(), 1 + MAX_LATE + 1);
    let text = std::fs::read_to_string(path(folder.path(), 1)).unwrap();
    assert!(text.contains(r#""counts":{"lost":7,"refused":0}"#));
}

#[test]
fn what_is_written_is_flushed_once_and_a_flush_that_fails_refuses_until_one_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    assert!(log.is_quiet());
    log.must(&when(1), request()).unwrap();
    let flush = log.take_unflushed();
    assert_eq!(flush.files.len(), 1);
    let answer = Err(io::Error::other("no disk"));
    log.flushed(flush, &answer);
    assert!(log.must(&when(2), request()).is_err());
    let flush = log.take_unflushed();
    let answer = flush.run();
    log.flushed(flush, &answer);
    log.must(&when(3), request()).unwrap();
    let (_, events) = verify(folder.path());
    assert_eq!(events, [Event::Genesis, Event::Request, Event::Unwritten, Event::Request]);
    let flush = log.take_unflushed();
    flush.run().unwrap();
    assert!(log.is_quiet());
}

/// What was written did not reach the disk, and a flush of nothing says that it went well.
#[test]
fn only_a_flush_of_what_did_not_reach_the_disk_makes_up_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut log = open(folder.path());
    log.must(&when(1), request()).unwrap();
    let (failing, of_nothing) = (log.take_unflushed(), log.take_unflushed());
    log.flushed(failing, &Err(io::ErrorKind::Other.into()));
    log.flushed(of_nothing, &Ok(()));
    assert!(log.must(&when(2), request()).is_err());
    let again = log.take_unflushed();
    let answer = again.run();
    log.flushed(again, &answer);
    log.must(&when(3), request()).unwrap();
    assert_eq!(verify(folder.path()).1[2..], [Event::Unwritten, Event::Request]);
}
