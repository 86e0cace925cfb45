//! The foreign calls of macOS, a file each.
//!
//! Signatures are those of the headers of the macOS 15.5 SDK; that a symbol exists there is checked
//! when the programs are linked, and listed in `docs/macos-symbols.md`. None of it can be run where
//! it is built: `docs/macos-checklist.md` says what a Mac has to show.

pub(crate) mod activate;
pub(crate) mod code;
pub(crate) mod dataless;
pub(crate) mod sandbox;
pub(crate) mod token;
