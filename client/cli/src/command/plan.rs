//! `plan`: what an export with the same flags would do.
//!
//! Nothing is written, nor is a folder made. Without `--rows` only the totals are asked for. The
//! hazard: flags that mean one thing here and another to `export`, so both read them in one place.

use darkslide_client::protocol::message::plan::ExportPlanParams;

use super::export::{Wish, with_spec};
use crate::args::{ExportArgs, Global};
use crate::exit::Exit;
use crate::output::rows::Rows;
use crate::output::{Output, planned};
use crate::report::Failure;
use crate::session::Way;

/// Rows that are asked for at once.
const PAGE_ROWS: usize = 1_000;

pub(crate) async fn run(
    global: &Global,
    args: ExportArgs,
    output: &mut Output,
) -> Result<Exit, Failure> {
    with_spec(global, args, output, Way::ahead, async |session, output, wish| {
        let Wish { spec, shown, rows: form } = wish;
        let limit = if form.is_some() { PAGE_ROWS } else { 1 };
        let mut pages = session.client.plan(ExportPlanParams { spec, limit, cursor: None });
        let mut rows = form.map(Rows::new);
        while let Some(page) = pages.next_page().await? {
            if let Some(totals) = &page.totals {
                if rows.is_some() {
                    output.say(&planned::plan(totals, &shown, output.talk_style()));
                } else {
                    output.answer(totals, |totals, style| planned::plan(totals, &shown, style))?;
                }
            }
            let Some(rows) = &mut rows else { break };
            for row in &page.rows {
                rows.tell(output, row)?;
            }
        }
        if let Some(rows) = rows {
            rows.end(output)?;
        }
        Ok(Exit::Done)
    })
    .await
}
