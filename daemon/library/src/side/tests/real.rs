//! The search index, the analysis and the comments of every real library, against what an
//! independent reader found.
//!
//! A difference is a bug, or the one rule at the end, with its reason.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use darkslide_fixture::Snapshot;
use darkslide_protocol::value::Uuid;
use serde_json::{Value, json};

use super::*;
use crate::record::comments::{Comments, Names};
use crate::session::Session;
use crate::testing::shared;

/// The unpacked real libraries; none, with a word on stderr, where they are not at hand.
fn real() -> Option<(PathBuf, PathBuf)> {
    let Some(shared) = shared::shared_folder() else {
        shared::skip("the real libraries are not beside the workspace");
        return None;
    };
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().nth(3).unwrap().join("tmp/real-libraries");
    let done = Command::new(shared.join("libraries/unpack")).arg(&folder).output().unwrap();
    assert!(done.status.success(), "{done:?}");
    Some((folder, shared.join("expected")))
}

fn copy_folder(from: &Path, to: &Path) {
    let Ok(entries) = fs::read_dir(from) else { return };
    fs::create_dir_all(to).unwrap();
    for entry in entries.map(Result::unwrap).filter(|it| it.file_type().unwrap().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

#[test]
fn what_stands_beside_real_libraries_is_what_an_independent_reader_found() {
    let Some((folder, expected)) = real() else { return };
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap().replace(".photoslibrary", "");
        if !entry.path().join("database/Photos.sqlite").exists() {
            continue;
        }
        let mut place = PathBuf::new();
        let asked = Asked::new(|bundle| {
            for part in
                ["database", "database/search", "private/com.apple.mediaanalysisd/MediaAnalysis"]
            {
                copy_folder(&entry.path().join(part), &bundle.join(part));
            }
            bundle.clone_into(&mut place);
        });
        let before = Snapshot::take(&place).unwrap();
        let text = fs::read_to_string(expected.join(format!("{name}.jsonl"))).unwrap();
        let reference: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let found = asked.ask(|session| Ok(compare(session, &reference))).unwrap();
        wrong.extend(found.into_iter().map(|line| format!("{name} {line}")));
        assert_eq!(changes(&before, &place), Vec::<String>::new(), "{name}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn compare(session: &Session<'_>, reference: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let uuids: Vec<Uuid> = reference.iter().map(|it| uuid(&text(&it["uuid"]))).collect();
    let search = Search::of(session, &uuids).map_err(drop).unwrap().records;
    let analysis = Analysis::of(session, &uuids).map_err(drop).unwrap().records;
    let names = Names::of(session).map_err(drop).unwrap();
    let mut wrong = Vec::new();
    for (record, uuid) in reference.iter().zip(&uuids) {
        let question = format!(
            "SELECT Z_PK, ZCLOUDOWNERHASHEDPERSONID FROM {} WHERE ZUUID=?1",
            session.profile.asset.name()
        );
        let (key, owner): (i64, Option<String>) = session
            .database
            .connection()
            .query_row(&question, [uuid.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        let keys = [key];
        let comments =
            Comments::of(session, crate::query::Keys::List(&keys)).map_err(drop).unwrap();
        let mut ours: BTreeMap<&str, Value> = BTreeMap::new();
        let json = |write: &dyn Fn(&mut Vec<u8>)| -> Value {
            let mut out = Vec::new();
            write(&mut out);
            serde_json::from_slice(&out).unwrap()
        };
        let found = search.records.get(uuid);
        for (spelling, whole, labels) in [
            (Spelling::Content, "search_info", "labels"),
            (Spelling::Normalized, "search_info_normalized", "labels_normalized"),
        ] {
            let layout = search.layout;
            ours.insert(whole, json(&|out| search_info::write(out, found, layout, spelling, true)));
            ours.insert(
                labels,
                json(&|out| search_info::write_labels(out, found, layout, spelling)),
            );
        }
        let name = text(&record["original_filename"]);
        ours.insert("media_analysis", json(&|out| analysis.write(out, uuid, &name)));
        ours.insert("ai_caption", json!(analysis.caption(uuid)));
        ours.insert("comments", json(&|out| comments.write_comments(out, key, &names)));
        ours.insert("likes", json(&|out| comments.write_likes(out, key, &names)));
        ours.insert("owner", json!(owner.and_then(|it| names.get(&it).map(str::to_owned))));
        for (field, ours) in ours {
            // The order of these lists says nothing there.
            let sorted = |value: &Value| {
                if field.starts_with("search_info") { sorted(value) } else { value.clone() }
            };
            let (theirs, ours) = (&sorted(&record[field]), sorted(&ours));
            if !(theirs == &ours || has_moved_media_types(session, field, theirs, &ours)) {
                let differs = |key: &&String| theirs[key.as_str()] != ours[key.as_str()];
                let keys: Vec<&String> = theirs
                    .as_object()
                    .into_iter()
                    .flat_map(|it| it.keys())
                    .filter(differs)
                    .collect();
                let part = |value: &Value| match keys.as_slice() {
                    [] => value.clone(),
                    keys => keys.iter().map(|key| value[key.as_str()].clone()).collect(),
                };
                wrong.push(format!(
                    "{uuid} {field} {keys:?}: {} there, {} here",
                    part(theirs),
                    part(&ours)
                ));
            }
        }
    }
    wrong
}

fn sorted(info: &Value) -> Value {
    let mut info = info.clone();
    for list in info.as_object_mut().unwrap().values_mut().filter_map(Value::as_array_mut) {
        list.sort_by_key(ToString::to_string);
    }
    info
}

/// Photos 6 and 7 have other numbers for kinds of media, which the tool does not know.
fn has_moved_media_types(session: &Session<'_>, field: &str, theirs: &Value, ours: &Value) -> bool {
    let without = |value: &Value| {
        let mut value = value.clone();
        value.as_object_mut().unwrap().remove("media_types");
        value
    };
    field.starts_with("search_info")
        && session.profile.model.is_some_and(|model| (14_000..16_000).contains(&model))
        && without(theirs) == without(ours)
        && ours["media_types"].as_array().unwrap().iter().all(|kind| {
            let kind = kind.as_str().unwrap().to_lowercase();
            ["videos", "screen recordings", "favourites"].contains(&kind.as_str())
        })
}
