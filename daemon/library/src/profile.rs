//! What this library's model has: which tables and columns, under which names, and what it
//! therefore cannot tell.
//!
//! Discovered from the database itself on each connection, for a name that is right for one release
//! is wrong for the next. It alone decides that a library can not be read, and names what is
//! missing. Names that come from the file enter a statement only after they were checked to be
//! plain words. The hazards: a view that looks like a table, and half an upgrade.

mod old;

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use crate::album::Source;
use crate::db::{OrStop, Stop};
use crate::error::{Damage, LibraryError, Unsupported};
use crate::plist;
use crate::query::resources;
use crate::record;
use crate::schema::album::{self, members, share};
use crate::schema::asset::{self, attributes, description, keyword};
use crate::schema::people::{face, feedback, person};
use crate::schema::{
    Column, NUMBERED, TableNames, cloud, entity, exif, history, metadata, resource, score, sharing,
};

/// More tables than any model has (66 to 89 seen).
const MAX_TABLES: usize = 2_000;
/// The longest name of a table or column that we use.
const MAX_NAME_BYTES: usize = 64;

/// What a library can lack of its albums.
const ALBUM_COLUMNS: &[Column] = &[
    album::CREATED,
    album::START,
    album::END,
    album::OWNER,
    album::SORT_KEY,
    album::SORT_ASCENDING,
    album::CUSTOM_KEY,
];

/// A table of this library, and the columns that it has.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    name: String,
    columns: BTreeSet<String>,
}

impl Table {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Looks for tables of another database than the library's; none where one of them is lacking,
    /// lacks a needed column, or is no table.
    pub(crate) fn find<const N: usize>(
        connection: &Connection,
        names: [TableNames; N],
    ) -> Result<Option<[Self; N]>, Stop> {
        let discovery = match Discovery::begin(connection) {
            Err(Stop::Error(LibraryError::Damaged(Damage::NoTables))) => return Ok(None),
            begun => begun?,
        };
        let mut found = Vec::with_capacity(N);
        for names in names {
            match discovery.complete(names) {
                Ok(Some(table)) => found.push(table),
                Ok(None) | Err(Stop::Error(LibraryError::Damaged(_))) => return Ok(None),
                Err(stop) => return Err(stop),
            }
        }
        Ok(found.try_into().ok())
    }

    /// The name that a column has here; none where the model has no such column.
    pub(crate) fn column(&self, column: Column) -> Option<&'static str> {
        column.names.iter().copied().find(|name| self.columns.contains(*name))
    }
}

/// The table that joins two others, and its columns.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    pub(crate) table: String,
    /// Towards the album, or the attributes.
    pub(crate) left: String,
    /// Towards the asset, or the keyword.
    pub(crate) right: String,
    pub(crate) order: Option<String>,
}

/// Shared albums as Photos 11 keeps them.
#[derive(Debug, Clone)]
pub(crate) struct Shares {
    pub(crate) table: Table,
    pub(crate) entity: i64,
}

/// Everything that a statement needs to know of the model.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) model: Option<i64>,
    pub(crate) store_uuid: Option<String>,
    pub(crate) asset: Table,
    pub(crate) attributes: Table,
    pub(crate) description: Option<Table>,
    pub(crate) keywords: Option<(Table, Join)>,
    pub(crate) album: Table,
    pub(crate) members: Join,
    pub(crate) shares: Option<Shares>,
    pub(crate) resource: Table,
    /// Only where resources refer to it, up to model 14208.
    pub(crate) uti: Option<Table>,
    /// What the camera wrote.
    pub(crate) exif: Option<Table>,
    pub(crate) scores: Option<Table>,
    /// Adjustments of other programs.
    pub(crate) unmanaged: Option<Table>,
    pub(crate) cloud_master: Option<Table>,
    pub(crate) cloud_metadata: Option<Table>,
    pub(crate) person: Option<Table>,
    pub(crate) face: Option<Table>,
    /// Only from model 16119 on.
    pub(crate) feedback: Option<Table>,
    /// Where files outside the bundle are: their bookmarks and volumes.
    pub(crate) outside: Option<(Table, Table)>,
    pub(crate) comments: Option<Table>,
    /// Where people's names stand, beside albums.
    pub(crate) invitations: Option<Table>,
    /// The same, from model 19063 on.
    pub(crate) participants: Option<Table>,
    /// Only in Photos 2 to 4: names of places by asset; later ones are in the attributes.
    pub(crate) places: Option<Table>,
    pub(crate) has_history: bool,
    /// Are large values to be left out? Only after one was met, for it costs a step per value.
    pub(crate) guarded: bool,
    /// The albums whose members exist for the grant, where no other assets do; set by the session.
    pub(crate) shown_albums: Option<Vec<(Source, i64)>>,
    lacks: BTreeSet<&'static str>,
}

impl Profile {
    /// Discovers the model of an open database.
    pub(crate) fn discover(connection: &Connection, guarded: bool) -> Result<Self, Stop> {
        Discovery::begin(connection)?.profile(guarded)
    }

    /// Looks up tables whose names the file itself tells; those that it has, as real tables of a
    /// plain name.
    pub(crate) fn tables_called(
        connection: &Connection,
        names: &BTreeSet<String>,
    ) -> Result<BTreeMap<String, Table>, Stop> {
        let discovery = Discovery::begin(connection)?;
        let mut found = BTreeMap::new();
        for name in names.iter().filter(|name| discovery.tables.get(*name) == Some(&true)) {
            let columns = discovery.columns(name)?;
            found.insert(name.clone(), Table { name: name.clone(), columns });
        }
        Ok(found)
    }

    /// Words for what this model does not tell.
    pub(crate) fn lacks(&self) -> Vec<&'static str> {
        self.lacks.iter().copied().collect()
    }

    /// Does such an album exist for the grant, if it is one?
    pub(crate) fn shows_album(&self, album: (Source, i64)) -> bool {
        self.shown_albums.as_ref().is_none_or(|shown| shown.contains(&album))
    }

    /// Is it of this model or a newer one? One that tells no number is new.
    pub(crate) fn is_at_least(&self, model: i64) -> bool {
        self.model.is_none_or(|it| it >= model)
    }

    /// Is it of Photos 2 to 4?
    pub(crate) fn is_old(&self) -> bool {
        !self.is_at_least(metadata::OLDEST_MODEL)
    }

    /// The expression that reads a column: what the model lacks reads as nothing.
    pub(crate) fn read(&self, table: &Table, alias: &str, column: Column) -> String {
        match table.column(column) {
            None => String::from("NULL"),
            Some(name) => expression(self.guarded, alias, name),
        }
    }

    /// A list of such expressions.
    pub(crate) fn list(&self, table: &Table, alias: &str, columns: &[Column]) -> String {
        let read: Vec<String> =
            columns.iter().map(|column| self.read(table, alias, *column)).collect();
        read.join(",")
    }
}

/// A database while it is looked at.
struct Discovery<'a> {
    connection: &'a Connection,
    /// Real tables by name, and what only looks like one.
    tables: BTreeMap<String, bool>,
    missing: Vec<String>,
    lacks: BTreeSet<&'static str>,
}

impl<'a> Discovery<'a> {
    fn begin(connection: &'a Connection) -> Result<Self, Stop> {
        let mut statement = connection
            .prepare("SELECT name, type='table' AND rootpage>0 FROM sqlite_schema WHERE type IN ('table','view') AND octet_length(name)<=64")
            .or_stop()?;
        let mut rows = statement.query([]).or_stop()?;
        let mut tables = BTreeMap::new();
        while let Some(row) = rows.next().or_stop()? {
            if tables.len() == MAX_TABLES {
                return Err(Damage::Malformed.into());
            }
            if let (Ok(ValueRef::Text(name)), Ok(real)) = (row.get_ref(0), row.get(1))
                && let Ok(name) = std::str::from_utf8(name)
                && is_plain(name)
            {
                tables.insert(name.to_owned(), real);
            }
        }
        if tables.is_empty() {
            return Err(Damage::NoTables.into());
        }
        Ok(Self { connection, tables, missing: Vec::new(), lacks: BTreeSet::new() })
    }

    fn profile(mut self, guarded: bool) -> Result<Profile, Stop> {
        let (model, store_uuid) = self.metadata()?;
        let asset = self.needed(asset::TABLE)?;
        let attributes = self.needed(attributes::TABLE)?;
        let album = self.needed(album::TABLE)?;
        let resource = self.needed(resource::TABLE)?;
        let members = self.members()?;
        self.refuse_what_is_missing(model, asset.as_ref(), store_uuid.is_some())?;
        let (Some(asset), Some(attributes), Some(album), Some(resource), Some(members)) =
            (asset, attributes, album, resource, members)
        else {
            return Err(Damage::Malformed.into());
        };
        let description = self.optional(description::TABLE, "description")?;
        let keywords = self.keywords()?;
        let shares = self.shares(&asset)?;
        let uti = match resource.column(resource::UTI) {
            Some(_) => self.complete(resource::uti::TABLE)?,
            None => None,
        };
        self.note_lacking(&asset, &attributes, &album, &resource);
        if uti.is_none() && resource.column(resource::COMPACT_UTI).is_none() {
            self.lacks.insert("uti_original");
        }
        let exif = self.told(exif::TABLE, "exif_info", record::EXIF_COLUMNS, exif::NUMBERS)?;
        let scores = self.told(score::TABLE, "score", &[], score::SCORES)?;
        self.note_named(scores.as_ref().and(Some(&asset)), score::OF_ASSET);
        let unmanaged = self.optional(cloud::unmanaged::TABLE, "external_edit")?;
        let guid = &[cloud::master::GUID];
        let cloud_master = self.told(cloud::master::TABLE, "incloud", guid, &[])?;
        let cloud_metadata = self.optional(cloud::metadata::TABLE, "cloud_metadata")?;
        let person = self.told(person::TABLE, "persons", record::PERSON_COLUMNS, &[])?;
        let (columns, named) = (record::FACE_COLUMNS, face::AS_THEY_ARE);
        let face = self.told(face::TABLE, "face_info", columns, named)?;
        let feedback = self.complete(feedback::TABLE)?;
        let bookmarks = self.optional(resource::bookmark::TABLE, "referenced files")?;
        let outside = bookmarks.zip(self.optional(resource::volume::TABLE, "referenced files")?);
        let columns = record::COMMENT_COLUMNS;
        let comments = self.told(sharing::comment::TABLE, "comments", columns, &[])?;
        let invitations = self.complete(sharing::invitation::TABLE)?;
        let participants = self.complete(sharing::participant::TABLE)?;
        Ok(Profile {
            model,
            store_uuid,
            asset,
            attributes,
            description,
            keywords,
            album,
            members,
            shares,
            resource,
            uti,
            exif,
            scores,
            unmanaged,
            cloud_master,
            cloud_metadata,
            person,
            face,
            feedback,
            outside,
            comments,
            invitations,
            participants,
            places: None,
            has_history: self.is_table(history::TABLE)?,
            guarded,
            shown_albums: None,
            lacks: self.lacks,
        })
    }

    fn refuse_what_is_missing(
        &self,
        model: Option<i64>,
        asset: Option<&Table>,
        has_metadata: bool,
    ) -> Result<(), LibraryError> {
        if asset.is_none() && !has_metadata {
            return Err(Damage::NoTables.into());
        }
        // A store of a model that we know, without its main table: a conversion begins like that.
        // Only a newer model may have given it another name.
        let is_known = model.is_none_or(|model| model <= metadata::NEWEST_KNOWN_MODEL);
        if asset.is_none() && is_known {
            return Err(Damage::UpgradeBrokenOff.into());
        }
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(Unsupported::Columns { model, missing: self.missing.clone() }.into())
    }

    fn metadata(&self) -> Result<(Option<i64>, Option<String>), Stop> {
        if !self.is_table(metadata::TABLE)? {
            return Ok((None, None));
        }
        let question = format!(
            "SELECT {}, {} FROM {} ORDER BY rowid LIMIT 1",
            bounded(metadata::UUID, 64),
            bounded(metadata::PLIST, plist::MAX_PLIST_BYTES),
            metadata::TABLE,
        );
        let mut statement = self.connection.prepare(&question).or_stop()?;
        let mut rows = statement.query([]).or_stop()?;
        let Some(row) = rows.next().or_stop()? else {
            return Ok((None, None));
        };
        let uuid = match row.get_ref(0).or_stop()? {
            ValueRef::Text(text) => std::str::from_utf8(text).ok().map(str::to_owned),
            _ => None,
        };
        let model = match row.get_ref(1).or_stop()? {
            ValueRef::Blob(bytes) => plist::top_level_integer(bytes, metadata::MODEL_KEY),
            _ => None,
        };
        Ok((model, uuid))
    }

    /// Is it there as a real table?
    fn is_table(&self, name: &str) -> Result<bool, LibraryError> {
        match self.tables.get(name) {
            None => Ok(false),
            Some(true) => Ok(true),
            Some(false) => Err(Damage::NotATable { name: name.to_owned() }.into()),
        }
    }

    fn table(&self, names: TableNames) -> Result<Option<Table>, Stop> {
        for name in names.names {
            if self.is_table(name)? {
                let columns = self.columns(name)?;
                return Ok(Some(Table { name: (*name).to_owned(), columns }));
            }
        }
        Ok(None)
    }

    fn needed(&mut self, names: TableNames) -> Result<Option<Table>, Stop> {
        let Some(table) = self.table(names)? else {
            self.missing.push(names.names.first().copied().unwrap_or_default().to_owned());
            return Ok(None);
        };
        for column in names.needed {
            if table.column(*column).is_none() {
                self.missing.push(format!("{}.{}", table.name, column.name()));
            }
        }
        Ok(Some(table))
    }

    fn optional(&mut self, names: TableNames, word: &'static str) -> Result<Option<Table>, Stop> {
        let complete = self.complete(names)?;
        if complete.is_none() {
            self.lacks.insert(word);
        }
        Ok(complete)
    }

    /// The same, and its columns are told one by one.
    fn told(
        &mut self,
        names: TableNames,
        word: &'static str,
        columns: &[Column],
        named: &[(&str, Column)],
    ) -> Result<Option<Table>, Stop> {
        let table = self.optional(names, word)?;
        self.note(table.as_ref(), columns);
        self.note_named(table.as_ref(), named);
        Ok(table)
    }

    /// A table with all columns that it needs.
    fn complete(&self, names: TableNames) -> Result<Option<Table>, Stop> {
        let table = self.table(names)?;
        Ok(table.filter(|table| names.needed.iter().all(|it| table.column(*it).is_some())))
    }

    fn columns(&self, table: &str) -> Result<BTreeSet<String>, Stop> {
        let mut statement =
            self.connection.prepare(&format!("PRAGMA table_info({table})")).or_stop()?;
        let mut rows = statement.query([]).or_stop()?;
        let mut columns = BTreeSet::new();
        while let Some(row) = rows.next().or_stop()? {
            if let Ok(ValueRef::Text(name)) = row.get_ref(1)
                && let Ok(name) = std::str::from_utf8(name)
                && is_plain(name)
            {
                columns.insert(name.to_owned());
            }
        }
        Ok(columns)
    }

    /// Finds the table `Z_<n>ASSETS` whose columns join albums with assets; its numbers move with
    /// each model.
    fn members(&mut self) -> Result<Option<Join>, Stop> {
        let suffixes = [members::ALBUM_SUFFIX, members::ASSET_SUFFIX];
        let Some((mut join, columns)) = self.join(members::TABLE_SUFFIX, suffixes)? else {
            self.missing.push(String::from("the table of album members"));
            return Ok(None);
        };
        join.order = columns.into_iter().find(|column| {
            let rest = column.strip_prefix(members::ORDER_PREFIX);
            rest.is_some_and(|rest| rest.ends_with(members::ASSET_SUFFIX))
        });
        if join.order.is_none() {
            self.lacks.insert("album order");
        }
        Ok(Some(join))
    }

    /// Finds a table `Z_<n>WORD` by the ends of its two columns.
    fn join(
        &self,
        word: &str,
        [left, right]: [&str; 2],
    ) -> Result<Option<(Join, BTreeSet<String>)>, Stop> {
        for name in self.tables.keys().filter(|name| is_numbered(name, word)) {
            self.is_table(name)?;
            let columns = self.columns(name)?;
            let find = |suffix| columns.iter().find(|column| is_numbered(column, suffix)).cloned();
            if let (Some(left), Some(right)) = (find(left), find(right)) {
                let join = Join { table: name.clone(), left, right, order: None };
                return Ok(Some((join, columns)));
            }
        }
        Ok(None)
    }

    fn keywords(&mut self) -> Result<Option<(Table, Join)>, Stop> {
        let Some(table) = self.optional(keyword::TABLE, "keywords")? else {
            return Ok(None);
        };
        let suffixes = [keyword::JOIN_ATTRIBUTES_SUFFIX, keyword::JOIN_SUFFIX];
        let join = self.join(keyword::JOIN_SUFFIX, suffixes)?;
        if join.is_none() {
            self.lacks.insert("keywords");
        }
        Ok(join.map(|(join, _)| (table, join)))
    }

    fn shares(&mut self, assets: &Table) -> Result<Option<Shares>, Stop> {
        if assets.column(asset::COLLECTION_SHARE).is_none() || !self.is_table(entity::TABLE)? {
            return Ok(None);
        }
        let question = format!(
            "SELECT min({}) FROM {} WHERE {}=?1",
            entity::NUMBER,
            entity::TABLE,
            entity::NAME
        );
        let number: Option<i64> = self
            .connection
            .query_row(&question, [entity::COLLECTION_SHARE], |row| Ok(row.get(0).ok()))
            .or_stop()?;
        let table = self.table(share::TABLE)?;
        let complete = table.filter(|table| {
            share::TABLE.needed.iter().all(|column| table.column(*column).is_some())
        });
        Ok(number.zip(complete).map(|(entity, table)| Shares { table, entity }))
    }

    fn note_lacking(&mut self, asset: &Table, attributes: &Table, album: &Table, resource: &Table) {
        for (table, columns) in [
            (asset, record::ASSET_COLUMNS),
            (asset, &[asset::MASTER, asset::IMPORT_SESSION]),
            (attributes, record::ATTRIBUTE_COLUMNS),
            (attributes, &[attributes::DESCRIPTION, attributes::PLACE, attributes::UNMANAGED]),
            (album, ALBUM_COLUMNS),
            (resource, resources::RESOURCE_COLUMNS),
        ] {
            self.note(Some(table), columns);
        }
    }

    /// Notes those of a table's columns that are not there, where that is news.
    fn note(&mut self, table: Option<&Table>, columns: &[Column]) {
        let Some(table) = table else { return };
        let absent = columns.iter().filter(|column| table.column(**column).is_none());
        self.lacks.extend(absent.filter_map(|column| column.lacking));
    }

    fn note_named(&mut self, table: Option<&Table>, columns: &[(&str, Column)]) {
        columns.iter().for_each(|(_, column)| self.note(table, &[*column]));
    }
}

/// Reads a column that is there.
fn expression(guarded: bool, alias: &str, name: &str) -> String {
    if guarded {
        // A text in the place of what is too large: it fits no number, so that a flag counts as
        // set.
        format!("iif(ifnull(octet_length({alias}.{name}),0)<=65536,{alias}.{name},'too large')")
    } else {
        format!("{alias}.{name}")
    }
}

/// Reads a column where it is small: a larger value would end the statement.
pub(crate) fn bounded(column: &str, bytes: usize) -> String {
    format!("iif(ifnull(octet_length({column}),0)<={bytes},{column},NULL)")
}

/// May it stand in a statement without quotes?
fn is_plain(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The prefix of such names, a number, and the word.
fn is_numbered(name: &str, word: &str) -> bool {
    let number = name.strip_prefix(NUMBERED).and_then(|rest| rest.strip_suffix(word));
    number.is_some_and(|number| {
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_words_enter_a_statement() {
        for good in ["ZASSET", "Z_33ASSETS", "z9"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["", "9Z", "Z SET", "Z\"", "Z;DROP", "Zé", "_Z", &"Z".repeat(65)] {
            assert!(!is_plain(bad), "{bad}");
        }
    }

    #[test]
    fn a_join_table_is_told_by_its_number_and_word() {
        assert!(is_numbered("Z_33ASSETS", "ASSETS"));
        for bad in ["Z_ASSETS", "Z_3KEYASSETS", "ZASSETS", "Z_33ASSETSX", "Z_3"] {
            assert!(!is_numbered(bad, "ASSETS"), "{bad}");
        }
    }
}
