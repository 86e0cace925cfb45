//! What this crate answers with: rows. The daemon turns them into the wire's fields; nothing here
//! can be serialised.
//!
//! Names and meanings are those of the reference dumps; where the reference shows a quirk of the
//! tool that made it, the right answer stands here, and the rule on the list of differences in
//! `tests/real_libraries.rs`. A value that is nonsense in the database is absent, and the row says
//! so in its `problem`.

use std::fmt;
use std::sync::Arc;

use darkslide_protocol::field::Fields;
use darkslide_protocol::filter::{Filter, Include, Kind, Sort};
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

/// Whether an asset is in a library, whatever a grant withholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existence {
    /// There is none of that UUID.
    Absent,
    /// In the trash of the library.
    Trashed,
    /// In the library; hidden or shared ones are, too.
    Present,
}

/// Assets as they are told: a JSON list of objects, one for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Records {
    json: Vec<u8>,
    count: usize,
}

impl Records {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The list.
    #[must_use]
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// The list, for who writes around it.
    #[must_use]
    pub fn into_json(self) -> Vec<u8> {
        self.json
    }
}

/// Records that are being written.
pub(crate) struct RecordList {
    json: Vec<u8>,
    count: usize,
}

impl RecordList {
    pub(crate) fn with_room(bytes: usize) -> Self {
        let mut json = Vec::with_capacity(bytes);
        json.push(b'[');
        Self { json, count: 0 }
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Writes one; where it makes the list longer than `most` it is taken back, and false.
    pub(crate) fn push(&mut self, most: usize, write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let start = self.json.len();
        if self.count > 0 {
            self.json.push(b',');
        }
        write(&mut self.json);
        let fits = self.json.len() <= most;
        if fits {
            self.count += 1;
        } else {
            self.json.truncate(start);
        }
        fits
    }

    pub(crate) fn end(mut self) -> Records {
        self.json.push(b']');
        Records { json: self.json, count: self.count }
    }
}

/// What a page of assets is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Which assets.
    pub filter: Filter,
    /// What is told of each.
    pub fields: Fields,
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
    pub assets: Records,
    /// Where the next page begins; none where this was the last.
    pub next: Option<Position>,
    /// Did nobody change the library while it was scanned for this page?
    pub consistent: bool,
}

/// Assets that were asked for by name.
#[derive(Debug, Clone, PartialEq)]
pub struct Got {
    /// In the order of the question.
    pub assets: Records,
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

/// How many assets were selected, and what else was asked for of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many.
    pub count: u64,
    /// The sizes of their originals, as the database tells them.
    pub bytes: Option<u64>,
    /// How many of their originals are not on this disk.
    pub not_local: Option<u64>,
    /// How many there are of each kind that there is one of; one asset can be of several.
    pub kinds: Option<Vec<(Kind, u64)>>,
}

/// The values of a thing, and how many assets have each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facets {
    /// The most frequent first; equal ones by name.
    pub values: Vec<(String, u64)>,
    /// How many more there are.
    pub left_out: u64,
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

impl AlbumKind {
    /// All of them.
    pub const ALL: &[Self] =
        &[Self::Album, Self::Shared, Self::Folder, Self::Smart, Self::Project, Self::Import];

    /// Has it members of its own?
    #[must_use]
    pub fn has_members(self) -> bool {
        match self {
            Self::Album | Self::Shared | Self::Project | Self::Import => true,
            Self::Folder | Self::Smart => false,
        }
    }

    /// Has it an order of its own, and one member that stands for all?
    #[must_use]
    pub fn is_arranged(self) -> bool {
        self.has_members() && self != Self::Import
    }
}

/// How an album shows its members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AlbumOrder {
    /// As somebody arranged them.
    #[default]
    Manual,
    /// The oldest first.
    Oldest,
    /// The newest first.
    Newest,
    /// By title.
    Title,
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
    /// How its members are shown; none for what arranges none.
    pub order: Option<AlbumOrder>,
    /// The member that stands for it: the one that was chosen, else the first; always one that the
    /// question would find.
    pub key_photo: Option<Uuid>,
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

/// What of an asset is read beside what is always told: each costs a statement for a slice, or a
/// look into an archive for each asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent wishes, not states")]
pub struct Needs {
    /// The albums that it is in.
    pub albums: bool,
    /// Its description.
    pub description: bool,
    /// The camera's model.
    pub camera: bool,
    /// Country, state and city.
    pub place: bool,
}

/// What naming needs to know of an asset.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts, not states")]
pub struct CatalogEntry {
    /// Its identity.
    pub uuid: Uuid,
    /// The name that it had when it was imported.
    pub original_filename: String,
    /// Its title, and what else is a text below, as far as a name has room for it.
    pub title: Option<String>,
    /// When it was taken, told in its own zone; none is undated.
    pub date: Option<Date>,
    /// A video, not a photo.
    pub movie: bool,
    /// Has adjustments.
    pub adjusted: bool,
    /// Has a video beside it.
    pub live: bool,
    /// Marked as hidden.
    pub hidden: bool,
    /// In the trash.
    pub trashed: bool,
    /// One of a burst's images.
    pub burst: bool,
    /// The image that stands for its burst.
    pub burst_key: bool,
    /// The albums that it is in, by UUID; none unless asked for, as the others below.
    pub albums: Vec<Membership>,
    /// What somebody wrote of it.
    pub description: Option<String>,
    /// The camera's model.
    pub camera: Option<String>,
    /// The country where it was taken; none, like state and city, where the grant withholds that.
    pub country: Option<String>,
    /// The state or province.
    pub state: Option<String>,
    /// The city.
    pub city: Option<String>,
}
