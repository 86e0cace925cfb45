//! What is no library, or a broken one: each its own error, and never an empty list.
//!
//! Nothing is created and nothing changed by looking. A pipe in the place of a file is never
//! opened.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use darkslide_door::{Faults, Operation};
use darkslide_fixture::{AssetSpec, Content, LibraryBuilder, Model, Snapshot, WalState};
use darkslide_library::{Damage, Deadline, LibraryError, Unsupported};
use rustix::io::Errno;

use crate::opened::{Opened, bundle, changes, copy_database, never, real, writable};
use crate::real_libraries::everything;

/// A library with one photo.
fn built(below: &Path, wal: WalState) -> PathBuf {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.wal(wal);
    builder.asset(AssetSpec::photo("IMG_0001.JPG", Content::jpeg(1)));
    builder.build(&below.join("S.photoslibrary")).unwrap().path().to_owned()
}

fn answer(bundle: &Path) -> LibraryError {
    let before = Snapshot::take(bundle).unwrap();
    let opened = Opened::all(bundle);
    let error = opened.library.query(&opened.grant, &everything(), &never()).unwrap_err();
    assert_eq!(changes(&before, bundle), Vec::<String>::new());
    assert!(!error.hint().is_empty());
    error
}

#[track_caller]
fn check_damage(make: impl FnOnce(&Path), expected: &Damage) {
    let temp = tempfile::tempdir().unwrap();
    let bundle = built(temp.path(), WalState::Absent);
    make(&bundle.join("database"));
    match answer(&bundle) {
        LibraryError::Damaged(damage) => assert_eq!(&damage, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_folder_that_is_no_library_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let error = answer(temp.path());
    assert!(matches!(error, LibraryError::Unsupported(Unsupported::NotALibrary)), "{error:?}");
}

#[test]
fn an_iphoto_library_is_named() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join("Database")).unwrap();
    fs::write(temp.path().join("AlbumData.xml"), "<plist/>").unwrap();
    fs::write(temp.path().join("Database/Library.apdb"), "x").unwrap();
    let error = answer(temp.path());
    assert!(matches!(error, LibraryError::Unsupported(Unsupported::IPhoto)), "{error:?}");
}

#[test]
fn a_photos_db_without_tables_is_damaged_and_not_empty() {
    let Some(folder) = real() else { return };
    let temp = tempfile::tempdir().unwrap();
    let copy = copy_database(&bundle(folder, "Test-Lock-10_12"), temp.path());
    let error = answer(&copy);
    assert!(matches!(error, LibraryError::Damaged(Damage::NoTables)), "{error:?}");
}

#[test]
fn what_is_no_database_is_damaged_and_never_an_empty_library() {
    let main = |bytes: Vec<u8>| {
        move |database: &Path| fs::write(database.join("Photos.sqlite"), bytes).unwrap()
    };
    for bytes in [
        Vec::new(),
        vec![0],
        b"just some text, but more than a hundred bytes of it, so that a header would fit into it: ............".to_vec(),
        b"PK\x03\x04".repeat(50),
        vec![0; 4_096],
    ] {
        check_damage(main(bytes), &Damage::NotADatabase);
    }
    let missing = Damage::DatabaseMissing { name: "Photos.sqlite" };
    check_damage(
        |database| {
            fs::rename(database.join("Photos.sqlite"), database.join("Photos.sqlite-wal")).unwrap();
        },
        &missing,
    );
    // The folders of a library remain, and nothing in them.
    check_damage(|database| fs::remove_file(database.join("Photos.sqlite")).unwrap(), &missing);
}

#[test]
fn half_a_database_and_a_damaged_one_are_malformed() {
    for (at, byte) in [(16, 0), (16, 3), (100, 0), (4_100, 0xff)] {
        let temp = tempfile::tempdir().unwrap();
        let bundle = built(temp.path(), WalState::Absent);
        let path = bundle.join("database/Photos.sqlite");
        let mut bytes = fs::read(&path).unwrap();
        bytes[at..at + 8].fill(byte);
        fs::write(&path, bytes).unwrap();
        let opened = Opened::all(&bundle);
        let answer = opened.library.query(&opened.grant, &everything(), &never());
        match answer {
            Ok(_) | Err(LibraryError::Damaged(_)) => {}
            Err(other) => panic!("{at}: {other:?}"),
        }
    }
    check_damage(
        |database| {
            let path = database.join("Photos.sqlite");
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..4_096]).unwrap();
        },
        &Damage::Malformed,
    );
}

#[test]
fn links_pipes_and_folders_in_the_place_of_a_file_are_never_opened() {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let name = format!("Photos.sqlite{suffix}");
        let expected = Damage::NotARegularFile { name: name.clone() };
        let replace = |database: &Path| {
            let path = database.join(&name);
            let aside = database.join("aside");
            let _moved: std::io::Result<()> = fs::rename(&path, &aside);
            path
        };
        check_damage(
            |database| {
                let path = replace(database);
                std::os::unix::fs::symlink("/dev/zero", path).unwrap();
            },
            &expected,
        );
        check_damage(
            |database| {
                let path = replace(database);
                std::os::unix::fs::symlink("aside", path).unwrap();
            },
            &expected,
        );
        check_damage(
            |database| {
                let path = replace(database);
                assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
            },
            &expected,
        );
    }
}

#[test]
fn a_hot_journal_needs_recovery_and_stays() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = built(temp.path(), WalState::Absent);
    let path = bundle.join("database/Photos.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    bytes[18..20].fill(1);
    fs::write(&path, bytes).unwrap();
    fs::write(bundle.join("database/Photos.sqlite-journal"), [0xd9; 512]).unwrap();
    let error = answer(&bundle);
    assert!(matches!(error, LibraryError::NeedsRecovery), "{error:?}");
    fs::write(bundle.join("database/Photos.sqlite-journal"), b"").unwrap();
    let opened = Opened::all(&bundle);
    assert!(opened.library.query(&opened.grant, &everything(), &never()).is_ok());
}

/// Changes the database with an ordinary connection.
fn sql(bundle: &Path, text: &str) {
    let connection = writable(bundle.join("database/Photos.sqlite"));
    connection.execute_batch(text).unwrap();
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

#[test]
fn a_view_in_the_place_of_a_table_is_told_and_not_run() {
    for table in
        ["ZASSET", "ZADDITIONALASSETATTRIBUTES", "ZGENERICALBUM", "ZINTERNALRESOURCE", "Z_METADATA"]
    {
        let temp = tempfile::tempdir().unwrap();
        let bundle = built(temp.path(), WalState::Absent);
        sql(
            &bundle,
            &format!(
                "ALTER TABLE {table} RENAME TO hidden_away;
                 CREATE VIEW {table} AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT x FROM c;"
            ),
        );
        match answer(&bundle) {
            LibraryError::Damaged(damage) => {
                assert_eq!(damage, Damage::NotATable { name: table.to_owned() });
            }
            other => panic!("{table}: {other:?}"),
        }
    }
}

#[test]
fn missing_columns_are_named_and_missing_tables_are_half_an_upgrade() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = built(temp.path(), WalState::Absent);
    sql(&bundle, "ALTER TABLE ZASSET RENAME COLUMN ZHIDDEN TO ZELSEWHERE");
    match answer(&bundle) {
        LibraryError::Unsupported(Unsupported::Columns { model, missing }) => {
            assert_eq!((model, missing), (Some(19_320), vec![String::from("ZASSET.ZHIDDEN")]));
        }
        other => panic!("{other:?}"),
    }
    sql(&bundle, "ALTER TABLE ZASSET RENAME TO ZLATER");
    let error = answer(&bundle);
    assert!(matches!(error, LibraryError::Damaged(Damage::UpgradeBrokenOff)), "{error:?}");
}

#[test]
fn an_upgrade_from_photos_4_that_broke_off_is_named() {
    let Some(folder) = real() else { return };
    let old = bundle(folder, "Test-10.14.6").join("database/photos.db");
    let begin = |change: &dyn Fn(&Path)| {
        let temp = tempfile::tempdir().unwrap();
        let bundle = built(temp.path(), WalState::Absent);
        fs::copy(&old, bundle.join("database/photos.db")).unwrap();
        change(&bundle);
        let error = answer(&bundle);
        assert!(matches!(error, LibraryError::Damaged(Damage::UpgradeBrokenOff)), "{error:?}");
    };
    begin(&|bundle| sql(bundle, "DELETE FROM ZASSET"));
    begin(&|bundle| fs::write(bundle.join("database/Photos.sqlite"), b"").unwrap());
}

#[test]
fn a_deadline_ends_a_question() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = built(temp.path(), WalState::Full);
    let opened = Opened::all(&bundle);
    let over = Deadline::new(|| true);
    let answer = opened.library.query(&opened.grant, &everything(), &over);
    assert!(matches!(answer, Err(LibraryError::TimedOut)), "{answer:?}");
    let answer = opened.library.info(&opened.grant, &over);
    assert!(matches!(answer, Err(LibraryError::TimedOut)), "{answer:?}");
}

#[test]
fn a_library_that_was_moved_away_is_unavailable_and_one_in_its_place_is_not_it() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = built(temp.path(), WalState::Full);
    let opened = Opened::all(&bundle);
    let ask = || opened.library.query(&opened.grant, &everything(), &never());
    assert!(ask().is_ok());
    fs::rename(&bundle, temp.path().join("away")).unwrap();
    assert!(matches!(ask(), Err(LibraryError::Unavailable { .. })));
    built(temp.path(), WalState::Full);
    assert!(matches!(ask(), Err(LibraryError::Unavailable { .. })));
}

/// The last writer ends and takes its `-wal` along, between our look and the opening of it.
#[test]
fn what_goes_between_looking_and_opening_is_looked_at_anew() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = built(folder.path(), WalState::Full);
    let seen = Faults::count();
    let opened = Opened::failing(&bundle, seen.clone());
    opened.library.info(&opened.grant, &never()).unwrap();
    let seen = seen.operations();
    let opens = seen.iter().zip(1..).filter(|(done, _)| **done == Operation::OpenFile);
    let mut tried = 0;
    for (_, nth) in opens {
        let faults = Faults::fail_nth(nth, Errno::NOENT.raw_os_error());
        let opened = Opened::failing(&bundle, faults);
        let answer = opened.library.info(&opened.grant, &never());
        assert!(answer.is_ok(), "{nth}: {answer:?}");
        tried += 1;
    }
    assert!(tried > 0, "{seen:?}");
}
