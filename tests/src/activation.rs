//! A service manager of a test's own: it makes the listener, and starts the daemon with it.
//!
//! What systemd does, and no more: the listener on descriptor 3, three variables, a start whenever
//! somebody waits and no daemon runs. The shell says the process id, for a variable cannot know it
//! before there is a process. It ends what it started, and never what it did not.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the harness of tests"
)]

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::process::{Running, command};
use crate::service::Place;

/// What systemd says of one descriptor.
pub const AS_SYSTEMD: &str = "export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=darkslided.socket";
/// How often the manager looks whether the daemon is still there, and whether it is to end.
const LOOK: Duration = Duration::from_millis(5);

/// Makes the listener of a place, as a socket unit does: the folder 0700, the socket 0600.
///
/// # Panics
/// If the system does not let it.
#[must_use]
pub fn listen(place: &Place) -> UnixListener {
    let socket = place.socket();
    let folder = socket.parent().unwrap();
    if !folder.is_dir() {
        DirBuilder::new().mode(0o700).create(folder).unwrap();
    }
    let listener = UnixListener::bind(&socket).unwrap();
    std::fs::set_permissions(&socket, Permissions::from_mode(0o600)).unwrap();
    listener
}

/// The command that starts the daemon of a place with a descriptor handed over. `saying` is a line
/// of shell that sets the variables: [`AS_SYSTEMD`], or something that is wrong.
#[must_use]
pub fn handed(place: &Place, program: &str, descriptor: OwnedFd, saying: &str) -> Command {
    let daemon = place.command(program);
    let mut shell = command(Path::new("/bin/sh"), &place.home());
    shell.arg("-c").arg(format!("exec 3<&0 0</dev/null; {saying}; exec \"$0\" \"$@\""));
    shell.arg(daemon.get_program()).args(daemon.get_args()).stdin(Stdio::from(descriptor));
    shell
}

/// A service manager at work.
#[derive(Debug)]
pub struct Manager {
    shared: Arc<Shared>,
    loops: Option<JoinHandle<()>>,
    audit: PathBuf,
}

#[derive(Debug, Default)]
struct Shared {
    ends: AtomicBool,
    started: AtomicUsize,
    ended: AtomicUsize,
    last_status: AtomicUsize,
}

impl Manager {
    /// Begins to start the daemon of a place whenever somebody waits there and none runs. The log
    /// of all of them is the file `log` in it.
    ///
    /// # Panics
    /// If the system does not let it.
    #[must_use]
    pub fn begin(place: &Place, program: &str) -> Self {
        Self::begin_with(place, program, &[])
    }

    /// The same, with arguments behind the usual ones.
    ///
    /// # Panics
    /// If the system does not let it.
    #[must_use]
    pub fn begin_with(place: &Place, program: &str, arguments: &[&str]) -> Self {
        let listener = listen(place);
        let arguments: Vec<String> = arguments.iter().map(|&word| word.to_owned()).collect();
        let start = {
            let listener = listener.try_clone().unwrap();
            let log = log(place);
            let (place, program) = (place.clone(), program.to_owned());
            move || {
                let listener = listener.try_clone().unwrap();
                let mut command = handed(&place, &program, listener.into(), AS_SYSTEMD);
                command.args(&arguments);
                let log = log.try_clone().unwrap();
                Running(command.stdout(Stdio::null()).stderr(log).spawn().unwrap())
            }
        };
        let shared = Arc::new(Shared::default());
        let loops = Arc::clone(&shared);
        let loops = std::thread::spawn(move || loops.serve(&listener, &start));
        Self { shared, loops: Some(loops), audit: place.audit_folder() }
    }

    /// How many daemons it has started.
    #[must_use]
    pub fn started(&self) -> usize {
        self.shared.started.load(Ordering::SeqCst)
    }

    /// Waits until so many of them have ended, and returns the exit status of the last one.
    ///
    /// # Panics
    /// If they do not end in time.
    #[must_use]
    pub fn wait_for_ends(&self, count: usize) -> usize {
        let until = std::time::Instant::now() + crate::process::PATIENCE;
        while self.shared.ended.load(Ordering::SeqCst) < count {
            assert!(std::time::Instant::now() < until, "the daemon does not end");
            std::thread::sleep(LOOK);
        }
        self.shared.last_status.load(Ordering::SeqCst)
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::SeqCst);
        // A panic of the loop was told already.
        let _ended = self.loops.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            // However many daemons there were, they kept one log.
            let _sound = crate::audit::records(&self.audit);
        }
    }
}

impl Shared {
    fn serve(&self, listener: &UnixListener, start: &dyn Fn() -> Running) {
        while !self.ends.load(Ordering::SeqCst) {
            if !somebody_waits(listener) {
                continue;
            }
            self.started.fetch_add(1, Ordering::SeqCst);
            let mut daemon = start();
            while !self.ends.load(Ordering::SeqCst) {
                if let Some(status) = daemon.0.try_wait().unwrap() {
                    let status = status.code().and_then(|code| usize::try_from(code).ok());
                    self.last_status.store(status.unwrap_or(usize::MAX), Ordering::SeqCst);
                    self.ended.fetch_add(1, Ordering::SeqCst);
                    break;
                }
                std::thread::sleep(LOOK);
            }
        }
    }
}

fn somebody_waits(listener: &UnixListener) -> bool {
    let mut asked = [PollFd::new(listener, PollFlags::IN)];
    let patience = Timespec { tv_sec: 0, tv_nsec: LOOK.subsec_nanos().into() };
    poll(&mut asked, Some(&patience)).unwrap_or(0) > 0
}

/// The log of a place, each daemon's lines behind those of the one before.
///
/// # Panics
/// If the system has no room.
#[must_use]
pub fn log(place: &Place) -> File {
    OpenOptions::new().create(true).append(true).open(place.path().join("log")).unwrap()
}
