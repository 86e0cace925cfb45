//! `darkslide audit …` as data: what is asked of the audit log.
//!
//! clap only, like its parent. The log is read by this very program; no daemon is asked, and
//! none has to run.

use clap::{Args, Subcommand};

/// What of the audit log.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Is the log as it was written? Names the first bad line, or the head.
    Verify(AuditVerifyArgs),
    /// What has left the library, and who took it.
    Show(AuditShowArgs),
}

/// Which log, and what it must contain.
#[derive(Debug, Args)]
pub(crate) struct AuditVerifyArgs {
    /// The state folder of the service; without, that of your own.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<String>,
    /// A head that was kept, from an earlier `verify` or `darkslide health --json`: the log must go
    /// on from it.
    #[arg(long, value_name = "SEQ:HASH")]
    pub(crate) head: Option<String>,
}

/// Which records.
#[derive(Debug, Args)]
pub(crate) struct AuditShowArgs {
    /// The state folder of the service; without, that of your own.
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<String>,
    /// From this day or moment on, in UTC.
    #[arg(long, value_name = "TIME")]
    pub(crate) since: Option<String>,
    /// Of this uid, or of this rule of the policy.
    #[arg(long, value_name = "UID|RULE")]
    pub(crate) peer: Option<String>,
    /// Only what was denied.
    #[arg(long)]
    pub(crate) denied: bool,
    /// Also when daemons began and ended, and files of the log.
    #[arg(long)]
    pub(crate) all: bool,
}
