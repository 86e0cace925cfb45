//! `export.plan`: the same two decisions as an export, and nothing is written.
//!
//! It runs where a library is read, within the time of a request, and under the same grants as the
//! export that it shows. The hazard: a look ahead that makes a folder.

use std::sync::Arc;

use darkslide_door::RootDir;
use darkslide_export::{self as engine, ExportError, Quota, Stop};
use darkslide_library::{Deadline, LibraryError};
use darkslide_protocol::error::WireError;
use darkslide_protocol::message::plan::{
    Action, ExportPlan, ExportPlanParams, PlanRow, PlanTotals,
};
use darkslide_protocol::method::{self, Method};
use darkslide_protocol::value::Uuid;

use super::export::{Granted, checked};
use super::{Caller, Service, fault};

const METHOD: &str = method::ExportPlan::NAME;

impl Service {
    /// Answers `export.plan`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, `INVALID_PARAMS`, `CONFLICT`, `TIMED_OUT`, and those of the library.
    pub(crate) async fn export_plan(
        self: Arc<Self>,
        caller: &Caller,
        params: ExportPlanParams,
    ) -> Result<ExportPlan, WireError> {
        let ExportPlanParams { spec, limit, cursor } = params;
        let granted = self.grant_export(caller, METHOD, &spec)?;
        let root = self.places.root_if_made(granted.write.covers().root())?.cloned();
        let spec = checked(spec)?;
        let name = granted.read.covers().library().clone();
        let (service, asker) = (Arc::clone(&self), caller.clone());
        let deadline = self.deadline(caller);
        let read = move || {
            let asked = Asked { service: &service, caller: &asker, deadline: &deadline };
            asked.page(&granted, root.as_deref(), &spec, (cursor.as_ref(), limit))
        };
        self.readers.read_for(caller, &name, read).await
    }
}

/// Who asks, and how long he waits.
struct Asked<'a> {
    service: &'a Service,
    caller: &'a Caller,
    deadline: &'a Deadline,
}

impl Asked<'_> {
    fn page(
        &self,
        granted: &Granted,
        root: Option<&RootDir>,
        spec: &engine::Spec,
        (after, limit): (Option<&Uuid>, usize),
    ) -> Result<ExportPlan, WireError> {
        let Self { service, caller, deadline } = *self;
        let Granted { library, read, write } = granted;
        let destination = root.map(|root| root.enter_existing(write)).transpose();
        let destination = destination.map_err(|error| fault::destination(&error))?.flatten();
        let stop = || if deadline.expired() { Stop::Now } else { Stop::GoOn };
        let others = || match root {
            Some(root) => service.held_by_others(caller, METHOD, write.covers(), root, &stop),
            None => Ok(0),
        };
        let question = engine::Question {
            library,
            read,
            destination: destination.as_ref(),
            spec,
            limit: deadline,
            quota: write.covers().max_bytes().map(|limit| Quota { limit, others: &others }),
            stop: &stop,
        };
        let page = engine::plan(&question, after, limit).map_err(|error| match error {
            // Nobody but the clock stops it.
            ExportError::Stopped => fault::export(&ExportError::Library(LibraryError::TimedOut)),
            error => fault::export(&error),
        })?;
        Ok(ExportPlan {
            totals: page.totals.map(totals),
            rows: page.rows.into_iter().map(row).collect(),
            next: page.next,
        })
    }
}

fn totals(totals: engine::PlanTotals) -> PlanTotals {
    let engine::PlanTotals { selected, outcomes, bytes, free, quota_left, interrupted } = totals;
    let actions = outcomes.into_iter().map(|(outcome, count)| (action(outcome), count));
    PlanTotals { selected, actions: actions.collect(), bytes, free, quota_left, interrupted }
}

fn row(row: engine::ReportRow) -> PlanRow {
    PlanRow {
        asset: row.asset,
        version: row.version,
        original_filename: row.original_filename,
        path: row.path,
        action: action(row.outcome),
        bytes: row.bytes,
        reason: row.reason,
    }
}

fn action(outcome: engine::Outcome) -> Action {
    match outcome {
        engine::Outcome::Copied => Action::Copy,
        engine::Outcome::Updated => Action::Update,
        engine::Outcome::Unchanged => Action::Unchanged,
        engine::Outcome::Adopted => Action::Adopt,
        engine::Outcome::Renamed => Action::Rename,
        engine::Outcome::Kept => Action::Keep,
        engine::Outcome::Conflict => Action::Conflict,
        engine::Outcome::NotLocal => Action::NotLocal,
        engine::Outcome::Denied => Action::Denied,
        engine::Outcome::Unreadable => Action::Unreadable,
        // That a source changes while it is copied is nobody's plan, and the others are those of a
        // verification or a prune.
        engine::Outcome::SourceChanged
        | engine::Outcome::Intact
        | engine::Outcome::Unproven
        | engine::Outcome::Missing
        | engine::Outcome::Changed
        | engine::Outcome::Extra
        | engine::Outcome::Unsettled
        | engine::Outcome::Prunable
        | engine::Outcome::Pruned => Action::Keep,
    }
}
