//! Models that nobody has seen: real libraries whose join tables have other numbers, or that lack a
//! column or a table.
//!
//! Names come from the reader's own schema files, so that a new one cannot be forgotten: without
//! what is needed a library is refused by that name, without anything else it is read, with all
//! fields of every asset, and a word says what is lacking.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use darkslide_library::{AlbumKind, Info, LibraryError, Query, Unsupported};
use darkslide_protocol::field::{Field, Fields};
use darkslide_protocol::message::record::Asset;
use rusqlite::Connection;
use serde_json::Value;

use crate::opened::{
    MODERN, Opened, bundle, catalog, copy_database, never, real, slow_wanted, writable,
};
use crate::real_libraries::everything;

/// Without them an answer would be wrong, so that there is none.
const NEEDED: &[(&str, &[&str])] = &[
    (
        "ZASSET",
        &[
            "Z_PK",
            "ZUUID",
            "ZDATECREATED",
            "ZKIND",
            "ZKINDSUBTYPE",
            "ZHIDDEN",
            "ZTRASHEDSTATE",
            "ZADJUSTMENTSSTATE",
            "ZDIRECTORY",
            "ZFILENAME",
            "ZAVALANCHEPICKTYPE",
            "ZAVALANCHEUUID",
        ],
    ),
    ("ZADDITIONALASSETATTRIBUTES", &["Z_PK", "ZASSET", "ZORIGINALFILENAME"]),
    ("ZGENERICALBUM", &["Z_PK", "ZUUID", "ZTITLE", "ZKIND", "ZTRASHEDSTATE", "ZPARENTFOLDER"]),
    ("ZINTERNALRESOURCE", &["Z_PK", "ZASSET", "ZDATASTORESUBTYPE"]),
];

/// Tables, and the word for their absence; none where some models have no such table, or no rows.
const OPTIONAL: &[(&str, Option<&str>)] = &[
    ("ZASSETDESCRIPTION", Some("description")),
    ("ZKEYWORD", Some("keywords")),
    ("Z_1KEYWORDS", Some("keywords")),
    ("ZEXTENDEDATTRIBUTES", Some("exif_info")),
    ("ZCOMPUTEDASSETATTRIBUTES", Some("score")),
    ("ZUNMANAGEDADJUSTMENT", Some("external_edit")),
    ("ZCLOUDMASTER", Some("incloud")),
    ("ZCLOUDMASTERMEDIAMETADATA", Some("cloud_metadata")),
    ("ZPERSON", Some("persons")),
    ("ZDETECTEDFACE", Some("face_info")),
    ("ZCLOUDSHAREDCOMMENT", Some("comments")),
    ("ZUSERFEEDBACK", None),
    ("ZFILESYSTEMBOOKMARK", Some("referenced files")),
    ("ZFILESYSTEMVOLUME", Some("referenced files")),
    ("ZUNIFORMTYPEIDENTIFIER", None),
    ("ZCLOUDSHAREDALBUMINVITATIONRECORD", None),
    ("ZSHAREPARTICIPANT", None),
    ("ZSHARE", None),
];

/// Columns that some models have: that another lacks them is no news.
const OF_SOME_MODELS: &[&str] = &[
    "ZCOLLECTIONSHARE",
    "ZACTIVELIBRARYSCOPEPARTICIPATIONSTATE",
    "ZSYNDICATIONIDENTIFIER",
    "ZSYNDICATIONHISTORY",
    "ZIMPORTEDBYDISPLAYNAME",
    "ZIMPORTEDBYBUNDLEIDENTIFIER",
    "ZKEYASSET",
    "ZUNIFORMTYPEIDENTIFIER",
    "ZCOMPACTUTI",
    "ZBEHAVIORALSCORE",
    "ZINTERACTIONSCORE",
];
/// The same in tables of their own, or of a table that is not asked for them: another of the same
/// file is.
const OF_SOME_MODELS_IN: &[(&str, &str)] = &[
    ("ZEXTENDEDATTRIBUTES", "ZDATECREATED"),
    ("ZEXTENDEDATTRIBUTES", "ZTIMEZONEOFFSET"),
    ("ZEXTENDEDATTRIBUTES", "ZTIMEZONENAME"),
    ("ZKEYWORD", "ZUUID"),
    ("ZPERSON", "ZAGETYPE"),
    ("ZPERSON", "ZGENDERTYPE"),
    ("ZGENERICALBUM", "Z_ENT"),
];

/// What each schema file tells of: the tables that its columns may stand in.
const FILES: &[(&str, &[&str])] = &[
    (
        "asset.rs",
        &["ZASSET", "ZGENERICASSET", "ZADDITIONALASSETATTRIBUTES", "ZASSETDESCRIPTION", "ZKEYWORD"],
    ),
    ("album.rs", &["ZGENERICALBUM", "ZSHARE"]),
    (
        "resource.rs",
        &[
            "ZINTERNALRESOURCE",
            "ZFILESYSTEMBOOKMARK",
            "ZFILESYSTEMVOLUME",
            "ZUNIFORMTYPEIDENTIFIER",
        ],
    ),
    ("people.rs", &["ZPERSON", "ZDETECTEDFACE", "ZUSERFEEDBACK"]),
    (
        "sharing.rs",
        &["ZCLOUDSHAREDCOMMENT", "ZCLOUDSHAREDALBUMINVITATIONRECORD", "ZSHAREPARTICIPANT"],
    ),
    ("exif.rs", &["ZEXTENDEDATTRIBUTES"]),
    ("score.rs", &["ZCOMPUTEDASSETATTRIBUTES", "ZASSET", "ZGENERICASSET"]),
    ("cloud.rs", &["ZCLOUDMASTER", "ZCLOUDMASTERMEDIAMETADATA", "ZUNMANAGEDADJUSTMENT"]),
];

/// A column as the schema has it.
struct Named {
    names: Vec<String>,
    word: Option<String>,
}

fn schema(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/schema");
    fs::read_to_string(folder.join(file)).unwrap()
}

fn quoted(text: &str) -> Vec<String> {
    text.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

/// The columns that a schema file names, with their words.
fn named(file: &str) -> Vec<Named> {
    let text = schema(file);
    let columns = text.split("(&[").skip(1).filter_map(|rest| {
        let (names, rest) = rest.split_once(']')?;
        let word = quoted(rest.split_once(')')?.0).pop();
        let names = quoted(names);
        (!names.is_empty()).then_some(Named { names, word })
    });
    let mut columns: Vec<Named> = columns.collect();
    columns.push(Named { names: vec![String::from("Z_PK")], word: None });
    columns
}

/// The tables that the schema names.
fn tables() -> BTreeSet<String> {
    let files = FILES.iter().map(|(file, _)| schema(file));
    files
        .flat_map(|text| {
            let lists = text.split("names: &[").skip(1);
            lists.flat_map(|it| quoted(it.split_once(']').unwrap().0)).collect::<Vec<_>>()
        })
        .collect()
}

/// A copy of a real library's database, without the triggers that only Photos can run.
struct Copy {
    _temp: tempfile::TempDir,
    bundle: PathBuf,
}

impl Copy {
    fn of(name: &str) -> Option<Self> {
        let folder = real()?;
        let temp = tempfile::tempdir().unwrap();
        let copy = Self { bundle: copy_database(&bundle(folder, name), temp.path()), _temp: temp };
        let triggers = copy.names("SELECT name FROM sqlite_schema WHERE type='trigger'");
        for trigger in triggers {
            copy.run(&format!("DROP TRIGGER {trigger}"));
        }
        Some(copy)
    }

    fn connection(&self) -> Connection {
        let connection = writable(self.bundle.join("database/Photos.sqlite"));
        connection.execute_batch("PRAGMA legacy_alter_table=ON").unwrap();
        connection
    }

    fn names(&self, question: &str) -> Vec<String> {
        let connection = self.connection();
        let mut statement = connection.prepare(question).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn run(&self, change: &str) {
        let done = self.connection().execute_batch(change);
        done.unwrap_or_else(|error| panic!("{change}: {error}"));
    }

    fn columns(&self, table: &str) -> Vec<String> {
        self.names(&format!("SELECT name FROM pragma_table_info('{table}')"))
    }

    /// Reads what it tells; every asset has every field, of its right type.
    fn read(&self) -> Result<(Info, Vec<Value>), LibraryError> {
        let opened = Opened::all(&self.bundle);
        let info = opened.library.info(&opened.grant, &never())?;
        opened.library.albums(&opened.grant, AlbumKind::ALL, &[], &never())?;
        // What an export is planned from, and what it takes.
        let entries = catalog(&opened)?;
        let uuids: Vec<_> = entries.into_iter().map(|entry| entry.uuid).collect();
        let files = opened.library.resources(
            &opened.grant,
            &uuids,
            darkslide_library::Version::USUAL,
            &never(),
        )?;
        assert_eq!(files.len(), uuids.len());
        assert!(files.iter().all(|asset| !asset.resources.is_empty()));
        let query = Query { fields: Fields::all(), limit: 1_000, ..everything() };
        let page = opened.library.query(&opened.grant, &query, &never())?;
        assert!(page.next.is_none());
        let found: Vec<Value> = serde_json::from_slice(page.assets.json()).unwrap();
        for record in &found {
            whole(record);
        }
        Ok((info, found))
    }
}

/// Has a record all fields, each of the type that a client reads?
fn whole(record: &Value) {
    let object = record.as_object().unwrap();
    for field in Field::ALL.iter().filter(|field| **field != Field::Problem) {
        assert!(object.contains_key(field.as_str()), "{field} is not there");
    }
    serde_json::from_value::<Asset>(record.clone()).unwrap();
}

/// Which of the libraries a test without `DARKSLIDE_SLOW` takes.
fn libraries() -> Vec<&'static str> {
    if slow_wanted() { MODERN.to_vec() } else { vec!["Test-10.15.7", "Test-26.1"] }
}

fn model_less(table: &str) -> &str {
    if table == "ZGENERICASSET" { "ZASSET" } else { table }
}

fn needs(table: &str, column: &Named) -> bool {
    let of_table = NEEDED.iter().find(|(it, _)| *it == model_less(table));
    of_table.is_some_and(|(_, needed)| column.names.iter().any(|it| needed.contains(&it.as_str())))
}

fn is_of_some_models(table: &str, name: &str) -> bool {
    OF_SOME_MODELS.contains(&name) || OF_SOME_MODELS_IN.contains(&(table, name))
}

#[test]
fn the_lists_of_this_test_hold_every_table_that_the_schema_names() {
    let here = NEEDED.iter().map(|(table, _)| *table);
    let here = here.chain(OPTIONAL.iter().map(|(table, _)| *table));
    let here: BTreeSet<&str> = here.filter(|it| *it != "Z_1KEYWORDS").collect();
    let there = tables();
    let there: BTreeSet<&str> = there.iter().map(|table| model_less(table)).collect();
    assert_eq!(here, there);
}

#[test]
fn without_any_one_column_a_library_is_read_and_says_so_or_is_refused_by_its_name() {
    let mut wrong = Vec::new();
    let newest = if slow_wanted() { MODERN } else { &["Test-26.1"] };
    for name in newest {
        let Some(copy) = Copy::of(name) else { return };
        let (before, whole) = copy.read().unwrap();
        let uuids = |records: &[Value]| -> BTreeSet<String> {
            records.iter().map(|it| it["uuid"].as_str().unwrap().to_owned()).collect()
        };
        for (file, tables) in FILES {
            for (table, column) in tables
                .iter()
                .flat_map(|table| named(file).into_iter().map(move |column| (*table, column)))
            {
                let there = copy.columns(table);
                let found: Vec<&String> =
                    column.names.iter().filter(|it| there.contains(it)).collect();
                let [found] = found.as_slice() else { continue };
                copy.run(&format!("ALTER TABLE {table} RENAME COLUMN {found} TO ZGONE"));
                let told = copy.read();
                copy.run(&format!("ALTER TABLE {table} RENAME COLUMN ZGONE TO {found}"));
                let newest = &column.names[0];
                let place = format!("{name}: {table}.{found}");
                match told {
                    Err(LibraryError::Unsupported(Unsupported::Columns { missing, .. })) => {
                        let is_named = missing == [format!("{table}.{newest}")];
                        if !needs(table, &column) || !is_named {
                            wrong.push(format!("{place}: refused, {missing:?} is missing"));
                        }
                    }
                    Err(error) => wrong.push(format!("{place}: {error:?}")),
                    Ok((info, found)) => {
                        let new: Vec<&str> = info.lacks.to_vec();
                        let is_told = new.len() > before.lacks.len();
                        let words = [column.word.as_deref(), word_of(table)];
                        let is_worded = column.word.is_none()
                            || words.iter().flatten().any(|it| new.contains(it));
                        let is_no_news =
                            is_of_some_models(table, newest) || is_old_news(table, &before);
                        if needs(table, &column) {
                            wrong.push(format!("{place}: not refused"));
                        } else if !is_no_news && (!is_told || !is_worded) {
                            wrong.push(format!("{place}: {new:?} is lacking"));
                        }
                        if uuids(&found) != uuids(&whole) {
                            wrong.push(format!("{place}: other assets"));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn word_of(table: &str) -> Option<&'static str> {
    OPTIONAL.iter().find(|(it, _)| *it == table).and_then(|(_, word)| *word)
}

/// Has this table no word, or is the word told already?
fn is_old_news(table: &str, before: &Info) -> bool {
    let optional = OPTIONAL.iter().find(|(it, _)| *it == table);
    optional.is_some_and(|(_, word)| word.is_none_or(|word| before.lacks.contains(&word)))
}

#[test]
fn without_any_one_table_a_library_is_read_and_says_so_or_is_refused_by_its_name() {
    let mut wrong = Vec::new();
    for name in libraries() {
        let Some(copy) = Copy::of(name) else { return };
        let (before, whole) = copy.read().unwrap();
        let needed = NEEDED.iter().map(|(table, _)| (*table, None, true));
        let optional = OPTIONAL.iter().map(|(table, word)| (*table, *word, false));
        for (table, word, is_needed) in needed.chain(optional) {
            if copy.columns(table).is_empty() {
                continue;
            }
            copy.run(&format!("ALTER TABLE {table} RENAME TO ZGONE"));
            let told = copy.read();
            copy.run(&format!("ALTER TABLE ZGONE RENAME TO {table}"));
            match told {
                Err(LibraryError::Unsupported(Unsupported::Columns { missing, .. }))
                    if is_needed && missing == [table] => {}
                // How a conversion begins.
                Err(LibraryError::Damaged(_)) if table == "ZASSET" => {}
                Ok((info, found)) if !is_needed && found.len() == whole.len() => {
                    let is_told = word.is_none_or(|word| info.lacks.contains(&word));
                    if !is_told || before.lacks.iter().any(|it| !info.lacks.contains(it)) {
                        wrong.push(format!("{name}: {table}: {:?} is lacking", info.lacks));
                    }
                }
                other => wrong.push(format!("{name}: {table}: {:?}", other.map(|it| it.0))),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn without_everything_that_is_not_needed_the_rest_is_still_told() {
    for name in libraries() {
        let Some(copy) = Copy::of(name) else { return };
        let (_, whole) = copy.read().unwrap();
        for (file, tables) in FILES {
            for table in *tables {
                let there = copy.columns(table);
                for column in named(file).iter().filter(|column| !needs(table, column)) {
                    for (index, found) in
                        column.names.iter().filter(|it| there.contains(it)).enumerate()
                    {
                        let gone = format!("{found}GONE{index}");
                        let rename = format!("ALTER TABLE {table} RENAME COLUMN {found} TO {gone}");
                        // Two of the lists name some columns.
                        let _again: rusqlite::Result<()> = copy.connection().execute_batch(&rename);
                    }
                }
            }
        }
        let (info, found) = copy.read().unwrap();
        only_the_needed(&whole, &found);
        assert!(info.lacks.len() > 30, "{name}: {:?}", info.lacks);
        for (table, _) in OPTIONAL {
            copy.run(&format!("DROP TABLE IF EXISTS {table}"));
        }
        let (info, found) = copy.read().unwrap();
        only_the_needed(&whole, &found);
        for word in OPTIONAL.iter().filter_map(|(_, word)| *word) {
            assert!(info.lacks.contains(&word), "{name}: {word}: {:?}", info.lacks);
        }
    }
}

/// Are fields that follow from needed columns as before, and those of others nothing?
fn only_the_needed(before: &[Value], now: &[Value]) {
    let by_uuid = |records: &[Value]| -> BTreeMap<String, Value> {
        records.iter().map(|it| (it["uuid"].as_str().unwrap().to_owned(), it.clone())).collect()
    };
    let (before, now) = (by_uuid(before), by_uuid(now));
    assert!(before.keys().eq(now.keys()));
    for (uuid, record) in &now {
        for field in ["original_filename", "filename", "ismovie", "hidden", "intrash", "burst"] {
            assert_eq!(record[field], before[uuid][field], "{field}");
        }
        let instant =
            |it: &Value| it["date"].as_str().map(|it| it.parse::<jiff::Timestamp>().unwrap());
        assert_eq!(instant(record), instant(&before[uuid]));
        for field in ["title", "description", "place", "latitude", "date_added", "fingerprint"] {
            let nothing = [Value::Null, serde_json::json!({})];
            assert!(nothing.contains(&record[field]), "{field}");
        }
        for field in ["keywords", "persons", "person_info", "face_info", "comments", "likes"] {
            assert_eq!(record[field], Value::Array(Vec::new()), "{field}");
        }
        let exif = record["exif_info"].as_object().unwrap();
        assert!(exif.values().all(Value::is_null));
    }
}

#[test]
fn join_tables_of_other_numbers_are_found() {
    for name in libraries() {
        let Some(copy) = Copy::of(name) else { return };
        let (_, before) = copy.read().unwrap();
        let numbered = |text: &str, word: &str| {
            let number = text.strip_prefix("Z_").and_then(|it| it.strip_suffix(word));
            number.is_some_and(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_digit()))
        };
        let all = copy.names("SELECT name FROM sqlite_schema WHERE type='table'");
        let joins = all.iter().filter(|it| numbered(it, "ASSETS") || numbered(it, "KEYWORDS"));
        let mut renumbered = 0;
        for table in joins {
            for column in copy.columns(table) {
                let new = match column.as_str() {
                    it if numbered(it, "ALBUMS") => String::from("Z_77ALBUMS"),
                    it if numbered(it, "ASSETS") => String::from("Z_5ASSETS"),
                    it if numbered(it, "ASSETATTRIBUTES") => String::from("Z_2ASSETATTRIBUTES"),
                    it if numbered(it, "KEYWORDS") => String::from("Z_97KEYWORDS"),
                    it if it.starts_with("Z_FOK_") => String::from("Z_FOK_5ASSETS"),
                    _ => continue,
                };
                copy.run(&format!("ALTER TABLE {table} RENAME COLUMN {column} TO {new}"));
                renumbered += 1;
            }
            let new = if table.ends_with("KEYWORDS") { "Z_2KEYWORDS" } else { "Z_77ASSETS" };
            copy.run(&format!("ALTER TABLE {table} RENAME TO {new}"));
        }
        assert_eq!(renumbered, 5, "{name}");
        let (info, now) = copy.read().unwrap();
        assert_eq!(now, before);
        assert!(!info.lacks.contains(&"keywords"));
        for change in [
            "ALTER TABLE Z_77ASSETS RENAME COLUMN Z_FOK_5ASSETS TO ZGONE",
            "ALTER TABLE Z_77ASSETS RENAME COLUMN Z_77ALBUMS TO ZGONE2",
        ] {
            copy.run(change);
        }
        match copy.read() {
            Err(LibraryError::Unsupported(Unsupported::Columns { missing, .. })) => {
                assert_eq!(missing, ["the table of album members"]);
            }
            other => panic!("{:?}", other.map(|it| it.0)),
        }
    }
}

#[test]
fn a_real_library_lacks_nothing_that_its_model_has() {
    let Some(folder) = real() else { return };
    for name in MODERN {
        let opened = Opened::all(&bundle(folder, name));
        let mut lacks = opened.library.info(&opened.grant, &never()).unwrap().lacks;
        lacks.retain(|word| !["search", "media_analysis", "spatial"].contains(word));
        assert!(lacks.is_empty(), "{name}: {lacks:?}");
    }
}
