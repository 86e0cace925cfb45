//! The system calls of the confined daemon: what it may ask of the kernel, and what nobody asks but
//! an attacker.
//!
//! Pure data, one line per call with both architectures' numbers and a reason; `seccomp.rs` makes
//! filters of it. What is in neither table is answered `ENOSYS`. A line is added only with the code
//! that needs it, and read by whoever reviews that code. The hazard: a number that is wrong by one
//! opens another call, and nobody notices; so the tests hold both columns against the kernel's own
//! headers.

use When::{AllOf, Always, OneOf, OrIfSeccompTruncates, UnlessSeccompTruncates};

/// One row of a table.
#[derive(Debug)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "name and reason are for the reader, and for the tests")
)]
pub(super) struct Line {
    /// The kernel's name of the call.
    pub(super) name: &'static str,
    /// Its number on each architecture.
    pub(super) number: Number,
    /// With which arguments the line holds.
    pub(super) when: When,
    /// Which code needs it, or what it would be good for in an attack.
    pub(super) reason: &'static str,
}

/// The number of a call; `None` where the architecture does not have it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    pub(super) x86_64: Option<u16>,
    pub(super) aarch64: Option<u16>,
}

/// With which arguments a line holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum When {
    /// Whatever the arguments are.
    Always,
    /// One of these checks holds.
    OneOf(&'static [Check]),
    /// All of these checks hold.
    AllOf(&'static [Check]),
    /// Always where Landlock refuses to truncate, never where seccomp must (design 3.2: the flags
    /// of `openat2` stand in memory, which a filter cannot read).
    UnlessSeccompTruncates,
    /// Always where Landlock refuses to truncate; where seccomp must, if this check holds.
    OrIfSeccompTruncates(Check),
}

/// A comparison of one argument (counted from 0).
#[derive(Debug, Clone, Copy)]
pub(super) struct Check {
    pub(super) argument: u8,
    pub(super) test: Test,
}

/// How an argument is compared. `Int` compares the lower 32 bits, as the kernel does for an `int`.
#[derive(Debug, Clone, Copy)]
pub(super) enum Test {
    /// An `int` equals the value.
    Int(u32),
    /// The bits of the mask, of an `int` or a `long`, equal the value.
    Bits { mask: u64, value: u64 },
    /// A pointer is null.
    Null,
    /// A pointer is not null.
    NotNull,
    /// A process number is our own.
    OwnPid,
    /// A process number is not our own.
    NotOwnPid,
}

const fn both(x86_64: u16, aarch64: u16) -> Number {
    Number { x86_64: Some(x86_64), aarch64: Some(aarch64) }
}

const fn x86(x86_64: u16) -> Number {
    Number { x86_64: Some(x86_64), aarch64: None }
}

/// From 424 on all architectures number alike.
const fn same(number: u16) -> Number {
    both(number, number)
}

const fn line(name: &'static str, number: Number, when: When, reason: &'static str) -> Line {
    Line { name, number, when, reason }
}

const fn int(argument: u8, value: u32) -> Check {
    Check { argument, test: Test::Int(value) }
}

const fn bits(argument: u8, mask: u64, value: u64) -> Check {
    Check { argument, test: Test::Bits { mask, value } }
}

// Values of the kernel's headers, equal on both architectures. Named here and not taken from
// `libc`, so that the table can be read, and tested, for the architecture that one is not on.
const AF_UNIX: u32 = 1;
const SOL_SOCKET: u32 = 1;
const MSG_NOSIGNAL: u32 = 0x4000;
const FICLONE: u32 = 0x4004_9409;
const PROT_EXEC: u64 = 4;
const O_TRUNC: u64 = 0o1000;
const CLONE_THREAD: u64 = 0x0001_0000;
const CLONE_NEWNS: u64 = 0x0002_0000;
const CLONE_NEWCGROUP: u64 = 0x0200_0000;
const CLONE_NEWUTS: u64 = 0x0400_0000;
const CLONE_NEWIPC: u64 = 0x0800_0000;
const CLONE_NEWUSER: u64 = 0x1000_0000;
const CLONE_NEWPID: u64 = 0x2000_0000;
const CLONE_NEWNET: u64 = 0x4000_0000;
const CLONE_NEW_ANY: u64 = CLONE_NEWNS
    | CLONE_NEWCGROUP
    | CLONE_NEWUTS
    | CLONE_NEWIPC
    | CLONE_NEWUSER
    | CLONE_NEWPID
    | CLONE_NEWNET;

const IS_A_THREAD: When = AllOf(&[bits(0, CLONE_THREAD | CLONE_NEW_ANY, CLONE_THREAD)]);
/// The exact opposite of `IS_A_THREAD`; a filter knows no "not", hence a check per bit.
const IS_NO_THREAD: When = OneOf(&[
    bits(0, CLONE_THREAD, 0),
    bits(0, CLONE_NEWNS, CLONE_NEWNS),
    bits(0, CLONE_NEWCGROUP, CLONE_NEWCGROUP),
    bits(0, CLONE_NEWUTS, CLONE_NEWUTS),
    bits(0, CLONE_NEWIPC, CLONE_NEWIPC),
    bits(0, CLONE_NEWUSER, CLONE_NEWUSER),
    bits(0, CLONE_NEWPID, CLONE_NEWPID),
    bits(0, CLONE_NEWNET, CLONE_NEWNET),
]);
const NOT_EXECUTABLE: When = AllOf(&[bits(2, PROT_EXEC, 0)]);
const TO_OURSELVES: When = AllOf(&[Check { argument: 0, test: Test::OwnPid }]);
const TO_OTHERS: When = AllOf(&[Check { argument: 0, test: Test::NotOwnPid }]);
const BY_DESCRIPTOR: When = AllOf(&[Check { argument: 1, test: Test::Null }]);
const BY_PATH: When = AllOf(&[Check { argument: 1, test: Test::NotNull }]);
const NO_SIGNAL: When = AllOf(&[int(2, MSG_NOSIGNAL)]);
const ONLY_ASKS: When = AllOf(&[int(0, 0), Check { argument: 2, test: Test::Null }]);
/// F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_DUPFD_CLOEXEC.
const FCNTL_COMMANDS: When = OneOf(&[
    int(1, 0),
    int(1, 1),
    int(1, 2),
    int(1, 3),
    int(1, 4),
    int(1, 5),
    int(1, 6),
    int(1, 1030),
]);
/// PR_GET_DUMPABLE, PR_SET_NAME, PR_GET_SECCOMP, PR_GET_NO_NEW_PRIVS.
const PRCTL_OPTIONS: When = OneOf(&[int(0, 3), int(0, 15), int(0, 21), int(0, 39)]);

/// What the confined daemon may call, by name.
#[rustfmt::skip]
pub(super) const ALLOWED: &[Line] = &[
    line("accept4",           both(288, 242), Always, "server: the listener was made before; it takes connections"),
    line("access",            x86(21),        Always, "SQLite looks whether a journal exists; aarch64 uses faccessat"),
    line("brk",               both(12, 214),  Always, "allocator"),
    line("clock_gettime",     both(228, 113), Always, "clock, where the vDSO has no fast way"),
    line("clock_nanosleep",   both(230, 115), Always, "SQLite's busy handler sleeps"),
    line("clone",             both(56, 220),  IS_A_THREAD, "threads of the pools; clone3 is ENOSYS, its flags cannot be read"),
    line("close",             both(3, 57),    Always, "every descriptor"),
    line("copy_file_range",   both(326, 285), Always, "export: second step of the copy ladder"),
    line("dup",               both(32, 23),   Always, "the signal driver of the runtime duplicates its pipe"),
    line("epoll_create1",     both(291, 20),  Always, "runtime"),
    line("epoll_ctl",         both(233, 21),  Always, "runtime"),
    line("epoll_pwait",       both(281, 22),  Always, "runtime; the only form on aarch64"),
    line("epoll_pwait2",      same(441),      Always, "runtime, in newer versions"),
    line("epoll_wait",        x86(232),       Always, "runtime"),
    line("eventfd2",          both(290, 19),  Always, "the runtime wakes itself"),
    line("exit",              both(60, 93),   Always, "end of a thread"),
    line("exit_group",        both(231, 94),  Always, "end of the process"),
    line("faccessat",         both(269, 48),  Always, "access on aarch64, and in newer libraries"),
    line("faccessat2",        same(439),      Always, "access in newer libraries"),
    line("fadvise64",         both(221, 223), Always, "export: starts the write-out of a finished file"),
    line("fallocate",         both(285, 47),  Always, "export: reserves the space of a file that it writes"),
    line("fchmod",            both(91, 52),   Always, "door: modes by descriptor; the path forms kill"),
    line("fcntl",             both(72, 25),   FCNTL_COMMANDS, "descriptors, and SQLite's locks; no leases, no owner, no seals"),
    line("fdatasync",         both(75, 83),   Always, "journal of a destination, job files"),
    line("flock",             both(73, 32),   Always, "lock of a destination"),
    line("fstat",             both(5, 80),    Always, "door: what kind of file was opened"),
    line("fstatfs",           both(138, 44),  Always, "door: which file system, how much space"),
    line("fsync",             both(74, 82),   Always, "folders and files that an export made"),
    line("ftruncate",         both(77, 46),   Always, "by descriptor, of files opened for writing; the path form kills"),
    line("futex",             both(202, 98),  Always, "locks between threads"),
    line("getcwd",            both(79, 17),   Always, "SQLite makes a path absolute"),
    line("getdents64",        both(217, 61),  Always, "door: lists folders below its handles"),
    line("getegid",           both(108, 177), Always, "checks of owners; asks only"),
    line("geteuid",           both(107, 175), Always, "SQLite asks whether it is root"),
    line("getgid",            both(104, 176), Always, "checks of owners; asks only"),
    line("getpid",            both(39, 172),  Always, "SQLite seeds its random numbers; abort"),
    line("getrandom",         both(318, 278), Always, "seeds of hash maps, names of temporary files"),
    line("getsockopt",        both(55, 209),  AllOf(&[int(1, SOL_SOCKET)]), "SO_PEERCRED of a peer, SO_ERROR"),
    line("gettid",            both(186, 178), Always, "abort; the log names threads"),
    line("gettimeofday",      both(96, 169),  Always, "SQLite's clock, where the vDSO has no fast way"),
    line("getuid",            both(102, 174), Always, "checks of owners; asks only"),
    line("ioctl",             both(16, 29),   AllOf(&[int(1, FICLONE)]), "export: first step of the copy ladder, a clone; nothing else"),
    line("linkat",            both(265, 37),  Always, "door: publishes where renameat2 has no NOREPLACE"),
    line("lseek",             both(8, 62),    Always, "reading and writing of files, and where their holes are"),
    line("madvise",           both(28, 233),  Always, "allocator, stacks of ended threads"),
    line("membarrier",        both(324, 283), Always, "runtime and allocator"),
    line("mkdirat",           both(258, 34),  Always, "door: folders of an export"),
    line("mmap",              both(9, 222),   NOT_EXECUTABLE, "memory, and SQLite's -shm; no code is ever loaded"),
    line("mprotect",          both(10, 226),  NOT_EXECUTABLE, "guard pages of stacks; nothing becomes code"),
    line("mremap",            both(25, 216),  Always, "allocator"),
    line("munmap",            both(11, 215),  Always, "allocator"),
    line("nanosleep",         both(35, 101),  Always, "SQLite's busy handler, on older C libraries"),
    line("newfstatat",        both(262, 79),  Always, "stat of SQLite and the C library"),
    line("openat",            both(257, 56),  OrIfSeccompTruncates(bits(2, O_TRUNC, 0)), "door and SQLite; Landlock judges the path"),
    line("openat2",           same(437),      UnlessSeccompTruncates, "door: opens below a handle and follows no link"),
    line("poll",              x86(7),         Always, "a start that failed waits for clients to tell; the standard library for a descriptor"),
    line("ppoll",             both(271, 73),  Always, "poll on aarch64, and in newer libraries"),
    line("prctl",             both(157, 167), PRCTL_OPTIONS, "names of threads; health asks what is in force"),
    line("pread64",           both(17, 67),   Always, "SQLite, and resource.read"),
    line("prlimit64",         both(302, 261), ONLY_ASKS, "health tells the limits as the kernel has them; sets none"),
    line("read",              both(0, 63),    Always, "files, sockets, the runtime's pipe"),
    line("readlink",          x86(89),        Always, "SQLite resolves the path of a database"),
    line("readlinkat",        both(267, 78),  Always, "readlink on aarch64; the door names a link that it refuses"),
    line("readv",             both(19, 65),   Always, "frames"),
    line("recvfrom",          both(45, 207),  Always, "frames; no descriptor can come with it"),
    line("recvmsg",           both(47, 212),  Always, "frames, read without a control buffer"),
    line("renameat2",         both(316, 276), Always, "door: publishes without replacing, and updates by exchange"),
    line("restart_syscall",   both(219, 128), Always, "the kernel goes on with a wait after a signal"),
    line("rseq",              both(334, 293), Always, "the C library registers each thread"),
    line("rt_sigaction",      both(13, 134),  Always, "the runtime's signal handlers"),
    line("rt_sigprocmask",    both(14, 135),  Always, "thread creation, abort"),
    line("rt_sigreturn",      both(15, 139),  Always, "end of a signal handler"),
    line("sched_getaffinity", both(204, 123), Always, "how many workers are useful; start of a thread"),
    line("sched_yield",       both(24, 124),  Always, "short waits for a lock"),
    line("sendfile",          both(40, 71),   Always, "export: third step of the copy ladder"),
    line("sendmsg",           both(46, 211),  NO_SIGNAL, "an answer that carries a descriptor; no other flag"),
    line("sendto",            both(44, 206),  Always, "answers; a socket of ours is connected, and a Unix one"),
    line("set_robust_list",   both(273, 99),  Always, "start of a thread"),
    line("shutdown",          both(48, 210),  Always, "end of a connection"),
    line("sigaltstack",       both(131, 132), Always, "start of a thread: stack for overflow reports"),
    line("socketpair",        both(53, 199),  AllOf(&[int(0, AF_UNIX)]), "the runtime's signal pipe"),
    line("statfs",            both(137, 43),  Always, "free space of a destination"),
    line("statx",             both(332, 291), Always, "door: identity, times and mount of a file"),
    line("sync_file_range",   both(277, 84),  Always, "export: starts the write-out of a finished file"),
    line("syncfs",            both(306, 267), Always, "export: one flush per batch"),
    line("sysinfo",           both(99, 179),  Always, "the C library sizes its sort buffers"),
    line("tgkill",            both(234, 131), TO_OURSELVES, "abort"),
    line("time",              x86(201),       Always, "SQLite's clock, where the vDSO has no fast way"),
    line("uname",             both(63, 160),  Always, "health names the system; the lock of a destination its host"),
    line("unlinkat",          both(263, 35),  Always, "door: removes what it made"),
    line("utimensat",         both(280, 88),  BY_DESCRIPTOR, "file times, by descriptor; with a path it kills"),
    line("write",             both(1, 64),    Always, "files, sockets, the log"),
    line("writev",            both(20, 66),   Always, "frames, panic messages"),
];

/// What no code of ours, and no library that we use, has a reason for: an attempt is an incident,
/// and ends the process.
#[rustfmt::skip]
pub(super) const KILLED: &[Line] = &[
    line("add_key",           both(248, 217), Always, "kernel keyrings: old bugs, and secrets of others"),
    line("bind",              both(49, 200),  Always, "the listener exists before the filter; nobody makes another"),
    line("bpf",               both(321, 280), Always, "code in the kernel"),
    line("capset",            both(126, 91),  Always, "changes privileges"),
    line("chmod",             x86(90),        Always, "by path; Landlock does not cover metadata"),
    line("chown",             x86(92),        Always, "by path; Landlock does not cover metadata"),
    line("chroot",            both(161, 51),  Always, "changes what a path means"),
    line("clone",             both(56, 220),  IS_NO_THREAD, "another process, or other namespaces"),
    line("connect",           both(42, 203),  Always, "talks to others; Landlock covers TCP only"),
    line("delete_module",     both(176, 106), Always, "code in the kernel"),
    line("execve",            both(59, 221),  Always, "starts a program"),
    line("execveat",          both(322, 281), Always, "starts a program"),
    line("fchmodat",          both(268, 53),  Always, "by path; Landlock does not cover metadata"),
    line("fchmodat2",         same(452),      Always, "by path; Landlock does not cover metadata"),
    line("fchownat",          both(260, 54),  Always, "by path; Landlock does not cover metadata"),
    line("file_setattr",      same(469),      Always, "by path; Landlock does not cover metadata"),
    line("finit_module",      both(313, 273), Always, "code in the kernel"),
    line("fork",              x86(57),        Always, "another process"),
    line("fsconfig",          same(431),      Always, "mounts"),
    line("fsmount",           same(432),      Always, "mounts"),
    line("fsopen",            same(430),      Always, "mounts"),
    line("fspick",            same(433),      Always, "mounts"),
    line("futimesat",         x86(261),       Always, "by path; Landlock does not cover metadata"),
    line("init_module",       both(175, 105), Always, "code in the kernel"),
    line("io_uring_enter",    same(426),      Always, "a second way to every call, past this filter"),
    line("io_uring_register", same(427),      Always, "a second way to every call, past this filter"),
    line("io_uring_setup",    same(425),      Always, "a second way to every call, past this filter"),
    line("kexec_file_load",   both(320, 294), Always, "another kernel"),
    line("kexec_load",        both(246, 104), Always, "another kernel"),
    line("keyctl",            both(250, 219), Always, "kernel keyrings: old bugs, and secrets of others"),
    line("kill",              both(62, 129),  TO_OTHERS, "signals to other processes"),
    line("lchown",            x86(94),        Always, "by path; Landlock does not cover metadata"),
    line("listen",            both(50, 201),  Always, "the listener exists before the filter; nobody makes another"),
    line("lremovexattr",      both(198, 15),  Always, "by path; Landlock does not cover metadata"),
    line("lsetxattr",         both(189, 6),   Always, "by path; Landlock does not cover metadata"),
    line("mknod",             x86(133),       Always, "devices and pipes"),
    line("mknodat",           both(259, 33),  Always, "devices and pipes"),
    line("mount",             both(165, 40),  Always, "mounts"),
    line("mount_setattr",     same(442),      Always, "mounts"),
    line("move_mount",        same(429),      Always, "mounts"),
    line("name_to_handle_at", both(303, 264), Always, "first half of opening past every path"),
    line("open_by_handle_at", both(304, 265), Always, "opens past every path"),
    line("open_tree",         same(428),      Always, "mounts"),
    line("open_tree_attr",    same(467),      Always, "mounts"),
    line("perf_event_open",   both(298, 241), Always, "watches other processes and the kernel"),
    line("personality",       both(135, 92),  Always, "could make readable memory executable"),
    line("pidfd_getfd",       same(438),      Always, "takes descriptors of other processes"),
    line("pidfd_send_signal", both(424, 424), Always, "signals to other processes"),
    line("pivot_root",        both(155, 41),  Always, "changes what a path means"),
    line("process_vm_readv",  both(310, 270), Always, "memory of other processes"),
    line("process_vm_writev", both(311, 271), Always, "memory of other processes"),
    line("ptrace",            both(101, 117), Always, "drives other processes"),
    line("removexattr",       both(197, 14),  Always, "by path; Landlock does not cover metadata"),
    line("removexattrat",     same(466),      Always, "by path; Landlock does not cover metadata"),
    line("request_key",       both(249, 218), Always, "kernel keyrings: old bugs, and secrets of others"),
    line("rt_sigqueueinfo",   both(129, 138), TO_OTHERS, "signals to other processes"),
    line("rt_tgsigqueueinfo", both(297, 240), TO_OTHERS, "signals to other processes"),
    line("setfsgid",          both(123, 152), Always, "another group"),
    line("setfsuid",          both(122, 151), Always, "another user"),
    line("setgid",            both(106, 144), Always, "another group"),
    line("setgroups",         both(116, 159), Always, "other groups"),
    line("setns",             both(308, 268), Always, "other namespaces"),
    line("setregid",          both(114, 143), Always, "another group"),
    line("setresgid",         both(119, 149), Always, "another group"),
    line("setresuid",         both(117, 147), Always, "another user"),
    line("setreuid",          both(113, 145), Always, "another user"),
    line("setuid",            both(105, 146), Always, "another user"),
    line("setxattr",          both(188, 5),   Always, "by path; Landlock does not cover metadata"),
    line("setxattrat",        same(463),      Always, "by path; Landlock does not cover metadata"),
    line("socket",            both(41, 198),  Always, "a socket of any family: Landlock knows TCP only"),
    line("symlink",           x86(88),        Always, "links: the daemon makes none"),
    line("symlinkat",         both(266, 36),  Always, "links: the daemon makes none"),
    line("tgkill",            both(234, 131), TO_OTHERS, "signals to other processes"),
    line("tkill",             both(200, 130), Always, "signals to threads of anybody; abort uses tgkill"),
    line("truncate",          both(76, 45),   Always, "by path; below ABI 3 Landlock does not cover it"),
    line("umount2",           both(166, 39),  Always, "mounts"),
    line("unshare",           both(272, 97),  Always, "other namespaces"),
    line("userfaultfd",       both(323, 282), Always, "stops the kernel in the middle of a call"),
    line("utime",             x86(132),       Always, "by path; Landlock does not cover metadata"),
    line("utimensat",         both(280, 88),  BY_PATH, "by path; Landlock does not cover metadata"),
    line("utimes",            x86(235),       Always, "by path; Landlock does not cover metadata"),
    line("vfork",             x86(58),        Always, "another process"),
];

#[cfg(test)]
mod tests {
    #![allow(
        clippy::panic,
        clippy::print_stderr,
        clippy::disallowed_methods,
        reason = "tests: they read the kernel's headers and say when there are none"
    )]

    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn both_tables_are_sorted_and_name_each_call_once() {
        for table in [ALLOWED, KILLED] {
            for (earlier, later) in table.iter().zip(table.iter().skip(1)) {
                assert!(earlier.name < later.name, "{} before {}", earlier.name, later.name);
            }
        }
    }

    #[test]
    fn each_line_has_a_reason_and_a_number() {
        for line in ALLOWED.iter().chain(KILLED) {
            assert!(line.reason.len() > 4, "{} has no reason", line.name);
            assert!(line.number.x86_64.is_some() || line.number.aarch64.is_some(), "{}", line.name);
        }
    }

    #[test]
    fn no_number_stands_twice_in_a_table() {
        for table in [ALLOWED, KILLED] {
            for column in [|n: Number| n.x86_64, |n: Number| n.aarch64] {
                let mut seen = BTreeSet::new();
                for line in table {
                    if let Some(number) = column(line.number) {
                        assert!(seen.insert(number), "{number} of {} stands twice", line.name);
                    }
                }
            }
        }
    }

    /// `seccomp.rs` proves that what the lines of these have in common is nothing.
    #[test]
    fn only_calls_with_checked_arguments_stand_in_both_tables() {
        let killed: BTreeMap<_, _> = KILLED.iter().map(|line| (line.name, line)).collect();
        for line in ALLOWED {
            if let Some(other) = killed.get(line.name) {
                for when in [line.when, other.when] {
                    let checked = matches!(when, OneOf(_) | AllOf(_));
                    assert!(checked, "{} is both allowed and killed", line.name);
                }
            }
        }
    }

    /// Reads `#define __NR_name number`, and the generic header's `__NR3264_name`.
    fn numbers_in(header: &str) -> BTreeMap<String, u16> {
        let mut numbers = BTreeMap::new();
        for line in header.lines() {
            let mut words = line.split_whitespace();
            let (Some("#define"), Some(name), Some(value)) =
                (words.next(), words.next(), words.next())
            else {
                continue;
            };
            let name = match (name.strip_prefix("__NR_"), name.strip_prefix("__NR3264_")) {
                (Some(name), _) => name,
                (None, Some("fstatat")) => "newfstatat",
                (None, Some(name)) => name,
                (None, None) => continue,
            };
            if let Ok(value) = value.parse() {
                numbers.insert(name.to_owned(), value);
            }
        }
        numbers
    }

    fn check_against(headers: &[&str], column: fn(Number) -> Option<u16>) {
        let Some(text) = headers.iter().find_map(|path| std::fs::read_to_string(path).ok()) else {
            let why = format!("none of {headers:?} is here (package linux-libc-dev)");
            return darkslide_tests::shared::skip(&why);
        };
        let numbers = numbers_in(&text);
        let newest = numbers.values().max().copied().unwrap_or(0);
        if newest < 400 {
            let why = format!("{headers:?} do not list the numbers themselves");
            return darkslide_tests::shared::skip(&why);
        }
        for line in ALLOWED.iter().chain(KILLED) {
            match (numbers.get(line.name), column(line.number)) {
                (Some(theirs), Some(ours)) => assert_eq!(*theirs, ours, "{}", line.name),
                (None, Some(ours)) => assert!(ours > newest, "{} is not in the header", line.name),
                (Some(_), None) => panic!("{} exists there", line.name),
                (None, None) => {}
            }
        }
    }

    #[test]
    fn numbers_of_x86_64_are_those_of_the_kernels_header() {
        check_against(
            &["/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h"],
            |number| number.x86_64,
        );
    }

    /// arm64 takes its numbers from the generic table, whose header is installed on every
    /// architecture.
    #[test]
    fn numbers_of_aarch64_are_those_of_the_kernels_header() {
        check_against(&["/usr/include/asm-generic/unistd.h"], |number| number.aarch64);
    }
}
