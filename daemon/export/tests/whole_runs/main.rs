//! Whole exports: synthetic libraries into temporary roots, through the real door.
//!
//! One binary, for it links SQLite. Each test builds its own library and root below a temporary
//! folder; what goes wrong is what the door's injector makes go wrong. The contents that come out
//! are compared with those that the builder put in, and the library's bundle with itself before.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod between;
mod changes;
mod changing_sources;
mod contents;
mod copying;
mod crashes;
mod destination_changes;
mod exporting;
mod first_export;
mod interrupted;
mod locks;
mod looking;
mod machine;
mod planned;
mod planted;
mod pruning;
mod quotas;
mod random_runs;
mod real_libraries;
mod refusals;
mod renames;
mod reshaping;
mod scene;
mod selecting;
mod sidecars;
mod sparse_sources;
mod sweeps;
mod updates;
mod verifying;
mod wire_words;
