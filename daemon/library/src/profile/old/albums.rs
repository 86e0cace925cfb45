//! Albums, folders and imports of an old library as one view, and which photo is in which album.
//!
//! Later models keep all three in one table, with a number for the kind; here folders and imports
//! get numbers far above those of albums. The hazard: things of Photos' own, of which there are
//! more than of the user's.

use super::{Old, null, number, union, view};
use crate::profile::{Join, Table};
use crate::schema::old::{
    CREATED, ID, NAME, TRASHED, UUID, album as old_album, folder, import, member,
};
use crate::schema::{Column, PK, album};

/// Folders and imports stand in one view with albums, whose numbers stay far below these.
const FOLDERS_FROM: i64 = 1 << 40;
pub(super) const IMPORTS_FROM: i64 = 1 << 41;
/// The columns of the view.
const COLUMNS: [Column; 11] = [
    PK,
    album::UUID,
    album::TITLE,
    album::KIND,
    album::TRASHED,
    album::PARENT,
    album::CREATED,
    album::START,
    album::END,
    album::SORT_KEY,
    album::SORT_ASCENDING,
];
/// A part of it.
type Part = ([String; COLUMNS.len()], String);

impl Old {
    /// Albums, folders and imports.
    pub(super) fn albums(&self) -> Table {
        let mut parts = vec![self.own_albums(), self.folders()];
        parts.extend(self.imports());
        union(COLUMNS, &parts)
    }

    fn own_albums(&self) -> Part {
        let a = |column| null(self.read(&self.album, "A", column));
        let (subclass, kind) = (a(old_album::SUBCLASS), a(old_album::TYPE));
        let kind = format!(
            "CASE WHEN {subclass}={user} AND {folder} IS NOT {library} THEN \
             CASE WHEN {kind}={album} THEN {as_album} WHEN {kind} IN ({projects}) THEN {as_project} END \
             WHEN {subclass}={smart} AND {magic}=0 THEN {as_smart} END",
            user = old_album::SUBCLASS_USER,
            folder = a(old_album::FOLDER),
            library = folder::LIBRARY,
            album = old_album::TYPE_ALBUM,
            as_album = album::KIND_ALBUM,
            projects = old_album::TYPES_OF_PROJECTS,
            as_project = album::KIND_PROJECT,
            smart = old_album::SUBCLASS_SMART,
            magic = a(old_album::MAGIC),
            as_smart = album::KIND_SMART,
        );
        let by_date = format!(
            "iif({}='{}',{},0)",
            a(old_album::SORT),
            old_album::SORT_BY_DATE,
            album::SORT_BY_DATE
        );
        let values = [
            a(ID),
            a(UUID),
            a(NAME),
            kind,
            format!("coalesce({},0)", a(TRASHED)),
            self.folder_key(&a(old_album::FOLDER)),
            a(CREATED),
            null(None),
            null(None),
            by_date,
            a(old_album::ASCENDING),
        ];
        (values, format!("{} A", self.album.name()))
    }

    /// The number that a folder has among albums.
    fn folder_key(&self, uuid: &str) -> String {
        format!(
            "(SELECT P.{}+{FOLDERS_FROM} FROM {} P WHERE P.{}={uuid})",
            ID.name(),
            self.folder.name(),
            UUID.name()
        )
    }

    fn folders(&self) -> Part {
        let f = |column| null(self.read(&self.folder, "F", column));
        let kind = format!(
            "CASE WHEN {} IN ({}) THEN {} WHEN coalesce({},0)=0 THEN {} END",
            f(UUID),
            folder::ROOTS,
            album::KIND_ROOT,
            f(folder::MAGIC),
            album::KIND_FOLDER,
        );
        let values = [
            format!("F.{}+{FOLDERS_FROM}", ID.name()),
            f(UUID),
            f(NAME),
            kind,
            format!("coalesce({},0)", f(TRASHED)),
            self.folder_key(&f(folder::PARENT)),
            f(CREATED),
            null(None),
            null(None),
            null(None),
            null(None),
        ];
        (values, format!("{} F", self.folder.name()))
    }

    fn imports(&self) -> Option<Part> {
        let table = self.import.as_ref()?;
        let g = |column| null(self.read(table, "G", column));
        let date = g(import::DATE);
        let values = [
            format!("G.{}+{IMPORTS_FROM}", ID.name()),
            g(UUID),
            g(NAME),
            number(album::KIND_IMPORT),
            number(0),
            null(None),
            date.clone(),
            date.clone(),
            date,
            null(None),
            null(None),
        ];
        Some((values, format!("{} G", table.name())))
    }

    /// Which version is in which album.
    pub(super) fn members(&self) -> Join {
        let columns = vec![
            (member::CONTAINER, self.read(&self.album, "A", ID)),
            (member::OBJECT, self.v(ID)),
            (member::ORDER, self.read(&self.member, "J", member::ORDER)),
        ];
        let from = format!(
            "{} J JOIN {} A ON A.{uuid}={} JOIN {} V ON V.{uuid}={}",
            self.member.name(),
            self.album.name(),
            null(self.read(&self.member, "J", member::CONTAINER)),
            self.version.name(),
            null(self.read(&self.member, "J", member::OBJECT)),
            uuid = UUID.name(),
        );
        Join {
            table: view(columns, &from).name,
            left: member::CONTAINER.name().to_owned(),
            right: member::OBJECT.name().to_owned(),
            order: Some(member::ORDER.name().to_owned()),
        }
    }
}
