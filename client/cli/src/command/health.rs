//! `darkslide health`: who serves, and what the kernel says is enforced.
//!
//! It shows the daemon's own answer, which the daemon asks of the kernel anew each time; what is
//! missing stands first.

use darkslide_client::protocol::message::health::HealthParams;

use crate::exit::Exit;
use crate::output::{Output, human};
use crate::report::Failure;
use crate::session::Session;

/// Runs it.
pub(crate) async fn run(session: &Session, output: &mut Output) -> Result<Exit, Failure> {
    let health = session.client.health(&HealthParams::default()).await?;
    output.answer(&health, human::health)?;
    Ok(Exit::Done)
}
