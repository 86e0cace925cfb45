//! Records: assets as JSON, written from rows straight into the answer.
//!
//! Two halves. What rows tell is written inside the read transaction; what the disk and the
//! databases beside the library tell, after it has ended, for a slow disk must not hold the
//! library's `-wal`. Related rows come in bulk for a whole page. Here alone a field's name meets
//! what is written under it. The hazard: a record of a hundred fields that costs a hundred
//! statements.

mod adjustments;
mod albums;
pub(crate) mod analysis_results;
mod bursts;
mod cloud_metadata;
pub(crate) mod comments;
mod details;
mod files;
mod geometry;
mod people;
pub(crate) mod place;
#[cfg(test)]
mod real_blobs;
pub(crate) mod room;
mod row;
pub(crate) mod search_info;

use std::collections::HashMap;
use std::ops::Range;

use darkslide_protocol::field::{Field, Fields};
use darkslide_protocol::value::Uuid;

use crate::cell::Cells;
use crate::db::Stop;
use crate::json::{self, Object};
use crate::model::{Problem, ProblemKind, RecordList, Records};
use crate::query::{Keys, each_keyed_row, resources, rows};
use crate::schema::{PK, asset};
use crate::session::Session;
use albums::Albums;
use bursts::Bursts;
use comments::{Comments, Names};
use files::Files;
use people::People;
use place::old::OldPlaces;
use row::{Statement, Told};

pub(crate) use comments::COLUMNS as COMMENT_COLUMNS;
pub(crate) use details::EXIF as EXIF_COLUMNS;
pub(crate) use people::{FACE_COLUMNS, PERSON_COLUMNS};
pub(crate) use row::{ASSET_COLUMNS, ATTRIBUTE_COLUMNS};

/// Assets that are read at first, to see how large a record is.
const FIRST_BLOCK: usize = 128;
/// First halves of a page, after which no further assets are read: some two thirds of the records
/// that they become, which are a megabyte then.
const ENOUGH_BYTES: usize = 640 * 1024;
/// What the records of an answer may have together; a frame may have twice as much.
const MAX_RECORDS_BYTES: usize = 4 * 1024 * 1024;

/// Rows of a block that claim to be another's: after so many, only the first is looked for.
const MAX_MORE_ROWS: usize = 1_000;

/// The records of some assets, half written.
pub(crate) struct Drafts<'s> {
    session: &'s Session<'s>,
    fields: Fields,
    /// How many of the row numbers were read.
    read: usize,
    text: Vec<u8>,
    drafts: HashMap<i64, Draft>,
    people: People,
}

/// One of them: where its text is, and what the other half has to know.
struct Draft {
    text: Range<usize>,
    told: Told,
    /// Does more belong to it than fits any answer?
    is_too_long: bool,
}

/// What is read in bulk before the first record of a block is written.
struct Related {
    keywords: HashMap<i64, Vec<String>>,
    albums: Albums,
    bursts: Bursts,
    comments: Comments,
    names: Names,
    places: OldPlaces,
}

impl<'s> Drafts<'s> {
    /// Writes the first halves, in the snapshot that chose the row numbers: of as many as an answer
    /// has room for.
    pub(crate) fn begin(
        session: &'s Session<'s>,
        keys: &[i64],
        fields: Fields,
    ) -> Result<Self, Stop> {
        let mut drafts = Self {
            session,
            fields,
            read: 0,
            text: Vec::new(),
            drafts: HashMap::with_capacity(keys.len().min(FIRST_BLOCK)),
            people: People::new(session),
        };
        let mut most = usize::MAX;
        while drafts.read < keys.len() && drafts.text.len() < ENOUGH_BYTES {
            let room = ENOUGH_BYTES - drafts.text.len();
            let fit = match drafts.text.len() / drafts.read.max(1) {
                0 => FIRST_BLOCK,
                each => (room / each).max(1),
            };
            let block: Vec<i64> =
                keys.iter().skip(drafts.read).take(fit.min(most.max(1))).copied().collect();
            let start = drafts.text.len();
            match drafts.read_block(&block) {
                Err(Stop::TooBig) if session.profile.guarded => {
                    drafts.text.truncate(start);
                    block.iter().for_each(|key| drop(drafts.drafts.remove(key)));
                    most = block.len() / 2;
                    if most == 0 {
                        drafts.read_name_alone(&block)?;
                        drafts.read += 1;
                    }
                }
                done => {
                    done?;
                    drafts.read += block.len();
                    most = most.saturating_mul(2);
                }
            }
        }
        session.room.end();
        Ok(drafts)
    }

    /// Of an asset that has no room, or a value in whose place nothing can be read: in the answer
    /// it has a problem and nothing else.
    fn read_name_alone(&mut self, keys: &[i64]) -> Result<(), Stop> {
        self.session.room.end();
        let profile = &self.session.profile;
        let (keyed, pk) = (Keys::List(keys), PK.name());
        let question = format!(
            "SELECT a.{pk}, {uuid} FROM {table} a WHERE {keys}",
            uuid = profile.read(&profile.asset, "a", asset::UUID),
            table = profile.asset.name(),
            keys = keyed.places(&format!("a.{pk}")),
        );
        each_keyed_row(self.session, &question, keyed, |row| {
            let mut cells = Cells::new(row, &[]);
            let (key, uuid) = (cells.integer(0), cells.lend(1));
            let uuid = uuid.and_then(|uuid| Uuid::parse(&uuid).ok());
            if let Some((key, uuid)) = key.zip(uuid) {
                let (told, start) = (Told::named(uuid), self.text.len());
                self.drafts.insert(key, Draft { text: start..start, told, is_too_long: true });
            }
            Ok(())
        })
    }

    fn read_block(&mut self, keys: &[i64]) -> Result<(), Stop> {
        let (session, fields) = (self.session, self.fields);
        session.room.begin();
        self.people.read(session, Keys::List(keys), fields)?;
        let related = Related::of(session, keys, fields)?;
        let location = session.grant.covers().shows_location();
        let statement = Statement::new(&session.profile, fields, location);
        let keyed = Keys::List(keys);
        let mut more = 0;
        each_keyed_row(session, &statement.sql(keyed), keyed, |row| {
            let Some(key) = Statement::key(row) else { return Ok(()) };
            if self.drafts.contains_key(&key) {
                more += 1;
                return if more > MAX_MORE_ROWS { Err(Stop::TooBig) } else { Ok(()) };
            }
            let start = self.text.len();
            let Some(told) = statement.write(row, &mut self.text) else {
                self.text.truncate(start);
                return Ok(());
            };
            let mut object = Object::resume(&mut self.text);
            related.write(key, &told, fields, &mut object);
            self.people.write(key, fields, &mut object);
            let text = start..self.text.len();
            self.drafts.insert(key, Draft { text, told, is_too_long: false });
            if self.text.len() > json::MAX_BYTES { Err(Stop::TooBig) } else { Ok(()) }
        })?;
        self.read_resources(keys)
    }

    fn read_resources(&mut self, keys: &[i64]) -> Result<(), Stop> {
        if !self.fields.has_any(files::OF_RESOURCES) {
            return Ok(());
        }
        for (key, rows) in resources::rows_of(self.session, Keys::List(keys))? {
            if let Some(draft) = self.drafts.get_mut(&key) {
                draft.told.files.resources = rows;
            }
        }
        if !self.fields.has(Field::Ismissing) {
            return Ok(());
        }
        // Asked only for those whose own rows say that they are not here.
        let is_missing =
            |key: &i64| self.drafts.get(key).is_some_and(|it| it.told.files.is_missing());
        let missing: Vec<i64> = keys.iter().copied().filter(is_missing).collect();
        for key in resources::twins_here(self.session, &missing)? {
            if let Some(draft) = self.drafts.get_mut(&key) {
                draft.told.files.twin_is_here = true;
            }
        }
        Ok(())
    }

    /// Writes the second halves, in the order of the row numbers that it was begun with. Returns
    /// the records, and how many of the row numbers are settled.
    pub(crate) fn finish(self, keys: &[i64]) -> Result<(Records, usize), Stop> {
        let keys = keys.get(..self.read).unwrap_or(keys);
        let drafts = keys.iter().filter_map(|key| self.drafts.get(key));
        let uuids: Vec<_> = drafts.map(|draft| draft.told.files.uuid.clone()).collect();
        let mut files = Files::new(self.session, self.fields, &uuids)?;
        let mut records = RecordList::with_room(self.text.len() * 2);
        let mut settled = 0;
        for key in keys {
            self.session.limit.check()?;
            if let Some(draft) = self.drafts.get(key) {
                let text = self.text.get(draft.text.clone()).unwrap_or_default();
                let fits = !draft.is_too_long
                    && records.push(MAX_RECORDS_BYTES, |out| {
                        out.extend_from_slice(text);
                        let mut object = Object::resume(out);
                        files.write(*key, &draft.told, &self.people, &mut object);
                        object.end();
                    });
                if !fits && !draft.is_too_long && records.count() > 0 {
                    break;
                }
                if !fits {
                    // One that fits no answer at all is told by its name.
                    records.push(usize::MAX, |out| write_too_long(&draft.told, out));
                }
            }
            settled += 1;
        }
        files.finish()?;
        Ok((records.end(), settled))
    }
}

fn write_too_long(told: &Told, out: &mut Vec<u8>) {
    let mut object = Object::begin(out);
    object.text(Field::Uuid.as_str(), Some(told.files.uuid.as_str()));
    let problem = Problem { field: "the record", kind: ProblemKind::TooLong };
    object.text(Field::Problem.as_str(), Some(&problem.to_string()));
    object.end();
}

impl Related {
    fn of(session: &Session<'_>, keys: &[i64], fields: Fields) -> Result<Self, Stop> {
        let keywords = if fields.has(Field::Keywords) {
            rows::keywords_of(session, Keys::List(keys))?
        } else {
            HashMap::new()
        };
        let bursts = Bursts::of(session, Keys::List(keys), fields)?;
        let mut with_bursts = keys.to_vec();
        with_bursts.extend(bursts.keys(fields));
        let albums = Albums::of(session, Keys::List(&with_bursts), fields)?;
        let comments = if fields.has_any(&[Field::Comments, Field::Likes]) {
            Comments::of(session, Keys::List(keys))?
        } else {
            Comments::default()
        };
        // Names are read as a whole: only where somebody is to be named.
        let names = if fields.has(Field::Owner) || albums.has_owners() || !comments.is_empty() {
            Names::of(session)?
        } else {
            Names::default()
        };
        let places = if fields.has(Field::Place) && session.grant.covers().shows_location() {
            OldPlaces::of(session, Keys::List(keys))?
        } else {
            OldPlaces::default()
        };
        Ok(Self { keywords, albums, bursts, comments, names, places })
    }

    fn write(&self, key: i64, told: &Told, fields: Fields, object: &mut Object<'_>) {
        let burst = self.bursts.with_keys_of(key);
        let names = &self.names;
        let mut field = |field: Field, write: &dyn Fn(&mut Vec<u8>)| {
            if fields.has(field) {
                write(object.key(field.as_str()));
            }
        };
        field(Field::Keywords, &|out| write_sorted(self.keywords.get(&key), out));
        field(Field::Albums, &|out| self.albums.write_titles(&[key], out));
        field(Field::AlbumInfo, &|out| self.albums.write_albums(&[key], names, out));
        field(Field::Folders, &|out| self.albums.write_folders(key, out));
        field(Field::ProjectInfo, &|out| self.albums.write_projects(key, names, out));
        field(Field::ImportInfo, &|out| self.albums.write_import(key, out));
        field(Field::BurstPhotos, &|out| self.bursts.write(key, out));
        field(Field::BurstAlbums, &|out| self.albums.write_titles(&burst, out));
        field(Field::BurstAlbumInfo, &|out| self.albums.write_albums(&burst, names, out));
        field(Field::Comments, &|out| self.comments.write_comments(out, key, names));
        field(Field::Likes, &|out| self.comments.write_likes(out, key, names));
        if told.files.is_old() {
            field(Field::Place, &|out| self.places.write(key, out));
        }
        let owner = told.owner.as_deref().and_then(|owner| names.get(owner));
        if fields.has(Field::Owner) {
            object.text(Field::Owner.as_str(), owner);
        }
    }
}

fn write_sorted(texts: Option<&Vec<String>>, out: &mut Vec<u8>) {
    let mut texts: Vec<&str> = texts.into_iter().flatten().map(String::as_str).collect();
    texts.sort_unstable();
    json::texts(out, texts.into_iter());
}
