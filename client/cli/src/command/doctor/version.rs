//! The fifth link: do client and daemon speak the same protocol, and are they of one version?
//!
//! Pure. Another version of one protocol works, and is told, for an upgrade whose daemon still runs
//! as it was is the usual cause. The line that starts it anew depends on who started it.

use darkslide_client::protocol::message::health::Health;
use darkslide_client::{Error, ProtocolError};

use super::chain::{Link, Name};

/// What was found.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    /// The greeting, or why there was none.
    pub(super) greeting: Result<&'a Health, &'a Error>,
    /// The version of this program.
    pub(super) ours: &'a str,
    /// How the daemon was started, where it tells.
    pub(super) started_by: Option<&'a str>,
    /// The line that starts a daemon by hand.
    pub(super) start: &'a str,
    /// Who we are.
    pub(super) uid: u32,
}

/// Judges them.
pub(super) fn judge(facts: &Facts<'_>) -> Link {
    match facts.greeting {
        Ok(health) if health.version == facts.ours => Link::ok(
            Name::Version,
            format!("{} on both sides, protocol {}", health.version, health.protocol),
        ),
        Ok(health) => Link::warning(
            Name::Version,
            format!(
                "the daemon is {}, this program is {}; both speak protocol {}",
                health.version, facts.ours, health.protocol
            ),
            restart(facts, health.detail.as_ref().map(|detail| detail.pid)),
        ),
        Err(Error::Protocol(error)) => Link::broken(
            Name::Version,
            match error {
                ProtocolError::OtherService { .. } => {
                    format!("what listens is no darkslided of this protocol: {error}")
                }
                _ => format!("what listens does not keep to the protocol: {error}"),
            },
            "darkslide call health --trace",
        ),
        Err(_) => Link::unknown(Name::Version, "not looked at: nobody has answered"),
    }
}

/// The line that has the daemon start anew, which jobs outlive.
fn restart(facts: &Facts<'_>, pid: Option<u32>) -> String {
    match (facts.started_by, pid) {
        (Some("systemd"), _) => "systemctl --user restart darkslided.service".to_owned(),
        (Some("launchd"), _) => {
            format!("launchctl kickstart -k gui/{}/darkslide.darkslided", facts.uid)
        }
        (_, Some(pid)) => format!("kill {pid}; {}", facts.start),
        (_, None) => facts.start.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use darkslide_client::protocol::value::Token;

    use super::super::chain::State;
    use super::*;

    fn facts<'a>(greeting: Result<&'a Health, &'a Error>, by: Option<&'a str>) -> Facts<'a> {
        Facts { greeting, ours: "2.0.0", started_by: by, start: "darkslided &", uid: 7 }
    }

    #[test]
    fn another_version_is_told_with_the_line_that_starts_it_anew() {
        let of = |version: &str| Health::new(Token::from_bits(1), version.to_owned(), None);
        assert_eq!(judge(&facts(Ok(&of("2.0.0")), None)).state, State::Ok);
        for (by, hint) in [
            (Some("systemd"), "systemctl --user restart darkslided.service"),
            (Some("launchd"), "launchctl kickstart -k gui/7/darkslide.darkslided"),
            (Some("hand"), "darkslided &"),
            (None, "darkslided &"),
        ] {
            let link = judge(&facts(Ok(&of("1.0.0")), by));
            assert_eq!((link.state, link.hint.as_deref()), (State::Warning, Some(hint)), "{by:?}");
            assert!(link.what.contains("1.0.0") && link.what.contains("2.0.0"), "{link:?}");
        }
    }

    #[test]
    fn something_else_that_listens_is_a_break() {
        let other = Error::from(ProtocolError::OtherService { expected: 1 });
        assert_eq!(judge(&facts(Err(&other), None)).state, State::Broken);
        let gone = Error::from(darkslide_client::Unavailable::Closed);
        assert_eq!(judge(&facts(Err(&gone), None)).state, State::Unknown);
    }
}
