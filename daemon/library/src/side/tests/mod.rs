//! The databases beside a library, real ones and ones that were made to hurt.
//!
//! What is asked for is the record, the word for what is lacking, and that not a byte of the bundle
//! changed; an error is never the answer.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests")]

mod hostile;
mod limits;
mod real;

use std::fs;
use std::path::{Path, PathBuf};

use darkslide_fixture::{ManyOptions, Model, Snapshot, many};
use darkslide_protocol::value::Uuid;
use serde_json::{Value, json};

use super::analysis::{self, Analysis};
use super::search::{self, Index, Search, Spelling};
use crate::bundle::Store;
use crate::profile::Table;
use crate::record::search_info;
use crate::schema::analysis::NEW;
use crate::testing::Asked;

const UUID: &str = "1EB2B765-0765-43BA-A90C-0D0580E6172C";
const OTHER: &str = "FFFFFFFF-FFFF-FFFF-8000-000000000001";

/// The tables of `psi.sqlite`, as Photos makes them.
const INDEX: &str = "
    CREATE TABLE groups(category INT2, owning_groupid INT, content_string TEXT,
        normalized_string TEXT, lookup_identifier TEXT, token_ranges_0 INT8, token_ranges_1 INT8);
    CREATE TABLE assets(uuid_0 INT, uuid_1 INT, creationDate INT, UNIQUE(uuid_0, uuid_1));
    CREATE TABLE ga(groupid INT, assetid INT, PRIMARY KEY(groupid, assetid));
    CREATE INDEX ga_assetid ON ga(assetid, groupid);
    CREATE INDEX group_pk ON groups(category, content_string, normalized_string);
    CREATE INDEX asset_pk ON assets(uuid_0, uuid_1);";

fn uuid(text: &str) -> Uuid {
    Uuid::parse(text).unwrap()
}

fn library(bundle: &Path) {
    many(bundle, Model::Photos11, 2, ManyOptions::default()).unwrap();
}

fn put(bundle: &Path, path: &str, sql: &str) {
    let path = bundle.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let connection = rusqlite::Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA synchronous=OFF").unwrap();
    connection.execute_batch(sql).unwrap();
}

const PSI: &str = "database/search/psi.sqlite";
const LEO: &str = "database/search/leo.sqlite";
const ANALYSIS: &str = "private/com.apple.mediaanalysisd/MediaAnalysis/MediaAnalysis.sqlite";

/// An index in which one asset has these texts.
fn index(texts: &[(i64, &str)]) -> String {
    let (first, second) = (0xba43_6507_65b7_b21e_u64.cast_signed(), 0x2c17_e680_050d_0ca9_i64);
    let mut sql = format!("{INDEX} INSERT INTO assets VALUES({first},{second},0);");
    for (at, (category, text)) in texts.iter().enumerate() {
        sql.push_str(&format!(
            "INSERT INTO groups VALUES({category},0,'{text}'||char(0),lower('{text}')||char(0),'',0,0);
             INSERT INTO ga VALUES({},1);",
            at + 1
        ));
    }
    sql
}

fn info(asked: &Asked, with_places: bool) -> (Value, Option<&'static str>) {
    let found = asked.ask(|session| {
        let found = Search::of(session, &[uuid(UUID), uuid(OTHER)])?;
        let mut out = Vec::new();
        let (layout, records) = (found.records.layout, &found.records.records);
        let record = records.get(&uuid(UUID));
        search_info::write(&mut out, record, layout, Spelling::Content, with_places);
        assert!(!records.contains_key(&uuid(OTHER)));
        Ok((serde_json::from_slice(&out).unwrap(), found.lacking))
    });
    found.unwrap()
}

/// Asks for everything, and sees that nothing is known and that nothing changed.
#[track_caller]
fn knows_nothing(build: impl FnOnce(&Path), lacks_search: bool, lacks_analysis: bool) {
    let mut place = PathBuf::new();
    let asked = Asked::new(|bundle| {
        library(bundle);
        build(bundle);
        bundle.clone_into(&mut place);
    });
    let before = Snapshot::take(&place).unwrap();
    let (labels, caption) = asked
        .ask(|session| {
            let labels = Search::labels_of(session, &[uuid(UUID)])?;
            let analysis = Analysis::of(session, &[uuid(UUID)])?;
            assert_eq!(analysis.records.caption(&uuid(UUID)), "");
            assert!(labels.records.records.is_empty());
            Ok((labels.lacking, analysis.lacking))
        })
        .unwrap();
    let (record, lacking) = info(&asked, true);
    assert_eq!(record["labels"], json!([]));
    assert_eq!(lacking.is_some(), lacks_search);
    let words = asked.ask(super::lacking).unwrap();
    assert_eq!(words.contains(&search::LACKING), lacks_search);
    assert_eq!(words.contains(&analysis::LACKING), lacks_analysis);
    assert_eq!((labels.is_some(), caption.is_some()), (lacks_search, lacks_analysis));
    assert_eq!(changes(&before, &place), Vec::<String>::new());
}

/// What differs. Under root SQLite gives `-wal` and `-shm` the owner that they have, which moves
/// their change time.
fn changes(before: &Snapshot, bundle: &Path) -> Vec<String> {
    let difference = before.diff(&Snapshot::take(bundle).unwrap());
    difference.lines().iter().filter(|line| !line.contains("touched")).cloned().collect()
}

#[test]
fn texts_are_clean_and_sorted_and_internal_names_are_left_out() {
    let texts = [
        (1500, "Zebra"),
        (1500, "Cafe\u{301}"),
        (1500, "Apple"),
        (1500, "Apple"),
        (1500, "PGSomething1SearchableText"),
        (1500, "PGSearchableText"),
        (1906, ""),
        (2100, "IMG_1.JPG"),
        (5, "Wien"),
        (4, "Z"),
        (6, "A"),
        (1700, "Opera"),
        (1520, "Tower"),
        (1100, "May"),
    ];
    let asked = Asked::new(|bundle| {
        library(bundle);
        put(bundle, PSI, &index(&texts));
    });
    let (record, lacking) = info(&asked, true);
    assert_eq!(lacking, None);
    assert_eq!(record["labels"], json!(["Apple", "Apple", "Café", "PGSearchableText", "Zebra"]));
    assert_eq!(record["media_types"], json!([""]));
    assert_eq!(record["locality_names"], json!(["Z", "A"]));
    assert_eq!(record["city"], json!("Wien"));
    assert_eq!(record["month"], json!("May"));
    let without = info(&asked, false).0;
    for key in ["city", "trip", "home"] {
        assert_eq!(without[key], json!(""), "{key}");
    }
    for key in ["locality_names", "venues", "landmarks", "place_names"] {
        assert_eq!(without[key], json!([]), "{key}");
    }
    assert_eq!(without["month"], json!("May"));
    assert_eq!(without.as_object().unwrap().len(), 44);
}

fn plan(connection: &rusqlite::Connection, question: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {question}")).unwrap();
    // Nothing is bound: what SQLite would do does not depend on it.
    let steps = statement.raw_query().mapped(|row| row.get(3)).collect::<Result<_, _>>();
    steps.unwrap()
}

#[test]
fn each_step_of_a_page_is_by_an_index_and_assets_come_first() {
    let asked = Asked::new(|bundle| {
        library(bundle);
        put(bundle, PSI, &index(&[(1500, "Tree")]));
        put(
            bundle,
            ANALYSIS,
            "CREATE TABLE ZASSET(Z_PK INTEGER PRIMARY KEY, ZDATEANALYZED TIMESTAMP, ZLOCALIDENTIFIER VARCHAR UNIQUE);
             CREATE TABLE ZRESULT(Z_PK INTEGER PRIMARY KEY, ZASSET INTEGER, ZRESULTS BLOB);
             CREATE INDEX ZRESULT_ZASSET_INDEX ON ZRESULT (ZASSET)",
        );
    });
    let plans = asked.ask(|session| {
        let of_search = super::ask(session, Store::Search, |connection| {
            let index = Index::of(connection)?.unwrap();
            let pairs = index.question_for_pairs(2);
            let texts = index.question_for_texts(2, &[1500, 1600]);
            let plans = [pairs, texts, index.question_for_file_names()];
            Ok(Some(plans.map(|question| plan(connection, &question))))
        })?;
        let of_analysis = super::ask(session, Store::NewAnalysis, |connection| {
            let tables = Table::find(connection, [NEW.assets, NEW.results])?;
            let [assets, results] = tables.unwrap();
            let question = analysis::question(NEW, &assets, &results, 2);
            Ok(Some(plan(connection, &question)))
        })?;
        Ok((of_search.unwrap(), of_analysis.unwrap()))
    });
    let ([pairs, texts, names], results) = plans.unwrap();
    assert_eq!([pairs.len(), texts.len(), names.len()], [2, 1, 1], "{pairs:#?} {texts:#?}");
    assert!(pairs[0].starts_with("SEARCH a USING") && pairs[0].contains("uuid_0=?"), "{pairs:#?}");
    assert!(pairs[1].starts_with("SEARCH j USING COVERING INDEX ga_assetid"), "{pairs:#?}");
    assert!(texts[0].starts_with("SEARCH g USING INTEGER PRIMARY KEY"), "{texts:#?}");
    assert!(names[0].contains("group_pk (category>? AND category<?)"), "{names:#?}");
    assert!(results[0].starts_with("SEARCH a USING INDEX"), "{results:#?}");
    assert!(results[1].starts_with("SEARCH r USING INDEX ZRESULT_ZASSET_INDEX"), "{results:#?}");
}

#[test]
fn an_index_that_stands_in_its_wal_alone_is_read() {
    let mut place = PathBuf::new();
    let asked = Asked::new(|bundle| {
        library(bundle);
        put(bundle, "other.sqlite", "PRAGMA journal_mode=WAL");
        let writer = rusqlite::Connection::open(bundle.join("other.sqlite")).unwrap();
        writer.execute_batch("PRAGMA wal_autocheckpoint=0").unwrap();
        writer.execute_batch(&index(&[(1500, "Tree")])).unwrap();
        fs::create_dir_all(bundle.join("database/search")).unwrap();
        // A copy without the index of the `-wal`, as some backups are.
        for suffix in ["", "-wal"] {
            let copy = bundle.join(format!("{PSI}{suffix}"));
            fs::copy(bundle.join(format!("other.sqlite{suffix}")), copy).unwrap();
        }
        bundle.clone_into(&mut place);
    });
    let before = Snapshot::take(&place).unwrap();
    assert_eq!(info(&asked, true).0["labels"], json!(["Tree"]));
    assert_eq!(changes(&before, &place), Vec::<String>::new());
    // The `-wal` of another database: nothing of it fits.
    let wal = place.join(format!("{PSI}-wal"));
    let bytes = fs::read(place.join("database/Photos.sqlite")).unwrap();
    fs::write(&wal, bytes).unwrap();
    assert_eq!(info(&asked, true), (info(&asked, true).0, Some(search::LACKING)));
}

#[test]
fn the_index_of_macos_27_counts_where_there_is_no_other() {
    let list: String = [7_u32, 8, 9, 10, 11, 12]
        .iter()
        .flat_map(|it| it.to_le_bytes())
        .map(|it| format!("{it:02x}"))
        .collect();
    let sql = format!(
        "CREATE TABLE lexicon(lexeme_id INTEGER PRIMARY KEY, type INT, category INT, content TEXT);
         CREATE TABLE items(identifier TEXT, type INT, lexeme_ids BLOB);
         INSERT INTO lexicon VALUES(7,1,4000,'Tree'),(8,2,4000,'Synonym'),(9,1,2090,'Wien'),(10,1,4130,'Pass'),(11,1,11000,'Pass'),(13,1,4000,'Foreign');
         INSERT INTO items VALUES('{}',1,x'{list}ff'),('{}',2,x'0d000000'),('{UUID}',3,x'0d000000'),('{OTHER}',1,'x');",
        UUID.to_lowercase(),
        UUID.to_lowercase(),
    );
    let with = |psi: Option<&str>| {
        Asked::new(|bundle| {
            library(bundle);
            put(bundle, LEO, &sql);
            if let Some(psi) = psi {
                put(bundle, PSI, psi);
            }
        })
    };
    for asked in [with(None), with(Some(""))] {
        let found = asked.ask(|session| {
            let found = Search::of(session, &[uuid(UUID)])?;
            let (layout, record) = (found.records.layout, found.records.records.get(&uuid(UUID)));
            let (mut content, mut normalized) = (Vec::new(), Vec::new());
            search_info::write(&mut content, record, layout, Spelling::Content, true);
            search_info::write(&mut normalized, record, layout, Spelling::Normalized, true);
            Ok([content, normalized].map(|it| serde_json::from_slice::<Value>(&it).unwrap()))
        });
        let [content, normalized] = found.unwrap();
        assert_eq!(content["labels"], json!(["Tree"]));
        assert_eq!(normalized["labels"], json!(["tree"]));
        assert_eq!(content["city"], json!("Wien"));
        assert_eq!(content["id_document_types"], json!(["Pass"]));
    }
    let asked = with(Some(&index(&[(1500, "Bush")])));
    assert_eq!(info(&asked, true).0["labels"], json!(["Bush"]));
}

/// An analysis with a caption alone.
const ANALYSED: &str = "
    CREATE TABLE ZASSET(Z_PK INTEGER PRIMARY KEY, ZLOCALIDENTIFIER VARCHAR UNIQUE);
    CREATE TABLE ZRESULT(Z_PK INTEGER PRIMARY KEY, ZASSET INTEGER, ZRESULTS BLOB);
    CREATE TABLE ZIMAGECAPTIONRESULT(Z_PK INTEGER PRIMARY KEY, ZASSET INTEGER, ZCAPTION VARCHAR);
    INSERT INTO ZASSET VALUES(1,'1EB2B765-0765-43BA-A90C-0D0580E6172C/L0/001');
    INSERT INTO ZIMAGECAPTIONRESULT VALUES(1,1,'a tree');";

#[test]
fn captions_of_macos_27_are_those_of_the_surest() {
    let asked = Asked::new(|bundle| {
        library(bundle);
        put(
            bundle,
            ANALYSIS,
            &format!(
                "CREATE TABLE ZASSET(Z_PK INTEGER PRIMARY KEY, ZLOCALIDENTIFIER TEXT UNIQUE, ZDATEANALYZED);
                 CREATE TABLE ZRESULT(Z_PK INTEGER PRIMARY KEY, ZASSET, ZRESULTS);
                 CREATE TABLE ZIMAGECAPTIONRESULT(Z_PK INTEGER PRIMARY KEY, ZASSET, ZCAPTION, ZCONFIDENCE);
                 INSERT INTO ZASSET VALUES(1,'{UUID}/L0/001',0),(2,'{OTHER}/L0/001','never');
                 INSERT INTO ZRESULT VALUES(1,1,x'00'),(2,1,zeroblob(2000000)),(3,1,'text'),(4,2,NULL);
                 INSERT INTO ZIMAGECAPTIONRESULT VALUES(1,1,'a tree',0.5),(2,1,'a bush',0.25),(3,1,NULL,1),(4,1,x'00',1);"
            ),
        );
    });
    let record = asked.ask(|session| {
        let found = Analysis::of(session, &[uuid(UUID), uuid(OTHER)])?;
        assert_eq!(found.lacking, None);
        assert_eq!(found.records.caption(&uuid(UUID)), "a tree");
        let mut out = Vec::new();
        found.records.write(&mut out, &uuid(UUID), "IMG.JPG");
        Ok(serde_json::from_slice::<Value>(&out).unwrap())
    });
    let record = record.unwrap();
    assert_eq!(record["date_analyzed"], json!("2001-01-01T00:00:00+00:00"));
    assert_eq!(record["image_caption"]["imageCaptionText"], json!("a tree"));
}
