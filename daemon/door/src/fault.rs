//! Every effect of the door by name, and the injector that a test hands in to make one of them
//! fail.
//!
//! Each operation below a library or root is announced here just before it is done. The programs
//! hand in [`Faults::none`], which lets all pass; a test hands in one that counts, that fails the
//! N-th with an errno, that ends the process before the N-th, that takes a call away that older
//! kernels and poorer file systems do not have, or several of these. It is a value, never a feature
//! of the crate: a workspace build would switch that on for the programs too. The hazard: error
//! paths that nobody ever walked.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::io::Errno;

/// What the door does, and what its holders do with the descriptors it lends (the last three).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Finding the real path of a library or root at boot, and pinning it.
    Pin,
    /// Making a root that is not there.
    MakeRoot,
    /// Trying, at boot, whether what is granted works.
    Probe,
    /// Opening a file for reading.
    OpenFile,
    /// Opening a folder.
    OpenFolder,
    /// Looking at what a path names.
    Look,
    /// Reading the names in a folder.
    List,
    /// Making a folder.
    MakeFolder,
    /// Removing an empty folder.
    RemoveFolder,
    /// Making a temporary file.
    CreateTemporary,
    /// Cloning a file's content into a temporary file.
    CloneTemporary,
    /// Removing a temporary file, or one in `aside/`.
    RemoveTemporary,
    /// Setting mode and times of a finished file.
    Finish,
    /// Giving a finished file its final name.
    Publish,
    /// Renaming without replacing.
    Rename,
    /// Exchanging two names.
    Exchange,
    /// Removing one of the two names that a file has.
    RemoveName,
    /// Renaming over an empty file that was made to hold the name.
    FillPlaceholder,
    /// Removing an empty file that held a name.
    RemovePlaceholder,
    /// Trying which renames a destination's file system can do.
    ProbeRenames,
    /// Opening a file of the destination's own record for reading.
    OpenRecord,
    /// Opening a file of the record for appending.
    AppendRecord,
    /// Making the new form of a file of the record.
    CreateRecord,
    /// Flushing the new form of a file of the record.
    FlushRecord,
    /// Putting the new form of a file of the record in the place of the old one.
    ReplaceRecord,
    /// Removing a file of the record.
    RemoveRecord,
    /// Taking the lock of a destination.
    Lock,
    /// Saying in the lock that its holder is alive.
    Beat,
    /// Taking over a lock whose holder is gone.
    TakeOver,
    /// Asking which file system it is.
    FileSystem,
    /// Flushing the file system.
    Sync,
    /// Asking for free space.
    FreeSpace,
    /// Reading from an open file.
    Read,
    /// Writing to an open file.
    Write,
    /// Flushing an open file.
    Flush,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pin => "open the folder",
            Self::MakeRoot => "make the folder",
            Self::Probe => "use",
            Self::OpenFile => "open",
            Self::OpenFolder => "open the folder",
            Self::Look => "look at",
            Self::List => "list",
            Self::MakeFolder => "make the folder",
            Self::RemoveFolder => "remove the folder",
            Self::CreateTemporary => "make the temporary file",
            Self::CloneTemporary => "clone into the temporary file",
            Self::RemoveTemporary => "remove the temporary file",
            Self::Finish => "set mode and times of",
            Self::Publish => "publish",
            Self::Rename => "rename",
            Self::Exchange => "exchange",
            Self::RemoveName => "remove the second name of",
            Self::FillPlaceholder => "rename onto the empty file",
            Self::RemovePlaceholder => "remove the empty file",
            Self::ProbeRenames => "try renames in",
            Self::OpenRecord => "open the record",
            Self::AppendRecord => "append to the record",
            Self::CreateRecord => "write the record",
            Self::FlushRecord => "flush the record",
            Self::ReplaceRecord => "replace the record",
            Self::RemoveRecord => "remove the record",
            Self::Lock => "lock",
            Self::Beat => "renew the lock",
            Self::TakeOver => "take over the lock",
            Self::FileSystem => "ask for the file system of",
            Self::Sync => "flush the file system of",
            Self::FreeSpace => "ask for the free space of",
            Self::Read => "read",
            Self::Write => "write",
            Self::Flush => "flush",
        })
    }
}

/// What is to go wrong. Clones share one count.
#[derive(Debug, Clone, Default)]
pub struct Faults(Option<Arc<Injector>>);

#[derive(Debug)]
struct Injector {
    acts: Vec<Act>,
    announced: AtomicU64,
    seen: Mutex<Vec<Operation>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    FailNth { nth: u64, errno: i32 },
    FailEach { operation: Operation, errno: i32 },
    AbortBeforeNth { nth: u64 },
    Lack(Lack),
}

/// What an older kernel or a poorer file system does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lack {
    Openat2,
    ExclusiveRename,
    Exchange,
    /// The flags of a rename are accepted, and it is a plain one.
    HonestFlags,
    Links,
    Syncfs,
    Flock,
    CopyRange,
    /// The names of files are there, and their contents elsewhere.
    Contents,
}

impl Faults {
    /// Nothing goes wrong: what the programs hand in.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// Counts the operations and lets all of them pass.
    #[must_use]
    pub fn count() -> Self {
        Self::with(Vec::new())
    }

    /// Fails the operation number `nth` (the first is 1) with an errno, without doing it.
    #[must_use]
    pub fn fail_nth(nth: u64, errno: i32) -> Self {
        Self::with(vec![Act::FailNth { nth, errno }])
    }

    /// Fails each operation of one kind with an errno, without doing it.
    #[must_use]
    pub fn fail_each(operation: Operation, errno: i32) -> Self {
        Self::with(vec![Act::FailEach { operation, errno }])
    }

    /// Ends the process, as a kill would, before the operation number `nth` (the first is 1).
    #[must_use]
    pub fn abort_before_nth(nth: u64) -> Self {
        Self::with(vec![Act::AbortBeforeNth { nth }])
    }

    /// Behaves as a kernel without `openat2`, so that paths are walked component by component.
    #[must_use]
    pub fn without_openat2() -> Self {
        Self::lacking(Lack::Openat2)
    }

    /// Behaves as a file system that refuses to rename without replacing.
    #[must_use]
    pub fn without_exclusive_rename() -> Self {
        Self::lacking(Lack::ExclusiveRename)
    }

    /// Behaves as a file system that refuses to exchange two names.
    #[must_use]
    pub fn without_exchange() -> Self {
        Self::lacking(Lack::Exchange)
    }

    /// Behaves as a file system that takes the flags of a rename, and does a plain one.
    #[must_use]
    pub fn flags_ignored() -> Self {
        Self::lacking(Lack::HonestFlags)
    }

    /// Behaves as a file system without hard links.
    #[must_use]
    pub fn without_links() -> Self {
        Self::lacking(Lack::Links)
    }

    /// Behaves as a file system that does not hand on the flush of a whole file system.
    #[must_use]
    pub fn without_syncfs() -> Self {
        Self::lacking(Lack::Syncfs)
    }

    /// Behaves as a file system without locks.
    #[must_use]
    pub fn without_flock() -> Self {
        Self::lacking(Lack::Flock)
    }

    /// Behaves as two file systems between which the kernel copies nothing by itself.
    #[must_use]
    pub fn without_copy_range() -> Self {
        Self::lacking(Lack::CopyRange)
    }

    /// Behaves as a folder whose files a cloud keeps: names, sizes and times, and no content.
    #[must_use]
    pub fn without_contents() -> Self {
        Self::lacking(Lack::Contents)
    }

    /// Both at once, with a count of its own. Of two failures at one operation the first is told.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let of = |faults: &Self| faults.0.as_ref().map_or_else(Vec::new, |it| it.acts.clone());
        Self::with([of(&self), of(&other)].concat())
    }

    fn lacking(lack: Lack) -> Self {
        Self::with(vec![Act::Lack(lack)])
    }

    fn with(acts: Vec<Act>) -> Self {
        Self(Some(Arc::new(Injector {
            acts,
            announced: AtomicU64::new(0),
            seen: Mutex::new(Vec::new()),
        })))
    }

    /// Returns how many operations were announced; 0 where nobody counts.
    #[must_use]
    pub fn announced(&self) -> u64 {
        self.0.as_ref().map_or(0, |injector| injector.announced.load(Ordering::SeqCst))
    }

    /// Returns the operations in the order in which they were announced; none where nobody counts.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        self.0.as_ref().map_or_else(Vec::new, |injector| {
            let seen = injector.seen.lock();
            seen.unwrap_or_else(PoisonError::into_inner).clone()
        })
    }

    /// Announces an operation that its caller does itself on an open descriptor
    /// ([`Operation::Read`], [`Operation::Write`], [`Operation::Flush`]); what the door does, it
    /// announces itself.
    ///
    /// # Errors
    /// What a test wants to see: the caller must then not do it, and take this for the answer.
    pub fn check(&self, operation: Operation) -> io::Result<()> {
        self.announce(operation).map_err(io::Error::from)
    }

    pub(crate) fn announce(&self, operation: Operation) -> Result<(), Errno> {
        let Some(injector) = &self.0 else {
            return Ok(());
        };
        let number = injector.announced.fetch_add(1, Ordering::SeqCst) + 1;
        let mut seen = injector.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(operation);
        drop(seen);
        injector.acts.iter().try_for_each(|act| match *act {
            Act::FailNth { nth, errno } if nth == number => Err(Errno::from_raw_os_error(errno)),
            Act::FailEach { operation: which, errno } if which == operation => {
                Err(Errno::from_raw_os_error(errno))
            }
            Act::AbortBeforeNth { nth } if nth == number => end_as_a_kill_would(),
            Act::FailNth { .. }
            | Act::FailEach { .. }
            | Act::AbortBeforeNth { .. }
            | Act::Lack(_) => Ok(()),
        })
    }

    pub(crate) fn lacks(&self, lack: Lack) -> bool {
        self.0.as_ref().is_some_and(|injector| injector.acts.contains(&Act::Lack(lack)))
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test asks for an end without any unwinding, as SIGKILL would bring it"
)]
fn end_as_a_kill_would() -> ! {
    std::process::abort()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fails_the_nth_and_no_other() {
        let faults = Faults::fail_nth(2, 28);
        let answers: Vec<_> = (0..3)
            .map(|_| faults.check(Operation::Write).err().and_then(|e| e.raw_os_error()))
            .collect();
        assert_eq!(answers, [None, Some(28), None]);
        assert_eq!(faults.announced(), 3);
    }

    #[test]
    fn two_are_one_with_what_both_do_and_lack() {
        let both = Faults::without_links().and(Faults::fail_nth(1, 28)).and(Faults::none());
        assert!(both.lacks(Lack::Links) && !both.lacks(Lack::Flock));
        assert!(both.check(Operation::Write).is_err());
        assert!(both.check(Operation::Write).is_ok());
    }

    #[test]
    fn clones_share_one_count() {
        let faults = Faults::count();
        faults.clone().check(Operation::Read).unwrap();
        faults.check(Operation::Sync).unwrap();
        assert_eq!(faults.operations(), [Operation::Read, Operation::Sync]);
    }

    #[test]
    fn the_programs_own_value_lets_all_pass_and_counts_nothing() {
        let faults = Faults::none();
        faults.check(Operation::Publish).unwrap();
        assert_eq!((faults.announced(), faults.operations().len()), (0, 0));
    }
}
