//! Reads a library of Photos 5 to 11 without changing a byte, a timestamp or an entry of it.
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
mod cursor;
mod date;
mod db;
mod deadline;
mod error;
mod filter_sql;
mod gate;
mod library;
mod model;
mod plist;
mod profile;
mod query;
mod resource;
mod schema;
mod session;
#[cfg(test)]
mod testing;

pub use bundle::Journal;
pub use cursor::{CursorError, Position};
pub use date::Date;
pub use deadline::Deadline;
pub use error::{AlbumCandidate, Damage, LibraryError, Unsupported};
pub use library::Library;
pub use model::{
    Album, AlbumKind, AlbumPlace, AlbumProblem, Asset, CatalogEntry, Got, Info, Membership, Page,
    Problem, ProblemKind, Query, Scanned,
};
pub use resource::{Absence, AssetResources, Presence, Resource, Version};
