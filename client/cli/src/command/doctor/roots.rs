//! The ninth link, once for each root: is it there, can it be written, and is it a place for
//! exports at all?
//!
//! Pure: `stat`, the list of mounts and what the daemon says come in. A folder that a cloud copies
//! away works, and is told: photos that should stay on this disk leave it. A record of somebody
//! else makes an export end, so it is a break before one begins. The hazard: a disk that is not
//! mounted, whose mount point would take the photos.

use std::path::{Path, PathBuf};

use super::chain::{Link, Name};
use super::shell;
use super::spot::{Kind, Spot};

/// What was found.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Where it is.
    pub(super) path: &'a Path,
    /// What stands there.
    pub(super) spot: &'a Spot,
    /// What stands above it.
    pub(super) parent: &'a Spot,
    /// Is its file system mounted read-only?
    pub(super) is_read_only: bool,
    /// Where other file systems are mounted below it.
    pub(super) mounts: &'a [PathBuf],
    /// Records of exports that belong to somebody else, or that others may write to.
    pub(super) foreign: &'a [PathBuf],
    /// What the daemon that serves says of it, if it grants it to us.
    pub(super) told: Option<&'a str>,
    /// The home folder.
    pub(super) home: &'a Path,
    /// Does iCloud Drive copy Documents and Desktop away?
    pub(super) has_icloud: bool,
    /// The line that has the daemon look again.
    pub(super) start: &'a str,
    /// Who we are.
    pub(super) uid: u32,
}

/// Judges them.
pub(super) fn judge(facts: &Facts<'_>) -> Link {
    let shown = format!("{} ({})", facts.name, facts.path.display());
    let word = shell::word(facts.path);
    let broken =
        |what: &str, hint: String| Link::broken(Name::Root, format!("{shown}: {what}"), hint);
    let seen = match facts.spot {
        Spot::Absent => return absent(facts, &shown),
        Spot::Refused(_) => {
            return broken("this user may not look at it", format!("ls -ld {word}"));
        }
        Spot::There(seen) => seen,
    };
    if seen.kind != Kind::Folder {
        return broken(
            "a file or a link stands there, no folder",
            format!("mv {word} {word}.away"),
        );
    }
    if facts.is_read_only {
        let hint = format!("sudo mount -o remount,rw \"$(stat -c %m {word})\"");
        return broken("its file system is mounted read-only", hint);
    }
    if !seen.is_readable || !seen.is_writable {
        let hint = match seen.owner == facts.uid {
            true => format!("chmod u+rwx {word}"),
            false => format!("sudo chown \"$(id -u)\" {word}"),
        };
        return broken("this user may not write to it", hint);
    }
    if let Some(record) = facts.foreign.first() {
        let record = shell::word(record);
        let hint = format!("sudo chown -R \"$(id -u)\" {record}; chmod -R go-w {record}");
        return broken("a record below it is somebody else's, or open to others", hint);
    }
    match facts.told {
        None | Some("ready") => {}
        Some(word) => {
            let what = format!("the daemon says: {word}; it looks again when it starts anew");
            return broken(&what, facts.start.to_owned());
        }
    }
    doubts(facts, &shown)
}

fn absent(facts: &Facts<'_>, shown: &str) -> Link {
    let word = shell::word(facts.path);
    match facts.parent {
        Spot::There(parent) if parent.kind == Kind::Folder && parent.owner == facts.uid => {
            Link::warning(
                Name::Root,
                format!("{shown}: nothing is there; the daemon makes it when it starts"),
                format!("mkdir {word}"),
            )
        }
        Spot::There(_) => Link::broken(
            Name::Root,
            format!("{shown}: nothing is there; if it is a disk, it is not mounted"),
            format!("sudo mount {word} || mkdir {word}"),
        ),
        Spot::Absent | Spot::Refused(_) => Link::broken(
            Name::Root,
            format!("{shown}: neither it nor the folder above it is there; is its disk mounted?"),
            // Elsewhere than in the home it is a disk's mostly, and a folder in its place would
            // take the photos.
            match facts.path.starts_with(facts.home) {
                true => format!("mkdir -p {word}"),
                false => "mount".to_owned(),
            },
        ),
    }
}

/// What works, and should be known.
fn doubts(facts: &Facts<'_>, shown: &str) -> Link {
    if let Some(mount) = facts.mounts.first() {
        let what = format!(
            "{shown}: another file system is mounted at {}, where no export goes: make it a root",
            mount.display()
        );
        return Link::warning(Name::Root, what, format!("findmnt {}", shell::word(mount)));
    }
    if let Some(cloud) = cloud_of(facts.path, facts.home, facts.has_icloud) {
        let what = format!("{shown}: {cloud} copies what is there away from this disk");
        return Link::warning(Name::Root, what, "mkdir ~/Exports".to_owned());
    }
    Link::ok(Name::Root, format!("{shown}: ready"))
}

/// Folders of a home that a program copies to a cloud, as these programs name them.
const CLOUDS: [(&str, &str); 9] = [
    ("Library/Mobile Documents", "iCloud"),
    ("Library/CloudStorage", "a cloud"),
    ("Dropbox", "Dropbox"),
    ("OneDrive", "OneDrive"),
    ("Nextcloud", "Nextcloud"),
    ("ownCloud", "ownCloud"),
    ("Google Drive", "Google Drive"),
    ("Box", "Box"),
    ("pCloudDrive", "pCloud"),
];

/// Which cloud copies a folder away, told by where it is.
fn cloud_of(path: &Path, home: &Path, has_icloud: bool) -> Option<&'static str> {
    let below = path.strip_prefix(home).ok()?;
    if has_icloud && (below.starts_with("Documents") || below.starts_with("Desktop")) {
        return Some("iCloud");
    }
    // `OneDrive - Company` is one of OneDrive's, too.
    let first = below.components().next()?.as_os_str().to_string_lossy();
    let is_it =
        |folder: &str| below.starts_with(folder) || first.starts_with(&format!("{folder} "));
    CLOUDS.iter().find(|(folder, _)| is_it(folder)).map(|(_, cloud)| *cloud)
}

/// Where file systems are mounted below a folder, as `/proc/self/mountinfo` tells it.
pub(super) fn mounts_below(mountinfo: &str, folder: &Path) -> Vec<PathBuf> {
    let points = mountinfo.lines().filter_map(|line| line.split(' ').nth(4)).map(unescaped);
    points.filter(|point| point.starts_with(folder) && point != folder).collect()
}

/// The kernel writes blanks, tabs, line ends and backslashes as `\040` and the like.
fn unescaped(text: &str) -> PathBuf {
    let escapes = [(r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", r"\")];
    let plain = |text: String, (escape, plain): (&str, &str)| text.replace(escape, plain);
    escapes.into_iter().fold(text.to_owned(), plain).into()
}

#[cfg(test)]
mod tests {
    use super::super::chain::State;
    use super::super::spot::Seen;
    use super::*;

    const THERE: Spot = Spot::There(Seen::FOLDER);

    fn facts() -> Facts<'static> {
        Facts {
            name: "nas",
            path: Path::new("/h/x y"),
            spot: &THERE,
            parent: &THERE,
            is_read_only: false,
            mounts: &[],
            foreign: &[],
            told: None,
            home: Path::new("/h"),
            has_icloud: false,
            start: "darkslided &",
            uid: 7,
        }
    }

    #[track_caller]
    fn check(facts: &Facts<'_>, state: State, hint: &str) {
        let link = judge(facts);
        assert_eq!((link.state, link.hint.as_deref().unwrap_or("")), (state, hint), "{link:?}");
    }

    #[test]
    fn a_root_that_is_not_there_is_made_only_where_that_is_safe() {
        let absent = |parent| Facts { spot: &Spot::Absent, parent, ..facts() };
        check(&absent(&THERE), State::Warning, "mkdir '/h/x y'");
        let roots = Spot::There(Seen { owner: 0, ..Seen::FOLDER });
        check(&absent(&roots), State::Broken, "sudo mount '/h/x y' || mkdir '/h/x y'");
        check(&absent(&Spot::Absent), State::Broken, "mkdir -p '/h/x y'");
        let disk = Facts { path: Path::new("/media/me/disk/x"), ..absent(&Spot::Absent) };
        check(&disk, State::Broken, "mount");
    }

    #[test]
    fn a_root_that_takes_nothing_says_why() {
        check(&facts(), State::Ok, "");
        let read_only = Facts { is_read_only: true, ..facts() };
        check(&read_only, State::Broken, "sudo mount -o remount,rw \"$(stat -c %m '/h/x y')\"");
        let closed = Spot::There(Seen { is_writable: false, ..Seen::FOLDER });
        check(&Facts { spot: &closed, ..facts() }, State::Broken, "chmod u+rwx '/h/x y'");
        let foreign = Facts { spot: &closed, uid: 8, ..facts() };
        check(&foreign, State::Broken, "sudo chown \"$(id -u)\" '/h/x y'");
        let link = Spot::There(Seen { kind: Kind::Link, ..Seen::FOLDER });
        check(&Facts { spot: &link, ..facts() }, State::Broken, "mv '/h/x y' '/h/x y'.away");
        check(&Facts { spot: &Spot::Refused(13), ..facts() }, State::Broken, "ls -ld '/h/x y'");
        check(&Facts { told: Some("absent"), ..facts() }, State::Broken, "darkslided &");
        let records = [PathBuf::from("/h/x/.darkslide")];
        let hint = "sudo chown -R \"$(id -u)\" /h/x/.darkslide; chmod -R go-w /h/x/.darkslide";
        check(&Facts { foreign: &records, ..facts() }, State::Broken, hint);
    }

    #[test]
    fn another_disk_below_is_named() {
        let mounts = [PathBuf::from("/h/x y/usb")];
        check(&Facts { mounts: &mounts, ..facts() }, State::Warning, "findmnt '/h/x y/usb'");
    }

    #[test]
    fn folders_that_a_cloud_copies_away_are_known_by_their_place() {
        for (path, has_icloud, cloud) in [
            ("/h/Documents/x", true, Some("iCloud")),
            ("/h/Desktop", true, Some("iCloud")),
            ("/h/Documents/x", false, None),
            ("/h/Library/Mobile Documents/com~apple~CloudDocs", false, Some("iCloud")),
            ("/h/Dropbox/Photos", false, Some("Dropbox")),
            ("/h/Dropbox-old", false, None),
            ("/h/OneDrive - Company/x", false, Some("OneDrive")),
            ("/h/Nextcloud", false, Some("Nextcloud")),
            ("/h/Exports/Dropbox", false, None),
            ("/mnt/Dropbox", false, None),
        ] {
            assert_eq!(cloud_of(Path::new(path), Path::new("/h"), has_icloud), cloud, "{path}");
        }
        let dropbox = Facts { path: Path::new("/h/Dropbox/x"), ..facts() };
        check(&dropbox, State::Warning, "mkdir ~/Exports");
    }

    #[test]
    fn mounts_below_are_read_from_the_kernels_list() {
        let list = "22 1 0:20 / / rw - ext4 /dev/a rw\n\
                    23 22 0:21 / /h/x\\040y rw - tmpfs t rw\n\
                    24 23 0:22 / /h/x\\040y/a\\134b rw - tmpfs t rw\n\
                    25 22 0:23 / /h/x\\040y-evil rw - tmpfs t rw\nodd\n";
        assert_eq!(mounts_below(list, Path::new("/h/x y")), [PathBuf::from(r"/h/x y/a\b")]);
    }
}
