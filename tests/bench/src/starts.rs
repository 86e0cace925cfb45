//! From nothing to the first answer, and what memory a daemon has when it rests. The floor of a
//! daemon's start is the same wait for a server that blocks and does nothing but answer; that of
//! the command line with a daemon of its own, two such processes over a socket pair (`bare.rs`).

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use darkslide_tests::process::{PATIENCE, Running};
use darkslide_tests::service::Place;
use darkslide_tests::wire::framed;

use crate::Failed;
use crate::calls::{self, Calls};
use crate::framing::{Framing, Messages};
use crate::programs::{beside, darkslide, timed};
use crate::report::{Row, median};
use crate::wire::{PHOTOS, echo};

/// Between two attempts to connect; both sides wait alike.
const RETRY: Duration = Duration::from_micros(20);
/// Longer than a daemon keeps open what it does not need.
const REST: Duration = Duration::from_secs(4);

const ASKED: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"health","params":{"brief":true}}"#;
const ANSWER: &str = r#"{"service":"x","instance":"0123456789abcdef","version":"0","protocol":1}"#;

/// Starts and memory.
pub(crate) fn measure(rounds: usize, folder: &Path, library: &Path) -> Result<Vec<Row>, Failed> {
    let place = Place::new();
    let _policy = place.write_policy(&Place::policy(library));
    let daemon = beside("darkslided")?;
    let daemon = daemon.to_str().ok_or("a program's path that is no text")?;
    let (program, bare) = (beside("darkslide")?, beside("bare")?);
    let private = ["call", "health", r#"{"brief":true}"#];
    let (mut served, mut blocked) = (Vec::new(), Vec::new());
    let (mut own, mut pair, mut alone) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let mut command = place.command(daemon);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        served.push(first_answer(&place.socket(), || Ok(Running(command.spawn()?)))?);
        let socket = folder.join("start");
        blocked.push(first_answer(&socket, || echo("json", &socket, ANSWER))?);
        own.push(timed(&mut darkslide(&program, library, &private))?);
        pair.push(timed(&mut Command::new(&bare))?);
        alone.push(timed(Command::new(&bare).arg("answer"))?);
    }
    let (own, pair) = (median(own), median(pair));
    let mut rows = vec![
        Row::times(PHOTOS, "start: darkslided / blocking", median(served), median(blocked), "1.6"),
        Row::times(PHOTOS, "start: darkslide --library / two bare", own, pair, "2.2"),
        Row::times(PHOTOS, "start: darkslide --library / one bare", own, median(alone), ""),
    ];
    rows.extend(memory(library)?);
    Ok(rows)
}

/// From the start of a server to its first answer. It ends with this call.
fn first_answer(
    socket: &Path,
    start: impl FnOnce() -> Result<Running, Failed>,
) -> Result<Duration, Failed> {
    // What the one before has left would be taken for this one.
    if socket.exists() {
        fs::remove_file(socket)?;
    }
    let begun = Instant::now();
    let mut server = start()?;
    let mut messages = Messages::new(connected(socket, &mut server)?, Framing::Length);
    messages.write(&framed(ASKED))?;
    let mut answers = 0;
    while answers == 0 {
        answers = messages.read(|_| Ok(()))?.ok_or("the server ended")?;
    }
    Ok(begun.elapsed())
}

/// Connects as soon as somebody listens.
pub(crate) fn connected(socket: &Path, server: &mut Running) -> Result<UnixStream, Failed> {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Ok(stream) = UnixStream::connect(socket) {
            return Ok(stream);
        }
        let Running(child) = server;
        if let Some(status) = child.try_wait()? {
            return Err(format!("a server has ended: {status}").into());
        }
        if Instant::now() > until {
            return Err("a server does not listen".into());
        }
        sleep(RETRY);
    }
}

/// What a daemon has in memory that nobody asks anything.
fn memory(library: &Path) -> Result<Vec<Row>, Failed> {
    let mut calls = Calls::start(&beside("darkslided")?, library)?;
    let first = calls.resident();
    sleep(REST);
    let mut rows = vec![
        Row::memory(PHOTOS, "resident after the first answer", first, "6 MB"),
        Row::memory(PHOTOS, "resident at rest", calls.resident(), "6 MB"),
    ];
    calls.check("asset.query", &calls::newest())?;
    calls.export()?;
    let worked = calls.resident();
    sleep(REST);
    rows.push(Row::memory(PHOTOS, "resident after a query and an export", worked, "9 MB"));
    rows.push(Row::memory(PHOTOS, "the same at rest", calls.resident(), "9 MB"));
    Ok(rows)
}
