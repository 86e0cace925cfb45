//! Databases that stand beside the library's own: the search index, and what the analysis of the
//! pictures found.
//!
//! They are opened by the same way and with the same settings (`db.rs`), and only where a field or
//! a filter needs them. Nothing about them is an error of the request: one that is missing, empty,
//! damaged, of another shape or changed faster than it can be read has no records, and a word says
//! so. The hazards: content that stands in a `-wal` alone, and a record that never ends.

pub(crate) mod analysis;
pub(crate) mod leo;
pub(crate) mod search;
#[cfg(test)]
mod tests;

use darkslide_protocol::value::Uuid;
use rusqlite::Connection;
use rusqlite::types::Value;

use crate::bundle::{Files, Store};
use crate::db::{Database, Stop};
use crate::error::{Damage, LibraryError};
use crate::idle::Kept;
use crate::profile::bounded;
use crate::query::{filled, places};
use crate::session::Session;
use analysis::Analysis;
use search::Search;

/// All of them.
const ALL: [Store; 4] = [Store::Search, Store::NewSearch, Store::Analysis, Store::NewAnalysis];
/// How often a database that changes under us is looked at again, before it has no records.
const MAX_TRIES: u32 = 3;
/// Assets of one statement: their numbers and identifiers have at most 42 bytes each in it, and
/// SQLite takes statements of 100,000 bytes from us.
const MAX_ASSETS_PER_STATEMENT: usize = 1_000;
/// The most that the records of one statement may have together. A page of 500 real assets has some
/// 200 kB of texts and 600 kB of results; a hundred thousand recognised words do no harm.
const MAX_BYTES: usize = 8 * 1024 * 1024;
/// What each row costs beside its text, so that empty ones have an end too.
const ROW_BYTES: usize = 16;

/// What was found for a set of assets.
#[derive(Debug)]
pub(crate) struct Found<T> {
    pub(crate) records: T,
    /// A word for what could not be read, for the list of what the library lacks.
    pub(crate) lacking: Option<&'static str>,
}

/// Looks whether they can be read, and names those that can not.
///
/// # Errors
/// That the time is over.
pub(crate) fn lacking(session: &Session<'_>) -> Result<Vec<&'static str>, Stop> {
    let found = [Search::of(session, &[])?.lacking, Analysis::of(session, &[])?.lacking];
    Ok(found.into_iter().flatten().collect())
}

/// Runs `work` in a snapshot of one of them; none where that can not be done.
///
/// # Errors
/// That the time is over, and nothing else.
fn ask<T>(
    session: &Session<'_>,
    store: Store,
    work: impl Fn(&Connection) -> Result<Option<T>, Stop>,
) -> Result<Option<T>, Stop> {
    let mut pause = 1;
    for _ in 0..MAX_TRIES {
        session.limit.check()?;
        match ask_once(session, store, &work) {
            Ok(answer) => return Ok(answer),
            Err(Stop::Error(LibraryError::TimedOut)) => return Err(LibraryError::TimedOut.into()),
            Err(Stop::Error(_) | Stop::TooBig) => return Ok(None),
            Err(Stop::Again(_)) => {
                session.limit.pause(pause)?;
                pause *= 2;
            }
        }
    }
    Ok(None)
}

fn ask_once<T>(
    session: &Session<'_>,
    store: Store,
    work: impl Fn(&Connection) -> Result<Option<T>, Stop>,
) -> Result<Option<T>, Stop> {
    let database = open(session, store)?;
    let answer = database.snapshot(|| work(database.connection()));
    // A writer may have been at work in spite of the way that we came: then neither answer nor
    // error counts.
    database.still_valid(session.dir, session.grant, store)?;
    if answer.is_ok() {
        session.known.put(store, Kept { database, profile: None });
    }
    answer
}

/// An idle connection if one fits, else a new one.
fn open(session: &Session<'_>, store: Store) -> Result<Database, Stop> {
    while let Some(Kept { mut database, .. }) = session.known.take(store) {
        if database.renew(session.dir, session.grant, store, session.limit)? {
            return Ok(database);
        }
    }
    if is_linked(session, store)? {
        return Err(Damage::NotARegularFile { name: store.file_name().to_owned() }.into());
    }
    Database::open(session.dir, session.grant, store, session.limit)
}

/// Has another database a file of this one under another name? Whoever closes it drops the locks on
/// the other, and whoever waits for the other to be closed waits for himself.
fn is_linked(session: &Session<'_>, store: Store) -> Result<bool, LibraryError> {
    let look = |store| Files::look(session.dir, session.grant, store);
    let files = look(store)?;
    let mut others = ALL.into_iter().filter(|other| *other != store).filter_map(|it| look(it).ok());
    let is_the_librarys = files.share_one_with(session.database.files());
    Ok(is_the_librarys || others.any(|other| files.share_one_with(&other)))
}

/// How large a database's main file is; none where there is none.
fn size(session: &Session<'_>, store: Store) -> Result<Option<u64>, Stop> {
    let facts = session.dir.stat(session.grant, &store.path("")?);
    // What can not be looked at can not be opened either, and is then lacking.
    Ok(facts.ok().flatten().map(|facts| facts.size))
}

/// What the records of one statement may still have.
struct Budget {
    left: usize,
}

impl Budget {
    fn new() -> Self {
        Self { left: MAX_BYTES }
    }

    /// Takes a row of so many bytes.
    fn take(&mut self, bytes: usize) -> Result<(), Stop> {
        let left = self.left.checked_sub(bytes.saturating_add(ROW_BYTES));
        self.left = left.ok_or(Damage::Malformed)?;
        Ok(())
    }
}

/// Texts for the places of so many.
fn filled_texts<'t>(texts: impl ExactSizeIterator<Item = &'t String>) -> Vec<Value> {
    filled(texts.map(|text| Value::Text(text.clone())))
}

/// A text of a statement's answer; none where the cell holds something else.
fn text_of<'a>(row: &'a rusqlite::Row<'_>, at: usize) -> Option<&'a str> {
    row.get_ref(at).ok()?.as_str().ok()
}

/// The assets of a question, by a key that the database knows.
type Wanted<'a, K> = std::collections::HashMap<K, &'a Uuid>;
