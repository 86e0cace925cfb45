//! Questions about assets: pages, single ones, counts, and the catalog that exports are planned
//! from.
//!
//! A page is one snapshot; what scans goes in slices by row number, a transaction each, and says
//! whether somebody changed the library meanwhile. Related rows come in bulk for a whole page or
//! slice, never per asset. Statements are built from discovered names and bound values only.

pub(crate) mod albums;
pub(crate) mod catalog;
pub(crate) mod count;
pub(crate) mod existence;
pub(crate) mod facets;
pub(crate) mod info;
pub(crate) mod order;
pub(crate) mod page;
pub(crate) mod resources;
pub(crate) mod rows;
pub(crate) mod selected;
pub(crate) mod selection;

use rusqlite::params_from_iter;
use rusqlite::types::Value;

use crate::db::{Database, OrStop, Stop};
use crate::model::Scanned;
use crate::profile::Profile;
use crate::schema::{PK, history};
use crate::session::Session;

/// Rows of a slice: some 50 ms on a slow machine, far below the 250 ms that a transaction may aim
/// at.
const SLICE_ROWS: i64 = 4_000;

/// Places of a list, however short it is: the assets of a block.
const MIN_PLACES: usize = 128;

/// Places of a statement, of which SQLite has 32,766: more numbers stand in its text. A page has a
/// thousand; hostile bursts and albums have more.
const MAX_PLACES: usize = 16_384;

/// Row numbers above `after` and up to `last`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slice {
    pub(crate) after: i64,
    pub(crate) last: i64,
}

impl Slice {
    /// A condition on the asset table, which is called `a`.
    pub(crate) fn condition(self) -> String {
        Keys::Slice(self).condition(&format!("a.{}", PK.name()))
    }
}

/// Which assets a statement about related rows is for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Keys<'a> {
    /// These row numbers.
    List(&'a [i64]),
    /// Those of a slice.
    Slice(Slice),
}

impl Keys<'_> {
    /// A condition on a column; numbers only, so that nothing has to be bound.
    pub(crate) fn condition(self, column: &str) -> String {
        match self {
            Self::List(keys) => {
                let keys: Vec<String> = keys.iter().map(i64::to_string).collect();
                format!("{column} IN ({})", keys.join(","))
            }
            Self::Slice(Slice { after, last }) => {
                format!("{column}>{after} AND {column}<={last}")
            }
        }
    }

    /// The same with places for the numbers, which `each_keyed_row` binds: as many as make the text
    /// one that was prepared before.
    pub(crate) fn places(self, column: &str) -> String {
        match self {
            Self::List(keys) if keys.len() > MAX_PLACES => self.condition(column),
            Self::List(keys) => format!("{column} IN ({})", places(keys.len())),
            Self::Slice(_) => format!("{column}>? AND {column}<=?"),
        }
    }

    fn values(self) -> Vec<Value> {
        match self {
            Self::List(keys) if keys.len() > MAX_PLACES => Vec::new(),
            Self::List(keys) => filled(keys.iter().copied().map(Value::Integer)),
            Self::Slice(Slice { after, last }) => vec![after.into(), last.into()],
        }
    }
}

/// Places for at least so many values, with commas between them.
pub(crate) fn places(count: usize) -> String {
    let mut places = "?,".repeat(padded(count));
    places.pop();
    places
}

/// Values for the places of so many; null, which equals nothing, for those that are left.
pub(crate) fn filled(values: impl ExactSizeIterator<Item = Value>) -> Vec<Value> {
    let places = padded(values.len());
    values.chain(std::iter::repeat(Value::Null)).take(places).collect()
}

/// So few texts are the same statement with more or fewer values: each is prepared once.
fn padded(count: usize) -> usize {
    count.next_power_of_two().max(MIN_PLACES)
}

/// Goes through all assets in slices, a transaction each.
pub(crate) fn scan<T>(
    session: &Session<'_>,
    found: T,
    look: impl FnMut(&mut T, Slice) -> Result<(), Stop>,
) -> Result<Scanned<T>, Stop> {
    scan_then(session, found, look, |_| Ok(()))
}

/// The same, and `then` each time that a transaction has ended.
pub(crate) fn scan_then<T>(
    session: &Session<'_>,
    mut found: T,
    mut look: impl FnMut(&mut T, Slice) -> Result<(), Stop>,
    mut then: impl FnMut(&mut T) -> Result<(), Stop>,
) -> Result<Scanned<T>, Stop> {
    let before = newest_change(session.database, &session.profile)?;
    // The smallest of all: row numbers below zero are nonsense, and are looked at too.
    let mut after = i64::MIN;
    loop {
        session.limit.check()?;
        let slice = session.database.snapshot(|| {
            let Some(slice) = next_slice(session, after)? else {
                return Ok(None);
            };
            look(&mut found, slice)?;
            Ok(Some(slice))
        })?;
        match slice {
            Some(slice) => after = slice.last,
            None => break,
        }
        then(&mut found)?;
    }
    let consistent = before == newest_change(session.database, &session.profile)?;
    Ok(Scanned { found, consistent })
}

fn next_slice(session: &Session<'_>, after: i64) -> Result<Option<Slice>, Stop> {
    let table = session.profile.asset.name();
    let pk = PK.name();
    let ask = |question: &str| -> Result<Option<i64>, Stop> {
        let mut statement = session.database.connection().prepare(question).or_stop()?;
        let mut rows = statement.query([after]).or_stop()?;
        Ok(rows.next().or_stop()?.and_then(|row| row.get(0).ok()))
    };
    let full = ask(&format!(
        "SELECT {pk} FROM {table} WHERE {pk}>?1 ORDER BY {pk} LIMIT 1 OFFSET {}",
        SLICE_ROWS - 1
    ))?;
    let last = match full {
        Some(last) => Some(last),
        None => ask(&format!("SELECT max({pk}) FROM {table} WHERE {pk}>?1"))?,
    };
    Ok(last.map(|last| Slice { after, last }))
}

/// The number of the last change, where the library keeps a history.
pub(crate) fn newest_change(database: &Database, profile: &Profile) -> Result<Option<i64>, Stop> {
    if !profile.has_history {
        return Ok(None);
    }
    let question = question_for_the_newest_change();
    database.connection().query_row(&question, [], |row| Ok(row.get(0).ok())).or_stop()
}

pub(crate) fn question_for_the_newest_change() -> String {
    format!("SELECT max({}) FROM {}", history::PK, history::TABLE)
}

/// Runs a statement of ours and hands each row to `take`.
pub(crate) fn each_row(
    session: &Session<'_>,
    question: &str,
    values: &[Value],
    take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    run(&mut session.database.connection().prepare(question).or_stop()?, values, take)
}

/// The same for the places of these keys, prepared once for a connection.
pub(crate) fn each_keyed_row(
    session: &Session<'_>,
    question: &str,
    keys: Keys<'_>,
    take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut statement = session.database.connection().prepare_cached(question).or_stop()?;
    run(&mut statement, &keys.values(), take)
}

/// The same with a peer's condition in it: that it cannot be prepared tells of the condition, and
/// not of the library.
pub(crate) fn each_asked_row(
    session: &Session<'_>,
    question: &str,
    values: &[Value],
    take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let prepared = session.database.connection().prepare(question);
    run(&mut prepared.map_err(|error| Stop::of_asked(&error))?, values, take)
}

fn run(
    statement: &mut rusqlite::Statement<'_>,
    values: &[Value],
    mut take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let mut rows = statement.query(params_from_iter(values)).or_stop()?;
    while let Some(row) = rows.next().or_stop()? {
        take(row)?;
    }
    Ok(())
}

/// A count in a cell.
pub(crate) fn count_at(row: &rusqlite::Row<'_>, at: usize) -> u64 {
    row.get::<_, i64>(at).ok().and_then(|count| u64::try_from(count).ok()).unwrap_or(0)
}
