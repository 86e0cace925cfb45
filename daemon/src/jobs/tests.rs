//! What jobs promise: order, bounds, one job a destination, events before answers, a stop that is
//! heard.
//!
//! `Table` is driven by hand here, so that nothing waits for a thread and each order of events can
//! be made. What runs on threads is tried by the whole-system tests.

#![allow(clippy::disallowed_methods, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use darkslide_export::Stop;
use darkslide_policy::{AbsPath, Gid, Limits, Peer, Platform, Policy, ReadScope, Uid, World};
use darkslide_protocol::event::{EventItem, EventKind};
use darkslide_protocol::limits::MAX_ITEM_EVENTS;
use darkslide_protocol::message::export::{DestinationText, ExportSpec};
use darkslide_protocol::message::job::{CancelMode, Outcome};
use darkslide_protocol::value::Token;

use super::feed::Feed;
use super::table::{Busy, Snapshot, Table};
use super::{Ending, Happening, Jobs, Order, Shared, State, Store, Wish, Witness, Work};
use crate::events::{About, Board, Happened, Listener, Pass};

pub(super) fn id(number: usize) -> Token {
    Token::from_bits(number as u128)
}

/// What a grant of a library shows; the policy alone can make it.
fn read() -> ReadScope {
    const POLICY: &str = "version = 1\n[library.main]\npath = \"/L.photoslibrary\"\n[[client]]\n\
        name = \"me\"\nuid = 1\nlibraries = [\"main\"]\nroots = []\nmethods = [\"*\"]\n";
    let home = AbsPath::parse("/home/me", None).unwrap();
    let world = World { home, uid: Uid::new(1), methods: Vec::new(), platform: Platform::Linux };
    let peer = Peer::new(Uid::new(1), Gid::new(1), None);
    Policy::parse(POLICY, &world).unwrap().scopes_of(&peer).next().unwrap()
}

pub(super) fn order(path: &str, key: Option<&str>) -> Order {
    let to = DestinationText::Named { root: "exports".into(), path: Some(path.into()) };
    Order {
        wish: Wish::Export(ExportSpec::of("main", to)),
        uid: Uid::new(1),
        gid: Gid::new(1),
        rule: "me".into(),
        key: key.map(Into::into),
        read: read(),
        root: "exports".into(),
        path: path.into(),
    }
}

/// Sees all and keeps nothing, or cannot record an order.
struct Eye {
    records: bool,
    seen: Mutex<Vec<State>>,
}

impl Witness for Eye {
    fn saw(&self, job: &Snapshot) -> bool {
        self.seen.lock().unwrap().push(job.state.clone());
        self.records
    }

    fn is_about_to_write(&self) {}
}

fn eye(records: bool) -> Arc<Eye> {
    Arc::new(Eye { records, seen: Mutex::default() })
}

fn nobody() -> Arc<dyn Witness> {
    eye(true)
}

#[test]
fn each_state_of_a_job_is_seen_once() {
    let eye = eye(true);
    let mut table = Table::load(Arc::new(Store::new(None)), board(), Limits::USUAL, eye.clone());
    table.submit(id(1), order("a", None), nothing()).unwrap();
    drop(table.take_next());
    table.cancel(&id(1), CancelMode::Now);
    table.settle_stopped(&id(1));
    table.resume(&id(1), order("a", None), nothing()).unwrap();
    table.cancel(&id(1), CancelMode::Now);
    let seen = eye.seen.lock().unwrap().clone();
    let [queued, cancelled] = [State::Queued, State::Cancelled];
    assert_eq!(seen, [queued.clone(), State::Running, cancelled.clone(), queued, cancelled]);
}

#[test]
fn an_order_that_cannot_be_recorded_is_not_taken() {
    let mut table = Table::load(Arc::new(Store::new(None)), board(), Limits::USUAL, eye(false));
    assert_eq!(table.submit(id(1), order("a", None), nothing()), Err(Busy::Unrecorded));
    assert_eq!((table.get(&id(1)), table.counts()), (None, (0, 0)));
}

/// No jobs, kept nowhere.
fn table() -> Table {
    Table::load(Arc::new(Store::new(None)), board(), Limits::USUAL, nobody())
}

fn board() -> Arc<Board> {
    Arc::new(Board::new(1))
}

fn nothing() -> Work {
    Box::new(|_| Ok(Ending::Complete))
}

#[derive(Default)]
struct Ear(Mutex<Vec<Happened>>);

impl Ear {
    fn kinds(&self) -> Vec<EventKind> {
        self.0.lock().unwrap().iter().map(|it| it.kind).collect()
    }
}

impl Listener for Ear {
    fn hear(&self, happened: &Happened, _: Pass) {
        self.0.lock().unwrap().push(happened.clone());
    }
    fn lost(&self, _: u64) {}
    fn reached(&self, _: u64) {}
    fn concerns(&self, _: &About) -> bool {
        true
    }
    fn wants_now(&self, about: &About) -> bool {
        matches!(about, About::Job(owned) if owned.job == id(1))
    }
    fn is_gone(&self) -> bool {
        false
    }
}

fn jobs(table: Table) -> Jobs {
    let (store, table) = (Arc::new(Store::new(None)), Mutex::new(table));
    Jobs {
        shared: Arc::new(Shared {
            store,
            witness: nobody(),
            table,
            idle: tokio::sync::Notify::new(),
        }),
    }
}

/// Listens from now on.
fn ear(table: &Table, board: &Board) -> Arc<Ear> {
    let ear = Arc::new(Ear::default());
    table.listen(ear.clone(), board.newest());
    ear
}

#[test]
fn jobs_run_in_order_and_never_more_than_allowed() {
    let mut table = table();
    for number in 0..4 {
        table.submit(id(number), order(&number.to_string(), None), nothing()).unwrap();
    }
    let first: Vec<Token> = std::iter::from_fn(|| table.take_next()).map(|next| next.id).collect();
    assert_eq!(first, (0..Limits::USUAL.jobs_running).map(id).collect::<Vec<_>>());
    table.settle(&id(0), Happening::Finished);
    assert_eq!(table.take_next().unwrap().id, id(Limits::USUAL.jobs_running));
    assert_eq!(table.counts(), (Limits::USUAL.jobs_running, 1));
}

/// A peer that gives up an `extract` and goes, again and again, while its job is at a long file.
#[tokio::test]
async fn who_gives_up_and_goes_leaves_nothing_that_waits_for_the_end() {
    let mut table = table();
    table.submit(id(1), order("x", None), nothing()).unwrap();
    table.take_next().unwrap();
    let jobs = jobs(table);
    let one = id(1);
    jobs.stopped(&one, std::future::ready(())).await;
    let job = jobs.get(&one).unwrap();
    assert_eq!((job.state, job.cancel), (State::Running, Some(CancelMode::AfterFile)));
    let settle = async { jobs.shared.table().settle_stopped(&one) };
    tokio::join!(jobs.stopped(&one, std::future::pending()), settle);
    assert_eq!(jobs.get(&one).unwrap().state, State::Cancelled, "who stays hears of the end");
}

/// The policy was narrowed since: the job shows what its rule may not see any more.
#[test]
fn a_key_finds_no_job_of_a_grant_that_showed_more() {
    let of = |hidden: bool| {
        let mut order = order("x", Some("k"));
        let mut text = serde_json::to_value(&order.read).unwrap();
        text["hidden"] = hidden.into();
        order.read = serde_json::from_value(text).unwrap();
        order
    };
    let mut table = table();
    table.submit(id(1), of(true), nothing()).unwrap();
    table.cancel(&id(1), CancelMode::Now);
    assert_eq!(table.submit(id(2), of(false), nothing()).unwrap().id, id(2));
    table.cancel(&id(2), CancelMode::Now);
    assert_ne!(table.submit(id(3), of(true), nothing()).unwrap().id, id(3));
}

#[test]
fn the_line_holds_its_limit_and_refuses_the_next() {
    let mut table = table();
    for number in 0..Limits::USUAL.jobs_waiting {
        table.submit(id(number), order(&number.to_string(), None), nothing()).unwrap();
    }
    assert_eq!(
        table.submit(id(999), order("x", None), nothing()).unwrap_err(),
        Busy::Full { limit: 64 }
    );
    assert!(table.take_next().is_some(), "one begins, and a place is free");
    assert!(table.submit(id(999), order("x", None), nothing()).is_ok());
}

#[test]
fn a_destination_has_one_job_at_a_time() {
    let mut table = table();
    table.submit(id(1), order("a", None), nothing()).unwrap();
    let other = Order { rule: "other".into(), ..order("a", None) };
    assert_eq!(
        table.submit(id(2), other.clone(), nothing()).unwrap_err(),
        Busy::Destination(id(1))
    );
    assert_eq!(table.take_next().unwrap().id, id(1));
    assert_eq!(
        table.submit(id(2), other.clone(), nothing()).unwrap_err(),
        Busy::Destination(id(1))
    );
    table.settle(&id(1), Happening::Finished);
    assert!(table.submit(id(2), other.clone(), nothing()).is_ok());
}

#[test]
fn the_same_key_of_the_same_rule_is_the_same_job() {
    let mut table = table();
    table.submit(id(1), order("a", Some("k")), nothing()).unwrap();
    assert_eq!(table.submit(id(2), order("b", Some("k")), nothing()).unwrap().id, id(1));
    let other_rule = Order { rule: "other".into(), ..order("b", Some("k")) };
    assert_eq!(table.submit(id(3), other_rule, nothing()).unwrap().id, id(3));
    let other_uid = Order { uid: Uid::new(2), ..order("c", Some("k")) };
    assert_eq!(table.submit(id(4), other_uid, nothing()).unwrap().id, id(4));
}

#[test]
fn without_a_key_the_same_wish_of_the_same_rule_is_the_same_job_until_it_is_over() {
    let mut table = table();
    table.submit(id(1), order("a", Some("k")), nothing()).unwrap();
    assert_eq!(table.submit(id(2), order("a", None), nothing()).unwrap().id, id(1));
    let other_key = table.submit(id(2), order("a", Some("l")), nothing());
    assert_eq!(other_key.unwrap_err(), Busy::Destination(id(1)), "a key never joins another's");
    table.cancel(&id(1), CancelMode::AfterFile);
    assert_eq!(table.submit(id(2), order("a", None), nothing()).unwrap().id, id(2));
}

#[test]
fn a_listener_hears_each_state_and_of_its_job_how_it_is_now() {
    let board = board();
    let mut table =
        Table::load(Arc::new(Store::new(None)), Arc::clone(&board), Limits::USUAL, nobody());
    for number in 1..3 {
        table.submit(id(number), order(&number.to_string(), None), nothing()).unwrap();
    }
    let early = ear(&table, &board);
    table.take_next();
    table.settle(&id(1), Happening::Finished);
    assert_eq!(early.kinds(), [EventKind::Queued, EventKind::Started, EventKind::Finished]);
    let late = ear(&table, &board);
    assert_eq!(late.kinds(), [EventKind::Finished], "of the other it wants to know nothing");
    let told = late.0.lock().unwrap()[0].clone();
    let live = early.0.lock().unwrap()[2].clone();
    assert_eq!((told.seq, told.about, told.data), (live.seq, live.about, live.data));
}

/// The lock of all jobs is held until the end is told: who asks after it was told.
#[test]
fn each_state_has_the_number_of_the_event_that_told_it() {
    let board = board();
    let mut table =
        Table::load(Arc::new(Store::new(None)), Arc::clone(&board), Limits::USUAL, nobody());
    let before = board.newest();
    let submitted = table.submit(id(1), order("a", None), nothing()).unwrap();
    assert_eq!((submitted.seq, table.get(&id(1)).unwrap().seq), (before + 1, before + 1));
    table.take_next();
    table.count(&id(1), |_| {}, true);
    assert_eq!((table.get(&id(1)).unwrap().seq, board.newest()), (before + 2, before + 3));
    table.settle(&id(1), Happening::Finished);
    assert_eq!(table.get(&id(1)).unwrap().seq, board.newest());
}

#[tokio::test]
async fn whoever_waits_for_the_end_goes_on_once_everybody_was_told_of_it() {
    let board = board();
    let mut table =
        Table::load(Arc::new(Store::new(None)), Arc::clone(&board), Limits::USUAL, nobody());
    running(&mut table, 1);
    let jobs = jobs(table);
    assert_eq!(jobs.ended(&id(9)).await, None);
    let (one, other) = (id(1), id(1));
    let mut waits = (std::pin::pin!(jobs.ended(&one)), std::pin::pin!(jobs.ended(&other)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waits.0.as_mut().poll(&mut context).is_pending());
    assert!(waits.1.as_mut().poll(&mut context).is_pending());
    // The first of the two is told before this ear, and still does not go on before it.
    let ear = ear(&jobs.shared.table(), &board);
    jobs.shared.table().settle(&id(1), Happening::Finished);
    assert_eq!(ear.kinds().last(), Some(&EventKind::Finished));
    assert_eq!(waits.0.await.unwrap().state, State::Finished);
    assert_eq!(waits.1.await.unwrap().state, State::Finished);
    assert_eq!(jobs.ended(&id(1)).await.unwrap().state, State::Finished, "one that is over");
}

#[test]
fn rows_that_are_not_done_are_told_up_to_the_limit_and_then_where_the_rest_is() {
    let board = board();
    let mut table =
        Table::load(Arc::new(Store::new(None)), Arc::clone(&board), Limits::USUAL, nobody());
    running(&mut table, 1);
    let ear = ear(&table, &board);
    let feed = Feed::new(jobs(table).shared, id(1));
    let counts = || {
        let kinds = ear.kinds();
        let of = |kind| kinds.iter().filter(|it| **it == kind).count();
        (of(EventKind::Item), of(EventKind::Warning))
    };
    let undone = |outcome| {
        let item = EventItem {
            asset: "A".into(),
            version: "original".into(),
            path: None,
            outcome,
            reason: None,
        };
        feed.outcome(outcome, || item);
    };
    undone(Outcome::Copied);
    assert_eq!(counts(), (0, 0), "what is done is no item");
    let most = usize::try_from(MAX_ITEM_EVENTS).unwrap();
    (0..most).for_each(|_| undone(Outcome::NotLocal));
    assert_eq!(counts(), (most, 0), "at the limit");
    (0..10_000).for_each(|_| undone(Outcome::NotLocal));
    assert_eq!(counts(), (most, 1), "over, and absurdly over");
    feed.trashed(0);
    assert_eq!(counts(), (most, 1));
    feed.trashed(3);
    assert_eq!(counts(), (most, 2));
    let heard = ear.0.lock().unwrap();
    assert!(heard.iter().all(|it| it.data.job.is_some()), "each says of which job");
}

#[test]
fn the_oldest_jobs_are_forgotten_beyond_the_limit() {
    let mut table = table();
    for number in 0..=Limits::USUAL.jobs_remembered {
        table.submit(id(number), order("a", None), nothing()).unwrap();
        table.take_next();
        table.settle(&id(number), Happening::Finished);
    }
    assert!(table.get(&id(0)).is_none());
    assert!(table.get(&id(1)).is_some());
}

#[test]
fn at_the_end_the_line_is_given_up_and_nothing_begins() {
    let mut table = table();
    table.submit(id(1), order("a", None), nothing()).unwrap();
    table.end();
    assert_eq!(table.get(&id(1)).unwrap().state, State::Interrupted);
    assert!(table.take_next().is_none());
    assert_eq!(table.submit(id(2), order("b", None), nothing()).unwrap_err(), Busy::Ending);
}

fn running(table: &mut Table, number: usize) {
    table.submit(id(number), order(&number.to_string(), None), nothing()).unwrap();
    table.take_next().unwrap();
}

fn state(table: &Table, number: usize) -> State {
    table.get(&id(number)).unwrap().state
}

#[test]
fn who_cancels_is_heard_before_the_daemons_end_and_at_once_stays_at_once() {
    let mut table = table();
    running(&mut table, 1);
    running(&mut table, 2);
    assert_eq!(table.stop(&id(1)), Stop::GoOn);
    table.cancel(&id(1), CancelMode::AfterFile);
    assert_eq!((table.stop(&id(1)), table.stop(&id(2))), (Stop::AfterFile, Stop::GoOn));
    table.cancel(&id(1), CancelMode::Now);
    table.cancel(&id(1), CancelMode::AfterFile);
    table.end();
    assert_eq!((table.stop(&id(1)), table.stop(&id(2))), (Stop::Now, Stop::AfterFile));
    table.settle_stopped(&id(1));
    table.settle_stopped(&id(2));
    assert_eq!((state(&table, 1), state(&table, 2)), (State::Cancelled, State::Interrupted));
}

#[test]
fn a_job_in_line_is_cancelled_at_once_and_one_that_is_over_stays_as_it_is() {
    let mut table = table();
    running(&mut table, 1);
    table.submit(id(2), order("2", None), nothing()).unwrap();
    assert_eq!(table.cancel(&id(2), CancelMode::AfterFile).unwrap().state, State::Cancelled);
    assert!(table.take_next().is_none(), "it has left the line");
    table.cancel(&id(1), CancelMode::AfterFile);
    table.settle(&id(1), Happening::Finished);
    assert_eq!(table.cancel(&id(1), CancelMode::Now).unwrap().state, State::Finished);
    assert!(table.cancel(&id(9), CancelMode::Now).is_none());
}

#[test]
fn a_cancelled_job_goes_on_as_the_same_job_with_fresh_counts() {
    let mut table = table();
    running(&mut table, 1);
    table.count(&id(1), |tally| tally.bytes_done = 7, false);
    table.cancel(&id(1), CancelMode::Now);
    table.settle_stopped(&id(1));
    let before = table.get(&id(1)).unwrap();
    let again = table.resume(&id(1), order("1", None), nothing()).unwrap().unwrap();
    assert_eq!((again.state, again.cancel, again.ended), (State::Queued, None, None));
    assert_eq!((again.created, again.tally.bytes_done), (before.created, 0));
    assert_eq!(table.take_next().unwrap().id, id(1));
    assert_eq!(table.stop(&id(1)), Stop::GoOn);
    let running = table.resume(&id(1), order("1", None), nothing()).unwrap().unwrap();
    assert_eq!(running.state, State::Running, "nothing to resume");
    table.settle(&id(1), Happening::Finished);
    let done = table.resume(&id(1), order("1", None), nothing()).unwrap().unwrap();
    assert_eq!((done.state, table.take_next().is_none()), (State::Finished, true));
    assert_eq!(table.resume(&id(9), order("9", None), nothing()), Ok(None));
}

#[test]
fn a_job_does_not_go_on_where_another_works() {
    let mut table = table();
    table.submit(id(1), order("a", None), nothing()).unwrap();
    table.cancel(&id(1), CancelMode::AfterFile);
    table.submit(id(2), order("a", None), nothing()).unwrap();
    let refused = table.resume(&id(1), order("a", None), nothing());
    assert_eq!(refused, Err(Busy::Destination(id(2))));
    assert_eq!(state(&table, 1), State::Cancelled);
}

#[test]
fn jobs_are_listed_the_newest_first() {
    let mut table = table();
    for number in 0..3 {
        table.submit(id(number), order(&number.to_string(), None), nothing()).unwrap();
    }
    let listed: Vec<Token> = table.list(|job| Some(job.id.clone()));
    assert_eq!(listed, [id(2), id(1), id(0)]);
}

/// A store in a folder of its own; opened anew, it is the next daemon's.
fn store(folder: &tempfile::TempDir) -> Arc<Store> {
    let handle = std::fs::File::open(folder.path()).unwrap().into();
    Arc::new(Store::new(Some(darkslide_door::StateDir::take(handle).unwrap())))
}

#[test]
fn the_next_daemon_knows_each_job_and_what_was_asked_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = Table::load(store(&folder), board(), Limits::USUAL, nobody());
    running(&mut table, 1);
    running(&mut table, 2);
    for number in 3..6 {
        let key = Some("nightly").filter(|_| number == 3);
        table.submit(id(number), order(&number.to_string(), key), nothing()).unwrap();
    }
    table.cancel(&id(2), CancelMode::Now);
    table.cancel(&id(5), CancelMode::AfterFile);
    table.settle(&id(1), Happening::Finished);
    let done = table.get(&id(1)).unwrap();
    drop(table);
    let mut next = Table::load(store(&folder), board(), Limits::USUAL, nobody());
    let found = next.get(&id(1)).unwrap();
    let seq = found.seq;
    assert_eq!(found, Snapshot { seq, ..done }, "what is done is never done again");
    let states: Vec<State> = (2..6).map(|number| state(&next, number)).collect();
    let expected = [State::Cancelled, State::Interrupted, State::Interrupted, State::Cancelled];
    assert_eq!(states, expected);
    let same = next.submit(id(9), order("3", Some("nightly")), nothing()).unwrap();
    assert_eq!(same.id, id(3), "the key still names the job");
    assert_eq!(next.counts(), (0, 0));
}

#[test]
fn the_oldest_files_go_with_their_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = Table::load(store(&folder), board(), Limits::USUAL, nobody());
    for number in 0..=Limits::USUAL.jobs_remembered {
        table.submit(id(number), order("a", None), nothing()).unwrap();
        table.take_next();
        table.settle(&id(number), Happening::Finished);
    }
    running(&mut table, 999);
    drop(table);
    let next = Table::load(store(&folder), board(), Limits::USUAL, nobody());
    assert_eq!(next.list(|_| Some(())).len(), Limits::USUAL.jobs_remembered);
    assert!(next.get(&id(1)).is_none() && next.get(&id(Limits::USUAL.jobs_remembered)).is_some());
    assert_eq!(state(&next, 999), State::Interrupted, "what is to go on is not the oldest");
}

#[test]
fn a_panic_in_a_job_is_its_failure_and_no_more() {
    let jobs = Jobs::load(Store::new(None), board(), Limits::USUAL, nobody());
    let next = {
        let mut table = jobs.shared.table();
        let work = Box::new(|_: &_| panic!("told to nobody"));
        table.submit(id(1), order("a", None), work).unwrap();
        table.take_next().unwrap()
    };
    jobs.clone().run(next);
    let State::Failed(error) = jobs.get(&id(1)).unwrap().state else { panic!("it did not fail") };
    assert_eq!(error.data.name.as_str(), "INTERNAL");
    assert!(error.data.incident.is_some() && !error.message.contains("nobody"), "{error}");
    assert_eq!(jobs.counts(), (0, 0));
}

#[tokio::test]
async fn the_end_is_begun_only_where_no_job_is_left_and_then_none_is_taken() {
    let mut table = table();
    running(&mut table, 1);
    let jobs = jobs(table);
    assert!(!jobs.end_if_none_left(), "one is at work");
    assert!(jobs.are_unfinished());
    let settled = async {
        jobs.shared.table().settle(&id(1), Happening::Finished);
        jobs.shared.idle.notify_waiters();
    };
    tokio::join!(jobs.none_left(), settled);
    assert!(!jobs.are_unfinished());
    assert!(jobs.end_if_none_left());
    let refused = jobs.shared.table().submit(id(2), order("b", None), nothing());
    assert_eq!(refused.unwrap_err(), Busy::Ending);
}

#[test]
fn a_policy_has_fewer_jobs_at_work_in_line_and_remembered() {
    let limits = Limits { jobs_running: 1, jobs_waiting: 2, jobs_remembered: 3, ..Limits::USUAL };
    let mut table = Table::load(Arc::new(Store::new(None)), board(), limits, nobody());
    running(&mut table, 1);
    for number in 2..4 {
        table.submit(id(number), order(&number.to_string(), None), nothing()).unwrap();
    }
    assert!(table.take_next().is_none(), "one is at work");
    let full = table.submit(id(4), order("4", None), nothing()).unwrap_err();
    assert_eq!(full, Busy::Full { limit: 2 });
    for number in 1..9 {
        table.settle(&id(number), Happening::Finished);
        table.take_next();
        let next = number + 3;
        table.submit(id(next), order(&next.to_string(), None), nothing()).unwrap();
    }
    let over = table.list(|job| job.state.is_over().then_some(())).len();
    assert_eq!(over, limits.jobs_remembered);
}

/// Whatever a job leaves behind, who ordered it is on the disk before.
#[test]
fn what_is_recorded_is_made_safe_before_a_job_does_anything() {
    #[derive(Default)]
    struct Course(Mutex<Vec<&'static str>>);
    impl Witness for Course {
        fn saw(&self, _: &Snapshot) -> bool {
            true
        }
        fn is_about_to_write(&self) {
            self.0.lock().unwrap().push("safe");
        }
    }
    let course = Arc::new(Course::default());
    let jobs = Jobs::load(Store::new(None), board(), Limits::USUAL, course.clone());
    let next = {
        let mut table = jobs.shared.table();
        let seen = Arc::clone(&course);
        let work = Box::new(move |_: &_| {
            seen.0.lock().unwrap().push("work");
            Ok(Ending::Complete)
        });
        table.submit(id(1), order("a", None), work).unwrap();
        assert_eq!(*course.0.lock().unwrap(), [""; 0], "in line");
        table.take_next().unwrap()
    };
    jobs.clone().run(next);
    assert_eq!(*course.0.lock().unwrap(), ["safe", "work"]);
}
