//! An export that is killed again and again, at random: `SIGKILL` by the clock, or an end before a
//! random operation of the door, each in a process of its own.
//!
//! What is written stays in the system's memory after a kill, so contents are never torn by one;
//! what is tried here is that the record tells the truth at every instant.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use darkslide_door::{Faults, Operation};

use crate::crashes::disks::Kind;
use crate::crashes::tree::Tree;
use crate::crashes::user::{Touched, act};
use crate::crashes::{
    Case, Dice, FILES, IN_HAND, manifest_of, moment, own_disk, run, tell, tell_moments, wanted,
};
use crate::exporting::{Bench, Run, shared};

const BUNDLE: &str = "DARKSLIDE_TEST_BUNDLE";
const ROOT: &str = "DARKSLIDE_TEST_ROOT";
const JOB: &str = "DARKSLIDE_TEST_JOB";
const KILL_BEFORE: &str = "DARKSLIDE_TEST_KILL_BEFORE";

/// The child's part. Without being asked to, it does nothing.
#[test]
fn child_that_exports() {
    let Ok(bundle) = std::env::var(BUNDLE) else {
        return;
    };
    let (root, job) = (std::env::var(ROOT).unwrap(), std::env::var(JOB).unwrap());
    let faults = std::env::var(KILL_BEFORE)
        .map_or(Faults::none(), |number| Faults::abort_before_nth(number.parse().unwrap()));
    let bench = Bench::at(bundle.as_ref(), root.as_ref());
    bench.run(Run { faults, ..run(&job) }).unwrap();
}

fn child(bench: &Bench, job: &str, kill_before: Option<usize>) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "crashes::kills::child_that_exports"]);
    child.env(BUNDLE, &bench.bundle).env(ROOT, &bench.root).env(JOB, job);
    if let Some(number) = kill_before {
        child.env(KILL_BEFORE, number.to_string());
    }
    child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// A moment that was rolled.
#[derive(Debug, Clone, Copy)]
enum Moment {
    Operation(usize),
    After(Duration),
}

impl Moment {
    /// Runs a job that ends then; tells whether it did not come to its end before.
    fn kills(self, bench: &Bench, job: &str) -> bool {
        match self {
            Self::Operation(number) => !child(bench, job, Some(number)).wait().unwrap().success(),
            Self::After(time) => {
                let mut child = child(bench, job, None);
                std::thread::sleep(time);
                child.kill().unwrap();
                !child.wait().unwrap().success()
            }
        }
    }
}

/// How many operations an undisturbed job has, which of them makes the first temporary file, and
/// how long it takes.
struct Length {
    operations: usize,
    copying: usize,
    time: Duration,
}

impl Length {
    fn of(case: &Case, folder: &std::path::Path) -> Self {
        let counted = Faults::count();
        let bench = case.started(folder);
        bench.run(Run { faults: counted.clone(), ..run("counted") }).unwrap();
        let bench = case.started(folder);
        let begun = Instant::now();
        assert!(child(&bench, "timed", None).wait().unwrap().success());
        let time = begun.elapsed();
        let operations = counted.operations();
        let makes = |it: &Operation| *it == Operation::CreateTemporary;
        let copying = operations.iter().position(makes).unwrap();
        Self { operations: operations.len(), copying, time }
    }

    /// By the clock, or by operations: planning has most of those, so half of these are later ones.
    fn roll(&self, dice: &mut Dice) -> Moment {
        match dice.roll(4) {
            0 => Moment::Operation(1 + dice.roll(self.operations)),
            1 => Moment::Operation(1 + self.copying + dice.roll(self.operations - self.copying)),
            _ => Moment::After(dice.roll_time(self.time)),
        }
    }

    /// Early on, while what an earlier job left is settled, or soon after.
    fn roll_early(&self, dice: &mut Dice) -> Moment {
        match dice.roll(2) {
            0 => Moment::Operation(1 + dice.roll(self.operations / 8)),
            _ => Moment::After(dice.roll_time(self.time / 4)),
        }
    }
}

/// What the kills of one case hit.
#[derive(Default)]
struct Hit {
    moments: BTreeMap<&'static str, usize>,
    with_temporaries: usize,
    acts: BTreeMap<&'static str, usize>,
    copied_twice: u64,
}

impl Hit {
    fn note(&mut self, case: &Case, bench: &Bench, job: &str) {
        let record = bench.record("");
        let step = moment::of(&record, job, || manifest_of(bench) == case.manifest);
        *self.moments.entry(step).or_default() += 1;
        let temporaries = moment::names(&record.join("tmp"));
        self.with_temporaries += usize::from(!temporaries.is_empty());
    }
}

fn kill(case: &Case, count: usize, dice: &mut Dice, hit: &mut Hit) {
    let Some((_folder, disk)) = own_disk(Kind::Image("ext4", 256, &["-b", "4096"])) else { return };
    let length = Length::of(case, disk.path());
    let mut killed = 0;
    for _ in 0..count * 4 {
        if killed >= count {
            return;
        }
        let bench = case.started(disk.path());
        let at = length.roll(dice);
        if !at.kills(&bench, "killed") {
            continue;
        }
        killed += 1;
        hit.note(case, &bench, "killed");
        let mut how = format!("killed at {at:?}");
        case.assert_no_half_file(&bench, &how);
        let (published, temporaries) =
            (Tree::of(&bench).len(), moment::names(&bench.record("tmp")));
        // One in four is killed again, while it makes good what the first kill left.
        let again = length.roll_early(dice);
        let twice = dice.roll(4) == 0 && again.kills(&bench, "killed-again");
        if twice {
            killed += 1;
            hit.note(case, &bench, "killed-again");
            how = format!("{how}, then at {again:?}");
            case.assert_no_half_file(&bench, &how);
        }
        let touched = if dice.roll(2) == 0 { act(case, &bench, dice) } else { Touched::nothing() };
        *hit.acts.entry(touched.what()).or_default() += 1;
        how = format!("{how}, {} touched", touched.what());
        let summary = case.assert_made_good(&bench, &touched, &how);
        if case.is_first() && !twice && touched.is_nothing() {
            let (published, temporaries) = (published as u64, temporaries.len() as u64);
            assert!(summary.files <= FILES - published, "{how}: what is published is not copied");
            let copied_twice = (published + temporaries + summary.files).saturating_sub(FILES);
            assert!(copied_twice <= IN_HAND, "{how}: {copied_twice} are copied twice");
            hit.copied_twice = hit.copied_twice.max(copied_twice);
        }
    }
    panic!("{killed} of {count} were killed");
}

mod slow {
    use super::*;

    #[test]
    fn an_export_that_is_killed_at_any_moment_ends_as_if_undisturbed() {
        if !shared::slow_wanted() {
            return;
        }
        let count = wanted("DARKSLIDE_KILLS", 40);
        let (mut dice, mut hit) = (Dice::new(), Hit::default());
        kill(&Case::first_export(), count - count / 4, &mut dice, &mut hit);
        kill(&Case::later_export(), count / 4, &mut dice, &mut hit);
        let all: usize = hit.moments.values().sum();
        tell_moments(&hit.moments, hit.with_temporaries);
        tell(&format!("then {:?}; at most {} copied twice", hit.acts, hit.copied_twice));
        assert!(hit.with_temporaries * 10 >= all * 3, "too few while a temporary file existed");
    }
}
