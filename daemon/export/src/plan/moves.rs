//! Which names can be changed, and in which order: chains from their free end, circles through
//! `aside/`.
//!
//! Pure. Old names are distinct and new names are distinct, so whoever waits for whom makes chains
//! and circles and nothing else. A chain whose last name is not freed cannot move at all. The
//! hazard: a move made too early finds its name taken, and half a circle moved is two files under
//! wrong names.

use std::collections::{BTreeSet, HashMap, HashSet};

use darkslide_policy::RelPath;
use serde::{Deserialize, Serialize};

use crate::report::ReportRow;
use crate::row::{Row, visible_path};

/// A file of ours that gets another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Move {
    pub(crate) row: Row,
    #[serde(with = "visible_path")]
    pub(crate) new: RelPath,
    /// The new name is taken, by a file that may move away.
    pub(crate) needs: bool,
    /// Somebody removed the file: its row moves alone.
    pub(crate) is_missing: bool,
    /// None where what follows the move is reported, or nobody asked for this file.
    pub(crate) report: Option<ReportRow>,
}

/// Which name, in so few bytes that a million of them can be told apart in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct NameHash([u8; 16]);

impl NameHash {
    pub(crate) fn of(path: &RelPath) -> Self {
        let mut hash = [0; 16];
        let mut hasher = blake3::Hasher::new();
        hasher.update(path.as_str().as_bytes());
        hasher.finalize_xof().fill(&mut hash);
        Self(hash)
    }
}

/// A move as it is resolved: names, and where the rest of it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    old: NameHash,
    new: NameHash,
    needs: bool,
    at: u64,
}

impl Link {
    pub(crate) fn of(step: &Move, at: u64) -> Self {
        let (old, new) = (NameHash::of(&step.row.path), NameHash::of(&step.new));
        Self { old, new, needs: step.needs, at }
    }
}

/// Moves that are made in this order, in one batch; where each stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chain<T = u64> {
    /// A circle begins and ends in `aside/`: its first file waits there.
    pub(crate) circle: bool,
    pub(crate) moves: Vec<T>,
}

/// What can be moved and what cannot.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) chains: Vec<Chain>,
    pub(crate) blocked: Vec<u64>,
    /// Names that are free once all chains have moved.
    freed: HashSet<NameHash>,
    /// Names that files have moved to then.
    reached: HashSet<NameHash>,
}

impl Resolved {
    /// Is the name free once all chains have moved?
    pub(crate) fn frees(&self, path: &RelPath) -> bool {
        self.freed.contains(&NameHash::of(path))
    }

    /// Has a file moved there then?
    pub(crate) fn reaches(&self, path: &RelPath) -> bool {
        self.reached.contains(&NameHash::of(path))
    }
}

pub(crate) fn resolve(moves: &[Link]) -> Resolved {
    let by_old: HashMap<NameHash, usize> =
        moves.iter().enumerate().map(|(at, step)| (step.old, at)).collect();
    let waits_for = |step: &Link| by_old.get(&step.new).copied();
    let waited_for: HashSet<usize> =
        moves.iter().filter(|step| step.needs).filter_map(waits_for).collect();
    let mut left: Vec<Option<Link>> = moves.iter().copied().map(Some).collect();
    let next: Vec<Option<Option<usize>>> =
        moves.iter().map(|step| step.needs.then(|| waits_for(step))).collect();
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
    fn take(&mut self, mut chain: Vec<Link>, circle: bool, blocked: bool) {
        if chain.is_empty() {
            return;
        }
        if blocked {
            self.blocked.extend(chain.iter().map(|step| step.at));
            return;
        }
        for step in &chain {
            self.freed.insert(step.old);
            self.reached.insert(step.new);
        }
        if circle {
            // The first goes aside; then the one that wants its name, and so on round.
            chain.rotate_left(1);
        }
        chain.reverse();
        for step in &chain {
            self.freed.remove(&step.new);
        }
        let moves = chain.iter().map(|step| step.at).collect();
        self.chains.push(Chain { circle, moves });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::parse(text).unwrap()
    }

    /// Moves as `ab`: from a to b; a name counts as taken if any file is, or stands, there.
    fn resolved(moves: &[&str], strangers: &str) -> Resolved {
        let olds: String = moves.iter().map(|it| &it[..1]).collect();
        let links = moves.iter().zip(0..).map(|(it, at)| {
            let (old, new) = it.split_at(1);
            let needs = olds.contains(new) || strangers.contains(new);
            Link { old: NameHash::of(&path(old)), new: NameHash::of(&path(new)), needs, at }
        });
        resolve(&links.collect::<Vec<_>>())
    }

    fn order(moves: &[&str], resolved: &Resolved) -> Vec<(bool, String)> {
        let text = |chain: &Chain| {
            let steps = chain.moves.iter();
            steps.map(|at| format!("{} ", moves[usize::try_from(*at).unwrap()])).collect()
        };
        resolved.chains.iter().map(|chain| (chain.circle, text(chain))).collect()
    }

    #[track_caller]
    fn check(moves: &[&str], strangers: &str, chains: &[(bool, &str)], blocked: usize) {
        let resolved = resolved(moves, strangers);
        let expected: Vec<_> = chains.iter().map(|(it, text)| (*it, (*text).to_owned())).collect();
        assert_eq!(order(moves, &resolved), expected);
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
        let freed: Vec<&str> =
            ["a", "b", "c", "x", "y"].into_iter().filter(|it| resolved.frees(&path(it))).collect();
        assert_eq!(freed, ["a"]);
        assert!(resolved.reaches(&path("c")) && !resolved.reaches(&path("a")));
    }
}
