//! Histories made row by row, as Photos writes them, and what is told of them.
//!
//! Beside them: pages of every size, histories that were purged, restored or renumbered, and what a
//! grant withholds. Real libraries are asked in `tests/reader/changes.rs`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::path::Path;

use darkslide_door::LibraryDir;
use darkslide_fixture::{
    AlbumSpec, AssetKey, AssetSpec, BuiltLibrary, Content, LibraryBuilder, ManyOptions, Model, many,
};
use darkslide_policy::{
    AbsPath, Ask, Gid, Grant, LibraryName, Peer, Platform, Policy, Read, Uid, World,
};
use rusqlite::Connection;

use super::token::Place;
use super::touched::MAX_ENTITIES;
use super::*;
use crate::deadline::Deadline;
use crate::error::LibraryError;
use crate::query::each_row;
use crate::testing::Asked;
use crate::{AlbumKind, Library};

const ALL: &str = "hidden = true\ntrashed = true";
const ASSETS: usize = 6;

fn grant(covers: &str) -> Grant<Read> {
    narrowed(covers, "")
}

/// What the library's table says, and what the client's rule narrows of it.
fn narrowed(covers: &str, to: &str) -> Grant<Read> {
    let text = format!(
        "version = 1\n[library.main]\npath = \"/library\"\n{covers}\n\
         [[client]]\nname = \"me\"\nuid = \"self\"\nlibraries = [\"main\"]\nroots = []\nmethods = [\"*\"]\n{to}\n"
    );
    let home = AbsPath::parse("/home/me", None).unwrap();
    let world = World { home, uid: Uid::new(7), methods: Vec::new(), platform: Platform::Linux };
    let peer = Peer::new(Uid::new(7), Gid::new(7), None);
    let ask = Ask::<Read>::new("change.since", LibraryName::parse("main").unwrap());
    Policy::parse(&text, &world).unwrap().decide(&peer, &ask).unwrap()
}

/// A library of some assets, the first three in the album `A`; the first with the keyword `k`.
struct Made {
    temp: tempfile::TempDir,
    built: BuiltLibrary,
    keys: Vec<AssetKey>,
    library: Library,
    model: Model,
}

fn open(bundle: &Path) -> Library {
    let path = AbsPath::parse(bundle.to_str().unwrap(), None).unwrap();
    Library::new(LibraryDir::open(LibraryName::parse("main").unwrap(), &path).unwrap())
}

fn made(model: Model) -> Made {
    let temp = tempfile::tempdir().unwrap();
    let mut builder = LibraryBuilder::new(model);
    let spec = |index: usize| {
        let spec = AssetSpec::photo(format!("{index}.JPG"), Content::jpeg(1));
        if index == 0 { spec.keyword("k") } else { spec }
    };
    let keys: Vec<AssetKey> = (0..ASSETS).map(|index| builder.asset(spec(index))).collect();
    builder.album(AlbumSpec::new("A").members(keys[..3].iter().copied()));
    builder.album(AlbumSpec::new("B").members(keys[3..4].iter().copied()));
    let built = builder.build(&temp.path().join("S.photoslibrary")).unwrap();
    let library = open(built.path());
    Made { temp, built, keys, library, model }
}

impl Made {
    fn sql(&self, statements: &str) {
        let connection = Connection::open(self.built.database()).unwrap();
        connection.execute_batch(&format!("BEGIN; {statements}; COMMIT;")).unwrap();
    }

    fn number(&self, question: &str) -> i64 {
        let connection = Connection::open(self.built.database()).unwrap();
        connection.query_row(question, [], |row| row.get(0)).unwrap()
    }

    /// One more transaction: kind of change, entity, row; a tombstone may follow.
    fn commit(&self, changes: &[(i64, &str, i64)]) {
        let time = 800_000_000;
        let mut text = format!(
            "INSERT INTO ATRANSACTION (Z_PK, ZTIMESTAMP) SELECT max(Z_PK)+1, {time}+max(Z_PK) FROM ATRANSACTION"
        );
        for (kind, entity, row) in changes {
            text.push_str(&format!(
                ";INSERT INTO ACHANGE (ZCHANGETYPE, ZENTITY, ZENTITYPK, ZTRANSACTIONID) VALUES ({kind},
                 (SELECT Z_ENT FROM Z_PRIMARYKEY WHERE Z_NAME='{entity}'), {row},
                 (SELECT max(Z_PK) FROM ATRANSACTION))"
            ));
        }
        self.sql(&text);
    }

    /// The table that joins albums with assets, and its columns.
    fn join(&self) -> (&'static str, &'static str, &'static str) {
        match self.model {
            Model::Photos5 => ("Z_26ASSETS", "Z_26ALBUMS", "Z_34ASSETS"),
            Model::Photos11 => ("Z_33ASSETS", "Z_33ALBUMS", "Z_3ASSETS"),
        }
    }

    fn uuid(&self, index: usize) -> Uuid {
        Uuid::parse(self.built.asset(self.keys[index]).unwrap().uuid()).unwrap()
    }

    /// The row number.
    fn row(&self, index: usize) -> i64 {
        let table = self.model.asset_table();
        self.number(&format!("SELECT Z_PK FROM {table} WHERE ZUUID='{}'", self.uuid(index)))
    }

    /// Sets something of an asset, or takes its row away, without a word in the history.
    fn set(&self, index: usize, what: &str) {
        let (table, row) = (self.model.asset_table(), self.row(index));
        self.sql(&format!("UPDATE {table} SET {what} WHERE Z_PK={row}"));
    }

    fn remove(&self, index: usize) {
        let (table, row) = (self.model.asset_table(), self.row(index));
        self.sql(&format!("DELETE FROM {table} WHERE Z_PK={row}"));
    }

    fn token(&self, grant: &Grant<Read>) -> Token {
        self.library.change_token(grant, &Deadline::never()).unwrap()
    }

    fn since(&self, grant: &Grant<Read>, token: &Token) -> Changes {
        self.try_since(grant, token, MAX_CHANGES).unwrap()
    }

    fn try_since(
        &self,
        grant: &Grant<Read>,
        token: &Token,
        limit: usize,
    ) -> Result<Changes, LibraryError> {
        self.library.changes(grant, &token.to_string(), limit, &Deadline::never())
    }

    /// Before all history.
    fn beginning(&self, grant: &Grant<Read>) -> Token {
        let place = Place { transaction: 0, change: None };
        Token { place, stamp: 0, ..self.token(grant) }
    }

    fn why(&self, grant: &Grant<Read>, token: &Token) -> Option<Expired> {
        match self.try_since(grant, token, MAX_CHANGES) {
            Ok(_) => None,
            Err(LibraryError::Expired(why)) => Some(why),
            Err(other) => panic!("{other:?}"),
        }
    }
}

fn both(check: impl Fn(&Made)) {
    Model::ALL.into_iter().for_each(|model| check(&made(model)));
}

/// What is told of assets: inserted, updated, deleted, by their index.
fn check(made: &Made, changes: &Changes, expected: [&[usize]; 3]) {
    let uuids = |list: &[usize]| {
        let mut uuids: Vec<Uuid> = list.iter().map(|index| made.uuid(*index)).collect();
        uuids.sort();
        uuids
    };
    let [inserted, updated, deleted] = expected.map(uuids);
    assert_eq!(changes.assets, Told { inserted, updated, deleted });
}

const INSERT: i64 = 0;
const UPDATE: i64 = 1;
const DELETE: i64 = 2;

#[test]
fn from_the_beginning_everything_that_is_there_is_new() {
    both(|made| {
        let all = grant(ALL);
        let changes = made.since(&all, &made.beginning(&all));
        check(made, &changes, [&[0, 1, 2, 3, 4, 5], &[], &[]]);
        let listed =
            made.library.albums(&all, AlbumKind::ALL, &[], &Deadline::never()).unwrap().found;
        let mut listed: Vec<Uuid> = listed.into_iter().map(|album| album.uuid).collect();
        listed.sort();
        assert_eq!(changes.albums.inserted, listed);
        assert_eq!((changes.more, changes.unknown_deleted, changes.incomplete), (false, 0, false));
        assert_eq!(changes.next, made.token(&all));
    });
}

#[test]
fn nothing_new_is_an_empty_page_with_the_same_token() {
    both(|made| {
        let all = grant(ALL);
        let token = made.token(&all);
        let changes = made.since(&all, &token);
        check(made, &changes, [&[], &[], &[]]);
        assert_eq!(changes.next, token);
    });
}

#[test]
fn rows_of_other_tables_stand_for_their_asset() {
    both(|made| {
        let all = grant(ALL);
        let token = made.token(&all);
        let attributes = |index: usize| {
            made.number(&format!(
                "SELECT Z_PK FROM ZADDITIONALASSETATTRIBUTES WHERE ZASSET={}",
                made.row(index)
            ))
        };
        made.sql(&format!(
            "INSERT INTO ZASSETDESCRIPTION (Z_PK, ZASSETATTRIBUTES) VALUES (77, {});
             INSERT INTO ZCLOUDSHAREDCOMMENT (Z_PK, ZLIKEDASSET) VALUES (78, {})",
            attributes(2),
            made.row(3)
        ));
        made.commit(&[
            (UPDATE, "AdditionalAssetAttributes", attributes(1)),
            (UPDATE, "AssetDescription", 77),
            (INSERT, "CloudSharedComment", 78),
            (UPDATE, "AdditionalAssetAttributes", 1_000_000),
            (UPDATE, "Moment", 1),
        ]);
        check(made, &made.since(&all, &token), [&[], &[1, 2, 3], &[]]);
    });
}

#[test]
fn inserted_and_deleted_is_nothing_and_deleted_wins_over_updated() {
    both(|made| {
        let all = grant(ALL);
        let token = made.token(&all);
        let (gone, uuid) = (made.row(1), made.uuid(1));
        made.remove(1);
        made.commit(&[(UPDATE, "Asset", gone), (INSERT, "Asset", 500)]);
        made.commit(&[(DELETE, "Asset", gone), (DELETE, "Asset", 500)]);
        let column = if made.model == Model::Photos5 { "ZTOMBSTONE2" } else { "ZTOMBSTONE5" };
        made.sql(&format!(
            "UPDATE ACHANGE SET ZTOMBSTONE0='00000000-0000-4000-8000-000000000001', {column}='{uuid}'
             WHERE ZCHANGETYPE=2 AND ZENTITYPK={gone};
             UPDATE ACHANGE SET {column}='00000000-0000-4000-8000-000000000002'
             WHERE ZCHANGETYPE=2 AND ZENTITYPK=500"
        ));
        let changes = made.since(&all, &token);
        let deleted = vec![uuid];
        assert_eq!(changes.assets, Told { deleted, ..Told::default() });
        assert_eq!(changes.unknown_deleted, 0);
    });
}

#[test]
fn a_uuid_is_the_last_of_a_tombstone_wherever_it_stands_and_none_is_counted() {
    both(|made| {
        let all = grant(ALL);
        let token = made.token(&all);
        let uuid = "0A0A0A0A-0000-4000-8000-00000000000";
        made.commit(&(500..506).map(|row| (DELETE, "Asset", row)).collect::<Vec<_>>());
        made.sql(&format!(
            "UPDATE ACHANGE SET ZTOMBSTONE0='{uuid}0', ZTOMBSTONE1=0, ZTOMBSTONE2='{uuid}1' WHERE ZENTITYPK=500;
             UPDATE ACHANGE SET ZTOMBSTONE0='{uuid}2' WHERE ZENTITYPK=501;
             UPDATE ACHANGE SET ZTOMBSTONE1=CAST('{uuid}3' AS BLOB), ZTOMBSTONE3='deleted by the user' WHERE ZENTITYPK=502;
             UPDATE ACHANGE SET ZTOMBSTONE2='words-of-22-characters' WHERE ZENTITYPK=503;
             UPDATE ACHANGE SET ZTOMBSTONE2=zeroblob(100000) WHERE ZENTITYPK=504"
        ));
        let changes = made.since(&all, &token);
        let expected = ["1", "2", "3"].map(|last| Uuid::parse(&format!("{uuid}{last}")).unwrap());
        assert_eq!(changes.assets.deleted, expected);
        assert_eq!(changes.unknown_deleted, 3);
    });
}

#[test]
fn what_came_back_under_the_same_uuid_is_there() {
    both(|made| {
        let all = grant(ALL);
        let token = made.token(&all);
        made.commit(&[(DELETE, "Asset", 500)]);
        made.sql(&format!("UPDATE ACHANGE SET ZTOMBSTONE1='{}' WHERE ZENTITYPK=500", made.uuid(4)));
        check(made, &made.since(&all, &token), [&[], &[4], &[]]);
    });
}

#[test]
fn a_renamed_keyword_concerns_all_that_have_it_and_a_new_member_only_itself() {
    both(|made| {
        let all = grant(ALL);
        let token = made.token(&all);
        let keyword = made.number("SELECT Z_PK FROM ZKEYWORD WHERE ZTITLE='k'");
        made.commit(&[
            (UPDATE, "Keyword", keyword),
            (UPDATE, "AdditionalAssetAttributes", 1_000_000),
            (UPDATE, "Asset", made.row(5)),
        ]);
        let changes = made.since(&all, &token);
        check(made, &changes, [&[], &[5], &[]]);
        made.commit(&[(UPDATE, "Keyword", keyword)]);
        check(made, &made.since(&all, &changes.next), [&[], &[0], &[]]);
        check(made, &made.since(&all, &token), [&[], &[0, 5], &[]]);
    });
}

#[test]
fn a_changed_person_concerns_all_that_show_it_up_to_a_limit_that_is_told() {
    both(|made| {
        let all = grant(ALL);
        let token = made.token(&all);
        let late = made.model == Model::Photos11;
        let (asset, person) =
            if late { ("ZASSETFORFACE", "ZPERSONFORFACE") } else { ("ZASSET", "ZPERSON") };
        let add = |from: usize, to: usize, row: i64| {
            made.sql(&format!(
                "WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i+1 FROM n WHERE i+1<{to})
                 INSERT INTO ZDETECTEDFACE (Z_PK, {asset}, {person}) SELECT 1000+i, {row}+i, 9 FROM n"
            ));
        };
        add(0, 2, made.row(4) - 1);
        made.commit(&[(UPDATE, "Person", 9)]);
        check(made, &made.since(&all, &token), [&[], &[3, 4], &[]]);
        for (count, incomplete) in
            [(MAX_AFFECTED, false), (MAX_AFFECTED + 1, true), (MAX_AFFECTED * 3, true)]
        {
            made.sql("DELETE FROM ZDETECTEDFACE");
            add(0, count, 100_000);
            assert_eq!(made.since(&all, &token).incomplete, incomplete, "{count}");
        }
    });
}

#[test]
fn entities_are_known_by_the_numbers_of_this_file() {
    both(|made| {
        let all = grant(ALL);
        made.commit(&[(UPDATE, "Asset", made.row(2))]);
        let before = made.since(&all, &made.beginning(&all));
        made.sql(
            "UPDATE ACHANGE SET ZENTITY=ZENTITY+200;
             UPDATE Z_PRIMARYKEY SET Z_ENT=-(Z_ENT+200), Z_SUPER=iif(Z_SUPER=0,0,Z_SUPER+200);
             UPDATE Z_PRIMARYKEY SET Z_ENT=-Z_ENT",
        );
        // The join tables keep their old numbers, which are names.
        let after = made.since(&all, &made.beginning(&all));
        assert_eq!(after.assets, before.assets);
        made.sql("UPDATE Z_PRIMARYKEY SET Z_SUPER=Z_ENT");
        let circle = made.since(&all, &made.beginning(&all));
        assert_eq!(circle.assets, Told::default(), "a circle of parents has no table");
    });
}

#[test]
fn entities_beyond_the_limit_are_unknown() {
    let made = made(Model::Photos11);
    let all = grant(ALL);
    let whole = made.since(&all, &made.beginning(&all)).assets;
    let own = usize::try_from(made.number("SELECT count(*) FROM Z_PRIMARYKEY")).unwrap();
    for (count, told) in [
        (MAX_ENTITIES - own, &whole),
        // One more pushes out the last, which stands for changes themselves.
        (MAX_ENTITIES - own + 1, &whole),
        (MAX_ENTITIES, &Told::default()),
        (MAX_ENTITIES * 100, &Told::default()),
    ] {
        made.sql(&format!(
            "DELETE FROM Z_PRIMARYKEY WHERE Z_ENT<0;
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<{count})
             INSERT INTO Z_PRIMARYKEY (Z_ENT, Z_NAME, Z_SUPER) SELECT -i, 'E', 0 FROM n"
        ));
        assert_eq!(&made.since(&all, &made.beginning(&all)).assets, told, "{count}");
    }
}

#[test]
fn pages_of_every_size_tell_the_same_and_end_between_transactions_where_they_can() {
    both(|made| {
        let all = grant(ALL);
        let rows: Vec<(i64, &str, i64)> =
            (0..20).map(|index| (UPDATE, "Asset", made.row(index % ASSETS))).collect();
        made.commit(&rows);
        made.commit(&[(UPDATE, "Asset", made.row(0))]);
        let changes = usize::try_from(made.number("SELECT count(*) FROM ACHANGE")).unwrap();
        for limit in [1, 2, 3, 7, 19, 20, 21, changes - 1, changes, changes + 1] {
            let (mut token, mut told, mut pages) = (made.beginning(&all), Vec::new(), 0);
            loop {
                let page = made.try_since(&all, &token, limit).unwrap();
                told.extend(page.assets.inserted);
                assert!(page.assets.updated.len() <= limit);
                assert!(page.next != token || !page.more, "every page goes on");
                let place = page.next.place;
                let size = made.number(&format!(
                    "SELECT count(*) FROM ACHANGE WHERE ZTRANSACTIONID={}",
                    place.transaction
                ));
                let is_huge = usize::try_from(size).unwrap() > limit;
                assert!(place.change.is_none() || is_huge, "{place:?} within {limit}");
                (token, pages) = (page.next, pages + 1);
                if !page.more {
                    break;
                }
            }
            told.sort();
            told.dedup();
            assert_eq!(told.len(), ASSETS);
            assert_eq!(token, made.token(&all));
            assert!(pages >= changes / limit && pages <= changes + 1, "{pages} pages of {limit}");
        }
        for limit in [0, MAX_CHANGES, MAX_CHANGES + 1, usize::MAX] {
            assert!(made.try_since(&all, &made.beginning(&all), limit).is_ok(), "{limit}");
        }
    });
}

#[test]
fn a_purged_history_is_told_and_gaps_are_none() {
    both(|made| {
        let all = grant(ALL);
        let old = made.beginning(&all);
        let token = made.token(&all);
        made.commit(&[(UPDATE, "Asset", made.row(1)), (UPDATE, "Asset", made.row(2))]);
        made.commit(&[(UPDATE, "Asset", made.row(3))]);
        let newer = made.token(&all);
        made.commit(&[(UPDATE, "Asset", made.row(4))]);
        let first = token.place.transaction;
        // Purged up to the token, itself included: the next transaction is the first that is known.
        made.sql(&format!(
            "DELETE FROM ACHANGE WHERE ZTRANSACTIONID<={first}; DELETE FROM ATRANSACTION WHERE Z_PK<={first};
             DELETE FROM ACHANGE WHERE ZENTITYPK={}",
            made.row(2)
        ));
        check(made, &made.since(&all, &token), [&[], &[1, 3, 4], &[]]);
        assert_eq!(made.why(&all, &old), Some(Expired::Purged));
        made.sql(&format!("DELETE FROM ATRANSACTION WHERE Z_PK={}", first + 1));
        assert_eq!(made.why(&all, &token), Some(Expired::Purged));
        check(made, &made.since(&all, &newer), [&[], &[4], &[]]);
        made.sql("DELETE FROM ATRANSACTION");
        assert_eq!(made.why(&all, &newer), Some(Expired::Restored));
        let empty = made.token(&all);
        assert_eq!((empty.place.transaction, made.why(&all, &empty)), (0, None));
    });
}

#[test]
fn a_token_of_another_library_state_model_or_grant_has_expired() {
    both(|made| {
        let all = grant(ALL);
        let token = made.token(&all);
        for other in
            ["hidden = true", "trashed = true", "hidden = true\ntrashed = true\nlocation = false"]
        {
            assert_eq!(made.why(&grant(other), &token), Some(Expired::Mismatch), "{other}");
        }
        let mut later = token.clone();
        later.place.transaction += 1;
        assert_eq!(made.why(&all, &later), Some(Expired::Restored));
        // Restored from a backup, and gone on from there.
        made.sql("UPDATE ATRANSACTION SET ZTIMESTAMP=ZTIMESTAMP+1");
        assert_eq!(made.why(&all, &token), Some(Expired::Restored));
        let token = made.token(&all);
        made.sql("UPDATE Z_METADATA SET Z_UUID='0A0A0A0A-0000-4000-8000-000000000001'");
        assert_eq!(made.why(&all, &token), Some(Expired::Mismatch));
        let token = made.token(&all);
        made.sql("UPDATE Z_METADATA SET Z_PLIST=NULL");
        assert_eq!(made.why(&all, &token), Some(Expired::Mismatch));
    });
}

#[test]
fn a_made_up_token_gains_a_place_to_start_and_nothing_else() {
    both(|made| {
        let (all, some) = (grant(ALL), grant(""));
        made.set(1, "ZHIDDEN=1");
        made.set(2, "ZTRASHEDSTATE=1");
        let end = made.token(&some).place.transaction;
        for transaction in [i64::MIN, -1, 0, 1, end, i64::MAX] {
            for change in [None, Some(i64::MIN), Some(0), Some(i64::MAX)] {
                let place = Place { transaction, change };
                for token in [made.token(&some), made.token(&all)] {
                    let stamp = if transaction == 0 { 0 } else { token.stamp };
                    let token = Token { place, stamp, ..token };
                    if let Ok(changes) = made.try_since(&some, &token, MAX_CHANGES) {
                        let told = changes.assets;
                        let all = [told.inserted, told.updated].concat();
                        assert!(!all.contains(&made.uuid(1)) && !all.contains(&made.uuid(2)));
                    }
                }
            }
        }
        for text in ["", "x", "1.2.3.4.5", &"9".repeat(1_000_000)] {
            let answer = made.library.changes(&all, text, 1, &Deadline::never());
            assert!(matches!(answer, Err(LibraryError::Expired(Expired::Malformed))));
        }
    });
}

#[test]
fn what_a_grant_no_longer_shows_is_told_as_deleted_and_nothing_else_of_it() {
    for (column, covers) in [("ZTRASHEDSTATE", "hidden = true"), ("ZHIDDEN", "trashed = true")] {
        both(|made| {
            let (all, some) = (grant(ALL), grant(covers));
            let (whole, token) = (made.token(&all), made.token(&some));
            made.set(1, &format!("{column}=1"));
            made.commit(&[(UPDATE, "Asset", made.row(1)), (UPDATE, "Asset", made.row(2))]);
            check(made, &made.since(&some, &token), [&[], &[2], &[1]]);
            check(made, &made.since(&all, &whole), [&[], &[1, 2], &[]]);
            // A row of another table says nothing of where the asset went.
            let token = made.token(&some);
            let row = made.number(&format!(
                "SELECT Z_PK FROM ZADDITIONALASSETATTRIBUTES WHERE ZASSET={}",
                made.row(1)
            ));
            made.commit(&[(UPDATE, "AdditionalAssetAttributes", row)]);
            check(made, &made.since(&some, &token), [&[], &[], &[]]);
            // What came and was withheld at once was never there.
            made.commit(&[(INSERT, "Asset", made.row(1)), (UPDATE, "Asset", made.row(1))]);
            check(made, &made.since(&some, &token), [&[], &[], &[]]);
            check(made, &made.since(&some, &made.beginning(&some)), [&[0, 2, 3, 4, 5], &[], &[]]);
            // And when it comes back it is there.
            let token = made.token(&some);
            made.set(1, &format!("{column}=0"));
            made.commit(&[(UPDATE, "Asset", made.row(1))]);
            check(made, &made.since(&some, &token), [&[], &[1], &[]]);
        });
    }
}

#[test]
fn albums_are_told_as_they_are_listed() {
    both(|made| {
        let all = grant(ALL);
        let token = made.token(&all);
        let album = |title: &str| {
            made.number(&format!("SELECT Z_PK FROM ZGENERICALBUM WHERE ZTITLE='{title}'"))
        };
        let uuid = |row: i64| {
            let connection = Connection::open(made.built.database()).unwrap();
            let question = format!("SELECT ZUUID FROM ZGENERICALBUM WHERE Z_PK={row}");
            let text: String = connection.query_row(&question, [], |row| row.get(0)).unwrap();
            Uuid::parse(&text).unwrap()
        };
        let (a, b) = (album("A"), album("B"));
        let root = made.number("SELECT Z_PK FROM ZGENERICALBUM WHERE ZKIND=3999");
        made.sql(&format!("UPDATE ZGENERICALBUM SET ZTRASHEDSTATE=1 WHERE Z_PK={b}"));
        made.commit(&[(UPDATE, "Album", a), (UPDATE, "Album", b), (UPDATE, "Folder", root)]);
        let changes = made.since(&all, &token);
        assert_eq!(
            (&changes.albums.updated, &changes.albums.deleted),
            (&vec![uuid(a)], &vec![uuid(b)])
        );
        assert_eq!(changes.albums.inserted, Vec::new());
        let gone = uuid(b);
        made.sql(&format!("DELETE FROM ZGENERICALBUM WHERE Z_PK={b}"));
        made.commit(&[(DELETE, "Album", b), (INSERT, "Album", 900), (DELETE, "Album", 900)]);
        made.sql(&format!(
            "UPDATE ACHANGE SET ZTOMBSTONE2='{gone}' WHERE ZCHANGETYPE=2 AND ZENTITYPK={b}"
        ));
        let changes = made.since(&all, &changes.next);
        assert_eq!(changes.albums, Told { deleted: vec![gone], ..Told::default() });
        assert_eq!(changes.assets, Told::default());
    });
}

#[test]
fn a_grant_of_some_albums_tells_what_left_them_and_nothing_of_the_rest() {
    both(|made| {
        let some = narrowed(ALL, "albums = [\"A\"]");
        let start = made.since(&some, &made.beginning(&some));
        check(made, &start, [&[0, 1, 2], &[], &[]]);
        let a = made.number("SELECT Z_PK FROM ZGENERICALBUM WHERE ZTITLE='A'");
        let b = made.number("SELECT Z_PK FROM ZGENERICALBUM WHERE ZTITLE='B'");
        let join = made.join();
        let drop_from = |album: i64, index: usize| {
            let (table, left, right) = &join;
            let row = made.row(index);
            made.sql(&format!("DELETE FROM {table} WHERE {left}={album} AND {right}={row}"));
        };
        let (mut token, rows) = (start.next, [0, 1, 2, 3, 4, 5].map(|index| made.row(index)));
        // Of others: not that they changed, nor that they or their albums went.
        made.remove(4);
        drop_from(b, 3);
        made.commit(&[
            (UPDATE, "Asset", rows[3]),
            (UPDATE, "Asset", rows[5]),
            (UPDATE, "Album", b),
        ]);
        made.commit(&[(DELETE, "Asset", rows[4]), (DELETE, "Album", 900)]);
        made.sql("UPDATE ACHANGE SET ZTOMBSTONE2='0A0A0A0A-0000-4000-8000-000000000001' WHERE ZENTITYPK=900");
        let changes = made.since(&some, &token);
        assert_eq!((&changes.assets, &changes.albums), (&Told::default(), &Told::default()));
        assert_eq!(changes.unknown_deleted, 0);
        // Of its own: what stays, and what is taken out.
        token = changes.next;
        drop_from(a, 1);
        made.commit(&[
            (UPDATE, "Asset", rows[1]),
            (UPDATE, "Asset", rows[2]),
            (UPDATE, "Album", a),
        ]);
        let changes = made.since(&some, &token);
        check(made, &changes, [&[], &[2], &[1]]);
        assert_eq!(changes.albums.updated, start.albums.inserted);
        // With another album under that name other assets exist.
        made.sql(&format!("UPDATE ZGENERICALBUM SET ZTITLE='C' WHERE Z_PK={a}"));
        made.commit(&[(UPDATE, "Album", a)]);
        assert_eq!(made.why(&some, &changes.next), Some(Expired::Mismatch));
    });
}

#[test]
fn a_page_walks_the_index_of_transactions_and_sorts_nothing() {
    for model in Model::ALL {
        let asked = Asked::new(|bundle| {
            many(bundle, model, 20, ManyOptions::default()).unwrap();
        });
        let plan = asked.ask(|session| {
            let place = Place { transaction: 1, change: Some(2) };
            let (question, values) = History::open(session)?.statement(place, 10);
            let mut steps = String::new();
            each_row(session, &format!("EXPLAIN QUERY PLAN {question}"), &values, |row| {
                steps.push_str(&row.get::<_, String>(3).unwrap());
                Ok(())
            })?;
            Ok(steps)
        });
        let plan = plan.unwrap();
        assert!(plan.starts_with("SEARCH c USING INDEX ACHANGE_ZTRANSACTIONID_INDEX"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

#[test]
fn without_a_history_there_is_no_token() {
    for damage in [
        "DROP TABLE ATRANSACTION",
        "DROP TABLE ACHANGE",
        "ALTER TABLE ACHANGE RENAME COLUMN ZENTITYPK TO ZOTHER",
    ] {
        let made = made(Model::Photos11);
        made.sql(damage);
        let answer = made.library.change_token(&grant(ALL), &Deadline::never());
        assert!(matches!(answer, Err(LibraryError::NoHistory)), "{damage}: {answer:?}");
    }
}

#[test]
fn nonsense_in_the_history_is_passed_over() {
    both(|made| {
        let all = grant(ALL);
        let token = made.token(&all);
        made.commit(&[(UPDATE, "Asset", made.row(1)), (7, "Asset", made.row(2))]);
        made.sql(
            "INSERT INTO ACHANGE (ZCHANGETYPE, ZENTITY, ZENTITYPK, ZTRANSACTIONID)
                SELECT 'x', x'00', 1e300, max(Z_PK) FROM ATRANSACTION;
             INSERT INTO ACHANGE (ZCHANGETYPE, ZENTITY, ZENTITYPK, ZTRANSACTIONID) VALUES (1, 1, 1, 'x');
             INSERT INTO ACHANGE (ZCHANGETYPE, ZENTITY, ZENTITYPK, ZTRANSACTIONID) VALUES (1, 1, 1, NULL);
             INSERT INTO ACHANGE (ZCHANGETYPE, ZENTITY, ZENTITYPK, ZTRANSACTIONID) VALUES (1, 1, 1, 9e15);
             INSERT INTO ACHANGE (ZCHANGETYPE, ZENTITY, ZENTITYPK, ZTRANSACTIONID)
                SELECT 1, 99999, 1, max(Z_PK) FROM ATRANSACTION",
        );
        for limit in [1, 2, MAX_CHANGES] {
            let mut token = token.clone();
            let mut told = Vec::new();
            loop {
                let page = made.try_since(&all, &token, limit).unwrap();
                told.extend(page.assets.updated);
                token = page.next;
                if !page.more {
                    break;
                }
            }
            assert_eq!(told, [made.uuid(1)]);
        }
    });
}

#[test]
fn a_glance_is_equal_until_something_is_written() {
    both(|made| {
        let all = grant(ALL);
        let glance = || made.library.glance(&all).unwrap();
        let before = glance();
        let token = made.token(&all);
        assert_eq!(glance(), before, "reading moves nothing");
        made.commit(&[(UPDATE, "Asset", 1)]);
        assert_ne!(glance(), before);
        assert_ne!(made.token(&all), token);
        assert!(made.temp.path().exists());
    });
}
