//! `album.list`: albums, folders and what else gathers assets, as the wire has them.
//!
//! Rows of the library become words of the wire here, field by field. Which kinds are listed is the
//! request's affair; which assets count is the grant's and the reader's.

use darkslide_library::{AlbumKind as Kind, AlbumOrder as Order, KEYED_ALBUMS};
use darkslide_protocol::error::WireError;
use darkslide_protocol::limits::MAX_ALBUMS;
use darkslide_protocol::message::album::{
    Album, AlbumKind, AlbumList, AlbumListParams, AlbumOrder,
};

use super::{Caller, Service, fault};
use darkslide_protocol::method;

const _: () = assert!(MAX_ALBUMS <= KEYED_ALBUMS, "every album of an answer has its key photo");

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
        let kinds = params.kinds.as_deref().unwrap_or(USUAL);
        let kinds: Vec<Kind> = kinds.iter().copied().map(kind_of_rows).collect();
        let include = params.include;
        self.read::<method::AlbumList, _, _>(
            caller,
            &params.library,
            move |library, grant, deadline| {
                let rows = library
                    .albums(grant, &kinds, &include, deadline)
                    .map_err(|error| fault::library(&error))?;
                Ok(cut(rows.found, rows.consistent))
            },
        )
        .await
    }
}

fn kind_of_rows(kind: AlbumKind) -> Kind {
    match kind {
        AlbumKind::Album => Kind::Album,
        AlbumKind::Folder => Kind::Folder,
        AlbumKind::Smart => Kind::Smart,
        AlbumKind::Shared => Kind::Shared,
        AlbumKind::Project => Kind::Project,
        AlbumKind::Import => Kind::Import,
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
        evaluated: row.kind != Kind::Smart,
        sort_order: row.order.map(|order| match order {
            Order::Manual => AlbumOrder::Manual,
            Order::Oldest => AlbumOrder::Oldest,
            Order::Newest => AlbumOrder::Newest,
            Order::Title => AlbumOrder::Title,
        }),
        key_photo: row.key_photo.map(|uuid| uuid.to_string()),
        count: row.count,
        created: row.created.map(|date| date.to_string()),
        start: row.start.map(|date| date.to_string()),
        end: row.end.map(|date| date.to_string()),
        problem: row.problem.map(|problem| problem.as_str().to_owned()),
    }
}

/// As many as an answer holds, and how many more there are.
fn cut(rows: Vec<darkslide_library::Album>, consistent: bool) -> AlbumList {
    let left_out = rows.len().saturating_sub(MAX_ALBUMS);
    let albums = rows.into_iter().take(MAX_ALBUMS).map(wire).collect();
    AlbumList { albums, left_out, consistent }
}

#[cfg(test)]
mod tests {
    use darkslide_protocol::value::Uuid;

    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let album = darkslide_library::Album {
            uuid: Uuid::parse("1EB2B765-0765-43BA-A90C-0D0580E6172C").unwrap(),
            kind: Kind::Album,
            title: "".into(),
            path: Vec::new(),
            order: None,
            key_photo: None,
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
