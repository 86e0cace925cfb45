//! The wire vectors against a live daemon: each request of `tests/golden/wire` is answered as its
//! file says.
//!
//! The protocol crate reads the same files, so that both sides agree on every byte that matters.
//! What differs from run to run (identities, times, paths, process ids) is put aside on both sides
//! before comparing. With `DARKSLIDE_BLESS=1` the files are written anew, to be read by a person.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::serve_small;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/wire")
}

/// Members whose value is another in each run.
const VARIABLE: &[(&str, &str)] = &[
    ("instance", "00000000000000000000000000000000"),
    ("job", "00000000000000000000000000000001"),
    ("subscription", "00000000000000000000000000000002"),
    ("time", "2024-05-31T12:34:56.000Z"),
    ("date_imported", "2024-05-31T12:34:56.000Z"),
];

/// In the place of a change token, which holds a check of the library and of what is granted.
const TOKEN: &str = "1.0000000000000000.1.-.0000000000000000";

fn is_change_token(text: &str) -> bool {
    text.starts_with("1.") && text.split('.').count() == TOKEN.split('.').count()
}

fn redact(value: &mut Value, home: &str) {
    match value {
        Value::Object(members) => {
            // A job: when it was.
            if members.contains_key("outcomes") {
                for (name, second) in [("created", 0), ("started", 1), ("ended", 2)] {
                    if let Some(member) = members.get_mut(name) {
                        *member = json!(format!("2026-01-01T00:00:0{second}.000Z"));
                    }
                }
            }
            for (name, member) in members.iter_mut() {
                match name.as_str() {
                    "audit" => *member = json!({"seq": 1, "hash": "0".repeat(64)}),
                    "pid" | "uptime_ms" | "uid" | "seq" => *member = json!(1),
                    "running" | "waiting" => *member = json!(0),
                    "extraction_time" => *member = json!(1.5),
                    // What is tried depends on the kernel's version.
                    "refusals" => *member = json!([{"tried": "list /", "answer": "EACCES"}]),
                    "landlock_abi" => *member = json!(7),
                    // How many there are depends on the vectors before; the newest is the same.
                    "jobs" if member.is_array() => {
                        member.as_array_mut().into_iter().for_each(|jobs| jobs.truncate(1));
                        redact(member, home);
                    }
                    // They tell how far a job is at that instant.
                    "state"
                        if ["queued", "running"].contains(&member.as_str().unwrap_or_default()) =>
                    {
                        *member = json!("queued");
                    }
                    _ => match VARIABLE.iter().find(|(variable, _)| variable == name) {
                        Some((_, fixed)) if member.is_string() => *member = json!(fixed),
                        _ => redact(member, home),
                    },
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redact(item, home)),
        Value::String(text) if is_change_token(text) => *text = TOKEN.to_owned(),
        Value::String(text) => *text = text.replace(home, "/home/me"),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The document is a file of its own, `docs/schema/openrpc.json`; a vector has its beginning.
fn begin_of_document(document: &mut Value) {
    document["methods"].as_array_mut().unwrap().truncate(1);
    document["methods"][0]["errors"].as_array_mut().unwrap().truncate(1);
    document["components"] = json!({});
}

#[test]
fn every_vector_is_answered_as_its_file_says() {
    let (place, _library, service) = serve_small();
    let home = place.home().display().to_string();
    let bless = std::env::var_os("DARKSLIDE_BLESS").is_some();
    let mut names: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    assert!(names.len() >= 20, "a vector for each method at least");
    for path in names {
        let mut vector: Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut peer = service.peer();
        let mut request = vector["request"].clone();
        if request["params"]["job"].is_string() {
            let name = path.file_stem().unwrap().to_str().unwrap();
            let started = crate::export(&mut peer, &json!(format!("~/Exports/{name}")));
            request["params"]["job"] = started["job"].clone();
        }
        if request["method"] == "export.destinations" {
            crate::export(&mut peer, &json!("~/Exports/vectors"));
        }
        if request["params"]["subscription"].is_string() {
            let subscribed = peer.result("event.subscribe", &json!({"topics": ["jobs"]}));
            request["params"]["subscription"] = subscribed["subscription"].clone();
        }
        if request["params"]["token"] == TOKEN {
            let newest = peer.result("change.token", &json!({"library": "main"}));
            request["params"]["token"] = newest["token"].clone();
        }
        peer.send(request.to_string().as_bytes()).unwrap();
        let mut response = peer.receive().unwrap();
        if request["method"] == "rpc.discover" {
            begin_of_document(&mut response["result"]);
        }
        redact(&mut response, &home);
        if bless {
            vector["response"] = response;
            std::fs::write(&path, serde_json::to_string_pretty(&vector).unwrap() + "\n").unwrap();
        } else {
            assert_eq!(response, vector["response"], "{}", path.display());
        }
    }
}
