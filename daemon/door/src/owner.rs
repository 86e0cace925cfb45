//! Whose a record is: ours alone, or not to be trusted.
//!
//! `.darkslide/` says what is ours to rename and to remove, so whoever can write there steers a
//! recovery. It, its folders and its files must therefore have the owner that the file system gives
//! to what we make, and no writers besides. exFAT, FAT and some network disks keep no owners or no
//! modes: there everything has one owner, so the rule holds of everything and shows nothing; such a
//! disk protects nobody's files, and is used. Asked is what the disk does, not what it is called.
//! Access lists of a Mac do not show in the mode and are not looked at.

use crate::facts::Facts;

/// The permission of group and others to write.
const OTHERS_WRITE: u16 = 0o022;
/// All that group and others may be permitted.
const OTHERS: u16 = 0o077;

/// The owner of what we make on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    uid: u32,
    /// Does the mode say anything?
    keeps_modes: bool,
}

impl Owner {
    /// As it is on a file system that keeps owners and modes.
    pub(crate) fn of_this_process() -> Self {
        Self { uid: rustix::process::geteuid().as_raw(), keeps_modes: true }
    }

    /// As a file system tells it of a file that we have just made for its owner alone. To be asked
    /// of the open file: under its name another may stand by now.
    pub(crate) fn of_made(facts: &Facts) -> Self {
        Self { uid: facts.uid, keeps_modes: facts.mode & OTHERS == 0 }
    }

    /// Is it this owner's, and nobody else's to write to?
    pub(crate) fn alone_has(self, facts: &Facts) -> bool {
        facts.uid == self.uid && (!self.keeps_modes || facts.mode & OTHERS_WRITE == 0)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "tests make what they look at")]
mod tests {
    use super::*;

    fn facts(uid: u32, mode: u16) -> Facts {
        let file = tempfile::tempfile().unwrap();
        Facts { uid, mode, ..Facts::of(&file).unwrap() }
    }

    #[test]
    fn on_a_disk_with_owners_a_record_is_its_makers_and_nobody_elses_to_write_to() {
        let owner = Owner::of_made(&facts(1000, 0o600));
        for (uid, mode, alone) in [
            (1000, 0o700, true),
            (1000, 0o2755, true),
            (1000, 0o644, true),
            (1000, 0o770, false),
            (1000, 0o702, false),
            (1000, 0o1777, false),
            (1001, 0o700, false),
            (0, 0o700, false),
        ] {
            assert_eq!(owner.alone_has(&facts(uid, mode)), alone, "{uid} {mode:o}");
        }
    }

    #[test]
    fn on_a_disk_without_owners_what_it_says_of_all_is_no_reason_to_refuse() {
        // Files and folders have a mode each: by default, with `umask=0`, with `fmask` and `dmask`.
        for (uid, file, folder) in [(0, 0o755, 0o755), (0, 0o777, 0o777), (1001, 0o644, 0o777)] {
            let owner = Owner::of_made(&facts(uid, file));
            assert!(owner.alone_has(&facts(uid, file)));
            assert!(owner.alone_has(&facts(uid, folder)));
            assert!(!owner.alone_has(&facts(1002, folder)));
        }
    }

    #[test]
    fn what_this_process_makes_is_its_own() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let made = Facts::of(file.as_file()).unwrap();
        assert_eq!(Owner::of_made(&made), Owner::of_this_process());
        assert!(Owner::of_this_process().alone_has(&made));
    }
}
