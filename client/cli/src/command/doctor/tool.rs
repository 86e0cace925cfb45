//! Asks another program one short question: its version, or a service manager how a unit is.
//!
//! Beside `private_daemon` the one place of this program that starts another. Nothing that is asked
//! changes anything. The hazard: a program that never answers; so there is an end to the waiting,
//! and to what is read.

#![expect(clippy::disallowed_methods, reason = "starts small programs, to ask them")]

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How often a program is looked at, and how many times: 5 s in all.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const LOOKS: u32 = 500;

/// An answer is a line.
const MAX_ANSWER_BYTES: u64 = 4 * 1024;

/// What a program said on stdout, in one line, and whether it ended well; nothing where it cannot
/// be run or does not end.
pub(super) async fn ask(program: &Path, arguments: &[&OsStr]) -> Option<(bool, String)> {
    ask_for(LOOKS, program, arguments).await
}

async fn ask_for(looks: u32, program: &Path, arguments: &[&OsStr]) -> Option<(bool, String)> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    for _ in 0..looks {
        match child.try_wait() {
            Ok(None) => tokio::time::sleep(LOOK_EVERY).await,
            Ok(Some(status)) => return Some((status.success(), answer(&mut child)?)),
            Err(_) => return None,
        }
    }
    drop(child.kill());
    drop(child.wait());
    None
}

fn answer(child: &mut Child) -> Option<String> {
    let mut bytes = Vec::new();
    child.stdout.take()?.take(MAX_ANSWER_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).lines().next().unwrap_or_default().trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sh(script: &str) -> Option<(bool, String)> {
        ask(Path::new("/bin/sh"), &["-c".as_ref(), script.as_ref()]).await
    }

    #[tokio::test]
    async fn an_answer_is_one_line_and_whether_it_was_well() {
        assert_eq!(sh("echo active; echo more").await, Some((true, "active".to_owned())));
        assert_eq!(sh("echo inactive; exit 3").await, Some((false, "inactive".to_owned())));
        assert_eq!(ask(Path::new("/none/such"), &[]).await, None);
        for bytes in [MAX_ANSWER_BYTES, MAX_ANSWER_BYTES + 1, MAX_ANSWER_BYTES * 8] {
            let (_, answer) = sh(&format!("printf %{bytes}d 7 | tr ' ' x")).await.unwrap();
            assert_eq!(answer.len() as u64, MAX_ANSWER_BYTES);
        }
    }

    #[tokio::test]
    async fn a_program_that_does_not_answer_is_ended() {
        assert_eq!(ask_for(3, Path::new("/bin/sleep"), &["1000".as_ref()]).await, None);
    }
}
