//! What changed in a library since a place in its history: the question behind `change.since`.
//!
//! The history only says where to look. What stands in an answer is decided by the state in the
//! same snapshot, through the rule that decides for every other question (`query::page::keys_of`):
//! what the grant does not show is told as gone or not at all, never as withheld. A page is one
//! transaction and of bounded size, whatever one commit of Photos did. Rows are looked up in bulk.
//! The hazard: a history that reaches back less far than a token, which must not read as "nothing
//! changed".

mod history;
mod token;
mod touched;

use darkslide_protocol::value::Uuid;

use crate::db::Stop;
use crate::session::Session;
use history::History;
pub use token::{Expired, Token};
use touched::Touched;

/// Changes of the history on one page: some 10 ms, and 400 kB if each is of another asset.
pub const MAX_CHANGES: usize = 10_000;
/// Assets of one page that are told for a changed keyword or person; of more it is only told that
/// there are some.
const MAX_AFFECTED: usize = 10_000;

/// What a page tells, each list in the order of UUIDs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// Assets.
    pub assets: Told,
    /// Albums, folders and what else `album.list` lists.
    pub albums: Told,
    /// Deleted assets of which the history does not keep the UUID.
    pub unknown_deleted: u64,
    /// Did a keyword or person change that more assets have than are told?
    pub incomplete: bool,
    /// Where the next page begins.
    pub next: Token,
    /// Is there more already?
    pub more: bool,
}

/// What became of assets, or of albums.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// New.
    pub inserted: Vec<Uuid>,
    /// Something of them changed, or may have.
    pub updated: Vec<Uuid>,
    /// No longer there for this grant.
    pub deleted: Vec<Uuid>,
}

/// The place behind the last change, as a token.
pub(crate) fn newest(session: &Session<'_>) -> Result<Token, Stop> {
    session.database.snapshot(|| {
        let history = History::open(session)?;
        history.token(history.end())
    })
}

/// One page of what happened after a token.
pub(crate) fn since(session: &Session<'_>, token: &str, limit: usize) -> Result<Changes, Stop> {
    session.database.snapshot(|| {
        let history = History::open(session)?;
        let after = history.place(token)?;
        let page = history.page(after, limit.clamp(1, MAX_CHANGES))?;
        let touched = Touched::by(session, &page.changes)?;
        let (assets, unknown_deleted) = touched.assets()?;
        Ok(Changes {
            assets,
            albums: touched.albums()?,
            unknown_deleted,
            incomplete: touched.is_incomplete(),
            next: history.token(page.end)?,
            more: page.more,
        })
    })
}

#[cfg(test)]
mod tests;
