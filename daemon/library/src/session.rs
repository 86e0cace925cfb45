//! One question's look at a library: an open database, its model, the grant and the deadline.
//!
//! Opens, or takes a connection that is idle, asks, and looks whether what was read is worth
//! something; tries again where something changed in between. It alone decides that a `-wal` is
//! stale, and that an upgrade was broken off. The hazards: a copy whose files are of different
//! times, which SQLite mixes without an error, and a library half converted, which reads as an
//! empty one.

use darkslide_door::LibraryDir;
use darkslide_policy::{Grant, Read};
use rusqlite::types::ValueRef;

use crate::album::Albums;
use crate::bundle::{self, Files, Journal, Store};
use crate::db::{Database, OrStop, Stop, ask_main_file_alone};
use crate::deadline::Deadline;
use crate::error::{Damage, LibraryError};
use crate::idle::{Kept, Known};
use crate::profile::Profile;
use crate::query;
use crate::record::room::Room;
use crate::schema::old::{self, globals};

/// How often a library that changes under us is looked at again.
const MAX_TRIES: u32 = 5;

/// What a question is asked of.
pub(crate) struct Session<'a> {
    pub(crate) dir: &'a LibraryDir,
    pub(crate) grant: &'a Grant<Read>,
    pub(crate) limit: &'a Deadline,
    pub(crate) known: &'a Known,
    pub(crate) database: &'a Database,
    pub(crate) profile: Profile,
    /// What records may gather.
    pub(crate) room: Room,
}

/// Where questions go, and what was found out about it and holds as long as its files are these.
pub(crate) struct Place<'a> {
    pub(crate) dir: &'a LibraryDir,
    pub(crate) grant: &'a Grant<Read>,
    pub(crate) limit: &'a Deadline,
    pub(crate) known: &'a Known,
}

impl Session<'_> {
    /// A grant names albums as its policy does; the conditions need their row numbers.
    fn look_for_shown_albums(&mut self) -> Result<(), Stop> {
        if let Some(names) = self.grant.covers().albums() {
            let albums = self.database.snapshot(|| Albums::read(self))?;
            self.profile.shown_albums = Some(albums.named(names));
        }
        Ok(())
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
        let (database, profile) = self.open(store, guarded)?;
        let mut session = Session {
            dir: self.dir,
            grant: self.grant,
            limit: self.limit,
            known: self.known,
            database: &database,
            profile,
            room: Room::default(),
        };
        let answer = session.look_for_shown_albums().and_then(|()| work(&session));
        let mut profile = session.profile;
        // A writer may have been at work in spite of the way that we came: then neither answer nor
        // error counts.
        database.still_valid(self.dir, self.grant, store)?;
        if answer.is_ok() {
            // Which albums are shown is the grant's matter; the next question may have another.
            profile.shown_albums = None;
            self.known.put(store, Kept { database, profile: Some(profile) });
        }
        answer
    }

    /// An idle connection if one fits, else a new one.
    fn open(&self, store: Store, guarded: bool) -> Result<(Database, Profile), Stop> {
        while let Some(Kept { mut database, profile }) = self.known.take(store) {
            if let Some(profile) = profile.filter(|profile| profile.guarded == guarded)
                && database.renew(self.dir, self.grant, store, self.limit)?
            {
                return Ok((database, profile));
            }
        }
        let database = match Database::open(self.dir, self.grant, store, self.limit) {
            Err(Stop::Error(LibraryError::Damaged(damage))) if store != Store::Old => {
                return Err(self.or_broken_off(damage));
            }
            opened => opened?,
        };
        // Where what was found is an error, it counts only if nobody wrote meanwhile.
        let found = match store {
            Store::Old => look_at_old(&database, guarded),
            _ => self.look(&database, guarded),
        };
        match found {
            Ok(profile) => Ok((database, profile)),
            Err(stop) => {
                database.still_valid(self.dir, self.grant, store)?;
                Err(stop)
            }
        }
    }

    fn look(&self, database: &Database, guarded: bool) -> Result<Profile, Stop> {
        // In one transaction: it is some thirty statements, each of which would lock and look at
        // the files by itself.
        let found = database.snapshot(|| {
            let profile = Profile::discover(database.connection(), guarded)?;
            let is_empty = !has_rows(database.connection(), profile.asset.name())?;
            Ok((profile, is_empty))
        });
        let (profile, is_empty) = match found {
            Err(Stop::Error(LibraryError::Damaged(damage))) => {
                return Err(self.or_broken_off(damage));
            }
            found => found?,
        };
        self.refuse_a_stale_wal(database, &profile)?;
        if is_empty {
            self.refuse_half_an_upgrade(database, &profile)?;
        }
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
        matches!(version, Ok(Some((version, true))) if version < globals::FIRST_STUB_VERSION)
    }

    /// The version that `photos.db` tells, and whether it has rows of photos.
    fn old_version(&self) -> Result<Option<(i64, bool)>, Stop> {
        let database = Database::open(self.dir, self.grant, Store::Old, self.limit)?;
        let answer = read_old_version(database.connection());
        database.still_valid(self.dir, self.grant, Store::Old)?;
        answer
    }
}

/// The model of a library of Photos 2 to 4; a stub is what remains where the newer database is
/// gone.
fn look_at_old(database: &Database, guarded: bool) -> Result<Profile, Stop> {
    match read_old_version(database.connection())? {
        Some((version, _)) if version < globals::FIRST_STUB_VERSION => {
            Profile::discover_old(database.connection(), guarded, version)
        }
        Some(_) => Err(Damage::DatabaseMissing { name: Store::Current.file_name() }.into()),
        None => Err(Damage::NoTables.into()),
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
    if !is_table(globals::TABLE)? {
        return Ok(None);
    }
    let question = format!(
        "SELECT {value} FROM {table} WHERE {key}=?1 AND octet_length({value})<=20",
        value = globals::VALUE,
        table = globals::TABLE,
        key = globals::KEY,
    );
    let mut statement = connection.prepare(&question).or_stop()?;
    let mut rows = statement.query([globals::LIBRARY_VERSION]).or_stop()?;
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
    let photos = old::version::TABLE.names.first().copied().unwrap_or_default();
    let has_photos = is_table(photos)? && has_rows(connection, photos)?;
    Ok(version.map(|version| (version, has_photos)))
}

fn has_rows(connection: &rusqlite::Connection, table: &str) -> Result<bool, Stop> {
    let question = format!("SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT 1)");
    let count: i64 = connection.query_row(&question, [], |row| row.get(0)).or_stop()?;
    Ok(count > 0)
}
