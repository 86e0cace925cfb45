//! Makes filters of the tables in `syscalls.rs` and hands them to the kernel, for all threads and
//! for good.
//!
//! Two filters, since one knows one answer and one default: the first kills what can only be an
//! attack and lets the rest pass, the second passes what is allowed and answers `ENOSYS` to the
//! rest; the kernel takes the more severe answer. It alone installs filters. The hazards: a filter
//! that kills a thread leaves a process that hangs (so the process is killed), and one that never
//! looks at the architecture lets 32-bit numbers through (the crate's first instructions look). The
//! tests run the compiled programs, those of the other architecture too.

use std::collections::BTreeMap;

use nix::errno::Errno;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

use super::error::ConfineError;
use super::report::Truncation;
use super::syscalls::{ALLOWED, Check, KILLED, Line, Test, When};

#[cfg(target_arch = "x86_64")]
const OUR_ARCH: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const OUR_ARCH: TargetArch = TargetArch::aarch64;

/// What a filter is made for.
#[derive(Clone, Copy)]
struct Target {
    arch: TargetArch,
    pid: u32,
    truncation: Truncation,
}

/// Installs both filters in all threads.
///
/// # Errors
/// `Seccomp` with the kernel's answer. Then a filter may be in force all the same: the process must
/// end.
pub(super) fn install(truncation: Truncation) -> Result<(), ConfineError> {
    let target = Target { arch: OUR_ARCH, pid: std::process::id(), truncation };
    // Both are compiled before the first is installed.
    let (kill, allow) = programs(target).map_err(|error| refused(&error.into()))?;
    for program in [kill, allow] {
        seccompiler::apply_filter_all_threads(&program).map_err(|error| refused(&error))?;
    }
    Ok(())
}

/// Digs the kernel's answer out of the crate's error.
fn refused(error: &seccompiler::Error) -> ConfineError {
    let source = match error {
        seccompiler::Error::Prctl(answer) | seccompiler::Error::Seccomp(answer) => {
            answer.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw)
        }
        // Another thread, which boot does not have, is under a filter of its own.
        seccompiler::Error::ThreadSync(_) => Errno::ESRCH,
        // The programs are too long or wrong: the tests compile the very same ones.
        seccompiler::Error::Backend(_) | seccompiler::Error::EmptyFilter => Errno::EINVAL,
    };
    ConfineError::Seccomp { source }
}

fn programs(target: Target) -> Result<(BpfProgram, BpfProgram), BackendError> {
    let kill = compile(KILLED, target, SeccompAction::Allow, SeccompAction::KillProcess)?;
    let unknown = SeccompAction::Errno(Errno::ENOSYS as u32);
    let allow = compile(ALLOWED, target, unknown, SeccompAction::Allow)?;
    Ok((kill, allow))
}

fn compile(
    table: &[Line],
    target: Target,
    default: SeccompAction,
    action: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let mut rules = BTreeMap::new();
    for line in table {
        if let (Some(number), Some(checks)) = (number(line, target.arch), checks(line.when, target))
        {
            rules.insert(i64::from(number), rules_of(&checks, target.pid)?);
        }
    }
    SeccompFilter::new(rules, default, action, target.arch)?.try_into()
}

fn number(line: &Line, arch: TargetArch) -> Option<u16> {
    match arch {
        TargetArch::x86_64 => line.number.x86_64,
        TargetArch::aarch64 => line.number.aarch64,
        TargetArch::riscv64 => None,
    }
}

/// Returns when a line holds for this target, as alternatives of checks that all hold (no
/// alternative: always); `None` if it never does.
fn checks(when: When, target: Target) -> Option<Vec<Vec<Check>>> {
    let landlock_truncates = match target.truncation {
        Truncation::Landlock => true,
        Truncation::Seccomp | Truncation::Seatbelt | Truncation::Open => false,
    };
    match when {
        When::Always => Some(Vec::new()),
        When::OneOf(checks) => Some(checks.iter().map(|check| vec![*check]).collect()),
        When::AllOf(checks) => Some(vec![checks.to_vec()]),
        When::UnlessSeccompTruncates => landlock_truncates.then(Vec::new),
        When::OrIfSeccompTruncates(_) if landlock_truncates => Some(Vec::new()),
        When::OrIfSeccompTruncates(check) => Some(vec![vec![check]]),
    }
}

fn rules_of(alternatives: &[Vec<Check>], pid: u32) -> Result<Vec<SeccompRule>, BackendError> {
    let rule = |checks: &Vec<Check>| {
        let conditions: Result<Vec<_>, _> =
            checks.iter().map(|check| condition(*check, pid)).collect();
        SeccompRule::new(conditions?)
    };
    alternatives.iter().map(rule).collect()
}

fn condition(check: Check, pid: u32) -> Result<SeccompCondition, BackendError> {
    use SeccompCmpArgLen::{Dword, Qword};
    let (length, operator, value) = match check.test {
        Test::Int(value) => (Dword, SeccompCmpOp::Eq, u64::from(value)),
        Test::Bits { mask, value } => (Qword, SeccompCmpOp::MaskedEq(mask), value),
        Test::Null => (Qword, SeccompCmpOp::Eq, 0),
        Test::NotNull => (Qword, SeccompCmpOp::Ne, 0),
        Test::OwnPid => (Dword, SeccompCmpOp::Eq, u64::from(pid)),
        Test::NotOwnPid => (Dword, SeccompCmpOp::Ne, u64::from(pid)),
    };
    SeccompCondition::new(check.argument, length, operator, value)
}

#[cfg(test)]
mod tests;
