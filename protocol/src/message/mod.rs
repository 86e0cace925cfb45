//! The payloads of the wire by topic. Params refuse unknown members; results may gain some.
//!
//! A type that can be serialised is a promise: these are written for the wire alone, and `service`
//! in the daemon fills them from rows of the library, grants and jobs.

pub mod album;
pub mod asset;
pub mod change;
pub mod destinations;
pub mod discover;
pub mod event;
pub mod export;
pub mod extract;
pub mod facet;
pub mod health;
pub mod job;
pub mod library;
pub mod plan;
pub mod policy;
pub mod record;
pub mod resource;
pub mod thumbnail;
pub mod verify;

mod bounded;
