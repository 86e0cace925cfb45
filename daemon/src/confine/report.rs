//! What holds this process: the words in which log, `health` and `demo` tell it.
//!
//! Plain data, filled from what the kernel answered and from nothing else: a field says "in force"
//! only after a call was seen to be refused. It knows no wire format (`service` converts) and makes
//! no call. The hazard: a report that repeats what was asked for would be right on every kernel but
//! the one where it matters; so what was asked for and is not there stands in `missing`, in words
//! for a person.

use std::fmt;

use nix::errno::Errno;

use super::Strictness;

/// What holds this process, as of the moment it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// What the policy demanded.
    pub strictness: Strictness,
    /// Whether the file system is closed.
    pub landlock: Landlock,
    /// Who keeps files outside the export roots from being emptied.
    pub truncation: Truncation,
    /// Whether our filters of system calls hold this thread.
    pub seccomp: bool,
    /// Whether Seatbelt holds this process.
    pub seatbelt: bool,
    /// Whether this thread can gain no privileges any more.
    pub no_new_privs: bool,
    /// The limits, as the kernel tells them.
    pub limits: Limits,
    /// What was tried, must fail, and failed.
    pub selftest: Vec<Refusal>,
    /// What was asked for and is not there; empty if all is well.
    pub missing: Vec<String>,
}

impl Report {
    /// Returns whether everything that was asked for is in force.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }
}

/// One line for the log.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let with = |on| if on { "" } else { "no " };
        match &self.landlock {
            Landlock::Enforced { abi } => write!(f, "landlock ABI {abi}")?,
            Landlock::Absent { .. } if cfg!(target_os = "macos") || self.seatbelt => {
                write!(f, "{}seatbelt", with(self.seatbelt))?;
            }
            Landlock::Absent { .. } => f.write_str("no landlock")?,
        }
        if !(cfg!(target_os = "macos") || self.seatbelt) {
            write!(f, ", {}seccomp, {}no_new_privs", with(self.seccomp), with(self.no_new_privs))?;
        }
        write!(f, ", truncation closed by {}", self.truncation.as_str())?;
        write!(f, ", {} refusals seen", self.selftest.len())?;
        if !self.missing.is_empty() {
            write!(f, "; missing: {}", self.missing.join("; "))?;
        }
        Ok(())
    }
}

/// Whether Landlock holds this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landlock {
    /// It does.
    Enforced {
        /// The ABI whose rights are in force.
        abi: u8,
    },
    /// It does not.
    Absent {
        /// Why, in words.
        why: String,
    },
}

/// Who refuses to empty a file that no rule lets us write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncation {
    /// Landlock, from ABI 3.
    Landlock,
    /// The filter of system calls: no `openat2`, no `O_TRUNC`, no `truncate`.
    Seccomp,
    /// Seatbelt, as any other write.
    Seatbelt,
    /// Nobody.
    Open,
}

impl Truncation {
    /// Returns the word for it in `health`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Landlock => "landlock",
            Self::Seccomp => "seccomp",
            Self::Seatbelt => "seatbelt",
            Self::Open => "nothing",
        }
    }
}

/// Open descriptors: 64 connections, their waiting descriptors, readers and workers, with room.
pub const MAX_DESCRIPTORS: u64 = 512;
/// With fewer the runtime cannot be built and SQLite cannot open (measured: 10 for an idle
/// runtime).
pub const LEAST_DESCRIPTORS: u64 = 64;
/// Bytes of memory that can be written. A backstop only: what is used is bounded by counting.
pub const MAX_DATA_BYTES: u64 = 1 << 30;
/// No core file: it would hold photos.
pub const MAX_CORE_BYTES: u64 = 0;

/// Limits in force; `None` where the kernel could not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Limits {
    /// Open descriptors.
    pub descriptors: Option<u64>,
    /// Memory that can be written.
    pub data_bytes: Option<u64>,
    /// Size of a core file.
    pub core_bytes: Option<u64>,
    /// Whether others of our uid may trace us or read our memory.
    pub dumpable: Option<bool>,
}

/// One thing that was tried, and the kernel's refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// What was tried, in words.
    pub what: String,
    /// The kernel's answer, as a number.
    pub errno: i32,
}

impl Refusal {
    /// Returns the name of the kernel's answer, such as `EACCES`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{:?}", Errno::from_raw(self.errno))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report {
            strictness: Strictness::Required,
            landlock: Landlock::Enforced { abi: 7 },
            truncation: Truncation::Landlock,
            seccomp: true,
            seatbelt: false,
            no_new_privs: true,
            limits: Limits::default(),
            selftest: vec![Refusal { what: "list /".to_owned(), errno: Errno::EACCES as i32 }],
            missing: Vec::new(),
        }
    }

    #[test]
    fn is_one_line_that_says_who_closes_truncation() {
        let line =
            "landlock ABI 7, seccomp, no_new_privs, truncation closed by landlock, 1 refusals seen";
        assert_eq!(report().to_string(), line);
        assert!(report().is_complete());
    }

    #[test]
    fn says_what_is_missing() {
        let landlock = Landlock::Absent { why: "switched off".to_owned() };
        let missing = vec!["no landlock here".to_owned()];
        let report =
            Report { landlock, seccomp: false, truncation: Truncation::Open, missing, ..report() };
        assert!(!report.is_complete());
        let line = report.to_string();
        assert!(
            line.starts_with("no landlock, no seccomp, no_new_privs, truncation closed by nothing")
        );
        assert!(line.ends_with("; missing: no landlock here"));
    }

    #[test]
    fn seatbelt_stands_for_what_macos_does_not_have() {
        let landlock = Landlock::Absent { why: "macOS".to_owned() };
        let (seccomp, no_new_privs, truncation) = (false, false, Truncation::Seatbelt);
        let report =
            Report { landlock, seccomp, no_new_privs, truncation, seatbelt: true, ..report() };
        assert!(report.is_complete());
        let line = "seatbelt, truncation closed by seatbelt, 1 refusals seen";
        assert_eq!(report.to_string(), line);
    }

    #[test]
    fn names_an_answer_of_the_kernel() {
        assert!(report().selftest.iter().all(|refusal| refusal.name() == "EACCES"));
    }
}
