//! Too many of everything: a hundred thousand rows that claim to be one asset's, a burst of fifty
//! thousand images, names and folders as long as they can be.
//!
//! Each question ends within a number of SQLite's steps that is counted, not timed; an answer fits
//! a frame, the other assets are whole in it, and a process that asks stays small.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use darkslide_fixture::{
    AlbumSpec, AssetSpec, CloudSpec, CommentSpec, Content, Exif, FaceSpec, FolderSpec,
    LibraryBuilder, Model, PersonSpec, WalState,
};
use darkslide_library::{AlbumKind, Deadline, LibraryError, Query};
use darkslide_protocol::field::Fields;
use darkslide_protocol::filter::{CountWith, Facet, Filter, Flag, Sort};
use darkslide_protocol::limits::MAX_RESPONSE_FRAME_BYTES;
use darkslide_protocol::message::record::Asset;
use darkslide_protocol::value::Uuid;

use super::sql;
use crate::opened::{Opened, catalog_until, never, read, slow_wanted};
use crate::real_libraries::everything;

/// Rows that claim to be one asset's.
fn crowd_size() -> u32 {
    if slow_wanted() { 100_000 } else { 25_000 }
}

/// Questions of SQLite to the deadline, a thousand steps each. A question to a library of three
/// assets asks it a few times; a table of the rows above, read once, some hundred times.
const MAX_QUESTIONS: u64 = 60_000;
/// Memory of a process that asks, above that of one that does nothing, in KiB. Most of it is the
/// answer itself, and the room that its rows were gathered in.
const MAX_KIB: u64 = 96 * 1024;
const BUNDLE: &str = "DARKSLIDE_TEST_CROWD";

/// A deadline that counts.
pub(super) fn counted() -> (Deadline, Arc<AtomicU64>) {
    let asked = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&asked);
    let limit = Deadline::new(move || count.fetch_add(1, Ordering::Relaxed) > MAX_QUESTIONS);
    (limit, asked)
}

/// Three assets; the second has one of everything.
fn build(below: &Path, more: impl FnOnce(&mut LibraryBuilder)) -> (PathBuf, String) {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.wal(WalState::Absent);
    let person = builder.person(PersonSpec::new("Ann"));
    builder.asset(AssetSpec::photo("IMG_0001.JPG", Content::jpeg(1)).title("first"));
    let rich = builder.asset(
        AssetSpec::photo("IMG_0002.JPG", Content::jpeg(2))
            .title("title")
            .description("description")
            .keyword("keyword")
            .exif(Exif { iso: Some(100), ..Exif::default() })
            .scored(0.5)
            .face(FaceSpec::of(person).at(0.5, 0.5, 0.1))
            .comment(CommentSpec::new("text").on(1.0).by("hash"))
            .cloud(CloudSpec::new("guid").local_state(3)),
    );
    let last = builder
        .asset(AssetSpec::photo("IMG_0003.JPG", Content::jpeg(3)).keyword("other").title("last"));
    let folder = builder.folder(FolderSpec::new("Folder"));
    builder.album(AlbumSpec::new("Album").within(folder).members([rich, last]));
    more(&mut builder);
    let built = builder.build(&below.join("S.photoslibrary")).unwrap();
    let uuid = built.asset(rich).unwrap().uuid().to_owned();
    (built.path().to_owned(), uuid)
}

/// The columns of a table but its row number.
fn columns(bundle: &Path, table: &str) -> Vec<String> {
    let connection = crate::opened::writable(bundle.join("database/Photos.sqlite"));
    let question = format!("SELECT name FROM pragma_table_info('{table}') WHERE name<>'Z_PK'");
    let mut statement = connection.prepare(&question).unwrap();
    let names = statement.query_map([], |row| row.get(0)).unwrap();
    names.map(Result::unwrap).collect()
}

/// Makes indexes of what is there once such of what is there often.
fn allow_twins(bundle: &Path, table: &str) {
    let connection = crate::opened::writable(bundle.join("database/Photos.sqlite"));
    let question = format!(
        "SELECT 'DROP INDEX '||name||';'||replace(sql,'UNIQUE','') FROM sqlite_schema
         WHERE type='index' AND tbl_name='{table}' AND sql LIKE '%UNIQUE%'"
    );
    let mut statement = connection.prepare(&question).unwrap();
    let changes = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let changes: Vec<String> = changes.map(Result::unwrap).collect();
    changes.iter().for_each(|change| sql(bundle, change));
}

/// Repeats the rows of a table that a condition chooses.
fn repeat(bundle: &Path, table: &str, condition: &str) {
    allow_twins(bundle, table);
    let rows = crowd_size();
    let list = columns(bundle, table).join(",");
    sql(
        bundle,
        &format!(
            "INSERT INTO {table}({list}) SELECT {list} FROM {table},
             (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<{rows})
             SELECT i FROM n) WHERE {condition}"
        ),
    );
}

/// The same for a table that joins two others: without its own rule that each pair is there once.
fn repeat_join(bundle: &Path, table: &str, column: &str, condition: &str) {
    sql(
        bundle,
        &format!(
            "CREATE TABLE COPY AS SELECT * FROM {table}; DROP TABLE {table};
             ALTER TABLE COPY RENAME TO {table}; CREATE INDEX CROWD{table} ON {table}({column})"
        ),
    );
    repeat(bundle, table, condition);
}

/// Every question, each within its steps; returns the records by UUID.
fn ask_everything(bundle: &Path, what: &str) -> BTreeMap<String, Asset> {
    let opened = Opened::all(bundle);
    let mut found = BTreeMap::new();
    for sort in [Sort::Taken, Sort::Name, Sort::Size] {
        found.clear();
        let mut query = Query { fields: Fields::all(), limit: 1_000, sort, ..everything() };
        loop {
            let (limit, _) = counted();
            let page = opened.library.query(&opened.grant, &query, &limit);
            let page = page.unwrap_or_else(|error| panic!("{what} {sort}: {error:?}"));
            assert!(page.assets.json().len() < MAX_RESPONSE_FRAME_BYTES, "{what} {sort}");
            for asset in read(&page.assets) {
                assert!(found.insert(asset.uuid.clone(), asset).is_none(), "{what} {sort}");
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
    }
    others(&opened, what);
    found
}

fn others(opened: &Opened, what: &str) {
    let (library, grant) = (&opened.library, &opened.grant);
    let check = |name: &str, ask: &dyn Fn(&Deadline) -> Result<(), LibraryError>| {
        let (limit, asked) = counted();
        let told = ask(&limit);
        let asked = asked.load(Ordering::Relaxed);
        assert!(told.is_ok(), "{what}, {name}: {told:?} after {asked}");
    };
    let all = Filter::everything();
    let uuids: Vec<Uuid> =
        library.select(grant, &all, &[], &never()).unwrap().found.iter().collect();
    check("info", &|it| library.info(grant, it).map(drop));
    check("albums", &|it| library.albums(grant, AlbumKind::ALL, &[], it).map(drop));
    check("catalog", &|it| catalog_until(opened, it).map(drop));
    check("exportable", &|it| {
        library.resources(grant, &uuids, darkslide_library::Version::USUAL, it).map(drop)
    });
    check("resources", &|it| {
        let listed = library.list_resources(grant, &uuids, it)?;
        assert!(listed.assets.iter().all(|asset| asset.resources.len() < 1_000), "{what}");
        Ok(())
    });
    for uuid in uuids.iter().take(3) {
        check("thumbnail", &|it| library.thumbnail(grant, uuid, 100, it).map(drop));
    }
    check("count", &|it| library.count_with(grant, &all, &[], CountWith::ALL, it).map(drop));
    for facet in Facet::ALL {
        check(facet.as_str(), &|it| library.facet(grant, *facet, &all, &[], it).map(drop));
    }
    let album = Query {
        filter: Filter::Album(String::from("Album")),
        fields: Fields::from_iter([]),
        sort: Sort::Album,
        ..everything()
    };
    match library.query(grant, &album, &counted().0) {
        Ok(page) => assert_eq!(page.assets.count(), 2, "{what}"),
        Err(LibraryError::NoSuchAlbum { .. }) => {}
        Err(error) => panic!("{what}: {error:?}"),
    }
    for flag in Flag::ALL {
        check(flag.as_str(), &|it| library.count(grant, &Filter::Is(*flag), &[], it).map(drop));
    }
}

/// Are the other assets whole, and is the crowded one there, whole or with a problem?
fn only_one_is_hurt(found: &BTreeMap<String, Asset>, hurt: &str, what: &str) {
    assert_eq!(found.len(), 3, "{what}");
    for asset in found.values().filter(|asset| asset.uuid != hurt) {
        assert_eq!(asset.problem, None, "{what}");
        assert!(asset.title.is_some() && asset.path.is_some(), "{what}");
    }
}

/// The tables that have rows of an asset, and which rows are of the second.
const TABLES: &[(&str, &str)] = &[
    ("ZADDITIONALASSETATTRIBUTES", "ZASSET=2"),
    ("ZEXTENDEDATTRIBUTES", "ZASSET=2"),
    ("ZCOMPUTEDASSETATTRIBUTES", "ZASSET=2"),
    ("ZDETECTEDFACE", "ZASSETFORFACE=2"),
    ("ZCLOUDSHAREDCOMMENT", "ZCOMMENTEDASSET=2"),
    ("ZINTERNALRESOURCE", "ZASSET=2"),
    ("ZCLOUDMASTERMEDIAMETADATA", "ZCLOUDMASTER IN (SELECT ZMASTER FROM ZASSET WHERE Z_PK=2)"),
    ("ZUSERFEEDBACK", "1"),
];

fn crowd(bundle: &Path, table: &str) {
    match TABLES.iter().find(|(it, _)| *it == table) {
        Some((_, condition)) => repeat(bundle, table, condition),
        None if table == "Z_1KEYWORDS" => {
            let of_asset = "Z_1ASSETATTRIBUTES IN \
                 (SELECT Z_PK FROM ZADDITIONALASSETATTRIBUTES WHERE ZASSET=2)";
            repeat_join(bundle, table, "Z_1ASSETATTRIBUTES", of_asset);
        }
        None => repeat_join(bundle, table, "Z_3ASSETS", "Z_3ASSETS=2"),
    }
}

#[test]
fn a_crowd_of_rows_of_one_asset_hurts_no_other() {
    let joins = ["Z_1KEYWORDS", "Z_33ASSETS"];
    for table in TABLES.iter().map(|(table, _)| *table).chain(joins) {
        let temp = tempfile::tempdir().unwrap();
        let (bundle, uuid) = build(temp.path(), |_| {});
        crowd(&bundle, table);
        only_one_is_hurt(&ask_everything(&bundle, table), &uuid, table);
    }
}

#[test]
fn a_crowd_in_every_table_at_once_leaves_a_small_process() {
    let temp = tempfile::tempdir().unwrap();
    let (bundle, uuid) = build(temp.path(), |_| {});
    // The longest texts that are read, said again and again.
    let long = "replace(hex(zeroblob(30000)),'0','x')";
    sql(
        &bundle,
        &format!(
            "UPDATE ZKEYWORD SET ZTITLE={long} WHERE ZTITLE='keyword';
             UPDATE ZPERSON SET ZFULLNAME={long}; UPDATE ZGENERICALBUM SET ZTITLE={long};
             UPDATE ZCLOUDSHAREDCOMMENT SET ZCOMMENTTEXT={long}"
        ),
    );
    for (table, _) in TABLES.iter().filter(|(table, _)| *table != "ZCLOUDSHAREDCOMMENT") {
        crowd(&bundle, table);
    }
    crowd(&bundle, "Z_1KEYWORDS");
    crowd(&bundle, "Z_33ASSETS");
    let found = asked_by_a_small_process(&bundle);
    assert_eq!(found, 3);
    let found = ask_everything(&bundle, "all");
    let hurt = &found[&uuid];
    assert!(hurt.problem.as_deref().unwrap().ends_with("is too long"), "{:?}", hurt.problem);
}

#[test]
fn albums_within_long_folders_are_bounded_where_they_are_written() {
    let temp = tempfile::tempdir().unwrap();
    let (bundle, uuid) = build(temp.path(), |builder| {
        let mut folder = builder.folder(FolderSpec::new("F"));
        for _ in 0..40 {
            folder = builder.folder(FolderSpec::new("F").within(folder));
        }
        let key = builder.asset(AssetSpec::photo("IMG_0004.JPG", Content::jpeg(4)).title("t"));
        for _ in 0..300 {
            builder.album(AlbumSpec::new("A").within(folder).members([key]));
        }
    });
    sql(
        &bundle,
        "UPDATE ZGENERICALBUM SET ZTITLE=replace(hex(zeroblob(30000)),'0','x') WHERE ZTITLE='F'",
    );
    assert_eq!(asked_by_a_small_process(&bundle), 4);
    let found = ask_everything(&bundle, "folders");
    let hurt: Vec<&Asset> = found.values().filter(|it| it.problem.is_some()).collect();
    assert_eq!(hurt.len(), 1);
    assert!(found[&uuid].problem.is_none());
}

#[test]
fn a_burst_of_fifty_thousand_is_read_page_by_page() {
    let temp = tempfile::tempdir().unwrap();
    let (bundle, _) = build(temp.path(), |_| {});
    let list = columns(&bundle, "ZASSET");
    let made = list.iter().map(|column| match column.as_str() {
        "ZUUID" => "printf('%08X-0000-4000-8000-000000000000',i)".to_owned(),
        "ZAVALANCHEUUID" => "'burst'".to_owned(),
        "ZAVALANCHEPICKTYPE" => "16".to_owned(),
        other => other.to_owned(),
    });
    let made: Vec<String> = made.collect();
    sql(
        &bundle,
        &format!(
            "INSERT INTO ZASSET({}) SELECT {} FROM ZASSET,
             (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<50000)
             SELECT i FROM n) WHERE Z_PK=1",
            list.join(","),
            made.join(",")
        ),
    );
    let opened = Opened::all(&bundle);
    let mut query = Query { fields: Fields::all(), limit: 1_000, ..everything() };
    for _ in 0..3 {
        let (limit, _) = counted();
        let page = opened.library.query(&opened.grant, &query, &limit).unwrap();
        assert!(page.assets.count() > 0);
        assert!(page.assets.json().len() < MAX_RESPONSE_FRAME_BYTES);
        query.after = Some(page.next.unwrap());
    }
    let (limit, _) = counted();
    let counted = opened.library.count(&opened.grant, &Filter::everything(), &[], &limit).unwrap();
    assert_eq!(counted.found, 50_003);
}

/// Asks for all records in a process of its own, for memory is a process's; returns how many.
fn asked_by_a_small_process(bundle: &Path) -> usize {
    let done = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::crowds::asker", "--nocapture"])
        .env(BUNDLE, bundle)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let text = String::from_utf8(done.stdout).unwrap();
    let line = text.lines().find_map(|line| line.split_once("ASKED ")).unwrap().1;
    let numbers: Vec<u64> = line.split(' ').map(|it| it.parse().unwrap()).collect();
    assert!(numbers[1] < MAX_KIB, "{} KiB", numbers[1]);
    usize::try_from(numbers[0]).unwrap()
}

/// The other process: does something only where a test above has named a library.
#[test]
fn asker() {
    let Some(bundle) = std::env::var_os(BUNDLE) else { return };
    let before = peak_kib();
    let opened = Opened::all(Path::new(&bundle));
    let mut query = Query { fields: Fields::all(), limit: 1_000, ..everything() };
    let mut found = 0;
    loop {
        let page = opened.library.query(&opened.grant, &query, &never()).unwrap();
        found += page.assets.count();
        match page.next {
            Some(next) => query.after = Some(next),
            None => break,
        }
    }
    println!("\nASKED {found} {}", peak_kib() - before);
}

/// The most memory that this process had; 0 where the machine does not tell.
fn peak_kib() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or(0, |it| it.trim().trim_end_matches(" kB").parse().unwrap())
}
