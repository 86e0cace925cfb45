//! Tests of whole conversations with a scripted peer: cut and glued frames, strange answers, ends
//! in the middle, time.
//!
//! They stand beside the crate and not below `tests/`, for they need no program and look at what
//! callers see. Time is paused only where a timeout is the answer, for a paused clock runs ahead
//! whenever everybody waits.

#![allow(clippy::disallowed_methods, reason = "tests")]

mod descriptors;
mod giving_up;
mod restarts;

use std::time::Duration;

use darkslide_protocol::envelope;
use darkslide_protocol::error::{ErrorName, Reason, WireError};
use darkslide_protocol::event::{Event, EventData, EventKind, Topic};
use darkslide_protocol::frame::FrameError;
use darkslide_protocol::limits::{
    KEEP_ALIVE, MAX_IN_FLIGHT, MAX_REQUEST_FRAME_BYTES, MAX_RESPONSE_FRAME_BYTES,
};
use darkslide_protocol::message::asset::AssetQueryParams;
use darkslide_protocol::message::event::{EventSubscribeParams, Subscribed};
use darkslide_protocol::message::export::{DestinationText, ExportSpec, ExportStartParams};
use darkslide_protocol::message::health::{Health, HealthParams};
use darkslide_protocol::message::job::{
    CancelMode, JobKind, JobReport, JobReportParams, JobState, JobStatus,
};
use darkslide_protocol::message::library::{LibraryList, LibraryListParams};
use darkslide_protocol::value::Token;
use tokio::task::JoinSet;

use crate::events::SILENCE;
use crate::fake::{Fake, FakeError};
use crate::{Client, Error, ProtocolError, Unavailable};

const LIST: LibraryListParams = LibraryListParams {};

fn nothing() -> LibraryList {
    LibraryList { libraries: Vec::new() }
}

fn wire(name: ErrorName, reason: Reason) -> WireError {
    WireError::new(name, reason, "no", "do otherwise")
}

/// Calls once while the script plays, and returns how the call ended.
async fn call<'a, F>(client: &Client, play: F) -> Result<LibraryList, Error>
where
    F: Future<Output = Result<(), FakeError>> + 'a,
{
    let (called, played) = tokio::join!(client.library_list(&LIST), play);
    played.unwrap();
    called
}

#[tokio::test]
async fn a_half_frame_waits_for_its_other_half() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let answered = call(&client, async {
        let asked = daemon.request().await?;
        let frame = Fake::framed(envelope::result(&asked.id, &nothing())?)?;
        for byte in frame {
            daemon.send_bytes(&[byte]).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    })
    .await;
    assert_eq!(answered.unwrap(), nothing());
}

#[tokio::test]
async fn glued_answers_in_any_order_find_their_callers() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let health = HealthParams::default();
    let play = async {
        let (first, second) = (daemon.request().await?, daemon.request().await?);
        assert_eq!((first.method.as_str(), second.method.as_str()), ("health", "library.list"));
        let health = Health::new(Token::from_bits(1), "9".to_owned(), None);
        let mut bytes = Fake::framed(envelope::result(&second.id, &nothing())?)?;
        bytes.extend(Fake::framed(envelope::result(&first.id, &health)?)?);
        daemon.send_bytes(&bytes).await
    };
    let (health, list, played) =
        tokio::join!(client.health(&health), client.library_list(&LIST), play);
    played.unwrap();
    assert_eq!((health.unwrap().version, list.unwrap()), ("9".to_owned(), nothing()));
}

#[tokio::test]
async fn an_answer_to_an_unknown_id_ends_the_connection() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let answered = call(&client, async {
        daemon.request().await?;
        daemon.send(br#"{"jsonrpc":"2.0","id":77,"result":{}}"#.to_vec()).await
    })
    .await;
    assert!(matches!(answered, Err(Error::Protocol(ProtocolError::UnknownId))), "{answered:?}");
    let later = client.library_list(&LIST).await;
    assert!(matches!(later, Err(Error::Protocol(ProtocolError::UnknownId))), "{later:?}");
}

#[tokio::test]
async fn refusals_leave_the_connection_usable() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let denied = call(&client, async {
        let asked = daemon.request().await?;
        let error = wire(ErrorName::Denied, Reason::Denied);
        daemon.refuse(Some(&asked), &error).await
    })
    .await;
    assert!(matches!(denied, Err(Error::Denied(_))), "{denied:?}");
    let other_form = call(&client, async {
        let asked = daemon.request().await?;
        daemon.answer_text(&asked, "[]").await
    })
    .await;
    assert!(
        matches!(other_form, Err(Error::Protocol(ProtocolError::Result { .. }))),
        "{other_form:?}"
    );
    let answered = call(&client, async {
        let asked = daemon.request().await?;
        daemon.answer(&asked, &nothing()).await
    })
    .await;
    assert!(answered.is_ok(), "{answered:?}");
}

#[tokio::test]
async fn an_error_without_an_id_is_told_to_every_call() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let play = async {
        daemon.request().await?;
        let error = wire(ErrorName::Misconfigured, Reason::Misconfigured);
        daemon.refuse(None, &error).await?;
        drop(daemon);
        Ok::<(), FakeError>(())
    };
    let (one, two, played) =
        tokio::join!(client.library_list(&LIST), client.library_list(&LIST), play);
    played.unwrap();
    for told in [one, two, client.library_list(&LIST).await] {
        let error = told.unwrap_err();
        assert_eq!(error.wire().unwrap().data.name, ErrorName::Misconfigured);
    }
}

#[tokio::test]
async fn last_words_are_heard_though_nothing_can_be_written_any_more() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let error = wire(ErrorName::Denied, Reason::Denied);
    daemon.refuse(None, &error).await.unwrap();
    drop(daemon);
    let told = client.library_list(&LIST).await;
    assert!(matches!(told, Err(Error::Denied(_))), "{told:?}");
}

#[tokio::test]
async fn a_daemon_that_hears_nothing_and_says_nothing_is_not_waited_for() {
    let (deaf, stream) = std::os::unix::net::UnixStream::pair().unwrap();
    let client = Client::over(stream).unwrap();
    deaf.shutdown(std::net::Shutdown::Read).unwrap();
    tokio::time::pause();
    let listed = client.library_list(&LIST).await;
    assert!(matches!(listed, Err(Error::Unavailable(Unavailable::Broken(_)))), "{listed:?}");
}

#[tokio::test]
async fn a_close_in_mid_call_is_told_as_what_it_is() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let closed = call(&client, async {
        daemon.request().await?;
        drop(daemon);
        Ok(())
    })
    .await;
    assert!(matches!(closed, Err(Error::Unavailable(Unavailable::Closed))), "{closed:?}");

    let (client, mut daemon) = Fake::pair().unwrap();
    let cut = call(&client, async {
        daemon.request().await?;
        daemon.send_bytes(&[0, 0, 0, 9, b'{']).await?;
        drop(daemon);
        Ok(())
    })
    .await;
    assert!(matches!(cut, Err(Error::Unavailable(Unavailable::Broken(_)))), "{cut:?}");
}

#[tokio::test]
async fn a_frame_above_the_limit_is_refused_by_its_length_alone() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let answered = call(&client, async {
        daemon.request().await?;
        let length = u32::try_from(MAX_RESPONSE_FRAME_BYTES + 1).unwrap();
        daemon.send_bytes(&length.to_be_bytes()).await
    })
    .await;
    let limit = MAX_RESPONSE_FRAME_BYTES;
    match answered {
        Err(Error::Protocol(ProtocolError::Frame(error))) => {
            assert_eq!(error, FrameError::TooLong { limit });
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_no_message_ends_the_connection() {
    for payload in
        [&b"nonsense"[..], br#"{"jsonrpc":"2.0"}"#, br#"{"jsonrpc":"2.0","id":null,"result":{}}"#]
    {
        let (client, mut daemon) = Fake::pair().unwrap();
        let answered = call(&client, async {
            daemon.request().await?;
            daemon.send(payload.to_vec()).await
        })
        .await;
        assert!(matches!(answered, Err(Error::Protocol(_))), "{answered:?}");
    }
}

#[tokio::test]
async fn a_request_above_the_limit_is_not_sent_and_costs_nothing() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let mut params = AssetQueryParams::of("x".repeat(MAX_REQUEST_FRAME_BYTES));
    let refused = client.asset_query(&params).await;
    assert!(matches!(refused, Err(Error::Protocol(ProtocolError::TooLong { .. }))), "{refused:?}");
    params.library = "x".to_owned();
    let answered = call(&client, async {
        let asked = daemon.request().await?;
        assert_eq!(asked.method, "library.list", "nothing came before");
        daemon.answer(&asked, &nothing()).await
    })
    .await;
    assert!(answered.is_ok(), "{answered:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_answered_times_out_and_its_late_answer_is_dropped() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let timed_out = client.library_list(&LIST).await;
    let expected = crate::client::CALL_TIMEOUT;
    assert!(
        matches!(timed_out, Err(Error::TimedOut { doing: "library.list", after }) if after == expected),
        "{timed_out:?}"
    );
    tokio::time::resume();
    let late = daemon.request().await.unwrap();
    daemon.answer(&late, &nothing()).await.unwrap();
    let answered = call(&client, async {
        let asked = daemon.request().await?;
        assert_ne!(asked.id, late.id);
        daemon.answer(&asked, &nothing()).await
    })
    .await;
    assert!(answered.is_ok(), "{answered:?}");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_says_nothing_is_given_up_in_time() {
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    let folder = tempfile::Builder::new().permissions(private).tempdir().unwrap();
    let socket = folder.path().join("s");
    let _listener = tokio::net::UnixListener::bind(&socket).unwrap();
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(&socket, permissions).unwrap();
    let connected = Client::builder().socket(&socket).connect().await;
    assert!(matches!(connected, Err(Error::TimedOut { doing: "connecting", .. })), "{connected:?}");
}

#[tokio::test]
async fn a_client_says_hello_and_refuses_another_service() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let play = async {
        let asked = daemon.request().await?;
        assert_eq!(asked.method, "health");
        assert!(asked.params.contains("darkslide-client"), "{}", asked.params);
        let other = r#"{"service":"other","instance":"00000000000000000000000000000001","version":"0","protocol":1}"#;
        daemon.answer_text(&asked, other).await
    };
    let (hello, played) = tokio::join!(client.hello(), play);
    played.unwrap();
    assert!(matches!(hello, Err(Error::Protocol(ProtocolError::OtherService { .. }))), "{hello:?}");
}

fn event(seq: u64, kind: EventKind, job: Option<JobStatus>) -> Event {
    Event {
        subscription: Token::from_bits(5),
        seq,
        time: "2026-07-01T00:00:00.000Z".to_owned(),
        topic: Topic::Job(Token::from_bits(7)),
        kind,
        data: EventData { job, ..EventData::default() },
    }
}

fn subscribed() -> Subscribed {
    Subscribed { subscription: Token::from_bits(5), seq: 0 }
}

fn job(state: JobState) -> JobStatus {
    JobStatus {
        job: Token::from_bits(7),
        kind: JobKind::Export,
        state,
        created: "2026-07-01T00:00:00.000Z".to_owned(),
        started: None,
        ended: None,
        library: "main".to_owned(),
        root: "exports".to_owned(),
        path: ".".to_owned(),
        selected: 1,
        files_total: 1,
        files_done: 0,
        bytes_total: 10,
        bytes_done: 0,
        rate: None,
        remaining: None,
        outcomes: std::collections::BTreeMap::new(),
        trashed: 0,
        error: None,
    }
}

/// Answers in one write, so that nothing can come between.
async fn answer_with_events(
    daemon: &mut Fake,
    id: &envelope::Id,
    events: &[Event],
) -> Result<(), FakeError> {
    let mut bytes = Fake::framed(envelope::result(id, &subscribed())?)?;
    for event in events {
        bytes.extend(Fake::framed(envelope::event(event)?)?);
    }
    daemon.send_bytes(&bytes).await
}

#[tokio::test]
async fn events_right_behind_the_answer_are_not_lost_and_the_job_ends_the_stream() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let params = EventSubscribeParams::of([Topic::Job(Token::from_bits(7))]);
    let play = async {
        let asked = daemon.request().await?;
        let events = [
            event(1, EventKind::Progress, None),
            event(2, EventKind::KeepAlive, None),
            event(3, EventKind::Finished, None),
        ];
        answer_with_events(&mut daemon, &asked.id, &events).await
    };
    let (subscription, played) = tokio::join!(client.subscribe(&params), play);
    played.unwrap();
    let mut subscription = subscription.unwrap();
    let kinds = [EventKind::Progress, EventKind::Finished];
    for kind in kinds {
        assert_eq!(subscription.next().await.unwrap().unwrap().kind, kind);
    }
    assert!(subscription.next().await.unwrap().is_none());
    drop(subscription);
    assert_eq!(daemon.request().await.unwrap().method, "event.unsubscribe");
}

#[tokio::test]
async fn events_between_answers_and_of_unknown_subscriptions_disturb_no_call() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let answered = call(&client, async {
        let asked = daemon.request().await?;
        daemon.event(&event(1, EventKind::Progress, None)).await?;
        daemon.answer(&asked, &nothing()).await
    })
    .await;
    assert!(answered.is_ok(), "{answered:?}");
}

#[tokio::test]
async fn a_job_that_is_followed_can_be_stopped_and_its_end_is_told() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let (handle, played) = tokio::join!(client.attach(Token::from_bits(7)), async {
        let asked = daemon.request().await?;
        daemon.answer(&asked, &job(JobState::Running)).await?;
        let asked = daemon.request().await?;
        daemon.answer(&asked, &subscribed()).await
    });
    played.unwrap();
    let mut handle = handle.unwrap();
    let (answered, asked) = tokio::join!(handle.cancel(CancelMode::Now), async {
        let asked = daemon.request().await.unwrap();
        daemon.answer(&asked, &job(JobState::Running)).await.unwrap();
        let told = event(1, EventKind::Cancelled, Some(job(JobState::Cancelled)));
        daemon.event(&told).await.unwrap();
        asked
    });
    assert_eq!(answered.unwrap().state, JobState::Running);
    assert_eq!(asked.method, "job.cancel");
    assert_eq!(handle.wait().await.unwrap().state, JobState::Cancelled);
}

/// The protocol grows by words: who does not know one loses that answer or event, and no more.
#[tokio::test]
async fn words_of_a_newer_daemon_end_no_connection() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let error = r#"{"code":1099,"message":"the moon is full","data":{"name":"MOON","reason":"full","hint":"wait","class":"lunar"}}"#;
    let refused = call(&client, async {
        let asked = daemon.request().await?;
        let event = r#"{"jsonrpc":"2.0","method":"event","params":{"subscription":"00000000000000000000000000000005","seq":1,"time":"now","topic":"jobs","kind":"paused","data":{}}}"#;
        daemon.send(event.as_bytes().to_vec()).await?;
        let id = serde_json::to_string(&asked.id).unwrap();
        let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
        daemon.send(answer.into_bytes()).await
    })
    .await;
    let Err(Error::Protocol(ProtocolError::Newer { message })) = refused else {
        panic!("{refused:?}")
    };
    assert_eq!(message, "the moon is full");
    let answered = call(&client, async {
        let asked = daemon.request().await?;
        daemon.answer(&asked, &nothing()).await
    })
    .await;
    assert!(answered.is_ok(), "{answered:?}");
}

#[tokio::test]
async fn a_subscription_is_given_up_though_every_slot_is_taken() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let params = EventSubscribeParams::of([Topic::Jobs]);
    let (subscription, answered) = tokio::join!(client.subscribe(&params), async {
        let asked = daemon.request().await.unwrap();
        daemon.answer(&asked, &subscribed()).await
    });
    answered.unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..MAX_IN_FLIGHT {
        let client = client.clone();
        calls.spawn(async move { client.library_list(&LIST).await });
    }
    let mut asked = Vec::new();
    for _ in 0..MAX_IN_FLIGHT {
        asked.push(daemon.request().await.unwrap());
    }
    drop(subscription.unwrap());
    for asked in &asked {
        daemon.answer(asked, &nothing()).await.unwrap();
    }
    assert_eq!(daemon.request().await.unwrap().method, "event.unsubscribe");
    while let Some(answered) = calls.join_next().await {
        answered.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_subscriber_that_gives_up_before_the_answer_leaves_nothing_behind() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let params = EventSubscribeParams::of([Topic::Jobs]);
    let asked = tokio::select! {
        _ = client.subscribe(&params) => panic!("nobody answered"),
        asked = daemon.request() => asked.unwrap(),
    };
    daemon.answer(&asked, &subscribed()).await.unwrap();
    let next = daemon.request().await.unwrap();
    assert_eq!(next.method, "event.unsubscribe");
    assert!(next.params.contains(Token::from_bits(5).as_str()));
}

#[tokio::test]
async fn an_export_is_followed_to_its_end() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let destination = DestinationText::Absolute("/x".to_owned());
    let params = ExportStartParams { spec: ExportSpec::of("main", destination), key: None };
    let play = async {
        let asked = daemon.request().await?;
        assert_eq!(asked.method, "export.start");
        daemon.answer(&asked, &job(JobState::Queued)).await?;
        let asked = daemon.request().await?;
        let events = [
            event(1, EventKind::Started, Some(job(JobState::Running))),
            event(2, EventKind::Finished, Some(job(JobState::Finished))),
        ];
        answer_with_events(&mut daemon, &asked.id, &events).await
    };
    let follow = async {
        let mut handle = client.export(&params).await?;
        assert_eq!(handle.status().state, JobState::Queued);
        let status = handle.wait().await?;
        assert!(handle.next().await?.is_none());
        Ok::<_, Error>(status)
    };
    let (status, played) = tokio::join!(follow, play);
    played.unwrap();
    assert_eq!(status.unwrap().state, JobState::Finished);
}

#[tokio::test]
async fn a_job_is_waited_for_as_long_as_keep_alives_come_and_no_longer() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let play = async {
        let asked = daemon.request().await?;
        daemon.answer(&asked, &job(JobState::Running)).await?;
        let asked = daemon.request().await?;
        daemon.answer(&asked, &subscribed()).await
    };
    let (handle, played) = tokio::join!(client.attach(Token::from_bits(7)), play);
    played.unwrap();
    let mut handle = handle.unwrap();
    tokio::time::pause();
    let (waited, told) = tokio::join!(
        async {
            // Who asks every second is not put off either.
            loop {
                let waited = tokio::time::timeout(Duration::from_secs(1), handle.wait()).await;
                if let Ok(waited) = waited {
                    return (waited, tokio::time::Instant::now());
                }
            }
        },
        async {
            for _ in 0..10 {
                tokio::time::sleep(KEEP_ALIVE).await;
                daemon.event(&event(9, EventKind::KeepAlive, None)).await.unwrap();
            }
            tokio::time::Instant::now()
        }
    );
    let (error, at) = (waited.0.unwrap_err(), waited.1);
    assert!(matches!(error, Error::TimedOut { after: SILENCE, .. }), "{error:?}");
    let silence = at - told;
    assert!(silence.abs_diff(SILENCE) < Duration::from_secs(1), "{silence:?}");
}

#[tokio::test]
async fn a_key_is_followed_from_before_there_is_a_job_to_its_end() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let key = Topic::Key("nightly".to_owned());
    let (handle, played) = tokio::join!(client.attach_key("nightly"), async {
        let asked = daemon.request().await?;
        assert_eq!(asked.params, r#"{"topics":["key:nightly"]}"#);
        daemon.answer(&asked, &subscribed()).await
    });
    played.unwrap();
    let mut handle = handle.unwrap();
    assert!(handle.status().is_none());
    let early = handle.cancel(CancelMode::Now).await.unwrap_err();
    assert_eq!(early.wire().unwrap().data.name.as_str(), "NOT_FOUND");
    let told = [(EventKind::Queued, JobState::Queued), (EventKind::Finished, JobState::Finished)];
    for (seq, (kind, state)) in (1..).zip(told) {
        let event = Event { topic: key.clone(), ..event(seq, kind, Some(job(state))) };
        daemon.event(&event).await.unwrap();
    }
    assert_eq!(handle.next().await.unwrap().unwrap().kind, EventKind::Queued);
    assert_eq!(handle.status().unwrap().job, Token::from_bits(7));
    let (cancelled, asked) = tokio::join!(handle.cancel(CancelMode::Now), async {
        let asked = daemon.request().await.unwrap();
        daemon.answer(&asked, &job(JobState::Finished)).await.unwrap();
        asked
    });
    cancelled.unwrap();
    assert!(asked.params.contains(Token::from_bits(7).as_str()));
    assert_eq!(handle.wait().await.unwrap().state, JobState::Finished);
    assert!(handle.next().await.unwrap().is_none());
}

/// There is no other connection to be had.
#[tokio::test]
async fn over_a_socket_of_its_own_a_subscription_ends_with_the_connection() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let params = EventSubscribeParams::of([Topic::Jobs]);
    let (subscription, played) = tokio::join!(client.subscribe(&params), async {
        let asked = daemon.request().await?;
        daemon.answer(&asked, &subscribed()).await
    });
    played.unwrap();
    let mut subscription = subscription.unwrap();
    daemon.event(&event(1, EventKind::Progress, None)).await.unwrap();
    drop(daemon);
    assert_eq!(subscription.next().await.unwrap().unwrap().seq, 1);
    for _ in 0..2 {
        let ended = subscription.next().await;
        assert!(matches!(ended, Err(Error::Unavailable(Unavailable::Closed))), "{ended:?}");
    }
}

#[tokio::test]
async fn a_page_that_names_itself_as_the_next_is_told() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let params = JobReportParams { job: Token::from_bits(7), limit: 10, after: 0, undone: false };
    let mut pages = client.report(params);
    for (next, is_told) in [(Some(10), false), (Some(10), true), (None, false)] {
        let play = async {
            let asked = daemon.request().await?;
            let page = JobReport { rows: Vec::new(), next };
            daemon.answer(&asked, &page).await
        };
        let (page, played) = tokio::join!(pages.next_page(), play);
        played.unwrap();
        assert_eq!(page.is_err(), is_told, "{page:?}");
    }
    assert!(pages.next_page().await.unwrap().is_none());
}

#[tokio::test]
async fn dropping_every_clone_closes_the_connection() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let other = client.with_call_timeout(Duration::from_secs(1));
    drop(client);
    let answered = call(&other, async {
        let asked = daemon.request().await?;
        daemon.answer(&asked, &nothing()).await
    })
    .await;
    assert!(answered.is_ok(), "{answered:?}");
    drop(other);
    assert!(matches!(daemon.request().await, Err(FakeError::Closed)));
}

#[test]
fn without_a_runtime_a_client_is_refused_and_nothing_panics() {
    assert!(matches!(Fake::pair(), Err(FakeError::Client(_))));
}
