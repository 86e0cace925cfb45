//! The second link: is there a service manager that starts the daemon at the first connection?
//!
//! Pure: which files are there and what the manager said come in. Without one the daemon is started
//! by hand, which is as good while it runs. Files and names are those that `darkslide service
//! install` writes. The hazard: a unit that is installed and asleep, while everybody looks at the
//! socket.

use super::chain::{Link, Name};

/// Which manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// User units.
    Systemd,
    /// A LaunchAgent.
    Launchd,
}

impl Kind {
    fn unit(self) -> &'static str {
        match self {
            Self::Systemd => "darkslided.socket",
            Self::Launchd => "darkslide.darkslided",
        }
    }
}

/// What was found.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    /// Which manager this system has.
    pub(super) kind: Kind,
    /// How many of its files there are, and how many there should be.
    pub(super) files: (usize, usize),
    /// What the manager says of the socket.
    pub(super) answer: Answer,
    /// Does somebody serve?
    pub(super) serves: bool,
}

/// What the manager says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// It listens.
    Active,
    /// It does not; in its own word.
    Not(String),
    /// There is no manager for this user here: in a container, under cron, after su.
    NoManager,
}

/// Judges them.
pub(super) fn judge(facts: &Facts) -> Link {
    let unit = facts.kind.unit();
    let (found, wanted) = facts.files;
    if found == 0 {
        return match facts.serves {
            true => Link::ok(Name::Manager, "nothing is installed, and nothing is needed"),
            false => Link::warning(
                Name::Manager,
                "nothing is installed that would start the daemon by itself",
                "darkslide service install".to_owned(),
            ),
        };
    }
    if found < wanted {
        let what = format!("{found} of the {wanted} files of the service are there");
        return Link::broken(Name::Manager, what, "darkslide service install");
    }
    match &facts.answer {
        Answer::Active => Link::ok(Name::Manager, format!("{unit} is active")),
        Answer::Not(word) if word == "failed" => Link::broken(
            Name::Manager,
            format!("{unit} has failed"),
            format!("systemctl --user reset-failed {unit} && darkslide service start"),
        ),
        Answer::Not(word) => Link::broken(
            Name::Manager,
            format!("{unit} is installed and {word}"),
            "darkslide service start",
        ),
        Answer::NoManager => Link::warning(
            Name::Manager,
            format!("{unit} is installed, but no manager of this user answers here"),
            "loginctl enable-linger".to_owned(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::State;
    use super::*;

    #[test]
    fn each_fault_of_the_service_has_its_next_command() {
        let facts = |found, answer: &Answer, serves| Facts {
            kind: Kind::Systemd,
            files: (found, 2),
            answer: answer.clone(),
            serves,
        };
        let not = |word: &str| Answer::Not(word.to_owned());
        for (found, answer, serves, state, hint) in [
            (0, Answer::NoManager, true, State::Ok, ""),
            (0, Answer::NoManager, false, State::Warning, "darkslide service install"),
            (1, Answer::Active, true, State::Broken, "darkslide service install"),
            (2, Answer::Active, false, State::Ok, ""),
            (2, not("inactive"), false, State::Broken, "darkslide service start"),
            (2, not("failed"), false, State::Broken, "systemctl --user reset-failed"),
            (2, Answer::NoManager, false, State::Warning, "loginctl enable-linger"),
        ] {
            let link = judge(&facts(found, &answer, serves));
            assert_eq!(link.state, state, "{found} {answer:?}");
            assert!(link.hint.unwrap_or_default().starts_with(hint), "{found} {answer:?}");
        }
        let link = judge(&Facts { kind: Kind::Launchd, ..facts(1, &Answer::Active, true) });
        assert_eq!(link.state, State::Broken, "of two");
    }
}
