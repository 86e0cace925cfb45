//! What became of each selected resource: a row each, in `.darkslide/reports/JOB.jsonl`.
//!
//! The outcomes sum to the selection, always. The words and fields are those of the wire, so that a
//! page can be handed on as it is; the last reports are kept, and older ones removed. The hazard:
//! "done" for an export of which half was not there.

use std::collections::BTreeMap;
use std::io::Write;

use darkslide_door::{Destination, Kind, NewRecord, Record};
use darkslide_library::LibraryError;
use darkslide_policy::{Component, RelPath};
use serde::{Deserialize, Serialize};

use crate::error::ExportError;
use crate::lines::{Lines, bounded};
use crate::plan::Wanted;
use crate::row::{Blake3, Row};

/// Reports of earlier jobs that are kept, the running one included.
const KEPT_REPORTS: usize = 16;
const SUFFIX: &str = ".jsonl";
/// Of a report that was not put under its name.
const UNFINISHED: &str = ".new";
/// A million resources have half of it; reading it costs time, not memory.
const MAX_REPORT_BYTES: u64 = 1 << 30;
/// Bytes of rows above which a page ends.
const MAX_PAGE_BYTES: usize = 1 << 20;
/// Rows between two looks whether the time is over.
const ROWS_BETWEEN_LOOKS: u64 = 1_024;

/// What became of one selected resource. The words are those of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Written.
    Copied,
    /// There already, as an earlier run wrote it.
    Unchanged,
    /// Found under its name with equal content, and taken over.
    Adopted,
    /// Renamed, from the name that an earlier run gave it.
    Renamed,
    /// What an earlier run wrote stays as it is; the reason says why.
    Kept,
    /// The library has a newer file; what an earlier run wrote stays.
    Outdated,
    /// Somebody else's file has its name.
    Conflict,
    /// Not on this disk.
    NotLocal,
    /// On this disk, but it cannot be read.
    Unreadable,
    /// It changed while it was copied, twice.
    SourceChanged,
}

impl Outcome {
    /// Is the resource where the export wants it, or where its owner does?
    #[must_use]
    pub fn is_done(self) -> bool {
        match self {
            Self::Copied | Self::Unchanged | Self::Adopted | Self::Renamed | Self::Kept => true,
            Self::Outdated
            | Self::Conflict
            | Self::NotLocal
            | Self::Unreadable
            | Self::SourceChanged => false,
        }
    }
}

/// One row of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRow {
    /// The asset's UUID.
    pub asset: String,
    /// Which of its versions.
    pub version: String,
    /// Its name when it was imported.
    pub original_filename: String,
    /// Where it is, or what is in its way, below the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// The digest of its content, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<Blake3>,
    /// Why it is not there, or not as the library has it: a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ReportRow {
    pub(crate) fn of(wanted: &Wanted, outcome: Outcome) -> Self {
        Self {
            asset: wanted.key.asset.as_str().to_owned(),
            version: wanted.key.version.clone(),
            original_filename: wanted.original_filename.clone(),
            path: None,
            outcome,
            bytes: None,
            blake3: None,
            reason: None,
        }
    }

    pub(crate) fn with_row(mut self, row: &Row) -> Self {
        self.path = Some(row.path.as_str().to_owned());
        self.bytes = Some(row.size);
        self.blake3 = row.blake3;
        self
    }

    pub(crate) fn at(mut self, path: &RelPath) -> Self {
        self.path = Some(path.as_str().to_owned());
        self
    }

    pub(crate) fn ended(mut self, outcome: Outcome, reason: &str) -> Self {
        self.outcome = outcome;
        self.reason = Some(reason.to_owned());
        self
    }

    #[cfg(test)]
    pub(crate) fn for_tests(outcome: Outcome) -> Self {
        Self {
            asset: String::new(),
            version: String::new(),
            original_filename: String::new(),
            path: None,
            outcome,
            bytes: None,
            blake3: None,
            reason: None,
        }
    }
}

/// The report of the running job.
#[derive(Debug)]
pub(crate) struct ReportWriter<'d> {
    record: NewRecord<'d>,
    outcomes: BTreeMap<Outcome, u64>,
}

impl<'d> ReportWriter<'d> {
    pub(crate) fn begin(
        destination: &'d Destination<'d>,
        name: &'d Component,
    ) -> Result<Self, ExportError> {
        Ok(Self {
            record: destination.replace_record(Record::Report(name))?,
            outcomes: BTreeMap::new(),
        })
    }

    pub(crate) fn say(&mut self, row: &ReportRow) -> Result<(), ExportError> {
        let mut bytes = serde_json::to_vec(row).expect("texts and numbers only");
        bytes.push(b'\n');
        self.record.write_all(&bytes)?;
        *self.outcomes.entry(row.outcome).or_default() += 1;
        Ok(())
    }

    /// Puts the report under its name, and returns how many resources had which outcome.
    pub(crate) fn end(self) -> Result<BTreeMap<Outcome, u64>, ExportError> {
        self.record.commit()?;
        Ok(self.outcomes)
    }
}

/// The name of a job's report; none for a job that cannot be one.
pub(crate) fn name_of(job: &str) -> Option<Component> {
    let plain = !job.is_empty() && job.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    plain.then(|| Component::parse(&format!("{job}{SUFFIX}")).ok()).flatten()
}

/// Removes the oldest reports, so that with a new one no more than the last 16 are there, and what
/// broken-off jobs left of theirs. Names that are not of our form stay.
pub(crate) fn forget_old(destination: &Destination<'_>) -> Result<(), ExportError> {
    let folder = RelPath::parse(".darkslide/reports").expect("plain names");
    let mut reports = Vec::new();
    for entry in destination.list_reports()? {
        let Some(name) = entry.component().filter(|_| entry.kind() == Kind::File) else {
            continue;
        };
        let text = name.as_str().strip_suffix(UNFINISHED).unwrap_or(name.as_str());
        if text.strip_suffix(SUFFIX).and_then(name_of).is_none() {
            continue;
        }
        if text != name.as_str() {
            // The running job has not begun its own.
            destination.remove_record(Record::Report(&name))?;
            continue;
        }
        let path = folder.join(&name).expect("three components");
        if let Some(facts) = destination.stat(&path)? {
            reports.push((facts.mtime, name));
        }
    }
    reports.sort();
    let too_many = (reports.len() + 1).saturating_sub(KEPT_REPORTS);
    for (_, name) in reports.iter().take(too_many) {
        destination.remove_record(Record::Report(name))?;
    }
    Ok(())
}

/// A page of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportPage {
    /// In the order of the report.
    pub rows: Vec<ReportRow>,
    /// Where the next page begins; none on the last.
    pub next: Option<u64>,
}

/// Reads a page of a job's report: at most `limit` rows from number `after` on, and about 1 MiB of
/// them, only those that are not done if `undone`. The page ends early when `is_over` says so. None
/// where there is no such report (any more).
///
/// # Errors
/// [`ExportError::Door`] and [`ExportError::Io`] where it cannot be read,
/// [`ExportError::DamagedRecord`] where it is larger than any report;
/// [`LibraryError::TimedOut`] where the time was over before the page began.
pub fn read_report(
    destination: &Destination<'_>,
    job: &str,
    after: u64,
    limit: usize,
    undone: bool,
    is_over: &dyn Fn() -> bool,
) -> Result<Option<ReportPage>, ExportError> {
    let Some(name) = name_of(job) else {
        return Ok(None);
    };
    let Some(source) = destination.open_record(Record::Report(&name))? else {
        return Ok(None);
    };
    let lines = Lines::new(bounded(&source, MAX_REPORT_BYTES, "reports")?);
    let mut page = ReportPage { rows: Vec::new(), next: None };
    let mut bytes = 0;
    for (number, line) in (0_u64..).zip(lines) {
        let line = line?;
        let over = number.is_multiple_of(ROWS_BETWEEN_LOOKS) && is_over();
        if over && number <= after {
            return Err(LibraryError::TimedOut.into());
        }
        if number < after {
            continue;
        }
        if over || bytes > MAX_PAGE_BYTES {
            page.next = Some(number);
            break;
        }
        // A damaged line has no row, and takes no place of another.
        let Ok(row) = serde_json::from_slice::<ReportRow>(&line) else {
            continue;
        };
        if undone && row.outcome.is_done() {
            continue;
        }
        if page.rows.len() == limit {
            page.next = Some(number);
            break;
        }
        bytes += line.len();
        page.rows.push(row);
    }
    Ok(Some(page))
}
