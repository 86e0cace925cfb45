//! Closes the file system, TCP, and signals to others, for the calling thread and all that it
//! starts.
//!
//! What is asked for is a pure function of the ABI (`Asked::for_abi`), so that every kernel's share
//! can be tested on one; what the kernel then says it enforces is compared with it. It alone calls
//! Landlock, and knows no path: rules hold open handles, for a path may mean another folder by the
//! time the kernel looks. The hazards: the kernel's ABI decides what it covers at all (below 3
//! nobody is kept from truncating), and the crate folds every failure but one into "not
//! implemented", while a person needs to know which it was.

use std::error::Error;
use std::io;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    PathBeneath, RestrictSelf, RestrictSelfAttr as _, Ruleset, RulesetAttr as _,
    RulesetCreatedAttr as _, RulesetError, RulesetStatus, Scope,
};
use nix::errno::Errno;

use super::error::{ConfineError, LandlockAbsence};
use super::report::Truncation;
use super::{Access, Rule};

/// The oldest ABI that an export can work under: it allows renames from one folder to another
/// (REFER).
pub(super) const OLDEST_ABI: u8 = 2;
/// The newest ABI of which anything is asked. What a later one adds must be read about before it is
/// switched on.
pub(super) const NEWEST_ABI: u8 = 9;

/// What is asked of a kernel of a given ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Asked {
    /// The ABI in force: the kernel's, or the newest that we know.
    pub(super) abi: u8,
    /// Accesses to files that are refused unless a rule grants them.
    pub(super) files: BitFlags<AccessFs>,
    /// Accesses to the network that are refused; none is ever granted.
    pub(super) network: BitFlags<AccessNet>,
    /// What of other processes is out of reach.
    pub(super) scopes: BitFlags<Scope>,
    /// The kernel can bind threads that exist already. Used where it is there, never relied on.
    pub(super) all_threads: bool,
    /// Who keeps files from being emptied.
    pub(super) truncation: Truncation,
}

impl Asked {
    /// Returns what is asked of a kernel of this ABI; `None` if it has too little to offer.
    pub(super) fn for_abi(abi: u8) -> Option<Self> {
        if abi < OLDEST_ABI {
            return None;
        }
        let abi = abi.min(NEWEST_ABI);
        let known = ABI::from(i32::from(abi));
        Some(Self {
            abi,
            files: AccessFs::from_all(known),
            network: AccessNet::from_all(known),
            scopes: Scope::from_all(known),
            all_threads: abi >= 8,
            truncation: if abi >= 3 { Truncation::Landlock } else { Truncation::Seccomp },
        })
    }

    /// Returns what a rule grants: never to execute, nor to make links, devices, pipes or sockets.
    fn granted(&self, access: Access) -> BitFlags<AccessFs> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let wanted = match access {
            Access::Read => read,
            Access::ReadWrite => {
                read | AccessFs::WriteFile
                    | AccessFs::Truncate
                    | AccessFs::MakeReg
                    | AccessFs::MakeDir
                    | AccessFs::RemoveFile
                    | AccessFs::RemoveDir
                    | AccessFs::Refer
            }
            // Overwriting in place stays possible: that the chain of the log shows.
            Access::Add => read | AccessFs::WriteFile | AccessFs::MakeReg,
        };
        wanted & self.files
    }
}

/// Asks the kernel which ABI it has. Nothing is entered by asking.
pub(super) fn kernel_abi() -> Result<u8, LandlockAbsence> {
    // The crate makes the call and keeps the errno to itself (it takes EPERM for "not
    // implemented"). It does nothing after the call that could overwrite the thread's errno, and
    // its own tests read it in this way.
    Errno::clear();
    let asker = RestrictSelf::default();
    let errno = Errno::last();
    // No flag is set and no_new_privs is left alone, so `apply` only tells what was found.
    let status = asker
        .no_new_privs(false)
        .apply()
        .map_err(|error| LandlockAbsence::from_errno(errno_of(&error)))?;
    match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => {
            Ok(u8::try_from(effective_abi as i32).unwrap_or(NEWEST_ABI))
        }
        LandlockStatus::NotEnabled => Err(LandlockAbsence::SwitchedOff),
        LandlockStatus::NotImplemented if errno as i32 == 0 => Err(LandlockAbsence::NotBuilt),
        LandlockStatus::NotImplemented => Err(LandlockAbsence::from_errno(errno)),
    }
}

/// Enters the rules for good. Returns what was asked for and is, by the kernel's word, enforced in
/// full.
pub(super) fn enter(rules: &[Rule<'_>], abi_ceiling: u8) -> Result<Asked, ConfineError> {
    let abi = kernel_abi().map_err(|source| ConfineError::Landlock { source })?.min(abi_ceiling);
    let asked = Asked::for_abi(abi).ok_or(ConfineError::Landlock {
        source: LandlockAbsence::TooOld { abi, oldest: OLDEST_ABI },
    })?;
    let refused = |error: RulesetError| ConfineError::Landlock {
        source: LandlockAbsence::from_errno(errno_of(&error)),
    };
    let mut ruleset = create(&asked).map_err(refused)?;
    for rule in rules {
        let refused = |error: RulesetError| ConfineError::Rule {
            what: rule.what.clone(),
            source: errno_of(&error),
        };
        let granted = PathBeneath::new(rule.handle, asked.granted(rule.access));
        ruleset = ruleset.add_rule(granted).map_err(refused)?;
    }
    let status = ruleset
        .all_threads(asked.all_threads)
        .map_err(refused)?
        .restrict_self()
        .map_err(refused)?;
    if status.ruleset == RulesetStatus::FullyEnforced && status.no_new_privs {
        Ok(asked)
    } else {
        Err(ConfineError::Partial { abi: asked.abi })
    }
}

/// Makes the ruleset. Everything is a hard requirement, since the ABI was asked for first: nothing
/// is dropped silently.
fn create(asked: &Asked) -> Result<landlock::RulesetCreated, RulesetError> {
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(asked.files)?;
    if !asked.network.is_empty() {
        ruleset = ruleset.handle_access(asked.network)?;
    }
    if !asked.scopes.is_empty() {
        ruleset = ruleset.scope(asked.scopes)?;
    }
    Ok(ruleset.create()?.set_compatibility(CompatLevel::HardRequirement))
}

/// Digs the kernel's answer out of the crate's error; `EINVAL` where the crate itself refused.
fn errno_of(error: &RulesetError) -> Errno {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(answer) = error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
            return Errno::from_raw(answer);
        }
        cause = error.source();
    }
    Errno::EINVAL
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn check(abi: u8, expected: Option<(u8, Truncation, usize, usize, bool)>) {
        let asked = Asked::for_abi(abi).map(|asked| {
            let (network, scopes) = (asked.network.len(), asked.scopes.len());
            (asked.abi, asked.truncation, network, scopes, asked.all_threads)
        });
        assert_eq!(asked, expected, "ABI {abi}");
    }

    #[test]
    fn asks_of_each_abi_what_it_has() {
        check(0, None);
        check(1, None);
        check(2, Some((2, Truncation::Seccomp, 0, 0, false)));
        check(3, Some((3, Truncation::Landlock, 0, 0, false)));
        check(4, Some((4, Truncation::Landlock, 2, 0, false)));
        check(5, Some((5, Truncation::Landlock, 2, 0, false)));
        check(6, Some((6, Truncation::Landlock, 2, 2, false)));
        check(7, Some((7, Truncation::Landlock, 2, 2, false)));
        check(8, Some((8, Truncation::Landlock, 2, 2, true)));
        check(9, Some((9, Truncation::Landlock, 2, 2, true)));
    }

    #[test]
    fn asks_nothing_of_an_abi_that_nobody_has_read_about() {
        check(10, Some((9, Truncation::Landlock, 2, 2, true)));
        check(255, Some((9, Truncation::Landlock, 2, 2, true)));
    }

    #[test]
    fn handles_each_right_from_the_abi_that_brought_it() {
        let files = |abi| Asked::for_abi(abi).unwrap().files;
        assert!(files(2).contains(AccessFs::Refer | AccessFs::Execute | AccessFs::MakeSock));
        assert!(!files(2).contains(AccessFs::Truncate) && files(3).contains(AccessFs::Truncate));
        assert!(!files(4).contains(AccessFs::IoctlDev) && files(5).contains(AccessFs::IoctlDev));
        assert!(
            !files(8).contains(AccessFs::ResolveUnix) && files(9).contains(AccessFs::ResolveUnix)
        );
    }

    #[test]
    fn each_abi_closes_at_least_what_the_one_before_closed() {
        for abi in OLDEST_ABI..NEWEST_ABI {
            let (before, after) = (Asked::for_abi(abi).unwrap(), Asked::for_abi(abi + 1).unwrap());
            assert!(after.files.contains(before.files), "ABI {abi}");
            assert!(after.network.contains(before.network) && after.scopes.contains(before.scopes));
        }
    }

    #[test]
    fn a_rule_never_grants_what_the_daemon_never_does() {
        let never = AccessFs::Execute
            | AccessFs::MakeSym
            | AccessFs::MakeFifo
            | AccessFs::MakeChar
            | AccessFs::MakeBlock
            | AccessFs::MakeSock
            | AccessFs::IoctlDev
            | AccessFs::ResolveUnix;
        for abi in OLDEST_ABI..=NEWEST_ABI {
            let asked = Asked::for_abi(abi).unwrap();
            assert_eq!(asked.granted(Access::Read), AccessFs::ReadFile | AccessFs::ReadDir);
            assert!(!asked.granted(Access::ReadWrite).intersects(never), "ABI {abi}");
            assert!(asked.granted(Access::ReadWrite).contains(AccessFs::Refer), "ABI {abi}");
            let undone = AccessFs::RemoveFile
                | AccessFs::RemoveDir
                | AccessFs::MakeDir
                | AccessFs::Truncate
                | AccessFs::Refer;
            assert!(!asked.granted(Access::Add).intersects(undone | never), "ABI {abi}");
            assert!(asked.granted(Access::Add).contains(AccessFs::WriteFile | AccessFs::MakeReg));
        }
    }

    #[test]
    fn tells_the_kernels_answer_from_the_crates_own() {
        let error = RulesetError::from(landlock::CreateRulesetError::MissingHandledAccess);
        assert_eq!(errno_of(&error), Errno::EINVAL);
    }
}
