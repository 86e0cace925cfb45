//! Who shares a folder and a key: the collision groups of a whole catalog.
//!
//! Kept small, for a catalog has a million assets: 24 bytes for each asset and place, in one sorted
//! list, and a few more for each group that has more than one. Groups are known by 64 bits of a
//! hash: two whose hashes were equal would only both get digits that they did not need. The hazard:
//! a group of a hundred thousand, which is looked through for each of them.

use super::digits::{Digits, MIN_DIGITS};

/// So many are added before it is looked for the first time which of them are the same.
const MIN_ADDED: usize = 4_096;

/// A folder and a key in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group(u64);

impl Group {
    pub(super) fn of(folder: &[u8], key: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(folder);
        hasher.update(key.as_bytes());
        let mut first = [0; 8];
        hasher.finalize_xof().fill(&mut first);
        Self(u64::from_be_bytes(first))
    }
}

/// That somebody is in a group; halves of the digits, for a whole number of them would be aligned
/// and take a third more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Member {
    group: Group,
    digits: [u64; 2],
}

impl Member {
    fn new(group: Group, digits: Digits) -> Self {
        Self { group, digits: digits.halves() }
    }

    fn digits(self) -> Digits {
        Digits::from_halves(self.digits)
    }
}

/// Groups, while they are counted. The same may be added again and again.
#[derive(Debug, Default)]
pub(super) struct Counted {
    members: Vec<Member>,
    /// How many were there when it was last looked which are the same.
    distinct: usize,
}

impl Counted {
    pub(super) fn add(&mut self, group: Group, digits: Digits) {
        self.members.push(Member::new(group, digits));
        if self.members.len() >= self.distinct.max(MIN_ADDED) * 2 {
            self.merge();
        }
    }

    fn merge(&mut self) {
        self.members.sort_unstable();
        self.members.dedup();
        self.distinct = self.members.len();
    }

    pub(super) fn finish(mut self) -> Groups {
        self.merge();
        self.members.shrink_to_fit();
        let mut lengths: Vec<(Group, usize)> = Vec::new();
        for pair in self.members.windows(2) {
            let [one, next] = pair else { continue };
            if one.group != next.group {
                continue;
            }
            let length = one.digits().length_beside(next.digits());
            match lengths.last_mut() {
                Some((group, longest)) if *group == one.group => *longest = length.max(*longest),
                Some(_) | None => lengths.push((one.group, length)),
            }
        }
        lengths.shrink_to_fit();
        Groups { members: self.members, lengths }
    }
}

/// All groups.
#[derive(Debug)]
pub(super) struct Groups {
    members: Vec<Member>,
    /// Of groups that have more than one: how many digits tell them apart.
    lengths: Vec<(Group, usize)>,
}

impl Groups {
    /// How many digits tell one from the others of its group; none if it is alone. One that was not
    /// counted in (it came since) gets digits too, where another has its name.
    pub(super) fn length(&self, group: Group, digits: Digits) -> Option<usize> {
        let at = self.lengths.binary_search_by_key(&group, |(group, _)| *group).ok();
        let length = at.and_then(|at| self.lengths.get(at)).map(|(_, length)| *length);
        let Err(at) = self.members.binary_search(&Member::new(group, digits)) else {
            return length;
        };
        // In order, only the neighbours can have more in common with it than any other.
        let beside = at.checked_sub(1).into_iter().chain([at]);
        let beside = beside.filter_map(|at| self.members.get(at)).filter(|it| it.group == group);
        let needed = beside.map(|other| digits.length_beside(other.digits())).max()?;
        Some(needed.max(length.unwrap_or(MIN_DIGITS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(number: u128) -> Digits {
        Digits::for_tests(number)
    }

    #[test]
    fn a_member_has_24_bytes() {
        assert_eq!(size_of::<Member>(), 24);
    }

    #[test]
    fn those_who_are_added_a_hundred_times_are_kept_once() {
        let mut counted = Counted::default();
        for at in 0..200_u128 * 1_000 {
            counted.add(Group(7), digits(at % 200));
            assert!(counted.members.len() <= MIN_ADDED * 2);
        }
        assert_eq!(counted.finish().members.len(), 200);
    }

    #[test]
    fn only_those_with_company_get_digits() {
        let mut counted = Counted::default();
        for (group, number) in [(1, 5 << 96), (2, 5 << 96), (2, (5 << 96) + 1), (3, 0)] {
            counted.add(Group(group), digits(number));
        }
        let groups = counted.finish();
        assert_eq!(groups.length(Group(1), digits(5 << 96)), None);
        assert_eq!(groups.length(Group(2), digits(5 << 96)), Some(32));
        assert_eq!(groups.length(Group(3), digits(0)), None);
        // Strangers.
        assert_eq!(groups.length(Group(4), digits(0)), None);
        assert_eq!(groups.length(Group(1), digits(6 << 96)), Some(8));
        assert_eq!(groups.length(Group(2), digits(6 << 96)), Some(32));
        assert_eq!(groups.length(Group(1), digits((5 << 96) + 1)), Some(32));
    }
}
