//! How long a connection may keep the daemon waiting, on a clock that the tests move.
//!
//! The runtime's time stands still but where everything waits for it; then it jumps to the next
//! deadline. So ten minutes of silence take no time, and what is measured is exact.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use darkslide_policy::{AbsPath, Gid, Peer, Platform, Policy, Uid, World};
use darkslide_protocol::limits::{
    FIRST_FRAME, FRAME_HEADER_BYTES, IDLE, KEEP_ALIVE, MAX_SUBSCRIPTIONS, UNREAD_WRITE, WHOLE_FRAME,
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::connection;
use super::outbox::Unsent;
use crate::service::event::TICK;
use crate::service::{Caller, Service};

/// A connection with the daemon's side at work.
struct Client {
    stream: UnixStream,
    served: JoinHandle<()>,
    _end: watch::Sender<Option<Instant>>,
}

fn client() -> Client {
    let uid = Uid::new(1000);
    let world = World { home: AbsPath::parse("/home/me", None).unwrap(), uid, methods: Vec::new() };
    let policy = Policy::built_in(Platform::Linux, &world).unwrap();
    let service = Service::without_libraries(policy, world, crate::jobs::Store::new(None));
    let (stream, theirs) = UnixStream::pair().unwrap();
    let caller = Caller::new(Peer { uid, gid: Gid::new(1000), pid: None });
    let (end, ending) = watch::channel(None);
    let served = tokio::spawn(async move {
        connection::serve(&Arc::clone(&service), theirs, caller, Unsent::default(), ending).await;
    });
    Client { stream, served, _end: end }
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
    client.send("event.subscribe", json!({"topic": "jobs"})).await;
    assert!(client.receive().await.unwrap()["result"]["subscription"].is_string());
    let begun = Instant::now();
    for seq in 1..=30 {
        let event = client.receive().await.unwrap();
        assert_eq!(
            (&event["params"]["kind"], &event["params"]["seq"]),
            (&json!("keepalive"), &json!(seq))
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
        client.send("event.subscribe", json!({"topic": "jobs"})).await;
        let answer = client.receive().await.unwrap();
        let is_refused = answer["error"]["data"]["name"] == "LIMIT";
        assert_eq!(is_refused, number == MAX_SUBSCRIPTIONS, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_in_between_do_not_keep_the_keep_alives_away() {
    let mut client = client();
    client.send("event.subscribe", json!({"topic": "jobs"})).await;
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
