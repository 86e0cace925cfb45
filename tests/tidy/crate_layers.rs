//! Rule: which of our packages may depend on which, as a table; and which modules of another crate
//! count.
//!
//! Cargo forbids cycles, but not a new arrow: `protocol` on `policy`, or the command line on the
//! door, would build. The table is that of the layers in `docs/architecture.md`. What tests need
//! (dev-dependencies) is free, for a test may look at everything; what ships is not.

use crate::manifest::packages;
use crate::repository::{Complaint, Repository, assert_says, assert_tidy};
use crate::rust_paths::paths;
use crate::scrub::without_tests;

/// A package, its layer as a person reads it, and the packages that it may depend on.
struct Row {
    package: &'static str,
    layer: &'static str,
    may_use: &'static [&'static str],
}

const fn row(layer: &'static str, package: &'static str, may_use: &'static [&'static str]) -> Row {
    Row { package, layer, may_use }
}

const LAYERS: &[Row] = &[
    row("0", "darkslide-protocol", &[]),
    row("0", "darkslide-policy", &[]),
    row("0", "darkslide-sys", &[]),
    row("1", "darkslide-door", &["darkslide-policy", "darkslide-sys"]),
    row("2", "darkslide-library", &["darkslide-door", "darkslide-policy", "darkslide-protocol"]),
    row(
        "3",
        "darkslide-export",
        &["darkslide-door", "darkslide-library", "darkslide-policy", "darkslide-protocol"],
    ),
    row(
        "4-8",
        "darkslide-daemon",
        &[
            "darkslide-door",
            "darkslide-export",
            "darkslide-library",
            "darkslide-policy",
            "darkslide-protocol",
            "darkslide-sys",
        ],
    ),
    row("C", "darkslide-client", &["darkslide-protocol"]),
    row(
        "C",
        "darkslide-cli",
        &["darkslide-client", "darkslide-daemon", "darkslide-fixture", "darkslide-protocol"],
    ),
    row("T", "darkslide-fixture", &[]),
    row("T", "darkslide-tests", ANY),
    row("T", "darkslide-bench", ANY),
    row("T", "darkslide-bench-beside", &[]),
    row("T", "darkslide-fuzz", ANY),
];

/// The tests may use all.
const ANY: &[&str] = &["*"];

/// Where only a part of another crate may be used: below this folder, of that crate, these modules.
const PARTS: &[(&str, &str, &[&str])] = &[
    ("daemon/library/src/", "darkslide_protocol", &["field", "filter", "value"]),
    ("daemon/export/src/", "darkslide_protocol", &["field", "filter", "value"]),
    ("client/cli/src/", "darkslide_daemon", &["offline", "private"]),
];

fn check(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = packages_keep_their_layer(repository);
    complaints.extend(only_parts_are_used(repository));
    complaints
}

fn packages_keep_their_layer(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for package in packages(repository).0 {
        let Some(row) = LAYERS.iter().find(|row| row.package == package.name) else {
            let text = format!("package `{}` has no layer (tests/tidy)", package.name);
            complaints.push(Complaint::new(&package.manifest, 0, text));
            continue;
        };
        let free = row.may_use == ANY;
        for used in package.own_dependencies.iter().filter(|used| !used.dev && !free) {
            if !row.may_use.contains(&used.package.as_str()) {
                let layer = LAYERS.iter().find(|row| row.package == used.package);
                let text = format!(
                    "{} (layer {}) -> {} (layer {}): not an arrow of the table",
                    row.package,
                    row.layer,
                    used.package,
                    layer.map_or("?", |row| row.layer),
                );
                complaints.push(Complaint::new(&package.manifest, used.line, text));
            }
        }
    }
    complaints
}

fn only_parts_are_used(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for file in repository.rust() {
        for (folder, used, parts) in PARTS {
            if !file.path().starts_with(folder) {
                continue;
            }
            for path in paths(&without_tests(file.code()), &[], &[used]) {
                let [first, second, ..] = path.parts.as_slice() else {
                    continue;
                };
                if first == used && !parts.contains(&second.as_str()) {
                    let text = format!(
                        "{}: of {used} only {} is for this crate",
                        path.text(),
                        parts.join(", ")
                    );
                    complaints.push(Complaint::new(file.path(), path.line, text));
                }
            }
        }
    }
    complaints
}

#[test]
fn packages_depend_downwards_only() {
    assert_tidy(check);
}

#[test]
fn names_the_arrow_that_is_not_in_the_table() {
    let sample = Repository::sample(&[
        (
            "protocol/Cargo.toml",
            "[package]\nname = \"darkslide-protocol\"\n[dependencies]\ndarkslide-policy.workspace = true\n",
        ),
        (
            "policy/Cargo.toml",
            "[package]\nname = \"darkslide-policy\"\n[dev-dependencies]\ndarkslide-daemon.workspace = true\n",
        ),
        ("new/Cargo.toml", "[package]\nname = \"darkslide-new\"\n"),
    ]);
    assert_says(
        check(&sample),
        &[
            "new/Cargo.toml: package `darkslide-new` has no layer (tests/tidy)",
            "protocol/Cargo.toml:4: darkslide-protocol (layer 0) -> darkslide-policy (layer 0): \
             not an arrow of the table",
        ],
    );
}

#[test]
fn names_the_use_of_what_is_not_for_that_crate() {
    let sample = Repository::sample(&[(
        "daemon/library/src/db.rs",
        "use darkslide_protocol::{filter::Filter, envelope};\n\
         #[cfg(test)]\nmod tests { use darkslide_protocol::method; }",
    )]);
    assert_says(
        check(&sample),
        &["daemon/library/src/db.rs:1: darkslide_protocol::envelope: of darkslide_protocol only \
           field, filter, value is for this crate"],
    );
}
