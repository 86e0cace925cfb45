//! The chain as a value: its links in order, what each is found to be, and how the program ends.
//!
//! Pure: every link's file adds to it, and the output shows it. A break has one hint, a line to be
//! typed next; the first break is the summary. What could not be looked at is said to be so, never
//! taken for well.

use serde::Serialize;

use crate::exit::Exit;
use crate::output::plain;
use crate::output::style::Style;

/// The links, in the order in which one needs the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Name {
    /// What is installed.
    Program,
    /// systemd or launchd.
    Manager,
    /// The socket and its folder.
    Socket,
    /// Who is at the other end, and whether it admits us.
    Peer,
    /// Client against daemon.
    Version,
    /// What the kernel enforces.
    Confinement,
    /// The file that says who may do what.
    Policy,
    /// A library.
    Library,
    /// A root.
    Root,
    /// The folder of jobs and log.
    State,
    /// Room on the disks.
    Space,
}

impl Name {
    /// The word, as JSON has it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Manager => "manager",
            Self::Socket => "socket",
            Self::Peer => "peer",
            Self::Version => "version",
            Self::Confinement => "confinement",
            Self::Policy => "policy",
            Self::Library => "library",
            Self::Root => "root",
            Self::State => "state",
            Self::Space => "space",
        }
    }
}

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// Well.
    Ok,
    /// It works, and somebody should look at it.
    Warning,
    /// It stops what is behind it.
    Broken,
    /// Not looked at, or not to be known.
    Unknown,
}

/// One link, or one thing of it where there are several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Link {
    pub(super) name: Name,
    pub(super) state: State,
    /// What was found, in words.
    pub(super) what: String,
    /// The next line to type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) hint: Option<String>,
    /// Broken only in that nobody serves.
    #[serde(skip)]
    is_absence: bool,
}

impl Link {
    /// It is well.
    pub(super) fn ok(name: Name, what: impl Into<String>) -> Self {
        Self { name, state: State::Ok, what: what.into(), hint: None, is_absence: false }
    }

    /// It is not looked at, for something before it is broken.
    pub(super) fn unknown(name: Name, what: impl Into<String>) -> Self {
        Self { state: State::Unknown, ..Self::ok(name, what) }
    }

    /// It should be looked at.
    pub(super) fn warning(
        name: Name,
        what: impl Into<String>,
        hint: impl Into<Option<String>>,
    ) -> Self {
        Self { state: State::Warning, hint: hint.into(), ..Self::ok(name, what) }
    }

    /// It is broken, and this is what to type next.
    pub(super) fn broken(name: Name, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { state: State::Broken, hint: Some(hint.into()), ..Self::ok(name, what) }
    }

    /// Nobody serves, and this starts somebody.
    pub(super) fn absent(name: Name, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { is_absence: true, ..Self::broken(name, what, hint) }
    }
}

/// All links.
#[derive(Debug, Serialize)]
pub(super) struct Chain {
    ok: bool,
    links: Vec<Link>,
}

impl Chain {
    /// Puts them together.
    pub(super) fn new(links: Vec<Link>) -> Self {
        let ok = links.iter().all(|link| link.state != State::Broken);
        Self { ok, links }
    }

    /// How the program ends: that nobody serves, and nothing else, has its own code.
    pub(super) fn exit(&self) -> Exit {
        let broken = || self.links.iter().filter(|link| link.state == State::Broken);
        if self.ok {
            Exit::Done
        } else if broken().all(|link| link.is_absence) {
            Exit::NoDaemon
        } else {
            Exit::Failed
        }
    }

    /// The lines for a person: each link, and last what to do first.
    pub(super) fn for_person(&self, style: Style) -> String {
        let mut lines: Vec<String> = self.links.iter().map(|link| line(link, style)).collect();
        let first = |state| self.links.iter().find(move |link| link.state == state);
        lines.push(String::new());
        match (first(State::Broken), first(State::Warning)) {
            (Some(link), _) => {
                lines.push(summary(&style.red("the first break"), link));
            }
            (None, Some(link)) => {
                lines.push(summary(&style.yellow("nothing is broken; look at"), link));
            }
            (None, None) => lines.push(style.green("all is well")),
        }
        lines.join("\n")
    }
}

fn line(link: &Link, style: Style) -> String {
    let mark = match link.state {
        State::Ok => style.green("✓"),
        State::Warning => style.yellow("!"),
        State::Broken => style.red("✗"),
        State::Unknown => "?".to_owned(),
    };
    let line = format!("{mark} {:<11}  {}", link.name.as_str(), plain::line(&link.what));
    match &link.hint {
        Some(hint) => format!("{line}\n               → {}", plain::line(hint)),
        None => line,
    }
}

fn summary(words: &str, link: &Link) -> String {
    let next = link.hint.as_ref().map_or_else(String::new, |hint| format!("\nnext: {hint}"));
    format!("{words}: {}: {}{}", link.name.as_str(), plain::line(&link.what), plain::lines(&next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(links: &[Link]) -> Chain {
        Chain::new(links.to_vec())
    }

    #[test]
    fn the_exit_says_whether_something_else_than_the_daemon_is_missing() {
        let well = Link::ok(Name::Program, "x");
        let warned = Link::warning(Name::Manager, "x", None);
        let absent = Link::absent(Name::Socket, "nobody listens", "darkslided &");
        let broken = Link::broken(Name::Policy, "x", "vi");
        let unknown = Link::unknown(Name::Peer, "not looked at");
        for (links, exit) in [
            (vec![well.clone(), warned, unknown], Exit::Done),
            (vec![well.clone(), absent.clone()], Exit::NoDaemon),
            (vec![absent, broken.clone()], Exit::Failed),
            (vec![well, broken], Exit::Failed),
        ] {
            assert_eq!(chain(&links).exit(), exit, "{links:?}");
        }
    }

    #[test]
    fn the_first_break_is_the_summary_and_nothing_of_a_name_is_obeyed() {
        let hostile = Link::broken(Name::Root, "a\x1b[2J\nb", "ls 'a\u{202e}'");
        let text = chain(&[
            Link::warning(Name::Program, "old", None),
            hostile,
            Link::broken(Name::Space, "full", "df"),
        ])
        .for_person(Style::PLAIN);
        assert!(!text.contains('\x1b') && !text.contains('\u{202e}'), "{text:?}");
        assert!(text.contains("the first break: root: a"), "{text}");
        assert!(text.lines().last().unwrap().starts_with("next: ls "), "{text}");
    }

    #[test]
    fn a_program_gets_one_object_with_the_words_of_the_states() {
        let links =
            [Link::ok(Name::Program, "x"), Link::absent(Name::Socket, "nobody", "darkslided &")];
        assert_eq!(
            serde_json::to_string(&chain(&links)).unwrap(),
            r#"{"ok":false,"links":[{"name":"program","state":"ok","what":"x"},{"name":"socket","state":"broken","what":"nobody","hint":"darkslided &"}]}"#
        );
    }
}
