//! A real systemd of a test's own, whatever the machine's first process is: the manager of an
//! ordinary user, or that of a system.
//!
//! It runs in namespaces, with a `/run` of its own in which `/run/systemd/system` exists, and ends
//! with all that is in it when the value goes away or this process is killed. It takes root that
//! may mount; where that is lacking the answer says so. It must start nothing of the machine's. The
//! hazard: a manager moves every process of its control group; so it gets one of its own first.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "the harness of tests"
)]

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::process::{Ended, PATIENCE, command, run};

/// Makes the group, starts the first process in it and in the namespaces, and takes the group away
/// again once all that is over. Words: the folder, the user, the programs' folder, the kind, and
/// the scripts [`FIRST`] and what the kind does after it.
///
/// Its input ends when the test does. Then the first process of the namespace is killed, and with
/// it the kernel kills the others.
const KEEPER: &str = r#"
set -eu
folder=$1
mkdir "$folder/groups"
mount -t cgroup2 none "$folder/groups"
group=$folder/groups/darkslide-test-$$
mkdir "$group"
exec 3<&0 </dev/null
{ read -r _ <&3 || :; kill -KILL "$(cat "$folder/first")"; } >/dev/null 2>&1 &
watch=$!
sh -c 'echo $$ >"$1/cgroup.procs"; shift
    exec unshare --mount --cgroup --pid --net --ipc --uts --fork --kill-child sh -c "$@"' \
    sh "$group" "$4" sh "$folder" "$2" "$3" 3<&- || :
kill "$watch" 2>/dev/null || :
find "$group" -depth -type d -exec rmdir {} +
"#;

/// The first process of the namespace mounts what every manager needs, and tells its number outside
/// of the namespace. What is the machine's (settings of the kernel, the console) is closed to it.
const FIRST: &str = r#"
set -eu
folder=$1 user=$2 programs=$3
read -r number _ </proc/self/stat
mount -t proc proc /proc
mount --bind -o ro /proc/sys /proc/sys
mount --bind /dev/null /dev/console
mount --bind /dev/null /dev/kmsg
mount --bind "$folder/slash-run" /run
mkdir -p /run/systemd/system
mount -t cgroup2 none /sys/fs/cgroup
for units in /etc/systemd/user /usr/lib/systemd/user/*.wants \
    /usr/lib/systemd/system/*.wants /usr/lib/systemd/system-generators; do
    [ ! -d "$units" ] || mount -t tmpfs tmpfs "$units"
done
mount --bind "$programs" "$folder/bin"
echo "$number" >"$folder/first"
echo "$number"
exec >>"$folder/log" 2>&1
"#;

/// The manager of a user.
const USERS: &str = r#"
chown "$user:$user" /sys/fs/cgroup /sys/fs/cgroup/cgroup.*
setpriv --reuid "$user" --regid "$user" --clear-groups \
    /usr/lib/systemd/systemd --user --log-target=console --log-level=notice
"#;

/// The manager of a system that has one user, `photos`; its `/etc` is small, and in the folder.
const SYSTEMS: &str = r#"
cp -a /etc/ld.so.cache "$folder/etc/"
echo "root:x:0:0::/root:/bin/sh
photos:x:$user:$user::/home/photos:/bin/sh" >"$folder/etc/passwd"
echo "root:x:0:
photos:x:$user:" >"$folder/etc/group"
mount --bind "$folder/etc" /etc
mount --bind "$programs" /usr/local/bin
mount -t tmpfs -o mode=755 tmpfs /var/lib
mount -t tmpfs -o mode=755 tmpfs /home
mkdir /home/photos
mount --bind "$folder/home" /home/photos
exec env -i container=test PATH="$PATH" /usr/lib/systemd/systemd --system --unit=basic.target \
    --log-target=console --log-level=notice --show-status=no
"#;

/// The user: one that no machine has, and that needs no line in a file.
const USER: u32 = 12_345;

/// Whose manager it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    User,
    System,
}

/// Where what services say on stderr is kept, for there is no journal.
const LOG: &str = "[Service]\nStandardError=append:";

/// A manager at work.
#[derive(Debug)]
pub struct Manager {
    folder: tempfile::TempDir,
    keeper: Child,
    of: Of,
    /// The number of the first process of its namespace.
    first: String,
}

impl Manager {
    /// Starts that of a user, whose programs are found in [`Manager::programs`].
    ///
    /// # Errors
    /// Why this machine cannot, for a person.
    ///
    /// # Panics
    /// If it does not start although all is there.
    pub fn of_user(programs: &Path) -> Result<Self, String> {
        Self::start(Of::User, programs)
    }

    /// Starts that of a system with one user, `photos`, whose programs are found there, too.
    ///
    /// # Errors
    /// As [`Manager::of_user`].
    ///
    /// # Panics
    /// As [`Manager::of_user`].
    pub fn of_system(programs: &Path) -> Result<Self, String> {
        Self::start(Of::System, programs)
    }

    fn start(of: Of, programs: &Path) -> Result<Self, String> {
        if !rustix::process::getuid().is_root() {
            return Err("a service manager of its own takes root".to_owned());
        }
        if !Path::new("/usr/lib/systemd/systemd").is_file() {
            return Err("systemd is not installed".to_owned());
        }
        let folder = tempfile::Builder::new().prefix("darkslide-test").tempdir().unwrap();
        for name in ["bin", "etc/systemd/system", "home/Exports", "run", "slash-run"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let (script, units, users) = match of {
            Of::User => (USERS, "home/.config/systemd/user", ""),
            Of::System => (SYSTEMS, "etc/systemd/system", "home"),
        };
        // One drop-in for all services.
        let log = format!("{LOG}{}\n", folder.path().join("home/services.log").display());
        put(&folder.path().join(units).join("service.d/log.conf"), &log);
        give(&folder.path().join(users));
        let script = FIRST.to_owned() + script;
        let mut keeper = command(Path::new("unshare"), &folder.path().join("home"));
        keeper.args(["--mount", "sh", "-c", KEEPER, "sh"]).arg(folder.path());
        keeper.arg(USER.to_string()).arg(programs).arg(script);
        keeper.env("XDG_RUNTIME_DIR", folder.path().join("run")).stdin(Stdio::piped());
        let said = std::fs::File::create(folder.path().join("log")).unwrap();
        let keeper = keeper.stdout(Stdio::piped()).stderr(said).spawn();
        let keeper = keeper.map_err(|error| format!("unshare: {error}"))?;
        let mut manager = Self { folder, keeper, of, first: String::new() };
        // An end without a line: what could not be mounted has said why.
        let mut out = BufReader::new(manager.keeper.stdout.take().unwrap());
        out.read_line(&mut manager.first).unwrap();
        manager.first.truncate(manager.first.trim_end().len());
        if manager.first.is_empty() {
            return Err(format!("no namespace to mount in: {}", manager.log()));
        }
        let door = manager.runtime().join("systemd/private");
        manager.until("the manager answers", || {
            let is_alive = Path::new("/proc").join(&manager.first).exists();
            assert!(is_alive, "the manager has ended: {}", manager.log());
            UnixStream::connect(&door).is_ok()
        });
        Ok(manager)
    }

    /// The folder of all of it.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its user's home; for the units of a system it is `/home/photos`.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.path().join("home")
    }

    /// The user's `XDG_RUNTIME_DIR`, or the `/run` of the system.
    #[must_use]
    pub fn runtime(&self) -> PathBuf {
        self.path().join(if self.of == Of::User { "run" } else { "slash-run" })
    }

    /// Where the programs are found.
    #[must_use]
    pub fn programs(&self) -> PathBuf {
        self.path().join("bin")
    }

    /// Gives to the user what lies at a path, and below.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn give(&self, path: &Path) {
        give(path);
    }

    /// Writes a file, with folders where they are missing: below the user's home, and the user's.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn write(&self, path: &str, text: &str) {
        put(&self.home().join(path), text);
        self.give(&self.home());
    }

    /// Writes a file below `/etc`; of a system only.
    ///
    /// # Panics
    /// If the system refuses.
    pub fn write_etc(&self, path: &str, text: &str) {
        put(&self.path().join("etc").join(path), text);
    }

    /// A command of the user, beside the manager.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = self.beside();
        command.args(["setpriv", "--reuid", &USER.to_string(), "--regid", &USER.to_string()]);
        command.arg("--clear-groups").arg(program);
        command
    }

    /// `systemctl` with these words, to its end, as the one whose manager it is.
    pub fn systemctl(&self, words: &[&str]) -> Ended {
        let mut command = match self.of {
            Of::User => self.command(Path::new("systemctl")),
            Of::System => self.as_root(&["systemctl"]),
        };
        command.args((self.of == Of::User).then_some("--user"));
        run(command.args(words))
    }

    /// A command of root, beside the manager.
    #[must_use]
    pub fn as_root(&self, words: &[&str]) -> Command {
        let mut command = self.beside();
        command.args(words);
        command
    }

    fn beside(&self) -> Command {
        let mut command = command(Path::new("nsenter"), &self.home());
        command.env("XDG_RUNTIME_DIR", self.runtime());
        command.args(["--target", &self.first, "--mount", "--pid"]);
        command
    }

    /// The same as [`Manager::systemctl`], which has to do it.
    ///
    /// # Panics
    /// If it does not.
    pub fn told(&self, words: &[&str]) {
        let ended = self.systemctl(words);
        assert_eq!(ended.code(), 0, "{words:?}: {}\n{}", ended.stderr, self.log());
    }

    /// A property of a unit.
    ///
    /// # Panics
    /// If the manager does not answer.
    #[must_use]
    pub fn property(&self, unit: &str, name: &str) -> String {
        let shown = self.systemctl(&["show", "--value", "--property", name, unit]);
        assert_eq!(shown.code(), 0, "{}", shown.stderr);
        shown.stdout.trim_end().to_owned()
    }

    /// Asks again until it is so.
    ///
    /// # Panics
    /// If it does not become so in time.
    pub fn until(&self, what: &str, mut is_so: impl FnMut() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < until, "not in time: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What the manager, and then its services, have said.
    #[must_use]
    pub fn log(&self) -> String {
        let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        read(self.path().join("log")) + &read(self.home().join("services.log"))
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        // The keeper ends everything once its input ends, then itself.
        drop(self.keeper.stdin.take());
        let _reaped = self.keeper.wait();
    }
}

fn give(path: &Path) {
    let mut chown = command(Path::new("chown"), path);
    let given = run(chown.args(["-hR", &format!("{USER}:{USER}")]).arg(path));
    assert_eq!(given.code(), 0, "{}", given.stderr);
}

fn put(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOCKET: &str = "[Socket]\nListenStream=%t/s\nAccept=yes\n";
    const SERVICE: &str = "[Service]\nExecStart=/bin/sh -c 'id -u; echo heard >&2'\n\
                           StandardInput=socket\nStandardOutput=socket\n";

    /// Is there still a process that was started below this folder?
    fn is_alive(folder: &Path) -> bool {
        let folder = folder.display().to_string();
        let mut processes = std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
        processes.any(|process| {
            let environment = std::fs::read(process.join("environ")).unwrap_or_default();
            String::from_utf8_lossy(&environment).contains(&format!("XDG_RUNTIME_DIR={folder}"))
        })
    }

    #[test]
    fn a_first_connection_starts_a_service_and_nothing_stays_behind() {
        let manager = match Manager::of_user(Path::new("/usr/bin")) {
            Ok(manager) => manager,
            Err(why) => return crate::shared::skip(&why),
        };
        manager.write(".config/systemd/user/told.socket", SOCKET);
        manager.write(".config/systemd/user/told@.service", SERVICE);
        manager.told(&["daemon-reload"]);
        manager.told(&["start", "told.socket"]);
        let mut peer = UnixStream::connect(manager.runtime().join("s")).unwrap();
        let mut said = String::new();
        std::io::Read::read_to_string(&mut peer, &mut said).unwrap();
        assert_eq!(said, format!("{USER}\n"), "{}", manager.log());
        manager.until("it is logged", || manager.log().contains("heard"));
        assert_eq!(manager.property("told.socket", "ActiveState"), "active");
        let (folder, first) = (manager.path().to_owned(), manager.first.clone());
        let groups = std::fs::read_to_string(format!("/proc/{first}/cgroup")).unwrap();
        assert!(groups.contains("/darkslide-test-"), "a group of its own: {groups}");
        assert!(is_alive(&folder));
        drop(manager);
        assert!(!is_alive(&folder));
        assert!(!folder.exists());
    }
}
