//! Each error of the table, provoked over the socket: none is there that nobody can meet.
//!
//! Whatever goes wrong, the answer names it by the table's words, says what to do, and the daemon
//! serves on. What is tried here is that each is reached; which cause leads to which reason is
//! tried where the cause is.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use darkslide_fixture::{AlbumSpec, AssetSpec, Content, FolderSpec, LibraryBuilder, Model, hold};
use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_tests::process::PATIENCE;
use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::framed;
use rustix::process::Signal;
use serde_json::{Value, json};

#[cfg(target_os = "linux")]
use crate::activation;
use crate::{DARKSLIDED, audit, jobs, limits, small_library, wait_for};

/// How an error is provoked, and the response with it.
type Provoke = fn(&Stage) -> Value;

/// On one daemon, one after the other.
const PROVOKED: &[(ErrorName, Reason, Provoke)] = &[
    (ErrorName::Parse, Reason::ParseError, |on| on.send(b"{")),
    (ErrorName::InvalidRequest, Reason::InvalidRequest, |on| on.send(b"[]")),
    (ErrorName::InvalidRequest, Reason::TooLarge, |on| on.send_raw(&u32::MAX.to_be_bytes())),
    (ErrorName::MethodNotFound, Reason::MethodNotFound, |on| on.call("helth", &json!({}))),
    (ErrorName::InvalidParams, Reason::InvalidParams, |on| on.call("library.info", &json!({}))),
    (ErrorName::InvalidParams, Reason::PathOutsideRoot, |on| on.plan(&json!("~/Exports/../x"))),
    (ErrorName::Denied, Reason::Denied, |on| on.call("policy.show", &json!({}))),
    (ErrorName::Denied, Reason::PathOutsideRoot, |on| on.plan(&json!("/etc"))),
    (ErrorName::NotFound, Reason::NotFound, |on| on.count("none", &json!({}))),
    (ErrorName::Ambiguous, Reason::Ambiguous, |on| on.count("twins", &json!({"album": "Best"}))),
    (ErrorName::LibraryUnavailable, Reason::Absent, |on| on.count("absent", &json!({}))),
    (ErrorName::LibraryUnsupported, Reason::NotALibrary, |on| on.count("folder", &json!({}))),
    (ErrorName::LibraryDamaged, Reason::LibraryDamaged, |on| on.count("damaged", &json!({}))),
    (ErrorName::NotLocal, Reason::InICloud, |on| {
        let away = on.call("asset.query", &json!({"library": "main", "filter": {"is": "missing"}}));
        let mut params =
            json!({"library": "main", "version": "original", "offset": 0, "length": 1});
        params["uuid"] = away["result"]["assets"][0]["uuid"].clone();
        on.call("resource.read", &params)
    }),
    (ErrorName::Destination, Reason::NotADirectory, |on| on.plan(&json!("~/Exports/file"))),
    (ErrorName::Conflict, Reason::OtherShape, |on| {
        on.export("date");
        on.export("flat")
    }),
    (ErrorName::Cancelled, Reason::Cancelled, |on| {
        let (main, given_up) = (json!({"library": "main"}), json!({"id": 1}));
        let count =
            json!({"jsonrpc": "2.0", "id": 1, "method": "asset.count", "params": main}).to_string();
        let cancel =
            json!({"jsonrpc": "2.0", "method": "$/cancel", "params": given_up}).to_string();
        // In one write, so that the second is read before the first can be answered.
        on.send_raw(&[framed(count.as_bytes()), framed(cancel.as_bytes())].concat())
    }),
    (ErrorName::Expired, Reason::Expired, |on| {
        on.call("asset.query", &json!({"library": "main", "cursor": "x"}))
    }),
    (ErrorName::Busy, Reason::Busy, |on| {
        let held = on.place.path().join("held/Small.photoslibrary/database/Photos.sqlite");
        let _holder = hold(&held).unwrap();
        on.count("held", &json!({}))
    }),
];

/// Where a daemon of its own is needed, or is there already.
const ELSEWHERE: &[(ErrorName, fn())] = &[
    (ErrorName::Limit, limits::connections_above_the_limit_are_told_so_and_places_come_back),
    (ErrorName::TimedOut, limits::who_sends_nothing_is_let_go_and_the_others_are_not_kept),
    (
        ErrorName::AuditUnavailable,
        audit::a_full_disk_refuses_what_needs_a_grant_until_there_is_room,
    ),
    #[cfg(target_os = "linux")]
    (
        ErrorName::Misconfigured,
        activation::a_broken_policy_is_told_to_each_client_until_it_is_mended,
    ),
    (ErrorName::ShuttingDown, a_daemon_that_ends_takes_no_more_jobs_and_says_so),
];

/// Nobody can ask for a bug: a panic is handed in where requests are answered.
const BELOW: (ErrorName, &str, &str) = (
    ErrorName::Internal,
    include_str!("../../../daemon/src/server/dispatch.rs"),
    "fn a_panic_of_one_request_is_its_answer_with_an_incident_of_its_own()",
);

/// What its rule allows: what is asked for below, and no more.
const METHODS: [&str; 8] = [
    "health",
    "library.info",
    "asset.query",
    "asset.count",
    "resource.read",
    "export.plan",
    "export.start",
    "job.status",
];

/// A daemon with a good library, and with everything that can be wrong with another.
struct Stage {
    place: Place,
    service: Service,
}

impl Stage {
    fn new() -> Self {
        let place = Place::new();
        let below = |name: &str| place.path().join(name);
        let spoilt = small_library(&made(&below("spoilt"))).database();
        fs::write(spoilt, "this is a text, and no database at all").unwrap();
        let libraries = [
            ("main", small_library(place.path()).path().to_path_buf()),
            ("twins", twins(&below("Twins.photoslibrary"))),
            ("held", small_library(&made(&below("held"))).path().to_path_buf()),
            ("absent", below("None.photoslibrary")),
            ("folder", made(&below("Folder.photoslibrary"))),
            ("damaged", below("spoilt/Small.photoslibrary")),
        ];
        fs::write(place.exports().join("file"), "").unwrap();
        let names = libraries.each_ref().map(|(name, _)| *name);
        let tables = libraries.map(|(name, path)| format!("[library.{name}]\npath = {path:?}\n"));
        let policy = format!(
            "version = 1\n{}[root.exports]\npath = \"~/Exports\"\n[[client]]\nname = \"me\"\n\
             uid = \"self\"\nlibraries = {names:?}\nroots = [\"exports\"]\nmethods = {METHODS:?}\n",
            tables.concat()
        );
        let service = place.start(DARKSLIDED, &policy);
        Self { place, service }
    }

    fn call(&self, method: &str, params: &Value) -> Value {
        self.service.peer().call(method, params)
    }

    fn send(&self, payload: &[u8]) -> Value {
        self.send_raw(&framed(payload))
    }

    fn send_raw(&self, bytes: &[u8]) -> Value {
        let mut peer = self.service.peer();
        peer.send_raw(bytes).unwrap();
        peer.receive().unwrap()
    }

    fn count(&self, library: &str, filter: &Value) -> Value {
        self.call("asset.count", &json!({"library": library, "filter": filter}))
    }

    fn plan(&self, destination: &Value) -> Value {
        let spec = json!({"library": "main", "destination": destination});
        self.call("export.plan", &json!({"spec": spec}))
    }

    /// Exports all and returns the job as it is in the end: its error stands where a response has
    /// its own.
    fn export(&self, layout: &str) -> Value {
        let to = json!({"root": "exports", "path": "shape"});
        let spec = json!({"library": "main", "destination": to, "layout": layout});
        let mut peer = self.service.peer();
        let job = peer.result("export.start", &json!({"spec": spec}))["job"].clone();
        wait_for(&mut peer, &job)
    }
}

fn made(folder: &Path) -> PathBuf {
    fs::create_dir(folder).unwrap();
    folder.to_path_buf()
}

/// Two albums of one title.
fn twins(path: &Path) -> PathBuf {
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let asset = builder.asset(AssetSpec::photo("a.jpg", Content::jpeg(1)));
    for year in ["2023", "2024"] {
        let folder = builder.folder(FolderSpec::new(year));
        builder.album(AlbumSpec::new("Best").within(folder).members([asset]));
    }
    builder.build(path).unwrap().path().to_path_buf()
}

/// Holds an answer against the table.
#[track_caller]
pub(crate) fn assert_error(answer: &Value, name: ErrorName, reason: Reason) {
    let error: WireError = serde_json::from_value(answer["error"].clone())
        .unwrap_or_else(|_| panic!("{name}: no error: {answer}"));
    assert_eq!((error.data.name, error.data.reason), (name, reason), "{answer}");
    assert_eq!((error.code, error.data.class), (name.code(), name.class()), "{answer}");
    assert!(!error.data.hint.is_empty() && !error.message.is_empty(), "{answer}");
    assert!(name.reasons().iter().any(|(listed, _)| *listed == reason), "{answer}");
}

#[test]
fn each_error_is_told_by_the_words_of_the_table_and_the_daemon_serves_on() {
    let stage = Stage::new();
    for (name, reason, provoke) in PROVOKED {
        assert_error(&provoke(&stage), *name, *reason);
        let health = stage.call("health", &json!({"brief": true}));
        assert_eq!(health["result"]["service"], "darkslide", "after {name}/{reason}");
    }
}

#[test]
fn no_error_of_the_table_is_there_that_nobody_provokes() {
    let on_stage = PROVOKED.iter().map(|(name, ..)| *name);
    let elsewhere = ELSEWHERE.iter().map(|(name, _)| *name).chain([BELOW.0]);
    let provoked: BTreeSet<ErrorName> = on_stage.chain(elsewhere).collect();
    assert_eq!(provoked, ErrorName::ALL.iter().copied().collect());
    assert!(BELOW.1.contains(BELOW.2), "the test of {} is gone", BELOW.0);
}

/// Until the job in hand has stopped, who is connected is answered: first that the destination is
/// taken, and once the signal has come, that nothing more is.
#[test]
fn a_daemon_that_ends_takes_no_more_jobs_and_says_so() {
    let place = Place::new();
    let library = jobs::large_library(&place);
    let policy = Place::policy(library.path());
    let spec = json!({"library": "main", "destination": "~/Exports"});
    // A job may be faster than the signal.
    let told = (0..jobs::TRIES).any(|_| {
        let mut service = place.start(DARKSLIDED, &policy);
        let mut peer = service.peer();
        let (_job, _key) = jobs::hold(&place, &service);
        service.process.signal(Signal::TERM);
        service.process.signal(Signal::CONT);
        let refused = (0..).find_map(|id| {
            let params = json!({"spec": spec, "key": format!("another {id}")});
            let request =
                json!({"jsonrpc": "2.0", "id": id, "method": "export.start", "params": params});
            let answer =
                peer.send(request.to_string().as_bytes()).ok().and_then(|()| peer.receive());
            match answer {
                Some(answer) if answer["error"]["data"]["name"] == "CONFLICT" => {
                    assert_error(&answer, ErrorName::Conflict, Reason::DestinationBusy);
                    None
                }
                answer => Some(answer),
            }
        });
        service.process.wait(PATIENCE);
        match refused.flatten() {
            Some(answer) if answer.get("error").is_some() => {
                assert_error(&answer, ErrorName::ShuttingDown, Reason::ShuttingDown);
                true
            }
            Some(_) | None => false,
        }
    });
    assert!(told, "each of {} jobs was done before the signal", jobs::TRIES);
}
