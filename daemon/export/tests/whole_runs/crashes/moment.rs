//! In which step a job was when it ended, by what stands in its destination.
//!
//! The order of steps is that of docs/destination.md. Nothing is decided by it: it
//! shows that crashes are spread over all steps.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// The names in a folder of the record.
pub(super) fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The step of a job of that name, whose record it is; `done` tells whether the manifest is what it
/// shall be.
pub(super) fn of(record: &Path, job: &str, done: impl Fn() -> bool) -> &'static str {
    let top = names(record);
    if top.contains("manifest.jsonl.new") || top.contains("B3SUMS.new") {
        return "merging";
    }
    let temporaries = names(&record.join("tmp"));
    if let Ok(journal) = fs::read(record.join("journal.jsonl")) {
        return by_journal(&journal, job, &temporaries);
    }
    let reports = names(&record.join("reports"));
    let report = reports.iter().find(|name| name.starts_with(job));
    match report {
        None => "starting",
        Some(name) if !name.ends_with(".new") => "ended",
        Some(_) if !temporaries.is_empty() => "copying",
        Some(_) if done() => "reporting",
        Some(_) => "planning",
    }
}

fn by_journal(journal: &[u8], job: &str, temporaries: &BTreeSet<String>) -> &'static str {
    let lines = journal.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines: Vec<Option<Value>> = lines.map(|line| serde_json::from_slice(line).ok()).collect();
    let Some(Some(last)) = lines.last() else { return "writing intents" };
    let whole = || lines.iter().flatten();
    if whole().find_map(|line| line["journal"]["job"].as_str()) != Some(job) {
        return "settling";
    }
    let word = last.as_object().and_then(|line| line.keys().next()).map(String::as_str);
    match word {
        Some("journal") => "writing intents",
        Some("intent") => "flushing",
        Some("end") => "merging",
        Some("folder" | "not") => "renaming",
        _ => {
            let intents = whole().filter_map(|line| line["intent"]["intent"].as_object());
            let theirs = intents.flat_map(|intent| intent.values().map(|it| &it["tmp"]));
            let waits = theirs.filter_map(Value::as_str).any(|tmp| temporaries.contains(tmp));
            if waits { "renaming" } else { "copying" }
        }
    }
}
