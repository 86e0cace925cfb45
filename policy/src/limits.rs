//! The limits that a policy may set, each with its bounds.
//!
//! Numbers only: who keeps to them stands elsewhere. What is usual is what the design says; what is
//! least and most is such that the daemon's descriptors (512) and memory (1 GiB) hold for all of
//! them at their most together. The hazard: a limit that somebody sets to a million, and a daemon
//! that then meets the kernel's own in the middle of a job.

use std::time::Duration;

use toml::Spanned;

use crate::document::Problem;
use crate::raw;

/// What a policy may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at one time.
    pub connections: usize,
    /// Connections of one uid at one time; never more than there are in all.
    pub connections_per_uid: usize,
    /// How long one request may read.
    pub read_time: Duration,
    /// Jobs at work at one time.
    pub jobs_running: usize,
    /// Jobs in line.
    pub jobs_waiting: usize,
    /// Jobs that are over and still answered for.
    pub jobs_remembered: usize,
    /// After so long without connection and job an activated daemon ends.
    pub idle_exit: Duration,
    /// Files of the audit log that a start leaves.
    pub audit_keep: usize,
}

/// A key, and which numbers it may have.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) key: &'static str,
    pub(crate) usual: u16,
    pub(crate) least: u16,
    pub(crate) most: u16,
}

const fn bounds(key: &'static str, least: u16, usual: u16, most: u16) -> Bounds {
    Bounds { key, usual, least, most }
}

/// Some twenty programs of a person, three times over. One descriptor each, and 64 on their way.
const CONNECTIONS: Bounds = bounds("connections", 1, 64, 128);
/// So that one cannot take all.
const CONNECTIONS_PER_UID: Bounds = bounds("connections_per_uid", 1, 32, 128);
/// Seconds. Whoever waits for more than five minutes has given up.
const READ_TIME: Bounds = bounds("read_time", 1, 30, 300);
/// The disk is the bottleneck, and two keep it busy. Some thirty descriptors each.
const JOBS_RUNNING: Bounds = bounds("jobs_running", 1, 2, 4);
/// Each with what was asked for: 64 KiB at most.
const JOBS_WAITING: Bounds = bounds("jobs_waiting", 1, 64, 256);
/// The same; and a file each, of which the state folder lists 4,096.
const JOBS_REMEMBERED: Bounds = bounds("jobs_remembered", 1, 256, 1_024);
/// Seconds. launchd takes what ends sooner for a failure; elsewhere 0 is "as soon as it is idle".
const IDLE_EXIT: Bounds = bounds("idle_exit", LEAST_IDLE_EXIT, 60, 43_200);
const LEAST_IDLE_EXIT: u16 = if cfg!(target_os = "macos") { 15 } else { 0 };
/// Files of 16 MiB.
const AUDIT_KEEP: Bounds = bounds("audit_keep", 1, 64, 1_024);

#[cfg(test)]
pub(crate) const BOUNDS: [Bounds; 8] = [
    CONNECTIONS,
    CONNECTIONS_PER_UID,
    READ_TIME,
    JOBS_RUNNING,
    JOBS_WAITING,
    JOBS_REMEMBERED,
    IDLE_EXIT,
    AUDIT_KEEP,
];

impl Limits {
    /// What is usual: where a policy sets nothing.
    pub const USUAL: Self = Self {
        connections: CONNECTIONS.usual as usize,
        connections_per_uid: CONNECTIONS_PER_UID.usual as usize,
        read_time: Duration::from_secs(READ_TIME.usual as u64),
        jobs_running: JOBS_RUNNING.usual as usize,
        jobs_waiting: JOBS_WAITING.usual as usize,
        jobs_remembered: JOBS_REMEMBERED.usual as usize,
        idle_exit: Duration::from_secs(IDLE_EXIT.usual as u64),
        audit_keep: AUDIT_KEEP.usual as usize,
    };

    /// Checks what a policy sets; complains with where in the text it stands.
    pub(crate) fn read(raw: &raw::Limits) -> Result<Self, (&Spanned<i64>, Problem)> {
        let count = |bounds: Bounds, given| bounds.check(given).map(usize::from);
        let seconds =
            |bounds: Bounds, given| bounds.check(given).map(|it| Duration::from_secs(it.into()));
        let connections = count(CONNECTIONS, &raw.connections)?;
        Ok(Self {
            connections,
            connections_per_uid: count(CONNECTIONS_PER_UID, &raw.connections_per_uid)?
                .min(connections),
            read_time: seconds(READ_TIME, &raw.read_time)?,
            jobs_running: count(JOBS_RUNNING, &raw.jobs_running)?,
            jobs_waiting: count(JOBS_WAITING, &raw.jobs_waiting)?,
            jobs_remembered: count(JOBS_REMEMBERED, &raw.jobs_remembered)?,
            idle_exit: seconds(IDLE_EXIT, &raw.idle_exit)?,
            audit_keep: count(AUDIT_KEEP, &raw.audit_keep)?,
        })
    }

    /// In words.
    pub(crate) fn explain(&self) -> String {
        format!(
            "{} connections at one time, {} of one uid; {} s of reading for a request; {} jobs at \
             work, {} in line, {} remembered; a service that was started for a connection ends \
             after {} s without any; {} files of the audit log are kept",
            self.connections,
            self.connections_per_uid,
            self.read_time.as_secs(),
            self.jobs_running,
            self.jobs_waiting,
            self.jobs_remembered,
            self.idle_exit.as_secs(),
            self.audit_keep,
        )
    }
}

impl Bounds {
    fn check(self, given: &Option<Spanned<i64>>) -> Result<u16, (&Spanned<i64>, Problem)> {
        let Some(given) = given else { return Ok(self.usual) };
        let Self { key, least, most, .. } = self;
        let number = u16::try_from(*given.get_ref()).ok();
        number
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| (given, Problem::Limit { key, given: *given.get_ref(), least, most }))
    }
}
