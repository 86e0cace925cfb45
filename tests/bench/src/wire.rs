//! `bench wire`: what a small request costs, `health` with `brief`, against servers that block and
//! answer the same bytes (`echo.rs`) and beside frameworks (`frameworks.rs`); then what a start
//! costs (`starts.rs`). All that is started is pinned to one core with us, for between two cores
//! nothing but the wake-up of the other would be measured. Sides take turns, and medians of rounds
//! are compared.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use darkslide_client::Client;
use darkslide_client::protocol::message::health::HealthParams;
use darkslide_fixture::{ManyOptions, Model, many};
use darkslide_tests::process::Running;
use darkslide_tests::service::Place;
use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use crate::Failed;
use crate::calls::Calls;
use crate::frameworks::{self, Tarpc};
use crate::framing::{Framing, Messages};
use crate::programs::beside;
use crate::report::{self, Row, median};
use crate::starts;

/// Calls one after the other that a side makes in its turn.
const CALLS: u64 = 2_000;
/// Calls that a side makes in its turn with [`IN_FLIGHT`] of them under way.
const CALLS_AT_ONCE: u64 = 16_000;
/// As many as a connection to the daemon may have.
const IN_FLIGHT: u64 = 64;
/// Photos of the library: its size is not what is measured.
pub(crate) const PHOTOS: usize = 100;

/// How HTTP would ask.
const HTTP: Framing = Framing::Http("POST /rpc HTTP/1.1\r\nhost: localhost");

/// Measures everything and prints one table.
pub(crate) fn all(words: &[&str]) -> Result<(), Failed> {
    let rounds = match words {
        [] => 21,
        ["--rounds", rounds] => rounds.parse::<usize>()?.max(1),
        _ => return Err("wire takes --rounds N and nothing else".into()),
    };
    report::machine();
    let core = pin()?;
    println!("rounds: {rounds}; all pinned to core {core}");
    let place = Place::new();
    let library = place.path().join("wire.photoslibrary");
    many(&library, Model::Photos11, PHOTOS, ManyOptions::default())?;
    let mut rows = calls(rounds, place.path(), &library)?;
    rows.extend(starts::measure(rounds, place.path(), &library)?);
    report::print(&rows);
    Ok(())
}

/// Keeps this process, and all that it starts, on the last core that it may use.
#[cfg(target_os = "linux")]
fn pin() -> Result<usize, Failed> {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
    let allowed = sched_getaffinity(None)?;
    let last = (0..CpuSet::MAX_CPU).rev().find(|core| allowed.is_set(*core));
    let core = last.ok_or("no core that may be used")?;
    let mut one = CpuSet::new();
    one.set(core);
    sched_setaffinity(None, &one)?;
    Ok(core)
}

#[cfg(not(target_os = "linux"))]
fn pin() -> Result<usize, Failed> {
    Err("processes cannot be pinned to a core here".into())
}

/// Round trips and throughput.
fn calls(rounds: usize, folder: &Path, library: &Path) -> Result<Vec<Row>, Failed> {
    let mut daemon = Calls::start(&beside("darkslided")?, library)?;
    // Without a line in the log for each request, which is the dearest part of one.
    let quiet = Calls::start_with(&beside("darkslided")?, library, &["--log", "warn"])?;
    let result = daemon.check("health", &json!({"brief": true}))?.to_string();
    let raw = |socket: &Path| {
        let stream = UnixStream::connect(socket)?;
        Ok::<_, Failed>(Caller::Blocking(Side::over(stream, Framing::Length, true)))
    };
    let mut callers = vec![
        ("bytes", Caller::Blocking(Side::echo("bytes", Framing::Length, folder, &result)?)),
        ("json", Caller::Blocking(Side::echo("json", Framing::Length, folder, &result)?)),
        ("http", Caller::Blocking(Side::echo("http", HTTP, folder, &result)?)),
        ("raw", raw(daemon.socket())?),
        ("quiet", raw(quiet.socket())?),
        ("typed", Caller::Typed(Typed::connect(daemon.socket())?)),
    ];
    if let Some(program) = frameworks::program() {
        let socket = folder.join("axum");
        let server = frameworks::serve(&program, "http", &socket, &result)?;
        let side = Side::over(UnixStream::connect(&socket)?, HTTP, true);
        callers.push(("axum", Caller::Blocking(Side { _server: Some(server), ..side })));
        let tarpc = Tarpc::start(&program, &folder.join("tarpc"), &result)?;
        callers.push(("tarpc", Caller::Tarpc(tarpc)));
    }
    let mut times = vec![(Vec::new(), Vec::new()); callers.len()];
    for _ in 0..rounds {
        for ((_, caller), (one, many)) in callers.iter_mut().zip(&mut times) {
            one.push(caller.timed(1, CALLS)?);
            many.push(caller.timed(IN_FLIGHT, CALLS_AT_ONCE)?);
        }
    }
    let medians = callers
        .iter()
        .zip(times)
        .map(|((name, _), (one, many))| (*name, (median(one), median(many))));
    rows(&medians.collect())
}

/// What a call took of each side, alone and among many.
type Medians = BTreeMap<&'static str, (Duration, Duration)>;

fn rows(medians: &Medians) -> Result<Vec<Row>, Failed> {
    let one = |name| medians.get(name).map(|times| times.0).ok_or("a side was not measured");
    let many = |name| medians.get(name).map(|times| times.1).ok_or("a side was not measured");
    let (json, bytes, json_many) = (one("json")?, one("bytes")?, many("json")?);
    let mut rows = vec![
        Row::times(PHOTOS, "call: daemon / serde_json", one("raw")?, json, "1.6"),
        Row::times(PHOTOS, "call: daemon with --log warn / serde_json", one("quiet")?, json, ""),
        Row::times(PHOTOS, "call: typed client and daemon / bytes", one("typed")?, bytes, "2.8"),
        Row::times(PHOTOS, "call: serde_json / bytes", json, bytes, ""),
        Row::times(PHOTOS, "call: HTTP / serde_json", one("http")?, json, ""),
    ];
    let frameworks = medians.contains_key("tarpc");
    if frameworks {
        rows.extend([
            Row::times(PHOTOS, "call: axum / serde_json", one("axum")?, json, ""),
            Row::times(PHOTOS, "call: tarpc, client and server / bytes", one("tarpc")?, bytes, ""),
        ]);
    }
    let least = "at least 0.6";
    rows.extend([
        throughput("64 in flight: daemon / serde_json", many("raw")?, json_many, least),
        throughput("64: daemon with --log warn / serde_json", many("quiet")?, json_many, ""),
        throughput("64: typed client and daemon / serde_json", many("typed")?, json_many, ""),
        throughput("64: HTTP / serde_json", many("http")?, json_many, ""),
    ]);
    if frameworks {
        rows.extend([
            throughput("64: axum / serde_json", many("axum")?, json_many, ""),
            throughput("64: tarpc, client and server / serde_json", many("tarpc")?, json_many, ""),
        ]);
    }
    Ok(rows)
}

/// Whoever makes the calls.
#[derive(Debug)]
enum Caller {
    Blocking(Side),
    Typed(Typed),
    Tarpc(Tarpc),
}

impl Caller {
    /// Makes calls, so many at once, and returns what one took.
    fn timed(&mut self, at_once: u64, calls: u64) -> Result<Duration, Failed> {
        match self {
            Self::Blocking(side) => side.timed(at_once, calls),
            Self::Typed(typed) => typed.timed(at_once, calls),
            Self::Tarpc(tarpc) => tarpc.timed(at_once, calls),
        }
    }
}

/// Compares calls in a second, which is the other way round than their times.
fn throughput(what: &str, ours: Duration, floor: Duration, target: &'static str) -> Row {
    let shown = |time: Duration| format!("{:.0} k/s", 1e-3 / time.as_secs_f64());
    let ratio = Some(floor.as_secs_f64() / ours.as_secs_f64());
    let (what, ours, floor) = (what.to_owned(), shown(ours), shown(floor));
    Row { assets: PHOTOS, what, ours, floor, ratio, target }
}

/// A request, as a typed client writes it.
#[derive(Debug, Serialize)]
struct Request<'a> {
    jsonrpc: &'a str,
    id: u64,
    method: &'a str,
    params: Params,
}

#[derive(Debug, Serialize)]
struct Params {
    brief: bool,
}

/// An answer, as far as everybody has to read it.
#[derive(Debug, Deserialize)]
struct Answer<'a> {
    id: u64,
    #[serde(borrow)]
    result: &'a RawValue,
}

fn request(id: u64) -> io::Result<Vec<u8>> {
    let params = Params { brief: true };
    Ok(serde_json::to_vec(&Request { jsonrpc: "2.0", id, method: "health", params })?)
}

/// A connection of the client that blocks, the same for all servers.
#[derive(Debug)]
struct Side {
    messages: Messages,
    framing: Framing,
    /// Whether requests are written and answers read as JSON, or neither.
    is_json: bool,
    // Ended with this value.
    _server: Option<Running>,
}

impl Side {
    fn over(stream: UnixStream, framing: Framing, is_json: bool) -> Self {
        Self { messages: Messages::new(stream, framing), framing, is_json, _server: None }
    }

    /// Starts a server that blocks.
    fn echo(kind: &str, framing: Framing, folder: &Path, result: &str) -> Result<Self, Failed> {
        let socket = folder.join(kind);
        let mut server = echo(kind, &socket, result)?;
        let stream = starts::connected(&socket, &mut server)?;
        Ok(Self { _server: Some(server), ..Self::over(stream, framing, kind != "bytes") })
    }

    /// Makes calls, so many at once, and returns what one took.
    fn timed(&mut self, at_once: u64, calls: u64) -> Result<Duration, Failed> {
        let (is_json, framing) = (self.is_json, self.framing);
        let fixed = request(1)?;
        let ask = |id: u64, out: &mut Vec<u8>| match is_json {
            true => framing.wrap(&request(id)?, out),
            false => framing.wrap(&fixed, out),
        };
        let (mut asked, mut answered, mut sum) = (0, 0, 0);
        let mut out = Vec::new();
        let begun = Instant::now();
        while answered < calls {
            while asked < calls && asked - answered < at_once {
                asked += 1;
                ask(asked, &mut out)?;
            }
            if !out.is_empty() {
                self.messages.write(&out)?;
                out.clear();
            }
            let read = self.messages.read(|payload| {
                if is_json {
                    let answer: Answer<'_> = serde_json::from_slice(payload)?;
                    sum += answer.id * u64::from(!answer.result.get().is_empty());
                }
                Ok(())
            })?;
            answered += u64::try_from(read.ok_or("the server ended")?)?;
        }
        let time = begun.elapsed();
        if is_json && sum != calls * (calls + 1) / 2 {
            return Err("not every request was answered once".into());
        }
        Ok(time / u32::try_from(calls)?)
    }
}

/// Starts a server of `echo.rs`.
pub(crate) fn echo(kind: &str, socket: &Path, result: &str) -> Result<Running, Failed> {
    let mut command = Command::new(beside("echo")?);
    command.arg(kind).arg(socket).arg(result).env_clear();
    Ok(Running(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?))
}

/// The typed client, and a runtime of one thread for it.
#[derive(Debug)]
struct Typed {
    runtime: tokio::runtime::Runtime,
    client: Client,
}

impl Typed {
    fn connect(socket: &Path) -> Result<Self, Failed> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = runtime.block_on(Client::builder().socket(socket).connect())?;
        Ok(Self { runtime, client })
    }

    /// Makes calls, so many at once, and returns what one took.
    fn timed(&mut self, at_once: u64, calls: u64) -> Result<Duration, Failed> {
        let params = HealthParams { client: None, brief: true };
        let each = calls / at_once;
        let begun = Instant::now();
        self.runtime.block_on(async {
            let callers: Vec<_> = (1..at_once)
                .map(|_| tokio::spawn(repeat(self.client.clone(), params.clone(), each)))
                .collect();
            repeat(self.client.clone(), params.clone(), each).await?;
            for caller in callers {
                caller.await??;
            }
            Ok::<_, Failed>(())
        })?;
        Ok(begun.elapsed() / u32::try_from(each * at_once)?)
    }
}

async fn repeat(
    client: Client,
    params: HealthParams,
    calls: u64,
) -> Result<(), darkslide_client::Error> {
    for _ in 0..calls {
        client.health(&params).await?;
    }
    Ok(())
}
