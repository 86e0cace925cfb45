//! Why a process could not be confined, and what to do about it.
//!
//! Each way in which a kernel or an outer sandbox withholds Landlock has a text of its own, for
//! what a person must do differs: another kernel, a boot option, a container's profile. Every hint
//! ends with the full way to go on, since a message that only forbids teaches people to switch
//! things off. Nothing here does anything.

use std::io;

use darkslide_sys::answer::SandboxError;
use nix::errno::Errno;
use thiserror::Error;

/// How to go on without what is missing: the end of each hint.
const GO_ON: &str = "to go on with less, and be told so by `health`: `darkslide --library LIBRARY --confinement \
                     best-effort COMMAND`, or for darkslided `confinement = \"best-effort\"` in the policy";

/// Why Landlock cannot hold this process.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LandlockAbsence {
    /// `ENOSYS`: the kernel has no such call, or a container says so.
    #[error("this kernel has no Landlock (ENOSYS)")]
    NotBuilt,
    /// `EOPNOTSUPP`: built, and left out of the list of security modules at boot.
    #[error("Landlock is built into this kernel but switched off (EOPNOTSUPP)")]
    SwitchedOff,
    /// `EPERM`: an outer sandbox refuses the calls.
    #[error("an outer sandbox or container forbids the calls of Landlock (EPERM)")]
    Forbidden,
    /// It is there and lacks what an export needs.
    #[error("this kernel's Landlock is too old (ABI {abi}; needed is ABI {oldest})")]
    TooOld {
        /// What the kernel has.
        abi: u8,
        /// What is needed at least.
        oldest: u8,
    },
    /// Any other answer.
    #[error("the kernel refuses Landlock ({errno})")]
    Refused {
        /// What it answered.
        errno: Errno,
    },
}

impl LandlockAbsence {
    #[cfg(any(target_os = "linux", test))]
    pub(super) fn from_errno(errno: Errno) -> Self {
        match errno {
            Errno::ENOSYS => Self::NotBuilt,
            Errno::EOPNOTSUPP => Self::SwitchedOff,
            Errno::EPERM => Self::Forbidden,
            errno => Self::Refused { errno },
        }
    }

    /// Returns what a person can do about it, without the way to go on.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotBuilt => {
                "run Linux 5.19 or newer, built with Landlock; in a container, update what runs it or let its \
                 seccomp profile pass the three landlock_ calls"
            }
            Self::SwitchedOff => {
                "add `landlock` to the list of `lsm=` on the kernel's command line (the list in use stands in \
                 /sys/kernel/security/lsm) and start the machine anew"
            }
            Self::Forbidden => {
                "let the container's seccomp profile pass landlock_create_ruleset, landlock_add_rule and \
                 landlock_restrict_self"
            }
            Self::TooOld { .. } => "run Linux 5.19 or newer",
            Self::Refused { .. } => "look for an outer sandbox, and for what the kernel log says",
        }
    }
}

/// Why a process was not confined. It must end: what was entered so far cannot be undone.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfineError {
    /// This system has no confinement yet.
    #[error(
        "confinement on {system} is not built yet: nothing would hold the daemon back from the rest of the disk, \
         so it does not start"
    )]
    NotBuiltYet {
        /// The system, as people call it.
        system: &'static str,
    },
    /// Confinement was entered before.
    #[error("this process is confined already")]
    Twice,
    /// A thread that exists before confinement stays free.
    #[error("{count} threads run before confinement, which binds only the one that enters it")]
    ManyThreads {
        /// How many there are.
        count: usize,
    },
    /// The threads could not be counted.
    #[error("the threads of this process cannot be counted in /proc/self/task")]
    ThreadsUnknown {
        /// What the system said.
        source: io::Error,
    },
    /// A limit could not be set.
    #[error("the limit of {what} cannot be set")]
    Limit {
        /// Of what.
        what: &'static str,
        /// What the system said.
        source: Errno,
    },
    /// The limit of descriptors that was handed down is too low to work with.
    #[error("{most} descriptors are allowed to this process, and it needs {least}")]
    TooFewDescriptors {
        /// How many are allowed.
        most: u64,
        /// How many it needs.
        least: u64,
    },
    /// The kernel keeps the way to new privileges open.
    #[error("the kernel does not close the way to new privileges (no_new_privs)")]
    NoNewPrivs {
        /// What the system said.
        source: Errno,
    },
    /// There is no Landlock, or not enough of it.
    #[error("the file system cannot be closed")]
    Landlock {
        /// Why.
        source: LandlockAbsence,
    },
    /// A rule was refused.
    #[error("Landlock does not take the rule for {what}")]
    Rule {
        /// What the rule opens.
        what: String,
        /// What Landlock said.
        source: Errno,
    },
    /// Landlock enforces less than it was asked for.
    #[error("Landlock enforces less than ABI {abi} promises")]
    Partial {
        /// What it was asked for.
        abi: u8,
    },
    /// The system calls cannot be filtered.
    #[error("the kernel takes no filter of system calls (seccomp)")]
    Seccomp {
        /// What the kernel said.
        source: Errno,
    },
    /// A folder that stays reachable has no path that can be handed to the kernel.
    #[error("the real path of {what} cannot be told")]
    NoPath {
        /// What the rule opens.
        what: String,
        /// What the system said; `EILSEQ` for a path that is no text.
        source: Errno,
    },
    /// Seatbelt does not hold this process.
    #[error("the file system and the network cannot be closed")]
    Seatbelt {
        /// Why.
        source: SandboxError,
    },
    /// What must fail did not fail, or not in the way that proves something.
    #[error("the self-test saw that confinement does not hold: {what}: {answer}")]
    SelfTest {
        /// What was tried.
        what: String,
        /// What came of it.
        answer: String,
    },
}

impl ConfineError {
    /// Returns what to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NotBuiltYet { .. } => "use a Linux machine until then".to_owned(),
            Self::Twice | Self::ManyThreads { .. } => {
                "this is a bug of darkslide: report it, with this message".to_owned()
            }
            Self::ThreadsUnknown { .. } => format!("mount /proc; {GO_ON}"),
            Self::Limit { .. } => format!("look for an outer sandbox; {GO_ON}"),
            Self::TooFewDescriptors { least, .. } => {
                format!(
                    "raise the limit that the daemon is started with (`ulimit -Hn {least}`, `LimitNOFILE=512`)"
                )
            }
            Self::NoNewPrivs { .. } => {
                format!("look for an outer sandbox that filters prctl; {GO_ON}")
            }
            Self::Landlock { source } => format!("{}; {GO_ON}", source.hint()),
            Self::Rule { .. } => {
                "name a folder in place of it, on a disk of this machine".to_owned()
            }
            Self::Partial { .. } => format!("report it, with the version of the kernel; {GO_ON}"),
            Self::Seccomp { .. } => {
                format!(
                    "let the outer sandbox pass the call `seccomp`, or use a kernel that has it; {GO_ON}"
                )
            }
            Self::NoPath { .. } => {
                format!("look whether the folder is there, and give it a name of text; {GO_ON}")
            }
            Self::Seatbelt { .. } => format!(
                "report it, with the version of macOS (`sw_vers`); is it started in a sandbox of another program, \
                 start it outside; {GO_ON}"
            ),
            Self::SelfTest { .. } => format!(
                "look whether a library lies below an export root, or an outer layer changes the kernel's answers; {GO_ON}"
            ),
        }
    }
}

/// Why a thread is not held as the process is said to be. Such a process must end at once.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotConfined {
    /// Nobody entered confinement.
    #[error("this process never entered confinement")]
    NeverEntered,
    /// The thread may still gain privileges.
    #[error("no_new_privs is not set for this thread")]
    NewPrivs,
    /// No filter of system calls holds this thread.
    #[error("no filter of system calls holds this thread")]
    NoFilter,
    /// The thread opened what no rule covers.
    #[error("this thread can open {what}, which no rule covers")]
    Opened {
        /// What it opened.
        what: &'static str,
    },
    /// The kernel's answer proves nothing.
    #[error(
        "opening {what}, which no rule covers, failed for another reason than confinement ({errno})"
    )]
    Unproven {
        /// What it tried to open.
        what: &'static str,
        /// What the kernel said.
        errno: Errno,
    },
}

impl NotConfined {
    /// Returns what to do, as a short imperative.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NeverEntered
            | Self::NewPrivs
            | Self::NoFilter
            | Self::Opened { .. }
            | Self::Unproven { .. } => {
                "this is a bug of darkslide: report it, with this message; the process must not go on"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_of_withholding_landlock_has_a_text_of_its_own() {
        let ways = [Errno::ENOSYS, Errno::EOPNOTSUPP, Errno::EPERM, Errno::EINVAL];
        let texts: std::collections::BTreeSet<_> =
            ways.iter().map(|errno| LandlockAbsence::from_errno(*errno).to_string()).collect();
        let hints: std::collections::BTreeSet<_> =
            ways.iter().map(|errno| LandlockAbsence::from_errno(*errno).hint()).collect();
        assert_eq!((texts.len(), hints.len()), (ways.len(), ways.len()));
    }

    #[test]
    fn says_the_full_way_to_go_on_without_landlock() {
        for errno in [Errno::ENOSYS, Errno::EOPNOTSUPP, Errno::EPERM] {
            let error = ConfineError::Landlock { source: LandlockAbsence::from_errno(errno) };
            assert!(error.hint().contains("darkslide --library LIBRARY --confinement best-effort"));
            assert!(error.hint().contains("confinement = \"best-effort\""));
        }
    }
}
