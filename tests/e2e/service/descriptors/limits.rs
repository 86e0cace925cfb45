//! Peers that do not take what they asked for, and peers that go: what stays open in the daemon is
//! bounded, and nothing stays when they are gone.
//!
//! Open files of the library are counted in `/proc`, from outside; how many may wait is told by
//! `health`.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use darkslide_fixture::Version;
use darkslide_tests::process::PATIENCE;
use darkslide_tests::service::Service;
use serde_json::json;

use super::receiver::request;
use super::{path_of, receiver, uuid_of, version};
use crate::serve_small;

/// Files among the originals that the daemon has open.
fn open_originals(service: &Service) -> usize {
    let entries = fs::read_dir(format!("/proc/{}/fd", service.pid())).unwrap();
    let links = entries.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    links.filter(|link| link.components().any(|part| part.as_os_str() == "originals")).count()
}

fn wait_until_none_is_open(service: &Service) {
    let until = Instant::now() + PATIENCE;
    while open_originals(service) > 0 {
        assert!(Instant::now() < until, "{} stay open", open_originals(service));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn peers_that_do_not_read_hold_so_many_and_are_let_go() {
    /// Threads that read a library: each may have one open that does not wait yet.
    const READERS: usize = 2;
    let (_place, library, service) = serve_small();
    let params = version(&uuid_of(&library, "IMG_3.JPG"), "original");
    let mut other = receiver(&service);
    let (health, _) = other.call("health", &json!({}));
    let limits = &health["result"]["detail"]["limits"];
    let limit = |name: &str| usize::try_from(limits[name].as_u64().unwrap()).unwrap();
    let (own, all) = (limit("waiting_descriptors"), limit("waiting_descriptors_in_all"));
    assert_eq!((own, all), (8, 64));
    for greedy in [1, all / own + 2] {
        let peers: Vec<_> = (0..greedy).map(|_| receiver(&service)).collect();
        let writing = peers.iter().map(|peer| {
            let (mut writer, params) = (peer.stream().try_clone().unwrap(), params.clone());
            // Absurdly many: it ends when the daemon lets the connection go.
            std::thread::spawn(move || {
                (0_u64..)
                    .find(|id| writer.write_all(&request(*id, "resource.open", &params)).is_err())
            })
        });
        let writing: Vec<_> = writing.collect();
        let mut most = 0;
        while !writing.iter().all(|thread| thread.is_finished()) {
            most = most.max(open_originals(&service));
            assert_eq!(other.call("health", &json!({"brief": true})).0["result"]["protocol"], 1);
        }
        for thread in writing {
            assert!(thread.join().unwrap().unwrap() > 0);
        }
        assert!(most >= own && most <= (greedy * own).min(all) + READERS, "{greedy}: {most}");
        wait_until_none_is_open(&service);
    }
    let (_, file) = other.file("resource.open", &params);
    let path = path_of(&library, "IMG_3.JPG", Version::Original);
    assert_eq!(super::content(file), fs::read(path).unwrap(), "the others go on");
}

#[test]
fn peers_that_go_leave_nothing_open() {
    let (_place, library, service) = serve_small();
    let params = version(&uuid_of(&library, "IMG_4.JPG"), "original");
    let open = || fs::read_dir(format!("/proc/{}/fd", service.pid())).unwrap().count();
    let mut other = receiver(&service);
    let _kept = other.file("resource.open", &params);
    let before = open();
    for round in 0..60_u64 {
        let mut peer = receiver(&service);
        for id in 0..20 {
            peer.send(id, "resource.open", &params);
        }
        // Some go at once, some after an answer or a few.
        for _ in 0..round % 4 {
            peer.receive();
        }
    }
    wait_until_none_is_open(&service);
    let until = Instant::now() + PATIENCE;
    while open() > before {
        assert!(Instant::now() < until, "{} were {before}", open());
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn long_parts_that_nobody_takes_are_not_made() {
    const MIB: usize = 1024 * 1024;
    let (_place, library, service) = serve_small();
    let path = path_of(&library, "IMG_0.JPG", Version::Original);
    fs::write(path, vec![7; 4 * MIB]).unwrap();
    let params = json!({"library": "main", "uuid": uuid_of(&library, "IMG_0.JPG"),
        "version": "original", "offset": 0, "length": 2 * MIB});
    let resident = || {
        let status = fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() / 1024
    };
    let mut peer = receiver(&service);
    assert_eq!(peer.call("resource.read", &params).0["result"]["end"], false);
    let before = resident();
    for id in 0..64 {
        peer.send(id, "resource.read", &params);
    }
    let mut seen: Vec<u64> = (0..64)
        .map(|_| {
            let (answer, _) = peer.receive();
            assert_eq!(answer["result"]["data"].as_str().unwrap().len(), 2_796_204);
            answer["id"].as_u64().unwrap()
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..64).collect::<Vec<u64>>());
    // All at once would be 170 MiB of text alone.
    assert!(resident() - before < 64, "{} MiB were {before}", resident());
}
