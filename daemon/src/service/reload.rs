//! The policy file is read again, because somebody asked for that.
//!
//! Only whether it can be used is learnt: what it says is enforced by the daemon that is started
//! anew, for the kernel's rules are made from the same value. Boot hands in the reading, for it
//! alone knows where the file is. The hazard: a typing mistake that ends a daemon which served
//! well; so what is broken is told and changes nothing.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::oneshot;

use super::{Caller, Service};
use crate::threads;

/// Reads and checks the policy file as it is now; answers what is wrong with it.
pub(crate) type Reread = Box<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What whoever may not read the file is told of what is wrong with it.
const BROKEN: &str = "the policy file was changed and cannot be used; the one before applies";

/// How to read it again, and what was wrong with it the last time.
#[derive(Default)]
pub(super) struct Reload {
    reread: OnceLock<Reread>,
    problem: Mutex<Option<String>>,
}

impl Service {
    /// Sets, once, how the policy is read again; until then nobody can ask for it.
    pub(crate) fn reread_by(&self, reread: Reread) {
        let _once = self.reload.reread.set(reread);
    }

    /// Reads the policy file again: can a daemon that is started anew serve by it?
    pub(crate) async fn reread(self: &Arc<Self>) -> bool {
        let (answer, answered) = oneshot::channel();
        let service = Arc::clone(self);
        let begun = threads::start("policy", move || {
            // Who asked may be gone.
            let _gone = answer.send(service.reload.is_good());
        });
        begun.is_ok() && answered.await.unwrap_or(false)
    }

    /// What is wrong with the policy file, in words for that peer: to whoever the daemon runs for
    /// the whole, which may quote it, to others that it is so.
    pub(super) fn policy_problem(&self, caller: &Caller) -> Option<String> {
        let problem = self.reload.problem.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let may_read = caller.peer().uid == self.world.uid;
        problem.map(|problem| if may_read { problem } else { BROKEN.to_owned() })
    }
}

impl Reload {
    fn is_good(&self) -> bool {
        let Some(reread) = self.reread.get() else { return false };
        let problem = reread().err();
        match &problem {
            Some(problem) => {
                tracing::warn!(?problem, "the policy file cannot be used; the one before applies");
            }
            None => tracing::info!("the policy file was read again; ending, to enforce it"),
        }
        let is_good = problem.is_none();
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
        is_good
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn what_was_wrong_is_remembered_until_it_is_mended() {
        let (reload, broken) = (Reload::default(), Arc::new(AtomicBool::new(true)));
        assert!(!reload.is_good(), "nobody said how");
        let is_broken = Arc::clone(&broken);
        let reread = move || {
            if is_broken.load(Ordering::Relaxed) { Err("line 1".to_owned()) } else { Ok(()) }
        };
        assert!(reload.reread.set(Box::new(reread)).is_ok());
        for _ in 0..2 {
            assert!(!reload.is_good());
            assert_eq!(reload.problem.lock().unwrap().as_deref(), Some("line 1"));
        }
        broken.store(false, Ordering::Relaxed);
        assert!(reload.is_good());
        assert_eq!(*reload.problem.lock().unwrap(), None);
    }
}
