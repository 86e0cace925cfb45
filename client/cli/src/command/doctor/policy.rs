//! The seventh link: the policy file: which one, whose, and what is wrong with it.
//!
//! Pure: the file was read as the daemon would read it, and what it said comes in, with line and
//! column. A daemon that runs goes on with the policy of its start; that its file is wrong now is
//! told by both. The hazard: a person who mends a file that no daemon reads.

use std::path::Path;

use super::chain::{Link, Name};
use super::shell;
use crate::daemon_side::{FoundPolicy, PolicyFault, PolicyFlaw};

/// What was found.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// What the file says, or what is wrong with it.
    pub(super) found: Result<&'a FoundPolicy, &'a PolicyFault>,
    /// What the daemon that runs says is wrong with it.
    pub(super) problem: Option<&'a str>,
    /// Was the file changed since the daemon that runs was started?
    pub(super) is_newer: bool,
    /// Who we are.
    pub(super) uid: u32,
    /// The line that has the daemon that runs read it again.
    pub(super) reload: Option<String>,
}

/// Judges them.
pub(super) fn judge(facts: &Facts<'_>) -> Link {
    let found = match facts.found {
        Ok(found) => found,
        Err(fault) => return Link::broken(Name::Policy, fault.text.clone(), mend(fault)),
    };
    let shown = found.file.as_deref().unwrap_or("built-in, for there is no file");
    let edit = || {
        let file = found.file.as_deref().map(|file| shell::edit(Path::new(file), None));
        file.unwrap_or_else(|| shell::POLICY_INIT.to_owned())
    };
    if let Some(problem) = facts.problem {
        return Link::broken(Name::Policy, format!("{shown}: {problem}"), edit());
    }
    if !found.admits {
        let what = format!("{shown}: it has no rule for uid {}", facts.uid);
        return Link::broken(Name::Policy, what, edit());
    }
    if found.libraries.is_empty() {
        return Link::warning(Name::Policy, format!("{shown}: it names no library"), edit());
    }
    if let (true, Some(reload)) = (facts.is_newer, &facts.reload) {
        let what = format!("{shown}: changed since the daemon started, which goes by what it read");
        return Link::warning(Name::Policy, what, reload.clone());
    }
    let counted = |count: usize, one: &str, many: &str| {
        format!("{count} {}", if count == 1 { one } else { many })
    };
    let libraries = counted(found.libraries.len(), "library", "libraries");
    let roots = counted(found.roots.len(), "root", "roots");
    Link::ok(Name::Policy, format!("{shown}: {libraries}, {roots}"))
}

fn mend(fault: &PolicyFault) -> String {
    let word = |path: &str| shell::word(Path::new(path));
    match &fault.flaw {
        PolicyFlaw::Text { file, line } => shell::edit(Path::new(file), Some(*line)),
        PolicyFlaw::OpenToOthers { path } => {
            let path = word(path);
            format!("sudo chown \"$(id -u)\" {path}; chmod go-w {path}")
        }
        PolicyFlaw::Writable { path } => format!("chmod go-w {}", word(path)),
        PolicyFlaw::InTheWay { path } => format!("mv {0} {0}.away", word(path)),
        PolicyFlaw::Absent { path } => format!("{} {}", shell::POLICY_INIT, word(path)),
        PolicyFlaw::Unreadable { path } => format!("ls -l {}", word(path)),
        PolicyFlaw::Other => "darkslide policy check --help".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain::State;
    use super::*;

    fn found() -> FoundPolicy {
        FoundPolicy {
            file: Some("/p.toml".to_owned()),
            best_effort: false,
            libraries: vec![("main".to_owned(), "/l".to_owned())],
            roots: Vec::new(),
            admits: true,
        }
    }

    fn facts<'a>(
        found: Result<&'a FoundPolicy, &'a PolicyFault>,
        problem: Option<&'a str>,
    ) -> Facts<'a> {
        Facts { found, problem, is_newer: false, uid: 7, reload: None }
    }

    #[test]
    fn a_file_that_is_newer_than_the_daemon_is_told_with_how_it_is_read_again() {
        let reload = Some("kill -HUP 7".to_owned());
        let found = found();
        let newer = Facts { is_newer: true, reload, ..facts(Ok(&found), None) };
        let link = judge(&newer);
        assert_eq!((link.state, link.hint.as_deref()), (State::Warning, Some("kill -HUP 7")));
        let nobody_runs = Facts { is_newer: true, ..facts(Ok(&found), None) };
        assert_eq!(judge(&nobody_runs).state, State::Ok);
    }

    #[test]
    fn each_flaw_of_the_file_has_the_command_that_mends_it() {
        let file = || "/p q".to_owned();
        for (flaw, hint) in [
            (PolicyFlaw::Text { file: file(), line: 3 }, "${EDITOR:-vi} +3 '/p q'"),
            (
                PolicyFlaw::OpenToOthers { path: file() },
                "sudo chown \"$(id -u)\" '/p q'; chmod go-w '/p q'",
            ),
            (PolicyFlaw::Writable { path: file() }, "chmod go-w '/p q'"),
            (PolicyFlaw::InTheWay { path: file() }, "mv '/p q' '/p q'.away"),
            (PolicyFlaw::Absent { path: file() }, &format!("{} '/p q'", shell::POLICY_INIT)),
            (PolicyFlaw::Unreadable { path: file() }, "ls -l '/p q'"),
        ] {
            let fault = PolicyFault { text: "line 3, column 1: no".to_owned(), flaw };
            let link = judge(&facts(Err(&fault), None));
            assert_eq!((link.state, link.hint.as_deref()), (State::Broken, Some(hint)));
            assert!(link.what.contains("line 3"), "{link:?}");
        }
    }

    #[test]
    fn what_a_sound_file_leaves_out_is_named() {
        let check = |found: &FoundPolicy, problem| {
            let link = judge(&facts(Ok(found), problem));
            (link.state, link.hint.unwrap_or_default())
        };
        let edit = "${EDITOR:-vi} /p.toml".to_owned();
        assert_eq!(check(&found(), None), (State::Ok, String::new()));
        assert_eq!(check(&found(), Some("line 1")), (State::Broken, edit.clone()));
        let nobody = FoundPolicy { admits: false, ..found() };
        assert_eq!(check(&nobody, None), (State::Broken, edit.clone()));
        let empty = FoundPolicy { libraries: Vec::new(), ..found() };
        assert_eq!(check(&empty, None), (State::Warning, edit));
        let built_in = FoundPolicy { file: None, libraries: Vec::new(), ..found() };
        assert_eq!(check(&built_in, None).1, shell::POLICY_INIT);
    }
}
