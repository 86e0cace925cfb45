//! What can be wrong with a library, or with what was asked of it.
//!
//! Each kind says what to do (`hint`); the wire's words for them are the daemon's. SQLite's own
//! message texts never appear here, for a hostile file writes into them; codes do. The hazards: "no
//! photos" for a database that could not be read, and "damaged" for a question that was too large.

use darkslide_door::DoorError;
use darkslide_protocol::value::Uuid;

use crate::change::Expired;

/// Why a library could not be read, or a question could not be answered.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// Not there, no permission, or another than the one that was opened.
    #[error("the library cannot be reached")]
    Unavailable {
        /// The door's answer; none where SQLite was refused.
        #[source]
        source: Option<DoorError>,
    },
    /// Not a library of a version that is read.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// Broken in a way that is named.
    #[error(transparent)]
    Damaged(#[from] Damage),
    /// A rollback journal of a crash waits for a program that may write.
    #[error("the library's database was left in the middle of a change")]
    NeedsRecovery,
    /// A writer holds it, or changes it faster than it can be read.
    #[error("another program is writing to the library")]
    Busy,
    /// The time for the request is over.
    #[error("reading the library took longer than allowed")]
    TimedOut,
    /// The filter is deeper, longer or has more parts than SQLite takes in one statement.
    #[error("the filter is too complex")]
    TooComplex,
    /// The order of an album was asked for, and the filter is not one album.
    #[error("the order of an album is known only where the filter is one album")]
    NoAlbumOrder,
    /// No album fits.
    #[error("no album is called `{asked}`")]
    NoSuchAlbum {
        /// What was asked for.
        asked: String,
        /// Titles or paths that come near it, the nearest first.
        nearest: Vec<String>,
    },
    /// Several albums fit.
    #[error("`{asked}` fits {count} albums")]
    AmbiguousAlbum {
        /// What was asked for.
        asked: String,
        /// How many fit.
        count: usize,
        /// The first of them, at most 20.
        candidates: Vec<AlbumCandidate>,
    },
    /// A library of Photos 2 to 4, or one whose history is kept in a way that is not known.
    #[error("the library keeps no history of changes")]
    NoHistory,
    /// A change token does not fit, or no longer.
    #[error("the change token has expired")]
    Expired(#[source] Expired),
    /// SQLite or the system reports an error that has no meaning of its own here.
    #[error("the database answers with error {code}")]
    Database {
        /// SQLite's extended result code.
        code: i32,
    },
}

/// One of several albums that a title fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlbumCandidate {
    /// Names it without doubt.
    pub uuid: Uuid,
    /// Folders and title, with `/` between them.
    pub path: String,
}

/// Why a folder is nothing that this program reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsupported {
    /// Neither `database/Photos.sqlite` nor anything like it.
    #[error("the folder is not a Photos library")]
    NotALibrary,
    /// Of the program before Photos.
    #[error("this is an iPhoto library, which is not supported")]
    IPhoto,
    /// A model that keeps things elsewhere.
    #[error("the library's data model lacks {}", missing.join(", "))]
    Columns {
        /// The model's number, where it tells one.
        model: Option<i64>,
        /// Tables and columns, as `TABLE` or `TABLE.COLUMN`.
        missing: Vec<String>,
    },
}

/// In which way a library is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// The folder is a library's, but the database is gone.
    #[error("the library's database `{name}` is missing")]
    DatabaseMissing {
        /// The name of the file.
        name: &'static str,
    },
    /// A link, a folder or a pipe stands in the place of one of the database's files.
    #[error("`{name}` is not a regular file")]
    NotARegularFile {
        /// The name of the file.
        name: String,
    },
    /// Empty, text, an archive: no database.
    #[error("the library's database is not a database")]
    NotADatabase,
    /// A database without the tables of a library.
    #[error("the library's database has no tables")]
    NoTables,
    /// A view or something virtual stands in the place of a table.
    #[error("`{name}` in the library's database is not a table")]
    NotATable {
        /// The table's name.
        name: String,
    },
    /// The content contradicts itself.
    #[error("the library's database is malformed")]
    Malformed,
    /// A `-wal` of an older copy lies beside a newer database.
    #[error("the library's database and its `-wal` are of different times")]
    StaleWal,
    /// Photos began to convert the library and did not end.
    #[error("Photos began to upgrade this library and did not finish")]
    UpgradeBrokenOff,
}

impl LibraryError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => {
                "check that the library is there and that the daemon's user may read all of it"
            }
            Self::Unsupported(what) => what.hint(),
            Self::Damaged(how) => how.hint(),
            Self::NeedsRecovery => "open the library in Photos once, or restore it from a backup",
            Self::Busy => "try again when Photos, or the copy that runs, has come to rest",
            Self::TimedOut => "ask for less at once",
            Self::TooComplex => "use a smaller filter",
            Self::NoAlbumOrder => "name one album in the filter, or sort otherwise",
            Self::NoSuchAlbum { .. } => "list the albums to see what there is",
            Self::AmbiguousAlbum { .. } => "name the album by its UUID",
            Self::NoHistory => "list the assets again and compare",
            Self::Expired(_) => {
                "list the assets anew, with a token from `change.token` taken before"
            }
            Self::Database { .. } => "check the disk, then try again",
        }
    }
}

impl Unsupported {
    fn hint(&self) -> &'static str {
        match self {
            Self::NotALibrary => "name a folder that ends in `.photoslibrary`",
            Self::IPhoto => "open a copy of it in a newer Photos, which converts it",
            Self::Columns { .. } => "look for a newer version of this program",
        }
    }
}

impl Damage {
    fn hint(&self) -> &'static str {
        match self {
            Self::StaleWal => {
                "copy the library again with a tool that also deletes (rsync --delete)"
            }
            Self::UpgradeBrokenOff => "open the library in Photos and let it finish",
            Self::DatabaseMissing { .. }
            | Self::NotARegularFile { .. }
            | Self::NotADatabase
            | Self::NoTables
            | Self::NotATable { .. }
            | Self::Malformed => "let Photos repair the library, or restore it from a backup",
        }
    }
}
