//! `health`: who serves, and what the kernel says is enforced, asked anew for each answer.
//!
//! Nothing here repeats what was asked for at boot: a flag is set because a call was just refused.
//! What can be tried before the filters only (a socket, for which they kill) is told as it was
//! answered then. Libraries and roots are those that the peer who asks is granted.

use darkslide_protocol::error::WireError;
use darkslide_protocol::message::health::{
    Confinement, Health, HealthDetail, HealthParams, JobCounts, PlaceState, Refusal,
};
use darkslide_protocol::method::{self, METHODS};

use super::{Caller, Service};
use crate::confine::{self, Landlock, Report};

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
        let (running, waiting) = self.jobs.counts();
        let report = confine::recheck();
        HealthDetail {
            capabilities: METHODS.iter().map(|row| row.name.to_owned()).collect(),
            pid: std::process::id(),
            uptime_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            confinement: confinement(&report, &self.refusals),
            libraries: libraries.collect(),
            referenced: referenced.collect(),
            roots: roots.collect(),
            jobs: JobCounts { running, waiting },
            limits: super::limits::told(&report.limits),
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
        no_new_privs: report.no_new_privs,
        refusals: refusals.collect(),
        missing: report.missing.clone(),
    }
}
