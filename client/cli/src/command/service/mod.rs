//! `darkslide service …`: the daemon as a background service of this user, by systemd or launchd.
//!
//! What is to be done is put together as steps, shown, then done; which files, which calls and
//! which quoting is decided in the modules below, each of them for both systems on either, so that
//! what a Mac is asked for is tested everywhere. Nothing here asks for rights, except for one step
//! on a Mac, which is shown and asked about first. The hazard: an installer that is believed.

mod error;
mod files;
mod launchd;
mod manager;
mod place;
mod quote;
mod schedule;
mod status;
mod step;
mod systemd;
mod units;

pub(crate) use error::ServiceError;
use place::Here;
use schedule::Schedule;
use status::{Known, Managed};
use step::{Done, Step};
pub(crate) use units::MAC_POLICY;

use crate::args::{Global, HowArgs, InstallArgs, ScheduleArgs, ServiceCommand, UninstallArgs};
use crate::exit::Exit;
use crate::output::Output;
use crate::report::Failure;

/// Who starts services here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manager {
    Systemd,
    Launchd,
}

const MANAGER: Manager =
    if cfg!(target_os = "macos") { Manager::Launchd } else { Manager::Systemd };

/// Runs it.
pub(crate) async fn run(
    global: &Global,
    command: ServiceCommand,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if global.library.is_some() || global.library_name.is_some() {
        return Err(Failure::usage(
            "the service is that of all libraries of its policy",
            "leave --library and --in out, or behind -- export",
        ));
    }
    let here = Here::of_this_process()?;
    match command {
        ServiceCommand::Install(args) => install(&here, &args, output).await,
        ServiceCommand::Status => status(&here, output).await,
        ServiceCommand::Start => {
            let steps = match MANAGER {
                Manager::Systemd => systemd::start(),
                Manager::Launchd => launchd::start(&here),
            };
            act(&steps, HowArgs::default(), "the first connection starts the daemon", output).await
        }
        ServiceCommand::Stop => {
            let steps = match MANAGER {
                Manager::Systemd => systemd::stop(),
                Manager::Launchd => launchd::stop(&here),
            };
            act(&steps, HowArgs::default(), "nobody listens any more", output).await
        }
        ServiceCommand::Uninstall(args) => uninstall(&here, args, output).await,
        ServiceCommand::Schedule(args) => schedule(&here, args, output).await,
    }
}

async fn install(here: &Here, args: &InstallArgs, output: &mut Output) -> Result<Exit, Failure> {
    let daemon = here.daemon(args.program.as_deref())?;
    if let Some(weakness) = place::weakness(&daemon, here.uid) {
        output.warn(&format!("others can replace the daemon's program: {weakness}"));
    }
    let steps = match MANAGER {
        Manager::Systemd => systemd::install(here, &daemon)?,
        Manager::Launchd => launchd::install(here, &daemon)?,
    };
    let exit =
        act(&steps, args.how, "installed; the first connection starts the daemon", output).await?;
    if MANAGER == Manager::Launchd {
        launchd::policy(args, output)?;
        output.hint(&format!(
            "let it read the library: System Settings > Privacy & Security > Full Disk Access > + > {}",
            daemon.display()
        ));
    }
    Ok(exit)
}

async fn uninstall(here: &Here, args: UninstallArgs, output: &mut Output) -> Result<Exit, Failure> {
    let steps = match MANAGER {
        Manager::Systemd => systemd::uninstall(here),
        Manager::Launchd => launchd::uninstall(here),
    };
    let told = "photos, destinations, policy and state are left as they are";
    let exit = act(&steps, args.how, told, output).await?;
    for name in exports(here) {
        output.hint(&format!(
            "the export {name} is still scheduled: darkslide service schedule {name} --remove"
        ));
    }
    Ok(exit)
}

async fn schedule(here: &Here, args: ScheduleArgs, output: &mut Output) -> Result<Exit, Failure> {
    if args.remove {
        let name = schedule::checked_name(&args.name)?;
        let steps = match MANAGER {
            Manager::Systemd => systemd::unschedule(here, &name),
            Manager::Launchd => launchd::unschedule(here, &name),
        };
        return act(&steps, args.how, "what it exported is left as it is", output).await;
    }
    let schedule = Schedule::new(&args.name, &args.at, args.words)?;
    let steps = match MANAGER {
        Manager::Systemd => systemd::schedule(here, &schedule)?,
        Manager::Launchd => launchd::schedule(here, &schedule)?,
    };
    let told = format!("exports every day at {}", schedule.at());
    let exit = act(&steps, args.how, &told, output).await?;
    if MANAGER == Manager::Systemd {
        output.hint("`loginctl enable-linger` lets it run while nobody is logged in");
    }
    Ok(exit)
}

async fn status(here: &Here, output: &mut Output) -> Result<Exit, Failure> {
    let managed = match MANAGER {
        Manager::Systemd => systemd::managed(),
        Manager::Launchd => launchd::managed(here),
    };
    let (managed, way_on) = known_or_warn(managed, output)?;
    let known = match MANAGER {
        Manager::Systemd => Known {
            manager: "systemd",
            files: [units::SOCKET, units::SERVICE]
                .map(|name| units::units_folder(here).join(name))
                .into(),
            managed,
            way_on,
            exports: exports(here),
        },
        Manager::Launchd => Known {
            manager: "launchd",
            files: vec![units::agent_path(here, units::LABEL)],
            managed,
            way_on,
            exports: exports(here),
        },
    };
    status::run(known, output).await
}

/// Where no manager answers, a daemon may have been started by hand all the same; what to do if not
/// comes with it.
fn known_or_warn(
    managed: Result<Managed, ServiceError>,
    output: &mut Output,
) -> Result<(Managed, Option<String>), ServiceError> {
    match managed {
        Err(error @ (ServiceError::NoManager(_) | ServiceError::NotThere { .. })) => {
            output.warn(&error.to_string());
            Ok((Managed::default(), Some(error.hint())))
        }
        other => other.map(|managed| (managed, None)),
    }
}

/// Does the steps, or shows them, and says what has come of it.
async fn act(
    steps: &[Step],
    how: HowArgs,
    told: &str,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if MANAGER == Manager::Systemd && !how.dry_run {
        systemd::is_there()?;
    }
    let done = step::carry_out(steps, how, output).await?;
    output.answer(
        &done,
        |done: &Done, _style| {
            if how.dry_run { done.for_person(steps) } else { told.to_owned() }
        },
    )?;
    Ok(Exit::Done)
}

/// The names of the scheduled exports.
fn exports(here: &Here) -> Vec<String> {
    let (folder, before, after): (_, _, &str) = match MANAGER {
        Manager::Systemd => (units::units_folder(here), units::EXPORT, ".timer"),
        Manager::Launchd => (units::agents_folder(here), units::EXPORT_LABEL, ".plist"),
    };
    let names = files::names(&folder).into_iter();
    names
        .filter_map(|name| Some(name.strip_prefix(before)?.strip_suffix(after)?.to_owned()))
        .collect()
}
