//! `album.list`: albums, folders and what else gathers assets, as the wire has them.
//!
//! Rows of the library become words of the wire here, field by field. Which kinds are listed is the
//! request's affair; which assets count is the grant's and the reader's.

use darkslide_library::AlbumKind as Kind;
use darkslide_protocol::error::WireError;
use darkslide_protocol::limits::MAX_ALBUMS;
use darkslide_protocol::message::album::{Album, AlbumKind, AlbumList, AlbumListParams};

use super::{Caller, Service, fault};
use darkslide_protocol::method;

/// What is listed where the request names no kinds.
const USUAL: &[AlbumKind] = &[AlbumKind::Album, AlbumKind::Folder, AlbumKind::Shared];

impl Service {
    /// Answers `album.list`.
    ///
    /// # Errors
    /// `DENIED`, `NOT_FOUND`, and those of the library.
    pub(crate) async fn album_list(
        &self,
        caller: &Caller,
        params: AlbumListParams,
    ) -> Result<AlbumList, WireError> {
        let kinds = params.kinds.unwrap_or_else(|| USUAL.to_vec());
        let include = params.include;
        self.read::<method::AlbumList, _, _>(
            caller,
            &params.library,
            move |library, grant, deadline| {
                let rows = library
                    .albums(grant, &include, deadline)
                    .map_err(|error| fault::library(&error))?;
                let albums = rows.found.into_iter().map(wire);
                let albums = albums.filter(|album| kinds.contains(&album.kind)).collect();
                Ok(cut(albums, rows.consistent))
            },
        )
        .await
    }
}

fn wire(row: darkslide_library::Album) -> Album {
    Album {
        uuid: row.uuid.to_string(),
        kind: match row.kind {
            Kind::Album => AlbumKind::Album,
            Kind::Shared => AlbumKind::Shared,
            Kind::Folder => AlbumKind::Folder,
            Kind::Smart => AlbumKind::Smart,
            Kind::Project => AlbumKind::Project,
            Kind::Import => AlbumKind::Import,
        },
        title: row.title.to_string(),
        folders: row.path.iter().map(ToString::to_string).collect(),
        count: row.count,
        created: row.created.map(|date| date.to_string()),
        start: row.start.map(|date| date.to_string()),
        end: row.end.map(|date| date.to_string()),
        problem: row.problem.map(|problem| problem.as_str().to_owned()),
    }
}

/// As many as an answer holds, and how many more there are.
fn cut(mut albums: Vec<Album>, consistent: bool) -> AlbumList {
    let left_out = albums.len().saturating_sub(MAX_ALBUMS);
    albums.truncate(MAX_ALBUMS);
    AlbumList { albums, left_out, consistent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let album = Album {
            uuid: String::new(),
            kind: AlbumKind::Album,
            title: String::new(),
            folders: Vec::new(),
            count: None,
            created: None,
            start: None,
            end: None,
            problem: None,
        };
        for (all, left_out) in
            [(0, 0), (MAX_ALBUMS, 0), (MAX_ALBUMS + 1, 1), (MAX_ALBUMS * 9, MAX_ALBUMS * 8)]
        {
            let list = cut(vec![album.clone(); all], true);
            assert_eq!((list.albums.len() + list.left_out, list.left_out), (all, left_out));
        }
    }
}
