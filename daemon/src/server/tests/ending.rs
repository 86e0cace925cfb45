//! When the daemon ends by itself, and that nobody is lost by it.
//!
//! The listener belongs to the test, as it does to a service manager: the daemon has a duplicate,
//! and who was not accepted is still there for the next one. Time stands still but where everybody
//! waits, so that an idle hour takes no time and what is measured is exact.

use std::future::{pending, ready};
use std::os::unix::net::{UnixListener, UnixStream as StdStream};
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::server::Ended;
use crate::server::listener::serve_until;

/// A socket, and whoever owns it.
struct Door {
    folder: tempfile::TempDir,
    listener: UnixListener,
}

impl Door {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { folder, listener }
    }

    fn duplicate(&self) -> UnixListener {
        self.listener.try_clone().unwrap()
    }

    async fn connect(&self) -> Client {
        let stream = UnixStream::connect(self.folder.path().join("s")).await.unwrap();
        Client { stream, served: tokio::spawn(ready(())), end: watch::Sender::new(None) }
    }

    /// Serves until it is idle.
    fn serve(&self, service: &Arc<Service>) -> JoinHandle<Ended> {
        let (listener, service) = (self.duplicate(), Arc::clone(service));
        tokio::spawn(async move {
            serve_until(&service, listener, true, pending(), pending()).await.unwrap()
        })
    }
}

/// A service for whoever runs this, with limits of its own.
fn service(limits: &str) -> Arc<Service> {
    let uid = Uid::new(rustix::process::getuid().as_raw());
    let world = World {
        home: AbsPath::parse("/home/me", None).unwrap(),
        uid,
        methods: Vec::new(),
        platform: Platform::Linux,
    };
    let text = format!(
        "version = 1\n[limits]\n{limits}\n[[client]]\nname = \"me\"\nuid = \"self\"\n\
         methods = [\"*\"]\n"
    );
    let policy = Policy::parse(&text, &world).unwrap();
    Service::without_libraries(policy, world, crate::jobs::Store::new(None))
}

async fn ask(client: &mut Client) -> Option<Value> {
    client.send("health", json!({"brief": true})).await;
    client.receive().await
}

#[tokio::test(start_paused = true)]
async fn an_activated_daemon_ends_when_nobody_came_for_a_minute() {
    let (door, begun) = (Door::new(), Instant::now());
    assert_eq!(door.serve(&service("")).await.unwrap(), Ended::Idle);
    assert_about(begun.elapsed(), Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn one_that_nobody_would_start_anew_never_ends_by_itself() {
    let (door, service) = (Door::new(), service("idle_exit = 15"));
    let served = serve_until(&service, door.duplicate(), false, pending(), pending());
    assert!(timeout(Duration::from_secs(86_400), served).await.is_err());
}

/// A subscription asks for nothing and is somebody all the same.
#[tokio::test(start_paused = true)]
async fn the_minute_begins_when_the_last_has_left() {
    let (door, service) = (Door::new(), service(""));
    let served = door.serve(&service);
    let (mut one, mut other) = (door.connect().await, door.connect().await);
    one.send("event.subscribe", json!({"topics": ["jobs"]})).await;
    assert!(one.receive().await.unwrap()["result"].is_object());
    assert!(ask(&mut other).await.unwrap()["result"].is_object());
    drop(other);
    let begun = Instant::now();
    while begun.elapsed() < IDLE {
        one.receive().await.unwrap();
    }
    assert!(!served.is_finished());
    drop(one);
    let left = Instant::now();
    assert_eq!(served.await.unwrap(), Ended::Idle);
    assert!(left.elapsed() >= Duration::from_secs(60), "{:?}", left.elapsed());
}

#[tokio::test(start_paused = true)]
async fn who_waits_at_the_door_comes_in_before_it_is_idle() {
    for idle_exit in [0, 60] {
        let (door, service) = (Door::new(), service(&format!("idle_exit = {idle_exit}")));
        let mut early = door.connect().await;
        let served = door.serve(&service);
        assert!(ask(&mut early).await.unwrap()["result"].is_object(), "{idle_exit}");
        drop(early);
        assert_eq!(served.await.unwrap(), Ended::Idle);
    }
}

/// M03, within one process: whoever connects is answered by this daemon or the next.
#[tokio::test]
async fn nobody_is_lost_who_connects_in_the_very_moment_in_which_it_ends() {
    const CALLS: u64 = 500;
    let door = Door::new();
    let path = door.folder.path().join("s");
    let ends = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&ends);
    let clients = std::thread::spawn(move || {
        let request = br#"{"jsonrpc":"2.0","id":1,"method":"health","params":{"brief":true}}"#;
        let frame = [&u32::try_from(request.len()).unwrap().to_be_bytes()[..], request].concat();
        for number in 0..CALLS {
            let mut stream = StdStream::connect(&path).unwrap();
            std::io::Write::write_all(&mut stream, &frame).unwrap();
            let mut answer = [0; FRAME_HEADER_BYTES];
            let read = std::io::Read::read_exact(&mut stream, &mut answer);
            // So that the next is there sometimes before it ends, and sometimes after; now and then
            // surely after.
            let before = counted.load(Ordering::Relaxed);
            drop(stream);
            std::thread::sleep(Duration::from_micros(250 * (number % 8)));
            while number % 50 == 0 && counted.load(Ordering::Relaxed) == before {
                std::thread::sleep(Duration::from_millis(1));
            }
            assert!(read.is_ok(), "number {number} was accepted and not answered: {read:?}");
        }
    });
    while !clients.is_finished() {
        assert_eq!(door.serve(&service("idle_exit = 0")).await.unwrap(), Ended::Idle);
        ends.fetch_add(1, Ordering::Relaxed);
    }
    clients.join().unwrap();
    assert!(ends.load(Ordering::Relaxed) >= CALLS / 50);
}

#[tokio::test(start_paused = true)]
async fn a_new_policy_ends_it_at_once_and_says_who_is_to_start_it_anew() {
    for (activated, ended) in [(true, Ended::Told), (false, Ended::Stale)] {
        let (door, service) = (Door::new(), service(""));
        let served =
            serve_until(&service, door.duplicate(), activated, pending(), ready(())).await.unwrap();
        assert_eq!(served, ended, "activated: {activated}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_asks_while_it_ends_is_told_so_and_what_was_asked_before_is_answered() {
    let (door, service) = (Door::new(), service(""));
    let (tell, told) = tokio::sync::oneshot::channel::<()>();
    let served = {
        let (listener, service) = (door.duplicate(), Arc::clone(&service));
        let told = async { drop(told.await) };
        tokio::spawn(async move { serve_until(&service, listener, true, told, pending()).await })
    };
    let (mut one, mut other) = (door.connect().await, door.connect().await);
    assert!(ask(&mut one).await.unwrap()["result"].is_object());
    assert!(ask(&mut other).await.unwrap()["result"].is_object());
    // Both are in the sockets before the daemon looks.
    tell.send(()).unwrap();
    one.send("health", json!({})).await;
    let answer = one.receive().await;
    assert_eq!(answer.unwrap()["error"]["data"]["name"], "SHUTTING_DOWN");
    assert!(other.receive().await.is_none(), "it is closed");
    assert_eq!(served.await.unwrap().unwrap(), Ended::Told);
    assert!(service.refuse_while_ending().is_err());
}

/// C10: it was let in, and the daemon ends before it said a word, or all of one.
#[tokio::test(start_paused = true)]
async fn who_came_in_and_had_not_asked_yet_when_it_ends_is_told_so() {
    for begun in [&[][..], &[0, 0, 1]] {
        let mut client = client();
        client.stream.write_all(begun).await.unwrap();
        client.end.send_replace(Some(Instant::now() + Duration::from_secs(5)));
        let answer = client.receive().await.expect("it was let in");
        assert_eq!(answer["error"]["data"]["name"], "SHUTTING_DOWN");
        assert_eq!(answer["id"], Value::Null);
        // It may be about to ask: that is no error to it before it has read.
        client.send("health", json!({})).await;
        assert!(client.receive().await.is_none(), "it is closed");
    }
}

#[tokio::test(start_paused = true)]
async fn each_of_many_requests_that_were_sent_at_once_is_answered_when_it_ends() {
    let mut client = client();
    let requests = 2 * TURN_FRAMES + 1;
    for _ in 0..requests {
        client.send("health", json!({"brief": true})).await;
    }
    assert!(client.receive().await.is_some());
    // Of what is read already, the half waits for its turn.
    client.end.send_replace(Some(Instant::now() + Duration::from_secs(5)));
    for number in 1..requests {
        assert!(client.receive().await.is_some(), "number {number} was not answered");
    }
    assert!(client.receive().await.is_none(), "it is closed");
}

#[tokio::test(start_paused = true)]
async fn it_is_quiet_once_the_last_request_is_answered() {
    let service = service("");
    let (one, other) = (service.begin_request(), service.begin_request());
    let waits = |service: Arc<Service>| async move {
        timeout(Duration::from_secs(3_600), service.quiet()).await.is_err()
    };
    assert!(waits(Arc::clone(&service)).await);
    drop(one);
    assert!(waits(Arc::clone(&service)).await);
    drop(other);
    assert!(!waits(service).await);
}

#[tokio::test(start_paused = true)]
async fn a_policy_has_fewer_places_and_who_finds_none_is_told_how_many_there_are() {
    for (limits, places) in [("connections = 2", 2), ("connections_per_uid = 1", 1)] {
        let (door, service) = (Door::new(), service(limits));
        let served = door.serve(&service);
        let mut inside = Vec::new();
        for _ in 0..places {
            let mut client = door.connect().await;
            assert!(ask(&mut client).await.unwrap()["result"].is_object());
            inside.push(client);
        }
        let data = door.connect().await.receive().await.unwrap()["error"]["data"].clone();
        assert_eq!((&data["name"], &data["limit"]), (&json!("LIMIT"), &json!(places)));
        drop(inside);
        assert_eq!(served.await.unwrap(), Ended::Idle);
    }
}
