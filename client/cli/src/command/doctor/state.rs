//! The tenth link: the folder in which the daemon keeps its jobs and its log.
//!
//! Pure: `stat` of the folder and the formats of the jobs' files come in. It must be ours alone,
//! for what lies there has exports go on; and of this version's format, or older. Before the first
//! start there is none, which is well.

use std::path::{Path, PathBuf};

use super::chain::{Link, Name};
use super::shell;
use super::spot::{Kind, Spot};

/// What was found.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// Where it is.
    pub(super) path: &'a Path,
    /// What stands there.
    pub(super) spot: &'a Spot,
    /// What stands at its folders of jobs and of the log.
    pub(super) inner: &'a [(PathBuf, Spot)],
    /// Files of jobs in a newer format than this version writes.
    pub(super) newer: &'a [PathBuf],
    /// Who we are.
    pub(super) uid: u32,
}

/// Judges them.
pub(super) fn judge(facts: &Facts<'_>) -> Link {
    let (shown, word) = (facts.path.display(), shell::word(facts.path));
    let broken =
        |what: &str, hint: String| Link::broken(Name::State, format!("{shown}: {what}"), hint);
    match facts.spot {
        Spot::Absent => Link::ok(Name::State, format!("{shown}: the first start makes it")),
        Spot::Refused(_) => broken("this user may not look at it", format!("ls -ld {word}")),
        // systemd makes links of ours, which are followed.
        Spot::There(seen) if seen.kind == Kind::Other => {
            broken("a file stands there, no folder", format!("mv {word} {word}.away"))
        }
        Spot::There(seen) if seen.owner != facts.uid && seen.owner != 0 => broken(
            &format!("it belongs to uid {}", seen.owner),
            format!("sudo chown -R \"$(id -u)\" {word}"),
        ),
        Spot::There(seen) if seen.kind == Kind::Folder && seen.is_open_to_others(facts.uid) => {
            broken(
                &format!("others can write to it (mode {:04o})", seen.mode),
                format!("chmod 700 {word}"),
            )
        }
        Spot::There(seen) if !seen.is_readable || !seen.is_writable => {
            broken("the daemon may not write to it", format!("chmod 700 {word}"))
        }
        Spot::There(_) => inner(facts),
    }
}

/// Of a folder that is well itself.
fn inner(facts: &Facts<'_>) -> Link {
    let is_open = |spot: &Spot| match spot {
        Spot::There(seen) => seen.kind != Kind::Folder || seen.is_open_to_others(facts.uid),
        Spot::Absent => false,
        Spot::Refused(_) => true,
    };
    match facts.inner.iter().find(|(_, spot)| is_open(spot)) {
        Some((path, _)) => Link::broken(
            Name::State,
            format!("{}: it is not a folder of this user alone", path.display()),
            format!("chmod 700 {0}; ls -ld {0}", shell::word(path)),
        ),
        None => match facts.newer.first() {
            None => Link::ok(Name::State, facts.path.display().to_string()),
            Some(job) => Link::warning(
                Name::State,
                format!(
                    "{}: a newer darkslided wrote it, and this one passes it over",
                    job.display()
                ),
                "darkslided --version".to_owned(),
            ),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::State;
    use super::super::spot::Seen;
    use super::*;

    #[test]
    fn each_fault_of_the_folder_has_the_command_that_mends_it() {
        let there = |seen: Seen| Spot::There(seen);
        let folder = Seen::FOLDER;
        for (spot, state, hint) in [
            (Spot::Absent, State::Ok, ""),
            (there(folder), State::Ok, ""),
            (there(Seen { kind: Kind::Link, mode: 0o777, ..folder }), State::Ok, ""),
            (there(Seen { mode: 0o770, ..folder }), State::Broken, "chmod 700 /s"),
            (there(Seen { owner: 8, ..folder }), State::Broken, "sudo chown -R \"$(id -u)\" /s"),
            (there(Seen { is_writable: false, ..folder }), State::Broken, "chmod 700 /s"),
            (there(Seen { kind: Kind::Other, ..folder }), State::Broken, "mv /s /s.away"),
            (Spot::Refused(13), State::Broken, "ls -ld /s"),
        ] {
            let path = Path::new("/s");
            let link = judge(&Facts { path, spot: &spot, inner: &[], newer: &[], uid: 7 });
            assert_eq!((link.state, link.hint.as_deref().unwrap_or("")), (state, hint), "{spot:?}");
        }
    }

    #[test]
    fn the_folders_in_it_are_held_to_the_same() {
        let folder = Seen::FOLDER;
        let path = Path::new("/s");
        for (seen, state) in [
            (folder, State::Ok),
            (Seen { mode: 0o770, ..folder }, State::Broken),
            (Seen { owner: 8, ..folder }, State::Broken),
            (Seen { kind: Kind::Link, ..folder }, State::Broken),
        ] {
            let inner =
                [(path.join("jobs"), Spot::Absent), (path.join("audit"), Spot::There(seen))];
            let spot = Spot::There(folder);
            let link = judge(&Facts { path, spot: &spot, inner: &inner, newer: &[], uid: 7 });
            assert_eq!(link.state, state, "{seen:?}");
        }
    }

    #[test]
    fn a_job_of_a_newer_program_is_named() {
        let newer = [PathBuf::from("/s/jobs/1.json")];
        let spot = Spot::There(Seen::FOLDER);
        let path = Path::new("/s");
        let link = judge(&Facts { path, spot: &spot, inner: &[], newer: &newer, uid: 7 });
        assert_eq!(link.state, State::Warning);
        assert!(link.what.contains("/s/jobs/1.json"), "{link:?}");
    }
}
