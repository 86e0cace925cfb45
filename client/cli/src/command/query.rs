//! `query`: assets that fit, page by page, as a table for each page or a line of JSON for each
//! asset.
//!
//! Only what is shown is asked for, so that `query | head` costs a page; a reader that goes away
//! ends the walk.

use darkslide_client::protocol::field::Fields;
use darkslide_client::protocol::filter::{Filter, Sort};
use darkslide_client::protocol::limits::MAX_PAGE_ASSETS;
use darkslide_client::protocol::message::asset::AssetQueryParams;
use serde_json::value::RawValue;

use super::{left_out, records, select};
use crate::args::{QueryArgs, SelectArgs};
use crate::exit::Exit;
use crate::output::Output;
use crate::report::Failure;
use crate::session::Session;

/// A checked query.
#[derive(Debug)]
pub(crate) struct Query {
    filter: Filter,
    select: SelectArgs,
    fields: Fields,
    sort: Sort,
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
            fields: records::fields(&args.fields)?,
            sort: args.sort,
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
        params.fields = self.fields;
        params.sort = self.sort;
        params.descending = self.is_descending;
        params.limit = left.min(MAX_PAGE_ASSETS);
        let mut pages = session.client.assets(params);
        while left > 0 {
            // Passed on as text: what the daemon says of an asset is not for us to retell.
            let Some(mut records) = pages.next_page_as::<Box<RawValue>>().await? else {
                return Ok(Exit::Done);
            };
            let is_cut = records.len() > left;
            records.truncate(left);
            left -= records.len();
            records::show(&records, output)?;
            output.flush()?;
            if left == 0 && (is_cut || pages.cursor().is_some()) {
                output.say("there are more: --limit N shows more of them, --all shows all");
            }
        }
        Ok(Exit::Done)
    }
}
