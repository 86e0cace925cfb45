//! The one door to paths: whoever opens, looks at, renames or removes a file does it here.
//!
//! It alone may hand a path to the kernel. It takes a grant and a checked [`RelPath`], so that an
//! unchecked text has no function to call; it follows no link, enters no mount, replaces no name
//! that a person sees. [`LibraryDir`] has no method that writes, [`RootDir`] none without a
//! `Grant<Write>`. The hazard: looking at a path and then opening the same text, while somebody
//! exchanges a folder for a link in between. Read `beneath.rs` first, then `rename.rs`.
//!
//! [`RelPath`]: darkslide_policy::RelPath
//!
//! # What does not compile
//!
//! A path without a grant opens nothing:
//!
//! ```compile_fail
//! # use darkslide_door::*; use darkslide_policy::*;
//! fn read(library: &LibraryDir, path: &RelPath) { let _file = library.open_file(path); }
//! ```
//!
//! nor does a text:
//!
//! ```compile_fail
//! # use darkslide_door::*; use darkslide_policy::*;
//! fn read(library: &LibraryDir, grant: &Grant<Read>) {
//!     let _file = library.open_file(grant, "originals/0/0.heic");
//! }
//! ```
//!
//! with both, it does:
//!
//! ```
//! # use darkslide_door::*; use darkslide_policy::*;
//! fn read(library: &LibraryDir, grant: &Grant<Read>, path: &RelPath) {
//!     let _file = library.open_file(grant, path);
//! }
//! ```
//!
//! A grant to read opens no root:
//!
//! ```compile_fail
//! # use darkslide_door::*; use darkslide_policy::*;
//! fn write(root: &RootDir, grant: &Grant<Read>) { let _destination = root.enter(grant); }
//! ```
//!
//! ```
//! # use darkslide_door::*; use darkslide_policy::*;
//! fn write(root: &RootDir, grant: &Grant<Write>) { let _destination = root.enter(grant); }
//! ```

#![forbid(unsafe_code)]

mod abilities;
mod audit_dir;
mod beneath;
mod content;
mod destination;
mod error;
mod facts;
mod fault;
mod flush;
mod library_dir;
mod lock;
mod owner;
mod pinned;
mod probe;
mod publish;
mod random_name;
mod reading;
mod record;
mod referenced;
mod remove;
mod rename;
mod root_dir;
mod state_dir;
mod temporary;

#[cfg(test)]
#[path = "../../../tests/src/shared.rs"]
mod shared;

pub use abilities::{Abilities, Exclusive};
pub use audit_dir::AuditDir;
pub use content::{copy_range, next_data, start_writeout};
pub use destination::Destination;
pub use error::{DoorError, DoorErrorKind};
pub use facts::{Entry, Facts, FileTime, Identity, Kind};
pub use fault::{Faults, Operation};
pub use flush::FlushKind;
pub use library_dir::LibraryDir;
pub use lock::{BEAT_EVERY, Beat, Lock, TAKEN_OVER_AFTER};
pub use pinned::folder_at;
pub use publish::{Exchanged, Published};
pub use random_name::random_name;
pub use reading::{MAX_LIST_ENTRIES, SourceFile};
pub use record::{NewRecord, RECORD_FOLDER, Record, is_within_record};
pub use referenced::ReferencedDir;
pub use rename::Way;
pub use root_dir::RootDir;
pub use state_dir::StateDir;
