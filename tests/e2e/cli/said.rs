//! What the command line says to a running daemon, and is told, is as the document of the wire
//! says.
//!
//! Every command that talks to a daemon is typed once, with a relay in between that holds each
//! message against the document; and every method of the wire that a command has must have been
//! spoken.

use std::collections::BTreeSet;

use darkslide_client::protocol::method::METHODS;
use darkslide_fixture::{AlbumSpec, AssetSpec, Content, LibraryBuilder, Model};
use darkslide_tests::process::{beside, run};
use darkslide_tests::relay::Relay;
use darkslide_tests::service::Place;

use crate::{DARKSLIDE, darkslide};

/// Methods that no command of its own asks: `call` does, for whoever wants them.
const BY_CALL: &[(&str, &str)] = &[
    ("rpc.discover", "{}"),
    ("extract", r#"{"album": "Rome", "export_path": "~/Exports/extracted"}"#),
    ("export.destinations", "{}"),
];

/// Spoken only where something is to be broken off or begun again, or by who stays connected.
const ELSEWHERE: &[&str] = &["job.cancel", "job.resume", "event.unsubscribe"];

#[test]
fn every_command_speaks_as_the_document_of_the_wire_says() {
    let place = Place::new();
    let mut builder = LibraryBuilder::new(Model::Photos11);
    let assets: Vec<_> = (0..5)
        .map(|seed| builder.asset(AssetSpec::photo(format!("{seed}.JPG"), Content::jpeg(seed))))
        .collect();
    builder.album(AlbumSpec::new("Rome").members(assets[..2].to_vec()));
    let library = builder.build(&place.path().join("L.photoslibrary")).unwrap();
    let daemon = beside(DARKSLIDE, "darkslided").display().to_string();
    let service = place.start(&daemon, &Place::policy(library.path()));
    let relay = Relay::before(&service.socket, place.path());
    let ask = |words: &[&str]| {
        let mut command = darkslide(&place.home());
        command.env("DARKSLIDE_SOCKET", relay.socket()).args(words);
        let ended = run(&mut command);
        assert_eq!(ended.code(), 0, "{words:?}: {}", ended.stderr);
        ended
    };
    let uuid = library.assets()[0].uuid();
    let to = place.exports().join("all").display().to_string();
    let file = |name: &str| place.path().join(name).display().to_string();
    for words in [
        &["health"][..],
        &["info"],
        &["albums"],
        &["facets", "kind"],
        &["query", "--album", "Rome"],
        &["count"],
        &["get", uuid],
        &["dump"],
        &["resources", uuid],
        &["open", uuid, "--output", &file("a.jpg")],
        &["thumbnail", uuid, "--output", &file("b.jpg")],
        &["plan", &to],
        &["export", &to],
        &["verify", &to],
        &["prune", &to],
        &["jobs"],
        &["policy", "show"],
    ] {
        ask(words);
    }
    let token = ask(&["changes", "--json"]).json()["token"].as_str().unwrap().to_owned();
    ask(&["changes", "--since", &token]);
    let jobs = ask(&["jobs", "--json"]);
    let job = jobs.stdout.split('"').find(|word| word.len() == 32).unwrap().to_owned();
    ask(&["job", &job]);
    for (method, params) in BY_CALL {
        ask(&["call", method, params]);
    }
    let read = format!(
        r#"{{"library": "main", "uuid": "{uuid}", "version": "original", "offset": 0, "length": 9}}"#
    );
    ask(&["call", "resource.read", &read]);
    let spoken = relay.check();
    let all = METHODS.iter().map(|row| row.name).filter(|name| !ELSEWHERE.contains(name));
    let silent: BTreeSet<_> = all.filter(|name| !spoken.contains(*name)).collect();
    assert!(silent.is_empty(), "no command asked {silent:?}; {spoken:?}");
}
