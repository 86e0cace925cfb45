//! Enters the production confinement with the rules of the table of decisions, and tries each place
//! of the table.
//!
//! `decide BASE`: the policy is `decisions.toml` with BASE in the place of its word. For each line
//! of `decisions.tsv` that names a place it prints what the kernel lets this process do there:
//! `write`, `read` or `nothing`. Whoever asks does not count here: the kernel's answer is the same
//! for all peers, and that is the point.

#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program of the tests"
)]

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use darkslide_daemon::confine::{Rule, enter};
use darkslide_policy::{AbsPath, Place, Platform, Policy, Strictness, Uid, World};
use darkslide_protocol::method::METHODS;

const POLICY: &str = include_str!("../../policy/src/decisions.toml");
const TABLE: &str = include_str!("../../policy/src/decisions.tsv");

fn main() {
    let base = std::env::args().nth(1).expect("a folder");
    let methods = METHODS.iter().map(|row| row.name).collect();
    let home = AbsPath::parse("/nowhere", None).unwrap();
    let world = World { home, uid: Uid::new(1000), methods, platform: Platform::Linux };
    let policy = Policy::parse(&POLICY.replace("BASE", &base), &world).unwrap();
    let rules = policy.kernel_rules();
    let handles: Vec<File> =
        rules.iter().map(|rule| File::open(rule.path.as_str()).unwrap()).collect();
    let rules_of_the_kernel: Vec<Rule<'_>> = rules
        .iter()
        .zip(&handles)
        .map(|(rule, handle)| Rule {
            what: rule.place.to_string(),
            handle: handle.as_fd(),
            access: rule.access,
        })
        .collect();
    let _confined = enter(&rules_of_the_kernel, Strictness::Required).unwrap();
    for (number, line) in TABLE.lines().filter(|line| !line.starts_with('#')).enumerate() {
        let object = line.split('\t').nth(2).expect("an object");
        if let Some(place) = place_of(object, &base, &policy) {
            println!("{}", allowed(&place, number));
        }
    }
}

/// The folder that a line is about; `None` where it is about none.
fn place_of(object: &str, base: &str, policy: &Policy) -> Option<PathBuf> {
    let named = |wanted: &str| {
        let rules = policy.kernel_rules();
        let rule = rules.iter().find(|rule| match &rule.place {
            Place::Library(name) => format!("library {name}") == wanted,
            Place::Root(name) => format!("root {name}") == wanted,
            Place::Referenced(_) => false,
        });
        rule.map_or_else(|| Path::new(base).join("none"), |rule| PathBuf::from(rule.path.as_str()))
    };
    match object.split(' ').collect::<Vec<_>>().as_slice() {
        ["library", name] => Some(named(&format!("library {name}"))),
        ["root", name, "."] => Some(named(&format!("root {name}"))),
        ["root", name, below] => Some(named(&format!("root {name}")).join(below)),
        ["path", path] => Some(PathBuf::from(path.replace("BASE", base))),
        _ => None,
    }
}

fn allowed(folder: &Path, number: usize) -> &'static str {
    // Another name each time: the call of std that removes a file is one that the daemon does not
    // have.
    if File::create_new(folder.join(format!("probe-{number}"))).is_ok() {
        "write"
    } else if std::fs::read_dir(folder).is_ok() {
        "read"
    } else {
        "nothing"
    }
}
