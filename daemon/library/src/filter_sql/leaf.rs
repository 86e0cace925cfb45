//! Writes the SQL of a filter, part by part: combinators, words, numbers, times, places on the
//! globe. Texts are in `texts.rs`.
//!
//! Every leaf is 0 or 1 and never NULL, for `NOT NULL` is no answer. What SQL cannot tell is
//! written as what makes the whole possible: true, or below a `not` false. A part that has to hold
//! and names few assets may lead, without its plus. A leaf of location is false where the grant
//! withholds it, so that its `not` holds for all: nobody's location is known.

use darkslide_protocol::filter::{
    Filter, Flag, Kind, Moment, MonthDay, Near, Range, ScoreRange, Sort, Span, Within,
};
use darkslide_protocol::value::Uuid;
use rusqlite::types::Value;

use super::residual::any_text;
use super::shown::{column, equals, has_raw, is_album, set};
use crate::album::{AlbumRow, Albums, Source};
use crate::db::Stop;
use crate::functions::{self, DAY, METRES};
use crate::profile::{Profile, Table};
use crate::schema::asset::{self, attributes};
use crate::schema::{Column, PK, exif, resource, score};
use crate::session::Session;

/// From 1970 to 2001, where the library's time begins.
const EPOCH_MICROS: i64 = 978_307_200_000_000;
/// The first second of the year 1 and the first of the year 10,000: beyond is no date.
const FIRST_SECOND: f64 = -63_113_904_000.0;
const END_SECOND: f64 = 252_423_993_600.0;
/// Farther from UTC no zone is.
const ZONE_SECONDS: f64 = 26.0 * 3_600.0;
/// Dates are told in microseconds, rounded.
const HALF_A_MICROSECOND: f64 = 0.000_000_5;

/// From a second on and up to another, which does not belong to it.
pub(crate) type Seconds = (f64, f64);

/// Where the dates of assets have to lie, as far as parts that have to hold say it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Spans {
    taken: Option<Seconds>,
    added: Option<Seconds>,
    modified: Option<Seconds>,
}

impl Spans {
    /// Where those of a sort have to lie.
    pub(crate) fn of(self, sort: Sort) -> Option<Seconds> {
        match sort {
            Sort::Taken => self.taken,
            Sort::Added => self.added,
            Sort::Modified => self.modified,
            Sort::Name | Sort::Size | Sort::Album | Sort::Uuid => None,
        }
    }
}

fn narrow(span: &mut Option<Seconds>, more: Seconds) {
    let (from, to) = span.unwrap_or(more);
    *span = Some((from.max(more.0), to.min(more.1)));
}

/// Where a part stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// It has to hold.
    Needed,
    /// It may hold.
    Possible,
    /// Below a `not`: it is better taken for false.
    Denied,
}

impl Way {
    fn inverted(self) -> Self {
        match self {
            Self::Needed | Self::Possible => Self::Denied,
            Self::Denied => Self::Possible,
        }
    }

    fn below(self) -> Self {
        if self == Self::Needed { Self::Possible } else { self }
    }
}

/// Writes conditions and keeps the values that they bind.
pub(super) struct Writer<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) albums: Option<&'a Albums>,
    pub(super) values: Vec<Value>,
    pub(super) leads: bool,
    pub(super) spans: Spans,
    needed_albums: Vec<(Source, i64)>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(session: &'a Session<'a>, albums: Option<&'a Albums>) -> Self {
        Self {
            session,
            albums,
            values: Vec::new(),
            leads: false,
            spans: Spans::default(),
            needed_albums: Vec::new(),
        }
    }

    pub(super) fn profile(&self) -> &'a Profile {
        &self.session.profile
    }

    /// The one album that every asset has to be in.
    pub(super) fn only_album(&self) -> Option<(Source, i64)> {
        match self.needed_albums.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// A whole filter, which has to hold.
    pub(super) fn whole(&mut self, filter: &Filter) -> Result<String, Stop> {
        self.filter(filter, Way::Needed)
    }

    /// A filter as one of several things that may hold.
    pub(super) fn possible(&mut self, filter: &Filter) -> Result<String, Stop> {
        self.filter(filter, Way::Possible)
    }

    pub(super) fn filter(&mut self, filter: &Filter, way: Way) -> Result<String, Stop> {
        let shows_location = self.session.grant.covers().shows_location();
        Ok(match filter {
            Filter::All(parts) => self.joined(parts, " AND ", "1", way)?,
            Filter::Any(parts) => self.joined(parts, " OR ", "0", way.below())?,
            Filter::Not(part) => format!("(NOT {})", self.filter(part, way.inverted())?),
            Filter::Uuid(uuids) => {
                let uuids: Vec<&Uuid> = uuids.iter().collect();
                let leads = way == Way::Needed;
                self.leads |= leads;
                self.uuids(&uuids, if leads { "" } else { "+" })
            }
            Filter::Album(asked) => self.album(asked, way)?,
            Filter::AlbumLike(text) => self.album_like(text, way)?,
            Filter::Folder(text) => self.folder(text, way)?,
            Filter::ImportSession(text) => self.import_session(text, way)?,
            Filter::Keyword(text) => self.keyword(text, way)?,
            Filter::Person(text) => self.person(text, way)?,
            Filter::Label(_) => unknown(way),
            Filter::Near(_) | Filter::Within(_) | Filter::Place(_) if !shows_location => no(),
            Filter::Place(text) => self.place(text),
            Filter::Title(text) => self.title(text),
            Filter::Description(text) => self.description(text),
            Filter::Filename(text) => self.filename(text),
            Filter::Text(text) => self.joined(&any_text(text), " OR ", "0", way.below())?,
            Filter::Taken(span) => self.taken(*span, way),
            Filter::Added(span) => self.at(*span, asset::ADDED, way),
            Filter::Modified(span) => self.at(*span, asset::MODIFIED, way),
            Filter::OnThisDay(day) => self.on_this_day(*day),
            Filter::Kind(kind) => self.kind(*kind),
            Filter::Is(flag) => self.flag(*flag, way),
            Filter::Near(near) => self.near(*near),
            Filter::Within(within) => self.within(*within),
            Filter::Camera(text) => self.camera(text),
            Filter::Lens(text) => self.lens(text),
            Filter::Uti(text) => self.uti(text),
            Filter::Size(range) => {
                let size = self.attribute(attributes::FILE_SIZE);
                self.range(&size, *range)
            }
            Filter::Width(range) => self.range(&column(self.profile(), asset::WIDTH), *range),
            Filter::Height(range) => self.range(&column(self.profile(), asset::HEIGHT), *range),
            Filter::Duration(range) => {
                let seconds =
                    one(self.profile(), &self.profile().exif, exif::ASSET, exif::DURATION);
                self.range(&seconds, *range)
            }
            Filter::Rating(range) => self.range("0", *range),
            Filter::Score(score) => self.score(*score),
        })
    }

    fn joined(
        &mut self,
        parts: &[Filter],
        word: &str,
        none: &str,
        way: Way,
    ) -> Result<String, Stop> {
        let parts: Result<Vec<String>, Stop> =
            parts.iter().map(|part| self.filter(part, way)).collect();
        let parts = parts?;
        Ok(if parts.is_empty() { none.to_owned() } else { format!("({})", parts.join(word)) })
    }

    pub(super) fn bind(&mut self, value: impl Into<Value>) -> String {
        self.values.push(value.into());
        format!("?{}", self.values.len())
    }

    pub(super) fn uuids(&mut self, uuids: &[&Uuid], plus: &str) -> String {
        let column = self.profile().read(&self.profile().asset, "a", asset::UUID);
        let bound: Vec<String> =
            uuids.iter().map(|uuid| self.bind(uuid.as_str().to_owned())).collect();
        format!("{plus}{column} IN ({})", bound.join(","))
    }

    /// One album, by its name.
    fn album(&mut self, asked: &str, way: Way) -> Result<String, Stop> {
        let found = self.albums.map(|albums| albums.find(asked, self.session.limit)).transpose()?;
        let Some(row): Option<&AlbumRow> = found else {
            return Ok(no());
        };
        let album = (row.source, row.key);
        if way == Way::Needed {
            self.needed_albums.push(album);
        }
        self.members(&[album], way)
    }

    /// What one of an asset's attributes is, of the first row that claims to be its.
    pub(super) fn attribute(&self, column: Column) -> String {
        let profile = self.profile();
        one_of(
            &profile.attributes,
            attributes::ASSET,
            &profile.read(&profile.attributes, "b", column),
        )
    }

    /// A number from one up to another. Both ends are always bound: a text is more than any
    /// number. A number that was told and came back as text may be off by its last bit.
    fn range(&mut self, value: &str, range: Range) -> String {
        let last_bits = |number: f64| number.abs() * f64::EPSILON * 2.0;
        let min = range.min.map_or(f64::MIN, |it| it.get() - last_bits(it.get()));
        let max = range.max.map_or(f64::MAX, |it| it.get() + last_bits(it.get()));
        let (min, max) = (self.bind(min), self.bind(max));
        format!("coalesce({value} BETWEEN {min} AND {max},0)")
    }

    /// An asset without a row has 0 in every score.
    fn score(&mut self, asked: ScoreRange) -> String {
        let profile = self.profile();
        let find = |list: &[(&str, Column)]| {
            list.iter().find(|(name, _)| *name == asked.name.as_str()).map(|(_, column)| *column)
        };
        let row = profile.scores.as_ref().map(|table| {
            let own = score::ASSET.name();
            format!("EXISTS (SELECT 1 FROM {} b WHERE b.{own}=a.{})", table.name(), PK.name())
        });
        let row = row.unwrap_or_else(no);
        let value = match (find(score::OF_ASSET), find(score::SCORES)) {
            (Some(of_asset), _) => column(profile, of_asset),
            (None, Some(other)) => one(profile, &profile.scores, score::ASSET, other),
            (None, None) => return no(),
        };
        self.range(&format!("iif({row},{value},0.0)"), asked.range)
    }

    fn kind(&self, kind: Kind) -> String {
        kind_sql(self.profile(), kind)
    }

    fn flag(&mut self, flag: Flag, way: Way) -> String {
        let profile = self.profile();
        let shows_location = self.session.grant.covers().shows_location();
        match flag {
            Flag::Favorite => equals(profile, asset::FAVORITE, 1),
            Flag::Edited => set(profile, asset::ADJUSTED),
            Flag::Hidden => set(profile, asset::HIDDEN),
            Flag::Trashed => set(profile, asset::TRASHED),
            Flag::Shared => format!("({} IS NOT NULL)", column(profile, asset::SHARED)),
            Flag::Local | Flag::Missing => unknown(way),
            Flag::Referenced => equals(profile, asset::SAVED_TYPE, asset::SAVED_AS_REFERENCE),
            Flag::Located if !shows_location => no(),
            Flag::Located => located(profile),
            Flag::InAlbum => self.in_album(),
            Flag::Titled => format!("coalesce({}<>'',0)", self.attribute(attributes::TITLE)),
            Flag::Described => format!("coalesce({}<>'',0)", self.description_text()),
            Flag::Keyworded => self.keyworded(),
            Flag::HasFaces => self.has_faces(),
        }
    }

    fn in_album(&self) -> String {
        let profile = self.profile();
        if let Some(albums) = &profile.shown_albums {
            return super::shown::in_albums(profile, "a", albums);
        }
        let members = &profile.members;
        let albums = format!(
            "EXISTS (SELECT 1 FROM {} j CROSS JOIN {} g ON g.{pk}=j.{} WHERE j.{}=a.{pk} AND {})",
            members.table,
            profile.album.name(),
            members.left,
            members.right,
            is_album(profile, &profile.album, "g"),
            pk = PK.name(),
        );
        match profile.asset.column(asset::COLLECTION_SHARE) {
            Some(share) if profile.shares.is_some() => {
                format!("({albums} OR +a.{share} IS NOT NULL)")
            }
            Some(_) | None => albums,
        }
    }

    /// When it was taken: an instant by the clock of the world, a date by the date there.
    fn taken(&mut self, span: Span, way: Way) -> String {
        let possible = (
            span.from.map_or(FIRST_SECOND, |from| earliest(from, -ZONE_SECONDS)),
            span.to.map_or(END_SECOND, |to| earliest(to, ZONE_SECONDS)),
        );
        if way == Way::Needed {
            narrow(&mut self.spans.taken, possible);
        }
        let date = column(self.profile(), asset::DATE);
        let mut parts = vec![self.between(&date, possible)];
        for (end, than) in [(span.from, ">="), (span.to, "<")] {
            if let Some(Moment::Day(day)) = end {
                // Far from the end the zone makes no difference.
                let (sign, sure) =
                    if than == ">=" { (">=", ZONE_SECONDS) } else { ("<", -ZONE_SECONDS) };
                let sure = self.bind(earliest(Moment::Day(day), sure));
                let number = u32::from(day.year()) * 10_000
                    + u32::from(day.month()) * 100
                    + u32::from(day.day());
                let number = self.bind(i64::from(number));
                let there = self.day_there();
                parts.push(format!("({date}{sign}{sure} OR coalesce({there}{than}{number},0))"));
            }
        }
        format!("({})", parts.join(" AND "))
    }

    /// When something happened that is told in UTC.
    fn at(&mut self, span: Span, name: Column, way: Way) -> String {
        let seconds = (
            span.from.map_or(FIRST_SECOND, |from| earliest(from, 0.0)),
            span.to.map_or(END_SECOND, |to| earliest(to, 0.0)),
        );
        if way == Way::Needed {
            let added = name == asset::ADDED;
            let span = if added { &mut self.spans.added } else { &mut self.spans.modified };
            narrow(span, seconds);
        }
        self.between(&column(self.profile(), name), seconds)
    }

    fn between(&mut self, value: &str, (from, to): Seconds) -> String {
        let (from, to) = (self.bind(from), self.bind(to));
        format!("coalesce({value}>={from} AND {value}<{to},0)")
    }

    fn on_this_day(&mut self, day: MonthDay) -> String {
        let number = self.bind(i64::from(day.month()) * 100 + i64::from(day.day()));
        format!("coalesce({}%10000={number},0)", self.day_there())
    }

    /// The day where it was taken, as a number; nothing for what has no date.
    pub(super) fn day_there(&self) -> String {
        day_there(self.profile())
    }

    fn near(&mut self, near: Near) -> String {
        let profile = self.profile();
        let (latitude, longitude) =
            (column(profile, asset::LATITUDE), column(profile, asset::LONGITUDE));
        let reach = functions::reach_in_degrees(near);
        let (south, north) =
            (self.bind(near.latitude() - reach), self.bind(near.latitude() + reach));
        let (here, there) = (self.bind(near.latitude()), self.bind(near.longitude()));
        let metres = self.bind(near.metres());
        format!(
            "({} AND {latitude} BETWEEN {south} AND {north} \
             AND coalesce({METRES}({here},{there},{latitude},{longitude})<={metres},0))",
            located(profile)
        )
    }

    fn within(&mut self, within: Within) -> String {
        let profile = self.profile();
        let longitude = column(profile, asset::LONGITUDE);
        let (south, north) = (self.bind(within.south()), self.bind(within.north()));
        let (west, east) = (self.bind(within.west()), self.bind(within.east()));
        // Over the antimeridian: east of the west, or west of the east.
        let word = if within.west() > within.east() { "OR" } else { "AND" };
        format!(
            "({} AND {latitude} BETWEEN {south} AND {north} AND ({longitude}>={west} {word} {longitude}<={east}))",
            located(profile),
            latitude = column(profile, asset::LATITUDE),
        )
    }
}

/// False.
pub(super) fn no() -> String {
    String::from("0")
}

/// What SQL cannot tell, so that the whole is possible.
fn unknown(way: Way) -> String {
    String::from(if way == Way::Denied { "0" } else { "1" })
}

/// Has it coordinates? Both -180 is Photos' way to say no.
fn located(profile: &Profile) -> String {
    let number = |name| {
        let value = column(profile, name);
        format!("typeof({value}) IN ('integer','real')")
    };
    let nowhere = |name| format!("{}={:.1}", column(profile, name), asset::NOWHERE);
    format!(
        "({} AND {} AND NOT ({} AND {}))",
        number(asset::LATITUDE),
        number(asset::LONGITUDE),
        nowhere(asset::LATITUDE),
        nowhere(asset::LONGITUDE),
    )
}

/// When a moment is at the earliest: an instant to half a microsecond, a day moved by some seconds.
fn earliest(moment: Moment, moved: f64) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "microseconds of 9,999 years: half of one is lost"
    )]
    let seconds = |micros: i64| micros as f64 / 1e6;
    match moment {
        Moment::Instant(instant) => seconds(instant.micros() - EPOCH_MICROS) - HALF_A_MICROSECOND,
        Moment::Day(day) => {
            seconds(day.since_1970() * 86_400_000_000 - EPOCH_MICROS) - HALF_A_MICROSECOND + moved
        }
    }
}

/// The day where an asset was taken, as a number such as 20240714.
pub(crate) fn day_there(profile: &Profile) -> String {
    let (table, date) = (&profile.attributes, column(profile, asset::DATE));
    let offset = profile.read(table, "b", attributes::ZONE_OFFSET);
    let zone = profile.read(table, "b", attributes::ZONE_NAME);
    let there = one_of(table, attributes::ASSET, &format!("{DAY}({date},{offset},{zone})"));
    format!("coalesce({there},{DAY}({date},NULL,NULL))")
}

/// What a column of another table is for an asset; nothing where there is no such table.
pub(crate) fn one(
    profile: &Profile,
    table: &Option<Table>,
    asset: Column,
    column: Column,
) -> String {
    match table {
        None => String::from("NULL"),
        Some(table) => one_of(table, asset, &profile.read(table, "b", column)),
    }
}

/// An expression of another table, called `b`, for an asset: of several rows the first counts.
pub(crate) fn one_of(table: &Table, asset: Column, value: &str) -> String {
    let own = table.column(asset).unwrap_or_else(|| asset.name());
    format!(
        "(SELECT {value} FROM {} b WHERE b.{own}=a.{pk} ORDER BY b.{pk} LIMIT 1)",
        table.name(),
        pk = PK.name(),
    )
}

/// Is it of a kind? 0 or 1.
pub(crate) fn kind_sql(profile: &Profile, kind: Kind) -> String {
    let subtype = |value| equals(profile, asset::SUBTYPE, value);
    match kind {
        Kind::Photo => equals(profile, asset::KIND, asset::KIND_PHOTO),
        Kind::Movie => equals(profile, asset::KIND, asset::KIND_MOVIE),
        Kind::Live => subtype(asset::SUBTYPE_LIVE),
        Kind::Raw => format!("({} AND NOT {})", raw(profile), has_raw(profile)),
        Kind::RawPair => has_raw(profile),
        Kind::Panorama => format!(
            "({} OR {})",
            subtype(asset::SUBTYPE_PANORAMA),
            equals(profile, asset::HDR, asset::HDR_PANORAMA)
        ),
        Kind::Portrait => set(profile, asset::DEPTH),
        Kind::Selfie => {
            let table = &profile.attributes;
            let camera = profile.read(table, "b", attributes::CAMERA);
            let front = format!("{camera}={}", attributes::FRONT_CAMERA);
            format!("coalesce({},0)", one_of(table, attributes::ASSET, &front))
        }
        Kind::Screenshot => subtype(asset::SUBTYPE_SCREENSHOT),
        Kind::ScreenRecording => subtype(asset::SUBTYPE_SCREEN_RECORDING),
        Kind::SlowMotion => subtype(asset::SUBTYPE_SLOW_MOTION),
        Kind::TimeLapse => subtype(asset::SUBTYPE_TIME_LAPSE),
        Kind::Burst => format!("({} IS NOT NULL)", column(profile, asset::BURST)),
        Kind::Hdr => equals(profile, asset::HDR, asset::HDR_ON),
        Kind::Spatial => set(profile, asset::SPATIAL),
    }
}

/// `RAW` by the original's extension.
fn raw(profile: &Profile) -> String {
    let quoted: Vec<String> =
        resource::uti::RAW_EXTENSIONS.iter().map(|extension| format!("'.{extension}'")).collect();
    let name = column(profile, asset::FILENAME);
    format!("(coalesce(lower(substr({name},-4)) IN ({}),0))", quoted.join(","))
}
