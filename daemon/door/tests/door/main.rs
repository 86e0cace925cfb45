//! The door from outside: grants, destinations, publishing, races, faults. One binary, so that
//! linking stays cheap.
//!
//! What needs the inside of the door (the table of errnos, mounts, the limit of a list) is tested
//! beside its code. Everything is done in temporary folders; nothing here needs a network, a clock
//! or another program but this one.

#![forbid(unsafe_code)]
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "tests make and look at what the door is to touch"
)]

mod content;
mod exchange;
mod fault;
mod flush;
mod library;
mod lock;
mod publish;
mod race;
mod record;
mod referenced;
mod remove;
mod root;
#[path = "../../../../tests/src/shared.rs"]
mod shared;
mod support;
