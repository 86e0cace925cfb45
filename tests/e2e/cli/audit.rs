//! `darkslide audit verify` and `audit show`, on the log of a daemon of the test's own.
//!
//! Whether each edit is found is tried where the chain is made; here is shown that a person and a
//! program learn it, by exit status and by the line that is named, and that a head that was kept
//! finds what the log alone cannot tell. Case L04.

use std::fs;
use std::path::{Path, PathBuf};

use darkslide_fixture::{BuiltLibrary, ManyOptions, Model};
use darkslide_tests::audit::files;
use darkslide_tests::process::{Ended, beside, run};
use darkslide_tests::service::{Place, Service};
use darkslide_tests::wire::Peer;
use serde_json::{Value, json};

use crate::{DARKSLIDE, darkslide};

/// A log with some of everything, and the daemon that wrote it gone.
struct Log {
    place: Place,
    folder: PathBuf,
    head: String,
    _library: BuiltLibrary,
}

fn log() -> Log {
    let place = Place::new();
    let path = place.path().join("L.photoslibrary");
    let options = ManyOptions::default();
    let library = darkslide_fixture::many(&path, Model::Photos11, 3, options).unwrap();
    let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
    let service = place.start(&daemon, &Place::policy(library.path()));
    let mut peer = service.peer();
    let claim = json!({"name": "a\u{200b}b", "version": "1"});
    peer.call("health", &json!({"client": claim, "brief": true}));
    let page = peer.result("asset.query", &json!({"library": "main"}));
    let uuid = page["assets"][0]["uuid"].clone();
    let file = json!({"library": "main", "uuid": uuid, "version": "original"});
    peer.result("resource.open", &file);
    peer.error("asset.count", &json!({"library": "other"}));
    let head = head(&service, &mut peer);
    let folder = service.audit_folder().to_path_buf();
    drop(service);
    Log { place, folder, head, _library: library }
}

fn head(service: &Service, peer: &mut Peer) -> String {
    let head = peer.result("health", &json!({}))["detail"]["audit"].clone();
    assert!(service.audit_folder().is_dir());
    format!("{}:{}", head["seq"], head["hash"].as_str().unwrap())
}

impl Log {
    fn ask(&self, words: &[&str]) -> Ended {
        run(darkslide(&self.place.home()).arg("audit").args(words))
    }

    fn file(&self) -> PathBuf {
        files(&self.folder).pop().unwrap()
    }

    /// Changes the lines of the log, and asks whether it is sound.
    fn changed(&self, change: impl FnOnce(&mut Vec<String>), words: &[&str]) -> Ended {
        let before = fs::read_to_string(self.file()).unwrap();
        let mut lines: Vec<String> = before.lines().map(str::to_owned).collect();
        change(&mut lines);
        fs::write(self.file(), lines.join("\n") + "\n").unwrap();
        let ended = self.ask(words);
        fs::write(self.file(), before).unwrap();
        ended
    }
}

#[test]
fn a_sound_log_is_said_to_be_one_with_its_head() {
    let log = log();
    let ended = log.ask(&["verify"]);
    assert_eq!((ended.code(), ended.stderr.as_str()), (0, ""), "{}", ended.stdout);
    assert!(ended.stdout.contains("is sound") && ended.stdout.contains(&log.head));
    let state = log.folder.parent().unwrap().display().to_string();
    let program = ["verify", "--json", "--state", &state, "--head", &log.head];
    let told = log.ask(&program).json();
    let head = format!("{}:{}", told["head"]["seq"], told["head"]["hash"].as_str().unwrap());
    assert_eq!((head, &told["first"]), (log.head.clone(), &json!(0)));
    let elsewhere = log.place.path().display().to_string();
    let none = log.ask(&["verify", "--state", &elsewhere]);
    assert_eq!(none.code(), 1, "{}", none.stderr);
    assert_eq!(log.ask(&["verify", "--head", "7"]).code(), 1, "no head at all");
}

/// L04.
#[test]
fn a_log_that_was_changed_is_told_with_the_first_bad_line() {
    let log = log();
    let bad = |ended: Ended, seq: usize| {
        assert_eq!(ended.code(), 1, "{}", ended.stdout);
        let named = [format!("line {seq} is not as"), format!("line {seq} is missing")];
        assert!(named.iter().any(|it| ended.stderr.contains(it)), "{seq}: {}", ended.stderr);
        assert!(ended.stderr.contains("hint: "), "{}", ended.stderr);
    };
    bad(log.changed(|lines| lines[2] = lines[2].replace("granted", "denied"), &["verify"]), 2);
    bad(log.changed(|lines| drop(lines.remove(2)), &["verify"]), 2);
    bad(log.changed(|lines| lines.swap(2, 3), &["verify"]), 2);
    bad(log.changed(|lines| lines.insert(3, lines[2].clone()), &["verify"]), 2);
    // The end is what the kept head holds.
    let cut = |lines: &mut Vec<String>| drop(lines.pop());
    assert_eq!(log.changed(cut, &["verify"]).code(), 0);
    let last = fs::read_to_string(log.file()).unwrap().lines().count() - 1;
    bad(log.changed(cut, &["verify", "--head", &log.head]), last);
    let aside = log.place.path().join("aside");
    fs::rename(log.file(), &aside).unwrap();
    let ended = log.ask(&["verify", "--head", &log.head]);
    assert_eq!(ended.code(), 1, "{}", ended.stdout);
    fs::rename(&aside, Path::new(&log.folder).join("00000001.jsonl")).unwrap();
    assert_eq!(log.ask(&["verify", "--head", &log.head]).code(), 0);
}

#[test]
fn what_has_left_the_library_is_shown_to_a_person_and_to_a_program() {
    let log = log();
    let shown = log.ask(&["show"]);
    assert_eq!(shown.code(), 0, "{}", shown.stderr);
    let of = |what: &str| shown.stdout.lines().filter(|line| line.contains(what)).count();
    assert_eq!((of("resource.open: descriptor"), of("asset.query")), (1, 1), "{}", shown.stdout);
    assert_eq!((of("denied: library-not-granted"), of("the daemon starts")), (1, 0));
    let records = |words: &[&str]| -> Vec<Value> {
        let ended = log.ask(&[&["show", "--json"], words].concat());
        assert_eq!(ended.code(), 0, "{}", ended.stderr);
        ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let denied = records(&["--denied"]);
    assert_eq!((denied.len(), &denied[0]["about"]["library"]), (1, &json!("other")));
    assert_eq!(records(&["--peer", "me"]), records(&[]));
    assert_eq!(records(&["--peer", "nobody"]), Vec::<Value>::new());
    assert_eq!(records(&["--since", "2000-01-01"]), records(&[]));
    assert_eq!(records(&["--since", "2999-01-01"]), Vec::<Value>::new());
    let all = records(&["--all"]);
    assert_eq!((&all[0]["event"], &all[1]["event"]), (&json!("genesis"), &json!("started")));
    assert_eq!(log.ask(&["show", "--since", "yesterday"]).code(), 2);
}

#[test]
fn a_broken_log_is_shown_up_to_the_break_and_said_to_be_broken() {
    let log = log();
    let ended = log.changed(|lines| drop(lines.remove(3)), &["show", "--json", "--all"]);
    assert_eq!(ended.code(), 1, "{}", ended.stdout);
    assert_eq!(ended.stdout.lines().count(), 3, "{}", ended.stdout);
    assert!(ended.stderr.contains("line 3 is not as it was written"), "{}", ended.stderr);
}
