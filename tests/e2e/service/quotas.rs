//! `max_bytes` of a root through the service: what is refused, what counts, and who is told.
//!
//! How sizes are spelt is tried at the policy, how they are summed at the engine; here are the
//! error as a client sees it, the plan beforehand, and two jobs at once in one root.

use std::path::Path;

use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::Peer;
use serde_json::{Value, json};

use crate::{DARKSLIDED, export, files_below, serve_small, small_library, wait_for};

/// A daemon whose root may hold so much.
fn serve_limited(max_bytes: u64) -> (Place, Service) {
    let place = Place::new();
    let library = small_library(place.path());
    let root = "path = \"~/Exports\"";
    let limited = format!("{root}\nmax_bytes = \"{max_bytes}\"");
    let policy = Place::policy(library.path()).replace(root, &limited);
    let service = place.start(DARKSLIDED, &policy);
    (place, service)
}

/// What an export of everything takes.
fn needed() -> u64 {
    let (place, _library, service) = serve_small();
    let status = export(&mut service.peer(), &json!("~/Exports"));
    let bytes = bytes_below(&place.exports());
    assert_eq!(status["bytes_total"], bytes, "{status}");
    bytes
}

fn bytes_below(folder: &Path) -> u64 {
    let sizes = files_below(folder).into_iter();
    sizes.map(|file| std::fs::metadata(folder.join(file)).unwrap().len()).sum()
}

fn quota_left(peer: &mut Peer, path: &str) -> Value {
    let to = json!({"root": "exports", "path": path});
    let spec = json!({"library": "main", "destination": to, "include": ["hidden"]});
    peer.result("export.plan", &json!({"spec": spec}))["totals"]["quota_left"].clone()
}

#[test]
fn what_would_pass_the_limit_is_refused_before_the_first_byte_and_told_why() {
    let needed = needed();
    let limit = 2 * needed - 1;
    let (place, service) = serve_limited(limit);
    let mut peer = service.peer();
    let told = peer.result("policy.show", &json!({}));
    assert_eq!(told["roots"][0]["max_bytes"], limit, "{told}");
    assert_eq!(quota_left(&mut peer, "a"), limit);
    assert_eq!(export(&mut peer, &json!("~/Exports/a"))["state"], "finished");
    assert_eq!(quota_left(&mut peer, "b"), needed - 1);

    let refused = export(&mut peer, &json!("~/Exports/b"));
    assert_eq!(refused["state"], "failed", "{refused}");
    let (error, data) = (&refused["error"], &refused["error"]["data"]);
    assert_eq!((&data["name"], &data["reason"]), (&json!("DESTINATION"), &json!("no-space")));
    assert_eq!(data["limit"], limit, "{error}");
    let message = error["message"].as_str().unwrap();
    let numbers = [needed, needed, limit].map(|number| number.to_string());
    assert!(numbers.iter().all(|number| message.contains(number)), "{message}");
    assert!(data["hint"].as_str().unwrap().contains("max_bytes"), "{error}");
    assert!(files_below(&place.exports().join("b")).is_empty());
    assert_eq!(bytes_below(&place.exports()), needed);

    // What is there already is no matter of the limit.
    let again = export(&mut peer, &json!("~/Exports/a"));
    assert_eq!((&again["state"], &again["bytes_total"]), (&json!("finished"), &json!(0)));
    // Once there is room again, it goes on.
    std::fs::remove_dir_all(place.exports().join("a")).unwrap();
    assert_eq!(export(&mut peer, &json!("~/Exports/b"))["state"], "finished");
}

#[test]
fn without_a_limit_nobody_is_told_of_one() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    assert_eq!(quota_left(&mut peer, "a"), Value::Null);
    assert_eq!(peer.result("policy.show", &json!({}))["roots"][0]["max_bytes"], Value::Null);
}

#[test]
fn two_jobs_at_once_never_pass_the_limit_together() {
    let limit = 2 * needed() - 1;
    let (place, service) = serve_limited(limit);
    let mut peer = service.peer();
    let jobs = ["a", "b", "c"].map(|path| {
        let to = json!({"root": "exports", "path": path});
        let spec = json!({"library": "main", "destination": to, "include": ["hidden"]});
        peer.result("export.start", &json!({"spec": spec}))["job"].clone()
    });
    for job in &jobs {
        let status = wait_for(&mut peer, job);
        let is_told = status["state"] == "finished" || status["error"]["data"]["limit"] == limit;
        assert!(is_told, "{status}");
    }
    assert!(bytes_below(&place.exports()) <= limit);
    assert!(!service.log().contains("panic"));
}
