//! `darkslide get`: assets by UUID.
//!
//! An unknown UUID is named and ends with the status for "not found", whatever else was found: a
//! script that asks for three and gets two must hear of it.

use darkslide_client::protocol::field::Fields;
use darkslide_client::protocol::limits::MAX_UUIDS;
use darkslide_client::protocol::message::asset::{AssetGetParams, AssetsByUuid};
use darkslide_client::protocol::method::AssetGet;
use darkslide_client::protocol::value::Uuid;
use serde_json::value::RawValue;

use super::{left_out, records};
use crate::exit::Exit;
use crate::output::{Output, plain};
use crate::report::Failure;
use crate::session::Session;

/// Runs it.
pub(crate) async fn run(
    session: &Session,
    output: &mut Output,
    uuids: Vec<Uuid>,
    fields: Fields,
) -> Result<Exit, Failure> {
    let library = session.library().await?;
    let mut found =
        AssetsByUuid::<Box<RawValue>> { assets: Vec::new(), unknown: Vec::new(), rest: uuids };
    while !found.rest.is_empty() {
        let later = found.rest.split_off(found.rest.len().min(MAX_UUIDS));
        let asked = found.rest.len();
        let uuids = std::mem::take(&mut found.rest);
        let params = AssetGetParams { library: library.clone(), uuids, fields };
        let mut page: AssetsByUuid<Box<RawValue>> =
            session.client.call_as::<AssetGet, _>(&params).await?;
        // A daemon that answers for none would be asked for ever.
        let is_stuck = page.rest.len() >= asked;
        found.assets.append(&mut page.assets);
        found.unknown.append(&mut page.unknown);
        found.rest = page.rest.into_iter().chain(later).collect();
        if is_stuck {
            break;
        }
    }
    if output.is_json() {
        output.json(&found)?;
    } else {
        records::show(&found.assets, output)?;
    }
    output.flush()?;
    for uuid in found.unknown.iter().chain(&found.rest) {
        output.say(&plain::line(&format!("not found: {uuid}")));
    }
    let is_complete = found.unknown.is_empty() && found.rest.is_empty();
    if !is_complete {
        left_out::explain_unknown(session, output, &library).await;
    }
    Ok(if is_complete { Exit::Done } else { Exit::NotFound })
}
