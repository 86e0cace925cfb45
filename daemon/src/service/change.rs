//! `change.token`, `change.since`: places in a library's history, and what changed since one.
//!
//! A token is opened below, where the library is read: whether it fits is told by the library
//! itself. Here its answer becomes words of the wire, and nothing is decided.

use darkslide_library::{Changes, Told};
use darkslide_protocol::error::WireError;
use darkslide_protocol::message::change::{
    AlbumChanges, ChangeSince, ChangeSinceParams, ChangeToken, ChangeTokenParams,
};
use darkslide_protocol::method;
use darkslide_protocol::value::Uuid;

use super::{Caller, Service, fault};

impl Service {
    /// Answers `change.token`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, and those of the library; `LIBRARY_UNSUPPORTED` where it has no
    /// history.
    pub(crate) async fn change_token(
        &self,
        caller: &Caller,
        params: ChangeTokenParams,
    ) -> Result<ChangeToken, WireError> {
        self.read::<method::ChangeToken, _, _>(
            caller,
            &params.library,
            move |library, grant, deadline| {
                let token = library.change_token(grant, deadline);
                let token = token.map_err(|error| fault::library(&error))?;
                Ok(ChangeToken { token: token.to_string() })
            },
        )
        .await
    }

    /// Answers `change.since`.
    ///
    /// # Errors
    /// `EXPIRED` for a token that does not fit, and as `change.token`.
    pub(crate) async fn change_since(
        &self,
        caller: &Caller,
        params: ChangeSinceParams,
    ) -> Result<ChangeSince, WireError> {
        let ChangeSinceParams { library, token, limit } = params;
        self.read::<method::ChangeSince, _, _>(caller, &library, move |library, grant, deadline| {
            let changes = library.changes(grant, &token, limit, deadline);
            changes.map(wire).map_err(|error| fault::library(&error))
        })
        .await
    }
}

fn wire(changes: Changes) -> ChangeSince {
    let texts = |uuids: Vec<Uuid>| uuids.iter().map(ToString::to_string).collect();
    let Told { inserted, updated, deleted } = changes.assets;
    let albums = changes.albums;
    ChangeSince {
        inserted: texts(inserted),
        updated: texts(updated),
        deleted: texts(deleted),
        unknown_deleted: changes.unknown_deleted,
        incomplete: changes.incomplete,
        albums: AlbumChanges {
            inserted: texts(albums.inserted),
            updated: texts(albums.updated),
            deleted: texts(albums.deleted),
        },
        next: changes.next.to_string(),
        more: changes.more,
    }
}

#[cfg(test)]
mod tests {
    use darkslide_library::MAX_CHANGES;
    use darkslide_protocol::limits::MAX_PAGE_CHANGES;

    #[test]
    fn a_page_of_the_wire_is_one_of_the_reader() {
        assert_eq!(MAX_PAGE_CHANGES, MAX_CHANGES);
    }
}
