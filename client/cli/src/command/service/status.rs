//! `darkslide service status`: is it installed, does the socket listen, does the daemon run, and
//! how did it end last.
//!
//! The daemon is asked for its health only where it runs: where it does not, the question would
//! start it, and the answer be about the question.

use std::path::PathBuf;

use darkslide_client::Client;
use darkslide_client::protocol::message::health::HealthParams;
use serde::Serialize;

use super::error::ServiceError;
use super::files;
use crate::exit::Exit;
use crate::output::style::Style;
use crate::output::{Output, plain};
use crate::report::Failure;

/// Does somebody listen?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Socket {
    /// The first connection starts the daemon.
    Listening,
    /// Nobody does.
    #[default]
    Silent,
    /// The service manager has given it up.
    Failed,
}

/// What the service manager says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Managed {
    /// Of the socket.
    pub(crate) socket: Socket,
    /// Of the daemon, in the manager's own word.
    pub(crate) state: Option<String>,
    /// The daemon's process.
    pub(crate) pid: Option<u32>,
    /// How the daemon ended last.
    pub(crate) last_exit: Option<String>,
}

/// The answer.
#[derive(Debug, Serialize)]
struct Status {
    manager: &'static str,
    installed: bool,
    files: Vec<File>,
    socket: Socket,
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_exit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    daemon: Option<Daemon>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    exports: Vec<String>,
}

/// A file that an installation writes.
#[derive(Debug, Serialize)]
struct File {
    path: String,
    state: FileState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum FileState {
    Absent,
    Installed,
    Edited,
}

#[derive(Debug, Serialize)]
struct Daemon {
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    version: String,
    protocol: u32,
}

/// What is known before the daemon is asked.
pub(crate) struct Known {
    /// The service manager's name.
    pub(crate) manager: &'static str,
    /// What an installation writes.
    pub(crate) files: Vec<PathBuf>,
    /// What the manager says.
    pub(crate) managed: Managed,
    /// What to do where it does not answer.
    pub(crate) way_on: Option<String>,
    /// The scheduled exports.
    pub(crate) exports: Vec<String>,
}

/// Answers it.
pub(crate) async fn run(known: Known, output: &mut Output) -> Result<Exit, Failure> {
    let files = known.files.iter().map(|path| {
        let state = match files::is_untouched(path)? {
            None => FileState::Absent,
            Some(true) => FileState::Installed,
            Some(false) => FileState::Edited,
        };
        Ok(File { path: path.display().to_string(), state })
    });
    let files: Vec<File> = files.collect::<Result<_, ServiceError>>()?;
    let (managed, way_on) = (known.managed, known.way_on);
    let (daemon, problem) = match ask(&managed).await {
        None => (None, None),
        Some(Ok(daemon)) => (Some(daemon), None),
        Some(Err(error)) => (None, Some(error.to_string())),
    };
    let serves = problem.is_none() && (daemon.is_some() || managed.socket == Socket::Listening);
    let status = Status {
        manager: known.manager,
        installed: files.iter().all(|file| file.state != FileState::Absent),
        files,
        socket: managed.socket,
        service: managed.state,
        last_exit: managed.last_exit,
        daemon,
        problem,
        exports: known.exports,
    };
    output.answer(&status, for_person)?;
    if let Some(way_on) = way_on {
        // To install something would fail, and may not be wanted.
        if !serves {
            output.hint(&way_on);
        }
    } else if !status.installed {
        output.hint("darkslide service install");
    } else if !serves {
        output.hint("darkslide service start; darkslide doctor finds what stops it");
    }
    Ok(if serves { Exit::Done } else { Exit::NoDaemon })
}

/// Asks the daemon, if it runs, or if nobody's socket would start it: then it may have been started
/// by hand. None: there is nobody to ask.
async fn ask(managed: &Managed) -> Option<Result<Daemon, darkslide_client::Error>> {
    if managed.pid.is_none() && managed.socket == Socket::Listening {
        return None;
    }
    let asked = async {
        let client =
            Client::builder().user_agent("darkslide", env!("CARGO_PKG_VERSION")).connect().await?;
        client.health(&HealthParams::default()).await
    };
    match asked.await {
        Ok(health) => Some(Ok(Daemon {
            pid: health.detail.map(|detail| detail.pid),
            version: health.version,
            protocol: health.protocol,
        })),
        Err(error) => managed.pid.is_some().then_some(Err(error)),
    }
}

fn for_person(status: &Status, style: Style) -> String {
    let mut lines = Vec::new();
    let mut say = |label: &str, text: String| lines.push(format!("{label:<10} {text}"));
    let installed = if status.installed { style.green("yes") } else { style.yellow("no") };
    say("installed", format!("{installed}, by {}", status.manager));
    for file in &status.files {
        let state = match file.state {
            FileState::Absent => "is not there",
            FileState::Installed => "as installed",
            FileState::Edited => "changed since it was installed",
        };
        say("", format!("{}: {state}", plain::line(&file.path)));
    }
    say(
        "socket",
        match status.socket {
            Socket::Listening => style.green("listening"),
            Socket::Silent => style.yellow("nobody listens"),
            Socket::Failed => style.red("given up by the service manager"),
        },
    );
    let pid = |daemon: &Daemon| daemon.pid.map_or_else(String::new, |pid| format!(", pid {pid}"));
    say(
        "daemon",
        match (&status.daemon, &status.problem, status.socket) {
            (Some(daemon), _, _) => {
                format!(
                    "{}{}, version {}",
                    style.green("running"),
                    pid(daemon),
                    plain::line(&daemon.version)
                )
            }
            (None, Some(problem), _) => style.red(&plain::line(problem)),
            (None, None, Socket::Listening) => {
                "not running; the first connection starts it".to_owned()
            }
            (None, None, Socket::Silent | Socket::Failed) => style.yellow("not running"),
        },
    );
    if let Some(exit) = &status.last_exit {
        say("last end", plain::line(exit));
    }
    for export in &status.exports {
        say("export", plain::line(export));
    }
    lines.join("\n")
}
