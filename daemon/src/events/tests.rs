//! What the board promises: numbers that ascend from the start's, each event once, and after a
//! number exactly what was kept.
//!
//! Who may hear what is the listener's business, and tried with the subscriptions; here everybody
//! hears all.

use darkslide_policy::{AbsPath, Gid, Peer, Platform, Policy, World};
use proptest::prelude::*;

use super::*;

const STARTED_MS: u64 = 1_795_000_000_000;
const FIRST: u64 = STARTED_MS * NUMBERS_PER_MS;

/// What a grant of a library shows; the policy alone can make it.
fn read() -> ReadScope {
    const POLICY: &str = "version = 1\n[library.main]\npath = \"/L.photoslibrary\"\n[[client]]\n\
        name = \"me\"\nuid = 1\nlibraries = [\"main\"]\nroots = []\nmethods = [\"*\"]\n";
    let home = AbsPath::parse("/home/me", None).unwrap();
    let world = World { home, uid: Uid::new(1), methods: Vec::new(), platform: Platform::Linux };
    let peer = Peer::new(Uid::new(1), Gid::new(1), None);
    Policy::parse(POLICY, &world).unwrap().scopes_of(&peer).next().unwrap()
}

fn library() -> About {
    About::Library(read())
}

fn job(number: u128) -> About {
    About::Job(Box::new(Owned {
        job: Token::from_bits(number),
        key: None,
        rule: "me".to_owned(),
        uid: Uid::new(1),
        read: read(),
        root: "exports".to_owned(),
    }))
}

fn now(number: u128, seq: u64) -> Happened {
    let (time, data) = ("2026-11-26T00:00:00.000Z".to_owned(), EventData::default());
    Happened { seq, time, about: Arc::new(job(number)), kind: EventKind::Queued, data }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    Event(u64, Pass),
    Lost(u64),
    Reached(u64),
}

/// Wants to hear how jobs are if it is told so.
#[derive(Default)]
struct Ear {
    heard: Mutex<Vec<Heard>>,
    wants_now: bool,
    is_deaf: bool,
    gone: std::sync::atomic::AtomicBool,
}

impl Ear {
    fn note(&self, heard: Heard) {
        self.heard.lock().unwrap().push(heard);
    }

    fn all(&self) -> Vec<Heard> {
        self.heard.lock().unwrap().clone()
    }
}

impl Listener for Ear {
    fn hear(&self, happened: &Happened, pass: Pass) {
        self.note(Heard::Event(happened.seq, pass));
    }
    fn lost(&self, seq: u64) {
        self.note(Heard::Lost(seq));
    }
    fn reached(&self, seq: u64) {
        self.note(Heard::Reached(seq));
    }
    fn concerns(&self, _: &About) -> bool {
        !self.is_deaf
    }
    fn wants_now(&self, _: &About) -> bool {
        self.wants_now
    }
    fn is_gone(&self) -> bool {
        self.gone.load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn listen(board: &Board, since: u64) -> Vec<Heard> {
    let ear = Arc::new(Ear::default());
    board.listen(ear.clone(), since, std::iter::empty());
    ear.all()
}

#[test]
fn numbers_begin_at_the_start_and_fit_every_json_library() {
    let board = Board::new(STARTED_MS);
    assert_eq!(board.newest(), FIRST);
    assert_eq!(board.put(library(), EventKind::Changed, EventData::default()), FIRST + 1);
    assert!(board.newest() < MAX_SEQ);
    let later = Board::new(STARTED_MS + 1);
    assert!(later.newest() > board.newest(), "those of a later daemon are greater");
    assert_eq!(Board::new(u64::MAX).newest(), MAX_SEQ, "a clock that is absurdly wrong");
}

#[test]
fn who_comes_back_hears_what_was_kept_and_no_progress() {
    let board = Board::new(STARTED_MS);
    for kind in [EventKind::Started, EventKind::Progress, EventKind::Item, EventKind::Finished] {
        board.put(job(1), kind, EventData::default());
    }
    let late = |number: u64| Heard::Event(FIRST + number, Pass::Late);
    assert_eq!(listen(&board, FIRST), [late(1), late(3), late(4), Heard::Reached(FIRST + 4)]);
    assert_eq!(listen(&board, FIRST + 2), [late(3), late(4), Heard::Reached(FIRST + 4)]);
    assert_eq!(listen(&board, FIRST + 4), [Heard::Reached(FIRST + 4)]);
}

#[test]
fn beyond_the_ring_the_loss_is_told_and_then_how_jobs_are() {
    let board = Board::new(STARTED_MS);
    let put = |board: &Board| board.put(job(1), EventKind::Item, EventData::default());
    for _ in 0..MAX_KEPT_EVENTS {
        put(&board);
    }
    assert_eq!(listen(&board, FIRST).len(), MAX_KEPT_EVENTS + 1, "at the limit");
    let newest = put(&board);
    let beyond = |since: u64| {
        let ear = Arc::new(Ear::default());
        board.listen(ear.clone(), since, [now(1, FIRST), now(2, FIRST + 7)].into_iter());
        ear.all()
    };
    let state = [
        Heard::Event(FIRST, Pass::Late),
        Heard::Event(FIRST + 7, Pass::Late),
        Heard::Reached(newest),
    ];
    // The first is one of this daemon's, the others are not: a client asks with none of those
    // again.
    for (since, told) in [(FIRST, FIRST), (0, FIRST), (newest + 1, FIRST), (MAX_SEQ, FIRST)] {
        let heard = beyond(since);
        assert_eq!((heard[0], &heard[1..]), (Heard::Lost(told), &state[..]), "{since}");
    }
}

#[test]
fn the_bytes_of_what_is_kept_are_bounded_too() {
    let board = Board::new(STARTED_MS);
    let warning =
        |bytes: usize| EventData { warning: Some("w".repeat(bytes)), ..EventData::default() };
    let large = MAX_KEPT_BYTES / 4;
    for _ in 0..8 {
        board.put(job(1), EventKind::Warning, warning(large));
    }
    let newest = board.newest();
    assert_eq!(listen(&board, newest - 3).len(), 4);
    assert!(matches!(listen(&board, newest - 4)[0], Heard::Lost(_)));
    board.put(job(1), EventKind::Warning, warning(2 * MAX_KEPT_BYTES));
    assert!(matches!(listen(&board, newest)[0], Heard::Lost(_)), "absurd");
}

#[test]
fn who_wants_to_know_hears_how_a_job_is_unless_that_is_about_to_be_told() {
    let board = Board::new(STARTED_MS);
    let since = board.put(job(1), EventKind::Started, EventData::default());
    let seq = board.put(job(2), EventKind::Started, EventData::default());
    let states = || [now(1, since), now(2, seq)].into_iter();
    for (wants_now, expected) in [(true, vec![since, seq]), (false, vec![seq])] {
        let ear = Arc::new(Ear { wants_now, ..Ear::default() });
        board.listen(ear.clone(), since, states());
        let heard = ear.all().into_iter().filter_map(|heard| match heard {
            Heard::Event(seq, Pass::Late) => Some(seq),
            Heard::Event(_, Pass::Live) | Heard::Lost(_) | Heard::Reached(_) => None,
        });
        assert_eq!(heard.collect::<Vec<_>>(), expected, "{wants_now}");
    }
}

/// What a daemon finds as it begins each has a number of its own: whoever breaks off between two of
/// them is told of the second when it comes back.
#[test]
fn what_was_found_at_the_beginning_is_told_until_all_of_it_is_known() {
    let board = Board::new(STARTED_MS);
    let found: Vec<u64> = (0..3).map(|_| board.found()).collect();
    assert_eq!(found, [FIRST + 1, FIRST + 2, FIRST + 3]);
    for since in [0, FIRST, FIRST + 1, FIRST + 2] {
        assert!(matches!(listen(&board, since)[0], Heard::Lost(_)), "{since}");
    }
    assert_eq!(listen(&board, FIRST + 3), [Heard::Reached(FIRST + 3)]);
}

#[test]
fn who_is_gone_is_forgotten() {
    let board = Board::new(STARTED_MS);
    let ear = Arc::new(Ear::default());
    board.listen(ear.clone(), FIRST, std::iter::empty());
    ear.gone.store(true, std::sync::atomic::Ordering::Relaxed);
    board.put(job(1), EventKind::Started, EventData::default());
    assert_eq!(ear.all(), [Heard::Reached(FIRST)]);
    assert_eq!(Arc::strong_count(&ear), 1);
}

/// A peer that subscribes and unsubscribes for ever, while nothing happens.
#[test]
fn who_comes_and_goes_leaves_nothing_though_nothing_happens() {
    let board = Board::new(STARTED_MS);
    for _ in 0..10_000 {
        let ear = Arc::new(Ear::default());
        board.listen(ear.clone(), FIRST, std::iter::empty());
        ear.gone.store(true, std::sync::atomic::Ordering::Relaxed);
    }
    assert_eq!(board.lock().listeners.len(), 1);
}

/// What is kept of others costs who may not hear of it nothing but a look at whose it is.
#[test]
fn what_does_not_concern_who_comes_back_is_not_even_made() {
    let board = Board::new(STARTED_MS);
    board.put(job(1), EventKind::Started, EventData::default());
    let ear = Arc::new(Ear { is_deaf: true, ..Ear::default() });
    board.listen(ear.clone(), FIRST, std::iter::empty());
    assert_eq!(ear.all(), [Heard::Reached(FIRST + 1)]);
}

proptest! {
    /// Whoever listens, goes, and comes back with the last number that it heard has each kept event
    /// once and in order.
    #[test]
    fn with_breaks_anywhere_nothing_kept_is_missed_and_nothing_comes_twice(
        steps in prop::collection::vec((any::<bool>(), any::<bool>()), 0..100),
    ) {
        let board = Board::new(STARTED_MS);
        let (mut last, mut heard, mut kept) = (FIRST, Vec::new(), Vec::new());
        let mut ear: Option<Arc<Ear>> = None;
        for (is_break, is_kept) in steps {
            if is_break {
                match ear.take() {
                    Some(ear) => {
                        ear.gone.store(true, std::sync::atomic::Ordering::Relaxed);
                        heard.extend(seqs(&ear));
                        last = heard.last().copied().unwrap_or(last);
                    }
                    None => {
                        let next = Arc::new(Ear::default());
                        board.listen(next.clone(), last, std::iter::empty());
                        ear = Some(next);
                    }
                }
            }
            let kind = if is_kept { EventKind::Item } else { EventKind::Progress };
            let seq = board.put(job(1), kind, EventData::default());
            if is_kept {
                kept.push(seq);
            }
        }
        if let Some(ear) = ear {
            heard.extend(seqs(&ear));
        } else {
            let ear = Arc::new(Ear::default());
            board.listen(ear.clone(), last, std::iter::empty());
            heard.extend(seqs(&ear));
        }
        prop_assert!(heard.is_sorted_by(|a, b| a < b), "{:?}", heard);
        prop_assert!(kept.iter().all(|seq| heard.contains(seq)), "{:?} {:?}", kept, heard);
    }
}

fn seqs(ear: &Ear) -> Vec<u64> {
    let heard = ear.all().into_iter();
    heard
        .filter_map(|heard| match heard {
            Heard::Event(seq, _) => Some(seq),
            Heard::Lost(_) | Heard::Reached(_) => None,
        })
        .collect()
}
