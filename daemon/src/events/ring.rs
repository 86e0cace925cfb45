//! The numbers of events, and the last of those that are kept: pure, and bounded twice.
//!
//! A number is given to each event, kept or not; the ring knows from which number on it has all
//! that was to be kept, and answers nothing for an older one. The hazard: a replay with a hole in
//! it that nobody is told of.

use std::collections::VecDeque;

/// The last entries that were put, in order.
#[derive(Debug)]
pub(super) struct Ring<T> {
    kept: VecDeque<Kept<T>>,
    bytes: usize,
    most: Most,
    /// All that was put after this number is there.
    floor: u64,
    newest: u64,
}

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

#[derive(Debug)]
struct Kept<T> {
    seq: u64,
    bytes: usize,
    entry: T,
}

impl<T> Ring<T> {
    /// The first number will be the one after `before`.
    pub(super) fn new(before: u64, most: Most) -> Self {
        Self { kept: VecDeque::new(), bytes: 0, most, floor: before, newest: before }
    }

    /// The number given last.
    pub(super) fn newest(&self) -> u64 {
        self.newest
    }

    /// What was kept last.
    pub(super) fn last(&self) -> Option<&T> {
        self.kept.back().map(|kept| &kept.entry)
    }

    /// A number for what happens now.
    pub(super) fn number(&mut self) -> u64 {
        self.newest = self.newest.saturating_add(1);
        self.newest
    }

    /// A number for what was there before and is told by nothing that is kept: whoever asks from an
    /// earlier one on has to be told how things are.
    pub(super) fn number_unkept(&mut self) -> u64 {
        self.floor = self.number();
        self.floor
    }

    /// Keeps the event of the newest number; the oldest go.
    pub(super) fn keep(&mut self, bytes: usize, entry: T) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.kept.push_back(Kept { seq: self.newest, bytes, entry });
        while self.kept.len() > self.most.entries || self.bytes > self.most.bytes {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes = self.bytes.saturating_sub(oldest.bytes);
            self.floor = oldest.seq;
        }
    }

    /// What was kept after that number; `None` where some of it is no longer there, or the number
    /// is of another daemon.
    pub(super) fn since(&self, seq: u64) -> Option<impl Iterator<Item = &T>> {
        if !(self.floor..=self.newest).contains(&seq) {
            return None;
        }
        let from = self.kept.partition_point(|kept| kept.seq <= seq);
        Some(self.kept.iter().skip(from).map(|kept| &kept.entry))
    }

    /// The number itself where it is one of this daemon's, else the one before the first.
    pub(super) fn within(&self, seq: u64, first: u64) -> u64 {
        if (first..=self.newest).contains(&seq) { seq } else { first }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BEFORE: u64 = 1_000;

    fn replay(ring: &Ring<u64>, seq: u64) -> Option<Vec<u64>> {
        ring.since(seq).map(|kept| kept.copied().collect())
    }

    #[test]
    fn a_full_ring_reaches_back_as_far_as_it_holds_and_no_further() {
        let mut ring = Ring::new(BEFORE, Most { entries: 3, bytes: 1_000 });
        assert_eq!(replay(&ring, BEFORE), Some(Vec::new()));
        for _ in 0..3 {
            let seq = ring.number();
            ring.keep(1, seq);
        }
        assert_eq!(replay(&ring, BEFORE), Some(vec![1_001, 1_002, 1_003]), "at the limit");
        let seq = ring.number();
        ring.keep(1, seq);
        assert_eq!(replay(&ring, BEFORE), None, "over");
        assert_eq!(replay(&ring, BEFORE + 1), Some(vec![1_002, 1_003, 1_004]));
        for absurd in [0, ring.newest() + 1, u64::MAX] {
            assert_eq!(replay(&ring, absurd), None);
        }
    }

    #[test]
    fn what_is_larger_than_the_ring_is_not_kept_and_that_is_known() {
        let mut ring = Ring::new(BEFORE, Most { entries: 3, bytes: 10 });
        let seq = ring.number();
        ring.keep(10, seq);
        assert_eq!(replay(&ring, BEFORE), Some(vec![seq]), "at the limit");
        for bytes in [11, usize::MAX] {
            let seq = ring.number();
            ring.keep(bytes, seq);
            assert_eq!((replay(&ring, seq - 1), replay(&ring, seq)), (None, Some(Vec::new())));
        }
    }

    proptest! {
        /// The model keeps everything for ever, and knows which of it the ring may have lost.
        #[test]
        fn a_replay_is_exactly_what_is_kept_after_a_number(
            events in prop::collection::vec((any::<bool>(), 0_usize..40), 0..30),
            entries in 0_usize..8,
            bytes in 0_usize..100,
        ) {
            let mut ring = Ring::new(BEFORE, Most { entries, bytes });
            let mut all: Vec<(u64, usize)> = Vec::new();
            for (is_kept, size) in events {
                let seq = ring.number();
                if is_kept {
                    ring.keep(size, seq);
                    all.push((seq, size));
                }
                let fits = |from: usize| {
                    let sum: usize = all[from..].iter().map(|(_, size)| size).sum();
                    all.len() - from <= entries && sum <= bytes
                };
                // What went once does not come back, so the ring may hold less than fits now.
                let held = ring.kept.len();
                prop_assert!(held <= all.len() && fits(all.len() - held));
                let floor = match all.len() - held {
                    0 => BEFORE,
                    gone => all[gone - 1].0,
                };
                for asked in BEFORE - 2..=seq + 2 {
                    let expected: Vec<u64> =
                        all.iter().map(|(seq, _)| *seq).filter(|seq| *seq > asked).collect();
                    let reaches = (floor..=seq).contains(&asked);
                    prop_assert_eq!(replay(&ring, asked), reaches.then_some(expected));
                }
            }
        }
    }
}
