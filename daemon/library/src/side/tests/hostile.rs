//! Databases beside a library that were made to hurt, or are of another time, or not there.
//!
//! The answer is what can be told, or nothing and a word; never an error, and never a change of a
//! byte. The hazard: an index that anybody could have put there ends the reading of the library.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use darkslide_fixture::Snapshot;
use serde_json::json;

use super::*;

#[test]
fn databases_that_are_not_there_or_empty_know_nothing() {
    knows_nothing(|_| {}, true, true);
    knows_nothing(
        |bundle| {
            put(bundle, PSI, "PRAGMA journal_mode=WAL; PRAGMA user_version=1");
            put(bundle, ANALYSIS, "PRAGMA user_version=1");
        },
        true,
        true,
    );
    knows_nothing(
        |bundle| {
            put(bundle, PSI, INDEX);
            put(bundle, ANALYSIS, "");
            fs::write(bundle.join(ANALYSIS), "").unwrap();
        },
        false,
        true,
    );
}

#[test]
fn what_is_no_database_or_no_file_knows_nothing_and_is_not_followed() {
    let noise: Vec<u8> =
        (0..20_000_u32).map(|it| it.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
    for at in [PSI, ANALYSIS] {
        knows_nothing(|bundle| put_bytes(bundle, at, &noise), true, true);
        knows_nothing(|bundle| fs::create_dir_all(bundle.join(at)).unwrap(), true, true);
        knows_nothing(
            |bundle| {
                put(bundle, "elsewhere", &index(&[(1500, "Elsewhere")]));
                fs::create_dir_all(bundle.join(at).parent().unwrap()).unwrap();
                symlink(bundle.join("elsewhere"), bundle.join(at)).unwrap();
            },
            true,
            true,
        );
        knows_nothing(
            |bundle| {
                put(bundle, &at.replace("database/", "else/"), &index(&[(1500, "Elsewhere")]));
                if at == PSI {
                    symlink(bundle.join("else/search"), bundle.join("database/search")).unwrap();
                }
            },
            true,
            true,
        );
        knows_nothing(
            |bundle| {
                fs::create_dir_all(bundle.join(at).parent().unwrap()).unwrap();
                let made = Command::new("mkfifo").arg(bundle.join(at)).status().unwrap();
                assert!(made.success());
            },
            true,
            true,
        );
    }
}

#[test]
fn links_to_the_librarys_own_files_are_not_opened() {
    for (at, to) in [
        (PSI.to_owned(), "database/Photos.sqlite"),
        (ANALYSIS.to_owned(), "database/Photos.sqlite"),
        (ANALYSIS.to_owned(), PSI),
        (format!("{PSI}-shm"), "database/Photos.sqlite-shm"),
        (format!("{PSI}-wal"), "database/Photos.sqlite-wal"),
    ] {
        knows_nothing(
            |bundle| {
                for path in [PSI, ANALYSIS] {
                    fs::create_dir_all(bundle.join(path).parent().unwrap()).unwrap();
                }
                if at.starts_with(PSI) && at != PSI {
                    put(bundle, PSI, &index(&[(1500, "Tree")]));
                }
                if !bundle.join(to).exists() {
                    fs::write(bundle.join(to), "").unwrap();
                }
                fs::hard_link(bundle.join(to), bundle.join(&at)).unwrap();
            },
            true,
            true,
        );
    }
}

#[test]
fn a_wal_of_an_older_copy_is_no_error() {
    let mut place = PathBuf::new();
    let asked = Asked::new(|bundle| {
        library(bundle);
        put(bundle, PSI, "PRAGMA journal_mode=WAL");
        let writer = rusqlite::Connection::open(bundle.join(PSI)).unwrap();
        writer.execute_batch("PRAGMA wal_autocheckpoint=0").unwrap();
        writer.execute_batch(&index(&[(1500, "Tree")])).unwrap();
        fs::copy(bundle.join(format!("{PSI}-wal")), bundle.join("old-wal")).unwrap();
        writer
            .execute_batch(
                "WITH n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i<5000)
                 INSERT INTO groups SELECT 1500,0,'x'||i,'x','',0,0 FROM n;
                 INSERT INTO ga SELECT rowid,1 FROM groups WHERE rowid>1; PRAGMA wal_checkpoint(TRUNCATE)",
            )
            .unwrap();
        drop(writer);
        fs::copy(bundle.join("old-wal"), bundle.join(format!("{PSI}-wal"))).unwrap();
        bundle.clone_into(&mut place);
    });
    let before = Snapshot::take(&place).unwrap();
    info(&asked, true);
    assert_eq!(changes(&before, &place), Vec::<String>::new());
}

fn put_bytes(bundle: &Path, at: &str, bytes: &[u8]) {
    let path = bundle.join(at);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn damage_of_any_kind_ends_in_records_or_in_none() {
    let texts: Vec<(i64, &str)> =
        ["A", "B", "C"].repeat(60).into_iter().map(|it| (1500, it)).collect();
    let mut place = PathBuf::new();
    let asked = Asked::new(|bundle| {
        library(bundle);
        put(bundle, PSI, &index(&texts));
        bundle.clone_into(&mut place);
    });
    let pristine = fs::read(place.join(PSI)).unwrap();
    let mut noise = 7_usize;
    let mut next = |below: usize| {
        noise =
            noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (noise >> 33) % below
    };
    for round in 0..150 {
        let mut damaged = pristine.clone();
        for _ in 0..60 {
            let at = next(damaged.len());
            damaged[at] = next(256).try_into().unwrap();
        }
        if round % 5 == 0 {
            damaged.truncate(next(pristine.len()));
        }
        put_bytes(&place, PSI, &damaged);
        let found = asked.ask(|session| Ok(Search::of(session, &[uuid(UUID)])?.lacking));
        assert!(found.is_ok(), "{round} {found:?}");
    }
}

#[test]
fn views_in_the_place_of_tables_are_not_looked_at() {
    let endless = "CREATE VIEW ga AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT i AS groupid, i AS assetid FROM n";
    knows_nothing(
        |bundle| {
            put(bundle, PSI, &index(&[(1500, "Tree")]));
            put(bundle, PSI, &format!("DROP TABLE ga; {endless}"));
            put(
                bundle,
                ANALYSIS,
                "CREATE TABLE ZRESULT(Z_PK INTEGER PRIMARY KEY, ZASSET, ZRESULTS); CREATE VIEW ZASSET AS SELECT 1 AS Z_PK, 'x' AS ZLOCALIDENTIFIER",
            );
        },
        true,
        true,
    );
    let columns =
        "CREATE TABLE ga(one, two); CREATE TABLE groups(category); CREATE TABLE assets(uuid_0)";
    knows_nothing(|bundle| put(bundle, PSI, columns), true, true);
}

#[test]
fn nonsense_in_a_row_is_left_out_and_the_rest_is_told() {
    let nonsense = "
        UPDATE groups SET content_string=x'ff00' WHERE rowid=1;
        UPDATE groups SET content_string=CAST(x'ff41' AS TEXT) WHERE rowid=2;
        UPDATE groups SET category='1500x' WHERE rowid=3;
        UPDATE groups SET content_string=NULL WHERE rowid=4;
        UPDATE groups SET content_string=7 WHERE rowid=5;
        UPDATE groups SET normalized_string=NULL WHERE rowid=6;
        UPDATE groups SET content_string=CAST(zeroblob(65537) AS TEXT) WHERE rowid=7;
        UPDATE groups SET normalized_string=zeroblob(20000000) WHERE rowid=8;
        INSERT INTO ga VALUES('x',1),(NULL,1),(-1,1),(99,1),(8,NULL);
        INSERT INTO assets VALUES('x',1,0),(NULL,NULL,0),(1.5,x'00',0);";
    let texts: Vec<(i64, &str)> =
        ["A", "B", "C", "D", "E", "F", "G", "H", "I"].map(|it| (1500, it)).to_vec();
    let asked = Asked::new(|bundle| {
        library(bundle);
        put(bundle, PSI, &index(&texts));
        put(bundle, PSI, nonsense);
    });
    let (record, lacking) = info(&asked, true);
    // A number in a column of texts is stored as text.
    assert_eq!(record["labels"], json!(["7", "F", "H", "I"]));
    assert_eq!(lacking, None);
}
