//! `job.list`, `job.status`, `job.cancel`, `job.resume`, `job.report`, and what a job is to its
//! watchers.
//!
//! The outcomes of a job sum to its selection, so that "done" cannot hide what was left out; a
//! program decides by them, a person reads the report.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounded;
use crate::error::WireError;
use crate::filter::words;
use crate::value::Token;

words! {
    /// What a job does.
    JobKind {
        /// Exports.
        Export = "export",
        /// Compares a destination with its record.
        Verify = "verify",
        /// Plans to put into the trash what the library has no longer, or does it.
        Prune = "prune",
    }
}

words! {
    /// How far a job is.
    JobState {
        /// In line.
        Queued = "queued",
        /// At work.
        Running = "running",
        /// Done; the outcomes say with what.
        Finished = "finished",
        /// Ended without being done.
        Failed = "failed",
        /// Given up because somebody asked for that; `job.resume` goes on from there.
        Cancelled = "cancelled",
        /// Broken off by the daemon's end; the next daemon goes on from there.
        Interrupted = "interrupted",
    }
}

impl JobState {
    /// Is the job over?
    #[must_use]
    pub fn is_over(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Finished | Self::Failed | Self::Cancelled | Self::Interrupted => true,
        }
    }
}

words! {
    /// When a job stops that is cancelled.
    CancelMode {
        /// After the file in hand; what is copied by then is published.
        AfterFile = "after_file",
        /// At once; what is not published is dropped.
        Now = "now",
    }
}

words! {
    /// What became of one selected resource.
    Outcome {
        /// Written.
        Copied = "copied",
        /// Written, in the place of what an earlier run wrote.
        Updated = "updated",
        /// There already, as an earlier run wrote it.
        Unchanged = "unchanged",
        /// Found under its name with equal content, and taken over.
        Adopted = "adopted",
        /// Renamed, from the name that an earlier run gave it.
        Renamed = "renamed",
        /// What an earlier run wrote is left as it is; the reason says why: somebody changed it, or
        /// removed it, or the library has it no longer on this disk.
        Kept = "kept",
        /// Somebody else's file has its name.
        Conflict = "conflict",
        /// Not on this disk.
        NotLocal = "not_local",
        /// On this disk, in a folder that the policy does not show.
        Denied = "denied",
        /// On this disk, but it cannot be read.
        Unreadable = "unreadable",
        /// It changed while it was copied, twice.
        SourceChanged = "source_changed",
        /// Verified: as it was written.
        Intact = "intact",
        /// Verified: of the size and time that it had, and no digest is known that would prove
        /// more.
        Unproven = "unproven",
        /// Verified: not there.
        Missing = "missing",
        /// Verified: another content.
        Changed = "changed",
        /// Verified: there, and no export wrote it.
        Extra = "extra",
        /// Verified: a job was broken off in the middle of it; the next one settles it.
        Unsettled = "unsettled",
        /// Its asset is gone, and nobody changed it: carried out, the plan puts it into the trash.
        Prunable = "prunable",
        /// Put into the trash.
        Pruned = "pruned",
    }
}

impl Outcome {
    /// Is the resource's content where the export wants it?
    #[must_use]
    pub fn is_done(self) -> bool {
        match self {
            Self::Copied | Self::Updated | Self::Unchanged | Self::Adopted | Self::Renamed => true,
            // What somebody changed is theirs: the export has done what it was asked to.
            Self::Kept => true,
            // What else lies there takes nothing from what was exported.
            Self::Intact | Self::Unproven | Self::Extra | Self::Prunable | Self::Pruned => true,
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

/// Params of `job.status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JobStatusParams {
    /// Which.
    pub job: Token,
}

/// Params of `job.list`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JobListParams {}

/// Result of `job.list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobList {
    /// The jobs that the peer may know of, the newest first.
    pub jobs: Vec<JobStatus>,
}

/// Params of `job.cancel`; the result is the job, which may need a moment to stop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JobCancelParams {
    /// Which.
    pub job: Token,
    /// When it stops.
    #[serde(default)]
    pub mode: CancelMode,
}

#[expect(clippy::derivable_impls, reason = "a list of words has no place for `default`")]
impl Default for CancelMode {
    fn default() -> Self {
        Self::AfterFile
    }
}

/// Params of `job.resume`; the result is the job, in line again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JobResumeParams {
    /// Which: one that failed, was cancelled or interrupted. Another is left as it is.
    pub job: Token,
}

fn an_export() -> JobKind {
    JobKind::Export
}

/// A job as it is now: result of `job.status` and `export.start`, and part of each event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobStatus {
    /// Its identity.
    pub job: Token,
    /// What it does.
    #[serde(default = "an_export")]
    pub kind: JobKind,
    /// How far it is.
    pub state: JobState,
    /// When it was ordered.
    #[serde(default)]
    pub created: String,
    /// When its work began, the last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// The library's name.
    pub library: String,
    /// The root's name.
    pub root: String,
    /// The destination below the root; `.` for the root itself.
    pub path: String,
    /// Resources selected; 0 until planned.
    pub selected: u64,
    /// Files to be written; 0 until planned.
    pub files_total: u64,
    /// Files written.
    pub files_done: u64,
    /// Bytes to be written; 0 until planned.
    pub bytes_total: u64,
    /// Bytes written.
    pub bytes_done: u64,
    /// Bytes written in a second, lately; while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u64>,
    /// Seconds that the rest takes at this rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<u64>,
    /// How many resources had which outcome; they sum to `selected` in the end.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::counts::<Outcome>"))]
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Files that nobody could explain after a crash: somebody may have put them there, so they
    /// were moved to `.darkslide/trash/`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub trashed: u64,
    /// Of a job that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<WireError>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl JobStatus {
    /// Is everything that was selected there?
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == JobState::Finished && self.outcomes.keys().all(|outcome| outcome.is_done())
    }
}

/// Params of `job.report`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct JobReportParams {
    /// Which.
    pub job: Token,
    /// Rows on this page, 1 to 1000.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = crate::limits::MAX_PAGE_ASSETS)))]
    #[serde(default = "bounded::default_page", deserialize_with = "bounded::page")]
    pub limit: usize,
    /// `next` of the page before.
    #[serde(default)]
    pub after: u64,
    /// Only outcomes that are not done.
    #[serde(default)]
    pub undone: bool,
}

impl JobReportParams {
    /// Asks for the first page of all rows.
    #[must_use]
    pub fn of(job: Token) -> Self {
        Self { job, limit: bounded::default_page(), after: 0, undone: false }
    }
}

/// Result of `job.report`: a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct JobReport {
    /// In the order of the report.
    pub rows: Vec<ReportRow>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// What became of one selected resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportRow {
    /// The asset's UUID; absent for what no export wrote.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub asset: String,
    /// Which of its versions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// Its name when it was imported; absent where the library was not asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub original_filename: String,
    /// Where it is, below the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What became of it.
    pub outcome: Outcome,
    /// Bytes of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// BLAKE3 of its content, in hexadecimal, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blake3: Option<String>,
    /// Why it is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
