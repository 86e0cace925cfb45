//! What this crate answers with: rows. The daemon turns them into the wire's fields; nothing here
//! can be serialised.
//!
//! Names and meanings are those of the reference dumps; where the reference shows a quirk of the
//! tool that made it, the right answer stands here, and the rule on the list of differences in
//! `tests/real_libraries.rs`. A value that is nonsense in the database is absent, and the row says
//! so in its `problem`.

use std::fmt;
use std::sync::Arc;

use darkslide_policy::RelPath;
use darkslide_protocol::filter::{Filter, Include, Sort};
use darkslide_protocol::value::Uuid;

use crate::bundle::Journal;
use crate::cursor::Position;
use crate::date::Date;

/// The first thing in a row that is nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Problem {
    /// The column, as Photos calls it.
    pub field: &'static str,
    /// What is wrong with it.
    pub kind: ProblemKind,
}

/// In which way a value is nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// Of another type.
    Type,
    /// A text that is not UTF-8, or has a NUL.
    Encoding,
    /// Longer than such a value can be.
    TooLong,
    /// A number outside its range.
    Range,
    /// A date outside the years 1 to 9999.
    Date,
    /// The row that belongs to it is not there.
    Missing,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            ProblemKind::Type => "is of another type",
            ProblemKind::Encoding => "is not text",
            ProblemKind::TooLong => "is too long",
            ProblemKind::Range => "is out of range",
            ProblemKind::Date => "is not a date of the years 1 to 9999",
            ProblemKind::Missing => "is missing",
        };
        write!(f, "{} {what}", self.field)
    }
}

/// One photo or video.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "the fields of the dump, one for one")]
#[expect(
    missing_docs,
    reason = "the names of the reference dumps; docs/protocol.md has their meaning"
)]
pub struct Asset {
    pub uuid: Uuid,
    pub filename: String,
    pub original_filename: String,
    pub title: Option<String>,
    pub description: Option<String>,
    pub date: Option<Date>,
    pub date_added: Option<Date>,
    pub date_modified: Option<Date>,
    pub date_trashed: Option<Date>,
    pub tzoffset: Option<i64>,
    pub tzname: Option<String>,
    pub ismovie: bool,
    pub isphoto: bool,
    pub live_photo: bool,
    pub panorama: bool,
    pub portrait: bool,
    pub selfie: bool,
    pub screenshot: bool,
    pub screen_recording: bool,
    pub slow_mo: bool,
    pub time_lapse: bool,
    pub hdr: bool,
    pub spatial: i64,
    pub burst: bool,
    pub burst_key: bool,
    pub burst_selected: bool,
    pub has_raw: bool,
    pub raw_original: bool,
    pub israw: bool,
    pub favorite: bool,
    pub hidden: bool,
    pub visible: bool,
    pub intrash: bool,
    pub hasadjustments: bool,
    pub height: Option<u64>,
    pub width: Option<u64>,
    pub original_height: Option<u64>,
    pub original_width: Option<u64>,
    pub original_orientation: Option<i64>,
    pub original_filesize: Option<u64>,
    pub albums: Vec<String>,
    pub keywords: Vec<String>,
    /// The original below the bundle; none where it is not there.
    pub path: Option<RelPath>,
    /// The database's word, which is often wrong; `path` is the disk's.
    pub ismissing: bool,
    pub isreference: bool,
    pub shared: bool,
    pub problem: Option<Problem>,
}

impl Asset {
    /// About how many bytes it takes on the wire: names of fields, and texts.
    pub(crate) fn wire_bytes(&self) -> usize {
        const FIELDS: usize = 1_100;
        let texts = [&self.filename, &self.original_filename].map(|text| text.len());
        let optional = [&self.title, &self.description, &self.tzname]
            .map(|text| text.as_ref().map_or(0, String::len));
        let lists = self.albums.iter().chain(&self.keywords).map(|text| text.len() + 3);
        FIELDS + texts.iter().chain(&optional).sum::<usize>() + lists.sum::<usize>()
    }
}

/// What a page of assets is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Which assets.
    pub filter: Filter,
    /// What is otherwise left out.
    pub include: Vec<Include>,
    /// In which order.
    pub sort: Sort,
    /// The last first.
    pub descending: bool,
    /// At most so many; 1 to 1000.
    pub limit: usize,
    /// Where the page before ended.
    pub after: Option<Position>,
}

/// A page of assets.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// In the order that was asked for.
    pub assets: Vec<Asset>,
    /// Where the next page begins; none where this was the last.
    pub next: Option<Position>,
}

/// Assets that were asked for by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Got {
    /// In the order of the question.
    pub assets: Vec<Asset>,
    /// Those that do not exist, or not for this grant; the two are not told apart.
    pub unknown: Vec<Uuid>,
    /// Those that did not fit the answer.
    pub rest: Vec<Uuid>,
}

/// What was found in slices, a transaction each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scanned<T> {
    /// What was found.
    pub found: T,
    /// Did nobody change the library meanwhile?
    pub consistent: bool,
}

/// About the library as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Info {
    /// The version of Photos, such as `5`, `9.6` or `11.1`.
    pub photos: String,
    /// The number of the data model.
    pub model: Option<i64>,
    /// The library's own identity, the same on every disk.
    pub uuid: Option<Uuid>,
    /// Listed photos: neither hidden nor trashed nor an unselected image of a burst.
    pub photos_count: u64,
    /// Listed videos.
    pub movies_count: u64,
    /// Hidden assets, trashed ones not among them; none where the grant does not show them.
    pub hidden_count: Option<u64>,
    /// Trashed assets; none where the grant does not show them.
    pub trashed_count: Option<u64>,
    /// Images of bursts that nobody selected.
    pub unselected_count: u64,
    /// Rows without a UUID of the usual form, which cannot be named and are left out everywhere.
    pub nameless_count: u64,
    /// The oldest listed date.
    pub first: Option<Date>,
    /// The newest listed date.
    pub last: Option<Date>,
    /// The sizes of all listed originals, as the database tells them, on this disk or not.
    pub original_bytes: u64,
    /// The state of the database's files.
    pub journal: Journal,
    /// Words for what this model does not tell.
    pub lacks: Vec<&'static str>,
    /// Did Photos write tables of a newer model than it says? Then an upgrade was not finished, or
    /// a `-wal` is lost.
    pub upgrade_unfinished: bool,
    /// Did nobody change the library meanwhile?
    pub consistent: bool,
}

/// What kind of collection it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlbumKind {
    /// An album of one's own.
    Album,
    /// An album that is shared through iCloud.
    Shared,
    /// A folder of albums.
    Folder,
    /// An album by a rule; named, not evaluated.
    Smart,
    /// A book, card, calendar or slide show.
    Project,
    /// What was imported at once.
    Import,
}

/// Why an album stands at the top level although it has a parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlbumProblem {
    /// Its folders contain one another.
    Cycle,
    /// A folder above it does not exist.
    ParentGone,
    /// A folder above it is in the trash.
    ParentTrashed,
    /// More folders in one another than we follow.
    TooDeep,
}

impl AlbumProblem {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cycle => "cycle",
            Self::ParentGone => "parent-gone",
            Self::ParentTrashed => "parent-trashed",
            Self::TooDeep => "too-deep",
        }
    }
}

/// An album, folder, or the like.
#[derive(Debug, Clone, PartialEq)]
pub struct Album {
    /// Its identity.
    pub uuid: Uuid,
    /// Its title; may be empty.
    pub title: Arc<str>,
    /// What it is.
    pub kind: AlbumKind,
    /// The titles of the folders that it is in, the outermost first.
    pub path: Vec<Arc<str>>,
    /// How many members the question would find; none for what has no members of its own.
    pub count: Option<u64>,
    /// When it was made.
    pub created: Option<Date>,
    /// The date of its oldest member.
    pub start: Option<Date>,
    /// The date of its newest member.
    pub end: Option<Date>,
    /// Why it is at the top level, if it should not be.
    pub problem: Option<AlbumProblem>,
}

/// What naming needs to know of an album.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlbumPlace {
    /// Its identity.
    pub uuid: Uuid,
    /// Its title; may be empty.
    pub title: Arc<str>,
    /// The titles of the folders that it is in, the outermost first.
    pub path: Vec<Arc<str>>,
}

/// That an asset is in an album.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The album.
    pub album: Arc<AlbumPlace>,
    /// Where it stands in the album's order by hand.
    pub position: i64,
}

/// What naming needs to know of an asset.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub struct CatalogEntry {
    /// Its identity.
    pub uuid: Uuid,
    /// The name that it had when it was imported.
    pub original_filename: String,
    /// Its title.
    pub title: Option<String>,
    /// When it was taken, told in its own zone; none is undated.
    pub date: Option<Date>,
    /// A video, not a photo.
    pub movie: bool,
    /// Has adjustments.
    pub adjusted: bool,
    /// Has a video beside it.
    pub live: bool,
    /// Has a RAW file beside it.
    pub raw_pair: bool,
    /// The albums that it is in, by UUID.
    pub albums: Vec<Membership>,
}
