//! `darkslide info`: what the library is and holds.
//!
//! Counts are those that this peer may see. What the library's version does not tell is named, not
//! shown as zero.

use darkslide_client::protocol::message::library::LibraryInfoParams;

use crate::exit::Exit;
use crate::output::{Output, human};
use crate::report::Failure;
use crate::session::Session;

/// Runs it.
pub(crate) async fn run(session: &Session, output: &mut Output) -> Result<Exit, Failure> {
    let library = session.library().await?;
    let info = session.client.library_info(&LibraryInfoParams { library }).await?;
    output.answer(&info, human::library)?;
    if info.upgrade_unfinished {
        output.warn(
            "Photos began to upgrade this library and did not finish; open it in Photos once",
        );
    }
    output.warn_if_changed(info.consistent);
    Ok(Exit::Done)
}
