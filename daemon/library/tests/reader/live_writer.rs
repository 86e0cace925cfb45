//! Beside another process that writes, checkpoints, and opens and closes: every page is of one
//! moment, or the answer is "busy"; what was replaced or changed between two questions is seen by
//! connections that were kept.
//!
//! The writer is this very test binary, started again, for locks belong to a process. It ends when
//! its input does.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use darkslide_fixture::{
    AlbumSpec, AssetSpec, Content, Exif, LibraryBuilder, ManyOptions, Model, Snapshot, WalState,
    many,
};
use darkslide_library::{AlbumKind, LibraryError, Query};
use darkslide_protocol::field::Fields;
use darkslide_protocol::filter::{Facet, Filter, Sort};

use crate::opened::{Opened, changes, never, read};
use crate::real_libraries::everything;

const LIBRARY: &str = "DARKSLIDE_TEST_WRITER";
const KEEPER: &str = "DARKSLIDE_TEST_KEEPER";
const RUNNER: &str = "DARKSLIDE_TEST_RUNNER";
const STATEMENTS: &str = "DARKSLIDE_TEST_STATEMENTS";
const PAGES: usize = 300;
const ROUNDS: usize = 4;
const ASSETS: u32 = 40;
/// How often a writer tries to empty its `-wal` before it gives up.
const MAX_TRIES: usize = 200;

#[test]
fn pages_beside_a_writer_are_of_one_moment() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = temp.path().join("S.photoslibrary");
    many(&bundle, Model::Photos11, 60, ManyOptions::default()).unwrap();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "live_writer::writer", "--nocapture"])
        .env(LIBRARY, &bundle)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let opened = Opened::all(&bundle);
    let mut query = everything();
    query.limit = 100;
    let mut seen = BTreeSet::new();
    let mut busy = 0;
    for _ in 0..PAGES {
        match opened.library.query(&opened.grant, &query, &never()) {
            Ok(page) => {
                let assets = read(&page.assets);
                assert_eq!(assets.len(), 60);
                let width = assets[0].width;
                assert!(assets.iter().all(|it| it.width == width && it.original_width == width));
                seen.insert(width);
            }
            Err(LibraryError::Busy | LibraryError::Unavailable { source: None }) => busy += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    drop(writer.stdin.take());
    assert!(writer.wait().unwrap().success(), "the writer met an error that we caused");
    assert!(seen.len() > 1, "nothing was written meanwhile");
    assert!(busy < PAGES / 10, "{busy} times busy");
}

/// The other process: does something only where the test above has named a library.
#[test]
fn writer() {
    let Some(bundle) = std::env::var_os(LIBRARY) else {
        return;
    };
    let path = PathBuf::from(bundle).join("database/Photos.sqlite");
    let open = || {
        let connection = rusqlite::Connection::open(&path).unwrap();
        connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
        connection
    };
    let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let end = std::sync::Arc::clone(&ended);
    let waiter = std::thread::spawn(move || {
        let mut rest = Vec::new();
        std::io::stdin().read_to_end(&mut rest).unwrap();
        end.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let mut connection = open();
    let mut width = 10_i64;
    while !ended.load(std::sync::atomic::Ordering::Relaxed) {
        width += 1;
        connection
            .execute_batch(&format!(
                "BEGIN IMMEDIATE; UPDATE ZASSET SET ZWIDTH={width};
                 UPDATE ZADDITIONALASSETATTRIBUTES SET ZORIGINALWIDTH={width}; COMMIT;"
            ))
            .unwrap();
        if width % 5 == 0 {
            // Busy is an answer here, for a reader may be at it; an error is not.
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
        }
        if width % 20 == 0 {
            drop(connection);
            connection = open();
        }
    }
    drop(connection);
    waiter.join().unwrap();
}

#[test]
fn two_threads_ask_one_library_at_once() {
    let temp = tempfile::tempdir().unwrap();
    for (index, wal) in WalState::READABLE.into_iter().enumerate() {
        let bundle = temp.path().join(format!("{index}.photoslibrary"));
        many(&bundle, Model::Photos5, 30, ManyOptions { wal, ..ManyOptions::default() }).unwrap();
        let opened = Opened::all(&bundle);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        let page = opened.library.query(&opened.grant, &everything(), &never());
                        assert_eq!(page.unwrap().assets.count(), 7);
                    }
                });
            }
        });
    }
}

/// Starts this binary again as one of the tests below.
fn start(test: &str, variable: &str, bundle: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]).env(variable, bundle);
    command
}

/// A writer that keeps title, description, keyword and sensitivity of all assets the same number.
struct Keeper {
    child: Child,
    told: BufReader<ChildStdout>,
}

impl Keeper {
    fn start(bundle: &Path) -> Self {
        let mut command = start("live_writer::keeper", KEEPER, bundle);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let told = BufReader::new(child.stdout.take().unwrap());
        Self { child, told }
    }

    /// Lets it empty its `-wal`; returns how often it had to try.
    fn checkpoint(&mut self) -> usize {
        writeln!(self.child.stdin.as_mut().unwrap(), "checkpoint").unwrap();
        loop {
            let mut line = String::new();
            assert!(self.told.read_line(&mut line).unwrap() > 0, "the writer ended");
            if let Some(tries) = line.strip_prefix("TRIES ") {
                return tries.trim().parse().unwrap();
            }
        }
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.told.read_to_string(&mut rest).unwrap();
        assert!(self.child.wait().unwrap().success(), "the writer met an error: {rest}");
    }
}

/// The other process.
#[test]
fn keeper() {
    let Some(bundle) = std::env::var_os(KEEPER) else { return };
    let (lines, asked) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        std::io::stdin().lines().map_while(Result::ok).for_each(|it| lines.send(it).unwrap());
    });
    let path = PathBuf::from(bundle).join("database/Photos.sqlite");
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let mut number = 1_000_i64;
    loop {
        number += 1;
        connection.execute_batch(&kept(number)).unwrap();
        match asked.try_recv() {
            Ok(_) => println!("\nTRIES {}", truncate(&connection)),
            Err(std::sync::mpsc::TryRecvError::Empty) => {}
            Err(std::sync::mpsc::TryRecvError::Disconnected) => break,
        }
    }
    reader.join().unwrap();
}

fn kept(number: i64) -> String {
    format!(
        "BEGIN IMMEDIATE;
         UPDATE ZADDITIONALASSETATTRIBUTES SET ZTITLE='{number}';
         INSERT INTO ATRANSACTION(Z_ENT,Z_OPT,ZTIMESTAMP) VALUES(1,1,{number});
         UPDATE ZASSETDESCRIPTION SET ZLONGDESCRIPTION='{number}';
         UPDATE ZKEYWORD SET ZTITLE='{number}';
         UPDATE ZEXTENDEDATTRIBUTES SET ZISO={number};
         COMMIT;"
    )
}

/// Empties the `-wal`; returns how often that had to be tried.
fn truncate(connection: &rusqlite::Connection) -> usize {
    connection.busy_timeout(std::time::Duration::from_millis(20)).unwrap();
    let tried = (1..=MAX_TRIES).find(|_| {
        let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |it| it.get(0));
        busy.is_ok_and(|busy: i64| busy == 0)
    });
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    tried.unwrap()
}

fn build_kept(bundle: &Path) {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.wal(WalState::Full);
    let keys: Vec<_> = (0..ASSETS)
        .map(|index| {
            let name = format!("IMG_{index:04}.JPG");
            let photo = AssetSpec::photo(name, Content::jpeg(index));
            let exif = Exif { iso: Some(1_000), ..Exif::default() };
            builder.asset(photo.title("1000").description("1000").keyword("1000").exif(exif))
        })
        .collect();
    builder.album(AlbumSpec::new("Album").members(keys));
    builder.build(bundle).unwrap();
}

#[test]
fn what_a_writer_keeps_is_kept_in_every_page_of_connections_that_are_kept() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = temp.path().join("S.photoslibrary");
    build_kept(&bundle);
    let opened = Opened::keeping(&bundle);
    let mut keeper = Keeper::start(&bundle);
    let mut seen = BTreeSet::new();
    let first = retried(|| opened.library.change_token(&opened.grant, &never()));
    for _ in 0..ROUNDS {
        for sort in [Sort::Taken, Sort::Added, Sort::Name, Sort::Size, Sort::Modified, Sort::Uuid] {
            let mut query = Query { fields: Fields::all(), sort, ..everything() };
            let mut found = 0_u64;
            loop {
                let page = retried(|| opened.library.query(&opened.grant, &query, &never()));
                found += page.assets.count() as u64;
                seen.insert(one_number(&page));
                match page.next {
                    Some(next) => query.after = Some(next),
                    None => break,
                }
            }
            assert_eq!(found, u64::from(ASSETS), "{sort}");
        }
        others(&opened, &first.to_string());
        // Between two questions, with idle connections.
        assert!(keeper.checkpoint() <= MAX_TRIES);
    }
    opened.library.rest();
    assert_eq!(keeper.checkpoint(), 1, "nobody else is there");
    keeper.end();
    assert!(seen.len() > ROUNDS, "nothing was written meanwhile");
}

/// Asks until the writer lets us.
fn retried<T>(ask: impl Fn() -> Result<T, LibraryError>) -> T {
    for _ in 0..MAX_TRIES {
        match ask() {
            Ok(answer) => return answer,
            Err(LibraryError::Busy | LibraryError::Unavailable { source: None }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    panic!("always busy");
}

/// The number that all assets of a page have in four tables.
fn one_number(page: &darkslide_library::Page) -> String {
    let assets = read(&page.assets);
    let numbers: BTreeSet<String> = assets
        .iter()
        .flat_map(|asset| {
            assert_eq!((asset.keywords.len(), &asset.problem), (1, &None));
            let iso = serde_json::to_value(&asset.exif_info).unwrap()["iso"].as_i64().unwrap();
            [
                asset.title.clone().unwrap(),
                asset.description.clone().unwrap(),
                asset.keywords[0].clone(),
                iso.to_string(),
            ]
        })
        .collect();
    assert_eq!(numbers.len(), 1, "{numbers:?}");
    numbers.into_iter().next().unwrap()
}

fn others(opened: &Opened, token: &str) {
    let (library, grant) = (&opened.library, &opened.grant);
    let all = Filter::everything();
    let counted = retried(|| library.count(grant, &all, &[], &never()));
    assert_eq!(counted.found, u64::from(ASSETS));
    let keywords = retried(|| library.facet(grant, Facet::Keyword, &all, &[], &never()));
    let text = format!("{:?}", keywords.found);
    assert!(text.contains(&format!("{ASSETS}")), "one keyword, of all: {text}");
    let albums = retried(|| library.albums(grant, AlbumKind::ALL, &[], &never()));
    assert_eq!(albums.found[0].count, Some(u64::from(ASSETS)));
    let changes = retried(|| library.changes(grant, token, 1_000, &never()));
    drop(changes);
}

/// Runs statements on a library in another process.
fn elsewhere(bundle: &Path, statements: &str) {
    let done =
        start("live_writer::runner", RUNNER, bundle).env(STATEMENTS, statements).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// The other process.
#[test]
fn runner() {
    let Some(bundle) = std::env::var_os(RUNNER) else { return };
    let path = PathBuf::from(bundle).join("database/Photos.sqlite");
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    connection.execute_batch(&std::env::var(STATEMENTS).unwrap()).unwrap();
}

fn small(bundle: &Path, assets: u32, wal: WalState) {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.wal(wal);
    for index in 0..assets {
        let photo = AssetSpec::photo(format!("{assets}_{index}.JPG"), Content::jpeg(index));
        builder.asset(photo.title("title"));
    }
    builder.build(bundle).unwrap();
}

fn titles(opened: &Opened) -> Result<Vec<Option<String>>, LibraryError> {
    let query = Query { fields: Fields::all(), limit: 100, ..everything() };
    let page = opened.library.query(&opened.grant, &query, &never())?;
    Ok(read(&page.assets).into_iter().map(|asset| asset.title).collect())
}

#[test]
fn a_library_that_was_replaced_is_seen_by_connections_that_are_kept() {
    for wal in [WalState::Absent, WalState::Full] {
        let temp = tempfile::tempdir().unwrap();
        let [one, other, away] = ["S", "T", "Away"].map(|name| temp.path().join(name));
        small(&one, 2, wal);
        small(&other, 3, WalState::Absent);
        let opened = Opened::keeping(&one);
        assert_eq!(titles(&opened).unwrap().len(), 2);
        std::fs::rename(&one, &away).unwrap();
        std::fs::rename(&other, &one).unwrap();
        // The bundle that was opened is not there any more: nothing of it is told.
        assert!(titles(&opened).is_err());
        assert_eq!(titles(&Opened::keeping(&one)).unwrap().len(), 3);
        std::fs::rename(&one, &other).unwrap();
        std::fs::rename(&away, &one).unwrap();
        assert_eq!(titles(&opened).unwrap().len(), 2);
        // The database alone.
        for suffix in ["-wal", "-shm"] {
            let _gone = std::fs::remove_file(one.join(format!("database/Photos.sqlite{suffix}")));
        }
        let database = "database/Photos.sqlite";
        std::fs::rename(other.join(database), one.join(database)).unwrap();
        assert_eq!(titles(&opened).unwrap().len(), 3);
    }
}

#[test]
fn a_schema_that_changed_between_two_questions_is_seen() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = temp.path().join("S.photoslibrary");
    small(&bundle, 2, WalState::Full);
    let opened = Opened::keeping(&bundle);
    let lacks = || opened.library.info(&opened.grant, &never()).unwrap().lacks;
    let title = || titles(&opened).unwrap()[0].clone();
    for _ in 0..2 {
        assert_eq!(title().as_deref(), Some("title"));
        assert!(!lacks().contains(&"title"));
        elsewhere(
            &bundle,
            "ALTER TABLE ZADDITIONALASSETATTRIBUTES RENAME COLUMN ZTITLE TO ZGONE;
             ALTER TABLE ZASSET ADD COLUMN ZNEW INTEGER DEFAULT 7;",
        );
        assert_eq!(title(), None);
        assert!(lacks().contains(&"title"));
        elsewhere(
            &bundle,
            "ALTER TABLE ZADDITIONALASSETATTRIBUTES RENAME COLUMN ZGONE TO ZTITLE;
             ALTER TABLE ZASSET DROP COLUMN ZNEW;",
        );
    }
    elsewhere(&bundle, "ALTER TABLE ZASSET RENAME COLUMN ZKINDSUBTYPE TO ZGONE");
    assert!(matches!(titles(&opened), Err(LibraryError::Unsupported(_))));
    elsewhere(
        &bundle,
        "DROP TABLE ZKEYWORD; ALTER TABLE ZASSET RENAME COLUMN ZGONE TO ZKINDSUBTYPE",
    );
    assert_eq!(title().as_deref(), Some("title"));
    assert!(lacks().contains(&"keywords"));
}

#[test]
fn a_wal_that_was_deleted_and_made_again_between_two_questions_is_seen() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = temp.path().join("S.photoslibrary");
    small(&bundle, 2, WalState::Full);
    let opened = Opened::keeping(&bundle);
    let title = || titles(&opened).unwrap()[0].clone().unwrap();
    assert_eq!(title(), "title");
    for round in 0..4 {
        elsewhere(
            &bundle,
            &format!(
                "UPDATE ZADDITIONALASSETATTRIBUTES SET ZTITLE='{round}';
                 PRAGMA wal_checkpoint(TRUNCATE);"
            ),
        );
        if round % 2 == 0 {
            assert_eq!(title(), format!("{round}"));
        }
        for suffix in ["-wal", "-shm"] {
            let _gone =
                std::fs::remove_file(bundle.join(format!("database/Photos.sqlite{suffix}")));
        }
        elsewhere(
            &bundle,
            &format!("UPDATE ZADDITIONALASSETATTRIBUTES SET ZTITLE='again {round}'"),
        );
        assert_eq!(title(), format!("again {round}"));
    }
}

#[test]
fn rest_closes_and_nothing_of_the_bundle_was_touched() {
    for wal in WalState::READABLE {
        let temp = tempfile::tempdir().unwrap();
        let bundle = temp.path().join("S.photoslibrary");
        small(&bundle, 5, wal);
        let before = Snapshot::take(&bundle).unwrap();
        let opened = Opened::keeping(&bundle);
        for _ in 0..3 {
            assert_eq!(titles(&opened).unwrap().len(), 5);
            opened.library.info(&opened.grant, &never()).unwrap();
            opened.library.rest();
            assert_eq!(open_files_of(&bundle), Vec::<PathBuf>::new());
        }
        assert_eq!(changes(&before, &bundle), Vec::<String>::new(), "{wal:?}");
    }
}

/// Files of a bundle's database that this process has open, where the machine tells.
fn open_files_of(bundle: &Path) -> Vec<PathBuf> {
    let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") else { return Vec::new() };
    let targets = descriptors.filter_map(|it| std::fs::read_link(it.ok()?.path()).ok());
    targets.filter(|target| target.starts_with(bundle.join("database"))).collect()
}
