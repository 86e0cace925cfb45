//! What exports are planned from: a small row for every asset that the grant shows, and which of
//! them a filter selects.
//!
//! Names are settled over the whole catalog, so that two exports never claim one path; the filter
//! only selects. Both go in slices and say whether the library changed meanwhile. Of two rows with
//! one UUID the first counts.

use std::collections::{HashMap, HashSet};

use darkslide_protocol::filter::{Filter, Include};
use darkslide_protocol::value::Uuid;

use super::rows::{self, Attributes, Main};
use super::selected::{Within, each_selected};
use super::{Keys, Slice, each_asked_row, each_row, scan};
use crate::album::Albums;
use crate::date::Date;
use crate::db::Stop;
use crate::filter_sql;
use crate::model::{AlbumKind, CatalogEntry, Membership, Scanned};
use crate::schema::{PK, asset};
use crate::session::Session;

/// Reads the catalog, in the order of UUIDs.
pub(crate) fn catalog(session: &Session<'_>) -> Result<Scanned<Vec<CatalogEntry>>, Stop> {
    let albums = session.database.snapshot(|| Albums::read(session))?;
    let condition = filter_sql::exists(&session.profile, session.grant);
    let scanned = scan(session, Vec::new(), |entries, slice| {
        read_slice(session, &albums, slice, &condition, entries)
    })?;
    let mut entries = scanned.found;
    // Stable, so that of two with one UUID the first by row number stays first.
    entries.sort_by(|left: &CatalogEntry, right| left.uuid.cmp(&right.uuid));
    entries.dedup_by(|later, first| later.uuid == first.uuid);
    Ok(Scanned { found: entries, consistent: scanned.consistent })
}

fn read_slice(
    session: &Session<'_>,
    albums: &Albums,
    slice: Slice,
    condition: &str,
    entries: &mut Vec<CatalogEntry>,
) -> Result<(), Stop> {
    let keys = Keys::Slice(slice);
    let mut attributes = rows::attributes_of(session, keys)?;
    let mut memberships = memberships(session, albums, keys)?;
    let raw_pairs = raw_pairs(session, keys)?;
    rows::mains(session, keys, condition, |main| {
        let key = main.key;
        let mut members = memberships.remove(&key).unwrap_or_default();
        if let Some(share) =
            main.share.and_then(|share| albums.get(crate::album::Source::Share, share))
        {
            members.push(Membership { album: share.place.clone(), position: 0 });
        }
        members.sort_by(|left, right| left.album.uuid.cmp(&right.album.uuid));
        let attributes = attributes.remove(&key).unwrap_or_default();
        entries.push(entry(main, attributes, members, raw_pairs.contains(&key)));
    })
}

fn entry(
    main: Main,
    attributes: Attributes,
    albums: Vec<Membership>,
    raw_pair: bool,
) -> CatalogEntry {
    let zone = attributes.zone_name.as_deref();
    CatalogEntry {
        date: main.date.and_then(|stored| Date::zoned(stored, attributes.zone_offset, zone)),
        uuid: main.uuid,
        original_filename: attributes
            .original_filename
            .filter(|name| !name.is_empty())
            .or(main.filename)
            .unwrap_or_default(),
        title: attributes.title.filter(|title| !title.is_empty()),
        movie: main.kind == Some(asset::KIND_MOVIE),
        adjusted: main.adjusted,
        live: main.subtype == Some(asset::SUBTYPE_LIVE),
        raw_pair,
        albums,
    }
}

fn memberships(
    session: &Session<'_>,
    albums: &Albums,
    keys: Keys<'_>,
) -> Result<HashMap<i64, Vec<Membership>>, Stop> {
    let mut found: HashMap<i64, Vec<Membership>> = HashMap::new();
    rows::members_of(session, keys, |member| {
        let row = albums.get(member.source, member.album);
        let is_album = |kind| match kind {
            AlbumKind::Album | AlbumKind::Shared => true,
            AlbumKind::Folder | AlbumKind::Smart | AlbumKind::Project | AlbumKind::Import => false,
        };
        if let Some(row) = row.filter(|row| is_album(row.kind)) {
            let membership = Membership { album: row.place.clone(), position: member.position };
            found.entry(member.asset).or_default().push(membership);
        }
        Ok(())
    })?;
    Ok(found)
}

fn raw_pairs(session: &Session<'_>, keys: Keys<'_>) -> Result<HashSet<i64>, Stop> {
    let question = format!(
        "SELECT a.{pk} FROM {table} a WHERE {keys} AND {raw}",
        pk = PK.name(),
        table = session.profile.asset.name(),
        keys = keys.condition(&format!("a.{}", PK.name())),
        raw = filter_sql::has_raw(&session.profile),
    );
    let mut found = HashSet::new();
    each_row(session, &question, &[], |row| {
        found.extend(row.get::<_, i64>(0).ok());
        Ok(())
    })?;
    Ok(found)
}

/// Reads the UUIDs of the assets that a filter selects, in order.
pub(crate) fn select(
    session: &Session<'_>,
    filter: &Filter,
    include: &[Include],
) -> Result<Scanned<Vec<Uuid>>, Stop> {
    let condition =
        session.database.snapshot(|| filter_sql::condition(session, include, filter))?;
    let profile = &session.profile;
    let look = |found: &mut Vec<Uuid>, within: Within<'_>| {
        let question = format!(
            "SELECT {} FROM {} a WHERE {}",
            profile.read(&profile.asset, "a", asset::UUID),
            profile.asset.name(),
            within.sql,
        );
        each_asked_row(session, &question, within.values, |row| {
            let uuid = row.get_ref(0).ok().and_then(|it| it.as_str().ok());
            found.extend(uuid.and_then(|uuid| Uuid::parse(uuid).ok()));
            Ok(())
        })
    };
    let scanned = each_selected(session, &condition, Vec::new(), look, |_| Ok(()))?;
    let mut found = scanned.found;
    found.sort();
    found.dedup();
    Ok(Scanned { found, consistent: scanned.consistent })
}
