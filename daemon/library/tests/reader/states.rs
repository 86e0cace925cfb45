//! Every state in which a database can lie: right rows, and nothing changed.
//!
//! The truth is what an ordinary connection reads of a second copy. Each test works on copies of
//! its own, so that its own looks at bytes never drop SQLite's locks.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use darkslide_fixture::{AlbumSpec, AssetSpec};
use darkslide_fixture::{Content, LibraryBuilder, Model, Snapshot, WalState};
use darkslide_library::{Damage, Journal, LibraryError};

use crate::opened::{Opened, bundle, changes, copy_database, never, real};
use crate::real_libraries::{all, everything};

/// A name, and what makes the state.
type State = (&'static str, fn(&Path));

fn remove(database: &Path, suffix: &str) {
    let _gone: std::io::Result<()> =
        fs::remove_file(database.join(format!("Photos.sqlite{suffix}")));
}

fn write(database: &Path, suffix: &str, bytes: &[u8]) {
    fs::write(database.join(format!("Photos.sqlite{suffix}")), bytes).unwrap();
}

/// Gives a file a mode that the main file does not have.
fn chmod(database: &Path, suffix: &str) {
    let path = database.join(format!("Photos.sqlite{suffix}"));
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o664)).unwrap();
    let main = database.join("Photos.sqlite");
    fs::set_permissions(main, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
}

const STATES: &[State] = &[
    ("as it was", |_| {}),
    ("without -shm", |it| remove(it, "-shm")),
    ("without -wal", |it| remove(it, "-wal")),
    ("without both", |it| {
        remove(it, "-wal");
        remove(it, "-shm");
    }),
    ("-wal empty", |it| write(it, "-wal", b"")),
    ("-wal of 20 bytes", |it| write(it, "-wal", &[7; 20])),
    ("-wal of zeros", |it| write(it, "-wal", &[0; 8_192])),
    ("-wal empty, no -shm", |it| {
        write(it, "-wal", b"");
        remove(it, "-shm");
    }),
    ("-shm random", |it| write(it, "-shm", &[0xa5; 32_768])),
    ("-shm empty", |it| write(it, "-shm", b"")),
    ("-shm short", |it| write(it, "-shm", b"0123456789")),
    ("-shm a folder", |it| {
        remove(it, "-shm");
        fs::create_dir(it.join("Photos.sqlite-shm")).unwrap();
    }),
    ("-wal with a damaged header", |it| {
        let mut bytes = fs::read(it.join("Photos.sqlite-wal")).unwrap_or_default();
        bytes.resize(bytes.len().max(64), 0x11);
        bytes[9] ^= 0xff;
        write(it, "-wal", &bytes);
    }),
    ("-wal empty, of another mode", |it| {
        write(it, "-wal", b"");
        chmod(it, "-wal");
    }),
    ("-shm empty, of another mode", |it| {
        write(it, "-shm", b"");
        chmod(it, "-shm");
    }),
];

/// UUID, title and time of import of every asset, as an ordinary connection reads them.
fn truth(bundle: &Path) -> BTreeSet<(String, Option<String>)> {
    let shm = bundle.join("database/Photos.sqlite-shm");
    if shm.is_dir() {
        fs::remove_dir(&shm).unwrap();
    }
    let connection = rusqlite::Connection::open(bundle.join("database/Photos.sqlite")).unwrap();
    let modern: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name='ZASSET'", [], |row| row.get(0))
        .unwrap();
    let table = if modern > 0 { "ZASSET" } else { "ZGENERICASSET" };
    let mut statement = connection
        .prepare(&format!(
            "SELECT a.ZUUID, b.ZTITLE FROM {table} a JOIN ZADDITIONALASSETATTRIBUTES b ON b.ZASSET=a.Z_PK"
        ))
        .unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

#[test]
fn every_state_is_read_right_and_left_as_it_was() {
    let Some(folder) = real() else { return };
    for name in ["Test-26.1", "Test-10.15.7", "Test-Media-Types-15.7.2", "Test-Cloud-13.1"] {
        for (state, make) in STATES {
            let temp = tempfile::tempdir().unwrap();
            let copy =
                copy_database(&bundle(folder, name), &temp.path().join("a ?mode=rwc&#%41é\\"));
            make(&copy.join("database"));
            let second = temp.path().join("second");
            let second = copy_with_folders(&copy, &second);
            let before = Snapshot::take(&copy).unwrap();
            let opened = Opened::all(&copy);
            let found: BTreeSet<_> = all(&opened, everything())
                .into_iter()
                .map(|asset| (asset.uuid.to_string(), asset.title))
                .collect();
            assert_eq!(changes(&before, &copy), Vec::<String>::new(), "{name}, {state}");
            let truth: BTreeSet<_> = truth(&second)
                .into_iter()
                .map(|(uuid, title)| (uuid, title.filter(|it| !it.is_empty())))
                .collect();
            assert_eq!(found, truth, "{name}, {state}");
        }
    }
}

fn copy_with_folders(bundle: &Path, below: &Path) -> std::path::PathBuf {
    let copy = copy_database(bundle, below);
    if bundle.join("database/Photos.sqlite-shm").is_dir() {
        fs::create_dir(copy.join("database/Photos.sqlite-shm")).unwrap();
    }
    copy
}

#[test]
fn the_summary_names_the_state() {
    let Some(folder) = real() else { return };
    let check = |name: &str, change: fn(&Path), expected: Journal| {
        let temp = tempfile::tempdir().unwrap();
        let copy = copy_database(&bundle(folder, name), temp.path());
        change(&copy.join("database"));
        let opened = Opened::all(&copy);
        let info = opened.library.info(&opened.grant, &never()).unwrap();
        assert_eq!(info.journal, expected, "{name}");
    };
    check("Test-26.1", |_| {}, Journal::Wal);
    check("Test-26.1", |it| remove(it, "-shm"), Journal::WalWithoutIndex);
    check("Test-13.0.0", |_| {}, Journal::WalEmpty);
    check("Test-Cloud-13.1", |_| {}, Journal::WalMissing);
    check("Test-26.1", STATES[12].1, Journal::WalDamaged);
}

#[test]
fn a_main_file_newer_than_its_model_says_is_told() {
    let Some(folder) = real() else { return };
    let temp = tempfile::tempdir().unwrap();
    // Without its -wal, this library has the tables of model 19320 and the number of 18508.
    let copy = copy_database(&bundle(folder, "Test-26.1"), temp.path());
    remove(&copy.join("database"), "-wal");
    let opened = Opened::all(&copy);
    let info = opened.library.info(&opened.grant, &never()).unwrap();
    assert!(info.upgrade_unfinished);
    // This one has not even a number, and not one change: it was never finished.
    let temp = tempfile::tempdir().unwrap();
    let copy = copy_database(&bundle(folder, "Test-Empty-Library-Ventura-13-5"), temp.path());
    remove(&copy.join("database"), "-wal");
    let opened = Opened::all(&copy);
    let answer = opened.library.info(&opened.grant, &never());
    assert!(matches!(answer, Err(LibraryError::Damaged(Damage::UpgradeBrokenOff))), "{answer:?}");
}

#[test]
fn synthetic_libraries_of_each_model_are_read_in_each_state() {
    for model in Model::ALL {
        for state in WalState::READABLE {
            let temp = tempfile::tempdir().unwrap();
            let mut builder = LibraryBuilder::new(model);
            builder.wal(state);
            let key = builder.asset(AssetSpec::photo("IMG_0001.JPG", Content::jpeg(1)));
            builder.album(AlbumSpec::new("Summer").members([key]));
            let built = builder.build(&temp.path().join("S.photoslibrary")).unwrap();
            let before = Snapshot::take(built.path()).unwrap();
            let opened = Opened::all(built.path());
            let assets = all(&opened, everything());
            assert_eq!(assets.len(), 1, "{model:?} {state:?}");
            assert_eq!(assets[0].albums, ["Summer"]);
            assert!(assets[0].path.is_some());
            assert_eq!(changes(&before, built.path()), Vec::<String>::new(), "{model:?} {state:?}");
        }
    }
}

#[test]
fn a_wal_of_an_older_copy_is_told_and_nothing_is_listed() {
    for model in Model::ALL {
        let temp = tempfile::tempdir().unwrap();
        let mut builder = LibraryBuilder::new(model);
        builder.wal(WalState::Stale);
        builder.asset(AssetSpec::photo("IMG_0001.JPG", Content::jpeg(1)));
        let built = builder.build(&temp.path().join("S.photoslibrary")).unwrap();
        for with_shm in [false, true] {
            if with_shm {
                fs::write(built.path().join("database/Photos.sqlite-shm"), [0; 32_768]).unwrap();
            }
            let opened = Opened::all(built.path());
            let answer = opened.library.query(&opened.grant, &everything(), &never());
            match answer {
                Err(LibraryError::Damaged(Damage::StaleWal)) => {}
                other => panic!("{model:?}: {other:?}"),
            }
        }
    }
}
