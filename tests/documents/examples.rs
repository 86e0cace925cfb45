//! The examples of `docs/protocol.md`: each method's is its wire vector, which a live daemon is
//! held against, so that the page cannot tell what the daemon does not do.
//!
//! An example is the end of its method's section, from the line `Example:` on, and is written by
//! nobody else. A long one is cut after so many lines, which the page says with `…`.

use darkslide_protocol::method::METHODS;
use serde_json::{Value, json};

/// As many as a reader looks at; the vector has the rest.
const MAX_LINES: usize = 40;
/// What has room on a line stands on one.
const MAX_COLUMNS: usize = 110;

/// The page with the example of each method that has a section.
fn with_examples(page: &str, example: impl Fn(&str) -> String) -> String {
    let (before, methods) = page.split_once("\n## Methods\n").expect("the methods have a chapter");
    let (methods, after) = match methods.find("\n## ") {
        Some(end) => methods.split_at(end),
        None => (methods, ""),
    };
    let mut made = format!("{before}\n## Methods\n");
    for (number, section) in methods.split("\n### ").enumerate() {
        if number > 0 {
            made += "\n### ";
        }
        let heading = section.lines().next().unwrap_or_default();
        let row = METHODS.iter().find(|row| heading == format!("`{}`", row.name));
        match row {
            Some(row) => {
                let (text, _) = section.split_once("\nExample:\n").unwrap_or((section, ""));
                let example = example(row.name);
                made += &format!("{}\n\nExample:\n\n```json\n{example}\n```\n", text.trim_end());
            }
            None => made += section,
        }
    }
    made + after
}

/// A vector as the page shows it.
fn shown(vector: &Value) -> String {
    let mut text = String::new();
    write(vector, 0, 0, &mut text);
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.len() > MAX_LINES {
        lines.truncate(MAX_LINES - 1);
        while lines.last().is_some_and(|line| line.ends_with(['{', '['])) {
            lines.pop();
        }
        lines.push("…");
    }
    lines.join("\n")
}

/// JSON as a person would write it: what is short on one line, and numbers and texts one after the
/// other. `before` is what stands on the line already, with the comma to come.
fn write(value: &Value, depth: usize, before: usize, text: &mut String) {
    let short = one_line(value);
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (format!("{}: ", json!(name)), value)).collect()
        }
        Value::Array(items) => items.iter().map(|item| (String::new(), item)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    if members.is_empty() || before + short.chars().count() <= MAX_COLUMNS {
        return *text += &short;
    }
    let indent = "  ".repeat(depth + 1);
    *text += &short[..1];
    let mut column = MAX_COLUMNS;
    for (number, (name, value)) in members.iter().enumerate() {
        let is_last = number + 1 == members.len();
        let line = one_line(value);
        let is_list = line.starts_with(['[', '{']) && line.len() > "[]".len();
        let columns = name.chars().count() + line.chars().count() + 2;
        let begins = is_list || column + columns > MAX_COLUMNS;
        *text += &if begins { format!("\n{indent}") } else { " ".to_owned() };
        column = if begins { indent.len() } else { column } + columns;
        *text += name;
        write(value, depth + 1, indent.len() + name.chars().count() + 1, text);
        *text += if is_last { "" } else { "," };
        column = if is_list { MAX_COLUMNS } else { column };
    }
    *text += &format!("\n{}{}", "  ".repeat(depth), &short[short.len() - 1..]);
}

fn one_line(value: &Value) -> String {
    let joined = |parts: Vec<String>| parts.join(", ");
    match value {
        Value::Object(members) => {
            let member =
                |(name, value): (&String, &Value)| format!("{}: {}", json!(name), one_line(value));
            format!("{{{}}}", joined(members.iter().map(member).collect()))
        }
        Value::Array(items) => format!("[{}]", joined(items.iter().map(one_line).collect())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

#[test]
fn the_example_of_each_method_is_its_vector() {
    let example = |method: &str| {
        let vector = crate::read(&format!("tests/golden/wire/{method}.json"));
        shown(&serde_json::from_str(&vector).unwrap())
    };
    let page = crate::read("docs/protocol.md");
    crate::check("protocol.md", &with_examples(&page, example));
}

#[test]
fn an_example_ends_its_section_and_takes_the_place_of_the_one_before() {
    let page = |example: &str| {
        format!(
            "# P\n\n## Methods\n\n### `health`\n\nParams.\n\nExample:\n\n{example}\n\n### other\n\n\
             Text\n\n### `job.list`\n\nExample:\n\n{example}\n\n## Next\n\n### `health`\n"
        )
    };
    let expected =
        page("```json\nX\n```").replacen("json\nX", "json\nhealth", 1).replace("\nX", "\njob.list");
    assert_eq!(with_examples(&page("old"), str::to_owned), expected);
    assert_eq!(with_examples(&expected, str::to_owned), expected);
}

#[test]
fn what_is_short_stands_on_one_line_and_what_is_long_is_cut() {
    let value = json!({"a": [1, {"b": null}], "long": ["x".repeat(60), "y".repeat(60)]});
    let text = shown(&value);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    assert_eq!(text.lines().nth(1), Some("  \"a\": [1, {\"b\": null}],"));
    assert_eq!(text.lines().count(), 7, "{text}");
    let many = shown(&Value::from(vec!["x".repeat(60); 100]));
    assert_eq!((many.lines().count(), many.lines().last()), (MAX_LINES, Some("…")));
}
