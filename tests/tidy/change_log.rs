//! Rule: `CHANGELOG.md` keeps the form of Keep a Changelog: versions, groups, entries, and nothing
//! else.
//!
//! `## [Unreleased]` comes first, then versions as `## [1.2.3] - 2027-01-31`, newest first; in each
//! the groups below, in that order, each once and none empty. The hazard: a log that only its
//! author can read, and from which no release note can be made.

use crate::repository::{Complaint, Repository, assert_says, assert_tidy};

const FILE: &str = "CHANGELOG.md";
const GROUPS: [&str; 6] = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"];

/// Where in the file we are.
#[derive(Default)]
struct Place {
    versions: usize,
    last_version: Option<[u32; 3]>,
    /// The index in [`GROUPS`], and the line of its title.
    group: Option<(usize, usize)>,
    entries: usize,
}

fn check(repository: &Repository) -> Vec<Complaint> {
    let file = match repository.need(FILE, "users read there what changed") {
        Ok(file) => file,
        Err(missing) => return vec![missing],
    };
    let mut complaints = Vec::new();
    let mut say = |line: usize, text: &str| complaints.push(Complaint::new(FILE, line, text));
    let mut place = Place::default();
    for (number, line) in file.lines() {
        if number == 1 && line != "# Changelog" {
            say(1, "begins with `# Changelog`");
        } else if let Some(title) = line.strip_prefix("### ") {
            group_title(&mut place, number, title, &mut say);
        } else if let Some(title) = line.strip_prefix("## ") {
            end_of_group(&mut place, &mut say);
            version_title(&mut place, number, title, &mut say);
        } else if line.starts_with("- ") {
            if place.group.is_none() {
                say(number, "an entry stands in a group (`### Added`)");
            }
            place.entries += 1;
        } else if place.versions > 0 && !line.trim().is_empty() {
            let link = line.starts_with('[') && line.contains("]: ");
            let continued = line.starts_with("  ") && place.entries > 0;
            if !link && !continued {
                say(number, "neither an entry (`- ...`) nor its continuation");
            }
        }
    }
    end_of_group(&mut place, &mut say);
    if place.versions == 0 {
        say(0, "has no `## [Unreleased]`");
    }
    complaints
}

fn version_title(place: &mut Place, line: usize, title: &str, say: &mut impl FnMut(usize, &str)) {
    place.versions += 1;
    if place.versions == 1 {
        if title != "[Unreleased]" {
            say(line, "the first version is `## [Unreleased]`");
        }
        return;
    }
    let Some((version, date)) = title.strip_prefix('[').and_then(|t| t.split_once("] - ")) else {
        return say(line, "a version is written `## [1.2.3] - 2027-01-31`");
    };
    if !is_date(date) {
        say(line, "the date is written as 2027-01-31");
    }
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    match <[u32; 3]>::try_from(numbers) {
        Ok(numbers) if version.split('.').count() == 3 => {
            if place.last_version.is_some_and(|newer| newer <= numbers) {
                say(line, "the newest version comes first");
            }
            place.last_version = Some(numbers);
        }
        _ => say(line, "a version has three numbers"),
    }
}

fn group_title(place: &mut Place, line: usize, title: &str, say: &mut impl FnMut(usize, &str)) {
    let before = place.group;
    end_of_group(place, say);
    let Some(index) = GROUPS.iter().position(|group| *group == title) else {
        return say(line, "the groups are Added, Changed, Deprecated, Removed, Fixed, Security");
    };
    if place.versions == 0 {
        say(line, "a group stands in a version");
    }
    if before.is_some_and(|(before, _)| before >= index) {
        say(line, "the groups come once each, in their order");
    }
    place.group = Some((index, line));
}

fn end_of_group(place: &mut Place, say: &mut impl FnMut(usize, &str)) {
    if let Some((_, line)) = place.group.take()
        && place.entries == 0
    {
        say(line, "the group is empty");
    }
    place.entries = 0;
}

fn is_date(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    let number = |range| text.get(range).and_then(|part: &str| part.parse::<u8>().ok());
    shape == "0000-00-00"
        && number(5..7).is_some_and(|month| (1..=12).contains(&month))
        && number(8..10).is_some_and(|day| (1..=31).contains(&day))
}

#[test]
fn change_log_keeps_its_form() {
    assert_tidy(check);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(text: &str, expected: &[&str]) {
        assert_says(check(&Repository::sample(&[(FILE, text)])), expected);
    }

    #[test]
    fn accepts_the_form() {
        check_text(
            "# Changelog\n\nAll of it.\n\n## [Unreleased]\n\n### Added\n\n- One,\n  continued.\n\n\
             ## [0.2.0] - 2026-12-01\n\n### Changed\n\n- Two.\n\n### Fixed\n\n- Three.\n\n\
             ## [0.1.0] - 2026-11-30\n\n### Added\n\n- Four.\n\n[0.1.0]: https://example.invalid\n",
            &[],
        );
    }

    #[test]
    fn names_what_breaks_it() {
        check_text("", &["CHANGELOG.md: has no `## [Unreleased]`"]);
        check_text(
            "# Changes\n## [0.1] - soon\n### New\n### Fixed\n### Added\n- One.\nprose\n",
            &[
                "CHANGELOG.md:1: begins with `# Changelog`",
                "CHANGELOG.md:2: the first version is `## [Unreleased]`",
                "CHANGELOG.md:3: the groups are Added, Changed, Deprecated, Removed, Fixed, Security",
                "CHANGELOG.md:4: the group is empty",
                "CHANGELOG.md:5: the groups come once each, in their order",
                "CHANGELOG.md:7: neither an entry (`- ...`) nor its continuation",
            ],
        );
        check_text(
            "# Changelog\n## [Unreleased]\n## [0.1.0] - 2026-13-01\n## [0.2.0] - 2026-12-01\n\
             ## [1.0] - 2026-12-01\n## 3\n- loose\n",
            &[
                "CHANGELOG.md:3: the date is written as 2027-01-31",
                "CHANGELOG.md:4: the newest version comes first",
                "CHANGELOG.md:5: a version has three numbers",
                "CHANGELOG.md:6: a version is written `## [1.2.3] - 2027-01-31`",
                "CHANGELOG.md:7: an entry stands in a group (`### Added`)",
            ],
        );
        assert_says(
            check(&Repository::sample(&[])),
            &["CHANGELOG.md: is missing: users read there what changed"],
        );
    }
}
