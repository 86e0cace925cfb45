//! Conversations with descriptors: whose is whose, wherever the bytes are split, and what a daemon
//! that sends too many, too few or several is told.
//!
//! A descriptor is known by what its file holds; that one is closed, by the other end of its pipe,
//! which sees an end only when no copy is left. The hazard: a test that is content with an error
//! while the descriptors of it stay open.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::fs::File;
use std::io::{PipeReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;

use darkslide_protocol::envelope::{self, Id};
use darkslide_protocol::error::{ErrorName, Reason};
use darkslide_protocol::message::health::{Health, HealthParams};
use darkslide_protocol::method;
use darkslide_protocol::value::Token;
use proptest::prelude::*;
use tokio::task::JoinSet;

use super::{LIST, call, nothing, wire};
use crate::calls::Reply;
use crate::descriptors::{DescriptorError, MAX_WAITING_DESCRIPTORS};
use crate::fake::{Fake, FakeError};
use crate::{Client, Error, ProtocolError};

/// A file that holds its number.
fn numbered(number: usize) -> File {
    let mut file = tempfile::tempfile().unwrap();
    write!(file, "{number}").unwrap();
    file
}

fn number_in(descriptor: OwnedFd) -> String {
    let mut bytes = [0; 32];
    let read = File::from(descriptor).read_at(&mut bytes, 0).unwrap();
    String::from_utf8(bytes[..read].to_vec()).unwrap()
}

/// Waits until every copy of the pipe's other end is closed.
async fn closed(mut pipe: PipeReader) {
    let read = tokio::task::spawn_blocking(move || pipe.read(&mut [0]).unwrap());
    assert_eq!(read.await.unwrap(), 0);
}

fn health(number: usize) -> Health {
    Health::new(Token::from_bits(1), number.to_string(), None)
}

async fn open(client: &Client) -> Result<(Health, OwnedFd), Error> {
    client.call_with_descriptor::<method::Health>(&HealthParams::default()).await
}

/// The script is over, and the connection as usable as ever.
async fn assert_usable(client: &Client, daemon: &mut Fake) {
    let answered = call(client, async {
        let asked = daemon.request().await?;
        daemon.answer(&asked, &nothing()).await
    })
    .await;
    assert!(answered.is_ok(), "{answered:?}");
}

#[tokio::test]
async fn a_descriptor_comes_with_its_result_and_is_not_inherited() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let play = async {
        let asked = daemon.request().await?;
        daemon.answer_with_descriptor(&asked, &health(7), numbered(7)).await
    };
    let (opened, played) = tokio::join!(open(&client), play);
    played.unwrap();
    let (health, descriptor) = opened.unwrap();
    let flags = rustix::io::fcntl_getfd(&descriptor).unwrap();
    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
    assert_eq!((health.version.as_str(), number_in(descriptor).as_str()), ("7", "7"));
    assert_usable(&client, &mut daemon).await;
}

#[tokio::test]
async fn a_result_without_its_descriptor_is_told_and_ends_nothing() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let play = async {
        let asked = daemon.request().await?;
        daemon.answer(&asked, &health(1)).await
    };
    let (opened, played) = tokio::join!(open(&client), play);
    played.unwrap();
    let missing = ProtocolError::NoDescriptor { method: "health" };
    let error = opened.unwrap_err();
    assert_eq!(error.to_string(), missing.to_string());
    assert_usable(&client, &mut daemon).await;
}

#[tokio::test]
async fn one_that_nobody_wants_is_closed() {
    for is_error in [false, true] {
        let (client, mut daemon) = Fake::pair().unwrap();
        let (pipe, given) = std::io::pipe().unwrap();
        let answered = call(&client, async {
            let asked = daemon.request().await?;
            if is_error {
                let id = serde_json::to_string(&asked.id)?;
                let error = serde_json::to_string(&wire(ErrorName::Busy, Reason::Busy))?;
                let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"fd":true,"error":{error}}}"#);
                let frame = Fake::framed(text.into_bytes())?;
                daemon.send_bytes_with(&frame, &[given.as_fd()]).await?;
            } else {
                daemon.answer_with_descriptor(&asked, &nothing(), &given).await?;
            }
            drop(given);
            Ok(())
        })
        .await;
        assert_eq!(answered.is_err(), is_error, "{answered:?}");
        closed(pipe).await;
        assert_usable(&client, &mut daemon).await;
    }
}

/// How a hostile daemon sends what it sends, and what it is told.
struct Wrong {
    /// Bytes, and the number of descriptors beside them.
    messages: Vec<(Vec<u8>, usize)>,
    told: DescriptorError,
}

fn wrongs(id: &Id) -> Vec<Wrong> {
    let with = Fake::framed(envelope::result_with_descriptor(id, &nothing()).unwrap()).unwrap();
    let without = Fake::framed(envelope::result(id, &nothing()).unwrap()).unwrap();
    let (limit, told) = (MAX_WAITING_DESCRIPTORS, DescriptorError::Surplus);
    let one = |bytes: &[u8], count| (bytes.to_vec(), count);
    let byte_by_byte = |count: usize| with.iter().map(|byte| one(&[*byte], 1)).take(count);
    vec![
        Wrong { messages: vec![one(&with, 0)], told: DescriptorError::Missing },
        Wrong { messages: vec![one(&without, 1)], told },
        Wrong { messages: vec![one(&with, 2)], told: DescriptorError::Several { count: 2 } },
        Wrong {
            messages: vec![one(&without, limit)],
            told: DescriptorError::Several { count: limit },
        },
        Wrong { messages: vec![one(&with, 64)], told: DescriptorError::Cut },
        Wrong { messages: vec![one(&with, 253)], told: DescriptorError::Cut },
        Wrong {
            messages: byte_by_byte(limit + 1).collect(),
            told: DescriptorError::TooMany { limit },
        },
        Wrong { messages: byte_by_byte(2).chain([one(&with[2..], 0)]).collect(), told },
        Wrong { messages: byte_by_byte(limit).chain([one(&with[limit..], 0)]).collect(), told },
    ]
}

#[tokio::test]
async fn wrong_descriptors_end_the_connection_and_none_of_them_stays_open() {
    for case in 0..wrongs(&Id::Number(1)).len() {
        let (client, mut daemon) = Fake::pair().unwrap();
        let (pipe, given) = std::io::pipe().unwrap();
        let play = async {
            let asked = daemon.request().await?;
            let wrong = wrongs(&asked.id).remove(case);
            for (bytes, count) in wrong.messages {
                let many: Vec<BorrowedFd<'_>> = vec![given.as_fd(); count];
                daemon.send_bytes_with(&bytes, &many).await?;
            }
            drop(given);
            Ok::<_, FakeError>(wrong.told)
        };
        // An answer may come before what is wrong behind it; then the next call hears of it.
        let (first, told) = tokio::join!(client.library_list(&LIST), play);
        let error = match first {
            Ok(_) => client.library_list(&LIST).await.unwrap_err(),
            Err(error) => error,
        };
        match error {
            Error::Protocol(ProtocolError::Descriptors(error)) => {
                assert_eq!(error, told.unwrap(), "case {case}");
            }
            other => panic!("case {case}: {other:?}"),
        }
        closed(pipe).await;
        assert!(matches!(daemon.said().await, Err(FakeError::Closed)), "case {case}");
    }
}

#[tokio::test]
async fn those_that_wait_are_closed_with_the_connection() {
    let (client, mut daemon) = Fake::pair().unwrap();
    let (pipe, given) = std::io::pipe().unwrap();
    let cut = call(&client, async {
        let asked = daemon.request().await?;
        let frame = Fake::framed(envelope::result_with_descriptor(&asked.id, &nothing())?)?;
        daemon.send_bytes_with(&frame[..9], &[given.as_fd()]).await?;
        drop((daemon, given));
        Ok(())
    })
    .await;
    assert!(matches!(cut, Err(Error::Unavailable(_))), "{cut:?}");
    closed(pipe).await;
}

/// One answer of a script: its number, and whether a descriptor comes with it.
#[derive(Debug, Clone, Copy)]
struct Part {
    number: usize,
    has_descriptor: bool,
}

/// Asks once for each part; answers them in their order, with the bytes cut at `cuts`, though never
/// so that a message with a descriptor has other bytes in front of its frame.
async fn converse(parts: Vec<Part>, cuts: Vec<usize>, breathe: bool) -> Vec<(usize, Reply)> {
    let (client, mut daemon) = Fake::pair().unwrap();
    let mut calls = JoinSet::new();
    for number in 0..parts.len() {
        let link = client.link();
        calls.spawn(async move {
            // Which of them is asked first is theirs; the params say which it is.
            let params = serde_json::json!({ "number": number });
            (number, link.ask("health", &params, None).await.unwrap())
        });
    }
    let mut asked = vec![Id::Number(0); parts.len()];
    for _ in 0..parts.len() {
        let request = daemon.request().await.unwrap();
        let params: serde_json::Value = serde_json::from_str(&request.params).unwrap();
        asked[usize::try_from(params["number"].as_u64().unwrap()).unwrap()] = request.id;
    }
    let (mut bytes, mut edges, mut files) = (Vec::new(), cuts, Vec::new());
    for Part { number, has_descriptor } in parts {
        let id = &asked[number];
        let payload = if has_descriptor {
            edges.push(bytes.len());
            files.push((bytes.len(), numbered(number)));
            envelope::result_with_descriptor(id, &health(number)).unwrap()
        } else {
            envelope::result(id, &health(number)).unwrap()
        };
        bytes.extend(Fake::framed(payload).unwrap());
    }
    edges.extend([0, bytes.len()]);
    edges.retain(|edge| *edge <= bytes.len());
    edges.sort_unstable();
    edges.dedup();
    for edge in edges.windows(2) {
        let with: Vec<BorrowedFd<'_>> = files
            .iter()
            .filter_map(|(at, file)| (*at == edge[0]).then_some(file.as_fd()))
            .collect();
        daemon.send_bytes_with(&bytes[edge[0]..edge[1]], &with).await.unwrap();
        if breathe {
            tokio::task::yield_now().await;
        }
    }
    let replies = calls.join_all().await;
    assert_usable(&client, &mut daemon).await;
    replies
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn each_result_gets_its_own_descriptor_wherever_the_bytes_are_split(
        marks in prop::collection::vec(any::<bool>(), 1..24),
        seed in any::<prop::sample::Index>(),
        cuts in prop::collection::vec(0_usize..3_000, 0..40),
        breathe in any::<bool>(),
    ) {
        let mut parts: Vec<Part> = marks
            .iter()
            .enumerate()
            .map(|(number, has_descriptor)| Part { number, has_descriptor: *has_descriptor })
            .collect();
        let by = seed.index(parts.len());
        parts.rotate_left(by);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let replies = runtime.block_on(converse(parts, cuts, breathe));
        prop_assert_eq!(replies.len(), marks.len());
        for (number, reply) in replies {
            let health: Health = serde_json::from_str(reply.result.get()).unwrap();
            prop_assert_eq!(health.version, number.to_string());
            let got = reply.descriptor.map(number_in);
            prop_assert_eq!(got, marks[number].then(|| number.to_string()));
        }
    }
}
