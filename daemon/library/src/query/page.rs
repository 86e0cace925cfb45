//! Pages of assets in the order of a sort, and assets by their UUIDs.
//!
//! A page goes on from a value and a UUID, never from a count. What has no date comes before, what
//! has nonsense for one after all dates: three short walks in place of one, so that each walks an
//! index. The hazard: a planner that sorts the library to show a hundred photos; a test holds the
//! plan.

use std::collections::{HashMap, HashSet};

use darkslide_protocol::filter::{Include, Sort};
use darkslide_protocol::value::Uuid;
use rusqlite::types::{Value, ValueRef};

use super::assets::Rows;
use super::{each_asked_row, each_row};
use crate::album::Albums;
use crate::cursor::{Position, Taken};
use crate::db::Stop;
use crate::filter_sql::{self, Condition};
use crate::model::{Asset, Got, Page, Query};
use crate::resource::Looker;
use crate::schema::{PK, asset};
use crate::session::Session;

/// The most assets of one answer.
pub(crate) const MAX_ASSETS: usize = 1_000;
/// An answer ends early above this; a frame may have eight times as much.
const MAX_ANSWER_BYTES: usize = 1024 * 1024;

/// A part of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Without a date.
    Undated,
    /// With one.
    Dated,
    /// With something that is no number in its place.
    Nonsense,
}

/// One asset's place in the order.
#[derive(Debug, Clone)]
struct Place {
    key: i64,
    position: Position,
}

/// Compiles a filter, reading the albums first where it speaks of them.
pub(crate) fn condition(
    session: &Session<'_>,
    include: &[Include],
    filter: &darkslide_protocol::filter::Filter,
) -> Result<Condition, Stop> {
    let albums =
        if filter_sql::speaks_of_albums(filter) { Some(Albums::read(session)?) } else { None };
    Ok(filter_sql::compile(session, include, filter, albums.as_ref())?)
}

/// Answers one page.
pub(crate) fn page(session: &Session<'_>, query: &Query) -> Result<Page, Stop> {
    let limit = query.limit.clamp(1, MAX_ASSETS);
    let (places, mut rows) = session.database.snapshot(|| {
        let condition = condition(session, &query.include, &query.filter)?;
        // One more, to know whether there is a next page.
        let places = places(session, query, &condition, limit + 1)?;
        let keys: Vec<i64> = places.iter().take(limit).map(|place| place.key).collect();
        Ok((places, Rows::read(session, &keys)?))
    })?;
    let mut looker = Looker::new(session.dir, session.grant);
    let mut page = Page { assets: Vec::new(), next: None };
    let mut bytes = 0;
    let mut last = None;
    let mut ended_early = false;
    for place in places.iter().take(limit) {
        last = Some(&place.position);
        if let Some(asset) = rows.asset(place.key, &mut looker) {
            bytes += asset.wire_bytes();
            page.assets.push(asset);
        }
        if bytes > MAX_ANSWER_BYTES {
            ended_early = places.last().map(|place| &place.position) != last;
            break;
        }
    }
    looker.finish()?;
    if places.len() > limit || ended_early {
        page.next = last.cloned();
    }
    Ok(page)
}

fn places(
    session: &Session<'_>,
    query: &Query,
    condition: &Condition,
    limit: usize,
) -> Result<Vec<Place>, Stop> {
    match query.sort {
        Sort::Taken => {}
    }
    let mut parts = [Part::Undated, Part::Dated, Part::Nonsense];
    if query.descending {
        parts.reverse();
    }
    let begin = query.after.as_ref().map(|position| part_of(position.taken));
    let begin = begin.and_then(|part| parts.iter().position(|it| *it == part)).unwrap_or(0);
    let mut found = Vec::new();
    for (index, part) in parts.iter().enumerate().skip(begin) {
        let wanted = limit.saturating_sub(found.len());
        if wanted == 0 {
            break;
        }
        let after = query.after.as_ref().filter(|_| index == begin);
        let (question, values) =
            statement(session, condition, *part, query.descending, after, wanted);
        each_asked_row(session, &question, &values, |row| {
            let key = row.get_ref(0).ok().and_then(|it| it.as_i64().ok());
            let uuid = row.get_ref(1).ok().and_then(|it| it.as_str().ok());
            if let (Some(key), Some(Ok(uuid))) = (key, uuid.map(Uuid::parse)) {
                let taken = match row.get_ref(2).unwrap_or(ValueRef::Null) {
                    ValueRef::Null => Taken::Missing,
                    ValueRef::Integer(seconds) => Taken::Whole(seconds),
                    ValueRef::Real(seconds) => Taken::Real(seconds),
                    ValueRef::Text(_) | ValueRef::Blob(_) => Taken::Nonsense,
                };
                found.push(Place { key, position: Position { taken, uuid } });
            }
            Ok(())
        })?;
    }
    Ok(found)
}

fn part_of(taken: Taken) -> Part {
    match taken {
        Taken::Missing => Part::Undated,
        Taken::Whole(_) | Taken::Real(_) => Part::Dated,
        Taken::Nonsense => Part::Nonsense,
    }
}

/// The statement for one part of the order.
pub(crate) fn statement(
    session: &Session<'_>,
    condition: &Condition,
    part: Part,
    descending: bool,
    after: Option<&Position>,
    limit: usize,
) -> (String, Vec<Value>) {
    let profile = &session.profile;
    let table = profile.asset.name();
    // The column itself, never an expression of it: else no index gives the order.
    let date = format!("a.{}", asset::DATE.name());
    let uuid = profile.read(&profile.asset, "a", asset::UUID);
    // Where a filter leads to few assets, those are sorted; else the index on the date is walked.
    let plus = if condition.leads { "+" } else { "" };
    let mut values = condition.values.clone();
    let mut bind = |value: Value| {
        values.push(value);
        format!("?{}", values.len())
    };
    let (than, direction) = if descending { ("<", "DESC") } else { (">", "ASC") };
    // Every number sorts before every text.
    let within = match part {
        Part::Undated => format!("{plus}{date} IS NULL"),
        // Downwards the position is bound enough; SQLite would take this one in its place.
        Part::Dated if descending && after.is_some() => String::from("1"),
        Part::Dated => format!("{plus}{date}<''"),
        Part::Nonsense => format!("{plus}{date}>=''"),
    };
    let from = after.map(|position| {
        let name = bind(Value::Text(position.uuid.as_str().to_owned()));
        let value = match position.taken {
            Taken::Whole(seconds) => Value::Integer(seconds),
            Taken::Real(seconds) => Value::Real(seconds),
            Taken::Missing | Taken::Nonsense => return format!(" AND +{uuid}{than}{name}"),
        };
        let value = bind(value);
        format!(" AND {plus}{date}{than}={value} AND (+{date}{than}{value} OR {uuid}{than}{name})")
    });
    let order = match part {
        Part::Dated => format!("{plus}{date} {direction}, {uuid} {direction}"),
        // Few, and found by the date: without the plus, the index of UUIDs would be walked for
        // them.
        Part::Undated | Part::Nonsense => format!("+{uuid} {direction}"),
    };
    let shown = match part {
        Part::Undated | Part::Nonsense => String::from("NULL"),
        Part::Dated => date,
    };
    // Told apart by type, not by content: that may be large.
    let shown = if part == Part::Nonsense { String::from("''") } else { shown };
    let question = format!(
        "SELECT a.{pk}, {uuid}, {shown} FROM {table} a WHERE {within}{from} AND {filter} ORDER BY {order} LIMIT {limit}",
        pk = PK.name(),
        from = from.unwrap_or_default(),
        filter = condition.sql,
    );
    (question, values)
}

/// Answers assets by name, in the order of the question.
pub(crate) fn get(session: &Session<'_>, asked: &[Uuid]) -> Result<Got, Stop> {
    let (now, later) = asked.split_at(asked.len().min(MAX_ASSETS));
    let (keys, mut rows) = session.database.snapshot(|| {
        let keys = keys_of(session, now)?;
        let list: Vec<i64> = keys.values().copied().collect();
        Ok((keys, Rows::read(session, &list)?))
    })?;
    let mut looker = Looker::new(session.dir, session.grant);
    let mut got = Got { assets: Vec::new(), unknown: Vec::new(), rest: Vec::new() };
    let mut bytes = 0;
    let mut answered = HashSet::new();
    for uuid in now {
        if !answered.insert(uuid) {
            continue;
        }
        if bytes > MAX_ANSWER_BYTES {
            got.rest.push(uuid.clone());
            continue;
        }
        let asset: Option<Asset> = keys.get(uuid).and_then(|key| rows.asset(*key, &mut looker));
        match asset {
            Some(asset) => {
                bytes += asset.wire_bytes();
                got.assets.push(asset);
            }
            None => got.unknown.push(uuid.clone()),
        }
    }
    looker.finish()?;
    got.rest.extend_from_slice(later);
    Ok(got)
}

/// The row numbers of assets that the grant shows; where two rows have one UUID, the first.
pub(crate) fn keys_of(session: &Session<'_>, asked: &[Uuid]) -> Result<HashMap<Uuid, i64>, Stop> {
    let profile = &session.profile;
    let mut found = HashMap::new();
    for asked in asked.chunks(500) {
        let marks: Vec<String> = (1..=asked.len()).map(|index| format!("?{index}")).collect();
        let uuid = profile.read(&profile.asset, "a", asset::UUID);
        let question = format!(
            "SELECT a.{pk}, {uuid} FROM {table} a WHERE a.{column} IN ({marks}) AND {shown} ORDER BY a.{pk}",
            pk = PK.name(),
            table = profile.asset.name(),
            column = asset::UUID.name(),
            marks = marks.join(","),
            shown = filter_sql::shown(profile, session.grant, "a"),
        );
        let values: Vec<Value> =
            asked.iter().map(|uuid| Value::Text(uuid.as_str().to_owned())).collect();
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

#[cfg(test)]
mod tests {
    use darkslide_fixture::{ManyOptions, Model, many};
    use darkslide_protocol::filter::{Filter, Flag, Kind};

    use super::*;
    use crate::testing::Asked;

    /// What SQLite would do for a page that goes on in the middle.
    fn plan(asked: &Asked, filter: &Filter, part: Part, descending: bool) -> Vec<String> {
        let plan = asked.ask(|session| {
            let condition = condition(session, &[Include::Hidden], filter)?;
            let after = Position {
                taken: Taken::Real(1.5),
                uuid: Uuid::parse("1EB2B765-0765-43BA-A90C-0D0580E6172C").unwrap(),
            };
            let after = Some(&after).filter(|_| part == Part::Dated);
            let (question, values) = statement(session, &condition, part, descending, after, 100);
            let mut steps = Vec::new();
            each_row(session, &format!("EXPLAIN QUERY PLAN {question}"), &values, |row| {
                steps.push(row.get::<_, String>(3).unwrap());
                Ok(())
            })?;
            Ok(steps)
        });
        plan.unwrap()
    }

    #[test]
    fn a_page_in_the_order_of_dates_walks_the_index_and_sorts_equal_dates_at_most() {
        for model in Model::ALL {
            let asked = Asked::new(|bundle| {
                many(bundle, model, 20, ManyOptions::default()).unwrap();
            });
            let filters = [
                Filter::everything(),
                Filter::Is(Flag::Favorite),
                Filter::Kind(Kind::Movie),
                Filter::Not(Box::new(Filter::Is(Flag::Edited))),
                Filter::All(vec![Filter::Is(Flag::InAlbum), Filter::Is(Flag::Titled)]),
                Filter::Any(vec![Filter::Kind(Kind::RawPair), Filter::Kind(Kind::Selfie)]),
                Filter::Not(Box::new(Filter::Album(String::from("All")))),
            ];
            for filter in filters {
                for descending in [false, true] {
                    let plan = plan(&asked, &filter, Part::Dated, descending);
                    let what = format!("{model:?} {filter:?} {plan:#?}");
                    let first = plan.first().unwrap();
                    let bounds = if descending {
                        "(ZDATECREATED<?)"
                    } else {
                        "(ZDATECREATED>? AND ZDATECREATED<?)"
                    };
                    assert!(
                        first.starts_with("SEARCH a USING") && first.contains(bounds),
                        "{what}"
                    );
                    let sorts = plan.iter().filter(|step| step.contains("TEMP B-TREE"));
                    // Assets of one second are put in the order of their UUIDs; everything else
                    // comes from the index.
                    assert!(sorts.clone().all(|step| step.contains("LAST TERM")), "{what}");
                    // Twins are looked up, never looked for.
                    let twins: Vec<&String> =
                        plan.iter().filter(|step| step.contains(" t ")).collect();
                    let lookup = "(ZUUID=? AND rowid<?)";
                    assert!(twins.len() == 1 && twins[0].contains(lookup), "{what}");
                }
            }
        }
    }

    #[test]
    fn what_has_no_date_is_found_by_the_index_too() {
        let asked = Asked::new(|bundle| {
            many(bundle, Model::Photos11, 20, ManyOptions::default()).unwrap();
        });
        for part in [Part::Undated, Part::Nonsense] {
            let plan = plan(&asked, &Filter::everything(), part, false);
            let first = plan.first().unwrap();
            assert!(
                first.contains("ZDATECREATED=?") || first.contains("ZDATECREATED>?"),
                "{plan:#?}"
            );
        }
    }

    #[test]
    fn an_album_or_a_list_of_uuids_leads_and_the_library_is_not_walked() {
        let asked = Asked::new(|bundle| {
            many(bundle, Model::Photos11, 20, ManyOptions::default()).unwrap();
        });
        let uuid = Uuid::parse("1EB2B765-0765-43BA-A90C-0D0580E6172C").unwrap();
        for filter in [Filter::Album(String::from("All")), Filter::Uuid(vec![uuid])] {
            let plan = plan(&asked, &filter, Part::Dated, false);
            assert!(plan.iter().all(|step| !step.starts_with("SCAN a")), "{plan:#?}");
            assert!(plan.first().unwrap().starts_with("SEARCH a USING"), "{plan:#?}");
            assert!(!plan.first().unwrap().contains("ZDATECREATED"), "{plan:#?}");
        }
    }
}
