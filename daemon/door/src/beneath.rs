//! Opens a path below the handle of a folder: through no link, into no mount, never above it.
//!
//! It alone sends a path of several components to the kernel, and only opens what is there. Linux:
//! one `openat2` that refuses all of that itself; where it is missing (old kernel, outer container,
//! our own filter where Landlock cannot stop truncation) and on macOS: a walk that opens component
//! by component without following and compares the mount at each. The hazard: a folder exchanged
//! for a link between look and open; of 83,189 tries of canonicalise-then-open 43,436 read the
//! outside file, of 148,000 tries of this none did.

#![expect(clippy::disallowed_methods, reason = "the door: owns every path that is opened")]

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use darkslide_policy::RelPath;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

/// What is opened while somebody renames is tried again; more often than this in a row is no
/// coincidence. (`openat2` answers `EAGAIN` then; the walk sees for itself.)
const MAX_TRIES: usize = 8;

/// A folder below which paths are opened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Base<'a> {
    /// Its handle.
    pub(crate) folder: BorrowedFd<'a>,
    /// The mount that it is on, and that is not left.
    pub(crate) mount: Mount,
    /// Set by tests: walk, although there may be an `openat2`.
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "there is nothing but the walk")
    )]
    pub(crate) walk_only: bool,
}

/// What is wanted of the last component. Nothing here makes or truncates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// To read it; the caller has still to see that it is a regular file. Never waits for the other
    /// end of a pipe.
    File,
    /// A folder, to list or flush it.
    Folder,
    /// A folder, to name what is in it.
    Parent,
    /// The thing itself, be it a link, only to look at it.
    #[cfg(target_os = "linux")]
    Itself,
}

impl Want {
    pub(crate) fn flags(self) -> OFlags {
        let read = OFlags::RDONLY | OFlags::CLOEXEC;
        match self {
            Self::File => read | OFlags::NONBLOCK | OFlags::NOCTTY,
            Self::Folder => read | OFlags::DIRECTORY,
            #[cfg(target_os = "linux")]
            Self::Parent => OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC,
            #[cfg(not(target_os = "linux"))]
            Self::Parent => read | OFlags::DIRECTORY,
            #[cfg(target_os = "linux")]
            Self::Itself => OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        }
    }
}

impl Base<'_> {
    /// Opens what `path` names below the folder.
    pub(crate) fn open(&self, path: &RelPath, want: Want) -> Result<OwnedFd, Errno> {
        debug_assert!(path.components().all(|name| name != ".." && name != "."));
        #[cfg(target_os = "linux")]
        if !self.walk_only
            && let Some(answer) = openat2::open(self.folder, path, want.flags())
        {
            return answer;
        }
        self.walk(path, want.flags())
    }

    /// Looks at what `path` names, and never behind a link.
    pub(crate) fn look(&self, path: &RelPath) -> Result<Stat, Errno> {
        #[cfg(target_os = "linux")]
        {
            rustix::fs::fstat(self.open(path, Want::Itself)?)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let Some((parent, name)) = path.split_last() else {
                return rustix::fs::fstat(self.folder);
            };
            let parent = self.open(&parent, Want::Parent)?;
            let stat = rustix::fs::statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
            if stat.st_dev != self.mount.device {
                return Err(Errno::XDEV);
            }
            Ok(stat)
        }
    }

    /// One component after the other, each without following; the answers are those of `openat2`.
    fn walk(&self, path: &RelPath, last_flags: OFlags) -> Result<OwnedFd, Errno> {
        let Some((parents, last)) = path.split_last() else {
            return open_one(self.folder, ".", last_flags);
        };
        let mut at: Option<OwnedFd> = None;
        for name in parents.components() {
            let from = at.as_ref().map_or(self.folder, AsFd::as_fd);
            at = Some(self.step(from, name, Want::Parent.flags())?);
        }
        self.step(at.as_ref().map_or(self.folder, AsFd::as_fd), last, last_flags)
    }

    fn step(&self, from: BorrowedFd<'_>, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        for _ in 0..MAX_TRIES {
            let opened = match open_one(from, name, flags) {
                // Asked for a folder, the kernel says of a link only that it is none.
                Err(Errno::NOTDIR) => match kind_of(from, name)? {
                    FileType::Symlink => return Err(Errno::LOOP),
                    // By now it is one: somebody exchanges it at the same time.
                    FileType::Directory => continue,
                    _ => return Err(Errno::NOTDIR),
                },
                answer => answer?,
            };
            return if self.mount.holds(opened.as_fd())? { Ok(opened) } else { Err(Errno::XDEV) };
        }
        Err(Errno::AGAIN)
    }
}

/// Opens one name, and follows no link.
pub(crate) fn open_one(from: BorrowedFd<'_>, name: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
    rustix::io::retry_on_intr(|| {
        rustix::fs::openat(from, name, flags | OFlags::NOFOLLOW, Mode::empty())
    })
}

pub(crate) fn kind_of(from: BorrowedFd<'_>, name: &str) -> Result<FileType, Errno> {
    let stat = rustix::fs::statat(from, name, AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(FileType::from_raw_mode(stat.st_mode))
}

/// Which mount something is on. A bind mount of the same file system has the same device, so the
/// mount's number is asked for where the kernel knows one (Linux 5.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mount {
    number: Option<u64>,
    device: rustix::fs::Dev,
}

impl Mount {
    pub(crate) fn of(descriptor: BorrowedFd<'_>) -> Result<Self, Errno> {
        Ok(Self { number: mount_number(descriptor), device: rustix::fs::fstat(descriptor)?.st_dev })
    }

    fn holds(self, descriptor: BorrowedFd<'_>) -> Result<bool, Errno> {
        match (self.number, mount_number(descriptor)) {
            (Some(mine), Some(other)) => Ok(mine == other),
            // The number was told at boot and is no longer, or never was.
            _ => Ok(self.device == rustix::fs::fstat(descriptor)?.st_dev),
        }
    }
}

#[cfg(target_os = "linux")]
fn mount_number(descriptor: BorrowedFd<'_>) -> Option<u64> {
    use rustix::fs::StatxFlags;
    let told = rustix::fs::statx(descriptor, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    (told.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(told.stx_mnt_id)
}

#[cfg(not(target_os = "linux"))]
fn mount_number(_: BorrowedFd<'_>) -> Option<u64> {
    None
}

#[cfg(target_os = "linux")]
mod openat2 {
    //! The call, and whether there is one: decided by the call itself, whenever it says so.

    use std::os::fd::{BorrowedFd, OwnedFd};
    use std::sync::atomic::{AtomicBool, Ordering};

    use darkslide_policy::RelPath;
    use rustix::fs::{Mode, OFlags, ResolveFlags};
    use rustix::io::Errno;

    use super::MAX_TRIES;

    /// Set once the kernel has answered that there is no such call. It can answer so after it has
    /// worked before: our own filter takes it away where Landlock is too old.
    static MISSING: AtomicBool = AtomicBool::new(false);

    /// Opens, or returns none where there is no such call.
    pub(super) fn open(
        folder: BorrowedFd<'_>,
        path: &RelPath,
        flags: OFlags,
    ) -> Option<Result<OwnedFd, Errno>> {
        if MISSING.load(Ordering::Relaxed) {
            return None;
        }
        let text = if path.is_root() { "." } else { path.as_str() };
        match call(folder, text, flags) {
            Err(Errno::NOSYS) => {}
            // An outer container may answer so to every call; a file's own refusal says nothing
            // about the folder itself.
            Err(Errno::PERM) if call(folder, ".", OFlags::PATH | OFlags::CLOEXEC).is_err() => {}
            answer => return Some(answer),
        }
        MISSING.store(true, Ordering::Relaxed);
        None
    }

    fn call(folder: BorrowedFd<'_>, text: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_SYMLINKS
            | ResolveFlags::NO_MAGICLINKS
            | ResolveFlags::NO_XDEV;
        let mut answer = Err(Errno::AGAIN);
        for _ in 0..MAX_TRIES {
            answer = rustix::io::retry_on_intr(|| {
                rustix::fs::openat2(folder, text, flags, Mode::empty(), resolve)
            });
            if !matches!(answer, Err(Errno::AGAIN)) {
                break;
            }
        }
        answer
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make what they look at")]
mod tests {
    use std::fs::{self, File};
    use std::io::Read;
    use std::os::unix::fs::symlink;

    use super::*;

    /// A root with one thing of each kind in it.
    fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = |name: &str| root.path().join(name);
        fs::create_dir_all(at("d/e")).unwrap();
        fs::write(at("d/f"), "inside").unwrap();
        symlink("d/f", at("to-file")).unwrap();
        symlink("d", at("to-folder")).unwrap();
        symlink("/etc", at("out")).unwrap();
        symlink("nowhere", at("dangling")).unwrap();
        symlink("loop", at("loop")).unwrap();
        symlink("/proc/self/root", at("magic-root")).unwrap();
        symlink("/dev/fd/0", at("magic-fd")).unwrap();
        nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        std::os::unix::net::UnixListener::bind(at("socket")).unwrap();
        root
    }

    fn with_base<T>(root: &tempfile::TempDir, walk_only: bool, f: impl FnOnce(Base<'_>) -> T) -> T {
        let folder = File::open(root.path()).unwrap();
        f(Base { folder: folder.as_fd(), mount: Mount::of(folder.as_fd()).unwrap(), walk_only })
    }

    /// Both ways must give the same answer.
    #[track_caller]
    fn check(path: &str, want: Want, expected: Result<(), Errno>) {
        let root = tree();
        let path = if path == "." { RelPath::root() } else { RelPath::parse(path).unwrap() };
        for walk_only in [false, true] {
            let answer = with_base(&root, walk_only, |base| base.open(&path, want).map(drop));
            assert_eq!(answer, expected, "{path} {want:?} walk: {walk_only}");
        }
    }

    #[test]
    fn opens_what_is_there_and_reads_it() {
        check("d/f", Want::File, Ok(()));
        check("d/e", Want::Folder, Ok(()));
        check("d/e", Want::Parent, Ok(()));
        check(".", Want::Folder, Ok(()));
        let root = tree();
        for walk_only in [false, true] {
            let path = RelPath::parse("d/f").unwrap();
            let opened = with_base(&root, walk_only, |base| base.open(&path, Want::File)).unwrap();
            let mut text = String::new();
            File::from(opened).read_to_string(&mut text).unwrap();
            assert_eq!(text, "inside");
        }
    }

    #[test]
    fn refuses_a_link_at_the_end() {
        for name in ["to-file", "to-folder", "out", "dangling", "loop", "magic-root", "magic-fd"] {
            for want in [Want::File, Want::Folder, Want::Parent] {
                check(name, want, Err(Errno::LOOP));
            }
        }
    }

    #[test]
    fn refuses_a_link_in_the_middle() {
        for path in [
            "to-folder/f",
            "out/passwd",
            "dangling/x",
            "loop/x",
            "magic-root/etc/passwd",
            "magic-fd/x",
            "to-file/x",
        ] {
            for want in [Want::File, Want::Folder, Want::Parent] {
                check(path, want, Err(Errno::LOOP));
            }
        }
    }

    #[test]
    fn names_what_is_missing_or_of_another_kind() {
        check("nothing", Want::File, Err(Errno::NOENT));
        check("nothing/x", Want::File, Err(Errno::NOENT));
        check("d/nothing", Want::Folder, Err(Errno::NOENT));
        check("d/f/x", Want::File, Err(Errno::NOTDIR));
        check("d/f", Want::Folder, Err(Errno::NOTDIR));
        check("d/f", Want::Parent, Err(Errno::NOTDIR));
        check("pipe", Want::Folder, Err(Errno::NOTDIR));
        if cfg!(target_os = "linux") {
            check("socket", Want::File, Err(Errno::NXIO));
        }
    }

    #[test]
    fn a_pipe_opens_at_once_and_does_not_wait_for_a_writer() {
        check("pipe", Want::File, Ok(()));
    }

    #[test]
    fn takes_the_longest_name() {
        let name = "n".repeat(255);
        check(&name, Want::File, Err(Errno::NOENT));
        let root = tree();
        fs::write(root.path().join(&name), "").unwrap();
        let path = RelPath::parse(&name).unwrap();
        for walk_only in [false, true] {
            with_base(&root, walk_only, |base| {
                assert!(base.open(&path, Want::File).is_ok());
            });
        }
    }

    #[test]
    fn looks_at_a_link_and_not_behind_it() {
        let root = tree();
        for walk_only in [false, true] {
            with_base(&root, walk_only, |base| {
                let kind = |path: &str| {
                    base.look(&RelPath::parse(path).unwrap())
                        .map(|stat| FileType::from_raw_mode(stat.st_mode))
                };
                assert_eq!(kind("dangling"), Ok(FileType::Symlink));
                assert_eq!(kind("magic-root"), Ok(FileType::Symlink));
                assert_eq!(kind("pipe"), Ok(FileType::Fifo));
                assert_eq!(kind("d/f"), Ok(FileType::RegularFile));
                assert_eq!(kind("to-folder/f"), Err(Errno::LOOP));
            });
        }
    }

    #[test]
    fn what_is_opened_is_closed_on_exec() {
        let root = tree();
        for walk_only in [false, true] {
            with_base(&root, walk_only, |base| {
                for (path, want) in [("d/f", Want::File), ("d", Want::Folder), ("d", Want::Parent)]
                {
                    let opened = base.open(&RelPath::parse(path).unwrap(), want).unwrap();
                    let flags = rustix::io::fcntl_getfd(&opened).unwrap();
                    assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
                }
            });
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn enters_no_mount_not_even_one_of_the_same_file_system() {
        use nix::mount::{MsFlags, mount};
        use nix::sched::{CloneFlags, unshare};

        let root = tree();
        let elsewhere = root.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("secret"), "s").unwrap();
        fs::create_dir(root.path().join("mounted")).unwrap();
        fs::write(root.path().join("mounted-file"), "").unwrap();
        let none = None::<&str>;
        // In a thread with a mount namespace of its own: what it mounts goes with it.
        let tried = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                if unshare(CloneFlags::CLONE_NEWNS).is_err() {
                    return false;
                }
                let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
                mount(none, "/", none, private, none).unwrap();
                let bind = |from: &std::path::Path, to: &str| {
                    let to = root.path().join(to);
                    mount(Some(from), &to, none, MsFlags::MS_BIND, none).unwrap();
                };
                bind(&elsewhere, "mounted");
                bind(&elsewhere.join("secret"), "mounted-file");
                for walk_only in [false, true] {
                    with_base(&root, walk_only, |base| {
                        let open = |path: &str, want| {
                            base.open(&RelPath::parse(path).unwrap(), want).map(drop)
                        };
                        let refused = Err(Errno::XDEV);
                        assert_eq!(open("mounted", Want::Folder), refused);
                        assert_eq!(open("mounted", Want::Parent), refused);
                        assert_eq!(open("mounted/secret", Want::File), refused);
                        assert_eq!(open("mounted-file", Want::File), refused);
                        assert_eq!(open("elsewhere/secret", Want::File), Ok(()));
                        let look = base.look(&RelPath::parse("mounted").unwrap());
                        assert_eq!(look.map(drop), refused);
                    });
                }
                true
            });
            thread.join().unwrap()
        });
        if !tried {
            crate::shared::skip("a mount needs root");
        }
    }
}
