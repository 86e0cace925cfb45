//! The history's own tables: how far they reach, whether a token fits, and one page of changes.
//!
//! Changes come in the order of their transactions. A page ends between two transactions where it
//! can; a single one with more changes than a page has is told in parts. Nothing is looked up here
//! but the history. The hazard: a walk without the index, which reads all history for each page.

use std::collections::BTreeSet;

use rusqlite::types::{Value, ValueRef};

use super::token::{Expired, Place, Token, hash};
use crate::album::Albums;
use crate::cell::Cells;
use crate::db::{OrStop, Stop};
use crate::error::LibraryError;
use crate::profile::{Profile, Table};
use crate::query::each_row;
use crate::schema::{PK, change, entity, history};
use crate::session::Session;
use darkslide_protocol::value::Uuid;

/// One row of the history that can be read.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) transaction: i64,
    pub(super) kind: Kind,
    /// The number of the changed row's entity.
    pub(super) entity: i64,
    /// The changed row.
    pub(super) row: i64,
}

/// What happened to a row.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Inserted,
    Updated,
    /// With its UUID, where the history kept that.
    Deleted(Option<Uuid>),
}

/// Some changes in a row, and where they end.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) changes: Vec<Change>,
    pub(super) end: Place,
    pub(super) more: bool,
}

/// The history of an open library, as far as it reaches.
pub(super) struct History<'a> {
    session: &'a Session<'a>,
    changes: Table,
    /// The first and last transaction; none where all of them were removed.
    reach: Option<(i64, i64)>,
    check: u64,
}

impl<'a> History<'a> {
    /// Looks how far the history reaches.
    pub(super) fn open(session: &'a Session<'a>) -> Result<Self, Stop> {
        let wanted = [change::TABLE, history::TABLE, entity::TABLE].map(str::to_owned);
        let connection = session.database.connection();
        let mut tables = Profile::tables_called(connection, &BTreeSet::from(wanted))?;
        let has_all = tables.len() == 3;
        let changes = tables.remove(change::TABLE).filter(|table| {
            let needed = [change::KIND, change::ENTITY, change::ROW, change::TRANSACTION];
            has_all && needed.iter().all(|column| table.column(*column).is_some())
        });
        let changes = changes.ok_or(LibraryError::NoHistory)?;
        // Two questions, for both at once would read the whole table.
        let question = format!(
            "SELECT (SELECT min({pk}) FROM {table}), (SELECT max({pk}) FROM {table})",
            pk = history::PK,
            table = history::TABLE
        );
        let reach = connection
            .query_row(&question, [], |row| Ok(row.get(0).ok().zip(row.get(1).ok())))
            .or_stop()?;
        Ok(Self { session, changes, reach, check: check(session)? })
    }

    /// Behind the last transaction.
    pub(super) fn end(&self) -> Place {
        Place { transaction: self.reach.map_or(0, |(_, newest)| newest), change: None }
    }

    /// A place as a token.
    pub(super) fn token(&self, place: Place) -> Result<Token, Stop> {
        let stamp = self.stamp(place.transaction)?.unwrap_or(0);
        Ok(Token { place, stamp, check: self.check })
    }

    /// The place of a token, if everything since then is still known.
    pub(super) fn place(&self, token: &str) -> Result<Place, Stop> {
        let token = Token::parse(token).map_err(LibraryError::Expired)?;
        let expired = |why| Err(Stop::from(LibraryError::Expired(why)));
        if token.check != self.check {
            return expired(Expired::Mismatch);
        }
        let place = token.place;
        if place.transaction > self.end().transaction {
            return expired(Expired::Restored);
        }
        match (self.stamp(place.transaction)?, self.reach) {
            (Some(stamp), _) if stamp == token.stamp => Ok(place),
            (Some(_), _) => expired(Expired::Restored),
            // Before everything that there is: complete if the very next transaction is known.
            (None, Some((oldest, _))) if place.transaction.checked_add(1) == Some(oldest) => {
                Ok(place)
            }
            (None, None) if place.transaction == 0 => Ok(place),
            (None, _) => expired(Expired::Purged),
        }
    }

    /// A check of a transaction's time; none where there is no such transaction.
    fn stamp(&self, transaction: i64) -> Result<Option<u64>, Stop> {
        let question = format!(
            "SELECT {} FROM {} WHERE {}=?1",
            change::TRANSACTION_TIME,
            history::TABLE,
            history::PK
        );
        let mut stamp = None;
        each_row(self.session, &question, &[transaction.into()], |row| {
            stamp = Some(match row.get_ref(0).or_stop()? {
                ValueRef::Integer(time) => hash(&time.to_le_bytes()),
                ValueRef::Real(time) => hash(&time.to_bits().to_le_bytes()),
                ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => 0,
            });
            Ok(())
        })?;
        Ok(stamp)
    }

    /// The statement for the changes behind a place.
    pub(super) fn statement(&self, after: Place, limit: usize) -> (String, [Value; 2]) {
        let profile = &self.session.profile;
        let columns = [PK, change::TRANSACTION, change::KIND, change::ENTITY, change::ROW];
        let question = format!(
            "SELECT {columns}, {tombstones} FROM {table} c \
             WHERE (c.{transaction},c.{pk})>(?1,?2) AND c.{transaction}<={newest} \
             AND typeof(c.{transaction})='integer' ORDER BY c.{transaction},c.{pk} LIMIT {limit}",
            columns = profile.list(&self.changes, "c", &columns),
            tombstones = profile.list(&self.changes, "c", change::TOMBSTONES),
            table = self.changes.name(),
            transaction = change::TRANSACTION.name(),
            pk = PK.name(),
            newest = self.end().transaction,
        );
        let key = after.change.unwrap_or(i64::MAX);
        (question, [after.transaction.into(), key.into()])
    }

    /// At most `limit` changes behind a place.
    pub(super) fn page(&self, after: Place, limit: usize) -> Result<Page, Stop> {
        // One more, to know whether there is a next page.
        let (question, values) = self.statement(after, limit.saturating_add(1));
        // Where it stands and, if it can be read, the change.
        let mut found: Vec<(i64, i64, Option<Change>)> = Vec::new();
        each_row(self.session, &question, &values, |row| {
            let mut cells = Cells::new(row, &[]);
            if let (Some(key), Some(transaction)) = (cells.integer(0), cells.integer(1)) {
                found.push((transaction, key, read(&mut cells, transaction)));
            }
            Ok(())
        })?;
        let more = found.len() > limit;
        let end = if more { cut(&mut found, limit) } else { self.end() };
        let changes = found.into_iter().filter_map(|(_, _, change)| change).collect();
        Ok(Page { changes, end, more })
    }
}

/// Leaves at most `limit` of more, up to the end of a transaction if one ends there.
fn cut<T>(found: &mut Vec<(i64, i64, T)>, limit: usize) -> Place {
    let beyond = found.get(limit).map(|(transaction, ..)| *transaction);
    found.truncate(limit);
    let first = found.first().map(|(transaction, ..)| *transaction);
    if beyond != first {
        found.retain(|(transaction, ..)| Some(*transaction) != beyond);
    }
    match found.last() {
        Some((transaction, key, _)) => {
            let is_part = Some(*transaction) == beyond;
            Place { transaction: *transaction, change: is_part.then_some(*key) }
        }
        None => Place { transaction: 0, change: None },
    }
}

fn read(cells: &mut Cells<'_>, transaction: i64) -> Option<Change> {
    let kind = match cells.integer(2)? {
        change::INSERTED => Kind::Inserted,
        change::UPDATED => Kind::Updated,
        change::DELETED => Kind::Deleted(last_uuid(cells)),
        _ => return None,
    };
    Some(Change { transaction, kind, entity: cells.integer(3)?, row: cells.integer(4)? })
}

/// The last value of a tombstone that has the form of a UUID: a cloud identity stands before it.
fn last_uuid(cells: &Cells<'_>) -> Option<Uuid> {
    let values = (5..5 + change::TOMBSTONES.len()).rev().map(|at| cells.raw(at));
    let texts = values.filter_map(|value| match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => std::str::from_utf8(bytes).ok(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => None,
    });
    // The short form of Photos 3 and 4 fits words that are no UUIDs.
    texts.filter(|text| text.len() == 36).find_map(|text| Uuid::parse(text).ok())
}

/// What a token must fit beside its place. Of a grant of some albums also which those are now: with
/// another one under its name other assets exist, without a change of theirs.
fn check(session: &Session<'_>) -> Result<u64, Stop> {
    let (scope, profile) = (session.grant.covers(), &session.profile);
    let mut granted: Vec<String> = Vec::new();
    if scope.albums().is_some() {
        let albums = Albums::read(session)?;
        granted = albums.rows().iter().map(|row| row.place.uuid.to_string()).collect();
        granted.sort();
    }
    // All that a grant covers, whatever it may learn to cover.
    let text = format!("{scope:?}\0{:?}\0{:?}\0{granted:?}", profile.store_uuid, profile.model);
    Ok(hash(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(transactions: &[i64], limit: usize, end: (i64, Option<i64>), left: usize) {
        let keys = 1_i64..;
        let mut found: Vec<_> =
            transactions.iter().zip(keys).map(|(it, key)| (*it, key, ())).collect();
        let place = cut(&mut found, limit);
        assert_eq!((place.transaction, place.change, found.len()), (end.0, end.1, left));
    }

    #[test]
    fn a_page_ends_between_transactions_where_it_can() {
        check(&[1, 1, 2, 2], 2, (1, None), 2);
        check(&[1, 1, 2, 2], 3, (1, None), 2);
        check(&[1, 2, 3, 3], 3, (2, None), 2);
        check(&[4, 4, 4], 2, (4, Some(2)), 2);
        check(&[4, 4], 1, (4, Some(1)), 1);
        check(&[1, 2], 1, (1, None), 1);
    }
}
