//! What `misbehave` can try, by name: mostly one system call with its arguments, as an attacker in
//! the process would make it.
//!
//! A call is data, so that the list can be read as a list; few attempts need a function. What lies
//! outside the rules is `outside/`, beside the library and the root. `main.rs` says what is
//! expected of each name, and fails if one of the two lists has a name that the other lacks. The
//! pointers in the calls lead into `Places`, which outlives them.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::net::ToSocketAddrs as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::Command;

use darkslide_daemon::confine::{
    ConfineError, MAX_CORE_BYTES, MAX_DATA_BYTES, MAX_DESCRIPTORS, Strictness, assert_confined,
    enter, recheck,
};
use nix::errno::Errno;
use nix::libc;

/// What came of an attempt.
pub(super) type Answer = Result<i64, Errno>;

/// One thing to try.
pub(super) enum Attempt {
    /// A system call by number, with its arguments.
    Call(i64, [usize; 6]),
    /// Anything that takes more than one.
    Function(fn(&Places) -> Answer),
}

impl Attempt {
    pub(super) fn make(&self, places: &Places) -> Answer {
        match self {
            Self::Call(number, arguments) => call(*number, *arguments),
            Self::Function(function) => function(places),
        }
    }
}

/// Paths and descriptors that an attempt may use, all made before confinement.
pub(super) struct Places {
    photo: CString,
    album: CString,
    library_new: CString,
    root_file: CString,
    root_new: CString,
    log: CString,
    log_new: CString,
    secret: CString,
    outside: CString,
    outside_new: CString,
    by_descriptor: CString,
    plug: CString,
    outside_handle: File,
    library_handle: File,
    photo_handle: File,
    root_handle: File,
    socket: UnixDatagram,
    /// Keeps the socket that others would connect to alive.
    _listener: Option<UnixListener>,
    listener_address: Vec<u8>,
    zeroes: Vec<u8>,
}

impl Places {
    pub(super) fn below(base: &Path) -> Self {
        let text = |path: &Path| {
            CString::new(path.as_os_str().as_bytes()).expect("no NUL in a path of ours")
        };
        let at = |name: &str| text(&base.join(name));
        let open = |name: &str| File::open(base.join(name)).expect("the caller makes it");
        let outside_handle = open("outside");
        // sockaddr_un: family 1, then the path. A long temporary folder leaves no room for it; then
        // nobody listens.
        let mut listener_address = vec![1, 0];
        listener_address.extend(base.join("outside/s").as_os_str().as_bytes());
        listener_address.resize(110, 0);
        Self {
            photo: at("library/photo"),
            album: at("library/album"),
            library_new: at("library/new"),
            root_file: at("root/file"),
            root_new: at("root/new"),
            log: at("audit/log"),
            log_new: at("audit/new"),
            secret: at("outside/secret"),
            outside: at("outside"),
            outside_new: at("outside/new"),
            by_descriptor: text(Path::new(&format!(
                "/proc/self/fd/{}",
                outside_handle.as_raw_fd()
            ))),
            plug: at("library/plug.so"),
            outside_handle,
            library_handle: open("library"),
            photo_handle: open("library/photo"),
            root_handle: open("root"),
            socket: UnixDatagram::unbound().expect("a socket can be made before confinement"),
            _listener: UnixListener::bind(base.join("outside/s")).ok(),
            listener_address,
            zeroes: vec![0; 4096],
        }
    }
}

/// One raw system call: what an attacker in the process would make.
fn call(number: i64, [a, b, c, d, e, f]: [usize; 6]) -> Answer {
    // SAFETY: there is no safe way to make a call that the daemon is forbidden. Each pointer among
    // the arguments leads to a NUL-terminated string or a zeroed buffer of 4 KiB in `Places`, which
    // outlives the call and which nothing else uses; calls that would change this process's memory
    // or threads are refused, or are tried by children that end with them.
    let answer = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    Errno::result(answer)
}

fn text(path: &CStr) -> usize {
    path.as_ptr() as usize
}

const HERE: usize = libc::AT_FDCWD as usize;
const NONE: usize = usize::MAX;

/// All names, those of `attempt` with a number apart.
pub(super) fn names(places: &Places) -> Vec<&'static str> {
    table(places).into_iter().map(|(name, _)| name).collect()
}

/// Finds an attempt by name; `number_N` is the call of that number without arguments.
pub(super) fn attempt(name: &str, places: &Places) -> Option<Attempt> {
    if let Some(number) = name.strip_prefix("number_") {
        return Some(Attempt::Call(number.parse().ok()?, [0; 6]));
    }
    table(places).into_iter().find(|(found, _)| *found == name).map(|(_, attempt)| attempt)
}

fn table(places: &Places) -> Vec<(&'static str, Attempt)> {
    let mut all = files(places);
    all.extend(metadata(places));
    all.extend(sockets(places));
    all.extend(processes(places));
    all.extend(kernel(places));
    all.extend(functions());
    all
}

/// A call of up to six arguments; the others are 0.
fn raw<const N: usize>(number: i64, given: [usize; N]) -> Attempt {
    let mut arguments = [0; 6];
    for (argument, value) in arguments.iter_mut().zip(given) {
        *argument = value;
    }
    Attempt::Call(number, arguments)
}

const O_WRONLY: usize = libc::O_WRONLY as usize;
const O_CREAT: usize = libc::O_CREAT as usize;
const O_TRUNC: usize = libc::O_TRUNC as usize;
const O_DIRECTORY: usize = libc::O_DIRECTORY as usize;

/// Contents, names and folders.
#[rustfmt::skip]
fn files(p: &Places) -> Vec<(&'static str, Attempt)> {
    let outside = p.outside_handle.as_raw_fd() as usize;
    let (photo, new, secret) = (text(&p.photo), text(&p.library_new), text(&p.secret));
    let (root_file, root_new) = (text(&p.root_file), text(&p.root_new));
    vec![
        ("read_the_library",            raw(libc::SYS_openat, [HERE, photo, 0])),
        ("list_the_library",            raw(libc::SYS_openat, [HERE, text(&p.album), O_DIRECTORY])),
        ("read_outside",                raw(libc::SYS_openat, [HERE, secret, 0])),
        ("read_outside_by_an_old_handle", raw(libc::SYS_openat, [outside, text(c"secret"), 0])),
        ("read_outside_by_openat2",     Attempt::Function(|p| openat2(&p.secret, 0))),
        ("list_outside",                raw(libc::SYS_openat, [HERE, text(&p.outside), O_DIRECTORY])),
        ("reopen_a_descriptor",         raw(libc::SYS_openat, [HERE, text(&p.by_descriptor), O_DIRECTORY])),
        ("read_proc_self",              raw(libc::SYS_openat, [HERE, text(c"/proc/self/status"), 0])),
        ("read_proc_parent",            raw(libc::SYS_openat, [HERE, text(c"/proc/1/environ"), 0])),
        ("write_the_null_device",       raw(libc::SYS_openat, [HERE, text(c"/dev/null"), O_WRONLY])),
        ("create_outside",              raw(libc::SYS_openat, [HERE, text(&p.outside_new), O_CREAT | O_WRONLY, 0o600])),
        ("make_a_folder_outside",       raw(libc::SYS_mkdirat, [HERE, text(&p.outside_new), 0o700])),
        ("remove_outside",              raw(libc::SYS_unlinkat, [HERE, secret, 0])),
        ("rename_out_of_the_root",      raw(libc::SYS_renameat2, [HERE, root_file, HERE, text(&p.outside_new), 0])),
        ("link_from_outside",           raw(libc::SYS_linkat, [HERE, secret, HERE, root_new, 0])),
        ("library_open_to_write",       raw(libc::SYS_openat, [HERE, photo, O_WRONLY])),
        ("library_open_to_write_by_openat2", Attempt::Function(|p| openat2(&p.photo, O_WRONLY))),
        ("library_open_truncating",     raw(libc::SYS_openat, [HERE, photo, O_TRUNC])),
        ("library_open_truncating_by_openat2", Attempt::Function(|p| openat2(&p.photo, O_TRUNC))),
        ("library_truncate",            raw(libc::SYS_truncate, [photo, 0])),
        ("library_ftruncate",           raw(libc::SYS_ftruncate, [p.photo_handle.as_raw_fd() as usize, 0])),
        ("library_create",              raw(libc::SYS_openat, [HERE, new, O_CREAT | O_WRONLY, 0o600])),
        ("library_mkdir",               raw(libc::SYS_mkdirat, [HERE, new, 0o700])),
        ("library_mkdir_by_handle",     raw(libc::SYS_mkdirat, [p.library_handle.as_raw_fd() as usize, text(c"new"), 0o700])),
        ("library_unlink",              raw(libc::SYS_unlinkat, [HERE, photo, 0])),
        ("library_rmdir",               raw(libc::SYS_unlinkat, [HERE, text(&p.album), libc::AT_REMOVEDIR as usize])),
        ("library_rename_into_root",    raw(libc::SYS_renameat2, [HERE, photo, HERE, root_new, 0])),
        ("library_rename_within",       raw(libc::SYS_renameat2, [HERE, photo, HERE, new, 0])),
        ("library_exchange_with_root",  raw(libc::SYS_renameat2, [HERE, photo, HERE, root_file, libc::RENAME_EXCHANGE as usize])),
        ("library_link_into_root",      raw(libc::SYS_linkat, [HERE, photo, HERE, root_new, 0])),
        ("library_link_from_root",      raw(libc::SYS_linkat, [HERE, root_file, HERE, new, 0])),
        ("audit_unlink",                raw(libc::SYS_unlinkat, [HERE, text(&p.log), 0])),
        ("audit_rename_within",         raw(libc::SYS_renameat2, [HERE, text(&p.log), HERE, text(&p.log_new), 0])),
        ("audit_rename_into_root",      raw(libc::SYS_renameat2, [HERE, text(&p.log), HERE, root_new, 0])),
        ("audit_replace_from_root",     raw(libc::SYS_renameat2, [HERE, root_file, HERE, text(&p.log), 0])),
        ("audit_exchange_with_root",    raw(libc::SYS_renameat2, [HERE, text(&p.log), HERE, root_file, libc::RENAME_EXCHANGE as usize])),
        ("audit_mkdir",                 raw(libc::SYS_mkdirat, [HERE, text(&p.log_new), 0o700])),
        ("audit_open_truncating",       raw(libc::SYS_openat, [HERE, text(&p.log), O_TRUNC | O_WRONLY])),
        ("audit_open_truncating_by_openat2", Attempt::Function(|p| openat2(&p.log, O_TRUNC | O_WRONLY))),
        ("audit_truncate",              raw(libc::SYS_truncate, [text(&p.log), 0])),
        ("audit_ftruncate",             Attempt::Function(ftruncate_of_the_log)),
        ("audit_add",                   raw(libc::SYS_openat, [HERE, text(&p.log), O_WRONLY | libc::O_APPEND as usize])),
        ("audit_create",                raw(libc::SYS_openat, [HERE, text(&p.log_new), O_CREAT | O_WRONLY, 0o600])),
        ("root_symlink",                raw(libc::SYS_symlinkat, [secret, HERE, root_new])),
        ("root_fifo",                   raw(libc::SYS_mknodat, [HERE, root_new, libc::S_IFIFO as usize | 0o600])),
        ("root_device",                 raw(libc::SYS_mknodat, [HERE, root_new, libc::S_IFCHR as usize | 0o600, 0x103])),
        #[cfg(target_arch = "x86_64")]
        ("library_creat",               raw(libc::SYS_creat, [photo, 0o600])),
        #[cfg(target_arch = "x86_64")]
        ("library_old_open_truncating", raw(libc::SYS_open, [photo, O_TRUNC])),
        #[cfg(target_arch = "x86_64")]
        ("library_old_unlink",          raw(libc::SYS_unlink, [photo])),
        #[cfg(target_arch = "x86_64")]
        ("library_old_rename",          raw(libc::SYS_rename, [photo, root_new])),
        #[cfg(target_arch = "x86_64")]
        ("root_old_symlink",            raw(libc::SYS_symlink, [secret, root_new])),
    ]
}

/// Modes, owners, times, attributes: what Landlock does not cover.
#[rustfmt::skip]
fn metadata(p: &Places) -> Vec<(&'static str, Attempt)> {
    let (photo, zeroes) = (text(&p.photo), p.zeroes.as_ptr() as usize);
    let name = text(c"user.darkslide");
    vec![
        ("fchmodat",        raw(libc::SYS_fchmodat, [HERE, photo, 0o600])),
        ("fchmodat2",       raw(452, [HERE, photo, 0o600, 0])),
        ("fchownat",        raw(libc::SYS_fchownat, [HERE, photo, NONE, NONE, 0])),
        ("fchown",          raw(libc::SYS_fchown, [p.photo_handle.as_raw_fd() as usize, NONE, NONE])),
        ("utimensat",       raw(libc::SYS_utimensat, [HERE, photo, zeroes, 0])),
        ("setxattr",        raw(libc::SYS_setxattr, [photo, name, zeroes, 1, 0])),
        ("lsetxattr",       raw(libc::SYS_lsetxattr, [photo, name, zeroes, 1, 0])),
        ("fsetxattr",       raw(libc::SYS_fsetxattr, [p.photo_handle.as_raw_fd() as usize, name, zeroes, 1, 0])),
        ("removexattr",     raw(libc::SYS_removexattr, [photo, name])),
        ("set_flags",       raw(libc::SYS_ioctl, [p.photo_handle.as_raw_fd() as usize, 0x4008_6602, zeroes])),
        #[cfg(target_arch = "x86_64")]
        ("chmod",           raw(libc::SYS_chmod, [photo, 0o600])),
        #[cfg(target_arch = "x86_64")]
        ("chown",           raw(libc::SYS_chown, [photo, NONE, NONE])),
        #[cfg(target_arch = "x86_64")]
        ("lchown",          raw(libc::SYS_lchown, [photo, NONE, NONE])),
        #[cfg(target_arch = "x86_64")]
        ("utime",           raw(libc::SYS_utime, [photo, zeroes])),
        #[cfg(target_arch = "x86_64")]
        ("utimes",          raw(libc::SYS_utimes, [photo, zeroes])),
    ]
}

/// Any way to talk to somebody who is not connected yet.
#[rustfmt::skip]
fn sockets(p: &Places) -> Vec<(&'static str, Attempt)> {
    let socket = p.socket.as_raw_fd() as usize;
    let address = p.listener_address.as_ptr() as usize;
    let (stream, datagram) = (libc::SOCK_STREAM as usize, libc::SOCK_DGRAM as usize);
    let (inet, inet6) = (libc::AF_INET as usize, libc::AF_INET6 as usize);
    vec![
        ("socket_tcp",          raw(libc::SYS_socket, [inet, stream])),
        ("socket_tcp6",         raw(libc::SYS_socket, [inet6, stream])),
        ("socket_udp",          raw(libc::SYS_socket, [inet, datagram])),
        ("socket_udp6",         raw(libc::SYS_socket, [inet6, datagram])),
        ("socket_unix",         raw(libc::SYS_socket, [libc::AF_UNIX as usize, stream])),
        ("socket_netlink",      raw(libc::SYS_socket, [libc::AF_NETLINK as usize, libc::SOCK_RAW as usize])),
        ("socket_packet",       raw(libc::SYS_socket, [libc::AF_PACKET as usize, libc::SOCK_RAW as usize])),
        ("socket_vsock",        raw(libc::SYS_socket, [libc::AF_VSOCK as usize, stream])),
        ("socketpair_tcp",      raw(libc::SYS_socketpair, [inet, stream, 0, p.zeroes.as_ptr() as usize])),
        ("connect_an_old_socket", raw(libc::SYS_connect, [socket, address, 110])),
        ("connect_abstract",    raw(libc::SYS_connect, [socket, text(c"\x01"), 3])),
        ("bind_an_old_socket",  raw(libc::SYS_bind, [socket, address, 110])),
        ("listen",              raw(libc::SYS_listen, [socket, 1])),
        ("resolve_a_name",      Attempt::Function(|_| match "name.invalid:80".to_socket_addrs() {
            Ok(_) => Ok(0),
            Err(error) => Err(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)),
        })),
    ]
}

/// Other programs, other processes, other privileges.
#[rustfmt::skip]
fn processes(p: &Places) -> Vec<(&'static str, Attempt)> {
    let zeroes = p.zeroes.as_ptr() as usize;
    let parent = nix::unistd::getppid().as_raw() as usize;
    let child_signal = libc::SIGCHLD as usize;
    vec![
        ("execve",              raw(libc::SYS_execve, [text(c"/bin/true"), zeroes, zeroes])),
        ("execveat",            raw(libc::SYS_execveat, [HERE, text(c"/bin/true"), zeroes, zeroes, 0])),
        ("clone_a_process",     raw(libc::SYS_clone, [child_signal])),
        ("clone_a_namespace",   raw(libc::SYS_clone, [(libc::CLONE_NEWUSER as usize) | child_signal])),
        ("clone3",              raw(libc::SYS_clone3, [zeroes, 88])),
        #[cfg(target_arch = "x86_64")]
        ("fork",                raw(libc::SYS_fork, [])),
        #[cfg(target_arch = "x86_64")]
        ("vfork",               raw(libc::SYS_vfork, [])),
        ("spawn_a_program",     Attempt::Function(|_| match Command::new("/bin/true").spawn() {
            Ok(_) => Ok(0),
            Err(error) => Err(error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)),
        })),
        ("kill_the_parent",     raw(libc::SYS_kill, [parent, 0])),
        ("kill_all",            raw(libc::SYS_kill, [NONE, 0])),
        ("tgkill_the_parent",   raw(libc::SYS_tgkill, [parent, parent, 0])),
        ("ptrace",              raw(libc::SYS_ptrace, [libc::PTRACE_ATTACH as usize, parent])),
        ("process_vm_readv",    raw(libc::SYS_process_vm_readv, [parent, zeroes, 0, zeroes, 0])),
        ("pidfd_getfd",         raw(libc::SYS_pidfd_getfd, [0, 0])),
        ("setuid",              raw(libc::SYS_setuid, [nix::unistd::getuid().as_raw() as usize])),
        ("setgroups",           raw(libc::SYS_setgroups, [0, 0])),
        ("chroot",              raw(libc::SYS_chroot, [text(c"/")])),
        ("unshare",             raw(libc::SYS_unshare, [libc::CLONE_NEWUSER as usize])),
        ("setns",               raw(libc::SYS_setns, [0, 0])),
        ("personality",         raw(libc::SYS_personality, [0x040_0000])),
        ("raise_a_limit",       raw(libc::SYS_prlimit64, [0, libc::RLIMIT_CORE as usize, zeroes, 0])),
        ("become_dumpable",     raw(libc::SYS_prctl, [libc::PR_SET_DUMPABLE as usize, 1])),
        ("abort",               Attempt::Function(|_| std::process::abort())),
    ]
}

/// The kernel itself, and memory that becomes code.
#[rustfmt::skip]
fn kernel(p: &Places) -> Vec<(&'static str, Attempt)> {
    let zeroes = p.zeroes.as_ptr() as usize;
    let code = (libc::PROT_READ | libc::PROT_EXEC) as usize;
    let private = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize;
    vec![
        ("io_uring_setup",      raw(libc::SYS_io_uring_setup, [1, zeroes])),
        ("bpf",                 raw(libc::SYS_bpf, [0, zeroes, 0])),
        ("userfaultfd",         raw(libc::SYS_userfaultfd, [])),
        ("perf_event_open",     raw(libc::SYS_perf_event_open, [zeroes, 0, 0, 0, 0])),
        ("mount",               raw(libc::SYS_mount, [zeroes, text(&p.outside), 0, 0, 0])),
        ("umount2",             raw(libc::SYS_umount2, [text(&p.outside), 0])),
        ("open_tree",           raw(libc::SYS_open_tree, [HERE, text(&p.outside), 0])),
        ("move_mount",          raw(libc::SYS_move_mount, [0, 0, 0, 0, 0])),
        ("fsopen",              raw(libc::SYS_fsopen, [text(c"tmpfs"), 0])),
        ("mount_setattr",       raw(libc::SYS_mount_setattr, [])),
        ("name_to_handle_at",   raw(libc::SYS_name_to_handle_at, [HERE, text(&p.secret), zeroes, zeroes, 0])),
        ("open_by_handle_at",   raw(libc::SYS_open_by_handle_at, [0, zeroes, 0])),
        ("keyctl",              raw(libc::SYS_keyctl, [])),
        ("add_key",             raw(libc::SYS_add_key, [])),
        ("memfd_create",        raw(libc::SYS_memfd_create, [text(c"x"), 0])),
        ("landlock_again",      raw(libc::SYS_landlock_create_ruleset, [0, 0, 1])),
        ("filter_again",        raw(libc::SYS_seccomp, [2, 0, 1, zeroes])),
        ("mmap_code",           raw(libc::SYS_mmap, [0, 4096, code, private, NONE, 0])),
        ("mprotect_code",       Attempt::Function(|_| {
            let length = 4096;
            let memory = call(libc::SYS_mmap, [0, length, 1, (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as usize, NONE, 0])?;
            call(libc::SYS_mprotect, [memory as usize, length, (libc::PROT_READ | libc::PROT_EXEC) as usize, 0, 0, 0])
        })),
        ("dlopen",              Attempt::Function(|p| load(&p.plug))),
        #[cfg(target_arch = "x86_64")]
        ("x32_getpid",          raw(0x4000_0027, [])),
        #[cfg(target_arch = "x86_64")]
        ("x32_socket",          raw(0x4000_0029, [2, 1])),
        #[cfg(target_arch = "x86_64")]
        ("int_0x80",            Attempt::Function(|_| int_0x80_getpid())),
    ]
}

/// What goes on working, and what asks about the confinement itself.
#[rustfmt::skip]
fn functions() -> Vec<(&'static str, Attempt)> {
    vec![
        ("nothing",             Attempt::Function(|_| Ok(0))),
        ("start_a_thread",      Attempt::Function(|_| std::thread::spawn(|| 0).join().map_err(|_| Errno::EIO))),
        ("assert_confined",     Attempt::Function(|_| assert_confined().map(|()| 0).map_err(|_| Errno::EIO))),
        ("recheck",             Attempt::Function(|_| if recheck().is_complete() { Ok(0) } else { Err(Errno::EIO) })),
        ("limits_in_force",     Attempt::Function(|_| {
            let now = recheck().limits;
            let set = [now.descriptors, now.data_bytes, now.core_bytes]
                == [Some(MAX_DESCRIPTORS), Some(MAX_DATA_BYTES), Some(MAX_CORE_BYTES)];
            if set && now.dumpable == Some(false) { Ok(0) } else { Err(Errno::EIO) }
        })),
        ("enter_twice",         Attempt::Function(|_| match enter(&[], Strictness::BestEffort) {
            Err(ConfineError::Twice) => Err(Errno::EALREADY),
            Ok(_) | Err(_) => Ok(0),
        })),
        ("stat_outside",        Attempt::Function(|p| {
            call(libc::SYS_newfstatat, [HERE, text(&p.secret), p.zeroes.as_ptr() as usize, 0, 0, 0])
        })),
        ("fchmod_of_the_library", Attempt::Function(|p| {
            // To the mode that it has: the attempt is about the answer.
            let mode = nix::sys::stat::fstat(&p.photo_handle)?.st_mode & 0o7777;
            call(libc::SYS_fchmod, [p.photo_handle.as_raw_fd() as usize, mode as usize, 0, 0, 0, 0])
        })),
        ("work_below_the_root", Attempt::Function(work_below_the_root)),
        ("rewrite_below_the_root", Attempt::Function(|p| {
            let flags = O_WRONLY | O_CREAT | O_TRUNC;
            call(libc::SYS_openat, [HERE, text(&p.root_file), flags, 0o600, 0, 0])
        })),
    ]
}

/// `struct open_how` with these flags, for a call without any `resolve` bit.
fn openat2(path: &CStr, flags: usize) -> Answer {
    let how = [flags as u64, 0, 0];
    call(libc::SYS_openat2, [HERE, text(path), how.as_ptr() as usize, size_of_val(&how), 0, 0])
}

/// Empties the log by a descriptor that was opened, once confined, to add to it.
fn ftruncate_of_the_log(p: &Places) -> Answer {
    let log =
        call(libc::SYS_openat, [HERE, text(&p.log), O_WRONLY | libc::O_APPEND as usize, 0, 0, 0])?;
    call(libc::SYS_ftruncate, [usize::try_from(log).unwrap_or(usize::MAX), 0, 0, 0, 0, 0])
}

/// Loads code from a file that may be read.
fn load(path: &CStr) -> Answer {
    // SAFETY: there is no safe `dlopen`. The path is NUL-terminated and outlives the call; what it
    // loads, should it load, is a C library of this system, whose initialisers do nothing to us,
    // and the process ends right after.
    let loaded = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    if loaded.is_null() { Err(Errno::ELIBACC) } else { Ok(0) }
}

/// `getpid` by the 32-bit entry, past every filter that looks at numbers only.
#[cfg(target_arch = "x86_64")]
fn int_0x80_getpid() -> Answer {
    let answer: i64;
    // SAFETY: there is no other way to make a 32-bit call. 20 is its `getpid`, which takes nothing
    // and touches no memory; the registers that the entry may clobber are named.
    unsafe {
        std::arch::asm!("int 0x80", inlateout("rax") 20_i64 => answer, out("r8") _, out("r9") _, out("r10") _, out("r11") _);
    }
    Ok(answer)
}

/// One pass through all that an export asks of the kernel.
fn work_below_the_root(p: &Places) -> Answer {
    let root = p.root_handle.as_raw_fd() as usize;
    let ask = |number, a: [usize; 6]| call(number, a);
    ask(libc::SYS_mkdirat, [root, text(c"here"), 0o700, 0, 0, 0])?;
    ask(libc::SYS_mkdirat, [root, text(c"there"), 0o700, 0, 0, 0])?;
    let flags = (libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | libc::O_NOFOLLOW) as usize;
    let file = ask(libc::SYS_openat, [root, text(c"here/part"), flags, 0o600, 0, 0])? as usize;
    let photo = p.photo_handle.as_raw_fd() as usize;
    match ask(libc::SYS_ioctl, [file, 0x4004_9409, photo, 0, 0, 0]) {
        Ok(_) | Err(Errno::EOPNOTSUPP | Errno::EXDEV | Errno::EINVAL) => {}
        Err(errno) => return Err(errno),
    }
    match ask(libc::SYS_copy_file_range, [photo, 0, file, 0, 5, 0]) {
        Ok(_) | Err(Errno::EXDEV | Errno::EOPNOTSUPP | Errno::EINVAL) => {}
        Err(errno) => return Err(errno),
    }
    ask(libc::SYS_sendfile, [file, photo, 0, 5, 0, 0])?;
    ask(libc::SYS_write, [file, text(c"hello"), 5, 0, 0, 0])?;
    ask(libc::SYS_ftruncate, [file, 3, 0, 0, 0, 0])?;
    ask(libc::SYS_fchmod, [file, 0o640, 0, 0, 0, 0])?;
    ask(libc::SYS_utimensat, [file, 0, p.zeroes.as_ptr() as usize, 0, 0, 0])?;
    ask(libc::SYS_flock, [file, libc::LOCK_EX as usize, 0, 0, 0, 0])?;
    ask(libc::SYS_fadvise64, [file, 0, 0, libc::POSIX_FADV_DONTNEED as usize, 0, 0])?;
    ask(libc::SYS_fdatasync, [file, 0, 0, 0, 0, 0])?;
    ask(libc::SYS_syncfs, [root, 0, 0, 0, 0, 0])?;
    let no_replace = libc::RENAME_NOREPLACE as usize;
    ask(
        libc::SYS_renameat2,
        [root, text(c"here/part"), root, text(c"there/photo"), no_replace, 0],
    )?;
    ask(libc::SYS_linkat, [root, text(c"there/photo"), root, text(c"here/again"), 0, 0])?;
    ask(libc::SYS_fsync, [root, 0, 0, 0, 0, 0])?;
    for name in [c"there/photo", c"here/again"] {
        ask(libc::SYS_unlinkat, [root, text(name), 0, 0, 0, 0])?;
    }
    for name in [c"here", c"there"] {
        ask(libc::SYS_unlinkat, [root, text(name), libc::AT_REMOVEDIR as usize, 0, 0, 0])?;
    }
    ask(libc::SYS_close, [file, 0, 0, 0, 0, 0])
}
