//! The fourth link: who is at the other end, and does its policy admit us?
//!
//! Pure: the greeting and what the daemon grants come in. What the daemon says of other peers it
//! says to nobody, so a denial tells no more here than there. The hazard: somebody else who
//! listens first, whom a person would tell what to export.

use std::path::Path;

use darkslide_client::protocol::message::policy::PolicyShow;
use darkslide_client::{Error, PlaceError, Unavailable};

use super::chain::{Link, Name};
use super::shell;

/// What was found.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// Was there a greeting, and if not, why?
    pub(super) greeting: Result<(), &'a Error>,
    /// What is granted to us, where it may be asked.
    pub(super) granted: Option<&'a PolicyShow>,
    /// Who we are.
    pub(super) uid: u32,
    /// The policy file, if one is known.
    pub(super) file: Option<&'a Path>,
}

/// Judges them.
pub(super) fn judge(facts: &Facts<'_>) -> Link {
    match facts.greeting {
        Err(Error::Denied(_)) => Link::broken(
            Name::Peer,
            format!("the daemon's policy has no rule that lets uid {} ask for health", facts.uid),
            mend(facts),
        ),
        Err(Error::Unavailable(Unavailable::Place(error @ PlaceError::PeerUid { path, .. }))) => {
            let hint = format!("ls -l {}", shell::word(path));
            Link::broken(Name::Peer, format!("{error}: neither you nor root"), hint)
        }
        Err(_) => Link::unknown(Name::Peer, "not looked at: nobody has answered"),
        Ok(()) => match facts.granted {
            None => Link::ok(Name::Peer, format!("uid {} is admitted", facts.uid)),
            Some(granted) if granted.libraries.is_empty() => Link::warning(
                Name::Peer,
                format!("rule {} admits uid {}, but grants no library", granted.rule, granted.uid),
                mend(facts),
            ),
            Some(granted) => Link::ok(Name::Peer, words(granted)),
        },
    }
}

fn mend(facts: &Facts<'_>) -> String {
    match facts.file {
        Some(file) => shell::edit(file, None),
        None => shell::POLICY_INIT.to_owned(),
    }
}

fn words(granted: &PolicyShow) -> String {
    let listed = |names: Vec<&str>| {
        if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
    };
    let libraries = listed(granted.libraries.iter().map(|it| it.name.as_str()).collect());
    let roots = listed(granted.roots.iter().map(|it| it.name.as_str()).collect());
    let (rule, uid) = (&granted.rule, granted.uid);
    format!("rule {rule} admits uid {uid}: reads {libraries}, writes below {roots}")
}

#[cfg(test)]
mod tests {
    use darkslide_client::protocol::error::{ErrorName, Reason, WireError};

    use super::super::chain::State;
    use super::*;

    #[track_caller]
    fn check(greeting: Result<(), &Error>, granted: Option<&PolicyShow>, state: State, hint: &str) {
        let file = Some(Path::new("/p.toml"));
        let link = judge(&Facts { greeting, granted, uid: 7, file });
        assert_eq!((link.state, link.hint.as_deref().unwrap_or("")), (state, hint), "{link:?}");
    }

    #[test]
    fn a_denial_and_a_stranger_are_breaks_and_silence_is_not_judged() {
        let denied = Error::from(WireError::new(ErrorName::Denied, Reason::Denied, "no", "x"));
        check(Err(&denied), None, State::Broken, "${EDITOR:-vi} /p.toml");
        let stranger = PlaceError::PeerUid { path: "/r/s".into(), uid: 8 };
        let stranger = Error::from(Unavailable::Place(stranger));
        check(Err(&stranger), None, State::Broken, "ls -l /r/s");
        check(Err(&Unavailable::Closed.into()), None, State::Unknown, "");
    }

    #[test]
    fn a_rule_without_a_library_is_warned_of() {
        let text = r#"{"rule":"me","uid":7,"methods":["health"],"libraries":[],"roots":[]}"#;
        let mut granted: PolicyShow = serde_json::from_str(text).unwrap();
        check(Ok(()), Some(&granted), State::Warning, "${EDITOR:-vi} /p.toml");
        let library = r#"[{"name":"main","hidden":false,"trashed":false}]"#;
        granted.libraries = serde_json::from_str(library).unwrap();
        check(Ok(()), Some(&granted), State::Ok, "");
        check(Ok(()), None, State::Ok, "");
    }
}
