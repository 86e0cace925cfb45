//! The command line of `darkslided`: raw words in, checked arguments out.
//!
//! Four options do not ask for a parser of their own; the CLI, which has many, uses one. Nothing
//! here looks at the disk or at the environment.

use std::ffi::OsString;

use darkslide_policy::Platform;

use crate::boot::BootError;
use crate::telemetry::Level;

/// What `--help` says.
pub const HELP: &str = "\
darkslided: serves Photos libraries, confined, over a Unix socket

usage: darkslided [--socket PATH] [--policy PATH] [--log LEVEL]

  --socket PATH   where to listen (default: $XDG_RUNTIME_DIR/darkslide/s, or /run/user/UID in its
                  place; on macOS ~/Library/Application Support/darkslide/s)
  --policy PATH   the policy file (default: $XDG_CONFIG_HOME/darkslide/policy.toml, then
                  /etc/darkslide/policy.toml, then the built-in policy); not on macOS, where it is
                  always /Library/Application Support/darkslide/policy.toml, which root owns
  --log LEVEL     error, warn, info (default) or debug; JSON lines on stderr
  --version       print the version and end
  --help          print this and end

Jobs go on after a restart; they are kept in $DARKSLIDE_STATE (default: $STATE_DIRECTORY, then
$XDG_STATE_HOME/darkslide, then ~/.local/state/darkslide; on macOS always in
~/Library/Application Support/darkslide/state).

Started by systemd or launchd, it serves on the socket that they made, which must lie where it
would make its own. If it cannot start then, it tells so whoever connects within 10 s, unless that
socket is the cause, and ends with 78, whatever the cause, so that it is not started in a loop.

On SIGTERM it ends in good order, within 5 s. On SIGHUP it looks at the policy file: where that is
broken, it says so and goes on; else it ends, for the next start to enforce it. It also ends when a
library or root has come, or is another, as soon as no request and no job is at work.

Exit statuses are those of sysexits: 64 usage, 69 unavailable, 71 system, 77 cannot be confined,
78 configuration. 75: whoever started it is to do so again at once.
";

/// What the command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// To serve.
    Serve(Arguments),
    /// To print [`HELP`].
    Help,
    /// To print the version.
    Version,
}

/// How to serve.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Arguments {
    /// Where to listen.
    pub socket: Option<String>,
    /// The policy file.
    pub policy: Option<String>,
    /// How much is logged.
    pub log: Option<Level>,
}

impl Arguments {
    /// Refuses what would let whoever starts the program choose what it may do: on macOS that
    /// would be anybody, for the grant belongs to the code.
    ///
    /// # Errors
    /// [`BootError::Usage`].
    pub(super) fn fit(&self, platform: Platform) -> Result<(), BootError> {
        match platform {
            Platform::MacOs if self.policy.is_some() => Err(BootError::Usage(
                "on macOS no argument names the policy: root's file is the one that counts"
                    .to_owned(),
            )),
            Platform::MacOs | Platform::Linux => Ok(()),
        }
    }
}

/// Reads the words after the program's name.
///
/// # Errors
/// [`BootError::Usage`] for anything that [`HELP`] does not name.
pub fn parse(words: impl Iterator<Item = OsString>) -> Result<Wanted, BootError> {
    let mut arguments = Arguments::default();
    let mut words = words.map(|word| {
        word.into_string().map_err(|_| BootError::Usage("an argument is not UTF-8".to_owned()))
    });
    while let Some(word) = words.next().transpose()? {
        let (option, glued) = match word.split_once('=') {
            Some((option, value)) => (option.to_owned(), Some(value.to_owned())),
            None => (word, None),
        };
        let mut value = |what: &str| match glued.clone() {
            Some(value) => Ok(value),
            None => words
                .next()
                .transpose()?
                .ok_or_else(|| BootError::Usage(format!("{what} wants a value"))),
        };
        match option.as_str() {
            "--socket" => arguments.socket = Some(value("--socket")?),
            "--policy" => arguments.policy = Some(value("--policy")?),
            "--log" => {
                let word = value("--log")?;
                let level = Level::from_word(&word);
                arguments.log = Some(
                    level.ok_or_else(|| BootError::Usage(format!("{word:?} is no log level")))?,
                );
            }
            "--help" | "-h" => return Ok(Wanted::Help),
            "--version" | "-V" => return Ok(Wanted::Version),
            other => return Err(BootError::Usage(format!("unknown argument {other:?}"))),
        }
    }
    Ok(Wanted::Serve(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_words(words: &[&str]) -> Result<Wanted, String> {
        parse(words.iter().map(OsString::from)).map_err(|error| error.to_string())
    }

    #[test]
    fn takes_values_glued_and_apart() {
        let expected = Arguments {
            socket: Some("/s".into()),
            policy: Some("/p".into()),
            log: Some(Level::Debug),
        };
        let glued = ["--socket=/s", "--policy=/p", "--log=debug"];
        let apart = ["--socket", "/s", "--policy", "/p", "--log", "debug"];
        assert_eq!(parse_words(&glued), Ok(Wanted::Serve(expected.clone())));
        assert_eq!(parse_words(&apart), Ok(Wanted::Serve(expected)));
    }

    #[test]
    fn on_a_mac_no_argument_names_the_policy() {
        let named = Arguments { policy: Some("/p".into()), ..Arguments::default() };
        assert!(named.fit(Platform::MacOs).is_err() && named.fit(Platform::Linux).is_ok());
        // A socket elsewhere lets in nobody whom the policy does not know.
        let placed = Arguments { socket: Some("/s".into()), ..Arguments::default() };
        assert!(placed.fit(Platform::MacOs).is_ok());
    }

    #[test]
    fn refuses_what_help_does_not_name() {
        for words in
            [&["--sockt", "/s"][..], &["--socket"], &["x"], &["--log", "trace"], &["--private"]]
        {
            assert!(parse_words(words).is_err(), "{words:?}");
        }
    }
}
