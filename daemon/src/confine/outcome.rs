//! What came of an attempt that must fail, and whether the answer proves anything.
//!
//! The one judge of the self-tests of all systems. It makes no call. The hazard: a call that failed
//! for another reason than confinement, and was taken for its proof.

use nix::errno::Errno;

use super::report::Refusal;

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
