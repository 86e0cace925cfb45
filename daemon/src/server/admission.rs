//! How many connections there may be, in all and of one uid.
//!
//! A place is a value: who holds it is counted, and who drops it no longer, whatever way the
//! connection ended. The hazard: a program that connects a thousand times and leaves no place for
//! anybody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use darkslide_policy::Uid;

use crate::service::limits::{MAX_CONNECTIONS, MAX_CONNECTIONS_PER_UID};

/// Counts connections.
#[derive(Debug, Clone, Default)]
pub(super) struct Admission {
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
    /// Takes a place for a peer.
    pub(super) fn admit(&self, uid: Uid) -> Result<Admitted, Full> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.values().sum::<usize>() >= MAX_CONNECTIONS {
            return Err(Full { limit: MAX_CONNECTIONS });
        }
        let own = counts.entry(uid).or_default();
        if *own >= MAX_CONNECTIONS_PER_UID {
            return Err(Full { limit: MAX_CONNECTIONS_PER_UID });
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

    #[test]
    fn one_uid_cannot_take_all_places() {
        let admission = Admission::default();
        let own: Vec<_> =
            (0..MAX_CONNECTIONS_PER_UID).map(|_| admission.admit(Uid::new(1)).unwrap()).collect();
        assert_eq!(
            admission.admit(Uid::new(1)).unwrap_err(),
            Full { limit: MAX_CONNECTIONS_PER_UID }
        );
        assert!(admission.admit(Uid::new(2)).is_ok());
        drop(own);
        assert!(admission.admit(Uid::new(1)).is_ok(), "places come back");
    }

    #[test]
    fn the_sum_is_bounded_too() {
        let admission = Admission::default();
        let all: Vec<_> = (0..MAX_CONNECTIONS)
            .map(|number| admission.admit(Uid::new(u32::try_from(number).unwrap())).unwrap())
            .collect();
        assert_eq!(admission.admit(Uid::new(9_999)).unwrap_err(), Full { limit: MAX_CONNECTIONS });
        drop(all);
        assert!(admission.counts.lock().unwrap().is_empty());
    }
}
