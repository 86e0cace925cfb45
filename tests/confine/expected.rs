//! What the kernel answers to each attempt of `misbehave`.
//!
//! The table to read for "what can the daemon not do, and who stops it". `EACCES` and `EXDEV` are
//! Landlock's answers, `ENOSYS` is the allow-list's, `Killed` is the list of attacks. What works
//! although one might hope otherwise stands at the end, by name: it bounds what the confinement
//! promises. Pure data.

use crate::child::Outcome;

/// What an attempt comes to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    /// The call succeeds.
    Works,
    /// The kernel answers this.
    Answer(&'static str),
    /// The filter ends the process.
    Killed,
    /// The process ends itself, as it may.
    Aborts,
    /// `ENOSYS` or the end of the process: which, is the filter's affair.
    Closed,
    /// Refused, on whichever of its calls: the attempt is a library function that makes several.
    Fails,
}

impl Expected {
    pub(crate) fn is_met_by(self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Killed => matches!(self, Self::Killed | Self::Closed | Self::Fails),
            Outcome::Aborted => matches!(self, Self::Aborts),
            Outcome::Failed(_) => false,
            Outcome::Answered(words) => {
                let all = |word: &str| !words.is_empty() && words.iter().all(|given| given == word);
                match self {
                    Self::Works => all("works"),
                    Self::Answer(word) => all(word),
                    Self::Closed => all("ENOSYS"),
                    Self::Fails => !words.is_empty() && !words.iter().any(|given| given == "works"),
                    Self::Killed | Self::Aborts => false,
                }
            }
        }
    }
}

use Expected::{Aborts, Answer, Fails, Killed, Works};

const EACCES: Expected = Answer("EACCES");
const EXDEV: Expected = Answer("EXDEV");
const ENOSYS: Expected = Answer("ENOSYS");

/// On every kernel whose Landlock knows the right to truncate (ABI 3 and newer).
#[rustfmt::skip]
pub(crate) const EVERYWHERE: &[(&str, Expected)] = &[
    // K01: outside the rules
    ("read_outside", EACCES),
    ("read_outside_by_an_old_handle", EACCES),
    ("read_outside_by_openat2", EACCES),
    ("list_outside", EACCES),
    ("reopen_a_descriptor", EACCES),
    ("read_proc_self", EACCES),
    ("read_proc_parent", EACCES),
    ("write_the_null_device", EACCES),
    ("create_outside", EACCES),
    ("make_a_folder_outside", EACCES),
    ("remove_outside", EACCES),
    ("rename_out_of_the_root", EACCES),
    ("link_from_outside", EXDEV),
    // K01: each right on the library that is not reading
    ("library_open_to_write", EACCES),
    ("library_open_to_write_by_openat2", EACCES),
    ("library_open_truncating", EACCES),
    ("library_open_truncating_by_openat2", EACCES),
    ("library_truncate", Killed),
    ("library_ftruncate", Answer("EINVAL")),
    ("library_create", EACCES),
    ("library_mkdir", EACCES),
    ("library_mkdir_by_handle", EACCES),
    ("library_unlink", EACCES),
    ("library_rmdir", EACCES),
    ("library_rename_into_root", EACCES),
    ("library_rename_within", EACCES),
    ("library_exchange_with_root", EACCES),
    ("library_link_into_root", EXDEV),
    ("library_link_from_root", EACCES),
    // The audit log is added to; nobody makes it short
    ("audit_unlink", EACCES),
    ("audit_rename_within", EACCES),
    ("audit_rename_into_root", EACCES),
    ("audit_replace_from_root", EACCES),
    ("audit_exchange_with_root", EACCES),
    ("audit_mkdir", EACCES),
    ("audit_open_truncating", EACCES),
    ("audit_open_truncating_by_openat2", EACCES),
    ("audit_truncate", Killed),
    ("audit_ftruncate", EACCES),
    ("audit_add", Works),
    ("audit_create", Works),
    ("root_symlink", Killed),
    ("root_fifo", Killed),
    ("root_device", Killed),
    #[cfg(target_arch = "x86_64")] ("library_creat", ENOSYS),
    #[cfg(target_arch = "x86_64")] ("library_old_open_truncating", ENOSYS),
    #[cfg(target_arch = "x86_64")] ("library_old_unlink", ENOSYS),
    #[cfg(target_arch = "x86_64")] ("library_old_rename", ENOSYS),
    #[cfg(target_arch = "x86_64")] ("root_old_symlink", Killed),
    // K01: metadata, which Landlock does not cover
    ("fchmodat", Killed),
    ("fchmodat2", Killed),
    ("fchownat", Killed),
    ("fchown", ENOSYS),
    ("utimensat", Killed),
    ("setxattr", Killed),
    ("lsetxattr", Killed),
    ("fsetxattr", ENOSYS),
    ("removexattr", Killed),
    ("set_flags", ENOSYS),
    #[cfg(target_arch = "x86_64")] ("chmod", Killed),
    #[cfg(target_arch = "x86_64")] ("chown", Killed),
    #[cfg(target_arch = "x86_64")] ("lchown", Killed),
    #[cfg(target_arch = "x86_64")] ("utime", Killed),
    #[cfg(target_arch = "x86_64")] ("utimes", Killed),
    // K03
    ("socket_tcp", Killed),
    ("socket_tcp6", Killed),
    ("socket_udp", Killed),
    ("socket_udp6", Killed),
    ("socket_unix", Killed),
    ("socket_netlink", Killed),
    ("socket_packet", Killed),
    ("socket_vsock", Killed),
    ("socketpair_tcp", ENOSYS),
    ("connect_an_old_socket", Killed),
    ("connect_abstract", Killed),
    ("bind_an_old_socket", Killed),
    ("listen", Killed),
    ("resolve_a_name", Fails),
    // K04, and what else reaches other processes
    ("execve", Killed),
    ("execveat", Killed),
    ("clone_a_process", Killed),
    ("clone_a_namespace", Killed),
    ("clone3", ENOSYS),
    #[cfg(target_arch = "x86_64")] ("fork", Killed),
    #[cfg(target_arch = "x86_64")] ("vfork", Killed),
    ("spawn_a_program", Fails),
    ("kill_the_parent", Killed),
    ("kill_all", Killed),
    ("tgkill_the_parent", Killed),
    ("ptrace", Killed),
    ("process_vm_readv", Killed),
    ("pidfd_getfd", Killed),
    ("setuid", Killed),
    ("setgroups", Killed),
    ("chroot", Killed),
    ("unshare", Killed),
    ("setns", Killed),
    ("personality", Killed),
    ("raise_a_limit", ENOSYS),
    ("become_dumpable", ENOSYS),
    ("abort", Aborts),
    // K05
    ("io_uring_setup", Killed),
    ("bpf", Killed),
    ("userfaultfd", Killed),
    ("perf_event_open", Killed),
    ("mount", Killed),
    ("umount2", Killed),
    ("open_tree", Killed),
    ("move_mount", Killed),
    ("fsopen", Killed),
    ("mount_setattr", Killed),
    ("name_to_handle_at", Killed),
    ("open_by_handle_at", Killed),
    ("keyctl", Killed),
    ("add_key", Killed),
    ("memfd_create", ENOSYS),
    ("landlock_again", ENOSYS),
    ("filter_again", ENOSYS),
    #[cfg(target_arch = "x86_64")] ("x32_getpid", ENOSYS),
    #[cfg(target_arch = "x86_64")] ("x32_socket", ENOSYS),
    #[cfg(target_arch = "x86_64")] ("int_0x80", Killed),
    // K06
    ("mmap_code", ENOSYS),
    ("mprotect_code", ENOSYS),
    ("dlopen", Answer("ELIBACC")),
    // What must go on working
    ("nothing", Works),
    ("read_the_library", Works),
    ("list_the_library", Works),
    ("start_a_thread", Works),
    ("assert_confined", Works),
    ("recheck", Works),
    ("limits_in_force", Works),
    ("enter_twice", Answer("EALREADY")),
    ("work_below_the_root", Works),
    ("rewrite_below_the_root", Works),
    // What works although one might hope otherwise: names and sizes outside can be seen, contents
    // not; and a file that may be read can have its mode and times set by descriptor, as an export
    // sets those of its own files. A filter cannot tell one descriptor from another; that no code
    // of ours does so is the door's to promise.
    ("stat_outside", Works),
    ("fchmod_of_the_library", Works),
];

/// With the rights of ABI 2 the answers to whatever could empty a file are seccomp's; the rest is
/// as above.
pub(crate) const ABI_2: &[(&str, Expected)] = &[
    ("library_open_truncating", ENOSYS),
    ("library_open_truncating_by_openat2", ENOSYS),
    ("library_open_to_write_by_openat2", ENOSYS),
    ("read_outside_by_openat2", ENOSYS),
    #[cfg(target_arch = "x86_64")]
    ("library_creat", ENOSYS),
    #[cfg(target_arch = "x86_64")]
    ("library_old_open_truncating", ENOSYS),
    ("library_truncate", Killed),
    ("library_ftruncate", Answer("EINVAL")),
    ("rewrite_below_the_root", ENOSYS),
    ("audit_unlink", EACCES),
    ("audit_rename_within", EACCES),
    ("audit_open_truncating", ENOSYS),
    ("audit_open_truncating_by_openat2", ENOSYS),
    ("audit_truncate", Killed),
    // By descriptor, of a file opened for writing, which an export needs: the chain shows it.
    ("audit_ftruncate", Works),
    ("library_open_to_write", EACCES),
    ("library_create", EACCES),
    ("library_unlink", EACCES),
    ("library_rename_into_root", EACCES),
    ("library_link_into_root", EXDEV),
    ("read_outside", EACCES),
    ("socket_tcp", Killed),
    ("read_the_library", Works),
    ("assert_confined", Works),
    ("recheck", Works),
    ("work_below_the_root", Works),
];
