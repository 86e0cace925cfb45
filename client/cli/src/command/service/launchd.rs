//! What launchd is asked for, and what it answers; and the one step on a Mac that needs root.
//!
//! The steps are data, so that they are tested on every system. `bootout` returns before the job is
//! gone, and a `bootstrap` of a job that is still there fails: so it is waited between them. The
//! hazard: rights. Where the daemon has Full Disk Access, who writes its policy reads the library;
//! so the policy is root's, and nobody becomes root without having seen for what.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};

use darkslide_client::place::MAX_SOCKET_PATH_BYTES;

use super::error::ServiceError;
use super::files;
use super::manager::Call;
use super::place::Here;
use super::schedule::Schedule;
use super::status::{Managed, Socket};
use super::step::Step;
use super::units::{self, EXPORT_LABEL, LABEL, MAC_POLICY};
use crate::args::InstallArgs;
use crate::output::Output;
use crate::report::Failure;

/// The folder that only root writes.
const POLICY_FOLDER: &str = "/Library/Application Support/darkslide";

/// What root runs: it makes the folder and the file, and replaces neither.
const POLICY_SCRIPT: &str = r#"set -eC; umask 022; mkdir -p "$1"; cat > "$1/policy.toml""#;

/// The steps of an installation.
///
/// # Errors
/// [`ServiceError::Unwritable`], [`ServiceError::SocketPathTooLong`].
pub(crate) fn install(here: &Here, daemon: &Path) -> Result<Vec<Step>, ServiceError> {
    let folder = here.home.join("Library/Application Support/darkslide");
    let bytes = folder.join("s").as_os_str().len();
    if bytes > MAX_SOCKET_PATH_BYTES {
        return Err(ServiceError::SocketPathTooLong { bytes, limit: MAX_SOCKET_PATH_BYTES });
    }
    let agent = units::agent(here, daemon)?;
    // launchd makes the socket, not its folder.
    let mut steps = vec![Step::Folder(folder), Step::Write(agent)];
    steps.extend(load(here, LABEL));
    Ok(steps)
}

/// The steps that take it away.
pub(crate) fn uninstall(here: &Here) -> Vec<Step> {
    vec![unload(here, LABEL), Step::Remove(units::agent_path(here, LABEL))]
}

/// The steps that let the socket listen.
pub(crate) fn start(here: &Here) -> Vec<Step> {
    load(here, LABEL)
}

/// The step that ends socket and daemon.
pub(crate) fn stop(here: &Here) -> Vec<Step> {
    vec![unload(here, LABEL)]
}

/// The steps of a scheduled export.
///
/// # Errors
/// [`ServiceError::Unwritable`].
pub(crate) fn schedule(here: &Here, schedule: &Schedule) -> Result<Vec<Step>, ServiceError> {
    let mut steps = vec![Step::Write(units::export_agent(here, schedule)?)];
    steps.extend(load(here, &export_label(schedule.name())));
    Ok(steps)
}

/// The steps that take a scheduled export away.
pub(crate) fn unschedule(here: &Here, name: &str) -> Vec<Step> {
    let label = export_label(name);
    vec![unload(here, &label), Step::Remove(units::agent_path(here, &label))]
}

/// How the agent is.
///
/// # Errors
/// [`ServiceError::NotThere`].
pub(crate) fn managed(here: &Here) -> Result<Managed, ServiceError> {
    match ask(&["print", &target(here, LABEL)]).run() {
        Ok(answer) => Ok(read(&answer)),
        // It is not loaded.
        Err(ServiceError::Failed { .. }) => Ok(Managed::default()),
        Err(error) => Err(error),
    }
}

/// Puts the policy where only root writes, unless one is there: shows it, asks, and has sudo do it.
///
/// # Errors
/// What sudo says.
pub(crate) fn policy(args: &InstallArgs, output: &mut Output) -> Result<(), Failure> {
    let path = PathBuf::from(POLICY_FOLDER).join("policy.toml");
    if files::exists(&path) {
        output.say(&format!("is there {}", path.display()));
        return Ok(());
    }
    let call = policy_call();
    output.say(&format!("The policy is a file that only root writes, {}:", path.display()));
    output.say("");
    MAC_POLICY.lines().for_each(|line| output.say(&format!("    {line}")));
    output.say("");
    output.say(&format!("One step needs sudo: {}", call.shown()));
    if args.how.dry_run {
        return Ok(());
    }
    if args.yes || agrees(output) {
        call.run()?;
    } else {
        output.hint("without it the daemon grants nothing; write the file yourself, or install again with --yes");
    }
    Ok(())
}

fn policy_call() -> Call {
    let words = ["/bin/sh", "-c", POLICY_SCRIPT, "sh", POLICY_FOLDER];
    Call { input: Some(MAC_POLICY.to_owned()), ..Call::new("sudo", &words) }
}

/// Asks a person; where there is none, the answer is no.
fn agrees(output: &mut Output) -> bool {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() {
        return false;
    }
    output.say("Do it? [y/N]");
    let mut answer = String::new();
    stdin.lock().read_line(&mut answer).is_ok() && matches!(answer.trim(), "y" | "Y" | "yes")
}

fn export_label(name: &str) -> String {
    format!("{EXPORT_LABEL}{name}")
}

fn load(here: &Here, label: &str) -> Vec<Step> {
    let path = units::agent_path(here, label).display().to_string();
    vec![
        unload(here, label),
        Step::UntilFails(ask(&["print", &target(here, label)])),
        Step::Run(ask(&["bootstrap", &domain(here), &path])),
    ]
}

/// That it was not loaded is as good.
fn unload(here: &Here, label: &str) -> Step {
    Step::Try(ask(&["bootout", &target(here, label)]))
}

fn domain(here: &Here) -> String {
    format!("gui/{}", here.uid)
}

fn target(here: &Here, label: &str) -> String {
    format!("{}/{label}", domain(here))
}

fn ask(words: &[&str]) -> Call {
    Call::new("launchctl", words)
}

/// Reads what `launchctl print` says of a job that is loaded: lines of `key = value`, of which
/// those of the job itself come first.
fn read(answer: &str) -> Managed {
    let value = |key: &str| {
        answer.lines().find_map(|line| line.trim().strip_prefix(key)?.strip_prefix(" = "))
    };
    Managed {
        socket: Socket::Listening,
        state: value("state").map(str::to_owned),
        pid: value("pid").and_then(|pid| pid.parse().ok()),
        last_exit: value("last exit code")
            .filter(|code| code.starts_with(|first: char| first.is_ascii_digit()))
            .map(|code| format!("exit status {code}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]

    use super::*;
    use crate::command::service::files::Wanted;

    fn here(home: &str) -> Here {
        let home = PathBuf::from(home);
        Here {
            settings: home.join(".config"),
            darkslide: PathBuf::from("/opt/darkslide"),
            home,
            uid: 501,
        }
    }

    fn shown(steps: &[Step]) -> Vec<String> {
        let path = |wanted: &Wanted| wanted.path().display().to_string();
        let lines = steps.iter().map(|step| match step {
            Step::Folder(path) => format!("folder {}", path.display()),
            Step::Write(wanted) => format!("write {}", path(wanted)),
            Step::Remove(path) => format!("remove {}", path.display()),
            Step::Run(call) => call.shown(),
            Step::RunIfChanged(call) => format!("if changed: {}", call.shown()),
            Step::Try(call) => format!("try: {}", call.shown()),
            Step::UntilFails(call) => format!("until it fails: {}", call.shown()),
        });
        lines.collect()
    }

    #[test]
    fn an_agent_is_unloaded_waited_for_and_loaded() {
        let here = here("/Users/me");
        let steps = shown(&install(&here, Path::new("/opt/darkslided")).unwrap());
        insta::assert_snapshot!(steps.join("\n"), @r"
        folder /Users/me/Library/Application Support/darkslide
        write /Users/me/Library/LaunchAgents/darkslide.darkslided.plist
        try: launchctl bootout gui/501/darkslide.darkslided
        until it fails: launchctl print gui/501/darkslide.darkslided
        launchctl bootstrap gui/501 /Users/me/Library/LaunchAgents/darkslide.darkslided.plist
        ");
        insta::assert_snapshot!(shown(&uninstall(&here)).join("\n"), @r"
        try: launchctl bootout gui/501/darkslide.darkslided
        remove /Users/me/Library/LaunchAgents/darkslide.darkslided.plist
        ");
        assert_eq!(shown(&start(&here)), steps[2..]);
        assert_eq!(shown(&stop(&here)), steps[2..3]);
    }

    #[test]
    fn an_export_has_an_agent_of_its_own() {
        let here = here("/Users/me");
        let plan = Schedule::new("nightly", "04:30", vec!["export".to_owned()]).unwrap();
        let steps = shown(&schedule(&here, &plan).unwrap());
        let path = "/Users/me/Library/LaunchAgents/darkslide.export.nightly.plist";
        assert_eq!(steps[0], format!("write {path}"));
        assert_eq!(steps[3], format!("launchctl bootstrap gui/501 {path}"));
        let gone = shown(&unschedule(&here, "nightly"));
        assert_eq!(gone[1], format!("remove {path}"));
    }

    #[test]
    fn a_home_that_is_too_long_for_a_socket_is_refused() {
        let rest = "/Library/Application Support/darkslide/s".len();
        for (bytes, is_refused) in [
            (MAX_SOCKET_PATH_BYTES, false),
            (MAX_SOCKET_PATH_BYTES + 1, true),
            (MAX_SOCKET_PATH_BYTES * 50, true),
        ] {
            let home = format!("/{}", "x".repeat(bytes - rest - 1));
            let refused = install(&here(&home), Path::new("/opt/darkslided"));
            assert_eq!(refused.is_err(), is_refused, "{bytes}: {refused:?}");
        }
    }

    #[test]
    fn root_writes_the_policy_that_was_shown_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a b");
        // The same words without root, at another place.
        let mut call = policy_call();
        assert_eq!((call.program, call.words[0].as_str()), ("sudo", "/bin/sh"));
        assert_eq!(call.words.last().unwrap(), POLICY_FOLDER);
        assert_eq!(call.input.as_deref(), Some(MAC_POLICY));
        call.program = "/bin/sh";
        call.words.remove(0);
        *call.words.last_mut().unwrap() = place.display().to_string();
        call.run().unwrap();
        let path = place.join("policy.toml");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), MAC_POLICY);
        std::fs::write(&path, "mine").unwrap();
        assert!(call.run().is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    }

    #[test]
    fn the_answer_of_launchctl_is_read() {
        let running = "gui/501/darkslide.darkslided = {\n\tactive count = 2\n\tstate = running\n\n\
                       \tprogram = /opt/darkslided\n\tpid = 77\n\tlast exit code = (never exited)\n\
                       \tsockets = {\n\t\tstate = idle\n\t}\n}\n";
        let managed = read(running);
        assert_eq!((managed.socket, managed.pid), (Socket::Listening, Some(77)));
        assert_eq!((managed.state.as_deref(), managed.last_exit), (Some("running"), None));
        let waiting = "x = {\n\tstate = not running\n\tlast exit code = 78: EX_CONFIG\n}\n";
        let managed = read(waiting);
        assert_eq!((managed.state.as_deref(), managed.pid), (Some("not running"), None));
        assert_eq!(managed.last_exit.as_deref(), Some("exit status 78: EX_CONFIG"));
    }
}
