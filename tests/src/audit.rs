//! Reads the audit log of a daemon under test, by the documented form alone.
//!
//! It shares no code with the daemon, so that both would have to be wrong in the same way. Every
//! daemon that a test ends is read so: lines in ASCII, numbers without a gap, each with the hash of
//! the line before.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the harness of tests"
)]

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The files of a log, in their order.
#[must_use]
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    files.sort();
    files
}

/// Every record of a log, oldest first; none where there is no log.
///
/// # Panics
/// If the log is not what the documents say.
#[must_use]
pub fn records(folder: &Path) -> Vec<Value> {
    let mut records: Vec<Value> = Vec::new();
    let mut place = None;
    for path in files(folder) {
        let bytes = std::fs::read(&path).unwrap();
        // A daemon that was killed leaves a piece of a line; the next names it.
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            let Some(line) = line.strip_suffix(b"\n") else { break };
            let shown = format!("{}: {}", path.display(), String::from_utf8_lossy(line));
            assert!(line.iter().all(|byte| (b' '..=b'~').contains(byte)), "{shown}");
            let record: Value = serde_json::from_slice(line).expect(&shown);
            let seq = record["seq"].as_u64().unwrap();
            let (next, hash) = place.unwrap_or((seq, record["prev"].as_str().unwrap().to_owned()));
            assert_eq!((seq, record["prev"].as_str()), (next, Some(hash.as_str())), "{shown}");
            place = Some((seq + 1, blake3::hash(line).to_string()));
            records.push(record);
        }
    }
    records
}

/// What a record says, without its place in the chain and the clocks.
#[must_use]
pub fn told(record: &Value) -> Value {
    let mut record = record.clone();
    for key in ["v", "seq", "time", "mono", "boot", "prev"] {
        record.as_object_mut().unwrap().remove(key);
    }
    record
}
