//! What the kernel says of the daemon while it works, and what it does where the kernel cannot
//! confine.
//!
//! The kernel's own words are read from outside, in `/proc`, and held against what `health` says. A
//! kernel that lacks something is made by a wrapper whose filter answers the call with an error.

use std::path::Path;

use darkslide_tests::process::{beside, command, run};
use darkslide_tests::service::Place;
use serde_json::{Value, json};

use crate::{DARKSLIDED, serve_small, small_library};

#[test]
fn health_and_the_kernel_agree_on_every_thread_while_it_works() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let started = peer
        .result("export.start", &json!({"spec": {"library": "main", "destination": "~/Exports"}}));
    let tasks = format!("/proc/{}/task", service.pid());
    let mut most = 0;
    for _ in 0..50 {
        let mut threads = 0;
        for task in std::fs::read_dir(&tasks).unwrap() {
            let Ok(status) = std::fs::read_to_string(task.unwrap().path().join("status")) else {
                continue;
            };
            let field = |name: &str| {
                status
                    .lines()
                    .find_map(|line| line.strip_prefix(name))
                    .map(str::trim)
                    .map(str::to_owned)
            };
            assert_eq!(field("NoNewPrivs:").as_deref(), Some("1"), "{status}");
            assert_eq!(field("Seccomp:").as_deref(), Some("2"), "{status}");
            assert_eq!(field("Seccomp_filters:").as_deref(), Some("2"), "{status}");
            threads += 1;
        }
        most = most.max(threads);
    }
    assert!(most >= 3, "the reading threads were seen: {most}");
    let detail = peer.result("health", &json!({}))["detail"].clone();
    let confinement = &detail["confinement"];
    assert_eq!(confinement["enforced"], true, "{confinement}");
    assert!(confinement["landlock_abi"].as_u64().unwrap() >= 2, "{confinement}");
    assert_eq!(
        (&confinement["seccomp"], &confinement["no_new_privs"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(confinement["missing"], json!([]));
    assert!(confinement["refusals"].as_array().unwrap().len() >= 3, "{confinement}");
    crate::wait_for(&mut peer, &started["job"]);
}

/// Starts a daemon below a wrapper that makes the kernel answer a call with an error.
fn without(place: &Place, call: &str, errno: &str, policy: &str) -> std::process::Command {
    let policy = place.write_policy(policy);
    let mut wrapped = command(&beside(DARKSLIDED, "without"), &place.home());
    wrapped.args([&format!("{call}={errno}"), "--"]).arg(DARKSLIDED);
    wrapped.arg("--socket").arg(place.socket()).arg("--policy").arg(policy);
    wrapped
}

#[test]
fn without_landlock_it_does_not_start_and_says_how_to_go_on() {
    let mut texts = std::collections::BTreeSet::new();
    for errno in ["ENOSYS", "EOPNOTSUPP", "EPERM"] {
        let place = Place::new();
        let library = small_library(place.path());
        let ended = run(&mut without(&place, "landlock", errno, &Place::policy(library.path())));
        assert_eq!(ended.code(), 77, "{errno}: {}", ended.stderr);
        let hint = ended.stderr.lines().find(|line| line.starts_with("hint: ")).unwrap();
        assert!(hint.contains("best-effort"), "{errno}: {hint}");
        texts.insert(
            ended.stderr.lines().filter(|line| line.starts_with("caused by")).collect::<String>(),
        );
    }
    assert_eq!(texts.len(), 3, "a text each: {texts:?}");
}

#[test]
fn without_seccomp_it_does_not_start() {
    let place = Place::new();
    let library = small_library(place.path());
    let ended = run(&mut without(&place, "seccomp", "ENOSYS", &Place::policy(library.path())));
    assert_eq!(ended.code(), 77, "{}", ended.stderr);
}

#[test]
fn with_best_effort_spelt_out_it_starts_without_landlock_and_health_says_so() {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = Place::policy(library.path())
        .replace("version = 1", "version = 1\nconfinement = \"best-effort\"");
    let service = place.start_command(&mut without(&place, "landlock", "ENOSYS", &policy));
    let confinement = service.peer().result("health", &json!({}))["detail"]["confinement"].clone();
    assert_eq!(confinement["enforced"], false, "{confinement}");
    assert_eq!(confinement["landlock_abi"], 0);
    assert_ne!(confinement["missing"], Value::Array(Vec::new()));
    assert!(Path::new(&service.socket).exists());
}
