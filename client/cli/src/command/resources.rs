//! `darkslide resources`: the files of assets, version by version, and why one is not here.
//!
//! An unknown UUID is named and ends with the status for "not found", as with `get`. That a file is
//! not here is an answer and no failure: the reason stands in its row.

use darkslide_client::protocol::limits::MAX_UUIDS;
use darkslide_client::protocol::message::resource::{ResourceList, ResourceListParams};
use darkslide_client::protocol::value::Uuid;

use super::left_out;
use crate::exit::Exit;
use crate::output::{Output, human};
use crate::report::Failure;
use crate::session::Session;

/// Runs it.
pub(crate) async fn run(
    session: &Session,
    output: &mut Output,
    uuids: Vec<Uuid>,
) -> Result<Exit, Failure> {
    let library = session.library().await?;
    let mut found = ResourceList { assets: Vec::new(), unknown: Vec::new(), rest: uuids };
    while !found.rest.is_empty() {
        let later = found.rest.split_off(found.rest.len().min(MAX_UUIDS));
        let asked = found.rest.len();
        let uuids = std::mem::take(&mut found.rest);
        let params = ResourceListParams { library: library.clone(), uuids };
        let mut page = session.client.resource_list(&params).await?;
        // A daemon that answers for none would be asked for ever.
        let is_stuck = page.rest.len() >= asked;
        found.assets.append(&mut page.assets);
        found.unknown.append(&mut page.unknown);
        found.rest = page.rest.into_iter().chain(later).collect();
        if is_stuck {
            break;
        }
    }
    if output.is_json() || !found.assets.is_empty() {
        output.answer(&found, |found, style| human::resources(&found.assets, style))?;
    }
    output.flush()?;
    let missing = found.unknown.iter().chain(&found.rest);
    Ok(left_out::tell_missing(session, output, &library, missing).await)
}
