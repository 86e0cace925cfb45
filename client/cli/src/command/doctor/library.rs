//! The eighth link, once for each library: is it there, may it be read, and is it whole?
//!
//! Pure: what `stat` said of the bundle, what a confined daemon said of its database, and which
//! other bundles stand nearby come in. A library is never opened here. The hazards: a bundle whose
//! name is localised (`Fotos-Mediathek`), and on a Mac the right to the disk, which looks like any
//! other refusal.

use std::path::{Path, PathBuf};

use darkslide_client::protocol::error::Reason;

use super::chain::{Link, Name};
use super::shell;
use super::spot::{Kind, Spot};

/// The errno that macOS answers where Full Disk Access is missing; a mode answers EACCES.
const EPERM: i32 = 1;

/// Where a Mac grants it.
const FULL_DISK_ACCESS: &str =
    "open 'x-apple.systempreferences:com.apple.preference.security?Privacy_AllFiles'";

/// What was found.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Where the policy, or the command line, says that it is; unknown where only the daemon that
    /// runs knows.
    pub(super) path: Option<&'a Path>,
    /// What stands there.
    pub(super) spot: Option<&'a Spot>,
    /// What a daemon says of it; nothing where it was not asked.
    pub(super) look: Option<&'a Look>,
    /// Libraries that stand nearby.
    pub(super) nearby: &'a [PathBuf],
    /// The policy file, if there is one.
    pub(super) file: Option<&'a Path>,
    /// On a Mac?
    pub(super) is_mac: bool,
}

/// What a daemon says of a library.
#[derive(Debug, Clone)]
pub(super) enum Look {
    /// It reads it.
    Read {
        /// In words.
        what: String,
        /// What it holds may not be all: a `-wal` is missing, an upgrade was broken off.
        doubt: Option<&'static str>,
    },
    /// It does not.
    Fault {
        /// In the words of the wire, where it got so far.
        reason: Option<Reason>,
        /// With its causes.
        text: String,
    },
}

/// Judges them.
pub(super) fn judge(facts: &Facts<'_>) -> Link {
    let name = facts.name;
    let shown = facts.path.map_or_else(String::new, |path| format!(" ({})", path.display()));
    if let Some(link) = facts.spot.and_then(|spot| by_spot(facts, spot, &shown)) {
        return link;
    }
    match facts.look {
        None => Link::unknown(Name::Library, format!("{name}{shown}: not looked at")),
        Some(Look::Read { what, doubt: None }) => {
            Link::ok(Name::Library, format!("{name}{shown}: {what}"))
        }
        Some(Look::Read { what, doubt: Some(doubt) }) => Link::warning(
            Name::Library,
            format!("{name}{shown}: {what}; {doubt}"),
            Some(copy_again(facts)),
        ),
        Some(Look::Fault { reason, text }) => {
            let hint = by_reason(facts, *reason);
            Link::broken(Name::Library, format!("{name}{shown}: {text}"), hint)
        }
    }
}

/// What can be told without a daemon; nothing where it seems well.
fn by_spot(facts: &Facts<'_>, spot: &Spot, shown: &str) -> Option<Link> {
    let name = facts.name;
    let broken = |what: String, hint: String| Some(Link::broken(Name::Library, what, hint));
    match spot {
        Spot::Absent => {
            let near = match facts.nearby {
                [] => "; no other library is near".to_owned(),
                nearby => format!("; but there is {}", listed(nearby)),
            };
            broken(format!("{name}{shown}: nothing is there{near}"), find(facts))
        }
        // Where a daemon reads it, our own rights do not matter: on a Mac it alone has them.
        Spot::Refused(_) | Spot::There(_) if matches!(facts.look, Some(Look::Read { .. })) => None,
        Spot::Refused(errno) => broken(refused(facts, *errno, shown), admit(facts, *errno)),
        Spot::There(seen) if seen.kind != Kind::Folder => {
            broken(format!("{name}{shown}: a file or a link stands there, no folder"), find(facts))
        }
        Spot::There(seen) if !seen.is_readable => {
            broken(refused(facts, seen.errno, shown), admit(facts, seen.errno))
        }
        Spot::There(_) => None,
    }
}

fn refused(facts: &Facts<'_>, errno: i32, shown: &str) -> String {
    let why = if facts.is_mac && errno == EPERM {
        "Full Disk Access is not granted to the program that reads it"
    } else {
        "this user may not read it"
    };
    format!("{}{shown}: {why}", facts.name)
}

fn admit(facts: &Facts<'_>, errno: i32) -> String {
    if facts.is_mac && errno == EPERM {
        return FULL_DISK_ACCESS.to_owned();
    }
    format!("chmod -R u+rX {}", path_word(facts))
}

/// The policy has another path: it is to be written there.
fn find(facts: &Facts<'_>) -> String {
    match (facts.file, facts.nearby) {
        (Some(file), _) => shell::edit(file, None),
        (None, [first, ..]) => format!("darkslide --library {} info", shell::word(first)),
        (None, []) => shell::POLICY_INIT.to_owned(),
    }
}

fn by_reason(facts: &Facts<'_>, reason: Option<Reason>) -> String {
    match reason {
        Some(Reason::IPhoto | Reason::HalfUpgraded | Reason::LibraryNeedsRecovery) => {
            format!("open -a Photos {}", path_word(facts))
        }
        Some(Reason::NotALibrary) => find(facts),
        Some(Reason::NoPermission) => admit(facts, 0),
        // It looks again every 30 s.
        Some(Reason::Absent | Reason::RootReplaced) => "darkslide health --watch".to_owned(),
        Some(Reason::AuditUnavailable) => "darkslide audit verify".to_owned(),
        Some(Reason::Version) => "cargo install --path client/cli".to_owned(),
        Some(Reason::StaleWal | Reason::LibraryDamaged | Reason::NotARegularFile) => {
            copy_again(facts)
        }
        Some(_) | None => format!("darkslide --library {} info --log debug", path_word(facts)),
    }
}

/// From where it was copied, with what the copy has too much; where it is the only one, the backup.
fn copy_again(facts: &Facts<'_>) -> String {
    format!("rsync -a --delete ORIGINAL/ {}/", path_word(facts))
}

fn path_word(facts: &Facts<'_>) -> String {
    facts.path.map_or_else(|| "LIBRARY".to_owned(), shell::word)
}

fn listed(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::chain::State;
    use super::super::spot::Seen;
    use super::*;

    const PATH: &str = "/h/Photos Library.photoslibrary";

    fn facts<'a>(spot: &'a Spot, look: Option<&'a Look>, nearby: &'a [PathBuf]) -> Facts<'a> {
        let (path, file) = (Some(Path::new(PATH)), Some(Path::new("/p.toml")));
        Facts { name: "main", path, spot: Some(spot), look, nearby, file, is_mac: false }
    }

    #[test]
    fn an_absent_library_names_those_nearby_whatever_their_language() {
        let nearby = [PathBuf::from("/h/Fotos-Mediathek.photoslibrary")];
        let link = judge(&facts(&Spot::Absent, None, &nearby));
        assert!(link.what.contains("Fotos-Mediathek"), "{link:?}");
        assert_eq!(link.hint.as_deref(), Some("${EDITOR:-vi} /p.toml"));
        let built_in = judge(&Facts { file: None, ..facts(&Spot::Absent, None, &nearby) });
        let hint = "darkslide --library /h/Fotos-Mediathek.photoslibrary info";
        assert_eq!(built_in.hint.as_deref(), Some(hint));
        let alone = judge(&facts(&Spot::Absent, None, &[]));
        assert!(alone.what.contains("no other library"), "{alone:?}");
    }

    #[test]
    fn on_a_mac_a_missing_right_to_the_disk_is_told_from_a_mode() {
        for (errno, is_mac, hint) in [
            (EPERM, true, FULL_DISK_ACCESS),
            (13, true, "chmod -R u+rX '/h/Photos Library.photoslibrary'"),
            (EPERM, false, "chmod -R u+rX '/h/Photos Library.photoslibrary'"),
        ] {
            let closed = Seen { is_readable: false, errno, ..Seen::FOLDER };
            for spot in [Spot::Refused(errno), Spot::There(closed)] {
                let link = judge(&Facts { is_mac, ..facts(&spot, None, &[]) });
                assert_eq!((link.state, link.hint.as_deref()), (State::Broken, Some(hint)));
            }
        }
    }

    #[test]
    fn each_fault_of_the_database_has_its_next_command() {
        let spot = Spot::There(Seen::FOLDER);
        for (reason, hint) in [
            (Some(Reason::IPhoto), "open -a Photos"),
            (Some(Reason::HalfUpgraded), "open -a Photos"),
            (Some(Reason::StaleWal), "rsync -a --delete ORIGINAL/ '/h/Photos"),
            (Some(Reason::LibraryDamaged), "rsync -a --delete ORIGINAL/ '/h/Photos"),
            (Some(Reason::NoPermission), "chmod -R u+rX '/h/Photos"),
            (Some(Reason::NotALibrary), "${EDITOR:-vi} /p.toml"),
            (Some(Reason::Absent), "darkslide health --watch"),
            (None, "darkslide --library '/h/Photos"),
        ] {
            let look = Look::Fault { reason, text: "so it is".to_owned() };
            let link = judge(&facts(&spot, Some(&look), &[]));
            assert_eq!(link.state, State::Broken, "{reason:?}");
            assert!(link.hint.unwrap().starts_with(hint), "{reason:?}");
            assert!(link.what.contains("so it is"));
        }
    }

    #[test]
    fn what_a_daemon_reads_is_well_though_we_may_not_and_doubts_are_told() {
        let closed = Spot::There(Seen { is_readable: false, ..Seen::FOLDER });
        let read = |doubt| Look::Read { what: "3 assets".to_owned(), doubt };
        for spot in [&closed, &Spot::Refused(EPERM)] {
            assert_eq!(judge(&facts(spot, Some(&read(None)), &[])).state, State::Ok);
        }
        let link = judge(&facts(&closed, Some(&read(Some("its -wal is missing"))), &[]));
        assert_eq!(link.state, State::Warning);
        assert_eq!(judge(&facts(&Spot::There(Seen::FOLDER), None, &[])).state, State::Unknown);
        let file = Spot::There(Seen { kind: Kind::Other, ..Seen::FOLDER });
        assert_eq!(judge(&facts(&file, None, &[])).state, State::Broken);
    }
}
