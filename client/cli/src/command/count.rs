//! `darkslide count`: how many assets fit.
//!
//! The number alone on stdout, for scripts, unless more is asked for; where the library changed
//! while it was counted, that is said on stderr.

use darkslide_client::protocol::filter::Filter;
use darkslide_client::protocol::message::asset::AssetCountParams;

use super::left_out;
use crate::args::CountArgs;
use crate::exit::Exit;
use crate::output::{Output, human};
use crate::report::Failure;
use crate::session::Session;

/// Runs it.
pub(crate) async fn run(
    session: &Session,
    output: &mut Output,
    filter: Filter,
    args: &CountArgs,
) -> Result<Exit, Failure> {
    let library = session.library().await?;
    left_out::warn_of_selection(session, output, &library, &args.select).await;
    let include = args.select.include.clone();
    let params = AssetCountParams { library, filter, include, with: args.with.clone() };
    let count = session.client.asset_count(&params).await?;
    output.answer(&count, human::count)?;
    output.warn_if_changed(count.consistent);
    Ok(Exit::Done)
}
