//! `darkslide get`: assets by UUID.
//!
//! An unknown UUID is named and ends with the status for "not found", whatever else was found: a
//! script that asks for three and gets two must hear of it.

use darkslide_client::protocol::field::Fields;
use darkslide_client::protocol::value::Uuid;

use super::{left_out, records, select};
use crate::args::GetArgs;
use crate::exit::Exit;
use crate::output::Output;
use crate::report::Failure;
use crate::session::{self, Session, Way};

/// Runs it.
pub(crate) async fn run(way: Way, args: &GetArgs, output: &mut Output) -> Result<Exit, Failure> {
    let uuids = select::uuids(&args.uuids)?;
    let fields = records::fields(&args.fields)?;
    session::with(way, None, output, async |session, output| {
        get(session, output, uuids, fields).await
    })
    .await
}

async fn get(
    session: &Session,
    output: &mut Output,
    uuids: Vec<Uuid>,
    fields: Fields,
) -> Result<Exit, Failure> {
    let library = session.library().await?;
    let found = records::get(session.client.clone(), library.clone(), uuids, fields).await?;
    if output.is_json() {
        output.json(&found)?;
    } else {
        records::show(&found.assets, output)?;
    }
    output.flush()?;
    let missing = found.unknown.iter().chain(&found.rest);
    Ok(left_out::tell_missing(session, output, &library, missing).await)
}
