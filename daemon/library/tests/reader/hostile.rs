//! Content that was made to hurt: nonsense in every column, names that are paths, circles, twins,
//! links among the photos.
//!
//! The answer is an asset with a problem, an absent file with a reason, or a named error; never a
//! panic, a hang, or a file from elsewhere.

mod crowds;
mod lists;
mod values;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use darkslide_fixture::{
    AlbumSpec, AssetSpec, BuiltLibrary, Content, FolderSpec, LibraryBuilder, Model, WalState,
};
use darkslide_library::{Absence, AlbumKind, AlbumProblem, LibraryError, Presence, Version};
use darkslide_protocol::field::Fields;
use darkslide_protocol::filter::{Filter, Flag, Kind};
use darkslide_protocol::message::record::Asset;
use darkslide_protocol::value::Uuid;

use crate::opened::{Opened, catalog, never, read, slow_wanted, uuid_of, writable};
use crate::real_libraries::{all, everything};

fn sql(bundle: &Path, text: &str) {
    let connection = writable(bundle.join("database/Photos.sqlite"));
    connection.execute_batch(text).unwrap();
}

/// One of everything that has rows of its own.
fn one_of_each(model: Model, below: &Path) -> BuiltLibrary {
    let mut builder = LibraryBuilder::new(model);
    builder.wal(WalState::Absent);
    let first = builder.asset(
        AssetSpec::photo("IMG_0001.HEIC", Content::heic(1))
            .title("title")
            .description("description")
            .keyword("keyword")
            .live(Content::mov(2))
            .edited(Content::heic(3)),
    );
    let second = builder.asset(AssetSpec::photo("IMG_0002.JPG", Content::jpeg(4)));
    let folder = builder.folder(FolderSpec::new("Folder"));
    builder.album(AlbumSpec::new("Album").within(folder).members([first, second]));
    builder.build(&below.join("S.photoslibrary")).unwrap()
}

/// Every question; errors must be of the kinds that a damaged file may give.
fn ask_everything(opened: &Opened, what: &str) {
    let check = |answer: Result<(), LibraryError>| match answer {
        Ok(()) | Err(LibraryError::Damaged(_)) => {}
        Err(other) => panic!("{what}: {other:?}"),
    };
    let (library, grant) = (&opened.library, &opened.grant);
    let page = library
        .query(grant, &everything(), &never())
        .unwrap_or_else(|error| panic!("{what}: {error:?}"));
    let uuids: Vec<Uuid> = read(&page.assets).iter().map(uuid_of).collect();
    check(library.info(grant, &never()).map(drop));
    check(library.albums(grant, AlbumKind::ALL, &[], &never()).map(drop));
    check(catalog(opened).map(drop));
    check(library.resources(grant, &uuids, Version::USUAL, &never()).map(drop));
    check(
        library
            .count(grant, &Filter::Album(String::from("Album")), &[], &never())
            .map(drop)
            .or_else(|error| {
                let nameless = matches!(error, LibraryError::NoSuchAlbum { .. });
                if nameless { Ok(()) } else { Err(error) }
            }),
    );
}

#[test]
fn nonsense_in_any_column_is_a_problem_of_that_row_alone() {
    let values =
        ["'text'", "NULL", "9223372036854775807", "CAST(x'ff80' AS TEXT)", "'a'||char(0)||'b'"];
    put_in_every_column(Model::Photos11, &values);
}

mod slow {
    //! More of the same, which takes its time: some thousand questions, some gigabytes of values.

    use super::*;

    #[test]
    fn more_nonsense_in_any_column_is_a_problem_of_that_row_alone() {
        if slow_wanted() {
            let more = ["-1", "1e308", "x'00ff'", "'../../x'", "zeroblob(17000000)"];
            put_in_every_column(Model::Photos11, &more);
            put_in_every_column(Model::Photos5, &["'text'", "NULL", "-1", "x'00ff'"]);
        }
    }
}

/// Puts each value into each column that is read, of one row, and asks everything.
fn put_in_every_column(model: Model, values: &[&str]) {
    let temp = tempfile::tempdir().unwrap();
    let built = one_of_each(model, temp.path());
    let path = built.path().join("database/Photos.sqlite");
    let pristine = fs::read(&path).unwrap();
    for table in [
        model.asset_table(),
        "ZADDITIONALASSETATTRIBUTES",
        "ZGENERICALBUM",
        "ZINTERNALRESOURCE",
        "ZKEYWORD",
        "ZASSETDESCRIPTION",
        "Z_METADATA",
    ] {
        for column in columns(&path, table) {
            for value in values {
                let change = format!(
                    "UPDATE {table} SET {column}={value} WHERE rowid=(SELECT min(rowid) FROM {table})"
                );
                // SQLite itself refuses some, for a column that must be unique.
                let done = writable(&path).execute_batch(&change);
                if done.is_ok() {
                    ask_everything(&Opened::all(built.path()), &change);
                }
                fs::write(&path, &pristine).unwrap();
            }
        }
    }
}

/// The columns that the reader knows of: those that its sources name.
fn columns(path: &Path, table: &str) -> Vec<String> {
    let schema = [
        "asset.rs",
        "album.rs",
        "resource.rs",
        "people.rs",
        "sharing.rs",
        "exif.rs",
        "score.rs",
        "cloud.rs",
        "mod.rs",
    ]
    .map(|file| {
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema").join(file))
            .unwrap()
    })
    .concat();
    let connection = writable(path);
    let mut statement = connection.prepare(&format!("PRAGMA table_info({table})")).unwrap();
    let names = statement.query_map([], |row| row.get::<_, String>(1)).unwrap();
    names
        .map(Result::unwrap)
        .filter(|name| name != "Z_PK" && schema.contains(&format!("\"{name}\"")))
        .collect()
}

#[test]
fn a_row_with_a_problem_says_which_and_the_rest_of_it_stays() {
    let temp = tempfile::tempdir().unwrap();
    let built = one_of_each(Model::Photos11, temp.path());
    sql(
        built.path(),
        "UPDATE ZADDITIONALASSETATTRIBUTES SET ZTITLE=zeroblob(20000000) WHERE ZTITLE='title'",
    );
    let opened = Opened::all(built.path());
    let assets = all(&opened, everything());
    assert_eq!(assets.len(), 2);
    let asset = assets.iter().find(|asset| asset.live_photo).unwrap();
    assert_eq!(asset.keywords, ["keyword"]);
    assert_eq!(asset.description.as_deref(), Some("description"));
    assert!(asset.path.is_some());
    sql(
        built.path(),
        "UPDATE ZADDITIONALASSETATTRIBUTES SET ZTITLE=CAST(x'ff' AS TEXT) WHERE ZTITLE IS NOT NULL",
    );
    let assets = all(&opened, everything());
    let asset = assets.iter().find(|asset| asset.live_photo).unwrap();
    assert_eq!(asset.title, None);
    assert_eq!(asset.problem.as_deref().unwrap(), "ZTITLE is not text");
}

/// The original of the first asset, after its row was changed.
fn original_after(change: &str, prepare: impl FnOnce(&Path)) -> Presence {
    let temp = tempfile::tempdir().unwrap();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    builder.wal(WalState::Absent);
    let key = builder.asset(AssetSpec::photo("IMG_0001.JPG", Content::jpeg(1)));
    let built = builder.build(&temp.path().join("S.photoslibrary")).unwrap();
    fs::write(temp.path().join("secret.jpeg"), "secret").unwrap();
    sql(built.path(), change);
    let uuid = Uuid::parse(built.asset(key).unwrap().uuid()).unwrap();
    let path = built
        .path()
        .join(built.file(key, darkslide_fixture::Version::Original).unwrap().path().unwrap());
    prepare(&path);
    let opened = Opened::all(built.path());
    let found = opened.library.resources(&opened.grant, &[uuid], Version::USUAL, &never()).unwrap();
    let original = found[0].resources[0].clone();
    assert_eq!(original.version, Version::Original);
    let asset = &all(&opened, everything())[0];
    assert_eq!(asset.path.is_some(), matches!(original.presence, Presence::Here { .. }));
    original.presence
}

#[test]
fn no_row_leads_out_of_the_bundle() {
    let nothing = |_: &Path| {};
    for (change, absence) in [
        ("ZDIRECTORY='../..', ZFILENAME='secret.jpeg'", Absence::OutsideBundle),
        ("ZDIRECTORY='A/../../..', ZFILENAME='secret.jpeg'", Absence::OutsideBundle),
        ("ZDIRECTORY='.'", Absence::BadName),
        ("ZDIRECTORY='/etc', ZFILENAME='passwd'", Absence::Referenced),
        ("ZDIRECTORY='A//B'", Absence::BadName),
        ("ZFILENAME='../../secret.jpeg'", Absence::BadName),
        ("ZFILENAME='..'", Absence::BadName),
        ("ZFILENAME='a/b'", Absence::BadName),
        ("ZFILENAME='a'||char(10)", Absence::BadName),
        ("ZFILENAME=NULL", Absence::BadName),
        ("ZFILENAME=x'00'", Absence::BadName),
        ("ZFILENAME='gone.jpeg'", Absence::NotOnDisk),
    ] {
        let found = original_after(&format!("UPDATE ZASSET SET {change}"), nothing);
        assert_eq!(found, Presence::Absent(absence), "{change}");
    }
    assert!(matches!(original_after("SELECT 1", nothing), Presence::Here { .. }));
}

#[test]
fn a_link_a_folder_and_a_pipe_among_the_photos_are_no_photos() {
    let not_a_file = Presence::Absent(Absence::NotAFile);
    let link = original_after("SELECT 1", |path| {
        fs::remove_file(path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
    });
    assert_eq!(link, not_a_file);
    let folder_link = original_after("SELECT 1", |path| {
        let folder = path.parent().unwrap();
        let moved = folder.with_extension("moved");
        fs::rename(folder, &moved).unwrap();
        std::os::unix::fs::symlink(&moved, folder).unwrap();
    });
    assert_eq!(folder_link, not_a_file);
    let folder = original_after("SELECT 1", |path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    });
    assert_eq!(folder, not_a_file);
    let pipe = original_after("SELECT 1", |path| {
        fs::remove_file(path).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
    });
    assert_eq!(pipe, not_a_file);
}

#[test]
fn twins_and_rows_without_a_usable_uuid_are_no_assets_of_their_own() {
    let temp = tempfile::tempdir().unwrap();
    let built = one_of_each(Model::Photos11, temp.path());
    sql(
        built.path(),
        "CREATE TEMP TABLE t AS SELECT * FROM ZASSET LIMIT 1;
         UPDATE t SET Z_PK=1001; INSERT INTO ZASSET SELECT * FROM t;
         UPDATE t SET Z_PK=1002, ZUUID='../../x'; INSERT INTO ZASSET SELECT * FROM t;
         UPDATE t SET Z_PK=1005; INSERT INTO ZASSET SELECT * FROM t;
         UPDATE t SET Z_PK=1003, ZUUID=NULL; INSERT INTO ZASSET SELECT * FROM t;
         UPDATE t SET Z_PK=1004, ZUUID='--------------------------------0000'; INSERT INTO ZASSET SELECT * FROM t;",
    );
    let opened = Opened::all(built.path());
    let entries = catalog(&opened).unwrap();
    assert_eq!(entries.len(), 2);
    let info = opened.library.info(&opened.grant, &never()).unwrap();
    assert_eq!(info.nameless_count, 4);
    let uuids: Vec<Uuid> = entries.iter().map(|entry| entry.uuid.clone()).collect();
    assert_eq!(
        opened.library.get(&opened.grant, &uuids, Fields::all(), &never()).unwrap().assets.count(),
        2
    );
    assert!(all(&opened, everything()).iter().all(|asset| uuids.contains(&uuid_of(asset))));
}

#[test]
fn of_twins_every_question_sees_the_first_that_the_grant_shows() {
    let temp = tempfile::tempdir().unwrap();
    let built = one_of_each(Model::Photos11, temp.path());
    sql(
        built.path(),
        "CREATE TEMP TABLE t AS SELECT * FROM ZASSET ORDER BY Z_PK LIMIT 1;
         UPDATE ZASSET SET ZHIDDEN=1 WHERE Z_PK=(SELECT Z_PK FROM t);
         CREATE TEMP TABLE m AS SELECT * FROM Z_33ASSETS WHERE Z_3ASSETS=(SELECT Z_PK FROM t);
         UPDATE t SET Z_PK=1001, ZWIDTH=77; INSERT INTO ZASSET SELECT * FROM t;
         UPDATE m SET Z_3ASSETS=1001; INSERT INTO Z_33ASSETS SELECT * FROM m;",
    );
    let count = |opened: &Opened, filter: &Filter| {
        let (library, grant) = (&opened.library, &opened.grant);
        let mut query = everything();
        query.filter = filter.clone();
        let found = read(&library.query(grant, &query, &never()).unwrap().assets);
        let selected = library.select(grant, filter, &query.include, &never()).unwrap().found;
        let selected: Vec<Uuid> = selected.iter().collect();
        let counted = library.count(grant, filter, &query.include, &never()).unwrap().found;
        let rows = if grant.covers().shows_hidden() { found.len() + 1 } else { found.len() };
        let uuids: BTreeSet<&String> = found.iter().map(|asset| &asset.uuid).collect();
        assert_eq!((uuids.len(), selected.len()), (found.len(), found.len()));
        // A count is of rows, but never of one that the grant withholds.
        assert_eq!(counted, rows as u64);
        let got = library.get(grant, &selected, Fields::summary(), &never()).unwrap().assets;
        let got = read(&got);
        let width = |asset: &Asset| (asset.uuid.clone(), asset.width);
        let both = [&found, &got].map(|list| list.iter().map(width).collect::<BTreeSet<_>>());
        assert_eq!(both[0], both[1]);
        found
    };
    let album = Filter::Album(String::from("Album"));
    for hidden in [false, true] {
        let opened = Opened::with(built.path(), hidden, true);
        let found = count(&opened, &Filter::everything());
        assert_eq!(found.len(), 2);
        let of_album = count(&opened, &album);
        let include = everything().include;
        let albums = opened.library.albums(&opened.grant, AlbumKind::ALL, &include, &never());
        let albums = albums.unwrap().found;
        let listed = albums.iter().find(|it| &*it.title == "Album").unwrap().count;
        assert_eq!(listed, Some(of_album.len() as u64));
        let info = opened.library.info(&opened.grant, &never()).unwrap();
        assert_eq!(info.photos_count, if hidden { 1 } else { 2 });
        let twin = found.iter().any(|asset| asset.width == Some(77));
        // The first is hidden: whoever may not see it has the second, as if there were no other.
        assert_eq!(twin, !hidden);
    }
}

#[test]
fn a_filter_that_is_too_large_for_sqlite_is_no_damage() {
    let temp = tempfile::tempdir().unwrap();
    let built = one_of_each(Model::Photos11, temp.path());
    let opened = Opened::all(built.path());
    let (library, grant) = (&opened.library, &opened.grant);
    let many = |leaf: Filter, count| Filter::Any(vec![leaf; count]);
    let nested = |depth| {
        (0..depth).fold(Filter::Is(Flag::Favorite), |filter, _| Filter::Not(Box::new(filter)))
    };
    let in_parts = |leaf, count| Filter::All(vec![many(leaf, count); count]);
    for (filter, is_answered) in [
        (many(Filter::Is(Flag::Edited), 500), true),
        (many(Filter::Is(Flag::Edited), 2_000), false),
        (many(Filter::All(Vec::new()), 2_000), false),
        (nested(90), true),
        (in_parts(Filter::Kind(Kind::Selfie), 20), true),
        (in_parts(Filter::Kind(Kind::Selfie), 200), false),
    ] {
        let mut query = everything();
        query.filter = filter;
        let answers = [
            library.query(grant, &query, &never()).map(drop),
            library.count(grant, &query.filter, &[], &never()).map(drop),
            library.select(grant, &query.filter, &[], &never()).map(drop),
        ];
        for answer in answers {
            match answer {
                Ok(()) => assert!(is_answered),
                Err(error @ LibraryError::TooComplex) => {
                    assert!(!is_answered);
                    assert_eq!(error.hint(), "use a smaller filter");
                }
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}

#[test]
fn albums_in_a_circle_or_below_what_is_gone_stand_at_the_top() {
    for model in Model::ALL {
        let temp = tempfile::tempdir().unwrap();
        let mut builder = LibraryBuilder::new(model);
        let key = builder.asset(AssetSpec::photo("IMG_0001.JPG", Content::jpeg(1)));
        let outer = builder.folder(FolderSpec::new("Outer"));
        let inner = builder.folder(FolderSpec::new("Inner").within(outer));
        builder.move_folder(outer, inner);
        let trashed = builder.folder(FolderSpec::new("Trashed").trashed());
        builder.album(AlbumSpec::new("Circle").within(inner).members([key]));
        builder.album(AlbumSpec::new("Gone").within_a_folder_that_is_gone().members([key]));
        builder.album(AlbumSpec::new("Below trash").within(trashed).members([key]));
        builder.album(AlbumSpec::new("In trash").trashed().members([key]));
        let built = builder.build(&temp.path().join("S.photoslibrary")).unwrap();
        let opened = Opened::all(built.path());
        let albums = opened.library.albums(&opened.grant, AlbumKind::ALL, &[], &never());
        let albums = albums.unwrap().found;
        let problem = |title: &str| {
            let album = albums.iter().find(|album| &*album.title == title).unwrap();
            assert!(album.path.is_empty() || album.problem.is_none());
            album.problem
        };
        assert_eq!(problem("Circle"), Some(AlbumProblem::Cycle), "{model:?}");
        assert_eq!(problem("Gone"), Some(AlbumProblem::ParentGone));
        assert_eq!(problem("Below trash"), Some(AlbumProblem::ParentTrashed));
        assert!(albums.iter().all(|album| &*album.title != "In trash"));
        let titles = all(&opened, everything())[0].albums.clone();
        assert_eq!(titles, ["Below trash", "Circle", "Gone"]);
    }
}

#[test]
fn damage_at_random_gives_documented_errors_only() {
    // A fixed sequence, so that a failure comes again.
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed % below as u64).unwrap()
    };
    for model in Model::ALL {
        let temp = tempfile::tempdir().unwrap();
        let built = one_of_each(model, temp.path());
        let path = built.path().join("database/Photos.sqlite");
        let pristine = fs::read(&path).unwrap();
        for _ in 0..60 {
            let mut bytes = pristine.clone();
            for _ in 0..200 {
                let at = random(bytes.len());
                bytes[at] = u8::try_from(random(256)).unwrap();
            }
            fs::write(&path, bytes).unwrap();
            let opened = Opened::all(built.path());
            match opened.library.query(&opened.grant, &everything(), &never()) {
                Ok(_)
                | Err(
                    LibraryError::Damaged(_)
                    | LibraryError::Unsupported(_)
                    | LibraryError::NeedsRecovery,
                ) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
    }
}
