//! A `darkslided` of a test's own: policy, home, socket and roots below a temporary folder.
//!
//! It always runs under the production filters: there is nothing here that could switch them off.
//! Ready is when it answers, for the listener is there before the daemon is confined. Whatever ends
//! it, its audit log is read afterwards.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the harness of tests"
)]

use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::audit;
use crate::process::{PATIENCE, Running, command};
use crate::wire::Peer;

/// Where a daemon keeps its state, below its home.
const STATE: &str = ".local/state/darkslide";

/// A folder in which a daemon can be started. It goes with the last of its clones.
#[derive(Debug, Clone)]
pub struct Place {
    folder: Arc<tempfile::TempDir>,
}

/// A daemon at work.
#[derive(Debug)]
pub struct Service {
    /// The process.
    pub process: Running,
    /// Where it listens.
    pub socket: PathBuf,
    log: PathBuf,
    audit: PathBuf,
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// Makes the folder, with `home`, `home/Exports` and `run` in it.
    ///
    /// # Panics
    /// If the system has no room.
    #[must_use]
    pub fn new() -> Self {
        // Whatever the umask of whoever runs this: the daemon refuses what others can write.
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        let mut folder = tempfile::Builder::new();
        let folder = folder.prefix("darkslide-test").permissions(private).tempdir().unwrap();
        for name in ["home", "home/Exports", "run"] {
            std::fs::DirBuilder::new().mode(0o700).create(folder.path().join(name)).unwrap();
        }
        Self { folder: Arc::new(folder) }
    }

    /// The folder of all of it.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The daemon's home.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    /// The root `exports` of [`Place::policy`].
    #[must_use]
    pub fn exports(&self) -> PathBuf {
        self.home().join("Exports")
    }

    /// Where a daemon keeps its audit log, if nobody says otherwise.
    #[must_use]
    pub fn audit_folder(&self) -> PathBuf {
        self.home().join(STATE).join("audit")
    }

    /// Writes a policy file.
    ///
    /// # Panics
    /// If the system has no room.
    pub fn write_policy(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("policy.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        path
    }

    /// A policy that grants its own uid one library, `main`, and the root `exports`.
    #[must_use]
    pub fn policy(library: &Path) -> String {
        format!(
            "version = 1\n[library.main]\npath = {:?}\nhidden = true\ntrashed = true\n\
             [root.exports]\npath = \"~/Exports\"\n\
             [[client]]\nname = \"me\"\nuid = \"self\"\nlibraries = [\"main\"]\nroots = [\"exports\"]\nmethods = [\"*\"]\n",
            library.display().to_string()
        )
    }

    /// The command that starts a daemon here.
    #[must_use]
    pub fn command(&self, program: &str) -> Command {
        let mut command = command(Path::new(program), &self.home());
        command
            .arg("--socket")
            .arg(self.socket())
            .arg("--policy")
            .arg(self.folder.path().join("policy.toml"));
        command
    }

    /// Where it will listen.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("run/darkslide/s")
    }

    /// Starts a daemon and waits until it serves.
    ///
    /// # Panics
    /// If it does not.
    #[must_use]
    pub fn start(&self, program: &str, policy: &str) -> Service {
        self.write_policy(policy);
        self.start_command(&mut self.command(program))
    }

    /// The same with a command of the test's own.
    ///
    /// # Panics
    /// If it does not listen in time.
    pub fn start_command(&self, command: &mut Command) -> Service {
        let log = self.folder.path().join("log");
        let file = std::fs::File::create(&log).unwrap();
        let child = command.stdout(Stdio::null()).stderr(file).spawn().unwrap();
        let given = command.get_envs().find(|(name, _)| *name == "DARKSLIDE_STATE");
        let state = given.and_then(|(_, value)| value.map(PathBuf::from));
        let audit = state.unwrap_or_else(|| self.home().join(STATE)).join("audit");
        let mut service = Service { process: Running(child), socket: self.socket(), log, audit };
        let until = Instant::now() + PATIENCE;
        while std::os::unix::net::UnixStream::connect(&service.socket).is_err() {
            let ended = service.process.0.try_wait().unwrap();
            assert!(ended.is_none(), "the daemon ended: {ended:?}\n{}", service.log());
            assert!(Instant::now() < until, "the daemon does not listen:\n{}", service.log());
            std::thread::sleep(Duration::from_millis(5));
        }
        // The listener is there before the daemon is confined; whoever gets an answer knows that it
        // serves.
        let mut peer = Peer::connect(&service.socket);
        let _refused =
            peer.send(br#"{"jsonrpc":"2.0","id":1,"method":"health","params":{"brief":true}}"#);
        if peer.receive().is_none() {
            let ended = service.process.0.try_wait().unwrap();
            assert!(ended.is_none(), "the daemon ended: {ended:?}\n{}", service.log());
        }
        service
    }
}

impl Service {
    /// Connects.
    #[must_use]
    pub fn peer(&self) -> Peer {
        Peer::connect(&self.socket)
    }

    /// What it has logged.
    ///
    /// # Panics
    /// If the log is gone.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// The folder of its audit log.
    #[must_use]
    pub fn audit_folder(&self) -> &Path {
        &self.audit
    }

    /// What it has recorded so far.
    ///
    /// # Panics
    /// If the log is not what the documents say.
    #[must_use]
    pub fn audit(&self) -> Vec<Value> {
        audit::records(&self.audit)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What a test that fails has of its daemon to say.
            let ended = self.process.0.try_wait();
            println!("the daemon ended: {ended:?}; its log:\n{}", self.log());
            return;
        }
        // Already gone is as good.
        let _gone = self.process.0.kill();
        let _reaped = self.process.0.wait();
        let _sound = self.audit();
    }
}
