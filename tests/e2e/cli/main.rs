//! Whole-system tests of `darkslide`: what a person types, what comes out, how it ends.
//!
//! With `--library` the CLI starts its private daemon, under the production filters like every
//! daemon. Tests on real libraries work on unpacked copies and prove that nothing of them changed;
//! where the libraries are not at hand they say that they were skipped.

#![forbid(unsafe_code)]
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests")]

mod audit;
mod changes;
// Counts open descriptors, as Linux has them.
#[cfg(target_os = "linux")]
mod chaos;
mod clients;
mod demo;
// Mounts and other users, as Linux has them.
#[cfg(target_os = "linux")]
mod doctor;
mod errors;
mod examples;
mod first_minute;
mod following;
mod gateway;
mod held;
mod jobs;
mod look;
// Namespaces, as Linux has them.
#[cfg(target_os = "linux")]
mod manager;
mod open;
mod operations;
mod plans;
mod poor_disks;
mod real_exports;
mod records;
mod said;
// Their units are those of systemd.
#[cfg(target_os = "linux")]
mod service_command;
#[cfg(target_os = "linux")]
mod service_units;
mod sums;
// Watches processes by descriptors, as Linux has them.
#[cfg(target_os = "linux")]
mod supervisor;
mod telling;
mod through_the_service;
mod verify;

use std::path::Path;
use std::process::Command;

use darkslide_tests::process::command;

/// The program under test.
const DARKSLIDE: &str = env!("CARGO_BIN_EXE_darkslide");

/// `darkslide` with a home of the test's own.
fn darkslide(home: &Path) -> Command {
    command(Path::new(DARKSLIDE), home)
}

/// The same on a library, by a private daemon.
fn on_library(home: &Path, library: &Path) -> Command {
    let mut command = darkslide(home);
    command.arg("--library").arg(library);
    command
}
