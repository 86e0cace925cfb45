//! `darkslide albums`: albums and folders, as their paths.
//!
//! A table for people, one object for programs. What a smart album would hold is not evaluated, and
//! is not guessed here either.

use darkslide_client::protocol::message::album::AlbumListParams;

use super::left_out;
use crate::args::AlbumsArgs;
use crate::exit::Exit;
use crate::output::{Output, human};
use crate::report::Failure;
use crate::session::Session;

/// Runs it.
pub(crate) async fn run(
    session: &Session,
    output: &mut Output,
    args: AlbumsArgs,
) -> Result<Exit, Failure> {
    let library = session.library().await?;
    left_out::warn(session, output, &library, &args.include).await;
    let params = AlbumListParams {
        library,
        kinds: (!args.kind.is_empty()).then_some(args.kind),
        include: args.include,
    };
    let albums = session.client.album_list(&params).await?;
    output.answer(&albums, human::albums)?;
    output.warn_if_changed(albums.consistent);
    if albums.left_out > 0 {
        output.say(&format!("there are {} more: ask for fewer --kind", albums.left_out));
    }
    Ok(Exit::Done)
}
