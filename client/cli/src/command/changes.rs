//! `darkslide changes`: where a library's history is now, and what changed since such a place.
//!
//! Without `--since` the token of now; with it all pages up to now, a line for each UUID, and the
//! token for the next time on stderr. Programs get each page as it came, a JSON line each.

use darkslide_client::protocol::message::change::{ChangeSinceParams, ChangeTokenParams};

use crate::args::ChangesArgs;
use crate::exit::Exit;
use crate::output::{Output, human};
use crate::report::Failure;
use crate::session::Session;

/// Runs it.
pub(crate) async fn run(
    session: &Session,
    output: &mut Output,
    args: ChangesArgs,
) -> Result<Exit, Failure> {
    let library = session.library().await?;
    let Some(mut token) = args.since else {
        let token = session.client.change_token(&ChangeTokenParams { library }).await?;
        output.answer(&token, human::change_token)?;
        return Ok(Exit::Done);
    };
    loop {
        let params = ChangeSinceParams::of(library.clone(), token);
        let page = session.client.change_since(&params).await?;
        output.answer(&page, human::changes)?;
        output.flush()?;
        if page.unknown_deleted > 0 {
            output.say(&format!("{} deleted assets are not known by name", page.unknown_deleted));
        }
        if page.incomplete {
            output.warn("a keyword or person changed that more assets have than are listed");
        }
        // A daemon whose pages do not go on would be asked for ever.
        if !page.more || page.next == params.token {
            if !output.is_json() {
                output.say(&format!("next time: --since {}", page.next));
            }
            return Ok(Exit::Done);
        }
        token = page.next;
    }
}
