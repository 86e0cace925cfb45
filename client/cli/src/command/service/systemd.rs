//! What systemd is asked for, and what it answers: the manager of this user, never that of the
//! system.
//!
//! Pure but for the questions, which `manager` asks. The daemon's own state is not asked here: to
//! connect would start it.

use std::path::Path;

use super::error::ServiceError;
use super::files::Wanted;
use super::manager::Call;
use super::place::Here;
use super::schedule::Schedule;
use super::status::{Managed, Socket};
use super::step::Step;
use super::units::{self, EXPORT, SERVICE, SOCKET};

/// Does the user's manager answer? Asked before the first file is written.
///
/// # Errors
/// [`ServiceError::NoManager`], [`ServiceError::NotThere`].
pub(crate) fn is_there() -> Result<(), ServiceError> {
    match ask(&["show", "--property=Version"]).run() {
        Ok(_) => Ok(()),
        Err(ServiceError::Failed { source, .. }) => Err(ServiceError::NoManager(source)),
        Err(error) => Err(error),
    }
}

/// The steps of an installation.
///
/// # Errors
/// [`ServiceError::Unwritable`].
pub(crate) fn install(here: &Here, daemon: &Path) -> Result<Vec<Step>, ServiceError> {
    Ok(load(units::units(here, daemon)?, SOCKET))
}

/// The steps that take it away.
pub(crate) fn uninstall(here: &Here) -> Vec<Step> {
    let folder = units::units_folder(here);
    vec![
        // Units that nobody knows any more are as good as stopped.
        Step::Try(ask(&["disable", "--now", SOCKET])),
        Step::Try(ask(&["stop", SERVICE])),
        Step::Remove(folder.join(SOCKET)),
        Step::Remove(folder.join(SERVICE)),
        Step::RunIfChanged(ask(&["daemon-reload"])),
        Step::Try(ask(&["reset-failed", SOCKET, SERVICE])),
    ]
}

/// The step that lets the socket listen.
pub(crate) fn start() -> Vec<Step> {
    vec![Step::Run(ask(&["start", SOCKET]))]
}

/// The step that ends socket and daemon, the socket first, or the next client would start it again.
pub(crate) fn stop() -> Vec<Step> {
    vec![Step::Run(ask(&["stop", SOCKET])), Step::Run(ask(&["stop", SERVICE]))]
}

/// The steps of a scheduled export.
///
/// # Errors
/// [`ServiceError::Unwritable`].
pub(crate) fn schedule(here: &Here, schedule: &Schedule) -> Result<Vec<Step>, ServiceError> {
    Ok(load(units::export_units(here, schedule)?, &timer_of(schedule.name())))
}

/// The steps that take a scheduled export away; one that runs is let run.
pub(crate) fn unschedule(here: &Here, name: &str) -> Vec<Step> {
    let folder = units::units_folder(here);
    vec![
        Step::Try(ask(&["disable", "--now", &timer_of(name)])),
        Step::Remove(folder.join(timer_of(name))),
        Step::Remove(folder.join(format!("{EXPORT}{name}.service"))),
        Step::RunIfChanged(ask(&["daemon-reload"])),
    ]
}

/// How socket and service are.
///
/// # Errors
/// [`ServiceError::NoManager`], [`ServiceError::NotThere`].
pub(crate) fn managed() -> Result<Managed, ServiceError> {
    let properties = "--property=Id,ActiveState,SubState,MainPID,ExecMainCode,ExecMainStatus";
    match ask(&["show", properties, SOCKET, SERVICE]).run() {
        Ok(answer) => Ok(read(&answer)),
        Err(ServiceError::Failed { source, .. }) => Err(ServiceError::NoManager(source)),
        Err(error) => Err(error),
    }
}

/// The name of the timer of a scheduled export.
fn timer_of(name: &str) -> String {
    format!("{EXPORT}{name}.timer")
}

/// Writes units and has the one that waits do so from now on.
fn load(wanted: Vec<Wanted>, waits: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = wanted.into_iter().map(Step::Write).collect();
    steps.push(Step::RunIfChanged(ask(&["daemon-reload"])));
    // What waits or runs by an older unit would go on by it. With a socket its service is
    // restarted.
    steps.push(Step::RunIfChanged(ask(&["try-restart", waits])));
    steps.push(Step::Run(ask(&["enable", "--now", waits])));
    steps
}

fn ask(words: &[&str]) -> Call {
    Call::new("systemctl", &[&["--user"], words].concat())
}

/// Reads what `systemctl show` says of several units: lines of `Key=value`, units apart by an empty
/// line.
fn read(answer: &str) -> Managed {
    let mut managed = Managed::default();
    for block in answer.split("\n\n") {
        let value = |key: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default()
        };
        match value("Id") {
            SOCKET => {
                managed.socket = match value("ActiveState") {
                    "active" => Socket::Listening,
                    "failed" => Socket::Failed,
                    _ => Socket::Silent,
                };
            }
            SERVICE => {
                managed.state =
                    Some(value("SubState").to_owned()).filter(|state| !state.is_empty());
                managed.pid = value("MainPID").parse().ok().filter(|pid| *pid != 0);
                managed.last_exit = last_exit(value("ExecMainCode"), value("ExecMainStatus"));
            }
            _ => {}
        }
    }
    managed
}

/// The codes are those of `waitid`: 1 exited, 2 killed, 3 killed with a core; 0 did not end yet.
fn last_exit(code: &str, status: &str) -> Option<String> {
    match code {
        "1" => Some(format!("exit status {status}")),
        "2" | "3" => Some(format!("signal {status}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_systemctl_is_read() {
        let running = "Id=darkslided.socket\nActiveState=active\nSubState=running\n\n\
                       MainPID=77\nExecMainCode=0\nExecMainStatus=0\nId=darkslided.service\n\
                       ActiveState=active\nSubState=running\n";
        let managed = read(running);
        assert_eq!((managed.socket, managed.pid), (Socket::Listening, Some(77)));
        assert_eq!((managed.state.as_deref(), managed.last_exit), (Some("running"), None));
        let failed = "MainPID=0\nExecMainCode=1\nExecMainStatus=78\nId=darkslided.service\n\
                      ActiveState=failed\nSubState=failed\n\nId=darkslided.socket\nActiveState=failed\n";
        let managed = read(failed);
        assert_eq!((managed.socket, managed.pid), (Socket::Failed, None));
        assert_eq!(managed.last_exit.as_deref(), Some("exit status 78"));
        assert_eq!(last_exit("2", "31").as_deref(), Some("signal 31"));
        assert_eq!(read("").socket, Socket::Silent, "units that are not there");
    }
}
