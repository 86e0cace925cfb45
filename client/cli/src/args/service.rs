//! `darkslide service …` as data: what a service manager is asked for.
//!
//! clap only, like its parent. What stands behind `--` in `schedule` is a command line of its own;
//! it is parsed by the same types before anything is written.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};

/// What of the service.
#[derive(Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Has the daemon started by the first connection: writes systemd's user units or the
    /// LaunchAgent, and loads them. A second time changes nothing.
    Install(InstallArgs),
    /// Is it installed, does its socket listen, does it run, and how did it end last.
    Status,
    /// Lets the socket listen; the first connection starts the daemon.
    Start,
    /// Ends the daemon, and lets the socket listen no longer.
    Stop,
    /// Takes away what install wrote, and nothing else.
    Uninstall(UninstallArgs),
    /// Exports by itself every day.
    Schedule(ScheduleArgs),
}

/// What both that write ask.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(crate) struct HowArgs {
    /// Show what would be written and run; do nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Also where somebody changed a file that was installed.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Which daemon.
#[derive(Debug, Args)]
pub(crate) struct InstallArgs {
    /// The daemon; without, the `darkslided` beside this program.
    #[arg(long, value_name = "PATH")]
    pub(crate) program: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) how: HowArgs,
    /// On a Mac: do not ask before the one step that needs sudo.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// How it is taken away.
#[derive(Debug, Args)]
pub(crate) struct UninstallArgs {
    #[command(flatten)]
    pub(crate) how: HowArgs,
}

/// Which export, and when.
#[derive(Debug, Args)]
pub(crate) struct ScheduleArgs {
    /// What it is called: small letters, digits and dashes.
    #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// When, by the clock of this machine.
    #[arg(long, value_name = "HH:MM", default_value = "04:30", conflicts_with = "remove")]
    pub(crate) at: String,
    /// Take this one away.
    #[arg(long, conflicts_with = "words")]
    pub(crate) remove: bool,
    #[command(flatten)]
    pub(crate) how: HowArgs,
    /// The command, as it would be typed: `-- export ~/Exports/all --album Summer`.
    #[arg(last = true, value_name = "export ARGUMENTS", required_unless_present = "remove")]
    pub(crate) words: Vec<String>,
}
