//! Descriptors that have arrived and wait for the frame that announces them.
//!
//! It counts, and knows neither socket nor frame: the n-th frame with `"fd": true` takes the n-th
//! descriptor. What is left over is closed with the queue. The hazard: byte offsets tell nothing,
//! for the kernel glues earlier bytes in front of those that a descriptor travels with; one that is
//! lost or too many would hand each later caller somebody else's file.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

/// Descriptors that may wait. One frame announces one, and only one frame can be half read; the
/// others are for a system that delivers a descriptor ahead of its bytes.
pub const MAX_WAITING_DESCRIPTORS: usize = 8;

/// How descriptors and frames differ; after any of these the connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptorError {
    /// A frame announces one that has not come.
    #[error("the daemon announced a descriptor and sent none")]
    Missing,
    /// One has come that no frame announces.
    #[error("the daemon sent a descriptor that it did not announce")]
    Surplus,
    /// Two on one message.
    #[error("the daemon sent {count} descriptors at once; one is allowed")]
    Several {
        /// How many.
        count: usize,
    },
    /// The system had more than there was room for.
    #[error("the daemon sent more descriptors at once than there is room for")]
    Cut,
    /// Too many wait for their frames.
    #[error("more than {limit} descriptors wait for their frames")]
    TooMany {
        /// How many may.
        limit: usize,
    },
}

/// The queue; `T` is a descriptor, or in tests whatever can be told apart.
#[derive(Debug)]
pub(crate) struct Descriptors<T = OwnedFd> {
    waiting: VecDeque<T>,
}

impl<T> Default for Descriptors<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<T> Descriptors<T> {
    /// Takes what one message brought, all of which it owns and closes if that is refused.
    pub(crate) fn bring(&mut self, brought: Vec<T>, is_cut: bool) -> Result<(), DescriptorError> {
        if is_cut {
            return Err(DescriptorError::Cut);
        }
        let count = brought.len();
        if count > 1 {
            return Err(DescriptorError::Several { count });
        }
        if self.waiting.len() + count > MAX_WAITING_DESCRIPTORS {
            return Err(DescriptorError::TooMany { limit: MAX_WAITING_DESCRIPTORS });
        }
        self.waiting.extend(brought);
        Ok(())
    }

    /// Gives the next frame its descriptor, if it announces one.
    pub(crate) fn take(&mut self, is_announced: bool) -> Result<Option<T>, DescriptorError> {
        if !is_announced {
            return Ok(None);
        }
        self.waiting.pop_front().map(Some).ok_or(DescriptorError::Missing)
    }

    /// Every frame that has begun is read to its end: nothing may be left.
    pub(crate) fn settle(&self) -> Result<(), DescriptorError> {
        if self.waiting.is_empty() { Ok(()) } else { Err(DescriptorError::Surplus) }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_nth_announcement_takes_the_nth_descriptor() {
        let mut queue = Descriptors::default();
        queue.bring(vec!['a'], false).unwrap();
        queue.bring(Vec::new(), false).unwrap();
        queue.bring(vec!['b'], false).unwrap();
        assert_eq!(queue.take(false), Ok(None));
        assert_eq!(queue.take(true), Ok(Some('a')));
        assert_eq!(queue.settle(), Err(DescriptorError::Surplus));
        assert_eq!(queue.take(true), Ok(Some('b')));
        assert_eq!(queue.settle(), Ok(()));
        assert_eq!(queue.take(true), Err(DescriptorError::Missing));
    }

    #[test]
    fn two_at_once_and_cut_ones_are_refused() {
        for (count, is_cut, error) in [
            (2, false, DescriptorError::Several { count: 2 }),
            (253, false, DescriptorError::Several { count: 253 }),
            (0, true, DescriptorError::Cut),
            (1, true, DescriptorError::Cut),
        ] {
            let mut queue = Descriptors::default();
            assert_eq!(queue.bring(vec![0; count], is_cut), Err(error));
            assert_eq!(queue.settle(), Ok(()), "nothing is kept");
        }
    }

    #[test]
    fn so_many_may_wait_and_no_more() {
        let mut queue = Descriptors::default();
        for number in 0..MAX_WAITING_DESCRIPTORS {
            queue.bring(vec![number], false).unwrap();
        }
        let limit = MAX_WAITING_DESCRIPTORS;
        for _ in 0..100 {
            assert_eq!(queue.bring(vec![99], false), Err(DescriptorError::TooMany { limit }));
        }
        assert_eq!(queue.take(true), Ok(Some(0)));
        queue.bring(vec![99], false).unwrap();
    }

    /// The other end of a pipe sees its end only when every copy of this one is closed.
    #[test]
    fn what_is_refused_or_left_over_is_closed() {
        let mut queue = Descriptors::default();
        let (mut left, kept) = std::io::pipe().unwrap();
        queue.bring(vec![OwnedFd::from(kept)], false).unwrap();
        let (mut refused, one) = std::io::pipe().unwrap();
        let other = one.try_clone().unwrap();
        queue.bring(vec![one.into(), other.into()], false).unwrap_err();
        assert_eq!(refused.read(&mut [0]).unwrap(), 0);
        drop(queue);
        assert_eq!(left.read(&mut [0]).unwrap(), 0);
    }

    proptest! {
        /// Whatever comes when: the order stays, and nothing is there twice or lost.
        #[test]
        fn descriptors_come_out_in_the_order_in_which_they_came(steps: Vec<bool>) {
            let mut queue = Descriptors::default();
            let (mut came, mut went) = (0, 0);
            for brings in steps {
                if brings {
                    came += usize::from(queue.bring(vec![came], false).is_ok());
                } else if let Ok(taken) = queue.take(true) {
                    prop_assert_eq!(taken, Some(went));
                    went += 1;
                } else {
                    prop_assert_eq!(came, went);
                }
                prop_assert_eq!(queue.settle().is_ok(), came == went);
                prop_assert!(came - went <= MAX_WAITING_DESCRIPTORS);
            }
        }
    }
}
