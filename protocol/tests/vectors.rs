//! The wire vectors of `tests/golden/wire`, read by the types: what a file says, both sides mean.
//!
//! Each request is read as the daemon reads it, each response as a client does, and written again:
//! nothing may be lost on the way. A live daemon is held against the same files by
//! `tests/e2e/service/vectors.rs`.

#![forbid(unsafe_code)]
#![cfg(test)]
#![allow(clippy::disallowed_methods, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use darkslide_protocol::envelope::{Incoming, Outgoing};
use darkslide_protocol::method::{self, METHODS, Method, Request};
use serde_json::Value;

/// Reads params and result of a method and writes them again.
fn check<M: Method>(name: &str, params: &str, result: &Value) {
    let params: M::Params = serde_json::from_str(params).unwrap();
    let written = serde_json::to_value(&params).unwrap();
    let again: M::Params = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(&again).unwrap(), written, "{name}: params");
    let read: M::Result = serde_json::from_value(result.clone()).unwrap();
    let written = serde_json::to_value(&read).unwrap();
    assert!(holds(&written, result), "{name}: nothing is lost");
}

/// Is all of one value in the other? An asset is read with every field, those that were not asked
/// for as absent, false or empty.
fn holds(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(name, part)| whole.get(name).is_some_and(|whole| holds(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(it, part)| holds(it, part))
        }
        (whole, part) => whole == part,
    }
}

fn check_result(name: &str, method: &str, params: &str, result: &Value) {
    let check = match method {
        method::Health::NAME => check::<method::Health>,
        method::RpcDiscover::NAME => check::<method::RpcDiscover>,
        method::PolicyShow::NAME => check::<method::PolicyShow>,
        method::LibraryList::NAME => check::<method::LibraryList>,
        method::LibraryInfo::NAME => check::<method::LibraryInfo>,
        method::AlbumList::NAME => check::<method::AlbumList>,
        method::FacetList::NAME => check::<method::FacetList>,
        method::AssetQuery::NAME => check::<method::AssetQuery>,
        method::AssetCount::NAME => check::<method::AssetCount>,
        method::AssetGet::NAME => check::<method::AssetGet>,
        method::ResourceList::NAME => check::<method::ResourceList>,
        method::ResourceOpen::NAME => check::<method::ResourceOpen>,
        method::ResourceRead::NAME => check::<method::ResourceRead>,
        method::ThumbnailOpen::NAME => check::<method::ThumbnailOpen>,
        method::ChangeToken::NAME => check::<method::ChangeToken>,
        method::ChangeSince::NAME => check::<method::ChangeSince>,
        method::ExportPlan::NAME => check::<method::ExportPlan>,
        method::ExportStart::NAME => check::<method::ExportStart>,
        method::ExportVerify::NAME => check::<method::ExportVerify>,
        method::ExportPrune::NAME => check::<method::ExportPrune>,
        method::ExportDestinations::NAME => check::<method::ExportDestinations>,
        method::Extract::NAME => check::<method::Extract>,
        method::JobList::NAME => check::<method::JobList>,
        method::JobStatus::NAME => check::<method::JobStatus>,
        method::JobReport::NAME => check::<method::JobReport>,
        method::JobCancel::NAME => check::<method::JobCancel>,
        method::JobResume::NAME => check::<method::JobResume>,
        method::EventSubscribe::NAME => check::<method::EventSubscribe>,
        method::EventUnsubscribe::NAME => check::<method::EventUnsubscribe>,
        _ => panic!("{name}: no such method"),
    };
    check(name, params, result);
}

#[test]
fn every_vector_is_read_and_written_without_loss_and_every_method_has_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/wire");
    let mut answered = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let vector: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let request = vector["request"].to_string();
        let Ok(Incoming::Request { id, method, params }) = Incoming::parse(request.as_bytes())
        else {
            panic!("{name}: no request");
        };
        let response = vector["response"].to_string();
        let Ok(Outgoing::Response { id: Some(answered_id), outcome, fd }) =
            Outgoing::parse(response.as_bytes())
        else {
            panic!("{name}: no response");
        };
        assert_eq!(answered_id, id, "{name}");
        assert_eq!(fd, vector["response"].get("fd").is_some(), "{name}");
        match outcome {
            Ok(_) => {
                assert!(Request::parse(&method, &params).is_ok(), "{name}");
                check_result(&name, &method, params.get(), &vector["response"]["result"]);
                answered.insert(method);
            }
            Err(error) => {
                let written = serde_json::to_value(&error).unwrap();
                assert_eq!(written, vector["response"]["error"], "{name}");
                assert_eq!(error.code, error.data.name.code(), "{name}");
            }
        }
    }
    let all: BTreeSet<String> = METHODS.iter().map(|row| row.name.to_owned()).collect();
    assert_eq!(answered, all, "each method has a vector");
}
