//! The programs that are measured: found beside this one, started, timed, and watched from outside
//! through `/proc` for the most memory that one of their children had at once. Output goes to
//! nowhere.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::Failed;

/// Between two looks at a child's memory; its kernel keeps the peak, so few are missed.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Returns a program of the same build.
pub(crate) fn beside(name: &str) -> Result<PathBuf, Failed> {
    let path = std::env::current_exe()?.with_file_name(name);
    if path.is_file() {
        return Ok(path);
    }
    Err(format!("{name} is not built: cargo build --release --workspace").into())
}

/// Runs a command to its end and returns how long it took.
pub(crate) fn timed(command: &mut Command) -> Result<Duration, Failed> {
    let begun = Instant::now();
    let output = quiet(command).stderr(Stdio::piped()).spawn()?.wait_with_output()?;
    let time = begun.elapsed();
    if output.status.success() {
        return Ok(time);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().next().unwrap_or("without a word").to_owned();
    Err(format!("{:?} failed: {first}", command.get_program()).into())
}

/// What processors have worked for this program (or for all children that have ended), so far.
pub(crate) fn work(of: UsageWho) -> Duration {
    let Ok(usage) = getrusage(of) else { return Duration::ZERO };
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// Runs a command to its end and returns the peak memory of its largest child, in kilobytes.
pub(crate) fn peak_of_child(command: &mut Command) -> Result<u64, Failed> {
    let mut parent = quiet(command).stderr(Stdio::null()).spawn()?;
    let mut peak = 0;
    while parent.try_wait()?.is_none() {
        for child in children(&parent) {
            peak = peak.max(status(child, "VmHWM:").unwrap_or(0));
        }
        sleep(LOOK_EVERY);
    }
    Ok(peak)
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null())
}

/// The processes that a process has started itself.
fn children(parent: &Child) -> Vec<u64> {
    let own = u64::from(parent.id());
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let processes = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.filter(|process| status(*process, "PPid:") == Some(own)).collect()
}

/// A number of `/proc/PID/status`.
pub(crate) fn status(process: u64, name: &str) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse().ok()
}

/// A command of the command line on a library, with a private daemon.
pub(crate) fn darkslide(program: &Path, library: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(words).arg("--library").arg(library);
    command
}
