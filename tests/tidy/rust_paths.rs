//! The paths that a text of code names: `crate::a::{b, c::d}` gives `crate::a::b` and
//! `crate::a::c::d`.
//!
//! Only paths that begin with `crate`, `super`, `self` or one of our own crates are of interest;
//! they are found in `use` and in expressions alike. Turbofish and glob end a path. `super` is
//! resolved against the module that the path stands in, inline modules counted.

use crate::module_tree::inline_modules;
use crate::scrub::{is_name_byte, line_of, words};

/// A path as written, resolved: the first part is `crate` or a crate's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RustPath {
    pub(crate) line: usize,
    pub(crate) parts: Vec<String>,
}

impl RustPath {
    /// Returns it as it would be written in `use`.
    pub(crate) fn text(&self) -> String {
        self.parts.join("::")
    }
}

/// Returns the paths in `code`, which is the code of the module at `module` below `crate`.
pub(crate) fn paths(code: &str, module: &[String], crates: &[&str]) -> Vec<RustPath> {
    let inline = inline_modules(code);
    let mut found = Vec::new();
    for first in ["crate", "super", "self"].into_iter().chain(crates.iter().copied()) {
        for at in words(code, first) {
            // `a::super` does not exist, and `$crate` of a macro is whoever defines it: this crate.
            if code[..at].ends_with("::") || !code[at + first.len()..].starts_with("::") {
                continue;
            }
            let outer = inline.iter().filter(|i| i.body.contains(&at)).map(|i| i.name.clone());
            let here: Vec<String> = module.iter().cloned().chain(outer).collect();
            let mut spelled = Vec::new();
            read(&code[at..], &mut Vec::new(), &mut spelled);
            let line = line_of(code, at);
            found.extend(
                spelled.into_iter().map(|parts| RustPath { line, parts: resolve(parts, &here) }),
            );
        }
    }
    found.sort_by_key(|path| path.line);
    found
}

/// Turns a path that begins with `self` or `super` into one that begins with `crate`.
fn resolve(parts: Vec<String>, here: &[String]) -> Vec<String> {
    let mut base: Vec<String> = match parts.first().map(String::as_str) {
        Some("self" | "super") => here.to_vec(),
        _ => return parts,
    };
    let mut rest = parts.into_iter().peekable();
    while let Some(part) = rest.next_if(|part| part == "self" || part == "super") {
        if part == "super" {
            base.pop();
        }
    }
    std::iter::once("crate".to_owned()).chain(base).chain(rest).collect()
}

/// Reads one path with its braces; returns how many bytes it took.
fn read(text: &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let bytes = text.as_bytes();
    let depth = prefix.len();
    let mut at = 0;
    loop {
        let name = bytes[at..].iter().take_while(|byte| is_name_byte(**byte)).count();
        if name > 0 {
            let name = &text[at..at + name];
            // `{self, a}` names the prefix itself.
            if name != "self" || prefix.is_empty() {
                prefix.push(name.to_owned());
            }
            at += name.len();
            if !text[at..].starts_with("::") {
                break;
            }
            at += 2;
        } else if bytes.get(at) == Some(&b'{') {
            at += braces(&text[at..], prefix, found);
            prefix.truncate(depth);
            return at;
        } else {
            break;
        }
    }
    if prefix.len() > depth || depth > 0 {
        found.push(prefix.clone());
    }
    prefix.truncate(depth);
    at
}

fn braces(text: &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'}' => return at + 1,
            b'{' => at += read(&text[at..], prefix, found),
            _ if is_name_byte(byte) => {
                at += read(&text[at..], prefix, found);
                at += skip_alias(&text[at..]);
            }
            _ => at += 1,
        }
    }
    at
}

/// Returns the length of ` as name`, if it stands here.
fn skip_alias(text: &str) -> usize {
    let Some(rest) = text.trim_start().strip_prefix("as ") else {
        return 0;
    };
    let name = rest.trim_start();
    let length = name.bytes().take_while(|byte| is_name_byte(*byte)).count();
    text.len() - name.len() + length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: &str, expected: &[&str]) {
        let module = ["server".to_owned(), "peer".to_owned()];
        let found: Vec<_> = paths(code, &module, &["darkslide_policy"])
            .into_iter()
            .map(|path| format!("{} {}", path.line, path.text()))
            .collect();
        assert_eq!(found, expected, "of {code}");
    }

    #[test]
    fn reads_uses_and_expressions() {
        check("use crate::a::b;", &["1 crate::a::b"]);
        check("x();\ncrate::a::f::<u8>(1)", &["2 crate::a::f"]);
        check("use crate::a::*;", &["1 crate::a"]);
        check(
            "use darkslide_policy::{Grant, peer};",
            &["1 darkslide_policy::Grant", "1 darkslide_policy::peer"],
        );
        check("my_crate::a; $crate::b", &["1 crate::b"]);
    }

    #[test]
    fn expands_nested_braces() {
        check(
            "use crate::{a::{self, b as c, d::*}, e};",
            &["1 crate::a", "1 crate::a::b", "1 crate::a::d", "1 crate::e"],
        );
    }

    #[test]
    fn resolves_super_and_self_against_the_module() {
        check("use super::listener::X;", &["1 crate::server::listener::X"]);
        check("use super::super::jobs;", &["1 crate::jobs"]);
        check("use self::inner::Y;", &["1 crate::server::peer::inner::Y"]);
        check(
            "mod t { use super::*; use super::super::z; }",
            &["1 crate::server::peer", "1 crate::server::z"],
        );
    }

    #[test]
    fn reads_a_use_over_several_lines_once() {
        check("use crate::{\n    a,\n    b::C,\n};", &["1 crate::a", "1 crate::b::C"]);
    }
}
