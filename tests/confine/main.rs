//! Makes every forbidden call from inside the production confinement, and holds the kernel's answer
//! against a table.
//!
//! Each attempt is a child process (`misbehave`), since a confined process cannot be set free again
//! and a killed one cannot report. After each, every byte, mode and time of the library and of what
//! lies outside is what it was. The reader of the tables sees what stops what: Landlock answers
//! `EACCES` or `EXDEV`, the allow-list `ENOSYS`, and the list of attacks ends the process
//! (`SIGSYS`). Cases K01 to K07 of the threat model.

#![forbid(unsafe_code)]
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests"
)]

mod child;
mod expected;

use std::collections::BTreeSet;

use child::{Base, Outcome, can_confine, run, run_without};
use expected::{ABI_2, EVERYWHERE, Expected};

/// Runs each attempt of a table in a base of its own.
fn check(options: &[&str], table: &[(&str, Expected)]) {
    if !can_confine() {
        return;
    }
    let mut wrong = Vec::new();
    for (attempt, expected) in table {
        let base = Base::new();
        let outcome = run(&base, options, attempt);
        if !expected.is_met_by(&outcome) {
            wrong.push(format!("{attempt}: expected {expected:?}, got {outcome:?}"));
        }
        if let Some(change) = base.change() {
            wrong.push(format!("{attempt}: {change}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// K01, K03, K04, K05, K06, on the thread that entered.
#[test]
fn each_attempt_is_answered_as_the_table_says() {
    check(&[], EVERYWHERE);
}

/// K02: the same from a thread that was made afterwards.
#[test]
fn each_attempt_is_answered_alike_in_a_thread_made_later() {
    check(&["--threads", "1"], EVERYWHERE);
}

/// K02: a worker pool's worth of threads.
#[test]
fn twenty_of_twenty_threads_are_confined() {
    if !can_confine() {
        return;
    }
    for (attempt, word) in [("assert_confined", "works"), ("read_outside", "EACCES")] {
        let outcome = run(&Base::new(), &["--threads", "20"], attempt);
        assert_eq!(outcome, Outcome::Answered(vec![word.to_owned(); 20]), "{attempt}");
    }
}

/// K02: the mistake of confining after the runtime was built.
#[test]
fn refuses_to_confine_beside_a_thread_that_would_stay_free() {
    let outcome = run(&Base::new(), &["--late"], "nothing");
    assert!(outcome.failed_with("2 threads run before confinement"), "{outcome:?}");
    let outcome = run(&Base::new(), &["--late", "--best-effort"], "nothing");
    assert!(outcome.failed_with("2 threads run before confinement"), "{outcome:?}");
}

/// K05: calls that came after the table was written must be closed to us, whatever they will be.
#[test]
fn the_newest_calls_of_the_kernel_reach_nothing() {
    if !can_confine() {
        return;
    }
    let base = Base::new();
    for number in 442..500 {
        let outcome = run(&base, &[], &format!("number_{number}"));
        assert!(Expected::Closed.is_met_by(&outcome), "number {number}: {outcome:?}");
    }
    assert_eq!(base.change(), None);
}

/// K01 with the rights of ABI 2: the kernel of Debian 12 knows no right to truncate, and seccomp
/// closes the hole.
#[test]
fn the_library_cannot_be_truncated_with_the_rights_of_abi_2() {
    check(&["--abi", "2"], ABI_2);
    check(&["--abi", "2", "--threads", "1"], ABI_2);
}

#[test]
fn says_who_closes_truncation() {
    if !can_confine() {
        return;
    }
    let told = |options| child::report(&Base::new(), options);
    assert!(told(&["--abi", "2"]).contains("landlock ABI 2, seccomp"), "{}", told(&["--abi", "2"]));
    assert!(told(&["--abi", "2"]).contains("truncation closed by seccomp"));
    assert!(told(&["--abi", "3"]).contains("landlock ABI 3, seccomp"));
    assert!(told(&["--abi", "3"]).contains("truncation closed by landlock"));
    assert!(!told(&[]).contains("missing"), "{}", told(&[]));
}

/// K07: an older Landlock lacks the right to rename between folders, without which no export can
/// publish.
#[test]
fn refuses_the_rights_of_abi_1() {
    if !can_confine() {
        return;
    }
    let outcome = run(&Base::new(), &["--abi", "1"], "nothing");
    assert!(outcome.failed_with("Landlock is too old (ABI 1; needed is ABI 2)"), "{outcome:?}");
    let told = child::report(&Base::new(), &["--abi", "1", "--best-effort"]);
    assert!(told.starts_with("no landlock, seccomp, no_new_privs"), "{told}");
}

/// K07: whoever withholds Landlock, the start ends with a text of its own and the full way to go
/// on.
#[test]
fn does_not_start_without_landlock_and_says_how_to_go_on() {
    if !can_confine() {
        return;
    }
    let ways = [
        ("landlock=ENOSYS", "this kernel has no Landlock (ENOSYS)"),
        ("landlock=EOPNOTSUPP", "built into this kernel but switched off (EOPNOTSUPP)"),
        ("landlock=EPERM", "an outer sandbox or container forbids the calls of Landlock (EPERM)"),
    ];
    for (way, text) in ways {
        let outcome = run_without(&Base::new(), way, &[], "nothing");
        assert!(outcome.failed_with(text), "{way}: {outcome:?}");
        assert!(outcome.failed_with("--confinement best-effort"), "{way}: {outcome:?}");
        let told = child::report_without(&Base::new(), way, &["--best-effort"]);
        assert!(told.starts_with("no landlock, seccomp, no_new_privs"), "{way}: {told}");
        assert!(told.contains(text), "{way}: {told}");
    }
}

/// K07: and best effort still has what there is.
#[test]
fn best_effort_without_landlock_still_filters_calls() {
    if !can_confine() {
        return;
    }
    let base = Base::new();
    let without = |attempt| run_without(&base, "landlock=ENOSYS", &["--best-effort"], attempt);
    assert!(Expected::Killed.is_met_by(&without("socket_tcp")));
    assert!(Expected::Killed.is_met_by(&without("library_truncate")));
    assert!(Expected::Answer("ENOSYS").is_met_by(&without("library_open_truncating")));
    assert!(Expected::Works.is_met_by(&without("assert_confined")));
    assert!(Expected::Works.is_met_by(&without("work_below_the_root")));
    assert_eq!(base.change(), None);
}

/// K07: no filter, no start; and an outer filter is not taken for ours.
#[test]
fn does_not_start_without_seccomp_and_says_how_to_go_on() {
    if !can_confine() {
        return;
    }
    for way in ["seccomp=ENOSYS", "seccomp=EPERM"] {
        let outcome = run_without(&Base::new(), way, &[], "nothing");
        assert!(outcome.failed_with("takes no filter of system calls (seccomp)"), "{outcome:?}");
        assert!(outcome.failed_with("--confinement best-effort"), "{outcome:?}");
        let told = child::report_without(&Base::new(), way, &["--best-effort"]);
        assert!(told.contains("no seccomp") && told.starts_with("landlock ABI"), "{told}");
    }
}

#[test]
fn starts_where_openat2_is_missing() {
    if !can_confine() {
        return;
    }
    let outcome = run_without(&Base::new(), "openat2=ENOSYS", &[], "work_below_the_root");
    assert!(Expected::Works.is_met_by(&outcome), "{outcome:?}");
}

/// The self-test is what stands between a mistake in the rules and a library that can be written.
#[test]
fn does_not_start_with_a_library_below_an_export_root() {
    if !can_confine() {
        return;
    }
    let base = Base::new();
    let outcome = run(&base, &["--root", "."], "nothing");
    assert!(outcome.failed_with("write below library main: it succeeded"), "{outcome:?}");
    assert_eq!(base.change(), None);
}

#[test]
fn starts_with_as_few_descriptors_as_it_needs_and_with_no_fewer() {
    if !can_confine() {
        return;
    }
    let with = |limit| run(&Base::new(), &["--descriptors", limit], "recheck");
    assert!(Expected::Works.is_met_by(&with("64")), "{:?}", with("64"));
    assert!(with("63").failed_with("63 descriptors are allowed to this process, and it needs 64"));
    let best_effort = run(&Base::new(), &["--best-effort", "--descriptors", "63"], "nothing");
    assert!(best_effort.failed_with("it needs 64"), "{best_effort:?}");
}

/// A name that one list has and the other lacks would be an attempt that nobody makes.
#[test]
fn each_attempt_of_the_program_is_expected_to_come_out_somehow() {
    let made: BTreeSet<String> = child::names(&Base::new());
    let expected: BTreeSet<String> =
        EVERYWHERE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let of_abi_2: BTreeSet<String> = ABI_2.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(made, expected);
    assert!(of_abi_2.is_subset(&made), "{:?}", of_abi_2.difference(&made));
}

/// The kernel column of the table of decisions: what `decide` answers is the policy, this is the
/// wall behind it.
#[test]
fn the_kernel_answers_to_the_table_of_decisions_as_it_says() {
    const TABLE: &str = include_str!("../../policy/src/decisions.tsv");
    if !can_confine() {
        return;
    }
    let base = tempfile::TempDir::new().unwrap();
    // Every place of the table is there, so that "nothing" is the kernel's no and not an empty
    // disk.
    for place in
        ["Main.photoslibrary/originals", "Old.photoslibrary", "Exports/2024/05", "Exports/x"]
    {
        std::fs::create_dir_all(base.path().join(place)).unwrap();
    }
    for place in ["Disk/a/b", "Disk/x", "Exports-evil/x", "exports", "none", "Raw/2019", "Raw-evil"]
    {
        std::fs::create_dir_all(base.path().join(place)).unwrap();
    }
    let output =
        std::process::Command::new(env!("CARGO_BIN_EXE_decide")).arg(base.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answers = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> =
        TABLE.lines().filter(|line| !line.starts_with('#') && !line.ends_with("\t-")).collect();
    assert_eq!(answers.lines().count(), lines.len());
    for (line, answer) in lines.iter().zip(answers.lines()) {
        let expected = line.rsplit('\t').next().unwrap();
        assert_eq!(answer, expected, "{line}");
    }
}
