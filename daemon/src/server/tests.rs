//! How long a connection may keep the daemon waiting, on a clock that the tests move.
//!
//! The runtime's time stands still but where everything waits for it; then it jumps to the next
//! deadline. So ten minutes of silence take no time, and what is measured is exact.

#![allow(clippy::disallowed_methods, reason = "tests")]

mod ending;

use std::sync::Arc;
use std::time::Duration;

use darkslide_policy::{AbsPath, Gid, Peer, Platform, Policy, Uid, World};
use darkslide_protocol::event::{EventData, EventKind};
use darkslide_protocol::limits::{
    FIRST_FRAME, FRAME_HEADER_BYTES, IDLE, KEEP_ALIVE, MAX_KEPT_EVENTS, MAX_SUBSCRIPTIONS,
    MAX_UNREAD_EVENT_BYTES, UNREAD_WRITE, WHOLE_FRAME,
};
use darkslide_protocol::value::Token;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::connection;
use super::outbox::Unsent;
use super::peer::Program;
use crate::events::{About, Owned};
use crate::service::event::TICK;
use crate::service::limits::TURN_FRAMES;
use crate::service::{Caller, Service};

/// A connection with the daemon's side at work.
struct Client {
    stream: UnixStream,
    served: JoinHandle<()>,
    end: watch::Sender<Option<Instant>>,
}

fn client() -> Client {
    let uid = Uid::new(1000);
    let world = World {
        home: AbsPath::parse("/home/me", None).unwrap(),
        uid,
        methods: Vec::new(),
        platform: Platform::Linux,
    };
    let policy = Policy::built_in(&world).unwrap();
    client_of(Service::without_libraries(policy, world, crate::jobs::Store::new(None)))
}

fn client_of(service: Arc<Service>) -> Client {
    let uid = Uid::new(1000);
    let (stream, theirs) = UnixStream::pair().unwrap();
    let caller = Caller::new(Peer::new(uid, Gid::new(1000), None));
    let (end, ending) = watch::channel(None);
    let served = tokio::spawn(async move {
        let program = Program::unasked();
        connection::serve(&service, theirs, caller, program, Unsent::default(), ending).await;
    });
    Client { stream, served, end }
}

impl Client {
    async fn send(&mut self, method: &str, params: Value) {
        let request =
            json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
        let length = u32::try_from(request.len()).unwrap();
        self.stream.write_all(&length.to_be_bytes()).await.unwrap();
        self.stream.write_all(request.as_bytes()).await.unwrap();
    }

    async fn receive(&mut self) -> Option<Value> {
        let mut header = [0; FRAME_HEADER_BYTES];
        self.stream.read_exact(&mut header).await.ok()?;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes(header)).unwrap()];
        self.stream.read_exact(&mut payload).await.unwrap();
        Some(serde_json::from_slice(&payload).unwrap())
    }

    /// Waits to be told that it was too slow, and returns after how long.
    async fn too_slow_after(&mut self) -> Duration {
        let begun = Instant::now();
        let answer = self.receive().await.unwrap();
        assert_eq!(answer["error"]["data"]["name"], "TIMED_OUT", "{answer}");
        let waited = begun.elapsed();
        assert!(self.receive().await.is_none(), "then it is closed");
        waited
    }
}

/// Paused time is rounded to milliseconds.
#[track_caller]
fn assert_about(waited: Duration, expected: Duration) {
    assert!(waited.abs_diff(expected) < Duration::from_millis(20), "{waited:?}, not {expected:?}");
}

#[tokio::test(start_paused = true)]
async fn who_asks_nothing_is_let_go_after_five_seconds() {
    assert_about(client().too_slow_after().await, FIRST_FRAME);
}

#[tokio::test(start_paused = true)]
async fn a_byte_now_and_then_does_not_prolong_the_first_five_seconds() {
    let mut client = client();
    let begun = Instant::now();
    for byte in [0, 0, 0] {
        client.stream.write_all(&[byte]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    client.too_slow_after().await;
    assert_about(begun.elapsed(), FIRST_FRAME);
}

#[tokio::test(start_paused = true)]
async fn a_frame_once_begun_has_ten_seconds() {
    let mut client = client();
    client.send("health", json!({"brief": true})).await;
    assert!(client.receive().await.unwrap()["result"].is_object());
    client.stream.write_all(&[0, 0, 1]).await.unwrap();
    assert_about(client.too_slow_after().await, WHOLE_FRAME);
}

#[tokio::test(start_paused = true)]
async fn who_is_idle_is_let_go_after_ten_minutes() {
    let mut client = client();
    client.send("health", json!({"brief": true})).await;
    assert!(client.receive().await.unwrap()["result"].is_object());
    assert_about(client.too_slow_after().await, IDLE);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_is_kept_alive_and_never_idle() {
    let mut client = client();
    client.send("event.subscribe", json!({"topics": ["jobs"]})).await;
    let subscribed = client.receive().await.unwrap()["result"].clone();
    assert!(subscribed["subscription"].is_string());
    let begun = Instant::now();
    for _ in 0..30 {
        let event = client.receive().await.unwrap();
        assert_eq!(
            (&event["params"]["kind"], &event["params"]["seq"]),
            (&json!("keepalive"), &subscribed["seq"])
        );
    }
    let (least, most) = (KEEP_ALIVE * 30, (KEEP_ALIVE + TICK) * 30);
    assert!((least..=most).contains(&begun.elapsed()), "{:?}", begun.elapsed());
    assert!(begun.elapsed() > IDLE);
}

#[tokio::test(start_paused = true)]
async fn a_connection_has_so_many_subscriptions_and_no_more() {
    let mut client = client();
    for number in 0..=MAX_SUBSCRIPTIONS {
        client.send("event.subscribe", json!({"topics": ["jobs"]})).await;
        let answer = client.receive().await.unwrap();
        let is_refused = answer["error"]["data"]["name"] == "LIMIT";
        assert_eq!(is_refused, number == MAX_SUBSCRIPTIONS, "{answer}");
    }
}

/// Each of them may have all that is kept told.
#[tokio::test(start_paused = true)]
async fn whoever_subscribes_again_and_again_lets_others_have_their_turn_in_between() {
    let (service, _) = service_with_a_job();
    let (mut many, mut one) = (client_of(Arc::clone(&service)), client_of(service));
    for _ in 0..MAX_SUBSCRIPTIONS {
        many.send("event.subscribe", json!({"topics": ["jobs"], "since": 0})).await;
    }
    one.send("health", json!({"brief": true})).await;
    one.receive().await.unwrap();
    let mut told = vec![0; 64 * 1024];
    let read = many.stream.try_read(&mut told).unwrap_or(0);
    let answers = told[..read].windows(7).filter(|it| it == b"\"result").count();
    assert!(answers < MAX_SUBSCRIPTIONS, "{answers}");
}

#[tokio::test(start_paused = true)]
async fn requests_in_between_do_not_keep_the_keep_alives_away() {
    let mut client = client();
    client.send("event.subscribe", json!({"topics": ["jobs"]})).await;
    client.receive().await.unwrap();
    let (begun, mut alive) = (Instant::now(), 0);
    while begun.elapsed() < KEEP_ALIVE * 3 {
        client.send("health", json!({"brief": true})).await;
        // The answer, and before it perhaps an event.
        while client.receive().await.unwrap().get("result").is_none() {
            alive += 1;
        }
        tokio::time::sleep(TICK / 2).await;
    }
    assert!(alive >= 2, "{alive}");
}

#[tokio::test(start_paused = true)]
async fn a_write_that_nobody_reads_ends_the_connection_after_five_seconds() {
    let mut client = client();
    let begun = Instant::now();
    // Answers of half a kilobyte, until the socket is full in both directions and stays so.
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": "health", "params": {"brief": true}})
        .to_string();
    let length = u32::try_from(request.len()).unwrap().to_be_bytes();
    let frame = [&length[..], request.as_bytes()].concat();
    while let Ok(Ok(())) = timeout(UNREAD_WRITE / 2, client.stream.write_all(&frame)).await {}
    timeout(UNREAD_WRITE * 3, client.served).await.expect("it is let go").unwrap();
    assert!(begun.elapsed() >= UNREAD_WRITE, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn after_a_half_close_it_ends_at_once() {
    let mut client = client();
    client.send("health", json!({"brief": true})).await;
    client.stream.shutdown().await.unwrap();
    assert!(client.receive().await.unwrap()["result"].is_object());
    assert!(client.receive().await.is_none());
    timeout(Duration::from_secs(1), client.served).await.expect("it has ended").unwrap();
}

/// A service with a job that the client of these tests may know of, by its policy.
fn service_with_a_job() -> (Arc<Service>, About) {
    let uid = Uid::new(1000);
    let world = World {
        home: AbsPath::parse("/home/me", None).unwrap(),
        uid,
        methods: Vec::new(),
        platform: Platform::Linux,
    };
    let text = "version = 1\n[library.main]\npath = \"/L.photoslibrary\"\n[root.exports]\n\
        path = \"/Exports\"\n[[client]]\nname = \"me\"\nuid = 1000\nlibraries = [\"main\"]\n\
        roots = [\"exports\"]\nmethods = [\"*\"]\n";
    let policy = Policy::parse(text, &world).unwrap();
    let read = policy.scopes_of(&Peer::new(uid, Gid::new(1000), None)).next().unwrap();
    let about = About::Job(Box::new(Owned {
        job: Token::from_bits(7),
        key: Some("nightly".to_owned()),
        rule: "me".to_owned(),
        uid,
        read,
        root: "exports".to_owned(),
    }));
    (Service::without_libraries(policy, world, crate::jobs::Store::new(None)), about)
}

fn item() -> EventData {
    EventData { warning: Some("x".repeat(500)), ..EventData::default() }
}

/// Everything happens before the peer reads again: its socket and its buffers hold less than that.
#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_told_what_was_dropped_and_the_end() {
    let (service, about) = service_with_a_job();
    let mut client = client_of(Arc::clone(&service));
    client.send("event.subscribe", json!({"topics": ["key:nightly"]})).await;
    client.receive().await.unwrap();
    let all = 4 * MAX_UNREAD_EVENT_BYTES / 500;
    for _ in 0..all {
        service.board().put(about.clone(), EventKind::Item, item());
    }
    let end = service.board().put(about.clone(), EventKind::Finished, EventData::default());
    let (mut items, mut last) = (0, json!(0));
    let dropped = loop {
        let event = client.receive().await.unwrap()["params"].clone();
        assert!(event["seq"].as_u64() > last.as_u64(), "{event}");
        last = event["seq"].clone();
        match event["kind"].as_str().unwrap() {
            "item" => items += 1,
            "overflow" => break event["data"]["dropped"].as_u64().unwrap(),
            other => panic!("{other}"),
        }
    };
    assert!(dropped > 0 && items > 0);
    assert_eq!(usize::try_from(dropped).unwrap() + items, all, "each is told or counted");
    let event = client.receive().await.unwrap()["params"].clone();
    assert_eq!((&event["kind"], &event["seq"]), (&json!("finished"), &json!(end)));
    // Once there is room again, nothing is dropped.
    let seq = service.board().put(about, EventKind::Item, item());
    let event = client.receive().await.unwrap()["params"].clone();
    assert_eq!((&event["kind"], &event["seq"]), (&json!("item"), &json!(seq)));
}

/// What was kept comes whole, however much more it is than what may wait of what happens now.
#[tokio::test(start_paused = true)]
async fn a_replay_is_never_cut_short() {
    let (service, about) = service_with_a_job();
    let before = service.board().newest();
    for _ in 0..MAX_KEPT_EVENTS {
        service.board().put(about.clone(), EventKind::Item, item());
    }
    let mut client = client_of(service);
    client.send("event.subscribe", json!({"topics": ["jobs"], "since": before})).await;
    client.receive().await.unwrap();
    for number in 1..=MAX_KEPT_EVENTS {
        let event = client.receive().await.unwrap()["params"].clone();
        let expected = before + u64::try_from(number).unwrap();
        assert_eq!((&event["kind"], &event["seq"]), (&json!("item"), &json!(expected)));
    }
}

/// Everything is in its socket before the daemon looks; so how far the flood got when the other was
/// answered is a matter of turns and of nothing else.
#[tokio::test]
async fn a_flood_delays_others_by_turns_and_not_by_its_length() {
    let (mut flood, mut other) = (client(), client());
    flood.stream.writable().await.unwrap();
    other.stream.writable().await.unwrap();
    let request = br#"{"jsonrpc":"2.0","id":1,"method":"health","params":{"brief":true}}"#;
    let frame = [&u32::try_from(request.len()).unwrap().to_be_bytes()[..], request].concat();
    // As many as a socket takes at once.
    let most = 8 * TURN_FRAMES;
    assert_eq!(flood.stream.try_write(&frame.repeat(most)).unwrap(), most * frame.len());
    assert_eq!(other.stream.try_write(&frame).unwrap(), frame.len());
    assert!(other.receive().await.unwrap()["result"].is_object());
    let mut answered = Vec::new();
    while flood.stream.try_read_buf(&mut answered).is_ok_and(|read| read > 0) {}
    let one = r#""jsonrpc""#.as_bytes();
    let answered = answered.windows(one.len()).filter(|bytes| *bytes == one).count();
    assert!(answered <= 3 * TURN_FRAMES, "{answered} of {most} came first");
    for _ in answered..most {
        assert!(flood.receive().await.unwrap()["result"].is_object());
    }
}
