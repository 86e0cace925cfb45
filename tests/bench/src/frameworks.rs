//! The same small call by frameworks that people would take, from the package `beside`: a workspace
//! of its own, for what it brings is refused in ours. Where it is not built, it is not measured,
//! and the bench says how to build it.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use darkslide_tests::process::Running;

use crate::Failed;
use crate::starts;

/// Names the program where it was built elsewhere.
const VARIABLE: &str = "DARKSLIDE_BENCH_BESIDE";

/// The program, if somebody built it.
pub(crate) fn program() -> Option<PathBuf> {
    let built = || Path::new(env!("CARGO_MANIFEST_DIR")).join("beside/target/release/beside");
    let named = std::env::var_os(VARIABLE).map_or_else(built, PathBuf::from);
    if named.exists() {
        return Some(named);
    }
    let package = "tests/bench/beside/Cargo.toml";
    println!("tarpc and axum are not measured: cargo build --release --manifest-path {package}");
    None
}

/// Starts a server of a framework, and waits until it listens.
pub(crate) fn serve(
    program: &Path,
    kind: &str,
    socket: &Path,
    result: &str,
) -> Result<Running, Failed> {
    let mut command = Command::new(program);
    command.arg(kind).arg(socket).arg(result).env_clear();
    let mut server = Running(command.stdin(Stdio::null()).stdout(Stdio::null()).spawn()?);
    drop(starts::connected(socket, &mut server)?);
    Ok(server)
}

/// tarpc's own client, which measures itself when it is told to.
#[derive(Debug)]
pub(crate) struct Tarpc {
    orders: ChildStdin,
    times: BufReader<ChildStdout>,
    // Ended with this value.
    _client: Running,
    _server: Running,
}

impl Tarpc {
    /// Starts server and client.
    pub(crate) fn start(program: &Path, socket: &Path, result: &str) -> Result<Self, Failed> {
        let server = serve(program, "tarpc", socket, result)?;
        let mut command = Command::new(program);
        command.arg("tarpc-client").arg(socket).env_clear();
        let mut client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let pipes = client.stdin.take().zip(client.stdout.take()).ok_or("no pipes")?;
        let (orders, times) = (pipes.0, BufReader::new(pipes.1));
        Ok(Self { orders, times, _client: Running(client), _server: server })
    }

    /// Makes calls, so many at once, and returns what one took.
    pub(crate) fn timed(&mut self, at_once: u64, calls: u64) -> Result<Duration, Failed> {
        writeln!(self.orders, "{at_once} {calls}")?;
        let mut line = String::new();
        self.times.read_line(&mut line)?;
        let nanoseconds = line.trim().parse::<u64>().map_err(|_| "tarpc's client ended")?;
        Ok(Duration::from_nanos(nanoseconds / calls))
    }
}
