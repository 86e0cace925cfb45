//! What came of an attempt that must fail, and whether the answer proves anything.
//!
//! The one judge of the self-tests of all systems. It makes no call of its own. The hazard: a call
//! that failed for another reason than confinement, and was taken for its proof.

use nix::errno::Errno;

use super::report::Refusal;
use super::{Access, Rule};

/// What came of one attempt.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Refused, by an answer that proves something.
    Refused(Refusal),
    /// Not refused, or not by the one whom we wanted to see.
    Unproven {
        /// What was tried.
        what: String,
        /// What came of it.
        answer: String,
    },
}

/// `proof`: the answers that count; none named: each of them.
pub(super) fn judge(what: &str, outcome: Result<(), Errno>, proof: &[Errno]) -> Outcome {
    let what = what.to_owned();
    match outcome {
        Ok(()) => Outcome::Unproven { what, answer: "it succeeded".to_owned() },
        Err(errno) if proof.is_empty() || proof.contains(&errno) => {
            Outcome::Refused(Refusal { what, errno: errno as i32 })
        }
        Err(errno) => Outcome::Unproven { what, answer: format!("{errno}, which proves nothing") },
    }
}

/// For each folder that may be read only: a write there, as the system tries one. Any refusal
/// counts: a disk that is mounted read-only says EROFS, and does not write either.
pub(super) fn judge_writes(
    rules: &[Rule<'_>],
    write: impl Fn(&Rule<'_>) -> Result<(), Errno>,
) -> Vec<Outcome> {
    let may_only_be_read = |rule: &&Rule<'_>| match rule.access {
        Access::ReadWrite | Access::Add => false,
        Access::Read => true,
    };
    let tried = rules.iter().filter(may_only_be_read);
    tried.map(|rule| judge(&format!("write below {}", rule.what), write(rule), &[])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(outcome: Result<(), Errno>, proof: &[Errno]) -> bool {
        match judge("try", outcome, proof) {
            Outcome::Refused(_) => true,
            Outcome::Unproven { .. } => false,
        }
    }

    #[test]
    fn counts_only_answers_that_prove_something() {
        assert!(is_refused(Err(Errno::EACCES), &[Errno::EACCES]));
        assert!(is_refused(Err(Errno::EROFS), &[]));
        assert!(!is_refused(Err(Errno::ENOENT), &[Errno::EACCES]));
        assert!(!is_refused(Ok(()), &[]));
    }
}
