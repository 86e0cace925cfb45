//! `query`: assets that fit, page by page, as a table for each page or a line of JSON for each
//! asset.
//!
//! Only what is shown is asked for, so that `query | head` costs a page; a reader that goes away
//! ends the walk.

use darkslide_client::protocol::filter::Filter;
use darkslide_client::protocol::limits::MAX_PAGE_ASSETS;
use darkslide_client::protocol::message::asset::AssetQueryParams;

use super::{left_out, select};
use crate::args::{QueryArgs, SelectArgs};
use crate::exit::Exit;
use crate::output::{Output, human};
use crate::report::Failure;
use crate::session::Session;

/// A checked query.
#[derive(Debug)]
pub(crate) struct Query {
    filter: Filter,
    select: SelectArgs,
    is_descending: bool,
    /// At most so many; `None`: all.
    limit: Option<usize>,
}

impl Query {
    pub(crate) fn new(args: QueryArgs) -> Result<Self, Failure> {
        let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
        Ok(Self {
            filter: select::filter(&args.select)?,
            select: args.select,
            is_descending: args.descending,
            limit: (!args.all).then_some(limit),
        })
    }

    /// Runs it.
    pub(crate) async fn run(self, session: &Session, output: &mut Output) -> Result<Exit, Failure> {
        let mut left = self.limit.unwrap_or(usize::MAX);
        let library = session.library().await?;
        left_out::warn_of_selection(session, output, &library, &self.select).await;
        let mut params = AssetQueryParams::of(library);
        params.filter = self.filter;
        params.include = self.select.include;
        params.descending = self.is_descending;
        params.limit = left.min(MAX_PAGE_ASSETS);
        let mut pages = session.client.assets(params);
        while left > 0 {
            let Some(mut assets) = pages.next_page().await? else {
                return Ok(Exit::Done);
            };
            let is_cut = assets.len() > left;
            assets.truncate(left);
            left -= assets.len();
            if output.is_json() {
                assets.iter().try_for_each(|asset| output.json(asset))?;
            } else if !assets.is_empty() {
                output.answer(&assets, |assets, style| human::assets(assets, style))?;
            }
            output.flush()?;
            if left == 0 && (is_cut || pages.cursor().is_some()) {
                output.say("there are more: --limit N shows more of them, --all shows all");
            }
        }
        Ok(Exit::Done)
    }
}
