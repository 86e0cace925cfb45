//! `destinations`: what has been exported where below the roots of the running daemon.
//!
//! One question, one answer; each destination is read anew for it. That not every folder could be
//! looked into is said beside the list, for then it may lack one.

use darkslide_client::protocol::message::destinations::ExportDestinationsParams;

use crate::args::Global;
use crate::exit::Exit;
use crate::output::{Output, findings};
use crate::report::Failure;
use crate::session::{self, Way};

/// Runs it; where a library is named, only what holds something of it is told.
pub(crate) async fn run(global: &Global, output: &mut Output) -> Result<Exit, Failure> {
    let params = ExportDestinationsParams { library: global.library_name.clone() };
    session::with(Way::of(global, None)?, None, output, async |session, output| {
        let told = session.client.export_destinations(&params).await?;
        output.answer(&told, findings::destinations)?;
        if told.incomplete {
            output.warn("not all folders below the roots could be looked into");
        }
        Ok(Exit::Done)
    })
    .await
}
