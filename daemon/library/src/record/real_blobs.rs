//! Every blob and adjustments file of the real libraries, against what an independent reader made
//! of it.
//!
//! Below the record and without the reader: a difference here is one of decoding. Databases are
//! copied with their `-wal`; nothing is opened in place. Compiled for tests only.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::adjustments::Adjustments;
use super::analysis_results::Results;
use super::{cloud_metadata, place};
use crate::json::Object;
use crate::testing::shared;

/// The libraries, what is expected of each, and a place for copies.
struct Real {
    folder: PathBuf,
    expected: PathBuf,
    copies: tempfile::TempDir,
}

impl Real {
    /// Unpacks them below the target folder, where they stay, as for the tests of whole libraries.
    fn unpack() -> Option<Self> {
        let Some(shared) = shared::shared_folder() else {
            shared::skip("the real libraries are not beside the workspace");
            return None;
        };
        let program = std::env::current_exe().unwrap();
        let folder = program.ancestors().nth(3).unwrap().join("tmp/real-libraries");
        fs::create_dir_all(&folder).unwrap();
        let done = Command::new(shared.join("libraries/unpack")).arg(&folder).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let copies = tempfile::tempdir().unwrap();
        Some(Self { folder, expected: shared.join("expected"), copies })
    }

    /// Those of Photos 5 and later: the bundle, and the records by UUID.
    fn modern(&self) -> Vec<(PathBuf, BTreeMap<String, Value>)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).unwrap() {
            let bundle = entry.unwrap().path();
            let name = bundle.file_stem().unwrap().to_str().unwrap();
            let expected = fs::read_to_string(self.expected.join(format!("{name}.jsonl")));
            if let (true, Ok(text)) = (bundle.join("database/Photos.sqlite").is_file(), expected) {
                let records = text.lines().map(|line| serde_json::from_str(line).unwrap());
                let by_uuid =
                    records.map(|it: Value| (it["uuid"].as_str().unwrap().to_owned(), it));
                found.push((bundle.clone(), by_uuid.collect()));
            }
        }
        assert!(found.len() > 10);
        found
    }

    /// A copy of a database that may be written beside; none where there is none.
    fn copy(&self, database: &Path) -> Option<Connection> {
        let copy = tempfile::tempdir_in(self.copies.path()).unwrap().keep().join("copy.db");
        fs::copy(database, &copy).ok()?;
        let mut wal = database.to_owned().into_os_string();
        wal.push("-wal");
        if Path::new(&wal).is_file() {
            fs::copy(wal, copy.with_extension("db-wal")).unwrap();
        }
        Some(Connection::open(copy).unwrap())
    }
}

/// The rows of a query: a UUID and a blob.
fn rows(database: &Connection, sql: &str) -> Vec<(String, Option<Vec<u8>>)> {
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.map(Result::unwrap).collect()
}

fn has(database: &Connection, table: &str) -> bool {
    database.table_exists(None, table).unwrap()
}

fn json_of(write: impl FnOnce(&mut Vec<u8>)) -> Value {
    let mut out = Vec::new();
    write(&mut out);
    serde_json::from_slice(&out).unwrap()
}

/// Equal, with whole numbers equal to the same ones that have a fraction of nothing.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}

#[track_caller]
fn check(found: &Value, expected: &Value, what: &str) {
    assert!(same(found, expected), "{what}\nhere:  {found}\nthere: {expected}");
}

#[test]
fn every_place_is_that_of_the_independent_reader() {
    let Some(real) = Real::unpack() else { return };
    let mut located = 0;
    for (bundle, records) in real.modern() {
        let database = real.copy(&bundle.join("database/Photos.sqlite")).unwrap();
        let asset = if has(&database, "ZASSET") { "ZASSET" } else { "ZGENERICASSET" };
        let sql = format!(
            "SELECT a.ZUUID, x.ZREVERSELOCATIONDATA FROM {asset} a \
             JOIN ZADDITIONALASSETATTRIBUTES x ON x.ZASSET = a.Z_PK"
        );
        for (uuid, blob) in rows(&database, &sql) {
            let Some(record) = records.get(&uuid) else { continue };
            let found = json_of(|out| place::write(out, blob.as_deref().unwrap_or_default()));
            check(&found, &record["place"], &uuid);
            located += usize::from(found != json!({}));
        }
    }
    assert!(located > 50, "{located}");
}

#[test]
fn all_cloud_metadata_is_that_of_the_independent_reader() {
    let Some(real) = Real::unpack() else { return };
    let mut filled = 0;
    for (bundle, records) in real.modern() {
        let database = real.copy(&bundle.join("database/Photos.sqlite")).unwrap();
        let asset = if has(&database, "ZASSET") { "ZASSET" } else { "ZGENERICASSET" };
        let sql = format!(
            "SELECT a.ZUUID, (SELECT m.ZDATA FROM ZCLOUDMASTERMEDIAMETADATA m \
             WHERE m.ZCLOUDMASTER = a.ZMASTER) FROM {asset} a"
        );
        for (uuid, blob) in rows(&database, &sql) {
            let Some(record) = records.get(&uuid) else { continue };
            let blob = blob.unwrap_or_default();
            let found = json_of(|out| cloud_metadata::write(out, &blob, true));
            check(&found, &record["cloud_metadata"], &uuid);
            filled += usize::from(found != json!({}));
            let discreet = json_of(|out| cloud_metadata::write(out, &blob, false)).to_string();
            assert!(!discreet.contains("GPS") && !discreet.contains("itude"), "{discreet}");
        }
    }
    assert!(filled > 20, "{filled}");
}

#[test]
fn all_adjustments_are_those_of_the_independent_reader() {
    let Some(real) = Real::unpack() else { return };
    let mut read = 0;
    for (bundle, records) in real.modern() {
        for (uuid, record) in &records {
            let first = &uuid[..1];
            let edited = bundle.join(format!("resources/renders/{first}/{uuid}.plist"));
            let original = bundle.join(format!("originals/{first}/{uuid}_5.aae"));
            for (path, field) in [(edited, "adjustments"), (original, "original_adjustments")] {
                if record[field] == json!({}) {
                    continue;
                }
                let adjustments = Adjustments::read(&fs::read(path).unwrap());
                let found = json_of(|out| adjustments.write(out));
                check(&found, &record[field], uuid);
                assert_eq!(record[field]["orientation"], adjustments.orientation());
                read += 1;
            }
        }
    }
    assert!(read > 30, "{read}");
}

#[test]
fn all_results_of_the_analysis_are_those_of_the_independent_reader() {
    let Some(real) = Real::unpack() else { return };
    let mut analysed = 0;
    for (bundle, records) in real.modern() {
        let folder = bundle.join("private/com.apple.mediaanalysisd/MediaAnalysis");
        if folder.join("MediaAnalysis.sqlite").is_file() {
            continue;
        }
        let Some(database) = real.copy(&folder.join("mediaanalysis.db")) else { continue };
        let sql = "SELECT a.localIdentifier, r.results FROM Results r \
                   JOIN Assets a ON a.id = r.assetId ORDER BY r.assetId, r.resultsType";
        let mut by_uuid: BTreeMap<String, Results> = BTreeMap::new();
        for (identifier, blob) in rows(&database, sql) {
            let uuid = identifier.split('/').next().unwrap().to_owned();
            by_uuid.entry(uuid).or_default().push(&blob.unwrap_or_default());
        }
        for (uuid, record) in &records {
            let none = Results::default();
            let results = by_uuid.get(uuid).unwrap_or(&none);
            let found = json_of(|out| {
                let mut object = Object::begin(out);
                results.write_keys(&mut object);
                object.end();
            });
            let mut expected = record["media_analysis"].clone();
            for key in ["uuid", "filename", "date_analyzed"] {
                expected.as_object_mut().unwrap().remove(key);
            }
            check(&found, &expected, uuid);
            assert_eq!(record["ai_caption"], results.caption());
            analysed += usize::from(found != json!({}));
        }
    }
    assert!(analysed > 50, "{analysed}");
}
