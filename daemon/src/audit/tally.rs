//! What happens many times and is one line: reads of one connection, denials of one peer.
//!
//! Pure: time is an argument. The first of its kind gets a line at once; the others are counted,
//! and the count becomes a line: of reads after each minute and at the connection's end, of denials
//! after each second. The hazard: a peer that fills the log, or hides in a flood of its own; so of
//! the kinds of one peer's denials only so many are told apart in a second, and none goes
//! uncounted.

use std::collections::BTreeMap;
use std::time::Duration;

use super::line::{About, Counts, Decision, Entry, Event, Text, Who};

/// After so long the number of a connection's reads is written.
pub(crate) const READS_EVERY: Duration = Duration::from_secs(60);
/// After so long the number of a peer's denials.
pub(crate) const DENIALS_EVERY: Duration = Duration::from_secs(1);
/// Kinds that are remembered: beyond that all numbers are written, and counting begins anew.
pub(crate) const MAX_KINDS: usize = 1_024;
/// Kinds of one uid's denials that are told apart in a second; what comes beyond is one kind.
pub(crate) const MAX_KINDS_OF_DENIALS: usize = 16;

/// The count of equal requests.
const REQUESTS: &str = "requests";

/// Counts by kind: an entry that says what was asked, by whom, and nothing that differs each time.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kinds: BTreeMap<Kind, Counted>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    event: Event,
    conn: Option<u64>,
    peer: Option<Who>,
    method: Option<Text>,
    about: About,
    decision: Option<Decision>,
    result: Option<Text>,
}

#[derive(Debug)]
struct Counted {
    since: Duration,
    /// The name that the peer claimed with the first.
    claims: Option<Text>,
    counts: Counts,
}

impl Kind {
    /// What all requests of a kind have in common. A peer can change its claim each time, and a
    /// denied one its connection and its process.
    fn of(entry: &Entry) -> Self {
        let is_denied = entry.decision == Some(Decision::Denied);
        let mut peer = entry.peer.clone();
        if let Some(peer) = &mut peer {
            peer.claims = None;
            peer.pid = peer.pid.filter(|_| !is_denied);
        }
        Self {
            event: entry.event,
            conn: entry.conn.filter(|_| !is_denied),
            peer,
            method: entry.method.clone(),
            about: entry.about.clone(),
            decision: entry.decision,
            result: entry.result.clone(),
        }
    }

    fn is_denied(&self) -> bool {
        self.decision == Some(Decision::Denied)
    }

    fn uid(&self) -> Option<u32> {
        self.peer.as_ref().map(|peer| peer.uid)
    }

    /// What stands for all kinds of this peer's denials that are not told apart.
    fn any(mut self) -> Self {
        (self.method, self.about, self.result) = (None, About::default(), None);
        self
    }

    fn repeated(self, counted: Counted) -> Entry {
        let Self { conn, mut peer, method, about, decision, result, .. } = self;
        if let Some(peer) = &mut peer {
            peer.claims = counted.claims;
        }
        let counts = counted.counts;
        let tail = None;
        Entry { event: Event::Repeated, conn, peer, method, about, decision, result, counts, tail }
    }
}

impl Tally {
    /// Counts a request: is it the first of its kind, so that it needs a line of its own?
    pub(crate) fn is_first(&mut self, entry: &Entry, now: Duration) -> bool {
        let mut kind = Kind::of(entry);
        if kind.is_denied() && !self.kinds.contains_key(&kind) {
            let own = |other: &&Kind| other.is_denied() && other.uid() == kind.uid();
            if self.kinds.keys().filter(own).count() >= MAX_KINDS_OF_DENIALS {
                kind = kind.any();
            }
        }
        if let Some(counted) = self.kinds.get_mut(&kind) {
            add(&mut counted.counts, REQUESTS, 1);
            return false;
        }
        let claims = entry.peer.as_ref().and_then(|peer| peer.claims.clone());
        self.kinds.insert(kind, Counted { since: now, claims, counts: Counts::new() });
        true
    }

    /// Forgets that a kind had its line: it could not be written.
    pub(crate) fn forget(&mut self, entry: &Entry) {
        self.kinds.remove(&Kind::of(entry));
    }

    /// Counts how much a request was answered with.
    pub(crate) fn add(&mut self, entry: &Entry, what: &str, number: u64) {
        if let Some(counted) = self.kinds.get_mut(&Kind::of(entry)) {
            add(&mut counted.counts, what, number);
        }
    }

    /// The numbers whose time has come; all of them if there are too many kinds.
    pub(crate) fn due(&mut self, now: Duration) -> Vec<Entry> {
        let all = self.kinds.len() > MAX_KINDS;
        let mut due = Vec::new();
        for (kind, counted) in &mut self.kinds {
            let every = if kind.is_denied() { DENIALS_EVERY } else { READS_EVERY };
            let is_due = now.saturating_sub(counted.since) >= every;
            if (is_due || all) && !counted.counts.is_empty() {
                let counts = std::mem::take(&mut counted.counts);
                let claims = counted.claims.clone();
                due.push(kind.clone().repeated(Counted { since: now, claims, counts }));
                counted.since = now;
            }
        }
        let is_over = |kind: &Kind, counted: &Counted| {
            kind.is_denied() && now.saturating_sub(counted.since) >= DENIALS_EVERY
        };
        self.kinds.retain(|kind, counted| !all && !is_over(kind, counted));
        due
    }

    /// The numbers of a connection that has ended.
    pub(crate) fn ended(&mut self, conn: u64) -> Vec<Entry> {
        self.take(|kind| kind.conn == Some(conn))
    }

    /// All numbers: the daemon ends.
    pub(crate) fn all(&mut self) -> Vec<Entry> {
        self.take(|_| true)
    }

    fn take(&mut self, is_wanted: impl Fn(&Kind) -> bool) -> Vec<Entry> {
        let kinds = std::mem::take(&mut self.kinds).into_iter();
        let (taken, left): (Vec<_>, Vec<_>) = kinds.partition(|(kind, _)| is_wanted(kind));
        self.kinds = left.into_iter().collect();
        let counted = taken.into_iter().filter(|(_, counted)| !counted.counts.is_empty());
        counted.map(|(kind, counted)| kind.repeated(counted)).collect()
    }

    /// Does a number wait for its time?
    pub(crate) fn is_quiet(&self) -> bool {
        self.kinds.iter().all(|(kind, counted)| counted.counts.is_empty() && !kind.is_denied())
    }
}

fn add(counts: &mut Counts, what: &str, number: u64) {
    let count = counts.entry(what.to_owned()).or_default();
    *count = count.saturating_add(number);
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn request(conn: u64, method: &str, decision: Decision) -> Entry {
        let mut entry = Entry::of(Event::Request);
        let pid = i32::try_from(conn).ok();
        entry.conn = Some(conn);
        entry.peer =
            Some(Who { uid: 7, pid, rule: None, program: vec![], claims: Some(Text::new("x")) });
        (entry.method, entry.decision) = (Some(Text::new(method)), Some(decision));
        entry
    }

    fn requests(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(|entry| entry.counts[REQUESTS]).collect()
    }

    #[test]
    fn reads_are_a_line_at_first_and_a_number_after_a_minute_and_at_the_end() {
        let mut tally = Tally::default();
        let read = request(1, "asset.query", Decision::Granted);
        assert!(tally.is_first(&read, SECOND));
        assert!(tally.is_quiet());
        assert!(!tally.is_first(&read, SECOND) && !tally.is_first(&read, SECOND * 60));
        assert!(!tally.is_quiet());
        assert!(tally.is_first(&request(1, "asset.get", Decision::Granted), SECOND), "a method");
        assert!(tally.is_first(&request(2, "asset.query", Decision::Granted), SECOND), "a peer");
        assert_eq!(tally.due(SECOND * 60), []);
        let due = tally.due(SECOND * 61);
        assert_eq!(
            (requests(&due), due[0].event, due[0].conn),
            (vec![2], Event::Repeated, Some(1))
        );
        assert_eq!(due[0].peer, read.peer, "with what it claims");
        assert!(!tally.is_first(&read, SECOND * 61), "it had its line");
        tally.add(&read, "bytes", 5);
        assert_eq!(tally.due(SECOND * 62), []);
        let ended = tally.ended(1);
        assert_eq!((requests(&ended), ended[0].counts["bytes"]), (vec![1], 5));
        assert!(tally.is_first(&read, SECOND * 63));
    }

    /// L07: exact, whatever the number.
    #[test]
    fn equal_denials_are_a_line_at_once_and_a_number_a_second() {
        let mut tally = Tally::default();
        let (mut lines, mut told) = (0, 0);
        for number in 0..10_000_u64 {
            let now = Duration::from_micros(number * 300);
            // From a connection and a process of its own each time.
            let denied = request(number, "export.start", Decision::Denied);
            lines += u64::from(tally.is_first(&denied, now));
            let due = tally.due(now);
            lines += due.len() as u64;
            told += requests(&due).iter().sum::<u64>();
        }
        let rest = tally.due(SECOND * 5);
        told += requests(&rest).iter().sum::<u64>();
        assert_eq!((lines, told), (1 + 2, 9_999));
        assert_eq!(tally.due(SECOND * 7), []);
        assert!(tally.is_quiet() && tally.kinds.is_empty(), "nothing is left of it");
    }

    #[test]
    fn denials_that_all_differ_are_bounded_and_all_counted() {
        let mut tally = Tally::default();
        let kinds = MAX_KINDS_OF_DENIALS as u64 + 100;
        let first = (0..kinds).filter(|number| {
            let denied = request(1, &format!("method {number}"), Decision::Denied);
            tally.is_first(&denied, SECOND)
        });
        // One for each kind that is told apart, and one for all others.
        assert_eq!(first.count(), MAX_KINDS_OF_DENIALS + 1);
        let due = tally.due(SECOND * 2);
        assert_eq!((requests(&due), due[0].method.clone()), (vec![99], None));
    }

    #[test]
    fn too_many_kinds_are_written_and_counted_anew() {
        let mut tally = Tally::default();
        for conn in 0..=MAX_KINDS as u64 {
            let read = request(conn, "asset.query", Decision::Granted);
            assert!(tally.is_first(&read, SECOND) && !tally.is_first(&read, SECOND));
            if conn < MAX_KINDS as u64 {
                assert_eq!(tally.due(SECOND), [], "at the limit");
            }
        }
        assert_eq!(tally.due(SECOND).len(), MAX_KINDS + 1);
        assert!(tally.kinds.is_empty() && tally.all().is_empty());
    }

    #[test]
    fn a_line_that_could_not_be_written_is_owed() {
        let mut tally = Tally::default();
        let read = request(1, "asset.query", Decision::Granted);
        assert!(tally.is_first(&read, SECOND));
        tally.forget(&read);
        assert!(tally.is_first(&read, SECOND));
    }
}
