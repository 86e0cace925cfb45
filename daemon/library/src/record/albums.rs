//! Albums, projects and import sessions of a page's assets, with the folders above them.
//!
//! Read for the page alone: memberships, then the albums that they name, then folders level by
//! level; a library with tens of thousands of import sessions costs a page nothing. The rules are
//! those of `album.rs`, and so is which albums there are for a grant. The library's own dates of an
//! album are told only where the grant withholds no asset: they may be those of a member that it
//! withholds.

use std::collections::{HashMap, HashSet};

use darkslide_protocol::field::{Field, Fields};
use rusqlite::types::ValueRef;

use super::comments::Names;
use crate::album::{MAX_DEPTH, Source};
use crate::cell::{Cells, columns};
use crate::date::Date;
use crate::db::Stop;
use crate::json::{self, Array, Object};
use crate::profile::Table;
use crate::query::{Keys, each_keyed_row, rows};
use crate::schema::album::{self, share};
use crate::schema::sharing::participant;
use crate::schema::{Column, PK, asset};
use crate::session::Session;

columns! {
    /// What is read of an album or folder.
    A {
        Key = PK,
        Uuid = album::UUID,
        Title = album::TITLE,
        Kind = album::KIND,
        Trashed = album::TRASHED,
        Parent = album::PARENT,
        Created = album::CREATED,
        Start = album::START,
        End = album::END,
        Owner = album::OWNER,
        SortKey = album::SORT_KEY,
        Ascending = album::SORT_ASCENDING,
    }
}

columns! {
    /// What is read of a shared album as Photos 11 keeps it.
    S {
        Key = PK,
        Uuid = share::UUID,
        Title = share::TITLE,
        Trashed = share::TRASHED,
        Created = share::CREATED,
        Start = share::START,
        End = share::END,
    }
}

/// An album, project, import session or folder.
#[derive(Debug, Clone)]
struct Row {
    uuid: Option<String>,
    title: Option<String>,
    kind: i64,
    trashed: bool,
    parent: Option<i64>,
    created: Option<Date>,
    start: Option<Date>,
    end: Option<Date>,
    owner: Option<String>,
    sort_key: Option<i64>,
    ascending: bool,
}

impl Row {
    fn is_album(&self) -> bool {
        !self.trashed && matches!(self.kind, album::KIND_ALBUM | album::KIND_SHARED)
    }

    fn is_project(&self) -> bool {
        !self.trashed && self.kind == album::KIND_PROJECT
    }

    fn title(&self) -> &str {
        self.title.as_deref().unwrap_or_default()
    }

    /// How Photos shows its members.
    fn sort_order(&self) -> &'static str {
        match (self.sort_key, self.ascending) {
            (Some(album::SORT_BY_DATE), true) => "oldest",
            (Some(album::SORT_BY_DATE), false) => "newest",
            (Some(album::SORT_BY_TITLE), _) => "title",
            (Some(_) | None, _) => "manual",
        }
    }
}

/// What gathers the assets of a page.
#[derive(Default)]
pub(super) struct Albums {
    members: HashMap<i64, Vec<(Source, i64)>>,
    imports: HashMap<i64, i64>,
    rows: HashMap<(Source, i64), Row>,
    /// May the library's own dates of an album be told?
    dates: bool,
}

/// The fields that need albums.
pub(super) const OF_ALBUMS: &[Field] = &[
    Field::Albums,
    Field::AlbumInfo,
    Field::Folders,
    Field::ProjectInfo,
    Field::BurstAlbums,
    Field::BurstAlbumInfo,
];

impl Albums {
    /// Reads them for assets, and for the key photos of their bursts, if a field wants them.
    pub(super) fn of(session: &Session<'_>, keys: Keys<'_>, fields: Fields) -> Result<Self, Stop> {
        let dates = !session.grant.covers().withholds_assets();
        let mut albums = Self { dates, ..Self::default() };
        if fields.has_any(OF_ALBUMS) {
            rows::members_of(session, keys, |member| {
                let album = (member.source, member.album);
                if session.profile.shows_album(album) {
                    albums.members.entry(member.asset).or_default().push(album);
                }
                session.room.take_row()
            })?;
        }
        albums.read_own(session, keys, fields)?;
        albums.read_rows(session)?;
        albums.sort();
        Ok(albums)
    }

    /// Reads what the asset's own row names: its import session, and its shared album as Photos 11
    /// keeps it.
    fn read_own(
        &mut self,
        session: &Session<'_>,
        keys: Keys<'_>,
        fields: Fields,
    ) -> Result<(), Stop> {
        let profile = &session.profile;
        // A grant of some albums covers no import session.
        let imports = fields.has(Field::ImportInfo) && profile.shown_albums.is_none();
        let shares = fields.has_any(OF_ALBUMS) && profile.shares.is_some();
        if !imports && !shares {
            return Ok(());
        }
        let own = [PK, asset::IMPORT_SESSION, asset::COLLECTION_SHARE];
        let question = format!(
            "SELECT {own} FROM {a} a WHERE {keys}",
            own = profile.list(&profile.asset, "a", &own),
            a = profile.asset.name(),
            keys = keys.places(&format!("a.{}", PK.name())),
        );
        each_keyed_row(session, &question, keys, |row| {
            let mut cells = Cells::new(row, &[]);
            let Some(asset) = cells.integer(0) else { return Ok(()) };
            if imports {
                self.imports.extend(cells.integer(1).map(|import| (asset, import)));
            }
            let share = cells.integer(2).filter(|_| shares).map(|key| (Source::Share, key));
            if let Some(share) = share.filter(|share| profile.shows_album(*share)) {
                self.members.entry(asset).or_default().push(share);
            }
            Ok(())
        })
    }

    /// Reads the albums that are named, then their folders, level by level.
    fn read_rows(&mut self, session: &Session<'_>) -> Result<(), Stop> {
        let named = self.members.values().flatten().copied();
        let named: HashSet<(Source, i64)> =
            named.chain(self.imports.values().map(|key| (Source::Album, *key))).collect();
        let of = |source| -> Vec<i64> {
            named.iter().filter(|(it, _)| *it == source).map(|(_, key)| *key).collect()
        };
        if let Some(shares) = &session.profile.shares {
            self.read_shares(session, &shares.table, shares.entity, &of(Source::Share))?;
        }
        let mut wanted = of(Source::Album);
        for _ in 0..=MAX_DEPTH {
            if wanted.is_empty() {
                break;
            }
            self.read_albums(session, &wanted)?;
            let parents: HashSet<i64> = wanted
                .iter()
                .filter_map(|key| self.rows.get(&(Source::Album, *key))?.parent)
                .filter(|key| !self.rows.contains_key(&(Source::Album, *key)))
                .collect();
            wanted = parents.into_iter().collect();
        }
        Ok(())
    }

    fn read_albums(&mut self, session: &Session<'_>, keys: &[i64]) -> Result<(), Stop> {
        read(session, &session.profile.album, A::LIST, keys, "1", |cells| {
            let Some(key) = cells.integer(A::Key.at()) else { return };
            let row = Row {
                uuid: cells.text(A::Uuid.at()),
                title: cells.text(A::Title.at()),
                kind: cells.integer(A::Kind.at()).unwrap_or_default(),
                trashed: cells.is_null(A::Trashed.at()) || cells.flag(A::Trashed.at()),
                parent: cells.integer(A::Parent.at()),
                created: created(cells, A::Created.at()),
                start: date(cells, A::Start.at()),
                end: date(cells, A::End.at()),
                owner: cells.text(A::Owner.at()),
                sort_key: cells.integer(A::SortKey.at()),
                ascending: cells.flag(A::Ascending.at()),
            };
            self.rows.insert((Source::Album, key), row);
        })
    }

    fn read_shares(
        &mut self,
        session: &Session<'_>,
        table: &Table,
        entity: i64,
        keys: &[i64],
    ) -> Result<(), Stop> {
        let condition = format!("{}={entity}", session.profile.read(table, "g", share::ENTITY));
        read(session, table, S::LIST, keys, &condition, |cells| {
            let Some(key) = cells.integer(S::Key.at()) else { return };
            let row = Row {
                uuid: cells.text(S::Uuid.at()),
                title: cells.text(S::Title.at()),
                kind: album::KIND_SHARED,
                trashed: cells.flag(S::Trashed.at()),
                parent: None,
                created: created(cells, S::Created.at()),
                start: date(cells, S::Start.at()),
                end: date(cells, S::End.at()),
                owner: None,
                sort_key: None,
                ascending: false,
            };
            self.rows.insert((Source::Share, key), row);
        })?;
        self.read_owners(session, keys)
    }

    /// Reads who shares them: the participant whose role says so, of several the last.
    fn read_owners(&mut self, session: &Session<'_>, keys: &[i64]) -> Result<(), Stop> {
        let Some(table) = session.profile.participants.as_ref().filter(|_| !keys.is_empty()) else {
            return Ok(());
        };
        let columns = table.column(participant::SHARE).zip(table.column(participant::ROLE));
        let Some((share, role)) = columns else { return Ok(()) };
        let question = format!(
            "SELECT p.{share},{person} FROM {participants} p WHERE {keys} AND p.{role}={owner} \
             ORDER BY p.{pk}",
            person = session.profile.read(table, "p", participant::PERSON),
            participants = table.name(),
            keys = Keys::List(keys).places(&format!("p.{share}")),
            owner = participant::OWNS,
            pk = PK.name(),
        );
        each_keyed_row(session, &question, Keys::List(keys), |row| {
            let mut cells = Cells::new(row, &[]);
            let share = cells.integer(0).map(|key| (Source::Share, key));
            if let Some(row) = share.and_then(|share| self.rows.get_mut(&share)) {
                row.owner = cells.text(1);
            }
            Ok(())
        })
    }

    /// By title, then UUID; each album once.
    fn sort(&mut self) {
        let rows = &self.rows;
        for members in self.members.values_mut() {
            members.retain(|album| rows.contains_key(album));
            members.sort_by(|left, right| order(rows, *left).cmp(&order(rows, *right)));
            members.dedup();
        }
    }

    /// Has one of them somebody who shared it?
    pub(super) fn has_owners(&self) -> bool {
        self.rows.values().any(|row| row.owner.is_some())
    }

    fn of_asset(&self, key: i64) -> impl Iterator<Item = &Row> {
        let members = self.members.get(&key).map_or(&[][..], Vec::as_slice);
        members.iter().filter_map(|album| self.rows.get(album))
    }

    fn albums_of(&self, key: i64) -> impl Iterator<Item = &Row> {
        self.of_asset(key).filter(|row| row.is_album())
    }

    /// Writes the titles of an asset's albums, and of those of other assets: distinct, sorted.
    pub(super) fn write_titles(&self, keys: &[i64], out: &mut Vec<u8>) {
        let mut titles: Vec<&str> =
            keys.iter().flat_map(|key| self.albums_of(*key)).map(Row::title).collect();
        titles.sort_unstable();
        titles.dedup();
        json::texts(out, titles.into_iter());
    }

    /// Writes the albums of an asset and of other assets, one object for each membership.
    pub(super) fn write_albums(&self, keys: &[i64], names: &Names, out: &mut Vec<u8>) {
        let mut list = Array::begin(out);
        for row in keys.iter().flat_map(|key| self.albums_of(*key)) {
            if list.is_full() {
                break;
            }
            self.write_album(row, names, list.next());
        }
        list.end();
    }

    /// Writes the projects of an asset.
    pub(super) fn write_projects(&self, key: i64, names: &Names, out: &mut Vec<u8>) {
        let mut list = Array::begin(out);
        for row in self.of_asset(key).filter(|row| row.is_project()) {
            if list.is_full() {
                break;
            }
            self.write_album(row, names, list.next());
        }
        list.end();
    }

    /// Writes the folders of each title; of equal titles the last album counts.
    pub(super) fn write_folders(&self, key: i64, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        let mut rows = self.albums_of(key).peekable();
        while let Some(row) = rows.next() {
            if rows.peek().is_none_or(|next| next.title() != row.title()) {
                let folders = self.folders(row);
                let out = object.named(row.title());
                if out.len() > json::MAX_BYTES {
                    json::null(out);
                    break;
                }
                json::texts(out, folders.iter().map(|folder| folder.title()));
            }
        }
        object.end();
    }

    /// Writes the import session of an asset.
    pub(super) fn write_import(&self, key: i64, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        let row = self.imports.get(&key).and_then(|key| self.rows.get(&(Source::Album, *key)));
        if let Some(row) = row {
            self.write_dates(row, &mut object);
            object.text("title", row.title.as_deref());
            object.text("uuid", row.uuid.as_deref());
        }
        object.end();
    }

    fn write_album(&self, row: &Row, names: &Names, out: &mut Vec<u8>) {
        let folders = self.folders(row);
        let mut object = Object::begin(out);
        object.text("uuid", row.uuid.as_deref());
        object.text("title", row.title.as_deref());
        self.write_dates(row, &mut object);
        let titles = folders.iter().map(|folder| folder.title());
        json::texts(object.key("folder_names"), titles);
        let uuids = folders.iter().map(|folder| folder.uuid.as_deref().unwrap_or_default());
        json::texts(object.key("folder_list"), uuids);
        let above = self.above(row);
        let parent = above.last().and_then(|folder| folder.uuid.as_deref());
        object.text("parent", parent);
        object.text("owner", row.owner.as_deref().and_then(|owner| names.get(owner)));
        object.text("sort_order", Some(row.sort_order()));
        object.end();
    }

    fn write_dates(&self, row: &Row, object: &mut Object<'_>) {
        json::or_null(object.key("creation_date"), row.created, json::date);
        for (key, date) in [("start_date", row.start), ("end_date", row.end)] {
            json::or_null(object.key(key), date.filter(|_| self.dates), json::date);
        }
    }

    /// The folders that an album is told to be in. What is shared, and projects, are in none,
    /// whatever stands above them.
    fn folders(&self, row: &Row) -> Vec<&Row> {
        if row.kind == album::KIND_ALBUM { self.above(row) } else { Vec::new() }
    }

    /// The folders above, the outermost first; none where one of them is gone or in the trash.
    fn above(&self, row: &Row) -> Vec<&Row> {
        let mut folders = Vec::new();
        let mut parent = row.parent;
        while let Some(key) = parent {
            let Some(folder) = self.rows.get(&(Source::Album, key)) else {
                return Vec::new();
            };
            match folder.kind {
                album::KIND_ROOT | album::KIND_PROJECT_ROOT => break,
                album::KIND_FOLDER if !folder.trashed && folders.len() < MAX_DEPTH => {}
                _ => return Vec::new(),
            }
            folders.push(folder);
            parent = folder.parent;
        }
        folders.reverse();
        folders
    }
}

fn order(rows: &HashMap<(Source, i64), Row>, album: (Source, i64)) -> (&str, Option<&str>) {
    rows.get(&album).map_or(("", None), |row| (row.title(), row.uuid.as_deref()))
}

fn date(cells: &mut Cells<'_>, at: usize) -> Option<Date> {
    cells.real(at).and_then(Date::utc)
}

/// Without one it is of the first second of 2001, where Photos counts from.
fn created(cells: &mut Cells<'_>, at: usize) -> Option<Date> {
    Date::utc(cells.real(at).unwrap_or(0.0))
}

fn read(
    session: &Session<'_>,
    table: &Table,
    columns: &'static [Column],
    keys: &[i64],
    condition: &str,
    mut take: impl FnMut(&mut Cells<'_>),
) -> Result<(), Stop> {
    let question = format!(
        "SELECT {} FROM {} g WHERE {} AND {condition}",
        session.profile.list(table, "g", columns),
        table.name(),
        Keys::List(keys).places(&format!("g.{}", PK.name())),
    );
    each_keyed_row(session, &question, Keys::List(keys), |row| {
        let mut cells = Cells::new(row, columns);
        take(&mut cells);
        let text = |at| if let ValueRef::Text(text) = cells.raw(at) { Some(text) } else { None };
        let texts: Vec<_> = (0..columns.len()).map(text).collect();
        session.room.take(&texts)
    })
}
