//! Settling, explored: a job of two batches is stopped at every step, the user does one thing, its
//! settling is stopped at every step, and then it is settled and the next run goes on.
//!
//! The disk, the order of writing and the planner are small models in the folder beside; intents,
//! journal and settling are the real ones. Nothing of the user may be lost, nothing of ours may be
//! taken for foreign, no final name may hold what is neither's, nothing stays in `tmp/` and
//! `aside/`, and where the user did nothing the tree ends as if undisturbed. A part runs always,
//! all of it with `DARKSLIDE_SLOW=1`.

mod acts;
mod disk;
mod job;
mod recovery;
mod scenes;
mod scratch;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use acts::Act;
use disk::{Disk, File, Op, USERS, World, ZEROS, is_temporary_of_ours};
use job::Run;
use scenes::Scene;

use crate::row::{Key, Row};
use crate::settle::Spot;

/// What is explored of a scene.
struct Explorer<'a> {
    scene: &'a Scene,
    run: Run<'a>,
    /// As an undisturbed run leaves it.
    undisturbed: Disk,
    /// Stopped or broken off, and acted upon: to be settled.
    stopped: HashSet<(u64, bool)>,
    /// The same, with what is true at the end looked at.
    settled: HashSet<(u64, bool)>,
    /// How much a second crash is explored.
    depth: Depth,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Second crashes where the user did nothing.
    Shallow,
    /// Second crashes always.
    All,
}

/// All worlds that a crash can leave of these ops.
fn crashes(world: &World, ops: &[Op], mut tell: impl FnMut(World)) {
    let mut world = world.clone();
    for op in [None].into_iter().chain(ops.iter().map(Some)) {
        if let Some(op) = op {
            world.apply(op);
        }
        for lost in world.power_losses() {
            tell(lost);
        }
        tell(world.clone());
    }
}

fn carried_out(world: &World, ops: &[Op]) -> World {
    let mut world = world.clone();
    for op in ops {
        world.apply(op);
    }
    world
}

impl<'a> Explorer<'a> {
    fn new(scene: &'a Scene, depth: Depth) -> Self {
        let (kind, hashed) = (scene.kind, scene.hashed);
        let run = Run { kind, hashed, wanted: &scene.wanted, disturbed: None };
        let mut explorer = Self {
            scene,
            run,
            undisturbed: Disk::default(),
            stopped: HashSet::new(),
            settled: HashSet::new(),
            depth,
        };
        let end = explorer.next_run(&World::new(scene.disk.clone()));
        assert!(explorer.run.ops(&end.view).is_empty(), "{}: it has an end", scene.name);
        explorer.undisturbed = end.view;
        explorer
    }

    /// Runs to the end, and settles.
    fn next_run(&self, world: &World) -> World {
        let world = carried_out(world, &self.run.ops(&world.view));
        carried_out(&world, &recovery::ops(&world.view, self.scene.kind))
    }

    fn explore(&mut self) -> usize {
        let start = World::new(self.scene.disk.clone());
        let run = Run { disturbed: self.scene.disturbed, ..self.run.clone() };
        let mut ops = run.ops(&start.view);
        let whole = carried_out(&start, &ops);
        ops.extend(recovery::ops(&whole.view, self.scene.kind));
        let mut first = Vec::new();
        let mut known = HashSet::new();
        crashes(&start, &ops, |world| {
            if known.insert(world.print()) {
                first.push(world);
            }
        });
        for world in first {
            for act in Act::all(&world.view, &self.scene.names) {
                let mut acted = world.clone();
                for op in act.ops(&world.view) {
                    acted.apply(&op);
                }
                self.explore_settling(&acted, &act);
            }
        }
        self.stopped.len() + self.settled.len()
    }

    fn explore_settling(&mut self, world: &World, act: &Act) {
        let idle = matches!(act, Act::Nothing);
        if !self.stopped.insert((world.print(), idle)) {
            return;
        }
        self.check(world, act);
        if self.depth == Depth::Shallow && !idle {
            return;
        }
        let ops = recovery::ops(&world.view, self.scene.kind);
        let mut again = Vec::new();
        crashes(world, &ops, |world| {
            if self.settled.insert((world.print(), idle)) {
                again.push(world);
            }
        });
        for world in again {
            self.check(&world, act);
        }
    }

    /// Settles, and lets the next run go on; looks at what is there after each.
    fn check(&self, before: &World, act: &Act) {
        let settled = carried_out(before, &recovery::ops(&before.view, self.scene.kind));
        let run = self.next_run(&settled);
        let fault = self
            .fault(&before.view, &settled.view, act)
            .or_else(|| self.fault(&before.view, &run.view, act))
            .or_else(|| self.fault_at_end(&settled.view, &run.view, act));
        if let Some(fault) = fault {
            panic!(
                "not so: {fault}: {} {act:?}\nbefore: {}\nsettled: {}\nafter: {}",
                self.scene.name,
                told(&before.view),
                told(&settled.view),
                told(&run.view)
            );
        }
    }

    /// What does not hold after settling, and after the next run?
    fn fault(&self, before: &Disk, disk: &Disk, act: &Act) -> Option<&'static str> {
        let rows = &disk.rows.by_key;
        let idle = matches!(act, Act::Nothing);
        let is_seen = |spot: &Spot| matches!(spot, Spot::Final(_) | Spot::Trash(_));
        let whole = finals(disk).all(|(spot, it)| it.content != ZEROS || act.named(spot));
        let paths: BTreeSet<Spot> =
            rows.values().map(|row| Spot::Final(row.path.clone())).collect();
        // What somebody edited in place is ours all the same.
        let edited = matches!(act, Act::Edit(_));
        let is_his = |file: &File| file.is_users() && !(edited && file.content == USERS);
        let is_known = |(spot, file): (&Spot, &File)| {
            is_his(file) || act.named(spot) || self.was_strange(spot) || paths.contains(spot)
        };
        let is_true = |row: &Row| {
            let there = disk.names.get(&Spot::Final(row.path.clone()));
            let ours = there.filter(|it| idle && !it.is_users());
            ours.is_none_or(|it| row.is(&it.there(row.blake3.is_some())))
        };
        let may_be_taken_over = |row: &Row| {
            let before = self.scene.disk.rows.by_key.get(&row.key);
            let undisturbed = self.undisturbed.rows.by_key.get(&row.key);
            let was = before.is_some_and(|it| it.adopted);
            was || act.named(&Spot::Final(row.path.clone()))
                || undisturbed.is_none_or(|it| it.adopted)
        };
        let all = [
            (disk.names.keys().all(is_seen), "tmp/ and aside/ are empty"),
            (disk.journal.is_none(), "the journal is merged"),
            (whole, "no half file has a name"),
            (paths.len() == rows.len(), "no two rows have one path"),
            (users(before).is_subset(&users(disk)), "nothing of the user's goes"),
            (finals(disk).all(is_known), "ours is known"),
            (rows.values().all(is_true), "a row tells what stands there"),
            (
                rows.values().all(|row| !row.adopted || may_be_taken_over(row)),
                "nothing of ours is taken over",
            ),
        ];
        all.into_iter().find(|(holds, _)| !holds).map(|(_, what)| what)
    }

    fn fault_at_end(&self, settled: &Disk, run: &Disk, act: &Act) -> Option<&'static str> {
        if !recovery::ops(settled, self.scene.kind).is_empty() {
            return Some("twice is once");
        }
        let alone = matches!(act, Act::Nothing) && self.scene.disturbed.is_none();
        let is_same = || self.summary(run) == self.summary(&self.undisturbed);
        (alone && !is_same()).then_some("it ends as if undisturbed")
    }

    /// Stood there before the job, and no row spoke of it; or was put there in mid-job.
    fn was_strange(&self, spot: &Spot) -> bool {
        let disk = &self.scene.disk;
        let mut rows = disk.rows.by_key.values();
        let disturbed = self.scene.disturbed.is_some_and(|name| *spot == scratch::at(name));
        disturbed
            || disk.names.contains_key(spot)
                && !rows.any(|row| Spot::Final(row.path.clone()) == *spot)
    }

    fn summary(&self, disk: &Disk) -> Summary {
        let finals = finals(disk).map(|(spot, file)| (spot.clone(), file.content)).collect();
        let rows = disk.rows.by_key.iter().map(|(key, row)| {
            (key.clone(), format!("{} {:?} {}", row.path, row.blake3, row.adopted))
        });
        let trash = disk.names.iter().filter(|(spot, _)| matches!(spot, Spot::Trash(_)));
        // What no hash proves goes to the trash, whosever it is.
        let trash =
            trash.filter(|(_, file)| file.size > 0 && (self.scene.hashed || file.is_users()));
        let trash: BTreeSet<_> = trash.map(|(_, file)| (file.inode, file.content)).collect();
        let trash = trash.into_iter().map(|(_, content)| content).collect();
        Summary { finals, rows: rows.collect(), trash }
    }
}

/// What has to be the same at the end, whatever happened on the way.
#[derive(PartialEq, Eq)]
struct Summary {
    finals: BTreeMap<Spot, u8>,
    rows: Vec<(Key, String)>,
    trash: Vec<u8>,
}

fn finals(disk: &Disk) -> impl Iterator<Item = (&Spot, &File)> {
    disk.names.iter().filter(|(spot, _)| matches!(spot, Spot::Final(_)))
}

fn users(disk: &Disk) -> BTreeSet<u8> {
    let files =
        disk.names.iter().filter(|(spot, file)| file.is_users() && !is_temporary_of_ours(spot));
    files.map(|(_, file)| file.content).collect()
}

fn told(disk: &Disk) -> String {
    let mut text = String::new();
    for (spot, file) in &disk.names {
        text += &format!("\n   {spot:?} {file:?}");
    }
    for row in disk.rows.by_key.values() {
        text += &format!("\n   {} at {} inode {}", row.key.asset, row.path, row.inode);
    }
    for line in disk.journal.iter().flatten() {
        text += &format!("\n   {}", String::from_utf8_lossy(line).trim());
    }
    text
}

fn explore(scenes: &[Scene], depth: Depth) -> usize {
    scenes.iter().map(|scene| Explorer::new(scene, depth).explore()).sum()
}

#[test]
fn a_job_stopped_anywhere_settles_soundly_whatever_a_user_did_meanwhile() {
    // Every seventh: among them is each job, each kind of disk, hashes and none, equal contents
    // and not.
    let some = scenes::all().into_iter().enumerate();
    let some = some.filter(|(at, it)| at % 7 == 0 || it.disturbed.is_some() && it.hashed);
    let some: Vec<Scene> = some.map(|(_, scene)| scene).collect();
    let states = explore(&some, Depth::Shallow);
    println!("{states} states explored");
    assert!(states > 50_000, "{states}");
}

mod slow {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "asks whether the slow tests are wanted")]
    fn every_job_stopped_anywhere_settles_soundly_and_so_does_its_settling() {
        if std::env::var_os("DARKSLIDE_SLOW").is_some_and(|value| value == "1") {
            let states = explore(&scenes::all(), Depth::All);
            println!("{states} states explored");
        }
    }
}
