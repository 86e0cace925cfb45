//! One job for a destination, on a file system whose kernel keeps no locks: the record says who is
//! at work, and whoever says nothing for a minute is taken over.
//!
//! Time is what these tests make of it: a clock moves when somebody waits for it.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use darkslide_door::{BEAT_EVERY, Faults, TAKEN_OVER_AFTER};
use darkslide_export::{Clock, ExportErrorKind, Outcome, Sizes, Stop};

use crate::exporting::{Bench, Run, Told, Waited, one_of_each, plant};

fn without_locks() -> Run<'static> {
    Run { faults: Faults::without_flock(), workers: 1, ..Run::default() }
}

#[test]
fn a_job_without_locks_leaves_none_behind_and_the_next_one_waits_for_nobody() {
    let (bench, _) = Bench::with(one_of_each);
    let clock = Waited::default();
    for outcome in [Outcome::Copied, Outcome::Unchanged] {
        let summary = bench.run(Run { clock: Some(&clock), ..without_locks() }).unwrap();
        assert_eq!(summary.outcomes[&outcome], 10);
        assert!(!bench.record("lock").exists());
    }
    assert_eq!(clock.now(), Duration::ZERO);
}

#[test]
fn a_job_whose_holder_died_is_taken_over_after_a_minute() {
    let (bench, _) = Bench::with(one_of_each);
    bench.run(without_locks()).unwrap();
    let line = br#"{"host":"another","pid":7,"run":"0123456789abcdef0123456789abcdef","beat":3}"#;
    for line in [&line[..], b""] {
        plant(bench.record("lock"), line).unwrap();
        let clock = Waited::default();
        let summary = bench.run(Run { clock: Some(&clock), ..without_locks() }).unwrap();
        assert_eq!(summary.outcomes[&Outcome::Unchanged], 10);
        assert!(clock.now() >= TAKEN_OVER_AFTER && clock.now() < TAKEN_OVER_AFTER * 2);
        assert!(!bench.record("lock").exists());
        bench.assert_settled();
    }
}

#[test]
fn a_job_that_waits_for_a_dead_one_can_be_stopped() {
    let (bench, _) = Bench::with(one_of_each);
    bench.run(without_locks()).unwrap();
    plant(bench.record("lock"), b"{}").unwrap();
    let clock = Waited::default();
    let run = Run { clock: Some(&clock), stop: &|| Stop::Now, ..without_locks() };
    assert_eq!(bench.run(run).unwrap_err().kind(), ExportErrorKind::Stopped);
    assert_eq!(fs::read(bench.record("lock")).unwrap(), b"{}");
    assert!(clock.now() < TAKEN_OVER_AFTER);
}

/// A clock whose waiting lets the other job come to its next question.
struct Together<'a> {
    time: &'a Mutex<Duration>,
    wake: Mutex<Sender<()>>,
    asked: Mutex<Receiver<()>>,
}

impl Clock for Together<'_> {
    fn now(&self) -> Duration {
        *self.time.lock().unwrap()
    }

    fn wait(&self, _: Duration) {
        *self.time.lock().unwrap() += BEAT_EVERY;
        self.wake.lock().unwrap().send(()).unwrap();
        self.asked.lock().unwrap().recv().unwrap();
    }
}

/// A clock that moves only for others.
struct Standing<'a>(&'a Mutex<Duration>);

impl Clock for Standing<'_> {
    fn now(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn wait(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

#[test]
fn of_two_jobs_at_once_the_second_is_told_that_the_destination_is_busy() {
    let (bench, _) = Bench::with(one_of_each);
    let time = Mutex::new(Duration::ZERO);
    let ((wake, woken), (ask, asked)) = (channel(), channel());
    let (begun, begins) = channel();
    std::thread::scope(|scope| {
        let (bench, time) = (&bench, &time);
        let second = scope.spawn(move || {
            begins.recv().unwrap();
            let clock = Together { time, wake: Mutex::new(wake), asked: Mutex::new(asked) };
            bench.run(Run { clock: Some(&clock), job: "second", ..without_locks() })
        });
        // The first one comes to a question, says before it that it is alive, and waits there until
        // the second one has looked at the lock, or is over.
        let (woken, begun) = (Mutex::new(woken), Mutex::new(Some(begun)));
        let stop = || {
            if let Some(begun) = begun.lock().unwrap().take() {
                begun.send(()).unwrap();
            } else {
                let _ = ask.send(());
            }
            let _ = woken.lock().unwrap().recv();
            Stop::GoOn
        };
        let clock = Standing(time);
        let run = Run { clock: Some(&clock), stop: &stop, ..without_locks() };
        let summary = bench.run(run).unwrap();
        assert_eq!(summary.outcomes[&Outcome::Copied], 10);
        let error = second.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), ExportErrorKind::Busy);
    });
    bench.assert_settled();
}

#[test]
fn a_job_that_slept_through_its_takeover_touches_nothing_any_more() {
    let (bench, _) = Bench::with(one_of_each);
    let time = Mutex::new(Duration::ZERO);
    let clock = Standing(&time);
    let (told, slept) = (Told::default(), AtomicBool::new(false));
    // Sleeps once it has begun to copy; meanwhile another one takes over, and does half.
    let stop = || {
        if told.planned.lock().unwrap().is_some() && !slept.swap(true, Ordering::SeqCst) {
            let questions = Mutex::new(0);
            let second = Told::default();
            let half = || {
                let copying = second.planned.lock().unwrap().is_some();
                let mut questions = questions.lock().unwrap();
                *questions += u32::from(copying);
                if *questions > 4 { Stop::AfterFile } else { Stop::GoOn }
            };
            let run = Run {
                clock: Some(&clock),
                stop: &half,
                job: "second",
                sizes: Sizes { batch_files: 1 },
                ..without_locks()
            };
            let error = bench.run_told(run, &second).unwrap_err();
            assert_eq!(error.kind(), ExportErrorKind::Stopped);
            // As if it were at work still.
            plant(bench.record("lock"), b"{}").unwrap();
            plant(bench.record("tmp").join("0123456789abcdef".repeat(2)), b"half").unwrap();
            *time.lock().unwrap() += BEAT_EVERY;
        }
        Stop::GoOn
    };
    let run = Run { clock: Some(&clock), stop: &stop, ..without_locks() };
    bench.run_told(run, &told).unwrap_err();
    assert!(slept.load(Ordering::SeqCst));
    assert_eq!(fs::read(bench.record("lock")).unwrap(), b"{}");
    let theirs = bench.record("tmp").join("0123456789abcdef".repeat(2));
    assert_eq!(fs::read(theirs).unwrap(), b"half", "it is another job's");
    // And what is left is made good.
    bench.run(without_locks()).unwrap();
    assert_eq!(bench.tree().len(), 10);
    bench.assert_settled();
}
