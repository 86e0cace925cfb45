//! What exports are planned from: a small row for every asset that the grant shows, or for some,
//! and which of them a filter selects.
//!
//! Names are settled over the whole catalog, so that two exports never claim one path; the filter
//! only selects. Both go in slices and say whether the library changed meanwhile; nothing is kept
//! of a row that was told. Of two rows with one UUID the first counts. The hazards: a catalog in
//! memory, and a place told to somebody from whom locations are withheld.

use std::collections::HashMap;

use darkslide_protocol::filter::{Filter, Include};
use darkslide_protocol::value::Uuid;

use super::page::keys_of;
use super::rows::{self, Attributes, Main};
use super::selected::{Within, each_selected};
use super::selection::Selection;
use super::{Keys, each_asked_row, each_keyed_row, scan};
use crate::album::{Albums, Source};
use crate::cell::{Cells, columns};
use crate::date::Date;
use crate::db::Stop;
use crate::filter_sql;
use crate::model::{AlbumKind, CatalogEntry, Membership, Needs, Scanned};
use crate::record::place::Place;
use crate::record::place::old::OldPlaces;
use crate::schema::asset::{attributes, description};
use crate::schema::{PK, asset, exif};
use crate::session::Session;

/// What is told of a text: a name has room for a quarter of it.
const MAX_TEXT_BYTES: usize = 1_024;
/// The most bytes of an archive of a place; real ones have some thousand.
const MAX_PLACE_BYTES: usize = 1024 * 1024;
/// Assets that are asked for by name at once.
const ASSETS_AT_ONCE: usize = 1_000;

/// Goes through the catalog, in the order of rows.
pub(crate) fn catalog<T>(
    session: &Session<'_>,
    needs: Needs,
    begin: impl Fn() -> T,
    look: impl Fn(&mut T, &CatalogEntry),
) -> Result<Scanned<T>, Stop> {
    let reader = Reader::new(session, needs)?;
    scan(session, begin(), |state, slice| {
        reader.read(Keys::Slice(slice), |_, entry| look(state, &entry))
    })
}

/// Reads these assets, in the order of the question; those that do not exist for the grant are left
/// out.
pub(crate) fn entries(
    session: &Session<'_>,
    asked: &[Uuid],
    needs: Needs,
) -> Result<Vec<CatalogEntry>, Stop> {
    let reader = Reader::new(session, needs)?;
    let mut found = Vec::with_capacity(asked.len());
    for asked in asked.chunks(ASSETS_AT_ONCE) {
        session.limit.check()?;
        let mut by_key = HashMap::with_capacity(asked.len());
        let keys = session.database.snapshot(|| {
            let keys = keys_of(session, asked)?;
            let list: Vec<i64> = keys.values().copied().collect();
            reader.read(Keys::List(&list), |key, entry| {
                by_key.insert(key, entry);
            })?;
            Ok(keys)
        })?;
        let keys = asked.iter().filter_map(|uuid| keys.get(uuid));
        found.extend(keys.filter_map(|key| by_key.remove(key)));
    }
    Ok(found)
}

columns! {
    /// What is read of an asset where somebody needs it.
    T {
        Key = PK,
        Description = description::TEXT,
        Camera = exif::CAMERA_MODEL,
        Place = attributes::PLACE,
    }
}

/// The texts of an asset.
#[derive(Default)]
struct Texts {
    description: Option<String>,
    camera: Option<String>,
    /// Country, state, city.
    regions: [Option<String>; 3],
}

/// Reads entries of the catalog.
struct Reader<'a> {
    session: &'a Session<'a>,
    needs: Needs,
    albums: Option<Albums>,
    condition: String,
}

impl<'a> Reader<'a> {
    fn new(session: &'a Session<'a>, needs: Needs) -> Result<Self, Stop> {
        let albums = session
            .database
            .snapshot(|| if needs.albums { Albums::read(session).map(Some) } else { Ok(None) })?;
        let condition = filter_sql::exists(&session.profile, session.grant);
        // A name is a way to tell, too.
        let place = needs.place && session.grant.covers().shows_location();
        Ok(Self { session, needs: Needs { place, ..needs }, albums, condition })
    }

    fn read(&self, keys: Keys<'_>, mut take: impl FnMut(i64, CatalogEntry)) -> Result<(), Stop> {
        let session = self.session;
        let mut attributes = rows::attributes_of(session, keys)?;
        let mut memberships = self.memberships(keys)?;
        let mut texts = self.texts(keys)?;
        rows::mains(session, keys, &self.condition, |main| {
            let key = main.key;
            let mut albums = memberships.remove(&key).unwrap_or_default();
            let share = main.share.zip(self.albums.as_ref());
            let share = share.and_then(|(share, albums)| albums.get(Source::Share, share));
            albums.extend(share.map(|it| Membership { album: it.place.clone(), position: 0 }));
            albums.sort_by(|left, right| left.album.uuid.cmp(&right.album.uuid));
            let attributes = attributes.remove(&key).unwrap_or_default();
            let texts = texts.remove(&key).unwrap_or_default();
            take(key, entry(main, attributes, albums, texts));
        })
    }

    fn memberships(&self, keys: Keys<'_>) -> Result<HashMap<i64, Vec<Membership>>, Stop> {
        let mut found: HashMap<i64, Vec<Membership>> = HashMap::new();
        let Some(albums) = &self.albums else { return Ok(found) };
        rows::members_of(self.session, keys, |member| {
            let row = albums.get(member.source, member.album);
            let is_album = |kind| match kind {
                AlbumKind::Album | AlbumKind::Shared => true,
                AlbumKind::Folder | AlbumKind::Smart | AlbumKind::Project | AlbumKind::Import => {
                    false
                }
            };
            if let Some(row) = row.filter(|row| is_album(row.kind)) {
                let membership = Membership { album: row.place.clone(), position: member.position };
                found.entry(member.asset).or_default().push(membership);
            }
            Ok(())
        })?;
        Ok(found)
    }

    fn texts(&self, keys: Keys<'_>) -> Result<HashMap<i64, Texts>, Stop> {
        let mut found: HashMap<i64, Texts> = HashMap::new();
        let Needs { albums: _, description, camera, place } = self.needs;
        if !description && !camera && !place {
            return Ok(found);
        }
        let profile = &self.session.profile;
        let one = |needed: bool, value: String| if needed { value } else { "NULL".to_owned() };
        let archive = profile.read(&profile.attributes, "b", attributes::PLACE);
        let archive = filter_sql::one_of(&profile.attributes, attributes::ASSET, &archive);
        let model = filter_sql::one(profile, &profile.exif, exif::ASSET, exif::CAMERA_MODEL);
        let question = format!(
            "SELECT a.{pk},{},{},{} FROM {} a WHERE {}",
            one(description, filter_sql::description_of(profile)),
            one(camera, model),
            one(place && !profile.is_old(), archive),
            profile.asset.name(),
            keys.places(&format!("a.{}", PK.name())),
            pk = PK.name(),
        );
        let old = if place { OldPlaces::of(self.session, keys)? } else { OldPlaces::default() };
        each_keyed_row(self.session, &question, keys, |row| {
            let mut cells = Cells::new(row, T::LIST);
            let Some(key) = cells.integer(T::Key.at()) else { return Ok(()) };
            let blob = cells.blob(T::Place.at(), MAX_PLACE_BYTES);
            let place = blob.and_then(Place::read);
            let regions = place.as_ref().map_or_else(|| old.regions(key), Place::regions);
            let texts = Texts {
                description: cells.lend(T::Description.at()).and_then(|it| told(&it)),
                camera: cells.lend(T::Camera.at()).and_then(|it| told(&it)),
                regions: regions.map(|it| it.and_then(told)),
            };
            found.insert(key, texts);
            Ok(())
        })?;
        Ok(found)
    }
}

/// The beginning of a text, if it has one.
fn told(text: &str) -> Option<String> {
    let mut ends = (0..=text.len().min(MAX_TEXT_BYTES)).rev();
    let end = ends.find(|at| text.is_char_boundary(*at))?;
    text.get(..end).filter(|text| !text.is_empty()).map(str::to_owned)
}

fn entry(
    main: Main,
    attributes: Attributes,
    albums: Vec<Membership>,
    texts: Texts,
) -> CatalogEntry {
    let zone = attributes.zone_name.as_deref();
    let [country, state, city] = texts.regions;
    CatalogEntry {
        date: main.date.and_then(|stored| Date::zoned(stored, attributes.zone_offset, zone)),
        uuid: main.uuid,
        original_filename: attributes
            .original_filename
            .filter(|name| !name.is_empty())
            .or(main.filename)
            .unwrap_or_default(),
        title: attributes.title.and_then(|title| told(&title)),
        movie: main.kind == Some(asset::KIND_MOVIE),
        adjusted: main.adjusted,
        live: main.subtype == Some(asset::SUBTYPE_LIVE),
        hidden: main.hidden,
        trashed: main.trashed,
        burst: main.burst,
        burst_key: main.burst_key,
        albums,
        description: texts.description,
        camera: texts.camera,
        country,
        state,
        city,
    }
}

/// Reads the UUIDs of the assets that a filter selects, in order.
pub(crate) fn select(
    session: &Session<'_>,
    filter: &Filter,
    include: &[Include],
) -> Result<Scanned<Selection>, Stop> {
    let condition =
        session.database.snapshot(|| filter_sql::condition(session, include, filter))?;
    let profile = &session.profile;
    let look = |found: &mut Selection, within: Within<'_>| {
        let question = format!(
            "SELECT {} FROM {} a WHERE {}",
            profile.read(&profile.asset, "a", asset::UUID),
            profile.asset.name(),
            within.sql,
        );
        each_asked_row(session, &question, within.values, |row| {
            if let Some(uuid) = row.get_ref(0).ok().and_then(|it| it.as_str().ok()) {
                found.push(uuid);
            }
            Ok(())
        })
    };
    let scanned = each_selected(session, &condition, Selection::default(), look, |_| Ok(()))?;
    Ok(Scanned { found: scanned.found.finish(), consistent: scanned.consistent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bytes_of_a_text_are_told_and_no_more() {
        for bytes in [1, MAX_TEXT_BYTES, MAX_TEXT_BYTES + 1, 1_000_000] {
            let text = "x".repeat(bytes);
            assert_eq!(told(&text).unwrap().len(), bytes.min(MAX_TEXT_BYTES));
        }
        let odd = format!("x{}", "é".repeat(MAX_TEXT_BYTES));
        assert_eq!(told(&odd).unwrap().len(), MAX_TEXT_BYTES - 1);
        assert_eq!(told(""), None);
    }
}
