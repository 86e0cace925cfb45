//! The small call of `bench wire` by frameworks that people would take: tarpc (JSON, a Unix socket)
//! and axum (HTTP on a Unix socket), each with a runtime of one thread, as the daemon has.
//!
//! usage: `beside http|tarpc SOCKET RESULT` serves the same RESULT to every request, until it is
//! killed; `beside tarpc-client SOCKET` reads lines `AT_ONCE CALLS` and answers each with the
//! nanoseconds that the calls took. It trusts its arguments: the bench starts it, and nobody else.

#![forbid(unsafe_code)]

use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::post;
use futures::{StreamExt, future};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Json;
use tarpc::{client, context, serde_transport};
use tokio::net::UnixListener;

type Failed = Box<dyn Error + Send + Sync>;

/// What `health` with `brief` answers, as a typed client reads it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Health {
    service: String,
    instance: String,
    version: String,
    protocol: u32,
}

#[tarpc::service]
trait Daemon {
    async fn health(brief: bool) -> Health;
}

#[derive(Clone)]
struct Fixed(Health);

impl Daemon for Fixed {
    async fn health(self, _: context::Context, _brief: bool) -> Health {
        self.0
    }
}

fn main() -> Result<(), Failed> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match words.as_slice() {
        ["http", socket, result] => runtime.block_on(serve_http(socket, result)),
        ["tarpc", socket, result] => runtime.block_on(serve_tarpc(socket, result)),
        ["tarpc-client", socket] => call_tarpc(&runtime, socket),
        _ => Err("usage: beside http|tarpc SOCKET RESULT, or beside tarpc-client SOCKET".into()),
    }
}

/// A request, as far as a server has to read it.
#[derive(Debug, Deserialize)]
struct Request<'a> {
    id: u64,
    #[serde(borrow)]
    method: &'a str,
    #[serde(borrow)]
    params: &'a RawValue,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    jsonrpc: &'a str,
    id: u64,
    result: &'a Health,
}

async fn serve_http(socket: &str, result: &str) -> Result<(), Failed> {
    let health: Health = serde_json::from_str(result)?;
    let routes = Router::new().route("/rpc", post(answer)).with_state(health);
    Ok(axum::serve(UnixListener::bind(socket)?, routes).await?)
}

async fn answer(State(health): State<Health>, body: axum::body::Bytes) -> impl IntoResponse {
    let request: Request<'_> = serde_json::from_slice(&body).expect("the bench sends JSON");
    assert!(request.method == "health" && !request.params.get().is_empty());
    let answer = Answer { jsonrpc: "2.0", id: request.id, result: &health };
    ([(CONTENT_TYPE, "application/json")], serde_json::to_vec(&answer).expect("plain data"))
}

async fn serve_tarpc(socket: &str, result: &str) -> Result<(), Failed> {
    let health: Health = serde_json::from_str(result)?;
    let mut listener = serde_transport::unix::listen(socket, Json::default).await?;
    while let Some(transport) = listener.next().await {
        let requests =
            BaseChannel::with_defaults(transport?).execute(Fixed(health.clone()).serve());
        tokio::spawn(requests.for_each(|answering| async {
            tokio::spawn(answering);
        }));
    }
    Ok(())
}

fn call_tarpc(runtime: &tokio::runtime::Runtime, socket: &str) -> Result<(), Failed> {
    let client = runtime.block_on(async {
        let transport = serde_transport::unix::connect(socket, Json::default).await?;
        Ok::<_, Failed>(DaemonClient::new(client::Config::default(), transport).spawn())
    })?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (at_once, calls) = line.split_once(' ').ok_or("AT_ONCE CALLS")?;
        let (at_once, calls) = (at_once.parse::<u64>()?, calls.parse::<u64>()?);
        let begun = Instant::now();
        runtime.block_on(future::try_join_all((0..at_once).map(|_| {
            let client = client.clone();
            async move {
                for _ in 0..calls / at_once {
                    client.health(context::current(), true).await?;
                }
                Ok::<_, client::RpcError>(())
            }
        })))?;
        writeln!(out, "{}", begun.elapsed().as_nanos())?;
        out.flush()?;
    }
    Ok(())
}
