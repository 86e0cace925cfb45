//! `export.plan`: what `export.start` would do with the same spec, and what it amounts to.
//!
//! Nothing is written. The rows are those of the report to be, with the action in the place of the
//! outcome; the totals come with the first page.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bounded;
use super::export::ExportSpec;
use crate::filter::words;
use crate::value::Uuid;

words! {
    /// What an export will do with one selected resource.
    Action {
        /// Write it.
        Copy = "copy",
        /// Write it in the place of what an earlier run wrote.
        Update = "update",
        /// Rename it from the name that an earlier run gave it.
        Rename = "rename",
        /// Take over what has its name and equal content.
        Adopt = "adopt",
        /// Nothing: it is there.
        Unchanged = "unchanged",
        /// Nothing: what an earlier run wrote stays as it is; the reason says why.
        Keep = "keep",
        /// Nothing: another file has its name.
        Conflict = "conflict",
        /// Nothing: it is not on this disk.
        NotLocal = "not_local",
        /// Nothing: it is in a folder that the policy does not show.
        Denied = "denied",
        /// Nothing: it cannot be read.
        Unreadable = "unreadable",
    }
}

/// Params of `export.plan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ExportPlanParams {
    /// What to export, and where to.
    pub spec: ExportSpec,
    /// Rows on this page, 1 to 1000; the files of one asset stand on one page, so it may have more.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = crate::limits::MAX_PAGE_ASSETS)))]
    #[serde(default = "bounded::default_page", deserialize_with = "bounded::page")]
    pub limit: usize,
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<Uuid>,
}

impl ExportPlanParams {
    /// Asks for the first page.
    #[must_use]
    pub fn of(spec: ExportSpec) -> Self {
        Self { spec, limit: bounded::default_page(), cursor: None }
    }
}

/// What a plan amounts to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanTotals {
    /// Resources selected.
    pub selected: u64,
    /// How many there are of each action; they sum to `selected`.
    #[cfg_attr(feature = "schema", schemars(schema_with = "crate::schema::counts::<Action>"))]
    pub actions: BTreeMap<Action, u64>,
    /// Bytes to be written; where library and destination can share contents they take no space.
    pub bytes: u64,
    /// Bytes that may still be written at the destination; absent where no folder is there yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<u64>,
    /// Bytes that the policy lets exports add below the root; absent where it sets no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota_left: Option<u64>,
    /// A job was broken off there, or is at work: the next export settles what it left first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

/// What will be done with one selected resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanRow {
    /// The asset's UUID.
    pub asset: String,
    /// Which of its versions.
    pub version: String,
    /// Its name when it was imported.
    pub original_filename: String,
    /// Where it will be, or what is in its way, below the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What will be done.
    pub action: Action,
    /// Bytes of its content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Why it will not be there, or not as the library has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Result of `export.plan`: a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExportPlan {
    /// On the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub totals: Option<PlanTotals>,
    /// In the order of the assets' UUIDs.
    pub rows: Vec<PlanRow>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Uuid>,
}
