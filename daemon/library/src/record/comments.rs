//! What people said about the photos of a page in shared albums, who liked them, and what people
//! are called.
//!
//! Comments are looked up twice, by the asset that they are on and by the asset that they like, for
//! no index serves both at once. A person is a hash; names are few, and are read as a whole where a
//! page needs one. Of several names of a person the last by first, last and full name counts.

use std::collections::HashMap;

use rusqlite::types::ValueRef;

use super::place::Archive;
use crate::cell::{Cells, MAX_TEXT_BYTES, columns, nfc};
use crate::date::Date;
use crate::db::Stop;
use crate::json::{self, Array, Object};
use crate::plist::MAX_PLIST_BYTES;
use crate::profile::{Table, bounded};
use crate::query::{Keys, each_keyed_row, each_row};
use crate::schema::sharing::{comment, invitation, owner, participant};
use crate::schema::{Column, PK};
use crate::session::Session;

/// People of all shared albums together; more are left without a name. Families and clubs have
/// some hundred.
const MAX_PEOPLE: usize = 20_000;
/// Comments and likes of a page; more are left out. A shared album takes some thousand in all.
const MAX_COMMENTS: usize = 20_000;

columns! {
    /// What is read of a comment.
    C {
        Key = PK,
        IsLike = comment::IS_LIKE,
        IsMine = comment::IS_MINE,
        Date = comment::DATE,
        Person = comment::PERSON,
        Text = comment::TEXT,
    }
}

/// What a library can lack.
pub(crate) const COLUMNS: &[Column] = C::LIST;

/// Comments and likes of the assets of a page.
#[derive(Debug, Default)]
pub(crate) struct Comments {
    by_asset: HashMap<i64, Vec<Comment>>,
}

#[derive(Debug)]
struct Comment {
    key: i64,
    is_like: bool,
    is_mine: bool,
    date: Option<Date>,
    person: Option<String>,
    text: Option<String>,
}

impl Comments {
    /// Reads those of assets, by their row numbers.
    pub(crate) fn of(session: &Session<'_>, keys: Keys<'_>) -> Result<Self, Stop> {
        let mut comments = Self::default();
        let Some(table) = &session.profile.comments else {
            return Ok(comments);
        };
        let mut left = MAX_COMMENTS;
        for asset in [comment::COMMENTED, comment::LIKED] {
            let question = question(session, table, asset, keys);
            each_keyed_row(session, &question, keys, |row| {
                let mut cells = Cells::new(row, C::LIST);
                if let (Some(asset), Some(comment)) =
                    (row.get(C::LIST.len()).ok(), Comment::of(&mut cells))
                    && left > 0
                {
                    let texts = [&comment.person, &comment.text];
                    session.room.take(&texts.map(Option::as_deref))?;
                    left -= 1;
                    comments.by_asset.entry(asset).or_default().push(comment);
                }
                Ok(())
            })?;
        }
        for list in comments.by_asset.values_mut() {
            list.sort_by_key(|comment| (comment.date, comment.key));
            // On an asset and liking the same one is still one.
            list.dedup_by_key(|comment| comment.key);
        }
        Ok(comments)
    }

    /// Is there none, so that no name is needed?
    pub(crate) fn is_empty(&self) -> bool {
        self.by_asset.is_empty()
    }

    /// Writes the comments on an asset, the oldest first.
    pub(crate) fn write_comments(&self, out: &mut Vec<u8>, asset: i64, names: &Names) {
        self.write(out, asset, names, false);
    }

    /// Writes who liked an asset, the earliest first.
    pub(crate) fn write_likes(&self, out: &mut Vec<u8>, asset: i64, names: &Names) {
        self.write(out, asset, names, true);
    }

    fn write(&self, out: &mut Vec<u8>, asset: i64, names: &Names, likes: bool) {
        let all = self.by_asset.get(&asset).map(Vec::as_slice).unwrap_or_default();
        let mut list = Array::begin(out);
        for comment in all.iter().filter(|comment| comment.is_like == likes) {
            // One without a text is none.
            let text = comment.text.as_deref().filter(|text| !text.is_empty());
            if !likes && text.is_none() {
                continue;
            }
            if list.is_full() {
                break;
            }
            let mut object = Object::begin(list.next());
            json::or_null(object.key("datetime"), comment.date, json::date);
            object.text("user", comment.person.as_deref().and_then(|it| names.get(it)));
            object.flag("ismine", comment.is_mine);
            if !likes {
                object.text("text", text);
            }
            object.end();
        }
        list.end();
    }
}

impl Comment {
    fn of(cells: &mut Cells<'_>) -> Option<Self> {
        Some(Self {
            key: cells.integer(C::Key.at())?,
            is_like: cells.flag(C::IsLike.at()),
            is_mine: cells.flag(C::IsMine.at()),
            date: cells.real(C::Date.at()).and_then(Date::utc),
            person: cells.text(C::Person.at()),
            text: cells.text(C::Text.at()),
        })
    }
}

fn question(session: &Session<'_>, table: &Table, asset: Column, keys: Keys<'_>) -> String {
    format!(
        "SELECT {list}, c.{asset} FROM {comments} c WHERE {keys}",
        list = session.profile.list(table, "c", C::LIST),
        asset = asset.name(),
        comments = table.name(),
        keys = keys.places(&format!("c.{}", asset.name())),
    )
}

/// What people of shared albums are called.
#[derive(Debug, Default)]
pub(crate) struct Names {
    by_person: HashMap<String, Name>,
}

/// First, last and full name, as they are compared.
type Name = (Option<String>, Option<String>, Option<String>);

impl Names {
    /// Reads all.
    pub(crate) fn of(session: &Session<'_>) -> Result<Self, Stop> {
        let mut names = Self::default();
        let profile = &session.profile;
        if let Some(table) = &profile.invitations {
            use invitation::{FIRST_NAME, FULL_NAME, LAST_NAME, PERSON};
            names.read(session, table, [PERSON, FIRST_NAME, LAST_NAME, FULL_NAME])?;
        }
        {
            use owner::{FIRST_NAME, FULL_NAME, LAST_NAME, PERSON};
            names.read(session, &profile.album, [PERSON, FIRST_NAME, LAST_NAME, FULL_NAME])?;
        }
        if let Some(table) = &profile.participants {
            names.read_participants(session, table)?;
        }
        Ok(names)
    }

    /// The full name of a person; none where nobody tells it.
    pub(crate) fn get(&self, hash: &str) -> Option<&str> {
        self.by_person.get(hash)?.2.as_deref()
    }

    fn read(
        &mut self,
        session: &Session<'_>,
        table: &Table,
        columns: [Column; 4],
    ) -> Result<(), Stop> {
        let Some(person) = table.column(columns[0]) else {
            return Ok(());
        };
        let question = format!(
            "SELECT DISTINCT {} FROM {} p WHERE p.{person}>''",
            session.profile.list(table, "p", &columns),
            table.name(),
        );
        each_row(session, &question, &[], |row| {
            let mut cells = Cells::new(row, &[]);
            let Some(person) = cells.text(0).filter(|it| !it.is_empty()) else {
                return Ok(());
            };
            let name = (cells.text(1), cells.text(2), cells.text(3));
            let has_name = name.0.is_some() || name.1.is_some();
            let is_last = self.by_person.get(&person).is_none_or(|before| *before < name);
            if has_name && is_last && self.by_person.len() < MAX_PEOPLE {
                let texts = [&name.0, &name.1, &name.2];
                session.room.take(&[Some(&person)])?;
                session.room.take(&texts.map(Option::as_deref))?;
                self.by_person.insert(person, name);
            }
            Ok(())
        })
    }

    /// Only those whom nobody named yet.
    fn read_participants(&mut self, session: &Session<'_>, table: &Table) -> Result<(), Stop> {
        let name = bounded(&format!("p.{}", participant::NAME.name()), MAX_PLIST_BYTES);
        let question = format!(
            "SELECT p.{person}, {name} FROM {participants} p WHERE p.{person}>'' ORDER BY p.{pk}",
            person = participant::PERSON.name(),
            participants = table.name(),
            pk = PK.name(),
        );
        each_row(session, &question, &[], |row| {
            let mut cells = Cells::new(row, &[]);
            let (Some(person), ValueRef::Blob(blob)) = (cells.text(0), cells.raw(1)) else {
                return Ok(());
            };
            if self.by_person.len() < MAX_PEOPLE
                && !self.by_person.contains_key(&person)
                && let Some(name) = archived_name(blob)
            {
                session.room.take(&[Some(&person), Some(&name)])?;
                self.by_person.insert(person, (None, None, Some(name)));
            }
            Ok(())
        })
    }
}

/// Given and family name of an archive of parts of a name.
fn archived_name(blob: &[u8]) -> Option<String> {
    let archive = Archive::open(blob)?;
    let parts = archive.get(archive.root()?, participant::PARTS)?;
    let part = |key| archive.get(parts, key).and_then(|part| part.text());
    let parts = [part(participant::GIVEN_NAME), part(participant::FAMILY_NAME)];
    let parts: Vec<String> = parts
        .iter()
        .flatten()
        .filter(|part| !part.is_empty() && part.len() <= MAX_TEXT_BYTES)
        .map(|part| nfc(part))
        .collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

    use std::path::Path;

    use darkslide_fixture::{ManyOptions, Model, many};
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::plist::Value;
    use crate::plist::sample::{binary, map, text};
    use crate::testing::Asked;

    const TABLES: &str = "
        DROP TABLE IF EXISTS ZCLOUDSHAREDCOMMENT;
        DROP TABLE IF EXISTS ZCLOUDSHAREDALBUMINVITATIONRECORD;
        DROP TABLE IF EXISTS ZSHAREPARTICIPANT;
        CREATE TABLE ZCLOUDSHAREDCOMMENT(Z_PK INTEGER PRIMARY KEY, ZISLIKE INTEGER,
            ZISMYCOMMENT INTEGER, ZCOMMENTEDASSET INTEGER, ZLIKEDASSET INTEGER,
            ZCOMMENTDATE TIMESTAMP, ZCOMMENTTEXT VARCHAR, ZCOMMENTERHASHEDPERSONID VARCHAR);
        CREATE INDEX BY_COMMENTED ON ZCLOUDSHAREDCOMMENT(ZCOMMENTEDASSET);
        CREATE INDEX BY_LIKED ON ZCLOUDSHAREDCOMMENT(ZLIKEDASSET);
        CREATE TABLE ZCLOUDSHAREDALBUMINVITATIONRECORD(Z_PK INTEGER PRIMARY KEY,
            ZINVITEEHASHEDPERSONID VARCHAR, ZINVITEEFIRSTNAME VARCHAR, ZINVITEELASTNAME VARCHAR,
            ZINVITEEFULLNAME VARCHAR);
        CREATE TABLE ZSHAREPARTICIPANT(Z_PK INTEGER PRIMARY KEY, ZHASHEDPERSONID VARCHAR,
            ZNAMECOMPONENTS BLOB);";

    fn asked(rows: &str) -> Asked {
        Asked::new(|bundle: &Path| {
            many(bundle, Model::Photos11, 2, ManyOptions::default()).unwrap();
            let path = bundle.join("database/Photos.sqlite");
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.execute_batch(TABLES).unwrap();
            connection.execute_batch(rows).unwrap();
        })
    }

    /// Comments and likes of an asset.
    fn said(asked: &Asked, asset: i64) -> (Json, Json) {
        let said = asked.ask(|session| {
            let comments = Comments::of(session, Keys::List(&[asset]))?;
            let names = Names::of(session)?;
            let (mut first, mut second) = (Vec::new(), Vec::new());
            comments.write_comments(&mut first, asset, &names);
            comments.write_likes(&mut second, asset, &names);
            Ok((first, second))
        });
        let (comments, likes) = said.unwrap();
        let read = |bytes: &[u8]| serde_json::from_slice(bytes).unwrap();
        (read(&comments), read(&likes))
    }

    fn name(asked: &Asked, person: &str) -> Option<String> {
        asked.ask(|session| Ok(Names::of(session)?.get(person).map(str::to_owned))).unwrap()
    }

    fn archive(given: Value<'static>, family: Value<'static>) -> Vec<u8> {
        let parts = map([("NS.givenName", given), ("NS.familyName", family)]);
        let root = map([("NS.nameComponentsPrivate", Value::Uid(2))]);
        binary(&map([
            ("$objects", Value::Array(vec![text("$null"), root, parts, text("Cafe\u{301}")])),
            ("$top", map([("root", Value::Uid(1))])),
        ]))
    }

    #[test]
    fn comments_are_in_the_order_of_dates_and_one_without_text_is_none() {
        let asked = asked(
            "INSERT INTO ZCLOUDSHAREDCOMMENT VALUES
             (1,0,0,1,NULL,60,'later','a'),(2,0,1,1,NULL,0,'Cafe'||char(769),'b'),
             (3,0,0,1,NULL,30,'',NULL),(4,0,0,1,NULL,30,NULL,NULL),(5,0,0,1,NULL,NULL,'undated','c'),
             (6,1,1,NULL,1,5,'text','a'),(7,1,0,1,1,4,NULL,'a'),(8,0,0,2,NULL,0,'of another','a'),
             (9,0,0,1,NULL,'never',x'00ff','a');
             INSERT INTO ZCLOUDSHAREDALBUMINVITATIONRECORD VALUES(1,'a','Ann','Other','Ann Other');",
        );
        let (comments, likes) = said(&asked, 1);
        let first = "2001-01-01T00:00";
        assert_eq!(
            comments,
            json!([
                {"datetime": null, "user": null, "ismine": false, "text": "undated"},
                {"datetime": format!("{first}:00+00:00"), "user": null, "ismine": true, "text": "Café"},
                {"datetime": "2001-01-01T00:01:00+00:00", "user": "Ann Other", "ismine": false, "text": "later"},
            ])
        );
        assert_eq!(
            likes,
            json!([
                {"datetime": format!("{first}:04+00:00"), "user": "Ann Other", "ismine": false},
                {"datetime": format!("{first}:05+00:00"), "user": "Ann Other", "ismine": true},
            ])
        );
    }

    #[test]
    fn of_several_names_the_last_counts_and_a_participant_only_where_nobody_was_invited() {
        let hex =
            |bytes: Vec<u8>| -> String { bytes.iter().map(|it| format!("{it:02x}")).collect() };
        let blob = hex(archive(Value::Uid(3), Value::Uid(0)));
        let both = hex(archive(text("Ann"), text("Other")));
        let asked = asked(&format!(
            "INSERT INTO ZCLOUDSHAREDALBUMINVITATIONRECORD VALUES
             (1,'a','B',NULL,'B full'),(2,'a','A','Z','A full'),(3,'b',NULL,NULL,'nobody'),
             (4,'','X','X','X'),(5,NULL,'X','X','X'),(6,'d','D',NULL,NULL);
             INSERT INTO ZSHAREPARTICIPANT VALUES
             (1,'a',x'{both}'),(2,'c',x'{blob}'),(3,'e',x'00'),(4,'f',x'{both}'),(5,'f',x'{blob}');"
        ));
        let found = ["a", "b", "c", "d", "e", "f", ""].map(|person| name(&asked, person));
        let expected = [Some("B full"), None, Some("Café"), None, None, Some("Ann Other"), None];
        assert_eq!(found.each_ref().map(Option::as_deref), expected);
    }

    #[test]
    fn more_comments_or_people_than_a_page_takes_are_left_out() {
        let rows = |count: usize| {
            format!(
                "WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<{count})
                 INSERT INTO ZCLOUDSHAREDCOMMENT SELECT i,0,0,1,NULL,i,'x',NULL FROM n"
            )
        };
        for (count, expected) in [
            (MAX_COMMENTS, MAX_COMMENTS),
            (MAX_COMMENTS + 1, MAX_COMMENTS),
            (100_000, MAX_COMMENTS),
        ] {
            let comments = said(&asked(&rows(count)), 1).0;
            assert_eq!(comments.as_array().unwrap().len(), expected);
        }
        let people = |count: usize| {
            asked(&format!(
                "WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<{count})
                 INSERT INTO ZCLOUDSHAREDALBUMINVITATIONRECORD SELECT i,'p'||i,'x','x','x' FROM n"
            ))
        };
        for (count, expected) in
            [(MAX_PEOPLE, MAX_PEOPLE), (MAX_PEOPLE + 1, MAX_PEOPLE), (100_000, MAX_PEOPLE)]
        {
            let found = people(count).ask(|session| Ok(Names::of(session)?.by_person.len()));
            assert_eq!(found.unwrap(), expected);
        }
    }

    #[test]
    fn both_lookups_are_by_an_index() {
        let asked = asked("");
        for (column, index) in [(comment::COMMENTED, "BY_COMMENTED"), (comment::LIKED, "BY_LIKED")]
        {
            let steps = asked.ask(|session| {
                let table = session.profile.comments.as_ref().unwrap();
                let keys = Keys::List(&[1, 2]);
                let question = question(session, table, column, keys);
                let mut steps = Vec::new();
                each_keyed_row(session, &format!("EXPLAIN QUERY PLAN {question}"), keys, |row| {
                    steps.push(row.get::<_, String>(3).unwrap());
                    Ok(())
                })?;
                Ok(steps)
            });
            let steps = steps.unwrap();
            assert!(steps.len() == 1 && steps.concat().contains(index), "{steps:?}");
        }
    }
}
