//! What the rules need of a `Cargo.toml`: the package, its dependencies on our own, its targets.
//!
//! A scan by lines, for the way our manifests are written (one dependency a line, `[[test]]` with
//! `name` and `path`); it complains where it cannot tell. It repeats what Cargo finds by itself:
//! `src/lib.rs`, `src/main.rs`, `src/bin/`, `tests/`, `examples/`, `benches/`, `build.rs`.

use crate::repository::{Complaint, Repository, SourceFile, folder_of, join};

/// How the names of our packages begin.
pub(crate) const OWN_PREFIX: &str = "darkslide-";

/// A dependency on a package of ours.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) package: String,
    pub(crate) line: usize,
    /// For tests, benches and examples only.
    pub(crate) dev: bool,
}

/// A package of the repository.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) manifest: String,
    pub(crate) name: String,
    pub(crate) own_dependencies: Vec<Dependency>,
    /// Paths of the root files of its targets.
    pub(crate) roots: Vec<String>,
}

/// Returns all packages, and what is wrong with their manifests.
pub(crate) fn packages(repository: &Repository) -> (Vec<Package>, Vec<Complaint>) {
    let mut found = Vec::new();
    let mut complaints = Vec::new();
    for file in repository.files() {
        let is_manifest = file.path().rsplit('/').next() == Some("Cargo.toml");
        if is_manifest && file.text().contains("[package]") {
            found.push(package(repository, file, &mut complaints));
        }
    }
    (found, complaints)
}

fn package(
    repository: &Repository,
    manifest: &SourceFile,
    complaints: &mut Vec<Complaint>,
) -> Package {
    let folder = folder_of(manifest.path());
    let mut package = Package {
        manifest: manifest.path().to_owned(),
        name: String::new(),
        own_dependencies: Vec::new(),
        roots: found_by_cargo(repository, folder),
    };
    let mut section = "";
    for (number, line) in manifest.lines() {
        let line = line.trim();
        if line.starts_with('[') {
            section = line.trim_matches(['[', ']']);
            let owner = section.rsplit('.').next().unwrap_or_default();
            if section.contains("dependencies.") && owner.starts_with(OWN_PREFIX) {
                let text = "write a dependency on our own in one line, where the rules see it";
                complaints.push(Complaint::new(manifest.path(), number, text));
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let (key, value) = (key.trim().trim_matches('"'), value.trim().trim_matches('"'));
        match (section, key) {
            ("package", "name") => value.clone_into(&mut package.name),
            ("lib" | "bin" | "test" | "bench" | "example", "path") => {
                match join(folder, value).filter(|path| repository.has(path)) {
                    Some(path) => package.roots.push(path),
                    None => complaints.push(Complaint::new(
                        manifest.path(),
                        number,
                        format!("the target `{value}` is not there"),
                    )),
                }
            }
            _ if section.ends_with("dependencies") && key.starts_with(OWN_PREFIX) => {
                package.own_dependencies.push(Dependency {
                    package: key.split('.').next().unwrap_or_default().to_owned(),
                    line: number,
                    dev: section.ends_with("dev-dependencies"),
                });
            }
            _ => {}
        }
    }
    package.roots.sort();
    package.roots.dedup();
    package
}

fn found_by_cargo(repository: &Repository, folder: &str) -> Vec<String> {
    const ALONE: [&str; 3] = ["src/lib.rs", "src/main.rs", "build.rs"];
    const FOLDERS: [&str; 4] = ["src/bin", "tests", "examples", "benches"];
    let below = |path: &str| join(folder, path).expect("a path of ours does not go up");
    let mut roots: Vec<String> = ALONE.map(below).to_vec();
    for file in repository.rust() {
        for auto in FOLDERS.map(below) {
            let Some(rest) = file.path().strip_prefix(&auto).and_then(|r| r.strip_prefix('/'))
            else {
                continue;
            };
            let is_root = match rest.split_once('/') {
                None => true,
                Some((_, inner)) => inner == "main.rs",
            };
            if is_root {
                roots.push(file.path().to_owned());
            }
        }
    }
    roots.retain(|path| repository.has(path));
    roots
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repository::assert_says;

    #[test]
    fn reads_names_dependencies_and_targets() {
        let sample = Repository::sample(&[
            (
                "a/Cargo.toml",
                "[package]\nname = \"darkslide-a\"\n[dependencies]\ndarkslide-b.workspace = true\n\
                 serde = \"1\"\n[dev-dependencies]\ndarkslide-c = { path = \"../c\" }\n\
                 [[test]]\nname = \"x\"\npath = \"../e2e/x.rs\"\n",
            ),
            ("a/src/lib.rs", ""),
            ("a/src/inner.rs", ""),
            ("a/src/bin/tool.rs", ""),
            ("a/tests/one/main.rs", ""),
            ("a/tests/one/part.rs", ""),
            ("e2e/x.rs", ""),
        ]);
        let (packages, complaints) = packages(&sample);
        assert_says(complaints, &[]);
        let [package] = packages.as_slice() else { panic!("one package") };
        assert_eq!(package.name, "darkslide-a");
        let own: Vec<_> =
            package.own_dependencies.iter().map(|d| (d.package.as_str(), d.dev)).collect();
        assert_eq!(own, [("darkslide-b", false), ("darkslide-c", true)]);
        assert_eq!(
            package.roots,
            ["a/src/bin/tool.rs", "a/src/lib.rs", "a/tests/one/main.rs", "e2e/x.rs"]
        );
    }

    #[test]
    fn names_targets_that_are_not_there_and_hidden_dependencies() {
        let text = "[package]\n[dependencies.darkslide-b]\n[[bin]]\npath = \"gone.rs\"\n";
        assert_says(
            packages(&Repository::sample(&[("Cargo.toml", text)])).1,
            &[
                "Cargo.toml:2: write a dependency on our own in one line, where the rules see it",
                "Cargo.toml:4: the target `gone.rs` is not there",
            ],
        );
    }
}
