//! Following a job over whatever happens to the daemon: the client crate and `darkslide watch`
//! against a real one that is killed and started again.
//!
//! A kill comes in the middle of the job because an event of it was just read; how far the job is
//! then does not matter. The hazard: a reader that waits for an end that was told to nobody.

use std::sync::Arc;

use darkslide_client::Client;
use darkslide_client::protocol::event::{Event, EventKind, Topic};
use darkslide_client::protocol::message::event::EventSubscribeParams;
use darkslide_client::protocol::message::export::{DestinationText, ExportSpec, ExportStartParams};
use darkslide_client::protocol::message::job::JobState;
use darkslide_fixture::{ManyOptions, Model};
use darkslide_tests::process::{PATIENCE, beside};
use darkslide_tests::service::{Place, Service};
use rustix::process::Signal;

use crate::DARKSLIDE;
use crate::held::Held;

/// Enough for a job that goes on over some kills.
const ASSETS: usize = 400;
/// Every so-manieth is not on this disk, and told as an item.
const MISSING_EVERY: usize = 8;
const KILLS: usize = 5;

fn place() -> (Place, String) {
    let place = Place::new();
    let options =
        ManyOptions { padding: 100_000, missing_every: MISSING_EVERY, ..Default::default() };
    let path = place.path().join("Large.photoslibrary");
    let library = darkslide_fixture::many(&path, Model::Photos11, ASSETS, options).unwrap();
    let policy = Place::policy(library.path());
    (place, policy)
}

fn start(place: &Place, policy: &str) -> Service {
    let daemon = beside(DARKSLIDE, "darkslided");
    place.start(daemon.to_str().unwrap(), policy)
}

async fn connect(place: &Place, held: &Held) -> Client {
    let builder = Client::builder().socket(place.socket()).call_timeout(PATIENCE);
    builder.tap(Arc::new(held.tap())).connect().await.unwrap()
}

fn export(place: &Place, path: &str) -> ExportStartParams {
    let to = place.exports().join(path).display().to_string();
    let spec = ExportSpec::of("main", DestinationText::Absolute(to));
    ExportStartParams { spec, key: Some("nightly".to_owned()) }
}

#[tokio::test]
async fn an_export_that_is_followed_by_key_over_kills_is_complete_at_its_end() {
    let (place, policy) = place();
    let mut service = start(&place, &policy);
    let client_held = Held::default();
    let client = connect(&place, &client_held).await;
    let mut handle = client.attach_key("nightly").await.unwrap();
    assert!(handle.status().is_none(), "there is no job yet");
    let job = client.export_start(&export(&place, "all")).await.unwrap().job;
    let (mut told, mut kills) = (Vec::new(), 0);
    while let Some(event) = handle.next().await.unwrap() {
        if kills < KILLS && event.kind == EventKind::Started {
            service.process.signal(Signal::KILL);
            service.process.wait(PATIENCE);
            drop(service);
            service = start(&place, &policy);
            kills += 1;
        }
        told.push(event);
    }
    let status = handle.wait().await.unwrap();
    assert_eq!((&status.job, status.state), (&job, JobState::Finished));
    assert_eq!(status.outcomes.values().sum::<u64>(), status.selected);
    let of_kind = |kind| told.iter().filter(|event: &&Event| event.kind == kind).count();
    let losses = told.iter().filter(|it| it.kind == EventKind::Overflow);
    assert!(losses.clone().all(|it| it.data.dropped.is_none()));
    assert_eq!(losses.count(), kills, "another daemon keeps nothing of the one before");
    assert_eq!(of_kind(EventKind::Finished), 1);
    assert!(told.is_sorted_by(|a, b| a.seq < b.seq), "those of a later daemon are greater");
    assert!(client.instance().is_some());
}

/// The connection breaks, the daemon stays: what it keeps is neither missed nor told twice.
#[tokio::test]
async fn over_broken_connections_each_event_that_is_kept_comes_once() {
    let (place, policy) = place();
    let _service = start(&place, &policy);
    let params = EventSubscribeParams::of([Topic::Jobs]);
    let whole_held = Held::default();
    let whole = connect(&place, &whole_held).await;
    let mut whole = whole.subscribe(&params).await.unwrap();
    let client_held = Held::default();
    let client = connect(&place, &client_held).await;
    let job = client.export_start(&export(&place, "all")).await.unwrap().job;
    // Each goes on where the one before was dropped, as over a connection of its own.
    let mut told: Vec<Event> = Vec::new();
    let mut since = whole.seq();
    while told.last().is_none_or(|event| !event.kind.is_terminal()) {
        let client_held = Held::default();
        let client = connect(&place, &client_held).await;
        let params = EventSubscribeParams { since: Some(since), ..params.clone() };
        let mut subscription = client.subscribe(&params).await.unwrap();
        for _ in 0..7 {
            let event = subscription.next().await.unwrap().unwrap();
            let is_last = event.kind.is_terminal();
            told.push(event);
            if is_last {
                break;
            }
        }
        since = subscription.seq();
    }
    let mut all = Vec::new();
    while all.last().is_none_or(|event: &Event| !event.kind.is_terminal()) {
        all.push(whole.next().await.unwrap().unwrap());
    }
    let kept = |events: &[Event]| {
        let kept = events.iter().filter(|event| event.kind.is_kept());
        kept.map(|event| (event.seq, event.kind, event.data.clone())).collect::<Vec<_>>()
    };
    assert_eq!(kept(&told), kept(&all));
    let items = all.iter().filter(|event| event.kind == EventKind::Item).count();
    assert_eq!(items, ASSETS / MISSING_EVERY);
    assert!(all.iter().all(|event| event.data.job.as_ref().is_some_and(|it| it.job == job)));
}

#[test]
fn watch_tells_a_key_to_its_end_and_goes_on_from_a_number() {
    let (place, policy) = place();
    let _service = start(&place, &policy);
    let ask = |words: &[&str]| {
        let mut command = darkslide_tests::process::command(DARKSLIDE.as_ref(), &place.home());
        command.env("DARKSLIDE_SOCKET", place.socket()).args(words);
        darkslide_tests::process::run(&mut command)
    };
    let params = serde_json::to_string(&export(&place, "all")).unwrap();
    let watched = std::thread::scope(|scope| {
        let watch = scope.spawn(|| ask(&["watch", "key:nightly", "--json"]));
        let started = ask(&["call", "export.start", &params]);
        assert_eq!(started.code(), 0, "{}", started.stderr);
        watch.join().unwrap()
    });
    assert_eq!(watched.code(), 4, "not all is on this disk: {}", watched.stderr);
    let told: Vec<Event> =
        watched.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(told.iter().all(|event| event.topic == Topic::Key("nightly".to_owned())));
    let last = told.last().unwrap();
    assert_eq!(last.kind, EventKind::Finished);
    let first = told.iter().find(|event| event.kind == EventKind::Item).unwrap().seq;
    let job = last.data.job.as_ref().unwrap().job.to_string();
    let again = ask(&["watch", &job, "--json", "--since", &first.to_string()]);
    assert_eq!(again.code(), 4, "{}", again.stderr);
    let wrong = ask(&["watch", "--since", "18446744073709551615"]);
    assert_eq!(wrong.code(), 2, "{}", wrong.stderr);
}
