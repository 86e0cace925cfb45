//! The tidy test: holds the repository's text against the rules that no compiler knows.
//!
//! One file per rule; each offers `check(&Repository) -> Vec<Complaint>`, runs it over this
//! repository, and is itself tried on small samples in memory. It only reads, below the workspace
//! root. It never parses Rust: `scrub` tells code from comments and strings, and that is enough.
//! The hazard that shaped it: rules that stand only in a guide are kept for a month. Read
//! `docs/CONTRIBUTING.md` for the rules as a list.

#![forbid(unsafe_code)]
#![cfg(test)]

mod change_log;
mod crate_layers;
mod docs_in_sync;
mod error_reasons;
mod file_names;
mod headers;
mod lengths;
mod limits_tested;
mod links;
mod manifest;
mod module_layers;
mod module_tree;
mod reached;
mod repository;
mod rust_paths;
mod scrub;
mod unsafe_code;
mod words;
