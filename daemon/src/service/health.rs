//! `health`: who serves, and what the kernel says is enforced, asked anew for each answer.
//!
//! Nothing here repeats what was asked for at boot: a flag is set because a call was just refused.
//! What can be tried before the filters only (a socket, for which they kill) is told as it was
//! answered then. Libraries and roots are those that the peer who asks is granted.

use darkslide_protocol::error::WireError;
use darkslide_protocol::message::health::{
    AuditHead, Confinement, Health, HealthDetail, HealthParams, JobCounts, PlaceState, Refusal,
};
use darkslide_protocol::method::{self, METHODS};

use super::{Caller, Service};
use crate::audit::chain::Head;
use crate::confine::{self, Landlock, Report};

/// Who started the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartedBy {
    /// launchd, which made the listener.
    #[cfg_attr(all(target_os = "linux", not(test)), expect(dead_code, reason = "macOS"))]
    Launchd,
    /// systemd, which made the listener.
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "Linux"))]
    Systemd,
    /// A person, or a supervisor: it bound its socket itself.
    Hand,
    /// The command line, for itself alone.
    Private,
}

impl StartedBy {
    /// The word of the wire.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Launchd => "launchd",
            Self::Systemd => "systemd",
            Self::Hand => "hand",
            Self::Private => "private",
        }
    }

    /// Does the listener belong to a service manager, which starts the daemon anew for whoever
    /// connects?
    #[must_use]
    pub(crate) fn is_activated(self) -> bool {
        match self {
            Self::Launchd | Self::Systemd => true,
            Self::Hand | Self::Private => false,
        }
    }
}

impl Service {
    /// Answers `health`.
    ///
    /// # Errors
    /// `DENIED`.
    pub(crate) fn health(
        &self,
        caller: &Caller,
        params: &HealthParams,
    ) -> Result<Health, WireError> {
        self.decide_call::<method::Health>(caller)?;
        if let Some(claim) = &params.client {
            tracing::debug!(name = ?claim.name, version = ?claim.version, "a client names itself");
            caller.claim(&claim.name, &claim.version);
        }
        let detail = if params.brief { None } else { Some(self.detail(caller)) };
        Ok(Health::new(self.instance.clone(), env!("CARGO_PKG_VERSION").to_owned(), detail))
    }

    fn detail(&self, caller: &Caller) -> HealthDetail {
        let peer = caller.peer();
        let libraries = self.policy.libraries_of(peer).map(|name| PlaceState {
            name: name.to_string(),
            state: self.places.library_state(name),
        });
        let scopes: Vec<_> = self.policy.scopes_of(peer).collect();
        let referenced = scopes.iter().flat_map(|scope| {
            scope.referenced().iter().map(|folder| PlaceState {
                name: folder.to_string(),
                state: self.places.referenced_state(scope.library(), folder),
            })
        });
        let roots = self.policy.roots_of(peer).map(|(name, ..)| PlaceState {
            name: name.to_string(),
            state: self.places.root_state(name),
        });
        self.lookout.look_soon();
        let (running, waiting) = self.jobs.counts();
        let report = confine::recheck();
        HealthDetail {
            capabilities: METHODS.iter().map(|row| row.name.to_owned()).collect(),
            pid: std::process::id(),
            started_by: self.started_by.as_str().to_owned(),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            confinement: confinement(&report, &self.refusals),
            libraries: libraries.collect(),
            referenced: referenced.collect(),
            roots: roots.collect(),
            jobs: JobCounts { running, waiting },
            limits: super::limits::told(self.policy.limits(), &report.limits),
            policy_problem: self.policy_problem(caller),
            audit: self
                .audit
                .head()
                .map(|Head { seq, hash }| AuditHead { seq, hash: hash.to_string() }),
        }
    }
}

/// Asked anew, but for what can be tried before the filters only: of that the answers at start
/// stand.
fn confinement(report: &Report, at_start: &[confine::Refusal]) -> Confinement {
    let only_then =
        at_start.iter().filter(|then| report.selftest.iter().all(|now| now.what != then.what));
    let refusals = report
        .selftest
        .iter()
        .chain(only_then)
        .map(|refusal| Refusal { tried: refusal.what.clone(), answer: refusal.name() });
    Confinement {
        enforced: report.is_complete(),
        landlock_abi: match report.landlock {
            Landlock::Enforced { abi } => abi.into(),
            Landlock::Absent { .. } => 0,
        },
        truncation: report.truncation.as_str().to_owned(),
        seccomp: report.seccomp,
        seatbelt: report.seatbelt,
        no_new_privs: report.no_new_privs,
        refusals: refusals.collect(),
        missing: report.missing.clone(),
    }
}
