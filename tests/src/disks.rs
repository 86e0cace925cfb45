//! File systems of a test's own: an image on a loop device, or a piece of memory, mounted below a
//! temporary folder and gone with the value that holds it.
//!
//! They alone can lose power, become full or read-only, or vanish, without harm to the machine. It
//! takes root and loop devices: where they are lacking the answer says so, and the test is skipped.
//! Only what was mounted here is unmounted. Of the standard library only, and in one file, for a
//! crate that cannot depend on this package takes it in by `#[path]`.

#![allow(dead_code, unreachable_pub, reason = "taken in by #[path], each user has its part")]
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "the harness of tests")]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Asks the kernel to let nothing more reach the disk (`FS_IOC_SHUTDOWN`, without the log) once a
/// line comes. There is no safe call for it in Rust.
const SHUTDOWN: &str = "
import fcntl, os, struct, sys
folder = os.open(sys.argv[1], os.O_RDONLY)
print('ready', flush=True)
if sys.stdin.readline():
    fcntl.ioctl(folder, 0x8004587d, struct.pack('I', 2))
";

/// How a file system is made.
#[derive(Debug, Clone, Copy)]
pub enum Kind<'a> {
    /// `mkfs.KIND` with these options, in an image of so many MiB.
    Image(&'a str, u32, &'a [&'a str]),
    /// Memory, with these options of `mount`.
    Memory(&'a str),
}

/// A mounted file system.
#[derive(Debug)]
pub struct Disk {
    /// What to mount, and with which options.
    source: Vec<String>,
    at: PathBuf,
}

impl Disk {
    /// Makes a file system in a folder, which has to stay for as long, and mounts it.
    ///
    /// # Errors
    /// Why this machine cannot, for a person.
    pub fn make(folder: &Path, kind: Kind<'_>) -> Result<Self, String> {
        let at = folder.join("disk");
        std::fs::create_dir(&at).map_err(|error| error.to_string())?;
        let (source, image) = match kind {
            Kind::Memory(options) => (vec!["-t", "tmpfs", "-o", options, "tmpfs"], None),
            Kind::Image(mkfs, megabytes, options) => {
                let image = folder.join("image");
                let file = std::fs::File::create(&image).map_err(|error| error.to_string())?;
                file.set_len(u64::from(megabytes) << 20).map_err(|error| error.to_string())?;
                let program = format!("mkfs.{mkfs}");
                said(Command::new(program).arg("-q").args(options).arg(&image))?;
                (vec!["-o", "loop,noatime"], Some(image))
            }
        };
        let mut source: Vec<String> = source.into_iter().map(str::to_owned).collect();
        source.extend(image.iter().map(|image| image.display().to_string()));
        let disk = Self { source, at };
        disk.mount()?;
        Ok(disk)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.at
    }

    /// Mounts it again.
    ///
    /// # Errors
    /// What `mount` said.
    pub fn mount(&self) -> Result<(), String> {
        said(Command::new("mount").args(&self.source).arg(&self.at))
    }

    /// Mounts it with other options while it is mounted.
    ///
    /// # Errors
    /// What `mount` said.
    pub fn remount(&self, options: &str) -> Result<(), String> {
        said(Command::new("mount").arg("-o").arg(format!("remount,{options}")).arg(&self.at))
    }

    /// Takes it away; what still has it open keeps it for as long, if `lazily`.
    ///
    /// # Errors
    /// What `umount` said.
    pub fn unmount(&self, lazily: bool) -> Result<(), String> {
        let lazily = if lazily { &["--lazy"][..] } else { &[] };
        said(Command::new("umount").args(lazily).arg(&self.at))
    }

    /// What cuts the power: a process that waits for the word.
    ///
    /// # Errors
    /// Why it cannot be started.
    pub fn power(&self) -> Result<Power, String> {
        let mut child = Command::new("python3")
            .args(["-c", SHUTDOWN])
            .arg(&self.at)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("python3: {error}"))?;
        let mut line = String::new();
        let said = child.stdout.take().map(|out| BufReader::new(out).read_line(&mut line));
        match said {
            Some(Ok(length)) if length > 0 => Ok(Power(child)),
            Some(Ok(_) | Err(_)) | None => Err("python3 did not start".to_owned()),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Whoever still holds a file there is a child of a test that fails; it ends, and the
        // device with it.
        if self.unmount(false).is_err() {
            drop(self.unmount(true));
        }
    }
}

/// Cuts the power of a disk, once.
#[derive(Debug)]
pub struct Power(Child);

impl Power {
    /// From now on nothing reaches the disk. Returns when that is so.
    ///
    /// # Panics
    /// If the kernel refuses.
    pub fn cut(mut self) {
        let written = self.0.stdin.take().unwrap().write_all(b"now\n");
        let ended = self.0.wait().unwrap();
        assert!(written.is_ok() && ended.success(), "no shutdown: {ended}");
    }
}

impl Drop for Power {
    fn drop(&mut self) {
        // Without a line it ends when its input does.
        drop(self.0.stdin.take());
        let _reaped = self.0.wait();
    }
}

/// Runs a command to its end; what it said is the error.
fn said(command: &mut Command) -> Result<(), String> {
    let name = |command: &Command| OsStr::to_string_lossy(command.get_program()).into_owned();
    let ended = command.output().map_err(|error| format!("{}: {error}", name(command)))?;
    if ended.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&ended.stderr);
    Err(format!("{}: {}", name(command), text.lines().next().unwrap_or("no word")))
}
