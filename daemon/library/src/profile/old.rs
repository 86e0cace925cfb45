//! A library of Photos 2 to 4 under the names of later models: each table that statements ask for
//! is a view that stands in the statement itself.
//!
//! So filters, pages, counts, facets, albums and records are the same for both. A view has one row
//! per row of the photo, what other tables tell is looked up in it: SQLite then merges the view
//! with the statement, whose indices serve (`tests.rs` holds the plans). The hazard: a join in a
//! view, which doubles a photo whose master is there twice, and is built whole for each page.

mod albums;
mod files;

use std::collections::BTreeSet;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

use albums::IMPORTS_FROM;

use super::{Discovery, Join, Profile, Table, bounded, expression};
use crate::db::{OrStop, Stop};
use crate::error::Unsupported;
use crate::schema::asset::{self, attributes, description};
use crate::schema::cloud::{master as cloud_master, unmanaged};
use crate::schema::old::{
    ID, NAME, TRASHED, UUID, adjustment, admin, cloud, face as old_face, folder, globals, import,
    keyword, master, member, person as old_person, place, resource as old_resource, version,
    volume,
};
use crate::schema::people::{face, person};
use crate::schema::{Column, PK, old};

/// Columns under the names of later models, as far as there is something for them.
type Columns = Vec<(Column, Option<String>)>;

/// The tables of such a library.
struct Old {
    /// The number that the library itself tells.
    number: i64,
    guarded: bool,
    version: Table,
    master: Table,
    resource: Table,
    album: Table,
    folder: Table,
    member: Table,
    import: Option<Table>,
    volume: Option<Table>,
    cloud: Option<Table>,
    adjustment: Option<Table>,
}

impl Profile {
    /// Discovers what an open database of Photos 2 to 4 has; `number` is its own version.
    pub(crate) fn discover_old(
        connection: &Connection,
        guarded: bool,
        number: i64,
    ) -> Result<Self, Stop> {
        let mut discovery = Discovery::begin(connection)?;
        let store_uuid = discovery.library_uuid()?;
        let old = Old::find(&mut discovery, guarded, number)?;
        let keywords = old.keywords(&mut discovery)?;
        let person = discovery.optional(old_person::TABLE, "persons")?;
        let face = discovery.optional(old_face::TABLE, "face_info")?;
        let places = old.places(&mut discovery)?;
        let (asset, attributes) = (old.assets(), old.attributes());
        let (album, resource) = (old.albums(), old.resources());
        discovery.note_lacking(&asset, &attributes, &album, &resource);
        discovery.lacks.extend(["cloud_metadata", "comments", "exif_info", "score"]);
        if places.is_some() {
            discovery.lacks.remove("place");
        }
        Ok(Self {
            model: Some(number),
            store_uuid,
            asset,
            attributes,
            description: Some(old.descriptions()),
            keywords,
            album,
            members: old.members(),
            shares: None,
            resource,
            uti: None,
            exif: None,
            scores: None,
            unmanaged: old.unmanaged(),
            cloud_master: old.clouds(),
            cloud_metadata: None,
            person: person.map(|table| old.persons(&table)),
            face: face.map(|table| old.faces(&table)),
            feedback: None,
            outside: None,
            comments: None,
            invitations: None,
            participants: None,
            places,
            has_history: false,
            guarded,
            shown_albums: None,
            lacks: discovery.lacks,
        })
    }
}

impl Discovery<'_> {
    fn library_uuid(&self) -> Result<Option<String>, Stop> {
        let Some(table) = self.complete(admin::TABLE)? else {
            return Ok(None);
        };
        let question = format!(
            "SELECT {} FROM {} WHERE {}=?1 LIMIT 1",
            bounded(admin::VALUE.name(), 64),
            table.name(),
            admin::KEY.name(),
        );
        let mut statement = self.connection.prepare(&question).or_stop()?;
        let mut rows = statement.query([admin::LIBRARY_UUID]).or_stop()?;
        let row = rows.next().or_stop()?;
        Ok(match row.and_then(|row| row.get_ref(0).ok()) {
            Some(ValueRef::Text(text)) => std::str::from_utf8(text).ok().map(str::to_owned),
            _ => None,
        })
    }
}

/// A view: one row for each of `from`.
fn view(columns: Columns, from: &str) -> Table {
    let has = columns.into_iter().filter_map(|(column, value)| Some((column.name(), value?)));
    let has: Vec<(&str, String)> = has.collect();
    let list: Vec<String> = has.iter().map(|(name, value)| format!("{value} AS {name}")).collect();
    let columns = has.iter().map(|(name, _)| (*name).to_owned()).collect();
    Table { name: format!("(SELECT {} FROM {from})", list.join(",")), columns }
}

/// A view of several tables in turn; each part has a value for each column.
fn union<const N: usize>(columns: [Column; N], parts: &[([String; N], String)]) -> Table {
    let part = |(values, from): &([String; N], String)| {
        let list: Vec<String> = values
            .iter()
            .zip(columns)
            .map(|(value, column)| format!("{value} AS {}", column.name()))
            .collect();
        format!("SELECT {} FROM {from}", list.join(","))
    };
    let parts: Vec<String> = parts.iter().map(part).collect();
    let columns: BTreeSet<String> = columns.iter().map(|column| column.name().to_owned()).collect();
    Table { name: format!("({})", parts.join(" UNION ALL ")), columns }
}

fn null(value: Option<String>) -> String {
    value.unwrap_or_else(|| String::from("NULL"))
}

fn number(value: i64) -> String {
    value.to_string()
}

impl Old {
    fn find(discovery: &mut Discovery<'_>, guarded: bool, number: i64) -> Result<Self, Stop> {
        let tables = [
            discovery.needed(version::TABLE)?,
            discovery.needed(master::TABLE)?,
            discovery.needed(old_resource::TABLE)?,
            discovery.needed(old::album::TABLE)?,
            discovery.needed(folder::TABLE)?,
            discovery.needed(member::TABLE)?,
        ];
        let missing = std::mem::take(&mut discovery.missing);
        let [Some(version), Some(master), Some(resource), Some(album), Some(folder), Some(member)] =
            tables
        else {
            return Err(Unsupported::Columns { model: Some(number), missing }.into());
        };
        if !missing.is_empty() {
            return Err(Unsupported::Columns { model: Some(number), missing }.into());
        }
        Ok(Self {
            number,
            guarded,
            version,
            master,
            resource,
            album,
            folder,
            member,
            import: discovery.optional(import::TABLE, "import_info")?,
            volume: discovery.complete(volume::TABLE)?,
            cloud: discovery.optional(cloud::TABLE, "incloud")?,
            adjustment: discovery.optional(adjustment::TABLE, "external_edit")?,
        })
    }

    fn read(&self, table: &Table, alias: &str, column: Column) -> Option<String> {
        table.column(column).map(|name| expression(self.guarded, alias, name))
    }

    fn v(&self, column: Column) -> Option<String> {
        self.read(&self.version, "V", column)
    }

    fn needed(&self, column: Column) -> String {
        null(self.v(column))
    }

    /// The rows of the version, those that have a master.
    fn versions(&self) -> String {
        format!(
            "{} V WHERE EXISTS (SELECT 1 FROM {} M WHERE M.{}={})",
            self.version.name(),
            self.master.name(),
            UUID.name(),
            self.own_key(),
        )
    }

    /// Which master a photo is of.
    fn own_key(&self) -> String {
        self.needed(version::MASTER)
    }

    /// The same, of a pair that which is not RAW.
    fn shown_key(&self) -> String {
        let own = self.own_key();
        match self.v(version::OTHER_MASTER) {
            None => own,
            Some(other) => {
                let pair = self.is_special(&[version::SPECIAL_RAW_PAIR]);
                format!("iif({pair},coalesce({other},{own}),{own})")
            }
        }
    }

    fn is_special(&self, numbers: &[i64]) -> String {
        let numbers: Vec<String> = numbers.iter().map(i64::to_string).collect();
        format!("{} IN ({})", self.needed(version::SPECIAL), numbers.join(","))
    }

    fn has_raw_in_front(&self) -> String {
        let pair = self.is_special(&[version::SPECIAL_RAW_PAIR]);
        format!("{pair} AND {}={}", self.needed(version::SUBTYPE), version::SUBTYPE_RAW)
    }

    /// What a master tells.
    fn of_master(&self, key: &str, value: &str) -> String {
        format!("(SELECT {value} FROM {} M WHERE M.{}={key})", self.master.name(), UUID.name())
    }

    fn m(&self, key: &str, column: Column) -> Option<String> {
        let value = self.read(&self.master, "M", column)?;
        Some(self.of_master(key, &value))
    }

    fn own(&self, column: Column) -> Option<String> {
        self.m(&self.own_key(), column)
    }

    fn shown(&self, column: Column) -> Option<String> {
        self.m(&self.shown_key(), column)
    }

    /// One number for another.
    fn as_later(value: Option<String>, numbers: &[(i64, i64)], other: &str) -> Option<String> {
        let cases: String =
            numbers.iter().map(|(from, to)| format!(" WHEN {from} THEN {to}")).collect();
        Some(format!("CASE {}{cases} ELSE {other} END", value?))
    }

    fn assets(&self) -> Table {
        let mut columns = self.states();
        let adjusted = self.needed(version::ADJUSTED);
        columns.extend([
            (PK, self.v(ID)),
            (asset::UUID, self.v(UUID)),
            (asset::DATE, self.v(version::DATE)),
            (asset::ADDED, self.of_import(import::DATE)),
            (
                asset::MODIFIED,
                self.v(version::MODIFIED).map(|date| format!("iif({adjusted}<>0,{date},NULL)")),
            ),
            (asset::TRASHED_DATE, self.v(version::TRASHED_DATE)),
            (asset::FILENAME, self.filename()),
            (asset::UTI, self.uti()),
            (asset::WIDTH, self.v(version::WIDTH)),
            (asset::HEIGHT, self.v(version::HEIGHT)),
            (asset::ORIENTATION, self.v(version::ORIENTATION)),
            (asset::LATITUDE, self.v(version::LATITUDE)),
            (asset::LONGITUDE, self.v(version::LONGITUDE)),
            (asset::BURST, self.v(version::BURST)),
            (asset::PICK_TYPE, self.v(version::PICK_TYPE)),
            (asset::IMPORT_SESSION, self.import_key()),
            (asset::CLOUD_GUID, self.cloud_guid()),
            (asset::MASTER, self.of_cloud(&format!("max(C.{})", ID.name()))),
        ]);
        view(columns, &self.versions())
    }

    /// What is told by numbers and flags.
    fn states(&self) -> Columns {
        let special =
            |numbers: &[(i64, i64)]| Self::as_later(self.v(version::SPECIAL), numbers, "0");
        let reference = self.own(master::REFERENCE);
        vec![
            (
                asset::KIND,
                Self::as_later(
                    self.v(version::TYPE),
                    &[
                        (version::TYPE_PHOTO, asset::KIND_PHOTO),
                        (version::TYPE_MOVIE, asset::KIND_MOVIE),
                    ],
                    "NULL",
                ),
            ),
            (
                asset::SUBTYPE,
                special(&[
                    (version::SPECIAL_PANORAMA, asset::SUBTYPE_PANORAMA),
                    (version::SPECIAL_LIVE, asset::SUBTYPE_LIVE),
                    (version::SPECIAL_LIVE_HDR, asset::SUBTYPE_LIVE),
                    (version::SPECIAL_SCREENSHOT, asset::SUBTYPE_SCREENSHOT),
                    (version::SPECIAL_SLOW_MOTION, asset::SUBTYPE_SLOW_MOTION),
                    (version::SPECIAL_TIME_LAPSE, asset::SUBTYPE_TIME_LAPSE),
                ]),
            ),
            (
                asset::HDR,
                special(&[
                    (version::SPECIAL_HDR, asset::HDR_ON),
                    (version::SPECIAL_LIVE_HDR, asset::HDR_ON),
                ]),
            ),
            (asset::DEPTH, special(&[(version::SPECIAL_PORTRAIT, 1)])),
            (version::HAS_RAW, special(&[(version::SPECIAL_RAW_PAIR, 1)])),
            (asset::HIDDEN, self.v(version::HIDDEN)),
            (asset::TRASHED, self.v(TRASHED)),
            (asset::FAVORITE, self.v(version::FAVORITE)),
            (asset::ADJUSTED, self.v(version::ADJUSTED)),
            (asset::VISIBILITY, self.v(version::SHOWN).map(|it| format!("iif({it}=1,0,2)"))),
            (
                asset::SAVED_TYPE,
                reference.map(|it| format!("iif({it}=1,{},3)", asset::SAVED_AS_REFERENCE)),
            ),
        ]
    }

    /// The name in the library; of a pair whose RAW is in front that of the other.
    fn filename(&self) -> Option<String> {
        let own = self.v(version::FILENAME)?;
        Some(match self.shown(master::FILENAME) {
            None => own,
            Some(other) => {
                format!("iif({},coalesce({other},{own}),{own})", self.has_raw_in_front())
            }
        })
    }

    /// The type of the current version.
    fn uti(&self) -> Option<String> {
        let own = self.shown(master::UTI)?;
        let edited = format!(
            "(SELECT {} FROM {} R WHERE {} ORDER BY {}, R.{} DESC LIMIT 1)",
            self.r(old_resource::UTI),
            self.resource.name(),
            self.is_edit(),
            self.r(old_resource::KIND),
            ID.name(),
        );
        Some(format!("iif({}<>0,{edited},{own})", self.needed(version::ADJUSTED)))
    }

    /// Is a resource R the file of the edit of a version V?
    fn is_edit(&self) -> String {
        let adjustment = self.needed(version::ADJUSTMENT);
        format!(
            "R.{}=V.{} AND {}={} AND {}={adjustment} AND {} IN ({},{}) AND {adjustment} NOT IN ({})",
            old_resource::ATTACHED.name(),
            ID.name(),
            self.r(old_resource::ATTACHED_TYPE),
            old_resource::TO_VERSION,
            self.r(old_resource::TAG),
            self.r(old_resource::KIND),
            old_resource::KIND_PHOTO,
            old_resource::KIND_VIDEO,
            version::UNADJUSTED,
        )
    }

    fn r(&self, column: Column) -> String {
        null(self.read(&self.resource, "R", column))
    }

    /// What the import of a photo tells.
    fn of_import(&self, column: Column) -> Option<String> {
        let import = self.import.as_ref()?;
        let value = self.read(import, "G", column)?;
        let session = self.read(&self.master, "M", master::IMPORT)?;
        Some(format!(
            "(SELECT {value} FROM {} M JOIN {} G ON G.{uuid}={session} WHERE M.{uuid}={})",
            self.master.name(),
            import.name(),
            self.own_key(),
            uuid = UUID.name(),
        ))
    }

    fn import_key(&self) -> Option<String> {
        self.of_import(ID).map(|key| format!("({key}+{IMPORTS_FROM})"))
    }

    /// What iCloud tells of the original; several resources can be of one.
    fn of_cloud(&self, value: &str) -> Option<String> {
        let print = self.read(&self.master, "M", master::FINGERPRINT)?;
        Some(format!(
            "(SELECT {value} FROM {} M JOIN {} C ON C.{}={print} WHERE M.{}={})",
            self.master.name(),
            self.cloud.as_ref()?.name(),
            cloud::FINGERPRINT.name(),
            UUID.name(),
            self.own_key(),
        ))
    }

    /// Anything for a photo that iCloud knows: nobody tells what it is.
    fn cloud_guid(&self) -> Option<String> {
        let state = self.read(&self.master, "M", master::CLOUD_STATE)?;
        let uuid = self.read(&self.master, "M", UUID)?;
        self.of_cloud(&format!("max(iif({state}<>0,{uuid},NULL))"))
    }

    fn attributes(&self) -> Table {
        let bytes = if self.number >= globals::FIRST_VERSION_OF_PHOTOS_3 {
            self.own(master::ORIGINAL_BYTES)
        } else {
            self.own(master::BYTES)
        };
        let unmanaged = self.adjustment.as_ref().map(|table| {
            format!(
                "(SELECT D.{} FROM {} D WHERE D.{}={})",
                ID.name(),
                table.name(),
                UUID.name(),
                self.needed(version::ADJUSTMENT)
            )
        });
        let columns = vec![
            (PK, self.v(ID)),
            (attributes::ASSET, self.v(ID)),
            (attributes::ORIGINAL_FILENAME, self.shown(master::ORIGINAL_FILENAME)),
            (attributes::TITLE, self.v(version::TITLE)),
            (attributes::DESCRIPTION, self.v(ID)),
            (attributes::ZONE_OFFSET, self.v(version::ZONE_OFFSET)),
            (attributes::ZONE_NAME, self.v(version::ZONE_NAME)),
            (attributes::WIDTH, self.own(master::WIDTH)),
            (attributes::HEIGHT, self.own(master::HEIGHT)),
            (attributes::ORIENTATION, self.own(master::ORIENTATION)),
            (attributes::FILE_SIZE, bytes),
            (attributes::CAMERA, self.v(version::SELFIE)),
            (attributes::CHOICE, Some(format!("iif({},1,0)", self.has_raw_in_front()))),
            (attributes::FINGERPRINT, self.own(master::FINGERPRINT)),
            (attributes::UNMANAGED, unmanaged),
        ];
        view(columns, &format!("{} V", self.version.name()))
    }

    fn descriptions(&self) -> Table {
        let columns = vec![(PK, self.v(ID)), (description::TEXT, self.v(version::DESCRIPTION))];
        view(columns, &format!("{} V", self.version.name()))
    }

    fn unmanaged(&self) -> Option<Table> {
        let table = self.adjustment.as_ref()?;
        let columns = vec![
            (PK, self.read(table, "D", ID)),
            (unmanaged::FORMAT, self.read(table, "D", adjustment::FORMAT)),
        ];
        Some(view(columns, &format!("{} D", table.name())))
    }

    fn clouds(&self) -> Option<Table> {
        let table = self.cloud.as_ref()?;
        let available = self.read(table, "C", cloud::AVAILABLE);
        let columns = vec![
            (PK, self.read(table, "C", ID)),
            (
                cloud_master::STATE,
                available.map(|it| format!("iif({it}=1,{},0)", cloud_master::STATE_IN_CLOUD)),
            ),
        ];
        Some(view(columns, &format!("{} C", table.name())))
    }

    fn persons(&self, table: &Table) -> Table {
        let p = |column| self.read(table, "P", column);
        let columns = vec![
            (PK, p(ID)),
            (person::UUID, p(UUID)),
            (person::NAME, p(NAME)),
            (person::DISPLAY_NAME, p(old_person::DISPLAY_NAME)),
            (person::KEY_FACE, p(old_person::KEY_FACE)),
            (person::FACE_COUNT, p(old_person::FACE_COUNT)),
            (person::ORDER, Some(number(0))),
        ];
        view(columns, &format!("{} P", table.name()))
    }

    fn faces(&self, table: &Table) -> Table {
        let f = |column| self.read(table, "F", column);
        let mut columns = vec![
            (PK, f(ID)),
            (face::ASSET, f(old_face::VERSION)),
            (face::PERSON, f(old_face::PERSON)),
        ];
        columns.extend(old_face::AS_LATER.iter().map(|(later, own)| (*later, f(*own))));
        view(columns, &format!("{} F", table.name()))
    }

    fn keywords(&self, discovery: &mut Discovery<'_>) -> Result<Option<(Table, Join)>, Stop> {
        let keywords = discovery.optional(keyword::TABLE, "keywords")?;
        let Some((table, join)) = keywords.zip(discovery.optional(keyword::JOIN, "keywords")?)
        else {
            return Ok(None);
        };
        let columns = vec![
            (PK, self.read(&table, "K", ID)),
            (asset::keyword::TITLE, self.read(&table, "K", NAME)),
        ];
        let keywords = view(columns, &format!("{} K", table.name()));
        let flag = self.v(version::HAS_KEYWORDS);
        let counts = flag.map_or_else(String::new, |flag| {
            format!(
                " WHERE EXISTS (SELECT 1 FROM {} V WHERE V.{}=J.{} AND {flag}=1)",
                self.version.name(),
                ID.name(),
                keyword::VERSION.name()
            )
        });
        let joined = view(
            [keyword::VERSION, keyword::KEYWORD].map(|it| (it, self.read(&join, "J", it))).into(),
            &format!("{} J{counts}", join.name()),
        );
        let join = Join {
            table: joined.name,
            left: keyword::VERSION.name().to_owned(),
            right: keyword::KEYWORD.name().to_owned(),
            order: None,
        };
        Ok(Some((keywords, join)))
    }

    /// The names of the places of each version.
    fn places(&self, discovery: &mut Discovery<'_>) -> Result<Option<Table>, Stop> {
        let names = discovery.optional(place::TABLE, "place")?;
        let Some((table, join)) = names.zip(discovery.optional(place::JOIN, "place")?) else {
            return Ok(None);
        };
        let p = |column| (column, self.read(&table, "P", column));
        let columns = vec![
            (PK, self.read(&join, "J", ID)),
            (place::VERSION, self.read(&join, "J", place::VERSION)),
            p(place::TYPE),
            p(place::NAME),
            p(place::AREA),
            p(place::COUNTRY),
        ];
        let types = place::TYPES.map(|it| it.to_string()).join(",");
        let from = format!(
            "{} J JOIN {} P ON P.{}={} WHERE {} IN ({types})",
            join.name(),
            table.name(),
            ID.name(),
            null(self.read(&join, "J", place::PLACE)),
            null(self.read(&table, "P", place::TYPE)),
        );
        Ok(Some(view(columns, &from)))
    }
}

#[cfg(test)]
mod tests;
