//! The third link: where the socket should be, whether its folder can be trusted, and whether
//! anybody listens there.
//!
//! Pure: the client crate looked, and its error is judged here; nothing of its rules is said twice.
//! That nobody listens is the one break that a start mends; all others have to be mended first.

use std::io;
use std::path::{Path, PathBuf};

use darkslide_client::protocol::error::ErrorName;
use darkslide_client::{Error, PlaceError, Unavailable};

use super::chain::{Link, Name};
use super::shell;

/// What was found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a> {
    /// Where it should be.
    pub(super) place: Result<&'a Path, &'a PlaceError>,
    /// Why there was no greeting.
    pub(super) error: Option<&'a Error>,
    /// The line that starts a daemon.
    pub(super) start: &'a str,
    /// Is the policy broken, so that no daemon can start?
    pub(super) has_broken_policy: bool,
    /// On a Mac?
    pub(super) is_mac: bool,
}

/// Judges them.
pub(super) fn judge(facts: &Facts<'_>) -> Link {
    let place = match facts.place {
        Ok(place) => place,
        Err(error) => return untrusted(facts, error),
    };
    let shown = place.display();
    match facts.error {
        None => Link::ok(Name::Socket, shown.to_string()),
        Some(Error::Unavailable(Unavailable::Place(PlaceError::PeerUid { .. }))) => {
            Link::ok(Name::Socket, format!("{shown}: somebody listens"))
        }
        Some(Error::Unavailable(Unavailable::Place(error))) => untrusted(facts, error),
        Some(Error::Unavailable(Unavailable::Connect { source, .. }))
            if source.kind() == io::ErrorKind::PermissionDenied =>
        {
            let what = format!("{shown}: the daemon there is another user's: {source}");
            Link::broken(Name::Socket, what, format!("ls -l {}", shell::word(place)))
        }
        Some(Error::Unavailable(Unavailable::Connect { source, .. })) => {
            absent(facts, format!("{shown}: the socket is there, but nobody listens ({source})"))
        }
        Some(Error::Remote(error)) if error.data.name == ErrorName::Misconfigured => {
            misconfigured(facts, &shown.to_string())
        }
        Some(error @ (Error::TimedOut { .. } | Error::Unavailable(_))) => Link::broken(
            Name::Socket,
            format!("{shown}: somebody listens and does not answer: {error}"),
            "darkslide call health --trace",
        ),
        // They answered: the next links say what.
        Some(Error::Denied(_) | Error::Protocol(_) | Error::Remote(_)) => {
            Link::ok(Name::Socket, format!("{shown}: somebody answers"))
        }
        Some(_) => Link::unknown(Name::Socket, "not to be told by this version"),
    }
}

/// The service manager listens, and what it starts ends: mostly for the policy, which has a link of
/// its own.
fn misconfigured(facts: &Facts<'_>, shown: &str) -> Link {
    let what = format!("{shown}: the service manager listens, but the daemon cannot start");
    if facts.has_broken_policy {
        return Link::ok(Name::Socket, format!("{what}, for the policy is broken"));
    }
    let log = match facts.is_mac {
        // The file that the LaunchAgent names; the system's log hears nothing of it.
        true => "tail -n 20 ~/Library/Logs/darkslided.log",
        false => "journalctl --user --unit darkslided.service --lines 20",
    };
    Link::broken(Name::Socket, what, log)
}

/// Nobody serves. While the policy is broken, which has a link of its own, no start helps.
fn absent(facts: &Facts<'_>, what: String) -> Link {
    if facts.has_broken_policy {
        return Link::unknown(Name::Socket, format!("{what}; first mend the policy"));
    }
    Link::absent(Name::Socket, what, facts.start)
}

fn untrusted(facts: &Facts<'_>, error: &PlaceError) -> Link {
    let broken = |hint: String| Link::broken(Name::Socket, error.to_string(), hint);
    let word = |path: &PathBuf| shell::word(path);
    match error {
        PlaceError::Look { path, source } if source.kind() == io::ErrorKind::NotFound => {
            let what = format!("{}: nothing is there: no daemon has been started", path.display());
            absent(facts, what)
        }
        PlaceError::Look { path, source } => Link::broken(
            Name::Socket,
            format!("{error}: {source}"),
            format!("ls -ld {}", word(path)),
        ),
        PlaceError::Nowhere { .. } => {
            broken("mkdir -m 700 -p ~/.run && export XDG_RUNTIME_DIR=~/.run".to_owned())
        }
        PlaceError::NoHome => broken("export HOME=~".to_owned()),
        PlaceError::NotAbsolute { variable } => broken(format!("unset {variable}")),
        PlaceError::TooLong { .. } => {
            broken("mkdir -m 700 -p ~/.run && export DARKSLIDE_SOCKET=~/.run/s".to_owned())
        }
        PlaceError::FolderMode { path, .. } => broken(format!("chmod 700 {}", word(path))),
        PlaceError::SocketMode { path, .. } => broken(format!("chmod 600 {}", word(path))),
        PlaceError::FolderOwner { path, .. } | PlaceError::SocketOwner { path, .. } => {
            broken(format!("sudo chown \"$(id -u)\" {}", word(path)))
        }
        PlaceError::NotAFolder { path } | PlaceError::NotASocket { path } => {
            broken(format!("mv {0} {0}.away", word(path)))
        }
        other => broken(other.hint().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use darkslide_client::protocol::error::{Reason, WireError};

    use super::super::chain::{Chain, State};
    use super::*;
    use crate::exit::Exit;

    const START: &str = "darkslided &";

    fn facts<'a>(place: Result<&'a Path, &'a PlaceError>, error: Option<&'a Error>) -> Facts<'a> {
        Facts { place, error, start: START, has_broken_policy: false, is_mac: false }
    }

    #[track_caller]
    fn check(error: impl Into<Error>, exit: Exit, hint: &str) {
        let error = error.into();
        let link = judge(&facts(Ok(Path::new("/r/s")), Some(&error)));
        assert_eq!(link.hint.clone().unwrap_or_default(), hint, "{error}");
        assert_eq!(Chain::new(vec![link]).exit(), exit, "{error}");
    }

    fn at(error: PlaceError) -> Unavailable {
        Unavailable::Place(error)
    }

    #[test]
    fn each_fault_of_the_place_has_the_command_that_mends_it() {
        let path = || PathBuf::from("/r/a b");
        let failed = Exit::Failed;
        check(
            at(PlaceError::FolderMode { path: path(), mode: 0o777 }),
            failed,
            "chmod 700 '/r/a b'",
        );
        check(
            at(PlaceError::SocketMode { path: path(), mode: 0o666 }),
            failed,
            "chmod 600 '/r/a b'",
        );
        let hint = "sudo chown \"$(id -u)\" '/r/a b'";
        check(at(PlaceError::FolderOwner { path: path(), owner: 7 }), failed, hint);
        check(at(PlaceError::SocketOwner { path: path(), owner: 7 }), failed, hint);
        check(at(PlaceError::NotASocket { path: path() }), failed, "mv '/r/a b' '/r/a b'.away");
        check(at(PlaceError::NotAFolder { path: path() }), failed, "mv '/r/a b' '/r/a b'.away");
        let hint = "mkdir -m 700 -p ~/.run && export DARKSLIDE_SOCKET=~/.run/s";
        check(at(PlaceError::TooLong { bytes: 200, limit: 107 }), failed, hint);
        check(at(PlaceError::NotAbsolute { variable: "HOME" }), failed, "unset HOME");
        let closed = Arc::new(io::Error::from(io::ErrorKind::PermissionDenied));
        check(at(PlaceError::Look { path: path(), source: closed }), failed, "ls -ld '/r/a b'");
    }

    #[test]
    fn only_where_nobody_serves_a_start_is_what_is_missing() {
        let gone = Arc::new(io::Error::from(io::ErrorKind::NotFound));
        let path = PathBuf::from("/r/s");
        check(at(PlaceError::Look { path, source: gone }), Exit::NoDaemon, START);
        let refused = Arc::new(io::Error::from(io::ErrorKind::ConnectionRefused));
        let stale = Unavailable::Connect { socket: "/r/s".into(), source: refused };
        check(stale, Exit::NoDaemon, START);
        let closed = Arc::new(io::Error::from(io::ErrorKind::PermissionDenied));
        let foreign = Unavailable::Connect { socket: "/r/s".into(), source: closed };
        check(foreign, Exit::Failed, "ls -l /r/s");
        let late = Error::TimedOut { doing: "connecting", after: std::time::Duration::ZERO };
        check(late, Exit::Failed, "darkslide call health --trace");
        let name = ErrorName::Misconfigured;
        let error = WireError::new(name, Reason::Misconfigured, "no", "darkslide doctor");
        check(
            error.clone(),
            Exit::Failed,
            "journalctl --user --unit darkslided.service --lines 20",
        );
        let error = Error::from(error);
        let facts = facts(Ok(Path::new("/r/s")), Some(&error));
        let on_a_mac = judge(&Facts { is_mac: true, ..facts });
        assert!(on_a_mac.hint.unwrap().ends_with("darkslided.log"));
        let known = judge(&Facts { has_broken_policy: true, is_mac: false, ..facts });
        assert_eq!(known.state, State::Ok, "the policy has a link of its own");
        let refused = Arc::new(io::Error::from(io::ErrorKind::ConnectionRefused));
        let nobody = Unavailable::Connect { socket: "/r/s".into(), source: refused };
        let nobody = Error::from(nobody);
        let link = judge(&Facts { error: Some(&nobody), has_broken_policy: true, ..facts });
        assert_eq!((link.state, link.hint), (State::Unknown, None), "no start helps");
    }

    #[test]
    fn without_a_place_the_variable_is_named() {
        let error = PlaceError::Nowhere { uid: 7 };
        let link = judge(&facts(Err(&error), None));
        assert!(link.what.contains("XDG_RUNTIME_DIR"), "{link:?}");
        assert!(link.hint.unwrap().contains("export XDG_RUNTIME_DIR="));
    }

    #[test]
    fn whoever_answers_is_the_next_links_affair() {
        let denied = Error::from(WireError::new(ErrorName::Denied, Reason::Denied, "no", "x"));
        let foreign = Error::from(at(PlaceError::PeerUid { path: "/r/s".into(), uid: 7 }));
        for error in [denied, foreign] {
            let link = judge(&facts(Ok(Path::new("/r/s")), Some(&error)));
            assert_eq!(link.state, State::Ok, "{error}");
        }
    }
}
