//! Starts a private daemon: this program once more, with a socket pair, one document, an empty
//! environment. The only place here that starts a daemon.
//!
//! Descriptor 0 of the child is its end of the pair, 1 a pipe with the document, 2 its log, which
//! is read here so that an error at start is said once and well; everything else is closed on exec.
//! A process group of its own keeps Ctrl-C from it. The hazard: an end of the pair that stays open
//! in the parent, so that neither side ever sees the other go.

#![expect(
    clippy::disallowed_methods,
    reason = "owns the child: starts it, reads its log, waits for its end"
)]

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use darkslide_client::supervisor::End;
use darkslide_client::{Builder, Client, Error, Unavailable};
use tokio::sync::oneshot;

use crate::daemon_side::{EX_NOINPUT, EX_NOPERM, Level, PRIVATE_DAEMON, Wish};
use crate::exit::Exit;
use crate::output::plain;
use crate::told::{Lines, MAX_KEPT_LINE_BYTES, Told};

/// How long a daemon may take to finish the file in hand once its socket is closed; it gives itself
/// 5 s.
const ENDS_WITHIN: Duration = Duration::from_secs(15);

/// Why there is no private daemon, or no longer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The system gave no process, or what it needs.
    #[error("cannot start a private daemon")]
    System(#[source] io::Error),
    /// It said why.
    #[error(transparent)]
    Refused(Told),
    /// It ended without a word.
    #[error("the private daemon ended: {}", End::from(*status))]
    Ended {
        /// How.
        status: ExitStatus,
    },
}

impl StartError {
    /// What to do.
    pub(crate) fn hint(&self) -> &str {
        match self {
            Self::System(_) => "raise the limits of processes and open files",
            Self::Refused(told) => told.hint(),
            Self::Ended { .. } => {
                "run it again with --log debug; the kernel's log names what was killed for a forbidden call"
            }
        }
    }

    /// How the program ends.
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Refused(told) if told.status() == Some(EX_NOINPUT) => Exit::NotFound,
            Self::System(_) | Self::Refused(_) | Self::Ended { .. } => Exit::Failed,
        }
    }

    /// Can the kernel not confine it?
    pub(crate) fn is_unconfinable(&self) -> bool {
        match self {
            Self::Refused(told) => told.status() == Some(EX_NOPERM),
            Self::System(_) | Self::Ended { .. } => false,
        }
    }
}

/// What a private daemon is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The bundle, absolute.
    pub(crate) library: String,
    /// The one root, absolute.
    pub(crate) destination: Option<String>,
    /// Nothing is to be written, and the root not to be made.
    pub(crate) only_plans: bool,
    /// Go on where the kernel cannot confine.
    pub(crate) best_effort: bool,
    /// How much it logs.
    pub(crate) log: Level,
}

/// A private daemon that runs.
#[derive(Debug)]
pub(crate) struct PrivateDaemon {
    child: Child,
    log: Arc<Mutex<Log>>,
    ended: oneshot::Receiver<()>,
}

/// What becomes of the daemon's log: kept until it serves, for it may be why it does not; then
/// shown.
#[derive(Debug)]
enum Log {
    Kept(Lines),
    Shown,
}

/// Starts a private daemon and waits until it serves.
///
/// The future may be dropped: the daemon then ends with its socket.
pub(crate) async fn start(
    plan: &Plan,
    builder: Builder,
) -> Result<(Client, PrivateDaemon), StartError> {
    let (ours, theirs) = UnixStream::pair().map_err(StartError::System)?;
    let daemon = PrivateDaemon::spawn(plan, theirs).map_err(StartError::System)?;
    let client = match builder.over(ours) {
        Ok(client) => client,
        Err(error) => return Err(StartError::System(io::Error::other(error))),
    };
    match client.hello().await {
        Ok(_) => {
            daemon.show_log();
            Ok((client, daemon))
        }
        Err(error) => {
            drop(client);
            Err(daemon.why_not(error).await)
        }
    }
}

impl PrivateDaemon {
    fn spawn(plan: &Plan, theirs: UnixStream) -> io::Result<Self> {
        let (reader, mut writer) = io::pipe()?;
        let mut child = {
            // The command holds the child's ends; they must be closed here before anybody waits for
            // anything.
            let mut command = this_program(PRIVATE_DAEMON)?;
            command
                .stdin(OwnedFd::from(theirs))
                .stdout(OwnedFd::from(reader))
                .stderr(Stdio::piped());
            command.spawn()?
        };
        let log = Arc::new(Mutex::new(Log::Kept(Lines::default())));
        let (over, ended) = oneshot::channel();
        if let Some(stderr) = child.stderr.take() {
            let log = Arc::clone(&log);
            std::thread::Builder::new().spawn(move || {
                follow(stderr, &log);
                // Its end is the message: the log is closed, so the process is gone.
                drop(over);
            })?;
        }
        let document = serde_json::to_vec(&Wish {
            library: plan.library.clone(),
            destination: plan.destination.clone(),
            only_plans: plan.only_plans,
            best_effort: plan.best_effort,
            home: home(),
            log: plan.log,
        })?;
        // A child that is gone already says why on its log; the document fits into the pipe, so
        // that nothing waits here.
        drop(writer.write_all(&document));
        Ok(Self { child, log, ended })
    }

    fn show_log(&self) {
        let before = std::mem::replace(&mut *self.lock(), Log::Shown);
        if let Log::Kept(lines) = before {
            lines.into_all().for_each(|line| show(&line));
        }
    }

    async fn why_not(mut self, error: Error) -> StartError {
        let Some(status) = self.wait().await else {
            return StartError::System(io::Error::other(error));
        };
        let kept = std::mem::replace(&mut *self.lock(), Log::Shown);
        let Log::Kept(lines) = kept else {
            return StartError::Ended { status };
        };
        let (told, rest) = lines.into_told();
        rest.iter().for_each(|line| show(line));
        match (told, error) {
            (Some(told), _) => StartError::Refused(told.with_status(status.code())),
            (None, Error::Unavailable(Unavailable::Closed | Unavailable::Broken(_))) => {
                StartError::Ended { status }
            }
            (None, other) => StartError::System(io::Error::other(other)),
        }
    }

    /// Waits for its end, once its socket is closed; how it ended, unless it had to be killed.
    pub(crate) async fn wait(&mut self) -> Option<ExitStatus> {
        // The log is closed by the end of the process.
        let in_time = tokio::time::timeout(ENDS_WITHIN, &mut self.ended).await;
        if in_time.is_err() {
            drop(self.child.kill());
        }
        let status = self.child.wait().ok();
        if in_time.is_err() { None } else { status }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts this program once more as something that shows how the kernel refuses it; how that ended.
pub(crate) fn try_in_a_child(command: &str) -> io::Result<ExitStatus> {
    this_program(command)?.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
}

fn this_program(command: &str) -> io::Result<Command> {
    let mut program = Command::new(env::current_exe()?);
    program.arg(command).env_clear().current_dir("/").process_group(0);
    Ok(program)
}

fn home() -> String {
    let home = env::var_os("HOME").and_then(|home| home.into_string().ok());
    home.filter(|home| home.starts_with('/')).unwrap_or_else(|| "/".to_owned())
}

/// Reads the daemon's log to its end.
fn follow(stderr: ChildStderr, log: &Mutex<Log>) {
    let mut stderr = BufReader::new(stderr);
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_KEPT_LINE_BYTES).unwrap_or(u64::MAX);
    // A line that is longer becomes several.
    while let Ok(1..) = stderr.by_ref().take(limit).read_until(b'\n', &mut bytes) {
        let text = String::from_utf8_lossy(&bytes);
        let line = text.trim_end_matches('\n');
        match &mut *log.lock().unwrap_or_else(PoisonError::into_inner) {
            Log::Kept(lines) => lines.push(line),
            Log::Shown => show(line),
        }
        bytes.clear();
    }
}

fn show(line: &str) {
    drop(writeln!(io::stderr(), "{}", plain::line(line)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_the_child_decides_the_exit_code() {
        let refused = |status| {
            StartError::Refused(
                Told::new("no".to_owned(), Vec::new(), "hint".to_owned()).with_status(Some(status)),
            )
        };
        assert_eq!(refused(EX_NOINPUT).exit(), Exit::NotFound);
        assert_eq!(refused(EX_NOPERM).exit(), Exit::Failed);
        assert!(refused(EX_NOPERM).is_unconfinable() && !refused(78).is_unconfinable());
        assert_eq!(refused(78).hint(), "hint");
    }
}
