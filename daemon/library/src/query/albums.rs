//! The list of albums, with the number of members that a question would find in each, their dates,
//! and the one that stands for all.
//!
//! Members are counted in slices of assets, by the same condition as assets themselves: a count
//! never tells of what a grant withholds, and equals what a query of that album answers. A key
//! photo that the grant withholds is none; then the first by the album's order stands there. The
//! hazard: a look for the first member that goes through all assets, once for each album.

use std::collections::{HashMap, HashSet};

use darkslide_protocol::filter::{Include, Sort};
use darkslide_protocol::value::Uuid;

use super::order::{self, Order};
use super::{Keys, Slice, count_at, each_row, scan};
use crate::album::{AlbumRow, Albums, Source};
use crate::date::Date;
use crate::db::Stop;
use crate::filter_sql::{self, Condition};
use crate::model::{Album, AlbumKind, Scanned};
use crate::schema::{Column, PK, asset};
use crate::session::Session;

/// So many albums of a list have a key photo, the first: as many as an answer of the wire has
/// albums. Each is a statement of its own.
pub const KEYED_ALBUMS: usize = 4_000;
/// Row numbers in one statement.
const KEYS_AT_ONCE: usize = 500;

type Counts = HashMap<(Source, i64), Members>;

/// Members that the question would find. The library's own dates of an album are not told: they
/// may be those of a member that the grant withholds.
#[derive(Debug, Clone, Copy, Default)]
struct Members {
    count: u64,
    first: Option<f64>,
    last: Option<f64>,
}

impl Members {
    fn add(&mut self, more: Self) {
        let merge = |one: Option<f64>, other: Option<f64>, pick: fn(f64, f64) -> f64| {
            one.into_iter().chain(other).reduce(pick)
        };
        self.count += more.count;
        self.first = merge(self.first, more.first, f64::min);
        self.last = merge(self.last, more.last, f64::max);
    }
}

/// Lists those of these kinds, sorted by path, title and UUID. Key photos have the first
/// [`KEYED_ALBUMS`].
pub(crate) fn albums(
    session: &Session<'_>,
    kinds: &[AlbumKind],
    include: &[Include],
) -> Result<Scanned<Vec<Album>>, Stop> {
    let albums = session.database.snapshot(|| Albums::read(session))?;
    let profile = &session.profile;
    let condition = format!(
        "{} AND {}",
        filter_sql::exists(profile, session.grant),
        filter_sql::listed(profile, include),
    );
    let scanned = scan(session, Counts::new(), |counts, slice| {
        if kinds.iter().any(|kind| kind.is_arranged()) {
            count_members(session, slice, &condition, counts)?;
        }
        if kinds.contains(&AlbumKind::Import) {
            count_by(session, slice, &condition, asset::IMPORT_SESSION, Source::Album, counts)?;
        }
        if kinds.contains(&AlbumKind::Shared) && profile.shares.is_some() {
            count_by(session, slice, &condition, asset::COLLECTION_SHARE, Source::Share, counts)?;
        }
        Ok(())
    })?;
    let counts = scanned.found;
    let mut rows: Vec<&AlbumRow> =
        albums.rows().iter().filter(|row| kinds.contains(&row.kind)).collect();
    rows.sort_by(|left, right| {
        let (left, right) = (&left.place, &right.place);
        (&left.path, &left.title, &left.uuid).cmp(&(&right.path, &right.title, &right.uuid))
    });
    // An import is there by its assets alone: one that brought none that exist for the grant tells
    // of those that it withholds.
    if session.grant.covers().withholds_assets() {
        rows.retain(|row| {
            row.kind != AlbumKind::Import || counts.contains_key(&(row.source, row.key))
        });
    }
    let listed = |row: &&AlbumRow| told(row, counts.get(&(row.source, row.key)).copied());
    let mut found: Vec<Album> = rows.iter().map(listed).collect();
    let keyed: Vec<(&AlbumRow, &mut Album)> =
        rows.into_iter().zip(&mut found).take(KEYED_ALBUMS).collect();
    add_key_photos(session, keyed, &condition)?;
    Ok(Scanned { found, consistent: scanned.consistent })
}

fn told(row: &AlbumRow, members: Option<Members>) -> Album {
    let members = members.unwrap_or_default();
    Album {
        uuid: row.place.uuid.clone(),
        title: row.place.title.clone(),
        kind: row.kind,
        path: row.place.path.clone(),
        order: row.kind.is_arranged().then_some(row.order),
        key_photo: None,
        count: row.kind.has_members().then_some(members.count),
        created: row.created,
        start: members.first.and_then(Date::utc),
        end: members.last.and_then(Date::utc),
        problem: row.problem,
    }
}

fn add_key_photos(
    session: &Session<'_>,
    albums: Vec<(&AlbumRow, &mut Album)>,
    condition: &str,
) -> Result<(), Stop> {
    let own = albums.iter().flat_map(|(row, _)| row.own_keys).flatten().collect();
    let own = uuids_of(session, own, condition)?;
    for (row, album) in albums {
        if !row.kind.is_arranged() || album.count == Some(0) {
            continue;
        }
        let chosen = row.own_keys.iter().flatten().find_map(|key| own.get(key));
        album.key_photo = match chosen {
            Some(uuid) => Some(uuid.clone()),
            None => first_of(session, row, condition)?,
        };
    }
    Ok(())
}

/// The UUIDs of those assets that fit.
fn uuids_of(
    session: &Session<'_>,
    keys: HashSet<i64>,
    condition: &str,
) -> Result<HashMap<i64, Uuid>, Stop> {
    let profile = &session.profile;
    let keys: Vec<i64> = keys.into_iter().collect();
    let mut found = HashMap::new();
    for some in keys.chunks(KEYS_AT_ONCE) {
        session.limit.check()?;
        let pk = format!("a.{}", PK.name());
        let question = format!(
            "SELECT {pk}, {uuid} FROM {a} a WHERE {keys} AND {condition}",
            uuid = profile.read(&profile.asset, "a", asset::UUID),
            a = profile.asset.name(),
            keys = Keys::List(some).condition(&pk),
        );
        session.database.snapshot(|| {
            each_row(session, &question, &[], |row| {
                let uuid = row.get_ref(1).ok().and_then(|it| it.as_str().ok());
                if let (Ok(key), Some(Ok(uuid))) = (row.get(0), uuid.map(Uuid::parse)) {
                    found.insert(key, uuid);
                }
                Ok(())
            })
        })?;
    }
    Ok(found)
}

/// The first member that fits, as a query for the album by its own order would have it.
fn first_of(
    session: &Session<'_>,
    album: &AlbumRow,
    condition: &str,
) -> Result<Option<Uuid>, Stop> {
    session.limit.check()?;
    let within = members(session, album, condition);
    let first = Order { sort: Sort::Album, descending: false, after: None, limit: 1 };
    let places = session.database.snapshot(|| order::places(session, &within, first))?;
    Ok(places.into_iter().next().map(|place| place.position.uuid))
}

/// The condition of an album's members.
fn members(session: &Session<'_>, album: &AlbumRow, condition: &str) -> Condition {
    let profile = &session.profile;
    // Led by the members, so that no other asset is looked at.
    let member = match album.source {
        Source::Album => format!(
            "a.{pk} IN (SELECT j.{right} FROM {join} j WHERE j.{left}={key})",
            pk = PK.name(),
            right = profile.members.right,
            join = profile.members.table,
            left = profile.members.left,
            key = album.key,
        ),
        Source::Share => {
            let share = profile.read(&profile.asset, "a", asset::COLLECTION_SHARE);
            format!("{share}={}", album.key)
        }
    };
    Condition {
        sql: format!("{member} AND {condition}"),
        album: Some((album.source, album.key)),
        ..Condition::default()
    }
}

fn count_members(
    session: &Session<'_>,
    slice: Slice,
    condition: &str,
    counts: &mut Counts,
) -> Result<(), Stop> {
    let members = &session.profile.members;
    let question = format!(
        "SELECT j.{left}, {counted} FROM {join} j CROSS JOIN {a} a ON a.{pk}=j.{right} WHERE {keys} AND {condition} GROUP BY j.{left}",
        counted = counted(session),
        left = members.left,
        right = members.right,
        join = members.table,
        a = session.profile.asset.name(),
        pk = PK.name(),
        keys = Keys::Slice(slice).condition(&format!("j.{}", members.right)),
    );
    add(session, &question, Source::Album, counts)
}

/// How many there are, and the first and last of their dates that are numbers.
fn counted(session: &Session<'_>) -> String {
    let date = session.profile.read(&session.profile.asset, "a", asset::DATE);
    let number = format!("CASE WHEN typeof({date}) IN ('integer','real') THEN {date} END");
    format!("count(*), min({number}), max({number})")
}

/// Counts by a column of the asset itself.
fn count_by(
    session: &Session<'_>,
    slice: Slice,
    condition: &str,
    column: Column,
    source: Source,
    counts: &mut Counts,
) -> Result<(), Stop> {
    let profile = &session.profile;
    let question = format!(
        "SELECT {album}, {counted} FROM {a} a WHERE {keys} AND {condition} GROUP BY 1",
        counted = counted(session),
        album = profile.read(&profile.asset, "a", column),
        a = profile.asset.name(),
        keys = slice.condition(),
    );
    add(session, &question, source, counts)
}

fn add(
    session: &Session<'_>,
    question: &str,
    source: Source,
    counts: &mut Counts,
) -> Result<(), Stop> {
    each_row(session, question, &[], |row| {
        if let Ok(album) = row.get::<_, i64>(0) {
            let (first, last) = (row.get(2).ok(), row.get(3).ok());
            let more = Members { count: count_at(row, 1), first, last };
            counts.entry((source, album)).or_default().add(more);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

    use darkslide_fixture::{ManyOptions, Model, many};

    use super::*;
    use crate::testing::Asked;

    #[test]
    fn the_first_of_an_album_is_looked_for_among_its_members_alone() {
        for model in [Model::Photos5, Model::Photos11] {
            let asked = Asked::new(|bundle| {
                many(bundle, model, 20, ManyOptions::default()).unwrap();
            });
            let plan = asked.ask(|session| {
                let albums = session.database.snapshot(|| Albums::read(session))?;
                let album = albums.rows().iter().find(|row| row.source == Source::Album).unwrap();
                let within = members(session, album, &filter_sql::listed(&session.profile, &[]));
                let first = Order { sort: Sort::Album, descending: false, after: None, limit: 1 };
                let mut steps = Vec::new();
                for (question, values) in order::statements(session, &within, first)? {
                    each_row(session, &format!("EXPLAIN QUERY PLAN {question}"), &values, |row| {
                        steps.push(row.get::<_, String>(3).unwrap());
                        Ok(())
                    })?;
                }
                Ok(steps)
            });
            let plan = plan.unwrap();
            assert!(
                plan[0].starts_with("SEARCH a USING INTEGER PRIMARY KEY (rowid=?)"),
                "{plan:#?}"
            );
            assert!(plan.iter().all(|step| !step.starts_with("SCAN")), "{plan:#?}");
        }
    }
}
