//! What an installation does, as data: shown first, then done, one step after the other.
//!
//! Which files are in the way is known before the first step, and then nothing is done at all. With
//! `--dry-run` the steps are the answer. The hazard: a program that changes how a login behaves,
//! and says so afterwards.

use std::path::PathBuf;

use serde::Serialize;

use super::error::ServiceError;
use super::files::{self, Found, Wanted};
use super::manager::{self, Call};
use crate::args::HowArgs;
use crate::output::{Output, plain};
use crate::report::Failure;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Make a folder for this user alone.
    Folder(PathBuf),
    /// Write a file.
    Write(Wanted),
    /// Remove a file that was installed.
    Remove(PathBuf),
    /// Run a program.
    Run(Call),
    /// Run a program if a step before it changed something.
    RunIfChanged(Call),
    /// Run a program; that it fails is as good.
    Try(Call),
    /// Wait until a program fails, which says that something is gone.
    UntilFails(Call),
}

/// A step as it is told.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "step")]
enum Told {
    /// A folder is made.
    Folder { path: String },
    /// A file is written, or is there already.
    Write { path: String, was: Found },
    /// A file is removed.
    Remove { path: String },
    /// A program is run.
    Run { command: Vec<String> },
}

/// The answer of a command that did something, or would.
#[derive(Debug, Serialize)]
pub(crate) struct Done {
    dry_run: bool,
    changed: bool,
    steps: Vec<Told>,
}

/// How often it is asked whether something is gone, at most, and how long it is waited between:
/// 10 s in all, which is what launchd holds a start back for.
const MAX_ASKED: u32 = 50;
const ASKED_EVERY: std::time::Duration = std::time::Duration::from_millis(200);

/// Shows the steps and does them, unless it is a dry run.
///
/// # Errors
/// [`ServiceError::Edited`] before anything is done; what a step says.
pub(crate) async fn carry_out(
    steps: &[Step],
    how: HowArgs,
    output: &mut Output,
) -> Result<Done, Failure> {
    refuse_edited(steps, how, output)?;
    let mut done = Done { dry_run: how.dry_run, changed: false, steps: Vec::new() };
    for step in steps {
        let told = tell(step, done.changed)?;
        let Some(told) = told else { continue };
        if !how.dry_run {
            output.say(&line(&told));
            perform(step, &told).await?;
        }
        done.changed |= changes(&told);
        done.steps.push(told);
    }
    Ok(done)
}

impl Done {
    /// The answer of a dry run for a person: each step, and what would be written.
    pub(crate) fn for_person(&self, steps: &[Step]) -> String {
        let mut lines = Vec::new();
        for told in &self.steps {
            lines.push(line(told));
            let (Told::Write { path, was }, true) = (told, self.dry_run) else { continue };
            let wanted = steps.iter().find_map(|step| match step {
                Step::Write(wanted) if wanted.path().display().to_string() == *path => Some(wanted),
                _ => None,
            });
            if let (Some(wanted), false) = (wanted, *was == Found::Same) {
                lines
                    .extend(wanted.text().lines().map(|line| format!("    {}", plain::line(line))));
            }
        }
        lines.join("\n")
    }
}

fn refuse_edited(steps: &[Step], how: HowArgs, output: &mut Output) -> Result<(), Failure> {
    if how.force {
        return Ok(());
    }
    for step in steps {
        let path = match step {
            Step::Write(wanted) if wanted.found()? == Found::Edited => {
                for line in wanted.difference()? {
                    output.say(&plain::line(&line));
                }
                wanted.path()
            }
            Step::Remove(path) if files::is_untouched(path)? == Some(false) => path,
            _ => continue,
        };
        return Err(ServiceError::Edited { path: path.to_owned() }.into());
    }
    Ok(())
}

/// What a step comes to, as things are; nothing where there is nothing to do.
fn tell(step: &Step, changed: bool) -> Result<Option<Told>, ServiceError> {
    let shown = |path: &std::path::Path| path.display().to_string();
    let run = |call: &Call| {
        let words = call.words.iter().cloned();
        Told::Run { command: std::iter::once(call.program.to_owned()).chain(words).collect() }
    };
    Ok(match step {
        Step::Folder(path) if files::exists(path) => None,
        Step::Folder(path) => Some(Told::Folder { path: shown(path) }),
        Step::Write(wanted) => {
            Some(Told::Write { path: shown(wanted.path()), was: wanted.found()? })
        }
        Step::Remove(path) if !files::exists(path) => None,
        Step::Remove(path) => Some(Told::Remove { path: shown(path) }),
        Step::RunIfChanged(_) if !changed => None,
        Step::Run(call) | Step::RunIfChanged(call) | Step::Try(call) => Some(run(call)),
        Step::UntilFails(call) => Some(run(call)),
    })
}

fn line(told: &Told) -> String {
    let shown = |label: &str, path: &str| format!("{label} {}", plain::line(path));
    match told {
        Told::Folder { path } => shown("makes  ", path),
        Told::Write { path, was: Found::Same } => shown("is there", path),
        Told::Write { path, was: Found::Absent } => shown("writes ", path),
        Told::Write { path, was: Found::Older | Found::Edited } => shown("renews ", path),
        Told::Remove { path } => shown("removes", path),
        Told::Run { command } => {
            shown("runs   ", &manager::pasted(command.iter().map(String::as_str)))
        }
    }
}

fn changes(told: &Told) -> bool {
    match told {
        Told::Folder { .. } | Told::Remove { .. } => true,
        Told::Write { was, .. } => *was != Found::Same,
        Told::Run { .. } => false,
    }
}

async fn perform(step: &Step, told: &Told) -> Result<(), ServiceError> {
    match step {
        Step::Folder(path) => files::make_private_folder(path),
        Step::Write(wanted) if changes(told) => wanted.write(),
        Step::Write(_) => Ok(()),
        Step::Remove(path) => files::remove(path),
        Step::Run(call) | Step::RunIfChanged(call) => call.run().map(drop),
        Step::Try(call) => match call.run() {
            Ok(_) | Err(ServiceError::Failed { .. }) => Ok(()),
            Err(error) => Err(error),
        },
        Step::UntilFails(call) => {
            for _ in 0..MAX_ASKED {
                if call.run().is_err() {
                    break;
                }
                tokio::time::sleep(ASKED_EVERY).await;
            }
            Ok(())
        }
    }
}
