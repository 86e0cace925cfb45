//! Runs the programs that a service manager is asked by: `systemctl`, `launchctl`, and `sudo`.
//!
//! The only place of `darkslide service` that starts a process. Programs are found by PATH, words
//! are handed over as they are, and no shell reads them. The hazard: a question that waits for an
//! answer nobody sees; so stdin is closed, but for what is handed in.

#![expect(clippy::disallowed_methods, reason = "owns asking the service manager")]

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::error::{Said, ServiceError};

/// Bytes of what a program said that are shown, at most.
const MAX_SAID_BYTES: usize = 2_000;

/// A program and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    /// The program, as PATH finds it.
    pub(crate) program: &'static str,
    /// Its words.
    pub(crate) words: Vec<String>,
    /// What it reads on stdin.
    pub(crate) input: Option<String>,
}

impl Call {
    /// Without anything on stdin.
    pub(crate) fn new(program: &'static str, words: &[&str]) -> Self {
        let words = words.iter().map(|word| (*word).to_owned()).collect();
        Self { program, words, input: None }
    }

    /// As a shell would take it.
    pub(crate) fn shown(&self) -> String {
        pasted(std::iter::once(self.program).chain(self.words.iter().map(String::as_str)))
    }

    /// Runs it; what it answered on stdout.
    ///
    /// # Errors
    /// [`ServiceError::NotThere`], [`ServiceError::Run`]; [`ServiceError::Failed`] if it says so.
    pub(crate) fn run(&self) -> Result<String, ServiceError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => ServiceError::NotThere { program: self.program, source },
            _ => ServiceError::Run { program: self.program, source },
        };
        let mut command = Command::new(self.program);
        command.args(&self.words).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(if self.input.is_some() { Stdio::piped() } else { Stdio::null() });
        if let Some(folder) = missing_runtime_folder() {
            command.env(RUNTIME, folder);
        }
        let mut child = command.spawn().map_err(failed)?;
        if let (Some(input), Some(mut stdin)) = (&self.input, child.stdin.take()) {
            // Who does not read it says why by how it ends.
            drop(stdin.write_all(input.as_bytes()));
        }
        let ended = child.wait_with_output().map_err(failed)?;
        if ended.status.success() {
            return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&ended.stderr).trim().to_owned();
        let said = if said.is_empty() { ended.status.to_string() } else { said };
        let cut = said.char_indices().take_while(|(at, _)| *at < MAX_SAID_BYTES);
        let source = Said(cut.map(|(_, character)| character).collect());
        Err(ServiceError::Failed { command: self.shown(), source })
    }
}

/// Where `systemctl` looks for the user's manager.
const RUNTIME: &str = "XDG_RUNTIME_DIR";

/// Under ssh, cron or su nobody may have set it, though the user's manager is there.
fn missing_runtime_folder() -> Option<String> {
    let is_set = env::var_os(RUNTIME).is_some_and(|folder| !folder.is_empty());
    let folder = format!("/run/user/{}", rustix::process::getuid().as_raw());
    (!is_set && Path::new(&folder).is_dir()).then_some(folder)
}

/// Words as a shell would take them.
pub(crate) fn pasted<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.map(for_shell).collect::<Vec<_>>().join(" ")
}

fn for_shell(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./=:@,+%~".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) && !word.starts_with('~') {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_shown_so_that_they_can_be_pasted() {
        for (word, shown) in [
            ("--user", "--user"),
            ("darkslided@me.socket", "darkslided@me.socket"),
            ("a b", "'a b'"),
            ("it's", r"'it'\''s'"),
            ("$HOME", "'$HOME'"),
            ("~", "'~'"),
            ("", "''"),
        ] {
            assert_eq!(for_shell(word), shown);
        }
        assert_eq!(Call::new("systemctl", &["--user", "a b"]).shown(), "systemctl --user 'a b'");
    }

    #[test]
    fn what_a_program_answers_reads_and_says_is_told_apart() {
        let echo = Call { input: Some("in".to_owned()), ..Call::new("cat", &[]) };
        assert_eq!(echo.run().unwrap(), "in");
        let long = format!("echo no >&2; printf '%{}s' x >&2; exit 3", MAX_SAID_BYTES * 3);
        let Err(ServiceError::Failed { command, source }) = Call::new("sh", &["-c", &long]).run()
        else {
            panic!("it failed");
        };
        assert!(command.starts_with("sh -c "), "{command}");
        assert!(source.0.starts_with("no\n") && source.0.len() == MAX_SAID_BYTES, "{source}");
        let silent = Call::new("false", &[]).run().unwrap_err();
        assert!(matches!(&silent, ServiceError::Failed { source, .. } if source.0.contains('1')));
        let absent = Call::new("darkslide-no-such-program", &[]).run().unwrap_err();
        assert!(matches!(absent, ServiceError::NotThere { .. }), "{absent:?}");
    }
}
