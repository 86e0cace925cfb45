//! Rule: every relative link of a Markdown page leads to a file or folder of the repository.
//!
//! Links in code (blocks and inline) do not count; of a link with `#part` the file is looked at,
//! and in a page also its heading. Nothing is fetched: addresses with a scheme are left alone.

use crate::repository::{
    Complaint, Repository, SourceFile, assert_says, assert_tidy, folder_of, join,
};

fn check(repository: &Repository) -> Vec<Complaint> {
    let mut complaints = Vec::new();
    for page in repository.files().filter(|file| file.is("md")) {
        for (line, target) in links(page) {
            if let Some(why) = dead(repository, page, &target) {
                complaints.push(Complaint::new(page.path(), line, format!("({target}) {why}")));
            }
        }
    }
    complaints
}

/// Returns why a link is dead, or none if it lives.
fn dead(repository: &Repository, page: &SourceFile, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, part) = target.split_once('#').unwrap_or((target, ""));
    let file = if path.is_empty() {
        page.path().to_owned()
    } else {
        match join(folder_of(page.path()), path) {
            Some(file) if !path.starts_with('/') => file,
            _ => return Some("leaves the repository"),
        }
    };
    if !repository.has(&file) {
        return Some("leads nowhere");
    }
    let heading_missing = !part.is_empty()
        && repository
            .get(&file)
            .filter(|file| file.is("md"))
            .is_some_and(|file| !anchors(file).any(|anchor| anchor == part));
    heading_missing.then_some("names no heading of that page")
}

/// Returns the targets of `[text](target)` and `[name]: target` with their lines.
fn links(page: &SourceFile) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(page) {
        let bare = without_inline_code(line);
        for (at, _) in bare.match_indices("](") {
            let target = bare[at + 2..].split([')', ' ']).next().unwrap_or_default();
            found.push((number, target.trim_matches(['<', '>']).to_owned()));
        }
        let definition = bare.strip_prefix('[').and_then(|rest| rest.split_once("]: "));
        if let Some((_, target)) = definition {
            found.push((number, target.split(' ').next().unwrap_or_default().to_owned()));
        }
    }
    found
}

/// Returns the lines outside of code blocks.
fn prose(page: &SourceFile) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    page.lines().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

fn without_inline_code(line: &str) -> String {
    let pieces = line.split('`').enumerate();
    pieces.filter(|(index, _)| index % 2 == 0).map(|(_, piece)| piece).collect()
}

/// Returns the names by which the headings of a page can be linked to, as forges make them.
fn anchors(page: &SourceFile) -> impl Iterator<Item = String> {
    prose(page).filter_map(|(_, line)| {
        let title = line.trim_start_matches('#');
        (title.len() < line.len()).then(|| {
            title
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
    })
}

#[test]
fn links_lead_somewhere() {
    assert_tidy(check);
}

#[test]
fn names_dead_links() {
    let sample = Repository::sample(&[
        (
            "docs/a.md",
            "# A title, `x`\n[ok](b.md) [up](../README.md#top-5) [folder](../docs)\n\
             [gone](c.md) [out](../../x) [abs](/etc)\n[far](https://a.invalid/b) `[code](d.md)`\n\
             ```\n[code](e.md)\n```\n[own](#a-title-x) [none](#nope)\n[ref]: f.md \"title\"\n",
        ),
        ("docs/b.md", ""),
        ("README.md", "## Top 5\n"),
    ]);
    assert_says(
        check(&sample),
        &[
            "docs/a.md:3: (c.md) leads nowhere",
            "docs/a.md:3: (../../x) leaves the repository",
            "docs/a.md:3: (/etc) leaves the repository",
            "docs/a.md:8: (#nope) names no heading of that page",
            "docs/a.md:9: (f.md) leads nowhere",
        ],
    );
}
