//! The daemon's own folder of state: small files, each replaced whole.
//!
//! Boot finds and checks the folder and hands in its handle; here no path is taken, only a name of
//! one component in that folder. It holds the folder's lock, so that no second daemon takes up what
//! the first still works on. What the files mean is not known here. The hazard: a state that was
//! half written when the power went; so a file is written under another name and renamed over.

#![expect(clippy::disallowed_methods, reason = "the door: owns the names in the state folder")]

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use darkslide_policy::Component;
use rustix::fs::{AtFlags, Dir, FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use crate::content;
use crate::rename::{self, Spot};

const FILE_MODE: Mode = Mode::from_bits_retain(0o600);
/// What a file is called while it is written.
const NEW: &str = ".new";
/// What the probe makes; left behind by a kill, it goes like a broken-off write.
const PROBE: &str = "probe.new";
/// More names than the daemon ever makes there, and few enough to be held.
const MAX_NAMES: usize = 4_096;

/// The folder, held and locked.
#[derive(Debug)]
pub struct StateDir {
    folder: OwnedFd,
}

impl StateDir {
    /// Takes the folder for this process alone. The handle must have been opened for reading.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where another daemon has it, and what locking answers.
    pub fn take(folder: OwnedFd) -> io::Result<Self> {
        rustix::fs::flock(&folder, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Self { folder })
    }

    /// Its handle, for the kernel's rules.
    #[must_use]
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.folder.as_fd()
    }

    /// Tries, once confined, whether a file can be made, replaced, read and removed.
    ///
    /// # Errors
    /// What the kernel answers.
    pub fn probe(&self) -> io::Result<()> {
        let name = Component::parse(PROBE).expect("a plain name");
        self.replace(&name, b"1")?;
        self.replace(&name, b"2")?;
        self.read(&name, 1)?;
        self.remove(&name)
    }

    /// The names of the files, in no order; what a broken-off write left is removed.
    ///
    /// # Errors
    /// What listing answers.
    pub fn names(&self) -> io::Result<Vec<Component>> {
        let mut names = Vec::new();
        for entry in Dir::read_from(&self.folder)?.take(MAX_NAMES) {
            let entry = entry?;
            let name = entry.file_name().to_str().ok().and_then(|it| Component::parse(it).ok());
            names.extend(name);
        }
        for left in names.extract_if(.., |name| name.as_str().ends_with(NEW)) {
            // It cost nothing but its room.
            let _left = self.remove(&left);
        }
        Ok(names)
    }

    /// Reads a file of at most `limit` bytes.
    ///
    /// # Errors
    /// [`io::ErrorKind::FileTooLarge`], and what opening and reading answer; a link is not opened.
    pub fn read(&self, name: &Component, limit: u64) -> io::Result<Vec<u8>> {
        // Without waiting: a pipe of that name would never let us go.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = File::from(self.open(name.as_str(), flags)?);
        let mut bytes = Vec::new();
        file.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    /// Puts a file in the place of the one of that name, if there is one. What a crash of this
    /// process leaves is one of the two; [`StateDir::flush`] makes that true of the power, too.
    ///
    /// # Errors
    /// What writing and renaming answer; the file that was there is still there then.
    pub fn replace(&self, name: &Component, bytes: &[u8]) -> io::Result<()> {
        let new = format!("{}{NEW}", name.as_str());
        match rustix::fs::unlinkat(&self.folder, &new, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        let file = self.open(&new, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)?;
        File::from(file).write_all(bytes)?;
        let from = Spot { folder: self.handle(), name: new.as_ref() };
        let to = Spot { folder: self.handle(), name: name.as_str().as_ref() };
        Ok(rename::replacing(from, to)?)
    }

    /// Removes a file; that none is there is as good.
    ///
    /// # Errors
    /// What removing answers.
    pub fn remove(&self, name: &Component) -> io::Result<()> {
        match rustix::fs::unlinkat(&self.folder, name.as_str(), AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits until a file, and its name, are on the disk.
    ///
    /// # Errors
    /// What opening and flushing answer.
    pub fn flush(&self, name: &Component) -> io::Result<()> {
        content::flush(self.open(name.as_str(), OFlags::RDONLY | OFlags::NONBLOCK)?)?;
        Ok(content::flush(&self.folder)?)
    }

    fn open(&self, name: &str, flags: OFlags) -> io::Result<OwnedFd> {
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(rustix::fs::openat(&self.folder, name, flags, FILE_MODE)?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests")]

    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;

    fn state(folder: &Path) -> io::Result<StateDir> {
        StateDir::take(File::open(folder).unwrap().into())
    }

    fn name(text: &str) -> Component {
        Component::parse(text).unwrap()
    }

    #[test]
    fn a_file_is_replaced_whole_and_what_a_broken_write_left_goes() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(folder.path()).unwrap();
        for text in ["one", "two, which is longer", "3"] {
            state.replace(&name("a.json"), text.as_bytes()).unwrap();
            state.flush(&name("a.json")).unwrap();
            assert_eq!(state.read(&name("a.json"), 100).unwrap(), text.as_bytes());
        }
        let mode = std::fs::metadata(folder.path().join("a.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::write(folder.path().join("b.json.new"), "half").unwrap();
        assert_eq!(state.names().unwrap(), [name("a.json")]);
        assert!(!folder.path().join("b.json.new").exists());
        state.remove(&name("a.json")).unwrap();
        state.remove(&name("a.json")).unwrap();
        state.probe().unwrap();
        assert!(state.names().unwrap().is_empty());
    }

    #[test]
    fn one_process_has_the_folder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = state(folder.path()).unwrap();
        assert_eq!(state(folder.path()).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        drop(first);
        assert!(state(folder.path()).is_ok());
    }

    #[test]
    fn neither_a_link_nor_what_is_too_long_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let state = state(folder.path()).unwrap();
        state.replace(&name("a"), &[b'x'; 10]).unwrap();
        assert_eq!(state.read(&name("a"), 10).unwrap().len(), 10);
        assert_eq!(state.read(&name("a"), 9).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        std::os::unix::fs::symlink("a", folder.path().join("link")).unwrap();
        assert!(state.read(&name("link"), 10).is_err());
        state.replace(&name("link"), b"ours").unwrap();
        assert_eq!(state.read(&name("a"), 10).unwrap(), [b'x'; 10], "what it led to is untouched");
    }
}
