//! The list of albums with the number of members that a question would find in each.
//!
//! Members are counted in slices of assets, by the same condition as assets themselves: a count
//! never tells of what a grant withholds, and equals what a query of that album answers.

use std::collections::HashMap;

use darkslide_protocol::filter::Include;

use super::{Keys, Slice, count_at, each_row, scan};
use crate::album::{AlbumRow, Albums, Source};
use crate::date::Date;
use crate::db::Stop;
use crate::filter_sql;
use crate::model::{Album, AlbumKind, Scanned};
use crate::schema::{Column, PK, asset};
use crate::session::Session;

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

/// Lists them, sorted by path, title and UUID.
pub(crate) fn albums(
    session: &Session<'_>,
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
        count_members(session, slice, &condition, counts)?;
        count_by(session, slice, &condition, asset::IMPORT_SESSION, Source::Album, counts)?;
        if profile.shares.is_some() {
            count_by(session, slice, &condition, asset::COLLECTION_SHARE, Source::Share, counts)?;
        }
        Ok(())
    })?;
    let counts = scanned.found;
    let listed = |row: &AlbumRow| {
        let members = counts.get(&(row.source, row.key)).copied().unwrap_or_default();
        let has_members = match row.kind {
            AlbumKind::Folder | AlbumKind::Smart => false,
            AlbumKind::Album | AlbumKind::Shared | AlbumKind::Project | AlbumKind::Import => true,
        };
        Album {
            uuid: row.place.uuid.clone(),
            title: row.place.title.clone(),
            kind: row.kind,
            path: row.place.path.clone(),
            count: has_members.then_some(members.count),
            created: row.created,
            start: members.first.and_then(Date::utc),
            end: members.last.and_then(Date::utc),
            problem: row.problem,
        }
    };
    let mut found: Vec<Album> = albums.rows().iter().map(listed).collect();
    found.sort_by(|left, right| {
        (&left.path, &left.title, &left.uuid).cmp(&(&right.path, &right.title, &right.uuid))
    });
    Ok(Scanned { found, consistent: scanned.consistent })
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
