//! The first link: which program this is, whether the daemon's is at hand in the same version, and
//! how the one that serves was started.
//!
//! Pure: what was found of the files comes in. A private daemon is this program itself, so that a
//! missing `darkslided` stops nobody who names a library.

use std::path::PathBuf;

use super::chain::{Link, Name};

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// This program.
    pub(super) path: PathBuf,
    /// Its version.
    pub(super) version: String,
    /// The daemon's program.
    pub(super) daemon: Daemon,
    /// How the daemon that serves was started, where it tells.
    pub(super) started_by: Option<String>,
}

/// The daemon's program.
#[derive(Debug, Clone)]
pub(super) enum Daemon {
    /// Neither beside this one nor in the folders of PATH.
    Missing,
    /// It is there and says its version.
    Version(PathBuf, String),
    /// It is there and cannot be run.
    Mute(PathBuf),
}

const INSTALL: &str = "cargo install --path daemon && cargo install --path client/cli";

/// Judges them.
pub(super) fn judge(facts: &Facts) -> Link {
    let own = format!("darkslide {} ({})", facts.version, facts.path.display());
    match &facts.daemon {
        Daemon::Missing => Link::warning(
            Name::Program,
            format!("{own}; there is no darkslided beside it, nor in the folders of PATH"),
            INSTALL.to_owned(),
        ),
        Daemon::Mute(path) => Link::broken(
            Name::Program,
            format!("{} does not say its version: it cannot be run", path.display()),
            INSTALL,
        ),
        Daemon::Version(path, version) if *version != facts.version => Link::warning(
            Name::Program,
            format!("{own}; but {} is darkslided {version}", path.display()),
            INSTALL.to_owned(),
        ),
        Daemon::Version(_, version) => {
            let started = facts.started_by.as_deref().map(started).unwrap_or_default();
            Link::ok(Name::Program, format!("{own}, darkslided {version}{started}"))
        }
    }
}

fn started(by: &str) -> String {
    match by {
        "hand" => "; the one that serves was started by hand".to_owned(),
        other => format!("; the one that serves was started by {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::State;
    use super::*;

    #[test]
    fn each_fault_of_the_programs_is_named() {
        let facts = |daemon| Facts {
            path: "/b/darkslide".into(),
            version: "2.0.0".into(),
            daemon,
            started_by: Some("systemd".into()),
        };
        let beside = PathBuf::from("/b/darkslided");
        for (daemon, state, says) in [
            (Daemon::Missing, State::Warning, "no darkslided"),
            (Daemon::Mute(beside.clone()), State::Broken, "/b/darkslided"),
            (Daemon::Version(beside.clone(), "1.0.0".into()), State::Warning, "darkslided 1.0.0"),
            (Daemon::Version(beside, "2.0.0".into()), State::Ok, "started by systemd"),
        ] {
            let link = judge(&facts(daemon));
            assert_eq!((link.state, link.hint.is_some()), (state, state != State::Ok));
            assert!(link.what.contains(says), "{link:?}");
        }
    }
}
