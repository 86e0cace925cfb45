//! One question's look at a library: an open database, its model, the grant and the deadline.
//!
//! Opens, asks, closes, and looks whether what was read is worth something; tries again where
//! something changed in between. It alone decides that a `-wal` is stale, and that an upgrade was
//! broken off. The hazards: a copy whose files are of different times, which SQLite mixes without
//! an error, and a library half converted, which reads as an empty one.

use std::sync::{Mutex, MutexGuard, PoisonError};

use darkslide_door::LibraryDir;
use darkslide_policy::{Grant, Read};
use rusqlite::types::ValueRef;

use crate::bundle::{self, FileMark, Files, Journal, Store};
use crate::db::{Database, OrStop, Stop, ask_main_file_alone};
use crate::deadline::Deadline;
use crate::error::{Damage, LibraryError, Unsupported};
use crate::profile::Profile;
use crate::query;
use crate::schema::old;

/// How often a library that changes under us is looked at again.
const MAX_TRIES: u32 = 5;

/// What a question is asked of.
pub(crate) struct Session<'a> {
    pub(crate) dir: &'a LibraryDir,
    pub(crate) grant: &'a Grant<Read>,
    pub(crate) limit: &'a Deadline,
    pub(crate) database: &'a Database,
    pub(crate) profile: Profile,
}

/// Where questions go, and what was found out about it and holds as long as its files are these.
pub(crate) struct Place<'a> {
    pub(crate) dir: &'a LibraryDir,
    pub(crate) grant: &'a Grant<Read>,
    pub(crate) limit: &'a Deadline,
    pub(crate) known: &'a Known,
}

/// What need not be found out again.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The main file and the `-wal` that were seen to belong together.
    fresh_wal: Mutex<Option<(FileMark, FileMark)>>,
}

impl Known {
    /// Only for taking or putting a value: nothing is opened while this is held.
    fn fresh_wal(&self) -> MutexGuard<'_, Option<(FileMark, FileMark)>> {
        self.fresh_wal.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    /// Opens, runs `work`, closes; again, if something changed meanwhile.
    pub(crate) fn ask<T>(
        &self,
        work: impl Fn(&Session<'_>) -> Result<T, Stop>,
    ) -> Result<T, LibraryError> {
        let mut guarded = false;
        let mut pause = 1;
        let mut tries = 0;
        loop {
            self.limit.check()?;
            match self.ask_once(guarded, &work) {
                Ok(value) => return Ok(value),
                Err(Stop::Error(error)) => return Err(error),
                Err(Stop::TooBig) if guarded => return Err(Damage::Malformed.into()),
                Err(Stop::TooBig) => guarded = true,
                Err(Stop::Again(error)) => {
                    tries += 1;
                    if tries == MAX_TRIES {
                        return Err(error);
                    }
                    self.limit.pause(pause)?;
                    pause *= 2;
                }
            }
        }
    }

    fn ask_once<T>(
        &self,
        guarded: bool,
        work: impl Fn(&Session<'_>) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let store = bundle::find_store(self.dir, self.grant)?;
        if store == Store::Old {
            return Err(self.old_library());
        }
        let database = match Database::open(self.dir, self.grant, store, self.limit) {
            Err(Stop::Error(LibraryError::Damaged(damage))) => {
                return Err(self.or_broken_off(damage));
            }
            opened => opened?,
        };
        let answer = self.look(&database, guarded).and_then(|profile| {
            work(&Session {
                dir: self.dir,
                grant: self.grant,
                limit: self.limit,
                database: &database,
                profile,
            })
        });
        // A writer may have been at work in spite of the way that we came: then neither answer nor
        // error counts.
        database.still_valid(self.dir, self.grant, store)?;
        answer
    }

    fn look(&self, database: &Database, guarded: bool) -> Result<Profile, Stop> {
        let profile = match Profile::discover(database.connection(), guarded) {
            Err(Stop::Error(LibraryError::Damaged(damage))) => {
                return Err(self.or_broken_off(damage));
            }
            found => found?,
        };
        self.refuse_a_stale_wal(database, &profile)?;
        self.refuse_half_an_upgrade(database, &profile)?;
        Ok(profile)
    }

    /// The main file alone can not know of a newer change than the whole; if it does, the `-wal` is
    /// of an older copy.
    fn refuse_a_stale_wal(&self, database: &Database, profile: &Profile) -> Result<(), Stop> {
        let Some(wal) = database.files().wal.filter(|_| holds_rows(database.journal())) else {
            return Ok(());
        };
        let mark = (database.files().main, wal);
        let known = *self.known.fresh_wal();
        let is_fresh = known.is_some_and(|(main, wal)| main == mark.0 && wal.same_content(&mark.1));
        if !profile.has_history || is_fresh {
            return Ok(());
        }
        let question = query::question_for_the_newest_change();
        // Twice, for a checkpoint between the two looks would look like it.
        for _ in 0..2 {
            let before = Files::look(self.dir, self.grant, Store::Current)?;
            let alone =
                ask_main_file_alone(self.dir, self.grant, Store::Current, self.limit, &question);
            let whole = query::newest_change(database, profile)?;
            let at_rest = Files::look(self.dir, self.grant, Store::Current)?.same_content(&before);
            if !at_rest {
                return Ok(());
            }
            if alone <= whole {
                *self.known.fresh_wal() = Some(mark);
                return Ok(());
            }
        }
        Err(Damage::StaleWal.into())
    }

    /// A library without a single row: is it new, or did Photos stop before it copied the rows?
    fn refuse_half_an_upgrade(&self, database: &Database, profile: &Profile) -> Result<(), Stop> {
        if has_rows(database.connection(), profile.asset.name())? {
            return Ok(());
        }
        if self.has_old_photos() {
            return Err(Damage::UpgradeBrokenOff.into());
        }
        let changes = query::newest_change(database, profile)?;
        // Photos writes the model's number last; a new library has it, and changes, before its
        // first photo.
        if profile.model.is_none() && changes.is_none() {
            return Err(Damage::UpgradeBrokenOff.into());
        }
        Ok(())
    }

    /// What is wrong with the database, or that Photos was about to fill it.
    fn or_broken_off(&self, damage: Damage) -> Stop {
        match damage {
            Damage::NotADatabase | Damage::NoTables if self.has_old_photos() => {
                Damage::UpgradeBrokenOff.into()
            }
            other => other.into(),
        }
    }

    /// Does the database of Photos 2 to 4 still hold the photos?
    fn has_old_photos(&self) -> bool {
        let version = self.old_version();
        matches!(version, Ok(Some((version, true))) if version < old::FIRST_STUB_VERSION)
    }

    /// Why a bundle without `Photos.sqlite` is not read.
    fn old_library(&self) -> Stop {
        match self.old_version() {
            Ok(Some((version, _))) if version < old::FIRST_STUB_VERSION => Unsupported::Photos {
                photos: match version {
                    ..3_000 => 2,
                    3_000..4_000 => 3,
                    _ => 4,
                },
                library_version: version,
            }
            .into(),
            Ok(Some(_)) => Damage::DatabaseMissing { name: Store::Current.file_name() }.into(),
            Ok(None) => Damage::NoTables.into(),
            Err(stop) => stop,
        }
    }

    /// The version that `photos.db` tells, and whether it has rows of photos.
    fn old_version(&self) -> Result<Option<(i64, bool)>, Stop> {
        let database = Database::open(self.dir, self.grant, Store::Old, self.limit)?;
        let answer = read_old_version(database.connection());
        database.still_valid(self.dir, self.grant, Store::Old)?;
        answer
    }
}

fn holds_rows(journal: Journal) -> bool {
    match journal {
        Journal::Wal | Journal::WalWithoutIndex => true,
        Journal::Rollback | Journal::WalEmpty | Journal::WalDamaged | Journal::WalMissing => false,
    }
}

fn read_old_version(connection: &rusqlite::Connection) -> Result<Option<(i64, bool)>, Stop> {
    let is_table = |name: &str| -> Result<bool, Stop> {
        let question =
            "SELECT count(*) FROM sqlite_schema WHERE type='table' AND rootpage>0 AND name=?1";
        let count: i64 = connection.query_row(question, [name], |row| row.get(0)).or_stop()?;
        Ok(count > 0)
    };
    if !is_table(old::GLOBALS)? {
        return Ok(None);
    }
    let question = format!(
        "SELECT {value} FROM {table} WHERE {key}=?1 AND octet_length({value})<=20",
        value = old::VALUE,
        table = old::GLOBALS,
        key = old::KEY,
    );
    let mut statement = connection.prepare(&question).or_stop()?;
    let mut rows = statement.query([old::LIBRARY_VERSION]).or_stop()?;
    let Some(row) = rows.next().or_stop()? else {
        return Ok(None);
    };
    let version = match row.get_ref(0).or_stop()? {
        ValueRef::Integer(version) => Some(version),
        ValueRef::Text(text) => {
            std::str::from_utf8(text).ok().and_then(|it| it.trim().parse().ok())
        }
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Blob(_) => None,
    };
    let has_photos = is_table(old::VERSIONS)? && has_rows(connection, old::VERSIONS)?;
    Ok(version.map(|version| (version, has_photos)))
}

fn has_rows(connection: &rusqlite::Connection, table: &str) -> Result<bool, Stop> {
    let question = format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1)");
    let count: i64 = connection.query_row(&question, [], |row| row.get(0)).or_stop()?;
    Ok(count > 0)
}
