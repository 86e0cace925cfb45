//! Nonsense in every column of every table that is read, and views in the place of tables.
//!
//! Each asset of a library has the value in another column, so that one answer shows them all: it
//! has every asset, each with all fields of their right types, and no other asset of it is hurt.

use std::fs;
use std::path::Path;

use darkslide_fixture::{
    AlbumSpec, AssetSpec, CloudSpec, CommentSpec, Content, Exif, FaceSpec, FolderSpec, Invitation,
    LibraryBuilder, Model, PersonSpec, PlaceSpec, WalState,
};
use darkslide_library::{AlbumKind, Damage, LibraryError, Query};
use darkslide_protocol::field::{Field, Fields};
use darkslide_protocol::filter::{CountWith, Facet, Filter, Sort};
use darkslide_protocol::message::record::Asset;
use serde_json::Value;

use super::sql;
use crate::opened::{Opened, catalog, never, slow_wanted, writable};
use crate::real_libraries::{everything, records};

/// More than any table has columns that are read.
const ASSETS: usize = 40;

/// What no column of its kind should hold. SQLite stores no NaN: it becomes NULL.
const VALUES: &[&str] = &[
    "NULL",
    "'text'",
    "''",
    "9223372036854775807",
    "-9223372036854775808",
    "-1",
    "2",
    "0.5",
    "1e308",
    "-1e308",
    "9e999",
    "-9e999",
    "5e-324",
    "253402300800.0",
    "CAST(x'ff80' AS TEXT)",
    "'a'||char(0)||'b'",
    "char(1)||char(8238)||'\"\\'||char(127)||char(8232)||char(65534)",
    "x'00ff'",
    "x'62706c6973743030'",
    "'../../x'",
    "replace(hex(zeroblob(40000)),'0','x')",
];

/// Tables that are read, by models.
fn tables(model: Model) -> Vec<&'static str> {
    let mut tables = vec![
        model.asset_table(),
        "ZADDITIONALASSETATTRIBUTES",
        "ZASSETDESCRIPTION",
        "ZKEYWORD",
        "ZGENERICALBUM",
        "ZINTERNALRESOURCE",
        "ZEXTENDEDATTRIBUTES",
        "ZCOMPUTEDASSETATTRIBUTES",
        "ZUNMANAGEDADJUSTMENT",
        "ZCLOUDMASTER",
        "ZCLOUDMASTERMEDIAMETADATA",
        "ZPERSON",
        "ZDETECTEDFACE",
        "ZCLOUDSHAREDCOMMENT",
        "ZCLOUDSHAREDALBUMINVITATIONRECORD",
        "ZFILESYSTEMVOLUME",
        "ZFILESYSTEMBOOKMARK",
    ];
    match model {
        Model::Photos5 => tables.push("ZUNIFORMTYPEIDENTIFIER"),
        Model::Photos11 => {
            tables.extend(["ZSHARE", "ZSHAREPARTICIPANT", "ZUSERFEEDBACK"]);
        }
    }
    tables
}

/// A library of assets that have one of everything each.
pub(super) fn rich(model: Model, bundle: &Path) {
    let mut builder = LibraryBuilder::new(model);
    builder.wal(WalState::Absent);
    let folder = builder.folder(FolderSpec::new("Folder"));
    for index in 0..ASSETS {
        let person = builder.person(PersonSpec::new(format!("Person {index}")).feedback(1));
        let hash = format!("hash {index}");
        builder.invitation(Invitation::new(hash.clone(), "First", &format!("{index}")));
        let number = u32::try_from(index).unwrap();
        let mut photo = AssetSpec::photo(format!("IMG_{index:04}.HEIC"), Content::heic(number))
            .title(format!("title {index}"))
            .description("description")
            .keyword(format!("keyword {index}"))
            .location(51.5, -0.1)
            .place(PlaceSpec::new("GB").name(4, 1.0, "London"))
            .exif(Exif { iso: Some(100), ..Exif::default() })
            .scored(0.1)
            .face(FaceSpec::of(person).at(0.5, 0.5, 0.1))
            .comment(CommentSpec::new("text").on(1.0).by(hash.clone()))
            .owner(hash)
            .cloud(CloudSpec::new(format!("guid {index}")).local_state(3));
        if index % 2 == 0 {
            photo = photo.edited(Content::heic(number)).adjustment_format("a.b");
        }
        if index % 3 == 0 {
            photo = photo.referenced("/Volumes/Disk/Folder");
        }
        let key = builder.asset(photo);
        builder.album(AlbumSpec::new(format!("Album {index}")).within(folder).members([key]));
    }
    builder.build(bundle).unwrap();
}

/// Puts a value into each column of a table, of another row each; none where there is no row.
fn scatter(database: &Path, table: &str, value: &str) {
    let connection = writable(database);
    for (index, column) in super::columns(database, table).iter().enumerate() {
        // SQLite refuses some itself, of a column whose values are there once.
        let change = format!(
            "UPDATE OR IGNORE {table} SET {column}={value} WHERE Z_PK=\
             (SELECT Z_PK FROM {table} ORDER BY Z_PK LIMIT 1 OFFSET {index})"
        );
        connection.execute_batch(&change).unwrap();
    }
}

/// Asks for everything; returns how many assets have a problem.
pub(super) fn ask_everything(bundle: &Path, what: &str) -> usize {
    let opened = Opened::all(bundle);
    let query = Query { fields: Fields::all(), limit: 50, ..everything() };
    let found = records(&opened, query);
    // One of them has no name any more.
    assert!((ASSETS - 1..=ASSETS).contains(&found.len()), "{what}: {}", found.len());
    let mut problems = 0;
    for record in found {
        let object = record.as_object().unwrap();
        if record["problem"] == "the record is too long" {
            assert_eq!(object.len(), 2, "{what}: nothing but its name");
            problems += 1;
            continue;
        }
        for field in Field::ALL.iter().filter(|field| **field != Field::Problem) {
            assert!(object.contains_key(field.as_str()), "{what}: {field} is not there");
        }
        let asset: Asset =
            serde_json::from_value(record).unwrap_or_else(|error| panic!("{what}: {error}"));
        problems += usize::from(asset.problem.is_some());
    }
    let (library, grant) = (&opened.library, &opened.grant);
    let all = Filter::everything();
    let told = [
        library.info(grant, &never()).map(drop),
        library.albums(grant, AlbumKind::ALL, &[], &never()).map(drop),
        catalog(&opened).map(drop),
        library.count_with(grant, &all, &[], CountWith::ALL, &never()).map(drop),
    ];
    for told in told {
        told.unwrap_or_else(|error| panic!("{what}: {error:?}"));
    }
    for facet in Facet::ALL {
        let told = library.facet(grant, *facet, &all, &[], &never());
        assert!(told.is_ok(), "{what}, {facet}: {told:?}");
    }
    for sort in [Sort::Added, Sort::Modified, Sort::Name, Sort::Size] {
        let query = Query { fields: Fields::from_iter([]), sort, ..everything() };
        let sorted = records(&opened, Query { limit: 20, ..query });
        assert!(sorted.len() >= ASSETS - 1, "{what}, {sort}: {}", sorted.len());
    }
    let uuids: Vec<_> = library.select(grant, &all, &[], &never()).unwrap().found.iter().collect();
    library
        .resources(grant, &uuids, darkslide_library::Version::USUAL, &never())
        .unwrap_or_else(|error| panic!("{what}: {error:?}"));
    library
        .list_resources(grant, &uuids, &never())
        .unwrap_or_else(|error| panic!("{what}: {error:?}"));
    problems
}

#[test]
fn nonsense_in_a_column_hurts_the_asset_that_has_it_and_no_other() {
    let models: &[Model] = if slow_wanted() { &Model::ALL } else { &[Model::Photos11] };
    for model in models {
        let temp = tempfile::tempdir().unwrap();
        let bundle = temp.path().join("S.photoslibrary");
        rich(*model, &bundle);
        assert_eq!(ask_everything(&bundle, "sound"), 0);
        let database = bundle.join("database/Photos.sqlite");
        let pristine = fs::read(&database).unwrap();
        for (number, table) in tables(*model).into_iter().enumerate() {
            // A few for each table, and all for all of them together.
            let some = VALUES
                .iter()
                .enumerate()
                .filter(|(index, _)| slow_wanted() || index % 7 == number % 7);
            for (_, value) in some {
                scatter(&database, table, value);
                ask_everything(&bundle, &format!("{model:?} {table} {value}"));
                fs::write(&database, &pristine).unwrap();
            }
        }
    }
}

#[test]
fn values_of_many_megabytes_hurt_the_asset_that_has_them_and_no_other() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = temp.path().join("S.photoslibrary");
    rich(Model::Photos11, &bundle);
    let database = bundle.join("database/Photos.sqlite");
    let pristine = fs::read(&database).unwrap();
    let bytes = if slow_wanted() { 200_000_000 } else { 17_000_000 };
    for (table, column) in [
        ("ZADDITIONALASSETATTRIBUTES", "ZTITLE"),
        ("ZADDITIONALASSETATTRIBUTES", "ZREVERSELOCATIONDATA"),
        ("ZASSETDESCRIPTION", "ZLONGDESCRIPTION"),
        ("ZKEYWORD", "ZTITLE"),
        ("ZPERSON", "ZFULLNAME"),
        ("ZGENERICALBUM", "ZTITLE"),
        ("ZEXTENDEDATTRIBUTES", "ZISO"),
        ("ZCOMPUTEDASSETATTRIBUTES", "ZNOISESCORE"),
        ("ZCLOUDMASTERMEDIAMETADATA", "ZDATA"),
        ("ZCLOUDSHAREDCOMMENT", "ZCOMMENTTEXT"),
        ("ZCLOUDSHAREDALBUMINVITATIONRECORD", "ZINVITEEFULLNAME"),
        ("ZDETECTEDFACE", "ZCENTERX"),
        ("ZINTERNALRESOURCE", "ZDATALENGTH"),
    ] {
        sql(
            &bundle,
            &format!(
                "UPDATE {table} SET {column}=zeroblob({bytes}) \
                 WHERE Z_PK=(SELECT min(Z_PK) FROM {table})"
            ),
        );
        let problems = ask_everything(&bundle, &format!("{table}.{column}"));
        assert!(problems <= 2, "{table}.{column}: {problems}");
        fs::write(&database, &pristine).unwrap();
    }
}

#[test]
fn a_view_in_the_place_of_any_table_is_refused_by_its_name() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = temp.path().join("S.photoslibrary");
    rich(Model::Photos11, &bundle);
    let database = bundle.join("database/Photos.sqlite");
    let pristine = fs::read(&database).unwrap();
    let joins = ["Z_1KEYWORDS", "Z_33ASSETS", "ATRANSACTION", "Z_METADATA", "Z_PRIMARYKEY"];
    for table in tables(Model::Photos11).into_iter().chain(joins) {
        if table == "ZUNIFORMTYPEIDENTIFIER" {
            continue;
        }
        for view in [
            format!("CREATE VIEW {table} AS SELECT * FROM ZGONE"),
            format!(
                "CREATE VIEW {table} AS WITH RECURSIVE n(Z_PK) AS \
                 (SELECT 1 UNION ALL SELECT Z_PK+1 FROM n) SELECT * FROM n"
            ),
        ] {
            sql(&bundle, &format!("ALTER TABLE {table} RENAME TO ZGONE; {view}"));
            let opened = Opened::all(&bundle);
            match opened.library.query(&opened.grant, &everything(), &never()) {
                Err(LibraryError::Damaged(Damage::NotATable { name })) => assert_eq!(name, table),
                other => panic!("{table}: {other:?}"),
            }
            fs::write(&database, &pristine).unwrap();
        }
    }
}

#[test]
fn every_text_comes_out_as_it_is_or_not_at_all() {
    let temp = tempfile::tempdir().unwrap();
    let bundle = temp.path().join("S.photoslibrary");
    rich(Model::Photos11, &bundle);
    let odd = "char(1)||char(8238)||'\"\\'||char(127)||char(8232)||char(65534)||char(128169)";
    let title = "\u{1}\u{202e}\"\\\u{7f}\u{2028}\u{fffe}\u{1f4a9}";
    sql(
        &bundle,
        &format!(
            "UPDATE ZADDITIONALASSETATTRIBUTES SET ZTITLE={odd};
             UPDATE ZKEYWORD SET ZTITLE={odd}||Z_PK; UPDATE ZGENERICALBUM SET ZTITLE={odd} WHERE ZKIND=2;
             UPDATE ZPERSON SET ZFULLNAME={odd}; UPDATE ZCLOUDSHAREDCOMMENT SET ZCOMMENTTEXT={odd};
             UPDATE ZASSETDESCRIPTION SET ZLONGDESCRIPTION='a'||char(0)||'b'"
        ),
    );
    let opened = Opened::all(&bundle);
    let query = Query { fields: Fields::all(), limit: 10, ..everything() };
    for record in records(&opened, query) {
        assert_eq!(record["title"], title);
        assert!(record["keywords"][0].as_str().unwrap().starts_with(title));
        assert_eq!(record["albums"][0], title);
        assert_eq!(record["persons"][0], title);
        assert_eq!(record["comments"][0]["text"], title);
        assert_eq!(record["description"], Value::Null);
        assert_eq!(record["problem"], "ZLONGDESCRIPTION is not text");
    }
}
