//! Limits of what is read from the databases beside a library: at each, over it, and far over it.
//!
//! A page has one budget for all rows of a database, whatever they hold: the hazard is a record
//! that never ends.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests")]

use darkslide_protocol::value::Uuid;
use serde_json::json;

use super::super::{Budget, MAX_ASSETS_PER_STATEMENT, MAX_BYTES, ROW_BYTES, leo};
use super::*;
use crate::plist;
use crate::plist::sample::{binary, map, text};

#[test]
fn more_assets_than_one_statement_takes_are_asked_for_in_several() {
    let asked = Asked::new(|bundle| {
        library(bundle);
        put(bundle, PSI, &index(&[(1500, "Tree")]));
        put(bundle, ANALYSIS, ANALYSED);
    });
    for count in [MAX_ASSETS_PER_STATEMENT, MAX_ASSETS_PER_STATEMENT + 1, 20_000] {
        // The asset that is known comes last.
        let others = (1..count).map(|it| uuid(&format!("00000000-0000-0000-0000-{it:012}")));
        let uuids: Vec<Uuid> = others.chain([uuid(UUID)]).collect();
        asked
            .ask(|session| {
                let search = Search::labels_of(session, &uuids)?;
                assert_eq!(search.records.labels(&uuid(UUID), Spelling::Content), ["Tree"]);
                let analysis = Analysis::of(session, &uuids)?;
                assert_eq!(analysis.records.caption(&uuid(UUID)), "a tree");
                Ok(())
            })
            .unwrap();
    }
}

#[test]
fn more_texts_than_one_statement_takes_are_read_in_several() {
    let most = search::MAX_TEXTS_PER_STATEMENT;
    for count in [most, most + 1, 100_000] {
        let asked = Asked::new(|bundle| {
            library(bundle);
            put(bundle, PSI, &index(&[]));
            let rows = format!(
                "WITH n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<{count})
                 INSERT INTO groups SELECT 1500,0,i,i,'',0,0 FROM n;
                 INSERT INTO ga SELECT rowid,1 FROM groups;"
            );
            put(bundle, PSI, &rows);
        });
        let (record, lacking) = info(&asked, true);
        assert_eq!((record["labels"].as_array().unwrap().len(), lacking), (count, None));
    }
}

#[test]
fn results_and_lists_above_their_limits_are_left_out() {
    let caption = map([("attributes", map([("imageCaptionText", text("a tree"))]))]);
    let one = binary(&plist::Value::Array(vec![caption]));
    let most = analysis::MAX_RESULT_BYTES;
    for (bytes, expected) in [(most, "a tree"), (most + 1, ""), (30_000_000, "")] {
        // What stands before the first object does not count.
        let asked = Asked::new(|bundle| {
            library(bundle);
            put(bundle, ANALYSIS, ANALYSED);
            put(bundle, ANALYSIS, "DELETE FROM ZIMAGECAPTIONRESULT");
            let padded = padded(&one, bytes);
            let connection = rusqlite::Connection::open(bundle.join(ANALYSIS)).unwrap();
            connection.execute("INSERT INTO ZRESULT VALUES(1,1,?1)", [padded]).unwrap();
        });
        let told = asked.ask(|session| {
            Ok(Analysis::of(session, &[uuid(UUID)])?.records.caption(&uuid(UUID)).to_owned())
        });
        assert_eq!(told.unwrap(), expected, "{bytes}");
    }
    let most = leo::MAX_LIST_BYTES / 4;
    for (count, is_told) in [(most, true), (most + 1, false), (5_000_000, false)] {
        let asked = Asked::new(|bundle| {
            library(bundle);
            put(bundle, LEO, "CREATE TABLE lexicon(lexeme_id INTEGER PRIMARY KEY, type, category, content);
                CREATE TABLE items(identifier, type, lexeme_ids); INSERT INTO lexicon VALUES(0,1,4000,'Tree')");
            put(bundle, LEO, &format!("INSERT INTO items VALUES('{UUID}',1,zeroblob({count}*4))"));
        });
        assert_eq!(info(&asked, true).0["labels"][0] == json!("Tree"), is_told, "{count}");
    }
}

/// A binary list of so many bytes: its table of objects moves back.
fn padded(list: &[u8], bytes: usize) -> Vec<u8> {
    let (objects, trailer) = list.split_at(list.len() - 32);
    let table = usize::try_from(u64::from_be_bytes(trailer[24..].try_into().unwrap())).unwrap();
    let (objects, offsets) = objects.split_at(table);
    let mut padded = objects.to_vec();
    padded.resize(bytes - offsets.len() - 32, 0);
    let moved = padded.len() as u64;
    padded.extend(offsets);
    padded.extend(&trailer[..24]);
    padded.extend(moved.to_be_bytes());
    padded
}

#[test]
fn values_above_their_limits_are_left_out() {
    let (most, over) = (crate::cell::MAX_TEXT_BYTES, crate::cell::MAX_TEXT_BYTES + 1);
    for (bytes, is_told) in [(most, true), (over, false), (30_000_000, false)] {
        let asked = Asked::new(|bundle| {
            library(bundle);
            put(bundle, PSI, &index(&[(1500, "Tree")]));
            put(
                bundle,
                PSI,
                &format!("UPDATE groups SET content_string=printf('%.*c',{bytes},'x')"),
            );
        });
        let (record, lacking) = info(&asked, true);
        assert_eq!(record["labels"].as_array().unwrap().len(), usize::from(is_told), "{bytes}");
        assert_eq!(lacking, None);
    }
    let most = analysis::MAX_CAPTION_BYTES;
    for (bytes, is_told) in [(most, true), (most + 1, false), (30_000_000, false)] {
        let asked = Asked::new(|bundle| {
            library(bundle);
            put(bundle, ANALYSIS, ANALYSED);
            put(
                bundle,
                ANALYSIS,
                &format!("UPDATE ZIMAGECAPTIONRESULT SET ZCAPTION=printf('%.*c',{bytes},'x')"),
            );
        });
        let told = asked.ask(|session| {
            Ok(Analysis::of(session, &[uuid(UUID)])?.records.caption(&uuid(UUID)).len())
        });
        assert_eq!(told.unwrap(), if is_told { bytes } else { 0 });
    }
}

#[test]
fn records_without_an_end_are_none() {
    let asked = Asked::new(|bundle| {
        library(bundle);
        put(bundle, PSI, &index(&[(1500, "Tree")]));
        let rows = MAX_BYTES / 60_000;
        put(
            bundle,
            PSI,
            &format!(
                "WITH n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i<{rows})
                 INSERT INTO groups SELECT 1500,0,CAST(zeroblob(1) AS TEXT)||hex(zeroblob(30000)),'','',0,0 FROM n;
                 INSERT INTO ga SELECT rowid,1 FROM groups WHERE rowid>1"
            ),
        );
    });
    assert_eq!(info(&asked, true).1, None);
    let asked = Asked::new(|bundle| {
        library(bundle);
        put(bundle, PSI, &index(&[(1500, "Tree")]));
        let rows = MAX_BYTES / 50_000;
        put(
            bundle,
            PSI,
            &format!(
                "WITH n(i) AS (SELECT 2 UNION ALL SELECT i+1 FROM n WHERE i<{rows})
                 INSERT INTO groups SELECT 1500,0,hex(zeroblob(30000)),'','',0,0 FROM n;
                 INSERT INTO ga SELECT rowid,1 FROM groups WHERE rowid>1"
            ),
        );
    });
    assert_eq!(info(&asked, true).1, Some(search::LACKING));
}

#[test]
fn a_budget_ends_by_bytes_and_by_rows() {
    let mut budget = Budget::new();
    assert!(budget.take(MAX_BYTES - ROW_BYTES).is_ok());
    assert!(budget.take(0).is_err());
    assert!(Budget::new().take(MAX_BYTES - ROW_BYTES + 1).is_err());
    assert!(Budget::new().take(usize::MAX).is_err());
    let mut budget = Budget::new();
    assert!((0..MAX_BYTES / ROW_BYTES).all(|_| budget.take(0).is_ok()));
    assert!(budget.take(0).is_err());
}
