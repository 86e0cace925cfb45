//! One child process: started, its stderr drained, signalled, reaped. The only place that starts
//! one.
//!
//! A thread of its own starts it, waits for it, and reaps it under the lock that signals take, so
//! that no signal ever reaches a stranger who has got its number; another drains its stderr,
//! whatever the runtime does. The hazards: a child that fills a pipe that nobody reads; a
//! grandchild that keeps the pipe open for ever; a parent that goes away in between.

#![expect(
    clippy::disallowed_methods,
    reason = "owns the child: its threads start it, drain it, and wait for its end"
)]

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, waitid,
};
use tokio::sync::{oneshot, watch};

use super::tail::Tail;

/// What is read of stderr at once.
const READ_BYTES: usize = 16 * 1024;

/// What is still read once the child is gone: the most that a pipe holds without privileges. More
/// can only come from a grandchild.
const MAX_REST_BYTES: usize = 1024 * 1024;

/// From SIGKILL to the end, however busy the machine: longer takes only what hangs in the kernel.
const REAPED_WITHIN: Duration = Duration::from_secs(10);

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    /// As the kernel told it; nothing where somebody else has reaped it, or nobody can yet.
    pub status: Option<ExitStatus>,
}

impl From<ExitStatus> for End {
    fn from(status: ExitStatus) -> Self {
        Self { status: Some(status) }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.status.map(|status| (status.signal(), status.code())) {
            Some((Some(signal), _)) => match signal_name(signal) {
                Some(name) => write!(f, "killed by {name}"),
                None => write!(f, "killed by signal {signal}"),
            },
            Some((None, Some(code))) => write!(f, "exit status {code}"),
            Some((None, None)) | None => f.write_str("in an unknown way"),
        }
    }
}

fn signal_name(signal: i32) -> Option<&'static str> {
    const SIGSYS: i32 = if cfg!(target_os = "macos") { 12 } else { 31 };
    match signal {
        SIGSYS => Some("SIGSYS (a forbidden system call)"),
        6 => Some("SIGABRT"),
        9 => Some("SIGKILL"),
        11 => Some("SIGSEGV"),
        15 => Some("SIGTERM"),
        _ => None,
    }
}

/// What is written for the child to read before it serves.
pub(super) type Note = (PipeWriter, Vec<u8>);

/// A child that runs, or is about to be reaped. Dropped, it is killed.
#[derive(Debug)]
pub(super) struct Process {
    leash: Arc<Leash>,
    /// Our end of its socket; whoever has a copy of it sees it close, too.
    socket: Option<UnixStream>,
    stdin: Option<ChildStdin>,
    ended: watch::Receiver<Option<End>>,
}

/// What signals go through. The child is in it until it is reaped.
#[derive(Debug)]
struct Leash {
    pid: Pid,
    child: Mutex<Option<Child>>,
}

impl Process {
    /// Starts a command. What it says on stderr goes to the tail.
    pub(super) async fn start(
        command: Command,
        socket: Option<UnixStream>,
        note: Option<Note>,
        tail: Arc<Mutex<Tail>>,
    ) -> io::Result<Self> {
        let (told, started) = oneshot::channel();
        let (over, ended) = watch::channel(None);
        thread::Builder::new()
            .name("supervisor".to_owned())
            .spawn(move || attend(command, note, &tail, told, &over))?;
        let (leash, stdin) = started.await.map_err(io::Error::other)??;
        Ok(Self { leash, socket, stdin, ended })
    }

    pub(super) fn pid(&self) -> u32 {
        self.leash.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// Waits until it is reaped. Safe to be dropped and called again.
    pub(super) async fn ended(&mut self) -> End {
        match self.ended.wait_for(Option::is_some).await {
            Ok(end) => end.unwrap_or(End { status: None }),
            Err(_) => End { status: None },
        }
    }

    /// Ends it: by the end of its socket, which says to finish the file in hand, or by SIGTERM;
    /// then, within the bound, by SIGKILL. What even that does not end at once, for it hangs in the
    /// kernel, is reaped later.
    pub(super) async fn stop(&mut self, within: Duration) -> End {
        if !self.let_go() {
            self.leash.terminate();
        }
        if let Ok(end) = tokio::time::timeout(within, self.ended()).await {
            return end;
        }
        self.leash.kill();
        tokio::time::timeout(REAPED_WITHIN, self.ended()).await.unwrap_or(End { status: None })
    }

    /// Closes what ties it to us; was that a socket, so that it knows?
    fn let_go(&mut self) -> bool {
        drop(self.stdin.take());
        let socket = self.socket.take();
        // Already closed by the other side is as good.
        socket.inspect(|socket| drop(socket.shutdown(Shutdown::Both))).is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _told = self.let_go();
        self.leash.kill();
    }
}

impl Leash {
    fn terminate(&self) {
        let child = self.child();
        if child.is_some() {
            // It may be a zombie already, which takes signals and does not mind.
            let _gone = kill_process(self.pid, Signal::TERM);
        }
    }

    fn kill(&self) {
        let child = self.child();
        if child.is_some() {
            let _gone = kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// Waits for the end of the child, and reaps it and what it has left of its group.
    fn reap(&self) -> Option<ExitStatus> {
        // First without reaping: until we hold the lock the number must stay the child's.
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let is_there = loop {
            match waitid(WaitId::Pid(self.pid), options) {
                Ok(_) => break true,
                Err(Errno::INTR) => {}
                // Somebody else has reaped it: the number may be a stranger's by now.
                Err(_) => break false,
            }
        };
        let mut child = self.child();
        if is_there {
            let _gone = kill_process_group(self.pid, Signal::KILL);
        }
        child.take().and_then(|mut child| child.wait().ok())
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

type Started = io::Result<(Arc<Leash>, Option<ChildStdin>)>;

/// The life of a child, from its start to its end, on a thread of its own.
fn attend(
    command: Command,
    note: Option<Note>,
    tail: &Arc<Mutex<Tail>>,
    told: oneshot::Sender<Started>,
    over: &watch::Sender<Option<End>>,
) {
    let (wake, drained, leash, stdin) = match spawn(command, tail) {
        Ok(spawned) => spawned,
        Err(error) => return drop(told.send(Err(error))),
    };
    if told.send(Ok((Arc::clone(&leash), stdin))).is_err() {
        // Whoever asked for it is gone.
        leash.kill();
    }
    if let Some((mut pipe, text)) = note {
        // A child that does not read it says why on its log, or will not be healthy.
        drop(pipe.write_all(&text));
    }
    let status = leash.reap();
    drop(wake);
    // Ends at once: all that the child has written is in the pipe.
    drop(drained.join());
    over.send_replace(Some(End { status }));
}

type Spawned = (PipeWriter, thread::JoinHandle<()>, Arc<Leash>, Option<ChildStdin>);

fn spawn(mut command: Command, tail: &Arc<Mutex<Tail>>) -> io::Result<Spawned> {
    let (gone, wake) = io::pipe()?;
    let mut child = command.stderr(Stdio::piped()).process_group(0).spawn()?;
    // The command holds the child's ends of pipes and sockets: nobody would ever see them close.
    drop(command);
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let pid = Pid::from_child(&child);
    let leash = Arc::new(Leash { pid, child: Mutex::new(Some(child)) });
    let tail = Arc::clone(tail);
    let draining = thread::Builder::new()
        .name("stderr".to_owned())
        .spawn(move || stderr.into_iter().for_each(|stderr| drain(stderr, &gone, &tail)));
    match draining {
        Ok(drained) => Ok((wake, drained, leash, stdin)),
        Err(error) => {
            leash.kill();
            leash.reap();
            Err(error)
        }
    }
}

/// Reads stderr to its end, or, once the child is gone, what is still in the pipe.
fn drain(mut stderr: ChildStderr, gone: &PipeReader, tail: &Mutex<Tail>) {
    let mut bytes = vec![0; READ_BYTES];
    let mut rest = MAX_REST_BYTES;
    while rest > 0 {
        let mut polled = [PollFd::new(&stderr, PollFlags::IN), PollFd::new(gone, PollFlags::IN)];
        match poll(&mut polled, None) {
            Ok(_) => {}
            Err(Errno::INTR) => continue,
            Err(_) => return,
        }
        let [is_readable, is_gone] = polled.map(|it| !it.revents().is_empty());
        if !is_readable {
            return;
        }
        let count = match stderr.read(&mut bytes) {
            Ok(count @ 1..) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Ok(0) | Err(_) => return,
        };
        tail.lock().unwrap_or_else(PoisonError::into_inner).push(bytes.get(..count).unwrap_or(&[]));
        if is_gone {
            rest = rest.saturating_sub(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_in_words() {
        let told = |raw| End::from(ExitStatus::from_raw(raw)).to_string();
        let killed = told(31);
        assert!(cfg!(target_os = "macos") || killed.starts_with("killed by SIGSYS"), "{killed}");
        assert_eq!(told(3 << 8), "exit status 3");
        assert_eq!(told(9), "killed by SIGKILL");
        assert_eq!(told(1), "killed by signal 1");
        assert_eq!(End { status: None }.to_string(), "in an unknown way");
    }
}
