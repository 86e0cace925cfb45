//! `darkslide count`: how many assets fit.
//!
//! The number alone on stdout, for scripts; where the library changed while it was counted, that is
//! said on stderr.

use darkslide_client::protocol::filter::Filter;
use darkslide_client::protocol::message::asset::AssetCountParams;

use super::left_out;
use crate::args::SelectArgs;
use crate::exit::Exit;
use crate::output::{Output, human};
use crate::report::Failure;
use crate::session::Session;

/// Runs it.
pub(crate) async fn run(
    session: &Session,
    output: &mut Output,
    filter: Filter,
    args: &SelectArgs,
) -> Result<Exit, Failure> {
    let library = session.library().await?;
    left_out::warn_of_selection(session, output, &library, args).await;
    let params = AssetCountParams { library, filter, include: args.include.clone() };
    let count = session.client.asset_count(&params).await?;
    output.answer(&count, human::count)?;
    output.warn_if_changed(count.consistent);
    Ok(Exit::Done)
}
