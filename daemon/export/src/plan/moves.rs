//! Which names can be changed, and in which order: chains from their free end, circles through
//! `aside/`.
//!
//! Pure. Old names are distinct and new names are distinct, so whoever waits for whom makes chains
//! and circles and nothing else. A chain whose last name is not freed cannot move at all. The
//! hazard: a move made too early finds its name taken, and half a circle moved is two files under
//! wrong names.

use std::collections::{BTreeSet, HashMap, HashSet};

use darkslide_policy::RelPath;

use crate::report::ReportRow;
use crate::row::Row;

/// A file of ours that gets another name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Move {
    pub(crate) row: Row,
    pub(crate) new: RelPath,
    /// The new name is taken, by a file that may move away.
    pub(crate) needs: bool,
    /// Somebody removed the file: its row moves alone.
    pub(crate) is_missing: bool,
    pub(crate) report: ReportRow,
}

/// Moves that are made in this order, in one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain {
    /// A circle begins and ends in `aside/`: its first file waits there.
    pub(crate) circle: bool,
    pub(crate) moves: Vec<Move>,
}

/// What can be moved and what cannot.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) chains: Vec<Chain>,
    pub(crate) blocked: Vec<Move>,
    /// Names that are free once all chains have moved.
    pub(crate) freed: HashSet<RelPath>,
}

pub(crate) fn resolve(moves: Vec<Move>) -> Resolved {
    let by_old: HashMap<RelPath, usize> =
        moves.iter().enumerate().map(|(at, step)| (step.row.path.clone(), at)).collect();
    let waits_for = |step: &Move| by_old.get(&step.new).copied();
    let waited_for: HashSet<usize> =
        moves.iter().filter(|step| step.needs).filter_map(waits_for).collect();
    let mut left: Vec<Option<Move>> = Vec::with_capacity(moves.len());
    let mut next = Vec::with_capacity(moves.len());
    for step in moves {
        next.push(step.needs.then(|| waits_for(&step)));
        left.push(Some(step));
    }
    let mut resolved = Resolved::default();
    // Chains are walked from those that nobody waits for; what is left then are circles.
    let heads: BTreeSet<usize> = (0..left.len()).filter(|at| !waited_for.contains(at)).collect();
    let rest = (0..left.len()).filter(|at| waited_for.contains(at));
    for head in heads.iter().copied().chain(rest) {
        let mut chain = Vec::new();
        let mut at = Some(head);
        let mut blocked = false;
        while let Some(step) = at.and_then(|at| left.get_mut(at)).and_then(Option::take) {
            let wait = at.and_then(|at| next.get(at).copied()).flatten();
            blocked = wait == Some(None);
            at = wait.flatten();
            chain.push(step);
        }
        let circle = at == Some(head) && !chain.is_empty();
        resolved.take(chain, circle, blocked);
    }
    resolved
}

impl Resolved {
    /// Takes a chain, the one that waits for all others first.
    fn take(&mut self, mut chain: Vec<Move>, circle: bool, blocked: bool) {
        if chain.is_empty() {
            return;
        }
        if blocked {
            self.blocked.append(&mut chain);
            return;
        }
        for step in &chain {
            self.freed.insert(step.row.path.clone());
        }
        if circle {
            // The first goes aside; then the one that wants its name, and so on round.
            chain.rotate_left(1);
        }
        chain.reverse();
        for step in &chain {
            self.freed.remove(&step.new);
        }
        self.chains.push(Chain { circle, moves: chain });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Outcome;
    use crate::row::tests::row;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    /// Moves as `ab`: from a to b; a name counts as taken if any file is, or stands, there.
    fn resolved(moves: &[&str], strangers: &str) -> Resolved {
        let olds: String = moves.iter().map(|it| &it[..1]).collect();
        let steps = moves.iter().zip(1..).map(|(it, asset)| {
            let (old, new) = it.split_at(1);
            Move {
                row: row(asset, old),
                new: path(new),
                needs: olds.contains(new) || strangers.contains(new),
                is_missing: false,
                report: ReportRow::for_tests(Outcome::Renamed),
            }
        });
        resolve(steps.collect())
    }

    fn order(resolved: &Resolved) -> Vec<(bool, String)> {
        let text = |chain: &Chain| {
            let moves = chain.moves.iter();
            moves.map(|it| format!("{}{} ", it.row.path, it.new)).collect()
        };
        resolved.chains.iter().map(|chain| (chain.circle, text(chain))).collect()
    }

    #[track_caller]
    fn check(moves: &[&str], strangers: &str, chains: &[(bool, &str)], blocked: usize) {
        let resolved = resolved(moves, strangers);
        let expected: Vec<_> = chains.iter().map(|(it, text)| (*it, (*text).to_owned())).collect();
        assert_eq!(order(&resolved), expected);
        assert_eq!(resolved.blocked.len(), blocked);
    }

    #[test]
    fn a_chain_moves_from_its_free_end() {
        check(&["ab", "bc", "cd"], "", &[(false, "cd bc ab ")], 0);
        check(&["cd", "ab", "bc"], "", &[(false, "cd bc ab ")], 0);
        check(&["ab", "xy"], "", &[(false, "ab "), (false, "xy ")], 0);
    }

    #[test]
    fn swaps_and_rotations_are_circles() {
        check(&["ab", "ba"], "", &[(true, "ab ba ")], 0);
        check(&["ab", "bc", "ca"], "", &[(true, "ab ca bc ")], 0);
    }

    #[test]
    fn a_chain_that_ends_at_a_stranger_does_not_move() {
        check(&["ab", "bc", "cz"], "z", &[], 3);
        check(&["ab", "xz"], "z", &[(false, "ab ")], 1);
    }

    #[test]
    fn names_that_nobody_takes_again_are_freed() {
        let resolved = resolved(&["ab", "bc", "xy", "yx"], "");
        assert_eq!(resolved.freed, HashSet::from([path("a")]));
    }
}
