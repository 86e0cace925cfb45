//! Between a crash and the next run, or in mid-job, somebody edits, removes, renames, and puts
//! files of his own where ours are wanted: nothing of his is lost, and nothing of ours is half.
//!
//! Whatever he did last stands somewhere below the destination when the next run is over, at worst
//! in the trash.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use darkslide_door::Faults;
use darkslide_export::Stop;

use crate::exporting::{Bench, Run, plant};
use crate::scene::{Disk, Ended, FOLDER, Scene, Tree};

/// What somebody does, to the file with that number or under the wanted name with that number.
#[derive(Debug, Clone, Copy)]
enum Act {
    Edit,
    EditOfEqualSize,
    /// As editors do: a new file that is renamed over the old one.
    Save,
    Remove,
    Rename,
    Exchange,
    /// A file of his own under a name that is wanted and not there yet.
    Put,
    PutInTemporaries,
    PutAside,
    EditAside,
}

const ACTS: [Act; 10] = [
    Act::Edit,
    Act::EditOfEqualSize,
    Act::Save,
    Act::Remove,
    Act::Rename,
    Act::Exchange,
    Act::Put,
    Act::PutInTemporaries,
    Act::PutAside,
    Act::EditAside,
];

/// What has to be there in the end, and what need not.
#[derive(Default)]
struct Done {
    his: Vec<Vec<u8>>,
    removed: Vec<Vec<u8>>,
}

impl Act {
    fn is_done(self, bench: &Bench, expected: &Tree, n: u64) -> Done {
        let n = usize::try_from(n).unwrap();
        let mut done = Done::default();
        let mut mine = format!("his own, number {n}").into_bytes();
        let here: Vec<(PathBuf, Vec<u8>)> =
            bench.tree().into_iter().map(|(path, content)| (bench.path(&path), content)).collect();
        let (path, content) = &here[n % here.len()];
        match self {
            Self::Edit | Self::EditOfEqualSize => {
                if matches!(self, Self::EditOfEqualSize) {
                    mine.resize(content.len(), b'.');
                }
                fs::write(path, &mine).unwrap();
                done.removed.push(content.clone());
                done.his.push(mine);
            }
            Self::Save => {
                let new = bench.path("saved");
                fs::write(&new, &mine).unwrap();
                fs::rename(new, path).unwrap();
                done.removed.push(content.clone());
                done.his.push(mine);
            }
            Self::Remove => {
                fs::remove_file(path).unwrap();
                done.removed.push(content.clone());
            }
            Self::Rename => {
                fs::rename(path, bench.path(FOLDER).join("elsewhere.jpg")).unwrap();
                done.his.push(content.clone());
            }
            Self::Exchange => {
                let (other, theirs) = &here[(n + 1) % here.len()];
                let between = bench.path("between");
                fs::rename(path, &between).unwrap();
                fs::rename(other, path).unwrap();
                fs::rename(between, other).unwrap();
                done.his.extend([content.clone(), theirs.clone()]);
            }
            Self::Put => {
                let free = expected.keys().filter(|path| !bench.path(path).exists());
                let free: Vec<_> = free.collect();
                if let Some(path) = free.get(n % free.len().max(1)) {
                    fs::write(bench.path(path), &mine).unwrap();
                    done.his.push(mine);
                }
            }
            Self::PutInTemporaries => {
                plant(bench.record("tmp/notes.txt"), &mine).unwrap();
                done.his.push(mine);
            }
            Self::PutAside => {
                plant(bench.record("aside").join("0123456789abcdef".repeat(2)), &mine).unwrap();
                done.his.push(mine);
            }
            Self::EditAside => {
                if let Some(entry) = fs::read_dir(bench.record("aside")).unwrap().next() {
                    let path = entry.unwrap().path();
                    done.removed.push(fs::read(&path).unwrap());
                    fs::write(path, &mine).unwrap();
                    done.his.push(mine);
                }
            }
        }
        // An empty file that holds a name is nobody's work.
        done.his.retain(|content| !content.is_empty());
        done
    }
}

/// What holds after the next run, whatever he did.
fn check(
    scene: &Scene,
    undisturbed: &Ended,
    started: &Tree,
    bench: &Bench,
    done: &Done,
    what: &str,
) {
    scene.again(bench);
    bench.assert_record_settled();
    let tree = bench.tree();
    let all: Vec<_> = tree.values().cloned().chain(bench.trash().into_values()).collect();
    for his in &done.his {
        assert!(all.contains(his), "lost: {what}");
    }
    let expected = &undisturbed.tree;
    let known =
        |content: &Vec<u8>| started.values().chain(expected.values()).any(|other| other == content);
    for (path, content) in &tree {
        assert!(known(content) || done.his.contains(content), "{path} is half: {what}");
    }
    // What he had made before is not lost either, nor is a photo that stays as it is.
    for (path, content) in started {
        let stays = expected.values().any(|other| other == content);
        let is_his = content == crate::scene::HIS;
        let may_go = done.removed.contains(content) || !(stays || is_his);
        assert!(may_go || all.contains(content), "{path} is lost: {what}");
    }
    // What was restored has its old name, and gets the new one with the next run.
    scene.again(bench);
    let tree = bench.tree();
    let again = scene.again(bench);
    assert_eq!(again.files, 0, "{what}: {:?}", again.outcomes);
    assert!(bench.tree() == tree, "{what}: {:?}", again.outcomes);
}

fn acts_after_kills(disk: Disk) {
    let scene = Scene::new(disk);
    let (undisturbed, started) = (scene.undisturbed(), scene.started().tree());
    for (round, n) in scene.points(scene.operations()).enumerate() {
        let act = ACTS[round % ACTS.len()];
        let bench = scene.killed_before(n);
        let done = act.is_done(&bench, &undisturbed.tree, n);
        let what = format!("{act:?} after {n} on {disk:?}");
        check(&scene, &undisturbed, &started, &bench, &done, &what);
    }
}

/// Whenever the job asks whether it should go on, he may have done something. Not when a worker
/// asks: then the job's own thread may be between a look at a file and its removal, and no program
/// can know of what somebody does there.
fn acts_in_mid_job(disk: Disk) {
    let job = std::thread::current().id();
    let is_the_job = || std::thread::current().id() == job;
    let scene = Scene::new(disk);
    let (undisturbed, started) = (scene.undisturbed(), scene.started().tree());
    let questions = AtomicU64::new(0);
    let stop = || {
        questions.fetch_add(is_the_job().into(), Ordering::SeqCst);
        Stop::GoOn
    };
    let counting = Run { stop: &stop, ..scene.run(scene.faults(Faults::none())) };
    scene.started().run(counting).unwrap();
    for (round, n) in scene.points(questions.into_inner()).enumerate() {
        for act in [ACTS[round % ACTS.len()], ACTS[(round + 5) % ACTS.len()]] {
            let bench = scene.started();
            let acted = Mutex::new((0_u64, Done::default()));
            let stop = || {
                let mut acted = acted.lock().unwrap();
                acted.0 += u64::from(is_the_job());
                if is_the_job() && acted.0 == n {
                    acted.1 = act.is_done(&bench, &undisturbed.tree, n);
                }
                Stop::GoOn
            };
            // It may end the job, for a folder of the record is not what it was.
            drop(bench.run(Run { stop: &stop, ..scene.run(scene.faults(Faults::none())) }));
            let done = acted.into_inner().unwrap().1;
            let what = format!("{act:?} at question {n} on {disk:?}");
            check(&scene, &undisturbed, &started, &bench, &done, &what);
        }
    }
}

/// What is done on each disk.
macro_rules! acts {
    ($($does:ident on $disk:ident: $name:ident;)*) => {$(
        #[test]
        fn $name() {
            $does(Disk::$disk);
        }
    )*};
}

acts! {
    acts_after_kills on Whole: nothing_of_his_is_lost;
    acts_after_kills on NoExchange: nothing_of_his_is_lost_without_exchange;
    acts_after_kills on NoExclusiveRename: nothing_of_his_is_lost_with_links_alone;
    acts_after_kills on Neither: nothing_of_his_is_lost_as_on_exfat;
    acts_after_kills on FlagsIgnoredAndNoLinks: nothing_of_his_is_lost_with_flags_ignored;
    acts_in_mid_job on Whole: nothing_of_his_is_lost_in_mid_job;
    acts_in_mid_job on NoExchange: nothing_of_his_is_lost_in_mid_job_without_exchange;
    acts_in_mid_job on Neither: nothing_of_his_is_lost_in_mid_job_as_on_exfat;
}
