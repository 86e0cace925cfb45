//! The daemon of darkslide as a library, so that tests can look into it and the CLI can start a
//! private one.
//!
//! `boot` leads to `confine` and then to `server`; a request goes from `server` through `service`,
//! where alone it is decided, to the library reader, the door, or `jobs`. Only `darkslided`, the
//! CLI (through `private` and `offline`) and tests link this crate.

#![forbid(unsafe_code)]

mod audit;
pub mod boot;
mod clock;
pub mod confine;
mod events;
mod jobs;
pub mod offline;
pub mod private;
mod server;
mod service;
pub mod telemetry;
mod threads;
