//! What jobs promise: order, bounds, one job a destination, events before answers, a stop that is
//! heard.
//!
//! `Table` is driven by hand here, so that nothing waits for a thread and each order of events can
//! be made. What runs on threads is tried by the whole-system tests.

use std::sync::{Arc, Mutex};

use darkslide_policy::{AbsPath, Gid, Peer, Policy, ReadScope, Uid, World};
use darkslide_protocol::value::Token;

use super::table::{Busy, Snapshot, Table, Watcher};
use super::{Ending, Happening, MAX_REMEMBERED, MAX_RUNNING, MAX_WAITING, Order, State, Work};

fn id(number: usize) -> Token {
    Token::from_bits(number as u128)
}

/// What a grant of a library shows; the policy alone can make it.
fn read() -> ReadScope {
    const POLICY: &str = "version = 1\n[library.main]\npath = \"/L.photoslibrary\"\n[[client]]\n\
        name = \"me\"\nuid = 1\nlibraries = [\"main\"]\nroots = []\nmethods = [\"*\"]\n";
    let home = AbsPath::parse("/home/me", None).unwrap();
    let world = World { home, uid: Uid::new(1), methods: Vec::new() };
    let peer = Peer { uid: Uid::new(1), gid: Gid::new(1), pid: None };
    Policy::parse(POLICY, &world).unwrap().scopes_of(&peer).next().unwrap()
}

fn order(path: &str, key: Option<&str>) -> Order {
    Order {
        rule: "me".into(),
        key: key.map(Into::into),
        read: read(),
        root: "exports".into(),
        path: path.into(),
    }
}

fn nothing() -> Work {
    Box::new(|_| Ok(Ending::Complete))
}

#[derive(Default)]
struct Ear(Mutex<Vec<(Token, State)>>);

impl Watcher for Ear {
    fn job(&self, job: &Snapshot, _: bool) {
        self.0.lock().unwrap().push((job.id.clone(), job.state.clone()));
    }
    fn wants_past(&self, _: &Snapshot) -> bool {
        true
    }
    fn is_gone(&self) -> bool {
        false
    }
}

#[test]
fn jobs_run_in_order_and_never_more_than_allowed() {
    let mut table = Table::default();
    for number in 0..4 {
        table.submit(id(number), order(&number.to_string(), None), nothing()).unwrap();
    }
    let first: Vec<Token> = std::iter::from_fn(|| table.take_next()).map(|next| next.id).collect();
    assert_eq!(first, (0..MAX_RUNNING).map(id).collect::<Vec<_>>());
    table.settle(&id(0), Happening::Finished);
    assert_eq!(table.take_next().unwrap().id, id(MAX_RUNNING));
    assert_eq!(table.counts(), (MAX_RUNNING, 1));
}

#[test]
fn the_line_holds_its_limit_and_refuses_the_next() {
    let mut table = Table::default();
    for number in 0..MAX_WAITING {
        table.submit(id(number), order(&number.to_string(), None), nothing()).unwrap();
    }
    assert_eq!(table.submit(id(999), order("x", None), nothing()).unwrap_err(), Busy::Full);
    assert!(table.take_next().is_some(), "one begins, and a place is free");
    assert!(table.submit(id(999), order("x", None), nothing()).is_ok());
}

#[test]
fn a_destination_has_one_job_at_a_time() {
    let mut table = Table::default();
    table.submit(id(1), order("a", None), nothing()).unwrap();
    assert_eq!(
        table.submit(id(2), order("a", None), nothing()).unwrap_err(),
        Busy::Destination(id(1))
    );
    assert_eq!(table.take_next().unwrap().id, id(1));
    assert_eq!(
        table.submit(id(2), order("a", None), nothing()).unwrap_err(),
        Busy::Destination(id(1))
    );
    table.settle(&id(1), Happening::Finished);
    assert!(table.submit(id(2), order("a", None), nothing()).is_ok());
}

#[test]
fn the_same_key_of_the_same_rule_is_the_same_job() {
    let mut table = Table::default();
    table.submit(id(1), order("a", Some("k")), nothing()).unwrap();
    assert_eq!(table.submit(id(2), order("b", Some("k")), nothing()).unwrap().id, id(1));
    let other_rule = Order { rule: "other".into(), ..order("b", Some("k")) };
    assert_eq!(table.submit(id(3), other_rule, nothing()).unwrap().id, id(3));
}

#[test]
fn a_watcher_hears_each_state_and_of_jobs_that_are_over_their_last() {
    let mut table = Table::default();
    table.submit(id(1), order("a", None), nothing()).unwrap();
    let early = Arc::new(Ear::default());
    table.watch(early.clone());
    table.take_next();
    table.settle(&id(1), Happening::Finished);
    let heard: Vec<State> =
        early.0.lock().unwrap().iter().map(|(_, state)| state.clone()).collect();
    assert_eq!(heard, [State::Running, State::Finished]);
    let late = Arc::new(Ear::default());
    table.watch(late.clone());
    assert_eq!(*late.0.lock().unwrap(), [(id(1), State::Finished)]);
}

#[test]
fn the_oldest_jobs_are_forgotten_beyond_the_limit() {
    let mut table = Table::default();
    for number in 0..=MAX_REMEMBERED {
        table.submit(id(number), order("a", None), nothing()).unwrap();
        table.take_next();
        table.settle(&id(number), Happening::Finished);
    }
    assert!(table.get(&id(0)).is_none());
    assert!(table.get(&id(1)).is_some());
}

#[test]
fn at_the_end_the_line_is_given_up_and_nothing_begins() {
    let mut table = Table::default();
    table.submit(id(1), order("a", None), nothing()).unwrap();
    table.end();
    assert_eq!(table.get(&id(1)).unwrap().state, State::Interrupted);
    assert!(table.take_next().is_none());
    assert_eq!(table.submit(id(2), order("b", None), nothing()).unwrap_err(), Busy::Ending);
}
