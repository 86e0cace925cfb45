//! The last link: is there room for exports, for the jobs and for the log?
//!
//! Pure: what the file systems and the records of the destinations tell comes in. A full disk ends
//! every export, and without room for its log the daemon grants nothing. How much an export needs
//! is for `darkslide plan` to say, not for this.

use std::path::{Path, PathBuf};

use super::chain::{Link, Name};
use super::shell;
use crate::output::human::bytes;

/// Less than this is full: a file of the log has 16 MiB.
pub(super) const FULL_BYTES: u64 = 16 << 20;

/// Less than this is told: a film of a phone has as much.
pub(super) const LOW_BYTES: u64 = 1 << 30;

/// One place, and the room there.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// What it is, as `root exports`.
    pub(super) what: String,
    /// Where; of what is not there, the folder above.
    pub(super) path: PathBuf,
    /// Bytes that are free to us; unknown where the system does not say.
    pub(super) free: Option<u64>,
    /// Can no more files be made, though bytes are left?
    pub(super) has_no_inodes: bool,
    /// What exports hold below it and what the policy allows, where that is known and bounded.
    pub(super) quota: Option<(u64, u64)>,
}

/// Judges each place; what is well is told together.
pub(super) fn judge(places: &[Facts]) -> Vec<Link> {
    let mut links = Vec::new();
    let mut well = Vec::new();
    for place in places {
        match fault(place) {
            Some(link) => links.push(link),
            None => well.push(format!("{}: {}", place.what, free(place))),
        }
    }
    if !well.is_empty() {
        links.push(Link::ok(Name::Space, well.join("; ")));
    }
    links
}

fn free(place: &Facts) -> String {
    let free = place.free.map_or_else(|| "unknown".to_owned(), |free| bytes(free) + " free");
    match place.quota {
        Some((used, most)) => format!("{free}, {} of {} used", bytes(used), bytes(most)),
        None => free,
    }
}

fn fault(place: &Facts) -> Option<Link> {
    let what = |words: &str| format!("{} ({}): {words}", place.what, place.path.display());
    let word = shell::word(&place.path);
    if place.has_no_inodes {
        let hint = format!("df -i {word}");
        return Some(Link::broken(Name::Space, what("no more files can be made there"), hint));
    }
    if let Some(free) = place.free.filter(|free| *free < LOW_BYTES) {
        let told = what(&format!("{} free", bytes(free)));
        let hint = format!("df -h {word}");
        return Some(match free < FULL_BYTES {
            true => Link::broken(Name::Space, format!("{told}: the disk is full"), hint),
            false => Link::warning(Name::Space, told, hint),
        });
    }
    match place.quota {
        Some((used, most)) if used >= most => {
            let told = what(&format!("{} of the quota of {} used", bytes(used), bytes(most)));
            Some(Link::warning(Name::Space, told, "darkslide destinations".to_owned()))
        }
        Some(_) | None => None,
    }
}

/// The path that room is asked for: of what is not there, the nearest folder above that is.
pub(super) fn nearest(path: &Path, is_there: impl Fn(&Path) -> bool) -> PathBuf {
    path.ancestors().find(|path| is_there(path)).unwrap_or(Path::new("/")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::chain::State;
    use super::*;

    fn place(free: u64) -> Facts {
        Facts {
            what: "root exports".to_owned(),
            path: "/x".into(),
            free: Some(free),
            has_no_inodes: false,
            quota: None,
        }
    }

    #[test]
    fn room_is_judged_at_below_and_far_below_each_bound() {
        for (free, state) in [
            (LOW_BYTES, State::Ok),
            (LOW_BYTES - 1, State::Warning),
            (FULL_BYTES, State::Warning),
            (FULL_BYTES - 1, State::Broken),
            (0, State::Broken),
            (u64::MAX, State::Ok),
        ] {
            let links = judge(&[place(free)]);
            assert_eq!(links[0].state, state, "{free}");
        }
    }

    #[test]
    fn a_quota_and_the_number_of_files_are_room_too() {
        let quota = |used| judge(&[Facts { quota: Some((used, 10)), ..place(LOW_BYTES) }]);
        assert_eq!(quota(9)[0].state, State::Ok);
        assert_eq!(quota(10)[0].hint.as_deref(), Some("darkslide destinations"));
        let no_inodes = judge(&[Facts { has_no_inodes: true, ..place(LOW_BYTES) }]);
        assert_eq!(no_inodes[0].hint.as_deref(), Some("df -i /x"));
        let unknown = judge(&[Facts { free: None, ..place(0) }]);
        assert_eq!(unknown[0].state, State::Ok, "{unknown:?}");
    }

    #[test]
    fn what_is_not_there_has_the_room_of_the_folder_above() {
        let found = nearest(Path::new("/a/b/c"), |path| path == Path::new("/a"));
        assert_eq!(found, Path::new("/a"));
    }
}
