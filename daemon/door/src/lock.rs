//! The lock of a destination: one job at a time, also across daemons and machines.
//!
//! `flock`, which the kernel lets go of whatever happens. Where a file system has none, the lock is
//! that the file `lock` is there: made exclusively, its line changed every ten seconds, removed at
//! the end. A confined process can neither signal nor look up another, so whoever finds one waits
//! until he has seen the same line for a minute, and takes it over. No clock here: time is handed
//! in. The hazard: two that take over one lock; so a claim is made exclusively, the line is read
//! once more, and the claim becomes the lock by one rename.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use darkslide_policy::Component;
use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;

use crate::content;
use crate::destination::Destination;
use crate::error::{DoorError, DoorErrorKind};
use crate::facts::{Facts, Identity};
use crate::fault::{Lack, Operation};
use crate::random_name::random_name;
use crate::record::{Area, errno_of};
use crate::rename::{self, Spot};
use crate::temporary;

/// How often a holder says that it is alive, where the kernel does not.
pub const BEAT_EVERY: Duration = Duration::from_secs(10);
/// How long a lock must not change before it is taken over: six beats, for a slow disk's sake.
pub const TAKEN_OVER_AFTER: Duration = Duration::from_secs(60);

const LOCK_NAME: &str = "lock";
/// What is to become the lock.
const CLAIM_NAME: &str = "lock.new";
/// Somebody may remove the lock's file between our opening and our locking it; more often in a row
/// is no coincidence.
const MAX_LOCK_TRIES: usize = 8;
/// The most of a lock's file that is read: a line of ours has some 150 bytes.
const MAX_LINE_BYTES: u64 = 4096;

/// The lock of a destination, held as long as this value lives.
#[derive(Debug)]
pub struct Lock<'d> {
    destination: &'d Destination<'d>,
    held: Held,
}

#[derive(Debug)]
enum Held {
    ByKernel(File),
    ByBeat { folder: OwnedFd, identity: Identity, beating: Mutex<Beating> },
}

/// A lock's file, and what is written to it.
#[derive(Debug)]
struct Beating {
    file: File,
    run: Component,
    number: u64,
    last: Option<Duration>,
}

/// What the lock of somebody else said, where it has to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    lock: Vec<u8>,
    claim: Option<Vec<u8>>,
}

impl Lock<'_> {
    /// Says that the holder is alive, if the last time is [`BEAT_EVERY`] ago; `now` is of any clock
    /// that only goes forward. To be called more often than that. Nothing to do where the kernel
    /// holds the lock.
    ///
    /// # Errors
    /// [`DoorErrorKind::Replaced`] where somebody took the lock over: the job must end at once;
    /// what writing answers.
    pub fn beat(&self, now: Duration) -> Result<(), DoorError> {
        let Held::ByBeat { folder, identity, beating } = &self.held else {
            return Ok(());
        };
        let mut beating = beating.lock().unwrap_or_else(PoisonError::into_inner);
        if beating.last.is_some_and(|last| now.saturating_sub(last) < BEAT_EVERY) {
            return Ok(());
        }
        let operation = Operation::Beat;
        let path = Area::Record.join(LOCK_NAME);
        let below = self.destination.below();
        below.announce(operation, &path)?;
        match rename::look_at(folder.as_fd(), LOCK_NAME) {
            Ok(facts) if facts.identity == *identity => {}
            Ok(_) | Err(Errno::NOENT) => {
                return Err(below.refused(operation, &path, DoorErrorKind::Replaced));
            }
            Err(errno) => return Err(below.failed(operation, &path, errno)),
        }
        beating.write().map_err(|errno| below.failed(operation, &path, errno))?;
        beating.last = Some(now);
        Ok(())
    }
}

impl Drop for Lock<'_> {
    fn drop(&mut self) {
        match &self.held {
            // Closing alone would leave it with a child process that was started at this moment and
            // still has a copy. It cannot fail on an open file, and the close that follows is the
            // same for everybody else.
            Held::ByKernel(file) => {
                let _ = rustix::fs::flock(file, FlockOperation::Unlock);
            }
            Held::ByBeat { folder, identity, .. } => {
                let spot = Spot { folder: folder.as_fd(), name: LOCK_NAME.as_ref() };
                if spot.look().is_ok_and(|facts| facts.identity == *identity) {
                    // What stays is taken over in a minute.
                    let _ = spot.unlink();
                }
            }
        }
    }
}

impl Beating {
    fn new(file: File) -> Self {
        Self { file, run: random_name(), number: 0, last: None }
    }

    /// The number only grows, so that a line covers the one before it.
    fn write(&mut self) -> Result<(), Errno> {
        self.number += 1;
        let system = rustix::system::uname();
        let host: String = system
            .nodename()
            .to_string_lossy()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c))
            .collect();
        let line = format!(
            "{{\"host\":\"{host}\",\"pid\":{},\"run\":\"{}\",\"beat\":{}}}\n",
            std::process::id(),
            self.run.as_str(),
            self.number
        );
        self.file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(line.as_bytes()))
            // Who watches may do so from another machine.
            .map_err(|error| errno_of(&error))
            .and_then(|()| content::flush_data(&self.file))
    }
}

impl Destination<'_> {
    /// Takes the lock of the destination, without waiting.
    ///
    /// # Errors
    /// [`DoorErrorKind::Busy`] where another job or daemon has it (or had it, on a file system that
    /// has no locks: see [`Destination::last_beat`]);
    /// [`ForeignRecord`](DoorErrorKind::ForeignRecord); [`NotFound`](DoorErrorKind::NotFound)
    /// without record folders.
    pub fn lock(&self) -> Result<Lock<'_>, DoorError> {
        let operation = Operation::Lock;
        let folder = self.area(operation, Area::Record)?;
        let path = Area::Record.join(LOCK_NAME);
        let failed = |errno| self.below().failed(operation, &path, errno);
        let busy = || self.below().refused(operation, &path, DoorErrorKind::Busy);
        self.below().announce(operation, &path)?;
        for _ in 0..MAX_LOCK_TRIES {
            let (file, is_new) = match temporary::create_new(&folder, LOCK_NAME, OFlags::RDWR) {
                Ok(file) => (file, true),
                Err(Errno::EXIST) => {
                    match self.open_own(operation, &folder, LOCK_NAME, &path, OFlags::RDWR) {
                        Err(error) if error.kind() == DoorErrorKind::NotFound => continue,
                        opened => (opened?, false),
                    }
                }
                Err(errno) => return Err(failed(errno)),
            };
            let held = Facts::of_descriptor(&file).map_err(failed)?.identity;
            if !self.flock(&file).map_err(failed)? {
                // Who made it, has it.
                return if is_new { self.begin_to_beat(folder, file) } else { Err(busy()) };
            }
            let lock = Lock { destination: self, held: Held::ByKernel(file) };
            match rename::look_at(folder.as_fd(), LOCK_NAME) {
                Ok(now) if now.identity == held => return Ok(lock),
                // What is locked is no longer what others would find: once more, with the one that
                // is there now.
                Ok(_) | Err(Errno::NOENT) => {}
                Err(errno) => return Err(failed(errno)),
            }
        }
        Err(busy())
    }

    /// What the lock says that is held, on a file system where it has to be watched; none where
    /// there is no lock any more, and where the kernel keeps it.
    ///
    /// # Errors
    /// [`DoorErrorKind::NotFound`] without record folders,
    /// [`ForeignRecord`](DoorErrorKind::ForeignRecord), [`Link`](DoorErrorKind::Link), and what
    /// reading answers.
    pub fn last_beat(&self) -> Result<Option<Beat>, DoorError> {
        let folder = self.area(Operation::Lock, Area::Record)?;
        self.below().announce(Operation::Lock, &Area::Record.join(LOCK_NAME))?;
        self.read_beat(&folder)
    }

    /// Takes over a lock that has said `seen` for `watched`, by the caller's clock.
    ///
    /// # Errors
    /// [`DoorErrorKind::Busy`] where it has not been watched for [`TAKEN_OVER_AFTER`], or says
    /// something else by now; else those of [`Destination::lock`].
    pub fn take_over(&self, seen: &Beat, watched: Duration) -> Result<Lock<'_>, DoorError> {
        let operation = Operation::TakeOver;
        let folder = self.area(operation, Area::Record)?;
        let path = Area::Record.join(LOCK_NAME);
        let failed = |errno| self.below().failed(operation, &path, errno);
        let busy = || self.below().refused(operation, &path, DoorErrorKind::Busy);
        self.below().announce(operation, &path)?;
        if watched < TAKEN_OVER_AFTER || self.read_beat(&folder)?.as_ref() != Some(seen) {
            return Err(busy());
        }
        let claim = Spot { folder: folder.as_fd(), name: CLAIM_NAME.as_ref() };
        if seen.claim.is_some() {
            // Of one that was killed while he took it over.
            temporary::unless_missing(claim.unlink()).map_err(failed)?;
        }
        let file = match temporary::create_new(&folder, CLAIM_NAME, OFlags::RDWR) {
            Err(Errno::EXIST) => return Err(busy()),
            file => file.map_err(failed)?,
        };
        let mut beating = Beating::new(file);
        let taken = beating.write().map_err(failed).and_then(|()| {
            // From here on nobody else has a claim: what it says now, it says until the rename.
            if self.read_line(&folder, LOCK_NAME)?.as_ref() != Some(&seen.lock) {
                return Err(busy());
            }
            let lock = Spot { name: LOCK_NAME.as_ref(), ..claim };
            rename::replacing(claim, lock).map_err(failed)
        });
        if let Err(error) = taken {
            temporary::unless_missing(claim.unlink()).map_err(failed)?;
            return Err(error);
        }
        self.beats(folder, beating)
    }

    /// `false` where the file system has no locks.
    fn flock(&self, file: &File) -> Result<bool, Errno> {
        if self.faults().lacks(Lack::Flock) {
            return Ok(false);
        }
        match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(true),
            Err(Errno::NOLCK | Errno::NOSYS | Errno::INVAL) => Ok(false),
            Err(errno) if errno == Errno::NOTSUP || errno == Errno::OPNOTSUPP => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    fn begin_to_beat(&self, folder: OwnedFd, file: File) -> Result<Lock<'_>, DoorError> {
        let lock = self.beats(folder, Beating::new(file))?;
        lock.beat(Duration::ZERO)?;
        Ok(lock)
    }

    fn beats(&self, folder: OwnedFd, beating: Beating) -> Result<Lock<'_>, DoorError> {
        let path = Area::Record.join(LOCK_NAME);
        let identity = Facts::of_descriptor(&beating.file)
            .map_err(|errno| self.below().failed(Operation::Lock, &path, errno))?
            .identity;
        let held = Held::ByBeat { folder, identity, beating: Mutex::new(beating) };
        Ok(Lock { destination: self, held })
    }

    fn read_beat(&self, folder: &OwnedFd) -> Result<Option<Beat>, DoorError> {
        let operation = Operation::Lock;
        let path = Area::Record.join(LOCK_NAME);
        let file = match self.open_own(operation, folder, LOCK_NAME, &path, OFlags::RDWR) {
            Err(error) if error.kind() == DoorErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        match self.flock(&file) {
            // Closed right away, and free again.
            Ok(true) | Err(Errno::AGAIN) => return Ok(None),
            Ok(false) => {}
            Err(errno) => return Err(self.below().failed(operation, &path, errno)),
        }
        let Some(lock) = self.read_line(folder, LOCK_NAME)? else {
            return Ok(None);
        };
        Ok(Some(Beat { lock, claim: self.read_line(folder, CLAIM_NAME)? }))
    }

    /// What a lock or a claim says; none where there is none.
    fn read_line(&self, folder: &OwnedFd, name: &str) -> Result<Option<Vec<u8>>, DoorError> {
        let operation = Operation::Lock;
        let path = Area::Record.join(name);
        let file = match self.open_own(operation, folder, name, &path, OFlags::RDONLY) {
            Err(error) if error.kind() == DoorErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let mut line = Vec::new();
        file.take(MAX_LINE_BYTES)
            .read_to_end(&mut line)
            .map_err(|error| self.below().failed(operation, &path, errno_of(&error)))?;
        Ok(Some(line))
    }
}
