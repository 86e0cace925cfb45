//! Rule: what the tables in the code name, the pages explain: methods, errors, fields, filters,
//! policy keys, test command.
//!
//! Names are found by convention, each written at its function below; where none is found, the
//! convention was left and that is a complaint too, so that the rule cannot fall silent.

use crate::repository::{Complaint, Repository, SourceFile, assert_says, assert_tidy};
use crate::scrub::{is_name_byte, without_tests, words};

const METHODS: &str = "protocol/src/method.rs";
const ERRORS: &str = "protocol/src/error.rs";
const FIELDS: &str = "protocol/src/field.rs";
const FILTERS: &str = "protocol/src/filter/mod.rs";
/// Checked values, and the tables as the file has them.
const POLICY: [&str; 2] = ["policy/src/document.rs", "policy/src/raw.rs"];
const TEST_COMMAND: &str = "cargo test --workspace";

fn check(repository: &Repository) -> Vec<Complaint> {
    let rules = [methods, errors, fields, filter_keys, policy_keys, test_command]
        .map(|rule| rule(repository));
    rules.into_iter().flat_map(|result| result.unwrap_or_else(|missing| vec![missing])).collect()
}

/// What a section of a method has to say, in this order.
const PARTS: [&str; 4] = ["\nParams:", "Result:", "\nErrors:", "\nExample:\n"];

/// Each method has a section of `docs/protocol.md`, its name in backticks, with params, result,
/// errors and an example; the errors are those of the table.
fn methods(repository: &Repository) -> Result<Vec<Complaint>, Complaint> {
    let table = repository.need(METHODS, "the table of methods")?;
    let page = repository.need("docs/protocol.md", "a section for each method")?;
    let names = method_names(table);
    let undocumented = names.iter().filter(|name| section(page.text(), name).is_none());
    let missing = "has no section in docs/protocol.md";
    let mut complaints = said(table, &names, "method", undocumented, missing);
    let errors = repository.get(ERRORS).map(error_names).unwrap_or_default();
    for name in &names {
        let Some(text) = section(page.text(), name) else { continue };
        let mut rest = text;
        for part in PARTS {
            match rest.split_once(part) {
                Some((_, after)) => rest = after,
                None => {
                    let what = format!("`{name}` misses, or has not in its place: {}", part.trim());
                    complaints.push(Complaint::new(page.path(), 0, what));
                }
            }
        }
        let told = text.split_once(PARTS[2]).map_or("", |(_, told)| told);
        let told = told.split("\n\n").next().unwrap_or_default();
        let unknown = told.split(|c: char| !(c.is_ascii_uppercase() || c == '_'));
        let unknown = unknown.filter(|word| word.len() >= 3 && !errors.contains(&(*word).into()));
        complaints.extend(unknown.map(|word| {
            Complaint::new(page.path(), 0, format!("`{name}` names {word}, which is no error"))
        }));
    }
    Ok(complaints)
}

/// What stands below the heading of that name, up to the next heading.
fn section<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (_, text) = page.split_once(&format!("\n### `{name}`\n"))?;
    text.split("\n#").next()
}

/// Each error name stands in `docs/protocol.md` or `docs/errors.md`.
fn errors(repository: &Repository) -> Result<Vec<Complaint>, Complaint> {
    let table = repository.need(ERRORS, "the table of errors")?;
    let page = repository.need("docs/protocol.md", "what errors mean")?;
    let text =
        [page.text(), repository.get("docs/errors.md").map_or("", SourceFile::text)].concat();
    let names = error_names(table);
    let undocumented = names.iter().filter(|name| words(&text, name).next().is_none());
    let what = "is neither in docs/protocol.md nor in docs/errors.md";
    Ok(said(table, &names, "error", undocumented, what))
}

/// The table of fields in `docs/protocol.md` is the list in the code with its words, row by row.
fn fields(repository: &Repository) -> Result<Vec<Complaint>, Complaint> {
    let table = repository.need(FIELDS, "the list of fields")?;
    let page = repository.need("docs/protocol.md", "what each field means")?;
    let rows = field_rows(table);
    let is_row = |line: &&str| line.starts_with("| `");
    let there = page.text().lines().skip_while(|line| *line != "## Fields");
    let there: Vec<&str> = there.skip_while(|line| !is_row(line)).take_while(is_row).collect();
    let differing =
        rows.iter().enumerate().filter(|(at, row)| there.get(*at) != Some(&row.as_str()));
    let mut complaints: Vec<Complaint> = differing
        .take(1)
        .map(|(_, row)| Complaint::new(page.path(), 0, format!("misses the row {row}")))
        .collect();
    if rows.is_empty() || there.len() > rows.len() {
        let text = format!("has {} fields, the code {}", there.len(), rows.len());
        complaints.push(Complaint::new(page.path(), 0, text));
    }
    Ok(complaints)
}

/// A field is a line `Variant = "word",` below its words.
fn field_rows(table: &SourceFile) -> Vec<String> {
    let (mut rows, mut words) = (Vec::new(), Vec::new());
    for line in table.text().lines().map(str::trim) {
        if let Some(said) = line.strip_prefix("/// ") {
            words.push(said);
            continue;
        }
        if let Some((_, word)) = line.split_once(" = \"")
            && let Some(word) = word.strip_suffix("\",")
            && !words.is_empty()
        {
            rows.push(format!("| `{word}` | {} |", words.join(" ")));
        }
        words.clear();
    }
    rows
}

/// Each key of a filter is explained in a row of `docs/protocol.md`, with an example.
fn filter_keys(repository: &Repository) -> Result<Vec<Complaint>, Complaint> {
    let table = repository.need(FILTERS, "the keys of filters")?;
    let page = repository.need("docs/protocol.md", "what each filter means")?;
    let leaf = |line: &str| {
        let word = line.trim().strip_suffix("\",")?.split_once(") = \"")?.1;
        Some(word.to_owned())
    };
    let names: Vec<String> = table.text().lines().filter_map(leaf).collect();
    let undocumented = names.iter().filter(|name| {
        let (quoted, example) = (format!("`{name}`"), format!("`{{\"{name}\": "));
        !page.text().lines().any(|line| {
            line.starts_with("| `") && line.contains(&quoted) && line.contains(&example)
        })
    });
    Ok(said(
        table,
        &names,
        "filter",
        undocumented,
        "has no row with an example in docs/protocol.md",
    ))
}

/// Each key of the policy file stands in `docs/policy.md`.
fn policy_keys(repository: &Repository) -> Result<Vec<Complaint>, Complaint> {
    let first = repository.need(POLICY[0], "the policy file's keys")?;
    let page = repository.need("docs/policy.md", "what each policy key means")?;
    let files = POLICY.iter().filter_map(|path| repository.get(path));
    let mut names: Vec<String> = files.flat_map(key_names).collect();
    names.sort();
    names.dedup();
    let undocumented = names.iter().filter(|name| words(page.text(), name).next().is_none());
    Ok(said(first, &names, "policy key", undocumented, "is not in docs/policy.md"))
}

/// The README's test command is the one that `.ci/run` runs.
fn test_command(repository: &Repository) -> Result<Vec<Complaint>, Complaint> {
    let mut complaints = Vec::new();
    for path in ["README.md", ".ci/run"] {
        let file = repository.need(path, "the test command stands there")?;
        if !file.text().contains(TEST_COMMAND) {
            complaints.push(Complaint::new(path, 0, format!("does not say `{TEST_COMMAND}`")));
        }
    }
    Ok(complaints)
}

fn said<'a>(
    table: &SourceFile,
    names: &[String],
    kind: &str,
    undocumented: impl Iterator<Item = &'a String>,
    what: &str,
) -> Vec<Complaint> {
    if names.is_empty() {
        let text = format!("no {kind} is found here (tests/tidy/docs_in_sync.rs: the convention)");
        return vec![Complaint::new(table.path(), 0, text)];
    }
    undocumented
        .map(|name| Complaint::new(table.path(), 0, format!("{kind} `{name}` {what}")))
        .collect()
}

/// A method is a string literal after the name of its type, `Health = ("health", ...)`; a comma,
/// `:` or `=>` may stand for `= (`; or it is the value of a `const NAME`.
fn method_names(table: &SourceFile) -> Vec<String> {
    let code = without_tests(table.code());
    let mut names = Vec::new();
    for (open, text) in literals(table, &code) {
        let before = code[..open].trim_end();
        let in_a_row = before.strip_suffix('(').map(str::trim_end);
        let before = in_a_row.filter(|row| row.ends_with('=')).unwrap_or(before);
        let before = before.trim_end_matches(['>', '=', ',', ':']).trim_end();
        let start = before.bytes().rposition(|byte| !is_name_byte(byte)).map_or(0, |at| at + 1);
        let is_type = before[start..].starts_with(|c: char| c.is_ascii_uppercase())
            && !before[..start].ends_with("::");
        let line = &code[code[..open].rfind('\n').map_or(0, |end| end + 1)..open];
        let is_const = words(line, "NAME").next().is_some();
        if (is_type || is_const) && is_method_name(text) && !names.contains(&text.to_owned()) {
            names.push(text.to_owned());
        }
    }
    names
}

fn is_method_name(text: &str) -> bool {
    let bare = text.strip_prefix("$/").unwrap_or(text);
    !bare.is_empty()
        && bare.split('.').count() <= 2
        && bare.split('.').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
        })
}

/// An error name is a string literal in capitals: `"NOT_FOUND"`.
fn error_names(table: &SourceFile) -> Vec<String> {
    let code = without_tests(table.code());
    let mut names: Vec<String> = literals(table, &code)
        .filter(|(_, text)| text.len() >= 3)
        .filter(|(_, text)| text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        .map(|(_, text)| text.to_owned())
        .collect();
    names.sort();
    names.dedup();
    names
}

/// A key is a field of a struct below `#[serde(deny_unknown_fields)]`, or its `rename`.
fn key_names(table: &SourceFile) -> Vec<String> {
    let code = without_tests(table.code());
    let mut names = Vec::new();
    for (at, _) in code.match_indices("deny_unknown_fields") {
        let Some(open) = code[at..].find('{').map(|open| at + open) else {
            continue;
        };
        let end = code[open..].find('}').map_or(code.len(), |end| open + end);
        let mut offset = open + 1;
        for line in code[open + 1..end].split_inclusive('\n') {
            let original = &table.text()[offset..offset + line.len()];
            offset += line.len();
            if let Some((_, renamed)) = original.split_once("rename = \"") {
                names.extend(renamed.split('"').next().map(str::to_owned));
            }
            let field = line.trim().trim_start_matches("pub(crate) ").trim_start_matches("pub ");
            if let Some((name, _)) = field.split_once(':')
                && name.bytes().all(is_name_byte)
            {
                names.push(name.trim_end_matches('_').to_owned());
            }
        }
    }
    names
}

/// Returns the string literals of a text with the offset of their opening quote.
fn literals<'a>(
    file: &'a SourceFile,
    code: &'a str,
) -> impl Iterator<Item = (usize, &'a str)> + 'a {
    let mut quotes = code.match_indices('"').map(|(at, _)| at);
    std::iter::from_fn(move || {
        let open = quotes.next()?;
        let close = quotes.next()?;
        Some((open, &file.text()[open + 1..close]))
    })
}

#[test]
fn pages_explain_what_the_tables_name() {
    assert_tidy(check);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str, find: fn(&SourceFile) -> Vec<String>) -> Vec<String> {
        find(Repository::sample(&[("a.rs", text)]).get("a.rs").unwrap())
    }

    #[test]
    fn finds_methods_in_a_table_and_in_constants() {
        let text = "methods! {\n    (Health, \"health\", Effect::None, \"0.1\"),\n    (\n        \
                    AssetQuery,\n        \"asset.query\"),\n    JobStatus => \"job.status\",\n    \
                    AlbumList = (\"album.list\", Read);\n}\nSome(\"other\");\n\
                    const NAME: &'static str = \"$/cancel\";\n// (No, \"comment\")\n\
                    f(Effect::Read, \"not_this\", \"nor_this\");\n\
                    #[cfg(test)]\nmod tests { const NAME: &str = \"tests\"; }";
        assert_eq!(
            names(text, method_names),
            ["health", "asset.query", "job.status", "album.list", "$/cancel"]
        );
    }

    #[test]
    fn finds_errors_by_their_capitals() {
        let text = "(1002, \"NOT_FOUND\", \"No such thing.\", \"io\"), (1001, \"DENIED\", \"X\")";
        assert_eq!(names(text, error_names), ["DENIED", "NOT_FOUND"]);
    }

    #[test]
    fn finds_keys_in_strict_structs_only() {
        let text = "#[serde(deny_unknown_fields)]\npub(crate) struct A {\n    /// Doc: text.\n    \
                    pub(crate) path: Spanned<String>,\n    #[serde(rename = \"type\")]\n    \
                    type_: X,\n}\nstruct Other { field: u8 }";
        assert_eq!(names(text, key_names), ["path", "type", "type"]);
    }

    #[test]
    fn names_what_no_page_explains_and_tables_without_names() {
        let sample = Repository::sample(&[
            (METHODS, "(Health, \"health\"), (Count, \"asset.count\"), (Jobs, \"job.list\")"),
            (ERRORS, "nothing"),
            (FIELDS, "/// It is\n/// so.\nIt = \"it\",\n/// Other.\nOther = \"other\","),
            (FILTERS, "Kind(Kind) = \"kind\",\nIs(Flag) = \"is\","),
            (
                POLICY[0],
                "#[serde(deny_unknown_fields)]\nstruct A {\n  hidden: bool,\n  path: P,\n}",
            ),
            (
                "docs/protocol.md",
                "\n### `health`\n\nParams: none. Result: so.\n\nErrors: NO_SUCH\n\n### `job.list`\n\n\
                 Params: none. Result: so.\n\nErrors: none.\n\nExample:\n\n# A\n\
                 `asset.count` in prose\n| `is` | `{\"is\": \"edited\"}` |\n## Fields\n\n\
                 | `it` | It is so. |\n",
            ),
            ("docs/policy.md", "`path`\n"),
            ("README.md", "cargo test --workspace"),
            (".ci/run", "cargo test"),
        ]);
        assert_says(
            check(&sample),
            &[
                "protocol/src/method.rs: method `asset.count` has no section in docs/protocol.md",
                "docs/protocol.md: `health` misses, or has not in its place: Example:",
                "docs/protocol.md: `health` names NO_SUCH, which is no error",
                "protocol/src/error.rs: no error is found here (tests/tidy/docs_in_sync.rs: the \
                 convention)",
                "docs/protocol.md: misses the row | `other` | Other. |",
                "protocol/src/filter/mod.rs: filter `kind` has no row with an example in \
                 docs/protocol.md",
                "policy/src/document.rs: policy key `hidden` is not in docs/policy.md",
                ".ci/run: does not say `cargo test --workspace`",
            ],
        );
        assert_says(
            check(&Repository::sample(&[])),
            &[
                "protocol/src/method.rs: is missing: the table of methods",
                "protocol/src/error.rs: is missing: the table of errors",
                "protocol/src/field.rs: is missing: the list of fields",
                "protocol/src/filter/mod.rs: is missing: the keys of filters",
                "policy/src/document.rs: is missing: the policy file's keys",
                "README.md: is missing: the test command stands there",
            ],
        );
    }
}
