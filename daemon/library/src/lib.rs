//! Reads a library of Photos 2 to 11 without changing a byte, a timestamp or an entry of it.
//!
//! It alone opens SQLite and knows Apple's names. Everything is asked under a `Grant<Read>`: what
//! the grant withholds does not exist in any answer. No database is opened for writing, no link is
//! followed; it knows neither clock nor wire. The hazards: a `-wal` that is overlooked gives a
//! plausible, wrong library; closing the wrong descriptor drops SQLite's locks; a hostile file must
//! end in an error, not in a hang. Read `bundle.rs`, `gate.rs`, `db.rs`, `session.rs` first.

#![forbid(unsafe_code)]

mod album;
mod bundle;
mod cell;
mod change;
mod cursor;
mod date;
mod db;
mod deadline;
mod error;
mod filter_sql;
mod functions;
mod gate;
mod idle;
mod image_header;
mod json;
mod library;
mod matching;
mod model;
mod open;
mod plist;
mod profile;
mod query;
mod record;
mod resource;
mod schema;
mod session;
mod side;
#[cfg(test)]
mod testing;
mod thumbnail;
mod uti;

pub use bundle::{Glance, Journal};
pub use change::{Changes, Expired, MAX_CHANGES, Token, Told};
pub use cursor::{CursorError, Position};
pub use date::Date;
pub use deadline::{Deadline, MAX_TRANSACTION};
pub use error::{AlbumCandidate, Damage, LibraryError, Unsupported};
pub use library::Library;
pub use model::{
    Album, AlbumKind, AlbumOrder, AlbumPlace, AlbumProblem, CatalogEntry, Counts, Existence,
    Facets, Got, Info, Membership, Needs, Page, Problem, ProblemKind, Query, Records, Scanned,
};
pub use open::{OpenFile, Opened};
pub use query::albums::KEYED_ALBUMS;
pub use query::facets::MAX_FACET_VALUES;
pub use query::resources::Listed;
pub use query::selection::Selection;
pub use resource::{Absence, AssetResources, Presence, Resource, Version};
pub use thumbnail::{Shown, Thumbnail};
