//! What changed since: over the wire, beside a writer, and as events.
//!
//! Which rows of a history tell what is tried in the reader's own tests. Here: that a token goes
//! from answer to question, that a subscriber hears of a commit without asking, and who does not.

use darkslide_fixture::{BuiltLibrary, Model, rename_later};
use darkslide_tests::service::Place;
use darkslide_tests::wire::Peer;
use serde_json::{Value, json};

use crate::{DARKSLIDED, serve_small, small_library};

fn write(library: &BuiltLibrary, index: usize, title: &str) -> String {
    let uuid = library.assets()[index].uuid().to_owned();
    rename_later(&library.database(), Model::Photos11, &uuid, title).unwrap();
    uuid
}

fn token(peer: &mut Peer) -> Value {
    peer.result("change.token", &json!({"library": "main"}))["token"].clone()
}

fn since(peer: &mut Peer, token: &Value) -> Value {
    peer.result("change.since", &json!({"library": "main", "token": token}))
}

/// The next event that is no keep-alive; the socket's own time limit ends a wait for nothing.
fn event(peer: &mut Peer) -> Value {
    loop {
        let message = peer.receive().expect("the connection ended");
        let event = message["params"].clone();
        if message["method"] == "event" && event["kind"] != "keepalive" {
            return event;
        }
    }
}

#[test]
fn a_token_leads_to_what_was_written_after_it() {
    let (_place, library, service) = serve_small();
    let mut peer = service.peer();
    let before = token(&mut peer);
    let nothing = since(&mut peer, &before);
    assert_eq!((&nothing["next"], &nothing["updated"]), (&before, &json!([])));
    let uuid = write(&library, 0, "another");
    let changes = since(&mut peer, &before);
    assert_eq!(changes["updated"], json!([uuid]));
    assert_eq!((&changes["inserted"], &changes["deleted"]), (&json!([]), &json!([])));
    assert_eq!((&changes["more"], &changes["next"]), (&json!(false), &token(&mut peer)));
}

#[test]
fn a_token_that_does_not_fit_has_expired_and_a_stranger_learns_nothing() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let good = token(&mut peer);
    let bad = good.as_str().unwrap().replace("1.", "2.");
    for text in [bad.as_str(), "x", "1.0.0.-.0"] {
        let params = json!({"library": "main", "token": text});
        assert_eq!(peer.error("change.since", &params), "EXPIRED/expired", "{text}");
    }
    for library in ["other", "", "MAIN", "../main"] {
        let params = json!({"library": library, "token": good});
        assert_eq!(peer.error("change.since", &params), "NOT_FOUND/not-found", "{library}");
        let params = json!({"topics": [format!("library:{library}")]});
        let expected = if library.is_empty() {
            "INVALID_PARAMS/invalid-params"
        } else {
            "NOT_FOUND/not-found"
        };
        assert_eq!(peer.error("event.subscribe", &params), expected, "{library}");
    }
}

#[test]
fn subscribers_hear_of_each_commit_and_ask_with_the_place_before_it() {
    let (_place, library, service) = serve_small();
    let topic = json!({"topics": ["library:main"]});
    let mut peers = [service.peer(), service.peer()];
    let mut known = Vec::new();
    for peer in &mut peers {
        peer.result("event.subscribe", &topic);
        let first = event(peer);
        assert_eq!((&first["kind"], &first["topic"]), (&json!("changed"), &topic["topics"][0]));
        known.push(first["data"]["token"].clone());
    }
    for round in 1..3 {
        let uuid = write(&library, round, "another");
        for (peer, known) in peers.iter_mut().zip(&mut known) {
            let told = event(peer);
            assert_eq!((&told["kind"], &told["data"]["token"]), (&json!("changed"), &*known));
            // Events stand aside of the answer: none came meanwhile, for nothing was written.
            let changes = since(peer, known);
            assert_eq!(changes["updated"], json!([uuid]));
            *known = changes["next"].clone();
        }
    }
    // Who left and comes back goes on from the place of then.
    let subscribed = peers[0].result("event.subscribe", &topic);
    assert_eq!(event(&mut peers[0])["data"]["token"], known[0]);
    let subscription = json!({"subscription": subscribed["subscription"]});
    peers[0].result("event.unsubscribe", &subscription);
}

/// Whoever comes first after a change that nobody watched hears of it, and whoever comes later with
/// the number of an event before it does, too.
#[test]
fn what_changed_while_nobody_was_subscribed_is_told_to_whoever_comes_back() {
    let (_place, library, service) = serve_small();
    let topics = json!(["library:main"]);
    let mut first = service.peer();
    first.result("event.subscribe", &json!({"topics": topics}));
    let before = event(&mut first);
    drop(first);
    let uuid = write(&library, 0, "another");
    for since in [Value::Null, before["seq"].clone()] {
        let mut peer = service.peer();
        let mut params = json!({"topics": topics});
        if since.is_u64() {
            params["since"] = since;
        }
        peer.result("event.subscribe", &params);
        let told = event(&mut peer);
        assert_eq!(told["data"]["token"], before["data"]["token"], "the place before it");
        assert_eq!(self::since(&mut peer, &told["data"]["token"])["updated"], json!([uuid]));
    }
}

#[test]
fn a_library_that_is_named_twice_is_told_of_once() {
    let (_place, library, service) = serve_small();
    let mut peer = service.peer();
    let topics = json!(["library:main", "jobs", "library:main"]);
    peer.result("event.subscribe", &json!({"topics": topics}));
    let first = event(&mut peer);
    write(&library, 0, "another");
    let second = event(&mut peer);
    assert_eq!(second["data"]["token"], first["data"]["token"]);
    assert!(second["seq"].as_u64() > first["seq"].as_u64(), "the news, not the beginning again");
}

#[test]
fn a_token_of_a_wider_grant_does_not_fit_a_narrower_one() {
    let place = Place::new();
    let library = small_library(place.path());
    let wide = Place::policy(library.path());
    let narrow = wide.replace("roots = [", "hidden = false\nroots = [");
    let token = token(&mut place.start(DARKSLIDED, &wide).peer());
    let service = place.start(DARKSLIDED, &narrow);
    let params = json!({"library": "main", "token": token});
    assert_eq!(service.peer().error("change.since", &params), "EXPIRED/expired");
}
