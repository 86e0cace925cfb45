//! The limits of the wire, at, over and absurd; and after each the daemon serves on.
//!
//! Waiting times are tried on a clock that a test moves, in the daemon's own tests; here are those
//! that a test can wait for, and everything that is counted.

use std::io::Read;
use std::net::Shutdown;
use std::time::{Duration, Instant};

use darkslide_fixture::{ManyOptions, Model};
use darkslide_protocol::error::{ErrorName, Reason};
use darkslide_protocol::limits::MAX_IN_FLIGHT;
use darkslide_tests::process::PATIENCE;
use darkslide_tests::service::Place;
use darkslide_tests::wire::{Peer, framed, named};
use serde_json::{Value, json};

use crate::errors::assert_error;
use crate::{DARKSLIDED, serve_small};

const REQUEST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"health","params":{"brief":true}}"#;

fn padded(length: usize) -> Vec<u8> {
    let mut bytes = REQUEST.as_bytes().to_vec();
    bytes.resize(length, b' ');
    bytes
}

#[test]
fn a_frame_at_the_limit_is_answered_and_one_above_is_refused() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    peer.send(&padded(64 * 1024)).unwrap();
    assert_eq!(peer.receive().unwrap()["result"]["service"], "darkslide");
    for prefix in [(64_u32 * 1024 + 1).to_be_bytes(), u32::MAX.to_be_bytes()] {
        let mut peer = service.peer();
        peer.send_raw(&prefix).unwrap();
        let answer = peer.receive().unwrap();
        assert_eq!(named(&answer), "INVALID_REQUEST/too-large");
        assert_eq!(
            (&answer["id"], &answer["error"]["data"]["limit"]),
            (&Value::Null, &json!(65_536))
        );
        assert!(peer.receive().is_none(), "closed");
    }
    let mut peer = service.peer();
    peer.send_raw(&[0; 4]).unwrap();
    assert_eq!(named(&peer.receive().unwrap()), "INVALID_REQUEST/invalid-request");
    assert!(peer.receive().is_none(), "closed");
}

#[test]
fn a_frame_is_answered_the_same_wherever_its_bytes_are_split() {
    let (_place, _library, service) = serve_small();
    let bytes = framed(REQUEST.as_bytes());
    for split in 1..bytes.len() {
        let mut peer = service.peer();
        peer.send_raw(&bytes[..split]).unwrap();
        peer.send_raw(&bytes[split..]).unwrap();
        assert_eq!(peer.receive().unwrap()["result"]["protocol"], 1, "split at {split}");
    }
}

#[test]
fn depth_and_duplicate_keys_are_refused_and_the_connection_goes_on() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let nested = |depth: usize| format!("{}1{}", "{\"x\":".repeat(depth), "}".repeat(depth));
    for (payload, expected) in [
        (nested(17), "INVALID_REQUEST/invalid-request"),
        (nested(10_000), "INVALID_REQUEST/invalid-request"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"health","method":"x"}"#.into(), "INVALID_REQUEST/invalid-request"),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"health"}"#.into(), "INVALID_REQUEST/invalid-request"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"health","params":{"brief":true,"\u0062rief":false}}"#.into(),
            "INVALID_PARAMS/invalid-params",
        ),
        (r#"[{"jsonrpc":"2.0","id":1,"method":"health"}]"#.into(), "INVALID_REQUEST/invalid-request"),
        (r#"{"id":1,"method":"health"}"#.into(), "INVALID_REQUEST/invalid-request"),
        ("{".into(), "PARSE_ERROR/parse-error"),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"a\\nb\"}".into(), "INVALID_REQUEST/invalid-request"),
    ] {
        peer.send(payload.as_bytes()).unwrap();
        assert_eq!(named(&peer.receive().unwrap()), expected, "{payload:.80}");
    }
    peer.send(b"\xff\xfe").unwrap();
    assert_eq!(named(&peer.receive().unwrap()), "PARSE_ERROR/parse-error");
    assert_eq!(peer.result("health", &json!({"brief": true}))["protocol"], 1);
}

#[test]
fn a_notification_is_neither_executed_nor_answered() {
    let (place, _library, service) = serve_small();
    let mut peer = service.peer();
    let spec = json!({"jsonrpc": "2.0", "method": "export.start",
        "params": {"spec": {"library": "main", "destination": "~/Exports"}}});
    peer.send(spec.to_string().as_bytes()).unwrap();
    let health = peer.result("health", &json!({}));
    assert_eq!(health["detail"]["jobs"], json!({"running": 0, "waiting": 0}));
    assert!(!place.exports().join(".darkslide").exists());
}

#[test]
fn five_hundred_pipelined_requests_are_answered_each_once() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let mut all = Vec::new();
    for id in 0..500 {
        let method = if id % 2 == 0 { "health" } else { "asset.count" };
        let params = if id % 2 == 0 { json!({"brief": true}) } else { json!({"library": "main"}) };
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        all.extend(framed(request.to_string().as_bytes()));
    }
    let mut writer = peer.stream().try_clone().unwrap();
    let writing = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &all).unwrap());
    let mut seen: Vec<u64> = (0..500)
        .map(|_| {
            let answer = peer.receive().unwrap();
            assert!(answer.get("result").is_some(), "{answer}");
            answer["id"].as_u64().unwrap()
        })
        .collect();
    writing.join().unwrap();
    seen.sort_unstable();
    assert_eq!(seen, (0..500).collect::<Vec<u64>>());
}

#[test]
fn an_id_that_is_not_answered_yet_cannot_be_used_again() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let ask = |id: u64| {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": "asset.query",
            "params": {"library": "main"}});
        framed(request.to_string().as_bytes())
    };
    // In one write, so that the second is read before the first can be answered.
    peer.send_raw(&[ask(7), ask(7)].concat()).unwrap();
    let (first, second) = (peer.receive().unwrap(), peer.receive().unwrap());
    assert_eq!(named(&first), "INVALID_REQUEST/invalid-request");
    assert_eq!(second["result"]["assets"].as_array().unwrap().len(), 8);
}

#[test]
pub(crate) fn connections_above_the_limit_are_told_so_and_places_come_back() {
    let (_place, _library, service) = serve_small();
    let mut first = service.peer();
    first.result("health", &json!({"brief": true}));
    let mut held: Vec<Peer> = (1..32).map(|_| service.peer()).collect();
    for peer in &mut held {
        peer.result("health", &json!({"brief": true}));
    }
    let mut surplus = service.peer();
    let answer = surplus.receive().unwrap();
    assert_error(&answer, ErrorName::Limit, Reason::Limit);
    assert_eq!(answer["error"]["data"]["limit"], 32);
    assert!(surplus.receive().is_none());
    assert_eq!(first.result("health", &json!({"brief": true}))["protocol"], 1, "the others go on");
    drop(held);
    // The daemon sees the ends one after the other; a new client gets in after some tries.
    let got_in = (0..1_000).any(|_| {
        std::thread::sleep(Duration::from_millis(2));
        let mut peer = service.peer();
        let request =
            json!({"jsonrpc": "2.0", "id": 1, "method": "health", "params": {"brief": true}});
        let _refused = peer.send(request.to_string().as_bytes());
        peer.receive().is_some_and(|answer| answer.get("result").is_some())
    });
    assert!(got_in);
}

#[test]
pub(crate) fn who_sends_nothing_is_let_go_and_the_others_are_not_kept() {
    let (_place, _library, service) = serve_small();
    let mut silent = service.peer();
    let mut slow = service.peer();
    slow.send_raw(&[0, 0]).unwrap();
    let mut other = service.peer();
    other.result("health", &json!({"brief": true}));
    assert_error(&silent.receive().unwrap(), ErrorName::TimedOut, Reason::Timeout);
    assert!(silent.receive().is_none());
    assert_eq!(named(&slow.receive().unwrap()), "TIMED_OUT/timeout");
    assert_eq!(other.result("health", &json!({"brief": true}))["protocol"], 1);
}

#[test]
fn who_never_reads_is_let_go_and_nobody_else() {
    let (_place, _library, service) = serve_small();
    let greedy = service.peer();
    let mut writer = greedy.stream().try_clone().unwrap();
    // Answers of some ten KiB each; the daemon stops reading long before the end, then lets go.
    let writing = std::thread::spawn(move || {
        for id in 0_u64.. {
            let request = json!({"jsonrpc": "2.0", "id": id, "method": "asset.query",
                "params": {"library": "main"}});
            if std::io::Write::write_all(&mut writer, &framed(request.to_string().as_bytes()))
                .is_err()
            {
                return id;
            }
        }
        0
    });
    let mut other = service.peer();
    assert_eq!(other.result("health", &json!({"brief": true}))["protocol"], 1);
    let written = writing.join().unwrap();
    assert!(written > 0, "the connection was closed under it");
    assert_eq!(other.result("health", &json!({"brief": true}))["protocol"], 1);
    drop(greedy);
}

#[test]
fn a_half_closed_connection_gets_its_answers() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let request =
        json!({"jsonrpc": "2.0", "id": 1, "method": "asset.query", "params": {"library": "main"}});
    peer.send(request.to_string().as_bytes()).unwrap();
    peer.stream().shutdown(Shutdown::Write).unwrap();
    assert!(peer.receive().unwrap().get("result").is_some());
    assert!(peer.receive().is_none());
    let mut torn = service.peer();
    torn.send_raw(&[0, 0, 0, 100, b'{']).unwrap();
    torn.stream().shutdown(Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    torn.stream().read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty(), "a request that was never finished has no answer");
}

/// Two exports hold the places of jobs, so that whoever calls `extract` waits for them.
#[test]
fn the_request_after_the_sixty_fourth_is_not_begun_before_one_is_answered() {
    let place = Place::new();
    let path = place.path().join("Many.photoslibrary");
    let options = ManyOptions { padding: 50_000, ..Default::default() };
    darkslide_fixture::many(&path, Model::Photos11, 300, options).unwrap();
    let service = place.start(DARKSLIDED, &Place::policy(&path));
    let mut starter = service.peer();
    for name in ["a", "b"] {
        let spec = json!({"library": "main", "destination": format!("~/Exports/{name}")});
        starter.result("export.start", &json!({"spec": spec}));
    }
    let mut peer = service.peer();
    let mut ask = |id: usize, method: &str, params: Value| {
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        peer.send(request.to_string().as_bytes()).unwrap();
    };
    for id in 0..MAX_IN_FLIGHT {
        let to = format!("~/Exports/{id}");
        ask(id, "extract", json!({"album": "2023-01", "export_path": to}));
    }
    ask(MAX_IN_FLIGHT, "health", json!({"brief": true}));
    let ids: Vec<Value> =
        (0..=MAX_IN_FLIGHT).map(|_| peer.receive().unwrap()["id"].clone()).collect();
    let last = json!(MAX_IN_FLIGHT);
    assert!(ids.contains(&last) && ids[0] != last, "{ids:?}");
}

/// An open connection keeps Photos from its last checkpoint.
#[test]
fn a_library_that_nobody_asks_is_let_go_and_opened_again() {
    let (_place, library, service) = serve_small();
    let folder = library.path().canonicalize().unwrap();
    let is_open = || {
        let all = std::fs::read_dir(format!("/proc/{}/fd", service.pid())).unwrap();
        let mut links = all.filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok());
        links.any(|path| {
            path.starts_with(&folder) && path.extension().is_some_and(|it| it == "sqlite")
        })
    };
    let mut peer = service.peer();
    for _ in 0..2 {
        assert_eq!(peer.result("asset.count", &json!({"library": "main"}))["count"], 8);
        assert!(is_open());
        let until = Instant::now() + PATIENCE;
        while is_open() {
            assert!(Instant::now() < until, "the database is still open");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn descriptors_of_a_peer_never_arrive() {
    use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
    use std::os::fd::AsFd;
    let (_place, _library, service) = serve_small();
    let open = || std::fs::read_dir(format!("/proc/{}/fd", service.pid())).unwrap().count();
    let mut peer = service.peer();
    peer.result("health", &json!({"brief": true}));
    let before = open();
    let file = std::fs::File::open("/dev/null").unwrap();
    for id in 0..200 {
        let request =
            json!({"jsonrpc": "2.0", "id": id, "method": "health", "params": {"brief": true}});
        let bytes = framed(request.to_string().as_bytes());
        let fds = vec![file.as_fd(); if id == 0 { 253 } else { 1 }];
        let mut space = vec![std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(253))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&fds)));
        let iov = [std::io::IoSlice::new(&bytes)];
        assert_eq!(
            sendmsg(peer.stream(), &iov, &mut control, SendFlags::empty()).unwrap(),
            bytes.len()
        );
        assert_eq!(peer.receive().unwrap()["id"], id);
    }
    // The connection that the harness tried the socket with may have ended meanwhile.
    assert!(open() <= before, "{} were {before}", open());
}

#[test]
fn subscriptions_of_a_connection_are_bounded() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let most = peer.result("health", &json!({}))["detail"]["limits"]["subscriptions"].as_u64();
    let ids: Vec<Value> = (0..most.unwrap())
        .map(|_| {
            peer.result("event.subscribe", &json!({"topics": ["jobs"]}))["subscription"].clone()
        })
        .collect();
    assert_eq!(peer.error("event.subscribe", &json!({"topics": ["jobs"]})), "LIMIT/limit");
    peer.result("event.unsubscribe", &json!({"subscription": ids[0]}));
    peer.result("event.subscribe", &json!({"topics": ["jobs"]}));
}

#[test]
fn a_filter_that_is_too_much_is_the_peers_mistake_and_no_damage() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let params =
        |count: usize| json!({"library": "main", "filter": {"any": vec![json!({}); count]}});
    assert_eq!(peer.result("asset.count", &params(256))["count"], 8);
    assert_eq!(peer.error("asset.count", &params(257)), "INVALID_PARAMS/invalid-params");
}

#[test]
fn each_decision_is_one_line_of_the_log_with_what_was_asked_quoted() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    peer.result("asset.count", &json!({"library": "main"}));
    peer.result("library.list", &json!({}));
    peer.error(
        "export.start",
        &json!({"spec": {"library": "main", "destination": "/etc/x\",\"answer\":\"granted"}}),
    );
    let log = service.log();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let decisions = |answer: &str, method: &str| {
        let fits = |line: &&Value| line["answer"] == answer && line["method"] == method;
        lines.iter().filter(fits).count()
    };
    assert_eq!(decisions("granted", "asset.count"), 1, "{log}");
    assert_eq!(decisions("granted", "library.list"), 0, "it touches nothing: {log}");
    // Reading was granted, writing there was not.
    assert_eq!(
        (decisions("granted", "export.start"), decisions("denied", "export.start")),
        (1, 1),
        "{log}"
    );
    assert!(
        lines.iter().all(|line| line["level"].is_string() && line["timestamp"].is_string()),
        "{log}"
    );
}
