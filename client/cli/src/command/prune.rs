//! `prune`: shows what the library has no longer, and with `--yes` moves it to the trash of the
//! destination.
//!
//! The plan is made and shown in any case, and what is carried out is that plan or nothing. Where
//! more would go than may, the plan is shown all the same, and then the refusal.

use std::collections::BTreeMap;

use darkslide_client::ExportHandle;
use darkslide_client::protocol::message::job::{Outcome, ReportRow};
use darkslide_client::protocol::message::verify::ExportPruneParams;
use darkslide_client::protocol::value::Token;
use serde::Serialize;

use super::export::{self, Wanted};
use super::verify;
use crate::args::{Global, PruneArgs};
use crate::exit::Exit;
use crate::output::{Output, findings};
use crate::report::Failure;
use crate::session::{self, Session};

/// The last line for a program.
#[derive(Debug, Serialize)]
struct Pruned<'a> {
    /// The job whose rows these are.
    job: &'a Token,
    /// Was it done, or only planned?
    executed: bool,
    outcomes: &'a BTreeMap<Outcome, u64>,
}

/// Runs it.
pub(crate) async fn run(
    global: &Global,
    args: PruneArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let PruneArgs { place, max_delete, yes } = args;
    let (way, wanted) = verify::way(global, "prune", &place)?;
    session::with(way, None, output, async |session, output| {
        let Wanted { destination, shown } = wanted;
        let library = session.library().await?;
        let params = ExportPruneParams { library, destination, max_delete, plan: None };
        let planned = job(session, output, &params).await?;
        let goes = planned.status().outcomes.contains_key(&Outcome::Prunable);
        let is_refused = planned.status().error.is_some();
        let is_shown = !(output.is_json() && yes && goes) || is_refused;
        if is_shown {
            tell(&planned, output, false, &shown).await?;
        }
        export::outcome(planned.status())?;
        if !goes {
            return Ok(Exit::Done);
        }
        if !yes {
            output.hint("the same with --yes moves them to .darkslide/trash/ of the destination");
            return Ok(Exit::Done);
        }
        let params = ExportPruneParams { plan: Some(planned.id().clone()), ..params };
        let done = job(session, output, &params).await?;
        let exit = export::outcome(done.status())?;
        tell(&done, output, true, &shown).await?;
        Ok(exit)
    })
    .await
}

async fn job(
    session: &Session,
    output: &mut Output,
    params: &ExportPruneParams,
) -> Result<ExportHandle, Failure> {
    let status = session.client.export_prune(params).await?;
    let handle = session.client.follow(status).await?;
    export::to_its_end(session, output, handle).await
}

async fn tell(
    handle: &ExportHandle,
    output: &mut Output,
    executed: bool,
    shown: &str,
) -> Result<(), Failure> {
    let mut rows: Vec<ReportRow> = Vec::new();
    let mut pages = handle.report(false);
    while let Some(mut page) = pages.next_page().await? {
        rows.append(&mut page);
    }
    if output.is_json() {
        rows.iter().try_for_each(|row| output.json(row))?;
    } else if !rows.is_empty() {
        output.text(&findings::rows(&rows, output.style()))?;
    }
    let (job, outcomes) = (handle.id(), &handle.status().outcomes);
    output.answer(&Pruned { job, executed, outcomes }, |pruned, style| {
        findings::pruned(pruned.outcomes, executed, shown, style)
    })?;
    Ok(output.flush()?)
}
