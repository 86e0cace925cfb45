//! From changed rows to what a client knows: assets and albums, by their UUIDs.
//!
//! Numbers of entities are read from the same file, for they move with each model and a migration
//! rewrites the history. A row of another table stands for the asset that it points to; a person,
//! and a keyword that changed by itself, for every asset that has it. Which of them exist for the
//! grant is asked of the rule that all questions share; of the rest only what was there before can
//! be gone.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use darkslide_protocol::value::Uuid;

use super::history::{Change, Kind};
use super::{MAX_AFFECTED, Told};
use crate::album::{Albums, Source};
use crate::cell::Cells;
use crate::db::Stop;
use crate::filter_sql;
use crate::model::AlbumKind;
use crate::profile::{Profile, Table};
use crate::query::page::keys_of;
use crate::query::{Keys, each_row};
use crate::schema::asset::{self, attributes};
use crate::schema::people::face;
use crate::schema::{Column, PK, album, change, entity};
use crate::session::Session;

/// Entities of one model; 78 seen. Rows beyond are of no entity that we know.
pub(super) const MAX_ENTITIES: usize = 2_000;
/// Entities that are the parent of one another; 3 seen.
const MAX_PARENTS: usize = 16;
/// Row numbers of one statement.
const KEYS_AT_ONCE: usize = 1_000;

/// What one page's changes did to a row.
#[derive(Debug, Clone, Default)]
struct Fate {
    inserted: bool,
    updated: bool,
    deleted: bool,
    /// From its tombstone.
    uuid: Option<Uuid>,
    transactions: HashSet<i64>,
}

impl Fate {
    fn add(&mut self, change: &Change) {
        self.transactions.insert(change.transaction);
        match &change.kind {
            Kind::Inserted => self.inserted = true,
            Kind::Updated => self.updated = true,
            Kind::Deleted(uuid) => {
                self.deleted = true;
                self.uuid.clone_from(uuid);
            }
        }
    }

    /// Was it there before, as far as the page tells, and is its own row concerned?
    fn may_be_gone(&self) -> bool {
        !self.inserted && (self.updated || self.deleted)
    }
}

/// What the changes of a page concern.
pub(super) struct Touched<'a> {
    session: &'a Session<'a>,
    assets: HashMap<i64, Fate>,
    albums: HashMap<(Source, i64), Fate>,
    /// Albums as the grant shows them; read only where one changed.
    shown: Albums,
    /// The transactions in which one of those changed.
    of_shown: HashSet<i64>,
    is_incomplete: bool,
}

impl<'a> Touched<'a> {
    /// Sorts the changes by what they concern, and finds the assets of those that are of other
    /// tables.
    pub(super) fn by(session: &'a Session<'a>, changes: &[Change]) -> Result<Self, Stop> {
        let entities = Entities::read(session)?;
        let mut touched = Self {
            session,
            assets: HashMap::new(),
            albums: HashMap::new(),
            shown: Albums::default(),
            of_shown: HashSet::new(),
            is_incomplete: false,
        };
        let mut related: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
        let (mut keywords, mut persons) = (Vec::new(), BTreeSet::new());
        let mut with_attributes = HashSet::new();
        for change in changes {
            match entities.role(change.entity) {
                Role::Asset => touched.assets.entry(change.row).or_default().add(change),
                Role::Album(source) => {
                    touched.albums.entry((*source, change.row)).or_default().add(change);
                }
                Role::Keyword => keywords.push(change),
                Role::Person => {
                    persons.insert(change.row);
                }
                Role::Of(table) => {
                    if table == session.profile.attributes.name() {
                        with_attributes.insert(change.transaction);
                    }
                    related.entry(table).or_default().insert(change.row);
                }
                Role::Unknown => {}
            }
        }
        // A keyword that an asset gains or loses changes along with attributes of that asset, which
        // are told; one that changed by itself has another name.
        let alone = keywords.iter().filter(|it| !with_attributes.contains(&it.transaction));
        let keywords: BTreeSet<i64> = alone.map(|change| change.row).collect();
        touched.add_related(&related)?;
        touched.add_affected(&Vec::from_iter(keywords), &Vec::from_iter(persons))?;
        touched.read_albums()?;
        Ok(touched)
    }

    fn read_albums(&mut self) -> Result<(), Stop> {
        if !self.albums.is_empty() {
            self.shown = Albums::read(self.session)?;
        }
        for ((source, key), fate) in &self.albums {
            if self.shown.get(*source, *key).is_some() {
                self.of_shown.extend(&fate.transactions);
            }
        }
        Ok(())
    }

    pub(super) fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }

    /// Assets that rows of other tables point to.
    fn add_related(&mut self, related: &BTreeMap<&str, BTreeSet<i64>>) -> Result<(), Stop> {
        let profile = &self.session.profile;
        let names = related.keys().map(|name| (*name).to_owned()).collect();
        let tables = Profile::tables_called(self.session.database.connection(), &names)?;
        for (name, table) in &tables {
            let keys = Vec::from_iter(related.get(name.as_str()).into_iter().flatten().copied());
            for column in change::TO_ASSET.iter().filter_map(|column| table.column(*column)) {
                let question = |keys: &str| format!("SELECT r.{column} FROM {name} r WHERE {keys}");
                self.add_asked(&keys, "r", question)?;
            }
            if let Some(column) = table.column(change::TO_ATTRIBUTES) {
                let question = |keys: &str| {
                    format!(
                        "SELECT b.{asset} FROM {name} r CROSS JOIN {b} b ON b.{pk}=r.{column} WHERE {keys}",
                        asset = attributes::ASSET.name(),
                        b = profile.attributes.name(),
                        pk = PK.name(),
                    )
                };
                self.add_asked(&keys, "r", question)?;
            }
        }
        Ok(())
    }

    /// Asks in parts, and notes the assets that are answered.
    fn add_asked(
        &mut self,
        keys: &[i64],
        alias: &str,
        question: impl Fn(&str) -> String,
    ) -> Result<(), Stop> {
        let column = format!("{alias}.{}", PK.name());
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let condition = Keys::List(keys).condition(&column);
            each_row(self.session, &question(&condition), &[], |row| {
                if let Some(key) = Cells::new(row, &[]).integer(0) {
                    self.assets.entry(key).or_default();
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// Assets that have a changed keyword or person: as many as fit.
    fn add_affected(&mut self, keywords: &[i64], persons: &[i64]) -> Result<(), Stop> {
        let profile = &self.session.profile;
        let mut left = MAX_AFFECTED;
        if let Some((_, join)) = &profile.keywords {
            let from = format!(
                "SELECT DISTINCT b.{} FROM {} j CROSS JOIN {} b ON b.{}=j.{} WHERE ",
                attributes::ASSET.name(),
                join.table,
                profile.attributes.name(),
                PK.name(),
                join.left,
            );
            self.add_some(&from, &format!("j.{}", join.right), keywords, &mut left)?;
        }
        if let Some(table) = &profile.face
            && let (Some(asset), Some(person)) =
                (table.column(face::ASSET), table.column(face::PERSON))
        {
            let from = format!("SELECT DISTINCT f.{asset} FROM {} f WHERE ", table.name());
            self.add_some(&from, &format!("f.{person}"), persons, &mut left)?;
        }
        Ok(())
    }

    fn add_some(
        &mut self,
        from: &str,
        column: &str,
        keys: &[i64],
        left: &mut usize,
    ) -> Result<(), Stop> {
        for keys in keys.chunks(KEYS_AT_ONCE) {
            // One more, to know whether that was all.
            let question =
                format!("{from}{} LIMIT {}", Keys::List(keys).condition(column), *left + 1);
            each_row(self.session, &question, &[], |row| {
                match (Cells::new(row, &[]).integer(0), left.checked_sub(1)) {
                    (Some(key), Some(fewer)) => {
                        self.assets.entry(key).or_default();
                        *left = fewer;
                    }
                    (Some(_), None) => self.is_incomplete = true,
                    (None, _) => {}
                }
                Ok(())
            })?;
        }
        Ok(())
    }

    /// What became of assets, and how many are gone of which nobody knows the UUID.
    pub(super) fn assets(&self) -> Result<(Told, u64), Stop> {
        let keys = Vec::from_iter(self.assets.keys().copied());
        let mut uuids = self.uuids(&self.session.profile.asset, asset::UUID, "1", &keys)?;
        let mut unknown = 0;
        for (key, fate) in &self.assets {
            match &fate.uuid {
                _ if uuids.contains_key(key) => {}
                Some(uuid) => drop(uuids.insert(*key, uuid.clone())),
                None => unknown += u64::from(fate.deleted && self.is_told_as_gone(fate)),
            }
        }
        let all = Vec::from_iter(uuids.values().cloned());
        let exists = keys_of(self.session, &all)?;
        let mut sorted = Sorted::default();
        for (key, fate) in &self.assets {
            match uuids.remove(key) {
                Some(uuid) if exists.contains_key(&uuid) => sorted.there(uuid, fate.inserted),
                Some(uuid) if self.is_told_as_gone(fate) => sorted.gone(uuid),
                Some(_) | None => {}
            }
        }
        Ok((sorted.told(), unknown))
    }

    /// Of what the grant does not show: that it is withheld is never told, and that it was deleted
    /// only where it may have been shown before. Where a grant is of some albums, nothing is told
    /// of assets that were in none of them: Photos changes an album in the transaction in which it
    /// gains or loses an asset.
    fn is_told_as_gone(&self, fate: &Fate) -> bool {
        let narrowed = self.session.grant.covers().albums().is_some();
        fate.may_be_gone() && (!narrowed || !self.of_shown.is_disjoint(&fate.transactions))
    }

    /// What became of albums.
    pub(super) fn albums(&self) -> Result<Told, Stop> {
        let mut sorted = Sorted::default();
        let mut missing: Vec<((Source, i64), &Fate)> = Vec::new();
        let withheld = self.withheld_imports()?;
        for ((source, key), fate) in &self.albums {
            match self.shown.get(*source, *key) {
                Some(_) if withheld.contains(key) => {}
                Some(row) => sorted.there(row.place.uuid.clone(), fate.inserted),
                None if fate.may_be_gone() => missing.push(((*source, *key), fate)),
                None => {}
            }
        }
        // Of other albums than those of the grant nothing is told; where one of its own goes, no
        // token fits any more.
        if self.session.grant.covers().albums().is_none() {
            let trashed = self.trashed(&missing)?;
            for (key, fate) in missing {
                let uuid = fate.uuid.as_ref().or_else(|| trashed.get(&key));
                uuid.into_iter().for_each(|uuid| sorted.gone(uuid.clone()));
            }
        }
        Ok(sorted.told())
    }

    /// Import sessions of which the grant shows no asset: as `album.list`, the feed does not know
    /// them.
    fn withheld_imports(&self) -> Result<HashSet<i64>, Stop> {
        let profile = &self.session.profile;
        let is_import = |key: &i64| {
            let row = self.shown.get(Source::Album, *key);
            row.is_some_and(|row| row.kind == AlbumKind::Import)
        };
        let withholds = self.session.grant.covers().withholds_assets();
        let keys = self.albums.keys().filter(|(source, _)| withholds && *source == Source::Album);
        let mut imports: HashSet<i64> = keys.map(|(_, key)| *key).filter(is_import).collect();
        let asked = Vec::from_iter(imports.iter().copied());
        for keys in asked.chunks(KEYS_AT_ONCE) {
            let import = profile.read(&profile.asset, "a", asset::IMPORT_SESSION);
            let question = format!(
                "SELECT DISTINCT {import} FROM {} a WHERE {} AND {}",
                profile.asset.name(),
                Keys::List(keys).condition(&import),
                filter_sql::exists(profile, self.session.grant),
            );
            each_row(self.session, &question, &[], |row| {
                if let Some(key) = Cells::new(row, &[]).integer(0) {
                    imports.remove(&key);
                }
                Ok(())
            })?;
        }
        Ok(imports)
    }

    /// The UUIDs of albums that are still there, and no longer listed.
    fn trashed(
        &self,
        missing: &[((Source, i64), &Fate)],
    ) -> Result<HashMap<(Source, i64), Uuid>, Stop> {
        let profile = &self.session.profile;
        let kinds = album::LISTED.map(|kind| kind.to_string()).join(",");
        let is_listed = format!("{} IN ({kinds})", profile.read(&profile.album, "t", album::KIND));
        let share = profile.shares.as_ref().map(|it| (Source::Share, &it.table, "1"));
        let mut found = HashMap::new();
        for (source, table, condition) in
            [Some((Source::Album, &profile.album, is_listed.as_str())), share].into_iter().flatten()
        {
            let keys = missing.iter().filter(|((of, _), _)| *of == source);
            let keys = Vec::from_iter(keys.map(|((_, key), _)| *key));
            let uuids = self.uuids(table, album::UUID, condition, &keys)?;
            found.extend(uuids.into_iter().map(|(key, uuid)| ((source, key), uuid)));
        }
        Ok(found)
    }

    /// The UUIDs of rows, called `t`, where they have one of the usual form.
    fn uuids(
        &self,
        table: &Table,
        column: Column,
        condition: &str,
        keys: &[i64],
    ) -> Result<HashMap<i64, Uuid>, Stop> {
        let mut found = HashMap::new();
        for keys in keys.chunks(KEYS_AT_ONCE) {
            let question = format!(
                "SELECT t.{pk}, {uuid} FROM {table} t WHERE {keys} AND {condition}",
                pk = PK.name(),
                uuid = self.session.profile.read(table, "t", column),
                table = table.name(),
                keys = Keys::List(keys).condition(&format!("t.{}", PK.name())),
            );
            each_row(self.session, &question, &[], |row| {
                let key = Cells::new(row, &[]).integer(0);
                let text = row.get_ref(1).ok().and_then(|it| it.as_str().ok());
                let uuid = text
                    .and_then(|text| Uuid::parse(text).ok().filter(|uuid| uuid.as_str() == text));
                found.extend(key.zip(uuid));
                Ok(())
            })?;
        }
        Ok(found)
    }
}

/// UUIDs by what became of them; each in one list.
#[derive(Default)]
struct Sorted {
    inserted: BTreeSet<Uuid>,
    updated: BTreeSet<Uuid>,
    deleted: BTreeSet<Uuid>,
}

impl Sorted {
    fn there(&mut self, uuid: Uuid, inserted: bool) {
        if inserted { &mut self.inserted } else { &mut self.updated }.insert(uuid);
    }

    fn gone(&mut self, uuid: Uuid) {
        self.deleted.insert(uuid);
    }

    fn told(mut self) -> Told {
        // Of two rows with one UUID: what is there counts.
        self.updated.retain(|uuid| !self.inserted.contains(uuid));
        self.deleted.retain(|it| !self.inserted.contains(it) && !self.updated.contains(it));
        let [inserted, updated, deleted] =
            [self.inserted, self.updated, self.deleted].map(Vec::from_iter);
        Told { inserted, updated, deleted }
    }
}

/// What an entity's rows are to us.
enum Role {
    Asset,
    Album(Source),
    Keyword,
    Person,
    /// Of another table.
    Of(String),
    Unknown,
}

/// The entities of this library by their numbers.
struct Entities(HashMap<i64, Role>);

impl Entities {
    fn read(session: &Session<'_>) -> Result<Self, Stop> {
        let question = format!(
            "SELECT {number}, {name}, {parent} FROM {table} WHERE octet_length({name})<=64 LIMIT {MAX_ENTITIES}",
            number = entity::NUMBER,
            name = entity::NAME,
            parent = change::PARENT_ENTITY,
            table = entity::TABLE,
        );
        let mut named: HashMap<i64, (String, i64)> = HashMap::new();
        each_row(session, &question, &[], |row| {
            let mut cells = Cells::new(row, &[]);
            if let (Some(number), Some(name)) = (cells.integer(0), cells.text(1)) {
                named.insert(number, (name, cells.integer(2).unwrap_or(0)));
            }
            Ok(())
        })?;
        let role = |number: &i64| Some((*number, role(session, *number, &table(&named, *number)?)));
        Ok(Self(named.keys().filter_map(role).collect()))
    }

    fn role(&self, number: i64) -> &Role {
        self.0.get(&number).unwrap_or(&Role::Unknown)
    }
}

/// The table of an entity: that of its first ancestor.
fn table(named: &HashMap<i64, (String, i64)>, number: i64) -> Option<String> {
    let (mut name, mut parent) = named.get(&number).map(|(name, parent)| (name, parent))?;
    for _ in 0..MAX_PARENTS {
        match named.get(parent) {
            Some((above, next)) => (name, parent) = (above, next),
            None => return Some(format!("{}{}", change::TABLE_PREFIX, name.to_ascii_uppercase())),
        }
    }
    // A circle.
    None
}

fn role(session: &Session<'_>, number: i64, table: &str) -> Role {
    let profile = &session.profile;
    let is = |of: Option<&Table>| of.is_some_and(|of| of.name() == table);
    let shares = profile.shares.as_ref();
    if is(Some(&profile.asset)) {
        Role::Asset
    } else if is(Some(&profile.album)) {
        Role::Album(Source::Album)
    } else if is(shares.map(|shares| &shares.table)) {
        let is_album = shares.is_some_and(|shares| shares.entity == number);
        if is_album { Role::Album(Source::Share) } else { Role::Unknown }
    } else if is(profile.keywords.as_ref().map(|(table, _)| table)) {
        Role::Keyword
    } else if is(profile.person.as_ref()) {
        Role::Person
    } else {
        Role::Of(table.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_an_entity_is_that_of_its_first_ancestor_and_no_chain_is_endless() {
        let depth = i64::try_from(MAX_PARENTS).unwrap();
        for (ancestors, found) in
            [(0, true), (2, true), (depth - 1, true), (depth, false), (depth * 1_000, false)]
        {
            let named: HashMap<i64, (String, i64)> = (1..=ancestors + 1)
                .map(|number| (number, (format!("e{number}"), number - 1)))
                .collect();
            let table = table(&named, ancestors + 1);
            assert_eq!(table, found.then(|| "ZE1".to_owned()), "{ancestors}");
        }
        let circle = HashMap::from([(1, ("a".to_owned(), 2)), (2, ("b".to_owned(), 1))]);
        assert_eq!(table(&circle, 1), None);
        assert_eq!(table(&circle, 3), None, "an unknown number has no table");
    }
}
