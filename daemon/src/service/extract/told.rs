//! What an answer of `extract` tells of files: gathered from the pages of a job's report.
//!
//! All rows are counted, the first ones are told: of files that are there the records of their
//! assets are read, a page of them at once. Nothing else is held, however many rows there are. A
//! report lies in the destination, where others may write: its paths are parsed anew, and a row
//! that names none is passed over.

use std::collections::HashMap;

use darkslide_door::{Destination, RootDir};
use darkslide_export as engine;
use darkslide_library::{Deadline, Version};
use darkslide_policy::{AbsPath, RelPath};
use darkslide_protocol::error::WireError;
use darkslide_protocol::limits::{
    MAX_EXTRACT_BYTES, MAX_EXTRACT_ROWS, MAX_PAGE_ASSETS, MAX_RESPONSE_FRAME_BYTES,
};
use darkslide_protocol::message::extract::{LeftOut, MediaMetadata};
use darkslide_protocol::value::{Token, Uuid};
use serde::Serialize;

use super::media::Known;
use crate::clock;
use crate::service::export::{Granted, wire_outcome};
use crate::service::fault;

/// Why a file is not there that an earlier run wrote and somebody removed.
const REMOVED: &str = "removed";

/// Bytes of the files that are not there, as JSON, for each of the two causes.
const MAX_ABSENT_BYTES: usize = MAX_EXTRACT_BYTES / 4;
/// What else is in an answer: names of album and destination, and numbers.
const REST_BYTES: usize = 64 * 1024;
const _: () =
    assert!(MAX_EXTRACT_BYTES + 2 * MAX_ABSENT_BYTES + REST_BYTES <= MAX_RESPONSE_FRAME_BYTES);

/// Where a page is read from.
pub(super) struct Source<'a> {
    pub(super) granted: &'a Granted,
    pub(super) root: &'a RootDir,
    pub(super) limit: &'a Deadline,
}

/// What is told so far.
pub(super) struct Told {
    pub(super) job: Token,
    /// The destination.
    pub(super) folder: String,
    title: String,
    /// Where the next page begins.
    after: u64,
    /// Files that are there.
    pub(super) count: u64,
    pub(super) photos: Vec<String>,
    pub(super) media: Vec<MediaMetadata>,
    /// Of `photos` and `media`, as JSON.
    bytes: usize,
    /// There was a file that had no room.
    full: bool,
    pub(super) skipped: Absent,
    pub(super) failed: Absent,
}

/// Files that are not there: all are counted, the first ones told.
#[derive(Default)]
pub(super) struct Absent {
    rows: Vec<LeftOut>,
    count: u64,
    /// Of `rows`, as JSON.
    bytes: usize,
}

/// What a row says of its file.
enum Place {
    There(Version, RelPath),
    Skipped,
    Failed,
    /// Nothing to look at: a sidecar, and no path.
    Beside,
}

impl Told {
    /// Nothing yet of a job that exported below this root.
    pub(super) fn of(job: Token, root: &AbsPath, below: &RelPath, title: String) -> Self {
        Self {
            job,
            folder: joined(root.as_str(), below.as_str()),
            title,
            after: 0,
            count: 0,
            photos: Vec::new(),
            media: Vec::new(),
            bytes: 0,
            full: false,
            skipped: Absent::default(),
            failed: Absent::default(),
        }
    }

    /// Takes one page of the report. Is there another?
    pub(super) fn page(&mut self, source: &Source<'_>) -> Result<bool, WireError> {
        let Source { granted, root, limit } = source;
        let entered = root.enter_existing(&granted.write);
        let entered = entered.map_err(|error| fault::destination(&error))?;
        let destination = entered.ok_or_else(fault::no_report)?;
        let (job, expired) = (self.job.as_str(), || limit.expired());
        let page =
            engine::read_report(&destination, job, self.after, MAX_PAGE_ASSETS, false, &expired);
        let page = page.map_err(|error| fault::export(&error))?.ok_or_else(fault::no_report)?;
        let mut there = Vec::new();
        for row in page.rows {
            match place(&row) {
                Place::There(version, path) => there.push((row, version, path)),
                Place::Skipped => self.skipped.take(row),
                Place::Failed => self.failed.take(row),
                Place::Beside => {}
            }
        }
        self.count = self.count.saturating_add(there.len() as u64);
        self.tell(source, &destination, there)?;
        self.after = page.next.unwrap_or(self.after);
        if page.next.is_none() {
            self.sort();
        }
        Ok(page.next.is_some())
    }

    /// Tells of files while there is room.
    fn tell(
        &mut self,
        source: &Source<'_>,
        destination: &Destination<'_>,
        mut there: Vec<(engine::ReportRow, Version, RelPath)>,
    ) -> Result<(), WireError> {
        let room = if self.full { 0 } else { MAX_EXTRACT_ROWS - self.photos.len() };
        self.full |= there.len() > room;
        there.truncate(room);
        let known = known(source, &there)?;
        let unknown = Known::default();
        for (row, version, path) in there {
            let known = known.get(&row.asset).unwrap_or(&unknown);
            let Some(media_type) = known.media_type(version) else { continue };
            // What went away since the export ended was there when it did.
            let facts = destination.stat(&path).ok().flatten();
            let (_, filename) = path.split_last().unwrap_or_default();
            let media = MediaMetadata {
                filename: filename.to_owned(),
                file_size_bytes: facts.map(|it| it.size).or(row.bytes).unwrap_or(0),
                media_type,
                exif_data: known.exif_data(),
                tags: known.keywords.clone(),
                album: self.title.clone(),
                // Nobody can set that time, and what is unchanged keeps it.
                date_imported: facts.map_or_else(clock::timestamp, |it| {
                    clock::written(it.ctime.seconds, it.ctime.nanoseconds)
                }),
            };
            let photo = joined(&self.folder, path.as_str());
            let bytes = self.bytes + length(&media) + length(&photo);
            if bytes > MAX_EXTRACT_BYTES {
                self.full = true;
                break;
            }
            self.bytes = bytes;
            self.media.push(media);
            self.photos.push(photo);
        }
        Ok(())
    }

    /// By path: a report has its rows as they were done, by several threads.
    fn sort(&mut self) {
        let (photos, media) = (std::mem::take(&mut self.photos), std::mem::take(&mut self.media));
        let mut both: Vec<_> = photos.into_iter().zip(media).collect();
        both.sort_by(|(a, _), (b, _)| a.cmp(b));
        (self.photos, self.media) = both.into_iter().unzip();
    }

    /// Is there more than is told?
    pub(super) fn is_truncated(&self) -> bool {
        self.full || self.skipped.more() > 0 || self.failed.more() > 0
    }

    /// A sentence for a person.
    pub(super) fn message(&self) -> String {
        let (count, skipped, failed) = (self.count, self.skipped.count, self.failed.count);
        let all = count.saturating_add(skipped).saturating_add(failed);
        match (all, skipped, failed) {
            (0, ..) => "there is nothing to export in that album".to_owned(),
            (_, 0, 0) => format!("{count} of {all} files of that album are there"),
            _ => format!(
                "{count} of {all} files of that album are there: {skipped} skipped, {failed} failed"
            ),
        }
    }
}

impl Absent {
    fn take(&mut self, row: engine::ReportRow) {
        self.count = self.count.saturating_add(1);
        let reason = row.reason.unwrap_or_else(|| word(row.outcome).to_owned());
        let (asset, version, filename) = (row.asset, row.version, row.original_filename);
        let row = LeftOut { asset, version, filename, reason };
        let bytes = self.bytes + length(&row);
        if self.more() == 1 && self.rows.len() < MAX_EXTRACT_ROWS && bytes <= MAX_ABSENT_BYTES {
            self.bytes = bytes;
            self.rows.push(row);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// How many are counted and not told.
    pub(super) fn more(&self) -> u64 {
        self.count.saturating_sub(self.rows.len() as u64)
    }

    pub(super) fn into_rows(self) -> Vec<LeftOut> {
        self.rows
    }
}

fn word(outcome: engine::Outcome) -> &'static str {
    wire_outcome(outcome).as_str()
}

fn place(row: &engine::ReportRow) -> Place {
    use engine::Outcome;
    match row.outcome {
        Outcome::NotLocal | Outcome::Denied => return Place::Skipped,
        Outcome::Kept if row.reason.as_deref() == Some(REMOVED) => return Place::Skipped,
        Outcome::Conflict | Outcome::Unreadable | Outcome::SourceChanged => return Place::Failed,
        Outcome::Copied
        | Outcome::Updated
        | Outcome::Unchanged
        | Outcome::Adopted
        | Outcome::Renamed
        | Outcome::Kept => {}
        // Of a verification or a prune.
        Outcome::Intact
        | Outcome::Unproven
        | Outcome::Missing
        | Outcome::Changed
        | Outcome::Extra
        | Outcome::Unsettled
        | Outcome::Prunable
        | Outcome::Pruned => return Place::Beside,
    }
    let version = Version::ALL.iter().find(|version| version.as_str() == row.version);
    let path = row.path.as_deref().and_then(|path| RelPath::parse(path).ok());
    match (version, path) {
        (Some(version), Some(path)) => Place::There(*version, path),
        (None, _) | (_, None) => Place::Beside,
    }
}

/// The records of the assets of some rows, by UUID; one that is gone meanwhile has none.
fn known(
    source: &Source<'_>,
    rows: &[(engine::ReportRow, Version, RelPath)],
) -> Result<HashMap<String, Known>, WireError> {
    let Granted { library, read, .. } = source.granted;
    let mut ask: Vec<Uuid> =
        rows.iter().filter_map(|(row, ..)| Uuid::parse(&row.asset).ok()).collect();
    ask.sort_unstable();
    ask.dedup();
    let mut known = HashMap::new();
    while !ask.is_empty() {
        let got = library.get(read, &ask, Known::fields(), source.limit);
        let got = got.map_err(|error| fault::library(&error))?;
        // The reader writes JSON.
        let records: Vec<Known> = serde_json::from_slice(got.assets.json()).unwrap_or_default();
        known.extend(records.into_iter().map(|record| (record.uuid.clone(), record)));
        ask = got.rest;
    }
    Ok(known)
}

fn joined(folder: &str, below: &str) -> String {
    match below {
        "" | "." => folder.to_owned(),
        below => format!("{}/{below}", folder.trim_end_matches('/')),
    }
}

/// Bytes as JSON.
fn length<T: Serialize>(value: &T) -> usize {
    serde_json::to_vec(value).map_or(0, |text| text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(filename: &str) -> engine::ReportRow {
        engine::ReportRow {
            asset: "A".to_owned(),
            version: "original".to_owned(),
            original_filename: filename.to_owned(),
            path: Some("2024/a.jpg".to_owned()),
            outcome: engine::Outcome::NotLocal,
            bytes: None,
            blake3: None,
            reason: None,
        }
    }

    #[test]
    fn what_is_not_there_is_told_while_there_is_room_and_counted_beyond() {
        let mut absent = Absent::default();
        (0..=MAX_EXTRACT_ROWS).for_each(|_| absent.take(row("a.jpg")));
        assert_eq!((absent.more(), absent.rows.len()), (1, MAX_EXTRACT_ROWS));
        assert_eq!(absent.rows[0].reason, "not_local", "a row without a reason has its outcome");
        let mut absent = Absent::default();
        (0..MAX_EXTRACT_ROWS).for_each(|_| absent.take(row(&"x".repeat(100_000))));
        absent.take(row("a.jpg"));
        let (told, all) = (absent.rows.len(), MAX_EXTRACT_ROWS as u64 + 1);
        assert!(told >= MAX_ABSENT_BYTES / 100_100 && absent.bytes <= MAX_ABSENT_BYTES);
        assert_eq!(absent.more(), all - told as u64, "the first ones, not those that fit");
        assert!(length(&absent.into_rows()) < MAX_ABSENT_BYTES + told + 2);
    }

    #[test]
    fn a_row_is_a_photo_only_if_it_is_one_and_lies_below_the_destination() {
        let place = |change: &dyn Fn(&mut engine::ReportRow)| {
            let mut row = engine::ReportRow { outcome: engine::Outcome::Copied, ..row("a.jpg") };
            change(&mut row);
            place(&row)
        };
        assert!(matches!(place(&|_| ()), Place::There(Version::Original, _)));
        for path in [None, Some("../x"), Some("/etc/x"), Some(""), Some("a/../../x")] {
            let at = place(&|row| row.path = path.map(str::to_owned));
            assert!(matches!(at, Place::Beside), "{path:?}");
        }
        for version in ["xmp", "json", "", "ORIGINAL"] {
            assert!(matches!(place(&|row| version.clone_into(&mut row.version)), Place::Beside));
        }
        let kept = |reason: &'static str| {
            place(&move |row| {
                row.outcome = engine::Outcome::Kept;
                row.reason = Some(reason.to_owned());
            })
        };
        assert!(matches!(kept("changed"), Place::There(..)), "it is theirs, and there");
        assert!(matches!(kept(REMOVED), Place::Skipped));
    }

    #[test]
    fn a_path_has_one_slash_between_its_parts() {
        assert_eq!(joined("/Exports", "a/b"), "/Exports/a/b");
        assert_eq!([joined("/Exports", "."), joined("/Exports", "")], ["/Exports"; 2]);
        assert_eq!([joined("/", "a"), joined("/", ".")], ["/a", "/"]);
    }
}
