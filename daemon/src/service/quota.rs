//! What counts against a root's `max_bytes`, looked at when an export of that root is about to
//! write, or is planned.
//!
//! Each destination found below the root is decided on like a write there, for the peer whose
//! export it is, and tells by its own record what it holds. Jobs at work in the root count with all
//! that they planned. The hazard: two exports that each fit alone, so a job tells what it planned
//! before it looks at the others, and jobs are looked at before records: what moves from the one to
//! the other meanwhile counts twice, never not at all.

use std::sync::{Arc, Weak};

use darkslide_door::RootDir;
use darkslide_export::{self as engine, ExportError, Stop};
use darkslide_policy::{Ask, Destination, RelPath, Write, WriteScope};

use super::{Caller, Service};
use crate::jobs::{State, Wish};

/// Who counts for a job: the service that runs it, as long as there is one.
pub(super) struct Counting {
    service: Weak<Service>,
    caller: Caller,
    method: &'static str,
}

impl Counting {
    pub(super) fn new(service: &Arc<Service>, caller: &Caller, method: &'static str) -> Self {
        Self { service: Arc::downgrade(service), caller: caller.clone(), method }
    }

    /// See [`Service::held_by_others`].
    pub(super) fn held_by_others(
        &self,
        scope: &WriteScope,
        root: &RootDir,
        stop: &dyn Fn() -> Stop,
    ) -> Result<u64, ExportError> {
        let service = self.service.upgrade().ok_or(ExportError::Stopped)?;
        service.held_by_others(&self.caller, self.method, scope, root, stop)
    }
}

impl Service {
    /// Bytes that exports hold, or are about to write, below a root, but for the destination of
    /// that scope.
    ///
    /// # Errors
    /// Those of the engine where a record, or the root, cannot be read.
    pub(super) fn held_by_others(
        &self,
        caller: &Caller,
        method: &'static str,
        scope: &WriteScope,
        root: &RootDir,
        stop: &dyn Fn() -> Stop,
    ) -> Result<u64, ExportError> {
        let planned = self.planned_beside(scope);
        let grant = |path| {
            let to = Destination::Named { root: scope.root().clone(), path };
            self.ask(caller, &Ask::<Write>::new(method, to))
                .expect("whoever is granted a destination is granted its whole root")
        };
        let mut held = |path| {
            let grant = grant(path);
            match root.enter_existing(&grant)? {
                Some(destination) => engine::held_bytes(&destination, stop),
                None => Ok(0),
            }
        };
        let top = grant(RelPath::root());
        let held = match root.enter_existing(&top)? {
            Some(top) => engine::held_beside(&top, scope.path(), &mut held, stop)?,
            None => 0,
        };
        Ok(held.saturating_add(planned))
    }

    fn planned_beside(&self, scope: &WriteScope) -> u64 {
        let (root, own) = (scope.root().as_str(), scope.path().to_string());
        let planned = self.jobs.list(|job| {
            let writes = matches!(job.order.wish, Wish::Export(_)) && job.state == State::Running;
            let is_beside = job.order.root == root && job.order.path != own;
            (writes && is_beside).then_some(job.tally.bytes_total)
        });
        planned.into_iter().fold(0, u64::saturating_add)
    }
}
