//! Conversations in which a caller gives up: what the daemon is told, and that nothing of the call
//! stays behind.
//!
//! A call is dropped, or its time is over; which is the same. The hazard: a slot that is lost with
//! each call that is given up shows only after the sixty-fourth.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::io::Read;
use std::time::Duration;

use darkslide_protocol::envelope::Id;
use darkslide_protocol::error::{ErrorName, Reason};
use darkslide_protocol::limits::MAX_IN_FLIGHT;
use darkslide_protocol::message::health::HealthParams;
use tokio::task::JoinSet;

use super::{LIST, call, nothing, wire};
use crate::fake::{Asked, Fake, FakeError, Said};
use crate::{Client, Error};

async fn answered(client: &Client, daemon: &mut Fake) {
    let answered = call(client, async {
        let asked = daemon.request().await?;
        assert_eq!(asked.method, "library.list");
        daemon.answer(&asked, &nothing()).await
    })
    .await;
    assert!(answered.is_ok(), "{answered:?}");
}

/// Calls, and gives up when the daemon has the request.
async fn give_up(client: &Client, daemon: &mut Fake) -> Asked {
    tokio::select! {
        answer = client.library_list(&LIST) => panic!("{answer:?}"),
        asked = daemon.request() => asked.unwrap(),
    }
}

async fn cancelled(daemon: &mut Fake) -> Id {
    match daemon.said().await.unwrap() {
        Said::Cancel(id) => id,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_call_that_is_dropped_is_cancelled_and_its_late_answer_dropped() {
    for is_result in [false, true] {
        let (client, mut daemon) = Fake::pair().unwrap();
        let asked = give_up(&client, &mut daemon).await;
        assert_eq!(cancelled(&mut daemon).await, asked.id);
        if is_result {
            daemon.answer(&asked, &nothing()).await.unwrap();
        } else {
            let error = wire(ErrorName::Cancelled, Reason::Cancelled);
            daemon.refuse(Some(&asked), &error).await.unwrap();
        }
        answered(&client, &mut daemon).await;
    }
}

#[tokio::test]
async fn a_late_answers_descriptor_is_closed() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let asked = give_up(&client, &mut daemon).await;
    let (mut pipe, given) = std::io::pipe().unwrap();
    daemon.answer_with_descriptor(&asked, &nothing(), given).await.unwrap();
    answered(&client, &mut daemon).await;
    assert_eq!(pipe.read(&mut [0]).unwrap(), 0);
}

#[tokio::test]
async fn a_call_whose_time_is_over_is_cancelled() {
    let (client, mut daemon) = Fake::pair().unwrap();
    tokio::time::pause();
    let after = Duration::from_millis(1_500);
    let late = client.with_call_timeout(after).library_list(&LIST).await;
    assert!(matches!(late, Err(Error::TimedOut { after: told, .. }) if told == after), "{late:?}");
    tokio::time::resume();
    let asked = daemon.request().await.unwrap();
    assert_eq!(cancelled(&mut daemon).await, asked.id);
}

#[tokio::test]
async fn a_call_that_is_dropped_before_it_was_sent_sends_nothing() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let params = HealthParams::default();
    for _ in 0..3 * MAX_IN_FLIGHT {
        // Asked once, it stands in the queue; who writes has not come to it.
        tokio::select! {
            biased;
            answer = client.health(&params) => panic!("{answer:?}"),
            () = std::future::ready(()) => {}
        }
        tokio::task::yield_now().await;
    }
    answered(&client, &mut daemon).await;
    drop(client);
    assert!(matches!(daemon.said().await, Err(FakeError::Closed)));
}

#[tokio::test]
async fn no_slot_is_lost_however_many_give_up() {
    let (client, mut daemon) = Fake::pair().unwrap();
    for _round in 0..3 {
        let mut calls = JoinSet::new();
        for _ in 0..MAX_IN_FLIGHT {
            let client = client.clone();
            calls.spawn(async move { client.library_list(&LIST).await });
        }
        let mut open = Vec::new();
        for _ in 0..MAX_IN_FLIGHT {
            open.push(daemon.request().await.unwrap());
        }
        calls.shutdown().await;
        let mut told = Vec::new();
        for _ in 0..MAX_IN_FLIGHT {
            told.push(cancelled(&mut daemon).await);
        }
        for asked in &open {
            assert!(told.contains(&asked.id));
            let error = wire(ErrorName::Cancelled, Reason::Cancelled);
            daemon.refuse(Some(asked), &error).await.unwrap();
        }
    }
    answered(&client, &mut daemon).await;
}

/// More than a socket holds: some requests are written, one is half written, others wait.
#[tokio::test]
async fn giving_up_waits_for_no_daemon_and_cuts_no_frame() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let mut calls = JoinSet::new();
    for _ in 0..MAX_IN_FLIGHT {
        let client = client.clone();
        let params = serde_json::json!({ "x": vec!["x".repeat(4_000); 15] });
        let params = serde_json::value::to_raw_value(&params).unwrap();
        calls.spawn(async move { client.call_raw("asset.query", &params).await });
    }
    for _ in 0..MAX_IN_FLIGHT {
        tokio::task::yield_now().await;
    }
    calls.shutdown().await;
    let (mut asked, mut told) = (Vec::new(), Vec::new());
    let last = client.library_list(&LIST);
    let play = async {
        loop {
            match daemon.said().await? {
                Said::Request(request) if request.method == "library.list" => {
                    daemon.answer(&request, &nothing()).await?;
                    break;
                }
                Said::Request(request) => asked.push(request),
                Said::Cancel(id) => told.push(id),
                Said::Notification { method } => panic!("{method}"),
            }
        }
        // The queue of those to be cancelled and that of requests are two.
        while told.len() < asked.len() {
            told.push(cancelled(&mut daemon).await);
        }
        for request in &asked {
            daemon.answer(request, &nothing()).await?;
        }
        Ok::<(), FakeError>(())
    };
    let (answer, played) = tokio::join!(last, play);
    played.unwrap();
    answer.unwrap();
    let ids: Vec<Id> = asked.iter().map(|asked| asked.id.clone()).collect();
    assert!(told.len() == ids.len() && ids.iter().all(|id| told.contains(id)), "{told:?}");
    assert!(!ids.is_empty() && ids.len() < MAX_IN_FLIGHT, "{}", ids.len());
    answered(&client, &mut daemon).await;
}

#[tokio::test]
async fn many_calls_at_once_all_find_their_answers() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let many = 10 * MAX_IN_FLIGHT;
    let mut calls = JoinSet::new();
    for _ in 0..many {
        let client = client.clone();
        calls.spawn(async move { client.library_list(&LIST).await });
    }
    let mut seen = 0;
    while seen < many {
        let batch = (many - seen).min(MAX_IN_FLIGHT);
        let mut asked = Vec::new();
        for _ in 0..batch {
            asked.push(daemon.request().await.unwrap());
        }
        for asked in asked.iter().rev() {
            daemon.answer(asked, &nothing()).await.unwrap();
        }
        seen += batch;
    }
    for answer in calls.join_all().await {
        answer.unwrap();
    }
}
