//! Power cuts at random moments: the file system is shut down in mid-work, unmounted and mounted
//! again, and holds what had reached the disk.
//!
//! A kill never shows what this does: an intent that is on the disk before the content it speaks
//! of. No file with a final name may hold anything but a whole photo, before anything is settled.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::crashes::disks::{Disk, Kind};
use crate::crashes::tree::Tree;
use crate::crashes::user::{Touched, act};
use crate::crashes::{Case, Dice, manifest_of, moment, own_disk, run, tell, tell_moments, wanted};
use crate::exporting::{Bench, OnPiece, shared};

#[derive(Default)]
struct Hit {
    moments: BTreeMap<&'static str, usize>,
    with_temporaries: usize,
    /// Temporary files that reached the disk without their contents.
    hollow: usize,
}

/// When the power is cut.
#[derive(Debug, Clone, Copy)]
enum Moment {
    FromTheStart(Duration),
    /// From the first file that was copied: planning writes nothing.
    FromTheFirstFile(Duration),
}

/// Runs the job, and cuts the power then; tells in which step it was, if it was still at work.
fn cut(case: &Case, disk: &Disk, bench: &Bench, at: Moment) -> Option<Cut> {
    // The root at least was there before.
    let synced = Command::new("sync").arg("--file-system").arg(disk.path()).status().unwrap();
    assert!(synced.success());
    let power = disk.power().unwrap();
    let record = bench.record("");
    let (ended, cut) = std::thread::scope(|scope| {
        let (to, copied) = channel();
        let job = scope.spawn(move || {
            // Nobody listens for more than the first.
            let on_piece = OnPiece(|| to.send(()).unwrap_or_default());
            bench.run_told(run("cut"), &on_piece)
        });
        scope.spawn(|| flush_now_and_then(disk));
        let after = match at {
            Moment::FromTheStart(after) => after,
            Moment::FromTheFirstFile(after) => {
                // Without one, at the end of the job.
                copied.recv().unwrap_or_default();
                after
            }
        };
        std::thread::sleep(after);
        // Just before: afterwards nothing can be read until it is mounted again.
        let step = moment::of(&record, "cut", || manifest_of(bench) == case.manifest);
        let with_temporaries = !moment::names(&record.join("tmp")).is_empty();
        power.cut();
        (job.join().unwrap(), Cut { step, with_temporaries })
    });
    disk.unmount(false).unwrap();
    disk.mount().unwrap();
    ended.is_err().then_some(cut)
}

/// Another program that makes the disk write its own journal again and again, and with it the names
/// of all files, but not their contents; until the power is cut.
fn flush_now_and_then(disk: &Disk) {
    let Ok(mut file) = File::create(disk.path().join("another program's")) else { return };
    while file.write_all(b"x").and_then(|()| file.sync_all()).is_ok() {
        std::thread::sleep(Duration::from_millis(2));
    }
}

struct Cut {
    step: &'static str,
    with_temporaries: bool,
}

/// Counts what the order of writing is there for: names on the disk, their contents not.
fn hollow(case: &Case, bench: &Bench) -> usize {
    let temporaries = Tree::below(&bench.record("tmp"));
    let whole = |content: &str| case.expected.holds(content);
    temporaries.files().filter(|(_, file)| !whole(&file.content)).count()
}

fn cut_again_and_again(case: &Case, count: usize, dice: &mut Dice, hit: &mut Hit) {
    let Some((_folder, disk)) = own_disk(Kind::Image("ext4", 256, &["-b", "4096"])) else { return };
    let bench = case.started(disk.path());
    let (begun, copying) = (Instant::now(), OnceLock::new());
    let on_piece = OnPiece(|| {
        copying.get_or_init(|| begun.elapsed());
    });
    bench.run_told(run("timed"), &on_piece).unwrap();
    let (copying, all) = (*copying.get().unwrap(), begun.elapsed());
    let mut cuts = 0;
    for _ in 0..count * 4 {
        if cuts >= count {
            return;
        }
        let bench = case.started(disk.path());
        let at = match dice.roll(4) {
            0 => Moment::FromTheStart(dice.roll_time(all)),
            _ => Moment::FromTheFirstFile(dice.roll_time(all - copying)),
        };
        let Some(cut) = cut(case, &disk, &bench, at) else { continue };
        cuts += 1;
        let mut how = format!("cut {at:?}");
        case.assert_no_half_file(&bench, &how);
        *hit.moments.entry(cut.step).or_default() += 1;
        hit.with_temporaries += usize::from(cut.with_temporaries);
        hit.hollow += hollow(case, &bench);
        let touched = if dice.roll(3) == 0 { act(case, &bench, dice) } else { Touched::nothing() };
        how = format!("{how}, {} touched", touched.what());
        case.assert_made_good(&bench, &touched, &how);
    }
    panic!("the power was cut {cuts} times, not {count}");
}

mod slow {
    use super::*;

    #[test]
    fn an_export_whose_power_is_cut_at_any_moment_ends_as_if_undisturbed() {
        if !shared::slow_wanted() {
            return;
        }
        let count = wanted("DARKSLIDE_POWER_CUTS", 8);
        let (mut dice, mut hit) = (Dice::new(), Hit::default());
        cut_again_and_again(&Case::first_export(), count - count / 4, &mut dice, &mut hit);
        cut_again_and_again(&Case::later_export(), count / 4, &mut dice, &mut hit);
        tell_moments(&hit.moments, hit.with_temporaries);
        tell(&format!("{} temporary files were not whole", hit.hollow));
    }
}
