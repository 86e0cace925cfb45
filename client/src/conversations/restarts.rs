//! Conversations with a daemon that goes away and comes again, or that something else comes in
//! place of.
//!
//! The clock is paused only where nobody answers any more, for a paused clock runs ahead whenever
//! everybody waits; elsewhere the random numbers are the smallest, so that an attempt waits for
//! some milliseconds. The hook that draws them also tells a test that an attempt has failed. The
//! hazard: a test that passes because nothing was repeated at all; so each counts what was asked.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::fs::Permissions;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::event::{EventKind, Topic};
use darkslide_protocol::message::event::EventSubscribeParams;
use darkslide_protocol::message::export::{DestinationText, ExportSpec, ExportStartParams};
use darkslide_protocol::message::job::JobState;
use darkslide_protocol::message::library::LibraryList;
use darkslide_protocol::value::Token;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::{LIST, event, job, nothing, subscribed, wire};
use crate::client::{Builder, CALL_TIMEOUT, CONNECT_TIMEOUT};
use crate::fake::{Fake, FakeError, FakeListener};
use crate::place::PlaceError;
use crate::{Client, Error, ProtocolError, Subscription, Unavailable};

/// Where a scripted daemon listens, and a client that has been there.
struct Scene {
    folder: tempfile::TempDir,
    client: Client,
    /// How often an attempt was waited for.
    waits: Arc<AtomicU64>,
    /// Told each time.
    waiting: Arc<Notify>,
}

impl Scene {
    /// A client of the daemon of instance 1, whose end of the connection it returns.
    async fn begin() -> (Self, Fake) {
        Self::begin_with(Client::builder()).await
    }

    async fn begin_with(builder: Builder) -> (Self, Fake) {
        let private = Permissions::from_mode(0o700);
        let folder = tempfile::Builder::new().permissions(private).tempdir().unwrap();
        let (waits, waiting) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
        let (count, tell) = (Arc::clone(&waits), Arc::clone(&waiting));
        let random = Arc::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
            tell.notify_one();
            0
        });
        let socket = folder.path().join("s");
        let listener = FakeListener::bind(&socket).unwrap();
        let connect = builder.socket(&socket).random(random).connect();
        let (client, daemon) = tokio::join!(connect, listener.accept_and_greet(1));
        (Self { folder, client: client.unwrap(), waits, waiting }, daemon.unwrap())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("s")
    }

    fn listen(&self) -> FakeListener {
        FakeListener::bind(self.socket()).unwrap()
    }

    fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    fn list(&self) -> impl Future<Output = Result<LibraryList, Error>> + Send + 'static {
        let client = self.client.clone();
        async move { client.library_list(&LIST).await }
    }

    async fn export(&self) -> Result<JobState, Error> {
        let destination = DestinationText::Absolute("/x".to_owned());
        let params = ExportStartParams { spec: ExportSpec::of("main", destination), key: None };
        Ok(self.client.export_start(&params).await?.state)
    }
}

/// Answers the next request, which is for the libraries.
async fn answer(daemon: &mut Fake) -> Result<(), FakeError> {
    let asked = daemon.request().await?;
    assert_eq!(asked.method, "library.list");
    daemon.answer(&asked, &nothing()).await
}

/// Takes the next request and goes away with it.
async fn die_of(mut daemon: Fake) -> Result<String, FakeError> {
    Ok(daemon.request().await?.method)
}

/// The runtime's clock counts whole milliseconds and rounds up.
#[track_caller]
fn assert_about(took: Duration, expected: Duration) {
    assert!((expected..expected + Duration::from_millis(5)).contains(&took), "{took:?}");
}

/// A connection that was made would be there by now.
async fn nobody_comes(listener: &FakeListener) -> bool {
    for _ in 0..10 {
        tokio::select! {
            biased;
            _somebody = listener.accept() => return false,
            () = tokio::task::yield_now() => {}
        }
    }
    true
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

async fn nothing_more(mut daemon: Fake) {
    assert!(matches!(daemon.said().await, Err(FakeError::Closed)));
}

#[tokio::test]
async fn a_call_after_a_restart_finds_the_new_daemon() {
    let (scene, daemon) = Scene::begin().await;
    assert_eq!(scene.client.instance(), Some(Token::from_bits(1)));
    drop(daemon);
    let listener = scene.listen();
    let (list, played) = tokio::join!(scene.list(), async {
        let mut daemon = listener.accept_and_greet(2).await?;
        answer(&mut daemon).await?;
        Ok::<_, FakeError>(daemon)
    });
    let mut daemon = played.unwrap();
    list.unwrap();
    assert_eq!(scene.client.instance(), Some(Token::from_bits(2)));
    assert_eq!(scene.waits(), 0, "the first attempt is made at once");
    // It stays: no connection is made for each call.
    let (list, played) = tokio::join!(scene.list(), answer(&mut daemon));
    played.unwrap();
    list.unwrap();
}

#[tokio::test]
async fn a_read_whose_daemon_restarts_is_asked_again() {
    let (scene, daemon) = Scene::begin().await;
    let (list, played) = tokio::join!(scene.list(), async {
        assert_eq!(die_of(daemon).await?, "library.list");
        let listener = scene.listen();
        answer(&mut listener.accept_and_greet(2).await?).await
    });
    played.unwrap();
    list.unwrap();
}

#[tokio::test]
async fn a_read_that_a_daemon_about_to_end_refuses_is_asked_again() {
    let (scene, mut daemon) = Scene::begin().await;
    let (list, played) = tokio::join!(scene.list(), async {
        daemon.request().await?;
        let error = wire(ErrorName::ShuttingDown, Reason::ShuttingDown);
        daemon.refuse(None, &error).await?;
        drop(daemon);
        let listener = scene.listen();
        answer(&mut listener.accept_and_greet(2).await?).await
    });
    played.unwrap();
    list.unwrap();
}

#[tokio::test]
async fn a_write_in_mid_call_is_not_repeated() {
    let (scene, daemon) = Scene::begin().await;
    let (started, asked) = tokio::join!(scene.export(), die_of(daemon));
    assert_eq!(asked.unwrap(), "export.start");
    assert!(matches!(started, Err(Error::Unavailable(Unavailable::Closed))), "{started:?}");
    // What comes later is another call.
    let listener = scene.listen();
    let (list, played) = tokio::join!(scene.list(), async {
        answer(&mut listener.accept_and_greet(2).await?).await
    });
    played.unwrap();
    list.unwrap();
}

#[tokio::test]
async fn a_write_that_was_not_sent_is() {
    let (scene, daemon) = Scene::begin().await;
    drop(daemon);
    let listener = scene.listen();
    let (started, played) = tokio::join!(scene.export(), async {
        let mut daemon = listener.accept_and_greet(2).await?;
        let asked = daemon.request().await?;
        daemon.answer(&asked, &job(JobState::Queued)).await?;
        Ok::<_, FakeError>((asked.method, daemon))
    });
    assert_eq!(started.unwrap(), JobState::Queued);
    let (method, daemon) = played.unwrap();
    assert_eq!(method, "export.start");
    drop(scene);
    nothing_more(daemon).await;
}

#[tokio::test]
async fn methods_that_this_client_does_not_know_are_not_repeated() {
    let (scene, daemon) = Scene::begin().await;
    let params = serde_json::value::RawValue::from_string("{}".to_owned()).unwrap();
    let (called, asked) =
        tokio::join!(scene.client.call_raw("moon.landing", &params), die_of(daemon));
    assert_eq!(asked.unwrap(), "moon.landing");
    assert!(matches!(called, Err(Error::Unavailable(_))), "{called:?}");
}

#[tokio::test]
async fn callers_at_once_share_one_attempt() {
    let (scene, daemon) = Scene::begin().await;
    drop(daemon);
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        calls.spawn(scene.list());
    }
    // The first has failed by now, and the others wait with it.
    scene.waiting.notified().await;
    let listener = scene.listen();
    let mut daemon = listener.accept_and_greet(2).await.unwrap();
    for _ in 0..50 {
        answer(&mut daemon).await.unwrap();
    }
    for list in calls.join_all().await {
        list.unwrap();
    }
    assert!(nobody_comes(&listener).await, "one connection for all");
}

#[tokio::test]
async fn who_gives_up_hands_the_attempt_to_the_next() {
    let (scene, daemon) = Scene::begin().await;
    drop(daemon);
    let mut first = JoinSet::new();
    first.spawn(scene.list());
    scene.waiting.notified().await;
    let mut second = JoinSet::new();
    second.spawn(scene.list());
    tokio::task::yield_now().await;
    first.shutdown().await;
    let listener = scene.listen();
    answer(&mut listener.accept_and_greet(2).await.unwrap()).await.unwrap();
    second.join_next().await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn another_service_in_its_place_is_told_nothing() {
    let builder = Client::builder().user_agent("tester", "3");
    let (scene, daemon) = Scene::begin_with(builder).await;
    drop(daemon);
    let mut calls = JoinSet::new();
    for _ in 0..3 {
        calls.spawn(scene.list());
    }
    scene.waiting.notified().await;
    let listener = scene.listen();
    let mut other = listener.accept().await.unwrap();
    let hello = other.request().await.unwrap();
    assert_eq!(hello.method, "health");
    assert_eq!(hello.params, r#"{"client":{"name":"tester","version":"3"},"brief":true}"#);
    let health = r#"{"service":"other","instance":"00000000000000000000000000000001","version":"0","protocol":1}"#;
    other.answer_text(&hello, health).await.unwrap();
    for list in calls.join_all().await {
        let expected = Err(Error::Protocol(ProtocolError::OtherService { expected: 1 }));
        assert_eq!(format!("{list:?}"), format!("{:?}", expected as Result<LibraryList, _>));
    }
    nothing_more(other).await;
    assert_eq!(scene.client.instance(), Some(Token::from_bits(1)));
}

#[tokio::test]
async fn a_place_that_became_untrusted_is_not_connected_to() {
    let (scene, daemon) = Scene::begin().await;
    drop(daemon);
    let listener = scene.listen();
    set_mode(scene.folder.path(), 0o777);
    let list = scene.list().await;
    let Err(Error::Unavailable(Unavailable::Place(PlaceError::FolderMode { mode, .. }))) = list
    else {
        panic!("{list:?}")
    };
    assert_eq!(mode, 0o777);
    assert_eq!(scene.waits(), 0, "nobody waits for it to become better");
    // Mended, the same client goes on.
    set_mode(scene.folder.path(), 0o700);
    let (list, played) = tokio::join!(scene.list(), async {
        answer(&mut listener.accept_and_greet(2).await?).await
    });
    played.unwrap();
    list.unwrap();
}

#[tokio::test]
async fn who_listens_in_a_place_that_is_not_trusted_hears_nothing() {
    type Spoil = fn(&Path);
    let flaws: [(&str, Spoil, &str); 4] = [
        ("d/s", |at| set_mode(&at.join("d"), 0o770), "can be written by others"),
        ("d/s", |at| set_mode(&at.join("d/s"), 0o666), "is open to everybody"),
        ("d/l", |at| symlink(at.join("d/s"), at.join("d/l")).unwrap(), "is not a socket"),
        ("l/s", |at| symlink(at.join("d"), at.join("l")).unwrap(), "is not a folder"),
    ];
    for (socket, spoil, expected) in flaws {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("d")).unwrap();
        set_mode(&folder.path().join("d"), 0o700);
        let listener = FakeListener::bind(folder.path().join("d/s")).unwrap();
        spoil(folder.path());
        let connected = Client::builder().socket(folder.path().join(socket)).connect().await;
        let error = connected.unwrap_err();
        assert!(matches!(error, Error::Unavailable(Unavailable::Place(_))), "{error:?}");
        assert!(error.to_string().contains(expected), "{error}");
        assert!(nobody_comes(&listener).await, "{expected}");
        let _somebody = UnixStream::connect(folder.path().join("d/s")).unwrap();
        assert!(!nobody_comes(&listener).await, "who comes would be seen");
    }
}

#[tokio::test]
async fn a_denial_ends_the_attempts() {
    let (scene, daemon) = Scene::begin().await;
    drop(daemon);
    let listener = scene.listen();
    let (list, played) = tokio::join!(scene.list(), async {
        let mut daemon = listener.accept().await?;
        daemon.refuse(None, &wire(ErrorName::Denied, Reason::Denied)).await
    });
    played.unwrap();
    assert!(matches!(list, Err(Error::Denied(_))), "{list:?}");
    assert_eq!(scene.waits(), 0);
}

#[tokio::test]
async fn a_daemon_that_is_full_or_ends_is_tried_again() {
    let (scene, daemon) = Scene::begin().await;
    drop(daemon);
    let listener = scene.listen();
    let (list, played) = tokio::join!(scene.list(), async {
        let mut daemon = listener.accept().await?;
        daemon.refuse(None, &wire(ErrorName::Limit, Reason::Limit)).await?;
        drop(daemon);
        assert_eq!(die_of(listener.accept().await?).await?, "health");
        answer(&mut listener.accept_and_greet(2).await?).await
    });
    played.unwrap();
    list.unwrap();
    assert_eq!(scene.waits(), 2);
}

/// What kills a daemon must not kill each later one as fast as it starts.
#[tokio::test]
async fn a_read_that_ends_each_daemon_is_asked_ever_more_slowly() {
    let (scene, daemon) = Scene::begin().await;
    let listener = scene.listen();
    let (list, played) = tokio::join!(scene.list(), async {
        assert_eq!(die_of(daemon).await?, "library.list");
        for instance in 2..4 {
            let daemon = listener.accept_and_greet(instance).await?;
            assert_eq!(die_of(daemon).await?, "library.list");
        }
        answer(&mut listener.accept_and_greet(4).await?).await
    });
    played.unwrap();
    list.unwrap();
    assert_eq!(scene.waits(), 2, "before every attempt but the first");
}

#[tokio::test]
async fn without_a_daemon_a_call_waits_as_long_as_it_may_and_says_what_is_missing() {
    let (scene, daemon) = Scene::begin().await;
    drop(daemon);
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let list = scene.list().await;
    assert!(
        matches!(list, Err(Error::Unavailable(Unavailable::Place(PlaceError::Look { .. })))),
        "{list:?}"
    );
    assert_about(began.elapsed(), CALL_TIMEOUT);
    // 25, 50, … 800 ms, then one second each.
    assert_eq!(scene.waits(), 6 + 29);
    let mut calls = JoinSet::new();
    for _ in 0..8 {
        calls.spawn(scene.list());
    }
    for list in calls.join_all().await {
        assert!(matches!(list, Err(Error::Unavailable(_))), "also who waited: {list:?}");
    }
    assert_about(began.elapsed(), 2 * CALL_TIMEOUT);
    let short = scene.client.with_call_timeout(Duration::from_millis(10));
    assert!(matches!(short.library_list(&LIST).await, Err(Error::Unavailable(_))));
    assert_about(began.elapsed(), 2 * CALL_TIMEOUT + Duration::from_millis(10));
}

#[tokio::test]
async fn a_listener_that_says_nothing_is_tried_again_within_the_time() {
    let (scene, daemon) = Scene::begin().await;
    drop(daemon);
    let _listener = scene.listen();
    tokio::time::pause();
    let began = tokio::time::Instant::now();
    let list = scene.list().await;
    assert!(
        matches!(list, Err(Error::TimedOut { doing: "connecting", after }) if after == CONNECT_TIMEOUT),
        "{list:?}"
    );
    assert_about(began.elapsed(), CALL_TIMEOUT);
}

#[tokio::test]
async fn who_does_not_want_it_is_not_connected_again() {
    let (scene, daemon) = Scene::begin_with(Client::builder().reconnect(false)).await;
    drop(daemon);
    let _listener = scene.listen();
    for _ in 0..2 {
        let list = scene.list().await;
        assert!(matches!(list, Err(Error::Unavailable(Unavailable::Closed))), "{list:?}");
    }
}

#[tokio::test]
async fn a_daemon_that_breaks_the_protocol_is_not_asked_the_same_again() {
    let (scene, mut daemon) = Scene::begin().await;
    let (list, played) = tokio::join!(scene.list(), async {
        daemon.request().await?;
        daemon.send(b"nonsense".to_vec()).await
    });
    played.unwrap();
    assert!(matches!(list, Err(Error::Protocol(_))), "{list:?}");
    nothing_more(daemon).await;
    let listener = scene.listen();
    let (list, played) = tokio::join!(scene.list(), async {
        answer(&mut listener.accept_and_greet(2).await?).await
    });
    played.unwrap();
    list.unwrap();
}

/// Answers the next request, which subscribes; its params.
async fn answer_subscribe(daemon: &mut Fake) -> Result<String, FakeError> {
    let asked = daemon.request().await?;
    assert_eq!(asked.method, "event.subscribe");
    daemon.answer(&asked, &subscribed()).await?;
    Ok(asked.params)
}

/// A subscription at a scene, begun.
async fn subscribed_at(scene: &Scene, daemon: &mut Fake, topics: &[Topic]) -> Subscription {
    let params = EventSubscribeParams::of(topics.iter().cloned());
    let asked = answer_subscribe(daemon);
    let (subscription, played) = tokio::join!(scene.client.subscribe(&params), asked);
    played.unwrap();
    subscription.unwrap()
}

async fn next_seq(subscription: &mut Subscription) -> u64 {
    subscription.next().await.unwrap().unwrap().seq
}

#[tokio::test]
async fn a_subscription_begins_again_behind_what_was_read() {
    let (scene, mut daemon) = Scene::begin().await;
    let mut subscription = subscribed_at(&scene, &mut daemon, &[Topic::Jobs]).await;
    for seq in [11, 12, 13] {
        daemon.event(&event(seq, EventKind::Item, Some(job(JobState::Running)))).await.unwrap();
    }
    drop(daemon);
    // What arrived is read first.
    for seq in [11, 12, 13] {
        assert_eq!(next_seq(&mut subscription).await, seq);
    }
    let listener = scene.listen();
    let (seq, played) = tokio::join!(next_seq(&mut subscription), async {
        let mut daemon = listener.accept_and_greet(2).await?;
        let params = answer_subscribe(&mut daemon).await?;
        assert_eq!(params, r#"{"topics":["jobs"],"since":13}"#);
        // How a job is now was read before.
        daemon.event(&event(12, EventKind::Started, Some(job(JobState::Running)))).await?;
        daemon.event(&event(15, EventKind::KeepAlive, None)).await?;
        daemon.event(&event(16, EventKind::Item, Some(job(JobState::Running)))).await?;
        Ok::<_, FakeError>(daemon)
    });
    assert_eq!((seq, subscription.seq()), (16, 16));
    // The old name is not given up at the new daemon, the new one is.
    let mut daemon = played.unwrap();
    drop(subscription);
    assert_eq!(daemon.request().await.unwrap().method, "event.unsubscribe");
    drop(scene);
    nothing_more(daemon).await;
}

#[tokio::test]
async fn nothing_read_yet_it_begins_where_it_began() {
    let (scene, mut daemon) = Scene::begin().await;
    let mut subscription = subscribed_at(&scene, &mut daemon, &[Topic::Jobs]).await;
    daemon.event(&event(40, EventKind::KeepAlive, None)).await.unwrap();
    drop(daemon);
    for _ in 0..2 {
        let listener = scene.listen();
        let (seq, params) = tokio::join!(next_seq(&mut subscription), async {
            let mut daemon = listener.accept_and_greet(2).await.unwrap();
            let params = answer_subscribe(&mut daemon).await.unwrap();
            daemon.event(&event(41, EventKind::Progress, None)).await.unwrap();
            params
        });
        let since = if params.ends_with("40}") { 40 } else { 41 };
        assert_eq!((seq, params), (41, format!(r#"{{"topics":["jobs"],"since":{since}}}"#)));
    }
}

/// The daemon goes away each time that it was asked, and the last one answers.
#[tokio::test]
async fn daemons_that_come_and_go_do_not_end_a_subscription() {
    let (scene, mut daemon) = Scene::begin().await;
    let topic = Topic::Job(Token::from_bits(7));
    let mut subscription = subscribed_at(&scene, &mut daemon, &[topic]).await;
    drop(daemon);
    let follow = async {
        let mut kinds = Vec::new();
        while let Some(event) = subscription.next().await.unwrap() {
            kinds.push(event.kind);
        }
        kinds
    };
    let (kinds, played) = tokio::join!(follow, async {
        for instance in 2..6 {
            let listener = scene.listen();
            let daemon = listener.accept_and_greet(instance).await?;
            assert_eq!(die_of(daemon).await?, "event.subscribe");
        }
        let mut daemon = scene.listen().accept_and_greet(6).await?;
        answer_subscribe(&mut daemon).await?;
        daemon.event(&event(0, EventKind::Overflow, None)).await?;
        daemon.event(&event(3, EventKind::Finished, Some(job(JobState::Finished)))).await
    });
    played.unwrap();
    assert_eq!(kinds, [EventKind::Overflow, EventKind::Finished]);
}

#[tokio::test]
async fn where_nobody_comes_back_the_reader_is_told_and_may_ask_again() {
    let (scene, mut daemon) = Scene::begin().await;
    let mut subscription = subscribed_at(&scene, &mut daemon, &[Topic::Jobs]).await;
    drop(daemon);
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    let gone = subscription.next().await;
    assert!(matches!(gone, Err(Error::Unavailable(_))), "{gone:?}");
    assert_about(begun.elapsed(), CALL_TIMEOUT);
    tokio::time::resume();
    let listener = scene.listen();
    let (seq, played) = tokio::join!(next_seq(&mut subscription), async {
        let mut daemon = listener.accept_and_greet(2).await?;
        answer_subscribe(&mut daemon).await?;
        daemon.event(&event(9, EventKind::Progress, None)).await
    });
    played.unwrap();
    assert_eq!(seq, 9);
}

/// What a daemon says to the wish is told: here that it no longer knows the job.
#[tokio::test]
async fn a_refusal_at_the_new_daemon_is_told() {
    let (scene, mut daemon) = Scene::begin().await;
    let mut subscription = subscribed_at(&scene, &mut daemon, &[Topic::Jobs]).await;
    drop(daemon);
    let listener = scene.listen();
    let (refused, played) = tokio::join!(subscription.next(), async {
        let mut daemon = listener.accept_and_greet(2).await?;
        let asked = daemon.request().await?;
        let error = WireError::new(ErrorName::NotFound, Reason::NotFound, "no such job", "list");
        daemon.refuse(Some(&asked), &error).await
    });
    played.unwrap();
    assert!(matches!(refused, Err(Error::Remote(_))), "{refused:?}");
}

#[tokio::test]
async fn a_subscription_in_mid_call_is_not_asked_for_twice() {
    let (scene, daemon) = Scene::begin().await;
    let params = EventSubscribeParams::of([Topic::Jobs]);
    let (lost, method) = tokio::join!(scene.client.subscribe(&params), die_of(daemon));
    assert_eq!(method.unwrap(), "event.subscribe");
    assert!(matches!(lost, Err(Error::Unavailable(_))), "{lost:?}");
}
