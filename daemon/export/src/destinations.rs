//! What has been exported where: finds destinations below a folder, and tells of one what its own
//! record says.
//!
//! It only reads, takes no lock, and opens no file but those of a record. A destination below
//! another is none of ours to find: none is made there. The hazard: a root with a million folders
//! of somebody else's, so the walk has a bound, and says when it was reached.

use std::collections::BTreeMap;

use darkslide_door::{Destination, DoorErrorKind, FileTime, Kind, RECORD_FOLDER, Record};
use darkslide_policy::RelPath;

use crate::error::{ExportError, in_the_way};
use crate::id;
use crate::reading::{each_line, rows};
use crate::recover::open_manifest;
use crate::report::{self, Outcome, ReportRow};
use crate::report_page::MAX_REPORT_BYTES;
use crate::run::Stop;
use crate::spec::Shape;

/// Folders that are looked into: below a root there are years and albums, not all of a disk.
const MAX_FOLDERS: usize = 10_000;
/// How deep a destination may lie below a root and be found.
pub(crate) const MAX_DEPTH: usize = 8;

/// What was found below a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Where destinations are, below the folder; its own path is the root of all paths.
    pub destinations: Vec<RelPath>,
    /// Not every folder was looked into.
    pub incomplete: bool,
    /// There are more folders than are looked into; one that is too deep, or that cannot be read,
    /// is no such thing.
    pub too_many: bool,
}

/// What a library has at a destination.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The last job that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastReport {
    /// Its name.
    pub job: String,
    /// When its report was written.
    pub time: FileTime,
    /// How many rows of it have which outcome.
    pub outcomes: BTreeMap<Outcome, u64>,
}

/// What a destination tells of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// Fixed by its first export.
    pub shape: Shape,
    /// By the library's own UUID.
    pub libraries: BTreeMap<String, Held>,
    /// The last job; none if none came to its end.
    pub last: Option<LastReport>,
    /// A job was broken off, or is at work.
    pub unsettled: bool,
}

/// Looks for destinations, the outer ones only.
///
/// # Errors
/// [`ExportError::Door`]; [`ExportError::Stopped`]. A folder that may not be read makes the answer
/// incomplete.
pub fn find(folder: &Destination<'_>, stop: &dyn Fn() -> Stop) -> Result<Found, ExportError> {
    let mut found = Found::default();
    let mut folders = vec![RelPath::root()];
    let mut looked = 0;
    while let Some(here) = folders.pop() {
        if stop() != Stop::GoOn {
            return Err(ExportError::Stopped);
        }
        looked += 1;
        if looked > MAX_FOLDERS {
            (found.incomplete, found.too_many) = (true, true);
            break;
        }
        let entries = match folder.list(&here) {
            Ok(entries) => entries,
            Err(error) if error.kind() == DoorErrorKind::NotFound => continue,
            Err(error) => match (in_the_way(&error), error.kind()) {
                // Links and mounts are no way to a destination of this root.
                (Some(_), _) => continue,
                (
                    None,
                    kind @ (DoorErrorKind::Permission
                    | DoorErrorKind::Protected
                    | DoorErrorKind::TooMany),
                ) => {
                    found.incomplete = true;
                    found.too_many |= kind == DoorErrorKind::TooMany;
                    continue;
                }
                (None, _) => return Err(error.into()),
            },
        };
        if entries.iter().any(|entry| entry.name() == RECORD_FOLDER) {
            found.destinations.push(here);
            continue;
        }
        let is_deep = here.components().count() >= MAX_DEPTH;
        for entry in entries.iter().filter(|entry| entry.kind() == Kind::Folder) {
            let path = entry.component().and_then(|name| here.join(&name).ok());
            match path.filter(|_| !is_deep) {
                Some(path) => folders.push(path),
                None => found.incomplete = true,
            }
        }
    }
    found.destinations.sort();
    Ok(found)
}

/// Tells what a destination is; none where its record has no `id`.
///
/// # Errors
/// [`ExportError`] where the record cannot be read.
pub fn describe(
    destination: &Destination<'_>,
    stop: &dyn Fn() -> Stop,
) -> Result<Option<Described>, ExportError> {
    let Some(shape) = id::shape_of(destination)? else {
        return Ok(None);
    };
    let unsettled = destination.open_record(Record::Journal)?.is_some();
    let mut libraries: BTreeMap<String, Held> = BTreeMap::new();
    for row in rows(&open_manifest(destination, stop)?) {
        let row = row?;
        let held = libraries.entry(row.key.library).or_default();
        held.files += 1;
        held.bytes = held.bytes.saturating_add(row.size);
    }
    let last = last_report(destination, stop)?;
    Ok(Some(Described { shape, libraries, last, unsettled }))
}

/// Bytes that exports hold at a destination, by its record; what a job has not yet settled is not
/// in it.
///
/// # Errors
/// [`ExportError`] where the record cannot be read.
pub fn held_bytes(
    destination: &Destination<'_>,
    stop: &dyn Fn() -> Stop,
) -> Result<u64, ExportError> {
    Ok(open_manifest(destination, stop)?.bytes())
}

fn last_report(
    destination: &Destination<'_>,
    stop: &dyn Fn() -> Stop,
) -> Result<Option<LastReport>, ExportError> {
    let Some((time, name)) = report::finished(destination)?.into_iter().max() else {
        return Ok(None);
    };
    let Some(source) = destination.open_record(Record::Report(&name))? else {
        return Ok(None);
    };
    let mut outcomes = BTreeMap::new();
    each_line(&source, (MAX_REPORT_BYTES, "reports"), stop, |line| {
        if let Ok(row) = serde_json::from_slice::<ReportRow>(line) {
            *outcomes.entry(row.outcome).or_default() += 1;
        }
    })?;
    let job = name.as_str().strip_suffix(report::SUFFIX).unwrap_or_default().to_owned();
    Ok(Some(LastReport { job, time, outcomes }))
}
