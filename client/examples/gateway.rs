//! A gateway for programs and pages that speak HTTP: an album to a folder, and its progress as
//! server-sent events. A process of its own, because the daemon has no network; on loopback only.
//! usage: `gateway [--port N | --socket PATH] [--origin ORIGIN]... [--keep-alive SECONDS]`
//!
//! It prints where it listens, and what requests bring as their `Authorization` (`Bearer TOKEN`).
//! The hazard: whatever runs on this machine, web pages among it, can reach loopback and would
//! inherit what this program is granted; so it looks at the token, and at `Host` and `Origin`.

#![forbid(unsafe_code)]
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "listens on loopback")]
#![expect(clippy::print_stdout, reason = "says where it listens")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode as Status, Uri, header};
use axum::response::{IntoResponse, Response, Sse, sse};
use axum::{Json, Router, body::Bytes, middleware, routing};
use darkslide_client::{Client, Error, Subscription, params::*};
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc};
use tokio::time::{Instant, interval_at};

/// The daemon's answer to all but an extraction, which lasts as long as its export.
const PATIENCE: Duration = Duration::from_secs(5);
/// From when a page asks for a ticket until it opens the stream.
const TICKET_LIFE: Duration = Duration::from_secs(60);
/// Tickets and ended ids that are remembered, some hundred bytes each; the oldest goes.
const MAX_REMEMBERED: usize = 1000;

struct Gateway {
    client: Client,
    token: String,
    hosts: Vec<HeaderValue>,
    origins: Vec<HeaderValue>,
    keep_alive: Duration,
    /// Extractions that failed: those without a job tell it nowhere else.
    failures: broadcast::Sender<(String, Value)>,
    /// A query, the id whose stream it opens once, and until when; spent, it is kept without that,
    /// because an `EventSource` comes back with it after the end.
    tickets: Mutex<VecDeque<(String, String, Option<Instant>)>>,
    /// Ids whose end was told, with the number of the event that told it.
    ended: Mutex<VecDeque<(String, u64)>>,
}

type Shared = State<Arc<Gateway>>;
/// A status, and `{"detail": …}`.
type Refused = (Status, Json<Value>);
type Answer = Result<Response, Refused>;
type Failures = broadcast::Receiver<(String, Value)>;
type Sender = mpsc::Sender<sse::Event>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (mut port, mut socket, mut origins, mut seconds) = (0_u16, None, Vec::new(), 30.0);
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--port" => port = value.parse()?,
            "--socket" => socket = Some(value),
            "--origin" => origins.push(HeaderValue::try_from(value)?),
            "--keep-alive" => seconds = value.parse()?,
            other => return Err(format!("unknown argument {other}").into()),
        }
    }
    let mut gateway = Gateway {
        client: Client::builder().call_timeout(PATIENCE).connect().await?,
        token: format!("Bearer {}", random_token()?),
        hosts: vec![HeaderValue::from_static("localhost")],
        origins,
        keep_alive: Duration::try_from_secs_f64(seconds)?.max(Duration::from_millis(1)),
        failures: broadcast::Sender::new(MAX_REMEMBERED),
        tickets: Mutex::default(),
        ended: Mutex::default(),
    };
    if let Some(path) = socket {
        let listener = tokio::net::UnixListener::bind(&path)?;
        println!("{path} {}", gateway.token);
        return Ok(axum::serve(listener, router(gateway)).await?);
    }
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let address = listener.local_addr()?;
    let names = [address.to_string(), format!("localhost:{}", address.port())];
    gateway.hosts = names.into_iter().map(HeaderValue::try_from).collect::<Result<_, _>>()?;
    println!("{address} {}", gateway.token);
    Ok(axum::serve(listener, router(gateway)).await?)
}

fn router(gateway: Gateway) -> Router {
    let gateway = Arc::new(gateway);
    Router::new()
        .route("/health", routing::get(health))
        .route("/photos/extract", routing::post(extract))
        .route("/agent/stream/{request_id}", routing::get(stream))
        .route("/agent/stream/{request_id}/ticket", routing::post(ticket))
        .fallback(|| async { refused(Status::NOT_FOUND, "there is nothing here") })
        .method_not_allowed_fallback(|| async { refused(Status::METHOD_NOT_ALLOWED, "not so") })
        .layer(middleware::from_fn_with_state(Arc::clone(&gateway), guard))
        .with_state(gateway)
}

/// Lets through who names us as we are called, from no page or from one of the allow-list (a page
/// whose name was made to lead here names another host); and who writes, with the token.
async fn guard(State(gateway): Shared, request: Request, next: middleware::Next) -> Answer {
    let headers = request.headers();
    let knows = |name, ours: &[_]| headers.get_all(name).iter().all(|given| ours.contains(given));
    let is_named = headers.contains_key(header::HOST) && knows(header::HOST, &gateway.hosts);
    if !is_named || !knows(header::ORIGIN, &gateway.origins) {
        return Err(refused(Status::FORBIDDEN, "another host or origin"));
    }
    let origin = headers.get(header::ORIGIN).cloned();
    let mut answer = if request.method() == Method::OPTIONS {
        let methods = (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST");
        let headers = "authorization, content-type, last-event-id";
        let headers = (header::ACCESS_CONTROL_ALLOW_HEADERS, headers);
        (Status::NO_CONTENT, [methods, headers]).into_response()
    } else if request.method() == Method::POST && !gateway.knows(request.headers()) {
        refused(Status::UNAUTHORIZED, "no token of ours").into_response()
    } else {
        next.run(request).await
    };
    if let Some(origin) = origin {
        answer.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        answer.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    Ok(answer)
}

async fn health(State(gateway): Shared) -> Answer {
    let brief = HealthParams { client: None, brief: true };
    Ok(Json(gateway.client.health(&brief).await.map_err(failed)?).into_response())
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    album: String,
    export_path: DestinationText,
    request_id: Option<String>,
}

/// Who goes away before the answer cancels the export.
async fn extract(State(gateway): Shared, uri: Uri, body: Bytes) -> Answer {
    let asked: Result<Asked, _> = if body.is_empty() {
        Query::try_from_uri(&uri).map(|Query(asked)| asked).map_err(|error| error.body_text())
    } else {
        serde_json::from_slice(&body).map_err(|error| error.to_string())
    };
    let asked = asked.map_err(|why| refused(Status::BAD_REQUEST, &why))?;
    let mut params = ExtractParams::of(asked.album, asked.export_path);
    params.key = asked.request_id;
    lock(&gateway.ended).retain(|(ended, _)| params.key.as_ref() != Some(ended));
    let answer = gateway.client.extract(&params).await.map_err(failed);
    if let (Err((_, Json(detail))), Some(id)) = (&answer, params.key) {
        let _nobody_may_listen = gateway.failures.send((id, detail.clone()));
    }
    Ok(Json(answer?).into_response())
}

async fn ticket(State(gateway): Shared, Path(id): Path<String>) -> Answer {
    let secret = random_token().map_err(|_| refused(Status::INTERNAL_SERVER_ERROR, "no luck"))?;
    let until = Instant::now() + TICKET_LIFE;
    remember(&gateway.tickets, (format!("ticket={secret}"), id, Some(until)));
    Ok(Json(json!({ "ticket": secret, "expires_in": TICKET_LIFE.as_secs() })).into_response())
}

async fn stream(State(gateway): Shared, Path(id): Path<String>, request: Request) -> Answer {
    let by_ticket = request.uri().query().and_then(|query| gateway.spend(&id, query));
    let may_listen = by_ticket == Some(true) || gateway.knows(request.headers());
    let last = request.headers().get("last-event-id").and_then(|last| last.to_str().ok());
    let since = last.and_then(|last| last.parse().ok());
    let is_told = |end: &(String, u64)| end.0 == id && since.is_none_or(|since| since >= end.1);
    if (may_listen || by_ticket.is_some()) && lock(&gateway.ended).iter().any(is_told) {
        return Ok(Status::NO_CONTENT.into_response());
    }
    if !may_listen {
        return Err(refused(Status::UNAUTHORIZED, "no token, and no ticket that is unused"));
    }
    let failures = gateway.failures.subscribe();
    let listen = EventSubscribeParams { topics: vec![Topic::Key(id.clone())], since };
    let events = gateway.client.subscribe(&listen).await.map_err(failed)?;
    let (sender, receiver) = mpsc::channel(1);
    let _first_byte_takes_the_head_along = sender.try_send(sse::Event::default().comment("open"));
    drop(tokio::spawn(async move { gateway.tell(&id, events, failures, sender).await }));
    Ok(Sse::new(Told(receiver)).into_response())
}

impl Gateway {
    /// Tells what happens, to the end or until nobody reads it.
    async fn tell(&self, id: &str, mut events: Subscription, mut failures: Failures, to: Sender) {
        let mut quiet = interval_at(Instant::now() + self.keep_alive, self.keep_alive);
        let (mut has_job, mut is_end) = (false, false);
        while !is_end {
            let (name, seq, data) = tokio::select! {
                biased;
                () = to.closed() => return,
                event = events.next() => match event {
                    Ok(Some(event)) => described(&event),
                    Ok(None) => return,
                    Err(error) => ("error", None, failed(error).1.0),
                },
                failed = failures.recv(), if !has_job => match failed {
                    Ok((failed, detail)) if failed == id => ("error", Some(0), detail),
                    _ => continue,
                },
                _ = quiet.tick() => ("keepalive", None, json!({})),
            };
            has_job |= seq.is_some();
            is_end = matches!(name, "result" | "error");
            if let Some(seq) = seq.filter(|_| is_end) {
                // Before it is sent: who has read it may be here again at once.
                remember(&self.ended, (id.to_owned(), seq));
            }
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            let told = json!({ "event_type": name, "data": data, "timestamp": now.as_secs_f64() });
            let event = sse::Event::default().event(name).data(told.to_string());
            let event = seq.into_iter().fold(event, |event, seq| event.id(seq.to_string()));
            let _gone = to.send(event).await;
            quiet.reset();
        }
    }

    fn knows(&self, headers: &HeaderMap) -> bool {
        let given = headers.get(header::AUTHORIZATION);
        given.is_some_and(|given| is_same(given, &self.token))
    }

    /// Uses a ticket up: was it good? `None` if there never was one.
    fn spend(&self, id: &str, ticket: &str) -> Option<bool> {
        let mut tickets = lock(&self.tickets);
        let ticket = tickets.iter_mut().find(|kept| is_same(&kept.0, ticket) && kept.1 == id)?;
        Some(ticket.2.take().is_some_and(|until| Instant::now() <= until))
    }
}

fn described(Event { kind, seq, data, .. }: &Event) -> (&'static str, Option<u64>, Value) {
    let name = match kind {
        EventKind::Queued | EventKind::Started => "thinking",
        EventKind::Finished => "result",
        EventKind::Failed | EventKind::Cancelled => "error",
        _ => "tool_call",
    };
    let (job, item, warning) = (&data.job, &data.item, &data.warning);
    (name, Some(*seq), json!({ "kind": kind, "job": job, "item": item, "warning": warning }))
}

struct Told(mpsc::Receiver<sse::Event>);

impl futures_core::Stream for Told {
    type Item = Result<sse::Event, std::convert::Infallible>;
    fn poll_next(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().0.poll_recv(cx).map(|event| event.map(Ok))
    }
}

fn refused(status: Status, why: &str) -> Refused {
    (status, Json(json!({ "detail": why })))
}

fn failed(error: Error) -> Refused {
    let status = match (error.wire().map(|wire| wire.data.name), error.class()) {
        (Some(ErrorName::NotFound), _) => Status::NOT_FOUND,
        (Some(ErrorName::Conflict), _) => Status::CONFLICT,
        (Some(ErrorName::Limit | ErrorName::Busy), _) => Status::TOO_MANY_REQUESTS,
        (_, Class::Caller) => Status::BAD_REQUEST,
        (_, Class::Policy) => Status::FORBIDDEN,
        (_, Class::Environment) => Status::FAILED_DEPENDENCY,
        (_, Class::Transient) => Status::SERVICE_UNAVAILABLE,
        (_, Class::Bug) => Status::INTERNAL_SERVER_ERROR,
    };
    refused(status, &format!("{error}; {}", error.hint()))
}

/// Takes as long wherever they differ, so that nobody can guess a secret piece by piece.
fn is_same(left: impl AsRef<[u8]>, right: impl AsRef<[u8]>) -> bool {
    let (left, right) = (left.as_ref(), right.as_ref());
    let differing = left.iter().zip(right).fold(0, |all, (l, r)| all | (l ^ r));
    left.len() == right.len() && std::hint::black_box(differing) == 0
}

/// 128 bits that no other program guesses.
fn random_token() -> Result<String, std::io::Error> {
    let mut bytes = [0; 16];
    std::io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn remember<T>(kept: &Mutex<VecDeque<T>>, new: T) {
    let mut kept = lock(kept);
    kept.push_front(new);
    kept.truncate(MAX_REMEMBERED);
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
