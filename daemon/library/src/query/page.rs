//! Pages of assets in the order of a sort, and assets by their UUIDs.
//!
//! Which come next, `order.rs` tells; a page is one snapshot of them and of all that belongs to
//! them, ended early where an answer would be too large. The hazard: an asset that was chosen in
//! one snapshot and hidden before the next, where a filter needs more than one.

use std::collections::{HashMap, HashSet};

use darkslide_protocol::field::Fields;
use darkslide_protocol::value::Uuid;
use rusqlite::types::Value;

use super::order::{self, Order, Place};
use super::{each_row, filled, newest_change, places};
use crate::db::Stop;
use crate::filter_sql;
use crate::model::{Got, Page, Query};
use crate::record::Drafts;
use crate::schema::{PK, asset};
use crate::session::Session;

/// The most assets of one answer.
pub(crate) const MAX_ASSETS: usize = 1_000;

/// Answers one page.
pub(crate) fn page(session: &Session<'_>, query: &Query) -> Result<Page, Stop> {
    let limit = query.limit.clamp(1, MAX_ASSETS);
    let order = Order {
        sort: query.sort,
        descending: query.descending,
        after: query.after.as_ref(),
        // One more, to know whether there is a next page.
        limit: limit + 1,
    };
    let read = |places: Vec<Place>| {
        let keys: Vec<i64> = places.iter().take(limit).map(|place| place.key).collect();
        let drafts = Drafts::begin(session, &keys, query.fields)?;
        Ok((places, drafts))
    };
    let filter = || filter_sql::condition(session, &query.include, &query.filter);
    let (mut last, mut consistent) = (None, true);
    let (places, drafts) = if filter_sql::has_residual(&query.filter) || order::scans(query.sort) {
        let before = newest_change(session.database, &session.profile)?;
        let condition = session.database.snapshot(filter)?;
        let places = order::kept_places(session, &condition, order)?;
        // Of these some may be hidden by now: there is a next page all the same.
        last = places.get(limit - 1).filter(|_| places.len() > limit).cloned();
        session.database.snapshot(|| {
            consistent = newest_change(session.database, &session.profile)? == before;
            read(order::still(session, &condition, places)?)
        })?
    } else {
        session.database.snapshot(|| read(order::places(session, &filter()?, order)?))?
    };
    let keys: Vec<i64> = places.iter().take(limit).map(|place| place.key).collect();
    let (assets, settled) = drafts.finish(&keys)?;
    if settled < places.len() {
        last = settled.checked_sub(1).and_then(|at| places.get(at)).cloned();
    }
    Ok(Page { assets, next: last.map(|place| place.position), consistent })
}

/// Answers assets by name, in the order of the question.
pub(crate) fn get(session: &Session<'_>, asked: &[Uuid], fields: Fields) -> Result<Got, Stop> {
    let (now, later) = asked.split_at(asked.len().min(MAX_ASSETS));
    let mut seen = HashSet::new();
    let once: Vec<&Uuid> = now.iter().filter(|uuid| seen.insert(*uuid)).collect();
    let (known, unknown, drafts) = session.database.snapshot(|| {
        let by_uuid = keys_of(session, now)?;
        let (mut known, mut unknown) = (Vec::new(), Vec::new());
        for uuid in &once {
            match by_uuid.get(*uuid) {
                Some(key) => known.push((*key, *uuid)),
                None => unknown.push((*uuid).clone()),
            }
        }
        let keys: Vec<i64> = known.iter().map(|(key, _)| *key).collect();
        let drafts = Drafts::begin(session, &keys, fields)?;
        Ok((known, unknown, drafts))
    })?;
    let keys: Vec<i64> = known.iter().map(|(key, _)| *key).collect();
    let (assets, settled) = drafts.finish(&keys)?;
    let mut rest: Vec<Uuid> =
        known.into_iter().skip(settled).map(|(_, uuid)| uuid.clone()).collect();
    rest.extend_from_slice(later);
    Ok(Got { assets, unknown, rest })
}

/// The row numbers of assets that the grant shows; where two rows have one UUID, the first.
pub(crate) fn keys_of(session: &Session<'_>, asked: &[Uuid]) -> Result<HashMap<Uuid, i64>, Stop> {
    let profile = &session.profile;
    let mut found = HashMap::new();
    for asked in asked.chunks(500) {
        let uuid = profile.read(&profile.asset, "a", asset::UUID);
        let question = format!(
            "SELECT a.{pk}, {uuid} FROM {table} a WHERE a.{column} IN ({marks}) AND {shown} ORDER BY a.{pk}",
            pk = PK.name(),
            table = profile.asset.name(),
            column = asset::UUID.name(),
            marks = places(asked.len()),
            shown = filter_sql::shown(profile, session.grant, "a"),
        );
        let values = filled(asked.iter().map(|uuid| Value::Text(uuid.as_str().to_owned())));
        each_row(session, &question, &values, |row| {
            let key = row.get_ref(0).ok().and_then(|it| it.as_i64().ok());
            let uuid = row.get_ref(1).ok().and_then(|it| it.as_str().ok());
            if let (Some(key), Some(Ok(uuid))) = (key, uuid.map(Uuid::parse)) {
                found.entry(uuid).or_insert(key);
            }
            Ok(())
        })?;
    }
    Ok(found)
}
