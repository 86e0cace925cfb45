//! Which file is which module: follows `mod`, `#[path]` and `include!` from the roots of all
//! targets.
//!
//! Only what is written as code counts, wherever it stands; declarations that a macro makes are not
//! seen. The hazard: a file that no `mod` names is never compiled, its tests never run, and nobody
//! notices.

use std::collections::BTreeMap;

use crate::manifest::Package;
use crate::repository::{Complaint, Repository, SourceFile, folder_of, join};
use crate::scrub;

/// A file as a part of a crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) package: String,
    /// The root file of the crate that it is a part of.
    pub(crate) root: String,
    /// The path below `crate`; empty for the root.
    pub(crate) path: Vec<String>,
    /// Compiled for tests only.
    pub(crate) test_only: bool,
}

/// An inline module: where its body stands.
#[derive(Debug)]
pub(crate) struct Inline {
    pub(crate) name: String,
    pub(crate) body: std::ops::Range<usize>,
}

/// Returns every file that is reached, with what it is (one entry per crate that it belongs to).
pub(crate) fn tree(
    repository: &Repository,
    packages: &[Package],
) -> (BTreeMap<String, Vec<Module>>, Vec<Complaint>) {
    let mut walk = Walk { repository, reached: BTreeMap::new(), complaints: Vec::new() };
    for package in packages {
        for root in &package.roots {
            let module = Module {
                package: package.name.clone(),
                root: root.clone(),
                path: Vec::new(),
                test_only: false,
            };
            walk.file(root, &module, folder_of(root));
        }
    }
    (walk.reached, walk.complaints)
}

/// Returns the inline modules of a text of code, outer ones before inner ones.
pub(crate) fn inline_modules(code: &str) -> Vec<Inline> {
    declarations(code)
        .filter_map(|declaration| {
            let open = declaration.opens?;
            let mut depth = 0_usize;
            let end = code.bytes().enumerate().skip(open).find_map(|(offset, byte)| {
                match byte {
                    b'{' => depth += 1,
                    b'}' => depth -= 1,
                    _ => {}
                }
                (depth == 0).then_some(offset)
            });
            Some(Inline { name: declaration.name, body: open..end.unwrap_or(code.len()) })
        })
        .collect()
}

/// A `mod name;` or `mod name {`.
struct Declaration {
    name: String,
    at: usize,
    /// The `{`, where there is one.
    opens: Option<usize>,
}

fn declarations(code: &str) -> impl Iterator<Item = Declaration> {
    scrub::words(code, "mod").filter_map(|at| {
        let rest = &code[at + 3..];
        let trimmed = rest.trim_start();
        let name: String =
            trimmed.bytes().take_while(|b| scrub::is_name_byte(*b)).map(char::from).collect();
        let after = trimmed[name.len()..].trim_start();
        let blank_before_name = rest.len() > trimmed.len();
        let offset = code.len() - after.len();
        match after.bytes().next() {
            Some(b';') if blank_before_name => Some(Declaration { name, at, opens: None }),
            Some(b'{') if blank_before_name => Some(Declaration { name, at, opens: Some(offset) }),
            _ => None,
        }
    })
}

struct Walk<'a> {
    repository: &'a Repository,
    reached: BTreeMap<String, Vec<Module>>,
    complaints: Vec<Complaint>,
}

impl Walk<'_> {
    /// Enters a file whose child modules are looked for in `folder`.
    fn file(&mut self, path: &str, module: &Module, folder: &str) {
        let modules = self.reached.entry(path.to_owned()).or_default();
        if modules.contains(module) {
            return;
        }
        modules.push(module.clone());
        let Some(file) = self.repository.get(path) else {
            return;
        };
        let code = file.code();
        let inline = inline_modules(code);
        let tests = scrub::test_items(code);
        for child in declarations(code).filter(|child| child.opens.is_none()) {
            let outer: Vec<&str> = inline
                .iter()
                .filter(|inline| inline.body.contains(&child.at))
                .map(|inline| inline.name.as_str())
                .collect();
            let attribute_range = |range: &std::ops::Range<usize>| range.contains(&child.at);
            let mut names = module.path.clone();
            names.extend(outer.iter().map(|name| (*name).to_owned()));
            names.push(child.name.clone());
            let found = Module {
                path: names,
                test_only: module.test_only || tests.iter().any(attribute_range),
                ..module.clone()
            };
            self.child(file, &child, &found, folder, &outer);
        }
        for (at, _) in code.match_indices("include!(") {
            if let Some(target) = string_after(file, at).and_then(|t| join(folder_of(path), &t)) {
                self.file(&target, module, folder_of(&target));
            }
        }
    }

    fn child(
        &mut self,
        file: &SourceFile,
        child: &Declaration,
        module: &Module,
        folder: &str,
        outer: &[&str],
    ) {
        let line = scrub::line_of(file.text(), child.at);
        if let Some(path) = path_attribute(file, child.at) {
            match join(folder_of(file.path()), &path).filter(|path| self.repository.has(path)) {
                Some(path) => self.file(&path, module, folder_of(&path)),
                None => {
                    let text = format!("`#[path]` leads to no file: {path}");
                    self.complaints.push(Complaint::new(file.path(), line, text));
                }
            }
            return;
        }
        let folder = [&[folder], outer].concat().join("/");
        let below = join(&folder, &child.name).expect("a name does not go up");
        let candidates = [format!("{below}.rs"), format!("{below}/mod.rs")];
        match candidates.iter().find(|path| self.repository.has(path)) {
            Some(path) => self.file(path, module, &below),
            None => {
                let text = format!("`mod {}` leads to no file", child.name);
                self.complaints.push(Complaint::new(file.path(), line, text));
            }
        }
    }
}

/// Returns the value of the `#[path = "..."]` in front of a declaration.
fn path_attribute(file: &SourceFile, at: usize) -> Option<String> {
    let before = &file.code()[..at];
    // The attributes of this declaration stand after the end of whatever comes before it.
    let start = before.rfind([';', '}', '{']).map_or(0, |end| end + 1);
    let attribute = start + before[start..].find("#[path")?;
    string_after(file, attribute)
}

/// Returns the next string literal of the text.
fn string_after(file: &SourceFile, at: usize) -> Option<String> {
    let open = at + file.code()[at..].find('"')? + 1;
    let close = open + file.code()[open..].find('"')?;
    Some(file.text()[open..close].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::packages;
    use crate::repository::assert_says;

    fn reached(files: &[(&str, &str)]) -> (Vec<String>, Vec<Complaint>) {
        let files = [&[("Cargo.toml", "[package]\nname = \"darkslide-a\"\n")], files].concat();
        let sample = Repository::sample(&files);
        let (tree, complaints) = tree(&sample, &packages(&sample).0);
        let lines = tree
            .iter()
            .flat_map(|(path, modules)| modules.iter().map(move |module| (path, module)))
            .map(|(path, m)| {
                format!("{path} {}{}", m.path.join("::"), if m.test_only { " test" } else { "" })
            })
            .collect();
        (lines, complaints)
    }

    #[test]
    fn follows_declarations_of_every_form() {
        let (lines, complaints) = reached(&[
            ("src/lib.rs", "pub mod a;\nmod in_line { mod deep; }\n#[cfg(test)]\nmod t;\n"),
            ("src/a.rs", "mod b; // mod not_this;\n"),
            ("src/a/b.rs", "include!(\"table.in\");"),
            ("src/a/table.in", ""),
            ("src/in_line/deep.rs", "#[path = \"../../other/far.rs\"]\nmod far;"),
            ("src/t/mod.rs", "mod u;"),
            ("src/t/u.rs", ""),
            ("other/far.rs", ""),
        ]);
        assert_says(complaints, &[]);
        assert_eq!(
            lines,
            [
                "other/far.rs in_line::deep::far",
                "src/a.rs a",
                "src/a/b.rs a::b",
                "src/a/table.in a::b",
                "src/in_line/deep.rs in_line::deep",
                "src/lib.rs ",
                "src/t/mod.rs t test",
                "src/t/u.rs t::u test",
            ]
        );
    }

    #[test]
    fn names_declarations_that_lead_nowhere() {
        let text = "mod gone;\n#[path = \"x.rs\"] mod lost;";
        assert_says(
            reached(&[("src/lib.rs", text)]).1,
            &[
                "src/lib.rs:1: `mod gone` leads to no file",
                "src/lib.rs:2: `#[path]` leads to no file: x.rs",
            ],
        );
    }
}
