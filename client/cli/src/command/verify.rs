//! `verify`: what is missing, changed, or there besides, a row each, and the sum.
//!
//! By the daemon it is a job like an export. `--offline` needs neither daemon nor library: this
//! process reads the destination itself, confined to it. The answer is the same either way; for a
//! program a line for each file that is not intact, and one with the sum.

use std::collections::BTreeMap;
use std::path::Path;

use darkslide_client::protocol::message::job::{Outcome, ReportRow};
use darkslide_client::protocol::message::verify::{ExportVerifyParams, VerifyBy};
use darkslide_client::{ExportHandle, ReportPages};
use serde::Serialize;

use super::export::{self, Wanted};
use crate::args::{Global, PlaceArgs, VerifyArgs};
use crate::daemon_side;
use crate::exit::Exit;
use crate::output::{Output, OutputError, findings};
use crate::paths;
use crate::report::Failure;
use crate::session::{self, Way};

/// Rows that a person is shown at once.
const ROWS_OF_A_TABLE: usize = 1_000;

/// The last line for a program.
#[derive(Debug, Serialize)]
struct Verified<'a> {
    outcomes: &'a BTreeMap<Outcome, u64>,
    /// Is everything there that was exported?
    complete: bool,
}

/// Runs it.
pub(crate) async fn run(
    global: &Global,
    args: VerifyArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    let VerifyArgs { place, by, offline } = args;
    if offline {
        return verify_offline(global, &place, by, output);
    }
    let (way, wanted) = way(global, "verify", &place)?;
    session::with(way, None, output, async |session, output| {
        let Wanted { destination, shown } = wanted;
        let library = Some(session.library().await?);
        let params = ExportVerifyParams { library, destination, by };
        let status = session.client.export_verify(&params).await?;
        let handle = session.client.follow(status).await?;
        let handle = export::to_its_end(session, output, handle).await?;
        export::outcome(handle.status())?;
        let mut told = Telling::new(output);
        let mut pages = pages(&handle, |outcome| outcome == Outcome::Extra);
        while let Some(page) = pages.next_page().await? {
            page.into_iter().try_for_each(|row| told.row(row))?;
        }
        // Not all rows were asked for; their number is known.
        told.counts.clone_from(&handle.status().outcomes);
        Ok(told.end(&shown)?)
    })
    .await
}

/// How a command that is about earlier exports comes to its session.
pub(super) fn way(
    global: &Global,
    command: &str,
    place: &PlaceArgs,
) -> Result<(Way, Wanted), Failure> {
    let folder = place.destination.as_deref();
    let wanted = export::destination(global, command, place.root.as_deref(), folder)?;
    let folder = folder.filter(|_| global.library.is_some());
    if let Some(folder) = folder {
        paths::exported_to(folder)?;
    }
    Ok((Way::of(global, folder)?, wanted))
}

/// The rows of a job that are not done; all where there are some that are done and wanted.
pub(super) fn pages(handle: &ExportHandle, is_wanted: fn(Outcome) -> bool) -> ReportPages {
    let undone = !handle.status().outcomes.keys().any(|outcome| is_wanted(*outcome));
    handle.report(undone)
}

fn verify_offline(
    global: &Global,
    place: &PlaceArgs,
    by: VerifyBy,
    output: &mut Output,
) -> Result<Exit, Failure> {
    if global.library.is_some() || global.library_name.is_some() {
        return Err(Failure::usage(
            "--offline needs no library",
            "darkslide verify --offline DEST",
        ));
    }
    let folder = paths::exported_to(place.destination.as_deref().unwrap_or(Path::new("")))?;
    let mut told = Telling::new(output);
    let mut failed = None;
    daemon_side::verify(&folder, by, &mut |row| match told.row(row) {
        Ok(()) => true,
        Err(error) => {
            failed = Some(error);
            false
        }
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(told.end(&folder)?),
    }
}

/// Tells rows as they come, and counts them.
struct Telling<'a> {
    output: &'a mut Output,
    rows: Vec<ReportRow>,
    counts: BTreeMap<Outcome, u64>,
}

impl<'a> Telling<'a> {
    fn new(output: &'a mut Output) -> Self {
        Self { output, rows: Vec::new(), counts: BTreeMap::new() }
    }

    fn row(&mut self, row: ReportRow) -> Result<(), OutputError> {
        *self.counts.entry(row.outcome).or_default() += 1;
        if row.outcome == Outcome::Intact {
            return Ok(());
        }
        if self.output.is_json() {
            return self.output.json(&row);
        }
        self.rows.push(row);
        if self.rows.len() >= ROWS_OF_A_TABLE { self.table() } else { Ok(()) }
    }

    fn table(&mut self) -> Result<(), OutputError> {
        let text = findings::rows(&self.rows, self.output.style());
        self.rows.clear();
        self.output.text(&text)
    }

    fn end(mut self, shown: &str) -> Result<Exit, OutputError> {
        let complete = self.counts.keys().all(|outcome| outcome.is_done());
        if !self.rows.is_empty() {
            self.table()?;
        }
        let verified = Verified { outcomes: &self.counts, complete };
        self.output.answer(&verified, |verified, style| {
            findings::verified(verified.outcomes, verified.complete, shown, style)
        })?;
        Ok(if complete { Exit::Done } else { Exit::Incomplete })
    }
}
