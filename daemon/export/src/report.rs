//! What became of each selected resource: a row each, in `.darkslide/reports/JOB.jsonl`.
//!
//! The outcomes sum to the selection, always. The words and fields are those of the wire, so that a
//! page can be handed on as it is; the last reports are kept, and older ones removed. The hazard:
//! "done" for an export of which half was not there.

use std::collections::BTreeMap;
use std::io::Write;

use darkslide_door::{Destination, FileTime, Kind, NewRecord, Record};
use darkslide_policy::{Component, RelPath};
use serde::{Deserialize, Serialize};

use crate::error::ExportError;
use crate::row::{Blake3, Key, Row};

/// Reports of earlier jobs that are kept, the running one included.
const KEPT_REPORTS: usize = 16;
pub(crate) const SUFFIX: &str = ".jsonl";
/// Of a report that was not put under its name.
const UNFINISHED: &str = ".new";

/// What became of one selected resource. The words are those of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Written.
    Copied,
    /// Written, in the place of what an earlier run wrote.
    Updated,
    /// There already, as an earlier run wrote it.
    Unchanged,
    /// Found under its name with equal content, and taken over.
    Adopted,
    /// Renamed, from the name that an earlier run gave it.
    Renamed,
    /// What an earlier run wrote stays as it is; the reason says why.
    Kept,
    /// Somebody else's file has its name.
    Conflict,
    /// Not on this disk.
    NotLocal,
    /// On this disk, in a folder that the policy does not show.
    Denied,
    /// On this disk, but it cannot be read.
    Unreadable,
    /// It changed while it was copied, twice.
    SourceChanged,
    /// Verified: as it was written.
    Intact,
    /// Verified: of the size and time that it had, and no digest is known that would prove more.
    Unproven,
    /// Verified: not there.
    Missing,
    /// Verified: another content.
    Changed,
    /// Verified: there, and none of ours.
    Extra,
    /// Verified: a job was broken off in the middle of it, and the next one settles it.
    Unsettled,
    /// Its asset is gone, and nobody changed it: prune would put it into the trash.
    Prunable,
    /// Put into the trash.
    Pruned,
}

impl Outcome {
    /// Is the resource where the export wants it, or where its owner does?
    #[must_use]
    pub fn is_done(self) -> bool {
        match self {
            Self::Copied
            | Self::Updated
            | Self::Unchanged
            | Self::Adopted
            | Self::Renamed
            | Self::Kept
            | Self::Intact
            | Self::Unproven
            | Self::Extra
            | Self::Prunable
            | Self::Pruned => true,
            Self::Conflict
            | Self::NotLocal
            | Self::Denied
            | Self::Unreadable
            | Self::SourceChanged
            | Self::Missing
            | Self::Changed
            | Self::Unsettled => false,
        }
    }
}

/// One row of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportRow {
    /// The asset's UUID; empty for a file that is none of ours.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub asset: String,
    /// Which of its versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Its name when it was imported; empty where the library was not asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
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
    pub(crate) fn of(key: &Key, original_filename: &str, outcome: Outcome) -> Self {
        Self {
            asset: key.asset.as_str().to_owned(),
            version: key.version.clone(),
            original_filename: original_filename.to_owned(),
            path: None,
            outcome,
            bytes: None,
            blake3: None,
            reason: None,
        }
    }

    /// Of a file of the manifest.
    pub(crate) fn of_row(row: &Row, outcome: Outcome) -> Self {
        let (asset, version) = (row.key.asset.as_str().to_owned(), row.key.version.clone());
        Self { asset, version, ..Self::at_path("", outcome) }.with_row(row)
    }

    /// Of whatever stands there.
    pub(crate) fn at_path(path: &str, outcome: Outcome) -> Self {
        Self {
            asset: String::new(),
            version: String::new(),
            original_filename: String::new(),
            path: Some(path.to_owned()),
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

/// The reports of jobs that came to their end, each with its time.
pub(crate) fn finished(
    destination: &Destination<'_>,
) -> Result<Vec<(FileTime, Component)>, ExportError> {
    let folder = RelPath::parse(".darkslide/reports").expect("plain names");
    let mut reports = Vec::new();
    for entry in destination.list_reports()? {
        let name = entry.component().filter(|_| entry.kind() == Kind::File);
        let is_report =
            |name: &Component| name.as_str().strip_suffix(SUFFIX).and_then(name_of).is_some();
        let Some(name) = name.filter(is_report) else { continue };
        let path = folder.join(&name).expect("three components");
        if let Some(facts) = destination.stat(&path)? {
            reports.push((facts.mtime, name));
        }
    }
    Ok(reports)
}
