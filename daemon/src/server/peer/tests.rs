//! Which program it is, on a system that the tests play: what a Mac's would say.
//!
//! The clock is the tests' own, so that a question that is never answered takes no time. The hazard
//! in all of them: a program that is trusted for what another one was.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::sync::Mutex;
use std::sync::mpsc;

use darkslide_policy::{AbsPath, Platform, Policy, World};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::Instant;

use super::*;
use crate::jobs::Store;
use crate::server::admission::Admission;
use crate::server::listener::{arrive, serve_arrived};
use crate::server::outbox::Unsent;
use crate::service::Service;

const POLICY: &str = r#"
version = 1
[[client]]
name = "viewer"
uid = 501
code_requirement = 'identifier "example.viewer"'
methods = ["health", "policy.show"]
"#;

const VIEWER: AuditToken = token(1);
const OTHER: AuditToken = token(2);

const fn token(life: u32) -> AuditToken {
    AuditToken::new([0, 501, 20, 501, 20, 77, 100_001, life])
}

/// A system whose answers are settled beforehand.
struct Played {
    uid: u32,
    /// Who uses the other end.
    program: Mutex<Option<AuditToken>>,
    /// Becomes that while it is looked at.
    becomes: Option<AuditToken>,
    /// The questions that were put.
    asked: Mutex<Vec<String>>,
    /// A question is answered once this has something, or is gone.
    answers: Mutex<Option<mpsc::Receiver<()>>>,
}

impl Played {
    fn of(uid: u32, program: Option<AuditToken>) -> Self {
        let (asked, answers) = (Mutex::default(), Mutex::default());
        Self { uid, program: Mutex::new(program), becomes: None, asked, answers }
    }
}

impl Identify for Played {
    fn credentials(&self, _: &UnixStream) -> io::Result<Peer> {
        Ok(Peer::new(Uid::new(self.uid), Gid::new(20), Some(77)))
    }

    fn program(&self, _: &UnixStream) -> Option<AuditToken> {
        *self.program.lock().unwrap()
    }

    fn meets(&self, program: AuditToken, requirement: &CodeRequirement) -> bool {
        self.asked.lock().unwrap().push(requirement.as_str().to_owned());
        if let Some(answer) = self.answers.lock().unwrap().take() {
            let _gone = answer.recv();
        }
        if let Some(next) = self.becomes {
            *self.program.lock().unwrap() = Some(next);
        }
        program == VIEWER && requirement.as_str().contains("example.viewer")
    }

    fn aside(&self, work: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        std::thread::spawn(work);
        Ok(())
    }
}

fn service() -> Arc<Service> {
    let home = AbsPath::parse("/home/me", None).unwrap();
    let methods = vec!["health", "policy.show"];
    let world = World { home, uid: Uid::new(501), methods, platform: Platform::MacOs };
    let policy = Policy::parse(POLICY, &world).unwrap();
    Service::without_libraries(policy, world, Store::new(None))
}

/// Lets a peer in, and returns its end; what refuses it at once is its answer.
fn connect(played: &Arc<Played>, admission: &Admission) -> Result<UnixStream, Option<Value>> {
    let service = service();
    let system: Arc<dyn Identify> = Arc::<Played>::clone(played);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let arrived = arrive(&service, &system, &theirs, admission)
        .map_err(|error| error.map(|error| serde_json::to_value(&error).unwrap()))?;
    tokio::spawn(async move {
        let (_end, ending) = watch::channel(None);
        serve_arrived(&service, &system, theirs, arrived, Unsent::default(), ending).await;
    });
    Ok(ours)
}

async fn ask(stream: &mut UnixStream, method: &str) -> Option<Value> {
    let request = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {}}).to_string();
    let length = u32::try_from(request.len()).unwrap();
    stream.write_all(&length.to_be_bytes()).await.ok()?;
    stream.write_all(request.as_bytes()).await.ok()?;
    receive(stream).await
}

async fn receive(stream: &mut UnixStream) -> Option<Value> {
    let mut header = [0; 4];
    stream.read_exact(&mut header).await.ok()?;
    let mut payload = vec![0; usize::try_from(u32::from_be_bytes(header)).unwrap()];
    stream.read_exact(&mut payload).await.ok()?;
    serde_json::from_slice(&payload).ok()
}

#[tokio::test]
async fn a_program_that_meets_the_requirement_is_served_by_its_rule() {
    let played = Arc::new(Played::of(501, Some(VIEWER)));
    let mut stream = connect(&played, &Admission::new(2, 2)).unwrap();
    let answer = ask(&mut stream, "policy.show").await.unwrap();
    assert_eq!(answer["result"]["rule"], "viewer", "{answer}");
    assert_eq!(*played.asked.lock().unwrap(), ["identifier \"example.viewer\""]);
}

#[tokio::test]
async fn another_program_of_the_same_uid_is_refused_before_it_is_read() {
    let played = Arc::new(Played::of(501, Some(OTHER)));
    let mut stream = connect(&played, &Admission::new(2, 2)).unwrap();
    let answer = receive(&mut stream).await.unwrap();
    assert_eq!(answer["error"]["data"]["name"], "DENIED", "{answer}");
    assert_eq!(answer["id"], Value::Null);
    assert!(receive(&mut stream).await.is_none(), "then it is closed");
}

#[tokio::test]
async fn whom_no_rule_could_be_for_is_refused_without_a_question() {
    let played = Arc::new(Played::of(502, Some(VIEWER)));
    let refused = connect(&played, &Admission::new(2, 2)).unwrap_err().unwrap();
    assert_eq!(refused["data"]["name"], "DENIED", "{refused}");
    assert!(played.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn whom_the_system_does_not_name_is_nobody() {
    let played = Arc::new(Played::of(501, None));
    let mut stream = connect(&played, &Admission::new(2, 2)).unwrap();
    assert!(receive(&mut stream).await.is_none());
    assert!(played.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_program_that_becomes_another_while_it_is_looked_at_is_refused() {
    let played = Arc::new(Played { becomes: Some(OTHER), ..Played::of(501, Some(VIEWER)) });
    let mut stream = connect(&played, &Admission::new(2, 2)).unwrap();
    let answer = receive(&mut stream).await.unwrap();
    assert!(answer["error"]["message"].as_str().unwrap().contains("another program"), "{answer}");
    assert!(receive(&mut stream).await.is_none());
}

#[tokio::test]
async fn what_another_program_writes_on_a_trusted_ones_socket_is_not_answered() {
    for later in [Some(OTHER), None] {
        let played = Arc::new(Played::of(501, Some(VIEWER)));
        let mut stream = connect(&played, &Admission::new(2, 2)).unwrap();
        assert!(ask(&mut stream, "health").await.unwrap()["result"].is_object());
        *played.program.lock().unwrap() = later;
        let answer = ask(&mut stream, "health").await.unwrap();
        assert_eq!(answer["error"]["data"]["name"], "DENIED", "{answer}");
        assert!(receive(&mut stream).await.is_none(), "then it is closed");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_never_answered_costs_one_place_and_holds_up_nobody() {
    let admission = Admission::new(2, 2);
    let played = Arc::new(Played::of(501, Some(VIEWER)));
    let (answer, answers) = mpsc::channel();
    *played.answers.lock().unwrap() = Some(answers);
    let begun = Instant::now();
    let mut stuck = connect(&played, &admission).unwrap();
    let told = receive(&mut stuck).await.unwrap();
    assert_eq!(told["error"]["data"]["name"], "TIMED_OUT", "{told}");
    assert_eq!(begun.elapsed(), IDENTIFY);
    // Its place is taken while the system still looks, so that nobody can pile up such questions.
    let other = admission.admit(Uid::new(501)).unwrap();
    assert!(admission.admit(Uid::new(501)).is_err(), "of two places");
    drop((answer, other));
}
