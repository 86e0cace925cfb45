//! The audit log as the daemon writes it: which records there are, and that nothing is done without
//! one.
//!
//! What is read here is read by the harness's own reader, which shares no code with the daemon. The
//! forms of a line and what its chain proves are tried where they are made; here is shown that each
//! thing that leaves a library has its record, and before it leaves. Cases L01 to L07, E05, F05.

use std::fs;
use std::path::Path;

use darkslide_fixture::{AlbumSpec, AssetSpec, Content, LibraryBuilder, Model};
use darkslide_protocol::error::{ErrorName, Reason};
use darkslide_tests::audit::{files, records, told};
use darkslide_tests::disks::{Disk, Kind};
use darkslide_tests::process::run;
use darkslide_tests::service::{Place, Service};
use darkslide_tests::shared::skip;
use darkslide_tests::wire::Peer;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::errors::assert_error;
use crate::{DARKSLIDED, export, jobs, serve_small, small_library};

/// The records of some event, as far as they differ from one daemon to the next.
fn of(service: &Service, event: &str) -> Vec<Value> {
    service.audit().iter().filter(|record| record["event"] == event).map(told).collect()
}

/// Whom a test's own records name.
fn me() -> Value {
    json!({"uid": rustix::process::getuid().as_raw(), "pid": std::process::id(), "rule": "me"})
}

/// Waits until the log has a record that fits.
fn wait_for(service: &Service, fits: impl Fn(&Value) -> bool) -> Value {
    let until = std::time::Instant::now() + darkslide_tests::process::PATIENCE;
    loop {
        if let Some(record) = service.audit().iter().find(|record| fits(record)) {
            return told(record);
        }
        assert!(std::time::Instant::now() < until, "{:#?}", service.audit());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn first_asset(peer: &mut Peer) -> Value {
    let page = peer.result("asset.query", &json!({"library": "main", "limit": 1}));
    page["assets"][0]["uuid"].clone()
}

#[test]
fn reads_are_a_line_for_each_method_of_a_connection_and_their_number_at_its_end() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    for _ in 0..5 {
        peer.result("asset.count", &json!({"library": "main"}));
        peer.result("health", &json!({"brief": true}));
        peer.result("library.list", &json!({}));
    }
    peer.result("album.list", &json!({"library": "main"}));
    let conn = of(&service, "request")[0]["conn"].clone();
    let line = |event: &str, method: &str| {
        json!({"event": event, "conn": conn, "peer": me(), "method": method,
               "about": {"library": "main"}, "decision": "granted"})
    };
    let requests = [line("request", "asset.count"), line("request", "album.list")];
    assert_eq!(of(&service, "request"), requests, "what touches nothing has none");
    assert_eq!(of(&service, "repeated"), Vec::<Value>::new());
    drop(peer);
    let mut repeated = line("repeated", "asset.count");
    repeated["counts"] = json!({"requests": 4});
    assert_eq!(wait_for(&service, |record| record["event"] == "repeated"), repeated);
    service.peer().result("asset.count", &json!({"library": "main"}));
    assert_eq!(of(&service, "request").len(), 3, "another connection begins anew");
}

#[test]
fn each_descriptor_has_a_line_with_its_file_and_parts_have_their_sum() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let uuid = first_asset(&mut peer);
    let file = json!({"library": "main", "uuid": uuid, "version": "original"});
    let opened = peer.result("resource.open", &file);
    peer.result("resource.open", &file);
    let lines = of(&service, "handed-over");
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["about"], file);
    assert_eq!(lines[0]["counts"], json!({"bytes": opened["size"]}));
    assert_eq!(
        (&lines[0]["method"], &lines[0]["decision"], &lines[0]["peer"]),
        (&json!("resource.open"), &json!("granted"), &me())
    );
    let missing = json!({"library": "main", "uuid": uuid, "version": "raw"});
    peer.error("resource.open", &missing);
    assert_eq!(of(&service, "handed-over").len(), 2, "what is not handed over has none");

    let mut part = file.clone();
    (part["offset"], part["length"]) = (json!(0), json!(10));
    peer.result("resource.read", &part);
    part["offset"] = json!(10);
    peer.result("resource.read", &part);
    let is_read = |record: &Value| {
        record["method"] == "resource.read" && record["about"].get("uuid").is_some()
    };
    let lines = of(&service, "request");
    assert_eq!(lines.iter().filter(|record| is_read(record)).count(), 1, "a line for a file");
    drop(peer);
    let sum = wait_for(&service, |record| record["event"] == "repeated" && is_read(record));
    assert_eq!((&sum["about"], &sum["counts"]), (&file, &json!({"bytes": 20, "requests": 1})));
}

#[test]
fn a_job_has_its_order_its_start_and_its_end_with_what_it_counted() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let job = export(&mut peer, &json!("~/Exports/2024"));
    let about = json!({"library": "main", "root": "exports", "path": "2024",
                       "job": job["job"], "kind": "export"});
    let lines = of(&service, "job");
    let results: Vec<&str> = lines.iter().filter_map(|line| line["result"].as_str()).collect();
    assert_eq!(results, ["ordered", "started", "finished"]);
    for line in &lines {
        assert_eq!(line["about"], about);
        assert_eq!(line["peer"], json!({"uid": me()["uid"], "rule": "me"}));
    }
    let counts = &lines[2]["counts"];
    assert_eq!(counts["copied"], job["outcomes"]["copied"], "{counts}");
    assert_eq!(counts["bytes"], job["bytes_done"], "{counts}");
    // Who asked for it, on which connection, stands before the order.
    let requests = of(&service, "request");
    let asked = requests.iter().filter(|line| line["method"] == "export.start");
    let asked: Vec<&Value> = asked.map(|line| &line["about"]).collect();
    let root = json!({"root": "exports", "path": "2024"});
    assert_eq!(asked, [&json!({"library": "main"}), &root]);
    let verify = peer.result("export.verify", &json!({"destination": "~/Exports/2024"}));
    crate::wait_for(&mut peer, &verify["job"]);
    let ended = of(&service, "job").pop().unwrap();
    assert_eq!((&ended["about"]["kind"], &ended["result"]), (&json!("verify"), &json!("finished")));
    // Whoever may see a job may cancel it: so each of them is told.
    peer.result("job.cancel", &json!({"job": job["job"]}));
    let cancels = of(&service, "request").into_iter().filter(|it| it["method"] == "job.cancel");
    let cancelled: Vec<Value> = cancels.map(|it| it["about"].clone()).collect();
    assert_eq!(cancelled, [json!({"job": job["job"]})]);
}

#[test]
fn a_job_that_goes_on_after_a_kill_is_recorded_as_resumed() {
    let place = Place::new();
    let library = jobs::large_library(&place);
    let policy = Place::policy(library.path());
    let service = place.start(DARKSLIDED, &policy);
    let (job, _key) = jobs::hold(&place, &service);
    service.process.signal(Signal::KILL);
    drop(service);
    let service = place.start(DARKSLIDED, &policy);
    crate::wait_for(&mut service.peer(), &job);
    let lines = of(&service, "job");
    let results: Vec<&str> = lines.iter().filter_map(|line| line["result"].as_str()).collect();
    let expected = ["ordered", "started", "interrupted", "resumed", "started", "finished"];
    assert_eq!(results, expected);
}

/// E05, F05: who tries what it is not granted is seen, whatever it calls itself.
#[test]
fn each_attempt_that_is_denied_is_recorded_with_the_kernels_word_beside_the_claim() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    let claim = json!({"client": {"name": "Photos", "version": "9"}, "brief": true});
    peer.result("health", &claim);
    let export =
        |library: &str, to: Value| json!({"spec": {"library": library, "destination": to}});
    peer.error("asset.count", &json!({"library": "other"}));
    peer.error("asset.count", &json!({"library": "/home/somebody/Pictures"}));
    peer.error("export.start", &export("main", json!("/home/somebody/private")));
    peer.error("export.start", &export("main", json!("~/Exports/../private")));
    peer.error("export.start", &export("main", json!({"root": "other", "path": "private"})));
    peer.error("job.status", &json!({"job": "0".repeat(32)}));
    let lines = service.audit();
    let denied: Vec<Value> =
        lines.iter().filter(|line| line["decision"] == "denied").map(told).collect();
    let mut who = me();
    who["claims"] = json!("Photos 9");
    let why = |line: &Value| {
        assert_eq!(line["peer"], who);
        (line["method"].clone(), line["result"].clone(), line["about"].clone())
    };
    let told: Vec<_> = denied.iter().map(why).collect();
    let none = Value::Null;
    let expected = [
        ("asset.count", "library-not-granted", json!({"library": "other"})),
        ("asset.count", "no-name", none.clone()),
        ("export.start", "outside-roots", none.clone()),
        ("export.start", "no-path", none),
        ("export.start", "root-not-granted", json!({"root": "other"})),
        ("job.status", "not-found", json!({"job": "0".repeat(32)})),
    ];
    let expected = expected.map(|(method, why, about)| (json!(method), json!(why), about));
    assert_eq!(told, expected);
    for log in [service.log(), format!("{lines:?}")] {
        assert!(!log.contains("somebody") && !log.contains("private"), "{log}");
    }
}

#[test]
fn a_peer_that_is_not_let_in_is_recorded() {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = Place::policy(library.path()).replace("uid = \"self\"", "uid = 4242");
    let service = place.start(DARKSLIDED, &policy);
    let refused = of(&service, "peer");
    let peer = json!({"uid": me()["uid"], "pid": me()["pid"]});
    let expected =
        json!({"event": "peer", "peer": peer, "decision": "denied", "result": "no-rule"});
    assert_eq!(refused.first(), Some(&expected));
}

/// L07.
#[test]
fn ten_thousand_denials_are_counted_exactly_and_take_few_lines() {
    const DENIALS: u64 = 10_000;
    let (_place, _library, service) = serve_small();
    let denied = |line: &Value| line["decision"] == "denied" && line["method"] == "asset.count";
    let mut peer = service.peer();
    let began = std::time::Instant::now();
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "asset.count",
                         "params": {"library": "other"}});
    for _ in 0..DENIALS {
        peer.send(request.to_string().as_bytes()).unwrap();
        peer.receive().unwrap();
    }
    let seconds = began.elapsed().as_secs() + 1;
    let until = std::time::Instant::now() + darkslide_tests::process::PATIENCE;
    let lines = loop {
        let lines: Vec<Value> = service.audit().into_iter().filter(denied).collect();
        let counted: u64 = lines.iter().filter_map(|it| it["counts"]["requests"].as_u64()).sum();
        if counted + 1 >= DENIALS {
            assert_eq!(counted + 1, DENIALS, "exactly");
            break lines.len() as u64;
        }
        assert!(std::time::Instant::now() < until, "{counted} are counted");
        std::thread::sleep(std::time::Duration::from_millis(20));
    };
    assert!(lines <= 2 + seconds, "{lines} lines in {seconds} s");
    let log = service.log();
    let logged = log.lines().filter(|line| line.contains("library-not-granted")).count() as u64;
    assert!((1..=1 + seconds).contains(&logged), "{logged} lines of the log in {seconds} s");
}

/// L01, L02: what a peer says stays in its place.
#[test]
fn what_a_peer_says_forges_no_record_and_no_line() {
    let (_place, _library, service) = serve_small();
    let forged = "x\",\"decision\":\"granted\",\"y\":\"";
    let say = |peer: &mut Peer, method: &str, params: Value| {
        let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        // Some are refused as no request at all.
        peer.send(request.to_string().as_bytes()).unwrap();
        peer.receive().unwrap();
    };
    for text in ["\n", "\u{1b}[2J", "\u{85}\u{2028}\u{202e}", forged, "\"\\"] {
        let mut peer = service.peer();
        let claim = json!({"client": {"name": text, "version": "1"}, "brief": true});
        say(&mut peer, "health", claim);
        say(&mut peer, "asset.count", json!({"library": text}));
        say(&mut peer, text, json!({}));
        say(&mut peer, "export.start", json!({"spec": {"library": "main", "destination": text}}));
        say(&mut peer, "asset.count", json!({"library": "main", "filter": {"title": text}}));
    }
    let mut peer = service.peer();
    for bytes in [4_000, 60_000] {
        say(&mut peer, "asset.count", json!({"library": "x".repeat(bytes)}));
    }
    let to = json!({"root": "exports", "path": format!("{0}/{0}", "y".repeat(200))});
    say(&mut peer, "export.plan", json!({"spec": {"library": "main", "destination": to}}));
    // 100 KB are no frame at all, and end the connection.
    let claim = json!({"client": {"name": "x".repeat(100_000), "version": "1"}});
    say(&mut service.peer(), "health", claim);
    let lines = service.audit();
    for line in &lines {
        let decision = (&line["decision"], &line["method"], &line["about"]["library"]);
        if line["decision"] == "granted" {
            assert!(line["about"]["library"] == "main" || line["about"]["root"] == "exports");
        }
        assert!(line.to_string().len() < 2_000, "{decision:?}");
    }
    let claims: Vec<&str> = lines.iter().filter_map(|it| it["peer"]["claims"].as_str()).collect();
    assert!(claims.contains(&format!("{forged} 1").as_str()), "{claims:?}");
    assert!(service.log().lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
}

/// L03: at the level that says most.
#[test]
fn no_title_place_person_or_content_is_in_the_log_or_the_audit() {
    const SECRETS: [&str; 4] = ["Zanzibar", "Wilhelmina", "Quokka", "IMG_7777"];
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let spec = AssetSpec::photo("IMG_7777.JPG", Content::jpeg(1));
    let spec = spec.title("Quokka").location(-6.16, 39.2).keyword("Wilhelmina");
    let asset = builder.asset(spec);
    builder.album(AlbumSpec::new("Zanzibar").members([asset]));
    let library = builder.build(&place.path().join("Small.photoslibrary")).unwrap();
    place.write_policy(&Place::policy(library.path()));
    let service = place.start_command(place.command(DARKSLIDED).args(["--log", "debug"]));
    let mut peer = service.peer();
    let uuid = first_asset(&mut peer);
    peer.result("album.list", &json!({"library": "main"}));
    peer.result("asset.get", &json!({"library": "main", "uuids": [uuid]}));
    for filter in [
        json!({"album": "Zanzibar"}),
        json!({"album": "Zanzibarr"}),
        json!({"title": "Quokka"}),
        json!({"person": "Wilhelmina"}),
        json!({"keyword": "Wilhelmina"}),
        json!({"filename": {"matches": "IMG_7777*"}}),
    ] {
        peer.call("asset.count", &json!({"library": "main", "filter": filter}));
    }
    peer.result("resource.open", &json!({"library": "main", "uuid": uuid, "version": "original"}));
    export(&mut peer, &json!("~/Exports"));
    peer.call("extract", &json!({"album": "Zanzibar", "export_path": "/elsewhere/Quokka"}));
    drop(peer);
    wait_for(&service, |record| record["event"] == "repeated");
    let audit: String = files(service.audit_folder())
        .into_iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    for secret in SECRETS.into_iter().chain(["39.2", "elsewhere"]) {
        assert!(!audit.contains(secret), "{secret} is in the audit log");
        assert!(!service.log().contains(secret), "{secret} is in the log:\n{}", service.log());
    }
    let refused = run(place.command(DARKSLIDED).args(["--log", "trace"]));
    assert_eq!(refused.code(), 64, "no such level: {}", refused.stderr);
}

/// L06: a record that a kill tore off.
#[test]
fn a_torn_record_is_kept_and_named_and_the_chain_goes_on() {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = Place::policy(library.path());
    let service = place.start(DARKSLIDED, &policy);
    service.peer().result("asset.count", &json!({"library": "main"}));
    let (folder, before) = (service.audit_folder().to_path_buf(), service.audit());
    service.process.signal(Signal::KILL);
    drop(service);
    let newest = files(&folder).pop().unwrap();
    let whole = fs::read(&newest).unwrap();
    let torn = &whole[..whole.len() - 40];
    fs::write(&newest, torn).unwrap();
    let service = place.start(DARKSLIDED, &policy);
    service.peer().result("asset.count", &json!({"library": "main"}));
    assert_eq!(fs::read(&newest).unwrap(), torn, "it is evidence");
    let after = records(&folder);
    let kept = before.len() - 1;
    assert_eq!(after[..kept], before[..kept]);
    let events: Vec<&str> = after[kept..].iter().filter_map(|it| it["event"].as_str()).collect();
    assert_eq!(events, ["genesis", "recovered", "started", "request"]);
    let line = torn.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
    assert_eq!(after[kept + 1]["counts"], json!({"bytes": torn.len() - line}));
    let boots: Vec<&Value> = [&after[0], &after[kept + 3]].map(|record| &record["boot"]).into();
    assert_ne!(boots[0], boots[1], "a name of its own for each start");
    for start in boots {
        let of_it = after.iter().filter(|record| record["boot"] == *start);
        let mono: Vec<u64> = of_it.filter_map(|record| record["mono"].as_u64()).collect();
        assert!(mono.is_sorted(), "{mono:?}");
    }
}

#[test]
fn a_daemon_that_ends_in_good_order_says_so_last() {
    let (_place, _library, mut service) = serve_small();
    let mut peer = service.peer();
    peer.result("asset.count", &json!({"library": "main"}));
    peer.result("asset.count", &json!({"library": "main"}));
    service.process.signal(Signal::TERM);
    service.process.wait(darkslide_tests::process::PATIENCE);
    let lines = service.audit();
    let events: Vec<&str> = lines.iter().filter_map(|it| it["event"].as_str()).collect();
    assert_eq!(events, ["genesis", "started", "request", "repeated", "ended"]);
}

#[test]
fn health_tells_the_head_and_the_log_goes_on_from_it() {
    let (_place, _library, service) = serve_small();
    let mut peer = service.peer();
    peer.result("asset.count", &json!({"library": "main"}));
    let head = peer.result("health", &json!({}))["detail"]["audit"].clone();
    let last = service.audit().pop().unwrap();
    assert_eq!(head["seq"], last["seq"]);
    peer.result("album.list", &json!({"library": "main"}));
    let next = service.audit().pop().unwrap();
    assert_eq!(next["prev"], head["hash"]);
}

/// L05: what is not a file of ours in its place stops the start.
#[test]
fn a_link_or_a_pipe_in_the_place_of_the_log_stops_the_start() {
    let place = Place::new();
    let library = small_library(place.path());
    let policy = Place::policy(library.path());
    let service = place.start(DARKSLIDED, &policy);
    let newest = files(service.audit_folder()).pop().unwrap();
    drop(service);
    let aside = place.path().join("aside");
    fs::rename(&newest, &aside).unwrap();
    let refused = |what: &str| {
        let ended = run(&mut place.command(DARKSLIDED));
        assert_eq!(ended.code(), 78, "{what}: {}", ended.stderr);
        assert!(ended.stderr.contains("is not a regular file"), "{what}: {}", ended.stderr);
        fs::remove_file(&newest).unwrap();
    };
    std::os::unix::fs::symlink(&aside, &newest).unwrap();
    refused("a link");
    nix::unistd::mkfifo(&newest, nix::sys::stat::Mode::S_IRWXU).unwrap();
    refused("a pipe");
    fs::rename(&aside, &newest).unwrap();
    drop(place.start(DARKSLIDED, &policy));
}

/// A small disk in the place of the audit folder.
fn small_disk(place: &Place, options: &str) -> Option<(Disk, std::path::PathBuf)> {
    let folder = place.path().join("small");
    fs::create_dir(&folder).unwrap();
    match Disk::make(&folder, Kind::Memory(options)) {
        Ok(disk) => {
            let at = disk.path().to_path_buf();
            Some((disk, at))
        }
        Err(why) => {
            skip(&format!("no disk of its own: {why}"));
            None
        }
    }
}

/// Starts a daemon whose state lies on a disk of 64 KiB.
fn start_on(place: &Place, disk: &Path) -> Service {
    let library = small_library(place.path());
    place.write_policy(&Place::policy(library.path()));
    place.start_command(place.command(DARKSLIDED).env("DARKSLIDE_STATE", disk))
}

fn refuses_all_but_health(service: &Service) {
    let mut peer = service.peer();
    let export = json!({"spec": {"library": "main", "destination": "~/Exports"}});
    let file = json!({"library": "main", "uuid": "00000000-0000-4000-8000-000000000000",
                      "version": "original"});
    let mut part = file.clone();
    (part["offset"], part["length"]) = (json!(0), json!(1));
    for (method, params) in [
        ("resource.open", file),
        ("resource.read", part),
        ("asset.count", json!({"library": "main"})),
        ("album.list", json!({"library": "main"})),
        ("export.plan", export.clone()),
        ("export.start", export),
        ("export.destinations", json!({})),
        ("extract", json!({"album": "Summer", "export_path": "~/Exports"})),
    ] {
        let answer = peer.call(method, &params);
        assert_error(&answer, ErrorName::AuditUnavailable, Reason::AuditUnavailable);
    }
    let health = peer.result("health", &json!({}));
    assert_eq!(health["detail"]["jobs"], json!({"running": 0, "waiting": 0}));
    peer.result("policy.show", &json!({}));
    peer.result("library.list", &json!({}));
}

/// L05, and `AUDIT_UNAVAILABLE` of the table of errors.
#[test]
pub(crate) fn a_full_disk_refuses_what_needs_a_grant_until_there_is_room() {
    let place = Place::new();
    let Some((_disk, at)) = small_disk(&place, "size=64k,mode=0700") else { return };
    let service = start_on(&place, &at);
    let mut peer = service.peer();
    peer.result("asset.count", &json!({"library": "main"}));
    // Byte by byte: the last line is cut wherever the disk ends.
    let mut filler = fs::File::create(at.join("filler")).unwrap();
    while std::io::Write::write_all(&mut filler, &[b'x'; 512]).is_ok() {}
    // What is left of the file's own last page is used up first.
    let refused = (0..1_000).any(|_| {
        let answer = service.peer().call("asset.count", &json!({"library": "main"}));
        answer.get("error").is_some()
    });
    assert!(refused);
    refuses_all_but_health(&service);
    let head = peer.result("health", &json!({}))["detail"]["audit"]["seq"].clone();
    filler.set_len(0).unwrap();
    peer.result("album.list", &json!({"library": "main"}));
    let lines = service.audit();
    assert!(lines.iter().any(|it| it["event"] == "unwritten" && it["counts"]["refused"] != 0));
    assert_eq!(lines.last().unwrap()["method"], "album.list");
    assert!(lines.last().unwrap()["seq"].as_u64() > head.as_u64());
    export(&mut peer, &json!("~/Exports"));
    assert_eq!(of(&service, "job").last().unwrap()["result"], "finished");
}

/// L05: a log that can be read and not written.
#[test]
fn a_log_that_may_only_be_read_refuses_what_needs_a_grant_and_health_works() {
    let place = Place::new();
    let Some((disk, at)) = small_disk(&place, "size=64k,mode=0700") else { return };
    drop(start_on(&place, &at));
    let before = records(&at.join("audit"));
    disk.remount("ro").unwrap();
    let command = &mut place.command(DARKSLIDED);
    let service = place.start_command(command.env("DARKSLIDE_STATE", &at));
    refuses_all_but_health(&service);
    assert_eq!(service.audit(), before, "nothing was written");
    disk.remount("rw").unwrap();
    service.peer().result("asset.count", &json!({"library": "main"}));
    let events: Vec<Value> =
        service.audit()[before.len()..].iter().map(|it| it["event"].clone()).collect();
    assert_eq!(events, ["started", "unwritten", "request"]);
}

/// `audit_keep`: more than there are, as many, and one.
#[test]
fn a_start_leaves_as_many_files_of_the_log_as_the_policy_says() {
    let place = Place::new();
    let library = small_library(place.path());
    let start = |keep: usize| {
        let limits = format!("[limits]\naudit_keep = {keep}\n");
        place.start(DARKSLIDED, &format!("{}{limits}", Place::policy(library.path())))
    };
    let names = |service: &Service| -> Vec<String> {
        let names = files(service.audit_folder()).into_iter();
        names.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    };
    // A torn line has the next start begin a file.
    for number in 1..=4 {
        let service = start(1_024);
        service.peer().result("asset.count", &json!({"library": "main"}));
        assert_eq!(names(&service).len(), number);
        let newest = files(service.audit_folder()).pop().unwrap();
        drop(service);
        if number < 4 {
            let mut newest = fs::File::options().append(true).open(newest).unwrap();
            std::io::Write::write_all(&mut newest, b"{").unwrap();
        }
    }
    let of = |numbers: std::ops::RangeInclusive<u32>| -> Vec<String> {
        numbers.map(|number| format!("{number:08}.jsonl")).collect()
    };
    for (keep, left) in [(5, 1..=4), (4, 1..=4), (3, 2..=4), (1, 4..=4)] {
        let service = start(keep);
        assert_eq!(names(&service), of(left), "{keep}");
        service.peer().result("asset.count", &json!({"library": "main"}));
        assert_eq!(service.audit().last().unwrap()["event"], "request", "it goes on");
    }
}
