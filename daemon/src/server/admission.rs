//! How many connections there may be, in all and of one uid.
//!
//! A place is a value: who holds it is counted, and who drops it no longer, whatever way the
//! connection ended. The hazard: a program that connects a thousand times and leaves no place for
//! anybody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use darkslide_policy::Uid;

/// Counts connections.
#[derive(Debug, Clone)]
pub(super) struct Admission {
    in_all: usize,
    per_uid: usize,
    counts: Arc<Mutex<HashMap<Uid, usize>>>,
}

/// A place among the connections.
#[derive(Debug)]
pub(super) struct Admitted {
    uid: Uid,
    admission: Admission,
}

/// Which bound is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) limit: usize,
}

impl Admission {
    /// Has so many places, and so many of them for one uid.
    pub(super) fn new(in_all: usize, per_uid: usize) -> Self {
        Self { in_all, per_uid, counts: Arc::default() }
    }

    /// Takes a place for a peer.
    pub(super) fn admit(&self, uid: Uid) -> Result<Admitted, Full> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= self.in_all {
            return Err(Full { limit: self.in_all });
        }
        let own = counts.entry(uid).or_default();
        if *own >= self.per_uid {
            return Err(Full { limit: self.per_uid });
        }
        *own += 1;
        Ok(Admitted { uid, admission: self.clone() })
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut counts = self.admission.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = counts.get_mut(&self.uid) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                counts.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IN_ALL: usize = 64;
    const PER_UID: usize = 32;

    #[test]
    fn one_uid_cannot_take_all_places() {
        let admission = Admission::new(IN_ALL, PER_UID);
        let own: Vec<_> = (0..PER_UID).map(|_| admission.admit(Uid::new(1)).unwrap()).collect();
        assert_eq!(admission.admit(Uid::new(1)).unwrap_err(), Full { limit: PER_UID });
        assert!(admission.admit(Uid::new(2)).is_ok());
        drop(own);
        assert!(admission.admit(Uid::new(1)).is_ok(), "places come back");
    }

    #[test]
    fn the_sum_is_bounded_too() {
        let admission = Admission::new(IN_ALL, PER_UID);
        let all: Vec<_> = (0..IN_ALL)
            .map(|number| admission.admit(Uid::new(u32::try_from(number).unwrap())).unwrap())
            .collect();
        assert_eq!(admission.admit(Uid::new(9_999)).unwrap_err(), Full { limit: IN_ALL });
        drop(all);
        assert!(admission.counts.lock().unwrap().is_empty());
    }
}
