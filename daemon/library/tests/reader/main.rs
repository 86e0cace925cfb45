//! Tests of the reader on whole libraries: the real ones beside the workspace, synthetic ones, and
//! ones that were damaged.
//!
//! One binary, for each links SQLite. Real libraries are unpacked once below the target folder and
//! never changed there; what changes a library works on a copy. Expected results come from an
//! independent reader.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod albums;
mod catalog;
mod changes;
mod fidelity;
mod files;
mod filters;
mod hostile;
mod leaves;
mod live_writer;
mod old;
mod opened;
mod opening;
mod privacy;
mod real_libraries;
mod refused;
mod related_rules;
mod resources;
mod rules;
mod schema;
mod state_rules;
mod states;
mod thumbnails;
