//! `$/cancel`: a request that is given up is answered with CANCELLED, once, and nothing else
//! happens.
//!
//! A request and its cancel go out in one write, so that the daemon reads both before it can
//! answer. What a read under way sees of it is tried in the daemon's own tests; an export that is
//! given up, with `extract`.

use std::fs;

use darkslide_fixture::{ManyOptions, Model};
use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::{Peer, framed, named};
use serde_json::{Value, json};

use crate::{DARKSLIDED, serve_small};

/// How often it is tried to be quicker than two jobs.
const TRIES: usize = 20;
/// What a connection may have in flight.
const IN_FLIGHT: u64 = 64;

fn count(id: &Value) -> Vec<u8> {
    let params = json!({"library": "main"});
    let request = json!({"jsonrpc": "2.0", "id": id, "method": "asset.count", "params": params});
    framed(request.to_string().as_bytes())
}

fn cancel(id: &Value) -> Vec<u8> {
    let notification = json!({"jsonrpc": "2.0", "method": "$/cancel", "params": {"id": id}});
    framed(notification.to_string().as_bytes())
}

#[track_caller]
fn assert_cancelled(answer: &Value, id: &Value) {
    assert_eq!((named(answer).as_str(), &answer["id"]), ("CANCELLED/cancelled", id));
}

#[track_caller]
fn assert_counted(answer: &Value, id: &Value) {
    assert_eq!((&answer["result"]["count"], &answer["id"]), (&json!(8), id), "{answer}");
}

#[test]
fn a_request_that_is_given_up_is_answered_with_cancelled_and_its_id_is_free_again() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    for id in [json!(7), json!("7"), json!(-1)] {
        peer.send_raw(&[count(&id), cancel(&id)].concat()).unwrap();
        assert_cancelled(&peer.receive().unwrap(), &id);
        peer.send_raw(&count(&id)).unwrap();
        assert_counted(&peer.receive().unwrap(), &id);
    }
}

#[test]
fn only_the_request_of_that_very_id_and_connection_is_given_up() {
    let (_place, _library, service) = serve_small();
    let (mut peer, mut other) = (service.peer(), service.peer());
    let (number, text) = (json!(7), json!("7"));
    other.send_raw(&count(&number)).unwrap();
    peer.send_raw(&[count(&number), count(&text), cancel(&text)].concat()).unwrap();
    for _ in 0..2 {
        let answer = peer.receive().unwrap();
        if answer["id"] == text {
            assert_cancelled(&answer, &text);
        } else {
            assert_counted(&answer, &number);
        }
    }
    assert_counted(&other.receive().unwrap(), &number);
}

#[test]
fn an_id_is_taken_until_the_request_that_was_given_up_is_answered() {
    let (_place, _library, service) = serve_small();
    let (mut peer, id) = (service.peer(), json!(7));
    peer.send_raw(&[count(&id), cancel(&id), cancel(&id), count(&id)].concat()).unwrap();
    let (first, second) = (peer.receive().unwrap(), peer.receive().unwrap());
    assert_eq!(named(&first), "INVALID_REQUEST/invalid-request");
    assert_cancelled(&second, &id);
}

#[test]
fn ids_that_are_finished_unknown_or_none_are_ignored_without_a_word() {
    let (_place, _library, service) = serve_small();
    let (mut peer, id) = (service.peer(), json!(7));
    peer.send_raw(&count(&id)).unwrap();
    assert_counted(&peer.receive().unwrap(), &id);
    // Finished: the next request of that id is another one.
    peer.send_raw(&[cancel(&id), count(&id)].concat()).unwrap();
    assert_counted(&peer.receive().unwrap(), &id);
    for strange in [json!(8), json!("x"), json!(null), json!(1.5), json!({}), json!(u64::MAX)] {
        peer.send_raw(&[cancel(&strange), count(&id)].concat()).unwrap();
        assert_counted(&peer.receive().unwrap(), &id);
    }
    for params in [json!({}), json!({"id": 7, "x": 1}), json!({"ID": 7})] {
        let wrong = json!({"jsonrpc": "2.0", "method": "$/cancel", "params": params});
        peer.send_raw(&[count(&id), framed(wrong.to_string().as_bytes())].concat()).unwrap();
        assert_counted(&peer.receive().unwrap(), &id);
    }
}

#[test]
fn no_other_notification_does_anything_and_as_a_request_there_is_no_such_method() {
    let (_place, _library, service) = serve_small();
    let (mut peer, id) = (service.peer(), json!(7));
    for method in ["$/progress", "$/Cancel", "$/cancel ", "cancel", "job.cancel", "extract"] {
        let notification = json!({"jsonrpc": "2.0", "method": method, "params": {"id": 7}});
        let notification = framed(notification.to_string().as_bytes());
        peer.send_raw(&[count(&id), notification].concat()).unwrap();
        assert_counted(&peer.receive().unwrap(), &id);
    }
    for method in ["$/cancel", "$/progress", "$/"] {
        let refused = peer.error(method, &json!({"id": 7}));
        assert_eq!(refused, "METHOD_NOT_FOUND/method-not-found", "{method}");
    }
}

fn resident_kib(service: &Service) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn descriptors(service: &Service) -> usize {
    fs::read_dir(format!("/proc/{}/fd", service.pid())).unwrap().count()
}

/// Requests and their cancels, so many, each answered once.
fn flood(peer: &mut Peer, requests: u64) {
    let mut writer = peer.stream().try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        for id in (0..requests).map(|id| json!(id)) {
            let strange = cancel(&json!("nobody"));
            let all = [count(&id), cancel(&id), strange, cancel(&id)].concat();
            std::io::Write::write_all(&mut writer, &all).unwrap();
        }
    });
    let mut answered: Vec<u64> = (0..requests)
        .map(|_| {
            let answer = peer.receive().unwrap();
            if answer.get("result").is_none() {
                assert_eq!(named(&answer), "CANCELLED/cancelled");
            }
            answer["id"].as_u64().unwrap()
        })
        .collect();
    writing.join().unwrap();
    answered.sort_unstable();
    assert_eq!(answered, (0..requests).collect::<Vec<u64>>());
}

#[test]
fn ten_thousand_that_are_given_up_leave_nothing() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    flood(&mut peer, 1_000);
    let (memory, open) = (resident_kib(&service), descriptors(&service));
    flood(&mut peer, 10_000);
    let grown = resident_kib(&service).saturating_sub(memory);
    assert!(grown < 4 * 1024, "{grown} KiB");
    assert!(descriptors(&service) <= open);
    // Every slot is free: as many as there are can wait for one another.
    let ids: Vec<Value> = (0..IN_FLIGHT).map(|id| json!(id)).collect();
    peer.send_raw(&ids.iter().flat_map(count).collect::<Vec<u8>>()).unwrap();
    let mut seen: Vec<u64> =
        ids.iter().map(|_| peer.receive().unwrap()["id"].as_u64().unwrap()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..IN_FLIGHT).collect::<Vec<u64>>());
}

/// With every slot taken the daemon reads on until the next request: what gives one up needs none.
#[test]
fn who_has_no_slot_left_can_still_give_a_request_up() {
    let place = Place::new();
    let path = place.path().join("Many.photoslibrary");
    let options = ManyOptions { padding: 50_000, ..Default::default() };
    darkslide_fixture::many(&path, Model::Photos11, 500, options).unwrap();
    let service = place.start(DARKSLIDED, &Place::policy(&path));
    for number in 0..TRIES {
        let mut starter = service.peer();
        for name in ["a", "b"] {
            let to = format!("~/Exports/{number}{name}");
            let spec = json!({"library": "main", "destination": to});
            starter.result("export.start", &json!({"spec": spec}));
        }
        // Behind those two no other job begins.
        let mut peer = service.peer();
        let last = json!(IN_FLIGHT - 1);
        for id in 0..IN_FLIGHT {
            let to = format!("~/Exports/{number}-{id}");
            let params = json!({"album": "2023-01", "export_path": to});
            let request =
                json!({"jsonrpc": "2.0", "id": id, "method": "extract", "params": params});
            peer.send(request.to_string().as_bytes()).unwrap();
        }
        peer.send_raw(&cancel(&last)).unwrap();
        let first = peer.receive().unwrap();
        let was_first = first["id"] == last;
        if was_first {
            assert_cancelled(&first, &last);
        }
        (0..IN_FLIGHT - 1).for_each(|id| peer.send_raw(&cancel(&json!(id))).unwrap());
        for _ in 1..IN_FLIGHT {
            let answer = peer.receive().unwrap();
            assert!(answer.get("result").is_some() || named(&answer) == "CANCELLED/cancelled");
        }
        if was_first {
            return;
        }
    }
    panic!("two exports were done {TRIES} times before 64 requests were sent");
}
