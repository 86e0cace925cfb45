//! Turns a filter, and what a grant shows, into one SQL condition with bound values.
//!
//! Nothing of a peer's text becomes SQL: words are matched here, texts and UUIDs are bound. The
//! privacy rule is the first part of every condition and stands in no other place. A unary plus
//! keeps SQLite from an index on a flag, after which it would sort the whole library (1,400 times
//! slower at 100,000 assets); only a filter that names few assets may lead.

use darkslide_policy::{Grant, Read};
use darkslide_protocol::filter::{Filter, Flag, Include, Kind};
use darkslide_protocol::value::Uuid;
use rusqlite::types::Value;

use crate::album::{AlbumRow, Albums, Source};
use crate::deadline::Deadline;
use crate::error::LibraryError;
use crate::profile::{Profile, Table};
use crate::schema::asset::{self, attributes, description, keyword};
use crate::schema::{Column, PK, album, resource};
use crate::session::Session;

/// A condition on the asset table, which is called `a`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Condition {
    pub(crate) sql: String,
    pub(crate) values: Vec<Value>,
    /// Does it name few assets, so that it leads and the order follows?
    pub(crate) leads: bool,
}

/// Compiles the whole: what the grant shows, what is left out unless included, and the filter.
pub(crate) fn compile(
    session: &Session<'_>,
    include: &[Include],
    filter: &Filter,
    albums: Option<&Albums>,
) -> Result<Condition, LibraryError> {
    let profile = &session.profile;
    let mut writer = Writer { profile, limit: session.limit, albums, values: Vec::new() };
    let listed = listed(profile, include);
    // Whoever names an asset by its UUID means it.
    let mut asked = Vec::new();
    named(filter, &mut asked);
    let listed = if asked.is_empty() || listed == "1" {
        listed
    } else {
        format!("({listed} OR {})", writer.uuids(&asked, "+"))
    };
    let leads = leads(filter);
    let filter = writer.filter(filter, leads)?;
    Ok(Condition {
        sql: format!("{} AND {listed} AND {filter}", exists(profile, session.grant)),
        values: writer.values,
        leads,
    })
}

/// Which assets exist for the grant: shown, with a usable UUID, and of several rows with one UUID
/// the first that is shown.
pub(crate) fn exists(profile: &Profile, grant: &Grant<Read>) -> String {
    let (shown, first) = (shown(profile, grant, "a"), first_of_twins(profile, grant));
    format!("{shown} AND {} AND {first}", well_named(profile))
}

/// What the grant does not withhold: the one place that decides it.
pub(crate) fn shown(profile: &Profile, grant: &Grant<Read>, alias: &str) -> String {
    let scope = grant.covers();
    none_of([
        (scope.shows_hidden(), set_in(profile, alias, asset::HIDDEN)),
        (scope.shows_trashed(), set_in(profile, alias, asset::TRASHED)),
    ])
}

/// A lookup in the index of UUIDs for each row. A twin that the grant withholds must not matter.
pub(crate) fn first_of_twins(profile: &Profile, grant: &Grant<Read>) -> String {
    format!(
        "NOT EXISTS (SELECT 1 FROM {table} t WHERE t.{name}={uuid} AND t.{pk}<a.{pk} AND {shown})",
        table = profile.asset.name(),
        name = asset::UUID.name(),
        uuid = column(profile, asset::UUID),
        pk = PK.name(),
        shown = shown(profile, grant, "t"),
    )
}

/// That no condition holds but those that may.
fn none_of<const N: usize>(conditions: [(bool, String); N]) -> String {
    let refused = conditions.into_iter().filter(|(may, _)| !may);
    let refused: Vec<String> = refused.map(|(_, condition)| format!("NOT {condition}")).collect();
    if refused.is_empty() { String::from("1") } else { refused.join(" AND ") }
}

/// Which assets are listed without being asked for.
pub(crate) fn listed(profile: &Profile, include: &[Include]) -> String {
    none_of([
        (include.contains(&Include::Hidden), set(profile, asset::HIDDEN)),
        (include.contains(&Include::Trashed), set(profile, asset::TRASHED)),
        (include.contains(&Include::Bursts), unselected(profile)),
    ])
}

/// Has the row a UUID of the usual form? In three patterns, for one would be longer than SQLite
/// lets a pattern be: dashes in their places, no fifth dash, and otherwise digits.
pub(crate) fn well_named(profile: &Profile) -> String {
    let uuid = column(profile, asset::UUID);
    format!(
        "{uuid} GLOB '????????-????-????-????-????????????' AND {uuid} NOT GLOB '*-*-*-*-*-*' \
         AND {uuid} NOT GLOB '*[^-0-9A-F]*'"
    )
}

/// An image of a burst that nobody selected: its pick type is neither 0 nor has it one of the two
/// bits.
pub(crate) fn unselected(profile: &Profile) -> String {
    let pick = column(profile, asset::PICK_TYPE);
    format!(
        "({burst} IS NOT NULL AND coalesce({pick},0)<>0 AND coalesce({pick},0)&{bits}=0)",
        burst = column(profile, asset::BURST),
        bits = asset::PICK_SELECTED | asset::PICK_KEY,
    )
}

/// Nothing and 0 are no, everything else is yes: nonsense in a flag shows no more than it should.
pub(crate) fn set(profile: &Profile, flag: Column) -> String {
    set_in(profile, "a", flag)
}

fn set_in(profile: &Profile, alias: &str, flag: Column) -> String {
    format!("(coalesce(+{},0)<>0)", profile.read(&profile.asset, alias, flag))
}

fn column(profile: &Profile, column: Column) -> String {
    format!("+{}", profile.read(&profile.asset, "a", column))
}

fn equals(profile: &Profile, name: Column, value: i64) -> String {
    format!("coalesce({}={value},0)", column(profile, name))
}

/// Does a part that has to hold name few assets?
fn leads(filter: &Filter) -> bool {
    match filter {
        Filter::Uuid(_) | Filter::Album(_) => true,
        Filter::All(parts) => parts.iter().any(leads),
        Filter::Any(_) | Filter::Not(_) | Filter::Kind(_) | Filter::Is(_) => false,
    }
}

/// The UUIDs that a filter asks for, those under a `not` left aside.
fn named<'f>(filter: &'f Filter, found: &mut Vec<&'f Uuid>) {
    match filter {
        Filter::Uuid(uuids) => found.extend(uuids),
        Filter::All(parts) | Filter::Any(parts) => parts.iter().for_each(|part| named(part, found)),
        Filter::Not(_) | Filter::Album(_) | Filter::Kind(_) | Filter::Is(_) => {}
    }
}

/// Does a filter speak of albums, so that they have to be known?
pub(crate) fn speaks_of_albums(filter: &Filter) -> bool {
    match filter {
        Filter::Album(_) => true,
        Filter::All(parts) | Filter::Any(parts) => parts.iter().any(speaks_of_albums),
        Filter::Not(part) => speaks_of_albums(part),
        Filter::Uuid(_) | Filter::Kind(_) | Filter::Is(_) => false,
    }
}

struct Writer<'a> {
    profile: &'a Profile,
    limit: &'a Deadline,
    albums: Option<&'a Albums>,
    values: Vec<Value>,
}

impl Writer<'_> {
    /// `leads` is true on the way to a part that has to hold.
    fn filter(&mut self, filter: &Filter, leads: bool) -> Result<String, LibraryError> {
        let plus = if leads { "" } else { "+" };
        Ok(match filter {
            Filter::All(parts) => self.joined(parts, " AND ", "1", leads)?,
            Filter::Any(parts) => self.joined(parts, " OR ", "0", false)?,
            Filter::Not(part) => format!("(NOT {})", self.filter(part, false)?),
            Filter::Uuid(uuids) => {
                let uuids: Vec<&Uuid> = uuids.iter().collect();
                self.uuids(&uuids, plus)
            }
            Filter::Album(asked) => {
                let row = self.albums.map(|albums| albums.find(asked, self.limit)).transpose()?;
                row.map_or_else(|| String::from("0"), |row| self.album(row, plus))
            }
            Filter::Kind(kind) => self.kind(*kind),
            Filter::Is(flag) => self.flag(*flag),
        })
    }

    fn joined(
        &mut self,
        parts: &[Filter],
        word: &str,
        none: &str,
        leads: bool,
    ) -> Result<String, LibraryError> {
        let parts: Result<Vec<String>, LibraryError> =
            parts.iter().map(|part| self.filter(part, leads)).collect();
        let parts = parts?;
        Ok(if parts.is_empty() { none.to_owned() } else { format!("({})", parts.join(word)) })
    }

    fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    fn uuids(&mut self, uuids: &[&Uuid], plus: &str) -> String {
        let column = self.profile.read(&self.profile.asset, "a", asset::UUID);
        let bound: Vec<String> =
            uuids.iter().map(|uuid| self.bind(uuid.as_str().to_owned())).collect();
        format!("{plus}{column} IN ({})", bound.join(","))
    }

    fn album(&mut self, row: &AlbumRow, plus: &str) -> String {
        let key = self.bind(row.key);
        match row.source {
            Source::Album => {
                let members = &self.profile.members;
                format!(
                    "{plus}a.{} IN (SELECT j.{} FROM {} j WHERE j.{}={key})",
                    PK.name(),
                    members.right,
                    members.table,
                    members.left
                )
            }
            Source::Share => {
                let column = self.profile.read(&self.profile.asset, "a", asset::COLLECTION_SHARE);
                format!("coalesce({plus}{column}={key},0)")
            }
        }
    }

    fn kind(&self, kind: Kind) -> String {
        let subtype = |value| equals(self.profile, asset::SUBTYPE, value);
        match kind {
            Kind::Photo => equals(self.profile, asset::KIND, asset::KIND_PHOTO),
            Kind::Movie => equals(self.profile, asset::KIND, asset::KIND_MOVIE),
            Kind::Live => subtype(asset::SUBTYPE_LIVE),
            Kind::Raw => format!("({} AND NOT {})", self.raw(), has_raw(self.profile)),
            Kind::RawPair => has_raw(self.profile),
            Kind::Panorama => format!(
                "({} OR {})",
                subtype(asset::SUBTYPE_PANORAMA),
                equals(self.profile, asset::HDR, asset::HDR_PANORAMA)
            ),
            Kind::Portrait => set(self.profile, asset::DEPTH),
            Kind::Selfie => {
                let camera = self.attribute(attributes::CAMERA);
                self.attributes(&format!("{camera}={}", attributes::FRONT_CAMERA))
            }
            Kind::Screenshot => subtype(asset::SUBTYPE_SCREENSHOT),
            Kind::ScreenRecording => subtype(asset::SUBTYPE_SCREEN_RECORDING),
            Kind::SlowMotion => subtype(asset::SUBTYPE_SLOW_MOTION),
            Kind::TimeLapse => subtype(asset::SUBTYPE_TIME_LAPSE),
            Kind::Burst => format!("({} IS NOT NULL)", column(self.profile, asset::BURST)),
            Kind::Hdr => equals(self.profile, asset::HDR, asset::HDR_ON),
            Kind::Spatial => set(self.profile, asset::SPATIAL),
        }
    }

    fn flag(&self, flag: Flag) -> String {
        let profile = self.profile;
        match flag {
            Flag::Favorite => equals(profile, asset::FAVORITE, 1),
            Flag::Edited => set(profile, asset::ADJUSTED),
            Flag::Hidden => set(profile, asset::HIDDEN),
            Flag::Trashed => set(profile, asset::TRASHED),
            Flag::Shared => format!("({} IS NOT NULL)", column(profile, asset::SHARED)),
            Flag::Referenced => equals(profile, asset::SAVED_TYPE, asset::SAVED_AS_REFERENCE),
            Flag::InAlbum => self.in_album(),
            Flag::Titled => {
                let title = self.attribute(attributes::TITLE);
                self.attributes(&format!("{title}<>''"))
            }
            Flag::Described => self.described(),
            Flag::Keyworded => self.keyworded(),
        }
    }

    /// `RAW` by the original's extension, or by the type of the current version.
    fn raw(&self) -> String {
        let quoted: Vec<String> = resource::uti::RAW_EXTENSIONS
            .iter()
            .map(|extension| format!("'.{extension}'"))
            .collect();
        let name = column(self.profile, asset::FILENAME);
        format!("(coalesce(lower(substr({name},-4)) IN ({}),0))", quoted.join(","))
    }

    fn attribute(&self, column: Column) -> String {
        self.profile.read(&self.profile.attributes, "b", column)
    }

    fn attributes(&self, condition: &str) -> String {
        let table = self.profile.attributes.name();
        format!(
            "EXISTS (SELECT 1 FROM {table} b WHERE b.{asset}=a.{pk} AND {condition})",
            asset = attributes::ASSET.name(),
            pk = PK.name(),
        )
    }

    fn described(&self) -> String {
        let Some(table) = &self.profile.description else {
            return String::from("0");
        };
        let text = self.profile.read(table, "d", description::TEXT);
        let key = self.attribute(attributes::DESCRIPTION);
        let condition = format!(
            "EXISTS (SELECT 1 FROM {} d WHERE d.{}={key} AND {text}<>'')",
            table.name(),
            PK.name()
        );
        self.attributes(&condition)
    }

    fn keyworded(&self) -> String {
        let Some((table, join)) = &self.profile.keywords else {
            return String::from("0");
        };
        let condition = format!(
            "EXISTS (SELECT 1 FROM {} j CROSS JOIN {} k ON k.{pk}=j.{} WHERE j.{}=b.{pk} AND {} IS NOT NULL)",
            join.table,
            table.name(),
            join.right,
            join.left,
            self.profile.read(table, "k", keyword::TITLE),
            pk = PK.name(),
        );
        self.attributes(&condition)
    }

    fn in_album(&self) -> String {
        let members = &self.profile.members;
        let albums = format!(
            "EXISTS (SELECT 1 FROM {} j CROSS JOIN {} g ON g.{pk}=j.{} WHERE j.{}=a.{pk} AND {})",
            members.table,
            self.profile.album.name(),
            members.left,
            members.right,
            is_album(self.profile, &self.profile.album, "g"),
            pk = PK.name(),
        );
        match self.profile.asset.column(asset::COLLECTION_SHARE) {
            Some(share) if self.profile.shares.is_some() => {
                format!("({albums} OR +a.{share} IS NOT NULL)")
            }
            Some(_) | None => albums,
        }
    }
}

/// Is it an album that people see: of their own or shared, and not in the trash?
pub(crate) fn is_album(profile: &Profile, table: &Table, alias: &str) -> String {
    format!(
        "{} IN ({},{}) AND {}=0",
        profile.read(table, alias, album::KIND),
        album::KIND_ALBUM,
        album::KIND_SHARED,
        profile.read(table, alias, album::TRASHED),
    )
}

/// Has it a RAW file beside the original? Up to model 14208 only a resource counts whose type is
/// known.
pub(crate) fn has_raw(profile: &Profile) -> String {
    let known = match (&profile.uti, profile.resource.column(resource::UTI)) {
        (Some(table), Some(column)) => format!(
            " AND EXISTS (SELECT 1 FROM {} u WHERE u.{}=r.{column})",
            table.name(),
            PK.name()
        ),
        _ => String::new(),
    };
    format!(
        "EXISTS (SELECT 1 FROM {} r WHERE r.{}=a.{} AND {}={}{known})",
        profile.resource.name(),
        resource::ASSET.name(),
        PK.name(),
        profile.read(&profile.resource, "r", resource::SUBTYPE),
        resource::SUBTYPE_RAW,
    )
}
