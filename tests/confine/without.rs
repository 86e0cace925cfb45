//! Runs a program on a kernel that lacks something: `without landlock=ENOSYS openat2=ENOSYS
//! seccomp=EPERM -- PROGRAM ...`
//!
//! Installs a filter that answers the calls of a feature with an errno, then becomes the program,
//! which inherits the filter. So one machine shows how a program starts on another kernel, in a
//! container, or with Landlock switched off at boot. It can only take away: the program's own
//! filters come on top, and the more severe answer wins. The hazard: refusing `seccomp` stops the
//! next filter of our own too, so that one is installed last.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a program of the tests: it answers its caller")]
#![allow(clippy::disallowed_methods, reason = "becomes the program that it was given")]
#![cfg_attr(not(target_os = "linux"), allow(unused, reason = "there is nothing to take away yet"))]

use std::process::ExitCode;

#[cfg(target_os = "linux")]
fn main() -> ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() -> ExitCode {
    eprintln!("skipped: this system has no seccomp");
    ExitCode::FAILURE
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::os::unix::process::CommandExt as _;
    use std::process::{Command, ExitCode};

    use nix::errno::Errno;
    use nix::libc;
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule, TargetArch,
    };

    const USAGE: &str = "usage: without FEATURE=ERRNO... -- PROGRAM [ARGUMENT...]\n\
                         features: landlock, openat2, renameat2, statx, seccomp; errno by name or number";

    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Feature {
        Landlock,
        Openat2,
        Renameat2,
        Statx,
        /// Last, also in the order of installation.
        Seccomp,
    }

    pub(super) fn main() -> ExitCode {
        let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
        let mut parts = arguments.splitn(2, |word| word == "--");
        let features: Option<Vec<_>> =
            parts.next().unwrap_or_default().iter().map(feature).collect();
        let (Some(mut features), Some([program, rest @ ..])) = (features, parts.next()) else {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        };
        features.sort_by_key(|(feature, _)| *feature);
        for (feature, errno) in features {
            if let Err(error) = take_away(feature, errno) {
                eprintln!("error: the filter cannot be installed: {error:?}");
                return ExitCode::FAILURE;
            }
        }
        let error = Command::new(program).args(rest).exec();
        eprintln!("error: {} cannot be started: {error}", program.display());
        ExitCode::FAILURE
    }

    fn feature(word: &OsString) -> Option<(Feature, Errno)> {
        let (name, errno) = word.to_str()?.split_once('=')?;
        let feature = match name {
            "landlock" => Feature::Landlock,
            "openat2" => Feature::Openat2,
            "renameat2" => Feature::Renameat2,
            "statx" => Feature::Statx,
            "seccomp" => Feature::Seccomp,
            _ => return None,
        };
        let errno = match errno {
            "ENOSYS" => Errno::ENOSYS,
            "EOPNOTSUPP" => Errno::EOPNOTSUPP,
            "EPERM" => Errno::EPERM,
            "EINVAL" => Errno::EINVAL,
            number => {
                Errno::from_raw(number.parse().ok().filter(|number| (1..4096).contains(number))?)
            }
        };
        Some((feature, errno))
    }

    fn take_away(feature: Feature, errno: Errno) -> Result<(), seccompiler::Error> {
        let always = |number: i64| (number, Vec::new());
        let rules: BTreeMap<i64, Vec<SeccompRule>> = match feature {
            Feature::Landlock => BTreeMap::from([
                always(libc::SYS_landlock_create_ruleset),
                always(libc::SYS_landlock_add_rule),
                always(libc::SYS_landlock_restrict_self),
            ]),
            Feature::Openat2 => BTreeMap::from([always(libc::SYS_openat2)]),
            Feature::Renameat2 => BTreeMap::from([always(libc::SYS_renameat2)]),
            Feature::Statx => BTreeMap::from([always(libc::SYS_statx)]),
            Feature::Seccomp => {
                let set_seccomp =
                    SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 22)?;
                let rule = SeccompRule::new(vec![set_seccomp])?;
                BTreeMap::from([always(libc::SYS_seccomp), (libc::SYS_prctl, vec![rule])])
            }
        };
        let answer = SeccompAction::Errno(errno as u32);
        let arch = TargetArch::try_from(std::env::consts::ARCH)?;
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, answer, arch)?;
        let program: BpfProgram = filter.try_into()?;
        seccompiler::apply_filter(&program)
    }
}
