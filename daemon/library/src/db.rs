//! The one place that opens SQLite: read-only, by the way that `bundle.rs` chose, with everything
//! switched off that a hostile file could use.
//!
//! A connection lives for one call: while it is open Photos can not clean up its `-wal`. SQLite's
//! messages are never passed on. The hazards: a path with `?mode=rwc` in it, a view in the place of
//! a table, one statement that never ends, and the last connection that checkpoints and deletes a
//! `-wal` when it closes.
#![expect(clippy::disallowed_methods, reason = "the reader: the one owner of SQLite connections")]

use std::time::Duration;

use darkslide_door::{DoorErrorKind, LibraryDir};
use darkslide_policy::{Grant, Read};
use rusqlite::config::DbConfig;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::{Connection, OpenFlags, ffi};

use crate::bundle::{self, Files, Journal, Recipe, Store};
use crate::deadline::Deadline;
use crate::error::{Damage, LibraryError};
use crate::functions;
use crate::gate::{Gate, Pass, Way};

/// How often the deadline is asked, in SQLite's own steps.
const STEPS_BETWEEN_QUESTIONS: i32 = 1_000;
/// The largest value and row; real property lists have some 100 kB. One step over a larger value
/// could not be stopped.
const MAX_VALUE_BYTES: i32 = 16 * 1024 * 1024;
/// Pages that SQLite keeps of the library, in KiB. Four times as much saves a tenth of the reads.
const CACHE_KIB: u32 = 1024;
/// The same of a database beside it.
const SIDE_CACHE_KIB: u32 = 256;
/// How long SQLite itself waits for a lock, in each of the tries that a question has. A writer that
/// keeps it for longer keeps it for long: who asks hears of it, and the reader is free again.
const LOCK_WAIT: Duration = Duration::from_millis(50);
/// Statements of a connection that are kept prepared: those of a page of records, and as many more.
const MAX_PREPARED: usize = 40;

/// What stops a read: for good, until the files are looked at again, or until large values are left
/// out.
#[derive(Debug)]
pub(crate) enum Stop {
    /// For good.
    Error(LibraryError),
    /// Something changed; if it goes on like that, this is the error.
    Again(LibraryError),
    /// A value is larger than we take.
    TooBig,
}

impl<E: Into<LibraryError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Stop {
    /// What it means that a statement with a peer's condition in it could not be prepared: it is
    /// too deep, too long, or would have too many steps.
    pub(crate) fn of_asked(error: &rusqlite::Error) -> Self {
        match error.sqlite_error().map(|it| it.extended_code & 0xff) {
            Some(ffi::SQLITE_ERROR | ffi::SQLITE_TOOBIG | ffi::SQLITE_NOMEM) => {
                Self::Error(LibraryError::TooComplex)
            }
            Some(_) | None => Self::of(error),
        }
    }

    /// What SQLite's code means; its message may hold text of the file and is dropped.
    pub(crate) fn of(error: &rusqlite::Error) -> Self {
        let Some(code) = error.sqlite_error().map(|it| it.extended_code) else {
            return Self::Error(LibraryError::Database { code: ffi::SQLITE_MISUSE });
        };
        match code {
            ffi::SQLITE_READONLY_ROLLBACK => Self::Error(LibraryError::NeedsRecovery),
            ffi::SQLITE_READONLY_RECOVERY
            | ffi::SQLITE_READONLY_DIRECTORY
            | ffi::SQLITE_READONLY_CANTLOCK
            | ffi::SQLITE_READONLY_CANTINIT
            | ffi::SQLITE_IOERR_SHORT_READ => Self::Again(LibraryError::Busy),
            _ => match code & 0xff {
                ffi::SQLITE_INTERRUPT => Self::Error(LibraryError::TimedOut),
                ffi::SQLITE_BUSY | ffi::SQLITE_PROTOCOL => Self::Again(LibraryError::Busy),
                ffi::SQLITE_CANTOPEN | ffi::SQLITE_PERM => {
                    Self::Again(LibraryError::Unavailable { source: None })
                }
                ffi::SQLITE_TOOBIG => Self::TooBig,
                ffi::SQLITE_NOTADB => Self::Error(Damage::NotADatabase.into()),
                // Of our own statements, one that does not fit, or may not run, tells of the
                // schema; those of peers go through `of_asked` first.
                ffi::SQLITE_CORRUPT | ffi::SQLITE_ERROR | ffi::SQLITE_AUTH => {
                    Self::Error(Damage::Malformed.into())
                }
                _ => Self::Error(LibraryError::Database { code }),
            },
        }
    }
}

/// Turns SQLite's results into ours at each use.
pub(crate) trait OrStop<T> {
    fn or_stop(self) -> Result<T, Stop>;
}

impl<T> OrStop<T> for rusqlite::Result<T> {
    fn or_stop(self) -> Result<T, Stop> {
        self.map_err(|error| Stop::of(&error))
    }
}

/// A file that was there when it was looked at, and is gone when it is opened, as the `-wal` of a
/// writer that has just ended: there is another state now, to be looked at anew.
fn again_if_gone(stop: Stop) -> Stop {
    match stop {
        Stop::Error(LibraryError::Unavailable { source: Some(error) })
            if error.kind() == DoorErrorKind::NotFound =>
        {
            Stop::Again(LibraryError::Unavailable { source: Some(error) })
        }
        other => other,
    }
}

/// An open database. The connection is closed before the pass goes back: fields are dropped in this
/// order.
pub(crate) struct Database {
    connection: Connection,
    way: Way,
    /// What `schema_version` told when it was opened.
    schema: i64,
    /// Of the question that it is used for.
    limit: Deadline,
    _pass: Pass,
}

impl Database {
    /// Opens one of a bundle's databases.
    pub(crate) fn open(
        dir: &LibraryDir,
        grant: &Grant<Read>,
        store: Store,
        limit: &Deadline,
    ) -> Result<Self, Stop> {
        let first = Files::look(dir, grant, store)?;
        let gate = Gate::of(first.main.identity);
        let entered = gate.enter(
            limit,
            || Files::look(dir, grant, store),
            |files| bundle::classify(dir, grant, store, files),
            |way| connect(dir, grant, store, way.recipe, limit),
        );
        let (connection, way, pass) = entered.map_err(again_if_gone)?;
        let mut database = Self { connection, way, schema: 0, limit: limit.clone(), _pass: pass };
        // In one transaction, for each begins by reading anew what it needs of the schema.
        database.schema = database.snapshot(|| {
            let schema = schema_version(&database.connection)?;
            database.check_place(dir, grant, store)?;
            Ok(schema)
        })?;
        Ok(database)
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(crate) fn journal(&self) -> Journal {
        self.way.journal
    }

    pub(crate) fn files(&self) -> &Files {
        &self.way.files
    }

    /// Makes an idle connection good for another question; false where it is not: its files are
    /// others by now, or the schema is.
    pub(crate) fn renew(
        &mut self,
        dir: &LibraryDir,
        grant: &Grant<Read>,
        store: Store,
        limit: &Deadline,
    ) -> Result<bool, Stop> {
        let now = Files::look(dir, grant, store)?;
        if !self.way.still_fits(&now) || !dir.still_there().map_err(bundle::unavailable)? {
            return Ok(false);
        }
        self.way.files = now;
        self.limit = limit.clone();
        watch(&mut self.connection, limit)?;
        Ok(schema_version(&self.connection)? == self.schema)
    }

    /// Runs `work` in one read transaction: one snapshot of the library.
    pub(crate) fn snapshot<T>(&self, work: impl FnOnce() -> Result<T, Stop>) -> Result<T, Stop> {
        self.connection.execute_batch("BEGIN").or_stop()?;
        let open = self.limit.begin_transaction();
        let done = work();
        drop(open);
        // Also where the work failed: the connection may be used for another slice.
        let ended = self.connection.execute_batch("COMMIT").or_stop();
        let value = done?;
        ended?;
        Ok(value)
    }

    /// For the ways without locks: was anything written while we read? Then what was read is worth
    /// nothing.
    pub(crate) fn still_valid(
        &self,
        dir: &LibraryDir,
        grant: &Grant<Read>,
        store: Store,
    ) -> Result<(), Stop> {
        if !self.way.recipe.needs_guard() {
            return Ok(());
        }
        let now = Files::look(dir, grant, store)?;
        if now.same_content(&self.way.files) {
            Ok(())
        } else {
            Err(Stop::Again(LibraryError::Busy))
        }
    }

    /// SQLite got a path; what it opened has to lie where the handle leads.
    fn check_place(&self, dir: &LibraryDir, grant: &Grant<Read>, store: Store) -> Result<(), Stop> {
        // The schema is read here, so that the file is open and known to be a database.
        let question = "SELECT count(*) FROM (SELECT 1 FROM sqlite_schema LIMIT 1)";
        self.connection.query_row(question, [], |_| Ok(())).or_stop()?;
        let there = dir.still_there().map_err(bundle::unavailable)?;
        let now = Files::look(dir, grant, store)?;
        if there && now.main.identity == self.way.files.main.identity {
            Ok(())
        } else {
            Err(Stop::Again(LibraryError::Busy))
        }
    }
}

/// Reads one number from the main file alone, as if there were no `-wal`; none where that fails,
/// for a writer may be at work.
pub(crate) fn ask_main_file_alone(
    dir: &LibraryDir,
    grant: &Grant<Read>,
    store: Store,
    limit: &Deadline,
    question: &str,
) -> Option<i64> {
    let connection = connect(dir, grant, store, Recipe::MainFileOnly, limit).ok()?;
    connection.query_row(question, [], |row| row.get(0)).ok()
}

fn connect(
    dir: &LibraryDir,
    grant: &Grant<Read>,
    store: Store,
    recipe: Recipe,
    limit: &Deadline,
) -> Result<Connection, Stop> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let path = dir.database_path(grant, &store.path("")?).map_err(bundle::unavailable)?;
    let mut connection =
        Connection::open_with_flags(uri(path.as_str(), recipe), flags).or_stop()?;
    harden(&mut connection, recipe, cache_kib(store), limit)?;
    Ok(connection)
}

/// The path with everything encoded that a URI could misread: a folder called `x?mode=rwc&` must
/// not change how it is opened.
fn uri(path: &str, recipe: Recipe) -> String {
    let mut uri = String::from("file:");
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.') {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri.push_str(match recipe {
        Recipe::Shared => "?mode=ro&readonly_shm=1",
        Recipe::HeapIndex => "?mode=ro&vfs=unix-none",
        Recipe::MainFileOnly => "?mode=ro&immutable=1",
    });
    uri
}

fn cache_kib(store: Store) -> u32 {
    match store {
        Store::Current | Store::Old => CACHE_KIB,
        Store::Search | Store::NewSearch | Store::Analysis | Store::NewAnalysis => SIDE_CACHE_KIB,
    }
}

/// Switches off what we never need. Before the first statement that touches the file.
fn harden(
    connection: &mut Connection,
    recipe: Recipe,
    cache_kib: u32,
    limit: &Deadline,
) -> Result<(), Stop> {
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
        // The last connection would otherwise try to write the `-wal` back and delete it.
        (DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true),
    ] {
        connection.set_db_config(setting, on).or_stop()?;
    }
    for (limit, value) in [
        (Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES),
        // A filter of 256 leaves, each of which looks in nine places.
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 1_000_000),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_VDBE_OP, 250_000),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        connection.set_limit(limit, value).or_stop()?;
    }
    functions::add_to(connection).or_stop()?;
    connection.busy_timeout(LOCK_WAIT).or_stop()?;
    connection.set_prepared_statement_cache_capacity(MAX_PREPARED);
    watch(connection, limit)?;
    // The authorizer is asked for pragmas too; it comes last, and `locking_mode` first, as SQLite
    // wants it.
    if recipe == Recipe::HeapIndex {
        connection.execute_batch("PRAGMA locking_mode=EXCLUSIVE").or_stop()?;
    }
    connection
        .execute_batch(
            "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA mmap_size=0;
             PRAGMA temp_store=MEMORY; PRAGMA query_only=ON;",
        )
        .or_stop()?;
    connection.execute_batch(&format!("PRAGMA cache_size=-{cache_kib}")).or_stop()?;
    connection.authorizer(Some(authorize)).or_stop()
}

/// Ends statements when the time is over.
fn watch(connection: &mut Connection, limit: &Deadline) -> Result<(), Stop> {
    let deadline = limit.clone();
    connection.progress_handler(STEPS_BETWEEN_QUESTIONS, Some(move || deadline.expired())).or_stop()
}

/// Moves with every change of a table or index.
fn schema_version(connection: &Connection) -> Result<i64, Stop> {
    connection.query_row("PRAGMA schema_version", [], |row| row.get(0)).or_stop()
}

/// Reading, and nothing else; the functions are those that our statements use.
fn authorize(context: AuthContext<'_>) -> Authorization {
    let allowed = match context.action {
        AuthAction::Select | AuthAction::Read { .. } | AuthAction::Transaction { .. } => true,
        AuthAction::Pragma { pragma_name, pragma_value: value } => {
            // Told, and never set.
            pragma_name == "table_info" || pragma_name == "schema_version" && value.is_none()
        }
        AuthAction::Function { function_name } if functions::NAMES.contains(&function_name) => true,
        AuthAction::Function { function_name } => matches!(
            function_name,
            "count"
                | "min"
                | "max"
                | "total"
                | "coalesce"
                | "ifnull"
                | "nullif"
                | "iif"
                | "lower"
                | "substr"
                | "glob"
                | "like"
                | "octet_length"
                | "typeof"
        ),
        _ => false,
    };
    if allowed { Authorization::Allow } else { Authorization::Deny }
}

#[cfg(test)]
mod tests {
    use darkslide_fixture::{ManyOptions, Model, many};

    use super::*;
    use crate::testing::Asked;

    #[test]
    fn sqlite_gets_a_path_only_for_a_grant_of_this_library() {
        let built = |name: &str| {
            Asked::named(name, |bundle| {
                many(bundle, Model::Photos11, 2, ManyOptions::default()).unwrap();
            })
        };
        let (one, other) = (built("one"), built("other"));
        let limit = Deadline::never();
        let open =
            |grant| connect(&one.dir, grant, Store::Current, Recipe::Shared, &limit).map(drop);
        assert!(open(&one.grant).is_ok());
        match open(&other.grant) {
            Err(Stop::Error(LibraryError::Unavailable { source: Some(error) })) => {
                assert_eq!(error.kind(), DoorErrorKind::Grant);
            }
            answer => panic!("{answer:?}"),
        }
        let question = "SELECT count(*) FROM sqlite_schema";
        let ask = |grant| ask_main_file_alone(&one.dir, grant, Store::Current, &limit, question);
        assert!(ask(&one.grant).is_some());
        assert_eq!(ask(&other.grant), None);
    }

    #[test]
    fn no_folder_name_changes_how_a_database_is_opened() {
        let uri =
            uri("/x?mode=rwc&vfs=a#b/%41 ü\\.photoslibrary/database/Photos.sqlite", Recipe::Shared);
        assert_eq!(
            uri,
            "file:/x%3Fmode%3Drwc%26vfs%3Da%23b/%2541%20%C3%BC%5C.photoslibrary/database/Photos.sqlite\
             ?mode=ro&readonly_shm=1"
        );
    }
}
