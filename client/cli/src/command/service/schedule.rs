//! An export that runs by itself: its name, its hour, and its command, checked before anything is
//! written.
//!
//! Pure. The command is parsed as it will be at night, by the same types: a typing error is told
//! now. Paths must be absolute, for nobody stands in a folder then. The hazard: a schedule that
//! looks well and exports nothing for a year.

use std::fmt;
use std::path::Path;

use clap::Parser;

use crate::args::{Arguments, Command};
use crate::output::plain;
use crate::report::Failure;

/// Characters of a name: with what stands around it, it is a file's name.
pub(crate) const MAX_NAME: usize = 64;
/// Bytes of all words together: a fraction of what a line of a unit holds.
pub(crate) const MAX_WORDS_BYTES: usize = 32 * 1024;

/// An export that runs by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule {
    name: String,
    at: At,
    words: Vec<String>,
}

/// An hour of the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct At {
    hour: u8,
    minute: u8,
}

impl At {
    fn parse(text: &str) -> Option<Self> {
        let (hour, minute) = text.split_once(':')?;
        let number = |text: &str, end: u8| {
            let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok()).flatten().filter(|number| *number < end)
        };
        Some(Self { hour: number(hour, 24)?, minute: number(minute, 60)? })
    }

    /// Both parts.
    pub(crate) fn hour_and_minute(self) -> (u8, u8) {
        (self.hour, self.minute)
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.hour, self.minute)
    }
}

impl Schedule {
    /// Checks it.
    ///
    /// # Errors
    /// [`Failure::Usage`] for a name, an hour or a command that would not do.
    pub(crate) fn new(name: &str, at: &str, words: Vec<String>) -> Result<Self, Failure> {
        let name = checked_name(name)?;
        let at = At::parse(at)
            .ok_or_else(|| Failure::usage(format!("{at:?} is no time"), "write it as 04:30"))?;
        check_command(&words)?;
        Ok(Self { name, at, words })
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// When it runs.
    pub(crate) fn at(&self) -> At {
        self.at
    }

    /// The words behind the program.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }
}

/// A name that can stand in a file's name and in a label.
///
/// # Errors
/// [`Failure::Usage`].
pub(crate) fn checked_name(name: &str) -> Result<String, Failure> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty()
        || name.len() > MAX_NAME
        || !name.bytes().all(is_plain)
        || name.starts_with('-')
    {
        return Err(Failure::usage(
            format!("{:?} is no name for a scheduled export", plain::cut(name, MAX_NAME)),
            format!("use small letters, digits and dashes, at most {MAX_NAME}, such as nightly"),
        ));
    }
    Ok(name.to_owned())
}

fn check_command(words: &[String]) -> Result<(), Failure> {
    let bytes: usize = words.iter().map(String::len).sum();
    if bytes > MAX_WORDS_BYTES {
        return Err(Failure::usage(
            format!("the command has {bytes} bytes; {MAX_WORDS_BYTES} are allowed"),
            "select with fewer words, or by an album",
        ));
    }
    let all = std::iter::once("darkslide").chain(words.iter().map(String::as_str));
    let wrong = |error: clap::Error| {
        let text = error.render().to_string();
        let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
        Failure::usage(
            format!("the scheduled command is wrong: {}", plain::line(line)),
            "try it without `service schedule NAME --` first",
        )
    };
    let arguments = Arguments::try_parse_from(all).map_err(wrong)?;
    let Command::Export(export) = &arguments.command else {
        return Err(Failure::usage(
            "only exports can be scheduled",
            "write: darkslide service schedule NAME -- export DEST …",
        ));
    };
    let library = arguments.global.library.as_deref();
    let destination = export.destination.as_deref().filter(|_| export.root.is_none());
    // The running daemon knows what ~ is; a private one is handed paths by this program.
    let is_fixed = |path: &Path| path.is_absolute() || library.is_none() && path.starts_with("~");
    match library.into_iter().chain(destination).find(|path| !is_fixed(path)) {
        Some(path) => Err(Failure::usage(
            format!("{path:?} depends on where somebody stands"),
            "write the whole path",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::style::Style;

    fn words(text: &[&str]) -> Vec<String> {
        text.iter().map(|word| (*word).to_owned()).collect()
    }

    #[track_caller]
    fn refused(name: &str, at: &str, command: &[&str]) -> String {
        let failure = Schedule::new(name, at, words(command)).unwrap_err();
        assert_eq!(failure.exit(), crate::exit::Exit::Usage, "{failure}");
        failure.lines(Style::PLAIN, "").unwrap()
    }

    #[test]
    fn what_would_fail_at_night_is_refused_now() {
        for (command, told) in [
            (&["export", "--albun", "x"][..], "unexpected argument '--albun'"),
            (&["export", "--kind", "nice"], "invalid value 'nice'"),
            (&["info"], "only exports"),
            (&["service", "uninstall"], "only exports"),
            (&[], "the scheduled command is wrong"),
            (&["export", "Exports"], "depends on where"),
            (&["export", "./x", "--album", "y"], "depends on where"),
            (&["export", "/x", "--library", "L.photoslibrary"], "depends on where"),
            (&["export", "~/x", "--library", "/L.photoslibrary"], "depends on where"),
        ] {
            let lines = refused("nightly", "04:30", command);
            assert!(lines.contains(told), "{command:?}: {lines}");
        }
        for command in [
            &["export"][..],
            &["export", "/mnt/nas/photos", "--album=-x 100%"],
            &["export", "~/Exports/all"],
            &["export", "below/the/root", "--root", "nas"],
            &["export", "/x", "--library", "/L.photoslibrary"],
        ] {
            let schedule = Schedule::new("nightly", "04:30", words(command)).unwrap();
            assert_eq!(schedule.words(), command);
        }
    }

    #[test]
    fn names_are_those_of_files_and_labels() {
        for name in ["a", "nightly-2", &"x".repeat(MAX_NAME)] {
            assert_eq!(checked_name(name).unwrap(), name);
        }
        let (over, absurd) = ("x".repeat(MAX_NAME + 1), "x".repeat(MAX_NAME * 1_000));
        for name in ["", "-x", "A", "a b", "a/b", "..", "a.b", "a%b", "é", &over, &absurd] {
            assert!(checked_name(name).is_err(), "{name}");
        }
        assert!(refused(&absurd, "04:30", &["export"]).len() < 1_000, "it is not told in full");
    }

    #[test]
    fn an_hour_is_one_of_the_day() {
        for (text, parsed) in [("00:00", (0, 0)), ("23:59", (23, 59)), ("07:05", (7, 5))] {
            let at = At::parse(text).unwrap();
            assert_eq!((at.hour_and_minute(), at.to_string().as_str()), (parsed, text));
        }
        for text in
            ["24:00", "00:60", "7:05", "07:5", "0705", "", ":", "+1:00", "07:05:00", "٠٧:٠٥"]
        {
            assert_eq!(At::parse(text), None, "{text}");
        }
    }

    #[test]
    fn words_have_a_limit() {
        let of = |bytes: usize| {
            let rest = "x".repeat(bytes - "export".len() - "--album".len());
            Schedule::new("n", "04:30", vec!["export".to_owned(), "--album".to_owned(), rest])
        };
        assert!(of(MAX_WORDS_BYTES).is_ok());
        for over in [MAX_WORDS_BYTES + 1, MAX_WORDS_BYTES * 100] {
            assert!(matches!(of(over), Err(Failure::Usage { .. })));
        }
    }
}
