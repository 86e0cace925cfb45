//! Where in a file the lines of a key or a path stand: eight bytes a line.
//!
//! Pure. A place is some bits of a hash and the line's offset, in one number, sorted. The hash is
//! keyed anew in each process, and is short, so whoever asks reads the line and compares. Places
//! are told from the last on, for of two lines the later one counts. The hazard: a record in which
//! somebody wrote one name a million times.

use std::hash::{BuildHasher, Hash, RandomState};

/// A file of the record has at most a terabyte; its own bound is far lower.
const OFFSET_BITS: u32 = 40;
/// With a million lines, one question in sixteen reads a line in vain.
const HASH_BITS: u32 = u64::BITS - OFFSET_BITS;
/// Lines that are read for one question. That so many hashes collide by chance does not happen.
const MAX_PLACES: usize = 64;

/// The places of lines.
#[derive(Debug)]
pub(crate) struct Index {
    places: Vec<u64>,
    state: RandomState,
    hash_bits: u32,
}

impl Default for Index {
    fn default() -> Self {
        Self { places: Vec::new(), state: RandomState::new(), hash_bits: HASH_BITS }
    }
}

impl Index {
    /// One in which half of all hashes are equal.
    #[cfg(test)]
    pub(crate) fn weak() -> Self {
        Self { hash_bits: 1, ..Self::default() }
    }

    /// An empty one of the same strength.
    pub(crate) fn like(&self) -> Self {
        Self { hash_bits: self.hash_bits, ..Self::default() }
    }

    /// Notes a line. Before a question, the index has to be sorted.
    pub(crate) fn add(&mut self, of: &(impl Hash + ?Sized), at: u64) {
        debug_assert!(at < 1 << OFFSET_BITS, "files are bounded");
        self.places.push((self.hash(of) << OFFSET_BITS) | at);
    }

    pub(crate) fn sort(&mut self) {
        self.places.sort_unstable();
        self.places.shrink_to_fit();
    }

    /// Where lines stand that may be of it, the last first.
    pub(crate) fn places(&self, of: &(impl Hash + ?Sized)) -> impl Iterator<Item = u64> + '_ {
        let hash = self.hash(of);
        let from = self.places.partition_point(|place| place >> OFFSET_BITS < hash);
        let to = self.places.partition_point(|place| place >> OFFSET_BITS <= hash);
        let places = self.places.get(from..to).unwrap_or_default().iter().rev();
        places.take(MAX_PLACES).map(|place| place & ((1 << OFFSET_BITS) - 1))
    }

    /// Bytes of memory.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.places.capacity() * size_of::<u64>()
    }

    pub(crate) fn hash(&self, of: &(impl Hash + ?Sized)) -> u64 {
        self.state.hash_one(of) >> (u64::BITS - self.hash_bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_from_the_last_on_whatever_else_has_their_hash() {
        for mut index in [Index::default(), Index::weak()] {
            for at in [30, 10, 20] {
                index.add(&"a", at);
            }
            index.add(&"b", (1 << OFFSET_BITS) - 1);
            index.sort();
            let of_a: Vec<u64> = index.places(&"a").filter(|at| *at < 40).collect();
            assert_eq!(of_a, [30, 20, 10]);
            assert!(index.places(&"b").any(|at| at == (1 << OFFSET_BITS) - 1));
        }
        assert_eq!(Index::default().places(&"a").count(), 0);
    }

    #[test]
    fn one_question_reads_no_more_lines_than_the_bound() {
        for (lines, told) in [(MAX_PLACES, MAX_PLACES), (MAX_PLACES + 1, MAX_PLACES)] {
            let mut index = Index::default();
            (0..lines).for_each(|at| index.add(&"a", at as u64));
            index.sort();
            assert_eq!(index.places(&"a").count(), told);
        }
        let mut index = Index::default();
        (0..1_000_000).for_each(|at| index.add(&"a", at));
        index.sort();
        assert_eq!(index.places(&"a").next(), Some(999_999));
        assert_eq!(index.places(&"a").count(), MAX_PLACES);
    }
}
