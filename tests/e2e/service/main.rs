//! Whole-system tests of `darkslided` over its socket, as clients and attackers meet it.
//!
//! Each test has a daemon, a policy, a library and roots of its own below a temporary folder; every
//! daemon is confined as in production. Numbers such as A04 name the attack cases of
//! `docs/known-attacks.md`.

#![forbid(unsafe_code)]
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests")]

// Adopts as systemd hands over.
#[cfg(target_os = "linux")]
mod activation;
mod audit;
mod bad_input;
mod cancel;
mod changes;
mod confined;
mod descriptors;
mod discover;
mod ending;
mod errors;
mod events;
mod exports;
mod extract;
// Adopts as systemd hands over, and becomes other users.
#[cfg(target_os = "linux")]
mod guests;
mod jobs;
mod limits;
mod policy_file;
mod privacy;
mod probes;
mod python;
mod quotas;
// One thread of another uid, as Linux has it.
#[cfg(target_os = "linux")]
mod reload;
mod socket;
// Looks into `/proc`.
#[cfg(target_os = "linux")]
mod surroundings;
mod vectors;
mod verify;
mod whitelist;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use darkslide_fixture::{
    AlbumKind, AlbumSpec, AssetSpec, BuiltLibrary, Content, LibraryBuilder, Model,
};
use darkslide_tests::process::PATIENCE;
use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::Peer;
use serde_json::{Value, json};

/// The program under test.
const DARKSLIDED: &str = env!("CARGO_BIN_EXE_darkslided");

/// A small library: five photos in an album, an edited one, a live photo, one that is not on this
/// disk, a hidden one; and a smart album.
fn small_library(folder: &Path) -> BuiltLibrary {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let mut members = Vec::new();
    for seed in 0..5_u8 {
        let photo = AssetSpec::photo(format!("IMG_{seed}.JPG"), Content::jpeg(seed.into()));
        members.push(builder.asset(photo.taken_on(2024, 5, 1 + seed)));
    }
    let edited = AssetSpec::photo("edit.jpg", Content::jpeg(100)).edited(Content::jpeg(101));
    let live = AssetSpec::photo("live.heic", Content::heic(102)).live(Content::mov(103));
    let away = AssetSpec::photo("cloud.jpg", Content::jpeg(104))
        .in_cloud(darkslide_fixture::Version::Original);
    for spec in [edited, live, away] {
        members.push(builder.asset(spec.taken_on(2024, 6, 1)));
    }
    builder.asset(AssetSpec::photo("hidden.jpg", Content::jpeg(105)).taken_on(2024, 6, 2).hidden());
    builder.album(AlbumSpec::new("Summer").members(members));
    builder.album(AlbumSpec::new("Last year").kind(AlbumKind::Smart));
    builder.build(&folder.join("Small.photoslibrary")).unwrap()
}

/// A place, a small library in it, and a daemon that serves both.
fn serve_small() -> (Place, BuiltLibrary, Service) {
    let place = Place::new();
    let library = small_library(place.path());
    let service = place.start(DARKSLIDED, &Place::policy(library.path()));
    (place, library, service)
}

/// Starts an export of everything and waits for its end.
fn export(peer: &mut Peer, destination: &Value) -> Value {
    let spec =
        json!({"spec": {"library": "main", "destination": destination, "include": ["hidden"]}});
    let started = peer.call("export.start", &spec);
    match started.get("result") {
        Some(job) => wait_for(peer, &job["job"]),
        None => started,
    }
}

/// Asks for a job until it is over.
fn wait_for(peer: &mut Peer, job: &Value) -> Value {
    let until = Instant::now() + PATIENCE;
    loop {
        let status = peer.result("job.status", &json!({"job": job}));
        if !["queued", "running"].contains(&status["state"].as_str().unwrap()) {
            return status;
        }
        assert!(Instant::now() < until, "the job does not end: {status}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Every file below a folder, `.darkslide` left out, as relative paths.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten() {
            let entry = entry.unwrap();
            if entry.file_name() == ".darkslide" {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(folder).unwrap().to_path_buf());
            }
        }
    }
    found.sort();
    found
}
