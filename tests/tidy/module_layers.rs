//! Rule: the modules of the daemon import downwards only; the layer table is the constant below.
//!
//! Crates keep layers 0 to 3 by themselves; above, all is one crate, so the text is scanned for
//! `crate::`, `super::` and our crates' names, in `use` and in expressions. What is compiled for
//! tests only is free. A module that the table does not name is a complaint: give it a layer first.

use crate::manifest::packages;
use crate::module_tree::{Module, tree};
use crate::repository::{Complaint, Repository, SourceFile, assert_says, assert_tidy};
use crate::rust_paths::{RustPath, paths};
use crate::scrub::without_tests;

/// The crate whose modules are held.
const CRATE_ROOT: &str = "daemon/src/lib.rs";
const CRATES: [&str; 7] = [
    "darkslide_door",
    "darkslide_export",
    "darkslide_library",
    "darkslide_policy",
    "darkslide_protocol",
    "darkslide_sys",
    "darkslide_client",
];

/// Modules of one layer: what of the lower modules and of the crates below they may import.
struct Layer {
    number: u8,
    modules: &'static [&'static str],
    /// Layers; its own is in the list only where its modules may import each other.
    modules_of: &'static [u8],
    /// Crates, or modules of crates.
    crates: &'static [&'static str],
}

const LOWER_CRATES: &[&str] = &[
    "darkslide_door",
    "darkslide_export",
    "darkslide_library",
    "darkslide_policy",
    "darkslide_protocol",
    "darkslide_sys",
];

const LAYERS: &[Layer] = &[
    Layer { number: 4, modules: &["clock"], modules_of: &[], crates: &[] },
    Layer { number: 5, modules: &["telemetry"], modules_of: &[4], crates: &[] },
    Layer { number: 6, modules: &["audit", "confine"], modules_of: &[4, 5], crates: LOWER_CRATES },
    // Every thread begins with the question whether it is confined.
    Layer { number: 7, modules: &["threads"], modules_of: &[4, 5, 6], crates: &[] },
    Layer {
        number: 8,
        modules: &["events"],
        modules_of: &[4],
        crates: &["darkslide_policy", "darkslide_protocol"],
    },
    Layer { number: 9, modules: &["jobs"], modules_of: &[4, 5, 7, 8], crates: LOWER_CRATES },
    Layer {
        number: 10,
        modules: &["service"],
        modules_of: &[4, 5, 6, 7, 8, 9],
        crates: LOWER_CRATES,
    },
    Layer {
        number: 11,
        modules: &["server"],
        modules_of: &[4, 5, 7, 10],
        crates: &["darkslide_protocol", "darkslide_policy::peer", "darkslide_sys"],
    },
    // The root file (`lib.rs`) counts as a module without a name.
    Layer {
        number: 12,
        modules: &["boot", "offline", "private", ""],
        modules_of: &[4, 5, 6, 7, 8, 9, 10, 11, 12],
        crates: LOWER_CRATES,
    },
];

/// Names that a crate shows at its root and that belong to a module of it.
const SHOWN_AT_THE_ROOT: &[(&str, &str)] = &[
    ("darkslide_policy::Code", "darkslide_policy::peer"),
    ("darkslide_policy::CodeRequirement", "darkslide_policy::peer"),
    ("darkslide_policy::Gid", "darkslide_policy::peer"),
    ("darkslide_policy::Peer", "darkslide_policy::peer"),
    ("darkslide_policy::Pid", "darkslide_policy::peer"),
    ("darkslide_policy::Uid", "darkslide_policy::peer"),
];

fn check(repository: &Repository) -> Vec<Complaint> {
    let (packages, _) = packages(repository);
    let (reached, _) = tree(repository, &packages);
    let mut complaints = Vec::new();
    for (path, modules) in &reached {
        let Some(file) = repository.get(path) else {
            continue;
        };
        for module in modules.iter().filter(|m| m.root == CRATE_ROOT && !m.test_only) {
            complaints.extend(check_file(file, module));
        }
    }
    complaints
}

fn check_file(file: &SourceFile, module: &Module) -> Vec<Complaint> {
    let name = module.path.first().map_or("", String::as_str);
    let Some(layer) = layer_of(name) else {
        let text = format!("module `{name}` has no layer (tests/tidy/module_layers.rs)");
        return vec![Complaint::new(file.path(), 0, text)];
    };
    paths(&without_tests(file.code()), &module.path, &CRATES)
        .iter()
        .filter_map(|path| {
            let why = refusal(name, layer, path)?;
            Some(Complaint::new(file.path(), path.line, why))
        })
        .collect()
}

/// Returns why a module may not name that path, or none if it may.
fn refusal(name: &str, layer: &Layer, path: &RustPath) -> Option<String> {
    let shown = if name.is_empty() { "lib.rs" } else { name };
    let [first, rest @ ..] = path.parts.as_slice() else {
        return None;
    };
    if first != "crate" {
        let text = path.text();
        let meant = SHOWN_AT_THE_ROOT.iter().find(|(root, _)| is_below(&text, root));
        let meant = meant.map_or(text.as_str(), |(_, module)| module);
        let allowed = layer.crates.iter().any(|allowed| is_below(meant, allowed));
        return (!allowed)
            .then(|| format!("{shown} (layer {}) -> {text}: not for this layer", layer.number));
    }
    let target = rest.first().map_or("", String::as_str);
    // A name with a capital is an item of the root itself.
    let target = if target.starts_with(|c: char| c.is_uppercase()) { "" } else { target };
    if target == name {
        return None;
    }
    let Some(below) = layer_of(target) else {
        return Some(format!("{shown} -> {}: `{target}` has no layer", path.text()));
    };
    if layer.modules_of.contains(&below.number) {
        return None;
    }
    let direction = match below.number.cmp(&layer.number) {
        std::cmp::Ordering::Greater => "points upward",
        std::cmp::Ordering::Equal => "stays in its layer",
        std::cmp::Ordering::Less => "leads to a layer that it may not see",
    };
    let target = if target.is_empty() { "lib.rs" } else { target };
    Some(format!(
        "{shown} (layer {}) -> {target} (layer {}) {direction}: {}",
        layer.number,
        below.number,
        path.text()
    ))
}

fn layer_of(module: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.modules.contains(&module))
}

fn is_below(path: &str, parent: &str) -> bool {
    path.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

#[test]
fn daemon_modules_import_downwards_only() {
    assert_tidy(check);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(path: &str, text: &str, expected: &[&str]) {
        const MODULES: [&str; 8] =
            ["clock", "confine", "audit", "jobs", "service", "server", "boot", "private"];
        let root: &'static str = MODULES.map(|module| format!("mod {module};")).concat().leak();
        let mut files = vec![
            ("daemon/Cargo.toml", "[package]\nname = \"darkslide-daemon\"\n"),
            ("daemon/src/lib.rs", root),
        ];
        for module in MODULES {
            let file: &'static str = format!("daemon/src/{module}.rs").leak();
            files.push((file, if file == path { text } else { "" }));
        }
        assert_says(check(&Repository::sample(&files)), expected);
    }

    #[test]
    fn allows_arrows_that_point_down() {
        check_one("daemon/src/service.rs", "use crate::{clock, jobs::State};", &[]);
        check_one("daemon/src/service.rs", "use darkslide_policy::Ask;", &[]);
        check_one("daemon/src/server.rs", "use crate::service::call; use self::x::Y;", &[]);
        check_one("daemon/src/server.rs", "use darkslide_policy::{Peer, peer::Facts};", &[]);
        check_one("daemon/src/private.rs", "use crate::boot::Loaded;", &[]);
        check_one("daemon/src/jobs.rs", "// crate::server\n", &[]);
        check_one("daemon/src/jobs.rs", "#[cfg(test)]\nmod tests { use crate::boot; }", &[]);
        check_one("daemon/src/jobs.rs", "mod inner { use super::State; }", &[]);
    }

    #[test]
    fn names_arrows_that_do_not() {
        check_one(
            "daemon/src/jobs.rs",
            "\nuse crate::service::x;\nfn f() { super::server::y() }",
            &[
                "daemon/src/jobs.rs:2: jobs (layer 9) -> service (layer 10) points upward: \
                 crate::service::x",
                "daemon/src/jobs.rs:3: jobs (layer 9) -> server (layer 11) points upward: \
                 crate::server::y",
            ],
        );
        check_one(
            "daemon/src/confine.rs",
            "use crate::audit::Chain;",
            &["daemon/src/confine.rs:1: confine (layer 6) -> audit (layer 6) stays in its layer: \
               crate::audit::Chain"],
        );
        check_one(
            "daemon/src/server.rs",
            "use crate::jobs::Job;",
            &["daemon/src/server.rs:1: server (layer 11) -> jobs (layer 9) leads to a layer that \
               it may not see: crate::jobs::Job"],
        );
        check_one(
            "daemon/src/service.rs",
            "use crate::Daemon;",
            &["daemon/src/service.rs:1: service (layer 10) -> lib.rs (layer 12) points upward: \
               crate::Daemon"],
        );
    }

    #[test]
    fn names_crates_that_are_not_for_a_layer() {
        check_one(
            "daemon/src/server.rs",
            "use darkslide_door::RootDir;",
            &[
                "daemon/src/server.rs:1: server (layer 11) -> darkslide_door::RootDir: not for this \
               layer",
            ],
        );
        check_one(
            "daemon/src/boot.rs",
            "use darkslide_client::Client;",
            &["daemon/src/boot.rs:1: boot (layer 12) -> darkslide_client::Client: not for this \
               layer"],
        );
    }

    #[test]
    fn names_modules_without_a_layer() {
        let sample = Repository::sample(&[
            ("daemon/Cargo.toml", "[package]\nname = \"darkslide-daemon\"\n"),
            ("daemon/src/lib.rs", "mod novel;"),
            ("daemon/src/novel.rs", ""),
        ]);
        assert_says(
            check(&sample),
            &["daemon/src/novel.rs: module `novel` has no layer (tests/tidy/module_layers.rs)"],
        );
    }
}
