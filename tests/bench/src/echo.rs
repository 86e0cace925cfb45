//! The floors of the wire: a server that blocks, serves one connection after the other, and answers
//! every request with the same result, which it is told on its command line. `bytes` looks at no
//! byte of a request; `json` reads it and writes the answer with `serde_json`, both as types of
//! its own; `http` does the same over HTTP/1.1. No library, no policy, no runtime, not confined.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, reason = "a measuring program: listens")]

mod framing;

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};

use framing::{Framing, Messages};
use serde::{Deserialize, Serialize};

/// A request, as a typed server reads it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request<'a> {
    jsonrpc: &'a str,
    id: u64,
    method: &'a str,
    params: Params,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Params {
    brief: bool,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    jsonrpc: &'a str,
    id: u64,
    result: &'a Health,
}

/// What `health` answers when it is asked to be brief.
#[derive(Debug, Serialize, Deserialize)]
struct Health {
    service: String,
    instance: String,
    version: String,
    protocol: u32,
}

/// What is done with a request.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Bytes,
    Json(Framing),
}

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, socket, result] = words.as_slice() else {
        return Err(io::Error::other("usage: echo bytes|json|http SOCKET RESULT"));
    };
    let kind = match kind.as_str() {
        "bytes" => Kind::Bytes,
        "json" => Kind::Json(Framing::Length),
        "http" => Kind::Json(Framing::Http("HTTP/1.1 200 OK")),
        other => return Err(io::Error::other(format!("no kind of echo: {other}"))),
    };
    let health: Health = serde_json::from_str(result)?;
    for stream in UnixListener::bind(socket)?.incoming() {
        serve(stream?, kind, &health)?;
    }
    Ok(())
}

fn serve(stream: UnixStream, kind: Kind, health: &Health) -> io::Result<()> {
    let mut out = Vec::new();
    let framing = match kind {
        Kind::Bytes => Framing::Length,
        Kind::Json(framing) => framing,
    };
    let fixed = serde_json::to_vec(&Answer { jsonrpc: "2.0", id: 1, result: health })?;
    let mut messages = Messages::new(stream, framing);
    loop {
        let read = messages.read(|request| match kind {
            Kind::Bytes => framing.wrap(&fixed, &mut out),
            Kind::Json(_) => framing.wrap(&answer(request, health)?, &mut out),
        })?;
        if read.is_none() {
            return Ok(());
        }
        messages.write(&out)?;
        out.clear();
    }
}

fn answer(request: &[u8], health: &Health) -> io::Result<Vec<u8>> {
    let request: Request<'_> = serde_json::from_slice(request)?;
    if (request.jsonrpc, request.method, request.params.brief) != ("2.0", "health", true) {
        return Err(io::Error::other("another question"));
    }
    Ok(serde_json::to_vec(&Answer { jsonrpc: "2.0", id: request.id, result: health })?)
}
