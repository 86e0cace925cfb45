//! Runs the compiled filters on made-up calls, for both architectures.
//!
//! A filter is a program for a small machine of the kernel; here is that machine, as far as the
//! compiler uses it. So the tests prove what the kernel will answer without a process that can
//! never be set free again, and for the architecture that the machine at hand is not.
//! `tests/confine` then asks the real kernel.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests: a filter that the machine cannot run fails them"
)]

use seccompiler::BpfProgram;

use super::*;

const PID: u32 = 4_242;
const ARCHES: [TargetArch; 2] = [TargetArch::x86_64, TargetArch::aarch64];
const TRUNCATIONS: [Truncation; 2] = [Truncation::Landlock, Truncation::Seccomp];
/// The kernel takes no longer program.
const MAX_INSTRUCTIONS: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Allow,
    Enosys,
    Kill,
}

/// What the kernel shows to a filter: number, architecture, instruction pointer, arguments.
struct Call {
    number: u32,
    audit_arch: u32,
    arguments: [u64; 6],
}

impl Call {
    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.audit_arch,
            16.. => {
                let argument = self.arguments[usize::try_from((offset - 16) / 8).unwrap()];
                let shift = if offset.is_multiple_of(8) { 0 } else { 32 };
                u32::try_from((argument >> shift) & 0xffff_ffff).unwrap()
            }
            _ => panic!("no word at {offset}"),
        }
    }
}

fn run(program: &BpfProgram, call: &Call) -> Answer {
    let (mut at, mut accumulator) = (0_usize, 0_u32);
    loop {
        let instruction = &program[at];
        let k = instruction.k;
        let jump = |taken: bool| usize::from(if taken { instruction.jt } else { instruction.jf });
        at += 1;
        match instruction.code {
            0x20 => accumulator = call.word(k),
            0x54 => accumulator &= k,
            0x05 => at += usize::try_from(k).unwrap(),
            0x15 => at += jump(accumulator == k),
            0x25 => at += jump(accumulator > k),
            0x35 => at += jump(accumulator >= k),
            0x06 => {
                return match k {
                    0x7fff_0000 => Answer::Allow,
                    0x0005_0026 => Answer::Enosys,
                    0x8000_0000 => Answer::Kill,
                    other => panic!("no answer of ours: {other:#x}"),
                };
            }
            other => panic!("no instruction of the compiler: {other:#x}"),
        }
    }
}

fn audit(arch: TargetArch) -> u32 {
    match arch {
        TargetArch::x86_64 => 0xc000_003e,
        TargetArch::aarch64 => 0xc000_00b7,
        TargetArch::riscv64 => 0xc000_00f3,
    }
}

fn target(arch: TargetArch, truncation: Truncation) -> Target {
    Target { arch, pid: PID, truncation }
}

/// What the kernel makes of both filters: the more severe answer.
fn decide(target: Target, call: &Call) -> Answer {
    let (kill, allow) = programs(target).unwrap();
    match (run(&kill, call), run(&allow, call)) {
        (Answer::Kill, _) | (_, Answer::Kill) => Answer::Kill,
        (Answer::Enosys, _) | (_, Answer::Enosys) => Answer::Enosys,
        (Answer::Allow, Answer::Allow) => Answer::Allow,
    }
}

/// Arguments for which a line holds, one set for each of its alternatives.
fn arguments_of(line: &Line, target: Target) -> Vec<[u64; 6]> {
    let Some(alternatives) = checks(line.when, target) else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for alternative in &alternatives {
        let mut arguments = [0; 6];
        for check in alternative {
            arguments[usize::from(check.argument)] = match check.test {
                Test::Int(value) => u64::from(value),
                Test::Bits { value, .. } => value,
                Test::Null => 0,
                Test::NotNull | Test::NotOwnPid => 1,
                Test::OwnPid => u64::from(PID),
            };
        }
        all.push(arguments);
    }
    if alternatives.is_empty() {
        all.extend([[0; 6], [u64::MAX; 6]]);
    }
    all
}

fn number_of(name: &str, arch: TargetArch) -> Option<u32> {
    let line = ALLOWED.iter().chain(KILLED).find(|line| line.name == name).unwrap();
    number(line, arch).map(u32::from)
}

/// One call by name, on each architecture that has it, where Landlock refuses to truncate.
fn check(name: &str, arguments: &[(usize, u64)], expected: Answer) {
    check_with(Truncation::Landlock, name, arguments, expected);
}

fn check_with(truncation: Truncation, name: &str, given: &[(usize, u64)], expected: Answer) {
    let mut arguments = [0; 6];
    for (at, value) in given {
        arguments[*at] = *value;
    }
    for arch in ARCHES {
        if let Some(number) = number_of(name, arch) {
            let call = Call { number, audit_arch: audit(arch), arguments };
            assert_eq!(decide(target(arch, truncation), &call), expected, "{name} on {arch:?}");
        }
    }
}

#[test]
fn both_filters_fit_into_what_the_kernel_takes() {
    for arch in ARCHES {
        for truncation in TRUNCATIONS {
            let (kill, allow) = programs(target(arch, truncation)).unwrap();
            // Far below the limit: each instruction runs before each call.
            assert!(kill.len() < MAX_INSTRUCTIONS / 4, "{}", kill.len());
            assert!(allow.len() < MAX_INSTRUCTIONS / 4, "{}", allow.len());
        }
    }
}

#[test]
fn each_allowed_line_is_allowed_by_both_filters() {
    for arch in ARCHES {
        for truncation in TRUNCATIONS {
            let target = target(arch, truncation);
            for line in ALLOWED {
                let Some(number) = number(line, arch).map(u32::from) else {
                    continue;
                };
                for arguments in arguments_of(line, target) {
                    let call = Call { number, audit_arch: audit(arch), arguments };
                    let answer = decide(target, &call);
                    assert_eq!(answer, Answer::Allow, "{} {arguments:?} {arch:?}", line.name);
                }
            }
        }
    }
}

#[test]
fn each_killing_line_kills() {
    for arch in ARCHES {
        for truncation in TRUNCATIONS {
            let target = target(arch, truncation);
            for line in KILLED {
                let Some(number) = number(line, arch).map(u32::from) else {
                    continue;
                };
                for arguments in arguments_of(line, target) {
                    let call = Call { number, audit_arch: audit(arch), arguments };
                    assert_eq!(decide(target, &call), Answer::Kill, "{} {arch:?}", line.name);
                }
            }
        }
    }
}

#[test]
fn whatever_stands_in_no_table_is_answered_enosys() {
    for arch in ARCHES {
        let target = target(arch, Truncation::Landlock);
        for number in 0..1_000 {
            let named = |line: &Line| super::number(line, arch).map(u32::from) == Some(number);
            if !ALLOWED.iter().chain(KILLED).any(named) {
                let call = Call { number, audit_arch: audit(arch), arguments: [0; 6] };
                assert_eq!(decide(target, &call), Answer::Enosys, "number {number} on {arch:?}");
            }
        }
    }
}

#[test]
fn numbers_of_another_architecture_kill() {
    let call = Call { number: 1, audit_arch: 0x4000_0003, arguments: [0; 6] };
    assert_eq!(decide(target(TargetArch::x86_64, Truncation::Landlock), &call), Answer::Kill);
    let call = Call { number: 4, audit_arch: 0x4000_0028, arguments: [0; 6] };
    assert_eq!(decide(target(TargetArch::aarch64, Truncation::Landlock), &call), Answer::Kill);
}

#[test]
fn x32_numbers_reach_nothing() {
    for number in 0..600 {
        let call =
            Call { number: 0x4000_0000 | number, audit_arch: 0xc000_003e, arguments: [0; 6] };
        assert_eq!(decide(target(TargetArch::x86_64, Truncation::Landlock), &call), Answer::Enosys);
    }
}

#[test]
fn threads_may_be_made_and_processes_not() {
    const OF_GLIBC: u64 = 0x003d_0f00;
    const OF_MUSL: u64 = 0x007d_0f00;
    check("clone", &[(0, OF_GLIBC)], Answer::Allow);
    check("clone", &[(0, OF_MUSL)], Answer::Allow);
    check("clone", &[(0, 17)], Answer::Kill);
    for namespace in [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x1000_0000, 0x4000_0000] {
        check("clone", &[(0, OF_GLIBC | namespace)], Answer::Kill);
    }
}

#[test]
fn memory_never_becomes_code() {
    for name in ["mmap", "mprotect"] {
        check(name, &[(2, 3)], Answer::Allow);
        for protection in [4, 5, 7] {
            check(name, &[(2, protection)], Answer::Enosys);
        }
    }
}

#[test]
fn signals_reach_ourselves_only() {
    check("tgkill", &[(0, u64::from(PID))], Answer::Allow);
    check("tgkill", &[(0, 1)], Answer::Kill);
    check("kill", &[(0, u64::from(PID))], Answer::Enosys);
    for other in [0, 1, 0xffff_ffff] {
        check("kill", &[(0, other)], Answer::Kill);
    }
}

#[test]
fn times_are_set_by_descriptor_only() {
    check("utimensat", &[(1, 0)], Answer::Allow);
    check("utimensat", &[(1, 0x7fff_0000_0000)], Answer::Kill);
}

#[test]
fn an_argument_is_read_as_wide_as_the_kernel_reads_it() {
    // An `int` with rubbish above it is that `int`.
    check("ioctl", &[(1, 0xdead_beef_4004_9409)], Answer::Allow);
    check("ioctl", &[(1, 0x5413)], Answer::Enosys);
    check("socketpair", &[(0, 0xffff_ffff_0000_0001)], Answer::Allow);
    check("socketpair", &[(0, 2)], Answer::Enosys);
    // A pointer is a pointer in all its bits.
    check("utimensat", &[(1, 0x1_0000_0000)], Answer::Kill);
    check("prlimit64", &[(2, 0x1_0000_0000)], Answer::Enosys);
}

#[test]
fn prctl_and_fcntl_do_what_is_listed_only() {
    for option in [3, 15, 21, 39] {
        check("prctl", &[(0, option)], Answer::Allow);
    }
    // PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_MM, PR_SET_PTRACER
    for option in [4, 22, 35, 0x5961_6d61] {
        check("prctl", &[(0, option)], Answer::Enosys);
    }
    // F_SETOWN, F_SETLEASE, F_NOTIFY, F_ADD_SEALS
    for command in [8, 1024, 1026, 1033] {
        check("fcntl", &[(1, command)], Answer::Enosys);
    }
}

#[test]
fn a_message_is_sent_with_one_flag_and_no_other() {
    check("sendmsg", &[(2, 0x4000)], Answer::Allow);
    // None, out of band, to route past, with a connection of its own.
    for flags in [0, 1, 4, 0x4001, 0x2000_4000] {
        check("sendmsg", &[(2, flags)], Answer::Enosys);
    }
}

#[test]
fn limits_can_be_asked_for_and_not_set() {
    check("prlimit64", &[], Answer::Allow);
    check("prlimit64", &[(2, 0x7fff_0000_0000)], Answer::Enosys);
    check("prlimit64", &[(0, 1)], Answer::Enosys);
}

#[test]
fn without_landlocks_right_no_call_by_path_truncates() {
    const O_TRUNC: u64 = 0o1000;
    let seccomp = Truncation::Seccomp;
    check_with(seccomp, "openat", &[(2, 0)], Answer::Allow);
    check_with(seccomp, "openat", &[(2, 0o2_000_102)], Answer::Allow);
    check_with(seccomp, "openat", &[(2, O_TRUNC)], Answer::Enosys);
    check_with(seccomp, "openat", &[(2, O_TRUNC | 0o101)], Answer::Enosys);
    check_with(seccomp, "openat2", &[], Answer::Enosys);
    check_with(seccomp, "truncate", &[], Answer::Kill);
    check_with(seccomp, "ftruncate", &[], Answer::Allow);
    check("openat", &[(2, O_TRUNC | 0o101)], Answer::Allow);
    check("openat2", &[], Answer::Allow);
}
