//! `darkslide facets`: which values a thing has among assets, the most frequent first.
//!
//! A table for people, one object for programs. Values come from strangers and are made harmless by
//! the table. What did not fit is counted on stderr.

use darkslide_client::protocol::filter::Filter;
use darkslide_client::protocol::limits::MAX_FACET_VALUES;
use darkslide_client::protocol::message::facet::FacetListParams;

use super::{left_out, select};
use crate::args::FacetsArgs;
use crate::exit::Exit;
use crate::output::{Output, human};
use crate::report::Failure;
use crate::session::{self, Session, Way};

/// Runs it.
pub(crate) async fn run(way: Way, args: FacetsArgs, output: &mut Output) -> Result<Exit, Failure> {
    let filter = select::filter(&args.select)?;
    session::with(way, None, output, async |session, output| {
        list(session, output, filter, args).await
    })
    .await
}

async fn list(
    session: &Session,
    output: &mut Output,
    filter: Filter,
    args: FacetsArgs,
) -> Result<Exit, Failure> {
    let library = session.library().await?;
    left_out::warn_of_selection(session, output, &library, &args.select).await;
    let limit = args.limit.map_or(MAX_FACET_VALUES, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX).min(MAX_FACET_VALUES)
    });
    let (facet, include) = (args.facet, args.select.include);
    let params = FacetListParams { library, facet, filter, include, limit };
    let list = session.client.facet_list(&params).await?;
    output.answer(&list, |list, style| human::facets(list, facet, style))?;
    output.warn_if_changed(list.consistent);
    if list.left_out > 0 {
        output.say(&format!("there are {} more values", list.left_out));
    }
    Ok(Exit::Done)
}
