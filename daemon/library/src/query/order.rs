//! The order of assets: which of them come next, from a place in it, by any sort.
//!
//! A page goes on from a value and a UUID, never from a count. For a date there are three short
//! walks in place of one, so that each walks an index: what has none comes before, what has
//! nonsense for one after all dates. A UUID has an index, too. A name, a size and an album's own
//! order have none: all that fit are looked at, in slices, and as many kept as a page has. The
//! hazard: a planner that sorts the library to show a hundred photos; tests hold the plan.

use darkslide_protocol::filter::Sort;
use darkslide_protocol::value::Uuid;
use rusqlite::types::{Value, ValueRef};

use super::{Keys, each_asked_row, each_row, scan_then};
use crate::album::Source;
use crate::cursor::{Position, Rank};
use crate::db::Stop;
use crate::error::LibraryError;
use crate::filter_sql::{self, Condition, Residual, Seconds};
use crate::schema::asset::{self, attributes};
use crate::schema::{PK, album};
use crate::session::Session;

/// Bytes of a name that it is ordered by: a cursor has to hold them, twice as long, in 4 KiB.
pub(crate) const MAX_NAME_BYTES: usize = 255;
/// Assets that a residual tries before the next are read.
const TRIED_AT_ONCE: usize = 1_000;

/// One asset's place in the order.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) key: i64,
    pub(crate) position: Position,
}

/// How a page goes on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) sort: Sort,
    pub(crate) descending: bool,
    /// Where the page before ended.
    pub(crate) after: Option<&'a Position>,
    /// So many at most.
    pub(crate) limit: usize,
}

/// A part of the order of dates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Without a date.
    Undated,
    /// With one.
    Dated,
    /// With something that is no number in its place.
    Nonsense,
}

/// What is compared.
enum Key {
    /// A column of dates that may have an index; are most of them empty?
    Date { column: String, mostly_empty: bool },
    /// A value that is made for each asset, never NULL; is it compared the other way round?
    Made { value: String, inverted: bool },
    /// The UUID alone.
    Uuid,
}

/// The next in the order, as far as SQL tells; in a snapshot.
pub(crate) fn places(
    session: &Session<'_>,
    condition: &Condition,
    order: Order<'_>,
) -> Result<Vec<Place>, Stop> {
    let mut found = Vec::new();
    for (question, values) in statements(session, condition, order)? {
        each_asked_row(session, &question, &values, |row| {
            let key = row.get_ref(0).ok().and_then(|it| it.as_i64().ok());
            let uuid = row.get_ref(1).ok().and_then(|it| it.as_str().ok());
            if let (Some(key), Some(Ok(uuid))) = (key, uuid.map(Uuid::parse)) {
                let rank = match row.get_ref(2).unwrap_or(ValueRef::Null) {
                    ValueRef::Null => Rank::Missing,
                    ValueRef::Integer(value) => Rank::Whole(value),
                    ValueRef::Real(value) => Rank::Real(value),
                    ValueRef::Text(_) => Rank::Nonsense,
                    ValueRef::Blob(bytes) => Rank::Bytes(bytes.to_vec()),
                };
                found.push(Place { key, position: Position { rank, uuid } });
            }
            Ok(())
        })?;
        if found.len() >= order.limit {
            found.truncate(order.limit);
            break;
        }
    }
    Ok(found)
}

/// Has all that fits to be looked at, for there is no index?
pub(crate) fn scans(sort: Sort) -> bool {
    match sort {
        Sort::Name | Sort::Size | Sort::Album => true,
        Sort::Taken | Sort::Added | Sort::Modified | Sort::Uuid => false,
    }
}

/// The next in the order that the residual keeps, if there is one. Not to be called in a snapshot:
/// it makes one for each try, and for each slice where all has to be looked at.
pub(crate) fn kept_places(
    session: &Session<'_>,
    condition: &Condition,
    order: Order<'_>,
) -> Result<Vec<Place>, Stop> {
    if scans(order.sort) && !condition.leads {
        return best_of_slices(session, condition, order);
    }
    let Some(residual) = &condition.residual else {
        return session.database.snapshot(|| places(session, condition, order));
    };
    let mut found: Vec<Place> = Vec::new();
    let mut after = order.after.cloned();
    while found.len() < order.limit {
        session.limit.check()?;
        let next = Order { after: after.as_ref(), limit: TRIED_AT_ONCE, ..order };
        let mut tried = session.database.snapshot(|| places(session, condition, next))?;
        let ended = tried.len() < TRIED_AT_ONCE;
        after = tried.last().map(|place| place.position.clone());
        keep(session, residual, &mut tried)?;
        found.append(&mut tried);
        if ended {
            break;
        }
    }
    found.truncate(order.limit);
    Ok(found)
}

fn keep(session: &Session<'_>, residual: &Residual, places: &mut Vec<Place>) -> Result<(), Stop> {
    let keys: Vec<i64> = places.iter().map(|place| place.key).collect();
    let mut kept = residual.keep(session, &keys)?.into_iter();
    places.retain(|_| kept.next() == Some(true));
    Ok(())
}

/// Looks at all that fits, slice by slice, and keeps no more than are asked for.
fn best_of_slices(
    session: &Session<'_>,
    condition: &Condition,
    order: Order<'_>,
) -> Result<Vec<Place>, Stop> {
    let inverted = match session.database.snapshot(|| key(session, condition, order.sort))? {
        Key::Made { inverted, .. } => inverted,
        Key::Date { .. } | Key::Uuid => false,
    };
    // What a residual will refuse must not take the place of what it keeps.
    let limit = if condition.residual.is_some() { usize::MAX >> 1 } else { order.limit };
    let best = (Vec::new(), Vec::new());
    let best = scan_then(
        session,
        best,
        |(_, more), slice| {
            let sql = format!("{} AND {}", slice.condition(), condition.sql);
            let condition = Condition { sql, ..condition.clone() };
            *more = places(session, &condition, Order { limit, ..order })?;
            Ok(())
        },
        |(best, more)| {
            if let Some(residual) = &condition.residual {
                keep(session, residual, more)?;
            }
            best.append(more);
            best.sort_by(|one: &Place, other: &Place| {
                let ascending = one.position.compare(&other.position);
                if order.descending == inverted { ascending } else { ascending.reverse() }
            });
            best.truncate(order.limit);
            Ok(())
        },
    )?;
    Ok(best.found.0)
}

/// Which of these places still hold, in the snapshot that the assets are read in: what was chosen
/// in another may be hidden by now.
pub(crate) fn still(
    session: &Session<'_>,
    condition: &Condition,
    mut places: Vec<Place>,
) -> Result<Vec<Place>, Stop> {
    let pk = format!("a.{}", PK.name());
    let keys: Vec<i64> = places.iter().map(|place| place.key).collect();
    let question = format!(
        "SELECT {pk} FROM {} a WHERE {} AND {}",
        session.profile.asset.name(),
        Keys::List(&keys).condition(&pk),
        condition.sql,
    );
    let mut there = std::collections::HashSet::new();
    each_asked_row(session, &question, &condition.values, |row| {
        there.extend(row.get::<_, i64>(0).ok());
        Ok(())
    })?;
    places.retain(|place| there.contains(&place.key));
    Ok(places)
}

/// The statements that give the next ones, to be run in turn until there are enough.
pub(crate) fn statements(
    session: &Session<'_>,
    condition: &Condition,
    order: Order<'_>,
) -> Result<Vec<(String, Vec<Value>)>, Stop> {
    let writer = Writer { session, condition, order };
    Ok(match key(session, condition, order.sort)? {
        Key::Uuid => vec![writer.by_uuid()],
        Key::Made { value, inverted } => vec![writer.by_value(&value, inverted)],
        Key::Date { column, mostly_empty } => {
            let mut parts = vec![Part::Undated, Part::Dated, Part::Nonsense];
            if condition.spans.of(order.sort).is_some() {
                parts = vec![Part::Dated];
            }
            if order.descending {
                parts.reverse();
            }
            let begin = order.after.map(|position| part_of(&position.rank));
            let begin = begin.and_then(|part| parts.iter().position(|it| *it == part)).unwrap_or(0);
            let parts = parts.into_iter().skip(begin).enumerate();
            parts
                .map(|(index, part)| {
                    let after = order.after.filter(|_| index == 0);
                    writer.by_date(&column, mostly_empty, part, after)
                })
                .collect()
        }
    })
}

fn part_of(rank: &Rank) -> Part {
    match rank {
        Rank::Missing => Part::Undated,
        Rank::Whole(_) | Rank::Real(_) => Part::Dated,
        Rank::Nonsense | Rank::Bytes(_) => Part::Nonsense,
    }
}

fn key(session: &Session<'_>, condition: &Condition, sort: Sort) -> Result<Key, Stop> {
    let profile = &session.profile;
    // The column itself, never an expression of it: else no index gives the order.
    let date = |column, mostly_empty| match profile.asset.column(column) {
        Some(column) => Key::Date { column: format!("a.{column}"), mostly_empty },
        None => Key::Uuid,
    };
    let made = |value| Key::Made { value, inverted: false };
    Ok(match sort {
        Sort::Uuid => Key::Uuid,
        Sort::Taken => date(asset::DATE, false),
        Sort::Added => date(asset::ADDED, false),
        Sort::Modified => date(asset::MODIFIED, true),
        Sort::Name => made(bytes(&filter_sql::name_of(profile))),
        Sort::Size => {
            let size = profile.read(&profile.attributes, "b", attributes::FILE_SIZE);
            made(number(&filter_sql::one_of(&profile.attributes, attributes::ASSET, &size)))
        }
        Sort::Album => {
            let album = condition.album.ok_or(LibraryError::NoAlbumOrder)?;
            order_of(session, album)?
        }
    })
}

/// The album's own order: by hand, by date, or by title.
fn order_of(session: &Session<'_>, (source, key): (Source, i64)) -> Result<Key, Stop> {
    let profile = &session.profile;
    let column = |column| profile.read(&profile.asset, "a", column);
    if source == Source::Share {
        return Ok(Key::Made { value: number(&column(asset::SHARED)), inverted: false });
    }
    let question = format!(
        "SELECT {} FROM {} g WHERE g.{}={key}",
        profile.list(&profile.album, "g", &[album::SORT_KEY, album::SORT_ASCENDING]),
        profile.album.name(),
        PK.name(),
    );
    let (mut sort_key, mut ascending) = (None, None);
    each_row(session, &question, &[], |row| {
        sort_key = row.get::<_, i64>(0).ok();
        ascending = row.get::<_, i64>(1).ok();
        Ok(())
    })?;
    let inverted = ascending != Some(1);
    Ok(match sort_key {
        Some(album::SORT_BY_DATE) => Key::Made { value: number(&column(asset::DATE)), inverted },
        Some(album::SORT_BY_TITLE) => {
            let table = &profile.attributes;
            let title = profile.read(table, "b", attributes::TITLE);
            let title = filter_sql::one_of(table, attributes::ASSET, &title);
            Key::Made { value: bytes(&title), inverted }
        }
        _ => {
            let members = &profile.members;
            let position = members.order.as_ref().map_or_else(
                || String::from("0"),
                |order| {
                    format!(
                        "(SELECT j.{order} FROM {} j WHERE j.{}={key} AND j.{}=a.{})",
                        members.table,
                        members.left,
                        members.right,
                        PK.name()
                    )
                },
            );
            Key::Made { value: number(&position), inverted: false }
        }
    })
}

/// A text as bytes: they compare the same for everybody, and come back from a cursor as they were.
fn bytes(text: &str) -> String {
    format!("CAST(substr(coalesce({text},''),1,{MAX_NAME_BYTES}) AS BLOB)")
}

/// A number; what is none is less than all.
fn number(value: &str) -> String {
    format!("iif(typeof({value}) IN ('integer','real'),{value},-1e999)")
}

struct Writer<'a> {
    session: &'a Session<'a>,
    condition: &'a Condition,
    order: Order<'a>,
}

/// The values of a statement, those of the condition first.
struct Bound(Vec<Value>);

impl Bound {
    fn bind(&mut self, value: Value) -> String {
        self.0.push(value);
        format!("?{}", self.0.len())
    }

    fn uuid(&mut self, position: &Position) -> String {
        self.bind(Value::Text(position.uuid.as_str().to_owned()))
    }
}

impl Writer<'_> {
    fn statement(&self, shown: &str, within: &str, order: &str) -> String {
        format!(
            "SELECT a.{pk}, {uuid}, {shown} FROM {table} a WHERE {within} AND {filter} ORDER BY {order} LIMIT {limit}",
            pk = PK.name(),
            uuid = self.uuid(),
            table = self.session.profile.asset.name(),
            filter = self.condition.sql,
            limit = self.order.limit,
        )
    }

    fn uuid(&self) -> String {
        let profile = &self.session.profile;
        profile.read(&profile.asset, "a", asset::UUID)
    }

    /// Where a filter leads to few assets, those are sorted; else an index is walked.
    fn plus(&self) -> &'static str {
        if self.condition.leads { "+" } else { "" }
    }

    fn by_uuid(&self) -> (String, Vec<Value>) {
        let (uuid, plus) = (self.uuid(), self.plus());
        let (than, direction) = direction(self.order.descending);
        let mut bound = Bound(self.condition.values.clone());
        let within = match self.order.after {
            None => String::from("1"),
            Some(position) => format!("{plus}{uuid}{than}{}", bound.uuid(position)),
        };
        let question = self.statement("NULL", &within, &format!("{plus}{uuid} {direction}"));
        (question, bound.0)
    }

    fn by_value(&self, value: &str, inverted: bool) -> (String, Vec<Value>) {
        let uuid = self.uuid();
        let (than, direction) = direction(self.order.descending != inverted);
        let mut bound = Bound(self.condition.values.clone());
        let within = self.order.after.map(|position| {
            let last = bound.bind(match &position.rank {
                Rank::Missing | Rank::Nonsense => Value::Null,
                Rank::Whole(value) => Value::Integer(*value),
                Rank::Real(value) => Value::Real(*value),
                Rank::Bytes(bytes) => Value::Blob(bytes.clone()),
            });
            format!("({value},+{uuid}){than}({last},{})", bound.uuid(position))
        });
        let order = format!("3 {direction}, +{uuid} {direction}");
        let within = within.unwrap_or_else(|| String::from("1"));
        (self.statement(value, &within, &order), bound.0)
    }

    fn by_date(
        &self,
        date: &str,
        mostly_empty: bool,
        part: Part,
        after: Option<&Position>,
    ) -> (String, Vec<Value>) {
        let (uuid, plus) = (self.uuid(), self.plus());
        let (than, direction) = direction(self.order.descending);
        let mut bound = Bound(self.condition.values.clone());
        // Where there are few, they are found by the date, and the index of UUIDs must not be
        // walked for them; where there are many, it must.
        let walked = part == Part::Undated && mostly_empty && !self.condition.leads;
        let (found_by, walked_by) = if walked { ("+", "") } else { (plus, "+") };
        let mut within = match part {
            Part::Undated => format!("{found_by}{date} IS NULL"),
            Part::Nonsense => format!("{plus}{date}>=''"),
            Part::Dated => self.bounds(date, after.is_some(), &mut bound),
        };
        if let Some(position) = after {
            let value = match position.rank {
                Rank::Whole(seconds) => Some(Value::Integer(seconds)),
                Rank::Real(seconds) => Some(Value::Real(seconds)),
                Rank::Missing | Rank::Nonsense | Rank::Bytes(_) => None,
            };
            let name = bound.uuid(position);
            within += &match value.map(|value| bound.bind(value)) {
                None => format!(" AND {walked_by}{uuid}{than}{name}"),
                Some(value) => format!(
                    " AND {plus}{date}{than}={value} AND (+{date}{than}{value} OR {uuid}{than}{name})"
                ),
            };
        }
        // Nonsense is told apart by type, not by content: that may be large.
        let (shown, order) = match part {
            Part::Dated => (date, format!("{plus}{date} {direction}, {uuid} {direction}")),
            Part::Undated => ("NULL", format!("{walked_by}{uuid} {direction}")),
            Part::Nonsense => ("''", format!("+{uuid} {direction}")),
        };
        (self.statement(shown, &within, &order), bound.0)
    }

    /// Where dates have to lie. One bound on each side, for SQLite takes the first that it meets:
    /// where a position is one, no other is written.
    fn bounds(&self, date: &str, is_after: bool, bound: &mut Bound) -> String {
        let plus = self.plus();
        let span: Option<Seconds> = self.condition.spans.of(self.order.sort);
        let (from, to) = match span {
            Some((from, to)) => (Some(bound.bind(Value::Real(from))), bound.bind(Value::Real(to))),
            // Every number sorts before every text.
            None => (None, String::from("''")),
        };
        let begin = from.map(|from| format!("{plus}{date}>={from}"));
        let end = format!("{plus}{date}<{to}");
        match (is_after, self.order.descending) {
            (true, true) => begin.unwrap_or_else(|| String::from("1")),
            (true, false) => end,
            (false, _) => begin.map_or_else(|| end.clone(), |begin| format!("{begin} AND {end}")),
        }
    }
}

fn direction(descending: bool) -> (&'static str, &'static str) {
    if descending { ("<", "DESC") } else { (">", "ASC") }
}

#[cfg(test)]
mod tests;
